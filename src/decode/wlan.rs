//! IEEE 802.11, plain and behind radiotap, PPI, Prism and AVS headers.

use super::link_words::MacAddr;
use super::non_ip::NonIp;
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Step, Walk};
use super::{ethernet, link};

/// Bits of the frame control field (IEEE 802.11 section 9.2.4.1), its two bytes in their order.
mod control {
    /// First byte: version, type and subtype.
    pub(super) const VERSION: u8 = 0x03;
    pub(super) const TYPE: u8 = 0x0c;
    pub(super) const DATA: u8 = 0x08;
    pub(super) const NO_DATA: u8 = 0x40;
    pub(super) const QOS: u8 = 0x80;
    /// Second byte: flags.
    pub(super) const TO_DS: u8 = 0x01;
    pub(super) const FROM_DS: u8 = 0x02;
    pub(super) const PROTECTED: u8 = 0x40;
    pub(super) const HT_CONTROL: u8 = 0x80;
}

/// The QoS control's bit for an aggregate of MSDUs.
const A_MSDU: u8 = 0x80;

/// An 802.11 frame without anything around it.
pub(super) fn ieee802_11<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&control, _) = span.split::<2>(StopLayer::Wlan)?;
    frame(walk, span, control, false)
}

/// An 802.11 frame whose frame control some controllers write with its two bytes exchanged.
pub(super) fn in_either_order<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[first, second], _) = span.split::<2>(StopLayer::Wlan)?;
    frame(walk, span, order(span, first, second), false)
}

/// Whether an 802.11 frame could begin here, by its frame control in either order.
pub(super) fn is_plausible(span: Span<'_>) -> bool {
    let (Some(first), Some(second)) = (span.u8(0), span.u8(1)) else { return false };
    let [kind, _] = order(span, first, second);
    span.wire() >= 10 && kind & control::VERSION == 0 && kind & control::TYPE != control::TYPE
}

/// Frame control in its order: the one by which SNAP stands behind the header, else the one whose version is known.
fn order(span: Span<'_>, first: u8, second: u8) -> [u8; 2] {
    const SNAP: u32 = 0xaaaa_0300;
    let has_snap = |[kind, flags]: [u8; 2]| {
        let distribution = control::TO_DS | control::FROM_DS;
        let fourth = if flags & distribution == distribution { 6 } else { 0 };
        let quality = if kind & control::QOS != 0 { 2 } else { 0 };
        kind & (control::VERSION | control::TYPE) == control::DATA
            && span.u32(24 + fourth + quality).is_some_and(|bytes| bytes & 0xffff_ff00 == SNAP)
    };
    let (usual, exchanged) = ([first, second], [second, first]);
    let is_exchanged = !has_snap(usual) && (has_snap(exchanged) || first & control::VERSION != 0);
    if is_exchanged { exchanged } else { usual }
}

/// An 802.11 frame; `padded` when the header was padded to four bytes (radiotap flag 0x20).
fn frame<'a>(walk: &mut Walk<'a>, span: Span<'a>, [kind, flags]: [u8; 2], padded: bool) -> Result<Step<'a>, Stop> {
    walk.begin_link();
    if kind & control::VERSION != 0 {
        return Err(Stop { layer: StopLayer::Wlan, reason: StopReason::BadVersion });
    }
    if kind & control::TYPE != control::DATA {
        return walk.non_ip(NonIp::Wlan, span);
    }
    let (head, rest) = span.split::<24>(StopLayer::Wlan)?;
    let [_, _, _, _, a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5, c0, c1, c2, c3, c4, c5, s0, _] = *head;
    let [first, second, third] = [[a0, a1, a2, a3, a4, a5], [b0, b1, b2, b3, b4, b5], [c0, c1, c2, c3, c4, c5]];
    let (to_ds, from_ds) = (flags & control::TO_DS != 0, flags & control::FROM_DS != 0);
    let mut length = 24;
    let (source, destination, rest) = match (to_ds, from_ds) {
        (false, false) => (second, first, rest),
        (true, false) => (second, third, rest),
        (false, true) => (third, first, rest),
        (true, true) => {
            let (fourth, rest) = rest.split::<6>(StopLayer::Wlan)?;
            length += 6;
            (*fourth, third, rest)
        }
    };
    walk.packet.source_mac = Some(MacAddr(source));
    walk.packet.destination_mac = Some(MacAddr(destination));
    let (mut rest, mut aggregate) = (rest, false);
    if kind & control::QOS != 0 {
        let (&[qos, _], behind) = rest.split::<2>(StopLayer::Wlan)?;
        (rest, aggregate) = (behind, qos & A_MSDU != 0);
        length += 2;
        if flags & control::HT_CONTROL != 0 {
            rest = rest.skip(4, StopLayer::Wlan)?;
            length += 4;
        }
    }
    if padded {
        rest = rest.skip(length % 4, StopLayer::Wlan)?;
    }
    // The low bits of the sequence control number the fragments; the first has the headers.
    let later_fragment = s0 & 0x0f != 0;
    if kind & control::NO_DATA == 0 && flags & control::PROTECTED != 0 {
        return walk.non_ip(NonIp::EncryptedWlan, rest);
    }
    if kind & control::NO_DATA != 0 || later_fragment {
        return walk.non_ip(NonIp::Wlan, rest);
    }
    if aggregate {
        return walk.non_ip(NonIp::WlanAggregate, rest);
    }
    Ok(Step::To(ethernet::llc, rest))
}

/// Radiotap (radiotap.org): version, pad, length and bitmaps in little-endian order. Of its fields
/// only the flags matter, second to the time stamp.
pub(super) fn radiotap<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[version, _, l0, l1, p0, p1, p2, p3], _) = span.split::<8>(StopLayer::Radiotap)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 {
        return Err(Stop { layer: StopLayer::Radiotap, reason: StopReason::BadVersion });
    }
    if length < 8 {
        return Err(Stop { layer: StopLayer::Radiotap, reason: StopReason::BadLength });
    }
    let flags = radiotap_flags(span.limit(length), u32::from_le_bytes([p0, p1, p2, p3]));
    let rest = span.skip(length, StopLayer::Radiotap)?;
    let rest = if flags & 0x10 != 0 { without_fcs(rest) } else { rest };
    let (&control, _) = rest.split::<2>(StopLayer::Wlan)?;
    frame(walk, rest, control, flags & 0x20 != 0)
}

/// The flags field of a radiotap header, 0 where it has none.
fn radiotap_flags(header: Span<'_>, present: u32) -> u8 {
    const TIME: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    const MORE_BITMAPS: u32 = 1 << 31;
    if present & FLAGS == 0 {
        return 0;
    }
    let (mut at, mut last) = (8, present);
    while last & MORE_BITMAPS != 0 {
        let Some(next) = header.u32(at) else { return 0 };
        (at, last) = (at + 4, next.swap_bytes());
    }
    if present & TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    header.u8(at).unwrap_or(0)
}

/// Leaves the frame check sequence out.
fn without_fcs(span: Span<'_>) -> Span<'_> {
    span.limit(span.wire().saturating_sub(4))
}

/// Per-packet information: version, flags, length and link type in little-endian order, then
/// fields, of which 802.11's common one (type 2) says whether a frame check sequence follows.
pub(super) fn ppi<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[version, _, l0, l1, t0, t1, t2, t3], mut fields) = span.split::<8>(StopLayer::Ppi)?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 {
        return Err(Stop { layer: StopLayer::Ppi, reason: StopReason::BadVersion });
    }
    if length < 8 {
        return Err(Stop { layer: StopLayer::Ppi, reason: StopReason::BadLength });
    }
    let mut rest = span.skip(length, StopLayer::Ppi)?;
    fields = fields.limit(length - 8);
    while let Ok((&[k0, k1, s0, s1], behind)) = fields.split::<4>(StopLayer::Ppi) {
        if u16::from_le_bytes([k0, k1]) == 2 && behind.u8(8).is_some_and(|flags| flags & 1 != 0) {
            rest = without_fcs(rest);
        }
        match behind.skip(usize::from(u16::from_le_bytes([s0, s1])), StopLayer::Ppi) {
            Ok(next) => fields = next,
            Err(_) => break,
        }
    }
    link::packet(walk, u32::from_le_bytes([t0, t1, t2, t3]), rest)
}

/// Prism: message code and length in the machine's byte order; AVS headers come under the same link
/// type and are known by their magic number.
pub(super) fn prism<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[c0, c1, c2, c3, l0, l1, l2, l3], _) = span.split::<8>(StopLayer::Prism)?;
    let (code, length) = ([c0, c1, c2, c3], [l0, l1, l2, l3]);
    let length = match (u32::from_be_bytes(code), u32::from_le_bytes(code)) {
        (0x8021_1001..=0x8021_1002, _) => u32::from_be_bytes(length),
        (_, 0x41 | 0x44) => u32::from_le_bytes(length),
        (0x41 | 0x44, _) => u32::from_be_bytes(length),
        // Some drivers leave the header out.
        _ => return ieee802_11(walk, span),
    };
    if length < 8 {
        return Err(Stop { layer: StopLayer::Prism, reason: StopReason::BadLength });
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Step::To(ieee802_11, span.skip(length, StopLayer::Prism)?))
}
