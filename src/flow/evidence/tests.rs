use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::protocol;
use crate::protocol::inspect;
use crate::state::Stored;

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

/// DHCP's message types (RFC 2132 section 9.6).
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const ACK: u8 = 5;
const NAK: u8 = 6;

/// What is known of DHCP's messages under one id: each by its number, the second when it was sent, its type, and its server.
fn heard<'a>(messages: impl IntoIterator<Item = (usize, &'a (i64, u8, u8))>) -> SideEvidence {
    heard_as(1, messages)
}

/// The same under this id.
fn heard_as<'a>(id: u8, messages: impl IntoIterator<Item = (usize, &'a (i64, u8, u8))>) -> SideEvidence {
    let mut evidence = SideEvidence::default();
    for (number, (second, kind, server)) in messages {
        let from_server = matches!(*kind, OFFER | ACK | NAK);
        let mut message = vec![1 + u8::from(from_server), 1, 6, 0, 0xab, 0xcd, 0, id];
        message.resize(236, 0);
        message[16..20].copy_from_slice(if from_server { &[10, 0, 0, 9] } else { &[0; 4] });
        message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, *kind]);
        if *kind != DISCOVER {
            message.extend([50, 4, 10, 0, 0, 9, 54, 4, 10, 0, 0, *server]);
        }
        message.push(255);
        let time = Timestamp::from_nanos(second * 1_000_000_000);
        let at = Moment { time, frame: FrameId::new(0, number as u64 + 1) };
        let seen = inspect(protocol::Transport::Udp, 68, 67, &message, message.len() as u32);
        let stream = (VlanPath::Untagged, (host(0), 68), (IpAddr::from([255; 4]), 67));
        evidence.payload(stream, true, time, at, &message, seen);
    }
    evidence
}

fn lease(at: i64) -> [(i64, u8, u8); 4] {
    [DISCOVER, OFFER, REQUEST, ACK].map(|kind| (at, kind, 1))
}

#[test]
fn an_id_that_a_client_uses_again_is_of_another_transaction() {
    let transactions = |messages: &[(i64, u8, u8)]| -> Vec<(u64, u64)> {
        let transactions = heard(messages.iter().enumerate()).transactions();
        transactions.iter().map(|one| (one.said.discovers.count, one.said.acks.count)).collect()
    };
    let in_vain = |at| (at, DISCOVER, 1);
    // RFC 2131 section 4.1: it waits twice as long each time, 64 s at most.
    let patient = [[0, 4, 12, 28, 60].map(in_vain).as_slice(), &lease(124)].concat();
    assert_eq!(transactions(&patient), [(6, 1)]);
    assert_eq!(transactions(&[lease(0).as_slice(), &[in_vain(7200), in_vain(7204)]].concat()), [(1, 1), (2, 0)]);
    assert_eq!(transactions(&[lease(20), lease(70)].concat()), [(1, 1), (1, 1)], "it starts again");
    let unheard = [(50, REQUEST, 1), (50, ACK, 1)];
    assert_eq!(transactions(&[lease(20).as_slice(), &unheard].concat()), [(1, 2)], "the ACK was lost behind the place");
}

#[test]
fn what_servers_gave_and_clients_declined_is_of_its_transaction() {
    let replaced = lease(7200).map(|(at, kind, _)| (at, kind, 2));
    let messages = [lease(20).as_slice(), &[(33, DECLINE, 1)], &replaced].concat();
    let transactions = heard(messages.iter().enumerate()).transactions();
    let servers = |one: &Transaction| one.given.iter().map(|(server, _)| server.octets()[3]).collect::<Vec<_>>();
    let told: Vec<_> = transactions.iter().map(|one| (servers(one), one.is_declined)).collect();
    assert_eq!(told, [(vec![1], true), (vec![2], false)]);
    // Under an id of its own, of the lease before it.
    let mut declined = heard_as(3, lease(20).iter().enumerate());
    declined.absorb(heard_as(2, [(9, &(33, DECLINE, 1))]), Shift::NONE);
    declined.absorb(heard_as(1, lease(40).iter().enumerate()), Shift::NONE);
    let told: Vec<_> = declined.transactions().iter().map(|one| (one.xid & 0xff, one.is_declined)).collect();
    assert_eq!(told, [(1, false), (3, true)]);
    let messages = [lease(20).as_slice(), &[(20, OFFER, 2), (31, OFFER, 2)]].concat();
    let transactions = heard(messages.iter().enumerate()).transactions();
    assert_eq!(transactions.iter().map(servers).collect::<Vec<_>>(), [[1, 2]]);
}

proptest! {
    /// Whatever frames lie in which part, and however they are kept.
    #[test]
    fn transactions_hang_on_no_cut_and_states_give_them_back(
        messages in prop::collection::vec((0_i64..600, DISCOVER..=NAK, 1_u8..3, any::<bool>()), 0..40),
    ) {
        let all: Vec<_> = messages.iter().map(|(second, kind, server, _)| (*second, *kind, *server)).collect();
        let part = |first| heard(all.iter().enumerate().filter(|(number, _)| messages[*number].3 == first));
        let whole = heard(all.iter().enumerate());
        let mut sum = part(false);
        sum.absorb(part(true), Shift::NONE);
        prop_assert_eq!(&sum, &whole);
        let mut bytes = Vec::new();
        sum.store(&mut bytes);
        sum.link.store(&mut bytes);
        sum.store_refusals(&mut bytes);
        let mut from = crate::state::Load::of_head(bytes);
        let mut loaded: SideEvidence = from.get().unwrap();
        loaded.link = from.get().unwrap();
        loaded.load_refusals(&mut from).unwrap();
        prop_assert_eq!(loaded.transactions(), whole.transactions());
        prop_assert_eq!(loaded, whole);
    }
}
