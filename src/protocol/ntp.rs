//! NTP: RFC 5905 (section 7.3), control messages of RFC 9327. Its bytes prove little: only on its port.

use super::Turn;
use super::payload::{Payload, Sign};
use super::spec::{Spec, TransportSpec};

const PORT: u16 = 123;
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

pub(super) const SPEC: Spec =
    Spec { name: "ntp", ports: &[PORT], tcp: TransportSpec::NEVER, udp: TransportSpec::ANY, strength: 0, check };

fn check(p: &Payload<'_>) -> Sign {
    if !p.has_port(PORT) {
        return Sign::UNKNOWN;
    }
    let (version, mode) = (p.bytes[0] >> 3 & 7, p.bytes[0] & 7);
    let least = match mode {
        1..=5 => 48,
        6 => 12,
        // Private use of ntpd.
        7 => 8,
        _ => return Sign::UNKNOWN,
    };
    let sound = (1..=4).contains(&version) && p.wire_len >= least;
    let turn = match mode {
        CLIENT if sound => Turn::Request,
        SERVER if sound => Turn::Response,
        _ => Turn::Unknown,
    };
    Sign::conforms_if(sound).asking(turn == Turn::Request).turning(turn)
}
