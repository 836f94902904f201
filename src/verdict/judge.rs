//! The stage itself: flows, roles, relations and policy to judgements.

use super::conversation::{self, Grouped};
use super::coverage::{self, HostCoverage};
use super::decide::{Question, decide};
use super::{Caveat, CellCoverage, Conversation, Finding, Judgement, Outcome, Verdict, finding, payload};
use crate::flow::Flow;
use crate::inventory::{HostId, Hosts};
use crate::policy::{Party, Policy, Role, Rule};
use crate::protocol::Evidence;
use crate::relation::{LinkKind, Orientation, Relations};

/// How far a chain of relations is followed: a fragment of a TFTP transfer of a request is two.
const MAX_CHAIN: usize = 8;

/// All that is judged. Positions in `flows` are what relations and judgements speak of.
#[derive(Clone, Copy, Debug)]
pub struct Observations<'a> {
    /// The flows, in the order of flows.csv.
    pub flows: &'a [Flow],
    /// Who asked, for each flow.
    pub orientations: &'a [Orientation],
    /// The hosts of the same flows: every address of a flow is among them.
    pub hosts: &'a Hosts,
    /// What it is held against.
    pub policy: &'a Policy,
    /// What belongs together.
    pub relations: &'a Relations,
    /// Names of the inputs, by index, to cite frames by; may be empty.
    pub inputs: &'a [String],
    /// Doubts about the capture, which weaken the words of what rests on it.
    pub caveats: &'a [Caveat],
}

/// What the verdict stage yields.
#[derive(Clone, Debug, Default)]
pub struct Judgements {
    /// One for each flow, in the same order.
    pub flows: Vec<Judgement>,
    /// Most packets first.
    pub conversations: Vec<Conversation>,
    /// By severity, then packets.
    pub findings: Vec<Finding>,
    /// One for each cell of the vendor's tables, in the document's order.
    pub coverage: Vec<CellCoverage>,
    /// The same for each host that runs a documented product, in the order of their addresses.
    pub hosts: Vec<HostCoverage>,
}

/// Judges a survey's flows.
///
/// # Panics
/// If an address of a flow is not among the hosts, or there are fewer orientations than flows: both are
/// made from the same flows.
pub fn judge(seen: &Observations<'_>) -> Judgements {
    let mut flows: Vec<Judgement> = seen
        .flows
        .iter()
        .zip(seen.orientations)
        .map(|(flow, orientation)| first_look(seen, flow, *orientation))
        .collect();
    assert_eq!(flows.len(), seen.flows.len(), "each flow has an orientation");
    relate(seen, &mut flows);
    let Grouped { conversations, facts, members } = conversation::group(seen, &mut flows);
    let (coverage, hosts) = coverage::cover(seen, &conversations, &facts);
    let findings = finding::find(seen, &flows, &conversations, &facts, &members);
    Judgements { flows, conversations, findings, coverage, hosts }
}

/// The verdict on a flow by itself.
fn first_look(seen: &Observations<'_>, flow: &Flow, orientation: Orientation) -> Judgement {
    let client = orientation.client & 1;
    let host = |address| seen.hosts.find(address).expect("hosts are built from the same flows");
    let [a, b] = [host(flow.ends[0].address), host(flow.ends[1].address)];
    let (client_host, server_host) = if client == 0 { (a, b) } else { (b, a) };

    let server_port = flow.ends[usize::from(1 - client)].port;
    let expected = seen.policy.expected_protocol(flow.transport, server_port);
    let payload_protocol = payload::name(flow, expected, server_port);
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
    decide_into(seen, flow, &mut judgement, false);
    judgement
}

fn decide_into(seen: &Observations<'_>, flow: &Flow, judgement: &mut Judgement, related: bool) {
    let party = |host: HostId, end: u8| {
        let end = &flow.ends[usize::from(end & 1)];
        Party { role: seen.hosts.get(host).role, address: end.address, port: end.port }
    };
    let question = Question {
        client: party(judgement.client_host, judgement.client),
        server: party(judgement.server_host, 1 - judgement.client),
        transport: flow.transport,
        icmp_type: flow.icmp_type,
        payload: judgement.payload,
        related,
    };
    let decision = decide(seen.policy, &question);
    judgement.verdict = decision.verdict;
    judgement.reason = decision.reason;
    judgement.severity = decision.severity;
    judgement.rule = decision.rule;
}

/// Follows each relation to its root and lets the root's verdict speak for the whole exchange.
fn relate(seen: &Observations<'_>, flows: &mut [Judgement]) {
    // Roots are never changed here: what has a link is no root, and only what has a link is changed.
    for (at, link) in seen.relations.links.iter().enumerate().take(flows.len()) {
        let Some(link) = link else { continue };
        if usize::try_from(link.flow).is_ok_and(|parent| parent < flows.len() && parent != at) {
            flows[at].related_to = Some(link.flow);
        } else {
            continue;
        }
        if !link.kind.belongs() || flows[at].verdict == Verdict::Documented {
            continue;
        }
        let mut root = link.flow;
        for _ in 0..MAX_CHAIN {
            match seen.relations.link(root) {
                Some(up) if up.kind.belongs() && (up.flow as usize) < flows.len() => root = up.flow,
                _ => break,
            }
        }
        let root = flows[root as usize];
        let of_a_group = matches!(link.kind, LinkKind::Ssdp | LinkKind::Coap)
            && seen.hosts.get(root.server_host).role == Role::Group;
        let igor = |judgement: &Judgement| {
            [judgement.client_host, judgement.server_host].iter().any(|host| seen.hosts.get(*host).role.is_igor())
        };
        match root.verdict {
            Verdict::Documented | Verdict::Related => decide_into(seen, &seen.flows[at], &mut flows[at], true),
            _ if of_a_group && igor(&flows[at]) => decide_into(seen, &seen.flows[at], &mut flows[at], true),
            // What a site allows, or networks need, covers the whole exchange.
            Verdict::SiteApproved | Verdict::Supporting if flows[at].verdict == Verdict::Unexpected => {
                let judgement = &mut flows[at];
                (judgement.verdict, judgement.rule) = (root.verdict, root.rule);
                (judgement.reason, judgement.severity) = (None, None);
            }
            _ => {}
        }
    }
}
