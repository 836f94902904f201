//! Keyed, prefix-preserving addresses (Xu, Fan, Ammar, Moon, "Prefix-Preserving IP Address Anonymization", ICNP 2002), which
//! stay of their kind: private, link-local, group, external.
//!
//! The function of bits is not that of Crypto-PAn 1.0: there the bits after a beginning come from the key's padding, so that two
//! beginnings which differ by bits like the padding's turn alike, and a whole address stays what it is for one key in a thousand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

use crate::decode::MacAddr;

/// A block that an address neither leaves nor enters, and whether it stays as it is inside.
struct ReservedBlock {
    /// First address, its bits leftmost in 128.
    first: u128,
    bits: u8,
    whole: bool,
}

const fn v4(a: u8, b: u8, bits: u8, whole: bool) -> ReservedBlock {
    ReservedBlock { first: (u32::from_be_bytes([a, b, 0, 0]) as u128) << 96, bits, whole }
}

const V4: [ReservedBlock; 9] = [
    v4(0, 0, 8, true),
    v4(10, 0, 8, false),
    v4(100, 64, 10, false),
    v4(127, 0, 8, true),
    v4(169, 254, 16, false),
    v4(172, 16, 12, false),
    v4(192, 168, 16, false),
    v4(224, 0, 4, true),
    ReservedBlock { first: 0xffff_ffff << 96, bits: 32, whole: true },
];

const V6: [ReservedBlock; 8] = [
    // The first that holds an address decides: solicited-node groups carry the end of a unicast address.
    ReservedBlock { first: 0xff02_0000_0000_0000_0000_0001_ff00_0000, bits: 104, whole: false },
    ReservedBlock { first: 0xff << 120, bits: 8, whole: true },
    ReservedBlock { first: 0, bits: 128, whole: true },
    ReservedBlock { first: 1, bits: 128, whole: true },
    // IPv4-mapped.
    ReservedBlock { first: 0xffff_0000_0000, bits: 96, whole: false },
    ReservedBlock { first: 0xfe80 << 112, bits: 64, whole: false },
    ReservedBlock { first: 0xfe80 << 112, bits: 10, whole: false },
    ReservedBlock { first: 0xfd << 120, bits: 8, whole: false },
];

/// The leftmost `bits` of 128.
const fn mask(bits: u8) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX << (128 - bits as u32),
    }
}

/// The keyed functions.
pub(super) struct Cipher {
    aes: Aes128,
    pad: u128,
    /// For each number of bits, a block of its own.
    lengths: [u128; 128],
}

impl Cipher {
    /// 16 bytes of AES's key, 16 that every block begins from.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let (first, second) = key.split_at(16);
        let half = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).unwrap_or_default();
        let mut cipher = Self { aes: Aes128::new(&half(first).into()), pad: 0, lengths: [0; 128] };
        cipher.pad = cipher.encrypt(u128::from_be_bytes(half(second)));
        cipher.lengths = std::array::from_fn(|at| cipher.encrypt(cipher.pad ^ at as u128));
        cipher
    }

    fn encrypt(&self, block: u128) -> u128 {
        let mut bytes = block.to_be_bytes().into();
        self.aes.encrypt_block(&mut bytes);
        u128::from_be_bytes(bytes.into())
    }

    /// `width` bits, leftmost in 128: equal beginnings stay equal, and differ where they differed.
    fn scramble(&self, bits: u128, width: u8, kept: &[ReservedBlock]) -> u128 {
        let inside = kept.iter().find(|block| (bits ^ block.first) & mask(block.bits) == 0);
        (0..width).fold(bits, |scrambled, at| {
            let beginning = mask(at);
            // A block stays where it is if no bit above it turns.
            let above = kept.iter().any(|block| at < block.bits && (bits ^ block.first) & beginning == 0);
            if above || inside.is_some_and(|block| block.whole) {
                return scrambled;
            }
            // Two blocks, a length and a beginning, chained (CBC-MAC, ISO/IEC 9797-1): no beginning turns as another does.
            let turn = self.encrypt(self.lengths[usize::from(at)] ^ (bits & beginning)) >> 127;
            scrambled ^ (turn << (127 - u32::from(at)))
        })
    }

    /// Whether an address is of no block that stays as it is.
    pub(super) fn may_change(address: IpAddr) -> bool {
        let (bits, kept) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, &V4[..]),
            IpAddr::V6(address) => (address.to_bits(), &V6[..]),
        };
        !kept.iter().find(|block| (bits ^ block.first) & mask(block.bits) == 0).is_some_and(|block| block.whole)
    }

    /// Another address of the same kind.
    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => {
                let bits = self.scramble(u128::from(address.to_bits()) << 96, 32, &V4);
                IpAddr::V4(Ipv4Addr::from_bits((bits >> 96) as u32))
            }
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(self.scramble(address.to_bits(), 128, &V6))),
        }
    }

    /// Another link address, locally administered. Groups stay what they are, but for those that carry the end
    /// of an IPv6 address.
    pub(super) fn mac(&self, mac: MacAddr) -> MacAddr {
        let octets = mac.0;
        let mut block = [0; 16];
        block[..6].copy_from_slice(&octets);
        // Apart from the blocks of addresses, which begin with one.
        block[6..9].copy_from_slice(b"mac");
        let scrambled = self.encrypt(u128::from_be_bytes(block)).to_be_bytes();
        let [a, b, c, d, e, f, ..] = scrambled;
        match octets {
            [0, 0, 0, 0, 0, 0] => mac,
            [0x33, 0x33, 0xff, ..] => MacAddr([0x33, 0x33, 0xff, a, b, c]),
            [first, ..] if first & 1 == 1 => mac,
            _ => MacAddr([(a & 0xfc) | 2, b, c, d, e, f]),
        }
    }

    /// A number that stands for a text.
    pub(super) fn number(&self, text: &str) -> u32 {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(text.as_bytes());
        let block = digest.first_chunk::<16>().copied().unwrap_or_default();
        (self.encrypt(u128::from_be_bytes(block) ^ self.pad) >> 96) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [
        21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39,
        98, 87, 76, 45, 42, 132, 34, 2,
    ];

    /// The right column was worked out by the CBC mode of another AES (OpenSSL's).
    #[test]
    fn bits_turn_as_another_implementation_says() {
        let cipher = Cipher::new(&KEY);
        for (from, to) in [
            ("128.11.68.132", "70.251.11.168"),
            ("129.118.74.4", "71.39.6.232"),
            ("130.132.252.244", "69.59.3.136"),
            ("141.223.7.43", "77.25.122.33"),
            ("141.233.145.108", "77.41.103.200"),
            ("2001:db8::1", "be1b:4da7:e7bc:fb61:2e9b:4aad:6e48:bc63"),
            ("2001:db8::8000:1", "be1b:4da7:e7bc:fb61:2e9b:4aad:8e05:2165"),
        ] {
            let scrambled = match from.parse::<IpAddr>().unwrap() {
                IpAddr::V4(from) => {
                    let bits = cipher.scramble(u128::from(from.to_bits()) << 96, 32, &[]);
                    IpAddr::from(Ipv4Addr::from_bits((bits >> 96) as u32))
                }
                IpAddr::V6(from) => Ipv6Addr::from_bits(cipher.scramble(from.to_bits(), 128, &[])).into(),
            };
            assert_eq!(scrambled.to_string(), to, "{from}");
        }
    }

    /// Each free bit turns by itself: of 24, one key in 16 million turns none, and half of the keys turn any one of them.
    #[test]
    fn no_key_in_thousands_keeps_an_address() {
        let address: IpAddr = "10.64.231.42".parse().unwrap();
        let mut turned = [0_u32; 32];
        for number in 0..20_000_u32 {
            let mut key = KEY;
            key[..4].copy_from_slice(&number.to_be_bytes());
            key[28..].copy_from_slice(&number.to_be_bytes());
            let other = Cipher::new(&key).address(address);
            assert_ne!(other, address, "by key {number}");
            let (IpAddr::V4(a), IpAddr::V4(b)) = (address, other) else { unreachable!() };
            let changed = a.to_bits() ^ b.to_bits();
            turned.iter_mut().zip(0..).for_each(|(turned, at)| *turned += changed >> (31 - at) & 1);
        }
        // Six standard deviations about half.
        assert!(turned[8..].iter().all(|turned| (9_576..=10_424).contains(turned)), "{turned:?}");
    }

    #[test]
    fn what_everybody_knows_stays() {
        let cipher = Cipher::new(&KEY);
        for same in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.1.187",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::fb",
            "ff05::c",
        ] {
            assert_eq!(cipher.address(same.parse().unwrap()).to_string(), same);
        }
        for (address, prefix) in [
            ("10.20.0.10", "10."),
            ("192.168.7.1", "192.168."),
            ("169.254.3.4", "169.254."),
            ("fe80::49:67ff:fe00:a", "fe80::"),
            ("fd00::1", "fd"),
            ("ff02::1:ff00:a", "ff02::1:ff"),
        ] {
            let other = cipher.address(address.parse().unwrap()).to_string();
            assert!(other.starts_with(prefix) && other != address, "{address} became {other}");
        }
        for (mac, same) in [
            ([0xff; 6], true),
            ([1, 0, 0x5e, 0, 0, 1], true),
            ([0x33, 0x33, 0xff, 1, 2, 3], false),
            ([2, 0x49, 0x67, 0, 0, 10], false),
        ] {
            let other = cipher.mac(MacAddr(mac));
            assert_eq!(other == MacAddr(mac), same, "{mac:?}");
            assert_eq!(other.0[0] & 1, mac[0] & 1, "a group stays a group");
        }
    }

    fn common(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => 0,
        }
    }

    fn private(address: Ipv4Addr) -> bool {
        let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
        address.is_private() || shared || address.is_link_local()
    }

    proptest! {
        #[test]
        fn beginnings_and_kinds_are_kept(a: u32, b: u32, near in 0u32..32, key: [u8; 32]) {
            let cipher = Cipher::new(&key);
            let a = Ipv4Addr::from_bits(a);
            // Addresses of one network as well as of different ones.
            for b in [Ipv4Addr::from_bits(b), Ipv4Addr::from_bits(a.to_bits() ^ (1 << near))] {
                let (x, y) = (cipher.address(a.into()), cipher.address(b.into()));
                prop_assert_eq!(common(x, y), common(a.into(), b.into()));
            }
            let IpAddr::V4(other) = cipher.address(a.into()) else { panic!("an IPv4 address") };
            prop_assert_eq!(private(other), private(a));
            prop_assert_eq!(other.is_multicast(), a.is_multicast());
            prop_assert_eq!(other.is_loopback(), a.is_loopback());
            prop_assert_eq!(other.is_broadcast(), a.is_broadcast());
        }

        #[test]
        fn so_are_those_of_ipv6(a: u128, near in 0u32..128, key: [u8; 32], start in prop::sample::select(vec![0u128, 0xff02 << 112, 0xfe80 << 112, 0xfd00 << 112, 0x2001_0db8 << 96])) {
            let cipher = Cipher::new(&key);
            let a = Ipv6Addr::from_bits(start | (a >> 32));
            let b = Ipv6Addr::from_bits(a.to_bits() ^ (1 << near));
            let (x, y) = (cipher.address(a.into()), cipher.address(b.into()));
            prop_assert_eq!(common(x, y), common(a.into(), b.into()));
            let IpAddr::V6(other) = x else { panic!("an IPv6 address") };
            prop_assert_eq!(other.is_multicast(), a.is_multicast());
            prop_assert_eq!(other.is_unicast_link_local(), a.is_unicast_link_local());
            prop_assert_eq!(other.is_unique_local(), a.is_unique_local());
        }
    }
}
