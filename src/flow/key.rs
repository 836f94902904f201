//! What identifies a flow, packed so that a record of the common kind fits a cache line.

use std::hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::VlanPath;
use crate::health::fold;
use crate::state::{Broken, Load, Stored, stored};

/// Random words that keep an attacker from choosing keys that collide.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64, u64);

impl Seed {
    /// A seed from the operating system's randomness.
    pub fn random() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let state = RandomState::new();
        Self(state.hash_one(0_u64), state.hash_one(1_u64))
    }
}

/// A packed flow key: VLAN path, IP protocol and two endpoints, the smaller first.
pub(super) trait Key: Copy + Ord + Default + Send + Sync + Stored {
    fn hash(&self, seed: Seed) -> u64;
    fn protocol(&self) -> u8;
    fn vlan(&self) -> VlanCode;
    fn with_vlan(self, vlan: VlanCode) -> Self;
    /// (address, port) of both ends, in the key's order.
    fn ends(&self) -> [(IpAddr, u16); 2];
    /// The ports of both ends, in the key's order.
    fn ports(&self) -> [u16; 2];
    /// With another port at an end (0 or 1), whose addresses must differ: else the ends may change places.
    fn with_port(self, end: usize, port: u16) -> Self;

    /// What it has in common with the same connection on other VLAN paths, whose codes mean something in one table only.
    fn connection(self) -> Self {
        self.with_vlan(VlanCode::UNTAGGED)
    }
}

/// IPv4: 16 bytes. Word 0 holds the addresses, word 1 the ports, protocol and VLAN code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) struct Key4([u64; 2]);

/// Word by word, of which hashers make less than of bytes.
impl hash::Hash for Key4 {
    #[inline]
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|word| state.write_u64(*word));
    }
}

impl Key4 {
    /// The key, and which of its ends (0 or 1) the source is.
    #[inline]
    pub(super) fn new(source: (u32, u16), destination: (u32, u16), protocol: u8, vlan: VlanCode) -> (Self, u8) {
        let s = u64::from(source.0) << 16 | u64::from(source.1);
        let d = u64::from(destination.0) << 16 | u64::from(destination.1);
        let (a, b) = (s.min(d), s.max(d));
        let addresses = (a >> 16) << 32 | b >> 16;
        let rest = (a & 0xffff) << 48 | (b & 0xffff) << 32 | u64::from(protocol) << 24 | u64::from(vlan.0);
        (Self([addresses, rest]), u8::from(s > d))
    }
}

impl Key for Key4 {
    #[inline]
    fn hash(&self, seed: Seed) -> u64 {
        fold(self.0[0] ^ seed.0, self.0[1] ^ seed.1)
    }

    #[inline]
    fn protocol(&self) -> u8 {
        (self.0[1] >> 24) as u8
    }

    #[inline]
    fn vlan(&self) -> VlanCode {
        VlanCode(self.0[1] as u32 & VlanCode::MASK)
    }

    fn with_vlan(self, vlan: VlanCode) -> Self {
        Self([self.0[0], self.0[1] & !u64::from(VlanCode::MASK) | u64::from(vlan.0)])
    }

    #[inline]
    fn ends(&self) -> [(IpAddr, u16); 2] {
        let [addresses, rest] = self.0;
        [
            (Ipv4Addr::from((addresses >> 32) as u32).into(), (rest >> 48) as u16),
            (Ipv4Addr::from(addresses as u32).into(), (rest >> 32) as u16),
        ]
    }

    #[inline]
    fn ports(&self) -> [u16; 2] {
        [(self.0[1] >> 48) as u16, (self.0[1] >> 32) as u16]
    }

    fn with_port(self, end: usize, port: u16) -> Self {
        Self([self.0[0], set_port(self.0[1], end, port)])
    }
}

/// IPv6: 40 bytes. Two words an address, the last holds ports, protocol and VLAN code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(super) struct Key6([u64; 5]);

impl Key6 {
    /// The key, and which of its ends (0 or 1) the source is.
    #[inline]
    pub(super) fn new(source: (u128, u16), destination: (u128, u16), protocol: u8, vlan: VlanCode) -> (Self, u8) {
        let swapped = source > destination;
        let (a, b) = if swapped { (destination, source) } else { (source, destination) };
        let rest = u64::from(a.1) << 48 | u64::from(b.1) << 32 | u64::from(protocol) << 24 | u64::from(vlan.0);
        (Self([(a.0 >> 64) as u64, a.0 as u64, (b.0 >> 64) as u64, b.0 as u64, rest]), u8::from(swapped))
    }
}

impl Key for Key6 {
    #[inline]
    fn hash(&self, seed: Seed) -> u64 {
        let [a, b, c, d, rest] = self.0;
        fold(fold(a ^ seed.0, b ^ seed.1) ^ rest, fold(c ^ seed.1, d ^ seed.0) ^ seed.0)
    }

    #[inline]
    fn protocol(&self) -> u8 {
        (self.0[4] >> 24) as u8
    }

    #[inline]
    fn vlan(&self) -> VlanCode {
        VlanCode(self.0[4] as u32 & VlanCode::MASK)
    }

    fn with_vlan(mut self, vlan: VlanCode) -> Self {
        self.0[4] = self.0[4] & !u64::from(VlanCode::MASK) | u64::from(vlan.0);
        self
    }

    #[inline]
    fn ends(&self) -> [(IpAddr, u16); 2] {
        let [a, b, c, d, rest] = self.0;
        let address = |high: u64, low: u64| Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)).into();
        [(address(a, b), (rest >> 48) as u16), (address(c, d), (rest >> 32) as u16)]
    }

    #[inline]
    fn ports(&self) -> [u16; 2] {
        [(self.0[4] >> 48) as u16, (self.0[4] >> 32) as u16]
    }

    fn with_port(mut self, end: usize, port: u16) -> Self {
        self.0[4] = set_port(self.0[4], end, port);
        self
    }
}

/// The word of both ports with another one at an end.
const fn set_port(word: u64, end: usize, port: u16) -> u64 {
    let shift = if end == 0 { 48 } else { 32 };
    word & !(0xffff << shift) | (port as u64) << shift
}

/// A VLAN path in 24 bits: none, one or two tags as they are; anything else by number in [`VlanNames`].
///
/// The identifier 4095 is reserved (IEEE 802.1Q table 9-2), so it can mean "no tag here".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct VlanCode(u32);

impl VlanCode {
    const MASK: u32 = 0xff_ffff;
    const NO_TAG: u32 = 0xfff;
    /// No tag at all.
    pub(super) const UNTAGGED: Self = Self(Self::NO_TAG << 12 | Self::NO_TAG);

    /// One tag at most, whose identifier is not the reserved one.
    #[inline]
    pub(super) fn of(id: Option<u16>) -> Self {
        Self(id.map_or(Self::NO_TAG, u32::from) << 12 | Self::NO_TAG)
    }

    /// The number in [`VlanNames`], if it is one.
    const fn name(self) -> Option<u32> {
        let inner = self.0 & Self::NO_TAG;
        if self.0 >> 12 == Self::NO_TAG && inner != Self::NO_TAG { Some(inner) } else { None }
    }
}

/// The VLAN paths that do not fit a [`VlanCode`]: deeper than two tags, or with the reserved identifier.
#[derive(Clone, Debug, Default)]
pub(super) struct VlanNames(Vec<VlanPath>);

impl VlanNames {
    /// Paths kept apart; those beyond share the last number.
    const LIMIT: usize = 4094;

    pub(super) fn encode(&mut self, path: &VlanPath) -> VlanCode {
        const NO_TAG: u16 = VlanCode::NO_TAG as u16;
        match *path {
            VlanPath::Untagged => return VlanCode::UNTAGGED,
            VlanPath::One(id) if id != NO_TAG => return VlanCode(u32::from(id) << 12 | VlanCode::NO_TAG),
            VlanPath::Two(a, b) if a != NO_TAG && b != NO_TAG => return VlanCode(u32::from(a) << 12 | u32::from(b)),
            _ => {}
        }
        let number = self.0.iter().position(|known| known == path).unwrap_or_else(|| {
            if self.0.len() < Self::LIMIT {
                self.0.push(path.clone());
            }
            self.0.len() - 1
        });
        VlanCode(VlanCode::NO_TAG << 12 | number as u32)
    }

    pub(super) fn decode(&self, code: VlanCode) -> VlanPath {
        if code == VlanCode::UNTAGGED {
            return VlanPath::Untagged;
        }
        if let Some(number) = code.name() {
            return self.0.get(number as usize).cloned().unwrap_or_default();
        }
        let (outer, inner) = ((code.0 >> 12) as u16, (code.0 & VlanCode::NO_TAG) as u16);
        if u32::from(inner) == VlanCode::NO_TAG { VlanPath::One(outer) } else { VlanPath::Two(outer, inner) }
    }

    /// The code here of a code of `other`.
    pub(super) fn translate(&mut self, other: &Self, code: VlanCode) -> VlanCode {
        if code.name().is_none() { code } else { self.encode(&other.decode(code)) }
    }

    /// Whether a code is none of a path here.
    pub(super) fn lacks(&self, code: VlanCode) -> bool {
        code.name().is_some_and(|number| number as usize >= self.0.len())
    }

    /// Whether every path fits its code.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the limit was reached, so that paths may share a number.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= Self::LIMIT
    }
}

/// Both addresses, both ports, the protocol and the VLAN code, as they lie in the words, in network order.
impl Stored for Key4 {
    fn store(&self, to: &mut Vec<u8>) {
        self.0.iter().for_each(|word| to.extend(word.to_be_bytes()));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let key = Self([u64::from_be_bytes(from.take()?), u64::from_be_bytes(from.take()?)]);
        sound(key, from)
    }
}

/// As of IPv4.
impl Stored for Key6 {
    fn store(&self, to: &mut Vec<u8>) {
        self.0.iter().for_each(|word| to.extend(word.to_be_bytes()));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut words = [0; 5];
        for word in &mut words {
            *word = u64::from_be_bytes(from.take()?);
        }
        sound(Self(words), from)
    }
}

fn sound<K: Key>(key: K, from: &Load<'_>) -> Result<K, Broken> {
    let [a, b] = key.ends();
    from.expect(a <= b, "the ends of a flow are not in their order")?;
    Ok(key)
}

stored!(VlanNames(paths: list(Self::LIMIT, "there are too many VLAN paths")));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_key() {
        let seed = Seed::random();
        let (x, y) = ((0x0a00_0001, 50197), (0x0a00_0002, 80));
        let (there, from) = Key4::new(x, y, 6, VlanCode::UNTAGGED);
        let (back, to) = Key4::new(y, x, 6, VlanCode::UNTAGGED);
        assert_eq!((there, there.hash(seed)), (back, back.hash(seed)));
        assert_eq!((from, to), (0, 1));
        assert_eq!(there.ends(), [("10.0.0.1".parse().unwrap(), 50197), ("10.0.0.2".parse().unwrap(), 80)]);
        assert_eq!(there.protocol(), 6);
        assert_eq!(there.with_port(0, 7), Key4::new((x.0, 7), y, 6, VlanCode::UNTAGGED).0);
        assert_eq!(there.with_port(1, 7), Key4::new(x, (y.0, 7), 6, VlanCode::UNTAGGED).0);

        let (x, y) = ((0xfe80 << 112 | 9, 1), (0xfe80 << 112 | 1, 2));
        let (there, from) = Key6::new(x, y, 17, VlanCode::UNTAGGED);
        assert_eq!((there, 0), Key6::new(y, x, 17, VlanCode::UNTAGGED));
        assert_eq!(from, 1);
        assert_eq!(there.with_port(1, 7), Key6::new((x.0, 7), y, 17, VlanCode::UNTAGGED).0);
        assert_eq!(there.ends(), [("fe80::1".parse().unwrap(), 2), ("fe80::9".parse().unwrap(), 1)]);
    }

    #[test]
    fn every_vlan_path_survives_its_code() {
        let mut names = VlanNames::default();
        for tags in [&[][..], &[0], &[10], &[4094], &[4095], &[10, 20], &[0, 0], &[4095, 1], &[1, 4095], &[1, 2, 3]] {
            let mut path = VlanPath::default();
            tags.iter().for_each(|id| path.push(*id));
            let code = names.encode(&path);
            assert_eq!(names.decode(code), path);
            let (key, _) = Key4::new((1, 2), (3, 4), 17, VlanCode::UNTAGGED);
            assert_eq!(key.with_vlan(code).vlan(), code);
            assert_eq!(key.with_vlan(code).ends(), key.ends());
            let mut others = VlanNames::default();
            let translated = others.translate(&names, code);
            assert_eq!(others.decode(translated), path);
        }
    }
}
