//! What ARP says of hosts (RFC 826).

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::decode::MacAddr;
use crate::flow::Seen;
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

/// The ARP requests for a host that nobody answered.
pub(super) fn unanswered(seen: &Observations<'_>, address: IpAddr) -> Option<Seen> {
    match address {
        IpAddr::V4(address) => seen.neighbours.unanswered(address),
        IpAddr::V6(_) => None,
    }
}
