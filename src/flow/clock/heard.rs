//! When frames were captured: it adds up in any order.

use super::Clock;
use crate::capture::Timestamp;

/// From one time to a later one.
pub(super) type TimeSlot = (Timestamp, Timestamp);

/// When frames were captured: stretches of time between which none was for [`Clock::GAP`] or more, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard(pub(super) Vec<TimeSlot>);

impl Heard {
    pub(super) const NOTHING: Self = Self(Vec::new());
    /// The longest gaps are kept, so many at least.
    pub(super) const MOST_GAPS: usize = 1024;

    pub(super) fn add(&mut self, (mut from, mut to): TimeSlot) {
        if from == Timestamp::UNKNOWN {
            return;
        }
        let is_before = |known: &TimeSlot| known.1 < from && known.1.raw().abs_diff(from.raw()) >= Clock::GAP;
        let begin = self.0.partition_point(is_before);
        let is_near = |known: &&TimeSlot| known.0 <= to || known.0.raw().abs_diff(to.raw()) < Clock::GAP;
        let near = self.0[begin..].iter().take_while(is_near).count();
        if let Some(known) = self.0.get(begin).filter(|_| near > 0) {
            from = from.min(known.0);
            to = to.max(self.0[begin + near - 1].1);
        }
        self.0.splice(begin..begin + near, [(from, to)]);
        if self.0.len() > 2 * Self::MOST_GAPS {
            self.keep_longest_gaps();
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|stretch| self.add(*stretch));
    }

    pub(super) fn gaps(&self) -> Vec<TimeSlot> {
        self.0.iter().zip(self.0.iter().skip(1)).map(|(before, after)| (before.1, after.0)).collect()
    }

    pub(super) fn keep_longest_gaps(&mut self) {
        let mut gaps = self.gaps();
        gaps.sort_unstable_by_key(|(from, to)| (std::cmp::Reverse(to.raw().abs_diff(from.raw())), *from));
        gaps.truncate(Self::MOST_GAPS);
        gaps.sort_unstable();
        *self = Self::between((self.earliest(), self.latest()), &gaps);
    }

    /// All of a stretch but some gaps, in their order.
    pub(super) fn between(all: TimeSlot, gaps: &[TimeSlot]) -> Self {
        let begins = std::iter::once(all.0).chain(gaps.iter().map(|gap| gap.1));
        let ends = gaps.iter().map(|gap| gap.0).chain([all.1]);
        let mut heard = Self::NOTHING;
        let stretches = begins.zip(ends).filter(|(from, to)| from <= to);
        stretches.for_each(|stretch| heard.add(stretch));
        heard
    }

    /// What of it lies behind a time; nothing behind one that is not known.
    pub(super) fn from(&self, first: Timestamp) -> Self {
        let behind = self.0.iter().filter(|(_, to)| first != Timestamp::UNKNOWN && *to >= first);
        Self(behind.map(|(from, to)| (first.max(*from), *to)).collect())
    }

    pub(super) fn earliest(&self) -> Timestamp {
        self.0.first().map_or(Timestamp::UNKNOWN, |first| first.0)
    }

    pub(super) fn latest(&self) -> Timestamp {
        self.0.last().map_or(Timestamp::UNKNOWN, |last| last.1)
    }
}

/// The times in which none of some clocks had a frame for [`Clock::GAP`] or more.
pub(in crate::flow) fn gaps<'a>(clocks: impl Iterator<Item = &'a Clock>) -> Vec<TimeSlot> {
    let mut heard = Heard::NOTHING;
    clocks.for_each(|clock| heard.extend(&clock.heard));
    heard.gaps()
}
