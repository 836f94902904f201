//! Adding one table to another: records of flows that both have are added up, the others are taken over.
//!
//! Parts of one file are added on all threads of the pool that it is called in: each thread looks up a part of the
//! other table's flows, then adds to a part of this table's records, then takes over a part of those that are new. Only
//! the index is told of them by one thread, in their order. So the result is that of one thread. Tables of several
//! files, and the rare ones with VLAN paths that have names of their own in each, are added by one thread, which
//! translates what they call their inputs and paths.

use rayon::prelude::*;

use super::counters::{Cold, Hot, own_bits};
use super::key::{Key, VlanNames};
use super::sources::{SourceSet, SourceSets};
use super::table::{NOWHERE, Table};
use crate::capture::{Shift, prefetch_whole};
use crate::protocol::Transport;

/// So many records are on their way at once.
const AHEAD: usize = 32;
/// Tables of fewer flows are added by one thread (in tests, small ones too are shared out).
const SHARED_FROM: usize = if cfg!(test) { 8 } else { 1 << 14 };

impl<K: Key> Table<K> {
    /// Adds another table; its frames come `shift` later. `vlans` and `sources` are those of this table.
    pub(super) fn absorb(
        &mut self,
        other: &Self,
        shift: Shift,
        vlans: (&mut VlanNames, &VlanNames),
        (sources, other_sources): (&mut SourceSets, &SourceSets),
    ) {
        self.turn_away_with(other);
        let translated = sources.translate(other_sources);
        let means_the_same = sources.is_one() && translated == [SourceSet::OWN] && vlans.1.is_empty();
        let in_pool = rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1;
        if means_the_same && in_pool && other.len() >= SHARED_FROM {
            self.absorb_together(other, shift);
        } else {
            self.absorb_alone(other, shift, vlans, (sources, &translated));
        }
    }

    /// On one thread, whatever the two tables call VLAN paths and inputs.
    fn absorb_alone(
        &mut self,
        other: &Self,
        shift: Shift,
        (vlans, other_vlans): (&mut VlanNames, &VlanNames),
        (sources, translated): (&mut SourceSets, &[SourceSet]),
    ) {
        let mut hashes = [0_u64; AHEAD];
        for (chunk, colds) in other.hot.chunks(AHEAD).zip(other.cold.chunks(AHEAD)) {
            for (record, hash) in chunk.iter().zip(&mut hashes) {
                *hash = record.key.with_vlan(vlans.translate(other_vlans, record.key.vlan())).hash(self.seed);
                self.prefetch_slot(*hash);
            }
            for hash in &hashes[..chunk.len()] {
                let candidate = self.candidate(*hash);
                prefetch_whole(&self.cold, candidate as usize);
            }
            for ((record, cold), hash) in chunk.iter().zip(colds).zip(hashes) {
                let key = record.key.with_vlan(vlans.translate(other_vlans, record.key.vlan()));
                let theirs = translated.get(cold.sources.index()).copied().unwrap_or(SourceSet::OWN);
                let Some(number) = self.take_over(key, hash, (record, cold), shift, theirs) else { continue };
                let (mine, mine_cold) = (&mut self.hot[number], &mut self.cold[number]);
                mine_cold.sources = sources.union(mine_cold.sources, theirs);
                add(mine, mine_cold, (record, cold), shift);
            }
        }
    }

    /// The record that has the key already, to be added to; else the other table's becomes one of this table, or is
    /// turned away.
    fn take_over(
        &mut self,
        key: K,
        hash: u64,
        (record, cold): (&Hot<K>, &Cold),
        shift: Shift,
        sources: SourceSet,
    ) -> Option<usize> {
        let copy = || (record.counts.clone(), cold.shifted(shift, sources));
        match self.find_or_insert(key, hash, copy) {
            Some((number, is_new)) => (!is_new).then_some(number),
            None => {
                self.overflow.add(record, cold);
                None
            }
        }
    }

    /// On all threads: keys and sources mean the same in both tables.
    fn absorb_together(&mut self, other: &Self, shift: Shift) {
        let known = self.find_all(&other.hot);
        let share = self.len().div_ceil(rayon::current_num_threads()).max(1);
        let shares = self.hot.par_chunks_mut(share).zip(self.cold.par_chunks_mut(share)).enumerate();
        shares.for_each(|(number, (hot, cold))| {
            let first = number * share;
            let length = hot.len();
            let own = |number: &u32| (*number as usize).checked_sub(first).filter(|at| *at < length);
            for (at, (record, number)) in other.hot.iter().zip(&known).enumerate() {
                if let Some(soon) = known.get(at + AHEAD).and_then(own) {
                    prefetch_whole(hot, soon);
                    prefetch_whole(cold, soon);
                }
                if let Some(number) = own(number) {
                    add(&mut hot[number], &mut cold[number], (record, &other.cold[at]), shift);
                }
            }
        });
        let new: Vec<u32> = (0..).zip(&known).filter(|(_, known)| **known == NOWHERE).map(|(at, _)| at).collect();
        let (new, beyond): (Vec<u32>, Vec<u32>) = new.iter().partition(|at| self.admits(&other.hot[**at as usize].key));
        beyond.iter().for_each(|at| self.overflow.add(&other.hot[*at as usize], &other.cold[*at as usize]));
        self.hot.par_extend(new.par_iter().map(|at| other.hot[*at as usize].clone()));
        self.cold.par_extend(new.par_iter().map(|at| other.cold[*at as usize].shifted(shift, SourceSet::OWN)));
        self.index_from(self.len() - new.len());
        self.keep_to_limit();
    }

    /// For each of some records the number of the one here with the same key, or [`NOWHERE`].
    fn find_all(&self, records: &[Hot<K>]) -> Vec<u32> {
        let mut known = vec![NOWHERE; records.len()];
        known.par_chunks_mut(AHEAD).zip(records.par_chunks(AHEAD)).for_each(|(known, records)| {
            let mut hashes = [0_u64; AHEAD];
            for (record, hash) in records.iter().zip(&mut hashes) {
                *hash = self.hash(&record.key);
                self.prefetch_slot(*hash);
            }
            for hash in &hashes[..records.len()] {
                self.candidate(*hash);
            }
            for ((record, hash), known) in records.iter().zip(hashes).zip(known) {
                *known = self.find_exact(record.key, hash).map_or(NOWHERE, |number| number as u32);
            }
        });
        known
    }
}

/// Adds what another table counted of a flow.
fn add<K: Key>(mine: &mut Hot<K>, cold: &mut Cold, (theirs, their_cold): (&Hot<K>, &Cold), shift: Shift) {
    let ends = mine.key.ends();
    let own = own_bits(Transport::from(mine.key.protocol()), [ends[0].1, ends[1].1]);
    mine.counts.absorb(cold, &theirs.counts, their_cold, shift, own);
}
