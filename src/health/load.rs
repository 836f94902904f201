//! How much each device answered in each stretch of time, and how soon: whether it is slower the more it is asked.
//!
//! Stretches stand at fixed times, so that parts add up wherever they are cut. Of a device that answered in more of them than
//! there is room for, those are kept whose [`turn`] comes first: a sample that is spread evenly over all time, and the same one
//! whatever the order in which they come.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::histogram::{BUCKETS, nanos_at};
use super::lowest::BoundedHosts;
use super::numbered::NOWHERE;
use super::{Health, Measure};
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored, stored};

/// Nanoseconds of a stretch.
const STRETCH: i64 = 10_000_000_000;
/// The number of the stretch that begins with 1970: earlier ones have numbers too.
const EPOCH: i64 = 1 << 31;
/// Entries of one device, one for each stretch and measure: an hour and a half of one measure, and a sample of what is longer.
const MOST: usize = 512;
/// Devices of each address family.
const MOST_DEVICES: usize = 2048;
/// So many entries back, one of the same stretch is looked for: several measures take turns.
const RECENT: usize = 4;

/// The stretch that a time lies in.
fn stretch_of(time: Timestamp) -> u32 {
    // Nanoseconds of 64 bits are less than 2^30 stretches before or after 1970.
    (time.raw().div_euclid(STRETCH) + EPOCH) as u32
}

/// A stretch's turn to be kept: no two have the same, and the first of them are spread evenly over any time (Knuth, The Art
/// of Computer Programming, volume 3, section 6.4, on multiplying by the golden ratio).
const fn turn(stretch: u32) -> u32 {
    stretch.wrapping_mul(0x9e37_79b1)
}

/// Answers, and how long they took.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Answers {
    /// How many.
    pub count: u64,
    /// The sum of the buckets that their durations are in: of durations it tells the geometric mean, which adds up exactly and
    /// does not hang on a few that are long.
    buckets: u64,
}

impl Answers {
    /// Adds others.
    pub fn absorb(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.buckets = self.buckets.saturating_add(other.buckets);
    }

    /// The geometric mean in nanoseconds, 2.5 % more or less.
    pub fn typical(self) -> Option<u64> {
        self.level().map(nanos_at)
    }

    /// A number that is the higher the longer they took.
    pub fn level(self) -> Option<f64> {
        (self.count > 0).then(|| self.buckets as f64 / self.count as f64)
    }
}

/// What was answered in one stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LoadEntry {
    stretch: u32,
    measure: Measure,
    pub(super) count: u32,
    buckets: u32,
}

impl LoadEntry {
    pub(super) const fn none(measure: Measure) -> Self {
        Self { stretch: 0, measure, count: 0, buckets: 0 }
    }

    /// One answer to what was asked at a time.
    #[inline]
    pub(super) fn one(asked: Timestamp, measure: Measure, bucket: u16) -> Self {
        Self { stretch: stretch_of(asked), measure, count: 1, buckets: bucket.into() }
    }

    pub(super) const fn place(&self) -> (u32, Measure) {
        (self.stretch, self.measure)
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.buckets = self.buckets.saturating_add(other.buckets);
    }
}

/// One stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct LoadSlot<'a>(&'a [LoadEntry]);

impl LoadSlot<'_> {
    /// Nanoseconds that each lasts.
    pub const NANOS: u64 = STRETCH as u64;

    /// When it begins.
    pub fn begin(&self) -> Timestamp {
        let number = self.0.first().map_or(EPOCH, |entry| entry.stretch.into());
        Timestamp::from_nanos((number - EPOCH).saturating_mul(STRETCH))
    }

    /// What was answered of the measures that are meant.
    pub fn answers(&self, is_meant: impl Fn(Measure) -> bool) -> Answers {
        let mut answers = Answers::default();
        for entry in self.0.iter().filter(|entry| is_meant(entry.measure)) {
            answers.absorb(Answers { count: entry.count.into(), buckets: entry.buckets.into() });
        }
        answers
    }
}

/// What one device answered, stretch by stretch, by when it was asked.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DeviceLoad {
    /// As they came; once they are settled, one for each stretch and measure, ascending.
    entries: Vec<LoadEntry>,
    /// Once there were more: stretches of this turn and later ones have no place.
    ceiling: Option<u32>,
}

impl DeviceLoad {
    fn admits(&self, stretch: u32) -> bool {
        self.ceiling.is_none_or(|ceiling| turn(stretch) < ceiling)
    }

    fn put(&mut self, entry: &LoadEntry) {
        if !self.admits(entry.stretch) {
            return;
        }
        let mut recent = self.entries.iter_mut().rev().take(RECENT);
        match recent.find(|held| held.place() == entry.place()) {
            Some(held) => held.absorb(entry),
            None => self.push(*entry),
        }
    }

    fn push(&mut self, entry: LoadEntry) {
        if self.entries.len() >= 2 * MOST {
            self.settle();
        }
        if self.admits(entry.stretch) {
            self.entries.push(entry);
        }
    }

    /// Makes one entry of those of the same stretch and measure, and holds them to their limit: stretches stay whole.
    fn settle(&mut self) {
        self.entries.sort_unstable_by_key(LoadEntry::place);
        self.entries.dedup_by(|later, earlier| {
            let is_same = later.place() == earlier.place();
            if is_same {
                earlier.absorb(later);
            }
            is_same
        });
        if self.entries.len() > MOST {
            let mut turns: Vec<u32> = self.entries.iter().map(|entry| turn(entry.stretch)).collect();
            let (_, first_beyond, _) = turns.select_nth_unstable(MOST);
            self.keep_below(Some(*first_beyond));
        }
    }

    fn keep_below(&mut self, ceiling: Option<u32>) {
        let Some(ceiling) = ceiling.filter(|new| self.ceiling.is_none_or(|old| *new < old)) else { return };
        self.ceiling = Some(ceiling);
        self.entries.retain(|entry| turn(entry.stretch) < ceiling);
    }

    fn join(&mut self, other: &Self) {
        self.keep_below(other.ceiling);
        other.entries.iter().for_each(|entry| self.put(entry));
    }

    /// Adds what another address of the device answered.
    pub fn absorb(&mut self, other: &Self) {
        self.join(other);
        self.settle();
    }

    /// Whether only a sample of all stretches is kept.
    pub const fn is_sample(&self) -> bool {
        self.ceiling.is_some()
    }

    /// Time slots with answers, ascending.
    pub fn stretches(&self) -> impl Iterator<Item = LoadSlot<'_>> {
        self.entries.chunk_by(|a, b| a.stretch == b.stretch).map(LoadSlot)
    }
}

/// What each device answered.
#[derive(Clone, Default, Debug)]
pub(super) struct Loads {
    devices: BoundedHosts<DeviceLoad, MOST_DEVICES>,
}

impl Loads {
    pub(super) fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Takes what a device, whose number may be known, answered in a stretch.
    pub(super) fn note(&mut self, device: (IpAddr, &mut u32), entry: &LoadEntry) {
        if let Some(load) = self.enter(device) {
            load.put(entry);
        }
    }

    /// Gives a device, whose number may be known, its place if there is one for it.
    pub(super) fn enter(&mut self, (device, number): (IpAddr, &mut u32)) -> Option<&mut DeviceLoad> {
        self.devices.get_or_insert(device, number, DeviceLoad::default)
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.devices.keep_places_of(&other.devices);
        for (device, theirs) in other.devices.iter() {
            if let Some(load) = self.enter((device, &mut { NOWHERE })) {
                load.join(theirs);
            }
        }
    }

    /// Hands over all but those of which inputs told of the same time.
    pub(super) fn finish(mut self, mixed: &BTreeSet<IpAddr>, health: &mut Health) {
        self.devices.keep_to_limit();
        health.loads_turned_away |= self.devices.turned_away();
        for (device, mut load) in self.devices.into_map().into_iter().filter(|(device, _)| !mixed.contains(device)) {
            load.settle();
            health.loads.entry(device).or_default().absorb(&load);
        }
    }
}

stored!(Loads { devices });

impl Stored for DeviceLoad {
    fn store(&self, to: &mut Vec<u8>) {
        let mut settled = self.clone();
        settled.settle();
        settled.ceiling.store(to);
        (settled.entries.len() as u64).store(to);
        let mut last = 0;
        for entry in &settled.entries {
            (entry.stretch.wrapping_sub(last)).store(to);
            (entry.measure, entry.count, entry.buckets).store(to);
            last = entry.stretch;
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut load = Self { ceiling: from.get()?, entries: Vec::new() };
        let (length, mut last) = (from.length(MOST, "a device answered at too many times")?, 0_u32);
        for _ in 0..length {
            let (step, measure, (count, buckets)): (u32, Measure, (u32, u32)) = from.get()?;
            let entry = LoadEntry { stretch: last.saturating_add(step), measure, count, buckets };
            let is_next = load.entries.last().is_none_or(|before| before.place() < entry.place());
            let is_sound = measure.tells_load()
                && count > 0
                && u64::from(buckets) < u64::from(count) * BUCKETS as u64
                && load.admits(entry.stretch);
            from.expect(is_next && is_sound, "what a device answered does not fit its times")?;
            last = entry.stretch;
            load.entries.push(entry);
        }
        Ok(load)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::histogram::bucket;
    use super::*;

    /// Seconds since a time, of which device, what, and how many milliseconds it took.
    type PackedAnswer = (i64, u16, bool, u64);

    fn of(answers: &[PackedAnswer]) -> Loads {
        let mut loads = Loads::default();
        for (second, device, is_coap, millis) in answers {
            let [high, low] = device.to_be_bytes();
            let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + second * 1_000_000_000);
            let measure = if *is_coap { Measure::Coap } else { Measure::Http };
            let entry = LoadEntry::one(time, measure, bucket(millis * 1_000_000));
            loads.note(([10, 0, high, low].into(), &mut { NOWHERE }), &entry);
        }
        loads
    }

    fn finished(loads: Loads) -> (BTreeMap<IpAddr, DeviceLoad>, bool) {
        let mut health = Health::default();
        loads.finish(&BTreeSet::new(), &mut health);
        (health.loads, health.loads_turned_away)
    }

    fn sum(parts: &[&[PackedAnswer]]) -> (BTreeMap<IpAddr, DeviceLoad>, bool) {
        let mut sum = Loads::default();
        parts.iter().for_each(|part| sum.absorb(&of(part)));
        finished(sum)
    }

    /// Few devices over some hours, so that most of their stretches find no place, in no order.
    fn answers() -> impl Strategy<Value = Vec<PackedAnswer>> {
        prop::collection::vec((0..40_000_i64, 0..3_u16, any::<bool>(), 0..5000_u64), 0..6000)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn parts_add_up(answers in answers(), cut in 0..6000_usize, second in 0..40_000_i64) {
            let whole = finished(of(&answers));
            let (a, b) = answers.split_at(cut.min(answers.len()));
            prop_assert_eq!(&sum(&[a, b]), &whole);
            prop_assert_eq!(&sum(&[b, a]), &whole);
            let (a, b): (Vec<PackedAnswer>, Vec<PackedAnswer>) = answers.iter().partition(|answer| answer.0 < second);
            prop_assert_eq!(&sum(&[&b, &a, &[]]), &whole);
        }

        /// What is kept of a stretch is all of it, and as many are kept as there is room for.
        #[test]
        fn what_is_kept_is_whole(answers in answers()) {
            let mut all: BTreeMap<(u16, u32), u64> = BTreeMap::new();
            for answer in &answers {
                let stretch = (1_700_000_000 + answer.0).div_euclid(10) + EPOCH;
                *all.entry((answer.1, stretch as u32)).or_default() += 1;
            }
            for (address, load) in finished(of(&answers)).0 {
                let IpAddr::V4(v4) = address else { panic!("a device of IPv4") };
                let device = u16::from_be_bytes([v4.octets()[2], v4.octets()[3]]);
                for stretch in load.stretches() {
                    let count = stretch.answers(|_| true).count;
                    prop_assert_eq!(Some(&count), all.get(&(device, stretch.0[0].stretch)));
                }
                prop_assert!(load.entries.len() <= MOST);
                prop_assert!(!load.is_sample() || load.entries.len() >= MOST - 1);
            }
        }

        #[test]
        fn what_is_stored_is_loaded(answers in answers()) {
            let loads = of(&answers);
            let (mut bytes, mut again) = (Vec::new(), Vec::new());
            loads.store(&mut bytes);
            let loaded: Loads = Load::of_head(bytes.clone()).get().unwrap();
            loaded.store(&mut again);
            prop_assert_eq!(bytes, again);
            prop_assert_eq!(finished(loaded), finished(loads));
        }

        #[test]
        fn any_bytes_are_loaded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Load::of_head(bytes).get::<Loads>();
        }
    }

    #[test]
    fn a_sample_is_spread_evenly_over_time() {
        let day: Vec<PackedAnswer> = (0..8640).map(|number| (number * 10, 1, true, 5)).collect();
        let (loads, _) = finished(of(&day));
        let load = loads.values().next().unwrap();
        assert!(load.is_sample() && load.entries.len() == MOST);
        let begins: Vec<i64> = load.stretches().map(|stretch| stretch.begin().raw()).collect();
        let steps = begins.windows(2).map(|two| (two[1] - two[0]) / STRETCH);
        assert!(steps.clone().max() <= Some(3 * 8640 / MOST as i64) && steps.min() >= Some(5));
    }

    #[test]
    fn at_the_limit_the_lowest_devices_stay() {
        let all: Vec<PackedAnswer> = (0..5000).map(|device| (7, device, true, 3)).collect();
        let back: Vec<PackedAnswer> = all.iter().rev().copied().collect();
        let (loads, turned_away) = finished(of(&all));
        assert!(turned_away && loads.len() == MOST_DEVICES);
        assert!(loads.keys().max() == Some(&IpAddr::from([10, 0, 7, 255])));
        assert_eq!(finished(of(&back)), (loads.clone(), true));
        assert_eq!(sum(&[&all[2500..], &all[..2500]]), (loads, true));
        assert!(!finished(of(&all[..MOST_DEVICES])).1);
    }

    #[test]
    fn what_is_typical_hangs_on_no_single_answer() {
        let mut answers: Vec<PackedAnswer> = vec![(0, 1, true, 5); 29];
        answers.push((0, 1, true, 2000));
        let (loads, _) = finished(of(&answers));
        let stretch = loads.values().next().unwrap().stretches().next().unwrap();
        let typical = stretch.answers(|_| true).typical().unwrap();
        // The 30th root of 5^29 * 2000.
        assert!((typical as f64 / 6.1e6 - 1.0).abs() < 0.03, "{typical}");
        assert_eq!(Answers::default().typical(), None);
    }

    #[test]
    fn times_before_1970_have_stretches_too() {
        for raw in [i64::MIN + 1, -1, 0, 1, i64::MAX] {
            let stretch = stretch_of(Timestamp::from_nanos(raw));
            let mut loads = Loads::default();
            let entry = LoadEntry::one(Timestamp::from_nanos(raw), Measure::Coap, bucket(1));
            loads.note(([10, 0, 0, 1].into(), &mut { NOWHERE }), &entry);
            assert_eq!(loads.devices.iter().next().unwrap().1.entries[0].stretch, stretch);
            assert_eq!(i64::from(stretch) - EPOCH, raw.div_euclid(STRETCH));
        }
    }
}
