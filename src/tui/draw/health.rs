//! How soon devices answer, the slowest first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::answers::{Answers, by_peer};
use super::super::snapshot::Snapshot;
use super::super::theme::Theme;
use super::super::view::{ANSWER_SORTS, Tab, View};
use super::row::LineBuilder;
use super::{WIDE, list_and_detail, told};
use crate::health::Measure;
use crate::report::text::units::{count, counted, duration, short};

/// Columns: measure with its port, counts, times; where there is room, role and the measure in words.
const SERVICE: usize = 19;
const ASKED: usize = 6;
const ANSWERED: usize = 9;
const AGAIN: usize = 6;
const TIME: usize = 8;
const ROLE: usize = 9;
const WORDS: usize = 30;
/// Peers that the detail lists.
const PEERS: usize = 200;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: &Snapshot) {
    if !snapshot.survey.tells_health() {
        let hint = " How soon devices answer is not measured: begin with igorscope live --health.";
        frame.render_widget(LineBuilder::new().text(hint, theme.quiet()).line(), area);
        return;
    }
    let selected = view.answers.selected().and_then(|at| snapshot.answers.get(at));
    let told = selected.map(|row| (title(row), detail(theme, snapshot, row, area.width)));
    list_and_detail(frame, area, (view, theme), told, area.height / 3, |list| rows(view, theme, snapshot, list));
}

fn rows(view: &View, theme: &Theme, snapshot: &Snapshot, area: Rect) -> Vec<Line<'static>> {
    let wide = area.width >= WIDE;
    let extra = if wide { ROLE + WORDS } else { 0 };
    let who = usize::from(area.width).saturating_sub(1 + extra + SERVICE + ASKED + ANSWERED + AGAIN + 3 * TIME);
    let filter = view.filter_words(Tab::Health);
    let above = format!(
        " {}{}  sort: {}{filter}",
        if filter.is_empty() { String::new() } else { format!("{} of ", view.answers.order.len()) },
        counted(snapshot.answers.len() as u64, "service", "services"),
        ANSWER_SORTS[view.answer_sort].0,
    );
    let quiet = theme.quiet();
    let columns = [
        ("asked", ASKED),
        ("answered", ANSWERED),
        ("again", AGAIN),
        ("median", TIME),
        ("95 %", TIME),
        ("longest", TIME),
    ];
    let mut head = LineBuilder::new().text(" ", quiet).left("who answers", who, quiet);
    head = if wide {
        head.left("role", ROLE, quiet).left("measure and port", SERVICE, quiet).left("", WORDS, quiet)
    } else {
        head.left("measure, port", SERVICE, quiet)
    };
    for (text, width) in columns {
        head = head.right(text, width, quiet);
    }
    let mut lines = vec![LineBuilder::new().text(&above, theme.title()).line(), head.line()];
    if snapshot.answers.is_empty() {
        lines.push(LineBuilder::new().text(" no question was seen yet whose answer is timed", quiet).line());
    }
    for (place, is_selected) in view.answers.shown(usize::from(area.height).saturating_sub(lines.len())) {
        let Some(one) = snapshot.answers.get(place) else { continue };
        let mut row = LineBuilder::new().text(" ", theme.plain()).left(&party(one, who), who, theme.plain());
        if wide {
            row = row.left(one.role, ROLE, quiet);
        }
        row = row.left(&one.service(), SERVICE, theme.plain());
        if wide {
            row = row.left(one.measure.words(), WORDS, quiet);
        }
        let counts = [one.asked.map_or_else(String::new, short), short(one.answered), again(one)];
        for (text, (_, width)) in counts.iter().zip(columns) {
            row = row.right(text, width, theme.plain());
        }
        for nanos in [one.median, one.p95, one.most] {
            row = row.right(&nanos.map_or_else(String::new, time), TIME, theme.plain());
        }
        lines.push(row.selectable(is_selected, theme.selected(), area.width));
    }
    lines
}

/// Its address and name where both fit, else its name, else its address.
fn party(one: &Answers, width: usize) -> String {
    let both = format!("{} {}", one.address, one.name);
    if one.name.is_empty() || both.chars().count() < width { both.trim_end().to_owned() } else { one.name.clone() }
}

/// Questions sent again; of TCP's data the share of segments.
fn again(one: &Answers) -> String {
    match one.segments {
        Some((0, _)) => String::new(),
        Some(_) => percent(one),
        None if one.measure == Measure::Client => String::new(),
        None => short(one.repeated),
    }
}

/// `1.2 %`, `35 %`; of however few more than 0.
fn percent(one: &Answers) -> String {
    match one.again_per_million().div_ceil(1000) {
        0 => "0 %".to_owned(),
        thousandths @ 1..100 => format!("{}.{} %", thousandths / 10, thousandths % 10),
        thousandths => format!("{} %", thousandths / 10),
    }
}

/// Short enough for its column: minutes are told as seconds.
fn time(nanos: u64) -> String {
    match nanos / 1_000_000_000 {
        0..60 => duration(nanos),
        seconds => format!("{seconds} s"),
    }
}

fn title(one: &Answers) -> String {
    let port = if one.port == 0 { String::new() } else { format!(", port {}", one.port) };
    format!("{}: {}{port}", one.host(), one.measure.words())
}

/// By whom it was asked, and how soon each had its answer.
fn detail(theme: &Theme, snapshot: &Snapshot, row: &Answers, width: u16) -> Vec<Line<'static>> {
    let peers = by_peer(&snapshot.survey, row);
    let label = match row.measure {
        Measure::Ack => "Sent to",
        Measure::Client => "Shaken by",
        _ => "Asked by",
    };
    let mut lines = Vec::new();
    for (at, peer) in peers.iter().take(PEERS).enumerate() {
        lines.extend(told(theme, if at == 0 { label } else { "" }, &by(peer), width, theme.plain()));
    }
    if peers.len() > PEERS {
        lines.extend(told(
            theme,
            "",
            &format!("and {} more", count((peers.len() - PEERS) as u64)),
            width,
            theme.quiet(),
        ));
    }
    lines
}

fn by(peer: &Answers) -> String {
    let mut text = peer.host();
    text.push_str(&match peer.asked {
        Some(asked) => format!(": {} of {} answered", count(peer.answered), count(asked)),
        None => format!(": {} timed", count(peer.answered)),
    });
    if let [Some(median), Some(p95), Some(most)] = [peer.median, peer.p95, peer.most] {
        let [median, p95, most] = [median, p95, most].map(duration);
        text.push_str(&format!(", median {median}, 95 % within {p95}, longest {most}"));
    }
    match peer.segments {
        Some((segments, again)) if again > 0 => {
            text.push_str(&format!(", {} of {} segments sent again", count(again), count(segments)));
        }
        None if peer.repeated > 0 => text.push_str(&format!(", {} asked again", count(peer.repeated))),
        _ => {}
    }
    text
}
