use super::*;
use crate::flow::scene::Scene;

const FIN: u8 = TcpFlags::FIN;

const CLIENT: &str = "10.0.0.1:40000";

/// What was sent, in order: `>` by the client, `<` by the server.
fn tally(script: &str, server: &str, send: impl Fn(&mut Scene, &str, &str, &str)) -> Tally {
    let mut scene = Scene::default();
    for (at, word) in (1..).zip(script.split_whitespace()) {
        let (sender, what) = word.split_at(1);
        let (from, to) = if sender == ">" { (CLIENT, server) } else { (server, CLIENT) };
        send(scene.at(10 * at), from, to, what);
    }
    let mut tally = Tally::NONE;
    scene.observe().flows.iter().for_each(|flow| tally.add(&flow, 0));
    tally
}

/// Of TCP segments, each with the first letters of its flags, and `+` if it has payload.
fn segments(script: &str) -> Tally {
    tally(script, "10.0.0.2:80", |scene, from, to, what| {
        let flag = |letter| match letter {
            'S' => TcpFlags::SYN,
            'A' => TcpFlags::ACK,
            'F' => TcpFlags::FIN,
            'R' => TcpFlags::RST,
            _ => 0,
        };
        let payload: &[u8] = if what.contains('+') { b"data" } else { b"" };
        scene.tcp(from, to, what.chars().fold(0, |flags, letter| flags | flag(letter)), payload);
    })
}

/// Of CoAP's messages: `?` is to be acknowledged, `!` is an acknowledgement.
fn datagrams(script: &str) -> Tally {
    tally(script, "10.0.0.2:5683", |scene, from, to, what| {
        scene.udp(from, to, if what == "?" { b"\x40\x01\0\x01" } else { b"\x60\x45\0\x01" });
    })
}

#[test]
fn tcp_outcomes() {
    let table = [
        ("handshake", ">S <SA >A", Outcome::Established),
        ("handshake and data", ">S <SA >A+ <A+ >A <A", Outcome::Established),
        ("data, then a reset", ">S <SA >A+ <A+ >A <RA", Outcome::Established),
        ("handshake, then a reset", ">S <SA >A <RA", Outcome::Established),
        ("SYN refused", ">S <RA", Outcome::Refused),
        ("SYN and retries refused", ">S <RA >S <RA >S <RA", Outcome::Refused),
        ("SYN lost", ">S", Outcome::Unanswered),
        ("SYN and its retries lost", ">S >S >S >S >S", Outcome::Unanswered),
        ("SYN lost, client gives up", ">S >R", Outcome::Unanswered),
        ("only the client's direction was captured", ">S >A >A+", Outcome::OneWay),
        ("no SYN, both ways", ">A+ <A+ >A+ <A+", Outcome::Midstream),
        ("no SYN, client only", ">A+ >A+ >A+ >A+", Outcome::Midstream),
        ("no SYN, closed", ">A+ >FA <RA", Outcome::Midstream),
        ("SYN missed, SYN-ACK taken up", "<SA >A", Outcome::Established),
        ("only the server's direction was captured", "<SA <A+ <A", Outcome::Midstream),
        ("half open, once", ">S <SA", Outcome::Established),
        ("half open, retried", ">S <SA >S <SA >S <SA", Outcome::Unanswered),
        ("half open, reset by the client (a scan)", ">S <SA >R", Outcome::Established),
        ("SYN-ACK missed, server speaks", ">S >A+ <A <A", Outcome::Established),
        ("both open, and neither accepts", ">S <S >S <S >S <S", Outcome::Unanswered),
        ("both open, and both accept", ">S <S >SA <SA >A+ <A+", Outcome::Established),
        ("refused first, then accepted", ">S <RA <SA >R", Outcome::Refused),
        ("refused first each time, then accepted", ">S <RA <SA >R >S <RA <SA >R", Outcome::Refused),
        ("refused while the server started, then accepted", ">S <RA >S <RA >S <SA >A", Outcome::Established),
        ("refused once, then asked half and half", ">S <RA >S <SA >R >S <SA >R", Outcome::Established),
        ("reset behind one handshake", ">S <SA >R >S <SA >A+ <A+", Outcome::Established),
    ];
    for (what, script, expected) in table {
        assert_eq!(outcome(Transport::Tcp, None, false, &segments(script)), expected, "{what}");
    }
    let rejected = |script| Tally { rejected: 3, ..segments(script) };
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">A+ >A+ >A+ >A+")), Outcome::Rejected);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">A+ >A+ >A+ >A+ >A+ >A+")), Outcome::Midstream);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">A+ >A+ >A+ <A+")), Outcome::Midstream);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">FA >FA >FA")), Outcome::Midstream);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">S >S")), Outcome::Rejected);
    assert_eq!(outcome(Transport::Tcp, None, false, &rejected(">S <SA >A+ <A+")), Outcome::Established);
}

#[test]
fn an_answer_that_cannot_belong_to_the_syn_is_none() {
    // RFC 9293 section 3.10.7.4 and RFC 5961 section 4: a listener with an older connection acknowledges that one.
    let challenged = ">S <A >R >S <A >R >S <A >R >S <A >R >S <A >R >S <A >R";
    let stale = Tally { answer: SynAnswer::OfAnother, ..segments(challenged) };
    assert_eq!(outcome(Transport::Tcp, None, false, &stale), Outcome::Unanswered);
    assert!(stale.is_of_old_connection());
    // A reset may acknowledge, and the old connection's last words may have been captured: neither takes anything up.
    for script in [&challenged.replace(">R", ">RA"), &format!(">A <A {challenged}")] {
        let stale = Tally { answer: SynAnswer::OfAnother, ..segments(script) };
        assert_eq!(outcome(Transport::Tcp, None, false, &stale), Outcome::Unanswered, "{script}");
    }
    let goes_on = Tally { answer: SynAnswer::OfAnother, ..segments(">S <A >A+ <A >A+ <A >RA") };
    assert_eq!(outcome(Transport::Tcp, None, false, &goes_on), Outcome::Established);
    // A SYN-ACK for another SYN is none either, though the client acknowledged something once.
    let acknowledged = ">S >R >S >R >S >R >S >R >S >R >S <SA >A >R";
    let other = Tally { answer: SynAnswer::OfAnother, ..segments(acknowledged) };
    assert_eq!(outcome(Transport::Tcp, None, false, &other), Outcome::Unanswered);
    for answer in [SynAnswer::Fits, SynAnswer::Unknown] {
        let fits = Tally { answer, ..segments(acknowledged) };
        assert_eq!(outcome(Transport::Tcp, None, false, &fits), Outcome::Established);
    }
    // A refusal is one whatever came before.
    let refused = Tally { answer: SynAnswer::OfAnother, ..segments(&format!("{challenged} <R")) };
    assert_eq!(outcome(Transport::Tcp, None, false, &refused), Outcome::Refused);
}

#[test]
fn a_connection_joined_in_the_middle_works_by_data_both_ways() {
    for (script, works) in [(">A+ <A+", true), (">A+ <A", false), (">A <A+", false), (">A <A", false)] {
        assert_eq!(segments(script).both_ways(Transport::Tcp), works);
        assert!(segments(script).both_ways(Transport::Udp));
    }
}

#[test]
fn datagram_outcomes() {
    let table = [
        ("both ways", Transport::Udp, None, false, ">? <!", Outcome::Established),
        ("a request without answer", Transport::Udp, None, false, ">?", Outcome::Unanswered),
        ("a request to a group", Transport::Udp, None, true, ">?", Outcome::OneWay),
        ("proprietary", Transport::Udp, None, false, ">!", Outcome::OneWay),
        ("only the server", Transport::Udp, None, false, "<!", Outcome::Midstream),
        ("notifications that nobody acknowledges", Transport::Udp, None, false, "<? <?", Outcome::Unanswered),
        ("ping", Transport::Icmp, Some(8), false, ">! <!", Outcome::Established),
        ("ping without answer", Transport::Icmp, Some(8), false, ">!", Outcome::Unanswered),
        ("ping of a group", Transport::Icmpv6, Some(128), true, ">!", Outcome::OneWay),
        ("neighbour solicitation", Transport::Icmpv6, Some(135), true, ">!", Outcome::OneWay),
        ("another protocol", Transport::Other(47), None, false, ">!", Outcome::OneWay),
        ("another protocol both ways", Transport::Other(47), None, false, ">! <!", Outcome::Established),
    ];
    for (what, transport, kind, to_group, script, expected) in table {
        assert_eq!(outcome(transport, kind, to_group, &datagrams(script)), expected, "{what}");
    }
    let answered = Tally { answered: true, ..datagrams(">?") };
    assert_eq!(outcome(Transport::Udp, None, false, &answered), Outcome::Established, "a related flow answers");
    let rejected = Tally { rejected: 1, ..datagrams(">!") };
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
        let mut tally = segments(">S <SA >A+ <A+ >A+ <A+ >A+ <A+ >A+ >A+ >A+ >A+ >A+");
        (tally.client.unanswered, tally.client.unanswered_until) = (5, seconds(130));
        (tally.server.last_reply, tally.client.last_reply) = (seconds(100), seconds(130));
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
    // What a server sends again and again, and nobody acknowledges, unless either end closed the connection.
    let mut unheard = base();
    (unheard.client.unanswered, unheard.server.unanswered) = (0, 7);
    unheard.server.unanswered_until = seconds(160);
    let silence = went_silent(Transport::Tcp, Outcome::Established, &unheard).expect("seven segments");
    assert_eq!(silence, Silence { how: SilentParty::Client, since: seconds(130), requests: 7 });
    for close in [|tally: &mut Tally| tally.client.flags.0 |= FIN, |tally: &mut Tally| tally.server.flags.0 |= FIN] {
        let mut closed = unheard;
        close(&mut closed);
        assert!(went_silent(Transport::Tcp, Outcome::Established, &closed).is_none());
    }
    // Confirmable notifications of a server are to be acknowledged by the client (RFC 7641 section 4.5).
    let mut notifies = base();
    (notifies.client.asks, notifies.client.unanswered, notifies.server.asks) = (false, 0, true);
    (notifies.server.unanswered, notifies.server.unanswered_until) = (4, seconds(170));
    let silence = went_silent(Transport::Udp, Outcome::Established, &notifies).expect("four notifications");
    assert_eq!(silence, Silence { how: SilentParty::Client, since: seconds(130), requests: 4 });
}
