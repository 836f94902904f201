//! Traffic over time: packets by verdict, and when flows began. A survey keeps of each end of a flow how many packets
//! it sent and when the first and the last of them, so the packets are spread evenly between, and the page says so.

use super::head::span;
use super::page::{Page, put};
use super::silences;
use super::verdict_color::VerdictColor;
use crate::capture::Timestamp;
use crate::flow::EndView;
use crate::report::text::units::{count, duration};
use crate::report::value::nanos_between;
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

struct Series {
    /// Flows that began in each stretch.
    began: Vec<u64>,
    /// By how many packets a stretch has more or fewer than the one before.
    change: Vec<f64>,
}

impl Series {
    fn new(bins: usize) -> Self {
        Self { began: vec![0; bins], change: vec![0.0; bins + 1] }
    }

    /// Spreads what an end of a flow sent evenly over the stretches from its first packet to its last.
    fn spread(&mut self, end: &EndView<'_>, bin: impl Fn(Timestamp) -> Option<usize>) {
        let (Some(first), Some(last)) = (bin(end.first()), bin(end.last())) else { return };
        let after = last.max(first) + 1;
        let share = end.packets() as f64 / (after - first) as f64;
        self.change[first] += share;
        self.change[after] -= share;
    }

    /// Packets in each stretch.
    fn packets(&self) -> Vec<f64> {
        let sums = self.change.iter().scan(0.0, |packets: &mut f64, change| {
            *packets += change;
            Some(packets.max(0.0))
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
    page.section("time", "Traffic over time");
    put!(
        page,
        "<p>Area: packets a second. Bars: flows that began in each {}. Each row has a scale of its own. The survey \
         keeps how many packets each end of a flow sent and when the first and the last of them, so the area spreads \
         them evenly between: of a flow that rests for long, bursts are flattened.</p>",
        duration(step)
    );
    put!(page, "<div class=\"time\">");
    for (strand, row) in VerdictColor::ALL.into_iter().zip(&rows).rev() {
        let packets = row.packets();
        let most_began = row.began.iter().max().copied().unwrap_or(0);
        let most_packets = packets.iter().copied().fold(0.0, f64::max);
        if most_began == 0 {
            continue;
        }
        let rate = rate(most_packets, step);
        put!(
            page,
            "<div class=\"row\"><div><i class=\"swatch {}\"></i>{}<small>at most {} packets/s, {} began</small></div><svg \
             viewBox=\"0 0 {} 40\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}: at most {} packets a \
             second, at most {} flows began in {}\">",
            strand.class(),
            strand.words(),
            rate,
            count(most_began),
            bins as u64 * WIDTH as u64,
            strand.words(),
            rate,
            most_began,
            duration(step)
        );
        put!(page, "<path class=\"area {}\" d=\"{}\"/>", strand.class(), area(&packets, most_packets));
        put!(page, "<path class=\"bars {}\" d=\"{}\"/></svg></div>", strand.class(), bars(&row.began, most_began));
    }
    let place = |time: Timestamp| time.raw().saturating_sub(first.raw()) as f64 / step as f64;
    silences::rows(page, survey, place, (bins, WIDTH));
    marks(page, survey, |time| Some(nanos_between(first, time)? as f64 / step as f64), bins);
    put!(page, "<div class=\"row axis\"><div></div><div class=\"ends\">");
    page.time(first);
    page.time(last);
    put!(page, "</div></div></div>");
    page.end_section();
}

/// Findings that are marked.
const MARKS: usize = 300;

/// A mark where each finding begins, which leads to it.
fn marks(page: &mut Page, survey: &Survey, place: impl Fn(Timestamp) -> Option<f64>, bins: usize) {
    let marked = || (1..).zip(&survey.findings).take(MARKS).filter_map(|(n, one)| Some((n, one, place(one.first)?)));
    if marked().next().is_none() {
        return;
    }
    put!(
        page,
        "<div class=\"row\"><div>Findings<small>where each begins</small></div><svg viewBox=\"0 0 {} 40\" \
         preserveAspectRatio=\"none\" aria-label=\"where findings begin\">",
        bins as u64 * WIDTH as u64
    );
    for (number, finding, at) in marked() {
        put!(
            page,
            "<a href=\"#finding-{}\" aria-label=\"finding {}\"><path class=\"mark {}\" d=\"M{} 8v24h4v-24z\"><title>{}: {}</title></path></a>",
            number,
            number,
            finding.severity.name(),
            format!("{:.1}", at * WIDTH),
            number,
            finding.kind.said()
        );
    }
    put!(page, "</svg></div>");
}

/// Packets a second, of the packets in a stretch of so many nanoseconds: `340`, `3.4`, `0.03`.
fn rate(packets: f64, step: u64) -> String {
    let rate = packets * SECOND as f64 / step as f64;
    match rate {
        9.95.. => count(rate.round() as u64),
        0.995.. => format!("{rate:.1}"),
        0.005.. => format!("{rate:.2}"),
        _ => "less than 0.01".to_owned(),
    }
}

fn rows(survey: &Survey, bin: impl Fn(Timestamp) -> Option<usize>, bins: usize) -> Vec<Series> {
    let mut rows: Vec<Series> = VerdictColor::ALL.iter().map(|_| Series::new(bins)).collect();
    for (flow, judgement) in survey.flows.iter() {
        let strand = match (judgement.verdict, judgement.outcome.is_blocked()) {
            (Verdict::Documented, true) => VerdictColor::Blocked,
            (verdict, _) => VerdictColor::of_verdict(verdict),
        };
        let Some(begin) = bin(flow.first()) else { continue };
        let row = &mut rows[strand as usize];
        row.began[begin] += 1;
        flow.ends.iter().for_each(|end| row.spread(end, &bin));
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

fn area(numbers: &[f64], most: f64) -> String {
    let mut path = "M0 40".to_owned();
    for number in numbers {
        path.push_str(&format!("V{:.1}h{WIDTH}", HEIGHT - number / most.max(f64::MIN_POSITIVE) * HEIGHT));
    }
    path.push_str("V40z");
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{EndRow, FlowRow, Flows};
    use crate::protocol::Transport;
    use crate::report::fixture::at;

    /// A stretch is a second long, the second end's packets lie in stretches 1 to 4, the first one's in stretch 1.
    #[test]
    fn packets_are_spread_from_the_first_to_the_last_and_none_is_lost() {
        let bin = |time: Timestamp| nanos_between(at(0), time).map(|nanos| (nanos / SECOND) as usize);
        let silent = EndRow::silent([10, 0, 0, 1].into(), 80);
        let sent = [(7, 1_200, 1_900), (10, 1_900, 4_100), (0, 0, 0)].map(|(packets, first, last)| {
            let end = EndRow { packets, first: at(first), last: at(last), ..silent.clone() };
            FlowRow::between(Transport::Udp, [end, silent.clone()])
        });
        let mut row = Series::new(6);
        Flows::of_rows(sent).0.iter().flat_map(|flow| flow.ends).for_each(|end| row.spread(&end, bin));
        assert_eq!(row.packets(), [0.0, 9.5, 2.5, 2.5, 2.5, 0.0]);
    }

    #[test]
    fn rates_are_told_as_a_person_would() {
        let told = [(3_400.0, SECOND), (34.0, 10 * SECOND), (2.0, MINUTE), (1.0, HOUR)].map(|(n, step)| rate(n, step));
        assert_eq!(told, ["3,400", "3.4", "0.03", "less than 0.01"]);
    }
}
