//! Tables to CSV (RFC 4180, UTF-8, LF).

use std::io::{self, Write};

use super::column::{CellKind, Table};
use super::coverage::{self, Coverage};
use super::findings::{self, Findings};
use super::flow_rows::RowWriter;
use super::flows::Flows;
use super::inventory::Inventory;
use super::joins::Joins;
use super::line::Line;
use super::names::Names;
use super::nodes::{self, Nodes, PortColumn};
use super::ordered_writer::write_in_order;
use crate::inventory::HostId;
use crate::survey::Survey;

/// Bytes that are written at once.
const BUFFER: usize = 64 * 1024;

/// Rows that one thread renders at a time: about 400 kB of flows.csv (few in tests, for many chunks).
const ROWS_AT_ONCE: usize = if cfg!(test) { 64 } else { 1024 };

fn write_header<T: Table>(out: &mut dyn Write, ports: &[PortColumn]) -> io::Result<()> {
    let (mut line, mut header) = (Line::default(), Vec::new());
    for column in T::in_csv() {
        match column.kind {
            CellKind::Ports => ports.iter().for_each(|port| line.value(port.name.as_str().into())),
            _ => line.word(column.name),
        }
    }
    line.end_row(&mut header);
    out.write_all(&header)
}

pub(super) fn write_table<'a, T: Table>(
    out: &mut dyn Write,
    ports: &[PortColumn],
    rows: impl IntoIterator<Item = T::Row<'a>>,
) -> io::Result<()> {
    write_header::<T>(out, ports)?;
    let (mut line, mut buffer) = (Line::default(), Vec::new());
    for row in rows {
        line.add::<T>(&row, &mut buffer);
        if buffer.len() >= BUFFER {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

/// findings.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_findings(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    write_table::<Findings>(out, &[], findings::rows(survey, Some(&Joins::new(survey, names))))
}

/// coverage.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_coverage(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    write_table::<Coverage>(out, &[], coverage::rows(survey, names))
}

/// nodes.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_nodes(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    write_table::<Nodes>(out, names.ports(), nodes::rows(survey, names))
}

/// inventory.csv, rendered by `threads` threads.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory(out: &mut dyn Write, survey: &Survey, threads: usize) -> io::Result<()> {
    write_header::<Inventory>(out, &[])?;
    let hosts = survey.hosts.len();
    write_in_order(out, hosts.div_ceil(ROWS_AT_ONCE), threads, |chunk, line: &mut Line, buffer| {
        let host = |row| survey.hosts.get(HostId(row as u32));
        chunk_of(chunk, hosts).for_each(|row| line.add::<Inventory>(&host(row), buffer));
    })
}

/// flows.csv, rendered by `threads` threads; the bytes do not depend on how many.
///
/// # Errors
/// Those of `out`.
pub fn write_flows(out: &mut dyn Write, survey: &Survey, names: &Names, threads: usize) -> io::Result<()> {
    write_header::<Flows>(out, &[])?;
    let flows = survey.flows.len();
    write_in_order(out, flows.div_ceil(ROWS_AT_ONCE), threads, |chunk, rows: &mut Option<RowWriter<'_>>, buffer| {
        let rows = rows.get_or_insert_with(|| RowWriter::new(survey, names));
        chunk_of(chunk, flows).for_each(|place| rows.add(place, buffer));
    })
}

/// The rows of a chunk.
fn chunk_of(chunk: usize, rows: usize) -> std::ops::Range<usize> {
    let first = chunk * ROWS_AT_ONCE;
    first..rows.min(first + ROWS_AT_ONCE)
}

#[cfg(test)]
mod tests;
