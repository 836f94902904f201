//! `slow-device`: devices that answer much later than others of their role do.

use std::collections::BTreeMap;

use super::devices::{Device, Trouble, grouped};
use super::{Context, Finding, Judged, Replace, Who};
use crate::health::{Histogram, Measure};
use crate::inventory::HostId;
use crate::policy::{FindingKind, HealthLimits, Role};
use crate::text::duration;

/// By how many standard deviations, as the median of all deviations tells them, a slow device lies off.
const DEVIATIONS: f64 = 3.0;
/// The standard deviation of a normal distribution, in median deviations.
const DEVIATION: f64 = 1.4826;

/// One service of a device, beside those of its peers; times in nanoseconds.
#[derive(Clone, Debug)]
struct Slow {
    measure: Measure,
    answers: u64,
    median: u64,
    p95: u64,
    /// How many others, and the middle of all medians.
    peers: usize,
    usual: u64,
    /// What the way to it and back takes, by handshakes and pings: of it, and usually.
    way: Option<(u64, u64)>,
}

/// What devices of one role answered to one kind of question.
type Answers = BTreeMap<HostId, Histogram>;

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let limits = seen.policy.health();
    let mut services: BTreeMap<(Role, Measure), Answers> = BTreeMap::new();
    let mut ways: BTreeMap<Role, Answers> = BTreeMap::new();
    for (pair, sums) in &seen.health.pairs {
        let Some(device) = seen.hosts.find(pair.answerer).map(|id| seen.hosts.device_of(id)) else { continue };
        let role = seen.hosts.role(device);
        let answers = match pair.measure {
            _ if !role.is_igor() || sums.times.count() == 0 => continue,
            // Kernels answer at once: what is left is the way.
            Measure::Server | Measure::Client | Measure::Echo => ways.entry(role).or_default(),
            measure if measure.is_application() => services.entry((role, measure)).or_default(),
            _ => continue,
        };
        answers.entry(device).or_default().absorb(&sums.times);
    }
    let mut slow = Vec::new();
    for ((role, measure), mut answers) in services {
        answers.retain(|_, times| times.count() >= u64::from(limits.samples));
        let Some(usual) = Usual::of(&answers).filter(|_| answers.len() > limits.peers as usize) else { continue };
        let ways = ways.get(&role);
        let usual_way = ways.and_then(Usual::of);
        for (device, times) in &answers {
            let Some(median) = times.percentile(50).filter(|median| usual.is_exceeded(*median, limits)) else {
                continue;
            };
            let host = seen.hosts.get(*device);
            let way = ways.and_then(|ways| ways.get(device)?.percentile(50)).zip(usual_way.as_ref());
            slow.push(Device {
                role,
                who: Who::Address(host.address),
                packets: times.count(),
                first: host.first_seen,
                last: host.last_seen,
                what: Slow {
                    measure,
                    answers: times.count(),
                    median,
                    p95: times.percentile(95).unwrap_or(median),
                    peers: answers.len() - 1,
                    usual: usual.median,
                    way: way.map(|(own, usual)| (own, usual.median)),
                },
            });
        }
    }
    grouped(seen, slow)
}

/// What is usual among devices, whatever a few of them do.
struct Usual {
    median: u64,
    deviation: u64,
}

impl Usual {
    fn of(answers: &Answers) -> Option<Self> {
        let mut medians: Vec<u64> = answers.values().filter_map(|times| times.percentile(50)).collect();
        let median = middle(&mut medians)?;
        medians.iter_mut().for_each(|one| *one = one.abs_diff(median));
        Some(Self { median, deviation: middle(&mut medians)? })
    }

    fn is_exceeded(&self, time: u64, limits: &HealthLimits) -> bool {
        let over = time.saturating_sub(self.median);
        time >= self.median.saturating_mul(limits.slow_times.into())
            && over / 1_000_000 >= u64::from(limits.slow_milliseconds)
            && over as f64 >= DEVIATIONS * DEVIATION * self.deviation as f64
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
        let (own_words, usual_words) = (duration(own), duration(usual));
        // Half of what it takes longer.
        if own.saturating_sub(usual) >= self.median.saturating_sub(self.usual) / 2 {
            format!(
                "Its kernel is as late (handshakes and pings: {own_words}, of its peers {usual_words}): the way to it is \
                 slow, not its service."
            )
        } else {
            format!(
                "Handshakes and pings take {own_words}, of its peers {usual_words}: the device itself is slow, not the way."
            )
        }
    }
}

impl Trouble for Slow {
    const KIND: FindingKind = FindingKind::SlowDevice;
    const ADVICE: &'static str = "Where the device itself is slow, look at its load, its firmware version and who else asks it, and \
                                  restart it once. Where the way is slow, look at the cable and the port's speed, duplex and \
                                  errors, and at what else shares the uplink.";
    const NEXT: &'static str = "Compare the device and its port with a quick one";

    fn heading(number: usize) -> String {
        match number {
            1 => "A device answers much later than others of its role.".into(),
            _ => format!("{number} times a device answers much later than others of its role."),
        }
    }

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        format!(
            "{who}{}: {} take {} (median of {}; 95 of 100 within {}), those of {} others {}. {}",
            context.name(who),
            self.measure.words(),
            duration(self.median),
            self.answers,
            duration(self.p95),
            self.peers,
            duration(self.usual),
            self.blame()
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} against {}", duration(self.median), duration(self.usual))
    }

    fn filter(&self, who: Who) -> String {
        let ip = if matches!(who, Who::Address(address) if address.is_ipv6()) { "ipv6" } else { "ip" };
        format!("({} && {ip}.addr == {who})", self.measure.dissector())
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(medians: &[u64]) -> Answers {
        let times = |millis: u64| {
            let mut times = Histogram::default();
            times.add(millis * 1_000_000);
            times
        };
        (0..).map(HostId).zip(medians.iter().map(|millis| times(*millis))).collect()
    }

    fn told(medians: &[u64]) -> Vec<u64> {
        let usual = Usual::of(&site(medians)).unwrap();
        medians.iter().copied().filter(|time| usual.is_exceeded(time * 1_000_000, &HealthLimits::DEFAULT)).collect()
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
