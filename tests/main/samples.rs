//! The generator, and that `captures/` holds what it makes.

use std::fs;
use std::path::Path;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use crate::command;
use crate::traffic::file::{Format, Record};
use crate::traffic::load::{self, Limit, Mix, Totals};
use crate::traffic::{samples, survey};

#[test]
fn the_samples_are_what_the_generator_makes() {
    for sample in samples() {
        let stored = fs::read(command::sample(sample.name)).unwrap_or_default();
        assert!(stored == sample.bytes, "captures/{} differs: cargo run --example generate -- samples", sample.name);
    }
}

#[test]
fn each_sample_is_explained_and_the_survey_is_small() {
    let readme = fs::read_to_string(command::sample("README.md")).expect("captures/README.md");
    let frames = survey::tape().records.len();
    let said = format!("{},{:03} frames", frames / 1_000, frames % 1_000);
    assert!(readme.contains(&said), "captures/README.md does not say {said}");
    for sample in samples() {
        assert!(readme.contains(&format!("`{}`", sample.name)), "captures/README.md says nothing of {}", sample.name);
        assert!(sample.bytes.len() <= 2_000_000, "{} has {} bytes", sample.name, sample.bytes.len());
    }
}

/// Panics unless etherparse, which knows nothing of the generator, finds every checksum right.
fn check(frame: &[u8]) {
    let packet = SlicedPacket::from_ethernet(frame).expect("a well-formed frame");
    if let Some(NetSlice::Ipv4(ip)) = &packet.net {
        assert_eq!(ip.header().header_checksum(), ip.header().to_header().calc_header_checksum());
    }
    let (NetSlice::Ipv4(_) | NetSlice::Ipv6(_), Some(transport)) =
        (packet.net.as_ref().unwrap_or_else(|| panic!("{frame:x?}")), &packet.transport)
    else {
        return;
    };
    let (found, right) = match (packet.net.as_ref().unwrap(), transport) {
        (NetSlice::Ipv4(ip), TransportSlice::Tcp(tcp)) => {
            let (a, b) = (ip.header().source(), ip.header().destination());
            (tcp.checksum(), tcp.to_header().calc_checksum_ipv4_raw(a, b, tcp.payload()).unwrap())
        }
        (NetSlice::Ipv4(ip), TransportSlice::Udp(udp)) => {
            let (a, b) = (ip.header().source(), ip.header().destination());
            (udp.checksum(), udp.to_header().calc_checksum_ipv4_raw(a, b, udp.payload()).unwrap())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Udp(udp)) => {
            let (a, b) = (ip.header().source(), ip.header().destination());
            (udp.checksum(), udp.to_header().calc_checksum_ipv6_raw(a, b, udp.payload()).unwrap())
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            let (a, b) = (ip.header().source(), ip.header().destination());
            (icmp.checksum(), icmp.icmp_type().calc_checksum(a, b, icmp.payload()).unwrap())
        }
        _ => return,
    };
    assert_eq!(found, right, "{frame:x?}");
}

fn is_ip(record: &Record) -> bool {
    let at = if record.frame[12..14] == [0x81, 0] { 16 } else { 12 };
    matches!(record.frame[at..at + 2], [0x08, 0x00] | [0x86, 0xdd])
}

#[test]
fn every_frame_of_the_survey_has_right_checksums_and_its_time() {
    let tape = survey::tape();
    assert!(tape.records.len() > 3_000);
    assert!(tape.records.windows(2).all(|pair| pair[0].time <= pair[1].time));
    tape.records.iter().filter(|record| is_ip(record)).for_each(|record| check(&record.frame));
}

fn load(mix: Mix, format: Format, packets: u64, seed: u64) -> (Vec<u8>, Totals) {
    let mut bytes = Vec::new();
    let limit = Limit { packets, bytes: u64::MAX };
    let totals = load::write(&mut bytes, mix, format, limit, 1_000, seed).expect("memory takes what is written");
    (bytes, totals)
}

/// The frames of a classic pcap file of our own.
fn frames(pcap: &[u8]) -> Vec<&[u8]> {
    let mut rest = &pcap[24..];
    let mut list = Vec::new();
    while let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        list.push(&rest[16..16 + length]);
        rest = &rest[16 + length..];
    }
    list
}

#[test]
fn loads_are_well_formed_and_as_big_as_they_say() {
    for (mix, low, high) in [(Mix::Lighting, 180, 220), (Mix::Mtu, 1_400, 1_400), (Mix::Small64, 64, 64)] {
        let (bytes, totals) = load(mix, Format::Pcap, 60_000, 1);
        let list = frames(&bytes);
        assert_eq!((list.len(), bytes.len() as u64), (60_000, totals.file_bytes), "{mix:?}");
        assert_eq!(list.iter().map(|frame| frame.len() as u64).sum::<u64>(), totals.wire_bytes);
        let mean = totals.wire_bytes / totals.packets;
        assert!((low..=high).contains(&mean), "{mix:?}: {mean} bytes on average");
        list.iter().step_by(7).for_each(|frame| check(frame));
    }
}

#[test]
fn loads_are_the_same_each_time_and_differ_by_seed() {
    for mix in [Mix::Lighting, Mix::Mtu, Mix::Small64] {
        assert!(load(mix, Format::Pcapng, 5_000, 3) == load(mix, Format::Pcapng, 5_000, 3));
        assert!(load(mix, Format::Pcap, 5_000, 3) != load(mix, Format::Pcap, 5_000, 4));
    }
}

#[test]
fn the_twins_hold_the_same_frames() {
    for mix in [Mix::Lighting, Mix::Small64] {
        let (pcap, pcapng) = (load(mix, Format::Pcap, 500, 1), load(mix, Format::Pcapng, 500, 1));
        assert_eq!(pcap.1.wire_bytes, pcapng.1.wire_bytes);
        let mut rest = &pcapng.0[..];
        let mut list = Vec::new();
        while rest.len() >= 12 {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes")) as usize;
            if word(0) == 6 {
                list.push(&rest[28..28 + word(20)]);
            }
            assert_eq!(word(4), word(word(4) - 4), "a block's two lengths agree");
            rest = &rest[word(4)..];
        }
        assert_eq!(list, frames(&pcap.0));
    }
}

#[test]
fn a_limit_of_bytes_holds() {
    let mut bytes = Vec::new();
    let limit = Limit { packets: u64::MAX, bytes: 1_000_000 };
    let totals = load::write(&mut bytes, Mix::Small64, Format::Pcap, limit, 10, 1).expect("memory takes it");
    assert_eq!(totals.file_bytes, bytes.len() as u64);
    assert!((1_000_000..1_000_100).contains(&totals.file_bytes));
}

#[test]
fn the_index_of_docs_names_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let index = fs::read_to_string(docs.join("README.md")).expect("docs/README.md");
    for entry in fs::read_dir(docs).expect("docs") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(!name.ends_with(".md") || name == "README.md" || index.contains(&format!("({name})")), "{name}");
    }
}
