//! What the sequence numbers of a TCP flow say of losses (RFC 9293, RFC 5681), one segment after the other.
//!
//! The terms are tshark's: a segment below the highest number that its direction sent is a retransmission, or out of order,
//! or, where all of it was acknowledged before, spurious. tshark tells the first two apart by the time since the highest
//! number, which in a quick stream is always short; here it is known what was passed over, and since when.
//!
//! What a segment is hangs on all that came before it, but mostly on little of that: a few segments later the same is known
//! whatever came before. So of a part of a flow the first segments are kept as they are, and counted when it is known what
//! came before. Where a part's beginning and its continuation do not fit, that is counted.

mod half;
mod holes;

use arrayvec::ArrayVec;

use super::measure::Measure;
use super::since;
use super::sums::{Measures, PairIndex, Places, pair};
use super::watch::FlowKey;
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::state::{Broken, Load, Stored, store_list, stored};
use half::Half;
pub(super) use half::Vain;

/// Nanoseconds within which a segment that fills what was passed over is out of order, not sent again (tshark's default).
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
        let acked = [side, 1 - side].map(|side| self.0[side].acked.is_some());
        if self.0[side].send(segment, acked[1]) {
            self.0[1 - side].follow(segment, acked[0]);
        }
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
            (half.losses, half.advanced, half.has_repeated, half.vain) = (Losses::NONE, None, false, Vain::NONE);
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

/// The bytes that a side sent.
fn spot<'a, E>(side: usize, (ends, places): (&'a E, &'a mut Places)) -> PairIndex<'a, E> {
    PairIndex { measure: Measure::Ack, asker: side, ends, places }
}

impl Stream {
    pub(super) fn new() -> Self {
        Self { log: ArrayVec::new(), halves: None, misfits: 0 }
    }

    /// Takes the next segment.
    pub(super) fn take(
        &mut self,
        segment: &Segment,
        (ends, places): (&impl FlowKey, &mut Places),
        sums: &mut Measures,
    ) {
        if self.log.try_push(*segment).is_ok() {
            return;
        }
        let log = &self.log;
        let halves = self.halves.get_or_insert_with(|| Box::new(Halves::after(log)));
        halves.take(segment, |side, nanos| sums.answered(spot(side, (ends, places)), nanos));
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, other: &Self, (ends, places): (&impl FlowKey, &mut Places), sums: &mut Measures) {
        self.misfits = self.misfits.saturating_add(other.misfits);
        if let (Some(mine), Some(first)) = (&mut self.halves, other.log.first()) {
            let half = &mut mine.0[usize::from(first.side & 1)];
            let is_behind = half.next.is_some_and(|(next, _)| is_after(next, first.numbers[0])) && first.length > 0;
            let is_copy = half.prints.contains(&first.fingerprint);
            self.misfits += u64::from(is_behind && !is_copy && since(first.time, half.recent) < COPY);
            mine.0.iter_mut().for_each(|half| half.large = None);
        }
        other.log.iter().for_each(|segment| self.take(segment, (ends, places), sums));
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
                    Some((number, time)) if number == end => {
                        sums.answered(spot(side, (ends, places)), since(time, sent))
                    }
                    Some((number, _)) if is_after(number, end) => {}
                    Some(_) => fits = false,
                    None if !later.has_repeated => probe = half.probe,
                    None => {}
                }
            } else {
                fits &= half.probe == fresh.probe;
            }
            // What was passed over before, and may have been sent since.
            let mut holes = later.holes.clone();
            if half.holes != fresh.holes {
                // What the later part took for passed over, and came before it.
                let came = fresh.holes.without(&half.holes);
                holes = half.holes.without(&fresh.holes);
                fits &= !later.has_repeated || holes.is_empty() && came.without(&later.holes).is_empty();
                if later.has_repeated {
                    // It may have been filled since: nothing proves that it was not captured.
                    holes.forget();
                }
                let acknowledged = later.acked.or(half.acked).map(|acked| acked.number);
                let uncaptured = holes.extend(&later.holes.without(&came), acknowledged);
                half.losses.uncaptured = half.losses.uncaptured.saturating_add(uncaptured);
            }
            let (mut losses, mut vain) = (half.losses, half.vain);
            losses.absorb(&later.losses);
            vain.absorb(later.vain, later.losses.again);
            let advanced = half.advanced.or(later.advanced.filter(|_| !half.has_repeated));
            let has_repeated = half.has_repeated || later.has_repeated;
            let initial = later.initial.or(half.initial);
            let (opening, entered) = (half.opening.or(later.opening), half.entered.or(later.entered));
            *half = Half { initial, probe, holes, losses, advanced, opening, entered, has_repeated, vain, ..later };
            self.misfits = self.misfits.saturating_add(u64::from(!fits));
        }
    }

    /// Nothing came before it: adds what each end sent to the sums.
    pub(super) fn finish(&self, (ends, places): (&impl FlowKey, &mut Places), sums: &mut Measures) {
        let mut first = Halves::NEW;
        self.log.iter().for_each(|segment| {
            first.take(segment, |side, nanos| sums.answered(spot(side, (ends, places)), nanos));
        });
        let last = self.halves.as_deref().unwrap_or(&first);
        let acked = [0, 1].map(|side| last.0[side].acked.is_some());
        for side in 0..2 {
            let mut half = first.0[side].clone();
            if let Some(halves) = &self.halves {
                let mut later = halves.0[side].clone();
                half.vain.absorb(later.vain, later.losses.again);
                later.losses.absorb(&half.losses);
                half = Half { vain: half.vain, ..later };
            }
            half.settle_holes();
            half.settle_vain(acked[1 - side]);
            if half.losses != Losses::NONE {
                sums.lost(pair(Measure::Ack, side, ends), &half.losses, half.vain.past);
            }
        }
    }

    /// What each end sent again in vain so far, behind the first segments, which [`Stored`] leaves out.
    pub(super) fn vain(&self) -> Option<[Vain; 2]> {
        let halves = self.halves.as_ref()?;
        Some([0, 1].map(|side| halves.0[side].vain)).filter(|both| *both != [Vain::NONE; 2])
    }

    /// Takes over what [`Stream::vain`] gave, if it can be.
    pub(super) fn set_vain(&mut self, both: [Vain; 2]) -> bool {
        let halves = self.halves.as_mut().map(|halves| &mut halves.0);
        halves.map(|halves| halves.iter_mut().zip(both).for_each(|(half, vain)| half.vain = vain)).is_some()
    }
}

stored!(Segment { time, numbers, length, fingerprint, window, flags, side }
    where |segment| segment.side < 2 => "a flow has no third end");

impl Stored for Stream {
    fn store(&self, to: &mut Vec<u8>) {
        store_list(self.log.iter(), to);
        self.halves.is_some().store(to);
        self.halves.iter().flat_map(|halves| &halves.0).for_each(|half| half.store(to));
        self.misfits.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let log = from.list(LOGGED, "a flow begins with too many segments")?;
        let halves = if from.get()? { Some(Box::new(Halves(from.get()?))) } else { None };
        let stream = Self { log, halves, misfits: from.get()? };
        from.expect(stream.halves.is_none() || stream.log.is_full(), "a flow's first segments are missing")?;
        Ok(stream)
    }
}

#[cfg(test)]
mod older;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twice;
