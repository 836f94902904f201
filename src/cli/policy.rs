//! `policy`: the rules that traffic is held against.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::args::{Policy as PolicyCommand, PolicyCheck, PolicyShow, Verbosity};
use super::exit::{Failure, Outcome, Status};
use super::nearby;
use super::terminal::{of_standard_output, print};
use crate::policy::{Policy, PolicyError};
use crate::report::policy_page;
use crate::text::{times, visible};

pub(super) fn run(command: PolicyCommand, verbosity: &Verbosity) -> Outcome {
    match command {
        PolicyCommand::Show(args) => show(&args, verbosity),
        PolicyCommand::Check(args) => check(&args),
        PolicyCommand::Export(args) => super::policy_export::run(args, verbosity),
    }
}

/// Tells what a survey's policy does not keep of the file that was named.
pub(super) fn tell_losses(policy: &Policy, verbosity: &Verbosity) {
    let losses = if verbosity.quiet { &[] } else { policy.losses() };
    let text: String = losses.iter().map(|loss| format!("igorscope: policy: lost: {}\n", visible(loss))).collect();
    // The report says it, too.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The policy of a file, or the one that is built in.
pub(super) fn load(file: Option<&Path>) -> Result<Arc<Policy>, Failure> {
    match file {
        Some(path) => Policy::load(path).map_err(|error| nearby::unusable(path, error, Path::is_file)),
        None => Ok(Policy::embedded()),
    }
}

fn show(args: &PolicyShow, verbosity: &Verbosity) -> Outcome {
    let policy = load(args.policy.as_deref())?;
    if !args.toml {
        let page = policy_page(&policy, &of_standard_output(verbosity.color, verbosity.verbose));
        print(|out| out.write_all(page.as_bytes()))?;
        return Ok(Status::Good);
    }
    let text = match &args.policy {
        Some(path) => match policy.mud_as_toml() {
            Some(toml) => toml.to_owned(),
            // It was read a moment ago, so it is there and it is text.
            None => std::fs::read_to_string(path).map_err(Failure::unusable)?,
        },
        None => Policy::embedded_text().to_owned(),
    };
    print(|out| out.write_all(text.as_bytes()))?;
    Ok(Status::Good)
}

fn check(args: &PolicyCheck) -> Outcome {
    if let Some(folder) = &args.local {
        return super::local::firewall(&*load(args.file.as_deref())?, folder.as_deref());
    }
    // The command line asks for one of the two.
    let file = args.file.clone().unwrap_or_default();
    match Policy::load(&file) {
        Ok(policy) => {
            let parts = [
                (policy.documents().len(), "document", "documents"),
                (policy.cells().len(), "port", "ports"),
                (policy.allowances().len(), "allowance", "allowances"),
                (policy.supporting().len(), "supporting entry", "supporting entries"),
            ];
            let [documents, cells, allowances, supporting] =
                parts.map(|(number, one, many)| times(number as u64, one, many));
            print(|out| {
                let file = file.display();
                writeln!(out, "{file}: good: {documents} with {cells}, {allowances}, {supporting}")?;
                policy.losses().iter().try_for_each(|loss| writeln!(out, "  lost: {}", visible(loss)))
            })?;
            Ok(Status::Good)
        }
        Err(error @ PolicyError::Read(..)) => Err(Failure::unusable(error)),
        Err(error) => Err(Failure { status: Status::Found, error: error.into() }),
    }
}
