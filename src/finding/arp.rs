//! What ARP (RFC 826) and neighbour solicitations (RFC 4861) say of hosts.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::Who;
use super::mac_use::MacUse;
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::{Seen, Window};
use crate::verdict::Observations;

/// A MAC that answers by ARP for more addresses than this does so for others (proxy ARP, RFC 1027).
const MOST_CLAIMED: usize = 4;

/// MACs that answer by ARP for more addresses than a device has. Who asks from an address, or announces it, has it.
pub(super) fn proxies(seen: &Observations<'_>) -> HashSet<MacAddr> {
    let mut answered: HashMap<MacAddr, HashSet<IpAddr>> = HashMap::new();
    for ((_, address, mac), speaker) in seen.evidence.claims.speakers() {
        if address.is_ipv4() && speaker.broadcasts == 0 {
            answered.entry(*mac).or_default().insert(*address);
        }
    }
    answered.into_iter().filter(|(_, addresses)| addresses.len() > MOST_CLAIMED).map(|(mac, _)| mac).collect()
}

/// MACs that hand on what others send, and answer by ARP for more than one address: which of these are their own, and which
/// lie behind them, nobody can tell.
pub(super) fn handing_on(seen: &Observations<'_>) -> HashSet<MacAddr> {
    let mut answered: HashMap<MacAddr, IpAddr> = HashMap::new();
    let mut several = HashSet::new();
    for ((_, address, mac), _) in seen.evidence.claims.speakers().filter(|((_, address, _), _)| address.is_ipv4()) {
        if answered.insert(*mac, *address).is_some_and(|before| before != *address) {
            several.insert(*mac);
        }
    }
    if !several.is_empty() {
        let routers = MacUse::of(seen, &HashSet::new()).routers;
        several.retain(|mac| routers.contains(mac));
    }
    several
}

/// What ARP asked in vain and said at one time.
#[derive(Default)]
struct Tick {
    questions: Vec<(Ipv4Addr, Seen)>,
    claims: Vec<IpAddr>,
}

/// Whom each address asks for by ARP again and again, though nobody has it.
pub(super) fn asked_in_vain(seen: &Observations<'_>) -> HashMap<IpAddr, Vec<(Ipv4Addr, Seen)>> {
    let in_vain = seen.neighbours.questions().filter(|(target, asked)| {
        asked.packets > 1 && asked.begin.time.nanos().is_some() && !seen.neighbours.is_claimed(*target)
    });
    let mut at: HashMap<Timestamp, Tick> = HashMap::new();
    for (target, asked) in in_vain {
        at.entry(asked.begin.time).or_default().questions.push((target, asked));
    }
    let mut asks: HashMap<IpAddr, Vec<(Ipv4Addr, Seen)>> = HashMap::new();
    if at.is_empty() {
        return asks;
    }
    // Who asks says its own address at that moment.
    for (address, claims) in seen.evidence.claims.orders() {
        for (time, ..) in claims {
            if let Some(tick) = at.get_mut(time) {
                tick.claims.push(address);
            }
        }
    }
    // Where clocks are coarse, what others said at the same time may be the reason for it.
    for tick in at.into_values() {
        if let ([asked], [address]) = (&tick.questions[..], &tick.claims[..]) {
            asks.entry(*address).or_default().push(*asked);
        }
    }
    asks
}

/// The requests for a host on its link that nobody answered.
pub(super) fn unanswered(seen: &Observations<'_>, address: IpAddr) -> Option<Window> {
    match address {
        IpAddr::V4(address) => seen.neighbours.unanswered(address).map(Seen::window),
        IpAddr::V6(_) => {
            let (asked, claimed, _) = seen.evidence.claims.sought(address)?;
            (claimed == 0).then_some(asked)
        }
    }
}

/// How hosts of an address's family are asked for on their link.
pub(super) const fn asked_by(who: Who) -> &'static str {
    if matches!(who, Who::Address(IpAddr::V6(_))) { "neighbour discovery" } else { "ARP" }
}
