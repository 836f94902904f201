//! The rhythm of each host, by its address.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::lowest::BoundedHosts;
use super::numbered::NOWHERE;
use super::recent::{Address, Heard, Place, Recent};
use super::rhythm::Rhythm;
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored};

/// Hosts that are watched: more than a site has devices.
pub(super) const MOST_HOSTS: usize = 1 << 14;

/// When packets of a kind came from, or went to, each host.
#[derive(Clone, Debug)]
pub(super) struct HostTimes {
    rhythms: BoundedHosts<Rhythm, MOST_HOSTS>,
    /// Before the rhythms, which do not know of it before it is settled.
    recent: Recent,
    input: u32,
}

/// Whether an address can be that of one host.
fn is_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

impl HostTimes {
    /// Nobody was heard yet in an input.
    pub(super) fn new(input: u32) -> Self {
        Self { rhythms: BoundedHosts::default(), recent: Recent::new(), input }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rhythms.is_empty()
    }

    /// Whether some found no place.
    pub(super) fn turned_away(&self) -> bool {
        self.rhythms.turned_away()
    }

    /// Takes the known time of a packet.
    #[inline(always)]
    pub(super) fn hear<A: Address>(&mut self, host: A, time: Timestamp) {
        // Where many made-up addresses found no place, they need not be looked for.
        if self.rhythms.turned_away() && !self.rhythms.has_place(host.into()) {
            return;
        }
        match self.recent.hear(host, time, self.rhythms.list()) {
            Heard::Nothing => {}
            Heard::Full => self.write_down(),
            Heard::Anew => self.hear_anew(host.into(), time),
        }
    }

    /// Where a host is looked for first.
    #[inline(always)]
    pub(super) fn place(&self, host: Ipv4Addr) -> (&[Place], usize) {
        self.recent.place(host)
    }

    /// Writes down the pauses of all that are recent.
    #[inline(never)]
    fn write_down(&mut self) {
        self.recent.take_pauses(|number, pause| {
            if let Some(rhythm) = self.rhythms.at(number) {
                rhythm.go_on(pause.start);
                rhythm.hear(pause.end);
            }
        });
    }

    /// Takes a packet of a host that is not among the recent.
    #[inline(never)]
    fn hear_anew(&mut self, host: IpAddr, time: Timestamp) {
        if !is_host(host) {
            return;
        }
        let mut number = self.rhythms.find(host);
        if number == NOWHERE {
            if self.rhythms.is_full() {
                // Some must go, and then all have other numbers.
                self.settle();
            }
            let input = self.input;
            number = self.rhythms.enter(host, || Rhythm::new(input, time));
        }
        if let Some(rhythm) = self.rhythms.at(number) {
            rhythm.hear(time);
            let last = rhythm.last();
            self.recent.enter((host, number), last, self.rhythms.list());
        }
    }

    /// Writes down all that is known of those that are recent.
    fn settle(&mut self) {
        self.write_down();
        self.recent.take_hosts(|number, last| {
            if let Some(rhythm) = self.rhythms.at(number) {
                rhythm.go_on(last);
            }
        });
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
                None if is_host(host) => {
                    self.rhythms.enter(host, || theirs.clone());
                }
                None => {}
            }
        }
    }

    /// Whether two inputs told of the same time of one host.
    pub(super) fn is_mixed(&self) -> bool {
        self.rhythms.iter().any(|(_, rhythm)| rhythm.is_mixed)
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
        let rhythms: BoundedHosts<Rhythm, MOST_HOSTS> = from.get()?;
        let is_sound = |(address, rhythm): (IpAddr, &Rhythm)| is_host(address) && rhythm.last() <= end;
        from.expect(rhythms.iter().all(is_sound), "a sender does not fit the others")?;
        Ok(Self { rhythms, recent: Recent::new(), input: from.input })
    }
}
