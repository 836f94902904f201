//! TaZmen Sniffer Protocol, the mirror of MikroTik and others.

use super::packet::TunnelKind;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::tunnel::no_header;
use super::walk::{Layer, Step, Walk};
use super::{ethernet, wlan};

/// What TZSP's encapsulated protocol announces; the header and these numbers are as Wireshark reads them.
const TZSP: &[(u16, Layer)] = &[(1, ethernet::ethernet), (18, wlan::ieee802_11)];

/// TaZmen Sniffer Protocol: version 1, type (0 and 1 hold a packet), encapsulated protocol; then tagged fields (tag,
/// length, value) up to the tag 1, which has no length, as 0 has none, which only pads.
pub(super) fn tzsp<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    /// More than any sender writes.
    const MAX_FIELDS: usize = 64;
    let Ok((&[version, kind, p0, p1], mut rest)) = span.split::<4>(StopLayer::Tzsp) else {
        return no_header(span, StopLayer::Tzsp);
    };
    let layer = TZSP.iter().find(|(number, _)| *number == be16(p0, p1)).map(|(_, layer)| *layer);
    let Some(layer) = layer.filter(|_| version == 1 && kind <= 1) else { return Ok(Step::Done) };
    for _ in 0..MAX_FIELDS {
        let (&[tag], behind) = rest.split::<1>(StopLayer::Tzsp)?;
        rest = match tag {
            0 => behind,
            1 if behind.is_empty() => return Ok(Step::Done),
            1 => return walk.enter(TunnelKind::Tzsp, layer, behind),
            _ => {
                let (&[length], behind) = behind.split::<1>(StopLayer::Tzsp)?;
                behind.skip(usize::from(length), StopLayer::Tzsp)?
            }
        };
    }
    Ok(Step::Done)
}
