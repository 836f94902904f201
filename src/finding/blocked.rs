//! `blocked`: documented ports that were refused, rejected or not answered, by the likely cause.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::arp::{asked_by, unanswered};
use super::cause::{Cause, Causes};
use super::conversation_summary::{About, ConversationSummary, Topic};
use super::conversations::Group;
use super::life::AliveProof;
use super::phrases::{frame, people, times};
use super::{Cited, Finding, Judged, Kind, Replace};
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::relation::Rejection;
use crate::verdict::{Conversation, ConversationFacts, Outcome, Verdict};

/// What was tried in vain, and what is known of why.
#[derive(Clone, Debug)]
pub(super) struct Blocked {
    cause: Cause,
    tries: u64,
    /// A server that was asked for on its link in vain, or whom it asked for so, how often, and the first of it.
    asked: Option<(IpAddr, u64, Cited)>,
    /// What an ICMP error says.
    rejection: Option<Rejection>,
}

/// The group of a documented conversation that is blocked.
pub(super) fn group(
    causes: &Causes<'_>,
    conversation: &Conversation,
    facts: &ConversationFacts,
    plain: Group,
) -> Option<Group> {
    let severity = conversation.severity.filter(|_| conversation.verdict == Verdict::Documented)?;
    let cause = conversation.outcome.is_blocked().then(|| causes.of(conversation, facts))?;
    Some(Group { severity, kind: Kind::Other(FindingKind::Blocked), cause: Some(cause), ..plain })
}

pub(super) fn topic(judged: &Judged<'_>, group: &Group, numbers: &[u32]) -> Blocked {
    let seen = judged.seen;
    let cause = group.cause.unwrap_or(Cause::Absent);
    let uncommon = |number: &u32| judged.facts[*number as usize].uncommon();
    let asked = |number: &u32| {
        let target = match cause {
            Cause::NotOnNetwork => seen.hosts.get(judged.conversations[*number as usize].server).address,
            Cause::NoWayBack(target) => target.into(),
            _ => return None,
        };
        let asked = unanswered(seen, target)?;
        Some((target, asked.count, Cited::new(asked.begin.frame, asked.first)))
    };
    let rejection = |number: &u32| {
        let (flow, end) = uncommon(number).rejected?;
        seen.relations.rejection_of(flow, end).cloned()
    };
    Blocked {
        cause,
        tries: numbers.iter().map(|number| uncommon(number).tries).sum(),
        asked: numbers.iter().find_map(asked),
        rejection: numbers.iter().find_map(rejection),
    }
}

impl Topic for Blocked {
    fn what(&self, about: &About<'_>) -> String {
        let (port, tries) = (about.port(), times(self.tries, "try", "tries"));
        let what = match (about.finding.outcome, self.cause) {
            (Some(Outcome::Refused), _) => "and was refused by a TCP reset",
            (_, Cause::Misdirected | Cause::AskerGone) => "; the answer came back to a port where nobody listens",
            (_, Cause::AnswerRefused) => "; the answer came back and was refused",
            (Some(Outcome::Rejected), _) => "and was rejected by an ICMP error",
            (_, Cause::AnswerLost) => "; the server accepted and the client never took it up",
            (_, Cause::Unheard) => {
                "; the server accepted again and again, and took up nothing of what the client sent then"
            }
            (_, Cause::OldConnection) => {
                "; each SYN was answered as a packet of an older connection (RFC 5961), and none opened a new one"
            }
            (_, Cause::Untaken) => "; the server answers and the client never acknowledges",
            (_, Cause::Unconfirmed) => {
                "; the client acknowledged each time, and the server sent the same again as if it had not"
            }
            (_, Cause::Undelivered) => {
                "; each answer was captured, and the client asked the same again as if there were none"
            }
            (_, Cause::Unacknowledged) => "; what the server sent is to be acknowledged, and was not",
            _ => "and no answer was seen",
        };
        let gap = if what.starts_with(';') { "" } else { " " };
        let mut text = format!("{port} is documented here{gap}{what}: {tries}.");
        if let Some((server, requests, at)) = self.asked {
            let _ = write!(
                text,
                " {server} was asked for by {} {} and never answered, from {}.",
                asked_by(server.into()),
                times(requests, "time", "times"),
                frame(about.context, at)
            );
        }
        if let Some(rejection) = &self.rejection {
            let _ = write!(
                text,
                " {} sent {} (type {} code {}), {}.",
                rejection.sender,
                rejection.text(),
                rejection.kind,
                rejection.code,
                frame(about.context, Cited::new(rejection.at.frame, rejection.time))
            );
        }
        text
    }

    fn advice(&self, about: &About<'_>) -> String {
        let (clients, servers) = (people(&about.finding.clients), people(&about.finding.servers));
        advice(self.cause, about.transport(), &about.port(), &clients, &servers)
    }

    fn gist(&self, _: &About<'_>) -> String {
        let sender = self.rejection.as_ref().map_or_else(String::new, |error| format!(", says {}", error.sender));
        match self.cause {
            Cause::Refused => "refused by a reset".to_owned(),
            Cause::NoListener => "closed, says the host itself".to_owned(),
            Cause::HostFirewall => "forbidden by the host's own firewall".to_owned(),
            Cause::PathFilter => format!("forbidden on the way{sender}"),
            Cause::HostUnreachable => format!("host unreachable{sender}"),
            Cause::NoRoute => format!("no route{sender}"),
            Cause::RoutingLoop => format!("routing loop{sender}"),
            Cause::AnswerLost => "accepted, but the answer is lost on its way back".to_owned(),
            Cause::NotOnNetwork => "not on the network: asked for in vain".to_owned(),
            Cause::Absent => "no answer, and nothing of the host was captured".to_owned(),
            Cause::Proxied => "no answer, and only a router answers by ARP for the host".to_owned(),
            Cause::Dropped(_) => "no answer, though the host is alive".to_owned(),
            Cause::NoWayBack(_) => "no answer; the host asks by ARP in vain".to_owned(),
            Cause::Unheard => "accepted, but what the client sends on is lost".to_owned(),
            Cause::OldConnection => "answered by an older connection only".to_owned(),
            Cause::Misdirected => "answered to another port".to_owned(),
            Cause::Unacknowledged => "never acknowledged".to_owned(),
            Cause::Untaken => "answered, and the answer never acknowledged".to_owned(),
            Cause::Unconfirmed => "acknowledged, and sent again all the same".to_owned(),
            Cause::Undelivered => "answered, and asked again all the same".to_owned(),
            Cause::AnswerRefused => format!("answered, and the answer is refused{sender}"),
            Cause::AskerGone => "answered, but to a closed port of the client".to_owned(),
            Cause::Gone => "no answer, and the host was heard at another time only".to_owned(),
        }
    }

    fn next(&self, finding: &Finding, _: &ConversationSummary) -> &'static str {
        match self.cause {
            Cause::Refused | Cause::NoListener => "Start the service, or open the host's own firewall",
            Cause::HostFirewall => "Open the host's own firewall",
            Cause::PathFilter => "Open the firewall that says so",
            Cause::Dropped(_) if finding.transport == Some(Transport::Udp) => "Check the service, then the firewalls",
            Cause::Dropped(_) => "Open the firewalls on the way and on the host",
            Cause::HostUnreachable | Cause::NotOnNetwork | Cause::Absent | Cause::Proxied | Cause::Gone => {
                "Check power, cable, VLAN and address"
            }
            Cause::NoWayBack(_) => "Check the host's mask, router and cable",
            Cause::NoRoute | Cause::RoutingLoop => "Check the routing",
            Cause::AnswerLost => "Check the way back",
            Cause::Unheard => "Check the way there, and the service",
            Cause::OldConnection => "Check what lies between them, and restart the service",
            Cause::Misdirected => "Check which port the service answers to",
            Cause::Unacknowledged => "Open the port both ways",
            Cause::Unconfirmed => "Check the way to the server's fresh ports",
            Cause::Untaken | Cause::Undelivered => "Check the way back, and let the answers through",
            Cause::AnswerRefused => "Let the answers through where they are refused",
            Cause::AskerGone => "See why the client's port is closed when the answer comes",
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |error: &Rejection| Rejection { sender: with.address(error.sender), ..error.clone() };
        Self {
            asked: self.asked.map(|(server, requests, at)| (with.address(server), requests, at)),
            rejection: self.rejection.as_ref().map(other),
            ..self.clone()
        }
    }
}

/// What to do. `what` is the port of `transport` with its service, `clients` and `servers` who is concerned.
fn advice(cause: Cause, transport: Transport, what: &str, clients: &str, servers: &str) -> String {
    let proof = match cause {
        Cause::Dropped(AliveProof::Packets) => "other packets of it were captured",
        Cause::Dropped(AliveProof::Arp) => "it answers by ARP",
        Cause::Dropped(AliveProof::Neighbour) => "it answers by neighbour discovery",
        Cause::Dropped(AliveProof::Device) => "other frames of its device were captured",
        Cause::Dropped(AliveProof::Acknowledged) => "others acknowledge what it sent, which was not captured",
        _ => "",
    };
    // Names come from foreign files and may look like a place: each piece is filled in once.
    let mut pieces = template(cause, transport).split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (place, rest) = piece.split_once('}').unwrap_or_default();
        text += match place {
            "what" => what,
            "clients" => clients,
            "servers" => servers,
            _ => proof,
        };
        text += rest;
    }
    text
}

/// The same with places for `{what}`, `{clients}`, `{servers}` and the `{proof}` of life.
const fn template(cause: Cause, transport: Transport) -> &'static str {
    match cause {
        Cause::Refused => {
            "The host answers, but refuses: nothing listens on the port, or its own firewall sends the reset. \
             Check that the service behind {what} runs on {servers}, then the host's firewall."
        }
        Cause::NoListener => {
            "The host itself says that the port is closed: nothing listens on it, or its own firewall rejects. \
             Check that the service behind {what} runs on {servers}, then the host's firewall."
        }
        Cause::HostFirewall => "The host's own firewall forbids it. Allow {what} from {clients} there, on {servers}.",
        Cause::RoutingLoop => {
            "Packets ran out of hops on the way: routers send them to each other in a circle. Check the routing \
             between {clients} and {servers}."
        }
        Cause::PathFilter => {
            "A firewall or router that sent the error forbids it. Allow {what} from {clients} to {servers} there."
        }
        Cause::HostUnreachable => {
            "A router knows the network but got no answer from the host. Check power, cable, VLAN and address of \
             {servers}."
        }
        Cause::NoRoute => {
            "A router has no route. Check the routing between {clients} and {servers}, and their gateways."
        }
        Cause::AnswerLost => {
            "The server accepts, but its answer does not reach the client: a filter on the way back, or a way back \
             that differs from the way there. Check the path from {servers} to {clients}. A client that only \
             probes for open ports looks the same."
        }
        Cause::Unheard => {
            "The server accepts, and neither the acknowledgement nor the data of the client reach it: a firewall that lets \
             the first packet through and not the next, as one that sees one direction only does, or the service of \
             {servers} is overloaded and has no room for more connections. Check the path from {clients} to {servers}, \
             and the service."
        }
        Cause::NotOnNetwork => {
            "The host is absent from the network: it was asked for by ARP and did not answer. Check power, cable, VLAN \
             and address of {servers}."
        }
        Cause::Absent => {
            "Nothing at all was captured from the host: it is switched off, unplugged, has another address or \
             VLAN, or its link is not in the capture. Check {servers} first, then the way there for {what}."
        }
        Cause::Proxied => {
            "Only what answers by ARP for several addresses was heard of the host, which proves nothing of the host itself (proxy \
             ARP, RFC 1027): it may be switched off or unplugged, or a firewall drops what goes to it. Check {servers} \
             first, then the way there for {what}."
        }
        Cause::Dropped(_) if matches!(transport, Transport::Udp) => {
            "The host is alive ({proof}) and silent here: a firewall on the way or on the host drops it, or its service does not \
             answer. Check that the service runs on {servers}, and allow {what} from {clients} to {servers}."
        }
        Cause::Dropped(_) => {
            "The host is alive ({proof}) and silent here: a firewall on the way or on the host drops it. Allow {what} from \
             {clients} to {servers}."
        }
        Cause::NoWayBack(_) => {
            "The host is alive and looks by ARP for an address that does not answer, so it may not find the way back: its mask or \
             router is wrong, or the router is off. Check mask and router of {servers} first, then the firewalls on the \
             way for {what} from {clients}."
        }
        Cause::OldConnection => {
            "The host is alive and its answer arrives, but it belongs to an older connection on the same ports, which the \
             reset that {clients} sends back should clear and does not: a firewall on the way drops that reset, or \
             rewrites sequence numbers. Check what lies between {clients} and {servers}; a restart of the service behind \
             {what} helps for the moment."
        }
        Cause::Misdirected => {
            "The answer of {servers} arrives, but at a port where nobody listens: {clients} reported it as unreachable. \
             The service behind {what} answers to another port than it was asked from, or what asked had gone."
        }
        Cause::Unacknowledged => {
            "{servers} sends what is to be acknowledged, and nothing came back from {clients}: a filter on the way, or \
             {clients} does not run what it is meant for. Allow {what} both ways, and check {clients}."
        }
        Cause::Untaken => {
            "{clients} asks and {servers} answers, again and again, and {clients} never acknowledges: a firewall on the way or \
             on the host lets the request through and not the answer. A TFTP server answers from a fresh port (RFC 1350 \
             section 4): allow {what} with its transfers, from any port of {servers} back to {clients}."
        }
        Cause::Unconfirmed => {
            "{clients} acknowledges what {servers} sends, and {servers} sends the same again: between the place of this capture and \
             {servers}, or on {servers} itself, a firewall lets {what} through and not the rest. A TFTP server goes on at a \
             fresh port (RFC 1350 section 4): allow {what} with its transfers, from {clients} to any port of {servers}."
        }
        Cause::Undelivered => {
            "{clients} asks, {servers} answers, and {clients} asks the same again each time: between the place of this capture and \
             {clients}, or on {clients} itself, a firewall lets the request through and not the answer. Allow the answers of \
             {servers} to {what} there, back to {clients}."
        }
        Cause::AnswerRefused => {
            "{servers} answers, and each answer is refused on its way back: who sent the error, {clients} itself or what lies \
             between, lets the request through and not the answer. Allow the answers of {servers} to {what} there, from \
             whatever port they come, back to {clients}."
        }
        Cause::AskerGone => {
            "{servers} answers, and {clients} itself says that nobody listens at the port that it asked from: it closes the port \
             before the answer comes, or its own firewall rejects the answer, which looks the same. Check {clients}, and how \
             soon {servers} answers."
        }
        Cause::Gone => {
            "The host was heard, but not while this was tried: it may have been switched off or unplugged by then, or a \
             firewall drops what goes to it. Check {servers} first, then the way there for {what}."
        }
    }
}
