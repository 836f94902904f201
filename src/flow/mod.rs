//! Packets to flows.

mod record;

pub use record::{Flow, FlowEnd};
