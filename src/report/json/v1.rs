//! Version 1 of survey.json: what scripts, `compare` and `merge` rely on.
//!
//! These types stand apart from the program's own, so that those may change. Within a version,
//! fields may be added and none may change its name or meaning. Rows have the columns of the CSV
//! file of the same name; `null` means not known. Words (verdicts, roles, ...) are kept as text, so
//! that an older program reads what a newer one wrote.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::values::{Mac, Time};

/// Version of this schema.
pub const SCHEMA_VERSION: u32 = 1;

/// Borrowed when written, owned when read.
pub type Text<'a> = Cow<'a, str>;

/// The whole file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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

/// A row of flows.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Flow<'a> {
    pub flow_id: Text<'a>,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    pub duration_s: Option<f64>,
    pub vlan: Option<Text<'a>>,
    pub transport: Text<'a>,
    /// ICMP and ICMPv6: the type.
    pub icmp_type: Option<u8>,
    pub client_ip: IpAddr,
    pub client_port: Option<u16>,
    pub client_mac: Option<Mac>,
    pub client_role: Text<'a>,
    pub client_name: Option<Text<'a>>,
    pub server_ip: IpAddr,
    pub server_port: Option<u16>,
    pub server_mac: Option<Mac>,
    pub server_role: Text<'a>,
    pub server_name: Option<Text<'a>>,
    pub service: Option<Text<'a>>,
    pub verdict: Text<'a>,
    pub reason: Option<Text<'a>>,
    pub severity: Option<Text<'a>>,
    pub outcome: Text<'a>,
    pub direction_basis: Text<'a>,
    pub payload: Text<'a>,
    pub payload_protocol: Option<Text<'a>>,
    /// A `flow_id`.
    pub related_to: Option<Text<'a>>,
    pub rule: Option<Text<'a>>,
    pub client_packets: u64,
    pub client_bytes: u64,
    pub server_packets: u64,
    pub server_bytes: u64,
    pub client_tcp_flags: Option<Text<'a>>,
    pub server_tcp_flags: Option<Text<'a>>,
    pub community_id: Option<Text<'a>>,
    /// Positions in `inputs`, from 0.
    pub sources: Vec<u32>,
    /// Position in `conversations`, from 0.
    pub conversation: u32,
    #[serde(default)]
    pub duplicates: u64,
    /// `vlan` with `>` between tags. Older files have none.
    #[serde(default)]
    pub vlan_path: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// The flows of one (client, server, transport, service port), across VLAN paths.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are those of flows.csv
pub struct Conversation<'a> {
    pub client_ip: IpAddr,
    pub client_role: Text<'a>,
    pub client_name: Option<Text<'a>>,
    pub server_ip: IpAddr,
    pub server_role: Text<'a>,
    pub server_name: Option<Text<'a>>,
    pub transport: Text<'a>,
    pub server_port: Option<u16>,
    pub icmp_type: Option<u8>,
    pub service: Option<Text<'a>>,
    pub verdict: Text<'a>,
    pub reason: Option<Text<'a>>,
    pub severity: Option<Text<'a>>,
    pub outcome: Text<'a>,
    /// Worked, then went silent while requests went on.
    pub stopped_answering: bool,
    pub rule: Option<Text<'a>>,
    pub flows: u64,
    pub client_packets: u64,
    pub client_bytes: u64,
    pub server_packets: u64,
    pub server_bytes: u64,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A row of findings.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Finding<'a> {
    pub id: u64,
    pub severity: Text<'a>,
    pub verdict: Option<Text<'a>>,
    pub reason: Text<'a>,
    pub outcome: Option<Text<'a>>,
    pub client_role: Option<Text<'a>>,
    pub client: Option<Text<'a>>,
    pub server_role: Option<Text<'a>>,
    pub server: Option<Text<'a>>,
    pub transport: Option<Text<'a>>,
    pub server_port: Option<u16>,
    pub service: Option<Text<'a>>,
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    pub detail: Text<'a>,
    pub advice: Text<'a>,
    pub rule: Option<Text<'a>>,
    pub display_filter: Option<Text<'a>>,
    /// Positions in `inputs`, from 0.
    pub sources: Vec<u32>,
    /// Positions in `conversations`, from 0.
    pub conversations: Vec<u32>,
    /// What decides, in a few words. Older files do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gist: Option<Text<'a>>,
    /// What to do first, in a few words. Older files do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A row of coverage.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Cell<'a> {
    pub document: Text<'a>,
    pub minimum_version: Text<'a>,
    pub role: Text<'a>,
    pub direction: Text<'a>,
    pub transport: Text<'a>,
    pub port: u16,
    pub service: Text<'a>,
    pub state: Text<'a>,
    pub peers: u64,
    pub flows: u64,
    pub packets: u64,
    pub bytes: u64,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    #[serde(default)]
    pub hosts_carried: u64,
    #[serde(default)]
    pub hosts_blocked: u64,
    #[serde(default)]
    pub hosts_one_way: u64,
    #[serde(default)]
    pub hosts_not_seen: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A row of inventory.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Host<'a> {
    pub address: IpAddr,
    pub mac: Option<Mac>,
    pub role: Text<'a>,
    pub role_basis: Text<'a>,
    pub confidence: u8,
    pub name: Option<Text<'a>>,
    pub version: Option<Text<'a>>,
    pub first_seen: Option<Time>,
    pub last_seen: Option<Time>,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    pub packets_received: u64,
    pub bytes_received: u64,
    /// `tcp/80`, ...
    pub serves: Vec<Text<'a>>,
    /// False for a host that is only declared.
    #[serde(default = "yes")]
    pub heard: bool,
    #[serde(default)]
    pub other_macs: Vec<Mac>,
    #[serde(default)]
    pub lldp_name: Option<Text<'a>>,
    #[serde(default)]
    pub switch: Option<Text<'a>>,
    #[serde(default)]
    pub switch_port: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A row of nodes.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Node<'a> {
    pub address: IpAddr,
    pub mac: Option<Mac>,
    pub role: Text<'a>,
    pub name: Option<Text<'a>>,
    pub carried: u64,
    pub blocked: u64,
    pub one_way: u64,
    pub not_seen: u64,
    /// `in_tcp_88`, ...: the state of each port of the host's documents.
    pub ports: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// A row of health.csv.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(missing_docs)] // the columns are explained where they are declared
pub struct Health<'a> {
    pub asker_ip: IpAddr,
    pub asker_role: Option<Text<'a>>,
    pub asker_name: Option<Text<'a>>,
    pub answerer_ip: IpAddr,
    pub answerer_role: Option<Text<'a>>,
    pub answerer_name: Option<Text<'a>>,
    pub transport: Text<'a>,
    pub service_port: Option<u16>,
    pub measure: Text<'a>,
    pub asked: u64,
    pub answered: u64,
    pub repeated: u64,
    pub answered_again: u64,
    pub unasked: u64,
    pub min_s: Option<f64>,
    pub median_s: Option<f64>,
    pub p95_s: Option<f64>,
    pub p99_s: Option<f64>,
    pub max_s: Option<f64>,
    pub segments: Option<u64>,
    pub bytes: Option<u64>,
    pub retransmitted: Option<u64>,
    pub retransmitted_bytes: Option<u64>,
    pub spurious: Option<u64>,
    pub out_of_order: Option<u64>,
    pub duplicate_acks: Option<u64>,
    pub zero_windows: Option<u64>,
    pub uncaptured_bytes: Option<u64>,
    /// The times as a histogram: the numbers of the buckets that are not empty, each with how many times are in it.
    /// Bucket n begins at 2^(10 + n/16) nanoseconds, the first at 0.
    pub buckets: Vec<(u16, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Text<'a>>,
    /// Which survey of its site it is of, in a merge of several of one site: from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<u32>,
}

/// Files that do not say it hold only hosts that were heard.
const fn yes() -> bool {
    true
}
