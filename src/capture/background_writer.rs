//! A file that a thread of its own writes, so that whoever captures does not wait for the disk: a write may take longer
//! than the kernel's ring has room for.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes that are handed to the thread at a time.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for the disk: 64 MiB. Beyond that, whoever writes waits.
const WAITING: usize = 256;

/// Writes behind the caller's back. [`Write::flush`] hands over what there is and does not wait until it is written:
/// what [`BackgroundWriter::close`] returns does.
#[derive(Debug)]
pub struct BackgroundWriter {
    piece: Vec<u8>,
    pieces: Option<SyncSender<Vec<u8>>>,
    /// Pieces that were written, to be filled again.
    empty: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// A file to whose end the thread is still writing.
#[derive(Debug)]
pub struct PendingClose(Option<JoinHandle<io::Result<()>>>);

impl BackgroundWriter {
    /// Starts the thread that writes to a file.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn new(file: File) -> io::Result<Self> {
        let (pieces, to_write) = sync_channel(WAITING);
        let (written, empty) = sync_channel(WAITING);
        let thread =
            thread::Builder::new().name("writer".to_owned()).spawn(move || write(file, &to_write, &written))?;
        Ok(Self { piece: new_piece(), pieces: Some(pieces), empty, thread: Some(thread) })
    }

    /// Nothing more is written.
    ///
    /// # Errors
    /// Those of the writing so far.
    pub fn close(mut self) -> io::Result<PendingClose> {
        self.hand_over()?;
        self.pieces = None;
        Ok(PendingClose(self.thread.take()))
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let next = self.empty.try_recv().unwrap_or_else(|_| new_piece());
        let piece = mem::replace(&mut self.piece, next);
        match &self.pieces {
            Some(pieces) if pieces.send(piece).is_ok() => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Why the thread ended before it was told to.
    fn failure(&mut self) -> io::Error {
        self.pieces = None;
        let gone = || io::Error::other("the thread that writes is gone");
        join(self.thread.take()).err().unwrap_or_else(gone)
    }
}

impl Write for BackgroundWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()
    }
}

/// Whoever forgets to close waits here, so that nothing is lost.
impl Drop for BackgroundWriter {
    fn drop(&mut self) {
        let _ = self.hand_over();
        self.pieces = None;
        let _ = join(self.thread.take());
    }
}

impl PendingClose {
    /// Waits until everything is written.
    ///
    /// # Errors
    /// Those of the writing.
    pub fn wait(mut self) -> io::Result<()> {
        join(self.0.take())
    }

    /// Whether waiting would take no time.
    pub fn is_done(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// With room for what is longer than a piece by its last frame.
fn new_piece() -> Vec<u8> {
    Vec::with_capacity(PIECE + (PIECE >> 2))
}

fn write(mut file: File, pieces: &Receiver<Vec<u8>>, written: &SyncSender<Vec<u8>>) -> io::Result<()> {
    for mut piece in pieces {
        file.write_all(&piece)?;
        piece.clear();
        // Where nobody takes it, it goes.
        let _ = written.try_send(piece);
    }
    Ok(())
}

fn join(thread: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    let failed = |_| Err(io::Error::other("the thread that writes failed"));
    thread.map_or(Ok(()), |thread| thread.join().unwrap_or_else(failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut behind = BackgroundWriter::new(File::create(&path).unwrap()).unwrap();
        let bytes: Vec<u8> = (0..3 * PIECE as u32 + 7).map(|at| (at % 251) as u8).collect();
        for part in bytes.chunks(1000) {
            behind.write_all(part).unwrap();
        }
        behind.flush().unwrap();
        behind.close().unwrap().wait().unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes);
    }

    /// `/dev/full` answers every write as a full disk does.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told() {
        let mut behind = BackgroundWriter::new(File::options().write(true).open("/dev/full").unwrap()).unwrap();
        let failed = (0..4 * WAITING).find_map(|_| behind.write_all(&[0; PIECE]).err());
        let error = failed.or_else(|| behind.flush().err()).expect("the disk is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
