//! No allocation per packet in steady state: counted, in a binary of its own because of its allocator.

// An allocator cannot be written without; this one only counts and hands on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use igorscope::capture::{Capture, Frame, FrameId, LinkType, RecordedInterface, Recorder, Rotation, Timestamp};
use igorscope::decode::{Network, NonIp, decode};
use igorscope::flow::{Limits, Observation, Seed};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(block, layout, size) }
    }
}

struct Owned {
    time: Timestamp,
    link: LinkType,
    original_len: u32,
    data: Vec<u8>,
}

impl Owned {
    /// As it comes in a later hour: the clock goes on.
    fn lend(&self, number: u64, hours: i64) -> Frame<'_> {
        let Self { time, link, original_len, .. } = *self;
        let time = time.nanos().map_or(time, |nanos| Timestamp::from_nanos(nanos + hours * 3_600_000_000_000));
        Frame { id: FrameId::new(0, number), time, link, interface: 0, original_len, data: &self.data }
    }
}

/// The frames of the sample site survey: flows of every kind that a site has. Fragments are left out: they
/// are kept until the end, up to a limit, and not counted into flows as they come. LLDP as well: it is no flow, and
/// what a switch port says each half minute is read into words.
fn frames() -> Vec<Owned> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/site-survey.pcapng");
    let mut capture = Capture::open(&path, 0).unwrap();
    let mut frames = Vec::new();
    while let Some(block) = capture.next_block() {
        frames.extend(block.filter(|frame| !is_left_out(frame)).map(|frame| Owned {
            time: frame.time,
            link: frame.link,
            original_len: frame.original_len,
            data: frame.data.to_vec(),
        }));
    }
    frames
}

fn is_left_out(frame: &Frame<'_>) -> bool {
    match decode(frame).network {
        Network::Ip(ip) => ip.fragment.is_some(),
        Network::NonIp(kind, _) => kind == NonIp::Lldp,
        Network::Unreached => false,
    }
}

#[test]
fn known_flows_cost_no_allocation() {
    let frames = frames();
    assert!(frames.len() > 1000);
    let folder = tempfile::tempdir().unwrap();
    let interface = RecordedInterface { name: "eth1".into(), link: LinkType::ETHERNET, snap_len: 0 };
    let path = folder.path().join("site.pcapng");
    let mut recorder = Recorder::create(&path, vec![interface], Rotation::default()).unwrap();
    let mut observation = Observation::new(0, Seed::random(), Limits::default());
    let (mut number, mut hours) = (0, 0);
    // As they come live: each is lent for a moment, written down and observed.
    let mut pass = |frames: &[Owned]| {
        let before = ALLOCATIONS.get();
        for owned in frames {
            number += 1;
            let frame = owned.lend(number, hours);
            recorder.write(&frame).unwrap();
            observation.observe_lent(&frame);
        }
        hours += 1;
        ALLOCATIONS.get() - before
    };
    let first = pass(&frames);
    assert!(first > 0, "the counting allocator counts");
    println!("{} packets of flows that were new: {first} allocations", frames.len());
    // What waits for an answer is kept up to a limit, which flows without one reach at length.
    let waiting = (0..20).map(|_| pass(&frames)).sum::<u64>();
    println!(
        "{} packets more until what is kept of unanswered flows is full: {waiting} allocations",
        20 * frames.len()
    );
    let known = (0..10).map(|_| pass(&frames)).sum::<u64>();
    // While the disk is slower than the frames, what waits for it takes one more piece of 256 KiB at a time.
    let pieces = recorder.bytes_written() >> 18;
    println!(
        "{} packets of known flows: {known} allocations, of which up to {pieces} wait for the disk",
        10 * frames.len()
    );
    assert!(known <= pieces, "{known} allocations for {} packets", 10 * frames.len());
}
