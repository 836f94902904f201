//! The words of the report.

use std::collections::BTreeSet;

use super::page::{Page, put};
use crate::finding::State;
use crate::policy::{FindingKind, Reason};
use crate::verdict::{Outcome, Verdict};

const WORDS: &[(&str, &str)] = &[
    ("flow", "All packets between two ports of two hosts on one VLAN path, counted each way."),
    ("conversation", "All flows of one client with one port of one server."),
    ("client, server", "Who asked, and who was asked."),
    ("vendor's document", "The vendor's table of ports for one product, from a version on."),
    ("cell", "One port of one document, as the product offers it (in) or as it uses it elsewhere (out)."),
    ("carried, works", "The port was used, and both sides were heard."),
    ("finding", "One line that somebody should read, with what was seen, its frames, and what to do."),
    ("alert, warning, notice", "How much a finding matters: act, look, know."),
    (
        "gateway, node, BACnet system",
        "Hosts of which the vendor's documents speak, by the inventory or by what they do.",
    ),
    ("host, external, group", "Any other host of the site; an address outside it; a multicast or broadcast address."),
    ("allowance", "A rule of the site's policy file that lets something pass which the vendor does not document."),
    ("caveat", "A doubt about the capture, which weakens what rests on it."),
    ("on demand", "Used only when somebody makes it so, as by a firmware update."),
    ("mirror", "A switch port to which the switch copies what others send and receive."),
    ("Community ID", "A number by which other tools know the same flow."),
];

pub(super) fn write(page: &mut Page) {
    page.section("words", "Words");
    put!(page, "<dl class=\"words\">");
    let verdicts = Verdict::ALL.map(|word| (word.name(), word.meaning()));
    let outcomes = Outcome::ALL.map(|word| (word.name(), word.meaning()));
    let states = State::ALL.map(|word| (word.name(), word.meaning()));
    let reasons = Reason::ALL.map(|word| (word.name(), word.meaning()));
    let findings = FindingKind::ALL.map(|word| (word.name(), word.meaning()));
    // Some are both a finding and the state of a device.
    let mut told = BTreeSet::new();
    let all = WORDS.iter().copied().chain(verdicts).chain(outcomes).chain(reasons).chain(findings).chain(states);
    for (word, meaning) in all.filter(|(word, _)| told.insert(*word)) {
        put!(page, "<dt>{}</dt><dd>{}</dd>", word.replace('-', " "), meaning);
    }
    put!(page, "</dl>");
    page.end_section();
}
