//! Totals of TCP against tcptrace: bytes that each end sent, and the segments and bytes that were sent again, of each capture.

use std::process::Command;

use igorscope::health::Measure;

use crate::health::measured;
use crate::skips::{is_there, skipped};
use crate::tools::printed;

/// Captures of which tcptrace tells something else, and why ours is right.
const ACCEPTED: [(&str, &str); 8] = [
    ("duplicate-frames.pcap", "what a mirror shows twice is a copy, not sent again"),
    ("site-survey.pcapng", "the same, of frames that a mirror shows with their VLAN's tag and without"),
    ("copies_ipv4_id_zero.pcap", "the same, where all identifications are 0"),
    ("tcp_syn_unanswered_80.pcapng", "the same: a SYN twice within 5 ms, with one identification"),
    ("vlan_same_tuple_different_vlans.pcap", "the same ports on two VLANs are two connections"),
    ("tcp_padding_in_bare_ack.pcap", "a segment that begins with two bytes seen before is sent again as a whole"),
    ("ipv6_atomic_fragments_http.pcap", "tcptrace does not read behind a fragment header"),
    ("mpls_basic.pcap", "tcptrace reads no MPLS"),
];

#[derive(PartialEq, Eq, Default, Debug)]
struct Totals {
    bytes: u64,
    again: u64,
    bytes_again: u64,
}

/// The sums of all connections, by `tcptrace -l --csv`: a header line, and a line each.
fn by_tcptrace(path: &std::path::Path) -> Totals {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.pcap");
    printed(Command::new("editcap").args(["-F", "pcap"]).args([path, &plain]));
    let output = Command::new("tcptrace").args(["-l", "-n", "--csv"]).arg(&plain).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let mut totals = Totals::default();
    for line in lines {
        for (name, value) in names.iter().zip(line.split(',')) {
            let value = value.trim().parse().unwrap_or(0);
            match name.strip_suffix("_a2b").or_else(|| name.strip_suffix("_b2a")) {
                Some("actual_data_bytes") => totals.bytes += value,
                Some("rexmt_data_pkts") => totals.again += value,
                Some("rexmt_data_bytes") => totals.bytes_again += value,
                _ => {}
            }
        }
    }
    totals
}

#[test]
fn what_was_sent_and_sent_again_is_what_tcptrace_counts() {
    if !is_there("tcptrace") || !is_there("editcap") {
        return skipped("tcptrace and editcap are needed for totals of TCP");
    }
    let (mut wrong, mut compared, mut unread, mut again) = (Vec::new(), 0, 0, 0);
    for (path, file, survey) in measured() {
        let mut ours = Totals::default();
        let of_tcp = survey.health.pairs.iter().filter(|(pair, _)| pair.measure == Measure::Ack);
        for losses in of_tcp.filter_map(|(_, sums)| sums.losses.as_ref()) {
            ours.bytes += losses.bytes;
            ours.again += losses.again;
            ours.bytes_again += losses.bytes_again;
        }
        if ours == Totals::default() {
            continue;
        }
        let theirs = by_tcptrace(&path);
        if theirs == Totals::default() {
            // A link or a tunnel that it does not read.
            unread += 1;
            continue;
        }
        let is_accepted = ACCEPTED.iter().any(|(name, _)| *name == file);
        if (ours == theirs) == is_accepted {
            wrong.push(format!("{file}: {ours:?} {theirs:?}, accepted: {is_accepted}"));
        }
        (compared, again) = (compared + 1, again + ours.again);
    }
    println!("{compared} captures with TCP, {unread} that tcptrace cannot read; {again} segments sent again");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared >= 5 && again > 0, "{compared} {again}");
}
