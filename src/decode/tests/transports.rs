//! TCP, UDP, ICMP: lengths that lie and headers that are cut.

use super::build::*;
use super::*;
use crate::decode::{TcpFlags, tcp_numbers};

const SYN: u8 = TcpFlags::SYN;

#[test]
fn tcp_options_are_no_payload() {
    let bytes = eth(0x0800, &ipv4(6, &tcp(40000, 80, SYN, &hex("020405b4"), b"GET")));
    let packet = ethernet(&bytes);
    let Transport::Tcp {
        source_port: 40000,
        destination_port: 80,
        flags: TcpFlags(SYN),
        numbers: Some([1, 2, 3, 4, ..]),
        window: _,
        checksum: 0xcafe,
        options: [2, 4, 5, 0xb4],
        payload: b"GET",
        payload_len: 3,
    } = ip(&packet).transport
    else {
        panic!("{packet:?}");
    };
    assert_eq!(packet.stop, None);
}

#[test]
fn a_tcp_data_offset_that_lies_leaves_ports_and_flags() {
    for offset in [0x00, 0x40, 0xf0] {
        let mut segment = tcp(40000, 80, SYN, &[], b"payload");
        segment[12] = offset;
        let bytes = eth(0x0800, &ipv4(6, &segment));
        let packet = ethernet(&bytes);
        let Transport::Tcp { flags, payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
        assert_eq!((ports(&packet), flags, payload, payload_len), ((40000, 80), TcpFlags(SYN), &[][..], 0));
        assert_eq!(packet.stop, stop(StopLayer::Tcp, StopReason::BadLength));
    }
}

#[test]
fn a_cut_tcp_header_gives_what_is_there() {
    let bytes = eth(0x0800, &ipv4(6, &tcp(40000, 80, SYN, &[1; 12], &[7; 100])));
    for captured in 0..32 {
        let packet = decode(&frame(LinkType::ETHERNET, &bytes[..34 + captured], bytes.len()));
        assert_eq!(packet.stop, stop(StopLayer::Tcp, StopReason::CutBySnapLength), "{captured}");
        match ip(&packet).transport {
            Transport::Other(rest) => assert!(captured < 4 && rest.len() == captured),
            Transport::Tcp { source_port, destination_port, flags, numbers, payload, payload_len, .. } => {
                assert!(captured >= 4 && payload.is_empty());
                assert_eq!((source_port, destination_port), (40000, 80));
                assert_eq!(numbers.map(|numbers| tcp_numbers(numbers)[0]), (captured >= 12).then_some(0x0102_0304));
                assert_eq!(flags.0, if captured >= 14 { SYN } else { 0 });
                // The wire's payload length is known once the header's length is.
                assert_eq!(payload_len, if captured >= 13 { 100 } else { 0 });
            }
            other => panic!("{other:?}"),
        }
    }
    let packet = decode(&frame(LinkType::ETHERNET, &bytes[..34 + 40], bytes.len()));
    let Transport::Tcp { payload, payload_len, .. } = ip(&packet).transport else { panic!("{packet:?}") };
    assert_eq!((payload.len(), payload_len, packet.stop), (8, 100, None));
}

#[test]
fn a_udp_length_shorter_than_the_packet_bounds_the_payload() {
    let mut datagram = udp(1, 2, b"helloworld");
    datagram[5] -= 5;
    let bytes = eth(0x0800, &ipv4(17, &datagram));
    let packet = ethernet(&bytes);
    assert!(matches!(
        ip(&packet).transport,
        Transport::Udp { payload: b"hello", payload_len: 5, checksum: 0xbeef, .. }
    ));
    assert_eq!(packet.stop, None);
}

#[test]
fn a_udp_length_that_lies_leaves_the_ports() {
    for (length, payload) in [(0_u16, &b""[..]), (7, b""), (16, b"hello"), (0xffff, b"hello")] {
        let mut datagram = udp(1, 2, b"hello");
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        let bytes = eth(0x0800, &ipv4(17, &datagram));
        let packet = ethernet(&bytes);
        let Transport::Udp { source_port: 1, destination_port: 2, payload: ours, .. } = ip(&packet).transport else {
            panic!("{packet:?}");
        };
        assert_eq!((ours, packet.stop), (payload, stop(StopLayer::Udp, StopReason::BadLength)), "{length}");
    }
}

#[test]
fn a_cut_udp_header_gives_what_is_there() {
    let bytes = eth(0x0800, &ipv4(17, &udp(1, 2, &[7; 100])));
    for captured in 0..8 {
        let packet = decode(&frame(LinkType::ETHERNET, &bytes[..34 + captured], bytes.len()));
        assert_eq!(packet.stop, stop(StopLayer::Udp, StopReason::CutBySnapLength));
        match ip(&packet).transport {
            Transport::Other(_) => assert!(captured < 4),
            Transport::Udp { source_port: 1, destination_port: 2, payload: b"", payload_len, .. } => {
                assert_eq!(payload_len, if captured >= 6 { 100 } else { 0 });
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn icmp_of_both_families() {
    let bytes = eth(0x0800, &ipv4(1, &hex("0303 abcd 00000000")));
    let packet = ethernet(&bytes);
    assert!(matches!(ip(&packet).transport, Transport::Icmp { kind: 3, code: 3, body: [0, 0, 0, 0] }));
    let bytes = eth(0x86dd, &ipv6(58, &hex("8000 abcd 00010002")));
    let packet = ethernet(&bytes);
    assert!(matches!(ip(&packet).transport, Transport::Icmp { kind: 128, code: 0, body: [0, 1, 0, 2] }));

    let short = eth(0x86dd, &ipv6(58, &hex("8000")));
    let packet = ethernet(&short);
    assert!(matches!(ip(&packet).transport, Transport::Icmp { kind: 128, code: 0, body: [] }));
    assert_eq!(packet.stop, stop(StopLayer::Icmpv6, StopReason::TooShort));
    let shorter = eth(0x0800, &ipv4(1, &hex("03")));
    let packet = ethernet(&shorter);
    assert!(matches!(ip(&packet).transport, Transport::Other([3])));
    assert_eq!(packet.stop, stop(StopLayer::Icmp, StopReason::TooShort));
}

#[test]
fn other_protocols_keep_their_number() {
    for protocol in [2, 50, 89, 112, 132, 253] {
        let bytes = eth(0x0800, &ipv4(protocol, &[1; 8]));
        let packet = ethernet(&bytes);
        assert_eq!((ip(&packet).protocol, packet.stop), (protocol, None));
        assert!(matches!(ip(&packet).transport, Transport::Other([1, ..])));
    }
}
