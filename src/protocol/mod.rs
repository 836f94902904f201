//! Payload to evidence: which known protocols do these bytes conform to, which do they violate?
//!
//! A servant: pure functions of bytes, it imports no stage. Port numbers are claims, payload is
//! evidence; every check says `conforms` or `violates` only where the bytes prove it.

/// The protocols that are known by their bytes. The first seven are those of the vendor's cells:
/// only they can be violated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)] // the names are the protocols'
pub enum Protocol {
    Tftp,
    Coap,
    Ssdp,
    Upnp,
    Bacnet,
    Http,
    Tls,
    Ssh,
    Dns,
    Mdns,
    Smb,
    Rdp,
    Mqtt,
    Modbus,
    Ntp,
    Snmp,
    Dhcp,
    Quic,
}

impl Protocol {
    /// Every protocol, in the order of their bits.
    pub const ALL: [Self; 18] = [
        Self::Tftp,
        Self::Coap,
        Self::Ssdp,
        Self::Upnp,
        Self::Bacnet,
        Self::Http,
        Self::Tls,
        Self::Ssh,
        Self::Dns,
        Self::Mdns,
        Self::Smb,
        Self::Rdp,
        Self::Mqtt,
        Self::Modbus,
        Self::Ntp,
        Self::Snmp,
        Self::Dhcp,
        Self::Quic,
    ];

    /// Name as it stands in `payload_protocol` and in policy files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tftp => "tftp",
            Self::Coap => "coap",
            Self::Ssdp => "ssdp",
            Self::Upnp => "upnp",
            Self::Bacnet => "bacnet",
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Dns => "dns",
            Self::Mdns => "mdns",
            Self::Smb => "smb",
            Self::Rdp => "rdp",
            Self::Mqtt => "mqtt",
            Self::Modbus => "modbus",
            Self::Ntp => "ntp",
            Self::Snmp => "snmp",
            Self::Dhcp => "dhcp",
            Self::Quic => "quic",
        }
    }

    /// The protocol's bit in a mask of protocols.
    pub const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// What payload bytes say about one protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Evidence {
    /// Nothing can be said (no payload, too few bytes captured, no public format).
    #[default]
    Unknown,
    /// The bytes are what the protocol sends.
    Conforms,
    /// The bytes cannot be what the protocol sends.
    Violates,
}

impl Evidence {
    /// Name as it stands in `payload`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Conforms => "conforms",
            Self::Violates => "violates",
        }
    }
}

/// What one payload says about all protocols at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inspection {
    /// Bits ([`Protocol::bit`]) of the protocols it conforms to.
    pub conforms: u32,
    /// Bits of the protocols (of the vendor's cells only) it provably violates.
    pub violates: u32,
    /// Whether it is a request that calls for an answer (TFTP request, confirmable CoAP request,
    /// BACnet confirmed request, DNS query, ...).
    pub asks: bool,
    /// What a relation needs to know of it: see each protocol's module. 0 where nothing.
    pub tag: u32,
}
