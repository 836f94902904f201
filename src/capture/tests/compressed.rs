//! Compressed input gives what the plain input gives, and damage in it is damage.

use std::io::Write;

use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{damage, hex, read_in_blocks};

/// 1,000 packets, 316 kB: more than one hand-over from thread to thread.
fn plain() -> Vec<u8> {
    let mut bytes = hex(super::LITTLE);
    for number in 0..1_000_u32 {
        for word in [number, 0, 300, 300] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend((0..300).map(|at| (number.wrapping_mul(2_654_435_761) >> (at % 24)) as u8));
    }
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::default()).expect("a writer");
    writer.write_all(bytes).expect("written");
    writer.finish().expect("written")
}

type Packer = fn(&[u8]) -> Vec<u8>;
const PACKERS: [(&str, Packer); 3] = [("pcap+gzip", gzip), ("pcap+zstd", zstd), ("pcap+xz", xz)];

#[test]
fn compressed_is_as_plain() {
    let plain = plain();
    let (frames, _) = read_in_blocks(&plain, 1 << 16);
    for (format, pack) in PACKERS {
        let (unpacked, summary) = read_in_blocks(&pack(&plain), 1 << 16);
        assert!(unpacked == frames, "{format}");
        assert_eq!((summary.format.as_str(), summary.damage), (format, None));
    }
}

#[test]
fn several_members_frames_and_streams_are_one_capture() {
    let plain = plain();
    let (frames, _) = read_in_blocks(&plain, 1 << 16);
    let (first, second) = plain.split_at(12_345);
    for (format, pack) in PACKERS {
        let (unpacked, summary) = read_in_blocks(&[pack(first), pack(second)].concat(), 1 << 16);
        assert!(unpacked == frames, "{format}: {summary:?}");
        assert_eq!(summary.damage, None, "{format}");
    }
    let skippable = hex("502a4d18 03000000 010203");
    let (unpacked, _) = read_in_blocks(&[skippable.clone(), zstd(first), skippable, zstd(second)].concat(), 1 << 16);
    assert!(unpacked == frames);
}

#[test]
fn what_came_before_the_damage_is_reported() {
    let plain = plain();
    for (format, pack) in PACKERS {
        let first = pack(&plain[..24 + 316 * 500]);
        let second = pack(&plain[24 + 316 * 500..]);
        let half = second.len() / 2;
        let cut = [first.as_slice(), &second[..half]].concat();
        let mut flipped = [first.as_slice(), &second].concat();
        for byte in &mut flipped[first.len() + half..][..64] {
            *byte ^= 0x55;
        }
        let (frames, summary) = read_in_blocks(&cut, 1 << 16);
        assert!(frames.len() >= 500, "{format}: {} frames, {summary:?}", frames.len());
        assert!(damage(&summary).1.contains("data is damaged near its byte"), "{format}: {summary:?}");
        // Changed bytes may also unpack to something that is no record.
        let (frames, summary) = read_in_blocks(&flipped, 1 << 16);
        assert!(frames.len() >= 500 && summary.damage.is_some(), "{format}: {summary:?}");
    }
}

#[test]
fn huge_windows_are_refused() {
    // A frame header with a window of 2^41 bytes.
    let (zstd, window) = (hex("28b52ffd 00 f8"), "window");
    let error = super::open_error(&[zstd, vec![0; 20]].concat());
    assert!(error.to_lowercase().contains(window), "{error}");
}
