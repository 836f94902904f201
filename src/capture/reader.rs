//! One capture: recognised by its first bytes, read block by block, whatever it comes from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::buffer::{self, BLOCK_SIZE, BlockBuffer, End};
use super::compressed::{Compression, unpack};
use super::error::{CaptureError, Damage};
use super::frame::{Frame, LinkType};
use super::interface::InterfaceSummary;
use super::magic::{self, Magic};
use super::pcap::{self, FileStart, Pcap, PcapFrames};
use super::pcapng::{Pcapng, PcapngFrames};

/// A reader over one capture.
///
/// Damage ends the reading: [`Capture::next_block`] gives nothing more, and
/// [`Capture::summary`] says what is wrong and where.
pub struct Capture {
    pub(super) buffer: BlockBuffer,
    pub(super) format: Format,
    /// How the source is compressed.
    packing: Option<Compression>,
    pub(super) damage: Option<Damage>,
    pub(super) finished: bool,
}

pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    /// A pcap file whose file header cannot be used; the damage says why.
    Headless,
}

/// The frames of one block, borrowed from the reader. Take the variant apart once per block, so
/// that the loop over its frames is compiled for the format.
pub enum Frames<'a> {
    /// Of a pcap file.
    Pcap(PcapFrames<'a>),
    /// Of a pcapng file.
    Pcapng(PcapngFrames<'a>),
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        match self {
            Self::Pcap(frames) => frames.next(),
            Self::Pcapng(frames) => frames.next(),
        }
    }
}

/// What is to be said of a capture beside its frames. Complete when it was read to its end.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CaptureSummary {
    /// `pcap` or `pcapng`, with `+gzip`, `+zstd` or `+xz` behind it if it was compressed.
    pub format: String,
    /// Bytes of the capture read so far; for compressed input, after decompression.
    pub bytes_read: u64,
    /// Frames handed out so far.
    pub frames: u64,
    /// Where and why reading ended before the end, if it did.
    pub damage: Option<Damage>,
    /// Link types of the interfaces, ascending.
    pub link_types: Vec<LinkType>,
    /// What was said of each interface; a pcap file has one without a name.
    pub interfaces: Vec<InterfaceSummary>,
    /// Bytes of frame check sequence that the header promises at the end of each frame.
    pub fcs_len: Option<u8>,
}

impl Capture {
    /// Opens a capture file, plain or compressed, known by its bytes and not by its name.
    /// `input` is its index in the run, kept in every frame's id.
    ///
    /// A regular file is read to the end it has now: what is written to it later is not read.
    ///
    /// # Errors
    /// When the file cannot be opened or is no capture.
    pub fn open(path: &Path, input: u32) -> Result<Self, CaptureError> {
        let (file, size) = open_file(path)?;
        Self::of_file(file, size, u64::MAX, path, input)
    }

    /// Whether a file begins as a capture does, looking at little of it.
    pub(super) fn recognise(path: &Path) -> Result<(), CaptureError> {
        let (file, _) = open_file(path)?;
        Self::start(BlockBuffer::new(Box::new(file), magic::LONGEST), path, 0).map(|_| ())
    }

    /// As [`Capture::open`], of a file that is open, and of it only what begins before `end`.
    pub(super) fn of_file(
        file: File,
        size: Option<u64>,
        end: u64,
        path: &Path,
        input: u32,
    ) -> Result<Self, CaptureError> {
        let mut buffer = BlockBuffer::new(Box::new(file), BLOCK_SIZE);
        if let Some(size) = size {
            buffer.limit(size);
            buffer.limit_span(end);
        }
        Self::start(buffer, path, input)
    }

    /// Reads a capture from any source, such as standard input. `name` stands for its path.
    ///
    /// # Errors
    /// When the source cannot be read or is no capture.
    pub fn from_reader(reader: Box<dyn Read + Send>, name: &str, input: u32) -> Result<Self, CaptureError> {
        Self::start(BlockBuffer::new(reader, BLOCK_SIZE), Path::new(name), input)
    }

    /// As [`Capture::from_reader`], with a block size of one's own choice.
    #[cfg(test)]
    pub(super) fn in_blocks(reader: Box<dyn Read + Send>, block_size: usize) -> Result<Self, CaptureError> {
        Self::start(BlockBuffer::new(reader, block_size), Path::new("test"), 0)
    }

    fn start(mut buffer: BlockBuffer, path: &Path, input: u32) -> Result<Self, CaptureError> {
        buffer.fill(magic::LONGEST);
        let packing = Compression::recognise(buffer.unread());
        if let Some(compression) = packing {
            let block_size = buffer.block_size();
            let unpacked = unpack(buffer.into_source(), compression).map_err(|source| CaptureError::Read {
                path: path.to_owned(),
                offset: 0,
                source,
            })?;
            buffer = BlockBuffer::new(Box::new(unpacked), block_size);
            buffer.fill(magic::LONGEST);
        }
        if let (Some(End::Failed(reason)), true) = (buffer.end(), buffer.unread().is_empty()) {
            let source = io::Error::other(reason.clone());
            return Err(CaptureError::Read { path: path.to_owned(), offset: 0, source });
        }
        let damaged = |offset, reason| Some(Damage { offset, reason });
        let (format, damage) = match magic::recognise(buffer.unread(), path)? {
            Magic::Pcap => {
                buffer.fill(pcap::FILE_HEADER);
                match buffer.unread().first_chunk() {
                    Some(header) => match Pcap::new(header, input) {
                        Ok(pcap) => {
                            buffer.start += pcap::FILE_HEADER;
                            (Format::Pcap(pcap), None)
                        }
                        Err((offset, reason)) => (Format::Headless, damaged(offset, reason)),
                    },
                    None => {
                        let there = buffer.unread().len();
                        let reason = format!("the file ends inside its header: {there} of 24 bytes are there");
                        (Format::Headless, damaged(0, reason))
                    }
                }
            }
            Magic::Pcapng => (Format::Pcapng(Pcapng::new(input)), None),
        };
        Ok(Self { buffer, format, packing, finished: damage.is_some(), damage })
    }

    /// The next block of frames; `None` at the end or at the first damage.
    pub fn next_block(&mut self) -> Option<Frames<'_>> {
        while !self.finished {
            let head = match &self.format {
                Format::Pcap(pcap) => pcap.head(self.buffer.unread()),
                Format::Pcapng(pcapng) if pcapng.damage.is_some() => {
                    self.damage = pcapng.damage.clone();
                    self.finished = true;
                    break;
                }
                Format::Pcapng(pcapng) => pcapng.head(self.buffer.unread()),
                Format::Headless => break,
            };
            match head {
                FileStart::Whole => break,
                FileStart::Needs(bytes) => {
                    if !self.buffer.fill(bytes) {
                        self.finish();
                    }
                }
                FileStart::Damaged(reason) => {
                    self.damage = Some(Damage { offset: self.buffer.position(), reason });
                    self.finished = true;
                }
            }
        }
        if self.finished {
            return None;
        }
        let base = self.buffer.base();
        match &mut self.format {
            Format::Pcap(pcap) => Some(Frames::Pcap(PcapFrames::new(self.buffer.split(), pcap))),
            Format::Pcapng(pcapng) => Some(Frames::Pcapng(PcapngFrames::new(self.buffer.split(), base, pcapng))),
            Format::Headless => None,
        }
    }

    /// No more bytes: says whether that is the end or damage.
    fn finish(&mut self) {
        self.finished = true;
        let unread = self.buffer.unread();
        let cut = || match &self.format {
            Format::Pcap(pcap) => pcap.cut(unread),
            Format::Pcapng(pcapng) => pcapng.cut(unread),
            Format::Headless => String::new(),
        };
        let (offset, reason) = match self.buffer.end() {
            Some(End::Failed(reason)) => (self.buffer.read_to(), format!("reading failed: {reason}")),
            Some(End::Shrunk(size)) => {
                let now = self.buffer.read_to();
                (now, buffer::shrunk(*size, now))
            }
            _ if unread.is_empty() => return,
            _ => (self.buffer.position(), cut()),
        };
        self.damage = Some(Damage { offset, reason });
    }

    /// Whether the source is read as it is, not unpacked.
    pub(super) fn is_plain(&self) -> bool {
        self.packing.is_none()
    }

    /// Offset in the capture of the first byte that belongs to no frame handed out so far; for
    /// compressed input, after decompression.
    pub fn position(&self) -> u64 {
        self.buffer.position()
    }

    /// What is to be said of the capture as far as it was read.
    pub fn summary(&self) -> CaptureSummary {
        let (name, interfaces, frames, fcs_len) = match &self.format {
            Format::Pcap(pcap) => ("pcap", vec![pcap.summary()], pcap.frames, pcap.fcs_len),
            Format::Pcapng(pcapng) => ("pcapng", pcapng.table.summaries().to_vec(), pcapng.frames, None),
            Format::Headless => ("pcap", Vec::new(), 0, None),
        };
        let mut link_types: Vec<LinkType> = interfaces.iter().map(|interface| interface.link).collect();
        link_types.sort_unstable();
        link_types.dedup();
        CaptureSummary {
            format: match &self.packing {
                Some(compression) => format!("{name}+{}", compression.name()),
                None => name.to_owned(),
            },
            bytes_read: self.buffer.position(),
            frames,
            damage: self.damage.clone(),
            link_types,
            interfaces,
            fcs_len,
        }
    }
}

/// Opens a file, and says its size if it is a regular one.
pub(super) fn open_file(path: &Path) -> Result<(File, Option<u64>), CaptureError> {
    let failed = |source| CaptureError::Open(path.to_owned(), source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(CaptureError::Folder(path.to_owned()));
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}
