//! `inventory`: which host is what.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::apart;
use super::args::{Inventory as InventoryCommand, InventoryCheck, InventoryInfer, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::options::SurveyOptions;
use super::reading::{InputNeeds, Reading, read};
use super::terminal::print;
use crate::inventory::{Inventory, InventoryFlags, draft};
use crate::policy::Version;
use crate::report::text::capture::host_words;
use crate::report::text::units::counted;
use crate::report::write_file;
use crate::survey::Survey;
use crate::text::{visible, visible_lines};

pub(super) fn run(command: InventoryCommand, verbosity: &Verbosity) -> Outcome {
    match command {
        InventoryCommand::Infer(args) => infer(*args, verbosity),
        InventoryCommand::Check(args) => check(&args),
    }
}

fn infer(args: InventoryInfer, verbosity: &Verbosity) -> Outcome {
    apart::check(args.survey.files(), args.output.clone())?;
    let options = SurveyOptions::check(args.survey)?;
    let Reading { survey, status, .. } = read(&options, InputNeeds::default(), verbosity)?;
    let text = draft(&survey.hosts, &options.inventory);
    if options.inventory.entries().is_empty() && !survey.hosts.iter().any(|host| host.role.is_igor()) {
        return nothing_found(&survey, args.output.as_deref());
    }
    match &args.output {
        Some(path) => write_file(path, |out| out.write_all(text.as_bytes()))?,
        None => print(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(status)
}

/// A file without anybody, used as an inventory, would silence every later survey: none is written.
fn nothing_found(survey: &Survey, output: Option<&Path>) -> Outcome {
    let mut text = String::from("nobody was found who is a gateway, node or BACnet system by the traffic");
    if let Some(path) = output {
        let _ = write!(text, ", so {} was not written", path.display());
    }
    let _ = write!(
        text,
        ". Seen: {} in {}, {}.",
        counted(survey.frames.total, "frame", "frames"),
        counted(survey.flows.len() as u64, "flow", "flows"),
        match host_words(survey) {
            words if words.is_empty() => "no host".to_owned(),
            words => words.join(", "),
        }
    );
    for caveat in survey.caveats.iter().filter(|caveat| matches!(caveat.kind, "roles-unclear" | "no-mirror")) {
        let _ = write!(text, "\n  {}", caveat.text);
    }
    let _ = write!(text, "\n  Next: {}", survey.judged.next);
    // Standard output is for an inventory, and this is none.
    let _ = writeln!(std::io::stderr(), "igorscope: {}", visible_lines(&text));
    Ok(Status::Found)
}

/// Versions that nothing can be held against: a device with one is never told to be too old.
fn unreadable_versions(inventory: &Inventory) -> Vec<String> {
    let of_devices = inventory.entries().iter().filter(|entry| entry.role.is_igor());
    let mut lines: Vec<String> = of_devices
        .filter_map(|entry| Some((entry, entry.version.as_deref()?)))
        .filter(|(_, version)| Version::parse(version).is_none())
        .map(|(entry, version)| {
            format!(
                "{}: version \"{version}\" is no version, and cannot be held against the lowest one of the vendor's documents; \
                 write it in numbers (3.1.4), or leave it out",
                entry.place.line()
            )
        })
        .collect();
    // A device with address and MAC is two entries of one line.
    lines.dedup();
    lines
}

fn check(args: &InventoryCheck) -> Outcome {
    if let Err(error) = std::fs::File::open(&args.file) {
        return Err(Failure::usage(format!("cannot read {}: {error}; check the name", args.file.display())));
    }
    match Inventory::load(Some(&args.file), &InventoryFlags::default()) {
        Ok(inventory) if !unreadable_versions(&inventory).is_empty() => {
            let mistakes = unreadable_versions(&inventory).join("\n");
            Err(Failure { status: Status::Found, error: anyhow::anyhow!("{}", visible_lines(&mistakes)) })
        }
        Ok(inventory) => {
            let (file, declared) = (args.file.display(), inventory.summary());
            print(|out| writeln!(out, "{file}: good: {declared}"))?;
            if !inventory.unread().is_empty() {
                let columns = inventory.unread().join(", ");
                print(|out| writeln!(out, "{file}: not read: {}", visible(&columns)))?;
            }
            if inventory.entries().is_empty() {
                let then = match inventory.is_complete() {
                    true => "and lets no role be inferred: with it every survey is silent",
                    false => "so that all roles are inferred",
                };
                let _ = writeln!(std::io::stderr(), "igorscope: {file}: warning: it declares nobody, {then}");
            }
            Ok(Status::Good)
        }
        Err(errors) => Err(Failure { status: Status::Found, error: errors.into() }),
    }
}
