//! What the relation stage knows of each flow: plain data that verdicts rest on.

use std::net::IpAddr;

use crate::capture::{FrameId, Timestamp};
use crate::policy::{Transport, named};

named! {
    /// How a flow belongs to another.
    LinkKind {
        /// The data of a TFTP request, on a fresh port of the server (RFC 1350 section 4).
        Tftp = "tftp",
        /// The unicast answer to an SSDP search of a group.
        Ssdp = "ssdp",
        /// The unicast answer to a CoAP request of a group (RFC 7252 section 8).
        Coap = "coap",
        /// Later fragments of a datagram, which carry no ports.
        Fragment = "fragment",
        /// A TCP connection to what an SSDP message's LOCATION names: evidence, and the verdict stays
        /// the port's own.
        Location = "location",
    }
}

impl LinkKind {
    /// Whether the flow is part of the other one's exchange (it is `related`), not only explained by it.
    pub const fn belongs(self) -> bool {
        !matches!(self, Self::Location)
    }

    /// Whether the flow is an answer to the other one.
    pub const fn answers(self) -> bool {
        matches!(self, Self::Tftp | Self::Ssdp | Self::Coap)
    }
}

/// A flow belongs to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Position of the flow that it belongs to.
    pub flow: u32,
    /// How.
    pub kind: LinkKind,
    /// Whether it is only probable: the request was not captured, or several requests fit.
    pub probable: bool,
}

/// An ICMP or ICMPv6 error that quotes a flow: the first one, and how many there were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// `Icmp` or `Icmpv6`.
    pub transport: Transport,
    /// Type (RFC 792: 3 unreachable; RFC 4443: 1 unreachable).
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Who sent the error: a router on the way, or the server itself.
    pub sender: IpAddr,
    /// The end (0 or 1) whose packet was quoted: what it sent failed.
    pub failed: u8,
    /// The first such error.
    pub frame: FrameId,
    /// Its time.
    pub time: Timestamp,
    /// How many errors quote the flow.
    pub count: u64,
}

impl Rejection {
    /// Whether it says that the destination cannot be reached (and not only that a packet was too big).
    pub const fn is_unreachable(&self) -> bool {
        match self.transport {
            Transport::Icmp => self.kind == 3 && self.code != 4,
            Transport::Icmpv6 => self.kind == 1,
            _ => false,
        }
    }
}

/// The relations of a survey's flows, by position of the flow in the list they were found in.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// For each flow, what it belongs to. Shorter than the list of flows where the rest has nothing.
    pub links: Vec<Option<Link>>,
    /// ICMP errors, ascending by flow; at most one entry a flow.
    pub rejections: Vec<(u32, Rejection)>,
}

impl Relations {
    /// What a flow belongs to.
    pub fn link(&self, flow: u32) -> Option<Link> {
        self.links.get(usize::try_from(flow).ok()?).copied().flatten()
    }

    /// The ICMP error that quotes a flow.
    pub fn rejection(&self, flow: u32) -> Option<&Rejection> {
        let at = self.rejections.binary_search_by_key(&flow, |(flow, _)| *flow).ok()?;
        self.rejections.get(at).map(|(_, rejection)| rejection)
    }
}
