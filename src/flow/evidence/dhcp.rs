//! What DHCP said to and of each client (RFC 2131), by its Ethernet address and transaction.

use std::net::Ipv4Addr;

use super::lowest::{Add, Lowest};
use super::{First, Window};
use crate::capture::{FrameId, Shift, Timestamp};
use crate::decode::MacAddr;
use crate::protocol::dhcp::{self, Message};

/// One transaction of a client: from DISCOVER or REQUEST to ACK, repeated as often as need be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DhcpExchange {
    /// DISCOVER: the client has no address and asks who gives one.
    pub discovers: Window,
    /// OFFER.
    pub offers: Window,
    /// REQUEST of a client that has no address yet: it starts, or starts again. Who only renews a lease
    /// says which address it has.
    pub starts: Window,
    /// ACK of an address.
    pub acks: Window,
    /// NAK: the address is refused.
    pub naks: Window,
    /// The address of the first ACK.
    pub leased: Option<First<Ipv4Addr>>,
}

impl DhcpExchange {
    const NONE: Self = Self {
        discovers: Window::NONE,
        offers: Window::NONE,
        starts: Window::NONE,
        acks: Window::NONE,
        naks: Window::NONE,
        leased: None,
    };

    fn windows(&mut self) -> [&mut Window; 5] {
        [&mut self.discovers, &mut self.offers, &mut self.starts, &mut self.acks, &mut self.naks]
    }
}

impl Add for DhcpExchange {
    fn add(&mut self, mut other: Self) {
        for (mine, theirs) in self.windows().into_iter().zip(other.windows()) {
            mine.add(*theirs);
        }
        match (&mut self.leased, other.leased) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
    }
}

/// The transactions of all clients, up to a limit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct DhcpClients(Lowest<(MacAddr, u32), DhcpExchange, 65_536>);

impl DhcpClients {
    pub(super) fn add(&mut self, payload: &[u8], time: Timestamp, frame: FrameId) {
        let Some(Message { kind, client, xid, client_address, your_address }) = dhcp::message(payload) else { return };
        let mut exchange = DhcpExchange::NONE;
        let once = Window::once(time, frame);
        match kind {
            1 => exchange.discovers = once,
            2 => exchange.offers = once,
            3 if client_address.is_unspecified() => exchange.starts = once,
            // The answer to an INFORM gives no address.
            5 if !your_address.is_unspecified() => {
                exchange.acks = once;
                exchange.leased = Some(First { frame, time, what: your_address });
            }
            6 => exchange.naks = once,
            _ => return,
        }
        self.0.add((MacAddr(client), xid), exchange);
    }

    pub(super) fn absorb(&mut self, other: Self, shift: Shift) {
        self.0.absorb(other.0, |exchange| {
            exchange.windows().into_iter().for_each(|window| window.frame = shift.apply(window.frame));
            if let Some(leased) = &mut exchange.leased {
                leased.frame = shift.apply(leased.frame);
            }
        });
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&(MacAddr, u32), &DhcpExchange)> {
        self.0.iter()
    }

    pub(super) const fn turned_away(&self) -> bool {
        self.0.turned_away()
    }
}
