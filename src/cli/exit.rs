//! How a run ends.

use std::process::ExitCode;
use std::{fmt, io};

use crate::report::WriteError;

/// The exit status: a promise to scripts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Status {
    /// Everything was read; nothing at or above `--fail-on`. For checks: good, same.
    Good = 0,
    /// Everything was read; findings at or above `--fail-on`. For checks: not good, different.
    Found = 1,
    /// Wrong usage, or an input, inventory or policy that could not be used at all.
    Unusable = 2,
    /// Part of the input was damaged, cut or unreadable; the report was written and names it.
    Partial = 3,
    /// A result could not be written.
    Unwritten = 4,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command could not do its work, and the status that goes with it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    pub(super) error: anyhow::Error,
}

impl Failure {
    /// Wrong usage, or an input that could not be used.
    pub(super) fn unusable(error: impl Into<anyhow::Error>) -> Self {
        Self { status: Status::Unusable, error: error.into() }
    }

    /// A result that could not be written.
    pub(super) fn unwritten(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self { status: Status::Unwritten, error: anyhow::Error::msg(message) }
    }

    /// The same, in words.
    pub(super) fn usage(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self { status: Status::Unusable, error: anyhow::Error::msg(message) }
    }

    /// Whether whoever read our output went away: no failure of ours.
    pub(super) fn is_broken_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self { status: Status::Unwritten, error: error.into() }
    }
}

/// What a command comes to.
pub(super) type Outcome = Result<Status, Failure>;
