//! When devices were heard and when they were not: each finding of silence on a capture made here, and its twins in which
//! nothing is to be told.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use igorscope::anonymize::Anonymizer;
use igorscope::finding::{Standings, State};
use igorscope::inventory::{Inventory, InventoryFlags};
use igorscope::policy::{Policy, Severity};
use igorscope::survey::{Options, Progress, Source, Survey, in_order, observe, run};
use proptest::prelude::*;

use crate::command::sample;
use crate::mirror::{End, Mirror, host};
use crate::reading::of_kind;
use crate::skips::{is_there, skipped};
use crate::tools::tshark;
use crate::traffic::file::{Record, Tape};
use crate::traffic::frame::{self, Mac};
use crate::traffic::payload::link;
use crate::traffic::site::START;
use crate::traffic::wire::{MILLI, SECOND};

pub(crate) const GATEWAY: [u8; 4] = [10, 20, 0, 10];

pub(crate) fn options() -> Options {
    let flags = InventoryFlags {
        gateway: vec!["10.20.0.10".into()],
        node: vec!["10.20.0.101-10.20.1.199".into()],
        ..InventoryFlags::default()
    };
    let mut options = Options::new(Policy::embedded(), Arc::new(Inventory::load(None, &flags).expect("sound flags")));
    options.reading.limits.health = true;
    options
}

pub(crate) fn mac([.., third, low]: [u8; 4]) -> Mac {
    [0x02, 0x49, 0x67, 0, third, low]
}

/// A port of the host with an address.
fn end(address: [u8; 4], port: u16) -> End {
    (host(mac(address), address), port)
}

impl Mirror {
    pub(crate) fn packet(&mut self, at: u64, from: [u8; 4], to: [u8; 4]) {
        self.message(at, from, to, b"x");
    }

    pub(crate) fn message(&mut self, at: u64, from: [u8; 4], to: [u8; 4], message: &[u8]) {
        self.udp(at, end(from, 5683), end(to, 5683), message);
        // The second floor has a VLAN of its own.
        if from[2] == 1 || to[2] == 1 {
            self.tape.records.last_mut().expect("the message").tag(31);
        }
    }

    /// A host asks another's CoAP server from a port, and is answered.
    fn question(&mut self, at: u64, from: [u8; 4], to: [u8; 4], port: u16) {
        let [client, server] = [end(from, port), end(to, 5683)];
        self.udp(at, client, server, b"\x40\x01\0\x01");
        self.udp(at + MILLI, server, client, b"\x60\x45\0\x01");
    }

    /// The gateway asks a node every so many milliseconds in seconds `from` to `to`, and it answers but in those of `silent`.
    pub(crate) fn asked(&mut self, node: [u8; 4], every: u64, (from, to): (u64, u64), silent: &[(u64, u64)]) {
        let late = u64::from(node[3]) * MILLI + u64::from(node[2]) * 300 * MILLI;
        let mut at = from * SECOND + late;
        while at < to * SECOND {
            self.packet(at, GATEWAY, node);
            if !silent.iter().any(|(from, to)| (from * SECOND..to * SECOND).contains(&(at - late))) {
                self.packet(at + MILLI, node, GATEWAY);
            }
            at += every * MILLI;
        }
    }

    pub(crate) fn write(mut self, folder: &Path, name: &str) -> Source {
        self.tape.sort();
        capture(folder, name, &self.tape)
    }

    pub(crate) fn by_floor(self) -> Survey {
        let folder = tempfile::tempdir().expect("a folder");
        judged(vec![self.write(folder.path(), "made.pcap")])
    }
}

pub(crate) fn judged(sources: Vec<Source>) -> Survey {
    run(&in_order(sources), &options(), &Progress::default()).expect("captures that can be read")
}

pub(crate) const fn node(low: u8) -> [u8; 4] {
    [10, 20, 0, 100 + low]
}

/// Of the second floor.
pub(crate) const fn upstairs(low: u8) -> [u8; 4] {
    [10, 20, 1, 100 + low]
}

/// Findings of silence: kind, how much it matters, whom it is about, what is said.
pub(crate) fn told(survey: &Survey) -> Vec<(&'static str, Severity, String, String)> {
    let told = ["silent-together", "went-silent"].into_iter().flat_map(|kind| of_kind(survey, kind));
    told.map(|one| (one.kind.name(), one.severity, one.words.client.clone(), one.words.detail.clone())).collect()
}

#[test]
fn an_outage_is_told_with_its_times() {
    let mut seen = Mirror::default();
    seen.asked(node(1), 2000, (0, 900), &[(300, 418)]);
    seen.asked(node(2), 2000, (0, 900), &[]);
    let survey = seen.by_floor();
    let told = told(&survey);
    assert_eq!(told.len(), 1, "{told:?}");
    let (kind, severity, client, detail) = &told[0];
    assert_eq!((*kind, *severity, &**client), ("went-silent", Severity::Warning, "10.20.0.101"));
    assert!(
        detail.contains(
            "10.20.0.101 is heard every 2 s or sooner; it went silent once from 2026-03-17T08:04:58Z to 2026-03-17T08:06:58Z, \
             for 2 minutes, though it was asked meanwhile."
        ),
        "{detail}"
    );
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let state = |address: [u8; 4]| standings.get(survey.hosts.find(address.into()).expect("a host")).state;
    assert_ne!(state(node(1)), State::Silent, "it came back");
}

#[test]
fn a_device_that_does_not_come_back_is_silent() {
    let mut seen = Mirror::default();
    seen.asked(node(1), 2000, (0, 900), &[(700, 900)]);
    seen.asked(node(2), 2000, (0, 900), &[]);
    let survey = seen.by_floor();
    let found = of_kind(&survey, "went-silent");
    assert_eq!((found.len(), &*found[0].words.client), (1, "10.20.0.101"));
    found[0].says(&["it went silent once at 2026-03-17T08:11:38Z, and was not heard again until the capture ended"]);
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let device = survey.hosts.find(IpAddr::from(node(1))).expect("a host");
    assert_eq!(standings.get(device).state, State::Silent);
}

#[test]
fn what_is_usual_is_not_told() {
    // Bursts every ten minutes, of a few seconds and of a minute.
    for length in [3, 60] {
        let mut seen = Mirror::default();
        seen.asked(node(2), 2000, (0, 7200), &[]);
        for burst in 0..12 {
            seen.asked(node(1), 500, (burst * 600, burst * 600 + length), &[]);
        }
        assert_eq!(told(&seen.by_floor()), []);
    }
    // Heard too seldom to say what is usual.
    let mut seen = Mirror::default();
    seen.asked(node(2), 2000, (0, 900), &[]);
    seen.asked(node(1), 2000, (0, 20), &[]);
    seen.asked(node(1), 2000, (880, 900), &[]);
    assert_eq!(told(&seen.by_floor()), []);
}

/// Nodes that ask the gateway each five seconds, and are answered, until they have what they want; or for as long as what follows.
#[test]
fn who_asked_until_it_was_answered_is_not_silent() {
    let of = |begin: u64, until: u64| {
        let mut seen = Mirror::default();
        seen.asked(node(9), 2000, (0, 2400), &[]);
        for low in 1..=6 {
            for step in begin / 5..until / 5 {
                let at = step * 5 * SECOND + u64::from(low) * MILLI;
                seen.question(at, node(low), GATEWAY, 40_000);
            }
        }
        told(&seen.by_floor()).into_iter().map(|(kind, ..)| kind).collect::<Vec<_>>()
    };
    assert_eq!(of(60, 600), [""; 0]);
    assert_eq!(of(60, 1200), ["silent-together"]);
    assert_eq!(of(0, 540), ["silent-together"], "they may have asked all day");
}

#[test]
fn a_pause_of_the_capture_is_none_of_its_devices() {
    let mut seen = Mirror::default();
    for low in 1..=5 {
        seen.asked(node(low), 2000, (0, 300), &[]);
        seen.asked(node(low), 2000, (500, 800), &[]);
    }
    assert_eq!(told(&seen.by_floor()), []);
    // Two files with an hour between them, and many of a minute each, with more pauses than are kept.
    for (length, every, number) in [(300, 3900, 2), (60, 360, 40)] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |at: u64| {
            let mut seen = Mirror::default();
            (1..=5).for_each(|low| seen.asked(node(low), 2000, (at * every, at * every + length), &[]));
            seen.write(folder.path(), &format!("part-{at}.pcap"))
        };
        assert_eq!(told(&judged((0..number).map(file).collect())), []);
    }
}

#[test]
fn another_address_of_the_device_is_heard() {
    let mut seen = Mirror::default();
    seen.asked(node(2), 2000, (0, 900), &[]);
    seen.asked(node(1), 2000, (0, 600), &[]);
    // By DHCP it has another address since.
    let flags = InventoryFlags {
        gateway: vec!["10.20.0.10".into()],
        node: vec!["02:49:67:00:00".into()],
        ..InventoryFlags::default()
    };
    for step in 0..150 {
        let before = seen.tape.records.len();
        seen.packet((600 + step * 2) * SECOND, node(77), GATEWAY);
        let Record { frame, .. } = &mut seen.tape.records[before];
        frame[6..12].copy_from_slice(&mac(node(1)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let source = seen.write(folder.path(), "made.pcap");
    let mut options = options();
    options.inventory = Arc::new(Inventory::load(None, &flags).expect("sound flags"));
    let survey = run(&[source], &options, &Progress::default()).expect("a capture that can be read");
    let [old, new] = [node(1), node(77)].map(|one| survey.hosts.find(IpAddr::from(one)).expect("a host"));
    assert_eq!(survey.hosts.device_of(old), survey.hosts.device_of(new), "one device");
    assert_eq!(told(&survey), []);
}

/// Twenty nodes and their gateway; five of them, upstairs, are silent at one moment, another one at a time of its own.
pub(crate) fn site() -> Mirror {
    let mut seen = Mirror::default();
    for low in 1..=15 {
        let silent: &[(u64, u64)] = if low == 3 { &[(100, 160)] } else { &[] };
        seen.asked(node(low), 2000, (0, 900), silent);
    }
    for low in 1..=5 {
        seen.asked(upstairs(low), 2000, (0, 900), &[(400, 460 + u64::from(low) * 4)]);
    }
    seen
}

/// A capture at the port of each node upstairs: the switch and the node tell of themselves.
fn at_the_ports(folder: &Path) -> Vec<Source> {
    let port = |low: u8| {
        let mut seen = Mirror::default();
        let switch = [2, 0x53, 0x57, 0, 0, 7];
        let mut unit = link::lldp(switch, &format!("Gi1/0/{low}"), "switch-upstairs");
        unit.truncate(unit.len() - 2);
        unit.extend([7 << 1, 4, 0, 4, 0, 4, 0, 0]);
        let own = link::lldp(mac(upstairs(low)), "1", "node");
        for (at, from, unit) in [(10, switch, &unit), (11, mac(upstairs(low)), &own)] {
            let frame = frame::ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e], from, &[], 0x88cc, unit);
            seen.tape.push(START + at * SECOND, frame);
        }
        seen.write(folder, &format!("port-{low}.pcap"))
    };
    (1..=5).map(port).collect()
}

#[test]
fn devices_that_are_silent_at_one_moment_are_told_with_what_they_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sources = at_the_ports(folder.path());
    sources.push(site().write(folder.path(), "mirror.pcap"));
    let survey = judged(sources);
    let told = told(&survey);
    assert_eq!(told.len(), 2, "{told:?}");
    let (kind, severity, client, detail) = &told[0];
    assert_eq!((*kind, *severity), ("silent-together", Severity::Warning));
    assert_eq!(client, "10.20.1.101;10.20.1.102;10.20.1.103;10.20.1.104;10.20.1.105");
    // From the last answer of the last one to the first answer of the first one; the gateway is a device too.
    assert!(
        detail.contains("5 of 21 devices were silent from 2026-03-17T08:06:38Z to 2026-03-17T08:07:44Z, for 65 s"),
        "{detail}"
    );
    let shared = "They share what not all devices have: VLAN 31, switch switch-upstairs, subnet 10.20.1.0/24.";
    assert!(detail.contains(shared), "{detail}");
    let (kind, _, client, _) = &told[1];
    assert_eq!((*kind, &**client), ("went-silent", "10.20.0.103"));
    let other = Anonymizer::new(&[7; 32], &survey).survey(&survey);
    let told = self::told(&other);
    let words = format!("{told:?}");
    assert!(words.contains("5 of 21 devices were silent") && words.contains("VLAN 31"), "{words}");
    assert!(!words.contains("upstairs") && !words.contains("10.20."), "{words}");
    assert!(
        other.health.rhythms.len() == 21 && other.health.rhythms.keys().all(|one| other.hosts.find(*one).is_some())
    );
}

#[test]
fn losses_of_the_capture_weaken_both() {
    let mut seen = site();
    seen.tape.sort();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lossy.pcapng");
    fs::write(&path, seen.tape.pcapng("", "eth0", "", 7)).expect("a file");
    let told = told(&judged(vec![Source::File(path)]));
    assert_eq!(told.len(), 2);
    for (kind, _, _, detail) in told {
        assert!(detail.contains("It may only not have been captured: 7 packets were lost"), "{kind}: {detail}");
    }
}

#[test]
fn a_policy_says_from_when_on_it_is_told() {
    let told_with = |limits: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let source = site().write(folder.path(), "made.pcap");
        let text = format!("extends = \"igor\"\n[health]\n{limits}\n");
        let policy = Policy::parse(&text, Path::new("site.toml")).expect("a policy");
        let options = Options { policy, ..options() };
        let survey = run(&[source], &options, &Progress::default()).expect("a capture that can be read");
        told(&survey).into_iter().map(|(kind, _, client, _)| (kind, client)).collect::<Vec<_>>()
    };
    let five = "10.20.1.101;10.20.1.102;10.20.1.103;10.20.1.104;10.20.1.105";
    assert_eq!(told_with("silent_seconds = 64"), [("silent-together", five.to_owned())]);
    assert_eq!(told_with("silent_seconds = 100"), []);
    assert_eq!(told_with("silent_times = 50"), []);
    assert_eq!(told_with("samples = 1000"), []);
    let apart = told_with("silent_together = 6");
    assert_eq!(
        apart,
        [("went-silent", "10.20.0.103;10.20.1.101;10.20.1.102;10.20.1.103;10.20.1.104;and 1 more".into())]
    );
}

#[test]
fn the_samples_tell_of_no_silence() {
    for path in igorscope::capture::find_captures(&[sample("")]).captures {
        assert_eq!(told(&judged(vec![Source::File(path.clone())])), [], "{}", path.display());
    }
}

#[test]
fn states_that_overlap_say_that_nothing_is_known_and_captures_are_read_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let half = |odd: bool| {
        let mut seen = site();
        let is_of = |record: &Record| (record.frame.iter().map(|byte| u64::from(*byte)).sum::<u64>() % 2 == 1) == odd;
        seen.tape.records.retain(is_of);
        seen.write(folder.path(), if odd { "odd.pcap" } else { "even.pcap" })
    };
    let halves = vec![half(false), half(true)];
    let whole = judged(vec![site().write(folder.path(), "whole.pcap")]);
    assert_eq!(told(&judged(halves.clone())), told(&whole));
    let states = halves.iter().zip(["even.igstate", "odd.igstate"]);
    let states = states.flat_map(|(half, name)| state(&folder.path().join(name), half.clone()));
    let survey = judged(states.collect());
    assert_eq!(told(&survey), []);
    let is_told = |text: &str| text.contains("senders, several inputs tell of the same time: when devices went silent");
    assert!(survey.caveats.iter().any(|caveat| caveat.kind == "health-overlap" && is_told(&caveat.text)));
}

/// A capture of what is on a tape.
pub(crate) fn capture(folder: &Path, name: &str, tape: &Tape) -> Source {
    let path = folder.join(name);
    fs::write(&path, tape.pcap()).expect("a file");
    Source::File(path)
}

/// A tape cut at some milliseconds since its beginning, the last part first; of each part `kept` says whether it is a state.
fn parts(folder: &Path, tape: &Tape, mut cuts: Vec<u64>, kept: [bool; 6]) -> Vec<Source> {
    cuts.extend([0, 10_000_000]);
    cuts.sort_unstable();
    let mut sources = Vec::new();
    for (number, range) in cuts.windows(2).enumerate() {
        let within = START + range[0] * MILLI..START + range[1] * MILLI;
        let mut part = Tape::default();
        part.records.extend(tape.records.iter().filter(|record| within.contains(&record.time)).cloned());
        if part.records.is_empty() {
            continue;
        }
        part.sort();
        let source = capture(folder, &format!("part-{number}.pcap"), &part);
        if kept[number % kept.len()] {
            sources.extend(state(&folder.join(format!("part-{number}.igstate")), source));
        } else {
            sources.push(source);
        }
    }
    sources.reverse();
    sources
}

/// The surveys of a tape as a whole and of its [`parts`].
pub(crate) fn whole_and_parts(tape: &Tape, cuts: Vec<u64>, kept: [bool; 6]) -> [Survey; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let mut whole = tape.clone();
    whole.sort();
    [vec![capture(folder.path(), "whole.pcap", &whole)], parts(folder.path(), tape, cuts, kept)].map(judged)
}

/// A state of one source.
pub(crate) fn state(path: &Path, source: Source) -> Vec<Source> {
    let mut file = Vec::new();
    observe(&[source], &options().reading, &Progress::default(), || None, &mut file).expect("a state");
    fs::write(path, file).expect("a file");
    Source::of_state(path.to_owned())
}

/// First and last time and the longest pauses of each sender are those of tshark's frame times.
#[test]
fn pauses_are_those_of_tshark() {
    if !is_there("tshark") {
        return skipped("tshark is needed to know when hosts were heard");
    }
    for file in ["site-survey.pcapng", "first-questions.pcapng", "visit.pcap", "real-blocked.pcap"] {
        let text = tshark(&sample(file), &["-E", "occurrence=f"], &["frame.time_epoch", "ip.src", "ipv6.src"]);
        let mut times: BTreeMap<IpAddr, Vec<i64>> = BTreeMap::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let time = fields.next().unwrap_or_default().replace('.', "").parse().expect("nanoseconds");
            let source = fields.find(|field| !field.is_empty()).and_then(|field| field.parse::<IpAddr>().ok());
            if let Some(source) = source.filter(|source| !source.is_unspecified()) {
                times.entry(source).or_default().push(time);
            }
        }
        let survey = judged(vec![Source::File(sample(file))]);
        assert!(survey.health.rhythms.keys().eq(times.keys()), "{file}");
        for (source, mut times) in times {
            let (rhythm, first) = (&survey.health.rhythms[&source], times[0]);
            // A packet that is late adds nothing.
            let mut last = i64::MIN;
            times.retain(|time| {
                let is_later = *time > last;
                last = last.max(*time);
                is_later
            });
            assert_eq!([rhythm.first(), rhythm.last()].map(|time| time.raw()), [first, last], "{file}: {source}");
            let mut pauses: Vec<(i64, i64)> = times.windows(2).map(|two| (two[0] - two[1], two[0])).collect();
            pauses.retain(|(length, _)| *length <= -1_000_000_000);
            pauses.sort_unstable();
            pauses.truncate(16);
            let ours = rhythm.longest().iter().map(|pause| (-(pause.length() as i64), pause.start.raw()));
            assert_eq!(ours.collect::<Vec<_>>(), pauses, "{file}: {source}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it is cut in time, into states and captures.
    #[test]
    fn parts_tell_what_the_whole_tells(cuts in prop::collection::vec(0..920_000_u64, 1..6), kept in any::<[bool; 6]>()) {
        let [whole, parts] = whole_and_parts(&site().tape, cuts, kept).map(|survey| told(&survey));
        prop_assert_eq!(whole.len(), 2);
        prop_assert_eq!(parts, whole);
    }
}
