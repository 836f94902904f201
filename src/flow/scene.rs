//! Traffic made up for tests: real frames, by etherparse, of whoever sends what to whom, and what is observed of them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use etherparse::{IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder, TcpHeader};

use super::{Endpoint, Limits, Observation, Observed, Seed};
use crate::capture::{Frame, FrameId, LinkType, Timestamp};
use crate::decode::{MacAddr, TcpFlags};

/// An address and port, or the text of both.
pub(crate) trait Socket {
    fn endpoint(self) -> Endpoint;
}

impl Socket for Endpoint {
    fn endpoint(self) -> Endpoint {
        self
    }
}

impl Socket for ([u8; 4], u16) {
    fn endpoint(self) -> Endpoint {
        (self.0.into(), self.1)
    }
}

impl Socket for &str {
    fn endpoint(self) -> Endpoint {
        let socket: SocketAddr = self.parse().expect("an address and port");
        (socket.ip(), socket.port())
    }
}

/// Frames in the order in which they were captured, and how the next ones are sent.
#[derive(Default)]
pub(crate) struct Scene {
    /// Time, length on the wire and bytes.
    frames: Vec<(Timestamp, u32, Vec<u8>)>,
    now: Option<Timestamp>,
    /// IPv4's; else each packet has another, and none is taken for a copy.
    pub(crate) identification: Option<u16>,
    /// By direction, the sequence number of the next segment.
    sequences: HashMap<(Endpoint, Endpoint), u32>,
    /// That of all segments; else each begins where the one before of its direction ended.
    pub(crate) sequence: Option<u32>,
    /// The VLAN tag.
    pub(crate) vlan: Option<u16>,
    /// Of sender and receiver; else those that go with the addresses.
    pub(crate) macs: Option<[MacAddr; 2]>,
    /// Time to live, or hop limit; else 64. With 0 it is not known how far a packet came.
    pub(crate) hops: Option<u8>,
    /// The least length of a frame, as far as it is filled up.
    pub(crate) length: usize,
    /// Bytes of each payload that are captured, if the snap length cuts.
    pub(crate) snap: Option<usize>,
}

impl Scene {
    /// What follows is sent so many milliseconds after the epoch.
    pub(crate) fn at(&mut self, millis: i64) -> &mut Self {
        self.at_time(Timestamp::from_nanos(millis * 1_000_000))
    }

    /// What follows is sent at this time, or without one.
    pub(crate) fn at_time(&mut self, time: Timestamp) -> &mut Self {
        self.now = Some(time);
        self
    }

    pub(crate) fn udp(&mut self, from: impl Socket, to: impl Socket, payload: &[u8]) -> &mut Self {
        let (from, to) = (from.endpoint(), to.endpoint());
        self.add(from.0, to.0, payload, |ip, bytes| ip.udp(from.1, to.1).write(bytes, payload).unwrap())
    }

    /// A segment of the connection between two ends, which counts its bytes.
    pub(crate) fn tcp(&mut self, from: impl Socket, to: impl Socket, flags: u8, payload: &[u8]) -> &mut Self {
        let (from, to) = (from.endpoint(), to.endpoint());
        let has = |flag| flags & flag != 0;
        let first = 0x1000 + u32::from(from.1);
        let next = if has(TcpFlags::SYN) { None } else { self.sequences.get(&(from, to)).copied() };
        let sequence = self.sequence.or(next).unwrap_or(first);
        let takes_up = payload.len() as u32 + u32::from(has(TcpFlags::SYN | TcpFlags::FIN));
        let acknowledged = self.sequences.get(&(to, from)).copied().unwrap_or(1);
        self.sequences.insert((from, to), sequence + takes_up);
        let header = TcpHeader {
            syn: has(TcpFlags::SYN),
            ack: has(TcpFlags::ACK),
            fin: has(TcpFlags::FIN),
            rst: has(TcpFlags::RST),
            acknowledgment_number: if has(TcpFlags::ACK) { acknowledged } else { 0 },
            ..TcpHeader::new(from.1, to.1, sequence, 1000)
        };
        self.add(from.0, to.0, payload, |ip, bytes| ip.tcp_header(header).write(bytes, payload).unwrap())
    }

    /// An ICMP error of `sender` about a UDP or TCP packet.
    pub(crate) fn icmp(
        &mut self,
        sender: &str,
        (kind, code): (u8, u8),
        protocol: u8,
        from: impl Socket,
        to: impl Socket,
    ) -> &mut Self {
        let (from, to) = (from.endpoint(), to.endpoint());
        let mut quoted = Vec::new();
        let ports = [from.1.to_be_bytes(), to.1.to_be_bytes(), [0, 8], [0, 0]].concat();
        headers(from.0, to.0, 64, 0).write(&mut quoted, IpNumber(protocol), &ports).unwrap();
        let quoted = &quoted[14..];
        let rest = [0; 4];
        self.add(sender.parse().expect("an address"), from.0, quoted, |ip, bytes| {
            if from.0.is_ipv4() {
                ip.icmpv4_raw(kind, code, rest).write(bytes, quoted).unwrap();
            } else {
                ip.icmpv6_raw(kind, code, rest).write(bytes, quoted).unwrap();
            }
        })
    }

    fn add(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        payload: &[u8],
        write: impl FnOnce(PacketStep, &mut Vec<u8>),
    ) -> &mut Self {
        let identification = self.identification.unwrap_or((self.frames.len() as u16).wrapping_add(1));
        let mut bytes = Vec::new();
        write(headers(from, to, self.hops.unwrap_or(64), identification), &mut bytes);
        let [source, destination] = self.macs.unwrap_or([from, to].map(mac));
        bytes[..6].copy_from_slice(&destination.0);
        bytes[6..12].copy_from_slice(&source.0);
        if let Some(id) = self.vlan {
            let tag = [0x81, 0, (id >> 8) as u8, id as u8];
            bytes.splice(12..12, tag);
        }
        let beginning = bytes.len() - payload.len();
        bytes.resize(bytes.len().max(self.length), 0);
        let length = bytes.len();
        bytes.truncate(self.snap.map_or(length, |snap| beginning + snap));
        self.put(self.now.unwrap_or(Timestamp::from_nanos(0)), length as u32, bytes);
        self
    }

    /// A frame as it was captured.
    pub(crate) fn put(&mut self, time: Timestamp, length: u32, bytes: Vec<u8>) {
        self.frames.push((time, length, bytes));
    }

    /// Puts the frames in the order of their times, those of one time in that of their bytes.
    pub(crate) fn sort(&mut self) {
        self.frames.sort();
    }

    /// Those at some places, numbered from 1.
    pub(crate) fn frames(&self, places: Range<usize>) -> impl Iterator<Item = Frame<'_>> {
        self.frames[places].iter().zip(1..).map(|((time, length, bytes), number)| Frame {
            id: FrameId::new(0, number),
            time: *time,
            link: LinkType::ETHERNET,
            interface: 0,
            original_len: *length,
            data: bytes,
        })
    }

    /// How many frames there are.
    pub(crate) const fn len(&self) -> usize {
        self.frames.len()
    }

    /// What is observed of the frames at some places, as of an input of their own.
    pub(crate) fn part(&self, places: Range<usize>) -> Observation {
        let mut observation = Observation::new(0, Seed::random(), Limits::default());
        observation.observe(self.frames(places));
        observation
    }

    /// What is observed of all frames, the flows in the order of their first ones.
    pub(crate) fn observe(&self) -> Observed {
        let mut observed = self.part(0..self.len()).finish();
        let mut order: Vec<u32> = observed.flows.places().collect();
        order.sort_by_key(|place| observed.flows.view(*place).first_frame());
        observed.flows.put_in_order(order);
        observed
    }
}

type PacketStep = etherparse::PacketBuilderStep<IpHeaders>;

/// Ethernet and IP; the MACs are put in later.
fn headers(from: IpAddr, to: IpAddr, hops: u8, identification: u16) -> PacketStep {
    let ip = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let header = Ipv4Header::new(0, hops, IpNumber::UDP, from.octets(), to.octets()).unwrap();
            IpHeaders::Ipv4(Ipv4Header { identification, ..header }, Default::default())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let (source, destination) = (from.octets(), to.octets());
            let header = Ipv6Header { hop_limit: hops, source, destination, ..Default::default() };
            IpHeaders::Ipv6(header, Default::default())
        }
        _ => unreachable!("one version"),
    };
    PacketBuilder::ethernet2([0; 6], [0; 6]).ip(ip)
}

/// Of a host, one of its own; of a group, the group's (RFC 1112 section 6.4, RFC 2464 section 7).
fn mac(address: IpAddr) -> MacAddr {
    let is_group = address.is_multicast();
    MacAddr(match address {
        IpAddr::V4(v4) if v4.is_broadcast() => [0xff; 6],
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            if is_group { [1, 0, 0x5e, b & 0x7f, c, d] } else { [2, 0, a, b, c, d] }
        }
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            if is_group { [0x33, 0x33, a, b, c, d] } else { [2, 6, a, b, c, d] }
        }
    })
}
