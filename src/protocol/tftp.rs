//! TFTP: RFC 1350, options RFC 2347, 2348, 2349, 7440.

use super::payload::{Payload, Sign, split_nul, u16_at};
use super::spec::{FirstBytes, Spec, TransportSpec};
use super::{Evidence, Tag, TftpOpcode, Turn};

/// Where its servers listen.
pub(crate) const PORT: u16 = 69;
const OPTIONS: [&[u8]; 6] = [b"blksize", b"timeout", b"tsize", b"windowsize", b"multicast", b"rollover"];

/// The operation that acknowledges a block or a write request.
pub(super) const ACK: u8 = 4;

/// Whether the other end has to go on with this operation: with DATA and OACK by an ACK (RFC 1350 section 2, RFC 2347).
pub(super) const fn is_block(operation: u8) -> bool {
    matches!(operation, 3 | 6)
}

/// Whether the other end has to go on with a message, as with the ACK of a write request by DATA (RFC 1350 section 4).
pub(super) const fn owes_answer(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 3, _, _, ..] | [0, 6, _, ..] | [0, 4, 0, 0])
}

/// DATA's header, and the largest block that blksize allows (RFC 2348).
const DATA_LEN: std::ops::RangeInclusive<u32> = 4..=4 + 65_464;

pub(super) const SPEC: Spec = Spec {
    name: "tftp",
    ports: &[PORT],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::vendor(FirstBytes::of(&[(0x00, 0x00)])),
    strength: 5,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let Some(&code) = p.bytes.get(1) else { return Sign::of(p.ran_out()) };
    let Some(opcode) = TftpOpcode::from_byte(code).filter(|_| p.bytes[0] == 0) else { return Sign::VIOLATES };
    let own_port = p.has_port(PORT);
    let body = &p.bytes[2..];
    let number = u16_at(p.bytes, 2);
    let tag =
        |options| Tag::Tftp { opcode, number: if opcode.is_request() { 0 } else { number.unwrap_or(0) }, options };
    match opcode {
        TftpOpcode::ReadRequest | TftpOpcode::WriteRequest => {
            let (evidence, options) = request(body, p, own_port);
            let certain = evidence == Evidence::Conforms || (own_port && evidence == Evidence::Unknown);
            let sign = Sign::of(evidence);
            if certain { sign.asking(true).turning(Turn::Request).tagged(tag(options)) } else { sign }
        }
        TftpOpcode::Data if !DATA_LEN.contains(&p.wire_len) => Sign::VIOLATES,
        // Some stacks fill their shortest frames up with zeros that UDP counts.
        TftpOpcode::Acknowledgment if p.bytes.iter().skip(4).any(|byte| *byte != 0) => Sign::VIOLATES,
        TftpOpcode::Acknowledgment if p.wire_len < 4 => Sign::VIOLATES,
        // Four bytes are no proof: only on the port itself, else a relation has to find them.
        TftpOpcode::Data | TftpOpcode::Acknowledgment => match number {
            Some(_) => Sign::conforms_if(own_port).tagged(tag(false)),
            None => Sign::UNKNOWN,
        },
        TftpOpcode::Error => error(body, p, own_port).tagged(tag(false)),
        TftpOpcode::OptionAcknowledgment => {
            let evidence = match option_pairs(body) {
                Some((_, known)) if known || own_port => Evidence::Conforms,
                Some(_) => Evidence::Unknown,
                None if p.is_complete() && !body.contains(&0) => Evidence::Violates,
                None => Evidence::Unknown,
            };
            let sign = Sign::of(evidence);
            if evidence == Evidence::Violates { sign } else { sign.tagged(tag(true)) }
        }
    }
}

/// File name, mode and options of a request; whether it has options.
fn request(body: &[u8], p: &Payload<'_>, own_port: bool) -> (Evidence, bool) {
    let Some((name, rest)) = split_nul(body) else { return (p.ran_out(), false) };
    let Some((mode, rest)) = split_nul(rest) else { return (p.ran_out(), false) };
    // RFC 1350 allows two hosts to agree on modes of their own, so another word proves nothing.
    if ![&b"octet"[..], b"netascii", b"mail"].iter().any(|known| mode.eq_ignore_ascii_case(known)) {
        return (Evidence::Unknown, false);
    }
    let sound = rest.is_empty() || option_pairs(rest).is_some();
    let printable = !name.is_empty() && name.iter().all(|&b| b >= 0x20 && b != 0x7f);
    let conforms = own_port || (printable && (sound || !p.is_complete()));
    (if conforms { Evidence::Conforms } else { Evidence::Unknown }, !rest.is_empty())
}

/// Counts name/value pairs if every string is terminated, and says whether one name is known.
fn option_pairs(mut rest: &[u8]) -> Option<(usize, bool)> {
    let (mut pairs, mut known) = (0, false);
    while !rest.is_empty() {
        let (name, after) = split_nul(rest)?;
        let (_, after) = split_nul(after)?;
        if name.is_empty() {
            return None;
        }
        known |= OPTIONS.iter().any(|option| name.eq_ignore_ascii_case(option));
        pairs += 1;
        rest = after;
    }
    (pairs > 0).then_some((pairs, known))
}

/// ERROR: a code, and a message that ends in NUL.
fn error(body: &[u8], p: &Payload<'_>, own_port: bool) -> Sign {
    if p.wire_len < 4 {
        return Sign::VIOLATES;
    }
    let Some(code) = u16_at(body, 0) else { return Sign::UNKNOWN };
    let message = &body[2..];
    let text = match message.split_last() {
        Some((0, text)) if p.is_complete() => text,
        _ if own_port && code <= 8 => return Sign::CONFORMS,
        _ => return Sign::UNKNOWN,
    };
    let printable = text.iter().all(|&b| (0x20..0x7f).contains(&b) || b >= 0xa0);
    Sign::conforms_if(code <= 8 && printable && (own_port || text.len() >= 4))
}

/// Code and message of an ERROR, as sent (at most 255 bytes of it), where a standard names the code (RFC 1350 section 5,
/// RFC 2347). The bytes are untrusted: escape before printing.
pub fn error_message(payload: &[u8]) -> Option<(u16, &[u8])> {
    let [0, 5, 0, code @ 0..=8, rest @ ..] = payload else { return None };
    let end = rest.iter().position(|&b| b == 0).unwrap_or(rest.len());
    Some(((*code).into(), &rest[..end.min(255)]))
}

/// The file name that a read or write request asks for, as sent (at most 255 bytes of it), and
/// whether it writes. The bytes are untrusted: escape before printing.
pub fn file_name(payload: &[u8]) -> Option<(&[u8], bool)> {
    let [0, opcode @ (1 | 2), rest @ ..] = payload else { return None };
    let end = rest.iter().position(|&b| b == 0).unwrap_or(rest.len());
    Some((&rest[..end.min(255)], *opcode == 2))
}
