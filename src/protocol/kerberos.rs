//! Kerberos over TCP: RFC 4120 section 7.2.2, messages of section 5.4 to 5.9 in DER (X.690 section 8.1.3). It shares its port with
//! the vendor's configuration.

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

pub(super) const SPEC: Spec = Spec {
    name: "kerberos",
    ports: &[88],
    tcp: TransportSpec::known(FirstBytes::of(&[(0x00, 0x00)])),
    udp: TransportSpec::NEVER,
    strength: 18,
    check,
};

/// The length of the record, a message of one of the authentication or ticket exchanges or an error that fills it, a sequence in it.
fn check(p: &Payload<'_>) -> Sign {
    const SEQUENCE: u8 = 0x30;
    let [a, b, c, d, 0x6a..=0x6d | 0x7e, rest @ ..] = p.bytes else { return Sign::UNKNOWN };
    let (length, head, inner) = match rest {
        [length @ ..=0x7f, inner, ..] => (u32::from(*length), 2, inner),
        [0x81, length, inner, ..] => (u32::from(*length), 3, inner),
        [0x82, high, low, inner, ..] => (u32::from_be_bytes([0, 0, *high, *low]), 4, inner),
        _ => return Sign::UNKNOWN,
    };
    Sign::conforms_if(*inner == SEQUENCE && u32::from_be_bytes([*a, *b, *c, *d]) == length + head)
}
