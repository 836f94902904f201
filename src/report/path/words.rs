//! What a comparison of places says, in sentences: the same on the terminal, in the page and in path.json.

use crate::path::{Basis, Loss, LossKind, Report, WAIT};
use crate::policy::Role;
use crate::protocol::Transport;
use crate::report::text::units::{count, counted, duration};

/// The result in one sentence, and how grave it is: `good`, `warn` or `bad`.
pub(in crate::report) fn lead(report: &Report) -> (&'static str, String) {
    let compared: u64 = report.rows.iter().filter(|row| row.to.is_some()).map(|row| row.leg.sent).sum();
    let missing: u64 = report.rows.iter().map(|row| row.leg.missing).sum();
    let blocked = report
        .losses
        .iter()
        .filter(|loss| loss.is_documented && loss.is_dropped() && loss.kind != LossKind::Beyond)
        .count() as u64;
    if report.is_torn() {
        let (all, apart) = report.sampled;
        return (
            "bad",
            format!(
                "NOT COMPARED RIGHT: a clock was set while it captured ({} of {} that were seen at two places lie more than 2 s apart, {} come after later ones). Cut the captures there, and compare the parts.",
                count(apart),
                counted(all, "packet", "packets"),
                count(report.places.iter().map(|place| place.set_back).sum())
            ),
        );
    }
    if compared == 0 {
        return ("bad", "NOT COMPARED: not one packet was seen that is known to pass two of the places.".to_owned());
    }
    if blocked > 0 {
        let ports = counted(blocked, "port of the vendor's document", "ports of the vendor's document");
        return ("bad", format!("Found where: {ports} blocked between the places."));
    }
    let of = format!("{} of {}", count(missing), counted(compared, "packet", "packets"));
    match missing {
        0 => (
            "good",
            format!("Nothing was lost between the places: {} came through.", counted(compared, "packet", "packets")),
        ),
        _ if report.losses.iter().any(|loss| loss.is_dropped() && loss.kind != LossKind::Beyond) => {
            ("warn", format!("{of} were lost, some conversations wholly."))
        }
        _ => ("warn", format!("{of} were lost ({}).", share(missing, compared))),
    }
}

/// `2.1 %`, and never 0 % of something.
pub(in crate::report) fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    if part > 0 && percent < 0.1 { "< 0.1 %".to_owned() } else { format!("{percent:.1} %") }
}

/// One loss in a sentence or two.
pub(in crate::report) fn loss(report: &Report, loss: &Loss) -> String {
    let [from, to] = [loss.from, loss.to].map(|place| report.places[place].name.as_str());
    let what = what(loss);
    let amount = format!(
        "{} of {}",
        counted(loss.packets, "packet", "packets"),
        counted(loss.conversations, "conversation", "conversations")
    );
    let (clients, servers) = (group(loss.client_role), group(loss.server_role));
    let ways = format!("from {clients} to {servers}");
    // One packet or two may be lost by chance, and what lets others of the kind through blocks no port.
    let drops = if loss.is_dropped() { "drops" } else { "lost" };
    let mut text = match loss.kind {
        LossKind::Request => {
            format!("Left {from}, never came to {to}: what lies between {drops} {what} {ways} ({amount}).")
        }
        LossKind::Answer => format!(
            "The answer left {from}, never came to {to}: what lies between {drops} what {servers} answer to {clients} on {what} ({amount})."
        ),
        LossKind::MadeBetween => format!(
            "What lies between {to} and {from} rejects {what} {ways}: an answer was seen at {to} and never at {from} ({amount})."
        ),
        LossKind::Beyond => {
            format!("Came to {from}, and nothing came back: {what} {ways} is not answered beyond {from} ({amount}).")
        }
    };
    if loss.passed > 0 {
        text.push_str(&format!(
            " {} of the kind came through.",
            counted(loss.passed, "other conversation", "other conversations")
        ));
    }
    let (client, server) = loss.example;
    text.push_str(&format!(" For example {client} to {server}."));
    if loss.basis == Some(Basis::Order) && loss.kind != LossKind::Beyond {
        text.push_str(" Which place is first is taken from the order in which they were named.");
    }
    text
}

/// `TCP 1901 (UPnP)`.
fn what(loss: &Loss) -> String {
    let transport = match loss.transport {
        Transport::Other(number) => format!("IP protocol {number}"),
        known => known.to_string().to_uppercase(),
    };
    let port = loss.port.map_or_else(String::new, |port| format!(" {port}"));
    let service = if loss.service.is_empty() { String::new() } else { format!(" ({})", loss.service) };
    format!("{transport}{port}{service}")
}

fn group(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::Gateway) => "the gateway",
        Some(Role::Node) => "nodes",
        Some(Role::Bacnet) => "BACnet systems",
        Some(Role::External) => "external hosts",
        Some(Role::Group) => "groups",
        Some(Role::Host) | None => "hosts",
    }
}

/// A delay as people read it.
pub(in crate::report) fn delay(nanos: Option<i64>) -> String {
    match nanos {
        None => String::new(),
        Some(nanos) if nanos < 0 => format!("-{}", delay(Some(nanos.saturating_neg()))),
        Some(nanos) if nanos < 10_000_000 => format!("{} \u{b5}s", count(nanos.unsigned_abs().div_ceil(1000))),
        Some(nanos) if nanos < 10_000_000_000 => format!("{} ms", count(nanos.unsigned_abs() / 1_000_000)),
        Some(nanos) => duration(nanos.unsigned_abs()),
    }
}

/// How the clock of a place differs, in a sentence.
pub(in crate::report) fn clock(report: &Report, place: usize) -> String {
    let name = &report.places[place].name;
    let Some(clock) = report.places[place].clock else {
        return if place == 0 {
            format!("All times are those of {name}.")
        } else {
            format!("No packet was seen both at {name} and elsewhere: its clock is taken as it is.")
        };
    };
    let with = &report.places[clock.with].name;
    let offset = clock.ahead.unsigned_abs() as f64 / 1e9;
    let side = if clock.ahead < 0 { "behind" } else { "ahead of" };
    // Less than that is what the estimate itself may err by.
    let drift = clock.drift_ppm.filter(|ppm| ppm.abs() >= 0.05).map_or_else(String::new, |ppm| {
        format!(" and {:.1} ppm {}", ppm.abs(), if ppm < 0.0 { "slow" } else { "fast" })
    });
    let error = match clock.error {
        Some(error) => format!(
            "right within {} (half of the smallest round trip; exact if the smallest delays of both ways are equal)",
            delay(Some(error))
        ),
        None => "from one direction only, so that delays count from the smallest".to_owned(),
    };
    let packets = counted(clock.packets, "packet seen at both", "packets seen at both");
    if clock.ahead == 0 && drift.is_empty() && clock.error.is_some() {
        return format!("{name} and {with} show the same time; {error}; from {packets}.");
    }
    format!("{name} is {offset:.6} s {side} {with}{drift}; {error}; from {packets}.")
}

/// What was not compared, and how far the comparison goes: a sentence each.
pub(in crate::report) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let packets = |number| counted(number, "packet", "packets");
    for (at, place) in report.places.iter().enumerate() {
        let name = &place.name;
        if at > 0 && place.clock.is_none() {
            notes.push(clock(report, at));
        }
        notes.extend(place.caveats.iter().map(|text| format!("At {name}: {text}")));
        for (number, why) in [
            (place.outside, "outside of the time that all places share, or too near to its ends"),
            (place.untimed, "without a time"),
            (
                place.set_back,
                "more than 2 s before others that came earlier: the clock was set back, and they may count as missing",
            ),
            (place.beyond, "of more conversations than are kept"),
        ] {
            if number > 0 {
                notes.push(format!("At {name}: {} {why}.", packets(number)));
            }
        }
    }
    for (at, place) in report.places.iter().enumerate() {
        let alone = report.rows.iter().filter(|row| row.from == at && row.to.is_none());
        let (rows, number) = alone.fold((0, 0), |(rows, sum), row| (rows + 1, sum + row.leg.sent));
        if rows > 0 {
            let ways = counted(rows, "direction of a conversation", "directions of conversations");
            notes.push(format!(
                "{} of {ways} were seen at {} only, and nothing shows that they were to pass another place.",
                packets(number),
                place.name
            ));
        }
    }
    let ambiguous: u64 = report.rows.iter().map(|row| row.leg.ambiguous).sum();
    if ambiguous > 0 {
        notes.push(format!("{} look like others: which of them came is not known, only how many.", packets(ambiguous)));
    }
    let appeared: u64 = report.rows.iter().map(|row| row.leg.appeared).sum();
    if appeared > 0 {
        notes.push(format!(
            "{} were seen at a second place and never at the first: not captured there, or made between.",
            packets(appeared)
        ));
    }
    let otherwise = report.rows.iter().filter(|row| row.is_cut_otherwise).count() as u64;
    if otherwise > 0 {
        notes.push(format!(
            "{} came through in other segments (a network card of a capturing host joins them, or a proxy): what is missing of them cannot be told. Switch off segmentation offload where you capture.",
            counted(otherwise, "TCP stream", "TCP streams")
        ));
    }
    if let Some(payload) = report.compared_payload {
        notes.push(format!("Frames were cut: the first {payload} bytes of payload were compared."));
    }
    if !report.identified {
        notes.push(
            "IP identification does not tell identical packets apart here: it is 0, or changed on the way.".to_owned(),
        );
    }
    if report.crowded_out > 0 {
        notes.push(format!(
            "{} could not wait {} for the same at the next place, for want of room.",
            packets(report.crowded_out),
            duration(WAIT as u64)
        ));
    }
    notes
}
