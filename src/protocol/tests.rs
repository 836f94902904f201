//! Vectors from the standards' own examples, and bytes that must not be taken for a protocol.

use super::*;

const UDP: Transport = Transport::Udp;
const TCP: Transport = Transport::Tcp;
/// A port that is nobody's.
const EPHEMERAL: u16 = 53_211;
/// Another one.
const ELSEWHERE: u16 = 40_404;

fn whole(transport: Transport, port: u16, payload: &[u8]) -> Inspection {
    inspect(transport, EPHEMERAL, port, payload, payload.len() as u32)
}

/// What the evidence for one protocol is.
fn evidence(inspection: Inspection, protocol: Protocol) -> Evidence {
    match (inspection.conforms & protocol.bit() != 0, inspection.violates & protocol.bit() != 0) {
        (true, false) => Evidence::Conforms,
        (false, true) => Evidence::Violates,
        (false, false) => Evidence::Unknown,
        (true, true) => panic!("{} both conforms and violates", protocol.name()),
    }
}

/// Hex with spaces to bytes.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 9001 appendix A.2, the first bytes of the protected packet; padded as it is there.
fn quic_initial() -> Vec<u8> {
    let mut packet = hex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11");
    packet.resize(1200, 0x55);
    packet
}

fn dhcp_discover() -> Vec<u8> {
    let mut packet = hex("01 01 06 00 39 03 f3 26");
    packet.resize(236, 0);
    packet.extend(hex("63 82 53 63 35 01 01 ff"));
    packet
}

/// What, transport, its own port, bytes, protocol, whether it is known on any port, whether it asks.
type Vector = (&'static str, Transport, u16, Vec<u8>, Protocol, bool, bool);

fn vectors() -> Vec<Vector> {
    use Protocol::*;
    vec![
        // RFC 2348 (blksize) and RFC 1350 section 5.
        ("tftp rrq", UDP, 69, b"\0\x01foobar\0octet\0blksize\x001432\0".to_vec(), Tftp, true, true),
        ("tftp wrq", UDP, 69, b"\0\x02file\0NetASCII\0".to_vec(), Tftp, true, true),
        ("tftp oack", UDP, 69, b"\0\x06blksize\x001432\0".to_vec(), Tftp, true, false),
        ("tftp error", UDP, 69, b"\0\x05\0\x01File not found\0".to_vec(), Tftp, true, false),
        ("tftp data", UDP, 69, b"\0\x03\0\x01hello".to_vec(), Tftp, false, false),
        ("tftp ack", UDP, 69, b"\0\x04\0\x01".to_vec(), Tftp, false, false),
        ("tftp ack, filled up", UDP, 69, b"\0\x04\0\x01\0\0\0".to_vec(), Tftp, false, false),
        // RFC 7252 appendix A, figures 17, 19, 20 and 21.
        ("coap get", UDP, 5683, b"\x40\x01\x7d\x34\xbbtemperature".to_vec(), Coap, true, true),
        ("coap get with token", UDP, 5683, b"\x41\x01\x7d\x35\x20\xbbtemperature".to_vec(), Coap, true, true),
        ("coap 2.05", UDP, 5683, b"\x60\x45\x7d\x34\xff22.3 C".to_vec(), Coap, false, false),
        ("coap separate 2.05", UDP, 5683, b"\x41\x45\xad\x7b\x74\xff22.3 C".to_vec(), Coap, false, true),
        ("coap empty ack", UDP, 5683, b"\x60\x00\xad\x7b".to_vec(), Coap, false, false),
        // UPnP Device Architecture 2.0 sections 1.2.2, 1.3.2, 1.3.3.
        (
            "ssdp search",
            UDP,
            1900,
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 3\r\nST: ssdp:all\r\n\r\n"
                .to_vec(),
            Ssdp,
            true,
            false,
        ),
        ("ssdp notify", UDP, 1900, b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n".to_vec(), Ssdp, true, false),
        ("ssdp answer", UDP, 1901, b"HTTP/1.1 200 OK\r\nEXT:\r\n\r\n".to_vec(), Ssdp, true, false),
        // ASHRAE 135 Annex J.2: Who-Is as a global broadcast, Register-Foreign-Device, and a
        // confirmed ReadProperty (Annex F.3.5) as Original-Unicast-NPDU.
        ("bacnet who-is", UDP, 47808, hex("81 0b 00 0c 01 20 ff ff 00 ff 10 08"), Bacnet, true, false),
        ("bacnet register", UDP, 47808, hex("81 05 00 06 00 3c"), Bacnet, true, true),
        (
            "bacnet read property",
            UDP,
            47808,
            hex("81 0a 00 11 01 04 00 05 01 0c 0c 00 00 00 05 19 55"),
            Bacnet,
            true,
            true,
        ),
        // RFC 9110 section 3.9 (the example of RFC 9112 section 2).
        ("http get", TCP, 80, b"GET /hello.txt HTTP/1.1\r\nHost: www.example.com\r\n\r\n".to_vec(), Http, true, false),
        ("http answer", TCP, 80, b"HTTP/1.1 200 OK\r\nServer: Apache\r\n\r\n".to_vec(), Http, true, false),
        ("http/2 preface", TCP, 80, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), Http, true, false),
        // RFC 9112 section 3: any token is a method.
        ("http method of its own", TCP, 80, b"REBOOT /now HTTP/1.1\r\n\r\n".to_vec(), Http, true, false),
        ("upnp subscribe", TCP, 1901, b"SUBSCRIBE /event HTTP/1.1\r\nHOST: 10.0.0.9:1901\r\n\r\n".to_vec(), Upnp, true, false),
        // RFC 8448 section 3.
        ("tls client hello", TCP, 443, hex("16 03 01 00 c4 01 00 00 c0 03 03 cb 34 ec b1"), Tls, true, false),
        ("tls server hello", TCP, 443, hex("16 03 03 00 5a 02 00 00 56 03 03 a6 af 06 a4"), Tls, true, false),
        ("tls refusal", TCP, 443, hex("15 03 03 00 02 02 28"), Tls, false, false),
        // RFC 4253 section 4.2.
        ("ssh", TCP, 22, b"SSH-2.0-billsSSH_3.6.3q3\r\n".to_vec(), Ssh, true, false),
        // RFC 1035: www.example.com A IN; over TCP with its length.
        (
            "dns query",
            UDP,
            53,
            b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01".to_vec(),
            Dns,
            true,
            true,
        ),
        (
            "dns over tcp",
            TCP,
            53,
            b"\0\x21\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01".to_vec(),
            Dns,
            true,
            false,
        ),
        ("mdns", UDP, 5353, b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ipp\x04_tcp\x05local\0\0\x0c\x80\x01".to_vec(), Mdns, false, false),
        // MS-SMB2 section 4.1 and MS-CIFS: the protocol identifiers.
        // RFC 4120 section 7.2.2 and 5.4.1: a request for a ticket, its lengths as tshark reads them.
        ("kerberos", TCP, 88, hex("00 00 00 e1 6a 81 de 30 81 db a1 03 02 01 05 a2 03 02 01 0a"), Kerberos, true, false),
        ("smb1", TCP, 445, b"\0\0\0\x2f\xffSMB\x72\0\0\0\0".to_vec(), Smb, true, false),
        ("smb2", TCP, 445, b"\0\0\0\x6c\xfeSMB\x40\0\0\0\0".to_vec(), Smb, true, false),
        // MS-RDPBCGR section 4.1.1 and 4.1.2.
        (
            "rdp request",
            TCP,
            3389,
            [hex("03 00 00 2c 27 e0 00 00 00 00 00"), b"Cookie: mstshash=eltons\r\n".to_vec(), hex("01 00 08 00 00 00 00 00")]
                .concat(),
            Rdp,
            true,
            false,
        ),
        ("rdp confirm", TCP, 3389, hex("03 00 00 13 0e d0 00 00 12 34 00 02 00 08 00 00 00 00 00"), Rdp, true, false),
        // MQTT 3.1.1 section 3.1.2.
        ("mqtt connect", TCP, 1883, b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04igor".to_vec(), Mqtt, true, false),
        ("mqtt connack", TCP, 1883, hex("20 02 00 00"), Mqtt, false, false),
        // MODBUS Application Protocol section 6.3: read holding registers 108 to 110.
        ("modbus read", TCP, 502, hex("15 01 00 00 00 06 ff 03 00 6b 00 03"), Modbus, true, false),
        ("modbus answer", TCP, 502, hex("15 01 00 00 00 09 ff 03 06 02 2b 00 00 00 64"), Modbus, false, false),
        // RFC 5905 figure 8: version 4, client.
        ("ntp", UDP, 123, [vec![0x23], vec![0; 47]].concat(), Ntp, false, true),
        // RFC 1157 section 3.2.6.1's GetRequest, encoded.
        (
            "snmp get",
            UDP,
            161,
            hex("30 29 02 01 00 04 06 70 75 62 6c 69 63 a0 1c 02 04 00 00 00 01 02 01 00 02 01 00 30 0e 30 0c 06 08 2b 06 01 02 01 01 03 00 05 00"),
            Snmp,
            true,
            true,
        ),
        ("dhcp discover", UDP, 67, dhcp_discover(), Dhcp, true, false),
        ("quic initial", UDP, 443, quic_initial(), Quic, true, true),
    ]
}

#[test]
fn examples_of_the_standards_conform_on_their_port() {
    for (what, transport, port, bytes, protocol, _, asks) in vectors() {
        let inspection = whole(transport, port, &bytes);
        assert_eq!(evidence(inspection, protocol), Evidence::Conforms, "{what}");
        assert_eq!(inspection.asks, asks, "{what}");
        assert_eq!(name(inspection.conforms, transport, EPHEMERAL, port), Some(protocol), "{what}");
    }
}

#[test]
fn strong_signatures_are_known_on_any_port_and_weak_ones_are_not() {
    for (what, transport, _, bytes, protocol, anywhere, _) in vectors() {
        let inspection = whole(transport, ELSEWHERE, &bytes);
        let expected = if anywhere { Evidence::Conforms } else { Evidence::Unknown };
        assert_eq!(evidence(inspection, protocol), expected, "{what}");
        let protocol = if protocol == Protocol::Upnp { Protocol::Http } else { protocol };
        assert_eq!(name(inspection.conforms, transport, EPHEMERAL, ELSEWHERE), anywhere.then_some(protocol), "{what}");
    }
}

#[test]
fn another_protocols_bytes_violate_the_vendors_seven() {
    let vendor = [
        (Protocol::Tftp, UDP, 69),
        (Protocol::Coap, UDP, 5683),
        (Protocol::Ssdp, UDP, 1900),
        (Protocol::Upnp, TCP, 1900),
        (Protocol::Bacnet, UDP, 47808),
        (Protocol::Http, TCP, 80),
        (Protocol::Tls, TCP, 443),
    ];
    for (expected, transport, port) in vendor {
        for (what, of, _, bytes, protocol, _, _) in vectors() {
            let of_http = |protocol| matches!(protocol, Protocol::Http | Protocol::Upnp);
            if of != transport || protocol == expected || (of_http(protocol) && of_http(expected)) {
                continue;
            }
            let found = evidence(whole(transport, port, &bytes), expected);
            assert_eq!(found, Evidence::Violates, "{what} as {}", expected.name());
        }
    }
}

#[test]
fn a_payload_cut_by_the_snap_length_violates_nothing_that_its_tail_could_mend() {
    for (what, transport, port, bytes, protocol, _, _) in vectors() {
        for cut in 1..bytes.len() {
            let inspection = inspect(transport, EPHEMERAL, port, &bytes[..cut], bytes.len() as u32);
            assert_ne!(evidence(inspection, protocol), Evidence::Violates, "{what} cut to {cut}");
        }
    }
}

#[test]
fn a_tcp_segment_may_end_anywhere() {
    for (what, transport, port, bytes, protocol, _, _) in vectors() {
        if transport == TCP {
            for cut in 1..bytes.len() {
                let inspection = whole(transport, port, &bytes[..cut]);
                assert_ne!(evidence(inspection, protocol), Evidence::Violates, "{what} ends after {cut}");
            }
        }
    }
}

#[test]
fn broken_messages_violate_their_protocol() {
    let broken: [(&str, Transport, u16, &[u8], Protocol); 27] = [
        ("opcode 0", UDP, 69, b"\0\0ab", Protocol::Tftp),
        ("opcode 7", UDP, 69, b"\0\x07ab", Protocol::Tftp),
        ("a request without NULs", UDP, 69, b"\0\x01firmware.bin", Protocol::Tftp),
        ("a request without a mode's NUL", UDP, 69, b"\0\x01firmware.bin\0octet", Protocol::Tftp),
        ("DATA of 3 bytes", UDP, 69, b"\0\x03\0", Protocol::Tftp),
        ("ACK with more behind it", UDP, 69, b"\0\x04\0\x01\x01", Protocol::Tftp),
        ("one byte", UDP, 69, b"\0", Protocol::Tftp),
        ("version 0", UDP, 5683, b"\0\x01\x7d\x34", Protocol::Coap),
        ("version 2", UDP, 5683, b"\x80\x01\x7d\x34", Protocol::Coap),
        ("token length 9", UDP, 5683, b"\x49\x01\x7d\x34123456789", Protocol::Coap),
        ("token longer than the message", UDP, 5683, b"\x48\x01\x7d\x341234", Protocol::Coap),
        ("class 1", UDP, 5683, b"\x40\x21\x7d\x34", Protocol::Coap),
        ("class 7", UDP, 5683, b"\x40\xe1\x7d\x34", Protocol::Coap),
        ("empty with bytes behind it", UDP, 5683, b"\x60\x00\x7d\x34\xff1", Protocol::Coap),
        ("empty with options", UDP, 5683, b"\x61\x00\x7d\x341\xb1a", Protocol::Coap),
        ("marker without payload", UDP, 5683, b"\x60\x45\x7d\x34\xff", Protocol::Coap),
        ("option length 15", UDP, 5683, b"\x40\x01\x7d\x34\xbf1234", Protocol::Coap),
        ("option past the end", UDP, 5683, b"\x40\x01\x7d\x34\xb5temp", Protocol::Coap),
        ("a request in an acknowledgement", UDP, 5683, b"\x60\x01\x7d\x34", Protocol::Coap),
        ("a reset with a code", UDP, 5683, b"\x70\x45\x7d\x34", Protocol::Coap),
        ("BVLC function 0x0D", UDP, 47808, b"\x81\x0d\0\x04", Protocol::Bacnet),
        ("a length that lies", UDP, 47808, b"\x81\x05\0\x07\0\x3c", Protocol::Bacnet),
        ("NPDU version 2", UDP, 47808, b"\x81\x0b\0\x08\x02\0\x10\x08", Protocol::Bacnet),
        ("SMTP", TCP, 80, b"220 mail.example.com ESMTP ready\r\n", Protocol::Http),
        ("SSH with a comment", TCP, 80, b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3\r\n", Protocol::Http),
        ("an SSDP word on TCP 443", TCP, 443, b"NOTIFY * HTTP/1.1\r\n\r\n", Protocol::Tls),
        ("a record of 40,000 bytes", TCP, 443, b"\x16\x03\x01\x9c\x40\x01", Protocol::Tls),
    ];
    for (what, transport, port, bytes, protocol) in broken {
        assert_eq!(evidence(whole(transport, port, bytes), protocol), Evidence::Violates, "{what}");
    }
}

#[test]
fn sloppy_but_possible_messages_are_unknown() {
    let possible: [(&str, Transport, u16, &[u8], Protocol); 12] = [
        // The next four stand in real captures.
        (
            "a BVLC length of another message",
            UDP,
            47808,
            b"\x81\x0a\0\x11\x01\x04\x50\x01\x14\x91\x05\x91\x1a",
            Protocol::Bacnet,
        ),
        ("an empty acknowledgement with its token", UDP, 5683, b"\x65\x00\x30\xb742283", Protocol::Coap),
        ("HTTP/0.9's answer", TCP, 80, b"<html>\n\t<head>", Protocol::Http),
        ("a keep-alive's byte", TCP, 80, b"\0", Protocol::Http),
        ("a mode of their own", UDP, 69, b"\0\x01file\0fast\0", Protocol::Tftp),
        ("an error code of their own", UDP, 69, b"\0\x05\0\x63odd\0", Protocol::Tftp),
        ("empty line before the request", TCP, 80, b"\r\nGET / HTTP/1.1\r\n", Protocol::Http),
        ("the beginning of a method", TCP, 80, b"GE", Protocol::Http),
        ("HTTP/0.9", TCP, 80, b"GET index.html\r\n", Protocol::Http),
        ("SSLv2's greeting", TCP, 443, b"\x80\x2e\x01\x03\x01\0\x15", Protocol::Tls),
        ("application data", TCP, 443, b"\x17\x03\x03\0\x20abcdef", Protocol::Tls),
        ("another handshake message", TCP, 443, b"\x16\x03\x03\0\x20\x0b\0\0\x1c", Protocol::Tls),
    ];
    for (what, transport, port, bytes, protocol) in possible {
        assert_eq!(evidence(whole(transport, port, bytes), protocol), Evidence::Unknown, "{what}");
    }
}

#[test]
fn l2tpv3_is_not_named_tftp_nor_the_reverse() {
    // RFC 3931 section 4.1.2: an L2TPv3 data message over UDP begins `00 03`.
    let l2tp = b"\0\x03\0\0\x12\x34\x56\x78\xff\x03";
    assert_eq!(inspect(UDP, 1701, 1701, l2tp, 10).conforms, 0);
    let tag = Tag::from_raw(inspect(UDP, 1701, 1701, l2tp, 10).tag);
    assert_eq!(tag, Tag::Tftp { opcode: TftpOpcode::Data, number: 0, options: false });
}

#[test]
fn formats_that_others_borrow_are_told_by_their_ports() {
    let query = b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
    let named = |from, to| name(inspect(UDP, from, to, query, query.len() as u32).conforms, UDP, from, to);
    assert_eq!(named(137, 137), None, "NetBIOS names");
    assert_eq!(named(5353, 53), Some(Protocol::Dns), "a resolver that asks from mDNS's port");
    assert_eq!(named(5353, 5353), Some(Protocol::Mdns));
    // RFC 9000 section 15: a version that only provokes negotiation.
    let mut reserved = quic_initial();
    reserved[1..5].copy_from_slice(&[0x0a, 0x1a, 0x2a, 0x3a]);
    assert_eq!(name(whole(UDP, 443, &reserved).conforms, UDP, EPHEMERAL, 443), Some(Protocol::Quic));
}

#[test]
fn tags_say_what_relations_need() {
    let tag = |port, bytes: &[u8]| Tag::from_raw(whole(UDP, port, bytes).tag);
    assert_eq!(
        tag(69, b"\0\x01foobar\0octet\0blksize\x001432\0"),
        Tag::Tftp { opcode: TftpOpcode::ReadRequest, number: 0, options: true }
    );
    assert_eq!(
        tag(ELSEWHERE, b"\0\x04\x01\x02"),
        Tag::Tftp { opcode: TftpOpcode::Acknowledgment, number: 258, options: false }
    );
    assert_eq!(
        tag(ELSEWHERE, b"\0\x05\0\x05Unknown transfer ID\0"),
        Tag::Tftp { opcode: TftpOpcode::Error, number: 5, options: false }
    );
    assert_eq!(
        tag(5683, b"\x51\x01\x7d\x35\x20\xbbtemperature"),
        Tag::Coap { kind: CoapKind::Request, confirmable: false, token: Tag::coap_token(&[0x20]) }
    );
    for (mx, expected) in [("MX: 3", 3), ("mx:120", 120), ("MX: 900", 120), ("MX: 0", 1), ("ST: x", 1), ("MX: no", 1)] {
        let search = format!("M-SEARCH * HTTP/1.1\r\n{mx}\r\n\r\n");
        assert_eq!(tag(1900, search.as_bytes()), Tag::Ssdp { kind: SsdpKind::Search, mx: expected }, "{mx}");
    }
    assert_eq!(tag(67, &dhcp_discover()), Tag::Dhcp { message: 1 });
}

#[test]
fn locations_are_read_from_answers_and_notifications_only() {
    let answer = |location: &str| format!("HTTP/1.1 200 OK\r\nEXT:\r\nLocation: {location}\r\n\r\n");
    for (url, expected) in [
        ("http://192.168.1.9:49152/desc.xml", Some("192.168.1.9:49152")),
        ("HTTP://192.168.1.9/", Some("192.168.1.9:80")),
        ("https://192.168.1.9", Some("192.168.1.9:443")),
        ("http://[fe80::1%25eth0]:1900/d", Some("[fe80::1]:1900")),
        ("http://printer.local:80/", None),
        ("http://192.168.1.9:99999/", None),
        ("ftp://192.168.1.9/", None),
        ("192.168.1.9", None),
    ] {
        assert_eq!(ssdp::location(answer(url).as_bytes()), expected.map(|s| s.parse().unwrap()), "{url}");
    }
    assert!(ssdp::location(b"NOTIFY * HTTP/1.1\nLOCATION:http://10.0.0.2:1901/x\n\n").is_some());
    assert_eq!(ssdp::location(b"M-SEARCH * HTTP/1.1\r\nLOCATION: http://10.0.0.2/\r\n\r\n"), None);
}

#[test]
fn names_in_requests_are_borrowed_and_bounded() {
    assert_eq!(tftp::file_name(b"\0\x01fw/node.bin\0octet\0"), Some((&b"fw/node.bin"[..], false)));
    assert_eq!(tftp::file_name(b"\0\x02log"), Some((&b"log"[..], true)));
    assert_eq!(tftp::file_name(b"\0\x03\0\x01"), None);
    let long = [&b"\0\x01"[..], &[b'a'; 600]].concat();
    assert_eq!(tftp::file_name(&long).map(|(name, _)| name.len()), Some(255));
    assert_eq!(tftp::error_message(b"\0\x05\0\x01File not found\0"), Some((1, &b"File not found"[..])));
    assert_eq!(tftp::error_message(b"\0\x05\0\x08"), Some((8, &b""[..])), "some leave the message out");
    assert_eq!(
        tftp::error_message(&[&b"\0\x05\0\0"[..], &[b'a'; 600]].concat()).map(|(_, text)| text.len()),
        Some(255)
    );
    for other in [&b"\0\x05\0\x09x\0"[..], b"\0\x05\x01\x01x\0", b"\0\x05\0", b"\0\x03\0\x01x", b""] {
        assert_eq!(tftp::error_message(other), None, "{other:?}");
    }
}

#[test]
fn where_several_fit_the_port_decides_the_name() {
    let both = Protocol::Http.bit() | Protocol::Upnp.bit();
    assert_eq!(name(both, TCP, EPHEMERAL, 1900), Some(Protocol::Upnp));
    assert_eq!(name(both, TCP, EPHEMERAL, 80), Some(Protocol::Http));
    assert_eq!(name(both, TCP, EPHEMERAL, 8080), Some(Protocol::Http));
    assert_eq!(name(Protocol::Ssdp.bit() | Protocol::Upnp.bit(), UDP, 1900, EPHEMERAL), Some(Protocol::Ssdp));
    let coap_or_dns = Protocol::Coap.bit() | Protocol::Dns.bit();
    assert_eq!(name(coap_or_dns, UDP, EPHEMERAL, 5683), Some(Protocol::Coap));
    assert_eq!(name(0, UDP, EPHEMERAL, 69), None);
}

/// A small generator, so that a failure repeats (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Rates over random bytes stand in docs/payload-evidence.md; this holds the claim that none is
/// named on an undocumented port.
#[test]
fn random_bytes_on_undocumented_ports_are_nothing() {
    let mut random = Random(0x1905_2bac_4711_0069);
    let mut buffer = [0_u8; 96];
    for round in 0..200_000 {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
        let length = 1 + random.next() as usize % buffer.len();
        for transport in [TCP, UDP] {
            let found = inspect(transport, EPHEMERAL, ELSEWHERE, &buffer[..length], length as u32);
            assert_eq!(found.conforms, 0, "round {round}: {:02x?}", &buffer[..length]);
        }
    }
}

/// How often random bytes conform on the ports of each protocol themselves; docs/payload-evidence.md
/// has the figures of a longer run.
#[test]
fn random_bytes_rarely_conform_even_on_a_protocols_own_port() {
    const ROUNDS: usize = 40_000;
    let mut random = Random(0x0069_1900_1901_5683);
    let mut hits = [0_usize; Protocol::ALL.len()];
    let mut buffer = [0_u8; 96];
    for _ in 0..ROUNDS {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
        }
        let payload = &buffer[..1 + random.next() as usize % buffer.len()];
        for (protocol, hits) in Protocol::ALL.into_iter().zip(&mut hits) {
            let conforms = |transport| whole(transport, protocol.ports()[0], payload).conforms & protocol.bit() != 0;
            *hits += usize::from(conforms(UDP) || conforms(TCP));
        }
    }
    let rate = |protocol: Protocol| hits[protocol as usize] as f64 / ROUNDS as f64;
    for protocol in Protocol::ALL {
        println!("{:8} {:.5} %", protocol.name(), rate(protocol) * 100.0);
        let bound = match protocol {
            // Little more than a version and a mode.
            Protocol::Ntp => 0.3,
            Protocol::Coap => 0.02,
            Protocol::Dhcp => 0.001,
            _ => 0.0005,
        };
        assert!(rate(protocol) <= bound, "{}: {}", protocol.name(), rate(protocol));
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_inspected_without_contradiction(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        extra in 0_u32..400,
        ports in proptest::sample::select(vec![69, 5683, 1900, 47808, 80, 443, 53, 123, 161, 67, 547, 1883, 502, 3389, 9]),
        tcp in proptest::prelude::any::<bool>(),
    ) {
        let transport = if tcp { TCP } else { UDP };
        let found = inspect(transport, EPHEMERAL, ports, &bytes, (bytes.len() as u32 + extra).saturating_sub(200));
        proptest::prop_assert_eq!(found.conforms & found.violates, 0);
        let _ = (ssdp::location(&bytes), tftp::file_name(&bytes));
        proptest::prop_assert_eq!(Tag::from_raw(found.tag).raw(), found.tag);
    }

    /// An example with a byte changed, cut anywhere, violates nothing that the whole does not.
    #[test]
    fn a_cut_proves_no_violation_that_the_whole_does_not(
        which in 0..vectors().len(),
        change in (0_usize..64, proptest::prelude::any::<u8>()),
        cut in 0_usize..128,
        elsewhere in proptest::prelude::any::<bool>(),
    ) {
        let (what, transport, port, mut bytes, ..) = vectors().swap_remove(which);
        let at = change.0 % bytes.len();
        bytes[at] = change.1;
        let port = if elsewhere { ELSEWHERE } else { port };
        let whole = whole(transport, port, &bytes);
        let part = inspect(transport, EPHEMERAL, port, &bytes[..cut.min(bytes.len())], bytes.len() as u32);
        proptest::prop_assert_eq!(part.violates & !whole.violates, 0, "{} cut to {}", what, cut);
        proptest::prop_assert_eq!(whole.conforms & whole.violates, 0, "{}", what);
    }
}

/// The quick answer of the hot loop is what the protocols' files say.
#[test]
fn udp_ports_call_for_the_protocols_that_say_so() {
    for port in 0..=u16::MAX {
        let said = Protocol::ALL
            .into_iter()
            .zip(&SPECS)
            .filter(|(protocol, spec)| spec.udp.vendor && spec.ports.contains(&port) && *protocol != Protocol::Upnp);
        assert_eq!(by_udp_port(port), said.map(|(protocol, _)| protocol.bit()).sum::<u32>(), "{port}");
    }
}
