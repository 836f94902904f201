//! Why a documented port is probably blocked, and what to do about it.

use super::conversation::Facts;
use super::{Conversation, Outcome};
use crate::inventory::Hosts;
use crate::policy::Transport;
use crate::relation::{Rejection, Relations};

/// The likely cause of a blocked conversation. Findings are grouped by it, so that each line has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Cause {
    /// A reset: the host answers and nothing listens, or its own firewall refuses.
    Refused,
    /// Port unreachable from the server itself.
    NoListener,
    /// An ICMP error that says a filter forbids it, or a port unreachable that another host sent.
    Forbidden,
    /// A router could not find the host.
    HostUnreachable,
    /// A router has no route.
    NoRoute,
    /// The server accepts again and again, and the client never hears of it.
    AnswerLost,
    /// The server was never seen to send anything.
    Absent,
    /// The server is alive and silent here.
    Dropped,
}

/// The likely cause of a blocked conversation.
pub(super) fn cause(hosts: &Hosts, relations: &Relations, conversation: &Conversation, facts: &Facts) -> Cause {
    match conversation.outcome {
        Outcome::Refused => return Cause::Refused,
        Outcome::Rejected => {
            if let Some(rejection) = facts.rejected.and_then(|flow| relations.rejection(flow)) {
                let by_server = rejection.sender == hosts.get(conversation.server).address;
                return of_error(rejection, by_server);
            }
        }
        _ => {}
    }
    if facts.half_open {
        Cause::AnswerLost
    } else if hosts.get(conversation.server).packets_sent == 0 {
        Cause::Absent
    } else {
        Cause::Dropped
    }
}

/// RFC 792, 1812 section 5.2.7.1 and RFC 4443 section 3.1.
fn of_error(rejection: &Rejection, by_server: bool) -> Cause {
    match (rejection.transport, rejection.code) {
        (Transport::Icmp, 2 | 3) | (Transport::Icmpv6, 4) if by_server => Cause::NoListener,
        (Transport::Icmp, 0 | 5 | 6 | 11) | (Transport::Icmpv6, 0 | 2 | 6) => Cause::NoRoute,
        (Transport::Icmp, 1 | 7 | 8 | 12) | (Transport::Icmpv6, 3) => Cause::HostUnreachable,
        _ => Cause::Forbidden,
    }
}

/// The code of an unreachable error in words.
pub(super) fn error_name(rejection: &Rejection) -> &'static str {
    match (rejection.transport, rejection.code) {
        (Transport::Icmp, 0) => "network unreachable",
        (Transport::Icmp, 1) => "host unreachable",
        (Transport::Icmp, 2) => "protocol unreachable",
        (Transport::Icmp, 3) | (Transport::Icmpv6, 4) => "port unreachable",
        (Transport::Icmp, 5) => "source route failed",
        (Transport::Icmp, 6) => "destination network unknown",
        (Transport::Icmp, 7) => "destination host unknown",
        (Transport::Icmp, 9) => "network administratively prohibited",
        (Transport::Icmp, 10) => "host administratively prohibited",
        (Transport::Icmp, 13) | (Transport::Icmpv6, 1) => "administratively prohibited",
        (Transport::Icmpv6, 0) => "no route to destination",
        (Transport::Icmpv6, 2) => "beyond scope of source address",
        (Transport::Icmpv6, 3) => "address unreachable",
        (Transport::Icmpv6, 5) => "source address failed policy",
        (Transport::Icmpv6, 6) => "reject route to destination",
        _ => "unreachable",
    }
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
            Self::Forbidden => format!(
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
                 that differs from the way there. Check the path from {servers} to {clients}."
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
