//! `igorscope path` on captures whose losses are known, because they were made here or by editcap.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;

use crate::command::{Run, captures, folder, run, sample};
use crate::skips::skipped;
use crate::traffic::file::Tape;
use crate::traffic::frame::{self, ACK, SYN, Segment, Tag, V4};
use crate::traffic::site::START;
use crate::traffic::wire::{MICRO, MILLI, SECOND};

const NODE: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 101);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 10);
const HOSTS: [&str; 4] = ["--gateway", "10.20.0.10", "--node", "10.20.0.101"];

/// A packet as its sender made it.
#[derive(Clone)]
struct Sent {
    /// Nanoseconds after [`START`].
    at: u64,
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    segment: Vec<u8>,
    id: u16,
    tos: u8,
}

impl Sent {
    fn udp(at: u64, (from, from_port): (Ipv4Addr, u16), (to, to_port): (Ipv4Addr, u16), payload: &[u8]) -> Self {
        let segment = frame::udp((from.into(), from_port), (to.into(), to_port), payload);
        Self { at, from, to, protocol: frame::UDP, segment, id: 0, tos: 46 << 2 }
    }

    fn tcp(at: u64, (from, from_port): (Ipv4Addr, u16), (to, to_port): (Ipv4Addr, u16), flags: u8, seq: u32) -> Self {
        let segment = Segment { seq, ack: 0, flags, window: 1000, payload: &[] };
        let segment = frame::tcp((from.into(), from_port), (to.into(), to_port), segment);
        Self { at, from, to, protocol: frame::TCP, segment, id: 0, tos: 0 }
    }

    /// As a place sees it: through so many routers, with a tag.
    fn seen(&self, routers: u8, tags: &[Tag]) -> Vec<u8> {
        let head = V4 { id: self.id, ttl: 64 - routers, fragment: 0x4000, tos: self.tos, options: &[] };
        let packet = frame::ipv4(self.from, self.to, self.protocol, head, &self.segment);
        frame::ethernet([2, 0, 0, 0, routers, 2], [2, 0, 0, 0, routers, 1], tags, 0x0800, &packet)
    }
}

/// Requests of a node and the gateway's answers, each with a number of its own, ten a second.
fn dialogue(seconds: u64) -> Vec<Sent> {
    let (node, gateway) = ((NODE, 40_000), (GATEWAY, 5683));
    (0..seconds * 10)
        .flat_map(|number| {
            let at = number * 100 * MILLI;
            let text = number.to_be_bytes();
            [Sent::udp(at, node, gateway, &text), Sent::udp(at + 30 * MILLI, gateway, node, &text)]
        })
        .collect()
}

fn write(tape: &mut Tape, path: &Path) {
    tape.sort();
    fs::write(path, tape.pcap()).unwrap();
}

/// The rows of path.csv by column.
fn rows(folder: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join("path.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    for row in rows.iter().filter(|row| !row["to"].is_empty()) {
        let number = |name: &str| row[name].parse::<u64>().unwrap();
        assert_eq!(number("sent"), number("arrived") + number("missing"), "{row:?}");
    }
    rows
}

fn sum(rows: &[BTreeMap<String, String>], column: &str) -> u64 {
    rows.iter().map(|row| row[column].parse::<u64>().unwrap_or(0)).sum()
}

fn json(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("path.json")).unwrap()).unwrap()
}

fn compare(a: &Path, b: &Path, out: &Path, more: &[&str]) -> Run {
    let (a, b) = (format!("A={}", a.display()), format!("B={}", b.display()));
    let mut words = vec!["path", &a, &b, "-o", out.to_str().unwrap()];
    words.extend(more);
    run(words)
}

/// What `igorscope path` tells of two places by what each captured.
struct Compared {
    done: Run,
    rows: Vec<BTreeMap<String, String>>,
    /// Where its files are.
    out: tempfile::TempDir,
}

impl Compared {
    fn of(mut at_a: Tape, mut at_b: Tape) -> Self {
        let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [a, b] = ["a.pcap", "b.pcap"].map(|name| folder.path().join(name));
        write(&mut at_a, &a);
        write(&mut at_b, &b);
        let done = compare(&a, &b, out.path(), &HOSTS).expect(0, &[]);
        Self { done, rows: rows(out.path()), out }
    }
}

/// Another clock, delays, losses, copies, overtaking, marks and tags: all with known answers.
#[test]
fn what_was_done_to_packets_is_found_again() {
    // The other clock is 3.7 s behind and 50 ppm fast.
    let other = |time: u64| START - 3_700 * MILLI + time + time / 20_000;
    let (mut at_a, mut at_b) = (Tape::default(), Tape::default());
    let tag = [Tag(0x8100, 20)];
    let mut lost = Vec::new();
    let mut requests = 0;
    for (number, sent) in dialogue(120).into_iter().enumerate() {
        let is_request = sent.from == NODE;
        requests += u64::from(is_request);
        let jitter = number as u64 * 7919 % 500 * MICRO;
        if !is_request {
            // Back from B to A in 8 ms.
            at_b.push(other(sent.at), sent.seen(0, &[]));
            at_a.push(START + sent.at + 8 * MILLI + jitter, sent.seen(1, &[]));
            continue;
        }
        at_a.push(START + sent.at, sent.seen(0, &[]));
        let remarked = Sent { tos: 0, ..sent.clone() };
        let late = |nanos: u64| other(sent.at + 8 * MILLI + jitter + nanos);
        match number / 2 {
            // Not in the first and last seconds, where captures begin and end.
            n if n % 50 == 25 => lost.push(START + sent.at),
            n if n % 50 == 26 => {
                at_b.push(late(0), sent.seen(1, &[]));
                at_b.push(late(MILLI), sent.seen(1, &[]));
            }
            // Overtaken by the next one.
            n if n % 50 == 27 => at_b.push(late(150 * MILLI), sent.seen(1, &[])),
            n if n % 50 == 30 => at_b.push(late(0), remarked.seen(1, &[])),
            n if n % 50 == 31 => at_b.push(late(0), sent.seen(1, &tag)),
            _ => at_b.push(late(0), sent.seen(1, &[])),
        }
    }
    // A connection that something between drops: SYNs, repeated as they are.
    for late in [20, 21, 23, 27] {
        let syn = Sent::tcp(late * SECOND, (NODE, 41_000), (GATEWAY, 1901), SYN, 7);
        at_a.push(START + syn.at, syn.seen(0, &[]));
    }
    // One that something between rejects in the gateway's name.
    let syn = Sent::tcp(40 * SECOND, (NODE, 41_001), (GATEWAY, 1900), SYN, 9);
    at_a.push(START + syn.at, syn.seen(0, &[]));
    let reset = Sent::tcp(40 * SECOND + MILLI, (GATEWAY, 1900), (NODE, 41_001), frame::RST | ACK, 0);
    at_a.push(START + reset.at, reset.seen(0, &[]));
    // And one that gets no answer from beyond.
    for late in [50, 51, 53] {
        let syn = Sent::tcp(late * SECOND, (NODE, 41_002), (GATEWAY, 80), SYN, 11);
        at_a.push(START + syn.at, syn.seen(0, &[]));
        // What lies between clamps the segment size: 1460 to 1380.
        let mut clamped = syn.clone();
        clamped.segment[22..24].copy_from_slice(&1380_u16.to_be_bytes());
        at_b.push(other(syn.at + 8 * MILLI), clamped.seen(1, &[]));
    }
    let Compared { done, out, rows } = Compared::of(at_a, at_b);
    let find = |port: &str, direction: &str| {
        let found: Vec<_> =
            rows.iter().filter(|row| row["server_port"] == port && row["direction"] == direction).collect();
        assert_eq!(found.len(), 1, "{port} {direction}: {rows:?}");
        found[0]
    };
    let there = find("5683", "to-server");
    let expected = [
        ("from", "A".to_owned()),
        ("to", "B".to_owned()),
        ("sent", requests.to_string()),
        ("missing", lost.len().to_string()),
        ("duplicated", "24".to_owned()),
        ("reordered", "24".to_owned()),
        ("changed", "48".to_owned()),
        ("ambiguous", "0".to_owned()),
        ("appeared", "0".to_owned()),
        ("basis", "hops".to_owned()),
    ];
    for (column, value) in expected {
        assert_eq!(there[column], value, "{column}: {there:?}");
    }
    let time = |nanos: u64| igorscope::capture::Timestamp::from_nanos(nanos as i64).to_string();
    assert_eq!(there["first_missing"], time(*lost.first().unwrap()));
    assert_eq!(there["last_missing"], time(*lost.last().unwrap()));
    assert_eq!(find("80", "to-server")["changed"], "3");
    let back = find("5683", "to-client");
    assert_eq!((&*back["from"], &*back["to"], &*back["missing"]), ("B", "A", "0"));
    // The smallest delays of both ways are equal here, so that the clocks can be told exactly.
    for (row, column, from, to) in [
        (there, "delay_min_s", 0.0078, 0.0082),
        (there, "delay_median_s", 0.0079, 0.0088),
        (there, "delay_max_s", 0.157, 0.160),
        (back, "delay_min_s", 0.0078, 0.0082),
        (back, "delay_p95_s", 0.0082, 0.0088),
    ] {
        let value: f64 = row[column].parse().unwrap();
        assert!((from..to).contains(&value), "{column}: {value}");
    }
    let all = json(out.path());
    let clock = &all["places"][1]["clock"];
    assert!((clock["ahead_s"].as_f64().unwrap() + 3.7).abs() < 0.0005, "{clock}");
    assert!((clock["drift_ppm"].as_f64().unwrap() - 50.0).abs() < 2.0, "{clock}");
    assert!((clock["error_s"].as_f64().unwrap() - 0.008).abs() < 0.0005, "{clock}");

    let kinds: Vec<_> = all["losses"].as_array().unwrap().iter().collect();
    let kind = |port: u64| kinds.iter().find(|loss| loss["server_port"] == port).expect("a loss")["kind"].clone();
    assert_eq!(kind(1901), "request-lost");
    assert_eq!(kind(1900), "answered-between");
    assert_eq!(kind(80), "unanswered-beyond");
    let text = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Left A, never came to B: what lies between drops TCP 1901"), "{text}");
    assert!(text.contains("from nodes to the gateway (4 packets of 1 conversation)"), "{text}");
    let changes = "DSCP 46 to 0 in 24 packets, MSS 1460 to 1380 in 3 packets, VLAN none to 20 in 24 packets";
    assert!(text.contains(changes), "{text}");
    let page = fs::read_to_string(out.path().join("path.html")).unwrap();
    assert!(page.contains("Left A, never came to B") && page.contains("<svg"), "the page tells it too");
}

/// The frames that editcap takes out of a sample are those that are missing.
#[test]
fn what_editcap_takes_out_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let [b, out] = ["b.pcapng", "out"].map(|name| folder.path().join(name));
    let whole = sample("site-survey.pcapng");
    let tools = |program: &str, words: &[&str]| Command::new(program).args(words).output();
    // IP packets between two hosts, well inside: what goes to groups may repeat.
    let filter =
        "udp.port == 5683 && !(ip.dst == 224.0.0.0/4) && frame.time_relative > 60 && frame.time_relative < 1500";
    let words = ["-r", whole.to_str().unwrap(), "-Y", filter, "-T", "fields", "-e", "frame.number"];
    let Ok(listed) = tools("tshark", &words) else { return skipped("there is no tshark") };
    let numbers: Vec<String> = String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
    let taken: Vec<&str> = numbers.iter().step_by(7).map(String::as_str).collect();
    assert!(taken.len() > 20, "{} packets to take from", numbers.len());
    let mut words = vec![whole.to_str().unwrap(), b.to_str().unwrap()];
    words.extend(&taken);
    match tools("editcap", &words) {
        Ok(done) => assert!(done.status.success(), "{done:?}"),
        Err(_) => return skipped("there is no editcap"),
    }
    compare(&whole, &b, &out, &[]).expect(0, &[]);
    let rows = rows(&out);
    let coap: Vec<_> = rows.iter().filter(|row| row["server_port"] == "5683").cloned().collect();
    // Two were all that their hosts ever exchanged that way: nothing shows that these were to come.
    let alone: Vec<_> = rows.iter().filter(|row| row["to"].is_empty()).cloned().collect();
    assert_eq!(sum(&alone, "sent"), 2, "{alone:?}");
    assert_eq!(sum(&coap, "missing"), taken.len() as u64 - 2);
    assert_eq!(sum(&rows, "missing"), taken.len() as u64 - 2);
    assert_eq!(sum(&rows, "appeared"), 0);
}

/// Whatever a capture holds, nothing of it is missing from itself.
#[test]
fn no_sample_loses_anything_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for path in captures(&sample("")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let done = compare(&path, &path, &out, &[]);
        assert!([0, 3].contains(&done.status), "{name}: {}", done.err);
        let rows = rows(&out);
        for column in ["missing", "duplicated", "reordered", "changed", "appeared"] {
            assert_eq!(sum(&rows, column), 0, "{name}: {column}");
        }
        assert!(sum(&rows, "arrived") > 0, "{name}");
        assert!(rows.iter().all(|row| row["delay_max_s"].is_empty() || row["delay_max_s"] == "0.000000000"), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any set of unique packets that is taken out is found, whichever side is named first.
    #[test]
    fn what_is_taken_out_is_what_is_missing(taken in prop::collection::hash_set(20_usize..380, 0..120), swapped: bool) {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, out] = ["a.pcap", "b.pcap", "out"].map(|name| folder.path().join(name));
        let (mut whole, mut less) = (Tape::default(), Tape::default());
        for (number, sent) in dialogue(20).into_iter().enumerate() {
            pass(&sent, !taken.contains(&number), &mut whole, &mut less);
        }
        write(&mut whole, &a);
        write(&mut less, &b);
        let (first, second) = if swapped { (&b, &a) } else { (&a, &b) };
        compare(first, second, &out, &HOSTS).expect(0, &[]);
        let rows = rows(&out);
        for (direction, odd) in [("to-server", 0), ("to-client", 1)] {
            let expected = taken.iter().filter(|number| *number % 2 == odd).count() as u64;
            let of_it: Vec<_> = rows.iter().filter(|row| row["direction"] == direction).cloned().collect();
            prop_assert_eq!(sum(&of_it, "missing"), expected, "{}", direction);
            prop_assert_eq!(sum(&of_it, "arrived"), 200 - expected);
        }
        prop_assert_eq!(sum(&rows, "appeared"), 0);
    }
}

/// Of packets that cannot be told apart, only how many is told.
#[test]
fn identical_packets_are_counted_and_never_paired_by_guess() {
    let (mut at_a, mut at_b) = (Tape::default(), Tape::default());
    for (number, sent) in dialogue(10).into_iter().enumerate() {
        pass(&sent, true, &mut at_a, &mut at_b);
        if number == 100 {
            for copy in 0..100_000_u64 {
                let same = Sent::udp(sent.at + copy * 10 * MICRO, (NODE, 9), (GATEWAY, 5683), b"same");
                at_a.push(START + same.at, same.seen(0, &[]));
                if copy % 100 != 0 {
                    at_b.push(START + same.at + MILLI, same.seen(1, &[]));
                }
            }
        }
    }
    // Three within a moment, of which one is lost; and two beacons far apart, of which it is known which is.
    for (at, port, arrives) in [(2000, 7, true), (2001, 7, false), (2002, 7, true), (3000, 8, true), (5000, 8, false)] {
        let same = Sent::udp(at * MILLI, (NODE, port), (GATEWAY, 80 + port), b"same");
        pass(&same, arrives, &mut at_a, &mut at_b);
    }
    let Compared { rows, .. } = Compared::of(at_a, at_b);
    let of =
        |port: &str| rows.iter().find(|row| row["server_port"] == port && row["direction"] == "to-server").unwrap();
    for (port, missing, ambiguous) in [("5683", "1000", "100000"), ("87", "1", "3"), ("88", "1", "0")] {
        assert_eq!((&*of(port)["missing"], &*of(port)["ambiguous"]), (missing, ambiguous), "{:?}", of(port));
    }
    assert_eq!(of("87")["first_missing"], "");
    assert_ne!(of("88")["first_missing"], "");
}

/// A packet that one place sees, and a millisecond later the other one, if it arrives.
fn pass(sent: &Sent, arrives: bool, at_a: &mut Tape, at_b: &mut Tape) {
    at_a.push(START + sent.at, sent.seen(0, &[]));
    if arrives {
        at_b.push(START + sent.at + MILLI, sent.seen(1, &[]));
    }
}

/// With an identification that stays, repeated packets are told apart after all.
#[test]
fn identification_tells_retransmissions_apart() {
    let (mut at_a, mut at_b) = (Tape::default(), Tape::default());
    for (number, mut sent) in dialogue(10).into_iter().enumerate() {
        sent.id = number as u16 + 1;
        pass(&sent, true, &mut at_a, &mut at_b);
    }
    for (id, arrives) in [(901, true), (902, false), (903, true)] {
        let mut same = Sent::udp(4 * SECOND + u64::from(id) * MILLI, (NODE, 7), (GATEWAY, 80), b"same");
        same.id = id;
        pass(&same, arrives, &mut at_a, &mut at_b);
    }
    let Compared { rows, .. } = Compared::of(at_a, at_b);
    let row = rows.iter().find(|row| row["server_port"] == "80").unwrap();
    assert_eq!((&*row["missing"], &*row["ambiguous"], &*row["duplicated"]), ("1", "0", "0"));
    assert_eq!(row["first_missing"], row["last_missing"]);
    assert_ne!(row["first_missing"], "");
}

/// Three places in a row, and one aside; declared NAT; frames that one place cut short.
#[test]
fn routes_lead_over_more_than_two_places() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = ["n.pcap", "m.pcap", "g.pcap", "x.pcap"].map(|name| folder.path().join(name)).into();
    let mut tapes: Vec<Tape> = (0..4).map(|_| Tape::default()).collect();
    let outside = Ipv4Addr::new(192, 168, 7, 5);
    for (number, sent) in dialogue(20).into_iter().enumerate() {
        let forward = sent.from == NODE;
        // Node's switch, middle, gateway's switch; behind the last the node has another address.
        let order = if forward { [0, 1, 2] } else { [2, 1, 0] };
        for (hop, place) in order.into_iter().enumerate() {
            if forward && number % 40 == 20 && hop == 2 {
                continue;
            }
            let change = |address: Ipv4Addr| if address == NODE { outside } else { address };
            let seen = if place == 2 {
                let (from, to) = (change(sent.from), change(sent.to));
                let ports = |at: usize| u16::from_be_bytes([sent.segment[at], sent.segment[at + 1]]);
                let payload = &sent.segment[8..];
                Sent::udp(sent.at, (from, ports(0)), (to, ports(2)), payload)
            } else {
                sent.clone()
            };
            let mut bytes = seen.seen(hop as u8, &[]);
            let original = bytes.len() as u32;
            if place == 1 {
                bytes.truncate(14 + 20 + 8 + 8);
            }
            tapes[place].push(START + sent.at + hop as u64 * MILLI, bytes);
            tapes[place].records.last_mut().unwrap().original = original;
        }
        let other = Sent::udp(
            sent.at,
            (Ipv4Addr::new(10, 20, 0, 50), 50),
            (Ipv4Addr::new(10, 20, 0, 51), 51),
            &number.to_be_bytes(),
        );
        tapes[3].push(START + other.at, other.seen(0, &[]));
    }
    for (tape, path) in tapes.iter_mut().zip(&paths) {
        write(tape, path);
    }
    let out = folder.path().join("out");
    // Named in another order than they stand in.
    let words = [
        paths[1].to_str().unwrap(),
        paths[3].to_str().unwrap(),
        paths[0].to_str().unwrap(),
        paths[2].to_str().unwrap(),
    ];
    let nat = ["--nat", "10.20.0.101=192.168.7.5", "-o", out.to_str().unwrap()];
    run(["path"].iter().chain(&words).chain(&HOSTS).chain(&nat)).expect(0, &[]);
    let rows = rows(&out);
    let legs: HashSet<(String, String, String, String)> =
        rows.iter().map(|row| ["from", "to", "direction", "missing"].map(|name| row[name].clone()).into()).collect();
    let expected = [
        ("n", "m", "to-server", "0"),
        ("m", "g", "to-server", "10"),
        ("g", "m", "to-client", "0"),
        ("m", "n", "to-client", "0"),
        ("x", "", "to-server", ""),
    ];
    let expected = expected.map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned())).into();
    assert_eq!(legs, expected);
}

/// A reply that goes another way is not lost: its connection came about.
#[test]
fn what_goes_another_way_is_not_lost() {
    let (mut near_gateway, mut near_node) = (Tape::default(), Tape::default());
    let to_port = |port: u16, at: u64, flags: u8, [seq, ack]: [u32; 2], is_answer: bool, payload: &[u8]| {
        let (node, gateway) = ((NODE, 40_000), (GATEWAY, port));
        let ((from, from_port), (to, to_port)) = if is_answer { (gateway, node) } else { (node, gateway) };
        let segment = Segment { seq, ack, flags, window: 1000, payload };
        let segment = frame::tcp((from.into(), from_port), (to.into(), to_port), segment);
        Sent { at, from, to, protocol: frame::TCP, segment, id: 0, tos: 0 }
    };
    let segment = |at, flags, numbers, is_answer, payload: &[u8]| to_port(80, at, flags, numbers, is_answer, payload);
    // A connection that only one place sees, whole; and one that is not answered.
    for (at, flags, numbers, is_answer, payload) in [
        (0, SYN, [1, 0], false, &b""[..]),
        (1, SYN | ACK, [9, 2], true, b""),
        (2, ACK, [2, 10], false, b"x"),
        (3, ACK, [10, 3], true, b"y"),
    ] {
        let sent = to_port(88, at * MILLI, flags, numbers, is_answer, payload);
        near_gateway.push(START + sent.at, sent.seen(0, &[]));
    }
    for at in [500, 1_000, 2_000] {
        let sent = to_port(90, at * MILLI, SYN, [1, 0], false, b"");
        near_node.push(START + sent.at, sent.seen(0, &[]));
    }
    for number in 0..40_u32 {
        let at = u64::from(number) * 100 * MILLI;
        let exchange = match number {
            0 => vec![segment(at, SYN, [1, 0], false, b""), segment(at + MILLI, SYN | ACK, [9, 2], true, b"")],
            _ => vec![
                segment(at, ACK, [2 + number, 10 + number], false, b"x"),
                segment(at + MILLI, ACK, [10 + number, 3 + number], true, b"y"),
            ],
        };
        for sent in exchange {
            if sent.from == NODE {
                near_node.push(START + sent.at, sent.seen(0, &[]));
                near_gateway.push(START + sent.at + MILLI / 2, sent.seen(1, &[]));
            } else {
                near_gateway.push(START + sent.at, sent.seen(0, &[]));
            }
        }
    }
    let Compared { rows, .. } = Compared::of(near_gateway, near_node);
    let of = |port: &str| rows.iter().filter(|row| row["server_port"] == port).cloned().collect::<Vec<_>>();
    assert_eq!(sum(&of("80"), "missing"), 0, "{rows:?}");
    let answers = of("80").into_iter().find(|row| row["direction"] == "to-client").unwrap();
    assert_eq!((&*answers["from"], &*answers["to"], &*answers["sent"]), ("A", "", "40"));
    assert!(of("88").iter().all(|row| &*row["from"] == "A" && row["to"].is_empty()), "{:?}", of("88"));
    assert_eq!((sum(&of("88"), "missing"), sum(&of("90"), "missing")), (0, 3));
}

/// A clock that is set in the middle must not look like a loss.
#[test]
fn a_clock_that_was_set_is_told_first() {
    let (mut at_a, mut at_b) = (Tape::default(), Tape::default());
    for sent in dialogue(60) {
        at_a.push(START + sent.at, sent.seen(0, &[]));
        let set = if sent.at > 30 * SECOND { 5 * SECOND } else { 0 };
        at_b.push(START + sent.at + MILLI + set, sent.seen(1, &[]));
    }
    let Compared { done, out, .. } = Compared::of(at_a, at_b);
    assert!(done.out.contains("NOT COMPARED RIGHT"), "{}", done.out);
    assert_eq!(json(out.path())["result"]["grade"], "bad");
}

/// One frame with a mad time neither holds up its place nor moves what all share.
#[test]
fn a_mad_time_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, out] = ["a.pcap", "b.pcap", "out"].map(|name| folder.path().join(name));
    let (mut at_a, mut at_b) = (Tape::default(), Tape::default());
    for (number, sent) in dialogue(300).into_iter().enumerate() {
        let mad = if number == 40 { 1_000_000_000 * SECOND } else { 0 };
        at_a.push(START + sent.at + mad, sent.seen(0, &[]));
        at_b.push(START + sent.at + MILLI, sent.seen(1, &[]));
    }
    fs::write(&a, at_a.pcap()).unwrap();
    write(&mut at_b, &b);
    let text = compare(&a, &b, &out, &HOSTS).expect(0, &[]).out;
    let rows = rows(&out);
    assert_eq!((sum(&rows, "missing"), sum(&rows, "appeared")), (0, 1), "{text}");
    assert!(!text.contains("NOT COMPARED"), "{text}");
}

/// A place may be a folder of files that overlap in time, as several interfaces give them.
#[test]
fn a_place_may_be_several_files_of_one_time() {
    let whole = tempfile::tempdir().unwrap();
    let [a, b, out] = ["a.pcap", "b", "out"].map(|name| whole.path().join(name));
    fs::create_dir(&b).unwrap();
    let mut all = Tape::default();
    let mut parts = [Tape::default(), Tape::default(), Tape::default()];
    for (number, sent) in dialogue(60).into_iter().enumerate() {
        all.push(START + sent.at, sent.seen(0, &[]));
        let part = if sent.at > 40 * SECOND { 2 } else { number % 2 };
        if number != 500 {
            parts[part].push(START + sent.at + MILLI, sent.seen(1, &[]));
        }
    }
    write(&mut all, &a);
    for (part, name) in parts.iter_mut().zip(["z.pcap", "y.pcap", "x.pcap"]) {
        write(part, &b.join(name));
    }
    compare(&a, &b, &out, &HOSTS).expect(0, &[]);
    let rows = rows(&out);
    assert_eq!((sum(&rows, "missing"), sum(&rows, "arrived")), (1, 1199), "{rows:?}");
    assert_eq!((sum(&rows, "reordered"), sum(&rows, "appeared")), (0, 0));
}

/// A stream that a network card cut otherwise is not lost.
#[test]
fn segments_that_were_joined_are_not_lost() {
    let (mut joined, mut on_the_wire) = (Tape::default(), Tape::default());
    for sent in dialogue(5) {
        joined.push(START + sent.at, sent.seen(0, &[]));
        on_the_wire.push(START + sent.at + MILLI, sent.seen(1, &[]));
    }
    let part = |at: u64, seq: u32, payload: &[u8]| {
        let segment = Segment { seq, ack: 1, flags: ACK, window: 1000, payload };
        let segment = frame::tcp((NODE.into(), 40_000), (GATEWAY.into(), 80), segment);
        Sent { at, from: NODE, to: GATEWAY, protocol: frame::TCP, segment, id: 0, tos: 0 }
    };
    for number in 0..20_u32 {
        let at = SECOND + u64::from(number) * 100 * MILLI;
        let seq = 1 + number * 2920;
        joined.push(START + at, part(at, seq, &[number as u8; 2920]).seen(0, &[]));
        for half in 0..2 {
            let late = at + MILLI + u64::from(half) * MICRO;
            on_the_wire.push(START + late, part(at, seq + half * 1460, &[number as u8; 1460]).seen(1, &[]));
        }
    }
    let Compared { done, rows, .. } = Compared::of(joined, on_the_wire);
    assert_eq!((sum(&rows, "missing"), sum(&rows, "ambiguous")), (0, 20), "{rows:?}");
    assert!(done.out.contains("segmentation offload"), "{}", done.out);
}

/// What cannot be compared is told in a sentence, with the exit status of an input that cannot be used.
#[test]
fn what_cannot_be_compared_is_told() {
    let mut later = Tape::default();
    let mut now = Tape::default();
    for sent in dialogue(5) {
        now.push(START + sent.at, sent.seen(0, &[]));
        let other = Sent { segment: frame::udp((NODE.into(), 1), (GATEWAY.into(), 2), &sent.at.to_be_bytes()), ..sent };
        later.push(START + other.at + 3600 * SECOND, other.seen(0, &[]));
    }
    let folder = folder(&[
        ("now.pcap", &now.pcap()),
        ("later.pcap", &later.pcap()),
        ("empty.pcap", &Tape::default().pcap()),
        ("garbage.pcap", &[0x5a; 5000]),
        ("cut.pcap", &now.pcap()[..1000]),
        ("arp.pcap", &crate::command::pcap(5)),
        ("state.igstate", b"state"),
    ]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (other, status, word) in [
        ("later.pcap", 2, "share no time"),
        ("empty.pcap", 2, "no IP packet"),
        ("arp.pcap", 2, "no IP packet"),
        ("garbage.pcap", 2, "garbage"),
        ("state.igstate", 2, "holds no frames"),
        ("missing.pcap", 2, "missing"),
        ("cut.pcap", 3, "damaged at byte"),
    ] {
        run(["path", &path("now.pcap"), &path(other)]).expect(status, &[word]);
    }
    run(["path", &path("now.pcap")]).expect(2, &["2 to 16"]);
    run(["path", &path("now.pcap"), "-"]).expect(2, &["standard input"]);
    run(["path", "--nat", "a=b", &path("now.pcap"), &path("later.pcap")]).expect(2, &["--nat"]);
    let pair = ["path", &path("now.pcap"), &format!("B={}", path("now.pcap")), "-o", &path("now.pcap")];
    run(pair).expect(4, &["now.pcap"]);
}

/// Names of places are foreign text.
#[test]
fn names_of_places_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let capture = sample("site-survey.pcapng");
    let names = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>\u{1b}[2J"];
    let places = names.map(|name| format!("{name}={}", capture.display()));
    // The sign is in the name: it is told where it ends by the first one that follows.
    let done = run(["path", &places[0][1..], &places[1], "-o", out.to_str().unwrap()]);
    let done = done.expect(0, &[]);
    assert!(!done.out.contains('\u{1b}'), "{}", done.out);
    let page = fs::read_to_string(out.join("path.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let plus = format!("+1={}", capture.display());
    run(["path", &plus, &places[1], "-o", out.to_str().unwrap()]).expect(0, &[]);
    assert_eq!(rows(&out)[0]["from"], "'+1");
}

/// Two runs are the same bytes.
#[test]
fn two_runs_are_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("site-survey.pcapng");
    let files = ["path.csv", "path.json", "path.html"];
    let read = |name: &str| {
        let out = folder.path().join(name);
        compare(&capture, &capture, &out, &[]).expect(0, &[]);
        files.map(|file| fs::read(out.join(file)).unwrap())
    };
    assert!(read("one") == read("two"));
}
