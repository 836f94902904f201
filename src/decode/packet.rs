//! What decoding a frame yields.

use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use super::link_words::{MacAddr, VlanPath};
use super::non_ip::NonIp;
use super::stop::Stop;
use crate::text::named;

/// How many tunnels are taken off one frame before decoding stops with [`StopReason::TooDeep`].
pub(super) const MAX_TUNNELS: usize = 8;

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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Source MAC of the innermost link header that has one.
    pub source_mac: Option<MacAddr>,
    /// Destination MAC of the innermost link header that has one.
    pub destination_mac: Option<MacAddr>,
    /// Whether the frame went to many, where the innermost link header says so and has no destination MAC.
    pub to_group: Option<bool>,
    /// VLAN tags of the innermost link header.
    pub vlan: VlanPath,
    /// The tunnels that were taken off, outermost first.
    pub encapsulations: ArrayVec<Encapsulation, MAX_TUNNELS>,
    /// What the innermost link header carries.
    pub network: Network<'a>,
    /// IP counts more than the frame had: it was cut before it was captured, by packet slicing or by a mirror that truncates.
    pub is_sliced: bool,
    /// Why decoding stopped before the payload, if it did.
    pub stop: Option<Stop>,
}

impl Packet<'_> {
    /// A packet of which nothing has been read yet.
    pub(super) const fn unreached() -> Self {
        Self {
            source_mac: None,
            destination_mac: None,
            to_group: None,
            vlan: VlanPath::Untagged,
            encapsulations: ArrayVec::new_const(),
            network: Network::Unreached,
            is_sliced: false,
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

named! {
    /// The kinds of tunnel that are entered.
    pub enum TunnelKind {
        /// RFC 2784, 2890.
        Gre = "gre",
        /// Cisco ERSPAN type I.
        ErspanI = "erspan-1",
        /// Cisco ERSPAN type II.
        ErspanII = "erspan-2",
        /// Cisco ERSPAN type III.
        ErspanIII = "erspan-3",
        /// RFC 7348.
        Vxlan = "vxlan",
        /// RFC 8926.
        Geneve = "geneve",
        /// An IP header straight in an IP header (RFC 2003, 2473, 4213).
        IpInIp = "ip-in-ip",
        /// TaZmen Sniffer Protocol, the mirror of MikroTik and others.
        Tzsp = "tzsp",
        /// The data channel between access points and their controller (RFC 5415).
        Capwap = "capwap",
        /// The user plane of mobile networks (3GPP TS 29.281).
        GtpU = "gtp-u",
        /// RFC 3931.
        L2tpV3 = "l2tpv3",
    }
}

/// What the innermost link header carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Network<'a> {
    /// Decoding stopped before this layer.
    Unreached,
    /// Something that is not IP, with its bytes.
    NonIp(NonIp, &'a [u8]),
    /// An IPv4 or IPv6 packet.
    Ip(IpPacket<'a>),
}

/// An IP packet, innermost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpPacket<'a> {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// The protocol of the payload: the last next-header value that was reached.
    pub protocol: u8,
    /// Set when this is a fragment (an atomic fragment, offset 0 and no more to come, is none).
    pub fragment: Option<Fragment>,
    /// Time to live, or hop limit.
    pub hops: u8,
    /// IPv4 identification; 0 for IPv6 without a fragment header.
    pub identification: u32,
    /// Traffic class: DSCP in the upper six bits (RFC 2474), ECN in the lower two (RFC 3168).
    pub traffic_class: u8,
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
    /// Bytes of the datagram that it holds, on the wire.
    pub length: u32,
}

/// The transport layer, with the payload bytes that were captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport<'a> {
    /// RFC 9293.
    Tcp {
        /// Sender's port.
        source_port: u16,
        /// Receiver's port.
        destination_port: u16,
        /// Flags of this segment; 0 if they were cut off.
        flags: TcpFlags,
        /// Sequence and acknowledgment number as they stand in the header ([`tcp_numbers`]); `None` if they were cut off.
        numbers: Option<&'a [u8; 8]>,
        /// Window, as it stands in the header, not scaled; 0 if it was cut off.
        window: u16,
        /// Checksum, as it stands in the header; 0 if it was cut off.
        checksum: u16,
        /// Options as captured.
        options: &'a [u8],
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

impl Transport<'_> {
    /// Takes the last bytes of a payload for bytes that were not captured.
    pub(super) fn forget_last(&mut self, count: usize) {
        if let Self::Tcp { payload, .. } | Self::Udp { payload, .. } = self {
            *payload = &payload[..payload.len().saturating_sub(count)];
        }
    }
}

/// The first bytes of a payload, 0 where it ends.
#[inline(always)]
pub fn first_bytes(payload: &[u8]) -> u16 {
    match *payload {
        [a, b, ..] => u16::from_be_bytes([a, b]),
        [a] => u16::from_be_bytes([a, 0]),
        [] => 0,
    }
}

/// Sequence and acknowledgment number of a TCP header. Few who look at a segment want them.
pub fn tcp_numbers(bytes: &[u8; 8]) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = *bytes;
    [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_flags_print_in_their_order() {
        assert_eq!(TcpFlags(0x12).to_string(), ".S..A...");
        assert_eq!(TcpFlags(0xff).to_string(), "FSRPAUEC");
    }
}
