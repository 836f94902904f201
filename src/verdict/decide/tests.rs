//! Each row of docs/verdicts.md's table of reasons, for every pair of roles and both transports.

use std::net::IpAddr;

use super::*;
use crate::policy::Severity::{Alert, Notice, Warning};
use Role::{Bacnet, External, Gateway, Group, Host, Node};
use Transport::{Icmp, Icmpv6, Other, Tcp, Udp};

fn party(role: Role, port: u16) -> Party {
    let address: IpAddr = match role {
        Gateway => "10.0.0.1",
        Node => "10.0.0.2",
        Bacnet => "10.0.0.3",
        Host => "10.0.0.4",
        External => "203.0.113.5",
        Group => "239.255.255.250",
    }
    .parse()
    .unwrap();
    Party { role, address, port }
}

fn ask(client: Role, server: Role, transport: Transport, port: u16) -> Question {
    let (client, server) = (party(client, 40_000), party(server, port));
    Question { client, server, transport, icmp_type: None, payload: Evidence::Unknown, related: false }
}

fn answer(client: Role, server: Role, transport: Transport, port: u16) -> Decision {
    decide(&Policy::embedded(), &ask(client, server, transport, port))
}

/// The tables, written out by hand from the vendor's document, as (transport, port).
const NODE_TCP: [u16; 4] = [80, 88, 1900, 1901];
const NODE_UDP: [u16; 10] = [69, 1050, 1900, 1901, 5683, 50195, 50196, 50197, 50198, 50199];

fn documented_between(client: Role, server: Role) -> Vec<(Transport, u16)> {
    let tcp = NODE_TCP.map(|port| (Tcp, port)).into_iter();
    let udp = NODE_UDP.map(|port| (Udp, port)).into_iter();
    let mut list: Vec<_> = match (client, server) {
        (Gateway, Node) | (Node, Gateway) | (Node, Group) => tcp.chain(udp).collect(),
        (Gateway, Group) => tcp.chain(udp).chain([(Tcp, 443), (Udp, 47808)]).collect(),
        (Gateway, Bacnet) => vec![(Tcp, 80), (Tcp, 443), (Udp, 47808)],
        (Gateway, Gateway | Host | External) => vec![(Tcp, 443)],
        (Bacnet, Gateway | Group) => vec![(Udp, 47808)],
        _ => vec![],
    };
    list.sort();
    list
}

#[test]
fn documented_is_what_the_tables_give_for_the_pair_and_nothing_else() {
    let policy = Policy::embedded();
    for client in Role::ALL {
        for server in Role::ALL {
            let mut found = Vec::new();
            for transport in [Tcp, Udp] {
                for (_, port) in policy.documented_ports().chain([(Tcp, 22), (Tcp, 8080), (Tcp, 50200)]) {
                    if answer(client, server, transport, port).verdict == Verdict::Documented {
                        found.push((transport, port));
                    }
                }
            }
            found.sort();
            found.dedup();
            assert_eq!(found, documented_between(client, server), "{} to {}", client.name(), server.name());
        }
    }
}

#[test]
fn reasons_and_severities_of_what_is_unexpected() {
    use Reason::{UndocumentedPeer, UndocumentedPort, UnlistedIpProtocol, WrongDirection, WrongTransport};
    for (client, server, transport, port, reason, severity) in [
        // Port 443, both ways between gateway and node, and towards the gateway from elsewhere.
        (Gateway, Node, Tcp, 443, WrongDirection, Alert),
        (Node, Gateway, Tcp, 443, WrongDirection, Alert),
        (Host, Gateway, Tcp, 443, WrongDirection, Warning),
        (External, Gateway, Tcp, 443, WrongDirection, Alert),
        (Bacnet, Gateway, Tcp, 443, WrongDirection, Warning),
        (Node, External, Tcp, 443, UndocumentedPort, Alert),
        (Node, Node, Tcp, 443, UndocumentedPort, Warning),
        (Gateway, External, Udp, 443, WrongTransport, Warning),
        // Between gateway and node.
        (Gateway, Node, Tcp, 22, UndocumentedPort, Alert),
        (Node, Gateway, Tcp, 22, UndocumentedPort, Alert),
        (Node, Gateway, Tcp, 69, WrongTransport, Alert),
        (Gateway, Node, Udp, 80, WrongTransport, Alert),
        (Gateway, Node, Tcp, 5683, WrongTransport, Alert),
        (Node, Gateway, Udp, 88, WrongTransport, Alert),
        (Node, Gateway, Udp, 47808, UndocumentedPeer, Alert),
        (Node, Gateway, Tcp, 47808, WrongTransport, Alert),
        (Gateway, Node, Udp, 47808, UndocumentedPeer, Alert),
        (Gateway, Node, Udp, 50200, UndocumentedPort, Alert),
        // A port number means what the vendor says: 88 is not Kerberos, here or there.
        (Gateway, Host, Tcp, 88, UndocumentedPeer, Notice),
        // BACnet, and its port 80 that can be read both ways.
        (Bacnet, Gateway, Tcp, 80, WrongDirection, Notice),
        (Bacnet, Gateway, Tcp, 88, UndocumentedPeer, Notice),
        (Bacnet, Gateway, Tcp, 47808, WrongTransport, Warning),
        (Bacnet, Gateway, Udp, 47809, UndocumentedPort, Warning),
        (Gateway, Bacnet, Tcp, 88, UndocumentedPeer, Notice),
        (Gateway, Bacnet, Udp, 69, UndocumentedPeer, Notice),
        (Gateway, Bacnet, Tcp, 22, UndocumentedPort, Warning),
        (Gateway, Host, Udp, 47808, UndocumentedPeer, Notice),
        (Host, Gateway, Udp, 47808, UndocumentedPeer, Notice),
        (Bacnet, Node, Tcp, 80, UndocumentedPeer, Warning),
        (Bacnet, Node, Udp, 47808, UndocumentedPort, Warning),
        (Node, Bacnet, Udp, 47808, UndocumentedPort, Warning),
        (Node, Bacnet, Tcp, 80, UndocumentedPeer, Warning),
        (Bacnet, Group, Udp, 1900, UndocumentedPort, Notice),
        (Bacnet, Group, Tcp, 47808, WrongTransport, Notice),
        (Host, Bacnet, Udp, 47808, UndocumentedPort, Notice),
        (Bacnet, Bacnet, Udp, 47808, UndocumentedPort, Notice),
        // The gateway with others.
        (Gateway, External, Tcp, 80, UndocumentedPeer, Notice),
        (Gateway, External, Tcp, 22, UndocumentedPort, Warning),
        (Gateway, Gateway, Tcp, 80, UndocumentedPeer, Notice),
        (Gateway, Gateway, Udp, 69, UndocumentedPeer, Notice),
        (Gateway, Gateway, Udp, 443, WrongTransport, Warning),
        (Host, Gateway, Tcp, 80, UndocumentedPeer, Notice),
        (Host, Gateway, Tcp, 3389, UndocumentedPort, Warning),
        (External, Gateway, Tcp, 80, UndocumentedPeer, Alert),
        (External, Gateway, Tcp, 3389, UndocumentedPort, Alert),
        (Gateway, Host, Tcp, 445, UndocumentedPort, Warning),
        (Gateway, Group, Udp, 3702, UndocumentedPort, Warning),
        // Nodes with others.
        (Node, Node, Tcp, 80, UndocumentedPeer, Warning),
        (Node, Node, Udp, 69, UndocumentedPeer, Warning),
        (Node, Node, Udp, 80, WrongTransport, Warning),
        (Node, External, Tcp, 80, UndocumentedPeer, Alert),
        (External, Node, Tcp, 80, UndocumentedPeer, Alert),
        (External, Node, Tcp, 23, UndocumentedPort, Alert),
        (Node, External, Udp, 53, UndocumentedPort, Warning),
        (Node, External, Udp, 123, UndocumentedPort, Warning),
        (Node, Host, Tcp, 80, UndocumentedPeer, Warning),
        (Host, Node, Tcp, 88, UndocumentedPeer, Warning),
        (Host, Node, Udp, 80, WrongTransport, Warning),
        (Node, Group, Udp, 47808, UndocumentedPort, Warning),
        (Node, Group, Tcp, 443, UndocumentedPort, Warning),
        // Other IP protocols.
        (Node, Gateway, Other(47), 0, UnlistedIpProtocol, Alert),
        (Host, Node, Other(132), 0, UnlistedIpProtocol, Warning),
        (Gateway, External, Other(50), 0, UnlistedIpProtocol, Warning),
    ] {
        let what = format!("{} to {} {transport} {port}", client.name(), server.name());
        let answer = answer(client, server, transport, port);
        assert_eq!(
            (answer.verdict, answer.reason, answer.severity),
            (Verdict::Unexpected, Some(reason), Some(severity)),
            "{what}"
        );
    }
}

#[test]
fn without_an_igor_host_it_is_a_bystander() {
    for client in [Host, External, Group] {
        for server in [Host, External, Group] {
            for (transport, port) in [(Tcp, 80), (Udp, 1900), (Udp, 47808), (Tcp, 443), (Other(50), 0)] {
                let found = answer(client, server, transport, port);
                let expected = Decision { verdict: Verdict::Bystander, reason: None, severity: None, rule: Rule::None };
                assert_eq!(found, expected, "{} to {} {transport} {port}", client.name(), server.name());
            }
        }
    }
}

#[test]
fn every_unexpected_flow_has_a_reason_and_a_severity_and_nothing_else_has() {
    let policy = Policy::embedded();
    for client in Role::ALL {
        for server in Role::ALL {
            for transport in [Tcp, Udp, Icmp, Icmpv6, Other(2), Other(89)] {
                for (_, port) in policy.documented_ports().chain([(Tcp, 0), (Tcp, 53), (Tcp, 40_001)]) {
                    let found = answer(client, server, transport, port);
                    let unexpected = found.verdict == Verdict::Unexpected;
                    assert_eq!((found.reason.is_some(), found.severity.is_some()), (unexpected, unexpected));
                    assert_eq!(
                        found.verdict == Verdict::Bystander,
                        !client.is_igor()
                            && !server.is_igor()
                            && !matches!(found.verdict, Verdict::Supporting | Verdict::SiteApproved)
                    );
                }
            }
        }
    }
}

#[test]
fn payload_that_violates_makes_a_documented_port_unexpected_and_nothing_else() {
    let policy = Policy::embedded();
    let with = |client, server, transport, port, payload| {
        let found = decide(&policy, &Question { payload, ..ask(client, server, transport, port) });
        (found.verdict, found.reason, found.severity)
    };
    let wrong = (Verdict::Unexpected, Some(Reason::WrongProtocol), Some(Alert));
    assert_eq!(with(Gateway, Node, Tcp, 80, Evidence::Violates), wrong);
    assert_eq!(with(Gateway, Host, Tcp, 443, Evidence::Violates), wrong);
    assert_eq!(with(Bacnet, Group, Udp, 47808, Evidence::Violates), wrong);
    assert_eq!(with(Gateway, Node, Tcp, 80, Evidence::Conforms), (Verdict::Documented, None, None));
    // Not documented for this pair anyway: the peer is the reason.
    let peer = (Verdict::Unexpected, Some(Reason::UndocumentedPeer), Some(Warning));
    assert_eq!(with(Node, Node, Tcp, 80, Evidence::Violates), peer);
}

#[test]
fn a_related_flow_is_related_unless_it_is_documented_itself() {
    let policy = Policy::embedded();
    for (client, server, port, verdict) in [
        (Gateway, Node, 49_500, Verdict::Related),
        (Node, Host, 50_000, Verdict::Related),
        (Gateway, Node, 5683, Verdict::Documented),
        // Related comes before supporting.
        (Gateway, Host, 53, Verdict::Related),
    ] {
        let found = decide(&policy, &Question { related: true, ..ask(client, server, Udp, port) });
        assert_eq!((found.verdict, found.reason, found.severity), (verdict, None, None), "port {port}");
    }
}

#[test]
fn only_the_servers_port_counts() {
    let policy = Policy::embedded();
    let mut question = ask(Gateway, Node, Udp, 40_001);
    question.client.port = 50_197;
    assert_eq!(decide(&policy, &question).reason, Some(Reason::UndocumentedPort));
}

#[test]
fn supporting_protocols_by_role() {
    let supporting = |client, server, transport, client_port, port, kind| {
        let mut question = ask(client, server, transport, port);
        question.client.port = client_port;
        question.icmp_type = kind;
        decide(&Policy::embedded(), &question).verdict == Verdict::Supporting
    };
    for (client, server, transport, client_port, port, kind, expected) in [
        (Node, Group, Udp, 68, 67, None, true),
        (Host, Group, Udp, 67, 68, None, true),
        (Gateway, Node, Udp, 67, 68, None, true),
        (Node, Gateway, Udp, 40_000, 67, None, false),
        (Node, External, Udp, 68, 67, None, false),
        (Node, Group, Udp, 546, 547, None, true),
        (Node, Host, Udp, 40_000, 53, None, true),
        (Node, Gateway, Tcp, 40_000, 53, None, true),
        (Gateway, External, Udp, 40_000, 53, None, true),
        (Node, External, Udp, 40_000, 53, None, false),
        (Node, External, Tcp, 40_000, 53, None, false),
        (Host, Node, Udp, 40_000, 53, None, false),
        (External, Gateway, Udp, 40_000, 53, None, false),
        (Node, Gateway, Udp, 123, 123, None, true),
        (Node, External, Udp, 123, 123, None, false),
        (Gateway, External, Udp, 123, 123, None, true),
        (Node, Group, Udp, 5353, 5353, None, true),
        (Node, Gateway, Udp, 5353, 50_000, None, true),
        (External, Gateway, Udp, 5353, 50_000, None, false),
        (Gateway, Group, Udp, 50_000, 5355, None, true),
        (Gateway, Group, Udp, 137, 137, None, true),
        (Node, Group, Udp, 137, 137, None, false),
        (Node, Gateway, Icmp, 0, 0, Some(8), true),
        (Node, Gateway, Icmp, 0, 0, Some(5), false),
        (Node, Gateway, Icmpv6, 0, 0, Some(128), true),
        (Node, Group, Icmpv6, 0, 0, Some(135), true),
        (Node, Group, Icmpv6, 0, 0, Some(143), true),
        (Node, Group, Other(2), 0, 0, None, true),
        (Node, Gateway, Other(2), 0, 0, None, true),
        (Node, Group, Other(103), 0, 0, None, false),
    ] {
        let found = supporting(client, server, transport, client_port, port, kind);
        assert_eq!(found, expected, "{} to {} {transport} {port} {kind:?}", client.name(), server.name());
    }
}

#[test]
fn an_allowance_speaks_only_where_the_document_does_not() {
    let text = r#"
        extends = "igor"
        [[allowance]]
        from = "10.0.0.4"
        to = ["gateway", "10.0.0.2"]
        transport = "tcp"
        ports = [22, "8000-8100"]
        reason = "maintenance laptop"
        [[allowance]]
        from = "gateway"
        to = "any"
        reason = "everything of the gateway"
    "#;
    let policy = Policy::parse(text, std::path::Path::new("site.toml")).unwrap();
    for (client, server, transport, port, expected) in [
        (Host, Gateway, Tcp, 22, Rule::Allowance(0)),
        (Host, Node, Tcp, 8050, Rule::Allowance(0)),
        (Gateway, External, Tcp, 22, Rule::Allowance(1)),
    ] {
        let found = decide(&policy, &ask(client, server, transport, port));
        assert_eq!((found.verdict, found.rule), (Verdict::SiteApproved, expected));
    }
    for (client, server, transport, port, verdict) in [
        (Gateway, Node, Tcp, 80, Verdict::Documented),
        (Host, Gateway, Udp, 22, Verdict::Unexpected),
        (Host, Gateway, Tcp, 8101, Verdict::Unexpected),
        (Bacnet, Gateway, Tcp, 22, Verdict::Unexpected),
        (Gateway, Host, Udp, 53, Verdict::SiteApproved),
    ] {
        assert_eq!(decide(&policy, &ask(client, server, transport, port)).verdict, verdict, "{transport} {port}");
    }
}
