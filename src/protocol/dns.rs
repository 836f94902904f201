//! DNS (RFC 1035) over UDP and TCP, LLMNR (RFC 4795) and mDNS (RFC 6762).

use super::Turn;
use super::payload::{Payload, Sign, u16_at};
use super::spec::{Spec, TransportSpec};

const PORT: u16 = 53;
const LLMNR: u16 = 5355;
const MULTICAST: u16 = 5353;
const NETBIOS: u16 = 137;
const HEADER_LEN: usize = 12;
/// RFC 1035 section 2.3.4.
const NAME_MAX: usize = 255;

pub(super) const SPEC: Spec =
    Spec { name: "dns", ports: &[PORT, LLMNR], tcp: TransportSpec::ANY, udp: TransportSpec::ANY, strength: 3, check };

pub(super) const MULTICAST_SPEC: Spec = Spec {
    name: "mdns",
    ports: &[MULTICAST],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::ANY,
    strength: 4,
    check: check_multicast,
};

/// DNS and LLMNR, not mDNS.
fn check(p: &Payload<'_>) -> Sign {
    // mDNS is told apart by its port; NetBIOS names (RFC 1002) travel in the same format on theirs.
    if is_multicast(p) || p.has_port(NETBIOS) {
        return Sign::UNKNOWN;
    }
    let message = if p.tcp {
        // RFC 1035 section 4.2.2: a length before the message. Pipelined messages may follow.
        match (u16_at(p.bytes, 0), p.bytes.get(2..)) {
            (Some(length), Some(message))
                if usize::from(length) >= HEADER_LEN && u32::from(length) + 2 <= p.wire_len =>
            {
                message
            }
            _ => return Sign::UNKNOWN,
        }
    } else {
        p.bytes
    };
    let Some(header) = Header::read(message) else { return Sign::UNKNOWN };
    let own_port = p.has_port(PORT) || (!p.tcp && p.has_port(LLMNR));
    let sound = if own_port {
        header.is_plausible(p.wire_len) && header.questions <= 1 && question(message) != Some(false)
    } else {
        header.is_strong() && question(message) == Some(true)
    };
    if !sound {
        return Sign::UNKNOWN;
    }
    let asks = !header.response && p.destination_port != LLMNR;
    Sign::CONFORMS.asking(asks).turning(Turn::response_if(header.response))
}

/// mDNS: the same message format on its own port.
fn check_multicast(p: &Payload<'_>) -> Sign {
    if !is_multicast(p) {
        return Sign::UNKNOWN;
    }
    // RFC 6762 section 18: many questions and known answers, opcode 0.
    Sign::conforms_if(Header::read(p.bytes).is_some_and(|header| header.opcode == 0 && header.is_plausible(p.wire_len)))
}

/// Whether mDNS's port is meant: a resolver that asks a server from it speaks DNS all the same.
fn is_multicast(p: &Payload<'_>) -> bool {
    !p.tcp && p.has_port(MULTICAST) && !p.has_port(PORT)
}

/// The header (RFC 1035 section 4.1.1).
struct Header {
    response: bool,
    opcode: u16,
    /// Reserved, must be zero.
    z: bool,
    code: u16,
    questions: u16,
    /// Answer, authority and additional records.
    records: [u16; 3],
}

impl Header {
    fn read(message: &[u8]) -> Option<Self> {
        let flags = u16_at(message, 2)?;
        Some(Self {
            response: flags & 0x8000 != 0,
            opcode: flags >> 11 & 15,
            z: flags & 0x0040 != 0,
            code: flags & 15,
            questions: u16_at(message, 4)?,
            records: [u16_at(message, 6)?, u16_at(message, 8)?, u16_at(message, 10)?],
        })
    }

    /// A legal header whose records fit: a question has at least 5 bytes, a record 11.
    fn is_plausible(&self, wire_len: u32) -> bool {
        let records: u32 = self.records.iter().map(|&n| u32::from(n)).sum();
        let least = HEADER_LEN as u32 + u32::from(self.questions) * 5 + records * 11;
        !self.z && matches!(self.opcode, 0..=2 | 4..=6) && self.code <= 11 && least <= wire_len
    }

    /// What an ordinary query or answer looks like: enough to name DNS on another's port.
    fn is_strong(&self) -> bool {
        !self.z
            && self.opcode == 0
            && self.questions == 1
            && if self.response {
                self.code <= 5 && self.records.iter().all(|&n| n <= 64)
            } else {
                self.code == 0 && self.records[0] == 0 && self.records[1] == 0 && self.records[2] <= 2
            }
    }
}

/// Whether the first question is one that hosts ask: a name of ordinary labels, class IN and a
/// common type. `None` if it was cut off or there is none, `Some(false)` if it cannot be read.
fn question(message: &[u8]) -> Option<bool> {
    if u16_at(message, 4)? == 0 {
        return None;
    }
    let mut at = HEADER_LEN;
    let mut ordinary = true;
    loop {
        let length = usize::from(*message.get(at)?);
        if length == 0 {
            break;
        }
        // No compression in the first name (RFC 1035 section 4.1.4): there is nothing before it.
        if length > 63 || at - HEADER_LEN + length > NAME_MAX {
            return Some(false);
        }
        let label = message.get(at + 1..at + 1 + length)?;
        ordinary &= label.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        at += 1 + length;
    }
    let (kind, class) = (u16_at(message, at + 1)?, u16_at(message, at + 3)?);
    ordinary &= at > HEADER_LEN && (1..=257).contains(&kind) && class == 1;
    // On DNS's own port an extraordinary name is still a name.
    ordinary.then_some(true)
}
