//! One direction of a TCP flow, segment after segment.

use super::holes::{Hole, Holes};
use super::{COPY, COPY_COUNTED, DISORDER, FAST, Losses, PRINTS, Segment, is_after, since};
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::state::stored;

/// The highest acknowledgment of a direction's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Acked {
    pub(super) number: u32,
    pub(super) window: u16,
    pub(super) time: Timestamp,
}

stored!(Acked { number, window, time });

/// What one end sent, and how the other acknowledged it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Half {
    /// Sequence number of its SYN.
    pub(super) initial: Option<u32>,
    /// Behind the highest number sent, and when that was sent; unknown where only a bare acknowledgment told it.
    pub(super) next: Option<(u32, Timestamp)>,
    pub(super) acked: Option<Acked>,
    /// Duplicate acknowledgments in a row.
    pub(super) duplicates: u8,
    pub(super) prints: [u32; PRINTS],
    /// When the last of them was sent.
    pub(super) recent: Timestamp,
    /// The first segment of a flight, which is timed: behind its last number, and when it was sent.
    pub(super) probe: Option<(u32, Timestamp)>,
    /// Numbers that were passed over and not seen since.
    pub(super) holes: Holes,
    pub(super) losses: Losses,
    /// The first acknowledgment after the log that advances, or the first of all: it may acknowledge a segment of an earlier
    /// part. Without a time it is the one before, known to be followed by others.
    pub(super) advanced: Option<(u32, Timestamp)>,
    /// Its window, where it is the first of all, bare: it may be a duplicate.
    pub(super) opening: Option<u16>,
    /// The first number of this end behind the log, where none of it is in there, and whether it begins a flight if all that was
    /// sent before is acknowledged.
    pub(super) entered: Option<(u32, bool)>,
    /// Whether something was sent again since the log: of what came before, too.
    pub(super) has_repeated: bool,
    pub(super) vain: Vain,
    /// The last segment that no frame of Ethernet holds: its numbers, and when it was sent. No state and no other part knows it.
    pub(super) large: Option<(u32, u32, Timestamp)>,
}

/// SYNs, SYN-ACKs and FINs retransmitted without an answer: not counted as losses, because the peer may be off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::health) struct Vain {
    /// The number of the segment that was sent again last, and how often without another between, or within a part's beginning.
    run: Option<(u32, u64)>,
    /// Segments of connections that ended so, and of these the ones that were sent again.
    pub(super) past: [u64; 2],
}

stored!(Vain { run, past });

impl Vain {
    pub(super) const NONE: Self = Self { run: None, past: [0; 2] };

    fn again(&mut self, from: u32) {
        let before = self.run.filter(|(last, _)| *last == from).map_or(0, |(_, times)| times);
        self.run = Some((from, before.saturating_add(1)));
    }

    /// Adds what came later, of which so many segments were sent again.
    pub(super) fn absorb(&mut self, later: Self, again: u64) {
        self.past = [0, 1].map(|at| self.past[at].saturating_add(later.past[at]));
        self.run = match (self.run, later.run) {
            (Some((from, times)), Some((same, more))) if from == same && more == again => {
                Some((from, times.saturating_add(more)))
            }
            (before, None) => before,
            (_, last) => last,
        };
    }
}

stored!(Half {
    initial,
    next,
    acked,
    duplicates,
    prints,
    recent,
    probe,
    holes,
    losses,
    advanced,
    opening,
    entered,
    has_repeated;
    ..Self::NONE
});

/// Bytes that TCP sends in a frame of Ethernet at most; a network card cuts longer segments into such, and joins them.
const LONGEST: u32 = 1460;
/// Nanoseconds after which a SYN that comes again behind what it opened opens another connection, or the same in a capture that
/// holds it twice: queues and mirrors are quicker.
const ANEW: u64 = 1_000_000_000;

/// Packets of a sender that counts them, of which one may be ahead of another: the bytes of a window, and others' between them.
const AHEAD: u32 = 512;

/// Whether a sender that counts its packets sent one before another, by their fingerprints: what is sent again has a number of
/// its own.
const fn is_sent_before(one: u32, other: u32) -> bool {
    let ahead = (other >> 16).wrapping_sub(one >> 16) & 0xffff;
    one & other & 1 != 0 && 0 < ahead && ahead < AHEAD
}

impl Half {
    pub(super) const NONE: Self = Self {
        initial: None,
        next: None,
        acked: None,
        duplicates: 0,
        prints: [0; PRINTS],
        recent: Timestamp::UNKNOWN,
        probe: None,
        holes: Holes::NONE,
        losses: Losses::NONE,
        advanced: None,
        opening: None,
        entered: None,
        has_repeated: false,
        vain: Vain::NONE,
        large: None,
    };

    /// Whether a segment is a copy of one of the last.
    pub(super) fn is_copy(&mut self, fingerprint: u32, time: Timestamp) -> bool {
        let gap = since(time, self.recent);
        for print in &mut self.prints {
            // Or a burst that is sent again would be taken for copies, but for its first segment.
            if gap > if *print & 1 != 0 { COPY_COUNTED } else { COPY } {
                *print = 0;
            }
        }
        if fingerprint != 0 && self.prints.contains(&fingerprint) {
            return true;
        }
        self.recent = time;
        // The mark of a segment that overtook others is kept while those it overtook arrive.
        let [oldest, ref others @ ..] = self.prints;
        if is_sent_before(fingerprint, oldest) && others.iter().all(|other| is_sent_before(*other, oldest)) {
            self.prints.swap(0, 1);
        }
        self.prints.rotate_left(1);
        self.prints[PRINTS - 1] = fingerprint;
        false
    }

    /// Bytes that were acknowledged and never seen were not captured.
    pub(super) fn settle_holes(&mut self) {
        let uncaptured = self.holes.settle(self.acked.map(|acked| acked.number));
        self.losses.uncaptured = self.losses.uncaptured.saturating_add(uncaptured);
    }

    fn pass_over(&mut self, from: u32, to: u32, opened: Timestamp) {
        let uncaptured = self.holes.open(Hole { from, to, opened }, self.acked.map(|acked| acked.number));
        self.losses.uncaptured = self.losses.uncaptured.saturating_add(uncaptured);
    }

    /// Whether two duplicate acknowledgments asked for a number just now.
    fn is_asked_for(&self, from: u32, time: Timestamp) -> bool {
        self.duplicates >= 2 && self.acked.is_some_and(|acked| acked.number == from && since(time, acked.time) < FAST)
    }

    /// Whether a segment is the same as was just sent, captured on the other side of the network card, which cuts long segments
    /// into parts, joins them, and works checksums out: nobody sends again so soon what was not asked for.
    fn is_beside_the_card(&self, (from, to): (u32, u32), segment: &Segment) -> bool {
        let is_now = |sent: Timestamp| since(segment.time, sent) < COPY;
        let length = |from: u32, to: u32| to.wrapping_sub(from);
        let is_part = self.large.is_some_and(|(first, end, sent)| {
            is_now(sent) && !is_after(first, from) && !is_after(to, end) && length(from, to) < length(first, end)
        });
        let is_seen = self.next.is_some_and(|(next, sent)| !is_after(to, next) && is_now(sent));
        let is_joined = || length(from, to) > LONGEST && self.holes.are_none_from(from);
        (is_part || is_seen && (self.has_number_of(segment.fingerprint) || is_joined()))
            && !self.is_asked_for(from, segment.time)
    }

    /// Whether one of the last segments had the number of this one, as its sender counts packets.
    fn has_number_of(&self, fingerprint: u32) -> bool {
        let is_same = |print: &&u32| (**print ^ fingerprint) >> 16 == 0 && **print & fingerprint & 1 != 0;
        fingerprint >> 16 != 0 && self.prints.iter().filter(is_same).count() > 1
    }

    /// Whether a SYN opens what it opened before once more, though that went on for long: the same number is chosen by who starts
    /// anew, and by a capture that holds it twice.
    fn is_anew(&self, (from, time): (u32, Timestamp)) -> bool {
        let opened = from.wrapping_add(1);
        self.next.is_some_and(|(next, sent)| is_after(next, opened) && since(time, sent) >= ANEW)
            && self.acked.is_some_and(|acked| !is_after(opened, acked.number))
    }

    /// A segment below the highest number: what it is.
    pub(super) fn again(&mut self, (from, to): (u32, u32), segment: &Segment) {
        let time = segment.time;
        let Some((next, sent)) = self.next else { return };
        let filled = self.holes.fill(from, to);
        (self.probe, self.has_repeated) = (None, true);
        let is_asked_for = self.is_asked_for(from, time);
        let losses = &mut self.losses;
        let is_spurious = segment.length > 0 && self.acked.is_some_and(|acked| !is_after(to, acked.number));
        let is_late = match filled {
            Some(opened) => since(time, opened) >= DISORDER,
            // All of it was seen before.
            None if self.holes.are_all() => true,
            None => sent == Timestamp::UNKNOWN || since(time, sent) >= DISORDER || to == next,
        };
        let is_overtaken = self.prints.iter().any(|print| is_sent_before(segment.fingerprint, *print));
        let count = if is_spurious {
            &mut losses.spurious
        } else if !is_overtaken && (is_asked_for || is_late) {
            losses.bytes_again = losses.bytes_again.saturating_add(to.wrapping_sub(from).into());
            self.vain.again(from);
            &mut losses.again
        } else {
            &mut losses.disordered
        };
        *count = count.saturating_add(1);
    }

    /// Whether a SYN was sent before what is known of its connection: two queues of an interface write less than a second out
    /// of order.
    fn is_behind(&self, initial: u32, time: Timestamp) -> bool {
        const QUEUES: i64 = 1_000_000_000;
        self.initial.is_none()
            && self.next.is_some_and(|(next, sent)| {
                let early = sent.nanos().zip(time.nanos()).map_or(0, |(sent, time)| sent.saturating_sub(time));
                is_after(next, initial) && (1..QUEUES).contains(&early)
            })
    }

    /// Whether the other end takes no more than what came before a number: what is sent all the same asks whether that is still so
    /// (RFC 9293 section 3.8.6.1).
    fn is_closed(&self, number: u32) -> bool {
        self.acked.is_some_and(|acked| (acked.number, acked.window) == (number, 0))
    }

    /// Whether all that was sent is acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        matches!((self.next, self.acked), (Some((next, _)), Some(acked)) if acked.number == next)
    }

    /// The connection is over: what was sent again last was in vain if it was never acknowledged, or opened none, which the other
    /// end's acknowledged SYN says. Where nothing of the other end was captured nobody knows.
    pub(super) fn settle_vain(&mut self, is_taken_up: bool) {
        let Some((from, times)) = self.vain.run.take() else { return };
        let opens = self.initial == Some(from);
        let is_acknowledged = self.acked.map(|acked| is_after(acked.number, from));
        // Of data it is known that the other end was there: it took what came before.
        let finishes = self.next.is_some_and(|(next, _)| next == from.wrapping_add(1));
        if if opens {
            !is_taken_up || is_acknowledged != Some(true)
        } else {
            finishes && is_acknowledged == Some(false)
        } {
            for (past, more) in self.vain.past.iter_mut().zip([times.saturating_add(opens.into()), times]) {
                *past = past.saturating_add(more);
            }
        }
    }

    /// What comes is of another connection on the same ports.
    fn leave(&mut self, is_taken_up: bool) {
        self.settle_holes();
        self.settle_vain(is_taken_up);
        (self.initial, self.next, self.acked) = (None, None, None);
        (self.duplicates, self.probe) = (0, None);
    }

    /// The other end opens another connection: what is known of this end is of the one before, unless it is what is answered.
    pub(super) fn follow(&mut self, opens: &Segment, is_taken_up: bool) {
        if !opens.has(TcpFlags::ACK) || self.initial != Some(opens.numbers[1].wrapping_sub(1)) {
            self.leave(is_taken_up);
            self.has_repeated = true;
        }
    }

    /// Whether nothing is known of this end's connection but its SYN: what is acknowledged besides is of an older one on the same
    /// ports, which the other end has not forgotten (RFC 9293 section 3.5.3, RFC 5961 section 4.2). More and more is not.
    fn is_older(&self, segment: &Segment) -> bool {
        let number = segment.numbers[1];
        segment.taken() == 0
            && self.opened().is_some_and(|opened| opened != number)
            && self.acked.is_none_or(|acked| acked.number == number)
    }

    /// Behind this end's SYN, where nothing else of it is known.
    fn opened(&self) -> Option<u32> {
        let opened = self.initial?.wrapping_add(1);
        self.next.is_some_and(|(next, _)| next == opened).then_some(opened)
    }

    /// Forgets the acknowledgment of an older connection.
    fn forget_older(&mut self) {
        let opened = self.opened();
        self.acked = self.acked.filter(|acked| opened.is_none_or(|opened| !is_after(acked.number, opened)));
    }

    /// Takes the numbers that a segment of this end takes up; whether anything of the other end was acknowledged. Says whether it
    /// opens another connection.
    pub(super) fn send(&mut self, segment: &Segment, is_taken_up: bool) -> bool {
        let is_open = segment.has(TcpFlags::SYN);
        let [from, _] = segment.numbers;
        if is_open && self.is_behind(from, segment.time) {
            // It opened what is known already, and stands later in the file than it was sent.
            self.initial = Some(from);
            self.losses.segments = self.losses.segments.saturating_add(1);
            return false;
        }
        let is_another = is_open && (self.initial != Some(from) || self.is_anew((from, segment.time)));
        if is_another {
            self.leave(is_taken_up);
            self.initial = Some(from);
        } else if !is_open {
            self.forget_older();
        }
        self.take_up(segment);
        is_another
    }

    fn take_up(&mut self, segment: &Segment) {
        let ([from, _], taken, time) = (segment.numbers, segment.taken(), segment.time);
        if self.next.is_none() {
            self.entered.get_or_insert((from, taken > 0 && self.acked.is_none()));
        }
        if taken == 0 {
            self.next.get_or_insert((from, Timestamp::UNKNOWN));
            return;
        }
        let to = from.wrapping_add(taken);
        if self.is_beside_the_card((from, to), segment) {
            return;
        }
        if segment.length > LONGEST {
            self.large = Some((from, to, time));
        }
        self.losses.segments = self.losses.segments.saturating_add(1);
        self.losses.bytes = self.losses.bytes.saturating_add(segment.length.into());
        if segment.length == 1 && self.is_closed(from) {
            self.next.get_or_insert((from, Timestamp::UNKNOWN));
            return;
        }
        let Some((next, _)) = self.next else {
            // Whatever came before it is acknowledged: it begins a flight, unless more was sent before than is known.
            self.probe = self.acked.filter(|acked| acked.number == from).map(|_| (to, time));
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
            self.pass_over(next, from, time);
        } else if self.is_idle() {
            self.probe = Some((to, time));
        }
        self.next = Some((to, time));
    }

    /// Takes an acknowledgment of what this end sent. Gives the time of the probe that it acknowledges.
    pub(super) fn acknowledge(&mut self, segment: &Segment) -> Option<u64> {
        let (number, time) = (segment.numbers[1], segment.time);
        let new = Acked { number, window: segment.window, time };
        if self.is_older(segment) {
            self.acked = Some(new);
            return None;
        }
        self.forget_older();
        // A byte that a closed window does not take was no more than a question, also where a part begins with it.
        if segment.window == 0
            && let Some((next, _)) = &mut self.next
            && *next == number.wrapping_add(1)
        {
            (*next, self.probe) = (number, None);
        }
        if let Some((next, sent)) = self.next
            && is_after(number, next)
        {
            // A keep-alive without a byte stands one number below what was sent (RFC 9293 section 3.8.4), the byte of who asks
            // whether a window is still closed behind it.
            let is_keep_alive = (sent == Timestamp::UNKNOWN || self.is_closed(next)) && number == next.wrapping_add(1);
            // What was acknowledged was sent, and not captured, if it does not come yet, out of order.
            if !is_keep_alive {
                self.pass_over(next, number, time);
            }
            self.next = Some((number, if is_keep_alive { sent } else { time }));
        }
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
    pub(super) fn is_like(&self, other: &Self, now: Timestamp) -> bool {
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
        // More than two tell no more (RFC 5681 section 3.2).
        next && acked && self.duplicates.min(2) == other.duplicates.min(2)
    }

    /// Gives a part that begins without it what is known before: `self` is that part behind its log, which knows `fresh`.
    /// Whether that fits.
    pub(super) fn learn(&mut self, before: &Self, fresh: &mut Self) -> bool {
        let mut fits = true;
        if let (Some((next, _)), None) = (before.next, fresh.next) {
            match self.entered {
                None => {
                    self.next = before.next;
                    // What was acknowledged beyond it was sent, and not captured.
                    fits &= self.acked.is_none_or(|acked| !is_after(acked.number, next));
                }
                Some((entered, may_begin)) => fits &= entered == next && !(may_begin && before.is_idle()),
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
                    let is_last = self.acked.is_some_and(|last| last.number == number);
                    if self.opening == Some(acked.window) {
                        self.losses.duplicate_acks = self.losses.duplicate_acks.saturating_add(1);
                        let more = if is_last { before.duplicates.saturating_add(1) } else { 0 };
                        self.duplicates = self.duplicates.saturating_add(more);
                    }
                    // Where any went on, it is not known which one was the first.
                    self.advanced = (!is_last).then_some((number, Timestamp::UNKNOWN));
                }
                Some((number, _)) => fits &= is_after(number, acked.number),
            }
            (fresh.acked, fresh.duplicates) = (before.acked, before.duplicates);
        }
        fits
    }
}
