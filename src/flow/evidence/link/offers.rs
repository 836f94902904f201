//! Which DHCP servers give addresses (RFC 2131): told apart by the identifier that each must name in its answers.

use std::net::Ipv4Addr;

use super::super::First;
use super::super::dhcp::{ServerKey, stretch};
use super::super::lowest::summed;
use super::Window;
use crate::capture::{Moment, Timestamp};
use crate::decode::MacAddr;
use crate::protocol::dhcp;
use crate::state::stored;

/// What one server gave in one transaction within a stretch of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offers {
    /// OFFERs.
    pub offers: Window,
    /// ACKs of an address.
    pub acks: Window,
    /// The address, its subnet mask and router, of the first of them.
    pub first: First<(Ipv4Addr, Option<Ipv4Addr>, Option<Ipv4Addr>)>,
}

summed!(Offers { offers, acks, first });

/// Of a message by which a server gives an address.
pub(super) fn of(payload: &[u8], time: Timestamp, at: Moment) -> Option<(ServerKey, Offers)> {
    let message = dhcp::message(payload)?;
    // Who gives no address is asked for a boot file only (a proxy), or answers an INFORM.
    let server = message.server.filter(|server| !server.is_unspecified() && !message.your_address.is_unspecified())?;
    let once = Window::once(time, at);
    let (offers, acks) = match message.kind {
        2 => (once, Window::NONE),
        5 => (Window::NONE, once),
        _ => return None,
    };
    let first = First { at, time, what: (message.your_address, message.mask, message.router) };
    Some(((MacAddr(message.client), message.xid, server, stretch(at)), Offers { offers, acks, first }))
}

/// The key of what was stored without its stretch.
pub(super) const fn key((client, xid, server): (MacAddr, u32, Ipv4Addr), offers: &Offers) -> ServerKey {
    (client, xid, server, stretch(offers.first.at))
}

stored!(Offers { offers, acks, first });
