//! What states hold of times, frames and what was said of a capture.

use super::interface::{InterfaceSummary, Outages};
use super::reader::CaptureSummary;
use super::{Damage, FrameId, LinkType, Moment, Timestamp};
use crate::state::{Broken, Load, Stored, stored};

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

stored!(Damage { offset, reason: text(TEXT, "a reason is too long") });

stored!(Outages { number, times: list(Self::MOST_KEPT, "there are too many outages") });

stored!(InterfaceSummary {
    name: text(TEXT, "an interface's name is too long"),
    link,
    snap_len,
    received,
    dropped,
    os_dropped,
    lost,
    outages,
    // Filters stand behind the input, where there are any.
    ; ..Self::default()
});

stored!(CaptureSummary {
    format: text(TEXT, "a format's name is too long"),
    bytes_read,
    frames,
    damage,
    link_types: list(1 << 16, "there are too many link types"),
    interfaces: list(1 << 18, "there are too many interfaces"),
    fcs_len,
} where |summary| summary.format.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'+') => "a format's name is none");
