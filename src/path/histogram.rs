//! Delays in buckets of at most 1/32 of their value, so that millions of them take little memory.

/// Buckets for each doubling of the delay.
const SUB_BITS: u32 = 5;

/// Delays in nanoseconds: exact at both ends, within 3.2 % between.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Bucket and count, ascending: most conversations fill few.
    buckets: Vec<(u16, u32)>,
    count: u64,
    min: i64,
    max: i64,
}

impl Histogram {
    /// Adds a delay. One below zero, which clocks that are not exact can show, is in the first bucket.
    pub(super) fn add(&mut self, nanos: i64) {
        (self.min, self.max) =
            if self.count == 0 { (nanos, nanos) } else { (self.min.min(nanos), self.max.max(nanos)) };
        self.count += 1;
        self.add_to(bucket(nanos), 1);
    }

    fn add_to(&mut self, bucket: u16, count: u32) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(count),
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    /// Adds all of another.
    pub fn absorb(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        (self.min, self.max) =
            if self.count == 0 { (other.min, other.max) } else { (self.min.min(other.min), self.max.max(other.max)) };
        self.count += other.count;
        other.buckets.iter().for_each(|(bucket, count)| self.add_to(*bucket, *count));
    }

    /// How many delays there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The smallest, exact.
    pub fn min(&self) -> Option<i64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest, exact.
    pub fn max(&self) -> Option<i64> {
        (self.count > 0).then_some(self.max)
    }

    /// The delay that so many hundredths of all do not exceed (nearest rank), within 3.2 %.
    pub fn percentile(&self, hundredths: u64) -> Option<i64> {
        let rank = (self.count * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(middle(*bucket).clamp(self.min, self.max));
            }
        }
        self.max()
    }

    /// The middle of each bucket in nanoseconds and its count, ascending.
    pub fn bars(&self) -> impl Iterator<Item = (i64, u32)> {
        self.buckets.iter().map(|(bucket, count)| (middle(*bucket), *count))
    }
}

/// Below 32 ns each value has its own, above 32 buckets each doubling.
fn bucket(nanos: i64) -> u16 {
    let value = nanos.max(0) as u64;
    let above = (63 - (value | 1).leading_zeros()).saturating_sub(SUB_BITS);
    ((above << SUB_BITS) as u64 + (value >> above)) as u16
}

fn middle(bucket: u16) -> i64 {
    let bucket = u64::from(bucket);
    let above = (bucket >> SUB_BITS).saturating_sub(1);
    let low = (bucket - (above << SUB_BITS)) << above;
    i64::try_from(low + (1 << above >> 1)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_within_a_32nd_of_its_values() {
        let mut value = 1_i64;
        while value < i64::MAX / 3 {
            for near in [value - 1, value, value + 1, value + value / 3] {
                let error = (middle(bucket(near)) - near).abs();
                assert!(error <= near / 32 + 1, "{near}: {}", middle(bucket(near)));
                assert!(bucket(near) <= bucket(near + 1));
            }
            value = value * 3 / 2 + 1;
        }
        assert_eq!((bucket(-5), bucket(0)), (0, 0));
        assert!(middle(bucket(i64::MAX)) > 0);
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let mut all = Histogram::default();
        assert_eq!((all.min(), all.percentile(50)), (None, None));
        (1..=100).for_each(|at| all.add(at * 1_000_000));
        assert_eq!((all.min(), all.max()), (Some(1_000_000), Some(100_000_000)));
        for (hundredths, expected) in [(50, 50e6), (95, 95e6), (100, 100e6)] {
            let got = all.percentile(hundredths).unwrap() as f64;
            assert!((got / expected - 1.0_f64).abs() < 0.032, "{got}");
        }
        let mut twice = all.clone();
        twice.absorb(&all);
        assert_eq!((twice.count(), twice.percentile(50)), (200, all.percentile(50)));
    }
}
