//! What payload and copies do to a record, with packets made by etherparse.

use etherparse::PacketBuilder;

use super::{Flows, Limits, Observation, Observed, Seed};
use crate::capture::{Frame, FrameId, LinkType, Shift, Timestamp};
use crate::protocol::{Evidence, Protocol};

const MILLI: i64 = 1_000_000;
const ONE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const TWO: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A frame's time in milliseconds and its bytes.
type Sample = (i64, Vec<u8>);

fn observe(samples: &[Sample]) -> Observation {
    let mut observation = Observation::new(0, Seed::random(), Limits::default());
    observation.observe(samples.iter().zip(1..).map(|((millis, bytes), number)| Frame {
        id: FrameId::new(0, number),
        time: Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * MILLI),
        link: LinkType::ETHERNET,
        interface: 0,
        original_len: bytes.len() as u32,
        data: bytes,
    }));
    observation
}

fn flows(samples: &[Sample]) -> Flows {
    observe(samples).finish().flows
}

fn ip(identification: u16, destination: [u8; 4]) -> etherparse::IpHeaders {
    let mut header = etherparse::Ipv4Header::new(0, 64, etherparse::IpNumber::UDP, [10, 0, 0, 1], destination).unwrap();
    header.identification = identification;
    etherparse::IpHeaders::Ipv4(header, Default::default())
}

fn udp(to: ([u8; 6], [u8; 4], u16), identification: u16, payload: &[u8]) -> Vec<u8> {
    let (mac, address, port) = to;
    let mut out = Vec::new();
    let packet = PacketBuilder::ethernet2(ONE, mac).ip(ip(identification, address)).udp(40_000, port);
    packet.write(&mut out, payload).unwrap();
    out
}

fn tcp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let packet = PacketBuilder::ethernet2(ONE, TWO).ip(ip(7, [10, 0, 0, 2])).tcp(port, 80, 1_000, 1_000).ack(1);
    packet.write(&mut out, payload).unwrap();
    out
}

#[test]
fn a_keep_alive_says_nothing_of_the_protocol() {
    // RFC 1122 section 4.2.3.6: one garbage octet.
    let probe = tcp(40_000, b"\0");
    let request = tcp(40_000, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let found = flows(&[(0, probe.clone()), (75_000, probe.clone()), (80_000, request)]);
    assert_eq!(found.view(0).ends[0].evidence(Protocol::Http), Evidence::Conforms);
    assert!(found.view(0).ends[0].has_payload());
    let found = flows(&[(0, probe)]);
    assert_eq!(
        (found.view(0).ends[0].evidence(Protocol::Http), found.view(0).ends[0].has_payload()),
        (Evidence::Unknown, false)
    );
}

#[test]
fn between_two_known_ports_each_protocol_is_looked_for_in_all_parts_alike() {
    let between = |identification, payload: &[u8]| {
        let mut out = Vec::new();
        let packet = PacketBuilder::ethernet2(ONE, TWO).ip(ip(identification, [10, 0, 0, 2])).udp(69, 1900);
        packet.write(&mut out, payload).unwrap();
        out
    };
    let answer = b"HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.9/d\r\nST: ssdp:all\r\nUSN: uuid:1\r\n\r\n";
    let samples = [(0, between(1, answer)), (1_000, between(2, b"\0\x03\0\x01block"))];
    let mut parts = observe(&samples[..1]);
    parts.absorb(observe(&samples[1..]), Shift { input: 0, frames: 1 });
    let parts = parts.finish().flows;
    let whole = flows(&samples);
    for found in [&parts, &whole] {
        for protocol in [Protocol::Ssdp, Protocol::Tftp] {
            assert_eq!(found.view(0).ends[0].evidence(protocol), Evidence::Conforms, "{protocol:?}");
        }
    }
}

#[test]
fn a_copy_comes_at_once_and_a_repetition_later() {
    let same = |millis: &[i64], identification| -> u64 {
        let packet = udp((TWO, [10, 0, 0, 2], 5683), identification, b"\x40\x01\0\x01");
        let samples: Vec<Sample> = millis.iter().map(|millis| (*millis, packet.clone())).collect();
        flows(&samples).view(0).ends.iter().map(|end| end.duplicates()).sum()
    };
    assert_eq!(same(&[0, 0], 7), 1);
    assert_eq!(same(&[0, 0, 1_000, 1_000], 7), 2);
    // A stack that never changes its identification repeats itself after seconds (RFC 7252 section 4.8).
    assert_eq!(same(&[0, 2_000, 6_000, 14_000], 7), 0);
    // With identification 0 the datagram itself tells, and only at once: a repetition has the same bytes.
    assert_eq!(same(&[0, 0, 0], 0), 2);
    assert_eq!(same(&[0, 200], 0), 0);
}

/// A SYN from port 40,000 to 80 by IPv6, which has no identification.
fn syn6(sequence: u32) -> Vec<u8> {
    let (a, b) = ([0xfd; 16], [0xfe; 16]);
    let mut out = Vec::new();
    let packet = PacketBuilder::ethernet2(ONE, TWO).ipv6(a, b, 64).tcp(40_000, 80, sequence, 1_000).syn();
    packet.write(&mut out, &[]).unwrap();
    out
}

#[test]
fn copies_are_no_retries() {
    // Each frame three times within microseconds, and the SYN once more a second later.
    let samples: Vec<Sample> = [0, 0, 0, 1_000, 1_000, 1_000].map(|millis| (millis, syn6(7))).into();
    let found = flows(&samples);
    let told = found.view(0).ends.map(|end| (end.duplicates(), end.syns()));
    let syns: Vec<(u64, u16)> = told.into_iter().filter(|end| end.1 > 0).collect();
    assert_eq!(syns, [(4, 2)]);
    // Wherever the capture is cut.
    for cut in 1..samples.len() {
        let mut sum = observe(&samples[..cut]);
        sum.absorb(observe(&samples[cut..]), Shift { input: 0, frames: cut as u64 });
        let found = sum.finish().flows;
        let ends = found.view(0).ends;
        let is_so = ends.iter().any(|end| (end.duplicates(), end.syns(), end.unanswered()) == (4, 2, 2));
        assert!(is_so, "{cut}: {ends:?}");
    }
}

#[test]
fn each_request_to_a_directed_broadcast_is_looked_at() {
    let everyone = ([0xff; 6], [10, 0, 0, 255], 5683);
    // Two CoAP requests with tokens of their own, as to a multicast group.
    let samples = [(0, udp(everyone, 1, b"\x51\x01\0\x01\xaa")), (1_000, udp(everyone, 2, b"\x51\x01\0\x02\xbb"))];
    assert_eq!(observe(&samples).finish().side.group_requests().len(), 2);
}

/// The file that the first flow's client asks for.
fn file(observed: &Observed) -> Option<Vec<u8>> {
    let flow = observed.flows.view(0);
    let [client, server] = &flow.ends;
    let stream = (flow.vlan(), (client.address, client.port), (server.address, server.port));
    observed.side.tftp_file(&stream, client.payload_frame()).map(|file| file.name.to_vec())
}

#[test]
fn only_a_first_payload_names_a_file_wherever_the_capture_is_cut() {
    let read = |identification, payload: &[u8]| (0, udp((TWO, [10, 0, 0, 2], 4_000), identification, payload));
    let (other, request) = (read(1, b"anything"), read(2, b"\0\x01node.bin\0octet\0"));
    // Off TFTP's port one pass looks at the first payload only; a part that begins later takes the next for the first.
    for (samples, named) in [([other.clone(), request.clone()], None), ([request, other], Some(b"node.bin".to_vec()))] {
        assert_eq!(file(&observe(&samples).finish()), named);
        let mut sum = observe(&samples[..1]);
        sum.absorb(observe(&samples[1..]), Shift { input: 0, frames: 1 });
        assert_eq!(file(&sum.finish()), named);
    }
}
