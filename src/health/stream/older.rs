//! Connections on the ports of an older one.

use super::tests::{MS, Tape, finish, join, losses, observe};
use super::*;

const SYN_ACK: u8 = TcpFlags::SYN | TcpFlags::ACK;

/// A connection whose ends begin with these numbers and send 300 and 900 bytes; of its handshake this much was captured, in this
/// order.
fn connection(tape: &mut Tape, [mine, theirs]: [u32; 2], handshake: &str) {
    for segment in handshake.chars() {
        match segment {
            'S' => tape.put(0, TcpFlags::SYN, [mine, 0], 0, MS),
            'A' => tape.put(1, SYN_ACK, [theirs, mine.wrapping_add(1)], 0, MS),
            // It stands behind what it opened, as an interface of several queues writes it.
            'L' => tape.put(0, TcpFlags::SYN, [mine, 0], 0, -3 * MS),
            _ => tape.put(0, TcpFlags::ACK, [mine.wrapping_add(1), theirs.wrapping_add(1)], 0, MS),
        }
    }
    let [mine, theirs] = [mine, theirs].map(|number| number.wrapping_add(1));
    tape.now += 3 * MS;
    tape.data(0, mine, theirs, 300, MS);
    tape.data(1, theirs, mine.wrapping_add(300), 900, MS);
    tape.data(0, mine.wrapping_add(300), theirs.wrapping_add(900), 0, MS);
}

/// Nothing of it was lost, by the network or the capture.
fn assert_whole(tape: &Tape, what: &str) {
    for side in 0..2 {
        let told = losses(tape, side);
        assert_eq!((told.spurious, told.disordered, told.uncaptured), (0, 0, 0), "{what}: {told:?}");
    }
}

#[test]
fn a_connection_on_old_ports_may_begin_with_any_part_of_its_handshake() {
    for numbers in [[900_000, 700_000], [900_000, 3_000_000_000], [3_000_000_000, 700_000], [4_000_000_000; 2]] {
        for handshake in ["SAC", "AC", "SC", "A", "ALC", "ACL"] {
            let mut tape = Tape::new();
            connection(&mut tape, [500_000; 2], "SAC");
            tape.now += 5_000 * MS;
            connection(&mut tape, numbers, handshake);
            let what = format!("{numbers:?} {handshake}");
            assert_whole(&tape, &what);
            assert_eq!([losses(&tape, 0).again, losses(&tape, 1).again], [0; 2], "{what}");
            // It adds up wherever it is cut.
            let whole = finish(observe(&tape.segments));
            for at in 1..tape.segments.len() {
                let (before, behind) = tape.segments.split_at(at);
                let parts = finish(join([before, behind].into_iter().map(observe)));
                assert!(parts.1 > 0 || parts.0 == whole.0, "{what}, cut at {at}: {parts:?} {whole:?}");
            }
        }
    }
}

/// Who starts anew opens a connection on the ports of one that the other end still holds, which says so; the old one's next number
/// lies so far from the new one's.
fn challenged(tape: &mut Tape, off: u32, times: u32) {
    for _ in 0..times {
        tape.put(0, TcpFlags::SYN, [900_000, 0], 0, MS);
        tape.put(1, TcpFlags::ACK, [77_000, 900_001_u32.wrapping_add(off)], 0, MS);
        tape.now += 1_000 * MS;
    }
}

#[test]
fn an_acknowledgment_of_an_older_connection_tells_nothing_of_the_new_one() {
    for off in [200_000, 1_000, 0_u32.wrapping_sub(200_000), 1 << 31] {
        for times in [1, 3] {
            let mut tape = Tape::new();
            challenged(&mut tape, off, times);
            connection(&mut tape, [900_000, 3_000_000], "SAC");
            assert_whole(&tape, &format!("{off} {times}"));
            assert_eq!(losses(&tape, 0).again, u64::from(times), "its SYN was sent again");
            assert_eq!(losses(&tape, 0).duplicate_acks, 0);
            let whole = finish(observe(&tape.segments));
            for at in 1..tape.segments.len() {
                let (before, behind) = tape.segments.split_at(at);
                let parts = finish(join([before, behind].into_iter().map(observe)));
                assert!(parts.1 > 0 || parts.0 == whole.0, "{off}, cut at {at}: {parts:?} {whole:?}");
            }
        }
    }
}

#[test]
fn what_is_acknowledged_further_and_further_behind_a_syn_was_not_captured() {
    let mut tape = Tape::new();
    tape.put(0, TcpFlags::SYN, [99, 0], 0, MS);
    (1..4).for_each(|number| tape.data(1, 200, 100 + 1_000 * number, 0, MS));
    assert_eq!(losses(&tape, 0).uncaptured, 3_000);
    // So was what an answer with content acknowledges.
    tape.segments.truncate(1);
    tape.data(1, 200, 600, 1_000, MS);
    assert_eq!(losses(&tape, 0).uncaptured, 500);
    // And what lies behind a handshake.
    let mut tape = Tape::opened();
    tape.data(1, 200, 600, 0, MS);
    assert_eq!(losses(&tape, 0).uncaptured, 500);
}
