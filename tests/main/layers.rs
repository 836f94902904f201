//! What mirrors, switches and controllers put around frames is taken off: a visit wrapped in each of them is read as the
//! visit itself, by us and, frame by frame, by tshark and tcpdump.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use igorscope::inventory::{Inventory, InventoryFlags};
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, Survey, run};

use crate::traffic::frame::{self, V4};
use crate::traffic::quirk;
use crate::traffic::site::LIGHTING;

/// Something around the frames of a mirror.
struct Layer {
    name: &'static str,
    link: u32,
    wrap: fn(&[u8]) -> Vec<u8>,
    reader: Reader,
}

/// Who else reads it, with what options.
enum Reader {
    Tshark(&'static [&'static str]),
    Tcpdump,
    /// Neither tshark 4.0 nor tcpdump 4.99.
    Nobody,
}

const SWITCH: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
const LAPTOP: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 9);
const GRE: u8 = 47;
const L2TP: u8 = 115;

/// Bytes between the addresses of a frame and its EtherType.
fn between(frame: &[u8], tag: &[u8]) -> Vec<u8> {
    [&frame[..12], tag, &frame[12..]].concat()
}

fn outer(protocol: u8, content: &[&[u8]]) -> Vec<u8> {
    let packet = frame::ipv4(SWITCH, LAPTOP, protocol, V4 { ttl: 64, ..V4::default() }, &content.concat());
    frame::ethernet([0x02, 0x4c, 0x54, 0, 0, 9], [0x02, 0x4c, 0x54, 0, 0, 2], &[], 0x0800, &packet)
}

fn datagram(ports: [u16; 2], content: &[&[u8]]) -> Vec<u8> {
    let [from, to] = [(IpAddr::V4(SWITCH), ports[0]), (IpAddr::V4(LAPTOP), ports[1])];
    outer(frame::UDP, &[&frame::udp(from, to, &content.concat())])
}

/// The IP packet of a frame, without its tag and padding.
fn packet(frame: &[u8]) -> &[u8] {
    let at = if frame[12..14] == [0x81, 0] { 18 } else { 14 };
    &frame[at..at + usize::from(u16::from_be_bytes([frame[at + 2], frame[at + 3]]))]
}

/// The frame as an access point sends it to its controller: 802.11 to the distribution system, SNAP.
fn wlan(frame: &[u8], control: [u8; 2]) -> Vec<u8> {
    let access_point = [0x02, 0x4c, 0x54, 0, 0, 7];
    let [destination, source] = [&frame[..6], &frame[6..12]];
    [&control[..], &[0, 0], &access_point, source, destination, &[0, 0], &[0xaa, 0xaa, 3, 0, 0, 0], &frame[12..]]
        .concat()
}

fn gtp(frame: &[u8], flags: u8, optional: &[u8]) -> Vec<u8> {
    let length = (optional.len() + packet(frame).len()) as u16;
    datagram([2152, 2152], &[&[flags, 255], &length.to_be_bytes(), &[0, 0, 0, 1], optional, packet(frame)])
}

fn packet_tap(frame: &[u8]) -> Vec<u8> {
    let mut head = [108_u32, 1, 1].map(u32::to_le_bytes).concat();
    head.extend(b"en0");
    head.resize(108, 0);
    [&head, frame].concat()
}

const TSHARK: Reader = Reader::Tshark(&[]);
const NSH: [u8; 8] = [0x0f, 0xc2, 2, 3, 0, 0, 1, 3];
const CAPWAP_WLAN: [u8; 8] = [0, 0x10, 3, 0, 0, 0, 0, 0];

const fn layer(name: &'static str, link: u32, wrap: fn(&[u8]) -> Vec<u8>, reader: Reader) -> Layer {
    Layer { name, link, wrap, reader }
}

const LAYERS: &[Layer] = &[
    layer("cisco-time", 1, |f| between(f, &[0x89, 0x88, 0, 0, 0x5e, 0x0b, 0x12, 0x34]), TSHARK),
    layer("cisco-metadata", 1, |f| between(f, &[0x89, 0x09, 1, 1, 0, 1, 0, 100]), TSHARK),
    // tshark 4.0 takes every such tag for one of 8 bytes.
    layer(
        "cisco-metadata-16",
        1,
        |f| between(f, &[0x89, 0x09, 1, 2, 0, 1, 0, 100, 0, 2, 0, 100, 0, 0, 0, 0]),
        Reader::Nobody,
    ),
    layer("arista-64", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 9]), TSHARK),
    layer("arista-64-utc", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 1, 0x10, 1, 2, 3, 4, 0, 0, 0, 9]), TSHARK),
    layer("arista-48", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 0, 0x20, 3, 4, 0, 0, 0, 9]), TSHARK),
    layer("arista-48-utc", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 1, 0x20, 3, 4, 0, 0, 0, 9]), TSHARK),
    // Read by later versions of Wireshark.
    layer(
        "arista-dzgre",
        1,
        |f| outer(GRE, &[&[0, 0, 0xd2, 0x8b, 0, 7, 0, 1, 0, 1, 0, 2, 0, 3, 0, 0], f]),
        Reader::Nobody,
    ),
    layer("gre-key-metadata", 1, |f| outer(GRE, &[&[0x20, 0, 0x88, 0xbe, 0, 100, 0, 1], f]), TSHARK),
    layer("tzsp", 1, |f| datagram([50_000, 37_008], &[&[1, 0, 0, 1, 1], f]), TSHARK),
    layer("capwap-802.3", 1, |f| datagram([50_000, 5247], &[&[0, 0x10, 2, 0, 0, 0, 0, 0], f]), TSHARK),
    layer("capwap-exchanged", 1, |f| datagram([50_000, 5247], &[&CAPWAP_WLAN, &wlan(f, [1, 8])]), TSHARK),
    layer(
        "capwap",
        1,
        |f| datagram([5247, 50_000], &[&CAPWAP_WLAN, &wlan(f, [8, 1])]),
        Reader::Tshark(&["-o", "capwap.swap_fc:FALSE"]),
    ),
    layer("aruba-gre", 1, |f| outer(GRE, &[&[0, 0, 0x82, 0x50], &wlan(f, [8, 1])]), TSHARK),
    layer("nsh", 1, |f| [&f[..12], &[0x89, 0x4f], &NSH[..], f].concat(), TSHARK),
    layer("nsh-in-vxlan-gpe", 1, |f| datagram([50_000, 4790], &[&[0x0c, 0, 0, 4, 0, 0, 5, 0], &NSH, f]), TSHARK),
    layer("gtp-u", 1, |f| gtp(f, 0x30, &[]), TSHARK),
    layer("gtp-u-extension", 1, |f| gtp(f, 0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0]), TSHARK),
    // tshark must be told what the control connection agreed on.
    layer(
        "l2tpv3",
        1,
        |f| outer(L2TP, &[&[0, 0, 0, 7], f]),
        Reader::Tshark(&["-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:None", "-d", PSEUDOWIRE]),
    ),
    layer(
        "l2tpv3-cookie-udp",
        1,
        |f| datagram([1701, 1701], &[&[0, 3, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8], f]),
        Reader::Tshark(&["-o", "l2tp.cookie_size:8 Byte Cookie", "-o", "l2tp.l2_specific:None", "-d", PSEUDOWIRE]),
    ),
    layer("pktap", 258, packet_tap, TSHARK),
    layer("pktap-user2", 149, packet_tap, TSHARK),
    layer("dsa", 284, |f| between(f, &[0xc0, 8, 0, 5]), Reader::Tcpdump),
    layer("edsa", 285, |f| between(f, &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 5]), Reader::Tcpdump),
    layer("edsa-ethernet", 1, |f| between(f, &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 5]), Reader::Nobody),
    layer("broadcom", 281, |f| between(f, &[0, 0, 0, 1]), Reader::Tcpdump),
    layer("broadcom-before", 282, |f| [&[0, 0, 0, 1], f].concat(), Reader::Tcpdump),
    layer("broadcom-legacy", 1, |f| between(f, &[0x88, 0x74, 0, 0, 0, 1]), Reader::Nobody),
];

const PSEUDOWIRE: &str = "l2tp.pw_type==0,eth";

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
    let flags = InventoryFlags {
        gateway: vec!["10.20.0.10".into()],
        node: vec!["10.20.0.101-10.20.0.199".into()],
        ..InventoryFlags::default()
    };
    let inventory = Inventory::load(None, &flags).expect("the flags are sound");
    let options = Options::new(Policy::embedded(), Arc::new(inventory));
    run(&[Source::File(path.to_owned())], &options, &Progress::default()).expect("a capture that can be read")
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
    for Layer { name, link, wrap, .. } in LAYERS {
        let survey = survey(&write(folder.path(), name, *link, *wrap));
        assert_eq!(told(&survey), plain, "{name}");
        assert!(survey.frames.stopped.is_empty() && survey.frames.unread.is_empty(), "{name}: {:?}", survey.frames);
    }
}

/// What a program printed.
fn ask(program: &str, path: &Path, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(program).arg("-r").arg(path).args(arguments).output().expect("a program");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Of each frame the innermost addresses and ports, as tshark reads them.
fn tshark(path: &Path, options: &[&str]) -> Vec<String> {
    let fields = ["ip.src", "ip.dst", "ip.proto", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"];
    let mut arguments = vec!["-n", "-T", "fields", "-E", "aggregator=|"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    arguments.extend(options);
    let innermost = |line: String| {
        let last: Vec<&str> = line.split('\t').map(|values| values.rsplit('|').next().unwrap_or("")).collect();
        let ports = if last.get(2) == Some(&"6") { last.get(3..5) } else { last.get(5..7) };
        format!("{:?} {:?}", &last[..2], ports)
    };
    ask("tshark", path, &arguments).into_iter().map(innermost).collect()
}

/// Of each frame what tcpdump prints of its IP packet.
fn tcpdump(path: &Path) -> Vec<String> {
    let lines = ask("tcpdump", path, &["-nnq"]).into_iter();
    lines.map(|line| line.split_once("IP ").map_or(line.clone(), |(_, packet)| packet.to_owned())).collect()
}

#[test]
fn other_programs_read_the_same_in_every_layer() {
    let is_there =
        |program| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there("tshark") || !is_there("tcpdump") {
        return println!("skipped: tshark and tcpdump are needed to read the layers");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plain = write(folder.path(), "plain", 1, <[u8]>::to_vec);
    let (by_tshark, by_tcpdump) = (tshark(&plain, &[]), tcpdump(&plain));
    assert_eq!(by_tshark.len(), by_tcpdump.len());
    assert!(by_tshark.len() > 80);
    for Layer { name, link, wrap, reader } in LAYERS {
        let path = write(folder.path(), name, *link, *wrap);
        match reader {
            Reader::Tshark(options) => assert_eq!(tshark(&path, options), by_tshark, "{name}"),
            Reader::Tcpdump => assert_eq!(tcpdump(&path), by_tcpdump, "{name}"),
            Reader::Nobody => {}
        }
    }
}
