//! The first tab: how it goes, in a theme.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Sparkline};

use super::super::snapshot::{Rate, Snapshot};
use super::super::theme::{Theme, sign};
use super::row::LineBuilder;
use super::{WIDE, bits, brief, told};
use crate::report::result::{self, Sentence};
use crate::report::text::capture::host_words;
use crate::report::text::page::wrap;
use crate::report::text::units::{bytes, count, counted, local, short};
use crate::verdict::CellState;

/// Columns of a label, and of the number beside it.
const LABEL: usize = 12;
const NUMBER: usize = 17;
/// Lines of a rate.
const RATE: u16 = 2;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, theme: &Theme, snapshot: &Snapshot) {
    let sentence = sentence(theme, snapshot, area.width);
    let mut top = sentence;
    top.extend(gravest(theme, snapshot, area.width));
    let [head, _, rest] = Layout::vertical([
        Constraint::Length(u16::try_from(top.len()).unwrap_or(4)),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(top), head);
    let (left, right) = if area.width >= WIDE {
        let [left, _, right] =
            Layout::horizontal([Constraint::Percentage(48), Constraint::Length(2), Constraint::Min(0)]).areas(rest);
        (left, Some(right))
    } else {
        (rest, None)
    };
    let rate_lines = if left.height >= 24 { 2 * RATE } else { RATE };
    let [packets, volume, _, facts] = Layout::vertical([
        Constraint::Length(rate_lines),
        Constraint::Length(rate_lines),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(left);
    draw_rate(frame, packets, theme, "Packets/s", snapshot, |rate| rate.packets, |value| short(value.round() as u64));
    draw_rate(frame, volume, theme, "Bits/s", snapshot, |rate| rate.bits, bits);
    let mut lines = self::facts(theme, snapshot, facts.width);
    let newest = |width: u16, in_detail| newest(theme, snapshot, width, in_detail);
    match right {
        Some(right) => frame.render_widget(Paragraph::new(newest(right.width, true)), right),
        None => {
            lines.push(Line::default());
            lines.extend(newest(facts.width, false));
        }
    }
    frame.render_widget(Paragraph::new(lines), facts);
}

/// The result so far, in a sentence or two.
fn sentence(theme: &Theme, snapshot: &Snapshot, width: u16) -> Vec<Line<'static>> {
    let Sentence { class, lead, rest } = match snapshot.status.frames {
        0 => Sentence {
            class: "warn",
            lead: "No packet so far.".into(),
            rest: "Is the cable in, and does the switch mirror to this port?".into(),
        },
        _ => result::sentence(&snapshot.survey),
    };
    let style = match class {
        "bad" => theme.alert(),
        "warn" => theme.warning().patch(theme.strong()),
        _ => theme.good().patch(theme.strong()),
    };
    let text = format!("{lead} {rest}");
    let mut bold = lead.chars().count();
    let lines = wrap(&text, usize::from(width).saturating_sub(2).max(20)).into_iter().map(|line| {
        let split = line.char_indices().nth(bold).map_or(line.len(), |(at, _)| at);
        // The blank that a line broke at is gone.
        bold = bold.saturating_sub(line.chars().count() + 1);
        LineBuilder::new()
            .text(" ", theme.plain())
            .text(&line[..split], style)
            .text(&line[split..], theme.plain())
            .line()
    });
    lines.collect()
}

/// The gravest finding, which newer ones do not push out of view.
fn gravest(theme: &Theme, snapshot: &Snapshot, width: u16) -> Option<Line<'static>> {
    let finding = snapshot.gravest()?;
    let words = finding.words(&snapshot.survey.context());
    let row = LineBuilder::new()
        .text(&format!(" {} ", sign(finding.severity)), theme.severity(finding.severity))
        .left("gravest", 9, theme.quiet())
        .left(&brief(finding, &words), usize::from(width).saturating_sub(13), theme.strong());
    Some(row.line())
}

fn draw_rate(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: &Theme,
    label: &str,
    snapshot: &Snapshot,
    of: fn(&Rate) -> f64,
    say: fn(f64) -> String,
) {
    let [words, bars] =
        Layout::horizontal([Constraint::Length((LABEL + NUMBER + 1) as u16), Constraint::Min(0)]).areas(area);
    let values: Vec<u64> = snapshot.rates.iter().map(|rate| of(rate).round() as u64).collect();
    let shown = &values[values.len().saturating_sub(usize::from(bars.width.saturating_sub(1)))..];
    let peak = shown.iter().copied().max().unwrap_or(0);
    let now = values.last().copied().unwrap_or(0);
    let lines = vec![
        LineBuilder::new()
            .text(" ", theme.plain())
            .left(label, LABEL, theme.quiet())
            .left(&say(now as f64), NUMBER, theme.strong())
            .line(),
        LineBuilder::new()
            .text(" ", theme.plain())
            .left("", LABEL, theme.plain())
            .left(&format!("peak {}", say(peak as f64)), NUMBER, theme.quiet())
            .line(),
    ];
    frame.render_widget(Paragraph::new(lines), words);
    // The newest at the right edge.
    let width = shown.len() as u16;
    let bars = Rect { x: bars.x + bars.width.saturating_sub(width + 1), width: width.min(bars.width), ..bars };
    frame.render_widget(Sparkline::default().data(shown).max(peak.max(1)).style(theme.good()), bars);
}

/// Drops, hosts, ports, files and doubts.
fn facts(theme: &Theme, snapshot: &Snapshot, width: u16) -> Vec<Line<'static>> {
    let (status, survey) = (&snapshot.status, &snapshot.survey);
    let mut lines = Vec::new();
    let mut say = |label: &str, text: &str, style: Style| lines.extend(told(theme, label, text, width, style));
    for (interface, at) in status.interfaces.iter().zip(0..) {
        let text = format!(
            "{}: {} received, {} dropped by the kernel, {} by the interface{}",
            interface.name,
            count(interface.received),
            count(interface.kernel_dropped),
            count(interface.interface_dropped),
            interface.ended.as_ref().map_or(String::new(), |reason| format!("; gone: {reason}")),
        );
        let is_bad = interface.kernel_dropped + interface.interface_dropped > 0 || interface.ended.is_some();
        say(if at == 0 { "Interface" } else { "" }, &text, if is_bad { theme.alert() } else { theme.plain() });
    }
    let hosts = host_words(survey);
    let hosts = if hosts.is_empty() { "none yet".to_owned() } else { hosts.join(", ") };
    // Who was not heard in the first minutes may speak yet.
    let hosts = if snapshot.is_young { hosts.replace("never heard", "not heard yet") } else { hosts };
    say("Hosts", &hosts, theme.plain());
    let cells = |state| survey.coverage.iter().filter(|cell| cell.state == state).count();
    let ports = format!(
        "{} of {} carried, {} blocked, {} one way, {} sent; {}",
        cells(CellState::Carried),
        survey.coverage.len(),
        cells(CellState::Blocked),
        cells(CellState::OneWay),
        cells(CellState::Sent),
        counted(survey.conversations.len() as u64, "conversation", "conversations"),
    );
    say("Ports", &ports, if cells(CellState::Blocked) > 0 { theme.alert() } else { theme.plain() });
    if let Some(file) = survey.inputs.last().filter(|input| input.format == "pcapng") {
        say("Written", &format!("{}, {}", file.path, bytes(file.size)), theme.plain());
    }
    if let Some(error) = &status.recording_failed {
        say("Written", &format!("packets are not written any more: {error}"), theme.alert());
    }
    // Who was never heard stands among the nodes, and may speak yet.
    let told = result::of_quality(survey).filter(|caveat| caveat.kind != "inventory-unmatched");
    for (caveat, at) in told.zip(0..) {
        say(if at == 0 { "Doubts" } else { "" }, &caveat.text, theme.warning());
    }
    lines
}

/// The newest findings, a line each, or with what was seen and what to do.
fn newest(theme: &Theme, snapshot: &Snapshot, width: u16, in_detail: bool) -> Vec<Line<'static>> {
    let mut lines = vec![LineBuilder::new().text(" Newest findings", theme.strong()).line()];
    if snapshot.findings.is_empty() {
        lines.push(LineBuilder::new().text(" none so far", theme.quiet()).line());
    }
    let context = snapshot.survey.context();
    for told_at in snapshot.findings.iter().take(20) {
        let finding = &snapshot.survey.findings[told_at.at];
        let words = finding.words(&context);
        let style = theme.severity(finding.severity);
        let free = usize::from(width).saturating_sub(14);
        lines.push(
            LineBuilder::new()
                .text(&format!(" {} ", sign(finding.severity)), style)
                .left(&local(told_at.when, snapshot.now, &theme.zone), 9, theme.quiet())
                .left(&brief(finding, &words), free, if in_detail { theme.strong() } else { theme.plain() })
                .line(),
        );
        if in_detail {
            let text = wrap(&crate::text::visible(&words.detail), usize::from(width).saturating_sub(14).max(20));
            lines.extend(
                text.into_iter().map(|line| {
                    LineBuilder::new().text(&" ".repeat(12), theme.plain()).text(&line, theme.plain()).line()
                }),
            );
            lines.push(Line::default());
        }
    }
    lines
}
