//! `lossy-path`: hosts that must send much again, because the network between them loses it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::called;
use super::{Context, Finding, Judged, Replace, Who};
use crate::health::{Measure, Sums};
use crate::policy::{FindingKind, HealthLimits, Role};

/// How many were sent, and how many of them again.
#[derive(Clone, Copy, Default, Debug)]
struct Repeated {
    all: u64,
    again: u64,
}

impl Repeated {
    fn add(&mut self, all: u64, again: u64) {
        self.all = self.all.saturating_add(all);
        self.again = self.again.saturating_add(again);
    }

    fn without(self, other: Self) -> Self {
        Self { all: self.all.saturating_sub(other.all), again: self.again.saturating_sub(other.again) }
    }

    fn is_told(self, limits: &HealthLimits) -> bool {
        self.all >= u64::from(limits.sent)
            && self.again.saturating_mul(100) >= self.all.saturating_mul(limits.repeated_percent.into())
    }

    /// `31 of 412 (8 %)`.
    fn words(self) -> String {
        format!("{} of {} ({} %)", self.again, self.all, self.again.saturating_mul(100) / self.all.max(1))
    }
}

/// How connections to one port were opened.
#[derive(Clone, Copy, Default, Debug)]
struct Opening {
    asked: u64,
    /// SYNs and SYN-ACKs that were sent again.
    again: [u64; 2],
    /// Connections that came to be.
    opened: u64,
}

/// How often a SYN is sent again in vain, as systems come, where others of the port were answered.
const SYNS: u64 = 3;

impl Opening {
    fn ask(&mut self, sums: &Sums) {
        self.asked = self.asked.saturating_add(sums.asked);
        for (mine, theirs) in self.again.iter_mut().zip([sums.repeated, sums.answered_again]) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// What it sent for connections that never came to be, and what was answered to that: whatever lets them come to nothing, need
    /// not lose them.
    fn in_vain(self) -> [Repeated; 2] {
        let unopened = self.asked.saturating_sub(self.opened);
        let most = if self.opened == 0 { u64::MAX } else { unopened.saturating_mul(SYNS) };
        let [syns, answers] = self.again.map(|again| again.min(most));
        [Repeated { all: unopened.saturating_add(syns), again: syns }, Repeated { all: answers, again: answers }]
    }
}

/// What two hosts sent one another.
#[derive(Clone, Debug)]
struct Lossy {
    peer: IpAddr,
    /// Segments of TCP from the device, and to it.
    from: Repeated,
    to: Repeated,
    /// Questions by UDP that one asked the other and that were answered in the end.
    asked: Repeated,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let limits = seen.policy.health();
    let mut paths: BTreeMap<(IpAddr, IpAddr), Lossy> = BTreeMap::new();
    let mut openings: BTreeMap<(IpAddr, IpAddr, bool, u16), Opening> = BTreeMap::new();
    for (pair, sums) in &seen.health.pairs {
        // Of a node and its gateway the node is the device: paths differ by it.
        let rank = |address| match seen.hosts.role_at(address) {
            Role::Node => 0,
            Role::Bacnet => 1,
            Role::Gateway => 2,
            _ => 3,
        };
        let ranks = [rank(pair.asker), rank(pair.answerer)];
        if ranks == [3; 2] {
            continue;
        }
        let is_asker = ranks[0] < ranks[1];
        let (device, peer) = if is_asker { (pair.asker, pair.answerer) } else { (pair.answerer, pair.asker) };
        let path = paths.entry((device, peer)).or_insert_with(|| Lossy {
            peer,
            from: Repeated::default(),
            to: Repeated::default(),
            asked: Repeated::default(),
        });
        if let Some(lost) = &sums.losses {
            let way = if is_asker { &mut path.from } else { &mut path.to };
            way.add(lost.segments, lost.again);
        }
        // Who opens asks for a SYN-ACK, which asks for an acknowledgment.
        let by_device = is_asker == (pair.measure == Measure::Server);
        if matches!(pair.measure, Measure::Server | Measure::Client) {
            let opening = openings.entry((device, peer, by_device, pair.port)).or_default();
            match pair.measure {
                Measure::Server => opening.ask(sums),
                _ => opening.opened = opening.opened.saturating_add(sums.times.count()),
            }
        }
        // What is never answered is told as such: it need not be lost. Nor is what is asked again because the answer is late.
        let is_late = || sums.times.percentile(50) >= Some(u64::from(limits.late_milliseconds) * 1_000_000);
        if pair.measure.is_application() && pair.measure.has_questions() && pair.measure != Measure::Http && !is_late()
        {
            let again = sums.lost(sums.recovered);
            path.asked.add(sums.times.count().saturating_add(again), again);
        }
    }
    // Connections that come to nothing are told as such, too.
    for ((device, peer, by_device, _), opening) in openings {
        let Some(path) = paths.get_mut(&(device, peer)) else { continue };
        let [syns, answers] = opening.in_vain();
        let [asks, answered] = if by_device { [&mut path.from, &mut path.to] } else { [&mut path.to, &mut path.from] };
        (*asks, *answered) = (asks.without(syns), answered.without(answers));
    }
    let is_told = |path: &Lossy| [path.from, path.to, path.asked].into_iter().any(|sent| sent.is_told(limits));
    let devices = paths.into_iter().filter(|(_, path)| is_told(path)).filter_map(|((device, _), path)| {
        let host = seen.hosts.at(device)?;
        let again = [path.from, path.to, path.asked].map(|sent| sent.again);
        let packets = again.into_iter().fold(0, u64::saturating_add);
        Some(Affected::host(host, packets, (host.first_seen, host.last_seen), path))
    });
    grouped(seen, devices.collect())
}

impl Trouble for Lossy {
    const KIND: FindingKind = FindingKind::LossyPath;
    const ADVICE: &'static str = "Look at the error counters of both switch ports and at their speed and duplex, then change the \
                                  cable. Losses of many devices at once lie where their ways meet: an uplink, a switch that is \
                                  overloaded, a wireless hop.";
    const NEXT: &'static str = "Look at the errors of the switch ports on the way";
    const HEADING: &'static str = "Much is lost on a path and sent again.";
    const HEADINGS: &'static str = "Much is lost on {number} paths and sent again.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let parts = [
            (self.from, "of the TCP segments that it sent"),
            (self.to, "of those that it was sent"),
            (self.asked, "of the questions that were answered in the end"),
        ];
        let said =
            parts.iter().filter(|(sent, _)| sent.again > 0).map(|(sent, words)| format!("{} {words}", sent.words()));
        format!(
            "Between {who}{} and {}{} there were sent again {}.",
            context.name(who),
            self.peer,
            context.name(self.peer),
            said.collect::<Vec<_>>().join("; ")
        )
    }

    fn gist(&self, who: Who, context: &Context<'_>) -> String {
        let worst = [self.from, self.to, self.asked]
            .into_iter()
            .max_by_key(|sent| sent.again.saturating_mul(10_000) / sent.all.max(1))
            .unwrap_or_default();
        let [device, peer] = [who, self.peer.into()].map(|end| called(&[end], context));
        format!("{device} \u{2013} {peer}: {} sent again", worst.words())
    }

    fn filter(&self, who: Who) -> String {
        let ip = if self.peer.is_ipv6() { "ipv6" } else { "ip" };
        format!("({ip}.addr == {who} && {ip}.addr == {})", self.peer)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { peer: with.address(self.peer), ..self.clone() }
    }
}
