//! What a capture holds twice, and was sent once.

use super::tests::{MS, Tape, finish, join, losses, observe};
use super::*;

/// Both ends acknowledge 2,000 bytes of the first, in one long segment, and in its parts, which come so many nanoseconds later.
fn cut(rounds: u32, after: i64, duplicates: u32, parts_first: bool) -> Tape {
    let mut tape = Tape::opened();
    for from in (0..rounds).map(|round| 100 + 2000 * round) {
        let parts = [(from, 1460), (from + 1460, 540)];
        let whole = [(from, 2000)];
        let (first, second) = if parts_first { (&parts[..], &whole[..]) } else { (&whole[..], &parts[..]) };
        first.iter().for_each(|(from, length)| tape.data(0, *from, 200, *length, MS / 100));
        (0..=duplicates).for_each(|_| tape.data(1, 200, from, 0, 0));
        tape.now += after;
        second.iter().for_each(|(from, length)| tape.data(0, *from, 200, *length, MS / 100));
        tape.data(1, 200, from + 2000, 0, 10 * MS);
    }
    tape
}

#[test]
fn a_segment_and_the_parts_that_the_card_makes_of_it_were_sent_once() {
    for parts_first in [false, true] {
        let told = losses(&cut(9, 0, 0, parts_first), 0);
        assert_eq!((told.again, told.spurious, told.disordered, told.uncaptured), (0, 0, 0, 0), "{told:?}");
        assert_eq!(told.bytes, 18_000);
    }
}

/// Segments of 500 bytes, each twice, with another checksum; the second so many nanoseconds later, and as the sender counts.
fn summed(after: i64, counted: u32) -> Losses {
    let mut tape = Tape::opened();
    for number in 0..20 {
        for (again, after) in [(0, 10 * MS), (1, after)] {
            tape.data(0, 100 + 500 * number, 200, 500, after);
            let print = (number * 10 + again * counted + 1) << 16 | again << 8 | 1;
            tape.segments.last_mut().unwrap().fingerprint = print;
        }
        tape.data(1, 200, 600 + 500 * number, 0, 5 * MS);
    }
    losses(&tape, 0)
}

#[test]
fn a_segment_whose_checksum_the_card_works_out_was_sent_once() {
    let told = summed(MS / 100, 0);
    assert_eq!((told.again, told.bytes), (0, 10_000));
    // Later, or with a number of its own, it is another one.
    assert_eq!([summed(2 * MS, 0).again, summed(MS / 100, 1).again], [20, 20]);
}

#[test]
fn parts_of_a_long_segment_that_come_later_or_are_asked_for_were_sent_again() {
    assert_eq!(losses(&cut(9, 2 * MS, 0, false), 0).again, 18);
    // The first of both is what the acknowledgments ask for.
    assert_eq!(losses(&cut(9, 0, 3, false), 0).again, 9);
}

/// A connection, so many milliseconds behind what was before: who asks closes it.
fn connection(tape: &mut Tape, after: i64) {
    tape.put(0, TcpFlags::SYN, [99, 0], 0, after * MS);
    tape.put(1, TcpFlags::SYN | TcpFlags::ACK, [199, 100], 0, MS);
    tape.put(0, TcpFlags::ACK, [100, 200], 0, MS);
    tape.data(0, 100, 200, 300, MS);
    tape.data(1, 200, 400, 900, MS);
    tape.put(0, TcpFlags::FIN | TcpFlags::ACK, [400, 1100], 0, MS);
    tape.put(1, TcpFlags::FIN | TcpFlags::ACK, [1100, 401], 0, MS);
    tape.put(0, TcpFlags::ACK, [401, 1101], 0, MS);
}

#[test]
fn a_connection_that_comes_again_with_the_same_numbers_lost_nothing() {
    let mut tape = Tape::new();
    (0..5).for_each(|_| connection(&mut tape, 60_000));
    for side in 0..2 {
        let told = losses(&tape, side);
        assert_eq!((told.again, told.spurious, told.disordered, told.uncaptured), (0, 0, 0, 0), "{told:?}");
        assert_eq!(told.segments, 15);
    }
    // It adds up wherever it is cut.
    let whole = finish(observe(&tape.segments));
    for at in 1..tape.segments.len() {
        let (before, behind) = tape.segments.split_at(at);
        assert_eq!(finish(join([before, behind].into_iter().map(observe))).0, whole.0, "cut at {at}");
    }
}

#[test]
fn a_handshake_that_was_lost_behind_the_place_was_sent_again() {
    let mut tape = Tape::new();
    for after in [0, 1000, 2000] {
        tape.put(0, TcpFlags::SYN, [99, 0], 0, after * MS);
        tape.put(1, TcpFlags::SYN | TcpFlags::ACK, [199, 100], 0, MS);
    }
    tape.put(0, TcpFlags::ACK, [100, 200], 0, MS);
    assert_eq!([losses(&tape, 0).again, losses(&tape, 1).again], [2, 2]);
}

#[test]
fn what_a_part_passed_over_may_have_come_in_the_next() {
    for (is_filled, uncaptured) in [(true, 0), (false, 1000)] {
        let mut tape = Tape::opened();
        (0..5).for_each(|number| tape.data(0, 100 + 1000 * number, 200, 1000, MS / 10));
        tape.data(0, 6100, 200, 1000, MS / 10);
        let cut = tape.segments.len();
        (7..15).for_each(|number| tape.data(0, 100 + 1000 * number, 200, 1000, MS / 10));
        if is_filled {
            tape.data(0, 5100, 200, 1000, MS / 10);
        }
        tape.data(1, 200, 15_100, 0, 5 * MS);
        let (before, behind) = tape.segments.split_at(cut);
        let (stream, mut sums) = join([before, behind].into_iter().map(observe));
        stream.finish((&super::tests::ENDS, &mut Places::new()), &mut sums);
        sums.settle();
        let lost: u64 = sums.iter().filter_map(|(_, sums)| sums.losses.as_ref()).map(|losses| losses.uncaptured).sum();
        assert_eq!((lost, stream.misfits), (uncaptured, u64::from(is_filled)), "filled: {is_filled}");
    }
}
