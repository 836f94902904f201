//! What one end of a flow sent that owes an answer, since the other end last sent anything.
//!
//! Kept as times, not as a count, so that parts add up however their frames lie between one another: a capture that a
//! TAP wrote with each direction in a file of its own tells as much as one file.

use smallvec::SmallVec;

use super::packet::content;
use crate::capture::Timestamp;
use crate::protocol::{Repetition, fnv_1a};
use crate::state::stored;

const SECOND: i64 = 1_000_000_000;
/// Nanoseconds after which the same message once more is a repetition: CoAP waits two seconds or more (RFC 7252 section 4.8),
/// BACnet three, TFTP one ([`BLOCK_REPEATED_AFTER`]: RFC 2349).
pub(super) const REPEATED_AFTER: i64 = 2 * SECOND - SECOND / 10;
/// The same of what may be a TFTP transfer.
pub(super) const BLOCK_REPEATED_AFTER: i64 = SECOND - SECOND / 10;
/// The longest pause in nanoseconds after which the same message still counts as a retransmission: CoAP's longest is 24 seconds
/// (RFC 7252 section 4.8), those of BACnet and TFTP are configured, a minute at most. After a longer one it is a new question.
pub(super) const REPEATED_WITHIN: u64 = 100 * SECOND as u64;
/// So often a message is sent again at most: CoAP four times (RFC 7252 section 4.8), BACnet three, TFTP's servers six.
const MOST_REPETITIONS: usize = 7;

/// One packet that owes an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PendingReply {
    /// Effective.
    pub(super) time: Timestamp,
    pub(super) fingerprint: u32,
}

impl PendingReply {
    /// In the fingerprint of a repetition: it is of all that is known of what came first in a part.
    const FIRST: u32 = 1 << 31;

    /// A repetition, by what it says: of a sender that leaves checksums to its network adapter, a capture on its own host shows
    /// the same for all messages of a length.
    pub(super) fn again(time: Timestamp, payload: &[u8]) -> Self {
        // The numbers of all these protocols lie in so much.
        let said = payload.get(..64).unwrap_or(payload);
        Self { time, fingerprint: fnv_1a(said) & !Self::FIRST }
    }

    /// A repetition that came first in a part, of which only its packet's fingerprint is known, between the last one before
    /// it and the first one behind it: it says what the last packet said, which may be known, or will be.
    pub(super) fn again_first(first: Self, last: Timestamp, [before, behind]: [Option<&PendingReplies>; 2]) -> Self {
        let before = before.and_then(|all| all.0.last()).filter(|again| again.time == last);
        let known = before.or_else(|| behind?.0.first());
        let unknown = Self::FIRST | content(first.fingerprint).unwrap_or_default();
        Self { time: first.time, fingerprint: known.map_or(unknown, |known| known.fingerprint) }
    }
}

impl Default for PendingReply {
    fn default() -> Self {
        Self { time: Timestamp::UNKNOWN, fingerprint: 0 }
    }
}

/// What an end sent that waits for an answer: the last of it, as far as it is told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// How many messages, at most 32.
    pub count: u32,
    /// Effective times of the first and the last of them.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many different ones, at least; none where a repetition cannot be told.
    pub different: Option<u32>,
    /// Whether any was sent again.
    pub repeats: bool,
    /// How many of the last say the same, and when the first of these was sent.
    pub alike: (u32, Timestamp),
}

/// Nothing waits.
impl Default for Waiting {
    fn default() -> Self {
        let none = Timestamp::UNKNOWN;
        Self { count: 0, first: none, last: none, different: Some(0), repeats: false, alike: (0, none) }
    }
}

impl Waiting {
    /// Whether the same was sent again and again: each message twice, on average.
    pub fn is_repeated(&self) -> bool {
        self.count > 0 && self.different.is_some_and(|different| different.saturating_mul(2) <= self.count)
    }

    /// Of them those at the end that say the same.
    pub fn at_last(self) -> Self {
        let (count, first) = self.alike;
        Self { count, first, different: Some(count.min(1)), ..self }
    }

    /// Whether ever new ones were sent, and none again.
    pub fn goes_on(&self) -> bool {
        self.count > 1 && self.different.is_some() && !self.repeats
    }
}

/// What an end sent again and again though it was answered, or may have been, without a message between that it sent once or twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Repeated {
    /// Repetitions of these, at most 32.
    pub all: u32,
    /// How many messages were sent at least three times, at the end.
    pub messages: u32,
    /// How often in all.
    pub sent: u32,
    /// Effective time of the first repetition of these.
    pub first: Timestamp,
    /// The same of the last.
    pub last: Timestamp,
    /// Whether that took most of the time.
    pub mostly: bool,
    /// Whether each came after a longer pause than the one before, as nothing but repetitions do.
    pub doubles: bool,
}

impl Repeated {
    /// Nothing.
    pub const NONE: Self = Self {
        all: 0,
        messages: 0,
        sent: 0,
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        mostly: false,
        doubles: false,
    };
}

/// The last [`PendingReplies::LIMIT`] of them, in the order of time. Mostly few: these need no room elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct PendingReplies(SmallVec<[PendingReply; 4]>);

impl PendingReplies {
    /// So many are told apart: of more it is only known that they are more.
    pub(super) const LIMIT: usize = 32;

    pub(super) fn of(owed: PendingReply) -> Self {
        Self(SmallVec::from_iter([owed]))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many there are, at most [`PendingReplies::LIMIT`].
    pub(super) fn len(&self) -> usize {
        self.0.len().min(Self::LIMIT)
    }

    /// How many there are after a time, at most [`PendingReplies::LIMIT`].
    pub(super) fn after(&self, time: Timestamp) -> usize {
        self.0.iter().rev().take(Self::LIMIT).take_while(|owed| owed.time > time).count()
    }

    pub(super) fn last(&self) -> Option<PendingReply> {
        self.0.last().copied()
    }

    /// What they are.
    pub(super) fn waiting(&self) -> Waiting {
        let last = self.0.get(self.0.len().saturating_sub(Self::LIMIT)..).unwrap_or_default();
        let (Some(first), Some(latest)) = (last.first(), last.last()) else { return Waiting::default() };
        let contents: Option<SmallVec<[u32; Self::LIMIT]>> =
            last.iter().map(|owed| content(owed.fingerprint)).collect();
        let repeats = contents.as_ref().is_none_or(|contents| repeats(contents, last));
        let run = contents
            .as_ref()
            .map_or(0, |contents| contents.iter().rev().take_while(|told| Some(*told) == contents.last()).count());
        let alike = (run as u32, last.get(last.len() - run).map_or(Timestamp::UNKNOWN, |owed| owed.time));
        let different = contents.map(|mut contents| {
            contents.sort_unstable();
            contents.dedup();
            contents.len() as u32
        });
        Waiting { count: last.len() as u32, first: first.time, last: latest.time, different, repeats, alike }
    }

    /// Of repetitions, those of the last messages that were sent at least three times each, as a protocol repeats.
    pub(super) fn repeated(&self, how: Repetition) -> Repeated {
        let last = self.0.get(self.0.len().saturating_sub(Self::LIMIT)..).unwrap_or_default();
        let mut told = Repeated { doubles: how == Repetition::Doubling, ..Repeated::NONE };
        let (mut end, mut lasted) = (last.len(), 0_i64);
        while let Some(run) = last.get(..end).and_then(last_run).filter(|run| is_as_repeated(run, how)) {
            let [first, until] = [run[0].time, run[run.len() - 1].time];
            // A client with one number for all that it asks says the same again.
            told.messages += u32::from(last.get(end).is_none_or(|next| !say_the_same(&run[run.len() - 1], next)));
            told.all += run.len() as u32;
            told.sent += run.len() as u32 + 1;
            (told.first, told.last) = (first, told.last.max(until));
            lasted = lasted.saturating_add(until.raw().saturating_sub(first.raw()));
            end -= run.len();
        }
        if told.messages == 0 {
            return Repeated::NONE;
        }
        told.mostly = lasted >= told.last.raw().saturating_sub(told.first.raw()) / 2;
        told
    }

    /// Adds a packet, mostly the latest.
    pub(super) fn push(&mut self, owed: PendingReply) {
        let at = self.0.iter().rposition(|known| *known <= owed).map_or(0, |before| before + 1);
        self.0.insert(at, owed);
        // Twice as many are let in before half are let go, so that a long run is not moved with every packet.
        if self.0.len() == 2 * Self::LIMIT {
            self.0.drain(..Self::LIMIT);
        }
    }

    /// Takes out what an answer at `time` may have answered.
    pub(super) fn answered(&mut self, time: Timestamp) {
        self.0.retain(|owed| owed.time > time);
    }

    /// Takes out a packet that turned out to be a copy.
    pub(super) fn forget(&mut self, time: Timestamp, fingerprint: u32) {
        self.0.retain(|owed| *owed != PendingReply { time, fingerprint });
    }

    /// Adds another trail; what lies within `window` nanoseconds of its like is a copy of it.
    pub(super) fn absorb(&mut self, other: &Self, window: impl Fn(u32) -> u64) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        self.0.extend(other.0.iter().copied());
        self.0.sort_unstable();
        self.leave_out_copies(window);
        let beyond = self.0.len().saturating_sub(Self::LIMIT);
        self.0.drain(..beyond);
    }

    /// Takes out what lies within `window` nanoseconds of its like.
    pub(super) fn leave_out_copies(&mut self, window: impl Fn(u32) -> u64) {
        if self.0.len() < 2 {
            return;
        }
        let mut kept: SmallVec<[PendingReply; 4]> = SmallVec::new();
        for owed in self.0.drain(..) {
            let is_copy = |known: &&PendingReply| {
                known.fingerprint == owed.fingerprint
                    && known.time.raw().abs_diff(owed.time.raw()) <= window(owed.fingerprint)
            };
            if owed.fingerprint == 0 || !kept.iter().rev().take(Self::LIMIT).any(|known| is_copy(&known)) {
                kept.push(owed);
            }
        }
        self.0 = kept;
    }
}

/// The last of some repetitions that say the same. Who begins anew with the same number is told by the pause.
fn last_run(owed: &[PendingReply]) -> Option<&[PendingReply]> {
    let gap = |at: usize| gap(owed, at);
    let mut begin = owed.len().checked_sub(1)?;
    while let Some(before) = begin.checked_sub(1)
        && say_the_same(&owed[before], &owed[begin])
        && before.checked_sub(1).is_none_or(|first| gap(before) <= gap(first).max(REPEATED_AFTER).saturating_mul(4))
    {
        begin = before;
    }
    Some(&owed[begin..])
}

/// Whether these are the repetitions of one message: two at least, and no more than a protocol makes of it.
fn is_as_repeated(run: &[PendingReply], how: Repetition) -> bool {
    let gaps = || (0..run.len() - 1).map(|at| gap(run, at));
    let doubles = || gaps().zip(gaps().skip(1)).all(|(one, next)| next.saturating_mul(2) >= one.saturating_mul(3));
    (2..=MOST_REPETITIONS).contains(&run.len())
        && match how {
            // One pause tells nothing.
            Repetition::Doubling => run.len() > 2 && gaps().all(|gap| gap >= 2 * SECOND) && doubles(),
            Repetition::Regular => gaps().all(|gap| gap >= 2 * SECOND),
            Repetition::OfBlock => true,
        }
}

/// Whether two repetitions are of one message, as far as is known.
fn say_the_same(one: &PendingReply, other: &PendingReply) -> bool {
    let is_of_packet = [one, other].map(|again| again.fingerprint & PendingReply::FIRST != 0);
    is_of_packet[0] != is_of_packet[1] || one.fingerprint == other.fingerprint
}

/// Nanoseconds from one to the next.
fn gap(owed: &[PendingReply], at: usize) -> i64 {
    match (owed.get(at), owed.get(at + 1)) {
        (Some(one), Some(next)) => next.time.raw().saturating_sub(one.time.raw()),
        _ => 0,
    }
}

/// Whether one of some messages was sent again. Three alike in a row are. Two may be new ones with one number and the next
/// ([`content`]): a repetition comes sooner than what is sent at regular times, and what follows it is later.
fn repeats(contents: &[u32], owed: &[PendingReply]) -> bool {
    let is_like = |at: usize| contents.get(at).is_some() && contents.get(at) == contents.get(at + 1);
    let gap = |at: usize| gap(owed, at);
    let is_soon = |at: usize| {
        let around = at.checked_sub(1).map_or(0, gap).max(gap(at + 1));
        around == 0 || gap(at).saturating_mul(4) < around.saturating_mul(3)
    };
    (0..contents.len()).any(|at| is_like(at) && (is_like(at + 1) || is_soon(at)))
}

stored!(PendingReply { time, fingerprint });

stored!(PendingReplies(trail: list(2 * Self::LIMIT, "a trail is too long"))
    where |trail| trail.0.is_sorted() => "a trail is not in its order");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trail(times: impl IntoIterator<Item = i64>) -> PendingReplies {
        let mut trail = PendingReplies::default();
        let owed = |time| PendingReply { time: Timestamp::from_nanos(time), fingerprint: 0 };
        times.into_iter().for_each(|time| trail.push(owed(time)));
        trail
    }

    fn told(trail: &PendingReplies) -> Vec<i64> {
        trail.0[trail.0.len() - trail.len()..].iter().map(|owed| owed.time.raw()).collect()
    }

    proptest! {
        /// Dealt out to two parts in any way, and answered at any time, they tell what one part tells.
        #[test]
        fn parts_add_up_in_any_interleaving(times in prop::collection::vec((0..500_i64, any::<bool>()), 0..150), answer in 0..500_i64) {
            let of = |part: bool| trail(times.iter().filter(|(_, of)| *of == part).map(|(time, _)| *time));
            let (mut whole, mut sum) = (trail(times.iter().map(|(time, _)| *time)), of(false));
            sum.absorb(&of(true), |_| 0);
            prop_assert_eq!(told(&sum), told(&whole));
            for trail in [&mut sum, &mut whole] {
                trail.answered(Timestamp::from_nanos(answer));
            }
            prop_assert_eq!(told(&sum), told(&whole));
        }
    }

    #[test]
    fn a_repetition_is_told_from_new_messages_with_numbers_in_a_row() {
        let waiting = |messages: &[(i64, u32)]| {
            let mut trail = PendingReplies::default();
            // Each packet has an identification of its own; a checksum falls by one where a number rises by one.
            for (at, (time, number)) in (1..).zip(messages) {
                let fingerprint = super::super::packet::fingerprint(at, 0x5000 - *number as u16, None, b"");
                trail.push(PendingReply { time: Timestamp::from_nanos(*time), fingerprint });
            }
            trail.waiting()
        };
        for (messages, goes_on, is_repeated) in [
            (&[(0, 1), (10, 2), (20, 3), (30, 4), (40, 5)][..], true, false),
            (&[(0, 2), (10, 3), (20, 4), (30, 5), (40, 6)], true, false),
            (&[(0, 1), (2, 1), (6, 1), (14, 1), (30, 1)], false, true),
            (&[(0, 1), (2, 1), (10, 2), (12, 2), (20, 3), (22, 3)], false, true),
            (&[(0, 7), (10, 11), (20, 17), (30, 17), (40, 17)], false, false),
            (&[(0, 1)], false, false),
            (&[(0, 1), (1, 1)], false, true),
        ] {
            let waiting = waiting(messages);
            assert_eq!((waiting.goes_on(), waiting.is_repeated()), (goes_on, is_repeated), "{messages:?}");
            assert_eq!((waiting.count as usize, waiting.last.raw()), (messages.len(), messages[messages.len() - 1].0));
        }
        // Without a checksum, or an identification, nothing is known.
        let mut trail = PendingReplies::of(PendingReply { time: Timestamp::from_nanos(1), fingerprint: 0 });
        trail.push(PendingReply { time: Timestamp::from_nanos(2), fingerprint: 0 });
        assert!(!trail.waiting().goes_on() && !trail.waiting().is_repeated());
    }

    #[test]
    fn messages_that_are_sent_as_a_protocol_repeats_them_are_counted() {
        // Seconds and numbers of what was sent once more.
        let repeated = |how, messages: &[(i64, u32)]| {
            let again = |(time, number): &(i64, u32)| PendingReply {
                time: Timestamp::from_nanos(time * SECOND),
                fingerprint: *number,
            };
            let told = PendingReplies(messages.iter().map(again).collect()).repeated(how);
            (told.messages, told.sent, told.first.raw() / SECOND, told.mostly)
        };
        let (coap, bacnet) = (Repetition::Doubling, Repetition::Regular);
        let none = (0, 0, Timestamp::UNKNOWN.raw() / SECOND, false);
        for (how, messages, told) in [
            (coap, &[(2, 1), (7, 1), (17, 1), (36, 1)][..], (1, 5, 2, true)),
            (coap, &[(2, 1), (7, 1), (17, 1), (36, 1), (72, 2), (77, 2), (87, 2), (106, 2)], (2, 10, 2, true)),
            // Between them it was answered for an hour.
            (coap, &[(2, 1), (7, 1), (17, 1), (3600, 2), (3605, 2), (3615, 2)], (2, 8, 2, false)),
            // What came first in a part.
            (coap, &[(2, 1), (7, PendingReply::FIRST | 5), (17, 1), (36, 1)], (1, 5, 2, true)),
            (coap, &[(2, 1), (7, 1), (72, 2), (77, 2)], none),
            // The last was lost once.
            (coap, &[(2, 1), (7, 1), (17, 1), (72, 2)], none),
            // Asked at regular times, or by chance, with one number for all.
            (coap, &[(10, 1), (20, 1), (30, 1), (40, 1)], none),
            (coap, &[(1, 1), (3, 1), (4, 1), (9, 1)], none),
            (bacnet, &[(3, 1), (6, 1), (9, 1)], (1, 4, 3, true)),
            (bacnet, &[(3, 1), (6, 1), (9, 1), (15, 2), (18, 2), (21, 2)], (2, 8, 3, true)),
            // A client begins anew with the same number.
            (bacnet, &[(3, 1), (6, 1), (9, 1), (60, 1), (63, 1), (66, 1)], (1, 8, 3, false)),
            (bacnet, &[(3, 1), (6, 1), (9, 1), (12, 1), (15, 1), (18, 1), (21, 1), (24, 1)], none),
        ] {
            assert_eq!(repeated(how, messages), told, "{messages:?}");
        }
    }

    #[test]
    fn a_copy_in_another_part_is_not_counted_twice() {
        let once =
            |time, fingerprint| PendingReplies::of(PendingReply { time: Timestamp::from_nanos(time), fingerprint });
        let mut sum = once(10, 7);
        sum.absorb(&once(12, 7), |_| 5);
        sum.absorb(&once(14, 8), |_| 5);
        assert_eq!(sum.len(), 2);
        sum.absorb(&once(30, 7), |_| 5);
        assert_eq!(sum.len(), 3);
    }
}
