//! Big captures for benchmarks: packets are stamped from prepared frames, checksums included, and streamed.

use std::io::{self, Write};

use super::file::{self, Format};
use super::random::Random;
use super::stamp::{self, Ends};

mod lighting;

/// What kind of traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Mix {
    /// 2,000 nodes, the services' own mix, about 200 bytes a frame.
    Lighting,
    /// Frames of 1,400 bytes.
    Mtu,
    /// Frames of 64 bytes in random order over a million flows.
    Small64,
}

/// When to stop: at the first of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) packets: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    /// Sum of the frames' lengths.
    pub(crate) wire_bytes: u64,
    pub(crate) file_bytes: u64,
}

/// Somewhere around a block that a pipe or a disk likes.
const BLOCK: usize = 1 << 20;

/// Collects records and hands them on in blocks.
pub(crate) struct Sink<'w> {
    to: &'w mut dyn Write,
    buffer: Vec<u8>,
    format: Format,
    time: u64,
    pub(crate) totals: Totals,
}

impl<'w> Sink<'w> {
    fn new(to: &'w mut dyn Write, format: Format) -> io::Result<Self> {
        let buffer = match format {
            Format::Pcap => file::pcap_header(),
            Format::Pcapng => {
                [file::section_header("generated for benchmarks"), file::interface("load0", "generated")].concat()
            }
        };
        let totals = Totals { file_bytes: buffer.len() as u64, ..Totals::default() };
        Ok(Self { to, buffer, format, time: super::site::START, totals })
    }

    /// One frame of `length` bytes, `gap` nanoseconds after the one before: `fill` writes it into the buffer's own bytes.
    #[inline]
    pub(crate) fn record(&mut self, gap: u64, length: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.time += gap;
        let before = self.buffer.len();
        let captured = length as u32;
        match self.format {
            Format::Pcap => {
                self.buffer.extend_from_slice(&file::pcap_record(self.time, captured, captured));
                let at = self.buffer.len();
                self.buffer.resize(at + length, 0);
                fill(&mut self.buffer[at..]);
            }
            Format::Pcapng => {
                self.buffer.extend_from_slice(&file::epb_front(0, self.time, captured, captured, 0));
                let at = self.buffer.len();
                self.buffer.resize(at + length.div_ceil(4) * 4, 0);
                fill(&mut self.buffer[at..at + length]);
                self.buffer.extend_from_slice(&file::epb_length(captured, 0).to_le_bytes());
            }
        }
        self.totals.packets += 1;
        self.totals.wire_bytes += length as u64;
        self.totals.file_bytes += (self.buffer.len() - before) as u64;
        if self.buffer.len() >= BLOCK {
            self.to.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn done(&self, limit: Limit) -> bool {
        self.totals.packets >= limit.packets || self.totals.file_bytes >= limit.bytes
    }
}

/// Streams a capture to `to`. `flows` is how many flows `mtu` and `small64` spread their packets over.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write(
    to: &mut dyn Write,
    mix: Mix,
    format: Format,
    limit: Limit,
    flows: u64,
    seed: u64,
) -> io::Result<Totals> {
    let mut sink = Sink::new(to, format)?;
    let mut random = Random::new(seed);
    match mix {
        Mix::Lighting => lighting::run(&mut sink, &mut random, limit)?,
        Mix::Mtu => uniform(&mut sink, &mut random, limit, 1_400, flows)?,
        Mix::Small64 => uniform(&mut sink, &mut random, limit, 64, flows)?,
    }
    sink.to.write_all(&sink.buffer)?;
    sink.to.flush()?;
    Ok(sink.totals)
}

/// Frames of one size between 8 servers on the firmware ports and clients in 10.64.0.0/10, flow and direction by lot.
fn uniform(sink: &mut Sink<'_>, random: &mut Random, limit: Limit, length: usize, flows: u64) -> io::Result<()> {
    let payload = Random::new(length as u64).bytes(length - 42);
    let frame = stamp::Stamp::udp(&payload);
    while !sink.done(limit) {
        let lot = random.next();
        let flow = ((u128::from(lot) * u128::from(flows)) >> 64) as u32;
        let ends = Ends::new(
            (u32::from_be_bytes([10, 64, 0, 0]) + flow / 4, 51_000 + (flow % 4) as u16),
            (u32::from_be_bytes([10, 20, 0, 10]) + flow % 8, 50_195 + (flow % 5) as u16),
        );
        let ends = if lot & 1 == 0 { ends } else { ends.turned() };
        // The draw's low bits are as good as its high ones: up to 2 microseconds between frames.
        sink.record(lot >> 1 & 0x7ff, length, |out| frame.udp_into(out, ends, None))?;
    }
    Ok(())
}
