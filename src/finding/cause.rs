//! Why a documented port is probably blocked.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::arp::{proxies, unanswered};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::Endpoint;
use crate::inventory::Host;
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
    /// The server was asked for by ARP and nobody answered.
    NotOnNetwork,
    /// The server was never seen to send anything.
    Absent,
    /// The server is alive and silent here.
    Dropped(AliveProof),
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

/// What proves that a host was there while it was tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum AliveProof {
    /// Other packets of it.
    Packets,
    /// It answered for its address by ARP.
    Arp,
    /// The same by IPv6's neighbour discovery.
    Neighbour,
    /// Packets of its MAC with another address.
    Device,
    /// What it sent was acknowledged, though that was not captured.
    Acknowledged,
}

/// Nanoseconds before the first try, and after the last, within which a sign of life counts: who is to be tried is asked for
/// by ARP before, and is to answer for a while.
const CLOSE: i64 = 10_000_000_000;

/// Effective times of the first and the last of something.
type Span = [Timestamp; 2];

/// Finds causes; what many of them are looked up in is gathered once.
pub(super) struct Causes<'a> {
    seen: &'a Observations<'a>,
    /// When each MAC first and last sent anything.
    by_mac: OnceCell<HashMap<MacAddr, Span>>,
    /// When each address was claimed by ARP or neighbour discovery, but for MACs that answer by ARP for others.
    claims: OnceCell<HashMap<IpAddr, Vec<Span>>>,
    /// What a client's own host sent back as unreachable: the server's endpoint and the client.
    sent_back: OnceCell<HashSet<(Endpoint, IpAddr)>>,
}

impl<'a> Causes<'a> {
    pub(super) fn new(seen: &'a Observations<'a>) -> Self {
        Self { seen, by_mac: OnceCell::new(), claims: OnceCell::new(), sent_back: OnceCell::new() }
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
        } else if let Some(life) = self.life(conversation, facts) {
            Cause::Dropped(life)
        } else if self.was_heard(server) {
            Cause::Gone
        } else if unanswered(seen, server.address).is_some() {
            Cause::NotOnNetwork
        } else {
            Cause::Absent
        }
    }

    /// What proves that the server was there while it was tried.
    fn life(&self, conversation: &Conversation, facts: &ConversationFacts) -> Option<AliveProof> {
        let server = self.seen.hosts.get(conversation.server);
        if server.packets_sent == 0 && self.seen.missing.acknowledged.contains(&conversation.server) {
            return Some(AliveProof::Acknowledged);
        }
        // Without times nothing tells that it was not then.
        let is_then = |[first, last]: Span| {
            let is_close = |from: Timestamp, to: Timestamp| match (from.nanos(), to.nanos()) {
                (Some(from), Some(to)) => from <= to.saturating_add(CLOSE),
                _ => true,
            };
            is_close(conversation.begin.time, last) && is_close(first, facts.uncommon().end)
        };
        if server.packets_sent > 0 && is_then([server.first_sent, server.last_sent]) {
            return Some(AliveProof::Packets);
        }
        if self.claims().get(&server.address).is_some_and(|claims| claims.iter().any(|claim| is_then(*claim))) {
            return Some(if server.address.is_ipv4() { AliveProof::Arp } else { AliveProof::Neighbour });
        }
        // What is sent to a host behind a router goes to the router's MAC.
        let mac = server.mac.filter(|_| server.mac_is_own)?;
        is_then(*self.by_mac().get(&mac)?).then_some(AliveProof::Device)
    }

    /// Whether anything of a host was heard, at whatever time.
    fn was_heard(&self, host: &Host) -> bool {
        host.packets_sent > 0
            || host.mac.is_some_and(|mac| host.mac_is_own && self.by_mac().contains_key(&mac))
            || self.claims().contains_key(&host.address)
    }

    fn by_mac(&self) -> &HashMap<MacAddr, Span> {
        self.by_mac.get_or_init(|| {
            let mut heard: HashMap<MacAddr, Span> = HashMap::new();
            let mut note = |mac: MacAddr, [first, last]: Span| {
                let held = heard.entry(mac).or_insert([first, last]);
                *held = [first.min(held[0]), last.max(held[1])];
            };
            for host in self.seen.hosts.iter().filter(|host| host.packets_sent > 0 && host.mac_is_own) {
                if let Some(mac) = host.mac {
                    note(mac, [host.first_sent, host.last_sent]);
                }
            }
            for ((mac, ..), exchange) in self.seen.evidence.dhcp() {
                for asked in [&exchange.discovers, &exchange.starts].into_iter().filter(|asked| asked.count > 0) {
                    note(*mac, [asked.begin.time, asked.end]);
                }
            }
            for ((_, mac, _), window) in self.seen.evidence.lldp_units() {
                note(*mac, [window.begin.time, window.end]);
            }
            heard
        })
    }

    fn claims(&self) -> &HashMap<IpAddr, Vec<Span>> {
        self.claims.get_or_init(|| {
            let proxies = proxies(self.seen);
            let mut claims: HashMap<IpAddr, Vec<Span>> = HashMap::new();
            for ((_, address, mac), speaker) in self.seen.evidence.claims.speakers() {
                if !proxies.contains(mac) {
                    claims.entry(*address).or_default().push([speaker.window.begin.time, speaker.window.end]);
                }
            }
            claims
        })
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
