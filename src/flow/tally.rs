//! Counts of frames, by input: how many, how long, when, and what stopped decoding.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::clock::Clock;
use crate::capture::{Frame, LinkType, Timestamp};
use crate::decode::{Encapsulation, NonIp, Stop, TunnelKind};
use crate::state::{Broken, Load, Stored, store_map, stored};

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

/// The frames of one input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    /// All packet records.
    pub frames: u64,
    /// Sum of captured lengths.
    pub captured_bytes: u64,
    /// Sum of original lengths.
    pub wire_bytes: u64,
    /// Frames of which fewer bytes were captured than the wire had, or than IP counts.
    pub cut: u64,
    /// Frames of which nothing above the link layer could be read, though something may be there.
    pub unread: u64,
    /// What the clocks did.
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
            unread: 0,
            clock: Clock::STOPPED,
            link_types: BTreeMap::new(),
            recent_link: (LinkType::ETHERNET, 0),
        }
    }
}

impl Tally {
    /// Counts a frame and gives its effective time.
    #[inline(always)]
    pub(super) fn count(&mut self, frame: &Frame<'_>) -> Timestamp {
        self.frames += 1;
        self.captured_bytes += frame.data.len() as u64;
        self.wire_bytes += u64::from(frame.original_len);
        self.cut += u64::from((frame.data.len() as u64) < u64::from(frame.original_len));
        if frame.link != self.recent_link.0 {
            self.change_link(frame.link);
        }
        self.clock.take(frame.time, frame.interface, self.frames)
    }

    #[cold]
    fn change_link(&mut self, link: LinkType) {
        let before = self.frames - 1;
        self.count_link(before);
        self.recent_link = (link, before);
    }

    /// Writes down the link type of the last frames.
    fn settle(&mut self) {
        self.count_link(self.frames);
        self.recent_link.1 = self.frames;
    }

    /// No frame follows.
    pub(super) fn close(&mut self) {
        self.settle();
        self.clock.close();
    }

    /// Nothing yet of the frames that follow.
    pub(super) fn continued(&self) -> Self {
        Self { clock: self.clock.continued(self.frames), ..Self::default() }
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
        self.clock.earliest()
    }

    /// Latest time, or unknown.
    pub fn last(&self) -> Timestamp {
        self.clock.latest()
    }

    /// Whether its times only count the frames, from a number of them on at which that is no accident: what is made of a listing of
    /// bytes has no others, and `text2pcap` steps by a microsecond, or by a nanosecond.
    pub fn only_counts(&self) -> bool {
        const LEAST: u64 = 10;
        let steps = self.frames.saturating_sub(1);
        let lasts = self.last().nanos().zip(self.first().nanos()).map(|(last, first)| last.abs_diff(first));
        self.frames >= LEAST && self.clock.untimed == 0 && (lasts == Some(steps) || lasts == steps.checked_mul(1_000))
    }

    /// Adds frames that come later in the same input.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.clock.absorb(other.clock, self.frames);
        self.frames += other.frames;
        self.captured_bytes += other.captured_bytes;
        self.wire_bytes += other.wire_bytes;
        self.cut += other.cut;
        self.unread += other.unread;
        for (link, frames) in other.link_types {
            *self.link_types.entry(link).or_default() += frames;
        }
        self.recent_link = (other.recent_link.0, self.frames);
    }
}

/// What became of the frames that are no plain flow packets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OtherFrames {
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

impl OtherFrames {
    const LIMIT: usize = 1 << 16;

    pub(super) fn encapsulation(&mut self, outer: &Encapsulation, amount: Amount) {
        let key = (outer.kind, outer.source, outer.destination);
        if let Some(known) = self.encapsulations.get_mut(&key) {
            return known.add(amount);
        }
        // At the limit the lowest keys stay, so that parts add up to the same in any order.
        if self.encapsulations.len() >= Self::LIMIT {
            match self.encapsulations.last_entry().filter(|last| key < *last.key()) {
                Some(last) => self.encapsulations_turned_away += last.remove().frames,
                None => return self.encapsulations_turned_away += amount.frames,
            }
        }
        self.encapsulations.insert(key, amount);
    }

    /// Outer senders and receivers of all tunnels.
    pub(crate) fn tunnel_ends(&self) -> HashSet<(IpAddr, IpAddr)> {
        self.encapsulations.keys().map(|(_, source, destination)| (*source, *destination)).collect()
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

stored!(Amount { frames, bytes });

/// As after [`Tally::close`]: the link type of the last frame is one that is counted.
impl Stored for Tally {
    fn store(&self, to: &mut Vec<u8>) {
        let mut settled = self.clone();
        settled.settle();
        let Self { frames, captured_bytes, wire_bytes, cut, unread, clock, link_types, recent_link } = settled;
        [frames, captured_bytes, wire_bytes, cut, unread].store(to);
        clock.store(to);
        store_map(&link_types, to);
        recent_link.0.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let [frames, captured_bytes, wire_bytes, cut, unread] = from.get()?;
        let clock = from.get()?;
        let link_types = from.map(1 << 16, "there are too many link types")?;
        let recent_link = (from.get()?, frames);
        Ok(Self { frames, captured_bytes, wire_bytes, cut, unread, clock, link_types, recent_link })
    }
}

stored!(OtherFrames {
    stopped: map(1 << 16, "there are too many kinds of stops"),
    non_ip: map(1 << 20, "there are too many kinds of frames"),
    encapsulations: map(Self::LIMIT, "there are too many tunnels"),
    encapsulations_turned_away,
    icmp_errors,
});
