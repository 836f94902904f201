//! The one place that strings the stages together, offline and live.

mod caveats;
mod copies;
mod digest;
mod judged;
mod losses;
mod merged;
mod observe;
mod order;
mod read;
pub(crate) mod run;
pub(crate) mod state;
mod unread;

use std::collections::HashMap;
use std::sync::Arc;

use crate::capture::{LinkType, Timestamp};
use crate::decode::Unread;
use crate::finding::{self, Finding, Transfer};
use crate::flow::{FlowRow, FlowView, Flows, Limits};
use crate::health::Health;
use crate::inventory::{Hosts, Labels};
use crate::policy::Policy;
use crate::verdict::{Caveat, CellCoverage, Conversation, HostCoverage, Judgement};

pub use copies::{Copy, without_copies};
pub use digest::Digest;
pub use judged::Judged;
pub use observe::{Observing, observe};
pub use order::in_order;
pub use read::{Progress, ReadOptions, Source};
pub use run::{Options, run};
pub use state::{Content, Head, Observed};

/// One input of a run and how reading it went.
#[derive(Clone, Debug)]
pub struct InputSummary {
    /// As it was named on the command line, or found in a folder; `-` for standard input.
    pub path: String,
    /// Bytes read; of a compressed file, its size as stored.
    pub size: u64,
    /// SHA-256 of the file as stored, if it was asked for.
    pub digest: Option<Digest>,
    /// `pcap`, `pcapng`, with a suffix such as `+gzip` for compressed input; empty if it could not
    /// be read at all.
    pub format: String,
    /// Link types of its frames, ascending.
    pub link_types: Vec<LinkType>,
    /// Packet records read.
    pub frames: u64,
    /// Those of which nothing above the link layer could be read.
    pub unread: u64,
    /// Sum of captured lengths.
    pub captured_bytes: u64,
    /// Sum of original lengths.
    pub wire_bytes: u64,
    /// Earliest time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// The first damage, if any: reading ended there.
    pub damage: Option<Damage>,
}

impl InputSummary {
    /// SHA-256 of the file as stored, in lower-case hex; waits for it.
    pub fn sha256(&self) -> Option<&str> {
        self.digest.as_ref()?.hex()
    }

    /// Why the input could not be read to its end, in a sentence that names it.
    pub fn trouble(&self) -> Option<String> {
        let Damage { offset, reason } = self.damage.as_ref()?;
        // What cannot be opened names itself in its reason.
        let is_read = !self.format.is_empty();
        Some(if is_read { damaged(&self.path, *offset, reason) } else { reason.clone() })
    }

    /// What is to be said where frames were read and every one stopped at the link layer: nothing in it was judged.
    pub fn unreadable(&self) -> Option<String> {
        let Self { path, frames, unread, .. } = self;
        (*frames > 0 && unread == frames).then(|| unreadable(path, *frames))
    }
}

fn damaged(path: &str, offset: u64, reason: &str) -> String {
    format!("{path} is damaged at byte {offset}: {reason}")
}

fn unreadable(path: &str, frames: u64) -> String {
    format!("none of the {frames} frames of {path} could be read beyond the link layer")
}

/// Where and why a file could not be read further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Byte offset in the (decompressed) capture.
    pub offset: u64,
    /// What is wrong there.
    pub reason: String,
}

/// How many frames there were and what became of them: total = decoded + stopped.
#[derive(Clone, Debug, Default)]
pub struct FrameCounts {
    /// All packet records.
    pub total: u64,
    /// Those decoded to their end.
    pub decoded: u64,
    /// The rest, by layer and reason (names), most first.
    pub stopped: Vec<(String, String, u64)>,
    /// Layers below IP that are not read, with their frames, most first; each is among the stopped ones.
    pub unread: Vec<(Unread, u64)>,
}

impl FrameCounts {
    /// The stopped frames without those of layers that are not read: frames that are broken or were cut.
    pub fn broken(&self) -> Vec<(&str, &str, u64)> {
        let unread = |layer: &str, reason: &str| {
            let is_of = |unread: &Unread| (unread.stop.layer.name(), unread.stop.reason.name()) == (layer, reason);
            self.unread.iter().filter(|(unread, _)| is_of(unread)).map(|(_, frames)| frames).sum()
        };
        let rest = self.stopped.iter().map(|(layer, reason, frames)| {
            (layer.as_str(), reason.as_str(), frames.saturating_sub(unread(layer, reason)))
        });
        rest.filter(|(.., frames)| *frames > 0).collect()
    }

    /// Frames of layers below IP that are not read.
    pub fn unread_frames(&self) -> u64 {
        self.unread.iter().map(|(_, frames)| frames).sum()
    }

    /// Whether no fewer of them are not read than were decoded.
    pub fn is_mostly_unread(&self) -> bool {
        let unread = self.unread_frames();
        unread > 0 && unread >= self.decoded
    }

    /// The part of all frames, from 0 to 1.
    pub fn share(&self, frames: u64) -> f64 {
        if self.total == 0 { 0.0 } else { frames as f64 / self.total as f64 }
    }
}

/// A tunnel or mirror that was taken off.
#[derive(Clone, Debug)]
pub struct EncapsulationSummary {
    /// Kind, by name.
    pub kind: String,
    /// Outer sender.
    pub source: std::net::IpAddr,
    /// Outer receiver.
    pub destination: std::net::IpAddr,
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// Frames of one kind that are not IP.
#[derive(Clone, Debug)]
pub struct NonIpSummary {
    /// Kind, by name.
    pub kind: String,
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// The result of one run.
#[derive(Debug)]
pub struct Survey {
    /// Whether anything was judged.
    pub judged: Judged,
    /// Label of the site; empty if none was given.
    pub site: String,
    /// Whose site it is, and where.
    pub labels: Labels,
    /// The policy that was applied.
    pub policy: Arc<Policy>,
    /// The inputs, read or not, in the order of [`in_order`]; `FrameId` and flows name them by their place here.
    pub inputs: Vec<InputSummary>,
    /// What became of the frames.
    pub frames: FrameCounts,
    /// Frames that are not IP, most first.
    pub non_ip: Vec<NonIpSummary>,
    /// Tunnels taken off.
    pub encapsulations: Vec<EncapsulationSummary>,
    /// Doubts, gravest first.
    pub caveats: Vec<Caveat>,
    /// Hosts and roles.
    pub hosts: Hosts,
    /// Conversations, most packets first.
    pub conversations: Vec<Conversation>,
    /// Findings by severity, then packets.
    pub findings: Vec<Finding>,
    /// One for each cell of the vendor's tables, in the document's order.
    pub coverage: Vec<CellCoverage>,
    /// The same for each device that runs a documented product, in the order of their addresses.
    pub nodes: Vec<HostCoverage>,
    /// The flows with their judgements, in the order of flows.csv.
    pub flows: JudgedFlows,
    /// The file that a flow to TFTP's port asked for first, by the flow's place: untrusted text.
    pub tftp_files: HashMap<u32, String>,
    /// How soon questions are answered.
    pub health: Health,
    /// The files that crossed by TFTP, the longest transfers first.
    pub transfers: Vec<Transfer>,
    /// How much the tables might hold.
    pub limits: Limits,
}

impl Survey {
    /// Whether it was measured how soon questions are answered, here or in a state.
    pub fn tells_health(&self) -> bool {
        self.limits.health || !self.health.pairs.is_empty()
    }

    /// What the words of findings call hosts, ports and frames by.
    pub fn context(&self) -> finding::Context<'_> {
        let inputs = self.inputs.iter().map(|input| input.path.as_str()).collect();
        finding::Context { hosts: &self.hosts, policy: &self.policy, inputs }
    }
}

/// Flows with their judgements: the n-th (from 0) is `f{n+1}`, and [`Judgement::related_to`] is such a place.
#[derive(Debug)]
pub struct JudgedFlows {
    flows: Flows,
    judgements: Vec<Judgement>,
}

impl JudgedFlows {
    /// From flows in the order of flows.csv, and a judgement for each.
    pub fn new(flows: Flows, judgements: Vec<Judgement>) -> Self {
        debug_assert_eq!(flows.len(), judgements.len());
        Self { flows, judgements }
    }

    /// From what reports tell of flows, in order, each with a judgement that calls the client by its place in the row.
    pub fn of_rows(list: impl IntoIterator<Item = (FlowRow, Judgement)>) -> Self {
        let mut judgements = Vec::new();
        let rows = list.into_iter().map(|(row, judgement)| {
            judgements.push(judgement);
            row
        });
        let (flows, first_ends) = Flows::of_rows(rows);
        for (judgement, first) in judgements.iter_mut().zip(first_ends) {
            judgement.client ^= first;
        }
        Self::new(flows, judgements)
    }

    /// Whether odd VLAN paths may have had to share a name.
    pub(crate) fn share_vlan_names(&self) -> bool {
        self.flows.share_vlan_names()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.judgements.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.judgements.is_empty()
    }

    /// The one at a place below [`JudgedFlows::len`].
    #[inline]
    pub fn view(&self, place: usize) -> (FlowView<'_>, &Judgement) {
        (self.flows.view(place as u32), &self.judgements[place])
    }

    /// The judgements alone, in order.
    pub(crate) fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (FlowView<'_>, &Judgement)> {
        (0..self.len()).map(|place| self.view(place))
    }
}
