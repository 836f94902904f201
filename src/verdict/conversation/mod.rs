//! One conversation, from the flows that it is made of: one client, one server, one service port, across VLAN paths.

mod stopped;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use super::facts::{self, ConversationFacts, Documented, FailureFacts};
use super::grouping::Member;
use super::outcome::{self, Failure, Silence, Tally, starts_anew};
use super::{Conversation, Judgement, Observations, Outcome, Verdict};
use crate::capture::{Moment, Timestamp, prefetch, prefetch_whole};
use crate::decode::MacAddr;
use crate::flow::{FlowView, Flows};
use crate::inventory::Host;
use crate::policy::{Case, FindingKind, Role};
use crate::protocol::{Evidence, Protocol, Transport};
use crate::relation::{Link, Rejection};

/// What all conversations are made from.
pub(super) struct ConversationInputs<'a> {
    pub(super) seen: &'a Observations<'a>,
    flows: &'a [Judgement],
    /// For each flow, whether a related flow carries its answer; empty where there is none.
    answered: Vec<bool>,
    /// When each MAC last sent, under whatever IPv4 address.
    last_sent: OnceLock<HashMap<MacAddr, Timestamp>>,
    /// When each address was last spoken for by ARP or neighbour discovery.
    last_claimed: OnceLock<HashMap<IpAddr, Timestamp>>,
}

impl<'a> ConversationInputs<'a> {
    pub(super) fn new(seen: &'a Observations<'a>, flows: &'a [Judgement]) -> Self {
        let mut answered = vec![false; if seen.relations.answered.is_empty() { 0 } else { flows.len() }];
        for flow in seen.relations.answered.keys() {
            if let Some(answered) = answered.get_mut(*flow as usize) {
                *answered = true;
            }
        }
        Self { seen, flows, answered, last_sent: OnceLock::new(), last_claimed: OnceLock::new() }
    }

    /// When a MAC last sent, under whatever IPv4 address that is more than one it gave itself (RFC 3927).
    fn last_sent(&self, mac: MacAddr) -> Timestamp {
        let of_hosts = || {
            let mut all: HashMap<MacAddr, Timestamp> = HashMap::new();
            let is_given =
                |host: &&Host| matches!(host.address, IpAddr::V4(v4) if !v4.is_link_local() && !v4.is_unspecified());
            let hosts = self.seen.hosts.iter().filter(is_given);
            for (mac, sent) in hosts.filter_map(|host| Some((host.mac?, host.last_sent))) {
                let last = all.entry(mac).or_insert(sent);
                *last = sent.max(*last);
            }
            all
        };
        self.last_sent.get_or_init(of_hosts).get(&mac).copied().unwrap_or(Timestamp::UNKNOWN)
    }

    /// When an address was last spoken for by ARP or neighbour discovery, if it ever was.
    fn last_claimed(&self, address: IpAddr) -> Option<Timestamp> {
        let of_claims = || {
            let mut all: HashMap<IpAddr, Timestamp> = HashMap::new();
            for ((_, address, _), speaker) in self.seen.evidence.claims.speakers() {
                let last = all.entry(*address).or_insert(speaker.window.end);
                *last = speaker.window.end.max(*last);
            }
            all
        };
        self.last_claimed.get_or_init(of_claims).get(&address).copied()
    }

    /// Has fetched what [`conversation`] reads of a flow.
    #[inline]
    pub(super) fn fetch(&self, place: u32) {
        self.seen.flows.prefetch(place);
        prefetch_whole(self.flows, place as usize);
        prefetch(&self.seen.relations.links, place as usize);
    }

    fn look(&self, member: &Member) -> (FlowView<'a>, &'a Judgement) {
        (self.seen.flows.view(member.place), &self.flows[member.place as usize])
    }

    /// Adds what other flows and ICMP errors tell of a flow. The unicast answer to a group is an answer, though its own flow
    /// holds no request.
    fn relate(&self, tally: &mut Tally, place: u32, client: u8, link: Option<&Link>) {
        let relations = self.seen.relations;
        tally.answered |= self.answered.get(place as usize).is_some_and(|answered| *answered);
        tally.answers_group |= link.is_some_and(|link| link.kind.answers_group() && link.flow.is_some());
        let error = relations.rejection_of(place, client).filter(|error| error.is_unreachable());
        tally.rejected = tally.rejected.saturating_add(error.map_or(0, |error| error.count));
        if !relations.vain.is_empty() {
            tally.vain = tally.vain.or_else(|| relations.vain.get(&place).copied());
        }
    }

    /// The ICMP error that quotes what the server sent in a flow.
    fn sent_back(&self, member: &Member) -> Option<&Rejection> {
        let server = 1 - (self.flows[member.place as usize].client & 1);
        self.seen.relations.rejection_of(member.place, server).filter(|error| error.is_unreachable())
    }

    /// Whether the answers of a conversation that were sent back are more than a single late one.
    fn believes_errors(&self, members: &[Member]) -> bool {
        if self.seen.relations.rejections.is_empty() || members[0].key.transport() != Transport::Udp {
            return false;
        }
        let errors = |member: &Member| {
            let error = self.sent_back(member)?;
            let sent = self.seen.flows.view(member.place).ends[usize::from(error.failed & 1)];
            let sent = sent.packets().saturating_sub(sent.duplicates());
            Some(if error.may_be_late() { error.count.min(sent) } else { 2 })
        };
        let connections = members.chunk_by(|a, b| a.key == b.key);
        connections.filter_map(|connection| connection.iter().filter_map(errors).max()).sum::<u64>() > 1
    }
}

/// The conversation of some flows, which begin at `start` of the list of members.
pub(super) fn conversation(
    of: &ConversationInputs<'_>,
    members: &[Member],
    start: u32,
) -> (Conversation, ConversationFacts) {
    let mut draft = Draft::new(of, members, start);
    let mut begin = 0;
    for connection in members.chunk_by(|a, b| a.key == b.key) {
        let tally = draft.tally(connection, begin);
        draft.add(&tally);
        draft.judge(&tally, begin..begin + connection.len());
        begin += connection.len();
    }
    draft.tell_meant();
    draft.tell_silences();
    draft.tell_failures();
    draft.tell_fruitless();
    draft.tell_gone();
    draft.tell_blocked();
    draft.facts.keep(draft.uncommon);
    (draft.conversation, draft.facts)
}

/// A conversation that is being made.
struct Draft<'a> {
    of: &'a ConversationInputs<'a>,
    members: &'a [Member],
    icmp_type: Option<u8>,
    to_group: bool,
    conversation: Conversation,
    facts: ConversationFacts,
    uncommon: FailureFacts,
    /// How far its best connection got: [`outcome::rank`].
    best: u8,
    /// Of connections that worked, the last packet of the server.
    last_answer: Timestamp,
    /// When the last one was opened of those that the server accepted.
    accepted: Timestamp,
    /// Of those that worked, when the last one began, and when its server and its client last answered.
    renewed: (Timestamp, [Timestamp; 2]),
    /// Those that went silent, each with its end.
    silences: Vec<(Silence, Timestamp)>,
    /// When it ended, as far as order goes.
    end: Timestamp,
    failure: Option<Failure>,
    /// Connections that the server ended without an answer, or never answered.
    fruitless: u32,
    /// When the last one began in which the server said anything.
    served: Timestamp,
    /// Whether ICMP errors about the server's packets are believed.
    believes_errors: bool,
    /// Whether the payload of a flow proves a protocol.
    any_named: bool,
}

impl<'a> Draft<'a> {
    fn new(of: &'a ConversationInputs<'a>, members: &'a [Member], start: u32) -> Self {
        let Member { key, place, .. } = members[0];
        let (first, transport) = (&of.flows[place as usize], key.transport());
        let is_icmp = matches!(transport, Transport::Icmp | Transport::Icmpv6);
        Self {
            of,
            members,
            icmp_type: is_icmp.then_some(key.port() as u8),
            to_group: of.seen.hosts.role(first.server_host) == Role::Group,
            conversation: Conversation {
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
            },
            facts: ConversationFacts::new(start, members.len() as u32),
            uncommon: FailureFacts::NOTHING,
            best: 0,
            last_answer: Timestamp::UNKNOWN,
            accepted: Timestamp::UNKNOWN,
            renewed: (Timestamp::UNKNOWN, [Timestamp::UNKNOWN; 2]),
            silences: Vec::new(),
            end: Timestamp::UNKNOWN,
            failure: None,
            fruitless: 0,
            served: Timestamp::UNKNOWN,
            believes_errors: of.believes_errors(members),
            any_named: false,
        }
    }

    /// Goes through the flows of a connection, the first of which is number `begin` of the conversation's.
    fn tally(&mut self, connection: &[Member], begin: usize) -> Tally {
        let (of, relations) = (self.of, self.of.seen.relations);
        let mut tally = Tally::NONE;
        for (at, member) in connection.iter().enumerate() {
            self.fetch_ahead(begin + at);
            let (flow, judgement) = of.look(member);
            self.add_flow(&flow, judgement);
            tally.add(&flow, judgement.client);
            let link = relations.link(member.place);
            if let (Some(link), Verdict::Unexpected) = (&link, judgement.verdict)
                && link.kind.belongs()
            {
                self.uncommon.part_of = self.uncommon.part_of.or(link.flow);
            }
            self.relate(&mut tally, member, judgement.client);
            if relations.rejection_of(member.place, judgement.client).is_some() {
                self.uncommon.rejected = self.uncommon.rejected.or(Some((member.place, judgement.client)));
            }
        }
        self.complete(&mut tally, connection);
        tally
    }

    /// Adds what is told of one of its flows elsewhere.
    fn relate(&self, tally: &mut Tally, member: &Member, client: u8) {
        let of = self.of;
        of.relate(tally, member.place, client, of.seen.relations.link(member.place).as_ref());
        if self.believes_errors
            && let Some(error) = of.sent_back(member)
        {
            tally.send_back(error, of.seen.flows.view(member.place).ends[usize::from(error.failed & 1)].tag());
        }
    }

    /// The flow of a connection whose answers were sent back, and the server's end of it.
    fn answer_sent_back(&self, tally: &Tally, connection: &[Member]) -> Option<(u32, u8)> {
        let of_own = |member: &Member| self.of.sent_back(member).map(|error| (member.place, error.failed));
        if tally.is_sent_back() { connection.iter().find_map(of_own) } else { tally.answer_sent_back() }
    }

    /// A conversation of many flows has them fetched a dozen earlier.
    fn fetch_ahead(&self, number: usize) {
        if let Some(later) = self.members.get(number + 2 * Flows::AHEAD) {
            self.of.seen.flows.prefetch_place(later.place);
        }
        if let Some(soon) = self.members.get(number + Flows::AHEAD) {
            self.of.fetch(soon.place);
        }
    }

    /// Adds what is known of a flow alone.
    fn add_flow(&mut self, flow: &FlowView<'_>, judgement: &Judgement) {
        let conversation = &mut self.conversation;
        conversation.flows = conversation.flows.saturating_add(flow.folded.max(1));
        conversation.first = conversation.first.earlier(flow.first());
        conversation.last = conversation.last.max(flow.last());
        conversation.begin = conversation.begin.min(flow.begin());
        self.facts.starts_anew |= starts_anew(flow, judgement.client).is_some();
        self.any_named |= judgement.payload_protocol.is_some();
        self.facts.mixed |= !is_meant(judgement, conversation);
        let gravity = |severity, verdict: Verdict| (severity, Reverse(verdict.gravity()));
        if gravity(judgement.severity, judgement.verdict) > gravity(conversation.severity, conversation.verdict) {
            conversation.verdict = judgement.verdict;
            conversation.reason = judgement.reason;
            conversation.severity = judgement.severity;
            conversation.rule = judgement.rule;
        }
    }

    /// Holds the flows of one connection on several VLAN paths against one another, and notes if the side that is silent
    /// could not have been captured.
    fn complete(&self, tally: &mut Tally, connection: &[Member]) {
        let flows = || -> Vec<(FlowView<'_>, u8)> {
            connection.iter().map(|member| self.of.look(member)).map(|(flow, told)| (flow, told.client)).collect()
        };
        if connection.len() > 1 {
            tally.join(&flows());
        }
        let answered = &self.of.seen.relations.answered_until;
        if tally.answered && !answered.is_empty() {
            let until = connection.iter().filter_map(|member| answered.get(&member.place)).max();
            until.into_iter().for_each(|until| tally.answer_elsewhere(*until, &flows()));
        }
        let Conversation { client, server, transport, .. } = self.conversation;
        let (silent, asked) = match (tally.client.packets(), tally.server.packets()) {
            (0, _) => ((client, server), tally.server.span()),
            (_, 0) => ((server, client), tally.client.span()),
            _ => return,
        };
        let client_port = connection.first().map_or(0, |member| member.key.client_port());
        let is_of =
            |protocol: Protocol| transport == Transport::Udp && protocol.ports().contains(&self.conversation.port);
        let again = |(flow, client): &(FlowView<'_>, u8)| {
            let waiting = flow.ends[usize::from(client & 1)].waiting();
            match is_of(Protocol::Coap) {
                // Once may be a lost acknowledgement.
                true => waiting.count > 2 && waiting.repeats && waiting.is_repeated(),
                false => waiting.count > 1 && waiting.repeats,
            }
        };
        let missing = self.of.seen.missing;
        let must_repeat =
            is_of(Protocol::Coap) || is_of(Protocol::Tftp) && (missing.fresh_ports || missing.filter.is_some());
        let repeats = || must_repeat && flows().iter().any(again);
        tally.lacks_answers = missing.ends_behind(asked)
            || missing.lacks(self.of.seen.hosts, &self.conversation, client_port, silent, asked, repeats);
    }

    /// Adds the sums of a connection.
    fn add(&mut self, tally: &Tally) {
        for (at, side) in [&tally.client, &tally.server].into_iter().enumerate() {
            self.conversation.packets[at] += side.packets();
            self.conversation.bytes[at] += side.bytes();
            self.end = self.end.max(side.last());
        }
    }

    fn outcome(&self, tally: &Tally) -> (Outcome, u8) {
        let transport = self.conversation.transport;
        let outcome = outcome::outcome(transport, self.icmp_type, self.to_group, tally);
        (outcome, outcome::rank(outcome, tally.both_ways(transport) || lives_unseen(transport, outcome, tally)))
    }

    /// Works out what became of a connection, whose flows are those of these numbers.
    fn judge(&mut self, tally: &Tally, numbers: std::ops::Range<usize>) {
        let transport = self.conversation.transport;
        let (outcome, rank) = self.outcome(tally);
        facts::note(&mut self.uncommon.outcomes, self.conversation.outcome, outcome, numbers.clone());
        if outcome == Outcome::Rejected && self.uncommon.rejected.is_none() {
            let connection = self.members.get(numbers.clone()).unwrap_or_default();
            self.uncommon.rejected = self.answer_sent_back(tally, connection);
            self.uncommon.sent_back = self.uncommon.rejected.is_some();
        }
        if rank >= self.best {
            (self.best, self.conversation.outcome) = (rank, outcome);
        }
        self.fruitless += u32::from(tally.is_cut_off(true) || tally.is_mute());
        self.served = self.served.max(tally.served());
        self.facts.half_open |= tally.half_open();
        self.facts.both_ways |= tally.both_ways(transport);
        self.failure = [self.failure, tally.failure(outcome)].into_iter().flatten().min();
        if outcome.is_blocked() {
            self.uncommon.tries = self.uncommon.tries.saturating_add(tally.tries(transport));
        } else if tally.client.packets() > 0 && (tally.server.packets() > 0 || tally.answered) {
            self.last_answer = self.last_answer.max(tally.last_answer(transport));
            self.accepted = self.accepted.max(tally.accepted());
            let answers = [tally.last_answer(transport), tally.client.last_reply()];
            self.renewed = self.renewed.max((tally.client.span().0, answers));
        } else if lives_unseen(transport, outcome, tally) {
            // Whether it was answered to the end, nothing tells.
            let begin = tally.client.span().0;
            (self.accepted, self.last_answer) = (self.accepted.max(begin), self.last_answer.max(begin));
            self.renewed = self.renewed.max((begin, [begin; 2]));
        }
        let connection = self.members.get(numbers.clone()).unwrap_or_default();
        let own_errors = connection.iter().filter_map(|member| self.of.sent_back(member));
        let gone = own_errors.filter(|error| error.may_be_late()).map(|error| error.count).sum::<u64>();
        let silence = outcome::went_silent(transport, outcome, tally)
            .or_else(|| outcome::transfer_went_silent(outcome, tally))
            .or_else(|| outcome::came_to_nothing(outcome, tally))
            .or_else(|| self.went_unreachable(outcome, tally, numbers));
        self.silences.extend(silence.map(|silence| {
            // A client that says itself that nobody listens there has let go, as after a restart.
            let is_gone =
                silence.how == outcome::SilentParty::Client && gone.saturating_mul(2) >= silence.requests.into();
            (silence, if is_gone { silence.since } else { tally.client.last().max(tally.server.last()) })
        }));
    }

    /// Whether what the client of a connection over UDP sent was sent back, once it had worked.
    fn went_unreachable(&self, outcome: Outcome, tally: &Tally, numbers: std::ops::Range<usize>) -> Option<Silence> {
        let relations = self.of.seen.relations;
        if self.conversation.transport != Transport::Udp || relations.rejections.is_empty() {
            return None;
        }
        let error = |member: &Member| {
            relations
                .rejection_of(member.place, self.of.flows[member.place as usize].client)
                .filter(|e| e.is_unreachable())
        };
        let error = self.members.get(numbers)?.iter().find_map(error)?;
        outcome::went_unreachable(outcome, tally, error.at.time, error.count)
    }

    /// What is to be said of the flows that have the conversation's verdict, of which findings speak.
    fn tell_meant(&mut self) {
        let (of, conversation) = (self.of, &self.conversation);
        let meant = |member: &Member| is_meant(&of.flows[member.place as usize], conversation);
        if self.any_named {
            let expected = of.seen.policy.expected_protocol(conversation.transport, conversation.port);
            let of_meant = self.members.iter().filter(|member| meant(member));
            self.facts.named =
                of_meant.map(|member| telling(&of.flows[member.place as usize], expected)).find_map(|named| named);
        }
        self.facts.outcome = conversation.outcome;
        if self.facts.mixed {
            self.facts.outcome = self.outcome_of_meant(meant);
            self.uncommon.documented = self.documented();
        }
    }

    /// The best outcome of the connections that have a flow of the conversation's own verdict.
    fn outcome_of_meant(&self, meant: impl Fn(&Member) -> bool) -> Outcome {
        let (mut best, mut found) = (0, Outcome::OneWay);
        for connection in self.members.chunk_by(|a, b| a.key == b.key) {
            if !connection.iter().any(&meant) {
                continue;
            }
            let mut tally = Tally::NONE;
            for member in connection {
                let (flow, judgement) = self.of.look(member);
                tally.add(&flow, judgement.client);
                self.relate(&mut tally, member, judgement.client);
            }
            self.complete(&mut tally, connection);
            let (outcome, rank) = self.outcome(&tally);
            if rank >= best {
                (best, found) = (rank, outcome);
            }
        }
        found
    }

    /// Sums over the documented flows of a conversation of several verdicts.
    fn documented(&self) -> Documented {
        let mut documented = Documented::NONE;
        for member in self.members {
            let (flow, judgement) = self.of.look(member);
            if judgement.verdict == Verdict::Documented {
                documented.add(&flow);
            }
        }
        documented
    }

    /// A documented port that does not work matters as much as the policy says.
    fn tell_blocked(&mut self) {
        let conversation = &mut self.conversation;
        if conversation.verdict != Verdict::Documented || !conversation.outcome.is_blocked() {
            return;
        }
        let role = |host| self.of.seen.hosts.role(host);
        let (client, server) = (role(conversation.client), role(conversation.server));
        let case = Case::Finding(FindingKind::Blocked);
        let severity = self.of.seen.policy.severity(case, client, server, conversation.transport, conversation.port);
        conversation.severity = Some(severity);
        self.facts.blocked = true;
        self.uncommon.failure = self.failure;
        self.uncommon.end = self.end;
    }
}

/// Whether a connection works whose answers were not captured.
fn lives_unseen(transport: Transport, outcome: Outcome, tally: &Tally) -> bool {
    transport == Transport::Tcp && outcome == Outcome::OneWay && tally.lives_unseen()
}

/// What a flow's payload proves; of one that violates, not what the port calls for anyway.
fn telling(judgement: &Judgement, expected: Option<Protocol>) -> Option<Protocol> {
    judgement.payload_protocol.filter(|named| judgement.payload != Evidence::Violates || Some(*named) != expected)
}

/// Whether a flow has the verdict of its conversation.
fn is_meant(judgement: &Judgement, conversation: &Conversation) -> bool {
    (judgement.verdict, judgement.reason) == (conversation.verdict, conversation.reason)
}
