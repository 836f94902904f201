//! Flow, roles and policy to verdict, outcome and coverage.
//!
//! [`judge`] is the stage: it asks [`decide`] about each flow, groups flows to conversations and works out what the
//! network did to each; [`cover`] tells of the vendor's tables what was seen of each cell. Nothing here is in words.

mod conversation;
mod coverage;
mod decide;
mod facts;
mod grouping;
mod judge;
mod judgement;
mod kind;
mod missing;
mod observations;
mod outcome;
mod payload;
#[cfg(test)]
pub(crate) mod tests;
mod unseen_request;
mod words;

pub use crate::policy::{Reason, Rule};
pub use coverage::{CellCoverage, CellState, HostCoverage, cover};
pub use decide::{Decision, Filled, Question, decide, documented};
pub(crate) use facts::ConversationFacts;
pub use judge::{Judgements, judge};
pub use judgement::{Caveat, Conversation, Judgement};
pub(crate) use missing::{AbsenceReason, Doubts};
pub use missing::{Filtered, Missing};
pub use observations::Observations;
pub(crate) use outcome::{Failure, MOST_REQUESTS, STARTS, Silence, SilentParty, starts_anew};
pub use words::{Outcome, Verdict};
