//! Where the corpus of real captures with tshark's truth lies, and the differences that are accepted.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// One difference: file, field, ours, theirs.
pub(crate) type Difference = (String, String, String, String);

/// One row of a CSV file, by column name.
pub(crate) type CsvRow = HashMap<String, String>;

/// The folder of the corpus of real captures, or `None` with a plain message where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let folder = std::env::var_os("IGORSCOPE_CORPUS").map_or(beside, PathBuf::from);
    if folder.join("MANIFEST.csv").is_file() {
        return Some(folder);
    }
    println!("the corpus of captures is not in {}: this test has nothing to hold against", folder.display());
    None
}

/// Our own captures with tshark's truth (`scripts/truth.py` makes it), which every clone has, and the corpus of real ones
/// where it is there.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    std::iter::once(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")).chain(folder())
}

/// All rows of a CSV file with a header line.
pub(crate) fn rows(path: &Path) -> Vec<CsvRow> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

/// tshark's rows of one capture (`folder/name`), packets only; none where tshark read nothing.
pub(crate) fn truth(folder: &Path, file: &str) -> Vec<CsvRow> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let path = folder.join("truth").join(format!("{name}.csv"));
    if !path.is_file() {
        return Vec::new();
    }
    rows(&path).into_iter().filter(|row| row["is_packet"] == "1").collect()
}

/// `tests/accepted_differences.csv`: where we differ from the truth, and why that is right.
#[derive(serde::Deserialize)]
struct Accepted {
    /// Folder and name in the corpus.
    file: String,
    /// The column, with `[frame]` behind it where it is of one frame.
    field: String,
    /// Our value.
    ours: String,
    /// The truth's value.
    theirs: String,
    /// Why ours is right.
    reason: String,
}

/// The accepted differences of these files, in fields whose names begin with one of `fields`.
pub(crate) fn accepted(files: &[CsvRow], fields: &[&str]) -> BTreeSet<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted_differences.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = reader.deserialize::<Accepted>().map(|row| row.unwrap_or_else(|e| panic!("{}: {e}", path.display())));
    rows.filter(|row| fields.iter().any(|field| row.field.starts_with(field)))
        .filter(|row| files.iter().any(|file| file["file"] == row.file))
        .inspect(|row| assert!(!row.reason.is_empty(), "{} {} has no reason", row.file, row.field))
        .map(|row| (row.file, row.field, row.ours, row.theirs))
        .collect()
}

/// Fails where what differs and what is accepted are not the same.
pub(crate) fn hold(found: &BTreeSet<Difference>, accepted: &BTreeSet<Difference>) {
    let unexplained: Vec<_> = found.difference(accepted).collect();
    let outdated: Vec<_> = accepted.difference(found).collect();
    assert!(unexplained.is_empty(), "differences that are not accepted: {unexplained:#?}");
    assert!(outdated.is_empty(), "accepted differences that are none: {outdated:#?}");
}
