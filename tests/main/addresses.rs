//! Who has an address: two devices or one, and whom DHCP gave none. Each situation in which all is well has its twin in
//! which the alarm must stay. Small captures made here; what is right of them is what the standards say.

use std::net::Ipv4Addr;

use igorscope::policy::Severity;
use igorscope::survey::Survey;

use crate::mirror::{C, EVERYONE, GATEWAY, Host, Mirror, OTHER, S, node};
use crate::reading::{assert_says, of_kind};
use crate::traffic::frame::{self, ACK, Mac, PSH};
use crate::traffic::payload::dhcp;
use crate::traffic::wire::{MILLI, SECOND};

const TWIN: Mac = [0x00, 0x1b, 0xc5, 0x00, 0x09, 0x99];
const ROUTER: Mac = [0x00, 0x00, 0x0c, 0x11, 0x22, 0x33];

/// Whose addresses are told to be in conflict.
pub(crate) fn conflicts(survey: &Survey) -> Vec<String> {
    let mut told: Vec<String> =
        of_kind(survey, "address-conflict").iter().map(|found| found.words.client.clone()).collect();
    told.sort();
    told
}

impl Mirror {
    /// A gratuitous ARP request (RFC 5227 section 2.3).
    fn announce(&mut self, at: u64, owner: Host) {
        self.who_has(at, owner, owner);
    }

    /// The same as the last frame in a VLAN.
    fn tagged(&mut self, vlan: u16) {
        let last = self.tape.records.last_mut().expect("a frame");
        last.frame.splice(12..12, [0x81, 0, (vlan >> 8) as u8, vlan as u8]);
        last.original += 4;
    }
}

#[test]
fn an_address_in_two_vlans_is_two_addresses() {
    // IEEE 802.1Q: a VLAN is a network of its own.
    let claimed = |vlans: [u16; 2]| {
        let mut mirror = Mirror::default();
        for step in 0..6 {
            for (late, (vlan, mac)) in [0, 2].into_iter().zip(vlans.into_iter().zip([node(101).mac, TWIN])) {
                mirror.who_has((5 * step + late) * SECOND, node(101).of(mac), GATEWAY);
                mirror.tagged(vlan);
            }
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(claimed([10, 20]), [""; 0]);
    assert_eq!(claimed([10, 10]), ["10.20.0.101"]);
}

#[test]
fn a_device_on_several_vlans_is_one() {
    let mut mirror = Mirror::default();
    for step in 0..12 {
        mirror.who_has(step * SECOND, node(101), GATEWAY);
        mirror.tagged(10 + (step % 2) as u16);
    }
    assert_eq!(conflicts(&mirror.by_address()), [""; 0]);
}

#[test]
fn a_failover_is_no_conflict() {
    // RFC 5227 section 2.3: who takes an address over announces it; section 2.4: who has it defends it at once.
    let standby = GATEWAY.of(TWIN);
    let taken_over = |turns: &[(u64, Host)], uses: u64| {
        let mut mirror = Mirror::default();
        for (at, owner) in turns {
            mirror.announce(at * SECOND, *owner);
            for step in 0..uses {
                mirror.who_has((at + 10 + 10 * step) * SECOND, *owner, node(101));
            }
        }
        mirror.tape.sort();
        conflicts(&mirror.by_address())
    };
    assert_eq!(taken_over(&[(0, GATEWAY), (60, standby)], 4), [""; 0]);
    assert_eq!(taken_over(&[(0, GATEWAY), (60, standby), (170, GATEWAY)], 4), [""; 0]);
    assert_eq!(taken_over(&[(0, GATEWAY), (60, standby), (170, GATEWAY), (300, standby), (400, GATEWAY)], 4), [""; 0]);
    // What the old one had sent already comes behind the announcement.
    let mut late = Mirror::default();
    for step in 0..6 {
        late.who_has(10 * step * SECOND, if step < 3 { GATEWAY } else { standby }, node(101));
    }
    late.announce(25 * SECOND, standby);
    late.is_at(25 * SECOND + MILLI, GATEWAY, node(101));
    late.tape.sort();
    assert_eq!(conflicts(&late.by_address()), [""; 0]);
    // Neither falls silent when the other has announced itself.
    assert_eq!(taken_over(&[(0, GATEWAY), (5, standby)], 12), ["10.20.0.10"]);
    assert_eq!(taken_over(&[(0, GATEWAY), (60, standby), (61, GATEWAY)], 0), ["10.20.0.10"]);
    let again: Vec<(u64, Host)> =
        (0..8).map(|turn| (turn * 60, if turn % 2 == 0 { GATEWAY } else { standby })).collect();
    assert_eq!(taken_over(&again, 0), ["10.20.0.10"]);
}

#[test]
fn a_bond_that_shows_each_asker_one_of_its_macs_is_one_device() {
    // Linux bonding, balance-alb: each peer is answered with the MAC of the slave that it was given.
    let second = GATEWAY.of(TWIN);
    let answered = |by: [&[Host]; 3]| {
        let mut mirror = Mirror::default();
        for step in 0..6 {
            for (number, owners) in (0..3).zip(by) {
                let (at, asker) = ((9 * step + 3 * number) * SECOND, node(101 + number as u8));
                mirror.who_has(at, asker, GATEWAY);
                for (late, owner) in (1..).zip(owners) {
                    mirror.is_at(at + late * MILLI, *owner, asker);
                }
            }
            // It asks from one of them.
            mirror.who_has((9 * step + 1) * SECOND, GATEWAY, node(101));
        }
        mirror.tape.sort();
        conflicts(&mirror.by_address())
    };
    assert_eq!(answered([&[GATEWAY], &[second], &[GATEWAY]]), [""; 0]);
    // Two devices both answer whoever asks.
    assert_eq!(answered([&[GATEWAY, second], &[GATEWAY, second], &[GATEWAY, second]]), ["10.20.0.10"]);
    assert_eq!(answered([&[GATEWAY, second], &[second], &[GATEWAY]]), ["10.20.0.10"]);
}

#[test]
fn who_only_answers_for_several_others_is_their_proxy() {
    // RFC 1027: a router answers for the hosts behind it.
    let answered_for = |others: u8, sends: bool| {
        let mut mirror = Mirror::default();
        for step in 0..3 {
            for number in 0..others {
                let owner = node(101 + number);
                let at = (step * 20 + u64::from(number) * 5) * SECOND;
                mirror.who_has(at, GATEWAY, owner);
                mirror.is_at(at + MILLI, owner.of(ROUTER), GATEWAY);
                mirror.is_at(at + 300 * MILLI, owner, GATEWAY);
                if sends {
                    mirror.udp(at + 400 * MILLI, (owner.of(ROUTER), 40_000), (GATEWAY, 5683), b"\x50\x01\0\x01");
                }
            }
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(answered_for(3, false), [""; 0]);
    // Whoever sends from an address has it, and so has someone in the middle of two.
    // Nobody asked.
    let forged = |others: u8| {
        let mut mirror = Mirror::default();
        for step in 0..u64::from(others) * 4 {
            let owner = node(101 + (step % u64::from(others)) as u8);
            mirror.is_at(step * SECOND, owner.of(ROUTER), GATEWAY);
            mirror.who_has(step * SECOND + 500 * MILLI, owner, GATEWAY);
        }
        conflicts(&mirror.by_address()).concat().split_once("10.20.0.103").is_some()
    };
    assert!(forged(3) && forged(8));
    assert_eq!(answered_for(3, true), ["10.20.0.101;10.20.0.102;10.20.0.103"]);
    assert_eq!(answered_for(2, false), ["10.20.0.101;10.20.0.102"]);
}

#[test]
fn macs_with_two_addresses_in_common_are_one_device() {
    // A host with two cards on one network answers for both of its addresses from both.
    let claimed = |addresses: &[&str]| {
        let mut mirror = Mirror::default();
        for step in 0..6 {
            for (place, address) in (0..).zip(addresses) {
                let at = (12 * step + 6 * place) * SECOND;
                mirror.is_at(at, node(101).at(address), GATEWAY);
                mirror.is_at(at + SECOND, node(101).of(TWIN).at(address), GATEWAY);
            }
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(claimed(&["10.20.0.101", "192.168.1.101"]), [""; 0]);
    assert_eq!(claimed(&["10.20.0.101"]), ["10.20.0.101"]);
}

#[test]
fn whoever_tells_a_few_that_the_gateway_is_there_is_no_bond() {
    // The gateway answers one, and asks; another tells two nodes unasked that it has the gateway's address.
    let mut mirror = Mirror::default();
    for step in 0..20 {
        let at = 5 * step * SECOND;
        mirror.who_has(at, node(103), GATEWAY);
        mirror.is_at(at + MILLI, GATEWAY, node(103));
        mirror.who_has(at + SECOND, GATEWAY, node(101));
        for victim in [101, 102] {
            mirror.is_at(at + 2 * SECOND, GATEWAY.of(TWIN), node(victim));
            mirror.is_at(at + 3 * SECOND, GATEWAY.of(TWIN), node(victim));
        }
    }
    assert_eq!(conflicts(&mirror.by_address()), ["10.20.0.10"]);
}

#[test]
fn two_that_send_by_turns_are_in_conflict_though_they_announced_themselves_once_each() {
    let sent = |turns: u64| {
        let mut mirror = Mirror::default();
        let twin = node(101).of(TWIN);
        mirror.announce(0, node(101));
        mirror.announce(20 * SECOND, twin);
        for step in 0..turns {
            let owner = if step % 2 == 0 { node(101) } else { twin };
            mirror.udp((30 + 10 * step) * SECOND, (owner, 40_000 + step as u16), (GATEWAY, 5683), b"\x50\x01\0\x01");
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(sent(12), ["10.20.0.101"]);
    assert_eq!(sent(0), [""; 0]);
}

#[test]
fn neighbour_advertisements_are_claims() {
    // RFC 4861: the target's link address counts, from the own link only (section 7.1.2).
    let own = node(101).at("fe80::21b:c5ff:fe00:101");
    let asker = GATEWAY.at("fe80::21b:c5ff:fe00:10");
    let advertised = |second: Mac, flags: u8, hops: u8| {
        let mut mirror = Mirror::default();
        let (std::net::IpAddr::V6(target), std::net::IpAddr::V6(to)) = (own.address, asker.address) else { panic!() };
        for step in 0..6 {
            for (late, mac) in (1..).zip([own.mac, second]) {
                let mut body = vec![flags, 0, 0, 0];
                body.extend(target.octets());
                body.extend([2, 1]);
                body.extend(mac);
                let message = frame::icmpv6(target, to, 136, 0, &body);
                let at = 10 * step * SECOND + late * MILLI;
                mirror.ip(at, Host { hops, ..own.of(mac) }, asker, frame::ICMPV6, &message);
            }
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(advertised(TWIN, 0x60, 255), ["fe80::21b:c5ff:fe00:101"]);
    assert_eq!(advertised(own.mac, 0x60, 255), [""; 0]);
    // A proxy overrides nothing (section 7.2.4).
    assert_eq!(advertised(TWIN, 0x40, 255), [""; 0]);
}

/// What a client and its servers say, by DHCP.
struct Lease {
    mirror: Mirror,
    device: Host,
    xid: u32,
}

impl Lease {
    fn new() -> Self {
        Self { mirror: Mirror::default(), device: node(105), xid: 0x1405 }
    }

    fn say(&mut self, at: u64, kind: u8, server: Host) {
        let is_of_server = matches!(kind, dhcp::OFFER | dhcp::ACK | dhcp::NAK);
        let yours = if kind == dhcp::NAK { Ipv4Addr::UNSPECIFIED } else { self.device.v4() };
        let text = dhcp::message(kind, self.xid, self.device.mac, yours, server.v4(), "node-05");
        let nobody = self.device.at("0.0.0.0");
        if is_of_server {
            self.mirror.udp(at, (server, 67), (EVERYONE, 68), &text);
        } else {
            self.mirror.udp(at, (nobody, 68), (EVERYONE, 67), &text);
        }
    }

    /// DISCOVER, OFFER, REQUEST in a transaction of its own, some milliseconds apart, and what follows.
    fn ask(&mut self, at: u64, then: &[(u8, Host)]) {
        self.xid += 1;
        let row = [(dhcp::DISCOVER, OTHER), (dhcp::OFFER, OTHER), (dhcp::REQUEST, OTHER)];
        for (late, (kind, server)) in (0..).zip(row.iter().chain(then)) {
            self.say(at + late * 10 * MILLI, *kind, *server);
        }
    }

    /// The detail of what is told of it, by `no-lease` and nothing else, whether its address or its MAC is declared.
    fn told(&self) -> Option<String> {
        let mut told = [self.mirror.by_address(), self.mirror.by_mac()].map(|survey| {
            for other in ["no-dhcp-offer", "restarting"] {
                assert!(of_kind(&survey, other).is_empty(), "{other}");
            }
            let mut told = of_kind(&survey, "no-lease");
            assert!(told.len() < 2 && told.iter().all(|one| one.severity == Severity::Alert));
            told.pop().map(|one| one.words.detail.clone())
        });
        assert_eq!(told[0], told[1]);
        told[0].take()
    }

    /// The device sends from its address.
    fn uses(mut self, at: u64) -> Self {
        self.mirror.who_has(at, self.device, GATEWAY);
        self
    }
}

const SECOND_SERVER: Host = crate::mirror::host([0x02, 0x49, 0x67, 0x0e, 0x00, 0x02], [10, 20, 0, 51]);

#[test]
fn a_device_whose_request_is_refused_again_and_again_has_no_lease() {
    // RFC 2131 section 3.1: a client that is refused starts anew.
    let refused = |times: u64, then: &[(u8, Host)]| {
        let mut lease = Lease::new();
        (0..times).for_each(|time| lease.ask(5 * time * SECOND, then));
        lease
    };
    let told = refused(4, &[(dhcp::NAK, OTHER)]).told().expect("a refusal each time");
    assert!(told.contains("was refused 10.20.0.105 4 times") && told.contains("by 10.20.0.50"), "{told}");
    // Once it is nothing: the next transaction gives an address.
    assert_eq!(refused(1, &[(dhcp::NAK, OTHER)]).told(), None);
    let mut mended = refused(4, &[(dhcp::NAK, OTHER)]);
    mended.ask(60 * SECOND, &[(dhcp::ACK, OTHER)]);
    assert_eq!(mended.told(), None);
    assert_eq!(refused(4, &[(dhcp::NAK, OTHER)]).uses(30 * SECOND).told(), None);
    // Section 4.3.2: a server that was not chosen says nothing. The client follows who is first.
    let by_another = [(dhcp::NAK, SECOND_SERVER), (dhcp::ACK, OTHER)];
    let told = refused(4, &by_another).told().expect("the first answer is a refusal");
    assert!(told.contains("by 10.20.0.51") && told.contains("10.20.0.50 gives it an address"), "{told}");
    assert_eq!(refused(4, &by_another).uses(30 * SECOND).told(), None);
}

#[test]
fn a_device_that_declines_what_it_is_given_has_no_lease() {
    // RFC 2131 section 4.4.4: the client found that another device has the address.
    let declined = || {
        let mut lease = Lease::new();
        (0..3).for_each(|time| lease.ask(10 * time * SECOND, &[(dhcp::ACK, OTHER), (dhcp::DECLINE, OTHER)]));
        lease.mirror.is_at(21 * SECOND, lease.device.of(TWIN), GATEWAY);
        lease
    };
    let told = declined().told().expect("a conflict that the client tells");
    assert!(told.contains("declined 10.20.0.105 3 times") && told.contains("MAC 00:1b:c5:00:09:99"), "{told}");
    let mut mended = declined();
    mended.ask(60 * SECOND, &[(dhcp::ACK, OTHER)]);
    assert_eq!(mended.told(), None);
}

#[test]
fn a_request_that_is_never_acknowledged_gives_no_lease() {
    let asked = || {
        let mut lease = Lease::new();
        for time in 0..3 {
            lease.ask(20 * time * SECOND, &[]);
            lease.say((20 * time + 4) * SECOND, dhcp::REQUEST, OTHER);
        }
        lease
    };
    let told = asked().told().expect("no ACK");
    assert!(told.contains("was offered 10.20.0.105 and asked for it by 6 DHCPREQUESTs"), "{told}");
    // Its use proves the ACK.
    assert_eq!(asked().uses(50 * SECOND).told(), None);
    let mut mended = asked();
    mended.ask(70 * SECOND, &[(dhcp::ACK, OTHER)]);
    assert_eq!(mended.told(), None);
    // What the capture ends with may be answered yet.
    let mut last = Lease::new();
    last.ask(0, &[]);
    assert_eq!(last.told(), None);
}

#[test]
fn offers_that_a_device_does_not_take_up_give_no_lease() {
    let offered = |requests: bool| {
        let mut lease = Lease::new();
        for at in [0, 4, 12, 28] {
            lease.say(at * SECOND, dhcp::DISCOVER, OTHER);
            lease.say(at * SECOND + 10 * MILLI, dhcp::OFFER, OTHER);
        }
        if requests {
            lease.say(28 * SECOND + 20 * MILLI, dhcp::REQUEST, OTHER);
            lease.say(28 * SECOND + 30 * MILLI, dhcp::ACK, OTHER);
        }
        lease
    };
    let told = offered(false).told().expect("the offers do not reach it");
    assert!(told.contains("sent 4 DHCPDISCOVERs") && told.contains("offered 10.20.0.105 4 times"), "{told}");
    assert_eq!(offered(true).told(), None);
    // Who has an address looks for servers.
    assert_eq!(offered(false).uses(30 * SECOND).told(), None);
}

#[test]
fn a_device_that_had_a_lease_and_asks_in_vain_is_told() {
    // RFC 2131 section 3.1: each start asks anew, whatever was given before.
    let started_anew = |discovers: &[u64], requests: bool, answered: bool| {
        let mut lease = Lease::new();
        lease.ask(0, &[(dhcp::ACK, OTHER)]);
        lease = lease.uses(SECOND);
        lease.xid += 1;
        for at in discovers {
            lease.say((7200 + at) * SECOND, dhcp::DISCOVER, OTHER);
            if requests {
                lease.say((7200 + at) * SECOND + 10 * MILLI, dhcp::REQUEST, OTHER);
            }
        }
        if answered {
            lease.ask(7300 * SECOND, &[(dhcp::ACK, OTHER)]);
        }
        lease
    };
    let told = |lease: &Lease| {
        let survey = lease.mirror.by_address();
        assert!(of_kind(&survey, "no-lease").is_empty());
        of_kind(&survey, "no-dhcp-offer").pop().map(|one| one.words.detail.clone())
    };
    let in_vain = [0, 4, 12, 28, 60];
    assert_says(
        &told(&started_anew(&in_vain, false, false)).expect("no offer comes"),
        &["sent 5 DHCPDISCOVERs in ", "No offer came. A server last answered it at "],
    );
    let detail = told(&started_anew(&in_vain, true, false)).expect("no acknowledgment comes");
    assert!(detail.contains("never used that address"), "{detail}");
    // Two may be where the capture ends; an answer came; who goes on with its address was given it.
    assert_eq!(told(&started_anew(&in_vain[..2], false, false)), None);
    assert_eq!(told(&started_anew(&in_vain, false, true)), None);
    assert_eq!(told(&started_anew(&in_vain, false, false).uses(7270 * SECOND)), None);
    assert_eq!(told(&started_anew(&in_vain, true, false).uses(7270 * SECOND)), None);
}

#[test]
fn a_device_of_the_nodes_maker_that_gets_no_address_is_told_as_a_node() {
    // Three nodes that were inferred or declared by their addresses, and a device that has none yet.
    let severity = |mac: Mac, nodes: u8| {
        let mut lease = Lease::new();
        lease.device = node(140).of(mac);
        (101..101 + nodes).for_each(|number| lease.mirror.who_has(u64::from(number), node(number), GATEWAY));
        (0..4).for_each(|time| lease.say(time * 8 * SECOND, dhcp::DISCOVER, OTHER));
        lease.mirror.who_has(60 * SECOND, OTHER, GATEWAY);
        of_kind(&lease.mirror.by_address(), "no-dhcp-offer").pop().map(|found| found.severity)
    };
    assert_eq!(severity(TWIN, 3), Some(Severity::Alert));
    // Too few of that maker to tell, and another maker's device.
    assert_eq!(severity(TWIN, 2), Some(Severity::Notice));
    assert_eq!(severity(ROUTER, 3), Some(Severity::Notice));
}

/// What is told of a lease, whether its device is heard by its own MAC or not.
fn told_of(lease: &Lease) -> Vec<&'static str> {
    let survey = lease.mirror.by_address();
    let kinds = ["no-dhcp-offer", "no-lease", "restarting", "second-dhcp-server"];
    kinds.into_iter().filter(|kind| !of_kind(&survey, kind).is_empty()).collect()
}

#[test]
fn what_was_requested_just_before_the_end_had_no_time() {
    let requested = |times: u64, more: u64| {
        let mut lease = Lease::new();
        lease.say(0, dhcp::DISCOVER, OTHER);
        (0..times).for_each(|time| lease.say(4 * time * SECOND + 10 * MILLI, dhcp::REQUEST, OTHER));
        lease.mirror.who_has(4 * (times - 1) * SECOND + more * MILLI, OTHER, GATEWAY);
        told_of(&lease)
    };
    assert_eq!(requested(1, 60), [""; 0]);
    // RFC 2131 section 4.1: who hears nothing asks again after 4 s.
    assert_eq!((requested(1, 1_100), requested(2, 60)), (vec!["no-dhcp-offer"], vec!["no-dhcp-offer"]));
}

#[test]
fn a_decline_proves_the_acknowledgment_that_was_not_captured() {
    // RFC 2131 section 4.4.4.
    let declined = |times: u64| {
        let mut lease = Lease::new();
        for time in 0..times {
            lease.xid += 1;
            for (late, kind) in (0..).zip([dhcp::DISCOVER, dhcp::REQUEST, dhcp::DECLINE]) {
                lease.say(10 * time * SECOND + late * SECOND, kind, OTHER);
            }
        }
        lease.mirror.who_has(60 * SECOND, OTHER, GATEWAY);
        told_of(&lease)
    };
    assert_eq!(declined(2), ["no-lease"]);
    // Once, and the next request may as well have been in vain; as one that is not declined.
    assert_eq!(declined(1), ["no-dhcp-offer"]);
    let mut lease = Lease::new();
    for (at, kind) in [(0, dhcp::DECLINE), (10, dhcp::DECLINE), (3600, dhcp::REQUEST)] {
        lease.xid += 1;
        lease.say(at * SECOND, dhcp::DISCOVER, OTHER);
        lease.say((at + 1) * SECOND, dhcp::REQUEST, OTHER);
        lease.say((at + 5) * SECOND, kind, OTHER);
    }
    lease.mirror.who_has(20 * SECOND, lease.device, GATEWAY);
    lease.mirror.tape.sort();
    assert_eq!(told_of(&lease), ["no-dhcp-offer"], "an hour after it came to use an address");
}

#[test]
fn a_device_that_gets_its_address_at_once_starts_too() {
    // RFC 4039: a DISCOVER that an ACK answers.
    let started = |times: u64| {
        let mut lease = Lease::new();
        for time in 0..times {
            lease.xid += 1;
            lease.say(60 * time * SECOND, dhcp::DISCOVER, OTHER);
            lease.say(60 * time * SECOND + 10 * MILLI, dhcp::ACK, OTHER);
        }
        told_of(&lease.uses(300 * SECOND))
    };
    assert_eq!(started(4), ["restarting"]);
    assert_eq!(started(2), [""; 0]);
}

#[test]
fn leases_that_are_lost_for_want_of_renewal_are_told_with_the_starts() {
    // RFC 2131 section 4.4.5: a client renews by a REQUEST to the server itself.
    let detail = |is_answered: bool| {
        let mut lease = Lease::new();
        for time in 0..4 {
            lease.ask(600 * time * SECOND, &[(dhcp::ACK, OTHER)]);
            for at in [300, 450, 525].map(|late| (600 * time + late) * SECOND) {
                let mut text =
                    dhcp::message(dhcp::REQUEST, 7, lease.device.mac, lease.device.v4(), OTHER.v4(), "node-05");
                text[12..16].copy_from_slice(&lease.device.v4().octets());
                let ends = ((lease.device, 68), (OTHER, 67));
                lease.mirror.udp(at, ends.0, ends.1, &text);
                if is_answered {
                    lease.mirror.udp(at + MILLI, ends.1, ends.0, &[2; 300]);
                }
            }
        }
        let survey = lease.mirror.by_address();
        of_kind(&survey, "restarting").pop().map(|one| one.words.detail.clone()).expect("it is told")
    };
    assert!(detail(false).contains("it asked 12 times in vain to renew it"), "{}", detail(false));
    assert!(!detail(true).contains("in vain"), "{}", detail(true));
}

#[test]
fn a_bridge_that_hides_a_devices_mac_uses_its_lease() {
    let bridge: Mac = [0x02, 0x77, 0, 0, 0, 1];
    let used = |asks_by: Mac, user: Mac| {
        let mut lease = Lease::new();
        for (at, kind) in [(0, dhcp::DISCOVER), (1, dhcp::REQUEST)] {
            let text = dhcp::message(kind, lease.xid, lease.device.mac, lease.device.v4(), OTHER.v4(), "node-05");
            let nobody = lease.device.at("0.0.0.0").of(asks_by);
            lease.mirror.udp(at * SECOND, (nobody, 68), (EVERYONE, 67), &text);
        }
        lease.mirror.udp(5 * SECOND, (lease.device.of(user), 41_000), (GATEWAY, 5683), b"\x50\x01\0\x01");
        told_of(&lease)
    };
    assert_eq!(used(bridge, bridge), [""; 0]);
    // Another has the address; or one that asks for an address itself.
    assert_eq!(used(bridge, TWIN), ["no-dhcp-offer"]);
    assert_eq!(used(node(105).mac, bridge), ["no-dhcp-offer"]);
}

#[test]
fn an_address_that_dhcp_gives_to_one_after_the_other_is_no_conflict() {
    // One host by its two MACs in turns, as a telephone that makes them up.
    let conflict = |leased: [bool; 3]| {
        let mut mirror = Mirror::default();
        let owner = node(160);
        for (turn, is_leased) in (0..).zip(leased) {
            let (mac, begin) = ([owner.mac, TWIN][turn % 2], 200 * turn as u64 * SECOND);
            for (late, kind) in [(0, dhcp::REQUEST), (10, dhcp::ACK)].into_iter().filter(|_| is_leased) {
                let text = dhcp::message(kind, 7 + turn as u32, mac, owner.v4(), OTHER.v4(), "phone");
                let [from, to] = [(owner.of(mac).at("0.0.0.0"), 68), (EVERYONE, 67)];
                let (from, to) = if kind == dhcp::ACK { ((OTHER, 67), (EVERYONE, 68)) } else { (from, to) };
                mirror.udp(begin + late * MILLI, from, to, &text);
            }
            (1..4).for_each(|time| mirror.who_has(begin + 20 * time * SECOND, owner.of(mac), GATEWAY));
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(conflict([true; 3]), [""; 0]);
    // Who goes on with it without asking never left.
    assert_eq!(conflict([true, true, false]), ["10.20.0.160"]);
}

#[test]
fn routers_that_share_a_virtual_mac_may_ask_by_their_own() {
    // RFC 9568 section 6.4.1: the new master announces the virtual MAC, as keepalived does that asks by its interface's.
    let virtual_mac: Mac = [0x00, 0x00, 0x5e, 0x00, 0x01, 0x33];
    let asked = |turns: u64, announces: bool| {
        let (mut mirror, router) = (Mirror::default(), OTHER.at("10.20.0.254"));
        for turn in 0..turns {
            if announces {
                mirror.announce(20 * turn * SECOND, router.of(virtual_mac));
            }
            let mac = [OTHER.mac, TWIN][turn as usize % 2];
            (2..5).for_each(|time| mirror.who_has((20 * turn + time) * SECOND, router.of(mac), node(101)));
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(asked(3, true), [""; 0]);
    // Unannounced; or again and again: both hold themselves for the master.
    assert_eq!((asked(3, false), asked(9, true)), (vec!["10.20.0.254".into()], vec!["10.20.0.254".into()]));
}

#[test]
fn a_second_dhcp_server_shows_by_refusals_and_by_what_clients_take_up() {
    // RFC 2131 section 4.3.2: a server that knows nothing of a client is silent; a REQUEST names the server whose offer it takes up.
    let refused = |by: Host, times: u64| {
        let mut lease = Lease::new();
        for time in 0..times {
            lease.xid += 1;
            let row = [(dhcp::REQUEST, OTHER), (dhcp::NAK, by), (dhcp::ACK, OTHER)];
            for (late, (kind, server)) in (0..).zip(row) {
                lease.say((10 * time) * SECOND + late * 10 * MILLI, kind, server);
            }
        }
        let lease = lease.uses(60 * SECOND);
        let survey = lease.mirror.by_address();
        of_kind(&survey, "second-dhcp-server").pop().map(|one| one.words.detail.clone())
    };
    let detail = refused(SECOND_SERVER, 3).expect("two servers");
    assert!(
        detail.contains("10.20.0.51, MAC 02:49:67:0e:00:02, refused 3 requests that 10.20.0.50 granted"),
        "{detail}"
    );
    assert_eq!(refused(OTHER, 3), None);

    // The only offer that is captured, and what the client asks for then.
    let taken_up = |offered: [u8; 4], acknowledged: bool| {
        let mut lease = Lease::new();
        for time in 0..3 {
            lease.xid += 1;
            let at = 10 * time * SECOND;
            lease.say(at, dhcp::DISCOVER, OTHER);
            let text = dhcp::message(dhcp::OFFER, lease.xid, lease.device.mac, offered.into(), SECOND_SERVER.v4(), "");
            lease.mirror.udp(at + 10 * MILLI, (SECOND_SERVER, 67), (EVERYONE, 68), &text);
            lease.say(at + 20 * MILLI, dhcp::REQUEST, OTHER);
            if acknowledged {
                lease.say(at + 30 * MILLI, dhcp::ACK, SECOND_SERVER);
            }
        }
        told_of(&lease.uses(25 * SECOND))
    };
    assert_eq!(taken_up([192, 168, 1, 50], false), ["second-dhcp-server"]);
    // Of the same network it may be a later offer of the one that was captured; which also may serve two networks.
    assert_eq!((taken_up([10, 20, 0, 77], false), taken_up([192, 168, 1, 50], true)), (vec![], vec![]));
}

#[test]
fn a_link_that_flaps_is_told_from_a_device_that_starts() {
    // A device asks DHCP `times` times; its connection goes on until `until`, or is opened anew behind each time.
    let seen = |times: u64, until: u64, opens: bool| {
        let mut lease = Lease::new();
        (0..times).for_each(|time| lease.ask((20 + 60 * time) * SECOND, &[(dhcp::ACK, OTHER)]));
        let (client, server) = ((lease.device, 41_000), (GATEWAY, 80));
        let mirror = &mut lease.mirror;
        let (mut ours, mut theirs) = (C, S);
        for at in (1..until).step_by(10) {
            let begins = at == 1 || opens && at % 60 == 31;
            if begins {
                (ours, theirs) = (C + 100_000 * at as u32, S + 100_000 * at as u32);
                mirror.open(at * SECOND, client, server, [ours, theirs]);
                (ours, theirs) = (ours + 1, theirs + 1);
            }
            mirror.tcp(at * SECOND + MILLI, client, server, PSH | ACK, [ours, theirs], b"still here");
            ours += 10;
            mirror.tcp(at * SECOND + 2 * MILLI, server, client, PSH | ACK, [theirs, ours], b"so am I");
            theirs += 7;
        }
        mirror.tape.sort();
        let survey = mirror.by_address();
        let told: Vec<&str> =
            ["link-flaps", "restarting"].into_iter().filter(|kind| !of_kind(&survey, kind).is_empty()).collect();
        let detail = of_kind(&survey, "link-flaps").first().map(|one| one.words.detail.clone()).unwrap_or_default();
        (told, detail)
    };
    let (told, detail) = seen(4, 260, false);
    assert_eq!(told, ["link-flaps"]);
    assert!(detail.contains("asked DHCP 4 times as a device that starts") && detail.contains("port 41000"), "{detail}");
    // Two times are no pattern; a connection that ended before, or was opened anew, proves nothing.
    assert_eq!(seen(2, 260, false).0, [""; 0]);
    assert_eq!(seen(4, 20, false).0, ["restarting"]);
    assert_eq!(seen(4, 260, true).0, ["restarting"]);
}
