//! Addresses that several MACs speak for, and which of these are devices in conflict.
//!
//! A conflict is alternation: each of two devices goes on to speak for the address though the other has it too. One after the
//! other is a device exchanged; a few announced hand-overs are a pair that stands in for each other.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::arp::proxies;
use crate::capture::Timestamp;
use crate::decode::{MacAddr, VlanPath, is_first_hop};
use crate::flow::{Claimed, Speaker, Window};
use crate::verdict::Observations;

/// MACs of one address that are told apart.
const MOST_SPEAKERS: usize = 64;
/// Hand-overs of a pair that stands in for each other, at most; without an announcement it is a device exchanged, once.
const HANDFUL: u64 = 4;
/// A MAC that answers for as many others, and only answers, is their proxy (RFC 1027).
const PROXIED: usize = 3;
/// Who asks a device that shows each of them one of its MACs, at least.
const LISTENERS: usize = 3;

/// What the MACs of a group that shares an address on purpose begin with: it is no device's own.
const SHARED: [&[u8]; 8] = [
    // VRRP (RFC 9568 section 7.3) for IPv4 and IPv6, and CARP.
    &[0x00, 0x00, 0x5e, 0x00, 0x01],
    &[0x00, 0x00, 0x5e, 0x00, 0x02],
    // Cisco's HSRP, version 1, version 2, and for IPv6.
    &[0x00, 0x00, 0x0c, 0x07, 0xac],
    &[0x00, 0x00, 0x0c, 0x9f],
    &[0x00, 0x05, 0x73, 0xa0],
    // Cisco's GLBP.
    &[0x00, 0x07, 0xb4, 0x00],
    // Microsoft's network load balancing.
    &[0x02, 0xbf],
    &[0x03, 0xbf],
];

fn is_shared(mac: MacAddr) -> bool {
    SHARED.iter().any(|prefix| mac.0.starts_with(prefix))
}

/// Who speaks for one address on one VLAN path.
#[derive(Default)]
struct Contest {
    speakers: BTreeMap<MacAddr, Speaker>,
    /// When each sent frames from it.
    sent: BTreeMap<MacAddr, Window>,
    /// When each claimed it, or began to send from it, in the order of time.
    order: Vec<Claimed>,
    /// Whether there may have been more claims.
    is_beginning: bool,
    /// Whom each has answered.
    listeners: BTreeMap<MacAddr, BTreeSet<IpAddr>>,
}

type Contests = BTreeMap<(IpAddr, VlanPath), Contest>;

/// The MACs of each address that are of devices in conflict, and when each spoke for it.
pub(super) fn conflicts(seen: &Observations<'_>) -> BTreeMap<IpAddr, BTreeMap<MacAddr, Window>> {
    let mut conflicts: BTreeMap<IpAddr, BTreeMap<MacAddr, Window>> = BTreeMap::new();
    let mut contests = claimed(seen);
    let shared: HashSet<IpAddr> =
        seen.hosts.iter().filter(|host| !host.more_macs.is_empty()).map(|host| host.address).collect();
    if contests.is_empty() && shared.is_empty() {
        return conflicts;
    }
    let sent = MacUse::of(seen, &shared);
    let mut others = proxies(seen);
    others.extend(answering_for_others(&contests, &sent.own));
    let forgers = answering_unasked(seen, &contests);
    others.extend(&sent.routers);
    others.retain(|mac| !forgers.contains(mac));
    let own = sent.own_and_claimed(seen);
    for (key, sent) in sent.contested(&own) {
        match contests.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(sent);
            }
            Entry::Occupied(mut entry) => entry.get_mut().add(sent),
        }
    }
    for contest in contests.values_mut() {
        contest.speakers.retain(|mac, _| !others.contains(mac) && !is_shared(*mac));
        while contest.speakers.len() > MOST_SPEAKERS {
            contest.speakers.pop_last();
        }
    }
    contests.retain(|_, contest| contest.speakers.len() > 1);
    let devices = MacUses::of(seen, &own, &contests, &forgers);
    for ((address, _), contest) in &contests {
        let device = devices.group(*address, contest);
        for (mac, window) in contest.in_conflict(&device) {
            let held = conflicts.entry(*address).or_default().entry(mac).or_insert(Window::NONE);
            *held = held.and(window);
        }
    }
    conflicts
}

/// Addresses that more than one MAC claims on one VLAN path.
fn claimed(seen: &Observations<'_>) -> Contests {
    let claims = &seen.evidence.claims;
    let mut contests = Contests::new();
    // They come in their order: most addresses have one, and are not kept.
    let mut speakers = claims.speakers().peekable();
    let mut before = false;
    while let Some(((vlan, address, mac), speaker)) = speakers.next() {
        let again = speakers.peek().is_some_and(|((next, at, _), _)| (next, at) == (vlan, address));
        if before || again {
            contests.entry((*address, vlan.clone())).or_default().speakers.insert(*mac, *speaker);
        }
        before = again;
    }
    if contests.is_empty() {
        return contests;
    }
    for ((address, vlan), contest) in &mut contests {
        let (order, is_beginning) = claims.order(vlan, *address);
        (contest.order, contest.is_beginning) = (order.to_vec(), is_beginning);
    }
    for ((vlan, address, mac), asker) in claims.listeners() {
        if let Some(contest) = contests.get_mut(&(*address, vlan.clone())) {
            contest.listeners.entry(*mac).or_default().insert(asker);
        }
    }
    contests
}

/// MACs that do nothing but answer for several others: whoever has an address asks for others from it, or sends from it.
fn answering_for_others(contests: &Contests, own: &OwnAddresses) -> BTreeSet<MacAddr> {
    let mut owners: BTreeMap<MacAddr, BTreeSet<MacAddr>> = BTreeMap::new();
    for ((address, _), contest) in contests {
        for (mac, speaker) in &contest.speakers {
            let sends = || own.get(mac).is_some_and(|own| own.contains(address));
            if speaker.broadcasts > 0 || !contest.listeners.contains_key(mac) || sends() {
                continue;
            }
            let owners = owners.entry(*mac).or_default();
            owners.extend(contest.speakers.keys().filter(|other| *other != mac).take(PROXIED));
        }
    }
    owners.into_iter().filter(|(_, owners)| owners.len() >= PROXIED).map(|(mac, _)| mac).collect()
}

/// MACs that tell others unasked, for most addresses that are contested, that these are theirs: no proxy does, but whoever
/// wants to stand in the middle.
fn answering_unasked(seen: &Observations<'_>, contests: &Contests) -> BTreeSet<MacAddr> {
    let mut addresses: BTreeMap<MacAddr, [usize; 2]> = BTreeMap::new();
    for ((address, _), contest) in contests {
        let IpAddr::V4(address) = *address else { continue };
        // An answer may have been captured twice.
        let explained = seen.neighbours.asked(address).saturating_mul(2);
        for (mac, speaker) in &contest.speakers {
            let is_unasked = speaker.broadcasts == 0 && speaker.window.count > explained;
            addresses.entry(*mac).or_default()[usize::from(is_unasked)] += 1;
        }
    }
    addresses.into_iter().filter(|(_, [asked, unasked])| unasked > asked).map(|(mac, _)| mac).collect()
}

impl Contest {
    /// Adds what the frames of its speakers tell.
    fn add(&mut self, sent: Self) {
        for (mac, speaker) in sent.speakers {
            self.speakers.entry(mac).or_insert(speaker);
        }
        self.sent = sent.sent;
        self.order.extend(sent.order);
        self.order.sort_unstable();
    }

    /// The MACs in conflict, if each is of the device that a list names.
    fn in_conflict<'a>(&'a self, device: &[usize]) -> impl Iterator<Item = (MacAddr, Window)> + use<'a> {
        let macs: Vec<(MacAddr, Window)> = self.speakers.iter().map(|(mac, speaker)| (*mac, speaker.window)).collect();
        let of: BTreeMap<MacAddr, usize> = self.speakers.keys().copied().zip(device.iter().copied()).collect();
        let pairs = self.turns(&of);
        let conflict = |(mac, window): &(MacAddr, Window), (rival, other): &(MacAddr, Window)| {
            let (a, b) = (of[mac], of[rival]);
            a != b
                && match pairs.get(&(a.min(b), a.max(b))) {
                    Some(turns) if is_alternation(*turns) => true,
                    // Who stands in for another announces itself: of others, both send at one time only if there are two.
                    Some(turns) if !self.is_beginning => {
                        let sent = self.sent.get(mac).zip(self.sent.get(rival));
                        turns.count > turns.announced && sent.is_some_and(|(one, other)| overlap(one, other))
                    }
                    _ => overlap(window, other),
                }
        };
        let is_in_one: Vec<bool> = macs.iter().map(|one| macs.iter().any(|other| conflict(one, other))).collect();
        macs.into_iter().zip(is_in_one).filter(|(_, is_in_one)| *is_in_one).map(|(one, _)| one)
    }

    /// How often one device took the address over from another, by both.
    fn turns(&self, device: &BTreeMap<MacAddr, usize>) -> BTreeMap<(usize, usize), Turns> {
        let mut all: BTreeMap<(usize, usize), Turns> = BTreeMap::new();
        // Who has the address; and if it took it over, when and from whom.
        let mut holder: Option<(usize, Option<(Timestamp, usize)>)> = None;
        let mut known = BTreeSet::new();
        for (time, mac, announces) in &self.order {
            let Some(to) = device.get(mac).copied() else { continue };
            let (from, taken) = *holder.get_or_insert((to, None));
            let is_known = !known.insert(to);
            let soon = taken.filter(|(taken, _)| is_soon(*taken, *time));
            // What the one before had sent already may still come.
            if from == to || soon.is_some_and(|(_, before)| before == to && !announces) {
                continue;
            }
            let turns = all.entry((from.min(to), from.max(to))).or_default();
            turns.count += 1;
            turns.announced += u64::from(*announces);
            turns.quick += u64::from(*announces && soon.is_some());
            turns.silent_returns += u64::from(!announces && is_known);
            holder = Some((to, Some((*time, from))));
        }
        all
    }

    /// The MACs of a device that shows each asker always the same one of them, as a bond does that balances what it
    /// receives: its questions to all come from one MAC.
    fn balanced(&self) -> Vec<MacAddr> {
        let mut told_by: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for asker in self.speakers.keys().filter_map(|mac| self.listeners.get(mac)).flatten() {
            *told_by.entry(*asker).or_default() += 1;
        }
        let is_alone = |askers: &BTreeSet<IpAddr>| askers.iter().all(|asker| told_by.get(asker) == Some(&1));
        let alone: Vec<(MacAddr, &BTreeSet<IpAddr>, u64)> = self
            .speakers
            .iter()
            .filter_map(|(mac, speaker)| Some((*mac, self.listeners.get(mac)?, speaker.broadcasts)))
            .filter(|(_, askers, _)| is_alone(askers))
            .collect();
        let asked_by: usize = alone.iter().map(|(_, askers, _)| askers.len()).sum();
        let asking = alone.iter().filter(|(.., broadcasts)| *broadcasts > 0).count();
        if asked_by < LISTENERS || asking > 1 {
            return Vec::new();
        }
        alone.into_iter().map(|(mac, ..)| mac).collect()
    }
}

/// How often an address went over from one device to another, or back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Turns {
    count: u64,
    /// Of these, by saying to all that the address is there now, as a device that stands in for another does.
    announced: u64,
    /// Of those, from a device that had taken it over itself no more than two seconds before.
    quick: u64,
    /// By one that had had it before and goes on without a word: it never left.
    silent_returns: u64,
}

/// Nanoseconds for which who took an address over keeps it at least, if nobody defends it: who is alive does so at once (RFC
/// 5227 section 2.4).
const DEFENCE: i64 = 2_000_000_000;

fn is_soon(taken: Timestamp, lost: Timestamp) -> bool {
    let had = taken.nanos().zip(lost.nanos()).map(|(taken, lost)| lost.saturating_sub(taken));
    had.is_some_and(|had| (0..=DEFENCE).contains(&had))
}

fn overlap(one: &Window, other: &Window) -> bool {
    one.begin.time <= other.end && other.begin.time <= one.end
}

/// Whether an address that went over from one to the other so often is held by both.
const fn is_alternation(turns: Turns) -> bool {
    turns.quick > 0 || turns.silent_returns > 0 || turns.count > HANDFUL
}

/// The addresses that MACs have, as far as they are told apart.
type OwnAddresses = BTreeMap<MacAddr, BTreeSet<IpAddr>>;

/// What frames tell of MACs: whose addresses they send from.
#[derive(Default)]
struct MacUse {
    /// Addresses that each MAC sends from itself: no router has handed those frames on.
    own: OwnAddresses,
    /// MACs that hand on what others send.
    routers: HashSet<MacAddr>,
    /// Of addresses that several MACs send from, who does on one VLAN path.
    senders: BTreeMap<(IpAddr, VlanPath), Senders>,
}

/// Who sends from an address, and when each flow of it began.
type Senders = (BTreeMap<MacAddr, Window>, Vec<Claimed>);

/// Addresses of one MAC that are told apart.
const MOST_OWN: usize = 8;

fn note(all: &mut OwnAddresses, mac: MacAddr, address: IpAddr) {
    let known = all.entry(mac).or_default();
    if known.len() < MOST_OWN {
        known.insert(address);
    }
}

impl MacUse {
    fn of(seen: &Observations<'_>, shared: &HashSet<IpAddr>) -> Self {
        let mut sent = Self::default();
        let mut handed_on = OwnAddresses::new();
        for flow in seen.flows.iter() {
            for end in flow.ends.iter().filter(|end| end.packets() > 0) {
                let Some(mac) = end.source_mac() else { continue };
                // Whoever has no address yet sends from this one.
                if end.address.is_unspecified() || end.address.is_loopback() {
                    continue;
                }
                // How far it came is not known of all: that is no proof of a router.
                let is_own = end.hops() == 0 || is_first_hop(end.hops());
                note(if is_own { &mut sent.own } else { &mut handed_on }, mac, end.address);
                if is_own && shared.contains(&end.address) {
                    let once = Window {
                        first: end.first(),
                        last: end.last(),
                        begin: end.begin(),
                        end: end.end(),
                        count: end.packets(),
                    };
                    let (senders, begins) = sent.senders.entry((end.address, flow.vlan())).or_default();
                    let held = senders.entry(mac).or_insert(Window::NONE);
                    *held = held.and(once);
                    begins.push((end.begin().time, mac, false));
                }
            }
        }
        sent.routers = handed_on.into_iter().filter(|(_, hosts)| hosts.len() > 1).map(|(mac, _)| mac).collect();
        sent
    }

    /// Addresses that each MAC sends from itself, or claims.
    fn own_and_claimed(&self, seen: &Observations<'_>) -> OwnAddresses {
        let mut own = self.own.clone();
        seen.evidence.claims.speakers().for_each(|((_, address, mac), _)| note(&mut own, *mac, *address));
        own
    }

    /// Addresses that more than one MAC sends from on one VLAN path.
    fn contested(&self, own: &OwnAddresses) -> Contests {
        // Who has another IPv4 address is a router, and this one lies behind it: its own it would claim by ARP.
        let others = |address: IpAddr, mac: &MacAddr| {
            let own = own.get(mac).into_iter().flatten();
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

/// Which MACs are of one device: those that share another address, a DHCP client identifier or an LLDP chassis.
struct MacUses<'a> {
    marks: BTreeMap<MacAddr, BTreeSet<Mark>>,
    forgers: &'a BTreeSet<MacAddr>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Address(IpAddr),
    Client(u64),
    Chassis(String),
    /// Of one address: [`Contest::balanced`].
    Balanced,
}

/// Marks of one MAC that are told apart: each is looked at for each address that is contested.
const MOST_MARKS: usize = 3 * MOST_OWN;

impl<'a> MacUses<'a> {
    fn of(seen: &Observations<'_>, own: &OwnAddresses, contests: &Contests, forgers: &'a BTreeSet<MacAddr>) -> Self {
        let mut marks: BTreeMap<MacAddr, BTreeSet<Mark>> =
            contests.values().flat_map(|contest| contest.speakers.keys()).map(|mac| (*mac, BTreeSet::new())).collect();
        let mut note = |mac: &MacAddr, mark: Mark| {
            if let Some(marks) = marks.get_mut(mac).filter(|marks| marks.len() < MOST_MARKS) {
                marks.insert(mark);
            }
        };
        for (mac, addresses) in own {
            addresses.iter().for_each(|address| note(mac, Mark::Address(*address)));
        }
        for ((mac, _), exchange) in seen.evidence.dhcp() {
            if let Some(identifier) = exchange.identifier {
                note(mac, Mark::Client(identifier));
            }
        }
        for ((_, mac, unit), _) in seen.evidence.lldp_units() {
            note(mac, Mark::Chassis(unit.chassis.clone()));
        }
        Self { marks, forgers }
    }

    /// Groups the MACs that speak for an address to devices.
    fn group(&self, address: IpAddr, contest: &Contest) -> Vec<usize> {
        let mut device: Vec<usize> = (0..contest.speakers.len()).collect();
        let mut by_mark: BTreeMap<&Mark, usize> = BTreeMap::new();
        fn root(device: &mut [usize], mut at: usize) -> usize {
            while device[at] != at {
                device[at] = device[device[at]];
                at = device[at];
            }
            at
        }
        // Who tells others unasked that an address is his is no second MAC of its device.
        let is_forged = contest.speakers.keys().any(|mac| self.forgers.contains(mac));
        let balanced = if is_forged { Vec::new() } else { contest.balanced() };
        for (at, mac) in contest.speakers.keys().enumerate() {
            let marks = self.marks.get(mac).into_iter().flatten().filter(|mark| **mark != Mark::Address(address));
            for mark in marks.chain(balanced.contains(mac).then_some(&Mark::Balanced)) {
                let other = *by_mark.entry(mark).or_insert(at);
                let (a, b) = (root(&mut device, at), root(&mut device, other));
                device[a.max(b)] = a.min(b);
            }
        }
        (0..device.len()).map(|at| root(&mut device, at)).collect()
    }
}
