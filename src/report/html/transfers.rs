//! The files that crossed by TFTP: those that did not come to their end, then the slowest.

use std::net::IpAddr;

use super::page::{Page, put};
use crate::finding::{Held, Transfer};
use crate::report::text::units::{bytes, count, duration};
use crate::survey::Survey;

/// Transfers that are shown.
const SHOWN: usize = 30;

/// What needs a look stands first; of what is too small to tell how quick it is, last.
fn chosen(survey: &Survey) -> Vec<&Transfer> {
    let least = u64::from(survey.policy.health().transfer_kilobytes).saturating_mul(1000);
    let mut all: Vec<&Transfer> = survey.transfers.iter().collect();
    all.sort_by_key(|one| (one.is_finished != Some(false), one.bytes < least, one.rate()));
    all.truncate(SHOWN);
    all
}

pub(super) fn write(page: &mut Page, survey: &Survey) {
    let chosen = chosen(survey);
    if chosen.is_empty() {
        return;
    }
    put!(
        page,
        "<h3>Files by TFTP</h3><p>First those that did not come to their end, then the slowest of those that are large \
         enough to tell. Who held a file up is told each with the way to it.</p>"
    );
    page.table(
        "transfers",
        "Files by TFTP",
        &["File", "From", "To", "Ended", "#Took", "#A second", "#Sent again", "Held up by", "#Bytes", "Began"],
        chosen.len(),
    );
    for one in &chosen {
        row(page, survey, one);
    }
    page.end_table();
    let all = survey.transfers.len();
    if all > chosen.len() {
        put!(page, "<p class=\"more\">{} of {} files; transfers.csv has all.</p>", chosen.len(), count(all as u64));
    }
}

fn row(page: &mut Page, survey: &Survey, one: &Transfer) {
    match &one.file {
        Some(file) => put!(page, "<tr><td class=\"wide\"><bdi>{}</bdi></td>", file),
        None => put!(page, "<tr><td class=\"quiet\">not captured</td>"),
    }
    for (address, _) in [one.sender, one.receiver] {
        put!(page, "<td>");
        end(page, survey, address);
        put!(page, "</td>");
    }
    let held = match one.held {
        Held::Path => "the path",
        Held::Receiver => "the receiver",
        Held::Sender => "the sender",
        Held::Unknown => "",
    };
    let (trouble, ended) = match one.is_finished {
        Some(true) => ("", "yes"),
        Some(false) => ("trouble", "no"),
        None => ("quiet", "cannot be told"),
    };
    put!(page, "<td class=\"{}\">{}</td>", trouble, ended);
    page.number_cell(one.nanos, duration(one.nanos));
    page.number_cell(one.rate(), format!("{}/s", bytes(one.rate())));
    page.number_cell(one.repeated, format!("{} of {}", count(one.repeated), count(one.blocks)));
    put!(page, "<td>{}</td>", held);
    page.number_cell(one.bytes, bytes(one.bytes));
    page.time_cell(one.first);
    put!(page, "</tr>\n");
}

fn end(page: &mut Page, survey: &Survey, address: IpAddr) {
    match survey.hosts.at(address) {
        Some(host) => page.host(host),
        None => put!(page, "<span class=\"addr\">{}</span>", address),
    }
}
