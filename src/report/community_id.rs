//! Community ID version 1: the name by which other tools (Zeek, Suricata, Wireshark) know a flow.
//!
//! `"1:" + base64(SHA1(seed | address | address | protocol | 0 | port | port))`, the smaller
//! endpoint first, all in network order. It knows no VLAN, so it is no key of ours.
//! <https://github.com/corelight/community-id-spec>

use std::net::IpAddr;

use sha1::block_api::compress;

use crate::protocol::{Transport, icmp};

/// IP protocol number of SCTP: it has ports, which this tool does not read.
const SCTP: u8 = 132;

/// ICMP types of request and reply that name one exchange here, beside those that share a flow.
const MORE_PAIRS: &[(u8, u8)] = &[(10, 9)];

/// The same for ICMPv6.
const MORE_PAIRS_V6: &[(u8, u8)] = &[(130, 131), (139, 140), (144, 145)];

/// An endpoint: address and port (for ICMP the type, as sent by the other end or this one).
#[derive(Clone, Copy)]
pub(super) struct Endpoint {
    /// Address.
    pub address: IpAddr,
    /// Port; ignored where the transport has none.
    pub port: u16,
}

/// The Community ID of what `source` sends to `destination`, with the default seed of 0.
///
/// For ICMP, `icmp` is type and code of what the source sends. `None` for SCTP, whose ports would be needed.
pub(super) fn community_id(
    transport: Transport,
    source: Endpoint,
    destination: Endpoint,
    icmp: Option<(u8, u8)>,
) -> Option<[u8; 30]> {
    let ports = match transport {
        Transport::Tcp | Transport::Udp => Some(PortPair { pair: [source.port, destination.port], one_way: false }),
        Transport::Icmp => Some(PortPair::of_icmp(false, icmp?)),
        Transport::Icmpv6 => Some(PortPair::of_icmp(true, icmp?)),
        Transport::Other(SCTP) => return None,
        Transport::Other(_) => None,
    };
    let one_way = ports.as_ref().is_some_and(|ports| ports.one_way);
    let pair = ports.as_ref().map_or([0, 0], |ports| ports.pair);
    let (smaller, larger) = match (source.address, destination.address) {
        (a, b) if one_way || (a, pair[0]) <= (b, pair[1]) => ((a, pair[0]), (b, pair[1])),
        (a, b) => ((b, pair[1]), (a, pair[0])),
    };

    // Seed, two addresses, protocol and padding, two ports.
    let mut block = Block::new();
    block.put([0; 2]);
    for address in [smaller.0, larger.0] {
        match address {
            IpAddr::V4(v4) => block.put(v4.octets()),
            IpAddr::V6(v6) => block.put(v6.octets()),
        }
    }
    block.put([transport.number(), 0]);
    if ports.is_some() {
        block.put(smaller.1.to_be_bytes());
        block.put(larger.1.to_be_bytes());
    }
    Some(print(block.digest()))
}

/// A message of at most 40 bytes, as the one block that SHA-1 makes of it (FIPS 180-4 section 5.1.1). The processor's own
/// instructions hash a block faster than a hasher for messages of any length puts one together.
struct Block {
    bytes: [u8; 64],
    length: usize,
}

impl Block {
    const fn new() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(&bytes);
        self.length += N;
    }

    /// SHA-1 of what was put in.
    fn digest(mut self) -> [u8; 20] {
        // FIPS 180-4 section 5.3.1.
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        let bits = self.length as u64 * 8;
        self.bytes[self.length] = 0x80;
        self.bytes[56..].copy_from_slice(&bits.to_be_bytes());
        compress(&mut state, &[self.bytes]);
        let mut digest = [0; 20];
        for (to, word) in digest.chunks_exact_mut(4).zip(state) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

/// What stands in the place of ports.
struct PortPair {
    pair: [u16; 2],
    /// No reply exists, so the endpoints keep their order.
    one_way: bool,
}

impl PortPair {
    fn of_icmp(v6: bool, (kind, code): (u8, u8)) -> Self {
        let more = if v6 { MORE_PAIRS_V6 } else { MORE_PAIRS };
        let reply = icmp::pairs(v6).iter().chain(more).find_map(|&(request, reply)| match kind {
            kind if kind == request => Some(reply),
            kind if kind == reply => Some(request),
            _ => None,
        });
        Self { pair: [kind.into(), reply.unwrap_or(code).into()], one_way: reply.is_none() }
    }
}

/// `1:` and the digest in base64 (RFC 4648 section 4): 20 bytes are 27 digits and one `=`.
fn print(digest: [u8; 20]) -> [u8; 30] {
    let mut text = [b'='; 30];
    text[..2].copy_from_slice(b"1:");
    let mut padded = [0; 21];
    padded[..20].copy_from_slice(&digest);
    for (to, from) in text[2..].chunks_exact_mut(4).zip(padded.chunks_exact(3)) {
        let bits = u32::from_be_bytes([0, from[0], from[1], from[2]]);
        to[..2].copy_from_slice(&DIGITS[(bits >> 12) as usize & 0xfff]);
        to[2..].copy_from_slice(&DIGITS[bits as usize & 0xfff]);
    }
    text[29] = b'=';
    text
}

/// Each twelve bits in two digits of base64.
static DIGITS: [[u8; 2]; 1 << 12] = {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut all = [[0; 2]; 1 << 12];
    let mut bits = 0;
    while bits < 1 << 12 {
        all[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
        bits += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    fn id(protocol: u8, source: &str, destination: &str, sport: u16, dport: u16) -> Option<String> {
        let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port };
        community_id(protocol.into(), end(source, sport), end(destination, dport), Some((sport as u8, dport as u8)))
            .map(|id| String::from_utf8(id.to_vec()).unwrap())
    }

    /// From the specification's `baseline/baseline_deflt.json`.
    #[test]
    fn agrees_with_the_baseline_of_the_specification() {
        const A6: &str = "fe80::200:86ff:fe05:80da";
        const B6: &str = "fe80::260:97ff:fe07:69ea";
        const C6: &str = "3ffe:507:0:1:200:86ff:fe05:80da";
        for (protocol, source, destination, sport, dport, expected) in [
            (58, A6, B6, 135, 136, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
            (58, B6, A6, 136, 135, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
            (58, B6, A6, 135, 136, "1:zavyT/cezQr1fmImYCwYnMXbgck="),
            (58, "3ffe:501:1800:2345::2", C6, 3, 0, "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
            (58, C6, "3ffe:501:0:1001::2", 128, 129, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
            (58, "3ffe:501:0:1001::2", C6, 129, 128, "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
            (58, A6, "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
            (58, B6, "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
            (1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
            (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
            (46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
        ] {
            assert_eq!(id(protocol, source, destination, sport, dport).as_deref(), Some(expected), "{source}");
        }
        let ipv6 = id(6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25);
        assert_eq!(ipv6.as_deref(), Some("1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="));
    }

    /// Against the crates for messages of any length.
    #[test]
    fn the_block_is_hashed_and_printed_as_the_standards_say() {
        use base64::Engine as _;
        use sha1::{Digest, Sha1};
        let mut block = Block::new();
        block.put([0xfb; 16]);
        block.put([7; 7]);
        let message = [&[0xfb; 16][..], &[7; 7]].concat();
        let digest: [u8; 20] = Sha1::digest(message).into();
        assert_eq!(block.digest(), digest);
        let text = base64::engine::general_purpose::STANDARD.encode(digest);
        assert_eq!(print(digest), format!("1:{text}").as_bytes());
    }

    #[test]
    fn sctp_has_none_because_its_ports_are_not_read() {
        assert_eq!(id(SCTP, "192.168.170.8", "192.168.170.56", 0, 0), None);
    }
}
