//! The findings, gravest first.

use super::page::{Page, Span, Tone};
use super::units::{counted, short};
use crate::finding::{Finding, Words};
use crate::policy::{Role, Severity};
use crate::report::escape::visible;
use crate::survey::Survey;

/// Where details begin.
const INDENT: usize = 10;

struct Look {
    severity: Severity,
    word: &'static str,
    tone: Tone,
    /// How many are shown unless all are wanted.
    shown: usize,
    /// Whether what was seen and what to do are told even so.
    in_detail: bool,
}

const LOOKS: [Look; 3] = [
    Look { severity: Severity::Alert, word: "ALERT", tone: Tone::Alert, shown: 6, in_detail: true },
    Look { severity: Severity::Warning, word: "warning", tone: Tone::Warning, shown: 4, in_detail: false },
    Look { severity: Severity::Notice, word: "notice", tone: Tone::Notice, shown: 2, in_detail: false },
];

pub(super) fn write(page: &mut Page<'_>, survey: &Survey) {
    page.heading("Findings", super::capture::result(survey));
    let context = survey.context();
    for look in &LOOKS {
        let of_severity = || survey.findings.iter().filter(|finding| finding.severity == look.severity);
        let shown = if page.terminal.all { usize::MAX } else { look.shown };
        for finding in of_severity().take(shown) {
            write_finding(page, look, finding, &finding.words(&context));
        }
        if let Some(more) = of_severity().count().checked_sub(shown).filter(|more| *more > 0) {
            let text = format!("  and {} (-v shows all in full, -o writes findings.csv)", more_of(more as u64, look));
            page.blank();
            page.line([(Tone::Quiet, text)]);
        }
    }
}

fn more_of(more: u64, look: &Look) -> String {
    let one = look.severity.name();
    counted(more, &format!("more {one}"), &format!("more {one}s"))
}

fn write_finding(page: &mut Page<'_>, look: &Look, finding: &Finding, words: &Words) {
    page.blank();
    let word = (look.tone, format!("  {:<8}", look.word));
    page.paragraph(vec![word], INDENT, Tone::Strong, &visible(&title(finding, words)));
    let facts = facts(finding);
    if !facts.is_empty() {
        page.line([(Tone::Plain, " ".repeat(INDENT)), (Tone::Quiet, facts)]);
    }
    if !page.terminal.all && !look.in_detail {
        return;
    }
    let told: fn(&str) -> &str = if page.terminal.all { |text| text } else { first_sentence };
    page.paragraph(Vec::new(), INDENT, Tone::Plain, &visible(told(&words.detail)));
    if !words.advice.is_empty() {
        let arrow: Vec<Span> = vec![(Tone::Plain, " ".repeat(INDENT)), (Tone::Good, "→ ".to_owned())];
        page.paragraph(arrow, INDENT + 2, Tone::Plain, &visible(told(&words.advice)));
    }
}

/// A text up to its first full stop that a new sentence follows.
fn first_sentence(text: &str) -> &str {
    let ends = |&(at, stop): &(usize, &str)| {
        let before = text[..at].chars().next_back().unwrap_or_default();
        let after = text[at + stop.len()..].chars().next().unwrap_or_default();
        after.is_uppercase() || after.is_ascii_digit() && before.is_alphabetic()
    };
    text.match_indices(". ").find(ends).map_or(text, |(at, _)| &text[..=at])
}

/// `blocked: node 10.20.0.31 to gateway 10.20.0.2, TCP 88 Configuration`.
pub(crate) fn title(finding: &Finding, words: &Words) -> String {
    let party = |role: Option<Role>, address: &str| {
        let role = role.map_or("", Role::name);
        let gap = if role.is_empty() || address.is_empty() { "" } else { " " };
        format!("{role}{gap}{}", address.replace(';', ", "))
    };
    let client = party(finding.client_role, &words.client);
    let server = party(finding.server_role, &words.server);
    let port = match (finding.transport, finding.server_port) {
        (Some(transport), Some(port)) => format!("{} {port}", transport.to_string().to_uppercase()),
        (Some(transport), None) => transport.to_string().to_uppercase(),
        _ => String::new(),
    };
    let service = [port.as_str(), words.service.as_str()].into_iter().filter(|text| !text.is_empty());
    let service = service.collect::<Vec<_>>().join(" ");
    let parties = match (client.as_str(), server.as_str()) {
        (client, "") => client.to_owned(),
        ("", server) => server.to_owned(),
        (client, server) => format!("{client} to {server}"),
    };
    let about = [parties, service].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let reason = finding.kind.name().replace('-', " ");
    if about.is_empty() { reason } else { format!("{reason}: {about}") }
}

fn facts(finding: &Finding) -> String {
    let mut facts = Vec::new();
    facts.extend(finding.outcome.map(|outcome| outcome.name().to_owned()));
    if finding.flows > 0 {
        facts.push(counted(finding.flows, "flow", "flows"));
        facts.push(format!("{} packets", short(finding.packets)));
    }
    facts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn a_sentence_ends_where_the_next_begins() {
        for (text, expected) in [
            ("One. Two.", "One."),
            ("Refused: 3 tries. 10.20.0.1 was asked.", "Refused: 3 tries."),
            ("Version 1.12.1 and higher, e. g. this", "Version 1.12.1 and higher, e. g. this"),
            ("To 10.20.0.1. And more.", "To 10.20.0.1."),
        ] {
            assert_eq!(first_sentence(text), expected);
        }
    }
}
