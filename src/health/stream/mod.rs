//! What the sequence numbers of a TCP flow say of losses (RFC 9293, RFC 5681), one segment after the other.
//!
//! The terms are tshark's: a segment below the highest number that its direction sent is a retransmission, but within 3 ms
//! of that it is out of order, and where all of it was acknowledged before, spurious.
//!
//! What a segment is hangs on all that came before it, but mostly on little of that: a few segments later the same is known
//! whatever came before. So of a part of a flow the first segments are kept as they are, and counted when it is known what
//! came before. Where a part's beginning and its continuation do not fit, that is counted.

use arrayvec::ArrayVec;

use super::measure::{Measure, Measures, Pair};
use super::track::Ends;
use crate::capture::{Retime, Timestamp};
use crate::decode::TcpFlags;
use crate::state::{Broken, Load, Stored, store_list, stored};

/// Nanoseconds within which a segment below the highest number is out of order, not sent again (tshark's default).
const DISORDER: u64 = 3_000_000;
/// Nanoseconds within which a segment that two duplicate acknowledgments ask for was sent again for them (tshark's).
const FAST: u64 = 20_000_000;
/// Fingerprints of the last segments of a direction, by which mirrors' copies are told.
const PRINTS: usize = 3;
/// Nanoseconds within which the same segment is a copy, of a sender that counts its packets and of others: as in the flow
/// table, whose fingerprints are odd where they count.
const COPY_COUNTED: u64 = 50_000_000;
const COPY: u64 = 1_000_000;
/// Segments that a flow's part begins with and that are kept as they are.
pub(super) const LOGGED: usize = 6;

/// Whether a sequence number lies behind another (RFC 9293 section 3.4).
const fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// Nanoseconds from one time to a later one; 0 if the clock went back.
fn since(later: Timestamp, earlier: Timestamp) -> u64 {
    u64::try_from(later.raw().saturating_sub(earlier.raw())).unwrap_or(0)
}

/// One segment of TCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// When it was sent.
    pub(crate) time: Timestamp,
    /// Sequence and acknowledgment number.
    pub(crate) numbers: [u32; 2],
    /// Bytes of payload.
    pub(crate) length: u32,
    /// What tells its copies; 0 where nothing does.
    pub(crate) fingerprint: u32,
    /// Window as it stands in the header, not scaled.
    pub(crate) window: u16,
    /// As they stand in the header; a segment with RST tells nothing.
    pub(crate) flags: TcpFlags,
    /// Which end of the flow sent it.
    pub(crate) side: u8,
}

impl Segment {
    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags.0 & flag != 0
    }

    /// Numbers that it takes up (RFC 9293 section 3.4).
    fn taken(&self) -> u32 {
        let flags = u32::from(self.has(TcpFlags::SYN)) + u32::from(self.has(TcpFlags::FIN));
        self.length.wrapping_add(flags)
    }
}

/// What was counted of the bytes that one end sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Losses {
    /// Segments that take up sequence numbers, and their bytes.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Segments sent again because they, or their acknowledgment, were late or lost.
    pub again: u64,
    /// Their bytes.
    pub bytes_again: u64,
    /// Segments sent again though they were acknowledged before.
    pub spurious: u64,
    /// Segments out of order.
    pub disordered: u64,
    /// Duplicate acknowledgments that came back.
    pub duplicate_acks: u64,
    /// Segments of this end that allow the other to send nothing.
    pub zero_windows: u64,
    /// Bytes that were acknowledged and are not in the capture: it lost them, not the network.
    pub uncaptured: u64,
}

stored!(Losses { segments, bytes, again, bytes_again, spurious, disordered, duplicate_acks, zero_windows, uncaptured });

impl Losses {
    /// Nothing.
    pub const NONE: Self = Self {
        segments: 0,
        bytes: 0,
        again: 0,
        bytes_again: 0,
        spurious: 0,
        disordered: 0,
        duplicate_acks: 0,
        zero_windows: 0,
        uncaptured: 0,
    };

    /// Adds others.
    pub fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.segments, other.segments),
            (&mut self.bytes, other.bytes),
            (&mut self.again, other.again),
            (&mut self.bytes_again, other.bytes_again),
            (&mut self.spurious, other.spurious),
            (&mut self.disordered, other.disordered),
            (&mut self.duplicate_acks, other.duplicate_acks),
            (&mut self.zero_windows, other.zero_windows),
            (&mut self.uncaptured, other.uncaptured),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// The highest acknowledgment of a direction's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Acked {
    number: u32,
    window: u16,
    time: Timestamp,
}

stored!(Acked { number, window, time });

/// What one end sent, and how the other acknowledged it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Half {
    /// Sequence number of its SYN.
    initial: Option<u32>,
    /// Behind the highest number sent, and when that was sent; unknown where only a bare acknowledgment told it.
    next: Option<(u32, Timestamp)>,
    acked: Option<Acked>,
    /// Duplicate acknowledgments in a row.
    duplicates: u8,
    prints: [u32; PRINTS],
    /// When the last of them was sent.
    recent: Timestamp,
    /// The first segment of a flight, which is timed: behind its last number, and when it was sent.
    probe: Option<(u32, Timestamp)>,
    /// Numbers that were passed over and not seen since.
    hole: Option<(u32, u32)>,
    losses: Losses,
    /// The first acknowledgment behind the log that goes on, or is the first: it may be of a segment before.
    advanced: Option<(u32, Timestamp)>,
    /// Its window, where it is the first of all, bare: it may be a duplicate.
    opening: Option<u16>,
    /// The first number of this end behind the log, where none of it is in there, and whether it was sent with payload.
    entered: Option<(u32, bool)>,
    /// Whether something was sent again since the log: of what came before, too.
    has_repeated: bool,
}

stored!(Half {
    initial,
    next,
    acked,
    duplicates,
    prints,
    recent,
    probe,
    hole,
    losses,
    advanced,
    opening,
    entered,
    has_repeated
});

impl Half {
    const NONE: Self = Self {
        initial: None,
        next: None,
        acked: None,
        duplicates: 0,
        prints: [0; PRINTS],
        recent: Timestamp::UNKNOWN,
        probe: None,
        hole: None,
        losses: Losses::NONE,
        advanced: None,
        opening: None,
        entered: None,
        has_repeated: false,
    };

    /// Whether a segment is a copy of one of the last.
    fn is_copy(&mut self, fingerprint: u32, time: Timestamp) -> bool {
        let is_soon = since(time, self.recent) <= if fingerprint & 1 != 0 { COPY_COUNTED } else { COPY };
        if fingerprint != 0 && is_soon && self.prints.contains(&fingerprint) {
            return true;
        }
        self.recent = time;
        self.prints.rotate_left(1);
        self.prints[PRINTS - 1] = fingerprint;
        false
    }

    /// Bytes that were acknowledged and never seen were not captured.
    fn settle_hole(&mut self) {
        if let (Some((from, to)), Some(acked)) = (self.hole.take(), self.acked)
            && !is_after(to, acked.number)
        {
            self.losses.uncaptured = self.losses.uncaptured.saturating_add(to.wrapping_sub(from).into());
        }
    }

    /// What was sent from one number to before another fills what was passed over.
    fn fill(&mut self, from: u32, to: u32) {
        let Some((begin, end)) = &mut self.hole else { return };
        if !is_after(from, *begin) && is_after(to, *begin) {
            *begin = to;
        } else if is_after(*end, from) && !is_after(*end, to) {
            *end = from;
        }
        if !is_after(*end, *begin) {
            self.hole = None;
        }
    }

    /// A segment below the highest number: what it is.
    fn again(&mut self, (from, to): (u32, u32), segment: &Segment) {
        let time = segment.time;
        let Some((next, sent)) = self.next else { return };
        self.fill(from, to);
        (self.probe, self.has_repeated) = (None, true);
        let losses = &mut self.losses;
        let is_spurious = segment.length > 0 && self.acked.is_some_and(|acked| !is_after(to, acked.number));
        let is_asked_for = self.duplicates >= 2
            && self.acked.is_some_and(|acked| acked.number == from && since(time, acked.time) < FAST);
        let is_late = sent == Timestamp::UNKNOWN || since(time, sent) >= DISORDER || to == next;
        let count = if is_spurious {
            &mut losses.spurious
        } else if is_asked_for || is_late {
            losses.bytes_again = losses.bytes_again.saturating_add(to.wrapping_sub(from).into());
            &mut losses.again
        } else {
            &mut losses.disordered
        };
        *count = count.saturating_add(1);
    }

    /// Whether all that was sent is acknowledged.
    fn is_idle(&self) -> bool {
        matches!((self.next, self.acked), (Some((next, _)), Some(acked)) if acked.number == next)
    }

    /// Takes the numbers that a segment of this end takes up.
    fn send(&mut self, segment: &Segment) {
        let ([from, _], taken, time) = (segment.numbers, segment.taken(), segment.time);
        if segment.has(TcpFlags::SYN) && self.initial != Some(from) {
            // Another connection on the same ports.
            self.settle_hole();
            (self.initial, self.next, self.acked) = (Some(from), None, None);
            (self.duplicates, self.probe) = (0, None);
        }
        if self.next.is_none() {
            self.entered.get_or_insert((from, taken > 0));
        }
        if taken == 0 {
            self.next.get_or_insert((from, Timestamp::UNKNOWN));
            return;
        }
        let to = from.wrapping_add(taken);
        self.losses.segments = self.losses.segments.saturating_add(1);
        self.losses.bytes = self.losses.bytes.saturating_add(segment.length.into());
        let Some((next, _)) = self.next else {
            self.next = Some((to, time));
            return;
        };
        if is_after(next, from) {
            // A keep-alive's byte (RFC 1122 section 4.2.3.6).
            if segment.length == 1 && from == next.wrapping_sub(1) {
                return;
            }
            self.again((from, to), segment);
            if is_after(to, next) {
                self.next = Some((to, time));
            }
            return;
        }
        if from != next {
            self.settle_hole();
            self.hole = Some((next, from));
        } else if self.is_idle() {
            self.probe = Some((to, time));
        }
        self.next = Some((to, time));
    }

    /// Takes an acknowledgment of what this end sent. Gives the time of the probe that it acknowledges.
    fn acknowledge(&mut self, segment: &Segment) -> Option<u64> {
        let (number, time) = (segment.numbers[1], segment.time);
        if let Some((next, _)) = self.next
            && is_after(number, next)
        {
            // What was acknowledged was sent, and not captured, if it does not come yet, out of order.
            self.settle_hole();
            self.hole = Some((next, number));
            self.next = Some((number, time));
        }
        let new = Acked { number, window: segment.window, time };
        let Some(acked) = &mut self.acked else {
            self.acked = Some(new);
            if self.advanced.is_none() && !self.has_repeated {
                self.advanced = Some((number, time));
                self.opening = (segment.taken() == 0).then_some(segment.window);
            }
            return None;
        };
        acked.time = time;
        if number == acked.number {
            if segment.taken() == 0 && segment.window == acked.window {
                self.duplicates = self.duplicates.saturating_add(1);
                self.losses.duplicate_acks = self.losses.duplicate_acks.saturating_add(1);
            }
            acked.window = segment.window;
            return None;
        }
        if !is_after(number, acked.number) {
            return None;
        }
        (*acked, self.duplicates) = (new, 0);
        if !self.has_repeated {
            self.advanced.get_or_insert((number, time));
        }
        let (end, sent) = self.probe?;
        if is_after(end, number) {
            return None;
        }
        self.probe = None;
        // An acknowledgment of more waited for more.
        (number == end).then(|| since(time, sent))
    }

    /// Whether whatever comes at a time or later is taken for the same, but for what is passed over or timed.
    fn is_like(&self, other: &Self, now: Timestamp) -> bool {
        let is_past = |time: Timestamp| time == Timestamp::UNKNOWN || since(now, time) >= FAST;
        let same = |a: Timestamp, b: Timestamp| a == b || is_past(a) && is_past(b);
        let next = match (self.next, other.next) {
            (Some(a), Some(b)) => a.0 == b.0 && same(a.1, b.1),
            (a, b) => a == b,
        };
        let acked = match (self.acked, other.acked) {
            (Some(a), Some(b)) => (a.number, a.window) == (b.number, b.window),
            (a, b) => a == b,
        };
        next && acked && self.duplicates == other.duplicates
    }

    /// Gives a part that begins without it what is known before: `self` is that part behind its log, which knows `fresh`.
    /// Whether that fits.
    fn learn(&mut self, before: &Self, fresh: &mut Self) -> bool {
        let mut fits = true;
        if let (Some((next, _)), None) = (before.next, fresh.next) {
            match self.entered {
                None => self.next = before.next,
                Some((entered, is_sent)) => fits &= entered == next && !(is_sent && before.is_idle()),
            }
            fresh.next = before.next;
        }
        // When the other end only acknowledged, what it sent before may have been sent long ago or just now.
        if let (Some((next, sent)), Some((number, Timestamp::UNKNOWN))) = (before.next, fresh.next)
            && next == number
        {
            fresh.next = before.next;
            match &mut self.next {
                Some((last, time)) if *last == next => *time = sent,
                _ => fits &= !self.has_repeated,
            }
        }
        if let (Some(acked), None) = (before.acked, fresh.acked) {
            match self.advanced {
                None => (self.acked, self.duplicates, fits) = (before.acked, before.duplicates, !self.has_repeated),
                Some((number, _)) if number == acked.number => {
                    if self.opening == Some(acked.window) {
                        self.losses.duplicate_acks = self.losses.duplicate_acks.saturating_add(1);
                        let is_last = self.acked.is_some_and(|last| last.number == number);
                        let more = if is_last { before.duplicates.saturating_add(1) } else { 0 };
                        self.duplicates = self.duplicates.saturating_add(more);
                    }
                    // Which acknowledgment went on first is not known.
                    fits &= before.probe.is_none();
                    self.advanced = None;
                }
                Some((number, _)) => fits &= is_after(number, acked.number),
            }
            (fresh.acked, fresh.duplicates) = (before.acked, before.duplicates);
        }
        fits
    }

    fn retime(&mut self, retime: Retime) {
        let known = |time: &mut Timestamp| {
            if *time != Timestamp::UNKNOWN {
                *time = retime.apply(*time);
            }
        };
        known(&mut self.recent);
        let times = [&mut self.next, &mut self.probe, &mut self.advanced].into_iter().flatten();
        times.for_each(|(_, time)| known(time));
        self.acked.iter_mut().for_each(|acked| known(&mut acked.time));
    }
}

/// Both ends.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Halves([Half; 2]);

impl Halves {
    const NEW: Self = Self([Half::NONE; 2]);

    /// Takes the next segment; `answered` is told the side whose probe was acknowledged, and after how many nanoseconds.
    fn take(&mut self, segment: &Segment, mut answered: impl FnMut(usize, u64)) {
        let side = usize::from(segment.side & 1);
        if self.0[side].is_copy(segment.fingerprint, segment.time) {
            return;
        }
        self.0[side].send(segment);
        if segment.window == 0 && !segment.has(TcpFlags::SYN | TcpFlags::FIN) {
            let count = &mut self.0[side].losses.zero_windows;
            *count = count.saturating_add(1);
        }
        if segment.has(TcpFlags::ACK)
            && let Some(nanos) = self.0[1 - side].acknowledge(segment)
        {
            answered(1 - side, nanos);
        }
    }

    /// The same after these segments, with nothing counted and nothing noted since.
    fn after(log: &[Segment]) -> Self {
        let mut halves = Self::NEW;
        log.iter().for_each(|segment| halves.take(segment, |_, _| {}));
        halves.forget();
        halves
    }

    fn forget(&mut self) {
        for half in &mut self.0 {
            (half.losses, half.advanced, half.has_repeated) = (Losses::NONE, None, false);
            (half.opening, half.entered) = (None, None);
        }
    }
}

/// A TCP flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stream {
    /// Its first segments: what they are hangs on what came before.
    log: ArrayVec<Segment, LOGGED>,
    /// What is known behind them, and what was counted since.
    halves: Option<Box<Halves>>,
    /// Seams at which a part did not fit what came before.
    pub(super) misfits: u64,
}

/// The bytes that a side sent. The service is at the lower port, whoever opened the connection: not every part knows that.
pub(super) fn pair(side: usize, ends: &Ends) -> Pair {
    let (sender, receiver) = (ends[side & 1], ends[1 - (side & 1)]);
    Pair { asker: sender.0, answerer: receiver.0, port: sender.1.min(receiver.1), measure: Measure::Ack }
}

impl Stream {
    pub(super) fn new() -> Self {
        Self { log: ArrayVec::new(), halves: None, misfits: 0 }
    }

    /// Takes the next segment.
    pub(super) fn take(&mut self, segment: &Segment, ends: &Ends, sums: &mut Measures) {
        if self.log.try_push(*segment).is_ok() {
            return;
        }
        let log = &self.log;
        let halves = self.halves.get_or_insert_with(|| Box::new(Halves::after(log)));
        halves.take(segment, |side, nanos| sums.answered(pair(side, ends), nanos));
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, other: &Self, ends: &Ends, sums: &mut Measures) {
        self.misfits = self.misfits.saturating_add(other.misfits);
        other.log.iter().for_each(|segment| self.take(segment, ends, sums));
        let Some(theirs) = &other.halves else { return };
        let (log, mut fresh) = (&self.log, Halves::after(&other.log));
        let mine = self.halves.get_or_insert_with(|| Box::new(Halves::after(log)));
        let now = other.log.last().map_or(Timestamp::UNKNOWN, |segment| segment.time);
        for (side, half) in mine.0.iter_mut().enumerate() {
            let (fresh, mut later) = (&mut fresh.0[side], theirs.0[side].clone());
            let mut fits = later.learn(half, fresh) && half.is_like(fresh, now);
            // What was timed before, and is acknowledged only now.
            let mut probe = later.probe;
            if let Some((end, sent)) = half.probe.filter(|_| half.probe != fresh.probe) {
                match later.advanced {
                    Some((number, time)) if number == end => sums.answered(pair(side, ends), since(time, sent)),
                    Some((number, _)) if is_after(number, end) => {}
                    Some(_) => fits = false,
                    None if !later.has_repeated => probe = half.probe,
                    None => {}
                }
            } else {
                fits &= half.probe == fresh.probe;
            }
            // What was passed over before, and may have been sent since.
            let mut hole = later.hole;
            if half.hole != fresh.hole {
                fits &= !later.has_repeated && fresh.hole.is_none();
                let mut before = Half { acked: later.acked.or(half.acked), losses: Losses::NONE, ..half.clone() };
                if hole.is_some() {
                    before.settle_hole();
                    half.losses.absorb(&before.losses);
                } else {
                    hole = half.hole;
                }
            }
            let mut losses = half.losses;
            losses.absorb(&later.losses);
            let advanced = half.advanced.or(later.advanced.filter(|_| !half.has_repeated));
            let has_repeated = half.has_repeated || later.has_repeated;
            let initial = later.initial.or(half.initial);
            let (opening, entered) = (half.opening.or(later.opening), half.entered.or(later.entered));
            *half = Half { initial, probe, hole, losses, advanced, opening, entered, has_repeated, ..later };
            self.misfits = self.misfits.saturating_add(u64::from(!fits));
        }
    }

    /// Nothing came before it: adds what each end sent to the sums.
    pub(super) fn finish(&self, ends: &Ends, sums: &mut Measures) {
        let mut first = Halves::NEW;
        self.log.iter().for_each(|segment| {
            first.take(segment, |side, nanos| sums.answered(pair(side, ends), nanos));
        });
        for side in 0..2 {
            let mut half = first.0[side].clone();
            if let Some(halves) = &self.halves {
                let mut later = halves.0[side].clone();
                later.losses.absorb(&half.losses);
                half = later;
            }
            half.settle_hole();
            if half.losses != Losses::NONE {
                sums.lost(pair(side, ends), &half.losses);
            }
        }
    }

    pub(super) fn retime(&mut self, retime: Retime) {
        self.log.iter_mut().for_each(|segment| segment.time = retime.apply(segment.time));
        self.halves.iter_mut().flat_map(|halves| &mut halves.0).for_each(|half| half.retime(retime));
    }
}

impl Stored for Segment {
    fn store(&self, to: &mut Vec<u8>) {
        self.time.store(to);
        self.numbers.store(to);
        self.length.store(to);
        self.fingerprint.store(to);
        self.window.store(to);
        (self.flags.0, self.side).store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (time, numbers, length) = from.get()?;
        let (fingerprint, window, (flags, side)): (u32, u16, (u8, u8)) = from.get()?;
        from.expect(side < 2, "a flow has no third end")?;
        Ok(Self { time, numbers, length, fingerprint, window, flags: TcpFlags(flags), side })
    }
}

impl Stored for Stream {
    fn store(&self, to: &mut Vec<u8>) {
        store_list(self.log.iter(), to);
        self.halves.is_some().store(to);
        self.halves.iter().flat_map(|halves| &halves.0).for_each(|half| half.store(to));
        self.misfits.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let log = from.list(LOGGED, "a flow begins with too many segments")?.into_iter().collect();
        let halves = if from.get()? { Some(Box::new(Halves(from.get()?))) } else { None };
        let stream = Self { log, halves, misfits: from.get()? };
        from.expect(stream.halves.is_none() || stream.log.is_full(), "a flow's first segments are missing")?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests;
