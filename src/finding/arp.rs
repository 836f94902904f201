//! What ARP says of hosts (RFC 826).

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::decode::MacAddr;
use crate::flow::Seen;
use crate::verdict::Observations;

/// A MAC that claims more addresses than this by ARP answers for others (proxy ARP, RFC 1027).
const MOST_CLAIMED: usize = 4;

/// MACs that claim more addresses by ARP than a device has.
pub(super) fn proxies(seen: &Observations<'_>) -> HashSet<MacAddr> {
    let mut claimed: HashMap<MacAddr, usize> = HashMap::new();
    seen.neighbours.claims().for_each(|(_, mac, _)| *claimed.entry(mac).or_default() += 1);
    claimed.into_iter().filter(|(_, count)| *count > MOST_CLAIMED).map(|(mac, _)| mac).collect()
}

/// The ARP requests for a host that nobody answered.
pub(super) fn unanswered(seen: &Observations<'_>, address: IpAddr) -> Option<Seen> {
    match address {
        IpAddr::V4(address) => seen.neighbours.unanswered(address),
        IpAddr::V6(_) => None,
    }
}
