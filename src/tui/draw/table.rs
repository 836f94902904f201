//! The vendor's tables as they fill, cell by cell.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::super::snapshot::Snapshot;
use super::super::theme::Theme;
use super::super::view::{Tab, View};
use super::row::LineBuilder;
use super::{ago, pane};
use crate::policy::{Cell, Direction, Document};
use crate::protocol::Transport;
use crate::report::text::ports::amount;
use crate::report::text::units::{counted, short};
use crate::verdict::{CellCoverage, CellState};

/// Columns of the port and the vendor's word for it.
const PORT: usize = 11;
/// Columns of a direction of a document: the least, and the most that is of use.
const CELL: (usize, usize) = (7, 26);
/// From so many columns on a cell tells more than its peers.
const TALKATIVE: usize = 17;

/// One port of the vendor's tables: what its cells are, by index in the survey's coverage.
pub(in crate::tui) struct Port<'a> {
    transport: Transport,
    port: u16,
    service: &'a str,
    cells: Vec<(&'a Cell, &'a Document, &'a CellCoverage)>,
}

impl Port<'_> {
    /// Everything that a filter can find a port by.
    pub(in crate::tui) fn words(&self) -> String {
        let states = self.cells.iter().map(|(cell, document, coverage)| {
            let direction = if cell.direction == Direction::Incoming { "in" } else { "out" };
            format!("{} {direction} {}", document.name, coverage.state.name().replace('-', " "))
        });
        format!("{} {} {} {}", self.transport, self.port, self.service, states.collect::<Vec<_>>().join(" "))
    }
}

/// The ports of all tables, ascending.
pub(in crate::tui) fn ports(snapshot: &Snapshot) -> Vec<Port<'_>> {
    let mut ports: BTreeMap<(Transport, u16, &str), Vec<_>> = BTreeMap::new();
    for coverage in &snapshot.survey.coverage {
        let Some((cell, document)) = snapshot.names.cell(coverage.cell) else { continue };
        ports.entry((cell.transport, cell.port, &cell.service)).or_default().push((cell, document, coverage));
    }
    ports.into_iter().map(|((transport, port, service), cells)| Port { transport, port, service, cells }).collect()
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View, theme: &Theme, snapshot: &Snapshot) {
    let ports = ports(snapshot);
    let selected = view.ports.selected().and_then(|at| ports.get(at));
    let detail = selected.map(|port| detail(theme, snapshot, port)).unwrap_or_default();
    let pane_height = u16::try_from(detail.len() + 1).unwrap_or(8).min(area.height / 3);
    let [grid, below] = Layout::vertical([Constraint::Min(3), Constraint::Length(pane_height)]).areas(area);

    let mut documents: Vec<&Document> = Vec::new();
    for (_, document, _) in ports.iter().flat_map(|port| &port.cells) {
        if !documents.iter().any(|known| known.name == document.name) {
            documents.push(document);
        }
    }
    let longest = ports.iter().map(|port| port.service.chars().count()).max().unwrap_or(0) + 1;
    let columns = documents.len().max(1) * 2;
    let free = usize::from(area.width).saturating_sub(1 + PORT);
    let service = longest.min(free.saturating_sub(columns * CELL.0)).max(8);
    let cell = (free.saturating_sub(service) / columns).clamp(CELL.0, CELL.1);

    let head = |text: &dyn Fn(&Document) -> [String; 2], style| {
        let mut row = LineBuilder::new().left("", 1 + PORT + service, theme.plain());
        for document in &documents {
            for text in text(document) {
                row = row.left(&text, cell, style);
            }
        }
        row.line()
    };
    let found = match view.filter_words(Tab::Table) {
        none if none.is_empty() => String::new(),
        words => format!(" {} of {}{words}", view.ports.order.len(), ports.len()),
    };
    let mut lines =
        vec![titles(theme, &documents, service, cell), head(&|_| ["in".into(), "out".into()], theme.quiet())];
    if !found.is_empty() {
        lines.insert(0, LineBuilder::new().text(&found, theme.title()).line());
    }
    let height = usize::from(grid.height).saturating_sub(lines.len());
    for (place, is_selected) in view.ports.shown(height) {
        let Some(port) = ports.get(place) else { continue };
        let mut row = LineBuilder::new()
            .text(" ", theme.plain())
            .left(&format!("{} {:>5}", port.transport.to_string().to_uppercase(), port.port), PORT, theme.plain())
            .left(port.service, service, theme.plain());
        for document in &documents {
            for direction in [Direction::Incoming, Direction::Outgoing] {
                let found =
                    port.cells.iter().find(|(one, of, _)| of.name == document.name && one.direction == direction);
                row = match found {
                    Some((.., coverage)) => cell_of(row, theme, coverage, cell),
                    None => row.left("", cell, theme.plain()),
                };
            }
        }
        lines.push(row.selectable(is_selected, theme.selected(), area.width));
    }
    frame.render_widget(Paragraph::new(lines), grid);
    if let Some(port) = selected {
        let title = format!("{} {} {}", port.transport.to_string().to_uppercase(), port.port, port.service);
        pane(frame, below, theme, &title, detail, 0);
    }
}

/// Each document's name over its two columns.
fn titles(theme: &Theme, documents: &[&Document], service: usize, cell: usize) -> Line<'static> {
    let mut row = LineBuilder::new().left("", 1 + PORT + service, theme.plain());
    for document in documents {
        row = row.left(&format!("{} {}+", document.name, document.minimum_version), 2 * cell, theme.strong());
    }
    row.line()
}

fn cell_of(row: LineBuilder, theme: &Theme, coverage: &CellCoverage, width: usize) -> LineBuilder {
    let (sign, style) = theme.cell(coverage.state);
    let text = match coverage.state {
        CellState::NotSeen => String::new(),
        _ if width >= TALKATIVE => {
            let of_all = amount(coverage);
            let peers = || counted(coverage.peers.into(), "peer", "peers");
            format!("{}, {} pkts", if of_all.contains('/') { of_all } else { peers() }, short(coverage.packets))
        }
        _ => amount(coverage),
    };
    row.text(sign, style).left(&format!(" {text}"), width - 1, theme.plain())
}

/// What was seen of each cell of a port.
fn detail(theme: &Theme, snapshot: &Snapshot, port: &Port<'_>) -> Vec<Line<'static>> {
    let line = |(cell, document, coverage): &(&Cell, &Document, &CellCoverage)| {
        let (sign, style) = theme.cell(coverage.state);
        let direction = if cell.direction == Direction::Incoming { "in" } else { "out" };
        let words = match coverage.state {
            CellState::NotSeen => "not seen yet".to_owned(),
            state => format!(
                "{}: {}, {}, {} packets, last {}",
                state.said(),
                counted(coverage.peers.into(), "peer", "peers"),
                counted(coverage.flows, "flow", "flows"),
                short(coverage.packets),
                ago(coverage.last, snapshot.now),
            ),
        };
        LineBuilder::new()
            .text(&format!(" {sign} "), style)
            .left(&format!("{} {direction}", document.name), 16, theme.strong())
            .text(&words, theme.plain())
            .line()
    };
    port.cells.iter().map(line).collect()
}
