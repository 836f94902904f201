//! What can be wrong with an inventory, and where.

use std::fmt;
use std::sync::Arc;

use crate::policy::Role;
use crate::text::nearest;

/// Where something was declared. Prints as `site.toml:12:8`, `site.csv:3, cell 2`, or the flag itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SourceLocation {
    /// A whole file, by its path.
    File(Arc<str>),
    /// A line and column (characters), both from 1, of a TOML file.
    Toml(Arc<str>, u32, u32),
    /// A line and cell, both from 1, of a CSV file; cell 0 is the whole line.
    Csv(Arc<str>, u32, u32),
    /// A command-line flag with its value.
    Flag(Arc<str>),
}

impl SourceLocation {
    /// File and line, or the flag: enough to find an entry again.
    pub fn line(&self) -> String {
        match self {
            Self::File(name) => name.to_string(),
            Self::Toml(name, line, _) | Self::Csv(name, line, _) => format!("{name}:{line}"),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Toml(name, line, column) => write!(f, "{name}:{line}:{column}"),
            Self::Csv(name, line, 0) => write!(f, "{name}:{line}"),
            Self::Csv(name, line, cell) => write!(f, "{name}:{line}, cell {cell}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InventoryError {
    /// Where.
    pub place: SourceLocation,
    /// What.
    pub problem: Problem,
}

/// What is wrong. Each message says what was found and what was expected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// The file could not be read.
    #[error("cannot read the inventory: {0}")]
    Unreadable(String),
    /// The file is larger than any inventory.
    #[error("{found} bytes is too large for an inventory; at most {limit} are read")]
    TooLarge {
        /// Bytes found.
        found: u64,
        /// Bytes accepted.
        limit: u64,
    },
    /// Too many entries.
    #[error("more than {0} entries; declare blocks or MAC prefixes instead of single addresses")]
    TooMany(usize),
    /// Neither UTF-8 nor UTF-16.
    #[error("{0}; save the file as UTF-8 (in Excel: \"CSV UTF-8\")")]
    NoText(String),
    /// The file's syntax is broken.
    #[error("{0}")]
    Syntax(String),
    /// A key or column that means nothing here.
    #[error("unknown {what} `{found}`; {hint}")]
    Unknown {
        /// `key` or `column`.
        what: &'static str,
        /// As found, shortened.
        found: String,
        /// What was probably meant, or what is known.
        hint: String,
    },
    /// A value of the wrong type.
    #[error("`{key}` is {found}, expected {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// The type found.
        found: String,
        /// The type expected.
        expected: &'static str,
    },
    /// A key or cell that must be there.
    #[error("{what} is missing; expected {expected}")]
    Missing {
        /// The key or cell.
        what: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// A role that does not exist.
    #[error("unknown role `{found}`; {hint}")]
    Role {
        /// As found, shortened.
        found: String,
        /// What was probably meant, or what is known.
        hint: String,
    },
    /// Text that is no address, block, range, MAC or MAC prefix.
    #[error("`{found}`: {why}")]
    Matcher {
        /// As found, shortened.
        found: String,
        /// Why it is not accepted, and what is.
        why: String,
    },
    /// A name or version that cannot be printed safely.
    #[error("`{key}` {why}")]
    Text {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two entries of the same rank give different roles.
    #[error("{subject} is {role} here, but {other_role} at {other}; keep one of the two lines")]
    Conflict {
        /// What both entries match.
        subject: String,
        /// Role of the entry at the place of this error.
        role: &'static str,
        /// Role of the other entry.
        other_role: &'static str,
        /// Where the other entry is.
        other: SourceLocation,
    },
    /// Two entries of the same address or MAC, with the same role, give different names or versions.
    #[error("{subject} has the {key} \"{found}\" here, but \"{other_found}\" at {other}; keep one of the two")]
    NameConflict {
        /// What both entries match.
        subject: String,
        /// `name` or `version`.
        key: &'static str,
        /// As given here.
        found: String,
        /// As given there.
        other_found: String,
        /// Where the other entry is.
        other: SourceLocation,
    },
}

/// Everything that is wrong with an inventory, by file and line.
#[derive(Clone, PartialEq, Eq, Debug, Default, thiserror::Error)]
pub struct InventoryErrors {
    /// The first of them, at most [`InventoryErrors::MAX`].
    pub errors: Vec<InventoryError>,
    /// How many more there are.
    pub more: usize,
}

impl InventoryErrors {
    /// How many errors are kept.
    pub const MAX: usize = 50;

    pub(super) fn push(&mut self, place: SourceLocation, problem: Problem) {
        if self.errors.len() < Self::MAX {
            self.errors.push(InventoryError { place, problem });
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for InventoryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more errors", self.more)?;
        }
        Ok(())
    }
}

/// Text from a file as it may stand in a message: escaped, and cut to a readable length.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out = String::new();
    for character in text.chars() {
        if out.len() >= LONGEST {
            out.push_str("...");
            break;
        }
        out.extend(character.escape_debug());
    }
    out
}

/// A hint for a word that is not among `known`: the nearest, or all of them.
pub(super) fn hint(found: &str, known: &[&'static str]) -> String {
    match nearest(found, known) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}

/// The role that a word names, whatever its case.
pub(super) fn parse_role(text: &str) -> Result<Role, Problem> {
    let wanted = text.trim().to_lowercase();
    Role::of_name(&wanted)
        .ok_or_else(|| Problem::Role { found: shown(text), hint: hint(&wanted, &Role::ALL.map(Role::name)) })
}
