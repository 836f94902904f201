//! What the sequence numbers of a TCP flow tell (RFC 9293 sections 3.4 and 3.5): which connections were opened on its
//! two ports, whether a SYN was answered in earnest, and what each direction sent first.
//!
//! Kept as sets that add in any order and grouping; what they mean is worked out when all is known.

mod heads;
mod sets;
mod stored;
mod vain;

use smallvec::SmallVec;

pub(super) use heads::{Heads, SegmentHead};
use sets::Sets;
pub(super) use stored::Latest;
pub use vain::{FailedHandshake, FailedHandshakes};
pub(super) use vain::{Share, vain};

use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::TcpFlags;

/// Nanoseconds from a SYN or SYN-ACK to the same once more from which it was sent again: a mirror's copy comes sooner.
const SENT_AGAIN: u64 = 200_000_000;

/// What a segment does for a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum TcpEvent {
    /// SYN, by its sequence number.
    Open(u32),
    /// SYN-ACK, by its sequence and acknowledgment number.
    Accept(u32, u32),
    /// A segment with neither SYN nor RST, by its acknowledgment number.
    Acknowledge(u32),
    /// Payload with which a stream begins and that conforms to a protocol, by its sequence number.
    Conform(u32),
    /// FIN, by the number behind its payload and its acknowledgment number, where that may acknowledge more than was captured.
    Finish(u32, u32),
    /// None: an earlier program kept the first connections of many only.
    Unkept,
}

impl TcpEvent {
    /// How many of the kind are kept of a direction: the first and the latest.
    const fn most(self) -> [usize; 2] {
        match self {
            Self::Open(_) | Self::Accept(..) | Self::Conform(_) => [16, 16],
            Self::Finish(..) => [4, 4],
            Self::Acknowledge(_) | Self::Unkept => [8, 0],
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// How the other end's numbers fit the SYNs that an end sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SynAnswer {
    /// No SYN, no answer, or their numbers were not captured.
    #[default]
    Unknown,
    /// It accepted a SYN, or acknowledged what was sent behind one.
    Fits,
    /// All that it sent belongs to another, older connection (RFC 5961 section 4).
    OfAnother,
}

/// What the numbers of a flow tell: mostly that one connection was opened and accepted, which needs little room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Tcp {
    #[default]
    Nothing,
    One(Connection),
    /// Everything, where there is more.
    Sets(Box<Sets>),
    /// Of flows that were folded only what [`Tcp::answer`] and [`Tcp::accepted`] said.
    Folded([SynAnswer; 2], [u8; 2]),
}

/// The one connection of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Connection {
    /// Sequence numbers of the SYN and the SYN-ACK, by the end that sent them.
    numbers: [u32; 2],
    /// The end that opened it; [`Connection::AGAIN`].
    client: u8,
    accepted: bool,
    /// Of which ends the stream begins with what conforms to a protocol.
    told: [bool; 2],
}

impl Connection {
    /// In `client`: the SYN or SYN-ACK was sent again.
    const AGAIN: u8 = 2;

    /// Notes that the SYN or SYN-ACK was seen at two times.
    fn repeat(&mut self, first: Timestamp, again: Timestamp) {
        self.client |= if is_again([first, again]) { Self::AGAIN } else { 0 };
    }

    /// Where both streams begin, once the connection is accepted.
    fn beginnings(&self) -> Option<[u32; 2]> {
        self.accepted.then(|| self.numbers.map(|number| number.wrapping_add(1)))
    }

    /// Where the stream of a direction begins, if that is known.
    fn beginning(&self, side: usize) -> Option<u32> {
        (self.accepted || self.is_client(side)).then(|| self.numbers[side].wrapping_add(1))
    }

    fn is_client(&self, side: usize) -> bool {
        usize::from(self.client & 1) == side
    }

    /// The same as sets; `begins` is when each end's first packet was sent.
    fn sets(&self, begins: [Moment; 2]) -> Sets {
        let (numbers, client) = (self.numbers, usize::from(self.client & 1));
        let mut sets = Sets::default();
        let (open, begin) = (TcpEvent::Open(numbers[client]), begins[client]);
        let again = if self.client & Self::AGAIN != 0 { SENT_AGAIN as i64 } else { 0 };
        let until = Timestamp::from_raw(begin.time.raw().saturating_add(again));
        sets.add(client, open, Some(begin), [begin.time, until]);
        if self.accepted {
            let next = numbers[client].wrapping_add(1);
            sets.put(1 - client, TcpEvent::Accept(numbers[1 - client], next), begins[1 - client]);
        }
        for side in (0..2).filter(|side| self.told[*side]) {
            sets.put(side, TcpEvent::Conform(numbers[side].wrapping_add(1)), begins[side]);
        }
        sets
    }
}

impl Tcp {
    /// The sets, which what is known so far is put in first; `begins` is when each end's first packet was sent.
    fn sets(&mut self, begins: [Moment; 2]) -> &mut Sets {
        match self {
            Self::Sets(sets) => sets,
            other => {
                let sets = if let Self::One(one) = other { one.sets(begins) } else { Sets::default() };
                *other = Self::Sets(Box::new(sets));
                other.sets(begins)
            }
        }
    }

    /// Whether anything is known.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::Nothing | Self::Folded(..))
    }

    /// Takes the numbers of a segment. Says whether it opens or accepts a connection that was not known.
    pub(super) fn numbers(
        &mut self,
        side: usize,
        flags: TcpFlags,
        [sequence, acknowledged]: [u32; 2],
        at: Moment,
        begins: [Moment; 2],
    ) -> bool {
        match self {
            Self::Nothing | Self::Folded(..) if flags.is_syn() => {
                let mut numbers = [0; 2];
                numbers[side] = sequence;
                *self = Self::One(Connection { numbers, client: side as u8, accepted: false, told: [false; 2] });
                return true;
            }
            Self::One(one) => {
                let is_known = sequence == one.numbers[side];
                let accepts =
                    flags.is_syn_ack() && !one.is_client(side) && acknowledged == one.numbers[1 - side].wrapping_add(1);
                if accepts && !one.accepted {
                    (one.numbers[side], one.accepted) = (sequence, true);
                    return true;
                }
                if flags.is_syn() && one.is_client(side) && is_known || accepts && is_known {
                    one.repeat(begins[side].time, at.time);
                    return false;
                }
                // What belongs to a connection that was accepted.
                if one.accepted && flags.0 & TcpFlags::SYN == 0 {
                    return false;
                }
            }
            _ => {}
        }
        self.sets(begins).numbers(side, flags, [sequence, acknowledged], at)
    }

    /// Whether further acknowledgments of a direction would change nothing.
    pub(super) fn is_told(&self, side: usize) -> bool {
        match self {
            Self::Sets(sets) => sets.is_told(side),
            Self::One(one) => one.accepted,
            _ => false,
        }
    }

    /// Where the streams of a direction begin, as far as that is known: behind each SYN or SYN-ACK.
    pub(super) fn beginnings(&self, side: usize) -> impl Iterator<Item = u32> + '_ {
        let (one, sets) = match self {
            Self::One(one) => (one.beginning(side), None),
            Self::Sets(sets) => (None, Some(sets)),
            Self::Nothing | Self::Folded(..) => (None, None),
        };
        one.into_iter().chain(sets.into_iter().flat_map(move |sets| sets.beginnings(side)))
    }

    /// Takes a FIN of an end, by the number behind its payload and its acknowledgment number, unless what it acknowledges is
    /// sure to be in the capture; of each end, so many bytes at most are.
    pub(super) fn finish(
        &mut self,
        side: usize,
        [end, acknowledged]: [u32; 2],
        (at, begins): (Moment, [Moment; 2]),
        captured: [u64; 2],
    ) {
        let other = 1 - side;
        let is_captured = match self {
            Self::One(one) => one
                .beginnings()
                .is_some_and(|begins| u64::from(acknowledged.wrapping_sub(begins[other])) <= captured[other]),
            Self::Folded(..) => true,
            Self::Nothing | Self::Sets(_) => false,
        };
        if !is_captured {
            self.sets(begins).put(side, TcpEvent::Finish(end, acknowledged), at);
        }
    }

    /// How many bytes of a direction the FIN of the other acknowledges (RFC 9293 section 3.4), where that is more than was
    /// captured of it: so many bytes of each direction at most. Only of flows of one connection.
    pub(super) fn acknowledged(&self, side: usize, captured: [u64; 2]) -> Option<u64> {
        /// By how much a sender's own stream may be longer than what was captured of it, so that its FIN is not taken for
        /// one of an older connection.
        const WINDOW: u64 = 1 << 16;
        let Self::Sets(sets) = self else { return None };
        let (other, begins) = (1 - side, sets.only_connection()?);
        let finished = sets.deeds(other).filter_map(|deed| match deed {
            TcpEvent::Finish(end, acknowledged) => {
                Some((end.wrapping_sub(begins[other]), acknowledged.wrapping_sub(begins[side])))
            }
            _ => None,
        });
        let is_of_connection =
            |(sent, bytes): &(u32, u32)| u64::from(*sent) <= captured[other] + WINDOW && *bytes <= u32::MAX >> 1;
        // The acknowledged FIN of the other end takes up a number.
        let bytes = finished.filter(is_of_connection).map(|(_, bytes)| u64::from(bytes.saturating_sub(1))).max()?;
        (bytes > captured[side]).then_some(bytes)
    }

    /// Whether what begins at a sequence number may be needed to tell what a stream begins with, where the direction sent so many
    /// bytes in all.
    pub(super) fn wants_payload(&self, side: usize, sequence: u32, sent: u64) -> bool {
        let sent = u32::try_from(sent).unwrap_or(u32::MAX >> 1);
        let (mut knows_begin, mut is_near, mut is_known) = (false, false, false);
        for begin in self.beginnings(side) {
            knows_begin = true;
            is_near |= heads::is_near(sequence, begin);
            is_known |= sequence.wrapping_sub(begin) <= sent;
        }
        // What lies beyond all that was sent on the connections that are known may begin another, whose SYN lies in
        // another part.
        is_near || !(knows_begin && is_known)
    }

    /// Notes that the stream that begins at a number conforms to a protocol; whether that is new.
    pub(super) fn conform(&mut self, side: usize, begin: u32, at: Moment, begins: [Moment; 2]) -> bool {
        match self {
            Self::One(one) if one.beginning(side) == Some(begin) => !std::mem::replace(&mut one.told[side], true),
            _ => self.sets(begins).put(side, TcpEvent::Conform(begin), at),
        }
    }

    /// Whether it is noted that the stream that begins at a number conforms to a protocol.
    fn conforms(&self, side: usize, begin: u32) -> bool {
        match self {
            Self::One(one) => one.told[side] && one.beginning(side) == Some(begin),
            Self::Sets(sets) => sets.deeds(side).any(|deed| deed == TcpEvent::Conform(begin)),
            Self::Nothing | Self::Folded(..) => false,
        }
    }

    /// Whether the other end's numbers fit a SYN of `side`, which sent `bytes`.
    pub(super) fn answer(&self, side: usize, bytes: impl FnOnce() -> u64) -> SynAnswer {
        match self {
            Self::Sets(sets) => sets.answer(side, bytes()),
            Self::One(one) if one.accepted && one.is_client(side) => SynAnswer::Fits,
            Self::Folded(answers, _) => answers[side],
            _ => SynAnswer::Unknown,
        }
    }

    /// How many connections `side` opened that were accepted.
    pub(super) fn accepted(&self, side: usize) -> u8 {
        match self {
            Self::Sets(sets) => sets.accepted(side) as u8,
            Self::One(one) => u8::from(one.accepted && one.is_client(side)),
            Self::Folded(_, accepted) => accepted[side],
            Self::Nothing => 0,
        }
    }

    /// When `side` opened its latest connection of several, by initial sequence numbers; of one alone it is not kept in
    /// every form.
    pub(super) fn reopened(&self, side: usize) -> Option<Timestamp> {
        let Self::Sets(sets) = self else { return None };
        let opened = sets.times(side).filter(|(deed, _)| matches!(deed, TcpEvent::Open(_)));
        let times = opened.map(|(_, [first, _])| first);
        if times.clone().count() > 1 { times.max() } else { None }
    }

    /// Keeps the beginnings of segments, when all is known.
    pub(super) fn settle(&mut self, heads: Option<Box<Heads>>) {
        if let Self::Sets(sets) = self {
            sets.heads = heads.or(sets.heads.take());
        }
    }

    /// What a direction did for connections.
    pub(super) fn deeds(&self, side: usize) -> SmallVec<[TcpEvent; 4]> {
        match self {
            Self::Sets(sets) => sets.deeds(side).collect(),
            _ => self.clone().sets([Moment::NEVER; 2]).deeds(side).collect(),
        }
    }

    /// Adds what another part knows of the same flow; of both it is known when each end's first packet was sent.
    pub(super) fn absorb(&mut self, begins: [Moment; 2], other: &Self, other_begins: [Moment; 2], shift: Shift) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return self.shift(shift);
        }
        if let (Self::One(one), Self::One(theirs)) = (&mut *self, other)
            && (one.numbers, one.client & 1, one.accepted) == (theirs.numbers, theirs.client & 1, theirs.accepted)
        {
            one.client |= theirs.client;
            let is_told = [0, 1].map(|side| one.beginning(side).is_some());
            for side in (0..2).filter(|side| is_told[*side]) {
                one.repeat(begins[side].time, other_begins[side].time);
            }
            for (mine, theirs) in one.told.iter_mut().zip(theirs.told) {
                *mine |= theirs;
            }
            return;
        }
        let mut theirs = other.clone();
        theirs.sets(other_begins);
        theirs.shift(shift);
        if let Self::Sets(theirs) = &theirs {
            self.sets(begins).absorb(theirs);
        }
    }

    pub(super) fn shift(&mut self, shift: Shift) {
        if let Self::Sets(sets) = self {
            sets.shift(shift);
        }
    }
}

/// Whether between two times the same was sent again.
fn is_again(times: [Timestamp; 2]) -> bool {
    times.iter().all(|at| at.nanos().is_some()) && times[0].raw().abs_diff(times[1].raw()) >= SENT_AGAIN
}

/// Whether what one end did fits the SYNs of another, which sent `bytes`.
pub(super) fn answer(
    own: impl Iterator<Item = TcpEvent>,
    theirs: impl Iterator<Item = TcpEvent> + Clone,
    bytes: u64,
) -> SynAnswer {
    let sent = u32::try_from(bytes).unwrap_or(u32::MAX >> 1).min(u32::MAX >> 1);
    let mut found = SynAnswer::Unknown;
    for deed in own {
        let TcpEvent::Open(sequence) = deed else { continue };
        let next = sequence.wrapping_add(1);
        for theirs in theirs.clone() {
            let fits = match theirs {
                TcpEvent::Open(_) | TcpEvent::Conform(_) | TcpEvent::Finish(..) | TcpEvent::Unkept => continue,
                TcpEvent::Accept(_, acknowledged) => acknowledged == next,
                TcpEvent::Acknowledge(acknowledged) => acknowledged.wrapping_sub(next) <= sent,
            };
            if fits {
                return SynAnswer::Fits;
            }
            found = SynAnswer::OfAnother;
        }
    }
    found
}
