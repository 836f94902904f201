//! What is written is none of what is read, and no two results have one name: looked at before anything is read.

use std::fs;
use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::capture::is_capture;
use crate::state::is_state;

/// Fails if a file that is to be written is one of those that are read, or is named twice. Of a folder that is read, captures and
/// states are.
pub(super) fn check<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    written: impl IntoIterator<Item = PathBuf>,
) -> Result<(), Failure> {
    let inputs: Vec<PathBuf> = read.into_iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut known: Vec<PathBuf> = Vec::new();
    for path in written {
        // A pipe or a device takes what it is given.
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            continue;
        }
        let place = place(&path);
        let is_input = |input: &PathBuf| {
            *input == place || input.is_dir() && place.starts_with(input) && (is_capture(&path) || is_state(&path))
        };
        let trouble = match () {
            () if inputs.iter().any(is_input) => "is one of the files that are read, and would be replaced",
            () if known.contains(&place) => "is named for two results",
            () => {
                known.push(place);
                continue;
            }
        };
        return Err(Failure::usage(format!("{} {trouble}; name another file", path.display())));
    }
    Ok(())
}

/// Where a file is, or is to be.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}
