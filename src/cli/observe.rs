//! `observe`: captures to a state, which is judged later.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::args::{Observe, Talk};
use super::exit::{Failure, Outcome, Status};
use super::progress::Bar;
use super::reading::{Inputs, gather, hashes, none_usable, say};
use super::states;
use crate::capture::{CaptureError, Filter};
use crate::report::write_file;
use crate::survey::{self, ObserveOptions, Progress, Source};

pub(super) fn run(args: Observe, talk: &Talk) -> Outcome {
    let Observe { captures, output, count, filter, threads, limits } = args;
    if captures.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input (-) can be read only once; name it once"));
    }
    let options = ObserveOptions {
        threads: threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN),
        limits: limits.limits(),
        count,
        filter: filter.as_deref().map(Filter::new).transpose().map_err(Failure::unusable)?,
    };
    let Inputs { sources, status, .. } = gather(&captures, false, talk)?;
    write(&sources, &options, &output, status, talk)
}

/// Writes a state of some sources. Tells standard error what could not be read.
pub(super) fn write(
    sources: &[Source],
    options: &ObserveOptions,
    output: &Path,
    mut status: Status,
    talk: &Talk,
) -> Outcome {
    if states::are_among(sources) && (options.count.is_some() || options.filter.is_some()) {
        return Err(Failure::usage(
            "a state holds no frames to count off or to filter; name captures, or leave it out",
        ));
    }
    states::are_each_once(sources, Vec::new())?;
    let progress = Arc::new(Progress::default());
    let bar = Bar::show(&progress, sources.iter().map(Source::size).sum(), talk.quiet);
    let mut digests = hashes(sources);
    let heads = RefCell::new(Vec::new());
    let written = write_file(output, |out| {
        let observed = survey::observe(sources, options, &progress, || digests.next(), out)?;
        let none_is_usable = observed.iter().all(Result::is_err);
        *heads.borrow_mut() = observed;
        // What was written is not kept.
        if none_is_usable { Err(std::io::Error::other("nothing was observed")) } else { Ok(()) }
    });
    drop(bar);
    let heads = heads.into_inner();
    let errors: Vec<&CaptureError> = heads.iter().filter_map(|head| head.as_ref().err()).collect();
    if !heads.is_empty() && errors.len() == heads.len() {
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
