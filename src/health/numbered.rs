//! A map whose entries have numbers, so that who knows a number need not look for its key.

use std::hash::{BuildHasher, Hash};

/// No number of an entry.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Entries by key. A number is that of an entry until entries are let go.
#[derive(Clone, Debug)]
pub(super) struct Numbered<K, T> {
    /// As in the flow table: the number of an entry and one more, and above it as many bits of its key's hash as fit. None, or
    /// a power of two of them, of which half are free at least.
    slots: Vec<u32>,
    list: Vec<(K, T)>,
    /// How often entries were let go, after which numbers mean nothing any more.
    epoch: u32,
    hasher: foldhash::fast::RandomState,
}

impl<K, T> Default for Numbered<K, T> {
    fn default() -> Self {
        Self { slots: Vec::new(), list: Vec::new(), epoch: 0, hasher: foldhash::fast::RandomState::default() }
    }
}

impl<K: Copy + Eq + Hash, T> Numbered<K, T> {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The number that a key most likely has, or [`NOWHERE`]; its entry is not looked at.
    #[inline]
    pub(super) fn likely(&self, key: &K) -> u32 {
        self.search(key, |_| true).unwrap_or(NOWHERE)
    }

    /// The number of a key, or [`NOWHERE`].
    #[inline]
    pub(super) fn find(&self, key: &K) -> u32 {
        self.search(key, |number| self.list.get(number as usize).is_some_and(|(own, _)| own == key)).unwrap_or(NOWHERE)
    }

    /// The first number of which the hash and something else is right, or the slot where it would stand.
    #[inline]
    fn search(&self, key: &K, is_right: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let (hash, mask) = (self.hasher.hash_one(key), self.slots.len().wrapping_sub(1));
        let (tag, mut at) = ((hash >> 32) as u32, hash as usize & mask);
        while let Some(slot) = self.slots.get(at) {
            if *slot == 0 {
                break;
            }
            let number = (slot & mask as u32).wrapping_sub(1);
            if (slot ^ tag) & !(mask as u32) == 0 && is_right(number) {
                return Ok(number);
            }
            at = (at + 1) & mask;
        }
        Err(at)
    }

    /// The entry of a number.
    #[inline]
    pub(super) fn at(&mut self, number: u32) -> Option<&mut T> {
        self.list.get_mut(number as usize).map(|(_, kept)| kept)
    }

    /// The entry of a number, if it is that of a key.
    #[inline]
    pub(super) fn guess(&mut self, number: u32, key: &K) -> Option<&mut T> {
        self.list.get_mut(number as usize).filter(|(own, _)| own == key).map(|(_, kept)| kept)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        let number = self.find(key);
        self.at(number)
    }

    /// The number of a key, whose entry is made if need be.
    pub(super) fn enter(&mut self, key: K, make: impl FnOnce() -> T) -> u32 {
        let known = self.find(&key);
        if known != NOWHERE {
            return known;
        }
        self.list.push((key, make()));
        if 2 * self.list.len() >= self.slots.len() {
            self.slots = vec![0; (2 * self.slots.len()).max(16)];
            self.index_from(0);
        } else {
            self.index_from(self.list.len() - 1);
        }
        self.list.len() as u32 - 1
    }

    /// Enters the entries from a number on in the slots, which have none of them.
    fn index_from(&mut self, first: usize) {
        let mask = self.slots.len().wrapping_sub(1) as u32;
        for number in first..self.list.len() {
            let Some((key, _)) = self.list.get(number) else { break };
            let (hash, free) = (self.hasher.hash_one(key), self.search(key, |_| false));
            if let Some(slot) = free.err().and_then(|at| self.slots.get_mut(at)) {
                *slot = (hash >> 32) as u32 & !mask | (number as u32 + 1) & mask;
            }
        }
    }

    /// All entries, by their numbers.
    #[inline]
    pub(super) fn list(&self) -> &[(K, T)] {
        &self.list
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut T)> {
        self.list.iter_mut().map(|(key, kept)| (&*key, kept))
    }

    pub(super) fn into_list(self) -> Vec<(K, T)> {
        self.list
    }

    /// Lets entries go.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut T) -> bool) {
        let before = self.list.len();
        self.list.retain_mut(|(key, kept)| is_kept(key, kept));
        if self.list.len() < before {
            self.epoch = self.epoch.wrapping_add(1);
            self.slots.fill(0);
            self.index_from(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A number is told anew whenever entries were let go, and then only.
        #[test]
        fn numbers_find_what_keys_find(keys in prop::collection::vec(0..40_u32, 1..200), goes in 2..9_u32) {
            let mut numbered = Numbered::default();
            for (at, key) in keys.iter().enumerate() {
                let number = numbered.enter(*key, || *key * 7);
                prop_assert_eq!([numbered.find(key), numbered.likely(key)], [number; 2]);
                prop_assert_eq!(numbered.guess(number, key).copied(), Some(key * 7));
                prop_assert_eq!(numbered.guess(number, &(key + 1)), None);
                if at as u32 % 20 == 19 {
                    let (epoch, len) = (numbered.epoch(), numbered.len());
                    numbered.retain(|key, _| key % goes != 0);
                    prop_assert_eq!(numbered.epoch() == epoch, numbered.len() == len);
                }
                for (key, value) in numbered.list().to_vec() {
                    prop_assert_eq!(numbered.get_mut(&key).copied(), Some(value));
                }
            }
            prop_assert_eq!(numbered.find(&77), NOWHERE);
            prop_assert_eq!(numbered.at(NOWHERE), None);
        }
    }
}
