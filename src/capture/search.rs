//! Which captures a command line means: files as named, folders searched, each file once.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::error::CaptureError;
use super::reader::Capture;
use crate::text;

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
    /// Folders that were named and cannot be read, and files in them that may not be read though they are called captures.
    pub errors: Vec<CaptureError>,
}

/// One file, whatever it is called.
#[derive(PartialEq, Eq, Hash)]
enum FileIdentity {
    #[cfg(unix)]
    Inode(u64, u64),
    #[cfg(not(unix))]
    Path(PathBuf),
}

impl FileIdentity {
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
    let mut seen: HashMap<FileIdentity, PathBuf> = HashMap::new();
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
fn is_new(path: &Path, metadata: &Metadata, found: &mut Found, seen: &mut HashMap<FileIdentity, PathBuf>) -> bool {
    let Some(identity) = FileIdentity::of(path, metadata) else { return true };
    if let Some(before) = seen.get(&identity) {
        let reason = format!("the same file as {}, which is read already", before.display());
        found.passed_over.push(PassedOver { path: path.to_owned(), reason });
        return false;
    }
    seen.insert(identity, path.to_owned());
    true
}

fn search(folder: &Path, found: &mut Found, seen: &mut HashMap<FileIdentity, PathBuf>) {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        let entries = match fs::read_dir(&current) {
            Ok(entries) => entries,
            Err(source) if current == folder => {
                found.errors.push(CaptureError::Open(current, source));
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
    files.sort_by_cached_key(|path| sort_key(path));
    for path in files {
        match examine(&path) {
            Ok(metadata) => {
                if is_new(&path, &metadata, found, seen) {
                    found.captures.push(path);
                }
            }
            Err(Unfit::Unreadable(error)) if is_called_capture(&path) => found.errors.push(error),
            Err(Unfit::Unreadable(error)) => {
                let reason = error.reason();
                found.passed_over.push(PassedOver { path, reason });
            }
            Err(Unfit::Other(reason)) => found.passed_over.push(PassedOver { path, reason }),
        }
    }
}

/// By bytes, with Windows' separator as that of others: the same order on every machine, whatever the file system's.
fn sort_key(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().map(|byte| if cfg!(windows) && *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// Whether a file begins as a capture does, compressed or not.
pub fn is_capture(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) && Capture::recognise(path).is_ok()
}

/// Why a file of a folder is not read.
enum Unfit {
    /// It may hold anything.
    Unreadable(CaptureError),
    /// It is nothing to read, in words.
    Other(String),
}

/// The metadata of a capture; else why it is none.
fn examine(path: &Path) -> Result<Metadata, Unfit> {
    let metadata = fs::metadata(path).map_err(|error| Unfit::Other(format!("cannot be read: {error}")))?;
    if metadata.is_dir() {
        return Err(Unfit::Other("a link to a folder, which is not followed".to_owned()));
    }
    if !metadata.is_file() {
        return Err(Unfit::Other("neither a file nor a folder".to_owned()));
    }
    if crate::state::is_state(path) {
        return Ok(metadata);
    }
    match Capture::recognise(path) {
        Ok(()) if is_own_evidence(path) => Err(Unfit::Other(
            "evidence that igorscope wrote: its frames are in the captures that it was made of".into(),
        )),
        Ok(()) => Ok(metadata),
        Err(error @ (CaptureError::Open(..) | CaptureError::Read { .. })) => Err(Unfit::Unreadable(error)),
        Err(error) => Err(Unfit::Other(error.reason())),
    }
}

/// What the comment of an evidence file begins with: it holds frames of other captures once more.
pub const EVIDENCE: &str = "Frames of the findings only";

/// Whether a pcapng file says in its first block that it is evidence of ours.
fn is_own_evidence(path: &Path) -> bool {
    let head = text::beginning(path, 512).unwrap_or_default();
    let says = |text: &str| head.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && says(EVIDENCE) && says("igorscope ")
}

/// Whether a file's name ends as captures' do, compressed or not; tcpdump numbers the files of a ring behind the ending.
fn is_called_capture(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name =
        ["gz", "zst", "xz"].iter().find_map(|packed| name.strip_suffix(packed)?.strip_suffix('.')).unwrap_or(&name);
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["pcap", "pcapng", "cap", "dmp", "dump"].contains(&ending)
}
