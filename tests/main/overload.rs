//! Whether a device answers slower the more it is asked: devices that are queues made here, and their twins, which are slow for
//! another reason or not at all.

use igorscope::survey::{Source, Survey};
use proptest::prelude::*;

use crate::mirror::{GATEWAY, Mirror, OTHER};
use crate::reading::{assert_says, of_kind};
use crate::silence::{judged, whole_and_parts};
use crate::traffic::frame::ACK;
use crate::traffic::payload::{coap, tftp};
use crate::traffic::wire::{MICRO, MILLI, SECOND};

/// A site by what its gateway is asked and how long it takes.
struct Asked<'a> {
    /// Questions a second in each ten seconds.
    rates: &'a [u64],
    /// Nanoseconds that an answer takes, by the time since the beginning, and for how long the one before keeps it busy.
    takes: &'a dyn Fn(u64, u64) -> u64,
    /// The same of its kernel, which has a handshake of every tenth question.
    kernel: &'a dyn Fn(u64) -> u64,
}

/// What a queue takes: one question after the other, each for so long (Kleinrock, Queueing Systems, volume 1: D/D/1).
fn queue(service: u64) -> impl Fn(u64, u64) -> u64 {
    move |_, waits| waits + service
}

fn quick(_: u64) -> u64 {
    MILLI
}

impl Asked<'_> {
    fn mirror(&self) -> Mirror {
        let mut mirror = Mirror::default();
        let (mut free, mut number) = (0_u64, 0_u16);
        for (stretch, rate) in (0..).zip(self.rates) {
            for question in 0..rate * 10 {
                // The fixed times of stretches are none of this capture's.
                let at = stretch * 10 * SECOND + 3 * SECOND + question * SECOND / rate;
                number = number.wrapping_add(1);
                let (port, token) = (40_000 + number % 1000, number.to_be_bytes());
                let [client, server] = [(OTHER, port), (GATEWAY, 5683)];
                let took = (self.takes)(at, free.saturating_sub(at));
                free = at + took;
                mirror.udp(at, client, server, &coap::request(coap::CON, coap::GET, number, &token, "l", &[]));
                mirror.udp(at + took, server, client, &coap::content(coap::ACK, number, &token, None, "1"));
                if number % 10 == 0 {
                    let [client, server] = [(OTHER, 20_000 + number % 2000), (GATEWAY, 80)];
                    let late = (self.kernel)(at);
                    mirror.tcp(at, client, server, 2, [1_000, 0], &[]);
                    mirror.tcp(at + late, server, client, 2 | ACK, [5_000, 1_001], &[]);
                    mirror.tcp(at + late + 100 * MICRO, client, server, ACK, [1_001, 5_001], &[]);
                }
            }
        }
        mirror.tape.sort();
        mirror
    }

    fn told(&self) -> Vec<String> {
        told(&self.mirror().measured())
    }
}

fn told(survey: &Survey) -> Vec<String> {
    of_kind(survey, "overloaded").iter().map(|finding| finding.words.detail.clone()).collect()
}

/// Two or three questions a second, and now and then fifty for ten seconds.
fn bursts(stretches: usize) -> Vec<u64> {
    (0..stretches).map(|number| if number % 6 == 4 { 50 } else { 2 + number as u64 % 2 }).collect()
}

/// A file of 500 kB that the gateway serves, a block each two milliseconds.
fn download(mirror: &mut Mirror, begin: u64) {
    let [client, server] = [(OTHER, 50_000), (GATEWAY, 51_000)];
    mirror.udp(begin, client, (GATEWAY, 69), &tftp::read("node.bin", &[]));
    for block in 1..1000_u16 {
        let at = begin + u64::from(block) * 2 * MILLI;
        mirror.udp(at, server, client, &tftp::data(block, &[0x55; 512]));
        mirror.udp(at + MILLI, client, server, &tftp::ack(block));
    }
}

#[test]
fn a_file_is_no_load_that_hides_a_slow_gateway() {
    let (rates, takes) = (bursts(42), queue(22 * MILLI));
    let mut mirror = Asked { rates: &rates, takes: &takes, kernel: &quick }.mirror();
    // In a quiet time, when all else is answered at once.
    download(&mut mirror, 30 * SECOND);
    mirror.tape.sort();
    let told = told(&mirror.measured());
    assert!(told.len() == 1 && told[0].contains("CoAP request to response takes 22 ms at up to 2.7/s"), "{told:?}");
}

#[test]
fn a_gateway_that_is_slower_the_more_it_is_asked_is_told() {
    // It has time for 45 questions a second.
    let (rates, takes) = (bursts(42), queue(22 * MILLI));
    let site = Asked { rates: &rates, takes: &takes, kernel: &quick };
    let survey = site.mirror().measured();
    let found = of_kind(&survey, "overloaded");
    assert_eq!((found.len(), &*found[0].words.client), (1, "10.20.0.10"));
    let detail = &found[0].words.detail;
    let rest = detail.split_once("10.20.0.10: CoAP request to response takes 22 ms at up to 2.7/s, ");
    let busy = rest.and_then(|(_, rest)| rest.split_once(" ms at 35/s and more (")).map(|(busy, _)| busy);
    // In ten seconds the queue grows evenly from nothing to a second: the geometric mean of that is 1/e s.
    let busy: u64 = busy.and_then(|busy| busy.parse().ok()).unwrap_or_else(|| panic!("{detail}"));
    assert!((250..400).contains(&busy), "{detail}");
    assert!(detail.contains("it is the device itself, not the way."), "{detail}");
    // The fifth ten seconds of each minute, from three seconds on.
    assert!(detail.contains("It answered most from 2026-03-17T08:0"), "{detail}");
    assert!(found[0].words.gist.ends_with(" ms at 35/s, 22 ms at 2.7/s"), "{}", found[0].words.gist);

    // An uplink that all of it shares: the kernel's answers wait as long.
    let way = |at: u64| if (at / SECOND).saturating_sub(3) / 10 % 6 == 4 { 600 * MILLI } else { MILLI };
    let detail = Asked { kernel: &way, ..site }.told().remove(0);
    assert!(detail.contains("the way to it has too much to carry"), "{detail}");
}

#[test]
fn who_is_slow_for_another_reason_is_not_overloaded() {
    let rates = bursts(42);
    let none = |rates: &[u64], takes: &dyn Fn(u64, u64) -> u64| {
        let told = Asked { rates, takes, kernel: &quick }.told();
        assert!(told.is_empty(), "{told:?}");
    };
    // At all loads alike; or it has time for many more.
    none(&rates, &|_, _| 400 * MILLI);
    none(&rates, &queue(2 * MILLI));
    // An outage of two minutes in which it is asked as much as ever.
    let outage = |at: u64, _: u64| if (120..240).contains(&(at / SECOND)) { 900 * MILLI } else { 20 * MILLI };
    none(&[5; 42], &outage);
    // The same where what it is asked comes and goes, but not with the outage.
    let uneven: Vec<u64> = (0..42_u64).map(|number| [2, 9, 4, 30, 3, 15, 6][number as usize % 7]).collect();
    none(&uneven, &outage);
    // Twice as long is what anybody may take; of so few microseconds nobody complains.
    let is_busy = |at: u64| (at / SECOND).saturating_sub(3) / 10 % 6 == 4;
    none(&rates, &|at, _| if is_busy(at) { 400 * MILLI } else { 200 * MILLI });
    none(&rates, &|at, _| if is_busy(at) { 8 * MILLI } else { 400 * MICRO });
    // What it is asked hardly changes.
    let even: Vec<u64> = (0..42_u64).map(|number| 10 + number % 5).collect();
    none(&even, &|at, _| if (at / SECOND).saturating_sub(3) / 10 % 5 == 4 { 600 * MILLI } else { 20 * MILLI });
}

#[test]
fn too_little_tells_nothing() {
    let told = |stretches| Asked { rates: &bursts(stretches), takes: &queue(22 * MILLI), kernel: &quick }.told();
    assert_eq!(told(16), [""; 0], "fewer than twenty times ten seconds");
    assert!(!told(30).is_empty());
    // One burst in all that time may be anything.
    let mut once = [2; 42];
    once[20] = 50;
    let told = Asked { rates: &once, takes: &queue(22 * MILLI), kernel: &quick }.told();
    assert_eq!(told, [""; 0]);
}

#[test]
fn losses_of_the_capture_weaken_it() {
    let (rates, takes) = (bursts(42), queue(22 * MILLI));
    let site = Asked { rates: &rates, takes: &takes, kernel: &quick };
    assert!(!site.told()[0].contains("may not have been captured"));
    let mut mirror = site.mirror();
    // The answerer acknowledges a segment that is not there.
    let [client, server] = [(OTHER, 30_000), (GATEWAY, 80)];
    mirror.open(100 * SECOND, client, server, [1_000, 5_000]);
    mirror.tcp(101 * SECOND, server, client, ACK, [5_001, 3_001], &[]);
    mirror.tcp(102 * SECOND, client, server, ACK, [3_001, 5_001], b"x");
    mirror.tape.sort();
    assert_says(
        &told(&mirror.measured()).remove(0),
        &["Some of what it was asked may not have been captured: ", "lost while capturing"],
    );
}

#[test]
fn a_clock_that_was_set_back_changes_nothing_of_load() {
    let mut mirror = Asked { rates: &bursts(42), takes: &queue(22 * MILLI), kernel: &quick }.mirror();
    let kinds = |survey: &Survey| told(survey).len();
    let whole = kinds(&mirror.measured());
    let middle = mirror.tape.records.len() / 2;
    mirror.tape.records[middle..].iter_mut().for_each(|record| record.time -= 5 * SECOND);
    let survey = mirror.measured();
    assert!(whole > 0 && kinds(&survey) == whole && !survey.health.loads.is_empty());
    assert!(survey.caveats.iter().any(|caveat| caveat.kind == "clock-jump"));
}

/// The samples of the tool have none.
#[test]
fn the_samples_tell_of_no_load() {
    for path in igorscope::capture::find_captures(&[crate::command::sample("")]).captures {
        assert!(told(&judged(vec![Source::File(path.clone())])).is_empty(), "{}", path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is cut in time, into states and captures, in any order.
    #[test]
    fn parts_tell_what_the_whole_tells(cuts in prop::collection::vec(0..430_000_u64, 1..6), kept in any::<[bool; 6]>()) {
        let all = Asked { rates: &bursts(42), takes: &queue(22 * MILLI), kernel: &quick }.mirror();
        let [whole, parts] = whole_and_parts(&all.tape, cuts, kept);
        prop_assert_eq!(told(&whole).len(), 1);
        prop_assert_eq!(told(&parts), told(&whole));
        prop_assert_eq!(&parts.health.loads, &whole.health.loads);
    }
}
