//! Response times to and from survey.json.

use std::collections::BTreeMap;

use super::v1::{self, Text};
use crate::health::{Health, Histogram, Losses, Measure, Pair, Sums};
use crate::report::health::HealthRow;

pub(super) fn row<'a>(row: &HealthRow<'a>) -> v1::Health<'a> {
    let HealthRow { pair, sums, asker, answerer } = *row;
    let [min_s, median_s, p95_s, p99_s, max_s] = row.times().map(|nanos| nanos.map(|nanos| nanos as f64 / 1e9));
    let lost = |of: fn(&Losses) -> u64| sums.losses.as_deref().map(of);
    v1::Health {
        asker_ip: pair.asker,
        asker_role: asker.map(|host| host.role.name().into()),
        asker_name: asker.and_then(|host| host.name.as_deref()).map(Text::Borrowed),
        answerer_ip: pair.answerer,
        answerer_role: answerer.map(|host| host.role.name().into()),
        answerer_name: answerer.and_then(|host| host.name.as_deref()).map(Text::Borrowed),
        transport: pair.measure.transport().into(),
        service_port: row.port(),
        measure: pair.measure.name().into(),
        asked: sums.asked,
        answered: sums.times.count(),
        repeated: sums.repeated,
        answered_again: sums.answered_again,
        unasked: sums.unasked,
        min_s,
        median_s,
        p95_s,
        p99_s,
        max_s,
        segments: lost(|lost| lost.segments),
        bytes: lost(|lost| lost.bytes),
        retransmitted: lost(|lost| lost.again),
        retransmitted_bytes: lost(|lost| lost.bytes_again),
        spurious: lost(|lost| lost.spurious),
        out_of_order: lost(|lost| lost.disordered),
        duplicate_acks: lost(|lost| lost.duplicate_acks),
        zero_windows: lost(|lost| lost.zero_windows),
        uncaptured_bytes: lost(|lost| lost.uncaptured),
        buckets: sums.times.filled(),
        site: None,
        survey: None,
    }
}

/// What a row says; nothing of a measure that is not known, or of times that are none.
pub(super) fn read(row: &v1::Health<'_>) -> Option<(Pair, Sums)> {
    let measure = Measure::of_name(&row.measure)?;
    let nanos = |seconds: Option<f64>| seconds.map_or(0, |seconds| (seconds * 1e9).round() as u64);
    let times = Histogram::of_parts(row.answered, nanos(row.min_s), nanos(row.max_s), &row.buckets)?;
    let pair =
        Pair { asker: row.asker_ip, answerer: row.answerer_ip, port: row.service_port.unwrap_or_default(), measure };
    let (asked, repeated, answered_again, unasked) = (row.asked, row.repeated, row.answered_again, row.unasked);
    let of = |count: Option<u64>| count.unwrap_or_default();
    let losses = row.segments.map(|segments| {
        Box::new(Losses {
            segments,
            bytes: of(row.bytes),
            again: of(row.retransmitted),
            bytes_again: of(row.retransmitted_bytes),
            spurious: of(row.spurious),
            disordered: of(row.out_of_order),
            duplicate_acks: of(row.duplicate_acks),
            zero_windows: of(row.zero_windows),
            uncaptured: of(row.uncaptured_bytes),
        })
    });
    Some((pair, Sums { asked, repeated, answered_again, unasked, times, losses }))
}

/// Of rows that could be read.
pub(super) fn health(rows: impl Iterator<Item = (Pair, Sums)>) -> Health {
    let mut pairs: BTreeMap<Pair, Sums> = BTreeMap::new();
    rows.for_each(|(pair, sums)| pairs.entry(pair).or_default().absorb(&sums));
    Health { pairs, ..Health::default() }
}
