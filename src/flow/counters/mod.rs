//! What the table keeps of a flow: a hot part that every packet touches (one cache line for IPv4), and a
//! cold part that few do. Both hold only what can be added.

mod absorb;
mod cold;
mod row;
mod stored;
mod waiting;

pub(super) use cold::Cold;
use cold::{CALLS, HAS_SEGMENT, IS_SHORTENED, NEVER, REQUEST, RESPONSE, TransportState, Written, said};

use super::key::Key;
use super::packet::{FlowPacket, copy_window, resembles, says_the_same};
use super::pending::{BLOCK_REPEATED_AFTER, PendingReply, REPEATED_AFTER, REPEATED_WITHIN};
use super::tcp::{Heads, SegmentHead, SynAnswer, Tcp};
use crate::capture::Timestamp;
use crate::decode::{TcpFlags, tcp_numbers};
use crate::protocol::Transport;
use crate::protocol::{self, AnswerRule, Inspection, Message};

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
    /// What an end said, and whether it waits for an answer: [`ASKED`] to [`PROCEEDS`].
    dialogue: [u8; 2],
    /// [`DISORDERED`] and [`REWRITTEN`].
    state: u8,
    /// By what it is told which packets owe an answer.
    asking: AnswerRule,
}

/// In [`Counts::state`]: a packet came behind a later one of its direction.
const DISORDERED: u8 = 1;
/// In [`Counts::state`]: a time was written otherwise than it is effective, so that [`cold::RareFacts::written`] has to be kept.
const REWRITTEN: u8 = 2;

/// In [`Counts::dialogue`]: the end sent what owes an answer.
const ASKED: u8 = Message::ASKS;
/// In [`Counts::dialogue`]: the end sent what may be an answer.
const REPLIED: u8 = Message::REPLIES;
/// In [`Counts::dialogue`]: the end waits for an answer.
const WAITS: u8 = REPLIED << 1;
/// In [`Counts::dialogue`]: of what waits, the last packet that came is not put aside yet. Most are answered before the
/// next comes.
const PENDING: u8 = 8;
/// In [`Counts::dialogue`]: the end's [`cold::ColdExtras::one`] waits; else it is of an earlier wait.
const HELD: u8 = 16;
/// In [`Counts::dialogue`], with [`HELD`]: what waits is [`cold::ColdExtras::more`] instead, which else is of an earlier wait.
const MORE: u8 = 32;
/// In [`Counts::dialogue`]: the end's latest packet is none that may be an answer; when the latest of those was sent is in
/// [`cold::ColdExtras::replied`].
const ANNOUNCED: u8 = 64;
/// In [`Counts::dialogue`]: the end sent what goes on with an exchange.
const PROCEEDS: u8 = Message::PROCEEDS;
/// Of [`Counts::dialogue`], what does not hang on what the other end sends.
const OWN: u8 = ASKED | REPLIED | ANNOUNCED | PROCEEDS;

/// In [`Counts::settled`]: payload.
const PAYLOAD: u8 = 1;
/// In [`Counts::settled`]: acknowledgment numbers.
const NUMBERS: u8 = 2;

impl Counts {
    /// Of a flow without packets.
    pub(super) const fn new(asking: AnswerRule) -> Self {
        Self {
            recent: [Timestamp::UNKNOWN; 2],
            packets: [0; 2],
            bytes: [0; 2],
            fingerprint: [0; 2],
            flags: [TcpFlags(0); 2],
            settled: [0; 2],
            dialogue: [0; 2],
            state: 0,
            asking,
        }
    }

    /// The part of a packet between two ends in the dialogue of the flow.
    #[inline(always)]
    pub(super) fn message(&self, sent: &FlowPacket<'_>, key: &impl Key) -> Message {
        self.asking.message(sent.signs).unwrap_or_else(|| {
            let (ends, side) = (key.ends(), usize::from(sent.side & 1));
            self.asking.look([ends[side].1, ends[1 - side].1], sent.payload, sent.payload_length)
        })
    }

    #[inline]
    pub(super) fn packets(&self, cold: &Cold, side: usize) -> u64 {
        u64::from(cold.high(side)[0]) << 32 | u64::from(self.packets[side])
    }

    #[inline]
    pub(super) fn bytes(&self, cold: &Cold, side: usize) -> u64 {
        u64::from(cold.high(side)[1]) << 32 | u64::from(self.bytes[side])
    }

    fn set_amounts(&mut self, cold: &mut Cold, side: usize, packets: u64, bytes: u64) {
        (self.packets[side], self.bytes[side]) = (packets as u32, bytes as u32);
        let high = [(packets >> 32) as u16, (bytes >> 32) as u16];
        if high != cold.high(side) {
            cold.rare().high[side] = high;
        }
    }

    /// Adds a packet if it is like most, of whose header the cold part learns nothing; else [`Counts::add_rarely`] must.
    #[inline(always)]
    pub(super) fn add(&mut self, sent: &FlowPacket<'_>, message: Message) -> bool {
        let side = usize::from(sent.side & 1);
        let other = 1 - side;
        let packets = self.packets[side].wrapping_add(1);
        let (bytes, carry) = self.bytes[side].overflowing_add(sent.length);
        let (now, mine, theirs) = (sent.at.time, self.dialogue[side], self.dialogue[other]);
        // The first packet, or the count runs over.
        let ends = packets <= 1 || carry;
        let late = (now < self.recent[side]) | (now < self.recent[other]);
        // By arithmetic, not by branches, as below: which packets ask and which answer, and which are like the one before,
        // comes as by chance, and a branch that is guessed wrong costs as much as all of this.
        let replies = message.0 & Message::REPLIES;
        // The first announcement behind answers, or the first answer behind announcements.
        let turns = !(mine ^ (replies * (ANNOUNCED / Message::REPLIES))) & ANNOUNCED;
        // Hardly ever: this branch is guessed right, and what stands behind it is not worked out.
        let is_same = resembles(sent.fingerprint, self.fingerprint[side])
            && (self.is_copy(sent, side) || message.asks() && self.is_again(sent, side));
        let is_odd = (mine & PENDING) | self.state | turns != 0;
        if ends || late || is_odd || is_same || sent.is_notable {
            return false;
        }
        (self.packets[side], self.bytes[side]) = (packets, bytes);
        self.flags[side].0 |= sent.flags.0;
        self.fingerprint[side] = sent.fingerprint;
        self.recent[side] = now;
        let owes =
            message.0 & ASKED & u8::from((now > self.recent[other]) | (theirs & (REPLIED | ANNOUNCED) != REPLIED));
        self.dialogue[side] = mine | message.0 | (owes * (WAITS | PENDING));
        // Whatever the other end waited for is answered now, but by an announcement.
        self.dialogue[other] = theirs & (OWN | u8::from(replies == 0).wrapping_neg());
        true
    }

    /// Whether a packet is a copy of the one before.
    #[inline(always)]
    fn is_copy(&self, sent: &FlowPacket<'_>, side: usize) -> bool {
        sent.fingerprint == self.fingerprint[side]
            && sent.fingerprint != 0
            && sent.at.time.raw().abs_diff(self.recent[side].raw()) <= copy_window(sent.fingerprint)
    }

    /// Whether a packet says the same as the one before, and so late that it may be a repetition.
    #[inline(always)]
    fn is_again(&self, sent: &FlowPacket<'_>, side: usize) -> bool {
        says_the_same(sent.fingerprint, self.fingerprint[side])
            && self.is_repeated_after(sent.at.time.raw().wrapping_sub(self.recent[side].raw()))
    }

    /// Whether the same once more after so many nanoseconds is a repetition.
    #[inline(always)]
    const fn is_repeated_after(&self, nanos: i64) -> bool {
        let soonest = if self.asking.is_guess() { BLOCK_REPEATED_AFTER } else { REPEATED_AFTER };
        (nanos.wrapping_sub(soonest) as u64) < REPEATED_WITHIN
    }

    /// Adds any packet; `time` is its time as it was written.
    pub(super) fn add_rarely(&mut self, cold: &mut Cold, sent: &FlowPacket<'_>, message: Message, time: Timestamp) {
        let side = usize::from(sent.side & 1);
        let (before, other) = (self.recent[side], 1 - side);
        let (copy, latest) = (self.is_copy(sent, side), self.last(cold, side));
        if message.asks() && self.is_again(sent, side) && self.asking.repetition().is_some() {
            cold.odd().repeated.get_or_insert_default()[side].push(PendingReply::again(sent.at.time, sent.payload));
        }
        let (packets, carry) = self.packets[side].overflowing_add(1);
        let (bytes, carry_bytes) = self.bytes[side].overflowing_add(sent.length);
        (self.packets[side], self.bytes[side]) = (packets, bytes);
        if carry | carry_bytes {
            let [packets, bytes] = &mut cold.rare().high[side];
            *packets = packets.saturating_add(carry.into());
            *bytes = bytes.saturating_add(carry_bytes.into());
        }
        self.flags[side].0 |= sent.flags.0;
        if self.dialogue[side] & PENDING != 0 {
            self.put_on_trail(cold, side);
        }
        self.fingerprint[side] = sent.fingerprint;
        self.recent[side] = sent.at.time;
        // One that only finds another waiting tells nothing more.
        if packets <= 1 || carry | copy | sent.is_notable || self.state != 0 || sent.at.time < before {
            self.note_rarely(cold, (sent, time), copy, before);
        }
        self.note_reply(cold, side, message.replies(), sent.at.time, latest);
        self.dialogue[side] |= message.0 & PROCEEDS;
        if message.replies() && self.is_waiting(other) {
            self.answer(cold, other, sent.at.time);
        }
        self.dialogue[side] |= message.0 & ASKED;
        let is_later = || !self.has_replied(other) || sent.at.time > self.last_reply(cold, other);
        if message.asks() && !copy && is_later() {
            self.dialogue[side] |= WAITS | PENDING;
        }
    }

    /// What a packet tells that is the first, a copy, out of order, or opens or resets a connection.
    fn note_rarely(
        &mut self,
        cold: &mut Cold,
        (sent, time): (&FlowPacket<'_>, Timestamp),
        copy: bool,
        before: Timestamp,
    ) {
        let side = usize::from(sent.side & 1);
        let FlowPacket { at, fingerprint, flags, .. } = *sent;
        let new = !cold.first[side].is_some();
        if new {
            (cold.arrived[side], cold.arrived_flags[side]) = (fingerprint, flags);
            if cold.has_rare().is_some() {
                cold.rare().arrived[side] = at.time;
            }
        }
        if time != at.time || time == Timestamp::UNKNOWN || self.state & REWRITTEN != 0 {
            let mut written = self.written(cold);
            if let Some(nanos) = time.nanos() {
                written.first[side] = written.first[side].min(nanos);
            }
            if cold.written().is_none() {
                // What was counted so far was written as it is; this packet's effective time was not.
                written.last[side] = cold.latest(side).max(before);
            }
            written.last[side] = written.last[side].max(time);
            cold.rare().written = Some(written);
            self.state |= REWRITTEN;
            if new {
                cold.rare().arrived[side] = at.time;
            }
        }
        if at.time < before {
            self.state |= DISORDERED;
            let rare = cold.rare();
            rare.latest[side] = rare.latest[side].max(before);
        }
        if at < cold.first[side] {
            cold.set_first(side, at);
            cold.macs[side] = sent.macs;
            cold.hops[side] = sent.hops;
        }
        cold.said[side] |= said(sent.turn) | if sent.is_shortened() { IS_SHORTENED } else { 0 };
        cold.duplicates[side] = cold.duplicates[side].saturating_add(u32::from(copy));
        if flags.0 & (TcpFlags::SYN | TcpFlags::RST) != 0 && !copy {
            let count = |counter: &mut u16, hit: bool| *counter = counter.saturating_add(u16::from(hit));
            count(&mut cold.syns[side], flags.is_syn());
            count(&mut cold.syn_acks[side], flags.is_syn_ack());
            count(&mut cold.resets[side], flags.has(TcpFlags::RST));
        }
    }

    /// How far an end's TCP numbers can have come, at most: by what its frames hold beside the shortest headers.
    pub(super) fn stream_bytes(&self, cold: &Cold, side: usize) -> u64 {
        if cold.said[side] & IS_SHORTENED != 0 {
            return u32::MAX.into();
        }
        if cold.said[side] & HAS_SEGMENT != 0 {
            let headers = u64::from(FlowPacket::LEAST_TCP_HEADERS) * self.packets(cold, side);
            return self.bytes(cold, side).saturating_sub(headers).max(1);
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
        cold.written().unwrap_or_else(|| Written {
            // What was sent without a time has none that was written.
            first: cold.first.map(|at| at.time.nanos().unwrap_or(NEVER)),
            last: [0, 1].map(|side| self.last(cold, side)),
        })
    }

    /// The earliest time of an end as it was written.
    #[inline]
    pub(super) fn first_written(&self, cold: &Cold, side: usize) -> Timestamp {
        let first = match cold.written() {
            None => cold.first[side].time.raw(),
            Some(written) => written.first[side],
        };
        if first == NEVER { Timestamp::UNKNOWN } else { Timestamp::from_raw(first) }
    }

    /// The latest time of an end as it was written.
    #[inline]
    pub(super) fn last_written(&self, cold: &Cold, side: usize) -> Timestamp {
        cold.written().map_or_else(|| self.last(cold, side), |written| written.last[side])
    }

    #[inline]
    const fn is_disordered(&self) -> bool {
        self.state & DISORDERED != 0
    }

    /// Whether the next packet of a side will mostly be told in the cold part.
    #[inline]
    pub(super) const fn touches_cold(&self, side: u8) -> bool {
        let side = (side & 1) as usize;
        (self.settled[side] ^ (PAYLOAD | NUMBERS)) | (self.dialogue[side] & PENDING) | self.state != 0
    }

    /// Whether anything of a packet may have to be looked at: [`Counts::wants_payload`] or [`Counts::wants_numbers`] say.
    #[inline]
    pub(super) fn wants(&self, sent: &FlowPacket<'_>) -> bool {
        self.wants_usual(sent) || sent.is_notable || self.state != 0
    }

    /// The same of one that is like most ([`Counts::add`]).
    #[inline]
    pub(super) fn wants_usual(&self, sent: &FlowPacket<'_>) -> bool {
        self.settled[usize::from(sent.side & 1)] != PAYLOAD | NUMBERS || sent.is_to_group_mac()
    }

    /// Whether the payload of a packet has to be looked at ([`Counts::inspect`]): until it is settled, and always if
    /// it went to many.
    #[inline]
    pub(super) fn wants_payload(&self, sent: &FlowPacket<'_>) -> bool {
        sent.payload_length != 0
            && (self.settled[usize::from(sent.side & 1)] & PAYLOAD == 0
                || sent.is_to_group_mac()
                || self.is_disordered())
    }

    /// Whether the numbers of a TCP segment have to be looked at ([`Counts::number`]).
    #[inline]
    pub(super) fn wants_numbers(&self, sent: &FlowPacket<'_>) -> bool {
        let settled = self.settled[usize::from(sent.side & 1)];
        self.is_disordered()
            || settled & NUMBERS == 0
            || settled & PAYLOAD == 0 && sent.payload_length != 0
            || sent.flags.0 & (TcpFlags::SYN | TcpFlags::FIN) != 0
    }

    /// How many bytes of each end's stream its frames can hold, at most.
    pub(super) fn captured(&self, cold: &Cold) -> [u64; 2] {
        // Of single bytes each may be one of the stream, and not a keep-alive's.
        [0, 1].map(|side| self.stream_bytes(cold, side).max(self.packets(cold, side)))
    }

    /// Takes what a TCP segment's numbers and payload say.
    #[cold]
    pub(super) fn number(&mut self, cold: &mut Cold, sent: &FlowPacket<'_>, ports: [u16; 2]) {
        let side = usize::from(sent.side & 1);
        cold.said[side] |= if sent.payload_length > 1 { HAS_SEGMENT } else { 0 };
        let (all, captured) = (self.bytes(cold, side), self.captured(cold));
        let (Some(numbers), TransportState::Tcp(tcp)) = (sent.numbers.map(tcp_numbers), &mut cold.told) else { return };
        if self.settled[side] & NUMBERS == 0 || sent.flags.0 & TcpFlags::SYN != 0 || self.is_disordered() {
            let begins = cold.first.map(|begin| begin.min(sent.at));
            if tcp.numbers(side, sent.flags, numbers, sent.at, begins) {
                // Another connection on the same ports.
                self.settled[side] &= !PAYLOAD;
                self.settled[1 - side] &= !NUMBERS;
            }
            for side in 0..2 {
                self.settled[side] |= if tcp.is_told(side) { NUMBERS } else { 0 };
            }
        }
        if sent.flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::FIN | TcpFlags::RST)
            == TcpFlags::ACK | TcpFlags::FIN
        {
            let begins = cold.first.map(|begin| begin.min(sent.at));
            let end = numbers[0].wrapping_add(sent.payload_length);
            tcp.finish(side, [end, numbers[1]], (sent.at, begins), captured);
        }
        // What a SYN carries stands behind its own number (RFC 9293 section 3.4).
        let sequence = numbers[0].wrapping_add(u32::from(sent.flags.has(TcpFlags::SYN)));
        let looks = self.settled[side] & PAYLOAD == 0 || self.is_disordered();
        if looks && !sent.payload.is_empty() && tcp.wants_payload(side, sequence, all) {
            let seen =
                protocol::inspect(Transport::Tcp, ports[side], ports[1 - side], sent.payload, sent.payload_length);
            let (settled, conforms) = cold.put_head(SegmentHead::of(side, sequence, sent.payload, seen), sent.at);
            self.settled[side] |= if settled { PAYLOAD } else { 0 };
            if conforms {
                cold.conforms[side] |= seen.conforms;
                cold.violates[side] |= seen.violates as u8;
            }
        }
    }

    /// How many bytes of an end's stream the other acknowledged as it closed the connection, where the end's frames cannot
    /// hold so many.
    pub(super) fn acknowledged_beyond(&self, cold: &Cold, side: usize) -> Option<u64> {
        cold.tcp().acknowledged(side, self.captured(cold))
    }

    /// How the numbers of the other end fit the SYNs of an end.
    pub(super) fn answer_to_syns(&self, cold: &Cold, side: usize) -> SynAnswer {
        cold.tcp().answer(side, || self.stream_bytes(cold, side))
    }

    /// The cold part as it adds to another flow: its packets are no copies of that one's, nor its questions that one's.
    pub(super) fn cold_of_another(&self, cold: &Cold) -> Cold {
        let answers = [0, 1].map(|side| self.answer_to_syns(cold, side));
        let told = TransportState::Tcp(Tcp::Folded(answers, [0, 1].map(|side| cold.tcp().accepted(side))));
        Cold { arrived: [0; 2], arrived_flags: [TcpFlags(0); 2], told, ..cold.clone() }
    }

    /// Works out what the beginnings of a TCP flow's streams say, when all of them are known.
    pub(super) fn settle(&self, cold: &mut Cold, ports: [u16; 2]) {
        let heads = cold.odd.as_mut().and_then(|odd| odd.heads.take());
        for side in 0..2 {
            let of = |heads: &Heads| heads.evidence(side, [ports[side], ports[1 - side]], cold.tcp());
            let (conforms, violates) = heads.as_deref().map_or((0, 0), of);
            cold.violates[side] |= violates as u8;
            // Of several connections on the same ports one that violates is enough.
            cold.conforms[side] = (cold.conforms[side] | conforms) & !u32::from(cold.violates[side]);
        }
        if let TransportState::Tcp(tcp) = &mut cold.told {
            tcp.settle(heads);
        }
        if (self.dialogue[0] | self.dialogue[1]) & (HELD | ANNOUNCED) == 0 && cold.has_rare().is_none() {
            cold.odd = None;
        }
    }

    /// Takes what a payload says that is not TCP's: the first of a direction always counts; on a port that speaks a
    /// known protocol later ones count too, until one conforms to it. Returns what it saw.
    #[cold]
    pub(super) fn inspect(
        &mut self,
        cold: &mut Cold,
        sent: &FlowPacket<'_>,
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
            cold.set_tag(side, seen.tag);
            cold.say(side, said(seen.turn) | if seen.asks { CALLS } else { 0 });
        }
        cold.conforms[side] |= conforms | seen.conforms & own;
        cold.violates[side] |= (violates | seen.violates & own) as u8;
        let conforms = cold.conforms[side] & own;
        cold.violates[side] &= !(conforms as u8);
        // Each message of DHCP tells of a client by its MAC: none is only more of the same.
        let is_enough = !to_group && conforms == own && !protocol::dhcp::is_port_pair(ports);
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
        assert_eq!((size_of::<Cold>(), align_of::<Cold>()), (128, 64));
    }
}
