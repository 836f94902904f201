//! `completions` and `man`: made from the command line's own description.

use clap::CommandFactory;

use super::args::{Cli, Completions};
use super::exit::{Outcome, Status};
use super::terminal::print;

pub(super) fn completions(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "igorscope", &mut script);
    print(|out| out.write_all(&script))?;
    Ok(Status::Good)
}

/// The page of the program, then those of its commands.
pub(super) fn page() -> Outcome {
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    render(command, &mut pages);
    print(|out| pages.iter().try_for_each(|page| page.render(out)))?;
    Ok(Status::Good)
}

fn render(command: clap::Command, pages: &mut Vec<clap_mangen::Man>) {
    let below: Vec<_> = command.get_subcommands().cloned().collect();
    pages.push(clap_mangen::Man::new(command));
    below.into_iter().for_each(|command| render(command, pages));
}
