//! The values that policy files are made of: roles, addresses, transports, ports.

use ipnet::IpNet;

use super::read::{Reader, Value};
use super::{Endpoint, PortSet, Role, RoleSet};
use crate::protocol::Transport;

const ROLES: &[(&str, Role)] = &[
    ("gateway", Role::Gateway),
    ("node", Role::Node),
    ("bacnet", Role::Bacnet),
    ("host", Role::Host),
    ("external", Role::External),
    ("group", Role::Group),
];

const TRANSPORTS: &[(&str, Transport)] =
    &[("tcp", Transport::Tcp), ("udp", Transport::Udp), ("icmp", Transport::Icmp), ("icmpv6", Transport::Icmpv6)];

impl Reader<'_> {
    pub(super) fn role(&self, value: Value<'_, '_>) -> Option<Role> {
        self.word(value, "role", ROLES)
    }

    /// One role or several; `any` for all.
    pub(super) fn roles(&self, value: Value<'_, '_>) -> RoleSet {
        if value.get_ref().as_str() == Some("any") {
            return RoleSet::ANY;
        }
        self.several(value, |one| self.role(one)).into_iter().collect()
    }

    /// Roles, addresses and CIDR blocks; `any` for all.
    pub(super) fn endpoint(&self, value: Value<'_, '_>) -> Endpoint {
        if value.get_ref().as_str() == Some("any") {
            return Endpoint::ANY;
        }
        let mut endpoint = Endpoint { roles: RoleSet::NONE, blocks: Vec::new() };
        for (text, one) in self.several(value, |one| Some((self.text(one, "a role, address or CIDR block")?, one))) {
            if let Some(block) = block(text) {
                endpoint.blocks.push(block);
            } else if text.contains(['.', ':', '/']) {
                self.complain(one.span(), format!("\"{text}\" is no address or CIDR block, such as 10.0.0.0/24"));
            } else if let Some(role) = self.role(one) {
                endpoint.roles = endpoint.roles.with(role);
            }
        }
        endpoint
    }

    /// One transport or several, by name or IP protocol number.
    pub(super) fn transports(&self, value: Value<'_, '_>) -> Vec<Transport> {
        self.several(value, |one| {
            if one.get_ref().is_integer() {
                let number = self.number(one, "an IP protocol", 0..256)?;
                return u8::try_from(number).ok().map(Transport::from);
            }
            self.word(one, "transport", TRANSPORTS)
        })
    }

    /// TCP or UDP.
    pub(super) fn port_transport(&self, value: Value<'_, '_>) -> Option<Transport> {
        self.word(value, "transport with ports", &TRANSPORTS[..2])
    }

    /// One port or several, each a number or a range such as `"8000-8100"`.
    pub(super) fn ports(&self, value: Value<'_, '_>, what: &str, last: u16) -> PortSet {
        let first = u32::from(last == u16::MAX);
        let ranges: Vec<_> = self.several(value, |one| {
            if let Some(text) = one.get_ref().as_str() {
                let range = text.split_once('-').and_then(|(low, high)| {
                    let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
                    (u32::from(low) >= first && low <= high && high <= last).then_some(low..=high)
                });
                if range.is_none() {
                    self.expected(one, &format!("{what} as a number, or a range such as \"8000-8100\""));
                }
                return range;
            }
            let number = self.number(one, what, first..u32::from(last) + 1)?;
            u16::try_from(number).ok().map(|number| number..=number)
        });
        if ranges.is_empty() && value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            self.expected(value, &format!("at least one {what} (leave the key out for all)"));
        }
        PortSet(ranges)
    }
}

/// An address or a CIDR block.
fn block(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address)))
}
