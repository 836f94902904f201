//! `inventory`: which host is what.

use super::args::{Inventory as InventoryCommand, InventoryCheck, Talk};
use super::exit::{Failure, Outcome, Status};
use super::terminal::print;
use crate::inventory::{Inventory, InventoryFlags};

pub(super) fn run(command: InventoryCommand, _talk: &Talk) -> Outcome {
    match command {
        InventoryCommand::Check(args) => check(&args),
    }
}

fn check(args: &InventoryCheck) -> Outcome {
    if let Err(error) = std::fs::File::open(&args.file) {
        return Err(Failure::usage(format!("cannot read {}: {error}; check the name", args.file.display())));
    }
    match Inventory::load(Some(&args.file), &InventoryFlags::default()) {
        Ok(inventory) => {
            let (file, entries) = (args.file.display(), inventory.entries().len());
            print(|out| writeln!(out, "{file}: good: {entries} entries"))?;
            Ok(Status::Good)
        }
        Err(errors) => Err(Failure { status: Status::Found, error: errors.into() }),
    }
}
