//! The tables as Parquet files, for engines that ask many surveys at once (Apache Parquet format 2).
//!
//! A survey's files stand in `TABLE/day=YYYY-MM-DD/site=SLUG/SURVEY_ID.parquet`, so that a run repeated replaces itself.

mod keys;
mod leaf;
mod page;
mod tables;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};

use super::column::{CellKind, Column, Table};
use super::conversations::{self, Conversations};
use super::coverage::{self, Coverage};
use super::file::{WriteError, write_file};
use super::findings::{self, Findings};
use super::flows::{self, Flows};
use super::health::{self, Health};
use super::inventory::Inventory;
use super::joins::Joins;
use super::names::Names;
use super::nodes::{self, Nodes};
use super::transfers::{self, Transfers};
use crate::capture::Timestamp;
use crate::survey::Survey;
use keys::{KeyColumns, Keys};
use leaf::{Form, Leaf, forms};
pub use page::parquet_page;
use tables::{Caveats, FindingHosts, Inputs, NodePorts, SurveyRow, Surveys, finding_hosts, node_ports};

/// Grows when a column changes its name or meaning; columns are added at the end without.
const SCHEMA_VERSION: u32 = 1;
/// Rows of a group (few in tests, for several groups).
const ROWS: usize = if cfg!(test) { 3 } else { 128 * 1024 };
/// In bytes: beyond, the values of a group are no longer told by a dictionary.
const DICTIONARY: usize = 1024 * 1024;

/// Writes all tables of a survey below a folder. `judged_at` says when it was judged.
///
/// # Errors
/// [`WriteError`] of the file or folder that could not be written.
pub fn write_parquet(folder: &Path, survey: &Survey, names: &Names, judged_at: Timestamp) -> Result<(), WriteError> {
    let keys = Keys::of(survey, judged_at);
    let joins = Joins::new(survey, names);
    let to = Destination { folder, keys: &keys, hosts: survey.hosts.len() };
    let order = flows::by_port(survey);
    to.write::<Flows>(FLOWS, order.into_iter().map(|place| flows::row(survey, names, place as usize)))?;
    let mut talks: Vec<_> = conversations::rows(survey, names).collect();
    talks.sort_by_key(conversations::ConversationRow::port_and_time);
    to.write::<Conversations>(CONVERSATIONS, talks.into_iter())?;
    to.write::<Findings>("findings", findings::rows(survey, Some(&joins)))?;
    to.write::<FindingHosts>("finding_hosts", finding_hosts(survey))?;
    to.write::<Coverage>("coverage", coverage::rows(survey, names))?;
    to.write::<Nodes>("nodes", nodes::rows(survey, names))?;
    to.write::<Health>("health", health::rows(survey))?;
    if !survey.transfers.is_empty() {
        to.write::<Transfers>("transfers", transfers::rows(survey))?;
    }
    to.write::<NodePorts>("node_ports", node_ports(survey, names))?;
    to.write::<Inventory>("hosts", survey.hosts.iter())?;
    to.write::<Inputs>("inputs", survey.inputs.iter())?;
    to.write::<Caveats>("caveats", survey.caveats.iter())?;
    to.write::<Surveys>("surveys", std::iter::once(SurveyRow { survey, keys: &keys }))
}

const FLOWS: &str = "flows";
const CONVERSATIONS: &str = "conversations";

/// Where the files of a survey go.
struct Destination<'a> {
    folder: &'a Path,
    keys: &'a Keys,
    /// How many addresses there are.
    hosts: usize,
}

impl Destination<'_> {
    fn write<'r, T: Table>(
        &self,
        table: &'static str,
        rows: impl Iterator<Item = T::Row<'r>>,
    ) -> Result<(), WriteError> {
        let folder = self.keys.folder(&self.folder.join(table));
        let failed = |source| WriteError::Folder(folder.clone(), source);
        fs::create_dir_all(&folder).map_err(failed)?;
        let path = folder.join(format!("{}.parquet", self.keys.survey));
        write_file(&path, |out| self.write_to::<T>(out, table, rows).map_err(into_io))
    }

    fn write_to<'r, T: Table>(
        &self,
        out: &mut (dyn Write + Send),
        table: &str,
        mut rows: impl Iterator<Item = T::Row<'r>>,
    ) -> Result<(), ParquetError> {
        let schema = Arc::new(schema::<T>(table)?);
        let properties = self.properties(table, &schema)?;
        let mut file = SerializedFileWriter::new(out, schema, properties)?;
        loop {
            let chunk: Vec<T::Row<'r>> = rows.by_ref().take(ROWS).collect();
            if chunk.is_empty() {
                break;
            }
            let mut group = file.next_row_group()?;
            for column in KeyColumns::COLUMNS {
                let value = || (column.cell)(&self.keys);
                for (_, form) in stored(column) {
                    let mut leaf = Leaf::new(*form);
                    chunk.iter().for_each(|_| leaf.add(&value()));
                    group.next_column()?.map_or(Ok(()), |to| leaf.write(to))?;
                }
            }
            for column in T::COLUMNS {
                let mut leaves: Vec<Leaf> = stored(column).iter().map(|(_, form)| Leaf::new(*form)).collect();
                for row in &chunk {
                    let value = (column.cell)(row);
                    leaves.iter_mut().for_each(|leaf| leaf.add(&value));
                }
                for leaf in leaves {
                    group.next_column()?.map_or(Ok(()), |to| leaf.write(to))?;
                }
            }
            group.close()?;
        }
        file.close()?;
        Ok(())
    }

    fn properties(&self, table: &str, schema: &Arc<Type>) -> Result<WriterPropertiesPtr, ParquetError> {
        let told = |key: &str, value: String| KeyValue::new(format!("igorscope.{key}"), value);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_dictionary_page_size_limit(DICTIONARY)
            .set_max_row_group_row_count(Some(ROWS))
            .set_key_value_metadata(Some(vec![
                told("schema", table.to_owned()),
                told("schema_version", SCHEMA_VERSION.to_string()),
                told("version", env!("CARGO_PKG_VERSION").to_owned()),
            ]));
        let columns = SchemaDescriptor::new(Arc::clone(schema));
        let at = |name: &str| columns.columns().iter().position(|column| column.name() == name);
        if [FLOWS, CONVERSATIONS].contains(&table) {
            let sorted = ["server_port", "first_seen"].into_iter().filter_map(at);
            let sorted = sorted.map(|at| SortingColumn { column_idx: at as i32, descending: false, nulls_first: true });
            properties = properties.set_sorting_columns(Some(sorted.collect()));
        }
        // An address is what one looks for: engines then open only the groups that have it.
        let is_address = |name: &str| columns.columns().iter().any(|other| other.name() == format!("{name}_bytes"));
        for column in columns.columns().iter().filter(|column| is_address(column.name())) {
            let path = ColumnPath::from(column.name());
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_max_ndv(path, self.hosts.clamp(1, ROWS) as u64);
        }
        Ok(Arc::new(properties.build()))
    }
}

/// How a column is stored: as its kind says, but that survey.json names inputs by their places, and tags as text.
fn stored<T: Table>(column: &Column<T>) -> &'static [(&'static str, Form)] {
    forms(match column.name {
        "vlan" => CellKind::Tags,
        "sources" => CellKind::Texts,
        _ => column.kind,
    })
}

/// The schema of a table: the keys that each row carries, and its columns.
fn schema<T: Table>(table: &str) -> Result<Type, ParquetError> {
    let mut text = format!("message {table} {{");
    let mut declare = |name: &str, forms: &[(&str, Form)]| {
        forms.iter().for_each(|(more, form)| text.push_str(&form.declared(&format!("{name}{more}"))));
    };
    KeyColumns::COLUMNS.iter().for_each(|column| declare(column.name, stored(column)));
    T::COLUMNS.iter().for_each(|column| declare(column.name, stored(column)));
    text.push('}');
    parse_message_type(&text)
}

fn into_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    }
}
