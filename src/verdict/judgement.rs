//! What the verdict stage yields: plain data that the report stage prints.

use super::{Outcome, Verdict};
use crate::capture::{Moment, Timestamp};
use crate::inventory::HostId;
use crate::policy::{Reason, Rule, Severity, Transport};
use crate::protocol::{Evidence, Protocol};
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

/// One line a person must read, grouped over its conversations.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Verdict of its conversations; `None` for findings that are not of a conversation (a version,
    /// an allowance that matched nothing).
    pub verdict: Option<Verdict>,
    /// What it is: a [`Reason`]'s name, or a finding of another kind (`blocked`, `stopped-answering`,
    /// `old-version`, `unused-allowance`, ...).
    pub reason: &'static str,
    /// Outcome, where one is part of it.
    pub outcome: Option<Outcome>,
    /// The client's role; empty if there is no client.
    pub client_role: &'static str,
    /// The client, or several joined by `;` (the first few and how many more).
    pub client: String,
    /// The server's role.
    pub server_role: &'static str,
    /// The server, or several.
    pub server: String,
    /// Transport, if one.
    pub transport: Option<Transport>,
    /// Server port, if one.
    pub server_port: Option<u16>,
    /// The vendor's word for the port, or the name the payload proves.
    pub service: String,
    /// Number of flows.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Earliest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// What was seen, with evidence (frame numbers, times, who sent what), in plain words.
    pub detail: String,
    /// What to do about it.
    pub advice: String,
    /// What decided, cited.
    pub rule: String,
    /// A Wireshark display filter that shows just this finding's packets.
    pub display_filter: String,
    /// Indices of the inputs, ascending.
    pub sources: Vec<u32>,
    /// Indices of its conversations, ascending.
    pub conversations: Vec<u32>,
}

/// What was seen of a cell. Orders from least to most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CellState {
    /// Nothing used it.
    NotSeen,
    /// Only the client was seen to send.
    OneWay,
    /// Tried and refused, rejected or unanswered.
    Blocked,
    /// It worked.
    Carried,
}

impl CellState {
    /// Name as it stands in coverage.csv.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSeen => "not-seen",
            Self::OneWay => "one-way",
            Self::Blocked => "blocked",
            Self::Carried => "carried",
        }
    }
}

/// One cell of the vendor's tables and what was seen of it.
#[derive(Clone, Debug)]
pub struct CellCoverage {
    /// Index in `Policy::cells`.
    pub cell: u16,
    /// The best state of any peer.
    pub state: CellState,
    /// Hosts of the cell's product that carried it, were one-way, were blocked (in the order
    /// of [`CellState`]; index 0 counts those that were present and never used it).
    pub hosts: [u32; 4],
    /// Number of distinct peers.
    pub peers: u32,
    /// The peers by the best that was seen with each, in the order of [`CellState`]; index 0 is always 0.
    pub peer_states: [u32; 4],
    /// Flows.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Earliest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
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
