//! How much an unexpected flow or another finding matters.

use super::{FindingKind, PortSet, Reason, Role, RoleSet, Severity};
use crate::protocol::Transport;

/// What a severity is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Case {
    /// An unexpected flow.
    Unexpected(Reason),
    /// A finding of another kind.
    Finding(FindingKind),
}

/// One row of the severity table; the first that holds decides.
#[derive(Clone, Debug)]
pub struct SeverityRow {
    /// The answer.
    pub level: Severity,
    /// Reasons of unexpected flows it holds for; if it names neither reasons nor findings, every reason.
    pub reasons: Vec<Reason>,
    /// Findings it holds for.
    pub findings: Vec<FindingKind>,
    /// The client's role.
    pub from: RoleSet,
    /// The server's role.
    pub to: RoleSet,
    /// Two roles, either way round.
    pub between: Option<(Role, Role)>,
    /// Transports; empty holds for all.
    pub transports: Vec<Transport>,
    /// The server's ports.
    pub ports: PortSet,
    /// In words.
    pub why: String,
}

impl SeverityRow {
    /// Whether the row holds.
    pub fn holds(&self, case: Case, client: Role, server: Role, transport: Transport, port: u16) -> bool {
        let case_holds = match case {
            Case::Unexpected(reason) => {
                self.reasons.contains(&reason) || self.reasons.is_empty() && self.findings.is_empty()
            }
            Case::Finding(kind) => self.findings.contains(&kind),
        };
        case_holds
            && self.from.contains(client)
            && self.to.contains(server)
            && self.between.is_none_or(|(a, b)| (client, server) == (a, b) || (client, server) == (b, a))
            && (self.transports.is_empty() || self.transports.contains(&transport))
            && self.ports.contains(port)
    }
}
