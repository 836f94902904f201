//! `overloaded`: devices that answer slower the more they are asked.

use std::collections::BTreeMap;

use super::devices::{Affected, Trouble, grouped};
use super::phrases::second;
use super::{Context, Finding, Judged, Replace, Who, filter};
use crate::capture::Timestamp;
use crate::health::{Answers, DeviceLoad, LoadSlot, Measure};
use crate::inventory::HostId;
use crate::policy::{FindingKind, HealthLimits};
use crate::text::{duration, times};
use crate::verdict::{Doubts, Observations};

/// Of all that a device answered, one part in so many tells when it was asked most.
const BUSY_SHARE: u64 = 4;
/// Stretches that are busy at least: one or two may be an outage.
const BUSY_LEAST: usize = 5;
/// By how many standard deviations the correlation lies off that of times that do not hang on the load.
const DEVIATIONS: f64 = 3.0;
/// Handshakes and pings that must have been timed to say how long the way takes.
const FEW: u64 = 5;
/// Seconds of a stretch.
const SECONDS: u64 = LoadSlot::NANOS / 1_000_000_000;

/// What counts as load: questions. A file's blocks come one after the other, as fast as they are acknowledged, and hundreds of them
/// are little work.
const fn is_load(measure: Measure) -> bool {
    measure.is_application() && measure.has_questions() && !matches!(measure, Measure::Tftp)
}

/// What tells of load by its times. Not HTTP: a client that is slow to send its request, and an answer that is held back until there
/// is news, take long whatever the server has to do.
const fn may_suffer(measure: Measure) -> bool {
    measure.is_application() && measure.has_questions() && !matches!(measure, Measure::Http)
}

/// What a device answered in one stretch of time.
#[derive(Clone, Copy, Debug)]
struct Point {
    begin: Timestamp,
    /// Questions that count as load.
    load: u64,
    /// Answers of the kind that is looked at.
    own: Answers,
    /// Of its kernel, which tells the way.
    way: Answers,
}

/// What several stretches have in common; times in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Level {
    stretches: usize,
    answers: u64,
    /// What its answers took mostly.
    took: u64,
    /// What handshakes and pings took, where there are enough of them.
    way: Option<u64>,
    /// Questions in all stretches, in the one with the fewest, and in the one with the most.
    load: u64,
    least: u64,
    most: u64,
}

/// One service of a device.
#[derive(Clone, Debug)]
pub(super) struct Overloaded {
    measure: Measure,
    calm: Level,
    busy: Level,
    /// Rank correlation between load and time.
    correlation: f64,
    /// Whether the device answered at more times than are looked at.
    is_sample: bool,
    /// The stretch in which it was asked most.
    peak: Timestamp,
    first: Timestamp,
    last: Timestamp,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    grouped(judged.seen, devices(judged))
}

/// The devices, each with what suffers most.
pub(super) fn devices(judged: &Judged<'_>) -> Vec<Affected<Overloaded>> {
    let seen = judged.seen;
    let mut loads: BTreeMap<HostId, DeviceLoad> = BTreeMap::new();
    for (address, load) in &seen.health.loads {
        let device = seen.hosts.device_at(*address).filter(|device| seen.hosts.role(*device).is_igor());
        if let Some(device) = device {
            loads.entry(device).or_default().absorb(load);
        }
    }
    let devices = loads.iter().filter_map(|(device, load)| {
        let measures = Measure::ALL.into_iter().filter(|measure| may_suffer(*measure));
        let all = measures.filter_map(|measure| Overloaded::of(load, measure, seen.policy.health()));
        // One service of a device speaks for all that suffer by its load.
        let what = all.max_by(|a, b| a.growth().total_cmp(&b.growth()))?;
        let host = seen.hosts.get(*device);
        let times = (what.first.max(host.first_seen), what.last.min(host.last_seen));
        Some(Affected::host(host, what.calm.answers.saturating_add(what.busy.answers), times, what))
    });
    devices.collect()
}

impl Level {
    fn of(points: &[Point]) -> Option<Self> {
        let (mut own, mut way) = (Answers::default(), Answers::default());
        for point in points {
            own.absorb(point.own);
            way.absorb(point.way);
        }
        let loads = points.iter().map(|point| point.load);
        Some(Self {
            stretches: points.len(),
            answers: own.count,
            took: own.typical()?,
            way: way.typical().filter(|_| way.count >= FEW),
            load: loads.clone().fold(0, u64::saturating_add),
            least: loads.clone().min()?,
            most: loads.max()?,
        })
    }

    /// Questions in a stretch on average.
    fn rate(&self) -> f64 {
        self.load as f64 / self.stretches.max(1) as f64
    }
}

impl Overloaded {
    fn of(load: &DeviceLoad, measure: Measure, limits: &HealthLimits) -> Option<Self> {
        let points = load.stretches().map(|stretch| Point {
            begin: stretch.begin(),
            load: stretch.answers(is_load).count,
            own: stretch.answers(|answered| answered == measure),
            way: stretch.answers(|answered| !answered.is_application()),
        });
        let mut points: Vec<Point> = points.filter(|point| point.own.count > 0).collect();
        if points.len() < limits.load_stretches as usize {
            return None;
        }
        points.sort_by_key(|point| (point.load, point.begin));
        let busy = busy(&points);
        let (calm, busy) = (Level::of(&points[..points.len() / 2])?, Level::of(busy)?);
        let has_enough = calm.answers.min(busy.answers) >= limits.samples.into();
        let is_busier = busy.least > calm.most && busy.rate() >= calm.rate() * f64::from(limits.load_rate_times);
        let is_slower = busy.took >= calm.took.saturating_mul(limits.load_times.into())
            && (busy.took - calm.took) / 1_000_000 >= limits.load_milliseconds.into();
        if !(has_enough && is_busier && is_slower) {
            return None;
        }
        let loads = points.iter().map(|point| point.load as f64).collect();
        let correlation = correlation(loads, points.iter().filter_map(|point| point.own.level()).collect())?;
        // Of times that do not hang on the load it is 0, give or take this (Kendall and Gibbons, Rank Correlation Methods).
        let deviation = 1.0 / (points.len().saturating_sub(1).max(1) as f64).sqrt();
        let rises = correlation * 100.0 >= f64::from(limits.load_correlation) && correlation >= DEVIATIONS * deviation;
        let begins = points.iter().map(|point| point.begin);
        let last = begins.clone().max()?.raw().saturating_add_unsigned(LoadSlot::NANOS);
        rises.then_some(Self {
            measure,
            calm,
            busy,
            correlation,
            is_sample: load.is_sample(),
            peak: points.last()?.begin,
            first: begins.min()?,
            last: Timestamp::from_nanos(last),
        })
    }

    /// How many times as long it takes when it is asked most.
    fn growth(&self) -> f64 {
        self.busy.took as f64 / self.calm.took.max(1) as f64
    }

    /// Which end is to blame, as far as the capture's place tells.
    fn blame(&self) -> String {
        let (Some(calm), Some(busy)) = (self.calm.way, self.busy.way) else {
            return "Whether the device or the way to it has too much to do, no handshake and no ping in the capture tells."
                .to_owned();
        };
        let is_way = busy.saturating_sub(calm) >= (self.busy.took - self.calm.took) / 2;
        let (calm, busy) = (duration(calm), duration(busy));
        match is_way {
            true => format!("Handshakes and pings take {busy} then, {calm} else: the way to it has too much to carry."),
            false => {
                format!("Handshakes and pings take {busy} then, {calm} else: it is the device itself, not the way.")
            }
        }
    }
}

/// Of points, least load first: the busiest ones, in which a part of all was asked.
fn busy(points: &[Point]) -> &[Point] {
    let all = points.iter().fold(0_u64, |sum, point| sum.saturating_add(point.load));
    let mut sum = 0_u64;
    let number = points.iter().rev().take_while(|point| {
        let is_needed = sum < all.div_ceil(BUSY_SHARE);
        sum = sum.saturating_add(point.load);
        is_needed
    });
    let number = number.count().max(BUSY_LEAST).min(points.len() / 2);
    &points[points.len() - number..]
}

/// Spearman's rank correlation of two rows of as many values; none where all of one are the same.
fn correlation(a: Vec<f64>, b: Vec<f64>) -> Option<f64> {
    // Ranks begin at 1.
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let (a, b) = (ranks(a), ranks(b));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// The rank of each value; those that are the same share the middle of theirs.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for same in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let rank = before as f64 + (same.len() as f64 + 1.0) / 2.0;
        same.iter().for_each(|place| ranks[*place] = rank);
        before += same.len();
    }
    ranks
}

/// Questions of a stretch as questions a second: `0.3`, `40`.
fn a_second(questions: u64) -> String {
    match (questions / SECONDS, questions % SECONDS) {
        (whole, tenth) if whole < 10 && tenth > 0 => format!("{whole}.{tenth}/s"),
        (whole, _) => format!("{whole}/s"),
    }
}

impl Trouble for Overloaded {
    const KIND: FindingKind = FindingKind::Overloaded;
    const ADVICE: &'static str = "Ask it less: poll less often and from fewer places (health.csv says who asks it), and update \
                                  firmware of few devices at a time. Where a gateway has too many devices, spread them over \
                                  several. Where the way is as slow, look at the uplink that everything to it shares.";
    const NEXT: &'static str = "Ask it less, or spread its devices over several gateways";
    const HEADING: &'static str = "A device answers slower the more it is asked.";
    const HEADINGS: &'static str = "{number} devices answer slower the more they are asked.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let Self { calm, busy, measure, .. } = self;
        let sample = if self.is_sample { ", a sample of all" } else { "" };
        format!(
            "{who}{}: {} takes {} at up to {}, {} at {} and more ({} answers in {} \
             stretches of ten seconds and {} in {}{sample}; rank correlation {:.2}). It answered most from {} on: {} in ten seconds. {}",
            context.name(who),
            measure.words(),
            duration(calm.took),
            a_second(calm.most),
            duration(busy.took),
            a_second(busy.least),
            calm.answers,
            calm.stretches,
            busy.answers,
            busy.stretches,
            self.correlation,
            second(self.peak),
            times(busy.most, "question", "questions"),
            self.blame()
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let [calm, busy] = [self.calm.took, self.busy.took].map(duration);
        format!("{busy} at {}, {calm} at {}", a_second(self.busy.least), a_second(self.calm.most))
    }

    fn filter(&self, who: Who) -> String {
        filter::of_answers(self.measure, who)
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }

    fn doubts(seen: &Observations<'_>, finding: &Finding) -> Doubts {
        seen.missing.of_silence(finding.first, finding.last, 1)
    }

    fn doubt_words(doubts: &Doubts) -> String {
        super::doubts::of_measures(doubts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(vec![3.0, 1.0, 3.0, 7.0]), [2.5, 1.0, 2.5, 4.0]);
        assert_eq!(ranks(Vec::new()), [0.0; 0]);
    }

    /// Reckoned by hand: -29/165, and 8.25 by the root of 9.5 times 9 where ranks are shared.
    #[test]
    fn the_correlation_is_spearmans() {
        let told = |a: &[f64], b: &[f64]| correlation(a.to_vec(), b.to_vec()).map(|rho| (rho * 1e6).round());
        let a = [106.0, 100.0, 86.0, 101.0, 99.0, 103.0, 97.0, 113.0, 112.0, 110.0];
        let b = [7.0, 27.0, 2.0, 50.0, 28.0, 29.0, 20.0, 12.0, 6.0, 17.0];
        assert_eq!(told(&a, &b), Some(-175_758.0));
        assert_eq!(told(&[1.0, 2.0, 2.0, 3.0, 9.0], &[2.0, 2.0, 4.0, 5.0, 5.0]), Some(892_218.0));
        assert_eq!(told(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(told(&[1.0, 2.0, 3.0], &[5.0, 6.0, 70.0]), Some(1_000_000.0));
    }

    #[test]
    fn rates_are_told_by_the_second() {
        assert_eq!([3, 10, 25, 99, 123, 4_000].map(a_second), ["0.3/s", "1/s", "2.5/s", "9.9/s", "12/s", "400/s"]);
    }
}
