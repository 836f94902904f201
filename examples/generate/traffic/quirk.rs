//! Small captures, each with one quirk that site captures have.

use std::net::Ipv4Addr;

use super::connection::Connection;
use super::file::{Record, Tape};
use super::frame::{self, Tag, V4};
use super::payload::{coap, http, link, tftp};
use super::site::{LIGHTING, START, SWITCH, Site};
use super::wire::{MICRO, MILLI, SECOND, Wire, group};

/// One sample file.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

type Make = fn() -> Vec<u8>;

/// Every small sample.
pub(crate) fn all() -> Vec<Sample> {
    let make: [(&'static str, Make); 12] = [
        ("visit.pcap", || visit(&[LIGHTING]).pcap()),
        ("cut-file.pcapng", cut_file),
        ("one-way-mirror.pcap", one_way_mirror),
        ("duplicate-frames.pcap", duplicate_frames),
        ("kernel-drops.pcapng", kernel_drops),
        ("snapped.pcap", snapped),
        ("clock-jump.pcap", clock_jump),
        ("qinq.pcap", || visit(&[Tag(0x88a8, 100), LIGHTING]).pcap()),
        ("erspan-mirror.pcap", erspan_mirror),
        ("vxlan-mirror.pcap", vxlan_mirror),
        ("tftp-without-request.pcap", tftp_without_request),
        ("first-questions.pcapng", first_questions),
    ];
    make.into_iter().map(|(name, bytes)| Sample { name, bytes: bytes() }).collect()
}

/// A minute between the gateway and three nodes: CoAP, HTTP, configuration and TFTP, each once a node.
pub(crate) fn visit(tags: &[Tag]) -> Tape {
    let site = Site::new();
    let mut wire = Wire::new(0x0915, site.router, tags.to_vec(), Vec::new());
    for number in 1..=3_usize {
        let node = site.node(number);
        let mut at = START + number as u64 * 10 * SECOND;
        let from = (site.gateway, wire.port(site.gateway));
        let (id, token) = (number as u16, wire.random.bytes(4));
        let answer = coap::content(coap::ACK, id, &token, None, "{\"level\":40}");
        let question = coap::request(coap::CON, coap::GET, id, &token, "light/state", &[]);
        at = wire.ask(at, from, (node, 5683), &question, &answer) + SECOND;
        let from = (site.gateway, wire.port(site.gateway));
        let mut connection = Connection::open(&mut wire, at, from, (node, 80));
        let page = http::answer("200 OK", "text/html", &"<p>status</p>\n".repeat(120));
        connection.up(&http::get(&node.ip.to_string(), "/status")).down(&page).close();
        let from = (site.gateway, wire.port(site.gateway));
        let (question, answer) = (wire.random.bytes(90), wire.random.bytes(300));
        let mut connection = Connection::open(&mut wire, at + SECOND, from, (node, 88));
        connection.up(&question).down(&answer).close();
        let (client, data) = ((node, wire.port(node)), (site.gateway, wire.port(site.gateway)));
        at += 3 * SECOND;
        wire.udp(at, client, (site.gateway, 69), &tftp::read("boot.cfg", &[]));
        transfer(&mut wire, at + 2 * MILLI, data, client);
    }
    wire.tape.sort();
    wire.tape
}

/// Three blocks, the last one short, and their acknowledgments.
fn transfer(wire: &mut Wire, mut at: u64, from: super::wire::End, to: super::wire::End) {
    for (number, length) in [(1, 512), (2, 512), (3, 100)] {
        let bytes = wire.random.bytes(length);
        at = wire.ask(at, from, to, &tftp::data(number, &bytes), &tftp::ack(number)) + 200 * MICRO;
    }
}

fn plain(tape: &Tape) -> Vec<u8> {
    tape.pcapng("made by igorscope's generator", "mirror0", "mirror port of the lighting switch", 0)
}

/// Ends in the middle of a packet, as when the disk was full or the laptop was shut.
fn cut_file() -> Vec<u8> {
    let mut bytes = plain(&visit(&[LIGHTING]));
    bytes.truncate(bytes.len() - 160 - 100);
    bytes
}

/// Only what the gateway sends: a mirror that was set to one direction.
fn one_way_mirror() -> Vec<u8> {
    let (mut tape, gateway) = (visit(&[LIGHTING]), Site::new().gateway);
    tape.records.retain(|record| record.frame[6..12] == gateway.mac);
    tape.pcap()
}

/// Each frame twice, some microseconds apart: a mirror of both ports that a frame crosses.
fn duplicate_frames() -> Vec<u8> {
    let mut tape = visit(&[LIGHTING]);
    let again: Vec<Record> =
        tape.records.iter().map(|record| Record { time: record.time + 7 * MICRO, ..record.clone() }).collect();
    tape.records.extend(again);
    tape.sort();
    tape.pcap()
}

/// Every tenth frame is missing, and the interface's statistics say so.
fn kernel_drops() -> Vec<u8> {
    let mut tape = visit(&[LIGHTING]);
    let before = tape.records.len() as u64;
    let mut number = 0;
    tape.records.retain(|_| {
        number += 1;
        number % 10 != 0
    });
    let dropped = before - tape.records.len() as u64;
    tape.pcapng("made by igorscope's generator", "mirror0", "a laptop that was too slow", dropped)
}

/// Cut to 68 bytes a frame, as old tcpdump did.
fn snapped() -> Vec<u8> {
    let mut tape = visit(&[LIGHTING]);
    for record in &mut tape.records {
        record.frame.truncate(68);
    }
    tape.pcap()
}

/// The laptop's clock is set during the capture: an hour forward, later half an hour back.
fn clock_jump() -> Vec<u8> {
    let mut tape = visit(&[LIGHTING]);
    let third = tape.records.len() / 3;
    for (number, record) in tape.records.iter_mut().enumerate() {
        record.time += match number / third {
            0 => 0,
            1 => 3_600 * SECOND,
            _ => 1_800 * SECOND,
        };
    }
    tape.pcap()
}

/// Wraps each frame for its way from the switch to the technician's laptop.
fn wrapped(protocol: u8, inside: impl Fn(u16, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut tape = visit(&[]);
    let (switch, laptop) = (Ipv4Addr::new(10, 20, 0, 2), Ipv4Addr::new(10, 20, 0, 9));
    for (number, record) in tape.records.iter_mut().enumerate() {
        let head = V4 { id: number as u16, ttl: 64, ..V4::default() };
        let packet = frame::ipv4(switch, laptop, protocol, head, &inside(number as u16, &record.frame));
        record.frame = frame::ethernet([0x02, 0x4c, 0x54, 0, 0, 0x09], SWITCH, &[], 0x0800, &packet);
        record.original = record.frame.len() as u32;
    }
    tape.pcap()
}

/// A remote mirror: GRE with a sequence number, ERSPAN type II, session 5, VLAN 20.
fn erspan_mirror() -> Vec<u8> {
    const GRE: u8 = 47;
    wrapped(GRE, |number, inner| {
        let mut out = vec![0x10, 0x00, 0x88, 0xbe, 0, 0];
        out.extend(number.to_be_bytes());
        out.extend([0x10, 20, 0x18, 0x05, 0, 0, 0, 0]);
        out.extend(inner);
        out
    })
}

/// The same by VXLAN (RFC 7348), network 5020.
fn vxlan_mirror() -> Vec<u8> {
    wrapped(frame::UDP, |number, inner| {
        let payload = [&[0x08, 0, 0, 0, 0, 0x13, 0x9c, 0], inner].concat();
        let (source, destination) = (Ipv4Addr::new(10, 20, 0, 2), Ipv4Addr::new(10, 20, 0, 9));
        frame::udp((source.into(), 50_300 + number % 16), (destination.into(), 4789), &payload)
    })
}

/// The transfer was under way when the capture began: no request shows what the fresh ports are for.
fn tftp_without_request() -> Vec<u8> {
    let site = Site::new();
    let mut wire = site.wire(0x0069);
    let (data, client) = ((site.gateway, wire.port(site.gateway)), (site.node(3), wire.port(site.node(3))));
    transfer(&mut wire, START, data, client);
    wire.tape.sort();
    wire.tape.pcap()
}

/// What a commissioning asks first: no address offered, one address with two MACs, a node that restarts again and again.
fn first_questions() -> Vec<u8> {
    use super::payload::dhcp;
    use super::wire::Host;
    let site = Site::new();
    let mut wire = site.wire(0x0f1);
    let (nobody, everyone) = (Ipv4Addr::UNSPECIFIED, group("255.255.255.255"));
    let discover = |wire: &mut Wire, at: u64, number: usize| {
        let node = site.node(number);
        let xid = wire.random.next() as u32;
        let bytes = dhcp::message(dhcp::DISCOVER, xid, node.mac, nobody, nobody, &format!("node-{number:02}"));
        wire.udp(at, (Host { ip: nobody.into(), ..node }, 68), (everyone, 67), &bytes);
        xid
    };
    for after in [0, 4, 12, 28, 60] {
        discover(&mut wire, START + after * SECOND, 28);
        wire.note("node-28 asks for an address; no server offers one");
    }
    for restart in 0..4_u64 {
        let (node, at) = (site.node(18), START + (20 + restart * 45) * SECOND);
        let xid = discover(&mut wire, at, 18);
        wire.note("node-18 starts again");
        let (yours, from) = (node.v4(), site.router.v4());
        let client = (Host { ip: nobody.into(), ..node }, 68);
        let text = |kind| dhcp::message(kind, xid, node.mac, yours, from, "node-18");
        wire.udp(at + 3 * MILLI, (site.router, 67), (node, 68), &text(dhcp::OFFER));
        wire.udp(at + 5 * MILLI, client, (everyone, 67), &text(dhcp::REQUEST));
        wire.udp(at + 8 * MILLI, (site.router, 67), (node, 68), &text(dhcp::ACK));
        let port = 49_700;
        let mut connection = Connection::open(&mut wire, at + SECOND, (node, port), (site.gateway, 80));
        let answer = http::answer("201 Created", "application/json", "{\"ok\":true}");
        connection.up(&http::post("10.20.0.10", "/api/register", "application/json", "{\"node\":18}")).down(&answer);
    }
    // Two devices answer for one address.
    let (asker, address) = (site.gateway, site.node(6).v4());
    for round in 0..3_u64 {
        let at = START + (30 + round * 40) * SECOND;
        wire.ethernet(at, asker, [0xff; 6], 0x0806, &link::arp(1, (asker.mac, asker.v4()), ([0; 6], address)));
        for (step, owner) in [site.node(6), site.node(16)].into_iter().enumerate() {
            let bytes = link::arp(2, (owner.mac, address), (asker.mac, asker.v4()));
            wire.ethernet(at + 400 * MICRO * (step as u64 + 1), owner, asker.mac, 0x0806, &bytes);
            wire.note("10.20.0.106 is answered for by two MAC addresses");
        }
    }
    for number in [6, 16, 18] {
        let node = site.node(number);
        let unit = link::lldp(node.mac, &format!("{number}"), &format!("node-{number:02}"));
        let from = Host { untagged: true, ..node };
        wire.ethernet(START + number as u64 * SECOND, from, [0x01, 0x80, 0xc2, 0, 0, 0x0e], 0x88cc, &unit);
    }
    wire.tape.sort();
    plain(&wire.tape)
}
