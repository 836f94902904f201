//! CoAP (RFC 7252), observe by RFC 7641.

pub(crate) const CON: u8 = 0;
pub(crate) const NON: u8 = 1;
pub(crate) const ACK: u8 = 2;

pub(crate) const GET: u8 = 0x01;
pub(crate) const PUT: u8 = 0x03;
pub(crate) const CHANGED: u8 = 0x44;
pub(crate) const CONTENT: u8 = 0x45;

pub(crate) const OBSERVE: u16 = 6;
const URI_PATH: u16 = 11;
const CONTENT_FORMAT: u16 = 12;

/// One message. Options are in ascending order, each shorter than 13 bytes, as section 3.1's short form.
pub(crate) fn message(kind: u8, code: u8, id: u16, token: &[u8], options: &[(u16, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x40 | kind << 4 | token.len() as u8, code];
    out.extend(id.to_be_bytes());
    out.extend(token);
    let mut before = 0;
    for (number, value) in options {
        let delta = number - before;
        before = *number;
        assert!(delta < 13 && value.len() < 13, "the generator's options are short");
        out.push((delta as u8) << 4 | value.len() as u8);
        out.extend(*value);
    }
    if !payload.is_empty() {
        out.push(0xff);
        out.extend(payload);
    }
    out
}

/// A request for `/a/b`.
pub(crate) fn request(kind: u8, code: u8, id: u16, token: &[u8], path: &str, payload: &[u8]) -> Vec<u8> {
    let options: Vec<_> = path.split('/').map(|part| (URI_PATH, part.as_bytes())).collect();
    message(kind, code, id, token, &options, payload)
}

/// A GET that asks to be told of changes.
pub(crate) fn observe(id: u16, token: &[u8], path: &str) -> Vec<u8> {
    let mut options: Vec<(u16, &[u8])> = vec![(OBSERVE, &[])];
    options.extend(path.split('/').map(|part| (URI_PATH, part.as_bytes())));
    message(CON, GET, id, token, &options, &[])
}

/// A 2.05 with JSON.
pub(crate) fn content(kind: u8, id: u16, token: &[u8], sequence: Option<u8>, payload: &str) -> Vec<u8> {
    let number = [sequence.unwrap_or(0)];
    let mut options: Vec<(u16, &[u8])> = Vec::new();
    if sequence.is_some() {
        options.push((OBSERVE, &number));
    }
    options.push((CONTENT_FORMAT, &[50]));
    message(kind, CONTENT, id, token, &options, payload.as_bytes())
}

/// An empty acknowledgment.
pub(crate) fn empty_ack(id: u16) -> Vec<u8> {
    message(ACK, 0, id, &[], &[], &[])
}
