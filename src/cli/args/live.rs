//! `live` and `interfaces` as they are typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{HostArgs, Output};

#[cfg(not(windows))]
const LIVE_EXAMPLES: &str = "\
Examples:
  igorscope live -i eth1                                     on a mirror port, until Ctrl-C
  igorscope live -i eth1 -w site.pcapng -o report --duration 10m
  igorscope live -i eth1 -i eth2 --gateway 10.20.0.2 -f 'not port 22'
  igorscope live -i eth1 --state /var/lib/igorscope/eth1.igstate --rotate-state 24h
  igorscope live -i eth1 --json | logger -t igorscope        a sensor without a terminal
  sudo igorscope live -i eth1                                where the right to capture is missing";
#[cfg(windows)]
const LIVE_EXAMPLES: &str = "\
Examples:
  igorscope live -i 1                                        on the first of `igorscope interfaces`, until Ctrl-C
  igorscope live -i Realtek -w site.pcapng -o report --duration 10m
  igorscope live -i 10.20.0.9 --gateway 10.20.0.2 -f \"not port 22\"";

/// Survey what an interface carries: the same analysis, while it happens.
///
/// Findings are told as they come, and the results are written at the end: on Ctrl-C, after
/// --duration or --count, or when the interface goes away. Root is given up as soon as the
/// interface is open; nothing is ever sent.
#[derive(Args, Debug)]
#[command(after_help = LIVE_EXAMPLES)]
pub(in crate::cli) struct Live {
    /// Interface to capture on; may be repeated. `any` is all of them, where the system has that.
    ///
    /// Its name, its number in the list of `igorscope interfaces`, one of its addresses, or its description or a part of
    /// that.
    #[arg(short, long, required = true, value_name = "INTERFACE")]
    pub(in crate::cli) interface: Vec<String>,
    /// No terminal view: a line for each finding as it comes, and a status line at each interval.
    #[arg(long, conflicts_with = "json", help_heading = "Display")]
    pub(in crate::cli) plain: bool,
    /// One JSON object a line: finding, flow-end, tick, and end.
    #[arg(long, help_heading = "Display")]
    pub(in crate::cli) json: bool,
    /// Time from one status line to the next: seconds, or with s, m or h behind the number. 10s, with --probe 1m.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Display")]
    pub(in crate::cli) interval: Option<Duration>,
    /// Be a sensor: a folder in DIR for each run, with its packets and results; ends at midnight.
    ///
    /// Whoever started it starts it again (the service igorscope@INTERFACE does). Standard output gets a health line as
    /// JSON each --interval; what DIR holds stays within --keep.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["plain", "json", "write", "output", "format", "xlsx", "ipfix", "evidence"],
          help_heading = "Sensor")]
    pub(in crate::cli) probe: Option<PathBuf>,
    /// With --probe, what all runs together may take of the disk: the oldest packets go first, then the oldest results.
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "8G", requires = "probe", help_heading = "Sensor")]
    pub(in crate::cli) keep: u64,
    /// End after this time: seconds, or with s, m or h behind the number.
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Capture")]
    pub(in crate::cli) duration: Option<Duration>,
    /// End after this many packets.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Capture")]
    pub(in crate::cli) count: Option<u64>,
    /// Capture only what this BPF filter keeps, see pcap-filter(7).
    #[arg(short, long, value_name = "BPF", help_heading = "Capture")]
    pub(in crate::cli) filter: Option<String>,
    /// Write all frames to this pcapng file as well.
    #[arg(short, long, value_name = "FILE", help_heading = "Capture")]
    pub(in crate::cli) write: Option<PathBuf>,
    /// Begin a new file before one grows beyond this size: bytes, or with K, M or G behind the number.
    /// The files are called FILE_00001 and so on.
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "write", help_heading = "Capture")]
    pub(in crate::cli) rotate_size: Option<u64>,
    /// Begin a new file after this time.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "write", help_heading = "Capture")]
    pub(in crate::cli) rotate_time: Option<Duration>,
    /// Begin a new file after this many packets.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), requires = "write",
          help_heading = "Capture")]
    pub(in crate::cli) rotate_count: Option<u64>,
    /// Keep what was observed as a state, which igorscope analyze reads: all flows, none folded.
    ///
    /// Written at each --checkpoint and at the end, aside and then renamed. The states of a week, and of several sensors, are
    /// judged as a whole by igorscope analyze.
    #[arg(long, value_name = "FILE.igstate", help_heading = "Capture")]
    pub(in crate::cli) state: Option<PathBuf>,
    /// Begin a new state after this time: the files are called FILE_00001 and so on. Memory follows one of them.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "state", help_heading = "Capture")]
    pub(in crate::cli) rotate_state: Option<Duration>,
    /// The kernel's buffer for each interface: a larger one drops less when packets come in bursts.
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32M", help_heading = "Capture")]
    pub(in crate::cli) buffer_size: u64,
    /// Longest part of a packet to keep, in bytes. Less than whole packets proves less.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=262_144),
          default_value_t = 262_144, help_heading = "Capture")]
    pub(in crate::cli) snaplen: u32,
    /// Do not ask the interface for packets to others: what a mirror port carries would be missing.
    #[arg(long, help_heading = "Capture")]
    pub(in crate::cli) no_promiscuous: bool,
    /// Count flows that are idle for this time into their conversations, where nothing else rests on them,
    /// so that a week's survey fits the memory.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "5m", help_heading = "Capture")]
    pub(in crate::cli) fold_after: Duration,
    /// With --output, the time from one writing of the results so far to the next: what is there even if
    /// the power fails.
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "60s", help_heading = "Capture")]
    pub(in crate::cli) checkpoint: Duration,
    /// Measure how well it works: how soon devices answer, what is lost and sent again, and who goes silent.
    ///
    /// The terminal view has it as a tab. docs/health.md says what is measured.
    #[arg(long, help_heading = "Capture")]
    pub(in crate::cli) health: bool,
    #[command(flatten)]
    pub(in crate::cli) hosts: HostArgs,
    /// The vendor's documents and the site's own allowances, instead of those built in.
    #[arg(long, value_name = "FILE", help_heading = "Site")]
    pub(in crate::cli) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
    /// For an answer that helps: results that grow cannot be anonymized.
    #[arg(long, hide = true)]
    pub(in crate::cli) anonymize: bool,
}

/// List the interfaces that can be captured on, with their state and addresses.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  igorscope interfaces")]
pub(in crate::cli) struct Interfaces {}

/// `90`, `90s`, `10m`, `2h`.
fn time(text: &str) -> Result<Duration, String> {
    let seconds = scaled(text, &[("s", 1), ("m", 60), ("h", 3600)])
        .ok_or("give a time such as 90, 90s, 10m or 2h, which is more than 0")?;
    Ok(Duration::from_secs(seconds))
}

/// `1000000`, `500K`, `100M`, `2G`, in powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    scaled(text, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)])
        .ok_or_else(|| "give a size such as 1000000, 500K, 100M or 2G, which is more than 0".into())
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1));
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|value| *value > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_take_units() {
        assert_eq!(time("90"), Ok(Duration::from_secs(90)));
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(time("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(size("100M"), Ok(104_857_600));
        for wrong in ["", "0", "m", "-1", "1.5h", "99999999999999999999", "18446744073709551615h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
