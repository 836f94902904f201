//! HTTP/1 over TCP (RFC 9112), the preface of HTTP/2 (RFC 9113 section 3.4), and UPnP's use of it.

use super::Evidence;
use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};

/// Methods that are common enough to need no further proof: RFC 9110, 5789, WebDAV's (RFC 4918),
/// UPnP's eventing (UPnP Device Architecture 2.0 section 4).
const METHODS: [&[u8]; 17] = [
    b"GET",
    b"POST",
    b"HEAD",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"PATCH",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"NOTIFY",
    b"M-SEARCH",
    b"M-POST",
    b"PROPFIND",
    b"MKCOL",
    b"REPORT",
];
/// How far a start line is looked for.
const LINE_LIMIT: usize = 1024;
/// How far the space behind a method is looked for; the longest registered one has 17 bytes.
const METHOD_LIMIT: usize = 64;

/// A method is a token (RFC 9110 section 5.6.2), and empty lines before it are ignored. A page without a header is HTTP/0.9's
/// answer; a frame of HTTP/2 begins with its length: the server's first is SETTINGS, which is short.
pub(super) const FIRST: FirstBytes = FirstBytes::of(&[
    (0x00, 0x00),
    (b'\n', b'\n'),
    (b'\r', b'\r'),
    (b'!', b'!'),
    (b'#', b'\''),
    (b'*', b'+'),
    (b'-', b'.'),
    (b'0', b'9'),
    (b'<', b'<'),
    (b'A', b'Z'),
    (b'^', b'z'),
    (b'|', b'|'),
    (b'~', b'~'),
]);

pub(super) const SPEC: Spec = Spec {
    name: "http",
    ports: &[80],
    tcp: TransportSpec::vendor(FIRST),
    udp: TransportSpec::NEVER,
    strength: 11,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    let bytes = p.bytes;
    if bytes[0] == 0 {
        return http2_server(bytes);
    }
    // RFC 9112 section 2.2: a server may ignore empty lines before a request.
    // HTTP/0.9 answers with the bare page (RFC 1945 section 6).
    if matches!(bytes[0], b'\r' | b'\n' | b'<') {
        return Sign::UNKNOWN;
    }
    if bytes.starts_with(b"HTTP/") {
        return Sign::conforms_if(bytes[5..].starts_with(b"1.") && bytes.get(7).is_some_and(u8::is_ascii_digit));
    }
    if bytes.starts_with(b"PRI * HTTP/2.0") {
        return Sign::CONFORMS;
    }
    // RFC 4253 section 4.2: this is what SSH begins with, and it reads like a method.
    if bytes.starts_with(b"SSH-") {
        return Sign::VIOLATES;
    }
    let window = bytes.get(..LINE_LIMIT).unwrap_or(bytes);
    let Some(end) = window.iter().take(METHOD_LIMIT).position(|&b| !is_token(b)) else {
        // No space yet: the rest may come with the next segment, and methods may be of any length.
        return Sign::UNKNOWN;
    };
    if end == 0 || window[end] != b' ' {
        return Sign::VIOLATES;
    }
    let (method, target) = (&window[..end], &window[end + 1..]);
    let known = METHODS.contains(&method);
    if known && matches!(target.first(), Some(b'/' | b'*' | b'h')) {
        return Sign::CONFORMS;
    }
    match target.iter().position(|&b| b == b'\n') {
        Some(at) => {
            let line = target[..at].trim_ascii_end();
            let versioned = matches!(line, [.., b' ', b'H', b'T', b'T', b'P', b'/', a, b'.', b]
                if a.is_ascii_digit() && b.is_ascii_digit());
            Sign::of(match (versioned, known) {
                (true, _) => Evidence::Conforms,
                // HTTP/0.9 had no version.
                (false, true) => Evidence::Unknown,
                (false, false) => Evidence::Violates,
            })
        }
        None => Sign::UNKNOWN,
    }
}

/// The server's half of HTTP/2 begins with a SETTINGS frame (RFC 9113 sections 3.4, 4.1 and 6.5): 24 bits of length, a
/// multiple of 6, type 4, no flags, stream 0.
fn http2_server(bytes: &[u8]) -> Sign {
    const BEHIND_LENGTH: [u8; 6] = [4, 0, 0, 0, 0, 0];
    let (length, rest) = bytes.split_at(bytes.len().min(3));
    let begins = rest.len() <= BEHIND_LENGTH.len() && BEHIND_LENGTH.starts_with(rest);
    match (length, rest) {
        ([0, high, low], [4, 0, 0, 0, 0, 0, ..]) if u16::from_be_bytes([*high, *low]) % 6 == 0 => Sign::CONFORMS,
        // It may go on with the next segment.
        ([0, ..], _) if begins && bytes.len() < 9 => Sign::UNKNOWN,
        _ => Sign::VIOLATES,
    }
}

/// Whether a byte may stand in an HTTP token (RFC 9110 section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
