//! `policy export` and `antivirus`, as they are typed.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::HostArgs;
use crate::export::antivirus::AntivirusFormat;
use crate::export::{Format, Side};

/// A word out of a list of named values.
fn word<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(name))
        .try_map(move |text| all.into_iter().find(|value| name(*value) == text).ok_or("not one of the values"))
}

/// Write the policy as firewall rules, a change request or MUD.
///
/// With an inventory (or --gateway, --node, --bacnet) the rules hold its addresses; without one,
/// roles are placeholders to fill in. What a format cannot express is told on standard error and in
/// the file.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope policy export --format nftables --side firewall --inventory site.toml > igor.nft
  igorscope policy export --format windows --side gateway --inventory site.toml -o rules/
  igorscope policy export --format markdown --side nodes --with-supporting
  igorscope policy export --against results/survey.json --side firewall --inventory site.toml
  igorscope policy export --format nftables --log-only --inventory site.toml > trial.nft
  igorscope policy export --format mud --side nodes > node.json")]
pub(in crate::cli) struct PolicyExport {
    /// What to write.
    #[arg(long, value_name = "FORMAT", required_unless_present = "against", value_parser = word(Format::ALL, Format::name))]
    pub(in crate::cli) format: Option<Format>,
    /// Where the rules are enforced: on the gateway, on the nodes, or on a firewall between.
    #[arg(long, value_name = "SIDE", default_value = "gateway", value_parser = word(Side::ALL, Side::name))]
    pub(in crate::cli) side: Side,
    /// Let through DHCP, DNS, NTP and the other supporting protocols of the policy, too.
    #[arg(long)]
    pub(in crate::cli) with_supporting: bool,
    /// Drop nothing: log what the rules do not let through (nftables, iptables, cisco-ios).
    #[arg(long)]
    pub(in crate::cli) log_only: bool,
    /// List the conversations of this survey that the rules would have dropped; the rules themselves
    /// are then written with -o only.
    #[arg(long, value_name = "SURVEY")]
    pub(in crate::cli) against: Option<PathBuf>,
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(in crate::cli) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) hosts: HostArgs,
    /// Write to this file, or under a name of its own into this folder, instead of standard output.
    #[arg(short, long, value_name = "FILE", requires = "format", help_heading = "Results")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// The vendor's antivirus exclusions for the gateway.
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Antivirus {
    Show(AntivirusShow),
    Export(AntivirusExport),
    Check(AntivirusCheck),
}

/// Print the folders and processes that antivirus software on the gateway must leave alone.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope antivirus show")]
pub(in crate::cli) struct AntivirusShow {
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,
}

/// Write the exclusions for the tool that sets them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope antivirus export --format defender-powershell > exclusions.ps1
  igorscope antivirus export --format gpo-reg -o exclusions.reg")]
pub(in crate::cli) struct AntivirusExport {
    /// What to write.
    #[arg(long, value_name = "FORMAT", value_parser = word(AntivirusFormat::ALL, AntivirusFormat::name))]
    pub(in crate::cli) format: AntivirusFormat,
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Check a machine's exclusions: which are there, missing, misspelt or dangerously broad.
///
/// FILE is what `Get-MpPreference | ConvertTo-Json` printed on the gateway, as Administrator, in
/// UTF-8 or UTF-16. Without FILE, on the gateway itself, that command is run (it only reads). Exit
/// status 0 if every exclusion is there and none is dangerous, 1 if not.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope antivirus check                                  (on the gateway, as Administrator)
  (Get-MpPreference | ConvertTo-Json) > exclusions.json      (in PowerShell, on the gateway)
  igorscope antivirus check exclusions.json                  (anywhere)")]
pub(in crate::cli) struct AntivirusCheck {
    /// The machine's settings; without it, those of this machine.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// A policy file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) policy: Option<PathBuf>,
}
