//! Captures large enough to be cut into spans whose tables are added up on all threads: the same bytes for any number
//! of them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use crate::command::{folder, run};
use crate::traffic::frame::V4;
use crate::traffic::load::{self, Limit, Mix};
use crate::traffic::{file, frame};

/// Beyond what one thread reads alone (16 MiB).
const BYTES: u64 = 17 << 20;
const TABLES: [&str; 6] = ["flows.csv", "findings.csv", "coverage.csv", "nodes.csv", "inventory.csv", "health.csv"];

/// Writes a capture; how many packets and flows it holds.
type Make = fn(&Path) -> (u64, u64);

/// Packets of some flows in random order: each span meets nearly all of them, more than one thread adds up alone
/// (16,384).
fn of_load(path: &Path, mix: Mix, format: file::Format) -> (u64, u64) {
    const FLOWS: u64 = 20_000;
    let limit = Limit { packets: u64::MAX, bytes: BYTES };
    let written = load::write(&mut File::create(path).unwrap(), mix, format, limit, FLOWS, 7).unwrap();
    (written.packets, FLOWS)
}

/// Each packet a flow of its own: each span has other ones, and taking them over crowds the index.
fn of_new_flows(path: &Path) -> (u64, u64) {
    of_flows(path, |number| number * 1_000_000)
}

/// The same with a clock that is set back in the middle: what times a span has hangs on those before it.
fn of_a_clock_set_back(path: &Path) -> (u64, u64) {
    of_flows(path, |number| number % (BYTES / 512) * 1_000_000 + number / (BYTES / 512) * 30_000_000_000)
}

fn of_flows(path: &Path, nanos: impl Fn(u64) -> u64) -> (u64, u64) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(&file::pcap_header()).unwrap();
    let server = Ipv4Addr::new(10, 20, 0, 10);
    let flows = BYTES / 256;
    for number in 0..flows {
        let client = Ipv4Addr::from_bits(Ipv4Addr::new(10, 64, 0, 0).to_bits() + (number >> 4) as u32);
        let datagram = frame::udp((client.into(), 51_000 + (number & 15) as u16), (server.into(), 50_195), &[0; 198]);
        let packet =
            frame::ipv4(client, server, frame::UDP, V4 { ttl: 64, fragment: 0x4000, ..V4::default() }, &datagram);
        let bytes = frame::ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], &[], 0x0800, &packet);
        let length = bytes.len() as u32;
        out.write_all(&file::pcap_record(1_800_000_000_000_000_000 + nanos(number), length, length)).unwrap();
        out.write_all(&bytes).unwrap();
    }
    out.flush().unwrap();
    (flows, flows)
}

#[test]
fn a_large_capture_gives_the_same_bytes_whatever_the_threads() {
    let makers: [(&str, Make); 4] = [
        ("the same flows", |path| of_load(path, Mix::Small64, file::Format::Pcap)),
        ("the same flows in pcapng", |path| of_load(path, Mix::Small64, file::Format::Pcapng)),
        ("new flows", of_new_flows),
        ("a clock set back", of_a_clock_set_back),
    ];
    for (what, make) in makers {
        let folder = folder(&[]);
        let capture = folder.path().join("large");
        let written = make(&capture);
        assert!(fs::metadata(&capture).unwrap().len() > 16 << 20);
        let tables = ["1", "2", "3"].map(|threads| {
            let results = folder.path().join(threads);
            let [capture, results_name] = [&capture, &results].map(|path| path.to_str().unwrap());
            run(["analyze", capture, "-q", "--health", "-j", threads, "--format", "csv", "-o", results_name])
                .expect(0, &[]);
            TABLES.map(|name| fs::read(results.join(name)).unwrap())
        });
        for (at, name) in TABLES.iter().enumerate() {
            assert!(tables.iter().all(|of| of[at] == tables[0][at]), "{what}: {name}");
        }
        // No packet was lost on the way.
        let mut reader = csv::Reader::from_reader(&*tables[0][0]);
        let headers = reader.headers().unwrap().clone();
        let columns =
            ["client_packets", "server_packets"].map(|name| headers.iter().position(|of| of == name).unwrap());
        let (mut packets, mut rows) = (0, 0);
        for row in reader.records().map(Result::unwrap) {
            packets += columns.iter().map(|at| row[*at].parse::<u64>().unwrap()).sum::<u64>();
            rows += 1;
        }
        assert_eq!((packets, rows), written, "{what}");
    }
}
