//! Drawing: a frame from a view and a snapshot, and nothing else.

mod conversations;
mod findings;
mod health;
mod help;
mod nodes;
mod overview;
mod row;
mod table;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use self::row::LineBuilder;
use super::snapshot::{Rate, Snapshot};
use super::theme::{Theme, sign};
use super::view::{Tab, View};
use crate::capture::Timestamp;
use crate::finding::{Finding, Words};
use crate::policy::{Role, Severity};
use crate::report::text::units::{bytes, count, local, short};
use crate::text::visible;

pub(super) use help::LINES as HELP_LINES;
pub(super) use table::ports;

/// The least that is drawn in.
const SMALLEST: (u16, u16) = (50, 12);
/// Columns from which on there is room for a second pane beside the first.
const WIDE: u16 = 120;

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View, theme: &Theme, snapshot: Option<&Snapshot>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("igorscope needs {} x {}; the survey goes on. q ends it", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }
    let [tabs, status, rule, body, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_tabs(frame, tabs, view, theme, snapshot);
    frame.render_widget(Line::styled("─".repeat(usize::from(area.width)), theme.quiet()), rule);
    draw_footer(frame, footer, view, theme);
    let Some(snapshot) = snapshot else {
        frame.render_widget(Line::styled(" waiting for the first look at the traffic …", theme.quiet()), status);
        return;
    };
    frame.render_widget(status_line(snapshot, theme, area.width), status);
    match view.tab {
        Tab::Overview => overview::draw(frame, body, theme, snapshot),
        Tab::Table => table::draw(frame, body, view, theme, snapshot),
        Tab::Nodes => nodes::draw(frame, body, view, theme, snapshot),
        Tab::Conversations => conversations::draw(frame, body, view, theme, snapshot),
        Tab::Findings => findings::draw(frame, body, view, theme, snapshot),
        Tab::Health => health::draw(frame, body, view, theme, snapshot),
        Tab::Help => help::draw(frame, body, view, theme),
    }
}

/// The tab at a column of the first line.
pub(super) fn tab_at(column: u16) -> Option<Tab> {
    let mut left = 0;
    Tab::ALL.into_iter().find(|tab| {
        left += tab.title().len() as u16 + 3;
        column < left
    })
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: Option<&Snapshot>) {
    let mut spans = Vec::new();
    for (tab, number) in Tab::ALL.into_iter().zip(1..) {
        let style = if tab == view.tab { theme.title().patch(theme.selected()) } else { theme.plain() };
        spans.push(Span::styled(format!(" {number} {}", tab.title()), style));
    }
    frame.render_widget(Line::from(spans), area);
    let right = match snapshot {
        _ if view.paused => Line::styled(" PAUSED ", theme.warning().patch(theme.selected())),
        Some(snapshot) => Line::styled(format!("{} ", local(snapshot.now, snapshot.now, &theme.zone)), theme.quiet()),
        None => Line::default(),
    };
    frame.render_widget(right.right_aligned(), area);
}

/// Where, how long, how much, and how grave.
fn status_line(snapshot: &Snapshot, theme: &Theme, width: u16) -> Line<'static> {
    let status = &snapshot.status;
    let rate = snapshot.rates.last().copied().unwrap_or_default();
    let names: Vec<&str> = status.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    let dropped = status.dropped();
    let mut row = LineBuilder::new()
        .text(" ", theme.plain())
        .text(&crate::report::text::page::fit(&visible(&names.join("+")), 14), theme.strong())
        .text(&format!("  {}  ", clock(status.elapsed)), theme.plain())
        .text(&format!("{} packets  {}  ", count(status.frames), rates(rate)), theme.plain());
    row = match dropped {
        0 => row.text("0 dropped", theme.quiet()),
        dropped => row.text(&format!("{} dropped", short(dropped)), theme.alert()),
    };
    let counts = severities(snapshot, theme);
    let free = usize::from(width).saturating_sub(row.width() + counts.width() + 1);
    row.text(&" ".repeat(free.max(2)), theme.plain()).append(counts).line()
}

/// `2✗ 1! 3i`, each coloured; what there is none of is left out.
fn severities(snapshot: &Snapshot, theme: &Theme) -> LineBuilder {
    let mut row = LineBuilder::new();
    for severity in [Severity::Alert, Severity::Warning, Severity::Notice] {
        let at = |told: &&super::snapshot::ListedFinding| snapshot.survey.findings[told.at].severity == severity;
        match snapshot.findings.iter().filter(at).count() {
            0 => {}
            number => row = row.text(&format!("{} {number} ", sign(severity)), theme.severity(severity)),
        }
    }
    row
}

fn rates(rate: Rate) -> String {
    format!("{}/s  {}", short(rate.packets.round() as u64), bits(rate.bits))
}

/// `1.2 Mbit/s`.
fn bits(bits: f64) -> String {
    bytes(bits.round() as u64).replace('B', "bit/s")
}

/// `01:23:45`.
fn clock(elapsed: std::time::Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `3 s ago`, `never`.
fn ago(time: Timestamp, now: Timestamp) -> String {
    match (time.nanos(), now.nanos()) {
        (Some(time), Some(now)) => {
            let nanos = u64::try_from(now.saturating_sub(time)).unwrap_or(0);
            match nanos / 1_000_000_000 {
                0 => "now".to_owned(),
                seconds @ 1..60 => format!("{seconds} s ago"),
                seconds @ 60..3600 => format!("{} min ago", seconds / 60),
                seconds @ 3600..172_800 => format!("{} h ago", seconds / 3600),
                seconds => format!("{} d ago", seconds / 86_400),
            }
        }
        _ => "never".to_owned(),
    }
}

fn draw_footer(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    if view.typing {
        let row = LineBuilder::new()
            .text(" filter: ", theme.title())
            .text(view.filter(view.tab), theme.strong())
            .text("▏", theme.title())
            .text("  Enter keeps it, Esc clears it", theme.quiet());
        frame.render_widget(row.line(), area);
        return;
    }
    let own: &[(&str, &str)] = match view.tab {
        _ if view.detail => &[("↑↓", "scroll"), ("Enter", "back")],
        Tab::Overview => &[("/", "filter")],
        Tab::Table => &[("/", "filter"), ("↑↓", "port")],
        Tab::Nodes => &[("/", "filter"), ("s", "sort"), ("Enter", "detail")],
        Tab::Conversations => &[("/", "filter"), ("s", "sort"), ("r", "reverse"), ("Enter", "detail")],
        Tab::Findings => &[("/", "filter"), ("↑↓", "move"), ("Enter", "detail")],
        Tab::Health => &[("/", "filter"), ("s", "sort"), ("Enter", "detail")],
        Tab::Help => &[("↑↓", "scroll")],
    };
    let common = [("q", "end"), ("?", "help"), ("1-7", "tabs"), ("p", if view.paused { "go on" } else { "pause" })];
    let mut row = LineBuilder::new().text(" ", theme.plain());
    for (key, word) in common.iter().chain(own) {
        row = row.text(key, theme.title()).text(&format!(" {word}  "), theme.quiet());
    }
    frame.render_widget(row.line(), area);
}

/// A list, and below it, in `most` lines, the title and the lines of what is selected in it; where the view asks for it, these
/// alone.
fn list_and_detail(
    frame: &mut Frame<'_>,
    area: Rect,
    (view, theme): (&View, &Theme),
    detail: Option<(String, Vec<Line<'static>>)>,
    most: u16,
    rows: impl FnOnce(Rect) -> Vec<Line<'static>>,
) {
    if view.detail {
        let (title, lines) = detail.unwrap_or_default();
        return pane(frame, area, theme, &title, lines, view.scroll);
    }
    let lines = detail.as_ref().map_or(0, |(_, lines)| lines.len());
    let height = u16::try_from(lines + 1).unwrap_or(most).min(most);
    let [list, below] = Layout::vertical([Constraint::Min(3), Constraint::Length(height)]).areas(area);
    frame.render_widget(Paragraph::new(rows(list)), list);
    if let Some((title, lines)) = detail {
        pane(frame, below, theme, &title, lines, 0);
    }
}

/// A pane of text below or beside a list, with a rule and a title above it.
fn pane(frame: &mut Frame<'_>, area: Rect, theme: &Theme, title: &str, lines: Vec<Line<'static>>, scroll: usize) {
    let [top, text] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let title = crate::report::text::page::fit(&visible(title), usize::from(area.width).saturating_sub(6));
    let rest = usize::from(area.width).saturating_sub(unicode_width::UnicodeWidthStr::width(title.as_str()) + 4);
    let rule = LineBuilder::new()
        .text("── ", theme.quiet())
        .text(&title, theme.strong())
        .text(&format!(" {}", "─".repeat(rest)), theme.quiet());
    frame.render_widget(rule.line(), top);
    let most = lines.len().saturating_sub(usize::from(text.height));
    let shown: Vec<Line<'_>> = lines.into_iter().skip(scroll.min(most)).collect();
    frame.render_widget(Paragraph::new(shown), text);
}

/// A label and wrapped text beside it.
fn told(theme: &Theme, label: &str, text: &str, width: u16, style: ratatui::style::Style) -> Vec<Line<'static>> {
    const LABEL: usize = 10;
    if text.is_empty() {
        return Vec::new();
    }
    let width = usize::from(width).saturating_sub(LABEL + 2).max(20);
    let lines = crate::report::text::page::wrap(&visible(text), width);
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| {
            let label = if at == 0 { label } else { "" };
            LineBuilder::new().text(" ", theme.plain()).left(label, LABEL, theme.quiet()).text(&line, style).line()
        })
        .collect()
}

/// A finding in a line: `blocked TCP 1901 UPnP: node 10.20.0.101 and 3 more to gateway 10.20.0.10`.
pub(crate) fn brief(finding: &Finding, words: &Words) -> String {
    let port = match (finding.transport, finding.server_port) {
        (Some(transport), Some(port)) => format!(" {} {port}", transport.to_string().to_uppercase()),
        (Some(transport), None) => format!(" {}", transport.to_string().to_uppercase()),
        _ => String::new(),
    };
    let service = if words.service.is_empty() { String::new() } else { format!(" {}", words.service) };
    let parties = [(finding.client_role, &words.client), (finding.server_role, &words.server)];
    let parties = parties.iter().filter(|(_, list)| !list.is_empty()).map(|(role, list)| {
        let first = list.split(';').next().unwrap_or_default();
        let more = match list.split(';').count() {
            ..=1 => String::new(),
            // The last may itself say how many more there are.
            _ if list.ends_with(" more") => " and more".to_owned(),
            count => format!(" and {} more", count - 1),
        };
        format!("{} {first}{more}", role.map_or("", Role::name))
    });
    let parties: Vec<String> = parties.collect();
    let about = if parties.is_empty() { &words.detail } else { &parties.join(" to ") };
    format!("{}{port}{service}: {}", finding.kind.said(), about.trim_start())
}
