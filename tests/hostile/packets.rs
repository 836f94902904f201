//! Packets: nests, floods and tables that a stranger fills.

use super::super::{SIZE, assert_follows, caveats, frames, survey, survey_to_all, turn};

/// A pcap file of frames that follow each other by a microsecond.
pub(super) fn pcap(link: u32, frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file: Vec<u8> =
        [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link].into_iter().flat_map(u32::to_le_bytes).collect();
    for (micros, frame) in (0_u32..).zip(frames) {
        let length = frame.len() as u32;
        file.extend([1_700_000_000, micros, length, length].into_iter().flat_map(u32::to_le_bytes));
        file.extend(frame);
    }
    file
}

/// A frame by its number.
type Flood<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// A pcap file of about [`SIZE`] bytes.
fn flood(frame: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let count = SIZE / (frame(0).len() + 16);
    flood_of(count as u32, frame)
}

/// A pcap file of so many frames.
fn flood_of(count: u32, frame: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    pcap(1, (0..count).map(frame))
}

fn ethernet(ether_type: u16, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(content);
    frame
}

/// An IPv4 packet; `fragment` is its word of flags and offset.
fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, [id, fragment]: [u16; 2], content: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + content.len() as u16).to_be_bytes());
    packet.extend(id.to_be_bytes());
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend(content);
    packet
}

fn udp_header(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    [&[from, to, length, 0].map(u16::to_be_bytes).concat(), payload].concat()
}

/// An Ethernet frame of UDP.
pub(super) fn udp(source: [u8; 4], from: u16, destination: [u8; 4], to: u16, payload: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(source, destination, 17, [1, 0], &udp_header(from, to, payload)))
}

fn tcp_syn(source: [u8; 4], from: u16, destination: [u8; 4], to: u16) -> Vec<u8> {
    let mut segment = [from, to].map(u16::to_be_bytes).concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0]);
    ethernet(0x0800, &ipv4(source, destination, 6, [1, 0], &segment))
}

/// A host of 10.0.0.0/8.
fn host(number: u32) -> [u8; 4] {
    (0x0a00_0000 | number & 0x00ff_ffff).to_be_bytes()
}

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

/// Wraps as often as fits a frame of 60,000 bytes.
fn nest(wrap: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut packet = ipv4(A, B, 17, [1, 0], &udp_header(40_000, 5683, b"\x40\x01\0\x01"));
    while packet.len() < 60_000 {
        packet = wrap(&packet);
    }
    packet
}

#[test]
fn nests_of_tunnels_stop_at_a_limit() {
    let _turn = turn();
    let ip_in_ip = nest(|packet| ipv4(A, B, 4, [1, 0], packet));
    let gre = nest(|packet| ipv4(A, B, 47, [1, 0], &[&[0, 0, 8, 0], packet].concat()));
    let vxlan = nest(|packet| {
        let inner = [&[8, 0, 0, 0, 0, 0, 7, 0], ethernet(0x0800, packet).as_slice()].concat();
        ipv4(A, B, 17, [1, 0], &udp_header(40_000, 4789, &inner))
    });
    for packet in [ip_in_ip, gre, vxlan] {
        let survey = survey(&flood(|_| ethernet(0x0800, &packet)), 0);
        let (total, stopped) = frames(&survey);
        assert!(total > 1 && stopped == total, "{stopped} of {total}");
        assert_eq!(survey["frames"]["stopped"][0]["reason"], "too-deep");
    }
}

#[test]
fn nests_of_pseudowires_and_tags_end() {
    let _turn = turn();
    // A pseudowire (RFC 4448) is a frame under a label, and no tunnel with addresses of its own.
    let wires = nest(|packet| [&[0, 1, 1, 255], ethernet(0x8847, packet).as_slice()].concat());
    let frame = ethernet(0x8847, &wires);
    let (total, stopped) = frames(&survey(&flood(|_| frame.clone()), 3));
    assert!(total > 1 && stopped == total);
    let tags: Vec<u8> = (0..15_000_u32).flat_map(|at| [0x81, 0, (at >> 8 & 15) as u8, at as u8]).collect();
    let ip = udp(A, 40_000, B, 5683, b"\x40\x01\0\x01");
    let frame = [&ip[..12], &tags, &ip[12..]].concat();
    let survey = survey(&flood(|_| frame.clone()), 0);
    assert_eq!((survey["flows"].as_array().unwrap().len(), frames(&survey).1), (1, 0));
}

#[test]
fn vlan_paths_of_any_number_are_a_caveat() {
    let _turn = turn();
    let ip = udp(A, 40_000, B, 5683, b"\x40\x01\0\x01");
    let survey = survey(
        &flood_of(4_200, |number| {
            let tag = |at: u32| [0x81, 0, (at >> 8 & 15) as u8, at as u8];
            [&ip[..12], &tag(number >> 8), &tag(number & 0xff), &tag(7), &ip[12..]].concat()
        }),
        0,
    );
    assert!(caveats(&survey).contains(&"vlan-limit"), "{:?}", caveats(&survey));
}

/// A connection on thousands of VLAN paths, asked and answered on each: what is held against what grows with their number.
#[test]
fn vlan_paths_of_one_connection_are_held_against_a_few() {
    let _turn = turn();
    let syn = |from: [u8; 4], to: [u8; 4], ports: [u16; 2], flags: u8| {
        let mut segment = [ports[0].to_be_bytes(), ports[1].to_be_bytes()].concat();
        segment.extend([0, 0, 3, 232, 0, 0, 0, 0, 0x50, flags, 250, 240, 0, 0, 0, 0]);
        ethernet(0x0800, &ipv4(from, to, 6, [1, 0], &segment))
    };
    let (there, back) = (syn(A, B, [40_000, 88], 2), syn(B, A, [88, 40_000], 0x12));
    let frame = |number: u32| {
        let packet = if number.is_multiple_of(2) { &there } else { &back };
        let path = number / 2;
        let tag = |at: u32| [0x81, 0, (at >> 8 & 15) as u8, at as u8];
        [&packet[..12], &tag(1 + path / 4_000), &tag(1 + path % 4_000), &packet[12..]].concat()
    };
    let survey = survey_to_all(&flood_of(40_000, frame));
    assert_eq!(survey["conversations"].as_array().unwrap().len(), 1);
    assert_eq!(survey["flows"].as_array().unwrap().len(), 20_000);
}

#[test]
fn long_chains_of_extension_headers_end() {
    let _turn = turn();
    // Destination options of 8 bytes each (RFC 8200 section 4.6), the last before UDP.
    let mut chain = [60, 0, 1, 4, 0, 0, 0, 0].repeat(7_000);
    let last = chain.len() - 8;
    chain[last] = 17;
    chain.extend(udp_header(40_000, 5683, b"\x40\x01\0\x01"));
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((chain.len() as u16).to_be_bytes());
    packet.extend([60, 64]);
    packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(2));
    packet.extend(chain);
    let (total, _) = frames(&survey(&flood(|_| ethernet(0x86dd, &packet)), 0));
    assert!(total > 1);
}

#[test]
fn floods_of_fragments_are_kept_up_to_a_limit() {
    let _turn = turn();
    let later = |id: u32, offset: u32| {
        ethernet(0x0800, &ipv4(A, B, 17, [id as u16, 0x2000 | (1 + offset % 8_000) as u16], &[0; 8]))
    };
    let first = |id: u32| ethernet(0x0800, &ipv4(A, B, 17, [id as u16, 0x2000], &udp_header(40_000, 5683, b"")));
    // Each of another datagram; all of one, in and out of order; one part again and again; first parts only.
    let floods: [Flood<'_>; 5] = [
        &|number| later(number, 0),
        &|number| later(1, number),
        &|number| later(1, number.wrapping_mul(2_654_435_761) >> 16),
        &|_| later(1, 0),
        &|number| first(number),
    ];
    for fragment in floods {
        let bytes = flood(fragment);
        let (total, _) = frames(&survey(&bytes, 0));
        assert!(total > 3_000, "{total}");
    }
}

#[test]
fn what_a_flood_costs_follows_its_length() {
    let _turn = turn();
    let reply = |mac: u32, address: [u8; 4]| {
        let sender = [&[2, 9], &mac.to_be_bytes()[..], &address].concat();
        let body = [&[0, 1, 8, 0, 6, 4, 0, 2], &sender[..], &[2, 0, 0, 0, 0, 2], &B].concat();
        let mut frame = ethernet(0x0806, &body);
        frame[6..12].copy_from_slice(&sender[..6]);
        frame
    };
    let tagged = |number: u32| {
        let packet = udp(A, 40_000, B, 5683, b"\x40\x01\0\x01");
        let tag = |at: u32| [0x81, 0, (at >> 8 & 15) as u8, at as u8];
        [&packet[..12], &tag(1 + number / 4_000), &tag(1 + number % 4_000), &packet[12..]].concat()
    };
    let fragment = |id: u32, offset: u32| {
        ethernet(0x0800, &ipv4(A, B, 17, [id as u16, 0x2000 | (1 + offset % 8_000) as u16], &[0; 8]))
    };
    let floods: [(&str, Flood<'_>); 8] = [
        ("many MACs claim one address", &|number| reply(number, A)),
        ("one MAC claims many addresses", &|number| reply(7, host(number))),
        ("a connection on many VLAN paths", &tagged),
        ("fragments of one datagram, the last first", &|number| fragment(1, 8_000 - number % 8_000)),
        ("fragments of many datagrams", &|number| fragment(number, 1)),
        ("ports of one host", &|number| tcp_syn(A, 40_000, B, number as u16)),
        ("hosts that search", &|number| udp(host(number), 1900, [239, 255, 255, 250], 1900, b"")),
        ("requests that nobody answers", &|number| udp(host(number), 40_000, B, 5683, b"\x40\x01\0\x01")),
    ];
    for (kind, frame) in floods {
        assert_follows(kind, 2_048, |frames| flood_of(frames, frame));
    }
}

#[test]
fn floods_of_flows_are_judged() {
    let _turn = turn();
    let floods: [Flood<'_>; 5] = [
        // Every port of one host, a port of every host, everyone to everyone, a group, and the internet.
        &|number| tcp_syn(A, 40_000, B, number as u16),
        &|number| tcp_syn(A, 40_000, host(number * 7), 80),
        &|number| udp(host(number), number as u16, host(!number), 5683, b""),
        &|number| udp(host(number), 1900, [239, 255, 255, 250], 1900, b""),
        &|number| udp(A, number as u16, [8, 8, (number >> 8) as u8, number as u8], 53, b""),
    ];
    for frame in floods {
        let survey = survey_to_all(&flood_of(2_000, frame));
        assert!(survey["flows"].as_array().unwrap().len() > 1_900);
    }
}

#[test]
fn floods_of_evidence_are_kept_up_to_a_limit() {
    let _turn = turn();
    let group = [239, 255, 255, 250];
    let location = |number: u32| {
        let [_, a, b, c] = number.to_be_bytes();
        format!("NOTIFY * HTTP/1.1\r\nLOCATION: http://10.{a}.{b}.{c}/d\r\n\r\n").into_bytes()
    };
    let dhcp = |number: u32| {
        let mut message = vec![1, 1, 6, 0];
        message.extend(number.to_be_bytes());
        message.resize(28, 0);
        message.extend([2, 0]);
        message.extend(number.to_be_bytes());
        message.resize(236, 0);
        message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255]);
        message
    };
    let quoted = |number: u32| ipv4(A, host(number), 17, [1, 0], &udp_header(40_000, 69, b""));
    // One port asks on every VLAN, and everything may be the answer to each.
    let tftp = |number: u32| match number % 2 {
        0 => {
            let request = ipv4(A, B, 17, [1, 0], &udp_header(40_000, 69, b"\0\x01name\0octet\0"));
            let tag = [[(number >> 9) as u8 & 15, (number >> 1) as u8], [8, 0]].concat();
            ethernet(0x8100, &[tag, request].concat())
        }
        _ => udp(B, number as u16, A, 40_000, b"\0\x03\0\x01data"),
    };
    let floods: [(Flood<'_>, Option<&str>); 8] = [
        (&tftp, Some("TFTP requests from one port to one server")),
        (&|number| udp(host(number), 1900, group, 1900, &location(number)), Some("SSDP locations")),
        (&|number| udp(host(number), 40_000, group, 1900, b"M-SEARCH * HTTP/1.1\r\n\r\n"), Some("SSDP searches")),
        (
            &|number| udp(A, 40_000, [224, 0, 1, 187], 5683, &[&[0x54, 1, 0, 1], &number.to_be_bytes()[..]].concat()),
            None,
        ),
        (&|number| udp(A, number as u16, B, 69, b"\0\x01\x1b[2Jname\0octet\0"), Some("TFTP file names")),
        (
            &|number| {
                ethernet(
                    0x0800,
                    &ipv4(B, A, 1, [1, 0], &[&[3, 3, 0, 0, 0, 0, 0, 0], quoted(number).as_slice()].concat()),
                )
            },
            None,
        ),
        (&|number| udp([0; 4], 68, [255; 4], 67, &dhcp(number)), None),
        (
            &|number| {
                // Chassis and port by MAC, a time to live, a name (IEEE 802.1AB section 8).
                let [a, b, c, d] = number.to_be_bytes();
                ethernet(0x88cc, &[2, 7, 4, 2, 0, a, b, c, d, 4, 2, 7, b'1', 6, 2, 0, 120, 10, 1, b'n', 0, 0])
            },
            None,
        ),
    ];
    for (frame, full) in floods {
        // More than any of these sets keeps, where one is to be full.
        let survey = survey(&flood_of(if full.is_some() { 8_300 } else { 2_000 }, frame), 0);
        let caveats = survey["caveats"].as_array().unwrap();
        if let Some(full) = full {
            assert!(
                caveats.iter().any(|caveat| caveat["text"].as_str().unwrap().contains(full)),
                "{full}: {caveats:?}"
            );
        }
    }
}

#[test]
fn floods_of_tunnels_are_listed_up_to_a_limit() {
    let _turn = turn();
    let inner = ipv4(A, B, 17, [1, 0], &udp_header(40_000, 5683, b""));
    let survey =
        survey(&pcap(1, (0..70_000).map(|number| ethernet(0x0800, &ipv4(host(number), B, 4, [1, 0], &inner)))), 0);
    assert!(caveats(&survey).contains(&"encapsulation-limit"), "{:?}", caveats(&survey));
    assert_eq!(survey["flows"].as_array().unwrap().len(), 1);
}

/// Power, 802.1X, spanning trees, groups, broadcasts, pieces and offers of ever new devices.
#[test]
fn floods_of_what_links_say_are_kept_up_to_a_limit() {
    let _turn = turn();
    let from = |number: u32, to: [u8; 6], ether_type: u16, content: &[u8]| {
        let mut frame = ethernet(ether_type, content);
        frame[..6].copy_from_slice(&to);
        frame[8..12].copy_from_slice(&number.to_be_bytes());
        frame
    };
    const GROUP: [u8; 6] = [1, 0x80, 0xc2, 0, 0, 3];
    let power = |number: u32| {
        let [_, _, a, b] = number.to_be_bytes();
        let unit = [2, 7, 4, 2, 0, 0, 0, 0, 1, 4, 2, 7, b'1', 6, 2, 0, 120, 254, 12, 0, 0x12, 0x0f, 2, 0, 1, 5, 0x50];
        from(number, GROUP, 0x88cc, &[&unit[..], &[1, 255, a, b, 0, 0]].concat())
    };
    let start = |number: u32| from(number, GROUP, 0x888e, &[1, 1, 0, 0]);
    let tree = |number: u32| {
        let mut unit = vec![0x42, 0x42, 3, 0, 0, 2, 2, 0x0d, 0x80, 0];
        unit.extend([&[2, 0][..], &number.to_be_bytes(), &[0, 0, 0, 0, 0x80, 0, 2, 0], &number.to_be_bytes()].concat());
        unit.extend([0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0, 0]);
        from(number, GROUP, unit.len() as u16, &unit)
    };
    let member = |number: u32| {
        let report = [&[0x16, 0, 0, 0, 239][..], &number.to_be_bytes()[1..]].concat();
        ethernet(0x0800, &ipv4(host(number), B, 2, [1, 0], &report))
    };
    let broadcast = |number: u32| from(number, [0xff; 6], 0x8863, &[0x11, 9, 0, 0, 0, 0]);
    let piece = |number: u32| ethernet(0x0800, &ipv4(host(number), B, 17, [number as u16, 0x2001], &[0; 8]));
    let floods: [(&str, Flood<'_>); 6] = [
        ("LLDP power units", &power),
        ("802.1X stations", &start),
        ("spanning tree ports", &tree),
        ("group members", &member),
        ("broadcasts", &broadcast),
        ("fragmented packets", &piece),
    ];
    for (what, frame) in floods {
        let survey = survey(&flood_of(20_000, frame), 0);
        let text = survey["caveats"].to_string();
        assert!(text.contains("link-limit") && text.contains(what), "{what}: {text}");
    }
}
