//! `address-changed`: Igor hosts that DHCP gave more than one address while the capture ran.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use super::by_mac::Identity;
use super::devices::{MAX_TOLD, Trouble, grouped};
use super::dhcp::Client;
use super::phrases::frame;
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::{MacAddr, VlanPath};
use crate::flow::Window;
use crate::policy::FindingKind;
use crate::verdict::Observations;

/// The addresses that a device was given.
#[derive(Clone, Debug)]
struct Leases {
    client: Identity,
    /// The first few, in their order.
    first: Vec<(IpAddr, Cited)>,
    more: usize,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let igor = judged.dhcp_clients().iter().filter(|client| client.role.is_igor());
    let with_leases = igor.map(|client| (client, leases(client))).filter(|(_, leases)| leases.len() > 1);
    let mut clients: Vec<(&Client<'_>, BTreeMap<Ipv4Addr, Window>)> = with_leases.collect();
    if clients.is_empty() {
        return Vec::new();
    }
    let uses = Uses::of(judged.seen);
    clients.retain(|(client, leases)| !uses.are_of_several_interfaces(client, leases.keys()));
    let changed = clients.into_iter().map(|(client, leases)| {
        let mut leases: Vec<(Ipv4Addr, Window)> = leases.into_iter().collect();
        leases.sort_by_key(|(_, window)| window.begin);
        let more = leases.len().saturating_sub(MAX_TOLD);
        let cited = |(address, window): (Ipv4Addr, Window)| (IpAddr::V4(address), Cited::of(&window));
        let first = leases.into_iter().take(MAX_TOLD).map(cited).collect();
        let what = Leases { client: client.identity(), first, more };
        client.device(client.sum(|exchange| exchange.acks), what)
    });
    grouped(judged.seen, changed.collect())
}

/// The addresses that a device was given.
fn leases(client: &Client<'_>) -> BTreeMap<Ipv4Addr, Window> {
    let mut leases: BTreeMap<Ipv4Addr, Window> = BTreeMap::new();
    for exchange in client.exchanges() {
        let Some(leased) = &exchange.leased else { continue };
        let once = Window { count: exchange.acks.count, ..Window::once(leased.time, leased.at) };
        let held = leases.entry(leased.what).or_insert(Window::NONE);
        *held = held.and(once);
    }
    leases
}

/// In which VLANs each device claims which address, and when it last did or sent from it.
struct Uses<'a>(HashMap<(MacAddr, IpAddr), (BTreeSet<&'a VlanPath>, Timestamp)>);

impl<'a> Uses<'a> {
    fn of(seen: &Observations<'a>) -> Self {
        let mut uses: HashMap<_, (BTreeSet<_>, _)> = HashMap::new();
        for ((vlan, address, mac), claim) in seen.evidence.claims.speakers() {
            let (vlans, last) = uses.entry((*mac, *address)).or_insert((BTreeSet::new(), Timestamp::UNKNOWN));
            vlans.insert(vlan);
            *last = claim.window.end.max(*last);
        }
        for host in seen.hosts.iter().filter(|host| host.packets_sent > 0) {
            if let Some((_, last)) = host.mac.and_then(|mac| uses.get_mut(&(mac, host.address))) {
                *last = host.last_sent.max(*last);
            }
        }
        Self(uses)
    }

    /// Whether a device has several addresses at once, each in VLANs of its own: it uses all since it last started.
    fn are_of_several_interfaces<'b>(
        &self,
        client: &Client<'_>,
        mut addresses: impl Iterator<Item = &'b Ipv4Addr>,
    ) -> bool {
        let started = client.leases().map(|exchange| exchange.begun().end).max();
        let mut taken: BTreeSet<&VlanPath> = BTreeSet::new();
        addresses.all(|address| {
            let uses = self.0.get(&(client.mac, IpAddr::V4(*address)));
            uses.is_some_and(|(vlans, last)| Some(*last) > started && vlans.iter().all(|vlan| taken.insert(vlan)))
        })
    }
}

impl Trouble for Leases {
    const KIND: FindingKind = FindingKind::AddressChanged;
    const ADVICE: &'static str = "Reserve the address at the DHCP server if anything refers to the device by it (inventory, \
                                  firewall, BACnet).";
    const NEXT: &'static str = "Reserve the address at the DHCP server";
    const HEADING: &'static str = "A device was given another address while the capture ran.";
    const HEADINGS: &'static str = "{number} devices were given another address while the capture ran.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let one = |(address, at): &(IpAddr, Cited)| format!("{address} ({})", frame(context, *at));
        let told: Vec<String> = self.first.iter().map(one).collect();
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        format!("{} was given {}{more}.", self.client.name(context), told.join(", then "))
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let addresses: Vec<String> = self.first.iter().map(|(address, _)| address.to_string()).collect();
        addresses.join(", then ")
    }

    fn filter(&self, _: Who) -> String {
        self.client.filter()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self {
            client: self.client.replaced(with),
            first: self.first.iter().map(|(address, at)| (with.address(*address), *at)).collect(),
            more: self.more,
        }
    }
}
