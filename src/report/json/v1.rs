//! Version 1 of survey.json: what scripts, `compare` and `merge` rely on.
//!
//! These types stand apart from the program's own, so that those may change. Within a version,
//! fields may be added and none may change its name or meaning. Rows have the columns of the CSV
//! file of the same name; `null` means not known. Words (verdicts, roles, ...) are kept as text, so
//! that an older program reads what a newer one wrote.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::values::Time;
pub use crate::report::conversations::Conversation;
pub use crate::report::coverage::Cell;
pub use crate::report::findings::Finding;
pub use crate::report::flows::Flow;
pub use crate::report::health::HealthRecord as Health;
pub use crate::report::inventory::Host;
pub use crate::report::nodes::Node;
pub use crate::report::transfers::TransferRecord as Transfer;

/// Version of this schema.
pub const SCHEMA_VERSION: u32 = 1;

/// Borrowed when written, owned when read.
pub type Text<'a> = Cow<'a, str>;

/// The whole file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Survey<'a> {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Whether anything was judged. Older files do not say.
    #[serde(default)]
    pub judged: Option<Judged<'a>>,
    /// The program that wrote it.
    pub tool: Tool<'a>,
    /// When it was written, if that was asked for: without it, the same input gives the same bytes.
    pub created: Option<Time>,
    /// What was read.
    pub inputs: Vec<Input<'a>>,
    /// What became of the frames.
    pub frames: Frames<'a>,
    /// Label of the site; in a merge of several sites empty, and each row has its own.
    pub site: Text<'a>,
    /// What it was held against.
    pub policy: Policy<'a>,
    /// Frames that are not IP.
    pub non_ip: Vec<NonIp<'a>>,
    /// Tunnels and mirrors that were taken off.
    pub encapsulations: Vec<Encapsulation<'a>>,
    /// Doubts, gravest first.
    pub caveats: Vec<Caveat<'a>>,
    /// Flows, in the order of flows.csv.
    pub flows: Vec<Flow<'a>>,
    /// Conversations, most packets first.
    pub conversations: Vec<Conversation<'a>>,
    /// Findings, in the order of findings.csv.
    pub findings: Vec<Finding<'a>>,
    /// The vendor's tables, cell by cell.
    pub coverage: Vec<Cell<'a>>,
    /// Hosts, by address.
    pub inventory: Vec<Host<'a>>,
    /// Devices that run a documented product, by address, with the state of each of their ports. Older
    /// files have none.
    #[serde(default)]
    pub nodes: Vec<Node<'a>>,
    /// How soon questions are answered, in the order of health.csv. Older files have none.
    #[serde(default)]
    pub health: Vec<Health<'a>>,
    /// The files that crossed by TFTP, in the order of transfers.csv, where any did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<Transfer<'a>>,
    /// How much the tables might hold; a merge has none. Older files do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// How much the tables might hold: what was beyond is counted in a caveat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Limits {
    /// Flows of each address family.
    pub max_flows: u64,
    /// Later fragments until their first one comes.
    pub max_fragments: u64,
}

/// Whether a survey judged anything of Igor's hosts: without that, no finding is no all-clear.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judged<'a> {
    /// Whether anything was; of several sites, whether something was of each.
    pub value: bool,
    /// Why not; `null` if it was.
    pub reason: Option<Text<'a>>,
    /// What to do next; `null` if it was.
    pub next: Option<Text<'a>>,
    /// In a merge, the same of each site by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<JudgedSite<'a>>,
}

impl Judged<'_> {
    /// Of a survey, called `it`, that was written before surveys said so.
    pub(in crate::report) fn unknown(it: &str) -> Self {
        Self {
            value: false,
            reason: Some(
                format!("An older igorscope wrote {it}, which did not say whether anything was judged.").into(),
            ),
            next: Some("Analyze its captures again.".into()),
            sites: Vec::new(),
        }
    }
}

/// Whether anything was judged of one site of a merge.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JudgedSite<'a> {
    /// Its label.
    pub site: Text<'a>,
    /// Whether anything was.
    pub value: bool,
    /// Why not; `null` if it was.
    pub reason: Option<Text<'a>>,
    /// What to do next; `null` if it was.
    pub next: Option<Text<'a>>,
}

/// A program.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its version.
    pub version: Text<'a>,
}

/// An input.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Input<'a> {
    /// Path as it was named, or found in a folder; `-` for standard input.
    pub path: Text<'a>,
    /// Size in bytes, as stored.
    pub size: u64,
    /// SHA-256 of the file as stored, lower-case hex.
    pub sha256: Option<Text<'a>>,
    /// `pcap` or `pcapng`, with `+gzip`, `+zstd` or `+xz` if compressed.
    pub format: Text<'a>,
    /// Link types by name.
    pub link_types: Vec<Text<'a>>,
    /// Packet records.
    pub frames: u64,
    /// Sum of captured lengths.
    pub captured_bytes: u64,
    /// Sum of original lengths.
    pub wire_bytes: u64,
    /// Earliest time.
    pub first_seen: Option<Time>,
    /// Latest time.
    pub last_seen: Option<Time>,
    /// Where and why reading ended early.
    pub damage: Option<Damage<'a>>,
    /// Site, in a merge of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// Why an input was not read to its end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Damage<'a> {
    /// Byte offset in the (decompressed) capture.
    pub offset: u64,
    /// What is wrong there.
    pub reason: Text<'a>,
}

/// total = decoded + the sum of stopped.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frames<'a> {
    /// Packet records.
    pub total: u64,
    /// Decoded to their end.
    pub decoded: u64,
    /// The rest.
    pub stopped: Vec<Stopped<'a>>,
    /// Layers below IP that are not read and may carry it; their frames are among the stopped ones. Older files have none.
    #[serde(default)]
    pub unread: Vec<Unread<'a>>,
}

/// A layer below IP that is not read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unread<'a> {
    /// Whose number it is: `ethertype`, `link-type`, `llc`, `snap`, `ppp`, `address-family`, `wlan`.
    pub kind: Text<'a>,
    /// The number.
    pub number: Option<u32>,
    /// What is known by that number.
    pub name: Option<Text<'a>>,
    /// Whether an IP header plausibly stands behind it: a tag that is not known.
    pub before_ip: bool,
    /// How many.
    pub frames: u64,
    /// The part of all frames, from 0 to 1.
    pub share: f64,
}

/// Frames whose decoding ended early.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stopped<'a> {
    /// The layer that could not be read to its end.
    pub layer: Text<'a>,
    /// Why.
    pub reason: Text<'a>,
    /// How many.
    pub frames: u64,
}

/// The policy that was applied.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Policy<'a> {
    /// Its name; `igor` for the one that is built in.
    pub name: Text<'a>,
    /// Title of the vendor's document.
    pub title: Text<'a>,
    /// The file it came from; `null` for the one that is built in.
    pub path: Option<Text<'a>>,
    /// The vendor's documents.
    pub documents: Vec<Document<'a>>,
    /// The site's own allowances.
    pub allowances: Vec<Allowance<'a>>,
    /// The supporting protocols.
    pub supporting: Vec<Supporting<'a>>,
    /// What antivirus software on the gateway must leave alone: a checklist, which no capture can tick off.
    #[serde(default)]
    pub antivirus: Antivirus<'a>,
    /// What the policy does not keep of the file it came from (a MUD file).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Text<'a>>,
}

/// Exclusions for antivirus software.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Antivirus<'a> {
    /// Folders, as Windows paths.
    pub paths: Vec<Text<'a>>,
    /// Processes, as Windows paths.
    pub processes: Vec<Text<'a>>,
}

/// A document of the vendor.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document<'a> {
    /// Short name.
    pub name: Text<'a>,
    /// The product, in the vendor's words.
    pub product: Text<'a>,
    /// The lowest version it covers.
    pub minimum_version: Text<'a>,
    /// How many cells its tables have.
    pub cells: u64,
}

/// An allowance of the site's own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Allowance<'a> {
    /// Its name, if it has one.
    pub name: Option<Text<'a>>,
    /// Why the site allows it.
    pub reason: Text<'a>,
}

/// A protocol that networks need.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Supporting<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// The service it is.
    pub service: Text<'a>,
    /// Why networks need it.
    pub reason: Text<'a>,
}

/// Frames of one kind that are not IP.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NonIp<'a> {
    /// Kind, by name.
    pub kind: Text<'a>,
    /// How many.
    pub frames: u64,
    /// Their original lengths.
    pub bytes: u64,
    /// Site, in a merge of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A tunnel or mirror that was taken off.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Encapsulation<'a> {
    /// Kind, by name.
    pub kind: Text<'a>,
    /// Outer sender.
    pub source: IpAddr,
    /// Outer receiver.
    pub destination: IpAddr,
    /// How many frames.
    pub frames: u64,
    /// Their original lengths.
    pub bytes: u64,
    /// Site, in a merge of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A doubt about the capture or the method.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Caveat<'a> {
    /// What kind, for scripts.
    pub kind: Text<'a>,
    /// In words.
    pub text: Text<'a>,
    /// Site, in a merge of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}
