//! Tunnels and mirrors: the innermost packet, and what was around it.

use super::build::*;
use super::*;
use crate::decode::{MacAddr, may_be_tunnel};

const OUTER: &str = "192.0.2.1 192.0.2.2";

/// A tunnel was not entered, without a word: its outer packet is the result.
#[track_caller]
fn assert_outside(bytes: &[u8], protocol: u8) {
    let packet = ethernet(bytes);
    assert_eq!((ip(&packet).source, ip(&packet).protocol), (address("192.0.2.1"), protocol));
    assert!(packet.encapsulations.is_empty());
    assert_eq!(packet.stop, None);
}

#[test]
fn gre_with_every_flag() {
    let ip = udp_packet();
    for head in [
        "0000 0800",
        "8000 0800 00000000",
        "2000 0800 00000005",
        "1000 0800 00000001",
        "3000 0800 00000005 00000001",
        "b000 0800 00000000 00000005 00000001",
        // Routing: checksum and offset, one entry of 4 bytes, the entry that ends the list.
        "4000 0800 00000000 0800 00 04 0a000009 0000 00 00",
    ] {
        assert_inside(&outer(47, &join(&[&hex(head), &ip])), "gre");
    }
    assert_inside(&outer(47, &gre(0x6558, &inner_eth(0x0800, &ip))), "gre");
    assert_inside(&outer(47, &gre(0x8847, &join(&[&hex("0001d140"), &ip]))), "gre");
    // PPTP (version 1): key, sequence and acknowledgment, then PPP.
    assert_inside(&outer(47, &join(&[&hex("3081 880b 00230001 00000001 00000001 ff03 0021"), &ip])), "gre");
    // WCCP, with and without its redirect header.
    assert_inside(&outer(47, &gre(0x883e, &ip)), "gre");
    assert_inside(&outer(47, &gre(0x883e, &join(&[&hex("00000000"), &ip]))), "gre");
}

#[test]
fn gre_that_carries_nothing_to_enter() {
    assert_outside(&outer(47, &hex("2081 880b 00000001 00000001")), 47);
    assert_outside(&outer(47, &gre(0x0000, b"")), 47);
    assert_outside(&outer(47, &gre(0x2001, &[0; 20])), 47);
    assert_outside(&outer(47, &hex("0002 0800 4500")), 47);
    let cut = outer(47, &hex("2000 0800 0000"));
    let packet = ethernet(&cut);
    assert_eq!((ip(&packet).protocol, packet.stop), (47, stop(StopLayer::Gre, StopReason::TooShort)));
}

#[test]
fn erspan_of_all_types() {
    let frame = inner_eth(0x8100, &join(&[&tag(30, 0x0800), &udp_packet()]));
    for (head, kind) in [
        ("0000 88be", "erspan-1"),
        ("1000 88be 00000001 1001 0005 00000000", "erspan-2"),
        ("1000 22eb 00000001 2001 0005 00000000 0000 0000", "erspan-3"),
        ("1000 22eb 00000001 2001 0005 00000000 0000 0001 0000000000000000", "erspan-3"),
        ("1000 88be 00000001 2001 0005 00000000 0000 0000", "erspan-3"),
    ] {
        let bytes = outer(47, &join(&[&hex(head), &frame]));
        assert_inside(&bytes, kind);
        assert_eq!(ethernet(&bytes).vlan.to_string(), "30");
    }
    assert_outside(&outer(47, &hex("1000 88be 00000001 7001 0005 00000000")), 47);
}

#[test]
fn vxlan_gives_the_inner_vlan_and_leaves_the_outer_one_in_view() {
    let inner = inner_eth(0x8100, &join(&[&tag(30, 0x0800), &udp_packet()]));
    let outer_ip = ipv4_from(["192.0.2.1", "192.0.2.2"], &[], 0, 17, &udp(50000, 4789, &vxlan(&inner)));
    let bytes = eth(0x8100, &join(&[&tag(10, 0x0800), &outer_ip]));
    let packet = ethernet(&bytes);
    assert_plain(&packet);
    assert_eq!(around(&packet), ["vxlan 192.0.2.1 192.0.2.2 [10]"]);
    assert_eq!(packet.vlan.to_string(), "30");
    assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 0xb1])));
}

#[test]
fn udp_tunnels_by_destination_port() {
    let ip = udp_packet();
    let frame = inner_eth(0x0800, &ip);
    for (port, content, kind) in [
        (4789, vxlan(&frame), "vxlan"),
        (8472, vxlan(&frame), "vxlan"),
        (4790, vxlan(&frame), "vxlan"),
        (4790, join(&[&hex("0c000001 00000500"), &ip]), "vxlan"),
        (4790, join(&[&hex("0c000003 00000500"), &frame]), "vxlan"),
        (6081, join(&[&hex("0000 6558 00000500"), &frame]), "geneve"),
        (6081, join(&[&hex("0240 6558 00000500 01038001 00000000"), &frame]), "geneve"),
        (6081, join(&[&hex("0000 0800 00000500"), &ip]), "geneve"),
        // Version 1, a received packet, Ethernet; padding, a signal strength (tag 10), the end.
        (37_008, join(&[&hex("01 00 0001 01"), &frame]), "tzsp"),
        (37_008, join(&[&hex("01 00 0001 00 0a01c4 01"), &frame]), "tzsp"),
    ] {
        assert!(may_be_tunnel(50000, port));
        assert_inside(&outer(17, &udp(50000, port, &content)), kind);
    }
    // The port alone proves nothing, and an answer to it is no tunnel.
    assert_outside(&outer(17, &udp(50000, 4789, &join(&[&hex("00000000 00000500"), &frame]))), 17);
    assert_outside(&outer(17, &udp(50000, 4789, b"abc")), 17);
    assert_outside(&outer(17, &udp(4789, 50000, &vxlan(&frame))), 17);
    assert_outside(&outer(17, &udp(50000, 6081, &join(&[&hex("4000 6558 00000500"), &frame]))), 17);
    assert_outside(&outer(17, &udp(50000, 6081, &join(&[&hex("0000 1234 00000500"), &frame]))), 17);
    assert_outside(&outer(17, &udp(50000, 6081, &hex("3f00 6558 00000500 00"))), 17);
}

#[test]
fn ip_in_ip_of_both_families_keeps_the_outer_link() {
    let (v4, v6) = (udp_packet(), ipv6(17, &udp(40000, 5683, b"hello")));
    let tagged = |ether_type, packet: &[u8]| eth(0x8100, &join(&[&tag(10, ether_type), packet]));
    let outer_v4 = |protocol, inner: &[u8]| ipv4_from(["192.0.2.1", "192.0.2.2"], &[], 0, protocol, inner);
    for (bytes, outer, inner) in [
        (tagged(0x0800, &outer_v4(4, &v4)), OUTER, "10.0.0.1"),
        (tagged(0x0800, &outer_v4(41, &v6)), OUTER, "2001:db8::1"),
        (tagged(0x86dd, &ipv6(4, &v4)), "2001:db8::1 2001:db8::2", "10.0.0.1"),
        (tagged(0x86dd, &ipv6(41, &v6)), "2001:db8::1 2001:db8::2", "2001:db8::1"),
    ] {
        let packet = ethernet(&bytes);
        assert_eq!((ip(&packet).source, ports(&packet)), (address(inner), (40000, 5683)));
        assert_eq!(around(&packet), [format!("ip-in-ip {outer} [10]")]);
        assert_eq!(packet.vlan.to_string(), "10");
        assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
    }
}

#[test]
fn where_nothing_inside_can_be_read_the_packet_around_it_stands() {
    let frame_in_vlan = inner_eth(0x8100, &join(&[&tag(30, 0x0800), &udp_packet()]));
    let bytes = outer(17, &udp(50000, 4789, &vxlan(&frame_in_vlan)));
    // Cut inside the inner Ethernet header, its tag, its IP header.
    for (inner, layer) in [(8, StopLayer::Ethernet), (17, StopLayer::Vlan), (30, StopLayer::Ipv4)] {
        let cut = &bytes[..14 + 20 + 8 + 8 + inner];
        let packet = decode(&frame(LinkType::ETHERNET, cut, bytes.len()));
        assert_eq!((ip(&packet).source, ports(&packet)), (address("192.0.2.1"), (50000, 4789)));
        assert_eq!(packet.stop, stop(layer, StopReason::CutBySnapLength));
        assert!(packet.encapsulations.is_empty() && packet.vlan.is_untagged());
        assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
    }
    let cut = &bytes[..14 + 20 + 8 + 3];
    let packet = decode(&frame(LinkType::ETHERNET, cut, bytes.len()));
    assert_eq!((ports(&packet), packet.stop), ((50000, 4789), stop(StopLayer::Vxlan, StopReason::CutBySnapLength)));

    let garbage = outer(4, &hex("99"));
    let packet = ethernet(&garbage);
    assert_eq!((ip(&packet).protocol, packet.encapsulations.len()), (4, 0));
    assert_eq!(packet.stop, stop(StopLayer::Ipv4, StopReason::BadVersion));
}

#[test]
fn an_inner_frame_that_is_not_ip_is_the_result() {
    let arp = hex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002");
    let bytes = outer(17, &udp(50000, 4789, &vxlan(&inner_eth(0x0806, &arp))));
    let packet = ethernet(&bytes);
    assert_eq!(non_ip(&packet), NonIp::Arp);
    assert_eq!(around(&packet), [format!("vxlan {OUTER} []")]);
}

#[test]
fn three_ethernet_headers() {
    let vxlan_frame = inner_eth(
        0x0800,
        &ipv4_from(
            ["198.51.100.1", "198.51.100.2"],
            &[],
            0,
            17,
            &udp(50000, 4789, &vxlan(&inner_eth(0x0800, &udp_packet()))),
        ),
    );
    let bytes = outer(47, &join(&[&hex("1000 88be 00000001 1001 0005 00000000"), &vxlan_frame]));
    let packet = ethernet(&bytes);
    assert_plain(&packet);
    assert_eq!(around(&packet), [format!("erspan-2 {OUTER} []"), "vxlan 198.51.100.1 198.51.100.2 []".to_owned()]);
}

#[test]
fn a_nest_of_tunnels_stops_at_the_limit() {
    let nest = |depth: usize| {
        let mut bytes = udp_packet();
        for _ in 0..depth {
            bytes = ipv4_from(["192.0.2.1", "192.0.2.2"], &[], 0, 4, &bytes);
        }
        eth(0x0800, &bytes)
    };
    let deepest = nest(8);
    let packet = ethernet(&deepest);
    assert_plain(&packet);
    assert_eq!(packet.encapsulations.len(), 8);
    let too_deep = nest(9);
    let packet = ethernet(&too_deep);
    assert_eq!((ip(&packet).source, ip(&packet).protocol), (address("192.0.2.1"), 4));
    assert_eq!(packet.stop, stop(StopLayer::Tunnel, StopReason::TooDeep));
    assert_eq!(packet.encapsulations.len(), 8);
}

#[test]
fn a_first_fragment_of_a_tunnel_is_entered_and_a_later_one_is_not() {
    let content = gre(0x0800, &udp_packet());
    let of = |fragment| eth(0x0800, &ipv4_from(["192.0.2.1", "192.0.2.2"], &[], fragment, 47, &content));
    assert_inside(&of(0x2000), "gre");
    assert_outside(&of(0x0001), 47);
}

#[test]
fn tunnels_that_are_no_mirrors_stay_what_they_are() {
    // Teredo (RFC 4380), GTP-U (3GPP TS 29.281) without its header, GUE (draft-ietf-intarea-gue).
    for port in [3544, 2152, 6080] {
        let bytes = outer(17, &udp(50000, port, &ipv6(59, b"")));
        assert_outside(&bytes, 17);
        assert!(port == 2152 || !may_be_tunnel(50000, port));
    }
}
