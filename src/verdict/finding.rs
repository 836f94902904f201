//! Findings: what a person must read, grouped so that the lines are few.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cause::{Cause, Causes};
use super::facts::{Facts, earlier};
use super::filter::{self, Filter};
use super::judge::Observations;
use super::{Conversation, Finding, Judgement, Outcome, Verdict, commissioning, detail};
use crate::capture::{Moment, Timestamp};
use crate::flow::EndView;
use crate::inventory::Host;
use crate::policy::{Case, FindingKind, Reason, Role, Rule, Severity, Transport, Version};
use crate::relation::DirectionBasis;

/// So many ports of one kind are told apart; more become one finding that lists them.
const MAX_PORTS_APART: usize = 6;

/// How many addresses a finding names before "and N more".
const MAX_NAMED: usize = 5;

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Unexpected(Reason),
    Other(FindingKind),
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unexpected(reason) => reason.name(),
            Self::Other(kind) => kind.name(),
        }
    }
}

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
    /// `None` where so many ports are concerned that they are one finding.
    pub(super) port: Option<u16>,
}

/// All findings: by severity, then packets.
pub(super) fn find(
    seen: &Observations<'_>,
    flows: &[Judgement],
    conversations: &[Conversation],
    facts_of: &[Facts],
    members: &[u32],
) -> Vec<Finding> {
    let causes = Causes::new(seen);
    let mut groups: BTreeMap<Group, Vec<u32>> = BTreeMap::new();
    for ((conversation, facts), at) in conversations.iter().zip(facts_of).zip(0..) {
        // The data of an unexpected TFTP request, on a port of its own each time, is told with the request.
        let whole =
            facts.uncommon().part_of.and_then(|flow| flows.get(flow as usize)).map(|flow| flow.conversation as usize);
        let (conversation, facts) = match whole {
            Some(whole) if conversations[whole].verdict == Verdict::Unexpected => {
                (&conversations[whole], &facts_of[whole])
            }
            _ => (conversation, facts),
        };
        for group in of_conversation(&causes, seen, conversation, facts).into_iter().flatten() {
            groups.entry(group).or_default().push(at);
        }
    }
    let survey = Survey { flows, seen, conversations, facts: facts_of, members };
    let mut findings: Vec<Finding> =
        merge_ports(groups).into_iter().map(|(group, numbers)| survey.finding(&group, numbers)).collect();
    findings.extend(old_versions(seen));
    findings.extend(unused_allowances(seen, flows));
    findings
        .extend(commissioning::find(seen, &commissioning::Judged { flows, conversations, facts: facts_of, members }));
    findings.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.packets)));
    findings
}

/// The findings a conversation belongs to.
fn of_conversation(
    causes: &Causes<'_>,
    seen: &Observations<'_>,
    conversation: &Conversation,
    facts: &Facts,
) -> [Option<Group>; 2] {
    if conversation.severity.is_none() && !conversation.stopped_answering {
        // Nearly all of them.
        return [None, None];
    }
    let role = |host| seen.hosts.role(host);
    let (client, server) = (role(conversation.client), role(conversation.server));
    let group = |severity, kind, cause| Group {
        severity,
        kind,
        verdict: conversation.verdict,
        outcome: conversation.outcome,
        cause,
        client,
        server,
        transport: conversation.transport,
        port: Some(conversation.port),
    };
    let severity = |kind| {
        let case = Case::Finding(kind);
        seen.policy.severity(case, client, server, conversation.transport, conversation.port)
    };
    let first = match (conversation.verdict, conversation.reason, conversation.severity) {
        (Verdict::Unexpected, Some(reason), Some(severity)) => {
            Some(Group { outcome: facts.outcome, ..group(severity, Kind::Unexpected(reason), None) })
        }
        (Verdict::Documented, _, Some(severity)) if conversation.outcome.is_blocked() => {
            let cause = causes.of(conversation, facts);
            Some(group(severity, Kind::Other(FindingKind::Blocked), Some(cause)))
        }
        _ => None,
    };
    let worth = matches!(conversation.verdict, Verdict::Documented | Verdict::SiteApproved);
    let second = (conversation.stopped_answering && worth).then(|| {
        let kind = FindingKind::StoppedAnswering;
        group(severity(kind), Kind::Other(kind), None)
    });
    [first, second]
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
pub(super) struct Portion {
    flows: u64,
    /// Packets there and back.
    pub(super) packets: [u64; 2],
    bytes: u64,
    pub(super) first: Timestamp,
    last: Timestamp,
    /// The first packet.
    pub(super) begin: Moment,
}

impl Portion {
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
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.begin = self.begin.min(other.begin);
    }
}

/// What a finding's text is written from.
pub(super) struct Survey<'a> {
    flows: &'a [Judgement],
    pub(super) seen: &'a Observations<'a>,
    pub(super) conversations: &'a [Conversation],
    pub(super) facts: &'a [Facts],
    pub(super) members: &'a [u32],
}

impl Survey<'_> {
    /// Whether nothing but the first packet told who the client of a flow is.
    pub(super) fn is_guess(&self, flow: u32) -> Option<()> {
        let judgement = self.flows.get(flow as usize)?;
        (judgement.basis == DirectionBasis::FirstPacket).then_some(())
    }

    /// The flows of a conversation that a finding means; empty where it means all of them.
    fn meant(&self, group: &Group, number: u32) -> Vec<u32> {
        let (conversation, facts) = (&self.conversations[number as usize], &self.facts[number as usize]);
        if !facts.mixed || !group.transport.has_ports() || !matches!(group.kind, Kind::Unexpected(_)) {
            return Vec::new();
        }
        let meant = |flow: &&u32| {
            let judgement = &self.flows[**flow as usize];
            (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
        };
        self.members[facts.members()].iter().filter(meant).copied().collect()
    }

    /// The client's and the server's end of a flow.
    fn ends(&self, flow: u32) -> [EndView<'_>; 2] {
        let [a, b] = self.seen.flows.view(flow).ends;
        if self.flows[flow as usize].client & 1 == 0 { [a, b] } else { [b, a] }
    }

    /// The sums of what a finding means of a conversation: of these flows, or of all if there are none.
    fn portion(&self, number: u32, members: &[u32]) -> Portion {
        let conversation = &self.conversations[number as usize];
        if members.is_empty() {
            return Portion {
                flows: u64::from(conversation.flows),
                packets: conversation.packets,
                bytes: conversation.bytes.iter().sum(),
                first: conversation.first,
                last: conversation.last,
                begin: conversation.begin,
            };
        }
        let mut sum = Portion::NONE;
        for flow in members {
            let seen = self.seen.flows.view(*flow);
            sum.add(&Portion {
                flows: 1,
                packets: self.ends(*flow).map(|end| end.packets()),
                bytes: seen.bytes(),
                first: seen.first(),
                last: seen.last(),
                begin: seen.begin(),
            });
        }
        sum
    }

    /// The same of one conversation of a finding.
    pub(super) fn portion_of(&self, group: &Group, number: u32) -> Portion {
        self.portion(number, &self.meant(group, number))
    }

    fn finding(&self, group: &Group, numbers: Vec<u32>) -> Finding {
        let (mut clients, mut servers, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut sources = BTreeSet::new();
        let mut filter = Filter::new(group.transport);
        let mut sum = Portion::NONE;
        for number in &numbers {
            let conversation = &self.conversations[*number as usize];
            let [client, server] =
                [conversation.client, conversation.server].map(|host| self.seen.hosts.get(host).address);
            clients.insert(client);
            servers.insert(server);
            rules.insert(conversation.rule);
            let members = self.meant(group, *number);
            if members.is_empty() {
                filter.add(client, server, conversation.port, conversation.packets[1] > 0);
            }
            for flow in &members {
                let [client, server] = self.ends(*flow).map(|end| (end.address, end.port));
                filter.add_flow(client, server, conversation.packets[1] > 0);
            }
            sum.add(&self.portion(*number, &members));
            let all = &self.members[self.facts[*number as usize].members()];
            for flow in if members.is_empty() { all } else { &members } {
                sources.extend(self.seen.flows.view(*flow).sources());
            }
        }
        let names = (listed(&clients), listed(&servers));
        Finding {
            severity: group.severity,
            verdict: Some(group.verdict),
            reason: group.kind.name(),
            outcome: Some(group.outcome),
            client_role: group.client.name(),
            server_role: group.server.name(),
            transport: Some(group.transport),
            server_port: group.port.filter(|_| group.transport.has_ports()),
            service: detail::service(self, group, &numbers),
            flows: sum.flows,
            packets: sum.packets[0] + sum.packets[1],
            bytes: sum.bytes,
            first: sum.first,
            last: sum.last,
            detail: detail::detail(self, group, &numbers, clients.len(), servers.len()),
            advice: detail::advice(self, group, &numbers, &names.0, &names.1),
            rule: cited(self.seen, &rules),
            display_filter: filter.text(),
            sources: sources.into_iter().collect(),
            conversations: numbers,
            client: names.0,
            server: names.1,
        }
    }
}

/// The first few, joined by `;`, and how many more.
pub(super) fn listed<T: ToString>(addresses: &BTreeSet<T>) -> String {
    let mut list: Vec<String> = addresses.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if addresses.len() > MAX_NAMED {
        list.push(format!("and {} more", addresses.len() - MAX_NAMED));
    }
    list.join(";")
}

fn cited(seen: &Observations<'_>, rules: &BTreeSet<Rule>) -> String {
    let mut list: Vec<String> = rules.iter().take(MAX_NAMED).map(|rule| seen.policy.cite(*rule)).collect();
    list.retain(|text| !text.is_empty());
    list.join("; ")
}

/// A finding that is not of conversations.
pub(super) fn plain(seen: &Observations<'_>, kind: FindingKind, role: Role, other: Role) -> Finding {
    Finding {
        severity: seen.policy.severity(Case::Finding(kind), role, other, Transport::Other(0), 0),
        verdict: None,
        reason: kind.name(),
        outcome: None,
        client_role: "",
        client: String::new(),
        server_role: "",
        server: String::new(),
        transport: None,
        server_port: None,
        service: String::new(),
        flows: 0,
        packets: 0,
        bytes: 0,
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        detail: String::new(),
        advice: String::new(),
        rule: String::new(),
        display_filter: String::new(),
        sources: Vec::new(),
        conversations: Vec::new(),
    }
}

/// Hosts whose declared version is below what the document of their role covers, one finding a role.
fn old_versions(seen: &Observations<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for role in Role::ALL {
        // The first document of a role is that of the product whose version the inventory gives.
        let Some(document) = seen.policy.documents().iter().find(|document| document.role == role) else { continue };
        let old: Vec<(&Host, &str)> = seen
            .hosts
            .iter()
            .filter(|host| host.role == role)
            .filter_map(|host| Some((host, host.version.as_deref()?)))
            .filter(|(_, version)| Version::parse(version).is_some_and(|version| version < document.minimum_version))
            .collect();
        if old.is_empty() {
            continue;
        }
        let mut finding = plain(seen, FindingKind::OldVersion, role, role);
        let addresses: BTreeSet<IpAddr> = old.iter().map(|(host, _)| host.address).collect();
        finding.client_role = role.name();
        finding.client = listed(&addresses);
        for (host, _) in &old {
            finding.packets += host.packets_sent + host.packets_received;
            finding.bytes += host.bytes_sent + host.bytes_received;
            finding.first = earlier(finding.first, host.first_seen);
            finding.last = finding.last.max(host.last_seen);
        }
        finding.detail = detail::old_version(document, &old);
        finding.advice = format!(
            "Update {} to {} or higher, or ask the vendor for the ports of the older version.",
            document.product, document.minimum_version
        );
        finding.rule = format!("{} {} and higher", document.product, document.minimum_version);
        finding.display_filter = filter::of_hosts(&addresses.into_iter().collect::<Vec<_>>());
        findings.push(finding);
    }
    findings
}

/// Allowances of the site's own that decided nothing.
fn unused_allowances(seen: &Observations<'_>, flows: &[Judgement]) -> Vec<Finding> {
    let mut used = vec![false; seen.policy.allowances().len()];
    if used.is_empty() {
        return Vec::new();
    }
    for judgement in flows {
        if let Rule::Allowance(at) = judgement.rule
            && let Some(used) = used.get_mut(usize::from(at))
        {
            *used = true;
        }
    }
    let unused = (0u16..).zip(used).filter(|(_, used)| !used);
    unused
        .map(|(at, _)| {
            let rule = seen.policy.cite(Rule::Allowance(at));
            let mut finding = plain(seen, FindingKind::UnusedAllowance, Role::Host, Role::Host);
            finding.detail = format!("Nothing in this survey needed the {rule}.{}", seen.missing.of_all());
            finding.advice = "Leave it out of the policy file if its purpose is gone; what matched it may also have \
                              been documented anyway, or not have happened while the capture ran."
                .to_owned();
            finding.rule = rule;
            finding
        })
        .collect()
}
