//! What few packets touch, and what few flows have.

use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::TcpFlags;
use crate::flow::packet::Macs;
use crate::flow::pending::{PendingReplies, PendingReply};
use crate::flow::sources::SourceSet;
use crate::flow::tcp::{Heads, Latest, SegmentHead, Tcp};
use crate::protocol::Turn;

/// What few packets touch: two cache lines.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(in crate::flow) struct Cold {
    /// The first packet.
    pub(in crate::flow) first: [Moment; 2],
    pub(in crate::flow) macs: [Macs; 2],
    /// Protocols that the first payload conforms to, and the port's own if any payload did.
    pub(in crate::flow) conforms: [u32; 2],
    pub(in crate::flow) told: TransportState,
    pub(in crate::flow) duplicates: [u32; 2],
    /// Fingerprint and flags of the packet of an end that came first, which may be a copy of what came before in another
    /// part.
    pub(super) arrived: [u32; 2],
    pub(super) arrived_flags: [TcpFlags; 2],
    pub(in crate::flow) syns: [u16; 2],
    pub(in crate::flow) syn_acks: [u16; 2],
    pub(in crate::flow) resets: [u16; 2],
    /// As `conforms`; the protocols of the vendor's cells are the first eight bits.
    pub(in crate::flow) violates: [u8; 2],
    /// What an end's payload is: [`HAS_PAYLOAD`] to [`RESPONSE`], and [`IS_SHORTENED`].
    pub(super) said: [u8; 2],
    /// Time to live of the first packet.
    pub(in crate::flow) hops: [u8; 2],
    pub(in crate::flow) sources: SourceSet,
    pub(super) odd: Option<Box<ColdExtras>>,
}

/// In [`Cold::said`]: there is payload, the first of which is in the first packet, as mostly, or in [`RareFacts::payload`]. Not
/// for TCP, whose order its sequence numbers tell.
pub(super) const HAS_PAYLOAD: u8 = 1;
/// In [`Cold::said`]: TCP payload was sent, but for a keep-alive's byte.
pub(super) const HAS_SEGMENT: u8 = 2;
/// In [`Cold::said`]: the first payload owes an answer.
pub(super) const CALLS: u8 = 4;
/// In [`Cold::said`]: a request was sent, by the first payload, for ICMP by any message.
pub(super) const REQUEST: u8 = 8;
/// In [`Cold::said`]: a response was sent, likewise.
pub(super) const RESPONSE: u8 = 16;
/// What the first payload says.
const FIRST: u8 = CALLS | REQUEST | RESPONSE;
/// In the first of [`Cold::said`]: there is [`RareFacts`]. Asked of the box that may hold it, that would be another cache line.
pub(super) const HAS_RARE: u8 = 32;
/// In [`Cold::said`]: a frame was shorter on the wire than its own headers say, as mirrors make them that cut what they copy.
pub(super) const IS_SHORTENED: u8 = 64;

/// What only flows of one transport tell.
#[derive(Clone, Debug)]
pub(in crate::flow) enum TransportState {
    /// [`crate::protocol::Inspection::tag`] of each end's first payload, but for TCP's.
    Tags([u32; 2]),
    Tcp(Tcp),
}

/// Kept only for flows with several open questions, an unfinished stream beginning, or [`RareFacts`] facts.
#[derive(Clone, Debug)]
pub(super) struct ColdExtras {
    /// What each end sent since the other end last replied and owes an answer, but for what is [`super::PENDING`], if it is
    /// [`super::HELD`]: mostly one packet.
    pub(super) one: [PendingReply; 2],
    /// The same if it is [`super::MORE`].
    pub(super) more: [Option<Box<PendingReplies>>; 2],
    pub(super) heads: Option<Box<Heads>>,
    pub(super) rare: Option<Box<RareFacts>>,
    /// When each end last sent what may be an answer, if it has sent later ones since that are none: [`super::ANNOUNCED`].
    pub(super) replied: [Timestamp; 2],
    /// What each end sent once more right behind the same, and late enough to be a repetition.
    pub(super) repeated: Option<Box<[PendingReplies; 2]>>,
}

impl Default for ColdExtras {
    fn default() -> Self {
        let (one, replied) = ([PendingReply::default(); 2], [Timestamp::UNKNOWN; 2]);
        Self { one, more: [None, None], heads: None, rare: None, replied, repeated: None }
    }
}

/// What there is only where packets came out of order, or the clock was set, or counts ran over, and times that are
/// mostly others' as well.
#[derive(Clone, Debug)]
pub(super) struct RareFacts {
    /// Carries out of [`super::Counts::packets`] and [`super::Counts::bytes`].
    pub(super) high: [[u16; 2]; 2],
    /// The first payload, where it is not in the first packet.
    pub(super) payload: [Moment; 2],
    /// Latest effective time before the last packet that came: later than that where order was broken.
    pub(super) latest: [Timestamp; 2],
    /// When [`Cold::arrived`] was sent: not the first time where order was broken.
    pub(super) arrived: [Timestamp; 2],
    /// Times as they were written, where they are not the effective ones.
    pub(super) written: Option<Written>,
}

/// First and last time of each end as they were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::flow) struct Written {
    /// [`NEVER`] before the first.
    pub(super) first: [i64; 2],
    pub(super) last: [Timestamp; 2],
}

/// No packet, or none with a time.
pub(super) const NEVER: i64 = i64::MAX;

impl Cold {
    pub(in crate::flow) fn new(sources: SourceSet) -> Self {
        Self {
            first: [Moment::NEVER; 2],
            macs: [[0; 12]; 2],
            conforms: [0; 2],
            told: TransportState::Tcp(Tcp::Nothing),
            duplicates: [0; 2],
            arrived: [0; 2],
            arrived_flags: [TcpFlags(0); 2],
            syns: [0; 2],
            syn_acks: [0; 2],
            resets: [0; 2],
            violates: [0; 2],
            said: [0; 2],
            hops: [0; 2],
            sources,
            odd: None,
        }
    }

    /// The same with its frames `shift` later, as part of another table, where `sources` are its inputs.
    pub(in crate::flow) fn shifted(&self, shift: Shift, sources: SourceSet) -> Self {
        let mut cold = Self { sources, ..self.clone() };
        for at in &mut cold.first {
            *at = at.shifted(shift);
        }
        if let Some(odd) = &mut cold.odd {
            odd.heads.iter_mut().for_each(|heads| heads.shift(shift));
            for at in odd.rare.iter_mut().flat_map(|rare| &mut rare.payload) {
                *at = at.shifted(shift);
            }
        }
        if let TransportState::Tcp(tcp) = &mut cold.told {
            tcp.shift(shift);
        }
        cold
    }

    /// [`crate::protocol::Inspection::tag`] of an end's first payload.
    #[inline]
    pub(in crate::flow) fn tag(&self, side: usize) -> u32 {
        if let TransportState::Tags(tags) = &self.told { tags[side] } else { 0 }
    }

    pub(super) fn set_tag(&mut self, side: usize, tag: u32) {
        let mut tags = [self.tag(0), self.tag(1)];
        tags[side] = tag;
        self.told = TransportState::Tags(tags);
    }

    /// What TCP's numbers tell.
    #[inline]
    pub(in crate::flow) fn tcp(&self) -> &Tcp {
        if let TransportState::Tcp(tcp) = &self.told { tcp } else { &Tcp::Nothing }
    }

    /// Takes what connections did at last, unless it does not fit the flow.
    pub(in crate::flow) fn set_latest(&mut self, latest: Latest) -> bool {
        if let TransportState::Tcp(tcp) = &mut self.told { tcp.set_latest(latest) } else { false }
    }

    /// Takes the beginning of a segment that TCP's numbers want. Says whether this direction need not be looked at any more,
    /// and whether a stream begins with it that conforms: what it says then counts, whatever else was sent with the same
    /// number.
    pub(super) fn put_head(&mut self, head: SegmentHead, at: Moment) -> (bool, bool) {
        let TransportState::Tcp(tcp) = &mut self.told else { return (false, false) };
        let (side, sequence) = (head.side(), head.sequence);
        if head.conforms != 0 && tcp.beginnings(side).any(|begin| begin == sequence) {
            if let Some(heads) = self.odd.as_mut().and_then(|odd| odd.heads.as_mut()) {
                heads.forget(side, sequence);
            }
            let begins = self.first.map(|begin| begin.min(at));
            return (true, tcp.conform(side, sequence, at, begins));
        }
        let heads = self.odd.get_or_insert_default().heads.get_or_insert_default();
        (heads.put(head, at, tcp), false)
    }

    /// Adds what TCP's numbers and beginnings told in another part.
    pub(super) fn absorb_tcp(&mut self, begins: [Moment; 2], other: &Self, shift: Shift) {
        let (TransportState::Tcp(tcp), TransportState::Tcp(theirs)) = (&mut self.told, &other.told) else { return };
        tcp.absorb(begins, theirs, other.first, shift);
        if let Some(theirs) = other.odd.as_ref().and_then(|odd| odd.heads.as_ref()) {
            let heads = self.odd.get_or_insert_default().heads.get_or_insert_default();
            heads.absorb(theirs, shift, tcp);
        }
    }

    /// The first payload of an end, but for TCP's.
    #[inline]
    pub(in crate::flow) fn payload(&self, side: usize) -> Moment {
        if self.said[side] & HAS_PAYLOAD == 0 {
            return Moment::NEVER;
        }
        self.has_rare().map(|rare| rare.payload[side]).filter(|at| at.is_some()).unwrap_or(self.first[side])
    }

    /// Notes the first payload. To be called after the first packet was noted.
    pub(super) fn set_payload(&mut self, side: usize, at: Moment) {
        self.said[side] |= HAS_PAYLOAD;
        if at != self.first[side] {
            self.rare().payload[side] = at;
        } else if self.has_rare().is_some() {
            self.rare().payload[side] = Moment::NEVER;
        }
    }

    /// Notes the first packet of an end, wherever its first payload is.
    pub(super) fn set_first(&mut self, side: usize, at: Moment) {
        let payload = self.payload(side);
        self.first[side] = at;
        if payload.is_some() {
            self.set_payload(side, payload);
        }
    }

    /// Notes what the first payload is.
    pub(super) fn say(&mut self, side: usize, said: u8) {
        self.said[side] = self.said[side] & !FIRST | said & FIRST;
    }

    pub(super) fn odd(&mut self) -> &mut ColdExtras {
        self.odd.get_or_insert_default()
    }

    pub(super) fn has_rare(&self) -> Option<&RareFacts> {
        if self.said[0] & HAS_RARE == 0 {
            return None;
        }
        self.odd.as_ref().and_then(|odd| odd.rare.as_deref())
    }

    /// What there is only out of order and the like, made if need be.
    pub(super) fn rare(&mut self) -> &mut RareFacts {
        let arrived = self.first.map(|at| at.time);
        self.said[0] |= HAS_RARE;
        let none = || {
            Box::new(RareFacts {
                high: [[0; 2]; 2],
                payload: [Moment::NEVER; 2],
                latest: [Timestamp::UNKNOWN; 2],
                arrived,
                written: None,
            })
        };
        self.odd().rare.get_or_insert_with(none)
    }

    pub(super) fn latest(&self, side: usize) -> Timestamp {
        self.has_rare().map_or(Timestamp::UNKNOWN, |rare| rare.latest[side])
    }

    /// When the packet was sent that came first.
    pub(super) fn arrived_at(&self, side: usize) -> Timestamp {
        self.has_rare().map_or(self.first[side].time, |rare| rare.arrived[side])
    }

    pub(super) fn written(&self) -> Option<Written> {
        self.has_rare().and_then(|rare| rare.written)
    }

    #[inline]
    pub(super) fn high(&self, side: usize) -> [u16; 2] {
        self.has_rare().map_or([0; 2], |rare| rare.high[side])
    }

    /// Whether an end sent payload.
    #[inline]
    pub(in crate::flow) const fn has_payload(&self, side: usize) -> bool {
        self.said[side] & (HAS_PAYLOAD | HAS_SEGMENT) != 0
    }

    /// What an end said of its part in the exchange.
    #[inline]
    pub(in crate::flow) const fn turn(&self, side: usize) -> Turn {
        match self.said[side] & (REQUEST | RESPONSE) {
            0 => Turn::Unknown,
            RESPONSE => Turn::Response,
            _ => Turn::Request,
        }
    }

    /// What was counted as a packet of its own turned out to be a copy.
    pub(super) fn take_back(&mut self, side: usize, flags: TcpFlags) {
        self.duplicates[side] = self.duplicates[side].saturating_add(1);
        let take = |counter: &mut u16, hit: bool| *counter = counter.saturating_sub(u16::from(hit));
        take(&mut self.syns[side], flags.is_syn());
        take(&mut self.syn_acks[side], flags.is_syn_ack());
        take(&mut self.resets[side], flags.has(TcpFlags::RST));
    }
}

/// As it stands in [`Cold::said`].
pub(super) const fn said(turn: Turn) -> u8 {
    match turn {
        Turn::Unknown => 0,
        Turn::Request => REQUEST,
        Turn::Response => RESPONSE,
    }
}
