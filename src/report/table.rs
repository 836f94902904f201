//! Rows of a CSV file (RFC 4180), by the columns of their table.

use std::net::IpAddr;

use super::column::Table;
use super::line::Line;
use super::value::{Value, port_cells};
use crate::decode::{MacAddr, TcpFlags};
use crate::protocol::Transport;

/// Cells go straight into the line (6,000 instructions a row of flows.csv, not 11,700 as by records of the `csv` crate); a
/// test holds the result against that crate.
impl Line {
    /// Appends the row that the table's columns make of `row` to `out`.
    pub(super) fn add<T: Table>(&mut self, row: &T::Row<'_>, out: &mut Vec<u8>) {
        T::in_csv().for_each(|column| self.value((column.cell)(row)));
        self.end_row(out);
    }

    /// A cell: what is frequent by a short way, the rest as [`Value::shown`] says it.
    pub(super) fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Missing => self.comma(),
            Value::Name(name) => self.plain(name.as_bytes()),
            Value::Ascii(text) => self.plain(&text),
            Value::Word(word) => self.text(&word.cell),
            Value::Number(number) => self.number(number),
            Value::Numbered(letter, number) => {
                self.byte(letter);
                self.number(number);
            }
            Value::Seconds(nanos, negative) => {
                if negative {
                    self.byte(b'-');
                }
                self.seconds(nanos);
            }
            Value::Time(time) => match time.nanos() {
                Some(nanos) => self.time(nanos),
                None => self.comma(),
            },
            Value::Address(IpAddr::V4(address)) => self.ipv4(address.octets()),
            Value::Address(IpAddr::V6(address)) => self.shown(address),
            Value::Mac(MacAddr(octets)) => self.mac(octets),
            Value::Flags(TcpFlags(flags)) => self.flags(flags),
            Value::Transport(transport) => self.shown(transport),
            Value::Flag(flag) => self.plain(if flag { "yes" } else { "no" }.as_bytes()),
            Value::Service(Transport::Tcp, port) => {
                self.text(b"tcp/");
                self.number(port.into());
            }
            Value::Service(Transport::Udp, port) => {
                self.text(b"udp/");
                self.number(port.into());
            }
            Value::List(list) if list.is_empty() => self.comma(),
            Value::List(list) if list.iter().all(Value::needs_no_quotes) => {
                for (at, value) in list.into_iter().enumerate() {
                    if at > 0 {
                        self.end_by(b";");
                    }
                    self.value(value);
                }
            }
            Value::Inputs(&[at], Some(names)) => self.text(names.input_cell(at)),
            Value::Ports(columns, coverage) => {
                port_cells(columns, coverage).for_each(|cell| self.plain(cell.as_bytes()))
            }
            other => self.word(&other.shown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Timestamp;

    /// The cell as a reader of CSV sees it.
    fn cell(value: Value<'_>) -> String {
        let mut line = Line::default();
        line.value(value);
        line.word("end");
        let rows = line.take();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&rows[..]);
        let record = reader.records().next().expect("a record").expect("valid CSV");
        assert_eq!(record.len(), 3);
        record[0].to_owned()
    }

    proptest::proptest! {
        /// Against the `csv` crate.
        #[test]
        fn text_is_quoted_as_the_standard_says(text in "[a,\"\r\n;' ]{1,12}") {
            let mut line = Line::default();
            line.word(&text);
            line.word("end");
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record([text.as_bytes(), b"end"]).unwrap();
            let (cells, written) = (line.take(), writer.into_inner().unwrap());
            proptest::prop_assert_eq!(cells.strip_suffix(b","), written.strip_suffix(b"\n"));
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
            || Value::Service(Transport::Udp, 69),
            || Value::Service(Transport::Other(47), 0),
            || Value::list([MacAddr([2, 1, 2, 3, 4, 5]), MacAddr([2, 1, 2, 3, 4, 6])]),
            || Value::list(["a,b", "c\"d"]),
        ] {
            assert_eq!(cell(value()), value().shown());
        }
        assert_eq!(cell(mac.into()), mac.to_string());
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
