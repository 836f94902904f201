//! path.json: the comparison for scripts.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Value, json};

use super::csv::direction;
use super::words::{clock, lead, loss, notes};
use crate::capture::Timestamp;
use crate::path::{Changed, Delays, Leg, LegReport, Loss, PlaceReport, Report};

/// Grows when a name changes its meaning.
const SCHEMA_VERSION: u32 = 1;

struct PathDocument<'a>(&'a Report);

/// Rows made while they are written, so that memory does not grow with them.
struct LegRows<'a>(&'a Report);

impl Serialize for LegRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows.iter().map(|one| row(self.0, one)))
    }
}

impl Serialize for PathDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let mut file = serializer.serialize_struct("Path", 11)?;
        file.serialize_field("schema_version", &SCHEMA_VERSION)?;
        file.serialize_field("tool", &json!({"name": "igorscope", "version": env!("CARGO_PKG_VERSION")}))?;
        file.serialize_field("site", &report.site)?;
        let (grave, text) = lead(report);
        file.serialize_field("sampled", &json!({"packets": report.sampled.0, "apart": report.sampled.1}))?;
        file.serialize_field("result", &json!({"grade": grave, "text": text}))?;
        file.serialize_field("shared", &json!({"first": time(report.shared.0), "last": time(report.shared.1)}))?;
        let places = report.places.iter().enumerate().map(|(at, one)| place(report, at, one));
        file.serialize_field("places", &places.collect::<Vec<_>>())?;
        let legs = report.legs().into_iter().map(|((from, to), one)| {
            let mut value = leg(&one, to.is_some());
            value["from"] = name(report, from);
            value["to"] = to.map_or(Value::Null, |to| name(report, to));
            value["delays"] = bars(&one.delays);
            value
        });
        file.serialize_field("legs", &legs.collect::<Vec<_>>())?;
        file.serialize_field("losses", &report.losses.iter().map(|one| loss_of(report, one)).collect::<Vec<_>>())?;
        file.serialize_field("notes", &notes(report))?;
        file.serialize_field("conversations", &LegRows(report))?;
        file.end()
    }
}

fn name(report: &Report, place: usize) -> Value {
    json!(report.places[place].name)
}

fn time(time: Timestamp) -> Value {
    time.nanos().map_or(Value::Null, |_| json!(time.to_string()))
}

fn seconds(nanos: Option<i64>) -> Value {
    nanos.map_or(Value::Null, |nanos| json!(nanos as f64 / 1e9))
}

fn place(report: &Report, at: usize, place: &PlaceReport) -> Value {
    let inputs = place.inputs.iter().map(|input| {
        let damage = input.damage.as_ref().map(|damage| json!({"offset": damage.offset, "reason": damage.reason}));
        json!({"path": input.path, "format": input.format, "frames": input.frames, "damage": damage})
    });
    let difference = place.clock.map(|one| {
        json!({
            "with": name(report, one.with),
            "ahead_s": seconds(Some(one.ahead)),
            "drift_ppm": one.drift_ppm,
            "error_s": seconds(one.error),
            "packets": one.packets,
        })
    });
    json!({
        "name": place.name,
        "inputs": inputs.collect::<Vec<_>>(),
        "first": time(place.first),
        "last": time(place.last),
        "packets": place.packets,
        "outside": place.outside,
        "untimed": place.untimed,
        "set_back": place.set_back,
        "beyond_limits": place.beyond,
        "caveats": place.caveats,
        "clock": difference,
        "clock_text": clock(report, at),
    })
}

fn loss_of(report: &Report, one: &Loss) -> Value {
    json!({
        "kind": one.kind.name(),
        "from": name(report, one.from),
        "to": name(report, one.to),
        "documented": one.is_documented,
        "client_role": one.client_role.map(|role| role.name()),
        "server_role": one.server_role.map(|role| role.name()),
        "transport": one.transport.to_string(),
        "server_port": one.port,
        "service": &*one.service,
        "conversations": one.conversations,
        "packets": one.packets,
        "basis": one.basis.map(|basis| basis.name()),
        "text": loss(report, one),
    })
}

fn row(report: &Report, row: &LegReport) -> Value {
    let mut value = leg(&row.leg, row.to.is_some());
    value["from"] = name(report, row.from);
    value["to"] = row.to.map_or(Value::Null, |to| name(report, to));
    value["client_ip"] = json!(row.client);
    value["server_ip"] = json!(row.server);
    value["transport"] = json!(row.transport.to_string());
    value["server_port"] = json!(row.port);
    value["service"] = json!(&*row.service);
    value["direction"] = json!(direction(row));
    value["basis"] = json!(row.basis.map(|basis| basis.name()));
    value
}

/// Counts with the names of path.csv; without a second place only what was seen at the first.
fn leg(leg: &Leg, has_second: bool) -> Value {
    let if_second = |count: u64| if has_second { json!(count) } else { Value::Null };
    let changes: serde_json::Map<String, Value> = Changed::ALL
        .iter()
        .zip(&leg.changes)
        .filter(|(_, change)| change.packets > 0)
        .map(|(what, change)| {
            let value = json!({"packets": change.packets, "from": change.from, "to": change.to, "mixed": change.mixed});
            (what.name().to_owned(), value)
        })
        .collect();
    json!({
        "sent": leg.sent,
        "arrived": if_second(leg.arrived),
        "missing": if_second(leg.missing),
        "duplicated": if_second(leg.duplicated),
        "reordered": if_second(leg.reordered),
        "changed": if_second(leg.changed),
        "changes": changes,
        "ambiguous": if_second(leg.ambiguous),
        "appeared": if_second(leg.appeared),
        "first_missing": time(leg.first_missing),
        "last_missing": time(leg.last_missing),
        "delay_min_s": seconds(leg.delays.min()),
        "delay_median_s": seconds(leg.delays.percentile(50)),
        "delay_p95_s": seconds(leg.delays.percentile(95)),
        "delay_max_s": seconds(leg.delays.max()),
    })
}

/// Each bucket's middle in seconds and its packets.
fn bars(delays: &Delays) -> Value {
    delays.bars().map(|(middle, packets)| json!([middle as f64 / 1e9, packets])).collect()
}

/// path.json.
///
/// # Errors
/// Those of `out`.
pub fn write_path_json(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &PathDocument(report))?;
    out.write_all(b"\n")
}
