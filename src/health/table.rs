//! The rhythm of each host, by its address.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::lowest::Lowest;
use super::rhythm::{Rhythm, SECOND};
use super::since;
use crate::capture::{Retime, Timestamp};
use crate::state::{Broken, Load, Stored};

/// Hosts that are watched: more than a site has devices.
pub(super) const MOST_HOSTS: usize = 1 << 14;

/// Places for hosts that were heard last: a site may have two thousand.
pub(super) const PLACES: usize = 1 << 12;

/// A host of which every packet since the one that is in the table came less than a second behind the one before it.
#[derive(Clone, Copy, Debug)]
struct Recent {
    host: IpAddr,
    last: Timestamp,
}

impl Recent {
    const NOBODY: Self = Self { host: IpAddr::V4(Ipv4Addr::UNSPECIFIED), last: Timestamp::UNKNOWN };

    /// Where it stands: one place for each host.
    #[inline]
    fn place(host: IpAddr) -> usize {
        let bits = match host {
            IpAddr::V4(v4) => v4.to_bits().into(),
            IpAddr::V6(v6) => v6.to_bits() as u64 ^ (v6.to_bits() >> 64) as u64,
        };
        // The upper bits of a product hang on all bits (Knuth, The Art of Computer Programming, volume 3, section 6.4).
        (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.ilog2())) as usize
    }
}

/// When packets of a kind came from, or went to, each host.
#[derive(Clone, Debug)]
pub(super) struct Table {
    rhythms: Lowest<Rhythm, MOST_HOSTS>,
    /// Before the rhythms, so that most packets need no look into them; empty until somebody was heard.
    recent: Vec<Recent>,
    input: u32,
}

/// Whether an address can be that of one host.
fn is_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

impl Table {
    /// Nobody was heard yet in an input.
    pub(super) fn new(input: u32) -> Self {
        Self { rhythms: Lowest::default(), recent: Vec::new(), input }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rhythms.is_empty()
    }

    /// Whether some found no place.
    pub(super) fn turned_away(&self) -> bool {
        self.rhythms.turned_away()
    }

    /// Takes the known time of a packet.
    #[inline]
    pub(super) fn hear(&mut self, host: IpAddr, time: Timestamp) {
        let Some(recent) = self.recent.get_mut(Recent::place(host)) else {
            self.recent = vec![Recent::NOBODY; PLACES];
            return self.hear_anew(host, time);
        };
        if recent.host != host || since(time, recent.last) >= SECOND {
            self.hear_anew(host, time);
        } else {
            recent.last = recent.last.max(time);
        }
    }

    /// Takes a packet of a host that is not among the recent, or was silent for a second.
    #[inline(never)]
    fn hear_anew(&mut self, host: IpAddr, time: Timestamp) {
        let place = Recent::place(host);
        let before = self.recent.get(place).copied().unwrap_or(Recent::NOBODY);
        let own = Some(before.last).filter(|last| before.host == host && *last != Timestamp::UNKNOWN);
        if own.is_none() {
            self.settle_one(before);
        }
        match self.rhythms.get_mut(host) {
            Some(rhythm) => {
                own.into_iter().for_each(|last| rhythm.go_on(last));
                rhythm.hear(time);
            }
            None => self.add(host, Rhythm::new(self.input, time)),
        }
        self.recent[place] = Recent { host, last: own.map_or(time, |last| last.max(time)) };
    }

    /// Writes down until when a host was heard.
    fn settle_one(&mut self, recent: Recent) {
        if recent.last != Timestamp::UNKNOWN
            && let Some(rhythm) = self.rhythms.get_mut(recent.host)
        {
            rhythm.go_on(recent.last);
        }
    }

    /// The same of all.
    fn settle(&mut self) {
        std::mem::take(&mut self.recent).into_iter().for_each(|recent| self.settle_one(recent));
    }

    #[cold]
    fn add(&mut self, host: IpAddr, rhythm: Rhythm) {
        if is_host(host) {
            self.rhythms.get_or_insert(host, || rhythm);
        }
    }

    /// With all of it in the rhythms.
    fn settled(&self) -> Cow<'_, Self> {
        if self.recent.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }

    /// Adds what was heard later.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.settle();
        let other = &*other.settled();
        self.rhythms.keep_places_of(&other.rhythms);
        for (host, theirs) in other.rhythms.iter() {
            match self.rhythms.get_mut(host) {
                Some(mine) => mine.absorb(theirs),
                None => self.add(host, theirs.clone()),
            }
        }
    }

    /// Whether two inputs told of the same time of one host.
    pub(super) fn is_mixed(&self) -> bool {
        self.rhythms.iter().any(|(_, rhythm)| rhythm.is_mixed)
    }

    /// Moves all times.
    pub(super) fn retime(&mut self, retime: Retime) {
        self.settle();
        self.rhythms.values_mut().for_each(|rhythm| rhythm.retime(retime));
    }

    /// Holds it to its limit, to which nothing is to be added.
    pub(super) fn close(&mut self) {
        self.settle();
        self.rhythms.keep_to_limit();
    }

    /// All rhythms but those of which two inputs told of the same time, and how many those are.
    pub(super) fn finish(mut self) -> (BTreeMap<IpAddr, Rhythm>, u64) {
        self.close();
        let all = self.rhythms.len();
        self.rhythms.retain(|rhythm| !rhythm.is_mixed);
        let mixed = (all - self.rhythms.len()) as u64;
        let mut rhythms: BTreeMap<IpAddr, Rhythm> = self.rhythms.into_map();
        rhythms.values_mut().for_each(Rhythm::settle);
        (rhythms, mixed)
    }

    /// Appends those of one input.
    pub(super) fn store(&self, to: &mut Vec<u8>) {
        self.settled().rhythms.store(to);
    }

    /// Loads one in which nothing came later than `end`.
    pub(super) fn load(from: &mut Load<'_>, end: Timestamp) -> Result<Self, Broken> {
        let rhythms: Lowest<Rhythm, MOST_HOSTS> = from.get()?;
        let is_sound = |(address, rhythm): (IpAddr, &Rhythm)| is_host(address) && rhythm.last() <= end;
        from.expect(rhythms.iter().all(is_sound), "a sender does not fit the others")?;
        Ok(Self { rhythms, recent: Vec::new(), input: from.input })
    }
}
