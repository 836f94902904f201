//! Whether a connection that worked went silent while requests went on.

use super::{Outcome, Side, Tally};
use crate::capture::Timestamp;
use crate::decode::TcpFlags;
use crate::flow::{FailedHandshake, FailedHandshakes};
use crate::protocol::Transport;
use crate::relation::Vain;

/// What owes an answer and came to nothing, and the time between the last answer and the last of it, from
/// which a conversation has stopped answering.
///
/// TCP repeats a segment after about 0.2, 0.4, 0.8, 1.6 and 3.2 s (RFC 6298 with common floors), so three in
/// three seconds are more than a slow answer. Over UDP the slowest of the protocols that owe an answer
/// repeat after 2, 4 and 8 s (CoAP, RFC 7252 section 4.8) or 3 s (BACnet), so ten seconds.
const TCP_SILENCE: (u32, i64) = (3, 3_000_000_000);
pub(super) const UDP_SILENCE: (u32, i64) = (3, 10_000_000_000);
/// Nanoseconds for which each new connection is refused by what is no restart.
pub(in crate::verdict) const REFUSED: i64 = 60_000_000_000;

/// Of more than so many it is only known that there are more.
pub(crate) const MOST_REQUESTS: u32 = 32;

/// How what worked went silent while what owes an answer went on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Silence {
    pub(crate) how: SilentParty,
    /// Effective time of the last answer; of what is not [`SilentParty::Server`] or [`SilentParty::Client`], when the first came to nothing.
    pub(crate) since: Timestamp,
    /// What came to nothing since: of one connection at most 32.
    pub(crate) requests: u32,
}

/// What is silent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SilentParty {
    /// The server.
    Server,
    /// The client: it no longer acknowledges what the server sends.
    Client,
    /// The client, to what the server asked of its own, ever since.
    Unasked,
    /// The server, to new connections, while an older one goes on.
    New,
    /// The server: it no longer answers ARP, so that nothing else is sent to it.
    Gone,
    /// The server, to some of the new connections, others of which work.
    NowAndThen,
    /// The server, to each connection that its client opens anew from the same port.
    Anew,
    /// The server: each connection is reset or closed without an answer.
    Reset,
    /// The server: it accepts connections, acknowledges what is said, and answers nothing.
    Mute,
    /// None: the server's answers were captured, and no longer reach the client.
    Undelivered,
}

/// Whether one connection worked and then went silent while its requests went on.
pub(in crate::verdict) fn went_silent(transport: Transport, outcome: Outcome, tally: &Tally) -> Option<Silence> {
    let Tally { client, server, .. } = tally;
    let both = client.packets > 0 && (server.packets > 0 || tally.answered && server.last_reply != Timestamp::UNKNOWN);
    if !(matches!(outcome, Outcome::Established | Outcome::Midstream) && both) {
        return None;
    }
    let of_server = Silence { how: SilentParty::Server, since: server.last_reply, requests: client.unanswered };
    let (how, since) = match transport == Transport::Udp && !client.replies {
        true => (SilentParty::Unasked, server.waits_since),
        false => (SilentParty::Client, client.last_reply),
    };
    let of_client = Silence { how, since, requests: server.unanswered };
    let is_long = |(run, nanos): (u32, i64), asks: &Side, told: &Silence| {
        told.requests >= run && silence(told.since, asks.unanswered_until) >= nanos
    };
    match transport {
        // What is large may be lost on a path that carries what is small (RFC 2923 section 2.1).
        Transport::Tcp => {
            let (asks, answers, told) = match () {
                () if server.payload && server.unanswered > 0 => (server, client, of_client),
                () if client.payload => (client, server, of_server),
                () => return None,
            };
            // Who reset or finished the connection has answered for good, but not for one that was opened after. A server that
            // resets gives up what nobody acknowledged.
            let ended = answers.flags.0 & TcpFlags::RST | (answers.flags.0 | server.flags.0) & TcpFlags::FIN;
            let closed = client.reopened <= server.last && ended != 0;
            (!closed && is_long(TCP_SILENCE, asks, &told)).then_some(told)
        }
        Transport::Udp if client.asks && is_long(UDP_SILENCE, client, &of_server) => Some(of_server),
        Transport::Udp if server.asks && is_long(UDP_SILENCE, server, &of_client) => Some(of_client),
        Transport::Udp => {
            let (told, _) = tally.undelivered()?;
            Some(Silence { how: SilentParty::Undelivered, since: told.first, requests: told.sent })
        }
        _ => None,
    }
}

/// The same of a client that opens each connection from one port.
pub(in crate::verdict) fn came_to_nothing(outcome: Outcome, tally: &Tally) -> Option<Silence> {
    let FailedHandshakes { how, count, first, last } =
        tally.vain_openings.filter(|_| outcome == Outcome::Established)?;
    let how = match how {
        FailedHandshake::Reset => SilentParty::Reset,
        FailedHandshake::Unanswered => SilentParty::Mute,
        FailedHandshake::Unaccepted | FailedHandshake::Untaken => SilentParty::Anew,
    };
    let (run, nanos) = UDP_SILENCE;
    // Some servers refuse others for a moment, and a restart takes some seconds.
    let nanos = if tally.server.resets >= count { REFUSED } else { nanos };
    (count >= run && silence(first, last) >= nanos).then_some(Silence { how, since: first, requests: count })
}

/// The same of what ICMP errors, the first at a time, sent back so often after the last answer.
pub(in crate::verdict) fn went_unreachable(
    outcome: Outcome,
    tally: &Tally,
    at: Timestamp,
    errors: u64,
) -> Option<Silence> {
    let (run, nanos) = UDP_SILENCE;
    let since = tally.server.last_reply;
    let worked = outcome == Outcome::Established && since != Timestamp::UNKNOWN && at > since;
    let silent = worked && errors >= run.into() && silence(since, tally.client.last) >= nanos;
    let requests = u32::try_from(errors).unwrap_or(u32::MAX).min(MOST_REQUESTS);
    silent.then_some(Silence { how: SilentParty::Server, since, requests })
}

/// The same of a transfer on flows of its own.
pub(in crate::verdict) fn transfer_went_silent(outcome: Outcome, tally: &Tally) -> Option<Silence> {
    let Vain { since, tries, until, of_client, .. } = tally.vain?;
    let (run, nanos) = UDP_SILENCE;
    let silent = outcome == Outcome::Established && tries >= run && silence(since, until) >= nanos;
    let how = if of_client { SilentParty::Client } else { SilentParty::Server };
    silent.then_some(Silence { how, since, requests: tries })
}

/// Nanoseconds from one time to another; 0 where either is not known.
pub(in crate::verdict) fn silence(from: Timestamp, to: Timestamp) -> i64 {
    match (from.nanos(), to.nanos()) {
        (Some(from), Some(to)) => to.saturating_sub(from),
        _ => 0,
    }
}
