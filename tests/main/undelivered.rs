//! Answers that are captured and do not reach who asked: something behind the capture's place drops them. And each time the twin
//! in which they do.

use igorscope::inventory::Inventory;

use crate::mirror::{BACNET, End, GATEWAY, Host, Mirror, addresses, node};
use crate::reading;
use crate::traffic::frame::{ACK, FIN, PSH};
use crate::traffic::payload::{bacnet, coap, http, tftp};
use crate::traffic::wire::{MILLI, SECOND};

/// What is told of a capture: kind, and the words of what happened.
fn told(mut mirror: Mirror) -> Vec<(&'static str, String)> {
    mirror.tape.sort();
    let survey = mirror.goes_on().by_address();
    reading::all(&survey).iter().map(|finding| (finding.kind.name(), finding.words.detail.clone())).collect()
}

#[track_caller]
fn is_told(mirror: Mirror, kind: &str, words: &str) {
    let told = told(mirror);
    let is_so = |(name, what): &(&str, String)| *name == kind && what.contains(words);
    assert!(told.iter().any(is_so), "{kind}: {told:?}");
}

#[track_caller]
fn is_well(mirror: Mirror) {
    let told = told(mirror);
    let is_of_silence = |(name, _): &(&str, String)| ["blocked", "stopped-answering"].contains(name);
    assert!(!told.iter().any(is_of_silence), "{told:?}");
}

/// Questions at these milliseconds, each answered at once.
fn answered(mirror: &mut Mirror, [client, server]: [End; 2], [question, answer]: [&[u8]; 2], at: &[u64]) {
    for at in at {
        mirror.udp(at * MILLI, client, server, question);
        mirror.udp(at * MILLI + MILLI, server, client, answer);
    }
}

/// A confirmable request and its answer by this message number.
fn state(id: u16) -> [Vec<u8>; 2] {
    let token = id.to_be_bytes();
    [coap::request(coap::CON, coap::GET, id, &token, "light", &[]), coap::content(coap::ACK, id, &token, None, "80")]
}

/// When a client of CoAP sends a message that is not answered (RFC 7252 section 4.8), in milliseconds.
const RETRIES: [u64; 5] = [0, 2_400, 7_200, 16_800, 36_000];

fn coap_asked(mirror: &mut Mirror, id: u16, begin: u64, retries: usize) {
    let [question, answer] = state(id);
    let at: Vec<u64> = RETRIES[..retries].iter().map(|at| begin * 1_000 + at).collect();
    answered(mirror, [(GATEWAY, 40_001), (node(101), 5683)], [&question, &answer], &at);
}

const AGAIN: &str = "each answer was captured, and the client asked the same again";

#[test]
fn answers_of_coap_that_are_dropped_behind_the_place_are_told() {
    for is_uncounted in [false, true] {
        let mut once = Mirror { is_uncounted, ..Mirror::default() };
        coap_asked(&mut once, 7, 0, 5);
        is_told(once, "blocked", AGAIN);

        let mut always = Mirror { is_uncounted, ..Mirror::default() };
        (0..4).for_each(|turn| coap_asked(&mut always, 7 + turn, u64::from(turn) * 75, 5));
        is_told(always, "blocked", AGAIN);

        // It had worked for an hour.
        let mut later = Mirror { is_uncounted, ..Mirror::default() };
        (0..360).for_each(|turn| coap_asked(&mut later, 100 + turn, u64::from(turn) * 10, 1));
        (0..4).for_each(|turn| coap_asked(&mut later, 700 + turn, 3_600 + u64::from(turn) * 75, 5));
        is_told(
            later,
            "stopped-answering",
            "carries answers that do not arrive: each was captured, and the client asked the same again",
        );
    }
}

#[test]
fn losses_and_messages_that_only_look_alike_are_no_silence() {
    for is_uncounted in [false, true] {
        // One in eight answers lost, twice in a row at times.
        let mut lossy = Mirror { is_uncounted, ..Mirror::default() };
        let sent = |turn: u16| if turn % 24 == 5 { 3 } else { 1 + usize::from(turn % 8 == 5) };
        (0..100).for_each(|turn| coap_asked(&mut lossy, 100 + turn, u64::from(turn) * 30, sent(turn)));
        is_well(lossy);

        // The trouble is over.
        let mut over = Mirror { is_uncounted, ..Mirror::default() };
        (0..4).for_each(|turn| coap_asked(&mut over, 7 + turn, u64::from(turn) * 75, 5));
        (0..60).for_each(|turn| coap_asked(&mut over, 100 + turn, 400 + u64::from(turn) * 10, 1));
        is_well(over);

        // A server that is slow: it answers the last of four.
        let mut slow = Mirror { is_uncounted, ..Mirror::default() };
        for turn in 0..4 {
            let ([question, answer], begin) = (state(7 + turn), u64::from(turn) * 75_000);
            for at in &RETRIES[..4] {
                slow.udp((begin + at) * MILLI, (GATEWAY, 40_001), (node(101), 5683), &question);
            }
            slow.udp((begin + 17_000) * MILLI, (node(101), 5683), (GATEWAY, 40_001), &answer);
        }
        is_well(slow);

        // A client that never counts its messages asks at regular times.
        let mut constant = Mirror { is_uncounted, ..Mirror::default() };
        let [question, answer] = state(7);
        let regular: Vec<u64> = (0..5).map(|turn| turn * 10_000).collect();
        answered(&mut constant, [(GATEWAY, 40_001), (node(101), 5683)], [&question, &answer], &regular);
        is_well(constant);
    }
}

/// As a capture on the asker's own host shows what it sends where the network adapter works out checksums.
fn offloaded(mut mirror: Mirror, asker: Host) -> Mirror {
    for record in mirror.tape.records.iter_mut().filter(|record| record.frame[6..12] == asker.mac) {
        record.frame[40..42].copy_from_slice(&[0x14, 0x8a]);
    }
    mirror
}

#[test]
fn checksums_that_the_adapter_works_out_make_no_messages_alike() {
    let mut pairs = Mirror::default();
    for turn in 0..6 {
        (0..3).for_each(|more| {
            coap_asked(&mut pairs, 100 + 3 * turn + more, 60 * u64::from(turn) + 3 * u64::from(more), 1)
        });
    }
    is_well(offloaded(pairs, GATEWAY));
    let mut points = Mirror::default();
    for turn in 0..24_u8 {
        let (question, answer) = (bacnet::read_property(turn, 3), bacnet::read_property_ack(turn, 3, 40.0));
        let at = 60_000 * u64::from(turn / 4) + 3_000 * u64::from(turn % 4);
        answered(&mut points, [(BACNET, 47_808), (GATEWAY, 47_808)], [&question, &answer], &[at]);
    }
    is_well(offloaded(points, BACNET));
    let mut dropped = Mirror::default();
    (0..4).for_each(|turn| coap_asked(&mut dropped, 7 + turn, u64::from(turn) * 75, 5));
    is_told(offloaded(dropped, GATEWAY), "blocked", AGAIN);
}

#[test]
fn answers_of_bacnet_that_are_dropped_behind_the_place_are_told() {
    let ends = [(BACNET, 47_808), (GATEWAY, 47_808)];
    let asked = |mirror: &mut Mirror, id: u8, at: &[u64]| {
        let (question, answer) = (bacnet::read_property(id, 3), bacnet::read_property_ack(id, 3, 40.0));
        answered(mirror, ends, [&question, &answer], at);
    };
    let retries = |begin: u64| [0, 3, 6, 9].map(|at| (begin + at) * 1_000);
    let mut dropped = Mirror::default();
    (0..3).for_each(|turn| asked(&mut dropped, 7 + turn, &retries(12 * u64::from(turn))));
    is_told(dropped, "blocked", AGAIN);

    // One number for all that it asks, as simple clients have.
    let mut constant = Mirror::default();
    asked(&mut constant, 7, &(0..20).map(|turn| turn * 3_000).collect::<Vec<_>>());
    is_well(constant);
    let mut few = Mirror::default();
    asked(&mut few, 7, &[0, 5_000, 10_000, 15_000]);
    is_well(few);
    let mut now_and_then = Mirror::default();
    for begin in [0, 120_000, 240_000] {
        asked(&mut now_and_then, 7, &[0, 5_000, 10_000, 15_000].map(|at| begin + at));
    }
    is_well(now_and_then);
    let mut counting = Mirror::default();
    (0..40).for_each(|turn| asked(&mut counting, 7 + turn, &[u64::from(turn) * 3_000]));
    is_well(counting);
}

#[test]
fn acknowledgements_of_tftp_that_are_dropped_behind_the_place_are_told() {
    let (client, server) = ((node(101), 50_000), (GATEWAY, 51_000));
    let request = |mirror: &mut Mirror| mirror.udp(0, client, (GATEWAY, 69), &tftp::read("firmware.bin", &[]));
    let mut stuck = Mirror::default();
    request(&mut stuck);
    let [block, ack] = [tftp::data(1, &[7; 512]), tftp::ack(1)];
    answered(&mut stuck, [server, client], [&block, &ack], &[2, 1_002, 3_002, 7_002, 15_002]);
    is_told(stuck, "blocked", "the client acknowledged each time, and the server sent the same again");
    // Its client asks again by the same port, and is answered from a fresh one each time.
    let mut again = Mirror::default();
    for turn in 0..4_u16 {
        let (at, fresh) = (60_000 * u64::from(turn), (GATEWAY, 51_000 + turn));
        again.udp(at * MILLI, client, (GATEWAY, 69), &tftp::read("firmware.bin", &[]));
        answered(&mut again, [fresh, client], [&block, &ack], &[2, 1_002, 3_002, 7_002, 15_002].map(|late| at + late));
    }
    is_told(again, "blocked", "the client acknowledged each time, and the server sent the same again");
    // A small file is read again and again by the same ports.
    let mut small = Mirror::default();
    for turn in 0..5 {
        let [whole, ack] = [tftp::data(1, b"3.1.4"), tftp::ack(1)];
        small.udp(turn * 30 * SECOND, client, (GATEWAY, 69), &tftp::read("version.txt", &[]));
        answered(&mut small, [server, client], [&whole, &ack], &[turn * 30_000 + 2]);
    }
    is_well(small);

    // One block was lost and sent again, and the file went on.
    let mut moves = Mirror::default();
    request(&mut moves);
    answered(&mut moves, [server, client], [&block, &ack], &[2, 1_002, 3_002]);
    for number in 2..20 {
        let at = 3_010 + u64::from(number);
        answered(&mut moves, [server, client], [&tftp::data(number, &[7; 512]), &tftp::ack(number)], &[at]);
    }
    is_well(moves);
}

#[test]
fn a_capture_in_pieces_tells_the_same() {
    let mut dropped = Mirror::default();
    (0..3).for_each(|turn| coap_asked(&mut dropped, 7 + turn, u64::from(turn) * 75, 5));
    dropped.tape.sort();
    let records = &dropped.tape.records;
    for pieces in [2, 3, 5, records.len()] {
        let folder = tempfile::tempdir().unwrap();
        let part = |number: usize| {
            let mut part = Mirror::default();
            part.tape.records =
                records[number * records.len() / pieces..(number + 1) * records.len() / pieces].to_vec();
            let path = folder.path().join(format!("{number}.pcap"));
            std::fs::write(&path, part.tape.pcap()).unwrap();
            path
        };
        let parts: Vec<_> = (0..pieces).map(part).collect();
        let survey = reading::survey(&parts, Inventory::load(None, &addresses()).unwrap(), false);
        assert_eq!(reading::of_kind(&survey, "blocked").len(), 1, "{pieces}");
    }
}

/// A connection on which the client asks, the server acknowledges, and the client closes after so many seconds; the server's
/// answer, where it has one.
fn asked_by_tcp(mirror: &mut Mirror, at: u64, client: u16, patience: u64, answer: Option<&[u8]>) {
    let (client, server) = ((GATEWAY, client), (node(101), 80));
    let [c, s] = [1_000, 5_000];
    let question = http::get("node", "/status");
    let [asked, mut told] = [c + 1 + question.len() as u32, s + 1];
    mirror.open(at, client, server, [c, s]);
    mirror.tcp(at + MILLI, client, server, PSH | ACK, [c + 1, s + 1], &question);
    mirror.tcp(at + 2 * MILLI, server, client, ACK, [s + 1, asked], &[]);
    if let Some(answer) = answer {
        mirror.tcp(at + 3 * MILLI, server, client, PSH | ACK, [told, asked], answer);
        told += answer.len() as u32;
    }
    mirror.tcp(at + patience * SECOND, client, server, FIN | ACK, [asked, told], &[]);
    mirror.tcp(at + patience * SECOND + MILLI, server, client, ACK, [told, asked + 1], &[]);
}

#[test]
fn a_server_that_acknowledges_and_answers_nothing_is_told() {
    const NOTHING: &str = "accepts connections, acknowledges what its client says, and answers nothing";
    let answer = http::answer("200 OK", "text/plain", "80");
    let mut hung = Mirror::default();
    (0..4).for_each(|turn| asked_by_tcp(&mut hung, u64::from(turn) * 20 * SECOND, 40_000 + turn, 8, None));
    is_told(hung, "stopped-answering", NOTHING);

    // It had worked before, or what is small passes.
    for begin in [0, 10] {
        let mut mixed = Mirror::default();
        for turn in 0..4 {
            let at = u64::from(turn) * 20 * SECOND;
            if begin == 0 || turn > 0 {
                asked_by_tcp(&mut mixed, at + begin * SECOND, 41_000 + turn, 1, Some(&answer));
            }
            asked_by_tcp(&mut mixed, at + if begin == 0 { 100 } else { 0 } * SECOND, 40_000 + turn, 8, None);
        }
        is_told(mixed, "stopped-answering", NOTHING);
    }

    // The client had no patience; or it waits for news now and then; or the answers were not captured.
    let mut hasty = Mirror::default();
    (0..6).for_each(|turn| asked_by_tcp(&mut hasty, u64::from(turn) * 20 * SECOND, 40_000 + turn, 2, None));
    is_well(hasty);
    let mut polls = Mirror::default();
    for turn in 0..12 {
        let answer = (turn % 3 > 0).then_some(&answer[..]);
        asked_by_tcp(&mut polls, u64::from(turn) * 20 * SECOND, 40_000 + turn, 8, answer);
    }
    is_well(polls);
    let mut half = Mirror::default();
    for turn in 0..20 {
        let answer = (turn % 2 > 0).then_some(&answer[..]);
        asked_by_tcp(&mut half, u64::from(turn) * 20 * SECOND, 40_000 + turn, 8, answer);
    }
    is_well(half);
    // What is pushed to a port of no known protocol may have no answer.
    let mut pushed = Mirror::default();
    for turn in 0..6 {
        let (client, server) = ((GATEWAY, 40_000 + turn), (node(101), 88));
        let at = u64::from(turn) * 20 * SECOND;
        pushed.open(at, client, server, [1_000, 5_000]);
        pushed.tcp(at + MILLI, client, server, PSH | ACK, [1_001, 5_001], &[0xf7; 40]);
        pushed.tcp(at + 2 * MILLI, server, client, ACK, [5_001, 1_041], &[]);
        pushed.tcp(at + 9 * SECOND, client, server, FIN | ACK, [1_041, 5_001], &[]);
        pushed.tcp(at + 9 * SECOND + MILLI, server, client, FIN | ACK, [5_001, 1_042], &[]);
    }
    is_well(pushed);
    let mut lacking = Mirror::default();
    (0..4).for_each(|turn| asked_by_tcp(&mut lacking, u64::from(turn) * 20 * SECOND, 40_000 + turn, 8, Some(&answer)));
    lacking.tape.records.retain(|record| record.frame.len() < 100 || record.frame[6..12] == GATEWAY.mac);
    is_well(lacking);
}
