//! What can be wrong with an inventory, and where.

use std::fmt;
use std::sync::Arc;

use crate::policy::Role;
use crate::text::hint;

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
    /// What was found, and what was expected.
    pub problem: String,
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

    pub(super) fn push(&mut self, place: SourceLocation, problem: String) {
        if self.errors.len() < Self::MAX {
            self.errors.push(InventoryError { place, problem });
        } else {
            self.more += 1;
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.errors.len() + self.more
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

/// Said of a key, cell or line that must be there.
pub(super) fn missing(what: &str, expected: &str) -> String {
    format!("{what} is missing; expected {expected}")
}

/// Said of a key or column that means nothing here.
pub(super) fn unknown(what: &str, found: &str, hint: &str) -> String {
    format!("unknown {what} \"{}\"; {hint}", shown(found))
}

/// The role that a word names, whatever its case.
pub(super) fn parse_role(text: &str) -> Result<Role, String> {
    let wanted = text.trim().to_lowercase();
    Role::of_name(&wanted).ok_or_else(|| unknown("role", text, &hint(&wanted, &Role::ALL.map(Role::name))))
}
