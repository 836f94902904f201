//! A file in chunks that several threads render and one writes, in their order.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;

/// Renders `count` chunks by `threads` threads, each with a scratch of its own, and writes them in order.
///
/// With one thread the calling one does all; else it only writes, and each other renders every so-many-th chunk. At most
/// two chunks a thread wait to be written, so that memory is bounded. The bytes do not depend on the number of threads.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_in_order<Scratch: Default>(
    out: &mut dyn Write,
    count: usize,
    threads: usize,
    render: impl Fn(usize, &mut Scratch, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    let render = &render;
    let lanes = if threads > 1 { threads.min(count) } else { 0 };
    thread::scope(|scope| {
        let lane = |first| {
            let (rendered, to_write) = mpsc::sync_channel(1);
            let (written, spare) = mpsc::channel::<Vec<u8>>();
            let run = move || {
                let mut scratch = Scratch::default();
                for chunk in (first..count).step_by(lanes) {
                    let mut buffer = spare.try_recv().unwrap_or_default();
                    buffer.clear();
                    render(chunk, &mut scratch, &mut buffer);
                    // The writer is gone if the file failed.
                    if rendered.send(buffer).is_err() {
                        break;
                    }
                }
            };
            // Where no thread can be had, the calling one does its work.
            thread::Builder::new().spawn_scoped(scope, run).ok().map(|_| (to_write, written))
        };
        let lanes: Vec<_> = (0..lanes).map(lane).collect();
        let (mut scratch, mut own) = (Scratch::default(), Vec::new());
        for chunk in 0..count {
            match lanes.get(chunk % lanes.len().max(1)) {
                Some(Some((to_write, written))) => {
                    // A thread that is gone before its time has panicked, which the scope hands on.
                    let Ok(buffer) = to_write.recv() else { break };
                    out.write_all(&buffer)?;
                    let _ = written.send(buffer);
                }
                _ => {
                    own.clear();
                    render(chunk, &mut scratch, &mut own);
                    out.write_all(&own)?;
                }
            }
        }
        Ok(())
    })
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
