//! MQTT over TCP: CONNECT (MQTT 3.1.1 and 5.0 section 3.1) and, on its port, CONNACK.

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

const PORTS: [u16; 2] = [1883, 8883];

pub(super) const SPEC: Spec = Spec {
    name: "mqtt",
    ports: &[1883],
    tcp: TransportSpec::known(FirstBytes::of(&[(0x10, 0x10), (0x20, 0x20)])),
    udp: TransportSpec::NEVER,
    strength: 13,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    match p.bytes {
        [0x10, rest @ ..] => {
            // Remaining length: up to four bytes, the top bit says that another follows.
            let Some(last) = rest.iter().take(4).position(|b| b & 0x80 == 0) else { return Sign::UNKNOWN };
            let name = &rest[last + 1..];
            Sign::conforms_if(name.starts_with(b"\0\x04MQTT") || name.starts_with(b"\0\x06MQIsdp"))
        }
        [0x20, 2, 0 | 1, 0..=5, ..] => Sign::conforms_if(p.has_port_of(&PORTS)),
        [0x20, 3..=0x7f, 0 | 1, _, ..] => Sign::conforms_if(p.has_port_of(&PORTS)),
        _ => Sign::UNKNOWN,
    }
}
