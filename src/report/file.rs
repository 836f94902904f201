//! Files that are whole or not there: written aside in the same folder, then renamed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder is missing and cannot be made, or is no folder.
    #[error("cannot write into {}: {source}; name a folder that you may write to with --output", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be written to its end.
    #[error("cannot write {}: {source}{}", path.display(), advice(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some space, or choose another place",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose a place that you may write to",
        _ => "; what was there before is untouched",
    }
}

/// Makes a folder, and those above it, if it is not there yet.
///
/// # Errors
/// [`WriteError::Folder`] if it cannot be made.
pub fn create_folder(folder: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(folder).map_err(|source| WriteError::Folder { path: folder.to_owned(), source })
}

/// Writes a file by `write`: first aside, in the same folder, then under its name. Where `path` is
/// no regular file (a pipe, `/dev/stdout`), it is written to directly.
///
/// # Errors
/// [`WriteError::File`]; nothing of the new file is left, and an old one stays as it was.
pub fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), WriteError> {
    let attempt = || -> io::Result<()> {
        if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let mut file = fs::File::options().write(true).open(path)?;
            write(&mut file)?;
            return file.flush();
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let aside = aside(folder)?;
        let mut buffered = BufWriter::with_capacity(256 * 1024, aside);
        write(&mut buffered)?;
        buffered.into_inner()?.persist(path)?;
        Ok(())
    };
    attempt().map_err(|source| WriteError::File { path: path.to_owned(), source })
}

/// A temporary file with the rights that a new file of this user gets.
fn aside(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".igorscope-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_file(&path, |out| out.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let result = write_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let message = result.unwrap_err().to_string();
        assert!(message.contains("a.csv") && message.contains("free some space"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(create_folder(&path.join("sub")).unwrap_err().to_string().contains("file"));
    }
}
