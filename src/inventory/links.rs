//! Which MAC address is whose, and which are routers'.

use std::net::IpAddr;

use super::address::network_part;
use super::bag::Bag;
use crate::capture::FrameId;
use crate::decode::MacAddr;

/// How an address and a MAC were seen together. The first is the best proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Proof {
    /// The host said so itself, by ARP or neighbour discovery.
    Said,
    /// A frame from the address came from the MAC.
    Sent,
    /// A frame to the address went to the MAC.
    Received,
}

/// The MAC addresses seen with each host.
#[derive(Debug)]
pub(super) struct Links {
    seen: Bag<(u32, Proof, FrameId, MacAddr)>,
}

/// A MAC that was seen with more IPv4 addresses than this, or more IPv6 /64 networks, or with any
/// external address, is a router: a host of the site has one address, two when it moved or has an alias.
const MOST_ADDRESSES: usize = 2;

impl Links {
    pub(super) const fn new() -> Self {
        Self { seen: Bag::new() }
    }

    pub(super) fn add(&mut self, host: u32, proof: Proof, frame: FrameId, mac: MacAddr) {
        if !mac.is_group() && mac != MacAddr::default() {
            self.seen.push((host, proof, frame, mac));
        }
    }

    /// The MAC of each host, by its number: the best proved that is no router's. `address` gives a
    /// host's address, if it counts at all, and whether it is external.
    pub(super) fn finish(self, hosts: usize, address: impl Fn(u32) -> Option<(IpAddr, bool)>) -> Vec<Option<MacAddr>> {
        let seen = self.seen.finish();
        let mut parts: Vec<(MacAddr, bool, u128)> = Vec::with_capacity(seen.len());
        let mut routers: Vec<MacAddr> = Vec::new();
        for &(host, _, _, mac) in &seen {
            match address(host) {
                Some((_, true)) => routers.push(mac),
                Some((address, false)) => {
                    parts.extend(network_part(address).map(|part| (mac, address.is_ipv4(), part)));
                }
                None => {}
            }
        }
        parts.sort_unstable();
        parts.dedup();
        let runs = parts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
        routers.extend(runs.filter(|run| run.len() > MOST_ADDRESSES).filter_map(|run| Some(run.first()?.0)));
        routers.sort_unstable();
        routers.dedup();

        let mut macs = vec![None; hosts];
        for &(host, _, _, mac) in &seen {
            if let Some(slot @ None) = macs.get_mut(host as usize)
                && address(host).is_some()
                && routers.binary_search(&mac).is_err()
            {
                *slot = Some(mac);
            }
        }
        macs
    }
}
