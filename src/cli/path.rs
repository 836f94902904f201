//! `path`: captures at several places to where packets are lost.

use std::net::IpAddr;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use super::apart;
use super::args::{Path, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::{all_threads, inventory};
use super::policy;
use super::progress::Bar;
use super::reading::{say, tell_passed_over};
use super::terminal::{of_standard_output, print, zone};
use crate::capture::find_captures;
use crate::path::{self, Options, Place, Report, name_places};
use crate::report::{
    HtmlOptions, INCOMPLETE, ReportFolder, WriteError, path_page, write_file, write_path_csv, write_path_html,
    write_path_json,
};
use crate::state::is_state;
use crate::survey::{self, InputSummary, Progress, ReadOptions, Source, in_order};

/// The tables and the page.
const FILES: [&str; 3] = ["path.csv", "path.json", "path.html"];

pub(super) fn run(args: Path, verbosity: &Verbosity) -> Outcome {
    let Path { places, hosts, policy: file, nat, output, limits } = args;
    let named = name_places(&places).map_err(Failure::unusable)?;
    let nat = nat.iter().map(|pair| address_pair(pair)).collect::<Result<Vec<_>, _>>()?;
    let read = named.iter().map(|(_, path)| &**path).chain(file.as_deref()).chain(hosts.inventory.as_deref());
    let written = FILES.into_iter().chain([INCOMPLETE]);
    apart::check(read, output.iter().flat_map(|folder| written.clone().map(|name| folder.join(name))))?;
    let policy = policy::load(file.as_deref())?;
    policy::tell_losses(&policy, verbosity);
    let reading = ReadOptions { threads: all_threads(), limits: limits.limits(false), ..ReadOptions::default() };
    let survey = survey::Options { reading, ..survey::Options::new(policy, Arc::new(inventory(hosts)?)) };

    let mut status = Status::Good;
    let mut found = Vec::new();
    for (name, path) in named {
        found.push(find(name, path, verbosity, &mut status)?);
    }
    // Each file is read three times.
    let total: u64 = found.iter().flat_map(|place| &place.sources).map(Source::size).sum();
    let progress = Arc::new(Progress::default());
    let bar = Bar::show(&progress, total, verbosity.quiet);
    let report = path::run(&found, &Options { survey, nat }, &progress);
    drop(bar);
    let report = report.map_err(Failure::unusable)?;
    let troubles = report.places.iter().flat_map(|place| &place.inputs).filter_map(InputSummary::trouble);
    for trouble in troubles {
        say(&trouble);
        status = Status::Partial;
    }
    let written = output.as_deref().map_or(Ok(()), |folder| write(&report, folder));
    let page = path_page(&report, &of_standard_output(verbosity.color, verbosity.verbose));
    print(|out| out.write_all(page.as_bytes()))?;
    written?;
    Ok(status)
}

/// The captures of one place.
fn find(name: String, path: PathBuf, verbosity: &Verbosity, status: &mut Status) -> Result<Place, Failure> {
    if path.extension().is_some_and(|ending| ending == crate::state::EXTENSION) {
        return Err(Failure::usage(format!(
            "{} is a state, which holds no frames; path compares captures",
            path.display()
        )));
    }
    let mut found = find_captures(std::slice::from_ref(&path));
    found.captures.retain(|path| !is_state(path));
    for error in &found.errors {
        say(&error.to_string());
        *status = Status::Partial;
    }
    if !verbosity.quiet {
        tell_passed_over(&found.passed_over, verbosity.verbose);
    }
    if found.captures.is_empty() {
        return Err(Failure::usage(format!(
            "no captures of {name} in {}; name pcap or pcapng files, or a folder that holds some",
            path.display()
        )));
    }
    for capture in &found.captures {
        match capture.metadata() {
            Ok(file) if file.is_file() => {}
            Ok(_) => {
                let message = format!("{} is no regular file: a place is read more than once", capture.display());
                return Err(Failure::usage(message));
            }
            Err(error) => return Err(Failure::usage(format!("cannot read {}: {error}", capture.display()))),
        }
    }
    Ok(Place { name, sources: in_order(found.captures.into_iter().map(Source::File).collect()) })
}

fn address_pair(text: &str) -> Result<(IpAddr, IpAddr), Failure> {
    let parse = |part: &str| part.trim().parse::<IpAddr>().ok();
    text.split_once('=').and_then(|(a, b)| Some((parse(a)?, parse(b)?))).ok_or_else(|| {
        Failure::usage(format!("--nat {text:?} is not understood; write two addresses, 10.20.0.5=192.168.7.5"))
    })
}

fn write(report: &Report, folder: &FilePath) -> Result<(), WriteError> {
    let whole = ReportFolder::begin(folder)?;
    let html = HtmlOptions { zone: zone(), command: Vec::new(), rendered: String::new() };
    let [csv, json, page] = FILES.map(|name| folder.join(name));
    write_file(&csv, |out| write_path_csv(out, report))?;
    write_file(&json, |out| write_path_json(out, report))?;
    write_file(&page, |out| write_path_html(out, report, &html))?;
    whole.finish()
}
