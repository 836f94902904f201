//! From the captures that were named to a survey, with what is said on the way.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use super::args::Verbosity;
use super::exit::{Failure, Status};
use super::options::SurveyOptions;
use super::progress::Bar;
use super::surveys::is_survey;
use super::{nearby, states};
use crate::capture::{CaptureError, PassedOver, find_captures, is_capture};
use crate::state::is_state;
use crate::survey::{self, Copy, Digest, InputSummary, Progress, Source, Survey};
use crate::text::visible;

/// Files passed over that are named, unless all are wanted.
const PASSED_OVER: usize = 5;

/// A survey, and whether everything was read for it.
pub(super) struct Reading {
    pub(super) survey: Survey,
    /// What was read, in the order of the survey's inputs.
    pub(super) sources: Vec<Source>,
    /// Standard input, if it was kept; gone with this.
    pub(super) spool: Option<TempPath>,
    /// [`Status::Good`] or [`Status::Partial`].
    pub(super) status: Status,
}

/// What else is wanted of the inputs.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct InputNeeds {
    /// Their SHA-256.
    pub(super) hashes: bool,
    /// To read them a second time, standard input too.
    pub(super) twice: bool,
}

/// The inputs that were named, in their order.
pub(super) struct Inputs {
    pub(super) sources: Vec<Source>,
    /// Standard input, if it was kept; gone with this.
    pub(super) spool: Option<TempPath>,
    /// [`Status::Good`] or [`Status::Partial`].
    pub(super) status: Status,
}

/// Finds the inputs that were named. Tells standard error what was passed over.
pub(super) fn gather(captures: &[PathBuf], twice: bool, verbosity: &Verbosity) -> Result<Inputs, Failure> {
    let found = find_captures(captures);
    let mut status = Status::Good;
    for error in &found.errors {
        say(&error.to_string());
        status = Status::Partial;
    }
    if !verbosity.quiet {
        tell_passed_over(&found.passed_over, verbosity.verbose);
    }
    if found.captures.is_empty() {
        return Err(no_captures(captures, &found.errors, found.passed_over.len()));
    }

    let is_standard_input = |path: &PathBuf| path.as_os_str() == "-";
    let spool = if twice && found.captures.iter().any(is_standard_input) {
        Some(spool().map_err(|error| Failure::unusable(anyhow::Error::new(error).context(NO_SPOOL)))?)
    } else {
        None
    };
    let sources = found.captures.into_iter().flat_map(|path| sources_of(path, spool.as_deref())).collect();
    let (sources, copies) = survey::without_copies(sources);
    if !verbosity.quiet {
        for Copy { copy, of } in copies {
            say(&format!("passed over {}: it holds the same frames as {}", copy.name(), of.name()));
        }
    }
    let sources = survey::in_order(sources);
    if !verbosity.quiet {
        for pipe in sources.iter().filter_map(Source::file).filter(|path| is_pipe(path)) {
            say(&format!("{} is a pipe: waits for who writes to it", pipe.display()));
        }
    }
    Ok(Inputs { sources, spool, status })
}

/// SHA-256 of each source that is a file.
pub(super) fn digests(sources: &[Source]) -> Vec<Digest> {
    Digest::begin(sources.iter().map(|source| source.file().unwrap_or(Path::new("-")).to_owned()))
}

/// Reads what was named. Tells standard error what was passed over, and what could not be read.
pub(super) fn read(options: &SurveyOptions, wants: InputNeeds, verbosity: &Verbosity) -> Result<Reading, Failure> {
    super::policy::tell_losses(&options.policy, verbosity);
    let Inputs { sources, spool, mut status } = gather(&options.captures, wants.twice, verbosity)?;
    let has_states = states::are_among(&sources);
    if has_states {
        states::hold_what_is_asked(&sources, options, wants.twice)?;
        states::are_each_once(&sources, Vec::new())?;
    }
    // With states, a capture is known by its digest too.
    let digests = if wants.hashes || has_states { digests(&sources) } else { Vec::new() };
    let progress = Arc::new(Progress::default());
    let bar = Bar::show(&progress, sources.iter().map(Source::size).sum(), verbosity.quiet);
    let run = survey::run(&sources, &options.survey(), &progress);
    drop(bar);
    let mut survey = run.map_err(|errors| none_usable(&errors))?;
    if has_states {
        let told = states::are_each_once(&sources, states::captures(&sources, &survey.inputs, &digests))?;
        told.iter().filter(|_| !verbosity.quiet).for_each(|text| say(text));
    }
    for ((input, source), digest) in survey.inputs.iter_mut().zip(&sources).zip(digests).filter(|_| wants.hashes) {
        input.digest = Some(states::digest(source).unwrap_or(digest));
    }
    for (input, source) in survey.inputs.iter().zip(&sources) {
        let Some(trouble) = input.trouble() else { continue };
        say(&(trouble + &source.file().map_or_else(String::new, hint)));
        status = Status::Partial;
    }
    for trouble in survey.inputs.iter().filter_map(InputSummary::unreadable) {
        say(&trouble);
        status = Status::Partial;
    }
    Ok(Reading { survey, sources, spool, status })
}

fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

const NO_SPOOL: &str = "cannot keep standard input in a temporary file to read it twice for --evidence; set TMPDIR to \
                        a folder with room, or name files";

/// Keeps standard input in a file until the run ends.
fn spool() -> io::Result<TempPath> {
    let mut file = tempfile::Builder::new().prefix("igorscope-").suffix(".spool").tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    Ok(file.into_temp_path())
}

fn sources_of(path: PathBuf, spool: Option<&Path>) -> Vec<Source> {
    match spool {
        _ if is_state(&path) => Source::of_state(path),
        _ if path.as_os_str() != "-" => vec![Source::File(path)],
        Some(spool) => vec![Source::Spooled(spool.to_owned())],
        None => vec![Source::StandardInput],
    }
}

/// One line on standard error.
pub(super) fn say(text: &str) {
    use std::io::Write;
    // Where standard error is gone, the exit status and the report must do.
    let _ = writeln!(std::io::stderr(), "igorscope: {}", visible(text));
}

pub(super) fn tell_passed_over(files: &[PassedOver], all: bool) {
    let shown = if all { usize::MAX } else { PASSED_OVER };
    for file in files.iter().take(shown) {
        say(&format!("passed over {}: {}", file.path.display(), file.reason));
    }
    if let Some(more) = files.len().checked_sub(shown).filter(|more| *more > 0) {
        say(&format!("passed over {more} more files (-v names them)"));
    }
}

fn no_captures(captures: &[PathBuf], errors: &[CaptureError], passed_over: usize) -> Failure {
    if !errors.is_empty() {
        return Failure::usage("nothing could be read; check the names and the permission to read them");
    }
    let named: Vec<_> = captures.iter().map(|path| path.display().to_string()).collect();
    let files = if passed_over == 1 { "file" } else { "files" };
    Failure::usage(format!(
        "no captures in {} ({passed_over} {files} looked at); name pcap or pcapng files, or a folder that holds some",
        named.join(", ")
    ))
}

/// What was meant instead of a capture that is not there, or is none.
fn hint(path: &Path) -> String {
    if path.is_file() && is_survey(path) {
        return "; if it is a survey.json, igorscope report shows its results".to_owned();
    }
    nearby::hint(path, |path| path.is_dir() || is_state(path) || is_capture(path) || is_survey(path))
}

pub(super) fn none_usable<'a>(errors: impl IntoIterator<Item = &'a CaptureError>) -> Failure {
    let told = errors.into_iter().map(|error| format!("{error}{}", hint(error.path())));
    Failure::usage(told.collect::<Vec<_>>().join("\nigorscope: "))
}
