//! The known traps of captures, each shown by a small file of its own, from the bytes to flows.csv.

use std::net::Ipv4Addr;

use super::command::{folder, run};
use crate::traffic::file::Tape;
use crate::traffic::frame::{self, ACK, ICMP, SYN, Segment, TCP, Tag, UDP, V4};
use crate::traffic::wire::SECOND;

const A: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A record: the frame as captured and its original length.
type Record = (Vec<u8>, u32);

fn whole(frame: Vec<u8>) -> Record {
    let length = frame.len() as u32;
    (frame, length)
}

fn file(records: &[Record]) -> Vec<u8> {
    let mut tape = Tape::default();
    for (second, (frame, original)) in (1_700_000_000..).zip(records) {
        tape.push(second * SECOND, frame.clone());
        tape.records.last_mut().unwrap().original = *original;
    }
    tape.pcap()
}

fn ethernet(tags: &[Tag], ether_type: u16, content: &[u8]) -> Vec<u8> {
    frame::ethernet([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1], tags, ether_type, content)
}

fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, fragment: u16, content: &[u8]) -> Vec<u8> {
    frame::ipv4(source, destination, protocol, V4 { id: 7, ttl: 64, fragment, ..V4::default() }, content)
}

fn udp(source: Ipv4Addr, from: u16, destination: Ipv4Addr, to: u16, payload: &[u8]) -> Vec<u8> {
    ipv4(source, destination, UDP, 0, &frame::udp((source.into(), from), (destination.into(), to), payload))
}

fn tcp(source: Ipv4Addr, from: u16, destination: Ipv4Addr, to: u16, seq: u32, flags: u8) -> Vec<u8> {
    // Both ends begin with sequence number 1.
    let ack = if flags & ACK != 0 { 2 } else { 0 };
    let segment = Segment { seq, ack, flags, window: 0x2000, payload: &[] };
    ipv4(source, destination, TCP, 0, &frame::tcp((source.into(), from), (destination.into(), to), segment))
}

fn ip(packet: &[u8]) -> Record {
    whole(ethernet(&[], 0x0800, packet))
}

/// The flows of a file, each as these columns of flows.csv.
fn flows(records: &[Record], arguments: &[&str], columns: &[&str]) -> Vec<String> {
    let folder = folder(&[("trap.pcap", &file(records))]);
    let path = folder.path().join("trap.pcap");
    let always = ["analyze", "-q", "--format", "csv", path.to_str().unwrap()];
    let run = run([always.as_slice(), arguments].concat()).expect(0, &[]);
    let mut reader = csv::Reader::from_reader(run.out.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |column: &&str| header.iter().position(|name| name == *column).expect(column);
    reader
        .records()
        .map(|row| {
            columns.iter().map(|column| row.as_ref().unwrap()[place(column)].to_owned()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn a_reply_that_was_captured_first_is_a_reply() {
    let records = [ip(&tcp(A, 80, B, 1044, 9, ACK)), ip(&tcp(B, 1044, A, 80, 5, ACK))];
    let columns = ["client_ip", "client_port", "server_ip", "server_port", "direction_basis"];
    assert_eq!(flows(&records, &[], &columns), ["10.20.0.2 1044 10.20.0.1 80 documented-port"]);
}

#[test]
fn ports_used_again_are_one_flow_of_many_connections() {
    let records: Vec<Record> = (0..24)
        .flat_map(|number| [ip(&tcp(A, 1044, B, 80, number * 1_000, SYN)), ip(&tcp(B, 80, A, 1044, number, SYN | ACK))])
        .collect();
    let columns = ["client_port", "server_port", "client_packets", "server_packets", "client_tcp_flags"];
    assert_eq!(flows(&records, &[], &columns), ["1044 80 24 24 .S......"]);
}

#[test]
fn one_connection_in_three_vlans_is_three_flows() {
    let packet = tcp(A, 1044, B, 80, 1, SYN);
    let records = [&[][..], &[Tag(0x8100, 42)], &[Tag(0x88a8, 10), Tag(0x8100, 20)]]
        .map(|tags| whole(ethernet(tags, 0x0800, &packet)));
    assert_eq!(flows(&records, &[], &["vlan", "client_packets"]), [" 1", "42 1", "10.20 1"]);
}

#[test]
fn labels_on_one_direction_are_one_flow() {
    let label = [0, 1, 0xd1, 0x3f];
    let there = [&label, tcp(A, 1044, B, 80, 1, SYN).as_slice()].concat();
    let records = [whole(ethernet(&[], 0x8847, &there)), ip(&tcp(B, 80, A, 1044, 1, SYN | ACK))];
    assert_eq!(flows(&records, &[], &["client_packets", "server_packets", "outcome"]), ["1 1 established"]);
}

#[test]
fn a_client_on_a_firmware_port_updates_no_firmware() {
    let records = [ip(&udp(A, 50_199, B, 50_004, b"voice"))];
    let columns = ["client_port", "server_port", "service", "verdict", "reason"];
    let roles = ["--node", "10.20.0.1", "--gateway", "10.20.0.2"];
    assert_eq!(flows(&records, &roles, &columns), ["50199 50004  unexpected undocumented-port"]);
}

#[test]
fn a_port_of_the_other_transport_is_not_documented() {
    let roles = ["--gateway", "10.20.0.1", "--node", "10.20.0.2"];
    for port in [88, 443] {
        let records = [ip(&udp(A, 40_000, B, port, b"other"))];
        assert_eq!(flows(&records, &roles, &["verdict", "reason"]), ["unexpected wrong-transport"], "{port}");
    }
}

#[test]
fn ports_quoted_by_icmp_are_no_traffic() {
    let request = udp(A, 40_000, B, 5683, b"\x40\x01\0\x01");
    let error = [&[3, 3, 0, 0, 0, 0, 0, 0], &request[..28]].concat();
    let records = [ip(&request), ip(&ipv4(B, A, ICMP, 0, &error)), ip(&ipv4(ROUTER, A, ICMP, 0, &error))];
    let columns = ["transport", "client_packets", "server_packets", "outcome"];
    assert_eq!(flows(&records, &[], &columns), ["udp 1 0 rejected"]);
}

#[test]
fn a_first_fragment_that_comes_last_names_the_ports_of_all() {
    let first = [40_000, 5683, 24, 0].map(u16::to_be_bytes).concat();
    let records =
        [ip(&ipv4(A, B, UDP, 2, &[0; 8])), ip(&ipv4(A, B, UDP, 0x2001, &[0; 8])), ip(&ipv4(A, B, UDP, 0x2000, &first))];
    assert_eq!(flows(&records, &[], &["server_port", "client_packets"]), ["5683 3"]);
}

#[test]
fn two_sides_of_an_address_translation_are_two_flows() {
    let records = [ip(&tcp(A, 1044, ROUTER, 80, 1, SYN)), ip(&tcp(ROUTER, 80, B, 61_044, 1, SYN | ACK))];
    let columns = ["client_ip", "server_ip", "client_packets", "server_packets"];
    assert_eq!(flows(&records, &[], &columns), ["10.20.0.1 192.0.2.1 1 0", "10.20.0.2 192.0.2.1 0 1"]);
}

#[test]
fn bytes_are_those_of_the_wire() {
    // Cut by the snap length, and with an original length below what is there.
    let frame = ethernet(&[], 0x0800, &udp(A, 40_000, B, 5683, &[0; 100]));
    let length = frame.len() as u32;
    let records = [(frame[..60].to_vec(), length), (frame.clone(), 0), (frame, 262_144)];
    let sum = length + 262_144;
    assert_eq!(flows(&records, &[], &["client_packets", "client_bytes"]), [format!("3 {sum}")]);
}

#[test]
fn padding_is_no_payload() {
    let mut frame = ethernet(&[], 0x0800, &tcp(A, 1044, B, 80, 1, ACK));
    frame.resize(60, 0x16);
    assert_eq!(flows(&[whole(frame)], &[], &["payload", "payload_protocol", "client_bytes"]), ["unknown  60"]);
}
