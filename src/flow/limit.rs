//! The flow table at its limit: the lowest connections stay, whatever the order in which packets come and parts are added.

use super::counters::{Cold, Hot};
use super::key::Key;
use super::table::Table;

/// Packets that found no place because the table was at its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Overflow {
    /// Their number.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
}

impl Overflow {
    /// Counts the packets of a flow that finds no place.
    pub(super) fn add<K>(&mut self, record: &Hot<K>, cold: &Cold) {
        let counts = &record.counts;
        for side in 0..2 {
            self.packets = self.packets.saturating_add(counts.packets(cold, side));
            self.bytes = self.bytes.saturating_add(counts.bytes(cold, side));
        }
    }
}

impl<K: Key> Table<K> {
    /// With the same limit, and nothing in it but what was turned away.
    pub(super) fn emptied(&self) -> Self {
        let mut empty = Self::new(self.seed, self.limit);
        (empty.ceiling, empty.overflow) = (self.ceiling, self.overflow);
        empty
    }

    /// Whether nothing was turned away.
    pub(super) fn is_whole(&self) -> bool {
        self.ceiling.is_none()
    }

    /// Whether a new key may have a place.
    pub(super) fn admits(&self, key: &K) -> bool {
        self.ceiling.is_none_or(|ceiling| key.connection() < ceiling)
    }

    /// Keeps the lowest connections, as many as the limit allows, each on all its VLAN paths.
    #[cold]
    pub(super) fn keep_to_limit(&mut self) {
        if self.len() > self.limit {
            let mut connections: Vec<K> = self.hot.iter().map(|record| record.key.connection()).collect();
            let (_, first_beyond, _) = connections.select_nth_unstable(self.limit);
            self.keep_below(Some(*first_beyond));
        }
    }

    /// Turns away a connection and all higher ones, in their order.
    fn keep_below(&mut self, ceiling: Option<K>) {
        let Some(ceiling) = ceiling.filter(|ceiling| self.admits(ceiling)) else { return };
        self.ceiling = Some(ceiling);
        let mut kept = 0;
        for number in 0..self.len() {
            if self.admits(&self.hot[number].key) {
                self.hot.swap(kept, number);
                self.cold.swap(kept, number);
                if number < self.folded.len() {
                    self.folded.swap(kept, number);
                }
                kept += 1;
            } else {
                let (record, cold) = (&self.hot[number], &self.cold[number]);
                self.overflow.add(record, cold);
            }
        }
        self.hot.truncate(kept);
        self.cold.truncate(kept);
        self.folded.truncate(kept);
        self.index_anew();
    }

    /// What another table turned away is in none of both.
    pub(super) fn turn_away_with(&mut self, other: &Self) {
        self.keep_below(other.ceiling);
        self.overflow.packets = self.overflow.packets.saturating_add(other.overflow.packets);
        self.overflow.bytes = self.overflow.bytes.saturating_add(other.overflow.bytes);
    }
}
