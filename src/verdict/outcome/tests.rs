use std::net::IpAddr;

use super::*;
use crate::decode::VlanPath;
use crate::flow::{Flow, FlowEnd};

const SYN: u8 = TcpFlags::SYN;
const ACK: u8 = TcpFlags::ACK;
const RST: u8 = TcpFlags::RST;
const FIN: u8 = TcpFlags::FIN;

/// What one side sent: packets, union of flags, SYNs, SYN-ACKs, resets, payload.
#[derive(Clone, Copy, Default)]
struct Sent {
    packets: u64,
    flags: u8,
    syns: u16,
    syn_acks: u16,
    resets: u16,
    payload: bool,
    asks: bool,
}

const NOTHING: Sent = Sent { packets: 0, flags: 0, syns: 0, syn_acks: 0, resets: 0, payload: false, asks: false };

fn tally(client: Sent, server: Sent) -> Tally {
    let end = |port, sent: Sent| FlowEnd {
        packets: sent.packets,
        tcp_flags: TcpFlags(sent.flags),
        syns: sent.syns,
        syn_acks: sent.syn_acks,
        resets: sent.resets,
        has_payload: sent.payload,
        asks: sent.asks,
        replies: sent.packets > 0,
        ..FlowEnd::silent(IpAddr::from([10, 0, 0, 1]), port)
    };
    let flow = Flow {
        vlan: VlanPath::Untagged,
        transport: Transport::Tcp,
        icmp_type: None,
        icmp_code: 0,
        ends: [end(40_000, client), end(80, server)],
        sources: [0].into_iter().collect(),
        folded: 0,
    };
    let mut tally = Tally::NONE;
    tally.add(&flow.view(), 0);
    tally
}

#[test]
fn tcp_outcomes() {
    let syns = |syns| Sent { packets: u64::from(syns), flags: SYN, syns, ..NOTHING };
    let opened = Sent { packets: 2, flags: SYN | ACK, syns: 1, ..NOTHING };
    let spoke = Sent { packets: 3, payload: true, ..opened };
    let accepts = Sent { packets: 1, flags: SYN | ACK, syn_acks: 1, ..NOTHING };
    let serves = Sent { packets: 3, payload: true, ..accepts };
    let resets = Sent { packets: 1, flags: RST | ACK, resets: 1, ..NOTHING };
    let mid = Sent { packets: 4, flags: ACK, payload: true, ..NOTHING };
    let table = [
        ("handshake", opened, accepts, Outcome::Established),
        ("handshake and data", spoke, serves, Outcome::Established),
        ("data, then a reset", spoke, Sent { flags: SYN | ACK | RST, resets: 1, ..serves }, Outcome::Established),
        ("handshake, then a reset", opened, Sent { resets: 1, packets: 2, ..accepts }, Outcome::Established),
        ("SYN refused", syns(1), resets, Outcome::Refused),
        ("SYN and retries refused", syns(3), Sent { packets: 3, resets: 3, ..resets }, Outcome::Refused),
        ("SYN lost", syns(1), NOTHING, Outcome::Unanswered),
        ("SYN and its retries lost", syns(5), NOTHING, Outcome::Unanswered),
        (
            "SYN lost, client gives up",
            Sent { flags: SYN | RST, resets: 1, packets: 2, ..syns(1) },
            NOTHING,
            Outcome::Unanswered,
        ),
        ("only the client's direction was captured", spoke, NOTHING, Outcome::OneWay),
        ("no SYN, both ways", mid, mid, Outcome::Midstream),
        ("no SYN, client only", mid, NOTHING, Outcome::Midstream),
        ("no SYN, closed", Sent { flags: ACK | FIN, ..mid }, resets, Outcome::Midstream),
        ("SYN missed, SYN-ACK taken up", Sent { packets: 1, flags: ACK, ..NOTHING }, accepts, Outcome::Established),
        ("only the server's direction was captured", NOTHING, serves, Outcome::Midstream),
        ("half open, once", syns(1), accepts, Outcome::Established),
        ("half open, retried", syns(3), Sent { packets: 3, syn_acks: 3, ..accepts }, Outcome::Unanswered),
        (
            "half open, reset by the client (a scan)",
            Sent { packets: 2, flags: SYN | RST, resets: 1, ..syns(1) },
            accepts,
            Outcome::Established,
        ),
        ("SYN-ACK missed, server speaks", spoke, Sent { packets: 2, flags: ACK, ..NOTHING }, Outcome::Established),
    ];
    for (what, client, server, expected) in table {
        assert_eq!(outcome(Transport::Tcp, None, false, &tally(client, server)), expected, "{what}");
    }
    let rejected = |client, server| Tally { rejected: true, ..tally(client, server) };
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(syns(2), NOTHING)), Outcome::Rejected);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(spoke, serves)), Outcome::Established);
}

#[test]
fn an_answer_that_cannot_belong_to_the_syn_is_none() {
    // RFC 9293 section 3.10.7.4 and RFC 5961 section 4: a listener with an older connection acknowledges that one.
    let syn = Sent { packets: 12, flags: SYN | RST, syns: 6, resets: 6, ..NOTHING };
    let challenge = Sent { packets: 6, flags: ACK, ..NOTHING };
    let stale = Tally { answer: SynAnswer::OfAnother, ..tally(syn, challenge) };
    assert_eq!(outcome(Transport::Tcp, None, false, &stale), Outcome::Unanswered);
    assert!(stale.is_of_old_connection());
    // A SYN-ACK for another SYN is none either, though the client acknowledged something once.
    let accepts = Sent { packets: 1, flags: SYN | ACK, syn_acks: 1, ..NOTHING };
    let acknowledged = Sent { flags: SYN | ACK, ..syn };
    let other = Tally { answer: SynAnswer::OfAnother, ..tally(acknowledged, accepts) };
    assert_eq!(outcome(Transport::Tcp, None, false, &other), Outcome::Unanswered);
    for answer in [SynAnswer::Fits, SynAnswer::Unknown] {
        let fits = Tally { answer, ..tally(acknowledged, accepts) };
        assert_eq!(outcome(Transport::Tcp, None, false, &fits), Outcome::Established);
    }
    // A refusal is one whatever came before.
    let refused = Tally { answer: SynAnswer::OfAnother, ..tally(syn, Sent { resets: 1, ..challenge }) };
    assert_eq!(outcome(Transport::Tcp, None, false, &refused), Outcome::Refused);
}

#[test]
fn a_connection_joined_in_the_middle_works_by_data_both_ways() {
    let [data, bare] = [true, false].map(|payload| Sent { packets: 4, flags: ACK, payload, ..NOTHING });
    for (client, server, works) in [(data, data, true), (data, bare, false), (bare, data, false), (bare, bare, false)] {
        assert_eq!(tally(client, server).both_ways(Transport::Tcp), works);
        assert!(tally(client, server).both_ways(Transport::Udp));
    }
}

#[test]
fn datagram_outcomes() {
    let one = Sent { packets: 1, payload: true, ..NOTHING };
    let request = Sent { asks: true, ..one };
    let table = [
        ("both ways", Transport::Udp, None, false, request, one, Outcome::Established),
        ("a request without answer", Transport::Udp, None, false, request, NOTHING, Outcome::Unanswered),
        ("a request to a group", Transport::Udp, None, true, request, NOTHING, Outcome::OneWay),
        ("proprietary", Transport::Udp, None, false, one, NOTHING, Outcome::OneWay),
        ("only the server", Transport::Udp, None, false, NOTHING, one, Outcome::Midstream),
        ("a notification that nobody acknowledges", Transport::Udp, None, false, NOTHING, request, Outcome::Unanswered),
        ("ping", Transport::Icmp, Some(8), false, one, one, Outcome::Established),
        ("ping without answer", Transport::Icmp, Some(8), false, one, NOTHING, Outcome::Unanswered),
        ("ping of a group", Transport::Icmpv6, Some(128), true, one, NOTHING, Outcome::OneWay),
        ("neighbour solicitation", Transport::Icmpv6, Some(135), true, one, NOTHING, Outcome::OneWay),
        ("another protocol", Transport::Other(47), None, false, one, NOTHING, Outcome::OneWay),
        ("another protocol both ways", Transport::Other(47), None, false, one, one, Outcome::Established),
    ];
    for (what, transport, kind, to_group, client, server, expected) in table {
        assert_eq!(outcome(transport, kind, to_group, &tally(client, server)), expected, "{what}");
    }
    let answered = Tally { answered: true, ..tally(request, NOTHING) };
    assert_eq!(outcome(Transport::Udp, None, false, &answered), Outcome::Established, "a related flow answers");
    let rejected = Tally { rejected: true, ..tally(one, NOTHING) };
    assert_eq!(outcome(Transport::Udp, None, false, &rejected), Outcome::Rejected);
    assert_eq!(outcome(Transport::Udp, None, false, &Tally { answered: true, ..rejected }), Outcome::Established);
}

#[test]
fn the_best_connection_speaks_for_the_conversation_unless_too_little_of_it_was_seen() {
    let order = [
        (Outcome::Established, true),
        (Outcome::Midstream, true),
        (Outcome::Refused, true),
        (Outcome::Rejected, false),
        (Outcome::Unanswered, false),
        (Outcome::Midstream, false),
        (Outcome::OneWay, false),
    ];
    assert!(order.is_sorted_by(|a, b| rank(a.0, a.1) > rank(b.0, b.1)));
}

#[test]
fn silence_counts_only_where_an_answer_is_owed_and_the_connection_was_not_closed() {
    let seconds = |n: i64| Timestamp::from_nanos(n * 1_000_000_000);
    let base = || {
        let mut tally = tally(
            Sent { packets: 9, flags: SYN | ACK, syns: 1, payload: true, asks: true, ..NOTHING },
            Sent { packets: 4, flags: SYN | ACK, syn_acks: 1, payload: true, ..NOTHING },
        );
        (tally.client.unanswered, tally.client.unanswered_until) = (5, seconds(130));
        (tally.server.last, tally.client.last) = (seconds(100), seconds(130));
        tally
    };
    let silent = |transport, tally: &Tally| went_silent(transport, Outcome::Established, tally).is_some();
    assert!(silent(Transport::Tcp, &base()));
    assert!(silent(Transport::Udp, &base()));
    let mut closed = base();
    closed.server.flags.0 |= FIN;
    assert!(!silent(Transport::Tcp, &closed));
    let mut few = base();
    few.client.unanswered = 2;
    assert!(!silent(Transport::Tcp, &few));
    let mut soon = base();
    soon.client.unanswered_until = seconds(102);
    assert!(!silent(Transport::Tcp, &soon) && !silent(Transport::Udp, &soon));
    let mut proprietary = base();
    proprietary.client.asks = false;
    assert!(!silent(Transport::Udp, &proprietary));
    let mut timeless = base();
    timeless.client.unanswered_until = Timestamp::UNKNOWN;
    assert!(!silent(Transport::Tcp, &timeless));
    assert!(went_silent(Transport::Tcp, Outcome::Refused, &base()).is_none());
    // Confirmable notifications of a server are to be acknowledged by the client (RFC 7641 section 4.5).
    let mut notifies = base();
    (notifies.client.asks, notifies.client.unanswered, notifies.server.asks) = (false, 0, true);
    (notifies.server.unanswered, notifies.server.unanswered_until) = (4, seconds(170));
    let silence = went_silent(Transport::Udp, Outcome::Established, &notifies).expect("four notifications");
    assert_eq!(silence, Silence { last_answer: seconds(130), requests: 4, of_client: true });
}
