use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::protocol;
use crate::protocol::inspect;

/// One packet of a made-up capture.
#[derive(Clone, Debug)]
enum Step {
    Udp(Endpoint, Endpoint, Vec<u8>),
    Icmp { sender: u8, kind: u8, code: u8, quoted: (Endpoint, Endpoint) },
}

fn host(n: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, n])
}

/// An IPv4 header and the first eight bytes of UDP, behind ICMP's four unused bytes.
fn quote((source, destination): (Endpoint, Endpoint)) -> Vec<u8> {
    let v4 = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let mut body = vec![0, 0, 0, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    body.extend(v4(source.0));
    body.extend(v4(destination.0));
    body.extend(source.1.to_be_bytes());
    body.extend(destination.1.to_be_bytes());
    body.extend([0, 8, 0, 0]);
    body
}

/// Observes steps as frames numbered from 1, the times from `start` on.
fn observe(steps: &[Step], start: usize) -> SideEvidence {
    let mut evidence = SideEvidence::default();
    for (n, step) in steps.iter().enumerate() {
        let time = Timestamp::from_nanos(((start + n) as i64 * 7919 % 1000) * 1_000_000);
        let at = Moment { time, frame: FrameId::new(0, n as u64 + 1) };
        match step {
            Step::Udp(source, destination, payload) => {
                let len = payload.len() as u32;
                let seen = inspect(protocol::Transport::Udp, source.1, destination.1, payload, len);
                let to_group = destination.0.is_multicast();
                evidence.payload((VlanPath::Untagged, *source, *destination), to_group, time, at, payload, seen);
            }
            Step::Icmp { sender, kind, code, quoted } => {
                let body = quote(*quoted);
                let packet = IpPacket {
                    source: host(*sender),
                    destination: quoted.0.0,
                    protocol: 1,
                    fragment: None,
                    hops: 64,
                    identification: 0,
                    traffic_class: 0,
                    lacking: 0,
                    transport: Transport::Icmp { kind: *kind, code: *code, body: &body },
                };
                evidence.icmp(&packet, time, at);
            }
        }
    }
    evidence
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (1_u8..4, prop::sample::select(vec![1900_u16, 4000, 5683])).prop_map(|(n, port)| (host(n), port))
}

fn step() -> impl Strategy<Value = Step> {
    let group = prop::sample::select(vec![
        (IpAddr::from([239, 255, 255, 250]), 1900_u16),
        (IpAddr::from([224, 0, 1, 187]), 5683),
        (host(3), 69),
        (host(2), 1900),
    ]);
    let payload = prop::sample::select(vec![
        b"M-SEARCH * HTTP/1.1\r\nMX: 3\r\n\r\n".to_vec(),
        b"M-SEARCH * HTTP/1.1\r\nMX: 1\r\n\r\n".to_vec(),
        b"NOTIFY * HTTP/1.1\r\nLOCATION: http://10.0.0.9:1901/d\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nLOCATION: http://10.0.0.8/d\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        b"\x51\x01\0\x01\xaa\xb4test".to_vec(),
        b"\x51\x01\0\x01\xbb\xb4test".to_vec(),
        b"\0\x01a\0octet\0".to_vec(),
        b"\0\x02b\0octet\0".to_vec(),
        b"anything".to_vec(),
    ]);
    let quoted = (endpoint(), endpoint());
    prop_oneof![
        (endpoint(), group, payload).prop_map(|(source, group, payload)| Step::Udp(source, group, payload)),
        (1_u8..4, prop::sample::select(vec![3_u8, 11, 5]), 0_u8..5, quoted)
            .prop_map(|(sender, kind, code, quoted)| Step::Icmp { sender, kind, code, quoted }),
    ]
}

proptest! {
    /// The law: merge(observe(a), observe(b)) == observe(a ++ b).
    #[test]
    fn evidence_is_addable(steps in prop::collection::vec(step(), 0..80), cut in 0_usize..80) {
        let (a, b) = steps.split_at(cut.min(steps.len()));
        let mut merged = observe(a, 0);
        merged.absorb(observe(b, a.len()), Shift { input: 0, frames: a.len() as u64 });
        prop_assert_eq!(merged, observe(&steps, 0));
    }
}

#[test]
fn only_losses_are_errors() {
    let quoted = ((host(1), 4000), (host(2), 69));
    for (kind, code, kept) in [(3, 3, true), (3, 13, true), (3, 4, false), (11, 0, true), (5, 1, false), (8, 0, false)]
    {
        let evidence = observe(&[Step::Icmp { sender: 9, kind, code, quoted }], 0);
        assert_eq!(evidence.icmp_errors().len(), usize::from(kept), "type {kind} code {code}");
    }
    let evidence = observe(&[Step::Icmp { sender: 9, kind: 3, code: 3, quoted }], 0);
    let (error, window) = evidence.icmp_errors().next().expect("one error");
    assert_eq!((error.source, error.destination, error.sender), (quoted.0, quoted.1, host(9)));
    assert_eq!((error.protocol, error.has_ports, window.count), (17, true, 1));
}

#[test]
fn a_search_keeps_its_longest_wait() {
    let to = (IpAddr::from([239, 255, 255, 250]), 1900);
    let search = |mx| Step::Udp((host(1), 4000), to, format!("M-SEARCH * HTTP/1.1\r\nMX:{mx}\r\n\r\n").into());
    let evidence = observe(&[search(2), search(4), search(1)], 0);
    let (_, search) = evidence.searches().next().expect("one endpoint searches");
    assert_eq!((search.mx, search.window.count), (4, 3));
}

#[test]
fn unicast_requests_leave_nothing_but_file_names() {
    let evidence = observe(
        &[
            Step::Udp((host(1), 4000), (host(2), 1900), b"M-SEARCH * HTTP/1.1\r\n\r\n".to_vec()),
            Step::Udp((host(1), 4000), (host(2), 5683), b"\x51\x01\0\x01\xaa\xb4test".to_vec()),
            Step::Udp((host(1), 4000), (host(2), 69), b"\0\x01node.bin\0octet\0".to_vec()),
            Step::Udp((host(1), 4000), (host(2), 69), b"\0\x01other.bin\0octet\0".to_vec()),
        ],
        0,
    );
    assert_eq!((evidence.searches().len(), evidence.group_requests().len()), (0, 0));
    let stream = (VlanPath::Untagged, (host(1), 4000), (host(2), 69));
    // Of the two the second was sent first: its time is the earlier one.
    let file = evidence.tftp_file(&stream, FrameId::new(0, 4)).expect("a request");
    assert_eq!((&*file.name, file.write), (&b"other.bin"[..], false));
    assert_eq!(evidence.tftp_file(&stream, FrameId::new(0, 3)), None, "not the first payload");
}

#[test]
fn a_set_that_is_full_says_so() {
    let to = (IpAddr::from([224, 0, 1, 187]), 5683);
    let steps: Vec<Step> = (0..20_000_u32)
        .map(|n| {
            let mut payload = b"\x54\x01\0\x01".to_vec();
            payload.extend(n.wrapping_mul(2_654_435_761).to_be_bytes());
            payload.extend(b"\xb4test");
            Step::Udp((host(1), 4000), to, payload)
        })
        .collect();
    let evidence = observe(&steps, 0);
    assert_eq!(evidence.group_requests().len(), 16_384);
    assert_eq!(evidence.overflows().collect::<Vec<_>>(), ["CoAP group requests"]);
}

#[test]
fn a_state_gives_back_what_dhcp_refused() {
    // RFC 2131 table 3: a NAK names its server (option 54); table 5: a DECLINE names the address (50) too.
    let mut evidence = SideEvidence::default();
    for (number, kind) in [(1, 4), (2, 6), (3, 6)] {
        let mut message = vec![if kind == 4 { 1 } else { 2 }, 1, 6, 0, 0, 0, 0, number];
        message.resize(236, 0);
        message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, kind, 50, 4, 10, 0, 0, 9, 54, 4, 10, 0, 0, 1, 255]);
        let time = Timestamp::from_nanos(i64::from(number));
        let at = Moment { time, frame: FrameId::new(0, u64::from(number)) };
        evidence.refusals.extend(Refusals::of(&message, time, at));
    }
    let counts: Vec<_> = evidence.refusals().map(|(_, one)| (one.declines.count, one.naks.count)).collect();
    assert_eq!(counts, [(1, 0), (0, 1), (0, 1)]);
    let mut bytes = Vec::new();
    evidence.store_refusals(&mut bytes);
    let mut loaded = SideEvidence::default();
    loaded.load_refusals(&mut crate::state::Load::of_head(bytes)).unwrap();
    assert_eq!(loaded, evidence);
}
