//! What is kept of each host, by its address: of a limited number, those that rank first, whatever the order in which they
//! come.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::state::{Broken, Load, Stored};

/// What ranks first goes last: addresses of a site stay before those of the world, which anybody can make up.
fn rank(host: IpAddr) -> (bool, IpAddr) {
    let is_of_a_site = match host {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    (!is_of_a_site, host)
}

/// At most twice `MOST` hosts while they come, and `MOST` in the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lowest<T, const MOST: usize> {
    hosts: HashMap<IpAddr, T, foldhash::fast::RandomState>,
    /// Once there were more: this one and all that rank behind it have no place.
    ceiling: Option<IpAddr>,
}

impl<T, const MOST: usize> Default for Lowest<T, MOST> {
    fn default() -> Self {
        Self { hosts: HashMap::default(), ceiling: None }
    }
}

impl<T, const MOST: usize> Lowest<T, MOST> {
    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether some found no place.
    pub(super) fn turned_away(&self) -> bool {
        self.ceiling.is_some()
    }

    fn has_place(&self, host: IpAddr) -> bool {
        self.ceiling.is_none_or(|ceiling| rank(host) < rank(ceiling))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, host: IpAddr) -> Option<&mut T> {
        self.hosts.get_mut(&host)
    }

    /// What is kept of a host, made if need be; none where it has no place.
    pub(super) fn get_or_insert(&mut self, host: IpAddr, make: impl FnOnce() -> T) -> Option<&mut T> {
        if self.hosts.len() >= 2 * MOST && !self.hosts.contains_key(&host) {
            self.keep_to_limit();
        }
        self.has_place(host).then(|| self.hosts.entry(host).or_insert_with(make))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &T)> {
        self.hosts.iter().map(|(host, kept)| (*host, kept))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.hosts.values_mut()
    }

    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        self.hosts.retain(|_, kept| is_kept(kept));
    }

    /// Holds it to its limit, to which nothing is to be added.
    pub(super) fn keep_to_limit(&mut self) {
        if self.hosts.len() > MOST {
            let mut hosts: Vec<IpAddr> = self.hosts.keys().copied().collect();
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
        self.ceiling = Some(ceiling);
        self.hosts.retain(|host, _| rank(*host) < rank(ceiling));
    }

    pub(super) fn into_map(self) -> BTreeMap<IpAddr, T> {
        self.hosts.into_iter().collect()
    }
}

/// The ceiling, and the hosts in the order of their addresses.
impl<T: Stored, const MOST: usize> Stored for Lowest<T, MOST> {
    fn store(&self, to: &mut Vec<u8>) {
        self.ceiling.store(to);
        let hosts: BTreeMap<&IpAddr, &T> = self.hosts.iter().collect();
        (hosts.len() as u64).store(to);
        for (host, kept) in hosts {
            host.store(to);
            kept.store(to);
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let ceiling = from.get()?;
        let hosts: BTreeMap<IpAddr, T> = from.map(2 * MOST, "there are too many hosts")?;
        let lowest = Self { hosts: hosts.into_iter().collect(), ceiling };
        let is_sound = lowest.hosts.keys().all(|host| lowest.has_place(*host));
        from.expect(is_sound, "a host has no place among the others")?;
        Ok(lowest)
    }
}
