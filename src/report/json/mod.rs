//! survey.json: the whole survey for scripts, `compare` and `merge`.

mod bounds;
mod compare;
mod comparison;
mod document;
mod earlier;
mod finding_endpoints;
mod health_rows;
mod lines;
mod lookup;
mod merge;
mod read_back;
mod read_flow;
mod row;
mod rows;
#[cfg(test)]
mod schema;
mod sent;
mod sites;
pub mod v1;
mod values;
pub(super) mod words;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::ser::Serialize;

use super::column::Table;
use super::findings::{FindingRow, Findings};
use super::flows::{self, Flows};
use super::line::Line;
use super::names::Names;
use crate::finding::{Context, Finding};
use crate::survey::Survey;
use crate::text::{self, BadText};
pub use comparison::{Change, ChangeKind, Comparison, FindingFate, Visit};
pub use document::{write_flow_lines, write_survey};
pub(crate) use earlier::is_of_others;
pub(crate) use lookup::Lookup;
pub use merge::{MergeError, merge};
pub use read_back::{read_back, written_by};
#[cfg(feature = "live")]
pub(crate) use rows::judged as judged_row;
pub use sites::TooManySites;
pub use values::{Mac, Time};

/// This program, as survey.json names it.
pub fn this_tool() -> v1::Tool<'static> {
    v1::Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
}

/// A finding as survey.json has it: the one at a place of the survey, from 0.
pub fn finding_row(index: usize, finding: &Finding, context: &Context<'_>) -> Vec<u8> {
    one_row::<Findings>(&FindingRow { number: index + 1, finding, words: finding.words(context), joins: None })
}

/// A flow as survey.json has it, by its place in the survey, from 0.
pub fn flow_row(survey: &Survey, names: &Names, index: usize) -> Vec<u8> {
    one_row::<Flows>(&flows::row(survey, names, index))
}

fn one_row<T: Table>(row: &T::Row<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Line::default().json_row::<T>(row, &mut out);
    out
}

/// survey.json of what was read from other files.
///
/// # Errors
/// Those of `out`.
pub fn write_merged(out: &mut dyn Write, survey: &v1::Survey<'_>) -> io::Result<()> {
    write_value(out, survey)
}

fn write_value(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, lines::Lines::default()))?;
    out.write_all(b"\n")
}

/// Bytes of a site's label: what `--site-name` takes, in characters of up to four bytes.
const LONGEST_LABEL: usize = 800;

/// Why a file is no survey that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
    /// It is no survey.
    #[error("{}, line {}: not a survey of igorscope: {}; name a survey.json that `igorscope analyze -o` wrote", .0.display(), .1.line(), .1)]
    Format(PathBuf, #[source] serde_json::Error),
    /// The label of its site is none: each row of a merge has a copy of it.
    #[error("{}: the label of its site has {length} bytes; at most {LONGEST_LABEL} are a label", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// Bytes found.
        length: usize,
    },
    /// It is of a version that this program does not know.
    #[error("{}: a survey of schema version {found}, but this program knows version {} only; use a newer igorscope", path.display(), v1::SCHEMA_VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says.
        found: u32,
    },
}

/// Reads a survey.json.
///
/// # Errors
/// [`ReadError`], with the path and line.
pub fn read_survey(path: &Path) -> Result<v1::Survey<'static>, ReadError> {
    let io_error = |source| ReadError::Io(path.to_owned(), source);
    let bytes = fs::read(path).map_err(io_error)?;
    // As PowerShell's `>` writes it; no copy is made of what is UTF-8.
    let text = match bytes.get(..2) {
        Some([b'{', 0] | [0, b'{'] | [0xff, 0xfe] | [0xfe, 0xff] | [0xef, 0xbb]) => {
            let no_text = |error: BadText| io::Error::new(io::ErrorKind::InvalidData, error);
            text::decode(&bytes).map_err(|error| io_error(no_text(error)))?.into_owned().into_bytes()
        }
        _ => bytes,
    };

    #[derive(serde::Deserialize)]
    struct FileHead {
        schema_version: u32,
    }
    let format_error = |source| ReadError::Format(path.to_owned(), source);
    // Most files are of this version: the head alone is looked at only where the whole fails.
    match serde_json::from_slice::<v1::Survey<'static>>(&text) {
        Ok(survey) if survey.schema_version == v1::SCHEMA_VERSION => match survey.site.len() {
            0..=LONGEST_LABEL => Ok(survey),
            length => Err(ReadError::Label { path: path.to_owned(), length }),
        },
        Ok(survey) => Err(ReadError::Version { path: path.to_owned(), found: survey.schema_version }),
        Err(error) => match serde_json::from_slice::<FileHead>(&text) {
            Ok(head) if head.schema_version != v1::SCHEMA_VERSION => {
                Err(ReadError::Version { path: path.to_owned(), found: head.schema_version })
            }
            _ => Err(format_error(error)),
        },
    }
}

#[cfg(test)]
mod tests;
