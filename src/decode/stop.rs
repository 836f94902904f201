//! Where and why decoding of a frame ended early.

/// Where and why decoding of a frame ended early. What was read before stays in the packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stop {
    /// The layer that could not be read to its end.
    pub layer: StopLayer,
    /// Why.
    pub reason: StopReason,
}

/// Layers where decoding can stop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)] // the names are the protocols'
pub enum StopLayer {
    Link,
    Ethernet,
    Vlan,
    Llc,
    Sll,
    Sll2,
    Null,
    Pppoe,
    Ppp,
    Mpls,
    Radiotap,
    Wlan,
    Macsec,
    Arp,
    Ipv4,
    Ipv6,
    Ipv6Extension,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    Gre,
    Erspan,
    Vxlan,
    Geneve,
    Tzsp,
    Tunnel,
    Nflog,
    Prism,
    Ppi,
    SwitchTag,
    Nsh,
    Pktap,
    Capwap,
    GtpU,
    L2tp,
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

    /// Name as it stands in survey.json.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Llc => "llc",
            Self::Sll => "sll",
            Self::Sll2 => "sll2",
            Self::Null => "null",
            Self::Pppoe => "pppoe",
            Self::Ppp => "ppp",
            Self::Mpls => "mpls",
            Self::Radiotap => "radiotap",
            Self::Wlan => "wlan",
            Self::Macsec => "macsec",
            Self::Arp => "arp",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6-extension",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Tzsp => "tzsp",
            Self::Tunnel => "tunnel",
            Self::Nflog => "nflog",
            Self::Prism => "prism",
            Self::Ppi => "ppi",
            Self::SwitchTag => "switch-tag",
            Self::Nsh => "nsh",
            Self::Pktap => "pktap",
            Self::Capwap => "capwap",
            Self::GtpU => "gtp-u",
            Self::L2tp => "l2tp",
        }
    }
}

/// Reasons to stop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StopReason {
    /// The header ends behind the captured bytes, and the frame was longer on the wire.
    CutBySnapLength,
    /// The header ends behind the frame's own end.
    TooShort,
    /// A length field contradicts its header or its surroundings.
    BadLength,
    /// A version field holds a version that the layer does not have.
    BadVersion,
    /// More nested tunnels than are taken off.
    TooDeep,
    /// A link type, address family or encapsulation that is not known.
    Unsupported,
    /// What follows is encrypted.
    Encrypted,
}

impl StopReason {
    /// Name as it stands in survey.json.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutBySnapLength => "cut-by-snap-length",
            Self::TooShort => "too-short",
            Self::BadLength => "bad-length",
            Self::BadVersion => "bad-version",
            Self::TooDeep => "too-deep",
            Self::Unsupported => "unsupported",
            Self::Encrypted => "encrypted",
        }
    }
}
