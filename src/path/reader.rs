//! The frames of one place in the order of time, from however many files.

use crate::capture::{Capture, Frame};
use crate::survey::Source;

/// A file of a place and the times of its frames, nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub(super) source: Source,
    pub(super) first: i64,
    pub(super) last: i64,
}

/// Files that overlap in time are open at once, but no more than these: of more, one follows the other.
const OPEN: usize = 64;

/// Hands `take` what `frame` makes of each frame, in the order of time as far as files overlap; within a file as it stands there.
pub(super) fn read<T>(
    sources: &[Timed],
    mut frame: impl FnMut(&Frame<'_>) -> Option<(i64, T)>,
    mut take: impl FnMut(i64, T),
) {
    let mut rest = sources;
    while let Some(first) = rest.first() {
        let mut last = first.last;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|next| next.first <= last && count < OPEN) {
            last = last.max(next.last);
            count += 1;
        }
        let (group, behind) = rest.split_at(count);
        rest = behind;
        if let [alone] = group {
            let Some(mut capture) = open(alone) else { continue };
            while let Some(block) = capture.next_block() {
                for one in block {
                    if let Some((time, made)) = frame(&one) {
                        take(time, made);
                    }
                }
            }
        } else {
            merge(group, &mut frame, &mut take);
        }
    }
}

/// What cannot be opened was told when it was surveyed.
fn open(timed: &Timed) -> Option<Capture> {
    Capture::open(timed.source.file()?, 0).ok()
}

struct Open<T> {
    capture: Capture,
    /// Of the block that was read last, backwards.
    ready: Vec<(i64, T)>,
}

impl<T> Open<T> {
    fn fill(&mut self, frame: &mut impl FnMut(&Frame<'_>) -> Option<(i64, T)>) -> bool {
        while self.ready.is_empty() {
            let Some(block) = self.capture.next_block() else { return false };
            self.ready.extend(block.filter_map(|one| frame(&one)));
            self.ready.reverse();
        }
        true
    }
}

fn merge<T>(group: &[Timed], frame: &mut impl FnMut(&Frame<'_>) -> Option<(i64, T)>, take: &mut impl FnMut(i64, T)) {
    let mut all: Vec<Open<T>> =
        group.iter().filter_map(open).map(|capture| Open { capture, ready: Vec::new() }).collect();
    loop {
        all.retain_mut(|one| one.fill(frame));
        let head = |one: &Open<T>| one.ready.last().map_or(i64::MAX, |(time, _)| *time);
        let Some(earliest) = all.iter_mut().min_by_key(|one| head(one)) else { return };
        if let Some((time, made)) = earliest.ready.pop() {
            take(time, made);
        }
    }
}
