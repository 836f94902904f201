//! survey.json written key by key: its large tables by all threads, each row on a line of its own.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::lines::Lines;
use super::{Time, rows, this_tool, v1};
use crate::inventory::HostId;
use crate::report::column::Table;
use crate::report::conversations::{ConversationRow, Conversations};
use crate::report::coverage::{self, Coverage};
use crate::report::findings::{self, Findings};
use crate::report::flows::{self, Flows};
use crate::report::health::{self, Health};
use crate::report::inventory::Inventory;
use crate::report::line::Line;
use crate::report::names::Names;
use crate::report::nodes::{self, Nodes};
use crate::report::ordered_writer::write_in_order;
use crate::report::transfers::{self, Transfers};
use crate::survey::Survey;

/// Rows that one thread renders at a time: about 250 kB (few in tests, for many chunks).
const ROWS_AT_ONCE: usize = if cfg!(test) { 16 } else { 256 };

/// Serializes what an iterator yields, without collecting it.
struct RowList<F>(F);

impl<F, I> Serialize for RowList<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The outermost object of a file, laid out as [`Lines`] does.
struct JsonDocument<'a> {
    out: &'a mut dyn Write,
    threads: usize,
    is_begun: bool,
}

impl JsonDocument<'_> {
    fn key(&mut self, key: &str) -> io::Result<()> {
        self.out.write_all(if self.is_begun { b",\n  " } else { b"{\n  " })?;
        self.is_begun = true;
        serde_json::to_writer(&mut *self.out, key)?;
        self.out.write_all(b":")
    }

    fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        let mut serializer = serde_json::Serializer::with_formatter(&mut *self.out, Lines::inside());
        Ok(value.serialize(&mut serializer)?)
    }

    /// A table whose rows any thread may make, by their numbers from 0.
    fn table<'r, T: Table>(
        &mut self,
        key: &str,
        rows: usize,
        row: impl Fn(usize) -> T::Row<'r> + Sync,
    ) -> io::Result<()> {
        self.key(key)?;
        self.out.write_all(b"[")?;
        write_rows(self.out, rows, self.threads, |number, line, buffer| {
            begin_row(number, buffer);
            line.json_row::<T>(&row(number), buffer);
        })?;
        self.out.write_all(b"\n  ]")
    }

    /// A small table.
    fn rows<'r, T: Table>(&mut self, key: &str, rows: impl Iterator<Item = T::Row<'r>>) -> io::Result<()> {
        self.key(key)?;
        self.out.write_all(b"[")?;
        let (mut line, mut buffer) = (Line::default(), Vec::new());
        for (number, row) in rows.enumerate() {
            begin_row(number, &mut buffer);
            line.json_row::<T>(&row, &mut buffer);
            self.out.write_all(&buffer)?;
            buffer.clear();
        }
        self.out.write_all(b"\n  ]")
    }

    fn end(self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")
    }
}

/// survey.json of a survey, rendered by several threads; the bytes do not depend on how many. The rows of its tables are made
/// while they are written, so that memory does not grow with them. Without a time of creation, the same survey gives the same
/// bytes.
///
/// # Errors
/// Those of `out`.
pub fn write_survey(
    out: &mut dyn Write,
    survey: &Survey,
    names: &Names,
    created: Option<Time>,
    threads: usize,
) -> io::Result<()> {
    let mut file = JsonDocument { out, threads, is_begun: false };
    file.value("schema_version", &v1::SCHEMA_VERSION)?;
    file.value("judged", &rows::judged(&survey.judged))?;
    file.value("tool", &this_tool())?;
    file.value("created", &created)?;
    file.value("inputs", &RowList(|| survey.inputs.iter().map(rows::input)))?;
    file.value("frames", &rows::frames(&survey.frames))?;
    file.value("site", &survey.site)?;
    file.value("policy", &rows::policy(names.policy()))?;
    file.value("non_ip", &RowList(|| survey.non_ip.iter().map(rows::non_ip)))?;
    file.value("encapsulations", &RowList(|| survey.encapsulations.iter().map(rows::encapsulation)))?;
    file.value("caveats", &RowList(|| survey.caveats.iter().map(rows::caveat)))?;
    file.table::<Flows>("flows", survey.flows.len(), |number| flows::row(survey, names, number))?;
    let conversation = |number: usize| ConversationRow::new(survey, names, &survey.conversations[number]);
    file.table::<Conversations>("conversations", survey.conversations.len(), conversation)?;
    file.rows::<Findings>("findings", findings::rows(survey, None))?;
    file.rows::<Coverage>("coverage", coverage::rows(survey, names))?;
    let host = |number: usize| survey.hosts.get(HostId(number as u32));
    file.table::<Inventory>("inventory", survey.hosts.len(), host)?;
    file.rows::<Nodes>("nodes", nodes::rows(survey, names))?;
    file.rows::<Health>("health", health::rows(survey))?;
    if !survey.transfers.is_empty() {
        file.rows::<Transfers>("transfers", transfers::rows(survey))?;
    }
    file.value("limits", &rows::limits(survey.limits))?;
    file.end()
}

/// flows.ndjson: the flows of survey.json, an object a line (<https://github.com/ndjson/ndjson-spec>), for tools that
/// read a stream. Rendered by several threads; the bytes do not depend on how many.
///
/// # Errors
/// Those of `out`.
pub fn write_flow_lines(out: &mut dyn Write, survey: &Survey, names: &Names, threads: usize) -> io::Result<()> {
    write_rows(out, survey.flows.len(), threads, |number, line, buffer| {
        line.json_row::<Flows>(&flows::row(survey, names, number), buffer);
        buffer.push(b'\n');
    })
}

fn begin_row(number: usize, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(if number == 0 { b"\n    " } else { b",\n    " });
}

/// Rows by their numbers from 0, rendered by several threads and written in their order.
fn write_rows(
    out: &mut dyn Write,
    rows: usize,
    threads: usize,
    row: impl Fn(usize, &mut Line, &mut Vec<u8>) + Sync,
) -> io::Result<()> {
    write_in_order(out, rows.div_ceil(ROWS_AT_ONCE), threads, |chunk, line: &mut Line, buffer| {
        let first = chunk * ROWS_AT_ONCE;
        (first..rows.min(first + ROWS_AT_ONCE)).for_each(|number| row(number, line, buffer));
    })
}
