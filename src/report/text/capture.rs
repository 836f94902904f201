//! The head of the page: the result in one line, what was captured, and how good the capture is.

use std::collections::BTreeMap;

use super::page::{Page, Span, Tone, fit_path, left, right};
use super::units::{bytes, count, counted, duration, span};
use crate::health::Measure;
use crate::inventory::HostId;
use crate::policy::{Role, Severity};
use crate::report::health::by_device;
use crate::report::result::{Sentence, of_quality, sentence, unmatched};
use crate::report::value::{self, nanos_between};
use crate::survey::{InputSummary, Survey};
use crate::text::visible;

/// Width of the labels on the left.
const LABEL: usize = 10;
/// Inputs that are listed by name.
const INPUTS: usize = 6;

fn plain(text: impl Into<String>) -> Span {
    (Tone::Plain, text.into())
}

fn labelled(page: &mut Page<'_>, label: &str, spans: impl IntoIterator<Item = Span>) {
    page.line([(Tone::Quiet, left(label, LABEL))].into_iter().chain(spans));
}

pub(super) fn write(page: &mut Page<'_>, survey: &Survey) {
    let site = visible(&heading(survey)).into_owned();
    let mut title = vec![(Tone::Strong, "igorscope".to_owned()), plain("  ")];
    if !survey.judged.value {
        title.push((Tone::Alert, "NOT JUDGED  ".to_owned()));
    }
    title.push((Tone::Plain, site));
    page.line(title);
    page.blank();
    let Sentence { class, lead, rest } = sentence(survey);
    let tone = match class {
        "bad" => Tone::Alert,
        "warn" => Tone::Warning,
        _ => Tone::Good,
    };
    page.paragraph(vec![(Tone::Quiet, left("Result", LABEL))], LABEL, tone, &visible(&lead));
    if !rest.is_empty() {
        page.paragraph(vec![(Tone::Quiet, left("", LABEL))], LABEL, Tone::Plain, &visible(&rest));
    }
    if let Some(text) = unmatched(survey) {
        page.paragraph(vec![(Tone::Quiet, left("", LABEL))], LABEL, Tone::Plain, &visible(text));
    }
    capture(page, survey);
    quality(page, survey);
    answers(page, survey);
    hosts(page, survey);
}

/// How soon Igor's devices answer, where that was measured.
fn answers(page: &mut Page<'_>, survey: &Survey) {
    if !survey.tells_health() || survey.caveats.iter().any(|caveat| caveat.kind == "health-not-measured") {
        return;
    }
    let mut measures: BTreeMap<Measure, Vec<(u64, HostId)>> = BTreeMap::new();
    for (device, sums) in by_device(survey) {
        for (measure, sums) in sums.into_iter().filter(|(measure, _)| measure.is_application()) {
            let median = sums.times.percentile(50).map(|median| (median, device));
            measures.entry(measure).or_default().extend(median);
        }
    }
    measures.retain(|_, medians| !medians.is_empty());
    let mut label = "Answers";
    for (measure, mut medians) in measures {
        medians.sort_unstable();
        let mut text = format!("{}: {}", measure.words(), counted(medians.len() as u64, "device", "devices"));
        let middle = medians.get((medians.len() - 1) / 2).map(|(median, _)| duration(*median));
        text.push_str(&format!(", usually {}", middle.unwrap_or_default()));
        if let Some((slowest, device)) = medians.last().filter(|_| medians.len() > 1) {
            let host = survey.hosts.get(*device);
            let name = host.name.as_deref().map_or_else(|| host.address.to_string(), str::to_owned);
            text.push_str(&format!(", the slowest {} {}", visible(&name), duration(*slowest)));
        }
        page.paragraph(vec![(Tone::Quiet, left(label, LABEL))], LABEL, Tone::Plain, &text);
        label = "";
    }
    if label == "Answers" {
        labelled(page, label, [plain("no question to one of Igor's devices was seen together with its answer")]);
    }
}

/// The site's label, or else what was read.
fn heading(survey: &Survey) -> String {
    match (&survey.inputs[..], survey.site.as_str()) {
        ([first, more @ ..], "") => {
            let name = match &*first.path {
                "-" => "standard input",
                path => path.rsplit(['/', '\\']).next().unwrap_or_default(),
            };
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            format!("{name}{more}")
        }
        (_, site) => site.to_owned(),
    }
}

/// `2 alerts, 1 warning, no notices`, the gravest coloured.
pub(super) fn result(survey: &Survey) -> Vec<Span> {
    let words = [
        (Severity::Alert, "alert", "alerts", Tone::Alert),
        (Severity::Warning, "warning", "warnings", Tone::Warning),
        (Severity::Notice, "notice", "notices", Tone::Notice),
    ];
    let mut spans = Vec::new();
    for (severity, one, many, tone) in words {
        let number = survey.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
        if !spans.is_empty() {
            spans.push(plain(", "));
        }
        spans.push(match number {
            0 => (Tone::Quiet, format!("no {many}")),
            number => (tone, counted(number, one, many)),
        });
    }
    spans
}

fn capture(page: &mut Page<'_>, survey: &Survey) {
    let sum = |field: fn(&InputSummary) -> u64| survey.inputs.iter().map(field).sum::<u64>();
    let (first, last) = value::span(survey.inputs.iter().map(|input| (input.first, input.last)));
    let mut total = format!(
        "{}, {} on the wire",
        counted(sum(|input| input.frames), "frame", "frames"),
        bytes(sum(|input| input.wire_bytes))
    );
    if let Some(nanos) = nanos_between(first, last) {
        total.push_str(&format!(", {}", duration(nanos)));
    }
    labelled(page, "Capture", [plain(total)]);
    if first.nanos().is_some() {
        let zone = &page.terminal.zone;
        labelled(page, "", [plain(span(first, last, zone))]);
    }
    // Path, format, frames, size: the path gets what the others leave.
    let path_width = page.terminal.width.saturating_sub(LABEL + 14 + 16 + 9).clamp(12, 60);
    let shown = if page.terminal.all { usize::MAX } else { INPUTS };
    for input in survey.inputs.iter().take(shown) {
        let damage = if input.damage.is_some() { "  damaged" } else { "" };
        labelled(
            page,
            "",
            [
                (Tone::Plain, left(&fit_path(&visible(&input.path), path_width), path_width)),
                (Tone::Quiet, format!("  {}", left(&visible(&input.format), 12))),
                (Tone::Quiet, right(&counted(input.frames, "frame", "frames"), 16)),
                (Tone::Quiet, right(&bytes(input.size), 9)),
                (Tone::Warning, damage.to_owned()),
            ],
        );
    }
    if let Some(more) = survey.inputs.len().checked_sub(INPUTS).filter(|more| *more > 0 && !page.terminal.all) {
        labelled(page, "", [(Tone::Quiet, format!("and {}", counted(more as u64, "more file", "more files")))]);
    }
}

fn quality(page: &mut Page<'_>, survey: &Survey) {
    let mut doubts: Vec<String> = of_quality(survey).map(|caveat| caveat.text.clone()).collect();
    let broken = survey.frames.broken();
    let stopped: u64 = broken.iter().map(|stop| stop.2).sum();
    if stopped > 0 {
        let most: Vec<_> =
            broken.iter().take(3).map(|(layer, reason, n)| format!("{} {layer} {reason}", count(*n))).collect();
        doubts.push(format!(
            "{} of {} could not be decoded to the end: {}{}",
            count(stopped),
            counted(survey.frames.total, "frame", "frames"),
            most.join(", "),
            if broken.len() > most.len() { ", ..." } else { "" }
        ));
    }

    if survey.frames.total == 0 {
        labelled(page, "Quality", [(Tone::Warning, "no frames: nothing can be said".to_owned())]);
    } else if doubts.is_empty() && !survey.judged.value {
        let whole = format!("all {} were read to the end", counted(survey.frames.total, "frame", "frames"));
        labelled(page, "Quality", [plain(whole)]);
    } else if doubts.is_empty() {
        let good = format!("good: all {} were read to the end", counted(survey.frames.total, "frame", "frames"));
        labelled(page, "Quality", [(Tone::Good, good)]);
    }
    for (i, doubt) in doubts.iter().enumerate() {
        let label = if i == 0 && survey.frames.total > 0 { "Quality" } else { "" };
        let mark = (Tone::Warning, "! ".to_owned());
        page.paragraph(vec![(Tone::Quiet, left(label, LABEL)), mark], LABEL + 2, Tone::Plain, &visible(doubt));
    }
}

fn hosts(page: &mut Page<'_>, survey: &Survey) {
    let words = host_words(survey);
    if !words.is_empty() {
        page.paragraph(vec![(Tone::Quiet, left("Hosts", LABEL))], LABEL, Tone::Plain, &words.join(", "));
    }
}

/// How many devices of each role were heard, in the order of [`Role::ALL`], and how many in all were only declared.
pub(crate) fn devices(survey: &Survey) -> ([u64; Role::ALL.len()], u64) {
    let mut counts = [0u64; Role::ALL.len()];
    let mut unheard = 0u64;
    for (device, is_heard) in survey.hosts.devices() {
        match Role::ALL.iter().position(|role| *role == survey.hosts.role(device)) {
            Some(at) if is_heard => counts[at] += 1,
            _ => unheard += 1,
        }
    }
    (counts, unheard)
}

/// `1 gateway`, `3 nodes`, ...
pub(crate) fn host_words(survey: &Survey) -> Vec<String> {
    let (counts, unheard) = devices(survey);
    let name = |role: Role, number: u64| match role {
        Role::Gateway => counted(number, "gateway", "gateways"),
        Role::Node => counted(number, "node", "nodes"),
        Role::Bacnet => counted(number, "BACnet system", "BACnet systems"),
        Role::Host => counted(number, "other host", "other hosts"),
        Role::External => counted(number, "external host", "external hosts"),
        Role::Group => counted(number, "group", "groups"),
    };
    let mut words: Vec<_> =
        Role::ALL.into_iter().zip(counts).filter(|(_, number)| *number > 0).map(|(role, n)| name(role, n)).collect();
    if unheard > 0 {
        words.push(format!("{} in the inventory never heard", count(unheard)));
    }
    words
}
