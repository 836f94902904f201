//! What the flows tell of the capture itself: whether the mirror copies both directions, what was lost, what is there twice.

use std::collections::HashSet;

use rayon::prelude::*;

use super::coap::CoapQuestions;
use super::filtered;
use crate::decode::TcpFlags;
use crate::flow::{EndView, FlowView, Observed};
use crate::inventory::{HostId, Hosts};
use crate::policy::Policy;
use crate::protocol::{Protocol, Transport};
use crate::relation;
use crate::survey::losses::{self, MissingBytes};

/// TCP flows that must have been seen before a missing direction is laid to the mirror.
const FLOWS_TO_JUDGE: u64 = 5;

/// Counts over the flows that tell how good the capture is.
#[derive(Clone, Debug, Default)]
pub(in crate::survey) struct FlowQuality {
    /// Of TCP flows with data, and of flows of any transport: those of Igor's hosts, and those of others.
    directions: [Directions; 2],
    /// Hosts whose packets are acknowledged by the other side of a TCP flow, and that were not seen to send them there: each with
    /// the other.
    pub(super) unseen: HashSet<(HostId, HostId)>,
    pub(super) packets: u64,
    pub(super) duplicates: u64,
    pub(super) folded: u64,
    pub(super) folded_rows: u64,
    /// TCP connections of which one packet at least was sent and not captured.
    pub(super) proved_losses: u64,
    /// Whether any flow may prove losses: mostly none does.
    may_prove_losses: bool,
    /// TCP flows, and those of which the flags of every segment were cut off.
    pub(super) tcp: [u64; 2],
    /// SYNs that prove to have been answered, where nothing else of TCP was captured.
    pub(super) answered_syns: Option<u64>,
    /// Requests of TFTP were captured, and nothing that has no port of the vendor's documents.
    pub(super) listed_ports_only: bool,
    /// Bytes of TCP that were sent and not captured.
    pub(super) missing_bytes: MissingBytes,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Directions {
    pub(super) tcp_flows: u64,
    pub(super) tcp_one_way: u64,
    two_way: u64,
    pub(super) coap: CoapQuestions,
    /// Flows of answers to what nobody was seen to ask.
    pub(super) unasked: u64,
}

impl FlowQuality {
    pub(in crate::survey) fn of(observed: &Observed, hosts: &Hosts, parties: &[[HostId; 2]], policy: &Policy) -> Self {
        let flows = &observed.flows;
        let halves = relation::halves(flows);
        let add = |mut quality: Self, place: u32| {
            quality.add(&flows.view(place), halves.contains(&place), parties[place as usize], hosts);
            quality
        };
        let mut quality = flows.places().into_par_iter().fold(Self::default, add).reduce(Self::default, Self::and);
        if quality.may_prove_losses {
            quality.proved_losses = losses::proved(flows);
            quality.missing_bytes = losses::proved_bytes(flows);
        }
        let has_errors = observed.other_frames.icmp_errors.frames > 0;
        if quality.tcp[0] > 0 && !has_errors && quality.directions.iter().all(|all| all.tcp_flows == 0) {
            quality.answered_syns = filtered::answered_unseen(flows, parties);
        }
        quality.listed_ports_only = filtered::holds_listed_ports_only(observed, policy);
        quality.missing_bytes = quality.missing_bytes.max(losses::measured_bytes(&observed.health));
        quality
    }

    fn and(mut self, other: Self) -> Self {
        for (sum, more) in self.directions.iter_mut().zip(other.directions) {
            sum.tcp_flows += more.tcp_flows;
            sum.tcp_one_way += more.tcp_one_way;
            sum.two_way += more.two_way;
            sum.coap.add(more.coap);
            sum.unasked += more.unasked;
        }
        for (sum, more) in self.tcp.iter_mut().zip(other.tcp) {
            *sum += more;
        }
        self.unseen.extend(other.unseen);
        self.may_prove_losses |= other.may_prove_losses;
        self.packets += other.packets;
        self.duplicates += other.duplicates;
        self.folded += other.folded;
        self.folded_rows += other.folded_rows;
        self
    }

    /// Adds a flow; `is_half` says that its other direction was seen on another VLAN path.
    fn add(&mut self, flow: &FlowView<'_>, is_half: bool, parties: [HostId; 2], hosts: &Hosts) {
        let [a, b] = &flow.ends;
        let sent = [a.packets(), b.packets()];
        self.packets += sent[0] + sent[1];
        self.may_prove_losses |= losses::lacks_syn_ack(flow).is_some() || losses::lacks_bytes(flow);
        self.folded += u64::from(flow.folded);
        self.folded_rows += u64::from(flow.folded > 0);
        self.duplicates += a.duplicates() + b.duplicates();
        if flow.transport == Transport::Tcp {
            // Every segment that anybody sends has one at least.
            let has_flags = flow.ends.iter().any(|end| end.tcp_flags() != TcpFlags(0));
            self.tcp[0] += flow.count();
            self.tcp[1] += if has_flags { 0 } else { flow.count() };
        }
        let of_igor = parties.iter().any(|host| hosts.role(*host).is_igor());
        let directions = &mut self.directions[usize::from(!of_igor)];
        let is_two_way = is_half || sent[0] > 0 && sent[1] > 0;
        directions.two_way += u64::from(is_two_way);
        if !is_two_way {
            directions.coap.add(CoapQuestions::of(flow));
            directions.unasked += u64::from(flow.ends.iter().any(|end| answers_unasked(flow.transport, end)));
        }
        // What nobody answers says nothing of the mirror: only what lived counts.
        let lives = is_two_way || hears(&flow.ends[usize::from(sent[0] == 0)]);
        if flow.transport == Transport::Tcp && lives && (a.has_payload() || b.has_payload()) {
            directions.tcp_flows += flow.count();
            directions.tcp_one_way += if is_two_way { 0 } else { flow.count() };
            if !is_two_way {
                let silent = usize::from(sent[0] > 0);
                self.unseen.insert((parties[silent], parties[1 - silent]));
            }
        }
    }

    /// What tells of the mirror: Igor's own flows, if there are any. What others exchange may come from elsewhere.
    pub(super) fn telling(&self) -> Directions {
        let [igors, others] = self.directions;
        if igors.tcp_flows + igors.two_way + igors.coap.sum() + igors.unasked > 0 { igors } else { others }
    }

    /// Whether the mirror hands over one direction only: nine of ten living TCP flows lack their other side; of few, all,
    /// and no flow has both. Without TCP, clients tell that were answered though no answer was seen.
    pub(super) fn is_one_way(&self) -> bool {
        let Directions { tcp_flows, tcp_one_way, two_way, coap, unasked } = self.telling();
        match tcp_flows {
            0 => (coap.all_go_on() || unasked > 0) && two_way == 0,
            FLOWS_TO_JUDGE.. => tcp_one_way * 10 >= tcp_flows * 9,
            _ => tcp_one_way == tcp_flows && two_way == 0,
        }
    }
}

/// Whether what an end of a TCP flow sends shows that it hears the other, which was not seen: it took up the handshake, it
/// acknowledges what comes beside what it sends, or it sends more than a segment's repetitions. Linux, the most patient,
/// gives up after 15 (tcp_retries2).
fn hears(end: &EndView<'_>) -> bool {
    const MOST_REPETITIONS: u64 = 17;
    let opened = end.syns() > 0 || end.syn_acks() > 0;
    let packets = end.packets().saturating_sub(end.duplicates());
    let told = [end.syns(), end.syn_acks(), end.resets()].map(u64::from).iter().sum::<u64>();
    let others = packets.saturating_sub(told);
    let acknowledged = others.saturating_sub(end.unanswered().into());
    opened && others > 0 || acknowledged > 1 || packets > MOST_REPETITIONS
}

/// Whether an end sends what only answers: BACnet's acknowledgements and errors (ASHRAE 135 clause 5.4).
fn answers_unasked(transport: Transport, end: &EndView<'_>) -> bool {
    transport == Transport::Udp
        && end.replies()
        && end.conforms() & Protocol::Bacnet.bit() != 0
        && Protocol::Bacnet.ports().contains(&end.port)
}
