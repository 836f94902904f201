//! What is written is none of what is read, and no two results have one name: looked at before anything is read.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::exit::Failure;
use crate::capture::is_capture;
use crate::report::target;
use crate::state::is_state;

/// Fails if a file that is to be written is one of those that are read, or is named twice. Of a folder that is read, captures,
/// states and Parquet files are. `-` is what standard input is.
pub(super) fn check<'a>(
    read: impl IntoIterator<Item = &'a Path>,
    written: impl IntoIterator<Item = PathBuf>,
) -> Result<(), Failure> {
    let (piped, named): (Vec<_>, Vec<_>) = read.into_iter().partition(|path| path.as_os_str() == "-");
    let inputs: Vec<PathBuf> = named.into_iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut known: Vec<PathBuf> = Vec::new();
    for path in written {
        // A pipe or a device takes what it is given.
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            continue;
        }
        let place = place(&path);
        let is_input =
            |input: &PathBuf| *input == place || input.is_dir() && place.starts_with(input) && is_data(&place);
        let trouble = match () {
            () if inputs.iter().any(is_input) || !piped.is_empty() && is_standard_input(&place) => {
                "is one of the files that are read, and would be replaced"
            }
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

/// Whether a file is what a folder is read for.
fn is_data(path: &Path) -> bool {
    let is_table = || path.is_file() && path.extension().is_some_and(|ending| ending == "parquet");
    is_capture(path) || is_state(path) || is_table()
}

/// Whether a file is the one that standard input comes from. Windows does not let a file be replaced while it is open so.
fn is_standard_input(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        use std::os::unix::fs::MetadataExt as _;
        let input = std::io::stdin().as_fd().try_clone_to_owned().and_then(|input| fs::File::from(input).metadata());
        let file = |found: fs::Metadata| (found.dev(), found.ino());
        input.is_ok_and(|input| fs::metadata(path).is_ok_and(|found| file(found) == file(input)))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Where a file is, or is to be once the folders above it are made.
fn place(path: &Path) -> PathBuf {
    // Names that differ by case are one file there.
    const FOLDS: bool = cfg!(any(windows, target_os = "macos"));
    let mut place = Path::new(".").canonicalize().unwrap_or_default();
    for part in target(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                place.pop();
            }
            Component::Normal(name) => {
                let found = place.join(name).canonicalize().ok();
                place = found.unwrap_or_else(|| match FOLDS {
                    true => place.join(name.to_string_lossy().to_lowercase()),
                    false => place.join(name),
                });
            }
            Component::Prefix(_) | Component::RootDir => place.push(part),
        }
    }
    place
}
