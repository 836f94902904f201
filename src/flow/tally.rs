//! Counts of frames, by input: how many, how long, when, and what stopped decoding.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::capture::{Frame, LinkType, Timestamp};
use crate::decode::{Encapsulation, NonIp, Stop, TunnelKind};

/// A number of frames and their bytes on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Amount {
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

/// What the clock of one input did, by position in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    first: Timestamp,
    last: Timestamp,
    /// Steps backward.
    pub backward_steps: u64,
    /// The longest of them, in nanoseconds.
    pub longest_backward: u64,
    /// The longest step forward, in nanoseconds.
    pub longest_forward: u64,
    /// Frames without a time.
    pub untimed: u64,
}

impl Clock {
    const STOPPED: Self = Self {
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        backward_steps: 0,
        longest_backward: 0,
        longest_forward: 0,
        untimed: 0,
    };

    /// Takes the time of the next frame; whether it is no earlier than that of the frame before, as nearly always.
    #[inline]
    fn tick(&mut self, time: Timestamp) -> bool {
        if time >= self.last && self.last != Timestamp::UNKNOWN {
            let step = time.raw().abs_diff(self.last.raw());
            self.longest_forward = self.longest_forward.max(step);
            self.last = time;
            return true;
        }
        match (time.nanos(), self.last.nanos()) {
            (Some(now), Some(before)) => {
                self.last = time;
                self.step(before, now);
            }
            _ => self.start(time),
        }
        false
    }

    #[cold]
    fn start(&mut self, time: Timestamp) {
        if time == Timestamp::UNKNOWN {
            self.untimed += 1;
        } else {
            (self.first, self.last) = (time, time);
        }
    }

    #[inline]
    fn step(&mut self, before: i64, now: i64) {
        if now >= before {
            self.longest_forward = self.longest_forward.max(now.abs_diff(before));
        } else {
            self.backward_steps += 1;
            self.longest_backward = self.longest_backward.max(now.abs_diff(before));
        }
    }

    /// Adds what came after.
    fn absorb(&mut self, other: Self) {
        self.untimed += other.untimed;
        self.backward_steps += other.backward_steps;
        self.longest_backward = self.longest_backward.max(other.longest_backward);
        self.longest_forward = self.longest_forward.max(other.longest_forward);
        match (self.last.nanos(), other.first.nanos()) {
            (Some(before), Some(now)) => self.step(before, now),
            (None, _) => self.first = other.first,
            _ => {}
        }
        if other.last != Timestamp::UNKNOWN {
            self.last = other.last;
        }
    }
}

/// The frames of one input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// All packet records.
    pub frames: u64,
    /// Sum of captured lengths.
    pub captured_bytes: u64,
    /// Sum of original lengths.
    pub wire_bytes: u64,
    /// Frames of which fewer bytes were captured than the wire had.
    pub cut: u64,
    /// Earliest known time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// What the clock did.
    pub clock: Clock,
    /// Frames by link type.
    pub link_types: BTreeMap<LinkType, u64>,
    /// The link type of the last frame, and how many frames `link_types` holds already: the rest have that type.
    recent_link: (LinkType, u64),
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            frames: 0,
            captured_bytes: 0,
            wire_bytes: 0,
            cut: 0,
            first: Timestamp::from_raw(i64::MAX),
            last: Timestamp::UNKNOWN,
            clock: Clock::STOPPED,
            link_types: BTreeMap::new(),
            recent_link: (LinkType::ETHERNET, 0),
        }
    }
}

impl Tally {
    #[inline]
    pub(super) fn count(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.captured_bytes += frame.data.len() as u64;
        self.wire_bytes += u64::from(frame.original_len);
        self.cut += u64::from((frame.data.len() as u64) < u64::from(frame.original_len));
        self.last = self.last.max(frame.time);
        let went_on = self.clock.tick(frame.time);
        // What is no earlier than another is not the first.
        if !went_on && frame.time < self.first && frame.time != Timestamp::UNKNOWN {
            self.first = frame.time;
        }
        if frame.link != self.recent_link.0 {
            self.change_link(frame.link);
        }
    }

    #[cold]
    fn change_link(&mut self, link: LinkType) {
        let before = self.frames - 1;
        self.count_link(before);
        self.recent_link = (link, before);
    }

    /// Writes down the link type of the last frames.
    pub(super) fn settle(&mut self) {
        self.count_link(self.frames);
        self.recent_link.1 = self.frames;
    }

    /// Writes down the frames with the link type of the last ones, of which the last is frame number `until`.
    fn count_link(&mut self, until: u64) {
        let (link, before) = self.recent_link;
        if until > before {
            *self.link_types.entry(link).or_default() += until - before;
        }
    }

    /// Earliest known time, or unknown.
    pub fn first(&self) -> Timestamp {
        if self.first.raw() == i64::MAX { Timestamp::UNKNOWN } else { self.first }
    }

    /// Adds frames that come later in the same input.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.frames += other.frames;
        self.captured_bytes += other.captured_bytes;
        self.wire_bytes += other.wire_bytes;
        self.cut += other.cut;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.clock.absorb(other.clock);
        for (link, frames) in other.link_types {
            *self.link_types.entry(link).or_default() += frames;
        }
        self.recent_link = (other.recent_link.0, self.frames);
    }
}

/// What became of the frames that are no plain flow packets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sorted {
    /// Frames whose decoding stopped, by where and why.
    pub stopped: BTreeMap<Stop, u64>,
    /// Frames that are not IP, by kind.
    pub non_ip: BTreeMap<NonIp, Amount>,
    /// Tunnels that were taken off: kind, outer sender, outer receiver.
    pub encapsulations: BTreeMap<(TunnelKind, IpAddr, IpAddr), Amount>,
    /// Frames in tunnels that found no place in the list above.
    pub encapsulations_turned_away: u64,
    /// IP packets that carry no flow of their own: ICMP errors.
    pub icmp_errors: Amount,
}

impl Sorted {
    const LIMIT: usize = 1 << 16;

    pub(super) fn encapsulation(&mut self, outer: &Encapsulation, amount: Amount) {
        let key = (outer.kind, outer.source, outer.destination);
        if let Some(known) = self.encapsulations.get_mut(&key) {
            known.add(amount);
        } else if self.encapsulations.len() < Self::LIMIT {
            self.encapsulations.insert(key, amount);
        } else {
            self.encapsulations_turned_away += amount.frames;
        }
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for (stop, frames) in other.stopped {
            *self.stopped.entry(stop).or_default() += frames;
        }
        for (kind, amount) in other.non_ip {
            self.non_ip.entry(kind).or_default().add(amount);
        }
        for ((kind, source, destination), amount) in other.encapsulations {
            let outer = Encapsulation { kind, source, destination, vlan: crate::decode::VlanPath::Untagged };
            self.encapsulation(&outer, amount);
        }
        self.encapsulations_turned_away += other.encapsulations_turned_away;
        self.icmp_errors.add(other.icmp_errors);
    }
}
