//! A file that is not there, and what its name was meant to be.

use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::text::nearest;

/// Names of a folder that are looked at.
const LOOKED_AT: usize = 1000;
/// Nearest names that are opened to see whether they are what is wanted.
const TRIES: usize = 3;

/// What is wanted in the place of a file that is not there: of that folder, the file with the nearest name.
fn nearest_file(path: &Path, is_wanted: fn(&Path) -> bool) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let typed = path.file_name()?.to_str()?;
    let entries = folder.read_dir().ok()?.take(LOOKED_AT).flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    for _ in 0..TRIES {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = nearest(typed, &known)?.to_owned();
        let found = path.with_file_name(&near);
        if is_wanted(&found) {
            return Some(found);
        }
        names.retain(|name| *name != near);
    }
    None
}

/// `; did you mean site-survey.pcapng?`, or nothing.
pub(super) fn hint(path: &Path, is_wanted: fn(&Path) -> bool) -> String {
    let is_missing = path.try_exists().is_ok_and(|is_there| !is_there);
    let near = if is_missing { nearest_file(path, is_wanted) } else { None };
    near.map_or_else(String::new, |near| format!("; did you mean {}?", near.display()))
}

/// Why a file could not be used, with the name that it was meant to have if it is not there.
pub(super) fn unusable(path: &Path, error: impl Into<anyhow::Error>, is_wanted: fn(&Path) -> bool) -> Failure {
    let (error, hint) = (error.into(), hint(path, is_wanted));
    if hint.is_empty() { Failure::unusable(error) } else { Failure::usage(format!("{error}{hint}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_is_held_against_those_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["monday.pcap", "monday.toml", "tuesday.pcapng"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let hint_of = |name: &str| hint(&folder.path().join(name), |path| path.extension() != Some("toml".as_ref()));
        assert!(hint_of("mondai.pcap").ends_with("monday.pcap?"), "{}", hint_of("mondai.pcap"));
        assert!(hint_of("tuesday.pcap").ends_with("tuesday.pcapng?"));
        assert!(hint_of("monday.tom").is_empty(), "what is not wanted is not offered: {}", hint_of("monday.tom"));
        assert!(hint_of("monday.pcap").is_empty(), "it is there");
        assert!(hint_of("wednesday.pcap").is_empty() || hint_of("wednesday.pcap").contains("day"));
        assert!(hint(&folder.path().join("no/such/folder.pcap"), |_| true).is_empty());
    }
}
