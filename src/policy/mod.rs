//! The vendor's documents and the site's own rules, as data.
//!
//! A servant: it imports no stage.

mod words;

pub(crate) use words::named;
pub use words::{Direction, Role, Severity, Transport};

/// The documents and rules that a survey is held against.
#[derive(Debug)]
pub struct Policy {}
