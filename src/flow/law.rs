//! The law: a flow table is addable. Random traffic, cut anywhere, gives the same observation.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{First, FlowView, Limits, Observation, Observed, Seed, SideEvidence, TftpError, TftpFile};
use crate::capture::{Frame, FrameId, LinkType, Shift, Timestamp};
use crate::health::Measure;

/// One frame of random traffic among few hosts and ports, so that flows meet at the cut.
#[derive(Clone, Debug)]
struct Sample {
    bytes: Vec<u8>,
    extra: u32,
    time: i64,
    interface: u32,
}

/// Random bytes, or what leaves evidence beside the flows.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        b"\0\x01node.bin\0octet\0".to_vec(),
        b"\0\x01other.bin\0octet\0".to_vec(),
        b"\0\x03\0\x01block".to_vec(),
        b"\0\x05\0\x01File not found\0".to_vec(),
        b"\0\x05\0\x03Disk full\0".to_vec(),
        b"\0\x03\0\x02block".to_vec(),
        b"\0\x04\0\0".to_vec(),
        b"M-SEARCH * HTTP/1.1\r\nMX: 3\r\n\r\n".to_vec(),
        b"NOTIFY * HTTP/1.1\r\nLOCATION: http://10.0.0.9/d\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.9/d\r\n\r\n".to_vec(),
        b"\x51\x01\0\x01\xaa\xb4test".to_vec(),
        b"\x51\x01\0\x01\xbb\xb4test".to_vec(),
        b"\x61\x45\0\x01\xaa\xff22".to_vec(),
        b"\x41\x01\0\x03\xaa\xb4test".to_vec(),
        b"\x41\x01\0\x04\xbb\xb4test".to_vec(),
        b"\x41\x45\0\x05\xaa\x61\x07".to_vec(),
        b"\x60\0\0\x03".to_vec(),
        b"\x51\x45\0\x02\xaa\xff22".to_vec(),
        b"\x61\x45\0\x01\xbb\xff22".to_vec(),
        b"\0\x04\0\x01".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ]);
    prop_oneof![3 => prop::collection::vec(any::<u8>(), 0..12), 1 => known]
}

prop_compose! {
    fn sample()(
        kind in 0..12_u8,
        hosts in (0..3_u8, 0..3_u8),
        ports in (prop::sample::select(vec![69_u16, 80, 5683, 50000]), prop::sample::select(vec![69_u16, 1900, 50001])),
        flags in any::<u8>(),
        identification in 0..4_u16,
        payload in payload(),
        group in any::<bool>(),
        vlan in prop::option::of(prop::sample::select(vec![0_u16, 10, 4095])),
        fragment in prop::sample::select(vec![0_u16, 0, 0, 0x2000, 0x2001, 1]),
        extra in 0..3_u32,
        time in prop_oneof![4 => 0..5_i64, 8 => 0..900_000_000_i64, 1 => 0..40_000_000_000_i64, 1 => Just(i64::MIN)],
        interface in prop_oneof![9 => Just(0_u32), 1 => 1..3_u32],
    ) -> Sample {
        let mut bytes = vec![2 + u8::from(extra == 2), 0, 0, 0, 0, hosts.1, 2, 0, 0, 0, 0, hosts.0];
        if let Some(id) = vlan {
            bytes.extend([0x81, 0]);
            bytes.extend(id.to_be_bytes());
        }
        if kind == 0 && extra > 0 {
            bytes.extend(link_words(flags, hosts.1, identification as u8));
            return Sample { bytes, extra, time, interface };
        }
        if kind == 0 && group {
            // LLDP: chassis, port, time to live, name.
            bytes.extend([0x88, 0xcc, 2, 7, 4, 2, 0, 0, 0, 0, hosts.1, 4, 2, 7, b'0' + hosts.0, 6, 2, 0, 120, 10, 1, b'n', 0, 0]);
            return Sample { bytes, extra, time, interface };
        }
        if kind == 0 {
            // Two MACs claim one address, by requests and by answers.
            let (operation, twin) = (1 + flags % 2, flags >> 1 & 1);
            bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, twin, hosts.0, 10, 0, 0, hosts.0, 0, 0, 0, 0, 0, 0]);
            bytes.extend([10, 0, 0, hosts.1]);
            return Sample { bytes, extra, time, interface };
        }
        let mut dhcp = vec![1 + flags % 2, 1, 6, 0, 0, 0, 0, identification as u8];
        dhcp.resize(28, 0);
        dhcp[19] = flags % 3;
        dhcp.extend([2, 0, 0, 0, 0, hosts.1]);
        dhcp.resize(236, 0);
        dhcp.extend([0x63, 0x82, 0x53, 0x63, 53, 1, flags % 7, 255]);
        let mut transport = Vec::new();
        transport.extend(ports.0.to_be_bytes());
        transport.extend(ports.1.to_be_bytes());
        // Copies have the same flags and payload: a checksum covers them.
        let sum = payload.iter().fold(flags, |sum, byte| sum.rotate_left(1) ^ byte);
        let protocol = match kind {
            1..5 => {
                transport.extend([0, 0, 0, 1, 0, 0, 0, identification as u8 / 2, 0x50, flags, 0, 0, identification as u8, sum, 0, 0]);
                6
            }
            5..10 => {
                let payload = if kind == 6 { &dhcp } else { &payload };
                if kind == 6 {
                    transport = vec![0, 68, 0, 67];
                }
                transport.extend((8 + payload.len() as u16).to_be_bytes());
                transport.extend([identification as u8, 1]);
                17
            }
            10 => 1,
            _ => [2, 47][usize::from(flags & 1)],
        };
        if protocol == 2 {
            // IGMP: a query, a report, or a leave.
            transport = vec![[0x11, 0x16, 0x17, 0x22][usize::from(flags >> 1 & 3)], 0, 0, 0, 239, 255, 255, flags % 3];
        }
        transport.extend(if kind == 6 { &dhcp } else { &payload });
        if kind % 4 == 3 {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            bytes.extend((transport.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            for host in [hosts.0, hosts.1] {
                bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
            }
        } else {
            bytes.extend([8, 0, 0x45, 0]);
            bytes.extend((20 + transport.len() as u16).to_be_bytes());
            bytes.extend(identification.to_be_bytes());
            bytes.extend(if matches!(kind, 5..12) { fragment.to_be_bytes() } else { [0x40, 0] });
            bytes.extend([64, protocol, 0, 0, 10, 0, 0, hosts.0]);
            bytes.extend(if group { [239, 255, 255, 250] } else { [10, 0, 0, hosts.1] });
        }
        bytes.extend(transport);
        Sample { bytes, extra, time, interface }
    }
}

/// What is said of the link itself, from its EtherType or length on: power, 802.1X, a spanning tree.
fn link_words(flags: u8, host: u8, number: u8) -> Vec<u8> {
    match flags % 4 {
        0 => {
            let mut out =
                vec![0x88, 0xcc, 2, 7, 4, 2, 0, 0, 0, 0, host, 4, 2, 7, b'0', 6, 2, 0, 120, 254, 12, 0, 0x12, 0x0f, 2];
            out.extend([flags >> 7, 1, 5, 0x50, 0, 200 + number, 0, 130, 0, 0]);
            out
        }
        1 => vec![0x88, 0x8e, 1, flags >> 4 & 1, 0, 4, 1 + (flags >> 5 & 3), number, 0, 4],
        2 => vec![0, 7, 0x42, 0x42, 3, 0, 0, 0, 0x80],
        _ => {
            let mut out = vec![0, 39, 0x42, 0x42, 3, 0, 0, 2, 2, flags, 0x80, 1, 2, 0, 0, 0, 0, host, 0, 0, 0, 4];
            out.extend([0x80, 1, 2, 0, 0, 0, 0, number, 0x80, host, 0, 0, 20, 0, 2, 0, 15, 0, 0]);
            out
        }
    }
}

fn frames(samples: &[Sample], input: u32) -> impl Iterator<Item = Frame<'_>> {
    samples.iter().enumerate().map(move |(at, sample)| Frame {
        id: FrameId::new(input, at as u64 + 1),
        time: Timestamp::from_raw(sample.time),
        link: LinkType::ETHERNET,
        interface: sample.interface,
        original_len: sample.bytes.len() as u32 + sample.extra,
        data: &sample.bytes,
    })
}

/// The usual limits, and health is measured too.
const MEASURED: Limits = Limits { health: true, ..Limits::USUAL };

fn observe(samples: &[Sample], input: u32) -> Observation {
    observe_within(samples, input, MEASURED)
}

fn observe_within(samples: &[Sample], input: u32, limits: Limits) -> Observation {
    let mut observation = Observation::new(input, Seed::random(), limits);
    observation.observe(frames(samples, input));
    observation
}

/// Everything that was observed, in an order that does not depend on the table's.
fn describe(observed: Observed) -> Vec<String> {
    let mut lines: Vec<String> =
        observed.flows.iter().map(|flow| format!("{flow:?} {:?}", first_payloads(&flow, &observed.side))).collect();
    lines.sort();
    lines.push(format!("{:?} {:?} {:?}", observed.tallies, observed.other_frames, observed.neighbours));
    lines.push(format!("{:?} {:?}", observed.orphan_fragments, observed.overflow));
    let side = &observed.side;
    lines.push(format!("{:?}", side.searches().collect::<Vec<_>>()));
    lines.push(format!("{:?}", side.group_requests().collect::<Vec<_>>()));
    lines.push(format!("{:?}", side.notified().collect::<Vec<_>>()));
    lines.push(format!("{:?}", side.icmp_errors().collect::<Vec<_>>()));
    lines.push(format!("{:?} {:?}", side.link, side.link.overflows().collect::<Vec<_>>()));
    lines.push(format!("{:?} {:?}", side.dhcp().collect::<Vec<_>>(), side.lldp_units().collect::<Vec<_>>()));
    lines.push(format!("{:?}", side.transactions()));
    lines.push(format!("{:?} {:?}", side.claims, side.refusals().collect::<Vec<_>>()));
    lines.push(format!("{:?}", side.overflows().collect::<Vec<_>>()));
    // Random numbers fit nothing: what they say of losses has a law of its own (`health::stream`).
    let pairs = observed.health.pairs.iter().filter(|(pair, _)| pair.measure != Measure::Ack);
    lines.extend(pairs.map(|pair| format!("{pair:?}")));
    lines.push(format!("{:?} {:?}", observed.health.mixed, observed.health.mixed_senders));
    lines.extend(observed.health.loads.iter().map(|load| format!("{load:?}")));
    lines
}

/// When senders were heard, and how much each device answered when.
fn rhythms(observed: Observed) -> Vec<String> {
    let health = observed.health;
    let loads: Vec<String> = health.loads.iter().map(|load| format!("{load:?}")).collect();
    let tables = [&health.rhythms, &health.asked, &health.sought, &health.arp];
    let hosts = tables.into_iter().flatten().map(|host| format!("{host:?}"));
    hosts.chain([format!("{:?}", health.everyone)]).chain(loads).collect()
}

/// The same frames over some minutes, out of order by less than a second.
fn in_time(samples: &mut [Sample]) {
    let mut now = 1_700_000_000_000_000_000;
    for sample in samples.iter_mut().filter(|sample| sample.time != i64::MIN) {
        now += sample.time;
        sample.time = now - sample.time % 900_000_000;
    }
}

/// The first line in which two descriptions differ.
fn difference(a: &[String], b: &[String]) -> Option<(String, String)> {
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    (0..a.len().max(b.len())).map(|at| (line(a, at), line(b, at))).find(|(a, b)| a != b)
}

type FirstPayload = (Option<First<SocketAddr>>, Option<TftpFile>, Option<First<TftpError>>);

/// What is known of each end's first payload, and of its first ERROR of TFTP.
fn first_payloads(flow: &FlowView<'_>, side: &SideEvidence) -> [FirstPayload; 2] {
    [0, 1].map(|end| {
        let (from, to) = (&flow.ends[end], &flow.ends[1 - end]);
        let stream = (flow.vlan(), (from.address, from.port), (to.address, to.port));
        let frame = from.payload_frame();
        let error = side.first_tftp_error(&stream).cloned();
        (side.answered(&stream, frame).cloned(), side.tftp_file(&stream, frame).cloned(), error)
    })
}

/// The frames of one input observed in parts, which are added up: by itself a part whose times do not hang on those
/// before it.
fn in_parts(samples: &[Sample], cuts: &[usize], limits: Limits) -> Observation {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.min(&samples.len())).collect();
    cuts.sort_unstable();
    let mut sum = Observation::new(0, Seed::random(), limits);
    let mut begin = 0;
    for end in cuts.into_iter().chain([samples.len()]) {
        let frames = sum.tally().frames;
        let mut part = observe_within(&samples[begin..end], 0, limits);
        if !sum.is_followed_by(&part) {
            part = Observation::new(0, Seed::random(), limits).continuing(&sum);
            part.observe(self::frames(&samples[begin..end], 0));
        }
        sum.absorb(part, Shift { input: 0, frames });
        begin = end;
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    #[test]
    fn parts_of_a_file_add_up(samples in prop::collection::vec(sample(), 0..120), cuts in prop::collection::vec(0..120_usize, 0..3)) {
        let parts = in_parts(&samples, &cuts, MEASURED);
        prop_assert_eq!(difference(&describe(parts.finish()), &describe(observe(&samples, 0).finish())), None);
    }

    #[test]
    fn rhythms_add_up(mut samples in prop::collection::vec(sample(), 0..120), cuts in prop::collection::vec(0..120_usize, 0..4)) {
        in_time(&mut samples);
        let parts = in_parts(&samples, &cuts, MEASURED);
        prop_assert_eq!(difference(&rhythms(parts.finish()), &rhythms(observe(&samples, 0).finish())), None);
    }

    /// The same where the threads of a pool share the work.
    #[test]
    fn parts_of_a_file_add_up_on_all_threads(mut samples in prop::collection::vec(sample(), 0..300), cuts in prop::collection::vec(0..300_usize, 0..3), limit in prop::option::of(0..20_usize)) {
        // The reserved identifier has a name of its own in each part, which one thread translates.
        samples.retain(|sample| sample.bytes.get(12..16) != Some(&[0x81, 0, 0x0f, 0xff]));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let limits = limit.map_or(MEASURED, |flows| Limits { flows, ..MEASURED });
        let together = pool.install(|| describe(in_parts(&samples, &cuts, limits).finish()));
        prop_assert_eq!(difference(&together, &describe(in_parts(&samples, &cuts, limits).finish())), None);
        prop_assert_eq!(difference(&together, &describe(observe_within(&samples, 0, limits).finish())), None);
    }

    /// Putting flows in order, twice, shows the same ones, though scattered records are moved.
    #[test]
    fn flows_put_in_order_are_the_same(samples in prop::collection::vec(sample(), 0..300), ranks in prop::collection::vec(any::<u32>(), 300), fold in any::<bool>()) {
        let mut observation = observe(&samples, 0);
        if fold {
            observation.fold(|flow| (flow.transport.has_ports() && flow.ends[0].address != flow.ends[1].address).then_some(0));
        }
        let mut flows = observation.finish().flows;
        for turn in 0..2 {
            let before: Vec<String> = flows.iter().map(|flow| format!("{flow:?}")).collect();
            let mut order: Vec<u32> = flows.places().collect();
            order.sort_by_key(|place| ranks[(*place as usize + turn) % ranks.len()]);
            flows.put_in_order(order.clone());
            for (flow, place) in flows.iter().zip(order) {
                prop_assert_eq!(&format!("{flow:?}"), &before[place as usize]);
            }
        }
    }

    #[test]
    fn blocks_of_any_size_give_the_same(samples in prop::collection::vec(sample(), 0..200), size in 1..70_usize) {
        let whole = describe(observe(&samples, 0).finish());
        let mut observation = Observation::new(0, Seed::random(), MEASURED);
        let all: Vec<Frame<'_>> = frames(&samples, 0).collect();
        for block in all.chunks(size) {
            observation.observe(block.iter().copied());
        }
        prop_assert_eq!(difference(&describe(observation.finish()), &whole), None);
    }

    #[test]
    fn inputs_add_up_in_any_grouping(a in prop::collection::vec(sample(), 0..40), b in prop::collection::vec(sample(), 0..40), c in prop::collection::vec(sample(), 0..40)) {
        let mut left = observe(&a, 0);
        left.absorb(observe(&b, 1), Shift::NONE);
        left.absorb(observe(&c, 2), Shift::NONE);
        let mut tail = observe(&b, 1);
        tail.absorb(observe(&c, 2), Shift::NONE);
        let mut right = observe(&a, 0);
        right.absorb(tail, Shift::NONE);
        prop_assert_eq!(difference(&describe(left.finish()), &describe(right.finish())), None);
    }
}
