//! Idle flows folded while it goes on: the conversations are those of the files read afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Link, PROGRAM, end, json_lines};

fn survey(report: &Path) -> Value {
    serde_json::from_slice(&fs::read(report.join("survey.json")).unwrap()).unwrap()
}

#[test]
fn folded_live_equals_offline_by_conversation() {
    let Some(mut link) = Link::open("fold") else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
    let (report_name, capture_name) = (report.to_string_lossy(), capture.to_string_lossy());
    let arguments = ["--json", "--interval", "1s", "--fold-after", "1s", "-o", &report_name, "-w", &capture_name];
    let (child, errors) = link.capture(&arguments, &[]);
    for client in ["client", "next client"] {
        assert!(link.agent(&link.node, client).wait().unwrap().success());
        // Idle for long enough, and judged after it.
        std::thread::sleep(Duration::from_millis(3500));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let (output, said) = end(child, errors);
    assert_eq!(output.status.code(), Some(0), "{said}");

    let live = survey(&report);
    let has = |survey: &Value, kind: &str| survey["caveats"].as_array().unwrap().iter().any(|one| one["kind"] == kind);
    assert!(has(&live, "idle-folded"), "{}", live["caveats"]);
    assert!(live["flows"].as_array().unwrap().len() < 40, "80 documented flows are a few rows");
    let lines = json_lines(&output);
    let ended = lines.iter().filter(|line| line["type"] == "flow-end").count() as u64;
    assert_eq!(lines.last().unwrap()["flows"].as_u64(), Some(ended), "each flow ended once, folded or not");

    let offline = folder.path().join("offline");
    let output = Command::new(PROGRAM)
        .args(["analyze", "-q", "--gateway", "10.78.0.1", "--node", "10.78.0.2", "-o"])
        .args([&offline, &capture])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let offline = survey(&offline);
    assert!(!has(&offline, "idle-folded"));
    for table in ["conversations", "findings", "coverage", "inventory", "nodes"] {
        assert_eq!(live[table], offline[table], "{table}");
    }
}
