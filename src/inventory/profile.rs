//! The contacts of each host, gathered by service and side.

use std::fmt::Write as _;

use rayon::prelude::*;

use super::candidate::HUB_PEERS;
use super::contacts::Contacts;
use super::services::{Service, Services};

/// Which end of a contact a host was.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum ContactEnd {
    Client,
    Server,
}

impl ContactEnd {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// With how many hosts a service was tried, and with how many something came of it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Count {
    pub(super) tried: u32,
    pub(super) worked: u32,
}

/// What one unit (the addresses of one host) had to do with the others.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) unit: u32,
    /// Its part of [`Profiles::links`].
    links: std::ops::Range<usize>,
    counts: [[Count; 2]; Service::ALL.len()],
    /// Units with which it had to do in the lighting's services, ascending.
    pub(super) peers: Vec<u32>,
    /// Units with which it spoke BACnet, ascending.
    pub(super) bacnet_peers: Vec<u32>,
    /// Whether it sent BACnet to a group.
    pub(super) bacnet_to_group: bool,
}

impl Profile {
    pub(super) fn side(&self, service: Service, side: ContactEnd) -> Count {
        self.counts.get(service as usize).and_then(|sides| sides.get(side as usize)).copied().unwrap_or_default()
    }

    /// Whether it asks several hosts for files, and in vain for what nodes are asked, as who does that looks for open ports.
    pub(super) fn is_scanner(&self) -> bool {
        let asks_several = |service| self.side(service, ContactEnd::Client).tried as usize >= HUB_PEERS;
        let is_vain = |service| asks_several(service) && self.side(service, ContactEnd::Client).worked == 0;
        asks_several(Service::Tftp) && is_vain(Service::Firmware) && is_vain(Service::Configuration)
    }

    pub(super) fn speaks_bacnet(&self) -> bool {
        self.bacnet_to_group || !self.bacnet_peers.is_empty()
    }
}

/// The profiles of all units that had any contact, by unit, ascending.
#[derive(Debug)]
pub(super) struct Profiles<'a> {
    services: &'a Services,
    list: Vec<Profile>,
    /// Where each unit's profile stands in the list, plus one; 0 for none.
    places: Vec<u32>,
    /// (unit, service, side) and the other unit and whether it worked, in this order.
    links: Vec<(u32, Service, ContactEnd)>,
    others: Vec<(u32, bool)>,
}

impl<'a> Profiles<'a> {
    /// From contacts between hosts that take part, `units` of which say whose evidence is whose.
    pub(super) fn new(
        contacts: &'a Contacts,
        units: &[u32],
        takes_part: impl Fn(u32) -> bool,
        is_group: impl Fn(u32) -> bool,
    ) -> Self {
        let mut all: Vec<((u32, Service, ContactEnd), u32, bool)> = Vec::new();
        let mut to_group: Vec<u32> = Vec::new();
        for contact in &contacts.list {
            if !takes_part(contact.client) {
                continue;
            }
            let unit = |host: u32| units.get(host as usize).copied().unwrap_or(host);
            let (client, server) = (unit(contact.client), unit(contact.server));
            if takes_part(contact.server) && client != server {
                all.push(((client, contact.service, ContactEnd::Client), server, contact.worked));
                all.push(((server, contact.service, ContactEnd::Server), client, contact.worked));
            } else if contact.service == Service::Bacnet && is_group(contact.server) {
                to_group.push(client);
            }
        }
        // As numbers. Of two addresses of one host, one may have worked: it comes first, and stays.
        let place = |((unit, service, side), other, worked): &((u32, Service, ContactEnd), u32, bool)| {
            let of_unit = u128::from(*unit) << 56 | (*service as u128) << 48 | (*side as u128) << 40;
            of_unit | u128::from(*other) << 8 | u128::from(!worked)
        };
        all.par_sort_unstable_by_key(place);
        all.dedup_by_key(|link| place(link) >> 8);
        to_group.sort_unstable();
        to_group.dedup();
        let mut members: Vec<u32> = all.iter().map(|link| link.0.0).chain(to_group.iter().copied()).collect();
        members.sort_unstable();
        members.dedup();

        let mut start = 0;
        let shares: Vec<std::ops::Range<usize>> = members
            .iter()
            .map(|unit| {
                let own = all.get(start..).unwrap_or_default();
                // Counted, not searched for: a search would look all over the rest.
                let count = own.iter().take_while(|link| link.0.0 == *unit).count();
                let links = start..start + count;
                start = links.end;
                links
            })
            .collect();
        let one = |(unit, links): (u32, std::ops::Range<usize>)| {
            let own = all.get(links.clone()).unwrap_or_default();
            profile(unit, own, links, to_group.binary_search(&unit).is_ok())
        };
        let list: Vec<Profile> = members.into_par_iter().zip(shares).map(one).collect();
        let (links, others) = all.into_iter().map(|(key, other, worked)| (key, (other, worked))).unzip();
        let mut places = vec![0; list.last().map_or(0, |last: &Profile| last.unit as usize + 1)];
        for (profile, place) in list.iter().zip(1..) {
            places[profile.unit as usize] = place;
        }
        Self { services: &contacts.services, list, places, links, others }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.list.iter()
    }

    /// The same, for all threads of the pool.
    pub(super) fn par_iter(&self) -> impl ParallelIterator<Item = &Profile> {
        self.list.par_iter()
    }

    pub(super) fn of(&self, unit: u32) -> Option<&Profile> {
        let place = self.places.get(unit as usize)?.checked_sub(1)?;
        self.list.get(place as usize)
    }

    /// The other units of one service and side, and whether anything came of it.
    pub(super) fn peers(&self, profile: &Profile, service: Service, side: ContactEnd) -> &[(u32, bool)] {
        let links = self.links.get(profile.links.clone()).unwrap_or_default();
        let key = (profile.unit, service, side);
        let from = links.partition_point(|link| *link < key);
        let to = links.partition_point(|link| *link <= key);
        let base = profile.links.start;
        self.others.get(base + from..base + to).unwrap_or_default()
    }

    /// The median number of peers of some units; the upper of the two in the middle.
    pub(super) fn median_degree(&self, units: &[u32]) -> usize {
        let mut degrees: Vec<usize> =
            units.iter().map(|unit| self.of(*unit).map_or(0, |profile| profile.peers.len())).collect();
        let middle = degrees.len() / 2;
        if degrees.is_empty() { 0 } else { *degrees.select_nth_unstable(middle).1 }
    }

    /// How a reason calls a service.
    pub(super) fn words(&self, service: Service) -> &str {
        self.services.words(service)
    }

    /// What a unit did, in few words: `CoAP to 1 host, TFTP from 2 hosts`.
    pub(super) fn brief(&self, profile: &Profile) -> String {
        let mut parts = Vec::new();
        for service in Service::ALL {
            for (side, way) in [(ContactEnd::Client, "to"), (ContactEnd::Server, "from")] {
                let number = profile.side(service, side).tried;
                if number > 0 {
                    let name = service.name();
                    let hosts = if number == 1 { "host" } else { "hosts" };
                    parts.push(format!("{name} {way} {number} {hosts}"));
                }
            }
        }
        if profile.bacnet_to_group {
            parts.push("BACnet/IP to groups".to_owned());
        }
        parts.join(", ")
    }

    /// What a unit did, in words: `configuration (TCP 88): asks 3, asked by 1; ...`.
    pub(super) fn sentence(&self, profile: &Profile) -> String {
        let mut text = String::new();
        self.write_sentence(profile, &mut text);
        text
    }

    /// The same, written behind what `text` holds.
    pub(super) fn write_sentence(&self, profile: &Profile, text: &mut String) {
        let begin = text.len();
        for service in Service::ALL.into_iter().filter(|service| *service != Service::Http) {
            let (client, server) =
                (profile.side(service, ContactEnd::Client), profile.side(service, ContactEnd::Server));
            if client.tried + server.tried == 0 {
                continue;
            }
            let separator = if text.len() > begin { "; " } else { "" };
            let words = self.words(service);
            // Writing to a String cannot fail.
            let _ = match (client.tried, server.tried) {
                (asks, 0) => write!(text, "{separator}{words}: asks {asks}"),
                (0, asked) => write!(text, "{separator}{words}: asked by {asked}"),
                (asks, asked) => write!(text, "{separator}{words}: asks {asks}, asked by {asked}"),
            };
            if client.worked + server.worked == 0 {
                text.push_str(" in vain");
            }
        }
    }
}

fn profile(
    unit: u32,
    own: &[((u32, Service, ContactEnd), u32, bool)],
    links: std::ops::Range<usize>,
    bacnet_to_group: bool,
) -> Profile {
    let mut counts = [[Count::default(); 2]; Service::ALL.len()];
    let (mut peers, mut bacnet_peers) = (Vec::new(), Vec::new());
    for &((_, service, side), other, worked) in own {
        if let Some(count) = counts.get_mut(service as usize).and_then(|sides| sides.get_mut(side as usize)) {
            count.tried += 1;
            count.worked += u32::from(worked);
        }
        if service.is_lighting() {
            peers.push(other);
        } else if service == Service::Bacnet {
            bacnet_peers.push(other);
        }
    }
    for list in [&mut peers, &mut bacnet_peers] {
        list.sort_unstable();
        list.dedup();
    }
    Profile { unit, links, counts, peers, bacnet_peers, bacnet_to_group }
}
