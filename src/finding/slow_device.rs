//! `slow-device`: devices that answer late, or much later than others of their role do.

use std::collections::BTreeMap;

use super::devices::{Affected, Trouble, grouped};
use super::{Context, Finding, Judged, Replace, Who, filter, overloaded};
use crate::health::{self, DeviceLoad, Histogram, Measure, Sums};
use crate::inventory::HostId;
use crate::policy::{FindingKind, HealthLimits, Role};
use crate::text::duration;

/// By how many standard deviations, as the median of all deviations tells them, a slow device lies off.
const DEVIATIONS: f64 = 3.0;
/// The standard deviation of a normal distribution, in median deviations.
const DEVIATION: f64 = 1.4826;

/// Of a hundred answers so many at least are quick where the others were waited for.
const QUICK: u64 = 15;

/// Median and 95th percentile of a device's answers, in nanoseconds.
type Times = [u64; 2];

/// In what a device is slow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slowness {
    /// In most answers, beside its peers.
    Mostly,
    /// In some of them.
    Sometimes,
    /// In most answers, whatever others do.
    Anyway,
}

/// One service of a device, beside those of its peers.
#[derive(Clone, Debug)]
struct Slow {
    slowness: Slowness,
    measure: Measure,
    answers: u64,
    times: Times,
    /// How many others, and the middle of all medians and 95th percentiles.
    peers: usize,
    usual: Times,
    /// What the way to it and back takes, by handshakes and pings: of it, and usually.
    way: Option<(Times, Times)>,
}

/// What devices of one role answered to one kind of question.
type AnswersByHost = BTreeMap<HostId, Sums>;

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let limits = seen.policy.health();
    let mut services: BTreeMap<(Role, Measure), BTreeMap<HostId, [Sums; 2]>> = BTreeMap::new();
    let mut ways: BTreeMap<Role, BTreeMap<HostId, [Sums; 2]>> = BTreeMap::new();
    for (pair, sums) in &seen.health.pairs {
        let Some(device) = seen.hosts.device_at(pair.answerer) else { continue };
        let role = seen.hosts.role(device);
        let answers = match pair.measure {
            _ if !role.is_igor() || sums.times.count() == 0 => continue,
            // Kernels answer at once: what is left is the way.
            Measure::Server | Measure::Client | Measure::Echo => ways.entry(role).or_default(),
            measure if measure.is_application() => services.entry((role, measure)).or_default(),
            _ => continue,
        };
        let [of_igor, of_all] = answers.entry(device).or_default();
        of_all.absorb(sums);
        if seen.hosts.role_at(pair.asker).is_igor() {
            of_igor.absorb(sums);
        }
    }
    // What another host asks may take as long as it likes, where Igor's own devices ask enough.
    let chosen = |answers: BTreeMap<HostId, [Sums; 2]>| -> AnswersByHost {
        let enough = |sums: &Sums| sums.times.count() >= u64::from(limits.samples);
        let choose = |[of_igor, of_all]: [Sums; 2]| if enough(&of_igor) { of_igor } else { of_all };
        answers.into_iter().map(|(device, sums)| (device, choose(sums))).collect()
    };
    let ways: BTreeMap<Role, AnswersByHost> = ways.into_iter().map(|(role, answers)| (role, chosen(answers))).collect();
    // Who is slow because of what it is asked is told so, and a change of its port would not help.
    let overloaded: Vec<Who> = overloaded::devices(judged).into_iter().map(|device| device.who).collect();
    let mut slow = Vec::new();
    for ((role, measure), answers) in services {
        let mut answers = chosen(answers);
        answers.retain(|_, sums| sums.times.count() >= u64::from(limits.samples));
        let usual = Usual::of(&answers);
        let maker = |device: HostId| seen.hosts.get(device).mac.and_then(|mac| mac.0.first_chunk::<3>().copied());
        let kinds = kinds(&answers, limits, maker);
        let ways = ways.get(&role);
        let usual_way = ways.and_then(Usual::of);
        for (device, sums) in &answers {
            let (Some(times), Some(of_role)) = (times_of(&sums.times), &usual) else { continue };
            let way = ways.and_then(|ways| times_of(&ways.get(device)?.times)).zip(usual_way.as_ref());
            let is_way = way.is_some_and(|(own, usual)| {
                is_of_the_way([own, usual.middle].map(|way| way[0]), [times, of_role.middle].map(|all| all[0]))
            });
            // Where the way is late, those behind it are alike whatever they are.
            let kind = kinds.iter().find(|(kind, _)| !is_way && kind.contains_key(device));
            let (peers, usual) = kind.map_or((&answers, of_role), |(kind, usual)| (kind, usual));
            let Some(slowness) = usual.slowness(measure, sums, peers.len(), limits) else { continue };
            let host = seen.hosts.get(*device);
            let load = seen.health.loads.get(&host.address);
            let is_busy =
                slowness == Slowness::Sometimes && load.is_some_and(|load| is_late_with_files(load, measure, times[0]));
            if is_busy || overloaded.contains(&Who::Address(host.address)) {
                continue;
            }
            let what = Slow {
                slowness,
                measure,
                answers: sums.times.count(),
                times,
                peers: peers.len() - 1,
                usual: usual.middle,
                way: way.map(|(own, usual)| (own, usual.middle)),
            };
            slow.push(Affected::host(host, what.answers, (host.first_seen, host.last_seen), what));
        }
    }
    grouped(seen, slow)
}

/// Whether a device answers later than its median says while files cross by TFTP, as where its firmware is updated, and at no
/// other time.
fn is_late_with_files(load: &DeviceLoad, measure: Measure, median: u64) -> bool {
    let mut answers = [health::Answers::default(); 2];
    for stretch in load.stretches() {
        let has_files = stretch.answers(|other| matches!(other, Measure::Tftp | Measure::TftpNext)).count > 0;
        answers[usize::from(has_files)].absorb(stretch.answers(|other| other == measure));
    }
    // One answer in twenty that takes ten times as long makes such a mean longer by more than a tenth.
    let [alone, with_files] = answers.map(|answers| answers.typical().unwrap_or(u64::MAX));
    !load.is_sample() && alone <= median.saturating_add(median / 10) && with_files >= median.saturating_mul(2)
}

/// The devices of one maker among them, where there are enough: a kind of their own. Of the same maker some may share a fault,
/// such as a bad switch.
fn kinds(
    answers: &AnswersByHost,
    limits: &HealthLimits,
    maker: impl Fn(HostId) -> Option<[u8; 3]>,
) -> Vec<(AnswersByHost, Usual)> {
    let mut makers: BTreeMap<[u8; 3], AnswersByHost> = BTreeMap::new();
    for (device, sums) in answers {
        if let Some(maker) = maker(*device) {
            makers.entry(maker).or_default().insert(*device, sums.clone());
        }
    }
    let kinds = makers.into_values().filter(|kind| kind.len() > limits.peers as usize);
    kinds.filter_map(|kind| Usual::of(&kind).map(|usual| (kind, usual))).collect()
}

/// Whether a time is longer than another by so much that people see it.
fn is_much_later(time: u64, other: u64, limits: &HealthLimits) -> bool {
    time >= other.saturating_mul(limits.slow_times.into())
        && time.saturating_sub(other) / 1_000_000 >= u64::from(limits.slow_milliseconds)
}

/// Whether what handshakes and pings take longer than usual is half of what answers do.
const fn is_of_the_way([way, usual_way]: [u64; 2], [all, usual]: [u64; 2]) -> bool {
    way > usual_way && way - usual_way >= all.saturating_sub(usual) / 2
}

fn times_of(times: &Histogram) -> Option<Times> {
    Some([times.percentile(50)?, times.percentile(95)?])
}

/// What is usual among devices, whatever a few of them do.
struct Usual {
    middle: Times,
    deviation: Times,
}

impl Usual {
    fn of(answers: &AnswersByHost) -> Option<Self> {
        let mut usual = Self { middle: [0; 2], deviation: [0; 2] };
        for place in 0..2 {
            let mut all: Vec<u64> = answers.values().filter_map(|sums| Some(times_of(&sums.times)?[place])).collect();
            usual.middle[place] = middle(&mut all)?;
            all.iter_mut().for_each(|one| *one = one.abs_diff(usual.middle[place]));
            usual.deviation[place] = middle(&mut all)?;
        }
        Some(usual)
    }

    fn slowness(&self, measure: Measure, sums: &Sums, devices: usize, limits: &HealthLimits) -> Option<Slowness> {
        let [median, p95] = times_of(&sums.times)?;
        let has_peers = devices > limits.peers as usize;
        // Those that were asked again may have been lost: that is no slowness.
        let is_sure = sums.recovered.saturating_mul(20) < sums.times.count();
        // Servers of DHCP make sure that nobody has the address before they offer it (RFC 2131 section 3.1).
        let late = |nanos: u64| nanos / 1_000_000 >= u64::from(limits.late_milliseconds);
        // Who waits for news by HTTP is answered when there are some (RFC 6202); then others are answered at once, and no few.
        let may_wait = measure == Measure::Http && !sums.times.percentile(QUICK).is_some_and(late);
        let is_late = late(median) && measure != Measure::Dhcp && !may_wait;
        if has_peers && self.is_exceeded(0, median, limits) {
            Some(Slowness::Mostly)
        } else if is_late {
            Some(Slowness::Anyway)
        } else if has_peers && is_sure && self.is_exceeded(1, p95, limits) {
            Some(Slowness::Sometimes)
        } else {
            None
        }
    }

    fn is_exceeded(&self, place: usize, time: u64, limits: &HealthLimits) -> bool {
        let (middle, deviation) = (self.middle[place], self.deviation[place]);
        let over = time.saturating_sub(middle);
        is_much_later(time, middle, limits) && over as f64 >= DEVIATIONS * DEVIATION * deviation as f64
    }
}

fn middle(values: &mut [u64]) -> Option<u64> {
    let at = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable(at).1)
}

impl Slow {
    /// Which end is to blame, as far as the capture's place tells.
    fn blame(&self) -> String {
        let Some((own, usual)) = self.way else {
            return "Whether the device or the way to it is slow, no handshake and no ping in the capture tells."
                .to_owned();
        };
        let place = self.place();
        let (own, usual) = (own[place], usual[place]);
        // What it takes longer, on the way and in all.
        let (way, all) = match self.slowness {
            Slowness::Anyway => (own, self.times[place]),
            _ => (own.saturating_sub(usual), self.times[place].saturating_sub(self.usual[place])),
        };
        let (own, usual) = (duration(own), duration(usual));
        if way >= all / 2 {
            format!(
                "Handshakes and pings are as late ({own}, usually {usual}): the way to it is slow, not its service."
            )
        } else {
            format!("Handshakes and pings take {own}, usually {usual}: the device itself is slow, not the way.")
        }
    }

    /// What tells its slowness: the median, or the 95th percentile.
    const fn place(&self) -> usize {
        match self.slowness {
            Slowness::Mostly | Slowness::Anyway => 0,
            Slowness::Sometimes => 1,
        }
    }
}

impl Trouble for Slow {
    const KIND: FindingKind = FindingKind::SlowDevice;
    const ADVICE: &'static str = "Where the device itself is slow, look at its load, its firmware version and who else asks it, and \
                                  restart it once. Where the way is slow, look at the cable and the port's speed, duplex and \
                                  errors, and at what else shares the uplink.";
    const NEXT: &'static str = "Compare the device and its port with a quick one";
    const HEADING: &'static str = "A device answers late.";
    const HEADINGS: &'static str = "{number} times a device answers late.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let [median, p95] = self.times.map(duration);
        let [usual, usual_p95] = self.usual.map(duration);
        let (measure, answers, peers) = (self.measure.words(), self.answers, self.peers);
        let told = match self.slowness {
            Slowness::Mostly => format!(
                "{measure} takes {median} (median of {answers}; 95 of 100 within {p95}), those of {peers} others {usual}"
            ),
            Slowness::Sometimes => format!(
                "{measure} takes {median} mostly, and of {answers} one in twenty {p95} or longer; of {peers} others {usual_p95}"
            ),
            Slowness::Anyway => {
                format!(
                    "{measure} takes {median} (median of {answers}; 95 of 100 within {p95}), which is late whatever others do"
                )
            }
        };
        format!("{who}{}: {told}. {}", context.name(who), self.blame())
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let place = self.place();
        match self.slowness {
            Slowness::Anyway => duration(self.times[0]),
            _ => format!("{} against {}", duration(self.times[place]), duration(self.usual[place])),
        }
    }

    fn filter(&self, who: Who) -> String {
        filter::of_answers(self.measure, who)
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(medians: &[u64]) -> AnswersByHost {
        let times = |millis: u64| {
            let mut sums = Sums::default();
            sums.times.add(millis * 1_000_000);
            sums
        };
        (0..).map(HostId).zip(medians.iter().map(|millis| times(*millis))).collect()
    }

    fn told(medians: &[u64]) -> Vec<u64> {
        let usual = Usual::of(&site(medians)).unwrap();
        medians
            .iter()
            .copied()
            .filter(|time| usual.is_exceeded(0, time * 1_000_000, &HealthLimits::default()))
            .collect()
    }

    #[test]
    fn slow_is_what_is_slow_beside_its_peers() {
        assert_eq!(told(&[5, 6, 5, 7, 5, 400]), [400]);
        // All are slow alike: then it is not the device.
        assert_eq!(told(&[400, 410, 390, 400, 420]), [0; 0]);
        // Three times as long, and nobody would notice.
        assert_eq!(told(&[5, 6, 5, 7, 5, 40]), [0; 0]);
        // Where devices differ by so much, no one stands out.
        assert_eq!(told(&[5, 100, 200, 300, 400, 620]), [0; 0]);
    }
}
