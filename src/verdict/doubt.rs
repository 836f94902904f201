//! What the capture lacks: silence proves nothing where the answer could lie in just that.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Conversation;
use super::detail::times;
use crate::capture::{Filter, Matcher, Timestamp};
use crate::inventory::{Host, HostId, Hosts};
use crate::policy::{Role, Transport};

/// Nanoseconds for which an answer may take its time after the last try.
const PATIENCE: i64 = 10_000_000_000;

/// What is known to be missing from a capture.
#[derive(Debug, Default)]
pub struct Missing {
    /// The mirror hands over one direction only.
    pub one_way: bool,
    /// Hosts that were not seen to send, though the other side of a TCP flow acknowledges what they sent.
    pub acknowledged: HashSet<HostId>,
    /// Who was seen to send to whom, by unicast; only where one of the two above says that a direction is missing.
    pub seen_to_send: HashSet<(HostId, HostId)>,
    /// Packets that were dropped while it was captured, and those that no table had room for.
    pub dropped: u64,
    /// Frames of layers below IP that are not read.
    pub unread: u64,
    /// Times, as far as order goes, between which no frame was captured.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Times of the last frames of inputs that are damaged behind them.
    pub breaks: Vec<Timestamp>,
    /// Time of the last frame of all.
    pub end: Option<Timestamp>,
    /// What the frames were filtered by.
    pub filter: Option<Filtered>,
}

/// A filter, asked what it would have kept.
pub struct Filtered {
    text: String,
    matcher: Mutex<Matcher>,
}

impl std::fmt::Debug for Filtered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<&Filter> for Filtered {
    fn from(filter: &Filter) -> Self {
        Self { text: filter.to_string(), matcher: Mutex::new(filter.matcher()) }
    }
}

/// What became of the answer to something, for all that a capture can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Filtering {
    /// It would have been kept.
    Kept,
    /// It was left out by the filter.
    LeftOut,
    /// The filter asks for what is not known of the answer, such as MAC addresses.
    Unknown,
}

impl Filtered {
    /// Whether the answer to what goes from a client to a server would have been kept.
    fn of_answer(&self, transport: Transport, client: (IpAddr, u16), server: (IpAddr, u16)) -> Filtering {
        let mut matcher = self.matcher.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keeps = |from, to, answers| matcher.keeps_packet(transport.number(), from, to, answers);
        match (keeps(client, server, false), keeps(server, client, true)) {
            (true, true) => Filtering::Kept,
            (true, false) => Filtering::LeftOut,
            (false, _) => Filtering::Unknown,
        }
    }
}

/// Why silence may only not have been captured. Orders by how much of the capture it concerns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Doubt {
    OneWay,
    Filter,
    Dropped,
    Unread,
    Gap(Timestamp, Timestamp),
    Break(Timestamp),
    End(Timestamp),
}

/// Doubts that are told of one finding.
const MOST_TOLD: usize = 3;

/// What the lighting's hosts exchange: IP's protocol, and the port of one side.
const EXCHANGES: [(u8, u16); 5] = [(17, 5683), (17, 69), (17, 1900), (6, 80), (6, 88)];

impl Missing {
    /// Whether what one end would have sent to the other could not have been captured: then nothing can be told of its
    /// silence. Where it was seen to send to just that host by anything else, this would have been captured too; what it
    /// sends to groups comes to every port. `client_port` is that of one of the flows.
    pub(super) fn lacks(
        &self,
        hosts: &Hosts,
        conversation: &Conversation,
        client_port: u16,
        (silent, other): (HostId, HostId),
    ) -> bool {
        if !self.one_way && self.filter.is_none() && self.acknowledged.is_empty() {
            // Nearly always.
            return false;
        }
        (self.one_way || self.acknowledged.contains(&silent)) && !self.seen_to_send.contains(&(silent, other))
            || self.filtering(hosts, conversation, client_port) == Filtering::LeftOut
    }

    fn filtering(&self, hosts: &Hosts, conversation: &Conversation, client_port: u16) -> Filtering {
        let Some(filter) = &self.filter else { return Filtering::Kept };
        let [client, server] = [conversation.client, conversation.server].map(|host| hosts.get(host).address);
        let port = if conversation.transport.has_ports() { conversation.port } else { 0 };
        filter.of_answer(conversation.transport, (client, client_port), (server, port))
    }

    /// Whether a host that was not heard may have sent just what a filter or a mirror leaves out.
    pub(super) fn may_hide(&self, hosts: &Hosts, host: &Host) -> bool {
        let Some(filter) = &self.filter else { return self.one_way };
        let is_peer = |other: &&Host| other.role == Role::Gateway && other.address.is_ipv4() == host.address.is_ipv4();
        let peer = hosts.iter().find(is_peer).map_or(host.address, |gateway| gateway.address);
        self.one_way
            || EXCHANGES.iter().any(|(protocol, port)| {
                let transport = Transport::from(*protocol);
                let ends = [(host.address, *port), (peer, EPHEMERAL)];
                let turned = [(host.address, EPHEMERAL), (peer, *port)];
                [ends, turned].iter().any(|[own, other]| filter.of_answer(transport, *other, *own) != Filtering::Kept)
            })
    }

    /// Why silence from `begin` to `end`, after so many tries, may only not have been captured; empty if it may not.
    pub(super) fn of_silence(&self, begin: Timestamp, end: Timestamp, tries: u64) -> String {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(Doubt::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| Doubt::Filter));
        self.note(&mut doubts, begin, end);
        words(&doubts, self, tries)
    }

    /// The same of the conversations of one finding, each with its end and its tries.
    pub(super) fn of_conversations<'a>(
        &self,
        hosts: &Hosts,
        silent: impl Iterator<Item = (&'a Conversation, Timestamp, u64)>,
    ) -> String {
        let (mut doubts, mut all) = (BTreeSet::new(), 0_u64);
        for (conversation, end, tries) in silent {
            all = all.saturating_add(tries);
            if self.filtering(hosts, conversation, EPHEMERAL) != Filtering::Kept {
                doubts.insert(Doubt::Filter);
            }
            self.note(&mut doubts, conversation.begin.time, end);
        }
        doubts.extend(self.one_way.then_some(Doubt::OneWay));
        words(&doubts, self, all)
    }

    /// Why something may not have been captured at all; empty if nothing speaks for that.
    pub(super) fn of_all(&self) -> String {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(Doubt::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| Doubt::Filter));
        doubts.extend((self.unread > 0).then_some(Doubt::Unread));
        doubts.extend(self.gaps.first().map(|(from, to)| Doubt::Gap(*from, *to)));
        doubts.extend(self.breaks.first().map(|at| Doubt::Break(*at)));
        words(&doubts, self, u64::from(self.dropped > 0))
    }

    /// The times at which an answer to what was tried from `begin` to `end` was not captured whatever came.
    fn note(&self, doubts: &mut BTreeSet<Doubt>, begin: Timestamp, end: Timestamp) {
        let until = end.nanos().map_or(end, |nanos| Timestamp::from_nanos(nanos.saturating_add(PATIENCE)));
        let missed = |(from, to): &&(Timestamp, Timestamp)| *from <= until && *to >= begin;
        doubts.extend(self.gaps.iter().find(missed).map(|(from, to)| Doubt::Gap(*from, *to)));
        let soon = |at: &&Timestamp| (end..=until).contains(at);
        doubts.extend(self.breaks.iter().find(soon).map(|at| Doubt::Break(*at)));
        // Who repeats itself did not wait for what came after the end.
        let once = begin == end;
        doubts.extend(self.end.filter(|at| once && soon(&at)).map(Doubt::End));
    }
}

/// A port as clients take one.
const EPHEMERAL: u16 = 49_152;

/// In words. Each try would have had an answer of its own: losses explain silence only if all of them lie in it.
fn words(doubts: &BTreeSet<Doubt>, missing: &Missing, tries: u64) -> String {
    let mut doubts = doubts.clone();
    doubts.extend((tries > 0 && missing.dropped >= tries).then_some(Doubt::Dropped));
    doubts.extend((tries > 0 && missing.unread >= tries).then_some(Doubt::Unread));
    let word = |doubt: &Doubt| match doubt {
        Doubt::OneWay => "the mirror shows one direction only".to_owned(),
        Doubt::Filter => {
            let filter = missing.filter.as_ref().map_or("", |filter| &filter.text);
            format!("the filter \"{filter}\" may have left it out")
        }
        Doubt::Dropped => format!(
            "{} lost while capturing, and there {}",
            times(missing.dropped, "packet was", "packets were"),
            if tries == 1 { "was 1 try".to_owned() } else { format!("were {}", times(tries, "try", "tries")) }
        ),
        Doubt::Unread => format!("{} not read below IP", times(missing.unread, "frame was", "frames were")),
        Doubt::Gap(from, to) => format!("nothing at all was captured from {from} to {to}"),
        Doubt::Break(at) => format!("a capture breaks off at {at}"),
        Doubt::End(at) => format!("the capture ends at {at}"),
    };
    let mut list: Vec<String> = doubts.iter().take(MOST_TOLD).map(word).collect();
    if list.is_empty() {
        return String::new();
    }
    if doubts.len() > MOST_TOLD {
        list.push(format!("and {} more such times", doubts.len() - MOST_TOLD));
    }
    format!(" It may only not have been captured: {}.", list.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + seconds * 1_000_000_000)
    }

    #[test]
    fn only_what_could_hold_the_answer_makes_silence_doubtful() {
        let missing =
            Missing { dropped: 3, gaps: vec![(at(1000), at(2000))], breaks: vec![at(3000)], ..Missing::default() };
        let of = |begin, end, tries| missing.of_silence(at(begin), at(end), tries);
        assert_eq!(of(100, 200, 4), "", "more tries than packets were lost, and far from any gap");
        assert!(of(100, 200, 3).contains("3 packets were lost while capturing, and there were 3 tries"));
        assert!(of(900, 995, 4).contains("nothing at all was captured from"), "the answer may lie in the gap");
        assert_eq!(of(2001, 2100, 4), "");
        assert!(of(2900, 2995, 4).contains("a capture breaks off"));
        assert_eq!(of(2900, 2980, 4), "", "an answer would have come before the end");
        let missing = Missing { unread: 3, ..Missing::default() };
        assert!(missing.of_silence(at(100), at(200), 3).contains("3 frames were not read below IP"));
        assert_eq!(missing.of_silence(at(100), at(200), 4), "");
        assert_eq!(Missing::default().of_silence(at(0), at(1), 1), "");
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_filter_is_asked_what_it_leaves_out() {
        let client = (IpAddr::from([10, 0, 0, 1]), 40_000);
        let server = (IpAddr::from([10, 0, 0, 2]), 5683);
        let of = |filter: &str, transport| {
            Filtered::from(&Filter::new(filter).unwrap()).of_answer(transport, client, server)
        };
        assert_eq!(of("udp port 5683", Transport::Udp), Filtering::Kept);
        assert_eq!(of("dst port 5683", Transport::Udp), Filtering::LeftOut);
        assert_eq!(of("src host 10.0.0.1", Transport::Tcp), Filtering::LeftOut);
        assert_eq!(of("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", Transport::Tcp), Filtering::LeftOut);
        assert_eq!(of("ether host 00:01:02:03:04:05", Transport::Udp), Filtering::Unknown);
        assert_eq!(of("host 10.0.0.1", Transport::Icmp), Filtering::Kept);
    }
}
