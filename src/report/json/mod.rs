//! survey.json: the whole survey for scripts, `compare` and `merge`.

mod bounds;
mod compare;
mod comparison;
mod earlier;
mod health_rows;
mod lines;
mod lookup;
mod merge;
mod people;
mod read_back;
mod read_flow;
mod rows;
#[cfg(test)]
mod schema;
mod sent;
mod sites;
pub mod v1;
mod values;
mod words;

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::column::JsonRow;
use super::conversations::{self, Conversations};
use super::coverage::{self, Coverage};
use super::findings::{self, FindingRow, Findings};
use super::flows::{self, Flows};
use super::health::{self, Health};
use super::inventory::Inventory;
use super::names::Names;
use super::nodes::{self, Nodes};
use crate::finding::{Context, Finding};
use crate::survey::{Judged, Survey};
use crate::text::{self, BadText};
pub use comparison::{Change, ChangeKind, Comparison, Standing, Visit};
pub(crate) use earlier::is_of_others;
pub(crate) use lookup::Lookup;
pub use merge::{MergeError, merge};
pub use read_back::{read_back, written_by};
pub use sites::TooManySites;
pub use values::{Mac, Time};

/// The survey as the file has it. The tables are made row by row while they are written, so that
/// memory does not grow with them.
struct Document<'a> {
    survey: &'a Survey,
    names: &'a Names,
    created: Option<Time>,
}

/// Serializes what an iterator yields, without collecting it.
struct Rows<F>(F);

impl<F, I> Serialize for Rows<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { survey, names, created } = self;
        let mut file = serializer.serialize_struct("Survey", 19)?;
        file.serialize_field("schema_version", &v1::SCHEMA_VERSION)?;
        file.serialize_field("judged", &rows::judged(&survey.judged))?;
        file.serialize_field("tool", &this_tool())?;
        file.serialize_field("created", created)?;
        file.serialize_field("inputs", &Rows(|| survey.inputs.iter().map(rows::input)))?;
        file.serialize_field("frames", &rows::frames(&survey.frames))?;
        file.serialize_field("site", &survey.site)?;
        file.serialize_field("policy", &rows::policy(names.policy()))?;
        file.serialize_field("non_ip", &Rows(|| survey.non_ip.iter().map(rows::non_ip)))?;
        file.serialize_field("encapsulations", &Rows(|| survey.encapsulations.iter().map(rows::encapsulation)))?;
        file.serialize_field("caveats", &Rows(|| survey.caveats.iter().map(rows::caveat)))?;
        file.serialize_field("flows", &Rows(|| (0..survey.flows.len()).map(|place| flow_row(survey, names, place))))?;
        let conversations = || conversations::rows(survey, names).map(JsonRow::<Conversations>);
        file.serialize_field("conversations", &Rows(conversations))?;
        file.serialize_field("findings", &Rows(|| findings::rows(survey, None).map(JsonRow::<Findings>)))?;
        file.serialize_field("coverage", &Rows(|| coverage::rows(survey, names).map(JsonRow::<Coverage>)))?;
        file.serialize_field("inventory", &Rows(|| survey.hosts.iter().map(JsonRow::<Inventory>)))?;
        file.serialize_field("nodes", &Rows(|| nodes::rows(survey, names).map(JsonRow::<Nodes>)))?;
        file.serialize_field("health", &Rows(|| health::rows(survey).map(JsonRow::<Health>)))?;
        file.serialize_field("limits", &rows::limits(survey.limits))?;
        file.end()
    }
}

/// This program, as survey.json names it.
pub fn this_tool() -> v1::Tool<'static> {
    v1::Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
}

/// Whether anything was judged, as survey.json has it.
pub fn judged_row(judged: &Judged) -> v1::Judged<'_> {
    rows::judged(judged)
}

/// A finding as survey.json has it: the one at a place of the survey, from 0.
pub fn finding_row<'a>(index: usize, finding: &'a Finding, context: &Context<'_>) -> impl Serialize + 'a {
    JsonRow::<Findings>(FindingRow { number: index + 1, finding, words: finding.words(context), joins: None })
}

/// A flow as survey.json has it, by its place in the survey, from 0.
pub fn flow_row<'a>(survey: &'a Survey, names: &'a Names, index: usize) -> impl Serialize + 'a {
    JsonRow::<Flows>(flows::row(survey, names, index))
}

/// survey.json of a survey. Without a time of creation, the same survey gives the same bytes.
///
/// # Errors
/// Those of `out`.
pub fn write_survey(out: &mut dyn Write, survey: &Survey, names: &Names, created: Option<Time>) -> io::Result<()> {
    write_value(out, &Document { survey, names, created })
}

/// flows.ndjson: the flows of survey.json, an object a line (<https://github.com/ndjson/ndjson-spec>), for tools that
/// read a stream.
///
/// # Errors
/// Those of `out`.
pub fn write_flow_lines(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    for index in 0..survey.flows.len() {
        serde_json::to_writer(&mut *out, &flow_row(survey, names, index))?;
        out.write_all(b"\n")?;
    }
    Ok(())
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
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no survey.
    #[error("{}, line {}: not a survey of igorscope: {source}; name a survey.json that `igorscope analyze -o` wrote", path.display(), source.line())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
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
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| BufReader::new(file).read_to_end(&mut bytes)).map_err(io_error)?;
    // As PowerShell's `>` writes it; no copy is made of what is UTF-8.
    let text = match bytes.get(..2) {
        Some([b'{', 0] | [0, b'{'] | [0xff, 0xfe] | [0xfe, 0xff] | [0xef, 0xbb]) => {
            let no_text = |error: BadText| io::Error::new(io::ErrorKind::InvalidData, error);
            text::decode(&bytes).map_err(|error| io_error(no_text(error)))?.into_owned().into_bytes()
        }
        _ => bytes,
    };

    #[derive(serde::Deserialize)]
    struct Head {
        schema_version: u32,
    }
    let format_error = |source| ReadError::Format { path: path.to_owned(), source };
    // Most files are of this version: the head alone is looked at only where the whole fails.
    match serde_json::from_slice::<v1::Survey<'static>>(&text) {
        Ok(survey) if survey.schema_version == v1::SCHEMA_VERSION => match survey.site.len() {
            0..=LONGEST_LABEL => Ok(survey),
            length => Err(ReadError::Label { path: path.to_owned(), length }),
        },
        Ok(survey) => Err(ReadError::Version { path: path.to_owned(), found: survey.schema_version }),
        Err(error) => match serde_json::from_slice::<Head>(&text) {
            Ok(head) if head.schema_version != v1::SCHEMA_VERSION => {
                Err(ReadError::Version { path: path.to_owned(), found: head.schema_version })
            }
            _ => Err(format_error(error)),
        },
    }
}

#[cfg(test)]
mod tests;
