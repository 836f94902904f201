//! `second-dhcp-server`: two DHCP servers that answer the same clients.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use super::devices::{Affected, Trouble, grouped};
use super::phrases::{frame, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::MacAddr;
use crate::flow::{FlowView, Offers, Transaction, Window};
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::verdict::Observations;

/// RFC 2131 section 4.1.
const SERVER_PORT: u16 = 67;

/// What a server gives.
type Given = (Ipv4Addr, Option<Ipv4Addr>, Option<Ipv4Addr>);

/// A server that answers where another does.
#[derive(Clone, Debug)]
struct Second {
    /// Where the server was heard, its MAC.
    mac: Option<MacAddr>,
    transactions: u64,
    answers: RivalAnswers,
    at: Cited,
}

/// What two servers answered one client.
#[derive(Clone, Copy, Debug)]
enum RivalAnswers {
    /// Each gave an address; the other's identifier and what it gave come last.
    Otherwise(Given, IpAddr, Given),
    /// This server sent a NAK; the other server, named here, granted an address.
    Refused(IpAddr, Given),
    /// The client took up an address that is of no network of what this one gave: the other's offer was not captured.
    PassedOver(Given, IpAddr),
}

/// What is known of servers that answer where others do, by their identifiers.
type Seconds = BTreeMap<Ipv4Addr, (Window, Second)>;

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let transactions: Vec<&Transaction> =
        judged.dhcp_clients().iter().flat_map(|client| &client.transactions).collect();
    let mut clients: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    for (server, _) in transactions.iter().flat_map(|one| &one.given) {
        *clients.entry(*server).or_default() += 1;
    }
    // The one that gives most is the site's own.
    let rank = |server: Ipv4Addr| (clients.get(&server).copied().unwrap_or_default(), Reverse(server));
    let mac = |server: Ipv4Addr| seen.hosts.at(IpAddr::V4(server)).and_then(|host| host.mac);
    let is_device = |one: Ipv4Addr, other: Ipv4Addr| mac(one).is_some() && mac(one) == mac(other);
    let relays = OnceCell::new();
    let is_relay = |one: Ipv4Addr, other: Ipv4Addr| {
        relays.get_or_init(|| relaying(seen)).contains(&(IpAddr::V4(one), IpAddr::V4(other)))
    };
    let mut seconds = Seconds::new();
    let mut note = |server: Ipv4Addr, window: Window, answers: RivalAnswers| {
        let at = Cited::of(&window);
        let second = || (Window::NONE, Second { mac: mac(server), transactions: 0, answers, at });
        let (sum, second) = seconds.entry(server).or_insert_with(second);
        second.transactions += 1;
        *sum = sum.and(window);
    };
    for transaction in transactions {
        let given = &transaction.given;
        let Some((main, offered)) = given.iter().max_by_key(|(server, _)| rank(*server)) else { continue };
        let what = offered.first.what;
        // A device that gives the same is one server, and perhaps a relay that names itself in its place (RFC 5107), as who
        // speaks with the server itself is. Another that gives the same address may still name its own DNS server.
        let is_same = |(server, offers): &&(Ipv4Addr, Offers)| {
            offers.first.what == what && (server == main || is_device(*server, *main) || is_relay(*server, *main))
        };
        for (server, offers) in given.iter().filter(|one| !is_same(one)) {
            let answers = RivalAnswers::Otherwise(offers.first.what, IpAddr::V4(*main), what);
            note(*server, offers.offers.and(offers.acks), answers);
        }
        for (server, naks) in transaction.refused.iter().filter(|(server, _)| !server.is_unspecified()) {
            let gives = |(other, offers): &&(Ipv4Addr, Offers)| {
                offers.acks.count > 0 && other != server && !is_device(*other, *server) && !is_relay(*other, *server)
            };
            if let Some((other, offers)) = given.iter().find(gives) {
                note(*server, *naks, RivalAnswers::Refused(IpAddr::V4(*other), offers.first.what));
            }
        }
        let is_elsewhere = |taken: Ipv4Addr| {
            let is_other = |(address, mask, _): Given| mask.is_some_and(|mask| address & mask != taken & mask);
            given.iter().all(|(_, offers)| offers.acks.count == 0 && is_other(offers.first.what))
        };
        if let Some(taken) = transaction.said.selected.as_ref().filter(|taken| is_elsewhere(taken.what)) {
            note(*main, offered.offers.and(offered.acks), RivalAnswers::PassedOver(what, IpAddr::V4(taken.what)));
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

/// Who hands requests on to whom, both ways: relays and servers speak with each other from the server's port (RFC 2131 section
/// 4.1).
fn relaying(seen: &Observations<'_>) -> HashSet<(IpAddr, IpAddr)> {
    let is_relayed = |flow: &FlowView<'_>| {
        flow.transport == Transport::Udp && flow.ends.iter().all(|end| end.port == SERVER_PORT && end.packets() > 0)
    };
    let ends = seen.flows.iter().filter(is_relayed).map(|flow| flow.ends.map(|end| end.address));
    ends.flat_map(|[a, b]| [(a, b), (b, a)]).collect()
}

/// `10.20.0.9 (mask 255.255.255.0, router 10.20.0.1)`.
fn given((address, mask, router): Given) -> String {
    let part =
        |name, value: Option<Ipv4Addr>| format!("{name} {}", value.map_or("none".into(), |value| value.to_string()));
    format!("{address} ({}, {})", part("mask", mask), part("router", router))
}

/// Whether both give addresses of one network and the same router: so does a pair that shares its leases.
fn is_alike(a: Given, b: Given) -> bool {
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
        let (name, mac) = (context.name(who), self.mac.map_or_else(String::new, |mac| format!(", MAC {mac},")));
        let (requests, at) = (times(self.transactions, "request", "requests"), frame(context, self.at));
        match self.answers {
            RivalAnswers::Otherwise(own, other, others) => {
                let alike = if is_alike(own, others) {
                    "They give the same network and router: perhaps a pair."
                } else {
                    "They differ."
                };
                let (own, others) = (given(own), given(others));
                format!(
                    "{who}{name}{mac} answered {requests} that {other} answered otherwise, the first in {at}: it gave {own}, the \
                     other {others}. {alike}"
                )
            }
            RivalAnswers::Refused(other, others) => format!(
                "{who}{name}{mac} refused {requests} that {other} granted, the first in {at}: the other gave {}.",
                given(others)
            ),
            RivalAnswers::PassedOver(own, taken) => format!(
                "{who}{name}{mac} answered {requests}, the first in {at}, that took up what another server offered, which was not \
                 captured: it gave {}, and the client asked for {taken}.",
                given(own)
            ),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        match self.answers {
            RivalAnswers::Otherwise(own, _, others) if is_alike(own, others) => "perhaps a pair".to_owned(),
            RivalAnswers::Otherwise(_, other, _) | RivalAnswers::Refused(other, _) => format!("beside {other}"),
            RivalAnswers::PassedOver(..) => "beside one that was not captured".to_owned(),
        }
    }

    fn filter(&self, who: Who) -> String {
        let named = |server: &dyn Display| format!("dhcp.option.dhcp_server_id == {server}");
        match self.answers {
            RivalAnswers::Otherwise(_, other, _) | RivalAnswers::Refused(other, _) => {
                format!("({} || {})", named(&who), named(&other))
            }
            RivalAnswers::PassedOver(..) => named(&who),
        }
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let v4 = |address: Ipv4Addr| match with.address(IpAddr::V4(address)) {
            IpAddr::V4(other) => other,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        // A mask names nobody.
        let given = |(address, mask, router): Given| (v4(address), mask, router.map(v4));
        let answers = match self.answers {
            RivalAnswers::Otherwise(own, other, others) => {
                RivalAnswers::Otherwise(given(own), with.address(other), given(others))
            }
            RivalAnswers::Refused(other, others) => RivalAnswers::Refused(with.address(other), given(others)),
            RivalAnswers::PassedOver(own, taken) => RivalAnswers::PassedOver(given(own), with.address(taken)),
        };
        Self { mac: self.mac.map(|mac| with.mac(mac)), answers, ..self.clone() }
    }
}
