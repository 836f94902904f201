//! docs/parquet.md: every column of every Parquet file, from the tables that write them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::tables::{Caveats, FindingHosts, Inputs, NodePorts, Surveys};
use super::{KeyColumns, stored};
use crate::report::column::Table;
use crate::report::conversations::Conversations;
use crate::report::coverage::Coverage;
use crate::report::findings::Findings;
use crate::report::flows::Flows;
use crate::report::health::Health;
use crate::report::inventory::Inventory;
use crate::report::nodes::Nodes;
use crate::report::transfers::Transfers;

const HEAD: &str = include_str!("page.md");

/// The page.
pub fn parquet_page() -> String {
    let mut page = HEAD.to_owned();
    section::<KeyColumns>(&mut page, "The keys");
    section::<Surveys>(&mut page, "surveys");
    section::<Inputs>(&mut page, "inputs");
    section::<Flows>(&mut page, "flows");
    section::<Conversations>(&mut page, "conversations");
    section::<Findings>(&mut page, "findings");
    section::<FindingHosts>(&mut page, "finding_hosts");
    section::<Coverage>(&mut page, "coverage");
    section::<Nodes>(&mut page, "nodes");
    section::<Health>(&mut page, "health");
    section::<Transfers>(&mut page, "transfers");
    section::<NodePorts>(&mut page, "node_ports");
    section::<Inventory>(&mut page, "hosts");
    section::<Caveats>(&mut page, "caveats");
    page
}

/// The columns of a table: of those that its CSV file has, the data dictionary says the meaning.
fn section<T: Table>(page: &mut String, name: &str) {
    let (mut in_csv, mut rows) = (BTreeMap::<&str, Vec<String>>::new(), String::new());
    for column in T::COLUMNS {
        for (more, form) in stored(column) {
            let stored = format!("`{}{more}`", column.name);
            if column.files.csv() && !T::FILE.is_empty() {
                in_csv.entry(form.name()).or_default().push(stored);
                continue;
            }
            let meaning = match *more {
                "_ns" => "The nanoseconds beyond it, 0 to 999.",
                "_bytes" => "The same as IPv6; IPv4 is mapped (`::ffff:10.20.0.31`).",
                _ => column.meaning,
            };
            // Writing to a String cannot fail.
            let _ = writeln!(rows, "| {stored} | {} | {} |", form.name(), meaning.replace('|', "\\|"));
        }
    }
    let _ = writeln!(page, "\n## {name}\n\n{}", T::ABOUT);
    if !in_csv.is_empty() {
        let _ = writeln!(page, "\nExplained under `{}` in the [data dictionary](data-dictionary.md):\n", T::FILE);
    }
    for (form, columns) in in_csv {
        let _ = writeln!(page, "- {form}: {}", columns.join(", "));
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| column | type | meaning |\n|---|---|---|\n{rows}");
    }
}

#[cfg(test)]
#[test]
fn parquet_page_is_what_the_tables_say() {
    crate::report::fixture::assert_is_current(&parquet_page(), "parquet.md");
}
