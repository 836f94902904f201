//! ICMP and ICMPv6: which type asks, and which answers it.

use super::Turn;

/// Types of requests and of their replies that share a flow (RFC 792, RFC 950).
const PAIRS: [(u8, u8); 4] = [(8, 0), (13, 14), (15, 16), (17, 18)];
/// The same for ICMPv6 (RFC 4443, RFC 4861).
const PAIRS_V6: [(u8, u8); 3] = [(128, 129), (133, 134), (135, 136)];

/// Requests and the replies that share their flows.
pub const fn pairs(v6: bool) -> &'static [(u8, u8)] {
    if v6 { &PAIRS_V6 } else { &PAIRS }
}

/// The type of the request that a reply of a type answers, so that both share a flow; any other type is itself.
pub fn request_of(v6: bool, kind: u8) -> u8 {
    pairs(v6).iter().find(|(_, reply)| *reply == kind).map_or(kind, |(request, _)| *request)
}

/// What stands in a flow's key where others have their ports: the type of the request, and above it the code of a message
/// that no other answers, since such messages differ by it alone.
pub(crate) fn exchange(v6: bool, kind: u8, code: u8) -> u16 {
    match turn(v6, kind) {
        Turn::Unknown => u16::from_be_bytes([code, kind]),
        _ => request_of(v6, kind).into(),
    }
}

/// Whether a type asks or answers.
pub fn turn(v6: bool, kind: u8) -> Turn {
    match pairs(v6).iter().find(|(request, reply)| *request == kind || *reply == kind) {
        Some((request, _)) => Turn::response_if(*request != kind),
        None => Turn::Unknown,
    }
}
