//! What a CSV table is: its columns, each declared once with its name, its meaning and the
//! function that fills it. Header line, rows and the data dictionary all come from here.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use itoa::Buffer as Digits;

use super::line::{OCTETS, nine_digits};
use super::record;
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::protocol::Transport;
use crate::text;

/// One CSV file of the report.
pub(super) trait Table: 'static {
    /// What a row is made from.
    type Row<'a>;
    /// File name in the output folder.
    const FILE: &'static str;
    /// One sentence: what a row is and how the rows are ordered.
    const ABOUT: &'static str;
    /// Its columns, in order.
    const COLUMNS: &'static [Column<Self>];
}

/// One column of a table.
pub(super) struct Column<T: Table + ?Sized> {
    /// Name in the header line.
    pub name: &'static str,
    /// What a cell says, in words.
    pub meaning: &'static str,
    /// Unit or form of a cell.
    pub unit: &'static str,
    /// A typical cell.
    pub example: &'static str,
    /// Writes the row's cell: exactly one call of one of [`Cells`]' methods.
    pub cell: fn(&T::Row<'_>, &mut Cells),
}

/// Rows as they are written (RFC 4180). One is reused for all rows of a thread.
///
/// Cells go straight into the buffer, each with the comma after it (6,000 instructions a row of flows.csv, not 11,700 as
/// by records of the `csv` crate); a test holds the result against that crate.
#[derive(Default)]
pub(super) struct Cells {
    rows: Vec<u8>,
    scratch: String,
    second: Second,
}

/// The second that was formatted last: neighbours in a sorted table mostly share it, or its day.
struct Second {
    /// Since the epoch.
    second: i64,
    /// As text, its nanoseconds zero.
    text: [u8; 30],
}

impl Default for Second {
    fn default() -> Self {
        Self { second: i64::MIN, text: *b"0000-00-00T00:00:00.000000000Z" }
    }
}

const SECONDS_PER_DAY: i64 = 86_400;

impl Second {
    fn set(&mut self, second: i64) {
        if self.second == i64::MIN || self.second.div_euclid(SECONDS_PER_DAY) != second.div_euclid(SECONDS_PER_DAY) {
            // The date alone: `2024-05-01T`. Years have four digits, since 64-bit nanoseconds do not reach beyond 2262.
            let date = Timestamp::from_nanos(second.saturating_mul(NANOS_PER_SECOND)).to_string();
            self.text.iter_mut().zip(date.as_bytes()).take(11).for_each(|(to, from)| *to = *from);
        }
        let of_day = second.rem_euclid(SECONDS_PER_DAY);
        for (at, number) in [(11, of_day / 3600), (14, of_day / 60 % 60), (17, of_day % 60)] {
            (self.text[at], self.text[at + 1]) = (b'0' + (number / 10) as u8, b'0' + (number % 10) as u8);
        }
        self.second = second;
    }
}

/// What [`Cells::empty`] writes.
pub(super) const EMPTY_CELL: &[u8] = b",";

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// In nanoseconds.
const SECOND: u64 = NANOS_PER_SECOND as u64;

impl Cells {
    /// Adds the row that the table's columns make of `row`.
    pub(super) fn add<T: Table>(&mut self, row: &T::Row<'_>) {
        self.cells_of::<T>(row);
        self.end_row();
    }

    /// The same, and the row goes on.
    pub(super) fn cells_of<T: Table>(&mut self, row: &T::Row<'_>) {
        for column in T::COLUMNS {
            (column.cell)(row, self);
        }
    }

    /// Ends a row.
    pub(super) fn end_row(&mut self) {
        if let Some(last) = self.rows.last_mut() {
            *last = b'\n';
        }
    }

    /// The cells that a row has, apart: for what is no CSV file. Nothing else may have been added before.
    pub(super) fn record<T: Table>(&mut self, row: &T::Row<'_>, more: impl FnOnce(&mut Self)) -> csv::ByteRecord {
        self.cells_of::<T>(row);
        more(self);
        self.end_row();
        let record = record::of(&self.rows);
        self.rows.clear();
        record
    }

    /// The rows added since they were last taken away.
    pub(super) fn rows(&mut self) -> &mut Vec<u8> {
        &mut self.rows
    }

    /// What needs no quotes: no comma, quote or line break in it.
    #[inline]
    fn plain(&mut self, text: &[u8]) {
        self.rows.extend_from_slice(text);
        self.rows.push(b',');
    }

    /// Any text, in quotes where it needs them (RFC 4180 section 2).
    fn quoted(&mut self, text: &[u8]) {
        // All bytes, without an early end: many at a time.
        let special = text.iter().fold(false, |any, byte| any | matches!(byte, b',' | b'"' | b'\r' | b'\n'));
        if !special {
            return self.plain(text);
        }
        self.rows.push(b'"');
        for (i, part) in text.split(|byte| *byte == b'"').enumerate() {
            if i > 0 {
                self.rows.extend_from_slice(b"\"\"");
            }
            self.rows.extend_from_slice(part);
        }
        self.rows.extend_from_slice(b"\",");
    }

    /// A cell that was made before, and taken out of [`Cells::rows`].
    #[inline]
    pub(super) fn ready(&mut self, cell: &[u8]) {
        self.rows.extend_from_slice(cell);
    }

    /// Not known.
    pub(super) fn empty(&mut self) {
        self.ready(EMPTY_CELL);
    }

    /// Text that is safe to print.
    pub(super) fn word(&mut self, word: &str) {
        self.quoted(word.as_bytes());
    }

    /// One of the program's own names: it needs no quotes.
    pub(super) fn name(&mut self, name: &'static str) {
        self.plain(name.as_bytes());
    }

    /// The same from bytes.
    pub(super) fn ascii(&mut self, text: &[u8]) {
        self.plain(text);
    }

    /// Text that may hold anything: harmful characters are written out, and what a spreadsheet
    /// would take for a formula gets a leading `'`.
    pub(super) fn text(&mut self, text: &str) {
        if text.is_empty() {
            self.empty();
        } else if text::is_formula(text) {
            self.quoted(format!("'{}", text::visible(text)).as_bytes());
        } else {
            self.quoted(text::visible(text).as_bytes());
        }
    }

    /// Text, or an empty cell.
    pub(super) fn optional(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    /// A number.
    pub(super) fn number(&mut self, number: u64) {
        self.plain(Digits::new().format(number).as_bytes());
    }

    /// A number, or an empty cell.
    pub(super) fn optional_number(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.number(number),
            None => self.empty(),
        }
    }

    /// Anything that prints itself in ASCII without commas and quotes.
    pub(super) fn shown(&mut self, value: impl fmt::Display) {
        self.scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.scratch, "{value}");
        self.rows.extend_from_slice(self.scratch.as_bytes());
        self.rows.push(b',');
    }

    /// A MAC address, or an empty cell.
    pub(super) fn mac(&mut self, mac: Option<MacAddr>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let Some(MacAddr(octets)) = mac else { return self.empty() };
        let mut text = *b"00:00:00:00:00:00";
        for (octet, to) in octets.into_iter().zip(text.chunks_mut(3)) {
            to[0] = DIGITS[usize::from(octet >> 4)];
            to[1] = DIGITS[usize::from(octet & 15)];
        }
        self.plain(&text);
    }

    /// A letter and a number: `f17`.
    pub(super) fn numbered(&mut self, letter: u8, number: u64) {
        self.rows.push(letter);
        self.number(number);
    }

    /// A transport's name or number.
    pub(super) fn transport(&mut self, transport: Transport) {
        match transport {
            Transport::Tcp => self.name("tcp"),
            Transport::Udp => self.name("udp"),
            Transport::Icmp => self.name("icmp"),
            Transport::Icmpv6 => self.name("icmpv6"),
            Transport::Other(number) => self.number(number.into()),
        }
    }

    /// Ports as `tcp/80;udp/69`, and `+12` if there are more.
    pub(super) fn ports(&mut self, ports: &[(Transport, u16)], more: u32) {
        let begin = self.rows.len();
        for (transport, port) in ports {
            self.transport(*transport);
            self.join(b'/');
            self.number((*port).into());
            self.join(b';');
        }
        if more > 0 {
            self.numbered(b'+', more.into());
        } else if self.rows.len() > begin {
            self.join(b',');
        } else {
            self.empty();
        }
    }

    /// Puts another byte in the place of the comma after the last cell.
    fn join(&mut self, with: u8) {
        if let Some(last) = self.rows.last_mut() {
            *last = with;
        }
    }

    /// Several texts that are safe to print, joined by `;`.
    pub(super) fn words<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        for (i, word) in words.into_iter().enumerate() {
            text.push_str(if i > 0 { ";" } else { "" });
            text.push_str(word);
        }
        self.quoted(text.as_bytes());
        self.scratch = text;
    }

    /// Several values, joined by `;`.
    pub(super) fn joined<V: fmt::Display>(&mut self, values: impl IntoIterator<Item = V>) {
        self.scratch.clear();
        for (i, value) in values.into_iter().enumerate() {
            let _ = write!(self.scratch, "{}{value}", if i > 0 { ";" } else { "" });
        }
        let text = std::mem::take(&mut self.scratch);
        self.quoted(text.as_bytes());
        self.scratch = text;
    }

    /// An address.
    pub(super) fn address(&mut self, address: IpAddr) {
        let IpAddr::V4(v4) = address else { return self.shown(address) };
        // Four bytes for each octet, of which the next one overwrites what is too much.
        let (mut text, mut at) = ([0; 20], 0);
        for octet in v4.octets() {
            let (digits, length) = OCTETS[usize::from(octet)];
            text[at..at + 4].copy_from_slice(&digits);
            at += usize::from(length);
        }
        text[at - 1] = b',';
        self.rows.extend_from_slice(&text[..at]);
    }

    /// RFC 3339 in UTC with nanoseconds; empty for an unknown time.
    pub(super) fn time(&mut self, time: Timestamp) {
        let Some(nanos) = time.nanos() else { return self.empty() };
        let second = nanos.div_euclid(NANOS_PER_SECOND);
        if second != self.second.second {
            self.second.set(second);
        }
        let mut text = self.second.text;
        text[20..29].copy_from_slice(&nine_digits(nanos.rem_euclid(NANOS_PER_SECOND) as u32));
        self.plain(&text);
    }

    /// The time between two times in decimal seconds; empty if either is unknown.
    pub(super) fn duration(&mut self, first: Timestamp, last: Timestamp) {
        let Some(nanos) = nanos_between(first, last) else { return self.empty() };
        let mut digits = Digits::new();
        self.rows.extend_from_slice(digits.format(nanos / SECOND).as_bytes());
        self.rows.push(b'.');
        self.plain(&nine_digits((nanos % SECOND) as u32));
    }
}

/// Nanoseconds from `first` to `last`, if both are known.
pub(super) fn nanos_between(first: Timestamp, last: Timestamp) -> Option<u64> {
    let nanos = i128::from(last.nanos()?) - i128::from(first.nanos()?);
    Some(nanos.clamp(0, i128::from(u64::MAX)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell as a reader of CSV sees it.
    fn cell(write: impl FnOnce(&mut Cells)) -> String {
        let mut cells = Cells::default();
        write(&mut cells);
        cells.word("end");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&cells.rows[..]);
        let record = reader.records().next().expect("a record").expect("valid CSV");
        assert_eq!(record.len(), 3);
        record[0].to_owned()
    }

    proptest::proptest! {
        /// Against the `csv` crate.
        #[test]
        fn text_is_quoted_as_the_standard_says(text in "[a,\"\r\n;' ]{1,12}") {
            let mut cells = Cells::default();
            cells.word(&text);
            cells.word("end");
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record([text.as_bytes(), b"end"]).unwrap();
            let written = writer.into_inner().unwrap();
            proptest::prop_assert_eq!(cells.rows.strip_suffix(b","), written.strip_suffix(b"\n"));
        }
    }

    #[test]
    fn numbers_addresses_and_times_print_as_the_standard_library_prints_them() {
        for number in [0, 9, 10, 12_345, u64::MAX] {
            assert_eq!(cell(|c| c.number(number)), number.to_string());
        }
        for text in ["0.0.0.0", "10.20.30.4", "255.255.255.255", "::", "fe80::1", "::ffff:1.2.3.4"] {
            assert_eq!(cell(|c| c.address(text.parse().unwrap())), text);
        }
        for octet in 0..=255 {
            let address = std::net::Ipv4Addr::new(octet, 255 - octet, octet, 7);
            assert_eq!(cell(|c| c.address(address.into())), address.to_string());
        }
        for nanos in [0, -1, 1, 123_456_789, 951_827_696_789_000_000, i64::MAX, i64::MIN + 1] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(cell(|c| c.time(time)), time.to_string());
        }
        assert_eq!(cell(|c| c.time(Timestamp::UNKNOWN)), "");
    }

    #[test]
    fn ports_are_joined() {
        let ports = [(Transport::Tcp, 80), (Transport::Udp, 69)];
        assert_eq!(cell(|c| c.ports(&[], 0)), "");
        assert_eq!(cell(|c| c.ports(&ports, 0)), "tcp/80;udp/69");
        assert_eq!(cell(|c| c.ports(&ports[..1], 12)), "tcp/80;+12");
    }

    #[test]
    fn mac_addresses_print_in_lower_case_hex() {
        let mac = MacAddr([0x02, 0x1b, 0x00, 0xff, 0x9a, 0x07]);
        assert_eq!(cell(|c| c.mac(Some(mac))), mac.to_string());
        assert_eq!(cell(|c| c.mac(None)), "");
    }

    #[test]
    fn a_cached_second_does_not_outlive_itself() {
        let mut cells = Cells::default();
        const DAY: i64 = SECONDS_PER_DAY * NANOS_PER_SECOND;
        let times =
            [DAY - 1, DAY, DAY + 5, DAY + 61 * NANOS_PER_SECOND, DAY + 7, 0, -1, -DAY].map(Timestamp::from_nanos);
        times.into_iter().for_each(|time| cells.time(time));
        let rows = String::from_utf8(cells.rows).unwrap();
        assert!(rows.split_terminator(',').eq(times.map(|time| time.to_string())), "{rows}");
    }

    #[test]
    fn durations_are_decimal_seconds() {
        let at = Timestamp::from_nanos;
        assert_eq!(cell(|c| c.duration(at(0), at(1_000_000_001))), "1.000000001");
        assert_eq!(cell(|c| c.duration(at(5), at(5))), "0.000000000");
        assert_eq!(cell(|c| c.duration(at(i64::MIN + 1), at(i64::MAX))), "18446744073.709551614");
        assert_eq!(cell(|c| c.duration(Timestamp::UNKNOWN, at(5))), "");
    }

    #[test]
    fn foreign_text_is_no_formula_and_no_escape() {
        assert_eq!(cell(|c| c.text("=cmd|' /C calc'!A0")), "'=cmd|' /C calc'!A0");
        assert_eq!(cell(|c| c.text("\t=1")), "'\\t=1");
        assert_eq!(cell(|c| c.text("\u{1b}]0;x\u{7}")), "\\x1b]0;x\\x07");
        assert_eq!(cell(|c| c.text("plain, with comma")), "plain, with comma");
    }
}
