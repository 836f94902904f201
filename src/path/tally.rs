//! What is counted of one way of a conversation between two places.

use super::delays::Delays;
use crate::capture::Timestamp;
use crate::text::named;

named! {
    /// Something of a packet that was another at the next place.
    pub enum Changed {
        /// Differentiated services code point (RFC 2474).
        Dscp = "dscp",
        /// Maximum segment size that a SYN offers.
        Mss = "mss",
        /// Outermost VLAN tag.
        Vlan = "vlan",
    }
}

/// How often something changed, and from what to what the first time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Change {
    /// Packets.
    pub packets: u64,
    /// Before, of the first; `None` where there was none.
    pub from: Option<u16>,
    /// After.
    pub to: Option<u16>,
    /// Whether others changed otherwise.
    pub mixed: bool,
}

impl Change {
    pub(super) fn add(&mut self, from: Option<u16>, to: Option<u16>) {
        if self.packets == 0 {
            (self.from, self.to) = (from, to);
        }
        self.mixed |= (self.from, self.to) != (from, to);
        self.packets += 1;
    }
}

/// One way of a conversation from one place to the next. `sent` = `arrived` + `missing`.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Packets seen at the first place.
    pub sent: u64,
    /// Of these, seen at the second.
    pub arrived: u64,
    /// Of these, never seen at the second.
    pub missing: u64,
    /// Further copies at the second of what was there once at the first.
    pub duplicated: u64,
    /// Came behind a packet that was sent later (RFC 4737 section 3.3, by the time at the first place).
    pub reordered: u64,
    /// Arrived with another DSCP, MSS or VLAN.
    pub changed: u64,
    /// Identical ones at the first place: counted, but which is which is not known.
    pub ambiguous: u64,
    /// Seen at the second place and never at the first.
    pub appeared: u64,
    /// First that is missing, by the first place's clock.
    pub first_missing: Timestamp,
    /// Last that is missing.
    pub last_missing: Timestamp,
    /// What changed, in the order of [`Changed::ALL`].
    pub changes: [Change; 3],
    /// How long it took.
    pub delays: Delays,
    /// Bytes of TCP payload that are missing, and that appeared.
    pub(super) bytes: [u64; 2],
    /// When the latest that arrived was sent.
    pub(super) latest: i64,
}

impl Default for Leg {
    fn default() -> Self {
        Self {
            sent: 0,
            arrived: 0,
            missing: 0,
            duplicated: 0,
            reordered: 0,
            changed: 0,
            ambiguous: 0,
            appeared: 0,
            first_missing: Timestamp::UNKNOWN,
            last_missing: Timestamp::UNKNOWN,
            changes: [Change::default(); 3],
            delays: Delays::default(),
            bytes: [0; 2],
            latest: i64::MIN,
        }
    }
}

impl Leg {
    /// Adds another conversation's.
    pub fn absorb(&mut self, other: &Self) {
        let sums: [(&mut u64, u64); 8] = [
            (&mut self.sent, other.sent),
            (&mut self.arrived, other.arrived),
            (&mut self.missing, other.missing),
            (&mut self.duplicated, other.duplicated),
            (&mut self.reordered, other.reordered),
            (&mut self.changed, other.changed),
            (&mut self.ambiguous, other.ambiguous),
            (&mut self.appeared, other.appeared),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum += more);
        for (change, more) in self.changes.iter_mut().zip(&other.changes).filter(|(_, more)| more.packets > 0) {
            if change.packets == 0 {
                *change = *more;
            } else {
                change.mixed |= more.mixed || (change.from, change.to) != (more.from, more.to);
                change.packets += more.packets;
            }
        }
        for time in [other.first_missing, other.last_missing] {
            self.lost_at(time);
        }
        self.delays.absorb(&other.delays);
    }

    fn lost_at(&mut self, time: Timestamp) {
        if time == Timestamp::UNKNOWN {
            return;
        }
        if self.first_missing == Timestamp::UNKNOWN || time < self.first_missing {
            self.first_missing = time;
        }
        self.last_missing = self.last_missing.max(time);
    }

    /// One that did not arrive; `time` if it is known which.
    pub(super) fn lose(&mut self, time: Option<i64>, length: u64) {
        self.missing += 1;
        self.bytes[0] += length;
        self.lost_at(time.map_or(Timestamp::UNKNOWN, Timestamp::from_nanos));
    }

    /// Whether the bytes of a TCP stream arrived, only cut into other segments: by a network card that joins them on a
    /// capturing host, or by a proxy.
    pub(super) fn is_cut_otherwise(&self) -> bool {
        let [missing, appeared] = self.bytes;
        self.missing > 0 && missing > 0 && appeared >= missing - missing / 4 && missing >= appeared - appeared / 4
    }
}
