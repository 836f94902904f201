use proptest::prelude::*;

use super::*;

const MS: i64 = 1_000_000;

fn ask(millis: i64, id: u32) -> Message {
    Message { time: Timestamp::from_nanos(millis * MS), side: 0, act: Act::Ask, id }
}

fn answer(millis: i64, id: u32) -> Message {
    Message { side: 1, act: Act::Answer, ..ask(millis, id) }
}

fn outcomes(of: Measure, messages: &[Message]) -> Vec<Option<Outcome>> {
    let mut window = MessageWindow::EMPTY;
    let take = |message: &Message| {
        let outcome = window.outcome(message, of);
        window.push(*message);
        outcome
    };
    messages.iter().map(take).collect()
}

#[test]
fn answers_are_timed_from_the_first_question() {
    use Outcome::{Answered, AnsweredAgain, Asked, Repeated, Unasked};
    let token = |token: u32, id: u32| token << 16 | id;
    let seen = outcomes(
        Measure::Coap,
        &[
            ask(0, token(1, 7)),
            ask(2000, token(1, 7)),
            answer(2010, token(1, 7)),
            answer(2500, token(1, 7)),
            answer(9000, token(1, 8)),
            answer(9000, token(2, 8)),
        ],
    );
    let answered = Answered { nanos: 2_010_000_000, repeats: 1 };
    let expected = [Asked, Repeated, answered, AnsweredAgain, Unasked, Unasked].map(Some);
    assert_eq!(seen, expected);
}

#[test]
fn an_identifier_that_is_used_again_behind_its_answer_is_another_question() {
    use Outcome::{Answered, Asked, Repeated};
    let of = |messages: &[Message]| outcomes(Measure::Bacnet, messages);
    let answered = |millis: u64, repeats| Some(Answered { nanos: millis * 1_000_000, repeats });
    let seen = of(&[ask(0, 1), answer(4, 1), ask(10_000, 1), ask(12_000, 1), answer(12_004, 1)]);
    assert_eq!(seen, [Some(Asked), answered(4, 0), Some(Asked), Some(Repeated), answered(2_004, 1)]);
    // One each 20 ms, and a mirror's copies of each.
    let quick = of(&[ask(0, 1), answer(8, 1), ask(20, 1), answer(28, 1)]);
    assert_eq!(quick, [Some(Asked), answered(8, 0), Some(Asked), answered(8, 0)]);
    let copies = of(&[ask(0, 1), ask(1, 1), answer(8, 1), answer(9, 1), ask(20, 1)]);
    assert_eq!(copies, [Some(Asked), None, answered(8, 0), None, Some(Asked)]);
}

/// What of a row of questions, each a second after the one before, is missed; of those that are answered the next follows.
fn missed(answered: &[bool], repeats: u32) -> usize {
    let (mut window, mut missed) = (MessageWindow::EMPTY, 0);
    for (number, is_answered) in (1_u32..).zip(answered) {
        let at = i64::from(number) * 10_000;
        let mut push = |message| {
            let is_full = window.is_full();
            let driven_out = window.unanswered(&message).filter(|question| is_full && window.is_missed(question));
            missed += usize::from(driven_out.is_some());
            window.push(message);
        };
        (0..=repeats).for_each(|again| push(ask(at + i64::from(again) * 1000, number << 16)));
        if *is_answered {
            push(answer(at + 5000, number << 16));
        }
    }
    missed
}

#[test]
fn a_question_without_an_answer_is_missed_where_the_next_one_has_one() {
    let of = |lost: &[usize]| (0..30).map(|number| !lost.contains(&number)).collect::<Vec<_>>();
    assert_eq!(missed(&of(&[]), 0), 0);
    assert_eq!(missed(&of(&[3, 9, 14]), 0), 3);
    assert_eq!(missed(&of(&[3, 9, 14]), 1), 3, "asked twice, each counts once");
    assert_eq!(missed(&of(&(10..20).collect::<Vec<_>>()), 0), 1, "an outage");
    assert_eq!(missed(&of(&[29]), 0), 0, "its answer may come yet");
}

#[test]
fn copies_count_nothing() {
    let seen = outcomes(Measure::Coap, &[ask(0, 5), ask(1, 5), answer(10, 5), answer(11, 5)]);
    assert_eq!(seen, [Some(Outcome::Asked), None, Some(Outcome::Answered { nanos: 10_000_000, repeats: 0 }), None]);
}

/// A block by its number and length, and whether its acknowledgement ends the file.
fn ends(blocks: &[(u32, u32)]) -> Vec<bool> {
    let (mut window, mut at) = (MessageWindow::EMPTY, 0);
    let tell = |(number, length): &(u32, u32)| {
        at += 100;
        window.push(ask(at, number << 16 | length));
        let acknowledgement = answer(at + 1, number << 16 | number);
        let ends = window.ends_file(&acknowledgement);
        window.push(acknowledgement);
        ends
    };
    blocks.iter().map(tell).collect()
}

#[test]
fn a_file_ends_with_a_block_that_is_shorter_than_the_others() {
    assert_eq!(ends(&[(1, 512), (2, 512), (3, 17)]), [false, false, true]);
    assert_eq!(ends(&[(1, 512), (2, 512), (3, 0)]), [false, false, true], "a multiple of 512");
    assert_eq!(ends(&[(1, 100)]), [true], "one that is shorter than usual");
    // Behind an option acknowledgement, of which the block is large.
    assert_eq!(ends(&[(0, 0), (1, 1024), (2, 600)]), [false, false, true]);
    assert_eq!(ends(&[(0, 0), (1, 1024)]), [false, false]);
    // Numbers begin again with 0 (or 1).
    assert_eq!(ends(&[(65_534, 512), (65_535, 512), (0, 512), (1, 512), (2, 5)]), [false, false, false, false, true]);
    // The last block is sent three times.
    let mut window = MessageWindow::EMPTY;
    [ask(0, 8 << 16 | 512), answer(1, 8 << 16), ask(2, 9 << 16 | 5), ask(3000, 9 << 16 | 5), ask(6000, 9 << 16 | 5)]
        .into_iter()
        .for_each(|message| window.push(message));
    assert!(window.ends_file(&answer(6001, 9 << 16)) && !window.ends_file(&answer(6001, 7 << 16)));
}

/// The same by looking at one message after the other.
fn one_by_one(window: &MessageWindow, message: &Message, of: Measure) -> Option<Outcome> {
    let renews = of.renews();
    let is_copy = |known: &Message| known.is_like(message) && known.time.raw().abs_diff(message.time.raw()) <= COPY;
    let is_reply = |known: &Message| {
        let is_other = known.side != message.side && known.id >> 16 == message.id >> 16;
        is_other && matches!((known.act, message.act), (Act::Answer, Act::Ask) | (Act::Ask, Act::Answer))
    };
    if (0..window.len()).any(|at| {
        is_copy(&window.get(at)) && !(of == Measure::Bacnet && window.iter().skip(at).any(|known| is_reply(&known)))
    }) {
        return None;
    }
    match message.act {
        Act::Ask | Act::Open => {
            let last = window.iter().rposition(|known| known.is_like(message));
            let is_answered = |at| renews && window.iter().skip(at).any(|known| known.answers(message));
            return Some(if last.is_some_and(|at| !is_answered(at)) { Outcome::Repeated } else { Outcome::Asked });
        }
        Act::Acknowledge => return window.acknowledgment(message),
        Act::Answer | Act::Accept => {}
    }
    let Some(question) = window.iter().rev().find(|known| message.answers(known)) else {
        return Some(Outcome::Unasked);
    };
    let mut first = None;
    let (mut repeats, mut last) = (0, Timestamp::UNKNOWN);
    let mut again = None;
    for known in window.iter() {
        if known.is_like(&question) {
            if first.is_none() || renews && again.is_some() {
                (first, repeats, again) = (Some(known.time), 0, None);
            } else if known.time.raw().abs_diff(last.raw()) >= PATIENCE {
                repeats += 1;
            }
            last = known.time;
        } else if first.is_some() && known.side == message.side && known.answers(&question) {
            again = Some(known.id == message.id);
        }
    }
    match (again, message.since(first?)) {
        (Some(true), _) => Some(Outcome::AnsweredAgain),
        (Some(false), _) => Some(Outcome::Unasked),
        (None, Some(_)) if question.act == Act::Open && question.since(first?) > Some(COPY) => None,
        (None, Some(nanos)) => Some(Outcome::Answered { nanos, repeats }),
        (None, None) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn all_at_once_tell_what_one_after_the_other_tells(
        messages in prop::collection::vec((0..900_i64, 0..2_u8, 0..5_u32, 0..4_u32), 1..12),
    ) {
        let mut window = MessageWindow::EMPTY;
        let mut now = 0;
        for (after, side, act, id) in messages {
            now += if after < 600 { after / 6 - 10 } else { after };
            let act = Act::of(act).unwrap();
            let id = ((id / 2) << 16) | (id % 2);
            let message = Message { time: Timestamp::from_nanos(now * MS), side, act, id };
            for of in [Measure::Coap, Measure::Echo, Measure::Bacnet] {
                prop_assert_eq!(window.outcome(&message, of), one_by_one(&window, &message, of));
            }
            window.push(message);
        }
    }
}

#[test]
fn a_window_is_a_cache_line() {
    assert_eq!(size_of::<MessageWindow>(), 64);
}

/// Blocks of a file in windows: the number of each, in the order in which they are sent.
fn blocks(numbers: &[u16]) -> Vec<bool> {
    let sent: Vec<_> = (0..).zip(numbers).map(|(at, number)| ask(100 * at, u32::from(*number) << 16 | 512)).collect();
    outcomes(Measure::Tftp, &sent).into_iter().map(|outcome| outcome == Some(Outcome::Repeated)).collect()
}

#[test]
fn a_window_of_blocks_that_is_sent_again_is_told_by_its_first() {
    let told = blocks(&[9, 10, 11, 12, 13, 14, 15, 16, 10, 11, 12]);
    assert_eq!(told.iter().filter(|is_again| **is_again).count(), 1);
    assert!(told[8]);
    // Numbers begin again at 0 or 1, as those of another file do.
    for numbers in [[65_533, 65_534, 65_535, 0, 1, 2], [65_534, 65_535, 1, 2, 3, 4], [7, 8, 9, 1, 2, 3]] {
        assert_eq!(blocks(&numbers), [false; 6], "{numbers:?}");
    }
    assert_eq!(blocks(&[65_533, 65_534, 65_535, 0, 1, 2, 3, 65_534]).last(), Some(&true));
}
