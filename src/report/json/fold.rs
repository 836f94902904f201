//! How two rows of the same thing become one.

use std::collections::BTreeMap;

use super::v1::{Cell, Conversation, Encapsulation, Finding, Flow, Host, Node, NonIp, Survey, Text};
use super::values::Time;

type T = Text<'static>;

/// From least to most grave.
pub(super) const SEVERITIES: &[&str] = &["notice", "warning", "alert"];
/// From worst known to best.
const OUTCOMES: &[&str] = &["midstream", "one-way", "unanswered", "rejected", "refused", "established"];
const STATES: &[&str] = &["not-seen", "one-way", "blocked", "carried"];
/// From weakest to strongest.
const BASES: &[&str] = &["first-packet", "request", "documented-port", "group", "syn-ack", "syn"];
/// UDP: one payload that conforms settles it.
const UDP_PAYLOADS: &[&str] = &["unknown", "violates", "conforms"];
/// TCP: one payload that violates settles it.
const TCP_PAYLOADS: &[&str] = &["unknown", "conforms", "violates"];

/// Place of a word in its order; unknown words (of a newer program) come before all.
fn rank(order: &[&str], word: &str) -> Option<usize> {
    order.iter().position(|known| *known == word)
}

fn better(order: &[&str], word: &mut T, other: T) {
    if rank(order, &other) > rank(order, word) {
        *word = other;
    }
}

fn severity(severity: Option<&T>) -> Option<usize> {
    severity.and_then(|severity| rank(SEVERITIES, severity))
}

fn earliest(time: &mut Option<Time>, other: Option<Time>) {
    *time = [*time, other].into_iter().flatten().min();
}

fn latest(time: &mut Option<Time>, other: Option<Time>) {
    *time = (*time).max(other);
}

fn union(list: &mut Vec<u32>, other: Vec<u32>) {
    list.extend(other);
    list.sort_unstable();
    list.dedup();
}

fn text(text: &mut T, other: &str) {
    if !text.contains(other) {
        *text = format!("{text} {other}").into();
    }
}

pub(super) fn non_ip(row: &mut NonIp<'static>, other: NonIp<'static>) {
    row.frames = row.frames.saturating_add(other.frames);
    row.bytes = row.bytes.saturating_add(other.bytes);
}

pub(super) fn encapsulation(row: &mut Encapsulation<'static>, other: Encapsulation<'static>) {
    row.frames = row.frames.saturating_add(other.frames);
    row.bytes = row.bytes.saturating_add(other.bytes);
}

pub(super) fn flow(row: &mut Flow<'static>, mut other: Flow<'static>) {
    // The better evidence says who is the client; of equal evidence, the earlier.
    let strength = |flow: &Flow<'_>| rank(BASES, &flow.direction_basis);
    let takes_over = strength(&other) > strength(row)
        || strength(&other) == strength(row) && other.first_seen.is_some() && other.first_seen < row.first_seen;
    if takes_over {
        std::mem::swap(row, &mut other);
    }
    if (row.client_ip, row.client_port) != (other.client_ip, other.client_port) {
        turn(&mut other);
    }
    earliest(&mut row.first_seen, other.first_seen);
    latest(&mut row.last_seen, other.last_seen);
    row.duration_s = row.first_seen.zip(row.last_seen).and_then(|(first, last)| first.seconds_to(last));
    row.client_mac = row.client_mac.or(other.client_mac);
    row.server_mac = row.server_mac.or(other.server_mac);
    row.client_name = row.client_name.take().or(other.client_name);
    row.server_name = row.server_name.take().or(other.server_name);
    row.duplicates = row.duplicates.saturating_add(other.duplicates);
    row.client_packets = row.client_packets.saturating_add(other.client_packets);
    row.client_bytes = row.client_bytes.saturating_add(other.client_bytes);
    row.server_packets = row.server_packets.saturating_add(other.server_packets);
    row.server_bytes = row.server_bytes.saturating_add(other.server_bytes);
    flags(&mut row.client_tcp_flags, other.client_tcp_flags);
    flags(&mut row.server_tcp_flags, other.server_tcp_flags);
    if severity(other.severity.as_ref()) > severity(row.severity.as_ref()) {
        row.service = other.service;
        row.verdict = other.verdict;
        row.reason = other.reason;
        row.severity = other.severity;
        row.rule = other.rule;
    }
    better(OUTCOMES, &mut row.outcome, other.outcome);
    better(if row.transport == "udp" { UDP_PAYLOADS } else { TCP_PAYLOADS }, &mut row.payload, other.payload);
    row.payload_protocol = row.payload_protocol.take().or(other.payload_protocol);
    row.related_to = row.related_to.take().or(other.related_to);
    union(&mut row.sources, other.sources);
}

/// The same flow, seen from its other end.
fn turn(flow: &mut Flow<'_>) {
    use std::mem::swap;
    swap(&mut flow.client_ip, &mut flow.server_ip);
    swap(&mut flow.client_port, &mut flow.server_port);
    swap(&mut flow.client_mac, &mut flow.server_mac);
    swap(&mut flow.client_role, &mut flow.server_role);
    swap(&mut flow.client_name, &mut flow.server_name);
    swap(&mut flow.client_packets, &mut flow.server_packets);
    swap(&mut flow.client_bytes, &mut flow.server_bytes);
    swap(&mut flow.client_tcp_flags, &mut flow.server_tcp_flags);
}

fn flags(flags: &mut Option<T>, other: Option<T>) {
    *flags = match (flags.take(), other) {
        (Some(a), Some(b)) => {
            let union = a.chars().zip(b.chars()).map(|(a, b)| if a == '.' { b } else { a });
            Some(union.collect::<String>().into())
        }
        (a, b) => a.or(b),
    };
}

pub(super) fn conversation(row: &mut Conversation<'static>, other: Conversation<'static>) {
    if severity(other.severity.as_ref()) > severity(row.severity.as_ref()) {
        row.service = other.service;
        row.verdict = other.verdict;
        row.reason = other.reason;
        row.severity = other.severity;
        row.rule = other.rule;
    }
    // It was silent at the end only if nothing came after.
    if other.last_seen >= row.last_seen {
        row.stopped_answering = other.stopped_answering;
    }
    better(OUTCOMES, &mut row.outcome, other.outcome);
    row.flows = row.flows.saturating_add(other.flows);
    row.client_packets = row.client_packets.saturating_add(other.client_packets);
    row.client_bytes = row.client_bytes.saturating_add(other.client_bytes);
    row.server_packets = row.server_packets.saturating_add(other.server_packets);
    row.server_bytes = row.server_bytes.saturating_add(other.server_bytes);
    earliest(&mut row.first_seen, other.first_seen);
    latest(&mut row.last_seen, other.last_seen);
}

/// What makes two findings the same.
pub(super) type FindingKey = (T, Option<T>, Option<T>, [Option<T>; 4], Option<T>, Option<u16>, Option<T>);

pub(super) fn finding_key(row: &Finding<'static>) -> FindingKey {
    let parties = [&row.client_role, &row.client, &row.server_role, &row.server].map(Clone::clone);
    let (reason, verdict, outcome) = (row.reason.clone(), row.verdict.clone(), row.outcome.clone());
    (reason, verdict, outcome, parties, row.transport.clone(), row.server_port, row.rule.clone())
}

pub(super) fn finding(row: &mut Finding<'static>, other: Finding<'static>) {
    better(SEVERITIES, &mut row.severity, other.severity);
    row.flows = row.flows.saturating_add(other.flows);
    row.packets = row.packets.saturating_add(other.packets);
    row.bytes = row.bytes.saturating_add(other.bytes);
    earliest(&mut row.first_seen, other.first_seen);
    latest(&mut row.last_seen, other.last_seen);
    text(&mut row.detail, &other.detail);
    text(&mut row.advice, &other.advice);
    union(&mut row.sources, other.sources);
    union(&mut row.conversations, other.conversations);
}

pub(super) fn cell(row: &mut Cell<'static>, other: Cell<'static>) {
    better(STATES, &mut row.state, other.state);
    row.peers = row.peers.max(other.peers);
    row.flows = row.flows.saturating_add(other.flows);
    row.packets = row.packets.saturating_add(other.packets);
    row.bytes = row.bytes.saturating_add(other.bytes);
    earliest(&mut row.first_seen, other.first_seen);
    latest(&mut row.last_seen, other.last_seen);
}

pub(super) fn host(row: &mut Host<'static>, other: Host<'static>) {
    // What was declared goes before what was inferred, and that before the rest.
    let weight = |host: &Host<'_>| {
        let declared = host.role_basis.starts_with("declared");
        (declared, host.role_basis.starts_with("inferred"), host.confidence)
    };
    if weight(&other) > weight(row) {
        row.role = other.role;
        row.role_basis = other.role_basis;
        row.confidence = other.confidence;
    }
    row.heard |= other.heard;
    row.other_macs.extend(other.other_macs);
    row.other_macs.sort_unstable_by_key(|mac| mac.0);
    row.other_macs.dedup();
    row.lldp_name = row.lldp_name.take().or(other.lldp_name);
    row.switch = row.switch.take().or(other.switch);
    row.switch_port = row.switch_port.take().or(other.switch_port);
    row.mac = row.mac.or(other.mac);
    row.name = row.name.take().or(other.name);
    row.version = row.version.take().or(other.version);
    earliest(&mut row.first_seen, other.first_seen);
    latest(&mut row.last_seen, other.last_seen);
    row.packets_sent = row.packets_sent.saturating_add(other.packets_sent);
    row.bytes_sent = row.bytes_sent.saturating_add(other.bytes_sent);
    row.packets_received = row.packets_received.saturating_add(other.packets_received);
    row.bytes_received = row.bytes_received.saturating_add(other.bytes_received);
    for service in other.serves {
        if !row.serves.contains(&service) {
            row.serves.push(service);
        }
    }
}

pub(super) fn node(row: &mut Node<'static>, other: Node<'static>) {
    row.mac = row.mac.or(other.mac);
    row.name = row.name.take().or(other.name);
    for (port, state) in other.ports {
        better(STATES, row.ports.entry(port).or_insert_with(|| state.clone()), state.clone());
    }
    let count = |state: &str| row.ports.values().filter(|found| *found == state).count() as u64;
    [row.not_seen, row.one_way, row.blocked, row.carried] = ["not-seen", "one-way", "blocked", "carried"].map(count);
}

/// Counts for each cell the devices by state. A device that is in two surveys counts once, so they do not add up.
pub(super) fn count_devices(survey: &mut Survey<'static>) {
    let (nodes, first_document) = (&survey.nodes, survey.coverage.iter().map(|cell| (&cell.role, &cell.document)));
    let mut first: BTreeMap<T, T> = BTreeMap::new();
    for (role, document) in first_document {
        first.entry(role.clone()).or_insert_with(|| document.clone());
    }
    for cell in &mut survey.coverage {
        let direction = if cell.direction == "incoming" { "in" } else { "out" };
        let second = first.get(&cell.role) != Some(&cell.document);
        let prefix = if second { format!("{}_", cell.document) } else { String::new() };
        let port: T = format!("{prefix}{direction}_{}_{}", cell.transport, cell.port).into();
        let of_role = nodes.iter().filter(|node| node.role == cell.role && node.site == cell.site);
        let states: Vec<&T> = of_role.filter_map(|node| node.ports.get(&port)).collect();
        let count = |state: &str| states.iter().filter(|found| **found == state).count() as u64;
        [cell.hosts_not_seen, cell.hosts_one_way, cell.hosts_blocked, cell.hosts_carried] =
            ["not-seen", "one-way", "blocked", "carried"].map(count);
    }
}
