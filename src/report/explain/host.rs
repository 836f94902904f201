//! What a survey knows of one host, as text: the same as the section of a device in report.html.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::put;
use crate::health::Measure;
use crate::report::json::{Lookup, v1, words};
use crate::report::text::units::{bytes, duration};
use crate::text::times;

/// Conversations that are listed.
const TALKS: usize = 10;
/// States of ports, the worst first, with the words for them.
const STATES: [(&str, &str); 4] = [
    ("blocked", "blocked"),
    ("one-way", "one way, or sent to a group"),
    ("not-seen", "not seen"),
    ("carried", "works"),
];

/// Of a host by its address, link address or name; `None` if the survey has no such host. Of several sites each has its own.
pub(crate) fn explain_host(survey: &Lookup<'_>, what: &str) -> Option<String> {
    let is_meant = |host: &Cow<'_, v1::Host<'_>>| {
        host.address.to_string() == what
            || what.parse() == Ok(host.address)
            || host.mac.as_ref().is_some_and(|mac| mac.0.to_string().eq_ignore_ascii_case(what))
            || host.name.as_deref() == Some(what)
    };
    let mut devices: BTreeMap<_, Vec<Cow<'_, v1::Host<'_>>>> = BTreeMap::new();
    for host in survey.inventory().filter(is_meant) {
        let text = |text: &Option<v1::Text<'_>>| text.as_deref().map(str::to_owned);
        let device = (text(&host.site), text(&host.name), host.mac.map(|mac| mac.0), host.role.to_string());
        // Whoever has neither name nor MAC is told apart by its address.
        let alone = (host.name.is_none() && host.mac.is_none()).then_some(host.address);
        devices.entry((device, alone)).or_default().push(host);
    }
    if devices.is_empty() {
        return None;
    }
    Some(devices.values().map(|hosts| device(survey, hosts)).collect::<Vec<_>>().join("\n"))
}

fn device(survey: &Lookup<'_>, asked: &[Cow<'_, v1::Host<'_>>]) -> String {
    let first = &asked[0];
    // The other addresses of the same device.
    let is_same = |host: &Cow<'_, v1::Host<'_>>| {
        let igor = matches!(&*host.role, "gateway" | "node" | "bacnet");
        let key = |host: &v1::Host<'_>| {
            (host.mac.map(|mac| mac.0), host.role.to_string(), host.name.as_deref().map(str::to_owned))
        };
        host.site == first.site
            && (asked.iter().any(|one| one.address == host.address)
                || igor && host.mac.is_some() && key(host) == key(first))
    };
    let hosts: Vec<_> = survey.inventory().filter(is_same).collect();
    let addresses: Vec<IpAddr> = hosts.iter().map(|host| host.address).collect();
    let mut out = String::new();
    let name = first.name.as_deref().map_or_else(|| first.address.to_string(), str::to_owned);
    let site = first.site.as_deref().map_or_else(String::new, |site| format!(" at {site}"));
    put(&mut out, &format!("{name}{site} is a {}: {}.", first.role, first.role_basis));
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mac = first.mac.map_or_else(String::new, |mac| format!(", MAC {}", mac.0));
    put(&mut out, &format!("  address: {}{mac}", list.join(", ")));
    if let Some(version) = &first.version {
        put(&mut out, &format!("  version: {version}"));
    }
    if let Some((switch, port)) = hosts.iter().find_map(|host| host.switch.as_ref().zip(host.switch_port.as_ref())) {
        put(&mut out, &format!("  plugged into: {switch}, port {port}"));
    }
    link(&hosts, &mut out);
    let heard: Vec<_> = hosts.iter().filter(|host| host.heard).collect();
    let begin = heard.iter().filter_map(|host| host.first_seen.as_ref()).min_by_key(|time| time.get());
    let end = heard.iter().filter_map(|host| host.last_seen.as_ref()).max_by_key(|time| time.get());
    match (heard.is_empty(), begin, end) {
        (true, ..) => put(&mut out, "  nothing of it was captured"),
        (false, Some(begin), Some(end)) => put(&mut out, &format!("  heard: {:.3} to {:.3}", begin.get(), end.get())),
        _ => {}
    }
    if let Some(node) = survey.nodes().find(|node| node.site == first.site && addresses.contains(&node.address)) {
        if let Some(state) = &node.state {
            let since =
                node.silent_since.as_ref().map_or_else(String::new, |since| format!(" since {:.3}", since.get()));
            put(&mut out, &format!("  state: {}{since}", state.replace('-', " ")));
        }
        for (state, words) in STATES {
            let ports = node.ports.iter().filter(|(_, seen)| *seen == state);
            let ports: Vec<String> = ports.map(|(port, _)| port.replace('_', " ")).collect();
            if !ports.is_empty() {
                put(&mut out, &format!("  {words}: {}", ports.join(", ")));
            }
        }
    }
    answers(survey, &addresses, first.site.as_deref(), &mut out);
    conversations(survey, &addresses, first.site.as_deref(), &mut out);
    out
}

/// What the link itself says of it.
fn link(hosts: &[Cow<'_, v1::Host<'_>>], out: &mut String) {
    if let Some(power) = hosts.iter().find_map(|host| words::link(host)?.power.clone()) {
        put(out, &format!("  power: {}", power.words()));
    }
    if let Some(state) = hosts.iter().find_map(|host| host.dot1x.as_ref()) {
        put(out, &format!("  802.1X: {state}"));
    }
    let groups: BTreeSet<&str> =
        hosts.iter().flat_map(|host| host.groups.iter().flatten()).map(|group| &**group).collect();
    if !groups.is_empty() {
        put(out, &format!("  listens to: {}", groups.into_iter().collect::<Vec<_>>().join(", ")));
    }
}

/// How soon it answers, and is answered.
fn answers(survey: &Lookup<'_>, addresses: &[IpAddr], site: Option<&str>, out: &mut String) {
    let is_its = |row: &Cow<'_, v1::Health<'_>>| {
        row.site.as_deref() == site && (addresses.contains(&row.asker_ip) || addresses.contains(&row.answerer_ip))
    };
    let mut rows: Vec<_> = survey.health().filter(is_its).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.answered));
    for row in rows.iter().take(TALKS) {
        let measure = Measure::of_name(&row.measure).map_or(&*row.measure, |measure| measure.words());
        let time = |seconds: Option<f64>| duration((seconds.unwrap_or_default() * 1e9).round() as u64);
        let times = match row.answered {
            0 => String::new(),
            _ => {
                format!(", median {}, 95 % within {}, longest {}", time(row.median_s), time(row.p95_s), time(row.max_s))
            }
        };
        let again = if row.repeated > 0 { format!(", {} asked again", row.repeated) } else { String::new() };
        let told = match (row.segments, row.asked) {
            (Some(segments), _) => {
                let lost = row.uncaptured_bytes.filter(|lost| *lost > 0);
                let lost = lost.map_or_else(String::new, |lost| format!(", {} not captured", bytes(lost)));
                format!("{} of {segments} segments sent again{lost}", row.retransmitted.unwrap_or_default())
            }
            (None, 0) => format!("{} timed", row.answered),
            (None, asked) => format!("{} of {asked} answered", row.answered),
        };
        let (asker, answerer) = (row.asker_ip, row.answerer_ip);
        let port = row.service_port.map_or_else(String::new, |port| format!(", port {port}"));
        put(out, &format!("  {measure}{port}, {asker} to {answerer}: {told}{again}{times}"));
    }
    if rows.len() > TALKS {
        put(out, &format!("  and {} more response times: health.csv", rows.len() - TALKS));
    }
}

/// The findings that concern the host, and whom it talks to.
fn conversations(survey: &Lookup<'_>, addresses: &[IpAddr], site: Option<&str>, out: &mut String) {
    let is_its = |talk: &Cow<'_, v1::Conversation<'_>>| {
        talk.site.as_deref() == site && (addresses.contains(&talk.client_ip) || addresses.contains(&talk.server_ip))
    };
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let is_about = |finding: &Cow<'_, v1::Finding<'_>>| {
        let named = [&finding.client, &finding.server].into_iter().flatten().flat_map(|list| list.split(';'));
        let talks = finding.conversations.iter().filter_map(|at| survey.conversation(*at));
        finding.site.as_deref() == site
            && (named.into_iter().any(|one| names.iter().any(|name| name == one))
                || talks.into_iter().any(|talk| is_its(&talk)))
    };
    for finding in survey.findings().filter(is_about) {
        put(out, &format!("  finding {} ({}): {}. {}", finding.id, finding.severity, finding.reason, finding.detail));
    }
    let mut talks = survey.conversations().filter(is_its);
    for talk in talks.by_ref().take(TALKS) {
        let port = talk.server_port.map_or_else(String::new, |port| format!(" {port}"));
        put(
            out,
            &format!(
                "  {} to {}, {}{port}: {}, {}, {}",
                talk.client_ip,
                talk.server_ip,
                talk.transport.to_uppercase(),
                talk.verdict,
                talk.outcome,
                times(talk.client_packets + talk.server_packets, "packet", "packets")
            ),
        );
    }
    let more = talks.count();
    if more > 0 {
        put(out, &format!("  and {more} more conversations"));
    }
}
