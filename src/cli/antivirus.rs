//! `antivirus`: the vendor's exclusions.

use super::args::Antivirus;
use super::exit::{Outcome, Status};
use super::policy::load;
use super::terminal::print;
use crate::report::visible;

pub(super) fn run(command: Antivirus) -> Outcome {
    let Antivirus::Show(args) = command;
    let policy = load(args.policy.as_deref())?;
    let list = policy.antivirus();
    print(|out| {
        writeln!(out, "Path exclusions:")?;
        list.paths.iter().try_for_each(|path| writeln!(out, "  {}", visible(path)))?;
        writeln!(out, "Process exclusions:")?;
        list.processes.iter().try_for_each(|path| writeln!(out, "  {}", visible(path)))
    })?;
    Ok(Status::Good)
}
