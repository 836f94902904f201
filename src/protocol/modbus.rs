//! Modbus/TCP: the MBAP header (MODBUS Messaging on TCP/IP Implementation Guide V1.0b section 3.1.3).

use super::payload::{Payload, Sign, u16_at};
use super::spec::{Spec, TransportSpec};

const PORT: u16 = 502;
/// Unit, function and at most 252 bytes of data.
const LENGTH: std::ops::RangeInclusive<u16> = 2..=254;

pub(super) const SPEC: Spec =
    Spec { name: "modbus", ports: &[PORT], tcp: TransportSpec::ANY, udp: TransportSpec::NEVER, strength: 1, check };

fn check(p: &Payload<'_>) -> Sign {
    let (Some(0), Some(length)) = (u16_at(p.bytes, 2), u16_at(p.bytes, 4)) else { return Sign::UNKNOWN };
    let Some(&function) = p.bytes.get(7) else { return Sign::UNKNOWN };
    let legal = LENGTH.contains(&length) && function & 0x7f != 0;
    let whole = u32::from(length) + 6 == p.wire_len;
    // Elsewhere only a read or a single write, whose length and limits are fixed (MODBUS
    // Application Protocol V1.1b3 sections 6.1 to 6.6).
    let strong = || {
        let value = u16_at(p.bytes, 10);
        whole
            && length == 6
            && match function {
                1 | 2 => value.is_some_and(|n| (1..=2000).contains(&n)),
                3 | 4 => value.is_some_and(|n| (1..=125).contains(&n)),
                5 => matches!(value, Some(0 | 0xff00)),
                _ => false,
            }
    };
    // On its port several requests may share a segment.
    Sign::conforms_if(legal && (strong() || (p.has_port(PORT) && u32::from(length) + 6 <= p.wire_len)))
}
