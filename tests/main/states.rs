//! A state takes the place of its captures: judged, it gives the bytes that they give, however they were cut and mixed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use igorscope::policy::Policy;
use igorscope::report::json::write_survey;
use igorscope::report::{self, HtmlOptions, Names};
use igorscope::state::{self, Unpack};
use igorscope::survey::{Options, Progress, Source, Survey, in_order, observe, run};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use crate::command::{self, folder, igorscope, sample};
use crate::corpus;
use crate::reading;
use crate::splits::{SAMPLES, direction, frames, marks, pcap};
use crate::traffic::file::Record;

pub(crate) fn options(threads: usize, flows: Option<usize>) -> Options {
    let mut options = Options::new(Policy::embedded(), Arc::new(reading::site()));
    options.reading.threads = threads.try_into().unwrap();
    options.reading.limits.flows = flows.unwrap_or(options.reading.limits.flows);
    options.reading.limits.health = true;
    options
}

/// A state of some sources.
pub(crate) fn state_of(sources: &[Source], options: &Options) -> Vec<u8> {
    let mut file = Vec::new();
    let heads =
        observe(&in_order(sources.to_vec()), &options.reading, &Progress::default(), || None, &mut file).unwrap();
    assert!(heads.iter().all(Result::is_ok));
    file
}

/// The same in a file, as the sources that it holds.
fn observed(path: PathBuf, sources: &[Source], options: &Options) -> Vec<Source> {
    fs::write(&path, state_of(sources, options)).unwrap();
    Source::of_state(path)
}

/// All files of a report.
fn files(survey: &Survey) -> Vec<(&'static str, String)> {
    let names = Names::of(survey);
    let html = HtmlOptions { zone: TimeZone::UTC, command: Vec::new(), rendered: String::new() };
    let file = |name, write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        (name, String::from_utf8(bytes).unwrap())
    };
    vec![
        file("findings.csv", &|out| report::write_findings(out, survey, &names)),
        file("coverage.csv", &|out| report::write_coverage(out, survey, &names)),
        file("nodes.csv", &|out| report::write_nodes(out, survey, &names)),
        file("health.csv", &|out| report::write_health(out, survey)),
        file("transfers.csv", &|out| report::write_transfers(out, survey)),
        file("inventory.csv", &|out| report::write_inventory(out, survey, 1)),
        file("flows.csv", &|out| report::write_flows(out, survey, &names, 1)),
        file("survey.json", &|out| write_survey(out, survey, &names, None, 1)),
        file("report.html", &|out| report::write_html(out, survey, &names, &html)),
    ]
}

pub(crate) fn judged(sources: &[Source], options: &Options) -> Vec<(&'static str, String)> {
    files(&run(&in_order(sources.to_vec()), options, &Progress::default()).unwrap())
}

/// All that does not hang on the order of single messages: states that overlap in time, and those of version 1, tell
/// nothing of it (docs/health.md).
pub(crate) fn but_health(files: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    const OF_DEVICES: [&str; 6] =
        ["answers", "answer_median_s", "answer_p95_s", "asked_again", "segments_sent", "segments_retransmitted"];
    let told = files.into_iter().filter(|(name, _)| !matches!(*name, "health.csv" | "transfers.csv" | "report.html"));
    // The last columns of nodes.csv are sums of health.csv.
    let nodes = |text: String| {
        assert!(text.lines().next().unwrap().ends_with(&OF_DEVICES.join(",")));
        text.lines().map(|line| line.rsplitn(7, ',').last().unwrap().to_owned() + "\n").collect::<String>()
    };
    let json = |text: String| {
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["health"].take();
        value.as_object_mut().unwrap().remove("transfers");
        for node in value["nodes"].as_array_mut().unwrap() {
            OF_DEVICES.iter().for_each(|column| drop(node.as_object_mut().unwrap().remove(*column)));
        }
        value["caveats"]
            .as_array_mut()
            .unwrap()
            .retain(|caveat| !caveat["kind"].as_str().unwrap().starts_with("health"));
        value.to_string()
    };
    let stripped = |(name, text)| match name {
        "survey.json" => (name, json(text)),
        "nodes.csv" => (name, nodes(text)),
        _ => (name, text),
    };
    told.map(stripped).collect()
}

/// How parts are kept: each as a capture, as a state of its own, or in one state with others.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Capture,
    Alone,
    Together,
    /// First alone, and then the states in one.
    Merged,
}

/// The first file in which the parts differ from their captures, if they are kept in such ways.
fn difference(
    frames: &[Record],
    part_of: &dyn Fn(usize) -> usize,
    (kept, in_time): (&[Kept], bool),
    (observe_with, judge_with): (&Options, &Options),
) -> Option<(&'static str, String, String)> {
    let mut parts: BTreeMap<usize, Vec<&Record>> = BTreeMap::new();
    for (at, frame) in frames.iter().enumerate() {
        parts.entry(part_of(at)).or_default().push(frame);
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut captures, mut mixed, mut together, mut merged) = (vec![], vec![], vec![], vec![]);
    for (part, frames) in parts {
        let capture = folder.path().join(format!("part-{part}.pcap"));
        fs::write(&capture, pcap(frames)).unwrap();
        let source = Source::File(capture.clone());
        captures.push(source.clone());
        let state = |source: Source| observed(capture.with_extension("igstate"), &[source], observe_with);
        match kept[part % kept.len()] {
            Kept::Capture => mixed.push(source),
            Kept::Alone => mixed.extend(state(source)),
            Kept::Together => together.push(source),
            Kept::Merged => merged.extend(state(source)),
        }
    }
    for (name, sources) in [("together", together), ("merged", merged)] {
        if !sources.is_empty() {
            mixed.extend(observed(folder.path().join(name), &sources, observe_with));
        }
    }
    mixed.reverse();
    let [mut a, mut b] = [judged(&captures, judge_with), judged(&mixed, judge_with)];
    if !in_time {
        (a, b) = (but_health(a), but_health(b));
    }
    a.into_iter().zip(b).find(|(a, b)| a != b).map(|(a, b)| {
        let lines = a.1.lines().zip(b.1.lines()).find(|(a, b)| a != b).unwrap_or_default();
        (a.0, lines.0.to_owned(), lines.1.to_owned())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The law, end to end: parts cut by time, direction, VLAN or at random, observed each on its own or together, mixed and
    /// shuffled, give the bytes that their captures give, at a limit too.
    #[test]
    fn parts_as_states_are_judged_as_their_captures(
        name in prop::sample::select(SAMPLES.to_vec()),
        cut in 0..4_u8,
        seed in any::<u64>(),
        parts in 2..6_u64,
        kept in prop::collection::vec(prop::sample::select(vec![Kept::Capture, Kept::Alone, Kept::Together, Kept::Merged]), 1..5),
        threads in (1..3_usize, 1..3_usize),
        flows in prop::option::weighted(0.3, 1..200_usize),
    ) {
        let frames = frames(name);
        let count = frames.len() as u64;
        let part = |at: usize| match cut {
            0 => (at as u64 * parts / count) as usize,
            1 => direction(&frames[at]),
            2 => usize::from(marks(&frames[at]).1),
            _ => (((at as u64).wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % parts) as usize,
        };
        let (observe_with, judge_with) = (options(threads.0, flows), options(threads.1, flows));
        prop_assert_eq!(difference(&frames, &part, (&kept, cut == 0), (&observe_with, &judge_with)), None);
    }
}

#[test]
fn at_the_limit_of_a_state_the_survey_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let capture = [Source::File(sample("site-survey.pcapng"))];
    let small = observed(folder.path().join("small.igstate"), &capture, &options(1, Some(20)));
    let survey = run(&small, &options(1, None), &Progress::default()).unwrap();
    assert!(survey.caveats.iter().any(|caveat| caveat.kind == "flow-limit"));
    assert_eq!(survey.limits.flows, 20);
    let all = observed(folder.path().join("all.igstate"), &capture, &options(1, None));
    let survey = run(&all, &options(1, Some(20)), &Progress::default()).unwrap();
    assert!(survey.caveats.iter().any(|caveat| caveat.kind == "flow-limit"));
}

/// Every capture by itself, of the samples and of the corpus: damaged, odd and empty ones too.
#[test]
fn every_capture_is_the_same_as_a_state() {
    let mut captures: Vec<PathBuf> = vec![sample("")];
    captures.extend(corpus::folder());
    let captures = igorscope::capture::find_captures(&captures).captures;
    assert!(captures.len() > 10);
    let folder = tempfile::tempdir().unwrap();
    for capture in captures {
        let options = options(1, None);
        let source = [Source::File(capture.clone())];
        let states = observed(folder.path().join("one.igstate"), &source, &options);
        for (as_capture, as_state) in judged(&source, &options).into_iter().zip(judged(&states, &options)) {
            assert!(as_capture == as_state, "{}: {} differs", capture.display(), as_capture.0);
        }
    }
}

/// Whatever the number of threads, and however often.
#[test]
fn the_same_captures_are_the_same_state() {
    let sources: Vec<Source> =
        ["site-survey.pcapng", "visit.pcap", "first-questions.pcapng"].map(|name| Source::File(sample(name))).to_vec();
    let first = state_of(&sources, &options(1, None));
    assert!(first == state_of(&sources, &options(3, None)));
}

fn observe_to(state: &Path, captures: &[&Path]) {
    let run = igorscope().arg("observe").args(captures).arg("-o").arg(state).output().unwrap();
    command::Run::of(run).expect(0, &[]);
}

/// All files in a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = command::entries(folder, "").into_iter();
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

#[test]
fn the_program_writes_the_same_files_of_states_as_of_captures() {
    let folder = folder(&[]);
    let at = |name: &str| folder.path().join(name);
    let (a, b) = (sample("site-survey.pcapng"), sample("visit.pcap"));
    observe_to(&at("a.igstate"), &[&a]);
    observe_to(&at("b.igstate"), &[&b]);
    // Into the same folder each time, which the summary names.
    let (inventory, output) = (sample("site-survey.toml"), at("report"));
    let analyze = |inputs: [&Path; 2]| {
        let [one, other] = inputs;
        let run = command::run_with(&[&"analyze", &"-q", &"--inventory", &inventory, &"-o", &output, &one, &other]);
        let written = (run.expect(0, &[]).out, contents(&output));
        fs::remove_dir_all(&output).unwrap();
        written
    };
    let captures = analyze([&a, &b]);
    assert_eq!(captures.1.len(), 8);
    assert!(captures == analyze([&at("a.igstate"), &at("b.igstate")]));
    assert!(captures == analyze([&a, &at("b.igstate")]));
    let state = at("a.igstate");
    let explained = |source: &Path| command::run(["explain", "1", source.to_str().unwrap()]).expect(0, &[]).out;
    assert_eq!(explained(&a), explained(&state));
    let inferred = |source: &Path| command::run(["inventory", "infer", source.to_str().unwrap()]).expect(0, &[]).out;
    assert_eq!(inferred(&a), inferred(&state));
}

#[test]
fn what_a_state_cannot_give_is_refused_with_the_way_that_can() {
    let folder = folder(&[]);
    let state = folder.path().join("a.igstate");
    observe_to(&state, &[&sample("visit.pcap")]);
    let state = state.to_str().unwrap();
    let evidence = folder.path().join("evidence.pcapng");
    let words = ["is a state, which holds no frames", "name the captures"];
    command::run(["analyze", state, "--evidence", evidence.to_str().unwrap()]).expect(2, &words);
    assert!(!evidence.exists());
    command::run(["analyze", state, "--count", "5"]).expect(2, &words);
    // On Windows filters come of Npcap, and where it is not installed, that is said first.
    if cfg!(all(feature = "live", not(windows))) {
        command::run(["analyze", state, "--filter", "udp"]).expect(2, &words);
    }
}

#[test]
fn the_same_capture_twice_is_refused_whatever_it_is_called() {
    let bytes = fs::read(sample("visit.pcap")).unwrap();
    let packed = zstd::encode_all(&bytes[..], 1).unwrap();
    let folder = folder(&[("a.pcap", &bytes), ("b.pcap", &bytes), ("c.pcap.zst", &packed)]);
    let at = |name: &str| folder.path().join(name);
    for name in ["a", "b"] {
        observe_to(&at(&format!("{name}.igstate")), &[&at(&format!("{name}.pcap"))]);
    }
    observe_to(&at("c.igstate"), &[&at("c.pcap.zst")]);
    for pair in
        [["a.igstate", "b.igstate"], ["a.igstate", "a.pcap"], ["b.pcap", "c.igstate"], ["a.igstate", "c.igstate"]]
    {
        let [one, other] = pair.map(|name| at(name).to_string_lossy().into_owned());
        let run = command::run(["analyze", "-q", &one, &other]).expect(2, &["is the same capture as", "name it once"]);
        assert_eq!(run.out, "");
        if pair[1] != "a.pcap" && pair[0] != "b.pcap" {
            let output = at("out.igstate").to_string_lossy().into_owned();
            command::run(["observe", "-q", &one, &other, "-o", &output]).expect(2, &["is the same capture as"]);
            assert!(!Path::new(&output).exists());
        }
    }
}

#[test]
fn captures_that_overlap_are_told() {
    let frames = frames("site-survey.pcapng");
    let folder = folder(&[("whole.pcap", &pcap(&frames)), ("half.pcap", &pcap(&frames[..frames.len() / 2]))]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    command::run(["observe", &at("whole.pcap"), "-o", &at("whole.igstate")]).expect(0, &[]);
    command::run(["analyze", &at("whole.igstate"), &at("half.pcap")]).expect(0, &["begins with the same frames as"]);
}

#[test]
fn a_state_that_is_damaged_is_named_with_what_is_wrong() {
    let folder = folder(&[]);
    let state = folder.path().join("a.igstate");
    observe_to(&state, &[&sample("visit.pcap")]);
    let whole = fs::read(&state).unwrap();
    let mut newer = whole.clone();
    newer[10] = 77;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let cases = [
        (whole[..whole.len() - 1].to_vec(), "it is cut"),
        (flipped, "does not match its checksum"),
        (newer, "version 77"),
        (whole[..5].to_vec(), "is not a packet capture"),
    ];
    for (bytes, words) in cases {
        fs::write(&state, bytes).unwrap();
        let state = state.to_str().unwrap();
        command::run(["analyze", state]).expect(2, &["a.igstate", words]);
        // One bad input of several: the rest is judged, and the survey names it.
        let run = command::run(["analyze", state, sample("site-survey.pcapng").to_str().unwrap()]);
        run.expect(3, &["a.igstate", words]);
    }
}

/// The sections of a state, each with its head and body.
pub(crate) fn sections(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let folder = folder(&[("a.igstate", bytes)]);
    let path = folder.path().join("a.igstate");
    let unpack = |(head, section): (Vec<u8>, state::Section)| {
        let mut blocks = state::Blocks::open(&path, &section).unwrap();
        let mut body = Vec::new();
        while let Some(block) = blocks.unpack_next().unwrap() {
            body.extend(block);
        }
        (head, body)
    };
    state::sections(&path).unwrap().into_iter().map(unpack).collect()
}

/// A state of such sections, whose checksums are right whatever is in them.
fn packed(sections: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut writer = state::Writer::begin(Vec::new()).unwrap();
    for (head, body) in sections {
        let mut packer = writer.section(head).unwrap();
        packer.body().extend(body);
        packer.finish().unwrap();
    }
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A stranger may write what he likes: it is refused, or read as something that can be judged.
    #[test]
    fn a_forged_state_is_refused_or_judged(
        name in prop::sample::select(vec!["site-survey.pcapng", "first-questions.pcapng", "real-tftp-hpa.pcap", "vxlan-mirror.pcap"]),
        in_head in prop::bool::weighted(0.1),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let options = options(1, None);
        let state = state_of(&[Source::File(sample(name))], &options);
        let mut all = sections(&state);
        let bytes = if in_head { &mut all[0].0 } else { &mut all[0].1 };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let folder = folder(&[("forged.igstate", &packed(&all))]);
        let sources = Source::of_state(folder.path().join("forged.igstate"));
        if let Ok(survey) = run(&sources, &options, &Progress::default()) {
            files(&survey);
        }
        // And beside what it was made of, to which it adds.
        let both = [&sources[..], &[Source::File(sample(name))]].concat();
        files(&run(&in_order(both), &options, &Progress::default()).unwrap());
    }
}

#[test]
fn states_merge_to_one_and_a_bad_one_fails_it() {
    let folder = folder(&[]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (a, b) = (sample("site-survey.pcapng"), sample("visit.pcap"));
    observe_to(Path::new(&at("a.igstate")), &[&a]);
    observe_to(Path::new(&at("b.igstate")), &[&b]);
    command::run(["merge", &at("a.igstate"), &at("b.igstate"), "-o", &at("all.igstate")]).expect(0, &[]);
    observe_to(Path::new(&at("both.igstate")), &[&b, &a]);
    assert!(fs::read(at("all.igstate")).unwrap() == fs::read(at("both.igstate")).unwrap());
    let analyze =
        |inputs: &[&str]| command::run(["analyze", "--format", "json"].iter().chain(inputs)).expect(0, &[]).out;
    assert!(analyze(&[&at("all.igstate")]) == analyze(&[a.to_str().unwrap(), b.to_str().unwrap()]));

    command::run(["merge", &at("a.igstate"), &at("b.igstate")]).expect(2, &["-o FILE.igstate"]);
    command::run(["merge", &at("a.igstate"), a.to_str().unwrap(), "-o", &at("x")]).expect(2, &["is no state"]);
    let mut bytes = fs::read(at("b.igstate")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(at("bad.igstate"), bytes).unwrap();
    command::run(["merge", &at("a.igstate"), &at("bad.igstate"), "-o", &at("x")])
        .expect(2, &["bad.igstate", "checksum"]);
    assert!(!Path::new(&at("x")).exists());
}

#[test]
fn what_a_stranger_writes_into_a_state_reaches_nobody_unescaped() {
    // The damage of a capture is told in words that a state holds; its reason is of the same length.
    let bytes = fs::read(sample("cut-file.pcapng")).unwrap();
    let folder = folder(&[("a.pcapng", &bytes)]);
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let run = igorscope().args(["observe", &at("a.pcapng"), "-o", &at("a.igstate")]).output().unwrap();
    command::Run::of(run).expect(3, &["a.pcapng is damaged"]);
    let mut all = sections(&fs::read(at("a.igstate")).unwrap());
    for (word, forged) in [(&b"file ends"[..], &b"\x1b[31m<b>x"[..]), (b"a.pcapng", b"\x1b<i>=x()")] {
        let head = &mut all[0].0;
        let place = head.windows(word.len()).position(|bytes| bytes == word).unwrap();
        head[place..place + word.len()].copy_from_slice(&forged[..word.len()]);
    }
    fs::write(at("forged.igstate"), packed(&all)).unwrap();
    let run =
        command::run(["analyze", "-v", &at("forged.igstate"), "-o", &at("report")]).expect(3, &["damaged at byte"]);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'));
    for (name, bytes) in contents(&folder.path().join("report")) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains('\x1b'), "{name}");
        assert!(!name.ends_with(".html") || !text.contains("<b>x") && !text.contains("<i>=x"), "{name}");
    }
}

#[test]
fn report_takes_states_as_analyze_does() {
    let out = folder(&[]);
    let path = |name: &str| out.path().join(name).display().to_string();
    let (capture, inventory) = (sample("site-survey.pcapng"), sample("site-survey.toml"));
    let (capture, inventory) = (capture.to_str().unwrap(), inventory.to_str().unwrap());
    command::run(["observe", capture, "-o", &path("site.igstate")]).expect(0, &[]);
    command::run(["report", &path("site.igstate"), "--inventory", inventory, "-o", &path("a")]).expect(0, &[]);
    command::run(["analyze", capture, "--inventory", inventory, "-o", &path("b")]).expect(0, &[]);
    for file in ["flows.csv", "findings.csv", "coverage.csv", "nodes.csv", "inventory.csv", "health.csv"] {
        let [a, b] = ["a", "b"].map(|name| std::fs::read(out.path().join(name).join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    let survey = path("a/survey.json");
    command::run(["report", &survey, "--inventory", inventory]).expect(2, &["was judged already"]);
    command::run(["report", &survey, capture]).expect(2, &["name one survey.json"]);
}

#[test]
fn filters_that_files_name_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let [capture, state] = ["a.pcapng", "a.igstate"].map(|name| folder.path().join(name));
    let mut mirror = crate::mirror::Mirror::default();
    mirror.knock(0, (crate::mirror::node(101), 41_000), (crate::mirror::GATEWAY, 80));
    fs::write(&capture, crate::field::captured_with(&mirror, &[b"\0dst port 80", b""])).unwrap();
    let (options, source) = (options(1, None), vec![Source::File(capture)]);
    let told = |sources: &[Source]| {
        let survey = run(sources, &options, &Progress::default()).unwrap();
        let of_filter = survey.caveats.into_iter().filter(|caveat| caveat.kind == "filtered");
        of_filter.map(|caveat| caveat.text).collect::<Vec<_>>()
    };
    let of_capture = told(&source);
    assert_eq!(of_capture.len(), 1);
    assert_eq!(told(&observed(state, &source, &options)), of_capture);
}
