//! The vendor's antivirus list in what a survey writes.

use std::fs;

use serde_json::Value;

use crate::command::{folder, run, sample};

/// Path or process, and the exclusion.
fn facts() -> Vec<(&'static str, &'static str)> {
    let facts = include_str!("../fixtures/vendor_antivirus.csv");
    facts.lines().skip(1).map(|line| line.split_once(',').unwrap()).collect()
}

#[test]
fn the_report_of_a_survey_has_the_vendors_list_as_a_checklist() {
    let out = folder(&[]);
    let (folder, capture) = (out.path().to_str().unwrap(), sample("site-survey.pcapng"));
    run(["analyze", "-q", "--format", "html,json", "-o", folder, capture.to_str().unwrap()]).expect(0, &[]);
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    let checklist = page.split("id=\"antivirus\"").nth(1).unwrap();
    let survey: Value = serde_json::from_slice(&fs::read(out.path().join("survey.json")).unwrap()).unwrap();
    let facts = facts();
    for (kind, value) in &facts {
        let box_to_tick = format!("<input type=\"checkbox\"> <code>{value}</code>");
        assert_eq!(checklist.matches(&box_to_tick).count(), 1, "{box_to_tick}");
        let list = if *kind == "path" { "paths" } else { "processes" };
        let listed = survey["policy"]["antivirus"][list].as_array().unwrap();
        assert!(listed.iter().any(|entry| entry == value), "{kind} {value} is not in survey.json");
    }
    assert_eq!(facts.len(), 9);
    assert_eq!(checklist.matches("type=\"checkbox\"").count(), facts.len(), "and nothing else");
    assert!(checklist.contains("igorscope antivirus check exclusions.json"), "and how to have it checked");
}
