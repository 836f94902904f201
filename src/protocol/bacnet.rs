//! BACnet/IP: ANSI/ASHRAE 135 Annex J (IPv4) and Annex U (IPv6).

use super::payload::{Payload, Sign, u16_at};
use super::spec::{FirstBytes, Spec, TransportSpec};
use super::{BacnetKind, Tag, Turn};

/// Where everybody listens, 0xBAC0.
pub(crate) const PORT: u16 = 47808;
/// BVLC types (Annex J.2, Annex U.2).
const TYPE_IPV4: u8 = 0x81;
const TYPE_IPV6: u8 = 0x82;
/// Highest BVLC function in either annex.
const FUNCTION_MAX: usize = 0x0c;
/// The one NPDU version there is (clause 6.2.1).
const NPDU_VERSION: u8 = 0x01;

/// What is fixed about a BVLC function: its length, or where its NPDU begins.
#[derive(Clone, Copy)]
enum Shape {
    Length(u32),
    Free,
    Npdu(usize),
}

/// Those of Annex J.2.
const SHAPES_IPV4: [Shape; FUNCTION_MAX + 1] = [
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

/// Those of Annex U.2, which name their sender by a virtual address of 3 octets.
const SHAPES_IPV6: [Shape; FUNCTION_MAX + 1] = [
    Shape::Length(9),  // BVLC-Result
    Shape::Npdu(10),   // Original-Unicast-NPDU
    Shape::Npdu(7),    // Original-Broadcast-NPDU
    Shape::Length(10), // Address-Resolution
    Shape::Length(28), // Forwarded-Address-Resolution
    Shape::Length(10), // Address-Resolution-ACK
    Shape::Length(7),  // Virtual-Address-Resolution
    Shape::Length(10), // Virtual-Address-Resolution-ACK
    Shape::Npdu(25),   // Forwarded-NPDU
    Shape::Length(9),  // Register-Foreign-Device
    Shape::Length(25), // Delete-Foreign-Device-Table-Entry
    Shape::Free,       // Secure-BVLL
    Shape::Npdu(7),    // Distribute-Broadcast-To-Network
];

/// Of a message's BVLC type and function.
fn shape(kind: u8, function: u8) -> Option<Shape> {
    let shapes = if kind == TYPE_IPV6 { &SHAPES_IPV6 } else { &SHAPES_IPV4 };
    shapes.get(usize::from(function)).copied()
}

/// The network layer's part of a message, if it has one.
pub(super) fn npdu(payload: &[u8]) -> Option<&[u8]> {
    match *payload {
        [kind @ (TYPE_IPV4 | TYPE_IPV6), function, ..] => match shape(kind, function)? {
            Shape::Npdu(at) => payload.get(at..),
            _ => None,
        },
        _ => None,
    }
}

pub(super) const SPEC: Spec = Spec {
    name: "bacnet",
    ports: &[PORT],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::vendor(FirstBytes::of(&[(TYPE_IPV4, TYPE_IPV6)])),
    strength: 6,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let &[kind, ref rest @ ..] = p.bytes else { return Sign::UNKNOWN };
    let Some(&function) = rest.first() else { return Sign::of(p.ran_out()) };
    let Some(shape) = shape(kind, function) else { return Sign::VIOLATES };
    let Some(length) = u16_at(p.bytes, 2) else { return Sign::of(p.ran_out()) };
    if u32::from(length) != p.wire_len {
        // Both annexes want them equal. Stacks that get it wrong exist, though: with an NPDU in its
        // place it is no other protocol, only no proof.
        let npdu = match shape {
            Shape::Npdu(at) => p.bytes.get(at).is_none_or(|&version| version == NPDU_VERSION),
            _ => false,
        };
        return if npdu { Sign::UNKNOWN } else { Sign::VIOLATES };
    }
    match shape {
        Shape::Length(fixed) if fixed != p.wire_len => Sign::VIOLATES,
        Shape::Length(_) | Shape::Free if kind == TYPE_IPV6 => link_control_ipv6(function),
        Shape::Length(_) | Shape::Free => link_control(function),
        Shape::Npdu(at) => match p.bytes.get(at) {
            Some(&NPDU_VERSION) => application(&p.bytes[at..]),
            Some(_) => Sign::VIOLATES,
            None => Sign::of(p.ran_out()),
        },
    }
}

/// A message of the link control itself: the requests among them are owed a BVLC-Result or an Ack (Annex J.2).
fn link_control(function: u8) -> Sign {
    let turn = match function {
        0x01 | 0x02 | 0x05 | 0x06 | 0x08 => Turn::Request,
        0x00 | 0x03 | 0x07 => Turn::Response,
        _ => Turn::Unknown,
    };
    Sign::CONFORMS.asking(turn == Turn::Request).turning(turn)
}

/// The same of IPv6 (Annex U.2), where all are asked who has a virtual address, as by Who-Is, and its owner answers.
fn link_control_ipv6(function: u8) -> Sign {
    match function {
        0x06 | 0x09 | 0x0a => Sign::CONFORMS.asking(true).turning(Turn::Request),
        0x00 | 0x07 => Sign::CONFORMS.turning(Turn::Response),
        0x03 | 0x04 => discovery(Turn::Request, BacnetKind::WhoIs),
        0x05 => discovery(Turn::Response, BacnetKind::IAm),
        _ => Sign::CONFORMS,
    }
}

/// What an NPDU's application layer says of itself (clauses 6.2.2, 20.1): confirmed requests are owed an answer (clause 5.1), an
/// answer in segments is owed a segment acknowledgment (clause 5.3), Who-Is and Who-Has call for one that whoever is not meant
/// leaves out.
fn application(npdu: &[u8]) -> Sign {
    // Routers tell one another what they reach, whatever was asked of an application, and its sender what they turn away
    // (clause 6.4).
    if npdu.get(1).is_some_and(|control| control & NETWORK_MESSAGE != 0) {
        return match apdu(npdu) {
            Some([REJECT_MESSAGE_TO_NETWORK, ..]) => Sign::CONFORMS.turning(Turn::Response),
            _ => Sign::CONFORMS.announcing(),
        };
    }
    let Some([head, rest @ ..]) = apdu(npdu) else { return Sign::CONFORMS };
    match head >> 4 {
        0 => Sign::CONFORMS.asking(true).turning(Turn::Request),
        1 => unconfirmed(rest.first().copied()),
        // Simple, complex and segment acknowledgment, error, reject and abort answer.
        3 if head & SEGMENTED != 0 => Sign::CONFORMS.asking(true).turning(Turn::Response),
        2..=7 => Sign::CONFORMS.turning(Turn::Response),
        _ => Sign::CONFORMS,
    }
}

/// An unconfirmed service. None answers a confirmed one: a device goes on to announce whatever it does not answer.
fn unconfirmed(service: Option<u8>) -> Sign {
    match service {
        Some(WHO_IS) => discovery(Turn::Request, BacnetKind::WhoIs),
        Some(WHO_HAS) => discovery(Turn::Request, BacnetKind::WhoHas),
        Some(I_AM) => discovery(Turn::Response, BacnetKind::IAm),
        Some(I_HAVE) => discovery(Turn::Response, BacnetKind::IHave),
        _ => Sign::CONFORMS.announcing(),
    }
}

/// What finds devices or objects.
const fn discovery(turn: Turn, kind: BacnetKind) -> Sign {
    Sign::CONFORMS.announcing().turning(turn).tagged(Tag::Bacnet { kind })
}

/// Unconfirmed services (clause 21, BACnetUnconfirmedServiceChoice).
const I_AM: u8 = 0;
const I_HAVE: u8 = 1;
const WHO_HAS: u8 = 7;
const WHO_IS: u8 = 8;

/// In the first byte of a request or its complex acknowledgment: it comes in segments (clause 20.1.2).
const SEGMENTED: u8 = 0x08;
/// In an NPDU's control byte: it is a message of the network layer, without an APDU (clause 6.2.2).
const NETWORK_MESSAGE: u8 = 0x80;
/// Message type of the network layer (clause 6.4.4).
const REJECT_MESSAGE_TO_NETWORK: u8 = 0x03;

/// The APDU of an NPDU, or the message of its network layer, behind its addresses; `None` if it was cut off.
fn apdu(npdu: &[u8]) -> Option<&[u8]> {
    let &control = npdu.get(1)?;
    let (destination, source) = (control & 0x20 != 0, control & 0x08 != 0);
    let mut at = 2;
    for present in [destination, source] {
        if present {
            // Network number (2), address length (1), address.
            at += 3 + usize::from(*npdu.get(at + 2)?);
        }
    }
    // The hop count goes with the destination but stands behind both.
    at += usize::from(destination);
    npdu.get(at..).filter(|apdu| !apdu.is_empty())
}
