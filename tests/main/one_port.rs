//! What comes to nothing beside, or after, what works: connections of a client that has one port, fresh ports, and devices of which
//! nothing is left but questions for them.

use crate::mirror::{End, GATEWAY, Mirror, node};
use crate::reading::of_kind;
use crate::splits;
use crate::traffic::file::Record;
use crate::traffic::frame::{ACK, FIN, PSH, RST, SYN};
use crate::traffic::payload::{coap, http};
use crate::traffic::wire::{MILLI, SECOND};

const CLIENT: End = (node(101), 44_001);

/// What becomes of a SYN, its number `ours`; it is the `try`th of its connection.
type Came = fn(&mut Mirror, at: u64, server: End, ours: u32, tried: u64);

fn refused(mirror: &mut Mirror, at: u64, server: End, ours: u32, _: u64) {
    mirror.tcp(at + MILLI, server, CLIENT, RST | ACK, [0, ours + 1], &[]);
}

/// As a packet of the connection before, which the client resets (RFC 5961 section 4).
fn challenged(mirror: &mut Mirror, at: u64, server: End, _: u32, _: u64) {
    mirror.tcp(at + MILLI, server, CLIENT, ACK, [700_000, 10_500], &[]);
    mirror.tcp(at + 2 * MILLI, CLIENT, server, RST, [10_500, 0], &[]);
}

fn untaken(mirror: &mut Mirror, at: u64, server: End, ours: u32, _: u64) {
    mirror.tcp(at + MILLI, server, CLIENT, SYN | ACK, [9 * ours, ours + 1], &[]);
}

/// What answers the client's first words, if it takes up the connection.
fn asked(mirror: &mut Mirror, at: u64, server: End, ours: u32, flags: u8, answer: &[u8]) {
    let (theirs, request) = (9 * ours, http::get("gateway", "/level"));
    mirror.tcp(at + MILLI, server, CLIENT, SYN | ACK, [theirs, ours + 1], &[]);
    mirror.tcp(at + 2 * MILLI, CLIENT, server, ACK, [ours + 1, theirs + 1], &[]);
    mirror.tcp(at + 3 * MILLI, CLIENT, server, ACK | PSH, [ours + 1, theirs + 1], &request);
    mirror.tcp(at + 4 * MILLI, server, CLIENT, flags, [theirs + 1, ours + 1 + request.len() as u32], answer);
}

fn reset(mirror: &mut Mirror, at: u64, server: End, ours: u32, tried: u64) {
    if tried == 0 {
        asked(mirror, at, server, ours, RST | ACK, &[]);
    }
}

fn unanswered(mirror: &mut Mirror, at: u64, server: End, ours: u32, tried: u64) {
    if tried == 0 {
        asked(mirror, at, server, ours, ACK, &[]);
    }
}

fn served(mirror: &mut Mirror, at: u64, server: End, ours: u32, tried: u64) {
    if tried == 0 {
        asked(mirror, at, server, ours, ACK | PSH, &http::answer("200 OK", "text/plain", "80"));
        mirror.tcp(at + 5 * MILLI, server, CLIENT, ACK | FIN, [9 * ours + 200, ours + 1], &[]);
    }
}

/// One connection works, then `number` more are opened from the same port, each 40 s after the one before; then some more.
fn then(came: Came, number: u32, last: Came, more: u32) -> Mirror {
    rounds(&[(served, 1), (came, number), (last, more)]).goes_on()
}

/// Connections of one port, each 40 s after the one before.
fn rounds(of: &[(Came, u32)]) -> Mirror {
    let (mut mirror, server) = (Mirror::default(), (GATEWAY, 80));
    let all = of.iter().flat_map(|(came, number)| std::iter::repeat_n(*came, *number as usize));
    for (round, came) in (0..).zip(all) {
        let takes_up = [reset as Came, unanswered, served].iter().any(|one| std::ptr::fn_addr_eq(*one, came));
        let ours = if round == 0 { 10_000 } else { 493_000 + round * 7_000 };
        for (tried, late) in [0, 1, 3, 7].into_iter().enumerate().take(if takes_up { 1 } else { 4 }) {
            let at = (u64::from(round) * 40 + late) * SECOND;
            mirror.tcp(at, CLIENT, server, SYN, [ours, 0], &[]);
            came(&mut mirror, at, server, ours, tried as u64);
        }
    }
    mirror.tape.sort();
    mirror
}

#[test]
fn connections_of_one_port_that_come_to_nothing_are_told() {
    let words = [
        (refused as Came, "each connection that was opened later came to nothing"),
        (challenged, "each connection that was opened later came to nothing"),
        (untaken, "each connection that was opened later came to nothing"),
        (reset, "resets or closes each without an answer"),
        (unanswered, "answers nothing"),
    ];
    for (came, words) in words {
        let survey = then(came, 5, served, 0).by_address();
        let told = of_kind(&survey, "stopped-answering");
        assert_eq!(told.len(), 1, "{words}");
        assert!(told[0].words.detail.contains(words), "{}", told[0].words.detail);
        assert!(of_kind(&survey, "restarting").is_empty(), "{words}");
        // Twice proves nothing, and the next that works makes up for all.
        for twin in [then(came, 2, served, 0), then(came, 5, served, 1)] {
            assert!(of_kind(&twin.by_address(), "stopped-answering").is_empty(), "{words}");
        }
    }
    assert!(of_kind(&then(served, 8, served, 0).by_address(), "stopped-answering").is_empty());
}

/// A client whose acknowledgments and requests are there was accepted, by SYN-ACKs that the mirror lost.
#[test]
fn who_goes_on_was_accepted() {
    let mut mirror = then(served, 5, served, 0);
    let lost = |frame: &[u8]| frame[47] == SYN | ACK && frame.len() < 60;
    mirror.tape.records.retain(|record| !(record.time > crate::traffic::site::START + SECOND && lost(&record.frame)));
    assert!(of_kind(&mirror.by_address(), "stopped-answering").is_empty());
}

/// Forty connections are served, then as many refused or unanswered.
#[test]
fn the_latest_of_many_connections_of_one_port_are_told() {
    let of = |first: Came, came: Came, more: u32| told(rounds(&[(first, 40), (came, 40), (served, more)]));
    let nothing: Came = |_, _, _, _, _| ();
    for came in [refused as Came, nothing, unanswered] {
        let told = of(served, came, 0);
        assert_eq!(told.len(), 1);
    }
    assert!(of(served, served, 0).is_empty(), "all are served");
    assert!(of(refused, served, 0).is_empty(), "none came to nothing since the first was served");
    assert!(of(served, refused, 1).is_empty(), "the last is served");
}

/// The client's frames, the server's, or what came after a change are in a VLAN.
#[test]
fn connections_of_one_port_that_come_to_nothing_are_told_over_vlan_paths() {
    let moved = |mirror: &Mirror| {
        let (mut tape, from) = (mirror.tape.clone(), crate::traffic::site::START + 30 * SECOND);
        for record in tape.records.iter_mut().filter(|record| record.time > from) {
            record.frame.splice(12..12, [0x81, 0x00, 0x00, 20]);
            record.original += 4;
        }
        Mirror { tape, ..*mirror }
    };
    let tags: [&dyn Fn(&Mirror) -> Mirror; 3] =
        [&|mirror| mirror.tagged_by(node(101), 20), &|mirror| mirror.tagged_by(GATEWAY, 20), &moved];
    for tag in tags {
        for came in [refused as Came, reset, unanswered] {
            assert_eq!(of_kind(&tag(&then(came, 5, served, 0)).by_address(), "stopped-answering").len(), 1);
            for twin in [then(came, 2, served, 0), then(came, 5, served, 1), then(served, 8, served, 0)] {
                assert!(of_kind(&tag(&twin).by_address(), "stopped-answering").is_empty());
            }
        }
    }
}

/// A capture that is cut between or within connections, or whose frames lie in two files by turns.
#[test]
fn connections_of_one_port_are_told_alike_wherever_the_capture_is_cut() {
    for (came, number) in [(untaken as Came, 3), (untaken, 20), (refused, 20), (unanswered, 4)] {
        let frames = rounds(&[(served, 20), (came, number)]).goes_on().tape.records;
        let told = |part: &dyn Fn(usize) -> bool| {
            let of = |second: bool| frames.iter().enumerate().filter(move |(at, _)| part(*at) == second);
            let files = [false, true]
                .map(|second| (format!("{second}.pcap"), splits::pcap(of(second).map(|(_, frame)| frame))));
            splits::told(&splits::survey(&files, 0..2, 1))
        };
        let whole = splits::told(&splits::survey(&[("all.pcap".into(), splits::pcap(&frames))], 0..1, 1));
        let begin = frames.len() - (number * 8) as usize;
        for cut in (begin..frames.len()).step_by(3).chain([40, 60, 61, 100]) {
            assert!(told(&|at| at >= cut) == whole, "{number} from {cut}");
        }
        assert!(told(&|at| at % 5 == 1) == whole, "{number} by turns");
    }
}

/// On a port of no known protocol a client that only reports is told nothing, and the server's commands are few.
#[test]
fn who_reports_on_a_port_of_its_own_is_owed_no_answer() {
    let of = |resets: bool| {
        let (mut mirror, server) = (Mirror::default(), (GATEWAY, 88));
        for round in 0..12 {
            let (at, ours, theirs) = (u64::from(round) * 40 * SECOND, 10_000 + round * 7_000, 90_000 + round * 9_000);
            mirror.open(at, CLIENT, server, [ours, theirs]);
            mirror.tcp(at + MILLI, CLIENT, server, ACK | PSH, [ours + 1, theirs + 1], b"level 80 80 80");
            let commands = round == 0 || round == 3 && !resets;
            let flags = if resets && round > 0 { RST | ACK } else { ACK };
            mirror.tcp(
                at + 2 * MILLI,
                server,
                CLIENT,
                flags,
                [theirs + 1, ours + 15],
                if commands { b"set level 20" } else { b"" },
            );
            if flags == ACK {
                let told = theirs + if commands { 13 } else { 1 };
                mirror.tcp(at + 3 * MILLI, CLIENT, server, ACK | FIN, [ours + 15, told], &[]);
                mirror.tcp(at + 4 * MILLI, server, CLIENT, ACK | FIN, [told, ours + 16], &[]);
            }
        }
        told(mirror)
    };
    assert!(of(false).is_empty(), "{:?}", of(false));
    assert_eq!(of(true).len(), 1, "each is reset");
}

/// What the client's FIN acknowledges was said, though a mirror lost it.
#[test]
fn who_acknowledges_more_than_the_handshake_was_answered() {
    let of = |lost: bool| {
        let mut mirror = then(served, 1, served, 0);
        for round in 2..8 {
            let (at, ours) = (round * 40 * SECOND, 500_000 + round as u32 * 7_000);
            mirror.tcp(at, CLIENT, (GATEWAY, 80), SYN, [ours, 0], &[]);
            unanswered(&mut mirror, at, (GATEWAY, 80), ours, 0);
            let request = http::get("gateway", "/level").len() as u32;
            let told = 9 * ours + if lost { 39 } else { 1 };
            mirror.tcp(at + SECOND, CLIENT, (GATEWAY, 80), ACK | FIN, [ours + 1 + request, told], &[]);
        }
        told(mirror)
    };
    assert!(of(true).is_empty(), "{:?}", of(true));
    assert_eq!(of(false).len(), 1);
}

/// Tests of a port, each of which the client takes up and closes, seen at two places: the same frames again, with others between.
#[test]
fn tests_of_a_port_that_are_captured_twice_are_no_repetitions() {
    let of = |takes_up: bool, late: u64| {
        let mut mirror = then(served, 1, served, 0);
        let server = (GATEWAY, 80);
        for round in 2..12 {
            let (at, ours) = (round * 40 * SECOND, 500_000 + round as u32 * 7_000);
            let theirs = 9 * ours;
            mirror.tcp(at, CLIENT, server, SYN, [ours, 0], &[]);
            mirror.tcp(at + MILLI, server, CLIENT, SYN | ACK, [theirs, ours + 1], &[]);
            if takes_up {
                mirror.tcp(at + 2 * MILLI, CLIENT, server, ACK, [ours + 1, theirs + 1], &[]);
                mirror.tcp(at + 3 * MILLI, CLIENT, server, ACK | FIN, [ours + 1, theirs + 1], &[]);
                mirror.tcp(at + 4 * MILLI, server, CLIENT, ACK | FIN, [theirs + 1, ours + 2], &[]);
            } else {
                mirror.tcp(at + SECOND, CLIENT, server, SYN, [ours, 0], &[]);
                mirror.tcp(at + SECOND + MILLI, server, CLIENT, SYN | ACK, [theirs, ours + 1], &[]);
            }
        }
        let late = |record: &Record| Record { time: record.time + late, ..record.clone() };
        let again: Vec<Record> = mirror.tape.records.iter().map(late).collect();
        mirror.tape.records.extend(again);
        told(mirror)
    };
    for late in [MILLI / 100, MILLI / 3, 20 * MILLI] {
        assert!(of(true, late).is_empty(), "{:?}", of(true, late));
        assert_eq!(of(false, late).len(), 1, "it never takes up what is accepted");
    }
}

/// A connection that is served each 10 s, and others that are refused meanwhile.
#[test]
fn new_connections_that_are_refused_while_an_old_one_goes_on_are_told() {
    let of = |every: u64, number: u64, accepted: bool| {
        let mut mirror = Mirror::default();
        let (old, server) = ((node(101), 44_500), (GATEWAY, 80));
        let answer = http::answer("200 OK", "text/plain", "80");
        let (request, mut ours, mut theirs) = (http::get("gateway", "/level"), 1_001, 5_001);
        mirror.open(0, old, server, [1_000, 5_000]);
        for step in 1..60 {
            mirror.tcp(step * 10 * SECOND, old, server, ACK | PSH, [ours, theirs], &request);
            ours += request.len() as u32;
            mirror.tcp(step * 10 * SECOND + MILLI, server, old, ACK | PSH, [theirs, ours], &answer);
            theirs += answer.len() as u32;
        }
        for step in 0..number {
            let (at, new) = (65 * SECOND + step * every * SECOND, (node(101), 45_000 + step as u16));
            mirror.tcp(at, new, server, SYN, [9_000, 0], &[]);
            mirror.tcp(at + MILLI, server, new, RST | ACK, [0, 9_001], &[]);
        }
        if accepted {
            mirror.exchange(500 * SECOND, (node(101), 46_000), server, [1_000, 5_000]);
        }
        told(mirror)
    };
    assert_eq!(of(40, 8, false).len(), 1);
    assert!(of(1, 5, false).is_empty() && of(40, 8, true).is_empty(), "for a moment, and until one was accepted");
}

/// The gateway asks a node over CoAP at a time from a port; a question in vain is sent five times (RFC 7252 section 4.8).
fn ask(mirror: &mut Mirror, at: u64, port: u16, is_answered: bool) {
    let number = (at / SECOND) as u16;
    let question = coap::request(coap::CON, coap::GET, number, &number.to_be_bytes(), "level", b"");
    for late in [0, 2_400, 7_200, 16_800, 36_000].iter().take(if is_answered { 1 } else { 5 }) {
        mirror.udp(at + late * MILLI, (GATEWAY, port), (node(101), 5683), &question);
    }
    if is_answered {
        let answer = coap::content(coap::ACK, number, &number.to_be_bytes(), None, "1");
        mirror.udp(at + MILLI, (node(101), 5683), (GATEWAY, port), &answer);
    }
}

fn told(mut mirror: Mirror) -> Vec<String> {
    mirror.tape.sort();
    let survey = mirror.goes_on().by_address();
    of_kind(&survey, "stopped-answering").iter().map(|told| told.words.detail.clone()).collect()
}

#[test]
fn fresh_ports_that_are_never_answered_are_told_beside_one_that_is() {
    let of = |fresh: u64, is_answered: bool| {
        let mut mirror = Mirror::default();
        (0..40).for_each(|step| ask(&mut mirror, step * 10 * SECOND, 46_200, true));
        (0..fresh).for_each(|step| ask(&mut mirror, (65 + step * 50) * SECOND, 53_000 + step as u16, is_answered));
        told(mirror)
    };
    let words = "goes on where it was opened before, and new connections come to nothing.";
    assert!(of(5, false).iter().all(|told| told.contains(words)) && of(5, false).len() == 1, "{:?}", of(5, false));
    assert!(of(2, false).is_empty() && of(5, true).is_empty());
}

/// A node that has one port in mind, to which it sends what it is asked from others.
#[test]
fn what_is_sent_to_a_port_that_asks_no_more_is_no_answer() {
    let of = |goes_to: u16| {
        let mut mirror = Mirror::default();
        ask(&mut mirror, 0, 46_200, true);
        for step in 1..6 {
            let (at, port) = (step * 60 * SECOND, 53_000 + step as u16);
            ask(&mut mirror, at, port, false);
            let number = (at / SECOND) as u16;
            let answer = coap::content(coap::ACK, number, &number.to_be_bytes(), None, "1");
            let to = if goes_to == 0 { port } else { goes_to };
            mirror.udp(at + 36_001 * MILLI, (node(101), 5683), (GATEWAY, to), &answer);
        }
        told(mirror)
    };
    assert_eq!(of(46_200).len(), 1);
    assert!(of(0).is_empty(), "late, and an answer all the same: {:?}", of(0));
}

#[test]
fn connections_that_fail_between_others_that_work_are_told() {
    let of = |rounds: u64, every: u64| {
        let mut mirror = Mirror::default();
        for step in 0..rounds {
            ask(&mut mirror, step * 120 * SECOND, 46_000 + 2 * step as u16, true);
            if step % every == 0 {
                ask(&mut mirror, (step * 120 + 60) * SECOND, 46_001 + 2 * step as u16, false);
            }
        }
        // The last works.
        ask(&mut mirror, rounds * 120 * SECOND, 45_000, true);
        told(mirror)
    };
    assert!(of(6, 1).len() == 1 && of(6, 1)[0].contains("works now and then"), "{:?}", of(6, 1));
    assert!(of(6, 3).is_empty(), "twice is no habit");
}

/// A node is polled every 20 s, and answers until `dies`; then the gateway only looks for it by ARP.
#[test]
fn a_device_that_answers_no_arp_any_more_is_told() {
    let of = |dies: u64, comes_back: u64, to: &dyn Fn(&mut Mirror)| {
        let mut mirror = Mirror::default();
        mirror.who_has(0, GATEWAY, node(101));
        mirror.is_at(MILLI, node(101), GATEWAY);
        for step in 0..30 {
            let at = (1 + step * 20) * SECOND;
            if step * 20 < dies || step * 20 >= comes_back {
                ask(&mut mirror, at, 46_200, true);
            } else {
                (0..3).for_each(|late| mirror.who_has(at + late * SECOND, GATEWAY, node(101)));
            }
        }
        to(&mut mirror);
        told(mirror)
    };
    let dead = of(200, 1_000, &|_| ());
    assert!(dead.len() == 1 && dead[0].contains("looked for by ARP and did not answer"), "{dead:?}");
    assert!(of(200, 260, &|_| ()).is_empty(), "it came back");
    assert!(of(580, 1_000, &|_| ()).is_empty(), "a moment ago");
    // It has another address now.
    let moved = |mirror: &mut Mirror| {
        let now = crate::mirror::Host { mac: node(101).mac, ..node(109) };
        mirror.udp(500 * SECOND, (now, 5683), (GATEWAY, 46_200), b"\x50\x01\0\x01");
    };
    assert!(of(200, 1_000, &moved).is_empty());
}

/// A node is polled once a minute for as long as given, and looked for by ARP each 30 s; from a time on it is silent. Who looks is
/// the gateway, or another host, whose answers do not come by here.
fn looked_for(minutes: u64, dies: u64, asker: crate::mirror::Host, is_answered: bool) -> Mirror {
    let mut mirror = Mirror::default();
    for half in 0..minutes * 2 {
        let at = half * 30 * SECOND;
        if at < dies * 60 * SECOND && half % 2 == 0 {
            ask(&mut mirror, at, 46_200, true);
        }
        mirror.who_has(at + 10 * SECOND, asker, node(101));
        if at < dies * 60 * SECOND && is_answered {
            mirror.is_at(at + 10 * SECOND + MILLI, node(101), asker);
            // What it says of itself, it says more often than it is asked.
            mirror.who_has(at + 12 * SECOND, node(101), GATEWAY);
            mirror.who_has(at + 13 * SECOND, node(101), GATEWAY);
        }
    }
    mirror
}

#[test]
fn questions_by_arp_count_from_the_last_sign_of_life_and_of_who_would_hear_the_answer() {
    let of = |minutes, dies, asker, is_answered| told(looked_for(minutes, dies, asker, is_answered));
    let long_healthy = of(30, 15, GATEWAY, true);
    assert!(long_healthy.len() == 1 && long_healthy[0].contains("30 tries came to nothing since"), "{long_healthy:?}");
    assert!(of(30, 30, GATEWAY, true).is_empty(), "it lives to the end");
    // What others are answered need not pass here, nor what this capture lacks of all answers by ARP.
    assert!(of(30, 15, crate::mirror::OTHER, false).is_empty());
    assert!(of(30, 15, GATEWAY, false).is_empty());
    // It starts late, and one more question is where the capture ends.
    let mut started = Mirror::default();
    (0..10).for_each(|second| started.who_has(second * SECOND, GATEWAY, node(101)));
    started.is_at(9 * SECOND + MILLI, node(101), GATEWAY);
    (1..9).for_each(|minute| ask(&mut started, minute * 60 * SECOND, 46_200, true));
    started.who_has(602 * SECOND, GATEWAY, node(101));
    assert!(of_kind(&started.by_address(), "stopped-answering").is_empty());
}

#[test]
fn one_question_in_vain_beside_notifications_that_go_on_is_no_silence() {
    let of = |goes_on: bool| {
        let mut mirror = Mirror::default();
        let (observer, server) = ((GATEWAY, 5683), (node(101), 5683));
        mirror.udp(0, observer, server, &coap::observe(1, b"tk", "level"));
        mirror.udp(MILLI, server, observer, &coap::content(coap::ACK, 1, b"tk", Some(1), "1"));
        for step in 1..if goes_on { 60 } else { 25 } {
            let told = coap::content(coap::NON, 100 + step as u16, b"tk", Some(1 + step as u8), "1");
            mirror.udp(step * 10 * SECOND, server, observer, &told);
        }
        ask(&mut mirror, 300 * SECOND, 51_000, false);
        told(mirror)
    };
    assert!(of(true).is_empty(), "{:?}", of(true));
    assert_eq!(of(false).len(), 1);
}

#[test]
fn a_device_that_is_restarted_at_times_works() {
    // A poll each quarter of an hour for a week, some of which fall into a restart.
    let of = |fails: &[u64]| {
        let mut mirror = Mirror::default();
        for step in 0..672_u64 {
            let (at, client) = (step * 900 * SECOND, (GATEWAY, 40_000 + step as u16));
            match fails.contains(&step) {
                true => mirror.knock(at, client, (node(101), 88)),
                false => mirror.exchange(at, client, (node(101), 88), [1_000, 5_000]),
            }
        }
        told(mirror)
    };
    assert!(of(&[100, 300, 500]).is_empty(), "{:?}", of(&[100, 300, 500]));
    assert_eq!(of(&[100, 102, 104]).len(), 1);
    let often: Vec<u64> = (1..40).map(|number| number * 16).collect();
    assert_eq!(of(&often).len(), 1);
}

/// Messages that are given up, each captured without and with a VLAN tag.
#[test]
fn what_is_seen_on_two_vlan_paths_is_given_up_once() {
    let of = |fresh: u64| {
        let mut mirror = Mirror::default();
        (0..40).for_each(|step| ask(&mut mirror, step * 10 * SECOND, 46_200, true));
        (0..fresh).for_each(|step| ask(&mut mirror, (65 + step * 50) * SECOND, 53_000 + step as u16, false));
        told(mirror.routed())
    };
    assert!(of(2).is_empty(), "{:?}", of(2));
    assert!(of(4).len() == 1 && of(4)[0].contains("20 tries"), "{:?}", of(4));
}

#[test]
fn who_fails_every_second_time_is_told_whatever_is_tried() {
    // A poll every half minute for 20 minutes; some of them come to nothing.
    let of = |fails: &dyn Fn(u64) -> bool, came: &dyn Fn(&mut Mirror, u64, u16)| {
        let mut mirror = Mirror::default();
        for step in 0..40_u64 {
            let (at, port) = (step * 30 * SECOND, 40_000 + step as u16);
            match fails(step) {
                true => came(&mut mirror, at, port),
                false => mirror.exchange(at, (GATEWAY, port), (node(101), 88), [1_000, 5_000]),
            }
        }
        told(mirror)
    };
    let three_tries = |mirror: &mut Mirror, at: u64, port: u16| {
        for late in [0, 3, 9] {
            mirror.tcp(at + late * SECOND, (GATEWAY, port), (node(101), 88), SYN, [1_000, 0], &[]);
        }
    };
    let is_refused = |mirror: &mut Mirror, at: u64, port: u16| {
        mirror.tcp(at, (GATEWAY, port), (node(101), 88), SYN, [1_000, 0], &[]);
        mirror.tcp(at + MILLI, (node(101), 88), (GATEWAY, port), RST | ACK, [0, 1_001], &[]);
    };
    let every_second = |step: u64| step % 2 == 1 && step < 39;
    // Two outages of five minutes, and two restarts of one.
    let two_outages = |step: u64| (5..15).contains(&step) || (22..32).contains(&step);
    let two_restarts = |step: u64| (5..7).contains(&step) || (22..24).contains(&step);
    for came in [&three_tries as &dyn Fn(&mut Mirror, u64, u16), &is_refused] {
        for fails in [&every_second as &dyn Fn(u64) -> bool, &two_outages] {
            let told = of(fails, came);
            assert!(told.len() == 1 && told[0].contains("works now and then"), "{told:?}");
        }
        assert!(of(&two_restarts, came).is_empty(), "{:?}", of(&two_restarts, came));
        assert!(of(&|step| (5..15).contains(&step), came).is_empty(), "one outage that is over");
    }
}

/// A node that lost its address, and goes on by IPv6 on its own link.
#[test]
fn what_a_device_sends_by_ipv6_is_no_other_address() {
    let mut mirror = looked_for(30, 15, GATEWAY, true);
    let (own, group) = (node(101).at("fe80::101"), crate::mirror::EVERYONE.at("ff02::fd"));
    for minute in 15..30 {
        mirror.udp((minute * 60 + 5) * SECOND, (own, 5683), (group, 5683), b"\x50\x01\0\x01");
    }
    assert_eq!(told(mirror).len(), 1);
}

/// A restart takes some seconds, and refuses whoever comes meanwhile.
#[test]
fn one_port_that_is_refused_for_a_moment_is_no_silence() {
    let of = |every: u64| {
        let mut mirror = Mirror::default();
        (0..10).for_each(|step| {
            mirror.exchange(step * 10 * SECOND, CLIENT, (GATEWAY, 80), [1_000 * (1 + step as u32), 5_000])
        });
        for step in 0..4 {
            let (at, ours) = ((100 + step * every) * SECOND, 900_000 + 7_000 * step as u32);
            mirror.tcp(at, CLIENT, (GATEWAY, 80), SYN, [ours, 0], &[]);
            mirror.tcp(at + MILLI, (GATEWAY, 80), CLIENT, RST | ACK, [0, ours + 1], &[]);
        }
        told(mirror)
    };
    assert!(of(4).is_empty(), "{:?}", of(4));
    assert_eq!(of(40).len(), 1);
}
