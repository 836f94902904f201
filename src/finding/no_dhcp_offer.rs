//! `no-dhcp-offer`: devices that asked for an address by DHCP and were given none.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::net::IpAddr;

use super::by_mac::Identity;
use super::devices::{Affected, Trouble, grouped};
use super::dhcp::Client;
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::capture::Timestamp;
use crate::decode::MacAddr;
use crate::flow::Window;
use crate::inventory::Host;
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::verdict::{Doubts, Observations};

/// Nanoseconds in which what was asked had time to be answered.
const ONE_SECOND: i64 = 1_000_000_000;
/// RFC 2131 section 4.1.
const CLIENT_PORT: u16 = 68;

/// What a device asked for in vain.
#[derive(Clone, Debug)]
struct NoOffer {
    client: Identity,
    /// When a server last answered it, if one did.
    answered: Option<Timestamp>,
    discovers: u64,
    asked: Window,
    /// The address of an offer that it took up, which was not captured.
    selected: Option<(IpAddr, Cited)>,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let (seen, clients) = (judged.seen, judged.dhcp_clients());
    let mut devices = never_offered(clients);
    devices.extend(offered_in_vain(seen, clients));
    grouped(seen, devices)
}

/// Devices to which no answer of a server was captured, nor anything that proves one.
fn never_offered(clients: &[Client<'_>]) -> Vec<Affected<NoOffer>> {
    let lone = clients.iter().filter(|client| client.is_without_offer() && client.selected_since().is_none());
    lone.filter_map(|client| {
        let asked = client.sum_since(|exchange| exchange.discovers);
        (asked.count > 0).then(|| client.device(asked, of(client, asked)))
    })
    .collect()
}

/// Devices that took up an offer, which was not captured, and never used the address: only its use would prove that the
/// server acknowledged it.
fn offered_in_vain(seen: &Observations<'_>, clients: &[Client<'_>]) -> Vec<Affected<NoOffer>> {
    let bridges = OnceCell::new();
    let is_lone = |client: &&Client<'_>| client.is_without_offer() && !uses_what_it_selected(client, seen, &bridges);
    let lone = clients.iter().filter(is_lone);
    lone.filter_map(|client| {
        let asked = client.sum_since(|exchange| exchange.discovers.and(exchange.selects));
        let selected = client.selected_since()?;
        let selects = client.sum_since(|exchange| exchange.selects);
        let goes_on = |end: Timestamp| end.raw().saturating_sub(selects.begin.time.raw()) >= ONE_SECOND;
        if !seen.missing.end.is_none_or(goes_on) {
            return None;
        }
        let cited = (IpAddr::V4(selected.what), Cited::new(selected.at.frame, selected.time));
        let device = client.device(asked, NoOffer { selected: Some(cited), ..of(client, asked) });
        Some(Affected { role: client.role_at(seen, Some(selected.what)), ..device })
    })
    .collect()
}

/// Whether it came to use the last address that it selected, which proves that the server acknowledged it: by its own MAC, or
/// that of a router, behind which it is, or of a bridge that puts its own in place of those of the devices behind it, and so
/// sends what they ask of DHCP servers.
fn uses_what_it_selected(client: &Client<'_>, seen: &Observations<'_>, bridges: &OnceCell<HashSet<MacAddr>>) -> bool {
    client.selected_since().is_some_and(|selected| {
        let is_bridge = |mac: MacAddr| bridges.get_or_init(|| asking_for_others(seen)).contains(&mac);
        let mut claims = seen.neighbours.claims_of(selected.what);
        let claimed = claims.any(|(mac, claim)| mac == client.mac && claim.end >= selected.at.time);
        let host = seen.hosts.at(selected.what.into());
        let sends = |host: &Host| {
            let is_its = host.mac == Some(client.mac) || !host.mac_is_own || host.mac.is_some_and(is_bridge);
            is_its && host.packets_sent > 0 && host.last_sent >= selected.at.time
        };
        claimed || host.is_some_and(sends)
    })
}

/// MACs that send DHCP requests from no address, of which none is of a client with that MAC.
fn asking_for_others(seen: &Observations<'_>) -> HashSet<MacAddr> {
    let clients: HashSet<MacAddr> = seen.evidence.dhcp().map(|((mac, ..), _)| *mac).collect();
    let asking = seen.flows.iter().filter(|flow| flow.transport == Transport::Udp).flat_map(|flow| flow.ends);
    let asking = asking.filter(|end| end.port == CLIENT_PORT && end.address.is_unspecified() && end.packets() > 0);
    asking.filter_map(|end| end.source_mac()).filter(|mac| !clients.contains(mac)).collect()
}

fn of(client: &Client<'_>, asked: Window) -> NoOffer {
    let discovers = client.sum_since(|exchange| exchange.discovers).count;
    NoOffer { client: client.identity(), answered: client.answered, discovers, asked, selected: None }
}

impl Trouble for NoOffer {
    const KIND: FindingKind = FindingKind::NoDhcpOffer;
    const ADVICE: &'static str = "Check that a DHCP server serves this VLAN and has free addresses, that the router relays to \
                                  it, and that the switch lets its answers through (DHCP snooping). A mirror that copies one \
                                  direction looks the same.";
    const NEXT: &'static str = "Check the DHCP server and its relay";
    const HEADING: &'static str = "A device asked for an address by DHCP and was given none.";
    const HEADINGS: &'static str = "{number} devices asked for an address by DHCP and were given none.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let what = match self.discovers {
            0 => times(self.asked.count, "DHCPREQUEST", "DHCPREQUESTs"),
            count => times(count, "DHCPDISCOVER", "DHCPDISCOVERs"),
        };
        let (name, at) = (self.client.name(context), frame(context, Cited::of(&self.asked)));
        let asked = format!("{name} sent {what} in {}, from {at}.", lasting(self.asked.first, self.asked.last));
        let before = self.answered.map_or_else(String::new, |at| format!(" A server last answered it at {at:.3}."));
        match self.selected {
            None => format!("{asked} No offer came.{before}"),
            Some((address, at)) => format!(
                "{asked} It took up an offer of {address} that was not captured, in {}, and never used that address: no \
                 acknowledgment reached it.{before}",
                frame(context, at)
            ),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        match self.discovers {
            0 => "no acknowledgment came".to_owned(),
            count => times(count, "DISCOVER", "DISCOVERs"),
        }
    }

    fn filter(&self, _: Who) -> String {
        self.client.filter()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self {
            client: self.client.replaced(with),
            selected: self.selected.map(|(address, at)| (with.address(address), at)),
            ..self.clone()
        }
    }

    fn doubts(seen: &Observations<'_>, finding: &Finding) -> Doubts {
        seen.missing.of_silence(finding.first, finding.last, finding.packets)
    }
}
