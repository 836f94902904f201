//! What a relation needs to know of a flow's first payload, in 32 bits.

/// The facts that relations compare, decoded from [`super::Inspection::tag`].
///
/// As 32 bits: the kind in the top 4, its data in the low 28.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tag {
    /// Nothing.
    #[default]
    None,
    /// A TFTP message, by shape (opcode and length), whatever its ports. DATA and ACK look like
    /// much else: only a relation makes evidence of them.
    Tftp {
        /// What it is.
        opcode: TftpOpcode,
        /// Block number of DATA and ACK, code of ERROR, else 0.
        number: u16,
        /// Whether a request carries options (RFC 2347).
        options: bool,
    },
    /// A well-formed CoAP message.
    Coap {
        /// Request, response or empty.
        kind: CoapKind,
        /// Whether it is confirmable (RFC 7252 section 4.2).
        confirmable: bool,
        /// Hash of the token (RFC 7252 section 5.3.1), [`Tag::coap_token`]; 24 bits.
        token: u32,
    },
    /// An SSDP message.
    Ssdp {
        /// What it is.
        kind: SsdpKind,
        /// Seconds an M-SEARCH gives for answering: its MX, at most 120, 1 if it has none (UPnP
        /// Device Architecture 1.0 section 1.2.2); 0 for the other kinds.
        mx: u8,
    },
    /// A BACnet message that finds devices or objects.
    Bacnet {
        /// What it is.
        kind: BacnetKind,
    },
    /// A DHCPv4 message, by its type (RFC 2132 section 9.6); 0 for BOOTP without one.
    Dhcp {
        /// 1 DISCOVER, 2 OFFER, 3 REQUEST, 4 DECLINE, 5 ACK, 6 NAK, 7 RELEASE, 8 INFORM.
        message: u8,
    },
}

/// TFTP's opcodes (RFC 1350 section 5, RFC 2347).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TftpOpcode {
    /// RRQ.
    ReadRequest = 1,
    /// WRQ.
    WriteRequest = 2,
    /// DATA.
    Data = 3,
    /// ACK.
    Acknowledgment = 4,
    /// ERROR.
    Error = 5,
    /// OACK.
    OptionAcknowledgment = 6,
}

impl TftpOpcode {
    /// From the byte on the wire.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::ReadRequest,
            2 => Self::WriteRequest,
            3 => Self::Data,
            4 => Self::Acknowledgment,
            5 => Self::Error,
            6 => Self::OptionAcknowledgment,
            _ => return None,
        })
    }

    /// RRQ or WRQ.
    pub const fn is_request(self) -> bool {
        matches!(self, Self::ReadRequest | Self::WriteRequest)
    }
}

/// What a CoAP message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum CoapKind {
    /// Code 0.00: an empty acknowledgement, a reset or a ping.
    Empty = 0,
    /// Code class 0: a method.
    Request = 1,
    /// Code class 2, 4 or 5.
    Response = 2,
}

/// What an SSDP message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SsdpKind {
    /// `M-SEARCH`.
    Search = 0,
    /// `NOTIFY`.
    Notify = 1,
    /// `HTTP/1.1 200 OK`.
    Response = 2,
}

/// BACnet's services that find devices and objects (ASHRAE 135 clauses 16.9 and 16.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BacnetKind {
    /// I-Am.
    IAm = 0,
    /// I-Have.
    IHave = 1,
    /// Who-Has.
    WhoHas = 2,
    /// Who-Is.
    WhoIs = 3,
}

impl BacnetKind {
    /// Whether it asks, not answers.
    pub const fn asks(self) -> bool {
        matches!(self, Self::WhoHas | Self::WhoIs)
    }
}

const KIND_SHIFT: u32 = 28;
const TFTP: u32 = 1;
const COAP: u32 = 2;
const SSDP: u32 = 3;
const DHCP: u32 = 4;
const BACNET: u32 = 5;
const TOKEN_MASK: u32 = 0x00ff_ffff;

impl Tag {
    /// As 32 bits; 0 for [`Tag::None`] only.
    pub const fn raw(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Tftp { opcode, number, options } => {
                TFTP << KIND_SHIFT | (options as u32) << 24 | (opcode as u32) << 16 | number as u32
            }
            Self::Coap { kind, confirmable, token } => {
                COAP << KIND_SHIFT | (confirmable as u32) << 26 | (kind as u32) << 24 | token & TOKEN_MASK
            }
            Self::Ssdp { kind, mx } => SSDP << KIND_SHIFT | (kind as u32) << 8 | mx as u32,
            Self::Bacnet { kind } => BACNET << KIND_SHIFT | kind as u32,
            Self::Dhcp { message } => DHCP << KIND_SHIFT | message as u32,
        }
    }

    /// Back from [`Tag::raw`]; [`Tag::None`] for bits that it does not yield.
    pub const fn from_raw(raw: u32) -> Self {
        let [_, b1, _, b3] = raw.to_be_bytes();
        match raw >> KIND_SHIFT {
            TFTP => match TftpOpcode::from_byte(b1) {
                Some(opcode) => Self::Tftp { opcode, number: raw as u16, options: raw >> 24 & 1 == 1 },
                None => Self::None,
            },
            COAP => {
                let kind = match raw >> 24 & 3 {
                    0 => CoapKind::Empty,
                    1 => CoapKind::Request,
                    2 => CoapKind::Response,
                    _ => return Self::None,
                };
                Self::Coap { kind, confirmable: raw >> 26 & 1 == 1, token: raw & TOKEN_MASK }
            }
            SSDP => {
                let kind = match raw >> 8 & 3 {
                    0 => SsdpKind::Search,
                    1 => SsdpKind::Notify,
                    2 => SsdpKind::Response,
                    _ => return Self::None,
                };
                Self::Ssdp { kind, mx: b3 }
            }
            DHCP => Self::Dhcp { message: b3 },
            BACNET => match b3 {
                0 => Self::Bacnet { kind: BacnetKind::IAm },
                1 => Self::Bacnet { kind: BacnetKind::IHave },
                2 => Self::Bacnet { kind: BacnetKind::WhoHas },
                3 => Self::Bacnet { kind: BacnetKind::WhoIs },
                _ => Self::None,
            },
            _ => Self::None,
        }
    }

    /// The 24-bit hash of a CoAP token (FNV-1a, folded). Two tokens of one client that meet within
    /// one leisure are taken for each other once in 16 million.
    pub const fn coap_token(token: &[u8]) -> u32 {
        let hash = fnv_1a(token);
        (hash >> 24 ^ hash) & TOKEN_MASK
    }
}

/// FNV-1a, of what is only ever compared with its like.
pub(crate) const fn fnv_1a(mut bytes: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    while let Some((first, rest)) = bytes.split_first() {
        hash = (hash ^ *first as u32).wrapping_mul(0x0100_0193);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_their_32_bits() {
        let tags = [
            Tag::None,
            Tag::Tftp { opcode: TftpOpcode::ReadRequest, number: 0, options: true },
            Tag::Tftp { opcode: TftpOpcode::Data, number: 65_535, options: false },
            Tag::Coap { kind: CoapKind::Request, confirmable: true, token: 0x00ab_cdef },
            Tag::Coap { kind: CoapKind::Response, confirmable: false, token: 0 },
            Tag::Coap { kind: CoapKind::Empty, confirmable: false, token: 1 },
            Tag::Ssdp { kind: SsdpKind::Search, mx: 5 },
            Tag::Ssdp { kind: SsdpKind::Response, mx: 0 },
            Tag::Dhcp { message: 8 },
            Tag::Bacnet { kind: BacnetKind::IAm },
            Tag::Bacnet { kind: BacnetKind::WhoIs },
        ];
        for tag in tags {
            assert_eq!(Tag::from_raw(tag.raw()), tag);
        }
    }

    #[test]
    fn bits_that_no_tag_yields_are_none() {
        for raw in [1, 0x1000_0000, 0x1009_0000, 0x2300_0000, 0x3000_0300, 0x5000_0004, 0x6000_0000, u32::MAX] {
            assert_eq!(Tag::from_raw(raw), Tag::None, "{raw:#x}");
        }
    }
}
