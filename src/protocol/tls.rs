//! TLS: RFC 8446, records of RFC 5246, SSLv2's greeting (RFC 5246 appendix E.2).

use super::payload::{Payload, Sign, u16_at};
use super::spec::{FirstBytes, Spec, TransportSpec};

const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
/// RFC 8446 section 5.1.
const FRAGMENT_MAX: u16 = 1 << 14;
/// What protection may add to it (RFC 5246 section 6.2.3).
const EXPANSION_MAX: u16 = 2048;

/// Record types of RFC 8446 section 5.1; SSLv2's ClientHello (RFC 5246 appendix E.2).
const FIRST: FirstBytes = FirstBytes::of(&[(0x14, 0x17), (0x80, 0xff)]);

pub(super) const SPEC: Spec = Spec {
    name: "tls",
    ports: &[443],
    tcp: TransportSpec::vendor(FIRST),
    udp: TransportSpec::NEVER,
    strength: 17,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let bytes = p.bytes;
    let kind = bytes[0];
    if kind >= 0x80 {
        // SSLv2: length with the top bit set, then message type 1 and version 3.x or 2.
        return match bytes.get(2) {
            Some(1) | None => Sign::UNKNOWN,
            Some(_) => Sign::VIOLATES,
        };
    }
    // A TCP segment may end anywhere: a missing byte proves nothing, a wrong one does.
    match (bytes.get(1), bytes.get(2)) {
        (Some(3) | None, Some(0..=4) | None) => {}
        _ => return Sign::VIOLATES,
    }
    let Some(length) = u16_at(bytes, 3) else { return Sign::UNKNOWN };
    let own_port = p.has_port(443);
    match kind {
        // RFC 8446 section 5.1: no empty handshake or alert records.
        _ if length > FRAGMENT_MAX + EXPANSION_MAX => Sign::VIOLATES,
        HANDSHAKE if length == 0 || length > FRAGMENT_MAX => Sign::VIOLATES,
        // ClientHello or ServerHello; another message means that the beginning was not captured.
        HANDSHAKE => Sign::conforms_if(matches!(bytes.get(5), Some(1 | 2))),
        // A server that refuses: level and description.
        ALERT => Sign::conforms_if(own_port && length == 2 && matches!(bytes.get(5), Some(1 | 2))),
        _ => Sign::UNKNOWN,
    }
}
