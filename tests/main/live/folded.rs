//! Idle flows folded while it goes on: the conversations are those of the files read afterwards.

use serde_json::Value;

use super::{Link, analyze, json_lines, stop, survey};

#[test]
fn folded_live_equals_offline_by_conversation() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let folder = tempfile::tempdir().unwrap();
    let (report, capture) = (folder.path().join("report"), folder.path().join("site.pcapng"));
    let (report_name, capture_name) = (report.to_string_lossy(), capture.to_string_lossy());
    let arguments = ["--json", "--interval", "1s", "--fold-after", "1s", "-o", &report_name, "-w", &capture_name];
    let (child, errors) = link.capture(&arguments, &[]);
    // Idle for long enough, and judged after it.
    link.ask_twice();
    let (output, _) = stop(child, errors);

    let live = survey(&report);
    let has = |survey: &Value, kind: &str| survey["caveats"].as_array().unwrap().iter().any(|one| one["kind"] == kind);
    assert!(has(&live, "idle-folded"), "{}", live["caveats"]);
    assert!(live["flows"].as_array().unwrap().len() < 40, "80 documented flows are a few rows");
    let lines = json_lines(&output);
    let ended = lines.iter().filter(|line| line["type"] == "flow-end").count() as u64;
    assert_eq!(lines.last().unwrap()["flows"].as_u64(), Some(ended), "each flow ended once, folded or not");

    let offline = analyze(&folder.path().join("offline"), &[], &[&capture]);
    assert!(!has(&offline, "idle-folded"));
    for table in ["conversations", "findings", "coverage", "inventory", "nodes"] {
        assert_eq!(live[table], offline[table], "{table}");
    }
}
