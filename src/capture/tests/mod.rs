//! Framing held against small files made by hand, byte by byte.

use std::io::{Cursor, Read};

use super::{Capture, CaptureSummary, Frame, FrameId, LinkType, Timestamp};

mod compressed;
mod moving;
mod properties;
mod search;
mod spans;
mod writer;

/// Number, nanoseconds, link type, interface, original length, bytes.
type ReadFrame = (u64, Option<i64>, u16, u32, u32, Vec<u8>);

/// All frames of a capture, read in blocks of `block_size`, and its summary.
fn read_in_blocks(bytes: &[u8], block_size: usize) -> (Vec<ReadFrame>, CaptureSummary) {
    read_from(Box::new(Cursor::new(bytes.to_vec())), block_size)
}

fn read_from(reader: Box<dyn Read + Send>, block_size: usize) -> (Vec<ReadFrame>, CaptureSummary) {
    let mut capture = Capture::in_blocks(reader, block_size).expect("a capture");
    let mut seen = Vec::new();
    collect(&mut seen, &mut capture);
    let summary = capture.summary();
    assert_eq!(summary.frames, seen.len() as u64);
    (seen, summary)
}

fn collect(seen: &mut Vec<ReadFrame>, capture: &mut Capture) {
    while let Some(frames) = capture.next_block() {
        for frame in frames {
            assert_eq!(frame.id, FrameId::new(0, seen.len() as u64 + 1));
            let Frame { id, time, link, interface, original_len, data } = frame;
            seen.push((id.number(), time.nanos(), link.0, interface, original_len, data.to_vec()));
        }
    }
}

/// How many frames are left.
fn count(capture: &mut Capture) -> usize {
    std::iter::from_fn(|| capture.next_block().map(Iterator::count)).sum()
}

fn read(bytes: &[u8]) -> (Vec<ReadFrame>, CaptureSummary) {
    let whole = read_in_blocks(bytes, 1 << 16);
    for block_size in [1, 2, 7, 16, 33] {
        let in_blocks = read_in_blocks(bytes, block_size);
        assert!(in_blocks == whole, "blocks of {block_size} bytes change what is read");
    }
    whole
}

/// The bytes of hexadecimal text; everything behind `#` is a comment.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.lines().filter_map(|line| line.split('#').next()).collect();
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Why the bytes cannot be opened.
fn open_error(bytes: &[u8]) -> String {
    let reader: Box<dyn Read + Send> = Box::new(Cursor::new(bytes.to_vec()));
    Capture::from_reader(reader, "it", 0).err().map(|error| error.to_string()).unwrap_or_default()
}

fn damage(summary: &CaptureSummary) -> (u64, &str) {
    summary.damage.as_ref().map_or((0, ""), |damage| (damage.offset, damage.reason.as_str()))
}

const LITTLE: &str = "d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000";

#[test]
fn pcap_little_endian_microseconds() {
    let (frames, summary) = read(&hex(&format!("{LITTLE} 01000000 02000000 03000000 05000000 aabbcc")));
    assert_eq!(frames, [(1, Some(1_000_002_000), 1, 0, 5, vec![0xaa, 0xbb, 0xcc])]);
    assert_eq!((summary.format.as_str(), summary.damage), ("pcap", None));
    assert_eq!((summary.link_types, summary.bytes_read), (vec![LinkType::ETHERNET], 43));
}

#[test]
fn pcap_big_endian_nanoseconds() {
    let (frames, _) = read(&hex("a1b23c4d 0002 0004 00000000 00000000 00040000 00000071
        00000001 00000002 00000001 00000001 ff"));
    assert_eq!(frames, [(1, Some(1_000_000_002), 113, 0, 1, vec![0xff])]);
}

#[test]
fn pcap_modified_record_headers_are_24_bytes() {
    let (frames, summary) = read(&hex("34cdb2a1 0200 0400 00000000 00000000 00000400 01000000
        01000000 00000000 02000000 02000000 00000000 0008 00 00 aabb
        02000000 00000000 01000000 01000000 00000000 0008 00 00 cc"));
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].5, [0xcc]);
    assert_eq!(summary.damage, None);
}

#[test]
fn pcap_versions_below_2_3_have_the_original_length_first() {
    let record = "00000000 00000000 05000000 02000000 aabb";
    let (frames, _) = read(&hex(&format!("d4c3b2a1 0200 0200 00000000 00000000 00000400 01000000 {record}")));
    assert_eq!((frames[0].4, frames[0].5.as_slice()), (5, [0xaa, 0xbb].as_slice()));
    // 2.3 may have either order: the smaller one is the captured length.
    for record in [record, "00000000 00000000 02000000 05000000 aabb"] {
        let (frames, _) = read(&hex(&format!("d4c3b2a1 0200 0300 00000000 00000000 00000400 01000000 {record}")));
        assert_eq!((frames[0].4, frames[0].5.as_slice()), (5, [0xaa, 0xbb].as_slice()));
    }
}

#[test]
fn pcap_link_type_with_fcs_bits() {
    let (frames, summary) = read(&hex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000024
        00000000 00000000 01000000 01000000 aa"));
    assert_eq!(frames[0].2, 1);
    assert_eq!(summary.fcs_len, Some(4));
    let (frames, summary) = read(&hex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01003000
        00000000 00000000 01000000 01000000 aa"));
    assert_eq!((frames.len(), damage(&summary).0), (0, 20));
}

#[test]
fn pcap_out_of_range_microseconds_are_kept() {
    let (frames, _) = read(&hex(&format!("{LITTLE} 01000000 80841e00 00000000 00000000")));
    assert_eq!(frames[0].1, Some(3_000_000_000));
    let (frames, _) = read(&hex(&format!("{LITTLE} ffffffff ffffffff 00000000 00000000")));
    assert_eq!(frames[0].1, Some(4_294_967_295_000_000_000 + 4_294_967_295_000));
}

#[test]
fn pcap_cut_and_lying_records() {
    let good = format!("{LITTLE} 00000000 00000000 02000000 02000000 aabb");
    let (frames, summary) = read(&hex(&format!("{good} 00000000 0000")));
    assert_eq!(
        (frames.len(), damage(&summary)),
        (1, (42, "the file ends inside a record's header: 6 of 16 bytes are there"))
    );
    let (frames, summary) = read(&hex(&format!("{good} 00000000 00000000 05000000 05000000 aabb")));
    assert_eq!((frames.len(), damage(&summary)), (1, (42, "the file ends inside a record: 2 of 5 bytes are there")));
    let (frames, summary) = read(&hex(&format!("{good} 00000000 00000000 ffffffff ffffffff aabb")));
    assert_eq!(frames.len(), 1);
    assert_eq!(damage(&summary).0, 42);
    assert!(damage(&summary).1.contains("4294967295"), "{summary:?}");
    let (frames, summary) = read(&hex("d4c3b2a1 0200 0400"));
    assert_eq!((frames.len(), damage(&summary)), (0, (0, "the file ends inside its header: 8 of 24 bytes are there")));
}

const SECTION: &str = "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000";
const ETHERNET: &str = "01000000 14000000 0100 0000 00000000 14000000";
const PACKET: &str = "06000000 24000000 00000000 00000000 01000000 02000000 09000000 aabb0000 24000000";

#[test]
fn pcapng_enhanced_packet() {
    let (frames, summary) = read(&hex(&format!("{SECTION} {ETHERNET} {PACKET}")));
    assert_eq!(frames, [(1, Some(1_000), 1, 0, 9, vec![0xaa, 0xbb])]);
    assert_eq!((summary.format.as_str(), summary.damage), ("pcapng", None));
}

#[test]
fn pcapng_sections_of_both_byte_orders_count_interfaces_on() {
    let big = "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
        00000001 00000014 0000 0000 00000000 00000014
        00000006 00000024 00000000 00000000 00000001 00000002 00000009 aabb0000 00000024";
    let (frames, summary) = read(&hex(&format!("{SECTION} {ETHERNET} {PACKET} {big} {SECTION} {ETHERNET} {PACKET}")));
    let places: Vec<_> = frames.iter().map(|frame| (frame.2, frame.3)).collect();
    assert_eq!(places, [(1, 0), (0, 1), (1, 2)]);
    assert_eq!(summary.interfaces.len(), 3);
}

#[test]
fn pcapng_simple_packet_has_no_time_and_is_cut_by_the_snap_length() {
    let snap_2 = "01000000 14000000 0100 0000 02000000 14000000";
    let simple = "03000000 14000000 05000000 aabb0000 14000000";
    let (frames, _) = read(&hex(&format!("{SECTION} {snap_2} {simple}")));
    assert_eq!(frames, [(1, None, 1, 0, 5, vec![0xaa, 0xbb])]);
    assert_eq!(frames[0].1, Timestamp::UNKNOWN.nanos());
    let (frames, summary) = read(&hex(&format!("{SECTION} {ETHERNET} {simple}")));
    assert_eq!((frames.len(), damage(&summary)), (0, (48, "a packet block of 20 bytes claims 5 captured bytes")));
}

#[test]
fn pcapng_obsolete_packet_block_counts_drops() {
    let packet = "02000000 24000000 0000 0300 00000000 01000000 02000000 09000000 aabb0000 24000000";
    let (frames, summary) = read(&hex(&format!("{SECTION} {ETHERNET} {packet}")));
    assert_eq!(frames, [(1, Some(1_000), 1, 0, 9, vec![0xaa, 0xbb])]);
    assert_eq!(summary.interfaces[0].lost, 3);
}

#[test]
fn pcapng_interface_options_and_statistics() {
    // if_name "eth0", if_tsresol 2^-10, if_tsoffset 5 s.
    let interface = "01000000 34000000 0100 0000 00000000 0200 0400 65746830 0900 0100 8a000000
        0e00 0800 0500000000000000 0000 0000 34000000";
    let packet = "06000000 20000000 00000000 00000000 00020000 00000000 00000000 20000000";
    // isb_ifrecv 7, isb_ifdrop 1, isb_osdrop 2.
    let statistics = "05000000 40000000 00000000 00000000 00000000 0400 0800 0700000000000000
        0500 0800 0100000000000000 0700 0800 0200000000000000 0000 0000 40000000";
    let (frames, summary) = read(&hex(&format!("{SECTION} {interface} {packet} {statistics}")));
    assert_eq!(summary.damage, None);
    assert_eq!(frames[0].1, Some(5_500_000_000));
    let eth0 = &summary.interfaces[0];
    assert_eq!((eth0.name.as_str(), eth0.received, eth0.dropped, eth0.os_dropped), ("eth0", Some(7), Some(1), Some(2)));
}

#[test]
fn pcapng_unknown_blocks_are_skipped() {
    // Names, secrets, custom (both kinds), unknown.
    for kind in ["04000000", "0a000000", "ad0b0000", "ad0b0040", "01000080"] {
        let block = format!("{kind} 10000000 00000000 10000000");
        let (frames, summary) = read(&hex(&format!("{SECTION} {block} {ETHERNET} {block} {PACKET} {block}")));
        assert_eq!((frames.len(), summary.damage), (1, None), "{kind}");
    }
}

#[test]
fn pcapng_damage_is_named_with_its_offset() {
    let at_84 = [
        ("06000000 00000000 00000000 00000000", "a block claims 0 bytes"),
        ("06000000 fcffffff 00000000 00000000", "a block claims 4294967292 bytes"),
        ("06000000 10000000 00000000 14000000", "16 in front and 20 behind"),
        ("06000000 10000000 00000000 10000000", "too short"),
        (
            "06000000 20000000 01000000 00000000 01000000 00000000 00000000 20000000",
            "interface 1, but its section describes 1",
        ),
        ("06000000 20000000 00000000 00000000 01000000 00000100 00000000 20000000", "claims 65536 captured bytes"),
        ("06000000 20000000 00000000 00000000 01000000 00000005 00000000 20000000", "more than the 262144"),
        ("06000000 20000000 00000000 00000000", "the file ends inside a block: 16 of 32 bytes"),
        ("06000000 20", "the file ends inside a block's header: 5 of 12 bytes"),
        ("0a0d0d0a 1c000000 00000000 0100 0000 ffffffffffffffff 1c000000", "no byte-order magic"),
        ("0a0d0d0a 1c000000 4d3c2b1a 0000 0100 ffffffffffffffff 1c000000", "pcapng version 0.1 is unknown"),
        ("01000000 18000000 0100 0000 00000000 0200 ff00 18000000", "option 2 of 255 bytes"),
    ];
    for (bytes, reason) in at_84 {
        let (frames, summary) = read(&hex(&format!("{SECTION} {ETHERNET} {PACKET} {bytes}")));
        assert_eq!((frames.len(), damage(&summary).0), (1, 84), "{reason}: {summary:?}");
        assert!(damage(&summary).1.contains(reason), "{reason}: {summary:?}");
    }
}

#[test]
fn what_is_no_capture_is_named() {
    assert!(open_error(b"").contains("it is empty"));
    assert!(open_error(b"\x89PNG\r\n\x1a\n0000").contains("89 50 4e 47 0d 0a 1a 0a, a PNG picture"));
    assert!(open_error(b"snoop\0\0\0\0\0\0\x02").contains("Solaris snoop"));
    assert!(open_error(b"time,src\n").contains("text"));
}
