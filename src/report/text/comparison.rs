//! Two surveys compared, for a person.

use super::page::{Page, Terminal, Tone, left};
use super::units::{counted, duration};
use crate::report::escape::visible;
use crate::report::json::{Change, ChangeKind, Comparison, Visit};

/// Lines of a section that are shown unless all are wanted.
const SHOWN: usize = 20;
/// Width of the labels on the left.
const LABEL: usize = 8;

struct Look {
    kind: ChangeKind,
    mark: &'static str,
    word: &'static str,
    tone: Tone,
}

const LOOKS: [Look; 4] = [
    Look { kind: ChangeKind::New, mark: "+", word: "new", tone: Tone::Warning },
    Look { kind: ChangeKind::Changed, mark: "~", word: "changed", tone: Tone::Notice },
    Look { kind: ChangeKind::Works, mark: "\u{2713}", word: "works now", tone: Tone::Good },
    Look { kind: ChangeKind::NotSeenAgain, mark: "?", word: "not seen again", tone: Tone::Quiet },
];

/// What each visit could see, then what is new (`+`), changed (`~`), proven to work (`\u{2713}`) and not seen again (`?`).
pub fn comparison_page(comparison: &Comparison, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    let [before, after] = &comparison.visits;
    visit(&mut page, "Before", before);
    visit(&mut page, "After", after);
    if !before.sites.is_empty() && !after.sites.is_empty() && before.sites != after.sites {
        let text =
            "The labels of the sites differ: what stands under different labels is not compared with each other.";
        page.paragraph(Vec::new(), LABEL, Tone::Warning, text);
    }
    page.blank();
    if comparison.is_same() {
        page.line([(Tone::Good, "The surveys are the same.".to_owned())]);
        return page.finish();
    }
    let Comparison { ports, findings, hosts, conversations, .. } = comparison;
    let sections =
        [("Vendor's ports", ports), ("Findings", findings), ("Hosts", hosts), ("Conversations", conversations)];
    for (at, (title, changes)) in sections.into_iter().filter(|(_, changes)| !changes.is_empty()).enumerate() {
        if at > 0 {
            page.blank();
        }
        section(&mut page, title, changes);
    }
    let lost = |changes: &&Vec<Change>| changes.iter().any(|change| change.kind == ChangeKind::NotSeenAgain);
    if [ports, findings, hosts, conversations].iter().any(lost) {
        page.blank();
        let text = "Not seen again is not mended: the later visit shows nothing of it, for or against.";
        page.paragraph(Vec::new(), 0, Tone::Strong, text);
    }
    page.finish()
}

fn visit(page: &mut Page<'_>, label: &str, visit: &Visit) {
    let mut parts: Vec<String> = Vec::new();
    if !visit.sites.is_empty() {
        parts.push(visit.sites.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    parts.extend(visit.lasted.map(|seconds| duration((seconds * 1e9) as u64)));
    parts.push(counted(visit.frames, "frame", "frames"));
    parts.push(format!("{} heard", counted(visit.heard as u64, "host", "hosts")));
    if !visit.caveats.is_empty() {
        let kinds: Vec<&str> = visit.caveats.iter().map(String::as_str).collect();
        parts.push(format!("caveats: {}", kinds.join(", ")));
    }
    let label = vec![(Tone::Quiet, left(label, LABEL))];
    page.paragraph(label, LABEL, Tone::Plain, &visible(&parts.join(" \u{b7} ")));
    if let Some(reason) = &visit.not_judged {
        let label = vec![(Tone::Quiet, left("", LABEL))];
        page.paragraph(label, LABEL, Tone::Alert, &visible(&format!("NOT JUDGED: {reason}")));
    }
}

fn section(page: &mut Page<'_>, title: &str, changes: &[Change]) {
    let counts = LOOKS.iter().filter_map(|look| {
        let number = changes.iter().filter(|change| change.kind == look.kind).count();
        (number > 0).then(|| format!("{number} {}", look.word))
    });
    let counts: Vec<String> = counts.collect();
    page.line([(Tone::Strong, format!("{title}  ")), (Tone::Plain, counts.join(", "))]);
    // In the order of the looks: what is new is what to look at first.
    let sorted =
        LOOKS.iter().flat_map(|look| changes.iter().filter(|change| change.kind == look.kind).map(move |c| (look, c)));
    let shown = if page.terminal.all { usize::MAX } else { SHOWN };
    for (look, change) in sorted.take(shown) {
        let fact = match (&change.old, &change.new) {
            (Some(old), Some(new)) => format!("{new} (was {old})"),
            (Some(old), None) => format!("was {old}"),
            (None, new) => new.clone().unwrap_or_default(),
        };
        let mark = (look.tone, format!("  {} ", look.mark));
        page.paragraph(vec![mark], 4, Tone::Plain, &visible(&format!("{}: {fact}", change.what)));
    }
    if let Some(more) = changes.len().checked_sub(shown).filter(|more| *more > 0) {
        page.line([(Tone::Quiet, format!("    and {} (-v shows them)", counted(more as u64, "more", "more")))]);
    }
}
