//! Delays from one place to the next. Clocks that are not exact can show some below zero.

use crate::health::Histogram;

/// Delays in nanoseconds: exact at both ends, within 2.5 % between.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// Those below zero are the shortest of all here.
    times: Histogram,
    least: i64,
    most: i64,
}

impl Delays {
    pub(super) fn add(&mut self, nanos: i64) {
        let (least, most) = (self.min().unwrap_or(nanos), self.max().unwrap_or(nanos));
        (self.least, self.most) = (least.min(nanos), most.max(nanos));
        self.times.add(u64::try_from(nanos).unwrap_or(0));
    }

    /// Adds all of another.
    pub fn absorb(&mut self, other: &Self) {
        let (Some(least), Some(most)) = (other.min(), other.max()) else { return };
        self.least = self.min().map_or(least, |own| own.min(least));
        self.most = self.max().map_or(most, |own| own.max(most));
        self.times.absorb(&other.times);
    }

    /// How many delays there are.
    pub const fn count(&self) -> u64 {
        self.times.count()
    }

    /// The smallest, exact.
    pub fn min(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.least)
    }

    /// The largest, exact.
    pub fn max(&self) -> Option<i64> {
        (self.count() > 0).then_some(self.most)
    }

    /// The delay that so many hundredths of all do not exceed (nearest rank), within 2.5 %.
    pub fn percentile(&self, hundredths: u64) -> Option<i64> {
        let nanos = i64::try_from(self.times.percentile(hundredths)?).unwrap_or(i64::MAX);
        Some(nanos.clamp(self.least, self.most))
    }

    /// The middle of each bucket in nanoseconds and its count, ascending.
    pub fn bars(&self) -> impl Iterator<Item = (i64, u32)> {
        self.times.bars().map(|(middle, count)| (i64::try_from(middle).unwrap_or(i64::MAX), count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_add_up_those_below_zero_too() {
        let mut all = Delays::default();
        assert_eq!((all.min(), all.percentile(50)), (None, None));
        (1..=100).for_each(|at| all.add(at * 1_000_000));
        assert_eq!((all.min(), all.max()), (Some(1_000_000), Some(100_000_000)));
        for (hundredths, expected) in [(50, 50e6), (95, 95e6), (100, 100e6)] {
            let got = all.percentile(hundredths).unwrap() as f64;
            assert!((got / expected - 1.0_f64).abs() < 0.025, "{got}");
        }
        let (mut twice, mut ahead) = (all.clone(), Delays::default());
        twice.absorb(&all);
        assert_eq!((twice.count(), twice.percentile(50)), (200, all.percentile(50)));
        ahead.add(-5_000);
        assert_eq!((ahead.min(), ahead.percentile(50)), (Some(-5_000), Some(-5_000)));
        ahead.absorb(&all);
        assert_eq!((ahead.count(), ahead.min(), ahead.max()), (101, Some(-5_000), Some(100_000_000)));
    }
}
