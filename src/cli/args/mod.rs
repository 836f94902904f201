//! The command line as it is typed: plain structures, nothing checked beyond their form.

mod export;
#[cfg(feature = "live")]
mod live;
mod surveys;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use export::{Antivirus, AntivirusCheck, AntivirusExport, AntivirusShow, PolicyExport};
pub(super) use surveys::{Compare, Fleet, Merge, Report};

use super::memory::usual_flows;
use super::terminal::Color;
use crate::flow::Limits;
#[cfg(feature = "live")]
pub(super) use live::{Interfaces, Live};

/// Classifies the network traffic of Igor PoE lighting systems, passively.
///
/// igorscope reads packet captures, works out which host spoke to which on what port, and holds
/// that against the vendor's port document: what is documented, what is not, what is blocked, and
/// what was never seen. It never sends a packet, unless --ipfix-to asks for it.
#[derive(Parser, Debug)]
#[command(name = "igorscope", version, max_term_width = 100)]
#[command(after_help = "\
Examples:
  igorscope analyze survey/                      every capture in a folder, summary on the terminal
  igorscope analyze -o report monday.pcapng      the same, and report.html and the tables in report/
  tcpdump -i eth0 -w - | igorscope analyze -     a capture as it is made

Exit status: 0 good, 1 findings at or above --fail-on (or a check that failed, surveys that differ),
2 wrong usage or unusable input, 3 part of the input damaged, 4 a result could not be written.")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options that every command has: their own help comes after that of the command's.
const GENERAL: &str = "General";

/// How much is said, and in which colours.
#[derive(Args, Debug)]
pub(super) struct Verbosity {
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GENERAL)]
    pub(super) quiet: bool,
    /// Show every finding in full, every conversation and input, not just the first ones.
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub(super) verbose: bool,
    /// Colours: on a terminal, always or never. NO_COLOR in the environment means never.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, help_heading = GENERAL)]
    pub(super) color: Color,
}

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Analyze(Box<Analyze>),
    Observe(Box<Observe>),
    #[cfg(feature = "live")]
    Live(Box<Live>),
    #[cfg(feature = "live")]
    Interfaces(Interfaces),
    #[command(subcommand)]
    Inventory(Inventory),
    #[command(subcommand)]
    Policy(Policy),
    #[command(subcommand)]
    Antivirus(Antivirus),
    Compare(Compare),
    Explain(Box<Explain>),
    Merge(Merge),
    Report(Report),
    Path(Box<Path>),
    Fleet(Fleet),
    Completions(Completions),
    Man(Man),
}

/// Analyze captures: who spoke to whom, and what the vendor's document says of it.
///
/// Reads pcap and pcapng files, plain or compressed (gzip, zstd, xz), whatever their names. The
/// summary goes to standard output; with --output, all results go to files as well.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope analyze monday.pcapng tuesday.pcapng.gz
  igorscope analyze --gateway 10.20.0.2 --node 10.20.0.16/28 survey/
  igorscope analyze --inventory site.toml -o report survey/
  igorscope analyze --format csv monday.pcapng > flows.csv
  igorscope analyze -o report --xlsx report/survey.xlsx --evidence report/evidence.pcapng survey/
  igorscope analyze -o for-the-vendor --anonymize --evidence for-the-vendor/evidence.pcapng survey/
  igorscope analyze --inventory site.toml monday.igstate tuesday.pcapng    a state takes its captures' place
  igorscope analyze --fail-on alert -q nightly.pcapng || mail -s 'igorscope' it@example.com")]
pub(super) struct Analyze {
    #[command(flatten)]
    pub(super) survey: SurveyArgs,
    #[command(flatten)]
    pub(super) output: Output,
    /// Replace addresses, MAC addresses and names in every result, and cut payload from the evidence.
    ///
    /// For those outside: the same is replaced by the same everywhere, networks stay networks, private addresses
    /// stay private, and verdicts stay what they are. Groups and loopback addresses stay. Each run has a key of
    /// its own, which is thrown away, unless --anonymize-key gives one.
    #[arg(long, help_heading = "Results")]
    pub(super) anonymize: bool,
    /// A file with the key: 32 bytes, or 64 hexadecimal digits. The same key gives the same replacements again.
    #[arg(long, value_name = "FILE", help_heading = "Results", requires = "anonymize")]
    pub(super) anonymize_key: Option<PathBuf>,
}

/// Observe captures without judging them: what was seen, in one small file, a state.
///
/// A state takes the place of its captures: analyze, explain, inventory infer and merge read states and captures in any
/// mix, and days and sensors of one site are judged as a whole, under this policy or another. It holds no frames, no policy
/// and no inventory; addresses and names of files are in it, payload is not, but for a stream's first 32 bytes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope observe monday/ -o monday.igstate
  igorscope analyze --inventory site.toml -o report *.igstate     all days as one survey
  igorscope analyze monday.igstate tuesday.pcapng                 a state and a capture
  ssh sensor2 igorscope observe - -o /dev/stdout < today.pcapng > sensor2.igstate")]
pub(super) struct Observe {
    /// Captures: files, folders (searched with those below them), or - for standard input; states are taken over.
    #[arg(required = true, value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
    /// Write the state to this file, which is replaced only when the new one is whole.
    #[arg(short, long, value_name = "FILE.igstate", required = true)]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

/// What is read and what it is held against.
#[derive(Args, Debug)]
pub(super) struct SurveyArgs {
    /// Captures and states, in any mix: files, folders (searched with those below them), or - for standard input.
    #[arg(required = true, value_name = "CAPTURE|STATE")]
    pub(super) captures: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) hosts: HostArgs,
    /// The vendor's documents and the site's own allowances, instead of those built in.
    ///
    /// A TOML file; `extends = "igor"` at its top adds to the vendor's documents, and
    /// `igorscope policy show` prints them. Or a device's own description, a MUD file (RFC 8520,
    /// JSON). `igorscope policy check FILE` tells what is wrong.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(super) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

/// How much is read, and by what means.
#[derive(Args, Debug, Default)]
pub(super) struct ReadingArgs {
    /// Stop after this many packets.
    #[arg(short, long, value_name = "N", help_heading = "Reading", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Take only the packets that a BPF filter keeps, such as "host 10.0.0.7 and udp" (pcap-filter(7); needs libpcap).
    #[arg(short, long, value_name = "BPF", help_heading = "Reading")]
    pub(super) filter: Option<String>,
    /// Threads to use; all cores by default. The result does not depend on it.
    #[arg(short = 'j', long, value_name = "N", help_heading = "Reading")]
    pub(super) threads: Option<NonZeroUsize>,
    /// Measure how well it works: how soon devices answer, what is lost and sent again, and who goes silent.
    ///
    /// It reads with one thread, and a large capture takes up to twice as long. docs/health.md says what is measured.
    #[arg(long, help_heading = "Reading")]
    pub(super) health: bool,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// How much the tables may hold, so that a hostile or endless capture cannot take all memory.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Reading")]
pub(super) struct LimitArgs {
    /// Keep at most N flows of each address family; a flow takes some 600 bytes in all.
    ///
    /// The default follows the memory of the machine, or of its control group: one flow for each 1,024 bytes, rounded down
    /// to a power of two. survey.json says which limit was in force.
    ///
    /// Packets of flows beyond it are counted, and the report says so; which flows they are may depend on --threads.
    /// It limits the inventory as well: hosts are the ends of flows and at most 65,536 addresses that ARP told of.
    #[arg(long, value_name = "N")]
    pub(super) max_flows: Option<NonZeroUsize>,
    /// Keep at most N fragments until the end, those of the lowest datagrams; the report says if there were more.
    #[arg(long, value_name = "N")]
    pub(super) max_fragments: Option<NonZeroUsize>,
}

impl LimitArgs {
    pub(super) fn limits(self, health: bool) -> Limits {
        let usual = Limits::default();
        Limits {
            flows: self.max_flows.map_or_else(usual_flows, NonZeroUsize::get),
            fragments: self.max_fragments.map_or(usual.fragments, NonZeroUsize::get),
            health,
        }
    }
}

/// Which host is what. A is an address, a CIDR block, a range A-B, a MAC address or a MAC prefix.
#[derive(Args, Debug)]
#[command(next_help_heading = "Site")]
pub(super) struct HostArgs {
    /// The Igor gateway: address, CIDR block, range A-B, MAC or MAC prefix; may be repeated.
    #[arg(long, value_name = "A")]
    pub(super) gateway: Vec<String>,
    /// Igor nodes, likewise.
    #[arg(long, value_name = "A")]
    pub(super) node: Vec<String>,
    /// Third-party BACnet/IP systems, likewise.
    #[arg(long, value_name = "A")]
    pub(super) bacnet: Vec<String>,
    /// Addresses of the site: ours, not external; may be repeated.
    ///
    /// Private addresses (RFC 1918, 100.64.0.0/10, link-local, unique local) are the site's anyway.
    #[arg(long, value_name = "CIDR")]
    pub(super) site: Vec<String>,
    /// A label for the site; keeps sites apart when surveys are merged.
    #[arg(long, value_name = "LABEL")]
    pub(super) site_name: Option<String>,
    /// A TOML or CSV file that says which host is what.
    ///
    /// Without it and the flags above, roles are inferred from the traffic, and the report says so.
    /// `igorscope inventory infer` writes a draft to correct.
    #[arg(long, value_name = "FILE")]
    pub(super) inventory: Option<PathBuf>,
}

impl SurveyArgs {
    /// The files that are read, and the folders that are searched.
    pub(super) fn files(&self) -> impl Iterator<Item = &std::path::Path> {
        let files = [&self.hosts.inventory, &self.policy].into_iter().flatten();
        self.captures.iter().chain(files).map(PathBuf::as_path)
    }
}

impl HostArgs {
    /// Whether any of them was given.
    pub(super) fn says_anything(&self) -> bool {
        let lists = [&self.gateway, &self.node, &self.bacnet, &self.site];
        lists.iter().any(|list| !list.is_empty()) || self.site_name.is_some() || self.inventory.is_some()
    }
}

/// Where results go.
#[derive(Args, Debug)]
#[command(next_help_heading = "Results")]
pub(super) struct Output {
    /// Write the results as files into this folder (made if it is not there).
    ///
    /// flows.csv, findings.csv, coverage.csv, inventory.csv, nodes.csv, survey.json and report.html, with --health
    /// health.csv and transfers.csv as well; files of these names are replaced, each only when the new one is whole.
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Which results: csv, json, ndjson, html, text, parquet, joined by commas.
    ///
    /// Default: text, and with --output all of them but ndjson and parquet. Without --output one of them goes to standard
    /// output, where csv means flows.csv. Text always goes to standard output.
    #[arg(long, value_name = "FORMAT", value_enum, value_delimiter = ',')]
    pub(super) format: Vec<Format>,
    /// Write the frames of the findings into this file, each with a comment that names its finding.
    ///
    /// A pcapng file that Wireshark opens; the captures are read a second time for it, and must still be
    /// what was analyzed. Standard input is kept in a temporary file until then.
    #[arg(long, value_name = "FILE.pcapng")]
    pub(super) evidence: Option<PathBuf>,
    /// Write findings, coverage, nodes, inventory and flows as the sheets of an Excel workbook, with --health response times
    /// and transfers too.
    ///
    /// With filters and colours, for who sorts and forwards. A sheet takes 1,048,575 flows; the workbook says if
    /// there were more.
    #[arg(long, value_name = "FILE.xlsx")]
    pub(super) xlsx: Option<PathBuf>,
    /// Write the flows as an IPFIX file (RFC 5655), both directions in a record (RFC 5103).
    #[arg(long, value_name = "FILE")]
    pub(super) ipfix: Option<PathBuf>,
    /// Send the flows to an IPFIX collector by UDP: an address with its port, such as 192.0.2.7:4739.
    ///
    /// This is the only thing that igorscope ever sends, and only where it is asked for by this option: one datagram for
    /// some ten flows, when all is judged; `live` sends them when the survey has ended and no longer captures. The address
    /// is a literal one, so that no name is looked up.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) ipfix_to: Option<SocketAddr>,
    /// Exit with status 1 if nothing was judged, or if there are findings of this severity or above.
    ///
    /// Each fails on what stands before it too: unjudged only where nothing was judged, alert on that and on alerts.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t)]
    pub(super) fail_on: FailOn,
}

/// A kind of result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub(super) enum Format {
    /// Tables: flows, findings, coverage, inventory, nodes, and with --health health and transfers.
    Csv,
    /// survey.json: everything, for scripts, compare and merge.
    Json,
    /// flows.ndjson: the flows of survey.json, one a line.
    Ndjson,
    /// report.html: everything for people, in one page that opens anywhere.
    Html,
    /// The summary for people.
    Text,
    /// Columnar files for engines that ask many surveys at once: TABLE/day=.../site=.../SURVEY_ID.parquet.
    Parquet,
}

/// What makes the exit status 1; each fails on all before it too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, ValueEnum)]
pub(super) enum FailOn {
    /// What was found does not matter to the exit status.
    #[default]
    Never,
    /// Nothing was judged: the capture shows no exchange of Igor's hosts.
    Unjudged,
    /// Alerts.
    Alert,
    /// Warnings.
    Warning,
    /// Any finding.
    Notice,
}

/// Tell which host is what.
#[derive(Subcommand, Debug)]
pub(super) enum Inventory {
    Infer(Box<InventoryInfer>),
    Check(InventoryCheck),
}

/// Write a draft inventory from the traffic, to be corrected and given to --inventory.
///
/// Each entry says what speaks for it and how sure that is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope inventory infer survey/ > site.toml
  igorscope inventory infer --gateway 10.20.0.2 -o site.toml monday.pcapng")]
pub(super) struct InventoryInfer {
    #[command(flatten)]
    pub(super) survey: SurveyArgs,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(super) output: Option<PathBuf>,
}

/// Check an inventory file: exit status 0 if it is good, 1 with every mistake and its line if not.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope inventory check site.toml")]
pub(super) struct InventoryCheck {
    /// The inventory, TOML or CSV.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

/// Show, check or export the rules that traffic is held against.
#[derive(Subcommand, Debug)]
pub(super) enum Policy {
    Show(PolicyShow),
    Check(PolicyCheck),
    Export(PolicyExport),
}

/// Show the policy: the vendor's documents, the site's allowances, supporting protocols, severities.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope policy show                          the policy that is built in
  igorscope policy show --toml > site.toml       a file of one's own to start from, for --policy
  igorscope policy show --toml --policy device.json > device.toml        the same from a MUD file")]
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
#[command(after_help = "\
Examples:
  igorscope policy check site-policy.toml
  igorscope policy check device.json             a MUD file; also tells what a policy does not keep of it
  igorscope policy check --local                 on the gateway: its own firewall and listening ports
  igorscope policy check --local=gateway/        the same of what the gateway's tools printed into files there")]
pub(super) struct PolicyCheck {
    /// The policy, TOML, or a device's own description, a MUD file (RFC 8520, JSON).
    #[arg(value_name = "FILE", required_unless_present = "local")]
    pub(super) file: Option<PathBuf>,
    /// Hold the gateway's own Windows firewall and listening ports against the vendor's table.
    ///
    /// Read only, by what Windows' own tools print (reg, netstat, tasklist): which documented ports no rule lets through, which
    /// rules let in more, what listens beside them. DIR holds firewall.txt, firewall-policy.txt, netstat.txt and
    /// tasklist.txt of another machine. Exit status 0 if every documented port gets through, 1 if not.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub(super) local: Option<Option<PathBuf>>,
}

/// Explain a verdict: which cell, allowance or relation decided, and what would make it documented.
///
/// It takes a flow of flows.csv (f17), a finding by the number that the summary and findings.csv have (3), a kind of finding
/// (blocked), a host, or a port (udp/5683), which needs the policy only. A survey.json says what its policy said; captures
/// are analyzed anew.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope explain udp/5683
  igorscope explain 3 report/
  igorscope explain f17 report/survey.json
  igorscope explain 1 --inventory site.toml survey/")]
pub(super) struct Explain {
    /// A flow (f17), a finding (3) or a kind of them (blocked), a port (udp/5683), or a host by its address, MAC or name.
    #[arg(value_name = "FLOW|FINDING|PORT|HOST")]
    pub(super) what: String,
    /// survey.json, the folder that holds it, or captures and states; of a port, what it saw is told too.
    #[arg(value_name = "SURVEY|CAPTURE|STATE")]
    pub(super) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) hosts: HostArgs,
    /// The policy that it was or is held against, instead of the one that is built in.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(super) policy: Option<PathBuf>,
}

/// Find where packets are lost: captures of the same time at two or more places, held against each other.
///
/// A place is a file or a folder, NAME=PATH or called by its file name. Packets are matched by what does not change on their
/// way; clocks are aligned by the traffic itself. For each conversation and direction: what left one place and never came to
/// the next, how long it took, what was duplicated, reordered or changed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope path gateway-switch.pcapng node-switch.pcapng
  igorscope path inside=fw-in.pcap outside=fw-out.pcap -o where
  igorscope path --inventory site.toml gateway=monday/gw/ core=monday/core/ floor3=monday/f3/
  igorscope path --nat 10.20.0.5=192.168.7.5 inside.pcap outside.pcap")]
pub(super) struct Path {
    /// Places: captures or folders of captures of the same minutes.
    #[arg(required = true, value_name = "PLACE")]
    pub(super) places: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) hosts: HostArgs,
    /// The vendor's documents and the site's own allowances, instead of those built in.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(super) policy: Option<PathBuf>,
    /// An address that is another one behind a NAT: A at one place is B at the next; may be repeated.
    #[arg(long, value_name = "A=B", help_heading = "Site")]
    pub(super) nat: Vec<String>,
    /// Write path.csv, path.json and path.html into this folder (made if it is not there).
    #[arg(short, long, value_name = "DIR", help_heading = "Results")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
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
