//! Where and why decoding of a frame ended early.

use crate::text::named;

/// Where and why decoding of a frame ended early. What was read before stays in the packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stop {
    /// The layer that could not be read to its end.
    pub layer: StopLayer,
    /// Why.
    pub reason: StopReason,
}

named! {
    /// Layers where decoding can stop.
    #[allow(missing_docs)] // the names are the protocols'
    pub enum StopLayer {
        Link = "link",
        Ethernet = "ethernet",
        Vlan = "vlan",
        Llc = "llc",
        Sll = "sll",
        Sll2 = "sll2",
        Null = "null",
        Pppoe = "pppoe",
        Ppp = "ppp",
        Mpls = "mpls",
        Radiotap = "radiotap",
        Wlan = "wlan",
        Macsec = "macsec",
        Arp = "arp",
        Ipv4 = "ipv4",
        Ipv6 = "ipv6",
        Ipv6Extension = "ipv6-extension",
        Tcp = "tcp",
        Udp = "udp",
        Icmp = "icmp",
        Icmpv6 = "icmpv6",
        Gre = "gre",
        Erspan = "erspan",
        Vxlan = "vxlan",
        Geneve = "geneve",
        Tzsp = "tzsp",
        Tunnel = "tunnel",
        Nflog = "nflog",
        Prism = "prism",
        Ppi = "ppi",
        SwitchTag = "switch-tag",
        Nsh = "nsh",
        Pktap = "pktap",
        Capwap = "capwap",
        GtpU = "gtp-u",
        L2tp = "l2tp",
    }
}

impl StopLayer {
    /// Whether it lies below IP and ARP.
    pub const fn is_link(self) -> bool {
        matches!(
            self,
            Self::Link
                | Self::Ethernet
                | Self::Vlan
                | Self::Llc
                | Self::Sll
                | Self::Sll2
                | Self::Null
                | Self::Pppoe
                | Self::Ppp
                | Self::Mpls
                | Self::Radiotap
                | Self::Wlan
                | Self::Macsec
                | Self::Nflog
                | Self::Prism
                | Self::Ppi
                | Self::SwitchTag
                | Self::Nsh
                | Self::Pktap
        )
    }
}

named! {
    /// Reasons to stop.
    pub enum StopReason {
        /// The header ends behind the captured bytes, and the frame was longer on the wire.
        CutBySnapLength = "cut-by-snap-length",
        /// The header ends behind the frame's own end.
        TooShort = "too-short",
        /// A length field contradicts its header or its surroundings.
        BadLength = "bad-length",
        /// A version field holds a version that the layer does not have.
        BadVersion = "bad-version",
        /// More nested tunnels than are taken off.
        TooDeep = "too-deep",
        /// A link type, address family or encapsulation that is not known.
        Unsupported = "unsupported",
        /// What follows is encrypted.
        Encrypted = "encrypted",
    }
}
