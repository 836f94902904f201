//! A source that changes or fails while it is read.

use std::fs::OpenOptions;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Once;

use super::super::span::read_spans;
use super::super::{Capture, CaptureSummary};
use super::compressed::PACKERS;
use super::spans::{cut_at, on_disk};
use super::{count, damage, hex, read_from};

/// 4,000 records of 516 bytes with their headers: more than one block of a file.
fn pcap() -> Vec<u8> {
    let mut bytes = hex(super::LITTLE);
    for number in 0..4_000_u32 {
        bytes.extend([number, 0, 500, 500].map(u32::to_le_bytes).concat());
        bytes.extend([0xab; 500]);
    }
    bytes
}

/// The same in blocks of 532 bytes.
fn pcapng() -> Vec<u8> {
    let mut bytes = [hex(super::SECTION), hex(super::ETHERNET)].concat();
    for number in 0..4_000_u32 {
        bytes.extend([6, 532, 0, 0, number, 500, 500].map(u32::to_le_bytes).concat());
        bytes.extend([0xab; 500]);
        bytes.extend(532_u32.to_le_bytes());
    }
    bytes
}

/// Where to cut a file of 4,000 records into three spans.
const fn cuts(header: usize, record: usize) -> [usize; 2] {
    [header + record * 1_200, header + record * 2_500]
}

/// A file, the length of its header and of each of its records.
type Made = (fn() -> Vec<u8>, usize, usize);
const FILES: [Made; 2] = [(pcap, 24, 516), (pcapng, 48, 532)];

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).expect("opened");
    file.write_all(bytes).expect("written");
}

fn cut(path: &Path, size: usize) {
    OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(size as u64)).expect("cut");
}

/// Opens a file, reads its first block, lets `change` happen, and reads on.
fn read_around(bytes: &[u8], change: impl FnOnce(&Path)) -> (usize, CaptureSummary) {
    let file = on_disk(bytes);
    let mut capture = Capture::open(file.path(), 0).expect("a capture");
    let first = capture.next_block().map_or(0, Iterator::count);
    change(file.path());
    (first + count(&mut capture), capture.summary())
}

/// Cuts a file into three spans, lets `change` happen, and reads them side by side.
fn read_spans_around(bytes: &[u8], cuts: [usize; 2], change: impl Fn(&Path) + Sync) -> (usize, CaptureSummary) {
    let file = on_disk(bytes);
    let spans = cut_at(cuts.map(|cut| cut as u64).to_vec(), bytes.len() as u64);
    let changed = Once::new();
    // `begin` is called when a span is open and nothing of it was read.
    let begin = || changed.call_once(|| change(file.path()));
    let read = |(): &mut (), capture: &mut Capture| _ = count(capture);
    let (parts, summary) = read_spans(file.path(), 0, &spans, begin, read).expect("a capture");
    (parts.iter().map(|part| part.frames as usize).sum(), summary)
}

#[test]
fn a_file_that_grows_is_read_to_the_end_it_had() {
    for (file, header, record) in FILES {
        let bytes = file();
        let grow = |path: &Path| append(path, &bytes[header..]);
        for (frames, summary) in [read_around(&bytes, grow), read_spans_around(&bytes, cuts(header, record), grow)] {
            assert_eq!((frames, summary.damage), (4_000, None));
        }
    }
}

#[test]
fn a_file_that_shrinks_is_damage() {
    for (file, header, record) in FILES {
        let bytes = file();
        // In the middle of a record, and between two; and behind the first span's end, and before it.
        for (left, size) in [(2_000, header + record * 2_000 + 7), (1_100, header + record * 1_100)] {
            let shrink = |path: &Path| cut(path, size);
            for (frames, summary) in
                [read_around(&bytes, shrink), read_spans_around(&bytes, cuts(header, record), shrink)]
            {
                let reason = format!("the file had {} bytes when it was opened and ends at {size} now", bytes.len());
                assert_eq!(frames, left);
                assert_eq!(damage(&summary), (size as u64, reason.as_str()));
            }
        }
    }
}

/// Reads a file that had `size` bytes when it was opened and has these now.
fn read_changed(now: &[u8], size: usize) -> (usize, CaptureSummary) {
    let file = on_disk(now);
    let opened = file.reopen().expect("opened");
    let mut capture = Capture::of_file(opened, Some(size as u64), u64::MAX, file.path(), 0).expect("a capture");
    (count(&mut capture), capture.summary())
}

#[test]
fn a_compressed_file_that_grows_is_read_to_the_end_it_had() {
    for (format, pack) in PACKERS {
        let packed = pack(&pcap());
        let (frames, summary) = read_changed(&packed.repeat(2), packed.len());
        assert_eq!((frames, summary.damage), (4_000, None), "{format}");
    }
}

#[test]
fn a_compressed_file_that_shrinks_is_damage() {
    let plain = pcap();
    let (first, second) = plain.split_at(24 + 516 * 3_000);
    for (format, pack) in PACKERS {
        let (whole, rest) = (pack(first), pack(second));
        let size = whole.len() + rest.len();
        // Between two members, where nothing is missing of either, and inside the second.
        for left in [whole.len(), whole.len() + rest.len() / 2] {
            let (frames, summary) = read_changed(&[whole.as_slice(), &rest].concat()[..left], size);
            let reason = format!("the file had {size} bytes when it was opened and ends at {left} now");
            assert!((3_000..4_000).contains(&frames), "{format}: {frames} {summary:?}");
            assert!(damage(&summary).1.contains(&reason), "{format}: {summary:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_removed_is_read_to_its_end() {
    for (file, ..) in FILES {
        let (frames, summary) = read_around(&file(), |path| std::fs::remove_file(path).expect("removed"));
        assert_eq!((frames, summary.damage), (4_000, None));
    }
}

/// Gives some bytes, then fails as a network share that went away.
struct Share(Cursor<Vec<u8>>);

impl Read for Share {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the share went away")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_share_that_goes_away_is_damage() {
    for (file, header, record) in FILES {
        let there = header + record * 100 + 20;
        let (frames, summary) = read_from(Box::new(Share(Cursor::new(file()[..there].to_vec()))), 4_096);
        assert_eq!(frames.len(), 100);
        assert_eq!(damage(&summary), (there as u64, "reading failed: the share went away"));
    }
}

#[test]
fn a_share_that_goes_away_is_damage_of_what_is_packed_on_it() {
    for (format, pack) in PACKERS {
        // A whole member, and the share is gone before the next.
        let packed = pack(&pcap()[..24 + 516 * 100]);
        let (frames, summary) = read_from(Box::new(Share(Cursor::new(packed))), 4_096);
        assert_eq!(frames.len(), 100, "{format}");
        assert!(damage(&summary).1.ends_with("the share went away"), "{format}: {summary:?}");
    }
}

#[test]
fn a_source_in_small_pieces_is_read_whole() {
    /// As a pipe that gives one byte at a time.
    struct Drops(Cursor<Vec<u8>>);
    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(buffer.get_mut(..length).unwrap_or_default())
        }
    }
    let bytes = pcap()[..24 + 516 * 10].to_vec();
    let (frames, summary) = read_from(Box::new(Drops(Cursor::new(bytes))), 1 << 16);
    assert_eq!((frames.len(), summary.damage), (10, None));
}

#[test]
fn a_lying_length_does_not_make_the_buffer_grow() {
    // A D-Bus record may be long, so 16 MB are believed; only what arrives is kept.
    let mut bytes = hex(&super::LITTLE.replace("01000000", "e7000000"));
    bytes.extend([0, 0, 16_000_000, 16_000_000].map(u32::to_le_bytes).concat());
    bytes.extend([0; 100_000]);
    let mut capture = Capture::in_blocks(Box::new(Cursor::new(bytes)), 4_096).expect("a capture");
    assert!(capture.next_block().is_none());
    assert_eq!(damage(&capture.summary()), (24, "the file ends inside a record: 100000 of 16000000 bytes are there"));
    assert!(capture.buffer.block_size() <= 300_000, "{}", capture.buffer.block_size());
}
