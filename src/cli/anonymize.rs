//! `--anonymize`: its key, and the command line without the site's names.

use std::path::Path;

use super::exit::Failure;
use crate::anonymize::Anonymizer;
use crate::survey::Survey;

/// Keys that are drawn until one leaves no address as it is; of a network with very many, one may.
const DRAWN: usize = 16;

/// For a survey, by the key of a file, or by one of this run's own.
pub(super) fn anonymizer(key: Option<&[u8; 32]>, survey: &Survey) -> Result<Anonymizer, Failure> {
    if let Some(key) = key {
        return Ok(Anonymizer::new(key, survey));
    }
    let mut anonymizer = Anonymizer::new(&drawn()?, survey);
    for _ in 1..DRAWN {
        if !anonymizer.keeps_an_address() {
            break;
        }
        anonymizer = Anonymizer::new(&drawn()?, survey);
    }
    Ok(anonymizer)
}

fn drawn() -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Failure::usage(format!("no random key can be had: {error}")))?;
    Ok(key)
}

pub(super) fn key(path: &Path) -> Result<[u8; 32], Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read the key {}: {error}", path.display())))?;
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let parsed = <[u8; 32]>::try_from(&bytes[..]).ok().or_else(|| hex(&digits));
    parsed.ok_or_else(|| {
        Failure::usage(format!(
            "{} is no key: it needs 32 bytes, or 64 hexadecimal digits (openssl rand -hex 32 makes some)",
            path.display()
        ))
    })
}

fn hex(digits: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 64)?;
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

/// What the report says of the command.
pub(super) fn command() -> Vec<String> {
    ["igorscope", "analyze", "--anonymize", "..."].map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bytes_or_digits() {
        let file = |bytes: &[u8]| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            key(file.path()).ok()
        };
        assert_eq!(file(&[7; 32]), Some([7; 32]));
        assert_eq!(file(format!("{}\n", "0a".repeat(32)).as_bytes()), Some([10; 32]));
        assert_eq!(file(b"secret"), None);
        assert_eq!(file("zz".repeat(32).as_bytes()), None);
        assert_ne!(drawn().unwrap(), drawn().unwrap(), "a key of its own for each run");
    }
}
