//! Generated captures in memory.

use std::io::Cursor;

use criterion::Throughput;
use igorscope::capture::{Capture, Frame, FrameId, LinkType, Timestamp};

use crate::traffic::file::Format;
use crate::traffic::load::{self, Limit, Mix};

/// Enough to leave the caches that matter, and soon made.
pub(crate) const PACKETS: u64 = 100_000;
/// Over how many flows `mtu` and `small64` spread their packets.
const FLOWS: u64 = 50_000;

pub(crate) const MIXES: [(&str, Mix); 3] = [("lighting", Mix::Lighting), ("mtu", Mix::Mtu), ("small64", Mix::Small64)];

/// A capture, its file's bytes and what it counts as.
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    pub(crate) throughput: Throughput,
}

/// Whether this is `cargo bench`; else each bench runs once, for CI, on less.
pub(crate) fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

pub(crate) fn capture(mix: Mix, format: Format) -> Input {
    capture_of(mix, format, PACKETS, FLOWS)
}

/// A capture of so many packets; `small64` and `mtu` spread them over so many flows.
pub(crate) fn capture_of(mix: Mix, format: Format, packets: u64, flows: u64) -> Input {
    let mut bytes = Vec::new();
    let limit = Limit { packets, bytes: u64::MAX };
    let totals = load::write(&mut bytes, mix, format, limit, flows, 1).expect("memory takes what is written");
    assert_eq!(totals.packets, packets);
    Input { bytes, throughput: Throughput::ElementsAndBytes { elements: packets, bytes: totals.file_bytes } }
}

impl Input {
    pub(crate) fn open(&self) -> Capture {
        let source = Box::new(Cursor::new(self.bytes.clone()));
        Capture::from_reader(source, "bench", 0).expect("the generator writes captures")
    }

    /// The frames of a pcap file, borrowed.
    pub(crate) fn frames(&self) -> Vec<Frame<'_>> {
        let mut list = Vec::new();
        let mut at = 24;
        while let Some(head) = self.bytes.get(at..at + 16) {
            let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let end = at + 16 + word(8) as usize;
            list.push(Frame {
                id: FrameId::new(0, list.len() as u64 + 1),
                time: Timestamp::from_nanos(i64::from(word(0)) * 1_000_000_000 + i64::from(word(4))),
                link: LinkType::ETHERNET,
                interface: 0,
                original_len: word(12),
                data: &self.bytes[at + 16..end],
            });
            at = end;
        }
        list
    }
}

/// Hands each frame of a capture to `each`; returns how many there were.
pub(crate) fn for_each(mut capture: Capture, mut each: impl FnMut(&Frame<'_>)) -> u64 {
    let mut frames = 0;
    while let Some(block) = capture.next_block() {
        for frame in block {
            frames += 1;
            each(&frame);
        }
    }
    frames
}
