//! Generated captures in memory.

use std::io::Cursor;

use criterion::Throughput;
use igorscope::capture::{Capture, Frame};

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

pub(crate) fn capture(mix: Mix, format: Format) -> Input {
    let mut bytes = Vec::new();
    let limit = Limit { packets: PACKETS, bytes: u64::MAX };
    let totals = load::write(&mut bytes, mix, format, limit, FLOWS, 1).expect("memory takes what is written");
    assert_eq!(totals.packets, PACKETS);
    Input { bytes, throughput: Throughput::ElementsAndBytes { elements: PACKETS, bytes: totals.file_bytes } }
}

impl Input {
    pub(crate) fn open(&self) -> Capture {
        let source = Box::new(Cursor::new(self.bytes.clone()));
        Capture::from_reader(source, "bench", 0).expect("the generator writes captures")
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
