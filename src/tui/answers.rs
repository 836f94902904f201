//! How soon devices answer: a row for each device, service and measure, over all who asked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::health::{Measure, Pair, Sums};
use crate::survey::Survey;

/// What makes a row the same from one snapshot to the next.
pub(super) type AnswersKey = (IpAddr, u16, Measure);

/// How a device answers at one service; of [`Measure::Ack`] how what it sent came through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answers {
    /// Its address: of several that which it is told by.
    pub address: IpAddr,
    /// Its name; empty if none.
    pub name: String,
    /// Its role; empty if none.
    pub role: &'static str,
    /// Port of the service; 0 where there is none.
    pub port: u16,
    /// What is measured.
    pub measure: Measure,
    /// Questions; none where there are no questions but a handshake or data.
    pub asked: Option<u64>,
    /// Answers that are timed.
    pub answered: u64,
    /// Questions sent again.
    pub repeated: u64,
    /// The median in nanoseconds.
    pub median: Option<u64>,
    /// The 95th percentile in nanoseconds.
    pub p95: Option<u64>,
    /// The longest in nanoseconds.
    pub most: Option<u64>,
    /// Of TCP data: segments that it sent, and how many of them were sent again.
    pub segments: Option<(u64, u64)>,
}

impl Answers {
    fn new(survey: &Survey, (address, port, measure): AnswersKey, sums: &Sums) -> Self {
        let host = survey.hosts.at(address);
        Self {
            address,
            name: host.and_then(|host| host.name.as_deref()).unwrap_or_default().to_owned(),
            role: host.map_or("", |host| host.role.name()),
            port,
            measure,
            asked: measure.has_questions().then_some(sums.asked),
            answered: sums.times.count(),
            repeated: sums.repeated,
            median: sums.times.percentile(50),
            p95: sums.times.percentile(95),
            most: sums.times.most(),
            segments: sums.losses.as_ref().map(|lost| (lost.segments, lost.again)),
        }
    }

    pub(super) fn key(&self) -> AnswersKey {
        (self.address, self.port, self.measure)
    }

    /// `node 10.20.0.31 node-7`.
    pub(super) fn host(&self) -> String {
        format!("{} {} {}", self.role, self.address, self.name).trim().to_owned()
    }

    /// `coap 5683`.
    pub(super) fn service(&self) -> String {
        match self.port {
            0 => self.measure.name().to_owned(),
            port => format!("{} {port}", self.measure.name()),
        }
    }

    /// Everything that a filter can find it by.
    pub(super) fn words(&self) -> String {
        format!("{} {} {} {} {}", self.address, self.name, self.role, self.service(), self.measure.words())
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.asked.map_or(0, |asked| asked.saturating_sub(self.answered))
    }

    /// Of a million questions or segments, how many were sent again.
    pub(super) fn again_per_million(&self) -> u64 {
        let (of, again) = self.segments.unwrap_or((self.asked.unwrap_or(0), self.repeated));
        u64::try_from(u128::from(again) * 1_000_000 / u128::from(of.max(1))).unwrap_or(u64::MAX)
    }
}

/// The host whose answers a pair tells of, and its peer: of data who sent it.
fn parties(pair: &Pair) -> (IpAddr, IpAddr) {
    match pair.measure {
        Measure::Ack => (pair.asker, pair.answerer),
        _ => (pair.answerer, pair.asker),
    }
}

/// An address, or that by which its device is told.
fn main_address(survey: &Survey, address: IpAddr) -> IpAddr {
    let hosts = &survey.hosts;
    hosts.device_at(address).map_or(address, |device| hosts.get(device).address)
}

/// What was measured, by device, port and measure.
pub(super) fn of(survey: &Survey) -> Vec<Answers> {
    let mut rows: BTreeMap<AnswersKey, Sums> = BTreeMap::new();
    for (pair, sums) in &survey.health.pairs {
        let address = main_address(survey, parties(pair).0);
        rows.entry((address, pair.port, pair.measure)).or_default().absorb(sums);
    }
    rows.iter().map(|(key, sums)| Answers::new(survey, *key, sums)).collect()
}

/// The same of one row by its peers, the slowest first.
pub(super) fn by_peer(survey: &Survey, row: &Answers) -> Vec<Answers> {
    let mut peers: BTreeMap<IpAddr, Sums> = BTreeMap::new();
    for (pair, sums) in &survey.health.pairs {
        let (own, peer) = parties(pair);
        if (pair.port, pair.measure) == (row.port, row.measure) && main_address(survey, own) == row.address {
            peers.entry(main_address(survey, peer)).or_default().absorb(sums);
        }
    }
    let peer = |(address, sums): (&IpAddr, &Sums)| Answers::new(survey, (*address, row.port, row.measure), sums);
    let mut list: Vec<Answers> = peers.iter().map(peer).collect();
    list.sort_by_key(|peer| std::cmp::Reverse(peer.p95));
    list
}
