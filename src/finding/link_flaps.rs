//! `link-flaps`: Igor hosts whose link goes down and comes up again and again, while they run on.

use std::collections::HashMap;
use std::net::IpAddr;

use super::by_mac::Identity;
use super::devices::{Trouble, grouped};
use super::dhcp::Client;
use super::phrases::{frame, lasting};
use super::{Cited, Context, Finding, Judged, Replace, Who, filter};
use crate::capture::Timestamp;
use crate::flow::{DhcpExchange, Endpoint, FlowView, Window};
use crate::policy::FindingKind;
use crate::protocol::Transport;
use crate::verdict::STARTS;

/// What shows it.
#[derive(Clone, Debug)]
struct Flaps {
    client: Identity,
    times: usize,
    window: Window,
    /// The connection that outlived the first of them: its ends, the device's first.
    connection: (Endpoint, Endpoint),
}

/// A TCP connection of a device.
#[derive(Clone, Copy, Debug)]
struct DeviceConnection {
    own: Endpoint,
    other: Endpoint,
    /// When the device last sent in it.
    end: Timestamp,
}

/// The connections of devices that often asked DHCP as one that starts: by address, as they began, each with the one that
/// lasts longest of those up to it.
pub(super) struct Connections(HashMap<IpAddr, Vec<(Timestamp, DeviceConnection)>>);

impl Connections {
    pub(super) fn of(judged: &Judged<'_>) -> Self {
        let starts = |client: &&Client<'_>| starts(client).count() as u64 >= STARTS;
        let hosts = judged.dhcp_clients().iter().filter(starts).filter_map(|client| client.host);
        let mut of_hosts: HashMap<IpAddr, Vec<_>> = hosts.map(|host| (host.address, Vec::new())).collect();
        if of_hosts.is_empty() {
            return Self(of_hosts);
        }
        for flow in judged.seen.flows.iter().filter(|flow| flow.transport == Transport::Tcp && is_one(flow)) {
            for (own, other) in [(&flow.ends[0], &flow.ends[1]), (&flow.ends[1], &flow.ends[0])] {
                if let Some(connections) = of_hosts.get_mut(&own.address) {
                    let [own_end, other_end] = [own, other].map(|end| (end.address, end.port));
                    let connection = DeviceConnection { own: own_end, other: other_end, end: own.end() };
                    connections.push((own.begin().time, connection));
                }
            }
        }
        for connections in of_hosts.values_mut() {
            connections.sort_by_key(|(begin, connection)| (*begin, connection.end, connection.own, connection.other));
            for at in 1..connections.len() {
                if connections[at - 1].1.end > connections[at].1.end {
                    connections[at].1 = connections[at - 1].1;
                }
            }
        }
        Self(of_hosts)
    }

    /// The connection of a device that outlived a start, in which it sent before and afterwards: it ran on.
    fn outliving(&self, client: &Client<'_>, exchange: &DhcpExchange) -> Option<DeviceConnection> {
        let connections = self.0.get(&client.host?.address)?;
        let before = connections.partition_point(|(begin, _)| *begin < exchange.begun().begin.time);
        let (_, longest) = connections.get(before.checked_sub(1)?)?;
        (longest.end > exchange.begun().end).then_some(*longest)
    }

    /// The starts of a device that none outlived.
    pub(super) fn ended<'a>(&'a self, client: &'a Client<'_>) -> impl Iterator<Item = &'a DhcpExchange> {
        starts(client).filter(|exchange| self.outliving(client, exchange).is_none())
    }
}

fn starts<'a>(client: &'a Client<'_>) -> impl Iterator<Item = &'a DhcpExchange> {
    client.leases().filter(|exchange| exchange.begun().count > 0)
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let connections = judged.connections();
    let igor = judged.dhcp_clients().iter().filter(|client| client.role.is_igor());
    let devices = igor.filter_map(|client| {
        let outlived: Vec<_> =
            starts(client).filter_map(|exchange| Some((exchange, connections.outliving(client, exchange)?))).collect();
        let (_, connection) = *outlived.first().filter(|_| outlived.len() as u64 >= STARTS)?;
        let window = outlived.iter().map(|(exchange, _)| exchange.begun()).fold(Window::NONE, Window::and);
        let connection = (connection.own, connection.other);
        let flaps = Flaps { client: client.identity(), times: outlived.len(), window, connection };
        Some(client.device(window, flaps))
    });
    grouped(judged.seen, devices.collect())
}

/// Whether a flow is one connection: at most one SYN each way, and data both ways.
fn is_one(flow: &FlowView<'_>) -> bool {
    flow.folded == 0
        && flow.ends.iter().all(|end| end.has_payload() && end.resets() == 0)
        && flow.ends.iter().map(|end| u64::from(end.syns())).sum::<u64>() <= 1
        && flow.ends.iter().map(|end| u64::from(end.syn_acks())).sum::<u64>() <= 1
}

impl Trouble for Flaps {
    const KIND: FindingKind = FindingKind::LinkFlaps;
    const ADVICE: &'static str = "Check its cable and plugs, then the switch's log for the port going down and up, and energy-efficient \
                                  Ethernet and the speed of both ends; its power only after that, for the device did not start anew.";
    const NEXT: &'static str = "Check its cable and the switch port";
    const HEADING: &'static str = "A device's link goes down and up again and again.";
    const HEADINGS: &'static str = "The links of {number} devices go down and up again and again.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let ((own, own_port), (other, other_port)) = self.connection;
        format!(
            "{} asked DHCP {} times as a device that starts, in {}, the first in {}; but it did not start: a connection went on \
             each time, the first {own} port {own_port} to {other} port {other_port}.",
            self.client.name(context),
            self.times,
            lasting(self.window.first, self.window.last),
            frame(context, Cited::of(&self.window))
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} times, and it ran on", self.times)
    }

    fn filter(&self, _: Who) -> String {
        let ((own, own_port), (_, other_port)) = self.connection;
        let connection = filter::of_connection(own, [own_port, other_port]);
        format!("{} || {connection}", self.client.filter())
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        let other = |(address, port): Endpoint| (with.address(address), port);
        let (own, to) = self.connection;
        Self { client: self.client.replaced(with), connection: (other(own), other(to)), ..self.clone() }
    }
}
