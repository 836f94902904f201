//! Flows to conversations: one client, one server, one service port, across VLAN paths.

use std::cmp::Reverse;
use std::ops::Range;

use rayon::prelude::*;

use super::facts::{ConversationFacts, Documented, Uncommon};
use super::outcome::{self, Silence, Tally, starts_anew};
use super::{Conversation, Judgement, Observations, Outcome, Verdict};
use crate::capture::{Moment, Timestamp};
use crate::flow::{FlowView, Flows, prefetch, prefetch_whole};
use crate::policy::{Case, FindingKind, Role};
use crate::protocol::Transport;
use crate::protocol::{Evidence, Protocol};
use crate::relation::Link;

/// The conversations of a survey.
pub(super) struct Grouped {
    /// Most packets first.
    pub(super) conversations: Vec<Conversation>,
    /// What findings and coverage need besides, for each conversation.
    pub(super) facts: Vec<ConversationFacts>,
    /// Positions of flows; each conversation's stand together, by client port.
    pub(super) members: Vec<u32>,
}

/// A flow on its way to its conversation: orders by [`Key`], then place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Member {
    key: Key,
    place: u32,
    packets: u64,
}

impl Member {
    /// The flow at a place.
    pub(super) fn new(place: u32, flow: &FlowView<'_>, judgement: &Judgement) -> Self {
        Self { key: key(flow, judgement), place, packets: flow.packets() }
    }
}

/// A conversation's rank: most packets first; of equals, the lower address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    packets: Reverse<u64>,
    /// Where its flows begin among the members.
    start: u32,
    /// How many they are.
    count: u32,
}

/// Orders flows by conversation, then connection (client port).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key(u128);

impl Key {
    fn transport(self) -> Transport {
        Transport::from((self.0 >> 32) as u8)
    }

    /// The port of the conversation: the server's, or the ICMP type.
    const fn port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    const fn client_port(self) -> u16 {
        self.0 as u16
    }

    fn is_same_conversation(self, other: Self) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

/// Where a flow belongs.
fn key(flow: &FlowView<'_>, judgement: &Judgement) -> Key {
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
pub(super) fn group(seen: &Observations<'_>, flows: &mut [Judgement], order: Vec<Member>) -> Grouped {
    let answered = answered(seen);
    let ranks = ranks(&order);
    let (mut conversations, mut facts) = (Vec::new(), Vec::new());
    let judgements = &*flows;
    let of_rank = |number: usize| {
        let ahead = |by: usize| ranks.get(number + by);
        // They come from all over the memory: first what names the flows, then where these are kept, then these.
        if let Some(later) = ahead(3 * Flows::AHEAD) {
            prefetch_whole(&order, later.start as usize);
        }
        if let Some(later) = ahead(2 * Flows::AHEAD) {
            let first = order[later.members()].iter().take(2 * Flows::AHEAD);
            first.for_each(|member| seen.flows.prefetch_place(member.place));
        }
        if let Some(soon) = ahead(Flows::AHEAD) {
            order[soon.members()].iter().take(Flows::AHEAD).for_each(|member| fetch(seen, judgements, member));
        }
        let Rank { start, .. } = ranks[number];
        conversation(seen, judgements, &order[ranks[number].members()], start, &answered)
    };
    // The first hold the most flows by far: a thread is not to have them all.
    (0..ranks.len()).into_par_iter().with_max_len(64).map(of_rank).unzip_into_vecs(&mut conversations, &mut facts);
    let members: Vec<u32> = order.into_iter().map(|member| member.place).collect();
    for ((conversation, facts), number) in conversations.iter().zip(&facts).zip(0..) {
        for (at, flow) in members[facts.members()].iter().enumerate() {
            let judgement = &mut flows[*flow as usize];
            (judgement.conversation, judgement.outcome) = (number, facts.outcome_of(at, conversation.outcome));
            if facts.blocked {
                judgement.severity = conversation.severity;
            }
        }
    }
    Grouped { conversations, facts, members }
}

impl Rank {
    const fn members(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.count as usize
    }
}

/// Has fetched what [`conversation`] reads of a flow.
#[inline]
fn fetch(seen: &Observations<'_>, flows: &[Judgement], member: &Member) {
    seen.flows.prefetch(member.place);
    prefetch_whole(flows, member.place as usize);
    prefetch(&seen.relations.links, member.place as usize);
}

/// The conversations in their order: sorted while all that is known of them is 16 bytes, and not moved later.
fn ranks(order: &[Member]) -> Vec<Rank> {
    let mut start = 0;
    let mut ranks: Vec<Rank> = order
        .chunk_by(|a, b| a.key.is_same_conversation(b.key))
        .map(|members| {
            let packets = Reverse(members.iter().map(|member| member.packets).sum());
            let rank = Rank { packets, start, count: members.len() as u32 };
            start += members.len() as u32;
            rank
        })
        .collect();
    ranks.par_sort_unstable();
    ranks
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

/// The conversation of some flows, which begin at `start` of the list of members.
fn conversation(
    seen: &Observations<'_>,
    flows: &[Judgement],
    members: &[Member],
    start: u32,
    answered: &[bool],
) -> (Conversation, ConversationFacts) {
    let Member { key, place, .. } = members[0];
    let (first, transport) = (flows[place as usize], key.transport());
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
        begin: Moment::NEVER,
    };
    let mut facts = ConversationFacts::new(start, members.len() as u32);
    let mut uncommon = Uncommon::NOTHING;
    let to_group = seen.hosts.role(conversation.server) == Role::Group;
    let (mut best, mut done, mut last_answer) = (0, 0, Timestamp::UNKNOWN);
    let (mut end, mut old_connection, mut unacknowledged) = (Timestamp::UNKNOWN, false, false);
    let mut documented = Documented::NONE;
    for connection in members.chunk_by(|a, b| a.key == b.key) {
        let mut tally = Tally::NONE;
        for &Member { place, .. } in connection {
            if let Some(later) = members.get(done + 2 * Flows::AHEAD) {
                seen.flows.prefetch_place(later.place);
            }
            if let Some(soon) = members.get(done + Flows::AHEAD) {
                fetch(seen, flows, soon);
            }
            let (flow, judgement) = (&seen.flows.view(place), &flows[place as usize]);
            add(&mut conversation, flow, judgement);
            end = end.max(flow.end());
            facts.starts_anew |= starts_anew(flow, judgement.client).is_some();
            if judgement.verdict == Verdict::Documented {
                documented.add(flow);
            }
            let link = seen.relations.link(place).filter(|link| link.kind.belongs());
            if let (Some(link), Verdict::Unexpected) = (link, judgement.verdict) {
                uncommon.part_of = uncommon.part_of.or(link.flow);
            }
            let rejected = count(seen, &mut tally, (place, flow), judgement.client, answered);
            uncommon.rejected = uncommon.rejected.or(rejected);
            done += 1;
        }
        if connection.len() > 1 {
            join(seen, flows, connection, &mut tally);
        }
        note_lack(seen, &mut tally, &conversation, connection);
        let outcome = outcome::outcome(conversation.transport, icmp_type, to_group, &tally);
        note(&mut uncommon.outcomes, conversation.outcome, outcome, done - connection.len(), done);
        let both_ways = tally.both_ways(conversation.transport);
        let rank = outcome::rank(outcome, both_ways);
        if rank >= best {
            best = rank;
            conversation.outcome = outcome;
        }
        facts.half_open |= tally.half_open();
        old_connection |= tally.is_of_old_connection();
        unacknowledged |= tally.is_unacknowledged();
        facts.both_ways |= both_ways;
        if outcome.is_blocked() {
            uncommon.tries = uncommon.tries.saturating_add(tally.tries(conversation.transport));
        } else if tally.client.packets() > 0 && tally.server.packets() > 0 {
            last_answer = last_answer.max(tally.last_answer());
        }
        if let Some(silence) = outcome::went_silent(conversation.transport, outcome, &tally) {
            conversation.stopped_answering = true;
            // The longest tells most.
            if uncommon.silence.is_none_or(|held| held.requests < silence.requests) {
                uncommon.silence = Some(silence);
            }
        }
    }
    for Member { place, .. } in members {
        let judgement = &flows[*place as usize];
        if is_meant(judgement, &conversation) {
            facts.named = facts.named.or_else(|| telling(judgement, seen, &conversation));
        } else {
            facts.mixed = true;
        }
    }
    facts.outcome = conversation.outcome;
    if facts.mixed {
        facts.outcome = outcome_of_meant(seen, flows, members, (&conversation, icmp_type, to_group), answered);
        uncommon.documented = documented;
    }
    if uncommon.tries > 0 && last_answer != Timestamp::UNKNOWN {
        let of_all = conversation.outcome;
        let outcomes = |at: usize| uncommon.outcomes.get(at).copied().unwrap_or(of_all);
        let (tries_after, failed_for) = failed_after(seen, flows, members, outcomes, last_answer);
        uncommon.tries_after = tries_after;
        if tries_after >= 3 && failed_for >= 3_000_000_000 {
            conversation.stopped_answering = true;
            let requests = u32::try_from(tries_after).unwrap_or(u32::MAX);
            uncommon.silence = uncommon.silence.or(Some(Silence { last_answer, requests, of_client: false }));
        }
    }
    if conversation.verdict == Verdict::Documented && conversation.outcome.is_blocked() {
        let role = |host| seen.hosts.role(host);
        let (client, server) = (role(conversation.client), role(conversation.server));
        let case = Case::Finding(FindingKind::Blocked);
        let severity = seen.policy.severity(case, client, server, conversation.transport, conversation.port);
        conversation.severity = Some(severity);
        facts.blocked = true;
        uncommon = Uncommon { old_connection, unacknowledged, end, ..uncommon };
    }
    facts.keep(uncommon);
    (conversation, facts)
}

/// Notes the outcome of the flows from `begin` to `end` of a conversation, whose other flows so far, if no list of
/// outcomes was begun, all have the outcome `known`. Mostly they are all the same: then there is no list.
fn note(outcomes: &mut Vec<Outcome>, known: Outcome, outcome: Outcome, begin: usize, end: usize) {
    if outcomes.is_empty() && (begin == 0 || outcome == known) {
        return;
    }
    outcomes.resize(outcomes.len().max(begin), known);
    outcomes.resize(end, outcome);
}

/// What a flow's payload proves; of one that violates, not what the port calls for anyway.
fn telling(judgement: &Judgement, seen: &Observations<'_>, conversation: &Conversation) -> Option<Protocol> {
    let expected = seen.policy.expected_protocol(conversation.transport, conversation.port);
    judgement.payload_protocol.filter(|named| judgement.payload != Evidence::Violates || Some(*named) != expected)
}

/// The tries that came after the last answer, and for how many nanoseconds they went on.
fn failed_after(
    seen: &Observations<'_>,
    flows: &[Judgement],
    members: &[Member],
    outcomes: impl Fn(usize) -> Outcome,
    last_answer: Timestamp,
) -> (u64, i64) {
    let (mut tries, mut longest) = (0_u64, 0);
    for (at, Member { place, .. }) in members.iter().enumerate() {
        let (flow, judgement) = (&seen.flows.view(*place), &flows[*place as usize]);
        if outcomes(at).is_blocked() && flow.begin().time > last_answer {
            let mut tally = Tally::NONE;
            tally.add(flow, judgement.client);
            tries = tries.saturating_add(tally.tries(flow.transport));
            longest = longest.max(outcome::silence(last_answer, flow.end()));
        }
    }
    (tries, longest)
}

/// Whether a flow has the verdict of its conversation.
fn is_meant(judgement: &Judgement, conversation: &Conversation) -> bool {
    (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
}

/// Of a conversation with several verdicts, the best outcome of the connections that have the conversation's own.
fn outcome_of_meant(
    seen: &Observations<'_>,
    flows: &[Judgement],
    members: &[Member],
    (conversation, icmp_type, to_group): (&Conversation, Option<u8>, bool),
    answered: &[bool],
) -> Outcome {
    let (mut best, mut found) = (0, Outcome::OneWay);
    for connection in members.chunk_by(|a, b| a.key == b.key) {
        if !connection.iter().any(|member| is_meant(&flows[member.place as usize], conversation)) {
            continue;
        }
        let mut tally = Tally::NONE;
        for &Member { place, .. } in connection {
            count(seen, &mut tally, (place, &seen.flows.view(place)), flows[place as usize].client, answered);
        }
        if connection.len() > 1 {
            join(seen, flows, connection, &mut tally);
        }
        note_lack(seen, &mut tally, conversation, connection);
        let outcome = outcome::outcome(conversation.transport, icmp_type, to_group, &tally);
        let rank = outcome::rank(outcome, tally.both_ways(conversation.transport));
        if rank >= best {
            (best, found) = (rank, outcome);
        }
    }
    found
}

/// Notes if the side that is silent could not have been captured.
fn note_lack(seen: &Observations<'_>, tally: &mut Tally, conversation: &Conversation, connection: &[Member]) {
    let silent = match (tally.client.packets(), tally.server.packets()) {
        (0, _) => (conversation.client, conversation.server),
        (_, 0) => (conversation.server, conversation.client),
        _ => return,
    };
    let client_port = connection.first().map_or(0, |member| member.key.client_port());
    tally.lacks_answers = seen.missing.lacks(seen.hosts, conversation, client_port, silent);
}

/// Holds the flows of one connection on several VLAN paths against one another.
fn join(seen: &Observations<'_>, flows: &[Judgement], connection: &[Member], tally: &mut Tally) {
    let view = |member: &Member| (seen.flows.view(member.place), flows[member.place as usize].client);
    tally.join(&connection.iter().map(view).collect::<Vec<_>>());
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
    let to_group = |link: &Link| link.kind.answers_group() && link.flow.is_some();
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
    conversation.first = conversation.first.earlier(flow.first());
    conversation.last = conversation.last.max(flow.last());
    conversation.begin = conversation.begin.min(flow.begin());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_listed_only_where_they_differ() {
        let list = |told: &[(Outcome, usize)]| {
            let (mut outcomes, mut begin) = (Vec::new(), 0);
            for (outcome, flows) in told {
                // So long as there is no list, all were as the first.
                note(&mut outcomes, told[0].0, *outcome, begin, begin + flows);
                begin += flows;
            }
            outcomes
        };
        use Outcome::{Established as A, OneWay as C, Refused as B};
        assert_eq!(list(&[(A, 1), (A, 2), (A, 1)]), []);
        assert_eq!(list(&[(A, 1), (A, 2), (B, 1), (A, 2)]), [A, A, A, B, A, A]);
        assert_eq!(list(&[(C, 2), (A, 1), (C, 1)]), [C, C, A, C]);
    }
}
