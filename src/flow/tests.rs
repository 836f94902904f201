//! What payload and copies do to a record.

use super::scene::Scene;
use super::{Flows, Observed};
use crate::capture::Shift;
use crate::decode::{MacAddr, TcpFlags};
use crate::protocol::{Evidence, Protocol};

const CLIENT: &str = "10.0.0.1:40000";

/// What is observed of a scene in two parts.
fn cut(scene: &Scene, at: usize) -> Observed {
    let mut sum = scene.part(0..at);
    sum.absorb(scene.part(at..scene.len()), Shift { input: 0, frames: at as u64 });
    sum.finish()
}

#[test]
fn a_keep_alive_says_nothing_of_the_protocol() {
    let mut scene = Scene::default();
    scene.sequence = Some(1_000);
    // RFC 1122 section 4.2.3.6: one garbage octet.
    for (at, payload) in [(0, &b"\0"[..]), (75_000, b"\0"), (80_000, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")] {
        scene.at(at).tcp(CLIENT, "10.0.0.2:80", TcpFlags::ACK, payload);
    }
    let said = |flows: Flows| {
        let end = flows.view(0).ends[0];
        (end.evidence(Protocol::Http), end.has_payload())
    };
    assert_eq!(said(scene.part(0..3).finish().flows), (Evidence::Conforms, true));
    assert_eq!(said(scene.part(0..1).finish().flows), (Evidence::Unknown, false));
}

#[test]
fn between_two_known_ports_each_protocol_is_looked_for_in_all_parts_alike() {
    let (from, to) = ("10.0.0.1:69", "10.0.0.2:1900");
    let answer = b"HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.9/d\r\nST: ssdp:all\r\nUSN: uuid:1\r\n\r\n";
    let mut scene = Scene::default();
    scene.udp(from, to, answer).at(1_000).udp(from, to, b"\0\x03\0\x01block");
    for found in [cut(&scene, 1), scene.observe()] {
        for protocol in [Protocol::Ssdp, Protocol::Tftp] {
            assert_eq!(found.flows.view(0).ends[0].evidence(protocol), Evidence::Conforms, "{protocol:?}");
        }
    }
}

#[test]
fn a_copy_comes_at_once_and_a_repetition_later() {
    let same = |millis: &[i64], identification| -> u64 {
        let mut scene = Scene::default();
        scene.identification = Some(identification);
        for at in millis {
            scene.at(*at).udp(CLIENT, "10.0.0.2:5683", b"\x40\x01\0\x01");
        }
        scene.observe().flows.view(0).ends.iter().map(|end| end.duplicates()).sum()
    };
    assert_eq!(same(&[0, 0], 7), 1);
    assert_eq!(same(&[0, 0, 1_000, 1_000], 7), 2);
    // A stack that never changes its identification repeats itself after seconds (RFC 7252 section 4.8).
    assert_eq!(same(&[0, 2_000, 6_000, 14_000], 7), 0);
    // With identification 0 the datagram itself tells, and only at once: a repetition has the same bytes.
    assert_eq!(same(&[0, 0, 0], 0), 2);
    assert_eq!(same(&[0, 200], 0), 0);
}

#[test]
fn copies_are_no_retries() {
    // Each frame three times within microseconds, and the SYN once more a second later; IPv6 has no identification.
    let mut scene = Scene::default();
    for at in [0, 0, 0, 1_000, 1_000, 1_000] {
        scene.at(at).tcp("[fd00::1]:40000", "[fd00::2]:80", TcpFlags::SYN, b"");
    }
    // Wherever the capture is cut.
    let parts = (1..scene.len()).map(|at| cut(&scene, at));
    for (at, found) in parts.chain([scene.observe()]).enumerate() {
        let told = found.flows.view(0).ends.map(|end| (end.duplicates(), end.syns(), end.unanswered()));
        assert_eq!(told, [(4, 2, 2), (0, 0, 0)], "{at}");
    }
}

#[test]
fn a_copy_behind_another_packet_is_no_retry_wherever_the_capture_is_cut() {
    let tries = |copied: u16| {
        let mut scene = Scene::default();
        scene.sequence = Some(1_000);
        for (at, identification) in [(0, 1), (1_010, 3), (1_020, 4), (1_050, copied)] {
            scene.identification = Some(identification);
            scene.at(at).tcp(CLIENT, "10.0.0.2:80", TcpFlags::SYN, b"");
        }
        let parts = (1..scene.len()).map(|at| cut(&scene, at));
        parts.chain([scene.observe()]).map(|found| found.flows.view(0).ends[0].unanswered()).collect::<Vec<_>>()
    };
    assert_eq!(tries(3), [3; 4]);
    assert_eq!(tries(5), [4; 4], "it was sent four times");
}

#[test]
fn the_first_byte_of_a_stream_counts_wherever_the_capture_is_cut() {
    let said = |first: &[u8]| {
        let mut scene = Scene::default();
        let rest = &b"GET /level HTTP/1.1\r\nHost: a\r\n\r\n"[if first == b"G" { 1 } else { 0 }..];
        for (at, sequence, flags, payload) in [
            (0, 1_000, TcpFlags::SYN, &b""[..]),
            (3_000, 1_001, TcpFlags::ACK, first),
            (23_000, 1_002, TcpFlags::ACK, rest),
        ] {
            scene.sequence = Some(sequence);
            scene.at(at).tcp(CLIENT, "10.0.0.2:80", flags, payload);
        }
        let parts = (1..scene.len()).map(|at| cut(&scene, at));
        let evidence = |found: Observed| found.flows.view(0).ends[0].evidence(Protocol::Http);
        parts.chain([scene.observe()]).map(evidence).collect::<Vec<_>>()
    };
    assert_eq!(said(b"\0"), [Evidence::Violates; 3]);
    assert_eq!(said(b"G"), [Evidence::Conforms; 3]);
}

#[test]
fn each_request_to_a_directed_broadcast_is_looked_at() {
    let mut scene = Scene::default();
    scene.macs = Some([MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([0xff; 6])]);
    // Two CoAP requests with tokens of their own, as to a multicast group.
    scene.udp(CLIENT, "10.0.0.255:5683", b"\x51\x01\0\x01\xaa").at(1_000);
    scene.udp(CLIENT, "10.0.0.255:5683", b"\x51\x01\0\x02\xbb");
    assert_eq!(scene.observe().side.group_requests().len(), 2);
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
    let (other, request): (&[u8], &[u8]) = (b"anything", b"\0\x01node.bin\0octet\0");
    // Off TFTP's port one pass looks at the first payload only; a part that begins later takes the next for the first.
    for (payloads, named) in [([other, request], None), ([request, other], Some(b"node.bin".to_vec()))] {
        let mut scene = Scene::default();
        for payload in payloads {
            scene.udp(CLIENT, "10.0.0.2:4000", payload);
        }
        assert_eq!(file(&scene.observe()), named);
        assert_eq!(file(&cut(&scene, 1)), named);
    }
}
