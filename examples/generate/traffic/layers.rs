//! What mirrors, switches and controllers put around frames.

use std::net::{IpAddr, Ipv4Addr};

use super::frame::{self, V4};

/// Something around the frames of a mirror.
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    /// Link type of a capture of it.
    pub(crate) link: u32,
    /// Puts it around an Ethernet frame.
    pub(crate) wrap: fn(&[u8]) -> Vec<u8>,
}

const SWITCH: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
const LAPTOP: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 9);
const GRE: u8 = 47;
const L2TP: u8 = 115;

/// Bytes between the addresses of a frame and its EtherType.
fn between(frame: &[u8], tag: &[u8]) -> Vec<u8> {
    [&frame[..12], tag, &frame[12..]].concat()
}

fn outer(protocol: u8, content: &[&[u8]]) -> Vec<u8> {
    let packet = frame::ipv4(SWITCH, LAPTOP, protocol, V4 { ttl: 64, ..V4::default() }, &content.concat());
    frame::ethernet([0x02, 0x4c, 0x54, 0, 0, 9], [0x02, 0x4c, 0x54, 0, 0, 2], &[], 0x0800, &packet)
}

fn datagram(ports: [u16; 2], content: &[&[u8]]) -> Vec<u8> {
    let [from, to] = [(IpAddr::V4(SWITCH), ports[0]), (IpAddr::V4(LAPTOP), ports[1])];
    outer(frame::UDP, &[&frame::udp(from, to, &content.concat())])
}

/// The IP packet of a frame, without its tag and padding.
fn packet(frame: &[u8]) -> &[u8] {
    let at = if frame[12..14] == [0x81, 0] { 18 } else { 14 };
    &frame[at..at + usize::from(u16::from_be_bytes([frame[at + 2], frame[at + 3]]))]
}

/// The frame as an access point sends it to its controller: 802.11 to the distribution system, SNAP.
fn wlan(frame: &[u8], control: [u8; 2]) -> Vec<u8> {
    let access_point = [0x02, 0x4c, 0x54, 0, 0, 7];
    let [destination, source] = [&frame[..6], &frame[6..12]];
    [&control[..], &[0, 0], &access_point, source, destination, &[0, 0], &[0xaa, 0xaa, 3, 0, 0, 0], &frame[12..]]
        .concat()
}

fn gtp(frame: &[u8], flags: u8, optional: &[u8]) -> Vec<u8> {
    let length = (optional.len() + packet(frame).len()) as u16;
    datagram([2152, 2152], &[&[flags, 255], &length.to_be_bytes(), &[0, 0, 0, 1], optional, packet(frame)])
}

fn packet_tap(frame: &[u8]) -> Vec<u8> {
    let mut head = [108_u32, 1, 1].map(u32::to_le_bytes).concat();
    head.extend(b"en0");
    head.resize(108, 0);
    [&head, frame].concat()
}

const NSH: [u8; 8] = [0x0f, 0xc2, 2, 3, 0, 0, 1, 3];
const CAPWAP_WLAN: [u8; 8] = [0, 0x10, 3, 0, 0, 0, 0, 0];

const fn layer(name: &'static str, link: u32, wrap: fn(&[u8]) -> Vec<u8>) -> Layer {
    Layer { name, link, wrap }
}

/// What is taken off, one by one.
pub(crate) const LAYERS: &[Layer] = &[
    layer("cisco-time", 1, |f| between(f, &[0x89, 0x88, 0, 0, 0x5e, 0x0b, 0x12, 0x34])),
    layer("cisco-metadata", 1, |f| between(f, &[0x89, 0x09, 1, 1, 0, 1, 0, 100])),
    layer("cisco-metadata-16", 1, |f| between(f, &[0x89, 0x09, 1, 2, 0, 1, 0, 100, 0, 2, 0, 100, 0, 0, 0, 0])),
    layer("arista-64", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 0, 0x10, 1, 2, 3, 4, 0, 0, 0, 9])),
    layer("arista-64-utc", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 1, 0x10, 1, 2, 3, 4, 0, 0, 0, 9])),
    layer("arista-48", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 0, 0x20, 3, 4, 0, 0, 0, 9])),
    layer("arista-48-utc", 1, |f| between(f, &[0xd2, 0x8b, 0, 1, 1, 0x20, 3, 4, 0, 0, 0, 9])),
    layer("arista-dzgre", 1, |f| outer(GRE, &[&[0, 0, 0xd2, 0x8b, 0, 7, 0, 1, 0, 1, 0, 2, 0, 3, 0, 0], f])),
    layer("gre-key-metadata", 1, |f| outer(GRE, &[&[0x20, 0, 0x88, 0xbe, 0, 100, 0, 1], f])),
    layer("tzsp", 1, |f| datagram([50_000, 37_008], &[&[1, 0, 0, 1, 1], f])),
    layer("capwap-802.3", 1, |f| datagram([50_000, 5247], &[&[0, 0x10, 2, 0, 0, 0, 0, 0], f])),
    layer("capwap-exchanged", 1, |f| datagram([50_000, 5247], &[&CAPWAP_WLAN, &wlan(f, [1, 8])])),
    layer("capwap", 1, |f| datagram([5247, 50_000], &[&CAPWAP_WLAN, &wlan(f, [8, 1])])),
    layer("aruba-gre", 1, |f| outer(GRE, &[&[0, 0, 0x82, 0x50], &wlan(f, [8, 1])])),
    layer("nsh", 1, |f| [&f[..12], &[0x89, 0x4f], &NSH[..], f].concat()),
    layer("nsh-in-vxlan-gpe", 1, |f| datagram([50_000, 4790], &[&[0x0c, 0, 0, 4, 0, 0, 5, 0], &NSH, f])),
    layer("gtp-u", 1, |f| gtp(f, 0x30, &[])),
    layer("gtp-u-extension", 1, |f| gtp(f, 0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0])),
    layer("l2tpv3", 1, |f| outer(L2TP, &[&[0, 0, 0, 7], f])),
    layer("l2tpv3-cookie-udp", 1, |f| datagram([1701, 1701], &[&[0, 3, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8], f])),
    layer("pktap", 258, packet_tap),
    layer("pktap-user2", 149, packet_tap),
    layer("dsa", 284, |f| between(f, &[0xc0, 8, 0, 5])),
    layer("edsa", 285, |f| between(f, &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 5])),
    layer("edsa-ethernet", 1, |f| between(f, &[0xda, 0xda, 0, 0, 0xc0, 8, 0, 5])),
    layer("broadcom", 281, |f| between(f, &[0, 0, 0, 1])),
    layer("broadcom-before", 282, |f| [&[0, 0, 0, 1], f].concat()),
    layer("broadcom-legacy", 1, |f| between(f, &[0x88, 0x74, 0, 0, 0, 1])),
];
