//! `observe`: captures to a state, which is judged later.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Observe, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::{all_threads, read_options};
use super::progress::Bar;
use super::reading::{Inputs, digests, gather, none_usable, say};
use super::{apart, states};
use crate::capture::CaptureError;
use crate::report::write_file;
use crate::survey::{self, Observing, Progress, ReadOptions, Source};

pub(super) fn run(args: Observe, verbosity: &Verbosity) -> Outcome {
    let Observe { captures, output, reading } = args;
    apart::check(captures.iter().map(PathBuf::as_path), [output.clone()])?;
    let options = read_options(reading, &captures)?;
    let Inputs { sources, status, .. } = gather(&captures, false, verbosity)?;
    if states::are_among(&sources) && (options.count.is_some() || options.filter.is_some()) {
        return Err(Failure::usage(
            "a state holds no frames to count off or to filter; name captures, or leave it out",
        ));
    }
    write(&sources, &options, &output, status, verbosity)
}

/// One state of several, exactly: each input as it is.
pub(super) fn merge(states: Vec<PathBuf>, output: &Path, verbosity: &Verbosity) -> Outcome {
    let sources = survey::in_order(states.into_iter().flat_map(Source::of_state).collect());
    let options = ReadOptions { threads: all_threads(), ..ReadOptions::default() };
    write(&sources, &options, output, Status::Good, verbosity)
}

/// Writes a state of some sources. Tells standard error what could not be read; a state that cannot be used fails it, for
/// the whole of a site would lack it unseen.
fn write(
    sources: &[Source],
    options: &ReadOptions,
    output: &Path,
    mut status: Status,
    verbosity: &Verbosity,
) -> Outcome {
    let told = states::are_each_once(sources, Vec::new())?;
    told.iter().filter(|_| !verbosity.quiet).for_each(|text| say(text));
    let progress = Arc::new(Progress::default());
    let bar = Bar::show(&progress, sources.iter().map(Source::size).sum(), verbosity.quiet);
    let digests = digests(sources);
    let mut digests = digests.iter();
    let heads = RefCell::new(Vec::new());
    let written = write_file(output, |out| {
        let observed = survey::observe(sources, options, &progress, || digests.next()?.hex().map(str::to_owned), out)?;
        let is_of_use = is_of_use(&observed);
        *heads.borrow_mut() = observed;
        // Else what was written is not kept.
        if is_of_use { Ok(()) } else { Err(std::io::Error::other("nothing was observed")) }
    });
    drop(bar);
    let heads = heads.into_inner();
    let errors: Vec<&CaptureError> = heads.iter().filter_map(|head| head.as_ref().err()).collect();
    if !heads.is_empty() && !is_of_use(&heads) {
        return Err(none_usable(errors));
    }
    written?;
    for error in errors {
        say(&error.to_string());
        status = Status::Partial;
    }
    for trouble in heads.iter().flatten().flat_map(survey::Head::troubles) {
        say(&trouble);
        status = Status::Partial;
    }
    Ok(status)
}

/// Whether something was observed, and all states could be used.
fn is_of_use(heads: &[Observing]) -> bool {
    let is_state = |head: &Observing| matches!(head, Err(CaptureError::State(..)));
    heads.iter().any(Result::is_ok) && !heads.iter().any(is_state)
}
