//! What a file is, by its first bytes.

use std::fmt::Write as _;
use std::path::Path;

use super::error::CaptureError;
use super::{pcap, pcapng};

/// Bytes that are looked at.
pub(super) const LONGEST: usize = 76;

/// A capture that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Magic {
    Pcap,
    Pcapng,
}

/// Captures and compressions that are known and not read, with what to do about it.
const UNSUPPORTED: &[(&[u8], &str, &str)] = &[
    (b"snoop\0\0\0", "a Solaris snoop capture", "convert it with `editcap -F pcapng`"),
    (b"GMBU", "a Network Monitor capture", "convert it with `editcap -F pcapng`"),
    (b"RTSS", "a Network Monitor 1 capture", "convert it with `editcap -F pcapng`"),
    (b"\x1c\x00\x01\xac", "an Ixia capture", "convert it with `editcap -F pcapng`"),
    (b"\x1c\x00\x01\xab", "an Ixia capture", "convert it with `editcap -F pcapng`"),
    (b"TRSNIFF data    ", "a Sniffer capture", "convert it with `editcap -F pcapng`"),
    (b"XCP\0", "a Sniffer or NetXRay capture", "convert it with `editcap -F pcapng`"),
    (b"\x7fver", "an OmniPeek capture", "convert it with `editcap -F pcapng`"),
    (b"ObserverPktBufferVersion=", "an Observer capture", "convert it with `editcap -F pcapng`"),
    (b"btsnoop\0", "a Bluetooth capture", "it holds no IP traffic to judge"),
    (b"BZh", "compressed by bzip2", "unpack it first, with `bunzip2`"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "unpack it first, with `unlz4`"),
    (b"PK\x03\x04", "a ZIP archive", "unpack it first, with `unzip`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"\x30\x82", "an iptrace or encrypted file", "convert it with `editcap -F pcapng`"),
];

/// Files that are often taken for captures.
const OTHERS: [(&[u8], &str); 10] = [
    (b"\x89IGSTATE", "a state, which is read only from a file that is named"),
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
        return Err(CaptureError::Empty(path));
    }
    if is_event_trace(bytes) {
        let (what, advice) = ("a Windows event trace (ETL), as pktmon and netsh write it", FROM_EVENT_TRACE);
        return Err(CaptureError::Unsupported { path, what, advice });
    }
    let unsupported = UNSUPPORTED.iter().find(|(magic, ..)| bytes.starts_with(magic));
    if let Some((_, what, advice)) = unsupported {
        return Err(CaptureError::Unsupported { path, what, advice });
    }
    Err(CaptureError::NotACapture { path, looks_like: describe(bytes) })
}

/// How a Windows event trace becomes a capture.
const FROM_EVENT_TRACE: &str = "convert it on Windows with `pktmon etl2pcap` (a trace of netsh with `etl2pcapng`)";

/// Whether a Windows event trace begins here. It has no magic number: its first buffer has a header of 72 bytes, whose first
/// word is the buffer's size, a multiple of 1,024, and behind which stands the header of a system event, of version 2 or
/// so, type 1 or 2, with the marker 0xc0.
fn is_event_trace(bytes: &[u8]) -> bool {
    const HEADER: usize = 72;
    let Some(size) = bytes.first_chunk().map(|size| u32::from_le_bytes(*size)) else { return false };
    let event = bytes.get(HEADER..HEADER + 4);
    size >= 1024 && size.is_multiple_of(1024) && matches!(event, Some([1..=3, 0, 1 | 2, 0xc0]))
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
    fn other_formats_are_named_with_what_converts_them() {
        // A buffer of 64 KiB, its header's other fields, then the first event: version 2, system header of 64 bits.
        let trace = [&0x1_0000_u32.to_le_bytes()[..], &[0x5a; 68], &[2, 0, 2, 0xc0], &[0; 40]].concat();
        let twin = [&0x1_0001_u32.to_le_bytes()[..], &[0x5a; 68], &[2, 0, 2, 0xc0], &[0; 40]].concat();
        for (bytes, what, tool) in [
            (&trace[..], "Windows event trace", "pktmon etl2pcap"),
            (b"snoop\0\0\0\0\0\0\x02", "snoop", "editcap"),
            (b"GMBU\0\x02\x01\0", "Network Monitor", "editcap"),
            (b"TRSNIFF data    \x1a", "Sniffer", "editcap"),
            (b"XCP\x00002.002\0", "Sniffer", "editcap"),
        ] {
            let Err(error) = recognise(bytes, Path::new("site.cap")) else { panic!("it is not read") };
            let said = error.to_string();
            assert!(said.contains(what) && said.contains(tool), "{said}");
        }
        let Err(error) = recognise(&twin, Path::new("site.cap")) else { panic!("it is not read") };
        assert!(error.to_string().contains("is not a packet capture"), "{error}");
    }

    #[test]
    fn of_a_long_text_only_the_beginning_is_shown() {
        let text = "address,role\n".repeat(1000);
        let Err(error) = recognise(text.as_bytes(), Path::new("site.csv")) else { panic!("it is no capture") };
        let said = error.to_string();
        assert!(said.contains(r#"text ("address,role\naddress,role\n"#) && said.contains("...)"), "{said}");
        assert!(said.len() < 250, "{said}");
    }
}
