//! The sums of all pairs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use super::histogram::bucket;
use super::load::{LoadEntry, Loads};
use super::measure::{Measure, Outcome, Pair, Sums};
use super::numbered::{NOWHERE, Numbered};
use super::watch::FlowKey;
use super::{Losses, MOST_PAIRS};
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored};

/// Where the sums of a flow's pairs stand, so that they need not be looked for at each message: by what is measured, and which
/// end asks.
#[derive(Debug)]
pub(super) struct Places {
    epoch: u32,
    numbers: [u16; 8],
}

impl Places {
    const NONE: u16 = u16::MAX;

    pub(super) const fn new() -> Self {
        Self { epoch: 0, numbers: [Self::NONE; 8] }
    }

    /// The place of a measure, of which no other stands there in one flow, where one end asks.
    #[inline]
    fn of(&mut self, measure: Measure, asker: usize) -> &mut u16 {
        &mut self.numbers[Self::first(measure) + (asker & 1)]
    }

    /// The places of a measure, by which end asks.
    #[inline]
    pub(super) fn both(&self, measure: Measure) -> [usize; 2] {
        [0, 1].map(|asker| self.numbers[Self::first(measure) + asker].into())
    }

    const fn first(measure: Measure) -> usize {
        match measure {
            Measure::Server => 2,
            Measure::Client | Measure::TftpNext => 4,
            Measure::Ack => 6,
            _ => 0,
        }
    }
}

/// A copy may go to where other sums are.
impl Clone for Places {
    fn clone(&self) -> Self {
        Self::new()
    }
}

/// What may be measured of a flow: of which pair, and where its sums are.
pub(super) struct PairIndex<'a, E> {
    pub(super) measure: Measure,
    /// Which end asks.
    pub(super) asker: usize,
    pub(super) ends: &'a E,
    pub(super) places: &'a mut Places,
}

impl<E: FlowKey> PairIndex<'_, E> {
    fn pair(&self) -> Pair {
        pair(self.measure, self.asker, self.ends)
    }
}

/// Who is measured where an end asks. The service is at the port of who is asked, but for the client's half of a handshake; of
/// acknowledged data it is at the lower one, whoever opened the connection: not every part knows that.
pub(super) fn pair(measure: Measure, asker: usize, ends: &impl FlowKey) -> Pair {
    let ends = ends.ends();
    let (asker, answerer) = (ends[asker & 1], ends[1 - (asker & 1)]);
    let port = match measure {
        Measure::Echo => 0,
        Measure::Client => asker.1,
        Measure::Ack => asker.1.min(answerer.1),
        _ => answerer.1,
    };
    Pair { asker: asker.0, answerer: answerer.0, port, measure }
}

/// Times of a pair that its histogram does not know yet: with what else they are told with they fill a cache line.
const MOST_TIMES: usize = 12;

/// The sums of a pair, and what was answered last, which they, or the loads, do not know yet: an answer looks at one place.
#[derive(Clone, Debug)]
struct PairEntry {
    sums: Sums,
    /// The number of who answers among the loads.
    device: u32,
    /// Of one stretch of time; none where the count is 0.
    open: LoadEntry,
    /// Buckets of the last times.
    times: ArrayVec<u16, MOST_TIMES>,
}

impl PairEntry {
    fn new(pair: &Pair) -> Self {
        Self { sums: Sums::default(), device: NOWHERE, open: LoadEntry::none(pair.measure), times: ArrayVec::new() }
    }

    #[inline]
    fn take_time(&mut self, nanos: u64, bucket: u16) {
        self.sums.times.count_one(nanos);
        if self.times.try_push(bucket).is_err() {
            self.settle_times();
            self.times.push(bucket);
        }
    }

    #[inline(never)]
    fn settle_times(&mut self) {
        self.times.drain(..).for_each(|bucket| self.sums.times.put(bucket, 1));
    }

    /// Tells the loads and the sums what they do not know yet.
    fn settle(&mut self, answerer: IpAddr, loads: &mut Loads) {
        self.settle_times();
        if self.open.count > 0 {
            loads.note((answerer, &mut self.device), &self.open);
            self.open.count = 0;
        }
    }

    fn is_settled(&self) -> bool {
        self.times.is_empty() && self.open.count == 0
    }
}

/// Sums by pair: at most a limit of them, the lowest, whatever the order in which they come.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    pairs: Numbered<Pair, PairEntry>,
    limit: usize,
    /// Once there were more: this and all higher ones have no place.
    ceiling: Option<Pair>,
    /// The same answers by device and stretch of time.
    pub(super) loads: Loads,
}

impl Measures {
    pub(super) fn new(limit: usize) -> Self {
        Self { pairs: Numbered::default(), limit, ceiling: None, loads: Loads::default() }
    }

    /// The number of a pair, whose sums are kept from now on; [`NOWHERE`] where it has no place.
    #[inline(never)]
    fn enter(&mut self, pair: Pair) -> u32 {
        if self.pairs.len() >= 2 * self.limit {
            self.keep_to_limit();
        }
        if self.ceiling.is_some_and(|ceiling| pair >= ceiling) {
            NOWHERE
        } else {
            self.pairs.enter(pair, || PairEntry::new(&pair))
        }
    }

    fn get(&mut self, pair: Pair) -> Option<&mut Sums> {
        let number = self.enter(pair);
        self.pairs.at(number).map(|kept| &mut kept.sums)
    }

    /// What is kept of a pair, where its place may be known.
    #[inline]
    fn at<E: FlowKey>(&mut self, spot: &mut PairIndex<'_, E>) -> Option<(&mut PairEntry, &mut Loads)> {
        if spot.places.epoch != self.pairs.epoch() {
            *spot.places = Places { epoch: self.pairs.epoch(), ..Places::new() };
        }
        let mut number = u32::from(*spot.places.of(spot.measure, spot.asker));
        if number == u32::from(Places::NONE) {
            number = self.enter(spot.pair());
            let is_same = spot.places.epoch == self.pairs.epoch();
            if let Some(number) = u16::try_from(number).ok().filter(|_| is_same) {
                *spot.places.of(spot.measure, spot.asker) = number;
            }
        }
        self.pairs.at(number).map(|kept| (kept, &mut self.loads))
    }

    /// Counts what a message turned out to be that is no answer in time.
    #[inline]
    pub(super) fn note<E: FlowKey>(&mut self, mut spot: PairIndex<'_, E>, outcome: Outcome) {
        let Some((PairEntry { sums, .. }, _)) = self.at(&mut spot) else { return };
        let count = match outcome {
            Outcome::Asked => &mut sums.asked,
            Outcome::Repeated => &mut sums.repeated,
            Outcome::AnsweredAgain => &mut sums.answered_again,
            Outcome::Unasked => &mut sums.unasked,
            Outcome::Missed => &mut sums.missed,
            Outcome::Answered { .. } => return,
        };
        *count = count.saturating_add(1);
    }

    /// An answer of which no load is told.
    pub(super) fn answered<E: FlowKey>(&mut self, mut spot: PairIndex<'_, E>, nanos: u64) {
        if let Some((kept, _)) = self.at(&mut spot) {
            kept.take_time(nanos, bucket(nanos));
        }
    }

    /// What was answered so many nanoseconds after it was asked, and for which the question had been sent again so many times.
    #[inline]
    pub(super) fn answered_at<E: FlowKey>(
        &mut self,
        mut spot: PairIndex<'_, E>,
        asked: Timestamp,
        (nanos, repeats): (u64, u8),
    ) {
        let bucket = bucket(nanos);
        let (ends, asker) = (spot.ends, spot.asker);
        let answerer = || ends.ends()[1 - (asker & 1)].0;
        let entry = spot.measure.tells_load().then(|| LoadEntry::one(asked, spot.measure, bucket));
        let Some((kept, loads)) = self.at(&mut spot) else {
            if let Some(entry) = entry {
                self.loads.note((answerer(), &mut { NOWHERE }), &entry);
            }
            return;
        };
        kept.sums.recovered = kept.sums.recovered.saturating_add(repeats.into());
        kept.take_time(nanos, bucket);
        match entry {
            Some(entry) if kept.open.count > 0 && kept.open.place() == entry.place() => kept.open.absorb(&entry),
            Some(entry) => {
                kept.settle(answerer(), loads);
                // Who answers has its place from now on, or none.
                loads.enter((answerer(), &mut kept.device));
                kept.open = entry;
            }
            None => {}
        }
    }

    /// Tells the loads and all sums what they do not know yet.
    pub(super) fn settle(&mut self) {
        let loads = &mut self.loads;
        self.pairs.iter_mut().for_each(|(pair, kept)| kept.settle(pair.answerer, loads));
    }

    /// With all of it told.
    pub(super) fn settled(&self) -> Cow<'_, Self> {
        if self.pairs.list().iter().all(|(_, kept)| kept.is_settled()) {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }

    /// A file ended.
    pub(super) fn end(&mut self, pair: Pair) {
        if let Some(sums) = self.get(pair) {
            sums.ended = sums.ended.saturating_add(1);
        }
    }

    pub(super) fn lost(&mut self, pair: Pair, losses: &Losses, vain: [u64; 2]) {
        if let Some(sums) = self.get(pair) {
            sums.absorb(&Sums { vain, ..Sums::default() });
            sums.losses.get_or_insert_default().absorb(losses);
        }
    }

    pub(super) fn add(&mut self, pair: Pair, other: &Sums) {
        if let Some(sums) = self.get(pair) {
            sums.absorb(other);
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        let other = &*other.settled();
        self.settle();
        self.keep_below(other.ceiling);
        other.iter().for_each(|(pair, sums)| self.add(*pair, sums));
        self.loads.absorb(&other.loads);
    }

    pub(super) fn keep_to_limit(&mut self) {
        if self.pairs.len() > self.limit {
            let mut pairs: Vec<Pair> = self.iter().map(|(pair, _)| *pair).collect();
            let (_, first_beyond, _) = pairs.select_nth_unstable(self.limit);
            self.keep_below(Some(*first_beyond));
        }
    }

    fn keep_below(&mut self, ceiling: Option<Pair>) {
        let Some(ceiling) = ceiling.filter(|new| self.ceiling.is_none_or(|old| *new < old)) else { return };
        self.ceiling = Some(ceiling);
        self.settle();
        self.pairs.retain(|pair, _| *pair < ceiling);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.ceiling.is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.is_whole() && self.pairs.is_empty()
    }

    /// All that is kept, by the numbers of pairs.
    pub(super) fn list(&self) -> &[impl Sized] {
        self.pairs.list()
    }

    /// All of them, which must be settled.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Pair, &Sums)> {
        self.pairs.list().iter().map(|(pair, kept)| (pair, &kept.sums))
    }

    /// The same by pair, ascending.
    pub(super) fn sorted(&self) -> Vec<(&Pair, &Sums)> {
        let mut list: Vec<_> = self.iter().collect();
        list.sort_unstable_by_key(|(pair, _)| **pair);
        list
    }

    pub(super) fn store(&self, to: &mut Vec<u8>) {
        self.ceiling.store(to);
        (self.pairs.len() as u64).store(to);
        for (pair, sums) in self.sorted() {
            pair.store(to);
            sums.store(to);
        }
    }

    /// How many files ended, where any did, by pair.
    pub(super) fn ends(&self) -> Vec<(Pair, u64)> {
        let ended = self.sorted().into_iter().filter(|(_, sums)| sums.ended > 0);
        ended.map(|(pair, sums)| (*pair, sums.ended)).collect()
    }

    /// Takes over what [`Measures::ends`] gave.
    pub(super) fn load_ends(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        let ends: BTreeMap<Pair, u64> = from.map(2 * MOST_PAIRS, "files ended on too many pairs")?;
        for (pair, ended) in ends {
            let kept = self.pairs.get_mut(&pair).filter(|_| pair.measure == Measure::Tftp && ended > 0);
            kept.ok_or_else(|| from.wrong("a file ended that was not sent"))?.sums.ended = ended;
        }
        Ok(())
    }

    /// What was missed, or in vain, where anything was, by pair.
    pub(super) fn missed(&self) -> Vec<(Pair, (u64, [u64; 2]))> {
        let missed = self.sorted().into_iter().map(|(pair, sums)| (*pair, (sums.missed, sums.vain)));
        missed.filter(|(_, missed)| *missed != (0, [0; 2])).collect()
    }

    /// Takes over what [`Measures::missed`] gave.
    pub(super) fn load_missed(&mut self, from: &mut Load<'_>) -> Result<(), Broken> {
        let all: BTreeMap<Pair, (u64, [u64; 2])> =
            from.map(2 * MOST_PAIRS, "questions were missed on too many pairs")?;
        for (pair, missed) in all {
            let kept =
                self.pairs.get_mut(&pair).ok_or_else(|| from.wrong("a question was missed that was not asked"))?;
            (kept.sums.missed, kept.sums.vain) = missed;
        }
        Ok(())
    }

    pub(super) fn load(from: &mut Load<'_>, limit: usize) -> Result<Self, Broken> {
        let mut measures = Self::new(limit);
        measures.ceiling = from.get()?;
        let length = from.length(2 * MOST_PAIRS, "there are too many pairs")?;
        let mut last = None;
        for _ in 0..length {
            let (pair, sums): (Pair, Sums) = from.get()?;
            let is_next = last.is_none_or(|last| last < pair) && measures.ceiling.is_none_or(|ceiling| pair < ceiling);
            from.expect(is_next, "pairs are not in their order")?;
            last = Some(pair);
            measures.pairs.enter(pair, || PairEntry { sums, ..PairEntry::new(&pair) });
        }
        Ok(measures)
    }
}
