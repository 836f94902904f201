//! Compressed input gives what the plain input gives, and damage in it is damage.

use std::io::Write;

use flate2::write::GzEncoder;
use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;
use proptest::prelude::*;

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
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.include_checksum(true).expect("a checksum");
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

/// In blocks that say how long they are, as `xz -T 2` writes them.
fn xz_blocks(bytes: &[u8]) -> Vec<u8> {
    let stream = MtStreamBuilder::new().threads(2).block_size(1 << 16).check(Check::Crc64).encoder().expect("a stream");
    let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

pub(super) type Packer = fn(&[u8]) -> Vec<u8>;
pub(super) const PACKERS: [(&str, Packer); 4] =
    [("pcap+gzip", gzip), ("pcap+zstd", zstd), ("pcap+xz", xz), ("pcap+xz", xz_blocks)];

/// Does something in a pool of three threads, as many as then decode blocks of xz.
fn on_three_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool").install(work)
}

#[test]
fn compressed_is_as_plain() {
    let plain = plain();
    let (frames, _) = read_in_blocks(&plain, 1 << 16);
    for (format, pack) in PACKERS {
        let (unpacked, summary) = read_in_blocks(&pack(&plain), 1 << 16);
        assert!(unpacked == frames, "{format}");
        assert_eq!((summary.format.as_str(), summary.damage), (format, None));
        let (unpacked, summary) = on_three_threads(|| read_in_blocks(&pack(&plain), 1 << 16));
        assert!(unpacked == frames && summary.damage.is_none(), "{format}, on three threads");
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
    // The .xz file format, section 2.2: zeros, four at a time.
    let (unpacked, summary) = read_in_blocks(&[xz(first), vec![0; 8], xz_blocks(second), vec![0; 4]].concat(), 1 << 16);
    assert!(unpacked == frames && summary.damage.is_none(), "{summary:?}");
    // Of many streams the later ones have no threads of their own.
    let many: Vec<u8> = plain.chunks(10_000).flat_map(xz_blocks).collect();
    let (unpacked, summary) = on_three_threads(|| read_in_blocks(&many, 1 << 16));
    assert!(unpacked == frames && summary.damage.is_none(), "{summary:?}");
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
        let (frames, summary) = on_three_threads(|| read_in_blocks(&cut, 1 << 16));
        assert!(frames.len() >= 500, "{format}: {} frames, {summary:?}", frames.len());
        assert!(damage(&summary).1.contains("data is damaged near its byte"), "{format}: {summary:?}");
        // Changed bytes may also unpack to something that is no record.
        let (frames, summary) = read_in_blocks(&flipped, 1 << 16);
        assert!(frames.len() >= 500 && summary.damage.is_some(), "{format}: {summary:?}");
    }
}

#[test]
fn what_a_damaged_frame_held_before_the_damage_is_reported() {
    let plain = plain();
    let packed = zstd(&plain);
    // Nothing but the checksum at its end is wrong: all but what was unpacked last is believed.
    let mut checksum = packed.clone();
    *checksum.last_mut().expect("a byte") ^= 1;
    // In the third of its blocks, of 128 KiB each.
    let mut late = packed;
    let at = late.len() * 3 / 4;
    late[at..at + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
    for (damaged, least) in [(checksum, 980), (late, 400)] {
        let (frames, summary) = read_in_blocks(&damaged, 1 << 16);
        assert!(frames.len() >= least && summary.damage.is_some(), "{} frames, {summary:?}", frames.len());
    }
}

#[test]
fn huge_windows_are_refused() {
    // A frame header with a window of 2^41 bytes.
    let zstd = [hex("28b52ffd 00 f8"), vec![0; 20]].concat();
    // A block header that asks for a dictionary of 4 GiB (the .xz file format, sections 3.1 and 5.3.1).
    let header = hex("fd377a585a00 0001 6922de36 02 00 21 01 28 000000");
    let xz = [header.as_slice(), &crc32(&header[12..]).to_le_bytes(), &[0; 20]].concat();
    for (packed, limit) in [(zstd, 128), (xz, 256)] {
        let error = super::open_error(&packed);
        assert!(error.contains(&format!("asks for more than the {limit} MiB that are allowed")), "{error}");
    }
}

/// What a block of xz says of its length is not believed: one thread unpacks it, and nothing is kept for all of it.
#[test]
fn huge_blocks_are_unpacked_by_one_thread() {
    // Sizes of 2^40 bytes packed and unpacked (the .xz file format, sections 3.1.3 and 3.1.4), and a dictionary of 8 MiB.
    let header = hex("fd377a585a00 0001 6922de36 05 c0 808080808020 808080808020 21 01 16 000000");
    let packed = [header.as_slice(), &crc32(&header[12..]).to_le_bytes(), &[0; 20]].concat();
    let error = on_three_threads(|| super::open_error(&packed));
    assert!(error.contains("data is damaged near its byte"), "{error}");
}

/// The CRC of zlib, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn changed_bytes_end_in_words() {
    let small = plain()[..24 + 316 * 20].to_vec();
    let packed = PACKERS.map(|(_, pack)| pack(&small));
    let any_index = any::<prop::sample::Index>;
    let changes = proptest::collection::vec((any_index(), any::<u8>()), 1..5);
    proptest!(ProptestConfig::with_cases(100), |(which in 0..PACKERS.len(), changes in changes, cut in any_index())| {
        let mut packed = packed[which].clone();
        for (at, byte) in changes {
            let at = at.index(packed.len());
            // The magic stays, so that it is unpacked at all.
            if at >= 6 {
                packed[at] = byte;
            }
        }
        packed.truncate(cut.index(packed.len()).max(6));
        let reader = Box::new(std::io::Cursor::new(packed));
        if let Ok(mut capture) = super::Capture::in_blocks(reader, 4_096) {
            prop_assert!(super::count(&mut capture) <= 10_000);
        }
    });
}
