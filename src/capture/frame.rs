//! A captured frame and what identifies it.

use std::fmt;

/// Nanoseconds since the Unix epoch, UTC, or [`Timestamp::UNKNOWN`].
///
/// Times that do not fit (before 1677 or after 2262) are held at the nearest that does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A frame without a time: pcapng Simple Packet Blocks carry none. Sorts before every known time.
    pub const UNKNOWN: Self = Self(i64::MIN);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(if nanos == i64::MIN { i64::MIN + 1 } else { nanos })
    }

    /// Nanoseconds since the epoch, or `None` where the capture says no time.
    pub const fn nanos(self) -> Option<i64> {
        if self.0 == i64::MIN { None } else { Some(self.0) }
    }

    /// The earlier of two times, of which either may be unknown.
    #[inline]
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        match (self, other) {
            (Self::UNKNOWN, known) | (known, Self::UNKNOWN) => known,
            (a, b) => a.min(b),
        }
    }

    /// The raw ordering key: `i64::MIN` for unknown.
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// Back from [`Timestamp::raw`].
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }
}

/// RFC 3339 in UTC with nanoseconds, or cut to as many digits as the precision says (`{:.3}` for people); nothing for an
/// unknown time.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(nanos) = self.nanos() else { return Ok(()) };
        let (year, month, day) = civil_from_days(nanos.div_euclid(86_400_000_000_000));
        let rest = nanos.rem_euclid(86_400_000_000_000);
        let seconds = rest / 1_000_000_000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match f.precision().unwrap_or(9) {
            0 => f.write_str("Z"),
            digits @ 1..9 => {
                let fraction = rest % 1_000_000_000 / 10_i64.pow(9 - digits as u32);
                write!(f, ".{fraction:0digits$}Z")
            }
            _ => write!(f, ".{:09}Z", rest % 1_000_000_000),
        }
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's algorithm).
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * mp + 2) / 5 + 1) as u32;
    let month = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Which frame of which input: the input's index in the run and the frame's number in it,
/// counted from 1 as Wireshark's `frame.number`. Orders by input, then position in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FrameId(u64);

impl FrameId {
    pub(super) const NUMBER_BITS: u32 = 40;

    /// No frame: sorts after every frame.
    pub const NONE: Self = Self(u64::MAX);

    /// The frame `number` (from 1) of input `input`.
    pub const fn new(input: u32, number: u64) -> Self {
        Self(((input as u64) << Self::NUMBER_BITS) | number)
    }

    /// Index of the input.
    pub const fn input(self) -> u32 {
        (self.0 >> Self::NUMBER_BITS) as u32
    }

    /// Number of the frame in its input, from 1.
    pub const fn number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }

    /// Whether this names a frame at all.
    pub const fn is_some(self) -> bool {
        self.0 != u64::MAX
    }
}

/// When a frame was sent, as far as order goes: by its effective time, then input, then position.
///
/// The effective time is the written one, but where a clock was set back or a time is wrong (docs/relations.md). A frame
/// without a time takes that of the frame before it, and is [`Timestamp::UNKNOWN`] while there was none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment {
    /// Effective time.
    pub time: Timestamp,
    /// The frame.
    pub frame: FrameId,
}

impl Moment {
    /// Later than every frame: of nothing that was sent.
    pub const NEVER: Self = Self { time: Timestamp(i64::MAX), frame: FrameId::NONE };

    /// Whether it is of a frame at all.
    pub const fn is_some(self) -> bool {
        self.frame.is_some()
    }

    /// The same with its frame counted from the beginning of its input.
    #[must_use]
    pub(crate) const fn shifted(self, shift: Shift) -> Self {
        Self { frame: shift.apply(self.frame), ..self }
    }
}

/// What to add to the frame numbers of one input: a part of a file that was read by itself counts from 1
/// until the parts before it are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shift {
    /// The input.
    pub input: u32,
    /// Frames of it that come before.
    pub frames: u64,
}

impl Shift {
    /// Leaves every number as it is.
    pub const NONE: Self = Self { input: 0, frames: 0 };

    /// The same frame, counted from the beginning of its input.
    #[must_use]
    pub const fn apply(self, frame: FrameId) -> FrameId {
        if frame.is_some() && frame.input() == self.input { FrameId(frame.0 + self.frames) } else { frame }
    }
}

/// A link type (LINKTYPE_ value, <https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the machine.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC framing.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing (RFC 1662).
    pub const PPP_HDLC: Self = Self(50);
    /// Raw IP, version by the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco PPP with HDLC framing (RFC 1547 section 4.3.1).
    pub const C_HDLC: Self = Self(104);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback: a 4-byte address family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// 802.11 behind a Prism header.
    pub const PRISM: Self = Self(119);
    /// 802.11 behind a radiotap header.
    pub const RADIOTAP: Self = Self(127);
    /// Per-packet information.
    pub const PPI: Self = Self(192);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux netfilter log.
    pub const NFLOG: Self = Self(239);
    /// Apple's packet tap.
    pub const PKTAP: Self = Self(258);
    /// Linux cooked capture v2.
    pub const LINUX_SLL2: Self = Self(276);
    /// Ethernet with a Broadcom tag behind its addresses.
    pub const DSA_TAG_BRCM: Self = Self(281);
    /// Ethernet behind a Broadcom tag.
    pub const DSA_TAG_BRCM_PREPEND: Self = Self(282);
    /// Ethernet with a Marvell DSA tag behind its addresses.
    pub const DSA_TAG_DSA: Self = Self(284);
    /// The same with an EtherType.
    pub const DSA_TAG_EDSA: Self = Self(285);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::PPP => "PPP",
            Self::PPP_HDLC => "PPP_HDLC",
            Self::RAW => "RAW",
            Self::C_HDLC => "C_HDLC",
            Self::IEEE802_11 => "IEEE802_11",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::PRISM => "IEEE802_11_PRISM",
            Self::RADIOTAP => "IEEE802_11_RADIOTAP",
            Self::PPI => "PPI",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::PKTAP => "PKTAP",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            Self::DSA_TAG_BRCM => "DSA_TAG_BRCM",
            Self::DSA_TAG_BRCM_PREPEND => "DSA_TAG_BRCM_PREPEND",
            Self::DSA_TAG_DSA => "DSA_TAG_DSA",
            Self::DSA_TAG_EDSA => "DSA_TAG_EDSA",
            Self(other) => return write!(f, "LINKTYPE_{other}"),
        };
        f.write_str(name)
    }
}

/// One captured record, borrowed from the reader's block.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Input and number.
    pub id: FrameId,
    /// When it was captured.
    pub time: Timestamp,
    /// What its first header is.
    pub link: LinkType,
    /// Interface number within the capture (pcapng: counted over all sections); 0 for pcap.
    pub interface: u32,
    /// Length on the wire, as the record claims it. May be less than `data.len()` in odd files.
    pub original_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_rfc_3339() {
        assert_eq!(Timestamp::from_nanos(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_nanos(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        // 2000-02-29 12:34:56.789, from `date -u -d @951827696`.
        assert_eq!(Timestamp::from_nanos(951_827_696_789_000_000).to_string(), "2000-02-29T12:34:56.789000000Z");
        assert_eq!(Timestamp::UNKNOWN.to_string(), "");
        let time = Timestamp::from_nanos(1_999_999_999);
        for (cut, text) in [
            (format!("{time:.0}"), "1970-01-01T00:00:01Z"),
            (format!("{time:.3}"), "1970-01-01T00:00:01.999Z"),
            (format!("{:.3}", Timestamp::from_nanos(-1)), "1969-12-31T23:59:59.999Z"),
            (format!("{:.3}", Timestamp::from_nanos(1_002_000_000)), "1970-01-01T00:00:01.002Z"),
            (format!("{time:.9}"), "1970-01-01T00:00:01.999999999Z"),
            (format!("{time:.12}"), "1970-01-01T00:00:01.999999999Z"),
            (format!("{:.3}", Timestamp::UNKNOWN), ""),
        ] {
            assert_eq!(cut, text);
        }
    }

    #[test]
    fn moments_order_by_time_then_frame() {
        let at = |time, input, number| Moment { time: Timestamp(time), frame: FrameId::new(input, number) };
        assert!(at(1, 9, 9) < at(2, 0, 1) && at(2, 0, 2) < at(2, 1, 1) && at(2, 1, 1) < Moment::NEVER);
    }

    #[test]
    fn frame_ids_order_by_input_then_number() {
        assert!(FrameId::new(0, 99) < FrameId::new(1, 1));
        assert!(FrameId::new(1, 1) < FrameId::new(1, 2));
        let shift = Shift { input: 3, frames: 10 };
        assert_eq!(shift.apply(FrameId::new(3, 7)), FrameId::new(3, 17));
        assert_eq!(shift.apply(FrameId::new(2, 7)), FrameId::new(2, 7));
        assert_eq!(shift.apply(FrameId::NONE), FrameId::NONE);
    }
}
