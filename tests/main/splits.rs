//! A capture that was cut in files tells what it told in one, however it was cut and whatever the files are called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::reading;
use crate::traffic::file::{Record, Tape};
use igorscope::capture::{Capture, Timestamp};
use igorscope::decode::{Network, decode};
use igorscope::finding::{Finding, Words};
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, Survey, in_order, run};
use proptest::prelude::*;

pub(crate) fn frames(name: &str) -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let mut capture = Capture::open(&path, 0).unwrap();
    let mut frames = Vec::new();
    while let Some(block) = capture.next_block() {
        frames.extend(block.map(|frame| Record {
            time: frame.time.nanos().unwrap() as u64,
            frame: frame.data.to_vec(),
            original: frame.original_len,
            comment: None,
        }));
    }
    frames
}

pub(crate) fn pcap<'a>(frames: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    Tape { records: frames.into_iter().cloned().collect() }.pcap()
}

/// The survey of some files, which are given in the order of `given`.
pub(crate) fn survey(files: &[(String, Vec<u8>)], given: impl Iterator<Item = usize>, threads: usize) -> Survey {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        std::fs::write(path, bytes).unwrap();
    }
    let sources = given.map(|at| Source::File(paths[at].clone())).collect();
    let mut options = Options::new(Policy::embedded(), Arc::new(reading::site()));
    options.reading.threads = threads.try_into().unwrap();
    run(&in_order(sources), &options, &Progress::default()).unwrap()
}

/// Without what names a frame of a file: `frame 12 of site.pcap`.
fn without_frames(text: &str) -> String {
    let mut words = text.split(' ');
    let mut told = Vec::new();
    while let Some(word) = words.next() {
        told.push(word);
        if word == "frame" {
            words.nth(2);
        }
    }
    told.join(" ")
}

/// Everything that is told of a survey, line by line, but for what names files, frames and rows, and copies.
pub(crate) fn told(survey: &Survey) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in reading::all(survey) {
        let detail = without_frames(&finding.words.detail);
        let Finding { kind, severity, verdict, outcome, clients, servers, flows, packets, bytes, first, last, .. } =
            &*finding;
        lines.push(format!(
            "{kind:?} {severity:?} {verdict:?} {outcome:?} {clients:?} {servers:?} {flows} {packets} {bytes} {first} {last} {:?}",
            Words { detail, ..finding.words.clone() }
        ));
    }
    lines.extend(survey.coverage.iter().map(|cell| format!("{cell:?}")));
    lines.extend(survey.nodes.iter().map(|node| format!("{node:?}")));
    lines.extend(survey.hosts.iter().map(|host| format!("{host:?}")));
    lines.extend(
        survey.caveats.iter().filter(|caveat| caveat.kind != "duplicate-frames").map(|caveat| caveat.kind.into()),
    );
    let name = |place: u32| {
        let flow = survey.flows.view(place as usize).0;
        format!("{:?}", flow.ends.map(|end| (end.address, end.port)))
    };
    for (flow, judgement) in survey.flows.iter() {
        let mut line =
            format!("{:?} {:?} {:?} {} {}", flow.vlan(), flow.transport, flow.icmp_type, flow.icmp_code, flow.folded);
        for end in &flow.ends {
            line += &format!(" {} {} {:?}", end.address, end.port, end.begin().time);
            end.each(|name, value| {
                if !["begin", "payload_frame", "duplicates"].contains(&name) {
                    line += &format!(" {name} {value:?}");
                }
            });
        }
        let mut judgement = *judgement;
        let related = judgement.related_to.take().map(name);
        judgement.conversation = 0;
        lines.push(format!("{line} {judgement:?} {related:?}"));
    }
    let mut conversations: Vec<String> = survey
        .conversations
        .iter()
        .map(|conversation| {
            let mut conversation = conversation.clone();
            conversation.begin.frame = igorscope::capture::FrameId::NONE;
            format!("{conversation:?}")
        })
        .collect();
    conversations.sort();
    lines.extend(conversations);
    lines
}

/// The first line in which the survey of the parts differs from that of the whole.
fn difference(
    frames: &[Record],
    part_of: impl Fn(usize) -> usize,
    reversed: bool,
    threads: usize,
) -> Option<(String, String)> {
    let whole = survey(&[("whole.pcap".into(), pcap(frames))], 0..1, 1);
    let mut parts: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
    for (at, frame) in frames.iter().enumerate() {
        parts.entry(part_of(at)).or_default().push(frame);
    }
    let files: Vec<(String, Vec<u8>)> =
        parts.into_iter().map(|(part, frames)| (format!("site_{part}.pcap"), pcap(frames))).collect();
    let count = files.len();
    let given = (0..count).map(|at| if reversed { count - 1 - at } else { at });
    let parts = survey(&files, given, threads);
    let [a, b] = [told(&whole), told(&parts)];
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    (0..a.len().max(b.len())).map(|at| (line(&a, at), line(&b, at))).find(|(a, b)| a != b)
}

/// Sender's MAC, VLAN identifier.
pub(crate) fn marks(frame: &Record) -> ([u8; 6], u16) {
    let mac = frame.frame.get(6..12).and_then(|mac| mac.try_into().ok()).unwrap_or_default();
    let vlan = match frame.frame.get(12..16) {
        Some([0x81, 0, high, low]) => u16::from_be_bytes([*high, *low]) & 0xfff,
        _ => 0,
    };
    (mac, vlan)
}

/// Which of two directions a packet goes, as a TAP tells them: by which of its addresses is lower.
pub(crate) fn direction(frame: &Record) -> usize {
    let lent = igorscope::capture::Frame {
        id: igorscope::capture::FrameId::new(0, 1),
        time: Timestamp::from_nanos(frame.time as i64),
        link: igorscope::capture::LinkType::ETHERNET,
        interface: 0,
        original_len: frame.original,
        data: &frame.frame,
    };
    match decode(&lent).network {
        Network::Ip(ip) => usize::from(ip.source < ip.destination),
        _ => usize::from(marks(frame).0[5] & 1),
    }
}

pub(crate) const SAMPLES: [&str; 4] =
    ["site-survey.pcapng", "first-questions.pcapng", "real-blocked.pcap", "real-tftp-hpa.pcap"];

#[test]
fn a_capture_by_time_direction_or_vlan_is_the_same() {
    for name in SAMPLES {
        let frames = frames(name);
        for reversed in [false, true] {
            for threads in [1, 2] {
                let tenth = frames.len().div_ceil(10);
                assert_eq!(difference(&frames, |at| at / tenth, reversed, threads), None, "{name} by time");
                assert_eq!(
                    difference(&frames, |at| direction(&frames[at]), reversed, threads),
                    None,
                    "{name} by direction"
                );
                let vlan = |at: usize| usize::from(marks(&frames[at]).1);
                assert_eq!(difference(&frames, vlan, reversed, threads), None, "{name} by VLAN");
            }
        }
    }
}

#[test]
fn slices_of_one_second_with_names_that_sort_wrongly_are_the_same() {
    // A ring buffer: `site_10` sorts before `site_9`.
    let frames = frames("site-survey.pcapng");
    let minute = |at: usize| ((frames[at].time - frames[0].time) / 60_000_000_000) as usize;
    assert_eq!(difference(&frames, minute, false, 2), None);
}

#[test]
fn frames_with_equal_times_and_disorder_below_a_second_tell_the_same_in_any_order_of_arguments() {
    // Times cut to 100 ms, and every tenth frame half a second late in the file: order within a time is the file's.
    let mut frames = frames("site-survey.pcapng");
    frames.iter_mut().for_each(|frame| frame.time -= frame.time % 100_000_000);
    for at in (0..frames.len() - 12).step_by(10) {
        let late = frames.remove(at);
        let place = (at..frames.len()).find(|place| frames[*place].time > late.time + 500_000_000).unwrap_or(at);
        frames.insert(place, late);
    }
    let files = |part: &dyn Fn(usize) -> usize| {
        let mut parts: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
        frames.iter().enumerate().for_each(|(at, frame)| parts.entry(part(at)).or_default().push(frame));
        parts.into_values().map(pcap).collect::<Vec<_>>()
    };
    for part in [&|at: usize| at % 3, &|at: usize| at / 900] as [&dyn Fn(usize) -> usize; 2] {
        let files = files(part);
        let named = |order: &[usize]| -> Vec<(String, Vec<u8>)> {
            order.iter().enumerate().map(|(name, at)| (format!("{name}.pcap"), files[*at].clone())).collect()
        };
        let numbers: Vec<usize> = (0..files.len()).collect();
        let first = told(&survey(&named(&numbers), numbers.iter().copied(), 1));
        for turn in 1..files.len() {
            let mut order = numbers.clone();
            order.rotate_left(turn);
            assert_eq!(told(&survey(&named(&order), numbers.iter().copied(), 2)), first);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_capture_dealt_out_at_random_is_the_same(name in prop::sample::select(SAMPLES.to_vec()), seed in any::<u64>(), parts in 2..6_u64, reversed in any::<bool>()) {
        let frames = frames(name);
        let part = |at: usize| ((at as u64).wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % parts;
        prop_assert_eq!(difference(&frames, |at| part(at) as usize, reversed, 2), None);
    }
}

/// One poll in three, minutes apart, falls into one part: what is asked anew there is no repetition.
#[test]
fn polls_that_look_alike_in_a_part_of_them_are_no_repetitions() {
    let part =
        |at: usize| ((at as u64).wrapping_add(4_347_843_483_458_563_273).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 3;
    assert_eq!(difference(&frames("site-survey.pcapng"), |at| part(at) as usize, true, 2), None);
}
