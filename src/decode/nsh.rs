//! Network service header (RFC 8300).

use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Layer, Step, Walk};
use super::{ethernet, mpls, network};

/// EtherType.
const NSH: u16 = 0x894f;

/// What the next protocol announces (section 2.2).
const NEXT: &[(u8, Layer)] = &[(1, network::ip), (2, network::ip), (3, ethernet::ethernet), (4, nsh), (5, mpls::mpls)];

/// Version 0; the length of the whole header in units of 4 bytes, which is 6 for metadata of type 1; metadata type; next
/// protocol; then the service path and the metadata.
pub(super) fn nsh<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[version, length, kind, next], _) = span.split::<4>(StopLayer::Nsh)?;
    let length = usize::from(length & 0x3f);
    if version >> 6 != 0 {
        return Err(Stop { layer: StopLayer::Nsh, reason: StopReason::BadVersion });
    }
    if !matches!((kind & 0xf, length), (1, 6) | (2, 2..)) {
        return Err(Stop { layer: StopLayer::Nsh, reason: StopReason::BadLength });
    }
    match NEXT.iter().find(|(number, _)| *number == next) {
        Some((_, layer)) => Ok(Step::To(*layer, span.skip(length * 4, StopLayer::Nsh)?)),
        None => ethernet::unknown(walk, NSH, span),
    }
}
