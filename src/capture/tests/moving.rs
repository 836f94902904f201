//! A source that changes or fails while it is read.

use std::fs::OpenOptions;
use std::io::{self, Cursor, Read, Write};

use super::super::Capture;
use super::{damage, hex, read_from};

/// 4,000 records of 516 bytes with their headers: more than one block of a file.
fn four_blocks() -> Vec<u8> {
    let mut bytes = hex(super::LITTLE);
    for number in 0..4_000_u32 {
        bytes.extend([number, 0, 500, 500].map(u32::to_le_bytes).concat());
        bytes.extend([0xab; 500]);
    }
    bytes
}

/// Opens a file, reads its first block, lets `change` happen, and reads on.
fn read_around(change: impl FnOnce(&std::path::Path)) -> (u64, super::CaptureSummary) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&four_blocks()).expect("written");
    let mut capture = Capture::open(file.path(), 0).expect("a capture");
    let mut frames = capture.next_block().map_or(0, Iterator::count) as u64;
    change(file.path());
    while let Some(more) = capture.next_block() {
        frames += more.count() as u64;
    }
    (frames, capture.summary())
}

#[test]
fn a_file_that_grows_is_read_to_the_end_it_had() {
    let (frames, summary) = read_around(|path| {
        let mut file = OpenOptions::new().append(true).open(path).expect("opened");
        file.write_all(&four_blocks()[24..]).expect("written");
    });
    assert_eq!((frames, summary.damage), (4_000, None));
}

#[test]
fn a_file_that_shrinks_is_damage() {
    // In the middle of a record, and between two.
    for size in [24 + 516 * 2_000 + 7, 24 + 516 * 2_000] {
        let (frames, summary) = read_around(|path| {
            OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(size)).expect("cut");
        });
        assert_eq!(frames, 2_000);
        let reason = format!("the file had 2064024 bytes when it was opened and ends at {size} now");
        assert_eq!(damage(&summary), (size, reason.as_str()));
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
    let bytes = four_blocks()[..24 + 516 * 100 + 20].to_vec();
    let (frames, summary) = read_from(Box::new(Share(Cursor::new(bytes))), 4_096);
    assert_eq!(frames.len(), 100);
    assert_eq!(damage(&summary), (24 + 516 * 100 + 20, "reading failed: the share went away"));
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
    let bytes = four_blocks()[..24 + 516 * 10].to_vec();
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
