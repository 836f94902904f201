//! SMB over TCP: the session header of RFC 1002 section 4.3.1, then a protocol identifier
//! (MS-SMB section 2.2.3.1, MS-SMB2 section 2.2.1).

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

pub(super) const SPEC: Spec = Spec {
    name: "smb",
    ports: &[445, 139],
    tcp: TransportSpec::known(FirstBytes::of(&[(0x00, 0x00)])),
    udp: TransportSpec::NEVER,
    strength: 15,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    // 0xFF SMB1, 0xFE SMB2 and 3, 0xFD encrypted, 0xFC compressed.
    Sign::conforms_if(matches!(p.bytes, [0, _, _, _, 0xfc..=0xff, b'S', b'M', b'B', ..]))
}
