//! The vendor's tables as one grid: a row a port, a column a document's direction.

use std::collections::BTreeMap;

use super::page::{Page, Span, Tone, left};
use super::units::short;
use crate::policy::{Cell, Direction, Document, Transport};
use crate::report::escape::visible;
use crate::report::names::Names;
use crate::report::result::too_short;
use crate::survey::Survey;
use crate::verdict::{CellCoverage, CellState};

/// Width of `● 1.2k` and the gap behind it.
const CELL: usize = 8;

struct Look {
    state: CellState,
    symbol: &'static str,
    tone: Tone,
}

const LOOKS: [Look; 4] = [
    Look { state: CellState::Carried, symbol: "●", tone: Tone::Good },
    Look { state: CellState::Blocked, symbol: "✗", tone: Tone::Alert },
    Look { state: CellState::OneWay, symbol: "◐", tone: Tone::Warning },
    Look { state: CellState::NotSeen, symbol: "·", tone: Tone::Quiet },
];

fn look(state: CellState) -> &'static Look {
    LOOKS.iter().find(|look| look.state == state).unwrap_or(&LOOKS[3])
}

type Row<'a> = (Transport, u16, &'a str);
type Seen<'a> = (&'a Cell, &'a Document, &'a CellCoverage);

pub(super) fn write(page: &mut Page<'_>, survey: &Survey, names: &Names) {
    let seen: Vec<Seen<'_>> = survey
        .coverage
        .iter()
        .filter_map(|seen| names.cell(seen.cell).map(|(cell, document)| (cell, document, seen)))
        .collect();
    if seen.is_empty() {
        return;
    }
    page.heading("Vendor's ports", summary(&seen));

    let mut documents: Vec<&str> = Vec::new();
    for (_, document, _) in &seen {
        if !documents.contains(&document.name.as_str()) {
            documents.push(&document.name);
        }
    }
    let services = seen.iter().map(|(cell, ..)| cell.service.chars().count()).max().unwrap_or(0);
    let row_width = (2 + 12 + services).min(page.terminal.width.saturating_sub(2 * CELL)).min(31);
    let at_once = (page.terminal.width.saturating_sub(row_width) / (2 * CELL)).max(1);
    for documents in documents.chunks(at_once) {
        let shown: Vec<Seen<'_>> =
            seen.iter().copied().filter(|(_, document, _)| documents.contains(&document.name.as_str())).collect();
        grid(page, documents, &shown, row_width);
    }
    let legend = LOOKS.iter().flat_map(|look| {
        let word = format!(" {}   ", look.state.name().replace('-', " "));
        [(look.tone, look.symbol.to_owned()), (Tone::Quiet, word)]
    });
    let legend: Vec<Span> = [(Tone::Plain, "  ".to_owned())].into_iter().chain(legend).collect();
    page.line(legend.into_iter().chain([(Tone::Quiet, "number: how many peers".to_owned())]));
    let unseen = seen.iter().any(|(.., seen)| seen.state == CellState::NotSeen);
    if let Some(short) = too_short(survey).filter(|_| unseen) {
        let text = format!("\"Not seen\" proves little: {short}.");
        page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Quiet, &text);
    }
}

/// `41 of 60 carried, 2 blocked, ...`.
fn summary(seen: &[Seen<'_>]) -> Vec<Span> {
    let mut spans = Vec::new();
    for look in &LOOKS {
        let number = seen.iter().filter(|(.., coverage)| coverage.state == look.state).count();
        let word = look.state.name().replace('-', " ");
        if look.state == CellState::Carried {
            spans.push((Tone::Plain, format!("{number} of {} {word}", seen.len())));
        } else if number > 0 {
            let tone = if look.state == CellState::Blocked { look.tone } else { Tone::Plain };
            spans.push((Tone::Plain, ", ".to_owned()));
            spans.push((tone, format!("{number} {word}")));
        }
    }
    spans
}

fn grid(page: &mut Page<'_>, documents: &[&str], seen: &[Seen<'_>], row_width: usize) {
    let blank = || (Tone::Plain, left("", row_width));
    let version = |document: &str| {
        let found = seen.iter().find(|(_, found, _)| found.name == document);
        found.map_or_else(String::new, |(_, found, _)| found.minimum_version.to_string())
    };
    let titles = documents.iter().map(|document| {
        (Tone::Strong, left(&format!("{} {}+", visible(document), visible(&version(document))), 2 * CELL - 1) + " ")
    });
    page.line([blank()].into_iter().chain(titles));
    let directions = documents.iter().flat_map(|_| [Direction::Incoming, Direction::Outgoing]);
    let arrows = directions
        .clone()
        .map(|direction| (Tone::Quiet, left(if direction == Direction::Incoming { "in" } else { "out" }, CELL)));
    page.line([blank()].into_iter().chain(arrows));

    let mut rows: BTreeMap<Row<'_>, Vec<Seen<'_>>> = BTreeMap::new();
    for cell in seen {
        rows.entry((cell.0.transport, cell.0.port, &cell.0.service)).or_default().push(*cell);
    }
    for ((transport, port, service), cells) in rows {
        let transport = transport.to_string().to_uppercase();
        let mut spans =
            vec![(Tone::Plain, left(&format!("  {transport} {port:>5}  {}", visible(service)), row_width - 1) + " ")];
        for document in documents {
            for direction in [Direction::Incoming, Direction::Outgoing] {
                let cell = cells.iter().find(|(cell, found, _)| found.name == *document && cell.direction == direction);
                spans.extend(cell_spans(cell.map(|(.., coverage)| *coverage)));
            }
        }
        page.line(spans);
    }
}

fn cell_spans(coverage: Option<&CellCoverage>) -> [Span; 2] {
    let Some(coverage) = coverage else {
        return [(Tone::Plain, " ".repeat(CELL)), (Tone::Plain, String::new())];
    };
    let look = look(coverage.state);
    let peers = match coverage.state {
        CellState::NotSeen => String::new(),
        _ => short(coverage.peers.into()),
    };
    [(look.tone, look.symbol.to_owned()), (Tone::Plain, left(&format!(" {peers}"), CELL - 1))]
}
