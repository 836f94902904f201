//! Questions and answers of an observation: all that hangs on which message came before which.

use super::Observation;
use super::batch::Discard;
use super::key::{Key4, Key6};
use crate::capture::{Frame, Timestamp};
use crate::health::{Health, Rhythms, Watch};

/// What is known of them, by address family.
#[derive(Clone, Debug)]
pub struct Questions {
    pub(super) v4: Watch<Key4>,
    pub(super) v6: Watch<Key6>,
    /// When each sender was heard.
    pub(super) rhythms: Rhythms,
    /// Whether they were left out.
    left_out: bool,
}

impl Questions {
    pub(super) fn new(input: u32) -> Self {
        Self { v4: Watch::new(input), v6: Watch::new(input), rhythms: Rhythms::new(input), left_out: false }
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.v4.absorb(&other.v4);
        self.v6.absorb(&other.v6);
        self.rhythms.absorb(&other.rhythms);
        self.left_out |= other.left_out;
    }

    /// What was measured.
    pub(super) fn finish(self) -> Health {
        let mut health = Health { left_out: self.left_out, ..Health::default() };
        self.v4.finish(&mut health);
        self.v6.finish(&mut health);
        self.rhythms.finish(&mut health);
        health
    }
}

impl Default for Questions {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Observation {
    /// Whether inputs that were added up tell of the same time of one flow or sender, so that its messages are in no order.
    pub fn has_mixed_questions(&self) -> bool {
        self.health.v4.is_mixed() || self.health.v6.is_mixed() || self.health.rhythms.is_mixed()
    }

    /// Forgets all that hangs on the order of messages, which is not known.
    pub fn leave_out_questions(&mut self) {
        self.health = Questions { left_out: true, ..Questions::new(self.input()) };
    }

    /// Takes over what others asked and were answered so far, and gives its own.
    pub fn swap_questions(&mut self, questions: &mut Questions) {
        std::mem::swap(&mut self.health, questions);
    }

    /// Takes a frame for the sake of what is asked and answered in it; no flow is made of it.
    pub fn observe_questions(&mut self, frame: &Frame<'_>) {
        self.take(*frame, &mut (Discard, Discard));
        self.health.rhythms.catch_up();
    }

    /// Forgets the last messages of flows of which nothing came since a time, so that memory does not grow without end.
    pub fn forget_questions(&mut self, before: Timestamp) {
        self.health.v4.let_go(before);
        self.health.v6.let_go(before);
    }

    /// Holds what is remembered of flows to its limit, however many parts were added: what is idle goes first.
    pub fn limit_questions(&mut self) {
        self.health.v4.make_room();
        self.health.v6.make_room();
    }
}
