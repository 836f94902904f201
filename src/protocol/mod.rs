//! Payload to evidence: which known protocols do these bytes conform to, which do they violate?
//!
//! A servant: pure functions of bytes, it imports no stage. Port numbers are claims, payload is
//! evidence; every check says `conforms` or `violates` only where the bytes prove it.
//!
//! [`inspect`] is the entry. It looks the first byte up in a table of the protocols that may begin
//! with it and runs only their checks, one file each. A protocol whose messages look like much
//! else (NTP, Modbus/TCP, TFTP's DATA and ACK, DNS over TCP, ...) conforms only where one of the
//! ports is its own, or where far more of the message fits than chance explains;
//! docs/payload-evidence.md says which and gives the measured rates.

pub(crate) mod bacnet;
pub mod coap;
pub mod dhcp;
mod dns;
pub mod eapol;
pub mod exchange;
mod first_byte;
pub mod http;
pub mod icmp;
mod kerberos;
pub mod lldp;
pub mod membership;
mod message;
mod modbus;
mod mqtt;
pub mod neighbour;
mod ntp;
mod payload;
pub mod poe;
mod proxy;
mod quic;
mod rdp;
mod smb;
mod snmp;
mod spec;
pub mod ssdp;
mod ssh;
pub mod stp;
mod tag;
pub mod tftp;
mod tls;
mod transport;

#[cfg(test)]
mod tests;

use crate::text::named;
use first_byte::Candidates;
pub use message::{AnswerRule, Message, Repetition, Signs};
use payload::{Payload, Sign};
use spec::Spec;
pub(crate) use tag::fnv_1a;
pub use tag::{BacnetKind, CoapKind, SsdpKind, Tag, TftpOpcode};
pub use transport::Transport;

/// Makes the protocols out of what their files say of them.
macro_rules! protocols {
    ($($name:ident = $spec:expr,)+) => {
        /// The protocols that are known by their bytes. Only those of the vendor's cells can be violated.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs)] // the names are the protocols'
        pub enum Protocol { $($name,)+ }

        const SPECS: [Spec; [$(Protocol::$name),+].len()] = [$($spec),+];

        impl Protocol {
            /// Every protocol, in the order of their bits.
            pub const ALL: [Self; SPECS.len()] = [$(Self::$name),+];
        }
    };
}

protocols! {
    Tftp = tftp::SPEC,
    Coap = coap::SPEC,
    Ssdp = ssdp::SPEC,
    Upnp = ssdp::UPNP,
    Bacnet = bacnet::SPEC,
    Http = http::SPEC,
    Tls = tls::SPEC,
    Ssh = ssh::SPEC,
    Dns = dns::SPEC,
    Mdns = dns::MULTICAST_SPEC,
    Smb = smb::SPEC,
    Rdp = rdp::SPEC,
    Mqtt = mqtt::SPEC,
    Modbus = modbus::SPEC,
    Ntp = ntp::SPEC,
    Snmp = snmp::SPEC,
    Dhcp = dhcp::SPEC,
    Quic = quic::SPEC,
    Kerberos = kerberos::SPEC,
}

impl Protocol {
    /// Name as it stands in `payload_protocol` and in policy files.
    pub const fn name(self) -> &'static str {
        SPECS[self as usize].name
    }

    /// The protocol's bit in a mask of protocols.
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }

    /// The ports that are the protocol's own: the vendor's document for those of its cells, IANA's list for the rest.
    pub const fn ports(self) -> &'static [u16] {
        SPECS[self as usize].ports
    }
}

/// The protocol of the vendor's cells that a UDP port calls for, as a mask; 0 where it calls for none.
pub const fn by_udp_port(port: u16) -> u32 {
    match port {
        tftp::PORT => Protocol::Tftp.bit(),
        coap::PORT => Protocol::Coap.bit(),
        ssdp::PORT | ssdp::UPNP_PORT => Protocol::Ssdp.bit(),
        bacnet::PORT => Protocol::Bacnet.bit(),
        _ => 0,
    }
}

named! {
    /// What payload bytes say about one protocol.
    #[derive(Default)]
    pub enum Evidence {
        /// Nothing can be said (no payload, too few bytes captured, no public format).
        #[default]
        Unknown = "unknown",
        /// The bytes are what the protocol sends.
        Conforms = "conforms",
        /// The bytes cannot be what the protocol sends.
        Violates = "violates",
    }
}

/// Which part of an exchange a message is, by its own code: who sends a request is the client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Turn {
    /// Neither, or it does not say.
    #[default]
    Unknown,
    /// It asks.
    Request,
    /// It answers.
    Response,
}

impl Turn {
    /// A request or a response, by a flag.
    const fn response_if(response: bool) -> Self {
        if response { Self::Response } else { Self::Request }
    }
}

/// What one payload says about all protocols at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inspection {
    /// Bits ([`Protocol::bit`]) of the protocols it conforms to.
    pub conforms: u32,
    /// Bits of the protocols (of the vendor's cells only) it provably violates.
    pub violates: u32,
    /// Whether it is a request that calls for an answer on the same two endpoints (TFTP request,
    /// confirmable CoAP message, BACnet confirmed request, DNS query, ...). Never set for TCP,
    /// whose handshake says more, nor for what goes to a group by design (mDNS, SSDP, DHCP).
    pub asks: bool,
    /// Whether it is a request or a response by its code; for UDP only.
    pub turn: Turn,
    /// What a relation needs to know of it, as [`Tag::raw`]. 0 where nothing.
    pub tag: u32,
}

/// What a payload says about every known protocol.
///
/// `payload` holds the captured bytes, `wire_len` is the payload's length on the wire (for UDP the
/// header's length less 8, also of a first fragment): a check that needs bytes which were not
/// captured says nothing. For TCP, `payload` must be the first of its direction; after a connection
/// that was picked up midstream, the caller must not believe `violates`.
///
/// Pure, allocates nothing, and reads at most the payload once.
pub fn inspect(
    transport: Transport,
    source_port: u16,
    destination_port: u16,
    payload: &[u8],
    wire_len: u32,
) -> Inspection {
    let mut result = Inspection::default();
    let is_cut = wire_len as usize > payload.len();
    let (payload, wire_len) = match proxy::behind(payload, is_cut).filter(|_| transport == Transport::Tcp) {
        Some(rest) => (rest, wire_len.saturating_sub((payload.len() - rest.len()) as u32)),
        None => (payload, wire_len),
    };
    let Some(&first) = payload.first() else { return result };
    let Candidates { by_first_byte, vendor } = match transport {
        Transport::Tcp => &first_byte::TCP,
        Transport::Udp => &first_byte::UDP,
        _ => return result,
    };
    // A TCP keep-alive may carry one byte of anything (RFC 1122 section 4.2.3.6).
    if transport == Transport::Tcp && wire_len <= 1 {
        return result;
    }
    let p = Payload {
        bytes: payload,
        // A capture may hold more than the headers claim (padding): then nothing is missing.
        wire_len: wire_len.max(u32::try_from(payload.len()).unwrap_or(u32::MAX)),
        source_port,
        destination_port,
        tcp: transport == Transport::Tcp,
    };
    // A first byte that no message of the protocol begins with is proof enough.
    let candidates = by_first_byte[usize::from(first)];
    result.violates = vendor & !candidates;
    let mut left = candidates;
    while left != 0 {
        let bit = left & left.wrapping_neg();
        left &= left - 1;
        let sign = check(bit, &p);
        match sign.evidence {
            Evidence::Conforms => result.conforms |= bit,
            Evidence::Violates => result.violates |= bit & vendor,
            Evidence::Unknown => {}
        }
        result.asks |= sign.asks && !p.tcp;
        if result.turn == Turn::Unknown && !p.tcp {
            result.turn = sign.turn;
        }
        if result.tag == 0 {
            result.tag = sign.tag.raw();
        }
    }
    // UPnP is SSDP over UDP and HTTP over TCP: whichever the policy calls a cell's protocol.
    let twin = if p.tcp { Protocol::Http } else { Protocol::Ssdp };
    for mask in [&mut result.conforms, &mut result.violates] {
        if *mask & twin.bit() != 0 {
            *mask |= Protocol::Upnp.bit();
        }
    }
    result
}

/// The check of the protocol with this bit.
fn check(bit: u32, p: &Payload<'_>) -> Sign {
    (SPECS[bit.trailing_zeros() as usize % SPECS.len()].check)(p)
}

/// The protocols, those first whose check proves most.
const STRONGEST_FIRST: [Protocol; SPECS.len()] = {
    let mut order = [None; SPECS.len()];
    let mut at = 0;
    while at < SPECS.len() {
        let place = SPECS.len() - 1 - SPECS[at].strength as usize;
        assert!(order[place].is_none(), "two protocols of one strength");
        order[place] = Some(Protocol::ALL[at]);
        at += 1;
    }
    let mut sorted = Protocol::ALL;
    let mut at = 0;
    while at < SPECS.len() {
        sorted[at] = order[at].expect("as many strengths as protocols");
        at += 1;
    }
    sorted
};

/// Which protocol to print for a flow whose payload conforms to all of `conforms`.
///
/// The one whose own port is among the ports, the server's first; else the one whose check proves
/// most.
pub fn name(conforms: u32, transport: Transport, client_port: u16, server_port: u16) -> Option<Protocol> {
    // Over UDP, UPnP's bit only says the same as SSDP's.
    let conforms = if transport == Transport::Udp { conforms & !Protocol::Upnp.bit() } else { conforms };
    let set = |protocol: &&Protocol| conforms & protocol.bit() != 0;
    if conforms == 0 {
        return None;
    }
    [server_port, client_port]
        .into_iter()
        .find_map(|port| STRONGEST_FIRST.iter().filter(set).find(|protocol| protocol.ports().contains(&port)))
        .or_else(|| STRONGEST_FIRST.iter().find(set))
        .copied()
}
