//! Flow, roles and policy to verdict, outcome, finding and coverage.

mod judgement;
mod words;

pub use judgement::{Caveat, CellCoverage, CellState, Conversation, Finding, Judgement, Rule};
pub use words::{Outcome, Reason, Verdict};
