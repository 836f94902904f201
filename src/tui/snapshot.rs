//! What is drawn: a survey as it stood at one moment.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::answers::{self, Answers};
use crate::capture::Timestamp;
use crate::finding::{Finding, Standing, Standings};
use crate::live::{Status, Tick, identities, is_early, is_young};
use crate::policy::Role;
use crate::report::Names;
use crate::survey::{JudgedFlows, Survey};
use crate::verdict::{CellState, Verdict};

/// Rates that are remembered: one a tick, as many as the widest terminal has columns.
const RATES: usize = 512;

/// Packets and bits a second between two ticks.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Rate {
    /// Packets a second.
    pub packets: f64,
    /// Bits a second, on the wire.
    pub bits: f64,
}

/// A finding and when it was first told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListedFinding {
    /// Its place in [`Survey::findings`].
    pub at: usize,
    /// Stays the same while it grows.
    pub identity: u64,
    /// When it was told.
    pub when: Timestamp,
}

/// A device that runs a documented product.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedDevice {
    /// Its address.
    pub address: String,
    /// Name from the inventory; empty if none.
    pub name: String,
    /// Role.
    pub role: Role,
    /// How the role is known.
    pub basis: String,
    /// Its last packet, sent or received; unknown if it was never heard.
    pub last: Timestamp,
    /// Packets sent and received.
    pub packets: u64,
    /// Each cell of its documents and the best that was seen of it.
    pub cells: Vec<(u16, CellState)>,
    /// Conversations of it that are unexpected.
    pub unexpected: u32,
    /// Documented conversations of it that are blocked.
    pub blocked: u32,
    /// How it stands.
    pub standing: Standing,
}

impl ListedDevice {
    /// How many of its cells were seen in a state.
    pub fn count(&self, state: CellState) -> usize {
        self.cells.iter().filter(|(_, seen)| *seen == state).count()
    }
}

/// A survey as it stood at one moment.
pub struct Snapshot {
    /// Rates and drops.
    pub status: Status,
    /// What was judged, without its flows, which nobody could read here, and without findings that an answer or a first
    /// packet may yet make nothing of.
    pub survey: Survey,
    /// Its words.
    pub names: Names,
    /// When it was made.
    pub now: Timestamp,
    /// Oldest first.
    pub rates: Vec<Rate>,
    /// Newest first.
    pub findings: Vec<ListedFinding>,
    /// In the order of their addresses.
    pub devices: Vec<ListedDevice>,
    /// How soon devices answer, in the order of their addresses; nothing where that is not measured.
    pub answers: Vec<Answers>,
    /// Whether it is too early to say of a device that it was never heard.
    pub is_young: bool,
}

impl Snapshot {
    /// The gravest finding; of equal ones that of most packets.
    pub fn gravest(&self) -> Option<&Finding> {
        self.survey.findings.first()
    }
}

/// Makes snapshots of ticks, and remembers what must outlast one: rates, and when a finding came.
#[derive(Default, Debug)]
pub struct Snapshots {
    rates: VecDeque<Rate>,
    /// Elapsed time, frames and bytes at the last tick.
    before: (Duration, u64, u64),
    /// Order and time of telling, by identity.
    told: HashMap<u64, (u64, Timestamp)>,
}

impl Snapshots {
    /// The next one.
    pub fn take(&mut self, tick: Tick, now: Timestamp) -> Snapshot {
        let Tick { status, mut survey } = tick;
        survey.flows = JudgedFlows::of_rows(Vec::new());
        self.rate(&status);
        let early: Vec<bool> = survey.findings.iter().map(|finding| is_early(&survey, finding, Some(now))).collect();
        let mut early = early.into_iter();
        survey.findings.retain(|_| !early.next().unwrap_or(false));
        let findings = self.findings(&survey, now);
        let devices = devices(&survey, now);
        Snapshot {
            names: Names::of(&survey),
            is_young: is_young(&survey, now),
            answers: answers::of(&survey),
            rates: self.rates.iter().copied().collect(),
            status,
            survey,
            now,
            findings,
            devices,
        }
    }

    pub(super) fn rate(&mut self, status: &Status) {
        let (elapsed, frames, bytes) = self.before;
        let seconds = status.elapsed.saturating_sub(elapsed).as_secs_f64().max(0.001);
        let rate = Rate {
            packets: status.frames.saturating_sub(frames) as f64 / seconds,
            bits: status.wire_bytes.saturating_sub(bytes) as f64 * 8.0 / seconds,
        };
        self.before = (status.elapsed, status.frames, status.wire_bytes);
        if self.rates.len() == RATES {
            self.rates.pop_front();
        }
        self.rates.push_back(rate);
    }

    fn findings(&mut self, survey: &Survey, now: Timestamp) -> Vec<ListedFinding> {
        let mut list = Vec::new();
        // The gravest are first in the survey; of those that come at once it shall be told last, on top.
        for (at, identity) in identities(&survey.findings).into_iter().enumerate().rev() {
            let next = self.told.len() as u64;
            let (order, when) = *self.told.entry(identity).or_insert((next, now));
            list.push((order, ListedFinding { at, identity, when }));
        }
        list.sort_by_key(|(order, told)| (std::cmp::Reverse(*order), told.at));
        list.into_iter().map(|(_, told)| told).collect()
    }
}

/// The devices of the vendor's tables, those that are only declared among them.
fn devices(survey: &Survey, now: Timestamp) -> Vec<ListedDevice> {
    let told = survey.findings.iter().filter(|finding| !is_early(survey, finding, Some(now)));
    let standings = Standings::of(told, &survey.hosts);
    let trouble = trouble(survey);
    let seen = survey.nodes.iter().map(|coverage| {
        let host = survey.hosts.get(coverage.host);
        let (unexpected, blocked) = trouble.get(&coverage.host.0).copied().unwrap_or_default();
        ListedDevice {
            address: host.address.to_string(),
            name: host.name.as_deref().unwrap_or_default().to_owned(),
            role: host.role,
            basis: host.basis.to_string(),
            last: host.last_seen,
            packets: host.packets_sent.saturating_add(host.packets_received),
            cells: coverage.cells.clone(),
            unexpected,
            blocked,
            standing: standings.get(coverage.host),
        }
    });
    seen.collect()
}

/// For each host its conversations that are unexpected, and those that are blocked.
fn trouble(survey: &Survey) -> HashMap<u32, (u32, u32)> {
    let mut trouble: HashMap<u32, (u32, u32)> = HashMap::new();
    for conversation in &survey.conversations {
        let (unexpected, blocked) = match conversation.verdict {
            Verdict::Unexpected => (1, 0),
            Verdict::Documented if conversation.outcome.is_blocked() => (0, 1),
            _ => continue,
        };
        for host in [conversation.client, conversation.server] {
            let sum = trouble.entry(host.0).or_default();
            *sum = (sum.0 + unexpected, sum.1 + blocked);
        }
    }
    trouble
}
