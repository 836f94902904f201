//! Flows as IPFIX, read by others: tshark the file, nfcapd what is sent.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::command::{run, sample};
use crate::skips::skipped;
use crate::tools::printed;

/// Packets and bytes of flows.csv, and how many flows there are.
fn of_csv(folder: &std::path::Path) -> (u64, u64, u64) {
    let mut reader = csv::Reader::from_path(folder.join("flows.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let sum = |columns: [&str; 2]| {
        rows.iter().flat_map(|row| columns.map(|column| row[column].parse::<u64>().unwrap())).sum::<u64>()
    };
    (rows.len() as u64, sum(["client_packets", "server_packets"]), sum(["client_bytes", "server_bytes"]))
}

fn has(program: &str, version: &str) -> bool {
    Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

#[test]
fn tshark_reads_the_file_without_complaint() {
    if !has("tshark", "--version") {
        return skipped("IPFIX files by tshark (no tshark)");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.ipfix");
    let (out, ipfix) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    let capture = sample("site-survey.pcapng");
    run(["analyze", "-q", "--format", "csv", "-o", out, "--ipfix", ipfix, capture.to_str().unwrap()]).expect(0, &[]);
    let text = printed(Command::new("tshark").args(["-r", ipfix, "-V"]));
    for complaint in ["Malformed", "Expert Info", "No template found", "Unknown"] {
        assert!(!text.contains(complaint), "tshark says {complaint}");
    }
    let values = |name: &str| -> Vec<u64> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(name));
        lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).collect()
    };
    let sum = |name| values(name).iter().sum::<u64>();
    let flows = values("Flow Id: ").len() as u64;
    assert_eq!((flows, sum("Packets: "), sum("Octets: ")), of_csv(folder.path()));
    assert_eq!(sum("Layer2 Octet Delta Count: "), sum("Octets: "));
}

#[test]
fn nfcapd_receives_what_is_sent() {
    if !has("nfcapd", "-V") || !has("nfdump", "-V") {
        return skipped("IPFIX to a collector (no nfcapd)");
    }
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    fs::create_dir(&store).unwrap();
    // A port that nobody has.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut nfcapd = Command::new("nfcapd")
        .args(["-b", "127.0.0.1", "-p", &port, "-t", "3600", "-w"])
        .arg(&store)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let listens = || {
        let local = format!(":{:04X} ", port.parse::<u16>().unwrap());
        fs::read_to_string("/proc/net/udp").unwrap_or_default().contains(&local)
    };
    while !listens() && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(50));
    }
    let (out, to) = (folder.path().to_str().unwrap(), format!("127.0.0.1:{port}"));
    let capture = sample("site-survey.pcapng");
    run(["analyze", "-q", "--format", "csv", "-o", out, "--ipfix-to", &to, capture.to_str().unwrap()]).expect(0, &[]);
    thread::sleep(Duration::from_secs(2));
    let stopped = Command::new("kill").args(["-TERM", &nfcapd.id().to_string()]).status().unwrap();
    assert!(stopped.success() && nfcapd.wait().is_ok());
    let said = fs::read_to_string(folder.path().join("log")).unwrap();
    let mut stored = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let stored = stored.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("nfcapd."));
    let stored = stored.unwrap_or_else(|| panic!("nothing was stored: {said}"));
    let read = printed(Command::new("nfdump").arg("-r").arg(&stored).args(["-o", "json"]));
    let records: serde_json::Value = serde_json::from_str(&read).unwrap();
    let sum = |names: [&str; 2]| {
        let of = |record: &serde_json::Value| names.map(|name| record[name].as_u64().unwrap_or(0)).iter().sum::<u64>();
        records.as_array().unwrap().iter().map(of).sum::<u64>()
    };
    let (_, packets, bytes) = of_csv(folder.path());
    assert_eq!((sum(["in_packets", "out_packets"]), sum(["in_bytes", "out_bytes"])), (packets, bytes), "{said}");
    let summary = printed(Command::new("nfdump").arg("-r").arg(&stored).arg("-I"));
    assert!(
        summary.lines().any(|line| line.starts_with("Sequence failures") && line.trim_end().ends_with(" 0")),
        "{summary}"
    );
    assert!(said.contains("Sequence Errors: 0"), "{said}");
}

#[test]
fn a_collector_is_a_literal_address() {
    let capture = sample("site-survey.pcapng");
    let capture = capture.to_str().unwrap();
    run(["analyze", "-q", "--ipfix-to", "collector.example:4739", capture]).expect(2, &["--ipfix-to"]);
    run(["analyze", "-q", "--ipfix-to", "127.0.0.1", capture]).expect(2, &["--ipfix-to"]);
}
