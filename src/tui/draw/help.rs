//! Keys and signs.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::super::theme::Theme;
use super::super::view::View;
use super::row::LineBuilder;

/// Key or sign and what it means; `#` stands before a heading.
const TEXT: [(&str, &str); LINES] = [
    ("#", "Keys"),
    ("q  Ctrl-C", "end the survey: results are saved, the summary is printed"),
    ("1-7  ← →", "another tab"),
    ("↑ ↓  j k", "move; PgUp PgDn by ten, Home End to the ends"),
    ("Enter  Esc", "detail of the selected line, and back"),
    ("/", "filter the list: every word must be found in an address, name,"),
    ("", "role, port, service, verdict, outcome, state or measure; Esc clears it"),
    ("s  r", "sort by something else; reverse"),
    ("p", "pause what is shown; the survey goes on"),
    ("m", "mouse on or off: wheel and tabs (off: the terminal selects text)"),
    ("", ""),
    ("#", "Findings and conversations"),
    ("✗ ! i", "alert, warning, notice: not in the documents, or blocked"),
    ("✓ ~ +", "documented; part of a documented exchange; allowed by the site"),
    ("·", "supporting: networks need it, the documents do not list it"),
    ("", ""),
    ("#", "Ports of the vendor's tables, with the number of peers"),
    ("●", "carried: it worked"),
    ("✗", "blocked: tried, and refused, rejected or unanswered"),
    ("◐", "one way: only one side was heard"),
    ("·", "not seen: nobody tried so far, which proves nothing"),
    ("", ""),
    ("#", "Health, where the survey was begun with --health"),
    ("95 %", "the time that 95 of 100 answers do not exceed"),
    ("again", "questions sent again; of TCP data the share of segments sent again"),
    ("", ""),
    ("#", "igorscope only listens: it never sends a packet."),
];

/// How many lines there are.
pub(in crate::tui) const LINES: usize = 27;
/// Columns of the keys.
const KEY: usize = 14;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme) {
    let most = LINES.saturating_sub(usize::from(area.height));
    let line = |(key, text): &(&str, &str)| {
        let row = LineBuilder::new().text(" ", theme.plain());
        match *key {
            "#" => row.text(text, theme.strong()).line(),
            key => row.left(key, KEY, theme.title()).text(text, theme.plain()).line(),
        }
    };
    let shown: Vec<Line<'_>> = TEXT.iter().skip(view.help.min(most)).map(line).collect();
    frame.render_widget(Paragraph::new(shown), area);
}
