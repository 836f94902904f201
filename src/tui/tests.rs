//! Each tab as it is drawn, of the sample site survey; and what keys do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::answers::{Answers, by_peer};
use super::list::{List, window};
use super::{Action, Snapshot, Snapshots, Tab, Theme, View, draw};
use crate::capture::live::LiveInterface;
use crate::capture::{LinkType, Outages, Timestamp};
use crate::health::Measure;
use crate::inventory::{Inventory, InventoryFlags};
use crate::live::{Status, Tick};
use crate::policy::Policy;
use crate::report::fixture::FindingText;
use crate::survey::{Options, Progress, Source, Survey, run};

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

fn survey(inventory: &Arc<Inventory>) -> Survey {
    survey_by(Options::new(Policy::embedded(), Arc::clone(inventory)))
}

/// As with `--health`.
fn measured(inventory: &Arc<Inventory>) -> Survey {
    let mut options = Options::new(Policy::embedded(), Arc::clone(inventory));
    options.reading.limits.health = true;
    survey_by(options)
}

fn survey_by(options: Options) -> Survey {
    let source = Source::File(PathBuf::from("captures/site-survey.pcapng"));
    run(&[source], &options, &Progress::default()).unwrap()
}

fn inventory() -> Arc<Inventory> {
    // A node that is declared and never speaks.
    let flags = InventoryFlags { node: vec!["10.20.0.150".into()], ..InventoryFlags::default() };
    Arc::new(Inventory::load(Some(Path::new("captures/site-survey.toml")), &flags).unwrap())
}

fn status(second: u64, frames: u64) -> Status {
    let interface = LiveInterface {
        name: "eth1".into(),
        link: LinkType::ETHERNET,
        snap_len: 262_144,
        received: frames + 17,
        kernel_dropped: 17,
        interface_dropped: 0,
        ended: None,
        outages: Outages::default(),
    };
    Status {
        elapsed: Duration::from_secs(second),
        frames,
        wire_bytes: frames * 311,
        interfaces: vec![interface],
        recording_failed: None,
    }
}

/// As it stood two minutes after the last packet.
fn snapshot() -> Snapshot {
    let inventory = inventory();
    let mut snapshots = Snapshots::default();
    let last = survey(&inventory).inputs[0].last.nanos().unwrap();
    let now = Timestamp::from_nanos(last + 120_000_000_000);
    let mut frames = 0;
    for second in 1..60 {
        // A wave, so that the bars have a shape.
        frames += 40 + (second % 13) * 20;
        snapshots.rate(&status(second, frames));
    }
    snapshots.take(Tick { status: status(60, frames + 123), survey: survey(&inventory) }, now)
}

fn view_of(snapshot: &Snapshot) -> View {
    let mut view = View::default();
    view.renew(snapshot);
    view
}

fn theme(color: bool) -> Theme {
    Theme { color, zone: jiff::tz::TimeZone::UTC }
}

fn drawn(view: &View, snapshot: Option<&Snapshot>, (width, height): (u16, u16)) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view, &theme(true), snapshot)).unwrap();
    terminal.backend().clone()
}

fn press(view: &mut View, snapshot: &Snapshot, keys: &[KeyCode]) -> Action {
    let press = |key: &KeyCode| view.key(KeyEvent::new(*key, KeyModifiers::NONE), Some(snapshot));
    keys.iter().map(press).last().unwrap_or(Action::None)
}

#[test]
fn every_tab_is_drawn_in_small_and_large() {
    let snapshot = snapshot();
    for size in SIZES {
        for tab in Tab::ALL {
            let mut view = view_of(&snapshot);
            view.go(tab);
            let name = format!("{}_{}x{}", tab.title().to_lowercase(), size.0, size.1);
            insta::assert_snapshot!(name, drawn(&view, Some(&snapshot), size));
        }
    }
}

#[test]
fn details_and_filter_are_drawn() {
    let snapshot = snapshot();
    let mut view = view_of(&snapshot);
    press(&mut view, &snapshot, &[KeyCode::Char('5'), KeyCode::Enter]);
    insta::assert_snapshot!("finding_in_detail", drawn(&view, Some(&snapshot), SIZES[0]));
    press(&mut view, &snapshot, &[KeyCode::Char('/')]);
    for c in "node tftp".chars() {
        press(&mut view, &snapshot, &[KeyCode::Char(c)]);
    }
    insta::assert_snapshot!("filter", drawn(&view, Some(&snapshot), SIZES[0]));
}

/// With what `--health` measures, after the last packet.
fn healthy() -> Snapshot {
    let survey = measured(&inventory());
    let last = survey.inputs[0].last;
    Snapshots::default().take(Tick { status: status(60, 9283), survey }, last)
}

#[test]
fn how_soon_devices_answer_is_drawn_sorted_and_found() {
    let snapshot = healthy();
    let mut view = view_of(&snapshot);
    view.go(Tab::Health);
    for size in SIZES {
        insta::assert_snapshot!(format!("measured_{}x{}", size.0, size.1), drawn(&view, Some(&snapshot), size));
    }
    let rows = |view: &View| -> Vec<&Answers> {
        view.answers.order.iter().map(|at| &snapshot.answers[*at as usize]).collect()
    };
    // What applications answer, the slowest first; then what the network does.
    assert_eq!(rows(&view).len(), snapshot.answers.len());
    assert!(rows(&view).is_sorted_by_key(|row| std::cmp::Reverse((row.measure.is_application(), row.p95))));
    assert!(rows(&view)[0].p95.is_some_and(|p95| p95 > 0));
    press(&mut view, &snapshot, &[KeyCode::Char('s')]);
    assert!(rows(&view).is_sorted_by_key(|row| std::cmp::Reverse(row.again_per_million())));
    press(&mut view, &snapshot, &[KeyCode::Char('s')]);
    assert!(rows(&view).is_sorted_by_key(|row| std::cmp::Reverse(row.unanswered())));
    press(&mut view, &snapshot, &[KeyCode::Char('s')]);
    assert!(rows(&view).is_sorted_by_key(|row| row.key()));
    type_text(&mut view, &snapshot, "gateway http");
    let found = rows(&view);
    assert!(!found.is_empty() && found.len() < snapshot.answers.len());
    assert!(found.iter().all(|row| row.role == "gateway" && row.measure == Measure::Http));
    press(&mut view, &snapshot, &[KeyCode::Enter]);
    insta::assert_snapshot!("measured_in_detail", drawn(&view, Some(&snapshot), SIZES[0]));
    press(&mut view, &snapshot, &[KeyCode::Esc, KeyCode::Esc]);
    type_text(&mut view, &snapshot, "tcp-ack gateway");
    insta::assert_snapshot!("measured_tcp", drawn(&view, Some(&snapshot), SIZES[0]));
}

#[test]
fn what_is_shown_of_a_device_is_the_sum_of_its_pairs() {
    let snapshot = healthy();
    let pairs = &snapshot.survey.health.pairs;
    let sum = |of: fn(&Answers) -> u64| snapshot.answers.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.answered), pairs.values().map(|sums| sums.times.count()).sum::<u64>());
    assert_eq!(sum(|row| row.repeated), pairs.values().map(|sums| sums.repeated).sum::<u64>());
    let segments = pairs.values().filter_map(|sums| sums.losses.as_ref()).map(|lost| lost.segments);
    assert_eq!(sum(|row| row.segments.map_or(0, |(segments, _)| segments)), segments.sum::<u64>());
    for row in &snapshot.answers {
        let peers = by_peer(&snapshot.survey, row);
        assert_eq!(peers.iter().map(|peer| peer.answered).sum::<u64>(), row.answered, "{row:?}");
        assert_eq!(peers.iter().filter_map(|peer| peer.most).max(), row.most, "{row:?}");
    }
}

#[test]
fn nothing_is_drawn_that_does_not_fit() {
    let snapshot = healthy();
    for width in [1, 20, 49, 50, 60, 79, 119, 120, 130, 250] {
        for height in [1, 11, 12, 13, 61] {
            for tab in Tab::ALL {
                for snapshot in [None, Some(&snapshot)] {
                    let mut view = View::default();
                    snapshot.iter().for_each(|snapshot| view.renew(snapshot));
                    view.go(tab);
                    drawn(&view, snapshot, (width, height));
                    view.detail = true;
                    drawn(&view, snapshot, (width, height));
                }
            }
        }
    }
}

#[test]
fn without_colours_there_are_none_and_the_selection_is_seen() {
    let snapshot = snapshot();
    let mut view = view_of(&snapshot);
    for tab in Tab::ALL {
        view.go(tab);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, &view, &theme(false), Some(&snapshot))).unwrap();
        let cells = terminal.backend().buffer().content();
        assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{tab:?}");
        assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)), "{tab:?}");
    }
}

#[test]
fn hostile_names_are_harmless() {
    let flags = InventoryFlags { node: vec!["10.20.0.101".into()], ..InventoryFlags::default() };
    let inventory = Arc::new(Inventory::load(None, &flags).unwrap());
    let mut tick = Tick { status: status(1, 10), survey: measured(&inventory) };
    let hostile = "\u{1b}[2Jx\u{202e}y\u{200b}";
    let context = tick.survey.context();
    let words: Vec<_> = tick.survey.findings.iter().map(|finding| finding.words(&context)).collect();
    for (finding, words) in tick.survey.findings.iter_mut().zip(&words) {
        finding.facts = FindingText::of(words, |text| format!("{text}{hostile}"));
    }
    tick.survey.inputs[0].path.push_str(hostile);
    tick.survey.inputs[0].format = "pcapng".into();
    tick.status.interfaces[0].name = hostile.into();
    tick.status.recording_failed = Some(hostile.into());
    tick.survey.caveats.iter_mut().for_each(|caveat| caveat.text.push_str(hostile));
    let mut snapshot = Snapshots::default().take(tick, Timestamp::UNKNOWN);
    snapshot.devices.iter_mut().for_each(|device| {
        device.name = hostile.into();
        device.basis = hostile.into();
    });
    snapshot.answers.iter_mut().for_each(|answers| answers.name = hostile.into());
    assert!(!snapshot.answers.is_empty());
    let mut view = View { filters: Tab::ALL.map(|_| hostile.into()), ..View::default() };
    for tab in Tab::ALL {
        view.renew(&snapshot);
        for detail in [false, true] {
            view.go(tab);
            view.detail = detail;
            let drawn = drawn(&view, Some(&snapshot), (200, 60)).to_string();
            assert!(!drawn.contains(['\u{1b}', '\u{202e}', '\u{200b}']), "{tab:?}: {drawn}");
        }
    }
}

#[test]
fn keys_do_what_the_footer_says() {
    let snapshot = snapshot();
    let mut view = view_of(&snapshot);
    for (key, tab) in [
        (KeyCode::Char('2'), Tab::Table),
        (KeyCode::Right, Tab::Nodes),
        (KeyCode::Tab, Tab::Conversations),
        (KeyCode::Left, Tab::Nodes),
        (KeyCode::BackTab, Tab::Table),
        (KeyCode::Char('?'), Tab::Help),
        (KeyCode::Right, Tab::Overview),
        (KeyCode::Left, Tab::Help),
    ] {
        assert_eq!(press(&mut view, &snapshot, &[key]), Action::Draw);
        assert_eq!(view.tab, tab, "{key:?}");
    }
    assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char('p')]), Action::Draw);
    assert!(view.is_paused());
    assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char('m')]), Action::Mouse(true));
    assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char('m')]), Action::Mouse(false));
    assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char('x')]), Action::None);
    assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char('q')]), Action::Quit);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(view.key(control_c, None), Action::Quit);
}

#[test]
fn conversations_are_filtered_by_every_word_and_sorted() {
    let snapshot = snapshot();
    let mut view = view_of(&snapshot);
    let all = view.conversations.order.len();
    assert_eq!(all, snapshot.survey.conversations.len());
    press(&mut view, &snapshot, &[KeyCode::Char('/')]);
    // While typing, q is a letter.
    for c in "UDP q".chars() {
        assert_eq!(press(&mut view, &snapshot, &[KeyCode::Char(c)]), Action::Draw);
    }
    press(&mut view, &snapshot, &[KeyCode::Backspace, KeyCode::Enter]);
    let udp = view.conversations.order.clone();
    let is_udp = |at: &u32| snapshot.survey.conversations[*at as usize].transport == crate::protocol::Transport::Udp;
    assert!(!udp.is_empty() && udp.len() < all && udp.iter().all(is_udp));
    press(&mut view, &snapshot, &[KeyCode::Char('s')]);
    let last = |at: &u32| snapshot.survey.conversations[*at as usize].last;
    assert!(view.conversations.order.is_sorted_by_key(|at| std::cmp::Reverse(last(at))));
    press(&mut view, &snapshot, &[KeyCode::Char('r')]);
    assert!(view.conversations.order.is_sorted_by_key(last));
    press(&mut view, &snapshot, &[KeyCode::Esc]);
    assert_eq!(view.conversations.order.len(), all);
}

fn type_text(view: &mut View, snapshot: &Snapshot, text: &str) {
    press(view, snapshot, &[KeyCode::Char('/')]);
    let keys: Vec<KeyCode> = text.chars().map(KeyCode::Char).chain([KeyCode::Enter]).collect();
    press(view, snapshot, &keys);
}

#[test]
fn every_list_has_a_filter_of_its_own() {
    let snapshot = snapshot();
    let mut view = view_of(&snapshot);
    for (tab, key, filter, found, shown, hidden) in [
        (Tab::Table, '2', "tcp upnp gateway", "2 of 16", "TCP  1901", "UDP  1901"),
        (Tab::Nodes, '3', "never heard", "2 of 38 devices", "10.20.0.150", "10.20.0.101"),
        (Tab::Findings, '5', "alert dhcp", "1 of 29 findings", "no DHCP offer", "undocumented port"),
    ] {
        press(&mut view, &snapshot, &[KeyCode::Char(key)]);
        type_text(&mut view, &snapshot, filter);
        assert_eq!(view.tab, tab);
        let text = drawn(&view, Some(&snapshot), SIZES[0]).to_string();
        assert!(text.contains(&format!("filter: {filter}")), "{text}");
        assert!(
            text.contains(found) && text.contains(shown) && !text.contains(hidden),
            "{found}, {shown}, no {hidden}: {text}"
        );
    }
    // The others are as they were, and Esc brings all back.
    assert_eq!(view.conversations.order.len(), snapshot.survey.conversations.len());
    press(&mut view, &snapshot, &[KeyCode::Char('3'), KeyCode::Esc]);
    assert_eq!(view.devices.order.len(), snapshot.devices.len());
    assert_eq!(view.findings.order.len(), 1);
}

#[test]
fn the_gravest_finding_stays_in_view() {
    let mut snapshot = snapshot();
    // Many newer ones, and many doubts.
    snapshot.findings.reverse();
    let doubt = crate::verdict::Caveat { kind: "clock-set-back", text: "A long doubt about the capture. ".repeat(5) };
    snapshot.survey.caveats = vec![doubt; 8];
    let view = view_of(&snapshot);
    let text = drawn(&view, Some(&snapshot), SIZES[0]).to_string();
    assert!(text.contains("✗ gravest  blocked TCP 1901 UPnP: node 10.20.0.101 and 3 more to gateway"), "{text}");
}

#[test]
fn nobody_is_never_heard_in_the_first_minutes() {
    let inventory = inventory();
    let first = survey(&inventory).inputs[0].first.nanos().unwrap();
    let at = |seconds: i64| {
        let tick = Tick { status: status(1, 1), survey: survey(&inventory) };
        Snapshots::default().take(tick, Timestamp::from_nanos(first + seconds * 1_000_000_000))
    };
    for (seconds, is_told) in [(1, false), (170, false), (181, true)] {
        let snapshot = at(seconds);
        let mut view = view_of(&snapshot);
        let mut text = String::new();
        for (tab, size) in [(Tab::Overview, SIZES[1]), (Tab::Nodes, SIZES[1]), (Tab::Findings, SIZES[1])] {
            view.go(tab);
            text += &drawn(&view, Some(&snapshot), size).to_string();
        }
        assert_eq!(text.contains("never heard"), is_told, "{seconds} s: {text}");
        assert_eq!(text.contains("not heard yet"), !is_told, "{seconds} s");
    }
}

#[test]
fn a_selection_stays_with_what_is_selected() {
    let mut list = List::default();
    list.renew(vec![0, 1, 2], |at| ["a", "b", "c"][at]);
    list.step(1, |at| ["a", "b", "c"][at]);
    assert_eq!(list.selected(), Some(1));
    // Two come before it.
    list.renew(vec![0, 1, 2, 3, 4], |at| ["x", "y", "a", "b", "c"][at]);
    assert_eq!(list.selected(), Some(3));
    // It goes; the selection stays where it was.
    list.renew(vec![0, 1], |at| ["x", "y"][at]);
    assert_eq!(list.selected(), Some(1));
    // Nobody moved: the first, whatever comes.
    let mut first: List<&str> = List::default();
    first.renew(vec![0], |_| "a");
    first.renew(vec![1, 0], |at| ["a", "new"][at]);
    assert_eq!(first.selected(), Some(1));
    first.renew(Vec::new(), |_| "");
    assert_eq!(first.selected(), None);
}

#[test]
fn a_window_holds_the_selection_and_stays_within_the_list() {
    for count in 0..30 {
        for at in 0..count.max(1) {
            for height in 0..12 {
                let window = window(count, at, height);
                assert!(window.end <= count && window.len() == height.min(count));
                assert!(window.contains(&at) || height == 0 || count == 0, "{count} {at} {height}");
            }
        }
    }
}

#[test]
fn findings_are_newest_first_and_wait_for_answers() {
    let inventory = inventory();
    let mut snapshots = Snapshots::default();
    let whole = survey(&inventory);
    let at = |seconds: i64| Timestamp::from_nanos(whole.inputs[0].last.nanos().unwrap() + seconds * 1_000_000_000);
    let mut early = survey(&inventory);
    let late = early.findings.remove(0);
    let count = early.findings.len();
    let first = snapshots.take(Tick { status: status(1, 1), survey: early }, at(10));
    assert_eq!(first.findings.len(), count);
    let second = snapshots.take(Tick { status: status(2, 2), survey: survey(&inventory) }, at(11));
    assert_eq!(second.findings.len(), count + 1);
    let newest = &second.survey.findings[second.findings[0].at];
    assert_eq!((newest.kind, &newest.conversations), (late.kind, &late.conversations));
    assert_eq!(second.findings[0].when, at(11));
    assert!(second.findings[1..].iter().all(|told| told.when == at(10)));
    // Before an answer had its time, nobody is said not to have answered.
    let mut just_now = survey(&inventory);
    just_now.findings.truncate(1);
    just_now.findings[0].outcome = Some(crate::verdict::Outcome::Unanswered);
    just_now.findings[0].first = at(20);
    let third = Snapshots::default().take(Tick { status: status(3, 3), survey: just_now }, at(21));
    assert_eq!(third.findings, []);
}
