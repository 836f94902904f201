//! The site's wire: hosts, and what a mirror port sees when they speak.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::file::Tape;
use super::frame::{self, Mac, Segment, Tag, V4};
use super::random::Random;

pub(crate) const MICRO: u64 = 1_000;
pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Where a host stands, seen from the mirror port on the lighting network's switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Zone {
    /// On the lighting network itself.
    Lighting,
    /// In the annex: a second lighting subnet behind the router.
    Annex,
    /// On the office network, whose PC is mirrored too.
    Office,
    /// On the internet, behind the router.
    Internet,
}

/// A host, or a group address to send to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) mac: Mac,
    pub(crate) ip: IpAddr,
    pub(crate) zone: Zone,
    /// The TTL it sends with.
    pub(crate) ttl: u8,
    /// Its frames come without their tag: a mirror port that is set to strip what this host sends.
    pub(crate) untagged: bool,
}

impl Host {
    /// The same host by its link-local IPv6 address.
    pub(crate) fn v6(self) -> Self {
        Self { ip: frame::link_local(self.mac).into(), ..self }
    }

    pub(crate) fn v4(&self) -> Ipv4Addr {
        match self.ip {
            IpAddr::V4(v4) => v4,
            IpAddr::V6(_) => panic!("an IPv4 host is needed"),
        }
    }
}

/// A group or broadcast address on the lighting network.
pub(crate) fn group(address: &str) -> Host {
    let ip: IpAddr = address.parse().expect("an address of the generator's own");
    Host { mac: frame::group_mac(ip), ip, zone: Zone::Lighting, ttl: 1, untagged: false }
}

/// A host and its port.
pub(crate) type End = (Host, u16);

/// The mirror port: who sends what, and when it was seen.
pub(crate) struct Wire {
    pub(crate) tape: Tape,
    pub(crate) random: Random,
    router: Host,
    lighting: Vec<Tag>,
    office: Vec<Tag>,
    ids: BTreeMap<IpAddr, u16>,
    ports: BTreeMap<IpAddr, u16>,
}

impl Wire {
    pub(crate) fn new(seed: u64, router: Host, lighting: Vec<Tag>, office: Vec<Tag>) -> Self {
        let (tape, random) = (Tape::default(), Random::new(seed));
        Self { tape, random, router, lighting, office, ids: BTreeMap::new(), ports: BTreeMap::new() }
    }

    /// A fresh client port. The firmware ports 50195-50199 lie in this range and are left out: where one is wanted, it is
    /// named.
    pub(crate) fn port(&mut self, host: Host) -> u16 {
        let step = self.random.between(1, 7) as u16;
        let port = self.ports.entry(host.ip).or_insert(49_200 + (host.mac[5] as u16) * 9);
        *port += step;
        if (50_190..=50_199).contains(port) {
            *port = 50_200;
        }
        *port
    }

    /// A round trip on the local network, in nanoseconds.
    pub(crate) fn turn(&mut self) -> u64 {
        self.random.between(180, 900) * MICRO
    }

    /// A round trip between two hosts, in nanoseconds.
    pub(crate) fn round_trip(&mut self, a: Host, b: Host) -> u64 {
        match (a.zone, b.zone) {
            (Zone::Internet, _) | (_, Zone::Internet) => self.random.between(18_000, 26_000) * MICRO,
            (Zone::Lighting, Zone::Lighting) => self.turn(),
            _ => self.random.between(700, 1_600) * MICRO,
        }
    }

    fn next_id(&mut self, host: Host) -> u16 {
        let id = self.ids.entry(host.ip).or_insert(u16::from(host.mac[5]) << 8);
        *id = id.wrapping_add(1);
        *id
    }

    /// An Ethernet frame on the lighting network.
    pub(crate) fn ethernet(&mut self, at: u64, from: Host, to: Mac, ethertype: u16, payload: &[u8]) {
        let tags = if from.untagged { &[][..] } else { &self.lighting };
        self.tape.push(at, frame::ethernet(to, from.mac, tags, ethertype, payload));
    }

    /// An IP packet as the mirror sees it: behind the router, its MAC address stands for the host, and the TTL is one less.
    /// Between office and lighting network the mirror sees it twice, before and after the router, in two VLANs.
    pub(crate) fn ip(&mut self, at: u64, from: Host, to: Host, protocol: u8, payload: &[u8]) {
        let id = self.next_id(from);
        let mtu = if from.ip.is_ipv6() { usize::MAX } else { 1480 };
        if payload.len() > mtu {
            // RFC 791: offsets count in units of 8 bytes; all but the last have "more fragments" set.
            for (number, part) in payload.chunks(mtu).enumerate() {
                let more = u16::from((number + 1) * mtu < payload.len()) << 13;
                let fragment = (number * mtu / 8) as u16 | more;
                self.packet(
                    at + number as u64 * 12 * MICRO,
                    from,
                    to,
                    protocol,
                    V4 { id, fragment, ..V4::default() },
                    part,
                );
            }
        } else {
            self.packet(at, from, to, protocol, V4 { id, fragment: 0x4000, ..V4::default() }, payload);
        }
    }

    /// One IP packet with a header as given (its TTL is worked out here).
    pub(crate) fn packet(&mut self, at: u64, from: Host, to: Host, protocol: u8, head: V4<'_>, payload: &[u8]) {
        let router = self.router.mac;
        let on_link = |host: Host, zone: Zone| host.zone == zone || host.ip.is_multicast();
        let mut see = |zone: Zone, at: u64| {
            let hops = from.ttl - u8::from(from.zone != zone);
            let source = if on_link(from, zone) { from.mac } else { router };
            let destination = if on_link(to, zone) || to.mac == [0xff; 6] { to.mac } else { router };
            let tags: &[Tag] = match zone {
                _ if from.untagged => &[],
                Zone::Office => &self.office,
                _ => &self.lighting,
            };
            let (ethertype, packet) = match (from.ip, to.ip) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    (0x0800, frame::ipv4(a, b, protocol, V4 { ttl: hops, ..head }, payload))
                }
                (IpAddr::V6(a), IpAddr::V6(b)) => (0x86dd, frame::ipv6(a, b, protocol, hops, payload)),
                _ => panic!("both ends of a packet are of one family"),
            };
            self.tape.push(at, frame::ethernet(destination, source, tags, ethertype, &packet));
        };
        match (from.zone, to.zone) {
            (Zone::Office, Zone::Lighting) => {
                see(Zone::Office, at);
                see(Zone::Lighting, at + 60 * MICRO);
            }
            (Zone::Lighting, Zone::Office) => {
                see(Zone::Lighting, at);
                see(Zone::Office, at + 60 * MICRO);
            }
            (Zone::Office, _) | (_, Zone::Office) => see(Zone::Office, at),
            _ => see(Zone::Lighting, at),
        }
    }

    pub(crate) fn udp(&mut self, at: u64, from: End, to: End, payload: &[u8]) {
        let datagram = frame::udp((from.0.ip, from.1), (to.0.ip, to.1), payload);
        self.ip(at, from.0, to.0, frame::UDP, &datagram);
    }

    /// A datagram and its answer; returns when the answer was seen.
    pub(crate) fn ask(&mut self, at: u64, client: End, server: End, question: &[u8], answer: &[u8]) -> u64 {
        self.udp(at, client, server, question);
        let back = at + self.round_trip(client.0, server.0);
        self.udp(back, server, client, answer);
        back
    }

    pub(crate) fn tcp(&mut self, at: u64, from: End, to: End, segment: Segment<'_>) {
        let bytes = frame::tcp((from.0.ip, from.1), (to.0.ip, to.1), segment);
        self.ip(at, from.0, to.0, frame::TCP, &bytes);
    }

    /// An ICMP error of `from` about a packet that `offender` sent (RFC 792: its header and first 8 bytes).
    pub(crate) fn icmp_error(&mut self, at: u64, from: Host, code: u8, offender: End, target: End, datagram: &[u8]) {
        let id = self.ids.get(&offender.0.ip).copied().unwrap_or(1);
        let head = V4 { id, ttl: offender.0.ttl, fragment: 0x4000, ..V4::default() };
        let mut quoted = frame::ipv4(offender.0.v4(), target.0.v4(), frame::UDP, head, datagram);
        quoted.truncate(28);
        self.ip(at, from, offender.0, frame::ICMP, &frame::icmp(3, code, [0; 4], &quoted));
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.tape.comment(text);
    }
}
