//! Flows to hosts: sums, MACs, roles that the inventory or the address gives.

use super::flows::{Traffic, hosts, hosts_and_neighbours, mac, parse};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::inventory::{Host, Hosts, Inventory, RoleSource};
use crate::policy::Role;
use crate::protocol::Transport;

const BROADCAST: MacAddr = MacAddr([0xff; 6]);

fn host<'a>(hosts: &'a Hosts, address: &str) -> &'a Host {
    let address = address.parse().expect("address");
    hosts.get(hosts.find(address).expect("host"))
}

fn role(hosts: &Hosts, address: &str) -> Role {
    host(hosts, address).role
}

#[test]
fn sums_what_each_host_did() {
    let talks = [
        Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, 80),
        Traffic { at: 5_000, ..Traffic::new("10.0.0.2", "10.0.0.1", Transport::Udp, 53) },
        Traffic { at: 7_000, ..Traffic::new("10.0.0.1", "10.0.0.2", Transport::Udp, 69).unanswered() },
    ];
    let hosts = hosts(&talks, &Inventory::default());
    let one = host(&hosts, "10.0.0.1");
    assert_eq!((one.packets_sent, one.bytes_sent), (3 + 2 + 3, 300 + 400 + 300));
    assert_eq!((one.packets_received, one.bytes_received), (2 + 3, 400 + 300));
    assert_eq!(one.first_seen, Timestamp::from_nanos(1_000));
    assert_eq!(one.last_seen, Timestamp::from_nanos(7_010));
    assert_eq!(*one.serves, [(Transport::Udp, 53)]);
    assert_eq!(*host(&hosts, "10.0.0.2").serves, [(Transport::Tcp, 80)]);
    assert_eq!(hosts.iter().len(), 2);
}

#[test]
fn a_refusal_is_no_service() {
    let talks = [
        Traffic { refused: true, ..Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, 80) },
        Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, 443).unanswered(),
    ];
    assert!(host(&hosts(&talks, &Inventory::default()), "10.0.0.2").serves.is_empty());
}

#[test]
fn many_served_ports_are_counted_and_the_lowest_kept() {
    let talks: Vec<_> =
        (1..=100).rev().map(|port| Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, port)).collect();
    let hosts = hosts(&talks, &Inventory::default());
    let server = host(&hosts, "10.0.0.2");
    let lowest: Vec<_> = (1..=32).map(|port| (Transport::Tcp, port)).collect();
    assert_eq!(*server.serves, *lowest);
    assert_eq!(server.serves_more, 68);
}

#[test]
fn addresses_say_what_they_are() {
    let peers = [
        ("8.8.8.8", Role::External),
        ("2001:db8::1", Role::External),
        ("192.168.7.7", Role::Host),
        ("100.64.1.1", Role::Host),
        ("169.254.3.3", Role::Host),
        ("fd00::1", Role::Host),
        ("fe80::1", Role::Host),
        ("127.0.0.1", Role::Host),
        ("224.0.1.187", Role::Group),
        ("255.255.255.255", Role::Group),
        ("ff02::c", Role::Group),
        ("0.0.0.0", Role::Host),
    ];
    let client = |peer: &str| if peer.contains(':') { "fd00::9" } else { "10.0.0.1" };
    let talks: Vec<_> =
        peers.iter().map(|(peer, _)| Traffic::new(client(peer), peer, Transport::Udp, 53).unanswered()).collect();
    let hosts = hosts(&talks, &Inventory::default());
    for (peer, expected) in peers {
        let host = host(&hosts, peer);
        assert_eq!((host.role, host.source, host.confidence), (expected, RoleSource::Address, 100), "{peer}");
    }
}

#[test]
fn site_blocks_and_the_inventory_are_not_external() {
    let inventory = parse("site = [\"198.51.100.0/24\"]\nnode = [\"203.0.113.5\"]");
    let talks =
        ["198.51.100.9", "203.0.113.5", "203.0.113.6"].map(|peer| Traffic::new("10.0.0.1", peer, Transport::Udp, 53));
    let hosts = hosts(&talks, &inventory);
    assert_eq!(role(&hosts, "198.51.100.9"), Role::Host);
    assert_eq!(role(&hosts, "203.0.113.5"), Role::Node);
    assert_eq!(role(&hosts, "203.0.113.6"), Role::External);
}

#[test]
fn a_directed_broadcast_is_a_group_even_in_a_declared_block() {
    let inventory = parse("node = [\"10.0.0.0/24\"]");
    let to_broadcast = Traffic::new("10.0.0.1", "10.0.0.255", Transport::Udp, 47808).unanswered();
    let found = hosts(&[to_broadcast.clone().macs(mac(1), BROADCAST)], &inventory);
    assert_eq!(role(&found, "10.0.0.255"), Role::Group);
    assert_eq!(role(&found, "10.0.0.1"), Role::Node);
    // Sent to one MAC as well: a host.
    let to_one = Traffic { client_port: 40_001, ..to_broadcast.clone() };
    let mixed = [to_broadcast.clone().macs(mac(1), BROADCAST), to_one.macs(mac(1), mac(9))];
    assert_eq!(role(&hosts(&mixed, &inventory), "10.0.0.255"), Role::Node);
    // It sent something itself: a host.
    let sender = Traffic::new("10.0.0.255", "10.0.0.1", Transport::Udp, 53);
    let mixed = [to_broadcast.macs(mac(1), BROADCAST), sender];
    assert_eq!(role(&hosts(&mixed, &inventory), "10.0.0.255"), Role::Node);
}

#[test]
fn precedence() {
    let inventory = parse(
        r#"
        infer = false
        gateway = ["10.0.0.5", "00:1b:c5:00:00:09"]
        node = ["10.0.0.0/24", "00:1b:c5"]
        bacnet = ["10.0.0.4-10.0.0.7"]
        [[device]]
        address = "00:1b:c5:00"
        role = "host"
        "#,
    );
    for (address, client_mac, expected) in [
        ("10.0.0.5", mac(9), Role::Gateway),
        ("10.0.0.6", mac(9), Role::Bacnet),
        ("10.0.0.8", mac(9), Role::Node),
        ("10.0.1.1", mac(9), Role::Gateway),
        ("10.0.1.1", mac(8), Role::Host),
        ("10.0.1.1", MacAddr([0, 0x1b, 0xc5, 1, 0, 0]), Role::Node),
        ("10.0.1.1", MacAddr([0, 0x1b, 0xc6, 1, 0, 0]), Role::Host),
    ] {
        let talk = Traffic::new(address, "10.9.9.9", Transport::Tcp, 80).macs(client_mac, mac(200));
        assert_eq!(role(&hosts(&[talk], &inventory), address), expected, "{address} {client_mac}");
    }
}

#[test]
fn a_router_gives_no_role() {
    let inventory = parse("infer = false\nnode = [\"00:1b:c5:00:00:09\"]");
    let through = |addresses: &[&str]| {
        let talks: Vec<_> = addresses
            .iter()
            .map(|address| (address, if address.contains(':') { "fd00:9::9" } else { "10.9.9.9" }))
            .map(|(address, server)| Traffic::new(address, server, Transport::Tcp, 80).macs(mac(9), mac(200)))
            .collect();
        let hosts = hosts(&talks, &inventory);
        (role(&hosts, addresses[0]), host(&hosts, addresses[0]).mac)
    };
    assert_eq!(through(&["10.0.0.1", "10.0.0.2"]), (Role::Node, Some(mac(9))));
    assert_eq!(through(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]), (Role::Host, None));
    assert_eq!(through(&["10.0.0.1", "169.254.0.2", "fe80::9", "fd00::1", "fd00::2"]), (Role::Node, Some(mac(9))));
    assert_eq!(through(&["10.0.0.1", "fd00::1", "fd00:1::2", "fd00:2::3"]), (Role::Host, None));
    // A public address does not sit on this link.
    assert_eq!(through(&["10.0.0.1", "8.8.8.8"]), (Role::Host, None));
}

#[test]
fn an_ipv6_address_shares_the_role_of_its_mac() {
    let inventory = parse("infer = false\nnode = [\"10.0.0.1\"]\ngateway = [\"10.0.0.2\"]");
    let talks = [
        Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, 80).macs(mac(1), mac(2)),
        Traffic::new("fe80::1", "fe80::2", Transport::Udp, 5683).macs(mac(1), mac(2)),
        Traffic::new("fe80::3", "fd00::1", Transport::Udp, 5683).macs(mac(3), mac(1)),
    ];
    let hosts = hosts(&talks, &inventory);
    assert_eq!(role(&hosts, "fe80::1"), Role::Node);
    assert_eq!(host(&hosts, "fe80::1").basis, "same MAC as 10.0.0.1");
    assert_eq!(role(&hosts, "fe80::2"), Role::Gateway);
    assert_eq!(role(&hosts, "fe80::3"), Role::Host);
    assert_eq!(role(&hosts, "fd00::1"), Role::Node);
}

#[test]
fn neighbours_are_hosts_and_prove_their_mac() {
    let inventory = parse("node = [\"00:1b:c5:00:00:05\"]");
    let talk = Traffic::new("10.0.0.1", "10.0.0.5", Transport::Tcp, 80).macs(mac(1), mac(77));
    let said = [
        ("10.0.0.5".parse().expect("address"), mac(5)),
        ("10.0.0.6".parse().expect("address"), mac(6)),
        ("0.0.0.0".parse().expect("address"), mac(5)),
    ];
    let hosts = hosts_and_neighbours(&[talk], &said, &inventory);
    assert_eq!((role(&hosts, "10.0.0.5"), host(&hosts, "10.0.0.5").mac), (Role::Node, Some(mac(5))));
    let silent = host(&hosts, "10.0.0.6");
    assert_eq!((silent.mac, silent.packets_sent, silent.first_seen), (Some(mac(6)), 0, Timestamp::UNKNOWN));
    assert_eq!(hosts.iter().len(), 3);
}

#[test]
fn names_and_versions_come_along() {
    let inventory =
        parse("[[device]]\naddress = \"10.0.0.1\"\nrole = \"gateway\"\nname = \"GW 1\"\nversion = \"1.12.1\"\n");
    let hosts = hosts(&[Traffic::new("10.0.0.1", "10.0.0.2", Transport::Tcp, 80)], &inventory);
    let gateway = host(&hosts, "10.0.0.1");
    assert_eq!((gateway.name.as_deref(), gateway.version.as_deref()), (Some("GW 1"), Some("1.12.1")));
    assert_eq!((&*gateway.basis, gateway.source), ("site.toml:1", RoleSource::Declared));
}

#[test]
fn the_order_of_flows_does_not_matter() {
    let mut talks: Vec<_> = (0..60u8)
        .map(|i| {
            let (client, server) = (format!("10.0.0.{}", i % 7), format!("10.0.1.{}", i % 5));
            Traffic { at: i64::from(i) + 1, ..Traffic::new(&client, &server, Transport::Udp, u16::from(i)) }
                .macs(mac(i % 7 + i % 2), mac(100 + i % 5))
        })
        .collect();
    let inventory = parse("node = [\"00:1b:c5:00:00:03\"]");
    let forward = format!("{:?}", hosts(&talks, &inventory).iter().collect::<Vec<_>>());
    talks.reverse();
    assert_eq!(format!("{:?}", hosts(&talks, &inventory).iter().collect::<Vec<_>>()), forward);
}
