//! Files that are whole or not there: written aside in the same folder, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why a result could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder is missing and cannot be made, or is no folder.
    #[error("cannot write into {}: {}; name a folder that you may write to with --output", .0.display(), .1)]
    Folder(PathBuf, #[source] io::Error),
    /// Another run writes into the folder.
    #[error("another igorscope writes into {} at this time; wait for it, or name another folder with --output", .0.display())]
    Taken(PathBuf),
    /// A file could not be written to its end.
    #[error("cannot write {}: {}{}", .0.display(), .1, advice(.1))]
    File(PathBuf, #[source] io::Error),
}

/// A folder whose files belong to one survey, while they are written: until all are, a file in it says that they may not.
///
/// Only one run writes into a folder at a time.
#[derive(Debug)]
pub struct ReportFolder {
    path: PathBuf,
    /// Locked as long as this lives: how a run that goes on is told from one that was killed.
    mark: Option<File>,
}

/// The file that says so.
pub const INCOMPLETE: &str = "INCOMPLETE.txt";
/// What the names of files begin and end with while they are written.
const ASIDE: [&str; 2] = [".igorscope-", ".part"];

/// Whether a file is called as one that is still written, or was when its run ended.
pub fn is_aside(name: &str) -> bool {
    name.starts_with(ASIDE[0]) && name.ends_with(ASIDE[1])
}

impl ReportFolder {
    /// Makes the folder if need be, marks it, and removes what killed runs left behind.
    ///
    /// # Errors
    /// [`WriteError::Folder`] if it cannot be written into, [`WriteError::Taken`] while another run writes into it.
    pub fn begin(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Folder(path.to_owned(), source);
        fs::create_dir_all(path).map_err(failed)?;
        let mut mark = open_mark(&path.join(INCOMPLETE)).map_err(failed)?;
        match mark.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(WriteError::Taken(path.to_owned())),
            // Not every file system has locks: then two runs are not told apart.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let text = format!(
            "igorscope writes a report into this folder (process {}).\nIf that no longer runs, it did not come to its end: the \
             files here may belong to two surveys. Run it again.\n",
            std::process::id()
        );
        mark.set_len(0).and_then(|()| mark.write_all(text.as_bytes())).map_err(failed)?;
        sweep(path);
        Ok(Self { path: path.to_owned(), mark: Some(mark) })
    }

    /// All files are written: they belong to one survey.
    ///
    /// # Errors
    /// [`WriteError::Folder`] if the mark cannot be removed.
    pub fn finish(mut self) -> Result<(), WriteError> {
        // Where what is open cannot be removed, it is closed first.
        if cfg!(windows) {
            self.mark = None;
        }
        let removed = fs::remove_file(self.path.join(INCOMPLETE));
        removed.map_err(|source| WriteError::Folder(self.path.clone(), source))
    }
}

/// Opens the mark, through no link that somebody else put there.
fn open_mark(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

/// Removes files that were never finished. What cannot be removed does no harm.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_aside(&name) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    /// winerror.h: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE.
    const HELD: [i32; 4] = [5, 32, 33, 1224];
    if cfg!(windows) && error.raw_os_error().is_some_and(|code| HELD.contains(&code)) {
        return "; another program may have it open, such as Excel: close it there, or choose another place";
    }
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some space, or choose another place",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; choose a place that you may write to",
        _ => "; what was there before is untouched",
    }
}

/// Writes a file by `write`: first aside, in the same folder, then under its name; through a link, under the name that it
/// leads to. Where `path` is no regular file (a pipe) or is open already (`/dev/stdout`), it is written to directly.
///
/// # Errors
/// [`WriteError::File`]; nothing of the new file is left, and an old one stays as it was.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<(), WriteError> {
    write_by(path, |_| Ok(()), write)
}

/// The same, and brought to the disk before it takes its name: after a power failure there is the old file or the new one. A
/// rename may reach the disk before what was written does (ext4(5), auto_da_alloc), and leave a file of no length.
///
/// # Errors
/// Those of [`write_file`].
pub fn write_file_durably(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<(), WriteError> {
    let settle = |file: &File| match file.sync_all() {
        // Some file systems cannot: then it is as safe as they keep it.
        Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => Ok(()),
        settled => settled,
    };
    write_by(path, settle, write)
}

fn write_by(
    path: &Path,
    settle: fn(&File) -> io::Result<()>,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<(), WriteError> {
    let attempt = || -> io::Result<()> {
        let path = &target(path);
        let open_files = open_files(path);
        if open_files.is_some() || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            let mut file = open(path, open_files.as_deref())?;
            write(&mut file)?;
            return file.flush();
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (file, aside) = StagingPath::create(folder)?;
        let mut buffered = BufWriter::with_capacity(256 * 1024, file);
        write(&mut buffered)?;
        let file = buffered.into_inner()?;
        settle(&file)?;
        // Where what is open cannot be renamed, it is closed first.
        drop(file);
        aside.rename(path)
    };
    attempt().map_err(|source| WriteError::File(path.to_owned(), source))
}

/// What a path leads to. A link that somebody else put there is not followed: it would choose what is written over.
pub fn target(path: &Path) -> PathBuf {
    /// As many as Linux follows (path_resolution(7)).
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Some(next) = fs::read_link(&path).ok().filter(|_| open_files(&path).is_none() && is_ours(&path)) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

/// Whether a link is this user's or the system's.
fn is_ours(link: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let owner = fs::symlink_metadata(link).map(|link| link.uid());
        owner.is_ok_and(|owner| owner == 0 || owner == rustix::process::geteuid().as_raw())
    }
    #[cfg(not(unix))]
    {
        let _ = link;
        true
    }
}

/// The folder of a process's open files, if a path names one of them: such a name cannot be given to another file.
fn open_files(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?.canonicalize().ok()?;
    let is_of_system = ["/proc", "/dev"].iter().any(|root| folder.starts_with(root));
    (folder.ends_with("fd") && is_of_system).then_some(folder)
}

/// Opens what is there. Of what is open already nothing is written over: standard output goes on where it is.
fn open(path: &Path, open_files: Option<&Path>) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        let is_own = |folder: &Path| Path::new("/dev/fd").canonicalize().is_ok_and(|own| own == folder);
        if path.ends_with("1") && open_files.is_some_and(is_own) {
            return io::stdout().as_fd().try_clone_to_owned().map(File::from);
        }
    }
    File::options().write(true).append(open_files.is_some()).open(path)
}

/// A file under another name; removed unless it was renamed. Its path stays relative where the folder's is: the folders above
/// may be closed to whoever writes.
struct StagingPath(PathBuf);

impl StagingPath {
    /// A new file, with the rights that files of this user get.
    fn create(folder: &Path) -> io::Result<(File, Self)> {
        const TRIES: usize = 100;
        for _ in 0..TRIES {
            let mut number = [0; 8];
            getrandom::fill(&mut number).map_err(io::Error::other)?;
            let path = folder.join(format!("{}{:016x}{}", ASIDE[0], u64::from_ne_bytes(number), ASIDE[1]));
            match File::options().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Self(path))),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn rename(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        self.0 = PathBuf::new();
        Ok(())
    }
}

impl Drop for StagingPath {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // What cannot be removed is swept away by the next run into the folder.
            let _ = fs::remove_file(&self.0);
        }
    }
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
    fn a_durable_file_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        write_file_durably(&path, |out| out.write_all(b"whole")).unwrap();
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
        assert!(ReportFolder::begin(&path.join("sub")).unwrap_err().to_string().contains("file"));
    }

    #[test]
    fn a_folder_says_that_it_is_not_whole_and_takes_one_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er");
        let first = ReportFolder::begin(&path).unwrap();
        assert!(fs::read_to_string(path.join(INCOMPLETE)).unwrap().contains("may belong to two surveys"));
        let message = ReportFolder::begin(&path).unwrap_err().to_string();
        assert!(message.contains("another igorscope writes into"), "{message}");
        // Killed: the mark stays, and what was written aside; the next run takes both over.
        drop(first);
        fs::write(path.join(".igorscope-1.part"), "half").unwrap();
        assert_eq!(names(&path), [".igorscope-1.part", INCOMPLETE]);
        let second = ReportFolder::begin(&path).unwrap();
        assert_eq!(names(&path), [INCOMPLETE]);
        second.finish().unwrap();
        assert_eq!(names(&path), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_written_through_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/real"), "old").unwrap();
        for (link, target) in [("first", "deep/real"), ("second", "first"), ("hanging", "deep/new")] {
            std::os::unix::fs::symlink(target, at(link)).unwrap();
        }
        for (link, target) in [("second", "deep/real"), ("hanging", "deep/new")] {
            write_file(&at(link), |out| out.write_all(b"whole")).unwrap();
            assert!(at(link).is_symlink());
            assert_eq!(fs::read(at(target)).unwrap(), b"whole");
        }
        assert_eq!(names(&at("deep")), ["new", "real"]);
        // A write that fails leaves what the link leads to.
        write_file(&at("second"), |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(fs::read(at("deep/real")).unwrap(), b"whole");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_already_is_written_behind_what_is_there() {
        use std::os::fd::AsRawFd as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "there, ").unwrap();
        let file = File::open(&path).unwrap();
        std::os::unix::fs::symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), &link).unwrap();
        write_file(&link, |out| out.write_all(b"whole")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"there, whole");
        assert_eq!(names(folder.path()), ["file", "link"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_mark_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::write(&precious, "kept").unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join(INCOMPLETE)).unwrap();
        assert!(ReportFolder::begin(folder.path()).is_err());
        assert_eq!(fs::read(&precious).unwrap(), b"kept");
    }
}
