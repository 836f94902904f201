//! Silences in the report's time line: what went-silent and silent-together tell stands there, also in a report that is
//! rendered again from survey.json.

use std::fs;
use std::path::{Path, PathBuf};

use igorscope::survey::Source;
use serde_json::Value;

use crate::command::{folder, run, run_with};
use crate::mirror::Mirror;
use crate::silence::{node, site};

/// Analyzes a capture into a folder, and renders its survey.json into another.
fn reports(seen: Mirror, folder: &Path, more: &[&str]) -> [PathBuf; 2] {
    let Source::File(capture) = seen.write(folder, "made.pcap") else { panic!("a file") };
    let [first, again] = ["first", "again"].map(|name| folder.join(name));
    let nodes = ["--gateway", "10.20.0.10", "--node", "10.20.0.101-10.20.1.199", "--health"];
    let fixed = ["analyze".as_ref(), capture.as_os_str(), "-o".as_ref(), first.as_os_str()];
    run(fixed.into_iter().chain(nodes.iter().chain(more).map(AsRef::as_ref))).expect(0, &[]);
    let survey = first.join("survey.json");
    run_with(&[&"report", &survey, &"-o", &again]).expect(0, &[]);
    [first, again]
}

/// The section of a report.
fn time_line(folder: &Path) -> String {
    let page = fs::read_to_string(folder.join("report.html")).expect("a page");
    let (_, section) = page.split_once("<section id=\"time\"").expect("a time line");
    section.split_once("</section>").expect("an end").0.to_owned()
}

/// The rows of silent devices. What each end sent when is not in survey.json: areas may differ.
fn silent_rows(section: &str) -> Vec<&str> {
    section.split("<div class=\"row\">").filter(|row| row.contains("class=\"silent\"")).collect()
}

#[test]
fn each_silent_device_has_a_row_with_its_times() {
    let out = folder(&[]);
    let [first, again] = reports(site(), out.path(), &[]);
    let section = time_line(&first);
    assert_eq!(section.matches("<path class=\"silent\"").count(), 6, "five upstairs and one on its own");
    assert_eq!(section.matches(" was silent from ").count(), 6);
    let own = section.split("<div class=\"row\">").find(|row| row.contains(">10.20.0.103<")).expect("a row");
    assert!(own.contains("aria-label=\"10.20.0.103 was silent from ") && own.contains(", for 1 min 2 s\""), "{own}");
    assert!(own.contains("<title>from ") && own.contains("<small>silent for 1 min 2 s</small>"), "{own}");
    // It began 98 s after the first packet, of some 900 s, and lasted 62.
    let number = |mark: char| {
        let path = own.split_once("class=\"silent\" d=\"M").map(|(_, path)| path).expect("a box");
        let at = if mark == 'M' { Some(path) } else { path.split_once('h').map(|(_, rest)| rest) };
        at.and_then(|text| text.split([' ', 'v']).next()?.parse::<f64>().ok()).expect("a number")
    };
    let width: f64 =
        own.split_once("viewBox=\"0 0 ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()).unwrap();
    let (start, across) = (number('M') / width, number('h') / width);
    assert!((start - 98.0 / 900.0).abs() < 0.02 && (across - 62.0 / 900.0).abs() < 0.01, "{start} {across}");
    assert!(!section.contains("url(") && !section.contains("Further silences"));
    assert_eq!(silent_rows(&time_line(&again)), silent_rows(&section));
}

#[test]
fn a_device_that_never_came_back_is_silent_until_the_end() {
    let out = folder(&[]);
    let mut seen = Mirror::default();
    seen.asked(node(1), 2000, (0, 900), &[(300, 360), (700, 900)]);
    seen.asked(node(2), 2000, (0, 900), &[]);
    let [first, again] = reports(seen, out.path(), &[]);
    let section = time_line(&first);
    assert!(section.contains("until the capture ended at "), "{section}");
    assert!(section.contains("silent 2 times, at most for 3 min "), "{section}");
    assert_eq!(silent_rows(&time_line(&again)), silent_rows(&section));
    let survey: Value = serde_json::from_str(&fs::read_to_string(first.join("survey.json")).unwrap()).unwrap();
    let findings = survey["findings"].as_array().expect("findings");
    let times = findings.iter().find(|one| one["reason"] == "went-silent").expect("silence")["silent_times"].clone();
    let times: Vec<&str> = times.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(times.len() == 2 && times[0].ends_with(" lasts") && !times[1].ends_with(" lasts"), "{times:?}");
    assert!(
        times[1].starts_with("10.20.0.101 2026-03-17T08:04:58.") && times[1].contains("Z/2026-03-17T08:0"),
        "{times:?}"
    );
    assert!(findings.iter().filter(|one| one["reason"] != "went-silent").all(|one| one.get("silent_times").is_none()));
}

#[test]
fn strangers_are_told_of_no_address() {
    let out = folder(&[]);
    let [first, _] = reports(site(), out.path(), &["--anonymize"]);
    let section = time_line(&first);
    assert_eq!(section.matches("<path class=\"silent\"").count(), 6);
    assert!(!section.contains("10.20.0.103") && !section.contains("10.20.1.1"), "{section}");
    let survey = fs::read_to_string(first.join("survey.json")).unwrap();
    assert!(survey.contains("\"silent_times\"") && !survey.contains("10.20.0.103"));
}

#[test]
fn a_site_without_silences_has_no_such_row() {
    let out = folder(&[]);
    let mut seen = Mirror::default();
    (1..4).for_each(|low| seen.asked(node(low), 2000, (0, 300), &[]));
    let [first, _] = reports(seen, out.path(), &[]);
    assert!(!time_line(&first).contains("silent"));
    assert!(!fs::read_to_string(first.join("survey.json")).unwrap().contains("silent_times"));
}
