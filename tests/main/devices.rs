//! Which MACs and addresses are of one device: teams of adapters, clones, devices with addresses of several networks. Small
//! captures made here, each with its twin; what is right of them is what the standards say.

use std::net::IpAddr;

use igorscope::policy::Role;
use igorscope::survey::Survey;

use crate::addresses::conflicts;
use crate::field::{one, told};
use crate::mirror::{C, End, GATEWAY, Host, Mirror, OTHER, S, node};
use crate::traffic::frame::{self, Mac, RST, SYN};
use crate::traffic::payload::{coap, dhcp, link};
use crate::traffic::wire::{MILLI, SECOND};

/// Another MAC for the address of a device.
const SECOND_MAC: Mac = [0x00, 0x1b, 0xc5, 0x00, 0x09, 0x99];

impl Mirror {
    /// A confirmable request of CoAP (RFC 7252), sent at some times, each of which is answered.
    fn ask(&mut self, at: u64, client: End, server: End, again: &[u64]) {
        let id = (at / SECOND) as u16;
        let request = coap::request(coap::CON, coap::PUT, id, &[7], "light/level", b"80");
        for late in again {
            self.udp(at + late * SECOND, client, server, &request);
            self.udp(at + late * SECOND + 10 * MILLI, server, client, &coap::empty_ack(id));
        }
    }

    /// The same with all that is sent to one MAC sent to another.
    fn received_at(mut self, from: Mac, to: Mac) -> Self {
        for record in self.tape.records.iter_mut().filter(|record| record.frame[..6] == from) {
            record.frame[..6].copy_from_slice(&to);
        }
        self
    }

    /// What a team that balances what it sends makes of it: it receives at the MAC that answers for its address.
    fn teamed(self) -> Self {
        self.received_at(SECOND_MAC, GATEWAY.mac)
    }

    /// The answer to a solicitation (RFC 4861 section 4.4), which any address of the host may give.
    fn answer(&mut self, at: u64, asked: Host, asker: Host) {
        let (IpAddr::V6(target), IpAddr::V6(to)) = (asked.address, asker.address) else {
            panic!("neighbours are IPv6's")
        };
        let own = Host { hops: 255, ..asked.at("fe80::101") };
        let IpAddr::V6(from) = own.address else { panic!("neighbours are IPv6's") };
        self.ip(at, own, asker, frame::ICMPV6, &link::neighbour(136, from, to, target, own.mac));
    }
}

/// What the gateway sends by both MACs in turn, each polling by connections or messages of its own.
fn by_turns(rounds: u8, poll: impl Fn(&mut Mirror, u64, End, End)) -> Mirror {
    let mut mirror = Mirror::default();
    for round in 0..rounds {
        let gateway = if round % 2 == 0 { GATEWAY } else { GATEWAY.of(SECOND_MAC) };
        let client = (gateway, 40_000 + u16::from(round));
        poll(&mut mirror, u64::from(round) * 4 * SECOND, client, (node(101 + round), 5683));
    }
    mirror
}

#[test]
fn a_team_that_sends_by_each_adapter_and_receives_at_one_is_one_device() {
    // Linux balance-tlb and Windows' switch-independent teams: the adapter's own MAC as source, ARP by one.
    let asked =
        |again: &'static [u64]| by_turns(8, move |mirror, at, client, server| mirror.ask(at, client, server, again));
    let told = |mirror: Mirror| conflicts(&mirror.by_address());
    let conflict = ["10.20.0.10"];
    assert_eq!(told(asked(&[0]).teamed()), [""; 0]);
    // Of two devices each hears what it asked for.
    assert_eq!(told(asked(&[0])), conflict);
    // Who repeats its question five times did not hear the answers (RFC 7252 section 4.8): they went to the other device.
    assert_eq!(told(asked(&[0, 2, 6, 14, 30]).teamed()), conflict);
    // What does not have to be repeated proves nothing.
    let unconfirmed = || {
        by_turns(8, |mirror, at, client, server| {
            let request = coap::request(coap::NON, coap::PUT, at as u16, &[7], "light/level", b"80");
            mirror.udp(at, client, server, &request);
            mirror.udp(at + MILLI, server, client, &coap::message(coap::NON, coap::CHANGED, at as u16, &[7], &[], &[]));
        })
    };
    assert_eq!(told(unconfirmed().teamed()), conflict);
    // By ARP the team has one MAC, and another device its own.
    for (asker, expected) in [(GATEWAY, &[][..]), (GATEWAY.of(SECOND_MAC), &conflict)] {
        let mut mirror = asked(&[0]).teamed();
        (0..3).for_each(|time| mirror.who_has((2 + 9 * time) * SECOND, asker, node(101)));
        mirror.tape.sort();
        assert_eq!(told(mirror), expected);
    }
}

#[test]
fn who_goes_on_with_a_connection_received_what_went_to_its_team() {
    // RFC 9293 section 3.5: nobody acknowledges a SYN or a SYN-ACK that he did not receive.
    let told = |mirror: Mirror| conflicts(&mirror.by_address());
    let opened = || by_turns(4, |mirror, at, client, (server, _)| mirror.exchange(at, client, (server, 80), [C, S]));
    let accepted = || {
        by_turns(4, |mirror, at, (gateway, port), (node, _)| mirror.exchange(at, (node, port), (gateway, 80), [C, S]))
    };
    let answered =
        || by_turns(4, |mirror, at, (gateway, port), (node, _)| mirror.ask(at, (node, port), (gateway, 5683), &[0]));
    for (name, scene) in [("opened", opened as fn() -> Mirror), ("accepted", accepted), ("answered", answered)] {
        assert_eq!(told(scene().teamed()), [""; 0], "{name}");
        assert_eq!(told(scene()), ["10.20.0.10"], "{name}");
    }
    // The other device resets what it did not open.
    let reset = by_turns(4, |mirror, at, client, (server, _)| {
        mirror.tcp(at, client, (server, 80), SYN, [C, 0], &[]);
        mirror.tcp(at + MILLI, (server, 80), client, frame::ACK | SYN, [S, C + 1], &[]);
        mirror.tcp(at + 2 * MILLI, (GATEWAY, client.1), (server, 80), RST, [C + 1, 0], &[]);
    });
    assert_eq!(told(reset.teamed()), ["10.20.0.10"]);
    // Several adapters send, and another one receives for all of them.
    let third = GATEWAY.of([0x00, 0x1b, 0xc5, 0x00, 0x09, 0x98]);
    let of_three = |receiver: Mac| {
        let mut mirror = opened().received_at(SECOND_MAC, receiver).received_at(GATEWAY.mac, receiver);
        (0..3).for_each(|time| mirror.who_has((2 + 5 * time) * SECOND, third, node(101)));
        mirror.tape.sort();
        told(mirror)
    };
    assert_eq!(of_three(third.mac), [""; 0]);
    // A router on the way to both receives for both, and has not their address.
    assert_eq!(of_three([0x00, 0x00, 0x0c, 0x11, 0x22, 0x33]), ["10.20.0.10"]);
}

#[test]
fn who_stands_in_the_middle_is_no_team() {
    // Another tells the nodes that the gateway is at its MAC, and hands on what they send; the gateway answers directly.
    let mut mirror = Mirror::default();
    for round in 0..8 {
        let (at, number) = (round * 5 * SECOND, 101 + round as u8 % 2);
        mirror.is_at(at, GATEWAY.of(SECOND_MAC), node(number));
        mirror.who_has(at + SECOND, GATEWAY, node(103));
        mirror.ask(at + 3 * SECOND, (node(number), 40_000 + round as u16), (GATEWAY, 5683), &[0]);
    }
    let mirror = mirror.received_at(GATEWAY.mac, SECOND_MAC);
    assert_eq!(conflicts(&mirror.by_address()), ["10.20.0.10"]);
}

const ALIASES: [&str; 2] = ["10.20.0.150", "fd00:20::101"];

/// Both adapters, or clones, speak for two addresses in turn, one of them only by answers if one alone asks.
fn shared(alias: &str, both_ask: bool) -> Mirror {
    let mut mirror = Mirror::default();
    let (own, other) = (node(101), node(101).of(SECOND_MAC));
    let peer = if alias.contains(':') { GATEWAY.at("fd00:20::10") } else { GATEWAY };
    for step in 0..6 {
        for (late, device, asks) in [(0, own, true), (3, other, both_ask)] {
            let at = (6 * step + late) * SECOND;
            let second = device.at(alias);
            match (asks, alias.contains(':')) {
                (true, true) => mirror.solicit(at + SECOND, second, peer),
                (false, true) => mirror.answer(at + SECOND, second, peer),
                (true, false) => mirror.who_has(at + SECOND, second, peer),
                (false, false) => mirror.is_at(at + SECOND, second, peer),
            }
            if asks { mirror.who_has(at, device, GATEWAY) } else { mirror.is_at(at, device, GATEWAY) }
        }
    }
    mirror
}

#[test]
fn clones_share_all_their_addresses_and_are_two() {
    // RFC 826: who asks uses the address. A device with two adapters on one network answers by both and asks by one.
    for alias in ALIASES {
        assert_eq!(conflicts(&shared(alias, true).by_address()), [format!("10.20.0.101;{alias}")], "{alias}");
        assert_eq!(conflicts(&shared(alias, false).by_address()), [""; 0], "{alias}");
    }
    // IEEE 802.1AB: one chassis has both MACs; what else it may be named by is copied (local), or is the address itself.
    let told = |chassis: &[u8], alias: &str, both_ask: bool| {
        let mut mirror = shared(alias, both_ask);
        for mac in [node(101).mac, SECOND_MAC] {
            let mut unit = vec![1 << 1, chassis.len() as u8];
            unit.extend(chassis);
            unit.extend(&link::lldp([0; 6], "1", "controller")[9..]);
            mirror.ethernet(SECOND, mac, [0x01, 0x80, 0xc2, 0, 0, 0x0e], 0x88cc, &unit);
        }
        mirror.tape.sort();
        conflicts(&mirror.by_address())
    };
    let (mac, name, address) = (&[4, 2, 0, 0, 0, 0, 1][..], b"\x07image-17", &[5, 1, 10, 20, 0, 101][..]);
    let clones = ["10.20.0.101;10.20.0.150"];
    for (chassis, expected) in [(mac, &[][..]), (name, &clones), (address, &clones)] {
        assert_eq!(told(chassis, "10.20.0.150", true), expected, "{chassis:?}");
    }
    // Alone, each of the same address.
    for (chassis, expected) in [(mac, &[][..]), (name, &[]), (address, &["10.20.0.101"])] {
        assert_eq!(told(chassis, "10.20.0.101", false), expected, "{chassis:?}");
    }
}

#[test]
fn who_announces_an_address_back_at_once_defends_it_against_another() {
    // RFC 5227 section 2.4, whatever else both have.
    let announced = |late: u64| {
        let mut mirror = shared(ALIASES[1], false);
        for (at, mac) in [(40, node(101).mac), (40 + late, SECOND_MAC), (40 + 2 * late, node(101).mac)] {
            let owner = node(101).of(mac);
            mirror.who_has(at * SECOND, owner, owner);
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(announced(1), ["10.20.0.101"]);
    assert_eq!(announced(20), [""; 0]);
}

#[test]
fn an_address_that_both_had_before_makes_them_no_device() {
    // The factory's address of two devices, each of which has left it.
    let factory = |at: [u64; 2]| {
        let mut mirror = Mirror::default();
        for (late, (mac, before)) in (0..).zip([node(101).mac, SECOND_MAC].into_iter().zip(at)) {
            let device = node(101).of(mac);
            mirror.who_has(before * SECOND, device.at("192.168.1.1"), device.at("192.168.1.1"));
            (0..4).for_each(|step| mirror.is_at((100 + 3 * late + 6 * step) * SECOND, device, GATEWAY));
        }
        mirror.tape.sort();
        conflicts(&mirror.by_address())
    };
    assert_eq!(factory([0, 50]), ["10.20.0.101"]);
    assert_eq!(factory([104, 105]), [""; 0]);
}

#[test]
fn clones_that_share_the_identifier_of_their_client_are_two() {
    // RFC 2132 section 9.14: it identifies one client; images that are copied copy it, and get one lease.
    let leased = |both_ask: bool| {
        let mut mirror = Mirror::default();
        for (number, mac) in (0..).zip([node(101).mac, SECOND_MAC]) {
            for (late, kind) in (0..).zip([dhcp::DISCOVER, dhcp::REQUEST]) {
                let mut text = dhcp::message(kind, 7 + number, mac, node(101).v4(), OTHER.v4(), "node");
                text.splice(243..243, [61, 9, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]);
                let at = u64::from(number) * SECOND + late * 10 * MILLI;
                mirror.udp(at, (node(101).of(mac).at("0.0.0.0"), 68), (crate::mirror::EVERYONE, 67), &text);
            }
        }
        for step in 0..6 {
            mirror.who_has((5 + 6 * step) * SECOND, node(101), GATEWAY);
            let (at, other) = ((8 + 6 * step) * SECOND, node(101).of(SECOND_MAC));
            if both_ask { mirror.who_has(at, other, GATEWAY) } else { mirror.is_at(at, other, GATEWAY) }
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(leased(true), ["10.20.0.101"]);
    assert_eq!(leased(false), [""; 0]);
}

fn role(survey: &Survey, host: Host) -> Role {
    survey.hosts.role(survey.hosts.find(host.address).expect("a host that was heard"))
}

const NETWORKS: [&str; 4] = ["fd00:20::", "2001:db8:1::", "2001:db8:2::", "2001:db8:3::"];

#[test]
fn a_device_has_an_address_of_each_ipv6_network_and_one_role() {
    // RFC 4862 section 5.5 and RFC 8028: of each prefix that the routers of its link announce.
    let found = |hops: u8, more_v4: u8| {
        let mut mirror = Mirror::default();
        mirror.ask(0, (GATEWAY, 41_000), (node(101), 5683), &[0]);
        for number in 0..more_v4 {
            mirror.ask(5 * SECOND, (GATEWAY, 41_000), (node(101).at(&format!("10.20.1.{number}")), 5683), &[0]);
        }
        for (number, network) in (1..).zip(NETWORKS) {
            let gateway = GATEWAY.at(&format!("{network}10"));
            let device = Host { hops, ..node(101).at(&format!("{network}101")) };
            mirror.ask(20 * number * SECOND, (gateway, 41_000), (device, 5683), &[0]);
            mirror.knock((20 * number + 1) * SECOND, (device, 42_000), (gateway, 1901));
        }
        let survey = mirror.by_address();
        let roles = NETWORKS.map(|network| role(&survey, node(101).at(&format!("{network}101"))));
        (roles, told(&survey).iter().any(|(_, reason)| *reason == "blocked"))
    };
    assert_eq!(found(64, 0), ([Role::Node; 4], true));
    // What a router hands on is of hosts behind it.
    let behind = [Role::Host, Role::External, Role::External, Role::External];
    assert_eq!(found(63, 0), (behind, false));
    // And what a bridge sends that hides the MACs behind it is of several hosts.
    assert_eq!(found(64, 3), (behind, false));
}

#[test]
fn a_neighbour_advertisement_proves_whose_an_address_is() {
    // RFC 4861 section 7.2.4: who is asked answers from any address of its interface.
    let survey = |says: bool| {
        let mut mirror = Mirror::default();
        mirror.ask(0, (GATEWAY, 41_000), (node(101), 5683), &[0]);
        let (gateway, device) = (GATEWAY.at("2001:db8:1::10"), node(101).at("2001:db8:1::101"));
        mirror.solicit(10 * SECOND, gateway, device);
        if says {
            mirror.answer(10 * SECOND + MILLI, device, gateway);
        }
        mirror.ask(11 * SECOND, (gateway, 41_000), (OTHER.at("2001:db8:1::50"), 5683), &[0]);
        mirror.knock(12 * SECOND, (gateway, 42_000), (device, 80));
        mirror.by_address()
    };
    // And without a word of it: the gateway is of the same network, so what it sends there goes to no router (section 5.2).
    for blocked in [survey(true), survey(false)] {
        one(&blocked, "blocked").says(&["2001:db8:1::101"]);
        assert_eq!(role(&blocked, node(101).at("2001:db8:1::101")), Role::Node);
    }
}

#[test]
fn a_priority_parts_no_devices() {
    // IEEE 802.1Q clause 6.9: a frame with VLAN 0 is untagged, and has a priority.
    let clones = by_turns(6, |mirror, at, (own, _), (other, _)| mirror.who_has(at, own, other));
    let rival = GATEWAY.of(SECOND_MAC);
    assert_eq!(conflicts(&clones.by_address()), ["10.20.0.10"]);
    assert_eq!(conflicts(&clones.tagged_by(rival, 0).by_address()), ["10.20.0.10"]);
    // One address on two networks is none.
    assert_eq!(conflicts(&clones.tagged_by(rival, 7).by_address()), [""; 0]);
}

#[test]
fn who_asks_from_many_addresses_is_no_proxy() {
    // RFC 1027: a proxy answers for others, and asks for nobody.
    let rival = GATEWAY.of(SECOND_MAC);
    let seen = |asks: bool| {
        let says = |mirror: &mut Mirror, at: u64, own: Host, other: Host| {
            if asks || own.mac == GATEWAY.mac {
                mirror.who_has(at, own, other);
            } else {
                mirror.who_has(at, other, own);
                mirror.is_at(at + MILLI, own, other);
            }
        };
        let mut mirror = by_turns(6, |mirror, at, (own, _), (other, _)| says(mirror, at, own, other));
        for (number, alias) in (60..).zip(210..215) {
            says(&mut mirror, number * SECOND, rival.at(&format!("10.20.0.{alias}")), node(101));
        }
        conflicts(&mirror.by_address())
    };
    assert_eq!(seen(true), ["10.20.0.10"]);
    assert_eq!(seen(false), [""; 0]);
}

#[test]
fn a_silent_address_of_the_link_is_its_devices_own() {
    // RFC 4861 section 5.2: what goes to a network that is not on the link goes to a router.
    let knocked = |address: &str, by_mac: bool| {
        let mut mirror = Mirror::default();
        for number in 101..=103_u8 {
            mirror.ask(u64::from(number) * SECOND, (GATEWAY, 41_000), (node(number), 5683), &[0]);
            let device = node(number).at(&format!("2001:db8:20::{number}"));
            mirror.knock((u64::from(number) + 300) * SECOND, (device, 42_000), (GATEWAY.at(address), 1901));
        }
        let survey = if by_mac { mirror.by_mac() } else { mirror.by_address() };
        (role(&survey, GATEWAY.at(address)), told(&survey).iter().any(|(_, reason)| *reason == "blocked"))
    };
    for by_mac in [true, false] {
        assert_eq!(knocked("2001:db8:20::10", by_mac), (Role::Gateway, true), "{by_mac}");
        assert_eq!(knocked("2001:db8:99::10", by_mac).0, Role::External, "{by_mac}");
    }
}

#[test]
fn a_declared_mac_gives_its_role_whichever_adapter_is_heard_first() {
    let heard = |first: Host| {
        let mut mirror = Mirror::default();
        for (number, gateway) in (0..).zip([first, GATEWAY, first, GATEWAY]) {
            mirror.ask(u64::from(number) * 5 * SECOND, (gateway, 40_000 + number), (node(101), 5683), &[0]);
        }
        role(&mirror.teamed().by_mac(), GATEWAY)
    };
    assert_eq!((heard(GATEWAY), heard(GATEWAY.of(SECOND_MAC))), (Role::Gateway, Role::Gateway));
    assert_eq!(
        role(
            &by_turns(1, |mirror, at, (own, port), to| mirror.ask(at, (own.of(SECOND_MAC), port), to, &[0])).by_mac(),
            GATEWAY
        ),
        Role::Host
    );
}
