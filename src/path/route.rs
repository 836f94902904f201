//! Through which places each way of a conversation leads, in which order, and how that is known.

use std::cmp::Ordering;
use std::collections::HashMap;

use arrayvec::ArrayVec;
use foldhash::fast::RandomState;

use super::MOST_PLACES;
use super::clock::{ClockFit, Common, Difference, RESOLUTION};
use super::conversations::{Conversations, DirectionNumber};
use crate::text::named;

named! {
    /// How it is known which of two places comes first.
    pub enum Basis {
        /// The hop counter is lower at the second.
        Hops = "hops",
        /// Packets come later at the second.
        Delay = "delay",
        /// Other conversations of its hosts tell.
        Hosts = "hosts",
        /// Nothing in the traffic tells: the order in which the places were named.
        Order = "order",
    }
}

/// Places in the order of a way, and between each two how that is known.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Route {
    pub(super) places: ArrayVec<u8, MOST_PLACES>,
    pub(super) bases: ArrayVec<Basis, MOST_PLACES>,
}

/// What speaks for one place coming before another: above zero the lower-numbered one.
#[derive(Default)]
struct OrderVotes {
    hops: i64,
    delays: Vec<i64>,
}

type AddressPair = (u128, u128);
type Map<K, V> = HashMap<K, V, RandomState>;

/// What the sample tells of the order of places.
pub(super) struct OrderEvidence {
    /// By places and by sender and receiver: who is first (1 or -1), and by what.
    pairs: Map<(u8, u8, AddressPair), (i8, Basis)>,
    /// By places and sender.
    senders: Map<(u8, u8, u128), i32>,
}

impl OrderEvidence {
    pub(super) fn of(common: &Common, clocks: &[(ClockFit, Option<Difference>)]) -> Self {
        let (mut pairs, mut senders) = (Map::default(), Map::<_, i32>::default());
        let is_known = |place: usize| place == 0 || clocks[place].1.is_some_and(|known| known.error.is_some());
        for ((a, b), points) in &common.0 {
            let mut speaks: Map<AddressPair, OrderVotes> = Map::default();
            for (here, there) in points {
                let one = speaks.entry((here.source, here.destination)).or_default();
                one.hops += i64::from(here.hops) - i64::from(there.hops);
                one.delays.push(clocks[*b].0.apply(there.time).saturating_sub(clocks[*a].0.apply(here.time)));
            }
            for (pair, mut one) in speaks {
                let middle = one.delays.len() / 2;
                let delay = *one.delays.select_nth_unstable(middle).1;
                let (turn, basis) = if one.hops != 0 {
                    (one.hops.signum(), Basis::Hops)
                } else if is_known(*a) && is_known(*b) && delay.abs() > RESOLUTION {
                    (delay.signum(), Basis::Delay)
                } else {
                    continue;
                };
                pairs.insert((*a as u8, *b as u8, pair), (turn as i8, basis));
                *senders.entry((*a as u8, *b as u8, pair.0)).or_default() += turn as i32;
            }
        }
        Self { pairs, senders }
    }

    /// Whether what a sender sends passes `a` before `b` (1), or after (-1); 0 if that is not known.
    fn sends(&self, a: u8, b: u8, sender: u128) -> i32 {
        let (low, high, turn) = if a < b { (a, b, 1) } else { (b, a, -1) };
        self.senders.get(&(low, high, sender)).map_or(0, |sum| sum.signum() * turn)
    }

    /// Which of two places comes first on the way of a pair of hosts.
    fn order(&self, a: u8, b: u8, pair: AddressPair) -> (Ordering, Basis) {
        let (low, high) = (a.min(b), a.max(b));
        let (turn, basis) = self.pairs.get(&(low, high, pair)).copied().unwrap_or_else(|| {
            // What the receiver sends passes them the other way round.
            match self.sends(low, high, pair.0) - self.sends(low, high, pair.1) {
                0 => (1, Basis::Order),
                sum => (sum.signum() as i8, Basis::Hosts),
            }
        });
        let low_is_first = turn > 0;
        (if low_is_first == (a == low) { Ordering::Less } else { Ordering::Greater }, basis)
    }

    /// Places that must come behind those that saw a way: its receiver is beyond them.
    fn beyond(&self, seen: &[u8], place: u8, (sender, receiver): AddressPair) -> bool {
        seen.iter().all(|seen| self.sends(place, *seen, receiver) > 0 && self.sends(place, *seen, sender) <= 0)
    }
}

/// The route of each way by number, each different one once.
#[derive(Default)]
pub(super) struct Routes {
    of_way: Vec<u32>,
    list: Vec<Route>,
}

impl Routes {
    /// `seen` has a bit for each place that saw a packet of a way.
    pub(super) fn of(conversations: &Conversations, seen: &[u16], evidence: &OrderEvidence, places: usize) -> Self {
        let mut of_pair: Map<AddressPair, u16> = Map::default();
        for (way, seen) in (0..).zip(seen) {
            *of_pair.entry(conversations.pair(way)).or_default() |= seen;
        }
        // Hosts that reach each other though a place never sees it go another way, and so does one of their conversations.
        let is_connected =
            |way: u32| conversations.list.get((way >> 1) as usize).is_some_and(|(_, known)| known.is_connected);
        let mut elsewhere: Map<AddressPair, u16> = Map::default();
        for (way, seen) in (0..).zip(seen).filter(|(_, seen)| **seen != 0) {
            let pair = conversations.pair(way);
            if is_connected(way) {
                *elsewhere.entry(pair).or_default() |= !of_pair.get(&pair).copied().unwrap_or(*seen);
            }
        }
        let mut routes = Self { of_way: Vec::with_capacity(seen.len()), list: vec![Route::default()] };
        let mut known: Map<(u16, u16, AddressPair), u32> = Map::default();
        let mut same: Map<Route, u32> = Map::default();
        let ways = seen;
        for (way, seen) in (0..).zip(seen) {
            if *seen == 0 {
                routes.of_way.push(0);
                continue;
            }
            let pair = conversations.pair(way);
            let back = ways.get((way ^ 1) as usize).copied().unwrap_or(0);
            let by_others = if is_connected(way) { !(seen | back) } else { 0 };
            let at = *known.entry((*seen, by_others, pair)).or_insert_with(|| {
                let all = of_pair.get(&pair).copied().unwrap_or(*seen) & !by_others;
                let not_behind = elsewhere.get(&pair).copied().unwrap_or(0) | by_others;
                let route = route((*seen, all, not_behind), pair, evidence, places);
                *same.entry(route).or_insert_with_key(|route| {
                    routes.list.push(route.clone());
                    routes.list.len() as u32 - 1
                })
            });
            routes.of_way.push(at);
        }
        routes
    }

    /// The route of a way; without places if it was never seen.
    #[inline]
    pub(super) fn get(&self, way: DirectionNumber) -> &Route {
        let at = self.of_way.get(way as usize).copied().unwrap_or(0);
        &self.list[at as usize]
    }
}

fn route(
    (seen, of_pair, elsewhere): (u16, u16, u16),
    pair: AddressPair,
    evidence: &OrderEvidence,
    places: usize,
) -> Route {
    let on = |mask: u16| (0..places as u8).filter(move |place| mask >> place & 1 == 1);
    let seeing: Vec<u8> = on(seen).collect();
    let behind = (0..places as u8).filter(|place| (seen | of_pair | elsewhere) >> place & 1 == 0);
    let behind: Vec<u8> = behind.filter(|place| evidence.beyond(&seeing, *place, pair)).collect();
    let mut all: Vec<u8> = on(seen | of_pair).chain(behind).collect();
    all.sort_unstable();
    // Each against each: three places may contradict one another, and the most wins are as good as it gets then.
    let wins = |place: u8| all.iter().filter(|other| evidence.order(place, **other, pair).0 == Ordering::Less).count();
    let mut ranked: Vec<(usize, u8)> = all.iter().map(|place| (wins(*place), *place)).collect();
    ranked.sort_by_key(|(wins, place)| (std::cmp::Reverse(*wins), *place));
    let places: ArrayVec<u8, MOST_PLACES> = ranked.into_iter().map(|(_, place)| place).collect();
    let bases = places.windows(2).map(|two| evidence.order(two[0], two[1], pair).1).collect();
    Route { places, bases }
}
