//! Findings: what a person must read, grouped so that the lines are few.
//!
//! Each kind is one file, under the name that tables, policies and docs/findings.md print: what finds it, what it holds as
//! data, its words and its advice. A finding becomes words only when somebody reads it, by [`Finding::words`]: whatever
//! compares, filters or anonymizes findings works on their data.
//!
//! ```text
//! conversations   groups them by what they share, which conversation_summary puts into words, for:
//!                   unexpected, blocked (by its cause), stopped_answering
//! devices         groups devices by their role, for:
//!                   no_dhcp_offer, no_lease, other_address, address_conflict, address_changed, restarting, link_flaps,
//!                   never_heard, rejected_unseen,
//!                   and of the link itself: poe_too_little, poe_not_negotiated, not_authenticated, topology_changes,
//!                   forwards_late, no_querier, second_dhcp_server, broadcast_storm, packets_too_big, lost_fragments,
//!                   and of how well it works: slow_device, overloaded, lossy_path, slow_transfer, went_silent
//! on their own    old_version, unused_allowance, refused_transfer, silent_together
//! helpers         judged (what several kinds look up)
//!                 life (who was there while it was tried)
//!                 dhcp, arp (what was observed)
//!                 contest (who speaks for one address)
//!                 by_mac (devices by their MAC)
//!                 filter (Wireshark)
//!                 phrases, doubts (words)
//!                 silences (of devices, and what they have in common)
//!                 silent_time (for pictures)
//!                 transfers (of files, also for transfers.csv)
//!                 tftp_errors (what their codes mean)
//! ```
//!
//! # What a new kind touches
//!
//! | where | what | who asks for it |
//! |---|---|---|
//! | `policy/words.rs`, `FindingKind` | its name, and its meaning in a sentence | |
//! | a file here, and a line of `DETECTORS` | what finds it, its data, words and advice | the compiler: its file is dead code |
//! | `policy/igor.toml`, a `[[severity]]` row | how much it matters; a notice without one | nobody |
//! | `state.rs` | how a device stands of which it is found | the compiler |
//! | `report/json/compare/mod.rs` | what proves it mended at the next visit; nothing, unless it is named there | nobody |
//! | `live/events.rs` | whether it may be told before the survey ends | nobody |
//! | `docs/findings.md`, `docs/policy.md` | its heading; its name among those of severity rows | a test |
//! | `examples/generate`, `tests/main/proofs.rs`, `docs/proofs.md` | a sample that shows it, and what it must say | nobody |

mod address_changed;
mod address_conflict;
mod arp;
mod blocked;
mod broadcast_storm;
mod by_mac;
mod cause;
mod contest;
mod conversation_summary;
mod conversations;
mod devices;
mod dhcp;
mod doubts;
mod filter;
mod forwards_late;
mod judged;
mod life;
mod link_flaps;
mod lossy_path;
mod lost_fragments;
mod mac_use;
mod never_heard;
mod no_dhcp_offer;
mod no_lease;
mod no_querier;
mod not_authenticated;
mod old_version;
mod one_device;
mod other_address;
mod overloaded;
mod packets_too_big;
mod phrases;
mod poe_not_negotiated;
mod poe_too_little;
mod refused_transfer;
mod rejected_unseen;
mod restarting;
mod second_dhcp_server;
mod silences;
mod silent_time;
mod silent_together;
mod slow_device;
mod slow_transfer;
mod state;
mod stopped_answering;
#[cfg(test)]
mod tests;
mod tftp_errors;
mod topology_changes;
mod transfers;
mod unexpected;
mod unused_allowance;
mod went_silent;

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use judged::Judged;
pub use silent_time::{SilentTime, SilentTimes};
pub use state::{Standing, Standings, State};
pub use transfers::{Held, Transfer, Transfers};

use crate::capture::{FrameId, Timestamp};
use crate::decode::MacAddr;
use crate::flow::Window;
use crate::inventory::Hosts;
use crate::policy::{Case, FindingKind, Policy, Reason, Role, Rule, Severity};
use crate::protocol::Transport;
use crate::verdict::{Judgements, Observations, Outcome, Verdict};

/// What a finding is about, by the name that tables, policies and docs/findings.md print.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Conversations that no document and no allowance of the site explains, and why.
    Unexpected(Reason),
    /// Anything else.
    Other(FindingKind),
}

impl Kind {
    /// Every kind, those of unexpected conversations first.
    pub fn all() -> impl Iterator<Item = Self> {
        Reason::ALL.into_iter().map(Self::Unexpected).chain(FindingKind::ALL.into_iter().map(Self::Other))
    }

    /// Name as it stands in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unexpected(reason) => reason.name(),
            Self::Other(kind) => kind.name(),
        }
    }
}

impl Kind {
    /// The same as people read it: `no DHCP offer`.
    pub fn said(self) -> String {
        let word = |word| match word {
            "dhcp" => "DHCP",
            "poe" => "PoE",
            "ip" => "IP",
            word => word,
        };
        self.name().split('-').map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Whom a finding is about; addresses are listed before MACs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    /// A host, by its address.
    Address(IpAddr),
    /// A device that has no address.
    Mac(MacAddr),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Mac(mac) => mac.fmt(f),
        }
    }
}

impl From<IpAddr> for Who {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl Who {
    /// The same of another host.
    pub(crate) fn replaced(self, with: &dyn Replace) -> Self {
        match self {
            Self::Address(address) => Self::Address(with.address(address)),
            Self::Mac(mac) => Self::Mac(with.mac(mac)),
        }
    }
}

/// One line a person must read.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// Verdict of its conversations; `None` for findings that are not of a conversation (a version,
    /// an allowance that matched nothing).
    pub verdict: Option<Verdict>,
    /// Outcome, where one is part of it.
    pub outcome: Option<Outcome>,
    /// The clients' role, if it has any.
    pub client_role: Option<Role>,
    /// Who asked, or whom it is about.
    pub clients: Arc<[Who]>,
    /// The servers' role.
    pub server_role: Option<Role>,
    /// Who was asked.
    pub servers: Arc<[Who]>,
    /// Transport, if one.
    pub transport: Option<Transport>,
    /// The server's port, if one.
    pub server_port: Option<u16>,
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
    /// What decided: the first few.
    pub rules: Vec<Rule>,
    /// Indices of the inputs, ascending.
    pub sources: Vec<u32>,
    /// Indices of its conversations, ascending.
    pub conversations: Vec<u32>,
    /// What was seen, as its kind holds it.
    pub facts: Arc<dyn Facts>,
}

/// A finding as people read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// The client, or several joined by `;` (the first few and how many more).
    pub client: String,
    /// The server, or several.
    pub server: String,
    /// The vendor's word for the port, or the name the payload proves.
    pub service: String,
    /// What decides, in a few words; may be empty.
    pub gist: String,
    /// What was seen, with evidence (frame numbers, times, who sent what), in plain words.
    pub detail: String,
    /// What to do about it.
    pub advice: String,
    /// What decided, cited.
    pub rule: String,
    /// A Wireshark display filter that shows just this finding's packets.
    pub display_filter: String,
}

/// What words call hosts, ports and frames by.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The hosts of the survey.
    pub hosts: &'a Hosts,
    /// The policy that was applied.
    pub policy: &'a Policy,
    /// Names of the inputs, by index.
    pub inputs: Vec<&'a str>,
}

impl Context<'_> {
    /// What a host is called, in brackets and with the space before it.
    fn name(&self, who: impl Into<Who>) -> String {
        let Who::Address(address) = who.into() else { return String::new() };
        self.hosts
            .at(address)
            .and_then(|host| host.name.as_deref())
            .map_or_else(String::new, |name| format!(" ({name})"))
    }
}

/// What stands for the addresses and texts of a site in a survey that is given away.
pub trait Replace {
    /// Another address of the same kind.
    fn address(&self, address: IpAddr) -> IpAddr;
    /// Another link address.
    fn mac(&self, mac: MacAddr) -> MacAddr;
    /// What stands for a text that somebody of the site, or anybody else, has written.
    fn left_out(&self) -> String;
}

/// What was seen, as one kind of finding holds it, and the words for it.
pub trait Facts: fmt::Debug + Send + Sync {
    /// The vendor's word for the port, or the name the payload proves.
    fn service(&self, _: &Finding, _: &Context<'_>) -> String {
        String::new()
    }
    /// What decides, in a few words: a cause, a version, a payload. Findings with the same are told together.
    fn gist(&self, _: &Finding, _: &Context<'_>) -> String {
        String::new()
    }
    /// What to do first, as an order of a few words.
    fn next(&self, _: &Finding) -> &str {
        ""
    }
    /// Whether it is the clients that went silent, or else the servers, and when their last answer came.
    fn silence(&self) -> Option<(bool, Timestamp)> {
        None
    }
    /// When devices were silent for long, where that is what it tells.
    fn silent_times(&self) -> SilentTimes {
        SilentTimes::default()
    }
    /// What was seen, with its evidence.
    fn detail(&self, finding: &Finding, context: &Context<'_>) -> String;
    /// The same without the conversations of [`Facts::evidence`], for who shows those as a table.
    fn brief(&self, finding: &Finding, context: &Context<'_>) -> String {
        self.detail(finding, context)
    }
    /// The first few conversations with their frames.
    fn evidence(&self) -> &[Evidence] {
        &[]
    }
    /// What to do about it.
    fn advice(&self, finding: &Finding, context: &Context<'_>) -> String;
    /// What decided, cited.
    fn rule(&self, finding: &Finding, context: &Context<'_>) -> String {
        let mut list: Vec<String> = finding.rules.iter().map(|rule| context.policy.cite(*rule)).collect();
        list.retain(|text| !text.is_empty());
        list.join("; ")
    }
    /// A Wireshark display filter for its packets.
    fn display_filter(&self, _: &Finding) -> String {
        String::new()
    }
    /// The same of other hosts: every address, link address and text of the site replaced.
    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts>;
}

impl Finding {
    /// A finding that is not of conversations.
    fn new(seen: &Observations<'_>, kind: FindingKind, role: Role, facts: Arc<dyn Facts>) -> Self {
        Self {
            kind: Kind::Other(kind),
            severity: seen.policy.severity(Case::Finding(kind), role, role, Transport::Other(0), 0),
            verdict: None,
            outcome: None,
            client_role: None,
            clients: Arc::default(),
            server_role: None,
            servers: Arc::default(),
            transport: None,
            server_port: None,
            flows: 0,
            packets: 0,
            bytes: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            rules: Vec::new(),
            sources: Vec::new(),
            conversations: Vec::new(),
            facts,
        }
    }

    /// The finding as people read it.
    pub fn words(&self, context: &Context<'_>) -> Words {
        Words {
            client: self.client(),
            server: self.server(),
            service: self.facts.service(self, context),
            gist: self.facts.gist(self, context),
            detail: self.facts.detail(self, context),
            advice: self.facts.advice(self, context),
            rule: self.facts.rule(self, context),
            display_filter: self.facts.display_filter(self),
        }
    }

    /// The client, or several joined by `;` (the first few and how many more).
    pub fn client(&self) -> String {
        phrases::listed(&self.clients)
    }

    /// The server, or several.
    pub fn server(&self) -> String {
        phrases::listed(&self.servers)
    }

    /// Who is concerned, by name where there is one: `node-7, node-9 and 3 more to gateway`.
    pub fn parties(&self, context: &Context<'_>) -> String {
        let [clients, servers] = [&self.clients, &self.servers].map(|all| phrases::called(all, context));
        if servers.is_empty() || clients.is_empty() { clients + &servers } else { format!("{clients} to {servers}") }
    }

    /// Its outcome as people read it.
    pub fn outcome_said(&self) -> Option<&'static str> {
        self.outcome.map(|outcome| outcome.said(self.server_role.unwrap_or(Role::Host)))
    }

    /// The same finding about other hosts.
    #[must_use]
    pub fn replaced(&self, with: &dyn Replace) -> Self {
        // The order of the real addresses would tell which they are.
        let others = |all: &[Who]| {
            let mut others: Vec<Who> = all.iter().map(|who| who.replaced(with)).collect();
            others.sort_unstable();
            others.into()
        };
        Self {
            clients: others(&self.clients),
            servers: others(&self.servers),
            facts: self.facts.replaced(with),
            ..self.clone()
        }
    }
}

/// A frame that words cite, and its time as it was written.
#[derive(Clone, Copy, Debug)]
pub struct Cited {
    /// The frame.
    pub frame: FrameId,
    /// Its time.
    pub time: Timestamp,
}

/// What was seen of one conversation.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Who asked.
    pub client: IpAddr,
    /// Who was asked.
    pub server: IpAddr,
    /// Packets there and back.
    pub packets: [u64; 2],
    /// The first frame.
    pub at: Cited,
}

impl Cited {
    const fn new(frame: FrameId, time: Timestamp) -> Self {
        Self { frame, time }
    }

    /// The first frame of a window.
    const fn of(window: &Window) -> Self {
        Self::new(window.frame(), window.first)
    }
}

/// What finds findings of one kind, or of several.
type Detector = fn(&Judged<'_>) -> Vec<Finding>;

/// All of them. Of two findings that matter as much, the one that is found first is told first.
const DETECTORS: [Detector; 29] = [
    conversations::find,
    old_version::find,
    unused_allowance::find,
    no_dhcp_offer::find,
    no_lease::find,
    other_address::find,
    refused_transfer::find,
    address_conflict::find,
    address_changed::find,
    poe_too_little::find,
    poe_not_negotiated::find,
    not_authenticated::find,
    second_dhcp_server::find,
    restarting::find,
    link_flaps::find,
    broadcast_storm::find,
    no_querier::find,
    topology_changes::find,
    forwards_late::find,
    packets_too_big::find,
    lost_fragments::find,
    never_heard::find,
    rejected_unseen::find,
    slow_device::find,
    overloaded::find,
    lossy_path::find,
    slow_transfer::find,
    silent_together::find,
    went_silent::find,
];

/// All findings: by severity, then packets; and the files that crossed.
pub fn find(seen: &Observations<'_>, judged: &Judgements) -> (Vec<Finding>, Transfers) {
    let transfers = transfers::each(seen);
    let judged = Judged::new(seen, judged, &transfers);
    let mut findings: Vec<Finding> = DETECTORS.iter().flat_map(|detector| detector(&judged)).collect();
    findings.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.packets)));
    (findings, Transfers::of(transfers))
}
