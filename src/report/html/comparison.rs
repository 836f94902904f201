//! Two surveys compared, as a page: site, times and caveats of each visit, then what became of the findings, then the rest.

use std::io::{self, Write};

use super::page::{Page, put};
use super::{HtmlOptions, STYLE};
use crate::capture::Timestamp;
use crate::report::json::{Change, ChangeKind, Comparison, FindingFate};
use crate::report::text::comparison::{LOST, OTHER_SITES};
use crate::report::text::units::{count, counted, duration};

/// Rows of a table, and caveats of a visit, that the page shows.
const SHOWN: usize = 1000;

/// Writes the page.
///
/// # Errors
/// When writing fails.
pub fn write_comparison_html(out: &mut dyn Write, comparison: &Comparison, options: &HtmlOptions) -> io::Result<()> {
    out.write_all(render(comparison, options).as_bytes())
}

fn render(comparison: &Comparison, options: &HtmlOptions) -> String {
    let [before, after] = &comparison.visits;
    let spans = [before.span, after.span];
    let first = spans.iter().flatten().map(|span| span.0).min().unwrap_or(Timestamp::UNKNOWN);
    let last = spans.iter().flatten().map(|span| span.1).max().unwrap_or(Timestamp::UNKNOWN);
    let mut page = Page::new(&options.zone, (first, last));
    page.open_plain("Before and after \u{b7} igorscope compare", &[STYLE]);
    put!(page, "<section id=\"summary\" class=\"summary\"><h1>Before and after</h1>");
    visits(&mut page, comparison);
    if comparison.is_of_other_sites() {
        put!(page, "<p class=\"verdict warn\"><strong>{}</strong></p>", OTHER_SITES);
    }
    let outcomes = comparison.outcomes();
    let number = |standing| outcomes.iter().filter(|of| of.0 == standing).map(|of| of.1.len()).sum::<usize>();
    let counts = FindingFate::ALL
        .iter()
        .map(|standing| format!("{} {}", count(number(*standing) as u64), standing.name().to_lowercase()));
    let class = match (number(FindingFate::New), number(FindingFate::Open) + number(FindingFate::NotSeenAgain)) {
        (0, 0) => "good",
        (0, _) => "warn",
        _ => "bad",
    };
    let same = if comparison.is_same() { "The surveys are the same. " } else { "" };
    let counts = counts.collect::<Vec<_>>().join(", ");
    put!(page, "<p class=\"verdict {}\"><strong>{}Findings: {}.</strong></p>", class, same, counts);
    if comparison.has_lost() {
        put!(page, "<p>{}</p>", LOST);
    }
    page.end_section();
    for (standing, changes) in &outcomes {
        let id = match standing {
            FindingFate::Fixed => "fixed",
            FindingFate::New => "new",
            FindingFate::Open => "open",
            FindingFate::NotSeenAgain => "lost",
        };
        page.section(id, standing.name());
        if changes.is_empty() {
            put!(page, "<p>None.</p>");
        } else {
            rows(&mut page, "Findings", changes, |change| finding_word(*standing, change));
        }
        page.end_section();
    }
    let Comparison { ports, hosts, conversations, .. } = comparison;
    let rest = [
        ("ports", "Vendor\u{2019}s ports", ports),
        ("hosts", "Hosts", hosts),
        ("talks", "Conversations", conversations),
    ];
    for (id, title, changes) in rest.into_iter().filter(|(.., changes)| !changes.is_empty()) {
        page.section(id, title);
        let all: Vec<&Change> = changes.iter().collect();
        rows(&mut page, title, &all, |change| word(change.kind));
        page.end_section();
    }
    page.close_plain();
    page.finish()
}

fn visits(page: &mut Page, comparison: &Comparison) {
    let headings = ["Visit", "Site", "First", "Last", "Lasted", "#Frames", "#Hosts heard"];
    page.table("visits", "Visits", &headings, 2);
    let named = || ["Before", "After"].into_iter().zip(&comparison.visits);
    for (name, visit) in named() {
        let sites: Vec<&str> = visit.sites.iter().map(String::as_str).collect();
        put!(page, "<tr><td>{}</td><td class=\"wide\"><bdi>{}</bdi></td>", name, sites.join(", "));
        let (first, last) = visit.span.unwrap_or((Timestamp::UNKNOWN, Timestamp::UNKNOWN));
        page.time_cell(first);
        page.time_cell(last);
        let lasted = visit.lasted.map_or_else(String::new, |seconds| duration((seconds * 1e9) as u64));
        put!(
            page,
            "<td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            lasted,
            count(visit.frames),
            count(visit.heard as u64)
        );
    }
    page.end_table();
    for (name, visit) in named() {
        if let Some(reason) = &visit.not_judged {
            put!(page, "<p class=\"verdict bad\"><strong>{}: NOT JUDGED: {}</strong></p>", name, reason);
        }
        if visit.doubts.is_empty() {
            continue;
        }
        put!(page, "<h3>Caveats {}</h3><ul class=\"caveats\">", name.to_lowercase());
        visit.doubts.iter().take(SHOWN).for_each(|doubt| put!(page, "<li>{}</li>", doubt));
        put!(page, "</ul>");
        more(page, visit.doubts.len());
    }
}

const fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::New => "new",
        ChangeKind::Changed => "changed",
        ChangeKind::Works => "works now",
        ChangeKind::NotSeenAgain => "not seen again",
    }
}

fn finding_word(standing: FindingFate, change: &Change) -> &'static str {
    match standing {
        FindingFate::Open if change.old == change.new => "unchanged",
        _ => word(change.kind),
    }
}

fn rows(page: &mut Page, caption: &'static str, changes: &[&Change], word: impl Fn(&Change) -> &'static str) {
    page.table("", caption, &["What", "Change", "Now", "Before"], changes.len().min(SHOWN));
    for change in changes.iter().take(SHOWN) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        put!(
            page,
            "<tr><td class=\"wide\">{}</td><td>{}</td><td class=\"wide\">{}</td><td class=\"wide\">{}</td></tr>\n",
            change.what,
            word(change),
            text(&change.new),
            text(&change.old)
        );
    }
    page.end_table();
    more(page, changes.len());
}

fn more(page: &mut Page, number: usize) {
    if let Some(more) = number.checked_sub(SHOWN).filter(|more| *more > 0) {
        put!(
            page,
            "<p class=\"more\">and {}; igorscope compare -v tells all.</p>",
            counted(more as u64, "more", "more")
        );
    }
}
