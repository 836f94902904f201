//! A comparison of places on a terminal: what a technician reads in ten seconds.

use super::words::{clock, delay, lead, loss, notes, share};
use crate::path::{Changed, Leg, LegReport, Report};
use crate::report::text::Terminal;
use crate::report::text::page::{Page, Tone, fit, left, right};
use crate::report::text::units::{count, counted, duration, span};
use crate::text::visible;

/// Losses and conversations that are shown unless all are wanted.
const SHOWN: usize = 6;
/// Width of the labels on the left.
const LABEL: usize = 10;

/// The result, where what is lost, each leg, the worst conversations, and how far it all can be trusted.
pub fn path_page(report: &Report, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let names: Vec<String> = report.places.iter().map(|place| visible(&place.name).into_owned()).collect();
    let shown = if terminal.all { usize::MAX } else { SHOWN };
    page.line([(Tone::Strong, "igorscope path  ".to_owned()), (Tone::Plain, names.join(" \u{b7} "))]);
    page.blank();
    let (grave, text) = lead(report);
    let tone = match grave {
        "good" => Tone::Good,
        "warn" => Tone::Warning,
        _ => Tone::Alert,
    };
    page.paragraph(label("Result"), LABEL, tone, &visible(&text));
    // What may be chance is for those who want all.
    let certain: Vec<_> = report.losses.iter().filter(|loss| loss.is_dropped() || terminal.all).collect();
    for (at, one) in certain.iter().take(shown).enumerate() {
        let tone = if one.is_documented { Tone::Alert } else { Tone::Plain };
        page.paragraph(label(if at == 0 { "Where" } else { "" }), LABEL, tone, &visible(&loss(report, one)));
    }
    more(&mut page, report.losses.len(), certain.len().min(shown));
    let lasted = report.shared.1.raw().saturating_sub(report.shared.0.raw()).unsigned_abs();
    let when =
        format!("{} that all share, {}", duration(lasted), span(report.shared.0, report.shared.1, &terminal.zone));
    page.paragraph(label("Time"), LABEL, Tone::Plain, &when);
    for at in 1..report.places.len() {
        page.paragraph(label(if at == 1 { "Clock" } else { "" }), LABEL, Tone::Plain, &visible(&clock(report, at)));
    }
    legs(&mut page, report, &names);
    worst(&mut page, report, &names, shown);
    let notes = notes(report);
    if !notes.is_empty() {
        page.heading("How far this goes", []);
        for note in notes {
            page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Plain, &visible(&note));
        }
    }
    page.finish()
}

fn label(text: &str) -> Vec<(Tone, String)> {
    vec![(Tone::Quiet, left(text, LABEL))]
}

fn more(page: &mut Page<'_>, all: usize, shown: usize) {
    if let Some(more) = all.checked_sub(shown).filter(|more| *more > 0) {
        page.line([(Tone::Quiet, format!("          and {} more (-v shows them)", count(more as u64)))]);
    }
}

fn legs(page: &mut Page<'_>, report: &Report, names: &[String]) {
    let legs: Vec<_> = report.legs().into_iter().filter_map(|((from, to), leg)| Some((from, to?, leg))).collect();
    if legs.is_empty() {
        return;
    }
    page.heading("Legs", []);
    let words: Vec<String> =
        legs.iter().map(|(from, to, _)| format!("{} \u{2192} {}", names[*from], names[*to])).collect();
    for ((_, _, leg), words) in legs.iter().zip(&words) {
        let lost = format!("{} of {} missing ({})", count(leg.missing), count(leg.sent), share(leg.missing, leg.sent));
        let tone = if leg.missing > 0 { Tone::Warning } else { Tone::Good };
        let width = page.terminal.width.saturating_sub(40).clamp(16, 36);
        page.line([(Tone::Strong, format!("  {}  ", left(words, width))), (tone, lost)]);
        for text in [delays(leg), others(leg)].into_iter().flatten() {
            page.paragraph(vec![(Tone::Plain, "    ".to_owned())], 4, Tone::Quiet, &text);
        }
    }
}

fn delays(leg: &Leg) -> Option<String> {
    let [median, high] = [50, 95].map(|part| delay(leg.delays.percentile(part)));
    let (least, most) = (delay(leg.delays.min()), delay(leg.delays.max()));
    (leg.delays.count() > 0).then(|| format!("delay {least} least, {median} median, {high} for 95 %, {most} most"))
}

fn others(leg: &Leg) -> Option<String> {
    let counts = [
        (leg.duplicated, "duplicated"),
        (leg.reordered, "reordered"),
        (leg.ambiguous, "not told apart"),
        (leg.appeared, "seen only behind"),
    ];
    let mut words: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(*number)))
        .collect();
    words.extend(changes(leg));
    (!words.is_empty()).then(|| words.join(", "))
}

/// `DSCP 46 to 0 in 12 packets`.
pub(in crate::report) fn changes(leg: &Leg) -> Vec<String> {
    let changed = leg.changes.iter().zip(Changed::ALL).filter(|(change, _)| change.packets > 0);
    let value = |value: Option<u16>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let words = changed.map(|(change, what)| {
        let others = if change.mixed { " and others" } else { "" };
        let packets = counted(change.packets, "packet", "packets");
        format!("{} {} to {}{others} in {packets}", what.name().to_uppercase(), value(change.from), value(change.to))
    });
    words.collect()
}

fn worst(page: &mut Page<'_>, report: &Report, names: &[String], shown: usize) {
    let mut rows: Vec<&LegReport> = report.rows.iter().filter(|row| row.leg.missing > 0).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.leg.missing));
    let all = counted(rows.len() as u64, "direction", "directions");
    page.heading("Most missing", [(Tone::Quiet, format!("{all} of conversations with losses"))]);
    for row in rows.iter().take(shown) {
        let (from, to) = if row.to_server { (row.client, row.server) } else { (row.server, row.client) };
        let port = row.port.map_or_else(String::new, |port| format!("/{port}"));
        let what = format!("{from} \u{2192} {to}  {}{port}", row.transport);
        let lost = format!("{} of {}", count(row.leg.missing), count(row.leg.sent));
        let width = page.terminal.width.saturating_sub(16 + 2);
        let place = row.to.map_or_else(String::new, |to| format!("  behind {} before {}", names[row.from], names[to]));
        page.line([
            (Tone::Warning, format!("  {}  ", right(&lost, 12))),
            (Tone::Plain, fit(&visible(&format!("{what}{place}")), width)),
        ]);
    }
    more(page, rows.len(), shown);
}
