//! The flow table: an index of 4-byte slots apart from the records, open addressing, linear probing.

use std::net::IpAddr;

use rayon::prelude::*;

use super::counters::{Cold, Counts, Hot};
use super::key::{Key, Seed, VlanCode, VlanNames};
use super::limit::Overflow;
use super::packet::FlowPacket;
use super::sources::{SourceSet, SourceSets};
use super::view::{FlowView, Names};
use super::{Flows, TransportPorts};
use crate::capture::{Timestamp, prefetch, prefetch_whole};
use crate::protocol::{AnswerRule, Inspection, Message, Transport};

/// TCP's IP protocol number.
const TCP: u8 = 6;

/// No record.
pub(super) const NOWHERE: u32 = u32::MAX;

/// All flows of one address family. A slot holds the low bits of a record's number plus one, and above
/// them as many bits of the hash as fit, which spare nearly every look at a wrong record.
#[derive(Clone, Debug)]
pub(super) struct Table<K> {
    slots: Vec<u32>,
    /// Log2 of the number of slots.
    bits: u32,
    pub(super) hot: Vec<Hot<K>>,
    pub(super) cold: Vec<Cold>,
    /// How many flows were folded into each record; those beyond its end are flows themselves.
    pub(super) folded: Vec<u32>,
    pub(super) seed: Seed,
    /// So many flows are in it when it is finished; some more until then.
    pub(super) limit: usize,
    /// Once there were more: the lowest connection that found no place. It and all higher ones are turned away, and all
    /// lower ones are here from their first packet on, so that the result is the same in whatever order packets come and
    /// parts are added.
    pub(super) ceiling: Option<K>,
    pub(super) overflow: Overflow,
}

impl<K: Key> Table<K> {
    const FIRST_BITS: u32 = 10;
    /// So many slots are on their way at once while records are entered.
    const INDEXED_AHEAD: usize = 16;

    pub(super) fn new(seed: Seed, limit: usize) -> Self {
        Self {
            slots: vec![0; 1 << Self::FIRST_BITS],
            bits: Self::FIRST_BITS,
            hot: Vec::new(),
            cold: Vec::new(),
            folded: Vec::new(),
            seed,
            limit: limit.min((u32::MAX >> 2) as usize),
            ceiling: None,
            overflow: Overflow::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hot.len()
    }

    /// Makes room for about so many flows at once, if the system grants it, so that they need not be copied to larger
    /// places again and again. Room that is not used is address space; it counts as memory only where the system
    /// promises no more than it has.
    pub(super) fn expect(&mut self, flows: usize) {
        let more = flows.min(self.limit).saturating_sub(self.len());
        if self.hot.try_reserve_exact(more).is_ok() {
            let _ = self.cold.try_reserve_exact(more);
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &K) -> u64 {
        key.hash(self.seed)
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn number_mask(&self) -> u32 {
        u32::MAX >> (32 - self.bits)
    }

    #[inline]
    pub(super) fn prefetch_slot(&self, hash: u64) {
        prefetch(&self.slots, self.home(hash));
    }

    /// The record that a hash most likely belongs to, its cache line on the way, or [`NOWHERE`].
    #[inline]
    pub(super) fn candidate(&self, hash: u64) -> u32 {
        let (mask, tag) = (self.number_mask(), (hash >> 32) as u32);
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return NOWHERE;
            }
            if (slot ^ tag) & !mask == 0 {
                let number = (slot & mask) - 1;
                prefetch_whole(&self.hot, number as usize);
                return number;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Has the cold part of a candidate fetched, if the next packet of `side` will be told there: one that may say
    /// something. Measured: a quarter
    /// of the time that a million flows in random order take to read.
    #[inline]
    pub(super) fn prefetch_cold(&self, candidate: u32, side: u8) {
        let number = candidate as usize;
        if self.hot.get(number).is_some_and(|record| record.counts.touches_cold(side)) {
            prefetch_whole(&self.cold, number);
        }
    }

    /// The record of a key, made of `new` if need be and if the limit allows; whether it was made.
    pub(super) fn find_or_insert(
        &mut self,
        key: K,
        hash: u64,
        new: impl FnOnce() -> (Counts, Cold),
    ) -> Option<(usize, bool)> {
        let mut at = match self.search(key, hash) {
            Ok(number) => return Some((number, false)),
            Err(at) => at,
        };
        if !self.admits(&key) {
            return None;
        }
        // A quarter more before those beyond the limit are let go, so that the others are seldom moved.
        if self.len() > self.limit + self.limit / 4 {
            self.keep_to_limit();
            at = self.search(key, hash).err().filter(|_| self.admits(&key))?;
        }
        Some((self.insert_at(at, key, hash, new()), true))
    }

    /// Takes a record in, whatever the limit.
    pub(super) fn insert(&mut self, key: K, hash: u64, new: (Counts, Cold)) -> usize {
        match self.search(key, hash) {
            Ok(number) => number,
            Err(at) => self.insert_at(at, key, hash, new),
        }
    }

    fn insert_at(&mut self, at: usize, key: K, hash: u64, (counts, cold): (Counts, Cold)) -> usize {
        let mask = self.number_mask();
        self.hot.push(Hot { key, counts });
        self.cold.push(cold);
        self.slots[at] = (hash >> 32) as u32 & !mask | self.hot.len() as u32;
        if self.is_crowded() {
            self.enlarge();
        }
        self.hot.len() - 1
    }

    /// Makes room for so many records, and some more.
    pub(super) fn make_room(&mut self, records: usize) {
        let records = records.min(self.limit + self.limit / 4 + 1);
        self.hot.reserve_exact(records);
        self.cold.reserve_exact(records);
    }

    /// Takes a record in that the index is not told of, as long as the limit allows; [`Table::index_anew`] must follow.
    pub(super) fn push(&mut self, record: Hot<K>, cold: Cold) {
        if !self.admits(&record.key) {
            return self.overflow.add(&record, &cold);
        }
        self.hot.push(record);
        self.cold.push(cold);
        if self.len() > self.limit + self.limit / 4 {
            self.keep_to_limit();
        }
    }

    /// Whether more than five slots in eight are taken.
    #[inline]
    fn is_crowded(&self) -> bool {
        self.hot.len() * 8 > self.slots.len() * 5
    }

    #[cold]
    fn enlarge(&mut self) {
        self.index_from(self.len());
    }

    /// Enters all records anew, after some were let go.
    pub(super) fn index_anew(&mut self) {
        self.slots.fill(0);
        self.index_from(0);
    }

    /// Enters the records from `first` on in the index, which has none of them. Their flows must be new. Where the index
    /// is crowded then, it is made larger and has all of them entered anew.
    pub(super) fn index_from(&mut self, mut first: usize) {
        if self.is_crowded() {
            while self.hot.len() * 8 > (5 << self.bits) {
                self.bits += 1;
            }
            self.slots.clear();
            self.slots.resize(1 << self.bits, 0);
            first = 0;
        }
        let mask = self.number_mask();
        for (number, record) in self.hot.iter().enumerate().skip(first) {
            if let Some(soon) = self.hot.get(number + Self::INDEXED_AHEAD) {
                self.prefetch_slot(soon.key.hash(self.seed));
            }
            let hash = record.key.hash(self.seed);
            let mut at = self.home(hash);
            while self.slots[at] != 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = (hash >> 32) as u32 & !mask | (number as u32 + 1);
        }
    }

    /// Adds a packet to the record of its key, which `candidate` guesses. Where its payload had to be
    /// looked at (but TCP's, which no relation needs), what it says is handed to `seen`.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        key: K,
        hash: u64,
        candidate: u32,
        (sent, written): (&FlowPacket<'_>, Timestamp),
        seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
    ) {
        let guess = candidate as usize;
        let Some(record) = self.hot.get_mut(guess).filter(|record| record.key == key) else {
            return self.enter((key, hash), (sent, written), seen);
        };
        let message = record.counts.message(sent, &record.key);
        if !record.counts.add(sent, message) {
            self.add_rarely(guess, (sent, written), message, seen);
        } else if record.counts.wants_usual(sent) {
            self.look(guess, (sent, written), seen);
        }
    }

    /// Adds a packet of a flow that was not guessed.
    #[inline(never)]
    fn enter(
        &mut self,
        (key, hash): (K, u64),
        (sent, written): (&FlowPacket<'_>, Timestamp),
        seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
    ) {
        let asking = || AnswerRule::of(Transport::from(key.protocol()), key.ends().map(|end| end.1));
        let new = || (Counts::new(asking()), Cold::new(SourceSet::OWN));
        let Some((number, _)) = self.find_or_insert(key, hash, new) else {
            return self.turn_away(key, (sent, written), seen);
        };
        let message = self.hot[number].counts.message(sent, &key);
        self.add_rarely(number, (sent, written), message, seen);
    }

    /// Adds a packet that is not like most.
    #[inline(never)]
    fn add_rarely(
        &mut self,
        number: usize,
        (sent, written): (&FlowPacket<'_>, Timestamp),
        message: Message,
        seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
    ) {
        let counts = &mut self.hot[number].counts;
        counts.add_rarely(&mut self.cold[number], sent, message, written);
        if counts.wants(sent) {
            self.look(number, (sent, written), seen);
        }
    }

    /// Looks at what a packet's numbers or payload say.
    #[inline(never)]
    fn look(
        &mut self,
        number: usize,
        (sent, written): (&FlowPacket<'_>, Timestamp),
        seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
    ) {
        let (Hot { key, counts }, cold) = (&mut self.hot[number], &mut self.cold[number]);
        look_at(key, (counts, cold), (sent, written), seen);
    }

    /// Counts a packet that finds no place. What it asks for others to answer is noted all the same: who answers may have
    /// a place.
    #[cold]
    fn turn_away(
        &mut self,
        key: K,
        (sent, written): (&FlowPacket<'_>, Timestamp),
        seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
    ) {
        self.overflow.packets += 1;
        self.overflow.bytes += u64::from(sent.length);
        let asking = AnswerRule::of(Transport::from(key.protocol()), key.ends().map(|end| end.1));
        let (mut counts, mut cold) = (Counts::new(asking), Cold::new(SourceSet::OWN));
        let message = counts.message(sent, &key);
        counts.add_rarely(&mut cold, sent, message, written);
        if key.protocol() != TCP && counts.wants(sent) {
            look_at(&key, (&mut counts, &mut cold), (sent, written), seen);
        }
    }

    /// The record of a key, to add what was worked out later.
    pub(super) fn find(&mut self, key: K) -> Option<(&mut Counts, &mut Cold)> {
        let number = self.candidate_exact(key)?;
        Some((&mut self.hot[number].counts, &mut self.cold[number]))
    }

    /// The number of the record of a key.
    pub(super) fn candidate_exact(&self, key: K) -> Option<usize> {
        self.find_exact(key, self.hash(&key))
    }

    /// The same, with its hash.
    #[inline]
    pub(super) fn find_exact(&self, key: K, hash: u64) -> Option<usize> {
        self.search(key, hash).ok()
    }

    /// The number of the record of a key, or the slot where it would be entered.
    #[inline]
    fn search(&self, key: K, hash: u64) -> Result<usize, usize> {
        let (mask, tag) = (self.number_mask(), (hash >> 32) as u32);
        let mut at = self.home(hash);
        while self.slots[at] != 0 {
            let slot = self.slots[at];
            let number = ((slot & mask) - 1) as usize;
            if (slot ^ tag) & !mask == 0 && self.hot[number].key == key {
                return Ok(number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        Err(at)
    }

    /// A record as the later stages see it.
    #[inline(always)]
    pub(super) fn view<'a>(&'a self, number: usize, vlans: &'a VlanNames, sources: &'a SourceSets) -> FlowView<'a> {
        let (hot, cold) = (&self.hot[number], &self.cold[number]);
        let transport = Transport::from(hot.key.protocol());
        let folded = self.folded.get(number).copied().unwrap_or(0);
        let names = Names { vlan: hot.key.vlan(), vlans, sources };
        FlowView::new(transport, hot.key.ends(), (&hot.counts, cold), folded, names)
    }

    /// Has a record fetched that will be looked at soon.
    #[inline]
    pub(super) fn prefetch_record(&self, number: usize) {
        prefetch_whole(&self.hot, number);
        prefetch_whole(&self.cold, number);
    }

    /// The VLAN paths of all records.
    pub(super) fn vlan_codes(&self) -> impl Iterator<Item = VlanCode> {
        self.hot.iter().map(|record| record.key.vlan())
    }

    /// Transport and ports of a record.
    #[inline]
    pub(super) fn transport_ports(&self, number: usize) -> TransportPorts {
        let key = self.hot[number].key;
        let [a, b] = key.ends();
        let transport = Transport::from(key.protocol());
        let ports = if transport.has_ports() { [a.1, b.1] } else { [0; 2] };
        TransportPorts { transport, ports }
    }

    /// Addresses of the two ends of a record.
    #[inline]
    pub(super) fn addresses(&self, number: usize) -> [IpAddr; 2] {
        self.hot[number].key.ends().map(|end| end.0)
    }

    /// Works out what can be only when all is known.
    pub(super) fn settle(&mut self) {
        self.hot.par_iter().zip(&mut self.cold).for_each(|(record, cold)| {
            if !cold.tcp().is_empty() {
                record.counts.settle(cold, record.key.ends().map(|end| end.1));
            }
        });
    }

    /// Gives record `numbers[n]` the number `n`. The index knows nothing of it.
    pub(super) fn move_to(&mut self, numbers: &[u32]) {
        self.hot = moved(&self.hot, numbers);
        self.cold = moved(&self.cold, numbers);
        if !self.folded.is_empty() {
            self.folded.resize(numbers.len(), 0);
            self.folded = moved(&self.folded, numbers);
        }
    }

    /// The index is of no use any more: give its memory back.
    pub(super) fn drop_index(&mut self) {
        self.slots = Vec::new();
    }
}

/// The items at some places, on all threads of the pool that it is called in.
fn moved<T: Clone + Send + Sync>(items: &[T], numbers: &[u32]) -> Vec<T> {
    let one = |(at, number): (usize, &u32)| {
        if let Some(soon) = numbers.get(at + Flows::AHEAD) {
            prefetch_whole(items, *soon as usize);
        }
        items[*number as usize].clone()
    };
    numbers.par_iter().enumerate().map(one).collect()
}

/// Looks at what a packet's numbers or payload say.
fn look_at<K: Key>(
    key: &K,
    (counts, cold): (&mut Counts, &mut Cold),
    (sent, written): (&FlowPacket<'_>, Timestamp),
    seen: impl FnOnce(&K, (&FlowPacket<'_>, Timestamp), Inspection),
) {
    let ends = key.ends();
    let ports = [ends[0].1, ends[1].1];
    if key.protocol() == TCP {
        if counts.wants_numbers(sent) {
            counts.number(cold, sent, ports);
        }
    } else if counts.wants_payload(sent) {
        let to_group = sent.is_to_group(ends[1 - usize::from(sent.side & 1)].0);
        let inspection = counts.inspect(cold, sent, Transport::from(key.protocol()), ports, to_group);
        seen(key, (sent, written), inspection);
    }
}
