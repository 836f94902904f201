//! What is new from one judgement to the next: findings, flows that ended.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::{EndView, FlowView};
use crate::policy::Transport;
use crate::survey::Survey;
use crate::verdict::{Finding, Outcome};

/// Nanoseconds that an answer may take before its absence is told: SYNs are sent again after 1 and 3 s.
const PATIENCE: i64 = 3_000_000_000;
/// Nanoseconds without a packet after which a flow is told as ended.
const IDLE: i64 = 60_000_000_000;

/// Why a flow is told as ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// FIN both ways, or RST.
    Closed,
    /// Nothing came for a minute.
    Idle,
    /// The capture ended.
    Capture,
}

impl Ending {
    /// As it stands in a JSON line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Idle => "idle",
            Self::Capture => "capture-ended",
        }
    }
}

/// Remembers what was told.
#[derive(Debug)]
pub struct Events {
    /// Nanoseconds without a packet after which a flow is told as ended.
    idle: i64,
    findings: HashSet<u64>,
    flows: HashSet<u64>,
}

impl Events {
    /// Nothing was told yet. A flow is told as ended before it is folded after `fold_after`.
    pub fn new(fold_after: Duration) -> Self {
        let fold_after = i64::try_from(fold_after.as_nanos()).unwrap_or(i64::MAX);
        Self { idle: IDLE.min(fold_after), findings: HashSet::new(), flows: HashSet::new() }
    }

    /// Places of the findings that were not told yet. `now` is `None` at the end: then everything is told.
    pub fn findings(&mut self, survey: &Survey, now: Option<Timestamp>) -> Vec<usize> {
        let is_new = |(at, finding): (usize, &Finding)| {
            (!is_early(finding, now) && self.findings.insert(identity(finding))).then_some(at)
        };
        survey.findings.iter().enumerate().filter_map(is_new).collect()
    }

    /// Places of the flows that ended and were not told yet.
    pub fn flows(&mut self, survey: &Survey, now: Option<Timestamp>) -> Vec<(usize, Ending)> {
        let told = std::mem::take(&mut self.flows);
        let ended = |(at, (flow, _)): (usize, (FlowView<'_>, _))| {
            if flow.folded > 0 {
                // They ended, and were told so, one by one.
                return None;
            }
            let ending = match (is_closed(&flow), now) {
                (true, _) => Some(Ending::Closed),
                (false, None) => Some(Ending::Capture),
                (false, _) => (!is_younger(flow.last(), now, self.idle)).then_some(Ending::Idle),
            };
            let key = hash(&(
                flow.ends.each_ref().map(|end| (end.address, end.port)),
                flow.transport,
                flow.icmp_type,
                flow.vlan().to_string(),
            ));
            let is_told = told.contains(&key);
            // What is folded is forgotten here too.
            if is_told || ending.is_some() {
                self.flows.insert(key);
            }
            ending.filter(|_| !is_told).map(|ending| (at, ending))
        };
        survey.flows.iter().enumerate().filter_map(ended).collect()
    }
}

fn is_younger(time: Timestamp, now: Option<Timestamp>, than: i64) -> bool {
    match (time.nanos(), now.and_then(Timestamp::nanos)) {
        (Some(time), Some(now)) => now.saturating_sub(time) < than,
        _ => false,
    }
}

fn is_closed(flow: &FlowView<'_>) -> bool {
    let [a, b] = &flow.ends;
    let fin = |end: &EndView<'_>| end.tcp_flags().0 & TcpFlags::FIN != 0;
    flow.transport == Transport::Tcp && (a.resets() > 0 || b.resets() > 0 || (fin(a) && fin(b)))
}

/// Whether an answer may still come that makes nothing of the finding.
pub fn is_early(finding: &Finding, now: Option<Timestamp>) -> bool {
    finding.outcome == Some(Outcome::Unanswered) && is_younger(finding.first, now, PATIENCE)
}

/// What makes a finding the same although it grew: who is concerned may become more.
pub fn identity(finding: &Finding) -> u64 {
    hash(&(
        finding.severity.name(),
        finding.verdict.map(|verdict| verdict.name()),
        finding.reason,
        finding.outcome.map(|outcome| outcome.name()),
        (finding.client_role, finding.server_role),
        (finding.transport, finding.server_port),
        // A finding of no conversation is told by its words.
        finding.verdict.is_none().then_some(&finding.detail),
    ))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
