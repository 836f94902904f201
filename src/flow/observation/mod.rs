//! What was observed of some frames: flows, and everything else that is counted. It is addable.

mod content;
pub(super) mod measured;
mod stored;
mod sum;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use content::FlowContent;
pub use content::{is_icmp_error, ports_of};

use super::batch::{Direct, PacketSink, Pipeline};
use super::clock;
use super::evidence::Claim;
use super::evidence::DatagramId;
use super::fragment::{Fragments, Part, Unattributed};
use super::key::{Key, Key4, Key6, Seed, VlanCode, VlanNames};
use super::limit::Overflow;
use super::neighbour::{Arp, Neighbours};
use super::packet::{FlowPacket, fingerprint, macs};
use super::questions::Questions;
use super::sources::SourceSets;
use super::table::Table;
use super::tally::{Amount, OtherFrames, Tally};
use super::{Flows, SideEvidence};
use crate::capture::{Frame, Moment, Timestamp, prefetch};
use crate::decode::{self, Addresses, IpPacket, Network, Packet, TcpFlags, Transport};
use crate::health::Health;
use crate::protocol::{Inspection, Turn, neighbour};

/// The IP protocol numbers of TCP and UDP.
const TCP: u8 = 6;
const UDP: u8 = 17;

/// How much a table may hold. Reaching a limit is counted and reported.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Flows of each address family.
    pub flows: usize,
    /// Fragments kept until the end.
    pub fragments: usize,
    /// Whether it is measured how soon questions are answered: each packet that may ask or answer pays for it.
    pub health: bool,
}

impl Limits {
    /// Where nobody says otherwise.
    pub(super) const USUAL: Self = Self { flows: 1 << 24, fragments: 1 << 20, health: false };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Bytes of a capture for each flow that room is made for: less than usual, so that mostly it is enough.
const BYTES_PER_FLOW: u64 = 1024;
/// Flows that room is made for at most: 200 MB of addresses.
const MOST_EXPECTED: usize = 1 << 20;

/// Frames observed: `observe(a)` absorbing `observe(b)` equals `observe(a ++ b)`, where `a` [is followed by] `b` or `b` was
/// observed [`Observation::continuing`] `a`.
///
/// [is followed by]: Observation::is_followed_by
#[derive(Clone, Debug)]
pub struct Observation {
    v4: Table<Key4>,
    v6: Table<Key6>,
    vlans: VlanNames,
    sources: SourceSets,
    fragments: Fragments,
    /// By input; the first is the one that is being read.
    tallies: Vec<(u32, Tally)>,
    other_frames: OtherFrames,
    neighbours: Neighbours,
    side: SideEvidence,
    /// How well it works, by address family.
    pub(super) health: Questions,
    /// Whether that is measured.
    measures_health: bool,
}

/// An observation finished: the flows, and what was counted beside them.
#[derive(Debug)]
pub struct Observed {
    /// The flows.
    pub flows: Flows,
    /// Counts of frames by input, ascending.
    pub tallies: BTreeMap<u32, Tally>,
    /// Stops, non-IP frames, tunnels.
    pub other_frames: OtherFrames,
    /// What ARP said.
    pub neighbours: Neighbours,
    /// What relations need and flow records cannot hold.
    pub side: SideEvidence,
    /// How well it works.
    pub health: Health,
    /// Packets that found no place in the table.
    pub overflow: Overflow,
    /// Later fragments whose first part was not captured, by host pair and protocol.
    pub orphan_fragments: BTreeMap<(IpAddr, IpAddr, u8), Unattributed>,
    /// Fragments beyond the limit.
    pub fragments_turned_away: Unattributed,
    /// Whether deep VLAN paths had to share a name.
    pub vlan_names_full: bool,
}

impl Observed {
    /// The times in which no input has a frame for [`clock::Clock::GAP`] or more.
    pub fn gaps(&self) -> Vec<(Timestamp, Timestamp)> {
        clock::gaps(self.tallies.values().map(|tally| &tally.clock))
    }
}

impl Observation {
    /// Nothing observed yet of `input`.
    pub fn new(input: u32, seed: Seed, limits: Limits) -> Self {
        Self {
            v4: Table::new(seed, limits.flows),
            v6: Table::new(seed, limits.flows),
            vlans: VlanNames::default(),
            sources: SourceSets::new(input),
            fragments: Fragments::new(limits.fragments),
            tallies: vec![(input, Tally::default())],
            other_frames: OtherFrames::default(),
            neighbours: Neighbours::default(),
            side: SideEvidence::default(),
            health: Questions::new(input),
            measures_health: limits.health,
        }
    }

    /// As of a capture that begins with this part.
    pub fn forget_what_came_before(&mut self) {
        self.tallies[0].1.clock.without_what_came_before();
    }

    /// Nothing observed yet of the frames that follow those of `before`, whose clock goes on.
    #[must_use]
    pub fn continuing(mut self, before: &Self) -> Self {
        self.tallies[0].1 = before.tally().continued();
        self
    }

    /// A capture of so many bytes is about to be observed: makes room for the IPv4 flows that are usual in so many.
    pub fn expect(&mut self, bytes: u64) {
        let flows = usize::try_from(bytes / BYTES_PER_FLOW).unwrap_or(MOST_EXPECTED).min(MOST_EXPECTED);
        self.v4.expect(flows);
    }

    /// Whether nothing was observed yet, and `input` is the one that is to be read.
    pub fn is_fresh(&self, input: u32) -> bool {
        self.tallies.len() == 1 && self.tallies[0].0 == input && self.tally().frames == 0
    }

    /// Frames counted so far of the input that is being read.
    pub fn tally(&self) -> &Tally {
        &self.tallies[0].1
    }

    /// The input that is being read.
    pub fn input(&self) -> u32 {
        self.tallies[0].0
    }

    /// Number of flows so far.
    pub fn flow_count(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Takes frames of the own input, in their order.
    pub fn observe<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        let health = self.measures_health;
        let mut pipes = (Pipeline::new(health), Pipeline::new(health));
        for frame in frames {
            self.take(frame, &mut pipes);
        }
        self.flush(&mut pipes);
    }

    /// Adds what is on its way.
    fn flush<'a>(&mut self, intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>) {
        let (side, vlans) = (&mut self.side, &self.vlans);
        intakes.0.flush((&mut self.v4, &mut self.health.v4), |key, sent, seen| note(side, vlans, key, sent, seen));
        intakes.1.flush((&mut self.v6, &mut self.health.v6), |key, sent, seen| note(side, vlans, key, sent, seen));
        self.health.rhythms.catch_up();
    }

    /// Takes a frame that is lent for this moment only, so that no batch can be made.
    pub fn observe_lent(&mut self, frame: &Frame<'_>) {
        self.take(*frame, &mut (Direct, Direct));
        self.health.rhythms.catch_up();
    }

    #[inline(always)]
    pub(super) fn take<'a>(
        &mut self,
        mut frame: Frame<'a>,
        intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>,
    ) {
        let at = Moment { time: self.tallies[0].1.count(&frame), frame: frame.id };
        if is_odd(&frame, at) {
            // Only of no time, or where a clock was set back: behind all that came before.
            self.flush(intakes);
            if self.tallies[0].1.clock.is_no_time(frame.time) {
                // As a format without a word for it writes that there is no time.
                frame.time = Timestamp::UNKNOWN;
            }
            return self.take_any(frame, at, &mut (Direct, Direct));
        }
        match decode::plain(&frame) {
            Some(plain) => self.take_plain(&frame, at, plain, intakes),
            None => self.take_any(frame, at, intakes),
        }
    }

    #[inline(always)]
    fn take_plain<'a>(
        &mut self,
        frame: &Frame<'a>,
        at: Moment,
        plain: decode::Plain<'a>,
        intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>,
    ) {
        if self.measures_health {
            // A copy is lent: what is lent itself would be written to memory, of every frame.
            hear(&mut self.health, &{ plain.addresses }, at.time);
        }
        let vlan = VlanCode::of(plain.vlan);
        let ports = (plain.source_port, plain.destination_port);
        let sent = FlowPacket {
            side: 0,
            flags: TcpFlags(plain.flags),
            at,
            length: frame.original_len,
            fingerprint: fingerprint(plain.identification, plain.checksum, plain.numbers, plain.payload),
            numbers: plain.numbers,
            is_notable: FlowPacket::notable(plain.flags, Turn::Unknown, false),
            head: plain.head,
            signs: FlowPacket::signs(plain.numbers.is_some(), plain.flags, plain.payload_len, plain.head),
            measured: None,
            turn: Turn::Unknown,
            hops: plain.hops,
            macs: *plain.macs,
            payload: plain.payload,
            payload_length: plain.payload_len,
        };
        self.put((plain.addresses, ports, plain.protocol, vlan), sent, frame.time, intakes);
    }

    #[inline(always)]
    fn put<'a>(
        &mut self,
        (addresses, ports, protocol, vlan): (Addresses, (u16, u16), u8, VlanCode),
        mut sent: FlowPacket<'a>,
        written: Timestamp,
        intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>,
    ) {
        let (evidence, vlans) = (&mut self.side, &self.vlans);
        // Copies are lent, so that the packet itself is written nowhere but in its batch.
        if self.measures_health {
            sent.measured = measured::measured_as(protocol, ports, &{ sent });
        }
        let may_be_error = self.measures_health && measured::may_be_error(protocol, &{ sent });
        match addresses {
            Addresses::V4(source, destination) => {
                let (key, side) = Key4::new((source, ports.0), (destination, ports.1), protocol, vlan);
                let sent = FlowPacket { side, ..sent };
                if may_be_error {
                    measured::error(evidence, vlans, &{ key }, &{ sent }, written);
                }
                let tables = (&mut self.v4, &mut self.health.v4);
                intakes.0.push(tables, key, sent, written, |key, sent, seen| note(evidence, vlans, key, sent, seen));
            }
            Addresses::V6(source, destination) => {
                let (key, side) = Key6::new((source, ports.0), (destination, ports.1), protocol, vlan);
                let sent = FlowPacket { side, ..sent };
                if may_be_error {
                    measured::error(evidence, vlans, &{ key }, &{ sent }, written);
                }
                let tables = (&mut self.v6, &mut self.health.v6);
                intakes.1.push(tables, key, sent, written, |key, sent, seen| note(evidence, vlans, key, sent, seen));
            }
        }
    }

    /// A frame that is not of the common kind.
    #[cold]
    fn take_any<'a>(
        &mut self,
        frame: Frame<'a>,
        at: Moment,
        intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>,
    ) {
        let packet = decode::decode(&frame);
        let is_counted = frame.data.len() < frame.original_len as usize;
        self.tallies[0].1.cut += u64::from(packet.is_sliced && !is_counted);
        if let Some(stop) = packet.stop {
            *self.other_frames.stopped.entry(stop).or_default() += 1;
            let is_unread =
                stop.layer.is_link() && !matches!(packet.network, Network::Ip(_)) && packet.encapsulations.is_empty();
            self.tallies[0].1.unread += u64::from(is_unread);
        }
        let amount = Amount { frames: 1, bytes: u64::from(frame.original_len) };
        for outer in &packet.encapsulations {
            self.other_frames.encapsulation(outer, amount);
        }
        match &packet.network {
            Network::Unreached => {}
            Network::NonIp(kind, body) => {
                self.other_frames.non_ip.entry(*kind).or_default().add(amount);
                self.side.link.frame(&packet, (*kind, body), frame.time, at);
                match kind {
                    decode::NonIp::Arp => {
                        let Some(arp) = Arp::of(body) else { return };
                        if self.measures_health {
                            self.health.rhythms.hear_arp(arp.sender, arp.target, at.time);
                        }
                        self.neighbours.observe(arp, at, frame.time);
                        if let Some(claim) = arp.claim {
                            self.side.claims.add(&packet.vlan, claim, frame.time, at);
                        }
                    }
                    decode::NonIp::Lldp => {
                        self.side.lldp(packet.source_mac.unwrap_or_default(), body, frame.time, at);
                    }
                    _ => {}
                }
            }
            Network::Ip(ip) => self.take_ip((&frame, at), &packet, ip, amount, intakes),
        }
    }

    fn take_ip<'a>(
        &mut self,
        (frame, at): (&Frame<'a>, Moment),
        packet: &Packet<'a>,
        ip: &IpPacket<'a>,
        amount: Amount,
        intakes: &mut PacketSinks<impl PacketSink<'a, Key4>, impl PacketSink<'a, Key6>>,
    ) {
        if self.measures_health {
            self.health.rhythms.hear(ip.source, ip.destination, at.time);
        }
        if is_icmp_error(ip) {
            self.other_frames.icmp_errors.add(amount);
            self.side.icmp(ip, frame.time, at);
            self.side.link.error(ip, frame.time, at);
            return;
        }
        if ip.fragment.is_some() {
            self.side.link.fragment(&packet.vlan, ip, frame.time, at);
        } else {
            self.side.link.packet(packet, ip, frame.time, at);
            if let Transport::Icmp { kind, body, .. } = ip.transport {
                if let Some(target) = neighbour::sought(kind, body).filter(|_| ip.source.is_ipv6()) {
                    self.neighbours.asks(ip.source, target.into(), at.time);
                }
                self.side.claims.seek(ip, (kind, body), frame.time, at);
                if let Some(claim) = Claim::of_icmp(ip, kind, body) {
                    self.side.claims.add(&packet.vlan, claim, frame.time, at);
                }
            }
        }
        let Some(content) = FlowContent::of(ip) else {
            // A later fragment, or a first one that ends before its ports.
            if let Some(fragment) = ip.fragment {
                self.fragments.add(DatagramId::of(&packet.vlan, ip), part(frame, at, fragment.offset, None));
                return;
            }
            // Without its ports it belongs to no flow; it is among the stopped frames.
            return;
        };
        if let Some(fragment) = ip.fragment {
            self.fragments.add(DatagramId::of(&packet.vlan, ip), part(frame, at, fragment.offset, Some(content.ports)));
        }
        let mut sent = FlowPacket {
            side: 0,
            flags: content.flags,
            at,
            length: frame.original_len,
            fingerprint: if frame.time == Timestamp::UNKNOWN {
                0
            } else {
                fingerprint(ip.identification as u16, content.checksum, content.numbers, content.payload)
            },
            numbers: content.numbers,
            is_notable: FlowPacket::notable(content.flags.0, content.turn, is_odd(frame, at)),
            head: content.head,
            signs: FlowPacket::signs(ip.protocol == TCP, content.flags.0, content.payload_length, content.head),
            measured: None,
            turn: content.turn,
            hops: ip.hops,
            macs: macs(packet, ip),
            payload: content.payload,
            payload_length: content.payload_length,
        };
        sent.is_notable |= sent.is_shortened();
        let addresses = match (ip.source, ip.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => Addresses::V4(source.into(), destination.into()),
            (source, destination) => Addresses::V6(wide(source), wide(destination)),
        };
        let vlan = self.vlans.encode(&packet.vlan);
        self.put((addresses, content.ports, ip.protocol, vlan), sent, frame.time, intakes);
    }
}

/// Takes when who sent a packet to whom. Not inlined: most captures are read without.
#[inline(never)]
fn hear(health: &mut Questions, addresses: &Addresses, time: Timestamp) {
    match *addresses {
        Addresses::V4(from, to) => health.rhythms.hear_soon((from.into(), to.into()), time, prefetch),
        Addresses::V6(from, to) => {
            health.rhythms.hear(Ipv6Addr::from(from).into(), Ipv6Addr::from(to).into(), time);
        }
    }
}

/// How packets come to the two tables.
type PacketSinks<V4, V6> = (V4, V6);

/// Hands on what a payload said, if a relation can use it.
fn note<K: Key>(
    side: &mut SideEvidence,
    vlans: &VlanNames,
    key: &K,
    (sent, written): (&FlowPacket<'_>, Timestamp),
    seen: Inspection,
) {
    if seen.tag != 0 {
        let ends = key.ends();
        let from = usize::from(sent.side & 1);
        let to_group = sent.is_to_group(ends[1 - from].0);
        let stream = (vlans.decode(key.vlan()), ends[from], ends[1 - from]);
        side.payload(stream, to_group, written, sent.at, sent.payload, seen);
    }
}

fn place<K: Key>(table: &mut Table<K>, key: K, side: u8, rest: super::fragment::Rest) -> bool {
    let Some((counts, cold)) = table.find(key) else { return false };
    counts.add_fragments(cold, usize::from(side), rest.packets, rest.bytes, rest.last);
    true
}

/// Whether a frame has another effective time than the written one, or none.
#[inline]
fn is_odd(frame: &Frame<'_>, at: Moment) -> bool {
    (frame.time != at.time) | (frame.time == Timestamp::UNKNOWN)
}

/// An address of either family as that of IPv6.
pub(crate) fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

fn part(frame: &Frame<'_>, at: Moment, offset: u32, ports: Option<(u16, u16)>) -> Part {
    Part { at, offset, length: frame.original_len, ports }
}
