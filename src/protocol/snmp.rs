//! SNMP: a BER sequence of version, and community or header (RFC 1157, 3416, 3412).

use super::Turn;
use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
/// msgFlags: a report is wanted if the message cannot be processed (RFC 3412 section 6.4).
const REPORTABLE: u8 = 0x04;

pub(super) const SPEC: Spec = Spec {
    name: "snmp",
    ports: &[161, 162],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::known(FirstBytes::of(&[(0x30, 0x30)])),
    strength: 7,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let turn = |asks| if asks { Turn::Request } else { Turn::Unknown };
    read(p).map_or(Sign::UNKNOWN, |asks| Sign::CONFORMS.asking(asks).turning(turn(asks)))
}

/// Whether an SNMP message asks, or `None` if it is none.
fn read(p: &Payload<'_>) -> Option<bool> {
    let (SEQUENCE, length, message) = element(p.bytes)? else { return None };
    let header = p.bytes.len() - message.len();
    if header as u64 + length as u64 != u64::from(p.wire_len) {
        return None;
    }
    let (INTEGER, 1, message) = element(message)? else { return None };
    let (&version, message) = message.split_first()?;
    let (kind, length, rest) = element(message)?;
    match version {
        // RFC 1157, 3416: the community, then the PDU.
        0 | 1 if kind == OCTET_STRING => {
            let (pdu, _, _) = element(rest.get(length..)?)?;
            // GetRequest, GetNextRequest, SetRequest, GetBulkRequest, InformRequest.
            (0xa0..=0xa8).contains(&pdu).then_some(matches!(pdu, 0xa0 | 0xa1 | 0xa3 | 0xa5 | 0xa6))
        }
        // RFC 3412 section 6: msgID, msgMaxSize, msgFlags, msgSecurityModel.
        3 if kind == SEQUENCE => {
            let (INTEGER, id_len, rest) = element(rest)? else { return None };
            let (INTEGER, size_len, rest) = element(rest.get(id_len..)?)? else { return None };
            let (OCTET_STRING, 1, rest) = element(rest.get(size_len..)?)? else { return None };
            Some(rest.first()? & REPORTABLE != 0)
        }
        _ => None,
    }
}

/// Tag and length of a BER element and what follows them; lengths up to 65,535.
fn element(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    match *bytes {
        [tag, 0x82, high, low, ref rest @ ..] => Some((tag, usize::from(u16::from_be_bytes([high, low])), rest)),
        [tag, 0x81, length, ref rest @ ..] => Some((tag, usize::from(length), rest)),
        [tag, length @ 0..=0x7f, ref rest @ ..] => Some((tag, usize::from(length), rest)),
        _ => None,
    }
}
