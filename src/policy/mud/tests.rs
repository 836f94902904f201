use std::path::Path;

use super::*;
use crate::policy::{Cell, Direction, Policy, RoleSet};
use crate::protocol::Transport;

/// The example of RFC 8520, section 9.
const RFC: &str = include_str!("../../../tests/fixtures/mud/rfc8520-example.json");
/// The keys and shapes of the drafts, as published descriptions have them.
const DRAFT: &str = include_str!("../../../tests/fixtures/mud/draft-era.json");

fn policy(text: &str) -> Policy {
    Policy::parse(text, Path::new("device.json")).map(|policy| Policy::clone(&policy)).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    match Policy::parse(text, Path::new("device.json")) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
    }
}

fn cell(policy: &Policy, direction: Direction, transport: Transport, port: u16) -> Option<&Cell> {
    policy.cells().iter().find(|cell| (cell.direction, cell.transport, cell.port) == (direction, transport, port))
}

fn roles(of: &[Role]) -> RoleSet {
    of.iter().copied().collect()
}

#[test]
fn the_rfcs_example_is_a_policy_of_one_port() {
    let policy = policy(RFC);
    assert_eq!(policy.name(), "lightbulb2000");
    assert_eq!(policy.title(), "The BMS Example Light Bulb, as its MUD file describes it");
    let documents: Vec<_> = policy.documents().iter().map(|document| (document.role, document.peer)).collect();
    assert_eq!(documents, [(Role::Node, Role::Gateway)]);
    assert_eq!(policy.cells().len(), 1, "the answers' entry adds nothing: {:?}", policy.cells());
    let cell = cell(&policy, Direction::Outgoing, Transport::Tcp, 443).unwrap();
    assert_eq!((cell.peers, cell.service.as_str()), (roles(&[Role::External]), "cl0-frdev"));
    assert!(policy.allowances().is_empty() && policy.antivirus().paths.is_empty());
    let losses = policy.losses().join("\n");
    assert!(losses.contains("\"test.example.com\" is taken for every external address"), "{losses}");
    assert!(losses.contains("every entry is of IPv6"), "{losses}");
}

#[test]
fn the_drafts_names_and_shapes_are_read() {
    let policy = policy(DRAFT);
    let has = |direction, transport, port| cell(&policy, direction, transport, port).map(|cell| cell.peers);
    assert_eq!(has(Direction::Outgoing, Transport::Udp, 123), Some(roles(&[Role::External])));
    assert_eq!(has(Direction::Outgoing, Transport::Tcp, 8080), Some(roles(&[Role::Gateway])));
    let local = roles(&[Role::Gateway, Role::Node, Role::Bacnet, Role::Host]);
    assert_eq!(has(Direction::Incoming, Transport::Tcp, 80), Some(local));
    assert_eq!(has(Direction::Outgoing, Transport::Udp, 1900), Some(roles(&[Role::Group])));
    assert_eq!(policy.cells().len(), 4, "{:?}", policy.cells());
    let allowed: Vec<_> = policy.allowances().iter().filter_map(|entry| entry.name.as_deref()).collect();
    assert_eq!(allowed, ["to-cloud-range", "ping"]);
    let line = DRAFT.lines().position(|line| line.contains("to-cloud-range")).unwrap();
    assert!((line..line + 3).contains(&policy.allowances()[0].line), "cited by the line of the MUD file");
}

#[test]
fn what_is_dropped_first_is_not_let_through() {
    let text = RFC.replace(
        r#""ace": ["#,
        r#""ace": [ { "name": "no", "matches": { "ipv6": { "protocol": 6, "ietf-acldns:dst-dnsname": "test.example.com" } },
                     "actions": { "forwarding": "drop" } },"#,
    );
    assert!(cell(&policy(&text), Direction::Outgoing, Transport::Tcp, 443).is_none());
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_to_write() {
    let acl = "ietf-access-control-list:acls/acl[1]/aces/ace[0]";
    for (from, to, expected) in [
        ("\"port\": 443", "\"port\": 99999", format!("{acl}/matches/tcp/destination-port/port: expected a port as a number from 0 to 65535, found 99999")),
        ("\"port\": 443", "\"port\": 0", format!("{acl}/matches/tcp/destination-port: port 0 is no port")),
        ("\"operator\": \"eq\"", "\"operator\": \"equals\"", format!("{acl}/matches/tcp/destination-port/operator: expected \"eq\", \"neq\", \"lte\" or \"gte\", found the text \"equals\"")),
        ("\"destination-port\"", "\"destination-prot\"", format!("{acl}/matches/tcp/destination-prot: unknown member; did you mean \"destination-port\"?")),
        ("\"forwarding\": \"accept\"", "\"forwarding\": \"acept\"", format!("{acl}/actions/forwarding: expected \"accept\", \"drop\" or \"reject\", found the text \"acept\"")),
        ("\"protocol\": 6", "\"protocol\": 17", format!("{acl}/matches/tcp: the entry is of tcp and of IP protocol 17 at once")),
        ("\"mud-version\": 1", "\"mud-version\": 2", "ietf-mud:mud/mud-version: expected version 1, the only one that is defined".to_owned()),
        ("\"mud-url\"", "\"url\"", "ietf-mud:mud: the description of a device needs \"mud-url\", which is missing".to_owned()),
        ("[ { \"name\": \"mud-76100-v6fr\" } ]", "[ { \"name\": \"mud-1\" } ]", "ietf-mud:mud/from-device-policy/access-lists/access-list[0]/name: there is no access list named \"mud-1\" in this file".to_owned()),
        ("\"ietf-mud:mud\"", "\"ietf-mud:mut\"", "ietf-mud:mut: unknown member; did you mean \"ietf-mud:mud\"?".to_owned()),
    ] {
        // The second list is the one of the packets from the device.
        let at = RFC.rfind(from).unwrap_or_else(|| panic!("{from} stands in the example"));
        let text = format!("{}{to}{}", &RFC[..at], &RFC[at + from.len()..]);
        let told = problems(&text);
        assert!(told.iter().any(|problem| problem.ends_with(&expected)), "{expected}\n{told:#?}");
        let line: usize = told[0].split(':').next().unwrap().parse().unwrap();
        assert!((1..=RFC.lines().count()).contains(&line), "{told:?}");
    }
    let at_443 = RFC.replace("\"port\": 443", "\"port\": -1");
    let line = RFC.lines().position(|line| line.contains("443")).unwrap() + 1;
    assert!(problems(&at_443)[0].starts_with(&format!("{line}:")), "{:?}", problems(&at_443));
}

#[test]
fn odd_and_hostile_files_are_refused_in_words() {
    for (text, expected) in [
        ("{", "1:1: no valid JSON"),
        ("{}", "1:1: the file: a MUD file (RFC 8520) needs \"ietf-mud:mud\", which is missing"),
        (
            "{\"ietf-mud:mud\": 3, \"ietf-access-control-list:acls\": []}",
            "expected the access lists as an object, found a list",
        ),
        (
            "{\"ietf-mud:mud\": {\"mud-url\": \"https://x/y\"}, \"ietf-access-control-list:acls\": {\"acl\": []}}",
            "nothing is described",
        ),
    ] {
        let told = problems(text).join("\n");
        assert!(told.contains(expected), "{text}: {told}");
    }
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problems(&deep)[0].contains("recursion limit"), "{:?}", problems(&deep));
    let ace = r#"{"name": "n", "matches": {}, "actions": {"forwarding": "accept"}}"#;
    let many = RFC.replacen("\"ace\": [", &format!("\"ace\": [{}", format!("{ace},").repeat(ENTRIES + 1)), 1);
    assert!(problems(&many)[0].contains("more than 10000 entries"));
    // A name is text, in TOML and on a terminal.
    let hostile = RFC.replace("The BMS Example Light Bulb", "\\u001b[31m\\\"\\n[[allowance]]\\u007f\\\\ '''");
    let read = policy(&hostile);
    assert_eq!(read.title(), "[31m\"[[allowance]]\\ ''', as its MUD file describes it");
    assert!(read.allowances().is_empty());
}

/// Whatever a line is replaced by, the file is refused in words or read; and what is read is a good policy file.
#[test]
fn no_damage_makes_a_bad_policy_file() {
    for text in [RFC, DRAFT] {
        for at in (0..text.len()).step_by(5) {
            for junk in ["", "0", "\"", "[", "}", "null", "65536", "-", "é"] {
                let damaged = format!("{}{junk}{}", &text[..at], text.get(at + 1..).unwrap_or_default());
                if let Ok(translated) = translate(&damaged) {
                    let read = Policy::parse(&translated.toml, Path::new("device.toml"));
                    assert!(read.is_ok(), "{}\n{}", read.unwrap_err(), translated.toml);
                }
            }
        }
    }
}
