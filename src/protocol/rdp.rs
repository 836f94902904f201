//! RDP over TCP: TPKT (RFC 1006 section 6), an X.224 connection request or confirm, and what RDP
//! adds to it (MS-RDPBCGR sections 2.2.1.1 and 2.2.1.2).

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

const PORT: u16 = 3389;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;

pub(super) const SPEC: Spec = Spec {
    name: "rdp",
    ports: &[PORT],
    tcp: TransportSpec::known(FirstBytes::of(&[(0x03, 0x03)])),
    udp: TransportSpec::NEVER,
    strength: 14,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let &[3, 0, high, low, indicator, CONNECTION_REQUEST | CONNECTION_CONFIRM, _, _, _, _, 0, ref rest @ ..] = p.bytes
    else {
        return Sign::UNKNOWN;
    };
    let length = u16::from_be_bytes([high, low]);
    if u32::from(length) != p.wire_len || u16::from(indicator) + 5 != length {
        return Sign::UNKNOWN;
    }
    // Others use X.224 as well (S7comm on 102): only a cookie or a negotiation is RDP's.
    let negotiates = matches!(rest, [.., 1..=3, _, 8, 0, _, _, _, _]);
    Sign::conforms_if(rest.starts_with(b"Cookie: mstshash=") || negotiates || p.has_port(PORT))
}
