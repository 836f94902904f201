//! Unexpected conversations, by their reason: `wrong-protocol`, `unlisted-ip-protocol`, `wrong-transport`,
//! `undocumented-port`, `wrong-direction`, `undocumented-peer`, `request-not-captured`.

use super::conversation_summary::{About, ConversationSummary, Topic};
use super::conversations::Group;
use super::phrases::{a, upper};
use super::{Finding, Judged, Kind, Replace};
use crate::policy::{Reason, Role};
use crate::protocol::{Protocol, Tag, Transport};
use crate::verdict::{Conversation, ConversationFacts, Verdict};

/// Why conversations are unexpected, and what may explain it.
#[derive(Clone, Debug)]
pub(super) struct Unexpected {
    reason: Reason,
    /// A client's port among the firmware ports proves nothing, but may explain.
    firmware_source: Option<u16>,
    /// Of an exchange whose request was not captured: what its payload looks like.
    looks_like: Option<Protocol>,
}

/// The group of a conversation that is unexpected.
pub(super) fn group(
    judged: &Judged<'_>,
    conversation: &Conversation,
    facts: &ConversationFacts,
    plain: Group,
) -> Option<Group> {
    let reason = conversation.reason.filter(|_| conversation.verdict == Verdict::Unexpected)?;
    let severity = conversation.severity?;
    let group = Group { severity, kind: Kind::Unexpected(reason), outcome: facts.outcome, ..plain };
    if reason != Reason::RequestNotCaptured {
        return Some(group);
    }
    // Its ports are fresh ones each time: one line for each service.
    let tags = || judged.members[facts.members()].iter().flat_map(|flow| judged.seen.flows.view(*flow).ends);
    let looks_like = tags().find_map(|end| match Tag::from_raw(end.tag()) {
        Tag::Tftp { .. } => Some(Protocol::Tftp),
        Tag::Ssdp { .. } => Some(Protocol::Ssdp),
        _ => None,
    });
    Some(Group { looks_like, port: None, ..group })
}

pub(super) fn topic(judged: &Judged<'_>, group: &Group, reason: Reason, numbers: &[u32]) -> Unexpected {
    let may_explain = matches!(reason, Reason::UndocumentedPort | Reason::RequestNotCaptured);
    let firmware_source = may_explain.then(|| firmware_source(judged, numbers)).flatten();
    Unexpected { reason, firmware_source, looks_like: group.looks_like }
}

fn firmware_source(judged: &Judged<'_>, numbers: &[u32]) -> Option<u16> {
    let policy = judged.seen.policy;
    numbers.iter().find_map(|number| {
        let std::ops::Range { start: first, end: last } = judged.facts[*number as usize].members();
        [first, last.saturating_sub(1)].into_iter().find_map(|at| {
            let flow = judged.seen.flows.view(*judged.members.get(at)?);
            let conversation = &judged.conversations[*number as usize];
            let client = judged.seen.hosts.get(conversation.client);
            let end = flow.ends.iter().find(|end| end.address == client.address && end.port != conversation.port)?;
            let hint =
                policy.is_documented_port(flow.transport, end.port) && !policy.tells_server(flow.transport, end.port);
            hint.then_some(end.port)
        })
    })
}

impl Topic for Unexpected {
    fn what(&self, about: &About<'_>) -> String {
        let (port, payload) = (about.port(), about.payload());
        let served = about.vendors_service().unwrap_or("a documented service");
        let (client, server) = (a(about.client_role()), a(about.server_role()));
        match self.reason {
            Reason::WrongProtocol if payload.is_empty() => {
                format!("{port} is documented for {served}, but the payload is something else.")
            }
            Reason::WrongProtocol => format!("{port} is documented for {served}, but the payload is {payload}."),
            Reason::UnlistedIpProtocol => {
                format!("{port} is neither TCP, UDP nor ICMP, and no list of this policy names it.")
            }
            Reason::WrongTransport => {
                let other = if about.transport() == Transport::Tcp { Transport::Udp } else { Transport::Tcp };
                format!("{port} is not documented; the vendor lists the number for {} only.", upper(other))
            }
            Reason::UndocumentedPort => {
                let proven = if payload.is_empty() { String::new() } else { format!(" The payload is {payload}.") };
                let source = self.firmware_source.map_or_else(String::new, |port| {
                    format!(
                        " The client's own port {port} is one of the vendor's: an answer from it would look like this if its \
                         request was not captured."
                    )
                });
                format!("{port} is in no list of either end.{proven}{source}")
            }
            Reason::RequestNotCaptured => {
                let (what, request) = match (self.looks_like, self.firmware_source) {
                    (Some(Protocol::Ssdp), _) => ("an answer of SSDP", "Its search (UDP 1900)".to_owned()),
                    (None, Some(port)) => {
                        ("what an answer of the vendor's service looks like", format!("Its request (UDP {port})"))
                    }
                    _ => ("half of what looks like a TFTP transfer", "Its request (UDP 69)".to_owned()),
                };
                format!(
                    "{port} carries {what}. {request} is not in the capture, which lacks a direction, lost frames or began \
                     later: whether it is documented cannot be told."
                )
            }
            Reason::WrongDirection => {
                let both = about.client_role() == Role::Bacnet && about.told.port == Some(80);
                let reading = if both { " The vendor's table can be read both ways here." } else { "" };
                format!("{port} is documented, but not from {client} to {server}.{reading}")
            }
            Reason::UndocumentedPeer => format!("{port} is documented, but not between {client} and {server}."),
        }
    }

    fn advice(&self, about: &About<'_>) -> String {
        self.row(about.finding, about.told).map_or_else(String::new, |row| row.advice.to_owned())
    }

    fn gist(&self, about: &About<'_>) -> String {
        let payload = about.payload();
        match self.reason {
            Reason::WrongProtocol if payload.is_empty() => "the payload is something else".to_owned(),
            Reason::WrongProtocol => format!("the payload is {payload}"),
            Reason::WrongTransport => "documented for the other transport only".to_owned(),
            _ => String::new(),
        }
    }

    fn next(&self, finding: &Finding, told: &ConversationSummary) -> &'static str {
        self.row(finding, told).map_or("", |row| row.next)
    }

    fn replaced(&self, _: &dyn Replace) -> Self {
        self.clone()
    }
}

impl Unexpected {
    fn row(&self, finding: &Finding, told: &ConversationSummary) -> Option<&'static AdviceRule> {
        let [client, server] = [finding.client_role, finding.server_role].map(|role| role.unwrap_or(Role::Host));
        ADVICE.iter().find(|row| row.holds(self.reason, client, server, told.port.unwrap_or(0)))
    }
}

/// What to do, by the reason and who is concerned: the first row that holds. An empty list holds for everything.
struct AdviceRule {
    reasons: &'static [Reason],
    /// The client's and the server's role, in either order if `either`.
    roles: Option<(Option<Role>, Option<Role>)>,
    either: bool,
    ports: &'static [u16],
    /// The first thing to do.
    next: &'static str,
    advice: &'static str,
}

const fn between(a: Role, b: Role) -> AdviceRule {
    AdviceRule { reasons: &[], roles: Some((Some(a), Some(b))), either: true, ports: &[], next: "", advice: "" }
}

const fn from_to(a: Option<Role>, b: Option<Role>) -> AdviceRule {
    AdviceRule { reasons: &[], roles: Some((a, b)), either: false, ports: &[], next: "", advice: "" }
}

const ADVICE: &[AdviceRule] = &[
    AdviceRule {
        reasons: &[Reason::WrongProtocol],
        roles: None,
        either: true,
        ports: &[],
        next: "Find the program that uses this port",
        advice: "Find the program that uses this port: stop it or move it, because the documented service cannot run \
                 beside it. If the host is no Igor device, correct the inventory.",
    },
    AdviceRule {
        reasons: &[Reason::RequestNotCaptured],
        roles: None,
        either: true,
        ports: &[],
        next: "Capture both directions of the mirror",
        advice: "Set the mirror to both directions (\"both\", or rx and tx), and capture again without losses: only then can it \
                 be told whether this belongs to a documented exchange.",
    },
    AdviceRule {
        ports: &[53, 123],
        next: "Give the nodes a DNS and time server on site",
        advice: "Give the nodes a DNS and time server on site (usually by DHCP), or allow this one in the site's policy \
                 file.",
        ..from_to(Some(Role::Node), Some(Role::External))
    },
    AdviceRule {
        next: "Find out what the node looks for outside, and block it",
        advice: "Nodes need nothing outside the site. Find out what the node looks for, and block it at the firewall \
                 until that is clear. If the address is the site's own, name it with --site.",
        ..from_to(Some(Role::Node), Some(Role::External))
    },
    AdviceRule {
        next: "Close this at the firewall",
        advice: "Close this at the firewall: neither nodes nor the gateway are to be reached from outside. If the \
                 address is the site's own, name it with --site.",
        ..from_to(Some(Role::External), None)
    },
    AdviceRule {
        next: "Ask the vendor which product needs it",
        advice: "The vendor lists no such use between gateway and node. Ask the vendor which product needs it (a newer \
                 version may); until that is answered, do not open a firewall for it.",
        ..between(Role::Gateway, Role::Node)
    },
    AdviceRule {
        next: "Check that both are nodes, and what they exchange",
        advice: "Nodes are to speak to the gateway, not to each other. Check that both are nodes, then what they \
                 exchange; a node that searches the network deserves a look.",
        ..between(Role::Node, Role::Node)
    },
    AdviceRule {
        next: "Find out whose machine this is",
        advice: "Only the gateway is to speak with nodes. Find out whose machine this is; if it is a commissioning or \
                 maintenance tool, write an [[allowance]] for it.",
        ..between(Role::Node, Role::Host)
    },
    AdviceRule {
        next: "Point the BACnet system to the gateway",
        advice: "BACnet systems are to speak with the gateway, which speaks for the nodes. Point the BACnet system to \
                 the gateway.",
        ..between(Role::Node, Role::Bacnet)
    },
    AdviceRule {
        reasons: &[Reason::WrongDirection],
        ports: &[80],
        next: "Ask the vendor whether this way round is meant",
        advice: "The vendor's table can be read both ways here. Ask the vendor whether the BACnet system is to open \
                 this port on the gateway before a firewall is opened for it.",
        ..from_to(Some(Role::Bacnet), Some(Role::Gateway))
    },
    AdviceRule {
        next: "Find out what the node announces",
        advice: "Find out which service of the node announces itself this way, and ask the vendor.",
        ..from_to(Some(Role::Node), Some(Role::Group))
    },
    AdviceRule {
        next: "Switch the service off on the gateway, or allow it",
        advice: "A Windows machine announces more than the vendor lists. Switch the service off on the gateway if \
                 nobody needs it, or write an [[allowance]] for it.",
        ..from_to(Some(Role::Gateway), Some(Role::Group))
    },
    AdviceRule {
        reasons: &[Reason::UndocumentedPeer],
        next: "Find out whose machine this is, and allow it if it is meant",
        advice: "The port is one of the gateway's own. If this is an operator's or administrator's machine, write an \
                 [[allowance]] for it; if not, find out who it is.",
        ..from_to(None, Some(Role::Gateway))
    },
    AdviceRule {
        reasons: &[Reason::UndocumentedPeer],
        next: "Find out what the gateway wants there, and allow it if it is meant",
        advice: "The port is one that the gateway uses towards others. Find out what it wants from this host, and \
                 write an [[allowance]] if it is meant.",
        ..from_to(Some(Role::Gateway), None)
    },
    AdviceRule {
        next: "Close the port on the gateway, or allow who needs it",
        advice: "The gateway is a Windows machine, and more than the vendor's services may answer on it. Close the port \
                 on the gateway's firewall, or write an [[allowance]] for who needs it (remote desktop, file sharing, \
                 monitoring).",
        ..from_to(None, Some(Role::Gateway))
    },
    AdviceRule {
        next: "Find the program on the gateway, and allow it if it is meant",
        advice: "Find the program on the gateway that connects there (updates, monitoring, backup), and write an \
                 [[allowance]] if it is meant.",
        ..from_to(Some(Role::Gateway), None)
    },
    AdviceRule {
        next: "Find out whether this is meant, and allow it if so",
        advice: "Not a matter of the vendor's document. Find out whether the BACnet system is meant to do this, and \
                 write an [[allowance]] if so.",
        ..from_to(None, None)
    },
];

impl AdviceRule {
    fn holds(&self, reason: Reason, client: Role, server: Role, port: u16) -> bool {
        let roles = |a: Role, b: Role| {
            self.roles.is_none_or(|(c, s)| c.is_none_or(|role| role == a) && s.is_none_or(|role| role == b))
        };
        (self.reasons.is_empty() || self.reasons.contains(&reason))
            && (self.ports.is_empty() || self.ports.contains(&port))
            && (roles(client, server) || self.either && roles(server, client))
    }
}
