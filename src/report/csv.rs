//! Tables to CSV (RFC 4180, UTF-8, LF).

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use csv::{ByteRecord, Terminator, Writer, WriterBuilder};

use super::coverage::{CellRow, Coverage};
use super::findings::{FindingRow, Findings};
use super::flows::{FlowRow, Flows};
use super::inventory::Inventory;
use super::names::Names;
use super::table::{Cells, Table};
use crate::inventory::HostId;
use crate::survey::Survey;

/// Bytes that are written at once.
const BUFFER: usize = 64 * 1024;

/// Rows that one thread renders at a time: about 400 kB of flows.csv (few in tests, for many chunks).
const ROWS_AT_ONCE: usize = if cfg!(test) { 64 } else { 1024 };

pub(super) fn writer<W: Write>(out: W) -> Writer<W> {
    WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out)
}

fn write_header<T: Table>(out: &mut dyn Write) -> io::Result<()> {
    let mut writer = writer(out);
    writer.write_byte_record(&T::COLUMNS.iter().map(|column| column.name.as_bytes()).collect::<ByteRecord>())?;
    writer.flush()
}

fn write_table<'a, T: Table>(out: &mut dyn Write, rows: impl IntoIterator<Item = T::Row<'a>>) -> io::Result<()> {
    write_header::<T>(out)?;
    let mut cells = Cells::default();
    for row in rows {
        cells.add::<T>(&row);
        if cells.rows().len() >= BUFFER {
            out.write_all(cells.rows())?;
            cells.rows().clear();
        }
    }
    out.write_all(cells.rows())
}

/// findings.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_findings(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    let rows = survey.findings.iter().enumerate();
    write_table::<Findings>(out, rows.map(|(i, finding)| FindingRow { number: i + 1, finding, names }))
}

/// coverage.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_coverage(out: &mut dyn Write, survey: &Survey, names: &Names) -> io::Result<()> {
    let rows = survey.coverage.iter();
    write_table::<Coverage>(
        out,
        rows.filter_map(|coverage| {
            let (cell, document) = names.cell(coverage.cell)?;
            Some(CellRow { cell, document, coverage })
        }),
    )
}

/// inventory.csv, rendered by `threads` threads.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory(out: &mut dyn Write, survey: &Survey, threads: usize) -> io::Result<()> {
    write_rows::<Inventory>(out, survey.hosts.len(), threads, |cells, row| {
        cells.add::<Inventory>(&survey.hosts.get(HostId(row as u32)));
    })
}

/// flows.csv, rendered by `threads` threads; the bytes do not depend on how many.
///
/// # Errors
/// Those of `out`.
pub fn write_flows(out: &mut dyn Write, survey: &Survey, names: &Names, threads: usize) -> io::Result<()> {
    write_rows::<Flows>(out, survey.flows.len(), threads, |cells, place| {
        let (flow, judgement) = survey.flows.view(place);
        cells.add::<Flows>(&FlowRow::new(survey, names, place, flow, judgement));
    })
}

/// Rows by their numbers from 0, rendered by several threads.
fn write_rows<T: Table>(
    out: &mut dyn Write,
    rows: usize,
    threads: usize,
    add: impl Fn(&mut Cells, usize) + Sync,
) -> io::Result<()> {
    write_header::<T>(out)?;
    in_order(out, rows.div_ceil(ROWS_AT_ONCE), threads, |chunk, cells, buffer| {
        let first = chunk * ROWS_AT_ONCE;
        std::mem::swap(cells.rows(), buffer);
        (first..rows.min(first + ROWS_AT_ONCE)).for_each(|row| add(cells, row));
        std::mem::swap(cells.rows(), buffer);
        Ok(())
    })
}

/// Renders `count` chunks by `threads` threads, and writes them in order.
///
/// Each thread has every `threads`-th chunk and stays at most two ahead of what was written, so
/// the memory is bounded.
fn in_order(
    out: &mut dyn Write,
    count: usize,
    threads: usize,
    render: impl Fn(usize, &mut Cells, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let threads = threads.min(count).max(1);
    if threads == 1 {
        let mut cells = Cells::default();
        let mut buffer = Vec::new();
        for chunk in 0..count {
            buffer.clear();
            render(chunk, &mut cells, &mut buffer)?;
            out.write_all(&buffer)?;
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let render = &render;
        let lanes: Vec<Lane> = (0..threads)
            .map(|first| {
                let (full, from_thread) = sync_channel(1);
                let (to_thread, empty) = sync_channel(2);
                scope.spawn(move || run_lane((first..count).step_by(threads), &full, &empty, render));
                Lane { full: from_thread, empty: to_thread }
            })
            .collect();
        for chunk in 0..count {
            let lane = &lanes[chunk % threads];
            let gone = || io::Error::other("a rendering thread ended early");
            let buffer = lane.full.recv().map_err(|_| gone())??;
            out.write_all(&buffer)?;
            // A thread that has rendered its last chunk takes no buffer back.
            let _ = lane.empty.try_send(buffer);
        }
        Ok(())
    })
}

/// The writing thread's ends of a rendering thread's channels.
struct Lane {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
}

fn run_lane(
    chunks: impl Iterator<Item = usize>,
    full: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
    render: &(impl Fn(usize, &mut Cells, &mut Vec<u8>) -> io::Result<()> + Sync),
) {
    let mut cells = Cells::default();
    for chunk in chunks {
        let mut buffer = empty.try_recv().unwrap_or_default();
        buffer.clear();
        let rendered = render(chunk, &mut cells, &mut buffer).map(|()| buffer);
        // The writer is gone after an error of its own: nobody waits for more.
        if full.send(rendered).is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
