//! What the clocks of an input did, and the effective time that they give each frame.
//!
//! The effective time is the written one, but for frames without one and where a clock was set back. What was set, and what
//! only looks so, is told apart by position, interface and what follows:
//!
//! - A step back of less than a second is disorder: frames of two queues, whose times tell the order.
//! - An interface that begins earlier than where another ended was written behind it; so was a capture that begins again
//!   where this one began. Both keep their times.
//! - A few frames after which time goes on as if they were not there have a wrong time themselves.
//! - Any other step back is a clock that was set: all that follows is moved so that order goes on.

mod heard;
#[cfg(test)]
mod tests;

use heard::Heard;
pub use heard::{Stretch, gaps};

use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored, store_list};

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
    /// When frames were captured, but for the last that follow one another.
    heard: Heard,
    /// The time of the first frame that has one.
    first: Timestamp,
    /// Whether a frame without a time stands before it.
    begins_untimed: bool,
    /// Where it stands behind the last frame.
    at: Standing,
}

/// All that the effective time of the next frame hangs on.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Standing {
    /// The last time that was written.
    last: Timestamp,
    /// From where on time only went forward, by less than a second at once.
    since: Timestamp,
    /// What effective times are later than the written ones by now, in nanoseconds.
    moved: i64,
    /// A step forward of fewer nanoseconds is like most: nothing is to be noted of it, and effective times are those that
    /// are written. 0 where there is none.
    usual: u64,
    /// The interface of the last frame.
    interface: u32,
    /// All of them, by number; where the last frame's stands is said above.
    interfaces: Vec<Interface>,
    /// The time with which the input, or what is appended to it, began.
    begun: Timestamp,
    /// The latest time behind that, before time went back.
    reached: Timestamp,
    excursion: Option<Excursion>,
    /// Whether frames came before this part.
    is_continued: bool,
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

/// A step that may be of a few frames only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Excursion {
    /// The time before it.
    before: i64,
    /// The time that it led to.
    to: i64,
    /// How times were moved before it.
    moved: i64,
    /// The number of its first frame in this part.
    frame: i64,
}

impl Excursion {
    /// So many frames in a row may be wrong.
    const LONGEST: i64 = 16;
    /// Behind it time has gone on by no more than this part of the step.
    const CLOSE: u64 = 8;

    /// Whether a frame has the time that it would have without it.
    fn ends_at(&self, now: i64, frame: i64) -> bool {
        frame - self.frame <= Self::LONGEST
            && is_behind(now, self.before)
            && now.abs_diff(self.before).saturating_mul(Self::CLOSE) <= self.to.abs_diff(self.before)
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
        at: Standing {
            last: Timestamp::UNKNOWN,
            since: Timestamp::UNKNOWN,
            moved: 0,
            usual: 0,
            interface: u32::MAX,
            interfaces: Vec::new(),
            begun: Timestamp::UNKNOWN,
            reached: Timestamp::UNKNOWN,
            excursion: None,
            is_continued: false,
        },
    };
    /// Nanoseconds of a step backward that is a clock set, not frames out of order.
    pub const STEP: u64 = 1_000_000_000;
    /// Nanoseconds without a frame that are told: on a network that lives, 10 minutes of silence are a gap.
    pub const GAP: u64 = 600_000_000_000;
    /// What begins anew after so many beginnings is taken for a clock that was set.
    const MOST_BEGINNINGS: u32 = 1024;
    /// Nanoseconds in which no computer runs from the time 0 to the first frame.
    const A_YEAR: i64 = 365 * 24 * 3600 * 1_000_000_000;
    /// So many interfaces are told apart; all others are one.
    const MOST_INTERFACES: u32 = 4096;
    /// A capture of so many nanoseconds or more may have another one appended that begins at the same time, within one
    /// part in a hundred of what it lasted.
    const APPENDED_TO: u64 = 10_000_000_000;

    /// Earliest time, or unknown.
    pub fn earliest(&self) -> Timestamp {
        self.heard.earliest().earlier(self.at.since)
    }

    /// Latest time, or unknown.
    pub fn latest(&self) -> Timestamp {
        self.heard.latest().max(self.at.last)
    }

    /// Takes the time of a frame, the `frame`th of this part (from 1), and gives its effective one.
    #[inline(always)]
    pub fn take(&mut self, time: Timestamp, interface: u32, frame: u64) -> Timestamp {
        let Standing { last, usual, interface: same, .. } = &mut self.at;
        if interface == *same && time >= *last && time.raw().abs_diff(last.raw()) < *usual {
            *last = time;
            return time;
        }
        self.step(time, interface.min(Self::MOST_INTERFACES), i64::try_from(frame).unwrap_or(i64::MAX))
    }

    /// Takes the time of a frame of which something may be to be noted.
    #[inline(never)]
    fn step(&mut self, time: Timestamp, interface: u32, frame: i64) -> Timestamp {
        let Some(now) = time.nanos().filter(|now| *now != 0 || !self.is_of_a_day()) else {
            self.untimed += 1;
            self.begins_untimed |= self.first == Timestamp::UNKNOWN;
            return self.effective();
        };
        let own = self.enter(interface, time);
        match self.at.last.nanos() {
            None => self.begin(time),
            // What began without times.
            Some(0) if now >= Self::A_YEAR => self.begin_anew(time),
            Some(before) => self.go((before, now), own, frame),
        }
        if self.first == Timestamp::UNKNOWN {
            self.first = time;
        }
        self.note_usual();
        self.effective()
    }

    /// Whether times are those of a day, and not of a clock that began at 0: then the time 0 is none.
    fn is_of_a_day(&self) -> bool {
        self.at.last.nanos().is_some_and(|last| last >= Self::A_YEAR)
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
        (self.at.since, self.at.last, self.at.moved) = (time, time, 0);
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
        let Standing { last, moved, interface, interfaces, .. } = &mut self.at;
        if let Ok(at) = interfaces.binary_search_by_key(interface, |known| known.number) {
            (interfaces[at].last, interfaces[at].moved) = (*last, *moved);
        }
    }

    fn go(&mut self, (before, now): (i64, i64), own: Option<Interface>, frame: i64) {
        let (time, step, is_back) = (Timestamp::from_nanos(now), now.abs_diff(before), now < before);
        let is_long = step >= Self::STEP;
        let ends = |excursion: &Excursion| {
            is_long
                && is_back == (excursion.to > excursion.before)
                && (own.is_some() || !is_back)
                && excursion.ends_at(now, frame)
        };
        if let Some(excursion) = self.at.excursion.filter(ends) {
            if is_back {
                self.note_back(step);
            }
            return self.end_excursion(excursion, time);
        }
        if is_back {
            self.hear(time);
        }
        let goes_on = !(is_back && is_long);
        let effective = now.saturating_add(self.at.moved);
        match own {
            None if goes_on => {}
            Some(own) if goes_on && is_behind(effective, own.effective()) => {}
            // It goes on where it stood itself.
            Some(own) if is_behind(now, own.last.raw()) => self.at.moved = own.moved,
            _ if self.beginnings < Self::MOST_BEGINNINGS && (own.is_none() || self.is_appended(now)) => {
                if own.is_some() {
                    self.note_back(step);
                }
                return self.begin_anew(time);
            }
            own => return self.set_back(own, time, frame),
        }
        if goes_on && is_back {
            self.note_back(step);
        }
        if !is_back {
            self.go_forward(time, step, frame);
        }
        self.at.last = time;
    }

    fn go_forward(&mut self, time: Timestamp, step: u64, frame: i64) {
        self.longest_forward = self.longest_forward.max(step);
        if step >= Self::STEP {
            self.set_out(time, frame);
        }
    }

    /// Writes down when frames were captured, until the last, behind which times go on from another one.
    fn hear(&mut self, next: Timestamp) {
        let Standing { since, last, reached, .. } = &mut self.at;
        self.heard.add((*since, *last));
        (*since, *reached) = (next, (*last).max(*reached));
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
        self.set_out(time, frame);
        (self.at.last, self.at.moved) = (time, effective.saturating_sub(time.raw()));
    }

    fn set_out(&mut self, time: Timestamp, frame: i64) {
        let (before, to, moved) = (self.at.last.raw(), time.raw(), self.at.moved);
        self.at.excursion = Some(Excursion { before, to, moved, frame });
        self.hear(time);
    }

    /// Time goes on as if the last frames were not there.
    fn end_excursion(&mut self, excursion: Excursion, time: Timestamp) {
        (self.at.since, self.at.last, self.at.moved, self.at.excursion) = (time, time, excursion.moved, None);
        for interface in self.at.interfaces.iter_mut().filter(|interface| interface.last.raw() >= excursion.to) {
            interface.last = interface.last.min(time);
        }
    }

    /// Whether a frame of an interface that went on to later times may be the first of another capture of the same time.
    fn is_appended(&self, now: i64) -> bool {
        let begun = self.at.begun.raw();
        let lasted = self.at.reached.raw().max(begun).abs_diff(begun);
        lasted >= Self::APPENDED_TO && now.abs_diff(begun) <= Self::STEP.max(lasted / 100)
    }

    /// Times are those that are written, whatever came before.
    fn begin_anew(&mut self, time: Timestamp) {
        self.beginnings += 1;
        self.at.excursion = None;
        self.begin(time);
    }

    /// No frame follows: puts what was heard in order, and forgets what only the next one would need.
    pub(super) fn close(&mut self) {
        if self.at.since != Timestamp::UNKNOWN {
            self.heard.add((self.at.since, self.at.last));
        }
        self.heard.keep_longest_gaps();
        let Standing { last, moved, .. } = self.at;
        (self.at, self.begins_untimed) = (Standing { last, moved, ..Self::STOPPED.at }, false);
    }

    /// The clock of the frames that follow the `frames` of this part.
    pub(super) fn continued(&self, frames: u64) -> Self {
        let mut at = self.at.clone();
        shift(&mut at.excursion, frames, i64::saturating_sub);
        (at.is_continued, at.usual) = (true, 0);
        Self { at, beginnings: self.beginnings, ..Self::STOPPED }
    }

    /// Whether frames that were read for themselves have the times that they have behind these.
    pub(super) fn is_followed_by(&self, next: &Self) -> bool {
        if next.at.is_continued
            || self.at.last == Timestamp::UNKNOWN
            || next.at.last == Timestamp::UNKNOWN && next.untimed == 0
        {
            return true;
        }
        let stays = |at: &Standing| at.moved == 0 && at.interfaces.iter().all(|known| known.moved == 0);
        let last_of = |number: u32| match &self.at {
            at if at.interface == number => Some(at.last),
            at => at.interfaces.iter().find(|known| known.number == number).map(|known| known.last),
        };
        let follows = |of: &Interface| last_of(of.number).is_none_or(|last| is_behind(of.first.raw(), last.raw()));
        stays(&self.at)
            && stays(&next.at)
            && next.beginnings == 0
            && next.longest_backward < Self::STEP
            && !next.begins_untimed
            && is_behind(next.first.raw(), self.at.last.raw())
            && next.at.interfaces.iter().all(follows)
    }

    /// Adds what came after the `frames` of this part, and follows it.
    pub(super) fn absorb(&mut self, mut other: Self, frames: u64) {
        shift(&mut other.at.excursion, frames, i64::saturating_add);
        let is_alone = !other.at.is_continued;
        let is_continued = self.at.is_continued;
        if is_alone && self.at.last != Timestamp::UNKNOWN && other.first != Timestamp::UNKNOWN {
            self.meet(&mut other, i64::try_from(frames).unwrap_or(i64::MAX).saturating_add(1));
        }
        if !is_alone || other.at.last != Timestamp::UNKNOWN {
            self.at = Standing { is_continued, ..other.at };
        }
        self.backward_steps += other.backward_steps;
        self.longest_backward = self.longest_backward.max(other.longest_backward);
        self.longest_forward = self.longest_forward.max(other.longest_forward);
        self.untimed += other.untimed;
        // A part that goes on counts on.
        self.beginnings = self.beginnings.max(other.beginnings);
        if self.first == Timestamp::UNKNOWN {
            self.begins_untimed |= other.begins_untimed;
            self.first = other.first;
        }
        self.heard.extend(&other.heard);
        self.note_usual();
    }

    /// Tells a part that was read by itself what came before it.
    fn meet(&mut self, next: &mut Self, frame: i64) {
        let (first, only_forward) = (next.first, next.backward_steps == 0 && next.at.excursion.is_none());
        let step = first.raw().abs_diff(self.at.last.raw());
        if first < self.at.last {
            self.note_back(step);
            self.hear(first);
        } else {
            self.go_forward(first, step, frame);
            match step < Self::STEP {
                true if only_forward => next.at.since = self.at.since,
                true => self.hear(first),
                false => {}
            }
        }
        self.leave();
        let at = &mut next.at;
        for known in &self.at.interfaces {
            match at.interfaces.binary_search_by_key(&known.number, |theirs| theirs.number) {
                Ok(theirs) => at.interfaces[theirs].first = known.first,
                Err(place) => at.interfaces.insert(place, *known),
            }
        }
        at.excursion = at.excursion.or(self.at.excursion);
        at.begun = self.at.begun;
        at.reached = at.reached.max(self.at.reached);
    }
}

/// Numbers the frame of an excursion from another beginning.
fn shift(excursion: &mut Option<Excursion>, frames: u64, by: impl Fn(i64, i64) -> i64) {
    let frames = i64::try_from(frames).unwrap_or(i64::MAX);
    excursion.iter_mut().for_each(|excursion| excursion.frame = by(excursion.frame, frames));
}

impl Default for Clock {
    fn default() -> Self {
        Self::STOPPED
    }
}

impl Stored for Clock {
    fn store(&self, to: &mut Vec<u8>) {
        let mut closed = self.clone();
        closed.close();
        let Self { backward_steps, longest_backward, longest_forward, untimed, heard, first, at, .. } = closed;
        // Without any time, the earliest is the end of all times.
        let earliest = Some(heard.earliest()).filter(|time| *time != Timestamp::UNKNOWN);
        (earliest.unwrap_or(Timestamp::from_raw(i64::MAX)), heard.latest()).store(to);
        (first, at.last).store(to);
        [backward_steps, longest_backward, longest_forward, untimed].store(to);
        store_list(heard.gaps().iter(), to);
        at.moved.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let all = from.get()?;
        let (first, last) = from.get()?;
        let [backward_steps, longest_backward, longest_forward, untimed] = from.get()?;
        let gaps = from.list(2 * Heard::MOST_GAPS, "there are too many gaps")?;
        let moved = from.get()?;
        let heard = Heard::between(all, &gaps);
        let at = Standing { last, moved, ..Self::STOPPED.at };
        Ok(Self { backward_steps, longest_backward, longest_forward, untimed, heard, first, at, ..Self::STOPPED })
    }
}
