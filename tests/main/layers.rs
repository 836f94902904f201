//! What mirrors, switches and controllers put around frames is taken off: a visit wrapped in each of them is read as the
//! visit itself, by us and, frame by frame, by tshark and tcpdump.

use std::path::Path;
use std::process::Command;

use igorscope::inventory::Inventory;
use igorscope::survey::Survey;

use crate::mirror::addresses;
use crate::reading;
use crate::skips::{is_there, skipped};
use crate::tools::{printed, tshark};
use crate::traffic::layers::{LAYERS, Layer};
use crate::traffic::quirk;
use crate::traffic::site::LIGHTING;

/// Who else reads a layer, with what options.
enum Reader {
    Tshark(&'static [&'static str]),
    Tcpdump,
    /// Neither tshark 4.0 nor tcpdump 4.99.
    Nobody,
}

const PSEUDOWIRE: &str = "l2tp.pw_type==0,eth";

/// The layers that are not read by tshark as it is.
const READERS: &[(&str, Reader)] = &[
    // It takes every such tag for one of 8 bytes.
    ("cisco-metadata-16", Reader::Nobody),
    // Later versions of Wireshark do.
    ("arista-dzgre", Reader::Nobody),
    ("capwap", Reader::Tshark(&["-o", "capwap.swap_fc:FALSE"])),
    // It must be told what the control connection agreed on.
    ("l2tpv3", Reader::Tshark(&["-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:None", "-d", PSEUDOWIRE])),
    (
        "l2tpv3-cookie-udp",
        Reader::Tshark(&["-o", "l2tp.cookie_size:8 Byte Cookie", "-o", "l2tp.l2_specific:None", "-d", PSEUDOWIRE]),
    ),
    ("dsa", Reader::Tcpdump),
    ("edsa", Reader::Tcpdump),
    ("edsa-ethernet", Reader::Nobody),
    ("broadcom", Reader::Tcpdump),
    ("broadcom-before", Reader::Tcpdump),
    ("broadcom-legacy", Reader::Nobody),
];

fn reader(layer: &str) -> &'static Reader {
    READERS.iter().find(|(name, _)| *name == layer).map_or(&Reader::Tshark(&[]), |(_, reader)| reader)
}

/// A capture of the visit, its frames wrapped, in a folder.
fn write(folder: &Path, name: &str, link: u32, wrap: fn(&[u8]) -> Vec<u8>) -> std::path::PathBuf {
    let mut tape = quirk::visit(&[LIGHTING]);
    for record in &mut tape.records {
        record.frame = wrap(&record.frame);
        record.original = record.frame.len() as u32;
    }
    let mut bytes = tape.pcap();
    bytes[20..24].copy_from_slice(&link.to_le_bytes());
    let path = folder.join(format!("{name}.pcap"));
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn survey(path: &Path) -> Survey {
    let inventory = Inventory::load(None, &addresses()).expect("the flags are sound");
    reading::survey(&[path.to_owned()], inventory, false)
}

/// What was said of the flows, whatever was around their frames: ends, packets, verdict and outcome; then the cells.
fn told(survey: &Survey) -> (Vec<String>, Vec<String>) {
    let flows = survey.flows.iter().map(|(flow, judged)| {
        let ends = flow.ends.each_ref().map(|end| format!("{}:{} {}", end.address, end.port, end.packets()));
        format!("{:?} {} {} {:?} {:?}", flow.transport, ends[0], ends[1], judged.verdict, judged.outcome)
    });
    let cells = survey.coverage.iter().map(|cell| format!("{:?}", cell.state));
    (flows.collect(), cells.collect())
}

#[test]
fn a_visit_in_every_layer_is_the_visit() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = told(&survey(&write(folder.path(), "plain", 1, <[u8]>::to_vec)));
    assert!(plain.0.len() > 9);
    for Layer { name, link, wrap } in LAYERS {
        let survey = survey(&write(folder.path(), name, *link, *wrap));
        assert_eq!(told(&survey), plain, "{name}");
        assert!(survey.frames.stopped.is_empty() && survey.frames.unread.is_empty(), "{name}: {:?}", survey.frames);
    }
}

/// Of each frame the innermost addresses and ports, as tshark reads them.
fn ends(path: &Path, options: &[&str]) -> Vec<String> {
    let fields = ["ip.src", "ip.dst", "ip.proto", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"];
    let innermost = |line: &str| {
        let last: Vec<&str> = line.split('\t').map(|values| values.rsplit('|').next().unwrap_or("")).collect();
        let ports = if last.get(2) == Some(&"6") { last.get(3..5) } else { last.get(5..7) };
        format!("{:?} {:?}", &last[..2], ports)
    };
    tshark(path, &[&["-E", "aggregator=|"], options].concat(), &fields).lines().map(innermost).collect()
}

/// Of each frame what tcpdump prints of its IP packet.
fn tcpdump(path: &Path) -> Vec<String> {
    let text = printed(Command::new("tcpdump").arg("-nnqr").arg(path));
    text.lines().map(|line| line.split_once("IP ").map_or(line, |(_, packet)| packet).to_owned()).collect()
}

#[test]
fn other_programs_read_the_same_in_every_layer() {
    if !is_there("tshark") || !is_there("tcpdump") {
        return skipped("tshark and tcpdump are needed to read the layers");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plain = write(folder.path(), "plain", 1, <[u8]>::to_vec);
    let (by_tshark, by_tcpdump) = (ends(&plain, &[]), tcpdump(&plain));
    assert_eq!(by_tshark.len(), by_tcpdump.len());
    assert!(by_tshark.len() > 80);
    for Layer { name, link, wrap } in LAYERS {
        let path = write(folder.path(), name, *link, *wrap);
        match reader(name) {
            Reader::Tshark(options) => assert_eq!(ends(&path, options), by_tshark, "{name}"),
            Reader::Tcpdump => assert_eq!(tcpdump(&path), by_tcpdump, "{name}"),
            Reader::Nobody => {}
        }
    }
}
