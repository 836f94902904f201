//! Why a flow, a finding or a port is judged as it is, in plain words, and what would change it.

mod host;
mod port;

use std::fmt::Write;

use crate::finding::Kind;
use crate::policy::{Case, Cell, Direction, Policy, Reason, Role};
use crate::protocol::Transport;
use crate::report::json::{Lookup, v1, words};
use crate::report::result;
use crate::text::visible;
use crate::verdict::documented;

pub(crate) use host::explain_host;
pub use port::explain_port;
pub(crate) use port::port_seen;

/// What can be asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// `f17`: a flow, from 1.
    Flow(usize),
    /// `3`: a finding, from 1.
    Finding(usize),
    /// `udp/5683`.
    Port(Transport, u16),
    /// `10.20.0.31`, a MAC address, or a name of the inventory.
    Host(String),
}

impl Subject {
    /// Reads `f17`, `3`, `udp/5683`, or what a host is called.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<usize>().ok().filter(|number| *number > 0);
        if let Some((transport, port)) = text.split_once('/') {
            let transport = match transport.to_ascii_lowercase().as_str() {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                _ => return None,
            };
            return port.parse().ok().filter(|port| *port > 0).map(|port| Self::Port(transport, port));
        }
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_prefix(['f', 'F']) {
            Some(rest) if is_number(rest) => number(rest).map(Self::Flow),
            _ if is_number(text) => number(text).map(Self::Finding),
            _ => (!text.trim().is_empty()).then(|| Self::Host(text.to_owned())),
        }
    }
}

/// What is to be read before anything of a survey is explained: that nothing was judged, and what contradicts the inventory.
/// Empty where all is well.
pub(crate) fn before_all(survey: &Lookup<'_>) -> String {
    let mut out = String::new();
    if let Some(v1::Judged { value: false, reason, next, .. }) = survey.judged().as_deref() {
        let [reason, next] = [reason, next].map(|text| text.as_deref().unwrap_or_default());
        put(&mut out, &format!("NOT JUDGED: {reason} Next: {next}"));
    }
    for caveat in survey.caveats().filter(|caveat| caveat.kind == result::CONTRADICTS) {
        put(&mut out, &caveat.text);
    }
    out
}

/// Why a flow has its verdict and outcome. `index` is from 0.
pub(crate) fn explain_flow(policy: &Policy, survey: &Lookup<'_>, index: usize) -> Option<String> {
    let flow = survey.flow(index)?;
    let mut out = String::new();
    let end = |address: &std::net::IpAddr, role: &str, name: &Option<v1::Text<'_>>| match name {
        Some(name) => format!("{address} ({role} \"{name}\")"),
        None => format!("{address} ({role})"),
    };
    let asked = Asked {
        client: end(&flow.client_ip, &flow.client_role, &flow.client_name),
        server: end(&flow.server_ip, &flow.server_role, &flow.server_name),
        client_address: flow.client_ip.to_string(),
        server_address: flow.server_ip.to_string(),
        client_role: &flow.client_role,
        server_role: &flow.server_role,
        transport: &flow.transport,
        port: flow.server_port,
        service: flow.service.as_deref(),
        verdict: &flow.verdict,
        reason: flow.reason.as_deref(),
        severity: flow.severity.as_deref(),
        rule: flow.rule.as_deref(),
        outcome: &flow.outcome,
    };
    put(&mut out, &format!("{}: {}", flow.flow_id, asked.sentence()));
    put(&mut out, &format!("Who asked is known {}.", basis(&flow.direction_basis)));
    if let Some(related) = &flow.related_to {
        let known = survey.flow_of_id(related);
        let other = known.map_or_else(String::new, |other| {
            format!(": {} asked {} on {}", other.client_ip, other.server_ip, place(&other.transport, other.server_port))
        });
        put(&mut out, &format!("It belongs to {related}{other}."));
    }
    asked.verdict(policy, &mut out);
    Some(out)
}

/// Why a finding is one, by its first conversation. `index` is from 0.
pub(crate) fn explain_finding(policy: &Policy, survey: &Lookup<'_>, index: usize) -> Option<String> {
    let finding = survey.findings().nth(index)?;
    let mut out = String::new();
    let verdict = finding.verdict.as_ref().map_or_else(String::new, |verdict| format!("{verdict}, "));
    put(&mut out, &format!("Finding {} ({}): {verdict}{}.", finding.id, finding.severity, finding.reason));
    put(&mut out, &finding.detail);
    put(&mut out, &format!("What to do: {}", finding.advice));
    let first = finding.conversations.first().and_then(|at| survey.conversation(*at));
    if let Some(talk) = first {
        let end = |address: &std::net::IpAddr, role: &str| format!("{address} ({role})");
        let asked = Asked {
            client: end(&talk.client_ip, &talk.client_role),
            server: end(&talk.server_ip, &talk.server_role),
            client_address: talk.client_ip.to_string(),
            server_address: talk.server_ip.to_string(),
            client_role: &talk.client_role,
            server_role: &talk.server_role,
            transport: &talk.transport,
            port: talk.server_port,
            service: talk.service.as_deref(),
            verdict: &talk.verdict,
            reason: talk.reason.as_deref(),
            severity: talk.severity.as_deref(),
            rule: talk.rule.as_deref(),
            outcome: &talk.outcome,
        };
        let more = finding.conversations.len() - 1;
        let of = if more == 0 { String::new() } else { format!(" (and {more} more like it)") };
        put(&mut out, &format!("Its first conversation{of}: {}", asked.sentence()));
        asked.verdict(policy, &mut out);
    }
    if let Some(filter) = &finding.display_filter {
        put(&mut out, &format!("Its packets, in Wireshark: {filter}"));
    }
    Some(out)
}

/// Whether a word is the name of a kind of findings, in whatever letters: `no-dhcp-offer`, `no DHCP offer`.
pub(crate) fn is_kind(what: &str) -> bool {
    let name = kind_name(what);
    Kind::all().any(|kind| kind.name() == name)
}

fn kind_name(what: &str) -> String {
    what.trim().to_ascii_lowercase().replace(' ', "-")
}

/// Numbers of findings that are listed.
const NUMBERS: usize = 20;

/// The numbers of the findings of a kind, and why the first is one; `None` if there is none.
pub(crate) fn explain_kind(policy: &Policy, survey: &Lookup<'_>, what: &str) -> Option<String> {
    let name = kind_name(what);
    let places: Vec<usize> =
        survey.findings().enumerate().filter(|(_, finding)| finding.reason == name).map(|(at, _)| at).collect();
    let first = explain_finding(policy, survey, *places.first()?)?;
    if places.len() == 1 {
        return Some(first);
    }
    let mut numbers: Vec<String> = places.iter().take(NUMBERS).map(|at| (at + 1).to_string()).collect();
    if places.len() > NUMBERS {
        numbers.push(format!("and {} more", places.len() - NUMBERS));
    }
    let mut out = String::new();
    put(
        &mut out,
        &format!(
            "{} findings are {}: {}. The first of them:",
            places.len(),
            name.replace('-', " "),
            numbers.join(", ")
        ),
    );
    Some(out + &first)
}

/// What a flow and a conversation have in common.
struct Asked<'a> {
    client: String,
    server: String,
    client_address: String,
    server_address: String,
    client_role: &'a str,
    server_role: &'a str,
    transport: &'a str,
    port: Option<u16>,
    service: Option<&'a str>,
    verdict: &'a str,
    reason: Option<&'a str>,
    severity: Option<&'a str>,
    rule: Option<&'a str>,
    outcome: &'a str,
}

impl Asked<'_> {
    fn sentence(&self) -> String {
        let service = self.service.map_or_else(String::new, |service| format!(" ({service})"));
        let place = place(self.transport, self.port);
        format!("{} asked {} on {place}{service}; outcome: {}.", self.client, self.server, outcome(self.outcome))
    }

    fn verdict(&self, policy: &Policy, out: &mut String) {
        let rule = self.rule.unwrap_or("no single rule");
        match self.verdict {
            "documented" => {
                put(out, &format!("Verdict documented: {rule}."));
                if let Some((client, server, transport, port)) = self.question()
                    && let Some(filled) = documented(policy, client, server, transport, port)
                {
                    let cells = [filled.client, filled.server].into_iter().flatten();
                    for cell in cells.filter_map(|at| policy.cells().get(usize::from(at))) {
                        put(out, &format!("  the cell: {}.", cell_words(policy, cell)));
                    }
                }
            }
            "related" => {
                put(out, "Verdict related: it has no cell of its own, but belongs to an exchange that is documented.")
            }
            "site-approved" => {
                put(out, &format!("Verdict site-approved, by the site's own {rule}. The vendor does not document it."))
            }
            "supporting" => {
                put(out, &format!("Verdict supporting: {rule}. Networks need it; the vendor does not list it."))
            }
            "bystander" => {
                put(out, "Verdict bystander: there is no Igor host at either end, so the documents say nothing of it.")
            }
            _ => self.unexpected(policy, out),
        }
    }

    fn unexpected(&self, policy: &Policy, out: &mut String) {
        let severity = self.severity.unwrap_or("none");
        let reason = self.reason.unwrap_or_default();
        let words = Reason::of_name(reason).map_or("", because);
        put(out, &format!("Verdict unexpected, {reason}: {words}"));
        if let Some(rule) = self.rule {
            put(out, &format!("The nearest rule: {rule}."));
        }
        if let Some((client, server, transport, port)) = self.question()
            && let Some(reason) = Reason::of_name(reason)
        {
            let case = Case::Unexpected(reason);
            let row = policy.severities().iter().find(|row| row.holds(case, client, server, transport, port));
            let why = row.map_or_else(String::new, |row| format!(", because {}", row.why));
            put(out, &format!("Severity {severity}{why}."));
            self.would_be(policy, (client, server, transport, port), reason, out);
        }
        put(
            out,
            "If the site means it, an allowance makes it site-approved (in a file for --policy, with extends = \"igor\"):",
        );
        out.push_str(&allowance(&self.client_address, &self.server_address, self.transport, self.port));
    }

    /// What would make it documented.
    fn would_be(
        &self,
        policy: &Policy,
        (client, server, transport, port): (Role, Role, Transport, u16),
        reason: Reason,
        out: &mut String,
    ) {
        let other = if transport == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
        let (a, b) = (client.name(), server.name());
        let text = match reason {
            Reason::WrongProtocol => {
                "It would be documented with the payload that the cell is for: look at what program uses the port."
                    .to_owned()
            }
            Reason::UnlistedIpProtocol => {
                "The documents list TCP and UDP ports only: nothing would make it documented.".to_owned()
            }
            Reason::WrongTransport => format!("It would be documented over {}.", other.to_string().to_uppercase()),
            Reason::WrongDirection => match documented(policy, server, client, transport, port) {
                Some(_) => format!("It would be documented the other way round: if the {b} asked the {a}."),
                None => format!("The documents list the port, but not for {a} asking {b}."),
            },
            Reason::UndocumentedPeer => {
                let peers: Vec<&str> = Role::ALL
                    .into_iter()
                    .filter(|peer| documented(policy, client, *peer, transport, port).is_some())
                    .map(Role::name)
                    .collect();
                let clients: Vec<&str> = Role::ALL
                    .into_iter()
                    .filter(|peer| documented(policy, *peer, server, transport, port).is_some())
                    .map(Role::name)
                    .collect();
                let mut ways = Vec::new();
                if !peers.is_empty() {
                    ways.push(format!("if {} were {}", self.server_address, peers.join(" or ")));
                }
                if !clients.is_empty() {
                    ways.push(format!("if {} were {}", self.client_address, clients.join(" or ")));
                }
                format!(
                    "It would be documented {}. If that is what it is, say so in the inventory.",
                    ways.join(", or ")
                )
            }
            Reason::RequestNotCaptured => {
                "Captured in both directions, it would be related to its request, or unexpected for sure.".to_owned()
            }
            Reason::UndocumentedPort => {
                let ports: Vec<String> = policy
                    .documented_ports()
                    .filter(|(transport, port)| documented(policy, client, server, *transport, *port).is_some())
                    .map(|(transport, port)| format!("{transport}/{port}"))
                    .collect();
                match ports.is_empty() {
                    true => format!("The documents give {a} asking {b} no port at all."),
                    false => format!("Documented for {a} asking {b}: {}.", ports.join(", ")),
                }
            }
        };
        put(out, &text);
    }

    fn question(&self) -> Option<(Role, Role, Transport, u16)> {
        let transport = words::transport(self.transport)?;
        Some((Role::of_name(self.client_role)?, Role::of_name(self.server_role)?, transport, self.port.unwrap_or(0)))
    }
}

pub(super) fn put(out: &mut String, line: &str) {
    // Names and file names are untrusted.
    let _ = writeln!(out, "{}", visible(line));
}

fn place(transport: &str, port: Option<u16>) -> String {
    let transport = match transport.parse::<u8>() {
        Ok(number) => format!("IP protocol {number}"),
        Err(_) => transport.to_uppercase(),
    };
    port.map_or(transport.clone(), |port| format!("{transport} {port}"))
}

fn cell_words(policy: &Policy, cell: &Cell) -> String {
    let way = if cell.direction == Direction::Incoming { "incoming" } else { "outgoing" };
    let document = policy.document_of(cell);
    format!(
        "{} {} and higher, {way} {} {} ({})",
        document.product,
        document.minimum_version,
        cell.transport.to_string().to_uppercase(),
        cell.port,
        cell.service
    )
}

fn basis(name: &str) -> &str {
    match name {
        "syn" => "by its SYN: who opens a TCP connection is the client",
        "syn-ack" => "by the other's SYN-ACK: who accepts a TCP connection is the server",
        "group" => "because a group is always the server",
        "documented-port" => "because the other end has a documented port, and this end has none",
        "request" => "because the messages say themselves who asked and who answered",
        "first-packet" => "only by who sent the first packet that was captured",
        other => other,
    }
}

fn outcome(name: &str) -> &str {
    match name {
        "established" => "it worked",
        "refused" => "refused (reset)",
        "rejected" => "rejected by an ICMP message",
        "unanswered" => "no answer came",
        "one-way" => "only the client was seen to send",
        "midstream" => "the capture began inside it",
        other => other,
    }
}

const fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::WrongProtocol => "the port is documented, but its payload provably is something else.",
        Reason::UnlistedIpProtocol => "it is neither TCP, UDP nor ICMP.",
        Reason::WrongTransport => "the port is documented for the other transport only.",
        Reason::UndocumentedPort => "the port is in neither end's lists.",
        Reason::WrongDirection => "the port is documented, but not this way round.",
        Reason::UndocumentedPeer => "the port is documented this way round, but with another kind of peer.",
        Reason::RequestNotCaptured => {
            "it looks like an answer, or half of a transfer, whose request is not in the capture."
        }
    }
}

/// An allowance to copy.
fn allowance(from: &str, to: &str, transport: &str, port: Option<u16>) -> String {
    let transport = match transport.parse::<u8>() {
        Ok(number) => format!("transport = {number}\n"),
        Err(_) => format!("transport = \"{transport}\"\n"),
    };
    let ports = port.map_or_else(String::new, |port| format!("    ports = [{port}]\n"));
    format!(
        "    [[allowance]]\n    from = \"{from}\"\n    to = \"{to}\"\n    {transport}{ports}    reason = \"why the site needs it\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about() {
        for (text, subject) in [
            ("f17", Some(Subject::Flow(17))),
            ("3", Some(Subject::Finding(3))),
            ("udp/5683", Some(Subject::Port(Transport::Udp, 5683))),
            ("TCP/80", Some(Subject::Port(Transport::Tcp, 80))),
            ("10.20.0.31", Some(Subject::Host("10.20.0.31".to_owned()))),
            ("fd00::1f", Some(Subject::Host("fd00::1f".to_owned()))),
            ("f0", None),
            ("icmp/8", None),
            ("udp/0", None),
            ("udp/65536", None),
            ("", None),
        ] {
            assert_eq!(Subject::parse(text), subject, "{text}");
        }
    }
}
