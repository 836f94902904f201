//! survey.json read back.

use std::path::PathBuf;

use super::*;
use crate::report::{conversations, coverage, findings, fixture, nodes};

fn written() -> String {
    let survey = fixture::survey();
    let mut out = Vec::new();
    write_survey(&mut out, &survey, &Names::of(&survey), None, 1).unwrap();
    String::from_utf8(out).unwrap()
}

/// A survey as `compare` and `merge` see it.
pub(super) fn read_back(survey: &Survey) -> v1::Survey<'static> {
    let mut out = Vec::new();
    write_survey(&mut out, survey, &Names::of(survey), None, 1).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("survey.json");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn the_head_is_the_one_that_was_promised() {
    let text = written();
    let keys: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once('"')).map(|key| key.0).collect();
    assert_eq!(
        keys,
        [
            "schema_version",
            "judged",
            "tool",
            "created",
            "inputs",
            "frames",
            "site",
            "policy",
            "non_ip",
            "encapsulations",
            "caveats",
            "flows",
            "conversations",
            "findings",
            "coverage",
            "inventory",
            "nodes",
            "health",
            "limits",
        ]
    );
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert!(value["created"].is_null());
    assert_eq!(value["inputs"][0]["link_types"][0], "ETHERNET");
    assert_eq!(value["inputs"][1]["damage"]["offset"], 3_624);
    assert_eq!(value["frames"]["stopped"][0]["layer"], "ipv4");
    assert_eq!(value["flows"][0]["duration_s"], 2.5);
    assert_eq!(value["flows"][3]["icmp_type"], 8);
}

#[test]
fn what_is_written_is_read_and_written_again_the_same() {
    let text = written();
    let (_folder, path) = file(&text);
    let survey = read_survey(&path).unwrap();
    assert_eq!(survey.flows.len(), 4);
    let mut again = Vec::new();
    write_merged(&mut again, &survey).unwrap();
    assert_eq!(String::from_utf8(again).unwrap(), text);
}

#[test]
fn rows_of_flows_have_the_columns_of_the_csv_file() {
    let survey = fixture::survey();
    let mut csv = Vec::new();
    crate::report::write_flows(&mut csv, &survey, &Names::of(&survey), 1).unwrap();
    let header = String::from_utf8(csv).unwrap().lines().next().unwrap().to_owned();
    let value: serde_json::Value = serde_json::from_str(&written()).unwrap();
    for column in header.split(',') {
        assert!(value["flows"][0].get(column).is_some(), "{column}");
    }
}

#[test]
fn what_is_no_survey_is_named_with_its_line() {
    let (_folder, path) = file("{\n  \"schema_version\": 1,\n  oops\n}");
    let error = read_survey(&path).unwrap_err().to_string();
    assert!(error.contains("survey.json, line 3") && error.contains("analyze -o"), "{error}");
    let (_folder, path) = file("{\"schema_version\": 7, \"flows\": {}}");
    let error = read_survey(&path).unwrap_err().to_string();
    assert!(error.contains("schema version 7") && error.contains("newer igorscope"), "{error}");
    assert!(
        read_survey(&PathBuf::from("missing/survey.json")).unwrap_err().to_string().contains("missing/survey.json")
    );
}

#[test]
fn flows_that_no_packets_make_are_left_out() {
    let survey = fixture::survey();
    let flows = |change: &dyn Fn(&mut v1::Flow<'_>)| {
        let mut file = read_back(&survey);
        change(&mut file.flows[3]);
        let read = &read_back::read_back(file, &survey.policy).unwrap()[0];
        let is_told = read.caveats.iter().any(|caveat| caveat.text.contains("row of the survey.json is left out"));
        (read.flows.len(), is_told)
    };
    assert_eq!(flows(&|_| ()), (4, false));
    assert_eq!(flows(&|ping| ping.icmp_type = None), (3, true));
    assert_eq!(flows(&|flow| flow.vlan = Some("4095".into())), (4, false));
    assert_eq!(flows(&|flow| flow.vlan = Some("4096".into())), (3, true), "a VLAN's number has 12 bits");
    assert_eq!(flows(&|flow| flow.vlan = Some("20.60000".into())), (3, true));
    assert_eq!(flows(&|ping| ping.client_ip = "fe80::31".parse().unwrap()), (3, true), "from IPv6 to IPv4");
}

#[test]
fn vlan_paths_that_share_a_name_are_told() {
    let survey = fixture::survey();
    let shares = |paths: u16| {
        let mut file = read_back(&survey);
        let one = file.flows[0].clone();
        file.flows.extend((0..paths).map(|path| v1::Flow { vlan: Some(format!("93.1.{path}").into()), ..one.clone() }));
        let read = &read_back::read_back(file, &survey.policy).unwrap()[0];
        assert_eq!(read.flows.len(), 4 + usize::from(paths));
        read.caveats.iter().any(|caveat| caveat.text.contains("VLAN paths stand in the survey.json"))
    };
    assert!(!shares(3_000));
    assert!(shares(4_095));
}

#[test]
fn flows_as_lines_are_those_of_the_whole_file() {
    let survey = fixture::survey();
    let mut out = Vec::new();
    write_flow_lines(&mut out, &survey, &Names::of(&survey), 2).unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whole: serde_json::Value = serde_json::from_str(&written()).unwrap();
    assert_eq!(whole["flows"].as_array().unwrap(), &lines);
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let survey = fixture::survey();
    let names = Names::of(&survey);
    for threads in [2, 3, 8] {
        let mut out = Vec::new();
        write_survey(&mut out, &survey, &names, None, threads).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), written());
    }
}

#[test]
fn a_row_made_of_a_survey_is_the_one_that_is_read_from_its_file() {
    let survey = fixture::survey();
    let names = Names::of(&survey);
    let whole: serde_json::Value = serde_json::from_str(&written()).unwrap();
    fn held<R: Serialize>(whole: &serde_json::Value, table: &str, rows: impl Iterator<Item = Option<R>>) {
        let rows: Vec<R> = rows.map(Option::unwrap).collect();
        assert_eq!(whole[table], serde_json::to_value(rows).unwrap(), "{table}");
    }
    let flows = (0..survey.flows.len()).map(|place| v1::Flow::of(&flows::row(&survey, &names, place)));
    held(&whole, "flows", flows);
    let talks = conversations::rows(&survey, &names).map(|row| v1::Conversation::of(&row));
    held(&whole, "conversations", talks);
    held(&whole, "findings", findings::rows(&survey, None).map(|row| v1::Finding::of(&row)));
    held(&whole, "coverage", coverage::rows(&survey, &names).map(|row| v1::Cell::of(&row)));
    held(&whole, "inventory", survey.hosts.iter().map(|host| v1::Host::of(&host)));
    held(&whole, "nodes", nodes::rows(&survey, &names).map(|row| v1::Node::of(&row)));
}
