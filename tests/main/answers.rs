//! Answers over UDP that do not reach who asked: a firewall lets the request through and not what comes back. Each with its
//! twin, in which the answer arrived, or in which that cannot be told.

use igorscope::policy::{Direction, Role, Severity};
use igorscope::protocol::Transport;
use igorscope::survey::{Source, Survey};
use igorscope::verdict::{CellState, Outcome, Verdict};

use crate::field::{cell, one, told};
use crate::mirror::{EVERYONE, End, GATEWAY, Host, Mirror, host, node};
use crate::states::{judged, options, state_of};
use crate::traffic::frame::{ACK, SYN};
use crate::traffic::payload::{coap, ssdp, tftp};
use crate::traffic::wire::{MILLI, SECOND};

const ROUTER: Host = host([0x02, 0x49, 0x67, 0x0e, 0x00, 0x02], [10, 20, 0, 1]);
const CLIENT: End = (node(101), 3000);
pub(crate) const SERVER: End = (GATEWAY, 69);
const BLOCK: [u8; 512] = [0x5a; 512];

type Message = Vec<u8>;

fn tftp_cell(survey: &Survey) -> CellState {
    cell(survey, Role::Gateway, Direction::Incoming, Transport::Udp, 69)
}

/// What became of what was asked at a port.
pub(crate) fn outcome(survey: &Survey, port: u16) -> Outcome {
    let asked = survey.conversations.iter().find(|conversation| {
        conversation.verdict == Verdict::Documented
            && (conversation.transport, conversation.port) == (Transport::Udp, port)
    });
    asked.expect("it was asked").outcome
}

/// Ports from which a server answers: its own, or a fresh one each time.
pub(crate) fn answering(fresh: bool, turn: u16) -> End {
    (GATEWAY, if fresh { 4000 + turn } else { 69 })
}

fn requests() -> [(Message, Message); 3] {
    let options = [("blksize", "1024")];
    [
        (tftp::read("node.bin", &[]), tftp::data(1, &BLOCK)),
        (tftp::read("node.bin", &options), tftp::oack(&options)),
        (tftp::write("node.log", &[]), tftp::ack(0)),
    ]
}

/// A state is judged as the capture.
pub(crate) fn assert_kept(mirror: &Mirror) {
    let folder = tempfile::tempdir().expect("a folder");
    let [capture, state] = ["a.pcap", "a.igstate"].map(|name| folder.path().join(name));
    std::fs::write(&capture, mirror.tape.pcap()).expect("a file");
    let captures = [Source::File(capture)];
    let options = options(1, None);
    std::fs::write(&state, state_of(&captures, &options)).expect("a file");
    assert!(judged(&Source::of_state(state), &options) == judged(&captures, &options));
}

#[test]
fn a_transfer_that_never_moves_is_blocked() {
    // RFC 1350 section 2 and RFC 2347: each block, and each acknowledgment of options or of a write request, is answered.
    let asked = |fresh: bool, uncounted: bool, (request, answer): &(Message, Message), times: u16| {
        let mut mirror = Mirror { is_uncounted: uncounted, ..Mirror::default() };
        for turn in 0..times {
            let at = u64::from(turn) * 4 * SECOND;
            mirror.udp(at, CLIENT, SERVER, request);
            mirror.udp(at + 10 * MILLI, answering(fresh, turn), CLIENT, answer);
            mirror.udp(at + 1010 * MILLI, answering(fresh, turn), CLIENT, answer);
        }
        mirror
    };
    for exchange in &requests() {
        for (fresh, uncounted, times) in [(true, false, 5), (false, false, 6), (true, true, 1), (false, true, 2)] {
            let survey = asked(fresh, uncounted, exchange, times).by_address();
            assert_eq!(told(&survey), [(Severity::Alert, "blocked")], "{fresh} {exchange:?}");
            assert_eq!((tftp_cell(&survey), outcome(&survey, 69)), (CellState::Blocked, Outcome::Unanswered));
            let words = &one(&survey, "blocked").words;
            assert!(words.detail.contains("the server answers and the client never acknowledges"), "{}", words.detail);
            assert!(words.advice.contains("lets the request through and not the answer"), "{}", words.advice);
        }
    }
    // Mirrors that copy each frame tell the same.
    let survey = asked(true, false, &requests()[0], 4).in_three().by_address();
    assert_eq!((told(&survey), outcome(&survey, 69)), (vec![(Severity::Alert, "blocked")], Outcome::Unanswered));
    for fresh in [true, false] {
        assert_kept(&asked(fresh, false, &requests()[0], 5));
    }
}

#[test]
fn a_transfer_that_may_have_moved_is_not_blocked() {
    let answers = |script: &dyn Fn(&mut Mirror, End)| {
        for fresh in [true, false] {
            let mut mirror = Mirror::default();
            mirror.udp(0, CLIENT, SERVER, &tftp::read("node.bin", &[]));
            script(&mut mirror, answering(fresh, 0));
            let survey = mirror.by_address();
            assert_eq!((told(&survey), tftp_cell(&survey)), (vec![], CellState::Carried), "from a fresh port: {fresh}");
        }
    };
    // The capture ends behind the answer.
    answers(&|mirror, server| mirror.udp(10 * MILLI, server, CLIENT, &tftp::data(1, &BLOCK)));
    // The last acknowledgment was not captured.
    answers(&|mirror, server| {
        mirror.udp(10 * MILLI, server, CLIENT, &tftp::data(1, &BLOCK));
        mirror.udp(11 * MILLI, CLIENT, server, &tftp::ack(1));
        for late in 0..3 {
            mirror.udp(12 * MILLI + late * SECOND, server, CLIENT, &tftp::data(2, b"the end"));
        }
    });
    // There is no such file, and the client asks again: an error is an answer (RFC 1350 section 7).
    answers(&|mirror, server| {
        for turn in 0..3 {
            mirror.udp(turn * 4 * SECOND + 10 * MILLI, server, CLIENT, &tftp::error(1, "File not found"));
            mirror.udp((turn + 1) * 4 * SECOND, CLIENT, SERVER, &tftp::read("node.bin", &[]));
        }
    });
    // The client refuses what the server answers: it heard it.
    answers(&|mirror, server| {
        for late in 0..3 {
            mirror.udp(10 * MILLI + late * SECOND, server, CLIENT, &tftp::data(1, &BLOCK));
        }
        mirror.udp(3 * SECOND, CLIENT, server, &tftp::error(8, "tsize is all I asked for"));
    });
    // Of two transfers for a request and its retry, the client takes one up and refuses the other or not at all.
    let mut mirror = Mirror::default();
    for turn in 0..2_u16 {
        mirror.udp(u64::from(turn) * SECOND, CLIENT, SERVER, &tftp::read("node.bin", &[]));
    }
    for turn in 0..2_u16 {
        mirror.udp(2 * SECOND, answering(true, turn), CLIENT, &tftp::data(1, b"all"));
        mirror.udp(3 * SECOND, answering(true, 0), CLIENT, &tftp::data(1, b"all"));
    }
    mirror.udp(2 * SECOND + MILLI, CLIENT, answering(true, 1), &tftp::ack(1));
    let survey = mirror.by_address();
    assert_eq!((told(&survey), tftp_cell(&survey)), (vec![], CellState::Carried));
}

#[test]
fn half_of_a_transfer_proves_no_silence() {
    // A server sends a block when the one before was acknowledged: who sees them rise knows that it was.
    let mut mirror = Mirror::default();
    mirror.udp(0, CLIENT, SERVER, &tftp::read("node.bin", &[]));
    for number in 1..8_u16 {
        let block = [number as u8 ^ 0x37; 512];
        mirror.udp(u64::from(number) * SECOND, answering(true, 0), CLIENT, &tftp::data(number, &block));
    }
    let survey = mirror.by_address();
    assert_eq!((told(&survey), tftp_cell(&survey)), (vec![], CellState::Carried));
    // Of the server's half alone nothing is told either.
    for fresh in [true, false] {
        let mut mirror = Mirror::default();
        for number in 1..4_u16 {
            mirror.udp(u64::from(number) * SECOND, answering(fresh, 0), CLIENT, &tftp::data(number, &BLOCK));
        }
        let survey = mirror.by_address();
        assert!(!told(&survey).iter().any(|(_, kind)| *kind == "blocked"), "{:?}", told(&survey));
    }
}

#[test]
fn a_transfer_that_stops_halfway_is_told() {
    // RFC 1350 section 2: what is not acknowledged is sent again.
    let stopped = |fresh: bool, writes: bool, times: &[u64]| {
        let (mut mirror, server) = (Mirror::default(), answering(fresh, 0));
        let (sender, receiver) = if writes { (CLIENT, server) } else { (server, CLIENT) };
        let (request, first) = match writes {
            true => (tftp::write("node.log", &[]), tftp::ack(0)),
            false => (tftp::read("node.bin", &[]), tftp::data(1, &BLOCK)),
        };
        mirror.udp(0, CLIENT, SERVER, &request);
        mirror.udp(MILLI, server, CLIENT, &first);
        for number in 1..7_u16 {
            let at = u64::from(number) * 10 * MILLI;
            if number > 1 || writes {
                mirror.udp(at, sender, receiver, &tftp::data(number, &BLOCK));
            }
            mirror.udp(at + MILLI, receiver, sender, &tftp::ack(number));
        }
        for late in times {
            mirror.udp(SECOND + late * SECOND, sender, receiver, &tftp::data(7, &BLOCK));
        }
        mirror.by_address()
    };
    for (fresh, writes) in [(true, false), (true, true), (false, false), (false, true)] {
        let survey = stopped(fresh, writes, &[0, 1, 3, 7, 15, 31]);
        assert_eq!(told(&survey), [(Severity::Warning, "stopped-answering")], "{fresh} {writes}");
        let detail = &one(&survey, "stopped-answering").words.detail;
        assert!(detail.contains("6 tries came to nothing since"), "{detail}");
        assert_eq!(detail.contains("what the server sent was no longer acknowledged"), !writes, "{detail}");
        // It may end a moment later.
        assert_eq!(told(&stopped(fresh, writes, &[0, 1, 3])), [], "{fresh} {writes}");
    }
}

/// CoAP's question and its answer, so many times, each from a port of its own; what else is seen is told by `errors`.
fn polled(times: u16, ports: u16, errors: impl Fn(&mut Mirror, u64, u16, End)) -> Survey {
    let (mut mirror, server) = (Mirror::default(), (node(101), 5683));
    for turn in 0..times {
        let (at, client) = (u64::from(turn) * 4 * SECOND, (GATEWAY, 50_000 + turn % ports));
        mirror.udp(at, client, server, &coap::request(coap::CON, coap::GET, turn, &[7], "light/level", &[]));
        mirror.udp(at + 10 * MILLI, server, client, &coap::content(coap::ACK, turn, &[7], None, "{}"));
        errors(&mut mirror, at + 11 * MILLI, turn, client);
    }
    mirror.by_address()
}

#[test]
fn answers_that_are_sent_back_answer_nothing() {
    let server = (node(101), 5683);
    // RFC 1122 section 3.2.2.1: the client's own host, or what lies between, says of each answer that it could not hand it over.
    for (ports, by, code, words) in [
        (1, GATEWAY, 3, "nobody listens at the port that it asked from"),
        (4, GATEWAY, 3, "nobody listens at the port that it asked from"),
        (1, GATEWAY, 10, "each answer is refused on its way back"),
        (1, ROUTER, 13, "each answer is refused on its way back"),
        (4, ROUTER, 1, "each answer is refused on its way back"),
    ] {
        let survey = polled(4, ports, |mirror, at, _, client| mirror.unreachable(at, (by, code), client, server));
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")], "{code}");
        assert_eq!(outcome(&survey, 5683), Outcome::Rejected);
        assert_eq!(cell(&survey, Role::Node, Direction::Incoming, Transport::Udp, 5683), CellState::Blocked);
        let read = one(&survey, "blocked");
        assert!(read.words.advice.contains(words), "{}", read.words.advice);
        read.says(&["; the answer came back ", ": 4 tries."]);
    }
    // TFTP's come from fresh ports.
    for (request, answer) in &requests() {
        let mut mirror = Mirror::default();
        for turn in 0..4_u16 {
            let (at, server) = (u64::from(turn) * 3 * SECOND, answering(true, turn));
            mirror.udp(at, CLIENT, SERVER, request);
            mirror.udp(at + 10 * MILLI, server, CLIENT, answer);
            mirror.unreachable(at + 11 * MILLI, (CLIENT.0, 10), CLIENT, server);
        }
        let survey = mirror.by_address();
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
        assert_eq!((tftp_cell(&survey), outcome(&survey, 69)), (CellState::Blocked, Outcome::Rejected));
        one(&survey, "blocked").says(&["the answer came back and was refused: 4 tries. 10.20.0.101 sent"]);
    }
    // SSDP's go to who asked a group.
    let searched = |answers: &dyn Fn(&mut Mirror, u64, End)| {
        let (mut mirror, group) =
            (Mirror::default(), EVERYONE.of([1, 0, 0x5e, 0x7f, 0xff, 0xfa]).at("239.255.255.250"));
        for turn in 0..4_u16 {
            let (at, client) = (u64::from(turn) * 10 * SECOND, (GATEWAY, 50_000 + turn));
            mirror.udp(at, client, (group, 1900), &ssdp::search("239.255.255.250:1900", "ssdp:all", Some(3)));
            answers(&mut mirror, at + 500 * MILLI, client);
        }
        mirror.by_address()
    };
    let device = (node(101), 1900);
    let answer = ssdp::answer("http://10.20.0.101:1901/d.xml", "upnp:rootdevice", "uuid:1");
    let survey = searched(&|mirror, at, client| {
        mirror.udp(at, device, client, &answer);
        mirror.port_unreachable(at + MILLI, client, device);
    });
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    assert_ne!(cell(&survey, Role::Gateway, Direction::Outgoing, Transport::Udp, 1900), CellState::Carried);
    let survey = searched(&|mirror, at, client| {
        mirror.udp(at, device, client, &answer);
        mirror.udp(at + SECOND, device, client, &answer);
        mirror.port_unreachable(at + SECOND + MILLI, client, device);
    });
    assert_eq!(told(&survey), []);
}

/// RFC 7252 section 5.2.2: the acknowledgement comes at once, the answer seconds later, when a filter may have forgotten who asked.
#[test]
fn separate_answers_that_are_sent_back_answer_nothing() {
    let polled = |by: Host, code: u8, acknowledged: u16, sent_back: u16| {
        let (mut mirror, server) = (Mirror::default(), (node(101), 5683));
        for turn in 0..4 {
            let (at, client) = (u64::from(turn) * 20 * SECOND, (GATEWAY, 50_000 + turn));
            mirror.udp(at, client, server, &coap::request(coap::CON, coap::GET, turn, &[7], "light/level", &[]));
            mirror.udp(at + 10 * MILLI, server, client, &coap::empty_ack(turn));
            mirror.udp(at + 5 * SECOND, server, client, &coap::content(coap::CON, 900 + turn, &[7], None, "{}"));
            if turn < sent_back {
                mirror.unreachable(at + 5 * SECOND + MILLI, (by, code), client, server);
            }
            if turn < acknowledged {
                mirror.udp(at + 5 * SECOND + 2 * MILLI, client, server, &coap::empty_ack(900 + turn));
            }
        }
        let survey = mirror.by_address();
        (told(&survey), outcome(&survey, 5683))
    };
    let blocked = (vec![(Severity::Alert, "blocked")], Outcome::Rejected);
    assert_eq!(polled(GATEWAY, 10, 0, 4), blocked);
    assert_eq!(polled(ROUTER, 13, 0, 4), blocked);
    // A client that took its answer and left, one that was answered now and then, one that acknowledged all the same.
    assert_eq!(polled(GATEWAY, 3, 0, 4), (vec![], Outcome::Established));
    assert_eq!(polled(GATEWAY, 10, 4, 1), (vec![], Outcome::Established));
    assert_eq!(polled(GATEWAY, 10, 4, 4), (vec![], Outcome::Established));
}

#[test]
fn a_late_answer_to_a_closed_port_is_no_fault() {
    let server = (node(101), 5683);
    let carried = |survey: &Survey| {
        assert_eq!(told(survey), []);
        assert_eq!(outcome(survey, 5683), Outcome::Established);
    };
    // The answer came, the client closed its port, and a copy of the answer comes late.
    let late = |mirror: &mut Mirror, at: u64, turn: u16, client: End| {
        mirror.udp(at + SECOND, server, client, &coap::content(coap::ACK, turn, &[7], None, "{}"));
        mirror.port_unreachable(at + SECOND + MILLI, client, server);
    };
    carried(&polled(4, 4, late));
    carried(&polled(1, 1, late));
    // So does the only answer of a client that had given up.
    carried(&polled(1, 1, |mirror, at, _, client| mirror.port_unreachable(at, client, server)));
    // One of several came too late.
    carried(&polled(4, 4, |mirror, at, turn, client| {
        if turn > 0 {
            mirror.port_unreachable(at, client, server)
        }
    }));
    // A file was fetched, and its last block comes once more.
    let mut mirror = Mirror::default();
    mirror.udp(0, CLIENT, SERVER, &tftp::read("node.bin", &[("blksize", "1024")]));
    mirror.transfer(MILLI, CLIENT, answering(true, 0));
    mirror.udp(SECOND, answering(true, 0), CLIENT, &tftp::data(1, b"the whole of a small file"));
    mirror.port_unreachable(SECOND + MILLI, CLIENT, answering(true, 0));
    let survey = mirror.in_three().by_address();
    assert_eq!((told(&survey), tftp_cell(&survey)), (vec![], CellState::Carried));
}

#[test]
fn a_group_is_answered_in_coap_from_any_port() {
    // RFC 7252 section 8.2: the token alone has to match.
    let group = (EVERYONE.of([1, 0, 0x5e, 0, 1, 0xbb]).at("224.0.1.187"), 5683);
    let (client, server) = ((GATEWAY, 50_000), (node(103), 61_616));
    let answered = |token: &[u8], at: u64, answer: &[u8]| {
        let mut mirror = Mirror::default();
        mirror.udp(0, client, group, &coap::request(coap::NON, coap::GET, 1, token, ".well-known/core", &[]));
        mirror.udp(at, server, client, answer);
        mirror.by_address()
    };
    let content = |token: &[u8]| coap::content(coap::NON, 9, token, None, "{}");
    let survey = answered(b"mc", SECOND, &content(b"mc"));
    assert_eq!(told(&survey), []);
    assert_eq!(survey.flows.view(1).1.verdict, Verdict::Related);
    assert_eq!(cell(&survey, Role::Gateway, Direction::Outgoing, Transport::Udp, 5683), CellState::Carried);
    // Another token, too late, no token at all, a request, and bytes that only begin like CoAP's.
    let foreign = [0x52, 0x45, 0, 9, b'm', b'c', 0xd0, 0x00];
    for (what, token, at, answer) in [
        ("another token", &b"mc"[..], SECOND, content(b"xx")),
        ("too late", b"mc", 9 * SECOND, content(b"mc")),
        ("no token", b"", SECOND, content(b"")),
        ("a request", b"mc", SECOND, coap::request(coap::NON, coap::GET, 9, b"mc", "a", &[])),
        ("other bytes", b"mc", SECOND, foreign.to_vec()),
    ] {
        assert_eq!(told(&answered(token, at, &answer)), [(Severity::Alert, "undocumented-port")], "{what}");
    }
}

#[test]
fn a_client_that_never_repeats_itself_was_answered() {
    // RFC 7252 section 4.2: what is not acknowledged is sent again after 2 to 3 s, with its number.
    let polls = |number: &dyn Fn(u16) -> (u64, u16), answers: bool| {
        let mut mirror = Mirror::default();
        for turn in 0..8_u16 {
            for device in 0..2_u8 {
                let server = (node(101 + device), 5683);
                let (at, id) = number(turn);
                let at = at * SECOND + u64::from(device) * MILLI;
                let id = 100 * u16::from(device) + id;
                mirror.udp(at, (GATEWAY, 5683), server, &coap::request(coap::CON, coap::GET, id, b"t0", "light", &[]));
                if answers && device == 0 {
                    mirror.udp(at + MILLI, server, (GATEWAY, 5683), &coap::content(coap::ACK, id, b"t0", None, "{}"));
                }
            }
        }
        mirror.by_address()
    };
    let is_doubted = |survey: &Survey| survey.caveats.iter().any(|caveat| caveat.kind == "one-way-mirror");
    let new = |turn: u16| (10 * u64::from(turn), turn);
    let survey = polls(&new, false);
    assert_eq!((told(&survey), outcome(&survey, 5683)), (vec![], Outcome::OneWay));
    assert!(is_doubted(&survey));
    let text = &survey.caveats.iter().find(|caveat| caveat.kind == "one-way-mirror").expect("it is doubted").text;
    assert!(text.starts_with("No flow was seen in both directions, and in 2 flows the client asks by CoAP"), "{text}");
    // The same number again: nobody answers.
    let again = |turn: u16| ([0, 2, 6, 14, 60, 62, 66, 74][usize::from(turn % 8)], turn / 4);
    let survey = polls(&again, false);
    assert_eq!((told(&survey), outcome(&survey, 5683)), (vec![(Severity::Alert, "blocked")], Outcome::Unanswered));
    assert!(!is_doubted(&survey));
    // Another device's answers were captured, and so this one's would have been.
    let survey = polls(&new, true);
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    assert!(!is_doubted(&survey));
}

#[test]
fn clients_that_never_send_a_syn_again_were_answered() {
    // What `tcp.flags.syn == 1 && tcp.flags.ack == 0` leaves of connections that were accepted, or were not.
    let opens = |ports: &[u16], again: bool, answers: bool| {
        let mut mirror = Mirror::default();
        for turn in 0..4_u16 {
            for (at, port) in (0..).zip(ports) {
                let (client, server) = ((GATEWAY, 40_000 + 10 * turn + at), (node(101), *port));
                let time = 10 * SECOND * u64::from(turn) + u64::from(at) * MILLI;
                mirror.tcp(time, client, server, SYN, [1_000, 0], &[]);
                if again && turn == 2 && at == 0 {
                    mirror.tcp(time + SECOND, client, server, SYN, [1_000, 0], &[]);
                }
                if answers && at == 0 {
                    mirror.tcp(time + MILLI / 2, server, client, SYN | ACK, [5_000, 1_001], &[]);
                }
            }
        }
        mirror.goes_on().by_address()
    };
    let is_doubted = |survey: &Survey| survey.caveats.iter().any(|caveat| caveat.kind == "answers-left-out");
    let survey = opens(&[80, 88], false, false);
    assert!(told(&survey).is_empty() && survey.conversations.iter().all(|all| all.outcome == Outcome::OneWay));
    let text = &survey.caveats.iter().find(|caveat| caveat.kind == "answers-left-out").expect("it is doubted").text;
    assert!(text.starts_with("Of TCP nothing but SYNs was captured, and 8 of them"), "{text}");
    // One of them was sent again; one service alone may have a client that gives up within a second; and answers of one service
    // show that those of the other would have been captured.
    for (ports, again, answers) in [(&[80, 88][..], true, false), (&[88], false, false), (&[80, 88], false, true)] {
        let survey = opens(ports, again, answers);
        assert!(told(&survey).contains(&(Severity::Alert, "blocked")) && !is_doubted(&survey), "{ports:?}");
    }
    // Who knocks once at each of many ports says nothing.
    let mut mirror = Mirror::default();
    for port in 0..60_u16 {
        let server = (node(101 + (port % 2) as u8), [80, 88][usize::from(port / 2 % 2)] + port / 4 * 100);
        mirror.tcp(SECOND * u64::from(port), (GATEWAY, 40_000), server, SYN, [1_000, 0], &[]);
    }
    let survey = mirror.goes_on().by_address();
    assert!(told(&survey).contains(&(Severity::Alert, "blocked")) && !is_doubted(&survey));
}

#[test]
fn where_a_filter_chose_the_ports_tftp_is_not_told_by_its_requests() {
    let asked = |times: &[(u64, u16)], until: u64, has_arp: bool| {
        let mut mirror = Mirror::default();
        for (at, port) in times {
            mirror.udp(at * SECOND, (node(101), *port), SERVER, &tftp::read(&format!("file-{port}"), &[]));
        }
        mirror.exchange(until * SECOND, (GATEWAY, 41_000), (node(101), 88), [1_000, 5_000]);
        if has_arp {
            mirror.who_has(10 * SECOND, node(101), GATEWAY);
        }
        mirror.tape.sort();
        mirror.by_address()
    };
    let is_doubted = |survey: &Survey| survey.caveats.iter().any(|caveat| caveat.kind == "answers-left-out");
    let once = [(0, 3_000), (20, 3_001), (40, 3_002)];
    let survey = asked(&once, 61, false);
    assert_eq!((told(&survey), tftp_cell(&survey), is_doubted(&survey)), (vec![], CellState::OneWay, true));
    // A request that was sent again had no answer; what is short, or has ARP, holds what was sent.
    let again = [(0, 3_000), (20, 3_001), (21, 3_001), (40, 3_002)];
    for (times, until, has_arp, doubted) in
        [(&again[..], 61, false, true), (&once, 50, false, false), (&once, 61, true, false)]
    {
        let survey = asked(times, until, has_arp);
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")], "{times:?} {until} {has_arp}");
        assert_eq!(is_doubted(&survey), doubted, "{times:?} {until} {has_arp}");
    }
}
