//! The PROXY protocol (HAProxy, versions 1 and 2): by whom a load balancer was asked, before what it hands on.

/// A line of version 1 is no longer (section 2.1).
const LINE_MAX: usize = 107;
/// What a header of version 2 begins with (section 2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a header of version 2 before its addresses.
const FIXED: usize = 16;
/// What a line of version 1 begins with.
const LINES: [&[u8]; 3] = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];

/// What stands behind the header with which a stream begins; nothing where the header is all that is there, or where the capture
/// `is_cut` within what may be one.
pub(super) fn behind(stream: &[u8], is_cut: bool) -> Option<&[u8]> {
    let length = if stream.starts_with(SIGNATURE) {
        let length = super::payload::u16_at(stream, FIXED - 2).unwrap_or(u16::MAX);
        FIXED + usize::from(length)
    } else if LINES.iter().any(|begin| stream.starts_with(begin)) {
        let line = &stream[..stream.len().min(LINE_MAX)];
        line.windows(2).position(|end| end == b"\r\n").map_or(stream.len(), |at| at + 2)
    } else if is_cut && LINES.iter().chain([&SIGNATURE]).any(|begin| begin.starts_with(stream)) {
        stream.len()
    } else {
        return None;
    };
    Some(stream.get(length..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::{Protocol, inspect};
    use crate::protocol::Transport;

    #[test]
    fn what_is_cut_violates_no_more_than_the_whole() {
        let streams: [&[u8]; 4] = [
            b"PROXY TCP6 q\0\x98\xc3\x17\x18\0gY T\x01\xc0\x7f",
            b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0\x16\x03\x01\0\x05\x01\0\0\x01\0",
            b"PROXYING",
        ];
        for stream in streams {
            let cut = |at: usize| inspect(Transport::Tcp, 51_000, 80, &stream[..at], stream.len() as u32).violates;
            let whole = cut(stream.len());
            (0..stream.len()).for_each(|at| assert_eq!(cut(at) & !whole, 0, "{stream:?} cut at {at}"));
        }
    }

    #[test]
    fn what_stands_behind_a_header_is_read() {
        // Sections 2.1 and 2.2: TCP over IPv4, and LOCAL without addresses.
        let headers: [&[u8]; 4] = [
            b"PROXY TCP4 10.9.0.5 10.20.0.10 51000 80\r\n",
            b"PROXY UNKNOWN\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x09\0\x05\x0a\x14\0\x0a\xc7\x38\0\x50",
            b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        ];
        let said = |stream: &[u8], port| {
            let said = inspect(Transport::Tcp, 51_000, port, stream, stream.len() as u32);
            let [http, tls] = [Protocol::Http, Protocol::Tls].map(Protocol::bit);
            [said.conforms & http != 0, said.violates & http != 0, said.conforms & tls != 0, said.violates & tls != 0]
        };
        for header in headers {
            let behind = |bytes: &[u8]| said(&[header, bytes].concat(), 80);
            assert_eq!(behind(b"GET / HTTP/1.1\r\n\r\n"), [true, false, false, true]);
            assert_eq!(behind(b"\x16\x03\x01\0\x40\x01\0\0\x3c\x03\x03"), [false, true, true, false]);
            assert_eq!(behind(b"SSH-2.0-OpenSSH_9.6\r\n"), [false, true, false, true]);
            // All that is there, or cut: nothing is said.
            for cut in 14..=header.len() {
                assert_eq!(said(&header[..cut], 80), [false; 4], "{cut}");
            }
        }
        assert_eq!(said(b"PROXYING is no header", 443), [false, false, false, true]);
    }
}
