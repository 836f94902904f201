//! How well it works: what passes between questions and their answers, as the capture's place sees them.
//!
//! Additive like the flow table, which feeds it: what a message is hangs on the few messages before it in its flow, so
//! that parts of a capture add up to the whole however it is cut. docs/health.md says each measure, its source, and how
//! it may mislead.

mod away;
mod histogram;
mod load;
mod lowest;
mod measure;
mod numbered;
mod recent;
mod rhythm;
mod senders;
mod stream;
mod sums;
mod table;
mod track;
mod usual;
mod watch;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::capture::Timestamp;

pub use histogram::Histogram;
pub use load::{Answers, DeviceLoad, LoadSlot};
pub use measure::{Measure, Pair, Sums};
pub(crate) use recent::fold;
pub use rhythm::{Pause, Rhythm};
pub(crate) use senders::Rhythms;
pub use stream::Losses;
pub(crate) use stream::Segment;
pub(crate) use track::Ends;
pub use usual::{Gap, SilenceThresholds, Usual, number};
pub(crate) use watch::{FlowKey, Watch};
pub use window::WINDOW;

/// Flows with questions of each address family that are watched at a time: more than a thousand nodes have. What is watched
/// must fit the cache, or each packet of a large capture waits for memory twice.
const MOST_FLOWS: usize = 1 << 12;
/// Pairs of each address family.
const MOST_PAIRS: usize = 1 << 14;

/// What was measured.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// By pair and measure.
    pub pairs: BTreeMap<Pair, Sums>,
    /// Pairs of which inputs told of the same time, so that nothing can be said of them.
    pub mixed: BTreeSet<Pair>,
    /// Whether some flows found no place.
    pub flows_turned_away: bool,
    /// Seams at which parts of a TCP flow did not fit one another: near them, what was sent again may be counted a little wrong.
    pub misfits: u64,
    /// Whether some pairs found no place.
    pub pairs_turned_away: bool,
    /// How much each device answered and how long it took, stretch by stretch of time, by its address.
    pub loads: BTreeMap<IpAddr, DeviceLoad>,
    /// Whether some devices found no place among those.
    pub loads_turned_away: bool,
    /// When each sender was heard, by its address.
    pub rhythms: BTreeMap<IpAddr, Rhythm>,
    /// When each host was sent an IP packet that was for it alone.
    pub asked: BTreeMap<IpAddr, Rhythm>,
    /// When ARP requests looked for each host.
    pub sought: BTreeMap<IpAddr, Rhythm>,
    /// When each host sent an ARP packet.
    pub arp: BTreeMap<IpAddr, Rhythm>,
    /// When anybody was; none where that is not known, and then nothing can be told of silence.
    pub everyone: Option<Rhythm>,
    /// Where inputs told of the same time: how many senders were left out for that.
    pub mixed_senders: Option<u64>,
    /// Whether some senders found no place.
    pub senders_turned_away: bool,
    /// Whether all of this was left out, for messages were in no order.
    pub left_out: bool,
}

impl Health {
    /// Whether anything was to be measured and was there.
    pub(crate) fn is_measured(&self) -> bool {
        self.everyone.is_some() || self.mixed_senders.is_some() || self.left_out
    }

    /// Counts a question whose answer took so many nanoseconds.
    pub(crate) fn answered(&mut self, pair: Pair, nanos: u64) {
        let sums = self.pairs.entry(pair).or_default();
        sums.asked = sums.asked.saturating_add(1);
        sums.times.add(nanos);
    }
}

/// Nanoseconds from one time to a later one; 0 if the clock went back.
#[inline]
fn since(later: Timestamp, earlier: Timestamp) -> u64 {
    u64::try_from(later.raw().saturating_sub(earlier.raw())).unwrap_or(0)
}
