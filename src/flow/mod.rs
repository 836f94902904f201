//! Packets to flows: an addable table, and what is counted beside it.

mod batch;
mod clock;
mod counters;
mod evidence;
mod flows;
mod fragment;
mod idle;
mod key;
#[cfg(test)]
mod law;
mod limit;
mod merge;
mod neighbour;
mod observation;
mod packet;
mod pending;
mod questions;
mod row;
#[cfg(test)]
pub(crate) mod scene;
mod sources;
mod table;
mod tally;
mod tcp;
#[cfg(test)]
mod tests;
mod view;

pub use clock::Clock;
pub use evidence::{
    Authentication, BridgePort, Broadcasts, Claimed, Claims, DatagramId, DhcpExchange, Endpoint, First, IcmpError,
    LinkEvidence, MAY_BE_IGNORED, Membership, Offers, Pieces, Port, Refusals, STRETCH, Search, SideEvidence, Speaker,
    Stream, TftpError, TftpFile, TooBig, Transaction, Window,
};
pub use flows::{Flows, TransportPorts};
pub use fragment::Unattributed;
pub use key::Seed;
pub use limit::Overflow;
pub use neighbour::{Neighbours, Seen};
pub(crate) use observation::wide;
pub use observation::{Limits, Observation, Observed, is_icmp_error, ports_of};
pub use pending::{Repeated, Waiting};
pub use questions::Questions;
pub use row::{EndRow, FlowRow, Sources};
pub use tally::{Amount, OtherFrames, Tally};
pub use tcp::{FailedHandshake, FailedHandshakes, SynAnswer};
pub use view::{EndView, FlowView, vain_openings};
