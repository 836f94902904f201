//! The rhythm of each sender by its address, and that of everyone.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::rhythm::{Rhythm, SECOND};
use super::{Health, since};
use crate::capture::{Retime, Timestamp};
use crate::state::{Broken, Load, Stored};

/// Senders that are watched: more than a site has devices.
const MOST_SENDERS: usize = 1 << 14;

/// Places for senders that were heard last.
const PLACES: usize = 1 << 10;

/// A sender of which every packet since the one that is in the table came less than a second behind the one before it.
#[derive(Clone, Copy, Debug)]
struct Recent {
    source: IpAddr,
    last: Timestamp,
}

impl Recent {
    const NOBODY: Self = Self { source: IpAddr::V4(Ipv4Addr::UNSPECIFIED), last: Timestamp::UNKNOWN };

    /// Where it stands: one place for each sender.
    #[inline]
    fn place(source: IpAddr) -> usize {
        let bits = match source {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => v6.to_bits() as u64 ^ (v6.to_bits() >> 64) as u64,
        };
        // The upper bits of a product hang on all bits (Knuth, The Art of Computer Programming, volume 3, section 6.4).
        (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.ilog2())) as usize
    }
}

/// When each sender was heard.
#[derive(Clone, Debug)]
pub(crate) struct Rhythms {
    senders: HashMap<IpAddr, Rhythm, foldhash::fast::RandomState>,
    /// Before the table, so that most packets need no look into it; empty until somebody was heard.
    recent: Vec<Recent>,
    /// Once there were more: this and all higher addresses have no place.
    ceiling: Option<IpAddr>,
    /// Whoever sent: a pause of everyone is one of the capture.
    everyone: Option<Rhythm>,
    input: u32,
}

/// Whether an address can be that of a sender.
fn is_sender(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

impl Rhythms {
    /// Nobody was heard yet in an input.
    pub(crate) fn new(input: u32) -> Self {
        Self { senders: HashMap::default(), recent: Vec::new(), ceiling: None, everyone: None, input }
    }

    /// Whether nobody was heard.
    pub(crate) fn is_empty(&self) -> bool {
        self.everyone.is_none()
    }

    /// Takes the time of an IP packet of a sender. Not inlined: most captures are read without.
    #[inline(never)]
    pub(crate) fn hear(&mut self, source: IpAddr, time: Timestamp) {
        if time == Timestamp::UNKNOWN {
            return;
        }
        match &mut self.everyone {
            Some(everyone) => everyone.hear(time),
            None => self.everyone = Some(Rhythm::new(self.input, time)),
        }
        let Some(recent) = self.recent.get_mut(Recent::place(source)) else {
            self.recent = vec![Recent::NOBODY; PLACES];
            return self.hear_anew(source, time);
        };
        if recent.source != source || since(time, recent.last) >= SECOND {
            self.hear_anew(source, time);
        } else {
            recent.last = recent.last.max(time);
        }
    }

    /// Takes a packet of a sender that is not among the recent, or was silent for a second.
    #[inline(never)]
    fn hear_anew(&mut self, source: IpAddr, time: Timestamp) {
        let place = Recent::place(source);
        let before = self.recent.get(place).copied().unwrap_or(Recent::NOBODY);
        self.settle(before);
        match self.senders.get_mut(&source) {
            Some(rhythm) => rhythm.hear(time),
            None => self.add(source, Rhythm::new(self.input, time)),
        }
        let last = if before.source == source { before.last.max(time) } else { time };
        self.recent[place] = Recent { source, last };
    }

    /// Writes down until when a sender was heard.
    fn settle(&mut self, recent: Recent) {
        if recent.last != Timestamp::UNKNOWN
            && let Some(rhythm) = self.senders.get_mut(&recent.source)
        {
            rhythm.go_on(recent.last);
        }
    }

    /// The same of all.
    fn settle_all(&mut self) {
        std::mem::take(&mut self.recent).into_iter().for_each(|recent| self.settle(recent));
    }

    #[cold]
    fn add(&mut self, source: IpAddr, rhythm: Rhythm) {
        if self.senders.len() >= 2 * MOST_SENDERS {
            self.keep_to_limit();
        }
        if is_sender(source) && self.ceiling.is_none_or(|ceiling| source < ceiling) {
            self.senders.insert(source, rhythm);
        }
    }

    /// With all of it in the table.
    fn settled(&self) -> Cow<'_, Self> {
        if self.recent.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle_all();
        Cow::Owned(settled)
    }

    /// Adds what was heard later.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.settle_all();
        let other = &*other.settled();
        self.keep_below(other.ceiling);
        for (source, theirs) in &other.senders {
            match self.senders.get_mut(source) {
                Some(mine) => mine.absorb(theirs),
                None => self.add(*source, theirs.clone()),
            }
        }
        match (&mut self.everyone, &other.everyone) {
            (Some(mine), Some(theirs)) => mine.absorb(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// Whether two inputs told of the same time.
    pub(crate) fn is_mixed(&self) -> bool {
        self.everyone.iter().chain(self.senders.values()).any(|rhythm| rhythm.is_mixed)
    }

    /// Moves all times.
    pub(crate) fn retime(&mut self, retime: Retime) {
        self.settle_all();
        self.everyone.iter_mut().chain(self.senders.values_mut()).for_each(|rhythm| rhythm.retime(retime));
    }

    fn keep_to_limit(&mut self) {
        if self.senders.len() > MOST_SENDERS {
            let mut addresses: Vec<IpAddr> = self.senders.keys().copied().collect();
            let (_, first_beyond, _) = addresses.select_nth_unstable(MOST_SENDERS);
            self.keep_below(Some(*first_beyond));
        }
    }

    fn keep_below(&mut self, ceiling: Option<IpAddr>) {
        let Some(ceiling) = ceiling.filter(|new| self.ceiling.is_none_or(|old| *new < old)) else { return };
        self.ceiling = Some(ceiling);
        self.senders.retain(|address, _| *address < ceiling);
    }

    /// Hands over all that it knows.
    pub(crate) fn finish(mut self, health: &mut Health) {
        self.settle_all();
        self.keep_to_limit();
        health.senders_turned_away = self.ceiling.is_some();
        let is_mixed = self.is_mixed();
        let all = self.senders.len();
        self.senders.retain(|_, rhythm| !rhythm.is_mixed);
        health.mixed_senders = is_mixed.then_some((all - self.senders.len()) as u64);
        health.everyone = self.everyone.take().filter(|everyone| !everyone.is_mixed);
        health.rhythms = self.senders.into_iter().collect();
        health.everyone.iter_mut().chain(health.rhythms.values_mut()).for_each(Rhythm::settle);
    }

    /// Appends those of one input, in the order of their addresses.
    pub(crate) fn store(&self, to: &mut Vec<u8>) {
        let settled = self.settled();
        settled.everyone.store(to);
        settled.ceiling.store(to);
        let mut senders: Vec<_> = settled.senders.iter().collect();
        senders.sort_unstable_by_key(|(address, _)| **address);
        (senders.len() as u64).store(to);
        for (address, rhythm) in senders {
            address.store(to);
            rhythm.store(to);
        }
    }

    pub(crate) fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (everyone, ceiling): (Option<Rhythm>, Option<IpAddr>) = from.get()?;
        let end = everyone.as_ref().map(Rhythm::last);
        from.expect(end.is_some(), "nobody was heard")?;
        let senders = from.map(2 * MOST_SENDERS, "there are too many senders")?;
        let is_sound = |(address, rhythm): (&IpAddr, &Rhythm)| {
            is_sender(*address) && ceiling.is_none_or(|ceiling| *address < ceiling) && Some(rhythm.last()) <= end
        };
        from.expect(senders.iter().all(is_sound), "a sender does not fit the others")?;
        let senders = senders.into_iter().collect();
        Ok(Self { senders, recent: Vec::new(), ceiling, everyone, input: from.input })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

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
            let number = if bits & 0x1_0000 == 0 { bits >> 32 & 15 } else { bits >> 32 & 4095 };
            let (source, time) =
                (IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number as u32)), Timestamp::from_nanos(now));
            rhythms.hear(source, time);
            each.entry(source).and_modify(|rhythm| rhythm.hear(time)).or_insert_with(|| Rhythm::new(0, time));
        }
        let health = finished(rhythms);
        each.values_mut().for_each(Rhythm::settle);
        assert!(each.len() > 2 * PLACES);
        assert_eq!(health.rhythms, each.into_iter().collect());
    }

    #[test]
    fn groups_broadcast_and_nobody_are_no_senders_and_are_heard() {
        let mut rhythms = Rhythms::new(0);
        for (second, address) in (0..).zip(["224.0.0.1", "255.255.255.255", "0.0.0.0", "ff02::1", "::", "10.0.0.1"]) {
            rhythms.hear(address.parse().unwrap(), at(second));
        }
        let health = finished(rhythms);
        assert_eq!(health.rhythms.keys().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1"]);
        assert_eq!(health.everyone.map(|everyone| (everyone.first(), everyone.last())), Some((at(0), at(5))));
    }

    #[test]
    fn at_the_limit_the_lowest_stay_whatever_the_order() {
        let most = MOST_SENDERS as u32;
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number));
        let of = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut rhythms = Rhythms::new(0);
            numbers.for_each(|number| rhythms.hear(address(number), at(1)));
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
    fn senders_of_two_inputs_at_one_time_are_dropped_and_counted() {
        let of = |input, addresses: &[u8], from: i64| {
            let mut rhythms = Rhythms::new(input);
            for number in addresses {
                (from..from + 10).for_each(|second| rhythms.hear([10, 0, 0, *number].into(), at(second)));
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
}
