//! Where the results go: files in a folder, or one format on standard output.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::args::{Format, Verbosity};
use super::exit::Failure;
use super::options::OutputOptions;
use super::terminal::{of_standard_output, print, zone};
use super::written;
use crate::capture::Timestamp;
use crate::report::json::{write_flow_lines, write_survey};
use crate::report::result::unjudged;
use crate::report::{
    HtmlOptions, INCOMPLETE, Names, ReportFolder, WriteError, summary, write_coverage, write_file, write_file_durably,
    write_findings, write_flows, write_health, write_html, write_inventory, write_ipfix, write_nodes, write_parquet,
    write_transfers, write_workbook,
};
use crate::survey::Survey;
use crate::text::visible;
#[cfg(feature = "live")]
use crate::verdict::Caveat;

/// How results are made.
pub(super) struct WriteOptions {
    pub(super) threads: usize,
    /// The command line that makes the same again.
    pub(super) command: Vec<String>,
    /// The program that wrote the survey.json from which results are made again; empty if they are not.
    pub(super) rendered: String,
    /// Whether each file is to be on the disk before the next is begun: nobody can make them again.
    pub(super) is_durable: bool,
}

impl WriteOptions {
    pub(super) fn html(&self) -> HtmlOptions {
        HtmlOptions { zone: zone(), command: self.command.clone(), rendered: self.rendered.clone() }
    }
}

/// A survey and what is needed to write it.
struct Results<'a> {
    survey: &'a Survey,
    names: Names,
    threads: usize,
    html: HtmlOptions,
    is_durable: bool,
}

/// Writes what was asked for. The summary is printed even if the files could not be written.
pub(super) fn write(
    survey: &Survey,
    writing: &WriteOptions,
    options: &OutputOptions,
    verbosity: &Verbosity,
) -> Result<(), Failure> {
    write_and(survey, writing, options, verbosity, || Ok(()))
}

/// The same, and what takes long, so that the summary is read meanwhile; only then it is told where everything is.
pub(super) fn write_and(
    survey: &Survey,
    writing: &WriteOptions,
    options: &OutputOptions,
    verbosity: &Verbosity,
    evidence: impl FnOnce() -> Result<(), WriteError>,
) -> Result<(), Failure> {
    let html = writing.html();
    let results =
        Results { survey, names: Names::of(survey), threads: writing.threads, html, is_durable: writing.is_durable };
    let files = match &options.folder {
        Some(folder) => results.write_files(folder, options),
        None => Ok(()),
    };
    let files = files.and_then(|()| match &options.xlsx {
        Some(path) => write_file(path, |out| write_workbook(out, survey, &results.names, results.threads)),
        None => Ok(()),
    });
    let files = files.and_then(|()| match &options.ipfix {
        Some(path) => write_file(path, |out| write_ipfix(out, survey)),
        None => Ok(()),
    });
    let files = files.and_then(|()| match &options.folder {
        Some(folder) if options.formats.contains(&Format::Parquet) => {
            write_parquet(folder, survey, &results.names, now())
        }
        _ => Ok(()),
    });
    let is_text = options.formats.contains(&Format::Text);
    let printed = if is_text {
        let page = summary(survey, &results.names, &of_standard_output(verbosity.color, verbosity.verbose));
        print(|out| out.write_all(page.as_bytes()))
    } else if options.folder.is_none()
        && let Some((.., write)) = FILES.iter().find(|(_, format, _)| options.formats.contains(format))
    {
        print(|out| write(&results, out))
    } else {
        Ok(())
    };
    let files = files.and_then(|()| evidence());
    let printed = match printed {
        Ok(()) if is_text && files.is_ok() => print(|out| out.write_all(written::files(options).as_bytes())),
        printed => printed,
    };
    // Tables do not say it, and nobody may read the other files.
    if let (Some([unjudged, next]), false, false) =
        (unjudged(survey), options.formats.contains(&Format::Text), verbosity.quiet)
    {
        let _ = writeln!(io::stderr(), "igorscope: {}", visible(&format!("{unjudged} {next}")));
    }
    if let Some(collector) = &options.collector {
        collector.send(survey, now())?;
    }
    files?;
    printed
}

/// The time of judging: that of the clock, unless results are to be the same bytes again
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn now() -> Timestamp {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<i64>().ok());
    let nanos = match told {
        Some(seconds) => i64::try_from(i128::from(seconds) * 1_000_000_000).ok(),
        None => i64::try_from(jiff::Timestamp::now().as_nanosecond()).ok(),
    };
    nanos.map_or(Timestamp::UNKNOWN, Timestamp::from_nanos)
}

/// Writes the files of a survey that is still going on, and says so in them.
#[cfg(feature = "live")]
pub(super) fn checkpoint(
    survey: &mut Survey,
    writing: &WriteOptions,
    options: &OutputOptions,
) -> Result<(), WriteError> {
    let Some(folder) = &options.folder else { return Ok(()) };
    let text = "This was written while the survey went on: what is not seen may have come later.".to_owned();
    survey.caveats.insert(0, Caveat { kind: "unfinished", text });
    let html = writing.html();
    let results =
        Results { survey, names: Names::of(survey), threads: writing.threads, html, is_durable: writing.is_durable };
    let written = results.write_files(folder, options);
    survey.caveats.remove(0);
    written
}

type WriteOne = fn(&Results<'_>, &mut dyn Write) -> io::Result<()>;

/// The table that is only there where something stands in it.
const TRANSFERS: &str = "transfers.csv";

/// Of the tables, standard output takes the first: the flows.
const FILES: [(&str, Format, WriteOne); 10] = [
    ("flows.csv", Format::Csv, |results, out| write_flows(out, results.survey, &results.names, results.threads)),
    ("findings.csv", Format::Csv, |results, out| write_findings(out, results.survey, &results.names)),
    ("coverage.csv", Format::Csv, |results, out| write_coverage(out, results.survey, &results.names)),
    ("nodes.csv", Format::Csv, |results, out| write_nodes(out, results.survey, &results.names)),
    ("health.csv", Format::Csv, |results, out| write_health(out, results.survey)),
    (TRANSFERS, Format::Csv, |results, out| write_transfers(out, results.survey)),
    ("inventory.csv", Format::Csv, |results, out| write_inventory(out, results.survey, results.threads)),
    ("survey.json", Format::Json, |results, out| {
        write_survey(out, results.survey, &results.names, None, results.threads)
    }),
    ("flows.ndjson", Format::Ndjson, |results, out| {
        write_flow_lines(out, results.survey, &results.names, results.threads)
    }),
    ("report.html", Format::Html, |results, out| write_html(out, results.survey, &results.names, &results.html)),
];

/// The files of these formats in a folder, and the one that is there while they are written.
pub(super) fn files(folder: &Path, formats: &BTreeSet<Format>) -> impl Iterator<Item = PathBuf> {
    let names = FILES.into_iter().filter(|(_, format, _)| formats.contains(format)).map(|(name, ..)| name);
    names.chain([INCOMPLETE]).map(|name| folder.join(name))
}

impl Results<'_> {
    fn write_files(&self, folder: &Path, options: &OutputOptions) -> Result<(), WriteError> {
        let mut wanted = FILES.into_iter().filter(|(_, format, _)| options.formats.contains(format)).peekable();
        // Many may write columnar files into one folder, which name their surveys.
        if wanted.peek().is_none() && options.formats.contains(&Format::Parquet) {
            return Ok(());
        }
        let whole = ReportFolder::begin(folder)?;
        wanted.try_for_each(|(name, _, write)| {
            let path = folder.join(name);
            match self.is_durable {
                _ if name == TRANSFERS && self.survey.transfers.is_empty() => remove_old(&path),
                true => write_file_durably(&path, |out| write(self, out)),
                false => write_file(&path, |out| write(self, out)),
            }
        })?;
        whole.finish()
    }
}

/// Removes a file of an earlier survey, if there is one.
fn remove_old(path: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::File(path.to_owned(), source)),
        _ => Ok(()),
    }
}
