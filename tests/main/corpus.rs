//! Where the corpus of real captures with tshark's truth lies, and the differences that are accepted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One row of a CSV file, by column name.
pub(crate) type Row = HashMap<String, String>;

/// The corpus's folder, or `None` with a plain message where it is absent.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let folder = std::env::var_os("IGORSCOPE_CORPUS").map_or(beside, PathBuf::from);
    if folder.join("MANIFEST.csv").is_file() {
        return Some(folder);
    }
    println!("the corpus of captures is not in {}: this test has nothing to hold against", folder.display());
    None
}

/// All rows of a CSV file with a header line.
pub(crate) fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

/// tshark's rows of one capture (`folder/name`), packets only; none where tshark read nothing.
pub(crate) fn truth(folder: &Path, file: &str) -> Vec<Row> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let path = folder.join("truth").join(format!("{name}.csv"));
    if !path.is_file() {
        return Vec::new();
    }
    rows(&path).into_iter().filter(|row| row["is_packet"] == "1").collect()
}

/// `tests/accepted_differences.csv`: where we differ from the truth, and why that is right.
#[derive(serde::Deserialize, Clone, Debug)]
pub(crate) struct Accepted {
    /// Folder and name in the corpus.
    pub(crate) file: String,
    /// The column, with `[frame]` behind it where it is of one frame.
    pub(crate) field: String,
    /// Our value.
    pub(crate) ours: String,
    /// The truth's value.
    pub(crate) theirs: String,
    /// Why ours is right.
    pub(crate) reason: String,
}

/// All accepted differences.
pub(crate) fn accepted() -> Vec<Accepted> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accepted_differences.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}
