//! The bounds of what is kept of links, and what states give back of it.

use super::*;
use crate::capture::FrameId;
use crate::flow::evidence::lowest::Add as _;

fn at(number: u64, second: i64) -> (Timestamp, Moment) {
    let time = Timestamp::from_nanos(second * 1_000_000_000);
    (time, Moment { time, frame: FrameId::new(0, number) })
}

#[test]
fn a_flood_of_senders_is_bounded_and_told() {
    let mut evidence = LinkEvidence::default();
    for number in 0..20_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let (time, at) = at(u64::from(number) + 1, 5);
        evidence.senders.add(MacAddr([2, 0, 0, a, b, c]), Window::once(time, at));
    }
    assert_eq!(evidence.senders().len(), 16_384);
    assert!(evidence.overflows().any(|what| what == "broadcasts"));
}

#[test]
fn pieces_of_a_datagram_add_up_in_any_order() {
    use crate::decode::Fragment;
    let piece = |offset, length, more| {
        let (time, at) = at(1, 5);
        Pieces::of(Fragment { offset, more, length }, Window::once(time, at))
    };
    let all = [piece(0, 1480, true), piece(1480, 1480, true), piece(2960, 40, false)];
    let sum = |order: &[usize]| {
        let mut sum = all[order[0]];
        order[1..].iter().for_each(|one| sum.add(all[*one]));
        sum
    };
    assert!(!sum(&[0, 1, 2]).lacks_some() && sum(&[2, 0, 1]) == sum(&[0, 1, 2]));
    for lacking in [&[0, 1][..], &[0, 2], &[1, 2], &[0], &[2]] {
        assert!(sum(lacking).lacks_some(), "{lacking:?}");
    }
}

#[test]
fn times_before_1970_and_none_have_a_stretch() {
    assert_eq!(broadcast::stretch(Timestamp::from_nanos(-1)), -1);
    assert_eq!(broadcast::stretch(Timestamp::from_nanos(STRETCH * 1_000_000_000)), 1);
    assert_eq!(broadcast::stretch(Timestamp::UNKNOWN), i64::MIN);
}
