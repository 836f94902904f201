//! Commands that take a survey.json.

use std::path::PathBuf;

use clap::Args;

use super::HostArgs;

/// Compare two surveys: what is fixed, new, still open, or not seen again.
///
/// Site, times and caveats of both visits come first, then the findings, then the vendor's ports, hosts and conversations.
/// Hosts are compared by address and role, conversations by client, server, transport and port with their verdict and outcome, the vendor's ports by their state, findings by what they are and whom they
/// concern. How many packets there were does not matter. What the later visit did not look at is never called mended: only
/// an answer proves that what was blocked works. Exit status 0 if they are the same, 1 if they differ.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  igorscope analyze -o before monday.pcapng      (then open the firewall)
  igorscope analyze -o after tuesday.pcapng
  igorscope compare before/survey.json after/survey.json
  igorscope compare before/ after/ -o before-and-after.html")]
pub(in crate::cli) struct Compare {
    /// survey.json of the earlier run, or the folder that holds it.
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: PathBuf,
    /// survey.json of the later run, or the folder that holds it.
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: PathBuf,
    /// Write the comparison as a page that opens anywhere, too.
    #[arg(short, long, value_name = "FILE.html", help_heading = "Results")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Merge states of one site into one state, or surveys of several sites into one survey.json.
///
/// States (igorscope observe) add up exactly: analyze of what comes of them is analyze of all their captures. Surveys do
/// not add up: of different sites they join, and of one site (analyze --site-name) they stand side by side, each with its
/// own findings.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope merge monday.igstate tuesday.igstate -o week.igstate
  igorscope merge -o all.json site-*/survey.json")]
pub(in crate::cli) struct Merge {
    /// States, or survey.json files or the folders that hold them.
    #[arg(required = true, value_name = "STATE|SURVEY")]
    pub(in crate::cli) surveys: Vec<PathBuf>,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Render a survey.json again: the summary, the report and the tables, without the captures.
///
/// States and captures are judged first, as `analyze` does.
///
/// Also one that `merge` made; of several sites, each gets a report in a folder of its own, and index.html lists them. What
/// was judged stays as it was: only what rules and ports are called comes from the policy. A survey.json has the frames of
/// findings in their text only, so the report has no table of them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  igorscope report survey.json -o report         report.html and the tables in report/
  igorscope report all.json -o sites             of a merge: sites/index.html, and a folder for each site
  igorscope report monday/                       the summary of the survey.json in that folder
  igorscope report week.igstate --inventory site.toml -o report")]
pub(in crate::cli) struct Report {
    /// survey.json, or the folder that holds it; or states and captures.
    #[arg(required = true, value_name = "SURVEY|STATE|CAPTURE")]
    pub(in crate::cli) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) hosts: HostArgs,
    /// The policy that it was held against, instead of the one that is built in; the report says if it is another.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(in crate::cli) policy: Option<PathBuf>,
    /// Write report.html, flows.csv, findings.csv, coverage.csv, inventory.csv, nodes.csv, and of a survey with --health
    /// health.csv and transfers.csv, into this folder (made if it is not there).
    #[arg(short, long, value_name = "DIR", help_heading = "Results")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// Ask many surveys at once: a page of all sites, worst first, with what changed, from Parquet results.
///
/// DIR holds what `analyze --format parquet -o DIR` wrote, of as many sites and days as there are. DuckDB answers: its program `duckdb`
/// on the path, or its module for Python (python3 -m pip install duckdb). The questions are in fleet/, as SQL for other engines too.
/// Of surveys of the same captures the one judged last counts.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  igorscope analyze --format parquet -o lake --site-name 'Harbour 4' monday/
  igorscope fleet lake -o fleet.html")]
pub(in crate::cli) struct Fleet {
    /// The folder with the tables.
    #[arg(value_name = "DIR")]
    pub(in crate::cli) folder: PathBuf,
    /// The page.
    #[arg(short, long, value_name = "FILE.html", help_heading = "Results")]
    pub(in crate::cli) output: PathBuf,
}
