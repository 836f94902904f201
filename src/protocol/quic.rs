//! QUIC: the long header (RFC 8999 section 5.1) of a known version (RFC 9000, 9369, IETF drafts).

use super::payload::{Payload, Sign, u32_at};
use super::spec::{FirstBytes, Spec, TransportSpec};

const PORT: u16 = 443;
/// RFC 9000 section 14.1: what a client's Initial is padded to.
const INITIAL_MIN: u32 = 1200;

/// The long header's form bit (RFC 8999 section 5.1).
const LONG_HEADER: FirstBytes = FirstBytes::of(&[(0x80, 0xff)]);

pub(super) const SPEC: Spec = Spec {
    name: "quic",
    ports: &[PORT],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::known(LONG_HEADER),
    strength: 8,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let Some(version) = u32_at(p.bytes, 1) else { return Sign::UNKNOWN };
    let known = match version {
        1 | 0x6b33_43cf | 0xff00_000f..=0xff00_0022 => true,
        // Version negotiation; Google's versions, "Q043" and later.
        0 | 0x5130_3433..=0x5130_3539 | 0x5430_3530..=0x5430_3531 => p.has_port(PORT),
        // Reserved to provoke negotiation (RFC 9000 section 15).
        _ => version & 0x0f0f_0f0f == 0x0a0a_0a0a && (p.has_port(PORT) || p.wire_len >= INITIAL_MIN),
    };
    // Connection identifiers have at most 20 bytes in these versions.
    let Some(&destination_len @ 0..=20) = p.bytes.get(5) else { return Sign::UNKNOWN };
    let source_len = p.bytes.get(6 + usize::from(destination_len));
    if !known || source_len.is_some_and(|&length| length > 20) {
        return Sign::UNKNOWN;
    }
    // Type 0 (1 in version 2) of a client: it waits for the server's handshake.
    let initial = p.bytes[0] >> 4 & 3 == u8::from(version == 0x6b33_43cf);
    Sign::CONFORMS.asking(initial && p.destination_port == PORT && p.wire_len >= INITIAL_MIN)
}
