//! `merge`: surveys of several files or sites into one.

use std::borrow::Cow;
use std::path::Path;

use super::args::Merge;
use super::exit::{Failure, Outcome, Status};
use super::terminal::print;
use crate::report::json::{merge, read_survey, write_merged};
use crate::report::write_file;

pub(super) fn run(args: &Merge) -> Outcome {
    let surveys: Result<Vec<_>, _> = args.surveys.iter().map(|path| read_survey(&survey_file(path))).collect();
    let merged = merge(surveys.map_err(Failure::unusable)?).map_err(Failure::unusable)?;
    match &args.output {
        Some(path) => write_file(path, |out| write_merged(out, &merged))?,
        None => print(|out| write_merged(out, &merged))?,
    }
    Ok(Status::Good)
}

/// The survey.json that a path names: itself, or the one in that folder.
pub(super) fn survey_file(path: &Path) -> Cow<'_, Path> {
    if path.is_dir() { path.join("survey.json").into() } else { path.into() }
}
