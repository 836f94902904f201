//! Tags that switches add to what they mirror or hand to their processor: Cisco's metadata, Arista's time stamps and
//! DzGRE, Marvell's and Broadcom's port tags.

use super::ethernet;
use super::span::{Span, be16};
use super::stop::{Stop, StopLayer};
use super::walk::{Step, Walk};

/// EtherTypes of the tags, as what is told where one is not plausible.
mod number {
    pub(super) const CMD: u16 = 0x8909;
    pub(super) const ARISTA: u16 = 0xd28b;
    pub(super) const EDSA: u16 = 0xdada;
    pub(super) const BROADCOM: u16 = 0x8874;
}

/// Cisco MetaData, which carries the security group tag: version 1, its length in units of 8 bytes with the next
/// EtherType at its end (as Snort reads it), options.
pub(super) fn cisco_metadata<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[version, length], _) = span.split::<2>(StopLayer::SwitchTag)?;
    if version != 1 || length == 0 {
        return ethernet::unknown(walk, number::CMD, span);
    }
    let rest = span.skip(usize::from(length) * 8 - 2, StopLayer::SwitchTag)?;
    next_type(walk, rest)
}

/// What stands behind an Arista header.
#[derive(Clone, Copy)]
enum InnerHeader {
    EtherType,
    Frame,
}

/// Arista's headers: subtype, version, bytes behind these two, and what follows. Time stamps of 64 and 48 bits, in TAI and
/// UTC; DzGRE by plan A, plan B and with a time stamp.
const ARISTA: &[(u16, u16, usize, InnerHeader)] = &[
    (1, 0x0010, 8, InnerHeader::EtherType),
    (1, 0x0110, 8, InnerHeader::EtherType),
    (1, 0x0011, 8, InnerHeader::EtherType),
    (1, 0x0111, 8, InnerHeader::EtherType),
    (1, 0x0020, 6, InnerHeader::EtherType),
    (1, 0x0120, 6, InnerHeader::EtherType),
    (1, 0x0021, 6, InnerHeader::EtherType),
    (1, 0x0121, 6, InnerHeader::EtherType),
    (7, 1, 8, InnerHeader::Frame),
    (8, 1, 4, InnerHeader::Frame),
    (9, 0x0011, 16, InnerHeader::Frame),
    (9, 0x0111, 16, InnerHeader::Frame),
];

/// Arista's own EtherType, before a packet and as the protocol of its mirrors' GRE.
pub(super) fn arista<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[s0, s1, v0, v1], rest) = span.split::<4>(StopLayer::SwitchTag)?;
    let key = (be16(s0, s1), be16(v0, v1));
    let Some((.., length, behind)) = ARISTA.iter().find(|(subtype, version, ..)| (*subtype, *version) == key) else {
        return ethernet::unknown(walk, number::ARISTA, span);
    };
    let rest = rest.skip(*length, StopLayer::SwitchTag)?;
    match behind {
        InnerHeader::EtherType => next_type(walk, rest),
        InnerHeader::Frame => Ok(Step::To(ethernet::ethernet, rest)),
    }
}

/// Marvell's EtherType DSA tag, by the number that Linux gives it: two reserved bytes, then the DSA tag.
pub(super) fn edsa<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[r0, r1], rest) = span.split::<2>(StopLayer::SwitchTag)?;
    if (r0, r1) != (0, 0) {
        return ethernet::unknown(walk, number::EDSA, span);
    }
    marvell(walk, rest)
}

/// Marvell's DSA tag (LINKTYPE_DSA_TAG_DSA): mode and device, port, priority and VLAN, which is the frame's own tag if it
/// had one; then the EtherType.
fn marvell<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    const TAGGED: u8 = 0x20;
    let (&[mode, _, high, low], rest) = span.split::<4>(StopLayer::SwitchTag)?;
    if mode & TAGGED != 0 {
        walk.packet.vlan.push(be16(high, low) & 0xfff);
    }
    next_type(walk, rest)
}

/// Broadcom's older tag, which has an EtherType: four bytes, then the frame's own EtherType, if that is known.
pub(super) fn broadcom_legacy<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    match span.u16(4) {
        Some(next) if ethernet::is_known(next) => next_type(walk, span.skip(4, StopLayer::SwitchTag)?),
        Some(_) => ethernet::unknown(walk, number::BROADCOM, span),
        None => Err(span.short(StopLayer::SwitchTag)),
    }
}

/// LINKTYPE_DSA_TAG_DSA: the tag between the addresses and the EtherType.
pub(super) fn dsa_frame<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let rest = ethernet::addresses(walk, span)?;
    marvell(walk, rest)
}

/// LINKTYPE_DSA_TAG_EDSA: the same behind an EtherType, whose number the switch may set, and two reserved bytes.
pub(super) fn edsa_frame<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let rest = ethernet::addresses(walk, span)?.skip(4, StopLayer::SwitchTag)?;
    marvell(walk, rest)
}

/// LINKTYPE_DSA_TAG_BRCM: four bytes between the addresses and the EtherType.
pub(super) fn broadcom_frame<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let rest = ethernet::addresses(walk, span)?.skip(4, StopLayer::SwitchTag)?;
    next_type(walk, rest)
}

/// LINKTYPE_DSA_TAG_BRCM_PREPEND: four bytes before the frame.
pub(super) fn broadcom_before<'a>(_: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    Ok(Step::To(ethernet::ethernet, span.skip(4, StopLayer::SwitchTag)?))
}

/// An EtherType and what follows.
fn next_type<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[high, low], rest) = span.split::<2>(StopLayer::SwitchTag)?;
    ethernet::type_or_length(walk, be16(high, low), rest)
}
