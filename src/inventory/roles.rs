//! What the inventory, the address itself and the MAC say of a host's role.

use std::borrow::Cow;
use std::net::IpAddr;

use super::address::{self, AddressKind};
use super::builder::Note;
use super::declared::{Entry, Inventory};
use super::host::{Host, RoleSource};
use super::matcher::Matcher;
use crate::decode::MacAddr;
use crate::policy::Role;

/// Gives a host the role that the inventory or the address itself says; else it stays a host.
pub(super) fn give(host: &mut Host, note: &Note, inventory: &Inventory) {
    let kind = address::kind(host.address);
    match kind {
        AddressKind::Group => return by_address(host, Role::Group, "multicast or broadcast address"),
        AddressKind::Unspecified => return by_address(host, Role::Host, "no address yet"),
        _ => {}
    }
    if let Some(entry) = inventory.by_address(host.address) {
        return by_entry(host, entry);
    }
    // A subnet's directed broadcast.
    if note.only_to_group(inventory.by_block(host.address).is_some()) && host.packets_sent == 0 {
        return by_address(host, Role::Group, "only seen as the destination of broadcast frames");
    }
    let by_mac = || host.mac.and_then(|mac| inventory.by_mac(mac));
    if let Some(entry) = inventory.by_block(host.address).or_else(by_mac) {
        return by_entry(host, entry);
    }
    match kind {
        AddressKind::Loopback => by_address(host, Role::Host, "loopback address"),
        AddressKind::Public if !inventory.is_site(host.address) => {
            by_address(host, Role::External, "public address outside the site");
        }
        _ => {}
    }
}

fn by_address(host: &mut Host, role: Role, basis: &'static str) {
    (host.role, host.source, host.basis) = (role, RoleSource::Address, Cow::Borrowed(basis));
}

fn by_entry(host: &mut Host, entry: &Entry) {
    let place = entry.place.line();
    let basis = match entry.matcher {
        Matcher::Address(_) => place,
        _ => format!("{place} ({})", entry.matcher),
    };
    (host.role, host.source, host.basis) = (entry.role, RoleSource::Declared, basis.into());
    (host.name, host.version) = (entry.name.clone(), entry.version.clone());
}

/// Whether an address is of no host of the site, whatever was seen of it.
pub(super) fn is_external(address: IpAddr, inventory: &Inventory) -> bool {
    address::kind(address) == AddressKind::Public
        && !inventory.is_site(address)
        && inventory.by_address(address).is_none()
        && inventory.by_block(address).is_none()
}

/// Gives each IPv6 address of which nothing is known the role that its MAC's other addresses have: a device has several,
/// and makes up most of them itself (RFC 4862, RFC 8981). A router's MAC stands for nobody behind it.
pub(super) fn share_by_mac(hosts: &mut [Host]) {
    let mut givers: Vec<(MacAddr, IpAddr, usize)> = Vec::new();
    let mut takers: Vec<(MacAddr, usize)> = Vec::new();
    for (at, host) in hosts.iter().enumerate() {
        let Some(mac) = host.mac else { continue };
        if host.role.is_igor() {
            givers.push((mac, host.address, at));
        } else if host.source == RoleSource::Address
            && host.address.is_ipv6()
            && !matches!(
                address::kind(host.address),
                AddressKind::Group | AddressKind::Unspecified | AddressKind::Loopback
            )
        {
            takers.push((mac, at));
        }
    }
    givers.sort_unstable();
    // Two roles at one MAC give none.
    let role = |giver: &(MacAddr, IpAddr, usize)| hosts.get(giver.2).map(|host| host.role);
    let givers: Vec<(MacAddr, usize)> = givers
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same| same.windows(2).all(|pair| role(&pair[0]) == role(&pair[1])))
        .filter_map(|same| same.first().map(|first| (first.0, first.2)))
        .collect();
    for (mac, taker) in takers {
        let giver = givers.binary_search_by_key(&mac, |giver| giver.0).ok().and_then(|at| hosts.get(givers[at].1));
        let Some(first) = giver else { continue };
        let basis = format!("same MAC as {}", first.address);
        let (role, source, confidence) = (first.role, first.source, first.confidence);
        let (name, version) = (first.name.clone(), first.version.clone());
        if let Some(host) = hosts.get_mut(taker) {
            (host.role, host.source, host.confidence) = (role, source, confidence);
            (host.name, host.version, host.basis) = (name, version, basis.into());
        }
    }
}
