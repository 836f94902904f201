//! What the vendor's document does not explain: each reason, each in several pairs of roles.

use super::services::moment;
use crate::traffic::connection::{Connection, refused};
use crate::traffic::payload::{bacnet, coap, dns, http, tls};
use crate::traffic::site::Site;
use crate::traffic::wire::{Host, SECOND, Wire};

const SSH: &[u8] = b"SSH-2.0-dropbear_2022.83\r\n";

pub(super) fn play(wire: &mut Wire, site: &Site) {
    wrong_protocol(wire, site);
    unlisted_ip_protocol(wire, site);
    wrong_transport(wire, site);
    undocumented_port(wire, site);
    wrong_direction(wire, site);
    undocumented_peer(wire, site);
    outside_names_and_time(wire, site);
}

/// A documented port, and something else behind it.
fn wrong_protocol(wire: &mut Wire, site: &Site) {
    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 1_200));
    let hello = wire.random.bytes(700);
    let mut connection = Connection::open(wire, at, from, (site.node(7), 80));
    connection.down(SSH).note("node-07 says SSH on port 80");
    connection.up(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n").up(&hello).down(&hello).close();

    let from = (site.gateway, wire.port(site.gateway));
    for seconds in [1_210, 1_211, 1_212] {
        // Version 2 in CoAP's first two bits: no CoAP (RFC 7252 section 3).
        let (at, junk) = (moment(wire, seconds), [&[0x9b, 0x20, 0x13, 0x37], &wire.random.bytes(40)[..]].concat());
        wire.udp(at, from, (site.node(25), 5683), &junk);
        wire.note("These bytes on the CoAP port are no CoAP");
    }
}

/// Neither TCP, UDP nor ICMP: IPsec (RFC 4303) between the office PC and the gateway, SCTP from a node.
fn unlisted_ip_protocol(wire: &mut Wire, site: &Site) {
    for sequence in 1..=3_u32 {
        let ends = [(site.pc, site.gateway, 0x1907_2026_u32), (site.gateway, site.pc, 0x2026_1907)];
        for (step, (from, to, security)) in ends.into_iter().enumerate() {
            let at = moment(wire, 1_219 + 2 * u64::from(sequence) + step as u64);
            let packet = [&security.to_be_bytes()[..], &sequence.to_be_bytes(), &wire.random.bytes(88)].concat();
            wire.ip(at, from, to, 50, &packet);
        }
    }
    // An INIT chunk (RFC 9260 section 3.3.2) with its CRC32c left 0, as offloading network cards show it.
    let mut init = vec![0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20];
    init.extend(wire.random.bytes(4));
    init.extend([0, 1, 0, 0, 0, 4, 0, 4, 0, 0, 0, 1]);
    let at = moment(wire, 1_224);
    wire.ip(at, site.node(19), site.gateway, 132, &init);
}

/// 88 is the gateway's for TCP only; 69 is for UDP only.
fn wrong_transport(wire: &mut Wire, site: &Site) {
    let node = (site.node(11), wire.port(site.node(11)));
    for seconds in [1_230, 1_233] {
        let (at, bytes) = (moment(wire, seconds), wire.random.bytes(64));
        wire.udp(at, node, (site.gateway, 88), &bytes);
    }
    wire.note("Configuration is documented for TCP 88, this is UDP");
    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 1_235));
    refused(wire, at, from, (site.node(13), 69), 1);
}

fn undocumented_port(wire: &mut Wire, site: &Site) {
    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 1_260));
    let bytes = wire.random.bytes(1_200);
    let mut connection = Connection::open(wire, at, from, (site.node(9), 22));
    connection.down(SSH).up(b"SSH-2.0-OpenSSH_for_Windows_9.5\r\n").up(&bytes).down(&bytes).close();

    let (from, at) = ((site.node(14), wire.port(site.node(14))), moment(wire, 1_265));
    refused(wire, at, from, (site.gateway, 1883), 2);

    // A client that happens to use a firmware port as its own: only the server's port counts.
    let (at, bytes) = (moment(wire, 1_268), wire.random.bytes(120));
    wire.udp(at, (site.node(16), 50_197), (site.gateway, 9_999), &bytes);
    wire.note("node-16's own port is 50197, which proves nothing: the gateway's 9999 is not documented");

    // A known protocol on a port that is not its own.
    let from = (site.bacnet, wire.port(site.bacnet));
    for invoke in 200..203_u8 {
        let at = moment(wire, 1_270 + u64::from(invoke - 200));
        let (question, answer) = (bacnet::read_property(invoke, 3), bacnet::read_property_ack(invoke, 3, 21.5));
        wire.ask(at, from, (site.gateway, 47_809), &question, &answer);
    }

    // Remote desktop from the office.
    let (from, at) = ((site.pc, wire.port(site.pc)), moment(wire, 1_280));
    let request = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00";
    let confirm = b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x0f\x08\x00\x02\x00\x00\x00";
    let mut connection = Connection::open(wire, at, from, (site.gateway, 3389));
    connection.up(request).down(confirm).pause(3 * SECOND).close();
}

/// 443 is the gateway's, outgoing, to a peer that is not a node.
fn wrong_direction(wire: &mut Wire, site: &Site) {
    let (from, at) = ((site.node(22), wire.port(site.node(22))), moment(wire, 1_290));
    let (hello, answer) = (tls::client_hello(&mut wire.random, "gateway"), tls::server_hello(&mut wire.random));
    let mut connection = Connection::open(wire, at, from, (site.gateway, 443));
    connection.up(&hello).down(&answer).close();
    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 1_295));
    refused(wire, at, from, (site.node(23), 443), 1);
}

/// Documented ports with peers that the document does not speak of.
fn undocumented_peer(wire: &mut Wire, site: &Site) {
    let web = |wire: &mut Wire, seconds: u64, client: Host, server: Host, body: &str| {
        let (from, at) = ((client, wire.port(client)), moment(wire, seconds));
        let mut connection = Connection::open(wire, at, from, (server, 80));
        let question = http::get(&server.ip.to_string(), "/");
        connection.up(&question).down(&http::answer("200 OK", "text/html", body)).close();
    };
    // Node to node.
    for (from, to) in [(3, 4), (4, 5)] {
        let (client, at) = ((site.node(from), wire.port(site.node(from))), moment(wire, 1_300 + from as u64));
        let token = wire.random.bytes(4);
        let question = coap::request(coap::CON, coap::GET, 0x0304, &token, "light/level", &[]);
        let answer = coap::content(coap::ACK, 0x0304, &token, None, "{\"level\":40}");
        wire.ask(at, client, (site.node(to), 5683), &question, &answer);
    }
    // Node to the internet, gateway to the internet in the clear, office PC to gateway and node, head end to gateway.
    web(wire, 1_310, site.node(21), site.stranger, "<p>telemetry accepted</p>");
    web(wire, 1_315, site.gateway, site.cloud, "Microsoft Connect Test");
    web(wire, 1_320, site.pc, site.gateway, &"<li>scene</li>\n".repeat(90));
    web(wire, 1_330, site.pc, site.node(5), "<p>node-05</p>");
    web(wire, 1_340, site.bacnet, site.gateway, "<p>points</p>");
}

/// Names and time from outside, past the site's own servers.
fn outside_names_and_time(wire: &mut Wire, site: &Site) {
    let (from, at) = ((site.node(18), wire.port(site.node(18))), moment(wire, 1_350));
    let question = dns::query(0x1818, true, "time.example.net", dns::A);
    wire.ask(at, from, (site.stranger, 53), &question, &dns::answer(0x1818, "time.example.net", site.cloud.v4()));
    let at = at + SECOND;
    let now = at / SECOND;
    wire.ask(at, (site.node(18), 123), (site.cloud, 123), &dns::ntp(3, now), &dns::ntp(4, now));
}
