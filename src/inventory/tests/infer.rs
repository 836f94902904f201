//! Roles from hand-made traffic.

use proptest::prelude::*;

use super::flows::{Traffic, hosts, known, mac, parse};
use crate::decode::MacAddr;
use crate::inventory::{Hosts, Inventory, RoleSource, draft};
use crate::policy::Role;
use crate::protocol::Transport;

const TCP: Transport = Transport::Tcp;
const UDP: Transport = Transport::Udp;
const GATEWAY: &str = "10.0.0.1";
const BMS: &str = "10.0.0.200";
const PC: &str = "10.0.0.100";

fn node(number: u8) -> String {
    format!("10.0.1.{number}")
}

fn from_gateway(number: u8) -> Vec<Traffic> {
    let node = &node(number);
    vec![
        Traffic::new(GATEWAY, node, TCP, 88),
        Traffic::new(GATEWAY, node, UDP, 5683),
        Traffic::new(GATEWAY, node, UDP, 50196),
        Traffic::new(node, GATEWAY, UDP, 69),
    ]
}

fn both_ways(gateway: &str, node: &str) -> Vec<Traffic> {
    [(TCP, 80), (TCP, 88), (TCP, 1900), (TCP, 1901), (UDP, 69), (UDP, 1050), (UDP, 5683), (UDP, 50195)]
        .iter()
        .flat_map(|&(transport, port)| {
            [Traffic::new(gateway, node, transport, port), Traffic::new(node, gateway, transport, port)]
        })
        .collect()
}

fn roles(talks: &[Traffic], inventory: &Inventory) -> Vec<(String, &'static str)> {
    let hosts = hosts(talks, inventory);
    assert_round_trip(talks, &hosts, inventory);
    let named = hosts.iter().filter(|host| host.heard && host.role.is_igor());
    named.map(|host| (host.address.to_string(), host.role.name())).collect()
}

/// Reading the draft gives every host its role back.
fn assert_round_trip(talks: &[Traffic], found: &Hosts, inventory: &Inventory) {
    let text = draft(found, inventory);
    let read = Inventory::parse(&text, "draft.toml").unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let again = hosts(talks, &read);
    for (a, b) in found.iter().zip(again.iter()) {
        assert_eq!((a.address, a.role), (b.address, b.role), "{text}");
        assert_ne!(b.source, RoleSource::Inferred);
    }
}

fn site(gateway: &str, nodes: std::ops::RangeInclusive<u8>) -> Vec<(String, &'static str)> {
    std::iter::once((gateway.into(), "gateway")).chain(nodes.map(|number| (node(number), "node"))).collect()
}

fn expect(talks: &[Traffic], expected: &[(String, &'static str)]) {
    assert_eq!(roles(talks, &Inventory::default()), expected);
}

#[test]
fn a_usual_site() {
    let mut talks: Vec<Traffic> = (1..=12).flat_map(from_gateway).collect();
    talks.extend([
        Traffic::new(BMS, GATEWAY, UDP, 47808),
        Traffic::new(PC, GATEWAY, TCP, 80),
        Traffic::new(PC, "8.8.8.8", UDP, 53),
        Traffic::new(GATEWAY, "8.8.4.4", TCP, 443),
        // An unexpected visit of a node does not make a gateway, or a node, of the visitor.
        Traffic::new(PC, &node(3), TCP, 88),
        Traffic::new(PC, &node(3), UDP, 5683),
        Traffic::new(&node(4), &node(5), UDP, 5683),
    ]);
    let mut expected = site(GATEWAY, 1..=12);
    expected.insert(1, (BMS.into(), "bacnet"));
    let mut found = roles(&talks, &Inventory::default());
    let mut sorted = expected.clone();
    found.sort();
    sorted.sort();
    assert_eq!(found, sorted);
}

#[test]
fn everything_both_ways_leaves_the_star() {
    let talks: Vec<Traffic> = (1..=3).flat_map(|number| both_ways(GATEWAY, &node(number))).collect();
    expect(&talks, &site(GATEWAY, 1..=3));
    // One node asks, too; and the gateway fetches files, and speaks with BACnet systems.
    let mut talks: Vec<Traffic> = (1..=6).map(|number| Traffic::new(GATEWAY, &node(number), UDP, 5683)).collect();
    talks.extend([Traffic::new(&node(1), GATEWAY, UDP, 50195), Traffic::new(&node(1), GATEWAY, TCP, 88)]);
    expect(&talks, &site(GATEWAY, 1..=6));
    talks.extend((1..=6).map(|number| Traffic::new(GATEWAY, &node(number), UDP, 69)));
    talks.extend((1..=4).map(|number| Traffic::new(GATEWAY, &format!("10.0.2.{number}"), UDP, 47808)));
    assert_eq!(roles(&talks, &Inventory::default())[0], (GATEWAY.to_owned(), "gateway"));
    // With one node, and everything both ways, nothing tells them apart.
    expect(&both_ways(GATEWAY, &node(1)), &[]);
}

#[test]
fn one_node_on_the_bench_is_told_by_who_asks() {
    expect(&from_gateway(1), &site(GATEWAY, 1..=1));
    expect(&from_gateway(1)[..2], &site(GATEWAY, 1..=1));
    // One service alone is too little.
    for talk in from_gateway(1) {
        expect(&[talk], &[]);
    }
}

#[test]
fn two_gateways_with_their_own_nodes_or_shared_ones() {
    let other = "10.0.0.2";
    let own = (1..=5).flat_map(from_gateway).chain((6..=8).flat_map(|number| both_ways(other, &node(number))));
    let shared = (1..=5).flat_map(from_gateway).chain((1..=5).flat_map(|number| both_ways(other, &node(number))));
    for (talks, nodes) in [(own.collect::<Vec<_>>(), 1..=8), (shared.collect(), 1..=5)] {
        let mut expected = site(GATEWAY, nodes);
        expected.insert(1, (other.into(), "gateway"));
        expect(&talks, &expected);
    }
}

/// The same traffic from another gateway.
fn from_other(gateway: &str, number: u8) -> Vec<Traffic> {
    let mut talks = from_gateway(number);
    for end in talks.iter_mut().flat_map(|talk| [&mut talk.client, &mut talk.server]) {
        if end.to_string() == GATEWAY {
            *end = gateway.parse().expect("an address");
        }
    }
    talks
}

#[test]
fn a_gateway_of_few_nodes_may_have_to_do_with_another_ones_peers() {
    let other = "10.0.0.2";
    // It asks a node of the other, they ask one another, or both ask a third host.
    let shared: [&[Traffic]; 4] = [
        &[],
        &[Traffic::new(other, &node(1), UDP, 5683)],
        &[Traffic::new(GATEWAY, other, TCP, 88), Traffic::new(other, GATEWAY, TCP, 1901)],
        &[Traffic::new(GATEWAY, PC, TCP, 1900), Traffic::new(other, PC, TCP, 1900)],
    ];
    for (shared, few) in shared.iter().flat_map(|shared| [(shared, 7..=7), (shared, 7..=8)]) {
        let talks: Vec<Traffic> = (1..=6)
            .flat_map(from_gateway)
            .chain(few.clone().flat_map(|number| from_other(other, number)))
            .chain(shared.iter().cloned())
            .collect();
        let mut expected = site(GATEWAY, 1..=*few.end());
        expected.insert(1, (other.into(), "gateway"));
        expect(&talks, &expected);
        // Beside an inventory that lacks it, it is told, and by its role.
        let known = known(&talks, &[], &parse("gateway = \"10.0.0.1\""));
        let told = format!("{:?}", known.doubts.contradictions);
        assert!(told.contains("NotListed") && told.contains("10.0.0.2") && told.contains("Gateway"), "{told}");
    }
    // A laptop that configures one node, a node that asks another one, and who visits a device of its own for one thing, are none.
    let visits = [
        vec![Traffic::new(PC, &node(3), TCP, 88), Traffic::new(PC, &node(3), UDP, 5683)],
        vec![Traffic::new(&node(4), &node(5), TCP, 88), Traffic::new(&node(4), &node(5), UDP, 5683)],
        vec![Traffic::new(PC, &node(3), TCP, 88), Traffic::new(PC, "10.0.0.77", UDP, 5683)],
    ];
    for visits in visits {
        let talks: Vec<Traffic> = (1..=6).flat_map(from_gateway).chain(visits).collect();
        expect(&talks, &site(GATEWAY, 1..=6));
    }
    // Nor is who configures one host of its own, unless that asks it, too; but it may be one.
    let visit = [Traffic::new(PC, &node(7), TCP, 88), Traffic::new(PC, &node(7), UDP, 5683)];
    let talks: Vec<Traffic> = (1..=6).flat_map(from_gateway).chain(visit).collect();
    expect(&talks, &site(GATEWAY, 1..=6));
    let hints = known(&talks, &[], &Inventory::default()).hints;
    assert!(hints.iter().any(|hint| hint.role == Role::Gateway && hint.address.to_string() == PC), "{hints:?}");
    let talks: Vec<Traffic> = talks.into_iter().chain([Traffic::new(&node(7), PC, UDP, 69)]).collect();
    assert_eq!(hosts(&talks, &Inventory::default()).iter().filter(|host| host.role == Role::Gateway).count(), 2);
}

#[test]
fn who_asks_for_one_thing_beside_a_gateway_is_none_unless_its_hosts_are_of_the_same_maker() {
    let other = "10.0.0.2";
    let with_macs = |talks: Vec<Traffic>, maker: u8| {
        talks.into_iter().map(move |talk| {
            let of = |address: std::net::IpAddr| {
                let text = address.to_string();
                let last = text.rsplit('.').next().and_then(|last| last.parse().ok()).expect("a number");
                MacAddr([0x00, 0x1b, if text.starts_with("10.0.1.") { maker } else { 0x21 }, 0, 0, last])
            };
            let (client, server) = (of(talk.client), of(talk.server));
            talk.macs(client, server)
        })
    };
    let own = |maker| with_macs((7..=10).map(|number| Traffic::new(other, &node(number), UDP, 5683)).collect(), maker);
    let usual = |nodes: std::ops::RangeInclusive<u8>| with_macs(nodes.flat_map(from_gateway).collect(), 0xc5);
    for nodes in [1..=1, 1..=6] {
        let mut expected = site(GATEWAY, nodes.clone());
        let talks: Vec<Traffic> = usual(nodes).chain(own(0x77)).collect();
        expect(&talks, &expected);
        // It is told all the same that it may be one.
        let hints = known(&talks, &[], &Inventory::default()).hints;
        assert!(hints.iter().any(|hint| hint.role == Role::Gateway && hint.address.to_string() == other), "{hints:?}");
        if expected.len() > 2 {
            expected.insert(1, (other.into(), "gateway"));
            expected.extend((7..=10).map(|number| (node(number), "node")));
            expect(&usual(1..=6).chain(own(0xc5)).collect::<Vec<_>>(), &expected);
        }
    }
    // A tool that asks each node of the gateway, for one thing.
    for (transport, port) in [(UDP, 5683), (TCP, 1901)] {
        let asked = (1..=6).map(|number| Traffic::new(PC, &node(number), transport, port));
        expect(&(1..=6).flat_map(from_gateway).chain(asked).collect::<Vec<_>>(), &site(GATEWAY, 1..=6));
    }
}

#[test]
fn blocks_that_hold_more_than_they_are_written_for_contradict() {
    let mut talks: Vec<Traffic> = (1..=6).flat_map(from_gateway).collect();
    talks.push(Traffic::new(BMS, GATEWAY, UDP, 47808));
    let told = |toml: &str, talks: &[Traffic]| {
        let doubts = known(talks, &[], &parse(toml)).doubts;
        doubts.contradictions.iter().map(|one| format!("{one:?}\n")).collect::<String>()
    };
    let nodes = "gateway = \"10.0.0.1\"\nbacnet = [\"10.0.0.200\", \"10.0.1.5-10.0.1.9\"]";
    assert!(
        told(nodes, &talks)
            .contains("Behaves { host: Named(10.0.1.5, None), declared: Bacnet, guess: Guess { role: Node")
    );
    let gateways = "gateway = \"10.0.0.0/16\"";
    assert!(
        told(gateways, &talks)
            .contains("Behaves { host: Named(10.0.1.1, None), declared: Gateway, guess: Guess { role: Node")
    );
    // A right inventory, with a gateway in reserve that the other one looks after as it does after nodes.
    let right = "gateway = [\"10.0.0.1\", \"10.0.0.2\"]\nnode = \"10.0.1.0/24\"\nbacnet = \"10.0.0.200\"";
    talks.extend([Traffic::new(GATEWAY, "10.0.0.2", TCP, 88), Traffic::new(GATEWAY, "10.0.0.2", UDP, 5683)]);
    assert_eq!(told(right, &talks), "");
    // With three in reserve, unless they are of the nodes' maker.
    let of = |[a, b, c]: [u8; 3], last| MacAddr([a, b, c, 0, 0, last]);
    let other = [0x00, 0x0c, 0x29];
    for (maker, is_right) in [(None, true), (Some(other), true), (Some([0x00, 0x1b, 0xc5]), false)] {
        let asked = |address: &str, to: Option<MacAddr>| {
            [(TCP, 88), (UDP, 5683)].map(|(transport, port)| {
                let talk = Traffic::new(GATEWAY, address, transport, port);
                Traffic { client_mac: Some(of(other, 1)), server_mac: to, ..talk }
            })
        };
        let nodes = (1..=6).flat_map(|number| asked(&node(number), Some(mac(number))));
        let beside =
            (2..=4).flat_map(|number| asked(&format!("10.0.0.{number}"), maker.map(|maker| of(maker, 100 + number))));
        let said =
            told("gateway = \"10.0.0.1-10.0.0.4\"\nnode = \"10.0.1.0/24\"", &nodes.chain(beside).collect::<Vec<_>>());
        assert_eq!(said.is_empty(), is_right, "{maker:?}: {said}");
    }
}

#[test]
fn other_networks_get_no_roles() {
    let domain_controller: Vec<Traffic> = (1..=20)
        .flat_map(|number| {
            let client = &node(number);
            // Kerberos, and network boot from the same server.
            [
                Traffic::new(client, GATEWAY, TCP, 88),
                Traffic::new(client, GATEWAY, UDP, 69),
                Traffic::new(client, GATEWAY, TCP, 80),
            ]
        })
        .collect();
    expect(&domain_controller, &[]);
    let bacnet: Vec<Traffic> = (1..=20).map(|number| Traffic::new(BMS, &node(number), UDP, 47808)).collect();
    expect(&bacnet, &[]);
    let web: Vec<Traffic> = (1..=20).map(|number| Traffic::new(&node(number), GATEWAY, TCP, 80)).collect();
    expect(&web, &[]);
    let coap_server: Vec<Traffic> = (1..=20).map(|number| Traffic::new(&node(number), GATEWAY, UDP, 5683)).collect();
    expect(&coap_server, &[]);
    let scan: Vec<Traffic> = (1..=20)
        .flat_map(|number| {
            let refused = Traffic { refused: true, ..Traffic::new(PC, &node(number), TCP, 88) };
            [
                refused,
                Traffic::new(PC, &node(number), UDP, 5683).unanswered(),
                Traffic::new(PC, &node(number), UDP, 69).unanswered(),
            ]
        })
        .collect();
    expect(&scan, &[]);
    let internet: Vec<Traffic> = (1..=9).flat_map(|n| both_ways(GATEWAY, &format!("203.0.113.{n}"))).collect();
    expect(&internet, &[]);
}

#[test]
fn the_ephemeral_range_proves_nothing() {
    // DNS answers to a client that happens to use 50197, the questions not captured.
    let talks: Vec<Traffic> = (1..=5)
        .flat_map(|number| {
            let answer = Traffic { client_port: 53, ..Traffic::new(GATEWAY, &node(number), UDP, 50197) };
            [answer.unanswered(), Traffic::new(GATEWAY, &node(number), UDP, 69).unanswered()]
        })
        .collect();
    expect(&talks, &[]);
}

#[test]
fn payload_that_disproves_the_service_does_not_count() {
    let saying =
        |says: &'static [u8], number| Traffic { says: Some(says), ..Traffic::new(GATEWAY, &node(number), UDP, 5683) };
    let junk: Vec<Traffic> = (1..=5).map(|number| saying(b"\xde\xad\xbe\xef\x01\x02", number)).collect();
    expect(&junk, &[]);
    let good: Vec<Traffic> = (1..=5).map(|number| saying(b"\x40\x01\0\x01\xb5light", number).unanswered()).collect();
    expect(&good, &site(GATEWAY, 1..=5));
    let found = hosts(&good, &Inventory::default());
    let gateway = found.iter().find(|host| host.role == Role::Gateway).expect("gateway");
    assert_eq!((gateway.confidence, gateway.source), (60, RoleSource::Inferred));
    assert_eq!(gateway.basis, "CoAP (UDP 5683): asks 5; 5 peers, more than they have");
}

#[test]
fn bacnet_systems_beside_the_gateway() {
    let broadcast = |from: &str| Traffic::new(from, "255.255.255.255", UDP, 47808).unanswered();
    let mut talks: Vec<Traffic> = (1..=4).flat_map(from_gateway).collect();
    talks.extend([
        Traffic::new(GATEWAY, BMS, UDP, 47808),
        Traffic::new("10.0.0.201", GATEWAY, UDP, 47808).unanswered(),
        broadcast("10.0.0.202"),
        // Another controller's own affair.
        Traffic::new("10.0.0.203", "10.0.0.204", UDP, 47808),
    ]);
    let found = hosts(&talks, &Inventory::default());
    let bacnet: Vec<_> = found
        .iter()
        .filter(|host| host.role == Role::Bacnet)
        .map(|host| (host.address.to_string(), host.confidence))
        .collect();
    assert_eq!(bacnet, [(BMS.into(), 80), ("10.0.0.201".into(), 60), ("10.0.0.202".into(), 45)]);
}

#[test]
fn the_mac_block_of_most_nodes_tells() {
    let gateway_mac = MacAddr([0x00, 0x0c, 0x29, 0, 0, 1]);
    let pc_mac = MacAddr([0x00, 0x0c, 0x29, 0, 0, 2]);
    let mut talks: Vec<Traffic> = (1..=4)
        .flat_map(|number| {
            from_gateway(number).into_iter().map(move |talk| {
                let (a, b) = if talk.client.to_string() == GATEWAY {
                    (gateway_mac, mac(number))
                } else {
                    (mac(number), gateway_mac)
                };
                talk.macs(a, b)
            })
        })
        .collect();
    talks.extend([
        // A node that reaches its gateway by HTTP only, one that never reached it, and a PC that asks it by CoAP.
        Traffic::new(&node(5), GATEWAY, TCP, 80).macs(mac(5), gateway_mac),
        Traffic::new(&node(6), "10.0.9.9", UDP, 53).macs(mac(6), MacAddr([0, 1, 2, 3, 4, 5])),
        Traffic::new(PC, GATEWAY, UDP, 5683).macs(pc_mac, gateway_mac),
    ]);
    expect(&talks, &site(GATEWAY, 1..=6));
    let found = hosts(&talks, &Inventory::default());
    let known = |address: String| {
        let host = found.iter().find(|host| host.address.to_string() == address).expect("host");
        (host.confidence, host.basis.to_string())
    };
    assert_eq!(known(node(5)), (55, "MAC block 00:1b:c5 as most nodes; HTTP with the gateway".into()));
    assert_eq!(known(node(6)), (40, "MAC block 00:1b:c5 as most nodes; not heard with a gateway".into()));
    assert!(known(PC.into()).1.starts_with("too little for a role: CoAP (UDP 5683): asks 1"), "{:?}", known(PC.into()));
}

#[test]
fn addresses_of_one_mac_share_their_evidence() {
    let talks = [
        Traffic::new(GATEWAY, &node(1), TCP, 88).macs(mac(1), mac(2)),
        Traffic::new("fe80::1", "fe80::2", UDP, 5683).macs(mac(1), mac(2)),
        Traffic::new("fd00::2", "fd00::1", UDP, 69).macs(mac(2), mac(1)),
    ];
    let expected = [
        (GATEWAY, "gateway"),
        ("10.0.1.1", "node"),
        ("fd00::1", "gateway"),
        ("fd00::2", "node"),
        ("fe80::1", "gateway"),
        ("fe80::2", "node"),
    ];
    expect(&talks, &expected.map(|(address, role)| (address.into(), role)));
    // Link-local alone.
    let talks = [
        Traffic::new("fe80::1", "fe80::2", UDP, 5683).macs(mac(1), mac(2)),
        Traffic::new("fe80::2", "fe80::1", UDP, 69).macs(mac(2), mac(1)),
    ];
    expect(&talks, &[("fe80::1".into(), "gateway"), ("fe80::2".into(), "node")]);
}

#[test]
fn what_is_declared_stands_and_the_missing_roles_are_inferred() {
    let mut talks: Vec<Traffic> = (1..=4).flat_map(from_gateway).collect();
    talks.push(Traffic::new(BMS, GATEWAY, UDP, 47808));
    let all = {
        let mut all = site(GATEWAY, 1..=4);
        all.insert(1, (BMS.into(), "bacnet"));
        all
    };
    let found = |toml: &str| roles(&talks, &parse(toml));
    assert_eq!(found("gateway = \"10.0.0.1\""), all);
    assert_eq!(found("node = \"10.0.1.0/24\""), all);
    // A role that is declared is not inferred for anybody else.
    let only_two: Vec<_> =
        all.iter().filter(|(host, _)| !["10.0.1.3", "10.0.1.4"].contains(&&**host)).cloned().collect();
    assert_eq!(found("node = [\"10.0.1.1\", \"10.0.1.2\"]"), only_two);
    assert_eq!(found("gateway = \"10.0.0.77\""), []);
    assert_eq!(found("infer = false"), []);
    assert_eq!(found("infer = false\ngateway = \"10.0.0.1\""), [(GATEWAY.into(), "gateway")]);
    let no_bms: Vec<_> = all.iter().filter(|(host, _)| host != BMS).cloned().collect();
    assert_eq!(
        found("[[device]]\naddress = \"10.0.0.200\"\nrole = \"host\"\nname = \"our \\\"own\\\" BMS\"\n"),
        no_bms
    );
    // A gateway that is declared makes a node of a host with one service.
    assert_eq!(
        roles(&[Traffic::new(GATEWAY, &node(1), UDP, 5683)], &parse("gateway = \"10.0.0.1\"")),
        site(GATEWAY, 1..=1)
    );
}

fn any_talk() -> impl Strategy<Value = Traffic> {
    let ports = prop::sample::select(vec![
        (TCP, 80),
        (TCP, 88),
        (TCP, 1900),
        (UDP, 69),
        (UDP, 1050),
        (UDP, 5683),
        (UDP, 47808),
        (UDP, 50195),
        (UDP, 53),
    ]);
    // Both ends of one version.
    let of = |addresses: &[&'static str]| {
        let address = || prop::sample::select(addresses.to_vec());
        (address(), address())
    };
    let ends = prop_oneof![
        9 => of(&[
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.3",
            "10.0.0.4",
            "10.0.0.5",
            "10.0.0.6",
            "10.0.0.255",
            "8.8.8.8",
            "224.0.1.187",
        ]),
        3 => of(&["fe80::1", "fe80::2", "fd00::3"]),
    ];
    let macs = || {
        prop::sample::select(vec![
            None,
            Some(mac(1)),
            Some(mac(2)),
            Some(mac(3)),
            Some(mac(4)),
            Some(MacAddr([0xff; 6])),
        ])
    };
    (ends, ports, macs(), macs(), any::<bool>(), 1i64..50).prop_map(
        |((client, server), (transport, port), client_mac, server_mac, answered, at)| {
            let talk = Traffic { client_mac, server_mac, at, ..Traffic::new(client, server, transport, port) };
            if answered { talk } else { talk.unanswered() }
        },
    )
}

proptest! {
    #[test]
    fn drafts_read_back_and_order_does_not_matter(
        talks in prop::collection::vec(any_talk(), 0..60),
        declared in prop::sample::select(vec!["", "gateway = \"10.0.0.1\"", "node = \"10.0.0.2-10.0.0.4\"", "site = \"8.8.8.0/24\"", "bacnet = \"00:1b:c5:00:00:01\""]),
    ) {
        let inventory = parse(declared);
        let found = hosts(&talks, &inventory);
        assert_round_trip(&talks, &found, &inventory);
        let mut backwards = talks;
        backwards.reverse();
        let again = hosts(&backwards, &inventory);
        for (a, b) in found.iter().zip(again.iter()) {
            prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
        }
    }
}
