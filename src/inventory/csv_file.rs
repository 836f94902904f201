//! The inventory as CSV, as spreadsheets write it: a header line, then one device a line.

use std::sync::Arc;

use super::declared::{Declarations, Device};
use super::error::{SourceLocation, missing, shown, unknown};
use crate::text::{hint, nearest};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Address,
    Mac,
    Role,
    Name,
    Version,
    /// Something of the spreadsheet's own.
    Other,
}

/// Names of columns, in lower case, with blanks and underscores as hyphens.
const COLUMNS: [(&str, Column); 10] = [
    ("address", Column::Address),
    ("ip", Column::Address),
    ("ip-address", Column::Address),
    ("mac", Column::Mac),
    ("mac-address", Column::Mac),
    ("role", Column::Role),
    ("name", Column::Name),
    ("device-name", Column::Name),
    ("version", Column::Version),
    ("software-version", Column::Version),
];

/// Reads a CSV inventory into `into`, with an error for each thing that is wrong.
pub(super) fn read(text: &str, name: &Arc<str>, into: &mut Declarations) {
    let (skipped, body, delimiter) = dialect(text);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .from_reader(body.as_bytes());
    let mut columns: Option<Vec<Column>> = None;
    let mut record = csv::StringRecord::new();
    let mut lines = LineCounter { text: body, at: 0, number: 1 };
    loop {
        let before = reader.position().byte();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let place = SourceLocation::Csv(name.clone(), lines.of(before).saturating_add(skipped), 0);
                into.error(place, error.to_string());
                break;
            }
        }
        let line = lines.of(record.position().map_or(before, csv::Position::byte));
        let place = |cell: usize| SourceLocation::Csv(name.clone(), line.saturating_add(skipped), cell as u32);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match &columns {
            None => match header(&record, place, into) {
                Some(header) => columns = Some(header),
                None => return,
            },
            Some(columns) => row(&record, columns, place, into),
        }
    }
    if columns.is_none() {
        let expected = "a first line such as address,role,name,version";
        into.error(SourceLocation::Csv(name.clone(), 1, 0), missing("the header line", expected));
    }
}

/// Counts lines: the reader's own count takes CR LF for two, and knows nothing of what it passes over.
struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    number: u32,
}

impl LineCounter<'_> {
    /// The line of the record that begins at a byte, or behind the blank lines and comments there. Bytes come ascending.
    fn of(&mut self, byte: u64) -> u32 {
        let bytes = self.text.as_bytes();
        let mut to = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
        while let Some(first @ (b'\r' | b'\n' | b'#')) = bytes.get(to) {
            to += 1;
            if *first == b'#' {
                to += bytes[to..].iter().take_while(|byte| !matches!(byte, b'\r' | b'\n')).count();
            }
        }
        for at in self.at..to {
            let ends = bytes[at] == b'\n' || bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            self.number = self.number.saturating_add(u32::from(ends));
        }
        self.at = self.at.max(to);
        self.number
    }
}

/// Lines before the header (Excel's `sep=;`), the rest, and the delimiter.
fn dialect(text: &str) -> (u32, &str, u8) {
    let first = text.split('\n').next().unwrap_or("");
    if let Some(separator) = first.trim_end().strip_prefix("sep=")
        && let [delimiter] = separator.as_bytes()
    {
        return (1, text.get(first.len() + 1..).unwrap_or(""), *delimiter);
    }
    let header = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or("");
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    // A comma where there is a draw.
    let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
    (0, text, delimiter)
}

/// What each column is. Exports of address managers have dozens: those that mean nothing here are passed over, and named.
fn header(
    record: &csv::StringRecord,
    place: impl Fn(usize) -> SourceLocation,
    into: &mut Declarations,
) -> Option<Vec<Column>> {
    let mut columns: Vec<Column> = Vec::with_capacity(record.len());
    let mut others: Vec<(usize, String)> = Vec::new();
    let mut good = true;
    for (cell, at) in record.iter().zip(1..) {
        let wanted = cell.trim().to_lowercase().replace([' ', '_'], "-");
        let known = COLUMNS.iter().find(|(known, _)| *known == wanted);
        let column = known.map_or(Column::Other, |(_, column)| *column);
        if column == Column::Other {
            others.push((at, wanted));
            into.unread.push(shown(cell));
        } else if columns.contains(&column) {
            let hint = "another column means the same; keep one of the two";
            into.error(place(at), unknown("column", cell, hint));
            good = false;
        }
        columns.push(column);
    }
    if !good {
        return None;
    }
    for (needed, what, expected) in [
        (&[Column::Role][..], "the column `role`", "a first line such as address,role,name,version"),
        (&[Column::Address, Column::Mac], "the column `address` or `mac`", "one of them in the first line"),
    ] {
        if needed.iter().any(|column| columns.contains(column)) {
            continue;
        }
        good = false;
        let words: Vec<&str> = COLUMNS.iter().filter(|known| needed.contains(&known.1)).map(|known| known.0).collect();
        let meant = others.iter().find(|(_, found)| nearest(found, &words).is_some());
        let (at, problem) = match meant {
            Some((at, found)) => (*at, unknown("column", found, &hint(found, &words))),
            None => (0, missing(what, expected)),
        };
        into.error(place(at), problem);
    }
    good.then_some(columns)
}

fn row(
    record: &csv::StringRecord,
    columns: &[Column],
    place: impl Fn(usize) -> SourceLocation,
    into: &mut Declarations,
) {
    let (before, mut device) = (into.errors.count(), Device::default());
    for ((cell, column), at) in record.iter().zip(columns).zip(1..) {
        if cell.trim().is_empty() || *column == Column::Other {
            continue;
        }
        let at = place(at);
        match column {
            Column::Address => device.matchers[0] = into.exported(cell, &at),
            Column::Mac => device.matchers[1] = into.mac(cell, &at),
            Column::Role => device.role = into.role(cell, &at),
            Column::Name => device.name = into.text("name", cell, &at),
            Column::Version => device.version = into.text("version", cell, &at),
            Column::Other => {}
        }
    }
    if into.errors.count() == before {
        into.device(device, &place(0), "the role", ["the address or MAC", "one of them in every line"]);
    }
}
