//! The block buffer: bytes come by `read()` in large blocks, records are borrowed from it.

use std::io::{self, Cursor, Read};

/// Bytes asked of the source at a time. Large enough that the system call does not count, small
/// enough that the block is still in the cache when its records are decoded.
pub(super) const BLOCK_SIZE: usize = 512 * 1024;

/// Why no more bytes come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The source is at its end.
    Reached,
    /// The file had this many bytes when it was opened and has fewer now.
    Shrunk(u64),
    /// Reading failed; what was said.
    Failed(String),
}

/// What is said of [`End::Shrunk`], when the source ends `at` this offset.
pub(super) fn shrunk(size: u64, at: u64) -> String {
    format!("the file had {size} bytes when it was opened and ends at {at} now")
}

/// A file that had `size` bytes when it was opened: no more is read of it, and less is an error.
struct SizedFile {
    source: Box<dyn Read + Send>,
    at: u64,
    size: u64,
}

impl Read for SizedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.at);
        let count = self.source.by_ref().take(left).read(buffer)?;
        if count == 0 && left > 0 && !buffer.is_empty() {
            return Err(io::Error::other(shrunk(self.size, self.at)));
        }
        self.at += count as u64;
        Ok(count)
    }
}

/// A window on the source. The rest of a record that a block cuts is moved to the front, so every
/// record is handed out in one piece.
pub(super) struct BlockBuffer {
    source: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// The unread bytes are `bytes[start..filled]`.
    pub(super) start: usize,
    filled: usize,
    /// Offset in the capture of `bytes[0]`.
    base: u64,
    /// Read ahead to here, beyond it only to complete a record that begins before it.
    soft_end: u64,
    /// Never read beyond this: the size the file had when it was opened.
    hard_end: u64,
    end: Option<End>,
}

impl BlockBuffer {
    /// A window of `block_size` bytes on a source whose end is not known.
    pub(super) fn new(source: Box<dyn Read + Send>, block_size: usize) -> Self {
        Self {
            source,
            bytes: vec![0; block_size.max(1)],
            start: 0,
            filled: 0,
            base: 0,
            soft_end: u64::MAX,
            hard_end: u64::MAX,
            end: None,
        }
    }

    /// The source is a file of `size` bytes: what is written to it from now on is not read.
    pub(super) fn limit(&mut self, size: u64) {
        self.hard_end = size;
        self.soft_end = size;
    }

    /// Of the file, only the records that begin before `end` are wanted.
    pub(super) fn limit_span(&mut self, end: u64) {
        self.soft_end = end.min(self.hard_end);
    }

    /// The source now stands at `offset`: what was read of it is forgotten.
    pub(super) fn moved_to(&mut self, offset: u64) {
        self.base = offset;
        self.start = 0;
        self.filled = 0;
        self.end = None;
    }

    /// The size it was made with, or has grown to, in bytes.
    pub(super) fn block_size(&self) -> usize {
        self.bytes.len()
    }

    /// What was read and not yet consumed.
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.filled).unwrap_or_default()
    }

    /// All bytes up to the end of what was read, and the place from where on they are unread.
    pub(super) fn split(&mut self) -> (&[u8], &mut usize) {
        (self.bytes.get(..self.filled).unwrap_or_default(), &mut self.start)
    }

    /// Offset in the capture of the first unread byte.
    pub(super) fn position(&self) -> u64 {
        self.base.saturating_add(self.start as u64)
    }

    /// Offset in the capture of the first byte of [`BlockBuffer::split`].
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// Offset in the capture of the byte after the last that was read.
    pub(super) fn read_to(&self) -> u64 {
        self.base.saturating_add(self.filled as u64)
    }

    /// Why the last [`BlockBuffer::fill`] fell short, if it was for good.
    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The source from its beginning, given that nothing was consumed.
    pub(super) fn into_source(self) -> Box<dyn Read + Send> {
        let head = Cursor::new(self.unread().to_vec());
        match self.hard_end {
            u64::MAX => Box::new(head.chain(self.source)),
            size => Box::new(head.chain(SizedFile { at: self.read_to(), source: self.source, size })),
        }
    }

    /// Reads until at least `needed` bytes are unread; `false` if the source ends before.
    ///
    /// The buffer grows only as bytes arrive, so a length that lies costs nothing.
    pub(super) fn fill(&mut self, needed: usize) -> bool {
        loop {
            let unread = self.filled - self.start;
            if unread >= needed {
                return true;
            }
            if self.end.is_some() || (unread == 0 && self.position() >= self.soft_end) {
                return false;
            }
            self.make_room(needed);
            let wanted_end = self.position().saturating_add(needed as u64).max(self.soft_end).min(self.hard_end);
            let wanted = wanted_end.saturating_sub(self.read_to());
            let room = self.bytes.get_mut(self.filled..).unwrap_or_default();
            let room = match usize::try_from(wanted) {
                Ok(wanted) if wanted < room.len() => room.get_mut(..wanted).unwrap_or_default(),
                _ => room,
            };
            if room.is_empty() {
                self.end = Some(End::Reached);
                return false;
            }
            match self.source.read(room) {
                Ok(0) if self.hard_end != u64::MAX => self.end = Some(End::Shrunk(self.hard_end)),
                Ok(0) => self.end = Some(End::Reached),
                Ok(count) => self.filled += count.min(room.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.end = Some(End::Failed(error.to_string())),
            }
        }
    }

    /// Moves the unread bytes to the front, and doubles the buffer when one record fills it.
    fn make_room(&mut self, needed: usize) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.base = self.position();
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.bytes.len() {
            let doubled = self.bytes.len().saturating_mul(2);
            self.bytes.resize(doubled.min(needed).max(self.bytes.len() + 1), 0);
        }
    }
}
