//! What a policy asks of a flow at all: flows that are alike in that are decided alike.

use super::matcher::Matcher;
use super::ports::PortBits;
use super::{Cell, SeverityRow};
use crate::protocol::Transport;

/// Which ports and addresses the rules of a policy tell apart.
#[derive(Clone, Default, Debug)]
pub(super) struct Interest {
    /// Every port that a document, a rule or a severity names, of whatever transport.
    ports: PortBits,
    /// Every client's port that a rule names.
    client_ports: PortBits,
    /// The server's ports for which a rule may want to know the address of an end.
    addresses: PortBits,
    /// The same where there are no ports.
    addresses_without_ports: bool,
}

impl Interest {
    pub(super) fn of<'a>(
        cells: &[Cell],
        severities: &[SeverityRow],
        matchers: impl Iterator<Item = &'a Matcher> + Clone,
    ) -> Self {
        let mut interest = Self::default();
        cells.iter().for_each(|cell| interest.ports.insert_all(cell.port, cell.port));
        let of_severities = severities.iter().flat_map(|row| &row.ports.0);
        let of_rules = matchers.clone().flat_map(|matcher| &matcher.ports.0);
        for range in of_severities.chain(of_rules) {
            interest.ports.insert_all(*range.start(), *range.end());
        }
        for range in matchers.clone().flat_map(|matcher| &matcher.client_ports.0) {
            interest.client_ports.insert_all(*range.start(), *range.end());
        }
        let by_address = matchers.filter(|it| !it.from.blocks.is_empty() || !it.to.blocks.is_empty());
        let is_without = |it: &Matcher| it.transports.is_empty() || it.transports.iter().any(|one| !one.has_ports());
        interest.addresses_without_ports = by_address.clone().any(is_without);
        interest.addresses = PortBits::of_rules(by_address);
        interest
    }

    /// Whether anything names a port. All others are alike.
    #[inline]
    pub(super) fn names(&self, port: u16) -> bool {
        self.ports.contains(port)
    }

    /// Whether a rule names a client's port. All others are alike.
    #[inline]
    pub(super) fn names_client(&self, port: u16) -> bool {
        self.client_ports.contains(port)
    }

    /// Whether a rule may ask for an address.
    #[inline]
    pub(super) fn looks_at_addresses(&self, transport: Transport, server_port: u16) -> bool {
        if transport.has_ports() { self.addresses.contains(server_port) } else { self.addresses_without_ports }
    }
}
