//! What is usual among the gaps of a sender, and what is not.

/// Gaps of one length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Gap {
    /// Nanoseconds.
    pub length: u64,
    /// How many there are.
    pub count: u64,
    /// Whether the sender was asked in it, in vain.
    pub in_vain: bool,
}

impl Gap {
    fn lasts(&self) -> u64 {
        self.length.saturating_mul(self.count)
    }
}

/// The length that so many of the gaps, longest first, are not shorter than.
fn behind(gaps: &[Gap], mut number: u64) -> Option<u64> {
    for gap in gaps {
        match number.checked_sub(gap.count) {
            Some(rest) => number = rest,
            None => return Some(gap.length),
        }
    }
    None
}

/// How many gaps there are.
pub fn number(gaps: &[Gap]) -> u64 {
    gaps.iter().fold(0, |sum, gap| sum.saturating_add(gap.count))
}

/// What is usual, where something is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usual {
    /// Nanoseconds: of a hundred gaps that are no silences, 99 are not longer (nearest rank).
    pub gap: u64,
    /// The one in their middle.
    pub median: u64,
    /// Nine of ten are not shorter.
    pub short: u64,
    /// The length from which on a gap is a silence.
    pub silence: u64,
}

impl Usual {
    /// Of gaps, longest first, without so many of the longest.
    fn of(gaps: &[Gap], silences: u64) -> Option<Self> {
        let rest = number(gaps).checked_sub(silences).filter(|rest| *rest > 0)?;
        let behind = |above: u64| behind(gaps, silences.saturating_add(above));
        Some(Self {
            gap: behind(rest / 100)?,
            median: behind(rest / 2)?,
            short: behind(rest - 1 - rest / 10)?,
            silence: 0,
        })
    }

    /// Whether the gaps are alike, as those of a heartbeat are, of which one may be lost. Those of a person or a sensor are
    /// not.
    pub fn is_a_beat(&self) -> bool {
        self.gap <= self.median.saturating_mul(3) && self.short.saturating_mul(2) >= self.median
    }
}

/// When a gap is a silence.
#[derive(Clone, Copy, Debug)]
pub struct SilenceThresholds {
    /// Gaps that there must be beside the silences.
    pub samples: u64,
    /// How many times as long as the usual one it is.
    pub times: u64,
    /// Nanoseconds that it lasts.
    pub least: u64,
}

impl SilenceThresholds {
    /// What is usual, judged without the silences; none where no gap is one. `gaps` are in their order, longest first.
    ///
    /// At most one gap in a hundred, or a single one, may be a silence; more frequent gaps are usual. Gaps with unanswered
    /// questions may be more frequent, but if they make up three quarters of the time (the longest left out), the device never
    /// answers and has no usual gap.
    pub fn of(self, gaps: &[Gap]) -> Option<Usual> {
        let (all, mut found) = (number(gaps), None);
        let (mut silences, mut unasked, mut in_vain, mut longest) = (0_u64, 0_u64, 0_u64, 0_u64);
        let mut lasts = gaps.iter().fold(0_u64, |sum, gap| sum.saturating_add(gap.lasts()));
        let shorter = gaps.iter().skip(1).map(|gap| gap.length).chain([0]);
        for (gap, next) in gaps.iter().zip(shorter).take_while(|(gap, _)| gap.length >= self.least) {
            silences = silences.saturating_add(gap.count);
            lasts = lasts.saturating_sub(gap.lasts());
            if gap.in_vain {
                in_vain = in_vain.saturating_add(gap.lasts());
                longest = longest.max(gap.length);
            } else {
                unasked = unasked.saturating_add(gap.count);
            }
            let rest = all.saturating_sub(silences);
            let is_often = in_vain.saturating_sub(longest) > lasts.saturating_mul(3);
            if rest < self.samples || unasked > (rest / 100).max(1) || is_often {
                break;
            }
            let Some(usual) = Usual::of(gaps, silences) else { break };
            let silence = usual.gap.saturating_mul(self.times).max(self.least);
            if gap.length >= silence && next < silence {
                found = Some(Usual { silence, ..usual });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const USUAL: SilenceThresholds = SilenceThresholds { samples: 20, times: 5, least: 30 * SECOND };

    fn of(gaps: &[(u64, u64)]) -> Vec<Gap> {
        gaps.iter().map(|(seconds, count)| Gap { length: seconds * SECOND, count: *count, in_vain: false }).collect()
    }

    /// The first so many of them were in vain.
    fn in_vain(gaps: &[(u64, u64)], number: usize) -> Vec<Gap> {
        let mut gaps = of(gaps);
        gaps.iter_mut().take(number).for_each(|gap| gap.in_vain = true);
        gaps
    }

    fn usual(gaps: &[Gap], silences: u64) -> Option<u64> {
        Usual::of(gaps, silences).map(|usual| usual.gap)
    }

    /// The usual gap, and from when on one is a silence.
    fn judged(gaps: &[Gap]) -> Option<(u64, u64)> {
        USUAL.of(gaps).map(|usual| (usual.gap, usual.silence))
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
        assert_eq!(judged(&of(&[(600, 12), (1, 36)])), None);
        assert_eq!(judged(&of(&[(600, 12), (1, 720)])), None, "nor are bursts of a minute");
        let hour = of(&[(3600, 1), (600, 12), (1, 36)]);
        assert_eq!(judged(&hour), Some((600 * SECOND, 3000 * SECOND)), "an hour is not");
    }

    #[test]
    fn a_silence_is_judged_without_itself() {
        assert_eq!(judged(&of(&[(120, 1), (2, 60)])), Some((2 * SECOND, 30 * SECOND)));
        assert_eq!(judged(&of(&[(120, 1), (2, 19)])), None, "too few gaps to say what is usual");
        assert_eq!(judged(&of(&[(29, 1), (2, 60)])), None, "too short");
        assert_eq!(judged(&of(&[(120, 1), (110, 1), (2, 300)])), Some((2 * SECOND, 30 * SECOND)), "two of them");
        assert_eq!(judged(&of(&[(120, 1), (30, 60)])), None, "four times as long as the usual one");
    }

    #[test]
    fn the_middle_is_that_of_what_is_usual() {
        let median = |gaps: &[(u64, u64)], silences| Usual::of(&of(gaps), silences).map(|usual| usual.median / SECOND);
        assert_eq!(median(&[(600, 1), (9, 2), (5, 3), (1, 4)], 1), Some(5));
        assert_eq!(median(&[(600, 1), (9, 2), (5, 2), (1, 5)], 1), Some(1));
        assert_eq!(median(&[(600, 1)], 1), None);
    }

    #[test]
    fn a_beat_has_gaps_that_are_alike() {
        let is_a_beat = |gaps: &[(u64, u64)]| Usual::of(&of(gaps), 0).is_some_and(|usual| usual.is_a_beat());
        assert!(is_a_beat(&[(12, 10), (10, 80), (8, 10)]));
        assert!(is_a_beat(&[(20, 5), (10, 90), (1, 5)]), "some were lost, and it told of something now and then");
        assert!(!is_a_beat(&[(40, 2), (10, 98)]));
        let any: Vec<(u64, u64)> = (5..=50).rev().map(|seconds| (seconds, 1)).collect();
        assert!(!is_a_beat(&any), "a person's");
    }

    #[test]
    fn what_was_asked_in_vain_need_not_be_rare() {
        let outages = [(40, 13), (5, 260)];
        assert_eq!(judged(&of(&outages)), None, "one in twenty");
        assert_eq!(judged(&in_vain(&outages, 1)), Some((5 * SECOND, 30 * SECOND)));
        // And an hour in which nobody asked.
        let night = [(3600, 1), (40, 13), (5, 260)];
        assert_eq!(judged(&of(&night)), Some((40 * SECOND, 200 * SECOND)));
        let mut night = of(&night);
        night[1].in_vain = true;
        assert_eq!(judged(&night), Some((5 * SECOND, 30 * SECOND)));
        // It is told of messages that it need not answer, and tells of itself every ten minutes, for a while.
        assert_eq!(judged(&in_vain(&[(600, 12), (1, 36)], 1)), None);
        assert_eq!(judged(&in_vain(&[(600, 12), (1, 720)], 1)), None);
        // Once it was away, for longer than it was there.
        assert_eq!(judged(&in_vain(&[(3600, 1), (40, 13), (5, 260)], 2)), Some((5 * SECOND, 30 * SECOND)));
    }
}
