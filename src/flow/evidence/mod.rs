//! What relations need and a flow record cannot hold: each group request's token, every search's
//! window, where a description lies, which file was asked for, and ICMP errors.
//!
//! Addable like the flow table, and bounded. What is taken from payload is taken either from every
//! packet to a group, or from the first payload of a flow's direction. Since a part of a capture takes
//! another payload for the first than the whole does, the first is asked for by its frame: see [`Stream`].

mod claims;
mod dhcp;
mod link;
mod lowest;
mod stored;
#[cfg(test)]
mod tests;
mod transactions;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(super) use self::claims::Claim;
pub use self::claims::{Claimed, Claims, Speaker};
pub use self::dhcp::{DhcpExchange, Refusals};
pub use self::link::{
    Authentication, BridgePort, Broadcasts, DatagramId, LinkEvidence, Membership, Offers, Pieces, Port, STRETCH, TooBig,
};
use self::lowest::{Add, BoundedMap, summed};
pub use self::transactions::Transaction;
use crate::capture::{FrameId, Moment, Shift, Timestamp};
use crate::decode::{IpPacket, MacAddr, Transport, VlanPath, may_be_tunnel, quoted};
use crate::protocol::{CoapKind, Inspection, SsdpKind, Tag, TftpOpcode, coap, dhcp as dhcp_message, lldp, ssdp, tftp};

/// An address and a UDP or TCP port.
pub type Endpoint = (IpAddr, u16);

/// One direction of a UDP flow: its VLAN path, its sender and its receiver.
///
/// What is kept of a direction is the earliest payload that was looked at and fits. Cut anywhere, that is
/// never later than in one pass, because a part looks at more payloads than the whole, never at fewer. It
/// counts only if it is the flow's first payload, which the flow record knows, and every part that holds
/// that payload looks at it. So what can be asked is the same however the capture is cut.
pub type Stream = (VlanPath, Endpoint, Endpoint);

/// How often something was seen, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Earliest known time.
    pub first: Timestamp,
    /// Latest time.
    pub last: Timestamp,
    /// The first.
    pub begin: Moment,
    /// Effective time of the last.
    pub end: Timestamp,
    /// Number of packets.
    pub count: u64,
}

impl Window {
    /// Never seen.
    pub const NONE: Self = Self {
        first: Timestamp::UNKNOWN,
        last: Timestamp::UNKNOWN,
        begin: Moment::NEVER,
        end: Timestamp::UNKNOWN,
        count: 0,
    };

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// Seen once, at a time as it was written.
    pub const fn once(time: Timestamp, at: Moment) -> Self {
        Self { first: time, last: time, begin: at, end: at.time, count: 1 }
    }

    /// The first frame.
    pub const fn frame(&self) -> FrameId {
        self.begin.frame
    }
}

impl Add for Window {
    fn add(&mut self, other: Self) {
        self.first = self.first.earlier(other.first);
        self.last = self.last.max(other.last);
        self.begin = self.begin.min(other.begin);
        self.end = self.end.max(other.end);
        self.count = self.count.saturating_add(other.count);
    }

    fn shift(&mut self, shift: Shift) {
        self.begin = self.begin.shifted(shift);
    }
}

/// M-SEARCH requests of one endpoint to groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    /// When.
    pub window: Window,
    /// The longest time that one of them gives for answers, in seconds (1 to 5).
    pub mx: u8,
}

summed!(Search { window }, mine, theirs: {
    mine.mx = mine.mx.max(theirs.mx);
});

/// The first of something in one direction of a flow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct First<T> {
    /// When it was sent.
    pub at: Moment,
    /// Timestamp as recorded in the capture.
    pub time: Timestamp,
    /// What it was.
    pub what: T,
}

impl<T> Add for First<T> {
    fn add(&mut self, other: Self) {
        if other.at < self.at {
            *self = other;
        }
    }

    fn shift(&mut self, shift: Shift) {
        self.at = self.at.shifted(shift);
    }
}

/// A file asked for by TFTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TftpFile {
    /// Its name as sent, at most 64 bytes of it. Untrusted bytes: escape before printing.
    pub name: Box<[u8]>,
    /// Whether it is to be written.
    pub write: bool,
}

/// An ERROR of TFTP: why a transfer was refused or ended (RFC 1350 section 5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TftpError {
    /// 0 to 8.
    pub code: u16,
    /// Its message as sent, at most 64 bytes of it. Untrusted bytes: escape before printing.
    pub message: Box<[u8]>,
}

/// Bytes of a file name, or of an ERROR's message, that are kept.
const NAME_MAX: usize = 64;

/// An ICMP or ICMPv6 error: who sent it, what it says, and which packet it quotes. Orders by the
/// packet quoted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IcmpError {
    /// IP protocol of the quoted packet.
    pub protocol: u8,
    /// Its sender, with port 0 where the transport has none.
    pub source: Endpoint,
    /// Its receiver.
    pub destination: Endpoint,
    /// Whether its ports could be read, or it needs none: without, the flow cannot be told.
    pub has_ports: bool,
    /// Its type, if it is ICMP or ICMPv6 itself.
    pub icmp_type: Option<u8>,
    /// Who reports the error: the receiver itself, a router or a firewall.
    pub sender: IpAddr,
    /// Whether it is ICMPv6 (RFC 4443), not ICMP (RFC 792).
    pub v6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
}

impl IcmpError {
    /// Whether the receiver itself says that nobody listens on the port.
    pub fn is_port_closed(&self) -> bool {
        matches!((self.v6, self.kind, self.code), (false, 3, 3) | (true, 1, 4)) && self.sender == self.destination.0
    }

    /// Whether what it quotes may be a packet of a tunnel that decoding takes off.
    pub(crate) fn may_quote_tunnel(&self) -> bool {
        use crate::protocol::Transport;
        match Transport::from(self.protocol) {
            Transport::Udp => may_be_tunnel(self.source.1, self.destination.1),
            transport => matches!(transport, Transport::Other(_)),
        }
    }
}

/// Units of LLDP that are kept.
const LLDP_LIMIT: usize = 16_384;

/// Beside the hash of a token, of 24 bits: a request to a group that may be left without an answer where all is well.
pub const MAY_BE_IGNORED: u32 = 1 << 24;

/// The sets, each bounded by keeping its lowest keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SideEvidence {
    searches: BoundedMap<Endpoint, Search, 8192>,
    group_requests: BoundedMap<(Endpoint, u32), Window, 16_384>,
    bacnet_searches: BoundedMap<IpAddr, Window, 8192>,
    notified: BoundedMap<(IpAddr, SocketAddr), Window, 4096>,
    answered: BoundedMap<Stream, First<SocketAddr>, 8192>,
    tftp_files: BoundedMap<Stream, First<TftpFile>, 8192>,
    tftp_errors: BoundedMap<Stream, First<TftpError>, 4096>,
    icmp_errors: BoundedMap<IcmpError, Window, 16_384>,
    dhcp: BoundedMap<dhcp::Key, DhcpExchange, 65_536>,
    lldp: BoundedMap<(u32, MacAddr, lldp::Unit), Window, LLDP_LIMIT>,
    refusals: BoundedMap<dhcp::ServerKey, Refusals, 8192>,
    /// What was said of the link itself.
    pub link: LinkEvidence,
    /// Who speaks for which address.
    pub claims: Claims,
}

impl SideEvidence {
    /// Takes a UDP payload and what [`crate::protocol::inspect`] said of it, with the stream it is of. For
    /// packets to a group (by address or MAC) this must be called with every payload; else with the first of
    /// each direction of a flow, and on the ports of known protocols until one conforms.
    pub fn payload(
        &mut self,
        (vlan, source, destination): Stream,
        to_group: bool,
        time: Timestamp,
        at: Moment,
        payload: &[u8],
        seen: Inspection,
    ) {
        let window = Window::once(time, at);
        match Tag::from_raw(seen.tag) {
            Tag::Ssdp { kind: SsdpKind::Search, mx } if to_group => self.searches.add(source, Search { window, mx }),
            Tag::Ssdp { kind: SsdpKind::Notify, .. } if to_group => {
                if let Some(location) = ssdp::location(payload) {
                    self.notified.add((source.0, location), window);
                }
            }
            Tag::Ssdp { kind: SsdpKind::Response, .. } if !to_group => {
                let stream = (vlan, source, destination);
                if self.answered.wants(&stream)
                    && let Some(what) = ssdp::location(payload)
                {
                    self.answered.add(stream, First { at, time, what });
                }
            }
            Tag::Coap { kind: CoapKind::Request, token, .. } if to_group => {
                let mark = if coap::wants_content(payload) { 0 } else { MAY_BE_IGNORED };
                self.group_requests.add((source, token | mark), window);
            }
            Tag::Bacnet { kind } if to_group && kind.asks() => self.bacnet_searches.add(source.0, window),
            Tag::Tftp { opcode, .. } if opcode.is_request() => {
                let stream = (vlan, source, destination);
                if self.tftp_files.wants(&stream)
                    && let Some((name, write)) = tftp::file_name(payload)
                {
                    let name = name.get(..NAME_MAX).unwrap_or(name).into();
                    self.tftp_files.add(stream, First { at, time, what: TftpFile { name, write } });
                }
            }
            Tag::Tftp { opcode: TftpOpcode::Error, .. } if !to_group => {
                self.tftp_error((vlan, source, destination), time, at, payload);
            }
            // Elsewhere not every payload is looked at.
            Tag::Dhcp { .. } if dhcp_message::is_port_pair([source.1, destination.1]) => {
                self.dhcp.extend(DhcpExchange::of(payload, time, at));
                self.refusals.extend(Refusals::of(payload, time, at));
                self.link.offer(payload, time, at);
            }
            _ => {}
        }
    }

    /// Takes a UDP payload that may be an ERROR of TFTP. Where not every payload is handed to it, only the first of a
    /// stream counts.
    pub(super) fn tftp_error(&mut self, stream: Stream, time: Timestamp, at: Moment, payload: &[u8]) {
        if self.tftp_errors.wants(&stream)
            && let Some((code, message)) = tftp::error_message(payload)
        {
            let message = message.get(..NAME_MAX).unwrap_or(message).into();
            self.tftp_errors.add(stream, First { at, time, what: TftpError { code, message } });
        }
    }

    /// Forgets what streams that found no place in the flow table said: when they were turned away is chance.
    pub(super) fn keep_streams(&mut self, has_place: impl Fn(&Stream) -> bool) {
        self.answered.retain(&has_place);
        self.tftp_files.retain(&has_place);
        self.tftp_errors.retain(&has_place);
    }

    /// Takes an LLDP frame's body.
    pub fn lldp(&mut self, source: MacAddr, body: &[u8], time: Timestamp, at: Moment) {
        if let Some(unit) = lldp::unit(body) {
            self.lldp.add((at.frame.input(), source, unit), Window::once(time, at));
        }
    }

    /// Takes a packet that carries an ICMP or ICMPv6 message; what is no error report of a lost
    /// packet, or quotes none that can be read, is passed over.
    pub fn icmp(&mut self, packet: &IpPacket<'_>, time: Timestamp, at: Moment) {
        let Transport::Icmp { kind, code, body } = packet.transport else { return };
        let v6 = packet.protocol == 58;
        if !is_loss(v6, kind, code) {
            return;
        }
        let Some(quoted) = quoted(body, v6) else { return };
        let needs_ports = matches!(quoted.protocol, 6 | 17);
        let (from, to) = quoted.ports.unwrap_or((0, 0));
        let error = IcmpError {
            protocol: quoted.protocol,
            source: (quoted.source, from),
            destination: (quoted.destination, to),
            has_ports: !needs_ports || quoted.ports.is_some(),
            icmp_type: quoted.icmp_type,
            sender: packet.source,
            v6,
            kind,
            code,
        };
        self.icmp_errors.add(error, Window::once(time, at));
    }

    /// Adds the evidence of another part; `shift` puts that part's frame numbers right.
    pub fn absorb(&mut self, other: Self, shift: Shift) {
        self.searches.absorb(other.searches, shift);
        self.group_requests.absorb(other.group_requests, shift);
        self.bacnet_searches.absorb(other.bacnet_searches, shift);
        self.notified.absorb(other.notified, shift);
        self.answered.absorb(other.answered, shift);
        self.tftp_files.absorb(other.tftp_files, shift);
        self.tftp_errors.absorb(other.tftp_errors, shift);
        self.icmp_errors.absorb(other.icmp_errors, shift);
        self.dhcp.absorb(other.dhcp, shift);
        self.lldp.absorb(other.lldp, shift);
        self.refusals.absorb(other.refusals, shift);
        self.link.absorb(other.link, shift);
        self.claims.absorb(other.claims, shift);
    }

    /// M-SEARCH requests to groups, by who asked.
    pub fn searches(&self) -> impl ExactSizeIterator<Item = (&Endpoint, &Search)> {
        self.searches.iter()
    }

    /// CoAP requests to groups, by who asked and the hash of the token ([`Tag::coap_token`]).
    pub fn group_requests(&self) -> impl ExactSizeIterator<Item = (&(Endpoint, u32), &Window)> {
        self.group_requests.iter()
    }

    /// BACnet's Who-Is and Who-Has requests to groups, by who asked.
    pub fn bacnet_searches(&self) -> impl ExactSizeIterator<Item = (&IpAddr, &Window)> {
        self.bacnet_searches.iter()
    }

    /// LOCATIONs that were announced to a group, by announcer and location.
    pub fn notified(&self) -> impl ExactSizeIterator<Item = (&(IpAddr, SocketAddr), &Window)> {
        self.notified.iter()
    }

    /// The LOCATION of a stream whose first payload, `frame`, is an SSDP answer that names one.
    pub fn answered(&self, stream: &Stream, frame: FrameId) -> Option<&First<SocketAddr>> {
        self.answered.get(stream).filter(|first| first.at.frame == frame)
    }

    /// The file of a stream whose first payload, `frame`, is a TFTP request.
    pub fn tftp_file(&self, stream: &Stream, frame: FrameId) -> Option<&TftpFile> {
        self.tftp_files.get(stream).filter(|first| first.at.frame == frame).map(|first| &first.what)
    }

    /// The first ERROR of TFTP in a stream: where health is not measured, one that is not the stream's first payload means
    /// nothing.
    pub fn first_tftp_error(&self, stream: &Stream) -> Option<&First<TftpError>> {
        self.tftp_errors.get(stream)
    }

    /// ICMP errors, by the packet they quote.
    pub fn icmp_errors(&self) -> impl ExactSizeIterator<Item = (&IcmpError, &Window)> {
        self.icmp_errors.iter()
    }

    /// What DHCP said, by the client's Ethernet address, the transaction id and a stretch of time; see also
    /// [`SideEvidence::transactions`].
    pub fn dhcp(&self) -> impl ExactSizeIterator<Item = (&(MacAddr, u32, i64), &DhcpExchange)> {
        self.dhcp.iter()
    }

    /// Addresses that DHCP servers refused and clients declined, by client, transaction, the server's identifier and a
    /// stretch of time.
    pub fn refusals(&self) -> impl ExactSizeIterator<Item = (&(MacAddr, u32, Ipv4Addr, i64), &Refusals)> {
        self.refusals.iter()
    }

    /// What devices said by LLDP, by input, the sending port's MAC, and what it said.
    pub fn lldp_units(&self) -> impl ExactSizeIterator<Item = (&(u32, MacAddr, lldp::Unit), &Window)> {
        self.lldp.iter()
    }

    /// The sets that turned something away for want of room, in words; empty as a rule.
    pub fn overflows(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.searches.turned_away(), "SSDP searches"),
            (self.group_requests.turned_away(), "CoAP group requests"),
            (self.bacnet_searches.turned_away(), "BACnet searches"),
            (self.notified.turned_away() || self.answered.turned_away(), "SSDP locations"),
            (self.tftp_files.turned_away(), "TFTP file names"),
            (self.tftp_errors.turned_away(), "TFTP errors"),
            (self.icmp_errors.turned_away(), "ICMP errors"),
            (self.dhcp.turned_away() || self.refusals.turned_away(), "DHCP transactions"),
            (self.claims.turned_away(), "claims of addresses"),
            (self.lldp.turned_away(), "LLDP units"),
        ]
        .into_iter()
        .filter_map(|(turned_away, what)| turned_away.then_some(what))
    }
}

/// Whether an ICMP message reports that a packet did not arrive: destination unreachable or time
/// exceeded, but not "fragmentation needed" (RFC 1191), which a smaller packet mends.
const fn is_loss(v6: bool, kind: u8, code: u8) -> bool {
    match (v6, kind) {
        (false, 3) => code != 4,
        (false, 11) | (true, 1 | 3) => true,
        _ => false,
    }
}
