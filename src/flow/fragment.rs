//! Fragments: the parts of a datagram count to the flow that its first part names.
//!
//! Only the first fragment carries ports, parts come in any order, and identifications are used again. So the
//! parts are kept as they come (which adds up), and put together when the table is finished: RFC 791 section
//! 3.2, RFC 8200 section 4.5 (a datagram is given up after 60 seconds).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::evidence::DatagramId;
use crate::capture::{Moment, Shift, Timestamp};
use crate::state::{Broken, Load, Stored, store_list, stored};

/// One fragment.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) at: Moment,
    pub(super) offset: u32,
    pub(super) length: u32,
    /// Of a first part that named them: the ports (or ICMP type) of its flow.
    pub(super) ports: Option<(u16, u16)>,
}

/// Later parts that go to one flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) ports: (u16, u16),
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) last: Timestamp,
}

/// Later parts of datagrams whose first part is missing, by host pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unattributed {
    /// Fragments.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

/// Nanoseconds after which a datagram is given up.
const GIVEN_UP: i64 = 60_000_000_000;
/// Nanoseconds within which the same part again is a copy, not another datagram with the same identification.
const COPY: i64 = 1_000_000_000;

/// All fragments that were seen, up to a limit of parts. Beyond it the lowest datagrams stay, each whole: so that parts of a
/// capture add up to the same in any order.
#[derive(Clone, Debug)]
pub(super) struct Fragments {
    datagrams: BTreeMap<DatagramId, Vec<Part>>,
    parts: usize,
    limit: usize,
    /// The lowest datagram that found no place: none from there on does.
    ceiling: Option<DatagramId>,
    /// Later parts of datagrams that found no place.
    pub(super) turned_away: Unattributed,
}

impl Fragments {
    pub(super) fn new(limit: usize) -> Self {
        Self { datagrams: BTreeMap::new(), parts: 0, limit, ceiling: None, turned_away: Unattributed::default() }
    }

    pub(super) fn add(&mut self, datagram: DatagramId, part: Part) {
        if self.ceiling.as_ref().is_some_and(|ceiling| datagram >= *ceiling) {
            return self.turn_away(&part);
        }
        self.parts += 1;
        self.datagrams.entry(datagram).or_default().push(part);
        while self.parts > self.limit {
            self.turn_last_away();
        }
    }

    fn turn_last_away(&mut self) {
        let Some((datagram, parts)) = self.datagrams.pop_last() else { return };
        self.parts -= parts.len();
        parts.iter().for_each(|part| self.turn_away(part));
        self.ceiling = Some(datagram);
    }

    fn turn_away(&mut self, part: &Part) {
        // A first part is counted by its flow already.
        if part.ports.is_none() {
            self.turned_away.packets += 1;
            self.turned_away.bytes += u64::from(part.length);
        }
    }

    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.turned_away.packets += other.turned_away.packets;
        self.turned_away.bytes += other.turned_away.bytes;
        if let Some(theirs) = other.ceiling {
            while self.datagrams.last_key_value().is_some_and(|(last, _)| *last >= theirs) {
                self.turn_last_away();
            }
            self.ceiling = Some(self.ceiling.take().map_or(theirs.clone(), |ours| ours.min(theirs)));
        }
        for (datagram, parts) in other.datagrams {
            for part in parts {
                self.add(datagram.clone(), Part { at: part.at.shifted(shift), ..part });
            }
        }
    }

    /// Puts datagrams together: hands each flow its later parts; what has no first part is returned by host pair.
    pub(super) fn resolve(
        self,
        mut to_flow: impl FnMut(&DatagramId, Rest) -> bool,
    ) -> BTreeMap<(IpAddr, IpAddr, u8), Unattributed> {
        let mut orphans: BTreeMap<_, Unattributed> = BTreeMap::new();
        for (datagram, mut parts) in self.datagrams {
            parts.sort_by_key(|part| part.at);
            for group in regroup(&parts) {
                if group.rest.packets == 0 {
                    continue;
                }
                let placed = group.named && to_flow(&datagram, group.rest);
                if !placed {
                    let pair = (datagram.source, datagram.destination, datagram.protocol);
                    let entry = orphans.entry(pair).or_default();
                    entry.packets += group.rest.packets;
                    entry.bytes += group.rest.bytes;
                }
            }
        }
        orphans
    }
}

/// A datagram being put together.
struct Reassembly {
    named: bool,
    rest: Rest,
    offsets: HashSet<u32>,
    touched: i64,
}

/// Parts with one identification, in the order of capture, as the datagrams they make up: a part that was
/// there already begins another datagram, unless it is a copy seen at once.
fn regroup(parts: &[Part]) -> Vec<Reassembly> {
    let mut groups: Vec<Reassembly> = Vec::new();
    for part in parts {
        let now = part.at.time.nanos().unwrap_or(0);
        let fits = |group: &Reassembly| {
            let age = now.saturating_sub(group.touched).saturating_abs();
            if group.offsets.contains(&part.offset) { age <= COPY } else { age <= GIVEN_UP }
        };
        // The newest few are enough: older ones are given up or whole.
        let newest = groups.len().saturating_sub(4);
        let at = match groups[newest..].iter().position(fits) {
            Some(at) => newest + at,
            None => {
                let rest = Rest { ports: (0, 0), packets: 0, bytes: 0, last: Timestamp::UNKNOWN };
                groups.push(Reassembly { named: false, rest, offsets: HashSet::new(), touched: now });
                groups.len() - 1
            }
        };
        let group = &mut groups[at];
        group.offsets.insert(part.offset);
        group.touched = now;
        if let Some(ports) = part.ports {
            group.named = true;
            group.rest.ports = ports;
        } else {
            group.rest.packets += 1;
            group.rest.bytes += u64::from(part.length);
            group.rest.last = group.rest.last.max(part.at.time);
        }
    }
    groups
}

stored!(Part { at, offset, length, ports });
stored!(Unattributed { packets, bytes });

impl Fragments {
    pub(super) fn store(&self, to: &mut Vec<u8>) {
        (self.datagrams.len() as u64).store(to);
        for (datagram, parts) in &self.datagrams {
            datagram.store(to);
            store_list(parts.iter(), to);
        }
        self.ceiling.store(to);
        self.turned_away.store(to);
    }

    /// With a limit of its own.
    pub(super) fn load(from: &mut Load<'_>, limit: usize) -> Result<Self, Broken> {
        let mut fragments = Self::new(limit);
        let most = u32::MAX as usize;
        for _ in 0..from.length(most, "there are too many datagrams")? {
            let datagram: DatagramId = from.get()?;
            for _ in 0..from.length(most, "a datagram has too many parts")? {
                fragments.add(datagram.clone(), from.get()?);
            }
        }
        let (ceiling, turned_away): (Option<DatagramId>, Unattributed) = from.get()?;
        fragments.absorb(Self { ceiling, turned_away, ..Self::new(limit) }, Shift::NONE);
        Ok(fragments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::FrameId;
    use crate::decode::VlanPath;

    fn part(number: u64, seconds: i64, offset: u32, ports: Option<(u16, u16)>) -> Part {
        let time = Timestamp::from_nanos(seconds * 1_000_000_000);
        Part { at: Moment { time, frame: FrameId::new(0, number) }, offset, length: 100, ports }
    }

    /// (ports, later parts) of each datagram that has a first part, and how many parts have none.
    type Resolved = (Vec<((u16, u16), u64)>, u64);

    fn resolve(parts: Vec<Part>) -> Resolved {
        let mut fragments = Fragments::new(100);
        let (source, destination) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let datagram = DatagramId { vlan: VlanPath::Untagged, source, destination, protocol: 17, identification: 7 };
        parts.into_iter().for_each(|part| fragments.add(datagram.clone(), part));
        let mut placed = Vec::new();
        let orphans = fragments.resolve(|_, rest| {
            placed.push((rest.ports, rest.packets));
            true
        });
        (placed, orphans.values().map(|orphan| orphan.packets).sum())
    }

    #[test]
    fn parts_count_to_the_flow_of_the_first_in_any_order() {
        let (first, a, b) = (part(1, 0, 0, Some((5, 69))), part(2, 0, 1480, None), part(3, 0, 2960, None));
        for order in [[&first, &a, &b], [&b, &a, &first], [&a, &first, &b]] {
            assert_eq!(resolve(order.into_iter().cloned().collect()), (vec![((5, 69), 2)], 0));
        }
    }

    #[test]
    fn at_the_limit_the_lowest_datagrams_stay_whole_in_any_order() {
        let datagram = |identification| DatagramId {
            vlan: VlanPath::Untagged,
            source: "10.0.0.1".parse().unwrap(),
            destination: "10.0.0.2".parse().unwrap(),
            protocol: 17,
            identification,
        };
        // Of datagrams 1 to 5, with 2, 3, 4, 1 and 1 parts, a limit of 6 keeps the first two: the third does not fit.
        let parts: Vec<(u32, Part)> = [(1, 2), (2, 3), (3, 4), (4, 1), (5, 1)]
            .iter()
            .flat_map(|(id, count)| (0..*count).map(|at| (*id, part(u64::from(*id) * 10 + at, 0, at as u32 + 1, None))))
            .collect();
        let of = |parts: &[(u32, Part)]| {
            let mut fragments = Fragments::new(6);
            parts.iter().for_each(|(id, part)| fragments.add(datagram(*id), part.clone()));
            fragments
        };
        let told = |fragments: &Fragments| {
            let kept: Vec<(u32, usize)> =
                fragments.datagrams.iter().map(|(datagram, parts)| (datagram.identification, parts.len())).collect();
            (kept, fragments.turned_away.packets)
        };
        let expected = (vec![(1, 2), (2, 3)], 6);
        assert_eq!(told(&of(&parts)), expected);
        let reversed: Vec<_> = parts.iter().rev().cloned().collect();
        assert_eq!(told(&of(&reversed)), expected);
        for cut in 0..parts.len() {
            for (first, second) in [parts.split_at(cut), reversed.split_at(cut)] {
                let mut sum = of(first);
                sum.absorb(of(second), Shift::NONE);
                assert_eq!(told(&sum), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn an_identification_used_again_is_another_datagram() {
        let parts = vec![
            part(1, 0, 0, Some((5, 69))),
            part(2, 0, 1480, None),
            part(3, 9, 0, Some((6, 70))),
            part(4, 9, 1480, None),
        ];
        assert_eq!(resolve(parts), (vec![((5, 69), 1), ((6, 70), 1)], 0));
    }

    #[test]
    fn a_missing_first_part_is_told_apart() {
        // The second datagram's first part was not captured: its rest is nobody's.
        let parts = vec![part(1, 0, 0, Some((5, 69))), part(2, 0, 1480, None), part(3, 9, 1480, None)];
        assert_eq!(resolve(parts), (vec![((5, 69), 1)], 1));
        assert_eq!(resolve(vec![part(1, 0, 1480, None)]), (vec![], 1));
    }
}
