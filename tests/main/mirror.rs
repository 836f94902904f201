//! Small captures made here: what a mirror port would see of hosts that are written down as what they send.

use std::net::{IpAddr, Ipv4Addr};

use igorscope::inventory::{Inventory, InventoryFlags};
use igorscope::survey::Survey;

use crate::reading;
use crate::traffic::file::{Record, Tape};
use crate::traffic::frame::{self, ACK, Mac, PSH, SYN, Segment, V4};
use crate::traffic::payload::{http, link, tftp};
use crate::traffic::site::START;
use crate::traffic::wire::{MICRO, SECOND};

/// A host on the captured link.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    pub(crate) mac: Mac,
    pub(crate) address: IpAddr,
    /// Time to live or hop limit of what it sends.
    pub(crate) hops: u8,
}

/// A host and its port.
pub(crate) type End = (Host, u16);

pub(crate) const fn host(mac: Mac, [a, b, c, d]: [u8; 4]) -> Host {
    Host { mac, address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), hops: 64 }
}

pub(crate) const fn node(number: u8) -> Host {
    host([0x00, 0x1b, 0xc5, 0x00, 0x01, number], [10, 20, 0, number])
}

pub(crate) const GATEWAY: Host = host([0x00, 0x1b, 0xc5, 0x00, 0x00, 0x10], [10, 20, 0, 10]);
pub(crate) const BACNET: Host = host([0x00, 0x1b, 0xc5, 0x00, 0x02, 0x00], [10, 20, 0, 200]);
/// Of the site, and none of the lighting.
pub(crate) const OTHER: Host = host([0x02, 0x49, 0x67, 0x0e, 0x00, 0x01], [10, 20, 0, 50]);
pub(crate) const EVERYONE: Host = host([0xff; 6], [255; 4]);

impl Host {
    /// The same device with another address.
    pub(crate) fn at(self, address: &str) -> Self {
        Self { address: address.parse().expect("an address"), ..self }
    }

    /// The same address at another device.
    pub(crate) fn of(self, mac: Mac) -> Self {
        Self { mac, ..self }
    }

    pub(crate) fn v4(self) -> Ipv4Addr {
        match self.address {
            IpAddr::V4(v4) => v4,
            IpAddr::V6(_) => panic!("an IPv4 address is needed"),
        }
    }
}

/// Sequence numbers of the client's SYN and of the server's SYN-ACK.
pub(crate) const C: u32 = 1_000;
pub(crate) const S: u32 = 5_000;

/// What a mirror port saw, in the order in which it was captured. Times are nanoseconds after [`START`].
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) tape: Tape,
    /// IPv4 identification of the last packet.
    pub(crate) id: u16,
    /// Senders leave the identification at 0 (RFC 6864 section 4.1).
    pub(crate) is_uncounted: bool,
}

impl Record {
    /// Puts the frame in a VLAN (IEEE 802.1Q).
    pub(crate) fn tag(&mut self, vlan: u8) {
        self.frame.splice(12..12, [0x81, 0x00, 0x00, vlan]);
        self.original += 4;
    }
}

impl Mirror {
    pub(crate) fn ethernet(&mut self, at: u64, from: Mac, to: Mac, kind: u16, content: &[u8]) {
        self.tape.push(START + at, frame::ethernet(to, from, &[], kind, content));
    }

    pub(crate) fn ip(&mut self, at: u64, from: Host, to: Host, protocol: u8, content: &[u8]) {
        let (kind, packet) = match (from.address, to.address) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.id = self.id.wrapping_add(u16::from(!self.is_uncounted));
                let head = V4 { id: self.id, ttl: from.hops, fragment: 0x4000, ..V4::default() };
                (0x0800, frame::ipv4(source, destination, protocol, head, content))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                (0x86dd, frame::ipv6(source, destination, protocol, from.hops, content))
            }
            _ => panic!("both ends of a packet are of one family"),
        };
        self.ethernet(at, from.mac, to.mac, kind, &packet);
    }

    pub(crate) fn udp(&mut self, at: u64, from: End, to: End, payload: &[u8]) {
        let datagram = frame::udp((from.0.address, from.1), (to.0.address, to.1), payload);
        self.ip(at, from.0, to.0, frame::UDP, &datagram);
    }

    /// A segment by its flags and its sequence and acknowledgment number.
    pub(crate) fn tcp(&mut self, at: u64, from: End, to: End, flags: u8, [seq, ack]: [u32; 2], payload: &[u8]) {
        let segment = Segment { seq, ack, flags, window: 64_240, payload };
        let bytes = frame::tcp((from.0.address, from.1), (to.0.address, to.1), segment);
        self.ip(at, from.0, to.0, frame::TCP, &bytes);
    }

    /// The three-way handshake, by the numbers of SYN and SYN-ACK.
    pub(crate) fn open(&mut self, at: u64, client: End, server: End, [ours, theirs]: [u32; 2]) {
        self.tcp(at, client, server, SYN, [ours, 0], &[]);
        self.tcp(at + 100 * MICRO, server, client, SYN | ACK, [theirs, ours + 1], &[]);
        self.tcp(at + 200 * MICRO, client, server, ACK, [ours + 1, theirs + 1], &[]);
    }

    /// A whole exchange of HTTP in seven frames, the first four of them the handshake and the request.
    pub(crate) fn exchange(&mut self, at: u64, client: End, server: End, [ours, theirs]: [u32; 2]) {
        let (request, answer) = (http::get("gateway", "/level"), http::answer("200 OK", "text/plain", "80"));
        let [asked, told] = [ours + 1 + request.len() as u32, theirs + 1 + answer.len() as u32];
        self.open(at, client, server, [ours, theirs]);
        self.tcp(at + 300 * MICRO, client, server, ACK | PSH, [ours + 1, theirs + 1], &request);
        self.tcp(at + 400 * MICRO, server, client, ACK, [theirs + 1, asked], &[]);
        self.tcp(at + 900 * MICRO, server, client, ACK | PSH, [theirs + 1, asked], &answer);
        self.tcp(at + 950 * MICRO, client, server, ACK, [asked, told], &[]);
    }

    /// A SYN and its repetitions, which nobody answers.
    pub(crate) fn knock(&mut self, at: u64, client: End, server: End) {
        for late in [0, 1, 3, 7] {
            self.tcp(at + late * SECOND, client, server, SYN, [C, 0], &[]);
        }
    }

    /// All of it again, 20 microseconds later in VLAN 20 (IEEE 802.1Q), as a router passes it on.
    pub(crate) fn routed(mut self) -> Self {
        let again = self.tape.records.clone().into_iter().map(|mut record| {
            record.time += 20 * MICRO;
            record.tag(20);
            record
        });
        self.tape.records.extend(again.collect::<Vec<_>>());
        self.tape.sort();
        self
    }

    /// The same with all that a host sends in a VLAN (IEEE 802.1Q).
    pub(crate) fn tagged_by(&self, sender: Host, vlan: u8) -> Self {
        let mut tape = self.tape.clone();
        for record in tape.records.iter_mut().filter(|record| record.frame[6..12] == sender.mac) {
            record.tag(vlan);
        }
        Self { tape, ..*self }
    }

    pub(crate) fn who_has(&mut self, at: u64, asker: Host, asked: Host) {
        let question = link::arp(1, (asker.mac, asker.v4()), ([0; 6], asked.v4()));
        self.ethernet(at, asker.mac, EVERYONE.mac, 0x0806, &question);
    }

    pub(crate) fn is_at(&mut self, at: u64, owner: Host, asker: Host) {
        let answer = link::arp(2, (owner.mac, owner.v4()), (asker.mac, asker.v4()));
        self.ethernet(at, owner.mac, asker.mac, 0x0806, &answer);
    }

    /// An unsolicited neighbour advertisement of an IPv6 host to all nodes (RFC 4861 section 7.2.6).
    pub(crate) fn advertise(&mut self, at: u64, host: Host) {
        let all_nodes = Host { mac: [0x33, 0x33, 0, 0, 0, 1], ..EVERYONE.at("ff02::1") };
        let (IpAddr::V6(own), IpAddr::V6(group)) = (host.address, all_nodes.address) else {
            panic!("neighbours are IPv6's");
        };
        let message = link::neighbour(136, own, group, own, host.mac);
        self.ip(at, Host { hops: 255, ..host }, all_nodes, frame::ICMPV6, &message);
    }

    /// A solicitation of one IPv6 host for another, to the group of its address (RFC 4861 section 4.3).
    pub(crate) fn solicit(&mut self, at: u64, asker: Host, asked: Host) {
        let (IpAddr::V6(from), IpAddr::V6(target)) = (asker.address, asked.address) else {
            panic!("neighbours are IPv6's");
        };
        let [.., a, b, c] = target.octets();
        let address = format!("ff02::1:ff{a:02x}:{:x}", u16::from_be_bytes([b, c]));
        let group = Host { mac: [0x33, 0x33, 0xff, a, b, c], ..EVERYONE.at(&address) };
        let IpAddr::V6(to) = group.address else { unreachable!("it is IPv6's") };
        let message = link::neighbour(135, from, to, target, asker.mac);
        self.ip(at, Host { hops: 255, ..asker }, group, frame::ICMPV6, &message);
    }

    /// What a client that asked with options for a file, and its server, send on the server's fresh port.
    pub(crate) fn transfer(&mut self, at: u64, client: End, server: End) {
        self.udp(at, server, client, &tftp::oack(&[("blksize", "1024")]));
        self.udp(at + 200 * MICRO, client, server, &tftp::ack(0));
        self.udp(at + 400 * MICRO, server, client, &tftp::data(1, b"the whole of a small file"));
        self.udp(at + 600 * MICRO, client, server, &tftp::ack(1));
    }

    /// `from` reports that nobody listens where `sender` sent a datagram to: the datagram's header and first 8 bytes.
    pub(crate) fn port_unreachable(&mut self, at: u64, from: End, sender: End) {
        self.unreachable(at, (from.0, 3), from, sender);
    }

    /// A host says by ICMP, with a code of type 3, that what `sender` sent to `from` could not be handed over.
    pub(crate) fn unreachable(&mut self, at: u64, (by, code): (Host, u8), from: End, sender: End) {
        let datagram = frame::udp((sender.0.address, sender.1), (from.0.address, from.1), &[]);
        let head = V4 { id: self.id, ttl: sender.0.hops, fragment: 0x4000, ..V4::default() };
        let quoted = frame::ipv4(sender.0.v4(), from.0.v4(), frame::UDP, head, &datagram);
        self.ip(at, by, sender.0, frame::ICMP, &frame::icmp(3, code, [0; 4], &quoted));
    }

    /// The same, and the capture goes on long enough for an answer.
    pub(crate) fn goes_on(mut self) -> Self {
        let last = self.tape.records.iter().map(|record| record.time - START).max().unwrap_or_default();
        self.who_has(last + 2 * SECOND, OTHER, OTHER.at("10.20.0.51"));
        self
    }

    /// The same with each frame three times, 12 microseconds apart.
    pub(crate) fn in_three(mut self) -> Self {
        let copies =
            |record: &Record| [0, 12, 24].map(|late| Record { time: record.time + late * MICRO, ..record.clone() });
        self.tape.records = self.tape.records.iter().flat_map(copies).collect();
        self
    }

    pub(crate) fn survey(&self, flags: &InventoryFlags) -> Survey {
        self.judged(flags, false)
    }

    fn judged(&self, flags: &InventoryFlags, health: bool) -> Survey {
        let inventory = Inventory::load(None, flags).expect("the flags are sound");
        reading::survey_of(&self.tape.pcap(), inventory, health)
    }

    /// With the roles that a site of fixed addresses declares.
    pub(crate) fn by_address(&self) -> Survey {
        self.survey(&addresses())
    }

    /// The same, and how well it works is measured.
    pub(crate) fn measured(&self) -> Survey {
        self.judged(&addresses(), true)
    }

    /// With the roles that the manufacturer's MAC addresses give.
    pub(crate) fn by_mac(&self) -> Survey {
        self.survey(&InventoryFlags {
            gateway: vec!["00:1b:c5:00:00:10".into()],
            node: vec!["00:1b:c5:00:01".into()],
            ..InventoryFlags::default()
        })
    }
}

/// The roles of a site of fixed addresses.
pub(crate) fn addresses() -> InventoryFlags {
    InventoryFlags {
        gateway: vec!["10.20.0.10".into()],
        node: vec!["10.20.0.101-10.20.0.199".into()],
        bacnet: vec!["10.20.0.200".into()],
        ..InventoryFlags::default()
    }
}
