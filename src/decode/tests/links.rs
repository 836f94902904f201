//! Ethernet, tags, LLC, cooked captures, raw IP, loopback, Frame Relay, netfilter log.

use super::build::*;
use super::*;
use crate::decode::MacAddr;

#[test]
fn ethernet_gives_addresses_and_cuts_padding() {
    let mut bytes = eth(0x0800, &udp_packet());
    bytes.resize(60, 0xee);
    let packet = ethernet(&bytes);
    assert_plain(&packet);
    assert_eq!(packet.destination_mac, Some(MacAddr([2, 0, 0, 0, 0, 2])));
    assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
    assert!(packet.vlan.is_untagged() && packet.encapsulations.is_empty());
}

#[test]
fn an_original_length_below_the_captured_one_is_ignored() {
    let bytes = eth(0x0800, &udp_packet());
    for wire in [0, 34, bytes.len() - 1] {
        assert_plain(&decode(&frame(LinkType::ETHERNET, &bytes, wire)));
    }
}

#[test]
fn a_jumbo_frame_is_read_whole() {
    let bytes = eth(0x0800, &ipv4(6, &tcp(1, 2, 0x10, &[], &[7; 8960])));
    let packet = ethernet(&bytes);
    assert!(matches!(ip(&packet).transport, Transport::Tcp { payload_len: 8960, .. }));
}

#[test]
fn tags_of_every_type_and_depth_make_the_vlan_path() {
    let ip = udp_packet();
    for (types, path) in [
        (&[0x8100][..], "10"),
        (&[0x88a8, 0x8100], "10.11"),
        (&[0x9100, 0x8100], "10.11"),
        (&[0x9200, 0x9300, 0x8100], "10.11.12"),
        (&[0x8100; 6], "10.11.12.13.14.15"),
    ] {
        let mut bytes = ip.clone();
        let mut next = 0x0800;
        for (i, ether_type) in types.iter().enumerate().rev() {
            bytes = join(&[&tag(10 + i as u16, next), &bytes]);
            next = *ether_type;
        }
        let bytes = eth(next, &bytes);
        let packet = ethernet(&bytes);
        assert_plain(&packet);
        assert_eq!(packet.vlan.to_string(), path);
    }
}

#[test]
fn a_priority_tag_is_vlan_0() {
    let bytes = eth(0x8100, &join(&[&tag(0, 0x0800), &udp_packet()]));
    assert_eq!(ethernet(&bytes).vlan.to_string(), "0");
}

#[test]
fn same_tuple_in_three_vlans_stays_apart() {
    let untagged = eth(0x0800, &udp_packet());
    let one = eth(0x8100, &join(&[&tag(42, 0x0800), &udp_packet()]));
    let two = eth(0x8100, &join(&[&tag(10, 0x8100), &tag(20, 0x0800), &udp_packet()]));
    let paths = [untagged, one, two].map(|bytes| {
        assert_plain(&ethernet(&bytes));
        ethernet(&bytes).vlan.to_string()
    });
    assert_eq!(paths, ["", "42", "10.20"]);
}

#[test]
fn a_cut_tag_keeps_the_identifiers_that_were_read() {
    let bytes = eth(0x8100, &join(&[&tag(10, 0x8100), &tag(20, 0x0800)]));
    let packet = decode(&frame(LinkType::ETHERNET, &bytes[..20], 60));
    assert_eq!(packet.vlan.to_string(), "10.20");
    assert_eq!(packet.stop, stop(StopLayer::Vlan, StopReason::CutBySnapLength));
    let packet = decode(&frame(LinkType::ETHERNET, &bytes[..19], 60));
    assert_eq!(packet.vlan.to_string(), "10");
}

#[test]
fn other_tags_are_stepped_over() {
    let ip = udp_packet();
    // VN-tag (4 bytes), IEEE 802.1BR E-tag (6 bytes), HSR (4 bytes), Cisco's time tag (6 bytes), each before its EtherType.
    for (ether_type, content) in [
        (0x8926, "00010002 0800"),
        (0x893f, "000100020003 0800"),
        (0x892f, "00540001 0800"),
        (0x8988, "00005e0b1234 0800"),
    ] {
        let bytes = eth(ether_type, &join(&[&hex(content), &ip]));
        assert_plain(&ethernet(&bytes));
    }
    let vntag = eth(0x8926, &join(&[&hex("00010002 8100"), &tag(11, 0x0800), &ip]));
    assert_eq!(ethernet(&vntag).vlan.to_string(), "11");
}

#[test]
fn a_backbone_frame_holds_the_customers() {
    let bytes = eth(0x88a8, &join(&[&tag(100, 0x88e7), &hex("00001234"), &inner_eth(0x0800, &udp_packet())]));
    let packet = ethernet(&bytes);
    assert_plain(&packet);
    assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 0xb1])));
    assert!(packet.vlan.is_untagged());
}

#[test]
fn frames_that_are_not_ip_are_named() {
    let arp = hex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002");
    for (ether_type, content, kind) in [
        (0x0806, arp.clone(), NonIp::Arp),
        (0x8035, arp, NonIp::Rarp),
        (0x88cc, hex("0207 04 020000000001"), NonIp::Lldp),
        (0x888e, hex("0101 0000"), NonIp::Eapol),
        (0x8863, hex("1109 0000 0000"), NonIp::PppoeDiscovery),
        (0x8809, hex("0101"), NonIp::SlowProtocols),
        (0x88f7, hex("0002"), NonIp::Ptp),
        (0x8892, hex("00"), NonIp::EtherType(0x8892)),
    ] {
        let bytes = eth(ether_type, &content);
        let packet = ethernet(&bytes);
        assert_eq!((non_ip(&packet), packet.stop), (kind, None));
    }
}

#[test]
fn what_may_have_ip_behind_it_stops() {
    let unsupported = |layer| stop(layer, StopReason::Unsupported);
    for (ether_type, content, kind, stop) in [
        (0x88e5, "2000 00000001", NonIp::Macsec, stop(StopLayer::Macsec, StopReason::Encrypted)),
        (0x8903, "00", NonIp::EtherType(0x8903), unsupported(StopLayer::Ethernet)),
        (
            0x1234,
            "45000014 00000000 40110000 0a000001 0a000002",
            NonIp::EtherType(0x1234),
            unsupported(StopLayer::Ethernet),
        ),
        (5, "9a9a03 0100", NonIp::Llc(0x9a), unsupported(StopLayer::Llc)),
        (8, "aaaa03 0a0b0c 1234", NonIp::Snap(0x0a_0b0c, 0x1234), unsupported(StopLayer::Llc)),
        (0x880b, "003d 0000", NonIp::Ppp(0x3d), unsupported(StopLayer::Ppp)),
    ] {
        let bytes = eth(ether_type, &hex(content));
        let packet = ethernet(&bytes);
        assert_eq!((non_ip(&packet), packet.stop), (kind, stop), "{ether_type:04x}");
        assert_eq!(kind.unread().map(|layer| layer.stop), packet.stop);
    }
}

#[test]
fn a_tag_that_is_not_known_is_told_by_the_ip_behind_it() {
    let v4 = hex("45000014 00000000 4011 66d7 0a000001 0a000002");
    let v6 = ipv6(17, &udp(1, 2, b"hello"));
    let unknown_tag = (NonIp::UnknownTag(0x1234), stop(StopLayer::Vlan, StopReason::Unsupported));
    for tag in [&[][..], &[0xaa; 4], &[0xbb; 7], &[0xcc; 40]] {
        for padding in [0, 26] {
            let bytes = eth(0x1234, &join(&[tag, &hex("0800"), &v4, &vec![0; padding]]));
            let packet = ethernet(&bytes);
            assert_eq!((non_ip(&packet), packet.stop), unknown_tag, "{tag:x?}");
            let bytes = eth(0x1234, &join(&[tag, &hex("86dd"), &v6, &vec![0; padding]]));
            assert_eq!(non_ip(&ethernet(&bytes)), unknown_tag.0, "{tag:x?}");
        }
    }
    // Its twins: a wrong checksum, a length that does not end with the frame, no IP EtherType before IPv6, too far away.
    let wrong_sum = hex("0800 45000014 00000000 4011 66d8 0a000001 0a000002");
    let too_long = join(&[&hex("0800"), &v4, &[0; 65]]);
    let no_type = join(&[&hex("0801"), &v6]);
    let too_far = join(&[&[0; 64], &hex("0800"), &v4]);
    for content in [wrong_sum, too_long, no_type, too_far] {
        let bytes = eth(0x1234, &content);
        assert_eq!(non_ip(&ethernet(&bytes)), NonIp::EtherType(0x1234));
    }
}

#[test]
fn a_cut_arp_is_arp_all_the_same() {
    let bytes = eth(0x0806, &hex("0001 0800 06 04 0001 0200"));
    let packet = ethernet(&bytes);
    assert_eq!((non_ip(&packet), packet.stop), (NonIp::Arp, stop(StopLayer::Arp, StopReason::TooShort)));
}

#[test]
fn llc_and_snap_carry_ip_and_the_rest_is_named() {
    let ip = udp_packet();
    let snap = join(&[&hex("aaaa03 000000 0800"), &ip]);
    let plain = join(&[&hex("060603"), &ip]);
    let bridged = join(&[&hex("aaaa03 0080c2 0007"), &inner_eth(0x0800, &ip)]);
    for content in [snap, plain, bridged] {
        let mut bytes = eth(content.len() as u16, &content);
        bytes.resize(80, 0xee);
        assert_plain(&ethernet(&bytes));
    }
    for (content, kind) in [
        ("424203 0000", NonIp::Stp),
        ("aaaa03 00000c 2000", NonIp::Cdp),
        ("aaaa03 00000c 010b", NonIp::Stp),
        ("aaaa03 080007 809b", NonIp::Snap(0x080007, 0x809b)),
        ("ffff 0022 0000", NonIp::Llc(0xff)),
        ("fefe03 0100", NonIp::Llc(0xfe)),
        ("828203 0100", NonIp::Llc(0x82)),
    ] {
        let content = hex(content);
        let bytes = eth(content.len() as u16, &content);
        let packet = ethernet(&bytes);
        assert_eq!((non_ip(&packet), packet.stop), (kind, None));
    }
}

#[test]
fn a_frame_shorter_than_its_header_stops() {
    let packet = decode(&frame(LinkType::ETHERNET, &[2, 0, 0, 0, 0, 2, 2, 0], 78));
    assert!(matches!(packet.network, Network::Unreached));
    assert_eq!(packet.destination_mac, Some(MacAddr([2, 0, 0, 0, 0, 2])));
    assert_eq!(packet.stop, stop(StopLayer::Ethernet, StopReason::CutBySnapLength));
    assert_eq!(ethernet(&[]).stop, stop(StopLayer::Ethernet, StopReason::TooShort));
}

#[test]
fn cooked_captures() {
    let ip = udp_packet();
    let sll = |hardware: &str, protocol: &str, content: &[u8]| {
        join(&[&hex("0000"), &hex(hardware), &hex("0006 020000000001 0000"), &hex(protocol), content])
    };
    let sll2 = |hardware: &str, protocol: &str, content: &[u8]| {
        join(&[&hex(protocol), &hex("0000 00000003"), &hex(hardware), &hex("00 06 020000000001 0000"), content])
    };
    let mac = Some(MacAddr([2, 0, 0, 0, 0, 1]));
    let tagged = join(&[&tag(7, 0x0800), &ip]);
    for (link, make) in
        [(LinkType::LINUX_SLL, &sll as &dyn Fn(&str, &str, &[u8]) -> Vec<u8>), (LinkType::LINUX_SLL2, &sll2)]
    {
        let bytes = make("0001", "0800", &ip);
        let packet = whole(link, &bytes);
        assert_plain(&packet);
        assert_eq!((packet.source_mac, packet.destination_mac), (mac, None));
        assert_eq!(packet.to_group, Some(false));
        // Packet type 1 is broadcast, 2 multicast: the second byte of version 1, the eleventh of version 2.
        let kind = if link == LinkType::LINUX_SLL { 1 } else { 10 };
        for (packet_type, to_group) in [(1, Some(true)), (2, Some(true)), (3, None), (4, None)] {
            let mut bytes = bytes.clone();
            bytes[kind] = packet_type;
            assert_eq!(whole(link, &bytes).to_group, to_group, "{packet_type}");
        }
        let bytes = make("0001", "8100", &tagged);
        assert_eq!(whole(link, &bytes).vlan.to_string(), "7");
        // ARPHRD_IPGRE (778): the protocol is GRE's; no MAC.
        let bytes = make("030a", "0800", &ip);
        assert_plain(&whole(link, &bytes));
        assert_eq!(whole(link, &bytes).source_mac, None);
        let bytes = make("0001", "0004", &hex("424203"));
        assert_eq!(non_ip(&whole(link, &bytes)), NonIp::Stp);
        let bytes = make("0001", "0001", &hex("ffff"));
        assert_eq!(non_ip(&whole(link, &bytes)), NonIp::EtherType(1));
        // ARPHRD_NETLINK (824).
        let bytes = make("0338", "0000", &ip);
        assert_eq!(non_ip(&whole(link, &bytes)), NonIp::Opaque);
    }
    assert_eq!(whole(LinkType::LINUX_SLL, &[0; 15]).stop, stop(StopLayer::Sll, StopReason::TooShort));
    assert_eq!(whole(LinkType::LINUX_SLL2, &[0; 19]).stop, stop(StopLayer::Sll2, StopReason::TooShort));
}

#[test]
fn raw_ip_goes_by_its_own_version() {
    let (v4, v6) = (udp_packet(), ipv6(17, &udp(1, 2, b"")));
    for link in [LinkType::RAW, LinkType::IPV4, LinkType::IPV6, LinkType(12), LinkType(14)] {
        assert_plain(&whole(link, &v4));
        assert_eq!(ports(&whole(link, &v6)), (1, 2));
    }
    assert_eq!(whole(LinkType::RAW, &[0x50; 40]).stop, stop(StopLayer::Ipv4, StopReason::BadVersion));
}

#[test]
fn loopback_families_in_both_byte_orders() {
    let (v4, v6) = (udp_packet(), ipv6(17, &udp(1, 2, b"")));
    for link in [LinkType::NULL, LinkType::LOOP, LinkType(109)] {
        let rest: &[u8] = if link == LinkType(109) { &[0; 8] } else { &[] };
        for order in [u32::to_le_bytes, u32::to_be_bytes] {
            let bytes = join(&[&order(2), rest, &v4]);
            assert_plain(&whole(link, &bytes));
            for family in [10, 24, 28, 30] {
                let bytes = join(&[&order(family), rest, &v6]);
                assert_eq!(ports(&whole(link, &bytes)), (1, 2), "{link} {family}");
            }
            let bytes = join(&[&order(7), rest, &v4]);
            assert_eq!(non_ip(&whole(link, &bytes)), NonIp::AddressFamily(7));
        }
    }
    // An EtherType in the low half, which NULL is known to hold and LOOP is not.
    let bytes = join(&[&hex("0f000800"), &v4]);
    assert_plain(&whole(LinkType::NULL, &bytes));
    assert!(matches!(whole(LinkType::LOOP, &bytes).network, Network::NonIp(NonIp::AddressFamily(_), _)));
    let bytes = join(&[&hex("ff030021"), &v4]);
    assert_plain(&whole(LinkType::NULL, &bytes));
}

#[test]
fn frame_relay_by_rfc_2427_and_by_cisco() {
    let ip = udp_packet();
    for head in ["1841 03 cc", "1841 03 00 cc", "184041 03 cc", "1841 0800", "1841 03 00 80 000000 0800"] {
        let bytes = join(&[&hex(head), &ip]);
        assert_plain(&whole(LinkType(107), &bytes));
    }
    assert_eq!(non_ip(&whole(LinkType(107), &hex("1841 03 08 51"))), NonIp::Llc(0x08));
}

#[test]
fn nflog_attributes_in_both_byte_orders() {
    let ip = udp_packet();
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        // A packet header attribute (1) of 8 bytes, a prefix (10) of 5 and its padding, the payload (9).
        let bytes = join(&[
            &[2, 0, 0, 0],
            &order(8),
            &order(1),
            &hex("08000000"),
            &order(5),
            &order(10),
            &hex("00000000"),
            &order(4 + ip.len() as u16),
            &order(9),
            &ip,
        ]);
        assert_plain(&whole(LinkType::NFLOG, &bytes));
    }
    assert_eq!(non_ip(&whole(LinkType::NFLOG, &hex("02000000 0800 0100 08000000"))), NonIp::Opaque);
    let lying = hex("02000000 0300 0100 08000000");
    assert_eq!(whole(LinkType::NFLOG, &lying).stop, stop(StopLayer::Nflog, StopReason::BadLength));
}

#[test]
fn an_unknown_link_type_stops_at_once() {
    for link in [256, 283, 32, u16::MAX] {
        assert_eq!(whole(LinkType(link), &[0; 60]).stop, stop(StopLayer::Link, StopReason::Unsupported));
    }
}
