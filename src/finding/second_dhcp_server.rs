//! `second-dhcp-server`: two DHCP servers that answer the same clients.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{Offers, Window};
use crate::policy::FindingKind;

/// What a server gives.
type Given = (Ipv4Addr, Option<Ipv4Addr>, Option<Ipv4Addr>);

/// A server that answers where another does.
#[derive(Clone, Debug)]
struct Second {
    /// Where the server was heard, its MAC.
    mac: Option<MacAddr>,
    other: IpAddr,
    transactions: u64,
    /// Address, mask and router of one client, by this server and by the other.
    given: [Given; 2],
    at: Cited,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let transactions: Vec<&[(Ipv4Addr, Offers)]> = judged
        .dhcp_clients()
        .iter()
        .flat_map(|client| &client.transactions)
        .map(|transaction| transaction.given.as_slice())
        .collect();
    let mut clients: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    for (server, _) in transactions.iter().copied().flatten() {
        *clients.entry(*server).or_default() += 1;
    }
    if clients.len() < 2 {
        return Vec::new();
    }
    // The one that gives most is the site's own.
    let rank = |server: Ipv4Addr| (clients.get(&server).copied().unwrap_or_default(), std::cmp::Reverse(server));
    let mac = |server: Ipv4Addr| seen.hosts.at(IpAddr::V4(server)).and_then(|host| host.mac);
    let mut seconds: BTreeMap<Ipv4Addr, (Window, Second)> = BTreeMap::new();
    for servers in transactions.iter().filter(|servers| servers.len() > 1) {
        let Some(main) = servers.iter().max_by_key(|(server, _)| rank(*server)) else { continue };
        // One device that gives the same is one server, and perhaps a relay that names itself in its place (RFC 5107). Another that
        // gives the same address may still name its own DNS server.
        let is_same = |(server, offers): &(Ipv4Addr, Offers)| {
            offers.first.what == main.1.first.what && mac(*server).is_some() && mac(*server) == mac(main.0)
        };
        for (server, offers) in servers.iter().filter(|one| !is_same(one)) {
            let (sum, second) = seconds.entry(*server).or_insert_with(|| {
                let second = Second {
                    mac: mac(*server),
                    other: IpAddr::V4(main.0),
                    transactions: 0,
                    given: [offers.first.what, main.1.first.what],
                    at: Cited::new(offers.first.at.frame, offers.first.time),
                };
                (Window::NONE, second)
            });
            second.transactions += 1;
            *sum = sum.and(offers.offers).and(offers.acks);
        }
    }
    let least = u64::from(seen.policy.link().dhcp_transactions);
    let told = seconds.into_iter().filter(|(_, (_, second))| second.transactions >= least);
    let devices = told.map(|(server, (window, what))| {
        let server = IpAddr::V4(server);
        Affected::within(&window, seen.hosts.role_at(server), server, what)
    });
    grouped(seen, devices.collect())
}

/// `10.20.0.9 (mask 255.255.255.0, router 10.20.0.1)`.
fn given((address, mask, router): Given) -> String {
    let part =
        |name, value: Option<Ipv4Addr>| format!("{name} {}", value.map_or("none".into(), |value| value.to_string()));
    format!("{address} ({}, {})", part("mask", mask), part("router", router))
}

/// Whether both give addresses of one network and the same router: so does a pair that shares its leases.
fn is_alike([a, b]: [Given; 2]) -> bool {
    let network = |(address, mask, _): Given| mask.map(|mask| address & mask);
    network(a).is_some() && network(a) == network(b) && a.1 == b.1 && a.2 == b.2
}

impl Trouble for Second {
    const KIND: FindingKind = FindingKind::SecondDhcpServer;
    const ADVICE: &'static str = "Find the second server by its MAC in the switch's address table and switch it off (a router, a \
                                  laptop or a virtual machine that brought its own), and switch DHCP snooping on. If the two are \
                                  a pair of the site's own that shares its leases, all is well.";
    const NEXT: &'static str = "Find the second server by its MAC in the switch's address table";
    const HEADING: &'static str = "A second DHCP server answers the same clients.";
    const HEADINGS: &'static str = "{number} more DHCP servers answer the same clients.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let mac = self.mac.map_or_else(String::new, |mac| format!(", MAC {mac},"));
        let alike = if is_alike(self.given) {
            "They give the same network and router: perhaps a pair."
        } else {
            "They differ."
        };
        format!(
            "{who}{}{mac} answered {} that {} answered otherwise, the first in {}: it gave {}, the other {}. {alike}",
            context.name(who),
            times(self.transactions, "request", "requests"),
            self.other,
            frame(context, self.at),
            given(self.given[0]),
            given(self.given[1]),
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        if is_alike(self.given) { "perhaps a pair".to_owned() } else { format!("beside {}", self.other) }
    }

    fn filter(&self, who: Who) -> String {
        format!("(dhcp.option.dhcp_server_id == {who} || dhcp.option.dhcp_server_id == {})", self.other)
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |address: Ipv4Addr| match with.address(IpAddr::V4(address)) {
            IpAddr::V4(other) => other,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        // A mask names nobody.
        let given = self.given.map(|(address, mask, router)| (other(address), mask, router.map(other)));
        Self { mac: self.mac.map(|mac| with.mac(mac)), other: with.address(self.other), given, ..self.clone() }
    }
}
