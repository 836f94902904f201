//! When hosts were heard last, and their pauses since those were written down: before their rhythms, so that packets need no
//! look into them. Of a site with two thousand devices a packet looks at a cache line, and a pause is one more in a list.
//!
//! Measured on ten million packets of such a site: rhythms that are looked at for each pause take six times as long, for
//! until a host pauses again its own cache lines are gone.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rhythm::{Pause, SECOND};
use crate::capture::Timestamp;

/// Places that a table begins with.
pub(super) const FIRST_PLACES: usize = 1 << 8;
/// So many places for each host, so that most hosts stand where they are looked for first.
const PLACES_PER_HOST: usize = 4;
/// Pauses of all hosts until they are written down: of a site several of each host, for which its rhythm is looked at once.
const MOST_PAUSES: usize = 1 << 16;

/// An odd factor whose multiples are spread evenly (Knuth, The Art of Computer Programming, volume 3, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The upper half of a wide product folded into the lower (the "folded multiply" hash), for the flow table too.
#[inline]
pub(crate) const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// An address by which a host is looked for.
pub(crate) trait Address: Copy + Into<IpAddr> {
    /// What tells hosts apart that may stand at one place: all of an address of IPv4, and of IPv6 what fits.
    fn tag(self, hash: u64) -> u32;
    /// Where it is looked for first. The seed keeps anybody from choosing addresses that are all looked for at one place.
    fn hash(self, seed: [u64; 2]) -> u64;
    /// Whether it is that of a host whose tag is the same.
    fn is<T>(self, number: u32, hosts: &[(IpAddr, T)]) -> bool;
}

impl Address for Ipv4Addr {
    #[inline(always)]
    fn tag(self, _: u64) -> u32 {
        self.to_bits()
    }

    #[inline(always)]
    fn hash(self, seed: [u64; 2]) -> u64 {
        // Twice: a multiple of each of many addresses in a row may crowd, whatever the factor.
        fold(fold(u64::from(self.to_bits()) ^ seed[0], seed[1]), GOLDEN)
    }

    #[inline(always)]
    fn is<T>(self, number: u32, _: &[(IpAddr, T)]) -> bool {
        number & 1 == 0
    }
}

impl Address for Ipv6Addr {
    #[inline(always)]
    fn tag(self, hash: u64) -> u32 {
        hash as u32
    }

    #[inline(always)]
    fn hash(self, seed: [u64; 2]) -> u64 {
        let bits = self.to_bits();
        fold(fold((bits >> 64) as u64 ^ seed[0], bits as u64 ^ seed[1]), GOLDEN)
    }

    #[inline(always)]
    fn is<T>(self, number: u32, hosts: &[(IpAddr, T)]) -> bool {
        number & 1 == 1 && hosts.get(number as usize >> 1).is_some_and(|(address, _)| *address == self)
    }
}

impl Address for IpAddr {
    #[inline]
    fn tag(self, hash: u64) -> u32 {
        match self {
            Self::V4(v4) => v4.tag(hash),
            Self::V6(v6) => v6.tag(hash),
        }
    }

    #[inline]
    fn hash(self, seed: [u64; 2]) -> u64 {
        match self {
            Self::V4(v4) => v4.hash(seed),
            Self::V6(v6) => v6.hash(seed),
        }
    }

    #[inline]
    fn is<T>(self, number: u32, hosts: &[(IpAddr, T)]) -> bool {
        match self {
            Self::V4(v4) => v4.is(number, hosts),
            Self::V6(v6) => v6.is(number, hosts),
        }
    }
}

/// Where a host is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    tag: u32,
    /// Twice the number of the host, and one more of IPv6.
    number: u32,
    last: Timestamp,
}

impl Place {
    const FREE: Self = Self { tag: 0, number: u32::MAX, last: Timestamp::UNKNOWN };

    const fn is_free(&self) -> bool {
        self.number == Self::FREE.number
    }
}

/// What is to be done for a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    Nothing,
    /// All pauses must be written down.
    Full,
    /// The host is none of those here.
    Anew,
}

/// Hosts that were heard since their rhythms were written down, by the numbers of those.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    /// None, or a power of two of them.
    places: Vec<Place>,
    hosts: usize,
    /// Of which host, in their order.
    pauses: Vec<(u32, Pause)>,
    seed: [u64; 2],
}

impl Recent {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        let seed = [state.hash_one(0_u8), state.hash_one(1_u8) | 1];
        Self { places: Vec::new(), hosts: 0, pauses: Vec::new(), seed }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.hosts == 0
    }

    /// Where an address is looked for first, for who wants it to be near.
    #[inline(always)]
    pub(super) fn place(&self, address: Ipv4Addr) -> (&[Place], usize) {
        let at = (address.hash(self.seed) >> 32) as usize;
        (&self.places, at & self.places.len().wrapping_sub(1))
    }

    /// Takes the known time of a packet of one of all hosts.
    #[inline(always)]
    pub(super) fn hear<A: Address, T>(&mut self, address: A, time: Timestamp, hosts: &[(IpAddr, T)]) -> Heard {
        let hash = address.hash(self.seed);
        let (tag, mask) = (address.tag(hash), self.places.len().wrapping_sub(1));
        let mut at = (hash >> 32) as usize;
        while let Some(place) = self.places.get_mut(at & mask) {
            if place.tag == tag && address.is(place.number, hosts) {
                let (last, number) = (place.last, place.number >> 1);
                if time < last {
                    return Heard::Nothing;
                }
                place.last = time;
                if time.raw().abs_diff(last.raw()) < SECOND {
                    return Heard::Nothing;
                }
                return self.pause(number, Pause { start: last, end: time });
            }
            if place.is_free() {
                break;
            }
            at += 1;
        }
        Heard::Anew
    }

    #[inline(never)]
    fn pause(&mut self, number: u32, pause: Pause) -> Heard {
        self.pauses.push((number, pause));
        if self.pauses.len() < MOST_PAUSES { Heard::Nothing } else { Heard::Full }
    }

    /// Takes a host that is none of those here, and when it was heard last.
    pub(super) fn enter<T>(&mut self, (address, number): (IpAddr, u32), last: Timestamp, hosts: &[(IpAddr, T)]) {
        self.hosts += 1;
        if self.hosts.saturating_mul(PLACES_PER_HOST) > self.places.len() {
            let places = (2 * self.places.len()).max(FIRST_PLACES);
            for place in std::mem::replace(&mut self.places, vec![Place::FREE; places]) {
                if let Some((address, _)) = hosts.get(place.number as usize >> 1) {
                    put(&mut self.places, address.hash(self.seed), place);
                }
            }
        }
        let hash = address.hash(self.seed);
        let number = number << 1 | u32::from(address.is_ipv6());
        put(&mut self.places, hash, Place { tag: address.tag(hash), number, last });
    }

    /// Hands over the pauses of all hosts, one host after the other, those of each in their order.
    pub(super) fn take_pauses(&mut self, mut take: impl FnMut(u32, Pause)) {
        let mut order: Vec<u64> =
            self.pauses.iter().zip(0..).map(|((number, _), at)| u64::from(*number) << 32 | at).collect();
        order.sort_unstable();
        for (number, pause) in order.iter().filter_map(|at| self.pauses.get(*at as u32 as usize)) {
            take(*number, *pause);
        }
        self.pauses.clear();
    }

    /// Forgets all hosts, and hands over when each was heard last. Their pauses must have been taken.
    pub(super) fn take_hosts(&mut self, mut take: impl FnMut(u32, Timestamp)) {
        self.places.iter().filter(|place| !place.is_free()).for_each(|place| take(place.number >> 1, place.last));
        (self.places, self.pauses, self.hosts) = (Vec::new(), Vec::new(), 0);
    }
}

/// Puts it where nothing is: three quarters of all places are free at least.
fn put(places: &mut [Place], hash: u64, new: Place) {
    let (mask, mut at) = (places.len().wrapping_sub(1), (hash >> 32) as usize);
    while let Some(place) = places.get_mut(at & mask) {
        if place.is_free() {
            *place = new;
            return;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site's addresses in a row: whatever the seed, few hosts stand far from where they are looked for.
    #[test]
    fn addresses_in_a_row_do_not_crowd() {
        for seed in 0..200_u64 {
            let seed = [fold(seed + 1, GOLDEN), fold(seed + 7, GOLDEN.rotate_left(21)) | 1];
            let mut places = vec![Place::FREE; 8192];
            let hosts: Vec<(Ipv4Addr, u32)> =
                (0..2000).map(|host| (Ipv4Addr::from(0x0a14_0401 + host), host)).collect();
            for (address, number) in &hosts {
                put(&mut places, address.hash(seed), Place { tag: 0, number: *number, last: Timestamp::UNKNOWN });
            }
            let far: usize = hosts
                .iter()
                .map(|(address, number)| {
                    let first = (address.hash(seed) >> 32) as usize;
                    (0..8192).find(|step| places[(first + step) & 8191].number == *number).unwrap()
                })
                .sum();
            // With a quarter of all places taken, a sixth of a step each is usual (Knuth, section 6.4).
            assert!(far < 2000, "{far} steps");
        }
    }

    #[test]
    fn hosts_are_found_however_many_there_are() {
        let at = |number: u32| Timestamp::from_nanos(i64::from(number));
        let v4 = |number: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number));
        let v6 = |number: u32| IpAddr::from(Ipv6Addr::from((0xfe80 << 112) + u128::from(number)));
        let (mut recent, mut hosts) = (Recent::new(), Vec::new());
        for number in 0..5000 {
            for address in [v4(number), v6(number)] {
                assert_eq!(recent.hear(address, at(number), &hosts), Heard::Anew);
                recent.enter((address, hosts.len() as u32), at(number), &hosts);
                hosts.push((address, ()));
            }
        }
        for number in 0..5000 {
            for address in [v4(number), v6(number)] {
                assert_eq!(recent.hear(address, at(number + 1), &hosts), Heard::Nothing);
            }
        }
        let second = |second: i64| Timestamp::from_nanos(second * 1_000_000_000);
        let steps = [(7, 2), (3, 3), (7, 5)];
        steps
            .iter()
            .for_each(|(number, time)| assert_eq!(recent.hear(v6(*number), second(*time), &hosts), Heard::Nothing));
        let mut pauses = Vec::new();
        recent.take_pauses(|number, pause| pauses.push((number, pause.start)));
        assert_eq!(pauses, [(7, at(4)), (15, at(8)), (15, second(2))]);
        let mut all = Vec::new();
        recent.take_hosts(|number, last| all.push((number, last)));
        all.sort_unstable();
        assert_eq!(all.len(), 10_000);
        assert!(all[16..].iter().all(|(number, last)| *last == at(number / 2 + 1)));
        assert!(recent.is_empty() && recent.hear(v4(7), at(0), &hosts) == Heard::Anew);
    }
}
