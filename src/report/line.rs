//! A row of a table on its way: cells of bounded length are written by moves of a fixed size, not by calls that copy any
//! number of bytes.

use std::fmt::{self, Write as _};

use itoa::Buffer as Digits;

use crate::capture::Timestamp;

/// A row that is being written, in a place of its own; what is too long for it goes on. Each cell has the comma after it.
pub(super) struct Line {
    bytes: [u8; Line::ROOM],
    end: usize,
    /// What was written before and found no more room.
    before: Vec<u8>,
    scratch: String,
    day: Day,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; Self::ROOM], end: 0, before: Vec::new(), scratch: String::new(), day: Day::default() }
    }
}

impl Line {
    /// Twice what a usual row of flows.csv takes.
    const ROOM: usize = 1024;

    /// Appends the row to `out`, with a line's end in the place of its last comma.
    pub(super) fn end_row(&mut self, out: &mut Vec<u8>) {
        if !self.before.is_empty() {
            out.append(&mut self.before);
        }
        out.extend_from_slice(&self.bytes[..self.end]);
        if let Some(last) = out.last_mut() {
            *last = b'\n';
        }
        self.end = 0;
    }

    /// What was written of a row that does not end here.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.make_room();
        std::mem::take(&mut self.before)
    }

    /// Bytes of the row so far.
    pub(super) fn len(&self) -> usize {
        self.before.len() + self.end
    }

    /// What was written behind so many bytes, if it lies together.
    pub(super) fn since(&self, begin: usize) -> Option<&[u8]> {
        self.bytes.get(begin.checked_sub(self.before.len())?..self.end)
    }

    #[cold]
    fn make_room(&mut self) {
        self.before.extend_from_slice(&self.bytes[..self.end]);
        self.end = 0;
    }

    /// Writes `text`, the first `length` bytes of which count.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N], length: usize) {
        if self.end + N > Self::ROOM {
            self.make_room();
        }
        if let Some(room) = self.bytes.get_mut(self.end..self.end + N) {
            room.copy_from_slice(text);
            self.end += length.min(N);
        }
    }

    /// Any text, as it is. Of a short one the first and the last half overlap: two moves, however long it is.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) {
        let length = text.len();
        if self.end + length > Self::ROOM {
            self.make_room();
        }
        let Some(room) = self.bytes.get_mut(self.end..self.end + length) else {
            return self.before.extend_from_slice(text);
        };
        if let (9..=16, Some(begin), Some(end)) = (length, text.first_chunk::<8>(), text.last_chunk::<8>()) {
            room[..8].copy_from_slice(begin);
            room[length - 8..].copy_from_slice(end);
        } else {
            room.copy_from_slice(text);
        }
        self.end += length;
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, byte: u8) {
        self.put(&[byte], 1);
    }

    /// An empty cell, or the end of one.
    #[inline(always)]
    pub(super) fn comma(&mut self) {
        self.byte(b',');
    }

    /// Puts `text` in the place of the last cell's comma.
    pub(super) fn end_by<const N: usize>(&mut self, text: &[u8; N]) {
        self.end = self.end.saturating_sub(1);
        self.put(text, N);
    }

    /// A number as a cell.
    #[inline]
    pub(super) fn number(&mut self, number: u64) {
        if number < 10 {
            return self.put(&[b'0' + number as u8, b','], 2);
        }
        if number >= 100_000_000 {
            self.text(Digits::new().format(number).as_bytes());
            return self.comma();
        }
        // Eight digits, of which the zeros in front are shifted away.
        let digits = eight_digits(number as u32);
        let zeros = (digits ^ ZEROS).trailing_zeros() / 8;
        self.put(&(digits >> (8 * zeros)).to_le_bytes(), 8 - zeros as usize);
        self.comma();
    }

    /// Nanoseconds as decimal seconds, in a cell.
    #[inline]
    pub(super) fn seconds(&mut self, nanos: u64) {
        let (seconds, rest) = (nanos / 1_000_000_000, (nanos % 1_000_000_000) as u32);
        self.number(seconds);
        let mut fraction = *b".000000000,";
        fraction[1..10].copy_from_slice(&nine_digits(rest));
        self.end_by(&fraction);
    }

    /// An IPv4 address as a cell.
    #[inline]
    pub(super) fn ipv4(&mut self, octets: [u8; 4]) {
        // Four bytes for each octet, of which the next one overwrites what is too much.
        let (mut text, mut at) = ([0; 20], 0);
        for octet in octets {
            let (digits, length) = OCTETS[usize::from(octet)];
            text[at..at + 4].copy_from_slice(&digits);
            at += usize::from(length);
        }
        text[at - 1] = b',';
        self.put(&text, at);
    }

    /// A MAC address as a cell.
    #[inline]
    pub(super) fn mac(&mut self, octets: [u8; 6]) {
        let mut text = *b"00:00:00:00:00:00,";
        for (at, octet) in octets.into_iter().enumerate() {
            text[3 * at..3 * at + 2].copy_from_slice(&HEX[usize::from(octet)]);
        }
        self.put(&text, text.len());
    }

    /// TCP's flags as a cell: a letter for each that is set, a dot for each that is not.
    #[inline]
    pub(super) fn flags(&mut self, flags: u8) {
        self.put(&FLAGS[usize::from(flags)], 9);
    }

    /// A known time as a cell.
    pub(super) fn time(&mut self, nanos: i64) {
        let text = self.day.text(nanos);
        self.put(&text, text.len());
    }

    /// What needs no quotes, as a cell: no comma, quote or line break in it.
    #[inline]
    pub(super) fn plain(&mut self, text: &[u8]) {
        self.text(text);
        self.comma();
    }

    /// The same of anything that prints itself.
    pub(super) fn shown(&mut self, value: impl fmt::Display) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        // Writing to a String cannot fail.
        let _ = write!(text, "{value}");
        self.plain(text.as_bytes());
        self.scratch = text;
    }

    /// Any text as a cell, in quotes where it needs them (RFC 4180 section 2).
    pub(super) fn word(&mut self, word: &str) {
        // All bytes, without an early end: many at a time.
        let special = word.bytes().fold(false, |any, byte| any | matches!(byte, b',' | b'"' | b'\r' | b'\n'));
        if !special {
            return self.plain(word.as_bytes());
        }
        self.byte(b'"');
        for (i, part) in word.split('"').enumerate() {
            if i > 0 {
                self.text(b"\"\"");
            }
            self.text(part.as_bytes());
        }
        self.text(b"\",");
    }
}

/// The day of the last time, as text: neighbours in a sorted table nearly always share it.
pub(super) struct Day {
    /// Since the epoch.
    day: i64,
    text: [u8; Self::LENGTH],
}

impl Default for Day {
    fn default() -> Self {
        Self { day: i64::MIN, text: *b"0000-00-00T00:00:00.000000000Z," }
    }
}

impl Day {
    /// Of `2024-05-01T00:00:00.000000000Z,`. Years have four digits, since 64-bit nanoseconds do not reach beyond 2262.
    pub(super) const LENGTH: usize = 31;
    const NANOS: i64 = 86_400_000_000_000;

    /// RFC 3339 in UTC with nanoseconds, as a cell.
    #[inline]
    pub(super) fn text(&mut self, nanos: i64) -> [u8; Self::LENGTH] {
        let (day, rest) = (nanos.div_euclid(Self::NANOS), nanos.rem_euclid(Self::NANOS) as u64);
        if day != self.day {
            self.set(day);
        }
        let (second, nanos) = ((rest / 1_000_000_000) as u32, (rest % 1_000_000_000) as u32);
        let (minute, hour) = (second / 60, second / 3600);
        let mut text = self.text;
        text[11..13].copy_from_slice(&two_digits(hour));
        text[14..16].copy_from_slice(&two_digits(minute % 60));
        text[17..19].copy_from_slice(&two_digits(second % 60));
        text[20..29].copy_from_slice(&nine_digits(nanos));
        text
    }

    #[cold]
    fn set(&mut self, day: i64) {
        self.day = day;
        // A day that began before what 64 bits hold is that of the first time that they hold.
        let date = Timestamp::from_nanos(day.checked_mul(Self::NANOS).unwrap_or(i64::MIN + 1)).to_string();
        self.text.iter_mut().zip(date.bytes()).take(11).for_each(|(to, from)| *to = from);
    }
}

/// A number below 100 in two digits.
#[inline]
fn two_digits(number: u32) -> [u8; 2] {
    TWO_DIGITS[number as usize % 100]
}

const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// A number below 100,000,000 with its leading zeros, the first digit in the lowest byte. Halves, then pairs, then digits
/// are parted, all at once: as multiples of what a shift divides by, exact for numbers of so few digits.
#[inline]
fn eight_digits(number: u32) -> u64 {
    let (high, low) = (u64::from(number / 10_000), u64::from(number % 10_000));
    let halves = high | low << 32;
    let hundreds = ((halves * 5_243) >> 19) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (halves - 100 * hundreds) << 16;
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | (pairs - 10 * tens) << 8;
    digits | ZEROS
}

/// A number below 1,000,000,000 with its leading zeros.
#[inline]
fn nine_digits(number: u32) -> [u8; 9] {
    let mut digits = [b'0' + (number / 100_000_000 % 10) as u8; 9];
    digits[1..].copy_from_slice(&eight_digits(number % 100_000_000).to_le_bytes());
    digits
}

/// Each octet's digits with a dot behind them, and how many bytes these are.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut all = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let (hundreds, tens, ones) = (octet / 100, octet / 10 % 10, octet % 10);
        let digits = [hundreds as u8 + b'0', tens as u8 + b'0', ones as u8 + b'0'];
        let skipped = if hundreds > 0 {
            0
        } else if tens > 0 {
            1
        } else {
            2
        };
        let mut at = skipped;
        while at < 3 {
            all[octet].0[at - skipped] = digits[at];
            at += 1;
        }
        all[octet].1 = (3 - skipped) as u8 + 1;
        octet += 1;
    }
    all
};

/// Each octet in hexadecimal digits.
static HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        all[octet] = [DIGITS[octet >> 4], DIGITS[octet & 15]];
        octet += 1;
    }
    all
};

/// Each number below 100 in two decimal digits.
static TWO_DIGITS: [[u8; 2]; 100] = {
    let mut all = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        all[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    all
};

/// Every set of TCP's flags as a cell, in the order of their bits.
static FLAGS: [[u8; 9]; 256] = {
    const LETTERS: &[u8; 8] = b"FSRPAUEC";
    let mut all = [*b"........,"; 256];
    let mut flags = 0;
    while flags < 256 {
        let mut bit = 0;
        while bit < 8 {
            if flags >> bit & 1 != 0 {
                all[flags][bit] = LETTERS[bit];
            }
            bit += 1;
        }
        flags += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line holds of one cell, without its comma.
    fn cell(write: impl FnOnce(&mut Line)) -> String {
        let (mut line, mut out) = (Line::default(), Vec::new());
        write(&mut line);
        line.end_row(&mut out);
        String::from_utf8(out).unwrap().trim_end().to_owned()
    }

    #[test]
    fn cells_print_as_the_standard_library_prints_them() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([12_345, 90_000_000, u64::MAX]) {
            assert_eq!(cell(|line| line.number(number)), number.to_string());
        }
        for number in (0..100_000_000).step_by(997).chain([99_999_999]) {
            assert_eq!(eight_digits(number).to_le_bytes(), format!("{number:08}").as_bytes());
        }
        for octet in 0..=255 {
            let address = std::net::Ipv4Addr::new(octet, 255 - octet, octet, 7);
            assert_eq!(cell(|line| line.ipv4(address.octets())), address.to_string());
            let mac = crate::decode::MacAddr([octet, 1, 2, 3, 4, 255 - octet]);
            assert_eq!(cell(|line| line.mac(mac.0)), mac.to_string());
        }
        for nanos in [0, 1, 999_999_999, 1_000_000_000, 61_000_000_005, i64::MAX as u64, u64::MAX] {
            let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
            assert_eq!(cell(|line| line.seconds(nanos)), text);
        }
        assert_eq!(cell(|line| line.flags(0b1001_0011)), "FS..A..C");
    }

    #[test]
    fn what_is_too_long_goes_on() {
        let (mut line, mut out, mut expected) = (Line::default(), Vec::new(), String::new());
        for length in [0, 1, 8, 9, 16, 17, 900, 1000, 1024, 1025, 3000, 5] {
            let text = "x".repeat(length) + ",";
            line.text(text.as_bytes());
            line.number(7);
            expected.push_str(&text);
            expected.push_str("7,");
            assert_eq!(line.len(), expected.len());
        }
        line.end_row(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected.strip_suffix(',').unwrap().to_owned() + "\n");
    }

    #[test]
    fn times_print_as_the_standard_says_and_no_day_outlives_itself() {
        const DAY: i64 = Day::NANOS;
        let mut line = Line::default();
        let seconds = [DAY + 5, DAY + 61_000_000_000, DAY + 7, 0, -1, -DAY];
        let edges = [1, DAY - 1, DAY, 951_827_696_789_000_000, i64::MAX, i64::MIN + 1, 3_599_999_999_999];
        for nanos in edges.into_iter().chain(seconds) {
            line.time(nanos);
            assert_eq!(String::from_utf8_lossy(&line.take()), format!("{},", Timestamp::from_nanos(nanos)));
        }
    }
}
