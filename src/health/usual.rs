//! What is usual among the gaps of a sender, and what is not.

/// The usual gap: 99 of a hundred are not longer (nearest rank). `gaps` are lengths and how many there are of each, longest
/// first; so many of the longest are left out.
pub fn usual(gaps: &[(u64, u64)], left_out: u64) -> Option<u64> {
    let rest = number(gaps).checked_sub(left_out).filter(|rest| *rest > 0)?;
    let mut above = left_out.saturating_add(rest / 100);
    for (length, count) in gaps {
        match above.checked_sub(*count) {
            Some(rest) => above = rest,
            None => return Some(*length),
        }
    }
    None
}

/// How many gaps there are.
pub fn number(gaps: &[(u64, u64)]) -> u64 {
    gaps.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
}

/// When a gap is a silence.
#[derive(Clone, Copy, Debug)]
pub struct Unusual {
    /// Gaps that there must be beside the silences.
    pub samples: u64,
    /// How many times as long as the usual one it is.
    pub times: u64,
    /// Nanoseconds that it lasts.
    pub least: u64,
}

impl Unusual {
    /// The usual gap, judged without the silences, and the length from which on a gap is one; none where no gap is. At most
    /// one gap in a hundred is a silence, or one: what comes more often is usual.
    pub fn of(self, gaps: &[(u64, u64)]) -> Option<(u64, u64)> {
        let (all, mut silences) = (number(gaps), 0_u64);
        let shorter = gaps.iter().skip(1).map(|gap| gap.0).chain([0]);
        for ((length, count), next) in gaps.iter().zip(shorter).take_while(|(gap, _)| gap.0 >= self.least) {
            silences = silences.saturating_add(*count);
            let rest = all.saturating_sub(silences);
            if rest < self.samples || silences > (rest / 100).max(1) {
                return None;
            }
            let usual = usual(gaps, silences)?;
            let from = usual.saturating_mul(self.times).max(self.least);
            if *length >= from && next < from {
                return Some((usual, from));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const USUAL: Unusual = Unusual { samples: 20, times: 5, least: 30 * SECOND };

    fn of(gaps: &[(u64, u64)]) -> Vec<(u64, u64)> {
        gaps.iter().map(|(seconds, count)| (seconds * SECOND, *count)).collect()
    }

    #[test]
    fn who_sends_all_the_time_has_a_usual_gap_of_a_second() {
        assert_eq!(usual(&of(&[(1, 3600)]), 0), Some(SECOND));
        // 99 of 100: the hundredth is the longest.
        assert_eq!(usual(&of(&[(600, 1), (2, 98)]), 0), Some(600 * SECOND));
        assert_eq!(usual(&of(&[(600, 1), (2, 99)]), 0), Some(2 * SECOND));
        assert_eq!(usual(&of(&[(600, 1), (2, 98)]), 1), Some(2 * SECOND));
        assert_eq!(usual(&of(&[(600, 1)]), 1), None);
        assert_eq!(usual(&[], 0), None);
    }

    #[test]
    fn bursts_every_ten_minutes_are_usual() {
        assert_eq!(usual(&of(&[(600, 12), (1, 36)]), 0), Some(600 * SECOND));
        assert_eq!(USUAL.of(&of(&[(600, 12), (1, 36)])), None);
        assert_eq!(USUAL.of(&of(&[(600, 12), (1, 720)])), None, "nor are bursts of a minute");
        let hour = of(&[(3600, 1), (600, 12), (1, 36)]);
        assert_eq!(USUAL.of(&hour), Some((600 * SECOND, 3000 * SECOND)), "an hour is not");
    }

    #[test]
    fn a_silence_is_judged_without_itself() {
        assert_eq!(USUAL.of(&of(&[(120, 1), (2, 60)])), Some((2 * SECOND, 30 * SECOND)));
        assert_eq!(USUAL.of(&of(&[(120, 1), (2, 19)])), None, "too few gaps to say what is usual");
        assert_eq!(USUAL.of(&of(&[(29, 1), (2, 60)])), None, "too short");
        assert_eq!(USUAL.of(&of(&[(120, 1), (110, 1), (2, 300)])), Some((2 * SECOND, 30 * SECOND)), "two of them");
        assert_eq!(USUAL.of(&of(&[(120, 1), (30, 60)])), None, "four times as long as the usual one");
    }
}
