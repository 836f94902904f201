//! The first screen: site, when, what was captured and how good that is, the verdict, the findings.

use super::page::{Page, put};
use super::verdict_color::VerdictColor;
use crate::capture::Timestamp;
use crate::policy::{Role, Severity};
use crate::report::result::{Sentence, of_quality, sentence};
use crate::report::text::capture::devices;
use crate::report::text::findings::by_cause;
use crate::report::text::next::steps;
use crate::report::text::units::{bytes, counted, duration, short};
use crate::report::value::{self, nanos_between};
use crate::survey::{InputSummary, Survey};
use crate::verdict::CellState;

/// Causes of findings that the overview names.
const NAMED: usize = 24;
/// Doubts that the first screen tells in full.
const DOUBTS: usize = 4;

const SECTIONS: &[(&str, &str)] = &[
    ("findings", "Findings"),
    ("ports", "Vendor’s ports"),
    ("picture", "Who talks to whom"),
    ("nodes", "Nodes"),
    ("health", "Answers"),
    ("devices", "Devices"),
    ("time", "Over time"),
    ("conversations", "Conversations"),
    ("inventory", "Inventory"),
    ("capture", "Capture"),
    ("policy", "Policy"),
    ("words", "Words"),
    ("antivirus", "Antivirus"),
    ("reproduce", "Reproduce"),
];

pub(super) fn write(page: &mut Page, survey: &Survey) {
    put!(
        page,
        "<header class=\"top\"><div class=\"bar\"><span class=\"brand\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">\
         <circle cx=\"8.5\" cy=\"8.5\" r=\"6\"/><path d=\"M13 13l5 5M5.5 8.5h1.6l1.2-3 1.4 6 1.1-3h1\"/></svg>igorscope\
         </span><span class=\"quiet\">Igor network survey</span><button id=\"theme\" type=\"button\" hidden>Theme: \
         auto</button></div></header>\n<nav aria-label=\"Sections\"><ul>"
    );
    for (id, title) in SECTIONS.iter().filter(|(id, _)| *id != "health" || survey.tells_health()) {
        put!(page, "<li><a href=\"#{}\">{}</a></li>", id, title);
    }
    put!(page, "</ul></nav>\n<main>\n<section id=\"summary\" class=\"summary\">");
    let site = if survey.site.is_empty() { "Site survey" } else { &survey.site };
    put!(page, "<h1><bdi>{}</bdi></h1><p class=\"when\">", site);
    when(page, survey);
    put!(page, "</p>");
    let Sentence { class, lead, rest } = sentence(survey);
    put!(page, "<p class=\"verdict {}\"><strong>{}</strong> {}</p>", class, lead, rest);
    tiles(page, survey);
    quality(page, survey);
    named(page, survey);
    next(page, survey);
    shares(page, survey);
    page.end_section();
}

fn next(page: &mut Page, survey: &Survey) {
    let steps = steps(survey);
    if survey.judged.value && !steps.is_empty() {
        put!(page, "<p class=\"next\"><strong>Next</strong></p><ol class=\"steps\">");
        steps.iter().for_each(|step| put!(page, "<li>{}</li>", step));
        put!(page, "</ol>");
    }
}

fn sum(survey: &Survey, field: fn(&InputSummary) -> u64) -> u64 {
    survey.inputs.iter().map(field).sum()
}

/// First and last time of all inputs.
pub(super) fn span(survey: &Survey) -> (Timestamp, Timestamp) {
    value::span(survey.inputs.iter().map(|input| (input.first, input.last)))
}

fn when(page: &mut Page, survey: &Survey) {
    let (first, last) = span(survey);
    if let Some(nanos) = nanos_between(first, last) {
        page.time(first);
        put!(page, " to ");
        page.time(last);
        if let Some(offset) = page.offset(first) {
            put!(page, " <span class=\"quiet\">UTC{}</span>", offset);
        }
        put!(page, " · {}", duration(nanos));
    } else {
        put!(page, "No frame tells a time.");
    }
    put!(
        page,
        " · {} in {}, {} on the wire",
        counted(survey.frames.total, "frame", "frames"),
        counted(survey.inputs.len() as u64, "file", "files"),
        bytes(sum(survey, |input| input.wire_bytes))
    );
}

fn tiles(page: &mut Page, survey: &Survey) {
    put!(page, "<ul class=\"tiles\">");
    let words = [
        (Severity::Alert, "alert", "alerts", "act on them"),
        (Severity::Warning, "warning", "warnings", "look at them"),
        (Severity::Notice, "notice", "notices", "know of them"),
    ];
    for (severity, one, many, advice) in words {
        let number = survey.findings.iter().filter(|finding| finding.severity == severity).count();
        let class = if number == 0 { "none" } else { severity.name() };
        let word = if number == 1 { one } else { many };
        put!(
            page,
            "<li class=\"tile {}\"><a href=\"#findings\"><b>{}</b> <span>{}</span><small>{}</small></a></li>",
            class,
            number,
            word,
            if number == 0 { "none found" } else { advice }
        );
    }
    let carried = survey.coverage.iter().filter(|cell| cell.state == CellState::Carried).count();
    let blocked = survey.coverage.iter().filter(|cell| cell.state == CellState::Blocked).count();
    put!(
        page,
        "<li class=\"tile ports\"><a href=\"#ports\"><b>{}<i>/{}</i></b> <span>vendor’s ports work</span><small>{} \
         blocked</small></a></li>",
        carried,
        survey.coverage.len(),
        blocked
    );
    let (counts, _) = devices(survey);
    let count = |role: Role| Role::ALL.iter().zip(counts).find(|(known, _)| **known == role).map_or(0, |(_, n)| n);
    put!(
        page,
        "<li class=\"tile\"><a href=\"#inventory\"><b>{}</b> <span>{}</span><small>{}, {}</small></a></li></ul>",
        count(Role::Node),
        if count(Role::Node) == 1 { "node" } else { "nodes" },
        counted(count(Role::Gateway), "gateway", "gateways"),
        counted(count(Role::Bacnet), "BACnet system", "BACnet systems")
    );
}

/// Everything that makes the capture less than whole, gravest first.
pub(super) fn doubts(survey: &Survey) -> Vec<String> {
    let mut doubts: Vec<String> = Vec::new();
    // The inputs tell their damage themselves.
    doubts.extend(
        survey.inputs.iter().filter_map(|input| Some(format!("{}. What came before it counts.", input.trouble()?))),
    );
    let caveats = of_quality(survey).filter(|caveat| caveat.kind != "damaged-input");
    doubts.extend(caveats.map(|caveat| caveat.text.clone()));
    let stopped: u64 = survey.frames.broken().iter().map(|stop| stop.2).sum();
    if stopped > 0 {
        let total = counted(survey.frames.total, "frame", "frames");
        doubts.push(format!("{} of {total} could not be decoded to the end.", short(stopped)));
    }
    doubts
}

fn quality(page: &mut Page, survey: &Survey) {
    let doubts = doubts(survey);
    if survey.frames.total == 0 {
        return;
    }
    if doubts.is_empty() {
        let frames = counted(survey.frames.total, "frame", "frames");
        if survey.judged.value {
            put!(
                page,
                "<p class=\"quality good\"><strong>The capture is good.</strong> All {} were read and decoded to the end, \
                 both directions were seen, and nothing says that packets were dropped.</p>",
                frames
            );
        } else {
            put!(page, "<p class=\"quality warn\">All {} were read and decoded to the end.</p>", frames);
        }
        return;
    }
    put!(
        page,
        "<div class=\"quality warn\"><p><strong>How good is the capture?</strong> {} what rests on it:</p><ul>",
        if doubts.len() == 1 { "This weakens" } else { "These weaken" }
    );
    for doubt in doubts.iter().take(DOUBTS) {
        put!(page, "<li>{}</li>", doubt);
    }
    put!(page, "</ul>");
    if doubts.len() > DOUBTS {
        put!(page, "<p><a href=\"#capture\">and {} more</a></p>", doubts.len() - DOUBTS);
    }
    put!(page, "</div>");
}

fn named(page: &mut Page, survey: &Survey) {
    if survey.findings.is_empty() {
        return;
    }
    put!(page, "<ol class=\"named\">");
    let context = survey.context();
    let causes = by_cause(survey, &context);
    for cause in causes.iter().take(NAMED) {
        let severity = cause.findings[0].severity.name();
        put!(
            page,
            "<li><span class=\"sev {}\">{}</span> <a href=\"#finding-{}\"><bdi>{}</bdi></a></li>",
            severity,
            severity,
            cause.numbers[0],
            cause.line(&context, &page.zone)
        );
    }
    put!(page, "</ol>");
    if causes.len() > NAMED {
        put!(page, "<p><a href=\"#findings\">All {} findings</a></p>", survey.findings.len());
    }
}

/// How the packets divide, as a bar.
fn shares(page: &mut Page, survey: &Survey) {
    let mut packets = [0u64; VerdictColor::ALL.len()];
    for conversation in &survey.conversations {
        packets[VerdictColor::of(conversation) as usize] += conversation.packets.iter().sum::<u64>();
    }
    let total: u64 = packets.iter().sum();
    if total == 0 {
        return;
    }
    put!(
        page,
        "<figure class=\"shares\"><figcaption>Packets by verdict</figcaption><svg viewBox=\"0 0 1000 14\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    let mut at = 0.0;
    for strand in VerdictColor::ALL.into_iter().rev() {
        let number = packets[strand as usize];
        if number == 0 {
            continue;
        }
        // What is there is to be seen, however little it is.
        let width = (number as f64 / total as f64 * 1000.0).max(3.0);
        put!(
            page,
            "<rect class=\"{}\" x=\"{}\" width=\"{}\" height=\"14\"/>",
            strand.class(),
            format!("{at:.1}"),
            format!("{width:.1}")
        );
        at += width;
    }
    put!(page, "</svg><ul class=\"legend\">");
    for strand in VerdictColor::ALL.into_iter().rev().filter(|strand| packets[*strand as usize] > 0) {
        let number = packets[strand as usize];
        let percent = number as f64 / total as f64 * 100.0;
        let percent = if percent < 0.1 { "<0.1".to_owned() } else { format!("{percent:.1}") };
        put!(
            page,
            "<li><i class=\"{}\"></i>{} <b>{}</b> <span class=\"quiet\">{}%</span></li>",
            strand.class(),
            strand.words(),
            short(number),
            percent
        );
    }
    put!(page, "</ul></figure>");
}
