//! Started from Windows' desktop instead of a console: by a double click, or by captures that are dropped on the program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a double click is answered.
#[cfg_attr(not(windows), allow(dead_code))]
pub(super) const EXPLANATION: &str = "\
igorscope analyzes network captures of Igor lighting systems. It has no window of its own.

To analyze captures, drop pcap or pcapng files, or a folder of them, on igorscope.exe:
the report is written beside them and opened.

For everything else, open Windows Terminal or PowerShell in this folder and type

  .\\igorscope --help
";

/// What a command line from the desktop means.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum LaunchMode {
    /// Nothing was named: a double click.
    Nothing,
    /// Captures were dropped on the program.
    Analyze {
        /// The command line that analyzes them.
        words: Vec<OsString>,
        /// The page to open afterwards.
        report: PathBuf,
    },
    /// It is a command line like any other.
    AsTyped,
}

impl LaunchMode {
    /// What these arguments mean, the program's own name before them.
    #[cfg_attr(not(windows), allow(dead_code))]
    pub(super) fn of(arguments: &[OsString]) -> Self {
        let [program, files @ ..] = arguments else { return Self::Nothing };
        let Some(first) = files.first().map(Path::new) else { return Self::Nothing };
        if !files.iter().all(|file| Path::new(file).exists()) {
            return Self::AsTyped;
        }
        let folder = report_folder(first);
        let mut words = vec![program.clone(), "analyze".into(), "-o".into(), folder.clone().into_os_string()];
        words.extend_from_slice(files);
        Self::Analyze { words, report: folder.join("report.html") }
    }
}

/// Beside the first capture, by its name: `monday.pcapng` to `monday-igorscope`.
fn report_folder(capture: &Path) -> PathBuf {
    let name = capture.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.find(['.']).filter(|at| *at > 0 && capture.is_file()).map_or(&*name, |at| &name[..at]);
    capture.with_file_name(format!("{stem}-igorscope"))
}

/// When a file was written; `None` if it is not there.
#[cfg(windows)]
pub(super) fn written(file: &Path) -> Option<std::time::SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Waits until the person at the window has read it.
#[cfg(windows)]
pub(super) fn wait_for_reader() {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "\nPress Enter to close this window.");
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&Path]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn dropped_captures_are_analyzed_beside_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let [capture, second] = ["monday.pcapng.gz", "tuesday.pcap"].map(|name| folder.path().join(name));
        std::fs::write(&capture, "").unwrap();
        std::fs::write(&second, "").unwrap();
        let program = Path::new("igorscope.exe");
        let out = folder.path().join("monday-igorscope");
        let expected = words(&[program, Path::new("analyze"), Path::new("-o"), &out, &capture, &second]);
        let LaunchMode::Analyze { words: got, report } = LaunchMode::of(&words(&[program, &capture, &second])) else {
            panic!("captures are analyzed")
        };
        assert_eq!((got, report), (expected, out.join("report.html")));
        assert_eq!(LaunchMode::of(&words(&[program])), LaunchMode::Nothing);
        assert_eq!(LaunchMode::of(&words(&[program, Path::new("analyze"), &capture])), LaunchMode::AsTyped);
    }

    #[test]
    fn a_folder_keeps_its_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site.north");
        std::fs::create_dir(&site).unwrap();
        assert_eq!(report_folder(&site), folder.path().join("site.north-igorscope"));
    }
}
