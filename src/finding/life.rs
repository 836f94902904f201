//! What proves that a host was there while it was tried.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::Judged;
use super::arp::{asked_in_vain, handing_on, proxies};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{Seen, Window};
use crate::inventory::{Host, HostId};
use crate::verdict::{Conversation, ConversationFacts, Observations};

/// What proves it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum AliveProof {
    /// Other packets of it.
    Packets,
    /// It answered for its address by ARP.
    Arp,
    /// The same by IPv6's neighbour discovery.
    Neighbour,
    /// Frames of its MAC with another address, or with none.
    Device,
    /// What it sent was acknowledged, though that was not captured.
    Acknowledged,
}

/// Nanoseconds before the first try, and after the last, within which a sign of life counts: who is to be tried is asked for
/// by ARP before, and is to answer for a while.
const CLOSE: i64 = 10_000_000_000;

/// Nanoseconds behind the first try in which a host looks for the way back.
const AT_ONCE: i64 = 500_000_000;

/// Nanoseconds within which nobody who is heard before and after is taken for switched off: starting takes time too.
const OFF: i64 = 120_000_000_000;

/// Effective times of the first and the last of some frames, and how many these are.
#[derive(Clone, Copy)]
struct SeenTimes {
    first: Timestamp,
    last: Timestamp,
    frames: u64,
}

impl From<&Window> for SeenTimes {
    fn from(window: &Window) -> Self {
        Self { first: window.begin.time, last: window.end, frames: window.count }
    }
}

impl SeenTimes {
    fn and(self, other: Self) -> Self {
        let frames = self.frames.saturating_add(other.frames);
        Self { first: self.first.min(other.first), last: self.last.max(other.last), frames }
    }

    /// The times between which frames may have been sent: two frames have nothing between them.
    fn stretches(self) -> [[Timestamp; 2]; 2] {
        match self.frames {
            0..=2 => [[self.first; 2], [self.last; 2]],
            _ => [[self.first, self.last]; 2],
        }
    }
}

/// When something was heard: stretches of time with no long silence between, ascending but for those that were added since they
/// were last joined.
#[derive(Default)]
struct Presence {
    stretches: Vec<[Timestamp; 2]>,
    joined: usize,
}

impl Presence {
    fn add(&mut self, span: SeenTimes) {
        self.stretches.extend(span.stretches());
        if self.stretches.len() > 2 * self.joined + 64 {
            self.join();
        }
    }

    fn join(&mut self) {
        self.stretches.sort_unstable();
        self.stretches.dedup_by(|next, held| {
            let is_near = next[0].raw().saturating_sub(held[1].raw()) <= OFF;
            if is_near {
                held[1] = held[1].max(next[1]);
            }
            is_near
        });
        self.joined = self.stretches.len();
    }

    /// Whether it may have been heard while something was tried, if all is joined. Without times nothing tells that it was not.
    fn may_be_within(&self, [begin, end]: [Timestamp; 2]) -> bool {
        let is_unknown = |time: &Timestamp| time.nanos().is_none();
        let Some([earliest, _]) = self.stretches.first() else { return false };
        if [*earliest, begin, end].iter().any(is_unknown) {
            return true;
        }
        let from = begin.raw().saturating_sub(CLOSE);
        let next = self.stretches.partition_point(|[_, last]| last.raw() < from);
        self.stretches.get(next).is_some_and(|[first, _]| first.raw() <= end.raw().saturating_add(CLOSE))
    }
}

impl FromIterator<SeenTimes> for Presence {
    fn from_iter<T: IntoIterator<Item = SeenTimes>>(spans: T) -> Self {
        let mut heard = Self::default();
        spans.into_iter().for_each(|span| heard.add(span));
        heard.join();
        heard
    }
}

/// Addresses of one MAC that are told apart.
const MOST_ADDRESSES: usize = 16;

/// From which address a MAC sent something, if it had one, and when.
type Sighting = (Option<IpAddr>, SeenTimes);

/// Signs of life; what many of them are looked up in is gathered once.
pub(super) struct Life<'a> {
    seen: &'a Observations<'a>,
    conversations: &'a [Conversation],
    /// When each server of what is blocked sent, flow by flow.
    sent: OnceCell<HashMap<HostId, Presence>>,
    by_mac: OnceCell<HashMap<MacAddr, Vec<Sighting>>>,
    /// When each address was claimed by ARP or neighbour discovery, but for what others answer in its place.
    claims: OnceCell<HashMap<IpAddr, Presence>>,
    /// MACs whose answers by ARP prove nobody's life.
    proxies: OnceCell<HashSet<MacAddr>>,
    /// Whom each host asks for by ARP in vain.
    asks: OnceCell<HashMap<IpAddr, Vec<(Ipv4Addr, Seen)>>>,
    /// To whom these hosts sent anything.
    ways: OnceCell<HashSet<(HostId, HostId)>>,
}

impl<'a> Life<'a> {
    pub(super) fn new(judged: &Judged<'a>) -> Self {
        let (sent, by_mac, claims) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let (proxies, asks, ways) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { seen: judged.seen, conversations: judged.conversations, sent, by_mac, claims, proxies, asks, ways }
    }

    /// What proves that the server was there while it was tried.
    pub(super) fn of_server(&self, conversation: &Conversation, facts: &ConversationFacts) -> Option<AliveProof> {
        let seen = self.seen;
        let [client, server] = [conversation.client, conversation.server].map(|host| seen.hosts.get(host));
        if server.packets_sent == 0 && seen.missing.acknowledged.contains(&conversation.server) {
            return Some(AliveProof::Acknowledged);
        }
        let tried = [conversation.begin.time, facts.uncommon().end];
        let is_then = |heard: &Presence| heard.may_be_within(tried);
        if self.sent().get(&conversation.server).is_some_and(is_then) {
            return Some(AliveProof::Packets);
        }
        if self.claims().get(&server.address).is_some_and(is_then) {
            return Some(if server.address.is_ipv4() { AliveProof::Arp } else { AliveProof::Neighbour });
        }
        let others = self.frames_of(server, client).filter(|(address, _)| *address != Some(server.address));
        is_then(&others.map(|(_, span)| *span).collect()).then_some(AliveProof::Device)
    }

    /// Whether anything of a server was heard, at whatever time.
    pub(super) fn was_heard(&self, server: &Host, client: &Host) -> bool {
        server.packets_sent > 0
            || self.claims().contains_key(&server.address)
            || self.frames_of(server, client).next().is_some()
    }

    /// What the server's own MAC sent.
    fn frames_of(&self, server: &Host, client: &Host) -> impl Iterator<Item = &Sighting> {
        let frames = server.mac.and_then(|mac| self.by_mac().get(&mac)).map_or(&[][..], Vec::as_slice);
        // What is sent to a host behind a router goes to the router's MAC, which has an address of its own.
        let is_its = |address: IpAddr| {
            address == server.address || address.is_ipv4() != server.address.is_ipv4() || is_link_local(address)
        };
        let is_own = || match server.packets_sent {
            0 if server.mac.is_some_and(|mac| self.proxies().contains(&mac)) => false,
            _ => server.mac_is_own,
        };
        let is_neighbour =
            || are_near(server.address, client.address) && frames.iter().all(|(address, _)| address.is_none_or(is_its));
        let frames = if is_own() || is_neighbour() { frames } else { &[] };
        frames.iter()
    }

    /// Whom a server that sends its client nothing asks for by ARP in vain while it is tried: it may find no way back.
    pub(super) fn seeks_way_back(&self, conversation: &Conversation, facts: &ConversationFacts) -> Option<Ipv4Addr> {
        let seen = self.seen;
        let [client, server] = [conversation.client, conversation.server].map(|host| seen.hosts.get(host).address);
        let tried = [conversation.begin.time, facts.uncommon().end];
        let is_then = |asked: &Seen| Presence::from_iter([SeenTimes::from(&asked.window())]).may_be_within(tried);
        let asked = || self.asks().get(&server).into_iter().flatten().filter(|(_, asked)| is_then(asked));
        let targets: Vec<Ipv4Addr> = asked().map(|(target, _)| *target).collect();
        // Who looks for its router looks for it as soon as there is something to answer.
        let at_once = |target: &Ipv4Addr| {
            let first = asked().find(|(sought, _)| sought == target).map(|(_, asked)| asked.begin.time.raw());
            first.is_some_and(|first| first.saturating_sub(tried[0].raw()) < AT_ONCE)
        };
        // Of the lighting's own hosts some may be off, who are no router; and who asks for several looks for more than its way. A
        // host that is heard answers no ARP where it is on another link.
        let is_router = |target: &Ipv4Addr| {
            let known = seen.hosts.at(IpAddr::V4(*target));
            targets.len() == 1
                && at_once(target)
                && known.is_none_or(|host| host.packets_sent == 0 && !host.role.is_igor())
        };
        let target = targets.iter().copied().find(|target| client == IpAddr::V4(*target) || is_router(target))?;
        (!self.ways().contains(&(conversation.server, conversation.client))).then_some(target)
    }

    fn sent(&self) -> &HashMap<HostId, Presence> {
        self.sent.get_or_init(|| {
            let seen = self.seen;
            let blocked = self.conversations.iter().filter(|conversation| conversation.outcome.is_blocked());
            let mut sent: HashMap<HostId, Presence> =
                blocked.map(|conversation| (conversation.server, Presence::default())).collect();
            for (ends, place) in seen.parties.iter().zip(seen.flows.places()) {
                for (side, host) in ends.iter().enumerate() {
                    let Some(heard) = sent.get_mut(host) else { continue };
                    let end = &seen.flows.view(place).ends[side];
                    if end.packets() > 0 {
                        heard.add(SeenTimes { first: end.begin().time, last: end.end(), frames: end.packets() });
                    }
                }
            }
            sent.values_mut().for_each(Presence::join);
            sent
        })
    }

    fn ways(&self) -> &HashSet<(HostId, HostId)> {
        self.ways.get_or_init(|| {
            let seen = self.seen;
            let asks: HashSet<HostId> = self.asks().keys().filter_map(|address| seen.hosts.find(*address)).collect();
            let mut ways = HashSet::new();
            for ([a, b], place) in seen.parties.iter().zip(seen.flows.places()) {
                for (side, way) in [(*a, *b), (*b, *a)].into_iter().enumerate() {
                    if asks.contains(&way.0) && seen.flows.view(place).ends[side].packets() > 0 {
                        ways.insert(way);
                    }
                }
            }
            ways
        })
    }

    fn by_mac(&self) -> &HashMap<MacAddr, Vec<Sighting>> {
        self.by_mac.get_or_init(|| {
            let seen = self.seen;
            let mut heard: HashMap<MacAddr, Vec<Sighting>> = HashMap::new();
            let mut note = |mac: MacAddr, address, span: SeenTimes| {
                let sightings = heard.entry(mac).or_default();
                if let Some((_, held)) = sightings.iter_mut().find(|sighting| sighting.0 == address) {
                    *held = held.and(span);
                } else if sightings.len() < MOST_ADDRESSES {
                    sightings.push((address, span));
                }
            };
            for host in seen.hosts.iter().filter(|host| host.packets_sent > 0 && host.mac_is_own) {
                if let Some(mac) = host.mac {
                    let span = SeenTimes { first: host.first_sent, last: host.last_sent, frames: host.packets_sent };
                    note(mac, Some(host.address), span);
                }
            }
            for ((_, address, mac), speaker) in seen.evidence.claims.speakers() {
                note(*mac, Some(*address), SeenTimes::from(&speaker.window));
            }
            for ((mac, ..), exchange) in seen.evidence.dhcp() {
                for asked in [&exchange.discovers, &exchange.starts].into_iter().filter(|asked| asked.count > 0) {
                    note(*mac, None, SeenTimes::from(asked));
                }
            }
            for ((_, mac, _), window) in seen.evidence.lldp_units() {
                note(*mac, None, SeenTimes::from(window));
            }
            for ((_, mac), said) in seen.evidence.link.authentication() {
                for said in [&said.starts, &said.responses].into_iter().filter(|said| said.count > 0) {
                    note(*mac, None, SeenTimes::from(said));
                }
            }
            heard
        })
    }

    fn claims(&self) -> &HashMap<IpAddr, Presence> {
        self.claims.get_or_init(|| {
            let mut claims: HashMap<IpAddr, Presence> = HashMap::new();
            for ((_, address, mac), speaker) in self.seen.evidence.claims.speakers() {
                if speaker.broadcasts > 0 || !self.proxies().contains(mac) {
                    claims.entry(*address).or_default().add(SeenTimes::from(&speaker.window));
                }
            }
            claims.values_mut().for_each(Presence::join);
            claims
        })
    }

    fn proxies(&self) -> &HashSet<MacAddr> {
        self.proxies.get_or_init(|| {
            let mut proxies = proxies(self.seen);
            proxies.extend(handing_on(self.seen));
            proxies
        })
    }

    fn asks(&self) -> &HashMap<IpAddr, Vec<(Ipv4Addr, Seen)>> {
        self.asks.get_or_init(|| asked_in_vain(self.seen))
    }
}

/// Whether two addresses are most likely of one link: of one IPv6 network (RFC 4291 section 2.5.1), or as near for IPv4.
fn are_near(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..3] == other.octets()[..3],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..4] == other.segments()[..4],
        _ => false,
    }
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
