//! Flow, roles and policy to verdict, outcome, finding and coverage.
//!
//! [`judge`] is the stage: it asks [`decide`] about each flow, groups flows to conversations, works out
//! what the network did to each, and gathers findings and the coverage of the vendor's tables.

mod advice;
mod cause;
mod commissioning;
mod conflict;
mod conversation;
mod coverage;
mod decide;
mod detail;
mod doubt;
mod facts;
mod filter;
mod finding;
mod judge;
mod judgement;
mod orphan;
mod outcome;
mod payload;
#[cfg(test)]
mod tests;
mod words;

pub use crate::policy::{Reason, Rule};
pub use coverage::HostCoverage;
pub use decide::{Decision, Filled, Question, decide, documented};
pub use doubt::{Filtered, Missing};
pub use judge::{Judgements, Observations, judge};
pub use judgement::{Caveat, CellCoverage, CellState, Conversation, Finding, Judgement};
pub use words::{Outcome, Verdict};
