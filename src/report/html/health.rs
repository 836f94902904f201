//! How soon devices answer: device by service, and of each device its peers.

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, put};
use super::transfers;
use crate::health::{Histogram, Losses, Measure, Sums};
use crate::inventory::HostId;
use crate::report::health::{HealthRow, by_device};
use crate::report::text::units::{bytes, count, duration};
use crate::survey::Survey;

/// Devices that are shown, the slowest first.
const SHOWN: usize = 40;
/// Peers that the section of a device lists.
const PEERS: usize = 6;
/// Bars of a sparkline.
const BARS: usize = 60;
/// Answers from which a time counts as one of the device's.
const FEW: u64 = 5;

/// The device that a row tells of as one that answers.
fn answerer(survey: &Survey, row: &HealthRow<'_>) -> Option<HostId> {
    survey.hosts.device_at(row.pair.answerer)
}

/// Device by service, coloured by how its 95th percentile stands to those of the other devices.
pub(super) fn write(page: &mut Page, survey: &Survey) {
    page.section("health", "How soon they answer");
    let cells = by_device(survey);
    let measures: BTreeSet<Measure> = cells.values().flat_map(|cells| cells.keys().copied()).collect();
    if cells.is_empty() {
        put!(page, "<p>No question to one of Igor\u{2019}s devices was seen together with its answer.</p>");
        transfers::write(page, survey);
        page.end_section();
        return;
    }
    put!(
        page,
        "<p>The time that 95 of 100 answers of a device do not exceed, from the question to its answer as both pass the place \
         of the capture. Deeper shades are slower than most devices are at the same thing: twice, \
         four times, eight times the middle of all. docs/health.md says what each measures and how it may mislead.</p>"
    );
    let middle: BTreeMap<Measure, u64> =
        measures.iter().filter_map(|measure| Some((*measure, middle(cells.values(), *measure)?))).collect();
    let slowness = |cells: &BTreeMap<Measure, Sums>| {
        cells.iter().map(|(measure, sums)| level(sums, middle.get(measure).copied())).max().unwrap_or_default()
    };
    let mut devices: Vec<_> = cells.iter().collect();
    devices.sort_by_key(|(device, cells)| (std::cmp::Reverse(slowness(cells)), **device));
    let all = devices.len();
    devices.truncate(SHOWN);
    page.filter("answers", "address or name \u{2026}");
    page.scroll("How soon devices answer", devices.len());
    put!(
        page,
        "<table id=\"answers\" class=\"sorts matrix\"><caption class=\"away\">How soon devices \
         answer</caption><thead><tr><th scope=\"col\">Device</th>"
    );
    for measure in &measures {
        put!(page, "<th scope=\"col\" class=\"n\">{}</th>", measure.words());
    }
    put!(page, "</tr></thead><tbody>\n");
    for (device, cells) in devices {
        put!(page, "<tr><th scope=\"row\" data-v=\"{}\">", device.0);
        page.host(survey.hosts.get(*device));
        put!(page, "</th>");
        for measure in &measures {
            match cells.get(measure) {
                Some(sums) => cell(page, sums, middle.get(measure).copied()),
                None => put!(page, "<td class=\"n zero\" data-v=\"0\"></td>"),
            }
        }
        put!(page, "</tr>\n");
    }
    page.end_table();
    if all > SHOWN {
        put!(page, "<p class=\"more\">{} of {} devices, the slowest first; health.csv has all.</p>", SHOWN, all);
    }
    transfers::write(page, survey);
    page.end_section();
}

/// The middle of the devices' 95th percentiles, of those with enough answers.
fn middle<'a>(devices: impl Iterator<Item = &'a BTreeMap<Measure, Sums>>, measure: Measure) -> Option<u64> {
    let sums = devices.filter_map(|cells| cells.get(&measure)).filter(|sums| sums.times.count() >= FEW);
    let mut times: Vec<u64> = sums.filter_map(|sums| sums.times.percentile(95)).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// How much slower than the middle, or how many of a hundred questions are unanswered: 0 to 3.
fn level(sums: &Sums, middle: Option<u64>) -> usize {
    let unanswered = [3, 10, 30].into_iter().filter(|percent| sums.unanswered_percent() >= *percent).count();
    let (Some(time), Some(middle)) = (sums.times.percentile(95), middle) else { return unanswered };
    let is_slower = |times: u64| sums.times.count() >= FEW && time > middle.saturating_mul(times);
    [2, 4, 8].into_iter().filter(|times| is_slower(*times)).count().max(unanswered)
}

fn cell(page: &mut Page, sums: &Sums, middle: Option<u64>) {
    let Some(time) = sums.times.percentile(95) else {
        match sums.unasked {
            0 => put!(page, "<td class=\"n\" data-v=\"0\">none of {}</td>", count(sums.asked)),
            answers => put!(page, "<td class=\"n\" data-v=\"0\">{} answers, not timed</td>", count(answers)),
        }
        return;
    };
    put!(
        page,
        "<td class=\"n heat{}\" data-v=\"{}\" title=\"{} answers, median {}, longest {}\">{}{}</td>",
        level(sums, middle),
        time,
        count(sums.times.count()),
        duration(sums.times.percentile(50).unwrap_or_default()),
        duration(sums.times.most().unwrap_or_default()),
        duration(time),
        match sums.unanswered_percent() {
            0 => String::new(),
            percent => format!(", {percent} % unanswered"),
        }
    );
}

/// The peers of one device, with the response times in both directions.
pub(super) fn peers(page: &mut Page, survey: &Survey, device: HostId, rows: &[HealthRow<'_>]) {
    if rows.is_empty() {
        return;
    }
    // One element for all lines: a large site has many devices.
    put!(page, "<pre class=\"known\">");
    let mut own = Histogram::default();
    for row in rows.iter().take(PEERS) {
        let answers = answerer(survey, row) == Some(device);
        let (words, peer) = if answers { ("answers", row.asker) } else { ("is answered by", row.answerer) };
        let address = if answers { row.pair.asker } else { row.pair.answerer };
        let name = peer.and_then(|host| host.name.as_deref()).map_or_else(|| address.to_string(), str::to_owned);
        put!(page, "{} {}, {}", words, name, row.pair.measure.words());
        if let Some(port) = row.port() {
            put!(page, ", port {}", port);
        }
        put!(page, ": ");
        let Sums { asked, repeated, times, .. } = row.sums;
        match row.pair.measure.has_questions() {
            false => put!(page, "{} timed", count(times.count())),
            true => put!(page, "{} of {}", count(times.count()), count(*asked)),
        }
        if let [_, Some(median), Some(p95), _, Some(most)] = row.times() {
            put!(page, ", median {}, 95 % within {}, longest {}", duration(median), duration(p95), duration(most));
        }
        if *repeated > 0 {
            put!(page, ", {} asked again", count(*repeated));
        }
        if let Some(lost) = row.lost() {
            let Losses { segments, again, uncaptured, .. } = *lost;
            put!(page, ", {} of {} segments sent again", count(again), count(segments));
            if uncaptured > 0 {
                put!(page, ", {} not captured", bytes(uncaptured));
            }
        }
        put!(page, "\n");
    }
    if rows.len() > PEERS {
        put!(page, "and {} more in health.csv\n", rows.len() - PEERS);
    }
    put!(page, "</pre>");
    rows.iter().filter(|row| answerer(survey, row) == Some(device)).for_each(|row| own.absorb(&row.sums.times));
    sparkline(page, &own);
}

/// How often each time came, from a microsecond to 18 minutes, by ratio.
fn sparkline(page: &mut Page, times: &Histogram) {
    let shape = times.shape(BARS);
    let Some(most) = shape.iter().copied().max().filter(|most| *most > 0) else { return };
    let bar = |(at, count): (usize, u64)| {
        let height = (count * 11).div_ceil(most);
        (count > 0).then(|| format!("M{} {}h2v{height}h-2z", at * 2, 12 - height))
    };
    let path: String = (0..).zip(shape).filter_map(bar).collect();
    put!(
        page,
        "<svg class=\"spark\" viewBox=\"0 0 {} 12\" role=\"img\" aria-label=\"how often each time came\"><path \
         d=\"{}\"/></svg>",
        BARS * 2,
        path
    );
}
