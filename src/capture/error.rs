//! What can be wrong with an input as a whole, and what damage inside it looks like.

use std::io;
use std::path::{Path, PathBuf};

use crate::state::Broken;

/// An input that gives no frames at all: it cannot be opened, or it is no capture.
///
/// Damage *inside* a capture is no error but a [`Damage`]: what lies before it is still reported.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system would not open the file.
    #[error("cannot open {}: {}; check the name and the permission to read it", .0.display(), .1)]
    Open(PathBuf, #[source] io::Error),
    /// The first bytes could not be read.
    #[error("cannot read {} at byte {offset}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Where reading failed.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A folder where a file was expected.
    #[error("{} is a folder, not a capture; name the captures in it, or let it be searched", .0.display())]
    Folder(PathBuf),
    /// Nothing in it.
    #[error("{} is empty (0 bytes): the capture program wrote nothing to it; capture again", .0.display())]
    Empty(PathBuf),
    /// Neither pcap nor pcapng.
    #[error("{} is not a packet capture: {looks_like}; give a pcap or pcapng file", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What its first bytes look like.
        looks_like: String,
    },
    /// A capture or a compression that is known but not read here.
    #[error("{} is {what}, which is not supported; {advice}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// A state that cannot be used.
    #[error("{} cannot be used as a state: {}", .0.display(), .1)]
    State(PathBuf, #[source] Broken),
}

impl CaptureError {
    /// What is wrong, where the path is said beside it.
    pub fn reason(&self) -> String {
        match self {
            Self::Open(_, source) => format!("cannot be opened: {source}"),
            Self::Read { source, offset, .. } => format!("cannot be read at byte {offset}: {source}"),
            Self::Folder(_) => "a folder".to_owned(),
            Self::Empty(_) => "empty (0 bytes)".to_owned(),
            Self::NotACapture { looks_like, .. } => format!("no packet capture: {looks_like}"),
            Self::Unsupported { what, advice, .. } => format!("{what}, which is not supported; {advice}"),
            Self::State(_, source) => format!("no state that can be used: {source}"),
        }
    }

    /// The file it is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Open(path, _)
            | Self::Read { path, .. }
            | Self::Folder(path)
            | Self::Empty(path)
            | Self::NotACapture { path, .. }
            | Self::Unsupported { path, .. }
            | Self::State(path, _) => path,
        }
    }
}

/// The first place where a capture could not be read on. Reading ends there: where records resume
/// after damage could only be guessed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Byte offset in the capture; for compressed input, in the capture after decompression.
    pub offset: u64,
    /// What is wrong there, in words.
    pub reason: String,
}
