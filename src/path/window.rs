//! Packets of all places by digest, for as long as their others may still come.
//!
//! What is kept is bounded: by time, since nothing waits longer than [`WAIT`], and by number, since beyond
//! [`MOST_WAITING`] the oldest is settled at once and counted as such.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::conversations::DirectionNumber;
use super::route::Routes;
use super::settle::{self, PlacePacket};
use super::tally::Leg;
use super::{MOST_PLACES, WAIT};

/// Packets that wait for one another at most; some 130 bytes each.
const MOST_WAITING: usize = if cfg!(test) { 1000 } else { 1 << 20 };
/// Identical packets within a moment whose times are kept; of more, only how many.
const MOST_ALIKE: usize = 64;

/// By what packets are compared, known before the first is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Identical packets further apart are no more than that: nanoseconds.
    pub(super) gap: i64,
    /// What all places share, in the first place's time.
    pub(super) shared: (i64, i64),
    /// So near to the ends of that, what is missing may have been captured before or after.
    pub(super) margin: i64,
    /// Whether the places show the same identification for the same packet.
    pub(super) identified: bool,
}

/// A packet that may still be seen elsewhere, or all that look like it.
struct Waiting {
    way: DirectionNumber,
    /// When it is looked at again: what else the queues say of its digest is about an earlier one.
    due: i64,
    seen: SmallVec<[PlacePacket; 2]>,
    crowd: Option<Box<DuplicateRun>>,
}

/// Too many identical packets.
struct DuplicateRun {
    seen: [u64; MOST_PLACES],
    last: i64,
    length: u32,
}

/// The comparison as it goes on.
pub(super) struct ComparisonWindow<'a> {
    routes: &'a Routes,
    rules: Rules,
    waiting: HashMap<u64, Waiting, RandomState>,
    /// Digests by when they may be complete, and by when they are given up.
    soon: VecDeque<(i64, u64)>,
    late: VecDeque<(i64, u64)>,
    now: i64,
    pub(super) result: Compared,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Compared {
    /// By way, one leg for each step of its route, or one if it has no step.
    pub(super) legs: Vec<Option<Box<[Leg]>>>,
    /// By place: packets outside of the time that all share.
    pub(super) outside: Vec<u64>,
    /// By place: packets of conversations beyond the limit.
    pub(super) beyond: Vec<u64>,
    /// By place: packets that came after much later ones.
    pub(super) set_back: Vec<u64>,
    /// Packets that were given up early for want of room.
    pub(super) crowded_out: u64,
}

impl Compared {
    pub(super) fn legs(&mut self, way: DirectionNumber, places: usize) -> &mut [Leg] {
        self.legs[way as usize].get_or_insert_with(|| vec![Leg::default(); places.saturating_sub(1).max(1)].into())
    }
}

impl<'a> ComparisonWindow<'a> {
    pub(super) fn new(routes: &'a Routes, rules: Rules, places: usize, ways: usize) -> Self {
        let result =
            Compared { legs: (0..ways).map(|_| None).collect(), outside: vec![0; places], ..Compared::default() };
        let (soon, late) = (VecDeque::new(), VecDeque::new());
        Self { routes, rules, waiting: HashMap::default(), soon, late, now: i64::MIN, result }
    }

    /// A packet at a place; packets come in the order of time as far as their places' clocks allow.
    #[inline]
    pub(super) fn add(&mut self, digest: u64, way: DirectionNumber, seen: PlacePacket) {
        // Nobody saw it at the first look, for the file was still written to.
        if self.routes.get(way).places.is_empty() {
            self.result.outside[usize::from(seen.place)] += 1;
            return;
        }
        self.now = self.now.max(seen.time);
        self.settle_due();
        let rules = &self.rules;
        let waiting = self.waiting.entry(digest).or_insert_with(|| {
            let due = seen.time.saturating_add(rules.gap);
            self.soon.push_back((due, digest));
            Waiting { way, due, seen: SmallVec::new(), crowd: None }
        });
        if let Some(crowd) = &mut waiting.crowd {
            crowd.add(&seen, rules);
            return;
        }
        note_order(&mut self.result, self.routes, rules, way, &waiting.seen, &seen);
        waiting.seen.push(seen);
        if waiting.seen.len() > MOST_ALIKE {
            let mut crowd = Box::new(DuplicateRun { seen: [0; MOST_PLACES], last: i64::MIN, length: seen.length });
            waiting.seen.drain(..).for_each(|seen| crowd.add(&seen, rules));
            waiting.crowd = Some(crowd);
        }
        if self.waiting.len() > MOST_WAITING {
            self.crowd_out();
        }
    }

    /// Settles all that is left.
    pub(super) fn finish(mut self) -> Compared {
        self.now = i64::MAX;
        self.settle_due();
        self.result
    }

    fn settle_due(&mut self) {
        while let Some((due, digest)) = self.soon.front().copied().filter(|(due, _)| *due <= self.now) {
            self.soon.pop_front();
            let Some(waiting) = self.waiting.get_mut(&digest).filter(|waiting| waiting.due == due) else { continue };
            let route = self.routes.get(waiting.way);
            if waiting.crowd.is_none() && settle::is_complete(&waiting.seen, &route.places) {
                self.settle(digest);
            } else {
                // From the first of them on.
                waiting.due = due.saturating_sub(self.rules.gap).saturating_add(WAIT);
                self.late.push_back((waiting.due, digest));
            }
        }
        while let Some((due, digest)) = self.late.front().copied().filter(|(due, _)| *due <= self.now) {
            self.late.pop_front();
            if self.waiting.get(&digest).is_some_and(|waiting| waiting.due == due) {
                self.settle(digest);
            }
        }
    }

    /// The oldest makes room.
    #[cold]
    fn crowd_out(&mut self) {
        while let Some((due, digest)) = self.late.pop_front().or_else(|| self.soon.pop_front()) {
            if self.waiting.get(&digest).is_some_and(|waiting| waiting.due == due) {
                self.result.crowded_out += 1;
                let now = std::mem::replace(&mut self.now, i64::MAX);
                self.settle(digest);
                self.now = now;
                return;
            }
        }
    }

    fn settle(&mut self, digest: u64) {
        let Some(mut waiting) = self.waiting.remove(&digest) else { return };
        let route = self.routes.get(waiting.way);
        if let Some(crowd) = &waiting.crowd {
            let due = crowd.last.saturating_add(self.rules.gap);
            if due > self.now {
                waiting.due = due;
                self.late.push_back((due, digest));
                self.waiting.insert(digest, waiting);
                return;
            }
            settle::crowd(&mut self.result, waiting.way, route, &crowd.seen, crowd.length);
            return;
        }
        let left = settle::settle(&mut self.result, &self.rules, waiting.way, route, &mut waiting.seen, self.now);
        if let Some(first) = left {
            waiting.due = first.saturating_add(WAIT);
            self.late.push_back((waiting.due, digest));
            self.waiting.insert(digest, waiting);
        }
    }
}

impl DuplicateRun {
    fn add(&mut self, seen: &PlacePacket, rules: &Rules) {
        self.last = self.last.max(seen.time);
        if (rules.shared.0..=rules.shared.1).contains(&seen.time) {
            self.seen[usize::from(seen.place)] += 1;
        }
    }
}

/// Whether a packet comes behind one that was sent later: told when it comes.
#[inline]
fn note_order(
    result: &mut Compared,
    routes: &Routes,
    rules: &Rules,
    way: DirectionNumber,
    before: &[PlacePacket],
    seen: &PlacePacket,
) {
    if before.is_empty() || !(rules.shared.0..=rules.shared.1).contains(&seen.time) {
        return;
    }
    let places = &routes.get(way).places;
    let Some(at) = places.iter().position(|place| *place == seen.place).filter(|at| *at > 0) else { return };
    let mut sent = before.iter().filter(|one| one.place == places[at - 1]);
    let is_first = before.iter().all(|one| one.place != seen.place);
    if let (Some(sent), None, true) = (sent.next(), sent.next(), is_first) {
        let leg = &mut result.legs(way, places.len())[at - 1];
        leg.reordered += u64::from(sent.time < leg.latest);
        leg.latest = leg.latest.max(sent.time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::clock::{ClockFit, Common};
    use crate::path::conversations::{ConversationKey, Conversations};
    use crate::path::key::UNTAGGED;
    use crate::path::route::OrderEvidence;

    /// One way over two places.
    fn routes() -> Routes {
        let mut conversations = Conversations::default();
        conversations.add_unknown(ConversationKey { client: 1, server: 2, protocol: 17, port: 7, fragments: false });
        let evidence = OrderEvidence::of(&Common(HashMap::new()), &[(ClockFit::SAME, None); 2]);
        Routes::of(&conversations, &[0b11, 0b11], &evidence, 2)
    }

    fn seen(place: u8, time: i64) -> PlacePacket {
        PlacePacket { time, written: time, identification: 0, length: 0, mss: 0, vlan: UNTAGGED, dscp: 0, place }
    }

    const RULES: Rules = Rules { gap: 20_000_000, shared: (0, 1 << 60), margin: 0, identified: false };

    #[test]
    fn what_has_no_room_to_wait_is_counted() {
        let routes = routes();
        let mut window = ComparisonWindow::new(&routes, RULES, 2, 2);
        for digest in 0..5000 {
            window.add(digest, 0, seen(0, 1_000));
        }
        assert!(window.waiting.len() <= MOST_WAITING);
        let result = window.finish();
        assert_eq!(result.crowded_out, 4000);
        assert_eq!(result.legs[0].as_ref().unwrap()[0].missing, 5000);
    }

    /// Nothing waits longer than it may, whatever comes: memory does not grow with the capture.
    #[test]
    fn what_is_complete_or_late_is_let_go() {
        let routes = routes();
        let mut window = ComparisonWindow::new(&routes, RULES, 2, 2);
        for number in 0..100_000_u64 {
            let time = number as i64 * 10_000_000;
            window.add(number, 0, seen(0, time));
            if number % 10 != 0 {
                window.add(number, 0, seen(1, time + 1_000_000));
            }
            assert!(window.waiting.len() < 50 && window.soon.len() + window.late.len() < 50);
        }
        let result = window.finish();
        let leg = &result.legs[0].as_ref().unwrap()[0];
        assert_eq!((leg.sent, leg.missing, result.crowded_out), (100_000, 10_000, 0));
        assert_eq!(leg.delays.percentile(50), Some(1_000_000));
    }

    /// What overtakes is told by when it was sent.
    #[test]
    fn an_overtaken_packet_is_reordered() {
        let routes = routes();
        let mut window = ComparisonWindow::new(&routes, RULES, 2, 2);
        for (digest, place, time) in [(1, 0, 10), (2, 0, 20), (3, 0, 30), (2, 1, 40), (1, 1, 50), (3, 1, 60)] {
            window.add(digest, 0, seen(place, time));
        }
        let result = window.finish();
        assert_eq!(result.legs[0].as_ref().unwrap()[0].reordered, 1);
    }
}
