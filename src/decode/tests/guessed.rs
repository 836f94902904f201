//! Tunnels that are entered only where what they carry proves them: GTP-U and L2TPv3.

use super::build::*;
use super::*;

fn checked() -> Vec<u8> {
    ipv4_checked(17, &udp(40000, 5683, b"hello"))
}

#[track_caller]
fn assert_outside(bytes: &[u8]) {
    let packet = ethernet(bytes);
    assert_eq!((ip(&packet).source, packet.stop), (address("192.0.2.1"), None));
    assert!(packet.encapsulations.is_empty());
}

fn gtp(flags: u8, kind: u8, more: &str, content: &[u8]) -> Vec<u8> {
    let rest = join(&[&hex(more), content]);
    let length = (rest.len() as u16).to_be_bytes();
    outer(17, &udp(2152, 2152, &join(&[&[flags, kind], &length, &hex("00000001"), &rest])))
}

/// One of each, for cutting and damaging; beside them the headers that always say what they carry.
pub(super) fn samples() -> Vec<(u16, Vec<u8>)> {
    let (ip, frame) = (checked(), inner_eth(0x0800, &checked()));
    let mut packet_tap = [108_u32, 1, 1].map(u32::to_le_bytes).concat();
    packet_tap.extend(b"en0");
    packet_tap.resize(108, 0);
    vec![
        (1, gtp(0x34, 255, "0000 00 85 01 0009 00", &ip)),
        (1, outer(115, &join(&[&hex("00000007 0011223344556677"), &frame]))),
        (1, outer(17, &udp(1701, 1701, &join(&[&hex("0003 0000 00000007"), &frame])))),
        (1, eth(0x894f, &join(&[&hex("0fc2 0201 00000103"), &ip]))),
        (258, join(&[&packet_tap, &frame])),
        (149, join(&[&packet_tap, &frame])),
    ]
}

#[test]
fn gtp_u_with_a_packet_that_fills_it() {
    let ip = checked();
    assert_inside(&gtp(0x30, 255, "", &ip), "gtp-u");
    // A sequence number; an extension header of type 0x85 (PDU session container, 4 bytes) and the end of the chain.
    assert_inside(&gtp(0x32, 255, "0001 00 00", &ip), "gtp-u");
    assert_inside(&gtp(0x34, 255, "0000 00 85 01 0009 00", &ip), "gtp-u");
    let bytes = gtp(0x30, 255, "", &ipv6(17, &udp(1, 2, b"hello")));
    assert_eq!((around(&ethernet(&bytes)).len(), ports(&ethernet(&bytes))), (1, (1, 2)));
}

#[test]
fn what_is_no_gtp_u_packet_stays_a_datagram() {
    let ip = checked();
    let wrong_sum = udp_packet();
    for bytes in [
        gtp(0x30, 1, "", &ip),                        // an echo request
        gtp(0x50, 255, "", &ip),                      // version 2
        gtp(0x20, 255, "", &ip),                      // GTP prime
        gtp(0x38, 255, "", &ip),                      // the reserved bit
        gtp(0x30, 255, "", &wrong_sum),               // no right checksum
        gtp(0x30, 255, "0000", &ip),                  // no packet where it should begin
        gtp(0x34, 255, "0000 00 85 00 0009 00", &ip), // an extension header without a length
        outer(17, &udp(2152, 2152, &ip)),
    ] {
        assert_outside(&bytes);
    }
}

#[test]
fn l2tpv3_with_a_frame_behind_whatever_was_agreed_on() {
    let frames = [inner_eth(0x0800, &checked()), join(&[&inner_eth(0x8100, &tag(30, 0x0800))[..], &checked()])];
    for frame in &frames {
        for before in ["", "40000001", "0011223344556677", "0011223344556677 40000001"] {
            let content = join(&[&hex("00000007"), &hex(before), frame]);
            assert_inside(&outer(115, &content), "l2tpv3");
            let over_udp = udp(1701, 1701, &join(&[&hex("0003 0000"), &content]));
            assert_inside(&outer(17, &over_udp), "l2tpv3");
        }
    }
    let arp = inner_eth(0x0806, &hex("0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002"));
    let bytes = outer(115, &join(&[&hex("00000007"), &arp]));
    assert_eq!(non_ip(&ethernet(&bytes)), NonIp::Arp);
}

#[test]
fn what_is_no_l2tpv3_frame_stays_what_it_is() {
    let frame = inner_eth(0x0800, &checked());
    assert_outside(&outer(115, &join(&[&hex("00000000"), &frame]))); // a control message
    assert_outside(&outer(115, &join(&[&hex("00000007"), &inner_eth(0x0800, &udp_packet())]))); // a wrong checksum
    assert_outside(&outer(115, &join(&[&hex("00000007 01"), &frame]))); // no length that could be agreed on
    assert_outside(&outer(17, &udp(1701, 1701, &join(&[&hex("0002 0000 00000007"), &frame])))); // version 2
    assert_outside(&outer(17, &udp(1701, 1701, &join(&[&hex("8003 0000 00000007"), &frame])))); // a control message
}
