//! Devices that were silent for much longer than they usually are, and moments at which several were.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::arp::proxies;
use super::{SilentTime, Who};
use crate::capture::Timestamp;
use crate::flow::Clock;
use crate::health::{Gap, Health, Pause, Rhythm, SilenceThresholds, Usual, number};
use crate::inventory::{Host, HostId};
use crate::policy::Role;
use crate::verdict::Observations;

const SECOND: u64 = 1_000_000_000;
/// For less than this a device may ask until it has what it wants: to be registered, or to have its log taken.
const TASK: u64 = 600 * SECOND;

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
    /// The gap in the middle.
    pub(super) median: u64,
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
    /// Whether it was asked meanwhile; else it speaks by itself.
    pub(super) is_asked: bool,
    /// Whether it spoke ARP meanwhile.
    pub(super) speaks_arp: bool,
    /// Whether it belongs to a moment.
    pub(super) is_shared: bool,
}

impl Silence {
    /// The same of a device that is named.
    pub(super) const fn of(&self, who: Who) -> SilentTime {
        SilentTime { who, start: self.pause.start, end: self.pause.end, lasts: self.lasts }
    }
}

/// A time at which several devices were silent.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// When all of them were.
    pub(super) pause: Pause,
    /// The devices, ascending, and the silence of each.
    pub(super) devices: Vec<(HostId, Silence)>,
}

/// The addresses of a device, and when each was heard and asked.
struct DeviceAddresses<'a> {
    hosts: Vec<&'a Host>,
    health: &'a Health,
    /// Whether another answers ARP for it (RFC 1027): then ARP tells nothing of it.
    is_answered_for: bool,
}

impl<'a> DeviceAddresses<'a> {
    fn heard(&self) -> impl Iterator<Item = (&'a Host, &'a Rhythm)> {
        self.hosts.iter().filter_map(|host| Some((*host, self.health.rhythms.get(&host.address)?)))
    }

    /// Whether the rhythm of any goes on in a time: no pause of it fills the time. Or it ends early, or begins late, and is at
    /// least as long as this: who asks may give up.
    fn go_on(&self, rhythms: &BTreeMap<IpAddr, Rhythm>, within: &Pause, least: u64) -> bool {
        let filling =
            |rhythm: &Rhythm, within: &Pause| rhythm.unheard(within).filter(|part| within.is_filled_by(part.length()));
        let goes_on = |rhythm: &Rhythm| {
            let Some(part) = filling(rhythm, within) else { return true };
            let before = Pause { start: within.start, end: part.start };
            let behind = Pause { start: part.end, end: within.end };
            [before, behind].iter().any(|side| side.length() >= least && filling(rhythm, side).is_none())
        };
        self.hosts.iter().filter_map(|host| rhythms.get(&host.address)).any(goes_on)
    }

    /// Whether it spoke ARP in a time.
    fn speak_arp(&self, within: &Pause) -> bool {
        !self.is_answered_for && self.go_on(&self.health.arp, within, u64::MAX)
    }

    /// Whether it was asked in a time in which nothing came from it, for all of it or at least so long. An ARP request is a
    /// question too: whoever finds nobody by it sends no IP packet.
    fn are_asked(&self, within: &Pause, least: u64) -> bool {
        let asked = self.hosts.iter().filter_map(|host| self.health.asked.get(&host.address));
        // A pause whose time is not known may be the one.
        let others = asked.filter_map(Rhythm::longest_other).max().unwrap_or(0);
        !within.is_filled_by(others) && self.go_on(&self.health.asked, within, least)
            || !self.is_answered_for && self.go_on(&self.health.sought, within, least) && !self.speak_arp(within)
    }
}

/// Packets of a device.
#[derive(Clone, Copy, Default)]
struct Packets {
    sent: u64,
    received: u64,
    /// Packets it sent as a client.
    asking: u64,
    /// Packets it sent to clients of which nothing was captured.
    one_way: u64,
}

impl Packets {
    /// Those of each device; of none where of all talks one direction only was seen.
    fn of(seen: &Observations<'_>, devices: &BTreeMap<HostId, DeviceAddresses<'_>>) -> BTreeMap<HostId, Self> {
        let mut all: BTreeMap<HostId, Self> = BTreeMap::new();
        for (device, addresses) in devices {
            let packets = all.entry(*device).or_default();
            for host in &addresses.hosts {
                packets.sent = packets.sent.saturating_add(host.packets_sent);
                packets.received = packets.received.saturating_add(host.packets_received);
            }
        }
        let mut is_two_way = false;
        for ((place, way), parties) in (0..).zip(seen.orientations).zip(seen.parties) {
            let ends = seen.flows.view(place).ends;
            let client = usize::from(way.client & 1);
            let [asked, answered] = [ends[client].packets(), ends[1 - client].packets()];
            is_two_way |= asked > 0 && answered > 0;
            if let Some(packets) = all.get_mut(&seen.hosts.device_of(parties[client])) {
                packets.asking = packets.asking.saturating_add(asked);
            }
            if asked == 0
                && let Some(packets) = all.get_mut(&seen.hosts.device_of(parties[1 - client]))
            {
                packets.one_way = packets.one_way.saturating_add(answered);
            }
        }
        if is_two_way { all } else { BTreeMap::new() }
    }

    fn is_quarter(&self, part: u64) -> bool {
        part.saturating_mul(4) >= self.sent
    }

    /// Whether a device speaks by itself, as it does to whom hardly anything is sent, if not only its answers were seen. What is
    /// answered may be a talk that ended: it must be slower than a talk, and a node's, since others ask for as long as they are
    /// told to.
    fn are_its_own(&self, role: Role, usual: Usual) -> bool {
        let is_asking = role == Role::Node && !self.is_quarter(self.sent.saturating_sub(self.asking));
        !self.is_quarter(self.one_way) && (!self.are_answered() || is_asking && usual.median > SECOND)
    }

    fn are_answered(&self) -> bool {
        self.is_quarter(self.received)
    }
}

impl Silences {
    pub(super) fn of(seen: &Observations<'_>) -> Self {
        let Some(everyone) = &seen.health.everyone else { return Self::default() };
        let limits = seen.policy.health();
        let unusual = SilenceThresholds {
            samples: limits.samples.into(),
            times: limits.silent_times.into(),
            least: u64::from(limits.silent_seconds) * SECOND,
        };
        let capture = Capture::of(everyone, &seen.missing.gaps);
        let proxies = proxies(seen);
        let is_answered_for = |address: IpAddr| match address {
            IpAddr::V4(address) => seen.neighbours.claims_of(address).any(|(mac, _)| proxies.contains(&mac)),
            IpAddr::V6(_) => false,
        };
        let mut devices: BTreeMap<HostId, DeviceAddresses<'_>> = BTreeMap::new();
        for (host, id) in seen.hosts.iter().zip((0..).map(HostId)).filter(|(host, _)| host.role.is_igor()) {
            let none = || DeviceAddresses { hosts: Vec::new(), health: seen.health, is_answered_for: false };
            let device = devices.entry(seen.hosts.device_of(id)).or_insert_with(none);
            device.is_answered_for |= is_answered_for(host.address);
            device.hosts.push(host);
        }
        let packets = Packets::of(seen, &devices);
        let mut all = Self::default();
        for (device, addresses) in devices {
            let Some((host, rhythm)) = addresses.heard().max_by_key(|(host, _)| host.packets_sent) else { continue };
            let pauses = capture.pauses_of(rhythm);
            let gap = |pause: &Pause| Gap {
                length: pause.length(),
                count: 1,
                in_vain: addresses.are_asked(pause, unusual.least),
            };
            let gaps: Vec<Gap> = pauses.iter().map(gap).collect();
            // Those whose times are not known are as the others of their length, if all are alike.
            let long = || gaps.iter().filter(|gap| gap.length >= unusual.least);
            let others_in_vain = long().next().is_some() && long().all(|gap| gap.in_vain);
            let gaps = rhythm.gaps(gaps.into_iter(), others_in_vain);
            if number(&gaps) < unusual.samples {
                continue;
            }
            all.judged.push(device);
            let Some(usual) = unusual.of(&gaps) else { continue };
            let is_own = packets.get(&device).is_some_and(|packets| packets.are_its_own(host.role, usual));
            // A keypad that nobody presses is well.
            let is_beat = is_own && usual.is_a_beat();
            // Who asks until it has what it wants stops for good, and did not ask for long.
            let may_be_done = packets.get(&device).is_some_and(Packets::are_answered);
            let silence = |pause: Pause| {
                let others = addresses.heard().filter(|(other, _)| other.address != host.address);
                let pause = others.map(|(_, rhythm)| rhythm).try_fold(pause, |pause, other| other.unheard(&pause))?;
                let lasts = addresses.heard().all(|(_, rhythm)| rhythm.last() <= pause.start);
                let (is_asked, speaks_arp) = (addresses.are_asked(&pause, usual.silence), addresses.speak_arp(&pause));
                let silence = Silence { pause, lasts, is_asked, speaks_arp, is_shared: false };
                let before = Pause { start: rhythm.first(), end: pause.start };
                let is_seen_to_begin = Pause { start: everyone.first(), end: rhythm.first() }.length() > usual.silence;
                let is_task = is_seen_to_begin && before.length() < pause.length().min(TASK);
                let is_done = lasts && may_be_done && is_task;
                (pause.length() >= usual.silence && (is_asked || is_beat && !is_done)).then_some(silence)
            };
            let mut silences: Vec<Silence> = pauses.into_iter().filter_map(silence).collect();
            silences.sort_by_key(|silence| (Reverse(silence.pause.length()), silence.pause.start));
            if !silences.is_empty() {
                let is_told = rhythm.longest_other().is_some_and(|length| length >= usual.silence);
                let had_more = is_told && (is_beat || others_in_vain);
                let Usual { gap: usual, median, .. } = usual;
                all.devices.push(Quiet { device, address: host.address, usual, median, silences, had_more });
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
            let number = members.iter().map(|(at, _)| at).collect::<BTreeSet<_>>().len();
            if number < least {
                continue;
            }
            let pause =
                members.iter().fold(first.pause, |sum, place| sum.common(&silence(&self.devices, *place).pause));
            // Of a device with two of them, the later one says when it was heard again.
            let mut devices: BTreeMap<HostId, Silence> = BTreeMap::new();
            for place in &members {
                devices.insert(self.devices[place.0].device, silence(&self.devices, *place));
            }
            self.moments.push(Moment { pause, devices: devices.into_iter().collect() });
            for (at, number) in members {
                self.devices[at].silences[number].is_shared = true;
            }
        }
    }
}

/// When nobody at all was heard.
struct Capture {
    end: Timestamp,
    /// Such times, one after the other; a packet may lie between two.
    pauses: Vec<Pause>,
    /// Other pauses may exist that are as long as this one.
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
                Some(last) if pause.start < last.end => last.end = last.end.max(pause.end),
                _ => pauses.push(pause),
            }
        }
        let others = everyone.longest_other().unwrap_or(0).min(Clock::GAP);
        Self { end: everyone.last(), pauses, others }
    }

    /// The longest pauses of a sender, and the time since it was heard last, but for those that are the capture's own: of
    /// such a one nobody at all was heard in one half. Many short times without anybody are how a quiet site is.
    fn pauses_of(&self, rhythm: &Rhythm) -> Vec<Pause> {
        let rest = Pause { start: rhythm.last(), end: self.end };
        let all = rhythm.longest().iter().copied().chain((rest.length() >= SECOND).then_some(rest));
        all.filter(|pause| !self.is_its_own(pause)).collect()
    }

    fn is_its_own(&self, pause: &Pause) -> bool {
        let first = self.pauses.partition_point(|quiet| quiet.end <= pause.start);
        let within = self.pauses[first..].iter().take_while(|quiet| quiet.start < pause.end);
        let quiet = within.map(|quiet| quiet.common(pause).length()).max().unwrap_or(0);
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
            let silence = |(start, end): &(i64, i64)| Silence {
                pause: pause(*start, *end),
                lasts: false,
                is_asked: true,
                speaks_arp: false,
                is_shared: false,
            };
            let address = IpAddr::from([10, 0, 0, number]);
            let silences = times.iter().map(silence).collect();
            let device = HostId(number.into());
            all.devices.push(Quiet { device, address, usual: SECOND, median: SECOND, silences, had_more: false });
        }
        all.share(3);
        all
    }

    fn moments(silences: &Silences) -> Vec<(Pause, Vec<u32>)> {
        silences
            .moments
            .iter()
            .map(|one| (one.pause, one.devices.iter().map(|(device, _)| device.0).collect()))
            .collect()
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
        assert!(!capture.is_its_own(&pause(100, 500)), "of two none is half of it");
        assert!(capture.is_its_own(&pause(300, 304)), "there may have been such a one");
        assert!(!capture.is_its_own(&pause(300, 305)));
    }
}
