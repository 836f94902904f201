//! The rows of a sheet, from those of a CSV file (ECMA-376 part 1, section 18.3.1).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use csv::{ReaderBuilder, StringRecord};

use super::{COLOURS, CellFormat, Heading};

/// Characters of a cell, in UTF-16 code units.
const CHARACTERS: usize = 32_767;
/// Above it, Excel's numbers (64-bit floats) are not exact: a text says more.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The attribute of a cell by which it has a format.
pub(super) struct Styles {
    top: String,
    date: String,
    prose: String,
    colours: Vec<String>,
}

impl Styles {
    /// Those of a row in which a cell has each of them, in their order.
    pub(super) fn of(row: &str) -> Self {
        let mut all = row.split(" s=\"").skip(1).map(|rest| {
            let number = rest.split('"').next().unwrap_or_default();
            format!(" s=\"{number}\"")
        });
        let mut next = || all.next().unwrap_or_default();
        Self { top: next(), date: next(), prose: next(), colours: COLOURS.iter().map(|_| next()).collect() }
    }
}

/// Takes whole rows of CSV, and writes those of a sheet.
pub(super) struct Rows<'s> {
    out: &'s mut dyn Write,
    /// Of each column of the CSV file: how its cells are written, and its letters in the sheet.
    columns: Vec<(CellFormat, String)>,
    /// Letters of the column of dates behind one of times.
    dates: Vec<String>,
    styles: &'s Styles,
    /// Rows of many flows are many cells: plain ones are smaller.
    is_tall: bool,
    /// Rows that were taken, the header among them.
    taken: usize,
    most: usize,
    xml: String,
}

impl<'s> Rows<'s> {
    /// At most so many rows, the header among them, which is not written.
    pub(super) fn new(out: &'s mut dyn Write, headings: &[Heading], styles: &'s Styles, most: usize) -> Self {
        let mut place = 0;
        let mut letters = || {
            place += 1;
            letters(place)
        };
        let (mut columns, mut dates) = (Vec::new(), Vec::new());
        for heading in headings {
            columns.push((heading.format, letters()));
            dates.push(if heading.format == CellFormat::Time { letters() } else { String::new() });
        }
        let is_tall = headings.iter().any(|heading| heading.format == CellFormat::Prose);
        Self { out, columns, dates, styles, is_tall, taken: 0, most, xml: String::new() }
    }

    fn row(&mut self, cells: &StringRecord) {
        let mut digits = itoa::Buffer::new();
        let row = digits.format(self.taken);
        let to = &mut self.xml;
        [r#"<row r=""#, row, r#"">"#].iter().for_each(|part| to.push_str(part));
        let plain = if self.is_tall { self.styles.top.as_str() } else { "" };
        for ((text, (format, column)), date) in cells.iter().zip(&self.columns).zip(&self.dates) {
            let is_number = || text.parse::<f64>().is_ok_and(|number| number.abs() < EXACT);
            match format {
                _ if text.is_empty() => {}
                CellFormat::Number if is_number() => number(to, [column, row, plain], text),
                CellFormat::Number | CellFormat::Text => {
                    let known = COLOURS.iter().position(|(word, ..)| *word == text);
                    let style = known.and_then(|at| self.styles.colours.get(at)).map_or(plain, String::as_str);
                    string(to, [column, row, style], &fitting(text));
                }
                CellFormat::Prose => string(to, [column, row, &self.styles.prose], &fitting(text)),
                CellFormat::List => string(to, [column, row, plain], &fitting_list(text)),
                CellFormat::Time => {
                    string(to, [column, row, plain], text);
                    if let Some(days) = serial_date(text) {
                        number(to, [date, row, &self.styles.date], &days.to_string());
                    }
                }
            }
        }
        to.push_str("</row>");
    }
}

impl Write for Rows<'_> {
    fn write(&mut self, rows: &[u8]) -> io::Result<usize> {
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(rows);
        let mut cells = StringRecord::new();
        while self.taken < self.most && reader.read_record(&mut cells)? {
            self.taken += 1;
            if self.taken > 1 {
                self.row(&cells);
            }
        }
        self.out.write_all(self.xml.as_bytes())?;
        self.xml.clear();
        Ok(rows.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins a cell: its column, its row, and the attribute of its format.
fn begin(to: &mut String, [column, row, style]: [&str; 3]) {
    ["<c r=\"", column, row, "\"", style].iter().for_each(|part| to.push_str(part));
}

fn number(to: &mut String, cell: [&str; 3], text: &str) {
    begin(to, cell);
    ["><v>", text, "</v></c>"].iter().for_each(|part| to.push_str(part));
}

fn string(to: &mut String, cell: [&str; 3], text: &str) {
    begin(to, cell);
    let is_padded = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    to.push_str(if is_padded { r#" t="inlineStr"><is><t xml:space="preserve">"# } else { r#" t="inlineStr"><is><t>"# });
    escape(to, text);
    to.push_str("</t></is></c>");
}

/// As it may stand in XML 1.0 (section 2.2). What may not stands as `_xHHHH_` (ECMA-376 part 1, section 22.9.2.19), and what
/// looks like that has its underscore written so.
fn escape(to: &mut String, text: &str) {
    let is_plain = |byte: u8| !matches!(byte, b'&' | b'<' | b'>' | 0..b' ' | 0xef);
    if text.bytes().all(is_plain) && !text.contains("_x") {
        return to.push_str(text);
    }
    for (at, c) in text.char_indices() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '_' if text[at..].starts_with("_x") => to.push_str("_x005F_"),
            '\t' | '\n' => to.push(c),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String cannot fail.
                let _ = write!(to, "_x{:04X}_", c as u32);
            }
            c => to.push(c),
        }
    }
}

/// The letters of a column, from 1: A to Z, AA and so on.
fn letters(mut place: u32) -> String {
    let mut letters = String::new();
    while place > 0 {
        letters.insert(0, char::from(b'A' + ((place - 1) % 26) as u8));
        place = (place - 1) / 26;
    }
    letters
}

/// The days since the end of 1899 of a time as tables tell it (RFC 3339), to the millisecond, as Excel counts dates; `None`
/// before 1900.
fn serial_date(time: &str) -> Option<f64> {
    const DAYS_TO_1970: f64 = 25_569.0;
    let millis = time.parse::<jiff::Timestamp>().ok()?.as_millisecond();
    let days = millis as f64 / 86_400_000.0 + DAYS_TO_1970;
    (days >= 1.0).then_some(days)
}

/// As many items of a list as a cell takes: half an item would be a false one.
fn fitting_list(text: &str) -> Cow<'_, str> {
    match fitting(text) {
        Cow::Owned(cut) => {
            let whole = cut.rfind(';').map_or("", |end| &cut[..=end]);
            Cow::Owned(format!("{whole}\u{2026}"))
        }
        whole => whole,
    }
}

/// As much of a text as a cell takes.
pub(super) fn fitting(text: &str) -> Cow<'_, str> {
    if text.len() <= CHARACTERS {
        return Cow::Borrowed(text);
    }
    let mut units = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units < CHARACTERS
        })
        .collect();
    Cow::Owned(kept + "\u{2026}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_as_excel_counts_them() {
        assert_eq!(serial_date("1970-01-01T00:00:00.000000000Z"), Some(25_569.0));
        assert_eq!(serial_date("2026-03-17T12:00:00.000000000Z"), Some(46_098.5));
        assert_eq!(serial_date("1700-01-01T00:00:00.000000000Z"), None);
        assert_eq!(serial_date("soon"), None);
    }

    #[test]
    fn columns_have_letters() {
        assert_eq!([1, 26, 27, 52, 702, 703, 16_384].map(letters), ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]);
    }

    #[test]
    fn what_may_not_stand_in_xml_is_written_out() {
        for (text, expected) in [
            ("3. Stock, Höhe", "3. Stock, Höhe"),
            ("a<b> & c", "a&lt;b&gt; &amp; c"),
            ("\u{fffe}\u{1}", "_xFFFE__x0001_"),
            ("_x0041_ _y", "_x005F_x0041_ _y"),
            ("\u{feff}\u{ff0b}", "\u{feff}\u{ff0b}"),
            ("two\nlines", "two\nlines"),
        ] {
            let mut xml = String::new();
            escape(&mut xml, text);
            assert_eq!(xml, expected, "{text:?}");
        }
    }

    #[test]
    fn rows_come_in_whatever_pieces_and_no_more_than_a_sheet_holds() {
        let heading = |title: &str, format| Heading { title: title.to_owned(), format };
        let headings =
            [heading("what", CellFormat::Text), heading("when", CellFormat::Time), heading("much", CellFormat::Number)];
        let styles = Styles::of(
            r#"<row r="2" spans="1:5"><c r="A2" s="1"/><c r="B2" s="2"/><c r="C2" s="3"/><c r="D2" s="4"/></row>"#,
        );
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, &headings, &styles, 3);
        let pieces = [
            "what,when,much\n",
            "\"a,\"\"b\"\"\",1970-01-01T00:00:00.000000000Z,2.50\nalert,,18446744073709551615\n",
            "no,,3\n",
        ];
        pieces.iter().for_each(|piece| rows.write_all(piece.as_bytes()).unwrap());
        let expected = concat!(
            r#"<row r="2"><c r="A2" t="inlineStr"><is><t>a,"b"</t></is></c>"#,
            r#"<c r="B2" t="inlineStr"><is><t>1970-01-01T00:00:00.000000000Z</t></is></c><c r="C2" s="2"><v>25569</v></c>"#,
            r#"<c r="D2"><v>2.50</v></c></row><row r="3"><c r="A3" s="4" t="inlineStr"><is><t>alert</t></is></c>"#,
            r#"<c r="D3" t="inlineStr"><is><t>18446744073709551615</t></is></c></row>"#,
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_with_a_mark() {
        let long = "\u{1f4a1}".repeat(20_000);
        let kept = fitting(&long);
        assert!(kept.encode_utf16().count() <= CHARACTERS && kept.ends_with('\u{2026}'));
        assert_eq!(fitting("short"), "short");
        let list = fitting_list(&"f123456;".repeat(10_000)).into_owned();
        assert!(list.len() <= CHARACTERS + 3 && list.ends_with("f123456;\u{2026}"), "no half an item");
    }
}
