//! What the capture did not get is told, wherever it stands: statistics, packet blocks, times.

use std::sync::Arc;

use igorscope::inventory::Inventory;
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, run};

use super::below_ip::datagram;

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
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("site.pcapng");
    std::fs::write(&path, capture.concat()).expect("a file");
    let options = Options::new(Policy::embedded(), Arc::new(Inventory::default()));
    let survey = run(&[Source::File(path)], &options, &Progress::default()).expect("a capture that can be read");
    let text = survey.caveats.iter().find(|caveat| caveat.kind == kind).map(|caveat| caveat.text.clone());
    (text, survey.frames.total)
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
