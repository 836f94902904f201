//! What networks need and the vendor's document does not list: addresses, names, time, groups, neighbours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SECONDS;
use super::services::moment;
use crate::traffic::connection::Connection;
use crate::traffic::frame::{self, Mac, V4};
use crate::traffic::payload::{dhcp, dns, link, tls};
use crate::traffic::site::{SWITCH, Site};
use crate::traffic::wire::{Host, MICRO, MILLI, SECOND, Wire, group};

const BROADCAST: Mac = [0xff; 6];
const LLDP: u16 = 0x88cc;
const ARP: u16 = 0x0806;

pub(super) fn play(wire: &mut Wire, site: &Site) {
    below_ip(wire, site);
    addresses(wire, site);
    names_and_time(wire, site);
    groups(wire, site);
    neighbours(wire, site);
    pings(wire, site);
    bystanders(wire, site);
}

/// LLDP and spanning tree (untagged, as switches send them), and ARP.
fn below_ip(wire: &mut Wire, site: &Site) {
    let switch = Host { mac: SWITCH, untagged: true, ..site.router };
    for seconds in (0..SECONDS).step_by(30) {
        let at = moment(wire, seconds);
        wire.ethernet(
            at,
            switch,
            [0x01, 0x80, 0xc2, 0, 0, 0x0e],
            LLDP,
            &link::lldp(SWITCH, "1/0/48", "lighting-switch"),
        );
    }
    for seconds in (0..SECONDS).step_by(15) {
        let at = moment(wire, seconds);
        let bpdu = link::bpdu(SWITCH);
        // IEEE 802.3: a length stands where Ethernet II has a type.
        wire.ethernet(at, switch, [0x01, 0x80, 0xc2, 0, 0, 0], bpdu.len() as u16, &bpdu);
    }
    for (number, node) in site.live().filter(|(number, _)| *number <= 29) {
        for round in 0..3 {
            let at = moment(wire, 10 + number as u64 + round * 590);
            let unit = link::lldp(node.mac, &format!("{number}"), &format!("node-{number:02}"));
            wire.ethernet(at, Host { untagged: true, ..node }, [0x01, 0x80, 0xc2, 0, 0, 0x0e], LLDP, &unit);
        }
        let at = moment(wire, 3);
        let question = link::arp(1, (site.gateway.mac, site.gateway.v4()), ([0; 6], node.v4()));
        wire.ethernet(at, site.gateway, BROADCAST, ARP, &question);
        let answer = link::arp(2, (node.mac, node.v4()), (site.gateway.mac, site.gateway.v4()));
        wire.ethernet(at + 300 * MICRO, node, site.gateway.mac, ARP, &answer);
    }
}

/// Some nodes boot during the survey and get their address; node 28 asks and is never offered one.
fn addresses(wire: &mut Wire, site: &Site) {
    let (nobody, everyone) = (Ipv4Addr::UNSPECIFIED, group("255.255.255.255"));
    let server = (site.router, 67);
    for number in [20, 21, 22, 23] {
        let node = site.node(number);
        let name = format!("node-{number:02}");
        let (at, xid) = (moment(wire, 1 + number as u64 % 4), wire.random.next() as u32);
        let client = (Host { ip: nobody.into(), ..node }, 68);
        let (yours, from) = (node.v4(), site.router.v4());
        let discover = dhcp::message(dhcp::DISCOVER, xid, node.mac, nobody, nobody, &name);
        wire.udp(at, client, (everyone, 67), &discover);
        wire.udp(at + 4 * MILLI, server, (node, 68), &dhcp::message(dhcp::OFFER, xid, node.mac, yours, from, &name));
        let request = dhcp::message(dhcp::REQUEST, xid, node.mac, yours, from, &name);
        wire.udp(at + 6 * MILLI, client, (everyone, 67), &request);
        wire.udp(at + 9 * MILLI, server, (node, 68), &dhcp::message(dhcp::ACK, xid, node.mac, yours, from, &name));
    }
    let node = site.node(28);
    let (first, xid) = (moment(wire, 30), wire.random.next() as u32);
    for after in [0, 4, 12, 28, 60, 120, 240, 480] {
        let client = (Host { ip: nobody.into(), ..node }, 68);
        let discover = dhcp::message(dhcp::DISCOVER, xid, node.mac, nobody, nobody, "node-28");
        wire.udp(first + after * SECOND, client, (everyone, 67), &discover);
        wire.note("node-28 asks for an address; no server offers one");
    }
}

fn names_and_time(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live().filter(|(number, _)| number % 4 == 1) {
        let (from, at) = ((node, wire.port(node)), moment(wire, 150 + number as u64));
        let id = wire.random.next() as u16;
        let question = dns::query(id, true, "gateway.lighting.example", dns::A);
        let answer = dns::answer(id, "gateway.lighting.example", site.gateway.v4());
        wire.ask(at, from, (site.router, 53), &question, &answer);
    }
    for (number, node) in site.live() {
        let (from, at) = ((node, 123), moment(wire, 200 + number as u64 * 2));
        let now = at / SECOND;
        wire.ask(at, from, (site.router, 123), &dns::ntp(3, now), &dns::ntp(4, now));
    }
    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 109));
    let question = dns::query(0x4711, true, "cloud.igor.example", dns::A);
    wire.ask(at, from, (site.router, 53), &question, &dns::answer(0x4711, "cloud.igor.example", site.cloud.v4()));
    // Windows looks for names by multicast as well.
    for seconds in [12, 612, 1_212] {
        let at = moment(wire, seconds);
        let question = dns::query(0, false, "_igor._tcp.local", dns::PTR);
        wire.udp(at, (Host { ttl: 255, ..site.gateway }, 5353), (group("224.0.0.251"), 5353), &question);
        let from = (Host { ttl: 1, ..site.gateway }, wire.port(site.gateway));
        let id = wire.random.next() as u16;
        wire.udp(at + 20 * MILLI, from, (group("224.0.0.252"), 5355), &dns::query(id, false, "printer", dns::A));
    }
}

/// Joins: IGMP with its IPv4 option, MLD with its hop-by-hop header.
fn groups(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live().filter(|(number, _)| *number <= 29) {
        let at = moment(wire, 4 + number as u64 / 2);
        for (step, address) in ["239.255.255.250", "224.0.1.187"].into_iter().enumerate() {
            let to = group(address);
            let head = V4 { options: &link::ROUTER_ALERT, ..V4::default() };
            let from = Host { ttl: 1, ..node };
            wire.packet(at + step as u64 * 30 * MILLI, from, to, 2, head, &link::igmp_report(to.v4()));
        }
        let from = Host { ttl: 1, ..node.v6() };
        let (IpAddr::V6(source), IpAddr::V6(joined)) = (from.ip, group("ff02::fd").ip) else { continue };
        wire.ip(at + 90 * MILLI, from, group("ff02::16"), 0, &link::mld_report(source, joined));
    }
}

/// Neighbour discovery before CoAP over IPv6.
fn neighbours(wire: &mut Wire, site: &Site) {
    let gateway = Host { ttl: 255, ..site.gateway.v6() };
    for (step, number) in [2, 7, 19].into_iter().enumerate() {
        let node = Host { ttl: 255, ..site.node(number).v6() };
        let (IpAddr::V6(asker), IpAddr::V6(target)) = (gateway.ip, node.ip) else { continue };
        let [.., x, y, z] = target.octets();
        let solicited = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
        let at = moment(wire, 209 + step as u64 * 7) - SECOND / 2;
        let question = link::neighbour(135, asker, solicited, target, gateway.mac);
        wire.ip(at, gateway, group(&solicited.to_string()), frame::ICMPV6, &question);
        let answer = link::neighbour(136, target, asker, target, node.mac);
        wire.ip(at + 400 * MICRO, node, gateway, frame::ICMPV6, &answer);
    }
}

/// The technician pings nodes from the gateway.
fn pings(wire: &mut Wire, site: &Site) {
    for (number, node) in site.live().filter(|(number, _)| number % 6 == 1) {
        for sequence in 1..=3_u8 {
            let at = moment(wire, 250 + number as u64) + u64::from(sequence) * SECOND;
            let body: Vec<u8> = (b'a'..=b'w').chain(b'a'..=b'i').collect();
            wire.ip(at, site.gateway, node, frame::ICMP, &frame::icmp(8, 0, [0, 1, 0, sequence], &body));
            let back = at + wire.round_trip(site.gateway, node);
            wire.ip(back, node, site.gateway, frame::ICMP, &frame::icmp(0, 0, [0, 1, 0, sequence], &body));
        }
    }
}

/// Traffic with no Igor host at either end.
fn bystanders(wire: &mut Wire, site: &Site) {
    for (step, name) in ["mail.office.example", "files.office.example", "www.example.com"].into_iter().enumerate() {
        let (from, at) = ((site.pc, wire.port(site.pc)), moment(wire, 100 + step as u64 * 300));
        let id = wire.random.next() as u16;
        let answer = dns::answer(id, name, site.cloud.v4());
        wire.ask(at, from, (site.office_router, 53), &dns::query(id, true, name, dns::A), &answer);
        let from = (site.pc, wire.port(site.pc));
        let (hello, answer) = (tls::client_hello(&mut wire.random, name), tls::server_hello(&mut wire.random));
        let mut connection = Connection::open(wire, at + 60 * MILLI, from, (site.cloud, 443));
        connection.up(&hello).down(&answer).close();
    }
}
