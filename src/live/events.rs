//! What is new from one judgement to the next: findings, flows that ended.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::finding::{Finding, Kind};
use crate::flow::{EndView, FlowView};
use crate::policy::{FindingKind, Severity};
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::text::named;
use crate::verdict::{Outcome, Verdict};

/// Nanoseconds that an answer may take before its absence is told: SYNs are sent again after 1 and 3 s.
const PATIENCE: i64 = 3_000_000_000;
/// Nanoseconds that a device may be silent before it is told as never heard: gateways commonly poll every two minutes.
const PATIENCE_TO_HEAR: i64 = 180_000_000_000;
/// Nanoseconds without a packet after which a flow is told as ended.
const IDLE: i64 = 60_000_000_000;

named! {
    /// Why a flow is told as ended.
    pub enum Ending {
        /// FIN both ways, or RST.
        Closed = "closed",
        /// Nothing came for a minute.
        Idle = "idle",
        /// The capture ended.
        Capture = "capture-ended",
    }
}

/// What became of the findings since they were told last.
#[derive(Debug, Default)]
pub struct FindingsDelta {
    /// Places of those that were not told yet.
    pub found: Vec<usize>,
    /// Places of those that now concern other devices.
    pub changed: Vec<usize>,
    /// Those that no longer hold.
    pub withdrawn: Vec<Finding>,
}

/// Remembers what was told.
#[derive(Debug)]
pub struct Events {
    /// Nanoseconds without a packet after which a flow is told as ended.
    idle: i64,
    /// As they were told last, by identity.
    findings: HashMap<u64, Finding>,
    flows: HashSet<u64>,
}

impl Events {
    /// Nothing was told yet. A flow is told as ended before it is folded after `fold_after`.
    pub fn new(fold_after: Duration) -> Self {
        let fold_after = i64::try_from(fold_after.as_nanos()).unwrap_or(i64::MAX);
        Self { idle: IDLE.min(fold_after), findings: HashMap::new(), flows: HashSet::new() }
    }

    /// What is new of the findings. `now` is `None` at the end: then everything is told.
    pub fn findings(&mut self, survey: &Survey, now: Option<Timestamp>) -> FindingsDelta {
        let mut news = FindingsDelta::default();
        let mut before = std::mem::take(&mut self.findings);
        for ((at, finding), identity) in survey.findings.iter().enumerate().zip(identities(&survey.findings)) {
            let told = before.remove(&identity);
            match &told {
                None if is_early(survey, finding, now) => continue,
                None => news.found.push(at),
                // What concerns conversations grows with each of them; of what nobody documented each new client counts.
                Some(told) if told.clients != finding.clients && tells_its_clients(finding) => news.changed.push(at),
                Some(_) => {}
            }
            self.findings.insert(identity, finding.clone());
        }
        news.withdrawn = before.into_values().collect();
        news.withdrawn
            .sort_by(|a, b| (b.severity, a.kind.name(), &a.clients).cmp(&(a.severity, b.kind.name(), &b.clients)));
        news
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

fn tells_its_clients(finding: &Finding) -> bool {
    finding.verdict.is_none() || (finding.verdict, finding.severity) == (Some(Verdict::Unexpected), Severity::Alert)
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

/// Whether something may still come that makes nothing of the finding: an answer, a device's first packet. `now` is `None`
/// at the end of the survey.
pub fn is_early(survey: &Survey, finding: &Finding, now: Option<Timestamp>) -> bool {
    if finding.kind == Kind::Other(FindingKind::NeverHeard) {
        return now.is_some_and(|now| is_young(survey, now));
    }
    // Who was refused options asks again without them.
    let may_be_settled =
        finding.outcome == Some(Outcome::Unanswered) || finding.kind == Kind::Other(FindingKind::RefusedTransfer);
    may_be_settled && is_younger(finding.first, now, PATIENCE)
}

/// Whether the survey is too young to say of a device that it was never heard.
pub fn is_young(survey: &Survey, now: Timestamp) -> bool {
    let known = |time: &Timestamp| *time != Timestamp::UNKNOWN;
    let begin = survey.inputs.iter().map(|input| input.first).filter(known).min();
    begin.is_none_or(|begin| is_younger(begin, Some(now), PATIENCE_TO_HEAR))
}

/// What makes each of a survey's findings the same although it grew: who is concerned may become more. Of those that are
/// alike in all that stays, as devices that came back and devices that did not, each has its own.
pub fn identities(findings: &[Finding]) -> Vec<u64> {
    let mut alike: HashMap<u64, u64> = HashMap::new();
    let each = |finding| {
        let identity = identity(finding);
        let number = alike.entry(identity).or_default();
        *number += 1;
        if *number == 1 { identity } else { hash(&(identity, *number)) }
    };
    findings.iter().map(each).collect()
}

fn identity(finding: &Finding) -> u64 {
    hash(&(
        (finding.severity, finding.verdict, finding.kind, finding.outcome),
        (finding.client_role, finding.server_role),
        (finding.transport, finding.server_port),
        // Allowances are told apart by what they allow.
        finding.verdict.is_none().then_some(&finding.rules),
    ))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
