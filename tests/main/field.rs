//! Right in the field: situations that public bug reports of this trade tell of, each with its twin in which the alarm must
//! stay. Small captures made here; what is right of them is what the standards say.

use std::net::IpAddr;

use igorscope::capture::Timestamp;
use igorscope::finding::Finding;
use igorscope::inventory::Inventory;
use igorscope::policy::{Direction, Role, Severity};
use igorscope::protocol::{Evidence, Transport};
use igorscope::survey::Survey;
use igorscope::verdict::{CellState, Judgement, Outcome, Verdict};

use crate::mirror::{BACNET, C, EVERYONE, End, GATEWAY, Host, Mirror, OTHER, S, node};
use crate::reading::{self, Read, of_kind};
use crate::traffic::file::{block, options};
use crate::traffic::frame::{self, ACK, FIN, PSH, RST, SYN, V4};
use crate::traffic::payload::{bacnet, coap, dhcp, http, link, ssdp, tftp, tls};
use crate::traffic::random::Random;
use crate::traffic::site::START;
use crate::traffic::wire::{MICRO, MILLI, SECOND};

/// What a survey finds, but for hosts that its flags name and its small capture leaves out.
pub(crate) fn told(survey: &Survey) -> Vec<(Severity, &'static str)> {
    let findings = survey.findings.iter().filter(|finding| finding.kind.name() != "never-heard");
    findings.map(|finding| (finding.severity, finding.kind.name())).collect()
}

pub(crate) fn has(survey: &Survey, reason: &str) -> bool {
    survey.findings.iter().any(|finding| finding.kind.name() == reason)
}

/// The only finding of a kind.
pub(crate) fn one<'a>(survey: &'a Survey, kind: &str) -> Read<'a> {
    let mut found = of_kind(survey, kind);
    assert_eq!(found.len(), 1, "{kind} among {:?}", told(survey));
    found.remove(0)
}

/// The judgement of the only flow.
fn only(survey: &Survey) -> &Judgement {
    assert_eq!(survey.flows.len(), 1);
    survey.flows.view(0).1
}

/// The verdicts of all flows, the earliest first.
fn verdicts(survey: &Survey) -> Vec<Verdict> {
    survey.flows.iter().map(|(_, judgement)| judgement.verdict).collect()
}

/// Frames that were seen more than once.
fn duplicates(survey: &Survey) -> u64 {
    survey.flows.iter().map(|(flow, _)| flow.ends.iter().map(|end| end.duplicates()).sum::<u64>()).sum()
}

pub(crate) fn cell(survey: &Survey, role: Role, direction: Direction, transport: Transport, port: u16) -> CellState {
    let wanted = (role, direction, transport, port);
    let mut cells = survey.policy.cells().iter();
    let at = cells.position(|cell| (cell.role, cell.direction, cell.transport, cell.port) == wanted);
    survey.coverage[at.expect("a cell of the vendor's document")].state
}

/// A time after the captures' beginning as findings tell it.
fn time(at: u64) -> String {
    format!("{:.3}", Timestamp::from_nanos((START + at) as i64))
}

const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";

#[test]
fn out_of_order_first_segments_conform_and_true_violations_stay() {
    // RFC 9293 section 3.4: the number behind the SYN's is the first byte's, whichever segment was captured first.
    let swapped = |server: End, head: &[u8], tail: &[u8], is_begun: bool| {
        let (mut mirror, client) = (Mirror::default(), (GATEWAY, 41_000));
        if is_begun {
            mirror.open(0, client, server, [C, S]);
        }
        let (next, end) = (C + 1 + head.len() as u32, C + 1 + (head.len() + tail.len()) as u32);
        mirror.tcp(MILLI, client, server, ACK | PSH, [next, S + 1], tail);
        mirror.tcp(MILLI + 12 * MICRO, client, server, ACK, [C + 1, S + 1], head);
        mirror.tcp(2 * MILLI, server, client, ACK, [S + 1, end], &[]);
        mirror.by_address()
    };
    let hello = tls::client_hello(&mut Random::new(14), "updates.example");
    // No record of TLS, and no request, begins as these second segments do.
    let name = hello.windows(7).position(|bytes| bytes == b"updates").expect("the greeting names its server");
    let request = b"GET /level HTTP/1.1\r\nHost: node\r\n\r\n".split_at(3);
    for (server, (head, tail)) in [((OTHER, 443), hello.split_at(name)), ((node(101), 80), request)] {
        let survey = swapped(server, head, tail, true);
        assert_eq!((only(&survey).payload, told(&survey)), (Evidence::Conforms, vec![]), "port {}", server.1);
        let survey = swapped(server, head, tail, false);
        assert_ne!(only(&survey).payload, Evidence::Violates, "port {}", server.1);
        assert_eq!(told(&survey), [], "port {}", server.1);
    }
    let key_exchange = [0_u8, 0, 1, 0x94, 6, 20, 0x5a, 0x17, 0xc3, 0x88];
    let survey = swapped((node(101), 80), SSH, &key_exchange, true);
    assert_eq!(only(&survey).payload, Evidence::Violates);
    assert_eq!(told(&survey), [(Severity::Alert, "wrong-protocol")]);
    // Without the SYN nobody knows what came before.
    let survey = swapped((node(101), 80), SSH, &key_exchange, false);
    assert_ne!(only(&survey).payload, Evidence::Violates);
    assert_eq!(told(&survey), []);
}

#[test]
fn zero_bytes_in_a_bare_ack_prove_nothing() {
    // RFC 9293 section 3.10.7.4: of two contents for one number the receiver keeps one, and a capture does not tell which.
    let padded = |server: End, zeros: &[u8], said: &[u8], answered: &[u8]| {
        let (mut mirror, client) = (Mirror::default(), (GATEWAY, 41_000));
        let [ours, theirs] = [C + 1 + said.len() as u32, S + 1 + answered.len() as u32];
        mirror.open(0, client, server, [C, S]);
        mirror.tcp(MILLI, client, server, ACK, [C + 1, S + 1], zeros);
        mirror.tcp(2 * MILLI, client, server, ACK | PSH, [C + 1, S + 1], said);
        mirror.tcp(3 * MILLI, server, client, ACK, [S + 1, ours], zeros);
        mirror.tcp(4 * MILLI, server, client, ACK | PSH, [S + 1, ours], answered);
        mirror.tcp(5 * MILLI, client, server, ACK, [ours, theirs], &[]);
        mirror.by_address()
    };
    let mut random = Random::new(15);
    let (hello, answer) = (tls::client_hello(&mut random, "updates.example"), tls::server_hello(&mut random));
    let survey = padded((OTHER, 443), &[0; 6], &hello, &answer);
    assert_eq!((only(&survey).payload, told(&survey)), (Evidence::Conforms, vec![]));
    let (request, answer) = (http::get("node", "/level"), http::answer("200 OK", "text/plain", "80"));
    let survey = padded((node(101), 80), &[0; 6], &request, &answer);
    assert_eq!((only(&survey).payload, told(&survey)), (Evidence::Conforms, vec![]));
    // A greeting of SOCKS (RFC 1928 section 3), which no check knows: either of the two may be what was sent.
    let survey = padded((node(101), 80), &[0; 6], &[5, 1, 0], &[5, 0]);
    assert_eq!((only(&survey).payload, told(&survey)), (Evidence::Unknown, vec![]));
    // What pads the frame and not the packet is none of the stream, and what proves another protocol is no padding.
    let socks = padded((node(101), 80), &[], &[5, 1, 0], &[5, 0]);
    let (bare, padded) = (padded((node(101), 80), &[], SSH, SSH), padded((node(101), 80), &[0; 6], SSH, SSH));
    for survey in [socks, bare, padded] {
        assert_eq!(only(&survey).payload, Evidence::Violates);
        assert_eq!(told(&survey), [(Severity::Alert, "wrong-protocol")]);
    }
}

#[test]
fn a_syn_answered_by_an_older_connection_is_blocked() {
    // RFC 5961 section 4 and RFC 9293 section 3.10.7.4: an end that holds a connection answers a SYN by an ACK of that one.
    const OLD: [u32; 2] = [900_000_000, 800_000_000];
    let (client, server) = ((node(101), 1044), (GATEWAY, 88));
    // The same number again, and a new one with each try.
    for step in [0, 64_000] {
        let mut mirror = Mirror::default();
        for (try_number, at) in (0..).zip([0, 1, 3, 7, 15, 31]) {
            let at = at * SECOND;
            mirror.tcp(at, client, server, SYN, [C + try_number * step, 0], &[]);
            mirror.tcp(at + 200 * MICRO, server, client, ACK, OLD, &[]);
            mirror.tcp(at + 240 * MICRO, client, server, RST, [OLD[1], 0], &[]);
        }
        let survey = mirror.by_address();
        let blocked = one(&survey, "blocked");
        assert_eq!((blocked.severity, blocked.outcome), (Severity::Alert, Some(Outcome::Unanswered)));
        assert!(blocked.words.advice.contains("older connection"), "{}", blocked.words.advice);
        assert!(!blocked.words.advice.contains("switched off"), "{}", blocked.words.advice);
        blocked.says(&["6 tries"]);
        assert_eq!(cell(&survey, Role::Gateway, Direction::Incoming, Transport::Tcp, 88), CellState::Blocked);
        assert_eq!(cell(&survey, Role::Node, Direction::Outgoing, Transport::Tcp, 88), CellState::Blocked);
    }
    let works = |mirror: &Mirror| {
        let survey = mirror.by_address();
        assert_eq!((only(&survey).outcome, told(&survey)), (Outcome::Established, vec![]));
        assert_eq!(cell(&survey, Role::Gateway, Direction::Incoming, Transport::Tcp, 88), CellState::Carried);
    };
    // The SYN-ACK was not captured, and what the server acknowledges is what this connection sent.
    let mut mirror = Mirror::default();
    mirror.tcp(0, client, server, SYN, [C, 0], &[]);
    mirror.tcp(250 * MICRO, client, server, ACK, [C + 1, S + 1], &[]);
    mirror.tcp(300 * MICRO, client, server, ACK | PSH, [C + 1, S + 1], b"configure");
    mirror.tcp(500 * MICRO, server, client, ACK, [S + 1, C + 1 + 9], &[]);
    works(&mirror);
    // The reset does what it is for, and the next SYN is accepted.
    let mut mirror = Mirror::default();
    mirror.tcp(0, client, server, SYN, [C, 0], &[]);
    mirror.tcp(200 * MICRO, server, client, ACK, OLD, &[]);
    mirror.tcp(240 * MICRO, client, server, RST, [OLD[1], 0], &[]);
    mirror.open(SECOND, client, server, [C, S]);
    works(&mirror);
}

/// An unconfirmed COV notification of an analog value (ASHRAE 135 clauses 13.1 and 20.1.3).
fn unconfirmed_cov(value: f32) -> Vec<u8> {
    let mut out = vec![0x81, 0x0a, 0, 0, 1, 0, 0x10, 2, 0x09, 1, 0x1c, 2, 0, 0, 5, 0x2c, 0, 0x80, 0, 7];
    out.extend([0x39, 0, 0x4e, 0x09, 85, 0x2e, 0x44]);
    out.extend(value.to_be_bytes());
    out.extend([0x2f, 0x4f]);
    out[3] = out.len() as u8;
    out
}

#[test]
fn only_what_owes_an_answer_is_unanswered() {
    // ASHRAE 135 clause 5.1: confirmed services are owed an answer, unconfirmed ones none.
    let (client, server) = ((BACNET, 47_808), (GATEWAY, 47_808));
    let answered_once = || {
        let mut mirror = Mirror::default();
        mirror.udp(0, client, server, &bacnet::read_property(1, 7));
        mirror.udp(500 * MICRO, server, client, &bacnet::read_property_ack(1, 7, 21.5));
        mirror
    };
    let mut mirror = answered_once();
    for number in 1..=12_u8 {
        mirror.udp(u64::from(number) * 5 * SECOND, server, client, &unconfirmed_cov(f32::from(number)));
    }
    let survey = mirror.by_address();
    assert_eq!((only(&survey).outcome, told(&survey)), (Outcome::Established, vec![]));
    let mut mirror = answered_once();
    for late in [10, 13, 16, 19] {
        mirror.udp(late * SECOND, client, server, &bacnet::read_property(2, 7));
    }
    let survey = mirror.by_address();
    assert_eq!(told(&survey), [(Severity::Warning, "stopped-answering")]);
    let answer = format!("The last answer came at {}; 4 tries came to nothing since", time(500 * MICRO));
    one(&survey, "stopped-answering").says(&[&answer]);

    // RFC 7252 section 4.3: a message that is not confirmable is owed nothing, and section 4.2: a confirmable one is.
    let asked = |kind: u8| {
        let mut mirror = Mirror::default();
        for late in [0, 2, 6, 14] {
            let request = coap::request(kind, coap::PUT, 0x1400, &[7], "light/level", b"80");
            mirror.udp(late * SECOND, (GATEWAY, 41_000), (node(101), 5683), &request);
        }
        mirror.by_address()
    };
    let survey = asked(coap::NON);
    assert_eq!((only(&survey).outcome, told(&survey)), (Outcome::OneWay, vec![]));
    assert_eq!(cell(&survey, Role::Node, Direction::Incoming, Transport::Udp, 5683), CellState::OneWay);
    let survey = asked(coap::CON);
    assert_eq!(only(&survey).outcome, Outcome::Unanswered);
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    one(&survey, "blocked").says(&["4 tries"]);
    assert_eq!(cell(&survey, Role::Node, Direction::Incoming, Transport::Udp, 5683), CellState::Blocked);
}

#[test]
fn confirmable_notifications_are_owed_an_acknowledgment() {
    // RFC 7641 section 4.5 and RFC 7252 section 4.2: who gets a confirmable notification acknowledges or resets it.
    let (client, server) = ((GATEWAY, 41_000), (node(101), 5683));
    let told_of = |kind: u8, number: u8| coap::content(kind, number.into(), &[7], Some(number), "{\"level\":80}");
    let registered = || {
        let mut mirror = Mirror::default();
        mirror.udp(0, client, server, &coap::observe(1, &[7], "light"));
        mirror.udp(MILLI, server, client, &told_of(coap::ACK, 1));
        mirror.udp(10 * SECOND, server, client, &told_of(coap::CON, 2));
        mirror.udp(10 * SECOND + MILLI, client, server, &coap::empty_ack(2));
        mirror
    };
    let repeated = |mut mirror: Mirror, kind: u8| {
        for late in [20, 22, 26, 34] {
            mirror.udp(late * SECOND, server, client, &told_of(kind, 3));
        }
        mirror.by_address()
    };
    let mut mirror = registered();
    for number in 3..=8_u8 {
        let at = u64::from(number) * 10 * SECOND;
        mirror.udp(at, server, client, &told_of(coap::CON, number));
        mirror.udp(at + MILLI, client, server, &coap::empty_ack(number.into()));
    }
    assert_eq!(told(&mirror.by_address()), []);
    assert_eq!(told(&repeated(registered(), coap::NON)), []);
    let survey = repeated(registered(), coap::CON);
    assert_eq!(told(&survey), [(Severity::Warning, "stopped-answering")]);
    let answer = format!("The last answer came at {}; 4 tries came to nothing since", time(10 * SECOND + MILLI));
    one(&survey, "stopped-answering").says(&["no longer acknowledged", &answer]);
    // Of a registration that was not captured only the notifications are seen.
    assert_eq!(told(&repeated(Mirror::default(), coap::NON)), []);
    let survey = repeated(Mirror::default(), coap::CON);
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    let blocked = one(&survey, "blocked");
    let advice = &blocked.words.advice;
    assert_eq!(blocked.outcome, Some(Outcome::Unanswered));
    assert!(advice.contains("acknowledged") && !advice.contains("switched off"), "{advice}");
}

#[test]
fn a_request_that_names_its_server_proves_the_offer() {
    // RFC 2131 section 4.3.2: only who takes up an OFFER names the server (option 54) beside the address (option 50).
    let device = node(105);
    let nobody = device.at("0.0.0.0");
    let asked = |requests: bool, user: Option<Host>| {
        let mut mirror = Mirror::default();
        let mut say = |at: u64, kind: u8| {
            let text = dhcp::message(kind, 0x1405, device.mac, device.v4(), OTHER.v4(), "node-05");
            mirror.udp(at, (nobody, 68), (EVERYONE, 67), &text);
        };
        say(0, dhcp::DISCOVER);
        say(SECOND, if requests { dhcp::REQUEST } else { dhcp::DISCOVER });
        if let Some(user) = user {
            mirror.who_has(2 * SECOND, user, GATEWAY);
        }
        mirror.goes_on().by_address()
    };
    assert_eq!(told(&asked(true, Some(device))), []);
    assert!(has(&asked(true, None), "no-dhcp-offer"), "the address never came into use");
    assert!(has(&asked(true, Some(device.of(OTHER.mac))), "no-dhcp-offer"), "another device uses the address");
    // Behind a relay (section 4.1.2 of RFC 1542) all that comes of the device comes from the router's MAC, a hop on.
    let relayed = |uses: bool| {
        let (mut mirror, router) = (Mirror::default(), [0, 0, 0x0c, 0x11, 0x22, 0x33]);
        let behind = |number: u8| Host { hops: 63, ..node(number).of(router) };
        for (at, kind) in [(0, dhcp::DISCOVER), (SECOND, dhcp::REQUEST)] {
            let text = dhcp::message(kind, 0x1405, device.mac, device.v4(), OTHER.v4(), "node-05");
            mirror.udp(at, (nobody.of(router), 67), (OTHER, 67), &text);
        }
        for number in (105..=108).skip(usize::from(!uses)) {
            mirror.exchange(u64::from(number) * SECOND, (GATEWAY, 41_000), (behind(number), 80), [C, S]);
        }
        has(&mirror.by_address(), "no-dhcp-offer")
    };
    assert!(!relayed(true) && relayed(false));
    assert!(has(&asked(false, Some(device)), "no-dhcp-offer"), "no OFFER was taken up");
}

#[test]
fn arp_proves_that_a_host_is_alive() {
    // RFC 826: who answers for its own address is there, whatever becomes of what is sent to it.
    let (client, server) = ((node(101), 1044), (GATEWAY, 1901));
    let knocked = |answers: &[Host]| {
        let mut mirror = Mirror::default();
        for (at, owner) in (0..).step_by(100).zip(answers) {
            mirror.who_has(at * MICRO, client.0, *owner);
            mirror.is_at((at + 50) * MICRO, *owner, client.0);
        }
        mirror.knock(MILLI, client, (answers.first().copied().unwrap_or(GATEWAY), server.1));
        let survey = mirror.by_address();
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
        one(&survey, "blocked").words.advice.clone()
    };
    let advice = knocked(&[GATEWAY]);
    assert!(advice.contains("alive") && !advice.contains("switched off"), "{advice}");
    let advice = knocked(&[]);
    assert!(advice.contains("switched off") && !advice.contains("alive"), "{advice}");
    // RFC 1027: a router that answers for many is none of them.
    let proxied: Vec<Host> =
        (10..16).map(|number| GATEWAY.of([2, 0x53, 0x57, 0, 0, 9]).at(&format!("10.20.0.{number}"))).collect();
    let advice = knocked(&proxied);
    assert!(advice.contains("switched off") && !advice.contains("alive"), "{advice}");
}

#[test]
fn neighbour_discovery_proves_that_a_host_is_alive() {
    // RFC 4861 section 7.2.4: an advertisement for one address may come from another, as from fe80:: to who asked from fe80::.
    let [client, server] = [node(101).at("2001:db8::101"), GATEWAY.at("2001:db8::10")];
    let knocked = |advertised: Option<Host>| {
        let mut mirror = Mirror::default();
        if let Some(host) = advertised {
            let (own, asker) = (GATEWAY.at("fe80::10"), node(101).at("fe80::101"));
            let (IpAddr::V6(from), IpAddr::V6(to), IpAddr::V6(target)) = (own.address, asker.address, host.address)
            else {
                panic!("neighbours are IPv6's");
            };
            let message = link::neighbour(136, from, to, target, host.mac);
            mirror.ip(0, Host { hops: 255, ..own }, asker, frame::ICMPV6, &message);
        }
        mirror.knock(MILLI, (client, 1044), (server, 1901));
        let survey = mirror.by_mac();
        one(&survey, "blocked").words.advice.clone()
    };
    let advice = knocked(Some(server));
    assert!(advice.contains("alive (it answers by neighbour discovery)"), "{advice}");
    assert!(!knocked(None).contains("alive"));
}

#[test]
fn a_host_heard_before_only_is_not_called_alive() {
    // RFC 9293 section 3.8.3: a SYN without an answer says nothing of why, and what was heard before it no more.
    let (client, server) = ((node(101), 1044), (GATEWAY, 1901));
    let knocked = |is_heard: bool| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, (node(101), 1043), (GATEWAY, 80), [C, S]);
        mirror.knock(600 * SECOND, client, server);
        if is_heard {
            let request = coap::request(coap::NON, coap::PUT, 0x1400, &[7], "light/level", b"80");
            mirror.udp(608 * SECOND, (GATEWAY, 41_000), (node(101), 5683), &request);
        }
        let survey = mirror.by_address();
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
        one(&survey, "blocked").words.advice.clone()
    };
    let advice = knocked(false);
    assert!(!advice.contains("is alive"), "{advice}");
    let advice = knocked(true);
    assert!(advice.contains("is alive") && !advice.contains("switched off"), "{advice}");
}

#[test]
fn tftp_finds_its_transfers() {
    // RFC 1350 section 4 and RFC 2347: the server answers from a fresh port; to options by an OACK, which ACK 0 takes up.
    let (client, fresh) = ((node(101), 2070), 51_000);
    let request = tftp::read("node.bin", &[("blksize", "1024")]);
    let asked = |whom: Host| {
        let mut mirror = Mirror::default();
        mirror.udp(0, client, (whom, 69), &request);
        mirror
    };
    let mut mirror = asked(EVERYONE);
    mirror.transfer(MILLI, client, (GATEWAY, fresh));
    let survey = mirror.by_address();
    assert_eq!((verdicts(&survey), told(&survey)), (vec![Verdict::Documented, Verdict::Related], vec![]));
    assert_eq!(survey.flows.view(1).1.related_to, Some(0));
    // RFC 1123 section 4.2.3.5: a request to everyone is to be ignored, one to a single server is not.
    let mut mirror = asked(EVERYONE);
    for late in [1, 3, 7, 15] {
        mirror.udp(late * SECOND, client, (EVERYONE, 69), &request);
    }
    assert_eq!(told(&mirror.by_address()), []);
    assert_eq!(told(&asked(GATEWAY).goes_on().by_address()), [(Severity::Alert, "blocked")]);
    // The request was not captured; an OACK that nothing takes up is no transfer.
    let mut mirror = Mirror::default();
    mirror.transfer(0, client, (GATEWAY, fresh));
    let survey = mirror.by_address();
    assert_eq!((only(&survey).verdict, only(&survey).related_to), (Verdict::Related, None));
    assert_eq!(told(&survey), []);
    let mut mirror = Mirror::default();
    for late in [0, 1, 3] {
        mirror.udp(late * SECOND, (GATEWAY, fresh), client, &tftp::oack(&[("blksize", "1024")]));
    }
    assert_eq!(told(&mirror.by_address()), [(Severity::Alert, "undocumented-port")]);
    // Another address of the device that was asked, then another device, and what a router hands on.
    let answered_by = |server: Host| {
        let mut mirror = asked(GATEWAY);
        mirror.transfer(MILLI, client, (server, fresh));
        mirror.by_address()
    };
    let own = GATEWAY.at("10.20.0.11");
    let survey = answered_by(own);
    assert_eq!(verdicts(&survey), [Verdict::Documented, Verdict::Related]);
    assert_eq!(told(&survey), [(Severity::Notice, "other-address")]);
    one(&survey, "other-address").says(&["10.20.0.10 ", "10.20.0.11 "]);
    for server in [own.of(OTHER.mac), Host { hops: 63, ..own }] {
        let survey = answered_by(server);
        assert_eq!(verdicts(&survey), [Verdict::Documented, Verdict::Unexpected]);
        assert!(has(&survey, "undocumented-port") && !has(&survey, "other-address"), "{:?}", told(&survey));
    }
}

#[test]
fn unicast_searches_find_their_answers() {
    // UPnP Device Architecture 2.0 section 1.3.2: a search may go to one device, at its port 1900, and is answered to the
    // port that it came from.
    let searched = |whom: Option<Host>| {
        let mut mirror = Mirror::default();
        if let Some(whom) = whom {
            let search = ssdp::search(&format!("{}:1900", whom.address), "upnp:rootdevice", None);
            mirror.udp(0, (GATEWAY, 41_000), (whom, 1900), &search);
        }
        let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
        mirror.udp(20 * MILLI, (node(101), 51_234), (GATEWAY, 41_000), &answer);
        mirror.by_address()
    };
    let survey = searched(Some(node(101)));
    assert_eq!((verdicts(&survey), told(&survey)), (vec![Verdict::Documented, Verdict::Related], vec![]));
    assert_eq!(survey.flows.view(1).1.related_to, Some(0));
    for whom in [None, Some(node(102))] {
        assert_eq!(told(&searched(whom)), [(Severity::Alert, "undocumented-port")]);
    }
    // ASHRAE 135 clause 16.10: an I-Am answers a Who-Is, and may go to whom asked alone.
    let discovered = |is_asked: bool| {
        let mut mirror = Mirror::default();
        if is_asked {
            mirror.udp(0, (GATEWAY, 47_808), (EVERYONE, 47_808), &bacnet::who_is());
        }
        let mut i_am = bacnet::i_am(200);
        // Original-Unicast-NPDU (Annex J.2.11).
        i_am[1] = 0x0a;
        mirror.udp(SECOND, (BACNET, 51_234), (GATEWAY, 41_000), &i_am);
        mirror.by_address()
    };
    let survey = discovered(true);
    assert_eq!((verdicts(&survey), told(&survey)), (vec![Verdict::Documented, Verdict::Related], vec![]));
    let survey = discovered(false);
    assert_eq!(verdicts(&survey), [Verdict::Unexpected]);
    assert!(has(&survey, "undocumented-port"), "{:?}", told(&survey));
}

#[test]
fn copies_without_identification_are_told() {
    // RFC 6864 section 4.1: identification 0 tells nothing, and IPv6 has none (RFC 8200 section 3).
    let uncounted = || Mirror { is_uncounted: true, ..Mirror::default() };
    for (client, server) in [(node(101), GATEWAY), (node(101).at("fd00:20::101"), GATEWAY.at("fd00:20::10"))] {
        let (client, server) = ((client, 1044), (server, 80));
        let mut mirror = uncounted();
        mirror.exchange(0, client, server, [C, S]);
        let survey = mirror.in_three().by_mac();
        assert_eq!((duplicates(&survey), told(&survey)), (14, vec![]), "{}", client.0.address);
        // RFC 6298 section 2.4: what is sent again comes a second later, or a good part of it, with the same bytes.
        let request = http::get("gateway", "/level");
        for (late, copies) in [(12 * MICRO, 1), (200 * MILLI, 0)] {
            let mut mirror = uncounted();
            mirror.open(0, client, server, [C, S]);
            for at in [MILLI, MILLI + late] {
                mirror.tcp(at, client, server, ACK | PSH, [C + 1, S + 1], &request);
            }
            assert_eq!(duplicates(&mirror.by_mac()), copies, "{} after {late} ns", client.0.address);
        }
        // RFC 9293 section 3.4.1: each connection begins with a number of its own.
        let mut mirror = uncounted();
        for start in 0..3_u32 {
            let numbers = [C + start * 1_000_000, S + start * 3_000_000];
            mirror.exchange(u64::from(start) * 60 * SECOND, client, server, numbers);
        }
        let survey = mirror.in_three().by_mac();
        assert_eq!((duplicates(&survey), told(&survey)), (42, vec![(Severity::Warning, "restarting")]));
        let restarting = one(&survey, "restarting");
        assert!(restarting.client_role == Some(Role::Node), "{restarting:?}");
        restarting.says(&["3 times anew"]);
    }
}

#[test]
fn who_closes_a_connection_and_opens_it_again_does_not_restart() {
    // RFC 9293 section 3.6: who has no more to say sends a FIN; a device that loses its power sends none.
    let (client, server) = ((node(101), 1044), (GATEWAY, 80));
    let opened = |closes: Option<u8>, is_challenged: bool| {
        let mut mirror = Mirror::default();
        for start in 0..3_u32 {
            let (at, numbers) = (u64::from(start) * 60 * SECOND, [C + start * 1_000_000, S + start * 3_000_000]);
            if is_challenged && start > 0 {
                // The server still has the connection that the restart broke off (RFC 5961 section 4).
                let before = [numbers[0] - 1_000_000, numbers[1] - 3_000_000].map(|number| number + 20);
                mirror.tcp(at - 2 * SECOND, client, server, SYN, [numbers[0], 0], &[]);
                mirror.tcp(at - 2 * SECOND + MILLI, server, client, ACK, [before[1], before[0]], &[]);
                mirror.tcp(at - 2 * SECOND + 2 * MILLI, client, server, RST, [before[0], 0], &[]);
            }
            mirror.exchange(at, client, server, numbers);
            if let Some(flags) = closes {
                mirror.tcp(at + SECOND, client, server, flags, [numbers[0] + 500, numbers[1] + 500], &[]);
            }
        }
        told(&mirror.by_mac())
    };
    for is_challenged in [false, true] {
        assert_eq!(opened(None, is_challenged), [(Severity::Warning, "restarting")]);
    }
    for flags in [ACK | FIN, RST, ACK | RST] {
        assert_eq!(opened(Some(flags), false), [], "{flags}");
    }
}

#[test]
fn two_devices_on_one_address_conflict_and_one_device_does_not() {
    // RFC 5227 section 2.4: a conflict is an ARP packet for one's own address from another's MAC.
    let (first, second) = (node(101), node(101).of([0x00, 0x1b, 0xc5, 0x00, 0x01, 0xaa]));
    let claimed = |claims: &[(u64, Host)]| {
        let mut mirror = Mirror::default();
        for (at, owner) in claims {
            mirror.is_at(at * SECOND, *owner, GATEWAY);
        }
        mirror.tape.sort();
        told(&mirror.by_address())
    };
    let in_turn = |a: Host, b: Host| [(0_u64, a), (5, b), (10, a), (15, b), (20, a), (25, b)];
    assert_eq!(claimed(&in_turn(first, second)), [(Severity::Alert, "address-conflict")]);
    // One device that has both MACs has them for its other address as well.
    let alias = [(2_u64, first.at("10.20.0.150")), (7, second.at("10.20.0.150"))];
    let with_alias = [&in_turn(first, second)[..], &alias].concat();
    assert_eq!(claimed(&with_alias), []);
    // RFC 9568 section 7.3: a virtual router's MAC is no device's own.
    assert_eq!(claimed(&in_turn(first, first.of([0x00, 0x00, 0x5e, 0x00, 0x01, 0x01]))), []);
    assert_eq!(claimed(&[(0, first), (5, first), (10, first), (15, second), (20, second), (25, second)]), []);
}

#[test]
fn a_declared_mac_keeps_its_role_whatever_its_addresses() {
    // RFC 4862 section 5.5: a host makes up global addresses beside its others, and is the same host.
    let found = |network: &str, with_global: bool| {
        let mut mirror = Mirror::default();
        let gateway = GATEWAY.at(&format!("{network}.10"));
        for number in 101..104_u8 {
            let device = node(number).at(&format!("{network}.{number}"));
            let (at, id) = (u64::from(number) * 10 * SECOND, u16::from(number));
            let request = coap::request(coap::CON, coap::PUT, id, &[number], "light/level", b"80");
            mirror.udp(at, (gateway, 41_000), (device, 5683), &request);
            mirror.udp(at + MILLI, (device, 5683), (gateway, 41_000), &coap::empty_ack(id));
            if with_global {
                mirror.advertise(at + 2 * MILLI, device.at(&format!("2001:db8:20::{number}")));
                mirror.advertise(at + 3 * MILLI, gateway.at("2001:db8:20::10"));
            }
            mirror.knock(at + SECOND, (gateway, 42_000), (device, 1901));
        }
        let survey = mirror.by_mac();
        let told = |finding: &Finding| {
            let roles = [finding.client_role, finding.server_role].map(|role| role.map_or("", Role::name));
            (finding.severity, finding.kind.name(), roles)
        };
        survey.findings.iter().map(told).collect::<Vec<_>>()
    };
    let alert = [(Severity::Alert, "blocked", ["gateway", "node"])];
    assert_eq!(found("10.20.0", false), alert);
    assert_eq!(found("10.20.0", true), alert, "with a global IPv6 address each");
    assert_eq!(found("198.51.100", false), alert, "with public IPv4 addresses");
}

#[test]
fn a_router_gives_no_role_to_hosts_behind_it() {
    // RFC 1812 section 5.3.1: a router takes one from the time to live of what it hands on, so that 63 is another's 64.
    let router = node(0xfe);
    let roles = |hops: u8| {
        let mut mirror = Mirror::default();
        let behind = [5, 6, 7].map(|number| Host { hops, ..router.at(&format!("10.30.0.{number}")) });
        for (number, sender) in (0_u16..).zip([router, behind[0], behind[1], behind[2]]) {
            let request = coap::request(coap::NON, coap::PUT, number, &[7], "light/level", b"80");
            mirror.udp(u64::from(number) * SECOND, (sender, 41_000), (GATEWAY, 5683), &request);
        }
        let survey = mirror.by_mac();
        let role = |host: Host| survey.hosts.role(survey.hosts.find(host.address).expect("a host that was heard"));
        (role(router), behind.map(role))
    };
    assert_eq!(roles(63), (Role::Node, [Role::Host; 3]));
    // What comes from the first hop is the device's own, however many addresses it has.
    assert_eq!(roles(64), (Role::Node, [Role::Node; 3]));
}

#[test]
fn silent_addresses_of_a_declared_mac_have_its_role_unless_they_lie_behind_it() {
    let roles = |speaks: bool, advertises: bool, silent: &[&str]| {
        let mut mirror = Mirror::default();
        if speaks {
            let request = coap::request(coap::NON, coap::PUT, 1, &[7], "light/level", b"80");
            mirror.udp(0, (GATEWAY, 41_000), (node(101), 5683), &request);
        }
        if advertises {
            // RFC 4861 section 4.2.
            let [own, group] = [GATEWAY.at("fe80::10"), EVERYONE.at("ff02::1").of([0x33, 0x33, 0, 0, 0, 1])];
            let (IpAddr::V6(from), IpAddr::V6(to)) = (own.address, group.address) else { panic!("IPv6") };
            let message = frame::icmpv6(from, to, 134, 0, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
            mirror.ip(SECOND, Host { hops: 255, ..own }, group, frame::ICMPV6, &message);
        }
        for (at, address) in (2..).step_by(10).zip(silent) {
            mirror.knock(at * SECOND, (node(101), 42_000), (GATEWAY.at(address), 1901));
        }
        let survey = mirror.by_mac();
        let role = |address: &&str| survey.hosts.role_at(address.parse().expect("an address"));
        silent.iter().map(role).collect::<Vec<_>>()
    };
    assert_eq!(roles(true, false, &["10.20.0.11", "10.20.0.12"]), [Role::Gateway; 2]);
    assert_eq!(roles(false, true, &["10.20.0.10"]), [Role::Gateway]);
    // A router hands on to other networks.
    assert_eq!(roles(true, false, &["10.30.0.11", "10.30.0.12"]), [Role::Host; 2]);
    assert_eq!(roles(true, true, &["10.30.0.11"]), [Role::Host]);
    assert_eq!(roles(false, true, &["10.30.0.11", "10.20.0.12"]), [Role::Host; 2]);
}

#[test]
fn icmp_types_tell_who_asked() {
    // RFC 792 and RFC 4443 section 4: types 8 and 128 ask, 0 and 129 answer, whatever was captured first.
    let client = |pinger: Host, pinged: Host, kinds: &[(u8, u8)]| {
        let mut mirror = Mirror::default();
        for (number, (v4, v6)) in (0_u8..).zip(kinds) {
            let at = u64::from(number) * 300 * MICRO;
            let [from, to] = if *v4 == 8 { [pinger, pinged] } else { [pinged, pinger] };
            let message = match (from.address, to.address) {
                (IpAddr::V6(source), IpAddr::V6(destination)) => {
                    frame::icmpv6(source, destination, *v6, 0, &[0, 14, 0, number, 0x69, 0x67])
                }
                _ => frame::icmp(*v4, 0, [0, 14, 0, number], b"ig"),
            };
            let protocol = if from.address.is_ipv6() { frame::ICMPV6 } else { frame::ICMP };
            mirror.ip(at, from, to, protocol, &message);
        }
        let survey = mirror.by_mac();
        assert_eq!(told(&survey), []);
        survey.hosts.role(only(&survey).client_host)
    };
    const REQUEST: (u8, u8) = (8, 128);
    const REPLY: (u8, u8) = (0, 129);
    let both = [(GATEWAY, node(101)), (GATEWAY.at("fe80::10"), node(101).at("fe80::101"))];
    for kinds in [&[REPLY, REQUEST, REPLY][..], &[REPLY], &[REQUEST, REPLY]] {
        for (gateway, node) in both {
            assert_eq!(client(gateway, node, kinds), Role::Gateway, "{} {kinds:?}", gateway.address);
            assert_eq!(client(node, gateway, kinds), Role::Node, "{} {kinds:?}", gateway.address);
        }
    }
}

#[test]
fn http2_in_the_clear_is_http() {
    // RFC 9113 section 3.4: the client begins with a fixed text and SETTINGS, the server with SETTINGS.
    const SETTINGS: [u8; 15] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    let spoken = |answer: &[u8]| {
        let (client, server) = ((GATEWAY, 41_000), (node(101), 80));
        let said = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &SETTINGS].concat();
        let next = C + 1 + said.len() as u32;
        let mut mirror = Mirror::default();
        mirror.open(0, client, server, [C, S]);
        mirror.tcp(MILLI, client, server, ACK | PSH, [C + 1, S + 1], &said);
        mirror.tcp(2 * MILLI, server, client, ACK | PSH, [S + 1, next], answer);
        mirror.tcp(3 * MILLI, client, server, ACK, [next, S + 1 + answer.len() as u32], &[]);
        mirror.by_address()
    };
    let survey = spoken(&SETTINGS);
    assert_eq!((only(&survey).payload, told(&survey)), (Evidence::Conforms, vec![]));
    let survey = spoken(&[0; 15]);
    assert_eq!(only(&survey).payload, Evidence::Violates);
    assert_eq!(told(&survey), [(Severity::Alert, "wrong-protocol")]);
}

#[test]
fn an_answer_to_a_closed_port_is_told() {
    // RFC 7252 section 5.3.2: the answer is due where the request came from; RFC 1122 section 3.2.2.1: a host says of another
    // port that nobody listens there.
    let (client, server) = ((GATEWAY, 40_000), (node(101), 5683));
    let asked = || {
        let mut mirror = Mirror::default();
        mirror.udp(0, client, server, &coap::request(coap::CON, coap::GET, 0x1400, &[7], "light/level", &[]));
        mirror
    };
    let advice = |mirror: &Mirror| {
        let survey = mirror.by_address();
        assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
        assert_ne!(cell(&survey, Role::Node, Direction::Incoming, Transport::Udp, 5683), CellState::Carried);
        one(&survey, "blocked").words.advice.clone()
    };
    let mut mirror = asked();
    mirror.udp(MILLI, server, (GATEWAY, 40_001), &coap::content(coap::ACK, 0x1400, &[7], None, "{\"level\":80}"));
    mirror.port_unreachable(2 * MILLI, (GATEWAY, 40_001), server);
    let text = advice(&mirror.goes_on());
    assert!(text.contains("at a port where nobody listens"), "{text}");
    // That the service itself is closed stays what it is.
    let mut mirror = asked();
    mirror.port_unreachable(MILLI, server, client);
    let text = advice(&mirror);
    assert!(text.contains("says that the port is closed") && !text.contains("where nobody listens"), "{text}");
}

#[test]
fn an_answer_of_which_the_first_piece_is_missing_is_no_silence() {
    // RFC 791 section 3.2: later fragments have no ports, so that nobody can say what they answer.
    let (client, server) = ((GATEWAY, 41_000), (node(101), 5683));
    let asked = |answers: bool| {
        let mut mirror = Mirror::default();
        for (number, late) in (0..).zip([0, 2, 6, 14]) {
            let at = late * SECOND;
            mirror.udp(at, client, server, &coap::request(coap::CON, coap::GET, 0x1400, &[7], "light/log", &[]));
            if answers {
                let head = V4 { id: 500 + number, ttl: 64, fragment: 185, ..V4::default() };
                let piece = frame::ipv4(node(101).v4(), GATEWAY.v4(), frame::UDP, head, &[b'x'; 300]);
                mirror.ethernet(at + MILLI, node(101).mac, GATEWAY.mac, 0x0800, &piece);
            }
        }
        told(&mirror.by_address())
    };
    assert_eq!(asked(false), [(Severity::Alert, "blocked")]);
    assert!(!asked(true).contains(&(Severity::Alert, "blocked")));
}

#[test]
fn a_segment_that_is_sent_again_and_never_acknowledged_is_told() {
    // RFC 2923 section 2.1: where what is large is lost and the ICMP error is filtered, a connection opens and then hangs.
    let (client, server) = ((GATEWAY, 40_000), (node(101), 80));
    let hangs = |acknowledges: bool, closes: Option<(End, u8)>| {
        let mut mirror = Mirror::default();
        let request = http::get("node", "/level");
        let (asked, large) = (C + 1 + request.len() as u32, vec![b'x'; 1400]);
        mirror.open(0, client, server, [C, S]);
        mirror.tcp(MILLI, client, server, ACK | PSH, [C + 1, S + 1], &request);
        mirror.tcp(2 * MILLI, server, client, ACK, [S + 1, asked], &[]);
        for late in [0, 1, 3, 7, 15] {
            mirror.tcp(3 * MILLI + late * SECOND, server, client, ACK, [S + 1, asked], &large);
            if acknowledges {
                mirror.tcp(4 * MILLI + late * SECOND, client, server, ACK, [asked, S + 1401], &[]);
            }
        }
        if let Some((end, flags)) = closes {
            let (other, numbers) =
                if end.1 == server.1 { (client, [S + 1401, asked]) } else { (server, [asked, S + 1]) };
            mirror.tcp(20 * SECOND, end, other, ACK | flags, numbers, &[]);
        }
        told(&mirror.by_address())
    };
    let hung = [(Severity::Warning, "stopped-answering")];
    assert_eq!(hangs(false, None), hung);
    assert_eq!(hangs(false, Some((server, RST))), hung, "a server that gives up");
    for whole in [hangs(true, None), hangs(false, Some((client, RST))), hangs(false, Some((server, FIN)))] {
        assert_eq!(whole, []);
    }
}

#[test]
fn what_a_server_announces_answers_nothing() {
    // ASHRAE 135 clause 5.1 and RFC 7252 section 4.2: only an answer ends the wait for one, not what is sent anyhow.
    let (client, server) = ((GATEWAY, 47_808), (BACNET, 47_808));
    let silent = |announces: bool, answers: bool| {
        let mut mirror = Mirror::default();
        for number in 0..4_u8 {
            let at = u64::from(number) * 5 * SECOND;
            mirror.udp(at, client, server, &bacnet::read_property(number, 7));
            if announces {
                mirror.udp(at + SECOND, server, client, &unconfirmed_cov(f32::from(number)));
            }
            if answers {
                mirror.udp(at + 2 * SECOND, server, client, &bacnet::read_property_ack(number, 7, 21.5));
            }
        }
        mirror.by_address()
    };
    let survey = silent(true, false);
    assert_eq!(told(&survey), [(Severity::Alert, "blocked")]);
    one(&survey, "blocked").says(&["4 tries"]);
    assert_eq!(told(&silent(true, true)), []);
    assert_eq!(told(&silent(false, false)), [(Severity::Alert, "blocked")]);

    // Nor does it once the server has answered: it went silent, whatever it goes on to announce.
    let fell_silent = |announces: bool, answers: u8| {
        let mut mirror = Mirror::default();
        for number in 0..12_u8 {
            let at = u64::from(number) * 10 * SECOND;
            mirror.udp(at, client, server, &bacnet::read_property(number, 7));
            if number < answers {
                mirror.udp(at + SECOND, server, client, &bacnet::read_property_ack(number, 7, 21.5));
            }
            if announces {
                mirror.udp(at + 5 * SECOND, server, client, &unconfirmed_cov(f32::from(number)));
            }
        }
        mirror.by_address()
    };
    for announces in [false, true] {
        let survey = fell_silent(announces, 2);
        assert_eq!(told(&survey), [(Severity::Warning, "stopped-answering")], "{announces}");
        one(&survey, "stopped-answering").says(&["10 "]);
        assert_eq!(told(&fell_silent(announces, 12)), [], "{announces}");
    }

    let (client, server) = ((GATEWAY, 41_000), (node(101), 5683));
    let asked = |answer: u8| {
        let mut mirror = Mirror::default();
        for number in 0..4_u8 {
            let at = u64::from(number) * 5 * SECOND;
            mirror.udp(
                at,
                client,
                server,
                &coap::request(coap::CON, coap::PUT, number.into(), &[7], "light/level", b"8"),
            );
            let content = coap::content(answer, number.into(), &[9], Some(number), "{\"level\":80}");
            mirror.udp(at + SECOND, server, client, &content);
        }
        told(&mirror.by_address())
    };
    assert_eq!(asked(coap::NON), [(Severity::Alert, "blocked")]);
    assert_eq!(asked(coap::ACK), []);
}

#[test]
fn hosts_without_an_address_share_none() {
    // RFC 1122 section 3.2.1.3: 0.0.0.0 is sent by whoever has no address yet, so that it makes no two of them one.
    let (first, second) = (node(101), node(101).of([0x00, 0x1b, 0xc5, 0x00, 0x01, 0xaa]));
    let mut mirror = Mirror::default();
    for (at, owner) in [(0_u64, first), (5, second), (10, first), (15, second), (20, first), (25, second)] {
        let nobody = owner.at("0.0.0.0");
        mirror.udp(at * SECOND, (nobody, 41_000), (EVERYONE, 9), b"anybody?");
        mirror.is_at(at * SECOND + MILLI, owner, GATEWAY);
    }
    assert!(has(&mirror.by_address(), "address-conflict"));
}

#[test]
fn an_acknowledgment_fits_a_syn_only_within_what_was_sent() {
    // RFC 9293 section 3.10.7.3: of a SYN nothing but its own number can be acknowledged.
    let (client, server) = ((node(101), 41_000), (GATEWAY, 1901));
    let challenged = |beyond: u32| {
        let mut mirror = Mirror::default();
        for late in [0, 1, 3, 7, 15, 31] {
            mirror.tcp(late * SECOND, client, server, SYN, [C, 0], &[]);
            mirror.tcp(late * SECOND + MILLI, server, client, ACK, [S, C + 1 + beyond], &[]);
            mirror.tcp(late * SECOND + 2 * MILLI, client, server, RST, [C + 1 + beyond, 0], &[]);
        }
        told(&mirror.by_address())
    };
    for beyond in [1, 50, 200, 1_000, 1 << 20] {
        assert_eq!(challenged(beyond), [(Severity::Alert, "blocked")], "{beyond} bytes");
    }
    // Where the SYN-ACK itself was missed, the client goes on.
    let mut mirror = Mirror::default();
    mirror.tcp(0, client, server, SYN, [C, 0], &[]);
    mirror.tcp(MILLI, client, server, ACK, [C + 1, S + 1], &[]);
    mirror.tcp(SECOND, server, client, ACK, [S + 1, C + 300], &[]);
    mirror.tcp(SECOND + MILLI, client, server, ACK, [C + 300, S + 1], &[]);
    assert_eq!(told(&mirror.by_address()), []);
}

#[test]
fn a_connection_opened_after_the_last_one_was_closed_is_judged_by_itself() {
    // RFC 9293 section 3.4.1: each connection has its own initial sequence number, on the same ports too.
    let (client, server) = ((node(101), 41_000), (GATEWAY, 80));
    let again = |knocks: bool| {
        let mut mirror = Mirror::default();
        mirror.exchange(0, client, server, [C, S]);
        mirror.tcp(SECOND, server, client, ACK | frame::FIN, [S + 500, C + 500], &[]);
        for late in (0..4_u32).filter(|_| knocks) {
            mirror.tcp(u64::from(60 + 3 * late) * SECOND, client, server, SYN, [C + 100_000, 0], &[]);
        }
        told(&mirror.by_address())
    };
    assert_eq!(again(false), []);
    assert_eq!(again(true), [(Severity::Warning, "stopped-answering")]);
}

#[test]
fn a_router_that_says_its_own_address_keeps_it() {
    // RFC 826 and RFC 1812 section 5.3.1: what it hands on is others', what it says of itself is its own.
    let mut mirror = Mirror::default();
    for number in 5..8_u8 {
        let behind = Host { hops: 63, ..GATEWAY.at(&format!("10.30.0.{number}")) };
        mirror.udp(u64::from(number) * SECOND, (behind, 41_000), (node(101), 123), &[0; 48]);
    }
    mirror.who_has(10 * SECOND, node(101), GATEWAY);
    mirror.is_at(10 * SECOND + MILLI, GATEWAY, node(101));
    mirror.knock(11 * SECOND, (node(101), 1044), (GATEWAY, 1901));
    let survey = mirror.by_mac();
    assert!(has(&survey, "blocked"));
    let role = |host: Host| survey.hosts.role(survey.hosts.find(host.address).expect("a host that was heard"));
    assert_eq!((role(GATEWAY), role(GATEWAY.at("10.30.0.5"))), (Role::Gateway, Role::Host));
}

#[test]
fn a_host_that_was_heard_at_another_time_is_not_told_as_switched_off() {
    // RFC 826: it answered by ARP two minutes before, and not since.
    let mut mirror = Mirror::default();
    mirror.who_has(0, node(101), GATEWAY);
    mirror.is_at(MILLI, GATEWAY, node(101));
    mirror.knock(120 * SECOND, (node(101), 1044), (GATEWAY, 1901));
    let advice = one(&mirror.by_address(), "blocked").words.advice.clone();
    assert!(!advice.contains("Nothing at all") && !advice.contains("alive"), "{advice}");
    // What it sends three minutes after the last try says no more of the time before.
    let mut mirror = Mirror::default();
    mirror.knock(0, (node(101), 1044), (GATEWAY, 1901));
    mirror.who_has(200 * SECOND, GATEWAY, node(101));
    let advice = one(&mirror.by_address(), "blocked").words.advice.clone();
    assert!(!advice.contains("Nothing at all") && !advice.contains("alive"), "{advice}");
}

#[test]
fn a_port_that_searched_a_group_and_a_host_finds_both_answers() {
    // UPnP Device Architecture 2.0 section 1.3.2: the same port may search a group first, and one device a minute later.
    let mut mirror = Mirror::default();
    let group = Host { mac: [0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa], ..EVERYONE.at("239.255.255.250") };
    mirror.udp(0, (GATEWAY, 41_000), (group, 1900), &ssdp::search("239.255.255.250:1900", "upnp:rootdevice", Some(1)));
    let search = ssdp::search("10.20.0.101:1900", "upnp:rootdevice", None);
    mirror.udp(60 * SECOND, (GATEWAY, 41_000), (node(101), 1900), &search);
    let answer = ssdp::answer("http://10.20.0.101/description.xml", "upnp:rootdevice", "uuid:14");
    mirror.udp(60 * SECOND + 20 * MILLI, (node(101), 51_234), (GATEWAY, 41_000), &answer);
    assert_eq!(told(&mirror.by_address()), []);
}

#[test]
fn what_the_operating_system_dropped_is_told() {
    // The pcapng draft, section 4.6: isb_osdrop (option 7) counts what the operating system dropped, isb_ifdrop (5) what
    // the interface did.
    let dropped = |option: u16| {
        let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        let counted = options(&[(option, &5_000_u64.to_le_bytes())]);
        let capture = [
            block(0x0a0d_0d0a, &section),
            block(1, &[1, 0, 0, 0, 0, 0, 4, 0]),
            block(5, &[&[0; 12][..], &counted].concat()),
        ];
        let survey = reading::survey_of(&capture.concat(), Inventory::default(), false);
        survey.caveats.iter().any(|caveat| caveat.kind == "kernel-drops" && caveat.text.starts_with("5000 packets"))
    };
    assert_eq!([4, 5, 7].map(dropped), [false, true, true]);
}

#[test]
fn a_host_outside_never_takes_the_role_of_the_mac_that_it_is_reached_by() {
    // RFC 1812 section 5.3.1: seven hops were taken off, so that the MAC is that of the last router.
    let asked = |hops: u8| {
        let outside = Host { hops, ..GATEWAY.at("203.0.113.80") };
        let mut mirror = Mirror::default();
        mirror.exchange(0, (node(101), 41_000), (outside, 80), [C, S]);
        let survey = mirror.by_mac();
        survey.hosts.role(survey.hosts.find(outside.address).expect("a host that was heard"))
    };
    assert_eq!((asked(57), asked(64)), (Role::External, Role::Gateway));
}

/// What was captured as a pcapng file of interfaces, each with the filter that it says to have had; all frames are of the first.
pub(crate) fn captured_with(mirror: &Mirror, filters: &[&[u8]]) -> Vec<u8> {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut capture = block(0x0a0d_0d0a, &section);
    for filter in filters {
        // The pcapng draft, section 4.2: if_tsresol (option 9), nanoseconds; if_filter (11), a text behind a zero.
        let list = [(9, &[9][..]), (11, *filter)];
        let told = options(&list[..1 + usize::from(!filter.is_empty())]);
        capture.extend(block(1, &[&[1, 0, 0, 0, 0, 0, 4, 0][..], &told].concat()));
    }
    for record in &mirror.tape.records {
        let [low, high] = [record.time as u32, (record.time >> 32) as u32];
        let length = record.frame.len() as u32;
        let head: Vec<u8> = [0, high, low, length, record.original].into_iter().flat_map(u32::to_le_bytes).collect();
        capture.extend(block(6, &[&head[..], &record.frame].concat()));
    }
    capture
}

/// Only libpcap tells what a filter keeps: without it all is doubt.
#[cfg(all(feature = "live", not(windows)))]
#[test]
fn a_filter_that_a_file_names_is_held_against_silence() {
    let flags = crate::mirror::addresses();
    let of = |mirror: &Mirror, filters: &[&[u8]]| {
        let inventory = Inventory::load(None, &flags).expect("sound flags");
        let survey = reading::survey_of(&captured_with(mirror, filters), inventory, false);
        let advice = of_kind(&survey, "blocked").first().map(|read| read.words.detail.clone());
        (advice, survey.caveats.iter().filter(|caveat| caveat.kind == "filtered").count())
    };
    let mut knocked = Mirror::default();
    for (at, port) in [(0, 41_000), (5, 41_001), (10, 41_002)] {
        knocked.tcp(at * SECOND, (node(101), port), (GATEWAY, 80), SYN, [C, 0], &[]);
    }
    let knocked = knocked.goes_on();
    let blocked = |filters: &[&[u8]]| {
        let (detail, told) = of(&knocked, filters);
        (detail.map(|detail| detail.contains("filter")), told)
    };
    assert_eq!(blocked(&[b""]), (Some(false), 0));
    assert_eq!(blocked(&[b"\0dst port 80"]), (None, 1), "it leaves the answers out");
    assert_eq!(blocked(&[b"\0net 10.20.0.0/16"]), (Some(false), 1), "it keeps them");
    assert_eq!(blocked(&[b"\0dst port 80", b"\0src port 80"]), (Some(false), 2), "the other keeps them");
    assert_eq!(blocked(&[b"\0dst port 80", b""]), (Some(false), 1), "the other has none");
    // Bytecode, and what libpcap is not asked about: whether it keeps answers is not known.
    assert_eq!(blocked(&[b"\x01\x06\0\0\0\0\0\x04\0"]), (Some(true), 1));
    assert_eq!(blocked(&[b"\0tcp[13] == 2"]), (Some(true), 1));
    // RFC 1350 section 4: the answer comes from a fresh port.
    let asked = |filter: &[u8], again: bool| {
        let mut mirror = Mirror::default();
        for at in [0_u16, 5, 10, 15] {
            let client = (node(101), if again { 41_000 } else { 41_000 + at });
            mirror.udp(u64::from(at) * SECOND, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
        }
        of(&mirror.goes_on(), &[filter]).0.is_some()
    };
    assert!(!asked(b"\0udp port 69", false) && asked(b"\0udp", false));
    assert!(asked(b"\0udp port 69", true), "who asks again had no answer, whatever was captured");
}

#[test]
fn a_device_that_answers_no_solicitation_is_told() {
    // RFC 4861 section 7.2.2: who does not answer three solicitations is sent nothing else, and asked for again later.
    let [client, server] = [node(101).at("2001:db8::101"), GATEWAY.at("2001:db8::10")];
    let survey = |worked: bool, answers: &[u64], asker: Host| {
        let mut mirror = Mirror::default();
        if worked {
            mirror.exchange(0, (client, 41_000), (server, 80), [C, S]);
        } else {
            mirror.knock(0, (client, 41_000), (server, 80));
        }
        for at in (20..200).step_by(20) {
            (0..3).for_each(|late| mirror.solicit((at + late) * SECOND, asker, server));
        }
        answers.iter().for_each(|at| mirror.advertise(at * SECOND, server));
        mirror.goes_on().by_mac()
    };
    let gone = survey(true, &[1], client);
    one(&gone, "stopped-answering").says(&["looked for by neighbour discovery and did not answer"]);
    assert!(!has(&survey(true, &[], client), "stopped-answering"), "no answer at all passes here");
    assert!(
        !has(&survey(true, &[1], node(102).at("2001:db8::102")), "stopped-answering"),
        "what others are answered neither"
    );
    assert!(!has(&survey(true, &[1, 190], client), "stopped-answering"), "it answers");
    // RFC 4862 section 5.4: who asks from no address looks whether its own is free.
    let nobody = client.at("::");
    assert!(!has(&survey(true, &[1], nobody), "stopped-answering"));
    let blocked = |answers: &[u64], asker: Host| one(&survey(false, answers, asker), "blocked").words.clone();
    let absent = blocked(&[], client);
    assert!(absent.advice.starts_with("The host is absent from the network"), "{}", absent.advice);
    reading::assert_says(
        &absent.detail,
        &["2001:db8::10 was asked for by neighbour discovery 27 times and never answered"],
    );
    assert!(!blocked(&[5], client).advice.contains("absent"), "it answers");
    assert!(!blocked(&[], nobody).advice.contains("absent"));
}
