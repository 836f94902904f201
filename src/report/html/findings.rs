//! The findings, each with its evidence, what to do, and a filter to see its packets in Wireshark.

use super::page::{Page, put};
use crate::finding::{Finding, Words};
use crate::policy::{Severity, Transport};
use crate::report::Names;
use crate::report::text::findings::title;
use crate::report::text::units::{bytes, count, counted};
use crate::survey::Survey;
use crate::verdict::Conversation;

/// Findings that the page shows; findings.csv has the rest.
const SHOWN: usize = 300;
/// Conversations that a finding lists.
const CONVERSATIONS: usize = 12;
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
        card(page, (survey, names), (number, finding, &finding.words(&context)));
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

fn card(page: &mut Page, (survey, names): (&Survey, &Names), (number, finding, words): (usize, &Finding, &Words)) {
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
        title(finding, words)
    );
    put!(page, "<p class=\"facts\">");
    if let Some(outcome) = finding.outcome {
        put!(page, "<span class=\"tag\">{}</span> ", outcome);
    }
    if let Some(verdict) = finding.verdict {
        put!(page, "<span class=\"tag\">{}</span> ", verdict);
    }
    if finding.packets > 0 {
        put!(
            page,
            "{} · {} · {} · ",
            counted(finding.flows, "flow", "flows"),
            counted(finding.packets, "packet", "packets"),
            bytes(finding.bytes)
        );
        page.time(finding.first);
        put!(page, " to ");
        page.time(finding.last);
    }
    put!(page, "</p><p>{}</p>", words.detail);
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
    conversations(page, survey, names, finding);
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

fn conversations(page: &mut Page, survey: &Survey, names: &Names, finding: &Finding) {
    let all: Vec<&Conversation> =
        finding.conversations.iter().filter_map(|at| survey.conversations.get(*at as usize)).collect();
    if all.len() < 2 {
        return;
    }
    put!(
        page,
        "<details><summary>{}</summary><ul class=\"list\">",
        counted(all.len() as u64, "conversation", "conversations")
    );
    for conversation in all.iter().take(CONVERSATIONS) {
        put!(page, "<li>");
        page.host(survey.hosts.get(conversation.client));
        put!(page, " → ");
        page.host(survey.hosts.get(conversation.server));
        put!(
            page,
            ", {}, {}, {}</li>",
            service(conversation, names),
            conversation.outcome,
            counted(conversation.packets.iter().sum(), "packet", "packets")
        );
    }
    if all.len() > CONVERSATIONS {
        put!(page, "<li class=\"quiet\">and {} more</li>", all.len() - CONVERSATIONS);
    }
    put!(page, "</ul></details>");
}

/// `TCP 80 HTTP`.
pub(super) fn service(conversation: &Conversation, names: &Names) -> String {
    let transport = conversation.transport.to_string().to_uppercase();
    let port = match conversation.transport {
        Transport::Tcp | Transport::Udp => format!(" {}", conversation.port),
        Transport::Icmp | Transport::Icmpv6 => format!(" type {}", conversation.port),
        Transport::Other(_) => return format!("IP protocol {transport}"),
    };
    format!("{transport}{port} {}", names.conversation_service(conversation)).trim_end().to_owned()
}
