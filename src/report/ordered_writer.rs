//! A file in chunks that several threads render and one writes, in their order.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{mem, thread};

/// Renders `count` chunks by `threads` threads, each with a scratch of its own, and writes them in order.
///
/// The calling thread writes whatever is due and renders else; the others render whatever comes next. At most two
/// chunks a thread wait to be written, so that memory is bounded. The bytes do not depend on the number of threads.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_in_order<Scratch: Default>(
    out: &mut dyn Write,
    count: usize,
    threads: usize,
    render: impl Fn(usize, &mut Scratch, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    let threads = threads.min(count).max(1);
    let desk =
        ReorderBuffer { count, most: 2 * threads, state: Mutex::default(), room: Condvar::new(), due: Condvar::new() };
    thread::scope(|scope| {
        // However this thread leaves, the others are not left waiting.
        let _closing = CloseGuard(&desk);
        for _ in 1..threads {
            // Where no thread can be had, the others do its work.
            let _ = thread::Builder::new().spawn_scoped(scope, || desk.render(&render));
        }
        desk.write(out, &render)
    })
}

/// Where the threads meet.
struct ReorderBuffer {
    /// Chunks in all.
    count: usize,
    /// Chunks that may be begun and not yet written.
    most: usize,
    state: Mutex<ReorderState>,
    /// A chunk was written: another one may be begun.
    room: Condvar,
    /// The chunk that is to be written next was rendered, or never will be.
    due: Condvar,
}

#[derive(Default)]
struct ReorderState {
    written: usize,
    /// The chunks after those that were written, as far as they are begun; `None` until they are rendered.
    begun: VecDeque<Option<Vec<u8>>>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    /// Nobody is to go on.
    closed: bool,
}

/// What the writing thread does next.
enum NextStep {
    Write(Vec<u8>),
    Render(usize, Vec<u8>),
    End,
}

impl ReorderBuffer {
    fn state(&self) -> MutexGuard<'_, ReorderState> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the next chunk, if one is left and there is room for it.
    fn begin(&self, state: &mut ReorderState) -> Option<(usize, Vec<u8>)> {
        let next = state.written + state.begun.len();
        if next >= self.count || state.begun.len() >= self.most {
            return None;
        }
        state.begun.push_back(None);
        Some((next, state.spare.pop().unwrap_or_default()))
    }

    /// Hands in a chunk.
    fn rendered(&self, chunk: usize, buffer: Vec<u8>) {
        let mut state = self.state();
        let at = chunk - state.written;
        if let Some(place) = state.begun.get_mut(at) {
            *place = Some(buffer);
        }
        if at == 0 {
            self.due.notify_one();
        }
    }

    /// A thread that only renders.
    fn render<Scratch: Default>(&self, render: &impl Fn(usize, &mut Scratch, &mut Vec<u8>)) {
        let closing = CloseGuard(self);
        let mut scratch = Scratch::default();
        let mut state = self.state();
        while !state.closed && state.written + state.begun.len() < self.count {
            let Some((chunk, mut buffer)) = self.begin(&mut state) else {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            render(chunk, &mut scratch, &mut buffer);
            self.rendered(chunk, buffer);
            state = self.state();
        }
        // Nothing is left to be begun; what was begun is still to be written.
        mem::forget(closing);
    }

    /// The thread that writes.
    fn write<Scratch: Default>(
        &self,
        out: &mut dyn Write,
        render: &impl Fn(usize, &mut Scratch, &mut Vec<u8>),
    ) -> io::Result<()> {
        let mut scratch = Scratch::default();
        loop {
            match self.turn() {
                NextStep::Write(mut buffer) => {
                    out.write_all(&buffer)?;
                    buffer.clear();
                    self.state().spare.push(buffer);
                }
                NextStep::Render(chunk, mut buffer) => {
                    render(chunk, &mut scratch, &mut buffer);
                    self.rendered(chunk, buffer);
                }
                NextStep::End => return Ok(()),
            }
        }
    }

    /// What is due is written first; while nothing is, one more is rendered, and if none may be, waited for.
    fn turn(&self) -> NextStep {
        let mut state = self.state();
        loop {
            if state.written == self.count || state.closed {
                return NextStep::End;
            }
            if let Some(buffer) = state.begun.front_mut().and_then(Option::take) {
                state.begun.pop_front();
                state.written += 1;
                self.room.notify_one();
                return NextStep::Write(buffer);
            }
            if let Some((chunk, buffer)) = self.begin(&mut state) {
                return NextStep::Render(chunk, buffer);
            }
            state = self.due.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.room.notify_all();
        self.due.notify_all();
    }
}

/// Closes the desk when it is dropped, by a panic too: the scope that the threads are in then panics as well.
struct CloseGuard<'a>(&'a ReorderBuffer);

impl Drop for CloseGuard<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::Full;

    fn number(chunk: usize, calls: &mut usize, buffer: &mut Vec<u8>) {
        *calls += 1;
        // Those that are far apart take unlike long.
        thread::sleep(std::time::Duration::from_micros(chunk as u64 % 7 * 30));
        writeln!(buffer, "{chunk}").unwrap();
    }

    #[test]
    fn chunks_come_in_order_whatever_the_number_of_threads() {
        for count in [0, 1, 2, 3, 200] {
            let expected: String = (0..count).map(|chunk| format!("{chunk}\n")).collect();
            for threads in [1, 2, 3, 8] {
                let mut out = Vec::new();
                write_in_order(&mut out, count, threads, number).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{count} chunks, {threads} threads");
            }
        }
    }

    #[test]
    fn an_error_of_the_file_ends_all_threads() {
        for threads in [1, 2, 5] {
            let error = write_in_order(&mut Full(20), 1000, threads, number).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn a_panic_of_any_thread_ends_all_and_is_not_lost() {
        for threads in [1, 2, 5] {
            for bad in [0, 1, 50] {
                let panicked = std::panic::catch_unwind(|| {
                    write_in_order(&mut io::sink(), 100, threads, |chunk, calls, buffer| {
                        assert_ne!(chunk, bad);
                        number(chunk, calls, buffer);
                    })
                });
                assert!(panicked.is_err(), "{threads} threads, chunk {bad}");
            }
        }
    }
}
