//! Frames that are not IP, by name.

use std::fmt;

/// Kinds of frame that are not IP; counted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NonIp {
    /// Address Resolution Protocol (RFC 826).
    Arp,
    /// Reverse ARP (RFC 903).
    Rarp,
    /// Link Layer Discovery Protocol (IEEE 802.1AB).
    Lldp,
    /// Cisco Discovery Protocol.
    Cdp,
    /// Spanning tree (IEEE 802.1D).
    Stp,
    /// EAP over LAN (IEEE 802.1X).
    Eapol,
    /// PPPoE discovery (RFC 2516).
    PppoeDiscovery,
    /// MACsec (IEEE 802.1AE); its content is secret or at least not ours to enter.
    Macsec,
    /// IEEE 802.3 slow protocols (LACP).
    SlowProtocols,
    /// Precision Time Protocol over Ethernet (IEEE 1588).
    Ptp,
    /// An IEEE 802.11 frame that carries no network packet (management, control, null data), or a later fragment
    /// of one.
    Wlan,
    /// An IEEE 802.11 data frame that holds several packets.
    WlanAggregate,
    /// An IEEE 802.11 data frame whose content is encrypted.
    EncryptedWlan,
    /// A PPP control protocol or another PPP protocol that is not IP, by number.
    Ppp(u16),
    /// A SNAP protocol: organization code and protocol number.
    Snap(u32, u16),
    /// An IEEE 802.2 LLC frame, by its destination service access point.
    Llc(u8),
    /// Any other EtherType.
    EtherType(u16),
    /// An EtherType that is not known, behind which an IP header plausibly stands: a tag.
    UnknownTag(u16),
    /// A link type that is not decoded.
    LinkType(u16),
    /// A BSD address family that is not IP.
    AddressFamily(u32),
    /// Bytes that a link type known by number only carries: not taken apart.
    Opaque,
}

impl fmt::Display for NonIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arp => "arp",
            Self::Rarp => "rarp",
            Self::Lldp => "lldp",
            Self::Cdp => "cdp",
            Self::Stp => "stp",
            Self::Eapol => "eapol",
            Self::PppoeDiscovery => "pppoe-discovery",
            Self::Macsec => "macsec",
            Self::SlowProtocols => "slow-protocols",
            Self::Ptp => "ptp",
            Self::Wlan => "wlan",
            Self::EncryptedWlan => "wlan-encrypted",
            Self::WlanAggregate => "wlan-aggregate",
            Self::Ppp(number) => return write!(f, "ppp-0x{number:04x}"),
            Self::Snap(oui, number) => return write!(f, "snap-{oui:06x}-0x{number:04x}"),
            Self::Llc(sap) => return write!(f, "llc-0x{sap:02x}"),
            Self::EtherType(number) => return write!(f, "ethertype-0x{number:04x}"),
            Self::UnknownTag(number) => return write!(f, "unknown-tag-0x{number:04x}"),
            Self::LinkType(number) => return write!(f, "link-type-{number}"),
            Self::AddressFamily(number) => return write!(f, "address-family-{number}"),
            Self::Opaque => "opaque",
        })
    }
}
