//! When devices were silent, as findings of silence hold it for pictures and programs.

use std::cmp::Reverse;

use super::Who;
use crate::capture::Timestamp;

/// A time in which a device was silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SilentTime {
    /// The device.
    pub who: Who,
    /// Time of the packet before it.
    pub start: Timestamp,
    /// Time of the packet behind it, or the end of the capture.
    pub end: Timestamp,
    /// Whether it was not heard again until the capture ended.
    pub lasts: bool,
}

impl SilentTime {
    /// Nanoseconds.
    pub fn length(&self) -> u64 {
        u64::try_from(self.end.raw().saturating_sub(self.start.raw())).unwrap_or(0)
    }

    /// The longest stand first, of those as long the earliest.
    pub fn order(&self) -> (Reverse<u64>, Timestamp, Who) {
        (Reverse(self.length()), self.start, self.who)
    }
}

/// The silent times of a finding, the longest first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SilentTimes {
    /// The longest of them.
    pub list: Vec<SilentTime>,
    /// How many more there are.
    pub more: u64,
}

impl SilentTimes {
    /// Times that a finding holds.
    pub const MOST: usize = 100;

    /// Of all there are, each told once.
    pub fn of(mut list: Vec<SilentTime>) -> Self {
        list.sort_unstable_by_key(SilentTime::order);
        list.dedup();
        let more = list.len().saturating_sub(Self::MOST) as u64;
        list.truncate(Self::MOST);
        Self { list, more }
    }
}
