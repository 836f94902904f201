//! What an ICMP error says of a flow (RFC 792, RFC 1812 section 5.2.7, RFC 4443 section 3).

use std::net::IpAddr;

use crate::capture::{Moment, Timestamp};
use crate::flow::{IcmpError, Window};
use crate::protocol::Transport;
use crate::text::named;

/// An ICMP or ICMPv6 error that quotes a flow: the first of those that say most (unreachable before
/// time exceeded), and how many there were of its kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// `Icmp` or `Icmpv6`.
    pub transport: Transport,
    /// Type (RFC 792: 3 unreachable, 11 time exceeded; RFC 4443: 1 unreachable, 3 time exceeded).
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Who sent the error: a router on the way, or the server itself.
    pub sender: IpAddr,
    /// Whether the sender is the address that the lost packet was for.
    pub by_destination: bool,
    /// The end (0 or 1) whose packet was quoted: what it sent failed.
    pub failed: u8,
    /// The first such error.
    pub at: Moment,
    /// Its time.
    pub time: Timestamp,
    /// How many errors of this type, code and sender quote the flow.
    pub count: u64,
}

named! {
    /// What an ICMP error says of the network, by its type, code and sender.
    pub enum RejectionCause {
        /// The destination itself says that nothing listens on the port.
        NoListener = "no listener",
        /// The destination itself forbids it.
        HostFirewall = "host firewall",
        /// A router or firewall on the way forbids it.
        PathFilter = "filter on the way",
        /// A router, or the sender's own stack, found nobody at the address.
        HostAbsent = "host absent from the network",
        /// A router has no way to the network.
        NoRoute = "no route",
        /// Packets circle until their hop limit runs out.
        RoutingLoop = "routing loop or hop limit too small",
        /// Something else; see type and code.
        Other = "other",
    }
}

impl Rejection {
    /// What errors say of the end whose packets they quote; `window` is of all that say so.
    pub(crate) fn of(error: &IcmpError, window: &Window, failed: u8) -> Self {
        Self {
            transport: if error.v6 { Transport::Icmpv6 } else { Transport::Icmp },
            kind: error.kind,
            code: error.code,
            sender: error.sender,
            by_destination: error.sender == error.destination.0,
            failed,
            at: window.begin,
            time: window.first,
            count: window.count,
        }
    }

    /// Whether it says that the destination cannot be reached (and not only that a packet was too big
    /// or its time was up).
    pub const fn is_unreachable(&self) -> bool {
        match self.transport {
            Transport::Icmp => self.kind == 3 && self.code != 4,
            Transport::Icmpv6 => self.kind == 1,
            _ => false,
        }
    }

    /// Whether one alone, of an answer, proves nothing: who asked may have closed its port meanwhile.
    pub const fn may_be_late(&self) -> bool {
        matches!(self.cause(), RejectionCause::NoListener)
    }

    /// The likely cause. A port unreachable that the destination did not send itself is what filters
    /// send by default (REJECT of iptables and nftables), no statement about the port. One that it
    /// did send may still be its own firewall's: the error looks the same.
    pub const fn cause(&self) -> RejectionCause {
        use RejectionCause::*;
        let own = self.by_destination;
        match (matches!(self.transport, Transport::Icmpv6), self.kind, self.code) {
            (false, 3, 2 | 3) | (true, 1, 4) => {
                if own {
                    NoListener
                } else {
                    PathFilter
                }
            }
            (false, 3, 9 | 10 | 13..=15) | (true, 1, 1 | 5 | 6) => {
                if own {
                    HostFirewall
                } else {
                    PathFilter
                }
            }
            (false, 3, 1 | 7) | (true, 1, 3) => HostAbsent,
            (false, 3, 0 | 6 | 11 | 12) | (true, 1, 0) => NoRoute,
            (false, 11, 0) | (true, 3, 0) => RoutingLoop,
            _ => Other,
        }
    }

    /// Type and code in the standards' words.
    pub const fn text(&self) -> &'static str {
        const UNREACHABLE: [&str; 16] = [
            "network unreachable",
            "host unreachable",
            "protocol unreachable",
            "port unreachable",
            "fragmentation needed",
            "source route failed",
            "destination network unknown",
            "destination host unknown",
            "source host isolated",
            "network administratively prohibited",
            "host administratively prohibited",
            "network unreachable for type of service",
            "host unreachable for type of service",
            "communication administratively prohibited",
            "host precedence violation",
            "precedence cutoff in effect",
        ];
        const UNREACHABLE_V6: [&str; 8] = [
            "no route to destination",
            "communication administratively prohibited",
            "beyond scope of source address",
            "address unreachable",
            "port unreachable",
            "source address failed ingress/egress policy",
            "reject route to destination",
            "error in source routing header",
        ];
        const EXCEEDED: [&str; 2] = ["time to live exceeded in transit", "fragment reassembly time exceeded"];
        let (names, other): (&[&str], _) = match (self.transport, self.kind) {
            (Transport::Icmp, 3) => (&UNREACHABLE, "destination unreachable"),
            (Transport::Icmpv6, 1) => (&UNREACHABLE_V6, "destination unreachable"),
            _ => (&EXCEEDED, "time exceeded"),
        };
        let at = self.code as usize;
        if at < names.len() { names[at] } else { other }
    }
}
