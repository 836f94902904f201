//! What holds for all bytes: no panic, cuts that change nothing, agreement with etherparse.

use etherparse::{LaxLinkExtSlice, LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

use super::build::*;
use super::*;
use crate::decode::{VlanPath, quoted};

/// Link types that are decoded, and two that are not.
const LINKS: [u16; 32] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 107, 108, 109, 113, 119, 127, 149, 163, 166, 192, 204, 228, 229, 239, 258,
    276, 281, 282, 284, 285, 256, 283,
];

/// Frames of one layer after another, for cutting and damaging.
fn samples() -> Vec<(LinkType, Vec<u8>)> {
    let (ip, frame) = (udp_packet(), inner_eth(0x8100, &join(&[&tag(30, 0x0800), &udp_packet()])));
    let tcp_v6 = ipv6(0, &join(&[&hex("2c00 010400000000 0600 0000 00000007"), &tcp(1, 2, 0x18, &[1; 12], b"data")]));
    let mut samples = vec![
        (1, eth(0x0800, &ip)),
        (1, eth(0x88a8, &join(&[&tag(1, 0x8100), &tag(2, 0x8100), &tag(3, 0x86dd), &tcp_v6]))),
        (1, eth(0x0800, &ipv4_with(&[1; 8], 0, 1, &join(&[&hex("0303 0000 00000000"), &ip])))),
        (1, eth(0x0800, &ipv4_with(&[], 0x2000, 17, &udp(1, 2, &[0; 100])[..64]))),
        (1, eth(0x8864, &join(&[&hex("1100 0012 0023 0021"), &ip]))),
        (1, eth(0x8847, &join(&[&hex("0001d040 0001d140"), &ip]))),
        (1, eth(8 + ip.len() as u16, &join(&[&hex("aaaa03 000000 0800"), &ip]))),
        (0, join(&[&hex("02000000"), &ip])),
        (101, tcp_v6.clone()),
        (105, join(&[&hex("8801 0000 020000000001 020000000002 020000000003 0000 0000 aaaa03 000000 0800"), &ip])),
        (113, join(&[&hex("0000 0001 0006 020000000001 0000 0800"), &ip])),
        (276, join(&[&hex("86dd 0000 00000003 0001 00 06 020000000001 0000"), &tcp_v6])),
        (239, join(&[&hex("02000000 2500 0900"), &ip])),
    ];
    samples.extend(super::switch_tags::samples());
    samples.extend(super::guessed::samples());
    samples.extend(tunnels(&ip, &frame).into_iter().map(|bytes| (1, bytes)));
    samples.into_iter().map(|(link, bytes)| (LinkType(link), bytes)).collect()
}

fn tunnels(ip: &[u8], frame: &[u8]) -> Vec<Vec<u8>> {
    vec![
        outer(4, ip),
        outer(47, &join(&[&hex("b000 0800 00000000 00000005 00000001"), ip])),
        outer(47, &join(&[&hex("1000 88be 00000001 1001 0005 00000000"), frame])),
        outer(17, &udp(50000, 4789, &vxlan(frame))),
        outer(17, &udp(50000, 6081, &join(&[&hex("0240 6558 00000500 01038001 00000000"), frame]))),
        outer(17, &udp(50000, 5247, &join(&[&hex("00100000 00000000"), frame]))),
        outer(17, &udp(50000, 5247, &join(&[&hex("00100300 00000000"), &super::capwap::wlan_frame()]))),
    ]
}

#[test]
fn a_cut_at_any_byte_changes_nothing_that_was_read() {
    for (link, bytes) in samples() {
        let all = decode(&frame(link, &bytes, bytes.len()));
        assert_eq!(all.stop, None, "{link} {all:?}");
        for length in 0..bytes.len() {
            let cut = decode(&frame(link, &bytes[..length], bytes.len()));
            if let Some(stop) = cut.stop {
                assert_eq!(stop.reason, StopReason::CutBySnapLength, "{link} {length} {cut:?}");
            }
            assert_part_of(&cut, &all);
        }
    }
}

/// Everything that `cut` says, `all` says as well.
fn assert_part_of(cut: &Packet<'_>, all: &Packet<'_>) {
    let entered = cut.encapsulations.len();
    assert_eq!(cut.encapsulations[..], all.encapsulations[..entered]);
    if let Some(around) = all.encapsulations.get(entered) {
        // Stopped before or inside the next tunnel: the packet around it is the result.
        if let Network::Ip(ip) = &cut.network {
            assert_eq!((ip.source, ip.destination), (around.source, around.destination));
            assert!(around.vlan.to_string().starts_with(&cut.vlan.to_string()));
        }
        return;
    }
    assert!(all.vlan.to_string().starts_with(&cut.vlan.to_string()));
    assert!(cut.source_mac.is_none() || cut.source_mac == all.source_mac);
    assert!(cut.destination_mac.is_none() || cut.destination_mac == all.destination_mac);
    match (&cut.network, &all.network) {
        (Network::Unreached, _) => assert!(cut.stop.is_some()),
        (Network::Ip(cut), Network::Ip(all)) => assert_same_ip(cut, all),
        pair => panic!("{pair:?}"),
    }
}

fn assert_same_ip(cut: &IpPacket<'_>, all: &IpPacket<'_>) {
    assert_eq!((cut.source, cut.destination), (all.source, all.destination));
    assert!(cut.fragment.is_none() || cut.fragment == all.fragment);
    match (cut.transport, all.transport) {
        (Transport::Other(_), _) => {}
        (
            Transport::Tcp { source_port, destination_port, flags, numbers, payload, payload_len, .. },
            Transport::Tcp {
                source_port: s,
                destination_port: d,
                flags: f,
                numbers: n,
                payload: p,
                payload_len: l,
                ..
            },
        ) => {
            assert_eq!((source_port, destination_port), (s, d));
            assert!((flags.0 == 0 || flags == f) && (numbers.is_none() || numbers == n));
            assert!(p.starts_with(payload) && (payload_len == 0 || payload_len == l));
        }
        (
            Transport::Udp { source_port, destination_port, payload, payload_len, .. },
            Transport::Udp { source_port: s, destination_port: d, payload: p, payload_len: l, .. },
        ) => {
            assert_eq!((source_port, destination_port), (s, d));
            assert!(p.starts_with(payload) && (payload_len == 0 || payload_len == l));
        }
        (Transport::Icmp { kind, code, body }, Transport::Icmp { kind: k, code: c, body: b }) => {
            assert_eq!((kind, code), (k, c));
            assert!(b.starts_with(body));
        }
        pair => panic!("{pair:?}"),
    }
}

proptest! {
    #[test]
    fn no_bytes_of_any_link_type_panic(
        link in proptest::sample::select(LINKS.to_vec()),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        longer in 0_usize..100,
    ) {
        let packet = decode(&frame(LinkType(link), &bytes, bytes.len() + longer));
        // Every frame ends as something or with a reason.
        prop_assert!(!matches!(packet.network, Network::Unreached) || packet.stop.is_some());
        quoted(&bytes, false);
        quoted(&bytes, true);
    }

    #[test]
    fn no_damage_to_a_good_frame_panics(
        sample in proptest::sample::select(samples()),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        wire in 0_usize..200,
    ) {
        let (link, mut bytes) = sample;
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let packet = decode(&frame(link, &bytes, wire));
        prop_assert!(!matches!(packet.network, Network::Unreached) || packet.stop.is_some());
        // Nothing is claimed that was not captured.
        if let Network::Ip(IpPacket { transport: Transport::Tcp { payload, payload_len, .. }, .. }) = packet.network {
            prop_assert!(payload.len() <= payload_len as usize);
        }
    }

    /// etherparse's lax slicing is independent of ours: where both read, both read the same.
    #[test]
    fn etherparse_reads_the_same(
        tags in 0_u16..3,
        v6 in any::<bool>(),
        over_tcp in any::<bool>(),
        content in proptest::collection::vec(any::<u8>(), 0..40),
        cut in 0_usize..120,
    ) {
        let bytes = generate(tags, v6, over_tcp, &content);
        let cut = &bytes[..cut.min(bytes.len())];
        let ours = decode(&frame(LinkType::ETHERNET, cut, bytes.len()));
        let Ok(theirs) = LaxSlicedPacket::from_ethernet(cut) else {
            prop_assert!(ours.stop.is_some());
            return Ok(());
        };
        let mut path = VlanPath::default();
        for extension in &theirs.link_exts {
            if let LaxLinkExtSlice::Vlan(tag) = extension {
                path.push(tag.vlan_identifier().value());
            }
        }
        prop_assert!(ours.vlan.to_string().starts_with(&path.to_string()));
        let addresses = match &theirs.net {
            Some(etherparse::LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                Some((IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr())))
            }
            Some(etherparse::LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                Some((IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr())))
            }
            _ => None,
        };
        if let Some(addresses) = addresses {
            prop_assert_eq!((ip(&ours).source, ip(&ours).destination), addresses);
        }
        match theirs.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                prop_assert_eq!(ports(&ours), (tcp.source_port(), tcp.destination_port()));
                let Transport::Tcp { payload, numbers, checksum, .. } = ip(&ours).transport else { panic!("{ours:?}") };
                let theirs = Some([tcp.sequence_number(), tcp.acknowledgment_number()]);
                let numbers = numbers.map(super::super::tcp_numbers);
                prop_assert_eq!((payload, numbers, checksum), (tcp.payload(), theirs, tcp.checksum()));
            }
            Some(TransportSlice::Udp(udp)) => {
                prop_assert_eq!(ports(&ours), (udp.source_port(), udp.destination_port()));
                let Transport::Udp { payload, checksum, .. } = ip(&ours).transport else { panic!("{ours:?}") };
                prop_assert_eq!((payload, checksum), (udp.payload(), udp.checksum()));
            }
            _ => prop_assert!(cut.len() < bytes.len()),
        }
    }
}

/// A good frame by etherparse's builder.
fn generate(tags: u16, v6: bool, over_tcp: bool, content: &[u8]) -> Vec<u8> {
    let ids = [11, 12].map(|id| etherparse::VlanId::try_new(id).unwrap());
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let addresses = ([0x20; 16], [0x21; 16]);
    let step = match (tags, v6) {
        (0, false) => link.ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        (0, true) => link.ipv6(addresses.0, addresses.1, 64),
        (1, false) => link.single_vlan(ids[0]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        (1, true) => link.single_vlan(ids[0]).ipv6(addresses.0, addresses.1, 64),
        (_, false) => link.double_vlan(ids[0], ids[1]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        (_, true) => link.double_vlan(ids[0], ids[1]).ipv6(addresses.0, addresses.1, 64),
    };
    let mut bytes = Vec::new();
    if over_tcp {
        step.tcp(40000, 80, 7, 1000).ack(9).write(&mut bytes, content).unwrap();
    } else {
        step.udp(40000, 5683).write(&mut bytes, content).unwrap();
    }
    bytes
}
