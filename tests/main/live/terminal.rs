//! The terminal view as a person drives it: in tmux, with real traffic.

use crate::skips::skipped;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Link, NOBODY, PROGRAM};

/// Until a pane shows what is waited for: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tmux server of our own with one pane.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// `None`, with the reason printed, where there is no tmux.
    fn open(folder: &Path, columns: u16, lines: u16, command: &str) -> Option<Self> {
        let tmux = Self { socket: folder.join("tmux") };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let session = ["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &lines, command];
        match tmux.command(&session).env("LC_ALL", "C.UTF-8").env_remove("TMUX").output() {
            Ok(output) if output.status.success() => Some(tmux),
            Ok(output) => panic!("tmux: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                skipped(&format!("the terminal view was not driven: tmux is missing: {error}"));
                None
            }
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(&self.socket).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// What the pane shows, once it shows all of that.
    fn shows(&self, wanted: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let pane = self.run(&["capture-pane", "-p"]);
            if wanted.iter().all(|text| pane.contains(text)) {
                println!("{pane}");
                return pane;
            }
            assert!(begin.elapsed() < PATIENCE, "{wanted:?} is not shown:\n{pane}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

/// A folder that whoever igorscope becomes may write to.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    folder
}

/// What a pane runs: the view in the gateway's namespace, and then how it ended.
fn live(link: &Link, folder: &Path, options: &str) -> String {
    format!(
        "cd {} && env -u NO_COLOR SUDO_UID={NOBODY} SUDO_GID={NOBODY} ip netns exec {} {PROGRAM} live -i eth0 \
         --gateway 10.78.0.1 --node 10.78.0.2 --node 10.78.0.77 {options}; echo \"status=$?\"; sleep 600",
        folder.display(),
        link.0.space("gateway")
    )
}

#[test]
fn a_person_drives_the_view_in_tmux() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = folder();
    let Some(tmux) =
        Tmux::open(folder.path(), 80, 24, &live(&link, folder.path(), "--health -o report -w site.pcapng"))
    else {
        return;
    };
    tmux.shows(&["1 Overview", "eth0", "Packets/s"]);
    link.ask("client");
    // The refused port is a finding within moments, the node carried its documented ports.
    tmux.shows(&["8123", "Newest findings"]);
    tmux.keys(&["2"]);
    tmux.shows(&["gateway 1.12.1+", "● 1", "CoAP"]);
    tmux.keys(&["3"]);
    // It may speak yet: that it never did is told after some minutes.
    assert!(!tmux.shows(&["10.78.0.77", "not yet"]).contains("never heard"));
    tmux.keys(&["4", "/"]);
    tmux.keys(&["-l", "8123"]);
    tmux.keys(&["Enter"]);
    tmux.shows(&["1 of", "filter: 8123", "refused"]);
    tmux.keys(&["5"]);
    tmux.shows(&["undocumented port", "Evidence"]);
    // What was asked just now, how soon it was answered, and by whom it was asked.
    tmux.keys(&["6"]);
    tmux.shows(&["sort: slowest", "coap 5683", "http 80", "Asked by", "node 10.78.0.2"]);
    // A resize in the middle, and one to almost nothing.
    tmux.run(&["resize-window", "-x", "200", "-y", "60"]);
    tmux.keys(&["4"]);
    tmux.shows(&["last packet", "verdict"]);
    tmux.run(&["resize-window", "-x", "20", "-y", "5"]);
    tmux.shows(&["the survey goes"]);
    tmux.run(&["resize-window", "-x", "80", "-y", "24"]);
    tmux.shows(&["1 Overview"]);
    tmux.keys(&["q"]);
    // The terminal is as it was, the summary is on it.
    tmux.shows(&["status=0", "packets captured"]);
    for file in ["survey.json", "flows.csv", "report.html"] {
        assert!(folder.path().join("report").join(file).metadata().unwrap().len() > 0, "{file}");
    }
}

/// The folder with the results that the survey made for itself.
fn own_folder(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_report = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("igorscope-");
    entries.filter(is_report).find(|path| path.join("survey.json").exists())
}

/// Also where the folder that root stands in is closed to whoever igorscope becomes.
#[test]
fn q_saves_where_no_folder_was_named_and_says_where() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let Some(tmux) = Tmux::open(folder.path(), 80, 24, &live(&link, folder.path(), "")) else { return };
    tmux.shows(&["1 Overview", "eth0"]);
    link.ask("client");
    tmux.shows(&["8123", "gravest"]);
    tmux.keys(&["q"]);
    let pane = tmux.shows(&["status=0", "results saved to igorscope-"]);
    let report = own_folder(folder.path()).expect("the results");
    assert!(pane.contains(&*report.file_name().unwrap().to_string_lossy()), "{pane}");
    for file in ["survey.json", "flows.csv", "findings.csv", "report.html"] {
        let metadata = report.join(file).metadata().unwrap();
        assert!(metadata.len() > 0 && metadata.uid() == NOBODY, "{file}");
    }
}

#[test]
fn a_terminal_that_dies_loses_nothing() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = folder();
    let Some(tmux) = Tmux::open(folder.path(), 80, 24, &live(&link, folder.path(), "-w site.pcapng")) else { return };
    tmux.shows(&["1 Overview", "eth0"]);
    link.ask("client");
    tmux.shows(&["8123"]);
    drop(tmux);
    // Nobody named a folder: the results are beside what was written, under the time.
    let begin = Instant::now();
    let survey = loop {
        if let Some(path) = own_folder(folder.path()) {
            break path.join("survey.json");
        }
        assert!(begin.elapsed() < PATIENCE, "the survey was written");
        std::thread::sleep(Duration::from_millis(100));
    };
    let survey: serde_json::Value = serde_json::from_slice(&fs::read(survey).unwrap()).unwrap();
    let findings = survey["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["server_port"] == 8123), "{findings:?}");
    let analyzed =
        Command::new(PROGRAM).args(["analyze", "-q"]).arg(folder.path().join("site.pcapng")).output().unwrap();
    assert_eq!(analyzed.status.code(), Some(0), "{analyzed:?}");
}
