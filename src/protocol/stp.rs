//! Bridge protocol data units (IEEE 802.1Q-2022 clause 14): the spanning tree.

use crate::state::stored;

/// Roles of a port, in bits 3 and 4 of the flags (clause 14.2.1).
const DESIGNATED: u8 = 3;
/// Bits of the flags.
mod flag {
    pub(super) const CHANGE: u8 = 0x01;
    pub(super) const LEARNING: u8 = 0x10;
    pub(super) const FORWARDING: u8 = 0x20;
}
/// Where the records of the instances begin, and how long each is (clause 14.4): behind a version 3 length that stands at 36.
const INSTANCES: usize = 102;
const INSTANCE: usize = 16;
/// Times are in units of 1/256 s.
const UNITS: u16 = 256;

/// A bridge: priority and, with it, the VLAN, then a MAC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Bridge {
    /// Priority in the upper four bits, the VLAN or instance in the others.
    pub priority: u16,
    /// Its MAC.
    pub mac: [u8; 6],
}

stored!(Bridge { priority, mac });

/// What one port says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unit {
    /// 0: spanning tree of 1998, 2: rapid, 3: multiple.
    pub version: u8,
    /// The root that it knows.
    pub root: Bridge,
    /// The bridge that sends.
    pub bridge: Bridge,
    /// The port that it sends from.
    pub port: u16,
    /// Whether the topology changes.
    pub changes: bool,
    /// Whether the port leads away from the root; `None` where the version does not say.
    pub designated: Option<bool>,
    /// Whether it learns who is where, which it does before it forwards; `None` where the version does not say.
    pub learns: Option<bool>,
    /// Whether it forwards; `None` where the version does not say.
    pub forwards: Option<bool>,
    /// Seconds between two units.
    pub hello: u16,
    /// Seconds of each of the two states before a port forwards.
    pub forward_delay: u16,
}

/// A data unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bpdu {
    /// A port's configuration.
    Unit(Unit),
    /// Topology change notification, from a bridge to its root.
    Notification,
}

/// Reads a data unit, as it stands behind LLC or SNAP: protocol 0, version, type.
pub fn message(bytes: &[u8]) -> Option<Bpdu> {
    match *bytes {
        [0, 0, _, 0x80, ..] => return Some(Bpdu::Notification),
        [0, 0, 0, 0x00, ..] => {}
        [0, 0, version, 0x02, ..] if version >= 2 => {}
        _ => return None,
    }
    let rest = bytes.get(4..)?.first_chunk::<31>()?;
    let word = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    let bridge = |at: usize| {
        let mut mac = [0; 6];
        mac.copy_from_slice(&rest[at + 2..at + 8]);
        Bridge { priority: word(at), mac }
    };
    let (version, flags) = (bytes[2], rest[0]);
    // Of a multiple spanning tree each instance changes by itself.
    let length = bytes.get(36..38).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    let instances = bytes.get(INSTANCES..bytes.len().min(length + 38)).filter(|_| version >= 3).unwrap_or_default();
    let changes = instances.chunks_exact(INSTANCE).any(|instance| instance[0] & flag::CHANGE != 0);
    let says = |value: bool| (version >= 2).then_some(value);
    Some(Bpdu::Unit(Unit {
        version,
        root: bridge(1),
        bridge: bridge(13),
        port: word(21),
        changes: changes || flags & flag::CHANGE != 0,
        designated: says(flags >> 2 & 3 == DESIGNATED),
        learns: says(flags & flag::LEARNING != 0),
        forwards: says(flags & flag::FORWARDING != 0),
        hello: word(27) / UNITS,
        forward_delay: word(29) / UNITS,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_rapid_unit() {
        let mut bytes = vec![0, 0, 2, 2, 0x0e | 0x01];
        bytes.extend([0x80, 10, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4, 0x90, 10, 2, 0, 0, 0, 0, 2, 0x80, 7]);
        bytes.extend([1, 0, 20, 0, 2, 0, 15, 0, 0]);
        let Some(Bpdu::Unit(unit)) = message(&bytes) else { panic!("no unit") };
        assert_eq!((unit.root.priority, unit.bridge.priority, unit.port), (0x800a, 0x900a, 0x8007));
        assert_eq!((unit.bridge.mac, unit.hello, unit.forward_delay), ([2, 0, 0, 0, 0, 2], 2, 15));
        assert_eq!((unit.changes, unit.designated), (true, Some(true)));
        assert_eq!((unit.learns, unit.forwards), (Some(false), Some(false)));
        // A multiple spanning tree of two instances, of which the second changes.
        let mut multiple = bytes.clone();
        (multiple[2], multiple[4]) = (3, 0x0e);
        multiple.resize(36, 0);
        multiple.extend([0, 64 + 32]);
        multiple.resize(102 + 32 + 8, 0);
        let changes = |bytes: &[u8]| matches!(message(bytes), Some(Bpdu::Unit(unit)) if unit.changes);
        assert!(!changes(&multiple));
        multiple[102 + 16] = 1;
        assert!(changes(&multiple) && !changes(&multiple[..102 + 20]));
        multiple[102 + 16..].copy_from_slice(&[[0; 16].as_slice(), &[1; 8]].concat());
        assert!(!changes(&multiple), "what fills up the frame");
        // The same of 1998 says neither role nor state.
        bytes[2..4].copy_from_slice(&[0, 0]);
        let Some(Bpdu::Unit(unit)) = message(&bytes) else { panic!("no unit") };
        assert_eq!((unit.designated, unit.forwards), (None, None));
        for cut in 0..35 {
            assert_eq!(message(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(message(&[0, 0, 0, 0x80]), Some(Bpdu::Notification));
    }
}
