//! What the command line means: arguments checked as a whole, before anything is read.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::args::{FailOn, Format, HostArgs, Output, ReadingArgs, SurveyArgs};
use super::collector::Collector;
use super::exit::Failure;
use super::nearby;
use super::results;
use crate::capture::Filter;
use crate::inventory::{Inventory, InventoryFlags};
use crate::policy::Policy;
use crate::survey::{self, ReadOptions};

/// The result does not depend on how many there are, and more are of no use to any machine.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(512).unwrap();

/// What is read, and what it is held against.
pub(super) struct SurveyOptions {
    /// Files and folders as they were named; `-` is standard input.
    pub(super) captures: Vec<PathBuf>,
    pub(super) inventory: Arc<Inventory>,
    pub(super) policy: Arc<Policy>,
    pub(super) reading: ReadOptions,
}

impl SurveyOptions {
    pub(super) fn check(args: SurveyArgs) -> Result<Self, Failure> {
        let SurveyArgs { captures, hosts, policy, reading } = args;
        let reading = read_options(reading, &captures)?;
        let inventory = Arc::new(inventory(hosts)?);
        let policy = super::policy::load(policy.as_deref())?;
        Ok(Self { captures, inventory, policy, reading })
    }

    /// As the pipeline wants it.
    pub(super) fn survey(&self) -> survey::Options {
        survey::Options {
            reading: self.reading.clone(),
            ..survey::Options::new(Arc::clone(&self.policy), Arc::clone(&self.inventory))
        }
    }
}

/// How what was named is read.
pub(super) fn read_options(args: ReadingArgs, captures: &[PathBuf]) -> Result<ReadOptions, Failure> {
    let ReadingArgs { count, filter, threads, health, limits } = args;
    if captures.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input (-) can be read only once; name it once"));
    }
    let filter = filter.as_deref().map(Filter::new).transpose().map_err(Failure::unusable)?;
    let threads = threads.unwrap_or_else(all_threads).min(MOST_THREADS);
    Ok(ReadOptions { threads, limits: limits.limits(health), count, filter })
}

/// As many as there are processors.
pub(super) fn all_threads() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

pub(super) fn inventory(args: HostArgs) -> Result<Inventory, Failure> {
    let HostArgs { gateway, node, bacnet, site, site_name, inventory } = args;
    let flags = InventoryFlags { gateway, node, bacnet, site, site_name };
    Inventory::load(inventory.as_deref(), &flags).map_err(|error| match &inventory {
        Some(path) => nearby::unusable(path, error, Path::is_file),
        None => Failure::unusable(error),
    })
}

/// Where results go.
#[derive(Default)]
pub(super) struct OutputOptions {
    pub(super) folder: Option<PathBuf>,
    pub(super) formats: BTreeSet<Format>,
    /// File for the frames of the findings.
    pub(super) evidence: Option<PathBuf>,
    /// File for the workbook.
    pub(super) xlsx: Option<PathBuf>,
    /// File for the flows as IPFIX.
    pub(super) ipfix: Option<PathBuf>,
    /// Where the flows are sent to.
    pub(super) collector: Option<Collector>,
    /// What makes the exit status 1.
    pub(super) fail_on: FailOn,
}

impl OutputOptions {
    pub(super) fn check(args: Output) -> Result<Self, Failure> {
        let Output { output: folder, format, evidence, xlsx, ipfix, ipfix_to, fail_on } = args;
        let mut formats: BTreeSet<Format> = format.into_iter().collect();
        if formats.is_empty() {
            formats.insert(Format::Text);
            if folder.is_some() {
                formats.extend([Format::Csv, Format::Json, Format::Html]);
            }
        }
        if folder.is_none() && formats.len() > 1 {
            return Err(Failure::usage(
                "standard output takes one format; name one with --format, or a folder for the files with --output",
            ));
        }
        if folder.is_none() && formats.contains(&Format::Parquet) {
            return Err(Failure::usage("parquet is many files; name a folder for them with --output"));
        }
        let collector = ipfix_to.map(Collector::open).transpose()?;
        Ok(Self { folder, formats, evidence, xlsx, ipfix, collector, fail_on })
    }

    /// The files that are written, but for those that name their surveys.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let named = [&self.evidence, &self.xlsx, &self.ipfix].into_iter().flatten().cloned();
        named.chain(self.folder.iter().flat_map(|folder| results::files(folder, &self.formats)))
    }

    /// Whether the inputs' SHA-256 is wanted: only what carries it is worth the time.
    pub(super) fn wants_hashes(&self) -> bool {
        let hashed = [Format::Json, Format::Html, Format::Parquet];
        self.evidence.is_some() || hashed.iter().any(|format| self.formats.contains(format))
    }
}
