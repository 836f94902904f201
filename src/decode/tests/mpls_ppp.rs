//! MPLS, PPP and PPPoE.

use super::build::*;
use super::*;
use crate::decode::MacAddr;

/// A stack of labels, the last with the bottom bit.
fn labels(count: usize) -> Vec<u8> {
    let mut bytes = hex("0001d040").repeat(count - 1);
    bytes.extend(hex("0001d140"));
    bytes
}

#[test]
fn labels_of_any_number_before_ip() {
    for count in [1, 2, 9] {
        let bytes = eth(0x8847, &join(&[&labels(count), &udp_packet()]));
        let packet = ethernet(&bytes);
        assert_plain(&packet);
        assert_eq!(packet.source_mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
        let bytes = eth(0x8848, &join(&[&labels(count), &ipv6(17, &udp(1, 2, b""))]));
        assert_eq!(ports(&ethernet(&bytes)), (1, 2));
    }
}

#[test]
fn mpls_in_one_direction_is_one_pair_of_endpoints() {
    let there = eth(0x8847, &join(&[&labels(1), &udp_packet()]));
    let back = eth(0x0800, &ipv4_from(["10.0.0.2", "10.0.0.1"], &[], 0, 17, &udp(5683, 40000, b"world")));
    let (there, back) = (ethernet(&there), ethernet(&back));
    assert_eq!((ip(&there).source, ip(&there).destination), (ip(&back).destination, ip(&back).source));
    assert_eq!(ports(&there), (ports(&back).1, ports(&back).0));
    assert_eq!(there.vlan, back.vlan);
}

#[test]
fn a_pseudowire_with_and_without_control_word() {
    let inner = inner_eth(0x0800, &udp_packet());
    let with = eth(0x8847, &join(&[&labels(1), &hex("00000007"), &inner]));
    let without = eth(0x8847, &join(&[&labels(1), &inner]));
    // Without a control word, addresses that begin like an IP version.
    let misleading = |first: &str| {
        let frame = join(&[&hex(first), &hex("0000000002 020000000001 0800"), &udp_packet()]);
        eth(0x8847, &join(&[&labels(1), &frame]))
    };
    for bytes in [with, without, misleading("44"), misleading("60"), misleading("00"), misleading("ac")] {
        let packet = ethernet(&bytes);
        assert_plain(&packet);
        assert!(packet.encapsulations.is_empty());
    }
}

#[test]
fn pseudowires_nest_without_end() {
    let mut bytes = inner_eth(0x0800, &udp_packet());
    for _ in 0..200 {
        bytes = eth(0x8847, &join(&[&labels(1), &hex("00000000"), &bytes]));
    }
    assert_plain(&ethernet(&bytes));
}

#[test]
fn what_labels_carry_beside_is_counted_as_mpls() {
    let channel = eth(0x8847, &join(&[&labels(1), &hex("10000007 20c00318")]));
    assert_eq!(non_ip(&ethernet(&channel)), NonIp::EtherType(0x8847));
    let endless = eth(0x8847, &hex("0001d040 0001d040"));
    assert_eq!(ethernet(&endless).stop, stop(StopLayer::Mpls, StopReason::TooShort));
}

#[test]
fn ppp_framings() {
    let ip = udp_packet();
    for (link, head) in [
        (LinkType::PPP, "ff03 0021"),
        (LinkType::PPP, "0021"),
        (LinkType::PPP, "21"),
        (LinkType::PPP, "ff03 21"),
        (LinkType::PPP, "0f00 0800"),
        (LinkType::PPP_HDLC, "ff03 0021"),
        (LinkType::PPP_HDLC, "8f00 0800"),
        (LinkType::C_HDLC, "0f00 0800"),
        (LinkType::C_HDLC, "ff03 0021"),
        (LinkType(166), "00 03 0021"),
        (LinkType(204), "01 ff03 0021"),
        (LinkType(51), "1100 0001 0023 0021"),
        (LinkType::PPP, "ff03 0281 0001d140"),
    ] {
        let bytes = join(&[&hex(head), &ip]);
        assert_plain(&whole(link, &bytes));
    }
    let bytes = join(&[&hex("ff03 0057"), &ipv6(17, &udp(1, 2, b""))]);
    assert_eq!(ports(&whole(LinkType::PPP, &bytes)), (1, 2));
    let bytes = join(&[&hex("ff03 0031 0001"), &inner_eth(0x0800, &ip)]);
    assert_plain(&whole(LinkType::PPP, &bytes));
    assert_eq!(non_ip(&whole(LinkType::PPP, &hex("ff03 c021 0101 0004"))), NonIp::Ppp(0xc021));
    assert_eq!(non_ip(&whole(LinkType::C_HDLC, &hex("8f00 8035 00000002"))), NonIp::EtherType(0x8035));
    assert_eq!(whole(LinkType::PPP, &hex("ff03 00")).stop, stop(StopLayer::Ppp, StopReason::TooShort));
}

#[test]
fn pppoe_sessions_under_tags() {
    let session = join(&[&hex("1100 0012 0023 0021"), &udp_packet(), &hex("eeee")]);
    let bytes = eth(0x88a8, &join(&[&tag(100, 0x8100), &tag(200, 0x8864), &session]));
    let packet = ethernet(&bytes);
    assert_plain(&packet);
    assert_eq!(packet.vlan.to_string(), "100.200");
    let control = eth(0x8864, &hex("1100 0012 0006 c021 0901 0004"));
    assert_eq!(non_ip(&ethernet(&control)), NonIp::Ppp(0xc021));
    let wrong = eth(0x8864, &hex("2100 0012 0006 0021"));
    assert_eq!(ethernet(&wrong).stop, stop(StopLayer::Pppoe, StopReason::BadVersion));
}
