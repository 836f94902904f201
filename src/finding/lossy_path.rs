//! `lossy-path`: hosts that must send much again, because the network between them loses it, or lose pings, which nobody sends again.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::called;
use super::{Context, Finding, Judged, Replace, Who};
use crate::health::Measure;
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

    fn is_told(self, limits: &HealthLimits) -> bool {
        self.all >= u64::from(limits.sent)
            && self.again.saturating_mul(100) >= self.all.saturating_mul(limits.repeated_percent.into())
    }

    /// `31 of 412 (8 %)`.
    fn words(self) -> String {
        format!("{} of {} ({} %)", self.again, self.all, self.again.saturating_mul(100) / self.all.max(1))
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
    /// Pings, and those that were never answered.
    missed: Repeated,
}

impl Lossy {
    /// What was sent, and of it what was sent again or missed.
    const fn all(&self) -> [Repeated; 4] {
        [self.from, self.to, self.asked, self.missed]
    }
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let limits = seen.policy.health();
    let mut paths: BTreeMap<(IpAddr, IpAddr), Lossy> = BTreeMap::new();
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
            missed: Repeated::default(),
        });
        // Who does not take up a connection any more, or is kept from it, is told as such: what he is sent again need not be lost.
        if let Some(lost) = &sums.losses {
            let way = if is_asker { &mut path.from } else { &mut path.to };
            let [all, again] = sums.vain;
            way.add(lost.segments.saturating_sub(all), lost.again.saturating_sub(again));
        }
        // What is never answered is told as such: it need not be lost. Nor is what is asked again because the answer is late.
        let is_late = || sums.times.percentile(50) >= Some(u64::from(limits.late_milliseconds) * 1_000_000);
        if pair.measure.is_application() && pair.measure.has_questions() && pair.measure != Measure::Http && !is_late()
        {
            let again = sums.lost(sums.recovered);
            path.asked.add(sums.times.count().saturating_add(again), again);
        }
        // A host that answers few pings need not lose the rest; what came late was told as an answer without a question.
        let missed = sums.missed.saturating_sub(sums.unasked);
        if missed > 0 && missed.saturating_mul(3) < sums.asked {
            path.missed.add(sums.asked, missed);
        }
    }
    let is_told = |path: &Lossy| {
        [path.from, path.to, path.asked].into_iter().any(|sent| sent.is_told(limits))
            // What was dropped while it was captured may have been the answers.
            || path.missed.is_told(limits) && path.missed.again > seen.missing.dropped
    };
    let devices = paths.into_iter().filter(|(_, path)| is_told(path)).filter_map(|((device, _), path)| {
        let host = seen.hosts.at(device)?;
        let packets = path.all().iter().fold(0, |sum: u64, sent| sum.saturating_add(sent.again));
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
    const HEADING: &'static str = "Much is lost on a path.";
    const HEADINGS: &'static str = "Much is lost on {number} paths.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let parts = [
            (self.from, "of the TCP segments that it sent"),
            (self.to, "of those that it was sent"),
            (self.asked, "of the questions that were answered in the end"),
        ];
        let said = parts.iter().filter(|(sent, _)| sent.again > 0);
        let again: Vec<String> = said.map(|(sent, words)| format!("{} {words}", sent.words())).collect();
        let again = (!again.is_empty()).then(|| format!("there were sent again {}", again.join("; ")));
        let missed = (self.missed.again > 0)
            .then(|| format!("{} pings were never answered, though the next ones were", self.missed.words()));
        format!(
            "Between {who}{} and {}{} {}.",
            context.name(who),
            self.peer,
            context.name(self.peer),
            again.into_iter().chain(missed).collect::<Vec<_>>().join("; ")
        )
    }

    fn gist(&self, who: Who, context: &Context<'_>) -> String {
        let share = |sent: Repeated| sent.again.saturating_mul(10_000) / sent.all.max(1);
        let again = [self.from, self.to, self.asked].into_iter().max_by_key(|sent| share(*sent)).unwrap_or_default();
        let is_missed = share(self.missed) > share(again);
        let (worst, what) = if is_missed { (self.missed, "never answered") } else { (again, "sent again") };
        let [device, peer] = [who, self.peer.into()].map(|end| called(&[end], context));
        format!("{device} \u{2013} {peer}: {} {what}", worst.words())
    }

    fn filter(&self, who: Who) -> String {
        let ip = if self.peer.is_ipv6() { "ipv6" } else { "ip" };
        format!("({ip}.addr == {who} && {ip}.addr == {})", self.peer)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { peer: with.address(self.peer), ..self.clone() }
    }
}
