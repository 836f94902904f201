//! Where packets are lost: captures of the same time at two or more places, held against each other.
//!
//! ```text
//! survey   each place as `analyze` would: roles, verdicts, conversations
//! pass     each place once more: when, and a sample of packets that is the same everywhere
//! clock    the sample aligns the clocks;   route   and tells which place comes first on each way
//! window   all places side by side: each packet waits for its others;   settle   what became of it
//! tally    what is counted of each way of a conversation from one place to the next;   report   all of it
//! ```
//!
//! `key` has what of a packet does not change on its way. Memory is bounded by the limits on conversations
//! ([`crate::flow::Limits`]), on packets that wait and on the sample, whatever the captures' size.

mod clock;
mod conversations;
mod delays;
mod first_pass;
mod key;
mod places;
mod reader;
mod report;
mod route;
mod run;
mod sample;
mod settle;
mod tally;
mod window;

pub use clock::Difference;
pub use delays::Delays;
pub use places::{NameError, Place, name_places};
pub use report::{LegReport, Loss, LossKind, PlaceReport, Report};
pub use route::Basis;
pub use run::{Options, PathError, run};
pub use tally::{Change, Changed, Leg};

/// Places that are compared at most.
pub const MOST_PLACES: usize = 16;

/// Longest that a packet is on its way between two places, nanoseconds: what comes later counts as missing, and as new where it comes.
pub const WAIT: i64 = 2_000_000_000;
