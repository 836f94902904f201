//! Whom the findings of a survey.json are about.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::v1;
use super::words::{self, time};
use crate::capture::Timestamp;
use crate::finding::{Kind, Who};
use crate::inventory::{HostId, Hosts};
use crate::policy::FindingKind;

/// Whom findings are about: their cells name the first few only.
pub(super) struct FindingEndpoints<'a> {
    conversations: &'a [v1::Conversation<'static>],
    /// Those that were never heard, by role.
    unheard: BTreeMap<&'a str, Vec<Who>>,
    /// Devices that are silent, and since when.
    silent: BTreeMap<IpAddr, Timestamp>,
}

impl<'a> FindingEndpoints<'a> {
    pub(super) fn of(part: &'a v1::Survey<'static>, hosts: &Hosts) -> Self {
        let mut unheard: BTreeMap<&str, Vec<Who>> = BTreeMap::new();
        for host in part.inventory.iter().filter(|host| !host.heard) {
            unheard.entry(&*host.role).or_default().push(Who::Address(host.address));
        }
        let silent = part.nodes.iter().filter_map(|node| Some((node.address, time(Some(node.silent_since?)))));
        let mut silent: BTreeMap<IpAddr, Timestamp> = silent.collect();
        // Findings may name another address of the device.
        for (host, at) in hosts.iter().zip(0..) {
            let device = hosts.get(hosts.device_of(HostId(at))).address;
            if let Some(since) = silent.get(&device).copied() {
                silent.insert(host.address, since);
            }
        }
        Self { conversations: &part.conversations, unheard, silent }
    }

    /// Clients and servers, and how many more of each there are that nothing names.
    pub(super) fn of_finding(&mut self, row: &v1::Finding<'_>, kind: Kind) -> [(Vec<Who>, u64); 2] {
        // A survey has one such finding for a role: what more a file has keep the few that they name.
        let unheard = match kind {
            Kind::Other(FindingKind::NeverHeard) => {
                row.client_role.as_deref().and_then(|role| self.unheard.remove(role))
            }
            _ => None,
        };
        let meant = || row.conversations.iter().filter_map(|at| self.conversations.get(*at as usize));
        let whole = |(named, more): (Vec<Who>, u64), all: BTreeSet<Who>| {
            let total = more.saturating_add(named.len() as u64);
            if more > 0 && all.len() as u64 == total { (all.into_iter().collect(), 0) } else { (named, more) }
        };
        let clients = match unheard {
            Some(unheard) => unheard.into_iter().collect(),
            None => meant().map(|one| Who::Address(one.client_ip)).collect(),
        };
        let servers = meant().map(|one| Who::Address(one.server_ip)).collect();
        [whole(words::who(row.client.as_ref()), clients), whole(words::who(row.server.as_ref()), servers)]
    }

    /// Whether it is the clients that went silent, and since when.
    pub(super) fn silence(&self, clients: &[Who], servers: &[Who]) -> (bool, Timestamp) {
        let since = |all: &[Who]| {
            let of = |who: &Who| match who {
                Who::Address(address) => self.silent.get(address).copied(),
                Who::Mac(_) => None,
            };
            all.iter().filter_map(of).min()
        };
        let of_servers = since(servers).map(|since| (false, since));
        of_servers.or_else(|| Some((true, since(clients)?))).unwrap_or((false, Timestamp::UNKNOWN))
    }
}
