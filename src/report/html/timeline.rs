//! Flows over time: how many began and how many were open in each stretch of time. A survey keeps of each
//! flow its first and last packet and no more, so that is what this shows, and it says so.

use super::head::span;
use super::page::{Page, put};
use super::strand::{Strand, is_blocked};
use crate::report::table::nanos_between;
use crate::report::text::units::{count, duration};
use crate::survey::Survey;
use crate::verdict::Verdict;

/// So many stretches at most.
const BINS: u64 = 120;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Lengths of a stretch that a person can say.
const LENGTHS: [u64; 22] = [
    MILLI,
    10 * MILLI,
    100 * MILLI,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
];
/// A stretch and the tallest bar in the drawing's units.
const WIDTH: f64 = 10.0;
const HEIGHT: f64 = 40.0;

struct Row {
    began: Vec<u64>,
    /// By how many more or fewer were open than in the stretch before.
    change: Vec<i64>,
}

impl Row {
    /// How many were open in each stretch.
    fn open(&self) -> Vec<u64> {
        let sums = self.change.iter().scan(0i64, |open, change| {
            *open += change;
            Some(u64::try_from(*open).unwrap_or(0))
        });
        sums.take(self.began.len()).collect()
    }
}

pub(super) fn write(page: &mut Page, survey: &Survey) {
    let (first, last) = span(survey);
    let Some(length) = nanos_between(first, last).filter(|length| *length > 0) else { return };
    let step = LENGTHS.into_iter().find(|step| length / step < BINS).unwrap_or((length / BINS).saturating_add(1));
    let bins = usize::try_from(length / step).unwrap_or(0).saturating_add(1);
    let rows = rows(
        survey,
        |time| {
            let nanos = nanos_between(first, time)?;
            usize::try_from(nanos / step).ok().map(|bin| bin.min(bins - 1))
        },
        bins,
    );
    page.section("time", "Flows over time");
    put!(
        page,
        "<p>Bars: flows that began in each {}. Area behind: flows that were open, from their first packet to their \
         last. Each row has a scale of its own. This counts flows, not packets or bytes: the survey keeps of a flow \
         only when it began and ended.</p>",
        duration(step)
    );
    put!(page, "<div class=\"time\">");
    for (strand, row) in Strand::ALL.into_iter().zip(&rows).rev() {
        let open = row.open();
        let (most_began, most_open) =
            (row.began.iter().max().copied().unwrap_or(0), open.iter().max().copied().unwrap_or(0));
        if most_open == 0 {
            continue;
        }
        put!(
            page,
            "<div class=\"row\"><div><i class=\"swatch {}\"></i>{}<small>at most {} began, {} open</small></div><svg \
             viewBox=\"0 0 {} 40\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}: at most {} flows began \
             in {}, at most {} were open\">",
            strand.class(),
            strand.words(),
            count(most_began),
            count(most_open),
            bins as u64 * WIDTH as u64,
            strand.words(),
            most_began,
            duration(step),
            most_open
        );
        put!(page, "<path class=\"area {}\" d=\"{}\"/>", strand.class(), area(&open, most_open));
        put!(page, "<path class=\"bars {}\" d=\"{}\"/></svg></div>", strand.class(), bars(&row.began, most_began));
    }
    put!(page, "<div class=\"row axis\"><div></div><div class=\"ends\">");
    page.time(first);
    page.time(last);
    put!(page, "</div></div></div>");
    page.end_section();
}

fn rows(survey: &Survey, bin: impl Fn(crate::capture::Timestamp) -> Option<usize>, bins: usize) -> Vec<Row> {
    let mut rows: Vec<Row> =
        Strand::ALL.iter().map(|_| Row { began: vec![0; bins], change: vec![0; bins + 1] }).collect();
    for (flow, judgement) in survey.flows.iter() {
        let strand = match (judgement.verdict, is_blocked(judgement.outcome)) {
            (Verdict::Documented, true) => Strand::Blocked,
            (verdict, _) => Strand::of_verdict(verdict),
        };
        let (Some(begin), Some(end)) = (bin(flow.first()), bin(flow.last())) else { continue };
        let row = &mut rows[strand as usize];
        row.began[begin] += 1;
        row.change[begin] += 1;
        row.change[end.max(begin) + 1] -= 1;
    }
    rows
}

fn bars(numbers: &[u64], most: u64) -> String {
    let mut path = String::new();
    for (at, number) in numbers.iter().enumerate().filter(|(_, number)| **number > 0) {
        // What is there is to be seen.
        let height = (*number as f64 / most.max(1) as f64 * HEIGHT).max(1.5);
        path.push_str(&format!("M{} 40v-{height:.1}h8v{height:.1}z", at as f64 * WIDTH + 1.0));
    }
    path
}

fn area(numbers: &[u64], most: u64) -> String {
    let mut path = "M0 40".to_owned();
    for number in numbers {
        path.push_str(&format!("V{:.1}h{WIDTH}", HEIGHT - *number as f64 / most.max(1) as f64 * HEIGHT));
    }
    path.push_str("V40z");
    path
}
