//! report.html in headless Chromium: it renders, sorts, filters, prints, asks for nothing, and hostile names
//! stay names. Needs chromium and node; axe-core (by scripts/test-hosts.sh, or where AXE says) checks accessibility.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Run, igorscope, run_with, sample};
use crate::skips::{is_there, skipped};
use crate::traffic::file::Tape;
use crate::traffic::frame::{self, Segment, V4};
use crate::traffic::site::START;
use crate::traffic::wire::MILLI;

/// The browser, where it and what drives it are there.
fn chromium() -> Option<String> {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    let both = is_there(&chromium) && is_there("node");
    if !both {
        skipped("chromium and node are needed to open report.html");
    }
    both.then_some(chromium)
}

/// Names that a careless page or spreadsheet would act on. An inventory takes no control characters; terminal
/// escapes are tried in the unit tests of the page.
const HOSTILE: [&str; 4] = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "=cmd|'/C calc'!A0",
    "</title></style></script><svg onload=alert(4)>",
    "gpj.\\u202eexe\\\" onmouseover=\\\"alert(3)",
];

#[test]
fn the_report_works_in_a_browser() {
    let Some(chromium) = chromium() else { return };
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut inventory = format!("site-name = \"{}\"\n", HOSTILE[0]);
    for (address, role, name) in [
        ("10.20.0.10", "gateway", HOSTILE[0]),
        ("10.20.0.40", "bacnet", HOSTILE[1]),
        ("10.20.0.101", "node", HOSTILE[2]),
        ("10.20.0.122", "node", HOSTILE[3]),
    ] {
        writeln!(inventory, "[[device]]\naddress = \"{address}\"\nrole = \"{role}\"\nname = \"{name}\"").unwrap();
    }
    let file = folder.path().join("site.toml");
    fs::write(&file, inventory).unwrap();

    let out = folder.path().join("report");
    let capture = sample("site-survey.pcapng");
    run_with(&[&"analyze", &"--format", &"html", &"--inventory", &file, &"-o", &out, &capture]).expect(0, &[]);

    let report = out.join("report.html");
    assert!(fs::read_to_string(&report).unwrap().contains("&lt;script&gt;alert(1)"), "the hostile names are in it");
    let mut browser = Command::new("node");
    browser.arg(package.join("tests/browser/report.mjs")).arg(&report).env("CHROMIUM", chromium);
    let axe = std::env::var_os("AXE").map_or_else(|| package.join("target/test-tools/axe.min.js"), PathBuf::from);
    match axe.is_file() {
        true => drop(browser.arg(axe)),
        false => skipped("accessibility was not checked: there is no axe-core; run scripts/test-hosts.sh"),
    }
    let browser = browser.output().unwrap();
    println!("{}", String::from_utf8_lossy(&browser.stdout));
    assert!(browser.status.success(), "{}", String::from_utf8_lossy(&browser.stderr));
}

const GATEWAY: [u8; 4] = [10, 20, 0, 2];
const NODES: u32 = 300;
const FLOWS: u32 = 100_000;

/// A capture of 300 nodes and 100,000 flows: documented ports, answered but at each seventeenth node, and four kinds of
/// traffic that is not documented.
fn large_capture() -> Vec<u8> {
    const TCP: [u16; 4] = [80, 88, 1900, 1901];
    const UDP: [u16; 10] = [69, 1050, 1900, 1901, 5683, 50195, 50196, 50197, 50198, 50199];
    let mut tape = Tape::default();
    let node = |number: u32| [10, 20, 1 + (number / 200) as u8, 1 + (number % 200) as u8];
    let outside = |number: u32| [203, 0, 113, 1 + (number % 200) as u8];
    for flow in 0..FLOWS {
        let (at, turn) = (flow % NODES, flow / NODES);
        let place = (turn % 18) as usize;
        let (client, server, is_tcp, port) = match place {
            0..4 => (GATEWAY, node(at), true, TCP[place]),
            4..14 if turn % 2 == 0 => (node(at), GATEWAY, false, UDP[place - 4]),
            4..14 => (GATEWAY, node(at), false, UDP[place - 4]),
            14 => (node(at), outside(flow), true, 443),
            15 => (node(at), node((at + 1 + turn) % NODES), false, 47_000 + (flow % 100) as u16),
            16 => (node(at), GATEWAY, true, 8_000 + (flow % 50) as u16),
            _ => (outside(flow), outside(flow + 7), true, 443),
        };
        let client = (client, 20_000 + (turn * 7 % 40_000) as u16);
        let server = (server, port);
        let answers = at % 17 != 0;
        // SYN, SYN-ACK, ACK; or a request and an answer.
        let packets = [(client, server, 0x02), (server, client, 0x12), (client, server, 0x10)];
        let sent = if !answers { 1 } else { 2 + usize::from(is_tcp) };
        for (from, to, flags) in packets.into_iter().take(sent) {
            tape.push(START + u64::from(flow) * 30 * MILLI, packet(from, to, is_tcp.then_some(flags)));
        }
    }
    tape.pcap()
}

/// TCP with flags, or UDP with four bytes.
fn packet(from: ([u8; 4], u16), to: ([u8; 4], u16), tcp: Option<u8>) -> Vec<u8> {
    let [source, destination] = [from, to].map(|(address, port)| (IpAddr::from(address), port));
    let (protocol, content) = match tcp {
        Some(flags) => {
            let segment = Segment { seq: 1, ack: 1, flags, window: 0x2000, payload: &[] };
            (frame::TCP, frame::tcp(source, destination, segment))
        }
        None => (frame::UDP, frame::udp(source, destination, &[0xaa; 4])),
    };
    let packet = frame::ipv4(from.0.into(), to.0.into(), protocol, V4 { ttl: 64, ..V4::default() }, &content);
    let [from, to] = [from, to].map(|([a, b, c, d], _)| [2, 0x1b, a, b, c, d]);
    frame::ethernet(to, from, &[], 0x0800, &packet)
}

#[test]
fn the_report_of_a_large_survey_is_small_and_opens_with_little_work() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("large.pcap");
    fs::write(&capture, large_capture()).unwrap();
    let hosts = ["--gateway", "10.20.0.2", "--node", "10.20.1.0/24", "--node", "10.20.2.0/24"];
    let mut analyze = igorscope();
    analyze.args(["analyze", "--format", "html", "-o"]).arg(folder.path()).args(hosts).arg(&capture);
    Run::of(analyze.output().unwrap()).expect(0, &[]);
    let report = folder.path().join("report.html");
    let text = fs::read_to_string(&report).unwrap();
    println!("{} bytes", text.len());
    assert!(text.len() < 5_000_000, "{} bytes", text.len());
    assert!(text.contains("<b>300</b> <span>nodes</span>"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/large.mjs");
    let browser = Command::new("node").arg(script).arg(&report).env("CHROMIUM", chromium).output().unwrap();
    println!("{}", String::from_utf8_lossy(&browser.stdout));
    assert!(browser.status.success(), "{}", String::from_utf8_lossy(&browser.stderr));
}
