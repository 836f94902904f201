//! The fast path against the general decoder: wherever the fast path answers, both say the same.

use proptest::prelude::*;

use super::{Addresses, Network, Transport, VlanPath, decode, first_bytes, plain};
use crate::capture::{Frame, FrameId, LinkType, Timestamp};
use crate::decode::MacAddr;

/// Holds both readings of a frame against each other; whether the fast path answered.
pub(super) fn agree(frame: &Frame<'_>) -> Result<bool, String> {
    let Some(fast) = plain(frame) else { return Ok(false) };
    let packet = decode(frame);
    let Network::Ip(ip) = &packet.network else { return Err(format!("{fast:?} but {packet:?}")) };
    let mac = |at: usize| MacAddr([0, 1, 2, 3, 4, 5].map(|i| fast.macs[at + i]));
    let (flags, numbers, head, checksum, options, ports, payload, length) = match ip.transport {
        Transport::Tcp {
            source_port,
            destination_port,
            flags,
            numbers,
            window,
            checksum,
            options,
            payload,
            payload_len,
        } => (flags.0, numbers, window, checksum, options, (source_port, destination_port), payload, payload_len),
        Transport::Udp { source_port, destination_port, checksum, payload, payload_len } => {
            (0, None, first_bytes(payload), checksum, &[][..], (source_port, destination_port), payload, payload_len)
        }
        _ => return Err(format!("{fast:?} but {packet:?}")),
    };
    let addresses = match fast.addresses {
        Addresses::V4(source, destination) => (source.to_be_bytes().into(), destination.to_be_bytes().into()),
        Addresses::V6(source, destination) => (source.to_be_bytes().into(), destination.to_be_bytes().into()),
    };
    let same = packet.stop.is_none()
        && packet.encapsulations.is_empty()
        && packet.vlan == fast.vlan.map_or(VlanPath::Untagged, VlanPath::One)
        && (packet.destination_mac, packet.source_mac) == (Some(mac(0)), Some(mac(6)))
        && (ip.source, ip.destination) == addresses
        && ip.protocol == fast.protocol
        && ip.fragment.is_none()
        && (ip.identification == u32::from(fast.identification))
        && (flags, numbers, head, checksum) == (fast.flags, fast.numbers, fast.head, fast.checksum)
        && (ip.hops, ip.traffic_class) == (fast.hops, fast.traffic_class)
        && options == fast.options
        && ports == (fast.source_port, fast.destination_port)
        && (payload, length) == (fast.payload, fast.payload_len);
    if same { Ok(true) } else { Err(format!("{fast:?} but {packet:?}")) }
}

prop_compose! {
    /// A frame near the common kind: right, or wrong in a field or two.
    fn near()(
        v6 in any::<bool>(),
        tagged in any::<bool>(),
        tcp in any::<bool>(),
        destination_port in prop::sample::select(vec![80_u16, 5683, 4789, 6081, 4790, 8472, 3544, 2152, 5247, 1701, 37_008]),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        padding in 0..20_usize,
        cut in 0..80_usize,
        more in 0..4_u32,
        wrong in prop::collection::vec((0..70_usize, any::<u8>()), 0..3),
    ) -> (Vec<u8>, u32) {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if tagged {
            bytes.extend([0x81, 0, 0x20, 0x0a]);
        }
        let mut transport = vec![0xc0, 0];
        transport.extend(destination_port.to_be_bytes());
        if tcp {
            transport.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 1, 0, 0xab, 0xcd, 0, 0]);
        } else {
            transport.extend((8 + payload.len() as u16).to_be_bytes());
            transport.extend([0x12, 0x34]);
        }
        transport.extend(&payload);
        let protocol = if tcp { 6 } else { 17 };
        if v6 {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            bytes.extend((transport.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend((0..32_u8).map(|i| if i % 16 == 0 { 0xfd } else { i }));
        } else {
            bytes.extend([8, 0, 0x45, 0]);
            bytes.extend((20 + transport.len() as u16).to_be_bytes());
            bytes.extend([0, 7, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        bytes.extend(transport);
        bytes.extend(std::iter::repeat_n(0, padding));
        for (at, value) in wrong {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let wire = bytes.len() as u32 + more;
        if cut > 40 {
            bytes.truncate(bytes.len().saturating_sub(cut - 40));
        }
        (bytes, wire)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 2_000 }))]

    #[test]
    fn near_frames_read_the_same_both_ways((bytes, wire) in near()) {
        let frame = Frame {
            id: FrameId::new(0, 1),
            time: Timestamp::UNKNOWN,
            link: LinkType::ETHERNET,
            interface: 0,
            original_len: wire,
            data: &bytes,
        };
        prop_assert!(agree(&frame).is_ok(), "{:?}", agree(&frame));
    }
}
