//! The evidence file held against Wireshark's own tools: capinfos and tshark read it without a warning, and the
//! display filter of each finding shows exactly its frames, in the evidence and in the source.

use crate::skips::{is_there, skipped};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What a program printed; panics if it failed or complained.
fn ask(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let complaints: String =
        String::from_utf8_lossy(&output.stderr).lines().filter(|line| !line.contains("Running as user")).collect();
    assert!(output.status.success() && complaints.is_empty(), "{program} {arguments:?}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

/// Times of the frames that a filter shows.
fn times(capture: &str, filter: &str) -> Vec<String> {
    let shown = ask("tshark", &["-n", "-r", capture, "-Y", filter, "-T", "fields", "-e", "frame.time_epoch"]);
    let mut times: Vec<String> = shown.lines().map(str::to_owned).collect();
    times.sort();
    times
}

#[test]
fn wireshark_shows_of_each_finding_exactly_its_frames() {
    if !is_there("tshark") || !is_there("capinfos") {
        skipped("tshark and capinfos are needed to read the evidence");
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let capture = package.join("captures/site-survey.pcapng");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let evidence = folder.path().join("evidence.pcapng");
    let analyzed = Command::new(env!("CARGO_BIN_EXE_igorscope"))
        .args(["-q", "analyze", "--format", "csv", "--inventory"])
        .arg(package.join("captures/site-survey.toml"))
        .arg("-o")
        .arg(&out)
        .arg("--evidence")
        .arg(&evidence)
        .arg(&capture)
        .output()
        .unwrap();
    assert!(analyzed.status.success(), "{}", String::from_utf8_lossy(&analyzed.stderr));
    let (capture, evidence) = (capture.to_str().unwrap(), evidence.to_str().unwrap());
    ask("capinfos", &[evidence]);

    // By finding: the times of the frames whose comment names it.
    let mut commented: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let fields = ["-e", "frame.time_epoch", "-e", "frame.comment"];
    let all = ask("tshark", &[&["-n", "-r", evidence, "-T", "fields", "-E", "aggregator=|"][..], &fields[..]].concat());
    for line in all.lines() {
        let (time, comments) = line.split_once('\t').unwrap();
        for comment in comments.split('|') {
            let number = comment.strip_prefix("finding ").unwrap().split(' ').next().unwrap();
            commented.entry(number.to_owned()).or_default().push(time.to_owned());
        }
    }
    commented.values_mut().for_each(|times| times.sort());

    let mut findings = csv::Reader::from_path(out.join("findings.csv")).unwrap();
    let column = |headers: &csv::StringRecord, name: &str| headers.iter().position(|header| header == name).unwrap();
    let headers = findings.headers().unwrap().clone();
    let (id, flows, filter) = (column(&headers, "id"), column(&headers, "flows"), column(&headers, "display_filter"));
    let mut seen = BTreeSet::new();
    for row in findings.records().map(Result::unwrap).filter(|row| &row[flows] != "0") {
        let expected = commented.get(&row[id]).cloned().unwrap_or_default();
        assert!(!expected.is_empty(), "finding {} has frames", &row[id]);
        assert_eq!(times(evidence, &row[filter]), expected, "finding {} in the evidence: {}", &row[id], &row[filter]);
        assert_eq!(times(capture, &row[filter]), expected, "finding {} in the source: {}", &row[id], &row[filter]);
        seen.insert(row[id].to_owned());
    }
    assert!(seen.len() > 10);
    assert_eq!(seen, commented.into_keys().collect(), "no comment names a finding without flows");

    // Original bytes: each frame of the evidence is one of the source.
    let bytes = |file: &str| -> BTreeSet<String> {
        let hex = ask(
            "tshark",
            &[
                "-n",
                "-r",
                file,
                "-T",
                "fields",
                "-e",
                "frame.time_epoch",
                "-e",
                "frame.len",
                "-e",
                "frame.cap_len",
                "-e",
                "frame.md5_hash",
                "-o",
                "frame.generate_md5_hash:TRUE",
            ],
        );
        hex.lines().map(str::to_owned).collect()
    };
    let source = bytes(capture);
    assert!(bytes(evidence).is_subset(&source));
    let names = ask("tshark", &["-r", evidence, "-q", "-z", "hosts"]);
    assert!(names.contains("node-01"), "{names}");
}
