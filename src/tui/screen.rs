//! The terminal itself, and the thread that draws on it and listens to its keys.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, Event, KeyEventKind, MouseButton, MouseEventKind,
};
use ratatui::crossterm::execute;

use super::draw::{draw, tab_at};
use super::{Action, Snapshot, Theme, View};

/// How long a key or a snapshot may wait, at most.
const WAKE: Duration = Duration::from_millis(50);
/// Lines that the wheel moves by.
const WHEEL: isize = 3;
/// A terminal that does not take what is written to it (a stopped one, a connection that hangs) is left
/// to itself after this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// A terminal that shows a survey. Dropped or closed, it is as it was before; so it is after a panic.
#[derive(Debug)]
pub struct Screen {
    snapshots: Option<SyncSender<Snapshot>>,
    thread: Option<JoinHandle<()>>,
    /// Why nothing is shown any more.
    failure: Arc<Mutex<Option<io::Error>>>,
    is_over: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal. `stop` is set when its user ends the survey, or when the terminal is gone.
    ///
    /// # Errors
    /// When the terminal cannot be had.
    pub fn open(theme: Theme, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let (snapshots, incoming) = sync_channel(1);
        let failure = Arc::new(Mutex::new(None));
        let is_over = Arc::new(AtomicBool::new(false));
        // Also restores the terminal on a panic, on whatever thread.
        let terminal = ratatui::try_init()?;
        let (failed, over) = (Arc::clone(&failure), Arc::clone(&is_over));
        let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            let mut view = View::default();
            if let Err(error) = show(terminal, &mut view, &theme, &incoming, &stop) {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                stop.store(true, Ordering::Relaxed);
            }
            if view.mouse {
                let _ = execute!(io::stdout(), DisableMouseCapture);
            }
            let _ = ratatui::try_restore();
            over.store(true, Ordering::Release);
        })?;
        Ok(Self { snapshots: Some(snapshots), thread: Some(thread), failure, is_over })
    }

    /// Shows how the survey stands now.
    ///
    /// # Errors
    /// Why the terminal cannot show anything any more.
    pub fn show(&self, snapshot: Snapshot) -> io::Result<()> {
        if let Some(error) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        if let Some(snapshots) = &self.snapshots {
            // One that hangs does not get more and more to draw; where the user ended the survey, nobody
            // listens any more.
            let _ = snapshots.try_send(snapshot);
        }
        Ok(())
    }

    /// Gives the terminal back.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.snapshots.take());
        let begin = std::time::Instant::now();
        while !self.is_over.load(Ordering::Acquire) && begin.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        // A thread that hangs in a dead terminal must not hold up the results.
        if let Some(thread) = self.thread.take().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.end();
    }
}

/// Draws what comes in and does what is typed, until either ends it.
fn show(
    mut terminal: DefaultTerminal,
    view: &mut View,
    theme: &Theme,
    incoming: &Receiver<Snapshot>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut shown: Option<Snapshot> = None;
    let mut is_due = true;
    loop {
        match newest(incoming) {
            Ok(Some(snapshot)) if !view.is_paused() => {
                view.renew(&snapshot);
                shown = Some(snapshot);
                is_due = true;
            }
            Ok(_) => {}
            Err(()) => return Ok(()),
        }
        if is_due {
            terminal.draw(|frame| draw(frame, view, theme, shown.as_ref()))?;
            is_due = false;
        }
        if !event::poll(WAKE)? {
            continue;
        }
        match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match view.key(key, shown.as_ref()) {
                Action::None => {}
                Action::Draw => is_due = true,
                Action::Mouse(true) => execute!(io::stdout(), EnableMouseCapture)?,
                Action::Mouse(false) => execute!(io::stdout(), DisableMouseCapture)?,
                Action::Quit => {
                    stop.store(true, Ordering::Relaxed);
                    return Ok(());
                }
            },
            Event::Mouse(mouse) => {
                match mouse.kind {
                    MouseEventKind::ScrollDown => view.step(WHEEL, shown.as_ref()),
                    MouseEventKind::ScrollUp => view.step(-WHEEL, shown.as_ref()),
                    MouseEventKind::Down(MouseButton::Left) if mouse.row == 0 => {
                        if let Some(tab) = tab_at(mouse.column) {
                            view.go(tab);
                        }
                    }
                    _ => continue,
                }
                is_due = true;
            }
            Event::Resize(..) => is_due = true,
            _ => {}
        }
    }
}

/// The last of what came, if anything did; an error once nothing can come any more.
fn newest(incoming: &Receiver<Snapshot>) -> Result<Option<Snapshot>, ()> {
    let mut last = None;
    loop {
        match incoming.try_recv() {
            Ok(snapshot) => last = Some(snapshot),
            Err(TryRecvError::Empty) => return Ok(last),
            Err(TryRecvError::Disconnected) => return Err(()),
        }
    }
}
