//! What the clocks of an input did, and the effective time that they give each frame.
//!
//! The effective time is the written one, but for frames without one and where a clock was set back. What was set, and what
//! only looks so, is told apart by position, interface and what follows; docs/relations.md has the rules as a table.

mod heard;
mod parts;
#[cfg(test)]
mod tests;

pub(super) use heard::gaps;
use heard::{Heard, TimeSlot};

use arrayvec::ArrayVec;

use crate::capture::Timestamp;

/// What the clocks of one input did, by position in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Steps backward.
    pub backward_steps: u64,
    /// The longest of them, in nanoseconds.
    pub longest_backward: u64,
    /// The longest step forward, in nanoseconds.
    pub longest_forward: u64,
    /// Frames without a time.
    pub untimed: u64,
    /// How often it began anew, with an interface or a capture that was written behind another.
    pub beginnings: u32,
    /// When frames were captured, but for those in `at.stretch` and before excursions.
    heard: Heard,
    /// The time of the first frame that has one.
    first: Timestamp,
    /// Whether a frame without a time stands before it.
    begins_untimed: bool,
    /// Where it stands behind the last frame.
    at: ClockState,
}

/// All that the effective time of the next frame depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct ClockState {
    /// The last time that was written.
    last: Timestamp,
    /// The times since the last long step; the latest as far as it was not the last.
    stretch: TimeSlot,
    /// By how many nanoseconds effective times are later than written ones now.
    moved: i64,
    /// A step forward of fewer nanoseconds is like most: nothing is to be noted of it, and effective times are those that
    /// are written. 0 where there is none.
    usual: u64,
    /// The interface of the last frame.
    interface: u32,
    /// Every interface so far, by number; what `last` and `moved` say holds for the last frame's.
    interfaces: Vec<Interface>,
    /// The time with which the input, or what is appended to it, began.
    begun: Timestamp,
    /// The latest time since then, up to the last long step.
    reached: Timestamp,
    /// Steps of the last few frames, which may be of them alone; each may lie within the one before it.
    excursions: ArrayVec<TransientStep, 4>,
    /// Frames before this part, where it knows of them.
    before: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interface {
    number: u32,
    first: Timestamp,
    last: Timestamp,
    moved: i64,
}

impl Interface {
    const fn effective(&self) -> i64 {
        self.last.raw().saturating_add(self.moved)
    }
}

impl ClockState {
    /// The stretch of time that the last frame is of.
    fn current(&self) -> TimeSlot {
        (self.stretch.0, self.stretch.1.max(self.last))
    }
}

/// A step that may be of a few frames only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct TransientStep {
    /// The time before it.
    before: i64,
    /// The time that it led to.
    to: i64,
    /// How times were moved before it.
    moved: i64,
    /// The times before it, since another such step.
    stretch: TimeSlot,
    /// The number of its first frame.
    frame: i64,
}

impl TransientStep {
    /// So many frames in a row may be wrong.
    const LONGEST: i64 = 16;

    fn is_recent(&self, frame: i64) -> bool {
        frame.saturating_sub(self.frame) <= Self::LONGEST
    }

    const fn is_forward(&self) -> bool {
        self.to > self.before
    }

    /// Whether a frame has the time that it would have without it. Behind a single wrong frame time has gone on by no more
    /// than half of the step, behind several by no more than an eighth.
    fn ends_at(&self, now: i64, frame: i64) -> bool {
        let part = if frame.saturating_sub(self.frame) <= 1 { 2 } else { 8 };
        self.is_recent(frame)
            && is_behind(now, self.before)
            && now.abs_diff(self.before).saturating_mul(part) <= self.to.abs_diff(self.before)
    }
}

/// Whether a time lies behind another, or before it by what is disorder only.
fn is_behind(now: i64, before: i64) -> bool {
    now >= before || now.abs_diff(before) < Clock::STEP
}

impl Clock {
    /// Of no frame.
    pub(super) const STOPPED: Self = Self {
        backward_steps: 0,
        longest_backward: 0,
        longest_forward: 0,
        untimed: 0,
        beginnings: 0,
        heard: Heard::NOTHING,
        first: Timestamp::UNKNOWN,
        begins_untimed: false,
        at: ClockState {
            last: Timestamp::UNKNOWN,
            stretch: (Timestamp::UNKNOWN, Timestamp::UNKNOWN),
            moved: 0,
            usual: 0,
            interface: u32::MAX,
            interfaces: Vec::new(),
            begun: Timestamp::UNKNOWN,
            reached: Timestamp::UNKNOWN,
            excursions: ArrayVec::new_const(),
            before: None,
        },
    };
    /// Nanoseconds of a step backward that is a clock set, not frames out of order.
    pub const STEP: u64 = 1_000_000_000;
    /// Nanoseconds without a frame that are told: on a network that lives, 10 minutes of silence are a gap.
    pub const GAP: u64 = 600_000_000_000;
    /// What begins anew after so many beginnings is taken for a clock that was set.
    const MOST_BEGINNINGS: u32 = 1024;
    /// A time before it is of a clock that began at 0.
    const A_YEAR: i64 = 365 * 24 * 3600 * 1_000_000_000;
    /// Nanoseconds of a step forward behind which a capture begins as if nothing had been before.
    const LONGEST_PAUSE: u64 = 7 * 24 * 3600 * 1_000_000_000;
    /// So many interfaces are told apart; all others are one.
    const MOST_INTERFACES: u32 = 4096;
    /// Clocks of one capture that take turns differ by less, in nanoseconds.
    const NOT_TWO_CLOCKS: u64 = 10_000_000_000;
    /// A capture of so many nanoseconds or more may have another one appended that begins at the same time.
    const APPENDED_TO: u64 = 10_000_000_000;
    /// At the same time is within an eighth of what the first one lasted, and within so many nanoseconds.
    const APPENDED_WITHIN: u64 = 300_000_000_000;

    /// Earliest time, or unknown.
    pub fn earliest(&self) -> Timestamp {
        self.all_heard().earliest()
    }

    /// Latest time, or unknown.
    pub fn latest(&self) -> Timestamp {
        self.all_heard().latest()
    }

    /// When frames were captured, with what was not written down yet.
    fn all_heard(&self) -> Heard {
        let mut heard = self.heard.clone();
        let before = self.at.excursions.iter().map(|excursion| excursion.stretch);
        before.chain([self.at.current()]).for_each(|stretch| heard.add(stretch));
        heard
    }

    /// Takes the time of a frame, the `frame`th of this part (from 1), and gives its effective one.
    #[inline(always)]
    pub fn take(&mut self, time: Timestamp, interface: u32, frame: u64) -> Timestamp {
        let ClockState { last, usual, interface: same, .. } = &mut self.at;
        if interface == *same && time >= *last && time.raw().abs_diff(last.raw()) < *usual {
            *last = time;
            return time;
        }
        self.step(time, interface.min(Self::MOST_INTERFACES), as_i64(frame))
    }

    /// Takes the time of a frame of which something may be to be noted.
    #[inline(never)]
    fn step(&mut self, time: Timestamp, interface: u32, frame: i64) -> Timestamp {
        let Some(now) = time.nanos().filter(|_| !self.is_no_time(time)) else {
            self.untimed += 1;
            self.begins_untimed |= self.first == Timestamp::UNKNOWN;
            return self.effective();
        };
        let frame = self.at.before.unwrap_or(0).saturating_add(frame);
        let own = self.enter(interface, time);
        match self.at.last.nanos() {
            None => self.begin(time),
            // A clock that began at 0 was set, or its first frames had no time.
            Some(before) if (0..Self::A_YEAR).contains(&before) && now >= Self::A_YEAR && self.at.moved == 0 => {
                self.begin_anew(time);
            }
            Some(before) => self.go((before, now), own, frame),
        }
        if self.first == Timestamp::UNKNOWN {
            self.first = time;
        }
        self.note_usual();
        self.effective()
    }

    /// Whether a time is written where a format has no word for none: 0 among times of a day, or seconds of ones only.
    pub(super) fn is_no_time(&self, time: Timestamp) -> bool {
        let is_of_a_day = self.at.last.raw() >= Self::A_YEAR;
        time.raw() == 0 && is_of_a_day || time.raw() / 1_000_000_000 == i64::from(u32::MAX)
    }

    fn note_usual(&mut self) {
        let is_usual = self.at.moved == 0 && self.at.last != Timestamp::UNKNOWN;
        self.at.usual = if is_usual { self.longest_forward.min(Self::STEP - 1) + 1 } else { 0 };
    }

    /// The effective time of the last frame.
    fn effective(&self) -> Timestamp {
        match self.at.last.nanos() {
            Some(last) => Timestamp::from_nanos(last.saturating_add(self.at.moved)),
            None => Timestamp::UNKNOWN,
        }
    }

    fn begin(&mut self, time: Timestamp) {
        (self.at.begun, self.at.reached) = (time, Timestamp::UNKNOWN);
        (self.at.stretch, self.at.last, self.at.moved) = ((time, time), time, 0);
    }

    /// Where the interface of a frame stood before it.
    fn enter(&mut self, interface: u32, time: Timestamp) -> Option<Interface> {
        self.leave();
        self.at.interface = interface;
        let list = &mut self.at.interfaces;
        match list.binary_search_by_key(&interface, |known| known.number) {
            Ok(at) => Some(list[at]),
            Err(at) => {
                list.insert(at, Interface { number: interface, first: time, last: time, moved: 0 });
                None
            }
        }
    }

    /// Writes down where the interface of the last frame stands.
    fn leave(&mut self) {
        let ClockState { last, moved, interface, interfaces, .. } = &mut self.at;
        if let Ok(at) = interfaces.binary_search_by_key(interface, |known| known.number) {
            (interfaces[at].last, interfaces[at].moved) = (*last, *moved);
        }
    }

    /// Goes from the time of the last frame to that of the next, whose interface stood at `own` if it had a frame before. The
    /// arms below are the rows of the table in docs/relations.md.
    fn go(&mut self, (before, now): (i64, i64), own: Option<Interface>, frame: i64) {
        let (time, step, is_back) = (Timestamp::from_nanos(now), now.abs_diff(before), now < before);
        let is_long = step >= Self::STEP;
        let goes_on = !(is_back && is_long);
        // Another interface than that of the frame before, which goes on where it stood.
        let turns = own.is_some_and(|own| own.last.raw() != before && is_behind(now, own.last.raw()));
        let ends = |excursion: &TransientStep| is_back == excursion.is_forward() && excursion.ends_at(now, frame);
        // The first frame of an interface that steps back begins something else.
        let may_end = is_long && (own.is_some() || !is_back);
        if let Some(at) = self.at.excursions.iter().rposition(ends).filter(|_| may_end) {
            if is_back && turns {
                self.hear(time);
            } else if is_back {
                self.note_back(step);
            }
            return self.end_excursion(at, time);
        }
        if is_back {
            self.at.reached = self.at.reached.max(self.at.last);
        }
        let effective = now.saturating_add(self.at.moved);
        let may_begin = self.beginnings < Self::MOST_BEGINNINGS;
        match own {
            None if goes_on && (self.at.moved == 0 || !self.may_be_appended(now)) => {}
            Some(own) if goes_on && is_behind(effective, own.effective()) => {}
            // It goes on where it stood itself.
            Some(own) if is_behind(now, own.last.raw()) => self.at.moved = own.moved,
            // Written behind another interface, or another section.
            None if may_begin && !self.is_long_ago(now) => {
                self.beginnings += 1;
                return self.begin_anew(time);
            }
            // Appended to a capture of the same time.
            Some(_) if may_begin && self.may_be_appended(now) => {
                self.note_back(step);
                self.beginnings += 1;
                // What follows of the other interfaces is of the same capture.
                let ClockState { interface, interfaces, .. } = &mut self.at;
                interfaces.retain(|known| known.number == *interface);
                return self.begin_anew(time);
            }
            // Behind a first frame with a wrong time.
            Some(_) if frame == 2 && step >= Self::NOT_TWO_CLOCKS => {
                self.note_back(step);
                return self.begin(time);
            }
            own => return self.set_back(own, time, frame),
        }
        if !is_back {
            self.go_forward(time, step, frame);
        } else if goes_on {
            self.note_back(step);
            self.at.stretch = (self.at.stretch.0.min(time), self.at.current().1);
        } else {
            self.hear(time);
        }
        self.at.last = time;
    }

    fn go_forward(&mut self, time: Timestamp, step: u64, frame: i64) {
        self.longest_forward = self.longest_forward.max(step);
        if step >= Self::STEP {
            self.note_excursion(time, frame);
        }
        if step >= Self::LONGEST_PAUSE {
            (self.at.begun, self.at.reached) = (time, Timestamp::UNKNOWN);
        }
    }

    /// Writes down when frames were captured, until the last; another stretch of time begins.
    fn hear(&mut self, next: Timestamp) {
        self.heard.add(self.at.current());
        self.at.stretch = (next, next);
    }

    fn note_back(&mut self, step: u64) {
        self.backward_steps += 1;
        self.longest_backward = self.longest_backward.max(step);
    }

    /// The clock was set: what follows keeps the order of its positions.
    fn set_back(&mut self, own: Option<Interface>, time: Timestamp, frame: i64) {
        let (last, effective) = (self.at.last.raw(), self.effective().raw());
        let (last, effective) =
            own.map_or((last, effective), |own| (last.max(own.last.raw()), effective.max(own.effective())));
        self.note_back(last.abs_diff(time.raw()));
        self.note_excursion(time, frame);
        (self.at.last, self.at.moved) = (time, effective.saturating_sub(time.raw()));
    }

    /// A step that may be of a few frames only: what was captured before it is written down when that is no more possible.
    fn note_excursion(&mut self, time: Timestamp, frame: i64) {
        let (before, to, moved) = (self.at.last.raw(), time.raw(), self.at.moved);
        let stretch = self.at.current();
        self.push_excursion(TransientStep { before, to, moved, stretch, frame });
        self.at.stretch = (time, time);
    }

    fn push_excursion(&mut self, excursion: TransientStep) {
        let Self { heard, at: ClockState { excursions, .. }, .. } = self;
        excursions.retain(|known| {
            let is_recent = known.is_recent(excursion.frame);
            if !is_recent {
                heard.add(known.stretch);
            }
            is_recent
        });
        if excursions.is_full() {
            // The shortest says least.
            let length = |at: &usize| excursions[*at].to.abs_diff(excursions[*at].before);
            let shortest = (0..excursions.len()).min_by_key(length).unwrap_or(0);
            heard.add(excursions.remove(shortest).stretch);
        }
        excursions.push(excursion);
    }

    /// Time goes on as if the frames of an excursion, and of those within it, were not there.
    fn end_excursion(&mut self, at: usize, time: Timestamp) {
        let TransientStep { to, moved, stretch, .. } = self.at.excursions[at];
        self.at.excursions.truncate(at);
        self.at.stretch = (stretch.0.min(time), stretch.1);
        (self.at.last, self.at.moved) = (time, moved);
        for interface in self.at.interfaces.iter_mut().filter(|interface| interface.last.raw() >= to) {
            interface.last = interface.last.min(time);
        }
    }

    /// Whether a frame may be the first of another capture of the same time: the other direction, another port.
    fn may_be_appended(&self, now: i64) -> bool {
        let begun = self.at.begun.raw();
        let lasted = self.at.reached.max(self.at.last).raw().max(begun).abs_diff(begun);
        lasted >= Self::APPENDED_TO && now.abs_diff(begun) <= (lasted / 8).clamp(Self::STEP, Self::APPENDED_WITHIN)
    }

    /// Whether a time lies so long before all that followed without such a pause that it is of a clock that was set.
    fn is_long_ago(&self, now: i64) -> bool {
        let begun = self.at.begun.raw();
        now < begun && now.abs_diff(begun) >= Self::LONGEST_PAUSE
    }

    /// Times are those that are written, whatever came before.
    fn begin_anew(&mut self, time: Timestamp) {
        self.heard = self.all_heard();
        self.at.excursions.clear();
        self.begin(time);
    }

    /// No frame follows: puts what was heard in order, and forgets what only the next one would need.
    pub(super) fn close(&mut self) {
        self.heard = self.all_heard();
        self.heard.keep_longest_gaps();
        let ClockState { last, moved, .. } = self.at;
        (self.at, self.begins_untimed) = (ClockState { last, moved, ..Self::STOPPED.at }, false);
    }
}

/// A number of frames that numbers can be added to.
fn as_i64(frames: u64) -> i64 {
    i64::try_from(frames).unwrap_or(i64::MAX >> 1)
}

impl Default for Clock {
    fn default() -> Self {
        Self::STOPPED
    }
}
