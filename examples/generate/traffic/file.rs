//! Capture files: classic pcap and pcapng, little-endian, Ethernet, nanoseconds.

/// Which of the two formats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Pcap,
    Pcapng,
}

pub(crate) const SNAPLEN: u32 = 262_144;
const TRAILER: [u8; 4] = [0; 4];

/// The global header of a classic pcap file with nanoseconds.
pub(crate) fn pcap_header() -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    out.extend(0xa1b2_3c4d_u32.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(SNAPLEN.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out
}

/// A record's header in classic pcap.
#[inline]
pub(crate) fn pcap_record(nanos: u64, captured: u32, original: u32) -> [u8; 16] {
    let mut out = [0; 16];
    out[0..4].copy_from_slice(&((nanos / 1_000_000_000) as u32).to_le_bytes());
    out[4..8].copy_from_slice(&((nanos % 1_000_000_000) as u32).to_le_bytes());
    out[8..12].copy_from_slice(&captured.to_le_bytes());
    out[12..16].copy_from_slice(&original.to_le_bytes());
    out
}

/// A pcapng block of a type around a body.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().div_ceil(4) * 4;
    let total = (padded as u32 + 12).to_le_bytes();
    let mut out = Vec::with_capacity(padded + 12);
    out.extend(kind.to_le_bytes());
    out.extend(total);
    out.extend(body);
    out.resize(8 + padded, 0);
    out.extend(total);
    out
}

/// pcapng options: (code, value) each padded to 4 bytes, then the end of options; nothing for none.
pub(crate) fn options(list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (code, value) in list {
        out.extend(code.to_le_bytes());
        out.extend((value.len() as u16).to_le_bytes());
        out.extend(*value);
        out.resize(out.len().div_ceil(4) * 4, 0);
    }
    if !list.is_empty() {
        out.extend(TRAILER);
    }
    out
}

/// Section header: who made the file, and what it shows.
pub(crate) fn section_header(comment: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(u64::MAX.to_le_bytes());
    body.extend(options(&[(1, comment.as_bytes()), (4, b"igorscope sample generator")]));
    block(0x0a0d_0d0a, &body)
}

/// Interface description: Ethernet, nanoseconds.
pub(crate) fn interface(name: &str, description: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(1_u16.to_le_bytes());
    body.extend(0_u16.to_le_bytes());
    body.extend(SNAPLEN.to_le_bytes());
    body.extend(options(&[(2, name.as_bytes()), (3, description.as_bytes()), (9, &[9])]));
    block(1, &body)
}

/// Interface statistics: frames received, frames dropped by the kernel.
pub(crate) fn interface_statistics(nanos: u64, received: u64, dropped: u64) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(0_u32.to_le_bytes());
    body.extend(((nanos >> 32) as u32).to_le_bytes());
    body.extend((nanos as u32).to_le_bytes());
    body.extend(options(&[(4, &received.to_le_bytes()), (5, &dropped.to_le_bytes())]));
    block(5, &body)
}

/// The fixed front of an enhanced packet block, up to the packet's bytes. `tail` is what follows the padded packet
/// before the trailing length (options).
#[inline]
pub(crate) fn epb_front(interface: u32, nanos: u64, captured: u32, original: u32, tail: u32) -> [u8; 28] {
    let mut out = [0; 28];
    out[0..4].copy_from_slice(&6_u32.to_le_bytes());
    out[4..8].copy_from_slice(&epb_length(captured, tail).to_le_bytes());
    out[8..12].copy_from_slice(&interface.to_le_bytes());
    out[12..16].copy_from_slice(&((nanos >> 32) as u32).to_le_bytes());
    out[16..20].copy_from_slice(&(nanos as u32).to_le_bytes());
    out[20..24].copy_from_slice(&captured.to_le_bytes());
    out[24..28].copy_from_slice(&original.to_le_bytes());
    out
}

/// The total length of an enhanced packet block.
#[inline]
pub(crate) fn epb_length(captured: u32, tail: u32) -> u32 {
    32 + captured.div_ceil(4) * 4 + tail
}

/// One captured frame.
#[derive(Clone)]
pub(crate) struct Record {
    /// Nanoseconds since the epoch.
    pub(crate) time: u64,
    pub(crate) frame: Vec<u8>,
    /// Length on the wire, where the frame was cut.
    pub(crate) original: u32,
    pub(crate) comment: Option<String>,
}

/// What was captured, in any order until it is written.
#[derive(Clone, Default)]
pub(crate) struct Tape {
    pub(crate) records: Vec<Record>,
}

impl Tape {
    pub(crate) fn push(&mut self, time: u64, frame: Vec<u8>) {
        let original = frame.len() as u32;
        self.records.push(Record { time, frame, original, comment: None });
    }

    /// Puts a comment on the frame that was pushed last.
    pub(crate) fn comment(&mut self, text: &str) {
        if let Some(last) = self.records.last_mut() {
            last.comment = Some(text.to_owned());
        }
    }

    /// Sorts by time; frames of one instant keep the order in which they were made.
    pub(crate) fn sort(&mut self) {
        self.records.sort_by_key(|record| record.time);
    }

    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut out = pcap_header();
        for record in &self.records {
            out.extend(pcap_record(record.time, record.frame.len() as u32, record.original));
            out.extend(&record.frame);
        }
        out
    }

    /// A section with one interface, the frames, and the interface's statistics.
    pub(crate) fn pcapng(&self, comment: &str, name: &str, description: &str, dropped: u64) -> Vec<u8> {
        let mut out = section_header(comment);
        out.extend(interface(name, description));
        for record in &self.records {
            let comments: Vec<_> = record.comment.iter().map(|text| (1, text.as_bytes())).collect();
            let tail = options(&comments);
            let captured = record.frame.len() as u32;
            out.extend(epb_front(0, record.time, captured, record.original, tail.len() as u32));
            out.extend(&record.frame);
            out.resize(out.len().div_ceil(4) * 4, 0);
            out.extend(&tail);
            out.extend(epb_length(captured, tail.len() as u32).to_le_bytes());
        }
        let last = self.records.last().map_or(0, |record| record.time);
        out.extend(interface_statistics(last, self.records.len() as u64 + dropped, dropped));
        out
    }
}
