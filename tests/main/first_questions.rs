//! First questions of a commissioning: who got no address, whose address another has, who starts again and again, and
//! where each device is plugged in. Small captures made here, and the sample of the same name held against tshark.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use igorscope::finding::Words;
use igorscope::health::Measure;
use igorscope::policy::Severity;
use igorscope::survey::Survey;

use crate::command::sample;
use crate::reading::{self, of_kind, survey_of_wire as survey_of};
use crate::skips::{is_there, skipped};
use crate::tools::tshark;
use crate::traffic::connection::unanswered;
use crate::traffic::payload::{dhcp, link};
use crate::traffic::site::{START, Site};
use crate::traffic::wire::{Host, MILLI, SECOND, Wire, group};

/// The numbers of the frames that a display filter shows; `None` without tshark.
fn shown(path: &Path, filter: &str) -> Option<Vec<u64>> {
    if !is_there("tshark") {
        skipped("tshark is not installed: its side of the comparison is left out");
        return None;
    }
    let numbers = tshark(path, &["-Y", filter], &["frame.number"]);
    Some(numbers.lines().map(|line| line.parse().expect("a number")).collect())
}

#[test]
fn the_sample_answers_the_first_questions() {
    let path = sample("first-questions.pcapng");
    let survey = reading::of_sample("first-questions.pcapng");
    let one = |reason: &str| {
        let mut found = of_kind(&survey, reason);
        assert_eq!(found.len(), 1, "{reason}");
        found.remove(0)
    };
    let silent = one("no-dhcp-offer");
    assert_eq!((silent.severity, &*silent.words.client, silent.packets), (Severity::Alert, "10.20.0.128", 5));
    let conflict = one("address-conflict");
    assert_eq!((conflict.severity, &*conflict.words.client, conflict.packets), (Severity::Alert, "10.20.0.106", 6));
    conflict.says(&["02:49:67:01:00:06", "02:49:67:01:00:10"]);
    let restart = one("restarting");
    assert_eq!((restart.severity, &*restart.words.client), (Severity::Warning, "10.20.0.118"));
    restart.says(&["by DHCP 4 times anew", "connection 4 times anew"]);
    assert!(of_kind(&survey, "address-changed").is_empty());
    // tshark's own reading of the same frames.
    for (finding, proof) in [
        (&silent, "dhcp.option.dhcp == 1 && dhcp.hw.mac_addr == 02:49:67:01:00:1c"),
        (&conflict, "arp.opcode == 2 && arp.src.proto_ipv4 == 10.20.0.106"),
        (&restart, "dhcp.option.dhcp == 3 && dhcp.hw.mac_addr == 02:49:67:01:00:12"),
    ] {
        let Some(frames) = shown(&path, proof) else { return };
        finding.says(&[&format!("frame {} of", frames[0])]);
        let all = shown(&path, &finding.words.display_filter).expect("tshark, as before");
        assert!(frames.iter().all(|frame| all.contains(frame)), "{}", finding.words.display_filter);
    }
    let asked =
        shown(&path, "dhcp.option.dhcp == 1 && dhcp.hw.mac_addr == 02:49:67:01:00:1c").expect("tshark, as before");
    assert_eq!(silent.packets, asked.len() as u64);
    // Who never got an address was heard all the same.
    let host = survey.hosts.iter().find(|host| host.name.as_deref() == Some("node-28")).expect("it is declared");
    assert!(host.heard && host.packets_sent == 0);
}

/// DISCOVER, OFFER, REQUEST, ACK.
fn lease(wire: &mut Wire, site: &Site, at: u64, node: Host, address: Ipv4Addr) {
    let xid = wire.random.next() as u32;
    lease_of(wire, (site.router, xid), at, node, address);
}

/// The same by a server and in a transaction.
fn lease_of(wire: &mut Wire, (server, xid): (Host, u32), at: u64, node: Host, address: Ipv4Addr) {
    let (nobody, everyone) = (Ipv4Addr::UNSPECIFIED, group("255.255.255.255"));
    let client = (Host { ip: nobody.into(), ..node }, 68);
    let text = |kind| dhcp::message(kind, xid, node.mac, address, server.v4(), "node");
    let there = (Host { ip: address.into(), ..node }, 68);
    wire.udp(at, client, (everyone, 67), &text(dhcp::DISCOVER));
    wire.udp(at + MILLI, (server, 67), there, &text(dhcp::OFFER));
    wire.udp(at + 2 * MILLI, client, (everyone, 67), &text(dhcp::REQUEST));
    wire.udp(at + 3 * MILLI, (server, 67), there, &text(dhcp::ACK));
}

#[test]
fn an_address_that_changed_is_told_with_both_leases() {
    let site = Site::new();
    let mut wire = site.wire(4);
    let (first, second) = (Ipv4Addr::new(10, 20, 0, 105), Ipv4Addr::new(10, 20, 0, 205));
    lease(&mut wire, &site, START, site.node(5), first);
    lease(&mut wire, &site, START + 60 * SECOND, site.node(5), second);
    lease(&mut wire, &site, START + 61 * SECOND, site.node(6), Ipv4Addr::new(10, 20, 0, 106));
    let survey = survey_of(wire);
    let changed = of_kind(&survey, "address-changed");
    assert_eq!(changed.len(), 1);
    // ACKs are the 4th and the 8th frame.
    changed[0].says(&["10.20.0.105 (frame 4 of", "then 10.20.0.205 (frame 8 of", "02:49:67:01:00:05"]);
    for reason in ["no-dhcp-offer", "restarting", "address-conflict"] {
        assert!(of_kind(&survey, reason).is_empty(), "{reason}");
    }
}

/// Some stacks begin with the same transaction id each time they start.
#[test]
fn a_transaction_id_that_comes_again_is_told_apart_by_time() {
    const XID: u32 = 0xabcd_0001;
    let site = Site::new();
    let node = site.node(5);
    let reasons = ["no-dhcp-offer", "restarting", "address-changed", "second-dhcp-server"];
    let told = |leases: &[(u64, Host, Ipv4Addr)], in_vain: &[u64]| -> Vec<&str> {
        let mut wire = site.wire(4);
        for (second, server, address) in leases {
            lease_of(&mut wire, (*server, XID), START + second * SECOND, node, *address);
        }
        let client = (Host { ip: Ipv4Addr::UNSPECIFIED.into(), ..node }, 68);
        for second in in_vain {
            let text = dhcp::message(dhcp::DISCOVER, XID, node.mac, node.v4(), site.router.v4(), "node");
            wire.udp(START + second * SECOND, client, (group("255.255.255.255"), 67), &text);
        }
        let survey = survey_of(wire);
        reasons.into_iter().filter(|reason| !of_kind(&survey, reason).is_empty()).collect()
    };
    let (own, other) = (site.router, Host { ip: [10, 20, 0, 3].into(), ..site.router });
    let at = |second| (second, own, node.v4());
    assert_eq!(told(&[at(0)], &[7200, 7204, 7212]), ["no-dhcp-offer"]);
    assert!(told(&[at(0), at(7213)], &[7200, 7204, 7212]).is_empty(), "it is served again");
    assert_eq!(told(&[0, 100, 200, 300].map(at), &[]), ["restarting"]);
    assert!(told(&[0, 100].map(at), &[]).is_empty(), "twice is no alarm");
    assert_eq!(told(&[at(0), (400, own, Ipv4Addr::new(10, 20, 0, 205))], &[]), ["address-changed"]);
    assert!(told(&[at(0), (7200, other, node.v4())], &[]).is_empty(), "a server took the place of another");
}

#[test]
fn dhcp_is_timed_each_time_that_a_transaction_id_comes_again() {
    let site = Site::new();
    let mut wire = site.wire(4);
    for round in 0..10 {
        lease_of(&mut wire, (site.router, 0xabcd_0001), START + round * 600 * SECOND, site.node(5), site.node(5).v4());
    }
    wire.tape.sort();
    let survey = reading::survey_of(&wire.tape.pcap(), reading::site(), true);
    let mut times = survey.health.pairs.iter().filter(|(pair, _)| pair.measure == Measure::Dhcp);
    let (_, sums) = times.next().expect("a client and its server");
    assert_eq!((sums.asked, times.next()), (10, None));
}

#[test]
fn addresses_of_two_vlans_at_once_are_no_change() {
    let site = Site::new();
    let (tagged, untagged) = (site.gateway, Host { untagged: true, ..site.gateway });
    let addresses = [tagged.v4(), Ipv4Addr::new(10, 30, 0, 10)];
    // When each of two addresses is given and claimed, a minute apart.
    let is_told = |hosts: [Host; 2], minutes: [std::ops::Range<u64>; 2]| {
        let mut wire = site.wire(5);
        for ((host, address), minutes) in hosts.into_iter().zip(addresses).zip(minutes) {
            lease(&mut wire, &site, START + minutes.start * 60 * SECOND, host, address);
            for minute in minutes {
                let claim = link::arp(1, (host.mac, address), ([0; 6], address));
                wire.ethernet(START + (minute * 60 + 5) * SECOND, host, [0xff; 6], 0x0806, &claim);
            }
        }
        !of_kind(&survey_of(wire), "address-changed").is_empty()
    };
    assert!(!is_told([tagged, untagged], [0..9, 1..9]), "an interface in each VLAN");
    assert!(is_told([tagged, untagged], [0..4, 4..9]), "its port went to another VLAN");
    assert!(is_told([tagged, tagged], [0..9, 1..9]), "one VLAN");
}

#[test]
fn a_device_exchanged_for_another_is_no_conflict() {
    let site = Site::new();
    let mut wire = site.wire(5);
    let asker = site.gateway;
    let answer = |wire: &mut Wire, at: u64, owner: Host| {
        let address = site.node(6).v4();
        let bytes = link::arp(2, (owner.mac, address), (asker.mac, asker.v4()));
        wire.ethernet(at, owner, asker.mac, 0x0806, &bytes);
    };
    for step in 0..3 {
        answer(&mut wire, START + step * SECOND, site.node(6));
        answer(&mut wire, START + (60 + step) * SECOND, site.node(16));
    }
    assert!(of_kind(&survey_of(wire), "address-conflict").is_empty());
}

#[test]
fn two_devices_that_send_from_one_address_are_a_conflict_without_arp() {
    let site = Site::new();
    let mut wire = site.wire(6);
    let twin = Host { ip: site.node(6).ip, ..site.node(16) };
    for step in 0..4 {
        for (device, port) in [(site.node(6), 40_000), (twin, 41_000)] {
            let at = START + step * SECOND + u64::from(port == 41_000) * MILLI;
            wire.udp(at, (device, port), (site.gateway, 5683), b"\x50\x01\0\x01");
        }
    }
    let survey = survey_of(wire);
    let conflict = of_kind(&survey, "address-conflict");
    assert_eq!(conflict.len(), 1);
    conflict[0].says(&["02:49:67:01:00:10 (4 packets, from frame 2 of"]);
}

/// An LLDP unit of a switch: chassis, port, time to live, port description, name, capabilities (bridge).
fn switch_unit(port: &str) -> Vec<u8> {
    let mut out = link::lldp([0x02, 0x53, 0x57, 0, 0, 1], port, "lighting-switch");
    out.truncate(out.len() - 2);
    out.extend([7 << 1, 4, 0, 4, 0, 4, 0, 0]);
    out
}

#[test]
fn a_capture_of_one_port_says_where_the_device_is_plugged_in() {
    let site = Site::new();
    let lldp = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
    let switch = Host { mac: [0x02, 0x53, 0x57, 0, 0, 7], untagged: true, ..site.router };
    let visit = |wire: &mut Wire| {
        for (step, port) in (0..).zip([80, 5683, 5684]) {
            wire.udp(START + step * SECOND, (site.gateway, 40_000), (site.node(7), port), b"x");
            wire.udp(START + step * SECOND + MILLI, (site.router, 40_000), (site.node(7), port), b"x");
        }
        wire.ethernet(START, switch, lldp, 0x88cc, &switch_unit("Gi1/0/7"));
    };
    let mut wire = site.wire(7);
    visit(&mut wire);
    let survey = survey_of(wire);
    let host = |name: &str, survey: &Survey| {
        survey.hosts.iter().find(|host| host.name.as_deref() == Some(name)).cloned().expect("a declared host")
    };
    let at = host("node-07", &survey).attachment.expect("the port is known");
    assert_eq!((&*at.switch, &*at.port), ("lighting-switch", "Gi1/0/7"));
    assert_eq!(host("gateway", &survey).attachment, None);
    // Two ports in one capture: nobody can say which is whose.
    let mut wire = site.wire(8);
    visit(&mut wire);
    wire.ethernet(START + SECOND, switch, lldp, 0x88cc, &switch_unit("Gi1/0/8"));
    assert_eq!(host("node-07", &survey_of(wire)).attachment, None);
    // A device that speaks LLDP itself is the other end of that link.
    let mut wire = site.wire(9);
    wire.ethernet(START, switch, lldp, 0x88cc, &switch_unit("Gi1/0/9"));
    let node = Host { untagged: true, ..site.node(9) };
    wire.ethernet(START + MILLI, node, lldp, 0x88cc, &link::lldp(node.mac, "1", "node-09"));
    wire.udp(START + SECOND, (site.node(9), 40_000), (site.gateway, 5683), b"\x50\x01\0\x01");
    let survey = survey_of(wire);
    let node = host("node-09", &survey);
    assert_eq!(node.attachment.map(|at| at.port.clone()).as_deref(), Some("Gi1/0/9"));
    assert_eq!(node.lldp_name.as_deref(), Some("node-09"));
    assert_eq!(survey.hosts.find(IpAddr::V4(site.node(9).v4())).map(|id| survey.hosts.get(id).heard), Some(true));
}

/// What is blocked because nobody is there, and what was lost where this capture did not look.
#[test]
fn a_host_that_no_arp_finds_is_the_cause_and_errors_about_unseen_packets_are_told() {
    use crate::traffic::frame;
    let site = Site::new();
    let mut wire = site.wire(10);
    let (gateway, absent, lost) = (site.gateway, site.node(30), site.node(33));
    for step in 0..3 {
        let at = START + step * SECOND;
        unanswered(&mut wire, at, (gateway, 50_000 + step as u16), (absent, 80), 1);
        let question = link::arp(1, (gateway.mac, gateway.v4()), ([0; 6], absent.v4()));
        wire.ethernet(at + MILLI, gateway, [0xff; 6], 0x0806, &question);
        // The request itself went another way.
        let datagram = frame::udp((gateway.ip, 40_000 + step as u16), (lost.ip, 5683), b"\x40\x01\0\x01");
        wire.icmp_error(at, site.router, 1, (gateway, 40_000 + step as u16), (lost, 5683), &datagram);
    }
    let survey = survey_of(wire);
    let blocked = of_kind(&survey, "blocked");
    assert_eq!(blocked.len(), 1);
    let Words { detail, advice, .. } = &blocked[0].words;
    assert!(detail.contains("10.20.0.130 was asked for by ARP 3 times and never answered"), "{detail}");
    assert!(advice.starts_with("The host is absent from the network"), "{advice}");
    let unseen = of_kind(&survey, "rejected-unseen");
    assert_eq!((unseen.len(), unseen[0].packets, unseen[0].severity), (1, 3, Severity::Warning));
    unseen[0].says(&["host unreachable of 10.20.0.10 to 10.20.1.133 UDP port 5683: 3 errors"]);
}
