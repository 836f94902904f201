//! Questions and their answers by their own identifiers, one message at a time: what response times are measured by.
//!
//! Looser than the checks: that bytes are of the protocol is for [`super::inspect`] to say, and a message that is none
//! finds no answer with its identifier.

use super::fnv_1a;
use super::payload::u16_at;

/// The part that one message plays, and by what it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExchangePart {
    /// Whether it asks; else it answers.
    pub asks: bool,
    /// What an answer has in common with its question: the upper 16 bits. The lower ones tell a question that is sent
    /// again from one that only looks like it.
    pub id: u32,
}

impl ExchangePart {
    const fn new(asks: bool, pairs: u16, own: u16) -> Self {
        Self { asks, id: (pairs as u32) << 16 | own as u32 }
    }
}

/// FNV-1a, folded to 16 bits: identifiers are only ever compared with one another, within one flow.
fn hash(bytes: &[u8]) -> u16 {
    let hash = fnv_1a(bytes);
    (hash >> 16 ^ hash) as u16
}

/// A CoAP request or response by its token (RFC 7252 section 5.3), whether it comes with the acknowledgement or apart
/// from it; repetitions by the message id (section 4.2). Empty messages say nothing of the answer.
pub fn coap(payload: &[u8]) -> Option<ExchangePart> {
    let &[head, code, high, low, ref rest @ ..] = payload else { return None };
    let asks = match code >> 5 {
        0 if code != 0 => true,
        2 | 4 | 5 => false,
        _ => return None,
    };
    let token = rest.get(..usize::from(head & 0x0f))?;
    (head >> 6 == 1).then(|| ExchangePart::new(asks, hash(token), u16::from_be_bytes([high, low])))
}

/// A DNS query or answer by its identifier (RFC 1035 section 4.1.1).
pub fn dns(payload: &[u8]) -> Option<ExchangePart> {
    let &[high, low, flags, ..] = payload.first_chunk::<12>()?;
    let id = u16::from_be_bytes([high, low]);
    Some(ExchangePart::new(flags & 0x80 == 0, id, id))
}

/// A BACnet confirmed request, or what answers one, by its invoke id and the device behind a router (ANSI/ASHRAE 135
/// clauses 5.4, 6.2.2 and 20.1). Of segmented messages only the first segment counts.
pub fn bacnet(payload: &[u8]) -> Option<ExchangePart> {
    let npdu = super::bacnet::npdu(payload)?;
    let &[1, control, ..] = npdu else { return None };
    if control & 0x80 != 0 {
        return None;
    }
    let mut at = 2;
    let mut address = |is_there: bool| {
        if !is_there {
            return Some(0);
        }
        let length = 3 + usize::from(*npdu.get(at + 2)?);
        let name = hash(npdu.get(at..at + length)?);
        at += length;
        Some(name)
    };
    let (destination, source) = (address(control & 0x20 != 0)?, address(control & 0x08 != 0)?);
    let apdu = npdu.get(at + usize::from(control & 0x20 != 0)..)?;
    let head = *apdu.first()?;
    // In a request the device asked is the destination, in its answer the source.
    let (asks, invoke, device, segment) = match head >> 4 {
        0 => (true, *apdu.get(2)?, destination, apdu.get(3)),
        3 => (false, *apdu.get(1)?, source, apdu.get(2)),
        2 | 5..=7 => (false, *apdu.get(1)?, source, None),
        _ => return None,
    };
    let is_segmented = head & 0x08 != 0 && matches!(head >> 4, 0 | 3);
    if is_segmented && segment != Some(&0) {
        return None;
    }
    let id = u16::from(invoke) ^ device.rotate_left(8);
    Some(ExchangePart::new(asks, id, id))
}

/// A TFTP DATA block or option acknowledgement, and the ACK of its number (RFC 1350 section 2, RFC 2347). The identifier of a
/// block ends with the length of its data: that of a file's last block is shorter.
pub fn tftp(payload: &[u8], wire_len: u32) -> Option<ExchangePart> {
    let number = u16_at(payload, 2)?;
    match payload.get(1)? {
        3 => Some(ExchangePart::new(true, number, u16::try_from(wire_len.saturating_sub(4)).unwrap_or(u16::MAX))),
        4 if wire_len == 4 => Some(ExchangePart::new(false, number, number)),
        6 => Some(ExchangePart::new(true, 0, 0)),
        _ => None,
    }
}

/// The beginning of an HTTP/1 request or response, by the first bytes of a TCP segment; a segment that is sent again is
/// known by its sequence number. Answers come in the order of their questions (RFC 9112 section 9.3.2).
#[inline]
pub fn http(payload: &[u8], numbers: Option<&[u8; 8]>) -> Option<ExchangePart> {
    let asks = begins_http(payload)?;
    let own = numbers.map_or(0, |numbers| hash(&numbers[..4]));
    Some(ExchangePart::new(asks, 0, own))
}

fn begins_http(payload: &[u8]) -> Option<bool> {
    const METHODS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"DELETE ",
        b"OPTIONS ",
        b"PATCH ",
        b"SUBSCRIBE ",
        b"UNSUBSCRIBE ",
        b"NOTIFY ",
    ];
    match payload.first()? {
        // Behind an interim response comes another (RFC 9110 section 15.2).
        b'H' if payload.starts_with(b"HTTP/1.") => {
            (!matches!(payload.get(9..12), Some(b"100" | b"102" | b"103"))).then_some(false)
        }
        b'G' | b'P' | b'H' | b'D' | b'O' | b'S' | b'U' | b'N' => {
            METHODS.iter().any(|method| payload.starts_with(method)).then_some(true)
        }
        _ => None,
    }
}

/// An ICMP echo request or reply by its identifier and sequence number (RFC 792, RFC 4443 section 4), which stand behind
/// type, code and checksum.
pub fn echo(asks: bool, body: &[u8]) -> Option<ExchangePart> {
    let sequence = u16_at(body, 2)?;
    Some(ExchangePart::new(asks, hash(body.get(..4)?), sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(question: Option<ExchangePart>, answer: Option<ExchangePart>) -> bool {
        let (Some(question), Some(answer)) = (question, answer) else { return false };
        question.asks && !answer.asks && question.id >> 16 == answer.id >> 16
    }

    #[test]
    fn a_separate_coap_response_answers_by_its_token() {
        let get = coap(b"\x42\x01\x00\x07\xaa\xbb\xb4test");
        assert!(pairs(get, coap(b"\x62\x45\x00\x07\xaa\xbb\xff22.5 C")), "piggybacked");
        assert!(pairs(get, coap(b"\x42\x45\x33\x44\xaa\xbb\xff22.5 C")), "separate");
        assert!(!pairs(get, coap(b"\x62\x45\x00\x07\xaa\xbc\xff22.5 C")), "another's");
        assert_eq!(coap(b"\x60\x00\x00\x07"), None, "an empty acknowledgement is no answer");
        assert_eq!(coap(b"\x42\x01\x00"), None);
    }

    #[test]
    fn a_bacnet_answer_is_known_by_invoke_id_and_device() {
        // ReadProperty of invoke id 5 to a device of network 7, address 0x0c; its ComplexACK; and another device's.
        let asked = bacnet(b"\x81\x0a\0\x15\x01\x24\0\x07\x01\x0c\xff\0\x05\x05\x0c\x0c\x02\0\0\x0c\x19\x55");
        let answer = |mac| bacnet(&[0x81, 0x0a, 0, 0x15, 1, 8, 0, 7, 1, mac, 0x30, 5, 0x0c]);
        assert!(pairs(asked, answer(0x0c)));
        assert!(!pairs(asked, answer(0x0d)));
        // The second segment of an answer.
        assert_eq!(bacnet(&[0x81, 0x0a, 0, 0x15, 1, 0, 0x38, 5, 1, 4, 0x0c]), None);
        assert_eq!(bacnet(b"\x81\x0b\0\x08\x01\0\x10\x08"), None, "Who-Is owes no answer by an id");
    }

    #[test]
    fn blocks_queries_and_pages_have_their_answers() {
        assert!(pairs(tftp(b"\0\x03\0\x09data", 8), tftp(b"\0\x04\0\x09", 4)));
        assert_eq!(tftp(b"\0\x04\0\x09more", 8), None);
        assert!(pairs(dns(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0"), dns(b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0")));
        assert!(pairs(http(b"GET / HTTP/1.1\r\n", None), http(b"HTTP/1.1 200 OK\r\n", None)));
        assert_eq!([http(b"Goodbye", None), http(b"HTTP/1.1 100 Continue\r\n", None)], [None; 2]);
        assert!(pairs(echo(true, b"\x01\x02\0\x01abc"), echo(false, b"\x01\x02\0\x01abc")));
    }
}
