//! The stage itself: flows, roles, relations and policy to judgements.

use rayon::prelude::*;

use super::decide::{Question, documented};
use super::grouping::{self, Grouped, Member};
use super::kind::Decisions;
use super::{Conversation, ConversationFacts, Judgement, Observations, Outcome, Verdict, payload, unseen_request};
use crate::flow::{EndView, FlowView};
use crate::inventory::HostId;
use crate::policy::{Party, Policy, Role, Rule};
use crate::protocol::{Evidence, Protocol, Transport};
use crate::relation::LinkKind;

/// How far a chain of relations is followed: a fragment of a TFTP transfer of a request is two.
const MAX_CHAIN: usize = 8;

/// What the verdict stage yields of flows and conversations.
#[derive(Clone, Debug, Default)]
pub struct Judgements {
    /// One for each flow, in the same order.
    pub flows: Vec<Judgement>,
    /// Most packets first.
    pub conversations: Vec<Conversation>,
    /// What findings and coverage need besides, for each conversation.
    pub(crate) facts: Vec<ConversationFacts>,
    /// Positions of flows; each conversation's stand together, by client port.
    pub(crate) members: Vec<u32>,
}

/// Judges a survey's flows.
///
/// # Panics
/// If there are fewer orientations or parties than flows: both are made from the same flows.
pub fn judge(seen: &Observations<'_>) -> Judgements {
    assert_eq!(seen.orientations.len(), seen.flows.len(), "each flow has an orientation");
    assert_eq!(seen.parties.len(), seen.flows.len(), "each flow has two hosts");
    let (mut flows, mut order) = (Vec::new(), Vec::new());
    let places = seen.flows.places().into_par_iter();
    places
        .map_init(|| Decisions::new(seen.policy), |decisions, place| first_look(seen, decisions, place))
        .unzip_into_vecs(&mut flows, &mut order);
    rayon::join(
        || {
            relate(seen, &mut flows);
            unseen_request::tell(seen, &mut flows);
        },
        || grouping::sort(&mut order),
    );
    let Grouped { conversations, facts, members } = grouping::group(seen, &mut flows, order);
    Judgements { flows, conversations, facts, members }
}

/// The verdict on a flow by itself, and where it belongs among conversations.
fn first_look(seen: &Observations<'_>, decisions: &mut Decisions<'_>, place: u32) -> (Judgement, Member) {
    let flow = &seen.flows.view(place);
    let orientation = seen.orientations[place as usize];
    let client = orientation.client & 1;
    let [a, b] = seen.parties[place as usize];
    let (client_host, server_host) = if client == 0 { (a, b) } else { (b, a) };

    let server_port = flow.ends[usize::from(1 - client)].port;
    let expected = seen.policy.expected_protocol(flow.transport, server_port);
    let payload_protocol = payload::name(flow, expected, client);
    let payload = match (expected, payload_protocol) {
        (Some(protocol), _) => payload::evidence(flow, protocol),
        (None, Some(_)) => Evidence::Conforms,
        (None, None) => Evidence::Unknown,
    };
    let mut judgement = Judgement {
        client,
        basis: orientation.basis,
        client_host,
        server_host,
        verdict: Verdict::Bystander,
        reason: None,
        severity: None,
        // Outcomes are worked out with the rest of the connection.
        outcome: Outcome::OneWay,
        rule: Rule::None,
        payload,
        payload_protocol,
        related_to: None,
        conversation: 0,
    };
    decide_into(seen, decisions, flow, &mut judgement, false);
    let member = Member::new(place, flow, &judgement);
    (judgement, member)
}

fn decide_into(
    seen: &Observations<'_>,
    decisions: &mut Decisions<'_>,
    flow: &FlowView<'_>,
    judgement: &mut Judgement,
    related: bool,
) {
    let party = |host: HostId, end: u8| {
        let end = &flow.ends[usize::from(end & 1)];
        Party { role: seen.hosts.role(host), address: end.address, port: end.port }
    };
    let question = Question {
        client: party(judgement.client_host, judgement.client),
        server: party(judgement.server_host, 1 - judgement.client),
        transport: flow.transport,
        icmp_type: flow.icmp_type,
        payload: judgement.payload,
        related,
    };
    if question.client.address == question.server.address && has_no_way(flow) {
        // It crosses no network.
        (judgement.verdict, judgement.rule) = (Verdict::Bystander, Rule::None);
        (judgement.reason, judgement.severity) = (None, None);
        return;
    }
    let decision = decisions.decide(&question);
    judgement.verdict = decision.verdict;
    judgement.reason = decision.reason;
    judgement.severity = decision.severity;
    judgement.rule = decision.rule;
}

/// Whether no frame shows that it came from another device: what a host says to itself has no MAC, or one at both ends.
fn has_no_way(flow: &FlowView<'_>) -> bool {
    let is_own = |end: &EndView<'_>| end.source_mac() == end.destination_mac().filter(|mac| !mac.is_group());
    flow.ends.iter().all(|end| end.packets() == 0 || is_own(end))
}

/// Follows each relation to its root and lets the root's verdict speak for the whole exchange.
fn relate(seen: &Observations<'_>, flows: &mut [Judgement]) {
    let mut decisions = Decisions::new(seen.policy);
    for (at, link) in seen.relations.links.iter().enumerate().take(flows.len()) {
        let Some(link) = link else { continue };
        let parent = link.flow.filter(|parent| (*parent as usize) < flows.len() && *parent as usize != at);
        flows[at].related_to = parent;
        if !link.kind.belongs() || flows[at].verdict == Verdict::Documented {
            continue;
        }
        if let Some(protocol) = link.kind.protocol().filter(|_| link.payload_fits) {
            (flows[at].payload, flows[at].payload_protocol) = (Evidence::Conforms, Some(protocol));
        }
        let root = parent.map(|parent| root(seen, flows, parent));
        match says(seen, link.kind, &flows[at], root.as_ref()) {
            InheritedVerdict::Nothing => {}
            InheritedVerdict::Related => {
                decide_into(seen, &mut decisions, &seen.flows.view(at as u32), &mut flows[at], true)
            }
            InheritedVerdict::Covered(verdict, rule) => {
                let judgement = &mut flows[at];
                (judgement.verdict, judgement.rule) = (verdict, rule);
                (judgement.reason, judgement.severity) = (None, None);
            }
        }
    }
}

/// What the root of an exchange says of a flow that is part of it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum InheritedVerdict {
    Nothing,
    /// It is part of what is documented.
    Related,
    /// What a site allows, or networks need, covers the whole exchange.
    Covered(Verdict, Rule),
}

fn says(seen: &Observations<'_>, kind: LinkKind, judgement: &Judgement, root: Option<&Judgement>) -> InheritedVerdict {
    let role = |host| seen.hosts.role(host);
    let ends = [judgement.client_host, judgement.server_host].map(role);
    let related = match root {
        // The request was not captured.
        None => ends_may_speak(seen.policy, kind, ends),
        Some(root) => match root.verdict {
            Verdict::Documented | Verdict::Related => true,
            Verdict::SiteApproved | Verdict::Supporting if judgement.verdict == Verdict::Unexpected => {
                return InheritedVerdict::Covered(root.verdict, root.rule);
            }
            // Whoever asked the group, the answer of an Igor host is one.
            _ => {
                kind.answers_group() && role(root.server_host) == Role::Group && ends.iter().any(|role| role.is_igor())
            }
        },
    };
    if related { InheritedVerdict::Related } else { InheritedVerdict::Nothing }
}

/// What a chain of relations leads to: a fragment to its transfer, and that to its request.
fn root(seen: &Observations<'_>, flows: &[Judgement], mut at: u32) -> Judgement {
    for _ in 0..MAX_CHAIN {
        match seen.relations.link(at).filter(|link| link.kind.belongs()).and_then(|link| link.flow) {
            Some(up) if (up as usize) < flows.len() => at = up,
            _ => break,
        }
    }
    flows[at as usize]
}

/// Whether the exchange would be documented between these two, where its request was not captured.
pub(super) fn ends_may_speak(policy: &Policy, kind: LinkKind, [a, b]: [Role; 2]) -> bool {
    let ports = kind.protocol().map_or(&[][..], Protocol::ports);
    ports.iter().any(|port| {
        [(a, b), (b, a)]
            .iter()
            .any(|(client, server)| documented(policy, *client, *server, Transport::Udp, *port).is_some())
    })
}
