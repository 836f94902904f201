//! `--version -v`: what this program was built from and with, for a question to whoever made it.

use std::env::consts::{ARCH, OS};
use std::ffi::OsString;

use crate::policy::Policy;

/// Whether more is wanted than the version.
pub(super) fn is_wanted(words: &[OsString]) -> bool {
    let is_verbose = |word: &str| {
        word == "--verbose"
            || word.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains('v'))
    };
    words.iter().skip(1).any(|word| word.to_str().is_some_and(is_verbose))
}

/// Lines of a name and what it is.
pub(super) fn details() -> String {
    let library = match (cfg!(unix), cfg!(target_env = "gnu"), cfg!(target_env = "musl")) {
        (true, true, _) => ", glibc",
        (true, _, true) => ", static with musl",
        _ => "",
    };
    let capture = match (cfg!(feature = "live"), cfg!(windows)) {
        (true, true) => "yes, by Npcap, where that is installed",
        (true, false) => "yes, by libpcap",
        (false, _) => "no",
    };
    let documents = Policy::embedded().documents().iter().map(|document| document.name.clone()).collect::<Vec<_>>();
    let lines = [
        ("system", format!("{OS} {ARCH}{library}")),
        ("live capture", capture.to_owned()),
        ("filters", if cfg!(feature = "live") { "pcap-filter(7)".to_owned() } else { "no".to_owned() }),
        ("compressed captures", "gzip (zlib-rs), zstd (libzstd), xz (liblzma)".to_owned()),
        ("documents", documents.join(", ")),
        ("built from", option_env!("IGORSCOPE_COMMIT").unwrap_or("a source tree without a name").to_owned()),
        ("checks", if cfg!(debug_assertions) { "debug build: slow".to_owned() } else { "release build".to_owned() }),
    ];
    lines.iter().map(|(name, text)| format!("  {name:<20} {text}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_letters_in_any_order() {
        let wanted = |words: &[&str]| is_wanted(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(wanted(&["igorscope", "--version", "-v"]));
        assert!(wanted(&["igorscope", "-vV"]));
        assert!(wanted(&["igorscope", "--verbose", "-V"]));
        assert!(!wanted(&["igorscope", "--version"]));
        assert!(!wanted(&["igorscope", "-V"]));
    }
}
