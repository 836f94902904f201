//! What the table keeps of a flow: a hot part that every packet touches (one cache line for IPv4), and a
//! cold part that few do. Both hold only what can be added.

use std::net::IpAddr;

use super::sources::SourceSet;
use crate::capture::{FrameId, Shift, Timestamp};
use crate::decode::TcpFlags;
use crate::policy::Transport;
use crate::protocol::{self, Inspection};

/// Destination and source MAC as they stand in a frame; zero where the link has none.
pub(super) type Macs = [u8; 12];

/// One packet as the table takes it.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    /// Which end of the key sent it.
    pub(super) side: u8,
    pub(super) flags: TcpFlags,
    pub(super) time: Timestamp,
    pub(super) frame: FrameId,
    /// Original length.
    pub(super) length: u32,
    /// IPv4 identification, transport checksum and time window; 0 where a repetition could not be told from a copy.
    pub(super) fingerprint: u32,
    pub(super) macs: Macs,
    pub(super) payload: &'a [u8],
    pub(super) payload_length: u32,
}

impl Sent<'_> {
    /// What stands where no packet is.
    pub(super) const NOTHING: Self = Self {
        side: 0,
        flags: TcpFlags(0),
        time: Timestamp::UNKNOWN,
        frame: FrameId::NONE,
        length: 0,
        fingerprint: 0,
        macs: [0; 12],
        payload: &[],
        payload_length: 0,
    };

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
    /// Latest time; [`Timestamp::UNKNOWN`] before the first.
    pub(super) last: [Timestamp; 2],
    /// Low 32 bits; the rest is in [`Cold::high`].
    packets: [u32; 2],
    bytes: [u32; 2],
    fingerprint: [u32; 2],
    /// Packets since the other end last sent; the top bit says which end they are from.
    pub(super) run: u32,
    pub(super) flags: [TcpFlags; 2],
    /// Whether payload of this direction need not be looked at any more.
    settled: [bool; 2],
}

/// Set in [`Counts::run`] where it is of the second end.
pub(super) const RUN_SIDE: u32 = 1 << 31;

/// What few packets touch.
#[derive(Clone, Debug)]
pub(super) struct Cold {
    /// Earliest known time; [`NEVER`] before the first.
    pub(super) first: [i64; 2],
    pub(super) first_frame: [FrameId; 2],
    pub(super) payload_frame: [FrameId; 2],
    pub(super) macs: [Macs; 2],
    /// Protocols that the first payload conforms to, and the port's own if any payload did.
    pub(super) conforms: [u32; 2],
    pub(super) tag: [u32; 2],
    first_fingerprint: [u32; 2],
    pub(super) duplicates: [u32; 2],
    /// Carries out of [`Counts::packets`] and [`Counts::bytes`].
    high: [[u16; 2]; 2],
    pub(super) syns: [u16; 2],
    pub(super) syn_acks: [u16; 2],
    pub(super) resets: [u16; 2],
    /// As `conforms`; the protocols of the vendor's cells are the first eight bits.
    pub(super) violates: [u8; 2],
    pub(super) asks: [bool; 2],
    pub(super) sources: SourceSet,
}

/// In [`Cold::first`]: no packet, or none with a time.
pub(super) const NEVER: i64 = i64::MAX;

impl Cold {
    /// As it adds to another flow: its packets are no copies of that one's, nor its questions that one's.
    pub(super) fn of_another(&self) -> Self {
        Self { first_fingerprint: [0; 2], tag: [0; 2], ..self.clone() }
    }

    pub(super) fn new(sources: SourceSet) -> Self {
        Self {
            first: [NEVER; 2],
            first_frame: [FrameId::NONE; 2],
            payload_frame: [FrameId::NONE; 2],
            macs: [[0; 12]; 2],
            conforms: [0; 2],
            tag: [0; 2],
            first_fingerprint: [0; 2],
            duplicates: [0; 2],
            high: [[0; 2]; 2],
            syns: [0; 2],
            syn_acks: [0; 2],
            resets: [0; 2],
            violates: [0; 2],
            asks: [false; 2],
            sources,
        }
    }

    /// The same with its frames `shift` later, as part of another table, where `sources` are its inputs.
    pub(super) fn shifted(&self, shift: Shift, sources: SourceSet) -> Self {
        Self {
            first_frame: self.first_frame.map(|frame| shift.apply(frame)),
            payload_frame: self.payload_frame.map(|frame| shift.apply(frame)),
            sources,
            ..self.clone()
        }
    }

    /// Earliest known time of either direction.
    pub(super) fn first_seen(&self) -> Timestamp {
        let first = self.first[0].min(self.first[1]);
        if first == NEVER { Timestamp::UNKNOWN } else { Timestamp::from_raw(first) }
    }

    /// Whether a payload of either direction left a tag.
    pub(super) fn is_tagged(&self) -> bool {
        self.tag[0] | self.tag[1] != 0
    }
}

impl Counts {
    /// Of a flow without packets.
    pub(super) const NONE: Self = Self {
        last: [Timestamp::UNKNOWN; 2],
        packets: [0; 2],
        bytes: [0; 2],
        fingerprint: [0; 2],
        run: 0,
        flags: [TcpFlags(0); 2],
        settled: [false; 2],
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
    /// may still say something, by SYN and RST, and by what is out of order.
    #[inline]
    pub(super) fn add(&mut self, cold: &mut Cold, sent: &Sent<'_>) {
        let side = usize::from(sent.side & 1);
        let (packets, carry) = self.packets[side].overflowing_add(1);
        let (bytes, carry_bytes) = self.bytes[side].overflowing_add(sent.length);
        let new = self.packets[side] == 0;
        self.packets[side] = packets;
        self.bytes[side] = bytes;
        let copy = sent.fingerprint != 0 && sent.fingerprint == self.fingerprint[side];
        self.fingerprint[side] = sent.fingerprint;
        self.flags[side].0 |= sent.flags.0;
        let mark = u32::from(sent.side & 1) << 31;
        self.run = if self.run & RUN_SIDE == mark { (self.run + 1).min(mark | !RUN_SIDE) } else { mark | 1 };
        let late = sent.time < self.last[side] || self.last[side] == Timestamp::UNKNOWN;
        if !late {
            self.last[side] = sent.time;
        }
        let signal = sent.flags.0 & (TcpFlags::SYN | TcpFlags::RST) != 0;
        if new | carry | carry_bytes | copy | late | signal {
            self.add_rarely(cold, sent, side, new, [carry, carry_bytes], copy);
        }
    }

    #[cold]
    fn add_rarely(&mut self, cold: &mut Cold, sent: &Sent<'_>, side: usize, new: bool, carries: [bool; 2], copy: bool) {
        for (high, carry) in cold.high.iter_mut().zip(carries) {
            high[side] = high[side].saturating_add(u16::from(carry));
        }
        if new && !cold.first_frame[side].is_some() {
            cold.first_frame[side] = sent.frame;
            cold.macs[side] = sent.macs;
            cold.first_fingerprint[side] = sent.fingerprint;
        }
        self.last[side] = self.last[side].max(sent.time);
        if let Some(nanos) = sent.time.nanos() {
            cold.first[side] = cold.first[side].min(nanos);
        }
        cold.duplicates[side] = cold.duplicates[side].saturating_add(u32::from(copy));
        let count = |counter: &mut u16, hit: bool| *counter = counter.saturating_add(u16::from(hit));
        count(&mut cold.syns[side], sent.flags.is_syn());
        count(&mut cold.syn_acks[side], sent.flags.is_syn_ack());
        count(&mut cold.resets[side], sent.flags.has(TcpFlags::RST));
    }

    /// Whether payload of a side need not be looked at any more.
    #[inline]
    pub(super) const fn is_settled(&self, side: u8) -> bool {
        self.settled[(side & 1) as usize]
    }

    /// Whether the payload of a packet has to be looked at ([`Counts::inspect`]): until it is settled, and always if
    /// it went to many.
    #[inline]
    pub(super) fn wants_payload(&self, sent: &Sent<'_>) -> bool {
        (!self.is_settled(sent.side) || sent.is_to_group_mac()) && sent.payload_length != 0
    }

    /// Takes what payload says: the first of a direction always counts; on a UDP port that speaks a known
    /// protocol later ones count too, until one conforms. Returns what it saw.
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
        let seen = protocol::inspect(transport, ports[side], ports[1 - side], sent.payload, sent.payload_length);
        let own = own_bits(transport, ports);
        if cold.payload_frame[side].is_some() {
            cold.conforms[side] |= seen.conforms & own;
            cold.violates[side] |= (seen.violates & own) as u8;
        } else {
            cold.payload_frame[side] = sent.frame;
            cold.conforms[side] = seen.conforms;
            cold.violates[side] = seen.violates as u8;
            cold.tag[side] = seen.tag;
            cold.asks[side] = seen.asks;
        }
        let conforms = cold.conforms[side] & own;
        cold.violates[side] &= !(conforms as u8);
        // Each message of DHCP tells of a client by its MAC: none is only more of the same.
        self.settled[side] |= !to_group && (own == 0 || conforms != 0) && !protocol::dhcp::is_port_pair(ports);
        seen
    }

    /// Adds another record of the same flow, whose frames come later by position or are merged by their ids.
    pub(super) fn absorb(&mut self, cold: &mut Cold, other: &Self, other_cold: &Cold, shift: Shift, own: u32) {
        for side in 0..2 {
            let shifted = |frame: FrameId| shift.apply(frame);
            let seam = other_cold.first_fingerprint[side];
            let copy = seam != 0 && seam == self.fingerprint[side];
            if other.packets(other_cold, side) > 0 {
                self.fingerprint[side] = other.fingerprint[side];
            }
            cold.duplicates[side] =
                cold.duplicates[side].saturating_add(other_cold.duplicates[side]).saturating_add(u32::from(copy));

            let packets = self.packets(cold, side).wrapping_add(other.packets(other_cold, side));
            let bytes = self.bytes(cold, side).wrapping_add(other.bytes(other_cold, side));
            (self.packets[side], cold.high[0][side]) = (packets as u32, (packets >> 32) as u16);
            (self.bytes[side], cold.high[1][side]) = (bytes as u32, (bytes >> 32) as u16);
            self.last[side] = self.last[side].max(other.last[side]);
            self.flags[side].0 |= other.flags[side].0;
            self.settled[side] |= other.settled[side];

            cold.first[side] = cold.first[side].min(other_cold.first[side]);
            if shifted(other_cold.first_frame[side]) < cold.first_frame[side] {
                cold.first_frame[side] = shifted(other_cold.first_frame[side]);
                cold.macs[side] = other_cold.macs[side];
                cold.first_fingerprint[side] = other_cold.first_fingerprint[side];
            }
            // The first payload decides; bits of the port's own protocol add up.
            let (ours, theirs) = (
                (cold.conforms[side] & own, u32::from(cold.violates[side]) & own),
                (other_cold.conforms[side] & own, u32::from(other_cold.violates[side]) & own),
            );
            if shifted(other_cold.payload_frame[side]) < cold.payload_frame[side] {
                cold.payload_frame[side] = shifted(other_cold.payload_frame[side]);
                cold.conforms[side] = other_cold.conforms[side];
                cold.violates[side] = other_cold.violates[side];
                cold.tag[side] = other_cold.tag[side];
                cold.asks[side] = other_cold.asks[side];
            }
            let conforms = ours.0 | theirs.0;
            cold.conforms[side] |= conforms;
            cold.violates[side] = (cold.violates[side] | (ours.1 | theirs.1) as u8) & !(conforms as u8);
            for (mine, theirs) in [
                (&mut cold.syns, &other_cold.syns),
                (&mut cold.syn_acks, &other_cold.syn_acks),
                (&mut cold.resets, &other_cold.resets),
            ] {
                mine[side] = mine[side].saturating_add(theirs[side]);
            }
        }
        let alone = |side: usize| other.packets(other_cold, 1 - side) == 0;
        let ours = usize::from(self.run & RUN_SIDE != 0);
        self.run = if self.run != 0 && other.run & RUN_SIDE == self.run & RUN_SIDE && alone(ours) {
            let sum = (self.run & !RUN_SIDE).saturating_add(other.run & !RUN_SIDE).min(!RUN_SIDE);
            self.run & RUN_SIDE | sum
        } else {
            other.run
        };
    }

    /// Counts later fragments of a datagram that the flow began.
    pub(super) fn add_fragments(&mut self, cold: &mut Cold, side: usize, packets: u64, bytes: u64, last: Timestamp) {
        let packets = self.packets(cold, side).wrapping_add(packets);
        let bytes = self.bytes(cold, side).wrapping_add(bytes);
        (self.packets[side], cold.high[0][side]) = (packets as u32, (packets >> 32) as u16);
        (self.bytes[side], cold.high[1][side]) = (bytes as u32, (bytes >> 32) as u16);
        self.last[side] = self.last[side].max(last);
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
        assert!(size_of::<Hot<[u64; 2]>>() + size_of::<Cold>() <= 200);
    }
}
