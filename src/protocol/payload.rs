//! What the checks work on and what they say.

use super::{Evidence, Tag, Turn};

/// A payload and where it was seen.
pub(super) struct Payload<'a> {
    /// The captured bytes, never empty.
    pub(super) bytes: &'a [u8],
    /// Length on the wire, at least that of `bytes`.
    pub(super) wire_len: u32,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) tcp: bool,
}

impl Payload<'_> {
    /// Whether all bytes of the payload were captured.
    pub(super) fn is_complete(&self) -> bool {
        self.bytes.len() as u64 >= u64::from(self.wire_len)
    }

    /// Whether one of the ports is `port`.
    pub(super) const fn has_port(&self, port: u16) -> bool {
        self.source_port == port || self.destination_port == port
    }

    /// Whether one of the ports is among `ports`.
    pub(super) fn has_port_of(&self, ports: &[u16]) -> bool {
        ports.iter().any(|&port| self.has_port(port))
    }

    /// `Violates` if the payload is all there, else `Unknown`: for checks that ran out of bytes.
    pub(super) fn ran_out(&self) -> Evidence {
        if self.is_complete() { Evidence::Violates } else { Evidence::Unknown }
    }
}

/// What one check says.
#[derive(Clone, Copy)]
pub(super) struct Sign {
    pub(super) evidence: Evidence,
    pub(super) asks: bool,
    /// Whether it answers nothing that was asked.
    pub(super) announces: bool,
    pub(super) turn: Turn,
    pub(super) tag: Tag,
}

impl Sign {
    pub(super) const UNKNOWN: Self = Self::of(Evidence::Unknown);
    pub(super) const CONFORMS: Self = Self::of(Evidence::Conforms);
    pub(super) const VIOLATES: Self = Self::of(Evidence::Violates);

    pub(super) const fn of(evidence: Evidence) -> Self {
        Self { evidence, asks: false, announces: false, turn: Turn::Unknown, tag: Tag::None }
    }

    /// `Conforms` if `proof` holds, else `Unknown`.
    pub(super) const fn conforms_if(proof: bool) -> Self {
        if proof { Self::CONFORMS } else { Self::UNKNOWN }
    }

    #[must_use]
    pub(super) const fn asking(mut self, asks: bool) -> Self {
        self.asks = asks;
        self
    }

    #[must_use]
    pub(super) const fn announcing(mut self) -> Self {
        self.announces = true;
        self
    }

    #[must_use]
    pub(super) const fn turning(mut self, turn: Turn) -> Self {
        self.turn = turn;
        self
    }

    #[must_use]
    pub(super) const fn tagged(mut self, tag: Tag) -> Self {
        self.tag = tag;
        self
    }
}

/// A big-endian 16-bit number at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// A big-endian 32-bit number at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let quad = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([quad[0], quad[1], quad[2], quad[3]]))
}

/// The bytes before the first NUL, and those behind it.
pub(super) fn split_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
