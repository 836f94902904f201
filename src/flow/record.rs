//! A flow unpacked from the table, or made by hand. The later stages look at packed ones: see [`super::FlowView`].

use std::net::IpAddr;

use super::{Sources, SynAnswer};
use super::view::{EndView, FlowView};
use crate::capture::{FrameId, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::protocol::Transport;
use crate::protocol::{Evidence, Protocol, Turn};

/// The little of a flow that tells whether it is worth a look.
#[derive(Clone, Copy, Debug)]
pub struct TransportPorts {
    /// Transport.
    pub transport: Transport,
    /// Ports of the two ends; 0 where the transport has none.
    pub ports: [u16; 2],
}

/// All packets of a survey with one key, both directions. Which end is the client is not decided here.
#[derive(Clone, Debug)]
pub struct Flow {
    /// VLAN path.
    pub vlan: VlanPath,
    /// Transport.
    pub transport: Transport,
    /// For ICMP and ICMPv6: the type, that of the request where request and reply share a flow.
    pub icmp_type: Option<u8>,
    /// For ICMP and ICMPv6: the code, if its type knows neither request nor reply; else 0.
    pub icmp_code: u8,
    /// The two ends, the smaller (address, port) first, each with what *it sent*.
    pub ends: [FlowEnd; 2],
    /// The inputs it was seen in, ascending; of very many, the lowest.
    pub sources: Sources,
    /// How many idle flows of a live survey were folded into this one, whose client's port then means
    /// nothing; 0 for a flow of its own.
    pub folded: u32,
}

/// One end of a flow and what it sent.
#[derive(Clone, Debug)]
pub struct FlowEnd {
    /// Address.
    pub address: IpAddr,
    /// Port; 0 where the transport has none.
    pub port: u16,
    /// Packets sent.
    pub packets: u64,
    /// Bytes sent: original frame lengths.
    pub bytes: u64,
    /// Earliest time of a packet sent, as it was written; unknown if nothing was sent (or no frame has a time).
    pub first: Timestamp,
    /// Latest time of a packet sent, as it was written.
    pub last: Timestamp,
    /// When the first frame was sent, as far as order goes.
    pub begin: Moment,
    /// Effective time of the last.
    pub end: Timestamp,
    /// Source MAC of that frame.
    pub source_mac: Option<MacAddr>,
    /// Destination MAC of that frame.
    pub destination_mac: Option<MacAddr>,
    /// Union of the TCP flags sent.
    pub tcp_flags: TcpFlags,
    /// SYN segments (without ACK) sent: the first and its retries, but no copies; saturates at 65,535.
    pub syns: u16,
    /// SYN-ACK segments sent, but no copies; saturates.
    pub syn_acks: u16,
    /// RST segments sent; saturates.
    pub resets: u16,
    /// Whether any payload was sent.
    pub has_payload: bool,
    /// First frame with payload; of TCP none, whose order its sequence numbers tell.
    pub payload_frame: FrameId,
    /// Bits of the protocols that the payload conforms to.
    pub conforms: u32,
    /// Bits of the protocols of the vendor's cells that the payload violates.
    pub violates: u32,
    /// Whether a message was sent that owes an answer.
    pub asks: bool,
    /// Whether anything was sent that may answer the other end: all but announcements.
    pub replies: bool,
    /// Whether a request or a response was sent: by the first payload, for ICMP by any message.
    pub turn: Turn,
    /// Time to live, or hop limit, of the first packet; 0 if it is not known.
    pub hops: u8,
    /// [`crate::protocol::Inspection::tag`] of the first payload.
    pub tag: u32,
    /// Frames seen twice (a mirror that copies both ways), counted in `packets` as well.
    pub duplicates: u64,
    /// Packets that owe an answer and that this end sent since the other end last sent anything, if that ever replied: at most 32.
    pub unanswered: u32,
    /// Effective time of the last of them.
    pub unanswered_until: Timestamp,
    /// How the numbers of the other end fit the SYNs of this one.
    pub answer: SynAnswer,
    /// How many connections this end opened that the other accepted, by their initial sequence numbers: at most 32.
    pub opened: u32,
    /// Whether it opened another TCP connection after all that the other end sent.
    pub reopens: bool,
}

impl FlowEnd {
    /// The same, to be looked at like one that is packed.
    pub const fn view(&self) -> EndView<'_> {
        EndView::of(self)
    }

    /// An end that sent nothing yet.
    pub fn silent(address: IpAddr, port: u16) -> Self {
        Self {
            address,
            port,
            packets: 0,
            bytes: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            begin: Moment::NEVER,
            end: Timestamp::UNKNOWN,
            source_mac: None,
            destination_mac: None,
            tcp_flags: TcpFlags::default(),
            syns: 0,
            syn_acks: 0,
            resets: 0,
            has_payload: false,
            payload_frame: FrameId::NONE,
            conforms: 0,
            violates: 0,
            asks: false,
            replies: false,
            turn: Turn::Unknown,
            hops: 0,
            tag: 0,
            duplicates: 0,
            unanswered: 0,
            unanswered_until: Timestamp::UNKNOWN,
            answer: SynAnswer::Unknown,
            opened: 0,
            reopens: false,
        }
    }

    /// What this end's payload says of `protocol`.
    pub const fn evidence(&self, protocol: Protocol) -> Evidence {
        evidence(self.conforms, self.violates, protocol)
    }
}

/// What the bits of an end's payload say of a protocol.
#[inline]
pub(super) const fn evidence(conforms: u32, violates: u32, protocol: Protocol) -> Evidence {
    if conforms & protocol.bit() != 0 {
        Evidence::Conforms
    } else if violates & protocol.bit() != 0 {
        Evidence::Violates
    } else {
        Evidence::Unknown
    }
}

impl Flow {
    /// The same, to be looked at like one that is packed.
    pub fn view(&self) -> FlowView<'_> {
        FlowView::of(self)
    }

    /// The little that tells whether it is worth a closer look.
    pub fn transport_ports(&self) -> TransportPorts {
        let [a, b] = &self.ends;
        TransportPorts { transport: self.transport, ports: [a.port, b.port] }
    }

    /// Whether the first payload of either end has a tag ([`FlowEnd::tag`]).
    pub fn is_tagged(&self) -> bool {
        self.ends[0].tag | self.ends[1].tag != 0
    }

    /// Earliest known time; unknown if no frame of it has a time.
    pub fn first(&self) -> Timestamp {
        self.view().first()
    }
}
