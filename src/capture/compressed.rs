//! gzip, zstd and xz: unpacked on a thread of its own, handed over in a few bounded buffers.
//!
//! gzip by safe Rust, faster than `gzip`. zstd and xz by their formats' reference libraries, which are C: safe decoders take
//! 2.7 and 1.4 times as long, more than `zstd -dc | igorscope analyze -` in all, and xz in blocks is decoded by several threads.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{Error as XzError, MtStreamBuilder, Stream};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode::{
    ZSTD_error_frameParameter_windowTooLarge as WINDOW_TOO_LARGE, ZSTD_error_memory_allocation as NO_MEMORY,
};

/// Bytes in a buffer that is handed over.
const CHUNK: usize = 256 * 1024;
/// Buffers that may wait to be read.
const WAITING: usize = 4;
/// The largest window or dictionary that is accepted; what `zstd --ultra -22` and `xz -9` need fits.
const WINDOW_LIMIT: u32 = 128 * 1024 * 1024;
/// What the xz decoder may need in all: a dictionary, or blocks for several threads; what is larger is left to one of them.
const XZ_LIMIT: u32 = 2 * WINDOW_LIMIT;

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

    /// How many bytes to ask a decoder for at a time, at most. zstd's gives nothing of what it unpacked for one call
    /// where damage comes before the end of it: asked for little, it loses little, and is no slower.
    const fn step(self) -> usize {
        match self {
            Self::Gzip | Self::Xz => CHUNK,
            Self::Zstd => 4096,
        }
    }

    /// How much memory its data may ask for, in bytes.
    const fn limit(self) -> u32 {
        match self {
            Self::Gzip | Self::Zstd => WINDOW_LIMIT,
            Self::Xz => XZ_LIMIT,
        }
    }

    /// Each takes several members, frames or streams in a row, and verifies their checksums.
    fn decoder(self, source: Counted, threads: u32) -> io::Result<Box<dyn Read>> {
        let source = BufReader::with_capacity(CHUNK, source);
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(source)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source)?;
                decoder.window_log_max(WINDOW_LIMIT.ilog2())?;
                Box::new(decoder)
            }
            Self::Xz => Box::new(XzStreams { stream: Some(xz_stream(source, threads)?), threads, streams: 1 }),
        })
    }
}

/// The streams of an xz file one after the other, with padding of zeros behind each (the .xz file format, section 2.2).
struct XzStreams<R> {
    /// None after the last.
    stream: Option<XzDecoder<R>>,
    threads: u32,
    streams: u32,
}

/// Streams of one file that may have threads of their own: of many small ones, to begin threads for each takes longer than to
/// unpack it.
const STREAMS_WITH_THREADS: u32 = 16;

/// The first stream of a source.
fn xz_stream<R: BufRead>(source: R, threads: u32) -> io::Result<XzDecoder<R>> {
    let limit = u64::from(XZ_LIMIT);
    let stream = match threads {
        1 => Stream::new_stream_decoder(limit, 0)?,
        _ => MtStreamBuilder::new().threads(threads).memlimit_threading(limit).memlimit_stop(limit).decoder()?,
    };
    Ok(XzDecoder::new_stream(source, stream))
}

impl<R: BufRead> Read for XzStreams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(stream) = &mut self.stream {
            let count = stream.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut source) = self.stream.take().map(XzDecoder::into_inner) else { break };
            loop {
                let zeros = source.fill_buf()?.iter().take_while(|byte| **byte == 0).count();
                if zeros == 0 {
                    break;
                }
                source.consume(zeros);
            }
            if !source.fill_buf()?.is_empty() {
                self.streams = self.streams.saturating_add(1);
                let threads = if self.streams > STREAMS_WITH_THREADS { 1 } else { self.threads };
                self.stream = Some(xz_stream(source, threads)?);
            }
        }
        Ok(0)
    }
}

/// Counts what is read of the compressed source, for messages.
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

/// Begins to unpack `source`.
///
/// # Errors
/// When no thread can be started.
pub(super) fn unpack(source: Box<dyn Read + Send>, compression: Compression) -> io::Result<Unpacked> {
    let (filled, full) = sync_channel(WAITING);
    let (empty, emptied) = channel();
    let count = Arc::new(AtomicU64::new(0));
    let source = Counted { source, count: Arc::clone(&count) };
    // As many threads as read: of a pool's those, and of one that is in none one.
    let threads = rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads()) as u32;
    thread::Builder::new()
        .name(format!("unpack {}", compression.name()))
        .spawn(move || pump((compression, threads), source, &count, &filled, &emptied))?;
    Ok(Unpacked { full, empty, current: Vec::new(), read: 0, ended: false })
}

/// Unpacks until the end, the first error, or until nobody reads any more. An empty buffer says
/// that the end was reached.
fn pump(
    (compression, threads): (Compression, u32),
    source: Counted,
    count: &AtomicU64,
    filled: &SyncSender<io::Result<Vec<u8>>>,
    emptied: &Receiver<Vec<u8>>,
) {
    let mut decoder = match compression.decoder(source, threads) {
        Ok(decoder) => decoder,
        Err(error) => {
            let _ = filled.send(Err(error));
            return;
        }
    };
    loop {
        let mut chunk = emptied.try_recv().unwrap_or_default();
        chunk.resize(CHUNK, 0);
        let mut length = 0;
        let mut failure = None;
        while let Some(room @ [_, ..]) = chunk.get_mut(length..) {
            let most = room.len().min(compression.step());
            match decoder.read(&mut room[..most]) {
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
            let message = if wants_too_much(&error) {
                let limit = compression.limit() / 1024 / 1024;
                format!("the {name} data asks for more than the {limit} MiB that are allowed; unpack it first")
            } else {
                format!("the {name} data is damaged near its byte {at}: {error}")
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

/// Whether the data asks for more memory than [`Compression::limit`].
fn wants_too_much(error: &io::Error) -> bool {
    let Some(error) = error.get_ref() else { return false };
    let of_zstd = |error: &zstd::Error| error.is(WINDOW_TOO_LARGE) || error.is(NO_MEMORY);
    let of_xz = |error: &XzError| matches!(error, XzError::MemLimit | XzError::Mem);
    error.downcast_ref().is_some_and(of_zstd) || error.downcast_ref().is_some_and(of_xz)
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
