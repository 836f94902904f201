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

/// Blocks that a window of TFTP holds in practice (RFC 7440 has been tried with up to 64).
const LONGEST_WINDOW: u16 = 128;

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
    pub(super) fn answers(&self, question: &Self) -> bool {
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
pub(super) struct MessageWindow {
    times: [Timestamp; WINDOW],
    ids: [u32; WINDOW],
    /// Four bits of each message, its side and what it does; above them how many there are.
    kinds: u32,
}

/// Bits of a message in [`MessageWindow::kinds`].
const BITS: usize = 4;
/// Where in [`MessageWindow::kinds`] the number of messages stands.
const LENGTH: usize = BITS * WINDOW;

impl MessageWindow {
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

    /// A bit for each message whose identifier has the upper half of another one.
    #[inline(always)]
    fn alike(&self, id: u32) -> u32 {
        let bit = |(at, known): (usize, &u32)| u32::from((known ^ id) >> 16 == 0) << at;
        self.ids.iter().enumerate().map(bit).fold(0, |all, bit| all | bit) & self.all()
    }

    /// What a message is that comes behind these; nothing where it is a copy.
    pub(super) fn outcome(&self, message: &Message, of: Measure) -> Option<Outcome> {
        let (Message { time, side, act, id }, renews) = (*message, of.renews());
        let alike = self.alike(id);
        // As a rule a question is new, and of an answer there is the question alone.
        if alike & alike.wrapping_sub(1) == 0 && act != Act::Acknowledge {
            match (act, last(alike).map(|at| self.get(at))) {
                (Act::Ask, None) if of == Measure::Tftp && self.begins_window_again(message) => {
                    return Some(Outcome::Repeated);
                }
                (Act::Ask | Act::Open, None) => return Some(Outcome::Asked),
                (Act::Answer | Act::Accept, None) => return Some(Outcome::Unasked),
                (Act::Answer, Some(question)) if message.answers(&question) => {
                    return message.since(question.time).map(|nanos| Outcome::Answered { nanos, repeats: 0 });
                }
                _ => {}
            }
        }
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

    /// The question that one more message drives out of a full window, if none answers it.
    #[inline]
    pub(super) fn unanswered(&self, message: &Message) -> Option<Message> {
        let first = self.get(0);
        // The next message answers it, as a rule.
        let is_question = first.act == Act::Ask && !self.get(1).answers(&first) && !message.answers(&first);
        (is_question && !self.has_answer_to(&first)).then_some(first)
    }

    fn has_answer_to(&self, question: &Message) -> bool {
        let (reply, bits) = question.act.reply();
        self.find(1 - question.side, reply, question.id, bits) != 0
    }

    /// Whether a question that is driven out unanswered is missed: it was not asked again, and the next one was answered.
    pub(super) fn is_missed(&self, first: &Message) -> bool {
        let next = self.iter().skip(1).find(|known| (known.side, known.act) == (first.side, Act::Ask));
        let is_sent_again = self.find(first.side, Act::Ask, first.id, u32::MAX) != 1;
        !is_sent_again && next.is_some_and(|next| self.has_answer_to(&next))
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

    /// Whether a block of TFTP stands a little before the last one: of a window that was lost, in part or whole, it is the first
    /// that is sent again (RFC 7440 section 4). The first of all may be of another file.
    fn begins_window_again(&self, block: &Message) -> bool {
        let number = |block: &Message| (block.id >> 16) as u16;
        let last = self.iter().rev().find(|known| (known.side, known.act) == (block.side, Act::Ask));
        number(block) > 1
            && last.is_some_and(|last| (1..LONGEST_WINDOW).contains(&number(&last).wrapping_sub(number(block))))
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

impl Stored for Message {
    fn store(&self, to: &mut Vec<u8>) {
        self.time.store(to);
        (self.side | (self.act as u8) << 1).store(to);
        self.id.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (time, kind, id): (Timestamp, u8, u32) = from.get()?;
        let act = Act::of((kind >> 1).into()).ok_or_else(|| from.wrong("a message does nothing that is known"))?;
        Ok(Self { time, side: kind & 1, act, id })
    }
}

impl Stored for MessageWindow {
    fn store(&self, to: &mut Vec<u8>) {
        (self.len() as u8).store(to);
        self.iter().for_each(|message| message.store(to));
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let mut window = Self::EMPTY;
        for _ in 0..from.get::<u8>()? {
            from.expect(!window.is_full(), "a window has too many messages")?;
            window.push(from.get()?);
        }
        Ok(window)
    }
}

#[cfg(test)]
mod tests;
