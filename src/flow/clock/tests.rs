use proptest::prelude::*;

use super::{Clock, Timestamp};

const SECOND: i64 = 1_000_000_000;
/// The raw time of a frame without one.
const UNTIMED: i64 = i64::MIN;

type Sent = (u32, i64);

/// The clock behind frames of an interface and a time in seconds, and their effective times.
fn read(frames: &[Sent]) -> (Clock, Vec<i64>) {
    let nanos: Vec<Sent> = frames.iter().map(|(interface, at)| (*interface, at.saturating_mul(SECOND))).collect();
    let (mut clock, times) = of(Clock::STOPPED, &nanos);
    clock.close();
    (clock, times.into_iter().map(|time| time / SECOND).collect())
}

fn of(mut clock: Clock, frames: &[Sent]) -> (Clock, Vec<i64>) {
    let mut number = 0;
    let mut take = |(interface, at): &Sent| {
        number += 1;
        clock.take(Timestamp::from_raw(*at), *interface, number).raw()
    };
    let times = frames.iter().map(&mut take).collect();
    (clock, times)
}

fn of_one(times: &[i64]) -> Vec<i64> {
    read(&times.iter().map(|at| (0, *at)).collect::<Vec<_>>()).1
}

#[test]
fn a_clock_that_is_set_back_moves_all_that_follows() {
    assert_eq!(of_one(&[100, 110, 120, 30, 40, 50]), [100, 110, 120, 120, 130, 140]);
    assert_eq!(of_one(&[100, 110, 120, 30, 40, 10, 20]), [100, 110, 120, 120, 130, 130, 140], "twice");
    assert_eq!(of_one(&[100, 110, 3700, 3710]), [100, 110, 3700, 3710], "set forward");
}

#[test]
fn a_frame_with_a_wrong_time_moves_nothing() {
    assert_eq!(of_one(&[100, 110, 3700, 111, 120]), [100, 110, 3700, 111, 120]);
    assert_eq!(
        of_one(&[100, 110, 0, 111, 120]),
        [100, 110, 110, 111, 120],
        "a time before all others is that of the frame before"
    );
    assert_eq!(of_one(&[100, 110, 3700, 3700, 3700, 111, 3720, 120]), [100, 110, 3700, 3700, 3700, 111, 3720, 120]);
    let many: Vec<i64> = (0..17).map(|_| 3700).collect();
    let set = of_one(&[&[100, 1100, 1110], &many[..], &[1111, 1120]].concat());
    assert_eq!(set[20..], [3700, 3709], "so many are a clock that was set, and set again");
    let of_two = [(0, 100), (1, 100), (1, 3700), (0, 101), (1, 102), (0, 103)];
    assert_eq!(read(&of_two).1, of_two.map(|(_, time)| time));
    assert_eq!(
        of_one(&[100, 110, 140, 130, 135]),
        [100, 110, 140, 140, 145],
        "too late to be where time would be without it"
    );
}

#[test]
fn wrong_times_tell_no_gap_and_no_end() {
    let (clock, _) = read(&[(0, 100), (0, 110), (0, 3700), (0, 111), (0, 120)]);
    let at = |seconds: i64| Timestamp::from_nanos(seconds * SECOND);
    assert_eq!((clock.latest(), clock.backward_steps), (at(120), 1));
    assert_eq!(clock.heard.0, [(at(100), at(120))]);
    for wrong in [&[100, 110, 3710, 3712, 114, 120][..], &[100, 110, -3490, -3488, 114, 120], &[3700, 100, 110, 120]] {
        let (clock, _) = read(&wrong.iter().map(|time| (0, *time)).collect::<Vec<_>>());
        assert_eq!(clock.heard.0, [(at(100), at(120))], "{wrong:?}");
    }
    let (clock, _) = read(&[(0, 100), (0, 110), (0, 3700), (0, 3710)]);
    assert_eq!(clock.heard.0, [(at(100), at(110)), (at(3700), at(3710))], "a clock that was set, or a gap");
}

#[test]
fn pauses_before_and_among_wrong_frames_do_not_hide_them() {
    for times in [[100, 110, 3710, 3712, 114, 120], [100, 110, 3710, 112, 3714, 115], [100, 160, 340, 222, 280, 340]] {
        assert_eq!(of_one(&times), times);
    }
    assert_eq!(of_one(&[100, 110, -3490, -3488, 114, 120]), [100, 110, 110, 112, 114, 120]);
}

#[test]
fn the_first_frame_may_be_the_wrong_one() {
    assert_eq!(of_one(&[3700, 100, 110]), [3700, 100, 110]);
    assert_eq!(of_one(&[100, 98, 101, 99, 102]), [100, 100, 101, 101, 102], "or two clocks take turns");
    assert_eq!(of_one(&[3700, 3701, 100, 110]), [3700, 3701, 3701, 3711], "or a clock that was set soon");
    let ones = i64::from(u32::MAX);
    let (clock, times) = read(&[(0, ones), (0, 100), (0, ones), (0, 110)]);
    assert_eq!((&times[1..], clock.untimed), (&[100, 100, 110][..], 2), "the time of all ones is none");
}

#[test]
fn a_box_without_a_clock_of_its_own_keeps_its_order() {
    // Its clock begins at 2000 with each start, and is set some time later.
    let (boot, day) = (946_684_800, 1_700_000_000);
    let read = of_one(&[boot, boot + 20, boot + 60, day, day + 20, day + 40, boot + 1, boot + 21, boot + 41]);
    assert_eq!(read, [boot, boot + 20, boot + 60, day, day + 20, day + 40, day + 40, day + 60, day + 80]);
    let of_0 = of_one(&[1, 20, 60, day, day + 20, day + 40, 2, 22, 42]);
    assert_eq!(of_0, [1, 20, 60, day, day + 20, day + 40, day + 40, day + 60, day + 80]);
}

#[test]
fn a_gap_stays_one_though_time_goes_back_behind_it() {
    let at = |seconds: i64| Timestamp::from_nanos(seconds * SECOND);
    let mut frames: Vec<Sent> = (0..40).map(|number| (0, 10 * number)).collect();
    frames.extend((0..40).map(|number| (0, 5_000 + 10 * number)));
    for behind in [&[(0, 1_000), (0, 5_400)][..], &[(0, 2_000), (0, 2_010), (0, 2_020)]] {
        let (clock, _) = read(&[&frames[..], behind].concat());
        assert_eq!(clock.heard.gaps().first().map(|gap| gap.0), Some(at(390)), "{behind:?}");
    }
}

#[test]
fn interfaces_and_captures_that_are_written_one_behind_the_other_keep_their_times() {
    let (clock, times) = read(&[(0, 100), (0, 900), (1, 100), (1, 500), (1, 901)]);
    assert_eq!(times, [100, 900, 100, 500, 901]);
    assert_eq!((clock.backward_steps, clock.heard.gaps().len()), (0, 0), "no clock was set, and no gap is left");
    assert_eq!(read(&[(0, 100), (0, 900), (1, 100), (1, 500), (0, 901), (1, 501)]).1, [100, 900, 100, 500, 901, 501]);
    // Two captures of two interfaces each.
    let two = [(0, 100), (1, 101), (0, 900), (1, 901), (0, 100), (1, 101), (0, 500)];
    assert_eq!(read(&two).1, two.map(|(_, time)| time));
    // In turns, some frames of each at a time.
    let (clock, times) =
        read(&[(0, 100), (0, 101), (0, 104), (1, 100), (1, 102), (1, 105), (0, 106), (0, 107), (1, 106)]);
    assert_eq!((times, clock.backward_steps), (vec![100, 101, 104, 100, 102, 105, 106, 107, 106], 0));
    // The first was set back while it ran.
    let set = read(&[(0, 100), (0, 150), (0, 400), (0, -3190), (0, -3100), (0, -2900), (1, 101), (1, 160)]).1;
    assert_eq!(set[5..], [690, 101, 160]);
    // A section, or another interface, whose clock was set back by weeks.
    let (clock, times) = read(&[(0, 3_000_000), (0, 3_000_300), (1, 310), (1, 320)]);
    assert_eq!((&times[2..], clock.backward_steps), (&[3_000_300, 3_000_310][..], 1));
    let (clock, times) = read(&[(0, 100), (0, 900), (0, 102), (0, 500)]);
    assert_eq!((times, clock.backward_steps), (vec![100, 900, 102, 500], 1), "appended, or set: told");
    assert_eq!(of_one(&[100, 105, 104, 107]), [100, 105, 105, 108], "too short to have been appended to");
}

#[test]
fn all_interfaces_follow_a_clock_that_was_set() {
    let set = [(0, 100), (1, 101), (0, 102), (0, 52), (1, 53), (0, 54), (1, 55)];
    assert_eq!(read(&set).1, [100, 101, 102, 102, 103, 104, 105]);
    // The first frame behind it is of an interface that was silent for longer: only that frame is early.
    let late = [(1, 80), (0, 100), (1, 95), (0, 96), (1, 97)];
    assert_eq!(read(&late).1, [80, 100, 95, 100, 101]);
}

#[test]
fn frames_without_a_time_have_that_of_the_frame_before() {
    let (clock, times) = of(Clock::STOPPED, &[(0, UNTIMED), (0, 5), (0, UNTIMED), (1, UNTIMED), (0, 6)]);
    assert_eq!((times, clock.untimed), (vec![UNTIMED, 5, 5, 5, 6], 3));
    // As a format without a word for it writes it.
    let day = 1_700_000_000;
    let (clock, times) =
        read(&[(0, 0), (0, 0), (0, day), (0, 0), (0, day + 1), (0, day + 700), (0, 0), (0, day + 701)]);
    assert_eq!((&times[2..], clock.untimed), (&[day, day, day + 1, day + 700, day + 700, day + 701][..], 2));
    assert_eq!(of_one(&[0, 0, 1, 2, 2]), [0, 0, 1, 2, 2], "a clock that began at 0");
}

#[test]
fn a_capture_that_always_begins_anew_costs_no_more() {
    let frames: Vec<Sent> = (0..5000).map(|number| (number, 10_000 - i64::from(number) * 2)).collect();
    let (clock, _) =
        of(Clock::STOPPED, &frames.iter().map(|(interface, at)| (*interface, at * SECOND)).collect::<Vec<_>>());
    assert_eq!(
        (clock.beginnings, clock.at.interfaces.len()),
        (Clock::MOST_BEGINNINGS, Clock::MOST_INTERFACES as usize + 1)
    );
}

prop_compose! {
    /// Frames that mostly go on, as captures do.
    fn frames()(steps in prop::collection::vec(
        (
            prop_oneof![6 => Just(0_u32), 1 => 1..3_u32],
            prop_oneof![
                6 => 0..SECOND, 4 => -SECOND..SECOND, 1 => -100 * SECOND..100 * SECOND, 1 => -4000 * SECOND..4000 * SECOND,
                1 => Just(UNTIMED)
            ],
            any::<bool>(),
        ),
        0..60,
    )) -> Vec<Sent> {
        let mut now = 1_700_000_000 * SECOND;
        steps.into_iter().map(|(interface, step, is_lasting)| {
            if step == UNTIMED {
                return (interface, UNTIMED);
            }
            let time = now + step;
            if is_lasting || step.abs() < SECOND {
                now = time;
            }
            (interface, time)
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 2000 }))]

    #[test]
    fn parts_add_up(frames in frames(), cuts in prop::collection::vec(0..60_usize, 0..4)) {
        let (mut whole, times) = of(Clock::STOPPED, &frames);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(frames.len())).collect();
        cuts.sort_unstable();
        let (mut sum, mut begin, mut in_parts) = (Clock::STOPPED, 0, Vec::new());
        for end in cuts.into_iter().chain([frames.len()]) {
            let part = &frames[begin..end];
            let (mut clock, mut times) = of(Clock::STOPPED, part);
            if !sum.is_followed_by(&clock) {
                (clock, times) = of(sum.continued(begin as u64), part);
            }
            in_parts.extend(times);
            sum.absorb(clock, begin as u64);
            begin = end;
        }
        prop_assert_eq!(in_parts, times);
        whole.close();
        sum.close();
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn without_long_steps_times_are_those_that_are_written(steps in prop::collection::vec((0..3_u32, -20..60_i64), 0..60)) {
        let (mut now, mut latest) = (0, 0);
        let frames: Vec<Sent> = steps.into_iter().map(|(interface, step)| {
            now = (now + step * SECOND / 20).max(latest - SECOND + 1);
            latest = latest.max(now);
            (interface, now)
        }).collect();
        let written: Vec<i64> = frames.iter().map(|(_, time)| *time).collect();
        prop_assert_eq!(of(Clock::STOPPED, &frames).1, written);
    }
}
