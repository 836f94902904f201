//! Where a survey that was watched on a terminal is saved, if no folder was named.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Surveys that may begin in one folder within one second.
const TRIES: u32 = 100;

/// A folder of the survey's own, made and opened before rights are given up.
pub(super) struct SurveyFolder {
    name: PathBuf,
    #[cfg(unix)]
    folder: File,
}

impl SurveyFolder {
    /// Makes `igorscope-DATE-TIME` in the current folder.
    pub(super) fn make() -> io::Result<Self> {
        let begin = jiff::Zoned::now().strftime("igorscope-%Y%m%d-%H%M%S").to_string();
        let names = (1..TRIES).map(|nth| if nth == 1 { begin.clone() } else { format!("{begin}-{nth}") });
        for name in names {
            match std::fs::create_dir(&name) {
                Ok(()) => {
                    return Ok(Self {
                        #[cfg(unix)]
                        folder: File::open(&name)?,
                        name: name.into(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// For people.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// Open, so that it is given to nobody else's name; where rights are not by user there is none.
    pub(super) fn folder(&self) -> Option<&File> {
        #[cfg(unix)]
        return Some(&self.folder);
        #[cfg(not(unix))]
        None
    }

    /// The way to it for whoever the program has become. Where a folder above is closed to them, what is open is the only way.
    pub(super) fn enter(&self) -> io::Result<PathBuf> {
        if self.name.metadata().is_ok() {
            return Ok(self.name.clone());
        }
        #[cfg(unix)]
        {
            rustix::process::fchdir(&self.folder)?;
            Ok(PathBuf::from("."))
        }
        #[cfg(not(unix))]
        Ok(self.name.clone())
    }
}
