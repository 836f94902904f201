//! What one end of a flow asked and the other has not answered yet.

use super::{ASKED, CALLS, Cold, Counts, HELD, MORE, PENDING, REPLIED, WAITS};
use crate::capture::Timestamp;
use crate::flow::packet::copy_window;
use crate::flow::pending::{PendingReplies, PendingReply};

impl Counts {
    /// Whether an end sent anything that may be an answer.
    #[inline]
    pub(in crate::flow) const fn has_replied(&self, side: usize) -> bool {
        self.dialogue[side] & REPLIED != 0
    }

    #[inline]
    pub(super) const fn is_waiting(&self, side: usize) -> bool {
        self.dialogue[side] & WAITS != 0
    }

    /// An end sent something at a time: what waits for it was answered.
    #[inline]
    pub(super) fn answer(&mut self, cold: &mut Cold, waiting: usize, time: Timestamp) {
        if self.is_disordered() || time < self.recent[waiting] {
            self.answer_some(cold, waiting, time);
        } else {
            self.dialogue[waiting] &= ASKED | REPLIED;
        }
    }

    /// The same out of order: what was sent later waits on.
    #[cold]
    pub(super) fn answer_some(&mut self, cold: &mut Cold, waiting: usize, time: Timestamp) {
        if self.dialogue[waiting] & PENDING != 0 {
            self.put_on_trail(cold, waiting);
        }
        let odd = cold.odd();
        let waits = match &mut odd.more {
            Some(more) if self.dialogue[waiting] & MORE != 0 => {
                more.answered(time);
                more.len() > 0
            }
            _ => odd.one.time > time,
        };
        if !waits {
            self.dialogue[waiting] &= ASKED | REPLIED;
        }
    }

    /// What is pending is the last packet that came from its end.
    #[cold]
    pub(super) fn put_on_trail(&mut self, cold: &mut Cold, side: usize) {
        let (odd, owed) = (cold.odd(), self.pending(side));
        let state = self.dialogue[side];
        self.dialogue[side] = state & !PENDING | HELD;
        if state & HELD == 0 {
            // Nothing is read where it is written, which would have to be waited for.
            odd.one = owed;
            return;
        }
        let more = odd.more.get_or_insert_default();
        if state & MORE == 0 {
            more.clear();
            more.push(odd.one);
            self.dialogue[side] |= MORE;
        }
        more.push(owed);
    }

    /// The last packet that came from an end.
    fn pending(&self, side: usize) -> PendingReply {
        PendingReply { time: self.recent[side], fingerprint: self.fingerprint[side] }
    }

    /// What an end sent that owes an answer since the other end last sent anything, none but for who waits.
    pub(super) fn trail(&self, cold: &Cold, side: usize) -> PendingReplies {
        if !self.is_waiting(side) {
            return PendingReplies::default();
        }
        let state = self.dialogue[side];
        let mut trail = match &cold.odd {
            Some(odd) if state & MORE != 0 => odd.more.as_deref().cloned().unwrap_or_default(),
            Some(odd) if state & HELD != 0 => PendingReplies::of(odd.one),
            _ => PendingReplies::default(),
        };
        if state & PENDING != 0 {
            trail.push(self.pending(side));
        }
        trail
    }

    /// How much an end sent that owes an answer since the other end last sent anything, at most [`PendingReplies::LIMIT`], and when
    /// the last.
    pub(in crate::flow) fn unanswered(&self, cold: &Cold, side: usize) -> (u32, Timestamp) {
        if !self.is_waiting(side) {
            return (0, Timestamp::UNKNOWN);
        }
        if self.dialogue[side] & (HELD | PENDING) == PENDING {
            return (1, self.recent[side]);
        }
        let trail = self.trail(cold, side);
        (trail.len() as u32, trail.last().map_or(Timestamp::UNKNOWN, |owed| owed.time))
    }

    /// Of what is unanswered, that after a time.
    pub(in crate::flow) fn unanswered_after(&self, cold: &Cold, side: usize, time: Timestamp) -> u32 {
        self.trail(cold, side).after(time) as u32
    }

    /// Whether an end sent what owes an answer.
    #[inline]
    pub(in crate::flow) fn asks(&self, cold: &Cold, side: usize) -> bool {
        self.dialogue[side] & ASKED != 0 || cold.said[side] & CALLS != 0
    }

    /// What waits for an answer in either is waiting still if none came in either.
    pub(super) fn absorb_trail(&mut self, cold: &mut Cold, other: &Self, other_cold: &Cold, copies: [bool; 2]) {
        let waits = |counts: &Self| (counts.dialogue[0] | counts.dialogue[1]) & WAITS != 0;
        let is_waiting = waits(self) || waits(other);
        for (mine, theirs) in self.dialogue.iter_mut().zip(other.dialogue) {
            *mine |= theirs & (ASKED | REPLIED);
        }
        if !is_waiting {
            return;
        }
        let mut held = None;
        for (side, is_copy) in copies.into_iter().enumerate() {
            let (mut trail, mut theirs) = (self.trail(cold, side), other.trail(other_cold, side));
            if is_copy {
                theirs.forget(other_cold.arrived_at(side), other_cold.arrived[side]);
            }
            trail.absorb(&theirs, copy_window);
            let answers = 1 - side;
            let times = [(&*self, &*cold), (other, other_cold)];
            let has_replied = self.has_replied(answers);
            for (counts, cold) in times.into_iter().filter(|(_, cold)| has_replied && cold.first[answers].is_some()) {
                trail.answered(counts.last(cold, answers));
            }
            if trail.len() > 0 {
                held = Some((side, trail));
            }
        }
        self.dialogue = self.dialogue.map(|end| end & (ASKED | REPLIED));
        if let Some((side, trail)) = held {
            self.dialogue[side] |= WAITS | HELD;
            match trail.last() {
                Some(one) if trail.len() == 1 => cold.odd().one = one,
                _ => {
                    self.dialogue[side] |= MORE;
                    cold.odd().more = Some(Box::new(trail));
                }
            }
        }
    }
}
