//! Which captures a command line means: files as named, folders searched, each file once.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::error::CaptureError;
use super::reader::Capture;

/// A file that a search leaves out, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why, in words.
    pub reason: String,
}

/// What a search found.
#[derive(Default, Debug)]
pub struct Found {
    /// Files to read: those that were named, unlooked at, and the captures of the folders that were
    /// named. In the order of naming, each folder's sorted by the bytes of their paths.
    pub captures: Vec<PathBuf>,
    /// What is no capture in the folders, and what was mentioned before. No failure.
    pub passed_over: Vec<PassedOver>,
    /// Folders that were named and cannot be read.
    pub errors: Vec<CaptureError>,
}

/// One file, whatever it is called.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl Identity {
    #[cfg(unix)]
    fn of(_: &Path, metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self::Inode(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path, _: &Metadata) -> Option<Self> {
        fs::canonicalize(path).ok().map(Self::Path)
    }
}

/// Looks through what was named: files are taken as they are, folders are searched to any depth for
/// files that begin as a capture does.
///
/// Symbolic links to files are followed; links to folders inside a folder are not, so a search ends
/// and stays where it was sent. Pipes and devices inside a folder are never opened.
pub fn find_captures(named: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut seen: HashMap<Identity, PathBuf> = HashMap::new();
    for path in named {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => search(path, &mut found, &mut seen),
            Ok(metadata) if metadata.is_file() => {
                if is_new(path, &metadata, &mut found, &mut seen) {
                    found.captures.push(path.clone());
                }
            }
            // A pipe may be read twice; what cannot be opened is for the reader to say.
            _ => found.captures.push(path.clone()),
        }
    }
    found
}

/// Whether a file is mentioned for the first time.
fn is_new(path: &Path, metadata: &Metadata, found: &mut Found, seen: &mut HashMap<Identity, PathBuf>) -> bool {
    let Some(identity) = Identity::of(path, metadata) else { return true };
    if let Some(before) = seen.get(&identity) {
        let reason = format!("the same file as {}, which is read already", before.display());
        found.passed_over.push(PassedOver { path: path.to_owned(), reason });
        return false;
    }
    seen.insert(identity, path.to_owned());
    true
}

fn search(folder: &Path, found: &mut Found, seen: &mut HashMap<Identity, PathBuf>) {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        let entries = match fs::read_dir(&current) {
            Ok(entries) => entries,
            Err(source) if current == folder => {
                found.errors.push(CaptureError::Open { path: current, source });
                continue;
            }
            Err(error) => {
                let reason = format!("the folder cannot be read: {error}");
                found.passed_over.push(PassedOver { path: current, reason });
                continue;
            }
        };
        for entry in entries.map_while(Result::ok) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => files.push(entry.path()),
            }
        }
    }
    // By bytes: the same order on every machine, whatever the file system's.
    files.sort_unstable_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    for path in files {
        match examine(&path) {
            Ok(metadata) => {
                if is_new(&path, &metadata, found, seen) {
                    found.captures.push(path);
                }
            }
            Err(reason) => found.passed_over.push(PassedOver { path, reason }),
        }
    }
}

/// The metadata of a capture; else why it is none.
fn examine(path: &Path) -> Result<Metadata, String> {
    let metadata = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if metadata.is_dir() {
        return Err("a link to a folder, which is not followed".to_owned());
    }
    if !metadata.is_file() {
        return Err("neither a file nor a folder".to_owned());
    }
    Capture::recognise(path).map_err(|error| error.reason())?;
    Ok(metadata)
}
