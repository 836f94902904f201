//! SSH: the identification string (RFC 4253 section 4.2).

use super::payload::{Payload, Sign};

pub(super) fn check(p: &Payload<'_>) -> Sign {
    Sign::conforms_if(p.bytes.starts_with(b"SSH-2.0-") || p.bytes.starts_with(b"SSH-1."))
}
