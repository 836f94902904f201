//! BACnet/IP: ANSI/ASHRAE 135 Annex J (IPv4) and Annex U (IPv6).

use super::payload::{Payload, Sign, u16_at};

/// BVLC type of BACnet/IP (Annex J.2).
const TYPE_IPV4: u8 = 0x81;
/// Highest BVLC function in either annex (0x0C Secure-BVLL).
const FUNCTION_MAX: u8 = 0x0c;
/// The one NPDU version there is (clause 6.2.1).
const NPDU_VERSION: u8 = 0x01;

/// What is fixed about each BVLC function of Annex J: its length, or where its NPDU begins.
enum Shape {
    Length(u32),
    Free,
    Npdu(usize),
}

const SHAPES: [Shape; FUNCTION_MAX as usize + 1] = [
    Shape::Length(6),  // BVLC-Result
    Shape::Free,       // Write-Broadcast-Distribution-Table
    Shape::Length(4),  // Read-Broadcast-Distribution-Table
    Shape::Free,       // Read-Broadcast-Distribution-Table-Ack
    Shape::Npdu(10),   // Forwarded-NPDU
    Shape::Length(6),  // Register-Foreign-Device
    Shape::Length(4),  // Read-Foreign-Device-Table
    Shape::Free,       // Read-Foreign-Device-Table-Ack
    Shape::Length(10), // Delete-Foreign-Device-Table-Entry
    Shape::Npdu(4),    // Distribute-Broadcast-To-Network
    Shape::Npdu(4),    // Original-Unicast-NPDU
    Shape::Npdu(4),    // Original-Broadcast-NPDU
    Shape::Free,       // Secure-BVLL
];

pub(super) fn check(p: &Payload<'_>) -> Sign {
    let &[kind, ref rest @ ..] = p.bytes else { return Sign::UNKNOWN };
    let Some(&function) = rest.first() else { return Sign::of(p.ran_out()) };
    let Some(shape) = SHAPES.get(usize::from(function)) else { return Sign::VIOLATES };
    let Some(length) = u16_at(p.bytes, 2) else { return Sign::of(p.ran_out()) };
    if u32::from(length) != p.wire_len {
        // Annex J.2 wants them equal. Stacks that get it wrong exist, though: with an NPDU in its
        // place it is no other protocol, only no proof.
        let npdu = match *shape {
            Shape::Npdu(at) if kind == TYPE_IPV4 => p.bytes.get(at).is_none_or(|&version| version == NPDU_VERSION),
            _ => false,
        };
        return if npdu { Sign::UNKNOWN } else { Sign::VIOLATES };
    }
    if kind != TYPE_IPV4 {
        // Annex U's functions are laid out otherwise; type, function and length are enough.
        return Sign::CONFORMS;
    }
    match *shape {
        // Requests that a BVLC-Result or an Ack owes an answer (Annex J.2).
        Shape::Length(fixed) if fixed == p.wire_len => {
            Sign::CONFORMS.asking(matches!(function, 0x02 | 0x05 | 0x06 | 0x08))
        }
        Shape::Length(_) => Sign::VIOLATES,
        Shape::Free => Sign::CONFORMS.asking(function == 0x01),
        Shape::Npdu(at) => match p.bytes.get(at) {
            Some(&NPDU_VERSION) => Sign::CONFORMS.asking(expects_reply(&p.bytes[at..])),
            Some(_) => Sign::VIOLATES,
            None => Sign::of(p.ran_out()),
        },
    }
}

/// Whether an NPDU carries a confirmed request (clauses 6.2.2 and 20.1.2.1).
fn expects_reply(npdu: &[u8]) -> bool {
    let Some(&control) = npdu.get(1) else { return false };
    if control & 0x80 != 0 {
        return false; // a network layer message
    }
    let (destination, source) = (control & 0x20 != 0, control & 0x08 != 0);
    let mut at = 2;
    for present in [destination, source] {
        if present {
            // Network number (2), address length (1), address.
            let Some(&length) = npdu.get(at + 2) else { return false };
            at += 3 + usize::from(length);
        }
    }
    // The hop count goes with the destination but stands behind both.
    at += usize::from(destination);
    npdu.get(at).is_some_and(|apdu| apdu >> 4 == 0)
}
