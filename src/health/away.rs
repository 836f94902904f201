//! Questions that wait longer than a window tells of, where a flow has many on their way at once, and the answers to them.
//!
//! An answer that finds no question in the window finds the last one before it that was driven out unanswered, if it lies no more
//! than [`REACH`] messages back. So of a part's first messages those answers are kept whose question may lie in another part, and
//! parts add up.

use super::measure::Outcome;
use super::window::Message;
use crate::state::stored;

/// So many messages back an answer finds its question, where no other answer came meanwhile.
pub(super) const REACH: u64 = 32;

/// A message, and how many came before it in its part of the flow.
type Counted = (u64, Message);

/// What lies behind the window.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Away {
    /// Questions that are not answered yet.
    open: Vec<Counted>,
    /// Answers of the first messages, whose question was not seen.
    early: Vec<Counted>,
}

impl Away {
    /// Takes a question that was driven out of the window, of which so many messages came before.
    pub(super) fn wait(&mut self, number: u64, question: Message) {
        self.forget(number);
        self.open.push((number, question));
    }

    /// Lets go what no message behind a number reaches.
    fn forget(&mut self, number: u64) {
        self.open.retain(|(asked, _)| number.saturating_sub(*asked) < REACH);
    }

    /// What an answer is that has no question in the window; nothing where another part may tell.
    pub(super) fn answer(&mut self, number: u64, answer: Message) -> Option<Outcome> {
        let is_asked = |(asked, question): &Counted| number.saturating_sub(*asked) <= REACH && answer.answers(question);
        if let Some(at) = self.open.iter().rposition(is_asked) {
            let (_, question) = self.open.remove(at);
            return answer.since(question.time).map(|nanos| Outcome::Answered { nanos, repeats: 0 });
        }
        if number < REACH {
            self.early.push((number, answer));
            return None;
        }
        Some(Outcome::Unasked)
    }

    /// The answers whose question was not seen.
    pub(super) fn early(&self) -> &[Counted] {
        &self.early
    }

    /// Adds what waits in a part that comes later, before whose first message so many came.
    pub(super) fn go_on(&mut self, before: u64, later: &Self) {
        self.open.extend(later.open.iter().map(|(number, question)| (before.saturating_add(*number), *question)));
    }

    /// What is kept behind so many messages, for a state.
    pub(super) fn kept(&self, count: u64) -> KeptMessages {
        let count_kept = count.min(REACH);
        let mut away = self.clone();
        away.forget(count.saturating_sub(1));
        away.open.iter_mut().for_each(|(number, _)| *number -= count - count_kept);
        KeptMessages { count: count_kept, away }
    }
}

/// How many messages there were, up to [`REACH`], and what lies behind the window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct KeptMessages {
    pub(super) count: u64,
    pub(super) away: Away,
}

stored!(Away {
    open: list(REACH as usize, "too many questions wait"),
    early: list(REACH as usize, "too many answers wait")
});

stored!(KeptMessages { count, away } where |kept| kept.is_sound() => "what waits in a flow does not fit its messages");

impl KeptMessages {
    /// Where nothing waits, and no earlier part can tell of what is here.
    pub(super) const fn none() -> Self {
        Self { count: REACH, away: Away { open: Vec::new(), early: Vec::new() } }
    }

    fn is_sound(&self) -> bool {
        let is_in = |list: &[Counted]| {
            list.windows(2).all(|pair| pair[0].0 < pair[1].0) && list.iter().all(|(number, _)| *number < self.count)
        };
        self.count <= REACH && is_in(&self.away.open) && is_in(&self.away.early)
    }
}
