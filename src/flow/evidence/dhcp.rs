//! What DHCP said to and of each client (RFC 2131), by its Ethernet address, transaction and stretch of time: some clients
//! use the same transaction again each time they start.

use std::net::Ipv4Addr;

use super::lowest::{Add, summed};
use super::{First, Window};
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::MacAddr;
use crate::protocol::dhcp::{self, DhcpMessage};
use crate::state::stored;

/// Seconds of a stretch: who starts again takes longer as a rule.
const STRETCH: i64 = 30;

/// The stretch that a moment is of.
pub(super) const fn stretch(at: Moment) -> i64 {
    at.time.raw().div_euclid(STRETCH * 1_000_000_000)
}

/// Client, transaction and stretch.
pub(super) type Key = (MacAddr, u32, i64);
/// Client, transaction, the server's identifier, which messages of both must name (RFC 2131 tables 3 and 5), and stretch.
pub(super) type ServerKey = (MacAddr, u32, Ipv4Addr, i64);

/// The key of what was stored without its stretch.
pub(super) fn key((client, xid): (MacAddr, u32), exchange: &DhcpExchange) -> Key {
    (client, xid, stretch(exchange.all().begin))
}

/// The same of refusals.
pub(super) fn server_key((client, xid, server): (MacAddr, u32, Ipv4Addr), refusals: &Refusals) -> ServerKey {
    (client, xid, server, stretch(refusals.naks.and(refusals.declines).begin))
}

/// What was said in one transaction of a client: from DISCOVER or REQUEST to ACK, repeated as often as need be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DhcpExchange {
    /// DISCOVER: the client has no address and asks who gives one.
    pub discovers: Window,
    /// OFFER.
    pub offers: Window,
    /// REQUEST of a client that has no address yet: it starts, or starts again. Who only renews a lease
    /// says which address it has.
    pub starts: Window,
    /// REQUEST that names a server: the answer to its OFFER, and to nothing else (RFC 2131 section 4.3.2).
    pub selects: Window,
    /// ACK of an address.
    pub acks: Window,
    /// NAK: the address is refused.
    pub naks: Window,
    /// The address of the first ACK.
    pub leased: Option<First<Ipv4Addr>>,
    /// The address that the last REQUEST names that takes up an OFFER.
    pub selected: Option<First<Ipv4Addr>>,
    /// What the client calls itself (option 61), hashed: one device may have more than one Ethernet address.
    pub identifier: Option<u64>,
}

impl DhcpExchange {
    const NONE: Self = Self {
        discovers: Window::NONE,
        offers: Window::NONE,
        starts: Window::NONE,
        selects: Window::NONE,
        acks: Window::NONE,
        naks: Window::NONE,
        leased: None,
        selected: None,
        identifier: None,
    };

    /// What the client began anew with: its REQUEST, or the DISCOVER that an ACK answered at once (RFC 4039).
    pub fn begun(&self) -> Window {
        if self.starts.count == 0 && self.acks.count > 0 { self.discovers } else { self.starts }
    }

    /// All messages together.
    pub(super) fn all(&self) -> Window {
        let Self { discovers, offers, starts, selects: _, acks, naks, .. } = *self;
        discovers.and(offers).and(starts).and(acks).and(naks)
    }

    fn windows(&mut self) -> [&mut Window; 6] {
        [&mut self.discovers, &mut self.offers, &mut self.starts, &mut self.selects, &mut self.acks, &mut self.naks]
    }
}

impl Add for DhcpExchange {
    fn add(&mut self, mut other: Self) {
        for (mine, theirs) in self.windows().into_iter().zip(other.windows()) {
            mine.add(*theirs);
        }
        self.leased.add(other.leased.take());
        // Of two offers that it takes up the last counts.
        self.selected = [self.selected.take(), other.selected.take()].into_iter().flatten().max_by_key(|one| one.at);
        self.identifier = self.identifier.max(other.identifier);
    }

    fn shift(&mut self, shift: Shift) {
        self.windows().into_iter().for_each(|window| window.shift(shift));
        self.leased.shift(shift);
        self.selected.shift(shift);
    }
}

/// FNV-1a: a client's name is only ever compared with another's.
fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl DhcpExchange {
    /// What a message says.
    pub(super) fn of(payload: &[u8], time: Timestamp, at: Moment) -> Option<(Key, Self)> {
        let message = dhcp::message(payload)?;
        let DhcpMessage { kind, client, xid, client_address, your_address, .. } = message;
        let mut exchange = DhcpExchange::NONE;
        let once = Window::once(time, at);
        exchange.identifier = message.client_identifier.map(hash);
        match kind {
            1 => exchange.discovers = once,
            2 => exchange.offers = once,
            3 if client_address.is_unspecified() => {
                exchange.starts = once;
                if message.names_server {
                    exchange.selects = once;
                    exchange.selected = message.requested_address.map(|what| First { at, time, what });
                }
            }
            // The answer to an INFORM gives no address.
            5 if !your_address.is_unspecified() => {
                exchange.acks = once;
                exchange.leased = Some(First { at, time, what: your_address });
            }
            6 => exchange.naks = once,
            _ => return None,
        }
        Some(((MacAddr(client), xid, stretch(at)), exchange))
    }
}

/// What of one transaction one server refused, or its client declined.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusals {
    /// NAK: the server refuses the address (RFC 2131 section 4.3.2).
    pub naks: Window,
    /// DECLINE: the client found that another device has the address (RFC 2131 section 4.4.4).
    pub declines: Window,
    /// The address of the first DECLINE.
    pub declined: Option<First<Ipv4Addr>>,
}

summed!(Refusals { naks, declines, declined });

impl Refusals {
    /// What a message refuses.
    pub(super) fn of(payload: &[u8], time: Timestamp, at: Moment) -> Option<(ServerKey, Self)> {
        let message = dhcp::message(payload)?;
        let once = Window::once(time, at);
        let refusals = match message.kind {
            4 => Self {
                naks: Window::NONE,
                declines: once,
                declined: message.requested_address.map(|what| First { at, time, what }),
            },
            6 => Self { naks: once, declines: Window::NONE, declined: None },
            _ => return None,
        };
        let server = message.server.unwrap_or(Ipv4Addr::UNSPECIFIED);
        Some(((MacAddr(message.client), message.xid, server, stretch(at)), refusals))
    }
}

stored!(Refusals { naks, declines, declined });

stored!(DhcpExchange { discovers, offers, starts, selects, acks, naks, leased, selected, identifier });
