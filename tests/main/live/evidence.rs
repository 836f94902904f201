//! The frames of findings, written while it happens.

use std::time::Duration;
use std::{fs, thread};

use super::{Link, analyze, stop};

#[test]
fn only_the_frames_of_findings_and_some_before_them_are_written() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let evidence = folder.path().join("evidence.pcapng");
    let (child, errors) = link.capture(&["--plain", "--evidence", &evidence.to_string_lossy()], &[]);
    // Over 200 documented packets, then two of a port that is refused.
    link.ask("client");
    thread::sleep(Duration::from_secs(3));
    // Known by now: its frames are written as they come.
    link.ask("next client");
    thread::sleep(Duration::from_millis(1500));
    let flushed = fs::read(&evidence).unwrap();
    stop(child, errors);

    let text = fs::read(&evidence).unwrap();
    let count = |words: &str| text.windows(words.len()).filter(|window| *window == words.as_bytes()).count();
    // SYN and RST, twice (a connection each, from a port of its own).
    assert_eq!(count("finding (alert): unexpected, undocumented-port, refused"), 4);
    assert_eq!(count("before a finding of these hosts"), 20);
    assert!(text.starts_with(&flushed), "what was flushed stays");
    assert!(flushed.len() > 1000);

    let survey = analyze(&folder.path().join("report"), &[], &[&evidence]);
    assert_eq!(survey["frames"]["total"], 24);
    assert_eq!(survey["findings"][0]["server_port"], 8123);
    assert_eq!(survey["findings"][0]["packets"], 4);
}
