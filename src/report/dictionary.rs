//! docs/data-dictionary.md: every column of every CSV file, from the tables that write them.

use std::fmt::Write;

use super::column::{CellKind, Table};
use super::coverage::Coverage;
use super::findings::Findings;
use super::flows::Flows;
use super::health::Health;
use super::inventory::Inventory;
use super::nodes::Nodes;
use super::path::Legs;
use super::transfers::Transfers;

const HEAD: &str = "\
# Data dictionary

The columns of igorscope's CSV files. This page is generated from the tables that write them; after a change there, run
`UPDATE_DOCS=1 cargo test data_dictionary`.

All files: RFC 4180 quoting, UTF-8, LF, one header line. Times are RFC 3339 in UTC with nanoseconds, durations decimal
seconds. An empty cell means not known; several values in a cell are joined by `;`. Control characters in foreign text
are written out (`\\x1b`), and such text that begins with `=`, `+`, `-`, `@`, tab or CR gets a leading `'`, so that no
spreadsheet takes it for a formula. New columns are added at the end only.

The tables of `survey.json` have the same names and meanings, with `null` for not known, numbers as numbers, lists as
arrays, and `sources` as positions in `inputs`, from 0. A row of `nodes` has its port columns in an object, `ports`.
The columns `clients` to `flow_ids` of findings.csv are not repeated there: a finding has the positions of its `conversations`, and each flow that
of its `conversation`.
";

/// The page.
pub fn data_dictionary() -> String {
    let mut page = HEAD.to_owned();
    section::<Flows>(&mut page);
    section::<Findings>(&mut page);
    section::<Coverage>(&mut page);
    section::<Inventory>(&mut page);
    section::<Nodes>(&mut page);
    section::<Health>(&mut page);
    section::<Transfers>(&mut page);
    section::<Legs>(&mut page);
    page
}

fn section<T: Table>(page: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "\n## {}\n\n{}\n\n| column | meaning | unit or form | example |\n|---|---|---|---|\n",
        T::FILE,
        T::ABOUT
    );
    for column in T::in_csv() {
        let name =
            if column.kind == CellKind::Ports { "in_tcp_80`, `in_tcp_88`, ... `out_tcp_80`" } else { column.name };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | `{}` |",
            name,
            column.meaning.replace('|', "\\|"),
            column.unit,
            column.example.replace('|', "\\|")
        );
    }
}

#[cfg(test)]
#[test]
fn data_dictionary_is_what_the_tables_say() {
    super::fixture::assert_is_current(&data_dictionary(), "data-dictionary.md");
}
