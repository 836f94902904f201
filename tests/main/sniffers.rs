//! Captures as the tools of the field write them: MACs that are none, a host that speaks with itself, answers that are stamped
//! before their requests, and what was captured of one host alone. Each with the twin in which the alarm must stay.

use igorscope::policy::{Direction, Role, Severity};
use igorscope::protocol::Transport;
use igorscope::survey::Survey;
use igorscope::verdict::{CellState, Verdict};

use crate::field::{cell, told};
use crate::mirror::{EVERYONE, GATEWAY, Host, Mirror, OTHER, node};
use crate::traffic::payload::{bacnet, coap, ssdp};
use crate::traffic::wire::{MILLI, SECOND};

/// Confirmable requests that a host sends again and again, as RFC 7252 section 4.2 has it, and nobody answers.
fn ask_in_vain(mirror: &mut Mirror, from: Host, to: Host) {
    for (number, at) in (0..).zip([0, 2, 6, 14, 30, 100, 102, 106, 114, 130]) {
        let id = 70 + number / 5;
        let ask = coap::request(coap::CON, coap::GET, id, &[7], "light", &[]);
        mirror.udp(at * SECOND, (from, 5683), (to, 5683), &ask);
    }
}

const BLOCKED: [(Severity, &str); 1] = [(Severity::Alert, "blocked")];

#[test]
fn a_group_mac_makes_no_group_of_a_host() {
    // Check Point's fw monitor writes the interface's name there (0x69 is odd); tcprewrite 33:33 before IPv6.
    let name = *b"i0eth0";
    let mut mirror = Mirror::default();
    ask_in_vain(&mut mirror, GATEWAY.of(name), node(101).of(name));
    assert_eq!(told(&mirror.by_address()), BLOCKED);
    let v6 = |host: Host, address| host.at(address);
    for mac in [[0x33, 0x33, 0, 0, 0, 1], [0xff; 6]] {
        let mut mirror = Mirror::default();
        let ends = [v6(GATEWAY, "fd00::10"), v6(node(101), "fd00::101")];
        ask_in_vain(&mut mirror, ends[0], ends[1].of(mac));
        let roles = igorscope::inventory::InventoryFlags {
            gateway: vec!["fd00::10".into()],
            node: vec!["fd00::101".into()],
            ..Default::default()
        };
        assert_eq!(told(&mirror.survey(&roles)), BLOCKED, "{mac:x?}");
    }
    // A subnet's broadcast goes to everybody (RFC 894), and owes no answer.
    let mut mirror = Mirror::default();
    ask_in_vain(&mut mirror, GATEWAY, EVERYONE.at("10.20.0.255"));
    let survey = mirror.by_address();
    assert_eq!(told(&survey), []);
    assert_eq!(survey.hosts.role_at("10.20.0.255".parse().unwrap()), Role::Group);
    // So does it under a group's MAC; another address is a host's.
    for (last, role) in [(255, Role::Group), (254, Role::Node)] {
        let asked = EVERYONE.at(&format!("10.20.0.{last}")).of([0x01, 0x00, 0x5e, 0x00, 0x00, 0x01]);
        let mut mirror = Mirror::default();
        for number in 101..105 {
            mirror.udp(
                u64::from(number) * SECOND,
                (GATEWAY, 5683),
                (node(number), 5683),
                &coap::request(coap::CON, coap::GET, 7, &[7], "light", &[]),
            );
            mirror.exchange(u64::from(number) * SECOND + MILLI, (GATEWAY, 50_000), (node(number), 88), [1_000, 5_000]);
        }
        ask_in_vain(&mut mirror, GATEWAY, asked);
        let survey = mirror.survey(&igorscope::inventory::InventoryFlags::default());
        assert_eq!(survey.hosts.role_at(asked.address), role);
    }
}

#[test]
fn where_macs_are_none_a_broadcast_is_known_by_its_address() {
    let announced = |to: Host, from: Host| {
        let mut mirror = Mirror::default();
        mirror.udp(0, (from, 47_808), (to, 47_808), &bacnet::i_am(77));
        let survey = mirror.by_address();
        survey.hosts.role_at("10.20.0.255".parse().unwrap())
    };
    let all = EVERYONE.at("10.20.0.255");
    assert_eq!(announced(all.of([0; 6]), GATEWAY.of([0; 6])), Role::Group);
    assert_eq!(announced(all.of([2, 0, 0, 0, 0, 9]), GATEWAY.of([0; 6])), Role::Group);
    assert_eq!(announced(all.of(*b"o0eth0"), GATEWAY.of(*b"o0eth0")), Role::Group);
    assert_eq!(announced(all.of([2, 0, 0, 0, 0, 9]), GATEWAY), Role::Host);
}

#[test]
fn what_a_host_says_to_itself_crosses_no_network() {
    let said = |from: Host, to: Host| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (from, 50_000), (to, 1433), [1_000, 5_000]);
        let survey = mirror.by_address();
        (survey.flows.view(0).1.verdict, told(&survey).is_empty())
    };
    let nobody = GATEWAY.of([0; 6]);
    assert_eq!(said(nobody, nobody), (Verdict::Bystander, true));
    assert_eq!(said(GATEWAY, GATEWAY), (Verdict::Bystander, true));
    // Somebody else sends it in its name.
    assert_eq!(said(GATEWAY.of(OTHER.mac), GATEWAY), (Verdict::Unexpected, false));
    // Nobody answers; a sender whose MAC is none (IEEE 802.3 section 3.2.3) reaches a device by that device's.
    let sent = |from: Host, to: Host| {
        let mut mirror = Mirror::default();
        mirror.udp(0, (from, 4_444), (to, 9_999), b"evil");
        let survey = mirror.by_address();
        (survey.flows.view(0).1.verdict, told(&survey).is_empty())
    };
    let hidden = [[0; 6], [0x03, 0x49, 0x67, 0x0e, 0x00, 0x01]];
    for from in hidden.map(|mac| GATEWAY.of(mac)) {
        assert_eq!(sent(from, GATEWAY), (Verdict::Unexpected, false));
    }
    for both in [nobody, GATEWAY, GATEWAY.of(*b"i0eth0")] {
        assert_eq!(sent(both, both), (Verdict::Bystander, true));
    }
}

#[test]
fn firmware_answers_may_be_stamped_before_their_requests() {
    // Each node asks from a port of its own, for as many ports of the gateway as given.
    let updated = |server: u16, ports: &[u16], early: u64| {
        let mut mirror = Mirror::default();
        for (turn, port) in (1_u64..).zip(ports) {
            let (client, server) = ((node(101), *port), (GATEWAY, server));
            let at = turn * 10 * SECOND;
            mirror.udp(at, server, client, b"FA\0\x01");
            mirror.udp(at + early, client, server, b"FW\0\x01");
        }
        let survey = mirror.by_address();
        (told(&survey).len(), cell(&survey, Role::Gateway, Direction::Outgoing, Transport::Udp, 50_197))
    };
    let as_documented = |survey: (usize, CellState)| survey == (0, CellState::Carried);
    let documented = {
        let mut mirror = Mirror::default();
        mirror.udp(0, (GATEWAY, 56_000), (node(101), 50_197), b"FW\0\x01");
        mirror.udp(MILLI, (node(101), 50_197), (GATEWAY, 56_000), b"FA\0\x01");
        mirror.udp(SECOND, (node(101), 50_197), (GATEWAY, 56_001), b"FA\0\x01");
        mirror.udp(SECOND + MILLI, (GATEWAY, 56_001), (node(101), 50_197), b"FW\0\x01");
        mirror
    };
    assert!(as_documented({
        let survey = documented.by_address();
        (told(&survey).len(), cell(&survey, Role::Gateway, Direction::Outgoing, Transport::Udp, 50_197))
    }));
    // A client that holds the port by chance begins each time, with as many services as it asks; and one that asks this early
    // does not wait for an answer.
    assert_eq!(updated(50_197, &[56_000], MILLI).0, 1);
    assert_eq!(updated(50_197, &[40_000, 41_000], MILLI).0, 2);
    assert_ne!(updated(50_197, &[56_000, 56_001], 200 * MILLI).0, 0);
    assert_ne!(updated(50_197, &[8_888, 8_889], MILLI).0, 0);
}

#[test]
fn of_one_host_alone_no_search_was_captured() {
    let heard = |others: bool| -> Survey {
        let mut mirror = Mirror::default();
        let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
        mirror.exchange(0, (GATEWAY, 50_000), (node(101), 80), [1_000, 5_000]);
        mirror.udp(60 * SECOND, (node(101), 1900), (OTHER, 50_100), &answer);
        if others {
            mirror.exchange(100 * SECOND, (GATEWAY, 50_001), (node(102), 80), [1_000, 5_000]);
        }
        mirror.by_address()
    };
    assert_eq!(told(&heard(false)), [(Severity::Notice, "request-not-captured")]);
    assert_eq!(told(&heard(true)), [(Severity::Warning, "undocumented-peer")]);
}
