//! Arguments to validated options to commands.
//!
//! [`run`] is the whole program: `args` is the command line as typed, `options` what it means once
//! checked, and each command is a file of its own.

mod analyze;
mod anonymize;
mod antivirus;
mod apart;
mod args;
mod collector;
mod command;
mod compare;
mod desktop;
mod evidence;
mod exit;
mod explain;
mod fleet;
#[cfg(feature = "live")]
mod interfaces;
mod inventory;
#[cfg(feature = "live")]
mod live;
mod local;
mod manual;
mod memory;
mod merge;
mod nearby;
mod observe;
mod options;
mod path;
mod policy;
mod policy_export;
mod progress;
mod reading;
mod report;
mod results;
mod states;
mod surveys;
mod terminal;
mod version;
#[cfg(windows)]
mod windows;
mod written;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches};

use args::{Cli, Command};
use exit::{Failure, Status};

use crate::text::nearest;

/// Runs the command line and says how it went. In a window of its own (Windows' desktop), captures are analyzed without a
/// command, and the window stays until it was read.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    #[cfg(windows)]
    if windows::is_own_window() {
        use desktop::{EXPLANATION, LaunchMode, wait_for_reader};
        match LaunchMode::of(&arguments) {
            LaunchMode::Nothing => print!("{EXPLANATION}"),
            LaunchMode::Analyze { words, report } => {
                let before = desktop::written(&report);
                let status = run_typed(words);
                // Where nothing could be analyzed, a report that lies there is another's.
                if desktop::written(&report) != before {
                    let by_hand = if windows::open(&report) { "" } else { ", to be opened in a browser" };
                    reading::say(&format!("the report is {}{by_hand}", report.display()));
                }
                wait_for_reader();
                return status;
            }
            LaunchMode::AsTyped => return run_typed(arguments),
        }
        wait_for_reader();
        return Status::Unusable.into();
    }
    run_typed(arguments)
}

fn run_typed(arguments: Vec<OsString>) -> ExitCode {
    let words = arguments.clone();
    let command = Cli::command().color(help_color(&arguments));
    let parsed = command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(mut error) => {
            suggest_value(&mut error);
            let printed = error.print();
            if error.kind() == ErrorKind::InvalidSubcommand {
                suggest_analyze(&words);
            }
            let printed = match error.kind() {
                ErrorKind::DisplayVersion if printed.is_ok() && version::is_wanted(&words) => {
                    std::io::Write::write_all(&mut std::io::stdout(), version::details().as_bytes())
                }
                _ => printed,
            };
            return match printed {
                _ if error.use_stderr() => Status::Unusable,
                // Help to a pipe that was closed is no failure, help to a full disk is.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Status::Unwritten,
                _ => Status::Good,
            }
            .into();
        }
    };
    let status = match dispatch(cli) {
        Ok(status) => status,
        Err(failure) if failure.is_broken_pipe() => Status::Good,
        Err(failure) => {
            complain(&failure);
            failure.status
        }
    };
    status.into()
}

/// Who names a capture and no command means to have it analyzed.
fn suggest_analyze(words: &[OsString]) {
    use std::io::Write;
    if let Some(file) = words.iter().skip(1).find(|word| std::path::Path::new(word).exists()) {
        let file = file.to_string_lossy();
        let text = format!("  tip: to analyze it, type: igorscope analyze {}\n", crate::text::visible(&file));
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// What a mistyped value was meant to be, where clap knows the values and finds none near.
fn suggest_value(error: &mut clap::Error) {
    use clap::error::{ContextKind, ContextValue};
    let value = error.get(ContextKind::InvalidValue);
    if let (Some(ContextValue::String(value)), Some(ContextValue::Strings(known)), None) =
        (value, error.get(ContextKind::ValidValue), error.get(ContextKind::SuggestedValue))
        && let Some(near) = nearest(value, &known.iter().map(String::as_str).collect::<Vec<_>>())
    {
        let near = near.to_owned();
        error.insert(ContextKind::SuggestedValue, ContextValue::String(near));
    }
}

/// Help and usage errors are coloured before the command line is understood.
fn help_color(arguments: &[OsString]) -> ColorChoice {
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let wanted = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--color") {
        Some("") => words.get(at + 1).map(|next| next.to_string()),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    match wanted.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

fn complain(failure: &Failure) {
    use std::io::Write;
    let text = format!("igorscope: {}\n", failure.error);
    // Where even standard error is gone, the exit status alone must do.
    let _ = std::io::stderr().write_all(crate::text::visible_lines(&text).as_bytes());
}

fn dispatch(cli: Cli) -> exit::Outcome {
    let Cli { verbosity, command } = cli;
    match command {
        Command::Analyze(args) => analyze::run(*args, &verbosity),
        Command::Observe(args) => observe::run(*args, &verbosity),
        #[cfg(feature = "live")]
        Command::Live(args) => live::run(*args, &verbosity),
        #[cfg(feature = "live")]
        Command::Interfaces(_) => interfaces::run(),
        Command::Inventory(command) => inventory::run(command, &verbosity),
        Command::Policy(command) => policy::run(command, &verbosity),
        Command::Antivirus(command) => antivirus::run(command),
        Command::Compare(args) => compare::run(&args, &verbosity),
        Command::Explain(args) => explain::run(*args, &verbosity),
        Command::Merge(args) => merge::run(&args, &verbosity),
        Command::Report(args) => report::run(args, &verbosity),
        Command::Path(args) => path::run(*args, &verbosity),
        Command::Fleet(args) => fleet::run(&args, &verbosity),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(_) => manual::page(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_how_it_is_used() {
        fn visit(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command.get_subcommands().for_each(|command| visit(command, &path));
            } else {
                let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(example.contains("Example"), "{path} has an example");
                assert!(command.get_about().is_some(), "{path} says what it does");
            }
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {} says what it does", argument.get_id());
            }
        }
        visit(&Cli::command(), "");
    }

    #[test]
    fn help_knows_the_colour_before_the_rest_is_understood() {
        let choice = |words: &[&str]| help_color(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(choice(&["igorscope", "--color", "never", "--help"]), ColorChoice::Never);
        assert_eq!(choice(&["igorscope", "--color=always"]), ColorChoice::Always);
        assert_eq!(choice(&["igorscope", "--color"]), ColorChoice::Auto);
    }
}
