//! A section for each device of the vendor's tables: what it is, how it stands, its ports, peers, findings and time line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::findings::service;
use super::head::span;
use super::health;
use super::matrix::state_words;
use super::page::{Page, put};
use super::ports::STATES;
use crate::finding::{Standings, Who};
use crate::inventory::{Host, HostId, Powered};
use crate::policy::Direction;
use crate::report::Names;
use crate::report::health::{HealthRow, rows};
use crate::report::names::role_basis;
use crate::report::text::findings::title;
use crate::report::text::units::{count, counted};
use crate::report::value::nanos_between;
use crate::survey::Survey;
use crate::verdict::{CellState, Conversation, HostCoverage};

/// Devices that have a section, the worst first.
const SHOWN: usize = 140;
/// Conversations and findings that a section lists.
const TALKS: usize = 4;
const FINDINGS: usize = 6;
/// Stretches of the time line.
const BINS: usize = 60;

/// What is known of one device beside its coverage.
#[derive(Default)]
struct DeviceFacts<'a> {
    addresses: Vec<&'a Host>,
    /// Most packets first.
    talks: Vec<&'a Conversation>,
    more_talks: usize,
    /// Numbers from 1.
    findings: Vec<usize>,
    /// How soon it answers and is answered, most answers first.
    answers: Vec<HealthRow<'a>>,
    /// A bit for each stretch in which it was heard.
    active: u64,
}

/// The devices that have a section: the worst, in the order of their addresses.
fn shown<'a>(survey: &'a Survey, standings: &Standings) -> Vec<&'a HostCoverage> {
    let mut nodes: Vec<&HostCoverage> = survey.nodes.iter().collect();
    nodes.sort_by_key(|node| (std::cmp::Reverse(standings.get(node.host).state), node.host));
    nodes.truncate(SHOWN);
    nodes.sort_by_key(|node| node.host);
    nodes
}

/// The anchors of the devices that have a section, by each of their addresses.
pub(super) fn anchors(survey: &Survey) -> BTreeMap<IpAddr, u32> {
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let shown: Vec<HostId> = shown(survey, &standings).iter().map(|node| node.host).collect();
    let device = |id: u32| survey.hosts.device_of(HostId(id));
    let hosts = survey.hosts.iter().zip(0..).filter(|(host, _)| host.role.is_igor());
    hosts
        .map(|(host, id)| (host.address, device(id)))
        .filter(|(_, device)| shown.binary_search(device).is_ok())
        .map(|(address, device)| (address, device.0))
        .collect()
}

pub(super) fn write(page: &mut Page, survey: &Survey, names: &Names) {
    if survey.nodes.is_empty() {
        return;
    }
    page.section("devices", "Device by device");
    put!(
        page,
        "<p>Each gateway, node and BACnet system, heard or only declared. Opened here, a device is printed too.</p>"
    );
    let standings = Standings::of(&survey.findings, &survey.hosts);
    let nodes = shown(survey, &standings);
    let devices = gather(survey, &nodes);
    let none = DeviceFacts::default();
    for node in nodes {
        let host = survey.hosts.get(node.host);
        let standing = standings.get(node.host);
        put!(page, "<details class=\"device\" id=\"device-{}\"><summary>", node.host.0);
        page.plain_host(host);
        let (class, words) = state_words(standing);
        put!(page, " <span class=\"quiet\">{}</span> <span class=\"stands {}\">{}", host.role.name(), class, words);
        if let Some(since) = standing.since {
            put!(page, " since ");
            page.time(since);
        }
        put!(page, "</span></summary>");
        body(page, (survey, names), node, host, devices.get(&node.host).unwrap_or(&none));
        put!(page, "</details>\n");
    }
    if survey.nodes.len() > SHOWN {
        put!(
            page,
            "<p class=\"more\">{} of {} devices, the worst first; nodes.csv has all.</p>",
            SHOWN,
            survey.nodes.len()
        );
    }
    page.end_section();
}

fn gather<'a>(survey: &'a Survey, nodes: &[&HostCoverage]) -> BTreeMap<HostId, DeviceFacts<'a>> {
    let mut devices: BTreeMap<HostId, DeviceFacts<'_>> =
        nodes.iter().map(|node| (node.host, DeviceFacts::default())).collect();
    for (host, id) in survey.hosts.iter().zip(0..) {
        if let Some(device) = devices.get_mut(&survey.hosts.device_of(HostId(id))) {
            device.addresses.push(host);
        }
    }
    for conversation in &survey.conversations {
        for host in [conversation.client, conversation.server] {
            let Some(device) = devices.get_mut(&survey.hosts.device_of(host)) else { continue };
            if device.talks.len() < TALKS {
                device.talks.push(conversation);
            } else {
                device.more_talks += 1;
            }
        }
    }
    for row in rows(survey) {
        let mut ends = [row.pair.asker, row.pair.answerer].map(|address| survey.hosts.device_at(address));
        if ends[0] == ends[1] {
            ends[1] = None;
        }
        for device in ends.into_iter().flatten() {
            if let Some(device) = devices.get_mut(&device) {
                device.answers.push(HealthRow { ..row });
            }
        }
    }
    devices.values_mut().for_each(|device| device.answers.sort_by_key(|row| std::cmp::Reverse(row.sums.times.count())));
    for (number, finding) in (1..).zip(&survey.findings) {
        for who in finding.clients.iter().chain(&*finding.servers) {
            let Who::Address(address) = who else { continue };
            let host = survey.hosts.device_at(*address);
            let Some(device) = host.and_then(|host| devices.get_mut(&host)) else { continue };
            if device.findings.last() != Some(&number) {
                device.findings.push(number);
            }
        }
    }
    let (begin, finish) = span(survey);
    let Some(length) = nanos_between(begin, finish).filter(|length| *length > 0) else { return devices };
    for (flow, judgement) in survey.flows.iter() {
        let ends = [judgement.client, 1 - (judgement.client & 1)].map(|end| &flow.ends[usize::from(end & 1)]);
        for (host, end) in [judgement.client_host, judgement.server_host].into_iter().zip(ends) {
            let Some(device) = devices.get_mut(&survey.hosts.device_of(host)) else { continue };
            let bin = |time| {
                let passed = u128::from(nanos_between(begin, time)?);
                Some(usize::try_from(passed * (BINS as u128 - 1) / u128::from(length)).ok()?.min(BINS - 1))
            };
            if let (true, Some(first), Some(last)) = (end.packets() > 0, bin(end.first()), bin(end.last())) {
                // Of few packets only the first and the last are known to have been there.
                let all = first..=last.max(first);
                let heard = all.filter(|at| end.packets() > 2 || *at == first || *at == last);
                device.active |= heard.map(|at| 1 << at).sum::<u64>();
            }
        }
    }
    devices
}

fn body(
    page: &mut Page,
    (survey, names): (&Survey, &Names),
    node: &HostCoverage,
    host: &Host,
    device: &DeviceFacts<'_>,
) {
    // One element for all lines: a large site has many devices.
    let addresses: Vec<String> = device.addresses.iter().map(|host| host.address.to_string()).collect();
    let attachment = device.addresses.iter().find_map(|host| host.attachment.as_deref());
    let heard = host.heard.then(|| format!("{} to {}", page.shown(host.first_seen), page.shown(host.last_seen)));
    let known = [
        ("role", Some(format!("{}, {}", host.role.name(), role_basis(host)))),
        ("addresses", Some(addresses.join(", "))),
        ("MAC", host.mac.map(|mac| mac.to_string())),
        ("version", host.version.as_deref().map(str::to_owned)),
        ("plugged into", attachment.map(|at| format!("{}, port {}", at.switch, at.port))),
        ("power", device.addresses.iter().find_map(|host| host.power()).map(Powered::words)),
        ("802.1X", device.addresses.iter().find_map(|host| host.dot1x()).map(|state| state.name().to_owned())),
        ("groups", Some(groups(&device.addresses))),
        ("heard", heard),
    ];
    let states = STATES.map(|(state, _, words)| (words, Some(ports(survey, node, state))));
    put!(page, "<pre class=\"known\">");
    for (label, text) in known.into_iter().chain(states) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            put!(page, "{}{}\n", format!("{label:<18}"), text);
        }
    }
    put!(page, "</pre>");
    time_line(page, device.active);
    if !device.findings.is_empty() {
        let context = survey.context();
        put!(page, "<ul class=\"list\">");
        for number in device.findings.iter().take(FINDINGS) {
            let Some(finding) = survey.findings.get(number - 1) else { continue };
            let title = format!("{}: {}", finding.severity.name(), title(finding, &context));
            put!(page, "<li><a href=\"#finding-{}\">{}</a></li>", number, title);
        }
        put!(page, "</ul>");
        if device.findings.len() > FINDINGS {
            put!(page, "<p class=\"quiet\">and {} more</p>", device.findings.len() - FINDINGS);
        }
    }
    health::peers(page, survey, node.host, &device.answers);
    if !device.talks.is_empty() {
        put!(page, "<ul class=\"list\">");
        for talk in &device.talks {
            let is_client = survey.hosts.device_of(talk.client) == node.host;
            let (arrow, peer) = if is_client { ("to", talk.server) } else { ("from", talk.client) };
            let peer = survey.hosts.get(peer);
            let name = peer.name.as_deref().map_or_else(|| peer.address.to_string(), str::to_owned);
            put!(page, "<li>{} ", arrow);
            match page.devices.get(&peer.address).copied() {
                Some(device) => put!(page, "<a href=\"#device-{}\">{}</a>", device, name),
                None => put!(page, "{}", name),
            }
            put!(
                page,
                ", {}: {}, {}, {}</li>",
                service(talk, names),
                talk.verdict,
                talk.outcome.said(survey.hosts.role(talk.server)),
                counted(talk.packets.iter().sum(), "packet", "packets")
            );
        }
        put!(page, "</ul>");
        if device.more_talks > 0 {
            let more = count(device.more_talks as u64);
            put!(page, "<p class=\"quiet\">and {} more conversations; conversations above, by its address.</p>", more);
        }
    }
}

/// The groups that any of its addresses listens to.
fn groups(addresses: &[&Host]) -> String {
    let links = || addresses.iter().filter_map(|host| host.link.as_deref());
    let all: BTreeSet<IpAddr> = links().flat_map(|link| link.groups.iter().copied()).collect();
    let more: u32 = links().map(|link| link.more_groups).fold(0, u32::saturating_add);
    let more = (more > 0).then(|| format!("and {more} more"));
    all.iter().map(ToString::to_string).chain(more).collect::<Vec<_>>().join(", ")
}

/// `in TCP 80, UDP 69; out UDP 1900`.
fn ports(survey: &Survey, node: &HostCoverage, state: CellState) -> String {
    let of = |direction| {
        let cells = node.cells.iter().filter(|(_, seen)| *seen == state);
        let cells = cells.filter_map(|(at, _)| survey.policy.cells().get(usize::from(*at)));
        let mut list: Vec<String> = cells
            .filter(|cell| cell.direction == direction)
            .map(|cell| format!("{} {}", cell.transport.to_string().to_uppercase(), cell.port))
            .collect();
        list.dedup();
        list.join(", ")
    };
    let parts = [("in", of(Direction::Incoming)), ("out", of(Direction::Outgoing))];
    let parts = parts.into_iter().filter(|(_, list)| !list.is_empty()).map(|(word, list)| format!("{word} {list}"));
    parts.collect::<Vec<_>>().join("; ")
}

/// When it was heard, from the beginning of the capture to its end.
fn time_line(page: &mut Page, active: u64) {
    if active == 0 {
        return;
    }
    let path: String =
        (0..BINS).filter(|at| active >> at & 1 == 1).map(|at| format!("M{} 0h9v12h-9z", at * 10)).collect();
    put!(
        page,
        "<svg class=\"heard\" viewBox=\"0 0 {} 12\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"heard in {} of {} \
         stretches of the capture\"><path d=\"{}\"/></svg>",
        BINS * 10,
        active.count_ones(),
        BINS,
        path
    );
}
