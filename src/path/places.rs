//! Places as they are named: `NAME=PATH`, or a path whose file name is the name.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::MOST_PLACES;
use crate::survey::Source;

/// A place and the captures that were made there.
#[derive(Clone, Debug)]
pub struct Place {
    /// As it is called in results.
    pub name: String,
    /// In the order of time ([`crate::survey::in_order`]). Files only: they are read several times.
    pub sources: Vec<Source>,
}

/// Why places cannot be told apart.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Fewer than two, or more than [`MOST_PLACES`].
    #[error("path compares captures of 2 to {MOST_PLACES} places; named: {0}")]
    Number(usize),
    /// A name without a path, or a path without a name.
    #[error("{0:?} is no place; write NAME=PATH, or a PATH alone")]
    Empty(String),
    /// Two places have one name.
    #[error("two places are called {0:?}; name them apart with NAME=PATH")]
    Twice(String),
    /// Standard input cannot be read again.
    #[error("a place is a file or a folder, not standard input: it is read more than once")]
    StandardInput,
}

/// The name and path of each place.
///
/// # Errors
/// When they are too few or too many, or cannot be told apart.
pub fn name_places(named: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, NameError> {
    if !(2..=MOST_PLACES).contains(&named.len()) {
        return Err(NameError::Number(named.len()));
    }
    let places = named.iter().map(|argument| split(argument)).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    match places.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(NameError::Twice(name.clone())),
        None => Ok(places),
    }
}

fn split(argument: &Path) -> Result<(String, PathBuf), NameError> {
    let text = argument.to_string_lossy();
    // A file whose own name has the sign in it is a file.
    let (name, path) = match text.split_once('=') {
        Some((name, path)) if !argument.exists() => (name.to_owned(), PathBuf::from(path)),
        _ => {
            let name = argument.file_stem().or_else(|| argument.file_name()).map(OsStr::to_string_lossy);
            (name.unwrap_or_else(|| text.clone()).into_owned(), argument.to_owned())
        }
    };
    match path.to_str() {
        Some("-") => Err(NameError::StandardInput),
        Some("") => Err(NameError::Empty(text.into_owned())),
        _ if name.is_empty() => Err(NameError::Empty(text.into_owned())),
        _ => Ok((name, path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Result<Vec<String>, String> {
        let paths: Vec<PathBuf> = list.iter().map(PathBuf::from).collect();
        let places = name_places(&paths).map_err(|error| error.to_string())?;
        Ok(places.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn places_have_names_of_their_own() {
        assert_eq!(names(&["gateway=a/b.pcap", "c/node.pcapng"]).unwrap(), ["gateway", "node"]);
        for (wrong, word) in [
            (&["a.pcap"][..], "named: 1"),
            (&["x/a.pcap", "y/a.pcap"], "\"a\""),
            (&["a=", "b"], "NAME=PATH"),
            (&["=a", "b"], "NAME=PATH"),
            (&["a=-", "b"], "standard input"),
            (&["-", "b"], "standard input"),
        ] {
            assert!(names(wrong).unwrap_err().contains(word), "{wrong:?}: {:?}", names(wrong));
        }
    }
}
