//! Bytes of one layer, with the length they had on the wire.

use super::stop::{Stop, StopLayer, StopReason};

/// What is left of a frame from some header on. Never yields bytes behind its end, and tells a
/// header that the snap length cut from one that was never there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    bytes: &'a [u8],
    /// Length on the wire; at least `bytes.len()`.
    wire: usize,
}

impl<'a> Span<'a> {
    /// A whole frame: `wire` is its original length. A claim below the captured length is ignored.
    pub(super) fn new(bytes: &'a [u8], wire: u32) -> Self {
        Self { bytes, wire: bytes.len().max(wire as usize) }
    }

    /// The captured bytes.
    pub(super) const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Length on the wire.
    pub(super) const fn wire(self) -> usize {
        self.wire
    }

    /// [`Span::wire`] as the packet reports it.
    pub(super) fn wire_u32(self) -> u32 {
        u32::try_from(self.wire).unwrap_or(u32::MAX)
    }

    /// Whether nothing is left, captured or not.
    pub(super) const fn is_empty(self) -> bool {
        self.wire == 0
    }

    /// Why bytes behind the captured ones are missing.
    pub(super) const fn missing(self) -> StopReason {
        if self.is_cut() { StopReason::CutBySnapLength } else { StopReason::TooShort }
    }

    /// Whether fewer bytes were captured than were on the wire.
    pub(super) const fn is_cut(self) -> bool {
        self.bytes.len() < self.wire
    }

    /// The same as the beginning of something longer, whose length only its own headers tell: the first fragment.
    pub(super) const fn beginning(self) -> Self {
        Self { bytes: self.bytes, wire: u32::MAX as usize }
    }

    /// A stop at `layer` for want of bytes.
    pub(super) const fn short(self, layer: StopLayer) -> Stop {
        Stop { layer, reason: self.missing() }
    }

    /// A header of fixed size and what follows it, or a stop at `layer`.
    pub(super) fn split<const N: usize>(self, layer: StopLayer) -> Result<(&'a [u8; N], Self), Stop> {
        match self.bytes.split_first_chunk::<N>() {
            Some((head, rest)) => Ok((head, Self { bytes: rest, wire: self.wire - N })),
            None => Err(self.short(layer)),
        }
    }

    /// What follows the first `count` bytes, or a stop at `layer`.
    pub(super) fn skip(self, count: usize, layer: StopLayer) -> Result<Self, Stop> {
        match self.bytes.get(count..) {
            Some(bytes) => Ok(Self { bytes, wire: self.wire - count }),
            None => Err(self.short(layer)),
        }
    }

    /// Cut to the length that a header gives, so that padding and trailers behind it are left out.
    /// A length beyond the span's own end changes nothing.
    pub(super) fn limit(self, length: usize) -> Self {
        Self { bytes: self.bytes.get(..length).unwrap_or(self.bytes), wire: self.wire.min(length) }
    }

    /// As [`Span::limit`], by a length that is as true as the frame's own: what it says beyond the end was cut off before the
    /// frame was captured, as packet slicing and mirrors that truncate do.
    pub(super) fn claimed(self, length: usize) -> Self {
        Self { wire: length, ..self.limit(length) }
    }

    /// One byte.
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Big-endian 16 bits.
    pub(super) fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }

    /// Big-endian 32 bits.
    pub(super) fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(*self.bytes.get(at..)?.first_chunk()?))
    }
}

/// Big-endian 16 bits of two bytes.
pub(super) const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_cut_from_short() {
        let bytes = [1, 2, 3, 4];
        let cut = Span::new(&bytes, 10);
        assert_eq!(cut.split::<8>(StopLayer::Udp).unwrap_err().reason, StopReason::CutBySnapLength);
        let short = Span::new(&bytes, 4);
        assert_eq!(short.split::<8>(StopLayer::Udp).unwrap_err().reason, StopReason::TooShort);
        let lying = Span::new(&bytes, 1);
        assert_eq!(lying.wire(), 4);
    }

    #[test]
    fn limits_leave_padding_out() {
        let bytes = [1, 2, 3, 4];
        let inner = Span::new(&bytes, 60).limit(3);
        assert_eq!((inner.bytes(), inner.wire()), (&bytes[..3], 3));
        let cut = Span::new(&bytes, 60).limit(40);
        assert_eq!((cut.bytes(), cut.wire()), (&bytes[..], 40));
        let over = Span::new(&bytes, 4).limit(40);
        assert_eq!((over.bytes(), over.wire()), (&bytes[..], 4));
    }
}
