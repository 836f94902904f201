//! What can be wrong with a state.

use std::io;

/// Why a file cannot be used as a state.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It does not begin as a state does.
    #[error("it is no state: it does not begin as one")]
    NotAState,
    /// Made by a later version of the program, in a format that is not known here.
    #[error(
        "its format has version {version}, and this igorscope reads versions up to {}; use a newer igorscope",
        super::VERSION
    )]
    Newer {
        /// Of the format.
        version: u16,
    },
    /// It has no input.
    #[error("it holds no input")]
    Empty,
    /// It ends before its end.
    #[error("it is cut: it ends at byte {offset}, inside of what it began; copy it again")]
    Cut {
        /// Where the file ends.
        offset: u64,
    },
    /// A block is not what was written.
    #[error("it is damaged: the block at byte {offset} does not match its checksum; copy it again")]
    Checksum {
        /// Where the block begins.
        offset: u64,
    },
    /// What it says cannot be.
    #[error("it is damaged: in the block at byte {offset}, {what}")]
    Wrong {
        /// Where the block begins.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The system could not read it.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
}
