//! What decoding a frame yields.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;

/// How many tunnels are taken off one frame before decoding stops with [`StopReason::TooDeep`].
pub(super) const MAX_TUNNELS: usize = 8;

/// A 48-bit MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Whether the group bit is set (IEEE 802, multicast or broadcast).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The VLAN identifiers of a frame, outermost first (IEEE 802.1Q). Prints as `10` or `10.20`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum VlanPath {
    /// No tag.
    #[default]
    Untagged,
    /// One tag.
    One(u16),
    /// Two tags.
    Two(u16, u16),
    /// Three tags and more; allocated, because nobody does this.
    Deep(Arc<[u16]>),
}

impl VlanPath {
    /// Adds a tag on the inside.
    pub fn push(&mut self, id: u16) {
        *self = match std::mem::take(self) {
            Self::Untagged => Self::One(id),
            Self::One(a) => Self::Two(a, id),
            Self::Two(a, b) => Self::Deep(Arc::new([a, b, id])),
            Self::Deep(tags) => Self::Deep(tags.iter().copied().chain([id]).collect()),
        };
    }

    /// Adds a run of tags on the inside, with one allocation at most.
    pub(super) fn extend(&mut self, ids: impl Iterator<Item = u16> + Clone) {
        if ids.clone().nth(2).is_none() {
            ids.for_each(|id| self.push(id));
        } else {
            let all: Vec<u16> = self.iter().chain(ids).collect();
            *self = Self::Deep(all.into());
        }
    }

    /// The identifiers, outermost first.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        let (head, deep): (ArrayVec<u16, 2>, &[u16]) = match self {
            Self::Untagged => (ArrayVec::new(), &[]),
            Self::One(a) => ([*a].into_iter().collect(), &[]),
            Self::Two(a, b) => (ArrayVec::from([*a, *b]), &[]),
            Self::Deep(tags) => (ArrayVec::new(), tags),
        };
        head.into_iter().chain(deep.iter().copied())
    }

    /// Whether there is no tag.
    pub const fn is_untagged(&self) -> bool {
        matches!(self, Self::Untagged)
    }
}

impl fmt::Display for VlanPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, id) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{id}")?;
        }
        Ok(())
    }
}

/// TCP flags of one segment, or their union over many: the low eight bits of RFC 9293 section 3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push function.
    pub const PSH: u8 = 0x08;
    /// Acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
    /// Urgent pointer field is significant.
    pub const URG: u8 = 0x20;
    /// ECN-Echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;

    /// Whether all bits of `mask` are set.
    pub const fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }

    /// Whether this segment opens a connection (SYN without ACK).
    pub const fn is_syn(self) -> bool {
        self.0 & (Self::SYN | Self::ACK) == Self::SYN
    }

    /// Whether this segment accepts a connection (SYN with ACK).
    pub const fn is_syn_ack(self) -> bool {
        self.has(Self::SYN | Self::ACK)
    }
}

/// In the order `FSRPAUEC`, absent ones as `.`.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in "FSRPAUEC".chars().enumerate() {
            let set = self.0 & (1 << bit) != 0;
            fmt::Write::write_char(f, if set { letter } else { '.' })?;
        }
        Ok(())
    }
}

/// A decoded frame: the innermost packet that could be reached, and what was around it.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Source MAC of the innermost link header that has one.
    pub source_mac: Option<MacAddr>,
    /// Destination MAC of the innermost link header that has one.
    pub destination_mac: Option<MacAddr>,
    /// VLAN tags of the innermost link header.
    pub vlan: VlanPath,
    /// The tunnels that were taken off, outermost first.
    pub encapsulations: ArrayVec<Encapsulation, MAX_TUNNELS>,
    /// What the innermost link header carries.
    pub network: Network<'a>,
    /// Why decoding stopped before the payload, if it did.
    pub stop: Option<Stop>,
}

impl Packet<'_> {
    /// A packet of which nothing has been read yet.
    pub(super) const fn unreached() -> Self {
        Self {
            source_mac: None,
            destination_mac: None,
            vlan: VlanPath::Untagged,
            encapsulations: ArrayVec::new_const(),
            network: Network::Unreached,
            stop: None,
        }
    }
}

/// A tunnel or mirror encapsulation around the packet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Encapsulation {
    /// What kind.
    pub kind: TunnelKind,
    /// The outer sender (for a remote mirror: the mirroring switch).
    pub source: IpAddr,
    /// The outer receiver.
    pub destination: IpAddr,
    /// VLAN tags outside the tunnel.
    pub vlan: VlanPath,
}

/// The kinds of tunnel that are entered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TunnelKind {
    /// RFC 2784, 2890.
    Gre,
    /// Cisco ERSPAN type I.
    ErspanI,
    /// Cisco ERSPAN type II.
    ErspanII,
    /// Cisco ERSPAN type III.
    ErspanIII,
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// An IP header straight in an IP header (RFC 2003, 2473, 4213).
    IpInIp,
}

impl TunnelKind {
    /// Name as it stands in survey.json.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gre => "gre",
            Self::ErspanI => "erspan-1",
            Self::ErspanII => "erspan-2",
            Self::ErspanIII => "erspan-3",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::IpInIp => "ip-in-ip",
        }
    }
}

/// What the innermost link header carries.
#[derive(Clone, Debug)]
pub enum Network<'a> {
    /// Decoding stopped before this layer.
    Unreached,
    /// Something that is not IP, with its bytes.
    NonIp(NonIp, &'a [u8]),
    /// An IPv4 or IPv6 packet.
    Ip(IpPacket<'a>),
}

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
    /// An IEEE 802.11 frame that carries no network packet (management, control, null data, encrypted).
    Wlan,
    /// A PPP control protocol or another PPP protocol that is not IP, by number.
    Ppp(u16),
    /// A SNAP protocol: organization code and protocol number.
    Snap(u32, u16),
    /// An IEEE 802.2 LLC frame, by its destination service access point.
    Llc(u8),
    /// Any other EtherType.
    EtherType(u16),
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
            Self::Ppp(number) => return write!(f, "ppp-0x{number:04x}"),
            Self::Snap(oui, number) => return write!(f, "snap-{oui:06x}-0x{number:04x}"),
            Self::Llc(sap) => return write!(f, "llc-0x{sap:02x}"),
            Self::EtherType(number) => return write!(f, "ethertype-0x{number:04x}"),
            Self::AddressFamily(number) => return write!(f, "address-family-{number}"),
            Self::Opaque => "opaque",
        })
    }
}

/// An IP packet, innermost.
#[derive(Clone, Debug)]
pub struct IpPacket<'a> {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// The protocol of the payload: the last next-header value that was reached.
    pub protocol: u8,
    /// Set when this is a fragment (an atomic fragment, offset 0 and no more to come, is none).
    pub fragment: Option<Fragment>,
    /// IPv4 identification; 0 for IPv6 without a fragment header.
    pub identification: u32,
    /// What stands behind the IP headers.
    pub transport: Transport<'a>,
}

/// Where a fragment belongs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fragment {
    /// Offset of this part in bytes (IPv4's and IPv6's unit of 8 bytes multiplied out).
    pub offset: u32,
    /// Whether more fragments follow.
    pub more: bool,
}

/// The transport layer, with the payload bytes that were captured.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// RFC 9293.
    Tcp {
        /// Sender's port.
        source_port: u16,
        /// Receiver's port.
        destination_port: u16,
        /// Flags of this segment; 0 if they were cut off.
        flags: TcpFlags,
        /// Sequence number.
        sequence: u32,
        /// Checksum, as it stands in the header; 0 if it was cut off.
        checksum: u16,
        /// Captured payload bytes, without Ethernet padding.
        payload: &'a [u8],
        /// Payload length on the wire, from the IP header.
        payload_len: u32,
    },
    /// RFC 768.
    Udp {
        /// Sender's port.
        source_port: u16,
        /// Receiver's port.
        destination_port: u16,
        /// Checksum, as it stands in the header; 0 if it was cut off.
        checksum: u16,
        /// Captured payload bytes.
        payload: &'a [u8],
        /// Payload length on the wire.
        payload_len: u32,
    },
    /// ICMP (RFC 792) or, with protocol 58, ICMPv6 (RFC 4443).
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Bytes behind the first four (type, code, checksum).
        body: &'a [u8],
    },
    /// Another protocol, a later fragment, or a header that was cut off before its ports.
    Other(&'a [u8]),
}

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
    Tunnel,
    Nflog,
    Prism,
    Ppi,
}

impl StopLayer {
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
            Self::Tunnel => "tunnel",
            Self::Nflog => "nflog",
            Self::Prism => "prism",
            Self::Ppi => "ppi",
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlan_paths_print_outermost_first() {
        let mut path = VlanPath::default();
        assert_eq!(path.to_string(), "");
        for (id, text) in [(10, "10"), (20, "10.20"), (30, "10.20.30"), (0, "10.20.30.0")] {
            path.push(id);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn tcp_flags_print_in_their_order() {
        assert_eq!(TcpFlags(0x12).to_string(), ".S..A...");
        assert_eq!(TcpFlags(0xff).to_string(), "FSRPAUEC");
    }
}
