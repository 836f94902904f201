//! When everyone was heard, each sender, and each host that was asked.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use arrayvec::ArrayVec;

use super::Health;
use super::recent::Place;
use super::rhythm::Rhythm;
use super::table::HostTimes;
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored};

/// Packets that wait at a time.
const BATCH: usize = 32;

/// When hosts were heard, and when they were asked.
#[derive(Clone, Debug)]
pub(crate) struct Rhythms {
    /// Whoever sent an IP packet: a pause of everyone is one of the capture.
    everyone: Option<Rhythm>,
    /// By the source of an IP packet.
    senders: HostTimes,
    /// By its destination, where that is one host.
    asked: HostTimes,
    /// By whom an ARP request looks for. Who does not answer it gets no IP packet.
    sought: HostTimes,
    /// By the sender of an ARP packet.
    arp: HostTimes,
    /// Packets of IPv4 whose places among senders and who was asked are on their way from memory.
    waiting: ArrayVec<(Ipv4Addr, Ipv4Addr, Timestamp), BATCH>,
    input: u32,
}

impl Rhythms {
    /// Nobody was heard yet in an input.
    pub(crate) fn new(input: u32) -> Self {
        let table = || HostTimes::new(input);
        Self {
            everyone: None,
            senders: table(),
            asked: table(),
            sought: table(),
            arp: table(),
            waiting: ArrayVec::new(),
            input,
        }
    }

    fn tables(&self) -> [&HostTimes; 4] {
        [&self.senders, &self.asked, &self.sought, &self.arp]
    }

    fn tables_mut(&mut self) -> [&mut HostTimes; 4] {
        [&mut self.senders, &mut self.asked, &mut self.sought, &mut self.arp]
    }

    /// Whether nobody was heard.
    pub(crate) fn is_empty(&self) -> bool {
        self.everyone.is_none() && self.tables().iter().all(|table| table.is_empty())
    }

    /// Takes the time of an IP packet. Not inlined: most captures are read without.
    #[inline(never)]
    pub(crate) fn hear(&mut self, source: IpAddr, destination: IpAddr, time: Timestamp) {
        if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
            return self.hear_soon((source, destination), time, |_, _| {});
        }
        if self.hear_anybody(time) {
            self.catch_up();
            self.senders.hear(source, time);
            self.asked.hear(destination, time);
        }
    }

    /// The same of IPv4, of which places are fetched until there are enough of them.
    #[inline(always)]
    pub(crate) fn hear_soon(
        &mut self,
        (source, destination): (Ipv4Addr, Ipv4Addr),
        time: Timestamp,
        fetch: impl Fn(&[Place], usize),
    ) {
        if self.hear_anybody(time) {
            for (places, at) in [self.senders.place(source), self.asked.place(destination)] {
                fetch(places, at);
            }
            if self.waiting.try_push((source, destination, time)).is_ok() && self.waiting.is_full() {
                self.catch_up();
            }
        }
    }

    /// Takes the time of a packet of whomever; whether it is known.
    #[inline(always)]
    fn hear_anybody(&mut self, time: Timestamp) -> bool {
        match &mut self.everyone {
            _ if time == Timestamp::UNKNOWN => return false,
            Some(everyone) => everyone.hear(time),
            None => self.everyone = Some(Rhythm::new(self.input, time)),
        }
        true
    }

    /// Takes all that is waiting: before whatever is told of hosts.
    #[inline(never)]
    pub(crate) fn catch_up(&mut self) {
        for (source, destination, time) in std::mem::take(&mut self.waiting) {
            self.senders.hear(source, time);
            self.asked.hear(destination, time);
        }
    }

    /// With nothing waiting.
    fn caught_up(&self) -> Cow<'_, Self> {
        if self.waiting.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut caught_up = self.clone();
        caught_up.catch_up();
        Cow::Owned(caught_up)
    }

    /// Takes the time of an ARP packet: who sent it, and whom a request looks for.
    #[cold]
    pub(crate) fn hear_arp(&mut self, sender: Ipv4Addr, target: Option<Ipv4Addr>, time: Timestamp) {
        if time == Timestamp::UNKNOWN {
            return;
        }
        self.arp.hear(sender, time);
        target.into_iter().for_each(|target| self.sought.hear(target, time));
    }

    /// Adds what was heard later.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.catch_up();
        let other = &*other.caught_up();
        self.tables_mut().into_iter().zip(other.tables()).for_each(|(mine, theirs)| mine.absorb(theirs));
        match (&mut self.everyone, &other.everyone) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// Whether two inputs told of the same time.
    pub(crate) fn is_mixed(&self) -> bool {
        self.everyone.as_ref().is_some_and(|everyone| everyone.is_mixed)
            || self.tables().iter().any(|table| table.is_mixed())
    }

    /// Hands over all that it knows.
    pub(crate) fn finish(mut self, health: &mut Health) {
        self.catch_up();
        self.tables_mut().into_iter().for_each(HostTimes::close);
        health.senders_turned_away = self.tables().iter().any(|table| table.turned_away());
        let is_mixed = self.is_mixed();
        let mixed;
        (health.rhythms, mixed) = self.senders.finish();
        health.mixed_senders = is_mixed.then_some(mixed);
        (health.asked, _) = self.asked.finish();
        (health.sought, _) = self.sought.finish();
        (health.arp, _) = self.arp.finish();
        health.everyone = self.everyone.filter(|everyone| !everyone.is_mixed);
        health.everyone.iter_mut().for_each(Rhythm::settle);
    }

    /// Appends those of one input.
    pub(crate) fn store(&self, to: &mut Vec<u8>) {
        let caught_up = self.caught_up();
        caught_up.everyone.store(to);
        caught_up.tables().into_iter().for_each(|table| table.store(to));
    }

    pub(crate) fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let everyone: Option<Rhythm> = from.get()?;
        let end = everyone.as_ref().map_or(Timestamp::UNKNOWN, Rhythm::last);
        let (senders, asked) = (HostTimes::load(from, end)?, HostTimes::load(from, end)?);
        let mut of_arp = || HostTimes::load(from, Timestamp::from_nanos(i64::MAX));
        let (sought, arp) = (of_arp()?, of_arp()?);
        let rhythms = Self { everyone, senders, asked, sought, arp, waiting: ArrayVec::new(), input: from.input };
        from.expect(!rhythms.is_empty(), "nobody was heard")?;
        Ok(rhythms)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::recent::FIRST_PLACES;
    use super::super::table::MOST_HOSTS;
    use super::*;

    const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 255));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + seconds * 1_000_000_000)
    }

    fn finished(rhythms: Rhythms) -> Health {
        let mut health = Health::default();
        rhythms.finish(&mut health);
        health
    }

    /// More senders than places, steps of milliseconds to seconds, some of them back.
    #[test]
    fn what_was_heard_last_and_the_table_tell_what_each_packet_tells() {
        let (mut rhythms, mut each) = (Rhythms::new(0), HashMap::<IpAddr, Rhythm>::new());
        let (mut bits, mut now) = (1_u64, 1_700_000_000_000_000_000_i64);
        for _ in 0..60_000 {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            now += match bits % 1000 {
                0 => 3_000_000_000,
                1..10 => -400_000_000,
                _ => 2_000_000,
            };
            // Some speak often, most rarely.
            let number = if bits & 0x1_0000 == 0 { bits >> 32 & 15 } else { bits >> 32 & 16383 };
            let (source, time) =
                (IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number as u32)), Timestamp::from_nanos(now));
            rhythms.hear(source, source, time);
            each.entry(source).and_modify(|rhythm| rhythm.hear(time)).or_insert_with(|| Rhythm::new(0, time));
        }
        let health = finished(rhythms);
        each.values_mut().for_each(Rhythm::settle);
        assert!(each.len() > 2 * FIRST_PLACES);
        assert_eq!(health.rhythms, each.into_iter().collect());
        assert_eq!(health.asked, health.rhythms);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A few that pause more often than is kept, some steps back, and all of it written down and read now and then.
        #[test]
        fn short_pauses_that_are_written_down_later_are_those_of_each_packet(
            steps in prop::collection::vec((0..3_u8, -300..2000_i64, any::<bool>(), 0..300_u16), 1..1500),
        ) {
            let (mut rhythms, mut each) = (Rhythms::new(0), HashMap::<IpAddr, Rhythm>::new());
            let mut now = 1_700_000_000_000_i64;
            for (host, step, is_even, written) in steps {
                // Some pauses are as long as others.
                now += if is_even { step / 500 * 500 } else { step };
                let (host, time) = (IpAddr::from([10, 0, 0, host]), Timestamp::from_nanos(now * 1_000_000));
                rhythms.hear(host, SOMEBODY, time);
                each.entry(host).and_modify(|rhythm| rhythm.hear(time)).or_insert_with(|| Rhythm::new(0, time));
                if written == 0 {
                    let mut bytes = Vec::new();
                    rhythms.store(&mut bytes);
                    rhythms = Rhythms::load(&mut Load::of_head(bytes)).unwrap();
                }
            }
            each.values_mut().for_each(Rhythm::settle);
            prop_assert_eq!(finished(rhythms).rhythms, each.into_iter().collect());
        }
    }

    #[test]
    fn groups_broadcast_and_nobody_are_no_senders_and_are_heard() {
        let mut rhythms = Rhythms::new(0);
        for (second, address) in (0..).zip(["224.0.0.1", "255.255.255.255", "0.0.0.0", "ff02::1", "::", "10.0.0.1"]) {
            rhythms.hear(address.parse().unwrap(), "10.0.0.2".parse().unwrap(), at(second));
        }
        let health = finished(rhythms);
        assert_eq!(health.rhythms.keys().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1"]);
        assert_eq!(health.everyone.map(|everyone| (everyone.first(), everyone.last())), Some((at(0), at(5))));
    }

    #[test]
    fn at_the_limit_the_lowest_stay_whatever_the_order() {
        let most = MOST_HOSTS as u32;
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number));
        let of = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut rhythms = Rhythms::new(0);
            numbers.for_each(|number| rhythms.hear(address(number), SOMEBODY, at(1)));
            rhythms
        };
        let up = finished(of(&mut (0..3 * most)));
        let down = finished(of(&mut (0..3 * most).rev()));
        let mut parts = of(&mut (0..3 * most).filter(|number| number % 2 == 0));
        parts.absorb(&of(&mut (0..3 * most).filter(|number| number % 2 == 1)));
        let parts = finished(parts);
        assert!(up.senders_turned_away && up.rhythms.keys().eq((0..most).map(address).collect::<Vec<_>>().iter()));
        assert!(up == down && up == parts);
        assert!(!finished(of(&mut (0..most))).senders_turned_away);
    }

    #[test]
    fn made_up_addresses_of_the_world_push_no_device_out() {
        let most = MOST_HOSTS as u32;
        let mut rhythms = Rhythms::new(0);
        let devices = [[10, 0, 0, 11].into(), [192, 168, 7, 1].into(), "fe80::1".parse::<IpAddr>().unwrap()];
        devices.iter().for_each(|device| rhythms.hear(*device, SOMEBODY, at(0)));
        (0..3 * most).for_each(|number| rhythms.hear(Ipv4Addr::from(0x0100_0000 + number).into(), SOMEBODY, at(1)));
        let health = finished(rhythms);
        assert!(health.senders_turned_away);
        assert!(devices.iter().all(|device| health.rhythms.contains_key(device)));
    }

    #[test]
    fn senders_of_two_inputs_at_one_time_are_dropped_and_counted() {
        let of = |input, addresses: &[u8], from: i64| {
            let mut rhythms = Rhythms::new(input);
            for number in addresses {
                (from..from + 10).for_each(|second| rhythms.hear([10, 0, 0, *number].into(), SOMEBODY, at(second)));
            }
            rhythms
        };
        let mut sum = of(0, &[1, 2], 0);
        sum.absorb(&of(1, &[2, 3], 5));
        let health = finished(sum);
        assert_eq!((health.mixed_senders, health.everyone.is_none(), health.rhythms.len()), (Some(1), true, 2));
        let mut sum = of(0, &[1, 2], 0);
        sum.absorb(&of(1, &[2, 3], 9));
        assert_eq!(finished(sum).mixed_senders, None);
    }

    #[test]
    fn who_is_asked_is_one_host_and_arp_is_no_ip_packet() {
        let mut rhythms = Rhythms::new(0);
        for (second, address) in (0..).zip(["224.0.0.1", "255.255.255.255", "0.0.0.0", "ff02::1", "10.0.0.2"]) {
            rhythms.hear(SOMEBODY, address.parse().unwrap(), at(second));
        }
        let [one, two] = [Ipv4Addr::new(10, 0, 0, 3), Ipv4Addr::new(10, 0, 0, 4)];
        rhythms.hear_arp(one, Some(two), at(10));
        rhythms.hear_arp(two, None, at(11));
        let mut bytes = Vec::new();
        rhythms.store(&mut bytes);
        let health = finished(rhythms);
        let of = |rhythms: &std::collections::BTreeMap<IpAddr, Rhythm>| {
            rhythms.iter().map(|(address, rhythm)| (address.to_string(), rhythm.last())).collect::<Vec<_>>()
        };
        assert_eq!(of(&health.asked), [("10.0.0.2".to_owned(), at(4))]);
        assert_eq!(of(&health.sought), [("10.0.0.4".to_owned(), at(10))]);
        assert_eq!(of(&health.arp), [("10.0.0.3".to_owned(), at(10)), ("10.0.0.4".to_owned(), at(11))]);
        assert_eq!(health.everyone.as_ref().map(Rhythm::last), Some(at(4)));
        let loaded = Rhythms::load(&mut Load::of_head(bytes)).unwrap();
        assert_eq!(finished(loaded), health);
    }

    #[test]
    fn only_arp_was_heard() {
        let mut rhythms = Rhythms::new(0);
        assert!(rhythms.is_empty());
        rhythms.hear_arp(Ipv4Addr::new(10, 0, 0, 3), None, at(10));
        assert!(!rhythms.is_empty());
        let mut bytes = Vec::new();
        rhythms.store(&mut bytes);
        assert_eq!(finished(Rhythms::load(&mut Load::of_head(bytes)).unwrap()), finished(rhythms));
    }
}
