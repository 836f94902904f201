//! The multicast and broadcast addresses of the protocols that use them.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::protocol::{Protocol, Transport};

/// Groups of one protocol.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Groups {
    /// The protocol, as people call it.
    pub name: &'static str,
    /// IPv4 groups.
    pub v4: Vec<Ipv4Net>,
    /// IPv6 groups.
    pub v6: Vec<Ipv6Net>,
    /// Whether 255.255.255.255 and the subnet's directed broadcast are meant too.
    pub broadcast: bool,
}

impl Groups {
    fn new(name: &'static str, v4: &[(Ipv4Addr, u8)], v6: &[(Ipv6Addr, u8)], broadcast: bool) -> Self {
        Self {
            name,
            v4: v4.iter().map(|(address, length)| Ipv4Net::new_assert(*address, *length)).collect(),
            v6: v6.iter().map(|(address, length)| Ipv6Net::new_assert(*address, *length)).collect(),
            broadcast,
        }
    }

    /// Every group as a block; broadcasts are not among them.
    pub fn blocks(&self) -> impl Iterator<Item = IpNet> {
        self.v4.iter().copied().map(IpNet::from).chain(self.v6.iter().copied().map(IpNet::from))
    }

    /// Those that a router may carry on: not broadcasts, not link-local (RFC 5771, 4291).
    #[must_use]
    pub fn routed(mut self) -> Option<Self> {
        let local4 = Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 24);
        self.v4.retain(|block| !local4.contains(block));
        self.v6.retain(|block| block.addr().octets()[1] & 0xf > 2);
        self.broadcast = false;
        (!self.v4.is_empty() || !self.v6.is_empty()).then_some(self)
    }

    /// The groups that a documented protocol asks in; `None` for one that has none of its own.
    pub fn of_protocol(protocol: Option<Protocol>) -> Option<Self> {
        Some(match protocol? {
            // UPnP Device Architecture 2.0, sections 1.2 and A.
            Protocol::Ssdp => {
                Self::new("SSDP", &[(v4(239, 255, 255, 250), 32)], &[(ff(2, 0xc), 128), (ff(5, 0xc), 128)], false)
            }
            // RFC 7252 section 12.8.
            Protocol::Coap => {
                Self::new("CoAP", &[(v4(224, 0, 1, 187), 32)], &[(ff(2, 0xfd), 128), (ff(5, 0xfd), 128)], false)
            }
            // ANSI/ASHRAE 135 annexes J and U.
            Protocol::Bacnet => Self::new("BACnet", &[], &[(ff(2, 0xbac0), 128), (ff(5, 0xbac0), 128)], true),
            _ => return None,
        })
    }

    /// The groups of a supporting protocol; every group where the port tells nothing.
    pub fn of_port(transport: Option<Transport>, port: Option<u16>) -> Self {
        match (transport, port) {
            (Some(Transport::Udp), Some(67 | 68)) => Self::new("DHCP", &[], &[], true),
            (Some(Transport::Udp), Some(546 | 547)) => {
                Self::new("DHCPv6", &[], &[(dhcp(2, 2), 128), (dhcp(5, 3), 128)], false)
            }
            (Some(Transport::Udp), Some(123)) => {
                Self::new("NTP", &[(v4(224, 0, 1, 1), 32)], &[(ff(5, 0x101), 128)], true)
            }
            (Some(Transport::Udp), Some(137 | 138)) => Self::new("NetBIOS", &[], &[], true),
            (Some(Transport::Udp), Some(5353)) => {
                Self::new("mDNS", &[(v4(224, 0, 0, 251), 32)], &[(ff(2, 0xfb), 128)], false)
            }
            (Some(Transport::Udp), Some(5355)) => {
                Self::new("LLMNR", &[(v4(224, 0, 0, 252), 32)], &[(llmnr(), 128)], false)
            }
            (Some(Transport::Icmpv6), _) => Self::new("IPv6 link", &[], &[(ff(2, 0), 16)], false),
            (Some(Transport::Icmp), _) => Self::new("IPv4 link", &[(v4(224, 0, 0, 0), 24)], &[], true),
            (Some(Transport::Other(2)), _) => Self::new("IGMP", &[(v4(224, 0, 0, 0), 4)], &[], false),
            _ => Self::new("all", &[(v4(224, 0, 0, 0), 4)], &[(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8)], true),
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// `ff0S::N` (RFC 4291 section 2.7).
const fn ff(scope: u16, group: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 + scope, 0, 0, 0, 0, 0, 0, group)
}

/// `ff0S::1:N`, DHCPv6's (RFC 8415 section 7.1).
const fn dhcp(scope: u16, group: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 + scope, 0, 0, 0, 0, 0, 1, group)
}

/// `ff02::1:3` (RFC 4795 section 2).
const fn llmnr() -> Ipv6Addr {
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_the_standards() {
        let text = |groups: Groups| groups.blocks().map(|block| block.to_string()).collect::<Vec<_>>().join(" ");
        for (protocol, expected) in [
            (Protocol::Ssdp, "239.255.255.250/32 ff02::c/128 ff05::c/128"),
            (Protocol::Coap, "224.0.1.187/32 ff02::fd/128 ff05::fd/128"),
            (Protocol::Bacnet, "ff02::bac0/128 ff05::bac0/128"),
        ] {
            assert_eq!(Groups::of_protocol(Some(protocol)).map(text).as_deref(), Some(expected));
        }
        assert_eq!(text(Groups::of_port(Some(Transport::Udp), Some(5353))), "224.0.0.251/32 ff02::fb/128");
        assert_eq!(text(Groups::of_port(Some(Transport::Udp), Some(547))), "ff02::1:2/128 ff05::1:3/128");
        assert_eq!(text(Groups::of_port(None, None)), "224.0.0.0/4 ff00::/8");
    }

    #[test]
    fn a_router_carries_no_link_local_groups_and_no_broadcasts() {
        let routed = |protocol| Groups::of_protocol(Some(protocol)).and_then(Groups::routed);
        let ssdp = routed(Protocol::Ssdp).unwrap();
        assert_eq!(ssdp.blocks().map(|b| b.to_string()).collect::<Vec<_>>(), ["239.255.255.250/32", "ff05::c/128"]);
        assert_eq!(routed(Protocol::Bacnet).map(|groups| groups.broadcast), Some(false));
        assert_eq!(Groups::of_port(Some(Transport::Udp), Some(5353)).routed(), None);
    }
}
