//! A survey.json that lies where another is to be written: whether the other is of all its inputs.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::path::Path;

use super::v1;
use super::values::Time;
use crate::survey::InputSummary;
use crate::text;

/// Bytes that are looked at: some thousand inputs, which stand before the tables.
const LOOKED_AT: u64 = 1024 * 1024;

/// Whether a survey.json tells of an input that is not among these.
pub(crate) fn is_of_others(path: &Path, inputs: &[InputSummary]) -> bool {
    let Ok(bytes) = text::beginning(path, LOOKED_AT) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    // One line for each row, as the file is laid out.
    let rows = text.lines().skip_while(|line| line.trim() != "\"inputs\":[").skip(1);
    let row = |line: &str| serde_json::from_str::<v1::Input<'static>>(line.trim().trim_end_matches(',')).ok();
    let name = |input: &InputSummary| (input.path.clone(), input.size, input.frames, Time::known(input.first));
    let names: HashSet<_> = inputs.iter().map(name).collect();
    // Digests may not be there yet: only what has another name is told by them.
    let digests: LazyCell<HashSet<&str>, _> =
        LazyCell::new(|| inputs.iter().filter_map(InputSummary::sha256).collect());
    let is_among = |input: &v1::Input<'_>| {
        names.contains(&(input.path.to_string(), input.size, input.frames, input.first_seen))
            || input.sha256.as_deref().is_some_and(|digest| digests.contains(digest))
    };
    !rows.map_while(row).all(|input| is_among(&input))
}
