//! Findings about conversations: one for those that have all in common that a person would tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cause::{Cause, Causes};
use super::conversation_summary::{ConversationSummary, Conversations, told};
use super::filter::Filter;
use super::phrases::MAX_NAMED;
use super::{Cited, Evidence, Facts, Finding, Judged, Kind, Who, blocked, stopped_answering, unexpected};
use crate::capture::{Moment, Timestamp};
use crate::flow::EndView;
use crate::policy::{FindingKind, Role, Severity};
use crate::protocol::{Protocol, Transport};
use crate::verdict::{Conversation, ConversationFacts, Outcome, Verdict};

/// So many ports of one kind are told apart; more become one finding that lists them.
const MAX_PORTS_APART: usize = 6;

/// How many conversations are told with their frames.
const MAX_EVIDENCE: usize = 3;

/// What conversations of one finding have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Group {
    pub(super) severity: Severity,
    pub(super) kind: Kind,
    pub(super) verdict: Verdict,
    pub(super) outcome: Outcome,
    pub(super) cause: Option<Cause>,
    pub(super) client: Role,
    pub(super) server: Role,
    pub(super) transport: Transport,
    /// Of an exchange whose request was not captured: what its payload looks like.
    pub(super) looks_like: Option<Protocol>,
    /// `None` where so many ports are concerned that they are one finding.
    pub(super) port: Option<u16>,
}

/// All findings about conversations.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let causes = Causes::new(judged);
    let mut groups: BTreeMap<Group, Vec<u32>> = BTreeMap::new();
    for ((conversation, facts), at) in judged.conversations.iter().zip(judged.facts).zip(0..) {
        // The data of an unexpected TFTP request, on a port of its own each time, is told with the request.
        let whole = facts.uncommon().part_of.and_then(|flow| judged.flows.get(flow as usize));
        let (conversation, facts) = match whole.map(|flow| flow.conversation as usize) {
            Some(whole) if judged.conversations[whole].verdict == Verdict::Unexpected => {
                (&judged.conversations[whole], &judged.facts[whole])
            }
            _ => (conversation, facts),
        };
        for group in groups_of(judged, &causes, conversation, facts).into_iter().flatten() {
            groups.entry(group).or_default().push(at);
        }
    }
    merge_ports(groups).into_iter().map(|(group, numbers)| finding(judged, &group, numbers)).collect()
}

/// The findings a conversation belongs to.
fn groups_of(
    judged: &Judged<'_>,
    causes: &Causes<'_>,
    conversation: &Conversation,
    facts: &ConversationFacts,
) -> [Option<Group>; 2] {
    if conversation.severity.is_none() && !conversation.stopped_answering {
        // Nearly all of them.
        return [None, None];
    }
    let role = |host| judged.seen.hosts.role(host);
    let plain = Group {
        severity: conversation.severity.unwrap_or(Severity::Notice),
        kind: Kind::Other(FindingKind::Blocked),
        verdict: conversation.verdict,
        outcome: conversation.outcome,
        cause: None,
        client: role(conversation.client),
        server: role(conversation.server),
        transport: conversation.transport,
        looks_like: None,
        port: Some(conversation.port),
    };
    let first = unexpected::group(judged, conversation, facts, plain)
        .or_else(|| blocked::group(causes, conversation, facts, plain));
    [first, stopped_answering::group(judged.seen.policy, conversation, plain)]
}

/// Makes one group of those that differ only in the port, where these are many.
fn merge_ports(groups: BTreeMap<Group, Vec<u32>>) -> BTreeMap<Group, Vec<u32>> {
    let mut ports: BTreeMap<Group, usize> = BTreeMap::new();
    for group in groups.keys() {
        *ports.entry(Group { port: None, ..*group }).or_default() += 1;
    }
    let mut merged: BTreeMap<Group, Vec<u32>> = BTreeMap::new();
    for (group, mut numbers) in groups {
        let together = Group { port: None, ..group };
        let apart = ports.get(&together).is_none_or(|count| *count <= MAX_PORTS_APART);
        merged.entry(if apart { group } else { together }).or_default().append(&mut numbers);
    }
    merged.values_mut().for_each(|numbers| numbers.sort_unstable());
    merged
}

/// Sums over flows.
struct Subtotals {
    flows: u64,
    /// Packets there and back.
    packets: [u64; 2],
    bytes: u64,
    first: Timestamp,
    last: Timestamp,
    /// The first packet.
    begin: Moment,
}

impl Subtotals {
    const NONE: Self = Self {
        flows: 0,
        packets: [0; 2],
        bytes: 0,
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        begin: Moment::NEVER,
    };

    fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.packets[0] += other.packets[0];
        self.packets[1] += other.packets[1];
        self.bytes += other.bytes;
        self.first = self.first.earlier(other.first);
        self.last = self.last.max(other.last);
        self.begin = self.begin.min(other.begin);
    }

    fn of(conversation: &Conversation) -> Self {
        Self {
            flows: u64::from(conversation.flows),
            packets: conversation.packets,
            bytes: conversation.bytes.iter().sum(),
            first: conversation.first,
            last: conversation.last,
            begin: conversation.begin,
        }
    }

    fn of_flows(judged: &Judged<'_>, members: &[u32]) -> Self {
        let mut sum = Self::NONE;
        for flow in members {
            let seen = judged.seen.flows.view(*flow);
            sum.add(&Self {
                flows: 1,
                packets: ends(judged, *flow).map(|end| end.packets()),
                bytes: seen.bytes(),
                first: seen.first(),
                last: seen.last(),
                begin: seen.begin(),
            });
        }
        sum
    }
}

/// The client's and the server's end of a flow.
fn ends<'a>(judged: &Judged<'a>, flow: u32) -> [EndView<'a>; 2] {
    let [a, b] = judged.seen.flows.view(flow).ends;
    if judged.flows[flow as usize].client & 1 == 0 { [a, b] } else { [b, a] }
}

/// The flows of a conversation that a finding means; empty where it means all of them.
fn meant(judged: &Judged<'_>, group: &Group, number: u32) -> Vec<u32> {
    let (conversation, facts) = (&judged.conversations[number as usize], &judged.facts[number as usize]);
    if !facts.mixed || !group.transport.has_ports() || !matches!(group.kind, Kind::Unexpected(_)) {
        return Vec::new();
    }
    let meant = |flow: &&u32| {
        let judgement = &judged.flows[**flow as usize];
        (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
    };
    judged.members[facts.members()].iter().filter(meant).copied().collect()
}

fn finding(judged: &Judged<'_>, group: &Group, numbers: Vec<u32>) -> Finding {
    let (mut clients, mut servers, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let (mut sources, mut filter, mut sum) = (BTreeSet::new(), Filter::new(group.transport), Subtotals::NONE);
    let mut evidence = Vec::new();
    for number in &numbers {
        let conversation = &judged.conversations[*number as usize];
        let [client, server] =
            [conversation.client, conversation.server].map(|host| judged.seen.hosts.get(host).address);
        clients.insert(Who::Address(client));
        servers.insert(Who::Address(server));
        rules.insert(conversation.rule);
        let members = meant(judged, group, *number);
        let all = &judged.members[judged.facts[*number as usize].members()];
        let portion = if members.is_empty() {
            filter.add(client, server, conversation.port, conversation.packets[1] > 0);
            Subtotals::of(conversation)
        } else {
            for flow in &members {
                let [client, server] = ends(judged, *flow).map(|end| (end.address, end.port));
                filter.add_flow(client, server, conversation.packets[1] > 0);
            }
            Subtotals::of_flows(judged, &members)
        };
        if evidence.len() < MAX_EVIDENCE {
            let at = Cited::new(portion.begin.frame, portion.first);
            evidence.push(Evidence { client, server, packets: portion.packets, at });
        }
        sum.add(&portion);
        for flow in if members.is_empty() { all } else { &members } {
            sources.extend(judged.seen.flows.view(*flow).sources());
        }
    }
    let told = told(judged, group, &numbers, evidence, filter);
    Finding {
        kind: group.kind,
        severity: group.severity,
        verdict: Some(group.verdict),
        outcome: Some(group.outcome),
        client_role: Some(group.client),
        clients: clients.into_iter().collect(),
        server_role: Some(group.server),
        servers: servers.into_iter().collect(),
        transport: Some(group.transport),
        server_port: group.port.filter(|_| group.transport.has_ports()),
        flows: sum.flows,
        packets: sum.packets[0] + sum.packets[1],
        bytes: sum.bytes,
        first: sum.first,
        last: sum.last,
        rules: rules.into_iter().take(MAX_NAMED).collect(),
        sources: sources.into_iter().collect(),
        facts: facts(judged, group, &numbers, told),
        conversations: numbers,
    }
}

fn facts(judged: &Judged<'_>, group: &Group, numbers: &[u32], told: ConversationSummary) -> Arc<dyn Facts> {
    match group.kind {
        Kind::Unexpected(reason) => {
            Arc::new(Conversations { told, topic: unexpected::topic(judged, group, reason, numbers) })
        }
        Kind::Other(FindingKind::Blocked) => {
            Arc::new(Conversations { told, topic: blocked::topic(judged, group, numbers) })
        }
        Kind::Other(_) => Arc::new(Conversations { told, topic: stopped_answering::topic(judged, numbers) }),
    }
}
