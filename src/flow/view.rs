//! A flow looked at where it is packed: what is not asked for is not read. Written out a flow is 400 bytes, and
//! the later stages look at each some seven times, mostly at a few of its fields.

use std::fmt;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::counters::{Cold, Counts};
use super::key::{VlanCode, VlanNames};
use super::pending::{Repeated, Waiting};
use super::sources::SourceSets;
use super::tcp::Share;
use super::{FailedHandshakes, SynAnswer};
use crate::capture::{FrameId, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::protocol::{Evidence, Protocol, Transport, Turn};

/// All packets of a survey with one key, both directions. Which end is the client is not decided here.
#[derive(Clone, Copy)]
pub struct FlowView<'a> {
    /// Transport.
    pub transport: Transport,
    /// For ICMP and ICMPv6: the type, that of the request where request and reply share a flow.
    pub icmp_type: Option<u8>,
    /// For ICMP and ICMPv6: the code, if its type knows neither request nor reply; else 0.
    pub icmp_code: u8,
    /// The two ends, the smaller (address, port) first, each with what *it sent*.
    pub ends: [EndView<'a>; 2],
    /// How many idle flows of a live survey were folded into this one, whose client's port then means
    /// nothing; 0 for a flow of its own.
    pub folded: u32,
    names: Names<'a>,
}

/// One end of a flow and what it sent.
#[derive(Clone, Copy)]
pub struct EndView<'a> {
    /// Address.
    pub address: IpAddr,
    /// Port; 0 where the transport has none.
    pub port: u16,
    counts: &'a Counts,
    cold: &'a Cold,
    side: u8,
}

/// What the numbers in a packed flow mean.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) vlan: VlanCode,
    pub(super) vlans: &'a VlanNames,
    pub(super) sources: &'a SourceSets,
}

/// All that is known of it.
impl fmt::Debug for FlowView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowView")
            .field("vlan", &self.vlan())
            .field("transport", &self.transport)
            .field("icmp_type", &self.icmp_type)
            .field("icmp_code", &self.icmp_code)
            .field("ends", &self.ends)
            .field("sources", &self.sources())
            .field("folded", &self.folded)
            .finish()
    }
}

/// All that is known of it.
impl fmt::Debug for EndView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("EndView");
        all.field("address", &self.address).field("port", &self.port);
        self.each(|name, value| {
            all.field(name, value);
        });
        all.finish()
    }
}

impl<'a> FlowView<'a> {
    #[inline(always)]
    pub(super) fn new(
        transport: Transport,
        [a, b]: [(IpAddr, u16); 2],
        (counts, cold): (&'a Counts, &'a Cold),
        folded: u32,
        names: Names<'a>,
    ) -> Self {
        // The table keeps `protocol::icmp::exchange` where others have a port.
        let is_icmp = matches!(transport, Transport::Icmp | Transport::Icmpv6);
        let end = |(address, port), side| EndView { address, port: if is_icmp { 0 } else { port }, counts, cold, side };
        Self {
            transport,
            icmp_type: is_icmp.then_some(a.1 as u8),
            icmp_code: if is_icmp { (a.1 >> 8) as u8 } else { 0 },
            ends: [end(a, 0), end(b, 1)],
            folded,
            names,
        }
    }

    /// VLAN path.
    pub fn vlan(&self) -> VlanPath {
        self.names.vlans.decode(self.names.vlan)
    }

    /// Whether it has no VLAN tag.
    #[inline]
    pub fn is_untagged(&self) -> bool {
        self.names.vlan == VlanCode::UNTAGGED
    }

    /// The inputs it was seen in, ascending; of very many, the lowest.
    #[inline]
    pub fn sources(&self) -> &'a [u32] {
        self.names.sources.members(self.ends[0].cold.sources)
    }

    /// How many flows it stands for.
    #[inline]
    pub fn count(&self) -> u64 {
        u64::from(self.folded.max(1))
    }

    /// Packets both ways.
    #[inline]
    pub fn packets(&self) -> u64 {
        self.ends[0].packets() + self.ends[1].packets()
    }

    /// Bytes both ways.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.ends[0].bytes() + self.ends[1].bytes()
    }

    /// Earliest known time; unknown if no frame of it has a time.
    #[inline]
    pub fn first(&self) -> Timestamp {
        self.ends[0].first().earlier(self.ends[1].first())
    }

    /// Latest known time.
    #[inline]
    pub fn last(&self) -> Timestamp {
        self.ends[0].last().max(self.ends[1].last())
    }

    /// When its first frame was sent, as far as order goes.
    #[inline]
    pub fn begin(&self) -> Moment {
        self.ends[0].begin().min(self.ends[1].begin())
    }

    /// Its first frame.
    #[inline]
    pub fn first_frame(&self) -> FrameId {
        self.begin().frame
    }

    /// Effective time of its last frame.
    #[inline]
    pub fn end(&self) -> Timestamp {
        self.ends[0].end().max(self.ends[1].end())
    }

    /// How the numbers of other flows of the same connection, on other VLAN paths, fit the SYNs of its end `client`.
    pub fn answer_of(&self, client: usize, others: &[FlowView<'_>]) -> SynAnswer {
        let client = client & 1;
        let sent = &self.ends[client];
        let (own, bytes) = (sent.cold.tcp().deeds(client), sent.counts.stream_bytes(sent.cold, client));
        let mut found = SynAnswer::Unknown;
        for other in others {
            let theirs = other.ends[0].cold.tcp().deeds(1 - client);
            match super::tcp::answer(own.iter().copied(), theirs.iter().copied(), bytes) {
                SynAnswer::Fits => return SynAnswer::Fits,
                SynAnswer::OfAnother => found = SynAnswer::OfAnother,
                SynAnswer::Unknown => {}
            }
        }
        found
    }
}

/// The latest connections that an end opened and that came to nothing, after others that did not, by all flows of one
/// connection.
pub fn vain_openings(client: usize, flows: &[FlowView<'_>]) -> Option<FailedHandshakes> {
    let shares: SmallVec<[Share<'_>; 4]> = flows.iter().map(|flow| Share::of(flow.ends[0].cold)).collect();
    super::tcp::vain(client & 1, &shares)
}

/// Accessors, each with what it reads of the record, and all of them by name.
macro_rules! accessors {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty = |$counts:ident, $cold:ident, $side:ident| $value:expr;)*) => {
        $(
            $(#[doc = $doc])*
            #[inline]
            pub fn $name(&self) -> $kind {
                let ($counts, $cold, $side) = (self.counts, self.cold, usize::from(self.side & 1));
                let _ = ($counts, $cold);
                $value
            }
        )*

        /// Hands on each of these by name, to be shown or compared.
        pub fn each(&self, mut take: impl FnMut(&'static str, &dyn fmt::Debug)) {
            $(take(stringify!($name), &self.$name());)*
        }
    };
}

impl EndView<'_> {
    accessors! {
        /// Packets sent.
        packets: u64 = |counts, cold, side| counts.packets(cold, side);
        /// Bytes sent: original frame lengths.
        bytes: u64 = |counts, cold, side| counts.bytes(cold, side);
        /// Earliest time of a packet sent, as it was written; unknown if nothing was sent (or no frame has a time).
        first: Timestamp = |counts, cold, side| counts.first_written(cold, side);
        /// Latest time of a packet sent, as it was written.
        last: Timestamp = |counts, cold, side| counts.last_written(cold, side);
        /// When the first frame was sent, as far as order goes.
        begin: Moment = |counts, cold, side| cold.first[side];
        /// Effective time of the last.
        end: Timestamp = |counts, cold, side| counts.last(cold, side);
        /// Source MAC of the first frame.
        source_mac: Option<MacAddr> = |counts, cold, side| mac(&cold.macs[side], 6);
        /// Destination MAC of the first frame.
        destination_mac: Option<MacAddr> = |counts, cold, side| mac(&cold.macs[side], 0);
        /// Union of the TCP flags sent.
        tcp_flags: TcpFlags = |counts, cold, side| counts.flags[side];
        /// SYN segments (without ACK) sent: the first and its retries, but no copies; saturates at 65,535.
        syns: u16 = |counts, cold, side| cold.syns[side];
        /// SYN-ACK segments sent, but no copies; saturates.
        syn_acks: u16 = |counts, cold, side| cold.syn_acks[side];
        /// RST segments sent; saturates.
        resets: u16 = |counts, cold, side| cold.resets[side];
        /// Whether any payload was sent.
        has_payload: bool = |counts, cold, side| cold.has_payload(side);
        /// First frame with payload; of TCP none, whose order its sequence numbers tell.
        payload_frame: FrameId = |counts, cold, side| cold.payload(side).frame;
        /// Bits of the protocols that the payload conforms to.
        conforms: u32 = |counts, cold, side| cold.conforms[side];
        /// Bits of the protocols of the vendor's cells that the payload violates.
        violates: u32 = |counts, cold, side| u32::from(cold.violates[side]);
        /// Whether a message was sent that owes an answer.
        asks: bool = |counts, cold, side| counts.asks(cold, side);
        /// Whether anything was sent that may answer the other end: all but announcements.
        replies: bool = |counts, cold, side| counts.has_replied(side);
        /// Whether what goes on with an exchange was sent: of TFTP on its port, anything but requests.
        proceeds: bool = |counts, cold, side| counts.proceeds(side);
        /// Whether a request or a response was sent: by the first payload, for ICMP by any message.
        turn: Turn = |counts, cold, side| cold.turn(side);
        /// Time to live, or hop limit, of the first packet; 0 if it is not known.
        hops: u8 = |counts, cold, side| cold.hops[side];
        /// [`crate::protocol::Inspection::tag`] of the first payload.
        tag: u32 = |counts, cold, side| cold.tag(side);
        /// Frames seen twice (a mirror that copies both ways), counted in `packets` as well.
        duplicates: u64 = |counts, cold, side| u64::from(cold.duplicates[side]);
        /// Packets that owe an answer and that this end sent since the other end last sent anything, if that ever replied:
        /// at most 32.
        unanswered: u32 = |counts, cold, side| counts.unanswered(cold, side).0;
        /// The same, what it is; of ports that no protocol is known by, what waits if a relation makes a TFTP transfer of it.
        waiting: Waiting = |counts, cold, side| counts.waiting(cold, side);
        /// What this end sent again and again though it was answered, of the protocols whose messages have numbers.
        repeated: Repeated = |counts, cold, side| counts.repeated(cold, side);
        /// Effective time of the latest packet of this end that may be an answer; unknown if there is none.
        last_reply: Timestamp = |counts, cold, side| counts.last_reply(cold, side);
        /// Effective time of the last of them.
        unanswered_until: Timestamp = |counts, cold, side| counts.unanswered(cold, side).1;
        /// How the numbers of the other end fit the SYNs of this one.
        answer: SynAnswer = |counts, cold, side| counts.answer_to_syns(cold, side);
        /// How many bytes of TCP this end's frames can hold, at most.
        captured_bytes: u64 = |counts, cold, side| counts.captured(cold)[side];
        /// How many bytes the other end acknowledged as it closed the connection, where they cannot hold so many.
        acknowledged_beyond: Option<u64> = |counts, cold, side| counts.acknowledged_beyond(cold, side);
        /// How many connections this end opened that the other accepted, by their initial sequence numbers: at most 32.
        opened: u32 = |counts, cold, side| u32::from(cold.tcp().accepted(side));
        /// The latest connections that it opened on these ports and that came to nothing, after others that did not.
        vain_openings: Option<FailedHandshakes> = |counts, cold, side| super::tcp::vain(side, &[Share::of(cold)]);
        /// Effective time at which it opened its latest TCP connection of several; unknown of one alone.
        reopened: Timestamp = |counts, cold, side| cold.tcp().reopened(side).unwrap_or(Timestamp::UNKNOWN);
    }

    /// Its first frame.
    #[inline]
    pub fn first_frame(&self) -> FrameId {
        self.begin().frame
    }

    /// Of [`EndView::unanswered`], those after an effective time.
    pub fn unanswered_after(&self, time: Timestamp) -> u32 {
        self.counts.unanswered_after(self.cold, usize::from(self.side & 1), time)
    }

    /// Of [`EndView::waiting`], what was sent after an effective time.
    pub fn waiting_after(&self, time: Timestamp) -> Waiting {
        self.counts.waiting_after(self.cold, usize::from(self.side & 1), time)
    }

    /// What this end's payload says of `protocol`.
    #[inline]
    pub fn evidence(&self, protocol: Protocol) -> Evidence {
        if self.conforms() & protocol.bit() != 0 {
            Evidence::Conforms
        } else if self.violates() & protocol.bit() != 0 {
            Evidence::Violates
        } else {
            Evidence::Unknown
        }
    }
}

/// One of two addresses; all zeros are none.
#[inline]
fn mac(macs: &[u8; 12], at: usize) -> Option<MacAddr> {
    let bytes = *macs.get(at..)?.first_chunk::<6>()?;
    (bytes != [0; 6]).then_some(MacAddr(bytes))
}
