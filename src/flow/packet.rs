//! One packet as the flow table takes it, and what tells its copies.

use std::net::IpAddr;

use crate::capture::Moment;
use crate::decode::{IpPacket, MacAddr, Packet, TcpFlags};
use crate::health::Measure;
use crate::protocol::{Signs, Turn};

/// Destination and source MAC as they stand in a frame; zero where the link has none.
pub(super) type Macs = [u8; 12];

/// One packet as the table takes it.
#[derive(Clone, Copy)]
pub(super) struct FlowPacket<'a> {
    /// Which end of the key sent it.
    pub(super) side: u8,
    pub(super) flags: TcpFlags,
    /// As far as order goes.
    pub(super) at: Moment,
    /// Original length.
    pub(super) length: u32,
    /// What tells its copies ([`FlowPacket::copy_window`]); 0 where a repetition could not be told from a copy.
    pub(super) fingerprint: u32,
    /// TCP sequence and acknowledgment number; `None` where they were cut off, and for other transports.
    pub(super) numbers: Option<&'a [u8; 8]>,
    /// First bytes of the payload, if it is UDP's; of TCP, the window as it stands in the header.
    pub(super) head: u16,
    /// What of its part in the exchange its beginning tells.
    pub(super) signs: Signs,
    /// Whether it tells more than most: [`FlowPacket::notable`].
    pub(super) is_notable: bool,
    /// What of health is measured by it.
    pub(super) measured: Option<Measure>,
    /// For ICMP: whether it asks or answers.
    pub(super) turn: Turn,
    /// Time to live, or hop limit.
    pub(super) hops: u8,
    pub(super) macs: Macs,
    pub(super) payload: &'a [u8],
    pub(super) payload_length: u32,
}

/// In a fingerprint: the sender counts its packets, so that a repetition has another one.
pub(super) const COUNTED: u32 = 1;

/// Nanoseconds within which a packet with the same fingerprint is a copy: a mirror's copies lie microseconds apart.
///
/// A sender that counts its packets (IPv4 identification) repeats none of them; what is told apart is a counter that
/// came round. Other packets are repeated byte for byte, and only time parts that from a copy: TCP repeats a segment
/// after 200 ms or more as a rule (RFC 6298 asks for one second), and not before a round trip and the fourth part of
/// one more (RFC 8985 section 7.2), CoAP after two seconds (RFC 7252 section 4.8).
pub(super) const fn copy_window(fingerprint: u32) -> u64 {
    if fingerprint & COUNTED != 0 { 50_000_000 } else { 1_000_000 }
}

impl FlowPacket<'_> {
    /// What stands where no packet is.
    pub(super) const NOTHING: Self = Self {
        side: 0,
        flags: TcpFlags(0),
        at: Moment::NEVER,
        length: 0,
        fingerprint: 0,
        numbers: None,
        head: 0,
        signs: Signs::NONE,
        is_notable: false,
        measured: None,
        turn: Turn::Unknown,
        hops: 0,
        macs: [0; 12],
        payload: &[],
        payload_length: 0,
    };

    /// IPv4's and TCP's headers without options: no link's frames have less before what TCP carries.
    pub(super) const LEAST_TCP_HEADERS: u32 = 20 + 20;

    /// Whether a TCP segment is longer than its frame was on the wire.
    #[inline]
    pub(super) fn is_shortened(&self) -> bool {
        self.numbers.is_some() && self.payload_length.saturating_add(Self::LEAST_TCP_HEADERS) > self.length
    }

    /// What of its part in the exchange a packet's beginning tells: of TCP, whether it takes up sequence numbers.
    #[inline(always)]
    pub(super) fn signs(is_tcp: bool, flags: u8, payload_length: u32, head: u16) -> Signs {
        if is_tcp {
            let takes_up = (payload_length != 0) | (flags & (TcpFlags::SYN | TcpFlags::FIN) != 0);
            Signs::of_segment(takes_up & (flags & TcpFlags::RST == 0))
        } else {
            Signs::of_datagram(head)
        }
    }

    /// Whether a packet opens, closes or resets a connection, asks or answers by ICMP, or has another effective time than the
    /// written one.
    #[inline]
    pub(super) fn notable(flags: u8, turn: Turn, is_odd: bool) -> bool {
        (flags & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) != 0) | (turn != Turn::Unknown) | is_odd
    }

    /// Whether it went to many: to a multicast or broadcast address, or to everybody's MAC, as a subnet's directed broadcast of
    /// IPv4 does.
    #[inline]
    pub(super) fn is_to_group(&self, destination: IpAddr) -> bool {
        let [a, b, c, d, e, f, ..] = self.macs;
        match destination {
            IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || MacAddr([a, b, c, d, e, f]).may_be_subnet(),
            IpAddr::V6(v6) => v6.is_multicast(),
        }
    }

    #[inline]
    pub(super) const fn is_to_group_mac(&self) -> bool {
        self.macs[0] & 1 != 0
    }
}

/// What tells a packet's copies. A sender that counts its packets does so by the IPv4 identification; where it leaves that
/// at 0, and for IPv6, the transport's own fields and the first bytes of its payload must do. 0 where nothing was there to
/// tell it by: a UDP datagram without a checksum.
#[inline]
pub(super) fn fingerprint(identification: u16, checksum: u16, numbers: Option<&[u8; 8]>, payload: &[u8]) -> u32 {
    if identification != 0 {
        return (u32::from(identification) << 16 | u32::from(checksum)) | COUNTED;
    }
    if checksum == 0 {
        return 0;
    }
    // Where the network adapter works the checksum out, a capture on the sender's own host has the same for all packets.
    let more = match numbers {
        Some(&[a, b, c, d, e, f, g, h]) => {
            u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h]).rotate_left(7)
        }
        None => payload.first_chunk().map_or(payload.len() as u32, |beginning| u32::from_le_bytes(*beginning)),
    };
    ((more ^ u32::from(checksum) << 13) & !COUNTED).max(COUNTED << 1)
}

/// What tells a repetition, by a packet's fingerprint: the same of two datagrams between the same ends if they say the same;
/// or if they differ by one, as every second of two numbers in a row does, for the last bit is not kept. None where there was
/// no checksum.
pub(super) const fn content(fingerprint: u32) -> Option<u32> {
    let told = if fingerprint & COUNTED != 0 { fingerprint & 0xffff & !COUNTED } else { fingerprint };
    if told == 0 { None } else { Some(told) }
}

/// The part of a fingerprint that tells what was said.
const fn of_content(fingerprint: u32) -> u32 {
    if fingerprint & COUNTED != 0 { 0xffff } else { u32::MAX }
}

/// Whether a packet may be a copy of another, or say the same.
#[inline(always)]
pub(super) const fn resembles(one: u32, other: u32) -> bool {
    (one ^ other) & of_content(one) == 0
}

/// Whether two messages of one end say the same, as far as [`content`] tells.
#[inline(always)]
pub(super) const fn says_the_same(one: u32, other: u32) -> bool {
    resembles(one, other) && one & of_content(one) > COUNTED
}

/// Whether a datagram may go to all of a subnet (RFC 919 section 7), as far as its address tells: most subnets end at a whole byte.
fn may_be_broadcast(ip: &IpPacket<'_>) -> bool {
    const UDP: u8 = 17;
    ip.protocol == UDP && matches!(ip.destination, IpAddr::V4(v4) if v4.octets()[3] == u8::MAX)
}

/// Both MACs of a decoded frame. The source is nobody's if it has the group bit (IEEE 802.3 section 3.2.3) or is all zeros; where
/// not even the sender's is known, a receiver's is what a tool made up, unless an address speaks to itself: then it alone shows a way.
pub(super) fn macs(packet: &Packet<'_>, ip: &IpPacket<'_>) -> Macs {
    let mut both = [0; 12];
    let from = packet.source_mac.filter(|mac| !mac.is_group() && *mac != MacAddr::default());
    let to = match (packet.destination_mac, packet.to_group) {
        (Some(mac), _) if mac.may_be_subnet() => mac,
        (Some(mac), None) if mac.is_group() && may_be_broadcast(ip) => MacAddr::LIKELY_GROUP,
        (Some(mac), _) if from.is_some() || ip.source == ip.destination && !mac.is_group() => mac,
        (_, Some(true)) => MacAddr::SOME_GROUP,
        (_, None) if may_be_broadcast(ip) => MacAddr::LIKELY_GROUP,
        (mac, _) => mac.filter(|mac| mac.is_group()).unwrap_or_default(),
    };
    both[..6].copy_from_slice(&to.0);
    both[6..].copy_from_slice(&from.unwrap_or_default().0);
    both
}
