//! What a file is, by its first bytes.

use std::fmt::Write as _;
use std::path::Path;

use super::error::CaptureError;
use super::{pcap, pcapng};

/// Bytes that are looked at.
pub(super) const LONGEST: usize = 12;

/// A capture that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Magic {
    Pcap,
    Pcapng,
}

/// Captures and compressions that are known and not read, with what to do about it.
const UNSUPPORTED: [(&[u8], &str, &str); 11] = [
    (b"snoop\0\0\0", "a Solaris snoop capture", "convert it with `editcap -F pcapng`"),
    (b"GMBU", "a Network Monitor capture", "convert it with `editcap -F pcapng`"),
    (b"RTSS", "a Network Monitor 1 capture", "convert it with `editcap -F pcapng`"),
    (b"\x1c\x00\x01\xac", "an Ixia capture", "convert it with `editcap -F pcapng`"),
    (b"\x1c\x00\x01\xab", "an Ixia capture", "convert it with `editcap -F pcapng`"),
    (b"TRSNIFF data    ", "a Sniffer capture", "convert it with `editcap -F pcapng`"),
    (b"BZh", "compressed by bzip2", "unpack it first, with `bunzip2`"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "unpack it first, with `unlz4`"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first, with `unzip`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x30\x82", "an iptrace or encrypted file", "convert it with `editcap -F pcapng`"),
];

/// Files that are often taken for captures.
const OTHERS: [(&[u8], &str); 9] = [
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"<!DO", "a web page"),
    (b"<htm", "a web page"),
    (b"{", "JSON text"),
];

/// Says what a file that begins with `bytes` is, or why it cannot be read.
pub(super) fn recognise(bytes: &[u8], path: &Path) -> Result<Magic, CaptureError> {
    if pcap::is_magic(bytes) {
        return Ok(Magic::Pcap);
    }
    if pcapng::is_magic(bytes) {
        return Ok(Magic::Pcapng);
    }
    let path = path.to_owned();
    if bytes.is_empty() {
        return Err(CaptureError::Empty { path });
    }
    let unsupported = UNSUPPORTED.iter().find(|(magic, ..)| bytes.starts_with(magic));
    if let Some((_, what, advice)) = unsupported {
        return Err(CaptureError::Unsupported { path, what, advice });
    }
    Err(CaptureError::NotACapture { path, looks_like: describe(bytes) })
}

/// Bytes of a text that are shown, to know it again.
const SHOWN: usize = 40;

/// The first bytes in words.
fn describe(bytes: &[u8]) -> String {
    let mut text = String::from("its first bytes are");
    for byte in bytes.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(text, " {byte:02x}");
    }
    if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        let _ = write!(text, ", {name}");
    } else if bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        let begin = bytes.get(..SHOWN).unwrap_or(bytes);
        let more = if begin.len() < bytes.len() { "..." } else { "" };
        let _ = write!(text, ", text ({:?}{more})", String::from_utf8_lossy(begin));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_only_the_beginning_is_shown() {
        let text = "address,role\n".repeat(1000);
        let Err(error) = recognise(text.as_bytes(), Path::new("site.csv")) else { panic!("it is no capture") };
        let said = error.to_string();
        assert!(said.contains(r#"text ("address,role\naddress,role\n"#) && said.contains("...)"), "{said}");
        assert!(said.len() < 250, "{said}");
    }
}
