//! Folded while it goes on, a survey says of its conversations what it says offline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::capture::{Capture, CaptureSummary, Frame, Shift};
use crate::decode::TcpFlags;
use crate::flow::scene::Scene;
use crate::flow::{Limits, Seed};
use crate::inventory::{Inventory, InventoryFlags};
use crate::policy::Policy;
use crate::survey::Options;
use crate::survey::run::{Input, judge, judge_related};

const GATEWAY: [u8; 4] = [10, 78, 0, 1];
const SECOND: i64 = 1_000_000_000;
const ACK: u8 = TcpFlags::ACK;
const SYN: u8 = TcpFlags::SYN;
const RST: u8 = TcpFlags::RST;
const FIN: u8 = TcpFlags::FIN;

impl Scene {
    fn after(&mut self, nanos: i64) -> &mut Self {
        self.at_time(Timestamp::from_nanos(1_700_000_000 * SECOND + nanos))
    }

    /// A connection that works, and ends by FIN or RST.
    fn http(&mut self, at: i64, node: [u8; 4], port: u16, end: u8) {
        self.after(at).tcp((node, port), (GATEWAY, 80), SYN, &[]);
        self.after(at + 1000).tcp((GATEWAY, 80), (node, port), SYN | ACK, &[]);
        self.after(at + 2000).tcp((node, port), (GATEWAY, 80), ACK, b"GET / HTTP/1.1\r\n\r\n");
        self.after(at + 3000).tcp((GATEWAY, 80), (node, port), ACK, b"HTTP/1.1 200 OK\r\n\r\n");
        self.after(at + 4000).tcp((node, port), (GATEWAY, 80), ACK | end, &[]);
        self.after(at + 5000).tcp((GATEWAY, 80), (node, port), ACK | FIN, &[]);
    }
}

/// Hours of what happens again and again, each time from fresh ports, with all that must not be folded.
fn traffic() -> Scene {
    let mut all = Scene::default();
    for round in 0..600_u16 {
        let at = i64::from(round) * 10 * SECOND;
        let node = [10, 78, 0, 10 + (round % 5) as u8];
        let port = 40_000 + round;
        all.http(at, node, port, if round % 4 == 0 { RST } else { FIN });
        // CoAP: confirmable, acknowledged; every 50th is not answered.
        let [high, low] = round.to_be_bytes();
        all.after(at + SECOND).udp((node, port), (GATEWAY, 5683), &[0x42, 1, high, low, 0xab, low]);
        if round % 50 != 7 {
            all.after(at + SECOND + 1000).udp((GATEWAY, 5683), (node, port), &[0x62, 0x45, high, low, 0xab, low]);
        }
        // TFTP: a read, and its transfer on a fresh port of the server.
        all.after(at + 2 * SECOND).udp((node, port), (GATEWAY, 69), b"\x00\x01igor.cfg\x00octet\x00");
        all.after(at + 2 * SECOND + 1000).udp((GATEWAY, 50_300 + round % 97), (node, port), b"\x00\x03\x00\x01data");
        all.after(at + 2 * SECOND + 2000).udp((node, port), (GATEWAY, 50_300 + round % 97), b"\x00\x04\x00\x01");
        // Refused on a port of no document, and a search of the group with its answer.
        if round % 9 == 0 {
            all.after(at + 3 * SECOND).tcp((node, port), (GATEWAY, 8123), SYN, &[]);
            all.after(at + 3 * SECOND + 1000).tcp((GATEWAY, 8123), (node, port), RST | ACK, &[]);
        }
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n";
        all.after(at + 4 * SECOND).udp((node, port), ([239, 255, 255, 250], 1900), search);
        if round % 3 == 0 {
            let answer = b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:1\r\n\r\n";
            all.after(at + 4 * SECOND + 1000).udp((GATEWAY, 1900), (node, port), answer);
        }
        // Something of hosts that are none of Igor's.
        all.after(at + 5 * SECOND).udp(([10, 78, 9, 1], port), ([10, 78, 9, 2], 4000), b"x");
    }
    all.sort();
    all
}

fn file(path: &Path) -> Scene {
    let mut capture = Capture::open(path, 0).unwrap();
    let mut all = Scene::default();
    while let Some(block) = capture.next_block() {
        block.for_each(|frame| all.put(frame.time, frame.original_len, frame.data.to_vec()));
    }
    all
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
fn assert_same(traffic: &Scene, inventory: Inventory, after: Duration) -> (usize, usize) {
    let options = Options::new(Policy::embedded(), Arc::new(inventory));
    let seed = Seed::random();
    let frames: Vec<Frame<'_>> = traffic.frames(0..traffic.len()).collect();
    let observe = |frames: &[Frame<'_>]| {
        let mut observation = Observation::new(0, seed, Limits::default());
        observation.observe(frames.iter().copied());
        observation
    };
    let offline = judge(input(), observe(&frames).finish(), &options);

    let mut whole = Observation::new(0, seed, Limits::default());
    let mut most = 0;
    for chunk in frames.chunks(500) {
        whole.absorb(observe(chunk), Shift::NONE);
        most = most.max(whole.flow_count());
        let (survey, relations) = judge_related(input(), whole.clone().finish(), &options);
        let now = chunk.last().map_or(Timestamp::UNKNOWN, |frame| frame.time);
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
