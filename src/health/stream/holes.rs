//! Numbers that a direction passed over: out of order, lost on the way to the capture, or lost by it.

use super::is_after;
use crate::capture::Timestamp;
use crate::state::stored;

/// Holes that are known at a time: on a way of 5 ms a wire that loses 4 % opens more than ten.
const MOST: usize = 16;

/// From one number to before another, and when it was passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) opened: Timestamp,
}

stored!(Hole { from, to, opened });

/// Those of a direction, in the order in which they were passed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Holes {
    list: Vec<Hole>,
    /// Whether one found no room, so that what fills it is not known any more.
    is_short: bool,
}

impl Holes {
    pub(super) const NONE: Self = Self { list: Vec::new(), is_short: false };

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The holes that `others` does not have.
    pub(super) fn without(&self, others: &Self) -> Self {
        let mut rest = self.clone();
        rest.list.retain(|hole| !others.list.contains(hole));
        rest
    }

    /// Whether all numbers below the highest that are in no hole were seen.
    pub(super) const fn are_all(&self) -> bool {
        !self.is_short
    }

    /// What fills them is not known any more.
    pub(super) fn forget(&mut self) {
        self.is_short |= !self.list.is_empty();
        self.list.clear();
    }

    /// Whether no number from one on, below the highest, was passed over.
    pub(super) fn are_none_from(&self, from: u32) -> bool {
        !self.is_short && !self.list.iter().any(|hole| is_after(hole.to, from))
    }

    /// Notes another. Gives the bytes of the one that makes room for it, if they were acknowledged: they were not captured.
    pub(super) fn open(&mut self, hole: Hole, acknowledged: Option<u32>) -> u64 {
        let mut uncaptured = 0;
        if self.list.len() >= MOST {
            let oldest = self.list.remove(0);
            uncaptured = oldest.uncaptured(acknowledged);
            self.is_short |= uncaptured == 0;
        }
        self.list.push(hole);
        uncaptured
    }

    /// Gives the bytes that were acknowledged and never seen, and forgets all.
    pub(super) fn settle(&mut self, acknowledged: Option<u32>) -> u64 {
        let holes = std::mem::replace(self, Self::NONE);
        holes.list.iter().fold(0, |sum, hole| sum.saturating_add(hole.uncaptured(acknowledged)))
    }

    /// What was sent from one number to before another: since when the first hole that it fills was open.
    pub(super) fn fill(&mut self, from: u32, to: u32) -> Option<Timestamp> {
        let mut opened = None;
        let mut rest = None;
        for hole in &mut self.list {
            if !is_after(to, hole.from) || !is_after(hole.to, from) {
                continue;
            }
            opened = opened.or(Some(hole.opened));
            let (begins, ends) = (!is_after(from, hole.from), !is_after(hole.to, to));
            match (begins, ends) {
                (true, true) => hole.to = hole.from,
                (true, false) => hole.from = to,
                (false, true) => hole.to = from,
                (false, false) => {
                    rest = Some(Hole { from: to, ..*hole });
                    hole.to = from;
                }
            }
        }
        self.list.retain(|hole| is_after(hole.to, hole.from));
        if let Some(rest) = rest {
            if self.list.len() < MOST {
                self.list.push(rest);
            } else {
                self.is_short = true;
            }
        }
        opened
    }

    /// Adds those that were passed over later.
    pub(super) fn extend(&mut self, later: &Self, acknowledged: Option<u32>) -> u64 {
        self.is_short |= later.is_short;
        later.list.iter().fold(0, |sum, hole| self.open(*hole, acknowledged).saturating_add(sum))
    }
}

impl Hole {
    fn uncaptured(&self, acknowledged: Option<u32>) -> u64 {
        match acknowledged {
            Some(acknowledged) if !is_after(self.to, acknowledged) => self.to.wrapping_sub(self.from).into(),
            _ => 0,
        }
    }
}

stored!(Holes { list: list(MOST, "too much was passed over"), is_short });

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(ranges: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::NONE;
        for (number, (from, to)) in (0..).zip(ranges) {
            let hole = Hole { from: *from, to: *to, opened: Timestamp::from_nanos(number) };
            assert_eq!(holes.open(hole, None), 0);
        }
        holes
    }

    fn ranges(holes: &Holes) -> Vec<(u32, u32)> {
        holes.list.iter().map(|hole| (hole.from, hole.to)).collect()
    }

    #[test]
    fn holes_are_filled_from_any_side() {
        let all = [(100, 200), (300, 400), (500, 600)];
        for ((from, to), left) in [
            ((100, 200), vec![(300, 400), (500, 600)]),
            ((90, 150), vec![(150, 200), (300, 400), (500, 600)]),
            ((350, 450), vec![(100, 200), (300, 350), (500, 600)]),
            ((520, 540), vec![(100, 200), (300, 400), (500, 520), (540, 600)]),
            ((150, 550), vec![(100, 150), (550, 600)]),
            ((200, 300), all.to_vec()),
        ] {
            let mut holes = holes(&all);
            let opened = holes.fill(from, to);
            assert_eq!(ranges(&holes), left, "{from} to {to}");
            assert_eq!(opened.is_some(), left != all, "{from} to {to}");
        }
    }

    #[test]
    fn what_was_acknowledged_and_never_came_was_not_captured() {
        let ranges: Vec<_> = (0..MOST as u32).map(|hole| (hole * 200, hole * 200 + 20)).collect();
        let mut holes = holes(&ranges);
        let next = Hole { from: 7000, to: 8000, opened: Timestamp::UNKNOWN };
        assert_eq!(holes.clone().open(next, Some(250)), 20);
        assert!(holes.are_all());
        assert_eq!(holes.open(next, None), 0);
        assert!(!holes.are_all(), "one that may still be filled is forgotten");
        assert_eq!(holes.settle(Some(420)), 40);
        assert_eq!(holes, Holes::NONE);
    }
}
