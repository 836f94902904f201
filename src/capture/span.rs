//! One capture file, many cores: each takes one contiguous span of the file.
//!
//! Neither format has a marker by which a record could be found from the middle of a file. So where
//! a span begins is guessed, and then *proved*: the span before it, read record by record from a
//! place already proved, must end exactly there. Where it does not, the span before is read on to
//! the end of the one that was guessed wrong. So the result is that of one reader by construction,
//! whatever is in the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;

use super::error::CaptureError;
use super::pcap::{FileStart, Guess};
use super::reader::{Capture, CaptureSummary, Format, open_file};

/// A span shorter than this, in bytes, is not worth a thread.
const SHORTEST: u64 = 4 * 1024 * 1024;
/// So many records in a row must look right; fewer failed on equal-sized packets.
const CHAIN: usize = 48;
/// The span begins at this one of them: bytes that only look right often lead to the true records.
const CUT: usize = 24;
/// So many odd ones may be among them.
const ODD: usize = 4;
/// Bytes looked at first, and at most, for a place to cut; 48 records of 64 KB need 3 MB.
const WINDOWS: [usize; 3] = [256 * 1024, 4 * 1024 * 1024, 16 * 1024 * 1024];
/// A record begins within so many bytes: the longest usual one.
const SEARCH: usize = 262_144 + 24;

/// A part of a capture file: the records that begin in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Offset of its first byte; 0 includes the file's header.
    start: u64,
    /// Offset behind its last byte; a record that begins before is read to its end.
    end: u64,
    /// Size of the file when the spans were planned: nothing beyond it is read.
    size: u64,
}

impl Span {
    /// All of an input, whatever it is.
    pub const WHOLE: Self = Self { start: 0, end: u64::MAX, size: u64::MAX };
}

/// Cuts a file into at most `count` spans of like size.
///
/// One span for what cannot be cut: compressed files, pipes, short or odd files, and what cannot be
/// opened (which [`Capture::open_span`] will say).
pub fn plan_spans(path: &Path, count: usize) -> Vec<Span> {
    plan(path, count, SHORTEST).unwrap_or_else(|| vec![Span::WHOLE])
}

fn plan(path: &Path, count: usize, shortest: u64) -> Option<Vec<Span>> {
    let (mut file, size) = open_file(path).ok()?;
    let size = size?;
    let count = (count as u64).min(size / shortest.max(1));
    if count < 2 {
        return None;
    }
    let mut head = Capture::of_file(file.try_clone().ok()?, Some(size), size, path, 0).ok()?;
    if !head.is_plain() {
        return None;
    }
    head.read_prelude();
    let mut cuts = vec![0];
    for part in 1..count {
        // In pcapng everything is aligned to 4 bytes.
        let target = (size / count * part).next_multiple_of(4);
        let cut = find_cut(&mut file, target, size, &head.format).unwrap_or(None);
        cuts.extend(cut.filter(|cut| cuts.last().is_some_and(|last| cut > last)));
    }
    cuts.push(size);
    Some(cuts.windows(2).filter_map(|pair| Some(Span { start: *pair.first()?, end: *pair.last()?, size })).collect())
}

/// A place behind `target` where a record seems to begin.
fn find_cut(file: &mut File, target: u64, size: u64, format: &Format) -> io::Result<Option<u64>> {
    let step = if matches!(format, Format::Pcapng(_)) { 4 } else { 1 };
    let mut window = Vec::new();
    let mut candidate = 0;
    for length in WINDOWS {
        file.seek(SeekFrom::Start(target))?;
        window.clear();
        file.by_ref().take((length as u64).min(size.saturating_sub(target))).read_to_end(&mut window)?;
        while candidate < SEARCH.min(window.len()) {
            match follow(&window, candidate, format) {
                Chain::Whole(cut) => return Ok(Some(target + cut as u64)),
                Chain::Broken => candidate += step,
                Chain::Unknown => break,
            }
        }
    }
    Ok(None)
}

enum Chain {
    Broken,
    /// It leads out of the window.
    Unknown,
    /// It holds; where its middle record begins.
    Whole(usize),
}

/// Follows the records that seem to begin at byte `at`.
fn follow(window: &[u8], mut at: usize, format: &Format) -> Chain {
    let mut cut = at;
    let mut odd_ones = 0;
    for link in 0..CHAIN {
        if link == CUT {
            cut = at;
        }
        let Some(rest) = window.get(at..) else { return Chain::Unknown };
        let guess = match format {
            Format::Pcap(pcap) => pcap.guess(rest),
            Format::Pcapng(pcapng) => pcapng.guess(rest),
            Format::Headless => Guess::No,
        };
        match guess {
            Guess::No => return Chain::Broken,
            Guess::Unknown => return Chain::Unknown,
            Guess::Length(length, odd) => {
                odd_ones += usize::from(odd);
                at += length;
            }
        }
        if odd_ones > ODD {
            return Chain::Broken;
        }
    }
    Chain::Whole(cut)
}

impl Capture {
    /// Opens a file for one of its spans. Its frames are numbered from 1.
    ///
    /// # Errors
    /// When the file cannot be opened or is no capture.
    pub fn open_span(path: &Path, input: u32, span: &Span) -> Result<Self, CaptureError> {
        if *span == Span::WHOLE {
            return Self::open(path, input);
        }
        let (file, now) = open_file(path)?;
        let failed = |source| CaptureError::Read { path: path.to_owned(), offset: span.start, source };
        let mut cursor = file.try_clone().map_err(failed)?;
        // A later span needs of the beginning only what lies before the first packet.
        let end = if span.start > 0 { span.size } else { span.end };
        let mut capture = Self::of_file(file, now.map(|_| span.size), end, path, input)?;
        if span.start > 0 {
            capture.read_prelude();
            // Both share one position in the file.
            cursor.seek(SeekFrom::Start(span.start)).map_err(failed)?;
            capture.buffer.moved_to(span.start);
        }
        capture.buffer.limit_span(span.end);
        Ok(capture)
    }

    /// Whether `next`, just opened for the span that follows, begins exactly where this one, read to
    /// its end, ended, and knows the same interfaces: then it is proved.
    pub fn proves(&self, next: &Start) -> bool {
        self.finished && self.damage.is_none() && self.start_of_next() == *next
    }

    /// Where reading begins, or would go on.
    pub fn start_of_next(&self) -> Start {
        let tables = match &self.format {
            Format::Pcapng(pcapng) => pcapng.tables(),
            Format::Pcap(_) | Format::Headless => (0, 0),
        };
        Start { position: self.position(), tables }
    }

    /// Reads on to the end of a later span, because that one was not proved.
    pub fn extend(&mut self, span: &Span) {
        self.buffer.limit_span(span.end);
        self.finished = self.damage.is_some();
    }

    /// Reads what lies before the first packet.
    fn read_prelude(&mut self) {
        let Format::Pcapng(pcapng) = &mut self.format else { return };
        loop {
            match pcapng.head(self.buffer.unread()) {
                FileStart::Whole => match pcapng.take_prelude(self.buffer.unread()) {
                    Some(length) => self.buffer.start += length,
                    None => return,
                },
                FileStart::Needs(bytes) if self.buffer.fill(bytes) => {}
                FileStart::Needs(_) | FileStart::Damaged(_) => return,
            }
        }
    }
}

/// Where a reader stands: its place in the file and how much of the tables it knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    position: u64,
    tables: (u64, usize),
}

/// One part of a file that was read.
#[derive(Debug)]
pub struct SpanPart<T> {
    /// What the reader made of it.
    pub value: T,
    /// Frames in it, numbered from 1 within the part.
    pub frames: u64,
}

/// Reads a file in the spans of [`plan_spans`], each on a thread of its own.
///
/// `read` is given a fresh `begin()` and must read its capture to the end, that is until
/// [`Capture::next_block`] gives `None`; it may be called again with the same value when the capture
/// has to be read on. The parts are in the file's order and together hold what one reader would
/// have read: add up their frames to number them through.
///
/// # Errors
/// When the file cannot be opened or is no capture.
pub fn read_spans<T: Send>(
    path: &Path,
    input: u32,
    spans: &[Span],
    begin: impl Fn() -> T + Sync,
    read: impl Fn(&mut T, &mut Capture) + Sync,
) -> Result<(Vec<SpanPart<T>>, CaptureSummary), CaptureError> {
    let whole = [Span::WHOLE];
    let spans = if spans.is_empty() { &whole } else { spans };
    let read_span = |span: &Span| {
        let mut capture = Capture::open_span(path, input, span)?;
        let start = capture.start_of_next();
        let mut value = begin();
        read(&mut value, &mut capture);
        Ok((start, capture, value))
    };
    let results: Vec<Result<_, CaptureError>> = thread::scope(|scope| {
        let (first, others) = spans.split_first().unwrap_or((&Span::WHOLE, &[]));
        let begin = |span| thread::Builder::new().spawn_scoped(scope, move || read_span(span)).map_err(|_| span);
        let others: Vec<_> = others.iter().map(begin).collect();
        let mut results = vec![read_span(first)];
        results.extend(others.into_iter().map(|begun| match begun {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // No thread could be had.
            Err(span) => read_span(span),
        }));
        results
    });
    let mut kept: Vec<(Capture, T)> = Vec::new();
    for (span, result) in spans.iter().zip(results) {
        let Some((last, value)) = kept.last_mut() else {
            let (_, capture, value) = result?;
            kept.push((capture, value));
            continue;
        };
        match result {
            Ok((start, capture, value)) if last.proves(&start) => kept.push((capture, value)),
            _ => {
                last.extend(span);
                read(value, last);
            }
        }
    }
    let summary = join(kept.iter().map(|(capture, _)| capture.summary()));
    let parts = kept.into_iter().map(|(capture, value)| SpanPart { frames: capture.summary().frames, value });
    Ok((parts.collect(), summary))
}

/// The summary of a file from those of its parts, in the file's order.
fn join(summaries: impl Iterator<Item = CaptureSummary>) -> CaptureSummary {
    let mut summaries = summaries;
    let Some(mut whole) = summaries.next() else { return CaptureSummary::default() };
    for mut part in summaries {
        whole.frames += part.frames;
        whole.bytes_read = part.bytes_read;
        whole.damage = part.damage;
        for (interface, later) in whole.interfaces.iter_mut().zip(&mut part.interfaces) {
            interface.received = later.received.or(interface.received);
            interface.dropped = later.dropped.or(interface.dropped);
            interface.os_dropped = later.os_dropped.or(interface.os_dropped);
            interface.lost += later.lost;
        }
        // A later part has read at least as many descriptions.
        whole.interfaces.extend(part.interfaces.split_off(whole.interfaces.len().min(part.interfaces.len())));
        whole.link_types.extend(part.link_types);
    }
    whole.link_types.sort_unstable();
    whole.link_types.dedup();
    whole
}

/// A span of one's own choice.
#[cfg(test)]
pub(super) fn span_for_test(start: u64, end: u64, size: u64) -> Span {
    Span { start, end, size }
}

/// [`plan_spans`] with a shortest span of one's own choice.
#[cfg(test)]
pub(super) fn plan_for_test(path: &Path, count: usize, shortest: u64) -> Option<Vec<Span>> {
    plan(path, count, shortest)
}
