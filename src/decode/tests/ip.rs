//! IPv4, IPv6, extension headers, fragments, odd lengths, quotes.

use super::build::*;
use super::*;
use crate::decode::{Fragment, Quoted, quoted};

fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    eth(0x86dd, &ipv6(next, payload))
}

/// Next header, offset in units of 8 bytes, more, identification.
fn fragment_header(next: u8, offset: u16, more: bool, identification: u32) -> Vec<u8> {
    let field = (offset << 3) | u16::from(more);
    join(&[&[next, 0], &field.to_be_bytes(), &identification.to_be_bytes()])
}

#[test]
fn ipv4_options_are_stepped_over() {
    let bytes = eth(0x0800, &ipv4_with(&hex("94040000"), 0, 2, &hex("16000000")));
    let packet = ethernet(&bytes);
    assert_eq!((ip(&packet).protocol, packet.stop), (2, None));
    assert!(matches!(ip(&packet).transport, Transport::Other([0x16, 0, 0, 0])));
    assert_eq!(ip(&packet).identification, 0x1234);
}

#[test]
fn addresses_are_kept_where_options_are_cut() {
    let bytes = eth(0x0800, &ipv4_with(&[1; 40], 0, 6, &tcp(1, 2, 0, &[], b"")));
    let packet = decode(&frame(LinkType::ETHERNET, &bytes[..40], bytes.len()));
    assert_eq!(ip(&packet).source, address("10.0.0.1"));
    assert_eq!(packet.stop, stop(StopLayer::Ipv4, StopReason::CutBySnapLength));
}

#[test]
fn total_length_0_is_segmentation_offload() {
    let mut datagram = ipv4(6, &tcp(1, 2, 0x18, &[], &[7; 70_000 - 40][..0]));
    datagram[2..4].copy_from_slice(&[0, 0]);
    datagram.resize(70_000, 7);
    let bytes = eth(0x0800, &datagram);
    let packet = ethernet(&bytes);
    let Transport::Tcp { payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
    assert_eq!((payload.len(), payload_len, packet.stop), (69_960, 69_960, None));
}

#[test]
fn a_total_length_beyond_the_frame_is_named_and_the_rest_read() {
    let mut datagram = udp_packet();
    datagram[3] += 1;
    let bytes = eth(0x0800, &datagram);
    let packet = ethernet(&bytes);
    assert_eq!(ports(&packet), (40000, 5683));
    assert_eq!((packet.is_sliced, packet.stop), (false, stop(StopLayer::Ipv4, StopReason::BadLength)));
}

#[test]
fn a_frame_that_ends_before_what_ip_and_its_datagram_count_was_cut_before_the_capture() {
    for (protocol, datagram) in [(6, tcp(1, 2, 0x18, &[], b"a payload")), (17, udp(1, 2, b"a payload"))] {
        for bytes in [eth(0x0800, &ipv4(protocol, &datagram)), eth(0x86dd, &ipv6(protocol, &datagram))] {
            let all = ethernet(&bytes);
            let headers = bytes.len() - b"a payload".len();
            for captured in headers - 4..bytes.len() {
                let sliced = ethernet(&bytes[..captured]);
                // What may be a check sequence is no payload.
                let told = captured.saturating_sub(4).max(captured.min(headers));
                let snapped = decode(&frame(LinkType::ETHERNET, &bytes[..told], bytes.len()));
                assert!(sliced.is_sliced && !snapped.is_sliced && !all.is_sliced, "{sliced:?}");
                assert_eq!(Packet { is_sliced: false, ..sliced }, snapped);
            }
        }
    }
}

#[test]
fn header_lengths_that_cannot_be() {
    let mut short = udp_packet();
    short[0] = 0x44;
    let mut inside_header = udp_packet();
    inside_header[2..4].copy_from_slice(&[0, 19]);
    for datagram in [short, inside_header] {
        let bytes = eth(0x0800, &datagram);
        let packet = ethernet(&bytes);
        assert!(matches!(packet.network, Network::Unreached));
        assert_eq!(packet.stop, stop(StopLayer::Ipv4, StopReason::BadLength));
    }
    let bytes = eth(0x0800, &udp_packet()[..19]);
    assert_eq!(ethernet(&bytes).stop, stop(StopLayer::Ipv4, StopReason::TooShort));
    let bytes = eth(0x86dd, &ipv6(17, b"")[..39]);
    assert_eq!(ethernet(&bytes).stop, stop(StopLayer::Ipv6, StopReason::TooShort));
}

#[test]
fn ipv4_fragments_have_ports_only_at_offset_0() {
    let first = eth(0x0800, &ipv4_with(&[], 0x2000, 17, &udp(1, 2, &[0; 16])[..16]));
    let packet = ethernet(&first);
    assert_eq!(ip(&packet).fragment, Some(Fragment { offset: 0, more: true, length: 16 }));
    assert_eq!(ports(&packet), (1, 2));
    let Transport::Udp { payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
    // The UDP length speaks of the whole datagram: no contradiction.
    assert_eq!((payload.len(), payload_len, packet.stop), (8, 8, None));

    let later = eth(0x0800, &ipv4_with(&[], 0x0002, 17, &[9; 8]));
    let packet = ethernet(&later);
    assert_eq!(ip(&packet).fragment, Some(Fragment { offset: 16, more: false, length: 8 }));
    assert!(matches!(ip(&packet).transport, Transport::Other([9, ..])));
    assert_eq!(packet.stop, None);
    // "Don't fragment" is no fragment.
    let whole = eth(0x0800, &ipv4_with(&[], 0x4000, 17, &udp(1, 2, b"")));
    assert_eq!(ip(&ethernet(&whole)).fragment, None);
}

#[test]
fn a_first_fragment_too_small_for_its_header_has_ports() {
    let syn = tcp(40000, 80, 2, &[1; 20], b"");
    let bytes = eth(0x0800, &ipv4_with(&[], 0x2000, 6, &syn[..8]));
    let packet = ethernet(&bytes);
    assert_eq!(ports(&packet), (40000, 80));
    assert_eq!(packet.stop, stop(StopLayer::Tcp, StopReason::TooShort));
    let bytes = eth(0x0800, &ipv4_with(&[], 0x2000, 6, &syn[..24]));
    assert_eq!(ethernet(&bytes).stop, stop(StopLayer::Tcp, StopReason::TooShort));
}

#[test]
fn a_first_fragment_that_was_padded_has_no_payload() {
    let mut bytes = eth(0x0800, &ipv4_with(&[], 0x2000, 17, &udp(1, 2, &[0; 100])[..8]));
    bytes.resize(60, 0xee);
    let packet = ethernet(&bytes);
    assert!(matches!(ip(&packet).transport, Transport::Udp { payload: [], payload_len: 0, .. }));
    assert_eq!((ports(&packet), packet.stop), ((1, 2), None));
}

#[test]
fn extension_headers_are_followed_to_the_last() {
    let datagram = udp(12345, 54321, b"x");
    let chain = join(&[
        &hex("2b00 010400000000"),                                    // hop-by-hop, then routing
        &hex("3c02 0000 00000000 20010db8000000000000000000000009"),  // routing, then destination options
        &hex("3301 010c 0000000000000000 00000000"), // destination options of 16 bytes, then authentication
        &hex("8704 0000 00000001 00000001 000000000000000000000000"), // authentication of 24 bytes, then mobility
        &hex("8c00 0000 00000000"),                  // mobility, then shim6
        &hex("1100 0000 00000000"),                  // shim6, then UDP
        &datagram,
    ]);
    let bytes = v6(0, &chain);
    let packet = ethernet(&bytes);
    assert_eq!((ip(&packet).protocol, ports(&packet), packet.stop), (17, (12345, 54321), None));
}

#[test]
fn an_authentication_header_stands_in_ipv4_as_well() {
    let header = hex("1104 0000 00000001 00000001 000000000000000000000000");
    let bytes = eth(0x0800, &ipv4(51, &join(&[&header, &udp(1, 2, b"")])));
    assert_eq!(ports(&ethernet(&bytes)), (1, 2));
    let bytes = eth(0x0800, &ipv4(51, &hex("1100 0000 00000001 00000001")));
    assert_eq!(ethernet(&bytes).stop, stop(StopLayer::Ipv6Extension, StopReason::BadLength));
}

#[test]
fn headers_that_are_the_message_give_their_own_number() {
    for number in [135, 139, 140] {
        let bytes = v6(number, &hex("3b00 0500 00000000"));
        let packet = ethernet(&bytes);
        assert_eq!((ip(&packet).protocol, packet.stop), (number, None));
    }
    let mut nothing = v6(59, b"");
    nothing.resize(60, 0xee);
    let packet = ethernet(&nothing);
    assert!(matches!(ip(&packet).transport, Transport::Other([])));
    assert_eq!((ip(&packet).protocol, packet.stop), (59, None));
}

#[test]
fn an_extension_header_beyond_the_packet_stops_with_the_addresses_known() {
    let bytes = v6(0, &hex("3aff 010400000000"));
    let packet = ethernet(&bytes);
    assert_eq!((ip(&packet).source, ip(&packet).protocol), (address("2001:db8::1"), 0));
    assert_eq!(packet.stop, stop(StopLayer::Ipv6Extension, StopReason::TooShort));
}

#[test]
fn ipv6_fragments_atomic_ones_and_nested_ones() {
    let datagram = udp(1, 2, &[0; 16]);
    let of = |headers: &[&[u8]], rest: &[u8]| v6(44, &join(&[&headers.concat(), rest]));

    let atomic = of(&[&fragment_header(17, 0, false, 7)], &datagram);
    let packet = ethernet(&atomic);
    assert_eq!((ip(&packet).fragment, ip(&packet).identification, ports(&packet)), (None, 7, (1, 2)));

    let first = of(&[&fragment_header(17, 0, true, 7)], &datagram[..16]);
    let packet = ethernet(&first);
    assert_eq!(ip(&packet).fragment, Some(Fragment { offset: 0, more: true, length: 16 }));
    assert_eq!((ports(&packet), packet.stop), ((1, 2), None));

    let later = of(&[&fragment_header(17, 2, false, 7)], &datagram[16..]);
    let packet = ethernet(&later);
    assert_eq!(ip(&packet).fragment, Some(Fragment { offset: 16, more: false, length: 8 }));
    assert_eq!((ip(&packet).protocol, packet.stop), (17, None));
    assert!(matches!(ip(&packet).transport, Transport::Other(_)));

    // The outermost header is what the receiver puts together first.
    let headers = [fragment_header(44, 0, true, 7), fragment_header(44, 0, true, 8), fragment_header(17, 0, true, 9)];
    let nested = of(&[&headers[0], &headers[1], &headers[2]], &datagram);
    let packet = ethernet(&nested);
    assert_eq!((ip(&packet).identification, ports(&packet)), (7, (1, 2)));
    let inner_later = of(&[&headers[0], &fragment_header(17, 5, false, 8)], &datagram);
    let packet = ethernet(&inner_later);
    assert_eq!(ip(&packet).fragment, Some(Fragment { offset: 0, more: true, length: 32 }));
    assert!(matches!(ip(&packet).transport, Transport::Other(_)));
}

#[test]
fn a_jumbograms_length_is_in_its_option() {
    let content = 70_000_usize;
    let mut udp_header = udp(1, 2, b"");
    udp_header[4..6].copy_from_slice(&[0, 0]);
    let length = u32::try_from(8 + 8 + content).unwrap();
    let options = join(&[&hex("1100 c204"), &length.to_be_bytes()]);
    let mut bytes = v6(0, &join(&[&options, &udp_header]));
    bytes[18..20].copy_from_slice(&[0, 0]);
    bytes.resize(bytes.len() + content, 7);
    bytes.extend([0xee; 4]); // a trailer
    let packet = ethernet(&bytes);
    let Transport::Udp { payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
    assert_eq!((payload.len(), payload_len, packet.stop), (content, 70_000, None));
}

#[test]
fn an_ipv6_payload_length_of_0_is_offload_for_tcp_and_nothing_for_others() {
    let mut tcp_frame = v6(6, &tcp(1, 2, 0x10, &[], b"segment"));
    let mut fragment = v6(44, &fragment_header(17, 0, true, 7));
    for bytes in [&mut tcp_frame, &mut fragment] {
        bytes[18..20].copy_from_slice(&[0, 0]);
    }
    let packet = ethernet(&tcp_frame);
    assert!(matches!(ip(&packet).transport, Transport::Tcp { payload: b"segment", payload_len: 7, .. }));
    assert_eq!(ethernet(&fragment).stop, stop(StopLayer::Ipv6Extension, StopReason::TooShort));
}

#[test]
fn an_ipv6_length_beyond_the_frame_is_named() {
    let mut bytes = v6(17, &udp(1, 2, b"abc"));
    bytes[19] += 1;
    let packet = ethernet(&bytes);
    assert_eq!((ports(&packet), packet.is_sliced), ((1, 2), false));
    assert_eq!(packet.stop, stop(StopLayer::Ipv6, StopReason::BadLength));
}

#[test]
fn icmp_errors_quote_the_packet_that_failed() {
    let quote = |payload: &[u8], v6| quoted(&join(&[&[0; 4], payload]), v6);
    let base = Quoted {
        source: address("10.0.0.1"),
        destination: address("10.0.0.2"),
        protocol: 17,
        ports: Some((40000, 5683)),
        icmp_type: None,
    };
    let packet = udp_packet();
    assert_eq!(quote(&packet, false), Some(base));
    assert_eq!(quote(&packet[..24], false), Some(base));
    assert_eq!(quote(&packet[..23], false), Some(Quoted { ports: None, ..base }));
    assert_eq!(quote(&packet[..19], false), None);
    assert_eq!(quote(&packet, true), None);
    assert_eq!(quoted(&[0; 3], false), None);

    let later = ipv4_with(&hex("94040000"), 0x0005, 17, &[0; 8]);
    assert_eq!(quote(&later, false), Some(Quoted { ports: None, ..base }));
    let echo = ipv4(1, &hex("0800 0000 00010001"));
    assert_eq!(quote(&echo, false), Some(Quoted { ports: None, protocol: 1, icmp_type: Some(8), ..base }));

    let base = Quoted { source: address("2001:db8::1"), destination: address("2001:db8::2"), ..base };
    let chained = ipv6(0, &join(&[&hex("3c00 010400000000"), &hex("1100 010400000000"), &udp(40000, 5683, b"")]));
    assert_eq!(quote(&chained, true), Some(base));
    let later = ipv6(44, &join(&[&fragment_header(17, 5, false, 1), &[0; 8]]));
    assert_eq!(quote(&later, true), Some(Quoted { ports: None, ..base }));
    assert_eq!(quote(&chained[..50], true), Some(Quoted { ports: None, protocol: 60, ..base }));
}
