//! The workbook, read back by openpyxl: what the CSV files hold, nothing that Excel would run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::{folder, run, sample};
use crate::skips::skipped;
use crate::tools::printed;

/// Python with the readers that scripts/test-hosts.sh installs; `None`, with the reason printed, without them.
pub(crate) fn python(module: &str) -> Option<Command> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/python");
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", tools);
    let mut probe = Command::new("python3");
    probe.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/python"));
    let there = probe.args(["-c", &format!("import {module}")]).output().is_ok_and(|output| output.status.success());
    if !there {
        skipped(&format!("Python's {module} is not there; run scripts/test-hosts.sh"));
    }
    there.then_some(python)
}

/// Holds each sheet against its CSV file, cell by cell.
const READ: &str = r#"
import csv, sys, zipfile
from datetime import datetime
import openpyxl
folder = sys.argv[1]
path = folder + "/survey.xlsx"
book = openpyxl.load_workbook(path)
assert book.sheetnames == ["About", "Findings", "Coverage", "Nodes", "Health", "Transfers", "Inventory", "Flows"], book.sheetnames
assert book.properties.created.isoformat() == "2026-03-17T08:00:00", book.properties.created
numbers = colours = 0
for name in book.sheetnames[1:]:
    sheet = book[name]
    rows = list(csv.reader(open(f"{folder}/{name.lower()}.csv", encoding="utf-8", newline="")))
    titles = [cell.value for cell in sheet[1]]
    dates = [at for at, title in enumerate(titles) if title.endswith(" (date)")]
    assert [titles[at - 1] + " (date)" for at in dates] == [titles[at] for at in dates], titles
    for row in sheet.iter_rows(min_row=2):
        for at in dates:
            exact, date = row[at - 1].value, row[at].value
            assert (exact is None) == (date is None), (name, exact, date)
            if exact:
                shown = date.isoformat(timespec="milliseconds")[:19]
                assert date.year == 2026 and abs(datetime.fromisoformat(exact[:23]) - date).total_seconds() < 0.002, (exact, shown)
    cells = [["" if cell.value is None else cell.value for at, cell in enumerate(row) if at not in dates] for row in sheet.iter_rows()]
    assert len(rows) == len(cells) and len(rows) > 1, (name, len(rows), len(cells))
    for at, (expected, found) in enumerate(zip(rows, cells)):
        for column, (text, value) in enumerate(zip(expected, found)):
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                numbers += 1
                assert float(text) == value, (name, at, column, text, value)
            else:
                assert text == value, (name, at, column, text, value)
    keys = {"Findings": "E2", "Coverage": "G2", "Nodes": "E2", "Health": "J2", "Transfers": "I2", "Inventory": "B2", "Flows": "B2"}
    assert sheet.freeze_panes == keys[name], sheet.freeze_panes
    page = sheet.page_setup
    assert page.orientation == "landscape" and page.fitToHeight == 0 and 1 <= page.fitToWidth <= (7 if name == "Nodes" else 6), (name, page)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage, name
    assert sheet.print_title_rows == "$1:$1" and sheet.print_title_cols.startswith("$A:"), (name, sheet.print_title_cols)
    last = sheet.print_area.split(":")[-1].replace("$", "")
    assert name != "Findings" or (sheet[last.rstrip("0123456789") + "1"].value == "advice" and page.fitToWidth <= 4), (last, page.fitToWidth)
    for title, cell in zip(titles, sheet[2]):
        assert title not in ("detail", "advice") or cell.alignment.wrap_text, title
    assert sheet.auto_filter.ref.startswith("A1:") and sheet.auto_filter.ref.endswith(str(len(rows))), sheet.auto_filter.ref
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type in "snd", (name, cell.coordinate, cell.data_type)
            if cell.value == "alert":
                colours += 1
                assert cell.fill.fgColor.rgb == "FFF8D0CE", cell.fill.fgColor.rgb
assert numbers > 1000 and colours > 2, (numbers, colours)
for part in zipfile.ZipFile(path).namelist():
    text = zipfile.ZipFile(path).read(part).decode("utf-8")
    assert "<f>" not in text and "externalLink" not in part and "hyperlink" not in text, part
print("read", numbers, "numbers")
"#;

#[test]
fn the_workbook_holds_what_the_tables_hold() {
    let Some(mut python) = python("openpyxl") else { return };
    let hostile = "[[device]]\naddress = \"10.20.0.10\"\nrole = \"gateway\"\nname = \"=cmd|'/C calc'!A0\"\n\
                   [[device]]\naddress = \"10.20.0.101\"\nrole = \"node\"\nname = \"https://example.com/<b>\"\n";
    let out = folder(&[("site.toml", hostile.as_bytes())]);
    let path = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let capture = sample("site-survey.pcapng");
    for name in ["survey.xlsx", "again.xlsx"] {
        let (xlsx, inventory, folder) = (path(name), path("site.toml"), path(""));
        let arguments =
            ["analyze", "-q", "--health", "--format", "csv", "--inventory", &inventory, "-o", &folder, "--xlsx", &xlsx];
        run(arguments.into_iter().chain([capture.to_str().unwrap()])).expect(0, &[]);
    }
    assert!(fs::read(path("survey.xlsx")).unwrap() == fs::read(path("again.xlsx")).unwrap(), "the same bytes");
    printed(python.args(["-c", READ, out.path().to_str().unwrap()]));
}
