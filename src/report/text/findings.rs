//! The findings, gravest first: a line for each cause, or every finding in full.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::page::{Page, Span, Tone};
use super::units::{counted, local, short};
use crate::finding::{Context, Finding};
use crate::policy::{Role, Severity};
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::text::visible;

/// Where details begin.
const INDENT: usize = 10;
/// Findings of one cause that its line names.
const NAMED: usize = 3;

struct SeverityStyle {
    severity: Severity,
    word: &'static str,
    tone: Tone,
    /// How many causes are shown unless all are wanted.
    shown: usize,
}

const STYLES: [SeverityStyle; 3] = [
    SeverityStyle { severity: Severity::Alert, word: "ALERT", tone: Tone::Alert, shown: 12 },
    SeverityStyle { severity: Severity::Warning, word: "warning", tone: Tone::Warning, shown: 8 },
    SeverityStyle { severity: Severity::Notice, word: "notice", tone: Tone::Notice, shown: 3 },
];

/// Findings of one kind with one cause, which are mended in one way.
pub(crate) struct Cause<'a> {
    pub(crate) findings: Vec<&'a Finding>,
    /// Their numbers, from 1: what `explain` is asked for.
    pub(crate) numbers: Vec<usize>,
    /// What decides; may be empty.
    gist: String,
    /// What to do first.
    pub(crate) next: &'a str,
}

/// The findings by cause, in the order of each one's first.
pub(crate) fn by_cause<'a>(survey: &'a Survey, context: &Context<'_>) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    let mut places = HashMap::new();
    for (number, finding) in (1..).zip(&survey.findings) {
        let (gist, next) = (finding.facts.gist(finding, context), finding.facts.next(finding));
        let place = *places.entry((finding.severity, finding.kind, gist.clone(), next)).or_insert(causes.len());
        match causes.get_mut(place) {
            Some(cause) => {
                cause.findings.push(finding);
                cause.numbers.push(number);
            }
            None => causes.push(Cause { findings: vec![finding], numbers: vec![number], gist, next }),
        }
    }
    causes
}

impl Cause<'_> {
    /// `blocked (no answer, though the host is alive): node-1 and node-2 to gateway, TCP 1901 UPnP`.
    pub(crate) fn line(&self, context: &Context<'_>, zone: &TimeZone) -> String {
        let first = self.findings[0];
        let kind = first.kind.said();
        let since = first.facts.silence().map(|(_, since)| format!("since {}", local(since, first.last, zone)));
        let gist: Vec<&str> =
            since.as_deref().into_iter().chain([&*self.gist]).filter(|text| !text.is_empty()).collect();
        let gist = if gist.is_empty() { String::new() } else { format!(" ({})", gist.join(", ")) };
        let about = self.about(context);
        if about.is_empty() { format!("{kind}{gist}") } else { format!("{kind}{gist}: {about}") }
    }

    /// `(3)`, or `(1, 6, 8 and 2 more)`: the numbers of those that its line names.
    pub(crate) fn numbered(&self) -> String {
        let named: Vec<String> = self.numbers.iter().take(NAMED).map(ToString::to_string).collect();
        let more = self.numbers.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("({}{more})", named.join(", "))
    }

    /// Whom the first few are about, and how many more there are.
    pub(crate) fn about(&self, context: &Context<'_>) -> String {
        let mut about: Vec<String> = self.findings.iter().take(NAMED).map(|finding| about(finding, context)).collect();
        about.retain(|text| !text.is_empty());
        if self.findings.len() > NAMED {
            about.push(format!("and {} more", self.findings.len() - NAMED));
        }
        about.join("; ")
    }
}

/// `node-1, node-2 and 2 more to gateway, TCP 1901 UPnP`.
fn about(finding: &Finding, context: &Context<'_>) -> String {
    let service = finding.facts.service(finding, context);
    let parts = [finding.parties(context), format!("{} {service}", port(finding)).trim().to_owned()];
    parts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

pub(super) fn write(page: &mut Page<'_>, survey: &Survey) {
    page.heading("Findings", super::capture::result(survey));
    let context = survey.context();
    if page.terminal.all {
        for style in &STYLES {
            for (number, finding) in
                (1..).zip(&survey.findings).filter(|(_, finding)| finding.severity == style.severity)
            {
                write_finding(page, style, (number, finding), &context);
            }
        }
        page.blank();
        page.line([(Tone::Quiet, LEGEND.to_owned())]);
        return;
    }
    let causes = by_cause(survey, &context);
    for style in &STYLES {
        let of_severity = || causes.iter().filter(|cause| cause.findings[0].severity == style.severity);
        for cause in of_severity().take(style.shown) {
            let word = (style.tone, format!("  {:<8}", style.word));
            let line = cause.line(&context, &page.terminal.zone);
            page.paragraph_and(vec![word], INDENT, Tone::Plain, &visible(&line), (Tone::Quiet, cause.numbered()));
        }
        let more: u64 = of_severity().skip(style.shown).map(|cause| cause.findings.len() as u64).sum();
        if more > 0 {
            let text = format!("{}and {} (-v shows all)", " ".repeat(INDENT), more_of(more, style));
            page.line([(Tone::Quiet, text)]);
        }
    }
    page.line([(Tone::Quiet, LEGEND.to_owned())]);
}

const LEGEND: &str = "  (n)     igorscope explain n FILE tells why";

fn more_of(more: u64, style: &SeverityStyle) -> String {
    let one = style.severity.name();
    counted(more, &format!("more {one}"), &format!("more {one}s"))
}

fn write_finding(
    page: &mut Page<'_>,
    style: &SeverityStyle,
    (number, finding): (usize, &Finding),
    context: &Context<'_>,
) {
    page.blank();
    let word = (style.tone, format!("  {:<8}", style.word));
    let number = (Tone::Quiet, format!("({number})"));
    page.paragraph_and(vec![word], INDENT, Tone::Strong, &visible(&title(finding, context)), number);
    let facts = facts(finding);
    if !facts.is_empty() {
        page.line([(Tone::Plain, " ".repeat(INDENT)), (Tone::Quiet, facts)]);
    }
    let words = finding.words(context);
    page.paragraph(Vec::new(), INDENT, Tone::Plain, &visible(&words.detail));
    if !words.advice.is_empty() {
        let arrow: Vec<Span> = vec![(Tone::Plain, " ".repeat(INDENT)), (Tone::Good, "→ ".to_owned())];
        page.paragraph(arrow, INDENT + 2, Tone::Plain, &visible(&words.advice));
    }
}

/// `blocked: node 10.20.0.31 to gateway 10.20.0.2, TCP 88 Configuration`.
pub(crate) fn title(finding: &Finding, context: &Context<'_>) -> String {
    let party = |role: Option<Role>, address: &str| {
        let role = role.map_or("", Role::name);
        let gap = if role.is_empty() || address.is_empty() { "" } else { " " };
        format!("{role}{gap}{}", address.replace(';', ", "))
    };
    let client = party(finding.client_role, &finding.client());
    let server = party(finding.server_role, &finding.server());
    let port = port(finding);
    let service = finding.facts.service(finding, context);
    let service = [port.as_str(), service.as_str()].into_iter().filter(|text| !text.is_empty());
    let service = service.collect::<Vec<_>>().join(" ");
    let parties = match (client.as_str(), server.as_str()) {
        (client, "") => client.to_owned(),
        ("", server) => server.to_owned(),
        (client, server) => format!("{client} to {server}"),
    };
    let about = [parties, service].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let reason = finding.kind.said();
    if about.is_empty() { reason } else { format!("{reason}: {about}") }
}

fn port(finding: &Finding) -> String {
    match (finding.transport, finding.server_port) {
        (Some(transport), Some(port)) => format!("{} {port}", transport.to_string().to_uppercase()),
        (Some(Transport::Other(number)), None) => format!("IP protocol {number}"),
        (Some(transport), None) => transport.to_string().to_uppercase(),
        _ => String::new(),
    }
}

fn facts(finding: &Finding) -> String {
    let mut facts = Vec::new();
    facts.extend(finding.outcome_said().map(str::to_owned));
    if finding.flows > 0 {
        facts.push(counted(finding.flows, "flow", "flows"));
        let word = if finding.packets == 1 { "packet" } else { "packets" };
        facts.push(format!("{} {word}", short(finding.packets)));
    }
    facts.join(" · ")
}
