//! The CSV files and the workbook as LibreOffice opens them: every cell arrives, names in other scripts too, and
//! nothing of it is a formula.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{entries, folder, run, sample};
use crate::skips::skipped;
use crate::tools::printed;
use crate::xlsx::python;

const NAMES: [&str; 3] = ["=cmd|'/C calc'!A0", "照明 Ελλάδα żółć, 3. Stock", "+1-800;@SUM(1+1)"];

/// Converts files, without a window and with a profile of its own.
fn convert(folder: &Path, arguments: &[&str], files: &[PathBuf]) {
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.display());
    printed(Command::new("soffice").arg(profile).arg("--headless").args(arguments).args(files));
}

/// Holds what LibreOffice read against the CSV files.
const READ: &str = r#"
import csv, sys
import openpyxl
folder, names = sys.argv[1], sys.argv[2:]
seen = set()
for name in ["findings", "coverage", "nodes", "health", "transfers", "inventory", "flows"]:
    rows = list(csv.reader(open(f"{folder}/{name}.csv", encoding="utf-8", newline="")))
    sheet = openpyxl.load_workbook(f"{folder}/read/{name}.xlsx").active
    cells = list(sheet.iter_rows())
    assert len(cells) == len(rows) > 1, (name, len(cells), len(rows))
    for expected, row in zip(rows, cells):
        for text, cell in zip(expected, row):
            assert cell.data_type in "sn", (name, cell.coordinate, cell.data_type)
            if isinstance(cell.value, (int, float)):
                assert float(text) == cell.value, (name, cell.coordinate, text, cell.value)
            else:
                assert text == (cell.value or ""), (name, cell.coordinate, text, cell.value)
    # The workbook's sheet, opened and written out again.
    again = list(csv.reader(open(f"{folder}/again/survey-{name.capitalize()}.csv", encoding="utf-8", newline="")))
    # Beside each time stands the same as a date.
    dates = [at for at, title in enumerate(again[0]) if title.endswith(" (date)")]
    for row in again[1:]:
        for at in dates:
            assert row[at] == row[at - 1][:19].replace("T", " "), (name, row[at - 1], row[at])
    again = [[text for at, text in enumerate(row) if at not in dates] for row in again]
    assert len(again) == len(rows), (name, len(again), len(rows))
    for expected, found in zip(rows, again):
        for text, other in zip(expected, found):
            same = text == other or (text and other and text[0].isdigit() and float(text) == float(other))
            assert same, (name, text, other)
            seen.update(known for known in names if text.lstrip("'") == known == other.lstrip("'"))
assert seen == set(names), seen
"#;

#[test]
fn libreoffice_reads_every_table() {
    if Command::new("soffice").arg("--version").output().is_err() {
        skipped("LibreOffice is not installed (package libreoffice-calc-nogui; scripts/test-hosts.sh)");
        return;
    }
    let Some(mut python) = python("openpyxl") else { return };
    let device = |(number, name): (usize, &&str)| {
        let address = ["10.20.0.10", "10.20.0.101", "10.20.0.40"][number];
        let role = ["gateway", "node", "bacnet"][number];
        format!("[[device]]\naddress = \"{address}\"\nrole = \"{role}\"\nname = \"{name}\"\n")
    };
    let site: String = NAMES.iter().enumerate().map(device).collect();
    let out = folder(&[("site.toml", site.as_bytes())]);
    let path = |name: &str| out.path().join(name).to_str().unwrap().to_owned();
    let (capture, inventory, folder, xlsx) =
        (sample("site-survey.pcapng"), path("site.toml"), path(""), path("survey.xlsx"));
    let arguments =
        ["analyze", "-q", "--health", "--format", "csv", "--inventory", &inventory, "-o", &folder, "--xlsx", &xlsx];
    run(arguments.into_iter().chain([capture.to_str().unwrap()])).expect(0, &[]);

    let tables = entries(out.path(), ".csv");
    assert_eq!(tables.len(), 7);
    // Comma, quotation mark, UTF-8: what its import dialog offers.
    let (read, again) = (path("read"), path("again"));
    convert(out.path(), &["--infilter=CSV:44,34,76,1", "--convert-to", "xlsx", "--outdir", &read], &tables);
    // Every sheet into a file of its own.
    let every = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";
    convert(out.path(), &["--convert-to", every, "--outdir", &again], &[xlsx.into()]);
    printed(python.args(["-c", READ, out.path().to_str().unwrap()]).args(NAMES));
}
