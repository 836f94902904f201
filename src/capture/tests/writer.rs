//! What the writer writes, the reader reads.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::{CaptureCounts, LinkType, PcapngWriter, Timestamp};
use super::{hex, read, read_in_blocks};

/// Bytes written by hand after the format's description, not by looking at what comes out.
#[test]
fn blocks_are_as_the_format_says() {
    let mut writer = PcapngWriter::new(Vec::new(), "ab", Some("note")).expect("written");
    let eth0 = writer.interface("eth0", LinkType::ETHERNET, 96).expect("written");
    let time = Timestamp::from_nanos(0x1_0000_0002);
    writer.packet(eth0, time, 60, &[0xaa, 0xbb, 0xcc], &["why"]).expect("written");
    let address: IpAddr = "10.0.0.1".parse().expect("an address");
    writer.names([(address, "gw")]).expect("written");
    let counts = CaptureCounts { received: Some(7), dropped: None, os_dropped: Some(1) };
    writer.statistics(eth0, time, &counts).expect("written");
    let length = writer.bytes_written();
    let bytes = writer.finish().expect("written");
    assert_eq!(length, bytes.len() as u64);
    let expected = hex("0a0d0d0a 30000000 4d3c2b1a 0100 0000 ffffffffffffffff # section
            0100 0400 6e6f7465 # comment
            0400 0200 61620000 # application
            00000000 30000000
        01000000 28000000 0100 0000 60000000 # interface
            0200 0400 65746830 # name
            0900 0100 09000000 # time resolution
            00000000 28000000
        06000000 30000000 00000000 01000000 02000000 03000000 3c000000 aabbcc00 # packet
            0100 0300 77687900 # comment
            00000000 30000000
        04000000 1c000000 0100 0700 0a000001 67770000 # names
            00000000 1c000000
        05000000 34000000 00000000 01000000 02000000 # statistics
            0400 0800 0700000000000000
            0700 0800 0100000000000000
            00000000 34000000");
    assert_eq!(bytes, expected);
    let (frames, summary) = read(&bytes);
    assert_eq!(frames, [(1, Some(0x1_0000_0002), 1, 0, 60, vec![0xaa, 0xbb, 0xcc])]);
    let eth0 = &summary.interfaces[0];
    assert_eq!((eth0.name.as_str(), eth0.snap_len, eth0.received, eth0.os_dropped), ("eth0", 96, Some(7), Some(1)));
}

#[test]
fn an_interface_that_was_not_described_is_refused() {
    let mut writer = PcapngWriter::new(Vec::new(), "", None).expect("written");
    let error = writer.packet(0, Timestamp::UNKNOWN, 0, &[], &[]).expect_err("refused");
    assert!(error.to_string().contains("interface 0 was not described"));
}

#[test]
fn long_texts_and_many_names_stay_within_their_fields() {
    let long = "ä".repeat(70_000);
    let mut writer = PcapngWriter::new(Vec::new(), &long, Some(&long)).expect("written");
    let only = writer.interface(&long, LinkType::RAW, 0).expect("written");
    let names = (0..5_000_u32).map(|number| (IpAddr::from(number.to_be_bytes()), "a name of some length"));
    writer.names(names).expect("written");
    writer.packet(only, Timestamp::from_nanos(1), 1, &[1], &[&long, &long]).expect("written");
    let (frames, summary) = read_in_blocks(&writer.finish().expect("written"), 1 << 16);
    assert_eq!((frames.len(), summary.damage), (1, None));
    assert_eq!(summary.interfaces[0].name, "ä".repeat(128), "no more is kept of a name");
}

proptest! {
    #[test]
    fn the_reader_is_the_writers_inverse(
        links in proptest::collection::vec(any::<u8>(), 1..4),
        packets in proptest::collection::vec(
            (any::<u8>(), 0..i64::MAX, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..100), any::<bool>()),
            0..30,
        ),
    ) {
        let mut writer = PcapngWriter::new(Vec::new(), "test", None).expect("written");
        for link in &links {
            writer.interface("", LinkType(u16::from(*link)), 0).expect("written");
        }
        let mut expected = Vec::new();
        for (number, (interface, nanos, original, data, comment)) in packets.into_iter().enumerate() {
            let interface = u32::from(interface) % links.len() as u32;
            let comments: &[&str] = if comment { &["one", "two"] } else { &[] };
            let time = Timestamp::from_nanos(nanos);
            writer.packet(interface, time, original, &data, comments).expect("written");
            let link = u16::from(links[interface as usize]);
            expected.push((number as u64 + 1, Some(nanos), link, interface, original, data));
        }
        let (frames, summary) = read_in_blocks(&writer.finish().expect("written"), 128);
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(summary.damage, None);
    }
}
