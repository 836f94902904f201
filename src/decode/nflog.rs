//! Linux netfilter log (LINKTYPE_NFLOG).

use super::network;
use super::non_ip::NonIp;
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};
use super::walk::{Step, Walk};

/// Address families of Linux.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// The attribute that holds the packet.
const NFULA_PAYLOAD: u16 = 9;

/// Family, version, resource, then attributes: length and type in the byte order of the machine
/// that captured, value, padded to four bytes.
pub(super) fn nflog<'a>(walk: &mut Walk<'a>, span: Span<'a>) -> Result<Step<'a>, Stop> {
    let (&[family, version, _, _], attributes) = span.split::<4>(StopLayer::Nflog)?;
    if version != 0 {
        return Err(Stop { layer: StopLayer::Nflog, reason: StopReason::BadVersion });
    }
    let payload = match payload(attributes, u16::from_le_bytes) {
        Err(little) => payload(attributes, u16::from_be_bytes).map_err(|_| little)?,
        Ok(payload) => payload,
    };
    match payload {
        Some(payload) if matches!(family, AF_INET | AF_INET6) => Ok(Step::To(network::ip, payload)),
        Some(payload) => walk.non_ip(NonIp::AddressFamily(family.into()), payload),
        None => walk.non_ip(NonIp::Opaque, attributes),
    }
}

/// The payload attribute, if there is one.
fn payload<'a>(attributes: Span<'a>, order: fn([u8; 2]) -> u16) -> Result<Option<Span<'a>>, Stop> {
    let mut rest = attributes;
    while !rest.is_empty() {
        let (&[l0, l1, t0, t1], value) = rest.split::<4>(StopLayer::Nflog)?;
        let length = usize::from(order([l0, l1]));
        let Some(content) = length.checked_sub(4).filter(|_| length <= rest.wire()) else {
            return Err(Stop { layer: StopLayer::Nflog, reason: StopReason::BadLength });
        };
        // The two high bits are flags of netlink attributes.
        if order([t0, t1]) & 0x3fff == NFULA_PAYLOAD {
            return Ok(Some(value.limit(content)));
        }
        // The last attribute may lack its padding.
        let padded = length.next_multiple_of(4).min(rest.wire());
        rest = rest.skip(padded, StopLayer::Nflog)?;
    }
    Ok(None)
}
