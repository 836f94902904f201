//! What is kept of each host, by its address: of a limited number, those that rank first, whatever the order in which they
//! come.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::numbered::{NOWHERE, Numbered};
use crate::state::{Broken, Load, Stored};

/// What ranks first goes last: addresses of a site stay before those of the world, which anybody can make up, and those of
/// IPv4 before those of IPv6.
type Rank = (u8, u128);

#[inline(always)]
fn rank(host: IpAddr) -> Rank {
    match host {
        IpAddr::V4(v4) => (if v4.is_private() || v4.is_link_local() { 0 } else { 2 }, v4.to_bits().into()),
        IpAddr::V6(v6) => (if v6.is_unique_local() || v6.is_unicast_link_local() { 1 } else { 3 }, v6.to_bits()),
    }
}

/// At most twice `MOST` hosts while they come, and `MOST` in the end.
#[derive(Clone, Debug)]
pub(super) struct BoundedHosts<T, const MOST: usize> {
    hosts: Numbered<IpAddr, T>,
    /// Once there were more: this one and all that rank behind it have no place.
    ceiling: Option<IpAddr>,
    /// Its rank.
    limit: Rank,
}

impl<T, const MOST: usize> Default for BoundedHosts<T, MOST> {
    fn default() -> Self {
        Self { hosts: Numbered::default(), ceiling: None, limit: Self::NO_LIMIT }
    }
}

impl<T, const MOST: usize> BoundedHosts<T, MOST> {
    const NO_LIMIT: Rank = (u8::MAX, 0);

    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether some must go before another one comes.
    pub(super) fn is_full(&self) -> bool {
        self.hosts.len() >= 2 * MOST
    }

    /// Whether some found no place.
    #[inline]
    pub(super) const fn turned_away(&self) -> bool {
        self.ceiling.is_some()
    }

    #[inline(always)]
    pub(super) fn has_place(&self, host: IpAddr) -> bool {
        rank(host) < self.limit
    }

    /// The number of a host, which it has until others must go, or [`NOWHERE`].
    pub(super) fn find(&self, host: IpAddr) -> u32 {
        self.hosts.find(&host)
    }

    /// What is kept under a number.
    #[inline]
    pub(super) fn at(&mut self, number: u32) -> Option<&mut T> {
        self.hosts.at(number)
    }

    pub(super) fn get_mut(&mut self, host: IpAddr) -> Option<&mut T> {
        self.hosts.get_mut(&host)
    }

    /// What is kept of a host whose number may be known, made if need be; none where it has no place.
    #[inline]
    pub(super) fn get_or_insert(&mut self, host: IpAddr, number: &mut u32, make: impl FnOnce() -> T) -> Option<&mut T> {
        if self.hosts.guess(*number, &host).is_none() {
            *number = self.enter(host, make);
        }
        self.hosts.at(*number)
    }

    /// The number of a host, of which something is kept from now on; [`NOWHERE`] where it has no place.
    #[inline(never)]
    pub(super) fn enter(&mut self, host: IpAddr, make: impl FnOnce() -> T) -> u32 {
        if self.is_full() && self.hosts.find(&host) == NOWHERE {
            self.keep_to_limit();
        }
        if self.has_place(host) { self.hosts.enter(host, make) } else { NOWHERE }
    }

    /// All hosts, by their numbers.
    #[inline]
    pub(super) fn list(&self) -> &[(IpAddr, T)] {
        self.hosts.list()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &T)> {
        self.hosts.list().iter().map(|(host, kept)| (*host, kept))
    }

    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        self.hosts.retain(|_, kept| is_kept(kept));
    }

    /// Holds it to its limit, to which nothing is to be added.
    pub(super) fn keep_to_limit(&mut self) {
        if self.hosts.len() > MOST {
            let mut hosts: Vec<IpAddr> = self.iter().map(|(host, _)| host).collect();
            let (_, first_beyond, _) = hosts.select_nth_unstable_by_key(MOST, |host| rank(*host));
            self.keep_below(Some(*first_beyond));
        }
    }

    /// Leaves no place to what has none in `other`.
    pub(super) fn keep_places_of(&mut self, other: &Self) {
        self.keep_below(other.ceiling);
    }

    fn keep_below(&mut self, ceiling: Option<IpAddr>) {
        let Some(ceiling) = ceiling.filter(|new| self.has_place(*new)) else { return };
        let limit = rank(ceiling);
        (self.ceiling, self.limit) = (Some(ceiling), limit);
        self.hosts.retain(|host, _| rank(*host) < limit);
    }

    pub(super) fn into_map(self) -> BTreeMap<IpAddr, T> {
        self.hosts.into_list().into_iter().collect()
    }
}

/// The ceiling, and the hosts in the order of their addresses.
impl<T: Stored, const MOST: usize> Stored for BoundedHosts<T, MOST> {
    fn store(&self, to: &mut Vec<u8>) {
        self.ceiling.store(to);
        let hosts: BTreeMap<IpAddr, &T> = self.iter().collect();
        (hosts.len() as u64).store(to);
        for (host, kept) in hosts {
            host.store(to);
            kept.store(to);
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let ceiling: Option<IpAddr> = from.get()?;
        let hosts: BTreeMap<IpAddr, T> = from.map(2 * MOST, "there are too many hosts")?;
        let limit = ceiling.map_or(Self::NO_LIMIT, rank);
        let mut lowest = Self { hosts: Numbered::default(), ceiling, limit };
        from.expect(hosts.keys().all(|host| lowest.has_place(*host)), "a host has no place among the others")?;
        for (host, kept) in hosts {
            lowest.hosts.enter(host, || kept);
        }
        Ok(lowest)
    }
}
