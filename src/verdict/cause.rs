//! Why a documented port is probably blocked, and what to do about it.

use std::net::IpAddr;

use super::facts::Facts;
use super::judge::Observations;
use super::{Conversation, Outcome};
use crate::flow::Seen;
use crate::relation::RejectionCause;

/// The likely cause of a blocked conversation. Findings are grouped by it, so that each line has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cause {
    /// A reset: the host answers and nothing listens, or its own firewall refuses.
    Refused,
    /// Port unreachable from the server itself.
    NoListener,
    /// An error of the server itself that forbids it.
    HostFirewall,
    /// An error that says a filter on the way forbids it, or a port unreachable that another host sent.
    PathFilter,
    /// A router could not find the host.
    HostUnreachable,
    /// A router has no route.
    NoRoute,
    /// Packets ran out of hops on the way.
    RoutingLoop,
    /// The server accepts again and again, and the client never hears of it.
    AnswerLost,
    /// The server was asked for by ARP and nobody answered.
    NotOnNetwork,
    /// The server was never seen to send anything.
    Absent,
    /// The server is alive and silent here.
    Dropped,
}

/// The likely cause of a blocked conversation.
pub(super) fn cause(seen: &Observations<'_>, conversation: &Conversation, facts: &Facts) -> Cause {
    if conversation.outcome == Outcome::Refused {
        return Cause::Refused;
    }
    let rejection = facts.uncommon().rejected.and_then(|(flow, end)| seen.relations.rejection_of(flow, end));
    let told = rejection.and_then(|rejection| of_error(rejection.cause()));
    if let Some(cause) = told {
        cause
    } else if facts.half_open {
        Cause::AnswerLost
    } else if let host = seen.hosts.get(conversation.server)
        && host.packets_sent == 0
    {
        if unanswered(seen, host.address).is_some() { Cause::NotOnNetwork } else { Cause::Absent }
    } else {
        Cause::Dropped
    }
}

/// The ARP requests for a host that nobody answered.
pub(super) fn unanswered(seen: &Observations<'_>, address: IpAddr) -> Option<Seen> {
    match address {
        IpAddr::V4(address) => seen.neighbours.unanswered(address),
        IpAddr::V6(_) => None,
    }
}

const fn of_error(cause: RejectionCause) -> Option<Cause> {
    Some(match cause {
        RejectionCause::NoListener => Cause::NoListener,
        RejectionCause::HostFirewall => Cause::HostFirewall,
        RejectionCause::PathFilter => Cause::PathFilter,
        RejectionCause::HostAbsent => Cause::HostUnreachable,
        RejectionCause::NoRoute => Cause::NoRoute,
        RejectionCause::RoutingLoop => Cause::RoutingLoop,
        RejectionCause::Other => return None,
    })
}

impl Cause {
    /// What to do. `what` is the port with its service, `clients` and `servers` who is concerned.
    pub(super) fn advice(self, what: &str, clients: &str, servers: &str) -> String {
        match self {
            Self::Refused => format!(
                "The host answers, but refuses: nothing listens on the port, or its own firewall sends the reset. \
                 Check that the service behind {what} runs on {servers}, then the host's firewall."
            ),
            Self::NoListener => format!(
                "The host itself says that the port is closed: nothing listens on it, or its own firewall rejects. \
                 Check that the service behind {what} runs on {servers}, then the host's firewall."
            ),
            Self::HostFirewall => {
                format!("The host's own firewall forbids it. Allow {what} from {clients} there, on {servers}.")
            }
            Self::RoutingLoop => format!(
                "Packets ran out of hops on the way: routers send them to each other in a circle. Check the routing \
                 between {clients} and {servers}."
            ),
            Self::PathFilter => format!(
                "A firewall or router that sent the error forbids it. Allow {what} from {clients} to {servers} there."
            ),
            Self::HostUnreachable => format!(
                "A router knows the network but got no answer from the host. Check power, cable, VLAN and address of \
                 {servers}."
            ),
            Self::NoRoute => {
                format!("A router has no route. Check the routing between {clients} and {servers}, and their gateways.")
            }
            Self::AnswerLost => format!(
                "The server accepts, but its answer does not reach the client: a filter on the way back, or a way back \
                 that differs from the way there. Check the path from {servers} to {clients}. A client that only \
                 probes for open ports looks the same."
            ),
            Self::NotOnNetwork => format!(
                "The host is absent from the network: it was asked for by ARP and did not answer. Check power, cable, VLAN \
                 and address of {servers}."
            ),
            Self::Absent => format!(
                "Nothing at all was captured from the host: it is switched off, unplugged, has another address or \
                 VLAN, or its link is not in the capture. Check {servers} first, then the way there for {what}."
            ),
            Self::Dropped => format!(
                "The host is alive (other packets of it were captured) and silent here: a firewall on the way or on \
                 the host drops it. Allow {what} from {clients} to {servers}."
            ),
        }
    }
}
