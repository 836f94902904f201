//! Classic pcap: micro- and nanoseconds, both byte orders, the modified variant, old versions.
//!
//! The format: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>.

use super::frame::{Frame, FrameId, LinkType, Timestamp};
use super::interface::InterfaceSummary;
use super::prefetch::{AHEAD, prefetch};

/// Length of the file header in bytes.
pub(super) const FILE_HEADER: usize = 24;

/// Link types whose packets may be longer than [`USUAL_LIMIT`]: D-Bus, USBPcap, EBHSCR.
const LONG_LINK_TYPES: [u16; 3] = [231, 249, 279];
/// The longest packet that tcpdump and Wireshark write or believe, in bytes.
const USUAL_LIMIT: u32 = 262_144;
/// The longest packet believed of [`LONG_LINK_TYPES`], in bytes.
const LONG_LIMIT: u32 = 16 * 1024 * 1024;

/// The longest captured packet that is believed for a link type, in bytes.
pub(super) fn packet_limit(link: LinkType) -> u32 {
    if LONG_LINK_TYPES.contains(&link.0) { LONG_LIMIT } else { USUAL_LIMIT }
}

/// What the magic number says: `(bytes in the file's order, swapped, nanoseconds, record header)`.
const MAGICS: [([u8; 4], bool, bool, usize); 6] = [
    ([0xd4, 0xc3, 0xb2, 0xa1], false, false, 16),
    ([0xa1, 0xb2, 0xc3, 0xd4], true, false, 16),
    ([0x4d, 0x3c, 0xb2, 0xa1], false, true, 16),
    ([0xa1, 0xb2, 0x3c, 0x4d], true, true, 16),
    // Alexey Kuznetzov's variant: interface index, protocol and packet type in each record.
    ([0x34, 0xcd, 0xb2, 0xa1], false, false, 24),
    ([0xa1, 0xb2, 0xcd, 0x34], true, false, 24),
];

/// Whether a file that begins with these bytes is a pcap file.
pub(super) fn is_magic(bytes: &[u8]) -> bool {
    MAGICS.iter().any(|(magic, ..)| bytes.starts_with(magic))
}

/// Order of the two lengths of a record header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lengths {
    /// Captured, then original.
    CapturedFirst,
    /// Original, then captured: versions below 2.3, and 543 (an old DG/UX tcpdump).
    OriginalFirst,
    /// Version 2.3: either; the smaller one is the captured length.
    SmallerIsCaptured,
}

/// What the file header says, and what has been counted so far.
#[derive(Clone, Debug)]
pub(super) struct Pcap {
    /// The file is big-endian.
    swapped: bool,
    /// Little-endian, lengths in order, 16-byte record headers: what nearly all files are.
    plain: bool,
    lengths: Lengths,
    record_header: usize,
    /// Nanoseconds for one unit of the fraction field.
    fraction_nanos: u32,
    limit: u32,
    link: LinkType,
    input: u32,
    snap_len: u32,
    /// Bytes of frame check sequence at the end of each frame, where the header says so.
    pub(super) fcs_len: Option<u8>,
    /// Frames handed out.
    pub(super) frames: u64,
}

/// What stands at the head of the unread bytes.
pub(super) enum FileStart {
    /// A whole record or block.
    Whole,
    /// Not yet: this many bytes are needed.
    Needs(usize),
    /// Nothing that can be read, and why.
    Damaged(String),
}

/// Whether bytes somewhere in a file look like a record or block.
pub(super) enum Guess {
    No,
    /// Too few bytes to say.
    Unknown,
    /// They do, of so many bytes; it would be an odd one if true.
    Length(usize, bool),
}

impl Pcap {
    /// Reads a file header whose magic number is known.
    ///
    /// The error is the offset in the header and what is wrong there.
    pub(super) fn new(header: &[u8; FILE_HEADER], input: u32) -> Result<Self, (u64, String)> {
        let Some(&(_, swapped, nanos, record_header)) = MAGICS.iter().find(|(magic, ..)| header.starts_with(magic))
        else {
            return Err((0, "the magic number of the pcap file header is unknown".to_owned()));
        };
        let [_, version, _, _, snap_len, network] = words::<6>(header, swapped);
        // The version is two 16-bit numbers; read as one word, their place depends on the byte order.
        let (major, minor) =
            if swapped { (version >> 16, version & 0xffff) } else { (version & 0xffff, version >> 16) };
        let lengths = match (major, minor) {
            (0 | 1, _) => return Err((4, format!("pcap version {major}.{minor} is unknown"))),
            (2, 0..=2) | (543, _) => Lengths::OriginalFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        if network & 0x03ff_0000 != 0 {
            let reason = format!("reserved bits of the link-type field are set ({network:#010x}), so it means nothing");
            return Err((20, reason));
        }
        let link = LinkType((network & 0xffff) as u16);
        let has_fcs = network & 0x0400_0000 != 0;
        Ok(Self {
            swapped,
            plain: !swapped && lengths == Lengths::CapturedFirst && record_header == 16,
            lengths,
            record_header,
            fraction_nanos: if nanos { 1 } else { 1_000 },
            limit: packet_limit(link),
            link,
            input,
            snap_len,
            // In units of 16 bits.
            fcs_len: has_fcs.then(|| ((network >> 28) * 2) as u8),
            frames: 0,
        })
    }

    /// The file's only interface.
    pub(super) fn summary(&self) -> InterfaceSummary {
        InterfaceSummary { link: self.link, snap_len: self.snap_len, ..InterfaceSummary::default() }
    }

    /// What the unread bytes begin with.
    pub(super) fn head(&self, unread: &[u8]) -> FileStart {
        let Some((header, _)) = unread.split_first_chunk::<16>() else { return FileStart::Needs(self.record_header) };
        let (_, _, captured, _) = self.fields(header);
        if captured > self.limit {
            return FileStart::Damaged(format!(
                "a record claims {captured} captured bytes, more than the {} that a packet can have",
                self.limit
            ));
        }
        let whole = self.record_header + captured as usize;
        if unread.len() < whole { FileStart::Needs(whole) } else { FileStart::Whole }
    }

    /// Where a file that ends too early ends.
    pub(super) fn cut(&self, unread: &[u8]) -> String {
        let there = unread.len();
        match unread.split_first_chunk::<16>() {
            Some((header, _)) if there >= self.record_header => format!(
                "the file ends inside a record: {} of {} bytes are there",
                there - self.record_header,
                self.fields(header).2
            ),
            _ => format!("the file ends inside a record's header: {there} of {} bytes are there", self.record_header),
        }
    }

    /// Whether these bytes could be a record: only a guess, for cutting a file into spans.
    pub(super) fn guess(&self, bytes: &[u8]) -> Guess {
        let Some((header, _)) = bytes.split_first_chunk::<16>() else { return Guess::Unknown };
        let (_, fraction, captured, original) = self.fields(header);
        let too_large = u64::from(fraction) * u64::from(self.fraction_nanos) >= 1_000_000_000 || captured > self.limit;
        // Empty records occur, but runs of zeros that look like them occur more often.
        if too_large || captured == 0 || captured > original {
            return Guess::No;
        }
        let frame = bytes.get(self.record_header..).unwrap_or_default();
        if self.link == LinkType::ETHERNET && captured >= 18 && frame.len() < 18 {
            return Guess::Unknown;
        }
        let odd = self.link == LinkType::ETHERNET && !is_usual_ethernet(frame, original);
        Guess::Length(self.record_header + captured as usize, odd)
    }

    /// Seconds, fraction, captured and original length.
    #[inline(always)]
    fn fields(&self, header: &[u8; 16]) -> (u32, u32, u32, u32) {
        if self.plain {
            let [seconds, fraction, captured, original] = words::<4>(header, false);
            return (seconds, fraction, captured, original);
        }
        self.odd_fields(header)
    }

    #[cold]
    fn odd_fields(&self, header: &[u8; 16]) -> (u32, u32, u32, u32) {
        let [seconds, fraction, first, second] = words::<4>(header, self.swapped);
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        (seconds, fraction, captured, original)
    }
}

/// Whether EtherType and IPv4 length fit a frame of this length.
fn is_usual_ethernet(frame: &[u8], original: u32) -> bool {
    let number_at = |at: usize| frame.get(at..).and_then(|rest| rest.first_chunk()).map(|two| u16::from_be_bytes(*two));
    let fits = |length: u16| u32::from(length) + 14 <= original;
    match number_at(12) {
        Some(0x0800) => number_at(16).is_some_and(fits),
        // A length, of IEEE 802.3.
        Some(length @ 3..=1500) => fits(length),
        // ARP, VLAN tags, IPv6, MPLS, PPPoE, EAPOL, LLDP and their kin.
        Some(0x0806 | 0x8100 | 0x86dd | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x888e..=0x88f7) => true,
        _ => false,
    }
}

/// The first `N` 32-bit words.
#[inline(always)]
fn words<const N: usize>(bytes: &[u8], swapped: bool) -> [u32; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = if swapped { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
    }
    words
}

/// The frames of one block of a pcap file.
pub struct PcapFrames<'a> {
    bytes: &'a [u8],
    start: &'a mut usize,
    pcap: &'a mut Pcap,
}

impl<'a> PcapFrames<'a> {
    pub(super) fn new((bytes, start): (&'a [u8], &'a mut usize), pcap: &'a mut Pcap) -> Self {
        Self { bytes, start, pcap }
    }
}

impl<'a> Iterator for PcapFrames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let rest = self.bytes.get(*self.start..)?;
        let (header, body) = rest.split_first_chunk::<16>()?;
        let pcap = &mut *self.pcap;
        let (seconds, fraction, captured, original_len) = pcap.fields(header);
        if captured > pcap.limit {
            return None;
        }
        let extra = pcap.record_header - 16;
        let end = extra + captured as usize;
        let data = body.get(extra..end)?;
        *self.start += 16 + end;
        prefetch(self.bytes, *self.start + AHEAD);
        pcap.frames += 1;
        // An out-of-range fraction is kept as what it says: so much after the second. No overflow:
        // 2^32 seconds and 2^32 microseconds are below 2^63 nanoseconds.
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(pcap.fraction_nanos);
        Some(Frame {
            id: FrameId::new(pcap.input, pcap.frames),
            time: Timestamp::from_nanos(nanos),
            link: pcap.link,
            interface: 0,
            original_len,
            data,
        })
    }
}
