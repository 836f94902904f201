//! What the command line of `live` means, checked as a whole before an interface is opened.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::apart;
use super::super::args::{Format, Live, ReadingArgs, SurveyArgs};
use super::super::command::command;
use super::super::exit::Failure;
use super::super::options::{OutputOptions, SurveyOptions};
use super::lines::Display;
use crate::capture::live::{Choice, LiveError, LiveSettings, choose, devices};
use crate::capture::{Rotation, number_in, numbered};

pub(super) struct LiveOptions {
    pub(super) interfaces: Vec<String>,
    pub(super) capture: LiveSettings,
    pub(super) survey: SurveyOptions,
    pub(super) output: OutputOptions,
    pub(super) duration: Option<Duration>,
    pub(super) interval: Duration,
    pub(super) fold_after: Duration,
    /// From one checkpoint of the results to the next.
    pub(super) checkpoint: Duration,
    pub(super) display: Display,
    /// What analyzes the packets again, but for the files that they are written to.
    pub(super) command: Vec<String>,
    /// Where states are kept, and how long one is.
    pub(super) state: Option<(PathBuf, Option<Duration>)>,
    /// What the interfaces keep.
    pub(super) filter: Option<String>,
    /// Where packets are written to.
    pub(super) record: Option<(PathBuf, Rotation)>,
    /// Where a sensor's runs lie, and what they may take of the disk in bytes.
    pub(super) probe: Option<(PathBuf, u64)>,
}

/// From one status line to the next, and from one health line to the next.
const STATUS: Duration = Duration::from_secs(10);
const HEALTH: Duration = Duration::from_secs(60);

impl LiveOptions {
    pub(super) fn check(args: Live) -> Result<Self, Failure> {
        if args.anonymize {
            return Err(Failure::usage(
                "live cannot be anonymized: what it shows is of the site as it is; record with --write FILE.pcapng, \
                 then igorscope analyze --anonymize FILE.pcapng",
            ));
        }
        let mut output = OutputOptions::check(args.output)?;
        if args.probe.is_some() {
            output.formats = [Format::Csv, Format::Json, Format::Html].into();
        } else if args.json {
            output.formats.remove(&Format::Text);
        } else if output.folder.is_none() && !output.formats.contains(&Format::Text) {
            return Err(Failure::usage(
                "standard output shows what happens; name a folder for the files with --output",
            ));
        }
        let survey = SurveyArgs {
            captures: Vec::new(),
            hosts: args.hosts,
            policy: args.policy,
            // The interface filters already.
            reading: ReadingArgs { count: args.count, health: args.health, ..ReadingArgs::default() },
        };
        let command = command(&survey);
        let rotation = Rotation { size: args.rotate_size, time: args.rotate_time, count: args.rotate_count };
        let written: Vec<PathBuf> = output.files().collect();
        let others: Vec<&Path> =
            survey.files().chain(written.iter().chain(&args.write).chain(&args.state).map(PathBuf::as_path)).collect();
        let grown = [(&args.write, rotation.is_on()), (&args.state, args.rotate_state.is_some())];
        let grown =
            grown.map(|(path, is_many)| path.iter().flat_map(|path| names(path, is_many, &others)).collect::<Vec<_>>());
        apart::check(survey.files(), grown.into_iter().flatten().chain(written.iter().cloned()))?;
        let buffer_size = u32::try_from(args.buffer_size).ok().filter(|size| *size <= i32::MAX as u32);
        let capture = LiveSettings {
            promiscuous: !args.no_promiscuous,
            snap_len: args.snaplen,
            buffer_size: buffer_size.ok_or_else(|| Failure::usage("--buffer-size takes less than 2G"))?,
            filter: args.filter.clone(),
            // What is measured hangs on which packet came before which.
            in_order: args.health,
        };
        let mut interfaces = chosen(&args.interface)?;
        let named = interfaces.len();
        interfaces.sort();
        interfaces.dedup();
        if interfaces.len() < named {
            return Err(Failure::usage("an interface is named twice; its packets would count twice"));
        }
        Ok(Self {
            interfaces,
            capture,
            survey: SurveyOptions::check(survey)?,
            output,
            duration: args.duration,
            interval: args.interval.unwrap_or(if args.probe.is_some() { HEALTH } else { STATUS }),
            checkpoint: args.checkpoint,
            fold_after: args.fold_after,
            display: if args.probe.is_some() { Display::Health } else { display(args.plain, args.json) },
            probe: args.probe.map(|folder| (folder, args.keep)),
            command,
            state: args.state.map(|path| (path, args.rotate_state)),
            filter: args.filter,
            record: args.write.map(|path| (path, rotation)),
        })
    }
}

/// What a file that grows is called: of one that is begun anew, the first, and whatever other name it would come to.
fn names(path: &Path, is_many: bool, others: &[&Path]) -> Vec<PathBuf> {
    if !is_many {
        return vec![path.to_owned()];
    }
    let taken = others.iter().filter_map(|other| number_in(path, other)).filter(|number| *number != 1);
    let numbers: BTreeSet<usize> = taken.chain([1]).collect();
    numbers.into_iter().map(|number| numbered(path, number)).collect()
}

/// The names of the interfaces that are meant. One that is not listed may be captured on all the same: its name stays.
fn chosen(wanted: &[String]) -> Result<Vec<String>, Failure> {
    let devices = match devices() {
        Err(error @ LiveError::Missing(_)) => return Err(Failure::unusable(error)),
        listed => listed.unwrap_or_default(),
    };
    let name = |wanted: &String| match choose(wanted, &devices) {
        Choice::One(name) => Ok(name),
        Choice::Unknown => Ok(wanted.clone()),
        Choice::Several(names) => Err(Failure::unusable(LiveError::Several { wanted: wanted.clone(), names })),
    };
    wanted.iter().map(name).collect()
}

/// The terminal view where there is a terminal that can show it, unless something else is asked for.
fn display(plain: bool, json: bool) -> Display {
    // Windows' consoles name no kind of terminal.
    let is_dumb = || std::env::var_os("TERM").map_or(cfg!(unix), |term| term.is_empty() || term == "dumb");
    match () {
        () if json => Display::Json,
        () if plain || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() || is_dumb() => {
            Display::Plain
        }
        () => Display::View,
    }
}
