//! path.html: the places, what each leg lost, and how long it took.

use std::io::{self, Write};

use super::page::{Page, put};
use super::{HtmlOptions, STYLE};
use crate::path::{Delays, LegReport, Report};
use crate::report::path::{changes, clock, delay, lead, loss, notes, share};
use crate::report::text::units::{count, counted, duration};

const PATH_STYLE: &str = include_str!("path.css");

/// Rows and losses that are shown; path.csv has all.
const SHOWN: usize = 500;

/// Writes path.html.
///
/// # Errors
/// When writing fails.
pub fn write_path_html(out: &mut dyn Write, report: &Report, options: &HtmlOptions) -> io::Result<()> {
    out.write_all(render(report, options).as_bytes())
}

fn render(report: &Report, options: &HtmlOptions) -> String {
    let mut page = Page::new(&options.zone, report.shared);
    let title = if report.site.is_empty() { "Where was it lost?" } else { &report.site };
    page.open_plain(&format!("{title} \u{b7} igorscope path"), &[STYLE, PATH_STYLE]);
    put!(page, "<section id=\"summary\"><h1>{}</h1><p class=\"when\">", title);
    let lasted = report.shared.1.raw().saturating_sub(report.shared.0.raw()).unsigned_abs();
    put!(page, "{} that all places share, from ", duration(lasted));
    page.time(report.shared.0);
    put!(page, " to ");
    page.time(report.shared.1);
    if let Some(offset) = page.offset(report.shared.0) {
        put!(page, " {}", offset);
    }
    let (grave, text) = lead(report);
    put!(page, "</p><p class=\"verdict {}\"><strong>{}</strong></p>", grave, text);
    cards(&mut page, report, true);
    if report.losses.iter().any(|loss| !loss.is_dropped()) {
        put!(page, "<details><summary>Conversations that were lost as a whole, perhaps by chance</summary>");
        cards(&mut page, report, false);
        put!(page, "</details>");
    }
    put!(page, "</section>\n");
    picture(&mut page, report);
    delays(&mut page, report);
    places(&mut page, report);
    rows(&mut page, report);
    page.section("notes", "How far this goes");
    put!(page, "<ul class=\"list\">");
    for note in notes(report) {
        put!(page, "<li>{}</li>", note);
    }
    put!(page, "</ul>");
    page.end_section();
    page.close_plain();
    page.finish()
}

fn cards(page: &mut Page, report: &Report, dropped: bool) {
    for one in report.losses.iter().filter(|loss| loss.is_dropped() == dropped).take(SHOWN) {
        let class = if one.is_documented { "alert" } else { "notice" };
        put!(page, "<div class=\"card {}\">{}</div>", class, loss(report, one));
    }
}

const WIDTH: f64 = 900.0;
const MIDDLE: f64 = 150.0;

/// The places in a row, an arc for each leg: above to the right, below to the left.
fn picture(page: &mut Page, report: &Report) {
    page.section("picture", "The places and what was lost between");
    let number = report.places.len() as f64;
    let step = WIDTH / number;
    let x = |place: usize| step * (place as f64 + 0.5);
    let has_below = report.legs().iter().any(|((from, to), _)| to.is_some_and(|to| to < *from));
    put!(
        page,
        "<svg class=\"places\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Places and losses\"><defs><marker \
         id=\"end\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>",
        WIDTH,
        if has_below { 300 } else { 190 }
    );
    for ((from, to), leg) in report.legs() {
        let Some(to) = to else { continue };
        let side = if from < to { -1.0 } else { 1.0 };
        let edge = MIDDLE + side * 24.0;
        let far = from.abs_diff(to) as f64;
        let top = MIDDLE + side * (60.0 + 45.0 * far).min(140.0);
        let class = if leg.missing > 0 { "lossy" } else { "whole" };
        let middle = f64::midpoint(x(from), x(to));
        put!(
            page,
            "<path class=\"{}\" d=\"M{} {}Q{} {} {} {}\" marker-end=\"url(#end)\"/>",
            class,
            Rounded(x(from) - side * 10.0),
            Rounded(edge),
            Rounded(middle),
            Rounded(top),
            Rounded(x(to) + side * 10.0),
            Rounded(edge)
        );
        let words = format!("{} of {} missing", count(leg.missing), count(leg.sent));
        let text = f64::midpoint(edge, top) + side * 8.0 + if side > 0.0 { 10.0 } else { 0.0 };
        let class = if leg.missing > 0 { "lost" } else { "small" };
        put!(page, "<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>", class, Rounded(middle), Rounded(text), words);
    }
    for (at, place) in report.places.iter().enumerate() {
        let width = (step - 24.0).min(220.0);
        put!(
            page,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"46\" rx=\"10\"/><text x=\"{}\" y=\"{}\">{}</text><text \
             class=\"small\" x=\"{}\" y=\"{}\">{}</text>",
            Rounded(x(at) - width / 2.0),
            Rounded(MIDDLE - 23.0),
            Rounded(width),
            Rounded(x(at)),
            Rounded(MIDDLE - 3.0),
            crate::report::text::page::fit(&place.name, (width / 8.5) as usize),
            Rounded(x(at)),
            Rounded(MIDDLE + 15.0),
            counted(place.packets, "packet", "packets")
        );
    }
    put!(page, "</svg>");
    page.end_section();
}

/// A coordinate without a fraction.
struct Rounded(f64);

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

fn delays(page: &mut Page, report: &Report) {
    let legs: Vec<_> = report.legs().into_iter().filter(|(_, leg)| leg.delays.count() > 0).collect();
    if legs.is_empty() {
        return;
    }
    page.section("delays", "How long it took");
    put!(page, "<div class=\"delays\">");
    for ((from, to), leg) in legs {
        let Some(to) = to else { continue };
        put!(page, "<figure>");
        bars(page, &leg.delays);
        let [median, high] = [50, 95].map(|part| delay(leg.delays.percentile(part)));
        put!(
            page,
            "<figcaption><b>{} \u{2192} {}</b><br>{} least, {} median, {} for 95 %, {} most</figcaption></figure>",
            report.places[from].name,
            report.places[to].name,
            delay(leg.delays.min()),
            median,
            high,
            delay(leg.delays.max())
        );
    }
    put!(page, "</div>");
    page.end_section();
}

const BARS: usize = 48;

/// Delays on a logarithmic scale from the least to the most.
fn bars(page: &mut Page, delays: &Delays) {
    let log = |nanos: i64| (nanos.max(1) as f64).ln();
    let (low, high) = (log(delays.min().unwrap_or(1)), log(delays.max().unwrap_or(1)));
    let mut heights = [0_u64; BARS];
    for (middle, number) in delays.bars() {
        let share = if high > low { (log(middle) - low) / (high - low) } else { 0.5 };
        heights[((share * BARS as f64) as usize).min(BARS - 1)] += u64::from(number);
    }
    let most = heights.iter().copied().max().unwrap_or(1).max(1) as f64;
    put!(page, "<svg width=\"288\" height=\"60\" viewBox=\"0 0 288 60\" role=\"img\" aria-label=\"Delays\">");
    for (at, number) in heights.iter().enumerate().filter(|(_, number)| **number > 0) {
        let height = (*number as f64 / most * 56.0).max(1.0);
        put!(
            page,
            "<rect x=\"{}\" y=\"{}\" width=\"5\" height=\"{}\"/>",
            at * 6,
            Rounded(60.0 - height),
            Rounded(height.ceil())
        );
    }
    put!(page, "</svg>");
}

fn places(page: &mut Page, report: &Report) {
    page.section("places", "The places");
    page.table(
        "place-table",
        "Places",
        &["Place", "#IP packets", "#Outside", "First", "Last", "Clock"],
        report.places.len(),
    );
    for (at, place) in report.places.iter().enumerate() {
        put!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>",
            place.name,
            count(place.packets),
            count(place.outside)
        );
        page.time_cell(place.first);
        page.time_cell(place.last);
        put!(page, "<td class=\"wide\">{}</td></tr>", clock(report, at));
    }
    page.end_table();
    page.end_section();
}

fn rows(page: &mut Page, report: &Report) {
    let mut rows: Vec<&LegReport> = report.rows.iter().filter(|row| row.to.is_some()).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.leg.missing, row.leg.sent)));
    page.section("conversations", "Conversations, most missing first");
    if rows.len() > SHOWN {
        put!(page, "<p>The first {} of {}; path.csv has all.</p>", count(SHOWN as u64), count(rows.len() as u64));
    }
    let headings = [
        "From",
        "To",
        "Sender",
        "Receiver",
        "Port",
        "Service",
        "#Sent",
        "#Missing",
        "Missing",
        "#Duplicated",
        "#Reordered",
        "Changed",
        "Median delay",
    ];
    page.table("rows", "Conversations by direction and leg", &headings, rows.len().min(SHOWN));
    for row in rows.into_iter().take(SHOWN) {
        let leg = &row.leg;
        let name = |place: usize| report.places[place].name.as_str();
        let (sender, receiver) = if row.to_server { (row.client, row.server) } else { (row.server, row.client) };
        put!(page, "<tr><td>{}</td><td>{}</td>", name(row.from), row.to.map_or("", name));
        put!(page, "<td class=\"addr\">{}</td><td class=\"addr\">{}</td>", sender, receiver);
        let port = row.port.map_or_else(String::new, |port| format!(" {port}"));
        put!(page, "<td>{}{}</td><td>{}</td>", row.transport, port, row.service);
        let class = if leg.missing > 0 { "trouble" } else { "zero" };
        put!(
            page,
            "<td class=\"n\">{}</td><td class=\"n {}\">{}</td><td>{}</td><td class=\"n\">{}</td><td \
             class=\"n\">{}</td><td class=\"wide\">{}</td><td>{}</td></tr>\n",
            count(leg.sent),
            class,
            count(leg.missing),
            share(leg.missing, leg.sent),
            count(leg.duplicated),
            count(leg.reordered),
            changes(leg).join("; "),
            delay(leg.delays.percentile(50))
        );
    }
    page.end_table();
    page.end_section();
}
