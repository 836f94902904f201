//! `no-querier`: nobody asks who listens to which group, and requests to groups go unanswered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::VlanPath;
use crate::flow::{MAY_BE_IGNORED, Window};
use crate::inventory::{HostId, seconds};
use crate::policy::{FindingKind, Role};
use crate::protocol::{coap, ssdp};
use crate::verdict::{Conversation, Doubts, Observations, Outcome};

/// Nanoseconds for which a switch remembers who listens (RFC 3376 section 8.4, RFC 3810 section 9.4: 260 s).
const REMEMBERED: i64 = 260_000_000_000;
/// Nanoseconds from a query to the reports of those that listen, at most (RFC 3376 section 8.3), and what an answer takes.
const REPORTED: i64 = 15_000_000_000;

/// Requests that tell something where earlier ones were answered: three searches, of three datagrams each.
const FEW: i64 = 9;

/// Whose requests to a group nobody answered.
#[derive(Clone, Debug)]
struct Unasked {
    group: IpAddr,
    port: u16,
    vlan: VlanPath,
    requests: Window,
    /// When one of them was answered last, if any was.
    answered: Option<Timestamp>,
    /// When somebody last asked who listens, if anybody did.
    queried: Option<Timestamp>,
    /// Hosts that said that they listen to a group, in the same VLAN.
    listeners: usize,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    // A filter may leave out what asks; and where nobody ever says that he listens, groups are not told at all.
    if seen.evidence.link.members().len() == 0 || seen.missing.filter.is_some() {
        return Vec::new();
    }
    let (groups, requests) = (Groups::of(judged), requests(seen));
    let unasked = judged.conversations.iter().zip(0..).filter_map(|(conversation, at)| {
        if seen.hosts.role(conversation.server) != Role::Group || !seen.hosts.role(conversation.client).is_igor() {
            return None;
        }
        let client = seen.hosts.get(conversation.client);
        let window = requests.get(&(client.address, conversation.port))?;
        let what = groups.unasked(conversation, at, window)?;
        Some(Affected::within(window, client.role, client.address, what))
    });
    grouped(seen, unasked.collect())
}

/// A network, and whether it is IPv6's.
type Network = (VlanPath, bool);

/// Who listens to groups, who asks for that, and which groups answer.
struct Groups<'a, 'j> {
    judged: &'a Judged<'j>,
    /// Hosts that said that they listen.
    listeners: BTreeMap<Network, BTreeSet<IpAddr>>,
    /// The same by group.
    joined: BTreeSet<(IpAddr, IpAddr)>,
    /// Queries who listens.
    queried: BTreeMap<Network, Window>,
    /// The last answer to each conversation.
    answers: BTreeMap<u32, Timestamp>,
    /// When a group last answered anybody in a VLAN: it is reached there, then.
    reached: BTreeMap<(HostId, VlanPath), Timestamp>,
}

impl<'a, 'j> Groups<'a, 'j> {
    fn of(judged: &'a Judged<'j>) -> Self {
        let (seen, link) = (judged.seen, &judged.seen.evidence.link);
        let mut groups = Self {
            judged,
            listeners: BTreeMap::new(),
            joined: BTreeSet::new(),
            queried: BTreeMap::new(),
            answers: last_answers(judged),
            reached: BTreeMap::new(),
        };
        for ((vlan, host, group), said) in link.members() {
            if said.joins.count > 0 {
                groups.listeners.entry((vlan.network(), host.is_ipv6())).or_default().insert(*host);
                groups.joined.insert((*group, *host));
            }
        }
        for ((vlan, querier), queries) in link.queriers() {
            let sum = groups.queried.entry((vlan.network(), querier.is_ipv6())).or_insert(Window::NONE);
            *sum = sum.and(*queries);
        }
        for (conversation, at) in judged.conversations.iter().zip(0..) {
            if seen.hosts.role(conversation.server) != Role::Group {
                continue;
            }
            let Some(until) = groups.last_answer(conversation, at) else { continue };
            for vlan in groups.vlans_of(at) {
                let last = groups.reached.entry((conversation.server, vlan)).or_insert(until);
                *last = until.max(*last);
            }
        }
        groups
    }

    fn vlans_of(&self, at: u32) -> BTreeSet<VlanPath> {
        let judged = self.judged;
        let members = judged.facts.get(at as usize).and_then(|facts| judged.members.get(facts.members()));
        let members = members.unwrap_or_default().iter();
        members.map(|flow| judged.seen.flows.view(*flow).vlan().network()).collect()
    }

    fn last_answer(&self, conversation: &Conversation, at: u32) -> Option<Timestamp> {
        let is_answered = conversation.outcome == Outcome::Established;
        is_answered.then(|| self.answers.get(&at).copied().unwrap_or(conversation.last))
    }

    /// What is to be told of a conversation with a group, where its requests went to nobody because nobody asks who listens.
    fn unasked(&self, conversation: &Conversation, at: u32, window: &Window) -> Option<Unasked> {
        let seen = self.judged.seen;
        let (client, group) =
            (seen.hosts.get(conversation.client).address, seen.hosts.get(conversation.server).address);
        let enough = seen.policy.link().querier_seconds;
        if !is_pruned(group) || seconds(window) < u64::from(enough) {
            return None;
        }
        // Every IPv6 host joins groups, of which it need not speak: somebody else must listen to this one.
        let v6 = group.is_ipv6();
        let of_group =
            self.joined.range((group, IpAddr::from([0, 0, 0, 0]))..).take_while(|(joined, _)| *joined == group);
        if v6 && of_group.into_iter().all(|(_, host)| *host == client) {
            return None;
        }
        let vlans = self.vlans_of(at);
        // A mirror shows a packet in more than one VLAN path: one that is asked is enough.
        let (vlan, listeners) =
            vlans.iter().find_map(|vlan| Some((vlan, self.listeners.get(&(vlan.clone(), v6))?.len())))?;
        let queries =
            vlans.iter().filter_map(|vlan| self.queried.get(&(vlan.clone(), v6))).copied().reduce(Window::and);
        let answered = self.last_answer(conversation, at);
        if answered.is_some_and(|until| is_answered_enough(window, queries, until)) {
            return None;
        }
        // Who listens is forgotten some time after the last query, and must have been for as long as the requests must last.
        let is_recent = |last: Timestamp, end: Timestamp| {
            let enough = i64::from(enough).saturating_mul(1_000_000_000);
            end.raw().saturating_sub(last.raw()) < REMEMBERED.saturating_add(enough)
        };
        let reached = |vlan: &VlanPath| self.reached.get(&(conversation.server, vlan.clone())).copied();
        if queries.is_some_and(|queries| is_recent(queries.end, window.end))
            || vlans.iter().filter_map(reached).any(|last| is_recent(last, window.last))
        {
            return None;
        }
        Some(Unasked {
            group,
            port: conversation.port,
            vlan: vlan.clone(),
            requests: *window,
            answered,
            queried: queries.map(|queries| queries.last),
            listeners,
        })
    }
}

/// Whether requests that were last answered at a time need no querier, because that was for longer than switches remember, or
/// tell nothing, because few followed.
fn is_answered_enough(window: &Window, queries: Option<Window>, until: Timestamp) -> bool {
    let asked = queries.map_or(window.first, |queries| queries.last.max(window.first));
    let rare = i64::try_from(seconds(window)).unwrap_or(i64::MAX).saturating_mul(1_000_000_000)
        / i64::try_from(window.count.max(1)).unwrap_or(i64::MAX);
    until.raw().saturating_sub(asked.raw()) > REMEMBERED.saturating_add(REPORTED)
        || window.last.raw().saturating_sub(until.raw()) < rare.saturating_mul(FEW)
}

/// When the last answer to what each conversation asked of a group came, where that is told by flows of their own.
fn last_answers(judged: &Judged<'_>) -> BTreeMap<u32, Timestamp> {
    let mut answers = BTreeMap::new();
    for (link, place) in judged.seen.relations.links.iter().zip(0..) {
        let Some(link) = link.filter(|link| link.kind.answers_group()) else { continue };
        let cause = link.flow.and_then(|flow| judged.flows.get(flow as usize));
        if let Some(cause) = cause {
            let end = judged.seen.flows.view(place).last();
            let last = answers.entry(cause.conversation).or_insert(end);
            *last = end.max(*last);
        }
    }
    answers
}

/// What was asked of groups and should be answered, by who asked and the port: CoAP requests and SSDP searches.
fn requests(seen: &Observations<'_>) -> BTreeMap<(IpAddr, u16), Window> {
    let owed = seen.evidence.group_requests().filter(|((_, token), _)| token & MAY_BE_IGNORED == 0);
    let coap = owed.map(|(((host, _), _), window)| ((*host, coap::PORT), *window));
    let ssdp = seen.evidence.searches().map(|((host, _), search)| ((*host, ssdp::PORT), search.window));
    let mut all: BTreeMap<(IpAddr, u16), Window> = BTreeMap::new();
    for (key, window) in coap.chain(ssdp) {
        let sum = all.entry(key).or_insert(Window::NONE);
        *sum = sum.and(window);
    }
    all
}

/// Whether switches that snoop leave a group out where nobody says that he listens: not those of the link's own protocols
/// (RFC 4541 section 2.1.2), nor all hosts.
fn is_pruned(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.is_multicast() && group.octets()[..3] != [224, 0, 0],
        IpAddr::V6(group) => group.is_multicast() && group.segments()[7] != 1,
    }
}

impl Trouble for Unasked {
    const KIND: FindingKind = FindingKind::NoQuerier;
    const ADVICE: &'static str = "Switch an IGMP (for IPv6 an MLD) querier on in one switch or router of the VLAN, or IGMP snooping \
                                  off in all of them: a switch that snoops and hears nobody ask forgets within minutes who \
                                  listens, and drops what goes to groups.";
    const NEXT: &'static str = "Switch an IGMP querier on in the VLAN";
    const HEADING: &'static str = "Requests to a group go unanswered, and nobody asks who listens to it.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let vlan = if self.vlan.is_untagged() { String::new() } else { format!(" of VLAN {}", self.vlan) };
        let answered = self.answered.map_or_else(String::new, |last| format!(" after {last:.3}"));
        let lately = self.queried.map_or_else(String::new, |last| format!(" after {last:.3}"));
        format!(
            "{who}{} asked {} port {} {} in {}, the first in {}, and nobody answered{answered}; no IGMP or MLD query{vlan} was heard{lately}, \
             though {} there.",
            context.name(who),
            self.group,
            self.port,
            times(self.requests.count, "time", "times"),
            lasting(self.requests.first, self.requests.last),
            frame(context, Cited::of(&self.requests)),
            times(self.listeners as u64, "host says that it listens", "hosts say that they listen"),
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let since = if self.answered.is_some() { " any more" } else { "" };
        format!("{} unanswered{since}, no query", self.group)
    }

    fn filter(&self, who: Who) -> String {
        let ip = if self.group.is_ipv6() { "ipv6" } else { "ip" };
        format!("({ip}.src == {who} && {ip}.dst == {}) || igmp || icmpv6.type == 130", self.group)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { group: with.address(self.group), ..self.clone() }
    }

    fn doubts(seen: &Observations<'_>, _: &Finding) -> Doubts {
        seen.missing.of_all()
    }
}
