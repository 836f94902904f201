//! What makes up for a failure, and what had no time to fail: connections that were opened anew, and the capture's end.

use igorscope::inventory::{Inventory, InventoryFlags};
use igorscope::survey::Survey;

use crate::mirror::{EVERYONE, GATEWAY, Host, Mirror, OTHER, host, node};
use crate::reading::{self, of_kind};
use crate::traffic::frame::{ACK, PSH, RST, SYN};
use crate::traffic::payload::{coap, dhcp, tftp};
use crate::traffic::site::START;
use crate::traffic::wire::{MILLI, SECOND};

fn kinds(survey: &Survey) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = survey.findings.iter().map(|finding| finding.kind.name()).collect();
    kinds.dedup();
    kinds
}

/// The gateway's connection to a node works, and then what it sends is sent again and again; another is opened before or after
/// that, and works until the end.
fn forgotten(opened: u64) -> Survey {
    let mut mirror = Mirror::default();
    let [old, new, server] = [(GATEWAY, 40_000), (GATEWAY, 40_001), (node(101), 88)];
    let exchange = |mirror: &mut Mirror, at: u64, client, [ours, theirs]: [u32; 2]| {
        mirror.tcp(at, client, server, ACK | PSH, [ours, theirs], b"ask");
        mirror.tcp(at + MILLI, server, client, ACK | PSH, [theirs, ours + 3], b"say");
    };
    mirror.open(0, old, server, [1_000, 5_000]);
    for number in 0..10 {
        exchange(&mut mirror, u64::from(number) * SECOND + 10 * MILLI, old, [1_001 + 3 * number, 5_001 + 3 * number]);
    }
    for late in [20_000, 20_200, 20_600, 21_400, 23_000, 26_200, 32_600] {
        mirror.tcp(late * MILLI, old, server, ACK | PSH, [1_031, 5_031], b"ask");
    }
    mirror.open(opened * SECOND, new, server, [1_000, 5_000]);
    for number in 0..10 {
        let at = (opened + 1 + u64::from(number)) * SECOND;
        exchange(&mut mirror, at, new, [1_001 + 3 * number, 5_001 + 3 * number]);
    }
    mirror.tape.sort();
    mirror.by_address()
}

#[test]
fn a_connection_that_is_opened_anew_makes_up_for_one_that_went_silent() {
    assert!(of_kind(&forgotten(40), "stopped-answering").is_empty(), "opened after it");
    assert_eq!(of_kind(&forgotten(2), "stopped-answering").len(), 1, "opened before, and it ended before");
}

/// A server that hangs each few minutes until its client opens a connection anew.
#[test]
fn connections_that_go_silent_again_and_again_are_told_though_the_last_one_works() {
    let of = |hangs: u16, apart: u64| {
        let mut mirror = Mirror::default();
        for number in 0..=hangs {
            let at = u64::from(number) * apart * SECOND + if number == hangs { 60 * SECOND } else { 0 };
            let (client, server) = ((GATEWAY, 40_000 + number), (node(101), 88));
            mirror.open(at, client, server, [1_000, 5_000]);
            mirror.tcp(at + MILLI, client, server, ACK | PSH, [1_001, 5_001], b"ask");
            mirror.tcp(at + 2 * MILLI, server, client, ACK | PSH, [5_001, 1_004], b"say");
            for late in [3_000, 3_200, 3_600, 4_400, 6_000, 9_200].iter().filter(|_| number < hangs) {
                mirror.tcp(at + late * MILLI, client, server, ACK | PSH, [1_004, 5_004], b"ask");
            }
        }
        mirror.tape.sort();
        of_kind(&mirror.by_address(), "stopped-answering").len()
    };
    assert_eq!([of(1, 180), of(2, 180), of(6, 180)], [0, 0, 1]);
    assert_eq!(of(6, 2), 0, "all at once: it restarted");
}

#[test]
fn a_gateway_that_comes_back_on_another_port_is_answered() {
    let of = |is_back: bool| {
        let mut mirror = Mirror::default();
        let mut asks = |at: u64, port: u16, is_answered: bool| {
            let token = (at / SECOND) as u16;
            let ask = coap::request(coap::CON, coap::GET, token, &token.to_be_bytes(), "level", b"");
            mirror.udp(at, (GATEWAY, port), (node(101), 5683), &ask);
            if is_answered {
                let answer = coap::content(coap::ACK, token, &token.to_be_bytes(), None, "1");
                mirror.udp(at + MILLI, (node(101), 5683), (GATEWAY, port), &answer);
            }
        };
        (0..10).for_each(|step| asks(step * 10 * SECOND, 40_000, true));
        (10..15).for_each(|step| asks(step * 10 * SECOND, 40_000, false));
        (20..30).filter(|_| is_back).for_each(|step| asks(step * 10 * SECOND, 41_000, true));
        mirror.by_address()
    };
    assert!(of_kind(&of(true), "stopped-answering").is_empty());
    assert_eq!(of_kind(&of(false), "stopped-answering").len(), 1);
}

/// The last frame of a capture is a question, which nobody had time to answer.
#[test]
fn what_is_asked_last_is_not_blocked() {
    let of = |ask: &dyn Fn(&mut Mirror, u64), more: u64| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
        ask(&mut mirror, 60 * SECOND);
        // Somebody else goes on.
        mirror.udp(60 * SECOND + more, (OTHER, 40_000), (OTHER.at("10.20.0.51"), 7), b"x");
        mirror.by_address()
    };
    let syn = |mirror: &mut Mirror, at| mirror.tcp(at, (GATEWAY, 40_000), (node(101), 88), SYN, [1_000, 0], &[]);
    let read = |mirror: &mut Mirror, at| {
        mirror.udp(at, (node(101), 2_000), (GATEWAY, 69), &tftp::read("node.bin", &[]));
    };
    for ask in [&syn as &dyn Fn(&mut Mirror, u64), &read] {
        assert!(of_kind(&of(ask, MILLI), "blocked").is_empty());
        assert_eq!(of_kind(&of(ask, 10 * SECOND), "blocked").len(), 1, "it was there, and heard nothing");
    }
    // Times that are all the same tell no end.
    let mut stopped = Mirror::default();
    stopped.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
    (0..4).for_each(|_| syn(&mut stopped, 60 * SECOND));
    stopped.tape.records.iter_mut().for_each(|record| record.time = START);
    assert_eq!(of_kind(&stopped.by_address(), "blocked").len(), 1);
    // It asked once before a pause of the capture, and for an hour after it.
    let mut paused = Mirror::default();
    paused.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
    for step in 0..20 {
        let at = if step == 0 { SECOND / 2 } else { (1200 + step * 10) * SECOND };
        let ask = coap::request(coap::CON, coap::GET, step as u16, &[step as u8], "level", b"");
        paused.udp(at, (GATEWAY, 5683), (node(101), 5683), &ask);
    }
    assert_eq!(of_kind(&paused.by_address(), "blocked").len(), 1);
    let again = |mirror: &mut Mirror, at| {
        syn(mirror, at);
        mirror.tcp(at + 3 * SECOND, (GATEWAY, 40_000), (node(101), 88), SYN, [1_000, 0], &[]);
    };
    assert_eq!(of_kind(&of(&again, 3 * SECOND + MILLI), "blocked").len(), 1, "it asked again");
}

/// A connection from a fixed port is opened eight times; how each of them ends.
#[test]
fn who_is_reset_by_its_server_opens_anew_and_did_not_restart() {
    let of = |is_reset: bool| {
        let mut mirror = Mirror::default();
        let [client, server] = [(GATEWAY, 40_000), (node(101), 88)];
        for number in 0..8_u32 {
            let (at, ours, theirs) =
                (u64::from(number) * 60 * SECOND, 1_000 + number * 7_919, 5_000 + number * 104_729);
            mirror.open(at, client, server, [ours, theirs]);
            mirror.tcp(at + MILLI, client, server, ACK | PSH, [ours + 1, theirs + 1], b"ask");
            mirror.tcp(at + 2 * MILLI, server, client, ACK | PSH, [theirs + 1, ours + 4], b"say");
            if is_reset {
                mirror.tcp(at + 50 * SECOND, server, client, RST | ACK, [theirs + 4, ours + 4], &[]);
            }
        }
        mirror.by_address()
    };
    assert!(of_kind(&of(true), "restarting").is_empty());
    assert_eq!(of_kind(&of(false), "restarting").len(), 1);
}

/// Nodes are declared by a range; the gateway looks for one of it by ARP, again and again.
#[test]
fn who_is_expected_in_a_range_and_never_heard_is_told() {
    let of = |times: u64, asker| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
        (0..times).for_each(|step| mirror.who_has(step * 15 * SECOND + SECOND, asker, node(130)));
        mirror.by_address()
    };
    let survey = of(6, GATEWAY);
    let found = of_kind(&survey, "never-heard");
    let told: Vec<&str> =
        found.iter().map(|one| &*one.words.client).filter(|client| *client != "10.20.0.200").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    found
        .iter()
        .find(|one| one.words.detail.contains("10.20.0.130"))
        .expect("it")
        .says(&["10.20.0.130 was asked for by ARP 6 times and never answered"]);
    let mut sweep = Mirror::default();
    sweep.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
    for turn in 0..6 {
        (110..199).for_each(|number| sweep.who_has((turn * 100 + 1) * SECOND, GATEWAY, node(number)));
    }
    for (survey, why) in
        [(of(2, GATEWAY), "twice"), (of(6, OTHER), "by who looks for hosts"), (sweep.by_address(), "the gateway does")]
    {
        let all = of_kind(&survey, "never-heard");
        assert!(all.iter().all(|one| !one.words.detail.contains("10.20.0.130")), "{why}");
    }
}

/// A node in the wrong VLAN has no address: its MAC says that it is one.
#[test]
fn a_device_without_an_address_has_the_role_of_its_mac() {
    let flags = InventoryFlags { node: vec!["00:1b:c5:00:01".into()], ..InventoryFlags::default() };
    let mut mirror = Mirror::default();
    let client = (host(node(101).mac, [0; 4]), 68);
    for late in [0, 4, 12, 28] {
        let text = dhcp::message(dhcp::DISCOVER, 99, client.0.mac, node(101).v4(), GATEWAY.v4(), "node-01");
        mirror.udp(late * SECOND, client, (EVERYONE, 67), &text);
    }
    let survey = reading::survey_of(&mirror.tape.pcap(), Inventory::load(None, &flags).expect("sound flags"), false);
    let found = of_kind(&survey, "no-dhcp-offer");
    assert_eq!((found.len(), found[0].severity.name()), (1, "alert"), "{:?}", kinds(&survey));
}

/// What a node says by DHCP at some seconds, on a mirror that shows broadcasts and what the node sends: whether it takes up an
/// offer, and whether it uses the address afterwards.
fn broadcasts(starts: &[u64], selects: bool, uses: bool) -> Survey {
    let mut mirror = Mirror::default();
    let client = (Host { address: std::net::Ipv4Addr::UNSPECIFIED.into(), ..node(101) }, 68);
    mirror.exchange(0, (GATEWAY, 50_000), (node(102), 80), [1_000, 5_000]);
    for (number, at) in (0..).zip(starts) {
        let text = |kind| dhcp::message(kind, 99 + number, client.0.mac, node(101).v4(), GATEWAY.v4(), "node-01");
        mirror.udp(at * SECOND, client, (EVERYONE, 67), &text(dhcp::DISCOVER));
        if selects {
            mirror.udp(at * SECOND + 2 * MILLI, client, (EVERYONE, 67), &text(dhcp::REQUEST));
        }
        if uses {
            mirror.exchange((at + 5) * SECOND, (node(101), 40_000 + number as u16), (GATEWAY, 80), [1_000, 5_000]);
        }
    }
    mirror.goes_on().by_mac()
}

#[test]
fn the_use_of_an_address_proves_that_it_was_given() {
    assert_eq!(of_kind(&broadcasts(&[10, 310, 610], true, true), "restarting").len(), 1);
    assert!(of_kind(&broadcasts(&[10, 310, 610], true, false), "restarting").is_empty(), "it may have got none");
    // A boot loader, a kernel and its programs each ask for an address.
    assert!(of_kind(&broadcasts(&[10, 18, 30], true, true), "restarting").is_empty());
    // Who hears nothing asks again: a single DISCOVER was answered.
    assert!(of_kind(&broadcasts(&[10], false, true), "no-dhcp-offer").is_empty());
    assert_eq!(of_kind(&broadcasts(&[10, 14], false, false), "no-dhcp-offer").len(), 1);
}
