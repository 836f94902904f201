//! When one sender was heard: for how long it was active, and its pauses.

use std::cmp::Reverse;

use super::{Gap, Histogram};
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored, stored};

/// Nanoseconds from which on a gap between two packets is a pause.
pub(super) const SECOND: u64 = 1_000_000_000;
/// Pauses that are kept with their times.
const MOST_PAUSES: usize = 16;

/// A time without a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Of the packet before it.
    pub start: Timestamp,
    /// Of the packet behind it.
    pub end: Timestamp,
}

stored!(Pause { start, end });

impl Pause {
    /// Nanoseconds.
    pub fn length(&self) -> u64 {
        if self.end > self.start { self.end.raw().abs_diff(self.start.raw()) } else { 0 }
    }

    /// Whether a part of it is as good as all of it: four fifths or more.
    pub fn is_filled_by(&self, part: u64) -> bool {
        part.saturating_mul(5) >= self.length().saturating_mul(4)
    }

    /// What both have in common.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The longest stand first, of those as long the earliest.
    fn order(&self) -> (Reverse<u64>, Timestamp) {
        (Reverse(self.length()), self.start)
    }
}

/// The pauses of a sender.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Pauses {
    /// The one that begins less than a second behind the first packet: of what came before, packets may have been late and
    /// lie in it.
    first: Option<Pause>,
    /// The longest others, in the order of [`Pause::order`].
    longest: Vec<Pause>,
    /// All that are shorter than those.
    shorter: Histogram,
}

impl Pauses {
    fn keep(&mut self, pause: Pause) {
        // Most are shorter than those that are kept.
        if self.longest.len() == MOST_PAUSES && self.longest.last().is_some_and(|last| pause.length() < last.length()) {
            return self.shorter.add(pause.length());
        }
        let at = self.longest.partition_point(|held| held.order() < pause.order());
        if at < MOST_PAUSES {
            self.longest.insert(at, pause);
        } else {
            self.shorter.add(pause.length());
        }
        if self.longest.len() > MOST_PAUSES
            && let Some(shortest) = self.longest.pop()
        {
            self.shorter.add(shortest.length());
        }
    }
}

/// When one sender, or everyone, was heard.
///
/// It adds exactly where what is added came later, but for frames that are out of order by less than a second. Time never
/// goes back: a packet that is earlier than one before it adds nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rhythm {
    /// Of the first packet, and the latest time.
    span: [Timestamp; 2],
    /// Nanoseconds: the sum of all gaps that are no pauses.
    active: u64,
    /// The inputs of the first and the last packet.
    inputs: [u32; 2],
    /// Whether two inputs told of the same time: then nothing can be told, whatever is added.
    pub(super) is_mixed: bool,
    pauses: Option<Box<Pauses>>,
}

impl Rhythm {
    pub(super) fn new(input: u32, time: Timestamp) -> Self {
        Self { span: [time; 2], active: 0, inputs: [input; 2], is_mixed: false, pauses: None }
    }

    /// Takes the time of a packet.
    #[inline]
    pub(super) fn hear(&mut self, time: Timestamp) {
        if time > self.span[1] {
            let gap = Pause { start: self.span[1], end: time };
            self.span[1] = time;
            if gap.length() < SECOND {
                self.active = self.active.saturating_add(gap.length());
            } else {
                self.pause(gap);
            }
        }
    }

    /// Takes that it was heard until a time, never a second apart.
    pub(super) fn go_on(&mut self, last: Timestamp) {
        if last > self.span[1] {
            let length = Pause { start: self.span[1], end: last }.length();
            self.active = self.active.saturating_add(length);
            self.span[1] = last;
        }
    }

    fn pause(&mut self, pause: Pause) {
        let is_first = Pause { start: self.span[0], end: pause.start }.length() < SECOND;
        let pauses = self.pauses.get_or_insert_default();
        match &mut pauses.first {
            first @ None if is_first => *first = Some(pause),
            _ => pauses.keep(pause),
        }
    }

    /// Adds what was heard later.
    pub(super) fn absorb(&mut self, other: &Self) {
        let (last, begin) = (self.span[1], other.span[0]);
        self.is_mixed |= other.is_mixed || self.inputs[1] != other.inputs[0] && begin < last;
        self.inputs[1] = other.inputs[1];
        if other.span[1] <= last {
            return;
        }
        let mut first = other.pauses.as_ref().and_then(|pauses| pauses.first);
        let mut active = other.active;
        if begin >= last {
            self.hear(begin);
        } else if let Some(pause) = first.take_if(|pause| pause.start <= last) {
            // Of the pause, only what lies behind the last packet here is one.
            active = active.saturating_sub(Pause { start: begin, end: pause.start }.length());
            self.hear(pause.end);
        } else {
            active = active.saturating_sub(Pause { start: begin, end: last }.length());
        }
        self.active = self.active.saturating_add(active);
        self.span[1] = other.span[1];
        first.into_iter().for_each(|pause| self.pause(pause));
        if let Some(theirs) = &other.pauses {
            theirs.longest.iter().filter(|pause| pause.start >= last).for_each(|pause| self.pause(*pause));
            if theirs.shorter.count() > 0 {
                self.pauses.get_or_insert_default().shorter.absorb(&theirs.shorter);
            }
        }
        self.active = self.active.min(self.length());
    }

    /// Nothing came before it.
    pub(super) fn settle(&mut self) {
        if let Some(pauses) = &mut self.pauses
            && let Some(first) = pauses.first.take()
        {
            pauses.keep(first);
        }
        self.pauses = self.pauses.take().filter(|pauses| !pauses.longest.is_empty());
    }

    /// When its first packet came.
    pub const fn first(&self) -> Timestamp {
        self.span[0]
    }

    /// When its last packet came.
    pub const fn last(&self) -> Timestamp {
        self.span[1]
    }

    fn length(&self) -> u64 {
        Pause { start: self.span[0], end: self.span[1] }.length()
    }

    /// Its longest pauses, longest first: all, or sixteen.
    pub fn longest(&self) -> &[Pause] {
        self.pauses.as_ref().map_or(&[], |pauses| &pauses.longest)
    }

    /// The longest of the pauses that are not among those.
    pub fn longest_other(&self) -> Option<u64> {
        self.pauses.as_ref()?.shorter.most()
    }

    /// Its gaps, longest first, where its longest pauses are these: one of a second stands for each second in which it was
    /// active. Of the pauses that are not among those, `others_in_vain` says whether it was asked in them.
    pub fn gaps(&self, longest: impl Iterator<Item = Gap>, others_in_vain: bool) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = longest.collect();
        if let Some(pauses) = &self.pauses {
            let others = pauses.shorter.bars();
            gaps.extend(others.map(|(length, count)| Gap {
                length: length.max(SECOND),
                count: count.into(),
                in_vain: others_in_vain,
            }));
        }
        gaps.push(Gap { length: SECOND, count: self.active / SECOND, in_vain: false });
        gaps.sort_unstable_by_key(|gap| Reverse(*gap));
        gaps
    }

    /// The longest part of a time in which it is known that it was not heard.
    pub fn unheard(&self, within: &Pause) -> Option<Pause> {
        let before = Pause { start: within.start, end: self.span[0].min(within.end) };
        let after = Pause { start: self.span[1].max(within.start), end: within.end };
        let pauses = self.longest().iter().map(|pause| pause.common(within));
        pauses.chain([before, after]).filter(|part| part.length() > 0).min_by_key(Pause::order)
    }
}

impl Stored for Rhythm {
    fn store(&self, to: &mut Vec<u8>) {
        self.span.store(to);
        self.active.store(to);
        self.pauses.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (span, active, pauses): ([Timestamp; 2], _, Option<Box<Pauses>>) = from.get()?;
        let rhythm = Self { span, active, inputs: [from.input; 2], is_mixed: false, pauses };
        let is_sound = span[0] != Timestamp::UNKNOWN && span[0] <= span[1] && active <= rhythm.length();
        from.expect(is_sound, "a sender was active for longer than it was there")?;
        let pauses = rhythm.pauses.iter().flat_map(|pauses| pauses.first.iter().chain(&pauses.longest));
        let is_within = |pause: &Pause| pause.start >= span[0] && pause.end <= span[1] && pause.length() >= SECOND;
        let mut pauses: Vec<Pause> = pauses.copied().collect();
        pauses.sort_unstable_by_key(|pause| pause.start);
        let is_apart = |two: &[Pause]| two[0].end <= two[1].start;
        let are_sound = pauses.iter().all(is_within) && pauses.windows(2).all(is_apart);
        from.expect(are_sound, "a pause is not one of its sender")?;
        Ok(rhythm)
    }
}

stored!(Pauses { first, longest: list(MOST_PAUSES, "a sender has too many pauses"), shorter }
    where |pauses| pauses.longest.windows(2).all(|two| two[0].order() < two[1].order()) => "pauses are not in their order");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEGIN: i64 = 1_700_000_000_000_000_000;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(BEGIN + nanos)
    }

    fn of(times: &[i64]) -> Option<Rhythm> {
        let (first, rest) = times.split_first()?;
        let mut rhythm = Rhythm::new(0, at(*first));
        rest.iter().for_each(|time| rhythm.hear(at(*time)));
        Some(rhythm)
    }

    fn settled(mut rhythm: Rhythm) -> Rhythm {
        rhythm.settle();
        rhythm
    }

    /// Steps forward of up to three seconds, and how much a frame is late.
    fn times() -> impl Strategy<Value = Vec<i64>> {
        let step = (prop_oneof![0..1_500_000_000_i64, 0..3_000_000_000_i64, Just(0)], 0..900_000_000_i64);
        prop::collection::vec(step, 1..80).prop_map(|steps| {
            let mut now = 1_000_000_000;
            let late = |(step, late)| {
                now += step;
                now - late
            };
            steps.into_iter().map(late).collect()
        })
    }

    proptest! {
        /// Also where frames are out of order at the cut, in any grouping.
        #[test]
        fn parts_add_up(times in times(), cuts in (0..80_usize, 0..80_usize)) {
            let whole = settled(of(&times).unwrap());
            let (a, b) = (cuts.0.min(cuts.1).min(times.len()), cuts.0.max(cuts.1).min(times.len()));
            let parts: Vec<Rhythm> = [&times[..a], &times[a..b], &times[b..]].into_iter().filter_map(of).collect();
            let sum = |parts: &[Rhythm]| parts.iter().cloned().reduce(|mut sum, part| {
                sum.absorb(&part);
                sum
            });
            prop_assert_eq!(&settled(sum(&parts).unwrap()), &whole);
            let mut right = parts[0].clone();
            sum(&parts[1..]).iter().for_each(|rest| right.absorb(rest));
            prop_assert_eq!(&settled(right), &whole);
        }

        /// What it holds is what a list of all times tells.
        #[test]
        fn it_is_what_all_times_tell(times in times()) {
            let rhythm = settled(of(&times).unwrap());
            // What is late adds nothing: those count that are later than all before them.
            let is_latest = |at: &usize| times[..*at].iter().all(|before| *before < times[*at]);
            let latest: Vec<i64> = (0..times.len()).filter(is_latest).map(|at| times[at]).collect();
            let mut gaps: Vec<(u64, i64)> = latest.windows(2).map(|two| ((two[1] - two[0]) as u64, two[0])).collect();
            let active: u64 = gaps.iter().map(|gap| gap.0).filter(|gap| *gap < SECOND).sum();
            gaps.retain(|gap| gap.0 >= SECOND);
            gaps.sort_by_key(|(length, start)| (Reverse(*length), *start));
            prop_assert_eq!(rhythm.active, active);
            let longest: Vec<(u64, i64)> =
                rhythm.longest().iter().map(|pause| (pause.length(), pause.start.raw() - BEGIN)).collect();
            prop_assert_eq!(&longest[..], &gaps[..gaps.len().min(MOST_PAUSES)]);
        }

        #[test]
        fn what_is_stored_is_loaded(times in times()) {
            let rhythm = of(&times).unwrap();
            let mut bytes = Vec::new();
            rhythm.store(&mut bytes);
            prop_assert_eq!(Load::of_head(bytes).get::<Rhythm>().unwrap(), rhythm);
        }
    }

    #[test]
    fn what_cannot_be_is_not_loaded() {
        let second = SECOND as i64;
        let pause = |from: i64, to: i64| Pause { start: at(from * second), end: at(to * second) };
        let longest = |longest: Vec<Pause>| Pauses { longest, ..Pauses::default() };
        let loads = |span: [i64; 2], active: u64, pauses: Pauses| {
            let mut bytes = Vec::new();
            (span.map(|time| at(time * second)), active * SECOND, Some(Box::new(pauses))).store(&mut bytes);
            Load::of_head(bytes).get::<Rhythm>().is_ok()
        };
        let two = vec![pause(10, 20), pause(30, 35)];
        assert!(loads([0, 100], 85, longest(two.clone())));
        assert!(!loads([100, 0], 0, longest(Vec::new())), "it ends before it begins");
        assert!(!loads([0, 100], 101, longest(Vec::new())), "active for longer than it was there");
        assert!(!loads([11, 100], 0, longest(two.clone())), "a pause before it began");
        assert!(!loads([0, 34], 0, longest(two.clone())), "a pause after it ended");
        assert!(!loads([0, 100], 0, longest(two.into_iter().rev().collect())), "not in their order");
        assert!(!loads([0, 100], 0, longest(vec![pause(10, 20); 2])), "one of them twice");
        assert!(!loads([0, 100], 0, longest(vec![pause(20, 10)])), "a pause that ends before it begins");
        assert!(!loads([0, 100], 0, longest((0..17).map(|at| pause(at * 2, at * 2 + 1)).collect())), "too many");
        assert!(!loads([0, 100], 0, Pauses { first: Some(pause(99, 101)), ..Pauses::default() }));
        let mut unknown = Vec::new();
        ([Timestamp::UNKNOWN; 2], 0_u64, None::<Box<Pauses>>).store(&mut unknown);
        assert!(Load::of_head(unknown).get::<Rhythm>().is_err());
    }

    #[test]
    fn parts_of_two_inputs_that_overlap_are_dropped_for_good() {
        let second = SECOND as i64;
        let of = |input, from: i64, to: i64| {
            let mut rhythm = Rhythm::new(input, at(from * second));
            rhythm.hear(at(to * second));
            rhythm
        };
        let mut sum = of(0, 0, 10);
        sum.absorb(&of(1, 10, 20));
        assert!(!sum.is_mixed);
        sum.absorb(&of(2, 19, 30));
        assert!(sum.is_mixed);
        sum.absorb(&of(3, 40, 50));
        assert!(sum.is_mixed);
    }

    #[test]
    fn the_longest_unheard_part_is_found() {
        let second = SECOND as i64;
        let rhythm = settled(of(&[10, 20, 21, 50].map(|time| time * second)).unwrap());
        let part = |from: i64, to: i64| Pause { start: at(from * second), end: at(to * second) };
        assert_eq!(rhythm.unheard(&part(0, 5)), Some(part(0, 5)), "before it began");
        assert_eq!(rhythm.unheard(&part(15, 30)), Some(part(21, 30)));
        assert_eq!(rhythm.unheard(&part(40, 90)), Some(part(50, 90)), "after it ended");
        assert_eq!(rhythm.unheard(&part(25, 25)), None);
    }
}
