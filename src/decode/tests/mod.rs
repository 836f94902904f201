//! Frames made by hand, after the formats' own documents, one test a feature.

mod build;
mod capwap;
mod guessed;
mod ip;
mod laws;
mod links;
mod mpls_ppp;
mod switch_tags;
mod transports;
mod tunnels;
mod wlan;

use std::net::IpAddr;

use super::{Encapsulation, IpPacket, Network, NonIp, Packet, Stop, StopLayer, StopReason, Transport, decode};
use crate::capture::{Frame, FrameId, LinkType, Timestamp};

/// A frame of `link` that was `wire` bytes long.
fn frame(link: LinkType, data: &[u8], wire: usize) -> Frame<'_> {
    let original_len = u32::try_from(wire).unwrap();
    Frame { id: FrameId::new(0, 1), time: Timestamp::UNKNOWN, link, interface: 0, original_len, data }
}

/// Decodes a whole frame of `link`.
fn whole(link: LinkType, data: &[u8]) -> Packet<'_> {
    decode(&frame(link, data, data.len()))
}

/// Decodes a whole Ethernet frame.
fn ethernet(data: &[u8]) -> Packet<'_> {
    whole(LinkType::ETHERNET, data)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ip<'p, 'a>(packet: &'p Packet<'a>) -> &'p IpPacket<'a> {
    match &packet.network {
        Network::Ip(ip) => ip,
        other => panic!("no IP packet: {other:?}, stop {:?}", packet.stop),
    }
}

fn non_ip(packet: &Packet<'_>) -> NonIp {
    match packet.network {
        Network::NonIp(kind, _) => kind,
        _ => panic!("IP or nothing: {packet:?}"),
    }
}

/// Ports of a TCP or UDP packet.
fn ports(packet: &Packet<'_>) -> (u16, u16) {
    match ip(packet).transport {
        Transport::Tcp { source_port, destination_port, .. } | Transport::Udp { source_port, destination_port, .. } => {
            (source_port, destination_port)
        }
        other => panic!("no ports: {other:?}, stop {:?}", packet.stop),
    }
}

/// The plain UDP packet of [`build::udp_packet`], whole, is what the frame holds.
#[track_caller]
fn assert_plain(packet: &Packet<'_>) {
    assert_eq!(packet.stop, None);
    assert_eq!((ip(packet).source, ip(packet).destination), (address("10.0.0.1"), address("10.0.0.2")));
    let Transport::Udp { source_port: 40000, destination_port: 5683, payload: b"hello", payload_len: 5, .. } =
        ip(packet).transport
    else {
        panic!("{packet:?}");
    };
}

fn stop(layer: StopLayer, reason: StopReason) -> Option<Stop> {
    Some(Stop { layer, reason })
}

/// Kinds, outer addresses and VLANs of the tunnels around a packet.
fn around(packet: &Packet<'_>) -> Vec<String> {
    let show = |it: &Encapsulation| format!("{} {} {} [{}]", it.kind.name(), it.source, it.destination, it.vlan);
    packet.encapsulations.iter().map(show).collect()
}

/// The plain packet is inside a tunnel from 192.0.2.1 to 192.0.2.2.
#[track_caller]
fn assert_inside(bytes: &[u8], kind: &str) {
    let packet = ethernet(bytes);
    assert_plain(&packet);
    assert_eq!(around(&packet), [format!("{kind} 192.0.2.1 192.0.2.2 []")]);
}
