//! Two surveys compared, for a person.

use super::page::{Page, Terminal, Tone};
use super::units::counted;
use crate::report::escape::visible;
use crate::report::json::{Change, Comparison};

/// Lines of a section that are shown unless all are wanted.
const SHOWN: usize = 20;

/// What is new (`+`), gone (`-`) and changed (`~`).
pub fn comparison_page(comparison: &Comparison, terminal: &Terminal) -> String {
    let mut page = Page::new(terminal);
    if comparison.is_same() {
        page.line([(Tone::Good, "The surveys are the same.".to_owned())]);
        return page.finish();
    }
    let Comparison { ports, findings, hosts, conversations } = comparison;
    let sections =
        [("Vendor's ports", ports), ("Findings", findings), ("Hosts", hosts), ("Conversations", conversations)];
    for (at, (title, changes)) in sections.into_iter().filter(|(_, changes)| !changes.is_empty()).enumerate() {
        if at > 0 {
            page.blank();
        }
        section(&mut page, title, changes);
    }
    page.finish()
}

fn section(page: &mut Page<'_>, title: &str, changes: &[Change]) {
    let number = |of: fn(&Change) -> bool| changes.iter().filter(|change| of(change)).count();
    let counts = [
        (number(|change| change.old.is_none()), "new"),
        (number(|change| change.new.is_none()), "gone"),
        (number(|change| change.old.is_some() && change.new.is_some()), "changed"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    page.line([(Tone::Strong, format!("{title}  ")), (Tone::Plain, counts.join(", "))]);

    let shown = if page.terminal.all { usize::MAX } else { SHOWN };
    for change in changes.iter().take(shown) {
        let (mark, tone, fact) = match (&change.old, &change.new) {
            (None, Some(new)) => ("+", Tone::Warning, new.clone()),
            (Some(old), None) => ("-", Tone::Quiet, format!("was {old}")),
            (Some(old), Some(new)) => ("~", Tone::Notice, format!("{new} (was {old})")),
            (None, None) => continue,
        };
        let mark = (tone, format!("  {mark} "));
        page.paragraph(vec![mark], 4, Tone::Plain, &visible(&format!("{}: {fact}", change.what)));
    }
    if let Some(more) = changes.len().checked_sub(shown).filter(|more| *more > 0) {
        page.line([(Tone::Quiet, format!("    and {} (-v shows them)", counted(more as u64, "more", "more")))]);
    }
}
