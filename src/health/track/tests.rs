use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;

const ENDS: Ends = [(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 50_000), (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 5683)];
const MS: i64 = 1_000_000;

fn message(millis: i64, asks: bool, id: u32) -> Message {
    let act = if asks { Act::Ask } else { Act::Answer };
    Message { time: Timestamp::from_nanos(millis * MS), side: u8::from(!asks), act, id: id << 16 | id }
}

type Part = (Track, Measures);

fn observe(measure: Measure, messages: &[Message]) -> Part {
    let mut sums = Measures::new(100);
    let mut track = Track::new(measure, 0, messages[0].time);
    messages.iter().for_each(|message| track.push(*message, &ENDS, &mut sums));
    (track, sums)
}

fn add((mut track, mut sums): Part, (theirs, their_sums): Part) -> Part {
    sums.absorb(&their_sums);
    assert!(!track.absorb(&theirs, &ENDS, &mut sums));
    (track, sums)
}

/// As it comes back from a state.
fn stored((track, sums): Part) -> Part {
    let mut bytes = Vec::new();
    track.store(&mut bytes);
    let kept = track.kept();
    kept.store(&mut bytes);
    let mut from = Load::of_head(bytes);
    let (mut loaded, kept): (Track, Option<KeptMessages>) = from.get().unwrap();
    assert!(kept.is_none_or(|kept| loaded.keep(kept)));
    (loaded, sums)
}

/// Asked, answered, without a question, missed; and all of it.
fn finish((track, mut sums): Part) -> ([u64; 4], String) {
    track.finish(&ENDS, &mut sums);
    sums.settle();
    let all = sums.sorted();
    let of = |count: &dyn Fn(&super::super::Sums) -> u64| all.iter().map(|(_, sums)| count(sums)).sum();
    let counts = [of(&|s| s.asked), of(&|s| s.times.count()), of(&|s| s.unasked), of(&|s| s.missed)];
    (counts, format!("{all:?}"))
}

/// Rounds of so many questions at once, which are answered in the same order or the other way round, but for those left out.
fn rounds(width: u32, is_reversed: bool, lost: &[u32]) -> Vec<Message> {
    let mut messages = Vec::new();
    for round in 0..6 {
        let at = i64::from(round) * 1000;
        let ids = (round * width + 1..).take(width as usize);
        messages.extend(ids.clone().map(|id| message(at, true, id)));
        let mut answers: Vec<u32> = ids.filter(|id| !lost.contains(id)).collect();
        if is_reversed {
            answers.reverse();
        }
        messages.extend((1..).zip(answers).map(|(late, id)| message(at + 10 * late, false, id)));
    }
    messages
}

#[test]
fn many_questions_on_their_way_at_once_are_answered() {
    for (width, is_reversed) in [(1, false), (4, true), (10, false), (10, true), (16, true)] {
        let (counts, _) = finish(observe(Measure::Coap, &rounds(width, is_reversed, &[])));
        assert_eq!(counts, [u64::from(6 * width), u64::from(6 * width), 0, 0], "{width} at once");
    }
}

#[test]
fn what_nobody_answers_stays_unanswered_and_what_nobody_asks_unasked() {
    let lost = [3, 25, 60];
    let mut messages = rounds(10, false, &lost);
    messages.push(message(9000, false, 999));
    assert_eq!(finish(observe(Measure::Coap, &messages)).0, [60, 57, 1, 0]);
    // Too far back, or answered twice: the second has no question.
    let mut far: Vec<Message> = (1..=40).map(|id| message(i64::from(id), true, id)).collect();
    far.extend([message(50, false, 1), message(51, false, 20), message(900, false, 20)]);
    assert_eq!(finish(observe(Measure::Dns, &far)).0, [40, 1, 2, 0]);
    // HTTP has no identifiers.
    assert_eq!(finish(observe(Measure::Http, &rounds(10, false, &[]))).0[1], 0);
}

#[test]
fn a_ping_that_is_missed_is_not_answered_later() {
    let mut pings: Vec<Message> = Vec::new();
    for id in 1..=40 {
        pings.push(message(i64::from(id) * 1000, true, id));
        if id != 20 {
            pings.push(message(i64::from(id) * 1000 + 5, false, id));
        }
    }
    assert_eq!(finish(observe(Measure::Echo, &pings)).0, [40, 39, 0, 1]);
    pings.insert(46, message(23_500, false, 20));
    assert_eq!(finish(observe(Measure::Echo, &pings)).0, [40, 39, 1, 1], "it was only late");
}

/// Questions with a few on their way at once, some of which are lost, repeated, copied or answered twice.
fn talk() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec((0..8_u32, 0..10_u32, 0..300_i64), 1..90).prop_map(|steps| {
        let (mut messages, mut now, mut last) = (Vec::new(), 0, 0);
        let mut waiting: Vec<u32> = Vec::new();
        for (kind, choice, after) in steps {
            now += after;
            match (kind, waiting.len()) {
                (0..4, _) | (_, 0) => {
                    last += 1;
                    waiting.push(last % 40);
                    messages.push(message(now, true, last % 40));
                }
                (4, waits) => messages.push(message(now, true, waiting[choice as usize % waits])),
                (5, waits) => messages.push(message(now, false, waiting[choice as usize % waits])),
                (_, waits) => messages.push(message(now, false, waiting.remove(choice as usize % waits))),
            }
        }
        messages
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 600 }))]

    /// However it is cut, added in whatever grouping, through states or not.
    #[test]
    fn parts_of_a_talk_add_up(talk in talk(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4), by in 0..4_usize, in_states in any::<bool>()) {
        let measure = [Measure::Coap, Measure::Bacnet, Measure::Dns, Measure::Echo][by];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(talk.len())).chain([0, talk.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let part = |cut: &[usize]| {
            let part = observe(measure, &talk[cut[0]..cut[1]]);
            if in_states { stored(part) } else { part }
        };
        let whole = finish(observe(measure, &talk));
        let from_left = cuts.windows(2).map(part).reduce(add).unwrap();
        prop_assert_eq!(finish(from_left), whole.clone());
        let mut parts: Vec<Part> = cuts.windows(2).map(part).collect();
        while parts.len() > 1 {
            let later = parts.pop().unwrap();
            let earlier = parts.pop().unwrap();
            let both = add(earlier, later);
            parts.push(if in_states { stored(both) } else { both });
        }
        prop_assert_eq!(finish(parts.remove(0)), whole);
    }
}
