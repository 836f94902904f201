//! The last messages of a flow, and what one more turns out to be beside them.
//!
//! What a message is hangs on itself and the [`WINDOW`] messages before it, on nothing else. So parts of a flow add up
//! exactly: of each part the first messages are kept until it is known what came before them, and the last ones for what
//! comes after.

use super::measure::{Measure, Outcome};
use crate::capture::Timestamp;
use crate::state::{Broken, Load, Stored};

/// So many messages back an answer finds its question.
pub const WINDOW: usize = 5;

/// Nanoseconds within which the same message is a copy, as mirrors make them: no protocol repeats one so soon (RFC 7252
/// section 4.8: two seconds; ANSI/ASHRAE 135 clause 5.3: three; RFC 1035 section 4.2.1: two or more).
const COPY: u64 = 50_000_000;
/// Nanoseconds after which a question is sent again because its answer is missing; who is quicker is impatient, whatever was lost.
pub(super) const PATIENCE: u64 = 500_000_000;

/// Bytes of a TFTP block where nothing else was agreed upon (RFC 1350 section 2).
const USUAL_BLOCK: u32 = 512;

/// What a message does. TCP's handshake has acts of its own: a SYN-ACK answers and asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Act {
    Ask = 0,
    Answer = 1,
    /// SYN, by its sequence number plus 1.
    Open = 2,
    /// SYN-ACK, by its acknowledgment number.
    Accept = 3,
    /// The first segment of the client behind a SYN-ACK.
    Acknowledge = 4,
}

impl Act {
    const ALL: [Self; 5] = [Self::Ask, Self::Answer, Self::Open, Self::Accept, Self::Acknowledge];

    fn of(code: u32) -> Option<Self> {
        Self::ALL.get(code as usize).copied()
    }

    /// What answers it, and the bits of its identifier that an answer has: the upper half; a SYN-ACK acknowledges all of a SYN's.
    const fn reply(self) -> (Self, u32) {
        if matches!(self, Self::Open) { (Self::Accept, u32::MAX) } else { (Self::Answer, 0xffff_0000) }
    }
}

/// The places of the bits that are set, ascending.
fn each(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        at
    })
}

/// The place of the last bit that is set.
fn last(bits: u32) -> Option<usize> {
    bits.checked_ilog2().map(|at| at as usize)
}

/// One message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) time: Timestamp,
    /// Which end of the flow sent it.
    pub(super) side: u8,
    pub(super) act: Act,
    pub(super) id: u32,
}

impl Message {
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.side, self.act, self.id) == (other.side, other.act, other.id)
    }

    /// Nanoseconds since an earlier one; none if the clock says that it was later.
    pub(super) fn since(&self, earlier: Timestamp) -> Option<u64> {
        u64::try_from(self.time.nanos()?.checked_sub(earlier.nanos()?)?).ok()
    }

    /// Whether it may answer a question: by the upper half of its identifier; a SYN-ACK acknowledges all of a SYN's.
    fn answers(&self, question: &Self) -> bool {
        self.side != question.side
            && match (self.act, question.act) {
                (Act::Answer, Act::Ask) => self.id >> 16 == question.id >> 16,
                (Act::Accept, Act::Open) => self.id == question.id,
                _ => false,
            }
    }
}

/// The last messages of a flow, or its first: 64 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Window {
    times: [Timestamp; WINDOW],
    ids: [u32; WINDOW],
    /// Four bits of each message, its side and what it does; above them how many there are.
    kinds: u32,
}

/// Bits of a message in [`Window::kinds`].
const BITS: usize = 4;
/// Where in [`Window::kinds`] the number of messages stands.
const LENGTH: usize = BITS * WINDOW;

impl Window {
    pub(super) const EMPTY: Self = Self { times: [Timestamp::UNKNOWN; WINDOW], ids: [0; WINDOW], kinds: 0 };

    pub(super) const fn len(&self) -> usize {
        (self.kinds >> LENGTH) as usize
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len() >= WINDOW
    }

    pub(super) fn get(&self, at: usize) -> Message {
        let at = at % WINDOW;
        let kind = self.kinds >> (BITS * at);
        let act = Act::of(kind >> 1 & 7).unwrap_or(Act::Ask);
        Message { time: self.times[at], side: (kind & 1) as u8, act, id: self.ids[at] }
    }

    pub(super) fn last(&self) -> Option<Message> {
        self.len().checked_sub(1).map(|at| self.get(at))
    }

    /// In the order in which they came.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = Message> + ExactSizeIterator {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Takes a message behind the others; of a full window the first goes.
    pub(super) fn push(&mut self, message: Message) {
        let (mut at, mut kinds) = (self.len(), self.kinds & ((1 << LENGTH) - 1));
        if at >= WINDOW {
            let ([_, times @ ..], [_, ids @ ..]) = (self.times, self.ids);
            self.times[..WINDOW - 1].copy_from_slice(&times);
            self.ids[..WINDOW - 1].copy_from_slice(&ids);
            (at, kinds) = (WINDOW - 1, kinds >> BITS);
        }
        let kind = u32::from(message.side & 1) | (message.act as u32) << 1;
        (self.times[at], self.ids[at]) = (message.time, message.id);
        self.kinds = kinds & !(15 << (BITS * at)) | kind << (BITS * at) | (at as u32 + 1) << LENGTH;
    }

    /// A bit for each message that there is.
    const fn all(&self) -> u32 {
        (1 << self.len()) - 1
    }

    /// A bit for each message of a side that does this and whose identifier has these bits in common with another one: all at
    /// once, for which of them there are nobody can foresee.
    #[inline(always)]
    fn find(&self, side: u8, act: Act, id: u32, bits: u32) -> u32 {
        let kind = u32::from(side & 1) | (act as u32) << 1;
        let bit = |(at, known): (usize, &u32)| {
            u32::from(((known ^ id) & bits == 0) & (self.kinds >> (BITS * at) & 15 == kind)) << at
        };
        self.ids.iter().enumerate().map(bit).fold(0, |all, bit| all | bit) & self.all()
    }

    /// What a message is that comes behind these; nothing where it is a copy.
    pub(super) fn outcome(&self, message: &Message, of: Measure) -> Option<Outcome> {
        let (Message { time, side, act, id }, renews) = (*message, of.renews());
        let like = self.find(side, act, id, u32::MAX);
        let is_near = |at: usize| self.get(at).time.raw().abs_diff(time.raw()) <= COPY;
        if each(like).any(|at| is_near(at) && !(of == Measure::Bacnet && self.is_turn(message, at))) {
            return None;
        }
        match act {
            Act::Ask | Act::Open if like == 0 => Some(Outcome::Asked),
            Act::Ask | Act::Open => {
                let (reply, bits) = act.reply();
                let is_answered = renews && self.find(1 - (side & 1), reply, id, bits) > like;
                Some(if is_answered { Outcome::Asked } else { Outcome::Repeated })
            }
            Act::Answer | Act::Accept => self.answer(message, renews),
            Act::Acknowledge => self.acknowledgment(message),
        }
    }

    /// The question that one more message drives out, if it was neither answered nor asked again, and the next was answered.
    pub(super) fn missed(&self) -> Option<Message> {
        let first = self.get(0);
        let is_answered = |question: &Message| {
            let (reply, bits) = question.act.reply();
            self.find(1 - question.side, reply, question.id, bits) != 0
        };
        if !self.is_full() || first.act != Act::Ask || is_answered(&first) {
            return None;
        }
        let next = self.iter().skip(1).find(|known| (known.side, known.act) == (first.side, Act::Ask))?;
        let is_sent_again = self.find(first.side, Act::Ask, first.id, u32::MAX) != 1;
        (!is_sent_again && is_answered(&next)).then_some(first)
    }

    /// Whether behind a message of the window the other end spoke under the same identifier: then one that is like it comes in turn,
    /// and is no copy, where a client may ask one thing after the other under one identifier.
    fn is_turn(&self, message: &Message, at: usize) -> bool {
        let other = match message.act {
            Act::Ask => Act::Answer,
            Act::Answer => Act::Ask,
            _ => return false,
        };
        self.find(1 - (message.side & 1), other, message.id, 0xffff_0000) >> at != 0
    }

    /// Whether an acknowledgement of TFTP is of a file's last block: one that is shorter than the block before it, or where
    /// none is known, than usual (RFC 1350 section 2). An option acknowledgement is no block.
    pub(super) fn ends_file(&self, acknowledgement: &Message) -> bool {
        let blocks = || self.iter().rev().filter(|known| known.act == Act::Ask && known.id != 0);
        let Some(block) = blocks().find(|known| acknowledgement.answers(known)) else { return false };
        let is_other = |known: &Message| known.side == block.side && known.id >> 16 != block.id >> 16;
        let whole = blocks().find(is_other).map_or(USUAL_BLOCK, |before| before.id & 0xffff);
        block.id & 0xffff < whole
    }

    /// The client's half of a handshake. Which of two SYN-ACKs it acknowledges, nobody knows (Karn's rule, RFC 6298
    /// section 3): then it tells nothing.
    fn acknowledgment(&self, message: &Message) -> Option<Outcome> {
        let accept = self.last().filter(|last| last.act == Act::Accept && last.side != message.side)?;
        // Of copies the first counts.
        let first = self.iter().find(|known| known.is_like(&accept))?;
        let nanos = message.since(first.time)?;
        (accept.since(first.time) <= Some(COPY)).then_some(Outcome::Answered { nanos, repeats: 0 })
    }

    fn answer(&self, message: &Message, renews: bool) -> Option<Outcome> {
        let (side, asks) = (message.side & 1, if message.act == Act::Accept { Act::Open } else { Act::Ask });
        let (reply, bits) = asks.reply();
        let Some(question) = last(self.find(1 - side, asks, message.id, bits)).map(|at| self.get(at)) else {
            return Some(Outcome::Unasked);
        };
        // It as often as it was sent, and the last answer since it was sent first.
        let mut sent = self.find(1 - side, asks, question.id, u32::MAX);
        let first = sent & sent.wrapping_neg();
        let again = self.find(side, reply, question.id, bits);
        if again > first
            && let Some(at) = last(again)
        {
            let since = sent >> at << at;
            if !renews || since == 0 {
                // What follows the answer under the same token is a notification (RFC 7641 section 3.2).
                let is_same = self.get(at).id == message.id;
                return Some(if is_same { Outcome::AnsweredAgain } else { Outcome::Unasked });
            }
            sent = since;
        }
        let mut times = each(sent).map(|at| self.get(at).time);
        let first = times.next()?;
        let late = |(repeats, last): (u8, Timestamp), time: Timestamp| {
            (repeats + u8::from(time.raw().abs_diff(last.raw()) >= PATIENCE), time)
        };
        let (repeats, _) = times.fold((0, first), late);
        let nanos = message.since(first)?;
        // Which of two SYNs a SYN-ACK answers, nobody knows (Karn's rule).
        let is_unsure = question.act == Act::Open && question.since(first) > Some(COPY);
        (!is_unsure).then_some(Outcome::Answered { nanos, repeats })
    }
}

impl Stored for Window {
    fn store(&self, to: &mut Vec<u8>) {
        (self.len() as u8).store(to);
        for message in self.iter() {
            message.time.store(to);
            (message.side | (message.act as u8) << 1).store(to);
            message.id.store(to);
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut window = Self::EMPTY;
        for _ in 0..from.get::<u8>()? {
            from.expect(!window.is_full(), "a window has too many messages")?;
            let (time, kind, id): (Timestamp, u8, u32) = from.get()?;
            let act = Act::of((kind >> 1).into()).ok_or_else(|| from.wrong("a message does nothing that is known"))?;
            window.push(Message { time, side: kind & 1, act, id });
        }
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    fn ask(millis: i64, id: u32) -> Message {
        Message { time: Timestamp::from_nanos(millis * MS), side: 0, act: Act::Ask, id }
    }

    fn answer(millis: i64, id: u32) -> Message {
        Message { side: 1, act: Act::Answer, ..ask(millis, id) }
    }

    fn outcomes(of: Measure, messages: &[Message]) -> Vec<Option<Outcome>> {
        let mut window = Window::EMPTY;
        let take = |message: &Message| {
            let outcome = window.outcome(message, of);
            window.push(*message);
            outcome
        };
        messages.iter().map(take).collect()
    }

    #[test]
    fn answers_are_timed_from_the_first_question() {
        use Outcome::{Answered, AnsweredAgain, Asked, Repeated, Unasked};
        let token = |token: u32, id: u32| token << 16 | id;
        let seen = outcomes(
            Measure::Coap,
            &[
                ask(0, token(1, 7)),
                ask(2000, token(1, 7)),
                answer(2010, token(1, 7)),
                answer(2500, token(1, 7)),
                answer(9000, token(1, 8)),
                answer(9000, token(2, 8)),
            ],
        );
        let answered = Answered { nanos: 2_010_000_000, repeats: 1 };
        let expected = [Asked, Repeated, answered, AnsweredAgain, Unasked, Unasked].map(Some);
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_identifier_that_is_used_again_behind_its_answer_is_another_question() {
        use Outcome::{Answered, Asked, Repeated};
        let of = |messages: &[Message]| outcomes(Measure::Bacnet, messages);
        let answered = |millis: u64, repeats| Some(Answered { nanos: millis * 1_000_000, repeats });
        let seen = of(&[ask(0, 1), answer(4, 1), ask(10_000, 1), ask(12_000, 1), answer(12_004, 1)]);
        assert_eq!(seen, [Some(Asked), answered(4, 0), Some(Asked), Some(Repeated), answered(2_004, 1)]);
        // One each 20 ms, and a mirror's copies of each.
        let quick = of(&[ask(0, 1), answer(8, 1), ask(20, 1), answer(28, 1)]);
        assert_eq!(quick, [Some(Asked), answered(8, 0), Some(Asked), answered(8, 0)]);
        let copies = of(&[ask(0, 1), ask(1, 1), answer(8, 1), answer(9, 1), ask(20, 1)]);
        assert_eq!(copies, [Some(Asked), None, answered(8, 0), None, Some(Asked)]);
    }

    /// What of a row of questions, each a second after the one before, is missed; of those that are answered the next follows.
    fn missed(answered: &[bool], repeats: u32) -> usize {
        let (mut window, mut missed) = (Window::EMPTY, 0);
        for (number, is_answered) in (1_u32..).zip(answered) {
            let at = i64::from(number) * 10_000;
            let mut push = |message| {
                missed += usize::from(window.missed().is_some());
                window.push(message);
            };
            (0..=repeats).for_each(|again| push(ask(at + i64::from(again) * 1000, number << 16)));
            if *is_answered {
                push(answer(at + 5000, number << 16));
            }
        }
        missed
    }

    #[test]
    fn a_question_without_an_answer_is_missed_where_the_next_one_has_one() {
        let of = |lost: &[usize]| (0..30).map(|number| !lost.contains(&number)).collect::<Vec<_>>();
        assert_eq!(missed(&of(&[]), 0), 0);
        assert_eq!(missed(&of(&[3, 9, 14]), 0), 3);
        assert_eq!(missed(&of(&[3, 9, 14]), 1), 3, "asked twice, each counts once");
        assert_eq!(missed(&of(&(10..20).collect::<Vec<_>>()), 0), 1, "an outage");
        assert_eq!(missed(&of(&[29]), 0), 0, "its answer may come yet");
    }

    #[test]
    fn copies_count_nothing() {
        let seen = outcomes(Measure::Coap, &[ask(0, 5), ask(1, 5), answer(10, 5), answer(11, 5)]);
        assert_eq!(seen, [Some(Outcome::Asked), None, Some(Outcome::Answered { nanos: 10_000_000, repeats: 0 }), None]);
    }

    /// A block by its number and length, and whether its acknowledgement ends the file.
    fn ends(blocks: &[(u32, u32)]) -> Vec<bool> {
        let (mut window, mut at) = (Window::EMPTY, 0);
        let tell = |(number, length): &(u32, u32)| {
            at += 100;
            window.push(ask(at, number << 16 | length));
            let acknowledgement = answer(at + 1, number << 16 | number);
            let ends = window.ends_file(&acknowledgement);
            window.push(acknowledgement);
            ends
        };
        blocks.iter().map(tell).collect()
    }

    #[test]
    fn a_file_ends_with_a_block_that_is_shorter_than_the_others() {
        assert_eq!(ends(&[(1, 512), (2, 512), (3, 17)]), [false, false, true]);
        assert_eq!(ends(&[(1, 512), (2, 512), (3, 0)]), [false, false, true], "a multiple of 512");
        assert_eq!(ends(&[(1, 100)]), [true], "one that is shorter than usual");
        // Behind an option acknowledgement, of which the block is large.
        assert_eq!(ends(&[(0, 0), (1, 1024), (2, 600)]), [false, false, true]);
        assert_eq!(ends(&[(0, 0), (1, 1024)]), [false, false]);
        // Numbers begin again with 0 (or 1).
        assert_eq!(
            ends(&[(65_534, 512), (65_535, 512), (0, 512), (1, 512), (2, 5)]),
            [false, false, false, false, true]
        );
        // The last block is sent three times.
        let mut window = Window::EMPTY;
        [
            ask(0, 8 << 16 | 512),
            answer(1, 8 << 16),
            ask(2, 9 << 16 | 5),
            ask(3000, 9 << 16 | 5),
            ask(6000, 9 << 16 | 5),
        ]
        .into_iter()
        .for_each(|message| window.push(message));
        assert!(window.ends_file(&answer(6001, 9 << 16)) && !window.ends_file(&answer(6001, 7 << 16)));
    }

    /// The same by looking at one message after the other.
    fn one_by_one(window: &Window, message: &Message, of: Measure) -> Option<Outcome> {
        let renews = of.renews();
        let is_copy = |known: &Message| known.is_like(message) && known.time.raw().abs_diff(message.time.raw()) <= COPY;
        let is_reply = |known: &Message| {
            let is_other = known.side != message.side && known.id >> 16 == message.id >> 16;
            is_other && matches!((known.act, message.act), (Act::Answer, Act::Ask) | (Act::Ask, Act::Answer))
        };
        if (0..window.len()).any(|at| {
            is_copy(&window.get(at)) && !(of == Measure::Bacnet && window.iter().skip(at).any(|known| is_reply(&known)))
        }) {
            return None;
        }
        match message.act {
            Act::Ask | Act::Open => {
                let last = window.iter().rposition(|known| known.is_like(message));
                let is_answered = |at| renews && window.iter().skip(at).any(|known| known.answers(message));
                return Some(if last.is_some_and(|at| !is_answered(at)) { Outcome::Repeated } else { Outcome::Asked });
            }
            Act::Acknowledge => return window.acknowledgment(message),
            Act::Answer | Act::Accept => {}
        }
        let Some(question) = window.iter().rev().find(|known| message.answers(known)) else {
            return Some(Outcome::Unasked);
        };
        let mut first = None;
        let (mut repeats, mut last) = (0, Timestamp::UNKNOWN);
        let mut again = None;
        for known in window.iter() {
            if known.is_like(&question) {
                if first.is_none() || renews && again.is_some() {
                    (first, repeats, again) = (Some(known.time), 0, None);
                } else if known.time.raw().abs_diff(last.raw()) >= PATIENCE {
                    repeats += 1;
                }
                last = known.time;
            } else if first.is_some() && known.side == message.side && known.answers(&question) {
                again = Some(known.id == message.id);
            }
        }
        match (again, message.since(first?)) {
            (Some(true), _) => Some(Outcome::AnsweredAgain),
            (Some(false), _) => Some(Outcome::Unasked),
            (None, Some(_)) if question.act == Act::Open && question.since(first?) > Some(COPY) => None,
            (None, Some(nanos)) => Some(Outcome::Answered { nanos, repeats }),
            (None, None) => None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn all_at_once_tell_what_one_after_the_other_tells(
            messages in prop::collection::vec((0..900_i64, 0..2_u8, 0..5_u32, 0..4_u32), 1..12),
        ) {
            let mut window = Window::EMPTY;
            let mut now = 0;
            for (after, side, act, id) in messages {
                now += if after < 600 { after / 6 - 10 } else { after };
                let act = Act::of(act).unwrap();
                let id = ((id / 2) << 16) | (id % 2);
                let message = Message { time: Timestamp::from_nanos(now * MS), side, act, id };
                for of in [Measure::Coap, Measure::Echo, Measure::Bacnet] {
                    prop_assert_eq!(window.outcome(&message, of), one_by_one(&window, &message, of));
                }
                window.push(message);
            }
        }
    }

    #[test]
    fn a_window_is_a_cache_line() {
        assert_eq!(size_of::<Window>(), 64);
    }
}
