//! CoAP over UDP: RFC 7252, methods of RFC 8132, extended tokens of RFC 8974.

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};
use super::{CoapKind, Evidence, Tag, Turn};

/// Where its servers listen.
pub(crate) const PORT: u16 = 5683;
const CONFIRMABLE: u8 = 0;
/// The first four bits: version 1 and the type.
pub(super) const VERSION_1_CONFIRMABLE: u8 = 0b0100;
pub(super) const VERSION_1_NON_CONFIRMABLE: u8 = 0b0101;
const ACKNOWLEDGEMENT: u8 = 2;
const RESET: u8 = 3;
/// Options that are walked through at most; more than any message needs.
const MAX_OPTIONS: usize = 64;
const OBSERVE: usize = 6;
const URI_PATH: usize = 11;
const NO_RESPONSE: usize = 258;
/// No-Response: answers of class 2 are not wanted.
const NOT_SUCCESS: u8 = 2;
/// How long a path must be to prove CoAP on another's port.
const PATH_MIN: usize = 4;

/// Whether a message with this first byte is to be acknowledged or reset: each confirmable one, notifications too (RFC 7252
/// section 4.2, RFC 7641 section 4.5).
pub(super) const fn is_confirmable(head: u8) -> bool {
    head >> 4 == VERSION_1_CONFIRMABLE
}

/// Whether a message with this code asks: all that is confirmable and does is no answer.
pub(super) const fn is_request(code: u8) -> bool {
    code >> 5 == 0
}

/// Whether a message that acknowledges none answers nothing: a request, or a response with the option Observe (RFC 7641
/// section 2).
pub(super) fn is_announced(bytes: &[u8]) -> bool {
    let &[head, code, _, _, ref rest @ ..] = bytes else { return false };
    let Some((_, mut rest)) = token(head & 0x0f, rest) else { return false };
    let mut number = 0;
    // Options stand in ascending order (RFC 7252 section 3.1).
    while number < OBSERVE
        && let Some((&head, after)) = rest.split_first()
        && head != 0xff
        && let Some((delta, after)) = extended(head >> 4, after)
        && let Some((length, after)) = extended(head & 0x0f, after)
    {
        number += delta;
        rest = after.get(length..).unwrap_or_default();
    }
    is_request(code) || number == OBSERVE
}

/// Whether a request to a group is one that somebody should answer: it asks for content, and does not say that no answer is
/// wanted (RFC 7967 section 2.1). What a command has to say, that all went well, a server may keep to itself (RFC 7252 section 8.2).
pub fn wants_content(bytes: &[u8]) -> bool {
    const GET: u8 = 1;
    const FETCH: u8 = 5;
    let &[head, code, _, _, ref rest @ ..] = bytes else { return false };
    let Some((_, rest)) = token(head & 0x0f, rest) else { return false };
    let no_response = walk(rest).map_or(0, |options| options.no_response);
    matches!(code, GET | FETCH) && no_response & NOT_SUCCESS == 0
}

/// Version 1 in the top two bits; a token length of 9 to 12 or 15 is an error (RFC 8974).
const VERSION_1: FirstBytes = FirstBytes::of(&[
    (0x40, 0x48),
    (0x4d, 0x4e),
    (0x50, 0x58),
    (0x5d, 0x5e),
    (0x60, 0x68),
    (0x6d, 0x6e),
    (0x70, 0x78),
    (0x7d, 0x7e),
]);

pub(super) const SPEC: Spec = Spec {
    name: "coap",
    ports: &[PORT],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::vendor(VERSION_1),
    strength: 2,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let &[head, code, _, _, ref rest @ ..] = p.bytes else { return Sign::of(p.ran_out()) };
    let (class, detail) = (code >> 5, code & 0x1f);
    let kind = match class {
        0 if detail == 0 => CoapKind::Empty,
        0 => CoapKind::Request,
        2 | 4 | 5 => CoapKind::Response,
        // RFC 7252 section 3: the other classes are reserved (7 is for TCP, RFC 8323).
        _ => return Sign::VIOLATES,
    };
    let message_type = head >> 4 & 3;
    // RFC 7252 section 4.1: nothing follows the message id, and there is no token. Stacks that echo
    // the token in an empty acknowledgement exist, though: no proof of another protocol.
    if kind == CoapKind::Empty && p.wire_len != 4 {
        let echoed = head & 0x0f <= 8 && p.wire_len == 4 + u32::from(head & 0x0f);
        return if echoed { Sign::UNKNOWN } else { Sign::VIOLATES };
    }
    // Section 4.3: a Reset is empty; section 4.2: an Acknowledgement carries no request.
    if (kind, message_type) == (CoapKind::Request, ACKNOWLEDGEMENT)
        || (kind != CoapKind::Empty && message_type == RESET)
    {
        return Sign::VIOLATES;
    }
    let confirmable = message_type == CONFIRMABLE;
    let Some((token, rest)) = token(head & 0x0f, rest) else { return Sign::of(p.ran_out()) };
    let options = match walk(rest) {
        Ok(options) => options,
        Err(Broken::RanOut) => return Sign::of(p.ran_out()),
        Err(Broken::Malformed) => return Sign::VIOLATES,
    };
    let own_port = p.has_port(PORT);
    // Elsewhere only a request that names a resource in plain words: a response's few fixed bits
    // are met by chance too often, and its request names the flow anyhow.
    let strong = kind == CoapKind::Request
        && is_registered(code)
        && options.all_known
        && options.plain_path >= PATH_MIN
        && p.is_complete();
    let tag = Tag::Coap { kind, confirmable, token: Tag::coap_token(token) };
    if !own_port && !strong {
        // To a group's request it may be the answer, from any port (section 8.2): its token tells, if a relation waits for it.
        let sound = is_registered(code) && options.all_known && p.is_complete();
        let may_answer = kind == CoapKind::Response && sound && !token.is_empty();
        return if may_answer { Sign::UNKNOWN.tagged(tag) } else { Sign::UNKNOWN };
    }
    let turn = match kind {
        CoapKind::Empty => Turn::Unknown,
        CoapKind::Request => Turn::Request,
        CoapKind::Response => Turn::Response,
    };
    Sign::of(Evidence::Conforms).asking(confirmable).turning(turn).tagged(tag)
}

/// The token and what follows it; token lengths 13 and 14 are extended by RFC 8974 section 2.1.
fn token(length: u8, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = extended(length, rest)?;
    (length <= rest.len()).then(|| rest.split_at(length))
}

/// A nibble with its extension bytes: 13 adds one byte, 14 two (RFC 7252 section 3.1).
fn extended(nibble: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    match (nibble, rest) {
        (13, &[a, ref rest @ ..]) => Some((13 + usize::from(a), rest)),
        (14, &[a, b, ref rest @ ..]) => Some((269 + usize::from(u16::from_be_bytes([a, b])), rest)),
        (13 | 14, _) => None,
        (nibble, rest) => Some((usize::from(nibble), rest)),
    }
}

struct OptionNumbers {
    count: usize,
    /// Every option is registered and of a length that it may have.
    all_known: bool,
    /// Bytes of Uri-Path, if all of them are unreserved characters (RFC 3986 section 2.3); else 0.
    plain_path: usize,
    /// The answers that are not wanted: a bit for each class (RFC 7967 section 2.1).
    no_response: u8,
}

enum Broken {
    RanOut,
    Malformed,
}

fn walk(mut rest: &[u8]) -> Result<OptionNumbers, Broken> {
    let mut options = OptionNumbers { count: 0, all_known: true, plain_path: 0, no_response: 0 };
    let (mut number, mut plain) = (0_usize, true);
    while let Some((&head, after)) = rest.split_first() {
        let (delta, length) = (head >> 4, head & 0x0f);
        if head == 0xff {
            // RFC 7252 section 3: a marker without a payload behind it is a format error.
            return if after.is_empty() { Err(Broken::RanOut) } else { Ok(options) };
        }
        if delta == 15 || length == 15 {
            return Err(Broken::Malformed);
        }
        let (delta, after) = extended(delta, after).ok_or(Broken::RanOut)?;
        let (length, after) = extended(length, after).ok_or(Broken::RanOut)?;
        number += delta;
        if number > usize::from(u16::MAX) {
            return Err(Broken::Malformed);
        }
        options.count += 1;
        options.all_known &= is_known(number, length);
        let value;
        (value, rest) = after.split_at_checked(length).ok_or(Broken::RanOut)?;
        if number == URI_PATH {
            plain &= value.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
            options.plain_path = if plain { options.plain_path + length } else { 0 };
        }
        if number == NO_RESPONSE {
            options.no_response = value.first().copied().unwrap_or(0);
        }
        if options.count == MAX_OPTIONS {
            options.all_known = false;
            return Ok(options);
        }
    }
    Ok(options)
}

/// Registered option numbers with the lengths they may have (RFC 7252 section 5.10, RFC 7641,
/// 7959, 7967, 8613, 8768, 9175, 9177).
const fn is_known(number: usize, length: usize) -> bool {
    match number {
        1 | 4 => length <= 8,
        3 => length >= 1 && length <= 255,
        5 => length == 0,
        6 | 23 | 27 | 28 | 60 | 19 | 31 => length <= 4,
        7 | 12 | 17 => length <= 2,
        8 | 9 | 11 | 15 | 20 => length <= 255,
        14 => length <= 4,
        16 | 258 => length <= 1,
        35 => length >= 1 && length <= 1034,
        39 => length >= 1 && length <= 255,
        252 => length >= 1 && length <= 40,
        292 => length <= 8,
        _ => false,
    }
}

/// Registered method and response codes (RFC 7252 section 12.1, RFC 7959, 8132, 8516, 8768).
const fn is_registered(code: u8) -> bool {
    matches!(code, 0x01..=0x07 | 0x41..=0x45 | 0x5f | 0x80..=0x86 | 0x88 | 0x89 | 0x8c | 0x8d | 0x8f | 0x96 | 0x9d
        | 0xa0..=0xa5 | 0xa8)
}
