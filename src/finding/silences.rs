//! Devices that were silent for much longer than they usually are, and moments at which several were.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::capture::Timestamp;
use crate::flow::Clock;
use crate::health::{Pause, Rhythm, Unusual, number};
use crate::inventory::{Host, HostId};
use crate::verdict::Observations;

const SECOND: u64 = 1_000_000_000;

/// All that is known of silence.
#[derive(Default, Debug)]
pub(super) struct Silences {
    /// Devices of which enough was heard to say what is usual, each by the host that stands for it, ascending.
    pub(super) judged: Vec<HostId>,
    /// Those that went silent, in the order of the hosts that stand for them.
    pub(super) devices: Vec<Quiet>,
    /// Moments at which several were silent, in the order of their ends.
    pub(super) moments: Vec<Moment>,
}

/// A device that went silent.
#[derive(Clone, Debug)]
pub(super) struct Quiet {
    pub(super) device: HostId,
    /// The address by which it is judged: that from which it sent most.
    pub(super) address: IpAddr,
    /// Its usual gap, in nanoseconds.
    pub(super) usual: u64,
    /// When it was silent, the longest first.
    pub(super) silences: Vec<Silence>,
    /// Whether there were more, whose times are not known.
    pub(super) had_more: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) pause: Pause,
    /// Whether it lasted until the capture ended.
    pub(super) lasts: bool,
    /// Whether it belongs to a moment.
    pub(super) is_shared: bool,
}

/// A time at which several devices were silent.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// When all of them were.
    pub(super) pause: Pause,
    pub(super) lasts: bool,
    /// The devices, ascending.
    pub(super) devices: Vec<HostId>,
}

impl Silences {
    pub(super) fn of(seen: &Observations<'_>) -> Self {
        let Some(everyone) = &seen.health.everyone else { return Self::default() };
        let limits = seen.policy.health();
        let unusual = Unusual {
            samples: limits.samples.into(),
            times: limits.silent_times.into(),
            least: u64::from(limits.silent_seconds) * SECOND,
        };
        let capture = Capture::of(everyone, &seen.missing.gaps);
        let mut devices: BTreeMap<HostId, Vec<(&Host, &Rhythm)>> = BTreeMap::new();
        for (host, id) in seen.hosts.iter().zip((0..).map(HostId)).filter(|(host, _)| host.role.is_igor()) {
            if let Some(rhythm) = seen.health.rhythms.get(&host.address) {
                devices.entry(seen.hosts.device_of(id)).or_default().push((host, rhythm));
            }
        }
        let mut all = Self::default();
        for (device, addresses) in devices {
            let Some((host, rhythm)) = addresses.iter().max_by_key(|(host, _)| host.packets_sent) else { continue };
            let pauses = capture.pauses_of(rhythm);
            let gaps = rhythm.gaps(pauses.iter().map(Pause::length));
            if number(&gaps) < unusual.samples {
                continue;
            }
            all.judged.push(device);
            let Some((usual, from)) = unusual.of(&gaps) else { continue };
            let others = || addresses.iter().filter(|(other, _)| other.address != host.address);
            let silence = |pause: Pause| {
                let unheard = others().try_fold(pause, |pause, (_, rhythm)| rhythm.unheard(&pause))?;
                let lasts = addresses.iter().all(|(_, rhythm)| rhythm.last() <= unheard.start);
                (unheard.length() >= from).then_some(Silence { pause: unheard, lasts, is_shared: false })
            };
            let mut silences: Vec<Silence> = pauses.into_iter().filter_map(silence).collect();
            silences.sort_by_key(|silence| (Reverse(silence.pause.length()), silence.pause.start));
            if !silences.is_empty() {
                let had_more = rhythm.longest_other().is_some_and(|length| length >= from);
                all.devices.push(Quiet { device, address: host.address, usual, silences, had_more });
            }
        }
        all.share(limits.silent_together as usize);
        all
    }

    /// Finds the moments. Silences belong together if what all have in common is at least half of each.
    fn share(&mut self, least: usize) {
        let each = |(at, device): (usize, &Quiet)| (0..device.silences.len()).map(move |silence| (at, silence));
        let mut list: Vec<(usize, usize)> = self.devices.iter().enumerate().flat_map(each).collect();
        let silence = |devices: &[Quiet], (at, number): (usize, usize)| devices[at].silences[number];
        list.sort_by_key(|place| {
            let pause = silence(&self.devices, *place).pause;
            (pause.end, pause.start, *place)
        });
        for (at, place) in list.iter().enumerate() {
            let first = silence(&self.devices, *place);
            if first.is_shared {
                continue;
            }
            // One that ends later than this is more than twice as long as what both have in common.
            let twice = i64::try_from(first.pause.length()).unwrap_or(i64::MAX).saturating_mul(2);
            let until = Timestamp::from_nanos(first.pause.end.raw().saturating_add(twice));
            let near = list[at..].iter().take_while(|place| silence(&self.devices, **place).pause.end <= until);
            let belongs = |place: &&(usize, usize)| {
                let other = silence(&self.devices, **place);
                let common = first.pause.common(&other.pause).length().saturating_mul(2);
                !other.is_shared && common >= first.pause.length() && common >= other.pause.length()
            };
            let members: Vec<(usize, usize)> = near.filter(belongs).copied().collect();
            if members.len() < least {
                continue;
            }
            let pause =
                members.iter().fold(first.pause, |sum, place| sum.common(&silence(&self.devices, *place).pause));
            let mut devices: Vec<HostId> = members.iter().map(|(at, _)| self.devices[*at].device).collect();
            devices.sort_unstable();
            devices.dedup();
            self.moments.push(Moment { pause, lasts: first.lasts, devices });
            for (at, number) in members {
                self.devices[at].silences[number].is_shared = true;
            }
        }
    }
}

/// When nobody at all was heard.
struct Capture {
    end: Timestamp,
    /// Such times, one after the other, none touching the next.
    pauses: Vec<Pause>,
    /// There may be others, each as long as this.
    others: u64,
}

impl Capture {
    fn of(everyone: &Rhythm, gaps: &[(Timestamp, Timestamp)]) -> Self {
        let gaps = gaps.iter().map(|(start, end)| Pause { start: *start, end: *end });
        let mut all: Vec<Pause> = everyone.longest().iter().copied().chain(gaps).collect();
        all.sort_unstable_by_key(|pause| (pause.start, pause.end));
        let mut pauses: Vec<Pause> = Vec::with_capacity(all.len());
        for pause in all {
            match pauses.last_mut() {
                Some(last) if pause.start <= last.end => last.end = last.end.max(pause.end),
                _ => pauses.push(pause),
            }
        }
        let others = everyone.longest_other().unwrap_or(0).min(Clock::GAP);
        Self { end: everyone.last(), pauses, others }
    }

    /// The longest pauses of a sender, and the time since it was heard last, but for those that are the capture's own: in
    /// half of such a one nobody at all was heard.
    fn pauses_of(&self, rhythm: &Rhythm) -> Vec<Pause> {
        let rest = Pause { start: rhythm.last(), end: self.end };
        let all = rhythm.longest().iter().copied().chain((rest.length() >= SECOND).then_some(rest));
        all.filter(|pause| !self.is_its_own(pause)).collect()
    }

    fn is_its_own(&self, pause: &Pause) -> bool {
        let first = self.pauses.partition_point(|quiet| quiet.end <= pause.start);
        let within = self.pauses[first..].iter().take_while(|quiet| quiet.start < pause.end);
        let quiet = within.fold(0_u64, |sum, quiet| sum.saturating_add(quiet.common(pause).length()));
        quiet.max(self.others).saturating_mul(2) >= pause.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(start: i64, end: i64) -> Pause {
        let at = |seconds: i64| Timestamp::from_nanos(1_700_000_000_000_000_000 + seconds * SECOND as i64);
        Pause { start: at(start), end: at(end) }
    }

    fn of(silences: &[&[(i64, i64)]]) -> Silences {
        let mut all = Silences::default();
        for (number, times) in (0..).zip(silences) {
            let silence =
                |(start, end): &(i64, i64)| Silence { pause: pause(*start, *end), lasts: false, is_shared: false };
            let address = IpAddr::from([10, 0, 0, number]);
            let silences = times.iter().map(silence).collect();
            let device = HostId(number.into());
            all.devices.push(Quiet { device, address, usual: SECOND, silences, had_more: false });
        }
        all.share(3);
        all
    }

    fn moments(silences: &Silences) -> Vec<(Pause, Vec<u32>)> {
        silences.moments.iter().map(|one| (one.pause, one.devices.iter().map(|device| device.0).collect())).collect()
    }

    #[test]
    fn silences_that_overlap_by_half_are_one_moment() {
        let found = of(&[&[(0, 100)], &[(2, 110), (500, 540)], &[(4, 90)], &[(95, 300)], &[(1, 1000)]]);
        assert_eq!(moments(&found), [(pause(4, 90), vec![0, 1, 2])]);
        let shared: Vec<Vec<bool>> =
            found.devices.iter().map(|one| one.silences.iter().map(|silence| silence.is_shared).collect()).collect();
        assert_eq!(shared, [vec![true], vec![true, false], vec![true], vec![false], vec![false]]);
    }

    #[test]
    fn two_are_not_together() {
        assert!(of(&[&[(0, 100)], &[(0, 100)], &[(99, 200)]]).moments.is_empty());
    }

    #[test]
    fn moments_follow_one_another() {
        let twice: &[(i64, i64)] = &[(0, 60), (100, 160)];
        let found = of(&[twice, twice, twice]);
        assert_eq!(moments(&found), [(pause(0, 60), vec![0, 1, 2]), (pause(100, 160), vec![0, 1, 2])]);
    }

    #[test]
    fn a_pause_of_the_capture_is_none_of_a_device() {
        let capture =
            Capture { end: pause(0, 900).end, pauses: vec![pause(100, 200), pause(400, 500)], others: 2 * SECOND };
        assert!(capture.is_its_own(&pause(99, 203)));
        assert!(capture.is_its_own(&pause(150, 250)), "half of it");
        assert!(!capture.is_its_own(&pause(150, 251)));
        assert!(capture.is_its_own(&pause(100, 500)), "two of them are half of it");
        assert!(!capture.is_its_own(&pause(99, 500)));
        assert!(capture.is_its_own(&pause(300, 304)), "there may have been such a one");
        assert!(!capture.is_its_own(&pause(300, 305)));
    }
}
