//! What moves files: TFTP with its fresh ports, and firmware updating on UDP 1050 and 50195-50199.

use super::services::moment;
use crate::traffic::payload::tftp;
use crate::traffic::site::Site;
use crate::traffic::wire::{End, Host, MICRO, MILLI, SECOND, Wire};

const TFTP: u16 = 69;
const FIRMWARE: [u16; 6] = [1_050, 50_195, 50_196, 50_197, 50_198, 50_199];

pub(super) fn play(wire: &mut Wire, site: &Site) {
    tftp(wire, site);
    firmware(wire, site);
}

/// Sends `bytes` as DATA blocks of `size` from one end, acknowledged by the other; a short block ends it (RFC 1350 section 6).
fn blocks(wire: &mut Wire, mut at: u64, from: End, to: End, size: usize, bytes: &[u8]) -> u64 {
    let whole = bytes.len() / size;
    for number in 0..=whole {
        let end = bytes.len().min((number + 1) * size);
        let block = (number + 1) as u16;
        at = wire.ask(at, from, to, &tftp::data(block, &bytes[number * size..end]), &tftp::ack(block));
        at += 150 * MICRO;
    }
    at
}

fn tftp(wire: &mut Wire, site: &Site) {
    let image = |wire: &mut Wire, length: usize| [b"\x7fIGR", &wire.random.bytes(length - 4)[..]].concat();
    let gateway = (site.gateway, TFTP);

    let (node, at) = ((site.node(3), wire.port(site.node(3))), moment(wire, 760));
    let bytes = image(wire, 30_900);
    wire.udp(at, node, gateway, &tftp::read("firmware/node-3.1.4.bin", &[]));
    wire.note("node-03 fetches its firmware by TFTP: the answer comes from a fresh port of the gateway");
    let data = (site.gateway, wire.port(site.gateway));
    blocks(wire, at + 2 * MILLI, data, node, 512, &bytes);

    let (node, at) = ((site.node(4), wire.port(site.node(4))), moment(wire, 800));
    let bytes = image(wire, 48_000);
    wire.udp(at, node, gateway, &tftp::read("firmware/node-3.1.4.bin", &[("blksize", "1428"), ("tsize", "0")]));
    wire.note("The same with options (RFC 2347): the gateway agrees to blocks of 1,428 bytes");
    let data = (site.gateway, wire.port(site.gateway));
    let agreed = tftp::oack(&[("blksize", "1428"), ("tsize", "48000")]);
    let at = wire.ask(at + 2 * MILLI, data, node, &agreed, &tftp::ack(0));
    blocks(wire, at + MILLI, data, node, 1_428, &bytes);

    let (from, at) = ((site.gateway, wire.port(site.gateway)), moment(wire, 840));
    let bytes = image(wire, 5_000);
    wire.udp(at, from, (site.node(6), TFTP), &tftp::write("config.bin", &[]));
    wire.note("The gateway writes to node-06 by TFTP: the node acknowledges from a fresh port");
    let data = (site.node(6), wire.port(site.node(6)));
    wire.udp(at + 3 * MILLI, data, from, &tftp::ack(0));
    blocks(wire, at + 4 * MILLI, from, data, 512, &bytes);

    let (node, at) = ((site.node(8), wire.port(site.node(8))), moment(wire, 850));
    let bytes = image(wire, 2_100);
    wire.udp(at, node, gateway, &tftp::read("boot.cfg", &[]));
    wire.note("Here the server answers from port 69 itself");
    blocks(wire, at + 2 * MILLI, gateway, node, 512, &bytes);

    let (node, at) = ((site.node(33), wire.port(site.node(33))), moment(wire, 855));
    wire.udp(at, node, gateway, &tftp::read("no-such-file.bin", &[]));
    let data = (site.gateway, wire.port(site.gateway));
    wire.udp(at + 2 * MILLI, data, node, &tftp::error(1, "File not found"));
}

/// A message of the vendor's own: a marker, a number, a length, bytes.
fn message(wire: &mut Wire, marker: u8, number: u16, length: usize) -> Vec<u8> {
    [&[0xf7, marker], &number.to_be_bytes()[..], &(length as u16).to_be_bytes(), &wire.random.bytes(length)].concat()
}

fn firmware(wire: &mut Wire, site: &Site) {
    // The gateway updates four nodes: announced on 1050, the image in blocks spread over the five ports.
    for (step, number) in [10, 15, 20, 31].into_iter().enumerate() {
        let node = site.node(number);
        let mut at = moment(wire, 900 + step as u64 * 40);
        for port in FIRMWARE {
            let from = (site.gateway, wire.port(site.gateway));
            let (count, length) = if port == 1_050 { (2, 80) } else { (6, 1_024) };
            for block in 0..count {
                let (question, answer) = (message(wire, 1, block, length), message(wire, 2, block, 6));
                at = wire.ask(at, from, (node, port), &question, &answer) + 4 * MILLI;
            }
        }
    }
    let from = (site.gateway, wire.port(site.gateway));
    let (at, big, answer) = (moment(wire, 1_070), message(wire, 1, 9, 3_600), message(wire, 2, 9, 6));
    wire.ask(at, from, (site.node(10), 50_196), &big, &answer);
    wire.note("The answer to a datagram that came in three fragments");
    // Nodes report to the gateway on the same ports.
    let report = |wire: &mut Wire, seconds: u64, node: Host| {
        let mut at = moment(wire, seconds);
        for port in FIRMWARE {
            let from = (node, wire.port(node));
            let (question, answer) = (message(wire, 3, 1, 60), message(wire, 4, 1, 6));
            at = wire.ask(at, from, (site.gateway, port), &question, &answer) + SECOND / 5;
        }
    };
    for (step, number) in [10, 15, 20, 31].into_iter().enumerate() {
        report(wire, 1_100 + step as u64 * 9, site.node(number));
    }
}
