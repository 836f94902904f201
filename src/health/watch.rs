//! The flows of one address family that health is measured of, each by its key: a side table, so that flows without
//! questions and answers pay nothing.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use super::measure::{Measure, Measures, Pair};
use super::stream::Segment;
use super::track::{Ends, Track};
use super::window::{Act, Message};
use super::{Health, MOST_FLOWS, MOST_PAIRS};
use crate::capture::{Retime, Timestamp};
use crate::protocol::exchange::Part;
use crate::state::{Broken, Load, Stored, store_list};

/// Nanoseconds without a message after which a flow may be let go, where there are too many.
const IDLE: i64 = 120_000_000_000;

/// What identifies a flow, on whatever VLAN paths: a question may go out on one and its answer come back on another, and
/// what a router passes on is a copy.
pub(crate) trait FlowKey: Copy + Ord + Hash {
    /// (address, port) of both ends, in the key's order.
    fn ends(&self) -> Ends;
}

/// The flows and their sums.
#[derive(Clone, Debug)]
pub(crate) struct Watch<K> {
    tracks: HashMap<K, Track, foldhash::fast::RandomState>,
    /// Once there were more: this and all higher flows have no place.
    ceiling: Option<K>,
    sums: Measures,
    /// Pairs of which two inputs told of the same time: they cannot be put in order any more.
    mixed: BTreeSet<Pair>,
    /// Seams at which parts of a TCP flow did not fit, of flows that were let go.
    misfits: u64,
    input: u32,
}

impl<K: FlowKey> Watch<K> {
    /// Nothing seen yet of an input.
    pub(crate) fn new(input: u32) -> Self {
        let sums = Measures::new(MOST_PAIRS);
        Self { tracks: HashMap::default(), ceiling: None, sums, mixed: BTreeSet::new(), misfits: 0, input }
    }

    fn track(&mut self, key: K, measure: Measure, time: Timestamp) -> Option<(&mut Track, &mut Measures)> {
        if self.has_no_room_for(&key) || time == Timestamp::UNKNOWN {
            return None;
        }
        if self.tracks.len() >= 2 * MOST_FLOWS {
            self.make_room();
            // Or every new flow would have all of them looked at.
            self.keep_to_limit();
        }
        let input = self.input;
        let track = self.tracks.entry(key).or_insert_with(|| Track::new(measure, input, time));
        Some((track, &mut self.sums))
    }

    /// Whether nothing was seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.ceiling.is_none() && self.sums.is_empty() && self.mixed.is_empty()
    }

    /// Whether a flow found no room.
    #[inline(always)]
    pub(crate) fn has_no_room_for(&self, key: &K) -> bool {
        self.ceiling.is_some_and(|ceiling| *key >= ceiling)
    }

    /// Takes a question or an answer that an end (0 or 1) sent.
    pub(crate) fn message(&mut self, key: K, measure: Measure, side: u8, part: Part, time: Timestamp) {
        let act = if part.asks { Act::Ask } else { Act::Answer };
        if let Some((track, sums)) = self.track(key, measure, time) {
            track.push(Message { time, side, act, id: part.id }, &key.ends(), sums);
        }
    }

    /// Takes a segment of TCP.
    pub(crate) fn segment(&mut self, key: K, segment: &Segment) {
        let Some((track, sums)) = self.track(key, Measure::Http, segment.time) else { return };
        let ends = key.ends();
        track.segment(segment, &ends, sums);
    }

    /// Adds what was seen later.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.keep_below(other.ceiling);
        self.sums.absorb(&other.sums);
        self.mixed.extend(&other.mixed);
        self.misfits = self.misfits.saturating_add(other.misfits);
        for (key, theirs) in &other.tracks {
            if self.ceiling.is_some_and(|ceiling| *key >= ceiling) {
                continue;
            }
            match self.tracks.entry(*key) {
                Entry::Vacant(entry) => {
                    entry.insert(theirs.clone());
                }
                Entry::Occupied(mut entry) => {
                    let ends = key.ends();
                    if entry.get_mut().absorb(theirs, &ends, &mut self.sums) {
                        self.mixed.extend(entry.get().pairs(&ends));
                    }
                }
            }
        }
    }

    /// Whether two inputs told of the same time of one flow.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.mixed.is_empty()
    }

    /// Moves the times of all flows.
    pub(crate) fn retime(&mut self, retime: Retime) {
        self.tracks.values_mut().for_each(|track| track.retime(retime));
    }

    /// Lets flows go of which nothing came since a time, as far as what came before is known to be nothing.
    pub(crate) fn let_go(&mut self, before: Timestamp) {
        let (sums, misfits) = (&mut self.sums, &mut self.misfits);
        self.tracks.retain(|key, track| {
            let is_idle = track.last() < before;
            if is_idle {
                track.finish(&key.ends(), sums);
                *misfits = misfits.saturating_add(track.misfits());
            }
            !is_idle
        });
    }

    fn keep_to_limit(&mut self) {
        if self.tracks.len() > MOST_FLOWS {
            let mut keys: Vec<K> = self.tracks.keys().copied().collect();
            let (_, first_beyond, _) = keys.select_nth_unstable(MOST_FLOWS);
            self.keep_below(Some(*first_beyond));
        }
    }

    fn keep_below(&mut self, ceiling: Option<K>) {
        let Some(ceiling) = ceiling.filter(|new| self.ceiling.is_none_or(|old| *new < old)) else { return };
        self.ceiling = Some(ceiling);
        self.tracks.retain(|key, _| *key < ceiling);
    }

    /// Adds all that it knows to what is known of the other family.
    pub(crate) fn finish(mut self, health: &mut Health) {
        // Parts may each have stayed below what makes the whole be cut.
        if self.ceiling.is_some() || self.tracks.len() >= 2 * MOST_FLOWS {
            self.keep_to_limit();
        }
        for (key, track) in &self.tracks {
            track.finish(&key.ends(), &mut self.sums);
            health.misfits = health.misfits.saturating_add(track.misfits());
        }
        health.misfits = health.misfits.saturating_add(self.misfits);
        self.sums.keep_to_limit();
        let answerers: BTreeSet<IpAddr> = self.mixed.iter().map(|pair| pair.answerer).collect();
        std::mem::take(&mut self.sums.loads).finish(&answerers, health);
        health.flows_turned_away |= self.ceiling.is_some();
        health.pairs_turned_away |= !self.sums.is_whole();
        for (pair, sums) in self.sums.iter().filter(|(pair, _)| !self.mixed.contains(pair)) {
            health.pairs.entry(*pair).or_default().absorb(sums);
        }
        health.mixed.extend(self.mixed);
    }

    /// Holds it to its limit: flows that are idle go first, and only where that is not enough those with the highest keys.
    pub(crate) fn make_room(&mut self) {
        if self.tracks.len() > MOST_FLOWS
            && let Some(latest) = self.tracks.values().filter_map(|track| track.last().nanos()).max()
        {
            self.let_go(Timestamp::from_nanos(latest.saturating_sub(IDLE)));
        }
        if self.tracks.len() >= 2 * MOST_FLOWS {
            self.keep_to_limit();
        }
    }
}

/// Of one input: nothing is mixed yet.
impl<K: FlowKey + Stored> Watch<K> {
    /// Appends it, flows and pairs in the order of their keys.
    pub(crate) fn store(&self, to: &mut Vec<u8>) {
        self.ceiling.store(to);
        self.sums.store(to);
        self.misfits.store(to);
        let mut tracks: Vec<_> = self.tracks.iter().collect();
        tracks.sort_unstable_by_key(|(key, _)| **key);
        (tracks.len() as u64).store(to);
        for (key, track) in tracks {
            key.store(to);
            track.store(to);
        }
    }

    /// Whether there are answers by device and time.
    pub(crate) fn has_loads(&self) -> bool {
        !self.sums.loads.is_empty()
    }

    /// Appends the answers by device and time, which [`Watch::store`] leaves out.
    pub(crate) fn store_loads(&self, to: &mut Vec<u8>) {
        self.sums.loads.store(to);
    }

    /// Loads those.
    pub(crate) fn load_loads(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.sums.loads = from.get()?;
        Ok(())
    }

    /// Whether files ended.
    pub(crate) fn has_ends(&self) -> bool {
        !self.sums.ends().is_empty()
    }

    /// Appends how many did, which [`Watch::store`] leaves out.
    pub(crate) fn store_ends(&self, to: &mut Vec<u8>) {
        store_list(self.sums.ends().iter(), to);
    }

    /// Loads those.
    pub(crate) fn load_ends(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.sums.load_ends(from)
    }

    pub(crate) fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut watch = Self::new(from.input);
        watch.ceiling = from.get()?;
        watch.sums = Measures::load(from, MOST_PAIRS)?;
        watch.misfits = from.get()?;
        let length = from.length(2 * MOST_FLOWS, "there are too many flows with questions")?;
        let mut last = None;
        for _ in 0..length {
            let (key, track): (K, Track) = from.get()?;
            from.expect(last.is_none_or(|last| last < key), "flows are not in their order")?;
            last = Some(key);
            watch.tracks.insert(key, track);
        }
        Ok(watch)
    }
}
