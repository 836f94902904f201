//! A survey.json that was named, and what is said where something else was.

use std::borrow::Cow;
use std::path::Path;

use super::exit::Failure;
use super::nearby;
use crate::capture::is_capture;
use crate::report::json::{read_survey, v1};
use crate::state::is_state;

/// Whether a path is that of a survey.json, or of a folder that holds one.
pub(super) fn is_survey(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json") || path.join("survey.json").is_file()
}

/// The survey.json that a path names: itself, or the one in that folder.
pub(super) fn survey_file(path: &Path) -> Cow<'_, Path> {
    if path.is_dir() { path.join("survey.json").into() } else { path.into() }
}

/// Reads the survey.json that a path names. Of what is none, it is told how it becomes one.
pub(super) fn survey(path: &Path) -> Result<v1::Survey<'static>, Failure> {
    let file = survey_file(path);
    read_survey(&file).map_err(|error| match wrong_kind(path, &file) {
        Some(text) => Failure::usage(text),
        None => nearby::unusable(path, error, is_survey),
    })
}

fn wrong_kind(path: &Path, file: &Path) -> Option<String> {
    let shown = path.display();
    if path.is_dir() && !file.exists() {
        return Some(format!(
            "{shown} holds no survey.json; igorscope analyze -o FOLDER CAPTURE writes one into a folder"
        ));
    }
    let what = match () {
        () if is_state(file) => "a state",
        () if is_capture(file) => "a capture",
        () => return None,
    };
    Some(format!(
        "{shown} is {what}, and a survey.json is wanted; make one of it first: igorscope analyze -o FOLDER {shown}"
    ))
}
