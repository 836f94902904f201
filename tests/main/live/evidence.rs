//! The frames of findings, written while it happens.

use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use serde_json::Value;

use super::{Link, PROGRAM, end};

#[test]
fn only_the_frames_of_findings_and_some_before_them_are_written() {
    let Some(mut link) = Link::open("evid") else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence.pcapng");
    let (child, errors) = link.capture(&["--plain", "--evidence", &evidence.to_string_lossy()], &[]);
    // Over 200 documented packets, then two of a port that is refused.
    assert!(link.agent(&link.node, "client").wait().unwrap().success());
    thread::sleep(Duration::from_secs(3));
    // Known by now: its frames are written as they come.
    assert!(link.agent(&link.node, "next client").wait().unwrap().success());
    thread::sleep(Duration::from_millis(1500));
    let flushed = fs::read(&evidence).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(0), "{said}");

    let text = fs::read(&evidence).unwrap();
    let count = |words: &str| text.windows(words.len()).filter(|window| *window == words.as_bytes()).count();
    // SYN and RST, twice (a connection each, from a port of its own).
    assert_eq!(count("finding (alert): unexpected, undocumented-port, refused"), 4);
    assert_eq!(count("before a finding of these hosts"), 20);
    assert!(text.starts_with(&flushed), "what was flushed stays");
    assert!(flushed.len() > 1000);

    let report = folder.path().join("report");
    let output = Command::new(PROGRAM)
        .args(["analyze", "-q", "--gateway", "10.78.0.1", "--node", "10.78.0.2", "-o"])
        .args([&report, &evidence])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let survey: Value = serde_json::from_slice(&fs::read(report.join("survey.json")).unwrap()).unwrap();
    assert_eq!(survey["frames"]["total"], 24);
    assert_eq!(survey["findings"][0]["server_port"], 8123);
    assert_eq!(survey["findings"][0]["packets"], 4);
}
