//! The tables as an Excel workbook: what IT sorts, filters and forwards.
//!
//! Every cell is a string or a number that was written as one; nothing is ever read as a formula.

mod rows;

use std::io::{self, Cursor, Read as _, Write};
use std::sync::mpsc;
use std::thread;

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::column::{CellKind, Column, Table};
use super::coverage::Coverage;
use super::csv::{write_coverage, write_findings, write_flows, write_inventory, write_nodes};
use super::findings::Findings;
use super::flows::Flows;
use super::health::{Health, write_health};
use super::inventory::Inventory;
use super::names::Names;
use super::nodes::{Nodes, PortColumn};
use super::transfers::{Transfers, write_transfers};
use crate::policy::Severity;
use crate::report::result::{Sentence, sentence};
use crate::survey::Survey;
use crate::verdict::CellState;
use rows::{Rows, Styles, fitting};

/// Rows of a sheet, the header among them (Excel's specification).
const ROWS: usize = if cfg!(test) { 50 } else { 1_048_576 };
/// Columns of a sheet.
const COLUMNS: usize = 16_384;
/// The fastest: compressing is half of what a workbook costs.
const COMPRESSION: i64 = 1;
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

/// report.xlsx: sheets `About`, `Findings`, `Coverage`, `Nodes`, `Health`, `Inventory` and `Flows`, with the rows of
/// the CSV files of those names. The same survey gives the same bytes: its date is that of the first packet.
///
/// A library makes the workbook without its rows, which are put into its sheets on their way to `out`: there may be more
/// of them than memory holds.
///
/// A sheet holds 1,048,576 rows; what is beyond is left out, and `About` says so.
///
/// # Errors
/// Those of `out`.
pub fn write_workbook(out: &mut dyn Write, survey: &Survey, names: &Names, threads: usize) -> io::Result<()> {
    let mut out = UntilError { out, error: None };
    let written = write_parts(&mut out, survey, names, threads);
    out.error.map_or(written, Err)
}

/// A writer that keeps its first error, and behind it takes everything: who writes an archive ends it even so.
struct UntilError<'o> {
    out: &'o mut dyn Write,
    error: Option<io::Error>,
}

impl Write for UntilError<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.out.write_all(bytes)
        {
            let kind = error.kind();
            self.error = Some(error);
            return Err(kind.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.error.is_some() { Ok(()) } else { self.out.flush() }
    }
}

fn write_parts(out: &mut dyn Write, survey: &Survey, names: &Names, threads: usize) -> io::Result<()> {
    let sheets = sheets(survey, names, threads);
    let empty = empty_workbook(survey, &sheets).map_err(io::Error::other)?;
    let mut empty = ZipArchive::new(Cursor::new(empty))?;
    let mut zip = ZipWriter::new_stream(out);
    let options = SimpleFileOptions::default().compression_level(Some(COMPRESSION));
    for at in 0..empty.len() {
        let mut part = empty.by_index(at)?;
        let (name, mut xml) = (part.name()?.into_owned(), String::new());
        part.read_to_string(&mut xml)?;
        zip.start_file(&name, options)?;
        // The first is `About`, which is whole.
        let sheet = (2..).zip(&sheets).find(|(number, _)| name == format!("xl/worksheets/sheet{number}.xml"));
        match sheet.and_then(|(_, sheet)| Some((sheet, xml.find(ROW_OF_STYLES)?, xml.find(END_OF_ROWS)?))) {
            Some((sheet, styles, end)) => {
                zip.write_all(&xml.as_bytes()[..styles])?;
                let styles = Styles::of(&xml[styles..end]);
                let rows = |to: &mut dyn Write| (sheet.write)(&mut Rows::new(to, &sheet.headings, &styles, ROWS));
                if threads > 1 {
                    beside(&mut zip, &rows)?;
                } else {
                    rows(&mut zip)?;
                }
                zip.write_all(&xml.as_bytes()[end..])?;
            }
            None => zip.write_all(xml.as_bytes())?,
        }
    }
    zip.finish()?;
    Ok(())
}

/// Has a thread make what is written here meanwhile: making rows takes about as long as packing them.
fn beside(to: &mut dyn Write, make: &(impl Fn(&mut dyn Write) -> io::Result<()> + Sync)) -> io::Result<()> {
    let (made, pieces) = mpsc::sync_channel(2);
    thread::scope(|scope| {
        let maker = thread::Builder::new().spawn_scoped(scope, move || make(&mut Pieces(made)));
        // Where no thread can be had, the calling one does its work.
        let Ok(maker) = maker else { return make(to) };
        // On an error the maker finds nobody who takes its pieces, and ends.
        pieces.into_iter().try_for_each(|piece: Vec<u8>| to.write_all(&piece))?;
        maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Hands over what is written to it.
struct Pieces(mpsc::SyncSender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the rows of a sheet begin, and where they end.
const ROW_OF_STYLES: &str = "<row r=\"2\"";
const END_OF_ROWS: &str = "</sheetData>";

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
            CellKind::Number | CellKind::Seconds => CellFormat::Number,
            CellKind::Time => CellFormat::Time,
            CellKind::Texts | CellKind::Places => CellFormat::List,
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
                CellKind::Ports => {
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

/// How cells look: at the top, a date, prose in lines, each word that has a colour.
fn formats() -> Vec<Format> {
    let top = Format::new().set_align(FormatAlign::Top);
    let date = top.clone().set_num_format("yyyy-mm-dd hh:mm:ss");
    let colours = COLOURS.iter().map(|(_, background, text)| {
        top.clone().set_background_color(Color::RGB(*background)).set_font_color(Color::RGB(*text))
    });
    [top.clone(), date, top.clone().set_text_wrap()].into_iter().chain(colours).collect()
}

/// Writes rows as CSV, the header first.
type WriteRows<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a>;

/// A sheet and what fills it.
struct Sheet<'a> {
    name: &'static str,
    /// The file that has all of its rows.
    file: &'static str,
    /// The first columns that stay in view, and are repeated on each printed page: they say which row it is.
    key: u16,
    /// Rows that there are.
    rows: usize,
    headings: Vec<Heading>,
    write: WriteRows<'a>,
}

impl<'a> Sheet<'a> {
    fn of<T: Table>(
        (name, key, rows): (&'static str, u16, usize),
        ports: &[PortColumn],
        write: impl Fn(&mut dyn Write) -> io::Result<()> + Sync + 'a,
    ) -> Self {
        Self { name, file: T::FILE, key, rows, headings: Heading::all::<T>(ports), write: Box::new(write) }
    }

    /// The row of its last cell, from 0.
    fn last_row(&self) -> u32 {
        u32::try_from(self.rows.min(ROWS - 1)).unwrap_or(u32::MAX)
    }

    /// Adds it with a frozen header, with filters over its rows, and without them: in the place of the first stands a cell
    /// of each format.
    fn add_to(&self, workbook: &mut Workbook) -> Result<(), XlsxError> {
        let columns: Vec<(String, f64)> = self.headings.iter().flat_map(Heading::columns).collect();
        let sheet = workbook.add_worksheet();
        sheet.set_name(self.name)?.set_freeze_panes(1, self.key)?;
        let last_row = self.last_row();
        let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last_row, last_column)?;
        print_setup(sheet, self.key, last_row, printed(&self.headings, &columns))?;
        let header = Format::new().set_bold().set_align(FormatAlign::Top).set_background_color(Color::RGB(0xE4_E7_EB));
        for ((title, width), column) in columns.iter().zip(0u16..) {
            sheet.set_column_width(column, *width)?;
            sheet.write_string_with_format(0, column, title, &header)?;
        }
        let formats = formats();
        for (format, column) in formats.iter().zip(0..).filter(|_| last_row > 0) {
            sheet.write_blank(1, column, format)?;
        }
        // Readers are told beforehand how far it goes.
        if last_row > 0 {
            sheet.write_blank(last_row, last_column, &formats[0])?;
        }
        Ok(())
    }
}

/// All but `About`.
fn sheets<'a>(survey: &'a Survey, names: &'a Names, threads: usize) -> Vec<Sheet<'a>> {
    let findings = Sheet::of::<Findings>(("Findings", 4, survey.findings.len()), &[], move |out| {
        write_findings(out, survey, names)
    });
    let coverage = Sheet::of::<Coverage>(("Coverage", 6, survey.coverage.len()), &[], move |out| {
        write_coverage(out, survey, names)
    });
    let nodes =
        Sheet::of::<Nodes>(("Nodes", 4, survey.nodes.len()), names.ports(), move |out| write_nodes(out, survey, names));
    let health =
        Sheet::of::<Health>(("Health", 9, survey.health.pairs.len()), &[], move |out| write_health(out, survey));
    let transfers =
        Sheet::of::<Transfers>(("Transfers", 8, survey.transfers.len()), &[], move |out| write_transfers(out, survey));
    let inventory = Sheet::of::<Inventory>(("Inventory", 1, survey.hosts.len()), &[], move |out| {
        write_inventory(out, survey, threads)
    });
    let flows =
        Sheet::of::<Flows>(("Flows", 1, survey.flows.len()), &[], move |out| write_flows(out, survey, names, threads));
    let mut all = vec![findings, coverage, nodes];
    all.extend(survey.tells_health().then_some(health));
    all.extend((!survey.transfers.is_empty()).then_some(transfers));
    all.extend([inventory, flows]);
    all
}

/// The workbook without the rows of its sheets.
fn empty_workbook(survey: &Survey, sheets: &[Sheet<'_>]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let first = survey.inputs.iter().filter_map(|input| input.first.nanos()).min();
    // Without a time, any that is always the same.
    let created = ExcelDateTime::from_timestamp(first.map_or(0, |nanos| nanos.div_euclid(1_000_000_000)).max(0))?;
    let properties = DocProperties::new().set_title("igorscope survey").set_creation_datetime(&created);
    workbook.set_properties(&properties);
    // The first sheet is the one that opens.
    add_about(workbook.add_worksheet(), survey, sheets)?;
    sheets.iter().try_for_each(|sheet| sheet.add_to(&mut workbook))?;
    workbook.save_to_buffer()
}

fn add_about(about: &mut Worksheet, survey: &Survey, sheets: &[Sheet<'_>]) -> Result<(), XlsxError> {
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
    lines.extend(sheets.iter().filter(|sheet| sheet.rows >= ROWS).map(|Sheet { name, file, rows, .. }| {
        let kept = ROWS - 1;
        let text = format!("The sheet {name} has the first {kept} of {rows} rows; {file} has them all.");
        ("Left out".to_owned(), text)
    }));
    lines.push((
        "Columns".to_owned(),
        "as in docs/data-dictionary.md; times are UTC, durations seconds; a column (date) is the time before it, \
                 to the millisecond, as a date"
            .to_owned(),
    ));
    lines.push(("Written by".to_owned(), format!("igorscope {}", env!("CARGO_PKG_VERSION"))));
    let strong = Format::new().set_bold().set_align(FormatAlign::Top);
    let wrap = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    about.set_name("About")?.set_column_width(0, 16)?.set_column_width(1, 100)?;
    for ((what, text), row) in lines.iter().zip(0u32..) {
        about.write_string_with_format(row, 0, what, &strong)?;
        about.write_string_with_format(row, 1, fitting(&crate::text::visible(text)), &wrap)?;
    }
    Ok(())
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
    use crate::report::fixture::{self, Full};

    #[test]
    fn the_same_survey_gives_the_same_bytes() {
        let survey = fixture::survey();
        let names = Names::of(&survey);
        let write = |threads| {
            let mut out = Vec::new();
            write_workbook(&mut out, &survey, &names, threads).unwrap();
            out
        };
        let first = write(1);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert!(first == write(2), "no clock is read, and threads change nothing");
        for (room, threads) in [(0, 1), (100, 1), (100, 2), (first.len() - 1, 2)] {
            let error = write_workbook(&mut Full(room), &survey, &names, threads).unwrap_err();
            assert_eq!((error.kind(), error.to_string().contains("i/o")), (io::ErrorKind::StorageFull, false));
        }
    }
}
