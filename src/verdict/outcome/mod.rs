//! What the network did to a connection and to a conversation (docs/verdicts.md#outcome).

mod side;
mod silence;
mod starts;

use side::Side;
use silence::UDP_SILENCE;
pub(crate) use silence::{MOST_REQUESTS, Silence, SilentParty};
pub(super) use silence::{REFUSED, came_to_nothing, silence, transfer_went_silent, went_silent, went_unreachable};
pub(crate) use starts::{STARTS, starts_anew};

use super::Outcome;
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::{FailedHandshakes, FlowView, Repeated, SynAnswer, vain_openings};
use crate::protocol::{CoapKind, Tag, Transport};
use crate::relation::{Rejection, UNTAKEN, Vain};

/// Whether the first notification answers the first request, by their tags: with a separate response a server may leave out
/// the acknowledgement (RFC 7252 section 5.2.2), and of one that is observed each response says so.
fn is_asked_for(asked: u32, told: u32) -> bool {
    match [asked, told].map(Tag::from_raw) {
        [
            Tag::Coap { kind: CoapKind::Request, token, .. },
            Tag::Coap { kind: CoapKind::Response, token: answered, .. },
        ] => token == answered,
        _ => false,
    }
}

/// How a connection came to nothing though both sides may have been seen; the first that holds tells most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Failure {
    /// A SYN was only ever answered as a packet of an older connection.
    OldConnection,
    /// The server accepts, and hears nothing of what the client sends on.
    Unheard,
    /// The client acknowledged what the server answered, which sent it again and again all the same.
    Unconfirmed,
    /// The client asked, and never took up what the server answered.
    Untaken,
    /// The client asked the same again and again, though it was answered each time.
    Undelivered,
    /// What the server sent was to be acknowledged, and the client was never heard.
    Unacknowledged,
}

/// Nanoseconds that a server of HTTP or TLS lets its client wait for the first byte, at most.
const MUTE: i64 = 5_000_000_000;

/// Nanoseconds from the last repetition of a message to the next message, at most: CoAP waits 48 seconds for an answer to it
/// (RFC 7252 section 4.8).
const GIVES_UP: i64 = 60_000_000_000;

/// Flows of one connection, one a VLAN path, that each is held against: a mirror shows a packet on two or three. The work
/// grows with their number times this.
const MOST_PATHS: usize = 16;

/// All that the outcome of one connection (one client port, every VLAN path) rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) client: Side,
    pub(super) server: Side,
    /// How the server's numbers fit the client's SYNs.
    answer: SynAnswer,
    /// A related flow carries the answer.
    pub(super) answered: bool,
    /// It is itself the answer to what a group was asked.
    pub(super) answers_group: bool,
    /// The server's first message answers the client's first.
    has_answered: bool,
    /// How many ICMP unreachables quote what the client sent.
    pub(super) rejected: u64,
    /// How many of the server's packets ICMP unreachables sent back, but for the only one of a client that may have gone.
    sent_back: u64,
    /// The server's packets without their copies, on the path that shows most of them.
    answers: u64,
    /// The latest connections on the same ports that came to nothing, as all of its flows tell.
    pub(super) vain_openings: Option<FailedHandshakes>,
    /// What came to nothing on the flows that answer it.
    pub(super) vain: Option<Vain>,
    /// What the silent side sent could not have been captured.
    pub(super) lacks_answers: bool,
}

impl Tally {
    pub(super) const NONE: Self = Self {
        client: Side::SILENT,
        server: Side::SILENT,
        answer: SynAnswer::Unknown,
        answered: false,
        answers_group: false,
        has_answered: false,
        rejected: 0,
        sent_back: 0,
        answers: 0,
        vain_openings: None,
        vain: None,
        lacks_answers: false,
    };

    /// Adds a flow whose client is the end `client`.
    pub(super) fn add(&mut self, flow: &FlowView<'_>, client: u8) {
        let [a, b] = &flow.ends;
        let (client, server) = if client == 0 { (a, b) } else { (b, a) };
        let is_first = self.client.packets == 0 && self.server.packets == 0;
        self.client.add(flow.transport, client);
        self.server.add(flow.transport, server);
        self.answers = self.answers.max(server.packets().saturating_sub(server.duplicates()));
        match flow.transport {
            Transport::Tcp => {
                self.note(client.answer());
                self.vain_openings = if is_first { client.vain_openings() } else { None };
            }
            Transport::Udp if is_asked_for(client.tag(), server.tag()) => {
                self.has_answered = true;
                if !server.replies() {
                    self.server.answer_by_notifications();
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, answer: SynAnswer) {
        self.answer = match (self.answer, answer) {
            (SynAnswer::Fits, _) | (_, SynAnswer::Fits) => SynAnswer::Fits,
            (SynAnswer::Unknown, other) | (other, _) => other,
        };
    }

    /// What the client asked again and again though an answer was captured each time: none of them reached it. Whether that
    /// is all that came of it.
    pub(super) fn undelivered(&self) -> Option<(Repeated, bool)> {
        let Self { client, server, .. } = self;
        let told = client.repeated;
        // A client that uses a number again may have had to say the same again: then one message proves nothing.
        let is_enough = told.messages > 1 || told.doubles;
        // Of a server that answers late there is one answer to all of them; a few may have been lost before this place.
        let is_answered = server.replies && server.packets.saturating_mul(4) >= client.packets.saturating_mul(3);
        // Each was sent a first time, and another may be on its way.
        let is_all = client.others_sent <= u64::from(told.messages) + 1;
        let is_last = silence(told.last, client.last) <= GIVES_UP;
        (is_enough && is_answered && is_last && (is_all || told.messages > 2 && told.mostly)).then_some((told, is_all))
    }

    /// Holds the flows of one connection against one another, where a mirror tags its two directions differently: what
    /// one path shows unanswered may be answered on another.
    pub(super) fn join(&mut self, flows: &[(FlowView<'_>, u8)]) {
        let views: Vec<FlowView<'_>> = flows.iter().take(MOST_PATHS).map(|(flow, _)| *flow).collect();
        let (mut asked, mut told) = (0, 0);
        for (flow, client) in flows {
            let client = usize::from(client & 1);
            self.note(flow.answer_of(client, &views));
            // The same packets on another path are no more requests.
            asked = asked.max(flow.ends[client].unanswered_after(self.server.last_reply));
            told = told.max(flow.ends[1 - client].unanswered_after(self.client.last_reply));
        }
        (self.client.unanswered, self.server.unanswered) = (asked, told);
        let is_one = flows.len() <= MOST_PATHS && flows.iter().all(|(_, client)| *client == flows[0].1);
        let client = flows.first().filter(|(flow, _)| is_one && flow.transport == Transport::Tcp);
        self.vain_openings = client.and_then(|(_, client)| vain_openings(usize::from(*client), &views));
        // A request on one path, its answer on another.
        let tag = |of_client: bool| {
            let end = |(flow, client): &(FlowView<'_>, u8)| {
                let client = usize::from(client & 1);
                flow.ends[if of_client { client } else { 1 - client }].tag()
            };
            flows.iter().map(end).find(|tag| *tag != 0).unwrap_or(0)
        };
        if !self.server.replies && is_asked_for(tag(true), tag(false)) {
            self.server.answer_by_notifications();
        }
    }

    /// Takes in that other flows answered, and when they last did: what was asked before that waits no more.
    pub(super) fn answer_elsewhere(&mut self, until: Timestamp, flows: &[(FlowView<'_>, u8)]) {
        self.server.last_reply = self.server.last_reply.max(until);
        let after = |(flow, client): &(FlowView<'_>, u8)| {
            flow.ends[usize::from(client & 1)].unanswered_after(self.server.last_reply)
        };
        self.client.unanswered = flows.iter().map(after).max().unwrap_or(0);
    }

    /// When it was opened, if the server accepted it; unknown if not.
    pub(super) const fn accepted(&self) -> Timestamp {
        if self.client.syns > 0 && self.server.syn_acks > 0 { self.client.first } else { Timestamp::UNKNOWN }
    }

    /// The last packet of the server that may be an answer: what it sends by UDP long after the client's last packet answers
    /// nothing that was asked from that port. What it announces shows that it lives.
    pub(super) fn last_answer(&self, transport: Transport) -> Timestamp {
        let Self { client, server, .. } = self;
        let is_late = silence(client.last, server.last_reply) > UDP_SILENCE.1;
        let is_slow = self.has_answered && server.packets == 1;
        match transport {
            Transport::Udp if server.last_reply != Timestamp::UNKNOWN && server.last > server.last_reply => server.last,
            Transport::Udp if is_late && !is_slow && !self.answered => client.last,
            _ => server.last_reply,
        }
    }

    /// Requests that a blocked connection made: its SYNs, its messages that owe an answer, or its packets.
    pub(super) fn tries(&self, transport: Transport) -> u64 {
        if transport == Transport::Tcp {
            // What is unanswered is free of copies in other files.
            let silent = self.server.packets == 0 && matches!(self.client.unanswered, 1..32);
            return u64::from(if silent { self.client.unanswered } else { self.client.syns }).max(1);
        }
        let is_of_server = self.is_unacknowledged() || self.client.packets == 0;
        let side = if is_of_server { &self.server } else { &self.client };
        match side.unanswered {
            // Of more it is only known that there are more.
            1..32 => u64::from(side.unanswered),
            _ => side.packets,
        }
    }

    /// SYN-ACK and SYN both went round in circles: the client never took up the connection.
    pub(super) const fn half_open(&self) -> bool {
        let acknowledged = self.client.acknowledges() || self.client.payload && self.server.payload;
        // Who resets by itself sends no SYN again: the reset is of a firewall on the way, which knows of no such connection.
        let given_up = self.client.resets > 0 && !(self.client.insists && self.server.resets == 0);
        self.client.syns > 0
            && self.server.syn_acks > 0
            && !acknowledged
            && !given_up
            && (self.client.syns > 1 || self.server.syn_acks > 1)
    }

    /// The server says again and again that it accepts, and takes up nothing of what the client sends on: neither the
    /// acknowledgement nor the data reached it, or it has no room (RFC 9293 section 3.10.7.4).
    pub(super) const fn is_unheard(&self) -> bool {
        self.server.syn_acks >= 3 && self.server.others == 0 && self.client.payload && self.client.acknowledges()
    }

    /// The server accepted, and all that came then is a reset, once for each connection of these ports; where what the client
    /// said `owes` an answer, the end of the connection behind an acknowledgement as well.
    pub(super) fn is_cut_off(&self, owes: bool) -> bool {
        let Self { client, server, .. } = self;
        let closes = client.flags.has(TcpFlags::FIN);
        let is_reset = server.resets > 0 && !closes;
        // Who finishes second has the last word but for an acknowledgement.
        let is_finished = server.flags.has(TcpFlags::FIN) && (!closes || server.last > client.last);
        let is_unanswered = owes
            && client.payload
            && !server.payload
            && !server.lacks_bytes
            && silence(client.first, client.last) < MUTE;
        // A connection that nobody uses may be reset for that, later.
        let is_soon = || silence(client.last, server.last) < MUTE;
        let is_taken_up = client.payload || client.acknowledges() && client.resets == 0 && is_soon();
        server.syn_acks > 0
            && (is_reset && server.others == 0 && is_taken_up || is_unanswered && (is_reset || is_finished))
    }

    /// The server accepted and acknowledged what the client said, and for long sent nothing of its own.
    pub(super) fn is_mute(&self) -> bool {
        let Self { client, server, .. } = self;
        let is_heard = server.syn_acks > 0 && server.others > 0 && server.resets == 0;
        client.payload
            && !server.payload
            && !server.lacks_bytes
            && is_heard
            && silence(client.first, client.last) >= MUTE
    }

    /// The client goes on with a connection that it opened, of which nothing of the server was captured: it was accepted. Who
    /// sends its SYN again was not, whatever it sends of an older connection.
    pub(super) const fn lives_unseen(&self) -> bool {
        self.client.syns == 1 && self.client.acknowledges() && self.server.packets == 0
    }

    /// When the client's first packet was seen.
    pub(super) const fn begin(&self) -> Timestamp {
        self.client.first
    }

    /// When it began, if the server said anything.
    pub(super) const fn served(&self) -> Timestamp {
        if self.server.payload { self.client.first } else { Timestamp::UNKNOWN }
    }

    /// How it failed, as far as that is known.
    pub(super) fn failure(&self, outcome: Outcome) -> Option<Failure> {
        let holds = [
            (Failure::OldConnection, self.is_of_old_connection()),
            (Failure::Unheard, self.is_unheard()),
            (
                Failure::Unconfirmed,
                outcome == Outcome::Unanswered && self.vain.is_some_and(|vain| vain.is_acknowledged),
            ),
            (Failure::Untaken, outcome == Outcome::Unanswered && (self.is_untaken() || self.vain.is_some())),
            (Failure::Undelivered, outcome == Outcome::Unanswered && self.undelivered().is_some()),
            (Failure::Unacknowledged, self.is_unacknowledged()),
        ];
        holds.into_iter().find_map(|(failure, holds)| holds.then_some(failure))
    }

    /// The server answered every SYN as an older connection's packet. A client to which that happens only resets (RFC 5961
    /// section 4), each time it tries; one that goes on was accepted by a SYN-ACK that was not captured.
    pub(super) fn is_of_old_connection(&self) -> bool {
        let resets_each = self.client.syns > 1 && self.client.resets >= self.client.syns - 1;
        let goes_on = self.server.syn_acks == 0 && self.client.acknowledges() && !resets_each;
        self.client.syns > 0 && self.answer == SynAnswer::OfAnother && !goes_on
    }

    /// What the server sent was to be acknowledged, and the client is silent. One message may be where the capture ends.
    pub(super) const fn is_unacknowledged(&self) -> bool {
        let Self { client, server, .. } = self;
        // One that asked and was answered hears what is sent to it; of one that asks in vain there is more to say.
        let hears = client.asks && (server.replies || client.unanswered > 0);
        !client.replies && !hears && server.asks && server.unanswered != 1 && !server.proceeds
    }

    /// The client asked, the server goes on, and the client has not for so long that it heard nothing of it.
    pub(super) fn is_untaken(&self) -> bool {
        self.client.packets > 0
            && self.server.asks
            && self.server.proceeds
            && !self.client.proceeds
            && silence(self.server.first, self.server.last.max(self.client.last)) >= UNTAKEN
    }

    /// ICMP errors for most of what the client of a connection joined in the middle sends: it goes nowhere any more.
    const fn is_refused_in_the_middle(&self) -> bool {
        let is_of_most = self.rejected >= 3 && self.rejected.saturating_mul(2) > self.client.packets;
        is_of_most && self.client.payload && self.server.packets == 0
    }

    /// Takes in an ICMP error that quotes what the server sent, the first of it with this tag.
    pub(super) fn send_back(&mut self, error: &Rejection, first: u32) {
        // A filter that forgets the session lets pass the acknowledgement at once, and not the separate answer behind it
        // (RFC 7252 section 5.2.2).
        let is_answer = matches!(Tag::from_raw(first), Tag::Coap { kind: CoapKind::Response, .. });
        let is_separate = !is_answer && !error.may_be_late() && u64::from(self.server.unanswered) >= error.count;
        self.sent_back = self.sent_back.max(error.count.saturating_mul(1 + u64::from(is_separate)));
    }

    /// Each answer was sent back by an ICMP error.
    pub(super) const fn is_sent_back(&self) -> bool {
        self.server.packets > 0 && self.sent_back >= self.answers && (self.client.packets > 0 || self.answers_group)
    }

    /// The flow and the end whose packets an ICMP error sent back, on flows that would answer it.
    pub(super) fn answer_sent_back(&self) -> Option<(u32, u8)> {
        self.vain.filter(|_| !self.answered)?.sent_back
    }

    /// Whether both sides were seen; of TCP without its SYN, to send data.
    pub(super) const fn both_ways(&self, transport: Transport) -> bool {
        let joined = matches!(transport, Transport::Tcp) && self.client.syns == 0;
        self.client.packets > 0
            && self.server.packets > 0
            && (!joined || self.client.payload && self.server.payload || self.is_taken_up())
    }

    /// A SYN-ACK that its client took up is a handshake, though its first segment was missed.
    const fn is_taken_up(&self) -> bool {
        self.server.syn_acks > 0 && self.client.acknowledges()
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
    let acknowledged = client.acknowledges();
    let accepted = server.syn_acks > 0;
    if client.syns == 0 {
        return match tally.is_taken_up() {
            true => Outcome::Established,
            false if tally.is_refused_in_the_middle() => Outcome::Rejected,
            false => Outcome::Midstream,
        };
    }
    if client.payload && server.payload || tally.answered {
        return Outcome::Established;
    }
    if tally.is_unheard() {
        return Outcome::Unanswered;
    }
    if !tally.is_of_old_connection() {
        if accepted && acknowledged {
            return Outcome::Established;
        }
        if accepted && server.resets >= server.syn_acks && client.resets > 0 {
            // Each time the SYN was refused as well as accepted: the refusal came first, of something on the way, and the client
            // resets what it gave up.
            return Outcome::Refused;
        }
        if accepted {
            // Half open. Once is where the capture ended or the client thought better of it; again and
            // again is an answer that does not reach the client.
            return if tally.half_open() { Outcome::Unanswered } else { Outcome::Established };
        }
        if server.others > 0 {
            // It speaks, and not only to refuse or to open one of its own: the SYN-ACK itself was missed.
            return Outcome::Established;
        }
    }
    if server.resets > 0 {
        return Outcome::Refused;
    }
    if acknowledged && !tally.is_of_old_connection() {
        // The client acknowledges what the capture did not see: the other direction is missing.
        return Outcome::OneWay;
    }
    match tally {
        Tally { rejected: 1.., .. } => Outcome::Rejected,
        // A client that sends its SYN again had no answer, whatever the capture lacks.
        Tally { lacks_answers: true, .. } if tally.tries(Transport::Tcp) < 2 => Outcome::OneWay,
        _ => Outcome::Unanswered,
    }
}

fn datagrams(tally: &Tally, owed: bool) -> Outcome {
    let both = tally.client.packets > 0 && tally.server.packets > 0;
    if tally.answered {
        return Outcome::Established;
    }
    if tally.is_sent_back() {
        return Outcome::Rejected;
    }
    if tally.is_untaken() || tally.undelivered().is_some_and(|(_, is_all)| is_all) {
        return Outcome::Unanswered;
    }
    // Announcements of a server answer nothing that it was asked.
    if both && (tally.server.replies || !owed) && !tally.is_unacknowledged() || tally.answers_group {
        Outcome::Established
    } else if tally.is_unacknowledged() && !tally.lacks_answers {
        Outcome::Unanswered
    } else if tally.server.packets > 0 && !both {
        Outcome::Midstream
    } else if tally.rejected > 0 || tally.answer_sent_back().is_some() {
        Outcome::Rejected
    } else if owed && !tally.lacks_answers {
        Outcome::Unanswered
    } else {
        Outcome::OneWay
    }
}

/// How far a connection got, best first: what a conversation's outcome is chosen by. A connection that
/// was seen to work makes up for those that failed, by both of its sides or as its client goes on; one of which too little was
/// seen does not.
pub(super) const fn rank(outcome: Outcome, works: bool) -> u8 {
    match outcome {
        Outcome::Established => 6,
        Outcome::Midstream | Outcome::OneWay if works => 5,
        Outcome::Refused => 4,
        Outcome::Rejected => 3,
        Outcome::Unanswered => 2,
        Outcome::Midstream => 1,
        Outcome::OneWay => 0,
    }
}

#[cfg(test)]
mod tests;
