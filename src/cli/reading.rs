//! From the captures that were named to a survey, with what is said on the way.

use std::path::PathBuf;
use std::sync::Arc;

use super::args::Talk;
use super::exit::{Failure, Status};
use super::hash::Hashes;
use super::options::SurveyOptions;
use super::progress::Bar;
use crate::capture::{CaptureError, PassedOver, find_captures};
use crate::report::visible;
use crate::survey::{self, InputSummary, Progress, Source, Survey};

/// Files passed over that are named, unless all are wanted.
const PASSED_OVER: usize = 5;

/// A survey, and whether everything was read for it.
pub(super) struct Reading {
    pub(super) survey: Survey,
    /// [`Status::Good`] or [`Status::Partial`].
    pub(super) status: Status,
}

/// Reads what was named. Tells standard error what was passed over, and what could not be read.
pub(super) fn read(options: &SurveyOptions, wants_hashes: bool, talk: &Talk) -> Result<Reading, Failure> {
    let found = find_captures(&options.captures);
    let mut status = Status::Good;
    for error in &found.errors {
        say(&error.to_string());
        status = Status::Partial;
    }
    if !talk.quiet {
        tell_passed_over(&found.passed_over, talk.verbose);
    }
    if found.captures.is_empty() {
        return Err(no_captures(options, &found.errors, found.passed_over.len()));
    }

    let hashes = if wants_hashes { Hashes::begin(found.captures.clone()) } else { Hashes::NONE };
    let sources: Vec<Source> = found.captures.into_iter().map(source).collect();
    let progress = Arc::new(Progress::default());
    let bar = Bar::show(&progress, sources.iter().map(Source::size).sum(), talk.quiet);
    let run = survey::run(&sources, &options.survey(), &progress);
    drop(bar);
    let mut survey = run.map_err(|errors| none_usable(&errors))?;
    for (input, hash) in survey.inputs.iter_mut().zip(hashes.finish()) {
        input.sha256 = hash;
    }
    for trouble in survey.inputs.iter().filter_map(InputSummary::trouble) {
        say(&trouble);
        status = Status::Partial;
    }
    Ok(Reading { survey, status })
}

fn source(path: PathBuf) -> Source {
    if path.as_os_str() == "-" { Source::StandardInput } else { Source::File(path) }
}

/// One line on standard error.
fn say(text: &str) {
    use std::io::Write;
    // Where standard error is gone, the exit status and the report must do.
    let _ = writeln!(std::io::stderr(), "igorscope: {}", visible(text));
}

fn tell_passed_over(files: &[PassedOver], all: bool) {
    let shown = if all { usize::MAX } else { PASSED_OVER };
    for file in files.iter().take(shown) {
        say(&format!("passed over {}: {}", file.path.display(), file.reason));
    }
    if let Some(more) = files.len().checked_sub(shown).filter(|more| *more > 0) {
        say(&format!("passed over {more} more files (-v names them)"));
    }
}

fn no_captures(options: &SurveyOptions, errors: &[CaptureError], passed_over: usize) -> Failure {
    if !errors.is_empty() {
        return Failure::usage("nothing could be read; check the names and the permission to read them");
    }
    let named: Vec<_> = options.captures.iter().map(|path| path.display().to_string()).collect();
    let files = if passed_over == 1 { "file" } else { "files" };
    Failure::usage(format!(
        "no captures in {} ({passed_over} {files} looked at); name pcap or pcapng files, or a folder that holds some",
        named.join(", ")
    ))
}

fn none_usable(errors: &[CaptureError]) -> Failure {
    Failure::usage(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\nigorscope: "))
}
