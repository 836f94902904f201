//! A sensor that is cut off and started again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Link, end, json_lines};
use crate::command::entries;

fn frames(run: &Path) -> u64 {
    let survey: Value = serde_json::from_slice(&fs::read(run.join("survey.json")).unwrap()).unwrap();
    survey["frames"]["total"].as_u64().unwrap()
}

#[test]
fn a_sensor_that_lost_its_power_writes_over_nothing_when_it_starts_again() {
    let Some(mut link) = Link::open() else { return };
    link.serve();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("sensor");
    let folder_name = folder.to_string_lossy();
    let arguments = ["--probe", &folder_name, "--keep", "1G", "--interval", "1s", "--checkpoint", "1s"];

    let (mut child, _errors) = link.capture(&arguments, &[]);
    link.ask("client");
    let first = entries(&folder, "").remove(0);
    while !first.join("survey.json").exists() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let packets = fs::read(first.join("packets_00001.pcapng")).unwrap();
    assert!(frames(&first) > 0 && packets.len() > 1000);

    let (child, errors) = link.capture(&[&arguments[..], &["--duration", "3s"]].concat(), &[]);
    link.ask("next client");
    let (output, said) = end(child, errors);
    assert!(output.status.success(), "{said}");
    let [before, after] = <[PathBuf; 2]>::try_from(entries(&folder, "")).unwrap();
    assert_eq!(fs::read(before.join("packets_00001.pcapng")).unwrap(), packets);
    assert!(frames(&after) > 0 && after.join("report.html").exists());

    let lines = json_lines(&output);
    assert!(lines.len() >= 2, "a line each second");
    let (last, ticks) = lines.split_last().unwrap();
    assert_eq!(last["type"], "end");
    for tick in ticks {
        assert_eq!(
            (&tick["type"], &tick["recording_failed"]),
            (&Value::from("tick"), &Value::Null),
            "nothing but health"
        );
        assert_eq!(tick["disk"]["limit"], 1_u64 << 30);
        assert!(tick["disk"]["kept"].as_u64().unwrap() >= packets.len() as u64, "the first run counts too");
    }
}
