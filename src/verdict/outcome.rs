//! What the network did to a connection and to a conversation (DESIGN, section 5).

use super::Outcome;
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::{EndView, FlowView};
use crate::policy::Transport;

/// What one side of a connection sent, over all VLAN paths it was seen on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    packets: u64,
    syns: u32,
    syn_acks: u32,
    /// SYNs or SYN-ACKs repeated, copies by the mirror left out.
    repeated: bool,
    resets: u32,
    flags: TcpFlags,
    payload: bool,
    asks: bool,
    /// Packets sent since the other side last sent one.
    unanswered_run: u32,
    last: Timestamp,
}

impl Side {
    const SILENT: Self = Self {
        packets: 0,
        syns: 0,
        syn_acks: 0,
        repeated: false,
        resets: 0,
        flags: TcpFlags(0),
        payload: false,
        asks: false,
        unanswered_run: 0,
        last: Timestamp::UNKNOWN,
    };

    fn add(&mut self, end: &EndView<'_>) {
        // A mirror that hands over each frame twice makes retries of none.
        let repeats = u64::from(end.syns().max(end.syn_acks())).saturating_sub(1);
        self.repeated |= repeats > end.duplicates();
        let run = if end.duplicates() > 0 { end.unanswered_run() / 2 } else { end.unanswered_run() };
        self.packets = self.packets.saturating_add(end.packets());
        self.syns = self.syns.saturating_add(u32::from(end.syns()));
        self.syn_acks = self.syn_acks.saturating_add(u32::from(end.syn_acks()));
        self.resets = self.resets.saturating_add(u32::from(end.resets()));
        self.flags.0 |= end.tcp_flags().0;
        self.payload |= end.has_payload();
        self.asks |= end.asks();
        self.unanswered_run = self.unanswered_run.max(run);
        self.last = self.last.max(end.last());
    }
}

/// All that the outcome of one connection (one client port, every VLAN path) rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) client: Side,
    pub(super) server: Side,
    flows: u32,
    /// A related flow carries the answer.
    pub(super) answered: bool,
    /// An ICMP unreachable quotes it.
    pub(super) rejected: bool,
}

impl Tally {
    pub(super) const NONE: Self =
        Self { client: Side::SILENT, server: Side::SILENT, flows: 0, answered: false, rejected: false };

    /// Adds a flow whose client is the end `client`.
    pub(super) fn add(&mut self, flow: &FlowView<'_>, client: u8) {
        let [a, b] = &flow.ends;
        let (client, server) = if client == 0 { (a, b) } else { (b, a) };
        self.client.add(client);
        self.server.add(server);
        self.flows += 1;
    }

    /// The last packet of the server.
    pub(super) const fn last_answer(&self) -> Timestamp {
        self.server.last
    }

    /// Requests that a blocked connection made: its SYNs, or its packets.
    pub(super) fn tries(&self, transport: Transport) -> u64 {
        if transport == Transport::Tcp { u64::from(self.client.syns).max(1) } else { self.client.packets }
    }

    /// SYN-ACK and SYN both went round in circles: the client never took up the connection.
    pub(super) const fn half_open(&self) -> bool {
        let acknowledged = self.client.flags.has(TcpFlags::ACK) || self.client.payload && self.server.payload;
        let given_up = self.client.resets > 0;
        self.client.syns > 0
            && self.server.syn_acks > 0
            && !acknowledged
            && !given_up
            && (self.client.repeated || self.server.repeated)
    }

    /// Whether both sides were seen.
    pub(super) const fn both_ways(&self) -> bool {
        self.client.packets > 0 && self.server.packets > 0
    }
}

/// The outcome of a connection. `icmp_type` is that of the request, `to_group` whether a group was asked.
pub(super) fn outcome(transport: Transport, icmp_type: Option<u8>, to_group: bool, tally: &Tally) -> Outcome {
    match transport {
        Transport::Tcp => tcp(tally),
        Transport::Udp => datagrams(tally, tally.client.asks && !to_group),
        // Echo, timestamp and address mask requests (RFC 792, 950), and ICMPv6 echo (RFC 4443).
        Transport::Icmp => datagrams(tally, matches!(icmp_type, Some(8 | 13 | 17)) && !to_group),
        Transport::Icmpv6 => datagrams(tally, icmp_type == Some(128) && !to_group),
        Transport::Other(_) => datagrams(tally, false),
    }
}

fn tcp(tally: &Tally) -> Outcome {
    let Tally { client, server, .. } = tally;
    let acknowledged = client.flags.has(TcpFlags::ACK);
    let accepted = server.syn_acks > 0;
    if client.syns == 0 {
        // A SYN-ACK that its client took up is a handshake, though its first segment was missed.
        return if accepted && acknowledged { Outcome::Established } else { Outcome::Midstream };
    }
    let data_both_ways = client.payload && server.payload;
    if data_both_ways || accepted && acknowledged || tally.answered {
        return Outcome::Established;
    }
    if accepted {
        // Half open. Once is where the capture ended or the client thought better of it; again and
        // again is an answer that does not reach the client.
        return if tally.half_open() { Outcome::Unanswered } else { Outcome::Established };
    }
    if server.packets > u64::from(server.resets) {
        // It speaks, and not only to refuse: the SYN-ACK itself was missed.
        return Outcome::Established;
    }
    if server.resets > 0 {
        return Outcome::Refused;
    }
    if acknowledged {
        // The client acknowledges what the capture did not see: the other direction is missing.
        return Outcome::OneWay;
    }
    if tally.rejected { Outcome::Rejected } else { Outcome::Unanswered }
}

fn datagrams(tally: &Tally, owed: bool) -> Outcome {
    if tally.both_ways() || tally.answered {
        Outcome::Established
    } else if tally.server.packets > 0 {
        Outcome::Midstream
    } else if tally.rejected {
        Outcome::Rejected
    } else if owed {
        Outcome::Unanswered
    } else {
        Outcome::OneWay
    }
}

/// How far a connection got, best first: what a conversation's outcome is chosen by. A connection that
/// was seen to work makes up for those that failed; one of which too little was seen does not.
pub(super) const fn rank(outcome: Outcome, both_ways: bool) -> u8 {
    match outcome {
        Outcome::Established => 6,
        Outcome::Midstream if both_ways => 5,
        Outcome::Refused => 4,
        Outcome::Rejected => 3,
        Outcome::Unanswered => 2,
        Outcome::Midstream => 1,
        Outcome::OneWay => 0,
    }
}

/// Whether an outcome means that the network or the host turned it away.
pub(super) const fn is_blocked(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Refused | Outcome::Rejected | Outcome::Unanswered)
}

/// Packets in a row without an answer, and the time between the last answer and the last of them, from
/// which a conversation has stopped answering.
///
/// TCP repeats a segment after about 0.2, 0.4, 0.8, 1.6 and 3.2 s (RFC 6298 with common floors), so three in
/// three seconds are more than a slow answer. Over UDP the slowest of the protocols that owe an answer
/// repeat after 2, 4 and 8 s (CoAP, RFC 7252 section 4.8) or 3 s (BACnet), so ten seconds.
const TCP_SILENCE: (u32, i64) = (3, 3_000_000_000);
const UDP_SILENCE: (u32, i64) = (3, 10_000_000_000);

/// Whether one connection worked and then went silent while its requests went on.
pub(super) fn went_silent(transport: Transport, outcome: Outcome, tally: &Tally) -> bool {
    let (run, nanos) = match transport {
        Transport::Tcp if tally.client.payload => TCP_SILENCE,
        Transport::Udp if tally.client.asks => UDP_SILENCE,
        _ => return false,
    };
    // Several VLAN paths of one connection are counted apart, so a run on one of them proves nothing.
    let worked = matches!(outcome, Outcome::Established | Outcome::Midstream) && tally.both_ways() && tally.flows == 1;
    // A server that reset or finished the connection has answered for good.
    let closed = transport == Transport::Tcp && tally.server.flags.0 & (TcpFlags::RST | TcpFlags::FIN) != 0;
    worked && !closed && tally.client.unanswered_run >= run && silence(tally.server.last, tally.client.last) >= nanos
}

/// Nanoseconds from one time to another; 0 where either is not known.
pub(super) fn silence(from: Timestamp, to: Timestamp) -> i64 {
    match (from.nanos(), to.nanos()) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
