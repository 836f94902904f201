//! Addresses that several MACs speak for, and which of these are devices in conflict.
//!
//! A conflict is alternation: each of two devices goes on to speak for the address though the other has it too. One after the
//! other is a device exchanged; a few announced hand-overs are a pair that stands in for each other.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::arp::proxies;
use super::mac_use::{MacUse, OwnAddresses};
use super::one_device::DeviceMarks;
use crate::capture::Timestamp;
use crate::decode::{MacAddr, VlanPath};
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

/// Whether a MAC is that of a group which shares an address on purpose, and no device's own: of routers, or of Microsoft's network
/// load balancing.
fn is_shared(mac: MacAddr) -> bool {
    mac.is_of_routers() || matches!(mac.0, [0x02 | 0x03, 0xbf, ..])
}

/// Who speaks for one address on one VLAN path.
#[derive(Default)]
pub(super) struct Contest {
    pub(super) speakers: BTreeMap<MacAddr, Speaker>,
    /// When each sent frames from it.
    pub(super) sent: BTreeMap<MacAddr, Window>,
    /// When each claimed it, or began to send from it, in the order of time.
    pub(super) order: Vec<Claimed>,
    /// Whether there may have been more claims.
    pub(super) is_beginning: bool,
    /// When DHCP gave it to each as one that begins anew.
    pub(super) given: BTreeSet<(Timestamp, MacAddr)>,
    /// Whom each has answered.
    pub(super) listeners: BTreeMap<MacAddr, BTreeSet<IpAddr>>,
}

pub(super) type Contests = BTreeMap<(IpAddr, VlanPath), Contest>;

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
    let mut teams = sent.teams(seen, &own);
    teams.retain(|(.., receiver)| !others.contains(receiver));
    let devices = DeviceMarks::of(seen, &own, teams, &contests, &forgers);
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
    let given = given(seen);
    for ((address, vlan), contest) in &mut contests {
        let (order, is_beginning) = claims.order(vlan, *address);
        (contest.order, contest.is_beginning) = (order.to_vec(), is_beginning);
        contest.given = given.get(address).cloned().unwrap_or_default();
    }
    for ((vlan, address, mac), asker) in claims.listeners() {
        if let Some(contest) = contests.get_mut(&(*address, vlan.clone())) {
            contest.listeners.entry(*mac).or_default().insert(asker);
        }
    }
    contests
}

/// Which addresses DHCP gave to clients that begin anew, when and to whom: whoever goes on with an address only renews it.
fn given(seen: &Observations<'_>) -> BTreeMap<IpAddr, BTreeSet<(Timestamp, MacAddr)>> {
    let mut given: BTreeMap<IpAddr, BTreeSet<(Timestamp, MacAddr)>> = BTreeMap::new();
    for transaction in seen.evidence.transactions() {
        if let Some(leased) = transaction.said.leased.as_ref().filter(|_| transaction.said.begun().count > 0) {
            given.entry(leased.what.into()).or_default().insert((leased.at.time, transaction.client));
        }
    }
    given
}

/// MACs that do nothing but answer for several others: whoever has an address asks for others from it, or sends from it.
fn answering_for_others(contests: &Contests, own: &OwnAddresses) -> BTreeSet<MacAddr> {
    let mut owners: BTreeMap<MacAddr, BTreeSet<MacAddr>> = BTreeMap::new();
    for ((address, _), contest) in contests {
        for (mac, speaker) in &contest.speakers {
            let sends = || own.get(mac).is_some_and(|own| own.contains_key(address));
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
        let leased: BTreeSet<usize> = self.given.iter().filter_map(|(_, client)| device.get(client).copied()).collect();
        // When who has it spoke for it last; and whether the MAC that a group shares announced itself since.
        let (mut last, mut is_shared_anew) = (Timestamp::UNKNOWN, false);
        for (time, mac, announces) in &self.order {
            is_shared_anew |= *announces && is_shared(*mac);
            let Some(to) = device.get(mac).copied() else { continue };
            let (from, taken) = *holder.get_or_insert((to, None));
            let is_known = !known.insert(to);
            if from == to {
                (last, is_shared_anew) = (*time, false);
                continue;
            }
            let soon = taken.filter(|(taken, _)| is_soon(*taken, *time));
            // What the one before had sent already may still come.
            if soon.is_some_and(|(_, before)| before == to && !announces) {
                continue;
            }
            let gives = |(_, client): &(Timestamp, MacAddr)| device.get(client) == Some(&to);
            let is_given = || self.given.range((last, MacAddr([0; 6]))..=(*time, MacAddr([0xff; 6]))).any(gives);
            // From one that has its address by hand DHCP takes none.
            let is_handed_over = *announces || is_shared_anew || leased.contains(&from) && is_given();
            let turns = all.entry((from.min(to), from.max(to))).or_default();
            turns.count += 1;
            turns.announced += u64::from(is_handed_over);
            turns.quick += u64::from(*announces && soon.is_some());
            turns.silent_returns += u64::from(!is_handed_over && is_known);
            holder = Some((to, Some((*time, from))));
            (last, is_shared_anew) = (*time, false);
        }
        all
    }

    /// MACs that hold the address against each other, as no two of one device do: one announces at once that it is still there
    /// (RFC 5227 section 2.4), which is said of each; or both ask from it in alternation: a device with two adapters on one
    /// network answers by both, and asks by one.
    pub(super) fn disputing(&self) -> BTreeMap<MacAddr, bool> {
        let macs: Vec<MacAddr> = self.speakers.keys().copied().collect();
        let mut announced: BTreeMap<MacAddr, u64> = BTreeMap::new();
        for (_, mac, announces) in &self.order {
            *announced.entry(*mac).or_default() += u64::from(*announces);
        }
        let asks = |mac: &MacAddr| self.speakers[mac].broadcasts > announced.get(mac).copied().unwrap_or(0);
        let mut disputing = BTreeMap::new();
        for ((a, b), turns) in self.turns(&macs.iter().copied().zip(0..).collect()) {
            let (both, defends) = ([macs[a], macs[b]], turns.quick > 0);
            if defends || turns.silent_returns > 0 && turns.count > HANDFUL && both.iter().all(asks) {
                both.into_iter().for_each(|mac| *disputing.entry(mac).or_default() |= defends);
            }
        }
        disputing
    }

    /// The MACs of a device that shows each asker always the same one of them, as a bond does that balances what it
    /// receives: its questions to all come from one MAC.
    pub(super) fn balanced(&self) -> Vec<MacAddr> {
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
    /// Of these, by saying to all that the address is there now, as a device that stands in for another does, or by DHCP.
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
