//! One clock's time in another's, by packets that were seen by both.
//!
//! What two captures tell of a packet is the difference of their clocks plus the delay one way, or minus the delay the
//! other way. The smallest delays of both ways are taken to be equal: then half of their difference is the clocks', and
//! the error is at most half of the smallest round trip. Nothing in the captures could tell more.

use std::collections::HashMap;

use super::sample::Sampled;

/// From a place's time to that of the first place: `to + (time - from) * (1 + rate)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ClockFit {
    from: i64,
    to: i64,
    rate: f64,
}

impl ClockFit {
    pub(super) const SAME: Self = Self { from: 0, to: 0, rate: 0.0 };

    #[inline]
    pub(super) fn apply(&self, time: i64) -> i64 {
        let since = time.saturating_sub(self.from);
        self.to.saturating_add(since).saturating_add((since as f64 * self.rate) as i64)
    }

    /// First this, then `next`.
    fn then(&self, next: &Self) -> Self {
        Self { from: self.from, to: next.apply(self.to), rate: (1.0 + self.rate) * (1.0 + next.rate) - 1.0 }
    }
}

/// How a place's clock differs from another's.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// The place it was compared with.
    pub with: usize,
    /// How much it is ahead, nanoseconds, at the beginning of what both saw.
    pub ahead: i64,
    /// How much faster it goes, parts per million; `None` where too little was seen to tell.
    pub drift_ppm: Option<f64>,
    /// The offset is right within so many nanoseconds; `None` where packets were seen one way only.
    pub error: Option<i64>,
    /// Packets that it was worked out from.
    pub packets: u64,
}

/// For each place, its clock, and how it differs from another's; `None` for the first, and for one that shares no packet.
pub(super) fn align(places: usize, common: &Common) -> Vec<(ClockFit, Option<Difference>)> {
    let mut clocks: Vec<Option<(ClockFit, Option<Difference>)>> = vec![None; places];
    clocks[0] = Some((ClockFit::SAME, None));
    // The next is always the one that shares the most packets with any that is aligned.
    while let Some((known, new, points)) = (0..places)
        .flat_map(|known| (0..places).map(move |new| (known, new)))
        .filter(|(known, new)| clocks[*known].is_some() && clocks[*new].is_none())
        .map(|(known, new)| (known, new, common.of(known, new)))
        .filter(|(.., points)| !points.is_empty())
        .max_by_key(|(known, new, points)| (points.len(), std::cmp::Reverse((*known, *new))))
    {
        let (clock, difference) = difference(&points, known);
        let base = clocks[known].map_or(ClockFit::SAME, |(clock, _)| clock);
        clocks[new] = Some((clock.then(&base), Some(difference)));
    }
    clocks.into_iter().map(|clock| clock.unwrap_or((ClockFit::SAME, None))).collect()
}

/// The packets that two places share, for each two.
pub(super) struct Common(pub(super) HashMap<(usize, usize), Vec<(Sampled, Sampled)>>);

impl Common {
    /// Seen at `a`, and at `b`.
    pub(super) fn of(&self, a: usize, b: usize) -> Vec<(Sampled, Sampled)> {
        if let Some(list) = self.0.get(&(a, b)) {
            return list.clone();
        }
        let swapped = |list: &Vec<(Sampled, Sampled)>| list.iter().map(|(x, y)| (*y, *x)).collect();
        let mut list: Vec<_> = self.0.get(&(b, a)).map(swapped).unwrap_or_default();
        list.sort_by_key(|(here, _)| here.time);
        list
    }
}

/// Which of two places a sender's packets pass first: 1 the one whose time is given first, -1 the other, 0 if unknown.
type Turns = HashMap<(u128, u128), i32>;

/// Requests and answers further apart than this many nanoseconds show the clocks' drift, not the time of transit.
const NEAR: i64 = 1_000_000_000;

/// The turns, and whether any two hosts were seen to speak both ways.
fn turns(points: &[(Sampled, Sampled)]) -> (Turns, bool) {
    let mut turns = Turns::new();
    // Each router takes one hop away.
    for (a, b) in points {
        *turns.entry((a.source, a.destination)).or_default() += (i32::from(a.hops) - i32::from(b.hops)).signum();
    }
    // A packet and one the other way, close in time: their differences differ by the round trip.
    let mut last: HashMap<(u128, u128), (i64, i64)> = HashMap::new();
    let mut trips: HashMap<(u128, u128), Vec<i64>> = HashMap::new();
    for (a, b) in points {
        let difference = b.time.saturating_sub(a.time);
        let (one, other) = ((a.source, a.destination), (a.destination, a.source));
        if let Some((time, before)) = last.get(&other)
            && a.time.saturating_sub(*time) <= NEAR
        {
            let trip = difference.saturating_sub(*before);
            let forward = one <= other;
            trips.entry(one.min(other)).or_default().push(if forward { trip } else { -trip });
        }
        last.insert(one, (a.time, difference));
    }
    let both_ways = !trips.is_empty();
    for ((source, destination), mut list) in trips {
        let trip = median(&mut list).signum() as i32;
        for (pair, turn) in [((source, destination), trip), ((destination, source), -trip)] {
            let known = turns.entry(pair).or_default();
            if *known == 0 {
                *known = turn;
            }
        }
    }
    (turns, both_ways)
}

fn median(list: &mut [i64]) -> i64 {
    let middle = list.len() / 2;
    if list.is_empty() { 0 } else { *list.select_nth_unstable(middle).1 }
}

/// A time since the first, and how far the other clock was ahead of this one then.
type Point = (i64, i64);

/// Further from the median than this and what a clock may gain, a difference is no clock's: a frame with a mad time. Nanoseconds.
const MAD: i64 = 10_000_000_000;

/// The packets whose times can be those of two clocks.
fn sane(points: &[(Sampled, Sampled)]) -> Vec<(Sampled, Sampled)> {
    let ahead = |(a, b): &(Sampled, Sampled)| b.time.saturating_sub(a.time);
    let middle = points.get(points.len() / 2).map_or(0, |(a, _)| a.time);
    let typical = median(&mut points.iter().map(ahead).collect::<Vec<_>>());
    let gained = |a: &Sampled| (a.time.saturating_sub(middle).saturating_abs() as f64 * MOST_DRIFT) as i64;
    let is_sane = |point: &&(Sampled, Sampled)| {
        let odd = ahead(point).saturating_sub(typical).saturating_abs();
        // Of a mad time the gain would be mad too.
        odd <= MAD.saturating_add(gained(&point.0).min(3600 * NEAR))
    };
    points.iter().filter(is_sane).copied().collect()
}

/// The clock that leads from the second's time to the first's.
fn difference(points: &[(Sampled, Sampled)], with: usize) -> (ClockFit, Difference) {
    let points = &sane(points)[..];
    let begin = points.first().map_or(0, |(a, _)| a.time);
    let (turns, both_ways) = turns(points);
    let turn = |a: &Sampled| turns.get(&(a.source, a.destination)).copied().unwrap_or(0).signum();
    let of = |wanted: i32| -> Vec<Point> {
        let taken = points.iter().filter(|(a, _)| turn(a) == wanted);
        taken.map(|(a, b)| (a.time - begin, b.time.saturating_sub(a.time))).collect()
    };
    let (mut there, back) = (of(1), of(-1));
    let too_close = there.is_empty() && back.is_empty();
    if too_close {
        there = of(0);
    }
    // Upside down, so that the smallest delay is the lowest point both times.
    let back: Vec<Point> = back.into_iter().map(|(time, ahead)| (time, ahead.saturating_neg())).collect();
    let slopes = [slope(&there), slope(&back).map(|(slope, weight)| (-slope, weight))];
    let weight: f64 = slopes.iter().flatten().map(|(_, weight)| weight).sum();
    let drift =
        (weight > 0.0).then(|| slopes.iter().flatten().map(|(slope, weight)| slope * weight).sum::<f64>() / weight);
    let rate = drift.unwrap_or(0.0);
    let lowest =
        |list: &[Point], rate: f64| list.iter().map(|(time, ahead)| ahead - (*time as f64 * rate) as i64).min();
    let (ahead, error) = match (lowest(&there, rate), lowest(&back, -rate)) {
        (Some(there), Some(back)) => (there - (there + back) / 2, Some((there + back).abs() / 2 + 1)),
        // A round trip that no clock could resolve.
        (Some(there), None) => (there, (too_close && both_ways).then_some(RESOLUTION)),
        (None, Some(back)) => (-back, None),
        (None, None) => (0, None),
    };
    // What the other clock shows at a time is the time, what it is ahead, and what it has gained since.
    let clock = ClockFit { from: begin.saturating_add(ahead), to: begin, rate: 1.0 / (1.0 + rate) - 1.0 };
    let drift_ppm = drift.map(|drift| drift * 1e6);
    (clock, Difference { with, ahead, drift_ppm, error, packets: points.len() as u64 })
}

/// What captures with microseconds can tell, nanoseconds.
pub(super) const RESOLUTION: i64 = 2_000;

/// Parts of the time whose smallest delays are compared, and packets that each has at least on average.
const PARTS: usize = 64;
const PER_PART: usize = 8;
/// Clocks that gain more than this are not clocks of computers: 1 in 1000.
const MOST_DRIFT: f64 = 1e-3;

/// How the lowest points rise with time, and how much that is worth: Theil's and Sen's median of slopes, which odd points do not move.
fn slope(points: &[Point]) -> Option<(f64, f64)> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let parts = (points.len() / PER_PART).min(PARTS);
    if parts < 4 || last - first < NEAR {
        return None;
    }
    let mut lowest: Vec<Option<Point>> = vec![None; parts];
    for point in points {
        let at = (i128::from(point.0 - first) * parts as i128 / i128::from(last - first + 1)) as usize;
        let low = &mut lowest[at.min(parts - 1)];
        if low.is_none_or(|low| point.1 < low.1) {
            *low = Some(*point);
        }
    }
    let lowest: Vec<Point> = lowest.into_iter().flatten().collect();
    let mut slopes = Vec::new();
    for (at, a) in lowest.iter().enumerate() {
        slopes.extend(lowest[at + 1..].iter().filter(|b| b.0 > a.0).map(|b| (b.1 - a.1) as f64 / (b.0 - a.0) as f64));
    }
    slopes.sort_by(f64::total_cmp);
    let slope = *slopes.get(slopes.len() / 2)?;
    (slope.abs() <= MOST_DRIFT).then_some((slope, lowest.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: i64 = 1_000_000;

    fn sampled(time: i64, source: u128, destination: u128) -> Sampled {
        Sampled { time, source, destination, identification: 0, hops: 64, is_single: true }
    }

    /// Requests from 1 pass the first place first; the second clock is ahead and fast.
    fn trips(count: i64, ahead: i64, ppm: f64, [there, back]: [i64; 2]) -> Vec<(Sampled, Sampled)> {
        let other = |time: i64| time + ahead + (time as f64 * ppm / 1e6) as i64;
        let mut points = Vec::new();
        for at in 0..count {
            let time = at * 100 * MILLI;
            let jitter = at * 7919 % 13 * MILLI / 10;
            points.push((sampled(time, 1, 2), sampled(other(time + there + jitter), 1, 2)));
            let late = time + 50 * MILLI;
            points.push((sampled(late + back + jitter, 2, 1), sampled(other(late), 2, 1)));
        }
        points
    }

    #[test]
    fn offset_and_drift_are_found_within_half_the_round_trip() {
        let points = trips(600, -3_700 * MILLI, 50.0, [20 * MILLI, 20 * MILLI]);
        let (clock, difference) = difference(&points, 0);
        assert!((difference.ahead + 3_700 * MILLI).abs() < MILLI / 10, "{difference:?}");
        assert!((difference.drift_ppm.unwrap() - 50.0).abs() < 2.0, "{difference:?}");
        assert!((difference.error.unwrap() - 20 * MILLI).abs() < MILLI, "{difference:?}");
        for (a, b) in points.iter().step_by(2) {
            let delay = clock.apply(b.time) - a.time;
            assert!((delay - 20 * MILLI).abs() < 2 * MILLI, "{delay}");
        }
    }

    /// Unequal ways cannot be told from an offset: the error says so.
    #[test]
    fn unequal_ways_stay_within_the_error() {
        let points = trips(100, 0, 0.0, [30 * MILLI, 10 * MILLI]);
        let (_, difference) = difference(&points, 0);
        assert!(difference.ahead.abs() <= difference.error.unwrap());
    }

    #[test]
    fn one_way_alone_has_no_error_bound() {
        let points: Vec<_> = trips(100, 5 * MILLI, 0.0, [MILLI, MILLI]).into_iter().step_by(2).collect();
        let (_, difference) = difference(&points, 0);
        assert_eq!((difference.ahead, difference.error), (6 * MILLI, None));
    }

    #[test]
    fn clocks_chain() {
        let a = ClockFit { from: 100, to: 50, rate: 0.0 };
        let b = ClockFit { from: 50, to: 7, rate: 0.0 };
        assert_eq!(a.then(&b).apply(103), 10);
        assert_eq!(ClockFit::SAME.apply(i64::MAX), i64::MAX);
    }
}
