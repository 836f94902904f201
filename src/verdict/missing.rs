//! What the capture lacks: silence proves nothing where the answer could lie in just that.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Conversation;
use crate::capture::{Filter, Matcher, Timestamp};
use crate::inventory::{Host, HostId, Hosts};
use crate::policy::Role;
use crate::protocol::{Protocol, Transport, coap, ssdp, tftp};

/// Nanoseconds for which an answer may take its time after the last try.
const PATIENCE: i64 = 10_000_000_000;
/// Nanoseconds before which nobody asks again (RFC 6298 section 2.1: a second; RFC 7252 section 4.8: two).
const SOONEST: i64 = 1_000_000_000;

/// What is known to be missing from a capture.
#[derive(Debug, Default)]
pub struct Missing {
    /// The mirror hands over one direction only.
    pub one_way: bool,
    /// Of TCP only SYNs were captured, and they prove to have been answered.
    pub syns_only: bool,
    /// A filter left out what goes from one fresh port to another, as TFTP's transfers do, or the tables had no room for it.
    pub fresh_ports: bool,
    /// Hosts of devices that were not seen to send, though the other side of a TCP flow acknowledges what they sent.
    pub acknowledged: HashSet<HostId>,
    /// Who was seen to send to whom by unicast, itself or by an error in its place; only where one of the two above says that a
    /// direction is missing.
    pub seen_to_send: HashSet<(HostId, HostId)>,
    /// Who was seen to send to whom what came in pieces and lacks the first, which would say what it is: when each began, as far as
    /// order goes, and the latest end of those up to it.
    pub headless: HashMap<(IpAddr, IpAddr), Vec<(Timestamp, Timestamp)>>,
    /// Packets that were dropped while it was captured, and those that no table had room for.
    pub dropped: u64,
    /// Frames of layers below IP that are not read.
    pub unread: u64,
    /// Times, as far as order goes, between which no frame was captured, ascending.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Times of the last frames of inputs that are damaged behind them, ascending.
    pub breaks: Vec<Timestamp>,
    /// Time of the first frame of all.
    pub begin: Option<Timestamp>,
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
pub(crate) enum AbsenceReason {
    /// The mirror shows one direction only.
    OneWay,
    /// A filter may have left it out.
    Filter,
    /// No fewer packets were lost while capturing than there were tries.
    Dropped,
    /// No fewer frames were not read below IP than there were tries.
    Unread,
    /// Nothing at all was captured between two times.
    Gap(Timestamp, Timestamp),
    /// A damaged capture breaks off.
    Break(Timestamp),
    /// The capture ends.
    End(Timestamp),
}

/// Doubts that are told of one finding.
const MOST_TOLD: usize = 3;

/// What speaks for it that something was only not captured, with the numbers that it rests on.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Doubts {
    /// The first few; empty where nothing speaks for it.
    pub(crate) told: Vec<AbsenceReason>,
    /// How many more there are.
    pub(crate) more: usize,
    /// Tries that came to nothing.
    pub(crate) tries: u64,
    /// Packets that were lost while capturing.
    pub(crate) dropped: u64,
    /// Frames of layers below IP that were not read.
    pub(crate) unread: u64,
    /// The filter, as it was typed.
    pub(crate) filter: Option<String>,
}

/// What the lighting's hosts exchange: IP's protocol, and the port of one side.
const EXCHANGES: [(u8, u16); 5] = [(17, coap::PORT), (17, tftp::PORT), (17, ssdp::PORT), (6, 80), (6, 88)];

impl Missing {
    /// Whether what one end would have sent to the other could not have been captured: then nothing can be told of its
    /// silence. Where it was seen to send to just that host by anything else, this would have been captured too; what it
    /// sends to groups comes to every port. Who sends each request of CoAP again had no answer, whatever the mirror lacks (RFC 7252
    /// section 4.2). What lacks its first piece may be an answer to what was `asked` before it, from the first time to the last.
    /// `client_port` is that of one of the flows.
    pub(super) fn lacks(
        &self,
        hosts: &Hosts,
        conversation: &Conversation,
        client_port: u16,
        (silent, other): (HostId, HostId),
        asked: (Timestamp, Timestamp),
        repeats: impl Fn() -> bool,
    ) -> bool {
        let is_left_out = match conversation.transport {
            Transport::Tcp => self.syns_only,
            Transport::Udp => self.fresh_ports && Protocol::Tftp.ports().contains(&conversation.port) && !repeats(),
            _ => false,
        };
        if is_left_out {
            return true;
        }
        if !self.one_way && self.filter.is_none() && self.acknowledged.is_empty() && self.headless.is_empty() {
            // Nearly always.
            return false;
        }
        let way = (hosts.get(silent).address, hosts.get(other).address);
        self.lacks_direction((silent, other)) && !repeats()
            || self.has_headless(way, asked)
            || self.filtering(hosts, conversation, client_port) == Filtering::LeftOut && !repeats()
    }

    /// Whether nothing that one host sends another was captured, though it sends.
    pub(super) fn lacks_direction(&self, (silent, other): (HostId, HostId)) -> bool {
        (self.one_way || self.acknowledged.contains(&silent)) && !self.seen_to_send.contains(&(silent, other))
    }

    /// Whether the capture began, or went on behind a pause, less than so many nanoseconds before a time.
    pub(super) fn begins_within(&self, time: Timestamp, nanos: i64) -> bool {
        let behind = self.gaps.partition_point(|(_, to)| *to <= time).checked_sub(1).map(|at| self.gaps[at].1);
        let soon = |at: Timestamp| (0..nanos).contains(&time.raw().saturating_sub(at.raw()));
        time != Timestamp::UNKNOWN && [self.begin, behind].into_iter().flatten().any(soon)
    }

    /// Whether what was asked from a time to another had no time to be answered, or to be asked again, before the capture ended,
    /// broke off or paused.
    pub(super) fn ends_behind(&self, (first, last): (Timestamp, Timestamp)) -> bool {
        let soon = |at: Timestamp| last <= at && (0..SOONEST).contains(&at.raw().saturating_sub(first.raw()));
        let pause = self.gaps.get(self.gaps.partition_point(|(from, _)| *from < first)).map(|(from, _)| *from);
        let broken = self.breaks.get(self.breaks.partition_point(|at| *at < first)).copied();
        first != Timestamp::UNKNOWN && [self.end, pause, broken].into_iter().flatten().any(soon)
    }

    fn has_headless(&self, way: (IpAddr, IpAddr), (first, last): (Timestamp, Timestamp)) -> bool {
        let Some(pieces) = self.headless.get(&way) else { return false };
        let until = last.raw().saturating_add(PATIENCE);
        let in_time = pieces.partition_point(|(begin, _)| begin.raw() <= until);
        // Without a time it may be an answer to anything.
        last == Timestamp::UNKNOWN || in_time.checked_sub(1).is_some_and(|at| pieces[at].1 >= first)
    }

    fn filtering(&self, hosts: &Hosts, conversation: &Conversation, client_port: u16) -> Filtering {
        let Some(filter) = &self.filter else { return Filtering::Kept };
        let [client, server] = [conversation.client, conversation.server].map(|host| hosts.get(host).address);
        let port = if conversation.transport.has_ports() { conversation.port } else { 0 };
        let of = |port| filter.of_answer(conversation.transport, (client, client_port), (server, port));
        // TFTP's answers come from a port of their own (RFC 1350 section 4).
        let leaves_port = conversation.transport == Transport::Udp && Protocol::Tftp.ports().contains(&port);
        match (of(port), leaves_port && of(EPHEMERAL + 1) != Filtering::Kept) {
            (Filtering::Kept, true) => Filtering::LeftOut,
            (filtering, _) => filtering,
        }
    }

    /// Whether a host that was not heard may have sent just what a filter or a mirror leaves out.
    pub(crate) fn may_hide(&self, hosts: &Hosts, host: &Host) -> bool {
        self.one_way || self.is_filtered(hosts, host)
    }

    /// Whether a filter leaves out some of what a host exchanges with a gateway.
    pub(crate) fn is_filtered(&self, hosts: &Hosts, host: &Host) -> bool {
        let Some(filter) = &self.filter else { return false };
        let is_peer = |other: &&Host| other.role == Role::Gateway && other.address.is_ipv4() == host.address.is_ipv4();
        let peer = hosts.iter().find(is_peer).map_or(host.address, |gateway| gateway.address);
        EXCHANGES.iter().any(|(protocol, port)| {
            let transport = Transport::from(*protocol);
            let ends = [(host.address, *port), (peer, EPHEMERAL)];
            let turned = [(host.address, EPHEMERAL), (peer, *port)];
            [ends, turned].iter().any(|[own, other]| filter.of_answer(transport, *other, *own) != Filtering::Kept)
        })
    }

    /// Why silence from `begin` to `end`, after so many tries, may only not have been captured.
    pub(crate) fn of_silence(&self, begin: Timestamp, end: Timestamp, tries: u64) -> Doubts {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(AbsenceReason::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| AbsenceReason::Filter));
        self.note(&mut doubts, begin, end);
        self.doubts(doubts, tries)
    }

    /// The same of the conversations of one finding, each with its end and its tries.
    pub(crate) fn of_conversations<'a>(
        &self,
        hosts: &Hosts,
        silent: impl Iterator<Item = (&'a Conversation, Timestamp, u64)>,
    ) -> Doubts {
        let (mut doubts, mut all) = (BTreeSet::new(), 0_u64);
        for (conversation, end, tries) in silent {
            all = all.saturating_add(tries);
            if self.filtering(hosts, conversation, EPHEMERAL) != Filtering::Kept {
                doubts.insert(AbsenceReason::Filter);
            }
            self.note(&mut doubts, conversation.begin.time, end);
        }
        doubts.extend(self.one_way.then_some(AbsenceReason::OneWay));
        self.doubts(doubts, all)
    }

    /// Why something may not have been captured at all.
    pub(crate) fn of_all(&self) -> Doubts {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(AbsenceReason::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| AbsenceReason::Filter));
        doubts.extend((self.unread > 0).then_some(AbsenceReason::Unread));
        doubts.extend(self.gaps.first().map(|(from, to)| AbsenceReason::Gap(*from, *to)));
        doubts.extend(self.breaks.first().map(|at| AbsenceReason::Break(*at)));
        self.doubts(doubts, u64::from(self.dropped > 0))
    }

    /// The times at which an answer to what was tried from `begin` to `end` was not captured whatever came.
    fn note(&self, doubts: &mut BTreeSet<AbsenceReason>, begin: Timestamp, end: Timestamp) {
        let until = end.nanos().map_or(end, |nanos| Timestamp::from_nanos(nanos.saturating_add(PATIENCE)));
        let missed = |(from, to): &&(Timestamp, Timestamp)| *from <= until && *to >= begin;
        doubts.extend(self.gaps.iter().find(missed).map(|(from, to)| AbsenceReason::Gap(*from, *to)));
        let soon = |at: &&Timestamp| (end..=until).contains(at);
        doubts.extend(self.breaks.iter().find(soon).map(|at| AbsenceReason::Break(*at)));
        // Who repeats itself did not wait for what came after the end: none sooner than that.
        let once = begin.nanos().zip(end.nanos()).is_none_or(|(begin, end)| end.saturating_sub(begin) < AGAIN);
        doubts.extend(self.end.filter(|at| once && soon(&at)).map(AbsenceReason::End));
    }

    /// Each try would have had an answer of its own: losses explain silence only if all of them lie in it.
    fn doubts(&self, mut doubts: BTreeSet<AbsenceReason>, tries: u64) -> Doubts {
        doubts.extend((tries > 0 && self.dropped >= tries).then_some(AbsenceReason::Dropped));
        doubts.extend((tries > 0 && self.unread >= tries).then_some(AbsenceReason::Unread));
        if doubts.is_empty() {
            return Doubts::default();
        }
        Doubts {
            more: doubts.len().saturating_sub(MOST_TOLD),
            told: doubts.into_iter().take(MOST_TOLD).collect(),
            tries,
            dropped: self.dropped,
            unread: self.unread,
            filter: self.filter.as_ref().map(|filter| filter.text.clone()),
        }
    }
}

/// Nanoseconds after which the soonest repeats what was not answered: a SYN after a second (RFC 6298 section 2.1), CoAP and
/// BACnet later.
const AGAIN: i64 = 500_000_000;

/// A port as clients take one.
const EPHEMERAL: u16 = 49_152;

#[cfg(all(test, feature = "live"))]
mod tests {
    use super::*;

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
