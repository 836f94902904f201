//! Packets that did not fit the path: ICMP errors that say so (RFC 792 and 1191, RFC 4443 section 3.2), and datagrams that
//! came in pieces.

use std::net::IpAddr;

use super::Window;
use crate::decode::{Fragment, IpPacket, Transport, quoted};
use crate::flow::evidence::lowest::{Add as _, summed};
use crate::state::stored;

/// Packets of one sender to one receiver that did not fit, within a minute: each of those that are on their way when the first
/// error comes has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooBig {
    /// The errors.
    pub errors: Window,
    /// The least size that was said to fit, in bytes; 0 where none was.
    pub fits: u32,
}

impl TooBig {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }
}

summed!(TooBig { errors }, mine, theirs: {
    mine.fits = match (mine.fits, theirs.fits) {
        (0, other) | (other, 0) => other,
        (a, b) => a.min(b),
    };
});
stored!(TooBig { errors, fits });

/// Who says that packets of whom to whom were too big.
type Path = (IpAddr, IpAddr, IpAddr);
/// The same, and the minute since 1970, as far as order goes.
pub(super) type Key = (IpAddr, IpAddr, IpAddr, i64);

/// The key of what was stored without its minute: that of the earliest error.
pub(super) const fn key((router, source, destination): Path, too_big: &TooBig) -> Key {
    (router, source, destination, too_big.errors.begin.time.raw().div_euclid(60_000_000_000))
}

/// Who says that a packet of whom to whom was too big, and what would fit.
pub(super) fn too_big(ip: &IpPacket<'_>, errors: Window) -> Option<(Key, TooBig)> {
    let Transport::Icmp { kind, code, body } = ip.transport else { return None };
    let v6 = ip.protocol == 58;
    if !matches!((v6, kind, code), (false, 3, 4) | (true, 2, _)) {
        return None;
    }
    let quoted = quoted(body, v6)?;
    let &[a, b, c, d] = body.first_chunk::<4>()?;
    // Of ICMP the upper half is unused.
    let fits = if v6 { u32::from_be_bytes([a, b, c, d]) } else { u32::from(u16::from_be_bytes([c, d])) };
    let too_big = TooBig { errors, fits };
    Some((key((ip.source, quoted.source, quoted.destination), &too_big), too_big))
}

/// The pieces of one datagram; an identification that is used again adds to the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pieces {
    /// The fragments.
    pub fragments: Window,
    /// Bytes that they hold.
    pub bytes: u64,
    /// The length of the datagram, from its last fragment; 0 if that was not captured.
    pub length: u32,
    /// First fragments.
    pub firsts: u64,
}

impl Pieces {
    pub(super) fn of(fragment: Fragment, fragments: Window) -> Self {
        let length = if fragment.more { 0 } else { fragment.offset.saturating_add(fragment.length) };
        Self { fragments, bytes: fragment.length.into(), length, firsts: u64::from(fragment.offset == 0) }
    }

    /// Whether a piece is missing. Copies of a piece, and an identification that was used again, count as pieces: a
    /// datagram that lacks something may pass for whole, never the other way round.
    pub const fn lacks_some(&self) -> bool {
        self.length == 0 || self.firsts == 0 || self.bytes < self.length as u64
    }
}

summed!(Pieces { fragments }, mine, theirs: {
    mine.bytes = mine.bytes.saturating_add(theirs.bytes);
    mine.length = mine.length.max(theirs.length);
    mine.firsts = mine.firsts.saturating_add(theirs.firsts);
});
stored!(Pieces { fragments, bytes, length, firsts });
