//! Tags of switches, as the link type's page, Wireshark and tcpdump read them.

use super::build::*;
use super::*;
use crate::decode::MacAddr;

/// What stands between the addresses and the packet, after the formats' own documents.
const TAGS: &[&str] = &[
    // Cisco: version 1, 8 bytes, the security group 100; two options; before a VLAN tag.
    "8909 0101 00010064 0800",
    "8909 0102 00010064 00020065 0000 0000 0800",
    // Arista: a time stamp of 64 bits (TAI, UTC), of 48 bits (TAI, UTC).
    "d28b 0001 0010 5e0b1234 00000001 0800",
    "d28b 0001 0110 5e0b1234 00000001 0800",
    "d28b 0001 0020 1234 00000001 0800",
    "d28b 0001 0120 1234 00000001 0800",
    // Marvell's EtherType tag and Broadcom's.
    "dada 0000 c0080005 0800",
    "8874 00000001 0800",
];

/// Frames of link types with a tag: number, what stands before the addresses, what between them and the packet.
const FRAMES: &[(u16, &str, &str)] = &[
    (281, "", "00000001 0800"),
    (282, "00000001", "0800"),
    (284, "", "c0080005 0800"),
    (285, "", "dada 0000 c0080005 0800"),
];

fn with_addresses(before: &str, between: &str) -> Vec<u8> {
    join(&[&hex(before), &hex("020000000002 020000000001"), &hex(between), &udp_packet()])
}

pub(super) fn samples() -> Vec<(u16, Vec<u8>)> {
    let tagged = TAGS.iter().map(|tag| (1, with_addresses("", tag)));
    let frames = FRAMES.iter().map(|(link, before, between)| (*link, with_addresses(before, between)));
    tagged.chain(frames).collect()
}

#[test]
fn the_packet_behind_each_tag_is_read() {
    for (link, bytes) in samples() {
        let packet = whole(LinkType(link), &bytes);
        assert_plain(&packet);
        let macs = [packet.source_mac, packet.destination_mac];
        assert_eq!(macs, [1, 2].map(|last| Some(MacAddr([2, 0, 0, 0, 0, last]))), "{link}");
        assert!(packet.vlan.is_untagged());
    }
}

#[test]
fn a_vlan_tag_behind_them_or_in_them_is_the_frames() {
    for tag in ["8909 0101 00010064 8100 0007 0800", "8100 0007 8909 0101 00010064 0800", "dada 0000 e0080007 0800"] {
        let bytes = with_addresses("", tag);
        assert_plain(&ethernet(&bytes));
        assert_eq!(ethernet(&bytes).vlan.to_string(), "7", "{tag}");
    }
    // Mode Forward, the frame had a tag: tcpdump reads VID 7.
    let bytes = with_addresses("", "e0082007 0800");
    assert_eq!(whole(LinkType(284), &bytes).vlan.to_string(), "7");
}

#[test]
fn what_is_no_such_tag_is_told_by_its_number() {
    for (content, kind) in [
        ("8909 0201 00010064 0800", NonIp::EtherType(0x8909)),
        ("8909 0100 00010064 0800", NonIp::EtherType(0x8909)),
        ("d28b 0001 0030 5e0b1234 00000001 0800", NonIp::EtherType(0xd28b)),
        ("d28b cafe 0001 0000 0000 0800", NonIp::EtherType(0xd28b)),
        ("dada 0001 c0080005 0800", NonIp::EtherType(0xdada)),
        ("8874 00000001 4500", NonIp::EtherType(0x8874)),
    ] {
        // The packet's checksum is wrong: with a right one it would be a tag that is not known.
        let bytes = with_addresses("", content);
        assert_eq!(non_ip(&ethernet(&bytes)), kind, "{content}");
        assert!(ethernet(&bytes).stop.is_some());
    }
}

#[test]
fn aristas_mirrors_by_gre() {
    let frame = inner_eth(0x0800, &udp_packet());
    for head in ["0007 0001 0001000200030000", "0008 0001 00010002", "0009 0111 0001000200030000 5e0b1234 00000001"] {
        let bytes = outer(47, &gre(0xd28b, &join(&[&hex(head), &frame])));
        assert_inside(&bytes, "gre");
    }
    // Metadata of a mirror stand in GRE's key, before the frame.
    let keyed = outer(47, &join(&[&hex("2000 88be 00640001"), &frame]));
    assert_plain(&ethernet(&keyed));
}

#[test]
fn the_network_service_header_says_what_it_carries() {
    let (ip, frame) = (udp_packet(), inner_eth(0x0800, &udp_packet()));
    let path = "00000103";
    for (head, content) in [("0fc2 0201", &ip), ("0fc2 0203", &frame), ("0fc3 0201", &ip)] {
        let metadata = if head.contains("c3") { "00000000" } else { "" };
        let bytes = eth(0x894f, &join(&[&hex(head), &hex(path), &hex(metadata), content]));
        assert_plain(&ethernet(&bytes));
    }
    // Metadata of type 1 have 16 bytes, and the header 24.
    let bytes = eth(0x894f, &join(&[&hex("0fc6 0103"), &hex(path), &[0; 16], &frame]));
    assert_plain(&ethernet(&bytes));
    let vxlan_gpe = outer(17, &udp(50000, 4790, &join(&[&hex("0c000004 00000500 0fc2 0203"), &hex(path), &frame])));
    assert_plain(&ethernet(&vxlan_gpe));
    for (head, reason) in [("4fc2 0203", StopReason::BadVersion), ("0fc5 0103", StopReason::BadLength)] {
        let bytes = eth(0x894f, &join(&[&hex(head), &hex(path), &frame]));
        assert_eq!(ethernet(&bytes).stop, stop(StopLayer::Nsh, reason));
    }
}

#[test]
fn a_packet_tap_names_its_link_type() {
    let head = |length: u32, kind: u32, link: u32, name: &[u8; 4]| {
        let mut bytes = [length, kind, link].map(u32::to_le_bytes).concat();
        bytes.extend(name);
        bytes.resize(108, 0);
        bytes
    };
    let frame = eth(0x0800, &udp_packet());
    for link in [258, 149] {
        let bytes = join(&[&head(108, 1, 1, b"en0\0"), &frame]);
        assert_plain(&whole(LinkType(link), &bytes));
        let bytes = join(&[&head(108, 1, 12, b"utun"), &udp_packet()]);
        assert_plain(&whole(LinkType(link), &bytes));
    }
    // Not that: a length that does not fit, a name that is none, a link type that is not known.
    let twins = [
        head(107, 1, 1, b"en0\0"),
        head(2000, 1, 1, b"en0\0"),
        head(108, 1, 1, b"\0\0\0\0"),
        head(108, 1, 300, b"en0\0"),
    ];
    for head in twins {
        let bytes = join(&[&head, &frame]);
        assert_eq!(non_ip(&whole(LinkType(149), &bytes)), NonIp::LinkType(149));
    }
    assert_eq!(whole(LinkType(258), &head(2000, 1, 1, b"en0\0")).stop, stop(StopLayer::Pktap, StopReason::BadLength));
}
