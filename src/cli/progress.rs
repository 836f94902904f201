//! How far reading has come, on standard error, where a person looks at it.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::survey::Progress;

const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {wide_bar} {bytes}/{total_bytes}  {msg}  {eta} left";

/// A bar that follows a [`Progress`] until it is dropped.
pub(super) struct Bar {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Shows a bar, if standard error is a terminal and something is to be shown at all.
    /// `total` is how many bytes there are to read, 0 if that is not known.
    pub(super) fn show(progress: &Arc<Progress>, total: u64, quiet: bool) -> Self {
        if quiet || !stderr().is_terminal() {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = channel();
        let progress = Arc::clone(progress);
        let draw = move || {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            let begin = Instant::now();
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let (bytes, frames) = (progress.bytes.load(Ordering::Relaxed), progress.frames.load(Ordering::Relaxed));
                // Compressed input holds more than its file's size promised.
                if bar.length().is_some_and(|length| length < bytes) {
                    bar.set_length(bytes);
                }
                bar.set_position(bytes);
                bar.set_message(format!("{:.0} packets/s", frames as f64 / begin.elapsed().as_secs_f64()));
            }
            bar.finish_and_clear();
        };
        // Where no thread can be had, there is no bar.
        Self { stop: Some(stop), thread: thread::Builder::new().spawn(draw).ok() }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It only draws: how it ended does not matter.
            let _ = thread.join();
        }
    }
}
