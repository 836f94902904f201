//! What frames tell of MACs: whose addresses they send from, and at which MAC they receive.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::contest::{Contest, Contests};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, VlanPath, is_first_hop};
use crate::flow::{Claimed, FlowView, Speaker, SynAnswer, Window};
use crate::protocol::{CoapKind, Tag, Transport, Turn};
use crate::verdict::Observations;

/// The addresses that MACs have, as far as they are told apart, and from when to when each spoke for them.
pub(super) type OwnAddresses = BTreeMap<MacAddr, BTreeMap<IpAddr, (Timestamp, Timestamp)>>;

/// What frames tell of MACs: whose addresses they send from.
#[derive(Default)]
pub(super) struct MacUse {
    /// Addresses that each MAC sends from itself: no router has handed those frames on.
    pub(super) own: OwnAddresses,
    /// MACs that hand on what others send.
    pub(super) routers: HashSet<MacAddr>,
    /// Of addresses that several MACs send from, who does on one VLAN path.
    senders: BTreeMap<(IpAddr, VlanPath), Senders>,
    /// To which MACs others send what is for such an address.
    receivers: BTreeSet<(IpAddr, MacAddr)>,
    /// Which sender received what went to another MAC, if it is heard again at a time; the earliest.
    received: BTreeMap<ReceivesAt, Timestamp>,
}

/// Who sends from an address, and when each flow of it began.
type Senders = (BTreeMap<MacAddr, Window>, Vec<Claimed>);

/// An address on a VLAN path, the MAC that sent from it, and the one that it received at.
type ReceivesAt = ((IpAddr, VlanPath), MacAddr, MacAddr);

/// Addresses of one MAC that are told apart.
pub(super) const MOST_OWN: usize = 8;

/// Nanoseconds within which an answer is one to the first question, not to its repetition.
const AT_ONCE: i64 = 1_000_000_000;
/// CoAP's ACK_TIMEOUT times ACK_RANDOM_FACTOR in nanoseconds, and MAX_RETRANSMIT (RFC 7252 section 4.8): who hears no
/// answer repeats within that, twice that, and so on.
const COAP_TIMEOUT: i64 = 3_000_000_000;
const COAP_REPEATS: u64 = 4;

fn note(all: &mut OwnAddresses, mac: MacAddr, address: IpAddr, (begin, end): (Timestamp, Timestamp)) {
    let known = all.entry(mac).or_default();
    if let Some(times) = known.get_mut(&address) {
        *times = (times.0.min(begin), times.1.max(end));
    } else if known.len() < MOST_OWN {
        known.insert(address, (begin, end));
    }
}

impl MacUse {
    pub(super) fn of(seen: &Observations<'_>, shared: &HashSet<IpAddr>) -> Self {
        let mut sent = Self::default();
        let mut handed_on = OwnAddresses::new();
        for flow in seen.flows.iter() {
            for (side, end) in flow.ends.iter().enumerate() {
                if shared.contains(&end.address) {
                    let to = flow.ends[1 - side].destination_mac();
                    sent.receivers.extend(to.map(|to| (end.address, to)));
                }
                let Some(mac) = end.source_mac().filter(|_| end.packets() > 0) else { continue };
                // Whoever has no address yet sends from this one.
                if end.address.is_unspecified() || end.address.is_loopback() {
                    continue;
                }
                // How far it came is not known of all: that is no proof of a router.
                let is_own = end.hops() == 0 || is_first_hop(end.hops());
                let all = if is_own { &mut sent.own } else { &mut handed_on };
                note(all, mac, end.address, (end.begin().time, end.end()));
                if is_own && shared.contains(&end.address) {
                    sent.note_sender(&flow, side, mac);
                }
            }
        }
        sent.routers = handed_on.into_iter().filter(|(_, hosts)| hosts.len() > 1).map(|(mac, _)| mac).collect();
        sent
    }

    fn note_sender(&mut self, flow: &FlowView<'_>, side: usize, mac: MacAddr) {
        let end = &flow.ends[side];
        let once =
            Window { first: end.first(), last: end.last(), begin: end.begin(), end: end.end(), count: end.packets() };
        let key = (end.address, flow.vlan().network());
        if let Some((at, heard)) = received(flow, side).filter(|(at, _)| *at != mac) {
            let earliest = self.received.entry((key.clone(), mac, at)).or_insert(heard);
            *earliest = heard.min(*earliest);
        }
        let (senders, begins) = self.senders.entry(key).or_default();
        let held = senders.entry(mac).or_insert(Window::NONE);
        *held = held.and(once);
        begins.push((end.begin().time, mac, false));
    }

    /// Addresses that each MAC sends from itself, or claims.
    pub(super) fn own_and_claimed(&self, seen: &Observations<'_>) -> OwnAddresses {
        let mut own = self.own.clone();
        for ((_, address, mac), speaker) in seen.evidence.claims.speakers() {
            note(&mut own, *mac, *address, (speaker.window.begin.time, speaker.window.end));
        }
        own
    }

    /// Which MACs only send from an address, and the one at which they receive: adapters of a team that sends by all of
    /// them and is known by one, as switch-independent teams are. None of those claims the address itself, nothing is sent
    /// there, and what went to the other one was received.
    pub(super) fn teams(&self, seen: &Observations<'_>, own: &OwnAddresses) -> BTreeSet<(IpAddr, MacAddr, MacAddr)> {
        let has = |mac: &MacAddr, address: &IpAddr| own.get(mac).is_some_and(|own| own.contains_key(address));
        let is_heard = |((key, mac, _), time): &(&ReceivesAt, &Timestamp)| {
            let sent = self.senders.get(key).and_then(|(macs, _)| macs.get(mac));
            sent.is_some_and(|window| window.end >= **time)
        };
        let proven = self.received.iter().filter(is_heard).map(|(((address, _), mac, at), _)| (*address, *mac, *at));
        let mut teams: BTreeSet<_> = proven
            .filter(|(address, mac, at)| has(at, address) && !self.receivers.contains(&(*address, *mac)))
            .collect();
        if !teams.is_empty() {
            let claims = seen.evidence.claims.speakers();
            let claims: HashSet<_> = claims.map(|((_, address, mac), _)| (*address, *mac)).collect();
            teams.retain(|(address, mac, _)| !claims.contains(&(*address, *mac)));
        }
        teams
    }

    /// Addresses that more than one MAC sends from on one VLAN path.
    pub(super) fn contested(&self, own: &OwnAddresses) -> Contests {
        // Who has another IPv4 address is a router, and this one lies behind it: its own it would claim by ARP.
        let others = |address: IpAddr, mac: &MacAddr| {
            let own = own.get(mac).into_iter().flat_map(BTreeMap::keys);
            own.filter(|own| own.is_ipv4() && **own != address).count()
        };
        let contest = |(key, (macs, begins)): (&(IpAddr, VlanPath), &Senders)| {
            let devices = macs.iter().filter(|(mac, _)| others(key.0, mac) <= usize::from(key.0.is_ipv6()));
            let speaker = |(mac, window): (&MacAddr, &Window)| (*mac, Speaker { window: *window, broadcasts: 0 });
            let speakers: BTreeMap<MacAddr, Speaker> = devices.map(speaker).collect();
            let mut order = begins.clone();
            order.sort_unstable();
            let sent = speakers.iter().map(|(mac, speaker)| (*mac, speaker.window)).collect();
            let contest = Contest { speakers, sent, order, is_beginning: true, ..Contest::default() };
            (contest.speakers.len() > 1).then(|| (key.clone(), contest))
        };
        self.senders.iter().filter_map(contest).collect()
    }
}

/// The MAC to which the other end of a flow sent what this one received, and when this one must be heard again for that.
///
/// Only who received a SYN accepts it, and only who received a SYN-ACK goes on with data; only who received a question
/// answers it at once. Who asks by a confirmable message of CoAP goes on asking until it receives an answer.
fn received(flow: &FlowView<'_>, side: usize) -> Option<(MacAddr, Timestamp)> {
    let (own, other) = (&flow.ends[side & 1], &flow.ends[1 - (side & 1)]);
    let at = other.destination_mac().filter(|mac| other.packets() > 0 && !mac.is_group())?;
    let (begun, end) = (own.begin().time.nanos()?, own.end().nanos()?);
    let late = begun.saturating_sub(other.begin().time.nanos()?);
    let said = Tag::from_raw(own.tag());
    let answers = own.turn() == Turn::Response || matches!(said, Tag::Coap { kind: CoapKind::Empty, .. });
    let calls = matches!(said, Tag::Coap { kind: CoapKind::Request, confirmable: true, .. });
    let sent = own.packets().saturating_sub(own.duplicates());
    let silent = match flow.transport {
        Transport::Tcp if late >= 0 => {
            (other.syns() == 1 && own.syn_acks() > 0 && other.answer() == SynAnswer::Fits).then_some(0)
        }
        Transport::Tcp => {
            let is_accepted = own.syns() == 1 && other.syn_acks() == 1 && own.answer() == SynAnswer::Fits;
            (is_accepted && own.has_payload()).then_some(0)
        }
        _ if late >= 0 => (other.turn() == Turn::Request && answers && late <= AT_ONCE).then_some(0),
        _ => {
            let is_answered = calls && other.replies() && own.unanswered() == 0;
            (is_answered && (1..=COAP_REPEATS).contains(&sent)).then(|| COAP_TIMEOUT << (sent - 1))
        }
    };
    Some((at, Timestamp::from_nanos(end.saturating_add(silent?))))
}
