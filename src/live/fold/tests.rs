//! Folded while it goes on, a survey says of its conversations what it says offline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use etherparse::PacketBuilder;

use super::*;
use crate::capture::{Capture, CaptureSummary, Frame, FrameId, LinkType, Shift};
use crate::flow::{Limits, Seed};
use crate::inventory::{Inventory, InventoryFlags};
use crate::policy::Policy;
use crate::survey::Options;
use crate::survey::run::{Input, judge, judge_related};

const GATEWAY: [u8; 4] = [10, 78, 0, 1];
const SECOND: i64 = 1_000_000_000;
const ACK: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const FIN: u8 = 8;

struct Owned {
    time: Timestamp,
    original_len: u32,
    data: Vec<u8>,
}

/// Traffic as it is made up, by time.
#[derive(Default)]
struct Traffic(Vec<Owned>);

impl Traffic {
    fn add(&mut self, nanos: i64, data: Vec<u8>) {
        let time = Timestamp::from_nanos(1_700_000_000 * SECOND + nanos);
        self.0.push(Owned { time, original_len: data.len() as u32, data });
    }

    fn tcp(&mut self, nanos: i64, (from, to): ([u8; 4], [u8; 4]), ports: (u16, u16), flags: u8, payload: &[u8]) {
        let mut builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).tcp(ports.0, ports.1, 1, 1000);
        if flags & SYN != 0 {
            builder = builder.syn();
        }
        if flags & ACK != 0 {
            builder = builder.ack(1);
        }
        if flags & FIN != 0 {
            builder = builder.fin();
        }
        if flags & RST != 0 {
            builder = builder.rst();
        }
        let mut data = Vec::new();
        builder.write(&mut data, payload).unwrap();
        self.add(nanos, data);
    }

    fn udp(&mut self, nanos: i64, (from, to): ([u8; 4], [u8; 4]), ports: (u16, u16), payload: &[u8]) {
        let mut data = Vec::new();
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(from, to, 64).udp(ports.0, ports.1);
        builder.write(&mut data, payload).unwrap();
        self.add(nanos, data);
    }

    /// A connection that works, and ends by FIN or RST.
    fn http(&mut self, at: i64, node: [u8; 4], port: u16, end: u8) {
        let (there, back) = ((node, GATEWAY), (GATEWAY, node));
        self.tcp(at, there, (port, 80), SYN, &[]);
        self.tcp(at + 1000, back, (80, port), SYN | ACK, &[]);
        self.tcp(at + 2000, there, (port, 80), ACK, b"GET / HTTP/1.1\r\n\r\n");
        self.tcp(at + 3000, back, (80, port), ACK, b"HTTP/1.1 200 OK\r\n\r\n");
        self.tcp(at + 4000, there, (port, 80), ACK | end, &[]);
        self.tcp(at + 5000, back, (80, port), ACK | FIN, &[]);
    }
}

/// Hours of what happens again and again, each time from fresh ports, with all that must not be folded.
fn traffic() -> Traffic {
    let mut all = Traffic::default();
    for round in 0..600_u16 {
        let at = i64::from(round) * 10 * SECOND;
        let node = [10, 78, 0, 10 + (round % 5) as u8];
        let (there, back) = ((node, GATEWAY), (GATEWAY, node));
        let port = 40_000 + round;
        all.http(at, node, port, if round % 4 == 0 { RST } else { FIN });
        // CoAP: confirmable, acknowledged; every 50th is not answered.
        let [high, low] = round.to_be_bytes();
        all.udp(at + SECOND, there, (port, 5683), &[0x42, 1, high, low, 0xab, low]);
        if round % 50 != 7 {
            all.udp(at + SECOND + 1000, back, (5683, port), &[0x62, 0x45, high, low, 0xab, low]);
        }
        // TFTP: a read, and its transfer on a fresh port of the server.
        all.udp(at + 2 * SECOND, there, (port, 69), b"\x00\x01igor.cfg\x00octet\x00");
        all.udp(at + 2 * SECOND + 1000, back, (50_300 + round % 97, port), b"\x00\x03\x00\x01data");
        all.udp(at + 2 * SECOND + 2000, there, (port, 50_300 + round % 97), b"\x00\x04\x00\x01");
        // Refused on a port of no document, and a search of the group with its answer.
        if round % 9 == 0 {
            all.tcp(at + 3 * SECOND, there, (port, 8123), SYN, &[]);
            all.tcp(at + 3 * SECOND + 1000, back, (8123, port), RST | ACK, &[]);
        }
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n";
        all.udp(at + 4 * SECOND, (node, [239, 255, 255, 250]), (port, 1900), search);
        if round % 3 == 0 {
            let answer = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:1\r\n\r\n";
            all.udp(at + 4 * SECOND + 1000, back, (1900, port), answer);
        }
        // Something of hosts that are none of Igor's.
        all.udp(at + 5 * SECOND, ([10, 78, 9, 1], [10, 78, 9, 2]), (port, 4000), b"x");
    }
    all.0.sort_by_key(|owned| owned.time);
    all
}

fn file(path: &Path) -> Traffic {
    let mut capture = Capture::open(path, 0).unwrap();
    let mut all = Traffic::default();
    while let Some(block) = capture.next_block() {
        for frame in block {
            all.0.push(Owned { time: frame.time, original_len: frame.original_len, data: frame.data.to_vec() });
        }
    }
    all
}

fn frame(owned: &Owned, number: usize) -> Frame<'_> {
    Frame {
        id: FrameId::new(0, number as u64),
        time: owned.time,
        link: LinkType::ETHERNET,
        interface: 0,
        original_len: owned.original_len,
        data: &owned.data,
    }
}

fn input() -> Vec<Input> {
    vec![Input { name: "live".into(), size: 0, summary: CaptureSummary::default() }]
}

/// Everything that is told of conversations, findings and the vendor's tables.
fn told(survey: &Survey) -> Vec<String> {
    let host = |id| survey.hosts.get(id).address;
    let mut lines: Vec<String> = survey
        .conversations
        .iter()
        .map(|one| format!("{} {} {one:?}", host(one.client), host(one.server)))
        .chain(survey.coverage.iter().map(|cell| format!("{cell:?}")))
        .chain(survey.findings.iter().map(|finding| format!("{finding:?}")))
        .chain(survey.hosts.iter().map(|host| format!("{host:?}")))
        .collect();
    lines.sort();
    lines
}

/// Judges a capture at once, and in ticks with folding; gives the rows that flows took both ways.
fn assert_same(traffic: &Traffic, inventory: Inventory, after: Duration) -> (usize, usize) {
    let options = Options::new(Policy::embedded(), Arc::new(inventory));
    let seed = Seed::random();
    let mut offline = Observation::new(0, seed, Limits::default());
    offline.observe(traffic.0.iter().enumerate().map(|(number, owned)| frame(owned, number + 1)));
    let offline = judge(input(), offline.finish(), &options);

    let mut whole = Observation::new(0, seed, Limits::default());
    let mut most = 0;
    for (chunk, tick) in traffic.0.chunks(500).zip(0..) {
        let mut part = Observation::new(0, seed, Limits::default());
        part.observe(chunk.iter().enumerate().map(|(at, owned)| frame(owned, tick * 500 + at + 1)));
        whole.absorb(part, Shift::NONE);
        most = most.max(whole.flow_count());
        let (survey, relations) = judge_related(input(), whole.clone().finish(), &options);
        let now = chunk.last().map_or(Timestamp::UNKNOWN, |owned| owned.time);
        Idle::find(&survey, &relations, now, after).fold(&mut whole);
    }
    let live = judge(input(), whole.finish(), &options);
    let flows = |survey: &Survey| survey.flows.iter().map(|(flow, _)| flow.count()).sum::<u64>();
    assert_eq!(flows(&live), flows(&offline));
    let (live, offline_told) = (told(&live), told(&offline));
    for (a, b) in live.iter().zip(&offline_told) {
        assert_eq!(a, b);
    }
    assert_eq!(live.len(), offline_told.len());
    (most, offline.flows.len())
}

#[test]
fn hours_of_traffic_come_out_the_same_in_a_fraction_of_the_rows() {
    let flags = InventoryFlags {
        gateway: vec!["10.78.0.1".into()],
        node: vec!["10.78.0.10-10.78.0.14".into()],
        ..InventoryFlags::default()
    };
    let inventory = Inventory::load(None, &flags).unwrap();
    let (most, offline) = assert_same(&traffic(), inventory, Duration::from_secs(300));
    println!("{most} rows at most, {offline} offline");
    assert!(most * 3 < offline * 2, "{most} {offline}");
}

#[test]
fn the_sample_site_comes_out_the_same() {
    let inventory =
        || Inventory::load(Some(Path::new("captures/site-survey.toml")), &InventoryFlags::default()).unwrap();
    let path = PathBuf::from("captures/site-survey.pcapng");
    for after in [10, 60, 300] {
        assert_same(&file(&path), inventory(), Duration::from_secs(after));
    }
}
