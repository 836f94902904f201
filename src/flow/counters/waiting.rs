//! What one end of a flow asked and the other has not answered yet.

use super::{ANNOUNCED, ASKED, CALLS, Cold, Counts, HELD, MORE, OWN, PENDING, PROCEEDS, REPLIED, WAITS};
use crate::capture::Timestamp;
use crate::flow::packet::copy_window;
use crate::flow::pending::{PendingReplies, PendingReply, Repeated, Waiting};

impl Counts {
    /// Whether an end sent anything that may be an answer.
    #[inline]
    pub(in crate::flow) const fn has_replied(&self, side: usize) -> bool {
        self.dialogue[side] & REPLIED != 0
    }

    /// Effective time of the latest packet of an end that may be an answer; unknown if there is none.
    #[inline]
    pub(in crate::flow) fn last_reply(&self, cold: &Cold, side: usize) -> Timestamp {
        match self.dialogue[side] & (REPLIED | ANNOUNCED) {
            REPLIED => self.last(cold, side),
            0 | ANNOUNCED => Timestamp::UNKNOWN,
            _ => cold.odd.as_ref().map_or(Timestamp::UNKNOWN, |odd| odd.replied[side]),
        }
    }

    /// Notes whether a packet may be an answer; `latest` is when the latest one before it was sent.
    pub(super) fn note_reply(
        &mut self,
        cold: &mut Cold,
        side: usize,
        replies: bool,
        time: Timestamp,
        latest: Timestamp,
    ) {
        let is_announced = self.dialogue[side] & ANNOUNCED != 0;
        match (replies, is_announced) {
            (true, true) if time < latest => {
                let replied = &mut cold.odd().replied[side];
                *replied = time.max(*replied);
            }
            (true, true) => self.dialogue[side] &= !ANNOUNCED,
            (false, false) if time > latest => {
                if self.has_replied(side) {
                    cold.odd().replied[side] = latest;
                }
                self.dialogue[side] |= ANNOUNCED;
            }
            _ => {}
        }
        self.dialogue[side] |= if replies { REPLIED } else { 0 };
    }

    #[inline]
    pub(super) const fn is_waiting(&self, side: usize) -> bool {
        self.dialogue[side] & WAITS != 0
    }

    /// An end sent what may be an answer at a time: what waits for it was answered.
    #[inline]
    pub(super) fn answer(&mut self, cold: &mut Cold, waiting: usize, time: Timestamp) {
        if self.is_disordered() || time < self.recent[waiting] {
            self.answer_some(cold, waiting, time);
        } else {
            self.dialogue[waiting] &= OWN;
        }
    }

    /// The same out of order: what was sent later waits on.
    #[cold]
    pub(super) fn answer_some(&mut self, cold: &mut Cold, waiting: usize, time: Timestamp) {
        if self.dialogue[waiting] & PENDING != 0 {
            self.put_on_trail(cold, waiting);
        }
        let odd = cold.odd();
        let waits = match &mut odd.more[waiting] {
            Some(more) if self.dialogue[waiting] & MORE != 0 => {
                more.answered(time);
                more.len() > 0
            }
            _ => odd.one[waiting].time > time,
        };
        if !waits {
            self.dialogue[waiting] &= OWN;
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
            odd.one[side] = owed;
            return;
        }
        let more = odd.more[side].get_or_insert_default();
        if state & MORE == 0 {
            more.clear();
            more.push(odd.one[side]);
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
            Some(odd) if state & MORE != 0 => odd.more[side].as_deref().cloned().unwrap_or_default(),
            Some(odd) if state & HELD != 0 => PendingReplies::of(odd.one[side]),
            _ => PendingReplies::default(),
        };
        if state & PENDING != 0 {
            trail.push(self.pending(side));
        }
        // What came right behind its like is left out already, and what came between others here, as where parts add up.
        trail.leave_out_copies(copy_window);
        trail
    }

    /// How much an end sent that owes an answer since the other end last sent anything, at most [`PendingReplies::LIMIT`], and when
    /// the last.
    pub(in crate::flow) fn unanswered(&self, cold: &Cold, side: usize) -> (u32, Timestamp) {
        if !self.is_waiting(side) || self.asking.is_guess() {
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
        if self.asking.is_guess() {
            return 0;
        }
        self.trail(cold, side).after(time) as u32
    }

    /// What waits for an answer, also where only a relation tells that it does ([`AnswerRule::is_guess`]).
    ///
    /// [`AnswerRule::is_guess`]: crate::protocol::AnswerRule::is_guess
    pub(in crate::flow) fn waiting(&self, cold: &Cold, side: usize) -> Waiting {
        if self.is_waiting(side) { self.trail(cold, side).waiting() } else { Waiting::default() }
    }

    /// The same, of what was sent after a time.
    pub(in crate::flow) fn waiting_after(&self, cold: &Cold, side: usize, time: Timestamp) -> Waiting {
        let mut trail = self.trail(cold, side);
        trail.answered(time);
        trail.waiting()
    }

    /// What an end sent again and again though it was answered, or may have been.
    pub(in crate::flow) fn repeated(&self, cold: &Cold, side: usize) -> Repeated {
        let is_unanswered = || self.unanswered(cold, side).0 > 1;
        let again = cold.odd.as_ref().and_then(|odd| odd.repeated.as_ref()).filter(|_| !is_unanswered());
        let told = again.zip(self.asking.repetition()).map(|(again, how)| again[side].repeated(how));
        told.unwrap_or(Repeated::NONE)
    }

    /// The same, packet by packet, of a flow that has any.
    pub(in crate::flow) fn repetitions(&self, cold: &Cold) -> Option<[PendingReplies; 2]> {
        cold.odd.as_ref()?.repeated.as_deref().cloned()
    }

    /// Takes those, unless they do not fit the flow.
    pub(in crate::flow) fn set_repetitions(&mut self, cold: &mut Cold, ends: [PendingReplies; 2]) -> bool {
        let fits = |side: usize| ends[side].last().is_none_or(|again| self.can_wait(cold, side, again));
        let is_sound = fits(0) && fits(1) && self.asking.repetition().is_some();
        cold.odd().repeated = is_sound.then(|| Box::new(ends));
        is_sound
    }

    /// Whether an end sent what goes on with an exchange.
    #[inline]
    pub(in crate::flow) const fn proceeds(&self, side: usize) -> bool {
        self.dialogue[side] & PROCEEDS != 0
    }

    /// Whether an end sent what owes an answer.
    #[inline]
    pub(in crate::flow) fn asks(&self, cold: &Cold, side: usize) -> bool {
        self.dialogue[side] & ASKED != 0 && !self.asking.is_guess() || cold.said[side] & CALLS != 0
    }

    /// What waits for an answer in either is waiting still if none came in either.
    pub(super) fn absorb_trail(&mut self, cold: &mut Cold, other: &Self, other_cold: &Cold, copies: [bool; 2]) {
        let replies = [0, 1].map(|side| self.last_reply(cold, side).max(other.last_reply(other_cold, side)));
        let latest = [0, 1].map(|side| self.last(cold, side).max(other.last(other_cold, side)));
        let mut trails = [0, 1].map(|_| PendingReplies::default());
        let waits = |counts: &Self| (counts.dialogue[0] | counts.dialogue[1]) & WAITS != 0;
        if waits(self) || waits(other) {
            for (side, is_copy) in copies.into_iter().enumerate() {
                let mut theirs = other.trail(other_cold, side);
                if is_copy {
                    theirs.forget(other_cold.arrived_at(side), other_cold.arrived[side]);
                }
                trails[side] = self.trail(cold, side);
                trails[side].absorb(&theirs, copy_window);
                if self.has_replied(1 - side) || other.has_replied(1 - side) {
                    trails[side].answered(replies[1 - side]);
                }
            }
        }
        for (side, trail) in trails.into_iter().enumerate() {
            let said = (self.dialogue[side] | other.dialogue[side]) & (ASKED | REPLIED | PROCEEDS);
            let is_announced = replies[side] < latest[side];
            self.dialogue[side] = said | if is_announced { ANNOUNCED } else { 0 };
            if is_announced && said & REPLIED != 0 {
                cold.odd().replied[side] = replies[side];
            }
            self.hold(cold, side, trail);
        }
    }

    /// Lets what an end sent wait for an answer.
    pub(super) fn hold(&mut self, cold: &mut Cold, side: usize, trail: PendingReplies) {
        match trail.last() {
            None => {}
            Some(one) if trail.len() == 1 => {
                self.dialogue[side] |= WAITS | HELD;
                cold.odd().one[side] = one;
            }
            Some(_) => {
                self.dialogue[side] |= WAITS | HELD | MORE;
                cold.odd().more[side] = Some(Box::new(trail));
            }
        }
    }
}
