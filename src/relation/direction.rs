//! Who asked and who answered: client and server (docs/relations.md).

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::decode::MacAddr;
use crate::flow::FlowView;
use crate::policy::Policy;
use crate::protocol::{Transport, Turn};
use crate::text::named;

named! {
    /// How the client of a flow was told from the server.
    pub enum DirectionBasis {
        /// The sender of a SYN is the client.
        Syn = "syn",
        /// The sender of a SYN-ACK is the server.
        SynAck = "syn-ack",
        /// A group is always the server.
        Group = "group",
        /// The owner of the one documented port is the server.
        DocumentedPort = "documented-port",
        /// Both ports are documented, or neither, and the messages' own codes tell: only one end asked, or only one
        /// answered. So it is with ICMP's types.
        Request = "request",
        /// The sender of the first packet is the client.
        FirstPacket = "first-packet",
    }
}

/// Who asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Orientation {
    /// Index of the flow's end that is the client: 0 or 1.
    pub client: u8,
    /// How that is known.
    pub basis: DirectionBasis,
}

/// The client of a flow, by the first evidence that there is: SYN, SYN-ACK, group, documented port, request,
/// first packet.
///
/// Where both ends sent a SYN (a connection opened from both sides, or ports used again the other way round), the
/// end that sent more of them is the client, and of equals the one whose first packet came first.
pub fn orient(flow: &FlowView<'_>, policy: &Policy) -> Orientation {
    decide(std::slice::from_ref(flow), policy)
}

/// The same of all flows of one connection, on whatever VLAN paths.
#[inline]
pub(super) fn decide(flows: &[FlowView<'_>], policy: &Policy) -> Orientation {
    let by = |client: usize, basis| Orientation { client: client as u8, basis };
    let ends = |end: usize| flows.iter().map(move |flow| &flow.ends[end]);
    let Some(first) = flows.first() else { return by(0, DirectionBasis::FirstPacket) };
    let syns = [0, 1].map(|end| ends(end).map(|end| u64::from(end.syns())).sum::<u64>());
    if first.transport == Transport::Tcp {
        match syns[0].cmp(&syns[1]) {
            Ordering::Greater => return by(0, DirectionBasis::Syn),
            Ordering::Less => return by(1, DirectionBasis::Syn),
            Ordering::Equal => {}
        }
        let syn_acks = [0, 1].map(|end| ends(end).map(|end| u64::from(end.syn_acks())).sum::<u64>());
        match syn_acks[0].cmp(&syn_acks[1]) {
            Ordering::Greater => return by(1, DirectionBasis::SynAck),
            Ordering::Less => return by(0, DirectionBasis::SynAck),
            Ordering::Equal => {}
        }
    }
    // One that speaks on any path is no group.
    match [0, 1].map(|end| flows.iter().all(|flow| is_group(flow, end))) {
        [true, false] => return by(1, DirectionBasis::Group),
        [false, true] => return by(0, DirectionBasis::Group),
        _ => {}
    }
    match first.ends.each_ref().map(|end| policy.tells_server(first.transport, end.port)) {
        [true, false] => return by(1, DirectionBasis::DocumentedPort),
        [false, true] => return by(0, DirectionBasis::DocumentedPort),
        _ => {}
    }
    // Ports that both ends share (BACnet, CoAP) tell nothing, and the first packet may be an answer to a group.
    let turns = [0, 1].map(|end| {
        let known = ends(end).filter(|end| end.turn() != Turn::Unknown);
        known.min_by_key(|end| end.begin()).map_or(Turn::Unknown, |end| end.turn())
    });
    for turn in [Turn::Request, Turn::Response] {
        let client = usize::from(turn == Turn::Response);
        match turns.map(|of_end| of_end == turn) {
            [true, false] => return by(client, DirectionBasis::Request),
            [false, true] => return by(1 - client, DirectionBasis::Request),
            _ => {}
        }
    }
    match [0, 1].map(|end| ends(end).any(|end| end.asks())) {
        [true, false] => return by(0, DirectionBasis::Request),
        [false, true] => return by(1, DirectionBasis::Request),
        _ => {}
    }
    let begins = [0, 1].map(|end| ends(end).map(|end| end.begin()).min());
    let first = usize::from(begins[1] < begins[0]);
    by(first, if syns[0] > 0 { DirectionBasis::Syn } else { DirectionBasis::FirstPacket })
}

/// Whether an end is a group: a multicast or broadcast address, or an IPv4 address that never sent and was reached by frames to
/// everybody (a subnet's directed broadcast). IPv6 has no broadcasts (RFC 4291 section 2).
pub fn is_group(flow: &FlowView<'_>, end: usize) -> bool {
    let (this, other) = (&flow.ends[end & 1], &flow.ends[1 - (end & 1)]);
    let is_to_all = || this.packets() == 0 && other.destination_mac().is_some_and(MacAddr::may_be_subnet);
    match this.address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || is_to_all(),
        IpAddr::V6(v6) => v6.is_multicast(),
    }
}

/// Whether an address is one that no router of the Internet hands on (RFC 1918, 3927, 4193, 4291): of a site, as far as addresses
/// tell.
pub(super) fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
