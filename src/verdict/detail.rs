//! The words of a finding: what was seen, with its evidence, and what to do.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::cause::Cause;
use super::finding::{Group, Kind, Survey};
use super::judge::Observations;
use super::outcome::Silence;
use super::{Conversation, Outcome, advice, cause};
use crate::capture::{FrameId, Timestamp};
use crate::inventory::{Host, HostId, RoleSource};
use crate::policy::{Document, FindingKind, Reason, Role, Transport, Version};

/// How many conversations are told with their frames.
const MAX_EVIDENCE: usize = 3;

/// How many ports, hosts and other things are listed in a sentence.
const MAX_LISTED: usize = 10;

/// How many flows of a finding are searched for what explains it.
const MAX_LOOKED_AT: usize = 1000;

/// The vendor's word for the port, or what the payload proves.
pub(super) fn service(survey: &Survey<'_>, group: &Group, numbers: &[u32]) -> String {
    let wrong = group.kind == Kind::Unexpected(Reason::WrongProtocol);
    let vendors = group.port.and_then(|port| survey.seen.policy.service(group.transport, port));
    let proven = || {
        let names: BTreeSet<&str> = numbers
            .iter()
            .filter_map(|number| survey.facts[*number as usize].named)
            .map(|protocol| protocol.name())
            .collect();
        names.into_iter().take(MAX_LISTED).collect::<Vec<_>>().join(";")
    };
    match vendors {
        Some(service) if !wrong => service.to_owned(),
        _ => proven(),
    }
}

/// What was seen.
pub(super) fn detail(survey: &Survey<'_>, group: &Group, numbers: &[u32], clients: usize, servers: usize) -> String {
    let mut text = what(survey, group, numbers);
    if numbers.len() > 1 {
        let _ = write!(
            text,
            " {} conversations: {} with {}.",
            numbers.len(),
            count(clients, group.client),
            count(servers, group.server)
        );
    }
    if matches!(group.kind, Kind::Unexpected(_)) {
        let _ = write!(text, " {}", outcome_words(group.outcome));
    }
    if group.transport == Transport::Tcp && first_known(survey, numbers, |flow| survey.is_guess(flow)).is_some() {
        text.push_str(" Who opened the connection was not captured: it may have been the other side.");
    }
    text.push_str(&announced(survey, numbers));
    text.push_str(&file_asked_for(survey, numbers));
    for number in numbers.iter().take(MAX_EVIDENCE) {
        text.push(' ');
        text.push_str(&evidence(survey, group, *number));
    }
    if numbers.len() > MAX_EVIDENCE {
        let _ = write!(text, " And {} more.", numbers.len() - MAX_EVIDENCE);
    }
    text.push_str(&marks(survey, numbers));
    let of_silence = matches!(group.outcome, Outcome::Unanswered | Outcome::OneWay)
        || group.kind == Kind::Other(FindingKind::StoppedAnswering);
    if of_silence {
        let silent = numbers.iter().map(|number| {
            let (conversation, facts) = (&survey.conversations[*number as usize], &survey.facts[*number as usize]);
            let silence = facts.uncommon().silence.map_or(0, |silence| u64::from(silence.requests));
            // Only of what is blocked the end is kept as far as order goes.
            let end = Some(facts.uncommon().end).filter(|end| *end != Timestamp::UNKNOWN).unwrap_or(conversation.last);
            (conversation, end, facts.uncommon().tries.max(silence))
        });
        text.push_str(&survey.seen.missing.of_conversations(survey.seen.hosts, silent));
    }
    text
}

/// What kind of thing it is, in a sentence or two.
fn what(survey: &Survey<'_>, group: &Group, numbers: &[u32]) -> String {
    let policy = survey.seen.policy;
    let port = port_words(survey, group, numbers);
    let served = group.port.and_then(|port| policy.service(group.transport, port)).unwrap_or("a documented service");
    let payload = service(survey, group, numbers).replace(';', ", ");
    match group.kind {
        Kind::Unexpected(Reason::WrongProtocol) if payload.is_empty() => {
            format!("{port} is documented for {served}, but the payload is something else.")
        }
        Kind::Unexpected(Reason::WrongProtocol) => {
            format!("{port} is documented for {served}, but the payload is {payload}.")
        }
        Kind::Unexpected(Reason::UnlistedIpProtocol) => {
            format!("{port} is neither TCP, UDP nor ICMP, and no list of this policy names it.")
        }
        Kind::Unexpected(Reason::WrongTransport) => {
            let other = if group.transport == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
            format!("{port} is not documented; the vendor lists the number for {} only.", upper(other))
        }
        Kind::Unexpected(Reason::UndocumentedPort) => {
            let proven = if payload.is_empty() { String::new() } else { format!(" The payload is {payload}.") };
            format!("{port} is in no list of either end.{proven}{}", firmware_source(survey, numbers))
        }
        Kind::Unexpected(Reason::RequestNotCaptured) => format!(
            "{port} carries half of what looks like a TFTP transfer. Its request (UDP 69) would lie in the direction that \
             the capture lacks: whether it is documented cannot be told."
        ),
        Kind::Unexpected(Reason::WrongDirection) => {
            let both = group.client == Role::Bacnet && group.port == Some(80);
            let reading = if both { " The vendor's table can be read both ways here." } else { "" };
            format!("{port} is documented, but not from {} to {}.{reading}", a(group.client), a(group.server))
        }
        Kind::Unexpected(Reason::UndocumentedPeer) => {
            format!("{port} is documented, but not between {} and {}.", a(group.client), a(group.server))
        }
        Kind::Other(FindingKind::Blocked) => blocked(survey, group, numbers, &port),
        Kind::Other(_) => {
            let silences = numbers.iter().filter_map(|number| survey.facts[*number as usize].uncommon().silence);
            format!("{port} {}", went_silent(&silences.collect::<Vec<_>>()))
        }
    }
}

/// How documented conversations went silent: when the last answers came, and how much came to nothing since.
fn went_silent(silences: &[Silence]) -> String {
    let mut text = String::from("worked, and then went silent while requests went on.");
    if silences.iter().all(|silence| silence.of_client) {
        text = "worked, and then what the server sent was no longer acknowledged.".into();
    }
    let answers = silences.iter().map(|silence| silence.last_answer);
    let (Some(first), Some(last)) = (answers.clone().min(), answers.max()) else { return text };
    let requests: u64 = silences.iter().map(|silence| u64::from(silence.requests)).sum();
    // Of more than so many it is only known that there were more.
    let at_least = if silences.iter().any(|silence| silence.requests == 32) { "at least " } else { "" };
    let requests = times(requests, "try", "tries");
    let _ = match (first == last, last.nanos()) {
        (_, None) => write!(text, " {at_least}{requests} came to nothing since."),
        (true, _) => write!(text, " The last answer came at {last}; {at_least}{requests} came to nothing since."),
        (false, _) => {
            write!(text, " The last answers came from {first} to {last}; {at_least}{requests} came to nothing since.")
        }
    };
    text
}

fn blocked(survey: &Survey<'_>, group: &Group, numbers: &[u32], port: &str) -> String {
    let tries: u64 = numbers.iter().map(|number| survey.facts[*number as usize].uncommon().tries).sum();
    let tries = times(tries, "try", "tries");
    let mut text = match group.outcome {
        Outcome::Refused => format!("{port} is documented here and was refused by a TCP reset: {tries}."),
        Outcome::Rejected => format!("{port} is documented here and was rejected by an ICMP error: {tries}."),
        _ if group.cause == Some(Cause::OldConnection) => format!(
            "{port} is documented here; each SYN was answered as a packet of an older connection (RFC 5961), and none opened \
             a new one: {tries}."
        ),
        _ if group.cause == Some(Cause::Misdirected) => {
            format!("{port} is documented here; the answer came back to a port where nobody listens: {tries}.")
        }
        _ if group.cause == Some(Cause::Unacknowledged) => {
            format!("{port} is documented here; what the server sent is to be acknowledged, and was not: {tries}.")
        }
        _ if group.cause == Some(Cause::AnswerLost) => {
            format!("{port} is documented here; the server accepted and the client never took it up: {tries}.")
        }
        _ => format!("{port} is documented here and no answer was seen: {tries}."),
    };
    if group.cause == Some(Cause::NotOnNetwork) {
        let asked = numbers.iter().find_map(|number| {
            let server = survey.seen.hosts.get(survey.conversations[*number as usize].server).address;
            Some((server, cause::unanswered(survey.seen, server)?))
        });
        if let Some((server, asked)) = asked {
            let _ = write!(
                text,
                " {server} was asked for by ARP {} and never answered, from {}.",
                times(asked.packets, "time", "times"),
                frame(survey.seen, asked.begin.frame, asked.first)
            );
        }
    }
    let rejection = numbers.iter().find_map(|number| {
        let (flow, end) = survey.facts[*number as usize].uncommon().rejected?;
        survey.seen.relations.rejection_of(flow, end)
    });
    if let Some(rejection) = rejection {
        let _ = write!(
            text,
            " {} sent {} (type {} code {}), {}.",
            rejection.sender,
            rejection.text(),
            rejection.kind,
            rejection.code,
            frame(survey.seen, rejection.at.frame, rejection.time)
        );
    }
    text
}

/// The port or ports with the service, such as `UDP 69 (TFTP)`.
fn port_words(survey: &Survey<'_>, group: &Group, numbers: &[u32]) -> String {
    let transport = upper(group.transport);
    match (group.transport, group.port) {
        (Transport::Other(number), _) => format!("IP protocol {number}"),
        (Transport::Icmp | Transport::Icmpv6, Some(kind)) => format!("{transport} type {kind}"),
        (_, Some(port)) => match survey.seen.policy.service(group.transport, port) {
            Some(service) => format!("{transport} {port} ({service})"),
            None => format!("{transport} {port}"),
        },
        (_, None) => {
            let ports: BTreeSet<u16> =
                numbers.iter().map(|number| survey.conversations[*number as usize].port).collect();
            let mut list: Vec<String> = ports.iter().take(MAX_LISTED).map(u16::to_string).collect();
            if ports.len() > MAX_LISTED {
                list.push(format!("{} more", ports.len() - MAX_LISTED));
            }
            format!("Each of {transport} {}", list.join(", "))
        }
    }
}

/// One conversation with its frames.
fn evidence(survey: &Survey<'_>, group: &Group, number: u32) -> String {
    let conversation: &Conversation = &survey.conversations[number as usize];
    let portion = survey.portion_of(group, number);
    let host = |id: HostId| {
        let host = survey.seen.hosts.get(id);
        match &host.name {
            Some(name) => format!("{} ({name})", host.address),
            None => host.address.to_string(),
        }
    };
    let [sent, answered] = portion.packets;
    format!(
        "{} to {}: {} there, {answered} back, from {}.",
        host(conversation.client),
        host(conversation.server),
        times(sent, "packet", "packets"),
        frame(survey.seen, portion.begin.frame, portion.first)
    )
}

/// A frame by number and time, as Wireshark numbers it.
pub(super) fn frame(seen: &Observations<'_>, id: FrameId, time: Timestamp) -> String {
    if !id.is_some() {
        return "an unknown frame".to_owned();
    }
    let mut text = format!("frame {}", id.number());
    if let Some(input) = seen.inputs.get(id.input() as usize) {
        let _ = write!(text, " of {}", input.rsplit(['/', '\\']).next().unwrap_or(input));
    }
    if time != Timestamp::UNKNOWN {
        let _ = write!(text, " at {time}");
    }
    text
}

/// The first of a finding's flows for which something is known; few are looked at.
fn first_known<T>(survey: &Survey<'_>, numbers: &[u32], known: impl Fn(u32) -> Option<T>) -> Option<T> {
    let members = |number: &u32| survey.facts[*number as usize].members();
    numbers.iter().flat_map(members).take(MAX_LOOKED_AT).find_map(|at| known(survey.members[at]))
}

/// An SSDP message that named the address and port explains a connection, and excuses nothing.
fn announced(survey: &Survey<'_>, numbers: &[u32]) -> String {
    let seen = survey.seen;
    if seen.relations.announced.is_empty() {
        return String::new();
    }
    first_known(survey, numbers, |flow| seen.relations.announced.get(&flow)).map_or_else(String::new, |found| {
        format!(
            " {} had announced {} by SSDP, in {}.",
            found.announcer,
            found.location,
            frame(seen, found.at.frame, found.time)
        )
    })
}

/// The file of a TFTP request: a stranger's bytes, so what does not print is written as an escape.
fn file_asked_for(survey: &Survey<'_>, numbers: &[u32]) -> String {
    let files = &survey.seen.relations.tftp_files;
    if files.is_empty() {
        return String::new();
    }
    let named = |flow| files.get(&flow).filter(|file| !file.name.is_empty());
    first_known(survey, numbers, named).map_or_else(String::new, |file| {
        let name = file.name.escape_ascii();
        format!(" The first file to {} is \"{name}\".", if file.write { "write" } else { "read" })
    })
}

/// What makes the verdict itself weaker: inferred roles, versions that the document does not cover.
fn marks(survey: &Survey<'_>, numbers: &[u32]) -> String {
    let mut text = String::new();
    let hosts = || {
        numbers
            .iter()
            .flat_map(|number| {
                let conversation = &survey.conversations[*number as usize];
                [conversation.client, conversation.server]
            })
            .map(|id| survey.seen.hosts.get(id))
    };
    if hosts().any(|host| host.source == RoleSource::Inferred) {
        text.push_str(" It rests on roles that were inferred from the traffic.");
    }
    let old = |host: &Host| {
        let document = survey.seen.policy.documents().iter().find(|document| document.role == host.role);
        let version = host.version.as_deref().and_then(Version::parse);
        document.zip(version).is_some_and(|(document, version)| version < document.minimum_version)
    };
    if hosts().any(old) {
        text.push_str(" A version below the document's is involved, so this is advisory.");
    }
    text
}

/// A client's port among the firmware ports proves nothing, but may explain.
fn firmware_source(survey: &Survey<'_>, numbers: &[u32]) -> String {
    let policy = survey.seen.policy;
    let source = numbers.iter().find_map(|number| {
        let std::ops::Range { start: first, end: last } = survey.facts[*number as usize].members();
        [first, last.saturating_sub(1)].into_iter().find_map(|at| {
            let flow = survey.seen.flows.view(*survey.members.get(at)?);
            let conversation = &survey.conversations[*number as usize];
            let client = survey.seen.hosts.get(conversation.client);
            let end = flow.ends.iter().find(|end| end.address == client.address && end.port != conversation.port)?;
            let hint =
                policy.is_documented_port(flow.transport, end.port) && !policy.tells_server(flow.transport, end.port);
            hint.then_some(end.port)
        })
    });
    source.map_or_else(String::new, |port| {
        format!(
            " The client's own port {port} is one of the vendor's: an answer from it would look like this if its \
             request was not captured."
        )
    })
}

/// What to do.
pub(super) fn advice(survey: &Survey<'_>, group: &Group, numbers: &[u32], clients: &str, servers: &str) -> String {
    let people = |list: &str| list.replace(';', ", ");
    match (group.kind, group.cause) {
        (Kind::Unexpected(reason), _) => {
            advice::unexpected(reason, group.client, group.server, group.port.unwrap_or(0)).to_owned()
        }
        (Kind::Other(_), Some(cause)) => {
            cause.advice(group.transport, &port_words(survey, group, numbers), &people(clients), &people(servers))
        }
        (Kind::Other(_), None) => {
            let silences = numbers.iter().filter_map(|number| survey.facts[*number as usize].uncommon().silence);
            let mut of_client = silences.map(|silence| silence.of_client).peekable();
            let silent = if of_client.peek().is_some() && of_client.all(|it| it) { clients } else { servers };
            format!(
                "Look at what happened to {} after the last answer: a restart, a link that went down, a filter that \
                 was switched on, or a session that a firewall forgot.",
                people(silent)
            )
        }
    }
}

/// The hosts whose version is too low.
pub(super) fn old_version(document: &Document, old: &[(&Host, &str)]) -> String {
    let hosts: Vec<String> = old
        .iter()
        .take(MAX_LISTED)
        .map(|(host, version)| match &host.name {
            Some(name) => format!("{} ({name}) has {version}", host.address),
            None => format!("{} has {version}", host.address),
        })
        .collect();
    let more = if old.len() > MAX_LISTED { format!(", and {} more", old.len() - MAX_LISTED) } else { String::new() };
    format!(
        "The document covers {} {} and higher: {}{more}. It does not speak for these, and verdicts on them are advisory.",
        document.product,
        document.minimum_version,
        hosts.join(", ")
    )
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Established => "It was answered.",
        Outcome::Refused => "It was refused by a TCP reset.",
        Outcome::Rejected => "It was rejected by an ICMP error.",
        Outcome::Unanswered => "No answer was seen.",
        Outcome::OneWay => "Only the client was seen to send.",
        Outcome::Midstream => "The capture began inside it.",
    }
}

/// A role with its article.
const fn a(role: Role) -> &'static str {
    match role {
        Role::Gateway => "a gateway",
        Role::Node => "a node",
        Role::Bacnet => "a BACnet system",
        Role::Host => "a host the document does not speak of",
        Role::External => "an external host",
        Role::Group => "a group",
    }
}

fn count(number: usize, role: Role) -> String {
    let (one, many) = match role {
        Role::Gateway => ("gateway", "gateways"),
        Role::Node => ("node", "nodes"),
        Role::Bacnet => ("BACnet system", "BACnet systems"),
        Role::Host => ("host", "hosts"),
        Role::External => ("external host", "external hosts"),
        Role::Group => ("group", "groups"),
    };
    times(number as u64, one, many)
}

pub(super) fn times(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

const fn upper(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Icmp => "ICMP",
        Transport::Icmpv6 => "ICMPv6",
        Transport::Other(_) => "IP",
    }
}
