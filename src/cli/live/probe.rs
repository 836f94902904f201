//! A sensor without anybody beside it: each run's packets and results in a folder of their own, within a limit.
//!
//! ```text
//! DIR/2026-11-29T00-00-00/packets_00001.pcapng, flows.csv, survey.json, report.html, ...
//! DIR/2026-11-30T00-00-00/...
//! ```
//!
//! A run ends at midnight, and whoever started it starts the next. One that was cut off by a power failure keeps its
//! folder; nothing is ever written over.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Zoned;

use super::super::exit::Failure;
use crate::capture::Rotation;
use crate::report::is_aside;

/// From one look at the disk to the next.
const LOOK: Duration = Duration::from_secs(60);
/// A file of packets is begun anew at this age, and before it is as large as one part in so many of the limit: what is
/// removed is a small part of what is kept.
const FILE_AGE: Duration = Duration::from_secs(3600);
const FILE_SHARE: u64 = 16;
const SMALLEST_FILE: u64 = 1 << 20;
/// How the files of packets are called, before their number.
const PACKETS: &str = "packets";
/// What else a run's folder may hold and may be removed with it: anything else is somebody's.
const RESULTS: [&str; 10] = [
    "flows.csv",
    "findings.csv",
    "coverage.csv",
    "nodes.csv",
    "inventory.csv",
    "health.csv",
    "transfers.csv",
    "survey.json",
    "report.html",
    "INCOMPLETE.txt",
];

/// What takes up the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Disk {
    /// Bytes of all runs together.
    pub(super) kept: u64,
    /// Bytes that they may have.
    pub(super) limit: u64,
    /// Files that were removed to stay within it, by this run.
    pub(super) removed: u64,
}

/// A run of a sensor.
#[derive(Debug)]
pub(super) struct Probe {
    folder: PathBuf,
    run: PathBuf,
    disk: Disk,
    next: Instant,
}

impl Probe {
    /// Begins a run: a new folder in `folder`, which is made if it is not there.
    pub(super) fn begin(folder: PathBuf, limit: u64, now: &Zoned) -> Result<Self, Failure> {
        let failed = |path: &Path, error: io::Error| {
            Failure::unwritten(format!("cannot make the folder {}: {error}", path.display()))
        };
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let name = now.strftime("%Y-%m-%dT%H-%M-%S").to_string();
        // A clock may be set back, or a run fail at once: its folder stays what it is.
        let names = std::iter::once(name.clone()).chain((2..1000).map(|number| format!("{name}_{number}")));
        for run in names.map(|name| folder.join(name)) {
            match fs::create_dir(&run) {
                Ok(()) => {
                    let disk = Disk { limit, ..Disk::default() };
                    return Ok(Self { folder, run, disk, next: Instant::now() });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&run, error)),
            }
        }
        Err(Failure::unwritten(format!("too many runs began at once in {}", folder.display())))
    }

    /// Where this run writes.
    pub(super) fn run(&self) -> &Path {
        &self.run
    }

    /// The file of its packets, before a number is put into its name, and when the next is begun.
    pub(super) fn packets(&self) -> (PathBuf, Rotation) {
        let size = (self.disk.limit / FILE_SHARE).max(SMALLEST_FILE);
        let rotation = Rotation { size: Some(size), time: Some(FILE_AGE), count: None };
        (self.run.join(format!("{PACKETS}.pcapng")), rotation)
    }

    /// Looks at the disk if it is time: has what was written brought to it, and removes the oldest beyond the limit.
    pub(super) fn tick(&mut self) -> Disk {
        if Instant::now() >= self.next {
            self.next = Instant::now() + LOOK;
            self.settle();
            self.prune();
        }
        self.disk
    }

    /// What a power failure would take otherwise. Where it cannot be done, the files are as safe as the system keeps them.
    pub(super) fn settle(&self) {
        for path in files(&self.run) {
            let _ = File::options().append(true).open(path).and_then(|file| file.sync_data());
        }
        for folder in [&self.run, &self.folder] {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
    }

    fn prune(&mut self) {
        let mut runs = runs(&self.folder);
        runs.sort();
        let sized = |path: PathBuf| (path.metadata().map_or(0, |metadata| metadata.len()), path);
        let all: Vec<(u64, PathBuf)> = runs.iter().flat_map(|run| files(run)).map(sized).collect();
        self.disk.kept = all.iter().map(|(size, _)| size).sum();
        // Packets go first, by age, then the results of days past; the file that is being written stays.
        let is_packets = |path: &Path| path.extension().is_some_and(|extension| extension == "pcapng");
        let current = all.iter().rev().find(|(_, path)| is_packets(path) && path.starts_with(&self.run));
        let current = current.map(|(_, path)| path.clone());
        let (packets, results): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, path)| is_packets(path));
        let packets = packets.into_iter().filter(|(_, path)| Some(path) != current.as_ref());
        let results = results.into_iter().filter(|(_, path)| !path.starts_with(&self.run));
        for (size, path) in packets.chain(results) {
            if self.disk.kept <= self.disk.limit {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                self.disk.kept -= size;
                self.disk.removed += 1;
                // The last one of a run takes its folder along; one that holds anything else cannot be removed.
                let _ = path.parent().map(fs::remove_dir);
            }
        }
    }
}

/// The time until the day is over.
pub(super) fn until_midnight(now: &Zoned) -> Duration {
    let end = now.tomorrow().and_then(|day| day.start_of_day()).ok();
    // A day of a year beyond the calendar has no next one.
    let rest = end.and_then(|end| Duration::try_from(now.duration_until(&end)).ok());
    rest.unwrap_or(Duration::from_secs(86_400)).max(Duration::from_secs(1))
}

/// Folders that are called as runs are.
fn runs(folder: &Path) -> Vec<PathBuf> {
    let is_run = |name: &str| {
        let begin = name.split('_').next().unwrap_or_default();
        begin.len() == 19 && jiff::civil::DateTime::strptime("%Y-%m-%dT%H-%M-%S", begin).is_ok()
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    found.filter(|entry| entry.file_name().to_str().is_some_and(is_run)).map(|entry| entry.path()).collect()
}

fn files(run: &Path) -> Vec<PathBuf> {
    let is_ours = |name: &str| {
        let number = name.strip_prefix(PACKETS).and_then(|name| name.strip_suffix(".pcapng"));
        // Those of a run that lost its power while it wrote are nobody's any more.
        RESULTS.contains(&name)
            || is_aside(name)
            || number.and_then(|number| number.strip_prefix('_')).is_some_and(|digits| digits.parse::<u64>().is_ok())
    };
    let entries = fs::read_dir(run).into_iter().flatten().flatten();
    let found = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<PathBuf> =
        found.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_ends_at_midnight_even_where_the_clock_is_put_forward() {
        assert_eq!(until_midnight(&at("2026-11-29T23:59:50+00:00[UTC]")), Duration::from_secs(10));
        assert_eq!(until_midnight(&at("2026-11-29T00:00:00+00:00[UTC]")), Duration::from_secs(86_400));
        assert_eq!(until_midnight(&at("2026-03-29T00:00:00+01:00[Europe/Berlin]")), Duration::from_secs(23 * 3600));
    }

    #[test]
    fn no_run_writes_into_the_folder_of_another() {
        let place = tempfile::tempdir().unwrap();
        let now = at("2026-11-29T08:15:00+00:00[UTC]");
        let begin = || Probe::begin(place.path().join("probe"), 1, &now).unwrap();
        let [first, second] = [begin(), begin()].map(|probe| probe.run);
        assert!(first.ends_with("2026-11-29T08-15-00") && second.ends_with("2026-11-29T08-15-00_2"));
    }

    #[test]
    fn the_newest_is_kept_within_the_limit_and_other_files_stay() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, size: usize| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, vec![0; size]).unwrap();
        };
        for day in ["2026-11-27T00-00-00", "2026-11-28T00-00-00"] {
            (1..=3).for_each(|number| write(&format!("{day}/packets_0000{number}.pcapng"), 100));
            write(&format!("{day}/survey.json"), 10);
        }
        write("2026-11-27T00-00-00/notes.txt", 5000);
        write("old/packets_00001.pcapng", 5000);
        let mut probe = Probe::begin(place.path().to_owned(), 330, &at("2026-11-29T00:00:00+00:00[UTC]")).unwrap();
        write("2026-11-29T00-00-00/packets_00001.pcapng", 100);
        write("2026-11-29T00-00-00/packets_00002.pcapng", 100);
        write("2026-11-29T00-00-00/survey.json", 10);
        let is_there = |name: &str| place.path().join(name).exists();
        assert_eq!(probe.tick(), Disk { kept: 330, limit: 330, removed: 5 });
        assert!(!is_there("2026-11-28T00-00-00/packets_00002.pcapng"));
        assert!(is_there("2026-11-28T00-00-00/packets_00003.pcapng"), "the newest of the day before");
        assert!(is_there("2026-11-27T00-00-00/survey.json"), "results outlive packets");

        // Packets alone do not do: results of days past go, the oldest first, and with the last file the folder.
        (probe.disk.limit, probe.next) = (120, Instant::now());
        assert_eq!(probe.tick(), Disk { kept: 120, limit: 120, removed: 8 });
        assert!(!is_there("2026-11-27T00-00-00/survey.json") && is_there("2026-11-28T00-00-00/survey.json"));
        (probe.disk.limit, probe.next) = (0, Instant::now());
        assert_eq!(probe.tick(), Disk { kept: 110, limit: 0, removed: 9 });
        assert!(!is_there("2026-11-28T00-00-00"));
        assert!(is_there("2026-11-29T00-00-00/packets_00002.pcapng"), "what is being written stays");
        assert!(is_there("2026-11-27T00-00-00/notes.txt") && is_there("old/packets_00001.pcapng"));
    }
}
