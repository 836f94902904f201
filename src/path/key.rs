//! What of a packet does not change on its way, as a digest.
//!
//! Addresses (declared NAT undone), ports, protocol, sequence numbers, flags and payload stay; MAC addresses, VLAN tags,
//! hops, DSCP, ECN, TCP options, windows and checksums may change on the way and are left out.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use foldhash::quality::FixedState;

use crate::capture::Frame;
use crate::decode::{self, Addresses, IpPacket, Network, Transport};
use crate::flow::wide;
use crate::protocol::icmp;

/// ECN-Echo and CWR, which routers and hosts on the way may clear (RFC 3168).
const ECN_FLAGS: u8 = 0xc0;
const SYN: u8 = 0x02;
/// No VLAN tag.
pub(super) const UNTAGGED: u16 = u16::MAX;

/// Who sends to whom, on which ports: addresses as IPv6 has them, IPv4's mapped (RFC 4291 section 2.5.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Ends {
    pub(super) source: u128,
    pub(super) destination: u128,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) protocol: u8,
    /// Whether it is a later fragment, whose ports are not known.
    pub(super) fragment: bool,
    /// Of ICMP: whether the type answers another.
    pub(super) answers: bool,
}

/// A packet as it was seen at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) ends: Ends,
    /// Of what does not change, without the identification.
    pub(super) digest: u64,
    /// IP identification; 0 where there is none.
    pub(super) identification: u32,
    pub(super) length: u32,
    pub(super) mss: u16,
    pub(super) vlan: u16,
    pub(super) dscp: u8,
    pub(super) hops: u8,
    /// Bytes of payload that were captured, where not all were.
    pub(super) cut: Option<u32>,
}

/// The address of a number that [`wide`] made.
pub(super) fn address_of(number: u128) -> IpAddr {
    std::net::Ipv6Addr::from(number).to_canonical()
}

const fn mapped(v4: u32) -> u128 {
    0xffff_0000_0000 | v4 as u128
}

/// What all places are compared by.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparing {
    /// Bytes of payload that are compared at most: where a place cut its frames, no more is known.
    pub(super) payload: Option<u32>,
    /// Addresses that others stand for (declared NAT).
    pub(super) nat: Vec<(u128, u128)>,
}

impl Comparing {
    /// The address that an address stands for.
    pub(super) fn same(&self, number: u128) -> u128 {
        if self.nat.is_empty() {
            return number;
        }
        self.nat.iter().find(|(other, _)| *other == number).map_or(number, |(_, same)| *same)
    }

    /// The fields of a frame that carries an IP packet.
    #[inline]
    pub(super) fn fields(&self, frame: &Frame<'_>) -> Option<Fields> {
        let Some(plain) = decode::plain(frame) else { return self.general(frame) };
        let (source, destination) = match plain.addresses {
            Addresses::V4(source, destination) => (mapped(source), mapped(destination)),
            Addresses::V6(source, destination) => (source, destination),
        };
        let ends = Ends {
            source: self.same(source),
            destination: self.same(destination),
            source_port: plain.source_port,
            destination_port: plain.destination_port,
            protocol: plain.protocol,
            fragment: false,
            answers: false,
        };
        let numbers = plain.numbers.map_or(0, |numbers| u64::from_be_bytes(*numbers));
        let special = u64::from(plain.flags & !ECN_FLAGS);
        let digest = self.digest(&ends, numbers, special, plain.payload_len, plain.payload);
        Some(Fields {
            ends,
            digest,
            identification: plain.identification.into(),
            length: plain.payload_len,
            mss: if plain.flags & SYN != 0 { mss(plain.options) } else { 0 },
            vlan: plain.vlan.unwrap_or(UNTAGGED),
            dscp: plain.traffic_class >> 2,
            hops: plain.hops,
            cut: cut(plain.payload, plain.payload_len),
        })
    }

    #[cold]
    fn general(&self, frame: &Frame<'_>) -> Option<Fields> {
        let packet = decode::decode(frame);
        let Network::Ip(ip) = &packet.network else { return None };
        let mut ends = Ends {
            source: self.same(wide(ip.source)),
            destination: self.same(wide(ip.destination)),
            protocol: ip.protocol,
            ..Ends::default()
        };
        let is_cut = packet.is_sliced || frame.data.len() < frame.original_len as usize;
        let content = PacketContent::of(ip, &mut ends);
        let PacketContent { numbers, special, length, payload, mss, .. } = content;
        let length = length.unwrap_or(payload.len() as u32);
        // A length that is not known apart from the capture cannot be compared where frames are cut.
        let compared = if content.length.is_some() || self.payload.is_none() { length } else { 0 };
        let digest = self.digest(&ends, numbers, special, compared, payload);
        let cut = if content.length.is_some() { cut(payload, length) } else { is_cut.then_some(payload.len() as u32) };
        Some(Fields {
            ends,
            digest,
            identification: ip.identification,
            length,
            mss,
            vlan: packet.vlan.iter().next().unwrap_or(UNTAGGED),
            dscp: ip.traffic_class >> 2,
            hops: ip.hops,
            cut,
        })
    }

    #[inline]
    fn digest(&self, ends: &Ends, numbers: u64, special: u64, length: u32, payload: &[u8]) -> u64 {
        // Fixed: two runs sample the same packets.
        let mut hasher = FixedState::with_seed(0x1907_2001).build_hasher();
        hasher.write_u128(ends.source);
        hasher.write_u128(ends.destination);
        let ports = u64::from(ends.source_port) << 16 | u64::from(ends.destination_port);
        hasher.write_u64(ports << 16 | u64::from(ends.protocol) << 8 | u64::from(ends.fragment));
        hasher.write_u64(numbers);
        hasher.write_u64(special << 32 | u64::from(length));
        let most = self.payload.map_or(usize::MAX, |most| most as usize);
        hasher.write(&payload[..payload.len().min(most)]);
        hasher.finish()
    }
}

fn cut(payload: &[u8], length: u32) -> Option<u32> {
    (payload.len() < length as usize).then_some(payload.len() as u32)
}

/// What is behind the IP header.
struct PacketContent<'a> {
    /// TCP's sequence and acknowledgment number; where a fragment belongs.
    numbers: u64,
    /// TCP's flags; ICMP's type and code.
    special: u64,
    /// On the wire, if a header says it.
    length: Option<u32>,
    payload: &'a [u8],
    mss: u16,
}

impl<'a> PacketContent<'a> {
    fn of(ip: &IpPacket<'a>, ends: &mut Ends) -> Self {
        let fragment = ip.fragment.map_or(0, |fragment| {
            u64::from(ip.identification) << 32 | u64::from(fragment.offset) << 1 | u64::from(fragment.more)
        });
        let none = Self { numbers: fragment, special: 0, length: None, payload: &[], mss: 0 };
        match ip.transport {
            Transport::Tcp { source_port, destination_port, flags, numbers, options, payload, payload_len, .. } => {
                (ends.source_port, ends.destination_port) = (source_port, destination_port);
                Self {
                    numbers: numbers.map_or(0, |numbers| u64::from_be_bytes(*numbers)) ^ fragment,
                    special: u64::from(flags.0 & !ECN_FLAGS),
                    length: Some(payload_len),
                    payload,
                    mss: if flags.0 & SYN != 0 { mss(options) } else { 0 },
                }
            }
            Transport::Udp { source_port, destination_port, payload, payload_len, .. } => {
                (ends.source_port, ends.destination_port) = (source_port, destination_port);
                Self { length: Some(payload_len), payload, ..none }
            }
            Transport::Icmp { kind, code, body } => {
                let v6 = ip.protocol == 58;
                ends.destination_port = icmp::request_of(v6, kind).into();
                ends.source_port = ends.destination_port;
                ends.answers = icmp::request_of(v6, kind) != kind;
                Self { special: u64::from(kind) << 8 | u64::from(code), payload: body, ..none }
            }
            Transport::Other(bytes) => {
                ends.fragment = ip.fragment.is_some_and(|fragment| fragment.offset > 0);
                Self { payload: bytes, ..none }
            }
        }
    }
}

/// The maximum segment size that a SYN offers (RFC 9293 section 3.2, option 2); 0 if it offers none.
fn mss(mut options: &[u8]) -> u16 {
    while let [kind, rest @ ..] = options {
        options = match (kind, rest) {
            (0, _) => return 0,
            (1, rest) => rest,
            (2, [4, high, low, ..]) => return u16::from_be_bytes([*high, *low]),
            (_, [length, ..]) if *length >= 2 => rest.get(usize::from(*length) - 1..).unwrap_or(&[]),
            _ => return 0,
        };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segment_size_is_found_behind_other_options() {
        assert_eq!(mss(&[1, 1, 2, 4, 5, 0xb4]), 1460);
        assert_eq!(mss(&[3, 3, 7, 2, 4, 2, 0x18]), 536);
        for hostile in [&[][..], &[2], &[2, 4, 5], &[3, 0, 2, 4, 5, 5], &[0, 2, 4, 5, 5], &[8, 200, 1]] {
            assert_eq!(mss(hostile), 0);
        }
    }

    #[test]
    fn addresses_survive_their_numbers() {
        for text in ["10.20.0.1", "fe80::1", "::", "255.255.255.255"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(address_of(wide(address)), address);
        }
    }
}
