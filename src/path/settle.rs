//! What became of a packet, once all that will be seen of it was seen.

use smallvec::SmallVec;

use super::conversations::DirectionNumber;
use super::key::UNTAGGED;
use super::route::Route;
use super::tally::Leg;
use super::window::{Compared, Rules};
use super::{MOST_PLACES, WAIT};

/// A packet at a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct PlacePacket {
    /// In the first place's time.
    pub(super) time: i64,
    /// As the place's own clock had it.
    pub(super) written: i64,
    pub(super) identification: u32,
    pub(super) length: u32,
    pub(super) mss: u16,
    pub(super) vlan: u16,
    pub(super) dscp: u8,
    pub(super) place: u8,
}

/// Whether every place of a route saw the packet equally often.
pub(super) fn is_complete(seen: &[PlacePacket], places: &[u8]) -> bool {
    if let ([a, b], [p, q]) = (seen, places) {
        return (a.place, b.place) == (*p, *q) || (a.place, b.place) == (*q, *p);
    }
    let count = |place: u8| seen.iter().filter(|one| one.place == place).count();
    let first = places.first().map_or(0, |place| count(*place));
    first > 0 && places.iter().all(|place| count(*place) == first)
}

/// Settles what is due of packets that look alike, and leaves the rest; when the first of the rest was seen.
pub(super) fn settle(
    result: &mut Compared,
    rules: &Rules,
    way: DirectionNumber,
    route: &Route,
    seen: &mut SmallVec<[PlacePacket; 2]>,
    now: i64,
) -> Option<i64> {
    let is_alone = seen.iter().enumerate().all(|(at, one)| seen[..at].iter().all(|other| other.place != one.place));
    if is_alone {
        alike(result, rules, way, route, seen, false);
        return None;
    }
    let mut left: SmallVec<[PlacePacket; 2]> = SmallVec::new();
    for (group, is_one) in groups(rules, seen) {
        let first = group.iter().map(|one| one.time).min().unwrap_or(now);
        let last = group.iter().map(|one| one.time).max().unwrap_or(now);
        let is_over = last.saturating_add(rules.gap) <= now && is_complete(&group, &route.places);
        if is_over || first.saturating_add(WAIT) <= now {
            alike(result, rules, way, route, &group, is_one);
        } else {
            left.extend(group);
        }
    }
    *seen = left;
    seen.iter().map(|one| one.time).min()
}

/// Packets that look alike, apart as far as they can be told apart: by their identification, else by time. Each with
/// whether all of it is one packet.
fn groups(rules: &Rules, seen: &[PlacePacket]) -> Vec<(Vec<PlacePacket>, bool)> {
    let mut all = seen.to_vec();
    if rules.identified && all.iter().all(|one| one.identification != 0) {
        all.sort_by_key(|one| (one.identification, one.time));
        let by_number: Vec<_> = all.chunk_by(|a, b| a.identification == b.identification).collect();
        let is_shared = |group: &&[PlacePacket]| group.iter().any(|one| one.place != group[0].place);
        // Where none has its number at two places, something on the way gives numbers of its own.
        if by_number.iter().any(is_shared) || all.iter().all(|one| one.place == all[0].place) {
            return by_number.into_iter().map(|group| (group.to_vec(), true)).collect();
        }
    }
    all.sort_by_key(|one| (one.time, one.place));
    let by_time = all.chunk_by(|a, b| b.time.saturating_sub(a.time) <= rules.gap);
    by_time.map(|group| (group.to_vec(), false)).collect()
}

/// Counts packets that look alike; `is_one` if they are copies of one.
fn alike(
    result: &mut Compared,
    rules: &Rules,
    way: DirectionNumber,
    route: &Route,
    seen: &[PlacePacket],
    is_one: bool,
) {
    let (begin, end) = rules.shared;
    let first = seen.iter().map(|one| one.time).min().unwrap_or(i64::MIN);
    let is_whole = route.places.iter().all(|place| seen.iter().any(|one| one.place == *place));
    // What was seen everywhere was captured everywhere; of the rest, what is missing may lie beyond the ends.
    let range = begin.saturating_add(rules.margin)..=end.saturating_sub(rules.margin);
    if !is_whole && !range.contains(&first) {
        for one in seen {
            result.outside[usize::from(one.place)] += 1;
        }
        return;
    }
    let at = |place: u8| -> SmallVec<[&PlacePacket; 4]> {
        let mut list: SmallVec<[&PlacePacket; 4]> = seen.iter().filter(|one| one.place == place).collect();
        list.sort_by_key(|one| one.time);
        list
    };
    let legs = result.legs(way, route.places.len());
    if let [alone] = route.places[..] {
        let count = at(alone).len();
        legs[0].sent += if is_one { 1 } else { count as u64 };
        return;
    }
    for (step, leg) in legs.iter_mut().enumerate() {
        let (from, to) = (at(route.places[step]), at(route.places[step + 1]));
        let is_seen_later = || route.places[step + 1..].iter().any(|place| seen.iter().any(|one| one.place == *place));
        match (&from[..], &to[..]) {
            ([], []) => {}
            ([], more) => {
                let count = if is_one { 1 } else { more.len() };
                leg.appeared += count as u64;
                leg.bytes[1] += more.iter().take(count).map(|one| u64::from(one.length)).sum::<u64>();
            }
            // It was not captured there, but it passed.
            (_, []) if is_seen_later() => {}
            (all, []) => {
                let count = if is_one { 1 } else { all.len() };
                for one in all.iter().take(count) {
                    leg.sent += 1;
                    leg.lose(Some(one.written), one.length.into());
                }
            }
            (all, others) if is_one => {
                arrive(leg, all[0], others[0]);
                leg.duplicated += others.len().saturating_sub(all.len()) as u64;
            }
            ([one], others) => {
                arrive(leg, one, others[0]);
                leg.duplicated += others.len() as u64 - 1;
            }
            (all, others) if all.len() == others.len() => {
                all.iter().zip(others).for_each(|(one, other)| arrive(leg, one, other));
            }
            (all, others) => {
                let length = all[0].length;
                unclear(leg, all.len() as u64, others.len() as u64, length);
            }
        }
    }
}

fn arrive(leg: &mut Leg, from: &PlacePacket, to: &PlacePacket) {
    leg.sent += 1;
    leg.arrived += 1;
    leg.delays.add(to.time.saturating_sub(from.time));
    let tag = |vlan: u16| (vlan != UNTAGGED).then_some(vlan);
    let values = [
        (Some(from.dscp.into()), Some(to.dscp.into())),
        ((from.mss != 0).then_some(from.mss), (to.mss != 0).then_some(to.mss)),
        (tag(from.vlan), tag(to.vlan)),
    ];
    let mut any = false;
    for (change, (before, after)) in leg.changes.iter_mut().zip(values).filter(|(_, (a, b))| a != b) {
        change.add(before, after);
        any = true;
    }
    leg.changed += u64::from(any);
}

/// So many went and so many came, and nobody can tell which: at least the difference is missing.
fn unclear(leg: &mut Leg, from: u64, to: u64, length: u32) {
    leg.sent += from;
    leg.arrived += from.min(to);
    leg.ambiguous += if to > 0 { from } else { 0 };
    for _ in to..from {
        leg.lose(None, length.into());
    }
}

/// More identical packets within a moment than are kept apart.
pub(super) fn crowd(
    result: &mut Compared,
    way: DirectionNumber,
    route: &Route,
    seen: &[u64; MOST_PLACES],
    length: u32,
) {
    let legs = result.legs(way, route.places.len());
    let at = |step: usize| route.places.get(step).map_or(0, |place| seen[usize::from(*place)]);
    if route.places.len() == 1 {
        legs[0].sent += at(0);
        return;
    }
    for (step, leg) in legs.iter_mut().enumerate() {
        match (at(step), at(step + 1)) {
            (0, more) => leg.appeared += more,
            (_, 0) if route.places[step + 1..].iter().any(|place| seen[usize::from(*place)] > 0) => {}
            (from, to) => unclear(leg, from, to, length),
        }
    }
}
