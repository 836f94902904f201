//! What the capture did not get is told, wherever it stands: statistics, packet blocks, times.

use std::net::{IpAddr, Ipv4Addr};

use igorscope::inventory::Inventory;

use super::below_ip::datagram;
use crate::reading;
use crate::traffic::file::Tape;
use crate::traffic::frame::{self, ACK, PSH, RST, SYN, Segment, Tag, V4};
use crate::traffic::site::START;
use crate::traffic::wire::MILLI;

/// A pcapng block.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (12 + body.len() as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &length].concat()
}

/// An option of 8 bytes.
fn option(code: u16, value: u64) -> Vec<u8> {
    [&code.to_le_bytes()[..], &8_u16.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// A section header, and one Ethernet interface.
fn head() -> Vec<u8> {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    [block(0x0a0d_0d0a, &section), block(1, &[1, 0, 0, 0, 0, 0, 4, 0])].concat()
}

/// An Enhanced Packet Block (pcapng draft, section 4.3) with options.
fn packet(seconds: u64, options: &[Vec<u8>]) -> Vec<u8> {
    let (frame, ticks) = (datagram(&[]), 1_700_000_000_u64.wrapping_add(seconds) * 1_000_000);
    let length = frame.len() as u32;
    let words = [0, (ticks >> 32) as u32, ticks as u32, length, length].map(u32::to_le_bytes).concat();
    let padding = vec![0; frame.len().next_multiple_of(4) - frame.len()];
    let end: &[u8] = if options.is_empty() { &[] } else { &[0; 4] };
    block(6, &[&words, &frame, &padding, &options.concat(), end].concat())
}

/// An Interface Statistics Block (section 4.6) with options.
fn statistics(options: &[Vec<u8>]) -> Vec<u8> {
    block(5, &[&[0; 12], &options.concat()[..], &[0; 4]].concat())
}

/// Text of the caveat of a kind, and frames that were read.
fn told(capture: &[Vec<u8>], kind: &str) -> (Option<String>, u64) {
    let survey = reading::survey_of(&capture.concat(), Inventory::default(), false);
    let text = survey.caveats.iter().find(|caveat| caveat.kind == kind).map(|caveat| caveat.text.clone());
    (text, survey.frames.total)
}

/// What a mirror shows of a connection: number of the side that sent (0: client), flags, sequence and acknowledgment
/// number, payload; in a VLAN.
type Shown = (usize, u8, u32, u32, &'static [u8], u16);

/// What TCP proves of a capture of these segments.
fn proved(segments: &[Shown]) -> Option<String> {
    let hosts = [Ipv4Addr::new(10, 20, 0, 10), Ipv4Addr::new(10, 20, 0, 101)];
    let (macs, ports) = ([[0, 0x1b, 0xc5, 0, 0, 0x10], [0, 0x1b, 0xc5, 0, 1, 1]], [50_000, 88]);
    let mut tape = Tape::default();
    for (number, (side, flags, seq, ack, payload, vlan)) in (0..).zip(segments) {
        let (from, to) = (*side, 1 - side);
        let segment = Segment { seq: *seq, ack: *ack, flags: *flags, window: 1000, payload };
        let end = |side: usize| (IpAddr::V4(hosts[side]), ports[side]);
        let head = V4 { id: number as u16 + 1, ttl: 64, ..V4::default() };
        let packet = frame::ipv4(hosts[from], hosts[to], frame::TCP, head, &frame::tcp(end(from), end(to), segment));
        let bytes = frame::ethernet(macs[to], macs[from], &[Tag(0x8100, *vlan)], 0x0800, &packet);
        tape.push(START + number * MILLI, bytes);
    }
    let survey = reading::survey_of(&tape.pcap(), Inventory::default(), false);
    survey.caveats.iter().find(|caveat| caveat.kind == "kernel-drops").map(|caveat| caveat.text.clone())
}

#[test]
fn a_syn_that_is_acknowledged_proves_the_answer_that_was_not_captured() {
    const SYN_ACK: u8 = SYN | ACK;
    let (syn, answer) = ((0, SYN, 100, 0, &b""[..], 20), (1, SYN_ACK, 900, 101, &b""[..], 20));
    let (acknowledged, asked, told): (Shown, Shown, Shown) = (
        (0, ACK, 101, 901, b"", 20),
        (0, ACK | PSH, 101, 901, b"question", 20),
        (1, ACK | PSH, 901, 109, b"answer", 20),
    );
    let text = proved(&[syn, acknowledged, asked, told]).expect("a proof");
    assert!(text.starts_with("TCP proves that packets are missing: of 1 TCP connection the SYN-ACK"), "{text}");
    // Nothing is proved by a connection that is whole, a SYN that is refused or not answered, an older connection's
    // segment, the other side missing altogether, or an answer that came on another VLAN path.
    let elsewhere = (1, SYN_ACK, 900, 101, &b""[..], 30);
    for twin in [
        vec![syn, answer, acknowledged, asked, told],
        vec![syn, (1, RST | ACK, 0, 101, b"", 20)],
        vec![syn, syn],
        vec![syn, (1, ACK, 5_000, 77, b"", 20)],
        vec![syn, acknowledged, asked],
        vec![syn, elsewhere, acknowledged, asked, told],
        vec![asked, told],
    ] {
        assert_eq!(proved(&twin), None, "{twin:?}");
    }
}

const DROPCOUNT: u16 = 4;
const FLAGS: u16 = 2;
const IFDROP: u16 = 5;
const OSDROP: u16 = 7;

#[test]
fn what_packets_count_as_lost_before_them_is_summed() {
    let flags = [&FLAGS.to_le_bytes()[..], &4_u16.to_le_bytes(), &[1, 0, 0, 0]].concat();
    let capture = [
        head(),
        packet(0, &[]),
        packet(1, &[option(DROPCOUNT, 3)]),
        packet(2, std::slice::from_ref(&flags)),
        packet(3, &[flags, option(DROPCOUNT, 4)]),
    ];
    let (text, frames) = told(&capture, "kernel-drops");
    let text = text.expect("a caveat");
    assert!(text.starts_with("7 packets were dropped") && text.contains("(7 as its packets count"), "{text}");
    assert_eq!(frames, 4);
    assert_eq!(told(&[head(), packet(0, &[option(DROPCOUNT, 0)])], "kernel-drops").0, None);
}

#[test]
fn of_running_totals_the_last_counts_and_no_loss_counts_twice() {
    let totals = |interface: u64, system: u64| statistics(&[option(IFDROP, interface), option(OSDROP, system)]);
    let capture =
        [head(), packet(0, &[]), totals(5, 1), packet(1, &[option(DROPCOUNT, 9)]), packet(2, &[]), totals(20, 10)];
    let text = told(&capture, "kernel-drops").0.expect("a caveat");
    assert!(text.starts_with("30 packets were dropped"), "{text}");
    assert!(text.contains("20 by the interface, 10 by the operating system, 9 as its packets count"), "{text}");
}

#[test]
fn a_capture_without_a_clock_is_told() {
    let stopped = [head(), packet(0, &[]), packet(0, &[]), packet(0, &[])];
    let text = told(&stopped, "times-equal").0.expect("a caveat");
    assert!(text.contains("Every one of the 3 frames") && text.contains("the same time"), "{text}");
    // 1970-01-01, wrapped around from the packets' base.
    let zero = [head(), packet(0_u64.wrapping_sub(1_700_000_000), &[])];
    assert!(told(&zero, "times-equal").0.expect("a caveat").contains("has the time zero"));
    for running in [vec![head(), packet(0, &[]), packet(0, &[]), packet(1, &[])], vec![head(), packet(0, &[])]] {
        assert_eq!(told(&running, "times-equal").0, None);
    }
}
