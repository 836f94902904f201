//! Flow, roles and policy to verdict, outcome, finding and coverage.

mod decide;
mod judgement;
mod words;

pub use crate::policy::{Reason, Rule};
pub use decide::{Decision, Filled, Question, decide, documented};
pub use judgement::{Caveat, CellCoverage, CellState, Conversation, Finding, Judgement};
pub use words::{Outcome, Verdict};
