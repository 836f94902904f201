//! The addresses of a survey, each with its number: its place in their order, whatever the flows' order is.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use rayon::prelude::*;

use super::host::HostId;
use crate::flow::Flows;

/// Numbered addresses. The hashes are seeded anew in each run: a capture cannot be made of addresses that collide.
pub(super) struct Addresses {
    v4: Family<u32>,
    v6: Family<u128>,
}

/// The addresses of one family, ascending, and the place of each.
struct Family<T> {
    list: Vec<T>,
    places: HashMap<T, u32, RandomState>,
}

impl<T: Copy + Ord + Hash + Send> Family<T> {
    fn new(set: HashSet<T, RandomState>) -> Self {
        let mut list: Vec<T> = set.into_iter().collect();
        list.par_sort_unstable();
        let places = list.iter().copied().zip(0..).collect();
        Self { list, places }
    }

    fn place(&self, address: T) -> u32 {
        self.places.get(&address).copied().unwrap_or_default()
    }
}

type SeenSets = (HashSet<u32, RandomState>, HashSet<u128, RandomState>);

fn insert(sets: &mut SeenSets, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => sets.0.insert(v4.to_bits()),
        IpAddr::V6(v6) => sets.1.insert(v6.to_bits()),
    };
}

/// Both sets together: the smaller into the larger.
fn union<T: Eq + Hash>(a: HashSet<T, RandomState>, b: HashSet<T, RandomState>) -> HashSet<T, RandomState> {
    let (mut large, small) = if a.len() < b.len() { (b, a) } else { (a, b) };
    large.extend(small);
    large
}

impl Addresses {
    /// Of the ends of flows, and more.
    pub(super) fn of(flows: &Flows, more: impl Iterator<Item = IpAddr>) -> Self {
        // One set a thread: what many of them have in common would be put together again and again.
        let threads = rayon::current_num_threads() as u32;
        let (end, share) = (flows.places().end, flows.places().end.div_ceil(threads));
        let of_thread = |thread: u32| {
            let places = thread.saturating_mul(share).min(end)..(thread + 1).saturating_mul(share).min(end);
            let mut sets = SeenSets::default();
            places.flat_map(|place| flows.addresses(place)).for_each(|address| insert(&mut sets, address));
            sets
        };
        let together = |a: SeenSets, b: SeenSets| (union(a.0, b.0), union(a.1, b.1));
        let mut sets = (0..threads).into_par_iter().map(of_thread).reduce(SeenSets::default, together);
        more.for_each(|address| insert(&mut sets, address));
        Self { v4: Family::new(sets.0), v6: Family::new(sets.1) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.v4.list.len() + self.v6.list.len()
    }

    /// The address with a number below [`Addresses::len`].
    pub(super) fn get(&self, number: usize) -> IpAddr {
        match number.checked_sub(self.v4.list.len()) {
            None => Ipv4Addr::from_bits(self.v4.list[number]).into(),
            Some(number) => Ipv6Addr::from_bits(self.v6.list[number]).into(),
        }
    }

    /// The number of one of them.
    #[inline]
    pub(super) fn number(&self, address: IpAddr) -> HostId {
        HostId(match address {
            IpAddr::V4(v4) => self.v4.place(v4.to_bits()),
            IpAddr::V6(v6) => self.v4.list.len() as u32 + self.v6.place(v6.to_bits()),
        })
    }
}
