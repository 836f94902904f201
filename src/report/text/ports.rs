//! The vendor's tables as one grid: a row a port, a column a document's direction.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, Span, Tone, left};
use super::units::short;
use crate::inventory::HostId;
use crate::policy::{Cell, Direction, Document};
use crate::protocol::Transport;
use crate::report::names::Names;
use crate::report::result::too_short;
use crate::survey::Survey;
use crate::text::visible;
use crate::verdict::{CellCoverage, CellState, HostCoverage};

/// Width of `● 1.2k` and the gap behind it.
const CELL: usize = 8;

struct StateStyle {
    state: CellState,
    symbol: &'static str,
    tone: Tone,
}

const STYLES: [StateStyle; 5] = [
    StateStyle { state: CellState::Carried, symbol: "●", tone: Tone::Good },
    StateStyle { state: CellState::Blocked, symbol: "✗", tone: Tone::Alert },
    StateStyle { state: CellState::OneWay, symbol: "◐", tone: Tone::Warning },
    StateStyle { state: CellState::Sent, symbol: "○", tone: Tone::Plain },
    StateStyle { state: CellState::NotSeen, symbol: "·", tone: Tone::Quiet },
];

fn style_of(state: CellState) -> &'static StateStyle {
    STYLES.iter().find(|style| style.state == state).unwrap_or(&STYLES[4])
}

type PortRow<'a> = (Transport, u16, &'a str);
type SeenCell<'a> = (&'a Cell, &'a Document, &'a CellCoverage);

pub(super) fn write(page: &mut Page<'_>, survey: &Survey, names: &Names) {
    let seen: Vec<SeenCell<'_>> = survey
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
    let row_width = (2 + 13 + services).min(page.terminal.width.saturating_sub(2 * CELL)).min(32);
    let at_once = (page.terminal.width.saturating_sub(row_width) / (2 * CELL)).max(1);
    for documents in documents.chunks(at_once) {
        let shown: Vec<SeenCell<'_>> =
            seen.iter().copied().filter(|(_, document, _)| documents.contains(&document.name.as_str())).collect();
        grid(page, documents, &shown, row_width);
    }
    let legend = STYLES.iter().flat_map(|style| {
        let word = format!(" {}   ", style.state.said());
        [(style.tone, style.symbol.to_owned()), (Tone::Quiet, word)]
    });
    let legend: Vec<Span> = [(Tone::Plain, "  ".to_owned())].into_iter().chain(legend).collect();
    page.line(legend);
    let numbers = "n: by how many peers; n/m: on n of m devices".to_owned();
    page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Quiet, &numbers);
    if seen.iter().any(|(cell, ..)| cell.on_demand.is_some()) {
        let demands: BTreeSet<&str> = seen.iter().filter_map(|(cell, ..)| cell.on_demand.as_deref()).collect();
        let text = format!("* not by itself, but on {}", demands.into_iter().collect::<Vec<_>>().join(", "));
        page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Quiet, &visible(&text));
    }
    for text in missing(survey) {
        page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Plain, &visible(&text));
    }
    let unseen = seen.iter().any(|(.., seen)| seen.state == CellState::NotSeen);
    if let Some(short) = too_short(survey).filter(|_| unseen) {
        let text = format!("\"Not seen\" proves little: {short}.");
        page.paragraph(vec![(Tone::Plain, "  ".to_owned())], 2, Tone::Quiet, &text);
    }
}

/// `41 of 60 carried, 2 blocked, ...`.
fn summary(seen: &[SeenCell<'_>]) -> Vec<Span> {
    let mut spans = Vec::new();
    for style in &STYLES {
        let number = seen.iter().filter(|(.., coverage)| coverage.state == style.state).count();
        let word = style.state.said();
        if style.state == CellState::Carried {
            spans.push((Tone::Plain, format!("{number} of {} {word}", seen.len())));
        } else if number > 0 {
            let tone = if style.state == CellState::Blocked { style.tone } else { Tone::Plain };
            spans.push((Tone::Plain, ", ".to_owned()));
            spans.push((tone, format!("{number} {word}")));
        }
    }
    spans
}

fn grid(page: &mut Page<'_>, documents: &[&str], seen: &[SeenCell<'_>], row_width: usize) {
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

    let mut rows: BTreeMap<PortRow<'_>, Vec<SeenCell<'_>>> = BTreeMap::new();
    for cell in seen {
        rows.entry((cell.0.transport, cell.0.port, &cell.0.service)).or_default().push(*cell);
    }
    for ((transport, port, service), cells) in rows {
        let transport = transport.to_string().to_uppercase();
        let mark = if cells.iter().any(|(cell, ..)| cell.on_demand.is_some()) { "*" } else { "" };
        let title = format!("  {transport} {port:>5}  {}{mark}", visible(service));
        let mut spans = vec![(Tone::Plain, left(&title, row_width - 1) + " ")];
        for document in documents {
            for direction in [Direction::Incoming, Direction::Outgoing] {
                let cell = cells.iter().find(|(cell, found, _)| found.name == *document && cell.direction == direction);
                spans.extend(cell_spans(cell.map(|(.., coverage)| *coverage)));
            }
        }
        page.line(spans);
    }
}

/// Names of devices that a line has room for, and such lines.
const MAX_NAMES: usize = 6;
const MAX_LINES: usize = 6;

/// Which devices lack a port that most of their kind use by themselves, a line for each group of them.
pub(crate) fn missing(survey: &Survey) -> Vec<String> {
    let mut by_devices: BTreeMap<Vec<HostId>, Vec<String>> = BTreeMap::new();
    for coverage in &survey.coverage {
        let Some(cell) = survey.policy.cells().get(usize::from(coverage.cell)) else { continue };
        let used = coverage.hosts[CellState::Carried as usize] + coverage.hosts[CellState::Sent as usize];
        let all: u32 = coverage.hosts.iter().sum();
        if cell.on_demand.is_some() || used == all || used * 2 < all {
            continue;
        }
        let lacks = |device: &&HostCoverage| {
            let own = device.cells.iter().find(|(at, _)| *at == coverage.cell);
            own.is_some_and(|(_, state)| !matches!(state, CellState::Carried | CellState::Sent))
        };
        let missing: Vec<HostId> = survey.nodes.iter().filter(lacks).map(|device| device.host).collect();
        let direction = if cell.direction == Direction::Incoming { "in" } else { "out" };
        let port = format!("{} {} {direction}", cell.transport.to_string().to_uppercase(), cell.port);
        by_devices.entry(missing).or_default().push(port);
    }
    let line = |(devices, ports): (&Vec<HostId>, &Vec<String>)| {
        let name = |id: &HostId| {
            let host = survey.hosts.get(*id);
            host.name.clone().map_or_else(|| host.address.to_string(), |name| name.to_string())
        };
        let mut names: Vec<String> = devices.iter().take(MAX_NAMES).map(name).collect();
        if devices.len() > MAX_NAMES {
            names.push(format!("{} more", devices.len() - MAX_NAMES));
        }
        format!("not seen to work on {}: {}", names.join(", "), ports.join(", "))
    };
    let mut lines: Vec<String> = by_devices.iter().take(MAX_LINES).map(line).collect();
    if by_devices.len() > MAX_LINES {
        lines.push(format!("and {} more such groups of devices (nodes.csv has all)", by_devices.len() - MAX_LINES));
    }
    lines
}

/// On how many of the devices, as `34/36`; where there is but one, how many peers.
pub(crate) fn amount(coverage: &CellCoverage) -> String {
    let devices: u32 = coverage.hosts.iter().sum();
    match coverage.state {
        CellState::NotSeen => String::new(),
        state if devices > 1 => format!("{}/{devices}", coverage.hosts[state as usize]),
        _ => short(coverage.peers.into()),
    }
}

fn cell_spans(coverage: Option<&CellCoverage>) -> [Span; 2] {
    let Some(coverage) = coverage else {
        return [(Tone::Plain, " ".repeat(CELL)), (Tone::Plain, String::new())];
    };
    let style = style_of(coverage.state);
    [(style.tone, style.symbol.to_owned()), (Tone::Plain, left(&format!(" {}", amount(coverage)), CELL - 1))]
}
