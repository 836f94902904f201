//! CAPWAP's data channel and the GRE of wireless controllers.

use super::build::*;
use super::*;
use crate::decode::may_be_tunnel;

/// An 802.11 data frame from the distribution system, with the packet.
pub(super) fn wlan_frame() -> Vec<u8> {
    join(&[&hex("0802 0000 0200000000b2 020000000009 0200000000b1 0000 aaaa03 000000 0800"), &udp_packet()])
}

fn datagram(header: &str, content: &[u8]) -> Vec<u8> {
    outer(17, &udp(50000, 5247, &join(&[&hex(header), content])))
}

#[track_caller]
fn assert_outside(bytes: &[u8]) {
    let packet = ethernet(bytes);
    assert_eq!((ports(&packet), packet.stop), ((50000, 5247), None));
    assert!(packet.encapsulations.is_empty());
}

#[test]
fn the_frame_of_an_access_point_is_read() {
    let (wlan, frame) = (wlan_frame(), inner_eth(0x0800, &udp_packet()));
    let mut exchanged = wlan.clone();
    exchanged.swap(0, 1);
    // Length 8 and binding 1: 802.11 (T is set), its frame control in either order, and 802.3.
    assert_inside(&datagram("00100300 00000000", &wlan), "capwap");
    assert_inside(&datagram("00100300 00000000", &exchanged), "capwap");
    assert_inside(&datagram("00100200 00000000", &frame), "capwap");
    // With the radio's address (M), with wireless information (W), with both.
    assert_inside(&datagram("00200310 00000000 06 020000000009 00", &wlan), "capwap");
    assert_inside(&datagram("00200320 00000000 04 c3 2d 0001 000000", &wlan), "capwap");
    assert_inside(&datagram("00300330 00000000 06 020000000009 00 04 c3 2d 0001 000000", &wlan), "capwap");
    // The controller sends from its port.
    let down = outer(17, &udp(5247, 40000, &join(&[&hex("00100300 00000000"), &wlan])));
    assert_plain(&ethernet(&down));
    assert!(may_be_tunnel(5247, 40000) && may_be_tunnel(40000, 5247) && !may_be_tunnel(40000, 5246));
}

#[test]
fn of_a_fragmented_frame_the_first_part_is_read() {
    let whole = join(&[
        &hex("0802 0000 0200000000b2 020000000009 0200000000b1 0000 aaaa03 000000 0800"),
        &ipv4(17, &udp(40000, 5683, &[7; 100])),
    ]);
    let first = datagram("00100380 00050000", &whole[..80]);
    let packet = ethernet(&first);
    assert_eq!((ports(&packet), packet.stop), ((40000, 5683), None));
    let Transport::Udp { payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
    assert_eq!((payload.len(), payload_len), (80 - 32 - 28, 100));
    assert_outside(&datagram("001003c0 00050050", &whole[80..]));
}

#[test]
fn what_is_under_dtls_is_told_and_not_opened() {
    let record = hex("01000000 17 fefd 0001 000000000001 0010 00112233445566778899aabbccddeeff");
    let bytes = datagram("", &record);
    let packet = ethernet(&bytes);
    assert_eq!((ports(&packet), packet.stop), ((50000, 5247), stop(StopLayer::Capwap, StopReason::Encrypted)));
    let encrypted = join(&[&hex("0842 0000"), &wlan_frame()[4..]]);
    let bytes = datagram("00100300 00000000", &encrypted);
    assert_eq!(non_ip(&ethernet(&bytes)), NonIp::EncryptedWlan);
}

#[test]
fn a_datagram_to_the_port_that_is_none_stays_what_it_is() {
    let (wlan, frame) = (wlan_frame(), inner_eth(0x0800, &udp_packet()));
    for (header, content) in [
        ("00100308 00000000", &wlan),  // keep-alive
        ("00100301 00000000", &wlan),  // a reserved bit
        ("00080300 00000000", &wlan),  // length 4
        ("00100310 00000000", &wlan),  // the radio's address, and no room for it
        ("00f80300 00000000", &frame), // longer than the datagram
        ("00100500 00000000", &wlan),  // another binding
        ("10100300 00000000", &wlan),  // version 1
        ("02000000 17fefd00", &wlan),  // an unknown preamble
        ("01000000 17030300", &wlan),  // the preamble of DTLS, and TLS behind it
        ("00100200 00000000", &hex("0200000000b2 0200000000b1 0800 6000")),
    ] {
        assert_outside(&datagram(header, content));
    }
    assert_outside(&datagram("", b"hello"));
}

#[test]
fn arubas_gre_carries_802_11() {
    for protocol in [0x8200, 0x8250, 0x8370] {
        let bytes = outer(47, &gre(protocol, &wlan_frame()));
        assert_plain(&ethernet(&bytes));
    }
    for protocol in [0x8201, 0x8380, 0x81f0] {
        let bytes = outer(47, &gre(protocol, &wlan_frame()));
        let packet = ethernet(&bytes);
        assert_eq!((ip(&packet).protocol, packet.stop), (47, None));
    }
}
