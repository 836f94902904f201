//! Makes the sample captures, and big ones for benchmarks.
//!
//! ```text
//! cargo run --release --example generate -- samples captures
//! cargo run --release --example generate -- load lighting --packets 10000000 -o lighting.pcap
//! cargo run --release --example generate -- load small64 --bytes 10G --format pcapng | igorscope analyze -
//! ```

mod seeds;
mod traffic;
mod walk;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum};
use traffic::file::Format;
use traffic::load::{Limit, Mix};

#[derive(Parser)]
#[command(about = "Makes sample captures and big captures for benchmarks; the same bytes on every machine")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    Pcap,
    Pcapng,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the samples of captures/ and their inventory.
    Samples {
        /// The folder.
        #[arg(default_value = "captures")]
        folder: PathBuf,
    },
    /// Writes the fuzz targets' first inputs, made from captures/.
    Seeds {
        /// The folder; each target has one in it.
        #[arg(default_value = "fuzz/corpus")]
        folder: PathBuf,
    },
    /// Reads a pcap file from record to record and counts, the yardstick of the benchmarks.
    Walk { file: PathBuf },
    /// Streams a big capture.
    Load {
        mix: Mix,
        /// Stop after so many packets.
        #[arg(long, value_parser = number)]
        packets: Option<u64>,
        /// Stop when the file has so many bytes (K, M and G are powers of 1,000).
        #[arg(long, value_parser = number)]
        bytes: Option<u64>,
        #[arg(long, value_enum, default_value = "pcap")]
        format: FormatName,
        /// How many flows `mtu` (10,000) and `small64` (1,000,000) spread their packets over.
        #[arg(long, value_parser = number)]
        flows: Option<u64>,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The file; `-` for standard output.
        #[arg(short, long, default_value = "-")]
        output: PathBuf,
    },
}

/// A number with an optional K, M or G.
fn number(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) if text.ends_with('K') => (digits, 1_000),
        Some(digits) if text.ends_with('M') => (digits, 1_000_000),
        Some(digits) => (digits, 1_000_000_000),
        None => (text, 1),
    };
    let value = digits.parse::<u64>().ok().and_then(|value| value.checked_mul(scale));
    value.ok_or_else(|| format!("expected a number such as 5000, 10M or 2G, not `{text}`"))
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<()> {
    match command {
        Command::Samples { folder } => {
            fs::create_dir_all(&folder)?;
            for sample in traffic::samples() {
                fs::write(folder.join(sample.name), &sample.bytes)?;
                println!("{} ({} bytes)", folder.join(sample.name).display(), sample.bytes.len());
            }
            Ok(())
        }
        Command::Seeds { folder } => {
            let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
            println!("{} seeds in {}", seeds::write(&captures, &folder)?, folder.display());
            Ok(())
        }
        Command::Walk { file } => {
            println!("{} packets", walk::count(&file)?);
            Ok(())
        }
        Command::Load { mix, packets, bytes, format, flows, seed, output } => {
            if packets.is_none() && bytes.is_none() {
                return Err(io::Error::other("say how much: --packets or --bytes"));
            }
            let limit = Limit { packets: packets.unwrap_or(u64::MAX), bytes: bytes.unwrap_or(u64::MAX) };
            let format = match format {
                FormatName::Pcap => Format::Pcap,
                FormatName::Pcapng => Format::Pcapng,
            };
            let flows = flows.unwrap_or(if mix == Mix::Mtu { 10_000 } else { 1_000_000 }).max(1);
            let mut to: Box<dyn Write> = if output.as_os_str() != "-" {
                Box::new(File::create(&output)?)
            } else if io::stdout().is_terminal() {
                return Err(io::Error::other("a capture is no text for a terminal: say -o FILE, or pipe it on"));
            } else {
                Box::new(io::stdout().lock())
            };
            let start = Instant::now();
            let totals = traffic::load::write(&mut to, mix, format, limit, flows, seed)?;
            let rate = totals.packets as f64 / start.elapsed().as_secs_f64() / 1e6;
            let mean = totals.wire_bytes / totals.packets.max(1);
            eprintln!(
                "{} packets of {mean} bytes on average, {} bytes, {rate:.1} million packets a second",
                totals.packets, totals.file_bytes
            );
            Ok(())
        }
    }
}
