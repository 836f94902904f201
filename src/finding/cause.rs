//! Why a documented port is probably blocked.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::Judged;
use super::arp::unanswered;
use super::life::{AliveProof, Life};
use crate::flow::Endpoint;
use crate::protocol::Transport;
use crate::relation::RejectionCause;
use crate::verdict::{Conversation, ConversationFacts, Failure, Observations, Outcome};

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
    /// The server accepts again and again, and hears nothing of what the client sends on.
    Unheard,
    /// The server was asked for on its link and nobody answered.
    NotOnNetwork,
    /// The server was never seen to send anything.
    Absent,
    /// The same, but for what others answer by ARP in its place, or may.
    Proxied,
    /// The server is alive and silent here.
    Dropped(AliveProof),
    /// The server is alive, and asks by ARP for this address, which nobody has.
    NoWayBack(Ipv4Addr),
    /// The server answers each SYN as a packet of an older connection.
    OldConnection,
    /// The answer came back to a port of the client where nobody listens.
    Misdirected,
    /// What the server sends is to be acknowledged, and the client was never heard here.
    Unacknowledged,
    /// The client asks, the server answers, and the client never takes it up.
    Untaken,
    /// The server sends the same again and again, though the client acknowledges it each time.
    Unconfirmed,
    /// The client asks the same again and again, though the server answers each time.
    Undelivered,
    /// The answer came back and was refused, by the client's own host or on the way.
    AnswerRefused,
    /// The answer came back, and the client's own host says that nobody listens any more where it asked from.
    AskerGone,
    /// The server was heard, but not while this was tried.
    Gone,
}

/// Finds causes; what many of them are looked up in is gathered once.
pub(super) struct Causes<'a> {
    seen: &'a Observations<'a>,
    life: Life<'a>,
    /// What a client's own host sent back as unreachable: the server's endpoint and the client.
    sent_back: OnceCell<HashSet<(Endpoint, IpAddr)>>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(judged: &Judged<'a>) -> Self {
        Self { seen: judged.seen, life: Life::new(judged), sent_back: OnceCell::new() }
    }

    /// The likely cause of a blocked conversation.
    pub(super) fn of(&self, conversation: &Conversation, facts: &ConversationFacts) -> Cause {
        let seen = self.seen;
        if conversation.outcome == Outcome::Refused {
            return Cause::Refused;
        }
        let rejection = facts.uncommon().rejected.and_then(|(flow, end)| seen.relations.rejection_of(flow, end));
        if let Some(rejection) = rejection.filter(|_| facts.uncommon().sent_back) {
            return if rejection.may_be_late() { Cause::AskerGone } else { Cause::AnswerRefused };
        }
        if let Some(cause) = rejection.and_then(|rejection| of_error(rejection.cause())) {
            return cause;
        }
        let [client, server] = [conversation.client, conversation.server].map(|host| seen.hosts.get(host));
        if facts.half_open {
            Cause::AnswerLost
        } else if let Some(failure) = facts.uncommon().failure {
            match failure {
                Failure::OldConnection => Cause::OldConnection,
                Failure::Unheard => Cause::Unheard,
                Failure::Unconfirmed => Cause::Unconfirmed,
                Failure::Untaken => Cause::Untaken,
                Failure::Undelivered => Cause::Undelivered,
                Failure::Unacknowledged => Cause::Unacknowledged,
            }
        } else if conversation.transport == Transport::Udp
            && self.sent_back().contains(&((server.address, conversation.port), client.address))
        {
            Cause::Misdirected
        } else if let Some(life) = self.life.of_server(conversation, facts) {
            self.life.seeks_way_back(conversation, facts).map_or(Cause::Dropped(life), Cause::NoWayBack)
        } else if self.life.was_heard(server, client) {
            Cause::Gone
        } else if matches!(server.address, IpAddr::V4(address) if seen.neighbours.is_claimed(address)) {
            Cause::Proxied
        } else if unanswered(seen, server.address).is_some() {
            Cause::NotOnNetwork
        } else {
            Cause::Absent
        }
    }

    fn sent_back(&self) -> &HashSet<(Endpoint, IpAddr)> {
        self.sent_back.get_or_init(|| {
            let errors = self.seen.evidence.icmp_errors().map(|(error, _)| error);
            errors.filter(|error| error.is_port_closed()).map(|error| (error.source, error.destination.0)).collect()
        })
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
