//! transfers.csv: each file that crossed by TFTP, as it was made here, with who held it up and whether it came to its end.

use std::fs;
use std::path::Path;

use igorscope::finding::{Held, Transfer};
use igorscope::survey::Survey;
use proptest::prelude::*;

use crate::command::{folder, run, run_with};
use crate::mirror::{End, GATEWAY, Mirror, node};
use crate::silence::whole_and_parts;
use crate::traffic::payload::tftp;
use crate::traffic::wire::{MILLI, SECOND};

/// A file that the gateway and a node exchange; times in nanoseconds.
#[derive(Clone, Copy)]
struct File<'a> {
    at: u64,
    name: &'a str,
    bytes: usize,
    is_write: bool,
    /// What the receiver and the sender take.
    takes: [u64; 2],
    /// Each so many blocks is sent again after a second.
    lost: usize,
    /// So many blocks are sent at most.
    most: usize,
    block: usize,
}

const FILE: File<'static> = File {
    at: 0,
    name: "node.bin",
    bytes: 60_000,
    is_write: false,
    takes: [5 * MILLI, 2 * MILLI],
    lost: usize::MAX,
    most: usize::MAX,
    block: 512,
};

impl File<'_> {
    /// Between the gateway's port and the node's, of which the node asks.
    fn send(self, mirror: &mut Mirror, server: End, client: End) {
        let options: &[(&str, &str)] = if self.block == 512 { &[] } else { &[("blksize", "1024")] };
        let asks = if self.is_write { tftp::write(self.name, options) } else { tftp::read(self.name, options) };
        mirror.udp(self.at, client, (GATEWAY, 69), &asks);
        let (sender, receiver) = if self.is_write { (client, server) } else { (server, client) };
        let mut at = self.at + MILLI;
        if self.block != 512 {
            mirror.udp(at, server, client, &tftp::oack(options));
            at += self.takes[0];
            mirror.udp(at, client, server, &tftp::ack(0));
            at += self.takes[1];
        } else if self.is_write {
            mirror.udp(at, server, client, &tftp::ack(0));
            at += self.takes[1];
        }
        for block in 0..(self.bytes / self.block + 1).min(self.most) {
            let length = (self.bytes - block * self.block).min(self.block);
            let data = tftp::data(block as u16 + 1, &vec![0x55; length]);
            mirror.udp(at, sender, receiver, &data);
            if (block + 1) % self.lost == 0 {
                at += SECOND;
                mirror.udp(at, sender, receiver, &data);
            }
            at += self.takes[0];
            mirror.udp(at, receiver, sender, &tftp::ack(block as u16 + 1));
            at += self.takes[1];
        }
    }
}

/// Files to several nodes at one time.
fn several() -> Mirror {
    let mut mirror = Mirror::default();
    FILE.send(&mut mirror, (GATEWAY, 50_001), (node(101), 2_001));
    let slow = File { at: 7 * SECOND, name: "slow.bin", takes: [40 * MILLI, 2 * MILLI], ..FILE };
    slow.send(&mut mirror, (GATEWAY, 50_002), (node(102), 2_002));
    File { at: 9 * SECOND, lost: 12, ..FILE }.send(&mut mirror, (GATEWAY, 50_003), (node(103), 2_003));
    File { at: 11 * SECOND, is_write: true, name: "log.txt", takes: [2 * MILLI, 9 * MILLI], ..FILE }.send(
        &mut mirror,
        (GATEWAY, 50_004),
        (node(104), 2_004),
    );
    File { at: 12 * SECOND, most: 50, ..FILE }.send(&mut mirror, (GATEWAY, 50_005), (node(105), 2_005));
    File { at: 13 * SECOND, bytes: 51_200, ..FILE }.send(&mut mirror, (GATEWAY, 50_006), (node(106), 2_006));
    File { at: 14 * SECOND, block: 1024, ..FILE }.send(&mut mirror, (GATEWAY, 50_007), (node(107), 2_007));
    mirror.tape.sort();
    mirror
}

/// The node's port, the file, whether it was written, blocks, those that were sent again, who held it up, whether it ended.
type Row<'a> = (u16, Option<&'a str>, Option<bool>, [u64; 2], Held, Option<bool>);

fn rows(survey: &Survey) -> Vec<Row<'_>> {
    let row = |one: &'_ Transfer| (one.sender.1.min(one.receiver.1), one.is_write, [one.blocks, one.repeated]);
    let all = survey.transfers.iter().map(|one| (row(one), one.file.as_deref(), one.held, one.is_finished));
    let mut rows: Vec<Row<'_>> =
        all.map(|((port, write, blocks), file, held, end)| (port, file, write, blocks, held, end)).collect();
    rows.sort_by_key(|row| row.0);
    rows
}

#[test]
fn each_transfer_is_told_with_who_held_it_up_and_whether_it_ended() {
    let survey = several().measured();
    let (read, write, yes, no) = (Some(false), Some(true), Some(true), Some(false));
    let expected = [
        (2_001, Some("node.bin"), read, [118, 0], Held::Receiver, yes),
        (2_002, Some("slow.bin"), read, [118, 0], Held::Receiver, yes),
        (2_003, Some("node.bin"), read, [118, 9], Held::Path, yes),
        (2_004, Some("log.txt"), write, [118, 0], Held::Sender, yes),
        (2_005, Some("node.bin"), read, [50, 0], Held::Receiver, no),
        // A multiple of 512 ends with a block of nothing.
        (2_006, Some("node.bin"), read, [101, 0], Held::Receiver, yes),
        // 59 blocks and the acknowledgement of options.
        (2_007, Some("node.bin"), read, [60, 0], Held::Receiver, yes),
    ];
    assert_eq!(rows(&survey), expected);
    // The longest first; each as long as it was made.
    let ports: Vec<u16> = survey.transfers.iter().map(|one| one.receiver.1.min(one.sender.1)).collect();
    assert_eq!(ports[..2], [2_003, 2_002]);
    for one in &survey.transfers {
        let made = one.blocks
            * if one.receiver.1 == 2_002 {
                42
            } else if one.sender.1 == 2_004 {
                11
            } else {
                7
            }
            * MILLI
            + one.repeated * SECOND;
        let off = one.nanos.abs_diff(made) as f64 / made as f64;
        assert!(off < 0.05, "{one:?}: {made}");
        assert!(one.bytes > 50_000 || one.is_finished == Some(false), "{one:?}");
    }
}

#[test]
fn a_file_that_crosses_two_vlans_is_one() {
    let mut mirror = Mirror::default();
    FILE.send(&mut mirror, (GATEWAY, 50_001), (node(101), 2_001));
    let survey = mirror.routed().measured();
    assert_eq!(survey.transfers.len(), 1, "{:?}", survey.transfers);
    assert_eq!(survey.transfers[0].file.as_deref(), Some("node.bin"));
}

#[test]
fn of_what_nobody_can_know_nothing_is_said() {
    let ends = |file: File<'_>| {
        let mut mirror = Mirror::default();
        file.send(&mut mirror, (GATEWAY, 50_001), (node(101), 2_001));
        mirror.measured().transfers.first().map(|one| one.is_finished)
    };
    assert_eq!(ends(File { bytes: 100, ..FILE }), Some(Some(true)), "one block that is shorter than any but the last");
    assert_eq!(
        ends(File { bytes: 600, block: 1024, ..FILE }),
        Some(None),
        "one block, of which the whole length is not known"
    );
    assert_eq!(ends(File { most: 1, ..FILE }), Some(None));
    // Two files on the same ports.
    let mut twice = Mirror::default();
    for at in [0, 100 * SECOND] {
        File { at, ..FILE }.send(&mut twice, (GATEWAY, 50_001), (node(101), 2_001));
    }
    let survey = twice.measured();
    assert_eq!(survey.transfers.len(), 1);
    assert_eq!((survey.transfers[0].held, survey.transfers[0].is_finished), (Held::Unknown, None));
    assert!(survey.transfers[0].nanos < 10 * SECOND, "the pause between them does not count");
}

fn cells(folder: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.join("transfers.csv")).expect("a table");
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_table_is_there_where_files_were_measured_and_is_rendered_again() {
    let out = folder(&[]);
    let capture = out.path().join("made.pcap");
    fs::write(&capture, several().tape.pcap()).unwrap();
    let [first, again] = ["first", "again"].map(|name| out.path().join(name));
    let book = out.path().join("book.xlsx");
    let analyze = |more: &[&str]| {
        let fixed = ["analyze".as_ref(), capture.as_os_str(), "-o".as_ref(), first.as_os_str()];
        let nodes = ["--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.0.199", "--xlsx", book.to_str().unwrap()];
        run(fixed.into_iter().chain(nodes.iter().chain(more).map(AsRef::as_ref))).expect(0, &[]);
    };
    analyze(&["--health", "--format", "csv,json,html,parquet"]);
    let rows = cells(&first);
    assert_eq!(rows.len(), 8);
    let place = |name: &str| rows[0].iter().position(|cell| cell == name).expect(name);
    let slow = rows.iter().find(|row| row[place("file")] == "slow.bin").expect("a row");
    let cells_of = ["sender_ip", "sender_role", "receiver_ip", "receiver_role", "request", "held_up_by", "finished"];
    assert_eq!(
        cells_of.map(|name| slow[place(name)].as_str()),
        ["10.20.0.10", "gateway", "10.20.0.102", "node", "read", "receiver", "yes"]
    );
    let number = |name: &str| slow[place(name)].parse::<f64>().unwrap();
    assert!((number("duration_s") - 118.0 * 0.042).abs() < 0.2 && (number("ack_mean_s") - 0.04).abs() < 0.002);
    assert!((number("bytes_per_s") - number("bytes") / number("duration_s")).abs() < 1.0);
    assert!(first.join("transfers").is_dir(), "a columnar table");
    let shown = |folder: &Path| -> Vec<String> {
        let page = fs::read_to_string(folder.join("report.html")).expect("a page");
        let (_, table) = page.split_once("<table id=\"transfers\"").expect("a table of files");
        let (table, _) = table.split_once("</table>").expect("its end");
        table.split("<tr>").skip(2).map(str::to_owned).collect()
    };
    let told = shown(&first);
    assert_eq!(told.len(), 7);
    // First the one that did not come to its end, then the slowest: nine blocks of it waited for a second each.
    assert!(told[0].contains("class=\"trouble\">no</td>") && told[0].contains("10.20.0.105"), "{}", told[0]);
    assert!(
        told[1].contains("10.20.0.103") && told[1].contains("9 of 118") && told[1].contains("the path"),
        "{}",
        told[1]
    );
    assert!(told[2].contains("slow.bin") && told[2].contains("the receiver"), "{}", told[2]);

    let survey = first.join("survey.json");
    run_with(&[&"report", &survey, &"-o", &again]).expect(0, &[]);
    assert_eq!(cells(&again), rows);
    assert_eq!(shown(&again).len(), 7);
    let merged = out.path().join("merged.json");
    run_with(&[&"merge", &survey, &"-o", &merged]).expect(0, &[]);
    run_with(&[&"report", &merged, &"-o", &again]).expect(0, &[]);
    assert_eq!(cells(&again), rows);

    // Without the flag there is none, nor one of an earlier survey.
    analyze(&[]);
    assert!(!first.join("transfers.csv").exists());
    assert!(!fs::read_to_string(&survey).unwrap().contains("\"transfers\""));
}

#[test]
fn a_name_is_a_strangers_text() {
    let out = folder(&[]);
    let mut mirror = Mirror::default();
    let name = "=cmd|' /C calc'!A0\",\n\u{1b}[2J\u{202e}<script>";
    File { name, ..FILE }.send(&mut mirror, (GATEWAY, 50_001), (node(101), 2_001));
    let capture = out.path().join("made.pcap");
    fs::write(&capture, mirror.tape.pcap()).unwrap();
    let [shown, hidden] = ["shown", "hidden"].map(|name| out.path().join(name));
    for (folder, more) in [(&shown, &[][..]), (&hidden, &["--anonymize"][..])] {
        let fixed = ["analyze".as_ref(), "--health".as_ref(), capture.as_os_str(), "-o".as_ref(), folder.as_os_str()];
        run(fixed.into_iter().chain(more.iter().map(AsRef::as_ref))).expect(0, &[]);
    }
    let text = fs::read_to_string(shown.join("transfers.csv")).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("cmd|") && !text.contains(",=cmd") && !text.contains("\"=cmd"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    let text = fs::read_to_string(hidden.join("transfers.csv")).unwrap();
    assert!(!text.contains("cmd") && !text.contains("10.20.0.10"), "{text}");
    assert!(!fs::read_to_string(hidden.join("survey.json")).unwrap().contains("calc"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is cut in time, into states and captures, in any order.
    #[test]
    fn parts_tell_what_the_whole_tells(cuts in prop::collection::vec(0..16_000_u64, 1..6), kept in any::<[bool; 6]>()) {
        let [whole, parts] = whole_and_parts(&several().tape, cuts, kept).map(|survey| survey.transfers);
        prop_assert_eq!(whole.len(), 7);
        prop_assert_eq!(parts, whole);
    }
}
