//! What a person reads in the first ten seconds: the result, what is wrong and with whom, what to do next.

use std::fs;

use igorscope::report::{Names, Terminal, summary as summary_of, write_coverage};

use crate::command::{folder, run, sample};
use crate::mirror::{C, EVERYONE, GATEWAY, Host, Mirror, S, node};
use crate::traffic::payload::ssdp;
use crate::traffic::wire::SECOND;

/// The lines of the summary of the sample survey, and its folder of results.
fn summary(more: &[&str]) -> (String, tempfile::TempDir) {
    let out = folder(&[]);
    let (capture, inventory) = (sample("site-survey.pcapng"), sample("site-survey.toml"));
    let arguments = ["analyze", "--color", "never", "--inventory", inventory.to_str().unwrap(), "-o"];
    let paths = [out.path().to_str().unwrap(), capture.to_str().unwrap()];
    let text = run(arguments.into_iter().chain(paths).chain(more.iter().copied())).expect(0, &[]).out;
    (text, out)
}

/// Everything in one line: where lines are broken is no matter here.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_summary_says_result_findings_ports_and_what_to_do_in_this_order() {
    let (text, out) = summary(&[]);
    let places: Vec<usize> = ["\nResult ", "\nFindings ", "\nVendor's ports ", "\nNext\n", "\nFiles "]
        .map(|heading| text.find(heading).unwrap_or_else(|| panic!("{heading:?} is missing:\n{text}")))
        .into();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("Result    Action needed: 16 alerts."));
    assert!(!text.contains("\nConversations"), "the conversations are for -v");
    let [files, beside] = text.lines().rev().take(2).collect::<Vec<_>>()[..] else { panic!("{text}") };
    let (files, beside) = (beside, files);
    assert!(files.starts_with("Files ") && files.ends_with("report.html"), "{files}");
    assert_eq!(beside, "          survey.json for compare, explain and report; CSV tables");
    assert!(out.path().join("report.html").exists());
    let steps = text.split("\nNext\n").nth(1).unwrap();
    assert!(steps.contains("\n  2. ") && steps.contains("\n  3. ") && !steps.contains("\n  4. "), "{steps}");
    assert!(summary(&["-v"]).0.contains("\nConversations"));
}

#[test]
fn a_finding_is_a_line_with_its_devices_and_what_decides() {
    let text = flat(&summary(&[]).0);
    for line in [
        // Two findings with one cause.
        "ALERT blocked (no answer, though the host is alive): node-01, node-02, node-03 and 1 more to gateway, TCP 1901 UPnP; \
         gateway to node-29, TCP 80 HTTP",
        "ALERT wrong protocol (the payload is ssh): gateway to node-07, TCP 80 ssh",
        "ALERT no DHCP offer (8 DISCOVERs): node-28",
        "ALERT blocked (forbidden on the way, says 10.20.0.1): gateway to node-35",
        "warning old version (3.0.2, needs 3.1.0): node-27",
        "warning never heard (asked for by ARP in vain): node-30",
        "Open the firewalls on the way and on the host: node-01",
    ] {
        assert!(text.contains(line), "{line:?} is missing: {text}");
    }
    let conflict = run(["analyze", sample("first-questions.pcapng").to_str().unwrap()]).expect(0, &[]).out;
    let both = "address conflict (02:49:67:01:00:06 and 02:49:67:01:00:10)";
    assert!(flat(&conflict).contains(both), "{conflict}");
}

/// The numbers in brackets at the ends of findings, in their order.
fn numbers(text: &str) -> Vec<usize> {
    let findings = text.split("\nFindings ").nth(1).and_then(|rest| rest.split("\nVendor's ports").next()).unwrap();
    let lists = findings.split('(').filter_map(|part| part.split_once(')'));
    lists
        .filter_map(|(list, _)| list.split(", ").map(|number| number.parse().ok()).collect::<Option<Vec<_>>>())
        .flatten()
        .collect()
}

#[test]
fn each_finding_has_the_number_that_explain_asks_for() {
    let (text, out) = summary(&[]);
    assert!(text.contains("\n  (n)     igorscope explain n FILE tells why\n"), "{text}");
    assert!(flat(&text).contains("wrong protocol (the payload is ssh): gateway to node-07, TCP 80 ssh (2) "), "{text}");
    let mut told = numbers(&text);
    told.sort_unstable();
    let all: Vec<usize> = (1..=29).collect();
    assert_eq!(told, all, "{text}");
    // In full each has a line of its own.
    assert_eq!(numbers(&summary(&["-v"]).0), all);
    let survey = out.path().join("survey.json");
    let explained = run(["explain", "2", survey.to_str().unwrap()]).expect(0, &[]).out;
    assert!(explained.starts_with("Finding 2 (alert): unexpected, wrong-protocol."), "{explained}");
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    let card = page.split("id=\"finding-2\"").nth(1).and_then(|rest| rest.split("</h3>").next()).unwrap();
    assert!(card.contains(">2</span>") && card.contains("wrong protocol"), "{card}");
}

#[test]
fn the_matrix_counts_nodes_and_names_the_missing() {
    let text = summary(&[]).0;
    let coap = text.lines().find(|line| line.contains("UDP  5683")).unwrap();
    assert!(coap.contains("34/36"), "{coap}");
    assert!(text.contains("n/m: on n of m devices") && !text.contains("34/36:"), "the legend is no example: {text}");
    assert!(flat(&text).contains("not seen to work on node-28, node-30: UDP 5683 in, UDP 5683 out"), "{text}");
    assert!(
        text.contains("UDP    69  TFTP*") && text.contains("* not by itself, but on a firmware update of one node")
    );
}

#[test]
fn what_was_not_provoked_is_the_next_thing_to_do() {
    let text = flat(&run(["analyze", sample("visit.pcap").to_str().unwrap()]).expect(0, &[]).out);
    assert!(
        text.contains("Provoke what a site uses on demand only, and capture again: a firmware update of one node.")
    );
    assert!(text.contains("Capture for longer:"), "{text}");
}

#[test]
fn a_device_has_one_state_in_table_and_report() {
    let (_, out) = summary(&[]);
    let table = fs::read_to_string(out.path().join("nodes.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let mut at = |name: &str| reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    let (name, state, since) = (3, at("state"), at("silent_since"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let of = |node: &str| rows.iter().find(|row| &row[name] == node).map(|row| (row[state].to_owned(), &row[since]));
    for (node, expected) in [
        ("node-30", "absent"),
        ("node-28", "no-address"),
        ("node-27", "old-version"),
        ("node-29", "blocked"),
        ("node-25", "unexpected"),
        ("node-24", "healthy"),
    ] {
        assert_eq!(of(node), Some((expected.to_owned(), "")), "{node}");
    }
    let (silent, since) = of("node-26").unwrap();
    assert!(silent == "silent" && since.starts_with("2026-03-17T08:13:56."), "{silent} {since}");
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains(">no address</td>") && page.contains(">silent since "), "the report says the same");
}

#[test]
fn devices_are_counted_alike_in_picture_tiles_and_summary() {
    let (text, out) = summary(&[]);
    assert!(flat(&text).contains("Hosts 1 gateway, 35 nodes, 2 BACnet systems"), "{text}");
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    let picture = page.split("id=\"picture\"").nth(1).and_then(|rest| rest.split("</svg>").next()).unwrap();
    assert!(picture.contains(">35 nodes<") && picture.contains(">1 gateway<"), "{picture}");
    assert!(page.contains("href=\"#inventory\"><b>35<"));
}

#[test]
fn what_goes_to_a_group_is_sent_for_people_and_one_way_for_scripts() {
    let mut mirror = Mirror::default();
    let group = Host { mac: [0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa], ..EVERYONE.at("239.255.255.250") };
    for number in 101..104 {
        mirror.exchange(0, (node(number), 40_000), (GATEWAY, 80), [C, S]);
        let location = format!("http://10.20.0.{number}/description.xml");
        let alive = ssdp::notify("239.255.255.250:1900", &location, "upnp:rootdevice", "uuid:14");
        mirror.udp(SECOND, (node(number), 1900), (group, 1900), &alive);
    }
    let survey = mirror.by_address();
    let terminal = Terminal { width: 100, color: false, zone: jiff::tz::TimeZone::UTC, all: true };
    let names = Names::of(&survey);
    let text = summary_of(&survey, &names, &terminal);
    let upnp = text.lines().find(|line| line.contains("UDP  1900")).unwrap();
    assert!(upnp.contains("○ 3/") && !upnp.contains('◐'), "{upnp}");
    let mut coverage = Vec::new();
    write_coverage(&mut coverage, &survey, &names).unwrap();
    let coverage = String::from_utf8(coverage).unwrap();
    assert!(coverage.contains("one-way") && !coverage.contains("sent"), "{coverage}");
}

#[test]
fn every_device_has_a_section_and_everything_leads_to_it() {
    let (_, out) = summary(&[]);
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    let section = page
        .split("<details class=\"device\"")
        .find(|part| part.contains("<summary><bdi class=\"name\">node-26<"))
        .unwrap();
    let id = section.split('"').nth(1).unwrap();
    for said in ["silent since ", "fe80::49:67ff:fe01:1a", "stopped answering: gateway 10.20.0.10 to node", "UDP 5683"]
    {
        assert!(section.contains(said), "{said:?} is not in the section of node-26");
    }
    // Matrix, findings, conversations, inventory and picture.
    assert!(page.matches(&format!("href=\"#{id}\"")).count() >= 5, "{id}");
    assert!(page.contains("<dt>midstream</dt>"), "the report explains its words");
}

#[test]
fn a_host_is_explained_by_address_mac_or_name() {
    let (_, out) = summary(&[]);
    let survey = out.path().join("survey.json");
    let explain = |what: &str| run(["explain", what, survey.to_str().unwrap()]).expect(0, &[]).out;
    let by_name = explain("node-26");
    assert_eq!(explain("02:49:67:01:00:1a"), by_name);
    assert!(by_name.contains("state: silent since 2026-03-17T08:13:56."), "{by_name}");
    assert!(by_name.contains("finding ") && by_name.contains("works: ") && by_name.contains("fe80::49:67ff:fe01:1a"));
    assert!(explain("10.20.0.130").contains("nothing of it was captured"));
    run(["explain", "nobody", survey.to_str().unwrap()]).expect(2, &["there is no host nobody"]);
}
