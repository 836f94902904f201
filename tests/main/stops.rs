//! What worked and works no more, though the other side still speaks: on other connections, by ICMP errors, by what answers
//! nothing. Each with its twin.

use igorscope::policy::Severity;
use igorscope::survey::Survey;

use crate::answers::{SERVER, answering};
use crate::crossing::one_way;
use crate::field::{has, one, told};
use crate::mirror::{BACNET, C, GATEWAY, Mirror, S, node};
use crate::traffic::frame::{ACK, FIN, PSH, RST, SYN};
use crate::traffic::payload::{bacnet, coap, tftp};
use crate::traffic::site::START;
use crate::traffic::wire::{MILLI, SECOND};

#[test]
fn a_tftp_server_that_worked_and_answers_no_more_is_told() {
    // RFC 1350 section 4: each request is owed an answer, from whatever port.
    let asked = |answered: u16, fresh: bool, refused: bool| {
        let mut mirror = Mirror::default();
        for turn in 0..7_u16 {
            let client = (node(101), if fresh { 3000 + turn } else { 3000 });
            let at = u64::from(turn) * 60 * SECOND;
            mirror.udp(at, client, SERVER, &tftp::read("node.bin", &[("blksize", "1024")]));
            if turn < answered {
                mirror.transfer(at + 10 * MILLI, client, answering(true, turn));
            } else if refused {
                mirror.port_unreachable(at + 10 * MILLI, SERVER, client);
            }
        }
        mirror.goes_on().by_address()
    };
    for (fresh, refused) in [(false, false), (true, false), (false, true), (true, true)] {
        let survey = asked(2, fresh, refused);
        assert_eq!(told(&survey), one_way(), "{fresh} {refused}");
        one(&survey, "stopped-answering").says(&["; 5 tries came to nothing since."]);
        assert_eq!(told(&asked(7, fresh, refused)), [], "{fresh} {refused}");
    }
}

#[test]
fn a_port_that_worked_and_is_refused_by_icmp_is_told() {
    // RFC 1122 section 3.2.2.1: each error says that one datagram was not handed over.
    let sent = |answers: u16| {
        let (mut mirror, client, server) = (Mirror::default(), (GATEWAY, 50_000), (node(101), 5683));
        for turn in 0..10_u16 {
            let at = u64::from(turn) * 8 * SECOND;
            mirror.udp(at, client, server, &coap::request(coap::NON, coap::GET, turn, &[7], "light/level", &[]));
            if turn < answers {
                mirror.udp(at + 10 * MILLI, server, client, &coap::content(coap::NON, 100 + turn, &[7], None, "{}"));
            } else {
                mirror.port_unreachable(at + 10 * MILLI, server, client);
            }
        }
        mirror.by_address()
    };
    assert_eq!(told(&sent(2)), one_way());
    assert_eq!(told(&sent(10)), []);
    // One or two may be a restart.
    assert_eq!(told(&sent(8)), []);
}

#[test]
fn copies_of_answers_hide_no_refusal_of_them() {
    let mut mirror = Mirror::default();
    let (client, server) = ((GATEWAY, 50_000), (node(101), 5683));
    for turn in 0..4_u16 {
        let at = u64::from(turn) * 4 * SECOND;
        mirror.udp(at, client, server, &coap::request(coap::CON, coap::GET, turn, &[7], "light/level", &[]));
        mirror.udp(at + 10 * MILLI, server, client, &coap::content(coap::ACK, turn, &[7], None, "{}"));
        let copy = mirror.tape.records.last().expect("an answer").clone();
        mirror.tape.push(copy.time + 20_000, copy.frame);
        mirror.unreachable(at + 11 * MILLI, (GATEWAY, 10), client, server);
    }
    assert_eq!(told(&mirror.by_address()), [(Severity::Alert, "blocked")]);
}

#[test]
fn routers_that_speak_of_networks_answer_no_application() {
    // ASHRAE 135 clause 6.4: I-Am-Router-To-Network is sent whatever was asked.
    let i_am_router = [0x81, 0x0b, 0, 9, 0x01, 0x80, 0x01, 0x00, 0x07];
    let read = |routes: bool| {
        let (mut mirror, client, server) = (Mirror::default(), (BACNET, 47_808), (GATEWAY, 47_808));
        for number in 0..6_u8 {
            let at = u64::from(number) * 5 * SECOND;
            mirror.udp(at, client, server, &bacnet::read_property(number, 7));
            if routes {
                mirror.udp(at + SECOND, server, client, &i_am_router);
            }
        }
        told(&mirror.by_address())
    };
    assert_eq!(read(true), [(Severity::Alert, "blocked")]);
    assert_eq!(read(false), [(Severity::Alert, "blocked")]);
}

#[test]
fn what_is_asked_as_the_capture_ends_is_doubted() {
    let asked = |apart: u64, more: u64| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (GATEWAY, 41_000), (node(101), 80), [1_000, 5_000]);
        for turn in 0..4_u16 {
            let at = 60 * SECOND + u64::from(turn) * apart;
            let request = coap::request(coap::CON, coap::GET, turn, &[turn as u8], "light/level", &[]);
            mirror.udp(at, (GATEWAY, 50_000), (node(101), 5683), &request);
        }
        mirror.who_has(60 * SECOND + more, GATEWAY, node(102));
        let survey = mirror.by_address();
        has(&survey, "blocked").then(|| one(&survey, "blocked").words.detail.contains("the capture ends at"))
    };
    assert_eq!(asked(2 * MILLI, 20 * MILLI), None, "a burst as it ends");
    assert_eq!(asked(2 * MILLI, 2 * SECOND), Some(true), "a burst soon before it ends");
    assert_eq!(asked(2 * MILLI, 60 * SECOND), Some(false), "a burst that had time");
    assert_eq!(asked(3 * SECOND, 20 * SECOND), Some(false), "again and again");
}

#[test]
fn new_connections_that_come_to_nothing_beside_an_old_one_are_told() {
    let opened = |accepted: &dyn Fn(u64) -> bool| {
        let (mut mirror, server) = (Mirror::default(), (node(101), 88));
        let old = (GATEWAY, 40_000);
        mirror.open(0, old, server, [C, S]);
        for turn in 0..=12_u64 {
            let (at, said) = (turn * 20 * SECOND + SECOND, turn as u32 * 4);
            mirror.tcp(at, old, server, ACK | PSH, [C + 1 + said, S + 1 + said], b"read");
            mirror.tcp(at + MILLI, server, old, ACK | PSH, [S + 1 + said, C + 5 + said], b"told");
            if turn == 12 {
                break;
            }
            let new = (GATEWAY, 41_000 + turn as u16);
            if accepted(turn) {
                mirror.exchange(at + SECOND, new, server, [C, S]);
            } else {
                mirror.knock(at + SECOND, new, server);
            }
        }
        mirror.by_address()
    };
    let survey = opened(&|turn| turn < 4);
    assert_eq!(told(&survey), one_way());
    let read = one(&survey, "stopped-answering");
    read.says(&["new connections come to nothing. Since 2026"]);
    assert!(read.words.advice.contains("lets pass what is open and nothing new"), "{}", read.words.advice);
    assert_eq!(told(&opened(&|_| true)), []);
    // It accepted later ones.
    assert_eq!(told(&opened(&|turn| turn > 5)), []);
}

/// How a connection ends after the handshake.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The client asks and is answered.
    Answered,
    /// The client asks, and a reset comes in the server's name.
    Reset,
    /// The same, but the server acknowledged what was asked.
    Taken,
    /// The client asks, and the server finishes.
    Finished,
    /// The client asks and finishes, and so does the server.
    Left,
    /// The client says nothing, and is reset.
    Probed,
    /// The same, later, since it is not used.
    Idle,
    /// The client looks whether the port is open, and resets.
    Aborted,
}

/// RFC 9293 section 3.5.2 knows no reset of what is acceptable: what filters by content makes it.
#[test]
fn connections_that_are_reset_without_an_answer_are_told() {
    let opened_on = |port: u16, asks: &[u8], apart: u64, how: &[End]| {
        let mut mirror = Mirror::default();
        for (turn, how) in how.iter().enumerate() {
            let (at, client, server) = (turn as u64 * apart, (GATEWAY, 41_000 + turn as u16), (node(101), port));
            let said = C + 1 + asks.len() as u32;
            if *how == End::Answered {
                mirror.exchange(at, client, server, [C, S]);
                continue;
            }
            mirror.open(at, client, server, [C, S]);
            if *how == End::Aborted {
                mirror.tcp(at + 3 * MILLI, client, server, RST | ACK, [C + 1, S + 1], &[]);
                continue;
            }
            if !matches!(how, End::Probed | End::Idle) {
                mirror.tcp(at + 3 * MILLI, client, server, ACK | PSH, [C + 1, S + 1], asks);
            }
            if *how == End::Taken {
                mirror.tcp(at + 4 * MILLI, server, client, ACK, [S + 1, said], &[]);
            }
            if *how == End::Left {
                mirror.tcp(at + 4 * MILLI, client, server, FIN | ACK, [said, S + 1], &[]);
            }
            let at = if *how == End::Idle { at + 8 * SECOND } else { at };
            let flags = if matches!(how, End::Finished | End::Left) { FIN | ACK } else { RST | ACK };
            mirror.tcp(at + 5 * MILLI, server, client, flags, [S + 1, said], &[]);
            if *how == End::Left {
                mirror.tcp(at + 6 * MILLI, client, server, ACK, [said + 1, S + 2], &[]);
            }
        }
        mirror.by_address()
    };
    let opened = |apart: u64, how: &[End]| opened_on(80, b"GET / HTTP/1.1\r\n\r\n", apart, how);
    use End::{Aborted, Answered, Finished, Idle, Left, Probed, Reset, Taken};
    let always = opened(10 * SECOND, &[Reset; 5]);
    assert_eq!(told(&always), one_way());
    let read = one(&always, "stopped-answering");
    read.says(&["resets or closes each without an answer. Since 2026"]);
    read.says(&[" 5 tries came to nothing"]);
    assert!(read.words.advice.contains("next-generation firewall"), "{}", read.words.advice);
    for broken in [[Answered, Reset, Reset, Reset], [Answered, Taken, Taken, Taken], [Finished; 4], [Probed; 4]] {
        assert_eq!(told(&opened(10 * SECOND, &broken)), one_way());
    }
    for healthy in
        [[Reset, Reset, Reset, Answered], [Answered, Taken, Finished, Answered], [Left; 4], [Aborted; 4], [Idle; 4]]
    {
        assert_eq!(told(&opened(10 * SECOND, &healthy)), []);
    }
    // Where no protocol is known a client may only have had something to say.
    for done in [[Taken; 4], [Finished; 4]] {
        assert_eq!(told(&opened_on(88, b"log", 10 * SECOND, &done)), []);
    }
    // A service that starts anew resets what comes just then.
    assert_eq!(told(&opened(SECOND / 10, &[Reset; 5])), []);
}

/// A firewall that did not see the SYN drops the SYN-ACK and resets the server in the client's name. RFC 9293 section 3.8.1:
/// the client, which heard nothing, sends the same SYN again.
#[test]
fn a_reset_in_the_name_of_who_still_tries_gives_up_nothing() {
    let tried = |is_same: bool, turns: u32| {
        let (mut mirror, client, server) = (Mirror::default(), (GATEWAY, 41_000), (node(101), 88));
        for turn in 0..turns {
            let (at, own) = ((1 << turn) * SECOND, if is_same { C } else { C + 1000 * turn });
            mirror.tcp(at, client, server, SYN, [own, 0], &[]);
            mirror.tcp(at + MILLI, server, client, SYN | ACK, [S + 7 * turn, own + 1], &[]);
            mirror.tcp(at + 2 * MILLI, client, server, RST, [own + 1, 0], &[]);
        }
        told(&mirror.by_address())
    };
    assert_eq!(tried(true, 5), [(Severity::Alert, "blocked")]);
    // Who looks whether a port is open resets each of its own attempts.
    assert_eq!(tried(false, 5), []);
    assert_eq!(tried(true, 1), []);
}

/// The computer that receives a mirror by a tunnel listens on no such port, and says so of each packet (RFC 1122 section
/// 3.2.2.1): it was captured all the same.
#[test]
fn who_refuses_the_mirror_it_captures_reports_no_loss() {
    let [switch, laptop] = [(node(250), 50_000), (node(251), 4789)];
    let seen = |tunnelled: bool| {
        let mut inner = Mirror::default();
        (0..3).for_each(|turn| inner.exchange(turn * SECOND, (GATEWAY, 41_000 + turn as u16), (node(101), 80), [C, S]));
        let mut mirror = Mirror::default();
        for record in inner.tape.records {
            let at = record.time - START;
            if tunnelled {
                let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0], record.frame.as_slice()].concat();
                mirror.udp(at, switch, laptop, &vxlan);
            } else {
                mirror.tape.push(record.time, record.frame);
            }
            mirror.port_unreachable(at + MILLI, laptop, switch);
        }
        told(&mirror.by_address())
    };
    assert_eq!(seen(true), []);
    assert_eq!(seen(false), [(Severity::Notice, "rejected-unseen")]);
}

#[test]
fn a_server_that_accepts_and_hears_nothing_then_is_blocked() {
    // RFC 9293 section 3.10.7.4: in SYN-RECEIVED the acknowledgement ends the repetition of the SYN-ACK.
    let opened = |heard: bool| {
        let (mut mirror, client, server) = (Mirror::default(), (GATEWAY, 41_000), (node(101), 88));
        mirror.open(0, client, server, [C, S]);
        for late in [1, 3, 7, 15] {
            let at = late * SECOND;
            mirror.tcp(at, client, server, ACK | PSH, [C + 1, S + 1], b"read");
            if heard {
                mirror.tcp(at + MILLI, server, client, ACK | PSH, [S + 1, C + 5], b"told");
            } else {
                mirror.tcp(at + MILLI, server, client, SYN | ACK, [S, C + 1], &[]);
                mirror.tcp(at + 2 * MILLI, client, server, ACK, [C + 5, S + 1], &[]);
            }
        }
        mirror.by_address()
    };
    let survey = opened(false);
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    one(&survey, "blocked").says(&["the server accepted again and again, and took up nothing"]);
    assert_eq!(told(&opened(true)), []);
}

/// ANSI/ASHRAE 135 clause 5.3: each window of segments is acknowledged before the next is sent. Where the large ones are lost on
/// their way, the client asks again until it gives up.
#[test]
fn answers_in_segments_that_nobody_acknowledges_are_told() {
    let asked = |arrive: bool| {
        let (mut mirror, gateway, bacnet) = (Mirror::default(), (GATEWAY, 47_808), (BACNET, 47_808));
        for turn in 0..8_u8 {
            let at = u64::from(turn) * 3 * SECOND;
            let (ask, again) = if arrive { (turn, false) } else { (turn / 4, turn % 2 == 1) };
            mirror.udp(at, bacnet, gateway, &bacnet::read_property(ask, 7));
            if again {
                continue;
            }
            for segment in 0..2 {
                let at = at + MILLI * u64::from(segment + 1);
                let more = if segment == 0 { 0x04 } else { 0 };
                let head = [0x81, 0x0a, 0, 0x10, 1, 0, 0x38 | more, ask, segment, 1, 0x0c, 0, 0, 0, 0, 0];
                mirror.udp(at, gateway, bacnet, &head);
                if !arrive {
                    break;
                }
                let taken = [0x81, 0x0a, 0, 0x0a, 1, 0, 0x40, ask, segment, 1];
                mirror.udp(at + MILLI / 2, bacnet, gateway, &taken);
            }
        }
        told(&mirror.goes_on().by_address())
    };
    assert_eq!(asked(false), one_way());
    assert_eq!(asked(true), []);
}

#[test]
fn answers_that_nobody_asked_for_show_a_mirror_of_one_direction() {
    let seen = |asked: bool, answers: bool| {
        let (mut mirror, gateway, bacnet) = (Mirror::default(), (GATEWAY, 47_808), (BACNET, 47_808));
        for number in 0..6_u8 {
            let at = u64::from(number) * 5 * SECOND;
            if asked {
                mirror.udp(at, bacnet, gateway, &bacnet::read_property(number, 7));
            }
            mirror.udp(at + SECOND, gateway, bacnet, &bacnet::read_property(100 + number, 7));
            if answers {
                mirror.udp(at + 2 * SECOND, gateway, bacnet, &bacnet::read_property_ack(number, 7, 21.5));
            }
        }
        mirror.by_address()
    };
    let doubted = |survey: &Survey| survey.caveats.iter().any(|caveat| caveat.kind == "one-way-mirror");
    let survey = seen(false, true);
    assert_eq!((told(&survey), doubted(&survey)), (vec![], true));
    // Its questions alone prove nothing of the mirror.
    let survey = seen(false, false);
    assert_eq!((told(&survey), doubted(&survey)), (vec![(Severity::Alert, "blocked")], false));
    assert!(!doubted(&seen(true, true)));
}
