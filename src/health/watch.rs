//! The flows of one address family that health is measured of, each by its key: a side table, so that flows without
//! questions and answers pay nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::net::IpAddr;

use super::away::KeptMessages;
use super::measure::{Measure, Pair};
use super::numbered::Numbered;
use super::stream::{Segment, Vain};
use super::sums::Measures;
use super::track::{Ends, Track};
use super::window::{Act, Message};
use super::{Health, MOST_FLOWS, MOST_PAIRS};
use crate::capture::Timestamp;
use crate::protocol::exchange::ExchangePart;
use crate::state::{Broken, Load, Stored, store_list, store_map};

/// Nanoseconds without a message after which a flow may be let go, where there are too many.
const IDLE: i64 = 120_000_000_000;

/// What identifies a flow, on whatever VLAN paths: a question may go out on one and its answer come back on another, and
/// what a router passes on is a copy.
pub(crate) trait FlowKey: Copy + Ord + Hash {
    /// (address, port) of both ends, in the key's order.
    fn ends(&self) -> Ends;
}

impl FlowKey for Ends {
    fn ends(&self) -> Ends {
        *self
    }
}

/// The flows and their sums.
#[derive(Clone, Debug)]
pub(crate) struct Watch<K> {
    tracks: Numbered<K, Track>,
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
        Self { tracks: Numbered::default(), ceiling: None, sums, mixed: BTreeSet::new(), misfits: 0, input }
    }

    /// The number that a flow most likely has, by which what comes next of it may be told, or a number that is none.
    #[inline]
    pub(crate) fn likely(&self, key: &K) -> u32 {
        self.tracks.likely(key)
    }

    /// What is kept of flows, by their numbers, for who wants it to be near.
    pub(crate) fn tracks(&self) -> &[impl Sized] {
        self.tracks.list()
    }

    /// All sums, and where those of a flow with a number stand: near too.
    #[inline]
    pub(crate) fn sums_of(&self, number: u32) -> (&[impl Sized], [usize; 2]) {
        let places = self.tracks.list().get(number as usize).map(|(_, track)| track.places());
        (self.sums.list(), places.unwrap_or([usize::MAX; 2]))
    }

    #[inline]
    fn track(
        &mut self,
        (key, number): (&K, u32),
        measure: Measure,
        time: Timestamp,
    ) -> Option<(&mut Track, &mut Measures)> {
        if self.has_no_room_for(key) || time == Timestamp::UNKNOWN {
            return None;
        }
        if self.tracks.len() >= 2 * MOST_FLOWS {
            self.make_room();
            // Or every new flow would have all of them looked at.
            self.keep_to_limit();
        }
        let number = if self.tracks.guess(number, key).is_some() { number } else { self.enter(*key, measure, time) };
        self.tracks.at(number).map(|track| (track, &mut self.sums))
    }

    #[inline(never)]
    fn enter(&mut self, key: K, measure: Measure, time: Timestamp) -> u32 {
        let input = self.input;
        self.tracks.enter(key, || Track::new(measure, input, time))
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

    /// Takes a question or an answer that an end (0 or 1) sent, of a flow whose number may be known.
    pub(crate) fn message(&mut self, flow: (&K, u32), measure: Measure, side: u8, part: ExchangePart, time: Timestamp) {
        let act = if part.asks { Act::Ask } else { Act::Answer };
        if let Some((track, sums)) = self.track(flow, measure, time) {
            track.push(Message { time, side, act, id: part.id }, flow.0, sums);
        }
    }

    /// Takes a segment of TCP.
    pub(crate) fn segment(&mut self, flow: (&K, u32), segment: &Segment) {
        if let Some((track, sums)) = self.track(flow, Measure::Http, segment.time) {
            track.segment(segment, flow.0, sums);
        }
    }

    /// Adds what was seen later.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.keep_below(other.ceiling);
        self.sums.absorb(&other.sums);
        self.mixed.extend(&other.mixed);
        self.misfits = self.misfits.saturating_add(other.misfits);
        for (key, theirs) in other.tracks.list() {
            if self.has_no_room_for(key) {
                continue;
            }
            match self.tracks.get_mut(key) {
                None => {
                    self.tracks.enter(*key, || theirs.clone());
                }
                Some(mine) => {
                    if mine.absorb(theirs, key, &mut self.sums) {
                        self.mixed.extend(mine.pairs(key));
                    }
                }
            }
        }
    }

    /// Whether two inputs told of the same time of one flow.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.mixed.is_empty()
    }

    /// Lets flows go of which nothing came since a time, as far as what came before is known to be nothing.
    pub(crate) fn let_go(&mut self, before: Timestamp) {
        let (sums, misfits) = (&mut self.sums, &mut self.misfits);
        self.tracks.retain(|key, track| {
            let is_idle = track.last() < before;
            if is_idle {
                track.finish(key, sums);
                *misfits = misfits.saturating_add(track.misfits());
            }
            !is_idle
        });
    }

    fn keep_to_limit(&mut self) {
        if self.tracks.len() > MOST_FLOWS {
            let mut keys: Vec<K> = self.tracks.list().iter().map(|(key, _)| *key).collect();
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
        for (key, track) in self.tracks.list() {
            track.finish(key, &mut self.sums);
            health.misfits = health.misfits.saturating_add(track.misfits());
        }
        health.misfits = health.misfits.saturating_add(self.misfits);
        self.sums.settle();
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
            && let Some(latest) = self.tracks.list().iter().filter_map(|(_, track)| track.last().nanos()).max()
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
        self.sums.settled().store(to);
        self.misfits.store(to);
        let mut tracks: Vec<_> = self.tracks.list().iter().collect();
        tracks.sort_unstable_by_key(|(key, _)| *key);
        (tracks.len() as u64).store(to);
        for (key, track) in tracks {
            key.store(to);
            track.store(to);
        }
    }

    /// Whether there are answers by device and time.
    pub(crate) fn has_loads(&self) -> bool {
        !self.sums.settled().loads.is_empty()
    }

    /// Appends the answers by device and time, which [`Watch::store`] leaves out.
    pub(crate) fn store_loads(&self, to: &mut Vec<u8>) {
        self.sums.settled().loads.store(to);
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

    /// Whether anything was missed, or in vain.
    pub(crate) fn has_missed(&self) -> bool {
        !self.sums.missed().is_empty() || self.tracks.list().iter().any(|(_, track)| track.vain().is_some())
    }

    /// Appends what was, which [`Watch::store`] leaves out.
    pub(crate) fn store_missed(&self, to: &mut Vec<u8>) {
        store_list(self.sums.missed().iter(), to);
        let vain: BTreeMap<K, [Vain; 2]> =
            self.tracks.list().iter().filter_map(|(key, track)| Some((*key, track.vain()?))).collect();
        store_map(&vain, to);
    }

    /// Loads that.
    pub(crate) fn load_missed(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        self.sums.load_missed(from)?;
        let vain: BTreeMap<K, [Vain; 2]> = from.map(2 * MOST_FLOWS, "too many flows were in vain")?;
        for (key, both) in vain {
            let is_known = self.tracks.get_mut(&key).is_some_and(|track| track.set_vain(both));
            from.expect(is_known, "a flow was in vain that is not known")?;
        }
        Ok(())
    }

    /// What lies behind the last messages of flows.
    fn kept(&self) -> BTreeMap<K, KeptMessages> {
        self.tracks.list().iter().filter_map(|(key, track)| Some((*key, track.kept()?))).collect()
    }

    /// Whether anything does.
    pub(crate) fn has_kept(&self) -> bool {
        self.tracks.list().iter().any(|(_, track)| track.kept().is_some())
    }

    /// Appends that, which [`Watch::store`] leaves out.
    pub(crate) fn store_kept(&self, to: &mut Vec<u8>) {
        store_map(&self.kept(), to);
    }

    /// Loads that.
    pub(crate) fn load_kept(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        let kept: BTreeMap<K, KeptMessages> = from.map(2 * MOST_FLOWS, "too many flows wait")?;
        for (key, kept) in kept {
            let fits = self.tracks.get_mut(&key).is_some_and(|track| track.keep(kept));
            from.expect(fits, "what waits in a flow does not fit it")?;
        }
        Ok(())
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
            watch.tracks.enter(key, || track);
        }
        Ok(watch)
    }
}
