//! gzip, zstd and xz: unpacked on a thread of its own, handed over in a few bounded buffers.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes in a buffer that is handed over.
const CHUNK: usize = 256 * 1024;
/// Buffers that may wait to be read.
const WAITING: usize = 4;
/// The largest window or dictionary that is accepted; what `zstd --ultra -22` and `xz -9` need fits.
const WINDOW_LIMIT: u32 = 128 * 1024 * 1024;
/// What the xz decoder needs beside its dictionary, in bytes.
const XZ_OVERHEAD: u32 = 1024 * 1024;

/// How a file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Xz,
}

impl Compression {
    /// By the first bytes.
    pub(super) fn recognise(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A frame, or a skippable frame in front of it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            _ => None,
        }
    }

    /// `gzip`, `zstd`, `xz`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }

    fn decoder(self, source: Counted) -> Box<dyn Read> {
        let source = BufReader::with_capacity(CHUNK, source);
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(source)),
            Self::Zstd => Box::new(ZstdFrames::new(source)),
            Self::Xz => Box::new(XzReader::new_mem_limit(source, true, (WINDOW_LIMIT + XZ_OVERHEAD) / 1024)),
        }
    }
}

/// Counts what is read of the compressed source, for the progress display and for messages.
struct Counted {
    source: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The unpacked bytes of a source that is unpacked on another thread.
pub(super) struct Unpacked {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    current: Vec<u8>,
    read: usize,
    ended: bool,
}

/// Begins to unpack `source`. `count` follows the compressed bytes that were read.
///
/// # Errors
/// When no thread can be started.
pub(super) fn unpack(
    source: Box<dyn Read + Send>,
    compression: Compression,
    count: Arc<AtomicU64>,
) -> io::Result<Unpacked> {
    let (filled, full) = sync_channel(WAITING);
    let (empty, emptied) = channel();
    let source = Counted { source, count: Arc::clone(&count) };
    thread::Builder::new()
        .name(format!("unpack {}", compression.name()))
        .spawn(move || pump(compression, source, &count, &filled, &emptied))?;
    Ok(Unpacked { full, empty, current: Vec::new(), read: 0, ended: false })
}

/// Unpacks until the end, the first error, or until nobody reads any more. An empty buffer says
/// that the end was reached.
fn pump(
    compression: Compression,
    source: Counted,
    count: &AtomicU64,
    filled: &SyncSender<io::Result<Vec<u8>>>,
    emptied: &Receiver<Vec<u8>>,
) {
    let mut decoder = compression.decoder(source);
    loop {
        let mut chunk = emptied.try_recv().unwrap_or_default();
        chunk.resize(CHUNK, 0);
        let mut length = 0;
        let mut failure = None;
        while let Some(room @ [_, ..]) = chunk.get_mut(length..) {
            match decoder.read(room) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        chunk.truncate(length);
        let ended = length < CHUNK && failure.is_none();
        if length > 0 && filled.send(Ok(chunk)).is_err() {
            return;
        }
        if let Some(error) = failure {
            let at = count.load(Ordering::Relaxed);
            let name = compression.name();
            let message = match error.kind() {
                io::ErrorKind::OutOfMemory => {
                    let limit = WINDOW_LIMIT / 1024 / 1024;
                    format!("the {name} data asks for more than the {limit} MiB that are allowed; unpack it first")
                }
                _ => format!("the {name} data is damaged near its byte {at}: {error}"),
            };
            // Nobody listens any more: nothing is lost.
            let _ = filled.send(Err(io::Error::other(message)));
            return;
        }
        if ended {
            let _ = filled.send(Ok(Vec::new()));
            return;
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        if self.read == self.current.len() {
            // Whether the other thread is still there to use the buffer again does not matter.
            let _ = self.empty.send(std::mem::take(&mut self.current));
            self.read = 0;
            self.current = match self.full.recv() {
                Ok(chunk) => chunk?,
                // The thread ended without a last word.
                Err(_) => return Err(io::Error::other("the decompressor broke down on this data")),
            };
            self.ended = self.current.is_empty();
        }
        let count = self.current.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

/// The content of a sequence of zstd frames, skippable ones left out, checksums verified.
struct ZstdFrames<R> {
    source: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(u64::from(WINDOW_LIMIT));
        Self { source, decoder, inside: false }
    }

    /// Goes to the next frame; `false` at the end of the source.
    fn next_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.source.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let mut skipped = (&mut self.source).take(u64::from(length));
                    if io::copy(&mut skipped, &mut io::sink())? < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error @ FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, error));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.inside && !self.next_frame()? {
                return Ok(0);
            }
            self.inside = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let said = self.decoder.get_checksum_from_data();
            if said.is_some() && said != self.decoder.get_calculated_checksum() {
                return Err(io::Error::other("the checksum of a frame is wrong"));
            }
            self.inside = false;
        }
    }
}
