//! One capture, large enough to be cut into spans whose tables are added up on all threads: the same bytes for any
//! number of them.

use std::fs::{self, File};

use crate::command::{folder, run};
use crate::traffic::file::Format;
use crate::traffic::load::{self, Limit, Mix};

/// Beyond what one thread reads alone (16 MiB).
const BYTES: u64 = 17 << 20;
/// Each span meets nearly all of them: more than one thread adds up alone (16,384).
const FLOWS: u64 = 20_000;
const TABLES: [&str; 5] = ["flows.csv", "findings.csv", "coverage.csv", "nodes.csv", "inventory.csv"];

#[test]
fn a_large_capture_gives_the_same_bytes_whatever_the_threads() {
    for (mix, format) in [(Mix::Small64, Format::Pcap), (Mix::Small64, Format::Pcapng), (Mix::Lighting, Format::Pcap)] {
        let folder = folder(&[]);
        let capture = folder.path().join("large");
        let limit = Limit { packets: u64::MAX, bytes: BYTES };
        let written = load::write(&mut File::create(&capture).unwrap(), mix, format, limit, FLOWS, 7).unwrap();
        let tables = ["1", "2", "3"].map(|threads| {
            let results = folder.path().join(threads);
            let [capture, results_name] = [&capture, &results].map(|path| path.to_str().unwrap());
            run(["analyze", capture, "-q", "-j", threads, "--format", "csv", "-o", results_name]).expect(0, &[]);
            TABLES.map(|name| fs::read(results.join(name)).unwrap())
        });
        for (at, name) in TABLES.iter().enumerate() {
            assert!(tables.iter().all(|of| of[at] == tables[0][at]), "{mix:?} as {format:?}: {name}");
        }
        // No packet was lost on the way, with however many threads.
        let mut reader = csv::Reader::from_reader(&*tables[0][0]);
        let columns: Vec<usize> = ["client_packets", "server_packets"]
            .map(|name| reader.headers().unwrap().iter().position(|header| header == name).unwrap())
            .into();
        let packets = |row: csv::StringRecord| columns.iter().map(|at| row[*at].parse::<u64>().unwrap()).sum::<u64>();
        let (mut rows, mut sum) = (0, 0);
        for row in reader.records() {
            (rows, sum) = (rows + 1, sum + packets(row.unwrap()));
        }
        assert_eq!(sum, written.packets, "{mix:?} as {format:?}");
        assert!(mix == Mix::Lighting || rows == FLOWS, "{rows} rows");
    }
}
