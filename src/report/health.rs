//! health.csv: how soon questions are answered, one row for each two hosts, service and measure.

use std::io::{self, Write};
use std::net::IpAddr;

use super::csv::write_table;
use super::flows::column;
use super::table::{Cells, Column, Table};
use crate::health::{Losses, Pair, Sums};
use crate::inventory::Host;
use crate::survey::Survey;

/// The table of response times.
pub(super) enum Health {}

/// Who asked whom, and how it went.
pub(super) struct HealthRow<'a> {
    pub(super) pair: &'a Pair,
    pub(super) sums: &'a Sums,
    pub(super) asker: Option<&'a Host>,
    pub(super) answerer: Option<&'a Host>,
}

impl HealthRow<'_> {
    /// Nanoseconds: the least, the median, the 95th and 99th percentile, and the most.
    pub(super) fn times(&self) -> [Option<u64>; 5] {
        let times = &self.sums.times;
        [times.least(), times.percentile(50), times.percentile(95), times.percentile(99), times.most()]
    }

    /// What TCP's numbers say of losses, where they do.
    pub(super) fn lost(&self) -> Option<&Losses> {
        self.sums.losses.as_deref()
    }

    /// The port of the service, where there is one.
    pub(super) fn port(&self) -> Option<u16> {
        (self.pair.port != 0).then_some(self.pair.port)
    }
}

/// The rows of a survey, by who asked, who answered, port and measure.
pub(super) fn rows(survey: &Survey) -> impl ExactSizeIterator<Item = HealthRow<'_>> {
    let host = |address: IpAddr| survey.hosts.find(address).map(|id| survey.hosts.get(id));
    survey.health.pairs.iter().map(move |(pair, sums)| HealthRow {
        pair,
        sums,
        asker: host(pair.asker),
        answerer: host(pair.answerer),
    })
}

/// Decimal seconds to the nanosecond.
fn seconds(cells: &mut Cells, nanos: Option<u64>) {
    match nanos {
        Some(nanos) => cells.shown(format_args!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)),
        None => cells.empty(),
    }
}

fn role(cells: &mut Cells, host: Option<&Host>) {
    match host {
        Some(host) => cells.word(host.role.name()),
        None => cells.empty(),
    }
}

impl Table for Health {
    type Row<'a> = HealthRow<'a>;
    const FILE: &'static str = "health.csv";
    const ABOUT: &'static str = "How well it works: one row for each two hosts, service and measure, sorted by who asked, who answered, port and \
        measure. Times are from the question, as it was sent first, to its answer, both as they pass the capture's place.";
    const COLUMNS: &'static [Column<Self>] = &[
        column!(
            "asker_ip",
            "address",
            "10.20.0.2",
            |r, c| c.address(r.pair.asker),
            "Who asked; for `tcp-client-half` the server, whose SYN-ACK the client acknowledges."
        ),
        column!("asker_role", "role", "gateway", |r, c| role(c, r.asker), "Its role."),
        column!(
            "asker_name",
            "text",
            "gateway-1",
            |r, c| c.optional(r.asker.and_then(|host| host.name.as_deref())),
            "Its name."
        ),
        column!(
            "answerer_ip",
            "address",
            "10.20.0.31",
            |r, c| c.address(r.pair.answerer),
            "Who answered, or was asked."
        ),
        column!("answerer_role", "role", "node", |r, c| role(c, r.answerer), "Its role."),
        column!(
            "answerer_name",
            "text",
            "node-7",
            |r, c| c.optional(r.answerer.and_then(|host| host.name.as_deref())),
            "Its name."
        ),
        column!(
            "transport",
            "name",
            "udp",
            |r, c| c.word(r.pair.measure.transport()),
            "`udp`, `tcp`, or `icmp` for both its versions."
        ),
        column!(
            "service_port",
            "port",
            "5683",
            |r, c| c.optional_number(r.port().map(u64::from)),
            "Port of the service; empty where there is none."
        ),
        column!(
            "measure",
            "name",
            "coap",
            |r, c| c.name(r.pair.measure.name()),
            "What is measured: `coap`, `bacnet`, `tftp-block`, `http`, `dns`, `tcp-server-half` (SYN to SYN-ACK), \
             `tcp-client-half` (SYN-ACK to ACK), `tcp-ack` (data to acknowledgment), `icmp-echo`. docs/health.md says each."
        ),
        column!("asked", "count", "412", |r, c| c.number(r.sums.asked), "Questions, without those sent again."),
        column!(
            "answered",
            "count",
            "410",
            |r, c| c.number(r.sums.times.count()),
            "Questions whose answer was seen: those that are timed."
        ),
        column!("repeated", "count", "3", |r, c| c.number(r.sums.repeated), "Questions sent again."),
        column!("answered_again", "count", "0", |r, c| c.number(r.sums.answered_again), "Answers sent again."),
        column!(
            "unasked",
            "count",
            "57",
            |r, c| c.number(r.sums.unasked),
            "Answers whose question was not seen or lies more than five messages back; CoAP's notifications are among them."
        ),
        column!("min_s", "seconds", "0.000840000", |r, c| seconds(c, r.times()[0]), "The shortest time, exactly."),
        column!(
            "median_s",
            "seconds",
            "0.002300000",
            |r, c| seconds(c, r.times()[1]),
            "The time that half of them do not exceed, 2.5 % more or less."
        ),
        column!(
            "p95_s",
            "seconds",
            "0.011000000",
            |r, c| seconds(c, r.times()[2]),
            "The 95th percentile, 2.5 % more or less."
        ),
        column!(
            "p99_s",
            "seconds",
            "0.040000000",
            |r, c| seconds(c, r.times()[3]),
            "The 99th percentile, 2.5 % more or less."
        ),
        column!("max_s", "seconds", "2.104000000", |r, c| seconds(c, r.times()[4]), "The longest time, exactly."),
        column!(
            "segments",
            "count",
            "5120",
            |r, c| c.optional_number(r.lost().map(|lost| lost.segments)),
            "Of `tcp-ack`, as all that follow: TCP segments that the asker sent to the answerer, without bare acknowledgments."
        ),
        column!(
            "bytes",
            "bytes",
            "7214080",
            |r, c| c.optional_number(r.lost().map(|lost| lost.bytes)),
            "Their payload."
        ),
        column!(
            "retransmitted",
            "count",
            "12",
            |r, c| c.optional_number(r.lost().map(|lost| lost.again)),
            "Segments sent again: the network lost them or their acknowledgment, or was slow."
        ),
        column!(
            "retransmitted_bytes",
            "bytes",
            "16908",
            |r, c| c.optional_number(r.lost().map(|lost| lost.bytes_again)),
            "Their payload."
        ),
        column!(
            "spurious",
            "count",
            "1",
            |r, c| c.optional_number(r.lost().map(|lost| lost.spurious)),
            "Segments sent again though they were acknowledged before."
        ),
        column!(
            "out_of_order",
            "count",
            "3",
            |r, c| c.optional_number(r.lost().map(|lost| lost.disordered)),
            "Segments that came behind later ones, within 3 ms."
        ),
        column!(
            "duplicate_acks",
            "count",
            "40",
            |r, c| c.optional_number(r.lost().map(|lost| lost.duplicate_acks)),
            "Duplicate acknowledgments that the answerer sent back."
        ),
        column!(
            "zero_windows",
            "count",
            "0",
            |r, c| c.optional_number(r.lost().map(|lost| lost.zero_windows)),
            "Segments by which the asker allows the answerer to send nothing."
        ),
        column!(
            "uncaptured_bytes",
            "bytes",
            "0",
            |r, c| c.optional_number(r.lost().map(|lost| lost.uncaptured)),
            "Bytes that were acknowledged and are not in the capture."
        ),
    ];
}

/// health.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_health(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    write_table::<Health>(out, rows(survey))
}
