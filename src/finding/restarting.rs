//! `restarting`: Igor hosts that got an address anew, or opened the same connection anew, again and again.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::by_mac::Identity;
use super::devices::{Affected, Trouble, grouped};
use super::dhcp::Client;
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who, filter};
use crate::flow::{DhcpExchange, Endpoint, FlowView, Window};
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::verdict::{Conversation, Observations, STARTS, starts_anew};

/// What shows that a device starts again and again.
#[derive(Clone, Debug)]
struct Restarts {
    leases: Option<Leases>,
    connection: Option<ReopenedConnection>,
}

/// It got its address anew.
#[derive(Clone, Debug)]
struct Leases {
    client: Identity,
    times: usize,
    window: Window,
    /// How often it asked in between to go on with its address, and no server ever answered that.
    renewals: u64,
}

/// It opened one connection anew: a port counter that begins again.
#[derive(Clone, Debug)]
struct ReopenedConnection {
    client: Endpoint,
    server: Endpoint,
    times: u64,
    at: Cited,
}

/// By address.
type Renewals = HashMap<IpAddr, [u64; 2]>;

/// Nanoseconds within which a device that starts asks for its address as often as it likes.
const ONE_START: i64 = 30_000_000_000;

/// Connections of one pair of ports are told apart by their initial sequence numbers, of which so many are kept.
const MOST_TIMES: u64 = 32;

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let renewed = OnceCell::new();
    let igor = judged.dhcp_clients().iter().filter(|client| client.role.is_igor());
    let mut devices: BTreeMap<Who, Affected<Restarts>> =
        igor.filter_map(|client| by_dhcp(judged, client, &renewed)).map(|device| (device.who, device)).collect();
    by_tcp(judged, &mut devices);
    grouped(judged.seen, devices.into_values().collect())
}

fn by_dhcp(judged: &Judged<'_>, client: &Client<'_>, renewed: &OnceCell<Renewals>) -> Option<Affected<Restarts>> {
    // Who goes on with a connection ran on: `link-flaps` tells of it.
    let mut started: Vec<&DhcpExchange> = judged.connections().ended(client).collect();
    // Who starts may ask more than once: its boot loader, its kernel, then its programs.
    started.sort_unstable_by_key(|exchange| exchange.begun().begin);
    let is_same_start = |later: &mut &DhcpExchange, earlier: &mut &DhcpExchange| {
        later.begun().begin.time.raw().saturating_sub(earlier.begun().begin.time.raw()) < ONE_START
    };
    started.dedup_by(is_same_start);
    let times = started.len();
    if (times as u64) < STARTS {
        return None;
    }
    let window = started.iter().map(|exchange| exchange.begun()).fold(Window::NONE, Window::and);
    let own = client.host.and_then(|host| renewed.get_or_init(|| renewals(judged.seen)).get(&host.address));
    let renewals = own.filter(|[_, answered]| *answered == 0).map_or(0, |[asked, _]| *asked);
    let leases = Leases { client: client.identity(), times, window, renewals };
    Some(client.device(window, Restarts { leases: Some(leases), connection: None }))
}

/// How often each address asked servers to go on with it (RFC 2131 section 4.3.2), and how much they answered.
fn renewals(seen: &Observations<'_>) -> Renewals {
    let mut renewals = Renewals::new();
    for flow in seen.flows.iter().filter(|flow| flow.transport == Transport::Udp) {
        for (own, other) in [(&flow.ends[0], &flow.ends[1]), (&flow.ends[1], &flow.ends[0])] {
            if (own.port, other.port) == (68, 67) && !own.address.is_unspecified() {
                let sum = renewals.entry(own.address).or_default();
                *sum = [sum[0].saturating_add(own.packets()), sum[1].saturating_add(other.packets())];
            }
        }
    }
    renewals
}

/// Adds the devices whose connections begin anew. One connection of each is told; the others say the same.
fn by_tcp(judged: &Judged<'_>, devices: &mut BTreeMap<Who, Affected<Restarts>>) {
    let hosts = judged.seen.hosts;
    let of_igor = |conversation: &Conversation| hosts.role(conversation.client).is_igor();
    let anew = judged.facts.iter().zip(judged.conversations);
    let anew = anew.filter(|(facts, conversation)| facts.starts_anew && of_igor(conversation));
    for at in anew.flat_map(|(facts, _)| judged.members.get(facts.members()).unwrap_or_default()) {
        let Some(judgement) = judged.flows.get(*at as usize) else { continue };
        let flow = judged.seen.flows.view(*at);
        let Some(times) = starts_anew(&flow, judgement.client) else { continue };
        let host = hosts.get(judgement.client_host);
        let device = devices.entry(Who::Address(host.address)).or_insert_with(|| {
            Affected::host(host, 0, (flow.first(), flow.last()), Restarts { leases: None, connection: None })
        });
        device.packets += flow.packets();
        if device.what.connection.is_none() {
            device.last = device.last.max(flow.last());
            device.what.connection = Some(connection(&flow, judgement.client, times));
        }
    }
}

fn connection(flow: &FlowView<'_>, client: u8, times: u64) -> ReopenedConnection {
    let [client, server] = [client, 1 - (client & 1)].map(|end| &flow.ends[usize::from(end & 1)]);
    let at = Cited::new(client.first_frame(), client.first());
    ReopenedConnection { client: (client.address, client.port), server: (server.address, server.port), times, at }
}

impl Leases {
    /// That it may only have lost its lease each time, with the space before it.
    fn renewals_in_vain(&self) -> String {
        if (self.renewals as usize) < self.times {
            return String::new();
        }
        format!(
            " In between it asked {} in vain to renew it: it may only have lost its lease, and not have started. See first why \
             these requests, which go to the server itself (RFC 2131 section 4.4.5), are not answered.",
            times(self.renewals, "time", "times")
        )
    }
}

impl ReopenedConnection {
    fn sentence(&self, context: &Context<'_>) -> String {
        let ((client, client_port), (server, server_port)) = (self.client, self.server);
        // Of more than so many it is only known that there were more.
        let at_least = if self.times == MOST_TIMES { "at least " } else { "" };
        format!(
            "It opened the same connection {at_least}{} times anew, {client} port {client_port} to {server} port {server_port}, \
             from {}: a port counter that begins again.",
            self.times,
            frame(context, self.at)
        )
    }

    fn filter(&self) -> String {
        filter::of_connection(self.client.0, [self.client.1, self.server.1])
    }
}

impl Trouble for Restarts {
    const KIND: FindingKind = FindingKind::Restarting;
    const ADVICE: &'static str = "Check its power (PoE budget and class, cable length), its cable, and the switch's log for \
                                  the port going down; then its firmware.";
    const NEXT: &'static str = "Check its power, its cable and the switch port";
    const HEADING: &'static str = "A device starts again and again.";
    const HEADINGS: &'static str = "{number} devices start again and again.";

    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        let leases = self.leases.as_ref().map(|leases| {
            format!(
                "{} got its address by DHCP {} times anew in {}, the first in {}.",
                leases.client.name(context),
                leases.times,
                lasting(leases.window.first, leases.window.last),
                frame(context, Cited::of(&leases.window))
            ) + &leases.renewals_in_vain()
        });
        let connection = self.connection.as_ref().map(|connection| connection.sentence(context));
        match (leases, connection) {
            (None, Some(connection)) => format!("{who}{}: {connection}", context.name(who)),
            (leases, connection) => leases.into_iter().chain(connection).collect::<Vec<_>>().join(" "),
        }
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        let leases = self.leases.as_ref().map(|leases| format!("{} leases anew", leases.times));
        let connection = self.connection.as_ref().map(|connection| format!("{} connections anew", connection.times));
        leases.into_iter().chain(connection).collect::<Vec<_>>().join(", ")
    }

    fn filter(&self, _: Who) -> String {
        let leases = self.leases.as_ref().map(|leases| leases.client.filter());
        leases
            .into_iter()
            .chain(self.connection.as_ref().map(ReopenedConnection::filter))
            .collect::<Vec<_>>()
            .join(" || ")
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |(address, port): Endpoint| (with.address(address), port);
        Self {
            leases: self.leases.clone().map(|leases| Leases { client: leases.client.replaced(with), ..leases }),
            connection: self.connection.clone().map(|connection| ReopenedConnection {
                client: other(connection.client),
                server: other(connection.server),
                ..connection
            }),
        }
    }
}
