//! Whose silence says something: who was asked in vain, or speaks by itself with a beat. Each finding of silence beside its
//! twin in which nobody asked.

use igorscope::policy::Severity;

use crate::mirror::Mirror;
use crate::reading::of_kind;
use crate::silence::{GATEWAY, mac, node, told, upstairs};
use crate::traffic::frame;
use crate::traffic::site::START;
use crate::traffic::wire::{MILLI, SECOND};

/// The site's head-end, a host like others.
const HEAD_END: [u8; 4] = [10, 20, 0, 40];

/// A node that is asked all the time, so that the capture has no pauses.
fn others() -> Mirror {
    let mut seen = Mirror::default();
    seen.asked(node(99), 2000, (0, 3600), &[]);
    seen
}

/// Someone asks every so many milliseconds, in seconds `from` to `to`; it answers but in those of `silent`.
fn asks(seen: &mut Mirror, asker: [u8; 4], asked: [u8; 4], every: u64, (from, to): (u64, u64), silent: (u64, u64)) {
    for at in (from * 1000..to * 1000).step_by(every as usize) {
        seen.packet(at * MILLI, asker, asked);
        if !(silent.0 * 1000..silent.1 * 1000).contains(&at) {
            seen.packet((at + 1) * MILLI, asked, asker);
        }
    }
}

/// A device posts by CoAP (RFC 7252) at these milliseconds, and is answered or not.
fn posts(seen: &mut Mirror, from: [u8; 4], times: impl Iterator<Item = u64>, is_answered: bool) {
    for (number, at) in (0_u16..).zip(times) {
        let [high, low] = number.to_be_bytes();
        seen.message(at * MILLI, from, GATEWAY, &[if is_answered { 0x40 } else { 0x50 }, 2, high, low]);
        if is_answered {
            seen.message((at + 3) * MILLI, GATEWAY, from, &[0x60, 0x44, high, low]);
        }
    }
}

/// Times in milliseconds, each step of `least` to `most`, from one second to another.
fn steps(seed: u64, (least, most): (u64, u64), (from, to): (u64, u64)) -> impl Iterator<Item = u64> {
    let (mut bits, mut now) = (seed, from * 1000);
    std::iter::from_fn(move || {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        now += least + bits % (most - least);
        (now < to * 1000).then_some(now)
    })
}

/// Of whom silence is told, and in which words.
fn who(seen: Mirror) -> Vec<(String, String)> {
    told(&seen.by_floor()).into_iter().map(|(_, _, client, detail)| (client, detail)).collect()
}

/// One device of whom it is told, with these words.
#[track_caller]
fn one(seen: Mirror, address: &str, words: &str) {
    let told = who(seen);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, address);
    assert!(told[0].1.contains(words), "{told:?}");
}

/// None of whom it is told.
#[track_caller]
fn nobody(seen: Mirror) {
    assert_eq!(who(seen), []);
}

#[test]
fn who_is_not_asked_is_not_silent() {
    // The gateway asks no more: for a while, or until the capture ends.
    for again in [1500, 3600] {
        let mut seen = others();
        for low in 1..=5 {
            seen.asked(node(low), 2000, (0, 900), &[]);
            seen.asked(node(low), 2000, (again, 3600), &[]);
        }
        nobody(seen);
    }
    // A page of the node was open, at someone's desk.
    let mut seen = others();
    asks(&mut seen, HEAD_END, node(1), 700, (300, 900), (0, 0));
    nobody(seen);
    // Twin: it is asked.
    let mut seen = others();
    asks(&mut seen, HEAD_END, node(1), 700, (300, 1200), (900, 1200));
    one(seen, "10.20.0.101", "44 minutes later, though it was asked meanwhile.");
}

#[test]
fn a_few_questions_in_vain_say_nothing() {
    // A fifth of the time, or as long as a silence lasts: who asks may give up, or begin again before there is an answer.
    for (until, again, is_told) in [(910, 1100, false), (930, 1200, false), (960, 1200, true), (910, 1060, true)] {
        let mut seen = others();
        asks(&mut seen, HEAD_END, node(1), 2000, (0, until), (900, 3600));
        asks(&mut seen, HEAD_END, node(1), 2000, (again, 1300), (0, 1100));
        match is_told {
            true => one(seen, "10.20.0.101", "though it was asked meanwhile"),
            false => nobody(seen),
        }
    }
}

#[test]
fn what_people_and_sensors_do_has_no_beat() {
    for is_answered in [false, true] {
        // A keypad, in a room that is empty from then on; a sensor, of few and of long gaps.
        let mut seen = others();
        let times = steps(7, (5_000, 50_000), (60, 1500));
        let times = times.chain(steps(8, (100, 900), (1500, 1504)));
        posts(&mut seen, node(1), times, is_answered);
        let gaps = |seed: u64| steps(seed, (1_000, 8_000), (60, 1200)).filter(move |at| at / 60_000 % 5 != seed % 5);
        posts(&mut seen, node(2), gaps(3), is_answered);
        nobody(seen);
    }
}

#[test]
fn who_speaks_by_itself_with_a_beat_is_silent_when_it_stops() {
    // Whether it is answered or not, for a while or for good.
    for (is_answered, again) in [(false, 1500), (true, 1500), (false, 3600), (true, 3600)] {
        let mut seen = others();
        let times = steps(7, (9_000, 11_000), (0, 900)).chain(steps(8, (9_000, 11_000), (again, 3600)));
        posts(&mut seen, node(1), times, is_answered);
        one(seen, "10.20.0.101", "though it speaks by itself every 10 s");
    }
    // Only answers were seen, on a mirror of one direction.
    let mut seen = Mirror::default();
    seen.asked(node(1), 2000, (0, 900), &[(300, 418)]);
    (2..9).for_each(|low| seen.asked(node(low), 2000, (0, 900), &[]));
    let mut half = Mirror::default();
    half.tape.records = seen.tape.records.into_iter().filter(|record| record.frame[6..12] != mac(GATEWAY)).collect();
    nobody(half);
}

#[test]
fn a_quiet_site_hides_no_outage() {
    let mut seen = Mirror::default();
    for (low, seconds) in [(1, 30), (2, 20)] {
        posts(&mut seen, node(low), steps(low.into(), (seconds * 800, seconds * 1200), (0, 3600)), true);
    }
    posts(&mut seen, node(3), steps(3, (1600, 2400), (0, 1000)).chain(steps(4, (1600, 2400), (1240, 3600))), true);
    one(seen, "10.20.0.103", "for 4 minutes, though it speaks by itself every 2 s.");
}

#[test]
fn nodes_are_not_blamed_for_their_gateway() {
    let site = |silent: (u64, u64)| {
        let mut seen = Mirror::default();
        for low in 1..=8 {
            seen.asked(node(low), 5000, (0, silent.0), &[]);
            seen.asked(node(low), 5000, (silent.1, 1800), &[]);
        }
        seen
    };
    for silent in [(600, 690), (600, 900)] {
        let mut seen = site(silent);
        asks(&mut seen, HEAD_END, GATEWAY, 5000, (0, 1800), silent);
        one(seen, "10.20.0.10", "though it was asked meanwhile");
        // Nobody asks the gateway either.
        let mut seen = site(silent);
        asks(&mut seen, HEAD_END, [10, 20, 0, 41], 5000, (0, 1800), (0, 0));
        nobody(seen);
    }
}

#[test]
fn frequent_outages_are_told_with_their_number() {
    let down = |number: u64| (0..number).map(|at| (100 + at * 140, 140 + at * 140)).collect::<Vec<_>>();
    for (number, words) in
        [(13, "it went silent 13 times, the longest time"), (25, "it went silent more than 16 times")]
    {
        let mut seen = others();
        seen.asked(node(1), 5000, (0, 3600), &down(number));
        one(seen, "10.20.0.101", words);
        // Twin: it is not asked then.
        let mut seen = others();
        let ends = std::iter::once(0).chain(down(number).into_iter().flat_map(|(from, to)| [from, to])).chain([3600]);
        let ends: Vec<u64> = ends.collect();
        ends.chunks(2).for_each(|up| seen.asked(node(1), 5000, (up[0], up[1]), &[]));
        nobody(seen);
    }
}

#[test]
fn each_of_a_moment_is_told_with_when_it_was_heard_again() {
    let mut seen = others();
    for low in 1..=5 {
        let back = if low == 5 { 3600 } else { 3000 + u64::from(low) * 60 };
        seen.asked(upstairs(low), 2000, (0, 3600), &[(2400, back)]);
    }
    let told = told(&seen.by_floor());
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].0, told[0].1), ("silent-together", Severity::Warning));
    let words = "5 of 7 devices were silent from 2026-03-17T08:39:58Z to 2026-03-17T08:51:00Z, for 11 minutes, though they \
                 were asked meanwhile. Heard again: 10.20.1.101 at 2026-03-17T08:51:00Z, 10.20.1.102 at 2026-03-17T08:52:00Z, \
                 10.20.1.103 at 2026-03-17T08:53:00Z, 1 more by 2026-03-17T08:54:00Z; not until the capture ended: \
                 10.20.1.105.";
    assert!(told[0].3.contains(words), "{}", told[0].3);
}

#[test]
fn with_a_gateway_among_them_it_is_looked_at_first() {
    let advice = |with_gateway: bool| {
        let mut seen = Mirror::default();
        asks(&mut seen, HEAD_END, [10, 20, 0, 41], 2000, (0, 900), (0, 0));
        let silent = (400, 500);
        (1..=4).for_each(|low| asks(&mut seen, HEAD_END, node(low), 2000, (0, 900), silent));
        asks(&mut seen, HEAD_END, GATEWAY, 2000, (0, 900), if with_gateway { silent } else { (0, 0) });
        let survey = seen.by_floor();
        let found = of_kind(&survey, "silent-together");
        assert_eq!(found.len(), 1);
        found[0].words.advice.clone()
    };
    assert!(advice(true).starts_with("Look at the gateway first"));
    assert!(advice(false).starts_with("Look for one cause"));
}

/// An ARP request of the gateway for a node (RFC 826), and its answer.
fn arp(seen: &mut Mirror, at: u64, node: [u8; 4], is_answered: bool) {
    let mut packet = |at: u64, operation: u8, from: [u8; 4], to: [u8; 4]| {
        let body = [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac(from), &from, &mac(to), &to].concat();
        let destination = if operation == 1 { [0xff; 6] } else { mac(to) };
        seen.tape.push(START + at, frame::ethernet(destination, mac(from), &[], 0x0806, &body));
    };
    packet(at, 1, GATEWAY, node);
    if is_answered {
        packet(at + MILLI, 2, node, GATEWAY);
    }
}

#[test]
fn an_arp_request_is_a_question_and_an_answer_to_it_is_life() {
    let power = "It still spoke ARP then";
    // Asked by IP in vain, and by ARP: who does not answer it is sent nothing by IP soon.
    for (asked_by_ip, is_answered) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut seen = others();
        asks(&mut seen, HEAD_END, node(1), 2000, (0, if asked_by_ip { 3600 } else { 2010 }), (2000, 2600));
        asks(&mut seen, HEAD_END, node(1), 2000, (2600, 3600), (0, 0));
        (0..360).for_each(|at| {
            arp(&mut seen, at * 10 * SECOND + 500 * MILLI, node(1), is_answered || !(200..260).contains(&at))
        });
        let told = who(seen);
        assert_eq!(told.len(), usize::from(asked_by_ip || !is_answered), "{asked_by_ip} {is_answered}: {told:?}");
        assert!(told.iter().all(|(_, detail)| detail.contains("though it was asked meanwhile")));
        assert!(told.iter().all(|(_, detail)| detail.contains(power) == is_answered), "{told:?}");
    }
}

#[test]
fn a_router_that_answers_arp_for_a_device_is_no_life_of_it() {
    let site = |is_asked: bool| {
        let mut seen = others();
        asks(&mut seen, HEAD_END, node(1), 2000, (0, if is_asked { 3600 } else { 2000 }), (2000, 2600));
        asks(&mut seen, HEAD_END, node(1), 2000, (2600, 3600), (0, 0));
        for at in 0..360 {
            for low in 1..=6 {
                let before = seen.tape.records.len();
                arp(&mut seen, at * 10 * SECOND + 500 * MILLI, node(low), true);
                let answer = &mut seen.tape.records[before + 1].frame;
                answer[22..28].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
            }
        }
        seen
    };
    nobody(site(false));
    let told = who(site(true));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!told[0].1.contains("ARP"), "{told:?}");
}
