//! `inventory`: which host is what.

use super::args::{Inventory as InventoryCommand, InventoryCheck, InventoryInfer, Talk};
use super::exit::{Failure, Outcome, Status};
use super::options::SurveyOptions;
use super::reading::{Reading, Wants, read};
use super::terminal::print;
use crate::inventory::{Inventory, InventoryFlags, draft};
use crate::report::write_file;

pub(super) fn run(command: InventoryCommand, talk: &Talk) -> Outcome {
    match command {
        InventoryCommand::Infer(args) => infer(*args, talk),
        InventoryCommand::Check(args) => check(&args),
    }
}

fn infer(args: InventoryInfer, talk: &Talk) -> Outcome {
    let options = SurveyOptions::check(args.survey)?;
    let Reading { survey, status, .. } = read(&options, Wants::default(), talk)?;
    let text = draft(&survey.hosts, &options.inventory);
    match &args.output {
        Some(path) => write_file(path, |out| out.write_all(text.as_bytes()))?,
        None => print(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(status)
}

fn check(args: &InventoryCheck) -> Outcome {
    if let Err(error) = std::fs::File::open(&args.file) {
        return Err(Failure::usage(format!("cannot read {}: {error}; check the name", args.file.display())));
    }
    match Inventory::load(Some(&args.file), &InventoryFlags::default()) {
        Ok(inventory) => {
            let (file, declared) = (args.file.display(), inventory.summary());
            print(|out| writeln!(out, "{file}: good: {declared}"))?;
            Ok(Status::Good)
        }
        Err(errors) => Err(Failure { status: Status::Found, error: errors.into() }),
    }
}
