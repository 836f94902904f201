//! The findings, gravest first.

use super::page::{Page, Span, Tone};
use super::units::{counted, short};
use crate::policy::Severity;
use crate::report::escape::visible;
use crate::survey::Survey;
use crate::verdict::Finding;

/// Where details begin.
const INDENT: usize = 10;

struct Look {
    severity: Severity,
    word: &'static str,
    tone: Tone,
    /// How many are shown unless all are wanted.
    shown: usize,
}

const LOOKS: [Look; 3] = [
    Look { severity: Severity::Alert, word: "ALERT", tone: Tone::Alert, shown: 8 },
    Look { severity: Severity::Warning, word: "warning", tone: Tone::Warning, shown: 4 },
    Look { severity: Severity::Notice, word: "notice", tone: Tone::Notice, shown: 2 },
];

pub(super) fn write(page: &mut Page<'_>, survey: &Survey) {
    page.heading("Findings", super::capture::result(survey));
    for look in &LOOKS {
        let of_severity = || survey.findings.iter().filter(|finding| finding.severity == look.severity);
        let shown = if page.terminal.all { usize::MAX } else { look.shown };
        for finding in of_severity().take(shown) {
            write_finding(page, look, finding);
        }
        if let Some(more) = of_severity().count().checked_sub(shown).filter(|more| *more > 0) {
            let text = format!("  and {} (-v shows them, -o writes findings.csv)", more_of(more as u64, look));
            page.blank();
            page.line([(Tone::Quiet, text)]);
        }
    }
}

fn more_of(more: u64, look: &Look) -> String {
    let one = look.severity.name();
    counted(more, &format!("more {one}"), &format!("more {one}s"))
}

fn write_finding(page: &mut Page<'_>, look: &Look, finding: &Finding) {
    page.blank();
    let word = (look.tone, format!("  {:<8}", look.word));
    page.paragraph(vec![word], INDENT, Tone::Strong, &visible(&title(finding)));
    let facts = facts(finding);
    if !facts.is_empty() {
        page.line([(Tone::Plain, " ".repeat(INDENT)), (Tone::Quiet, facts)]);
    }
    page.paragraph(Vec::new(), INDENT, Tone::Plain, &visible(&finding.detail));
    if !finding.advice.is_empty() {
        let arrow: Vec<Span> = vec![(Tone::Plain, " ".repeat(INDENT)), (Tone::Good, "→ ".to_owned())];
        page.paragraph(arrow, INDENT + 2, Tone::Plain, &visible(&finding.advice));
    }
}

/// `blocked: node 10.20.0.31 to gateway 10.20.0.2, TCP 88 Configuration`.
fn title(finding: &Finding) -> String {
    let party = |role: &str, address: &str| {
        let gap = if role.is_empty() || address.is_empty() { "" } else { " " };
        format!("{role}{gap}{}", address.replace(';', ", "))
    };
    let client = party(finding.client_role, &finding.client);
    let server = party(finding.server_role, &finding.server);
    let port = match (finding.transport, finding.server_port) {
        (Some(transport), Some(port)) => format!("{} {port}", transport.to_string().to_uppercase()),
        (Some(transport), None) => transport.to_string().to_uppercase(),
        _ => String::new(),
    };
    let service = [port.as_str(), &finding.service].into_iter().filter(|text| !text.is_empty());
    let service = service.collect::<Vec<_>>().join(" ");
    let parties = match (client.as_str(), server.as_str()) {
        (client, "") => client.to_owned(),
        ("", server) => server.to_owned(),
        (client, server) => format!("{client} to {server}"),
    };
    let about = [parties, service].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let reason = finding.reason.replace('-', " ");
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
