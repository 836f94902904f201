//! Finding the entry that speaks of an address or a MAC: the most specific one.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::declared::Entry;
use super::matcher::{MacPrefix, Matcher};
use crate::decode::MacAddr;

/// Disjoint address ranges in order, each with the position of what it belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    v4: Vec<Segment>,
    v6: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    first: u128,
    last: u128,
    owner: u32,
}

/// Two overlapping spans of the same size with different ranks: (earlier, later) owner and the overlap.
pub(super) struct OverlapConflict {
    pub(super) owners: (u32, u32),
    pub(super) overlap: (IpAddr, IpAddr),
}

impl Segments {
    /// From spans, which may nest and overlap: at each address the smallest span wins, of equals the
    /// one with the lowest owner.
    pub(super) fn new(spans: impl Iterator<Item = ((IpAddr, IpAddr), u32)>) -> Self {
        let (v4, v6): (Vec<_>, Vec<_>) = spans.partition(|((first, _), _)| first.is_ipv4());
        Self { v4: flatten(&v4), v6: flatten(&v6) }
    }

    /// Owner of the segment that holds an address.
    pub(super) fn find(&self, address: IpAddr) -> Option<u32> {
        let segments = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let number = to_number(address);
        let at = segments.partition_point(|segment| segment.first <= number);
        let segment = segments.get(at.checked_sub(1)?)?;
        (number <= segment.last).then_some(segment.owner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The segments in order, IPv4 first: first and last address, and owner.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr, u32)> {
        let v4 = |number: u128| IpAddr::from((number as u32).to_be_bytes());
        let v6 = |number: u128| IpAddr::from(number.to_be_bytes());
        let low = self.v4.iter().map(move |at| (v4(at.first), v4(at.last), at.owner));
        low.chain(self.v6.iter().map(move |at| (v6(at.first), v6(at.last), at.owner)))
    }
}

fn to_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn flatten(spans: &[((IpAddr, IpAddr), u32)]) -> Vec<Segment> {
    // A sweep over the places where a span begins or has ended; the active ones are ordered by size.
    let mut edges: Vec<(u128, bool, usize)> = Vec::with_capacity(spans.len() * 2);
    for (i, ((first, last), _)) in spans.iter().enumerate() {
        edges.push((to_number(*first), true, i));
        // The very last IPv6 address has no successor: such a span stays active to the end.
        if let Some(end) = to_number(*last).checked_add(1) {
            edges.push((end, false, i));
        }
    }
    edges.sort_unstable();
    let mut active: BTreeSet<(u128, u32)> = BTreeSet::new();
    let mut segments: Vec<Segment> = Vec::new();
    let mut from = 0u128;
    let mut emit = |active: &BTreeSet<(u128, u32)>, first: u128, last: u128| {
        let Some(&(_, owner)) = active.first() else { return };
        match segments.last_mut() {
            Some(before) if before.owner == owner && before.last.checked_add(1) == Some(first) => before.last = last,
            _ => segments.push(Segment { first, last, owner }),
        }
    };
    for (at, begins, i) in edges {
        if at > from {
            emit(&active, from, at - 1);
        }
        from = at;
        let Some(((first, last), owner)) = spans.get(i) else { continue };
        let rank = (to_number(*last) - to_number(*first), *owner);
        if begins {
            active.insert(rank);
        } else {
            active.remove(&rank);
        }
    }
    emit(&active, from, u128::MAX);
    segments
}

/// Overlapping spans of one size whose `rank` (role) differs: nothing says which of them should win.
pub(super) fn ties<R: PartialEq>(spans: &[((IpAddr, IpAddr), u32, R)]) -> Vec<OverlapConflict> {
    let size = |span: &((IpAddr, IpAddr), u32, R)| to_number(span.0.1) - to_number(span.0.0);
    let mut order: Vec<&((IpAddr, IpAddr), u32, R)> = spans.iter().collect();
    order.sort_by_key(|span| (span.0.0.is_ipv6(), size(span), span.0.0, span.1));
    // Sorted by start within a size, spans of different rank overlap only if two neighbours do.
    let pairs = order.windows(2).filter_map(|pair| match pair {
        [a, b] if a.0.0.is_ipv4() == b.0.0.is_ipv4() && size(a) == size(b) && b.0.0 <= a.0.1 && a.2 != b.2 => {
            Some(OverlapConflict { owners: (a.1.min(b.1), a.1.max(b.1)), overlap: (b.0.0, a.0.1) })
        }
        _ => None,
    });
    pairs.collect()
}

/// The entries by what they match.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    addresses: HashMap<IpAddr, u32>,
    blocks: Segments,
    macs: HashMap<MacAddr, u32>,
    prefixes: HashMap<MacPrefix, u32>,
}

impl Lookup {
    /// Of entries of which no two match exactly the same.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut lookup = Self::default();
        let mut spans = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let at = at as u32;
            match entry.matcher {
                Matcher::Address(address) => {
                    lookup.addresses.insert(address, at);
                }
                Matcher::Mac(mac) => {
                    lookup.macs.insert(mac, at);
                }
                Matcher::MacPrefix(prefix) => {
                    lookup.prefixes.insert(prefix, at);
                }
                Matcher::Block(_) | Matcher::Range(..) => spans.extend(entry.matcher.span().map(|span| (span, at))),
            }
        }
        lookup.blocks = Segments::new(spans.into_iter());
        lookup
    }

    pub(super) fn address(&self, address: IpAddr) -> Option<u32> {
        self.addresses.get(&address).copied()
    }

    pub(super) fn block(&self, address: IpAddr) -> Option<u32> {
        self.blocks.find(address)
    }

    pub(super) fn mac(&self, mac: MacAddr) -> Option<u32> {
        self.macs.get(&mac).copied().or_else(|| self.prefix(mac))
    }

    /// The longest prefix wins.
    fn prefix(&self, mac: MacAddr) -> Option<u32> {
        if self.prefixes.is_empty() {
            return None;
        }
        MacPrefix::DIGITS.rev().find_map(|digits| self.prefixes.get(&MacPrefix::of(mac, digits)).copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the definition: of all spans that hold the address, the smallest, then the first.
        #[test]
        fn finds_the_smallest_span(spans in prop::collection::vec((0u8..40, 0u8..40), 0..12)) {
            let address = |low: u8| IpAddr::from([255, 255, 255, 215 + low]);
            let spans: Vec<_> = spans.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
            let segments =
                Segments::new(spans.iter().zip(0..).map(|((a, b), owner)| ((address(*a), address(*b)), owner)));
            for low in 0..=40 {
                let expected = spans
                    .iter()
                    .zip(0u32..)
                    .filter(|((a, b), _)| (*a..=*b).contains(&low))
                    .min_by_key(|((a, b), owner)| (b - a, *owner))
                    .map(|(_, owner)| owner);
                prop_assert_eq!(segments.find(address(low)), expected);
            }
        }

        #[test]
        fn finds_ties_of_equal_size(spans in prop::collection::vec((0u8..40, 0u8..6, 0u8..2), 0..8)) {
            let address = |low: u8| IpAddr::from([10, 0, 0, low]);
            let list: Vec<_> = spans
                .iter()
                .zip(0u32..)
                .map(|((a, length, rank), owner)| ((address(*a), address(a + length)), owner, *rank))
                .collect();
            let expected = list.iter().any(|a| {
                list.iter().any(|b| {
                    a.2 != b.2 && to_number(a.0.1) - to_number(a.0.0) == to_number(b.0.1) - to_number(b.0.0)
                        && a.0.0 <= b.0.1 && b.0.0 <= a.0.1
                })
            });
            prop_assert_eq!(!ties(&list).is_empty(), expected);
        }
    }

    #[test]
    fn covers_the_whole_of_ipv6() {
        let all: (IpAddr, IpAddr) = (IpAddr::from([0u16; 8]), IpAddr::from([u16::MAX; 8]));
        let segments = Segments::new([(all, 7)].into_iter());
        assert_eq!(segments.find(all.0), Some(7));
        assert_eq!(segments.find(all.1), Some(7));
        assert_eq!(segments.find(IpAddr::from([10, 0, 0, 1])), None);
    }
}
