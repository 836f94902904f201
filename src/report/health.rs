//! health.csv: how soon questions are answered, one row for each two hosts, service and measure.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::column::columns;
use super::csv::write_table;
use super::json::v1::Text;
use super::value::Value;
use crate::health::{Losses, Measure, Pair, Sums};
use crate::inventory::{Host, HostId};
use crate::survey::Survey;

/// Who asked whom, and how it went.
#[derive(Clone, Copy)]
pub(super) struct HealthRow<'a> {
    pub(super) pair: &'a Pair,
    pub(super) sums: &'a Sums,
    pub(super) asker: Option<&'a Host>,
    pub(super) answerer: Option<&'a Host>,
}

impl HealthRow<'_> {
    /// Nanoseconds: the least, the median, the 95th and 99th percentile, and the most.
    pub(super) fn times(&self) -> [Option<u64>; 5] {
        [0, 1, 2, 3, 4].map(|place| self.time(place))
    }

    /// One of these.
    fn time(&self, place: usize) -> Option<u64> {
        let times = &self.sums.times;
        match place {
            0 => times.least(),
            1 => times.percentile(50),
            2 => times.percentile(95),
            3 => times.percentile(99),
            _ => times.most(),
        }
    }

    /// The port of the service, where there is one.
    pub(super) fn port(&self) -> Option<u16> {
        (self.pair.port != 0).then_some(self.pair.port)
    }

    /// What TCP's numbers say of losses, where they do.
    pub(super) fn lost(&self) -> Option<&Losses> {
        self.sums.losses.as_deref()
    }

    fn seconds(&self, place: usize) -> Value<'static> {
        self.time(place).map_or(Value::Missing, |nanos| Value::Seconds(nanos, false))
    }
}

/// The rows of a survey, by who asked, who answered, port and measure.
pub(super) fn rows(survey: &Survey) -> impl ExactSizeIterator<Item = HealthRow<'_>> {
    survey.health.pairs.iter().map(|(pair, sums)| HealthRow {
        pair,
        sums,
        asker: survey.hosts.at(pair.asker),
        answerer: survey.hosts.at(pair.answerer),
    })
}

/// What each of Igor's devices was asked, over all its addresses and whoever asked.
pub(super) fn by_device(survey: &Survey) -> BTreeMap<HostId, BTreeMap<Measure, Sums>> {
    let mut devices: BTreeMap<HostId, BTreeMap<Measure, Sums>> = BTreeMap::new();
    for (pair, sums) in &survey.health.pairs {
        let device = survey.hosts.device_at(pair.answerer);
        if let Some(device) = device.filter(|id| survey.hosts.role(*id).is_igor()) {
            devices.entry(device).or_default().entry(pair.measure).or_default().absorb(sums);
        }
    }
    devices
}

columns! {
    /// A row of health.csv.
    Health of HealthRow, in "health.csv", read as HealthRecord<'a>:
    "How well it works: one row for each two hosts, service and measure, sorted by who asked, who answered, port and \
     measure. Times are from the question, as it was sent first, to its answer, both as they pass the capture's place.";

    All asker_ip: IpAddr = |r| r.pair.asker;
    "address", "10.20.0.2",
    "Who asked; for `tcp-client-half` the server, whose SYN-ACK the client acknowledges; for `tcp-ack` who sent.";
    All asker_role: Option<Text<'a>> = |r| r.asker.map(|host| host.role);
    "role", "gateway", "Its role.";
    All asker_name: Option<Text<'a>> = |r| r.asker.and_then(|host| host.name.as_deref());
    "text", "gateway-1", "Its name.";
    All answerer_ip: IpAddr = |r| r.pair.answerer;
    "address", "10.20.0.31", "Who answered, or was asked.";
    All answerer_role: Option<Text<'a>> = |r| r.answerer.map(|host| host.role);
    "role", "node", "Its role.";
    All answerer_name: Option<Text<'a>> = |r| r.answerer.and_then(|host| host.name.as_deref());
    "text", "node-7", "Its name.";
    All transport: Text<'a> = |r| Value::Name(r.pair.measure.transport());
    "name", "udp", "`udp`, `tcp`, or `icmp` for both its versions.";
    All service_port: Option<u16> = |r| r.port();
    "port", "5683", "Port of the service; of `tcp-ack` the lower one of both; empty where there is none.";
    All measure: Text<'a> = |r| Value::Name(r.pair.measure.name());
    "name", "coap",
    "What is measured: `coap`, `bacnet`, `tftp-block`, `tftp-next`, `http`, `dns`, `dhcp`, `tcp-server-half` (SYN to SYN-ACK), \
        `tcp-client-half` (SYN-ACK to ACK), `tcp-ack` (data to acknowledgment), `icmp-echo`. docs/health.md says each.";
    All asked: u64 = |r| r.sums.asked;
    "count", "412", "Questions, without those sent again.";
    All answered: u64 = |r| r.sums.times.count();
    "count", "410", "Questions whose answer was seen: those that are timed.";
    All repeated: u64 = |r| r.sums.repeated;
    "count", "3", "Questions sent again.";
    All recovered: u64 = |r| r.sums.recovered;
    "count", "2", "Of those, the ones whose question was answered in the end: what was lost, or late.";
    All answered_again: u64 = |r| r.sums.answered_again;
    "count", "0", "Answers sent again.";
    All unasked: u64 = |r| r.sums.unasked;
    "count", "57",
    "Answers whose question was not seen or lies more than five messages back; CoAP's notifications are among them.";
    All min_s: Option<f64> = |r| r.seconds(0);
    "seconds", "0.000840000", "The shortest time, exactly.";
    All median_s: Option<f64> = |r| r.seconds(1);
    "seconds", "0.002300000", "The time that half of them do not exceed, 2.5 % more or less.";
    All p95_s: Option<f64> = |r| r.seconds(2);
    "seconds", "0.011000000", "The 95th percentile, 2.5 % more or less.";
    All p99_s: Option<f64> = |r| r.seconds(3);
    "seconds", "0.040000000", "The 99th percentile, 2.5 % more or less.";
    All max_s: Option<f64> = |r| r.seconds(4);
    "seconds", "2.104000000", "The longest time, exactly.";
    All segments: Option<u64> = |r| r.lost().map(|lost| lost.segments);
    "count", "5120",
    "Of `tcp-ack`, as all that follow: TCP segments that the asker sent to the answerer, without bare acknowledgments.";
    All bytes: Option<u64> = |r| r.lost().map(|lost| lost.bytes);
    "bytes", "7214080", "Their payload.";
    All retransmitted: Option<u64> = |r| r.lost().map(|lost| lost.again);
    "count", "12", "Segments sent again: the network lost them or their acknowledgment, or was slow.";
    All retransmitted_bytes: Option<u64> = |r| r.lost().map(|lost| lost.bytes_again);
    "bytes", "16908", "Their payload.";
    All spurious: Option<u64> = |r| r.lost().map(|lost| lost.spurious);
    "count", "1", "Segments sent again though they were acknowledged before.";
    All out_of_order: Option<u64> = |r| r.lost().map(|lost| lost.disordered);
    "count", "3", "Segments that came behind later ones, within 3 ms.";
    All duplicate_acks: Option<u64> = |r| r.lost().map(|lost| lost.duplicate_acks);
    "count", "40", "Duplicate acknowledgments that the answerer sent back.";
    All zero_windows: Option<u64> = |r| r.lost().map(|lost| lost.zero_windows);
    "count", "0", "Segments by which the asker allows the answerer to send nothing.";
    All uncaptured_bytes: Option<u64> = |r| r.lost().map(|lost| lost.uncaptured);
    "bytes", "0", "Bytes that were acknowledged and are not in the capture.";
    Json buckets: Text<'a> = |r| {
        let pair = |(bucket, count): &(u16, u32)| format!("{bucket}:{count}");
        r.sums.times.filled().iter().map(pair).collect::<Vec<_>>().join(";")
    };
    "bucket:count", "177:3;183:1",
    "The times as a histogram: the numbers of the buckets that are not empty, each with how many times are in it. Bucket n \
        begins at 2^(10 + n/16) nanoseconds, the first at 0.";
}

/// health.csv.
///
/// # Errors
/// Those of `out`.
pub fn write_health(out: &mut dyn Write, survey: &Survey) -> io::Result<()> {
    write_table::<Health>(out, &[], rows(survey))
}
