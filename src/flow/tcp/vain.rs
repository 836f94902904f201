//! Which of the connections that were opened one behind the other on the same two ports came to nothing at last: some clients
//! have one port only.

use smallvec::SmallVec;

use super::{Heads, MOST_OPENED, Sets, TcpEvent};
use crate::capture::{Moment, Timestamp};

/// The latest connections of a flow, which all came to nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailedHandshakes {
    /// How the last of them ended.
    pub how: FailedHandshake,
    /// How many they are.
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
}

/// What an end sent in a flow.
#[derive(Clone, Copy, Debug)]
pub(in crate::flow) struct Sent {
    pub(in crate::flow) syns: u16,
    pub(in crate::flow) syn_acks: u16,
    pub(in crate::flow) resets: u16,
}

impl Sets {
    /// The latest connections that `client` opened and that came to nothing, if an earlier one did not. Where more may have
    /// happened than is kept, there are none.
    pub(super) fn vain(&self, client: usize, heads: Option<&Heads>, sent: [Sent; 2]) -> Option<FailedHandshakes> {
        let server = 1 - client;
        let opened = self.deeds[client].iter().filter_map(|(deed, at)| match deed {
            TcpEvent::Open(sequence) => Some((*at, *sequence)),
            _ => None,
        });
        let mut opened: SmallVec<[(Moment, u32); 8]> = opened.collect();
        let accepted = self.deeds(server).filter(|deed| matches!(deed, TcpEvent::Accept(..))).count();
        let is_kept = [0, 1].map(|side| heads.is_none_or(|heads| !heads.are_full(self.beginnings(side), side)));
        if opened.len() < 2 || opened.len().max(accepted) >= MOST_OPENED || !is_kept[server] {
            return None;
        }
        opened.sort_unstable();
        let came = |(at, sequence): (Moment, u32)| Some((self.came(client, sequence, heads, is_kept[client])?, at));
        let vain: SmallVec<[(FailedHandshake, Moment); 8]> =
            opened.iter().rev().map_while(|open| came(*open)).collect();
        let (&(how, last), &(_, first)) = (vain.first()?, vain.last()?);
        let number = |how| vain.iter().filter(|(came, _)| *came == how).count();
        let [unaccepted, untaken] = [FailedHandshake::Unaccepted, FailedHandshake::Untaken].map(number);
        // Who goes on was accepted by what was not captured; where that may not be kept, each is refused for certain.
        let is_refused = unaccepted == 0 || is_kept[client] || usize::from(sent[server].resets) >= unaccepted;
        // A connection on which nobody speaks is a test of the port: what does not arrive is said again.
        let is_lost = untaken == 0
            || usize::from(sent[server].syn_acks) >= accepted + untaken
            || usize::from(sent[client].syns) >= opened.len() + untaken;
        // Elsewhere both spoke, and it was captured.
        let spoke =
            |(_, sequence): &(Moment, u32)| self.accepts(client, *sequence).any(|to| self.said(server, to, heads));
        let has_spoken = unaccepted == vain.len() || opened.iter().any(spoke);
        let found = FailedHandshakes { how, count: vain.len() as u32, first: first.time, last: last.time };
        (is_refused && is_lost && has_spoken).then_some(found)
    }

    /// How a connection came to nothing; `None` if it did not, or may not have. Whether `is_kept` all that clients began with.
    fn came(&self, client: usize, sequence: u32, heads: Option<&Heads>, is_kept: bool) -> Option<FailedHandshake> {
        let has_asked = self.said(client, sequence.wrapping_add(1), heads);
        match () {
            () if self.accepts(client, sequence).next().is_none() => {
                (!has_asked).then_some(FailedHandshake::Unaccepted)
            }
            () if self.accepts(client, sequence).any(|begin| self.said(1 - client, begin, heads)) => None,
            () if has_asked || !is_kept => Some(FailedHandshake::Unanswered),
            () => Some(FailedHandshake::Untaken),
        }
    }

    /// Where the server's stream begins of the connection that was opened with a number, by each of its SYN-ACKs.
    fn accepts(&self, client: usize, sequence: u32) -> impl Iterator<Item = u32> + '_ {
        self.deeds(1 - client).filter_map(move |deed| match deed {
            TcpEvent::Accept(own, acknowledged) if *acknowledged == sequence.wrapping_add(1) => {
                Some(own.wrapping_add(1))
            }
            _ => None,
        })
    }

    /// Whether payload was captured with which the stream begins that begins at a number.
    fn said(&self, side: usize, begin: u32, heads: Option<&Heads>) -> bool {
        self.deeds(side).any(|deed| *deed == TcpEvent::Conform(begin))
            || heads.is_some_and(|heads| heads.hold(side, begin))
    }
}
