//! Flows to conversations: one client, one server, one service port, across VLAN paths.

use std::cmp::Reverse;
use std::ops::Range;

use rayon::prelude::*;

use super::judge::Observations;
use super::outcome::{self, Tally};
use super::{Conversation, Judgement, Outcome, Verdict};
use crate::capture::{FrameId, Timestamp};
use crate::flow::{FlowView, Flows};
use crate::policy::{Case, FindingKind, Role, Transport};
use crate::protocol::{Evidence, Protocol};
use crate::relation::{Link, LinkKind};

/// The conversations of a survey.
pub(super) struct Grouped {
    /// Most packets first.
    pub(super) conversations: Vec<Conversation>,
    /// What findings and coverage need besides, for each conversation.
    pub(super) facts: Vec<Facts>,
    /// Positions of flows; each conversation's stand together, by client port.
    pub(super) members: Vec<u32>,
}

/// What is known of a conversation besides what is reported of it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its flows: a range of [`Grouped::members`].
    pub(super) members: Range<usize>,
    /// What its payload proves (that of the flows of its verdict).
    pub(super) named: Option<Protocol>,
    /// Whether some of its flows have another verdict: a finding then speaks of the rest.
    pub(super) mixed: bool,
    /// The outcome of the flows that have its verdict; that of the conversation unless it is mixed.
    pub(super) outcome: Outcome,
    /// The flow whose client's packets an ICMP error quotes, and the end of that client.
    pub(super) rejected: Option<(u32, u8)>,
    /// How often the client asked on connections that came to nothing.
    pub(super) tries: u64,
    /// On connections that came to nothing after the last answer.
    pub(super) tries_after: u64,
    /// The server's last packet on a connection that worked.
    pub(super) last_answer: Timestamp,
    /// A SYN-ACK that never reached the client.
    pub(super) half_open: bool,
    /// The flow whose unexpected exchange this is part of: it is told there.
    pub(super) part_of: Option<u32>,
    /// Whether a connection was seen both ways.
    pub(super) both_ways: bool,
    /// The outcome of each of its flows, in the order of the members.
    outcomes: Outcomes,
    /// Whether it is a documented port that does not work: its severity is that of all its flows.
    blocked: bool,
    /// Its documented flows: how many, their packets and bytes, first and last.
    pub(super) documented: Documented,
}

/// Outcomes of neighbouring flows. Mostly they are all the same: then there is no list.
#[derive(Clone, Debug)]
enum Outcomes {
    Same(Outcome),
    Each(Vec<Outcome>),
}

impl Outcomes {
    /// Adds `count` flows of one outcome.
    fn push(&mut self, count_before: usize, outcome: Outcome, count: usize) {
        match self {
            Self::Same(_) if count_before == 0 => *self = Self::Same(outcome),
            Self::Same(known) if *known == outcome => {}
            Self::Same(known) => {
                let mut list = vec![*known; count_before];
                list.resize(count_before + count, outcome);
                *self = Self::Each(list);
            }
            Self::Each(list) => list.resize(count_before + count, outcome),
        }
    }

    fn get(&self, at: usize) -> Outcome {
        match self {
            Self::Same(outcome) => *outcome,
            Self::Each(list) => list.get(at).copied().unwrap_or(Outcome::OneWay),
        }
    }
}

/// Sums over the documented flows of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Documented {
    pub(super) flows: u64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// Orders flows by conversation, then connection (client port).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key(u128);

impl Key {
    fn transport(self) -> Transport {
        Transport::from((self.0 >> 32) as u8)
    }

    /// The port of the conversation: the server's, or the ICMP type.
    const fn port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    fn is_same_conversation(self, other: Self) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

/// Where a flow belongs.
pub(super) fn key(flow: &FlowView<'_>, judgement: &Judgement) -> Key {
    let port = port(flow, judgement);
    let client_port = flow.ends[usize::from(judgement.client & 1)].port;
    Key(u128::from(judgement.client_host.0) << 72
        | u128::from(judgement.server_host.0) << 40
        | u128::from(flow.transport.number()) << 32
        | u128::from(port) << 16
        | u128::from(client_port))
}

/// The port of a conversation: the server's, or the ICMP type.
fn port(flow: &FlowView<'_>, judgement: &Judgement) -> u16 {
    match flow.icmp_type {
        Some(kind) => u16::from(kind),
        None => flow.ends[usize::from(1 - (judgement.client & 1))].port,
    }
}

/// Groups the flows, which `order` brings in the order of their keys, works out every outcome, and writes what it
/// finds into the judgements.
pub(super) fn group(seen: &Observations<'_>, flows: &mut [Judgement], order: Vec<(Key, u32)>) -> Grouped {
    let answered = answered(seen);
    let mut starts = vec![0];
    starts.extend(order.windows(2).zip(1..).filter_map(|(pair, at)| {
        let [(before, _), (key, _)] = pair else { return None };
        (!before.is_same_conversation(*key)).then_some(at)
    }));
    let (mut conversations, mut facts) = (Vec::new(), Vec::new());
    if !order.is_empty() {
        let judgements = &*flows;
        starts
            .par_iter()
            .enumerate()
            .map(|(number, start)| {
                let members = *start..starts.get(number + 1).copied().unwrap_or(order.len());
                conversation(seen, judgements, &order, members, &answered)
            })
            .unzip_into_vecs(&mut conversations, &mut facts);
    }
    let members: Vec<u32> = order.into_iter().map(|(_, at)| at).collect();
    most_packets_first(&mut conversations, &mut facts);
    for ((conversation, facts), number) in conversations.iter().zip(&facts).zip(0..) {
        for (flow, at) in members[facts.members.clone()].iter().enumerate() {
            let judgement = &mut flows[*at as usize];
            (judgement.conversation, judgement.outcome) = (number, facts.outcomes.get(flow));
            if facts.blocked {
                judgement.severity = conversation.severity;
            }
        }
    }
    Grouped { conversations, facts, members }
}

/// Of equals, the lower address comes first.
fn most_packets_first(conversations: &mut [Conversation], facts: &mut [Facts]) {
    let mut order: Vec<(Reverse<u64>, u32)> = conversations
        .iter()
        .zip(0..)
        .map(|(conversation, at)| (Reverse(conversation.packets[0] + conversation.packets[1]), at))
        .collect();
    order.par_sort_unstable();
    let mut targets = vec![0; order.len()];
    for ((_, from), to) in order.into_iter().zip(0_u32..) {
        targets[from as usize] = to;
    }
    // In place, each moves at most twice: there may be millions of them, and they are large.
    for at in 0..targets.len() {
        while targets[at] as usize != at {
            let to = targets[at] as usize;
            conversations.swap(at, to);
            facts.swap(at, to);
            targets.swap(at, to);
        }
    }
}

/// For each flow, whether a related flow carries its answer.
fn answered(seen: &Observations<'_>) -> Vec<bool> {
    let mut answered = vec![false; if seen.relations.answered.is_empty() { 0 } else { seen.flows.len() }];
    for flow in seen.relations.answered.keys() {
        if let Some(answered) = answered.get_mut(*flow as usize) {
            *answered = true;
        }
    }
    answered
}

/// The conversation of the flows at `members` of `order`.
fn conversation(
    seen: &Observations<'_>,
    flows: &[Judgement],
    order: &[(Key, u32)],
    members: Range<usize>,
    answered: &[bool],
) -> (Conversation, Facts) {
    let chunk = &order[members.clone()];
    let mut soon = order.iter().skip(members.start + Flows::AHEAD);
    let (key, at) = chunk[0];
    let (first, transport) = (flows[at as usize], key.transport());
    let icmp_type = matches!(transport, Transport::Icmp | Transport::Icmpv6).then_some(key.port() as u8);
    let mut conversation = Conversation {
        client: first.client_host,
        server: first.server_host,
        transport,
        port: key.port(),
        verdict: first.verdict,
        reason: first.reason,
        severity: first.severity,
        outcome: Outcome::OneWay,
        stopped_answering: false,
        rule: first.rule,
        flows: 0,
        packets: [0; 2],
        bytes: [0; 2],
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        first_frame: FrameId::NONE,
    };
    let none = Documented { flows: 0, packets: 0, bytes: 0, first: Timestamp::UNKNOWN, last: Timestamp::UNKNOWN };
    let mut facts = Facts {
        members,
        named: None,
        mixed: false,
        outcome: Outcome::OneWay,
        rejected: None,
        tries: 0,
        tries_after: 0,
        last_answer: Timestamp::UNKNOWN,
        half_open: false,
        part_of: None,
        both_ways: false,
        outcomes: Outcomes::Same(Outcome::OneWay),
        blocked: false,
        documented: none,
    };
    let to_group = seen.hosts.role(conversation.server) == Role::Group;
    let (mut best, mut done) = (0, 0);
    for connection in chunk.chunk_by(|a, b| a.0 == b.0) {
        let mut tally = Tally::NONE;
        for (_, at) in connection {
            if let Some((_, at)) = soon.next() {
                seen.flows.prefetch(*at);
            }
            let (flow, judgement) = (&seen.flows.view(*at), &flows[*at as usize]);
            add(&mut conversation, flow, judgement);
            if judgement.verdict == Verdict::Documented {
                facts.documented.add(flow);
            }
            let link = seen.relations.link(*at).filter(|link| link.kind.belongs());
            if let (Some(link), Verdict::Unexpected) = (link, judgement.verdict) {
                facts.part_of = facts.part_of.or(link.flow);
            }
            let rejected = count(seen, &mut tally, (*at, flow), judgement.client, answered);
            facts.rejected = facts.rejected.or(rejected);
        }
        let outcome = outcome::outcome(conversation.transport, icmp_type, to_group, &tally);
        facts.outcomes.push(done, outcome, connection.len());
        done += connection.len();
        let rank = outcome::rank(outcome, tally.both_ways());
        if rank >= best {
            best = rank;
            conversation.outcome = outcome;
        }
        facts.half_open |= tally.half_open();
        facts.both_ways |= tally.both_ways();
        if outcome::is_blocked(outcome) {
            facts.tries = facts.tries.saturating_add(tally.tries(conversation.transport));
        } else if tally.both_ways() {
            facts.last_answer = facts.last_answer.max(tally.last_answer());
        }
        conversation.stopped_answering |= outcome::went_silent(conversation.transport, outcome, &tally);
    }
    for (_, at) in chunk {
        let judgement = &flows[*at as usize];
        if is_meant(judgement, &conversation) {
            facts.named = facts.named.or(telling(judgement, seen, &conversation));
        } else {
            facts.mixed = true;
        }
    }
    facts.outcome = conversation.outcome;
    if facts.mixed {
        facts.outcome = outcome_of_meant(seen, flows, chunk, (&conversation, icmp_type, to_group), answered);
    }
    if facts.tries > 0 && facts.last_answer != Timestamp::UNKNOWN {
        let failed_for = failed_after(seen, flows, chunk, &mut facts);
        conversation.stopped_answering |= facts.tries_after >= 3 && failed_for >= 3_000_000_000;
    }
    if conversation.verdict == Verdict::Documented && outcome::is_blocked(conversation.outcome) {
        let role = |host| seen.hosts.role(host);
        let (client, server) = (role(conversation.client), role(conversation.server));
        let case = Case::Finding(FindingKind::Blocked);
        let severity = seen.policy.severity(case, client, server, conversation.transport, conversation.port);
        conversation.severity = Some(severity);
        facts.blocked = true;
    }
    (conversation, facts)
}

/// What a flow's payload proves; of one that violates, not what the port calls for anyway.
fn telling(judgement: &Judgement, seen: &Observations<'_>, conversation: &Conversation) -> Option<Protocol> {
    let expected = seen.policy.expected_protocol(conversation.transport, conversation.port);
    judgement.payload_protocol.filter(|named| judgement.payload != Evidence::Violates || Some(*named) != expected)
}

/// Counts the tries that came after the last answer; how long after it they went on, in nanoseconds.
fn failed_after(seen: &Observations<'_>, flows: &[Judgement], chunk: &[(Key, u32)], facts: &mut Facts) -> i64 {
    let mut longest = 0;
    for (number, (_, at)) in chunk.iter().enumerate() {
        let outcome = facts.outcomes.get(number);
        let (flow, judgement) = (&seen.flows.view(*at), &flows[*at as usize]);
        if outcome::is_blocked(outcome) && flow.first() > facts.last_answer {
            let mut tally = Tally::NONE;
            tally.add(flow, judgement.client);
            facts.tries_after = facts.tries_after.saturating_add(tally.tries(flow.transport));
            longest = longest.max(outcome::silence(facts.last_answer, flow.last()));
        }
    }
    longest
}

/// Whether a flow has the verdict of its conversation.
fn is_meant(judgement: &Judgement, conversation: &Conversation) -> bool {
    (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
}

/// Of a conversation with several verdicts, the best outcome of the connections that have the conversation's own.
fn outcome_of_meant(
    seen: &Observations<'_>,
    flows: &[Judgement],
    chunk: &[(Key, u32)],
    (conversation, icmp_type, to_group): (&Conversation, Option<u8>, bool),
    answered: &[bool],
) -> Outcome {
    let (mut best, mut found) = (0, Outcome::OneWay);
    for connection in chunk.chunk_by(|a, b| a.0 == b.0) {
        if !connection.iter().any(|(_, at)| is_meant(&flows[*at as usize], conversation)) {
            continue;
        }
        let mut tally = Tally::NONE;
        for (_, at) in connection {
            count(seen, &mut tally, (*at, &seen.flows.view(*at)), flows[*at as usize].client, answered);
        }
        let outcome = outcome::outcome(conversation.transport, icmp_type, to_group, &tally);
        let rank = outcome::rank(outcome, tally.both_ways());
        if rank >= best {
            (best, found) = (rank, outcome);
        }
    }
    found
}

/// Adds what is known of a flow to its connection; the flow, if an ICMP error quotes its client's packets.
fn count(
    seen: &Observations<'_>,
    tally: &mut Tally,
    (at, flow): (u32, &FlowView<'_>),
    client: u8,
    answered: &[bool],
) -> Option<(u32, u8)> {
    tally.add(flow, client);
    tally.answered |= answered.get(at as usize).copied().unwrap_or(false);
    // The unicast answer to a group is an answer, though its own flow holds no request.
    let to_group = |link: &Link| matches!(link.kind, LinkKind::Ssdp | LinkKind::Coap) && link.flow.is_some();
    tally.answered |= seen.relations.link(at).as_ref().is_some_and(to_group);
    let rejection = seen.relations.rejection_of(at, client)?;
    tally.rejected |= rejection.is_unreachable();
    Some((at, client))
}

fn add(conversation: &mut Conversation, flow: &FlowView<'_>, judgement: &Judgement) {
    let client = usize::from(judgement.client & 1);
    for (side, end) in [(0, client), (1, 1 - client)] {
        conversation.packets[side] += flow.ends[end].packets();
        conversation.bytes[side] += flow.ends[end].bytes();
    }
    conversation.flows = conversation.flows.saturating_add(flow.folded.max(1));
    conversation.first = earlier(conversation.first, flow.first());
    conversation.last = conversation.last.max(flow.last());
    conversation.first_frame = conversation.first_frame.min(flow.first_frame());
    let gravity = |severity, verdict: Verdict| (severity, Reverse(gravity(verdict)));
    if gravity(judgement.severity, judgement.verdict) > gravity(conversation.severity, conversation.verdict) {
        conversation.verdict = judgement.verdict;
        conversation.reason = judgement.reason;
        conversation.severity = judgement.severity;
        conversation.rule = judgement.rule;
    }
}

/// The gravest verdict first.
const fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Unexpected => 0,
        Verdict::Documented => 1,
        Verdict::Related => 2,
        Verdict::SiteApproved => 3,
        Verdict::Supporting => 4,
        Verdict::Bystander => 5,
    }
}

impl Documented {
    fn add(&mut self, flow: &FlowView<'_>) {
        self.flows += flow.count();
        self.packets += flow.packets();
        self.bytes += flow.bytes();
        self.first = earlier(self.first, flow.first());
        self.last = self.last.max(flow.last());
    }
}

/// The earlier of two times, of which either may be unknown.
pub(super) fn earlier(a: Timestamp, b: Timestamp) -> Timestamp {
    match (a, b) {
        (Timestamp::UNKNOWN, other) | (other, Timestamp::UNKNOWN) => other,
        (a, b) => a.min(b),
    }
}
