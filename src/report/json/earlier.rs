//! A survey.json that lies where another is to be written: whether it is of the same inputs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{rows, v1};
use crate::survey::InputSummary;

/// Bytes that are looked at: some thousand inputs, which stand before the tables.
const LOOKED_AT: u64 = 1024 * 1024;

/// Whether a survey.json tells of inputs, and of others than these.
pub(crate) fn is_of_others(path: &Path, inputs: &[InputSummary]) -> bool {
    let mut bytes = Vec::new();
    let is_read = File::open(path).is_ok_and(|file| file.take(LOOKED_AT).read_to_end(&mut bytes).is_ok());
    let text = String::from_utf8_lossy(&bytes);
    // One line for each row, as the file is laid out.
    let rows = text.lines().skip_while(|line| line.trim() != "\"inputs\":[").skip(1);
    let row = |line: &str| serde_json::from_str::<v1::Input<'static>>(line.trim().trim_end_matches(',')).ok();
    let earlier: Vec<v1::Input<'_>> = rows.map_while(row).collect();
    let is_whole = (bytes.len() as u64) < LOOKED_AT;
    let is_same = earlier.iter().zip(inputs).all(|(earlier, now)| is_same(earlier, &rows::input(now)));
    is_read && !earlier.is_empty() && !(is_same && (earlier.len() == inputs.len() || !is_whole))
}

fn is_same(a: &v1::Input<'_>, b: &v1::Input<'_>) -> bool {
    match (&a.sha256, &b.sha256) {
        (Some(a), Some(b)) => a == b,
        _ => (&a.path, a.size, a.frames, a.first_seen) == (&b.path, b.size, b.frames, b.first_seen),
    }
}
