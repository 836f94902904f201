//! Broadcasts that are not IP, ARP above all: how many in each stretch of time.

use super::Window;
use crate::capture::Timestamp;
use crate::flow::evidence::lowest::summed;
use crate::state::stored;

/// Seconds of a stretch: a storm lasts longer, a sweep of a subnet mostly less.
pub const STRETCH: i64 = 10;

/// Broadcasts of one stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broadcasts {
    /// ARP.
    pub arp: Window,
    /// All others.
    pub others: Window,
}

impl Broadcasts {
    pub(super) const fn of(is_arp: bool, once: Window) -> Self {
        if is_arp { Self { arp: once, others: Window::NONE } } else { Self { arp: Window::NONE, others: once } }
    }
}

/// The stretch of a time as it was written; frames without one share a stretch of their own.
pub(super) fn stretch(time: Timestamp) -> i64 {
    time.nanos().map_or(i64::MIN, |nanos| nanos.div_euclid(STRETCH * 1_000_000_000))
}

summed!(Broadcasts { arp, others });
stored!(Broadcasts { arp, others });
