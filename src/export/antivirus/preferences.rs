//! What `Get-MpPreference | ConvertTo-Json` printed, in any encoding that Windows writes it in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::exclusion::ExclusionList;
use crate::text;

/// Largest file that is read, in bytes. A real one has some kilobytes.
const MAX_FILE: u64 = 16 << 20;

const HOW: &str = "run (Get-MpPreference | ConvertTo-Json) > exclusions.json in PowerShell as Administrator";

/// A machine's exclusions, as it has them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Preferences {
    paths: Vec<String>,
    processes: Vec<String>,
    extensions: Vec<String>,
}

/// Why a file says nothing of exclusions.
#[derive(Debug, thiserror::Error)]
pub enum PreferencesError {
    /// It cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Read(PathBuf, #[source] std::io::Error),
    /// It is something else: what is wrong, where, and what to do.
    #[error("{}: {}", .0.display(), .1)]
    Content(PathBuf, String),
}

impl Preferences {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is no text, no JSON, or not what `Get-MpPreference` prints.
    pub fn load(path: &Path) -> Result<Self, PreferencesError> {
        let bytes =
            text::beginning(path, MAX_FILE + 1).map_err(|source| PreferencesError::Read(path.to_owned(), source))?;
        let why = match bytes.len() as u64 {
            MAX_FILE.. => format!("larger than {} MiB; a machine's exclusions have some kilobytes", MAX_FILE >> 20),
            _ => match Self::parse(&bytes) {
                Ok(preferences) => return Ok(preferences),
                Err(why) => why,
            },
        };
        Err(PreferencesError::Content(path.to_owned(), why))
    }

    /// The same from the file's content.
    ///
    /// # Errors
    /// In words, with byte offset or line.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = text::decode(bytes).map_err(|error| format!("{error}; {HOW}"))?;
        if text.trim().is_empty() {
            return Err(format!("the file is empty; {HOW}"));
        }
        let value: Value = serde_json::from_str(&text).map_err(|error| {
            format!("line {}, column {}: no JSON ({}); {HOW}", error.line(), error.column(), category(&error))
        })?;
        let machine = match &value {
            Value::Array(machines) => match machines.as_slice() {
                [one] => one,
                many => return Err(format!("the settings of {} machines; check one at a time", many.len())),
            },
            one => one,
        };
        let known = ["ExclusionPath", "ExclusionProcess", "ExclusionExtension"];
        if known.iter().all(|key| machine.get(key).is_none()) {
            return Err(format!("neither ExclusionPath nor ExclusionProcess is in it; {HOW}"));
        }
        let list = |key: &str| strings(key, machine.get(key));
        Ok(Self { paths: list(known[0])?, processes: list(known[1])?, extensions: list(known[2])? })
    }

    /// The values of a list, in the machine's order.
    pub fn of(&self, list: ExclusionList) -> &[String] {
        match list {
            ExclusionList::Path => &self.paths,
            ExclusionList::Process => &self.processes,
            ExclusionList::Extension => &self.extensions,
        }
    }

    /// The same without some values.
    pub(super) fn without(&self, drop: impl Fn(ExclusionList, &str) -> bool) -> Self {
        let keep = |list: ExclusionList| self.of(list).iter().filter(|value| !drop(list, value)).cloned().collect();
        Self {
            paths: keep(ExclusionList::Path),
            processes: keep(ExclusionList::Process),
            extensions: keep(ExclusionList::Extension),
        }
    }

    /// Every value with its list.
    pub fn all(&self) -> impl Iterator<Item = (ExclusionList, &str)> {
        ExclusionList::ALL.iter().flat_map(|list| self.of(*list).iter().map(move |value| (*list, value.as_str())))
    }
}

fn category(error: &serde_json::Error) -> &'static str {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => "it ends too early",
        _ => "something else stands there",
    }
}

/// A list, one value, or nothing. Windows PowerShell wraps some lists into an object.
fn strings(key: &str, value: Option<&Value>) -> Result<Vec<String>, String> {
    let value = match value {
        Some(Value::Object(wrapped)) => wrapped.get("value"),
        plain => plain,
    };
    let many = match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(many)) => many.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let text = |value: &Value| match value.as_str() {
        Some(text) if text.starts_with("N/A") => {
            Err(format!("{key} says \"N/A\": the command was not run as Administrator; {HOW}"))
        }
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("{key} holds something that is no text; {HOW}")),
    };
    many.iter().map(text).collect()
}
