//! The program as it is called: exit statuses, messages and files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A sample capture of the package.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// What is in a folder, by name: files and folders whose names end so.
pub(crate) fn entries(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    entries.sort();
    entries
}

/// All files below a folder whose names end so.
pub(crate) fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder, "").into_iter().partition(|path| path.is_dir());
    files.retain(|path| path.to_str().unwrap().ends_with(ending));
    files.extend(folders.iter().flat_map(|folder| below(folder, ending)));
    files
}

/// The captures in a folder.
pub(crate) fn captures(folder: &Path) -> Vec<PathBuf> {
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pcap" || ending == "pcapng");
    entries(folder, "").into_iter().filter(is_capture).collect()
}

/// The program, ready to be given arguments; in UTC and without colours, whatever runs the tests.
pub(crate) fn igorscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_igorscope"));
    command.env("TZ", "UTC").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    Run::of(igorscope().args(arguments).output().unwrap())
}

/// The same with texts and paths.
pub(crate) fn run_with(words: &[&dyn AsRef<OsStr>]) -> Run {
    run(words)
}

/// How a run went.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().expect("the program ends by itself, not by a signal");
        let run = Self { status, out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    /// Asserts the exit status, and that standard error says all of `words`.
    #[track_caller]
    pub(crate) fn expect(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, status, "standard error: {}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
        self
    }
}

/// A folder for one test, with files in it.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// A little-endian microsecond pcap file of these frames, one a second.
pub(crate) fn capture(link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file: Vec<u8> =
        [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link].into_iter().flat_map(u32::to_le_bytes).collect();
    for (second, frame) in (1_700_000_000_u32..).zip(frames) {
        let length = frame.len() as u32;
        file.extend([second, 0, length, length].into_iter().flat_map(u32::to_le_bytes));
        file.extend(frame);
    }
    file
}

/// The same of so many Ethernet frames, each the same ARP request.
pub(crate) fn pcap(frames: usize) -> Vec<u8> {
    let mut frame = vec![0; 42];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame[28..32].copy_from_slice(&[10, 20, 0, 31]);
    frame[38..42].copy_from_slice(&[10, 20, 0, 2]);
    capture(1, &vec![frame; frames])
}

fn names(folder: &Path) -> Vec<String> {
    entries(folder, "").iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

const FILES: [&str; 8] = [
    "coverage.csv",
    "findings.csv",
    "flows.csv",
    "health.csv",
    "inventory.csv",
    "nodes.csv",
    "report.html",
    "survey.json",
];

#[test]
fn a_survey_is_read_and_its_files_are_whole() {
    let out = folder(&[]);
    let results = out.path().join("deep/er");
    let capture = sample("site-survey.pcapng");
    let run = run_with(&[&"analyze", &"--health", &capture, &"-o", &results]).expect(0, &[]);
    assert!(run.out.contains("Vendor's ports") && run.out.contains("Findings"), "{}", run.out);
    assert!(run.err.is_empty(), "{}", run.err);
    // Files crossed by TFTP.
    let files: Vec<&str> = FILES.into_iter().chain(["transfers.csv"]).collect();
    assert_eq!(names(&results), files);
    for name in files.iter().filter(|name| name.ends_with(".csv")) {
        let mut reader = csv::Reader::from_path(results.join(name)).unwrap();
        let rows = reader.records().map(Result::unwrap).count();
        assert!(rows > 0, "{name}");
        assert!(*name != "coverage.csv" || rows == 60);
    }
    let survey: serde_json::Value = serde_json::from_slice(&fs::read(results.join("survey.json")).unwrap()).unwrap();
    assert_eq!(survey["schema_version"], 1);
    assert_eq!(survey["inputs"][0]["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_threads() {
    let out = folder(&[]);
    for threads in ["1", "2", "4", "1000000"] {
        let folder = out.path().join(threads);
        run_with(&[&"analyze", &sample("site-survey.pcapng"), &sample("visit.pcap"), &"-j", &threads, &"-o", &folder])
            .expect(0, &[]);
    }
    for name in FILES {
        let one = fs::read(out.path().join("1").join(name)).unwrap();
        for threads in ["2", "4", "1000000"] {
            assert!(one == fs::read(out.path().join(threads).join(name)).unwrap(), "{name}, {threads} threads");
        }
    }
}

#[test]
fn one_format_goes_to_standard_output() {
    let capture = sample("site-survey.pcapng");
    let capture = capture.to_str().unwrap();
    let csv = run(["analyze", capture, "--format", "csv"]).expect(0, &[]);
    assert!(csv.out.starts_with("flow_id,first_seen,"));
    let json = run(["analyze", capture, "--format", "json"]).expect(0, &[]);
    assert!(serde_json::from_str::<serde_json::Value>(&json.out).is_ok());
    run(["analyze", capture, "--format", "csv,json"]).expect(2, &["one format", "--output"]);
}

#[test]
fn a_full_flow_table_is_told_and_every_packet_is_counted() {
    let capture = sample("site-survey.pcapng");
    let capture = capture.to_str().unwrap();
    let full = run(["analyze", capture, "--max-flows", "10", "--format", "json"]).expect(0, &[]);
    let survey: serde_json::Value = serde_json::from_str(&full.out).unwrap();
    assert!(survey["flows"].as_array().unwrap().len() <= 20, "ten of each address family");
    let caveats = survey["caveats"].to_string();
    assert!(caveats.contains("flow-limit") && caveats.contains("The flow table was full"), "{caveats}");
    let whole = run(["analyze", capture, "--format", "json"]).expect(0, &[]);
    let whole: serde_json::Value = serde_json::from_str(&whole.out).unwrap();
    assert_eq!(survey["frames"], whole["frames"], "each frame is accounted for all the same");
}

#[test]
fn standard_input_is_a_capture() {
    let stdin = fs::File::open(sample("site-survey.pcapng")).unwrap();
    let piped = igorscope().args(["analyze", "-", "--format", "csv"]).stdin(stdin).output().unwrap();
    let named = igorscope().args(["analyze", "--format", "csv"]).arg(sample("site-survey.pcapng")).output().unwrap();
    let without_sources = |output: Output| {
        let run = Run::of(output).expect(0, &[]);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(run.out.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let sources = rows[0].iter().position(|title| title == "sources").unwrap();
        let others = |row: &csv::StringRecord| {
            row.iter().enumerate().filter(|(at, _)| *at != sources).map(|(_, cell)| cell.to_owned()).collect::<Vec<_>>()
        };
        rows.iter().map(others).collect::<Vec<_>>()
    };
    assert!(without_sources(piped) == without_sources(named));
    run(["analyze", "-", "-"]).expect(2, &["only once"]);
}

#[test]
fn fail_on_decides_the_exit_status() {
    let capture = sample("site-survey.pcapng");
    let inventory = sample("site-survey.toml");
    for (fail_on, status) in [("alert", 1), ("notice", 1), ("never", 0)] {
        run_with(&[&"analyze", &capture, &"--inventory", &inventory, &"--fail-on", &fail_on]).expect(status, &[]);
    }
    // Nothing was found in a capture of nothing but ARP, for nothing could be judged.
    let quiet = folder(&[("arp.pcap", &pcap(3))]);
    let capture = quiet.path().join("arp.pcap");
    for (fail_on, status) in [("never", 0), ("unjudged", 1), ("alert", 1), ("warning", 1), ("notice", 1)] {
        run_with(&[&"analyze", &capture, &"--fail-on", &fail_on]).expect(status, &[]);
    }
    // And nothing at all in a capture of a site that is well.
    let capture = sample("visit.pcap");
    for fail_on in ["unjudged", "alert", "notice"] {
        run_with(&[&"analyze", &capture, &"--fail-on", &fail_on]).expect(0, &[]);
    }
}

#[test]
fn colours_are_where_they_are_wanted() {
    let capture = sample("site-survey.pcapng");
    let colored = |command: &mut Command| {
        let output = command.arg("analyze").arg(&capture).output().unwrap();
        Run::of(output).expect(0, &[]).out.contains('\u{1b}')
    };
    assert!(!colored(&mut igorscope()), "a pipe is no terminal");
    assert!(colored(igorscope().args(["--color", "always"])));
    assert!(colored(igorscope().args(["--color", "always"]).env("NO_COLOR", "1")), "what is asked for goes first");
    assert!(!colored(igorscope().args(["--color", "never"])));
}

#[test]
fn a_draft_inventory_is_read_back() {
    let out = folder(&[]);
    let draft = out.path().join("site.toml");
    let capture = sample("site-survey.pcapng");
    run_with(&[&"inventory", &"infer", &capture, &"-o", &draft]).expect(0, &[]);
    run_with(&[&"inventory", &"check", &draft]).expect(0, &[]);
    let csv = |more: &[&OsStr]| {
        let arguments = [OsStr::new("analyze"), capture.as_os_str(), "--format".as_ref(), "csv".as_ref()];
        run(arguments.iter().chain(more)).expect(0, &[]).out
    };
    let roles = |text: String| {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.records().map(Result::unwrap);
        rows.map(|row| (row[6].to_owned(), row[9].to_owned(), row[11].to_owned(), row[14].to_owned()))
            .collect::<Vec<_>>()
    };
    assert!(roles(csv(&[])) == roles(csv(&["--inventory".as_ref(), draft.as_os_str()])));
}

#[test]
fn surveys_are_compared_and_merged() {
    let out = folder(&[]);
    let analyze = |name: &str, capture: &str, site: &str| {
        let folder = out.path().join(name);
        run_with(&[&"analyze", &sample(capture), &"--site-name", &site, &"-q", &"-o", &folder]).expect(0, &[]);
        folder
    };
    let survey = analyze("survey", "site-survey.pcapng", "Harbour");
    let visit = analyze("visit", "visit.pcap", "Harbour");
    let other = analyze("other", "visit.pcap", "Station");

    run_with(&[&"compare", &survey, &survey]).expect(0, &[]);
    let differ = run_with(&[&"compare", &survey, &visit]).expect(1, &[]);
    let flat = differ.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.starts_with("Before Harbour · 20"), "{}", differ.out);
    assert!(flat.contains(" · 29 min 44 s · 3,917 frames · 83 hosts heard "), "{}", differ.out);
    assert!(differ.out.contains("not seen again") && !differ.out.contains("gone"), "{}", differ.out);
    assert!(differ.out.contains("Not seen again is not mended"), "{}", differ.out);

    let merged = out.path().join("all.json");
    let merge = ["merge".as_ref(), survey.as_os_str(), visit.as_os_str(), "-o".as_ref(), merged.as_os_str()];
    run(merge).expect(0, &[]);
    let value: serde_json::Value = serde_json::from_slice(&fs::read(&merged).unwrap()).unwrap();
    assert_eq!(value["site"], "Harbour");
    assert_eq!(value["inputs"].as_array().map(Vec::len), Some(2));
    // The same capture twice would be counted twice.
    run_with(&[&"merge", &visit, &other]).expect(2, &["visit.pcap", "counted twice"]);
    run_with(&[&"compare", &survey, &sample("README.md")]).expect(2, &["README.md"]);
}

#[test]
fn commands_that_print_print() {
    for (arguments, word) in [
        (&["policy", "show"][..], "Configuration"),
        (&["policy", "show", "--toml"], "[[document]]"),
        (&["antivirus", "show"], r"C:\Igor\Data"),
        (&["completions", "bash"], "_igorscope"),
        (&["man"], ".TH igorscope"),
        (&["--help"], "Exit status"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let run = run(arguments).expect(0, &[]);
        assert!(run.out.contains(word), "{arguments:?}: {}", run.out);
        assert!(run.err.is_empty());
    }
}

#[cfg(feature = "live")]
#[test]
fn live_cannot_be_anonymized_and_says_what_can() {
    let run = run(["live", "-i", "lo", "--anonymize"]).expect(2, &[]);
    assert!(run.err.contains("record with --write") && run.err.contains("analyze --anonymize"), "{}", run.err);
    assert!(run.out.is_empty());
}

#[cfg(feature = "live")]
#[test]
fn a_filter_takes_what_matches_and_says_so() {
    let capture = sample("site-survey.pcapng");
    let with = |filter: &str, more: &[&str]| {
        let mut command = igorscope();
        command.args(["analyze", "--filter", filter, "--format", "json"]).args(more).arg(&capture);
        Run::of(command.output().unwrap())
    };
    let survey: serde_json::Value = serde_json::from_str(&with("tcp port 88", &[]).expect(0, &[]).out).unwrap();
    let flows = survey["flows"].as_array().unwrap();
    assert!(!flows.is_empty() && flows.iter().all(|flow| flow["server_port"] == 88 || flow["client_port"] == 88));
    assert!(survey["caveats"].as_array().unwrap().iter().any(|caveat| caveat["kind"] == "filtered"));
    let few: serde_json::Value = serde_json::from_str(&with("tcp", &["-c", "7"]).expect(0, &[]).out).unwrap();
    assert_eq!(few["frames"]["total"], 7);
    with("port and and", &[]).expect(2, &["port and and", "syntax error"]);
}

#[cfg(not(feature = "live"))]
#[test]
fn a_filter_needs_libpcap() {
    run(["analyze", "--filter", "tcp", "x.pcap"]).expect(2, &["libpcap"]);
}

#[test]
fn the_readme_shows_what_its_command_prints() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(package.join("README.md")).unwrap();
    let mut lines = readme.lines().skip_while(|line| !line.starts_with("    $ igorscope analyze"));
    let command = lines.next().expect("the README shows the main job").trim_start_matches("    $ igorscope ");
    let output = igorscope().current_dir(package).args(command.split(' ')).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let shown: Vec<&str> =
        lines.map_while(|line| line.strip_prefix("    ").or(line.is_empty().then_some(""))).collect();
    assert!(shown.len() > 20, "{shown:?}");
    for line in shown.into_iter().filter(|line| !line.is_empty() && line.trim() != "...") {
        assert!(printed.lines().any(|one| one == line), "the README shows {line:?}, and this is printed:\n{printed}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_read_and_is_called_a_capture_is_told() {
    let capture = fs::read(sample("visit.pcap")).unwrap();
    for (name, status) in [("site.pcap.gz", 3), ("site.pcapng", 3), ("ring.pcap12", 3), ("notes.txt", 0)] {
        let folder = folder(&[("good.pcap", &capture)]);
        // To read this file is an error, even for root.
        std::os::unix::fs::symlink("/proc/self/mem", folder.path().join(name)).unwrap();
        let words = if status == 3 { &[name][..] } else { &[] };
        run_with(&[&"analyze", &folder.path(), &"-q"]).expect(status, words);
    }
}

#[test]
fn the_same_capture_is_counted_once() {
    let capture = fs::read(sample("visit.pcap")).unwrap();
    let packed = zstd::encode_all(&capture[..], 1).unwrap();
    let folder = folder(&[("a.pcap", &capture), ("copy of a.pcap", &capture), ("old/a.pcap.zst", &packed)]);
    let evidence = folder.path().join("evidence.pcapng");
    let first = run_with(&[&"analyze", &folder.path(), &"--evidence", &evidence]).expect(0, &["the same frames as"]);
    assert!(first.out.contains("90 frames") && !first.out.contains("seen twice"), "{}", first.out);
    // Nor does its own evidence count, once it lies there.
    let second = run_with(&[&"analyze", &folder.path()]).expect(0, &["evidence that igorscope wrote"]);
    assert!(second.out.contains("90 frames"), "{}", second.out);
}

#[cfg(target_os = "linux")]
#[test]
fn help_to_a_full_disk_is_no_success() {
    for arguments in [&["--help"][..], &["--version"], &["help", "analyze"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let status = igorscope().args(arguments).stdout(full).status().unwrap();
        assert_eq!(status.code(), Some(4), "{arguments:?}");
    }
}

#[test]
fn who_names_a_capture_alone_is_told_the_command() {
    let capture = sample("visit.pcap");
    run_with(&[&capture]).expect(2, &["to analyze it, type: igorscope analyze "]);
    assert!(run(["help", "analyze"]).expect(0, &[]).out.contains("--fail-on"));
}

#[test]
fn a_folder_that_another_run_writes_into_is_left_alone() {
    let out = folder(&[]);
    let mark = fs::File::create(out.path().join("INCOMPLETE.txt")).unwrap();
    mark.lock().unwrap();
    let capture = sample("visit.pcap");
    let arguments = ["analyze".as_ref(), capture.as_os_str(), "-o".as_ref(), out.path().as_os_str()];
    run(arguments).expect(4, &["another igorscope writes into"]);
    assert_eq!(names(out.path()), ["INCOMPLETE.txt"]);
    // Whose run was killed left the mark and no lock.
    drop(mark);
    run(arguments).expect(0, &[]);
    assert_eq!(names(out.path()), FILES);
}

#[test]
fn what_a_full_table_turned_away_may_be_the_answer() {
    let capture = sample("visit.pcap");
    for flows in ["8", "1000"] {
        let told = run_with(&[&"analyze", &capture, &"--max-flows", &flows, &"--format", &"json"]).expect(0, &[]);
        let survey: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        assert!(!survey["findings"].to_string().contains("\"blocked\""), "{flows}: {}", survey["findings"]);
    }
}

#[test]
fn a_sites_name_alone_names_no_device() {
    let of = |words: &[&str]| {
        run([&["policy", "export", "--format", "csv"], words].concat()).expect(0, &[]).out.lines().count()
    };
    assert_eq!(of(&["--site-name", "Hall 4"]), of(&[]));
    assert!(of(&["--node", "10.20.0.101"]) < of(&[]));
}

#[test]
fn a_place_that_is_not_there_is_no_pipe() {
    run_with(&[&"path", &sample("visit.pcap"), &"nowhere.pcap"]).expect(2, &["cannot read nowhere.pcap"]);
}
