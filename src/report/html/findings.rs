//! The findings, each with its evidence, what to do, and a filter to see its packets in Wireshark.

use super::page::{Page, put};
use crate::finding::{Cited, Context, Evidence, Finding};
use crate::policy::Severity;
use crate::report::Names;
use crate::report::text::conversations::port_and_service;
use crate::report::text::findings::title;
use crate::report::text::units::{bytes, count, counted};
use crate::survey::Survey;
use crate::verdict::Conversation;

/// Findings that the page shows; findings.csv has the rest.
const SHOWN: usize = 300;
/// Conversations that a finding lists beside the first few.
const CONVERSATIONS: usize = 9;
/// Findings whose other conversations can be opened.
const IN_FULL: usize = 40;
/// Longest filter that is worth copying by hand, in bytes.
const FILTER: usize = 6000;
/// Inputs that a finding names.
const SOURCES: usize = 5;

pub(super) fn write(page: &mut Page, survey: &Survey, names: &Names) {
    page.section("findings", "Findings");
    if survey.findings.is_empty() {
        put!(page, "<p>None: nothing unexpected, and no documented conversation was seen to be blocked.</p>");
        page.end_section();
        return;
    }
    let of = |severity| survey.findings.iter().filter(|finding| finding.severity == severity).count();
    put!(page, "<div class=\"tools\" id=\"severities\" hidden><span class=\"chips\">");
    for severity in [Severity::Alert, Severity::Warning, Severity::Notice] {
        if of(severity) > 0 {
            put!(
                page,
                "<button type=\"button\" class=\"chip {}\" aria-pressed=\"true\" data-severity=\"{}\">{} {}</button>",
                severity.name(),
                severity.name(),
                severity.name(),
                of(severity)
            );
        }
    }
    put!(
        page,
        "</span> <label>Filter <input type=\"search\" id=\"find\" placeholder=\"address, port, reason …\"></label> \
         <output id=\"find-count\"></output></div><div id=\"cards\">"
    );
    let context = survey.context();
    for (number, finding) in (1..).zip(&survey.findings).take(SHOWN) {
        card(page, (survey, names), (number, finding), &context);
    }
    put!(page, "</div>");
    if survey.findings.len() > SHOWN {
        put!(
            page,
            "<p class=\"more\">The first {} of {}; findings.csv has all of them.</p>",
            SHOWN,
            survey.findings.len()
        );
    }
    page.end_section();
}

fn card(
    page: &mut Page,
    (survey, names): (&Survey, &Names),
    (number, finding): (usize, &Finding),
    context: &Context<'_>,
) {
    put!(
        page,
        "<article class=\"card {}\" id=\"finding-{}\" data-severity=\"{}\"><h3><span class=\"sev {}\">{}</span> \
         <span class=\"quiet\">{}</span> <bdi>{}</bdi></h3>",
        finding.severity.name(),
        number,
        finding.severity.name(),
        finding.severity.name(),
        finding.severity.name(),
        number,
        title(finding, context)
    );
    put!(page, "<p class=\"facts\">");
    if let Some(outcome) = finding.outcome_said() {
        put!(page, "<span class=\"tag\">{}</span> ", outcome);
    }
    if let Some(verdict) = finding.verdict {
        put!(page, "<span class=\"tag\">{}</span> ", verdict);
    }
    if finding.packets > 0 {
        // What was measured of a device counts neither flows nor bytes.
        if finding.flows > 0 {
            put!(page, "{} · ", counted(finding.flows, "flow", "flows"));
            put!(page, "{} · {} · ", counted(finding.packets, "packet", "packets"), bytes(finding.bytes));
        }
        page.time(finding.first);
        put!(page, " to ");
        page.time(finding.last);
    }
    let words = finding.words(context);
    let has_table = !finding.facts.evidence().is_empty();
    let told = if has_table { finding.facts.brief(finding, context) } else { words.detail };
    put!(page, "</p><p>{}</p>", told);
    if has_table {
        evidence(page, survey, number, finding);
    }
    if !words.advice.is_empty() {
        put!(page, "<p class=\"advice\"><strong>What to do:</strong> {}</p>", words.advice);
    }
    put!(page, "<dl>");
    if !words.rule.is_empty() {
        put!(page, "<dt>Rule</dt><dd>{}</dd>", words.rule);
    }
    filter(page, &words.display_filter);
    if !finding.sources.is_empty() && survey.inputs.len() > 1 {
        let mut list: Vec<&str> = finding.sources.iter().take(SOURCES).map(|&source| names.input(source)).collect();
        if finding.sources.len() > SOURCES {
            list.push("…");
        }
        put!(page, "<dt>Seen in</dt><dd>{}</dd>", list.join(", "));
    }
    put!(page, "</dl>");
    put!(page, "</article>\n");
}

fn filter(page: &mut Page, filter: &str) {
    match filter.len() {
        0 => (),
        1..=FILTER => put!(
            page,
            "<dt>Wireshark</dt><dd class=\"filter\"><code tabindex=\"0\">{}</code> <button type=\"button\" class=\"copy\" hidden>\
             Copy</button></dd>",
            filter
        ),
        length => put!(
            page,
            "<dt>Wireshark</dt><dd class=\"quiet\">The filter is {} characters long; findings.csv has it.</dd>",
            count(length as u64)
        ),
    }
}

/// Who, which frame, when, and how much there and back: the first few, and the rest to be opened.
fn evidence(page: &mut Page, survey: &Survey, number: usize, finding: &Finding) {
    let told = finding.facts.evidence();
    let rest = finding.conversations.iter().skip(told.len()).filter_map(|at| survey.conversations.get(*at as usize));
    let address = |host| survey.hosts.get(host).address;
    let rest: Vec<Evidence> = rest
        .take(CONVERSATIONS)
        .map(|talk| Evidence {
            client: address(talk.client),
            server: address(talk.server),
            packets: talk.packets,
            at: Cited { frame: talk.begin.frame, time: talk.first },
        })
        .collect();
    rows(page, survey, &format!("Evidence of finding {number}"), told);
    let more = finding.conversations.len().saturating_sub(told.len());
    if number > IN_FULL && more > 0 {
        put!(page, "<p class=\"quiet\">and {}</p>", counted(more as u64, "more conversation", "more conversations"));
    } else if more > 0 {
        put!(page, "<details><summary>{}</summary>", counted(more as u64, "more conversation", "more conversations"));
        rows(page, survey, &format!("More of finding {number}"), &rest);
        if more > rest.len() {
            put!(page, "<p class=\"quiet\">and {} more</p>", more - rest.len());
        }
        put!(page, "</details>");
    }
}

fn rows(page: &mut Page, survey: &Survey, label: &str, evidence: &[Evidence]) {
    put!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table class=\"evidence\"><thead><tr><th scope=\"col\">From</th><th scope=\"col\">To</th><th scope=\"col\" \
         class=\"n\">There</th><th scope=\"col\" class=\"n\">Back</th><th scope=\"col\" class=\"n\">Frame</th><th \
         scope=\"col\">Time</th></tr></thead><tbody>",
        label
    );
    for one in evidence {
        put!(page, "<tr>");
        for address in [one.client, one.server] {
            put!(page, "<td>");
            match survey.hosts.at(address) {
                Some(host) => page.host(host),
                None => put!(page, "{}", address),
            }
            put!(page, "</td>");
        }
        for packets in one.packets {
            put!(page, "<td class=\"n\">{}</td>", count(packets));
        }
        let frame = one.at.frame;
        let of = survey.inputs.get(frame.input() as usize).filter(|_| frame.is_some() && survey.inputs.len() > 1);
        let number = if frame.is_some() { frame.number().to_string() } else { String::new() };
        put!(page, "<td class=\"n\" title=\"{}\">{}</td>", of.map_or("", |input| &*input.path), number);
        page.time_cell(one.at.time);
        put!(page, "</tr>");
    }
    put!(page, "</tbody></table></div>");
}

/// `TCP 80 HTTP`.
pub(super) fn service(conversation: &Conversation, names: &Names) -> String {
    port_and_service(conversation, names.conversation_service(conversation))
}
