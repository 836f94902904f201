//! Windows paths as exclusions compare them, and the wildcards of Microsoft Defender Antivirus.
//!
//! What `*`, `?` and environment variables mean is Microsoft's: "Configure and validate exclusions
//! based on file extension and folder location", and the same for processes.

use crate::text::named;

named! {
    /// Which list of exclusions a value stands in.
    pub enum ExclusionList {
        /// `ExclusionPath`: files and folders.
        Path = "path",
        /// `ExclusionProcess`: the files that a process opens.
        Process = "process",
        /// `ExclusionExtension`: files by their ending.
        Extension = "extension",
    }
}

/// Machine variables as the SYSTEM account, which scans, has them on an ordinary machine.
const VARIABLES: [(&str, &str); 11] = [
    ("systemdrive", "c:"),
    ("homedrive", "c:"),
    ("systemroot", r"c:\windows"),
    ("windir", r"c:\windows"),
    ("programfiles", r"c:\program files"),
    ("programw6432", r"c:\program files"),
    ("programfiles(x86)", r"c:\program files (x86)"),
    ("programdata", r"c:\programdata"),
    ("allusersprofile", r"c:\programdata"),
    ("public", r"c:\users\public"),
    ("temp", r"c:\windows\temp"),
];

/// An exclusion taken apart: lower case, one kind of slash, variables expanded, no slash at its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exclusion {
    /// Drive, folders and the last name.
    pub(super) parts: Vec<String>,
    /// A variable that only the machine itself could expand.
    pub(super) unknown_variable: Option<String>,
}

impl Exclusion {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim().trim_matches('"').replace('/', "\\").to_lowercase();
        let text = text.strip_prefix(r"\\?\").unwrap_or(&text);
        let (text, unknown_variable) = expand(text);
        let parts = text.split('\\').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Self { parts, unknown_variable }
    }

    pub(super) fn text(&self) -> String {
        self.parts.join("\\")
    }

    pub(super) fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// How much of another exclusion's files this one leaves alone.
    pub(super) fn covers(&self, wanted: &Self, list: ExclusionList) -> Cover {
        if self == wanted {
            return Cover::Same;
        }
        match list {
            ExclusionList::Path => self.covers_folder(wanted),
            ExclusionList::Process => self.covers_process(wanted),
            ExclusionList::Extension => Cover::Nothing,
        }
    }

    /// A folder's exclusion holds for everything below it. `*` stands for one folder; at the end it
    /// stands for files only, which leaves the folders below out.
    fn covers_folder(&self, wanted: &Self) -> Cover {
        let Some((last, before)) = self.parts.split_last() else { return Cover::Nothing };
        let matches = |pattern: &[String], parts: &[String]| {
            pattern.len() <= parts.len() && pattern.iter().zip(parts).all(|(pattern, part)| glob(pattern, part))
        };
        if last.contains('*') {
            let near = matches(before, &wanted.parts) && before.len() + 1 >= wanted.parts.len();
            return if near { Cover::Part } else { Cover::Nothing };
        }
        if matches(&self.parts, &wanted.parts) { Cover::Wider } else { Cover::Nothing }
    }

    /// A process is meant by its path, by every program of a folder (`*`), or by its bare name.
    fn covers_process(&self, wanted: &Self) -> Cover {
        if let [name] = self.parts.as_slice() {
            return if glob(name, wanted.last()) { Cover::Wider } else { Cover::Nothing };
        }
        let all = self.parts.len() == wanted.parts.len()
            && self.parts.iter().zip(&wanted.parts).all(|(pattern, part)| glob(pattern, part));
        if all { Cover::Wider } else { Cover::Nothing }
    }
}

/// How much of what is wanted an exclusion covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cover {
    /// Nothing of it.
    Nothing,
    /// Some of it.
    Part,
    /// All of it, and more.
    Wider,
    /// Just that.
    Same,
}

/// Expands `%name%`; the first that is not known is told.
fn expand(text: &str) -> (String, Option<String>) {
    let mut out = String::new();
    let mut unknown = None;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('%') else {
            out.push('%');
            rest = after;
            continue;
        };
        match VARIABLES.iter().find(|(variable, _)| *variable == name || *variable == "temp" && name == "tmp") {
            Some((_, value)) => out.push_str(value),
            None => {
                unknown.get_or_insert_with(|| format!("%{name}%"));
                out.push_str(&format!("%{name}%"));
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    (out, unknown)
}

/// `*` for any characters and `?` for one, within one part of a path. Linear but for one way back.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut back = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, taken)) = back else { return false };
                back = Some((star, taken + 1));
                p = star + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
