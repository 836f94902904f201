//! The command line as it is typed: plain structures, nothing checked beyond their form.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::terminal::Color;

/// Classifies the network traffic of Igor PoE lighting systems, passively.
///
/// igorscope reads packet captures, works out which host spoke to which on what port, and holds
/// that against the vendor's port document: what is documented, what is not, what is blocked, and
/// what was never seen. It never sends a packet.
#[derive(Parser, Debug)]
#[command(name = "igorscope", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
Exit status: 0 good, 1 findings at or above --fail-on (or a check that failed, surveys that differ),
2 wrong usage or unusable input, 3 part of the input damaged, 4 a result could not be written.")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) talk: Talk,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// How much is said, and in which colours.
#[derive(Args, Debug)]
pub(super) struct Talk {
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show every finding, conversation and input, not just the first ones.
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Colours: on a terminal, always or never. NO_COLOR in the environment means never.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(super) color: Color,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    #[command(subcommand)]
    Inventory(Inventory),
    #[command(subcommand)]
    Policy(Policy),
    #[command(subcommand)]
    Antivirus(Antivirus),
    Compare(Compare),
    Merge(Merge),
    Completions(Completions),
    Man(Man),
}

/// Tell which host is what.
#[derive(Subcommand, Debug)]
pub(super) enum Inventory {
    Check(InventoryCheck),
}

/// Check an inventory file: exit status 0 if it is good, 1 with every mistake and its line if not.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope inventory check site.toml")]
pub(super) struct InventoryCheck {
    /// The inventory, TOML or CSV.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// Show or check the rules that traffic is held against.
#[derive(Subcommand, Debug)]
pub(super) enum Policy {
    Show(PolicyShow),
    Check(PolicyCheck),
}

/// Show the policy: the vendor's documents, the site's allowances, supporting protocols, severities.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope policy show                          the policy that is built in
  igorscope policy show --toml > site.toml       a file of one's own to start from, for --policy")]
pub(super) struct PolicyShow {
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Print it as the TOML file that --policy reads.
    #[arg(long)]
    pub(super) toml: bool,
}

/// Check a policy file: exit status 0 if it is good, 1 with every mistake, line and column if not.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope policy check site-policy.toml")]
pub(super) struct PolicyCheck {
    /// The policy.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// The vendor's antivirus exclusions for the gateway.
#[derive(Subcommand, Debug)]
pub(super) enum Antivirus {
    Show(AntivirusShow),
}

/// Print the folders and processes that antivirus software on the gateway must leave alone.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope antivirus show")]
pub(super) struct AntivirusShow {
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
}

/// Compare two surveys: what is new, gone or changed.
///
/// Hosts are compared by address and role, conversations by client, server, transport and port with
/// their verdict and outcome, the vendor's ports by their state. How many packets there were does
/// not matter. Exit status 0 if they are the same, 1 if they differ.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  igorscope analyze -o before monday.pcapng      (then open the firewall)
  igorscope analyze -o after tuesday.pcapng
  igorscope compare before/survey.json after/survey.json")]
pub(super) struct Compare {
    /// survey.json of the earlier run, or the folder that holds it.
    #[arg(value_name = "OLD")]
    pub(super) old: PathBuf,
    /// survey.json of the later run, or the folder that holds it.
    #[arg(value_name = "NEW")]
    pub(super) new: PathBuf,
}

/// Merge surveys of several files, days or sites into one survey.json.
///
/// Surveys with the same site label (analyze --site-name) are added up; different sites are kept
/// apart, since private addresses repeat.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope merge monday/survey.json tuesday/survey.json > week.json
  igorscope merge -o all.json site-*/survey.json")]
pub(super) struct Merge {
    /// survey.json files, or the folders that hold them.
    #[arg(required = true, value_name = "SURVEY")]
    pub(super) surveys: Vec<PathBuf>,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(super) output: Option<PathBuf>,
}

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope completions bash > /etc/bash_completion.d/igorscope
  igorscope completions zsh > ~/.zfunc/_igorscope")]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub(super) shell: clap_complete::Shell,
}

/// Print the manual page.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope man > /usr/local/share/man/man1/igorscope.1")]
pub(super) struct Man {}
