//! What the relation stage knows of each flow: plain data that verdicts rest on.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::Rejection;
use crate::capture::{Moment, Timestamp};
use crate::flow::{IcmpError, TftpFile, Window};
use crate::protocol::Protocol;
use crate::text::named;

named! {
    /// How a flow belongs to another.
    pub enum LinkKind {
        /// The data of a TFTP request, on a fresh port of the server (RFC 1350 section 4).
        Tftp = "tftp",
        /// The unicast answer to an SSDP search of a group.
        Ssdp = "ssdp",
        /// The unicast answer to a CoAP request of a group (RFC 7252 section 8).
        Coap = "coap",
        /// The unicast answer to a BACnet Who-Is or Who-Has of a group.
        Bacnet = "bacnet",
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

    /// Whether it may be the answer to what was asked of a group.
    pub const fn answers_group(self) -> bool {
        matches!(self, Self::Ssdp | Self::Coap | Self::Bacnet)
    }

    /// The protocol of the exchange that the flow is part of.
    pub const fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Tftp => Some(Protocol::Tftp),
            Self::Ssdp => Some(Protocol::Ssdp),
            Self::Coap => Some(Protocol::Coap),
            Self::Bacnet => Some(Protocol::Bacnet),
            Self::Location => None,
        }
    }
}

/// A flow belongs to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Position of the flow that it belongs to; `None` where that was not captured (a TFTP transfer
    /// known only by its alternation of DATA and ACK).
    pub flow: Option<u32>,
    /// How.
    pub kind: LinkKind,
    /// Whether it is only probable: the request, or the payload that would prove it, was not captured.
    pub probable: bool,
    /// Whether the payload that was captured is of [`LinkKind::protocol`]: evidence that conforms,
    /// which the flow's ports alone could not give.
    pub payload_fits: bool,
}

/// That a LOCATION header named an address and port before a connection to it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// Who announced it.
    pub announcer: IpAddr,
    /// What it announced.
    pub location: SocketAddr,
    /// When first, as it was written.
    pub time: Timestamp,
    /// The first, as far as order goes.
    pub at: Moment,
    /// Position of the flow that carried it, if known.
    pub flow: Option<u32>,
}

/// What was sent on flows of their own and came to nothing: all the answers to a request, or what went on once a transfer
/// had begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vain {
    /// When the silent end last took anything up; unknown if who asked never did.
    pub since: Timestamp,
    /// How much came to nothing since.
    pub tries: u32,
    /// Effective time of the last of it.
    pub until: Timestamp,
    /// Whether it is who asked that is silent.
    pub of_client: bool,
    /// Whether all of it was acknowledged, and none of that arrived.
    pub is_acknowledged: bool,
    /// The flow and the end whose packets an ICMP error quotes, if answers were sent back.
    pub sent_back: Option<(u32, u8)>,
}

/// The relations of a survey's flows, by position of the flow in the list they were found in.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// Nanoseconds by which the clocks of inputs differ, as connections tell.
    pub skew: i64,
    /// For each flow, what it belongs to. Shorter than the list of flows where the rest has nothing.
    pub links: Vec<Option<Link>>,
    /// ICMP errors, ascending by flow and the end whose packets failed; one entry for each.
    pub rejections: Vec<(u32, Rejection)>,
    /// ICMP errors that quote no flow that was seen, by the packet they quote.
    pub orphan_rejections: Vec<(IcmpError, Window)>,
    /// Requests that other flows answered, with how many: a TFTP request by its transfers, a search or a group request by
    /// its answers.
    pub answered: HashMap<u32, u32>,
    /// Effective time of the last packet of the transfers that answered a TFTP request.
    pub answered_until: HashMap<u32, Timestamp>,
    /// Requests whose answers, on flows of their own, did not reach who asked, and those whose transfer stopped.
    pub vain: HashMap<u32, Vain>,
    /// TCP flows to a place that a LOCATION header had named.
    pub announced: HashMap<u32, Announcement>,
    /// The file that the first request of a flow to TFTP's port names.
    pub tftp_files: HashMap<u32, TftpFile>,
    /// Transfers that came from another address of the device that was asked: the request and the transfer.
    pub other_addresses: Vec<(u32, u32)>,
    /// Evidence that found no room, in words: relations may be missing. Empty as a rule.
    pub overflows: Vec<&'static str>,
}

impl Relations {
    /// Notes that some evidence found no room.
    pub(super) fn overflowed(&mut self, what: &'static str) {
        if !self.overflows.contains(&what) {
            self.overflows.push(what);
        }
    }

    /// What a flow belongs to.
    pub fn link(&self, flow: u32) -> Option<Link> {
        self.links.get(usize::try_from(flow).ok()?).copied().flatten()
    }

    /// Notes what a flow belongs to, in place of what was noted before.
    pub fn set_link(&mut self, flow: u32, link: Link) {
        let at = flow as usize;
        if self.links.len() <= at {
            self.links.resize(at + 1, None);
        }
        self.links[at] = Some(link);
    }

    /// The ICMP error that quotes what an end (0 or 1) of a flow sent. About the client's packets it
    /// means that the service was not reached, about the server's only that the client had gone.
    pub fn rejection_of(&self, flow: u32, end: u8) -> Option<&Rejection> {
        let at =
            self.rejections.binary_search_by_key(&(flow, end), |(flow, rejection)| (*flow, rejection.failed)).ok()?;
        self.rejections.get(at).map(|(_, rejection)| rejection)
    }

    /// The ICMP error that sent back all that an end (0 or 1) of a flow sent.
    pub fn sent_back(&self, flow: u32, end: u8, packets: u64) -> Option<&Rejection> {
        self.rejection_of(flow, end).filter(|error| error.is_unreachable() && packets > 0 && error.count >= packets)
    }

    /// The earlier of the ICMP errors that quote a flow, whichever end's packets failed.
    pub fn rejection(&self, flow: u32) -> Option<&Rejection> {
        [0, 1].iter().filter_map(|&end| self.rejection_of(flow, end)).min_by_key(|rejection| rejection.at)
    }
}
