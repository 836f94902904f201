//! The whole line, from the sample site survey to its verdicts. What must come out was laid down when the traffic was
//! invented: `captures/README.md` says it in words.

use crate::reading;
use igorscope::inventory::Host;
use igorscope::policy::{Direction, Role};
use igorscope::protocol::Transport;
use igorscope::verdict::{CellState, HostCoverage};

/// The inventory's name for an IPv4 address; an IPv6 address as it is, since it shares the name.
fn name(host: &Host) -> String {
    match &host.name {
        Some(name) if host.address.is_ipv4() => name.to_string(),
        _ => host.address.to_string(),
    }
}

/// Client, server, transport, port: verdict, reason, outcome.
const EXPECTED: &[[&str; 4]] = &[
    // Documented, and it worked.
    ["gateway node-01 udp/5683", "documented", "", "established"],
    ["node-01 gateway udp/5683", "documented", "", "established"],
    ["gateway node-05 udp/5683", "documented", "", "established"],
    ["gateway node-12 udp/5683", "documented", "", "established"],
    ["fe80::49:67ff:fe00:a fe80::49:67ff:fe01:7 udp/5683", "documented", "", "established"],
    ["gateway 224.0.1.187 udp/5683", "documented", "", "established"],
    ["gateway 239.255.255.250 udp/1900", "documented", "", "established"],
    ["gateway node-13 udp/1900", "documented", "", "established"],
    ["gateway node-13 udp/1901", "documented", "", "established"],
    ["node-31 gateway udp/1900", "documented", "", "established"],
    ["node-31 gateway udp/1901", "documented", "", "established"],
    ["gateway node-03 tcp/1900", "documented", "", "established"],
    ["node-33 gateway tcp/1900", "documented", "", "established"],
    ["gateway node-34 tcp/1901", "documented", "", "established"],
    ["gateway node-04 tcp/80", "documented", "", "established"],
    ["node-21 gateway tcp/80", "documented", "", "established"],
    ["gateway head-end tcp/80", "documented", "", "established"],
    ["gateway node-31 tcp/88", "documented", "", "established"],
    ["node-35 gateway tcp/88", "documented", "", "established"],
    ["head-end gateway udp/47808", "documented", "", "established"],
    ["gateway controller udp/47808", "documented", "", "established"],
    ["gateway 203.0.113.80 tcp/443", "documented", "", "established"],
    ["node-03 gateway udp/69", "documented", "", "established"],
    ["node-04 gateway udp/69", "documented", "", "established"],
    ["gateway node-06 udp/69", "documented", "", "established"],
    ["node-08 gateway udp/69", "documented", "", "established"],
    ["node-33 gateway udp/69", "documented", "", "established"],
    ["gateway node-31 udp/1050", "documented", "", "established"],
    ["gateway node-10 udp/50196", "documented", "", "established"],
    ["node-15 gateway udp/50199", "documented", "", "established"],
    ["gateway node-24 tcp/80", "documented", "", "established"],
    // Documented, and it did not.
    ["gateway node-17 tcp/88", "documented", "", "refused"],
    ["gateway node-35 udp/1050", "documented", "", "rejected"],
    ["gateway node-29 tcp/80", "documented", "", "unanswered"],
    ["node-01 gateway tcp/1901", "documented", "", "unanswered"],
    ["node-34 gateway tcp/1901", "documented", "", "unanswered"],
    // Supporting.
    ["node-01 router udp/53", "supporting", "", "established"],
    ["node-31 router udp/123", "supporting", "", "established"],
    // Each reason.
    ["gateway node-07 tcp/80", "unexpected", "wrong-protocol", "established"],
    ["node-19 gateway 132", "unexpected", "unlisted-ip-protocol", "one-way"],
    ["node-11 gateway udp/88", "unexpected", "wrong-transport", "one-way"],
    ["gateway node-13 tcp/69", "unexpected", "wrong-transport", "refused"],
    ["gateway node-09 tcp/22", "unexpected", "undocumented-port", "established"],
    ["node-14 gateway tcp/1883", "unexpected", "undocumented-port", "refused"],
    ["node-16 gateway udp/9999", "unexpected", "undocumented-port", "one-way"],
    ["head-end gateway udp/47809", "unexpected", "undocumented-port", "established"],
    ["office-pc gateway tcp/3389", "unexpected", "undocumented-port", "established"],
    ["node-18 198.51.100.53 udp/53", "unexpected", "undocumented-port", "established"],
    ["node-18 203.0.113.80 udp/123", "unexpected", "undocumented-port", "established"],
    ["node-22 gateway tcp/443", "unexpected", "wrong-direction", "established"],
    ["gateway node-23 tcp/443", "unexpected", "wrong-direction", "refused"],
    ["node-03 node-04 udp/5683", "unexpected", "undocumented-peer", "established"],
    ["node-21 198.51.100.53 tcp/80", "unexpected", "undocumented-peer", "established"],
    ["office-pc gateway tcp/80", "unexpected", "undocumented-peer", "established"],
    ["office-pc node-05 tcp/80", "unexpected", "undocumented-peer", "established"],
    // Nobody of ours.
    ["office-pc 10.30.0.1 udp/53", "supporting", "", "established"],
    ["office-pc 203.0.113.80 tcp/443", "bystander", "", "established"],
];

#[test]
fn each_conversation_is_judged_as_it_was_meant() {
    let survey = reading::of_sample("site-survey.pcapng");
    let found: Vec<(String, [&str; 3])> = survey
        .conversations
        .iter()
        .map(|it| {
            let ends = [it.client, it.server].map(|id| name(survey.hosts.get(id)));
            let service = match it.transport {
                Transport::Other(number) => number.to_string(),
                other => format!("{other}/{}", it.port),
            };
            let reason = it.reason.map_or("", |reason| reason.name());
            (format!("{} {} {service}", ends[0], ends[1]), [it.verdict.name(), reason, it.outcome.name()])
        })
        .collect();
    let mut wrong = Vec::new();
    for [conversation, expected @ ..] in EXPECTED {
        let rows: Vec<_> = found.iter().filter(|(key, _)| key == conversation).map(|(_, row)| row).collect();
        if rows != [expected] {
            wrong.push(format!("{conversation}: expected {expected:?}, found {rows:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_cell_is_carried_but_the_blocked_port() {
    let survey = reading::of_sample("site-survey.pcapng");
    assert_eq!(survey.coverage.len(), 60);
    let not_carried: Vec<_> = survey
        .coverage
        .iter()
        .filter(|cell| cell.state != CellState::Carried)
        .map(|cell| {
            let it = &survey.policy.cells()[usize::from(cell.cell)];
            (survey.policy.document_of(it).role, it.direction, it.transport, it.port, cell.state)
        })
        .collect();
    let expected = [
        (Role::Gateway, Direction::Incoming, Transport::Tcp, 1901, CellState::Blocked),
        (Role::Node, Direction::Outgoing, Transport::Tcp, 1901, CellState::Blocked),
    ];
    assert_eq!(not_carried, expected);
}

#[test]
fn every_frame_is_accounted_for() {
    let survey = reading::of_sample("site-survey.pcapng");
    let frames = &survey.frames;
    assert_eq!(frames.total, crate::traffic::survey::tape().records.len() as u64);
    assert_eq!((frames.decoded, frames.stopped.len()), (frames.total, 0), "{:?}", frames.stopped);
}

/// What was seen of a port of a node, by the names that the inventory gives.
#[test]
fn the_node_that_lacks_a_port_stands_out() {
    let survey = reading::of_sample("site-survey.pcapng");
    let cell = |transport, direction, port| {
        let same = |cell: &igorscope::policy::Cell| {
            (cell.role, cell.transport, cell.direction, cell.port) == (Role::Node, transport, direction, port)
        };
        survey.policy.cells().iter().position(same).expect("a cell of the node's document")
    };
    let node = |name: &str| {
        let named = |node: &&HostCoverage| survey.hosts.get(node.host).name.as_deref() == Some(name);
        let found: Vec<_> = survey.nodes.iter().filter(named).collect();
        assert_eq!(found.len(), 1, "{name}: addresses of one device are one row");
        found[0]
    };
    let state = |name: &str, at: usize| {
        node(name).cells.iter().find(|(cell, _)| usize::from(*cell) == at).map(|(_, state)| *state)
    };
    let configuration = cell(Transport::Tcp, Direction::Incoming, 88);
    assert_eq!(state("node-17", configuration), Some(CellState::Blocked));
    assert_eq!(state("node-31", configuration), Some(CellState::Carried));
    assert_eq!(state("node-29", cell(Transport::Tcp, Direction::Incoming, 80)), Some(CellState::Blocked));
    assert_eq!(state("node-01", cell(Transport::Tcp, Direction::Outgoing, 1901)), Some(CellState::Blocked));
    // Declared, and never heard.
    assert!(!survey.hosts.get(node("node-30").host).heard);
    assert!(node("node-30").cells.iter().all(|(_, state)| *state == CellState::NotSeen));
    // Each of the 36 nodes is in one of the four states of each cell.
    for seen in &survey.coverage {
        if survey.policy.cells()[usize::from(seen.cell)].role == Role::Node {
            assert_eq!(seen.hosts.iter().sum::<u32>(), 36);
        }
    }
    assert_eq!(survey.coverage[configuration].hosts[CellState::Blocked as usize], 1);
}
