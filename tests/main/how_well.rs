//! Whether it is the network or the node: each finding of docs/health.md on a capture of its kind made here, and its twins, in
//! which nothing may be told.

use igorscope::survey::Survey;

use crate::command::{self, sample};
use crate::mirror::{GATEWAY, Host, Mirror, OTHER, node};
use crate::reading::{Read, of_kind};
use crate::traffic::frame::{self, ACK, FIN, PSH, SYN};
use crate::traffic::payload::{coap, http, tftp};
use crate::traffic::wire::{MICRO, MILLI, SECOND};

const KINDS: [&str; 4] = ["slow-device", "overloaded", "lossy-path", "slow-transfer"];

/// The only finding of this page.
fn only<'a>(survey: &'a Survey, kind: &str) -> Read<'a> {
    for other in KINDS.into_iter().filter(|other| *other != kind) {
        assert!(of_kind(survey, other).is_empty(), "{other}");
    }
    let mut found = of_kind(survey, kind);
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    found.remove(0)
}

fn assert_silent(mirror: &Mirror) {
    let survey = mirror.measured();
    for kind in KINDS {
        assert!(of_kind(&survey, kind).is_empty(), "{:?}", of_kind(&survey, kind));
    }
}

fn in_order(mut mirror: Mirror) -> Mirror {
    mirror.tape.sort();
    mirror
}

/// The gateway asks a node once a second: how long the node takes, and how long its kernel for a handshake.
fn asks(mirror: &mut Mirror, node: Host, times: u16, service: u64, kernel: u64) {
    for number in 0..times {
        let at = u64::from(number) * SECOND + u64::from(node.mac[5]) * MILLI;
        let token = number.to_be_bytes();
        mirror.udp(at, (GATEWAY, 40_000), (node, 5683), &coap::request(coap::CON, coap::GET, number, &token, "l", &[]));
        let answer = coap::content(coap::ACK, number, &token, None, "1");
        mirror.udp(at + service, (node, 5683), (GATEWAY, 40_000), &answer);
        if number % 8 == 0 {
            let [client, server] = [(GATEWAY, 41_000 + number), (node, 80)];
            mirror.tcp(at, client, server, 2, [1_000, 0], &[]);
            mirror.tcp(at + kernel, server, client, 2 | ACK, [5_000, 1_001], &[]);
            mirror.tcp(at + kernel + 100 * MICRO, client, server, ACK, [1_001, 5_001], &[]);
        }
    }
}

#[test]
fn a_device_that_is_slow_beside_its_peers_is_told_and_who_is_to_blame() {
    let site = |slow: (u64, u64)| {
        let mut mirror = Mirror::default();
        for number in 101..107 {
            let (service, kernel) = if number == 104 { slow } else { (4 * MILLI + u64::from(number) * MICRO, MILLI) };
            asks(&mut mirror, node(number), 40, service, kernel);
        }
        in_order(mirror)
    };
    let survey = site((420 * MILLI, MILLI)).measured();
    let told = only(&survey, "slow-device");
    assert_eq!(told.words.client, "10.20.0.104");
    told.says(&["CoAP request to response takes 4", "those of 5 others 4.1 ms", "the device itself is slow"]);

    let survey = site((420 * MILLI, 410 * MILLI)).measured();
    only(&survey, "slow-device").says(&["the way to it is slow"]);

    // Twice as long is not slow, nor is what nobody would notice.
    assert_silent(&site((8 * MILLI, MILLI)));
    assert_silent(&site((40 * MILLI, MILLI)));
}

/// Fifteen nodes that answer at once, and others of another maker and of these times, each with what its kernel takes for a
/// handshake.
fn kinds(others: &[(u64, u64)]) -> Survey {
    of_makers(others, 0xc6)
}

fn of_makers(others: &[(u64, u64)], last: u8) -> Survey {
    let mut mirror = Mirror::default();
    (101..116).for_each(|number| asks(&mut mirror, node(number), 40, 20 * MILLI, MILLI));
    for (number, (service, kernel)) in (116..).zip(others) {
        let mac = [0x00, 0x1b, last, 0x00, 0x01, number];
        asks(&mut mirror, Host { mac, ..node(number) }, 40, *service, *kernel);
    }
    in_order(mirror).measured()
}

#[test]
fn devices_are_held_against_their_own_kind() {
    let slow = [290, 300, 310, 320, 330].map(|millis| (millis * MILLI, MILLI));
    assert!(of_kind(&kinds(&slow), "slow-device").is_empty(), "five that are alike are a kind");
    only(&of_makers(&slow, 0xc5), "slow-device").says(&["5 times a device answers late"]);
    // Four are none.
    only(&kinds(&slow[1..]), "slow-device").says(&["4 times a device answers late", "those of 18 others 20 ms"]);
    // One of the kind that is slow beside it, and one that is late whatever others do.
    for (late, says) in [(960, "those of 5 others 31"), (1_200, "those of 5 others 31")] {
        let all: Vec<_> = slow.into_iter().chain([(late * MILLI, MILLI)]).collect();
        let survey = kinds(&all);
        let told = only(&survey, "slow-device");
        assert_eq!(told.words.client, "10.20.0.121");
        told.says(&[says]);
    }
    let late = [1_100, 1_110, 1_120, 1_130, 1_140].map(|millis| (millis * MILLI, MILLI));
    only(&kinds(&late), "slow-device").says(&["5 times a device answers late", "which is late whatever others do"]);
    // What a switch before them holds up is alike as well.
    let behind = slow.map(|(service, _)| (service, 280 * MILLI));
    only(&kinds(&behind), "slow-device").says(&["5 times a device answers late", "the way to it is slow"]);
}

/// Node 104 is late with each so many answers, and the gateway asks it again after two seconds where it is told to.
fn now_and_then(late: u16, by: u64, again: bool) -> Mirror {
    let mut mirror = Mirror::default();
    for number in 101..107 {
        for round in 0..60_u16 {
            let at = u64::from(round) * 10 * SECOND + u64::from(number) * MILLI;
            let token = round.to_be_bytes();
            let ask = coap::request(coap::CON, coap::GET, round, &token, "l", &[]);
            let is_late = number == 104 && round % late == 0;
            mirror.udp(at, (GATEWAY, 40_000), (node(number), 5683), &ask);
            if is_late && again {
                mirror.udp(at + 2 * SECOND, (GATEWAY, 40_000), (node(number), 5683), &ask);
            }
            let took = if is_late { by } else { 4 * MILLI };
            let answer = coap::content(coap::ACK, round, &token, None, "1");
            mirror.udp(at + took, (node(number), 5683), (GATEWAY, 40_000), &answer);
        }
    }
    in_order(mirror)
}

#[test]
fn some_late_answers_are_told_and_lost_ones_are_a_path() {
    let survey = now_and_then(3, 900 * MILLI, false).measured();
    only(&survey, "slow-device").says(&["takes 4.0 ms mostly, and of 60 one in twenty", "of 5 others 4.0 ms"]);
    assert_silent(&now_and_then(30, 900 * MILLI, false));
    // What was answered at once when it was asked again had been lost.
    let survey = now_and_then(3, 2_004 * MILLI, true).measured();
    assert!(of_kind(&survey, "slow-device").is_empty());
    let told = of_kind(&survey, "lossy-path").is_empty();
    assert!(told, "fewer than a hundred questions tell no share");
}

/// A node answers late for a minute of ten, and at some other times, while it is sent a file or not.
fn updated(has_file: bool, others: u16) -> Mirror {
    let mut mirror = Mirror::default();
    for number in 101..107 {
        for round in 0..120_u16 {
            let at = u64::from(round) * 5 * SECOND + u64::from(number) * MILLI;
            let token = round.to_be_bytes();
            let is_late = number == 104 && ((60..72).contains(&round) || round < others);
            let took = if is_late { 400 * MILLI } else { 10 * MILLI };
            let ask = coap::request(coap::CON, coap::GET, round, &token, "l", &[]);
            mirror.udp(at, (GATEWAY, 40_000), (node(number), 5683), &ask);
            mirror.udp(
                at + took,
                (node(number), 5683),
                (GATEWAY, 40_000),
                &coap::content(coap::ACK, round, &token, None, "1"),
            );
        }
    }
    let [server, client] = [(GATEWAY, 50_000), (node(104), 2_000)];
    mirror.udp(300 * SECOND, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
    for block in (1..=1180).filter(|_| has_file) {
        let at = 300 * SECOND + u64::from(block) * 50 * MILLI;
        mirror.udp(at, server, client, &tftp::data(block, &[0x55; 512]));
        mirror.udp(at + 10 * MILLI, client, server, &tftp::ack(block));
    }
    in_order(mirror)
}

#[test]
fn who_is_slow_while_it_is_updated_is_not_slow() {
    assert!(of_kind(&updated(true, 0).measured(), "slow-device").is_empty());
    assert_eq!(of_kind(&updated(false, 0).measured(), "slow-device").len(), 1);
    assert_eq!(of_kind(&updated(true, 8).measured(), "slow-device").len(), 1, "at other times too");
}

#[test]
fn a_device_that_takes_a_second_is_late_whoever_is_there() {
    let mut alone = Mirror::default();
    asks(&mut alone, node(101), 40, 1_600 * MILLI, MILLI);
    let survey = in_order(alone).measured();
    only(&survey, "slow-device").says(&["which is late whatever others do", "the device itself is slow"]);
}

/// The gateway asks a node once in two seconds; from a round on the node is dead for so many, and each question is sent three
/// times.
fn dead(rounds: std::ops::Range<u16>, comes_late: bool) -> Mirror {
    let mut mirror = Mirror::default();
    for round in 0..200_u16 {
        let at = u64::from(round) * 10 * SECOND;
        let token = round.to_be_bytes();
        let ask = coap::request(coap::CON, coap::GET, round, &token, "l", &[]);
        let is_dead = rounds.contains(&round);
        mirror.udp(at, (GATEWAY, 40_000), (node(101), 5683), &ask);
        if is_dead {
            mirror.udp(at + 2 * SECOND, (GATEWAY, 40_000), (node(101), 5683), &ask);
            mirror.udp(at + 6 * SECOND, (GATEWAY, 40_000), (node(101), 5683), &ask);
        }
        if !is_dead || comes_late {
            let took = if is_dead { 6 * SECOND + 4 * MILLI } else { 4 * MILLI };
            let answer = coap::content(coap::ACK, round, &token, None, "1");
            mirror.udp(at + took, (node(101), 5683), (GATEWAY, 40_000), &answer);
        }
    }
    in_order(mirror)
}

#[test]
fn who_was_dead_for_a_while_has_no_lossy_path() {
    let survey = dead(90..110, false).measured();
    assert!(of_kind(&survey, "lossy-path").is_empty(), "{:?}", of_kind(&survey, "lossy-path"));
    // The same questions, each answered in the end: they were lost.
    let survey = dead(90..110, true).measured();
    only(&survey, "lossy-path").says(&["40 of 240 (16 %) of the questions that were answered in the end"]);
}

#[test]
fn few_answers_or_few_peers_tell_nothing() {
    let mut few = Mirror::default();
    (101..104).for_each(|number| asks(&mut few, node(number), 40, 4 * MILLI, MILLI));
    asks(&mut few, node(104), 40, 800 * MILLI, MILLI);
    assert_silent(&in_order(few));

    let mut short = Mirror::default();
    (101..107).for_each(|number| asks(&mut short, node(number), 40, 4 * MILLI, MILLI));
    asks(&mut short, node(107), 19, 800 * MILLI, MILLI);
    assert_silent(&in_order(short));
}

/// A node sends the gateway a stream, of which each so many segments are sent again 300 ms later.
fn stream(lost: u32) -> Mirror {
    let mut mirror = Mirror::default();
    let [client, server] = [(node(101), 40_000), (GATEWAY, 80)];
    mirror.open(0, client, server, [1_000, 5_000]);
    let mut at = SECOND;
    for number in 0..400_u32 {
        let seq = 1_001 + number * 100;
        mirror.tcp(at, client, server, ACK | PSH, [seq, 5_001], &[b'a'; 100]);
        if number % lost == lost - 1 {
            at += 300 * MILLI;
            mirror.tcp(at, client, server, ACK | PSH, [seq, 5_001], &[b'a'; 100]);
        }
        mirror.tcp(at + MILLI, server, client, ACK, [5_001, seq + 100], &[]);
        at += 50 * MILLI;
    }
    mirror
}

#[test]
fn a_path_that_loses_much_is_told() {
    let survey = stream(20).measured();
    let told = only(&survey, "lossy-path");
    assert_eq!(told.words.client, "10.20.0.101");
    told.says(&["20 of 421 (4 %) of the TCP segments that it sent."]);
    // One in a hundred is no trouble.
    assert_silent(&stream(100));
}

/// Connections that come to nothing are `blocked`: whatever refuses or drops them, no cable does.
#[test]
fn what_opens_no_connection_tells_no_losses() {
    let mut mirror = Mirror::default();
    for number in 0..60 {
        let at = u64::from(number) * 10 * SECOND;
        mirror.knock(at, (GATEWAY, 40_000 + number), (node(101), 88));
        let [client, server] = [(GATEWAY, 50_000 + number), (node(102), 88)];
        for late in [0, SECOND, 3 * SECOND] {
            mirror.tcp(at + late, client, server, SYN, [1_000, 0], &[]);
            mirror.tcp(at + late + MILLI, server, client, SYN | ACK, [5_000, 1_001], &[]);
        }
    }
    let survey = in_order(mirror).measured();
    assert!(of_kind(&survey, "lossy-path").is_empty(), "{:?}", of_kind(&survey, "lossy-path"));
    assert!(!of_kind(&survey, "blocked").is_empty());
    // Where a SYN that was lost is sent again and answered, the path loses.
    let of = |connections: u16, lost_each: u16, given_up: u16| {
        let mut lost = Mirror::default();
        for number in 0..connections {
            let at = u64::from(number + 1) * 10 * SECOND;
            let [client, server] = [(GATEWAY, 40_000 + number), (node(101), 88)];
            if number < given_up {
                lost.knock(at, client, server);
                continue;
            }
            if number % lost_each == 0 {
                lost.tcp(at - SECOND, client, server, SYN, [1_000, 0], &[]);
            }
            lost.open(at, client, server, [1_000, 5_000]);
        }
        in_order(lost).measured()
    };
    only(&of(200, 10, 0), "lossy-path");
    only(&of(90, 1, 18), "lossy-path");
}

/// The gateway pings a node 300 times, and asks another as often by CoAP without asking again; which of them are answered.
fn unrepeated(is_answered: impl Fn(u16) -> bool) -> Mirror {
    let mut mirror = Mirror::default();
    for number in 0..300_u16 {
        let at = u64::from(number) * SECOND;
        let [high, low] = number.to_be_bytes();
        let ping = |kind: u8| frame::icmp(kind, 0, [0, 7, high, low], b"ping");
        let ask = coap::request(coap::NON, coap::GET, number, &[high, low], "l", &[]);
        mirror.ip(at, GATEWAY, node(101), frame::ICMP, &ping(8));
        mirror.udp(at, (GATEWAY, 40_000), (node(102), 5683), &ask);
        if is_answered(number) {
            mirror.ip(at + 2 * MILLI, node(101), GATEWAY, frame::ICMP, &ping(0));
            let answer = coap::content(coap::NON, number, &[high, low], None, "1");
            mirror.udp(at + 4 * MILLI, (node(102), 5683), (GATEWAY, 40_000), &answer);
        }
    }
    mirror
}

#[test]
fn pings_that_are_lost_are_told() {
    let survey = unrepeated(|number| number % 10 != 5).measured();
    let told = only(&survey, "lossy-path");
    told.says(&["10.20.0.101 and 10.20.0.10 30 of 300 (10 %) pings were never answered"]);
    assert_eq!(told.words.client, "10.20.0.101", "of the other the capture may lack the answers");
    assert_silent(&unrepeated(|_| true));
    assert_silent(&unrepeated(|number| number % 50 != 5));
    assert_silent(&unrepeated(|number| !(100..160).contains(&number)));
    // One of two, each time, owes no answer.
    assert_silent(&unrepeated(|number| number % 2 == 0));
}

/// Of 150 connections in a row, the server is gone at the end of each: what it was sent last is sent again three times, and
/// acknowledged or not.
fn ends(is_acknowledged: bool) -> Survey {
    let mut mirror = Mirror::default();
    for number in 0..150_u16 {
        let at = u64::from(number) * 10 * SECOND;
        let [client, server] = [(GATEWAY, 40_000 + number), (node(101), 88)];
        mirror.open(at, client, server, [1_000, 5_000]);
        for late in [SECOND, 1_300 * MILLI, 1_900 * MILLI] {
            mirror.tcp(at + late, client, server, ACK | FIN, [1_001, 5_001], &[]);
        }
        if is_acknowledged {
            mirror.tcp(at + 2 * SECOND, server, client, ACK, [5_001, 1_002], &[]);
        }
    }
    mirror.measured()
}

#[test]
fn what_is_never_acknowledged_again_need_not_be_lost() {
    assert!(of_kind(&ends(false), "lossy-path").is_empty());
    only(&ends(true), "lossy-path").says(&["300 of 600 (50 %)"]);
}

/// The gateway asks 150 times, and again after so long; the node takes so long for each answer.
fn impatient(again: &[u64], takes: u64) -> Survey {
    let mut mirror = Mirror::default();
    for round in 0..150_u16 {
        let at = u64::from(round) * 10 * SECOND;
        let token = round.to_be_bytes();
        let ask = coap::request(coap::CON, coap::GET, round, &token, "l", &[]);
        let answer = coap::content(coap::ACK, round, &token, None, "1");
        for late in [&[0], again].concat() {
            mirror.udp(at + late, (GATEWAY, 40_000), (node(101), 5683), &ask);
            mirror.udp(at + late + takes, (node(101), 5683), (GATEWAY, 40_000), &answer);
        }
    }
    in_order(mirror).measured()
}

#[test]
fn who_is_impatient_loses_nothing_and_whose_answers_are_asked_for_again_does() {
    let survey = impatient(&[600 * MILLI], 800 * MILLI);
    assert!(of_kind(&survey, "lossy-path").is_empty(), "both copies are answered");
    let survey = impatient(&[1_500 * MILLI], 4 * MILLI);
    assert!(of_kind(&survey, "lossy-path").is_empty(), "two captures whose clocks differ");
    let survey = impatient(&[2 * SECOND, 6 * SECOND], 4 * MILLI);
    assert_eq!(of_kind(&survey, "lossy-path").len(), 1, "the answer is lost behind the capture's place");
}

/// A tablet asks the gateway for its page, and waits for news.
fn pages(waits: u64, page: u64) -> Survey {
    let mut mirror = Mirror::default();
    let [client, server] = [(OTHER, 40_000), (GATEWAY, 80)];
    let (request, answer) = (http::get("gateway", "/news"), http::answer("200 OK", "text/plain", "80"));
    mirror.open(0, client, server, [1_000, 5_000]);
    let (mut ours, mut theirs, mut at) = (1_001, 5_001, SECOND);
    for number in 0..60 {
        let took = if number % 5 == 0 { page } else { waits };
        mirror.tcp(at, client, server, ACK | PSH, [ours, theirs], &request);
        ours += request.len() as u32;
        mirror.tcp(at + took, server, client, ACK | PSH, [theirs, ours], &answer);
        theirs += answer.len() as u32;
        at += took + SECOND;
    }
    mirror.measured()
}

#[test]
fn who_waits_for_news_is_no_sign_of_a_slow_server() {
    for waits in [25 * SECOND, 5 * SECOND] {
        assert!(of_kind(&pages(waits, 10 * MILLI), "slow-device").is_empty(), "{waits}");
    }
    for all in [2_500 * MILLI, 25 * SECOND] {
        assert_eq!(of_kind(&pages(all, all), "slow-device").len(), 1, "{all}");
    }
}

/// The gateway sends a file: what the node takes for a block, what the gateway takes for the next, and each so many blocks is
/// sent again after a second.
fn transfer(receives: u64, sends: u64, lost: u16) -> Mirror {
    transfer_from(50_000, receives, sends, lost)
}

fn transfer_from(port: u16, receives: u64, sends: u64, lost: u16) -> Mirror {
    let mut mirror = Mirror::default();
    let [server, client] = [(GATEWAY, port), (node(101), 2_000)];
    mirror.udp(0, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
    let mut at = MILLI;
    for block in 1..=240 {
        mirror.udp(at, server, client, &tftp::data(block, &[0x55; 512]));
        if block % lost == 0 {
            at += SECOND;
            mirror.udp(at, server, client, &tftp::data(block, &[0x55; 512]));
        }
        at += receives;
        mirror.udp(at, client, server, &tftp::ack(block));
        at += sends;
    }
    mirror
}

#[test]
fn a_slow_transfer_says_who_held_it_up() {
    for (mirror, who) in [
        (transfer(60 * MILLI, 3 * MILLI, 1_000), "the receiver, or the way to it"),
        (transfer(3 * MILLI, 60 * MILLI, 1_000), "the sender, or the way to it"),
        (transfer(3 * MILLI, 3 * MILLI, 12), "20 of 240 blocks had to be sent again"),
    ] {
        let survey = mirror.measured();
        let mut told = of_kind(&survey, "slow-transfer");
        assert_eq!(told.len(), 1, "{who}");
        let told = told.remove(0);
        assert_eq!(told.words.client, "10.20.0.101");
        assert!(told.words.detail.contains(who), "{}", told.words.detail);
        told.says(&["10.20.0.10 sent node.bin to 10.20.0.101 in "]);
    }
    // Three files, one after the other, to one port of the client: whose time was whose, nobody knows.
    let mut several = Mirror::default();
    for (number, receives) in (0..).zip([60 * MILLI, 3 * MILLI, 3 * MILLI]) {
        let mut one = transfer_from(50_000 + number as u16, receives, 63 * MILLI - receives, 1_000);
        for record in &mut one.tape.records {
            record.time += number * 100 * SECOND;
        }
        several.tape.records.extend(one.tape.records);
    }
    let survey = several.measured();
    of_kind(&survey, "slow-transfer")[0].says(&["several transfers used the same ports"]);
    // A server that sends from the port that is asked, and a quick transfer again an hour later.
    let mut again = transfer_from(69, 3 * MILLI, 60 * MILLI, 1_000);
    of_kind(&again.measured(), "slow-transfer")[0].says(&["the sender, or the way to it", "sent node.bin"]);
    again = transfer_from(69, 3 * MILLI, 3 * MILLI, 1_000);
    let later: Vec<_> = again.tape.records.clone();
    again.tape.records.extend(later.into_iter().map(|mut record| {
        record.time += 3_600 * SECOND;
        record
    }));
    assert_silent(&again);
    // 83 kB a second.
    assert_silent(&transfer(3 * MILLI, 3 * MILLI, 1_000));
}

/// A file in windows of sixteen blocks (RFC 7440), and what passes between two of their blocks, before the acknowledgement and
/// before the next window; some are sent once more from their second block on, since that was lost behind the place.
fn windows(between: u64, receives: u64, sends: u64, lost: u16) -> Mirror {
    let mut mirror = Mirror::default();
    let [server, client] = [(GATEWAY, 50_000), (node(101), 2_000)];
    mirror.udp(0, client, (GATEWAY, 69), &tftp::read("node.bin", &[("windowsize", "16")]));
    let mut at = MILLI;
    for window in 0..20 {
        let first = 16 * window + 1;
        let again = (window % lost == lost - 1).then_some(first + 1);
        for (number, block) in
            (first..first + 16).chain(again.into_iter().flat_map(|from| from..first + 16)).enumerate()
        {
            at += if number == 16 { 2 * SECOND } else { between };
            mirror.udp(at, server, client, &tftp::data(block, &[0x55; 512]));
        }
        at += receives;
        mirror.udp(at, client, server, &tftp::ack(first + 15));
        at += sends;
    }
    mirror
}

#[test]
fn a_slow_transfer_in_windows_says_who_held_it_up_and_for_how_long() {
    for (mirror, says) in [
        (
            windows(30 * MILLI, MILLI, MILLI, 99),
            ["in 9", "the sender, or the way to it", "to the last block of the next window"],
        ),
        (windows(MILLI, 500 * MILLI, MILLI, 99), ["in 10", "the receiver, or the way to it", "held it up: 50"]),
        (windows(MILLI, MILLI, 500 * MILLI, 99), ["in 9", "the sender, or the way to it", "held it up: 5"]),
        (windows(MILLI, MILLI, MILLI, 2), ["in 2", "10 of ", "had to be sent again: the path loses them"]),
    ] {
        only_slow(&mirror.measured()).says(&says);
    }
    assert_silent(&windows(MILLI, MILLI, MILLI, 99));
}

/// The slow transfer, of which the path may be told too.
fn only_slow(survey: &Survey) -> Read<'_> {
    let mut told = of_kind(survey, "slow-transfer");
    assert_eq!(told.len(), 1);
    told.remove(0)
}

/// What happens at each tenth block of a file.
#[derive(Clone, Copy)]
enum Stall {
    /// The sender waits a second before it.
    Sender,
    /// The receiver takes a second for it.
    Receiver,
    /// It was lost before the capture's place: the receiver acknowledges the one before it again.
    Lost,
    /// The receiver takes longer for it than the sender waits, and acknowledges it twice.
    Impatient,
}

#[test]
fn a_transfer_that_stalls_now_and_then_is_slow() {
    for (stall, who) in [
        (Stall::Sender, "the sender, or the way to it"),
        (Stall::Receiver, "the receiver, or the way to it"),
        (Stall::Lost, "the path"),
        (Stall::Impatient, "the receiver, or the way to it"),
    ] {
        let mut mirror = Mirror::default();
        let [server, client] = [(GATEWAY, 50_000), (node(101), 2_000)];
        mirror.udp(0, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
        let mut at = MILLI;
        for block in 1..=240 {
            let is_stalled = block % 10 == 0;
            let data = tftp::data(block, &[0x55; 512]);
            match stall {
                Stall::Sender if is_stalled => at += SECOND,
                Stall::Lost if is_stalled => {
                    at += SECOND;
                    mirror.udp(at, client, server, &tftp::ack(block - 1));
                    at += 3 * MILLI;
                }
                _ => {}
            }
            mirror.udp(at, server, client, &data);
            match stall {
                Stall::Receiver if is_stalled => at += SECOND,
                Stall::Impatient => {
                    at += SECOND;
                    mirror.udp(at, server, client, &data);
                    at += 200 * MILLI;
                    mirror.udp(at, client, server, &tftp::ack(block));
                    at += 60 * MILLI;
                }
                _ => {}
            }
            at += 3 * MILLI;
            mirror.udp(at, client, server, &tftp::ack(block));
            at += 3 * MILLI;
        }
        let survey = mirror.measured();
        let told = of_kind(&survey, "slow-transfer");
        assert_eq!(told.len(), 1, "{who}");
        assert!(told[0].words.detail.contains(who), "{who}: {}", told[0].words.detail);
    }
}

#[test]
fn a_mirrors_copies_make_no_transfer_quicker() {
    let once = transfer(30 * MILLI, 3 * MILLI, 1_000).measured();
    let thrice = transfer(30 * MILLI, 3 * MILLI, 1_000).in_three().measured();
    let bytes = |survey: &Survey| survey.transfers.iter().map(|one| (one.bytes, one.rate())).collect::<Vec<_>>();
    assert_eq!(bytes(&once), bytes(&thrice));
    assert_eq!(of_kind(&thrice, "slow-transfer").len(), 1);
}

#[test]
fn the_summary_names_the_slowest_device_whole_at_any_width() {
    let capture = sample("site-survey.pcapng");
    let inventory = sample("site-survey.toml");
    let arguments = ["analyze", "--health", "--inventory", inventory.to_str().unwrap(), capture.to_str().unwrap()];
    let out = command::run(arguments).expect(0, &[]).out;
    let lines: Vec<&str> = out.lines().skip_while(|line| !line.starts_with("Answers")).collect();
    let answers = lines.iter().take_while(|line| !line.starts_with("Hosts")).map(|line| line.trim());
    let answers = answers.collect::<Vec<_>>().join(" ");
    assert!(!answers.contains('\u{2026}'), "{answers}");
    assert!(
        answers.contains("TFTP block to acknowledgement: 4 devices, usually 514 \u{b5}s, the slowest node-08"),
        "{answers}"
    );
}
