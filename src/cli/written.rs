//! Where the results are, for whoever looks for them, and what was there before.

use super::args::{Format, Verbosity};
use super::options::OutputOptions;
use crate::report::json::is_of_others;
use crate::survey::Survey;
use crate::text::visible;

/// What the files of a folder are for, beside report.html.
const BESIDE: [(Format, &str); 3] = [
    (Format::Json, "survey.json for compare, explain and report"),
    (Format::Csv, "CSV tables"),
    (Format::Parquet, "Parquet files for a fleet"),
];

/// The last lines of the summary.
pub(super) fn files(options: &OutputOptions) -> String {
    let OutputOptions { folder, formats, evidence, xlsx, ipfix, .. } = options;
    let folder = folder.as_ref().map(|folder| match formats.contains(&Format::Html) {
        true => folder.join("report.html"),
        false => folder.clone(),
    });
    let beside: Vec<&str> = match &folder {
        Some(_) => BESIDE.iter().filter(|(format, _)| formats.contains(format)).map(|(_, text)| *text).collect(),
        None => Vec::new(),
    };
    let files: Vec<String> =
        [&folder, xlsx, ipfix, evidence].into_iter().flatten().map(|path| path.display().to_string()).collect();
    if files.is_empty() {
        return "\nFiles     none: -o FOLDER writes the report and the tables, -v shows more here\n".to_owned();
    }
    let mut text = format!("\nFiles     {}\n", visible(&files.join(", ")));
    if !beside.is_empty() {
        text.push_str(&format!("          {}\n", beside.join("; ")));
    }
    text
}

/// What is to be said once results of other captures in a folder have been replaced by those of a survey, or stand beside them.
pub(super) fn replaced(options: &OutputOptions, survey: &Survey, verbosity: &Verbosity) -> Option<String> {
    let folder = options.folder.as_deref();
    let folder =
        folder.filter(|folder| !verbosity.quiet && is_of_others(&folder.join("survey.json"), &survey.inputs))?;
    let (what, became) = match options.formats.contains(&Format::Json) {
        true => ("the results", "were replaced; to keep those of each visit"),
        false => ("survey.json and what else there is", "stand beside what was written now; to keep them apart"),
    };
    Some(format!(
        "{what} of an earlier run over other captures in {} {became}, name another folder with --output",
        folder.display()
    ))
}
