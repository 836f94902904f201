//! Findings as they come, the newest first, each with reason, evidence and advice.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::super::snapshot::Snapshot;
use super::super::theme::{Theme, sign};
use super::super::view::{Tab, View};
use super::row::LineBuilder;
use super::{WIDE, ago, brief, pane, told};
use crate::finding::Finding;
use crate::report::text::findings::title;
use crate::report::text::units::{counted, local, short};

/// Columns of a time.
const TIME: usize = 9;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: &Snapshot) {
    if snapshot.findings.is_empty() {
        let text = " No findings so far: nothing that was seen contradicts the vendor's documents.";
        frame.render_widget(Line::styled(text, theme.good()), area);
        return;
    }
    let selected = view.findings.selected().and_then(|at| snapshot.findings.get(at));
    let selected = selected.and_then(|told| snapshot.survey.findings.get(told.at));
    let name = selected.map(|finding| format!("{}: {}", finding.severity.name(), finding.kind.said()));
    let text = |width| selected.map(|finding| detail(theme, snapshot, finding, width)).unwrap_or_default();
    let title = name.as_deref().unwrap_or_default();
    if view.detail {
        return pane(frame, area, theme, title, text(area.width), view.scroll);
    }
    let (list, beside) = if area.width >= WIDE {
        let [list, _, beside] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Length(1), Constraint::Min(0)]).areas(area);
        (list, beside)
    } else {
        let lines = text(area.width);
        let most = area.height * 3 / 5;
        let height = u16::try_from(lines.len() + 1).unwrap_or(most).min(most);
        let [list, beside] = Layout::vertical([Constraint::Min(3), Constraint::Length(height)]).areas(area);
        (list, beside)
    };
    frame.render_widget(Paragraph::new(rows(view, theme, snapshot, list)), list);
    pane(frame, beside, theme, title, text(beside.width), 0);
}

fn rows(view: &View, theme: &Theme, snapshot: &Snapshot, area: Rect) -> Vec<Line<'static>> {
    let free = usize::from(area.width).saturating_sub(3 + TIME);
    let (mut lines, context) = (Vec::new(), snapshot.survey.context());
    if !view.filter(Tab::Findings).is_empty() {
        let above = format!(
            " {} of {}{}",
            view.findings.order.len(),
            counted(snapshot.findings.len() as u64, "finding", "findings"),
            view.filter_words(Tab::Findings)
        );
        lines.push(LineBuilder::new().text(&above, theme.title()).line());
    }
    for (place, is_selected) in view.findings.shown(usize::from(area.height).saturating_sub(lines.len())) {
        let Some(told) = snapshot.findings.get(place) else { continue };
        let Some(finding) = snapshot.survey.findings.get(told.at) else { continue };
        let row = LineBuilder::new()
            .left(&format!(" {}", sign(finding.severity)), 3, theme.severity(finding.severity))
            .left(&local(told.when, snapshot.now, &theme.zone), TIME, theme.quiet())
            .left(&brief(finding, &finding.words(&context)), free, theme.plain());
        lines.push(row.selectable(is_selected, theme.selected(), area.width));
    }
    lines
}

fn detail(theme: &Theme, snapshot: &Snapshot, finding: &Finding, width: u16) -> Vec<Line<'static>> {
    let context = snapshot.survey.context();
    let words = finding.words(&context);
    let mut lines = told(theme, "What", &title(finding, &context), width, theme.severity(finding.severity));
    lines.extend(told(theme, "Evidence", &words.detail, width, theme.plain()));
    lines.extend(told(theme, "Advice", &words.advice, width, theme.good()));
    let outcome = finding.outcome_said().map_or(String::new(), |outcome| format!("{outcome}; "));
    if finding.flows > 0 {
        let seen = format!(
            "{outcome}{}, {} packets; first {}, last {}",
            counted(finding.flows, "flow", "flows"),
            short(finding.packets),
            local(finding.first, snapshot.now, &theme.zone),
            ago(finding.last, snapshot.now),
        );
        lines.extend(told(theme, "Seen", &seen, width, theme.plain()));
    }
    lines.extend(told(theme, "Rule", &words.rule, width, theme.plain()));
    lines.extend(told(theme, "Wireshark", &words.display_filter, width, theme.plain()));
    lines
}
