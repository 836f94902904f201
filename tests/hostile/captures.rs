//! Framing: what a capture file may say of its own blocks, and what may be packed into it.

use std::io::Write;

use flate2::write::GzEncoder;
use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;

use super::super::{KEPT, SIZE, TIMES, caveats, frames, survey, turn};
use super::packets::{pcap, udp};

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A pcapng block with this body, which is padded.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len().next_multiple_of(4) + 12) as u32;
    let mut block = [&words(&[kind, length]), body].concat();
    block.resize(length as usize - 4, 0);
    block.extend(length.to_le_bytes());
    block
}

fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]))
}

/// An Ethernet interface with these options.
fn interface(options: &[u8]) -> Vec<u8> {
    block(1, &[&words(&[1, 0]), options].concat())
}

/// A packet on an interface of the section.
fn packet(interface: u32) -> Vec<u8> {
    let frame = udp([10, 0, 0, 1], 40_000, [10, 0, 0, 2], 5683, b"\x40\x01\0\x01");
    block(6, &[&words(&[interface, 0, 1, frame.len() as u32, frame.len() as u32]), frame.as_slice()].concat())
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut option = [code.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
    option.extend(value);
    option.resize(option.len().next_multiple_of(4), 0);
    option
}

#[test]
fn thousands_of_interfaces_are_read() {
    let _turn = turn();
    // As many as fit, the last of which has a packet.
    let count = SIZE / interface(&[]).len();
    let bytes = [section(), interface(&[]).repeat(count), packet(count as u32 - 1)].concat();
    assert_eq!(frames(&survey(&bytes, 0)), (1, 0));
    // Beyond the limit it is damage, and what was before it is read.
    let many = 1 << 18;
    let bytes = [section(), interface(&[]), packet(0), interface(&[]).repeat(many), packet(0)].concat();
    let survey = survey(&bytes, 3);
    assert_eq!(frames(&survey).0, 1);
    assert!(survey["inputs"][0]["damage"]["reason"].as_str().unwrap().contains("interfaces are described"));
}

#[test]
fn long_names_of_interfaces_are_not_kept() {
    let _turn = turn();
    // 4,000 names of 64,000 bytes: 256 MB that a compressed file of some kB may hold.
    let named = interface(&option(2, &[b'n'; 64_000]));
    let bytes = [section(), named.repeat(4_000), packet(0)].concat();
    let packed = zstd::encode_all(&bytes[..], 1).unwrap();
    drop(bytes);
    assert_eq!(frames(&survey(&packed, 0)), (1, 0));
}

#[test]
fn thousands_of_sections_are_read() {
    let _turn = turn();
    let one = [section(), interface(&[]), packet(0)].concat();
    let count = SIZE / one.len();
    assert_eq!(frames(&survey(&one.repeat(count), 0)), (count as u64, 0));
    let bytes = [section().repeat(SIZE / 28), interface(&[]), packet(0)].concat();
    assert_eq!(frames(&survey(&bytes, 0)), (1, 0));
}

#[test]
fn long_and_many_options_are_stepped_over() {
    let _turn = turn();
    let name = option(2, &[b'<'; 65_535]);
    let comments = option(1, b"").repeat(100_000);
    // A block as long as is believed, and one option as long as there is.
    let statistics = block(5, &[words(&[0, 0, 0]), option(4, &[0; 8]).repeat(20_000)].concat());
    for options in [name, comments] {
        let bytes = [section(), interface(&options), statistics.clone(), packet(0)].concat();
        assert_eq!(frames(&survey(&bytes, 0)), (1, 0));
    }
}

#[test]
fn blocks_that_hold_no_packet_are_stepped_over() {
    let _turn = turn();
    // The smallest block, an unknown one, and the longest that is believed, a custom one.
    for filler in [block(0x0bad, &[]).repeat(SIZE / 12), block(0x0bad, &[0; 16 << 20])] {
        let bytes = [section(), interface(&[]), packet(0), filler, packet(0)].concat();
        assert_eq!(frames(&survey(&bytes, 0)), (2, 0));
    }
}

#[test]
fn claimed_lengths_are_not_believed() {
    let _turn = turn();
    let head = [section(), interface(&[]), packet(0)].concat();
    let packets = pcap(1, [udp([10, 0, 0, 1], 1, [10, 0, 0, 2], 2, b"")]);
    let claim = |length| words(&[0, 0, length, length]);
    let cases = [
        [head.as_slice(), &words(&[6, u32::MAX - 3])].concat(),
        [head.as_slice(), &words(&[6, 16 << 20, 0, 0, 0, u32::MAX, u32::MAX])].concat(),
        [head.as_slice(), &words(&[0x0a0d_0d0a, 0x7fff_fffc, 0x1a2b_3c4d])].concat(),
        [packets.as_slice(), &claim(u32::MAX)].concat(),
        [packets.as_slice(), &claim(262_144)].concat(),
        // A D-Bus message may be long.
        [pcap(231, [vec![0; 20]]).as_slice(), &claim(128 << 20)].concat(),
    ];
    for bytes in cases {
        assert_eq!(frames(&survey(&bytes, 3)).0, 1);
    }
}

#[test]
fn empty_records_are_counted() {
    let _turn = turn();
    // The most records that a file can have. Nothing is in them, so none is read beyond the link layer.
    let survey = survey(&pcap(1, vec![Vec::new(); SIZE / 16]), 3);
    assert_eq!(frames(&survey), (SIZE as u64 / 16, SIZE as u64 / 16));
}

type Packer<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn bombs_are_unpacked_piece_by_piece() {
    let _turn = turn();
    let gzip = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let xz = |bytes: &[u8]| {
        // In blocks that say how long they are, which several threads may unpack.
        let blocks = MtStreamBuilder::new().threads(2).block_size(1 << 18).check(Check::Crc64).encoder().unwrap();
        let mut xz = XzEncoder::new_stream(Vec::new(), blocks);
        xz.write_all(bytes).unwrap();
        xz.finish().unwrap()
    };
    let packers: [Packer<'_>; 2] = [&gzip, &xz];
    // A header, and 1,920 records of 64 KB, in members of sixteen: far more than may be kept. Their zeros are no frames.
    let records = pcap(1, vec![vec![0; 65_536]; 16]);
    let (header, records) = records.split_at(24);
    for pack in packers {
        let packed = [pack(header), pack(records).repeat(120)].concat();
        assert!(KEPT + TIMES * packed.len() < 120 * records.len(), "{} bytes", packed.len());
        assert_eq!(frames(&survey(&packed, 3)).0, 1_920);
    }
}

#[test]
fn a_pack_within_a_pack_is_no_capture() {
    let _turn = turn();
    let mut bytes = pcap(1, [Vec::new()]);
    for _ in 0..3 {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&bytes).unwrap();
        bytes = gzip.finish().unwrap();
    }
    assert_eq!(super::super::run(&["analyze", "-q"], "nested.pcap.gz", &bytes), std::process::ExitCode::from(2));
}

#[test]
fn clocks_that_run_wild_are_a_caveat() {
    let _turn = turn();
    let frame = udp([10, 0, 0, 1], 40_000, [10, 0, 0, 2], 5683, b"\x40\x01\0\x01");
    let clock = |resolution: u8, offset: i64| {
        let options = [option(9, &[resolution]), option(14, &offset.to_le_bytes())].concat();
        [section(), interface(&options)].concat()
    };
    let at = |high: u32, low: u32| {
        let length = frame.len() as u32;
        block(6, &[&words(&[0, high, low, length, length]), frame.as_slice()].concat())
    };
    let mut bytes = Vec::new();
    for resolution in [0, 6, 9, 127, 0x80, 0xff] {
        for offset in [0, i64::MIN, i64::MAX] {
            bytes.extend(clock(resolution, offset));
            bytes.extend([at(0, 0), at(u32::MAX, u32::MAX), at(0x8000_0000, 0)].concat());
        }
    }
    let survey = survey(&bytes, 0);
    assert_eq!(frames(&survey), (54, 0));
    assert!(caveats(&survey).contains(&"clock-jump"));
}
