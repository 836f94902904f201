//! What the capture did not get is told, wherever it stands: statistics, packet blocks, times.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use igorscope::inventory::Inventory;
use igorscope::policy::Severity;

use super::below_ip::datagram;
use crate::mirror::{GATEWAY, Mirror, node};
use crate::traffic::file::{Tape, block};
use crate::traffic::frame::{self, ACK, FIN, PSH, RST, SYN, Segment, Tag, V4};
use crate::traffic::payload::coap;
use crate::traffic::site::START;
use crate::traffic::wire::MILLI;
use crate::{field, reading};

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
    proved_by(&[framed(segments)], false)
}

/// When they were sent, and their frames.
fn framed(segments: &[Shown]) -> Vec<(u64, Vec<u8>)> {
    let hosts = [Ipv4Addr::new(10, 20, 0, 10), Ipv4Addr::new(10, 20, 0, 101)];
    let (macs, ports) = ([[0, 0x1b, 0xc5, 0, 0, 0x10], [0, 0x1b, 0xc5, 0, 1, 1]], [50_000, 88]);
    let frame = |(number, (side, flags, seq, ack, payload, vlan)): (u64, &Shown)| {
        let (from, to) = (*side, 1 - side);
        let segment = Segment { seq: *seq, ack: *ack, flags: *flags, window: 1000, payload };
        let end = |side: usize| (IpAddr::V4(hosts[side]), ports[side]);
        let head = V4 { id: number as u16 + 1, ttl: 64, ..V4::default() };
        let packet = frame::ipv4(hosts[from], hosts[to], frame::TCP, head, &frame::tcp(end(from), end(to), segment));
        (START + number * MILLI, frame::ethernet(macs[to], macs[from], &[Tag(0x8100, *vlan)], 0x0800, &packet))
    };
    (0..).zip(segments).map(frame).collect()
}

/// What TCP proves of captures of these frames.
fn proved_by(captures: &[Vec<(u64, Vec<u8>)>], measures_health: bool) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |(number, frames): (usize, &Vec<(u64, Vec<u8>)>)| {
        let (path, mut tape) = (folder.path().join(format!("{number}.pcap")), Tape::default());
        frames.iter().for_each(|(time, frame)| tape.push(*time, frame.clone()));
        std::fs::write(&path, tape.pcap()).expect("a file");
        path
    };
    let files: Vec<PathBuf> = captures.iter().enumerate().map(file).collect();
    let survey = reading::survey(&files, Inventory::default(), measures_health);
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

/// A connection on which a server sends `blocks` of 1000 bytes, closed by both ends: what it speaks is known from the first
/// bytes of each end, or never.
fn download(blocks: u32, is_http: bool) -> Vec<Shown> {
    const ASKED: [&[u8]; 2] = [b"question", b"GET / HTTP/1.1\r\n\r\n"];
    const BLOCK: &[u8] = &[b'x'; 1000];
    const HEAD: [u8; 1000] = {
        let (mut head, start, mut at) = ([b'x'; 1000], *b"HTTP/1.1 200 OK\r\n\r\n", 0);
        while at < start.len() {
            head[at] = start[at];
            at += 1;
        }
        head
    };
    let (question, end) = (ASKED[usize::from(is_http)], 901 + blocks * 1000);
    let asked_to = 101 + question.len() as u32;
    let open = [(0, SYN, 100, 0, &b""[..], 20), (1, SYN | ACK, 900, 101, &b""[..], 20)];
    let asked = [(0, ACK, 101, 901, &b""[..], 20), (0, ACK | PSH, 101, 901, question, 20)];
    let block = |number| if number == 0 && is_http { &HEAD } else { BLOCK };
    let sent = (0..blocks).map(|number| (1, ACK, 901 + number * 1000, asked_to, block(number), 20));
    let closed = [
        (0, ACK | FIN, asked_to, end, &b""[..], 20),
        (1, ACK | FIN, end, asked_to + 1, &b""[..], 20),
        (0, ACK, asked_to + 1, end + 1, &b""[..], 20),
    ];
    open.into_iter().chain(asked).chain(sent).chain(closed).collect()
}

/// A number that nothing foretells (xorshift).
fn next(state: &mut u64) -> u64 {
    for (left, by) in [(true, 13), (false, 7), (true, 17)] {
        *state ^= if left { *state << by } else { *state >> by };
    }
    *state
}

/// Of how many bytes it is told that they are missing.
fn bytes(text: &str) -> u32 {
    let bytes = text.split_once("at least ").and_then(|(_, rest)| rest.split_once(" bytes"));
    bytes.and_then(|(number, _)| number.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn what_is_acknowledged_at_the_end_proves_the_bytes_that_were_not_captured() {
    for is_http in [false, true] {
        proves_what_is_acknowledged_at_the_end(&download(20, is_http));
    }
}

fn proves_what_is_acknowledged_at_the_end(whole: &[Shown]) {
    let block = 4;
    let without = |lost: &[usize]| -> Vec<Shown> {
        (0..).zip(whole).filter(|(number, _)| !lost.contains(number)).map(|(_, shown)| *shown).collect()
    };
    let lacking = without(&[block + 3, block + 4]);
    let text = proved(&lacking).expect("a proof");
    assert!((1500..=2000).contains(&bytes(&text)), "{text}");
    // Nothing is proved where all is there, or sent again, or was captured on another VLAN path; where the connection was not
    // seen to begin or to end; or where the FIN is of another connection.
    let again = [&whole[..8], &whole[5..]].concat();
    let elsewhere: Vec<Shown> = whole
        .iter()
        .map(|shown| {
            let (side, flags, seq, ack, payload, _) = *shown;
            (side, flags, seq, ack, payload, if payload.len() == 1000 { 30 } else { 20 })
        })
        .collect();
    let unbegun = lacking[2..].to_vec();
    let unended = lacking[..lacking.len() - 3].to_vec();
    let older = [&unended[..], &[(0, ACK | FIN, 3_000_000_000, 99_000, &b""[..], 20)]].concat();
    let twins = [whole, &again, &elsewhere, &unbegun, &unended, &older];
    for (number, twin) in twins.into_iter().enumerate() {
        assert_eq!(proved(twin), None, "twin {number}");
    }
    // Nor where the mirror cut the frames that it copied, so that they are shorter than they say.
    let shortened = |(time, mut frame): (u64, Vec<u8>)| {
        frame.truncate(128);
        (time, frame)
    };
    let shortened: Vec<_> = framed(whole).into_iter().map(shortened).collect();
    for measures_health in [false, true] {
        assert_eq!(proved_by(std::slice::from_ref(&shortened), measures_health), None);
    }
}

#[test]
fn of_what_is_sent_byte_by_byte_nothing_is_missing() {
    let sent = |captured: u32| {
        let open =
            [(0, SYN, 100, 0, &b""[..], 20), (1, SYN | ACK, 900, 101, &b""[..], 20), (0, ACK, 101, 901, &b""[..], 20)];
        let bytes = (0..captured).map(|number| (1, ACK | PSH, 901 + number, 101, &b"."[..], 20));
        let closed = [(0, ACK | FIN, 101, 911, &b""[..], 20), (1, ACK | FIN, 911, 102, &b""[..], 20)];
        proved(&open.into_iter().chain(bytes).chain(closed).collect::<Vec<_>>())
    };
    assert_eq!(sent(10), None);
    assert!(sent(0).is_some());
}

#[test]
fn what_tcp_proves_does_not_hang_on_the_files_that_it_is_in() {
    let lost = [5, 9, 10, 17];
    let segments: Vec<Shown> =
        (0..).zip(download(20, true)).filter(|(number, _)| !lost.contains(number)).map(|(_, shown)| shown).collect();
    let frames = framed(&segments);
    let whole = proved_by(std::slice::from_ref(&frames), false).expect("a proof");
    assert!((3000..=4000).contains(&bytes(&whole)), "{whole}");
    let mut random = 1;
    for _ in 0..40 {
        let mut files = vec![Vec::new(); 3];
        frames.iter().for_each(|frame| files[(next(&mut random) % 3) as usize].push(frame.clone()));
        assert_eq!(proved_by(&files, false).as_ref(), Some(&whole));
    }
}

/// Measured segment by segment, what is missing is known to the byte: what the end of a connection proves is never more.
#[test]
fn no_more_is_proved_than_is_missing() {
    let (whole, mut random) = (framed(&download(20, true)), 1);
    let mut proofs = 0;
    for _ in 0..40 {
        let captured = whole.iter().filter(|_| !next(&mut random).is_multiple_of(8)).cloned().collect();
        let told = |measures_health| proved_by(std::slice::from_ref(&captured), measures_health);
        let about_bytes =
            |text: Option<String>| text.filter(|text| text.contains("bytes")).map_or(0, |text| bytes(&text));
        let (proved, measured) = (about_bytes(told(false)), about_bytes(told(true)));
        assert!(proved <= measured, "{proved} {measured} {captured:?}");
        proofs += u32::from(proved > 0);
    }
    assert!(proofs > 10, "{proofs}");
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

/// What is made of a listing of bytes has times that only count: the end of the capture is none that comes too soon.
#[test]
fn times_that_only_count_frames_are_no_clock() {
    let survey = |step: u64, late: u64| {
        let mut mirror = Mirror::default();
        for number in 0..15_u64 {
            let ask = coap::request(coap::CON, coap::GET, (number / 5) as u16, &[7], "light/level", &[]);
            mirror.udp(number * 2_000 * MILLI, (GATEWAY, 50_000), (node(101), 5683), &ask);
        }
        for (record, number) in mirror.tape.records.iter_mut().zip(0..) {
            record.time = START + number * step + if number == 14 { late } else { 0 };
        }
        mirror.by_address()
    };
    for step in [1, 1_000] {
        let counted = survey(step, 0);
        assert_eq!(field::told(&counted), [(Severity::Alert, "blocked")]);
        let caveat = counted.caveats.iter().find(|caveat| caveat.kind == "times-equal").expect("a caveat");
        assert!(caveat.text.contains("has the time of the one before and one step more"), "{}", caveat.text);
    }
    // All of it within microseconds before the end: nobody could have answered.
    let quick = survey(1_000, 5);
    assert!(field::told(&quick).is_empty() && quick.caveats.iter().all(|caveat| caveat.kind != "times-equal"));
}
