//! What the capture lacks: silence proves nothing where the answer could lie in just that.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Conversation;
use super::detail::times;
use crate::capture::{Filter, Matcher, Timestamp};
use crate::inventory::Hosts;
use crate::policy::Transport;

/// Nanoseconds for which an answer may take its time after the last try.
const PATIENCE: i64 = 10_000_000_000;

/// What is known to be missing from a capture.
#[derive(Debug, Default)]
pub struct Missing {
    /// The mirror hands over one direction only.
    pub one_way: bool,
    /// Packets that were dropped while it was captured, and those that no table had room for.
    pub dropped: u64,
    /// Frames of layers below IP that are not read.
    pub unread: u64,
    /// Times, as far as order goes, between which no frame was captured.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Times of the last frames of inputs that are damaged behind them.
    pub breaks: Vec<Timestamp>,
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
}

impl Missing {
    /// Whether no answer of the server could have been captured: then nothing can be told of it. `client_port` is that of
    /// one of its flows.
    pub(super) fn lacks_answers(&self, hosts: &Hosts, conversation: &Conversation, client_port: u16) -> bool {
        if !self.one_way && self.filter.is_none() {
            // Nearly always.
            return false;
        }
        let [client, server] = [conversation.client, conversation.server].map(|host| hosts.get(host).address);
        let port = if conversation.transport.has_ports() { conversation.port } else { 0 };
        self.one_way
            || self.filter.as_ref().is_some_and(|filter| {
                let answer = filter.of_answer(conversation.transport, (client, client_port), (server, port));
                answer == Filtering::LeftOut
            })
    }

    /// Whether a host that was not heard may have sent all that a filter or a mirror leaves out.
    pub(super) const fn may_hide_hosts(&self) -> bool {
        self.one_way || self.filter.is_some()
    }

    /// Why silence from `begin` to `end`, after so many tries, may only not have been captured; empty if it may not.
    pub(super) fn of_silence(&self, begin: Timestamp, end: Timestamp, tries: u64) -> String {
        words(&self.doubts(begin, end, tries), self, tries)
    }

    /// The same of several conversations, each with its tries.
    pub(super) fn of_conversations<'a>(&self, silent: impl Iterator<Item = (&'a Conversation, u64)>) -> String {
        let (mut doubts, mut most) = (BTreeSet::new(), 0);
        for (conversation, tries) in silent {
            let found = self.doubts(conversation.begin.time, conversation.end, tries);
            if found.contains(&Doubt::Dropped) {
                most = most.max(tries);
            }
            doubts.extend(found);
        }
        words(&doubts, self, most)
    }

    /// Why something may not have been captured at all; empty if nothing speaks for that.
    pub(super) fn of_all(&self) -> String {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(Doubt::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| Doubt::Filter));
        doubts.extend((self.dropped > 0).then_some(Doubt::Dropped));
        doubts.extend((self.unread > 0).then_some(Doubt::Unread));
        doubts.extend(self.gaps.first().map(|(from, to)| Doubt::Gap(*from, *to)));
        doubts.extend(self.breaks.first().map(|at| Doubt::Break(*at)));
        words(&doubts, self, 0)
    }

    fn doubts(&self, begin: Timestamp, end: Timestamp, tries: u64) -> BTreeSet<Doubt> {
        let mut doubts = BTreeSet::new();
        doubts.extend(self.one_way.then_some(Doubt::OneWay));
        doubts.extend(self.filter.as_ref().map(|_| Doubt::Filter));
        // Each try would have had an answer of its own: all of them must lie in what was dropped.
        doubts.extend((tries > 0 && self.dropped >= tries).then_some(Doubt::Dropped));
        doubts.extend((tries > 0 && self.unread >= tries).then_some(Doubt::Unread));
        let until = end.nanos().map_or(end, |nanos| Timestamp::from_nanos(nanos.saturating_add(PATIENCE)));
        let missed = |(from, to): &&(Timestamp, Timestamp)| *from <= until && *to >= begin;
        doubts.extend(self.gaps.iter().find(missed).map(|(from, to)| Doubt::Gap(*from, *to)));
        doubts.extend(self.breaks.iter().find(|at| (end..=until).contains(at)).map(|at| Doubt::Break(*at)));
        doubts
    }
}

fn words(doubts: &BTreeSet<Doubt>, missing: &Missing, tries: u64) -> String {
    let word = |doubt: &Doubt| match doubt {
        Doubt::OneWay => "the mirror shows one direction only".to_owned(),
        Doubt::Filter => {
            let filter = missing.filter.as_ref().map_or("", |filter| &filter.text);
            format!("the filter \"{filter}\" may have left it out")
        }
        Doubt::Dropped if tries > 0 => format!(
            "{} lost while capturing, and there {}",
            match missing.dropped {
                1 => "1 packet was".to_owned(),
                dropped => format!("{dropped} packets were"),
            },
            if tries == 1 { "was 1 try".to_owned() } else { format!("were {}", times(tries, "try", "tries")) }
        ),
        Doubt::Dropped => format!("{} lost while capturing", times(missing.dropped, "packet was", "packets were")),
        Doubt::Unread => format!("{} not read below IP", times(missing.unread, "frame was", "frames were")),
        Doubt::Gap(from, to) => format!("nothing at all was captured from {from} to {to}"),
        Doubt::Break(at) => format!("a capture breaks off at {at}"),
    };
    let list: Vec<String> = doubts.iter().map(word).collect();
    if list.is_empty() {
        return String::new();
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
