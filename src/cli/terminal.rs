//! Standard output: whether it is a terminal, how wide, and whether it takes colours.

use std::io::{self, IsTerminal, Write};
use std::path::{Component, Path};

use clap::ValueEnum;

use super::exit::{Failure, Status};
use crate::report::Terminal;
use crate::text;

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Whether to use colours on a stream that is or is no terminal.
    fn on(self, is_terminal: bool) -> bool {
        let says_no = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Always => {
                takes_escapes();
                true
            }
            Self::Never => false,
            Self::Auto => is_terminal && !says_no("NO_COLOR") && !is_dumb() && takes_escapes(),
        }
    }
}

/// Whether the terminal understands escape sequences. A console of Windows must be asked to, and old ones refuse.
fn takes_escapes() -> bool {
    #[cfg(windows)]
    return anstyle_query::windows::enable_ansi_colors().unwrap_or(false);
    #[cfg(not(windows))]
    true
}

/// What standard output can show.
pub(super) fn of_standard_output(color: Color, all: bool) -> Terminal {
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let size = if is_terminal { terminal_size::terminal_size_of(&stdout) } else { None };
    Terminal {
        width: size.map_or(80, |(width, _)| usize::from(width.0).max(40)),
        color: color.on(is_terminal),
        zone: zone(),
        all,
    }
}

/// Writes a result to standard output. A reader that went away is no failure of ours: see
/// [`Failure::is_broken_pipe`].
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let attempt = || {
        let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        write(&mut out)?;
        out.flush()
    };
    attempt().map_err(|error| {
        let message = format!("cannot write to standard output: {error}");
        Failure { status: Status::Unwritten, error: anyhow::Error::new(error).context(message) }
    })
}

/// Bytes of a time zone's description: the largest have some 4,000.
const LARGEST_ZONE: u64 = 1 << 20;

/// The clock that local times are told by: that of TZ, else of the system. A file that TZ names is read no further than a
/// zone's description goes (it may be a device without an end); what is none is UTC.
pub(super) fn zone() -> jiff::tz::TimeZone {
    let wanted = std::env::var("TZ").unwrap_or_default();
    let file = Path::new(wanted.trim_start_matches(':'));
    if file.is_absolute() {
        return zone_of(file).unwrap_or(jiff::tz::TimeZone::UTC);
    }
    // A name that leads out of the system's zones names no zone.
    let leads_out = file.components().any(|part| part == Component::ParentDir);
    if leads_out { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() }
}

fn zone_of(file: &Path) -> Option<jiff::tz::TimeZone> {
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let bytes = text::beginning(file, LARGEST_ZONE).ok()?;
    jiff::tz::TimeZone::tzif("local", &bytes).ok()
}
