//! Texts, whoever wrote them: files in whatever encoding (PowerShell's `>` writes UTF-16, Excel a byte order mark), places in
//! them, mistyped words, numbers of things, untrusted text made safe to print, and our own words for the values of a table.

mod escape;
mod lines;
mod named;
mod near;
mod number;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

pub(crate) use escape::{as_file, cell, powershell};
pub use escape::{visible, visible_lines};
pub(crate) use lines::{Lines, position};
pub(crate) use named::named;
pub(crate) use near::{hint, nearest};
pub(crate) use number::{duration, times};

/// What a file begins with, of so many bytes at most: what a pipe or a device holds is not known beforehand.
pub(crate) fn beginning(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why bytes are no text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub struct BadText {
    /// How many bytes from the beginning are text.
    pub valid: usize,
    /// What is wrong, and where.
    pub why: String,
}

/// Text from UTF-8 or UTF-16, told apart by the byte order mark, else by where the zero bytes are. The mark is left out.
///
/// # Errors
/// Where it is neither.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, BadText> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, 2, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, 2, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3),
        [first, 0, ..] if *first != 0 => utf16(bytes, 0, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, 0, u16::from_be_bytes),
        _ => utf8(bytes, 0),
    }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<Cow<'_, str>, BadText> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let valid = skipped + error.valid_up_to();
        BadText { valid, why: format!("byte {valid}: neither UTF-8 nor UTF-16 text") }
    })
}

fn utf16(bytes: &[u8], skipped: usize, unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, BadText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        let valid = skipped + bytes.len();
        return Err(BadText {
            valid,
            why: format!("byte {valid}: UTF-16 text ends within a character; the file was cut"),
        });
    }
    let mut text = String::with_capacity(bytes.len() / 2);
    for (at, c) in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).enumerate() {
        let bad = |_| BadText { valid: skipped, why: format!("character {}: no valid UTF-16", at + 1) };
        text.push(c.map_err(bad)?);
    }
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_encoding_that_windows_writes_is_read() {
        let text = "{\"name\": \"Igör\"}";
        let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for bytes in [
            text.as_bytes().to_vec(),
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            [&[0xff, 0xfe][..], &utf16(u16::to_le_bytes)].concat(),
            [&[0xfe, 0xff][..], &utf16(u16::to_be_bytes)].concat(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes).unwrap(), text);
        }
        for (bytes, why) in [
            (&b"{\"a\": \"\xc3\"}"[..], "byte 7: neither"),
            (b"\xff\xfe{\x00}", "byte 5: UTF-16 text ends within"),
            (b"\xff\xfe\x00\xd8\x00\xd8", "character 1: no valid"),
        ] {
            assert!(decode(bytes).unwrap_err().to_string().starts_with(why), "{bytes:?}");
        }
        assert_eq!(decode(b"").unwrap(), "");
    }
}
