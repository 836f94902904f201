//! A flow looked at where it is packed: what is not asked for is not read. A flow unpacked is 400 bytes, and
//! the later stages look at each some seven times, mostly at a few of its fields.

use std::fmt;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::counters::{Cold, Counts};
use super::key::{VlanCode, VlanNames};
use super::record::evidence;
use super::sources::SourceSets;
use super::{Flow, FlowEnd, Sources, SynAnswer};
use crate::capture::{FrameId, Moment, Timestamp};
use crate::decode::{MacAddr, TcpFlags, VlanPath};
use crate::protocol::Transport;
use crate::protocol::{Evidence, Protocol, Turn};

/// A flow of a table or one made by hand. Its fields and methods have the meaning of those of [`Flow`].
#[derive(Clone, Copy)]
pub struct FlowView<'a> {
    /// See [`Flow::transport`].
    pub transport: Transport,
    /// See [`Flow::icmp_type`].
    pub icmp_type: Option<u8>,
    /// See [`Flow::icmp_code`].
    pub icmp_code: u8,
    /// See [`Flow::ends`].
    pub ends: [EndView<'a>; 2],
    /// See [`Flow::folded`].
    pub folded: u32,
    aside: Aside<'a>,
}

/// One end of a flow and what it sent. Its fields and methods have the meaning of the fields of [`FlowEnd`].
#[derive(Clone, Copy)]
pub struct EndView<'a> {
    /// See [`FlowEnd::address`].
    pub address: IpAddr,
    /// See [`FlowEnd::port`].
    pub port: u16,
    sent: Side<'a>,
}

/// Where it is kept what an end sent.
#[derive(Clone, Copy)]
enum Side<'a> {
    Packed { counts: &'a Counts, cold: &'a Cold, side: u8 },
    Unpacked(&'a FlowEnd),
}

/// Where the rest of a flow is kept.
#[derive(Clone, Copy)]
enum Aside<'a> {
    Packed { names: Names<'a>, cold: &'a Cold },
    Unpacked(&'a Flow),
}

/// What the numbers in a packed flow mean.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) vlan: VlanCode,
    pub(super) vlans: &'a VlanNames,
    pub(super) sources: &'a SourceSets,
}

/// As the flow unpacked.
impl fmt::Debug for FlowView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_flow().fmt(f)
    }
}

/// As the end unpacked.
impl fmt::Debug for EndView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_end().fmt(f)
    }
}

impl<'a> FlowView<'a> {
    #[inline(always)]
    pub(super) fn packed(
        transport: Transport,
        [a, b]: [(IpAddr, u16); 2],
        (counts, cold): (&'a Counts, &'a Cold),
        folded: u32,
        names: Names<'a>,
    ) -> Self {
        // The table keeps `protocol::icmp::exchange` where others have a port.
        let is_icmp = matches!(transport, Transport::Icmp | Transport::Icmpv6);
        let end = |(address, port), side| EndView {
            address,
            port: if is_icmp { 0 } else { port },
            sent: Side::Packed { counts, cold, side },
        };
        Self {
            transport,
            icmp_type: is_icmp.then_some(a.1 as u8),
            icmp_code: if is_icmp { (a.1 >> 8) as u8 } else { 0 },
            ends: [end(a, 0), end(b, 1)],
            folded,
            aside: Aside::Packed { names, cold },
        }
    }

    pub(super) fn of(flow: &'a Flow) -> Self {
        Self {
            transport: flow.transport,
            icmp_type: flow.icmp_type,
            icmp_code: flow.icmp_code,
            ends: flow.ends.each_ref().map(EndView::of),
            folded: flow.folded,
            aside: Aside::Unpacked(flow),
        }
    }

    /// See [`Flow::vlan`].
    pub fn vlan(&self) -> VlanPath {
        match self.aside {
            Aside::Packed { names, .. } => names.vlans.decode(names.vlan),
            Aside::Unpacked(flow) => flow.vlan.clone(),
        }
    }

    /// Whether it has no VLAN tag.
    #[inline]
    pub fn is_untagged(&self) -> bool {
        match self.aside {
            Aside::Packed { names, .. } => names.vlan == VlanCode::UNTAGGED,
            Aside::Unpacked(flow) => flow.vlan.is_untagged(),
        }
    }

    /// See [`Flow::sources`].
    #[inline]
    pub fn sources(&self) -> &'a [u32] {
        match self.aside {
            Aside::Packed { names, cold } => names.sources.members(cold.sources),
            Aside::Unpacked(flow) => &flow.sources,
        }
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

    /// How far an end's TCP numbers can have come, at most.
    fn stream_bytes(&self, side: usize) -> u64 {
        match self.ends[side & 1].sent {
            Side::Packed { counts, cold, .. } => counts.stream_bytes(cold, side & 1),
            Side::Unpacked(end) => end.bytes,
        }
    }

    /// How the numbers of other flows of the same connection, on other VLAN paths, fit the SYNs of its end `client`.
    pub fn answer_of(&self, client: usize, others: &[FlowView<'_>]) -> SynAnswer {
        let deeds = |flow: &FlowView<'_>, side: usize| match flow.aside {
            Aside::Packed { cold, .. } => cold.tcp().deeds(side & 1),
            Aside::Unpacked(_) => SmallVec::new(),
        };
        let own = deeds(self, client);
        let mut found = SynAnswer::Unknown;
        for other in others {
            let theirs = deeds(other, 1 - (client & 1));
            match super::tcp::answer(own.iter(), theirs.iter(), self.stream_bytes(client & 1)) {
                SynAnswer::Fits => return SynAnswer::Fits,
                SynAnswer::OfAnother => found = SynAnswer::OfAnother,
                SynAnswer::Unknown => {}
            }
        }
        found
    }

    /// Unpacked.
    pub fn to_flow(&self) -> Flow {
        Flow {
            vlan: self.vlan(),
            transport: self.transport,
            icmp_type: self.icmp_type,
            icmp_code: self.icmp_code,
            ends: self.ends.map(|end| end.to_end()),
            sources: self.sources().iter().copied().take(SourceSets::LIMIT).collect::<Sources>(),
            folded: self.folded,
        }
    }
}

/// Accessors, each with what it reads where the flow is packed; unpacked, the field of its name.
macro_rules! fields {
    ($($name:ident: $kind:ty = |$counts:ident, $cold:ident, $side:ident| $packed:expr;)*) => {$(
        #[doc = concat!("See [`FlowEnd::", stringify!($name), "`].")]
        #[inline]
        pub fn $name(&self) -> $kind {
            match self.sent {
                Side::Packed { counts: $counts, cold: $cold, side } => {
                    let $side = usize::from(side & 1);
                    let _ = ($counts, $cold);
                    $packed
                }
                Side::Unpacked(end) => end.$name,
            }
        }
    )*};
}

impl<'a> EndView<'a> {
    pub(super) const fn of(end: &'a FlowEnd) -> Self {
        Self { address: end.address, port: end.port, sent: Side::Unpacked(end) }
    }

    fields! {
        packets: u64 = |counts, cold, side| counts.packets(cold, side);
        bytes: u64 = |counts, cold, side| counts.bytes(cold, side);
        first: Timestamp = |counts, cold, side| counts.first_written(cold, side);
        last: Timestamp = |counts, cold, side| counts.last_written(cold, side);
        begin: Moment = |counts, cold, side| cold.first[side];
        end: Timestamp = |counts, cold, side| counts.last(cold, side);
        source_mac: Option<MacAddr> = |counts, cold, side| mac(&cold.macs[side], 6);
        destination_mac: Option<MacAddr> = |counts, cold, side| mac(&cold.macs[side], 0);
        tcp_flags: TcpFlags = |counts, cold, side| counts.flags[side];
        syns: u16 = |counts, cold, side| cold.syns[side];
        syn_acks: u16 = |counts, cold, side| cold.syn_acks[side];
        resets: u16 = |counts, cold, side| cold.resets[side];
        has_payload: bool = |counts, cold, side| cold.has_payload(side);
        payload_frame: FrameId = |counts, cold, side| cold.payload(side).frame;
        conforms: u32 = |counts, cold, side| cold.conforms[side];
        violates: u32 = |counts, cold, side| u32::from(cold.violates[side]);
        asks: bool = |counts, cold, side| counts.asks(cold, side);
        replies: bool = |counts, cold, side| counts.has_replied(side);
        turn: Turn = |counts, cold, side| cold.turn(side);
        hops: u8 = |counts, cold, side| cold.hops[side];
        tag: u32 = |counts, cold, side| cold.tag(side);
        duplicates: u64 = |counts, cold, side| u64::from(cold.duplicates[side]);
        unanswered: u32 = |counts, cold, side| counts.unanswered(cold, side).0;
        unanswered_until: Timestamp = |counts, cold, side| counts.unanswered(cold, side).1;
        answer: SynAnswer = |counts, cold, side| counts.answer_to_syns(cold, side);
        opened: u32 = |counts, cold, side| u32::from(cold.tcp().accepted(side));
        reopens: bool = |counts, cold, side| counts.reopens(cold, side);
    }

    /// Its first frame.
    #[inline]
    pub fn first_frame(&self) -> FrameId {
        self.begin().frame
    }

    /// Of [`EndView::unanswered`], those after an effective time.
    pub fn unanswered_after(&self, time: Timestamp) -> u32 {
        match self.sent {
            Side::Packed { counts, cold, side } => counts.unanswered_after(cold, usize::from(side & 1), time),
            Side::Unpacked(end) if end.unanswered_until > time => end.unanswered,
            Side::Unpacked(_) => 0,
        }
    }

    /// What this end's payload says of `protocol`.
    #[inline]
    pub fn evidence(&self, protocol: Protocol) -> Evidence {
        evidence(self.conforms(), self.violates(), protocol)
    }

    fn to_end(self) -> FlowEnd {
        if let Side::Unpacked(end) = self.sent {
            return end.clone();
        }
        FlowEnd {
            address: self.address,
            port: self.port,
            packets: self.packets(),
            bytes: self.bytes(),
            first: self.first(),
            last: self.last(),
            begin: self.begin(),
            end: self.end(),
            source_mac: self.source_mac(),
            destination_mac: self.destination_mac(),
            tcp_flags: self.tcp_flags(),
            syns: self.syns(),
            syn_acks: self.syn_acks(),
            resets: self.resets(),
            has_payload: self.has_payload(),
            payload_frame: self.payload_frame(),
            conforms: self.conforms(),
            violates: self.violates(),
            asks: self.asks(),
            replies: self.replies(),
            turn: self.turn(),
            hops: self.hops(),
            tag: self.tag(),
            duplicates: self.duplicates(),
            unanswered: self.unanswered(),
            unanswered_until: self.unanswered_until(),
            answer: self.answer(),
            opened: self.opened(),
            reopens: self.reopens(),
        }
    }
}

/// One of two addresses; all zeros are none.
#[inline]
fn mac(macs: &[u8; 12], at: usize) -> Option<MacAddr> {
    let bytes = *macs.get(at..)?.first_chunk::<6>()?;
    (bytes != [0; 6]).then_some(MacAddr(bytes))
}
