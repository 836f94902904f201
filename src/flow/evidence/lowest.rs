//! A map that keeps its lowest keys.

use std::collections::BTreeMap;

use crate::capture::Shift;
use crate::state::{Broken, Load, Stored, store_map};

/// What can be added to another of its kind, in any order and grouping.
pub(super) trait Add {
    fn add(&mut self, other: Self);

    /// Puts its frame numbers right, before it is added to another part of a capture.
    fn shift(&mut self, shift: Shift);
}

/// Of what one part has, that; of what both have, the sum.
impl<T: Add> Add for Option<T> {
    fn add(&mut self, other: Self) {
        match (self.as_mut(), other) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (Some(_), None) => {}
            (None, other) => *self = other,
        }
    }

    fn shift(&mut self, shift: Shift) {
        self.iter_mut().for_each(|value| value.shift(shift));
    }
}

/// Says which fields of a structure add up by themselves, and how the others do, which hold no frame numbers.
macro_rules! summed {
    ($type:ty { $($field:ident),+ } $(, $mine:ident, $theirs:ident: $more:block)?) => {
        impl $crate::flow::evidence::lowest::Add for $type {
            fn add(&mut self, other: Self) {
                $(self.$field.add(other.$field);)+
                $({
                    let ($mine, $theirs) = (self, other);
                    $more
                })?
            }

            fn shift(&mut self, shift: $crate::capture::Shift) {
                $(self.$field.shift(shift);)+
            }
        }
    };
}
pub(super) use summed;

const TOO_LARGE: &str = "a set of evidence is larger than any";

/// At most `LIMIT` keys, the lowest. A key that was turned away once can never come back, because
/// the keys that outbid it stay: so merging parts gives exactly what one pass gives, at the limit too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BoundedMap<K, V, const LIMIT: usize> {
    map: BTreeMap<K, V>,
    turned_away: bool,
}

impl<K, V, const LIMIT: usize> Default for BoundedMap<K, V, LIMIT> {
    fn default() -> Self {
        Self { map: BTreeMap::new(), turned_away: false }
    }
}

impl<K: Ord, V: Add, const LIMIT: usize> BoundedMap<K, V, LIMIT> {
    pub(super) fn add(&mut self, key: K, value: V) {
        let is_full = self.map.len() >= LIMIT;
        // Where it is full, most keys are above all that are kept.
        if is_full && self.is_above(&key) {
            self.turned_away = true;
            return;
        }
        if let Some(held) = self.map.get_mut(&key) {
            return held.add(value);
        }
        if is_full {
            self.turned_away = true;
            self.map.pop_last();
        }
        self.map.insert(key, value);
    }

    /// Adds what there is.
    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = (K, V)>) {
        values.into_iter().for_each(|(key, value)| self.add(key, value));
    }

    fn is_above(&self, key: &K) -> bool {
        self.map.last_key_value().is_none_or(|(last, _)| key > last)
    }

    /// Whether anything would change if a key were added: else its value need not be made.
    pub(super) fn wants(&self, key: &K) -> bool {
        self.map.len() < LIMIT || !self.turned_away || !self.is_above(key)
    }

    /// Adds the map of another part.
    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.turned_away |= other.turned_away;
        for (key, mut value) in other.map {
            value.shift(shift);
            self.add(key, value);
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.map.iter()
    }

    /// The same with other keys, whose order is that of these.
    pub(super) fn with_keys<Q: Ord>(self, key: impl Fn(K) -> Q) -> BoundedMap<Q, V, LIMIT> {
        BoundedMap {
            map: self.map.into_iter().map(|(k, value)| (key(k), value)).collect(),
            turned_away: self.turned_away,
        }
    }

    /// Appends it with other keys, whose order is that of these.
    pub(super) fn store_keys<Q: Stored>(&self, key: impl Fn(&K) -> Q, to: &mut Vec<u8>)
    where
        V: Stored,
    {
        (self.map.len() as u64).store(to);
        for (k, value) in &self.map {
            key(k).store(to);
            value.store(to);
        }
        self.turned_away.store(to);
    }

    /// Takes over what [`BoundedMap::store_keys`] appended.
    pub(super) fn load_keys<Q: Stored>(from: &mut Load<'_>, key: impl Fn(Q, &V) -> K) -> Result<Self, Broken>
    where
        V: Stored,
    {
        let mut map = BTreeMap::new();
        for _ in 0..from.length(LIMIT, TOO_LARGE)? {
            let (short, value) = from.get()?;
            let key = key(short, &value);
            from.expect(map.last_key_value().is_none_or(|(last, _)| *last < key), "keys are not in their order")?;
            map.insert(key, value);
        }
        Ok(Self { map, turned_away: from.get()? })
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.map.retain(|key, _| keep(key));
    }

    /// Whether a key found no place.
    pub(super) const fn turned_away(&self) -> bool {
        self.turned_away
    }
}

impl<K: Stored + Ord, V: Stored, const LIMIT: usize> Stored for BoundedMap<K, V, LIMIT> {
    fn store(&self, to: &mut Vec<u8>) {
        store_map(&self.map, to);
        self.turned_away.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(Self { map: from.map(LIMIT, TOO_LARGE)?, turned_away: from.get()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Add for u32 {
        fn add(&mut self, other: Self) {
            *self += other;
        }

        fn shift(&mut self, _: Shift) {}
    }

    fn count(keys: &[u8]) -> BoundedMap<u8, u32, 4> {
        let mut map = BoundedMap::default();
        keys.iter().for_each(|&key| map.add(key, 1));
        map
    }

    proptest::proptest! {
        #[test]
        fn parts_add_up_to_the_whole_at_the_limit_too(keys in proptest::collection::vec(0_u8..12, 0..60), cut in 0_usize..60) {
            let (a, b) = keys.split_at(cut.min(keys.len()));
            let mut merged = count(a);
            merged.absorb(count(b), Shift::NONE);
            proptest::prop_assert_eq!(&merged, &count(&keys));
            let distinct = keys.iter().collect::<std::collections::BTreeSet<_>>().len();
            proptest::prop_assert_eq!(merged.turned_away(), distinct > 4);
            proptest::prop_assert_eq!(merged.iter().len(), distinct.min(4));
        }

        #[test]
        fn what_is_not_wanted_changes_nothing(keys in proptest::collection::vec(0_u8..12, 0..60), key in 0_u8..12) {
            let map = count(&keys);
            if !map.wants(&key) {
                let mut with = map.clone();
                with.add(key, 1);
                proptest::prop_assert_eq!(map, with);
            }
        }
    }
}
