//! MUD files (RFC 8520) as policies: what we export comes back as it went, and a stranger's description becomes the
//! policy of a survey.

use std::path::Path;

use igorscope::export::{Format, Request, RuleList, Side};
use igorscope::policy::{Policy, Role};
use igorscope::verdict::documented;

use crate::command::{folder, run, sample};

pub(crate) fn exported(side: Side, with_supporting: bool) -> String {
    let list = RuleList::new(&Request {
        policy: &Policy::embedded(),
        inventory: None,
        side,
        with_supporting,
        log_only: false,
    });
    Format::Mud.export(&list).unwrap().text
}

/// Who may ask whom on what port, where one of the two is `device`.
fn pairs(policy: &Policy, device: Role) -> Vec<String> {
    let mut found = Vec::new();
    for (client, server) in Role::ALL.into_iter().flat_map(|role| [(device, role), (role, device)]) {
        for (transport, port) in policy.documented_ports() {
            if documented(policy, client, server, transport, port).is_some() {
                found.push(format!("{} {} {transport}/{port}", client.name(), server.name()));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_is_exported_comes_back() {
    for (side, device) in [(Side::Nodes, Role::Node), (Side::Gateway, Role::Gateway)] {
        let text = exported(side, false);
        let back = Policy::parse(&text, Path::new("back.json")).unwrap();
        let (there, here) = (pairs(&Policy::embedded(), device), pairs(&back, device));
        let only = |a: &[String], b: &[String]| a.iter().filter(|pair| !b.contains(pair)).cloned().collect::<Vec<_>>();
        assert_eq!((only(&there, &here), only(&here, &there)), (vec![], vec![]), "{side}");
        assert!(there.len() > 28, "{there:?}");
        let version = back.documents()[0].minimum_version.to_string();
        assert_eq!(version, if side == Side::Nodes { "3.1.0" } else { "1.12.1" });
    }
}

#[test]
fn one_port_less_in_the_file_is_one_port_less_in_the_policy() {
    let text = exported(Side::Nodes, false);
    let entries: Vec<&str> = text.lines().filter(|line| !line.contains("\"port\":1050")).collect();
    // An entry ends with a comma but the last of its list.
    let text = entries.join("\n").replace("},\n]", "}\n]");
    let back = Policy::parse(&text, Path::new("back.json")).unwrap();
    let gone: Vec<String> = pairs(&Policy::embedded(), Role::Node)
        .into_iter()
        .filter(|pair| !pairs(&back, Role::Node).contains(pair))
        .collect();
    assert_eq!(gone, ["gateway node udp/1050", "node gateway udp/1050", "node group udp/1050"]);
}

#[test]
fn a_mud_file_is_checked_and_shown() {
    let rfc = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mud/rfc8520-example.json");
    let checked = run(["policy", "check", rfc]).expect(0, &[]);
    assert!(checked.out.contains("good: 1 document with 1 port,"), "{}", checked.out);
    assert!(
        checked.out.contains("  lost: \"test.example.com\" is taken for every external address"),
        "{}",
        checked.out
    );
    let toml = run(["policy", "show", "--toml", "--policy", rfc]).expect(0, &[]).out;
    let files = folder(&[("bulb.toml", toml.as_bytes())]);
    let again = run(["policy", "check", files.path().join("bulb.toml").to_str().unwrap()]).expect(0, &[]);
    assert!(again.out.contains("good: 1 document with 1 port"), "{}", again.out);

    let broken = std::fs::read_to_string(rfc).unwrap().replace("\"eq\"", "\"equal\"");
    let files = folder(&[("bulb.json", broken.as_bytes())]);
    run(["policy", "check", files.path().join("bulb.json").to_str().unwrap()])
        .expect(1, &["bulb.json:37:33:", "acl[0]/aces/ace[0]/matches/tcp/source-port/operator: expected \"eq\""]);
}

/// The whole line: nodes described by MUD, their traffic judged by it.
#[test]
fn a_survey_is_held_against_a_devices_description() {
    let files = folder(&[("node.json", exported(Side::Nodes, false).as_bytes())]);
    let mud = files.path().join("node.json");
    let (mud, inventory, capture) = (mud.to_str().unwrap(), sample("site-survey.toml"), sample("site-survey.pcapng"));
    let rest = ["--format", "csv", "--inventory", inventory.to_str().unwrap(), capture.to_str().unwrap()];
    let own = run(["analyze"].into_iter().chain(rest)).expect(0, &[]).out;
    let by_mud = run(["analyze", "--policy", mud].into_iter().chain(rest))
        .expect(0, &["policy: lost: a MUD file says nothing of payload"])
        .out;
    let column = |line: &str, at: usize| line.split(',').nth(at).unwrap_or_default().to_owned();
    let mut compared = 0;
    for (ours, theirs) in own.lines().zip(by_mud.lines()) {
        let (client, server, verdict) = (column(ours, 9), column(ours, 14), column(ours, 17));
        let node = client == "node" || server == "node";
        // MUD knows no payload, so what is not the documented protocol passes.
        if node && verdict == "documented" {
            compared += 1;
            assert_eq!(column(theirs, 17), "documented", "{ours}\n{theirs}");
        }
    }
    assert!(compared > 20, "{compared}");
}
