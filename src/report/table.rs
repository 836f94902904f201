//! Rows of a CSV file as bytes.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use itoa::Buffer as Digits;

use super::column::Table;
use super::line::{OCTETS, nine_digits};
use super::value::{SECOND, Value, port_cells};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, TcpFlags};
use crate::protocol::Transport;

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

/// A cell of which nothing is known.
pub(super) const EMPTY_CELL: &[u8] = b",";

const NANOS_PER_SECOND: i64 = 1_000_000_000;
impl Cells {
    /// Adds the row that the table's columns make of `row`.
    pub(super) fn add<T: Table>(&mut self, row: &T::Row<'_>) {
        for column in T::COLUMNS {
            if column.files.csv() {
                self.value((column.cell)(row));
            }
        }
        self.end_row();
    }

    /// Ends a row.
    pub(super) fn end_row(&mut self) {
        if let Some(last) = self.rows.last_mut() {
            *last = b'\n';
        }
    }

    /// A cell: what is frequent by a short way, the rest as [`Value::shown`] says it.
    pub(super) fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Missing => self.empty(),
            Value::Name(name) => self.name(name),
            Value::Ascii(text) => self.ascii(&text),
            Value::Word(word) => self.ready(&word.cell),
            Value::Number(number) => self.number(number),
            Value::Numbered(letter, number) => self.numbered(letter, number),
            Value::Seconds(nanos, negative) => self.seconds(nanos, negative),
            Value::Time(time) => self.time(time),
            Value::Address(address) => self.address(address),
            Value::Mac(mac) => self.mac(mac),
            Value::Flags(flags) => self.flags(flags),
            Value::Transport(transport) => self.transport(transport),
            Value::Inputs(&[at], Some(names)) => self.ready(names.input_cell(at)),
            Value::Ports(columns, coverage) => {
                port_cells(columns, coverage).for_each(|cell| self.plain(cell.as_bytes()))
            }
            other => self.word(&other.shown()),
        }
    }

    /// A cell of one of the program's own names.
    pub(super) fn name(&mut self, name: &'static str) {
        self.plain(name.as_bytes());
    }
    /// The rows added since they were last taken away.
    pub(super) fn rows(&mut self) -> &mut Vec<u8> {
        &mut self.rows
    }

    /// ASCII that needs no quotes.
    pub(super) fn ascii(&mut self, text: &[u8]) {
        self.plain(text);
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

    /// A number.
    pub(super) fn number(&mut self, number: u64) {
        self.plain(Digits::new().format(number).as_bytes());
    }

    /// Anything that prints itself in ASCII without commas and quotes.
    pub(super) fn shown(&mut self, value: impl fmt::Display) {
        self.scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.scratch, "{value}");
        self.rows.extend_from_slice(self.scratch.as_bytes());
        self.rows.push(b',');
    }

    /// A MAC address.
    pub(super) fn mac(&mut self, MacAddr(octets): MacAddr) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
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
            Transport::Tcp => self.plain(b"tcp"),
            Transport::Udp => self.plain(b"udp"),
            Transport::Icmp => self.plain(b"icmp"),
            Transport::Icmpv6 => self.plain(b"icmpv6"),
            Transport::Other(number) => self.number(number.into()),
        }
    }

    /// Which TCP flags there are.
    pub(super) fn flags(&mut self, flags: TcpFlags) {
        let mut text = *b"........";
        for (bit, (to, letter)) in text.iter_mut().zip(b"FSRPAUEC").enumerate() {
            if flags.0 & (1 << bit) != 0 {
                *to = *letter;
            }
        }
        self.plain(&text);
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

    /// Nanoseconds as decimal seconds.
    pub(super) fn seconds(&mut self, nanos: u64, negative: bool) {
        if negative {
            self.rows.push(b'-');
        }
        self.rows.extend_from_slice(Digits::new().format(nanos / SECOND).as_bytes());
        self.rows.push(b'.');
        self.plain(&nine_digits((nanos % SECOND) as u32));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell as a reader of CSV sees it.
    fn cell(value: Value<'_>) -> String {
        let mut cells = Cells::default();
        cells.value(value);
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
            assert_eq!(cell(Value::Number(number)), number.to_string());
        }
        for text in ["0.0.0.0", "10.20.30.4", "255.255.255.255", "::", "fe80::1", "::ffff:1.2.3.4"] {
            assert_eq!(cell(Value::Address(text.parse().unwrap())), text);
        }
        for octet in 0..=255 {
            let address = std::net::Ipv4Addr::new(octet, 255 - octet, octet, 7);
            assert_eq!(cell(Value::Address(address.into())), address.to_string());
        }
        for nanos in [0, -1, 1, 123_456_789, 951_827_696_789_000_000, i64::MAX, i64::MIN + 1] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(cell(time.into()), time.to_string());
        }
        assert_eq!(cell(Timestamp::UNKNOWN.into()), "");
    }

    #[test]
    fn lists_are_joined() {
        let ports = || vec![Value::Service(Transport::Tcp, 80), Value::Service(Transport::Udp, 69)];
        assert_eq!(cell(Value::List(Vec::new())), "");
        assert_eq!(cell(Value::List(ports())), "tcp/80;udp/69");
        assert_eq!(cell(Value::list([Value::Service(Transport::Tcp, 80), Value::Numbered(b'+', 12)])), "tcp/80;+12");
    }

    #[test]
    fn the_short_way_writes_what_the_value_says() {
        let mac = MacAddr([0x02, 0x1b, 0x00, 0xff, 0x9a, 0x07]);
        for value in [
            || Value::Missing,
            || Value::Name("carried"),
            || Value::from(MacAddr([0x02, 0x1b, 0x00, 0xff, 0x9a, 0x07])),
            || Value::from(TcpFlags(0b1001_1011)),
            || Value::from(Transport::Other(47)),
            || Value::from(Transport::Icmpv6),
            || Value::Numbered(b'f', 17),
            || Value::Flag(false),
        ] {
            assert_eq!(cell(value()), value().shown());
        }
        assert_eq!(cell(mac.into()), mac.to_string());
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
        assert_eq!(cell(Value::between(at(0), at(1_000_000_001))), "1.000000001");
        assert_eq!(cell(Value::between(at(5), at(5))), "0.000000000");
        assert_eq!(cell(Value::between(at(i64::MIN + 1), at(i64::MAX))), "18446744073.709551614");
        assert_eq!(cell(Value::between(Timestamp::UNKNOWN, at(5))), "");
    }

    #[test]
    fn foreign_text_is_no_formula_and_no_escape() {
        assert_eq!(cell("=cmd|' /C calc'!A0".into()), "'=cmd|' /C calc'!A0");
        assert_eq!(cell("\t=1".into()), "'\\t=1");
        assert_eq!(cell("\u{1b}]0;x\u{7}".into()), "\\x1b]0;x\\x07");
        assert_eq!(cell("plain, with comma".into()), "plain, with comma");
    }
}
