//! pcapng: sections of either byte order, interfaces, packet blocks of all three kinds.
//!
//! The format: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>.

use super::error::Damage;
use super::frame::{Frame, FrameId, LinkType, Timestamp};
use super::interface::{Interface, InterfaceTable};
use super::pcap::{FileStart, Guess, packet_limit};
use super::prefetch::{AHEAD, prefetch};

/// Section Header Block; the same in either byte order.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
pub(super) const INTERFACE: u32 = 1;
/// The obsolete Packet Block.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
pub(super) const STATISTICS: u32 = 5;
pub(super) const ENHANCED_PACKET: u32 = 6;

/// Fixed part of an Enhanced Packet Block, up to the packet's bytes.
const EPB_HEADER: usize = 28;
/// Around every block: type, length, and the length again.
const BLOCK_OVERHEAD: usize = 12;
/// The longest block that is believed, in bytes; as libpcap.
const BLOCK_LIMIT: u32 = 16 * 1024 * 1024 + 64 * 1024;

/// Whether a file that begins with these bytes is a pcapng file.
pub(super) fn is_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(&SECTION.to_le_bytes())
}

/// Byte order of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// From the byte-order magic of a section header.
    fn of_magic(bytes: [u8; 4]) -> Option<Self> {
        match bytes {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn half(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// The word at byte `at`; `None` beyond the end.
    #[inline(always)]
    pub(super) fn word_at(self, bytes: &[u8], at: usize) -> Option<u32> {
        Some(self.word(*bytes.get(at..)?.first_chunk()?))
    }

    /// The 16-bit number at byte `at`; `None` beyond the end.
    pub(super) fn half_at(self, bytes: &[u8], at: usize) -> Option<u16> {
        Some(self.half(*bytes.get(at..)?.first_chunk()?))
    }

    /// The 64-bit number at byte `at`; `None` beyond the end.
    pub(super) fn long_at(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        })
    }
}

/// The state of a pcapng file between two blocks.
#[derive(Clone, Debug)]
pub(super) struct Pcapng {
    order: ByteOrder,
    /// Index in `table` of the section's first interface.
    section_start: usize,
    pub(super) table: InterfaceTable,
    input: u32,
    /// Frames handed out.
    pub(super) frames: u64,
    pub(super) sections: u64,
    /// What made the walk stop.
    pub(super) damage: Option<Damage>,
}

/// What a block that is no Enhanced Packet Block turned out to be.
enum Other {
    /// A packet: interface in the file, time, original length, and where its bytes begin and end.
    Packet(usize, Timestamp, u32, usize, usize),
    /// Nothing to hand out.
    Skipped,
}

impl Pcapng {
    /// Before the first section header, which sets the byte order.
    pub(super) fn new(input: u32) -> Self {
        Self {
            order: ByteOrder::Little,
            section_start: 0,
            table: InterfaceTable::default(),
            input,
            frames: 0,
            sections: 0,
            damage: None,
        }
    }

    /// What the unread bytes begin with.
    pub(super) fn head(&self, unread: &[u8]) -> FileStart {
        let Some(head) = unread.first_chunk::<BLOCK_OVERHEAD>() else { return FileStart::Needs(BLOCK_OVERHEAD) };
        let Some(order) = self.order_of(head) else {
            return FileStart::Damaged("a section header has no byte-order magic".to_owned());
        };
        let [_, _, _, _, l0, l1, l2, l3, ..] = *head;
        let length = order.word([l0, l1, l2, l3]);
        if length > BLOCK_LIMIT {
            return FileStart::Damaged(format!(
                "a block claims {length} bytes, more than the {BLOCK_LIMIT} that are believed"
            ));
        }
        if (length as usize) < BLOCK_OVERHEAD || !length.is_multiple_of(4) {
            return FileStart::Damaged(format!("a block claims {length} bytes; the least is 12, in steps of 4"));
        }
        if unread.len() < length as usize { FileStart::Needs(length as usize) } else { FileStart::Whole }
    }

    /// Where a file that ends too early ends.
    pub(super) fn cut(&self, unread: &[u8]) -> String {
        let there = unread.len();
        let length = unread
            .first_chunk::<BLOCK_OVERHEAD>()
            .and_then(|head| self.order_of(head).and_then(|order| order.word_at(head, 4)));
        match length {
            Some(length) => format!("the file ends inside a block: {there} of {length} bytes are there"),
            None => format!("the file ends inside a block's header: {there} of {BLOCK_OVERHEAD} bytes are there"),
        }
    }

    /// Byte order of the block that begins so: the section's, or its own if it opens a section.
    fn order_of(&self, head: &[u8; BLOCK_OVERHEAD]) -> Option<ByteOrder> {
        let [t0, t1, t2, t3, _, _, _, _, m0, m1, m2, m3] = *head;
        if u32::from_le_bytes([t0, t1, t2, t3]) == SECTION {
            ByteOrder::of_magic([m0, m1, m2, m3])
        } else {
            Some(self.order)
        }
    }

    /// Takes in a whole block that is not a sound Enhanced Packet Block; the error says what is wrong.
    fn other_block(&mut self, block: &[u8]) -> Result<Other, String> {
        let Some(head) = block.first_chunk::<BLOCK_OVERHEAD>() else { return Err("a block is too short".to_owned()) };
        let order = self.order_of(head).unwrap_or(self.order);
        let first = order.word_at(head, 4).unwrap_or(0);
        let last = order.word_at(block, block.len() - 4).unwrap_or(0);
        if first != last {
            return Err(format!("a block's length is {first} in front and {last} behind"));
        }
        // The trailing length is no part of what a block says.
        let block = block.get(..block.len() - 4).unwrap_or_default();
        match order.word_at(head, 0).unwrap_or(0) {
            SECTION => self.section(order, block).map(|()| Other::Skipped),
            INTERFACE => self.table.describe(order, block).map(|()| Other::Skipped),
            STATISTICS => self.statistics(block).map(|()| Other::Skipped),
            ENHANCED_PACKET => self.enhanced_packet(block),
            SIMPLE_PACKET => self.simple_packet(block),
            PACKET => self.obsolete_packet(block),
            // Names, secrets, journals, custom and unknown blocks hold no packet.
            _ => Ok(Other::Skipped),
        }
    }

    fn section(&mut self, order: ByteOrder, block: &[u8]) -> Result<(), String> {
        let (Some(major), Some(minor)) = (order.half_at(block, 12), order.half_at(block, 14)) else {
            return Err(too_short("section header", block));
        };
        if major != 1 {
            return Err(format!("pcapng version {major}.{minor} is unknown"));
        }
        self.order = order;
        self.section_start = self.table.len();
        self.sections += 1;
        Ok(())
    }

    /// The interface that the section calls `number`, and its place in the file's table.
    fn interface(&self, number: u32) -> Result<(usize, Interface), String> {
        let index = self.section_start.saturating_add(number as usize);
        match self.table.get(index) {
            Some(interface) => Ok((index, *interface)),
            None => {
                let known = self.table.len() - self.section_start;
                Err(format!("a block names interface {number}, but its section describes {known}"))
            }
        }
    }

    fn statistics(&mut self, block: &[u8]) -> Result<(), String> {
        let Some(number) = self.order.word_at(block, 8) else { return Err(too_short("statistics", block)) };
        let (index, _) = self.interface(number)?;
        self.table.count(index, self.order, block);
        Ok(())
    }

    fn enhanced_packet(&self, block: &[u8]) -> Result<Other, String> {
        let word = |at| self.order.word_at(block, at).ok_or_else(|| too_short("packet", block));
        let (index, interface) = self.interface(word(8)?)?;
        let ticks = u64::from(word(12)?) << 32 | u64::from(word(16)?);
        let (captured, original) = (word(20)?, word(24)?);
        let end = packet_end(block, EPB_HEADER, captured, interface.link)?;
        Ok(Other::Packet(index, interface.clock.time(ticks), original, EPB_HEADER, end))
    }

    fn simple_packet(&self, block: &[u8]) -> Result<Other, String> {
        const HEADER: usize = 12;
        let Some(original) = self.order.word_at(block, 8) else { return Err(too_short("simple packet", block)) };
        let (index, interface) = self.interface(0)?;
        // It does not say how much was captured: up to the snap length.
        let captured = if interface.snap_len == 0 { original } else { original.min(interface.snap_len) };
        let end = packet_end(block, HEADER, captured, interface.link)?;
        Ok(Other::Packet(index, Timestamp::UNKNOWN, original, HEADER, end))
    }

    fn obsolete_packet(&mut self, block: &[u8]) -> Result<Other, String> {
        let half = |at| self.order.half_at(block, at).ok_or_else(|| too_short("packet", block));
        let word = |at| self.order.word_at(block, at).ok_or_else(|| too_short("packet", block));
        let (index, interface) = self.interface(u32::from(half(8)?))?;
        let drops = half(10)?;
        let ticks = u64::from(word(12)?) << 32 | u64::from(word(16)?);
        let (captured, original) = (word(20)?, word(24)?);
        let end = packet_end(block, EPB_HEADER, captured, interface.link)?;
        // 0xffff: not known.
        if drops != u16::MAX {
            self.table.lose(index, u64::from(drops));
        }
        Ok(Other::Packet(index, interface.clock.time(ticks), original, EPB_HEADER, end))
    }

    /// Takes in the block at the head of the unread bytes if it is whole, sound, and no packet; gives its length.
    pub(super) fn take_prelude(&mut self, unread: &[u8]) -> Option<usize> {
        let order = self.order_of(unread.first_chunk()?)?;
        if [PACKET, SIMPLE_PACKET, ENHANCED_PACKET].contains(&order.word_at(unread, 0)?) {
            return None;
        }
        let length = order.word_at(unread, 4)? as usize;
        self.other_block(unread.get(..length)?).ok()?;
        Some(length)
    }

    /// What a packet's meaning depends on: it changes with each section and each interface.
    pub(super) fn tables(&self) -> (u64, usize) {
        (self.sections, self.table.len())
    }

    /// Whether these bytes could be a block: only a guess, for cutting a file into spans.
    pub(super) fn guess(&self, bytes: &[u8]) -> Guess {
        /// Longer blocks occur, but random bytes that look like them occur more often.
        const LONGEST: usize = 512 * 1024;
        match self.head(bytes) {
            FileStart::Damaged(_) => return Guess::No,
            FileStart::Needs(length) if length > LONGEST => return Guess::No,
            FileStart::Needs(_) => return Guess::Unknown,
            FileStart::Whole => {}
        }
        let kind = self.order.word_at(bytes, 0);
        let length = self.order.word_at(bytes, 4).unwrap_or(0);
        let length_behind = self.order.word_at(bytes, (length as usize).saturating_sub(4));
        // A part of a file that begins with a frame without a time could not tell when it was sent.
        if matches!(kind, Some(0 | SIMPLE_PACKET)) || length_behind != Some(length) {
            return Guess::No;
        }
        if kind == Some(ENHANCED_PACKET) && self.quick_packet(bytes, self.order).is_none() {
            return Guess::No;
        }
        Guess::Length(length as usize, false)
    }

    /// The short way: a whole, sound Enhanced Packet Block; its length and its frame. Anything else
    /// is `None`, and for [`Pcapng::other_block`] to name. The byte order is given so that the loop
    /// is compiled for the usual one (measured: half the instructions).
    #[inline(always)]
    fn quick_packet<'a>(&self, rest: &'a [u8], order: ByteOrder) -> Option<(usize, Frame<'a>)> {
        let (head, _) = rest.split_first_chunk::<EPB_HEADER>()?;
        let (words, _) = head.as_chunks::<4>();
        let [kind, length, number, high, low, captured, original_len] = *words.first_chunk::<7>()?;
        let length = order.word(length);
        let block = rest.get(..length as usize)?;
        let (body, behind) = block.split_last_chunk::<4>()?;
        // One branch for three checks that never fail.
        if (order.word(kind) ^ ENHANCED_PACKET) | (order.word(*behind) ^ length) | (length & 3) != 0 {
            return None;
        }
        let index = self.section_start.wrapping_add(order.word(number) as usize);
        let interface = self.table.get(index)?;
        let captured = order.word(captured);
        if captured > interface.limit {
            return None;
        }
        let data = body.get(EPB_HEADER..EPB_HEADER + captured as usize)?;
        let ticks = u64::from(order.word(high)) << 32 | u64::from(order.word(low));
        let frame = Frame {
            id: FrameId::new(self.input, self.frames + 1),
            time: interface.clock.time(ticks),
            link: interface.link,
            interface: index as u32,
            original_len: order.word(original_len),
            data,
        };
        Some((length as usize, frame))
    }
}

fn too_short(what: &str, block: &[u8]) -> String {
    format!("a {what} block of {} bytes is too short for what it must hold", block.len() + 4)
}

/// Where the packet's bytes end in its block (which is given without its trailing length).
fn packet_end(block: &[u8], header: usize, captured: u32, link: LinkType) -> Result<usize, String> {
    let limit = packet_limit(link);
    if captured > limit {
        return Err(format!(
            "a packet block claims {captured} captured bytes, more than the {limit} that a packet can have"
        ));
    }
    let end = header + captured as usize;
    if end > block.len() {
        return Err(format!("a packet block of {} bytes claims {captured} captured bytes", block.len() + 4));
    }
    Ok(end)
}

/// The options of an Enhanced Packet Block, given whole, behind so many bytes of packet.
fn options_of(block: &[u8], captured: usize) -> &[u8] {
    let end = block.len().saturating_sub(4);
    block.get(EPB_HEADER + captured.next_multiple_of(4)..end).unwrap_or_default()
}

/// The frames of one block of a pcapng file.
pub struct PcapngFrames<'a> {
    bytes: &'a [u8],
    start: &'a mut usize,
    /// Offset in the capture of `bytes[0]`.
    base: u64,
    pcapng: &'a mut Pcapng,
}

impl<'a> PcapngFrames<'a> {
    pub(super) fn new((bytes, start): (&'a [u8], &'a mut usize), base: u64, pcapng: &'a mut Pcapng) -> Self {
        Self { bytes, start, base, pcapng }
    }

    /// Hands out the frame of a sound Enhanced Packet Block.
    #[inline(always)]
    fn take(&mut self, rest: &[u8], length: usize, frame: Frame<'a>) -> Frame<'a> {
        *self.start += length;
        prefetch(self.bytes, *self.start + AHEAD);
        self.pcapng.frames += 1;
        // Nearly no block has options: then at most three bytes of padding stand before its trailing length.
        if length >= EPB_HEADER + frame.data.len() + 8 {
            let options = options_of(rest.get(..length).unwrap_or_default(), frame.data.len());
            self.pcapng.table.count_lost(frame.interface as usize, self.pcapng.order, options);
        }
        frame
    }

    /// Everything but a sound Enhanced Packet Block: other packets, the section's tables, damage.
    #[cold]
    #[inline(never)]
    fn next_other(&mut self) -> Option<Frame<'a>> {
        loop {
            let rest = self.bytes.get(*self.start..)?;
            if let Some((length, frame)) = self.pcapng.quick_packet(rest, self.pcapng.order) {
                return Some(self.take(rest, length, frame));
            }
            // Whether the block is all there, and what is wrong if not, is for the reader to say.
            let FileStart::Whole = self.pcapng.head(rest) else { return None };
            let order = self.pcapng.order_of(rest.first_chunk()?)?;
            let length = order.word_at(rest, 4)? as usize;
            let block = rest.get(..length)?;
            match self.pcapng.other_block(block) {
                Ok(Other::Skipped) => *self.start += length,
                Ok(Other::Packet(index, time, original_len, from, to)) => {
                    let link = self.pcapng.table.get(index)?.link;
                    *self.start += length;
                    self.pcapng.frames += 1;
                    let id = FrameId::new(self.pcapng.input, self.pcapng.frames);
                    let data = block.get(from..to)?;
                    return Some(Frame { id, time, link, interface: index as u32, original_len, data });
                }
                Err(reason) => {
                    let offset = self.base.saturating_add(*self.start as u64);
                    self.pcapng.damage = Some(Damage { offset, reason });
                    return None;
                }
            }
        }
    }
}

impl<'a> Iterator for PcapngFrames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let rest = self.bytes.get(*self.start..)?;
        if self.pcapng.order == ByteOrder::Little
            && let Some((length, frame)) = self.pcapng.quick_packet(rest, ByteOrder::Little)
        {
            return Some(self.take(rest, length, frame));
        }
        self.next_other()
    }
}
