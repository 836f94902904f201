//! Response times from survey.json.

use std::collections::BTreeMap;

use super::v1;
use super::words::nanos;
use crate::health::{Health, Histogram, Losses, Measure, Pair, Sums};

/// What a row says; nothing of a measure that is not known, or of times that are none.
pub(super) fn read(row: &v1::Health<'_>) -> Option<(Pair, Sums)> {
    let measure = Measure::of_name(&row.measure)?;
    let bucket = |text: &str| {
        let (bucket, count) = text.split_once(':')?;
        Some((bucket.parse().ok()?, count.parse().ok()?))
    };
    let buckets: Vec<(u16, u32)> =
        row.buckets.split(';').filter(|text| !text.is_empty()).map(bucket).collect::<Option<_>>()?;
    let times = Histogram::of_parts(row.answered, nanos(row.min_s), nanos(row.max_s), &buckets)?;
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
    let pair =
        Pair { asker: row.asker_ip, answerer: row.answerer_ip, port: row.service_port.unwrap_or_default(), measure };
    let (asked, repeated, recovered) = (row.asked, row.repeated, row.recovered);
    let (answered_again, unasked) = (row.answered_again, row.unasked);
    Some((pair, Sums { asked, repeated, recovered, answered_again, unasked, times, losses, ..Sums::default() }))
}

/// Of rows that could be read.
pub(super) fn health(rows: impl Iterator<Item = (Pair, Sums)>) -> Health {
    let mut pairs: BTreeMap<Pair, Sums> = BTreeMap::new();
    rows.for_each(|(pair, sums)| pairs.entry(pair).or_default().absorb(&sums));
    Health { pairs, ..Health::default() }
}
