//! Which of many allowances or supporting entries a flow may match, without trying one after the other.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::matcher::{Endpoint, Matcher, Party};
use super::ports::PortBits;
use crate::protocol::Transport;

/// Entries with more addresses or ports than this are tried for each flow.
const FEW: usize = 16;

/// Each entry stands in one place: under the addresses of a side that names a few hosts only, else under its few ports,
/// else among the rest.
#[derive(Clone, Default, Debug)]
pub(super) struct MatcherIndex {
    /// The server's ports that any entry may match: most flows need no more.
    ports: PortBits,
    by_server: HashMap<IpAddr, Vec<u16>>,
    by_client: HashMap<IpAddr, Vec<u16>>,
    by_port: HashMap<u16, Vec<u16>>,
    rest: Vec<u16>,
}

impl MatcherIndex {
    pub(super) fn new<'a>(matchers: impl Iterator<Item = &'a Matcher> + Clone) -> Self {
        let mut index = Self { ports: PortBits::of_rules(matchers.clone()), ..Self::default() };
        for (at, matcher) in (0..=u16::MAX).zip(matchers) {
            if let Some(hosts) = few_hosts(&matcher.to) {
                hosts.for_each(|host| index.by_server.entry(host).or_default().push(at));
            } else if let Some(hosts) = few_hosts(&matcher.from) {
                hosts.for_each(|host| index.by_client.entry(host).or_default().push(at));
            } else if let Some(ports) = few_ports(matcher) {
                ports.into_iter().for_each(|port| index.by_port.entry(port).or_default().push(at));
            } else {
                index.rest.push(at);
            }
        }
        index
    }

    /// The first entry that a flow matches; `matcher` is that of an entry.
    pub(super) fn first<'a>(
        &self,
        matcher: impl Fn(u16) -> Option<&'a Matcher>,
        (client, server): (&Party, &Party),
        transport: Transport,
        icmp_type: Option<u8>,
    ) -> Option<u16> {
        if transport.has_ports() && !self.ports.contains(server.port) {
            return None;
        }
        let matches = |at: &u16| matcher(*at).is_some_and(|it| it.matches(client, server, transport, icmp_type));
        let lists = [
            self.by_server.get(&server.address),
            self.by_client.get(&client.address),
            self.by_port.get(&server.port),
            Some(&self.rest),
        ];
        lists.into_iter().flatten().filter_map(|list| list.iter().copied().find(matches)).min()
    }
}

/// The hosts of a side that names nothing but a few single ones.
fn few_hosts(end: &Endpoint) -> Option<impl Iterator<Item = IpAddr>> {
    let single = |block: &IpNet| block.prefix_len() == block.max_prefix_len();
    let is_few = end.roles.is_empty() && end.blocks.len() <= FEW && end.blocks.iter().all(single);
    is_few.then(|| {
        let mut hosts: Vec<IpAddr> = end.blocks.iter().map(IpNet::addr).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.into_iter()
    })
}

/// The server's ports of an entry that holds for a few only, and for nothing without ports.
fn few_ports(matcher: &Matcher) -> Option<Vec<u16>> {
    let has_ports = !matcher.transports.is_empty() && matcher.transports.iter().all(|it| it.has_ports());
    let number: usize = matcher.ports.0.iter().map(ExactSizeIterator::len).sum();
    (has_ports && (1..=FEW).contains(&number)).then(|| {
        let mut ports: Vec<u16> = matcher.ports.0.iter().cloned().flatten().collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::matcher::PortSet;
    use crate::policy::{Role, RoleSet};

    fn address() -> impl Strategy<Value = IpAddr> {
        (0..4_u8).prop_map(|last| IpAddr::from([10, 0, 0, last]))
    }

    fn end() -> impl Strategy<Value = Endpoint> {
        let block = (address(), prop_oneof![Just(32_u8), Just(31), Just(8)])
            .prop_map(|(address, length)| IpNet::new(address, length).unwrap().trunc());
        let roles =
            prop_oneof![3 => Just(RoleSet::NONE), 1 => Just(RoleSet::ANY), 1 => Just(RoleSet::NONE.with(Role::Node))];
        (roles, prop::collection::vec(block, 0..3)).prop_map(|(roles, blocks)| Endpoint { roles, blocks })
    }

    fn ports() -> impl Strategy<Value = PortSet> {
        let range = (0..4_u16, 0..30_u16).prop_map(|(first, more)| first..=first + more);
        prop::collection::vec(range, 0..3).prop_map(PortSet)
    }

    const TRANSPORTS: [Transport; 4] = [Transport::Tcp, Transport::Udp, Transport::Icmp, Transport::Other(47)];

    fn matcher() -> impl Strategy<Value = Matcher> {
        let transports = prop::sample::subsequence(TRANSPORTS.to_vec(), 0..3);
        (end(), end(), transports, ports(), ports(), ports()).prop_map(
            |(from, to, transports, ports, client_ports, types)| Matcher {
                from,
                to,
                transports,
                ports,
                client_ports,
                types,
            },
        )
    }

    fn party() -> impl Strategy<Value = Party> {
        let role = prop_oneof![Just(Role::Node), Just(Role::Gateway)];
        (role, address(), 0..8_u16).prop_map(|(role, address, port)| Party { role, address, port })
    }

    proptest! {
        #[test]
        fn the_first_match_is_that_of_trying_one_after_the_other(
            matchers in prop::collection::vec(matcher(), 0..12),
            flows in prop::collection::vec((party(), party(), prop::sample::select(TRANSPORTS.to_vec()), 0..8_u8), 1..20),
        ) {
            let index = MatcherIndex::new(matchers.iter());
            for (client, server, transport, kind) in flows {
                let kind = (transport == Transport::Icmp).then_some(kind);
                let found = index.first(|at| matchers.get(usize::from(at)), (&client, &server), transport, kind);
                let tried = matchers.iter().position(|it| it.matches(&client, &server, transport, kind));
                prop_assert_eq!(found.map(usize::from), tried);
            }
        }
    }
}
