//! Two surveys compared, for a person.

use super::page::{Page, Terminal, Tone, left};
use super::units::{counted, duration, span};
use crate::report::json::{Change, ChangeKind, Comparison, FindingFate, Visit};
use crate::text::visible;

/// Lines of a section that are shown unless all are wanted.
const SHOWN: usize = 20;
/// Caveats of a visit that are shown unless all are wanted.
const DOUBTS: usize = 4;
/// Width of the labels on the left.
const LABEL: usize = 8;

struct ChangeStyle {
    kind: ChangeKind,
    mark: &'static str,
    word: &'static str,
    tone: Tone,
}

const STYLES: [ChangeStyle; 4] = [
    ChangeStyle { kind: ChangeKind::New, mark: "+", word: "new", tone: Tone::Warning },
    ChangeStyle { kind: ChangeKind::Changed, mark: "~", word: "changed", tone: Tone::Notice },
    ChangeStyle { kind: ChangeKind::Works, mark: "\u{2713}", word: "works now", tone: Tone::Good },
    ChangeStyle { kind: ChangeKind::NotSeenAgain, mark: "?", word: "not seen again", tone: Tone::Quiet },
];

pub(in crate::report) const LOST: &str =
    "Not seen again is not mended: the later visit shows nothing of it, for or against.";
pub(in crate::report) const OTHER_SITES: &str =
    "The labels of the sites differ: what stands under different labels is not compared with each other.";

/// Site, times and caveats of each visit, then findings that are fixed, new, still open and not seen again, then what else
/// is new (`+`), changed (`~`), proven to work (`\u{2713}`) and not seen again (`?`).
pub fn comparison_page(comparison: &Comparison, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let [before, after] = &comparison.visits;
    visit(&mut page, "Before", before);
    visit(&mut page, "After", after);
    if comparison.is_of_other_sites() {
        page.paragraph(Vec::new(), LABEL, Tone::Warning, OTHER_SITES);
    }
    if comparison.is_same() {
        page.blank();
        page.line([(Tone::Good, "The surveys are the same.".to_owned())]);
    }
    for (standing, changes) in comparison.outcomes() {
        let style = match standing {
            FindingFate::Fixed => &STYLES[2],
            FindingFate::New => &STYLES[0],
            FindingFate::Open => &STYLES[1],
            FindingFate::NotSeenAgain => &STYLES[3],
        };
        if !changes.is_empty() {
            page.blank();
            let number = counted(changes.len() as u64, "finding", "findings");
            page.line([(Tone::Strong, format!("{standing}  ")), (Tone::Plain, number)]);
            let number = changes.len();
            lines(&mut page, number, changes.into_iter().map(|change| (style, change)));
        }
    }
    let Comparison { ports, hosts, conversations, .. } = comparison;
    for (title, changes) in [("Vendor's ports", ports), ("Hosts", hosts), ("Conversations", conversations)] {
        if !changes.is_empty() {
            page.blank();
            section(&mut page, title, changes);
        }
    }
    if comparison.has_lost() {
        page.blank();
        page.paragraph(Vec::new(), 0, Tone::Strong, LOST);
    }
    page.finish()
}

fn visit(page: &mut Page<'_>, label: &str, visit: &Visit) {
    let mut parts: Vec<String> = Vec::new();
    if !visit.sites.is_empty() {
        parts.push(visit.sites.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    parts.extend(visit.span.map(|(first, last)| span(first, last, &page.terminal.zone)));
    parts.extend(visit.lasted.map(|seconds| duration((seconds * 1e9) as u64)));
    parts.push(counted(visit.frames, "frame", "frames"));
    parts.push(format!("{} heard", counted(visit.heard as u64, "host", "hosts")));
    let label = vec![(Tone::Quiet, left(label, LABEL))];
    page.paragraph(label, LABEL, Tone::Plain, &visible(&parts.join(" \u{b7} ")));
    if let Some(reason) = &visit.not_judged {
        let label = vec![(Tone::Quiet, left("", LABEL))];
        page.paragraph(label, LABEL, Tone::Alert, &visible(&format!("NOT JUDGED: {reason}")));
    }
    let shown = if page.terminal.all { usize::MAX } else { DOUBTS };
    for doubt in visit.doubts.iter().take(shown) {
        let mark = vec![(Tone::Quiet, left("", LABEL)), (Tone::Warning, "! ".to_owned())];
        page.paragraph(mark, LABEL + 2, Tone::Plain, &visible(doubt));
    }
    if let Some(more) = visit.doubts.len().checked_sub(shown).filter(|more| *more > 0) {
        let text = format!("{}and {} (-v shows them)", " ".repeat(LABEL), counted(more as u64, "more", "more"));
        page.line([(Tone::Quiet, text)]);
    }
}

fn section(page: &mut Page<'_>, title: &str, changes: &[Change]) {
    let counts = STYLES.iter().filter_map(|style| {
        let number = changes.iter().filter(|change| change.kind == style.kind).count();
        (number > 0).then(|| format!("{number} {}", style.word))
    });
    let counts: Vec<String> = counts.collect();
    page.line([(Tone::Strong, format!("{title}  ")), (Tone::Plain, counts.join(", "))]);
    // In the order of the styles: what is new is what to look at first.
    let sorted = STYLES
        .iter()
        .flat_map(|style| changes.iter().filter(|change| change.kind == style.kind).map(move |c| (style, c)));
    lines(page, changes.len(), sorted);
}

fn lines<'a>(page: &mut Page<'_>, number: usize, changes: impl Iterator<Item = (&'a ChangeStyle, &'a Change)>) {
    let shown = if page.terminal.all { usize::MAX } else { SHOWN };
    for (style, change) in changes.take(shown) {
        let mark = (style.tone, format!("  {} ", style.mark));
        page.paragraph(vec![mark], 4, Tone::Plain, &visible(&format!("{}: {}", change.what, change.fact())));
    }
    if let Some(more) = number.checked_sub(shown).filter(|more| *more > 0) {
        page.line([(Tone::Quiet, format!("    and {} (-v shows them)", counted(more as u64, "more", "more")))]);
    }
}
