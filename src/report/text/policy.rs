//! A policy, for a person: the vendor's tables as the vendor prints them, then the site's rules.

use super::page::{Page, Span, Terminal, Tone, left};
use crate::policy::{Cell, Direction, Document, Policy};
use crate::protocol::Transport;
use crate::text::visible;

const INDENT: usize = 2;
const COLUMN: usize = 8;

/// The whole policy.
pub fn policy_page(policy: &Policy, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let title = (Tone::Strong, visible(policy.title()).into_owned());
    page.line([title]);
    let name = visible(policy.name()).into_owned();
    let source =
        policy.path().map_or_else(|| "built in".to_owned(), |path| visible(&path.to_string_lossy()).into_owned());
    page.line([(Tone::Quiet, format!("policy {name}, {source}"))]);
    for loss in policy.losses() {
        rule(&mut page, "lost", loss);
    }
    for (at, of) in policy.documents().iter().enumerate() {
        let cells: Vec<&Cell> = policy.cells().iter().filter(|cell| usize::from(cell.document) == at).collect();
        document(&mut page, of, &cells);
    }

    if !policy.allowances().is_empty() {
        page.heading("Allowances of the site", []);
        for entry in policy.allowances() {
            let name = entry.name.clone().unwrap_or_else(|| format!("line {}", entry.line));
            rule(&mut page, &name, &entry.reason);
        }
    }
    page.heading(
        "Supporting protocols",
        [(Tone::Plain, "networks need them, the vendor does not list them".to_owned())],
    );
    for entry in policy.supporting() {
        rule(&mut page, &entry.service, &entry.reason);
    }
    page.heading("Severities", [(Tone::Plain, "of what is unexpected; the first that holds".to_owned())]);
    for row in policy.severities() {
        rule(&mut page, row.level.name(), &row.why);
    }
    page.finish()
}

fn rule(page: &mut Page<'_>, name: &str, reason: &str) {
    let name = left(&format!("  {}", visible(name)), 22) + " ";
    page.paragraph(vec![(Tone::Plain, name)], 23, Tone::Quiet, &visible(reason));
}

fn document(page: &mut Page<'_>, document: &Document, cells: &[&Cell]) {
    page.heading(
        &visible(&document.product),
        [
            (Tone::Plain, format!("version {} and higher", document.minimum_version)),
            (Tone::Quiet, format!("  ({} and {})", document.role.name(), document.peer.name())),
        ],
    );
    const COLUMNS: [(Direction, Transport, &str); 4] = [
        (Direction::Incoming, Transport::Tcp, "in TCP"),
        (Direction::Incoming, Transport::Udp, "in UDP"),
        (Direction::Outgoing, Transport::Tcp, "out TCP"),
        (Direction::Outgoing, Transport::Udp, "out UDP"),
    ];
    let indent = (Tone::Plain, " ".repeat(INDENT));
    let head = COLUMNS.iter().map(|(.., title)| (Tone::Quiet, left(title, COLUMN)));
    page.line([indent.clone()].into_iter().chain(head));
    for entry in &document.legend {
        let listed = |(direction, transport, _): &(Direction, Transport, &str)| -> Span {
            let has = cells
                .iter()
                .any(|cell| (cell.direction, cell.transport, cell.port) == (*direction, *transport, entry.port));
            let text = if has { entry.port.to_string() } else { "--".to_owned() };
            (if has { Tone::Plain } else { Tone::Quiet }, left(&text, COLUMN))
        };
        let service = (Tone::Plain, visible(&entry.service).into_owned());
        page.line([indent.clone()].into_iter().chain(COLUMNS.iter().map(listed)).chain([service]));
    }
}
