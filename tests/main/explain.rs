//! `explain`: what decided, in words.

use std::fs;

use serde_json::Value;

use crate::command::{Run, folder, igorscope, run, sample};

#[test]
fn a_flow_a_finding_and_a_port_are_explained() {
    let out = folder(&[]);
    let (report, capture, inventory) =
        (out.path().to_str().unwrap(), sample("site-survey.pcapng"), sample("site-survey.toml"));
    let (capture, inventory) = (capture.to_str().unwrap(), inventory.to_str().unwrap());
    run(["analyze", "-q", "--format", "csv,json", "--inventory", inventory, "-o", report, capture]).expect(0, &[]);

    // Each verdict and reason that the sample has.
    let flows = fs::read_to_string(out.path().join("flows.csv")).unwrap();
    for (verdict, words) in [
        (",documented,,", "Verdict documented: Igor "),
        (",related,,", "It belongs to f"),
        (",supporting,,", "Networks need it; the vendor does not list it."),
        (",bystander,,", "there is no Igor host at either end"),
        (",undocumented-port,", "the port is in neither end's lists."),
        (",wrong-direction,", "not this way round."),
        (",undocumented-peer,", "It would be documented if "),
        (",wrong-protocol,", "look at what program uses the port."),
        (",wrong-transport,", "It would be documented over "),
    ] {
        let Some(row) = flows.lines().find(|line| line.contains(verdict)) else {
            panic!("the sample has no {verdict}");
        };
        let flow = row.split(',').next().unwrap();
        let told = run(["explain", flow, report]).expect(0, &[]).out;
        assert!(told.starts_with(&format!("{flow}: ")) && told.contains(words), "{verdict}\n{told}");
        assert_eq!(told.contains("[[allowance]]"), row.contains(",unexpected,"), "{told}");
    }
    let by_folder = run(["explain", "1", report]).expect(0, &[]).out;
    assert!(by_folder.contains("Finding 1 (alert)") && by_folder.contains("What to do: "), "{by_folder}");
    let by_capture = run(["explain", "-q", "1", "--inventory", inventory, capture]).expect(0, &[]).out;
    assert_eq!(by_folder, by_capture);
    let port = run(["explain", "udp/69"]).expect(0, &[]).out;
    assert!(
        port.contains("node to gateway: documented by Igor Firmware 3.1.0 and higher, outgoing UDP 69 (TFTP)"),
        "{port}"
    );

    // Of a port, what a survey saw is told where one is named: as many conversations as its table has.
    let seen = run(["explain", "udp/5683", report]).expect(0, &[]).out;
    let survey: Value = serde_json::from_slice(&fs::read(out.path().join("survey.json")).unwrap()).unwrap();
    let of_port = |it: &&Value| it["transport"] == "udp" && it["server_port"] == 5683 && it["verdict"] == "documented";
    let rows = survey["conversations"].as_array().unwrap().iter().filter(of_port).count();
    let told = seen.lines().filter(|line| line.contains(": documented, ")).filter_map(|line| line.split(' ').nth(2));
    assert_eq!(told.map(|number| number.parse::<usize>().unwrap()).sum::<usize>(), rows, "{seen}");
    let unseen = run(["explain", "udp/4444", report]).expect(0, &[]).out;
    assert!(unseen.contains("This survey saw nothing of UDP 4444."), "{unseen}");

    run(["explain", "f99999", report]).expect(2, &["there is no f99999 in this survey"]);
    run(["explain", "seventeen", report]).expect(2, &["name a flow of flows.csv (f17)"]);
    run(["explain", "f1"]).expect(2, &["name the survey.json"]);

    // What was meant is told.
    run(["explain", "69", report]).expect(2, &["there is no finding 69", "for the port: udp/69 or tcp/69"]);
    for port in ["tcp/99999", "UDP/0", "udp/65536"] {
        run(["explain", port]).expect(2, &["a port is 1 to 65535"]);
    }
    run(["explain", "sctp/80"]).expect(2, &["a port (udp/5683)"]);
}

#[test]
fn a_kind_of_finding_is_explained_by_its_first_with_the_numbers_of_all() {
    let (capture, visit) = (sample("site-survey.pcapng"), sample("visit.pcap"));
    let (capture, visit) = (capture.to_str().unwrap(), visit.to_str().unwrap());
    let all = run(["explain", "-q", "blocked", capture]).expect(0, &[]).out;
    let (list, first) = all.split_once("\n").unwrap();
    let (list, rest) = list.strip_prefix("4 findings are blocked: ").and_then(|rest| rest.split_once('.')).unwrap();
    assert_eq!(rest, " The first of them:");
    let numbers: Vec<&str> = list.split(", ").collect();
    assert_eq!(numbers.len(), 4);
    assert_eq!(first, run(["explain", "-q", numbers[0], capture]).expect(0, &[]).out);
    for number in numbers {
        let one = run(["explain", "-q", number, capture]).expect(0, &[]).out;
        assert!(one.lines().next().unwrap().ends_with("blocked."), "{one}");
    }
    // In whatever letters; the only one needs no list.
    for name in ["no-dhcp-offer", "No DHCP offer"] {
        assert!(run(["explain", "-q", name, capture]).expect(0, &[]).out.starts_with("Finding "), "{name}");
    }
    run(["explain", "-q", "restarting", visit]).expect(2, &["no finding of the kind restarting", "0 findings"]);
}

#[test]
fn what_to_explain_comes_first() {
    let visit = fs::read(sample("visit.pcap")).unwrap();
    let here = folder(&[("x.pcapng", &visit), ("day", &visit)]);
    let path = |name: &str| here.path().join(name).to_str().unwrap().to_owned();
    let (capture, day) = (path("x.pcapng"), path("day"));
    let first = |arguments: &[&str], told: &str| {
        run([&["explain"], arguments].concat()).expect(2, &["what to explain comes first: igorscope explain ", told]);
    };
    first(&[&capture, "f1"], &format!("explain f1 {capture}\n"));
    first(&["survey.json", "udp/69"], "explain udp/69 survey.json\n");
    first(&[&day, "3"], &format!("explain 3 {day}\n"));
    first(&[&capture, "f1", &day], &format!("explain f1 {capture} {day}\n"));
    first(&[&capture], &format!("explain 1 {capture}; name a flow"));
    first(&[&capture, &day], &format!("explain 1 {capture} {day}; name"));
    // What is there may be called as a host is.
    let named = igorscope().current_dir(here.path()).args(["explain", "day", "x.pcapng"]).output().unwrap();
    Run::of(named).expect(2, &["there is no host day"]);
}
