//! States of a live survey: what they give is what the packets give that were written beside it, and nothing is folded.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Link, PROGRAM, end};

fn analyze(folder: &Path, name: &str, inputs: &[String]) -> Value {
    let report = folder.join(name);
    let output = Command::new(PROGRAM)
        .args(["analyze", "-q", "--gateway", "10.78.0.1", "--node", "10.78.0.2", "--format", "json", "-o"])
        .arg(&report)
        .args(inputs)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&fs::read(report.join("survey.json")).unwrap()).unwrap()
}

/// Without what names inputs, which are more of them where the state was rotated.
fn without_sources(table: &Value) -> Vec<Value> {
    let mut rows = table.as_array().unwrap().clone();
    rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("sources")));
    rows
}

#[test]
fn states_are_judged_as_the_packets_are() {
    let Some(mut link) = Link::open("state") else { return };
    link.serve();
    for rotated in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (state, capture) = (path("site.igstate"), path("site.pcapng"));
        let mut arguments = vec!["--plain", "--interval", "1s", "--fold-after", "1s", "--checkpoint", "1s"];
        arguments.extend(["--state", &state, "-w", &capture]);
        arguments.extend(["--rotate-state", "2s"].iter().filter(|_| rotated));
        let (child, errors) = link.capture(&arguments, &[]);
        for client in ["client", "next client"] {
            assert!(link.agent(&link.node, client).wait().unwrap().success());
            std::thread::sleep(Duration::from_millis(3500));
        }
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let (output, said) = end(child, errors);
        assert_eq!(output.status.code(), Some(0), "{said}");

        let mut states: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
            .filter(|path| path.ends_with(".igstate"))
            .collect();
        states.sort();
        assert_eq!(states.len() > 1, rotated, "{states:?}");
        let (packets, states) =
            (analyze(folder.path(), "packets", &[capture]), analyze(folder.path(), "states", &states));
        assert_eq!(packets["frames"], states["frames"]);
        for table in ["flows", "conversations", "findings", "coverage", "inventory", "nodes"] {
            let [packets, states] = [&packets[table], &states[table]].map(without_sources);
            assert!(packets == states, "{table}: {packets:?} {states:?}");
        }
    }
}
