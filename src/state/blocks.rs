//! The file around the values: a beginning, blocks that are compressed and checked each by itself, and an end.
//!
//! ```text
//! file    = MAGIC, version (2 bytes), section..., end block
//! section = one head block, any number of body blocks
//! block   = kind (1 byte), length (4 bytes), length packed (4), check (8), content
//! ```
//!
//! Numbers are little-endian. The check is the beginning of the SHA-256 of what stands before and behind it in the block.
//! A body block's content is packed: a zstd frame (RFC 8878), filled up by a skippable one where it would be shorter than a
//! fourth; those of the other blocks are as they are. A file that was cut lacks the end block, which also says how many
//! sections there are.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Broken;

/// The ending of a state's name.
pub const EXTENSION: &str = "igstate";
/// The latest version of the format, which is written; it is read as are all before it.
pub const VERSION: u16 = 6;
/// As PNG's: it is no text, and shows what a transfer as text did to it.
const MAGIC: [u8; 10] = *b"\x89IGSTATE\r\n";

/// Bytes of a block before compression, as it is written and at most.
const BLOCK: usize = 256 << 10;
const LARGEST_BLOCK: usize = 4 << 20;
/// So many blocks are packed at a time.
const BLOCKS: usize = 8;
/// What packs tighter than so many to one is filled up to that, so that a small file never claims much memory.
pub(super) const TIGHTEST: usize = 4;
/// Begins a frame of zstd's that says nothing, with its length behind it (RFC 8878 section 3.1.2).
const SKIPPABLE: [u8; 4] = 0x184d_2a50_u32.to_le_bytes();
/// zstd's fast levels: 3 packs a tenth tighter and takes twice as long.
const LEVEL: i32 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BlockKind {
    /// What an input was, and how it was read.
    Head,
    /// What was observed of it.
    Body,
    End,
}

impl BlockKind {
    const fn code(self) -> u8 {
        match self {
            Self::Head => b'H',
            Self::Body => b'B',
            Self::End => b'E',
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            b'H' => Some(Self::Head),
            b'B' => Some(Self::Body),
            b'E' => Some(Self::End),
            _ => None,
        }
    }
}

/// Whether a file begins as a state does.
pub fn is_state(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && File::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok()) && head == MAGIC
}

/// What stands before a block's content.
struct Prefix {
    kind: BlockKind,
    length: u32,
    packed: u32,
    check: [u8; 8],
}

impl Prefix {
    const SIZE: usize = 17;

    fn bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0] = self.kind.code();
        bytes[1..5].copy_from_slice(&self.length.to_le_bytes());
        bytes[5..9].copy_from_slice(&self.packed.to_le_bytes());
        bytes[9..].copy_from_slice(&self.check);
        bytes
    }

    /// Of a block that begins at `offset`.
    fn of(bytes: [u8; Self::SIZE], offset: u64) -> Result<Self, Broken> {
        let [code, a, b, c, d, e, f, g, h, check @ ..] = bytes;
        let (length, packed) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let wrong = |what| Broken::Wrong { offset, what };
        let kind = BlockKind::of(code).ok_or(wrong("the kind is none that is known"))?;
        let (unpacked, most) = (length as usize, if kind == BlockKind::Body { TIGHTEST } else { 1 });
        if unpacked > LARGEST_BLOCK || packed as usize > LARGEST_BLOCK || unpacked > most * packed as usize {
            return Err(wrong("a length is beyond any that is written"));
        }
        Ok(Self { kind, length, packed, check })
    }

    fn checksum(&self, content: &[u8]) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(&self.bytes()[..9]);
        hash.update(content);
        let mut check = [0; 8];
        check.copy_from_slice(&hash.finalize()[..8]);
        check
    }
}

/// A body block.
fn body_block(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = zstd::bulk::compress(bytes, LEVEL)?;
    let least = bytes.len().div_ceil(TIGHTEST);
    if packed.len() < least {
        let length = least - packed.len();
        packed.extend(SKIPPABLE);
        packed.extend((length as u32).to_le_bytes());
        packed.resize(packed.len() + length, 0);
    }
    let mut block = Vec::with_capacity(Prefix::SIZE + packed.len());
    write_block(&mut block, BlockKind::Body, bytes, &packed)?;
    Ok(block)
}

fn write_block(out: &mut impl Write, kind: BlockKind, bytes: &[u8], content: &[u8]) -> io::Result<()> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    let mut prefix = Prefix { kind, length: length(bytes)?, packed: length(content)?, check: [0; 8] };
    prefix.check = prefix.checksum(content);
    out.write_all(&prefix.bytes())?;
    out.write_all(content)
}

/// Writes one section: its body is given piece by piece.
pub struct Packer<W> {
    out: W,
    body: Vec<u8>,
}

impl<W: Write> Packer<W> {
    /// Begins a section.
    ///
    /// # Errors
    /// Those of the output, and heads beyond `LARGEST_BLOCK`.
    pub fn begin(mut out: W, head: &[u8]) -> io::Result<Self> {
        if head.len() > LARGEST_BLOCK {
            return Err(io::Error::other("the capture describes too many interfaces for a state"));
        }
        write_block(&mut out, BlockKind::Head, head, head)?;
        Ok(Self { out, body: Vec::new() })
    }

    /// Where the next values of the body are appended.
    pub fn body(&mut self) -> &mut Vec<u8> {
        &mut self.body
    }

    /// Writes what there is, if that is enough to be packed on all threads of the pool that it is called in.
    ///
    /// # Errors
    /// Those of the output.
    #[inline]
    pub fn flush(&mut self) -> io::Result<()> {
        if self.body.len() < BLOCKS * BLOCK { Ok(()) } else { self.write() }
    }

    #[cold]
    fn write(&mut self) -> io::Result<()> {
        let blocks: Vec<io::Result<Vec<u8>>> = match rayon::current_thread_index() {
            Some(_) => self.body.par_chunks(BLOCK).map(body_block).collect(),
            None => self.body.chunks(BLOCK).map(body_block).collect(),
        };
        self.body.clear();
        blocks.into_iter().try_for_each(|block| self.out.write_all(&block?))
    }

    /// Ends the section.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.write()?;
        Ok(self.out)
    }
}

/// Writes a state.
pub struct Writer<W> {
    out: W,
    sections: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        Ok(Self { out, sections: 0 })
    }

    /// Begins a section.
    ///
    /// # Errors
    /// Those of [`Packer::begin`].
    pub fn section(&mut self, head: &[u8]) -> io::Result<Packer<&mut W>> {
        self.sections += 1;
        Packer::begin(&mut self.out, head)
    }

    /// Adds a section that is packed already.
    ///
    /// # Errors
    /// Those of the output.
    pub fn packed(&mut self, section: &[u8]) -> io::Result<()> {
        self.sections += 1;
        self.out.write_all(section)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        let sections = self.sections.to_le_bytes();
        write_block(&mut self.out, BlockKind::End, &sections, &sections)?;
        Ok(self.out)
    }
}

/// Where a section lies in a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Offset of its first body block.
    pub offset: u64,
    /// Bytes of its body blocks, as they are packed.
    pub packed: u64,
}

/// The sections of a state, each with its head. The bodies are passed over.
///
/// # Errors
/// [`Broken`] where the file is none, or is cut or damaged, as far as that shows without the bodies.
pub fn sections(path: &Path) -> Result<Vec<(Vec<u8>, Section)>, Broken> {
    let mut file = BufReader::new(File::open(path)?);
    let size = file.get_ref().metadata()?.len();
    let cut = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => Broken::Cut { offset: size },
        _ => Broken::Read(error),
    };
    let mut beginning = [0; MAGIC.len() + 2];
    file.read_exact(&mut beginning).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Broken::NotAState,
        _ => Broken::Read(error),
    })?;
    let (magic, version) = beginning.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(Broken::NotAState);
    }
    match u16::from_le_bytes([version[0], version[1]]) {
        1..=VERSION => {}
        0 => return Err(Broken::NotAState),
        version => return Err(Broken::Newer { version }),
    }
    let mut list: Vec<(Vec<u8>, Section)> = Vec::new();
    let mut offset = beginning.len() as u64;
    loop {
        let mut bytes = [0; Prefix::SIZE];
        file.read_exact(&mut bytes).map_err(cut)?;
        let prefix = Prefix::of(bytes, offset)?;
        let end = offset + (Prefix::SIZE as u64) + u64::from(prefix.packed);
        if end > size {
            return Err(Broken::Cut { offset: size });
        }
        if prefix.kind == BlockKind::Body {
            let Some((_, section)) = list.last_mut() else {
                return Err(Broken::Wrong { offset, what: "a body comes before any head" });
            };
            section.packed += end - offset;
            file.seek_relative(i64::from(prefix.packed))?;
            offset = end;
            continue;
        }
        let mut content = vec![0; prefix.packed as usize];
        file.read_exact(&mut content).map_err(cut)?;
        if prefix.check != prefix.checksum(&content) {
            return Err(Broken::Checksum { offset });
        }
        if prefix.kind == BlockKind::Head {
            list.push((content, Section { offset: end, packed: 0 }));
        } else if content != (list.len() as u64).to_le_bytes() {
            return Err(Broken::Wrong { offset, what: "the end speaks of other sections than there are" });
        } else if end != size {
            return Err(Broken::Wrong { offset, what: "something stands behind the end" });
        } else {
            return Ok(list);
        }
        offset = end;
    }
}

/// Where the unpacked blocks of one section come from, one after the other.
pub trait Unpack {
    /// The next block, unpacked.
    ///
    /// # Errors
    /// [`Broken`] where it is cut or damaged.
    fn unpack_next(&mut self) -> Result<Option<Vec<u8>>, Broken>;

    /// Bytes that are left behind the block that was given last, as they are packed.
    fn left(&self) -> u64;

    /// Where the block that was given last begins in the file.
    fn offset(&self) -> u64;
}

/// A block, or what is wrong with it, and what [`Unpack::left`] and [`Unpack::offset`] are then.
type Unpacked = (Result<Option<Vec<u8>>, Broken>, u64, u64);

/// The blocks of a section, unpacked on a thread of its own: that takes half as long as reading what they hold.
pub struct Ahead {
    unpacked: Receiver<Unpacked>,
    left: u64,
    offset: u64,
}

impl Ahead {
    /// Unpacked blocks that may wait to be read.
    const WAITING: usize = 2;

    /// Begins to unpack.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn of(mut blocks: Blocks) -> io::Result<Self> {
        let (sender, unpacked) = sync_channel(Self::WAITING);
        let (left, offset) = (blocks.left(), blocks.offset());
        let unpack = move || loop {
            let block = blocks.unpack_next();
            let is_last = !matches!(block, Ok(Some(_)));
            // Whoever reads no further has found something wrong.
            if sender.send((block, blocks.left(), blocks.offset())).is_err() || is_last {
                return;
            }
        };
        thread::Builder::new().name("unpack state".to_owned()).spawn(unpack)?;
        Ok(Self { unpacked, left, offset })
    }
}

impl Unpack for Ahead {
    fn unpack_next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        // After its last word the thread is gone.
        let Ok((block, left, offset)) = self.unpacked.recv() else { return Ok(None) };
        (self.left, self.offset) = (left, offset);
        block
    }

    fn left(&self) -> u64 {
        self.left
    }

    fn offset(&self) -> u64 {
        self.offset
    }
}

/// The blocks of one section's body, one after the other.
pub struct Blocks {
    file: BufReader<File>,
    /// Where the block that was given last begins.
    current: u64,
    next: u64,
    end: u64,
    unpacker: zstd::bulk::Decompressor<'static>,
}

impl Blocks {
    /// Of a section that [`sections`] found.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: &Path, section: &Section) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(section.offset))?;
        let (current, end) = (section.offset, section.offset.saturating_add(section.packed));
        Ok(Self { file, current, next: current, end, unpacker: zstd::bulk::Decompressor::new()? })
    }

    /// The next block as it lies in the file, with what stands before it; its check is held against it.
    ///
    /// # Errors
    /// [`Broken`] where it is cut or damaged.
    fn next_packed(&mut self) -> Result<Option<(Prefix, Vec<u8>)>, Broken> {
        if self.next >= self.end {
            return Ok(None);
        }
        self.current = self.next;
        let offset = self.current;
        let cut = |error: io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => Broken::Cut { offset },
            _ => Broken::Read(error),
        };
        let mut bytes = [0; Prefix::SIZE];
        self.file.read_exact(&mut bytes).map_err(cut)?;
        let prefix = Prefix::of(bytes, offset)?;
        let mut content = vec![0; prefix.packed as usize];
        self.file.read_exact(&mut content).map_err(cut)?;
        if prefix.kind != BlockKind::Body || prefix.check != prefix.checksum(&content) {
            return Err(Broken::Checksum { offset });
        }
        self.next = offset + Prefix::SIZE as u64 + u64::from(prefix.packed);
        Ok(Some((prefix, content)))
    }

    /// Appends the blocks that are left as they are, each held against its check.
    ///
    /// # Errors
    /// What is wrong with this state; the inner ones are those of the output.
    pub fn copy(mut self, out: &mut impl Write) -> Result<io::Result<()>, Broken> {
        while let Some((prefix, content)) = self.next_packed()? {
            let written = out.write_all(&prefix.bytes()).and_then(|()| out.write_all(&content));
            if written.is_err() {
                return Ok(written);
            }
        }
        Ok(Ok(()))
    }
}

impl Unpack for Blocks {
    fn unpack_next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let Some((prefix, content)) = self.next_packed()? else { return Ok(None) };
        let wrong = Broken::Wrong { offset: self.current, what: "what is packed is not as long as it says" };
        match self.unpacker.decompress(&content, prefix.length as usize) {
            Ok(bytes) if bytes.len() == prefix.length as usize => Ok(Some(bytes)),
            _ => Err(wrong),
        }
    }

    fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    fn offset(&self) -> u64 {
        self.current
    }
}
