//! States of a live survey: what they give is what the packets give that were written beside it, and nothing is folded.

use std::path::PathBuf;

use serde_json::Value;

use super::{Link, analyze, stop};
use crate::command::entries;

/// Without what names inputs, which are more of them where the state was rotated.
fn without_sources(table: &Value) -> Vec<Value> {
    let mut rows = table.as_array().unwrap().clone();
    rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("sources")));
    rows
}

#[test]
fn states_are_judged_as_the_packets_are() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    for rotated in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (state, capture) = (path("site.igstate"), path("site.pcapng"));
        let mut arguments = vec!["--plain", "--interval", "1s", "--fold-after", "1s", "--checkpoint", "1s"];
        arguments.extend(["--state", &state, "-w", &capture]);
        arguments.extend(["--rotate-state", "2s"].iter().filter(|_| rotated));
        let (child, errors) = link.capture(&arguments, &[]);
        link.ask_twice();
        stop(child, errors);

        let states = entries(folder.path(), ".igstate");
        assert_eq!(states.len() > 1, rotated, "{states:?}");
        let analyze = |name, inputs: &[PathBuf]| analyze(&folder.path().join(name), &["--format", "json"], inputs);
        let (packets, states) = (analyze("packets", &[capture.into()]), analyze("states", &states));
        assert_eq!(packets["frames"], states["frames"]);
        for table in ["flows", "conversations", "findings", "coverage", "inventory", "nodes"] {
            let [packets, states] = [&packets[table], &states[table]].map(without_sources);
            assert!(packets == states, "{table}: {packets:?} {states:?}");
        }
    }
}
