//! Writes pcapng: evidence, what the live view records, sample captures.
//!
//! One little-endian section, times in nanoseconds. What it writes, the reader beside it and
//! Wireshark read back.

use std::io::{self, Write};
use std::net::IpAddr;

use super::frame::{LinkType, Timestamp};
use super::interface::{IF_NAME, IF_TSRESOL, ISB_IFDROP, ISB_IFRECV, ISB_OSDROP};
use super::pcapng::{ENHANCED_PACKET, INTERFACE, SECTION, STATISTICS};

const NAMES: u32 = 4;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const NRB_IPV4: u16 = 1;
const NRB_IPV6: u16 = 2;

/// Bytes of names that go into one block; more go into further ones.
const NAMES_IN_BLOCK: usize = 60_000;

/// Packets counted by whoever captured: for an Interface Statistics Block.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CaptureCounts {
    /// Packets received on the interface.
    pub received: Option<u64>,
    /// Packets dropped for want of resources.
    pub dropped: Option<u64>,
    /// Packets dropped by the operating system.
    pub os_dropped: Option<u64>,
}

impl CaptureCounts {
    /// What was counted since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let since = |now: Option<u64>, earlier: Option<u64>| Some(now?.saturating_sub(earlier.unwrap_or(0)));
        Self {
            received: since(self.received, earlier.received),
            dropped: since(self.dropped, earlier.dropped),
            os_dropped: since(self.os_dropped, earlier.os_dropped),
        }
    }
}

/// Writes one pcapng section. Give it a buffered writer; call [`PcapngWriter::finish`] at the end.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    interfaces: u32,
    bytes: u64,
    /// The block that is being put together, kept for its memory.
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Begins a file: who wrote it, and a comment on the whole of it.
    ///
    /// # Errors
    /// When writing fails.
    pub fn new(out: W, application: &str, comment: Option<&str>) -> io::Result<Self> {
        let mut writer = Self { out, interfaces: 0, bytes: 0, block: Vec::new() };
        writer.begin(SECTION);
        writer.word(0x1a2b_3c4d);
        writer.half(1);
        writer.half(0);
        // The section's length is not known.
        writer.block.extend([0xff; 8]);
        if let Some(comment) = comment {
            writer.text(OPT_COMMENT, comment);
        }
        writer.text(SHB_USERAPPL, application);
        writer.end_of_options();
        writer.end()?;
        Ok(writer)
    }

    /// Describes an interface; its number is what [`PcapngWriter::packet`] asks for. `snap_len` is in
    /// bytes, 0 for no limit. An empty name is left out.
    ///
    /// # Errors
    /// When writing fails.
    pub fn interface(&mut self, name: &str, link: LinkType, snap_len: u32) -> io::Result<u32> {
        self.begin(INTERFACE);
        self.half(link.0);
        self.half(0);
        self.word(snap_len);
        if !name.is_empty() {
            self.text(IF_NAME, name);
        }
        self.option(IF_TSRESOL, &[9]);
        self.end_of_options();
        self.end()?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Writes one packet, with any number of comments on it. A time that is not known, or before
    /// 1970, is written as 0: an Enhanced Packet Block cannot say it.
    ///
    /// # Errors
    /// When writing fails, or the interface was not described.
    pub fn packet(
        &mut self,
        interface: u32,
        time: Timestamp,
        original_len: u32,
        data: &[u8],
        comments: &[&str],
    ) -> io::Result<()> {
        self.check(interface)?;
        let captured = u32::try_from(data.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.begin(ENHANCED_PACKET);
        self.word(interface);
        self.time(time);
        self.word(captured);
        self.word(original_len);
        self.block.extend_from_slice(data);
        self.pad();
        if !comments.is_empty() {
            for comment in comments {
                self.text(OPT_COMMENT, comment);
            }
            self.end_of_options();
        }
        self.end()
    }

    /// Says what addresses are called.
    ///
    /// # Errors
    /// When writing fails.
    pub fn names<'n>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'n str)>) -> io::Result<()> {
        let mut names = names.into_iter().peekable();
        while names.peek().is_some() {
            self.begin(NAMES);
            while self.block.len() < NAMES_IN_BLOCK {
                let Some((address, name)) = names.next() else { break };
                // Names end with a NUL, so they hold none.
                let name = shortened(name.split('\0').next().unwrap_or_default());
                let (kind, mut value) = match address {
                    IpAddr::V4(address) => (NRB_IPV4, address.octets().to_vec()),
                    IpAddr::V6(address) => (NRB_IPV6, address.octets().to_vec()),
                };
                value.extend(name.bytes().chain([0]));
                self.option(kind, &value);
            }
            self.end_of_options();
            self.end()?;
        }
        Ok(())
    }

    /// Says how many packets an interface received and dropped up to `time`.
    ///
    /// # Errors
    /// When writing fails, or the interface was not described.
    pub fn statistics(&mut self, interface: u32, time: Timestamp, counts: &CaptureCounts) -> io::Result<()> {
        self.check(interface)?;
        self.begin(STATISTICS);
        self.word(interface);
        self.time(time);
        let counts = [(ISB_IFRECV, counts.received), (ISB_IFDROP, counts.dropped), (ISB_OSDROP, counts.os_dropped)];
        for (code, count) in counts {
            if let Some(count) = count {
                self.option(code, &count.to_le_bytes());
            }
        }
        self.end_of_options();
        self.end()
    }

    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.bytes
    }

    /// Brings what is buffered to its place, as a live capture does now and then.
    ///
    /// # Errors
    /// When writing fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Flushes, and gives the writer back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn check(&self, interface: u32) -> io::Result<()> {
        if interface < self.interfaces {
            return Ok(());
        }
        let message = format!("interface {interface} was not described, {} were", self.interfaces);
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.word(kind);
        // The length, when it is known.
        self.word(0);
    }

    fn end(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.block.len() + 4).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.word(length);
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.out.write_all(&self.block)?;
        self.bytes += u64::from(length);
        Ok(())
    }

    fn word(&mut self, value: u32) {
        self.block.extend(value.to_le_bytes());
    }

    fn half(&mut self, value: u16) {
        self.block.extend(value.to_le_bytes());
    }

    /// The upper half first, in any byte order.
    fn time(&mut self, time: Timestamp) {
        let nanos = time.nanos().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
        self.word((nanos >> 32) as u32);
        self.word(nanos as u32);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let length = value.len().min(usize::from(u16::MAX));
        self.half(code);
        self.half(length as u16);
        self.block.extend_from_slice(value.get(..length).unwrap_or_default());
        self.pad();
    }

    fn text(&mut self, code: u16, text: &str) {
        self.option(code, shortened(text).as_bytes());
    }

    fn end_of_options(&mut self) {
        self.word(0);
    }
}

/// As much of a text as an option can hold, with room for what stands beside it.
fn shortened(text: &str) -> &str {
    const LONGEST: usize = 65_000;
    // A character has at most 4 bytes, so one of these is a boundary.
    (LONGEST - 3..=LONGEST).rev().find_map(|end| text.get(..end)).unwrap_or(text)
}
