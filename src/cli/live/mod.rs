//! `live`: interfaces to results, told while it happens.

mod checkpoint;
mod lines;
mod options;
mod output;
mod probe;
mod signals;
mod survey_folder;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::checkpoint::Checkpoint;
use self::lines::Display;
use self::options::LiveOptions;
use self::output::LiveOutput;
use self::probe::{Probe, until_midnight};
use self::survey_folder::SurveyFolder;
use super::analyze::found;
use super::args::{Format, Live as Args, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::OutputOptions;
use super::reading::say;
use super::results::{self, WriteOptions};
use crate::capture::live::{Dropped, Live, LiveInterface, confine, drop_root};
use crate::capture::{Filter, RecordedInterface, Recorder, numbered};
use crate::live::{AuxOutputs, LiveEnd, LiveEvidence, LiveOptions as SurveyLive, StateOptions, WriteState, run_live};
use crate::report::write_file_durably;
use crate::survey::{self, Digest, InputSummary};

/// From one judgement of what came so far to the next.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(args: Args, verbosity: &Verbosity) -> Outcome {
    let mut options = LiveOptions::check(args)?;
    let live = Live::open(&options.interfaces, &options.capture).map_err(Failure::unusable)?;
    let place = place(&options);
    give_up_root(&options, place.as_ref(), verbosity)?;
    enter(&mut options.output, place.as_ref())?;
    let mut probe = begin_probe(&mut options)?;
    let interfaces = recorded(&live);
    let recorder = record(&options, &interfaces)?;
    let evidence = evidence(&options, &interfaces)?;
    confine(&written_to(&options))
        .map_err(|error| Failure::usage(format!("cannot give up rights, and will not go on with them: {error}")))?;
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(&stop).map_err(|error| Failure::usage(format!("cannot wait for signals: {error}")))?;

    let folder = options.output.folder.as_deref().filter(|_| place.is_none() && probe.is_none());
    if !verbosity.quiet && folder.is_some_and(|folder| folder.join("survey.json").is_file()) {
        say(
            "the results of an earlier run in the folder are replaced; to keep those of each visit, name another one with --output",
        );
    }
    if !verbosity.quiet {
        let names: Vec<&str> = live.interfaces().map(|interface| interface.name.as_str()).collect();
        let end = match &place {
            Some(place) => format!("q ends it and saves the results to {}", place.name().display()),
            None => "Ctrl-C ends it and shows the results".to_owned(),
        };
        say(&format!("capturing on {}; {end}", names.join(", ")));
    }
    let mut face = LiveOutput::open(&options, verbosity, &stop)
        .map_err(|error| Failure::usage(format!("cannot use this terminal: {error}; --plain needs none")))?;
    let survey = SurveyLive {
        survey: limited(options.survey.survey()),
        interval: JUDGED_EVERY.min(options.interval),
        duration: options.duration,
        fold_after: options.fold_after,
    };
    // Where nobody reads what is shown any more, there is nothing more to do it for, but files to be made whole.
    let mut shown = Ok(());
    let mut checkpoint = Checkpoint::new(&options);
    let beside = AuxOutputs { recorder, evidence, states: states(&options) };
    let end = run_live(live, beside, &survey, &stop, |mut tick| {
        checkpoint.tick(&mut tick.survey, &options);
        let disk = probe.as_mut().map(Probe::tick);
        if shown.is_ok() {
            shown = face.tick(tick, disk);
            if shown.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
        }
    });
    let shown = shown.and_then(|()| face.end(&end));
    let ended = finish(end, shown, place.as_ref(), &options, verbosity);
    // The last file of packets was written since the disk was looked at.
    probe.iter().for_each(Probe::settle);
    ended
}

/// A sensor's run: where it writes, and that it ends with the day unless it is to end before.
fn begin_probe(options: &mut LiveOptions) -> Result<Option<Probe>, Failure> {
    let Some((folder, keep)) = options.probe.clone() else { return Ok(None) };
    let now = jiff::Zoned::now();
    let probe = Probe::begin(folder, keep, &now)?;
    let midnight = until_midnight(&now);
    options.duration = Some(options.duration.map_or(midnight, |duration| duration.min(midnight)));
    options.output.folder = Some(probe.run().to_owned());
    options.record = Some(probe.packets());
    Ok(Some(probe))
}

/// Flows of each address family that are kept at most, folded ones as one: some 2 GB while they are judged.
const FLOWS: usize = 2_000_000;

/// A survey without end must not grow without end: at the limit it says so.
fn limited(mut options: survey::Options) -> survey::Options {
    options.reading.limits.flows = options.reading.limits.flows.min(FLOWS);
    options
}

/// Who watched a survey wants to keep it, and a terminal that dies is no place for results.
fn place(options: &LiveOptions) -> Option<SurveyFolder> {
    if options.display != Display::View || options.output.folder.is_some() {
        return None;
    }
    let failed = |error| say(&format!("the results cannot be saved in this folder ({error}); name one with --output"));
    SurveyFolder::make().map_err(failed).ok()
}

fn enter(output: &mut OutputOptions, place: Option<&SurveyFolder>) -> Result<(), Failure> {
    let Some(place) = place else { return Ok(()) };
    let failed = |error| Failure::unwritten(format!("cannot write to {}: {error}", place.name().display()));
    output.folder = Some(place.enter().map_err(failed)?);
    output.formats.extend([Format::Csv, Format::Json, Format::Html]);
    Ok(())
}

fn finish(
    mut end: LiveEnd,
    shown: Result<(), Failure>,
    place: Option<&SurveyFolder>,
    options: &LiveOptions,
    verbosity: &Verbosity,
) -> Outcome {
    // A sensor is to begin its next day, and a day's packets take minutes to read.
    if options.output.wants_hashes() && options.probe.is_none() {
        for (input, digest) in end.last.survey.inputs.iter_mut().zip(Digest::begin(end.files.clone())) {
            input.digest = Some(digest);
        }
    }
    let mut status = Status::Good;
    for interface in &end.last.status.interfaces {
        if let Some(reason) = &interface.ended {
            say(&format!("{} gave no more packets: {reason}", interface.name));
            status = Status::Partial;
        }
    }
    for trouble in end.last.survey.inputs.iter().filter_map(InputSummary::unreadable) {
        say(&trouble);
        status = Status::Partial;
    }
    let output = &options.output;
    // JSON lines have standard output for themselves.
    let written = match !matches!(options.display, Display::Json | Display::Health) || output.folder.is_some() {
        true => results::write(&end.last.survey, &writing(&end, options), output, verbosity),
        false => Ok(()),
    };
    if !verbosity.quiet {
        say(&sums(&end));
        if let (Some(place), Ok(())) = (place, &written) {
            say(&format!("results saved to {}", place.name().display()));
        }
    }
    shown?;
    written?;
    if let Some(Err(error)) = end.evidence {
        return Err(Failure::unwritten(format!("the evidence could not be written to its end: {error}")));
    }
    if let Err(error) = end.states {
        return Err(Failure::unwritten(format!("the state could not be written: {error}")));
    }
    if let Err(error) = end.recording {
        return Err(Failure::unwritten(format!("the packets could not all be written down: {error}")));
    }
    Ok(if status == Status::Good { found(&end.last.survey, options.output.fail_on) } else { status })
}

/// Only packets that were written down can be analyzed again.
fn writing(end: &LiveEnd, options: &LiveOptions) -> WriteOptions {
    let files: Vec<String> = end.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let command = if files.is_empty() { Vec::new() } else { options.command.iter().cloned().chain(files).collect() };
    WriteOptions { threads: options.survey.reading.threads.get(), command, rendered: String::new(), is_durable: true }
}

/// How many packets were received, dropped and written.
fn sums(end: &LiveEnd) -> String {
    let status = &end.last.status;
    let count = |of: fn(&LiveInterface) -> u64| status.interfaces.iter().map(of).sum::<u64>();
    let (kernel, interface) =
        (count(|interface| interface.kernel_dropped), count(|interface| interface.interface_dropped));
    let mut text = format!(
        "{} packets captured, {} received, {kernel} dropped by the kernel, {interface} by the interface",
        status.frames,
        count(|interface| interface.received)
    );
    for file in &end.files {
        text.push_str(&format!("; written to {}", file.display()));
    }
    text
}

/// The rights of root are for opening interfaces, which is done.
fn give_up_root(options: &LiveOptions, place: Option<&SurveyFolder>, verbosity: &Verbosity) -> Result<(), Failure> {
    let folders = written_to(options);
    let dropped = drop_root(&folders, place.and_then(SurveyFolder::folder)).map_err(|error| {
        Failure::usage(format!("cannot give up the rights of root, and will not go on with them: {error}"))
    })?;
    match dropped {
        Dropped::WasNotRoot => {}
        Dropped::Became(name) if verbosity.verbose => {
            say(&format!("the interface is open; runs as {name} from here on"))
        }
        Dropped::Became(_) => {}
        Dropped::StaysRoot { folder } if !verbosity.quiet => say(&format!(
            "stays root, because only root may write to {}; call it by sudo from an account of your own",
            folder.display()
        )),
        Dropped::StaysRoot { .. } => {}
    }
    Ok(())
}

/// Folders that files are written into.
fn written_to(options: &LiveOptions) -> Vec<&Path> {
    let files = options.record.as_ref().map(|(path, _)| path.as_path()).into_iter();
    let files = files
        .chain(options.output.evidence.as_deref())
        .chain(options.output.xlsx.as_deref())
        .chain(options.output.ipfix.as_deref());
    let files = files.chain(options.state.as_ref().map(|(path, _)| path.as_path()));
    let folders = options.output.folder.iter().chain(options.probe.iter().map(|(folder, _)| folder));
    files.map(folder_of).chain(folders.map(|folder| existing(folder))).collect()
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder, or the one above that is there already.
fn existing(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

fn recorded(live: &Live) -> Vec<RecordedInterface> {
    let interfaces = live.interfaces().map(|interface| RecordedInterface {
        name: interface.name.clone(),
        link: interface.link,
        snap_len: interface.snap_len,
    });
    interfaces.collect()
}

fn record(options: &LiveOptions, interfaces: &[RecordedInterface]) -> Result<Option<Recorder>, Failure> {
    let Some((path, rotation)) = &options.record else { return Ok(None) };
    let failed = |error| Failure::unwritten(format!("cannot write {}: {error}", path.display()));
    Recorder::create(path, interfaces.to_vec(), *rotation).map(Some).map_err(failed)
}

fn evidence(options: &LiveOptions, interfaces: &[RecordedInterface]) -> Result<Option<LiveEvidence>, Failure> {
    let Some(path) = &options.output.evidence else { return Ok(None) };
    let failed = |error| Failure::unwritten(format!("cannot write {}: {error}", path.display()));
    LiveEvidence::create(path, interfaces).map(Some).map_err(failed)
}

fn states(options: &LiveOptions) -> Option<StateOptions> {
    let (path, rotate) = options.state.clone()?;
    let save = move |period, write: &WriteState<'_>| {
        let name = if rotate.is_some() { numbered(&path, period) } else { path.clone() };
        write_file_durably(&name, |out| write(out)).map_err(std::io::Error::other)
    };
    let filter = options.filter.as_deref().map(Filter::of_state);
    Some(StateOptions { every: options.checkpoint, rotate, filter, save: Box::new(save) })
}
