//! What the policy says of one flow: a pure function, with a table for each step (docs/verdicts.md).

use super::Verdict;
use crate::policy::{Case, Cell, Direction, Party, Policy, Reason, Role, Rule, Severity};
use crate::protocol::{Evidence, Transport};

/// All that a verdict rests on.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Who asked.
    pub client: Party,
    /// Who answered.
    pub server: Party,
    /// Transport.
    pub transport: Transport,
    /// For ICMP and ICMPv6, the type (of the request).
    pub icmp_type: Option<u8>,
    /// What the payload says of the protocol that the documented port calls for.
    pub payload: Evidence,
    /// Whether it belongs to a documented exchange, or answers a group's discovery.
    pub related: bool,
}

/// What the policy says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, if unexpected.
    pub reason: Option<Reason>,
    /// How much it matters, if unexpected.
    pub severity: Option<Severity>,
    /// What decided, where one rule did.
    pub rule: Rule,
}

/// The cells that document a flow, at the client's end (outgoing) and the server's (incoming).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filled {
    /// The client's outgoing cell.
    pub client: Option<u16>,
    /// The server's incoming cell; of a group's message to a product, the cell of who hears it.
    pub server: Option<u16>,
}

impl Filled {
    /// The cell to cite: the listener's, as a firewall rule is written there.
    fn rule(self) -> Rule {
        self.server.or(self.client).map_or(Rule::None, Rule::Cell)
    }
}

/// The verdict on a flow.
pub fn decide(policy: &Policy, question: &Question) -> Decision {
    let Question { client, server, transport, icmp_type, .. } = question;
    let plain = |verdict, rule| Decision { verdict, reason: None, severity: None, rule };

    if let Some(filled) = documented(policy, client.role, server.role, *transport, server.port) {
        if question.payload == Evidence::Violates {
            return unexpected(policy, question, Reason::WrongProtocol, filled.rule());
        }
        return plain(Verdict::Documented, filled.rule());
    }
    if question.related {
        return plain(Verdict::Related, Rule::None);
    }
    if let Some(at) = policy.allowance(client, server, *transport, *icmp_type) {
        return plain(Verdict::SiteApproved, Rule::Allowance(at));
    }
    if let Some(at) = policy.support(client, server, *transport, *icmp_type) {
        return plain(Verdict::Supporting, Rule::Supporting(at));
    }
    if !client.role.is_igor() && !server.role.is_igor() {
        return plain(Verdict::Bystander, Rule::None);
    }
    let (reason, rule) = reason(policy, client.role, server.role, *transport, server.port);
    unexpected(policy, question, reason, rule)
}

fn unexpected(policy: &Policy, question: &Question, reason: Reason, rule: Rule) -> Decision {
    let Question { client, server, transport, icmp_type, .. } = question;
    let port = icmp_type.map_or(server.port, u16::from);
    let severity = policy.severity(Case::Unexpected(reason), client.role, server.role, *transport, port);
    Decision { verdict: Verdict::Unexpected, reason: Some(reason), severity: Some(severity), rule }
}

/// The cells that document a port from a client's role to a server's, or `None` if it is not documented.
pub fn documented(policy: &Policy, client: Role, server: Role, transport: Transport, port: u16) -> Option<Filled> {
    let on_port = policy.cells_on(transport, port);
    if on_port.is_empty() {
        return None;
    }
    let find = |holds: &dyn Fn(&Cell) -> bool| {
        on_port.iter().copied().find(|at| policy.cells().get(usize::from(*at)).is_some_and(holds))
    };
    if server == Role::Group {
        if policy.documents().iter().any(|document| document.role == client) {
            let outgoing = find(&|cell| cell.direction == Direction::Outgoing && cell.role == client)?;
            return Some(Filled { client: Some(outgoing), server: None });
        }
        let incoming = find(&|cell| cell.direction == Direction::Incoming && cell.document_peer == client)?;
        return Some(Filled { client: None, server: Some(incoming) });
    }
    let outgoing = find(&|cell| cell.direction == Direction::Outgoing && cell.role == client && cell.admits(server));
    let incoming = find(&|cell| cell.direction == Direction::Incoming && cell.role == server && cell.admits(client));
    let speaks = |role, peer| policy.documents().iter().any(|document| (document.role, document.peer) == (role, peer));
    let both_ends = (outgoing.is_some() || !speaks(client, server)) && (incoming.is_some() || !speaks(server, client));
    let filled = Filled { client: outgoing, server: incoming };
    (both_ends && filled != Filled::default()).then_some(filled)
}

/// Why a flow that nothing explains is unexpected, and the cell that comes nearest.
fn reason(policy: &Policy, client: Role, server: Role, transport: Transport, port: u16) -> (Reason, Rule) {
    if matches!(transport, Transport::Other(_)) {
        return (Reason::UnlistedIpProtocol, Rule::None);
    }
    let Some(listed) = listed(policy, client, server, transport, port, |_| true) else {
        let other = match transport {
            Transport::Tcp => Transport::Udp,
            Transport::Udp => Transport::Tcp,
            // ICMP has no ports that could be right elsewhere.
            _ => return (Reason::UndocumentedPort, Rule::None),
        };
        return match self::listed(policy, client, server, other, port, |_| true) {
            Some(rule) => (Reason::WrongTransport, rule),
            None => (Reason::UndocumentedPort, Rule::None),
        };
    };
    let this_way = |cell: &Cell| (cell.direction == Direction::Outgoing) == (cell.role == client);
    let of_this_pair = |cell: &Cell| cell.speaks_of(if cell.role == client { server } else { client });
    let find = |holds: &dyn Fn(&Cell) -> bool| self::listed(policy, client, server, transport, port, holds);
    // Between two hosts of one role each cell is listed both ways.
    let mirrored = client == server;

    let given_this_way = find(&|cell| of_this_pair(cell) && (mirrored || this_way(cell)));
    let given_back = find(&|cell| of_this_pair(cell) && (mirrored || !this_way(cell)));
    if let (Some(rule), None) = (given_back, given_this_way) {
        return (Reason::WrongDirection, rule);
    }
    match find(&|cell| !of_this_pair(cell) && (mirrored || this_way(cell))) {
        Some(rule) => (Reason::UndocumentedPeer, rule),
        None => (Reason::WrongDirection, given_this_way.unwrap_or(listed)),
    }
}

/// The first cell of a port in the lists of either end that fits. A sender without a document
/// speaks to a group by the documents that speak of it.
fn listed(
    policy: &Policy,
    client: Role,
    server: Role,
    transport: Transport,
    port: u16,
    fits: impl Fn(&Cell) -> bool,
) -> Option<Rule> {
    let owned = |cell: &Cell| cell.role == client || cell.role == server;
    let heard = |cell: &Cell| server == Role::Group && cell.document_peer == client && !policy.owns(client);
    policy
        .cells_on(transport, port)
        .iter()
        .copied()
        .find(|at| policy.cells().get(usize::from(*at)).is_some_and(|cell| (owned(cell) || heard(cell)) && fits(cell)))
        .map(Rule::Cell)
}

#[cfg(test)]
mod tests;
