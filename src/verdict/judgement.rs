//! What the verdict stage yields of a flow and of a conversation.

use super::{Outcome, Verdict};
use crate::capture::{Moment, Timestamp};
use crate::inventory::HostId;
use crate::policy::{Reason, Rule, Severity};
use crate::protocol::{Evidence, Protocol, Transport};
use crate::relation::DirectionBasis;

/// The judgement of one flow.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// Index of the flow's end that is the client: 0 or 1.
    pub client: u8,
    /// How that is known.
    pub basis: DirectionBasis,
    /// The client.
    pub client_host: HostId,
    /// The server.
    pub server_host: HostId,
    /// What the policy says.
    pub verdict: Verdict,
    /// Why, if unexpected.
    pub reason: Option<Reason>,
    /// How much it matters; `None` where it needs no attention.
    pub severity: Option<Severity>,
    /// What the network did.
    pub outcome: Outcome,
    /// What decided.
    pub rule: Rule,
    /// What the payload says of the expected protocol (or of the one it was named as).
    pub payload: Evidence,
    /// The protocol that the payload conforms to.
    pub payload_protocol: Option<Protocol>,
    /// Index of the flow that this one belongs to, for `related` and wherever a relation is known.
    pub related_to: Option<u32>,
    /// Index of its conversation.
    pub conversation: u32,
}

/// The flows of one (client, server, transport, service port), across VLAN paths.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Who asked.
    pub client: HostId,
    /// Who answered.
    pub server: HostId,
    /// Transport.
    pub transport: Transport,
    /// The server's port; for ICMP the type; 0 where the transport has none.
    pub port: u16,
    /// The gravest verdict of its flows.
    pub verdict: Verdict,
    /// The reason that goes with it.
    pub reason: Option<Reason>,
    /// The severity that goes with it.
    pub severity: Option<Severity>,
    /// What the network did, judged over all its flows.
    pub outcome: Outcome,
    /// Worked, then went silent while requests went on.
    pub stopped_answering: bool,
    /// What decided.
    pub rule: Rule,
    /// Number of flows.
    pub flows: u32,
    /// Packets sent by the client, by the server.
    pub packets: [u64; 2],
    /// Bytes sent by the client, by the server.
    pub bytes: [u64; 2],
    /// Earliest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// When it began, as far as order goes.
    pub begin: Moment,
}

/// A doubt about the capture or the method, which weakens what rests on it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Caveat {
    /// What kind, for scripts: `one-way-mirror`, `kernel-drops`, `cut-by-snap-length`,
    /// `duplicate-frames`, `damaged-input`, `clock-jump`, `roles-inferred`, ...
    pub kind: &'static str,
    /// In words.
    pub text: String,
}
