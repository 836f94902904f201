//! Frames of several interfaces in the order of their times.
//!
//! A frame lies in its ring for up to [`super::RING_DELAY`] before it is seen. So none that is earlier follows one that was
//! seen longer ago than that, if no ring held anything more since.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::capture::{Frame, FrameId, LinkType, Timestamp};

/// Bytes that are held at most; beyond, the earliest frame goes, whatever may come.
const MOST_BYTES: usize = 64 << 20;
/// What a frame takes beside its bytes.
const OVERHEAD: usize = 160;
/// A frame so many nanoseconds before another that was seen already is of a clock that was set back.
const SET_BACK: i64 = 1_000_000_000;
/// Buffers that are kept for the frames to come.
const SPARE: usize = 1024;
/// Bytes that each may hold: more than most frames have.
const SPARE_BYTES: usize = 1 << 12;

/// How often the clock was set back before a frame, its time, and its number as it was seen.
type ReorderKey = (u64, Timestamp, u64);

/// A frame that outlives its place in the ring.
struct Held {
    seen: Instant,
    interface: u32,
    link: LinkType,
    original_len: u32,
    data: Vec<u8>,
}

/// Holds frames until none can come before them any more.
#[derive(Default)]
pub(super) struct Reorder {
    held: BTreeMap<ReorderKey, Held>,
    bytes: usize,
    set_back: u64,
    /// The latest time since the clock was set back last.
    newest: Option<i64>,
    number: u64,
    spare: Vec<Vec<u8>>,
}

impl Reorder {
    /// Takes a frame that was seen at a moment.
    pub(super) fn hold(&mut self, frame: &Frame<'_>, seen: Instant) {
        if let (Some(time), Some(newest)) = (frame.time.nanos(), self.newest)
            && time < newest.saturating_sub(SET_BACK)
        {
            (self.set_back, self.newest) = (self.set_back + 1, None);
        }
        self.newest = self.newest.max(frame.time.nanos());
        self.number += 1;
        let mut data = self.spare.pop().unwrap_or_default();
        data.extend_from_slice(frame.data);
        self.bytes += data.len() + OVERHEAD;
        let Frame { time, link, interface, original_len, .. } = *frame;
        self.held.insert((self.set_back, time, self.number), Held { seen, interface, link, original_len, data });
    }

    /// Hands out the earliest frames, as far as they may go by when they were seen, until `take` answers `false`; says how
    /// many.
    pub(super) fn release(&mut self, may_go: impl Fn(Instant) -> bool, mut take: impl FnMut(Frame<'_>) -> bool) -> u64 {
        let (mut frames, mut is_wanted) = (0, true);
        while is_wanted
            && let Some(first) = self.held.first_entry()
            && (self.bytes > MOST_BYTES || may_go(first.get().seen))
        {
            let ((_, time, _), held) = first.remove_entry();
            let Held { interface, link, original_len, mut data, .. } = held;
            self.bytes = self.bytes.saturating_sub(data.len() + OVERHEAD);
            is_wanted = take(Frame { id: FrameId::NONE, time, link, interface, original_len, data: &data });
            frames += 1;
            // A large buffer under a small frame would hold what nobody counts.
            if self.spare.len() < SPARE && data.capacity() <= SPARE_BYTES {
                data.clear();
                self.spare.push(data);
            }
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn frame(millis: i64, interface: u32, data: &[u8]) -> Frame<'_> {
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000);
        Frame { id: FrameId::NONE, time, link: LinkType::ETHERNET, interface, original_len: 60, data }
    }

    /// What comes out, as milliseconds and interface.
    fn out(order: &mut Reorder, may_go: impl Fn(Instant) -> bool) -> Vec<(i64, u32)> {
        let mut list = Vec::new();
        order.release(may_go, |frame| {
            assert_eq!(frame.data, &frame.interface.to_be_bytes());
            list.push((frame.time.nanos().unwrap() / 1_000_000 - 1_700_000_000_000, frame.interface));
            true
        });
        list
    }

    proptest! {
        /// Whatever lies in a ring for less than the delay comes in its place, and nothing waits for ever.
        #[test]
        fn frames_come_in_the_order_of_their_times(
            frames in prop::collection::vec((0_i64..3000, 0_u32..3, 0_i64..300), 1..200)
        ) {
            let begin = Instant::now();
            let at = |millis: i64| begin + Duration::from_millis(millis as u64);
            let mut order = Reorder::default();
            let mut came = frames.clone();
            came.sort_by_key(|(millis, _, late)| millis + late);
            let mut list = Vec::new();
            for (millis, interface, late) in came {
                order.hold(&frame(millis, interface, &interface.to_be_bytes()), at(millis + late));
                let now = at(millis + late);
                list.extend(out(&mut order, |seen| now.duration_since(seen) >= Duration::from_millis(300)));
            }
            list.extend(out(&mut order, |_| true));
            prop_assert_eq!(list.len(), frames.len());
            prop_assert!(list.is_sorted_by_key(|(millis, _)| *millis), "{:?}", list);
            prop_assert_eq!((order.held.len(), order.bytes), (0, 0));
        }
    }

    #[test]
    fn what_came_before_the_clock_was_set_back_goes_first() {
        let mut order = Reorder::default();
        let seen = Instant::now();
        for millis in [5000, 5001, 10, 11, 4999, 12] {
            order.hold(&frame(millis, 0, &[0; 4]), seen);
        }
        let list: Vec<i64> = out(&mut order, |_| true).into_iter().map(|(millis, _)| millis).collect();
        assert_eq!(list, [5000, 5001, 10, 11, 4999, 12]);
    }

    #[test]
    fn it_holds_so_many_bytes_and_no_more() {
        let (mut order, data) = (Reorder::default(), vec![0; 1 << 20]);
        for millis in 0..100 {
            order.hold(&frame(millis, 0, &data), Instant::now());
            order.release(|_| false, |_| true);
        }
        assert!(order.bytes <= MOST_BYTES && order.held.len() >= 63, "{}", order.held.len());
        assert_eq!(order.release(|_| true, |_| false), 1, "what is not wanted any more stays");
    }
}
