//! What the link itself says: each finding of docs/link.md on a capture of its kind made here, its twin in which all is
//! well, and what tshark reads in the same frames and in the corpus.

use std::path::Path;

use igorscope::capture::Capture;
use igorscope::decode::{self, Network, NonIp, Transport};
use igorscope::inventory::{Dot1x, Inventory};
use igorscope::policy::Severity;
use igorscope::protocol::membership::{self, MembershipMessage};
use igorscope::protocol::{eapol, poe, stp};
use igorscope::survey::Survey;

use crate::reading::{self, of_kind};
use crate::skips::{is_there, skipped};
use crate::tools::tshark;
use crate::traffic::file::Record;
use crate::traffic::frame::{self, V4};
use crate::traffic::payload::{coap, dhcp, link};
use crate::traffic::site::{START, Site};
use crate::traffic::wire::{Host, MILLI, SECOND, Wire, group};
use crate::{command, corpus};

/// The findings of docs/link.md.
const KINDS: [&str; 10] = [
    "poe-too-little",
    "poe-not-negotiated",
    "not-authenticated",
    "topology-changes",
    "forwards-late",
    "no-querier",
    "second-dhcp-server",
    "broadcast-storm",
    "packets-too-big",
    "lost-fragments",
];

const LLDP: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
const PAE: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x03];
const STP: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0];
const EVERYBODY: [u8; 6] = [0xff; 6];

/// The kinds of this page that a survey has.
fn told(survey: &Survey) -> Vec<&'static str> {
    KINDS.into_iter().filter(|kind| !of_kind(survey, kind).is_empty()).collect()
}

/// What a wire tells: in one file, in a ring of files, and in a file for what each speaker of LLDP sent and one for the rest.
#[track_caller]
fn survey_of(mut wire: Wire) -> Survey {
    wire.tape.sort();
    let whole = reading::survey_of(&wire.tape.pcap(), reading::site(), false);
    let (first, last) = (wire.tape.records[0].time, wire.tape.records[wire.tape.records.len() - 1].time);
    let in_ring = |record: &Record| (record.time - first) * 6 / (last - first + 1);
    let by_switch = |record: &Record| u64::from(record.frame[6..9] == [0x02, 0x53, 0x57]);
    for part_of in [&in_ring as &dyn Fn(&Record) -> u64, &by_switch] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = Vec::new();
        for part in 0..6 {
            let mut tape = wire.tape.clone();
            tape.records.retain(|record| part_of(record) == part);
            if !tape.records.is_empty() {
                files.push(folder.path().join(format!("{part}.pcap")));
                std::fs::write(&files[files.len() - 1], tape.pcap()).expect("a file");
            }
        }
        assert_eq!(told(&reading::survey(&files, reading::site(), false)), told(&whole), "in {} files", files.len());
    }
    whole
}

/// A site whose node 7 talks to the gateway for ten minutes, untagged as on the node's own port.
fn visit() -> (Site, Wire, Host, Host) {
    let site = Site::new();
    let mut wire = site.wire(7);
    let (node, switch) = (Host { untagged: true, ..site.node(7) }, switch(&site));
    for step in 0..20 {
        let at = START + step * 30 * SECOND;
        for (port, step) in [(5683, 0), (80, 2), (5684, 4)] {
            wire.udp(at + step * MILLI, (node, 40_000), (Host { untagged: true, ..site.gateway }, port), b"x");
            wire.udp(at + step * MILLI + MILLI, (Host { untagged: true, ..site.gateway }, port), (node, 40_000), b"x");
        }
    }
    (site, wire, node, switch)
}

fn switch(site: &Site) -> Host {
    Host { mac: [0x02, 0x53, 0x57, 0, 0, 7], untagged: true, ..site.router }
}

/// An LLDP unit with TLVs behind the mandatory ones; of a switch, it says so.
fn unit(from: Host, port: &str, is_switch: bool, tlvs: &[&[u8]]) -> Vec<u8> {
    let mut out = link::lldp(from.mac, port, if is_switch { "lighting-switch" } else { "node-07" });
    out.truncate(out.len() - 2);
    if is_switch {
        out.extend([7 << 1, 4, 0, 4, 0, 4]);
    }
    for value in tlvs {
        out.extend((127_u16 << 9 | value.len() as u16).to_be_bytes());
        out.extend(*value);
    }
    out.extend([0, 0]);
    out
}

/// Power via MDI as 802.3at has it: of a switch or a device, its class, requested and allocated tenths of a watt.
fn mdi(is_switch: bool, class: u8, requested: u16, allocated: u16) -> Vec<u8> {
    let mut out =
        vec![0, 0x12, 0x0f, 2, if is_switch { 0x0f } else { 0 }, 1, class + 1, if is_switch { 0x11 } else { 0x51 }];
    out.extend(requested.to_be_bytes());
    out.extend(allocated.to_be_bytes());
    out
}

/// What switch and node say of power, ten times.
fn negotiate(wire: &mut Wire, node: Host, switch: Host, given: &[u8], asked: &[&[u8]]) {
    for step in 0..10 {
        let at = START + step * 30 * SECOND;
        wire.ethernet(at, switch, LLDP, 0x88cc, &unit(switch, "Gi1/0/7", true, &[given]));
        wire.ethernet(at + MILLI, node, LLDP, 0x88cc, &unit(node, "1", false, asked));
    }
}

#[test]
fn a_device_that_is_given_less_than_it_asks_for_is_told() {
    let (_, mut wire, node, switch) = visit();
    negotiate(&mut wire, node, switch, &mdi(true, 4, 255, 130), &[&mdi(false, 4, 255, 130)]);
    let survey = survey_of(wire);
    assert_eq!(told(&survey), ["poe-too-little"]);
    let found = of_kind(&survey, "poe-too-little");
    assert_eq!((found.len(), found[0].severity, &*found[0].words.client), (1, Severity::Alert, "10.20.0.107"));
    found[0].says(&["asks for 25.5 W by LLDP and is given 13.0 W, for 4 minutes", "at lighting-switch port Gi1/0/7"]);
    let host = survey.hosts.iter().find(|host| host.name.as_deref() == Some("node-07")).expect("a declared host");
    let power = host.power().expect("its power");
    assert_eq!(
        (power.class, power.requested, power.allocated, power.pairs),
        (Some(4), Some(255), Some(130), Some("signal"))
    );
}

/// A device's power and 802.1X stand where people look, from a capture as from its state, and not from the original alone.
#[test]
fn power_and_802_1x_stand_in_explain_in_nodes_and_in_the_report() {
    let (_, mut wire, node, switch) = visit();
    negotiate(&mut wire, node, switch, &mdi(true, 4, 255, 130), &[&mdi(false, 4, 255, 130)]);
    wire.ethernet(START, node, PAE, 0x888e, &[1, 1, 0, 0]);
    wire.ethernet(START + MILLI, switch, node.mac, 0x888e, &eap(3, 1));
    wire.tape.sort();
    let folder = command::folder(&[("made.pcap", &wire.tape.pcap())]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let inventory = command::sample("site-survey.toml").to_string_lossy().into_owned();
    command::run(["observe", "-q", &at("made.pcap"), "-o", &at("made.igstate")]).expect(0, &[]);
    for (input, name) in [("made.pcap", "a"), ("made.igstate", "b")] {
        let told = [
            "power: class 4, asks for 25.5 W, is given 13.0 W, signal pairs",
            "802.1X: authenticated",
            "poe-too-little",
        ];
        let run = command::run(["explain", "-q", "node-07", "--inventory", &inventory, &at(input)]).expect(0, &[]);
        told.iter().for_each(|words| assert!(run.out.contains(words), "{words}: {}", run.out));
        command::run(["analyze", "-q", "--inventory", &inventory, &at(input), "-o", &at(name)]).expect(0, &[]);
        let nodes = std::fs::read_to_string(folder.path().join(name).join("nodes.csv")).expect("nodes.csv");
        let row = nodes.lines().find(|line| line.starts_with("10.20.0.107,")).expect("the node's row");
        assert!(row.ends_with(",underpowered,,4,25500,13000,authenticated,,,,,,"), "{row}");
        let page = std::fs::read_to_string(folder.path().join(name).join("report.html")).expect("report.html");
        assert!(page.contains("class 4, asks for 25.5 W, is given 13.0 W, signal pairs"));
        // Rendered again from survey.json alone.
        let again = at(&format!("{name}-again"));
        let survey = folder.path().join(name).join("survey.json").to_string_lossy().into_owned();
        command::run(["report", "-q", &survey, "-o", &again]).expect(0, &[]);
        assert_eq!(std::fs::read_to_string(Path::new(&again).join("nodes.csv")).expect("nodes.csv"), nodes);
    }
}

/// What the switch alone says of the only device on its port.
/// A switch of 802.3af, whose unit ends with its class.
#[test]
fn a_class_that_gives_less_than_is_asked_for_is_told_and_a_tenth_is_rounding() {
    let of = |given: &[u8], asked: &[u8]| {
        let (_, mut wire, node, switch) = visit();
        negotiate(&mut wire, node, switch, given, &[asked]);
        survey_of(wire)
    };
    let old = |class| mdi(true, class, 0, 0)[..7].to_vec();
    let asked = mdi(false, 4, 255, 130);
    assert_eq!(told(&of(&old(3), &asked)), ["poe-too-little"]);
    assert!(told(&of(&old(4), &asked)).is_empty(), "granted by classification");
    assert!(told(&of(&mdi(true, 3, 130, 129), &mdi(false, 3, 130, 129))).is_empty());
    assert_eq!(told(&of(&mdi(true, 3, 130, 120), &mdi(false, 3, 130, 120))), ["poe-too-little"]);
}

#[test]
fn a_class_that_nothing_is_asked_for_is_told() {
    let of = |own: &[&[u8]], class| {
        let (_, mut wire, node, switch) = visit();
        negotiate(&mut wire, node, switch, &mdi(true, class, 130, 130), own);
        survey_of(wire)
    };
    let survey = of(&[], 4);
    assert_eq!(told(&survey), ["poe-not-negotiated"]);
    of_kind(&survey, "poe-not-negotiated")[0].says(&["of class 4 and may draw 25.5 W; the switch gives it 13.0 W"]);
    let by_med = |tenths: u8| {
        let (_, mut wire, node, switch) = visit();
        let class = mdi(true, 4, 0, 0)[..7].to_vec();
        for step in 0..10 {
            let at = START + step * 30 * SECOND;
            let given = unit(switch, "Gi1/0/7", true, &[&class, &[0, 0x12, 0xbb, 4, 0x12, 0, tenths]]);
            wire.ethernet(at, switch, LLDP, 0x88cc, &given);
            wire.ethernet(at + MILLI, node, LLDP, 0x88cc, &unit(node, "1", false, &[]));
        }
        survey_of(wire)
    };
    assert_eq!(told(&by_med(154)), ["poe-not-negotiated"], "15.4 W at the port are 13 W at the device");
    assert!(told(&by_med(255)).is_empty());
    assert!(told(&of(&[], 3)).is_empty(), "class 3 needs no more");
    assert!(told(&of(&[&mdi(false, 4, 130, 130)], 4)).is_empty(), "it asked for no more");
    assert!(told(&of(&[&[0, 0x12, 0xbb, 4, 0x52, 0, 120]], 4)).is_empty(), "it asked for less by LLDP-MED");
}

/// The device holds for granted what it was given at first.
#[test]
fn what_a_switch_takes_back_is_told() {
    let of = |given: [u16; 2]| {
        let (_, mut wire, node, switch) = visit();
        for step in 0..10 {
            let at = START + step * 30 * SECOND;
            let given = given[usize::from(step > 2)];
            wire.ethernet(at, switch, LLDP, 0x88cc, &unit(switch, "Gi1/0/7", true, &[&mdi(true, 4, 255, given)]));
            wire.ethernet(at + MILLI, node, LLDP, 0x88cc, &unit(node, "1", false, &[&mdi(false, 4, 255, 255)]));
        }
        survey_of(wire)
    };
    let survey = of([255, 130]);
    of_kind(&survey, "poe-too-little")[0].says(&["asks for 25.5 W by LLDP and is given 13.0 W, for 3 minutes"]);
    assert!(told(&of([130, 255])).is_empty());
    assert!(told(&of([130, 130])).is_empty(), "a first value that stays says nothing of what is given");
}

#[test]
fn a_device_that_gets_what_it_asks_for_is_not_told() {
    let (_, mut wire, node, switch) = visit();
    for step in 0..10 {
        let at = START + step * 30 * SECOND;
        // After a restart it asks, and is answered with the next unit.
        let granted = if step % 5 == 0 { 130 } else { 255 };
        wire.ethernet(at, switch, LLDP, 0x88cc, &unit(switch, "Gi1/0/7", true, &[&mdi(true, 4, 255, granted)]));
        wire.ethernet(at + MILLI, node, LLDP, 0x88cc, &unit(node, "1", false, &[&mdi(false, 4, 255, granted)]));
    }
    // It has just started again when the capture ends.
    let at = START + 301 * SECOND;
    wire.ethernet(at, node, LLDP, 0x88cc, &unit(node, "1", false, &[&mdi(false, 4, 255, 130)]));
    wire.ethernet(at, switch, LLDP, 0x88cc, &unit(switch, "Gi1/0/7", true, &[&mdi(true, 4, 255, 130)]));
    let survey = survey_of(wire);
    assert!(told(&survey).is_empty(), "{:?}", told(&survey));
}

/// An EAPOL frame: version, type, and an EAP packet if it is one.
fn eap(code: u8, identifier: u8) -> Vec<u8> {
    let body = if code <= 2 { vec![code, identifier, 0, 5, 1] } else { vec![code, identifier, 0, 4] };
    [&[1, 0, 0, body.len() as u8], &body[..]].concat()
}

#[test]
fn a_device_that_is_never_let_in_is_told_and_one_that_is_is_not() {
    let of = |end: Option<(u8, [u8; 6])>| {
        let (site, mut wire, ..) = visit();
        let (node, switch) = (Host { untagged: true, ..site.node(9) }, switch(&site));
        for step in 0..4 {
            let at = START + step * 30 * SECOND;
            wire.ethernet(at, node, PAE, 0x888e, &[1, 1, 0, 0]);
            wire.ethernet(at + MILLI, switch, node.mac, 0x888e, &eap(1, 1));
            wire.ethernet(at + 2 * MILLI, node, PAE, 0x888e, &eap(2, 1));
            if let Some((code, to)) = end {
                wire.ethernet(at + 3 * MILLI, switch, to, 0x888e, &eap(code, 2));
            }
        }
        // That is how it is known which device the MAC is.
        wire.udp(START, (node, 40_000), (Host { untagged: true, ..site.gateway }, 5683), b"\x50\x01\0\x01");
        survey_of(wire)
    };
    let state = |survey: &Survey| {
        survey.hosts.iter().find(|host| host.name.as_deref() == Some("node-09")).and_then(|host| host.dot1x())
    };
    let node = Site::new().node(9).mac;
    let survey = of(Some((4, node)));
    assert_eq!((told(&survey), state(&survey)), (vec!["not-authenticated"], Some(Dot1x::Refused)));
    let found = of_kind(&survey, "not-authenticated");
    assert_eq!((found[0].severity, &*found[0].words.client), (Severity::Alert, "10.20.0.109"));
    found[0].says(&["the switch refused it 4 times"]);
    let survey = of(None);
    assert_eq!((told(&survey), state(&survey)), (vec!["not-authenticated"], Some(Dot1x::Started)));
    // A switch may say so to the device or to all.
    for to in [node, PAE] {
        let survey = of(Some((3, to)));
        assert_eq!((told(&survey), state(&survey)), (vec![], Some(Dot1x::Authenticated)));
    }
}

/// By its MAC, or into a guest network; and the other way round, who was let in may be refused later.
#[test]
fn a_device_that_is_refused_may_be_let_in_by_other_means_and_one_that_was_let_in_may_be_refused() {
    let of = |success: Option<u64>, talk: Option<bool>| {
        let (site, mut wire, ..) = visit();
        let (node, switch) = (Host { untagged: true, ..site.node(9) }, switch(&site));
        let gateway = Host { untagged: true, ..site.gateway };
        wire.ethernet(START, node, PAE, 0x888e, &[1, 1, 0, 0]);
        for step in 0..4 {
            let at = START + (100 + step * 10) * SECOND;
            wire.ethernet(at, switch, node.mac, 0x888e, &eap(1, 1));
            wire.ethernet(at + MILLI, node, PAE, 0x888e, &eap(2, 1));
            wire.ethernet(at + 2 * MILLI, switch, node.mac, 0x888e, &eap(4, 2));
        }
        if let Some(seconds) = success {
            wire.ethernet(START + seconds * SECOND, switch, node.mac, 0x888e, &eap(3, 2));
        }
        if let Some(is_answered) = talk {
            wire.udp(START + 200 * SECOND, (node, 40_000), (gateway, 5683), b"x");
            if is_answered {
                wire.udp(START + 201 * SECOND, (gateway, 5683), (node, 40_000), b"x");
            }
        }
        survey_of(wire)
    };
    assert_eq!(told(&of(None, Some(false))), ["not-authenticated"]);
    assert!(told(&of(None, Some(true))).is_empty());
    assert_eq!(told(&of(Some(1), None)), ["not-authenticated"], "refused since");
    assert!(told(&of(Some(180), None)).is_empty());
}

/// A tap writes each direction into a file of its own.
#[test]
fn a_device_whose_success_lies_in_another_file_is_let_in() {
    let site = Site::new();
    let (node, switch) = (Host { untagged: true, ..site.node(9) }, switch(&site));
    let [mut up, mut down] = [site.wire(1), site.wire(2)];
    for step in 0..4 {
        let at = START + step * 30 * SECOND;
        up.ethernet(at, node, PAE, 0x888e, &[1, 1, 0, 0]);
        down.ethernet(at + MILLI, switch, PAE, 0x888e, &eap(1, 1));
        up.ethernet(at + 2 * MILLI, node, PAE, 0x888e, &eap(2, 1));
        down.ethernet(at + 3 * MILLI, switch, PAE, 0x888e, &eap(3, 2));
    }
    let folder = command::folder(&[("up.pcap", &up.tape.pcap()), ("down.pcap", &down.tape.pcap())]);
    let captures = ["up.pcap", "down.pcap"].map(|name| folder.path().join(name));
    let survey = reading::survey(&captures, Inventory::default(), false);
    assert!(told(&survey).is_empty(), "{:?}", told(&survey));
}

/// On a port without 802.1X a device begins, hears nothing, and goes on.
#[test]
fn a_device_that_begins_802_1x_where_nobody_asks_for_it_is_not_told() {
    let (_, mut wire, node, _) = visit();
    for step in 0..4 {
        wire.ethernet(START + step * 30 * SECOND, node, PAE, 0x888e, &[1, 1, 0, 0]);
    }
    assert!(told(&survey_of(wire)).is_empty());
}

/// A rapid spanning tree unit behind its LLC header, with other flags.
fn bpdu(flags: u8, version: u8) -> Vec<u8> {
    let mut out = link::bpdu([0x02, 0x53, 0x57, 0, 0, 1]);
    (out[5], out[6], out[7]) = (version, version, flags);
    out
}

const FORWARDING: u8 = 0x3c;
const LEARNING: u8 = 0x1c;
const DISCARDING: u8 = 0x0c;
const CHANGE: u8 = 0x01;

fn tell(wire: &mut Wire, from: Host, at: u64, unit: &[u8]) {
    wire.ethernet(at, from, STP, unit.len() as u16, unit);
}

#[test]
fn a_tree_that_changes_again_and_again_is_told_and_one_change_is_not() {
    let of = |changes: &[u64]| {
        let (_, mut wire, _, switch) = visit();
        for step in 0..300 {
            let at = START + step * 2 * SECOND;
            // A change is told for 35 s.
            let changes = changes.iter().any(|from| (*from..from + 35).contains(&(step * 2)));
            tell(&mut wire, switch, at, &bpdu(FORWARDING | if changes { CHANGE } else { 0 }, 2));
        }
        survey_of(wire)
    };
    let survey = of(&[0, 100, 200, 300, 400, 500]);
    assert_eq!(told(&survey), ["topology-changes"]);
    let found = of_kind(&survey, "topology-changes");
    assert_eq!((found[0].severity, found[0].packets), (Severity::Notice, 6 * 18));
    assert!(told(&of(&[])).is_empty());
    assert!(told(&of(&[30])).is_empty());
    assert!(told(&of(&[30, 320])).is_empty(), "a link that went down and came up again");
    assert!(told(&of(&[45, 165, 285, 405])).is_empty(), "two of them, each told in two minutes");
}

#[test]
fn a_port_that_forwards_late_is_told_and_an_edge_port_is_not() {
    let of = |waits: u64, version| {
        let (_, mut wire, _, switch) = visit();
        for step in 0..100 {
            let flags = match step {
                step if step < waits / 2 => DISCARDING,
                step if step < waits => LEARNING,
                _ => FORWARDING,
            };
            tell(&mut wire, switch, START + step * 2 * SECOND, &bpdu(flags, version));
        }
        survey_of(wire)
    };
    let survey = of(15, 2);
    assert_eq!(told(&survey), ["forwards-late"]);
    of_kind(&survey, "forwards-late")[0].says(&["was discarding or learning for 30 s (its forward delay is 15 s)"]);
    assert!(told(&of(0, 2)).is_empty(), "an edge port");
    assert!(told(&of(2, 2)).is_empty(), "two switches that agree");
    assert!(told(&of(15, 0)).is_empty(), "before the rapid tree, units do not say it");
    assert!(told(&of(100, 2)).is_empty(), "it never forwards: a port that was shut, or the capture's end");
    let (_, mut wire, _, switch) = visit();
    for step in 0..200 {
        let flags = if step % 10 < 2 { DISCARDING } else { FORWARDING };
        tell(&mut wire, switch, START + step * 2 * SECOND, &bpdu(flags, 2));
    }
    assert!(told(&survey_of(wire)).is_empty(), "two switches that agree, twenty times");
}

#[test]
fn a_device_behind_a_port_of_1998_asks_in_vain_for_twice_the_forward_delay() {
    let of = |version: u8, rounds: u32, waits: &[u64]| {
        let (site, mut wire, _, switch) = visit();
        let everyone = group("255.255.255.255");
        for step in 0..100 {
            tell(
                &mut wire,
                switch,
                START + step * 2 * SECOND,
                &bpdu(if version == 0 { 0 } else { FORWARDING }, version),
            );
        }
        let node = Host { untagged: true, ..site.node(9) };
        for round in 0..rounds {
            let at = START + u64::from(round) * 150 * SECOND;
            let client = (Host { ip: std::net::Ipv4Addr::UNSPECIFIED.into(), ..node }, 68);
            let text = |kind| dhcp::message(kind, 99 + round, node.mac, node.v4(), site.router.v4(), "node-09");
            for wait in waits {
                wire.udp(at + wait * SECOND, client, (everyone, 67), &text(dhcp::DISCOVER));
            }
            let at = at + waits[waits.len() - 1] * SECOND + MILLI;
            wire.udp(at, (Host { untagged: true, ..site.router }, 67), (everyone, 68), &text(dhcp::OFFER));
        }
        survey_of(wire)
    };
    let asks = [0, 4, 12, 28];
    let survey = of(0, 2, &asks);
    assert_eq!(told(&survey), ["forwards-late"]);
    of_kind(&survey, "forwards-late")[0].says(&["asked by DHCP in vain for 28 s", "2 times in all"]);
    assert!(told(&of(0, 1, &asks)).is_empty(), "once may be chance");
    assert!(told(&of(2, 2, &asks)).is_empty(), "a rapid port says whether it forwards");
    assert!(told(&of(0, 2, &[0, 4, 12])).is_empty(), "a server that is slow");
}

/// The gateway asks a group for so many minutes; a querier asks every two minutes as long as it lives.
fn asked(queried: u64, join: bool, answered: bool, minutes: u64) -> Survey {
    asked_beside(0, queried, join, answered, minutes)
}

/// The same, and another host asks the group, too, and is answered for so many minutes.
fn asked_beside(other: u64, queried: u64, join: bool, answered: bool, minutes: u64) -> Survey {
    let get = |id, token: &[u8]| coap::request(coap::NON, coap::GET, id, token, "lights", b"");
    survey_of(asking(&get, other, queried, join, answered, minutes))
}

/// What is on the wire, where the gateway asks just so.
fn asking(
    ask: &dyn Fn(u16, &[u8]) -> Vec<u8>,
    other: u64,
    queried: u64,
    join: bool,
    answered: bool,
    minutes: u64,
) -> Wire {
    let site = Site::new();
    let mut wire = site.wire(11);
    let (lights, queries) = (group("224.0.1.187"), group("224.0.0.1"));
    let igmp = |wire: &mut Wire, at: u64, from: Host, to: Host, body: &[u8]| {
        wire.packet(at, from, to, 2, V4 { ttl: 1, options: &link::ROUTER_ALERT, ..V4::default() }, body);
    };
    for step in 0..minutes * 2 {
        let (at, token) = (START + step * 30 * SECOND, [step as u8, 1]);
        wire.udp(at, (site.gateway, 40_000), (lights, 5683), &ask(step as u16, &token));
        if answered {
            let answer = coap::message(coap::NON, coap::CONTENT, 500 + step as u16, &token, &[], b"on");
            wire.udp(at + MILLI, (site.node(1), 5683), (site.gateway, 40_000), &answer);
        }
        if step < other * 2 {
            let question = coap::request(coap::NON, coap::GET, 900 + step as u16, &token, "lights", b"");
            wire.udp(at + 2 * MILLI, (site.bacnet, 41_000), (lights, 5683), &question);
            let answer = coap::message(coap::NON, coap::CONTENT, 700 + step as u16, &token, &[], b"on");
            wire.udp(at + 3 * MILLI, (site.node(1), 5683), (site.bacnet, 41_000), &answer);
        }
        if step < queried * 2 && step % 4 == 0 {
            igmp(&mut wire, at, site.router, queries, &frame::icmp(0x11, 100, [0; 4], &[]));
        }
        if join && step == 1 {
            igmp(&mut wire, at, site.node(1), lights, &link::igmp_report("224.0.1.187".parse().expect("a group")));
        }
    }
    wire
}

#[test]
fn groups_that_nobody_asks_about_are_told_where_requests_go_unanswered() {
    let survey = asked(0, true, false, 10);
    assert_eq!(told(&survey), ["no-querier"]);
    let found = of_kind(&survey, "no-querier");
    assert_eq!((found[0].severity, &*found[0].words.client), (Severity::Warning, "10.20.0.10"));
    found[0].says(&["no IGMP or MLD query of VLAN 20 was heard"]);
    let node = survey.hosts.iter().find(|host| host.name.as_deref() == Some("node-01")).expect("a declared host");
    let groups = node.link.as_ref().map(|link| link.groups.clone());
    assert_eq!(groups, Some(vec!["224.0.1.187".parse().expect("an address")]));
    assert!(told(&asked(10, true, false, 10)).is_empty(), "somebody asks");
    let survey = asked(3, true, false, 20);
    assert_eq!(told(&survey), ["no-querier"], "who listens is forgotten after 260 s");
    of_kind(&survey, "no-querier")[0].says(&["no IGMP or MLD query of VLAN 20 was heard after 2026"]);
    assert!(told(&asked(3, true, false, 10)).is_empty(), "and then it must go on");
    assert!(told(&asked_beside(20, 0, true, false, 20)).is_empty(), "the group is reached");
    assert_eq!(told(&asked_beside(2, 0, true, false, 20)), ["no-querier"], "it was, until it was forgotten");
    assert!(told(&asked(0, true, true, 10)).is_empty(), "somebody answers");
    assert!(told(&asked(0, false, false, 10)).is_empty(), "nobody says who listens: this is not seen here");
    assert!(told(&asked(0, true, false, 3)).is_empty(), "a querier may ask every two minutes only");
}

/// RFC 7252 section 8.2: what a command has to say a server may keep to itself; RFC 7967 section 2.1: nobody may answer it.
#[test]
fn commands_to_a_group_prove_nothing_by_silence() {
    let found = |code: u8, no_response: Option<u8>| {
        let ask = |id, token: &[u8]| {
            let mut message = coap::request(coap::NON, code, id, token, "lights", b"");
            // From Uri-Path, 11, to No-Response, 258: the delta is 13 and one byte more (RFC 7252 section 3.1).
            message.extend(no_response.into_iter().flat_map(|value| [0xd1, (258 - 11 - 13) as u8, value]));
            message
        };
        told(&survey_of(asking(&ask, 0, 0, true, false, 10))).len()
    };
    for (code, no_response) in [(coap::PUT, None), (coap::PUT, Some(26)), (coap::GET, Some(2))] {
        assert_eq!(found(code, no_response), 0, "{code} {no_response:?}");
    }
    // Errors alone are not wanted, or nothing is left out: content is.
    for no_response in [None, Some(0), Some(24)] {
        assert_eq!(found(coap::GET, no_response), 1, "{no_response:?}");
    }
}

/// The querier dies, and with it what the switch remembers of who listens; but who was answered without one needs none.
#[test]
fn a_group_that_was_answered_until_its_querier_died_is_told() {
    let found = |answered: u64| {
        let get = |id, token: &[u8]| coap::request(coap::NON, coap::GET, id, token, "lights", b"");
        let mut wire = asking(&get, 0, 3, true, true, 40);
        let node = Site::new().node(1).mac;
        let until = START + answered * 60 * SECOND;
        wire.tape.records.retain(|record| record.frame[6..12] != node || record.time < until);
        told(&survey_of(wire)).contains(&"no-querier")
    };
    assert!(found(4));
    assert!(!found(20), "it was answered long after the last query");
    assert!(!found(38), "it is answered still, or was a moment ago");
}

/// IEEE 802.1Q clause 6.9: VLAN 0 is a priority, and no VLAN.
#[test]
fn a_priority_tag_is_no_vlan_of_its_own() {
    let tagged = |queried: u64, vlan: u8| {
        let get = |id, token: &[u8]| coap::request(coap::NON, coap::GET, id, token, "lights", b"");
        let mut wire = asking(&get, 0, queried, true, false, 10);
        let gateway = Site::new().gateway.mac;
        for record in &mut wire.tape.records {
            if record.frame[6..12] == gateway {
                record.frame[15] = vlan;
            } else {
                record.frame.drain(12..16);
                record.original -= 4;
            }
        }
        told(&survey_of(wire)).len()
    };
    assert_eq!((tagged(10, 0), tagged(0, 0)), (0, 1), "it is the network of the querier, and of the listener");
    assert_eq!(tagged(0, 30), 0, "nobody says there who listens");
}

/// A client's DISCOVER, and what servers answer to it: each by its address, the network that it gives and the router.
fn leases(servers: &[(Host, [u8; 4], Host)], rounds: u32) -> Survey {
    survey_of(leases_of(servers, rounds))
}

fn leases_of(servers: &[(Host, [u8; 4], Host)], rounds: u32) -> Wire {
    let site = Site::new();
    let mut wire = site.wire(12);
    let everyone = group("255.255.255.255");
    for round in 0..rounds {
        let node = site.node(1 + round as usize);
        let at = START + u64::from(round) * 10 * SECOND;
        let client = (Host { ip: std::net::Ipv4Addr::UNSPECIFIED.into(), ..node }, 68);
        let text =
            |kind, server: std::net::Ipv4Addr, yours| dhcp::message(kind, 77 + round, node.mac, yours, server, "node");
        wire.udp(at, client, (everyone, 67), &text(dhcp::DISCOVER, site.router.v4(), node.v4()));
        for (number, (server, yours, router)) in (1..).zip(servers) {
            let mut yours = *yours;
            yours[3] += 100 + round as u8;
            let mut offer = text(dhcp::OFFER, router.v4(), yours.into());
            assert_eq!(offer[243..245], [54, 4], "the server's identifier");
            offer[245..249].copy_from_slice(&server.v4().octets());
            wire.udp(at + number * MILLI, (*server, 67), (everyone, 68), &offer);
        }
        wire.udp(at + 5 * MILLI, client, (everyone, 67), &text(dhcp::REQUEST, site.router.v4(), node.v4()));
        wire.udp(at + 6 * MILLI, (site.router, 67), (everyone, 68), &text(dhcp::ACK, site.router.v4(), node.v4()));
    }
    wire
}

#[test]
fn a_second_dhcp_server_is_told_and_a_relay_is_not() {
    let site = Site::new();
    let own = (site.router, [10, 20, 0, 0], site.router);
    let rogue = Host { mac: [0x02, 0x99, 0, 0, 0, 9], ip: [10, 20, 0, 99].into(), ..site.router };
    let survey = leases(&[own, (rogue, [192, 168, 1, 0], rogue)], 3);
    assert_eq!(told(&survey), ["second-dhcp-server"]);
    let found = of_kind(&survey, "second-dhcp-server");
    assert_eq!((found.len(), &*found[0].words.client, found[0].severity), (1, "10.20.0.99", Severity::Warning));
    found[0].says(&[
        "answered 3 requests that 10.20.0.1 answered otherwise",
        "MAC 02:99:00:00:00:09",
        "it gave 192.168.1.100",
        "They differ.",
    ]);
    assert!(told(&leases(&[own], 3)).is_empty(), "one server");
    // Two relays hand on what one server offers: the identifier is the server's.
    assert!(told(&leases(&[own, own], 3)).is_empty(), "one server by two ways");
}

#[test]
fn one_device_that_gives_the_same_by_two_names_is_one_dhcp_server() {
    let site = Site::new();
    let other = Host { ip: [10, 20, 0, 3].into(), ..site.router };
    // The first address is that of the ACK.
    let beside_own =
        |first, router| leases(&[(site.router, [10, 20, 0, 1], site.router), (other, [10, 20, 0, first], router)], 3);
    // A server and a relay that names itself in its place (RFC 5107).
    assert!(told(&beside_own(1, site.router)).is_empty());
    let stranger = Host { mac: [2, 0, 0, 0, 0, 9], ..other };
    let same = leases(&[(site.router, [10, 20, 0, 1], site.router), (stranger, [10, 20, 0, 1], site.router)], 3);
    assert_eq!(told(&same), ["second-dhcp-server"], "it may name its own DNS server");
    // Unless it is seen to hand requests on to it (RFC 5107): relay and server speak from port 67 (RFC 2131 section 4.1).
    let relayed = |port: u16| {
        let mut wire =
            leases_of(&[(site.router, [10, 20, 0, 1], site.router), (stranger, [10, 20, 0, 1], site.router)], 3);
        for (from, to) in [(stranger, site.router), (site.router, stranger)] {
            wire.udp(START + 5 * SECOND, (from, port), (to, 67), b"handed on");
        }
        told(&survey_of(wire))
    };
    assert_eq!((relayed(67), relayed(68)), (vec![], vec!["second-dhcp-server"]));
    let other_addresses = beside_own(51, site.router);
    of_kind(&other_addresses, "second-dhcp-server")[0].says(&["perhaps a pair"]);
    assert_eq!(told(&beside_own(1, other)), ["second-dhcp-server"]);
}

fn arp_storm(frames: u64, targets: u64, over: u64) -> Survey {
    arp_storms(&[(0, frames, targets, over)])
}

/// From a second on so many requests for so many addresses, within so many seconds.
fn arp_storms(storms: &[(u64, u64, u64, u64)]) -> Survey {
    let (site, mut wire, ..) = visit();
    let looped = Host { untagged: true, ..site.node(3) };
    for (from, frames, targets, over) in storms {
        for number in 0..*frames {
            let target = std::net::Ipv4Addr::from((10 << 24 | 20 << 16) + (number % targets) as u32);
            let question = link::arp(1, (looped.mac, looped.v4()), ([0; 6], target));
            wire.ethernet(
                START + from * SECOND + number * over * SECOND / frames,
                looped,
                EVERYBODY,
                0x0806,
                &question,
            );
        }
    }
    survey_of(wire)
}

#[test]
fn a_storm_is_told_and_a_scan_is_not() {
    let survey = arp_storm(40_000, 3, 20);
    assert_eq!(told(&survey), ["broadcast-storm"]);
    let found = of_kind(&survey, "broadcast-storm");
    assert_eq!((&*found[0].words.client, found[0].packets), ("10.20.0.103", 40_000));
    found[0].says(&["2000 a second", "02:49:67:01:00:03 (node-03) 40000"]);
    assert!(told(&arp_storm(1000, 254, 3)).is_empty(), "a router that looks for its subnet");
    assert!(told(&arp_storm(8000, 4000, 8)).is_empty(), "a scan of a large subnet");
    assert!(told(&arp_storm(3000, 3, 600)).is_empty(), "a busy network");
    assert_eq!(
        told(&arp_storms(&[(0, 8000, 4000, 8), (60, 12_000, 1, 10)])),
        ["broadcast-storm"],
        "a scan excuses no loop"
    );
    assert_eq!(told(&arp_storms(&[(3, 8400, 3, 14)])), ["broadcast-storm"], "600 a second across two stretches of ten");
    assert!(told(&arp_storms(&[(3, 4200, 3, 14)])).is_empty(), "300 a second");
    assert!(told(&arp_storms(&[(0, 20_000, 3, 50)])).is_empty(), "400 a second for a minute");
}

#[test]
fn a_storm_of_ip_broadcasts_is_told() {
    let of = |number: u64, over: u64| {
        let (site, mut wire, ..) = visit();
        for step in 0..number {
            let at = START + step * over * SECOND / number;
            wire.udp(at, (site.node(3), 137), (group("255.255.255.255"), 137), b"x");
        }
        survey_of(wire)
    };
    assert_eq!(told(&of(20_000, 15)), ["broadcast-storm"]);
    assert!(told(&of(20_000, 600)).is_empty(), "much, and no storm");
    let twice = {
        let (site, mut wire, ..) = visit();
        for step in 0..20_000 {
            for (number, later) in [(3, 0), (4, 300)] {
                let at = START + later * SECOND + step * 15 * SECOND / 20_000;
                wire.udp(at, (site.node(number), 137), (group("255.255.255.255"), 137), b"x");
            }
        }
        survey_of(wire)
    };
    assert_eq!(of_kind(&twice, "broadcast-storm")[0].words.client, "10.20.0.103;10.20.0.104", "each of them");
    // What loops is whatever anybody sends.
    let together = |of_each: u64| {
        let (site, mut wire, ..) = visit();
        for step in 0..of_each {
            for number in 1..=10 {
                let at = START + step * 12 * SECOND / of_each + number as u64;
                wire.udp(at, (site.node(number), 137), (group("255.255.255.255"), 137), b"x");
            }
        }
        survey_of(wire)
    };
    let survey = together(1000);
    assert_eq!(told(&survey), ["broadcast-storm"]);
    let found = of_kind(&survey, "broadcast-storm");
    assert_eq!((found.len(), found[0].packets), (1, 10_000));
    found[0].says(&["with 9 other conversations"]);
    assert!(told(&together(500)).is_empty());
}

#[test]
fn a_storm_of_neighbour_discovery_is_told_and_a_stream_is_not() {
    let of = |to: &str, number: u64| {
        let (site, mut wire, ..) = visit();
        let [from, to] = [site.node(3).v6(), group(to)];
        for step in 0..number {
            wire.udp(START + step * 15 * SECOND / number, (from, 9), (to, 9), b"x");
        }
        told(&survey_of(wire))
    };
    assert_eq!(of("ff02::1:ff00:65", 20_000), ["broadcast-storm"]);
    assert_eq!(of("ff02::1", 20_000), ["broadcast-storm"]);
    assert!(of("ff02::1", 5_000).is_empty());
    assert!(of("ff02::fb", 20_000).is_empty(), "a group of its own");
}

#[test]
fn packets_that_never_fit_are_told_and_a_sender_that_learns_is_not() {
    let of = |errors: u64, apart: u64| packets_too_big(&(0..errors).map(|step| step * apart).collect::<Vec<_>>());
    let survey = of(6, SECOND);
    assert_eq!(told(&survey), ["packets-too-big"]);
    of_kind(&survey, "packets-too-big")[0]
        .says(&["10.20.0.1 said 6 times that packets of 10.20.0.10", "1400 bytes would fit"]);
    let survey = packets_too_big_by(&[0, 30 * SECOND, 60 * SECOND, 90 * SECOND], 2);
    of_kind(&survey, "packets-too-big")[0].says(&["10.20.0.1 and 10.20.0.102 said 4 times"]);
    assert!(told(&packets_too_big_by(&[0, 30 * SECOND], 2)).is_empty(), "each of two ways is learnt");
    assert!(told(&of(1, SECOND)).is_empty());
    assert!(told(&of(10, MILLI)).is_empty(), "one flight, that was on its way when the first error came");
    assert_eq!(told(&of(60, 61 * SECOND)), ["packets-too-big"], "one a minute, and the sender does not heed it");
    let flights: Vec<u64> = (0..50).map(|step| step / 10 * 600 * SECOND + step % 10 * MILLI).collect();
    assert!(told(&packets_too_big(&flights)).is_empty(), "a flight each ten minutes, when it tries again");
}

/// A router says at these times that the gateway's packets to the cloud are too big.
fn packets_too_big(times: &[u64]) -> Survey {
    packets_too_big_by(times, 1)
}

/// The same by so many routers in turn.
fn packets_too_big_by(times: &[u64], routers: usize) -> Survey {
    let (site, mut wire, ..) = visit();
    for (number, at) in times.iter().enumerate() {
        let datagram = frame::udp((site.gateway.ip, 40_000), (site.cloud.ip, 443), &[0; 32]);
        let quoted = frame::ipv4(site.gateway.v4(), site.cloud.v4(), 17, V4 { ttl: 9, ..V4::default() }, &datagram);
        let error = frame::icmp(3, 4, [0, 0, 0x05, 0x78], &quoted);
        let router = if number % routers == 0 { site.router } else { site.node(2) };
        wire.ip(START + at, router, site.gateway, frame::ICMP, &error);
    }
    survey_of(wire)
}

#[test]
fn pieces_that_are_lost_are_told_and_whole_packets_are_not() {
    let of = |lost: Option<usize>| {
        let (site, mut wire, ..) = visit();
        for step in 0..10_u16 {
            let datagram = frame::udp((site.bacnet.ip, 47_808), (site.gateway.ip, 47_808), &[7; 4000]);
            for (number, part) in datagram.chunks(1480).enumerate() {
                // Pieces may come in any order, and the last of one capture is not the last of all.
                if lost == Some(number) && step % 2 == 0 {
                    continue;
                }
                let more = u16::from((number + 1) * 1480 < datagram.len()) << 13;
                let head = V4 { id: 100 + step, fragment: (number * 185) as u16 | more, ..V4::default() };
                let at = START + u64::from(step) * SECOND + (3 - number as u64) * MILLI;
                wire.packet(at, site.bacnet, site.gateway, frame::UDP, head, part);
            }
        }
        survey_of(wire)
    };
    for lost in 0..3 {
        let survey = of(Some(lost));
        assert_eq!(told(&survey), ["lost-fragments"], "{lost}");
        of_kind(&survey, "lost-fragments")[0].says(&["Of 10 fragmented packets", "5 lack a piece"]);
    }
    assert!(told(&of(None)).is_empty());
}

#[test]
fn the_samples_have_none_of_these() {
    for name in ["site-survey.pcapng", "first-questions.pcapng", "visit.pcap", "real-coap.pcap", "real-upnp.pcap"] {
        let survey = reading::of_sample(name);
        assert!(told(&survey).is_empty(), "{name}: {:?}", told(&survey));
    }
}

const FIELDS: [&str; 16] = [
    "lldp.ieee.802_3.mdi_power_class",
    "lldp.ieee.802_3.mdi_pde_requested",
    "lldp.ieee.802_3.mdi_pse_allocated",
    "lldp.ieee.802_3.mdi_power_support.port_class",
    "lldp.media.power.value",
    "eapol.type",
    "eap.code",
    "stp.type",
    "stp.flags",
    "stp.bridge.hw",
    "stp.port",
    "igmp.type",
    "igmp.maddr",
    "icmpv6.mldr.mar.multicast_address",
    "icmp.mtu",
    "icmpv6.mtu",
];

/// The same as we read it, in tshark's words.
fn ours(packet: &decode::Packet<'_>) -> Vec<String> {
    let mut row = vec![String::new(); FIELDS.len()];
    match &packet.network {
        Network::NonIp(NonIp::Lldp, body) => {
            if let Some(power) = poe::Power::of_unit(body) {
                let text = |value: Option<u16>| value.map_or_else(String::new, |value| value.to_string());
                row[0] = power.class().map_or_else(String::new, |class| (class + 1).to_string());
                (row[1], row[2]) = (text(power.requested()), text(power.allocated()));
                row[3] = u8::from(power.side() == Some(poe::PoeEnd::Source)).to_string();
            }
        }
        Network::NonIp(NonIp::Eapol, body) => {
            if let Some(step) = eapol::step(body) {
                let (kind, code) = match step {
                    eapol::Step::Start => ("1", ""),
                    eapol::Step::Logoff => ("2", ""),
                    eapol::Step::Request => ("0", "1"),
                    eapol::Step::Response => ("0", "2"),
                    eapol::Step::Success => ("0", "3"),
                    eapol::Step::Failure => ("0", "4"),
                };
                (row[5], row[6]) = (kind.to_owned(), code.to_owned());
            }
        }
        Network::NonIp(NonIp::Stp, body) => match stp::message(body) {
            Some(stp::Bpdu::Notification) => row[7] = "0x80".to_owned(),
            Some(stp::Bpdu::Unit(unit)) => {
                row[9] = decode::MacAddr(unit.bridge.mac).to_string();
                row[10] = format!("{:#06x}", unit.port);
            }
            None => {}
        },
        Network::Ip(ip) => {
            let mut groups = Vec::new();
            let mut note = |said| match said {
                MembershipMessage::Joins(group) | MembershipMessage::Leaves(group) => groups.push(group.to_string()),
                MembershipMessage::Query => {}
            };
            match ip.transport {
                Transport::Other(body) if ip.protocol == 2 => membership::igmp(body, &mut note),
                Transport::Icmp { kind, body, .. } if ip.protocol == 58 => membership::mld(kind, body, &mut note),
                _ => {}
            }
            let v6 = ip.source.is_ipv6();
            row[if v6 { 13 } else { 12 }] = groups.join(",");
        }
        _ => {}
    }
    row
}

/// Each frame's fields of those that we read, ours and tshark's; the number of frames that have any, `None` without tshark.
fn compare(path: &Path, columns: &[usize]) -> Option<usize> {
    if !is_there("tshark") {
        skipped("tshark is not installed: its side of the comparison is left out");
        return None;
    }
    let text = tshark(path, &["-o", "ip.defragment:FALSE", "-E", "occurrence=a", "-E", "separator=;"], &FIELDS);
    let theirs: Vec<Vec<&str>> = text.lines().map(|line| line.split(';').collect()).collect();
    let mut capture = Capture::open(path, 0).expect("a capture");
    let (mut compared, mut at) = (0, 0);
    while let Some(frames) = capture.next_block() {
        for frame in frames {
            let packet = decode::decode(&frame);
            let (own, theirs) = (ours(&packet), &theirs[at]);
            at += 1;
            // tshark names the group of a query too, which is all of them.
            let is_query = theirs[11].contains("0x11");
            for column in columns.iter().filter(|column| **column != 12 || !is_query) {
                let (a, b) = (&own[*column], theirs[*column]);
                assert_eq!(a, b, "{} frame {at}: {}", path.display(), FIELDS[*column]);
                compared += usize::from(!a.is_empty());
            }
        }
    }
    assert_eq!(at, theirs.len());
    Some(compared)
}

#[test]
fn tshark_reads_the_same_in_frames_of_each_kind() {
    let (_, mut wire, node, switch) = visit();
    let mut at = START;
    let mut step = || {
        at += SECOND;
        at
    };
    for (class, requested, allocated) in [(0, 130, 130), (3, 100, 130), (4, 255, 130), (4, 1, 999)] {
        wire.ethernet(
            step(),
            switch,
            LLDP,
            0x88cc,
            &unit(switch, "7", true, &[&mdi(true, class, requested, allocated)]),
        );
        wire.ethernet(step(), node, LLDP, 0x88cc, &unit(node, "1", false, &[&mdi(false, class, requested, allocated)]));
    }
    for code in 1..=4 {
        wire.ethernet(step(), switch, node.mac, 0x888e, &eap(code, 1));
    }
    for kind in 1..=2 {
        wire.ethernet(step(), node, PAE, 0x888e, &[1, kind, 0, 0]);
    }
    for (flags, version) in [(FORWARDING, 2), (DISCARDING | CHANGE, 2), (LEARNING, 3), (CHANGE, 0)] {
        tell(&mut wire, switch, step(), &bpdu(flags, version));
    }
    tell(&mut wire, switch, step(), &[0x42, 0x42, 3, 0, 0, 0, 0x80]);
    let to = group("224.0.0.22");
    for body in [
        frame::icmp(0x16, 0, [239, 255, 255, 250], &[]),
        frame::icmp(0x17, 0, [239, 255, 255, 250], &[]),
        frame::icmp(0x22, 0, [0, 0, 0, 2], &[4, 0, 0, 0, 239, 1, 2, 3, 3, 0, 0, 0, 239, 1, 2, 4]),
    ] {
        wire.packet(step(), node, to, 2, V4 { options: &link::ROUTER_ALERT, ..V4::default() }, &body);
    }
    wire.tape.sort();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.pcap");
    std::fs::write(&path, wire.tape.pcap()).expect("a file");
    let Some(compared) = compare(&path, &[0, 1, 2, 3, 5, 6, 9, 10, 12]) else { return };
    assert!(compared > 50, "{compared}");
}

/// What of these kinds the corpus holds.
#[test]
fn tshark_reads_the_same_in_the_corpus() {
    let Some(folder) = corpus::folder() else { return };
    let mut compared = 0;
    for file in [
        "field/tap_direction_a.pcap",
        "field/tap_direction_b.pcap",
        "service/igmp_mdns_ssdp_home.pcap",
        "service/igmpv3_queries.pcap",
        "service/lldp_cdp.pcap",
        "service/ssdp_msearch_unicast_replies.pcap",
        "service/ssdp_notify_raw.pcap",
    ] {
        let Some(number) = compare(&folder.join(file), &[0, 1, 2, 3, 5, 6, 9, 10, 12, 13]) else { return };
        compared += number;
    }
    assert!(compared > 250, "{compared}");
}
