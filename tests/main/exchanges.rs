//! What belongs to an exchange, and what answers: windows and halves of TFTP, BACnet over IPv6, routers that turn a request
//! away, and flows that carry more than the answers that were asked for. Each with the twin in which the alarm must stay.

use igorscope::policy::{Direction, Role, Severity};
use igorscope::protocol::Transport;
use igorscope::survey::Survey;
use igorscope::verdict::{CellState, Outcome, Verdict};

use crate::answers::{SERVER, assert_kept, outcome};
use crate::field::{cell, told};
use crate::mirror::{BACNET, EVERYONE, End, GATEWAY, Host, Mirror, OTHER, node};
use crate::traffic::frame::{V4, ipv4};
use crate::traffic::payload::{bacnet, coap, ssdp, tftp};
use crate::traffic::wire::{MILLI, SECOND};

const BLOCK: [u8; 512] = [0x5a; 512];
const CLIENT: End = (node(101), 2070);
const FRESH: End = (GATEWAY, 51_000);
const UNDOCUMENTED: [(Severity, &str); 1] = [(Severity::Alert, "undocumented-port")];
const BLOCKED: [(Severity, &str); 1] = [(Severity::Alert, "blocked")];
const STOPPED: [(Severity, &str); 1] = [(Severity::Warning, "stopped-answering")];

/// Messages, each with whether the client sent it, 5 ms apart.
fn transfer(mirror: &mut Mirror, at: u64, messages: &[(bool, Vec<u8>)]) {
    for (turn, (of_client, message)) in (0..).zip(messages) {
        let (from, to) = if *of_client { (CLIENT, FRESH) } else { (FRESH, CLIENT) };
        mirror.udp(at + turn * 5 * MILLI, from, to, message);
    }
}

/// Blocks from a number on, of which each window's last is acknowledged.
fn windows(first: u16, count: u16, window: u16) -> Vec<(bool, Vec<u8>)> {
    let mut messages = Vec::new();
    for turn in 0..count {
        messages.push((false, tftp::data(first.wrapping_add(turn), &BLOCK)));
        if (turn + 1) % window == 0 {
            messages.push((true, tftp::ack(first.wrapping_add(turn))));
        }
    }
    messages
}

#[test]
fn a_transfer_in_windows_needs_no_request() {
    let seen = |messages: &[(bool, Vec<u8>)]| {
        let mut mirror = Mirror::default();
        transfer(&mut mirror, 0, messages);
        mirror
    };
    let behind = |before: (bool, Vec<u8>), messages: Vec<(bool, Vec<u8>)>| [vec![before], messages].concat();
    let oack = || (false, tftp::oack(&[("windowsize", "16")]));
    let ack = |number| (true, tftp::ack(number));
    let data = |number| (false, tftp::data(number, &BLOCK));
    // RFC 7440 section 4: one ACK for a window, of its last block; the capture begins at, before or within a window.
    for messages in [
        behind(oack(), behind(ack(0), windows(1, 36, 16))),
        behind(oack(), behind(ack(0), windows(1, 12, 16))),
        windows(101, 24, 8),
        behind(ack(100), windows(101, 24, 8)),
        behind(data(99), behind(data(100), behind(ack(100), windows(101, 24, 8)))),
        windows(65_530, 24, 8),
        // Behind block 65,535 comes 1 or 0.
        behind(ack(65_535), windows(1, 5, 1)),
        behind(ack(65_535), windows(0, 5, 1)),
        // RFC 1350 section 5, RFC 2347 section 4: an ERROR ends it.
        vec![data(77), (true, tftp::error(3, "Disk full"))],
        vec![oack(), (true, tftp::error(8, "tsize is all I asked for"))],
        vec![ack(77), (false, tftp::error(0, "read error"))],
    ] {
        let mirror = seen(&messages);
        let survey = mirror.by_address();
        assert_eq!((survey.flows.view(0).1.verdict, told(&survey)), (Verdict::Related, vec![]), "{messages:?}");
        assert_kept(&mirror);
    }
    // Numbers that fit no window, more blocks than any holds, a single one that others follow alike, and what is no ERROR.
    for messages in [
        behind(ack(0x7001), windows(5, 30, 64)),
        behind(ack(90), windows(101, 24, 8)),
        behind(ack(4), windows(5, 200, 500)),
        behind(data(1), behind(ack(1), vec![data(1); 9])),
        vec![data(1), (true, tftp::error(5, "Unknown transfer ID"))],
        vec![data(77), (true, b"\0\x05\0\x03\x01\x02\x03\x04".to_vec())],
        vec![(false, b"\x01\x03about".to_vec()), (true, tftp::error(3, "Disk full"))],
    ] {
        assert_eq!(told(&seen(&messages).by_address()), UNDOCUMENTED, "{messages:?}");
    }
}

#[test]
fn a_client_on_the_servers_fresh_port_was_answered() {
    // RFC 1350 section 4: a client learns the port from the server's first packet.
    let (read, write) = (tftp::read("node.bin", &[]), tftp::write("node.log", &[]));
    let asked = |request: &[u8], server: End, sent: &[Vec<u8>]| {
        let mut mirror = Mirror::default();
        mirror.udp(0, CLIENT, server, request);
        let messages: Vec<_> = sent.iter().map(|message| (true, message.clone())).collect();
        transfer(&mut mirror, 10 * MILLI, &messages);
        mirror
    };
    let everyone = (EVERYONE, 69);
    let acks = |numbers: std::ops::Range<u16>| numbers.map(tftp::ack).collect::<Vec<_>>();
    let blocks = (1..9).map(|number| tftp::data(number, &[number as u8 ^ 0x37; 512])).collect::<Vec<_>>();
    let abort = vec![tftp::error(8, "tsize is all I asked for")];
    for (request, server, sent) in [
        (&read, SERVER, acks(0..9)),
        (&read, SERVER, acks(1..9)),
        (&read, everyone, acks(1..9)),
        (&read, SERVER, abort),
        (&write, SERVER, blocks),
    ] {
        let mirror = asked(request, server, &sent);
        let survey = mirror.by_address();
        assert_eq!((told(&survey), outcome(&survey, 69)), (vec![], Outcome::Established), "{sent:?}");
        assert_eq!(survey.flows.view(1).1.verdict, Verdict::Related, "{sent:?}");
        assert_kept(&mirror);
    }
    let survey = asked(&read, SERVER, &acks(1..9)).by_address();
    assert_eq!(cell(&survey, Role::Gateway, Direction::Incoming, Transport::Udp, 69), CellState::Carried);
    // What is no TFTP, or none of this request, proves nothing.
    let has_blocked = |survey: &Survey| told(survey).contains(&BLOCKED[0]);
    assert!(has_blocked(&asked(&read, SERVER, &[]).goes_on().by_address()));
    assert!(has_blocked(&asked(&read, SERVER, &[b"\x17\0\x03\x2a".to_vec()]).goes_on().by_address()));
    assert!(has_blocked(&asked(&write, SERVER, &acks(1..9)).goes_on().by_address()));
    // RFC 1350 section 2: what is not acknowledged is sent again, and what is not sent again was.
    let slowly = |request: &[u8], sent: &[Vec<u8>], again: usize| {
        let mut mirror = asked(request, SERVER, &[]);
        let last = sent.iter().rev().take(1).cycle().take(again);
        for (turn, message) in (1..).zip(sent.iter().chain(last)) {
            mirror.udp(turn * 2 * SECOND, CLIENT, FRESH, message);
        }
        told(&mirror.by_address())
    };
    // Blocks of the same bytes, each of another number: two in a row have fingerprints alike.
    for fill in [0x5a, 0x5b] {
        for count in [12, 13, 40, 41] {
            let mut block = BLOCK;
            block[511] = fill;
            let blocks: Vec<_> = (1..=count).map(|number| tftp::data(number, &block)).collect();
            assert_eq!(slowly(&write, &blocks, 0), [], "{count} {fill}");
            assert_eq!(slowly(&write, &blocks, 6), STOPPED, "{count} {fill}");
        }
    }
    let options = vec![tftp::ack(0); 7];
    assert_eq!(slowly(&read, &options, 0), STOPPED);
    assert_eq!(slowly(&read, &[options, acks(1..5)].concat(), 0), []);
}

#[test]
fn each_server_may_answer_everyone() {
    // RFC 1123 section 4.2.3.5 and RFC 1350 section 4: the client takes up one answer, and refuses the others.
    let asked = |server: End, answer: &[u8]| {
        let mut mirror = Mirror::default();
        mirror.udp(0, CLIENT, server, &tftp::read("node.bin", &[]));
        mirror.udp(MILLI, FRESH, CLIENT, answer);
        mirror.udp(2 * MILLI, (OTHER, 51_001), CLIENT, answer);
        mirror.udp(3 * MILLI, CLIENT, (OTHER, 51_001), &tftp::error(5, "Unknown transfer ID"));
        mirror.udp(4 * MILLI, CLIENT, FRESH, &tftp::ack(1));
        let survey = mirror.by_address();
        (told(&survey), survey.flows.view(2).1.verdict)
    };
    for answer in [tftp::data(1, b"all"), tftp::error(1, "File not found")] {
        assert_eq!(asked((EVERYONE, 69), &answer), (vec![], Verdict::Related));
        // Who was not asked is none of it.
        let (told, verdict) = asked(SERVER, &answer);
        assert!(told.iter().any(|(_, kind)| *kind == "undocumented-port"), "{told:?}");
        assert_eq!(verdict, Verdict::Unexpected);
    }
}

#[test]
fn a_search_of_one_host_is_answered_from_its_other_address() {
    // UPnP Device Architecture 2.0 section 1.3.2: it is the device that is asked.
    let answered_by = |server: Host| {
        let (mut mirror, client) = (Mirror::default(), (GATEWAY, 41_000));
        mirror.udp(0, client, (node(101), 1900), &ssdp::search("10.20.0.101:1900", "upnp:rootdevice", None));
        let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
        mirror.udp(20 * MILLI, (server, 51_234), client, &answer);
        let survey = mirror.by_address();
        (told(&survey).len(), survey.flows.view(1).1.verdict)
    };
    let own = node(101).at("10.20.0.150");
    assert_eq!(answered_by(own), (0, Verdict::Related));
    for server in [own.of(OTHER.mac), Host { hops: 63, ..own }] {
        assert_eq!(answered_by(server), (1, Verdict::Unexpected));
    }
}

#[test]
fn a_search_waits_as_long_as_it_says() {
    // UPnP Device Architecture 1.0 section 1.2.2: MX is between 1 and 120 seconds.
    let answered = |mx: u8, after: u64| {
        let (mut mirror, client) = (Mirror::default(), (GATEWAY, 41_000));
        let group = Host { mac: [0x01, 0, 0x5e, 0x7f, 0xff, 0xfa], ..EVERYONE.at("239.255.255.250") };
        let search = ssdp::search("239.255.255.250:1900", "upnp:rootdevice", Some(mx));
        mirror.udp(0, client, (group, 1900), &search);
        let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
        mirror.udp(after * SECOND, (node(101), 51_234), client, &answer);
        let survey = mirror.by_address();
        assert_kept(&mirror);
        (told(&survey), survey.flows.view(1).1.verdict)
    };
    for (mx, after) in [(5, 5), (30, 20), (120, 120)] {
        assert_eq!(answered(mx, after), (vec![], Verdict::Related), "MX {mx}");
    }
    for (mx, after) in [(5, 20), (30, 32), (250, 122)] {
        assert_eq!(answered(mx, after), (UNDOCUMENTED.to_vec(), Verdict::Unexpected), "MX {mx}");
    }
}

/// The same message over IPv6 (ASHRAE 135 Annex U.2): with virtual addresses of its ends, or of its sender alone.
fn over_ipv6(message: &[u8]) -> Vec<u8> {
    let npdu = &message[4..];
    match message[1] {
        0x0b => bvlc6(2, &[&[0, 0, 10], npdu].concat()),
        _ => bvlc6(1, &[&[0, 0, 10, 0, 0, 100], npdu].concat()),
    }
}

fn bvlc6(function: u8, body: &[u8]) -> Vec<u8> {
    [&[0x82, function, 0, 4 + body.len() as u8], body].concat()
}

fn six(host: Host) -> Host {
    host.at(if host.mac == GATEWAY.mac { "fd00:20::10" } else { "fd00:20::200" })
}

fn tell_six(mirror: &Mirror) -> Survey {
    mirror.survey(&igorscope::inventory::InventoryFlags {
        gateway: vec!["fd00:20::10".into()],
        bacnet: vec!["fd00:20::200".into()],
        ..Default::default()
    })
}

#[test]
fn bacnet_over_ipv6_is_asked_and_answered_as_over_ipv4() {
    // ASHRAE 135 clause 5.1 and Annex U: the same services behind another header.
    let (gateway, device): (End, End) = ((six(GATEWAY), 47_808), (six(BACNET), 47_808));
    let reads = |answers: u8, answer: &dyn Fn(u8) -> Vec<u8>| {
        let mut mirror = Mirror::default();
        for number in 0..8_u8 {
            let at = u64::from(number) * 5 * SECOND;
            mirror.udp(at, gateway, device, &over_ipv6(&bacnet::read_property(number, 7)));
            if number < answers {
                mirror.udp(at + MILLI, device, gateway, &answer(number));
            }
        }
        told(&tell_six(&mirror))
    };
    let ack = |number: u8| over_ipv6(&bacnet::read_property_ack(number, 7, 21.5));
    assert_eq!(reads(8, &ack), []);
    assert_eq!(reads(2, &ack), STOPPED);
    assert_eq!(reads(0, &ack), BLOCKED);
    // What a device sends whatever was asked of it: I-Am, and whose virtual address is its own.
    assert_eq!(reads(8, &|_| over_ipv6(&bacnet::i_am(200))), BLOCKED);
    assert_eq!(reads(8, &|_| bvlc6(5, &[0, 0, 100, 0, 0, 10])), BLOCKED);
    // Requests of the link control itself (Annex U.2): registration, and which virtual address one has.
    for (request, result) in [
        (bvlc6(9, &[0, 0, 10, 0, 60]), bvlc6(0, &[0, 0, 100, 0, 0])),
        (bvlc6(6, &[0, 0, 10]), bvlc6(7, &[0, 0, 100, 0, 0, 10])),
    ] {
        let asked = |is_answered: bool| {
            let mut mirror = Mirror::default();
            for turn in 0..4 {
                mirror.udp(turn * 30 * SECOND, gateway, device, &request);
                if is_answered {
                    mirror.udp(turn * 30 * SECOND + MILLI, device, gateway, &result);
                }
            }
            told(&tell_six(&mirror))
        };
        assert_eq!((asked(true), asked(false)), (vec![], BLOCKED.to_vec()), "{request:?}");
    }
    // Who-Is and the question for a virtual address, and their answers from and to whatever port.
    let group = Host { mac: [0x33, 0x33, 0, 0, 0xba, 0xc0], ..EVERYONE.at("ff02::bac0") };
    let mut i_am = bacnet::i_am(200);
    i_am[1] = 0x0a;
    for (question, answer) in [
        (over_ipv6(&bacnet::who_is()), over_ipv6(&i_am)),
        (bvlc6(3, &[0, 0, 10, 0, 0, 100]), bvlc6(5, &[0, 0, 100, 0, 0, 10])),
    ] {
        for is_asked in [true, false] {
            let mut mirror = Mirror::default();
            if is_asked {
                mirror.udp(0, gateway, (group, 47_808), &question);
            }
            mirror.udp(SECOND, (device.0, 51_234), (gateway.0, 41_000), &answer);
            let told = told(&tell_six(&mirror));
            assert_eq!(told.iter().any(|(_, kind)| *kind == "undocumented-port"), !is_asked, "{told:?} {question:?}");
        }
    }
}

#[test]
fn a_router_that_turns_a_request_away_answers_it() {
    // ASHRAE 135 clause 6.4.4: Reject-Message-To-Network goes to whom the message came from; clause 6.4.2 is said to all.
    for (ends, wraps) in [([GATEWAY, BACNET], false), ([six(GATEWAY), six(BACNET)], true)] {
        let reads = |answer: &[u8]| {
            let mut mirror = Mirror::default();
            for number in 0..6_u8 {
                let at = u64::from(number) * 5 * SECOND;
                let [asked, answered] = [bacnet::read_property(number, 7), answer.to_vec()]
                    .map(|message| if wraps { over_ipv6(&message) } else { message });
                mirror.udp(at, (ends[0], 47_808), (ends[1], 47_808), &asked);
                mirror.udp(at + MILLI, (ends[1], 47_808), (ends[0], 47_808), &answered);
            }
            told(&if wraps { tell_six(&mirror) } else { mirror.by_address() })
        };
        // Network 99 is not known; the same with the sender's network in front; and networks that can be reached.
        assert_eq!(reads(&[0x81, 0x0a, 0, 10, 1, 0x80, 3, 1, 0, 99]), []);
        assert_eq!(reads(&[0x81, 0x0a, 0, 14, 1, 0x88, 0, 7, 1, 12, 3, 1, 0, 99]), []);
        assert_eq!(reads(&[0x81, 0x0a, 0, 9, 1, 0x80, 1, 0, 99]), BLOCKED);
    }
}

#[test]
fn an_answer_to_everyone_covers_no_requests() {
    // ASHRAE 135 clause 16.10: an I-Am answers a Who-Is; who writes or reads in the same flow was not asked to.
    let to_one = |mut message: Vec<u8>| {
        message[1] = 0x0a;
        message
    };
    let stranger = |ports: [u16; 2], script: &dyn Fn(&mut Mirror, End, End)| {
        let mut mirror = Mirror::default();
        let (gateway, device) = ((GATEWAY, ports[0]), (OTHER, ports[1]));
        mirror.udp(0, gateway, (EVERYONE, ports[1]), &bacnet::who_is());
        // Original-Unicast-NPDU (Annex J.2.11).
        mirror.udp(SECOND, device, gateway, &to_one(bacnet::i_am(77)));
        script(&mut mirror, gateway, device);
        mirror.by_address().flows.view(1).1.verdict == Verdict::Unexpected
    };
    let reads = |mirror: &mut Mirror, from: End, to: End, is_answered: bool| {
        for number in 0..6_u8 {
            let at = 60 * SECOND + u64::from(number) * 5 * SECOND;
            mirror.udp(at, from, to, &bacnet::read_property(number, 7));
            if is_answered {
                mirror.udp(at + MILLI, to, from, &bacnet::read_property_ack(number, 7, 21.5));
            }
        }
    };
    // The search is answered all the same.
    let mut mirror = Mirror::default();
    let (client, server) = ((BACNET, 47_808), (GATEWAY, 47_808));
    mirror.udp(0, client, (EVERYONE, 47_808), &bacnet::who_is());
    mirror.udp(SECOND, server, client, &to_one(bacnet::i_am(77)));
    reads(&mut mirror, client, server, true);
    assert_eq!(mirror.by_address().flows.view(0).1.outcome, Outcome::Established);
    for ports in [[47_808, 47_808], [41_000, 47_808], [47_809, 47_809]] {
        assert!(!stranger(ports, &|_, _, _| {}), "{ports:?}");
        for is_answered in [true, false] {
            assert!(
                stranger(ports, &|mirror, gateway, device| reads(mirror, device, gateway, is_answered)),
                "{ports:?}"
            );
            assert!(
                stranger(ports, &|mirror, gateway, device| reads(mirror, gateway, device, is_answered)),
                "{ports:?}"
            );
        }
        // A router tells of each device behind it, and one of them is looked for again.
        assert!(!stranger(ports, &|mirror, gateway, device| {
            mirror.udp(2 * SECOND, device, gateway, &to_one(bacnet::i_am(78)));
            mirror.udp(60 * SECOND, gateway, device, &to_one(bacnet::who_is()));
            mirror.udp(61 * SECOND, device, gateway, &to_one(bacnet::i_am(78)));
        }));
    }
    // RFC 7252 section 8.2: so it is with the answer to a group, by its token.
    let grouped = |script: &dyn Fn(&mut Mirror, End, End)| {
        let mut mirror = Mirror::default();
        let group = Host { mac: [0x01, 0, 0x5e, 0, 1, 0xbb], ..EVERYONE.at("224.0.1.187") };
        let (gateway, device) = ((GATEWAY, 5683), (OTHER, 5683));
        mirror.udp(0, gateway, (group, 5683), &coap::request(coap::NON, coap::GET, 1, &[7], "light", &[]));
        mirror.udp(SECOND, device, gateway, &coap::content(coap::NON, 9, &[7], None, "{}"));
        script(&mut mirror, gateway, device);
        mirror.by_address().flows.view(1).1.verdict == Verdict::Unexpected
    };
    let puts = |mirror: &mut Mirror, from: End, to: End| {
        let request = coap::request(coap::CON, coap::PUT, 8, &[8], "light", b"on");
        mirror.udp(9 * SECOND, from, to, &request);
        mirror.udp(9 * SECOND + MILLI, to, from, &coap::message(coap::ACK, coap::CHANGED, 8, &[8], &[], &[]));
    };
    assert!(!grouped(&|_, _, _| {}));
    // The answer may be confirmable (section 5.2.2), and is acknowledged then.
    assert!(!grouped(&|mirror, gateway, device| {
        mirror.udp(2 * SECOND, device, gateway, &coap::content(coap::CON, 10, &[7], None, "{}"));
        mirror.udp(2 * SECOND + MILLI, gateway, device, &coap::empty_ack(10));
    }));
    assert!(grouped(&|mirror, gateway, device| puts(mirror, device, gateway)));
    assert!(grouped(&|mirror, gateway, device| puts(mirror, gateway, device)));
    let mut mirror = Mirror::default();
    let group = Host { mac: [0x01, 0, 0x5e, 0, 1, 0xbb], ..EVERYONE.at("224.0.1.187") };
    mirror.udp(0, (GATEWAY, 5683), (group, 5683), &coap::request(coap::NON, coap::GET, 1, &[7], "light", &[]));
    mirror.udp(SECOND, (node(101), 5683), (GATEWAY, 5683), &coap::content(coap::NON, 9, &[7], None, "{}"));
    puts(&mut mirror, (GATEWAY, 5683), (node(101), 5683));
    assert_eq!(mirror.by_address().flows.view(0).1.outcome, Outcome::Established);
}

#[test]
fn a_piece_of_an_answer_excuses_only_what_was_asked_before_it() {
    // The second piece of what a node sent, whose first was not captured: it may be an answer (RFC 791 section 3.2).
    let with_piece = |at: u64| {
        let mut mirror = Mirror::default();
        let head = V4 { id: 4711, ttl: 64, fragment: 185, ..V4::default() };
        let piece = ipv4(node(101).v4(), GATEWAY.v4(), 17, head, &BLOCK);
        mirror.ethernet(at, node(101).mac, GATEWAY.mac, 0x0800, &piece);
        for id in 0..4 {
            // Another node answers.
            let (asks, answers) = ((GATEWAY, 50_002), (node(102), 5683));
            mirror.udp(
                (3 + 20 * u64::from(id)) * SECOND,
                asks,
                answers,
                &coap::request(coap::CON, coap::GET, id, b"\x02", "light", b""),
            );
            mirror.udp(
                (3 + 20 * u64::from(id)) * SECOND + MILLI,
                answers,
                asks,
                &coap::content(coap::ACK, id, b"\x02", None, "1"),
            );
            let get = coap::request(coap::CON, coap::GET, id, b"\x01", "light", b"");
            mirror.udp((60 + 20 * u64::from(id)) * SECOND, (GATEWAY, 50_001), (node(101), 5683), &get);
        }
        mirror.tape.sort();
        told(&mirror.by_address())
    };
    for at in [61, 100, 129] {
        assert_eq!(with_piece(at * SECOND), [], "{at}");
    }
    for at in [0, 59, 131, 500] {
        assert_eq!(with_piece(at * SECOND), BLOCKED, "{at}");
    }
}
