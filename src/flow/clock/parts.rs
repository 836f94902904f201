//! How the clocks of parts add up, and how they are stored.

use super::{Clock, ClockState, Heard, Interface, as_i64, is_behind};
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored, store_list};

impl Clock {
    /// The clock of the frames that follow the `frames` of this part.
    pub(in crate::flow) fn continued(&self, frames: u64) -> Self {
        let mut at = self.at.clone();
        (at.before, at.usual) = (Some(at.before.unwrap_or(0).saturating_add(as_i64(frames))), 0);
        Self { at, beginnings: self.beginnings, ..Self::STOPPED }
    }

    /// Whether frames that were read for themselves have the times that they have behind these.
    pub(in crate::flow) fn is_followed_by(&self, next: &Self) -> bool {
        let is_empty = |clock: &Self| clock.at.last == Timestamp::UNKNOWN && clock.untimed == 0;
        if next.at.before.is_some() || is_empty(self) || is_empty(next) {
            return true;
        }
        let stays = |at: &ClockState| at.moved == 0 && at.interfaces.iter().all(|known| known.moved == 0);
        let last_of = |number: u32| match &self.at {
            at if at.interface == number => Some(at.last),
            at => at.interfaces.iter().find(|known| known.number == number).map(|known| known.last),
        };
        // A clock that began at 0 was set.
        let sets_out =
            |from: Timestamp, to: Timestamp| (0..Self::A_YEAR).contains(&from.raw()) && to.raw() >= Self::A_YEAR;
        let follows = |of: &Interface| last_of(of.number).is_none_or(|last| is_behind(of.first.raw(), last.raw()));
        stays(&self.at)
            && stays(&next.at)
            && next.beginnings == 0
            && next.longest_backward < Self::STEP
            && !next.begins_untimed
            && !sets_out(self.at.last, next.first)
            && !sets_out(next.first, next.at.last)
            && is_behind(next.first.raw(), self.at.last.raw())
            && next.at.interfaces.iter().all(follows)
    }

    /// Adds what came after the `frames` of this part, and follows it.
    pub(in crate::flow) fn absorb(&mut self, mut other: Self, frames: u64) {
        let (is_alone, before) = (other.at.before.is_none(), self.at.before);
        if is_alone {
            let frames = before.unwrap_or(0).saturating_add(as_i64(frames));
            other.at.excursions.iter_mut().for_each(|excursion| excursion.frame += frames);
            if self.at.last != Timestamp::UNKNOWN && other.first != Timestamp::UNKNOWN {
                self.meet(&mut other, frames + 1);
            }
        }
        if !is_alone || other.at.last != Timestamp::UNKNOWN {
            self.at = ClockState { before, ..other.at };
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
        let first = next.first;
        let step = first.raw().abs_diff(self.at.last.raw());
        if first < self.at.last {
            self.note_back(step);
            self.at.reached = self.at.reached.max(self.at.last);
        } else {
            self.go_forward(first, step, frame);
        }
        self.leave();
        let (at, current) = (&mut next.at, self.at.current());
        // What was captured first there follows what was last here, unless one of both is written down.
        if step < Self::STEP && next.heard == Heard::NOTHING {
            let stretch = at.excursions.first_mut().map_or(&mut at.stretch, |excursion| &mut excursion.stretch);
            *stretch = (current.0.min(stretch.0), current.1.max(stretch.1));
        } else if step < Self::STEP {
            self.heard.add(current);
        }
        for known in &self.at.interfaces {
            match at.interfaces.binary_search_by_key(&known.number, |theirs| theirs.number) {
                Ok(theirs) => at.interfaces[theirs].first = known.first,
                Err(place) => at.interfaces.insert(place, *known),
            }
        }
        if at.begun == first {
            (at.begun, at.reached) = (self.at.begun, at.reached.max(self.at.reached));
        }
        // As if each had been noted behind the others.
        for excursion in std::mem::take(&mut at.excursions) {
            self.push_excursion(excursion);
        }
        at.excursions.clone_from(&self.at.excursions);
    }

    /// As of a capture that begins with this part.
    pub(in crate::flow) fn without_what_came_before(&mut self) {
        self.heard = self.all_heard().from(self.first);
        self.at.excursions.clear();
        let first = Some(self.first).filter(|first| *first != Timestamp::UNKNOWN);
        self.at.stretch = first.map_or(Self::STOPPED.at.stretch, |_| (self.at.last, self.at.last));
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
        let gaps: Vec<_> = from.list(2 * Heard::MOST_GAPS, "there are too many gaps")?;
        let moved = from.get()?;
        let heard = Heard::between(all, &gaps);
        let at = ClockState { last, moved, ..Self::STOPPED.at };
        Ok(Self { backward_steps, longest_backward, longest_forward, untimed, heard, first, at, ..Self::STOPPED })
    }
}
