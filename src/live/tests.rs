//! What is measured live is what is measured offline: the same captures, frame by frame, tick by tick.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::*;
use crate::capture::Capture;
use crate::decode::TcpFlags;
use crate::flow::scene::Scene;
use crate::health::Measure;
use crate::policy::Policy;
use crate::report::write_health;
use crate::survey::{Progress, Source, run};

fn options() -> LiveOptions {
    let mut survey = Options::new(Policy::embedded(), Arc::default());
    survey.reading.limits.health = true;
    LiveOptions { survey, interval: Duration::from_secs(1), duration: None, fold_after: Duration::from_secs(300) }
}

/// health.csv, and what is said of its exactness.
fn told(survey: &Survey) -> (String, Vec<String>) {
    let mut table = Vec::new();
    write_health(&mut table, survey).unwrap();
    let doubts = survey.caveats.iter().filter(|caveat| caveat.kind.starts_with("health"));
    (String::from_utf8(table).unwrap(), doubts.map(|caveat| caveat.text.clone()).collect())
}

fn offline(path: &Path, options: &Options) -> Survey {
    run(&[Source::File(path.to_owned())], options, &Progress::default()).unwrap()
}

/// As `live` takes it, in ticks of so many frames; what is idle is let go, by the capture's own clock.
fn live(path: &Path, options: &LiveOptions, frames_a_tick: u64) -> Survey {
    let seed = Seed::random();
    let mut capture = Capture::open(path, 0).unwrap();
    let mut sink = FrameSink::new(None, None, options, seed);
    let mut whole = Observation::new(0, seed, options.survey.reading.limits);
    let mut clock = Timestamp::UNKNOWN;
    let mut tick = |sink: &mut FrameSink<'_>, clock: Timestamp| {
        sink.hand_over().into_iter().for_each(|part| whole.absorb(part, Shift::NONE));
        whole.limit_questions();
        whole.forget_questions(before(clock, LONGEST_EXCHANGE));
    };
    while let Some(block) = capture.next_block() {
        for frame in block {
            clock = clock.max(frame.time);
            sink.take(frame);
            if sink.frames.is_multiple_of(frames_a_tick) {
                tick(&mut sink, clock);
            }
        }
    }
    tick(&mut sink, clock);
    let input = Input { name: path.to_string_lossy().into_owned(), size: 0, summary: capture.summary() };
    judge(vec![input], whole.finish(), &options.survey)
}

#[test]
fn what_is_measured_live_is_what_is_measured_offline() {
    let options = options();
    let mut captures: Vec<PathBuf> =
        std::fs::read_dir("captures").unwrap().map(|entry| entry.unwrap().path()).collect();
    captures.retain(|path| path.extension().is_some_and(|end| end == "pcap" || end == "pcapng"));
    captures.sort();
    let mut rows = 0;
    for path in &captures {
        let (expected, doubts) = told(&offline(path, &options.survey));
        rows += expected.lines().count() - 1;
        for frames_a_tick in [3, 50, 1000] {
            let (table, seams) = told(&live(path, &options, frames_a_tick));
            println!("{} {frames_a_tick}: {seams:?}", path.display());
            assert_eq!(doubts, seams, "{}", path.display());
            assert_eq!(table, expected, "{} in ticks of {frames_a_tick}", path.display());
        }
    }
    assert!(rows > 100, "{rows} rows were compared");
}

#[test]
fn what_was_told_once_is_not_told_again() {
    let survey = offline(Path::new("captures/site-survey.pcapng"), &options().survey);
    let (number, mut events) = (survey.findings.len(), Events::new(Duration::from_secs(300)));
    assert_eq!(events.findings(&survey, None).found.len(), number);
    let again = events.findings(&survey, None);
    assert!(again.found.is_empty() && again.changed.is_empty() && again.withdrawn.is_empty(), "{again:?}");
    // Nor where two are alike, as one of devices that came back after a silence, and one of others that did not.
    let alike = [&survey.findings[..], &survey.findings[..]].concat();
    let known: std::collections::HashSet<u64> = identities(&alike).into_iter().collect();
    assert_eq!(known.len(), 2 * number);
}

#[test]
fn hours_of_short_connections_are_all_measured_and_not_all_remembered() {
    const FLOWS: u16 = 20_000;
    // Ten a second.
    const BEGIN: i64 = 1_700_000_000_000_000_000;
    const APART: i64 = 100_000_000;
    let options = options();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let file = Arc::clone(&kept);
    let save = move |_, write: &WriteState<'_>| {
        file.lock().unwrap().clear();
        write(&mut *file.lock().unwrap())
    };
    let every = Duration::from_secs(3600);
    let mut states =
        States::new(StateOptions { every, rotate: None, filter: None, save: Box::new(save) }, &options.survey);
    let seed = Seed::random();
    let (mut sink, mut whole) = (FrameSink::new(None, None, &options, seed), None::<Observation>);
    let gateway = ([10, 78, 0, 1], 80);
    for number in 0..FLOWS {
        // A connection of its own each, and its answer 2 ms later.
        let (node, begin) = (([10, 78, 0, 2], 20_000 + number), BEGIN + i64::from(number) * APART);
        let mut scene = Scene::default();
        scene.at_time(Timestamp::from_nanos(begin)).tcp(node, gateway, TcpFlags::SYN, b"");
        scene.at_time(Timestamp::from_nanos(begin + 2_000_000));
        scene.tcp(gateway, node, TcpFlags::SYN | TcpFlags::ACK, b"");
        for frame in scene.frames(0..2) {
            sink.take(frame);
            if number % 100 == 99 {
                let parts = sink.hand_over();
                states.take(&parts);
                for part in parts {
                    match &mut whole {
                        Some(whole) => whole.absorb(part, Shift::NONE),
                        None => whole = Some(part),
                    }
                }
                whole.iter_mut().for_each(|whole| whole.limit_questions());
            }
        }
    }
    let input = || vec![Input { name: "live".into(), size: 0, summary: CaptureSummary::default() }];
    states.finish(&input()).unwrap();
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("hours.igstate");
    std::fs::write(&path, &*kept.lock().unwrap()).unwrap();
    let live = judge(input(), whole.unwrap().finish(), &options.survey);
    let state = run(&Source::of_state(path), &options.survey, &Progress::default()).unwrap();
    for survey in [live, state] {
        let (table, doubts) = told(&survey);
        assert_eq!(doubts, Vec::<String>::new());
        let [row] =
            &survey.health.pairs.iter().filter(|(pair, _)| pair.measure == Measure::Server).collect::<Vec<_>>()[..]
        else {
            panic!("{table}");
        };
        assert_eq!((row.1.asked, row.1.times.count()), (FLOWS.into(), FLOWS.into()), "{table}");
        assert_eq!((row.1.times.least(), row.1.times.most()), (Some(2_000_000), Some(2_000_000)));
    }
}
