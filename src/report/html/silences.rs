//! When devices were silent, in the time line: a row for each, with a box for each of its silences.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, put};
use crate::capture::Timestamp;
use crate::finding::{SilentTime, Who};
use crate::report::text::units::{count, duration};
use crate::survey::Survey;

/// Devices that have a row, and silences that have a box: the longest.
const MOST_ROWS: usize = 12;
const MOST_BOXES: usize = 48;
/// Units of the drawing that a box is wide at least: one that is shorter is seen too.
const LEAST_WIDTH: f64 = 3.0;

/// The devices that have a row, in the order of their first silences, and how many silences have no box.
fn chosen(survey: &Survey) -> (Vec<(Who, Vec<SilentTime>)>, u64) {
    let (mut all, mut more) = (Vec::new(), 0_u64);
    for finding in &survey.findings {
        let times = finding.facts.silent_times();
        more = more.saturating_add(times.more);
        all.extend(times.list);
    }
    all.sort_unstable_by_key(SilentTime::order);
    all.dedup();
    let (mut rows, number): (BTreeMap<Who, Vec<SilentTime>>, usize) = (BTreeMap::new(), all.len());
    let mut drawn = 0;
    for time in all {
        if drawn < MOST_BOXES && (rows.contains_key(&time.who) || rows.len() < MOST_ROWS) {
            rows.entry(time.who).or_default().push(time);
            drawn += 1;
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.iter_mut().for_each(|(_, times)| times.sort_unstable_by_key(|time| time.start));
    rows.sort_by_key(|(who, times)| (times.first().map(|time| time.start), *who));
    (rows, more.saturating_add((number - drawn) as u64))
}

/// Their rows; `place` says where in stretches a time lies, of which the drawing has so many, each so wide.
pub(super) fn rows(page: &mut Page, survey: &Survey, place: impl Fn(Timestamp) -> f64, (bins, width): (usize, f64)) {
    let (rows, more) = chosen(survey);
    let right = bins as f64 * width;
    for (who, times) in &rows {
        let longest = times.iter().map(SilentTime::length).max().unwrap_or(0);
        put!(page, "<div class=\"row\"><div>");
        let host = match who {
            Who::Address(address) => survey.hosts.at(*address),
            Who::Mac(_) => None,
        };
        match host {
            Some(host) => page.host(host),
            None => put!(page, "<span class=\"addr\">{}</span>", who),
        }
        match times.len() {
            1 => put!(page, "<small>silent for {}</small>", duration(longest)),
            number => put!(page, "<small>silent {} times, at most for {}</small>", number, duration(longest)),
        }
        let said: Vec<String> = times.iter().map(|time| words(page, time)).collect();
        put!(
            page,
            "</div><svg viewBox=\"0 0 {} 40\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{} was silent {}\">",
            right,
            who,
            said.join("; ")
        );
        for (time, said) in times.iter().zip(&said) {
            let [start, end] = [time.start, time.end].map(|time| (place(time) * width).clamp(0.0, right));
            let start = start.min(right - LEAST_WIDTH);
            let across = (end - start).max(LEAST_WIDTH);
            put!(
                page,
                "<path class=\"silent\" d=\"M{} 10h{}v20h-{}z\"><title>{}</title></path>",
                format!("{start:.1}"),
                format!("{across:.1}"),
                format!("{across:.1}"),
                said
            );
        }
        put!(page, "</svg></div>");
    }
    if more > 0 {
        let devices: BTreeSet<Who> = rows.iter().map(|(who, _)| *who).collect();
        put!(
            page,
            "<div class=\"row\"><div>Further silences<small>not drawn</small></div><div>{} more, shorter or of other devices than \
             these {}: the findings tell.</div></div>",
            count(more),
            devices.len()
        );
    }
}

fn words(page: &Page, time: &SilentTime) -> String {
    let (start, end) = (page.shown(time.start), page.shown(time.end));
    match time.lasts {
        true => format!("from {start} until the capture ended at {end}, for {}", duration(time.length())),
        false => format!("from {start} to {end}, for {}", duration(time.length())),
    }
}
