//! What link headers say of a frame: MAC addresses and VLAN tags.

use std::fmt;
use std::sync::Arc;

use arrayvec::ArrayVec;

/// A 48-bit MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Stands for the address of a group that was not recorded, as in Linux cooked captures.
    pub const SOME_GROUP: Self = Self([1, 0, 0, 0, 0, 0]);
    /// The same, where only the address tells that it was one.
    pub const LIKELY_GROUP: Self = Self([1, 0, 0, 0, 0, 1]);

    /// Everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// From six pairs of hex digits, joined by colons.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(octets))
    }

    /// Whether the group bit is set (IEEE 802, multicast or broadcast).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether a unicast address that frames go to under it may be a subnet's broadcast: that goes to everybody (RFC 894). Other
    /// groups are a cluster's that shares an address, or what a tool wrote in the place of a MAC.
    pub const fn may_be_subnet(self) -> bool {
        matches!(self, Self::BROADCAST | Self::SOME_GROUP | Self::LIKELY_GROUP)
    }

    /// Whether it is that of routers which stand in for each other: whoever is behind it is no neighbour.
    pub fn is_of_routers(self) -> bool {
        const SHARED: [&[u8]; 6] = [
            // VRRP (RFC 9568 section 7.3) for IPv4 and IPv6, and CARP.
            &[0x00, 0x00, 0x5e, 0x00, 0x01],
            &[0x00, 0x00, 0x5e, 0x00, 0x02],
            // Cisco's HSRP, version 1, version 2, and for IPv6.
            &[0x00, 0x00, 0x0c, 0x07, 0xac],
            &[0x00, 0x00, 0x0c, 0x9f],
            &[0x00, 0x05, 0x73, 0xa0],
            // Cisco's GLBP.
            &[0x00, 0x07, 0xb4, 0x00],
        ];
        SHARED.iter().any(|prefix| self.0.starts_with(prefix))
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
    /// The network that it stands for: VLAN 0 is a priority and no VLAN (IEEE 802.1Q clause 6.9).
    pub fn network(&self) -> Self {
        if *self == Self::One(0) { Self::Untagged } else { self.clone() }
    }

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
}
