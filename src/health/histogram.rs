//! Durations in logarithmic buckets: a histogram that adds exactly, in any order and grouping.

use crate::state::{Broken, Load, Stored};

/// Buckets of an octave: each is at most 5 % wide (2^(1/16) is 4.5 %, and bounds stand at multiples of 1/256).
const PER_OCTAVE: usize = 16;
/// The first bound is 2^10 ns (1 microsecond), the last 2^40 ns (18 minutes): shorter and longer ones are in the outer
/// buckets.
const FIRST_OCTAVE: u32 = 10;
const OCTAVES: usize = 30;
/// All buckets; as a list of counts they take less than 2 KB.
pub(super) const BUCKETS: usize = PER_OCTAVE * OCTAVES;
/// Buckets up to which a list of those that are not empty is shorter than one of all.
const SPARSE: usize = 240;

/// For the eight bits behind a number's first: its place in the octave.
const PLACES: [u8; 256] = {
    // Bounds of the sixteenths, 256 * 2^(n/16), rounded (each is 4.43 % above the one before, give or take 0.4).
    const BOUNDS: [u16; PER_OCTAVE] = [256, 267, 279, 292, 304, 318, 332, 347, 362, 378, 395, 412, 431, 450, 470, 490];
    let mut places = [0; 256];
    let (mut at, mut place) = (0, 0);
    while at < 256 {
        while place + 1 < PER_OCTAVE && BOUNDS[place + 1] as usize <= 256 + at {
            place += 1;
        }
        places[at] = place as u8;
        at += 1;
    }
    places
};

/// The bucket of a duration in nanoseconds.
#[inline]
pub(super) fn bucket(nanos: u64) -> u16 {
    let octave = (nanos | 1).ilog2();
    if octave < FIRST_OCTAVE {
        return 0;
    }
    if octave >= FIRST_OCTAVE + OCTAVES as u32 {
        return BUCKETS as u16 - 1;
    }
    let bits = (nanos >> (octave - 8)) as usize & 0xff;
    ((octave - FIRST_OCTAVE) as usize * PER_OCTAVE + usize::from(PLACES[bits])) as u16
}

/// What stands for all durations of a bucket: the middle of its bounds, by ratio.
fn middle(bucket: u16) -> u64 {
    nanos_at(bucket.into())
}

/// What stands for durations of which the buckets are so many on average: their geometric mean, 2.5 % more or less.
pub(super) fn nanos_at(bucket: f64) -> u64 {
    (f64::from(FIRST_OCTAVE) + (bucket + 0.5) / PER_OCTAVE as f64).exp2() as u64
}

/// How often durations of each bucket came; few have more than a handful.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Buckets {
    /// Those that are not empty, ascending.
    Sparse(Vec<(u16, u32)>),
    /// All of them.
    All(Box<[u32; BUCKETS]>),
}

/// Durations, in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Histogram {
    count: u64,
    least: u64,
    most: u64,
    buckets: Buckets,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { count: 0, least: u64::MAX, most: 0, buckets: Buckets::Sparse(Vec::new()) }
    }
}

impl Histogram {
    /// Counts a duration.
    pub fn add(&mut self, nanos: u64) {
        self.count_one(nanos);
        self.put(bucket(nanos), 1);
    }

    /// The same of one whose bucket is told later by [`Histogram::put`].
    #[inline]
    pub(super) fn count_one(&mut self, nanos: u64) {
        self.count = self.count.saturating_add(1);
        self.least = self.least.min(nanos);
        self.most = self.most.max(nanos);
    }

    /// All durations together, each as the middle of its bucket: 2.5 % more or less.
    pub fn total(&self) -> u64 {
        let sum =
            |sum: u64, (bucket, count): (u16, u32)| sum.saturating_add(middle(bucket).saturating_mul(count.into()));
        self.each().fold(0, sum)
    }

    pub(super) fn put(&mut self, bucket: u16, count: u32) {
        match &mut self.buckets {
            Buckets::All(counts) => {
                if let Some(held) = counts.get_mut(usize::from(bucket)) {
                    *held = held.saturating_add(count);
                }
            }
            Buckets::Sparse(list) => match list.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
                Ok(at) => list[at].1 = list[at].1.saturating_add(count),
                Err(at) => {
                    list.insert(at, (bucket, count));
                    if list.len() > SPARSE {
                        self.spread();
                    }
                }
            },
        }
    }

    fn spread(&mut self) {
        let mut counts = Box::new([0; BUCKETS]);
        for (bucket, count) in self.filled() {
            counts[usize::from(bucket) % BUCKETS] = count;
        }
        self.buckets = Buckets::All(counts);
    }

    /// From what [`Histogram::count`] to [`Histogram::filled`] gave; none where it cannot be one.
    pub fn of_parts(count: u64, least: u64, most: u64, filled: &[(u16, u32)]) -> Option<Self> {
        let mut histogram = Self { count, ..Self::default() };
        if count > 0 {
            (histogram.least, histogram.most) = (least, most);
        }
        let ascends = filled.windows(2).all(|two| two[0].0 < two[1].0);
        let last = filled.last().map_or(0, |(bucket, _)| usize::from(*bucket));
        let sum = filled.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add((*count).into()));
        // A bucket that is full counts no more.
        let is_sound = ascends
            && last < BUCKETS
            && filled.iter().all(|(_, count)| *count > 0)
            && sum <= count
            && (count == 0) == filled.is_empty()
            && (count == 0 || least <= most);
        is_sound.then(|| {
            filled.iter().for_each(|(bucket, count)| histogram.put(*bucket, *count));
            histogram
        })
    }

    /// The buckets that are not empty, ascending, with how many durations are in each. Bucket n begins at
    /// 2^(10 + n/16) nanoseconds, but for the first, which begins at 0.
    pub fn filled(&self) -> Vec<(u16, u32)> {
        self.each().collect()
    }

    fn each(&self) -> impl Iterator<Item = (u16, u32)> {
        let (list, counts): (&[_], &[u32]) = match &self.buckets {
            Buckets::Sparse(list) => (list, &[]),
            Buckets::All(counts) => (&[], &counts[..]),
        };
        let of_all = (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0);
        list.iter().copied().chain(of_all)
    }

    /// Adds another.
    pub fn absorb(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        other.each().for_each(|(bucket, count)| self.put(bucket, count));
    }

    /// How many durations there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The shortest, exactly.
    pub fn least(&self) -> Option<u64> {
        (self.count > 0).then_some(self.least)
    }

    /// The longest, exactly.
    pub fn most(&self) -> Option<u64> {
        (self.count > 0).then_some(self.most)
    }

    /// The duration that so many percent are not longer than (nearest rank), to the middle of its bucket: 2.5 % more or
    /// less.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = u128::from(self.count).saturating_mul(percent.into()).div_ceil(100).max(1);
        let mut sum = 0_u128;
        for (bucket, count) in self.each() {
            sum += u128::from(count);
            if sum >= rank {
                return Some(middle(bucket).clamp(self.least, self.most));
            }
        }
        None
    }

    /// The middle of each bucket that is not empty in nanoseconds and its count, ascending.
    pub fn bars(&self) -> impl Iterator<Item = (u64, u32)> {
        self.each().map(|(bucket, count)| (middle(bucket), count))
    }

    /// How many durations came in each of `parts` equal parts (by ratio) of the range from a microsecond to 18 minutes.
    pub fn shape(&self, parts: usize) -> Vec<u64> {
        let mut shape = vec![0; parts.max(1)];
        for (bucket, count) in self.each() {
            let at = usize::from(bucket) * shape.len() / BUCKETS;
            shape[at] += u64::from(count);
        }
        shape
    }
}

impl Stored for Histogram {
    fn store(&self, to: &mut Vec<u8>) {
        let filled = self.filled();
        self.count.store(to);
        (filled.len() as u64).store(to);
        if self.count > 0 {
            (self.least, self.most).store(to);
        }
        filled.into_iter().for_each(|one| one.store(to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let count: u64 = from.get()?;
        let length = from.length(BUCKETS, "a histogram has too many buckets")?;
        let (least, most) = if count > 0 { from.get()? } else { (0, 0) };
        let filled: Vec<(u16, u32)> = (0..length).map(|_| from.get()).collect::<Result<_, _>>()?;
        Self::of_parts(count, least, most, &filled)
            .ok_or_else(|| from.wrong("the buckets of a histogram do not fit it"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        durations.iter().for_each(|nanos| histogram.add(*nanos));
        histogram
    }

    proptest! {
        #[test]
        fn no_bucket_is_wider_than_five_percent(nanos in 1024..(1_u64 << 39)) {
            let (first, mut last) = (bucket(nanos), nanos);
            while bucket(last + last / 100) == first {
                last += last / 100;
            }
            prop_assert!(last as f64 / nanos as f64 <= 1.05);
            let middle = middle(first) as f64;
            prop_assert!((middle / nanos as f64 - 1.0).abs() < 0.03, "{middle} for {nanos}");
        }

        #[test]
        fn parts_add_up(a in prop::collection::vec(any::<u64>().prop_map(|n| n >> (n % 50)), 0..600), cut in 0..600_usize) {
            let cut = cut.min(a.len());
            let (mut sum, mut reverse) = (of(&a[..cut]), of(&a[cut..]));
            sum.absorb(&of(&a[cut..]));
            reverse.absorb(&of(&a[..cut]));
            prop_assert_eq!(&sum, &of(&a));
            prop_assert_eq!(&reverse, &sum);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let durations: Vec<u64> = (1..=1000).map(|n| n * 1_000_000).collect();
        let histogram = of(&durations);
        for (percent, exact) in [(50, 500_u64), (95, 950), (99, 990), (100, 1000)] {
            let found = histogram.percentile(percent).unwrap() as f64;
            assert!((found / (exact * 1_000_000) as f64 - 1.0).abs() < 0.03, "{percent}: {found}");
        }
        assert_eq!((histogram.least(), histogram.most()), (Some(1_000_000), Some(1_000_000_000)));
        assert_eq!(of(&[]).percentile(50), None);
        assert_eq!(of(&[77]).percentile(50), Some(77));
    }

    #[test]
    fn it_takes_two_kilobytes_at_most() {
        assert!(size_of::<[u32; BUCKETS]>() + size_of::<Histogram>() <= 2048);
        assert!(SPARSE * size_of::<(u16, u32)>() <= size_of::<[u32; BUCKETS]>());
    }
}
