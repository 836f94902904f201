//! Who asked and who answered (DESIGN: client and server).

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::capture::Moment;
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

/// What tells who asked, of each end (0 or 1): of a flow, or of all flows of one connection.
pub(super) trait Evidence {
    fn transport(&self) -> Transport;
    fn port(&self, end: usize) -> u16;
    fn syns(&self, end: usize) -> u64;
    fn syn_acks(&self, end: usize) -> u64;
    fn is_group(&self, end: usize) -> bool;
    fn turn(&self, end: usize) -> Turn;
    fn asks(&self, end: usize) -> bool;
    fn begin(&self, end: usize) -> Moment;
}

impl Evidence for FlowView<'_> {
    #[inline]
    fn transport(&self) -> Transport {
        self.transport
    }

    #[inline]
    fn port(&self, end: usize) -> u16 {
        self.ends[end].port
    }

    #[inline]
    fn syns(&self, end: usize) -> u64 {
        self.ends[end].syns().into()
    }

    #[inline]
    fn syn_acks(&self, end: usize) -> u64 {
        self.ends[end].syn_acks().into()
    }

    #[inline]
    fn is_group(&self, end: usize) -> bool {
        is_group(self, end)
    }

    #[inline]
    fn turn(&self, end: usize) -> Turn {
        self.ends[end].turn()
    }

    #[inline]
    fn asks(&self, end: usize) -> bool {
        self.ends[end].asks()
    }

    #[inline]
    fn begin(&self, end: usize) -> Moment {
        self.ends[end].begin()
    }
}

/// The client of a flow, by the first evidence that there is: SYN, SYN-ACK, group, documented port, request,
/// first packet.
///
/// Where both ends sent a SYN (a connection opened from both sides, or ports used again the other way round), the
/// end that sent more of them is the client, and of equals the one whose first packet came first.
pub fn orient(flow: &FlowView<'_>, policy: &Policy) -> Orientation {
    decide(flow, policy)
}

/// The same of a flow or a connection.
#[inline]
pub(super) fn decide(told: &impl Evidence, policy: &Policy) -> Orientation {
    let by = |client: usize, basis| Orientation { client: client as u8, basis };
    let transport = told.transport();
    if transport == Transport::Tcp {
        match told.syns(0).cmp(&told.syns(1)) {
            Ordering::Greater => return by(0, DirectionBasis::Syn),
            Ordering::Less => return by(1, DirectionBasis::Syn),
            Ordering::Equal => {}
        }
        match told.syn_acks(0).cmp(&told.syn_acks(1)) {
            Ordering::Greater => return by(1, DirectionBasis::SynAck),
            Ordering::Less => return by(0, DirectionBasis::SynAck),
            Ordering::Equal => {}
        }
    }
    match [told.is_group(0), told.is_group(1)] {
        [true, false] => return by(1, DirectionBasis::Group),
        [false, true] => return by(0, DirectionBasis::Group),
        _ => {}
    }
    match [policy.tells_server(transport, told.port(0)), policy.tells_server(transport, told.port(1))] {
        [true, false] => return by(1, DirectionBasis::DocumentedPort),
        [false, true] => return by(0, DirectionBasis::DocumentedPort),
        _ => {}
    }
    // Ports that both ends share (BACnet, CoAP) tell nothing, and the first packet may be an answer to a group.
    for turn in [Turn::Request, Turn::Response] {
        let client = usize::from(turn == Turn::Response);
        match [told.turn(0) == turn, told.turn(1) == turn] {
            [true, false] => return by(client, DirectionBasis::Request),
            [false, true] => return by(1 - client, DirectionBasis::Request),
            _ => {}
        }
    }
    match [told.asks(0), told.asks(1)] {
        [true, false] => return by(0, DirectionBasis::Request),
        [false, true] => return by(1, DirectionBasis::Request),
        _ => {}
    }
    let first = usize::from(told.begin(1) < told.begin(0));
    by(first, if told.syns(0) > 0 { DirectionBasis::Syn } else { DirectionBasis::FirstPacket })
}

/// Whether an end is a group: a multicast or broadcast address, or one that never sent and was reached by a
/// group MAC (a subnet's directed broadcast).
pub fn is_group(flow: &FlowView<'_>, end: usize) -> bool {
    let (this, other) = (&flow.ends[end & 1], &flow.ends[1 - (end & 1)]);
    let by_address = match this.address {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_multicast(),
    };
    by_address || (this.packets() == 0 && other.destination_mac().is_some_and(MacAddr::is_group))
}

/// Whether an address is one that no router of the Internet hands on (RFC 1918, 3927, 4193, 4291): of a site, as far as addresses
/// tell.
pub(super) fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
