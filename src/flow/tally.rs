//! Counts of frames, by input: how many, how long, when, and what stopped decoding.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use crate::capture::{Frame, LinkType, Retime, Timestamp};
use crate::decode::{Encapsulation, NonIp, Stop, TunnelKind};
use crate::state::{Broken, Load, Stored, store_list, store_map, stored};

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

/// What the clock of one input did, by position in it, and the effective time that it gives each frame.
///
/// A step back of less than a second is disorder: frames of two interfaces, or of two queues of one, and their times tell
/// the order. At a greater one the clock was set: all that follows is moved so that order goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    /// Times between which no frame lies for [`Clock::GAP`] or more: the longest, up to a limit.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// What effective times are later than the written ones by now, in nanoseconds.
    moved: i64,
    /// A step forward of fewer nanoseconds is like most: nothing is to be noted of it, and effective times are those that
    /// are written. 0 where there is none.
    usual: u64,
}

impl Clock {
    const STOPPED: Self = Self {
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        backward_steps: 0,
        longest_backward: 0,
        longest_forward: 0,
        untimed: 0,
        gaps: Vec::new(),
        moved: 0,
        usual: 0,
    };
    /// Nanoseconds of a step backward that is a clock set, not frames out of order.
    pub const STEP: u64 = 1_000_000_000;
    /// Nanoseconds without a frame that are told: on a network that lives, 10 minutes of silence are a gap.
    pub const GAP: u64 = 600_000_000_000;
    const MOST_GAPS: usize = 1024;

    /// Whether a frame at a time is like most: nothing is to be noted of it but the time, which is the effective one.
    #[inline(always)]
    fn is_usual(&self, time: Timestamp) -> bool {
        time >= self.last && time.raw().abs_diff(self.last.raw()) < self.usual
    }

    /// Takes the time of a frame that is not, and gives its effective one.
    fn step(&mut self, time: Timestamp) -> Timestamp {
        match (time.nanos(), self.last.nanos()) {
            (Some(now), Some(before)) if now < before => {
                self.last = time;
                self.go_back(before, now);
            }
            (Some(now), Some(before)) => {
                self.go_forward(time, now.abs_diff(before));
                self.last = time;
            }
            _ => self.start(time),
        }
        self.note_usual();
        self.effective()
    }

    fn note_usual(&mut self) {
        let is_usual = self.moved == 0 && self.last != Timestamp::UNKNOWN;
        self.usual = if is_usual { self.longest_forward.min(Self::GAP - 1) + 1 } else { 0 };
    }

    /// The effective time of the last frame.
    fn effective(&self) -> Timestamp {
        match self.last.nanos() {
            Some(last) => Timestamp::from_nanos(last.saturating_add(self.moved)),
            None => Timestamp::UNKNOWN,
        }
    }

    fn start(&mut self, time: Timestamp) {
        if time == Timestamp::UNKNOWN {
            self.untimed += 1;
        } else {
            (self.first, self.last) = (time, time);
        }
    }

    fn go_forward(&mut self, time: Timestamp, step: u64) {
        self.longest_forward = self.longest_forward.max(step);
        if step >= Self::GAP {
            self.add_gap((self.last, time));
        }
    }

    fn go_back(&mut self, before: i64, now: i64) {
        self.backward_steps += 1;
        let step = now.abs_diff(before);
        self.longest_backward = self.longest_backward.max(step);
        if step >= Self::STEP {
            self.moved = self.moved.saturating_add_unsigned(step);
        }
    }

    fn add_gap(&mut self, gap: (Timestamp, Timestamp)) {
        self.gaps.push(gap);
        if self.gaps.len() > 2 * Self::MOST_GAPS {
            self.keep_longest_gaps();
        }
    }

    fn keep_longest_gaps(&mut self) {
        self.gaps.sort_unstable_by_key(|(from, to)| (std::cmp::Reverse(to.raw().abs_diff(from.raw())), *from));
        self.gaps.truncate(Self::MOST_GAPS);
    }

    /// How the effective times of what comes after move when it is added.
    pub(super) fn seam(&self, after: &Self) -> Retime {
        let step = match (self.last.nanos(), after.first.nanos()) {
            (Some(before), Some(now)) if now < before && now.abs_diff(before) >= Self::STEP => now.abs_diff(before),
            _ => 0,
        };
        let untimed = if after.untimed > 0 { self.effective() } else { Timestamp::UNKNOWN };
        Retime { by: self.moved.saturating_add_unsigned(step), untimed }
    }

    /// Adds what came after.
    fn absorb(&mut self, other: Self) {
        let moved = self.seam(&other).by;
        self.untimed += other.untimed;
        self.backward_steps += other.backward_steps;
        self.longest_backward = self.longest_backward.max(other.longest_backward);
        match (self.last.nanos(), other.first.nanos()) {
            (Some(before), Some(now)) if now < before => self.go_back(before, now),
            (Some(before), Some(now)) => {
                let step = now.abs_diff(before);
                if step >= Self::GAP {
                    self.add_gap((self.last, other.first));
                }
                self.longest_forward = self.longest_forward.max(step);
            }
            (None, _) => self.first = other.first,
            _ => {}
        }
        self.longest_forward = self.longest_forward.max(other.longest_forward);
        other.gaps.into_iter().for_each(|gap| self.add_gap(gap));
        self.moved = moved.saturating_add(other.moved);
        if other.last != Timestamp::UNKNOWN {
            self.last = other.last;
        }
        self.note_usual();
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
    /// Frames of which nothing above the link layer could be read, though something may be there.
    pub unread: u64,
    /// Earliest known time.
    pub first: Timestamp,
    /// Latest time before the clock went back; see [`Tally::last`].
    latest: Timestamp,
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
            unread: 0,
            first: Timestamp::from_raw(i64::MAX),
            latest: Timestamp::UNKNOWN,
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
        if self.clock.is_usual(frame.time) {
            self.clock.last = frame.time;
            return frame.time;
        }
        self.step(frame.time)
    }

    #[cold]
    fn step(&mut self, time: Timestamp) -> Timestamp {
        self.latest = self.last().max(time);
        if time < self.first && time != Timestamp::UNKNOWN {
            self.first = time;
        }
        self.clock.step(time)
    }

    #[cold]
    fn change_link(&mut self, link: LinkType) {
        let before = self.frames - 1;
        self.count_link(before);
        self.recent_link = (link, before);
    }

    /// Writes down what was put off: the link type of the last frames, the order of gaps.
    pub(super) fn settle(&mut self) {
        self.count_link(self.frames);
        self.recent_link.1 = self.frames;
        self.latest = self.last();
        self.clock.keep_longest_gaps();
        self.clock.gaps.sort_unstable();
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

    /// Latest time, or unknown.
    pub fn last(&self) -> Timestamp {
        self.latest.max(self.clock.last)
    }

    /// Adds frames that come later in the same input.
    pub(super) fn absorb(&mut self, mut other: Self) {
        self.settle();
        other.settle();
        self.frames += other.frames;
        self.captured_bytes += other.captured_bytes;
        self.wire_bytes += other.wire_bytes;
        self.cut += other.cut;
        self.unread += other.unread;
        self.first = self.first.min(other.first);
        self.latest = self.last().max(other.last());
        self.clock.absorb(other.clock);
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

impl Stored for Clock {
    fn store(&self, to: &mut Vec<u8>) {
        let Self { first, last, backward_steps, longest_backward, longest_forward, untimed, gaps, moved, usual: _ } =
            self;
        (*first, *last).store(to);
        [*backward_steps, *longest_backward, *longest_forward, *untimed].store(to);
        store_list(gaps.iter(), to);
        moved.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (first, last) = from.get()?;
        let [backward_steps, longest_backward, longest_forward, untimed] = from.get()?;
        let gaps = from.list(2 * Self::MOST_GAPS, "there are too many gaps")?;
        let moved = from.get()?;
        let mut clock =
            Self { first, last, backward_steps, longest_backward, longest_forward, untimed, gaps, moved, usual: 0 };
        clock.note_usual();
        Ok(clock)
    }
}

/// As after [`Tally::settle`]: the link type of the last frame is one that is counted.
impl Stored for Tally {
    fn store(&self, to: &mut Vec<u8>) {
        let mut settled = self.clone();
        settled.settle();
        let Self { frames, captured_bytes, wire_bytes, cut, unread, first, latest, clock, link_types, recent_link } =
            settled;
        [frames, captured_bytes, wire_bytes, cut, unread].store(to);
        (first, latest).store(to);
        clock.store(to);
        store_map(&link_types, to);
        recent_link.0.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let [frames, captured_bytes, wire_bytes, cut, unread] = from.get()?;
        let (first, latest, clock) = from.get()?;
        let link_types = from.map(1 << 16, "there are too many link types")?;
        let recent_link = (from.get()?, frames);
        Ok(Self { frames, captured_bytes, wire_bytes, cut, unread, first, latest, clock, link_types, recent_link })
    }
}

impl Stored for OtherFrames {
    fn store(&self, to: &mut Vec<u8>) {
        store_map(&self.stopped, to);
        store_map(&self.non_ip, to);
        store_map(&self.encapsulations, to);
        self.encapsulations_turned_away.store(to);
        self.icmp_errors.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(Self {
            stopped: from.map(1 << 16, "there are too many kinds of stops")?,
            non_ip: from.map(1 << 20, "there are too many kinds of frames")?,
            encapsulations: from.map(Self::LIMIT, "there are too many tunnels")?,
            encapsulations_turned_away: from.get()?,
            icmp_errors: from.get()?,
        })
    }
}
