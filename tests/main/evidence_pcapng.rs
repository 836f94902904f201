//! The evidence file held against Wireshark's own tools: capinfos and tshark read it without a warning, and the
//! display filter of each finding shows exactly its frames, in the evidence and in the source.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::command::{run, sample};
use crate::skips::{is_there, skipped};

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
    let (capture, inventory) = (sample("site-survey.pcapng"), sample("site-survey.toml"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let evidence = folder.path().join("evidence.pcapng");
    let [capture, inventory, out, evidence] =
        [&capture, &inventory, &out, &evidence].map(|path| path.to_str().unwrap());
    let words =
        ["analyze", "-q", "--format", "csv", "--inventory", inventory, "-o", out, "--evidence", evidence, capture];
    run(words).expect(0, &[]);
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

    let mut findings = csv::Reader::from_path(format!("{out}/findings.csv")).unwrap();
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
        let fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.md5_hash"].map(|field| ["-e", field]);
        let fixed = ["-n", "-r", file, "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"];
        ask("tshark", &[&fixed[..], &fields.concat()].concat()).lines().map(str::to_owned).collect()
    };
    let source = bytes(capture);
    assert!(bytes(evidence).is_subset(&source));
    let names = ask("tshark", &["-r", evidence, "-q", "-z", "hosts"]);
    assert!(names.contains("node-01"), "{names}");
}
