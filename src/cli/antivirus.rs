//! `antivirus`: the vendor's exclusions, for IT's tools and against IT's answer.

use std::io;

use super::apart;
use super::args::{Antivirus, AntivirusCheck, AntivirusExport, AntivirusShow};
use super::exit::{Failure, Outcome, Status};
use super::policy::load;
use super::terminal::print;
use crate::export::antivirus::{AntivirusFormat, Checklist, ExclusionState, Preferences};
use crate::report::write_file;
use crate::text::visible;

pub(super) fn run(command: Antivirus) -> Outcome {
    match command {
        Antivirus::Show(args) => show(&args),
        Antivirus::Export(args) => export(&args),
        Antivirus::Check(args) => check(&args),
    }
}

fn show(args: &AntivirusShow) -> Outcome {
    let text = AntivirusFormat::Text.write(load(args.policy.as_deref())?.antivirus());
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(Status::Good)
}

fn export(args: &AntivirusExport) -> Outcome {
    apart::check(args.policy.as_deref(), args.output.clone())?;
    let text = args.format.write(load(args.policy.as_deref())?.antivirus());
    match &args.output {
        Some(path) => write_file(path, |out| out.write_all(text.as_bytes()))?,
        None => print(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(Status::Good)
}

fn check(args: &AntivirusCheck) -> Outcome {
    let policy = load(args.policy.as_deref())?;
    let (machine, name) = match &args.file {
        Some(file) => (Preferences::load(file).map_err(Failure::unusable)?, file.display().to_string()),
        None => (super::local::exclusions()?, "this machine".to_owned()),
    };
    let list = Checklist::new(policy.antivirus(), &machine);
    print(|out| write_checklist(out, &list, &visible(&name)))?;
    Ok(if list.is_good() { Status::Good } else { Status::Found })
}

fn write_checklist(out: &mut dyn io::Write, list: &Checklist, file: &str) -> io::Result<()> {
    let good = list.wanted.iter().filter(|wanted| wanted.state.is_good()).count();
    let verdict = if list.is_good() { "good" } else { "not good" };
    writeln!(
        out,
        "{file}: {verdict}: {good} of {} exclusions are there, {} dangerously broad",
        list.wanted.len(),
        list.broad.len()
    )?;
    for wanted in &list.wanted {
        writeln!(out, "  {:<10} {:<9} {}", wanted.state, wanted.list, visible(&wanted.value))?;
        if let Some(found) = wanted.found.as_deref().filter(|_| wanted.state != ExclusionState::Present) {
            writeln!(out, "             found     {}", visible(found))?;
        }
        if !wanted.advice.is_empty() {
            writeln!(out, "             {}", wanted.advice)?;
        }
    }
    if !list.broad.is_empty() {
        writeln!(out, "Dangerously broad:")?;
    }
    for broad in &list.broad {
        writeln!(
            out,
            "  {:<10} {:<9} {}\n             {}",
            "remove",
            broad.list,
            visible(&broad.value),
            visible(&broad.reason)
        )?;
    }
    if !list.others.is_empty() {
        writeln!(out, "Not asked for by the vendor:")?;
    }
    for (which, value) in &list.others {
        writeln!(out, "  {:<10} {which:<9} {}", "other", visible(value))?;
    }
    Ok(())
}
