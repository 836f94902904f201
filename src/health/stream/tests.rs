use proptest::prelude::*;

use super::super::track::Ends;
use super::*;

pub(super) const ENDS: Ends = [
    (std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 50_000),
    (std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 80),
];
pub(super) const MS: i64 = 1_000_000;

/// Segments as they pass: who sends, flags, numbers, bytes, milliseconds since the one before.
pub(super) struct Tape {
    pub(super) segments: Vec<Segment>,
    pub(super) now: i64,
}

impl Tape {
    pub(super) const fn new() -> Self {
        Self { segments: Vec::new(), now: 1_000 * MS }
    }

    pub(super) fn put(&mut self, side: u8, flags: u8, numbers: [u32; 2], length: u32, after: i64) {
        self.now += after;
        let fingerprint = self.segments.len() as u32 * 2 + 3;
        let time = Timestamp::from_nanos(self.now);
        let flags = TcpFlags(flags);
        self.segments.push(Segment { time, numbers, length, fingerprint, window: 500, flags, side });
    }

    pub(super) fn data(&mut self, side: u8, from: u32, acknowledged: u32, length: u32, after: i64) {
        self.put(side, TcpFlags::ACK, [from, acknowledged], length, after);
    }

    /// A handshake of initial numbers 99 and 199.
    pub(super) fn opened() -> Self {
        let mut tape = Self::new();
        tape.put(0, TcpFlags::SYN, [99, 0], 0, 0);
        tape.put(1, TcpFlags::SYN | TcpFlags::ACK, [199, 100], 0, MS);
        tape.put(0, TcpFlags::ACK, [100, 200], 0, MS);
        tape
    }
}

pub(super) fn observe(segments: &[Segment]) -> (Stream, Measures) {
    let (mut stream, mut places, mut sums) = (Stream::new(), Places::new(), Measures::new(100));
    segments.iter().for_each(|segment| stream.take(segment, (&ENDS, &mut places), &mut sums));
    (stream, sums)
}

pub(super) fn finish((stream, mut sums): (Stream, Measures)) -> (Vec<String>, u64) {
    stream.finish((&ENDS, &mut Places::new()), &mut sums);
    sums.settle();
    // What was never captured around a seam may count once more: docs/health.md says so.
    let text = |pair: &_| {
        let text = format!("{pair:?}");
        text.rsplit_once(", uncaptured: ").map_or(text.clone(), |(before, _)| before.to_owned())
    };
    (sums.sorted().iter().map(text).collect(), stream.misfits)
}

pub(super) fn join(mut parts: impl Iterator<Item = (Stream, Measures)>) -> (Stream, Measures) {
    let (mut stream, mut sums) = parts.next().unwrap();
    for (theirs, their_sums) in parts {
        sums.absorb(&their_sums);
        stream.absorb(&theirs, (&ENDS, &mut Places::new()), &mut sums);
    }
    (stream, sums)
}

pub(super) fn losses(tape: &Tape, side: usize) -> Losses {
    let (stream, mut sums) = observe(&tape.segments);
    stream.finish((&ENDS, &mut Places::new()), &mut sums);
    sums.settle();
    let found = sums
        .iter()
        .find(|(found, _)| **found == pair(Measure::Ack, side, &ENDS))
        .and_then(|(_, sums)| sums.losses.clone());
    *found.unwrap_or_default()
}

#[test]
fn each_kind_of_loss_is_told() {
    let mut tape = Tape::opened();
    tape.data(0, 100, 200, 1000, MS);
    tape.data(0, 2100, 200, 1000, MS / 10); // One is missing.
    tape.data(1, 200, 1100, 0, 10 * MS);
    tape.data(1, 200, 1100, 0, MS);
    tape.data(1, 200, 1100, 0, MS);
    tape.data(0, 1100, 200, 1000, MS); // Sent again, as is asked for.
    tape.data(1, 200, 3100, 0, 10 * MS);
    tape.data(0, 2100, 200, 1000, 300 * MS); // For nothing.
    tape.data(0, 4100, 200, 1000, MS);
    tape.data(0, 3100, 200, 1000, MS); // Behind the next.
    tape.data(1, 200, 6100, 0, 10 * MS); // A thousand bytes were not captured.
    let told = losses(&tape, 0);
    let expected = Losses {
        segments: 7,
        bytes: 6000,
        again: 1,
        bytes_again: 1000,
        spurious: 1,
        disordered: 1,
        duplicate_acks: 2,
        zero_windows: 0,
        uncaptured: 1000,
    };
    assert_eq!(told, expected);
    assert_eq!(losses(&tape, 1).uncaptured, 0);
}

/// In a quick stream what was sent again comes within 3 ms of the highest number, and tshark takes it for disorder.
#[test]
fn in_a_quick_stream_what_was_lost_is_told_from_what_came_late() {
    let mut tape = Tape::opened();
    for from in (100..20_100).step_by(100).filter(|from| ![5_000, 7_000].contains(from)) {
        tape.data(0, from, 200, 100, MS / 10);
    }
    // Lost before the capture's place, two holes at once, and sent again long after they were passed over.
    tape.data(0, 5_000, 200, 100, MS / 10);
    tape.data(0, 20_100, 200, 100, MS / 10);
    tape.data(0, 7_000, 200, 100, MS / 10);
    // Lost behind it: all of it was seen before.
    tape.data(0, 9_000, 200, 100, MS / 10);
    // Late by one.
    tape.data(0, 20_300, 200, 100, MS / 10);
    tape.data(0, 20_200, 200, 100, MS / 10);
    let told = losses(&tape, 0);
    assert_eq!((told.again, told.bytes_again, told.disordered, told.uncaptured), (3, 300, 1, 0));
}

#[test]
fn what_was_passed_over_and_acknowledged_was_not_captured() {
    let mut tape = Tape::opened();
    tape.data(0, 100, 200, 1000, MS);
    tape.data(0, 2600, 200, 1000, MS);
    tape.data(1, 200, 3600, 0, MS);
    assert_eq!(losses(&tape, 0).uncaptured, 1500);
    // Sent again in two parts, it was lost by the network.
    tape.segments.pop();
    tape.data(0, 1100, 200, 1000, 200 * MS);
    tape.data(0, 2100, 200, 500, MS);
    tape.data(1, 200, 3600, 0, MS);
    assert_eq!((losses(&tape, 0).uncaptured, losses(&tape, 0).bytes_again), (0, 1500));
}

#[test]
fn a_flight_is_timed_by_its_first_segment() {
    let mut tape = Tape::opened();
    tape.data(0, 100, 200, 1000, MS);
    tape.data(0, 1100, 200, 1000, MS);
    tape.data(1, 200, 1100, 0, 19 * MS);
    tape.data(1, 200, 2100, 0, 50 * MS);
    // The handshake itself is measured elsewhere.
    let (stream, mut sums) = observe(&tape.segments);
    stream.finish((&ENDS, &mut Places::new()), &mut sums);
    sums.settle();
    let times = &sums.iter().find(|(found, _)| **found == pair(Measure::Ack, 0, &ENDS)).unwrap().1.times;
    assert_eq!((times.count(), times.least(), times.most()), (1, Some(20 * MS as u64), Some(20 * MS as u64)));
}

/// A transfer with a window of some segments, of which some are lost and sent again, and some come late.
fn transfer() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec((0..40_u8, 1..4_u8, 1..30_i64), 5..120).prop_map(|steps| {
        let mut tape = Tape::opened();
        let (mut next, mut acked) = (100_u32, 100_u32);
        for (what, burst, millis) in steps {
            match what {
                0..2 if acked != next => tape.data(0, acked, 200, 500, 250 * MS),
                2 => {
                    tape.data(0, next + 500, 200, 500, MS / 10);
                    tape.data(0, next, 200, 500, MS / 10);
                    next += 1000;
                }
                3 => next += 500,
                4..8 => tape.data(1, 200, acked, 0, MS),
                8..20 => {
                    acked = next;
                    tape.data(1, 200, acked, 0, millis * MS);
                }
                20..24 if next.wrapping_sub(acked) > 500 => {
                    acked += 500;
                    tape.data(1, 200, acked, 0, millis * MS);
                }
                _ => {
                    for _ in 0..burst {
                        tape.data(0, next, 200, 500, MS / 10);
                        next += 500;
                    }
                }
            }
        }
        tape.segments
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Cut anywhere, it says the same, or that it may not.
    #[test]
    fn parts_of_a_transfer_add_up(segments in transfer(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(segments.len() + 1)).collect();
        cuts.extend([0, segments.len()]);
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).map(|cut| &segments[cut[0]..cut[1]]).collect();
        let (whole, _) = finish(observe(&segments));
        let (left, misfits) = finish(join(parts.iter().map(|part| observe(part))));
        if misfits == 0 {
            prop_assert_eq!(&left, &whole);
        }
        // The same from behind.
        let right = parts.iter().rev().map(|part| observe(part)).reduce(|behind, before| join([before, behind].into_iter()));
        let (right, misfits) = finish(right.unwrap());
        if misfits == 0 {
            prop_assert_eq!(&right, &whole);
        }
    }
}

/// Whether what is told where parts do not fit is told seldom.
#[test]
fn parts_of_a_good_transfer_nearly_always_fit() {
    let mut tape = Tape::opened();
    let mut next = 100;
    for flight in 0..60_u32 {
        for _ in 0..1 + flight % 7 {
            tape.data(0, next, 200, 1000, MS / 10);
            next += 1000;
        }
        if flight % 9 == 4 {
            tape.data(0, next - 1000, 200, 1000, 250 * MS);
        }
        tape.data(1, 200, next, 0, 5 * MS);
    }
    let (whole, _) = finish(observe(&tape.segments));
    let mut misfits = 0;
    for cut in 0..=tape.segments.len() {
        let (before, after) = tape.segments.split_at(cut);
        let (sum, some) = finish(join([observe(before), observe(after)].into_iter()));
        misfits += u64::from(some > 0);
        assert!(some > 0 || sum == whole, "cut at {cut}");
    }
    assert!(misfits * 100 <= tape.segments.len() as u64, "{misfits} of {} cuts", tape.segments.len());
}

/// A part whose first acknowledgment is like the last one of the part before does not know which one went on first.
#[test]
fn a_probe_of_an_earlier_part_is_not_lost_without_a_word() {
    let mut tape = Tape::opened();
    tape.data(0, 100, 200, 500, MS);
    for _ in 0..4 {
        tape.data(1, 200, 600, 0, MS);
    }
    for number in 0..8 {
        tape.data(0, 600 + number * 500, 200, 500, MS / 10);
    }
    tape.data(1, 200, 600, 0, MS);
    tape.data(1, 200, 1100, 0, MS);
    tape.data(0, 1100, 200, 500, 250 * MS);
    let (whole, _) = finish(observe(&tape.segments));
    let end = tape.segments.len();
    for (first, second) in (0..=end).flat_map(|first| (first..=end).map(move |second| (first, second))) {
        let parts = [0..first, first..second, second..end].map(|part| observe(&tape.segments[part]));
        let [a, b, c] = parts;
        let behind = join([b, c].into_iter());
        let (sum, misfits) = finish(join([a, behind].into_iter()));
        assert!(misfits > 0 || sum == whole, "cut at {first} and {second}");
    }
}

/// All that was counted, in words.
fn counted(tape: &Tape) -> String {
    let (stream, mut sums) = observe(&tape.segments);
    stream.finish((&ENDS, &mut Places::new()), &mut sums);
    sums.settle();
    format!("{:?}", sums.sorted())
}

/// Of a sender that does not count its packets, two segments are sent again 300 ms later, the one right behind the other.
#[test]
fn a_burst_that_is_sent_again_is_none_of_copies() {
    let of = |after: i64| {
        let mut tape = Tape::opened();
        for round in 0..5_u32 {
            let from = 100 + round * 200;
            for (again, after) in [(false, 10 * MS), (true, after)] {
                for (part, after) in [(0, after), (1, MS / 5)] {
                    tape.data(0, from + part * 100, 200, 100, after);
                    let known = tape.segments.len() - 3;
                    let print = if again { tape.segments[known].fingerprint } else { 1000 + 4 * round + 2 * part };
                    tape.segments.last_mut().unwrap().fingerprint = print;
                }
            }
            tape.data(1, 200, from + 200, 0, MS);
        }
        counted(&tape)
    };
    assert!(of(300 * MS).contains(" again: 10,"), "{}", of(300 * MS));
    assert!(of(MS / 5).contains(" again: 0,"), "a mirror's copies: {}", of(MS / 5));
}

/// Of a sender that counts its packets, some overtake others by 4 ms, more than a round trip; or these are sent again then.
#[test]
fn what_was_overtaken_is_told_from_what_was_sent_again_by_the_senders_count() {
    let of = |is_sent_again: bool| {
        let mut tape = Tape::opened();
        let count = |tape: &mut Tape, number: u32| tape.segments.last_mut().unwrap().fingerprint = number << 16 | 1;
        for round in 0..60_u32 {
            let from = 100 + round * 5_000;
            tape.data(0, from + 4_000, 200, 1000, MS);
            count(&mut tape, 65_000 + round * 10 + 4);
            for part in 0..4 {
                tape.data(0, from + part * 1000, 200, 1000, if part == 0 { 4 * MS } else { MS / 10 });
                count(&mut tape, 65_000 + round * 10 + part + if is_sent_again { 5 } else { 0 });
            }
            tape.data(1, 200, from + 5_000, 0, MS);
        }
        let told = losses(&tape, 0);
        (told.again, told.disordered)
    };
    assert_eq!([of(false), of(true)], [(0, 240), (240, 0)]);
}

/// More than four gaps are open at a time, and filled 10 ms later, each right behind the highest number.
#[test]
fn many_gaps_are_known_at_a_time() {
    let mut tape = Tape::opened();
    for number in 0..24_u32 {
        tape.data(0, 1100 + number * 2000, 200, 1000, MS);
    }
    for number in 8..24_u32 {
        tape.data(0, 100 + number * 2000, 200, 1000, MS / 10);
        tape.data(0, 48_100 + number * 1000, 200, 1000, MS / 10);
    }
    let told = losses(&tape, 0);
    assert_eq!((told.again, told.disordered), (16, 0));
}

/// A receiver takes nothing more for a while, and is asked by a byte each time whether it does: nothing is lost.
#[test]
fn a_byte_that_asks_whether_a_window_is_still_closed_is_not_sent_again() {
    let of = |length: u32, is_taken: bool| {
        let mut tape = Tape::opened();
        tape.data(0, 100, 200, 500, MS);
        tape.data(1, 200, 600, 0, MS);
        tape.segments.last_mut().unwrap().window = 0;
        for _ in 0..5 {
            tape.data(0, 600, 200, length, 5_000 * MS);
            tape.data(1, 200, 600, 0, MS);
            tape.segments.last_mut().unwrap().window = 0;
        }
        let next = if is_taken { 600 + length } else { 600 };
        tape.data(1, 200, next, 0, MS);
        tape.data(0, next, 200, 500, MS);
        tape.data(1, 200, next + 500, 0, MS);
        let told = losses(&tape, 0);
        (told.again, told.uncaptured)
    };
    assert_eq!([of(1, false), of(1, true)], [(0, 0); 2]);
    assert_eq!(of(500, true), (4, 0), "data all the same");
}

#[test]
fn a_closed_window_adds_up_wherever_it_is_cut() {
    let mut tape = Tape::opened();
    for from in (100..10_100).step_by(1000) {
        tape.data(0, from, 200, 1000, MS);
        tape.data(1, 200, from + 1000, 0, MS);
    }
    for _ in 0..20 {
        tape.segments.last_mut().unwrap().window = 0;
        tape.data(0, 10_100, 200, 1, 5_000 * MS);
        tape.data(1, 200, 10_100, 0, MS);
    }
    for from in (10_100..20_100).step_by(1000) {
        tape.data(0, from, 200, 1000, MS);
        tape.data(1, 200, from + 1000, 0, MS);
    }
    let (whole, _) = finish(observe(&tape.segments));
    assert!(counted(&tape).contains(" again: 0,"), "{}", counted(&tape));
    for cut in 8..tape.segments.len() - 8 {
        let (before, behind) = tape.segments.split_at(cut);
        let (parts, _) = finish(join([observe(before), observe(behind)].into_iter()));
        assert_eq!(parts, whole, "cut at {cut}");
    }
}

/// A capture begins in an idle connection.
#[test]
fn a_keep_alive_without_a_byte_proves_no_loss() {
    let mut tape = Tape::new();
    for _ in 0..5 {
        tape.data(0, 999, 500, 0, 60_000 * MS);
        tape.data(1, 500, 1000, 0, MS);
    }
    assert!(!counted(&tape).contains("uncaptured: 1"), "{}", counted(&tape));
    // One that acknowledges more than that does.
    tape.data(1, 500, 1100, 0, MS);
    tape.data(0, 1100, 500, 100, MS);
    tape.data(1, 500, 1200, 0, MS);
    assert!(counted(&tape).contains("uncaptured: 100"), "{}", counted(&tape));
}

/// Two queues of an interface: a SYN stands behind the data of its connection, whose times are right.
#[test]
fn a_syn_that_is_written_late_opens_no_other_connection() {
    let losses_of = |late: i64| {
        let mut tape = Tape::opened();
        tape.data(0, 100, 200, 97, MS);
        tape.data(1, 200, 197, 264, 4 * MS);
        tape.data(0, 197, 464, 50, MS);
        tape.data(1, 464, 247, 0, MS);
        let mut syn = tape.segments.remove(0);
        syn.time = Timestamp::from_nanos(syn.time.raw() + late);
        tape.segments.insert(3, syn);
        losses(&tape, 0)
    };
    let told = losses_of(0);
    assert_eq!((told.segments, told.bytes, told.uncaptured, told.again), (3, 147, 0, 0));
    // One with a later time is another connection on the same ports, of which the first bytes were not captured.
    assert_eq!(losses_of(100 * MS).uncaptured, 97);
}

/// A ring buffer cuts between two segments that came in the wrong order, or within an idle connection with keep-alives.
#[test]
fn nothing_is_missing_at_a_seam_of_disorder_or_keep_alives() {
    let seam = |tape: &Tape, at: usize| {
        let (before, behind) = tape.segments.split_at(at);
        let (stream, mut sums) = join([observe(before), observe(behind)].into_iter());
        stream.finish((&ENDS, &mut Places::new()), &mut sums);
        sums.settle();
        let lost = sums.iter().filter_map(|(_, sums)| sums.losses.as_deref()).map(|lost| lost.uncaptured).sum::<u64>();
        (lost, stream.misfits)
    };
    let mut disorder = Tape::opened();
    for from in (100..20_100).step_by(1000) {
        disorder.data(0, from + 500, 200, 500, MS);
        disorder.data(0, from, 200, 500, MS / 10);
        disorder.data(1, 200, from + 1000, 0, MS);
    }
    let mut idle = Tape::opened();
    idle.data(0, 100, 200, 9, MS);
    idle.data(1, 200, 109, 6, MS);
    idle.data(0, 109, 206, 0, MS);
    for _ in 0..20 {
        idle.data(0, 108, 206, 0, 20_000 * MS);
        idle.data(1, 206, 109, 0, MS);
    }
    for tape in [&disorder, &idle] {
        for at in 12..tape.segments.len() - 12 {
            assert_eq!(seam(tape, at).0, 0, "{at}");
        }
    }
    assert!((12..30).all(|at| seam(&idle, at) == (0, 0)));
    // What is missing at a seam is missing.
    disorder.segments.remove(21);
    assert_eq!(seam(&disorder, 21).0, 500);
}
