//! What states hold of times, frames and what was said of a capture.

use super::interface::{InterfaceSummary, Outages};
use super::reader::CaptureSummary;
use super::{Damage, FrameId, LinkType, Moment, Timestamp};
use crate::state::{Broken, Load, Stored, store_list, stored};

/// Longest text that a capture leaves: a format, the name of an interface, why it is damaged.
const TEXT: usize = 4096;

/// As [`Timestamp::raw`].
impl Stored for Timestamp {
    #[inline]
    fn store(&self, to: &mut Vec<u8>) {
        self.raw().store(to);
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        from.get().map(Self::from_raw)
    }
}

/// The number of the frame, or 0 where there is none, and then no time; the input is the section's.
impl Stored for Moment {
    #[inline]
    fn store(&self, to: &mut Vec<u8>) {
        if self.is_some() {
            self.frame.number().store(to);
            self.time.store(to);
        } else {
            to.push(0);
        }
    }

    #[inline]
    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let number: u64 = from.get()?;
        if number == 0 {
            return Ok(Self::NEVER);
        }
        from.expect(number >> FrameId::NUMBER_BITS == 0, "a frame's number is too large")?;
        Ok(Self { frame: FrameId::new(from.input, number), time: from.get()? })
    }
}

stored!(LinkType(number));

impl Stored for Damage {
    fn store(&self, to: &mut Vec<u8>) {
        self.offset.store(to);
        store_list(self.reason.as_bytes().iter(), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(Self { offset: from.get()?, reason: from.text(TEXT, "a reason is too long")? })
    }
}

impl Stored for Outages {
    fn store(&self, to: &mut Vec<u8>) {
        self.number.store(to);
        store_list(self.times.iter(), to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        Ok(Self { number: from.get()?, times: from.list(Self::MOST_KEPT, "there are too many outages")? })
    }
}

impl Stored for InterfaceSummary {
    fn store(&self, to: &mut Vec<u8>) {
        store_list(self.name.as_bytes().iter(), to);
        self.link.store(to);
        self.snap_len.store(to);
        (self.received, self.dropped, self.os_dropped).store(to);
        self.lost.store(to);
        self.outages.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let name = from.text(TEXT, "an interface's name is too long")?;
        let (link, snap_len) = from.get()?;
        let (received, dropped, os_dropped) = from.get()?;
        let (lost, outages) = from.get()?;
        Ok(Self { name, link, snap_len, received, dropped, os_dropped, lost, outages })
    }
}

impl Stored for CaptureSummary {
    fn store(&self, to: &mut Vec<u8>) {
        store_list(self.format.as_bytes().iter(), to);
        (self.bytes_read, self.frames).store(to);
        self.damage.store(to);
        store_list(self.link_types.iter(), to);
        store_list(self.interfaces.iter(), to);
        self.fcs_len.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let format = from.text(TEXT, "a format's name is too long")?;
        let is_word = format.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+');
        from.expect(is_word, "a format's name is none")?;
        let (bytes_read, frames) = from.get()?;
        let damage = from.get()?;
        let link_types = from.list(1 << 16, "there are too many link types")?;
        let interfaces = from.list(1 << 18, "there are too many interfaces")?;
        Ok(Self { format, bytes_read, frames, damage, link_types, interfaces, fcs_len: from.get()? })
    }
}
