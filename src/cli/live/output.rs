//! Whom a live survey speaks to: a person at a terminal, or whoever reads its lines.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::args::Verbosity;
use super::super::exit::Failure;
use super::super::terminal::of_standard_output;
use super::lines::{Display, LinePrinter};
use super::options::LiveOptions;
use super::probe::Disk;
use crate::live::{LiveEnd, Tick, now};
use crate::tui::{Screen, Snapshots, Theme};

/// What a tick is shown by.
pub(super) enum LiveOutput {
    /// Lines on standard output.
    Lines(LinePrinter),
    /// The terminal view.
    Screen(Screen, Snapshots),
}

impl LiveOutput {
    /// `stop` is for a person to set.
    pub(super) fn open(options: &LiveOptions, verbosity: &Verbosity, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        if options.display != Display::View {
            return Ok(Self::Lines(LinePrinter::new(
                options.display,
                options.interval,
                options.fold_after,
                verbosity.quiet,
            )));
        }
        let terminal = of_standard_output(verbosity.color, false);
        let theme = Theme { color: terminal.color, zone: terminal.zone };
        let screen = Screen::open(theme, Arc::clone(stop))?;
        Ok(Self::Screen(screen, Snapshots::default()))
    }

    pub(super) fn tick(&mut self, tick: Tick, disk: Option<Disk>) -> Result<(), Failure> {
        match self {
            Self::Lines(show) => show.tick(&tick, disk),
            Self::Screen(screen, snapshots) => screen
                .show(snapshots.take(tick, now()))
                .map_err(|error| Failure::unwritten(format!("the terminal went away: {error}"))),
        }
    }

    /// What is left to be told; gives the terminal back.
    pub(super) fn end(self, end: &LiveEnd) -> Result<(), Failure> {
        match self {
            Self::Lines(mut show) => show.end(end),
            Self::Screen(screen, _) => {
                screen.close();
                Ok(())
            }
        }
    }
}
