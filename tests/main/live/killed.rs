//! What `kill -9` leaves behind.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Link, offline};

/// Until the results so far are there.
const PATIENCE: Duration = Duration::from_secs(30);

fn survey(report: &Path) -> Option<Value> {
    let text = fs::read(report.join("survey.json")).ok()?;
    Some(serde_json::from_slice(&text).expect("survey.json is whole at any time"))
}

fn found(survey: &Value) -> bool {
    survey["findings"].as_array().unwrap().iter().any(|finding| finding["server_port"] == 8123)
}

#[test]
fn a_kill_leaves_the_last_checkpoint_and_packets_that_are_readable() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
    let (report_name, capture_name) = (report.to_string_lossy(), capture.to_string_lossy());
    let arguments = ["--plain", "--checkpoint", "1s", "-o", &report_name, "-w", &capture_name];
    let (mut child, _errors) = link.capture(&arguments, &[]);
    link.ask("client");
    let begin = Instant::now();
    while !survey(&report).is_some_and(|survey| found(&survey)) {
        assert!(begin.elapsed() < PATIENCE, "a checkpoint was written");
        std::thread::sleep(Duration::from_millis(50));
    }
    // In the middle of as much traffic as there can be.
    let mut flood = link.agent("node", "flood");
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    flood.wait().unwrap();

    let survey = survey(&report).unwrap();
    assert!(found(&survey));
    assert!(survey["caveats"].as_array().unwrap().iter().any(|caveat| caveat["kind"] == "unfinished"), "{survey}");
    let survived = survey["frames"]["total"].as_u64().unwrap();
    assert!(survived > 0);
    for table in ["flows.csv", "findings.csv", "coverage.csv", "inventory.csv", "report.html"] {
        assert!(fs::read_to_string(report.join(table)).unwrap().ends_with('\n'), "{table} is whole");
    }
    let beside: Vec<_> = fs::read_dir(&report).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    println!("the kill left {beside:?}");

    // The packets: at least those of the checkpoint; at most the last record is cut.
    let report = folder.path().join("offline");
    let output = offline(&report, &[], &[&capture]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    let offline = super::survey(&report);
    assert!(found(&offline));
    assert!(offline["frames"]["total"].as_u64().unwrap() >= survived);
}
