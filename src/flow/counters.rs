//! What the table keeps of a flow: a hot part that every packet touches (one cache line for IPv4), and a
//! cold part that few do. Both hold only what can be added.

mod absorb;
mod waiting;

use std::net::IpAddr;

use super::sources::SourceSet;
use super::tcp::{SynAnswer, Tcp};
use super::trail::Trail;
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::{TcpFlags, tcp_numbers};
use crate::policy::Transport;
use crate::protocol::{self, Inspection, Message, Turn};

/// Destination and source MAC as they stand in a frame; zero where the link has none.
pub(super) type Macs = [u8; 12];

/// One packet as the table takes it.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    /// Which end of the key sent it.
    pub(super) side: u8,
    pub(super) flags: TcpFlags,
    /// As far as order goes.
    pub(super) at: Moment,
    /// Original length.
    pub(super) length: u32,
    /// What tells its copies ([`Sent::copy_window`]); 0 where a repetition could not be told from a copy.
    pub(super) fingerprint: u32,
    /// TCP sequence and acknowledgment number; `None` where they were cut off, and for other transports.
    pub(super) numbers: Option<&'a [u8; 8]>,
    /// Whether it owes an answer, and whether it may be one.
    pub(super) message: Message,
    /// Whether it tells more than most: [`Sent::notable`].
    pub(super) is_notable: bool,
    /// For ICMP: whether it asks or answers.
    pub(super) turn: Turn,
    /// Time to live, or hop limit.
    pub(super) hops: u8,
    pub(super) macs: Macs,
    pub(super) payload: &'a [u8],
    pub(super) payload_length: u32,
}

/// In a fingerprint: the sender counts its packets, so that a repetition has another one.
pub(super) const COUNTED: u32 = 1;

/// Nanoseconds within which a packet with the same fingerprint is a copy: a mirror's copies lie microseconds apart.
///
/// A sender that counts its packets (IPv4 identification) repeats none of them; what is told apart is a counter that
/// came round. Other packets are repeated byte for byte, and only time parts that from a copy: TCP repeats a segment
/// after 200 ms or more as a rule (RFC 6298 asks for one second), and not before a round trip and the fourth part of
/// one more (RFC 8985 section 7.2), CoAP after two seconds (RFC 7252 section 4.8).
pub(super) const fn copy_window(fingerprint: u32) -> u64 {
    if fingerprint & COUNTED != 0 { 50_000_000 } else { 1_000_000 }
}

impl Sent<'_> {
    /// What stands where no packet is.
    pub(super) const NOTHING: Self = Self {
        side: 0,
        flags: TcpFlags(0),
        at: Moment::NEVER,
        length: 0,
        fingerprint: 0,
        numbers: None,
        message: Message::OTHER,
        is_notable: false,
        turn: Turn::Unknown,
        hops: 0,
        macs: [0; 12],
        payload: &[],
        payload_length: 0,
    };

    /// Whether a packet opens or resets a connection, asks or answers by ICMP, or has another effective time than the
    /// written one.
    #[inline]
    pub(super) fn notable(flags: u8, turn: Turn, is_odd: bool) -> bool {
        (flags & (TcpFlags::SYN | TcpFlags::RST) != 0) | (turn != Turn::Unknown) | is_odd
    }

    /// Whether it went to many: to a multicast or broadcast address, or to a group MAC, as a subnet's directed
    /// broadcast does.
    #[inline]
    pub(super) fn is_to_group(&self, destination: IpAddr) -> bool {
        self.is_to_group_mac()
            || match destination {
                IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast(),
                IpAddr::V6(v6) => v6.is_multicast(),
            }
    }

    #[inline]
    const fn is_to_group_mac(&self) -> bool {
        self.macs[0] & 1 != 0
    }
}

/// What every packet touches: for IPv4 one cache line, which it begins with.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Hot<K> {
    pub(super) key: K,
    pub(super) counts: Counts,
}

/// What is counted with every packet. Index of each pair: the end that sent.
#[derive(Clone, Debug)]
#[repr(C)]
pub(super) struct Counts {
    /// Effective time of the last packet that came; [`Timestamp::UNKNOWN`] before the first.
    recent: [Timestamp; 2],
    /// Low 32 bits; the rest is in [`Cold::high`].
    packets: [u32; 2],
    bytes: [u32; 2],
    fingerprint: [u32; 2],
    pub(super) flags: [TcpFlags; 2],
    /// What need not be looked at any more of what an end sends: [`PAYLOAD`] and [`NUMBERS`].
    settled: [u8; 2],
    /// Who waits for an answer: a bit for the end, of which there is one at most.
    waits: u8,
    state: u8,
}

/// In [`Counts::state`]: a packet came behind a later one of its direction.
const DISORDERED: u8 = 1;
/// In [`Counts::state`]: a time was written otherwise than it is effective, so that [`Odd::written`] has to be kept.
const REWRITTEN: u8 = 2;
/// In [`Counts::state`]: what [`Cold::trail`] holds is of an earlier wait.
const FRESH: u8 = 4;
/// In [`Counts::state`]: of what waits, the last packet that came is not in [`Cold::trail`] yet. Most are answered before
/// the next comes.
const PENDING: u8 = 8;
/// In [`Counts::state`]: an end sent what owes an answer.
const ASKED: [u8; 2] = [1 << ASKED_SHIFT, 2 << ASKED_SHIFT];
const ASKED_SHIFT: u8 = 4;
/// In [`Counts::state`]: an end sent what may be an answer. Until it does, nothing that the other asked is answered.
const REPLIED: [u8; 2] = [1 << REPLIED_SHIFT, 2 << REPLIED_SHIFT];
const REPLIED_SHIFT: u8 = 6;

/// In [`Counts::settled`]: payload.
const PAYLOAD: u8 = 1;
/// In [`Counts::settled`]: acknowledgment numbers.
const NUMBERS: u8 = 2;

/// What few packets touch.
#[derive(Clone, Debug)]
pub(super) struct Cold {
    /// The first packet.
    pub(super) first: [Moment; 2],
    /// Where the first payload is, but for TCP's, whose order its sequence numbers tell.
    payload: [FirstPayload; 2],
    arrived: [Arrived; 2],
    pub(super) macs: [Macs; 2],
    /// Protocols that the first payload conforms to, and the port's own if any payload did.
    pub(super) conforms: [u32; 2],
    pub(super) tag: [u32; 2],
    pub(super) duplicates: [u32; 2],
    /// Carries out of [`Counts::packets`] and [`Counts::bytes`].
    high: [[u16; 2]; 2],
    pub(super) syns: [u16; 2],
    pub(super) syn_acks: [u16; 2],
    pub(super) resets: [u16; 2],
    /// As `conforms`; the protocols of the vendor's cells are the first eight bits.
    pub(super) violates: [u8; 2],
    /// Whether the first payload owes an answer.
    asks: [bool; 2],
    /// Whether TCP payload was sent, but for a keep-alive's byte.
    has_segment: [bool; 2],
    /// Whether a request was sent, and a response: by the first payload, for ICMP by any message.
    turns: [[bool; 2]; 2],
    /// Time to live of the first packet.
    pub(super) hops: [u8; 2],
    pub(super) sources: SourceSet,
    pub(super) tcp: Tcp,
    /// How the other end's numbers fit an end's SYNs, and how many of these it accepted: when all is known.
    pub(super) answer: [SynAnswer; 2],
    pub(super) opened: [u8; 2],
    /// What there is only where packets came out of order, or several in a row owe an answer, or the clock was set.
    odd: Option<Box<Odd>>,
}

/// The packet of an end that came first, which may be a copy of what came before in another part.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    fingerprint: u32,
    flags: TcpFlags,
}

impl Arrived {
    const NOTHING: Self = Self { fingerprint: 0, flags: TcpFlags(0) };
}

/// Where the first payload of an end is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FirstPayload {
    Nowhere,
    /// In the first packet, as mostly.
    First,
    /// In [`Odd::payload`].
    Later,
}

/// What the hot part noticed of a packet that it does not take alone.
#[derive(Clone, Copy)]
struct Rare {
    side: usize,
    /// The count of its direction was 0.
    new: bool,
    /// Out of the counts of packets and of bytes.
    carries: [bool; 2],
    copy: bool,
}

/// What few flows have, and times that are mostly others' as well.
#[derive(Clone, Debug)]
struct Odd {
    /// What was sent since the other end last sent anything and owes an answer, but for what is [`PENDING`]; of no meaning
    /// if nobody waits, or if it is [`FRESH`].
    trail: Trail,
    /// The first payload, where it is not in the first packet.
    payload: [Moment; 2],
    /// Latest effective time before the last packet that came: later than that where order was broken.
    latest: [Timestamp; 2],
    /// When [`Cold::arrived`] was sent: not the first time where order was broken.
    arrived: [Timestamp; 2],
    /// Times as they were written, where they are not the effective ones.
    written: Option<Written>,
}

/// First and last time of each end as they were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Written {
    /// [`NEVER`] before the first.
    first: [i64; 2],
    last: [Timestamp; 2],
}

/// No packet, or none with a time.
const NEVER: i64 = i64::MAX;

impl Cold {
    /// As it adds to another flow: its packets are no copies of that one's, nor its questions that one's.
    pub(super) fn of_another(&self) -> Self {
        Self { arrived: [Arrived::NOTHING; 2], tag: [0; 2], tcp: Tcp::default(), ..self.clone() }
    }

    pub(super) fn new(sources: SourceSet) -> Self {
        Self {
            first: [Moment::NEVER; 2],
            payload: [FirstPayload::Nowhere; 2],
            arrived: [Arrived::NOTHING; 2],
            macs: [[0; 12]; 2],
            conforms: [0; 2],
            tag: [0; 2],
            duplicates: [0; 2],
            high: [[0; 2]; 2],
            syns: [0; 2],
            syn_acks: [0; 2],
            resets: [0; 2],
            violates: [0; 2],
            asks: [false; 2],
            has_segment: [false; 2],
            turns: [[false; 2]; 2],
            hops: [0; 2],
            sources,
            tcp: Tcp::default(),
            answer: [SynAnswer::Unknown; 2],
            opened: [0; 2],
            odd: None,
        }
    }

    /// The same with its frames `shift` later, as part of another table, where `sources` are its inputs.
    pub(super) fn shifted(&self, shift: Shift, sources: SourceSet) -> Self {
        let mut cold = Self { sources, ..self.clone() };
        for at in &mut cold.first {
            *at = at.shifted(shift);
        }
        for at in cold.odd.iter_mut().flat_map(|odd| &mut odd.payload) {
            *at = at.shifted(shift);
        }
        cold.tcp.shift(shift);
        cold
    }

    /// Whether a payload of either direction left a tag.
    pub(super) fn is_tagged(&self) -> bool {
        self.tag[0] | self.tag[1] != 0
    }

    /// The first payload of an end, but for TCP's.
    #[inline]
    pub(super) fn payload(&self, side: usize) -> Moment {
        match self.payload[side] {
            FirstPayload::Nowhere => Moment::NEVER,
            FirstPayload::First => self.first[side],
            FirstPayload::Later => self.odd.as_ref().map_or(Moment::NEVER, |odd| odd.payload[side]),
        }
    }

    /// Notes the first payload. To be called after the first packet was noted.
    fn set_payload(&mut self, side: usize, at: Moment) {
        self.payload[side] = if at == self.first[side] { FirstPayload::First } else { FirstPayload::Later };
        if at != self.first[side] {
            self.odd().payload[side] = at;
        }
    }

    /// Notes the first packet of an end, wherever its first payload is.
    fn set_first(&mut self, side: usize, at: Moment) {
        let payload = self.payload(side);
        self.first[side] = at;
        if payload.is_some() {
            self.set_payload(side, payload);
        }
    }

    fn trail_len(&self) -> usize {
        self.odd.as_ref().map_or(0, |odd| odd.trail.len())
    }

    /// What there is only out of order, made if need be.
    fn odd(&mut self) -> &mut Odd {
        let arrived = self.first.map(|at| at.time);
        let none = || {
            Box::new(Odd {
                trail: Trail::default(),
                payload: [Moment::NEVER; 2],
                latest: [Timestamp::UNKNOWN; 2],
                arrived,
                written: None,
            })
        };
        self.odd.get_or_insert_with(none)
    }

    fn latest(&self, side: usize) -> Timestamp {
        self.odd.as_ref().map_or(Timestamp::UNKNOWN, |odd| odd.latest[side])
    }

    /// When the packet was sent that came first.
    fn arrived_at(&self, side: usize) -> Timestamp {
        self.odd.as_ref().map_or(self.first[side].time, |odd| odd.arrived[side])
    }

    fn has_written(&self) -> bool {
        self.odd.as_ref().is_some_and(|odd| odd.written.is_some())
    }

    /// Whether an end sent payload.
    #[inline]
    pub(super) fn has_payload(&self, side: usize) -> bool {
        self.has_segment[side] || self.payload[side] != FirstPayload::Nowhere
    }

    /// What an end said of its part in the exchange.
    #[inline]
    pub(super) fn turn(&self, side: usize) -> Turn {
        match self.turns[side] {
            [true, _] => Turn::Request,
            [false, true] => Turn::Response,
            _ => Turn::Unknown,
        }
    }

    /// What was counted as a packet of its own turned out to be a copy.
    fn take_back(&mut self, side: usize, copy: &Arrived) {
        self.duplicates[side] = self.duplicates[side].saturating_add(1);
        let take = |counter: &mut u16, hit: bool| *counter = counter.saturating_sub(u16::from(hit));
        take(&mut self.syns[side], copy.flags.is_syn());
        take(&mut self.syn_acks[side], copy.flags.is_syn_ack());
        take(&mut self.resets[side], copy.flags.has(TcpFlags::RST));
    }

    fn note_turn(&mut self, side: usize, turn: Turn) {
        let [request, response] = &mut self.turns[side];
        *request |= turn == Turn::Request;
        *response |= turn == Turn::Response;
    }
}

impl Counts {
    /// Of a flow without packets.
    pub(super) const NONE: Self = Self {
        recent: [Timestamp::UNKNOWN; 2],
        packets: [0; 2],
        bytes: [0; 2],
        fingerprint: [0; 2],
        flags: [TcpFlags(0); 2],
        settled: [0; 2],
        waits: 0,
        state: 0,
    };

    #[inline]
    pub(super) fn packets(&self, cold: &Cold, side: usize) -> u64 {
        u64::from(cold.high[0][side]) << 32 | u64::from(self.packets[side])
    }

    #[inline]
    pub(super) fn bytes(&self, cold: &Cold, side: usize) -> u64 {
        u64::from(cold.high[1][side]) << 32 | u64::from(self.bytes[side])
    }

    /// Adds a packet. The cold part is touched only by the first packet of a direction, by payload that
    /// may still say something, by what owes an answer and has none, by SYN and RST, and by what is out of order. `written`
    /// is its time as it was written.
    #[inline(always)]
    pub(super) fn add(&mut self, cold: &mut Cold, sent: &Sent<'_>, written: Timestamp) {
        let side = usize::from(sent.side & 1);
        let (packets, carry) = self.packets[side].overflowing_add(1);
        let (bytes, carry_bytes) = self.bytes[side].overflowing_add(sent.length);
        let new = self.packets[side] == 0;
        self.packets[side] = packets;
        self.bytes[side] = bytes;
        let (now, before) = (sent.at.time, self.recent[side]);
        let other = 1 - side;
        let copy = (sent.fingerprint != 0)
            & (sent.fingerprint == self.fingerprint[side])
            & (now.raw().abs_diff(before.raw()) <= copy_window(sent.fingerprint));
        let late = now < before;
        let (mine, waited) = (self.waits >> side & 1, self.waits >> other & 1 != 0);
        let again = self.is_pending() & (mine != 0);
        let odd = (self.state & (DISORDERED | REWRITTEN) != 0)
            | (waited & ((now < self.recent[other]) | sent.message.announces));
        self.flags[side].0 |= sent.flags.0;
        if new | carry | carry_bytes | copy | late | sent.is_notable | again | odd {
            return self.add_rarely(cold, (sent, written), Rare { side, new, carries: [carry, carry_bytes], copy });
        }
        self.fingerprint[side] = sent.fingerprint;
        self.recent[side] = now;
        // By arithmetic, not by branches: which packets ask and which answer comes as by chance, and a branch that is
        // guessed wrong costs as much as all of this. Whatever the other end waited for is answered now.
        let asks = u8::from(sent.message.asks);
        let owes = asks & u8::from((now > self.recent[other]) | (self.state & REPLIED[other] == 0));
        let fresh = owes & !mine;
        let asked = asks << (ASKED_SHIFT + side as u8);
        let replied = u8::from(!sent.message.announces) << (REPLIED_SHIFT + side as u8);
        self.state = (self.state & !PENDING) | asked | replied | (owes * PENDING) | (fresh * FRESH);
        self.waits = (mine | owes) << side;
    }

    #[cold]
    fn add_rarely(&mut self, cold: &mut Cold, (sent, time): (&Sent<'_>, Timestamp), rare: Rare) {
        let Rare { side, copy, .. } = rare;
        let (before, other) = (self.recent[side], 1 - side);
        if self.is_pending() && self.is_waiting(side) {
            self.put_on_trail(cold, side);
        }
        self.fingerprint[side] = sent.fingerprint;
        self.recent[side] = sent.at.time;
        self.note_rarely(cold, (sent, time), rare, before);
        if !sent.message.announces && self.state & REPLIED[side] == 0 {
            self.state |= REPLIED[side];
            if self.is_waiting(other) {
                // What it announced before counts from now on, in whatever order both came.
                self.answer(cold, other, self.last(cold, side));
            }
        } else if self.is_waiting(other) && self.state & REPLIED[side] != 0 {
            self.answer(cold, other, sent.at.time);
        }
        if sent.message.asks && !copy {
            self.state |= ASKED[side];
            if !self.has_replied(other) || sent.at.time > self.last(cold, other) {
                self.state |= PENDING | if self.waits == 0 { FRESH } else { 0 };
                self.waits = 1 << side;
            }
        }
    }

    /// What a packet tells that is the first, a copy, out of order, or opens or resets a connection.
    fn note_rarely(
        &mut self,
        cold: &mut Cold,
        (sent, time): (&Sent<'_>, Timestamp),
        Rare { side, new, carries, copy }: Rare,
        before: Timestamp,
    ) {
        for (high, carry) in cold.high.iter_mut().zip(carries) {
            high[side] = high[side].saturating_add(u16::from(carry));
        }
        let Sent { at, fingerprint, flags, .. } = *sent;
        // A wrapped count is not new.
        let new = new && !cold.first[side].is_some();
        if new {
            cold.arrived[side] = Arrived { fingerprint, flags };
            if let Some(odd) = &mut cold.odd {
                odd.arrived[side] = at.time;
            }
        }
        if time != at.time || time == Timestamp::UNKNOWN || cold.has_written() {
            let mut written = self.written(cold);
            if let Some(nanos) = time.nanos() {
                written.first[side] = written.first[side].min(nanos);
            }
            if !cold.has_written() {
                // What was counted so far was written as it is; this packet's effective time was not.
                written.last[side] = cold.latest(side).max(before);
            }
            written.last[side] = written.last[side].max(time);
            cold.odd().written = Some(written);
            self.state |= REWRITTEN;
            if new {
                cold.odd().arrived[side] = at.time;
            }
        }
        if at.time < before {
            self.state |= DISORDERED;
            let odd = cold.odd();
            odd.latest[side] = odd.latest[side].max(before);
        }
        if at < cold.first[side] {
            cold.set_first(side, at);
            cold.macs[side] = sent.macs;
            cold.hops[side] = sent.hops;
        }
        cold.note_turn(side, sent.turn);
        cold.duplicates[side] = cold.duplicates[side].saturating_add(u32::from(copy));
        let count = |counter: &mut u16, hit: bool| *counter = counter.saturating_add(u16::from(hit && !copy));
        count(&mut cold.syns[side], flags.is_syn());
        count(&mut cold.syn_acks[side], flags.is_syn_ack());
        count(&mut cold.resets[side], flags.has(TcpFlags::RST));
    }

    /// Whether an end opened a connection after all that the other sent.
    pub(super) fn reopens(&self, cold: &Cold, side: usize) -> bool {
        cold.first[1 - side].is_some() && cold.tcp.reopened(side).is_some_and(|at| at.time > self.last(cold, 1 - side))
    }

    /// How far an end's TCP numbers can have come, at most: by what its frames hold beside the shortest headers.
    pub(super) fn stream_bytes(&self, cold: &Cold, side: usize) -> u64 {
        // IPv4 and TCP without options: no link's frames hold less.
        const HEADERS: u64 = 20 + 20;
        if cold.has_segment[side] {
            return self.bytes(cold, side).saturating_sub(HEADERS * self.packets(cold, side)).max(1);
        }
        // A FIN takes up a number, and so does a lone byte, which is sent with PSH.
        u64::from(self.flags[side].0 & (TcpFlags::FIN | TcpFlags::PSH) != 0)
    }

    /// Latest effective time of an end.
    #[inline]
    pub(super) fn last(&self, cold: &Cold, side: usize) -> Timestamp {
        if self.is_disordered() { self.recent[side].max(cold.latest(side)) } else { self.recent[side] }
    }

    /// First and last times as they were written.
    fn written(&self, cold: &Cold) -> Written {
        cold.odd.as_ref().and_then(|odd| odd.written).unwrap_or_else(|| Written {
            // What was sent without a time has none that was written.
            first: cold.first.map(|at| at.time.nanos().unwrap_or(NEVER)),
            last: [0, 1].map(|side| self.last(cold, side)),
        })
    }

    /// The earliest time of an end as it was written.
    #[inline]
    pub(super) fn first_written(&self, cold: &Cold, side: usize) -> Timestamp {
        let first = match cold.odd.as_ref().and_then(|odd| odd.written) {
            None => cold.first[side].time.raw(),
            Some(written) => written.first[side],
        };
        if first == NEVER { Timestamp::UNKNOWN } else { Timestamp::from_raw(first) }
    }

    /// The latest time of an end as it was written.
    #[inline]
    pub(super) fn last_written(&self, cold: &Cold, side: usize) -> Timestamp {
        let written = cold.odd.as_ref().and_then(|odd| odd.written);
        written.map_or_else(|| self.last(cold, side), |written| written.last[side])
    }

    #[inline]
    const fn is_disordered(&self) -> bool {
        self.state & DISORDERED != 0
    }

    /// Whether the next packet of a side will mostly be told in the cold part.
    #[inline]
    pub(super) const fn touches_cold(&self, side: u8) -> bool {
        (self.settled[(side & 1) as usize] != PAYLOAD | NUMBERS) | (self.state & (DISORDERED | REWRITTEN) != 0)
    }

    /// Whether anything of a packet has to be looked at: [`Counts::wants_payload`] or [`Counts::wants_numbers`] say what.
    #[inline]
    pub(super) fn wants(&self, sent: &Sent<'_>) -> bool {
        (self.settled[usize::from(sent.side & 1)] != PAYLOAD | NUMBERS)
            | (sent.flags.0 & TcpFlags::SYN != 0)
            | sent.is_to_group_mac()
            | self.is_disordered()
    }

    /// Whether the payload of a packet has to be looked at ([`Counts::inspect`]): until it is settled, and always if
    /// it went to many.
    #[inline]
    pub(super) fn wants_payload(&self, sent: &Sent<'_>) -> bool {
        sent.payload_length != 0
            && (self.settled[usize::from(sent.side & 1)] & PAYLOAD == 0
                || sent.is_to_group_mac()
                || self.is_disordered())
    }

    /// Whether the numbers of a TCP segment have to be looked at ([`Counts::number`]).
    #[inline]
    pub(super) fn wants_numbers(&self, sent: &Sent<'_>) -> bool {
        let settled = self.settled[usize::from(sent.side & 1)];
        self.is_disordered()
            || settled & NUMBERS == 0
            || settled & PAYLOAD == 0 && sent.payload_length != 0
            || sent.flags.0 & TcpFlags::SYN != 0
    }

    /// Takes what a TCP segment's numbers and payload say.
    #[cold]
    pub(super) fn number(&mut self, cold: &mut Cold, sent: &Sent<'_>, ports: [u16; 2]) {
        let side = usize::from(sent.side & 1);
        cold.has_segment[side] |= sent.payload_length > 1;
        let Some(numbers) = sent.numbers.map(tcp_numbers) else { return };
        let (begins, tcp) = (cold.first.map(|begin| begin.min(sent.at)), &mut cold.tcp);
        if self.settled[side] & NUMBERS == 0 || sent.flags.0 & TcpFlags::SYN != 0 || self.is_disordered() {
            if tcp.numbers(side, sent.flags, numbers, sent.at, begins) {
                // Another connection on the same ports.
                self.settled[side] &= !PAYLOAD;
                self.settled[1 - side] &= !NUMBERS;
            }
            for side in 0..2 {
                self.settled[side] |= if tcp.is_told(side) { NUMBERS } else { 0 };
            }
        }
        // What a SYN carries stands behind its own number (RFC 9293 section 3.4).
        let sequence = numbers[0].wrapping_add(u32::from(sent.flags.has(TcpFlags::SYN)));
        let all = u64::from(self.bytes[side]) | u64::from(cold.high[1][side]) << 32;
        let looks = self.settled[side] & PAYLOAD == 0 || self.is_disordered();
        if looks && !sent.payload.is_empty() && tcp.wants_payload(side, sequence, sent.payload.len(), all) {
            let seen =
                protocol::inspect(Transport::Tcp, ports[side], ports[1 - side], sent.payload, sent.payload_length);
            let (settled, conforms) = tcp.payload(side, sequence, sent.payload, seen, sent.at, begins);
            self.settled[side] |= if settled { PAYLOAD } else { 0 };
            if conforms {
                cold.conforms[side] |= seen.conforms;
                cold.violates[side] |= seen.violates as u8;
            }
        }
    }

    /// Works out what the beginnings of a TCP flow's streams say, when all of them are known.
    pub(super) fn settle(&self, cold: &mut Cold, ports: [u16; 2]) {
        let sent = [0, 1].map(|side| self.stream_bytes(cold, side));
        let tcp = &mut cold.tcp;
        for side in 0..2 {
            cold.answer[side] = tcp.answer(side, sent[side]);
            cold.opened[side] = tcp.accepted(side) as u8;
            let (conforms, violates) = tcp.evidence(side, [ports[side], ports[1 - side]]);
            cold.violates[side] |= violates as u8;
            // Of several connections on the same ports one that violates is enough.
            cold.conforms[side] = (cold.conforms[side] | conforms) & !u32::from(cold.violates[side]);
        }
        tcp.forget_payload();
    }

    /// Takes what a payload says that is not TCP's: the first of a direction always counts; on a port that speaks a
    /// known protocol later ones count too, until one conforms. Returns what it saw.
    #[cold]
    pub(super) fn inspect(
        &mut self,
        cold: &mut Cold,
        sent: &Sent<'_>,
        transport: Transport,
        ports: [u16; 2],
        to_group: bool,
    ) -> Inspection {
        let side = usize::from(sent.side & 1);
        if self.settled[side] & PAYLOAD != 0 && !sent.is_to_group_mac() && sent.at > cold.payload(side) {
            // Only what is earlier than all that was looked at would change anything.
            return Inspection::default();
        }
        let seen = protocol::inspect(transport, ports[side], ports[1 - side], sent.payload, sent.payload_length);
        let own = own_bits(transport, ports);
        let (conforms, violates) = (cold.conforms[side] & own, u32::from(cold.violates[side]) & own);
        if sent.at < cold.payload(side) {
            cold.set_payload(side, sent.at);
            cold.conforms[side] = seen.conforms;
            cold.violates[side] = seen.violates as u8;
            cold.tag[side] = seen.tag;
            cold.asks[side] = seen.asks;
            cold.turns[side] = [seen.turn == Turn::Request, seen.turn == Turn::Response];
        }
        cold.conforms[side] |= conforms | seen.conforms & own;
        cold.violates[side] |= (violates | seen.violates & own) as u8;
        let conforms = cold.conforms[side] & own;
        cold.violates[side] &= !(conforms as u8);
        // Each message of DHCP tells of a client by its MAC: none is only more of the same.
        let is_enough = !to_group && (own == 0 || conforms != 0) && !protocol::dhcp::is_port_pair(ports);
        self.settled[side] |= if is_enough { PAYLOAD | NUMBERS } else { 0 };
        seen
    }
}

/// The protocol that a UDP flow's port calls for, as a mask: there every payload is looked at until one conforms.
#[inline]
pub(super) fn own_bits(transport: Transport, ports: [u16; 2]) -> u32 {
    if transport == Transport::Udp { protocol::by_udp_port(ports[0]) | protocol::by_udp_port(ports[1]) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_flow_is_touched_in_one_cache_line() {
        assert_eq!((size_of::<Hot<[u64; 2]>>(), align_of::<Hot<[u64; 2]>>()), (64, 64));
        let cold = size_of::<Cold>();
        assert!(cold <= 200, "{cold}");
    }
}
