//! What the network kept from working, each in its own way, and what the capture met midway.

use super::SECONDS;
use super::services::{SILENT_FROM, moment};
use crate::traffic::connection::{Connection, refused, unanswered};
use crate::traffic::frame;
use crate::traffic::payload::{coap, http, link, tls};
use crate::traffic::site::Site;
use crate::traffic::wire::{MILLI, SECOND, Wire};

pub(super) fn play(wire: &mut Wire, site: &Site) {
    let gateway = site.gateway;

    // No listener: node 17 refuses configuration.
    let (from, at) = ((gateway, wire.port(gateway)), moment(wire, 608));
    refused(wire, at, from, (site.node(17), 88), 3);
    wire.note("node-17 refuses configuration (RST): nothing listens on its port 88");

    // A filter that answers: the router in front of the annex rejects firmware updating to node 35.
    for seconds in [920, 922, 926] {
        let (from, at) = ((gateway, 62_101), moment(wire, seconds));
        let to = (site.node(35), 1_050);
        let payload = [&[0xf7, 1, 0, 0, 0, 80], &wire.random.bytes(80)[..]].concat();
        wire.udp(at, from, to, &payload);
        let datagram = frame::udp((from.0.ip, from.1), (to.0.ip, to.1), &payload);
        wire.icmp_error(at + 500_000, site.router, 13, from, to, &datagram);
        wire.note("The router rejects firmware updating to node-35: administratively prohibited");
    }

    // A filter that is silent: node 29 is there (it answers CoAP), but HTTP to it vanishes.
    for seconds in [440, 500] {
        let (from, at) = ((gateway, wire.port(gateway)), moment(wire, seconds));
        unanswered(wire, at, from, (site.node(29), 80), 4);
    }

    // The gateway's own firewall drops the nodes' UPnP events: TCP 1901 into the gateway never works.
    for number in [1, 2, 3, 34] {
        let node = site.node(number);
        let (from, at) = ((node, wire.port(node)), moment(wire, 170 + number as u64 * 4));
        unanswered(wire, at, from, (gateway, 1901), 4);
    }

    // A host that is not there: node 30 answers no ARP, so nothing else is ever sent to it.
    for round in 0..12 {
        let at = moment(wire, 60 + round * 2);
        let question = link::arp(1, (gateway.mac, gateway.v4()), ([0; 6], site.node(30).v4()));
        wire.ethernet(at, gateway, [0xff; 6], 0x0806, &question);
    }

    // Worked, then silent: node 26 stops answering, the gateway goes on with CoAP's retransmissions (RFC 7252 section 4.2).
    let from = (gateway, 62_126);
    for round in (26..SILENT_FROM).step_by(90) {
        let (at, token) = (moment(wire, round), wire.random.bytes(4));
        let id = 0x2600 + round as u16;
        let answer = coap::content(coap::ACK, id, &token, None, "{\"node\":26}");
        wire.ask(
            at,
            from,
            (site.node(26), 5683),
            &coap::request(coap::CON, coap::GET, id, &token, "alive", &[]),
            &answer,
        );
    }
    for round in (SILENT_FROM..SECONDS - 100).step_by(120) {
        let (at, token) = (moment(wire, round), wire.random.bytes(4));
        let question = coap::request(coap::CON, coap::GET, 0x2600 + round as u16, &token, "alive", &[]);
        for after in [0, 2, 6, 14, 30] {
            wire.udp(at + after * SECOND, from, (site.node(26), 5683), &question);
        }
    }

    // The capture began inside these.
    let (from, at) = ((gateway, 61_002), moment(wire, 0));
    let mut connection = Connection::midstream(wire, at, from, (site.node(2), 80));
    connection.down(&http::answer("200 OK", "text/html", &"<p>the rest of a page</p>\n".repeat(60))).close();
    let (from, at) = ((gateway, 61_443), moment(wire, 1));
    let (up, down) = (tls::application(&mut wire.random, 300), tls::application(&mut wire.random, 120));
    let mut connection = Connection::midstream(wire, at, from, (site.cloud, 443));
    connection.up(&up).down(&down).pause(30 * SECOND).up(&up).down(&down);

    // A connection that carried data and was then reset is not a refused one.
    let (from, at) = ((gateway, wire.port(gateway)), moment(wire, 1_250));
    let mut connection = Connection::open(wire, at, from, (site.node(24), 80));
    connection.up(&http::get("10.20.0.124", "/reboot")).pause(30 * MILLI).reset();
}
