//! Clocks that are set, frames with wrong times, and what was written one behind the other: the same is told as of an
//! unbroken clock.

use std::collections::BTreeMap;

use igorscope::finding::Words;
use igorscope::inventory::Inventory;
use igorscope::survey::Survey;
use igorscope::verdict::CellCoverage;

use crate::command::{Run, folder, igorscope, run};
use crate::mirror::{GATEWAY, Mirror, addresses, node};
use crate::reading;
use crate::splits::{direction, frames, pcap, survey, told};
use crate::traffic::file::{self, Record};
use crate::traffic::site::START;
use crate::traffic::wire::{MILLI, SECOND};

fn of(name: &str, bytes: Vec<u8>) -> Survey {
    survey(&[(name.into(), bytes)], 0..1, 1)
}

fn sample() -> (Vec<Record>, Survey) {
    let frames = frames("site-survey.pcapng");
    let whole = of("whole.pcap", pcap(&frames));
    (frames, whole)
}

fn findings(survey: &Survey) -> Vec<String> {
    let told = |finding: &reading::Read<'_>| {
        let Words { client, server, .. } = &finding.words;
        format!("{} {} {client} {server} {}", finding.severity.name(), finding.kind.name(), finding.packets)
    };
    reading::all(survey).iter().map(told).collect()
}

fn verdicts(survey: &Survey) -> BTreeMap<String, String> {
    let flow = |(flow, judgement): (igorscope::flow::FlowView<'_>, &igorscope::verdict::Judgement)| {
        let ends = format!("{:?} {:?} {:?}", flow.ends.map(|end| (end.address, end.port)), flow.vlan(), flow.transport);
        (ends, format!("{:?} {:?} {:?}", judgement.verdict, judgement.outcome, judgement.client))
    };
    survey.flows.iter().map(flow).collect()
}

/// Whether findings, verdicts and coverage are those of the unbroken clock.
fn assert_tells_the_same(survey: &Survey, whole: &Survey, what: &str) {
    assert_eq!(findings(survey), findings(whole), "{what}");
    assert_eq!(verdicts(survey), verdicts(whole), "{what}");
    let cells = |survey: &Survey| {
        let cell = |cell: &CellCoverage| {
            format!("{} {:?} {:?} {} {}", cell.cell, cell.state, cell.peer_states, cell.flows, cell.packets)
        };
        survey.coverage.iter().map(cell).collect::<Vec<_>>()
    };
    assert_eq!(cells(survey), cells(whole), "{what}");
}

fn has(survey: &Survey, caveat: &str) -> bool {
    survey.caveats.iter().any(|told| told.kind == caveat)
}

/// Packet blocks of an interface (draft-ietf-opsawg-pcapng section 4.3).
fn blocks(interface: u32, frames: &[&Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        let captured = frame.frame.len() as u32;
        out.extend(file::epb_front(interface, frame.time, captured, frame.original, 0));
        out.extend(&frame.frame);
        out.resize(out.len().div_ceil(4) * 4, 0);
        out.extend(file::epb_length(captured, 0).to_le_bytes());
    }
    out
}

fn section(interfaces: u32) -> Vec<u8> {
    let interfaces = (0..interfaces).map(|number| file::interface(&format!("tap{number}"), ""));
    std::iter::once(file::section_header("")).chain(interfaces).flatten().collect()
}

fn directions(frames: &[Record]) -> [Vec<&Record>; 2] {
    let (a, b) = frames.iter().partition(|frame| direction(frame) == 0);
    [a, b]
}

#[test]
fn a_clock_set_back_moves_all_that_follows() {
    // From the middle on the clock is an hour slow.
    let (mut frames, whole) = sample();
    for frame in &mut frames[1900..] {
        frame.time -= 3600 * SECOND;
    }
    let stepped = of("stepped.pcap", pcap(&frames));
    assert!(has(&stepped, "clock-jump"));
    assert_eq!(findings(&stepped), findings(&whole));
    assert_eq!(verdicts(&stepped), verdicts(&whole));
    // Each interface of a capture follows it.
    let mut file = section(2);
    frames.iter().for_each(|frame| file.extend(blocks(direction(frame) as u32, &[frame])));
    let stepped = of("stepped.pcapng", file);
    assert!(has(&stepped, "clock-jump"));
    assert_eq!(findings(&stepped), findings(&whole));
    assert_eq!(verdicts(&stepped), verdicts(&whole));
}

/// All that is told, but for the caveat that says how the file was read.
fn told_of_appended(name: &str, bytes: Vec<u8>) -> Vec<String> {
    let survey = of(name, bytes);
    assert!(has(&survey, "appended-captures") && !has(&survey, "clock-jump"));
    told(&survey).into_iter().filter(|line| line != "appended-captures").collect()
}

#[test]
fn interfaces_and_sections_written_one_behind_the_other_have_clocks_of_their_own() {
    let (frames, whole) = sample();
    for turned in [false, true] {
        let [mut a, mut b] = directions(&frames);
        if turned {
            (a, b) = (b, a);
        }
        let interfaces = [section(2), blocks(0, &a), blocks(1, &b)].concat();
        let sections = [section(1), blocks(0, &a), section(1), blocks(0, &b)].concat();
        for (what, file) in [("interfaces", interfaces), ("sections", sections)] {
            assert_eq!(told_of_appended("directions.pcapng", file), told(&whole), "{what}");
        }
    }
    let (early, late): (Vec<_>, Vec<_>) = frames.iter().partition(|frame| frame.time < frames[1900].time);
    let turned = [section(1), blocks(0, &late), section(1), blocks(0, &early)].concat();
    assert_eq!(told_of_appended("turned.pcapng", turned), told(&whole), "the later section first");
}

#[test]
fn a_capture_appended_to_another_of_the_same_hour_keeps_its_times() {
    // As mergecap -a writes the two halves of a TAP.
    let (frames, whole) = sample();
    let [a, b] = directions(&frames);
    for halves in [[&a, &b], [&b, &a]] {
        let appended = of("appended.pcap", pcap(halves.into_iter().flatten().copied()));
        assert!(
            has(&appended, "appended-captures") && has(&appended, "clock-jump"),
            "it may have been a clock that was set"
        );
        assert_tells_the_same(&appended, &whole, "appended");
    }
}

#[test]
fn frames_with_a_wrong_time_change_nothing() {
    let (frames, whole) = sample();
    for (what, by) in [("an hour ahead", 3600), ("30 s ahead", 30), ("an hour back", -3600), ("30 s back", -30)] {
        for first in [400, 1203, 2500] {
            let mut wrong = frames.clone();
            // A word of a spanning tree, which nothing hangs on: what its own time says of it is wrong.
            let is_of_a_switch = |at: &usize| frames[*at].frame.starts_with(&[0x01, 0x80, 0xc2, 0, 0, 0]);
            let at = (first..frames.len()).find(is_of_a_switch).unwrap();
            wrong[at].time = wrong[at].time.wrapping_add_signed(by * SECOND as i64);
            let wrong = of("wrong.pcap", pcap(&wrong));
            assert!(has(&wrong, "clock-jump"), "{what}");
            assert_tells_the_same(&wrong, &whole, what);
        }
    }
    for seed in 0..4 {
        let mut wrong = frames.clone();
        // The time of the frame before it stands for its own, where that is near.
        let is_near = |at: usize| at > 0 && frames[at].time.saturating_sub(frames[at - 1].time) < SECOND;
        let is_wrong =
            |at: usize| (at as u64 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33 & 31 == 0 && is_near(at);
        wrong.iter_mut().enumerate().filter(|(at, _)| is_wrong(*at)).for_each(|(_, frame)| frame.time = 0);
        let wrong = of("zero.pcap", pcap(&wrong));
        assert!(has(&wrong, "frames-without-time") && !has(&wrong, "clock-jump"), "the time 0 is none");
        assert_tells_the_same(&wrong, &whole, "without a time");
    }
}

#[test]
fn what_was_written_one_behind_the_other_is_measured_as_one_stream() {
    let (frames, _) = sample();
    let [a, b] = directions(&frames);
    let behind = [section(2), blocks(0, &a), blocks(1, &b)].concat();
    let mut drained = frames.clone();
    let turn = |frame: &Record| (frame.time / (200 * MILLI), direction(frame));
    drained.sort_by_key(turn);
    assert!(drained.iter().zip(&frames).filter(|(one, other)| one.time != other.time).count() > 100);
    let folder =
        folder(&[("whole.pcap", &pcap(&frames)), ("behind.pcapng", &behind), ("drained.pcap", &pcap(&drained))]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let health = |name: &str| {
        run(["analyze", &path(name), "-q", "--health", "--format", "csv", "-o", &path("results")]).expect(0, &[]);
        std::fs::read_to_string(folder.path().join("results/health.csv")).unwrap()
    };
    run(["observe", &path("behind.pcapng"), "-q", "--health", "-o", &path("behind.igstate")]).expect(0, &[]);
    let whole = health("whole.pcap");
    assert!(whole.lines().count() > 100);
    assert_eq!(health("behind.pcapng"), whole);
    assert_eq!(health("behind.igstate"), whole);
    assert_eq!(health("drained.pcap"), whole, "two interfaces, each drained for a fifth of a second");
    // What cannot be read again is left out, and it is said.
    let mut command = igorscope();
    command.args(["analyze", "-", "-q", "--health", "--format", "csv,json", "-o", &path("piped")]);
    command.stdin(std::fs::File::open(folder.path().join("behind.pcapng")).unwrap());
    Run::of(command.output().unwrap()).expect(0, &[]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join("piped").join(name)).unwrap();
    // DHCP's exchanges are told by their numbers.
    assert!(read("health.csv").lines().skip(1).all(|line| line.contains(",dhcp,")));
    assert!(read("survey.json").contains("health-overlap"));
}

/// The two directions of a TAP, each in a file of its own, one clock so far ahead of the other.
fn tapped(frames: &[Record], late: i64) -> Survey {
    let [there, back] = directions(frames).map(|side| side.into_iter().cloned().collect::<Vec<_>>());
    let back: Vec<_> =
        back.into_iter().map(|frame| Record { time: frame.time.wrapping_add_signed(late), ..frame }).collect();
    survey(&[("there.pcap".into(), pcap(&there)), ("back.pcap".into(), pcap(&back))], 0..2, 1)
}

/// SYN-ACKs that come before their SYNs tell how far the clocks are apart: what is transferred was asked for, and the firmware
/// services are asked on their ports, whatever came first.
#[test]
fn connections_tell_how_far_the_clocks_of_two_inputs_are_apart() {
    let (frames, whole) = sample();
    let told = |survey: &Survey| -> Vec<String> {
        let is_told = |told: &String| ["blocked", "undocumented-port"].iter().any(|kind| told.contains(kind));
        findings(survey).into_iter().filter(is_told).collect()
    };
    for late in [80_000_000, -80_000_000, 500_000_000, -500_000_000, 3_000_000_000, -3_000_000_000] {
        assert_eq!(told(&tapped(&frames, late)), told(&whole), "{late}");
    }
}

/// An undocumented port that the gateway asks from a port of the firmware services, and connections beside it; the node's
/// frames are stamped so much later, and more so by so many nanoseconds a second.
#[test]
fn clocks_that_are_put_right_make_no_answer_a_request() {
    let told = |late: i64, drift: i64| {
        let mut mirror = Mirror::default();
        for turn in 0..20 {
            let (at, port) = (turn * 60 * SECOND, 41_000 + turn as u16);
            mirror.exchange(at, (GATEWAY, port), (node(101), 80), [1_000, 5_000]);
            mirror.exchange(at + SECOND, (node(101), port), (GATEWAY, 80), [1_000, 5_000]);
            mirror.udp(at + 10 * SECOND, (GATEWAY, 50_197), (node(101), 7_000), b"ask");
            mirror.udp(at + 10 * SECOND + 20 * MILLI, (node(101), 7_000), (GATEWAY, 50_197), b"tell");
        }
        let (there, mut back): (Vec<_>, Vec<_>) =
            mirror.tape.records.into_iter().partition(|record| record.frame[6..12] == GATEWAY.mac);
        for record in &mut back {
            let seconds = ((record.time - START) / SECOND) as i64;
            record.time = record.time.wrapping_add_signed(late + seconds * drift);
        }
        let folder = folder(&[("there.pcap", &pcap(&there)), ("back.pcap", &pcap(&back))]);
        let paths = ["there.pcap", "back.pcap"].map(|name| folder.path().join(name));
        let survey = reading::survey(&paths, Inventory::load(None, &addresses()).unwrap(), false);
        reading::of_kind(&survey, "undocumented-port")
            .iter()
            .map(|finding| finding.words.detail.clone())
            .collect::<Vec<_>>()
    };
    for (late, drift) in [(0, 0), (2_000_000_000, 0), (-2_000_000_000, 0), (150_000_000, -200_000)] {
        let told = told(late, drift);
        assert!(told.len() == 1 && told[0].contains("10.20.0.10 to 10.20.0.101"), "{late} {drift}: {told:?}");
    }
}
