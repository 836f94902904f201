//! SSH: the identification string (RFC 4253 section 4.2).

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

pub(super) const SPEC: Spec = Spec {
    name: "ssh",
    ports: &[22],
    tcp: TransportSpec::known(FirstBytes::of(&[(b'S', b'S')])),
    udp: TransportSpec::NEVER,
    strength: 16,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    Sign::conforms_if(p.bytes.starts_with(b"SSH-2.0-") || p.bytes.starts_with(b"SSH-1."))
}
