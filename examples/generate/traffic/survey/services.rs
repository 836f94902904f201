//! The documented services that ask and answer: CoAP, UPnP, HTTP, configuration, BACnet/IP, HTTPS.

use super::SECONDS;
use crate::traffic::connection::Connection;
use crate::traffic::payload::{bacnet, coap, http, ssdp, tls};
use crate::traffic::site::{START, Site};
use crate::traffic::wire::{End, Host, MILLI, SECOND, Wire, group};

const COAP: u16 = 5683;
const UPNP: u16 = 1900;
const EVENTING: u16 = 1901;
const HTTP: u16 = 80;
const CONFIGURATION: u16 = 88;
const BACNET: u16 = 47_808;
/// Node 26 answers no more after this second (the blocked part goes on asking).
pub(super) const SILENT_FROM: u64 = 900;

pub(super) fn play(wire: &mut Wire, site: &Site) {
    coap_polls(wire, site);
    coap_events(wire, site);
    coap_group(wire, site);
    coap_observe(wire, site);
    coap_link_local(wire, site);
    ssdp_discovery(wire, site);
    upnp(wire, site);
    web(wire, site);
    configuration(wire, site);
    bacnet(wire, site);
    cloud(wire, site);
}

/// A moment `seconds` after the start, and up to a second more.
pub(super) fn moment(wire: &mut Wire, seconds: u64) -> u64 {
    START + seconds * SECOND + wire.random.below(SECOND)
}

fn state(wire: &mut Wire, number: usize) -> String {
    let (level, lux, milliamps) =
        (wire.random.between(0, 100), wire.random.between(180, 620), wire.random.between(90, 640));
    format!("{{\"node\":{number},\"level\":{level},\"lux\":{lux},\"mA\":{milliamps}}}")
}

/// The gateway asks each node for its state, every two minutes, from one port for each node.
fn coap_polls(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live() {
        let from = (site.gateway, wire.port(site.gateway));
        for round in (number as u64..SECONDS - 20).step_by(120) {
            if number == 26 && round >= SILENT_FROM {
                break;
            }
            let at = moment(wire, round);
            let id = (round * 64 + number as u64) as u16;
            let token = wire.random.bytes(4);
            let body = state(wire, number);
            let question = coap::request(coap::CON, coap::GET, id, &token, "light/state", &[]);
            wire.ask(at, from, (node, COAP), &question, &coap::content(coap::ACK, id, &token, None, &body));
        }
    }
}

/// Nodes tell the gateway of motion.
fn coap_events(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live() {
        let from = (node, wire.port(node));
        for _ in 0..wire.random.between(2, 4) {
            let seconds = wire.random.between(40, SILENT_FROM - 40);
            let at = moment(wire, seconds);
            let id = wire.random.next() as u16;
            let token = wire.random.bytes(2);
            let body = format!("{{\"node\":{number},\"motion\":true}}");
            let question = coap::request(coap::CON, coap::PUT, id, &token, "events/motion", body.as_bytes());
            let answer = coap::message(coap::ACK, coap::CHANGED, id, &token, &[], &[]);
            wire.ask(at, from, (site.gateway, COAP), &question, &answer);
        }
    }
}

/// The gateway asks all nodes at once; each answers by itself within the leisure of 5 s (RFC 7252 section 8.2).
fn coap_group(wire: &mut Wire, site: &Site) {
    for (round, seconds) in [65, 965].into_iter().enumerate() {
        let from = (site.gateway, wire.port(site.gateway));
        let token = wire.random.bytes(4);
        let at = moment(wire, seconds);
        let question = coap::request(coap::NON, coap::GET, 0x7000 + round as u16, &token, "group/all", &[]);
        wire.udp(at, from, (group("224.0.1.187"), COAP), &question);
        wire.note("The gateway asks the group of all CoAP nodes; the answers are unicast, matched by their token");
        for (number, node) in site.live().filter(|(number, _)| *number <= 29 && *number != 26) {
            let later = at + wire.random.between(20, 4_800) * MILLI;
            let id = wire.random.next() as u16;
            let body = state(wire, number);
            wire.udp(later, (node, COAP), from, &coap::content(coap::NON, id, &token, None, &body));
        }
    }
}

/// The gateway observes one node's level: one request, many answers (RFC 7641).
fn coap_observe(wire: &mut Wire, site: &Site) {
    let (from, node) = ((site.gateway, wire.port(site.gateway)), (site.node(5), COAP));
    let token = wire.random.bytes(4);
    let at = moment(wire, 30);
    let body = state(wire, 5);
    let first = coap::content(coap::ACK, 0x0b5e, &token, Some(1), &body);
    wire.ask(at, from, node, &coap::observe(0x0b5e, &token, "light/level"), &first);
    for sequence in 2..=14_u8 {
        let at = moment(wire, 30 + u64::from(sequence) * 90);
        let id = 0x1000 + u16::from(sequence);
        let body = state(wire, 5);
        wire.ask(at, node, from, &coap::content(coap::CON, id, &token, Some(sequence), &body), &coap::empty_ack(id));
    }
}

/// CoAP between link-local IPv6 addresses: roles come from the MAC addresses.
fn coap_link_local(wire: &mut Wire, site: &Site) {
    let from = (site.gateway.v6(), wire.port(site.gateway));
    for (step, number) in [2, 7, 19].into_iter().enumerate() {
        let at = moment(wire, 210 + step as u64 * 7);
        let token = wire.random.bytes(4);
        let id = 0x6000 + number as u16;
        let body = state(wire, number);
        let question = coap::request(coap::CON, coap::GET, id, &token, "light/state", &[]);
        let answer = coap::content(coap::ACK, id, &token, None, &body);
        wire.ask(at, from, (site.node(number).v6(), COAP), &question, &answer);
    }
}

const LIGHT: &str = "urn:schemas-upnp-org:device:DimmableLight:1";

fn location(host: Host) -> String {
    format!("http://{}:1900/description.xml", host.ip)
}

fn unique(number: usize) -> String {
    format!("uuid:49676f72-0000-4000-8000-0000000000{number:02x}::{LIGHT}")
}

/// Searches and answers, announcements, and unicast searches both ways on both UPnP ports.
fn ssdp_discovery(wire: &mut Wire, site: &Site) {
    let everyone = (group("239.255.255.250"), UPNP);
    for (number, node) in site.live().filter(|(number, _)| *number <= 29) {
        let at = moment(wire, 5 + number as u64);
        let text = ssdp::notify("239.255.255.250:1900", &location(node), LIGHT, &unique(number));
        wire.udp(at, (node, UPNP), everyone, &text);
    }
    let from = (site.gateway, wire.port(site.gateway));
    let at = moment(wire, 48);
    wire.udp(at, from, everyone, &ssdp::search("239.255.255.250:1900", LIGHT, Some(3)));
    wire.note("The gateway searches for lights; they answer within 3 s, some of them from a fresh port");
    for (number, node) in site.live().filter(|(number, _)| *number <= 29) {
        let later = at + wire.random.between(30, 2_900) * MILLI;
        let source = if number % 3 == 0 { wire.port(node) } else { UPNP };
        wire.udp(later, (node, source), from, &ssdp::answer(&location(node), LIGHT, &unique(number)));
    }
    let (searcher, at) = ((site.node(11), wire.port(site.node(11))), moment(wire, 56));
    wire.udp(at, searcher, everyone, &ssdp::search("239.255.255.250:1900", "ssdp:all", Some(1)));
    let text = ssdp::answer(&location(site.gateway), "upnp:rootdevice", &unique(0));
    wire.udp(at + 300 * MILLI, (site.gateway, UPNP), searcher, &text);
    let ask = |wire: &mut Wire, seconds: u64, client: Host, server: Host, port: u16| {
        let from = (client, wire.port(client));
        let at = moment(wire, seconds);
        let host = format!("{}:{port}", server.ip);
        let question = ssdp::search(&host, "ssdp:all", None);
        wire.ask(at, from, (server, port), &question, &ssdp::answer(&location(server), "ssdp:all", &unique(1)));
    };
    for (number, node) in site.live().filter(|(number, _)| [13, 14, 31, 32].contains(number)) {
        for port in [UPNP, EVENTING] {
            ask(wire, 70 + number as u64, site.gateway, node, port);
            ask(wire, 90 + number as u64, node, site.gateway, port);
        }
    }
    let at = moment(wire, 130);
    let (six, from) = (group("ff02::c"), (site.gateway.v6(), wire.port(site.gateway)));
    wire.udp(at, from, (six, UPNP), &ssdp::search("[FF02::C]:1900", LIGHT, Some(1)));
}

/// Descriptions and eventing over TCP. The nodes' events to the gateway's 1901 are the blocked port's business.
fn upnp(wire: &mut Wire, site: &Site) {
    let describe = |wire: &mut Wire, seconds: u64, client: Host, server: Host, name: &str| {
        let (from, at) = ((client, wire.port(client)), moment(wire, seconds));
        let host = format!("{}:1900", server.ip);
        let mut connection = Connection::open(wire, at, from, (server, UPNP));
        let page = http::answer("200 OK", "text/xml", &ssdp::description(name));
        connection.up(&http::get(&host, "/description.xml")).down(&page).close();
    };
    for (number, node) in site.live().filter(|(number, _)| *number <= 12) {
        describe(wire, 52 + number as u64 / 4, site.gateway, node, &format!("node-{number:02}"));
    }
    for number in [11, 33] {
        describe(wire, 58 + number as u64, site.node(number), site.gateway, "gateway");
    }
    for number in [1, 2, 3, 34] {
        let node = site.node(number);
        let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 140 + number as u64));
        let mut connection = Connection::open(wire, at, from, (node, EVENTING));
        let text = ssdp::subscribe(&format!("{}:1901", node.ip), "http://10.20.0.10:1901/event");
        let sid = format!("SID: uuid:49676f72-0000-4000-8000-0000000001{number:02x}");
        let answer = format!("HTTP/1.1 200 OK\r\n{sid}\r\nTIMEOUT: Second-1800\r\nContent-Length: 0\r\n\r\n");
        connection.up(&text).down(answer.as_bytes()).close();
    }
}

fn page(wire: &mut Wire, rows: u64) -> String {
    let rows: String = (0..rows)
        .map(|row| {
            format!("<tr><td>{row}</td><td>{}</td><td>{}</td></tr>\n", wire.random.below(100), wire.random.below(700))
        })
        .collect();
    format!("<!doctype html><title>Igor</title><table>\n{rows}</table>\n")
}

fn browse(wire: &mut Wire, at: u64, client: Host, server: Host, path: &str, rows: u64) {
    let from: End = (client, wire.port(client));
    let body = http::answer("200 OK", "text/html", &page(wire, rows));
    let mut connection = Connection::open(wire, at, from, (server, HTTP));
    connection.up(&http::get(&server.ip.to_string(), path)).down(&body).close();
}

/// HTTP both ways between gateway and nodes, and from the gateway to the BACnet system.
fn web(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live().filter(|(number, _)| number % 2 == 0 && *number != 26) {
        let at = moment(wire, 300 + number as u64 * 5);
        browse(wire, at, site.gateway, node, "/status", 60);
    }
    for number in [4, 9, 16, 21, 25, 32] {
        let node = site.node(number);
        let (from, at) = ((node, wire.port(node)), moment(wire, 420 + number as u64 * 3));
        let body = state(wire, number);
        let mut connection = Connection::open(wire, at, from, (site.gateway, HTTP));
        let text = http::post("10.20.0.10", "/api/register", "application/json", &body);
        connection.up(&text).down(&http::answer("201 Created", "application/json", "{\"ok\":true}")).close();
    }
    let at = moment(wire, 480);
    browse(wire, at, site.gateway, site.bacnet, "/points.csv", 40);
}

/// Configuration on TCP 88, in a format of the vendor's own: a length, a command, bytes.
fn configuration(wire: &mut Wire, site: &Site) {
    let exchange = |wire: &mut Wire, at: u64, client: Host, server: Host| {
        let from = (client, wire.port(client));
        let message = |wire: &mut Wire, command: u8, length: usize| {
            [&(length as u16).to_be_bytes(), &[0xc5, command][..], &wire.random.bytes(length)].concat()
        };
        let (question, answer) = (message(wire, 1, 240), message(wire, 0x81, 620));
        let (second, done) = (message(wire, 2, 900), message(wire, 0x82, 12));
        let mut connection = Connection::open(wire, at, from, (server, CONFIGURATION));
        connection.up(&question).down(&answer).pause(40 * MILLI).up(&second).down(&done).close();
    };
    for (number, node) in site.live().filter(|(number, _)| ![17, 26].contains(number)) {
        let at = moment(wire, 540 + number as u64 * 4);
        exchange(wire, at, site.gateway, node);
    }
    for number in [6, 18, 27, 35] {
        let at = moment(wire, 700 + number as u64);
        exchange(wire, at, site.node(number), site.gateway);
    }
}

/// The head end reads the gateway's points; the gateway's BACnet service reads a field controller's.
fn bacnet(wire: &mut Wire, site: &Site) {
    let broadcast = (group("10.20.0.255"), BACNET);
    let at = moment(wire, 20);
    wire.udp(at, (site.bacnet, BACNET), broadcast, &bacnet::who_is());
    wire.note("Who-Is by broadcast; the gateway's BACnet service and the field controller answer I-Am by broadcast");
    wire.udp(at + 12 * MILLI, (site.gateway, BACNET), broadcast, &bacnet::i_am(20_010));
    wire.udp(at + 31 * MILLI, (site.controller, BACNET), broadcast, &bacnet::i_am(20_041));
    for round in 0..40_u8 {
        let at = moment(wire, 25 + u64::from(round) * 43);
        let point = 1 + u32::from(round % 8);
        let value = wire.random.below(100) as f32;
        let (question, answer) = (bacnet::read_property(round, point), bacnet::read_property_ack(round, point, value));
        wire.ask(at, (site.bacnet, BACNET), (site.gateway, BACNET), &question, &answer);
        if round % 4 == 0 {
            let at = at + 400 * MILLI;
            wire.ask(at, (site.gateway, BACNET), (site.controller, BACNET), &question, &answer);
        }
    }
}

/// The gateway's cloud service: TLS 1.3 to a host on the internet.
fn cloud(wire: &mut Wire, site: &Site) {
    for seconds in [110, 710, 1_310] {
        let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, seconds));
        let hello = tls::client_hello(&mut wire.random, "cloud.igor.example");
        let answer = tls::server_hello(&mut wire.random);
        let (up, down) = (tls::application(&mut wire.random, 1_300), tls::application(&mut wire.random, 240));
        let mut connection = Connection::open(wire, at, from, (site.cloud, 443));
        connection.up(&hello).down(&answer).up(&up).down(&down).pause(2 * SECOND).up(&up).down(&down).close();
    }
}
