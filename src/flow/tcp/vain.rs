//! Which of the connections that were opened one behind the other on the same two ports came to nothing at last: some clients
//! have one port only.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::{Sets, Tcp, TcpEvent, is_again};
use crate::capture::Timestamp;
use crate::flow::counters::Cold;
use crate::protocol::Protocol;

/// The latest connections of a client on one port, which all came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedHandshakes {
    /// How the last of them ended.
    pub how: FailedHandshake,
    /// How many they are, of those that are kept.
    pub count: u32,
    /// Effective time at which the first of them was opened.
    pub first: Timestamp,
    /// The same of the last.
    pub last: Timestamp,
}

/// How a connection came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailedHandshake {
    /// Its SYN was not accepted: refused, answered as a packet of an older connection, or not at all.
    Unaccepted,
    /// It was accepted, and the client said nothing.
    Untaken,
    /// The client spoke, and the server said nothing.
    Unanswered,
    /// The same, and the server reset it.
    Reset,
}

/// How often an end sent what it may have sent again.
#[derive(Clone, Copy, Debug)]
struct Sent {
    syn_acks: u32,
    resets: u32,
}

/// What one of the flows of a connection tells.
#[derive(Debug)]
pub(in crate::flow) struct Share<'a> {
    /// Of several connections, or the one that there is.
    sets: Option<Cow<'a, Sets>>,
    sent: [Sent; 2],
    /// Whether what the ends say owes an answer; on a port of no known protocol a client may have nothing to be told.
    owes: [bool; 2],
}

/// Deeds of each kind that connections are told by.
const KINDS: [TcpEvent; 3] = [TcpEvent::Open(0), TcpEvent::Accept(0, 0), TcpEvent::Conform(0)];

/// By how much a FIN's number may lie behind where the stream of its connection begins.
const NEAR: u32 = 1 << 16;

impl<'a> Share<'a> {
    pub(in crate::flow) fn of(cold: &'a Cold) -> Self {
        const OWES: u32 = Protocol::Http.bit() | Protocol::Tls.bit();
        let sets = match cold.tcp() {
            Tcp::Sets(sets) => Some(Cow::Borrowed(&**sets)),
            Tcp::One(one) => {
                let told = [0, 1].map(|side| cold.has_payload(side));
                Some(Cow::Owned(super::Connection { told, ..*one }.sets(cold.first)))
            }
            Tcp::Nothing | Tcp::Folded(..) => None,
        };
        let sent = |side: usize| Sent { syn_acks: cold.syn_acks[side].into(), resets: cold.resets[side].into() };
        let owes = [0, 1].map(|side| cold.conforms[side] & OWES != 0);
        Self { sets, sent: [0, 1].map(sent), owes }
    }
}

/// The latest connections that `client` opened and that came to nothing, if an earlier one did not, by all flows of one
/// connection.
pub(in crate::flow) fn vain(client: usize, shares: &[Share<'_>]) -> Option<FailedHandshakes> {
    let server = 1 - client;
    if !shares.iter().any(|share| matches!(share.sets, Some(Cow::Borrowed(_)))) {
        return None;
    }
    let mut opened = BTreeMap::<u32, [Timestamp; 2]>::new();
    for (deed, span) in sets(shares).flat_map(|sets| sets.times(client)) {
        if let TcpEvent::Open(sequence) = deed {
            let known = opened.entry(sequence).or_insert(span);
            *known = [known[0].min(span[0]), known[1].max(span[1])];
        }
    }
    if opened.len() < 2 {
        return None;
    }
    let begins =
        [0, 1].map(|side| -> SmallVec<[u32; 32]> { sets(shares).flat_map(|sets| sets.beginnings(side)).collect() });
    let is_kept = [0, 1].map(|side| {
        let is_full = |sets: &Sets| {
            let knows_begin = shares.len() == 1 || sets.beginnings(side).next().is_some();
            sets.heads.as_ref().is_some_and(|heads| heads.are_full(&begins[side], knows_begin, side))
        };
        !sets(shares).any(is_full)
    });
    let seen = Seen { client, shares, is_kept, opened: &opened };
    let kept_since = |side: usize| sets(shares).flat_map(move |sets| KINDS.map(|kind| sets.kept_since(side, kind)));
    let since = (0..2).flat_map(kept_since).flatten().max();
    let mut latest: SmallVec<[([Timestamp; 2], u32); 32]> =
        opened.iter().map(|(sequence, span)| (*span, *sequence)).filter(|(span, _)| Some(span[0]) > since).collect();
    latest.sort_unstable();
    let sum = |of: fn(&Sent) -> u32| shares.iter().map(|share| of(&share.sent[server])).sum::<u32>();
    let (resets, syn_acks) = (sum(|sent| sent.resets), sum(|sent| sent.syn_acks));
    let accepted = sets(shares).flat_map(|sets| sets.deeds(server)).filter(|deed| deed.is_like(&KINDS[1])).count();
    // What several captures show of one connection counts as often as its SYN-ACK.
    let are_reset = |unanswered: usize| {
        let unanswered = unanswered as u64;
        u64::from(resets) >= unanswered && u64::from(resets) * accepted as u64 >= unanswered * u64::from(syn_acks)
    };
    let run = |may_be_unanswered: bool| -> SmallVec<[(FailedHandshake, Timestamp); 16]> {
        let came = latest.iter().rev().map_while(|(span, sequence)| Some((seen.came(*sequence, *span)?, span[0])));
        came.take_while(|(how, _)| may_be_unanswered || *how != FailedHandshake::Unanswered).collect()
    };
    let number = |run: &[(FailedHandshake, Timestamp)], how| run.iter().filter(|(came, _)| *came == how).count();
    let mut vain = run(true);
    let mut unanswered = number(&vain, FailedHandshake::Unanswered);
    if !are_reset(unanswered) && !shares.iter().any(|share| share.owes[client]) {
        (vain, unanswered) = (run(false), 0);
    }
    let (&(how, last), &(_, first)) = (vain.first()?, vain.last()?);
    let unaccepted = number(&vain, FailedHandshake::Unaccepted);
    // Who goes on was accepted by what was not captured; where that may not be kept, each is refused for certain.
    let is_refused = unaccepted == 0 || is_kept[client] || resets as usize >= unaccepted;
    // Elsewhere both spoke, and it was captured.
    let has_spoken = unaccepted == vain.len() || opened.keys().any(|sequence| seen.is_answered(*sequence));
    let is_reset = how == FailedHandshake::Unanswered && resets as usize >= unanswered;
    let how = if is_reset { FailedHandshake::Reset } else { how };
    (is_refused && has_spoken).then_some(FailedHandshakes { how, count: vain.len() as u32, first, last })
}

fn sets<'a>(shares: &'a [Share<'_>]) -> impl Iterator<Item = &'a Sets> + Clone {
    shares.iter().filter_map(|share| share.sets.as_deref())
}

/// All flows of a connection, its client's end, and whether of each end all is kept with which streams begin.
struct Seen<'a> {
    client: usize,
    shares: &'a [Share<'a>],
    is_kept: [bool; 2],
    /// When the client opened connections, by their initial sequence numbers.
    opened: &'a BTreeMap<u32, [Timestamp; 2]>,
}

impl Seen<'_> {
    /// How a connection came to nothing that was opened between two times; `None` if it did not, or may not have.
    fn came(&self, sequence: u32, span: [Timestamp; 2]) -> Option<FailedHandshake> {
        let (client, server) = (self.client, 1 - self.client);
        let has_asked = self.said(client, sequence.wrapping_add(1));
        if self.accepts(sequence).next().is_none() {
            return (!has_asked).then_some(FailedHandshake::Unaccepted);
        }
        // What the client's FIN acknowledges was said, captured or not.
        let finished = || self.accepts(sequence).filter_map(|(begin, _)| self.finished(sequence, begin));
        if !self.is_kept[server] || self.is_answered(sequence) || finished().any(|bytes| bytes > 1) {
            return None;
        }
        if has_asked || !self.is_kept[client] {
            return Some(FailedHandshake::Unanswered);
        }
        // A connection on which nobody speaks is a test of the port: what does not arrive is said again.
        let is_lost = is_again(span) || self.accepts(sequence).any(|(_, span)| is_again(span));
        (is_lost && finished().next().is_none()).then_some(FailedHandshake::Untaken)
    }

    fn is_answered(&self, sequence: u32) -> bool {
        self.accepts(sequence).any(|(begin, _)| self.said(1 - self.client, begin))
    }

    /// Where the server's stream begins of the connection that was opened with a number, by each of its SYN-ACKs, and when
    /// those were sent.
    fn accepts(&self, sequence: u32) -> impl Iterator<Item = (u32, [Timestamp; 2])> + '_ {
        sets(self.shares).flat_map(|sets| sets.times(1 - self.client)).filter_map(move |(deed, span)| match deed {
            TcpEvent::Accept(own, acknowledged) if acknowledged == sequence.wrapping_add(1) => {
                Some((own.wrapping_add(1), span))
            }
            _ => None,
        })
    }

    /// Whether payload was captured with which the stream begins that begins at a number.
    fn said(&self, side: usize, begin: u32) -> bool {
        sets(self.shares).any(|sets| {
            sets.deeds(side).any(|deed| deed == TcpEvent::Conform(begin))
                || sets.heads.as_ref().is_some_and(|heads| heads.hold(side, begin))
        })
    }

    /// How many numbers of the server's stream, from where it begins, the client acknowledged as it closed the connection: that
    /// which begins next below its FIN.
    fn finished(&self, sequence: u32, begin: u32) -> Option<u32> {
        let sent = |end: u32, sequence: u32| end.wrapping_sub(sequence.wrapping_add(1));
        let is_own = |end: u32| self.opened.keys().all(|other| sent(end, sequence) <= sent(end, *other));
        let ends = sets(self.shares).flat_map(|sets| sets.deeds(self.client)).filter_map(move |deed| match deed {
            TcpEvent::Finish(end, acknowledged) if sent(end, sequence) < NEAR && is_own(end) => {
                Some(acknowledged.wrapping_sub(begin))
            }
            _ => None,
        });
        ends.filter(|bytes| *bytes <= u32::MAX >> 1).max()
    }
}
