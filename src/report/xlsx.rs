//! The tables as an Excel workbook: what IT sorts, filters and forwards.
//!
//! Every cell is a string or a number that was written as one; nothing is ever read as a formula.

use std::borrow::Cow;
use std::io::{self, Write};
use std::slice;

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::column::{Column, Kind, Table};
use super::coverage::{self, Coverage};
use super::findings::{self, Findings};
use super::flows::{self, Flows};
use super::health::{self, Health};
use super::inventory::Inventory;
use super::joins::Joins;
use super::names::Names;
use super::nodes::{self, Nodes, PortColumn};
use super::transfers::{self, Transfers};
use super::value::{Value, port_cells};
use crate::capture::Timestamp;
use crate::policy::Severity;
use crate::report::result::{Sentence, sentence};
use crate::survey::Survey;
use crate::verdict::CellState;

/// Rows of a sheet, the header among them (Excel's specification).
const ROWS: usize = if cfg!(test) { 50 } else { 1_048_576 };
/// Columns of a sheet.
const COLUMNS: usize = 16_384;
/// Characters of a cell, in UTF-16 code units.
const CHARACTERS: usize = 32_767;
/// This level takes 40 % of the usual one's time, for files that are a fifth larger.
const COMPRESSION: u8 = 3;
/// Of a date.
const DATE_WIDTH: f64 = 24.0;
/// Characters that a landscape page of A4 has room for and that can still be read.
const PAGE_WIDTH: f64 = 190.0;
/// Its number in Excel's list of papers.
const A4: u8 = 9;

/// Words that colour their cell: background and text, with a contrast of 7 and more.
const COLOURS: &[(&str, u32, u32)] = &[
    (Severity::Alert.name(), 0xF8_D0_CE, 0x6E_12_0D),
    (Severity::Warning.name(), 0xFD_E7_B8, 0x5A_3B_00),
    (Severity::Notice.name(), 0xD8_E6_F7, 0x10_38_66),
    (CellState::Carried.name(), 0xD5_EE_D9, 0x0E_4A_1E),
    (CellState::Blocked.name(), 0xF8_D0_CE, 0x6E_12_0D),
    (CellState::OneWay.name(), 0xFD_E7_B8, 0x5A_3B_00),
];

/// report.xlsx: sheets `About`, `Findings`, `Coverage`, `Nodes`, `Health`, `Inventory` and `Flows`, with the columns of
/// the CSV files of those names. The same survey gives the same bytes: its date is that of the first packet.
///
/// A sheet holds 1,048,576 rows; what is beyond is left out, and `About` says so.
///
/// # Errors
/// Those of `out`, and of the temporary files that hold the sheets meanwhile.
pub fn write_workbook(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    let bytes = Book::new(survey, names).and_then(Book::finish).map_err(into_io)?;
    out.write_all(&bytes)
}

fn into_io(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// How a column's cells are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CellFormat {
    Text,
    Number,
    /// The exact text, and beside it a date that a spreadsheet can reckon with.
    Time,
    /// Text that is read, in lines.
    Prose,
    /// Items joined by `;`.
    List,
}

struct Heading {
    title: String,
    format: CellFormat,
}

impl Heading {
    fn of<T: Table>(column: &Column<T>) -> Self {
        let format = match column.kind {
            Kind::Number | Kind::Seconds => CellFormat::Number,
            Kind::Time => CellFormat::Time,
            Kind::Texts | Kind::Places => CellFormat::List,
            _ if column.unit.ends_with("joined by `;`") => CellFormat::List,
            _ if ["detail", "advice"].contains(&column.name) => CellFormat::Prose,
            _ => CellFormat::Text,
        };
        Self { title: column.name.to_owned(), format }
    }

    /// One for each column of a table, and for each port.
    fn all<T: Table>(ports: &[PortColumn]) -> Vec<Self> {
        let mut all = Vec::new();
        for column in T::in_csv() {
            match column.kind {
                Kind::Ports => {
                    all.extend(ports.iter().map(|port| Self { title: port.name.clone(), format: CellFormat::Text }));
                }
                _ => all.push(Self::of(column)),
            }
        }
        all.truncate(COLUMNS);
        all
    }

    /// The titles of its columns in the sheet, and how wide they are.
    fn columns(&self) -> impl Iterator<Item = (String, f64)> {
        let date = (self.format == CellFormat::Time).then(|| (format!("{} (date)", self.title), DATE_WIDTH));
        std::iter::once((self.title.clone(), width(&self.title, self.format))).chain(date)
    }
}

struct Formats {
    date: Format,
    prose: Format,
    top: Format,
    colours: Vec<(&'static str, Format)>,
}

impl Formats {
    fn new() -> Self {
        let top = Format::new().set_align(FormatAlign::Top);
        let colour = |(word, background, text): &(&'static str, u32, u32)| {
            let colour = top.clone().set_background_color(Color::RGB(*background));
            (*word, colour.set_font_color(Color::RGB(*text)))
        };
        Self {
            date: top.clone().set_num_format("yyyy-mm-dd hh:mm:ss"),
            prose: top.clone().set_text_wrap(),
            colours: COLOURS.iter().map(colour).collect(),
            top,
        }
    }
}

struct Book<'a> {
    workbook: Workbook,
    survey: &'a Survey,
    names: &'a Names,
    /// What a sheet could not hold, in words.
    cut: Vec<String>,
    formats: Formats,
}

impl<'a> Book<'a> {
    fn new(survey: &'a Survey, names: &'a Names) -> Result<Self, XlsxError> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let first = survey.inputs.iter().filter_map(|input| input.first.nanos()).min();
        // Without a time, any that is always the same.
        let created = ExcelDateTime::from_timestamp(first.map_or(0, |nanos| nanos.div_euclid(1_000_000_000)).max(0))?;
        let properties = DocProperties::new().set_title("igorscope survey").set_creation_datetime(&created);
        workbook.set_properties(&properties);
        Ok(Self { workbook, survey, names, cut: Vec::new(), formats: Formats::new() })
    }

    fn finish(mut self) -> Result<Vec<u8>, XlsxError> {
        // The first sheet is the one that opens; what it says is known last.
        self.workbook.add_worksheet().set_name("About")?;
        let (survey, names) = (self.survey, self.names);
        let joins = Joins::new(survey, names);
        self.sheet::<Findings>("Findings", 4, survey.findings.len(), &[], findings::rows(survey, Some(&joins)))?;
        self.sheet::<Coverage>("Coverage", 6, survey.coverage.len(), &[], coverage::rows(survey, names))?;
        self.sheet::<Nodes>("Nodes", 4, survey.nodes.len(), names.ports(), nodes::rows(survey, names))?;
        if survey.tells_health() {
            self.sheet::<Health>("Health", 9, survey.health.pairs.len(), &[], health::rows(survey))?;
        }
        if !survey.transfers.is_empty() {
            let rows = transfers::rows(survey);
            self.sheet::<Transfers>("Transfers", 8, survey.transfers.len(), &[], rows)?;
        }
        self.sheet::<Inventory>("Inventory", 1, survey.hosts.len(), &[], survey.hosts.iter())?;
        let flows = (0..survey.flows.len()).map(|place| flows::row(survey, names, place));
        self.sheet::<Flows>("Flows", 1, survey.flows.len(), &[], flows)?;
        self.about()?;
        self.workbook.save_to_buffer()
    }

    /// A sheet with a frozen header and filters over `count` rows, of which it takes what fits. The first `key` columns stay
    /// in view, and are repeated on each printed page: they say which row it is.
    fn sheet<'r, T: Table>(
        &mut self,
        name: &'static str,
        key: u16,
        count: usize,
        ports: &[PortColumn],
        rows: impl Iterator<Item = T::Row<'r>>,
    ) -> Result<(), XlsxError> {
        if count >= ROWS {
            let kept = ROWS - 1;
            self.cut.push(format!("The sheet {name} has the first {kept} of {count} rows; {} has them all.", T::FILE));
        }
        let formats = &self.formats;
        let headings = Heading::all::<T>(ports);
        let columns: Vec<(String, f64)> = headings.iter().flat_map(Heading::columns).collect();
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, key)?;
        let last_row = u32::try_from(count.min(ROWS - 1)).unwrap_or(u32::MAX);
        let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last_row, last_column)?;
        print_setup(sheet, key, last_row, printed(&headings, &columns))?;
        let header = Format::new().set_bold().set_align(FormatAlign::Top).set_background_color(Color::RGB(0xE4_E7_EB));
        for ((title, width), column) in columns.iter().zip(0u16..) {
            sheet.set_column_width(column, *width)?;
            sheet.write_string_with_format(0, column, title, &header)?;
        }
        // Rows of many flows are many cells: plain ones are smaller.
        let tall = headings.iter().any(|heading| heading.format == CellFormat::Prose);
        for (at, row) in (1..).zip(rows.take(ROWS - 1)) {
            let mut to = SheetRow { sheet, at, column: 0, headings: headings.iter(), tall, formats };
            for column in T::in_csv() {
                match (column.cell)(&row) {
                    Value::Ports(columns, coverage) => {
                        port_cells(columns, coverage).try_for_each(|state| to.write(&Value::Name(state)))?;
                    }
                    value => to.write(&value)?,
                }
            }
        }
        Ok(())
    }

    fn about(&mut self) -> Result<(), XlsxError> {
        let survey = self.survey;
        let count = |severity: Severity| survey.findings.iter().filter(|finding| finding.severity == severity).count();
        let first = survey.inputs.iter().filter(|input| input.first.nanos().is_some()).map(|input| input.first).min();
        let last = survey.inputs.iter().filter(|input| input.last.nanos().is_some()).map(|input| input.last).max();
        let Sentence { lead, rest, .. } = sentence(survey);
        let mut lines: Vec<(String, String)> = vec![
            ("Result".to_owned(), format!("{lead} {rest}")),
            ("Site".to_owned(), survey.site.clone()),
            ("First packet".to_owned(), first.map(|time| time.to_string()).unwrap_or_default()),
            ("Last packet".to_owned(), last.map(|time| time.to_string()).unwrap_or_default()),
            ("Packets".to_owned(), survey.frames.total.to_string()),
            ("Flows".to_owned(), survey.flows.len().to_string()),
            ("Alerts".to_owned(), count(Severity::Alert).to_string()),
            ("Warnings".to_owned(), count(Severity::Warning).to_string()),
            ("Notices".to_owned(), count(Severity::Notice).to_string()),
            ("Policy".to_owned(), survey.policy.title().to_owned()),
        ];
        let inputs = survey.inputs.iter().take(1000);
        lines.extend(inputs.map(|input| ("Capture".to_owned(), input.path.clone())));
        lines.extend(survey.caveats.iter().map(|caveat| ("Caveat".to_owned(), caveat.text.clone())));
        lines.extend(self.cut.iter().map(|text| ("Left out".to_owned(), text.clone())));
        lines.push((
            "Columns".to_owned(),
            "as in docs/data-dictionary.md; times are UTC, durations seconds; a column (date) is the time before it, \
                 to the millisecond, as a date"
                .to_owned(),
        ));
        lines.push(("Written by".to_owned(), format!("igorscope {}", env!("CARGO_PKG_VERSION"))));
        let strong = Format::new().set_bold().set_align(FormatAlign::Top);
        let wrap = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let sheet = self.workbook.worksheet_from_name("About")?;
        sheet.set_column_width(0, 16)?.set_column_width(1, 100)?;
        for ((what, text), row) in lines.iter().zip(0u32..) {
            sheet.write_string_with_format(row, 0, what, &strong)?;
            sheet.write_string_with_format(row, 1, fitting(&crate::text::visible(text)), &wrap)?;
        }
        Ok(())
    }
}

/// The columns that go on paper: behind what is read in lines stands what joins tables, for programs.
fn printed<'c>(headings: &[Heading], columns: &'c [(String, f64)]) -> &'c [(String, f64)] {
    let Some(last) = headings.iter().rposition(|heading| heading.format == CellFormat::Prose) else { return columns };
    let count = headings[..=last].iter().map(|heading| heading.columns().count()).sum();
    columns.get(..count).unwrap_or(columns)
}

/// Landscape, as many pages wide as it takes to be read, each with the header and the key columns.
fn print_setup(sheet: &mut Worksheet, key: u16, last_row: u32, columns: &[(String, f64)]) -> Result<(), XlsxError> {
    let width = |columns: &[(String, f64)]| columns.iter().map(|(_, width)| width).sum::<f64>();
    let (keys, rest) = columns.split_at(usize::from(key).min(columns.len()));
    let pages = (width(rest) / (PAGE_WIDTH - width(keys)).max(PAGE_WIDTH / 3.0)).ceil().clamp(1.0, 32_000.0);
    sheet.set_landscape().set_paper_size(A4).set_print_fit_to_pages(pages as u16, 0);
    sheet.set_repeat_rows(0, 0)?.set_repeat_columns(0, key.saturating_sub(1))?;
    let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    sheet.set_print_area(0, 0, last_row, last_column)?;
    sheet.set_header("&C&A").set_footer("&C&F, page &P of &N");
    Ok(())
}

struct SheetRow<'s, 'h> {
    sheet: &'s mut Worksheet,
    at: u32,
    /// Where the next cell goes.
    column: u16,
    headings: slice::Iter<'h, Heading>,
    tall: bool,
    formats: &'h Formats,
}

impl SheetRow<'_, '_> {
    fn write(&mut self, value: &Value<'_>) -> Result<(), XlsxError> {
        let Some(Heading { format, .. }) = self.headings.next() else { return Ok(()) };
        let (row, column) = (self.at, self.column);
        self.column += 1 + u16::from(*format == CellFormat::Time);
        let text = value.shown();
        if text.is_empty() {
            return Ok(());
        }
        // Excel's numbers are 64-bit floats: above 2^53 a text says more.
        if *format == CellFormat::Number
            && let Ok(value) = text.parse::<f64>()
            && value.abs() < 9_007_199_254_740_992.0
        {
            return match self.tall {
                true => self.sheet.write_number_with_format(row, column, value, &self.formats.top).map(drop),
                false => self.sheet.write_number(row, column, value).map(drop),
            };
        }
        if let Value::Time(time) = value
            && let Some(date) = serial_date(*time)
        {
            self.sheet.write_number_with_format(row, column + 1, date, &self.formats.date)?;
        }
        let text = if *format == CellFormat::List { fitting_list(&text) } else { fitting(&text) };
        let coloured = self.formats.colours.iter().find(|(word, _)| *word == text).map(|(_, format)| format);
        let plain = self.tall.then_some(&self.formats.top);
        let format = if *format == CellFormat::Prose { Some(&self.formats.prose) } else { coloured.or(plain) };
        match format {
            Some(format) => self.sheet.write_string_with_format(row, column, text, format).map(drop),
            None => self.sheet.write_string(row, column, text).map(drop),
        }
    }
}

/// Days since the end of 1899, as Excel counts dates; `None` before 1900.
fn serial_date(time: Timestamp) -> Option<f64> {
    const DAYS_TO_1970: f64 = 25_569.0;
    let millis = time.nanos()? / 1_000_000;
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
fn fitting(text: &str) -> Cow<'_, str> {
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

/// Wide enough for what stands below, in characters.
fn width(title: &str, format: CellFormat) -> f64 {
    let least = match title {
        "detail" | "advice" | "display_filter" => 60.0,
        "rule" | "client" | "server" | "clients" | "servers" | "client_names" | "server_names" | "flow_ids"
        | "sources" | "role_basis" | "community_id" => 34.0,
        "reason" | "service" => 22.0,
        "first_seen" | "last_seen" => 31.0,
        _ if format == CellFormat::Number => 10.0,
        _ if title.ends_with("_ip") || title.ends_with("_mac") || title == "address" || title == "mac" => 18.0,
        _ => 13.0,
    };
    // Room for the filter's button beside the title.
    f64::max(least, title.len() as f64 + 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_same_survey_gives_the_same_bytes() {
        let survey = fixture::survey();
        let names = Names::of(&survey);
        let write = || {
            let mut out = Vec::new();
            write_workbook(&mut out, &survey, &names).unwrap();
            out
        };
        let first = write();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert!(first == write(), "no clock is read");
    }

    #[test]
    fn dates_are_days_as_excel_counts_them() {
        // 2026-03-17T12:00:00Z, and a day of 1700.
        assert_eq!(serial_date(Timestamp::from_nanos(0)), Some(25_569.0));
        assert_eq!(serial_date(Timestamp::from_nanos(1_773_748_800_000_000_000)), Some(46_098.5));
        assert_eq!(serial_date(Timestamp::from_nanos(-8_520_336_000_000_000_000)), None);
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
