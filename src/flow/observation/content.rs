//! What of an IP packet makes its flow.

use crate::decode::{IpPacket, TcpFlags, Transport, first_bytes};
use crate::protocol::{Turn, icmp};

/// The ports (for ICMP: the type of the request, twice; without ports: 0) by which a packet belongs to its flow;
/// `None` where they are not to be had: a later fragment, or a header that was cut.
pub fn ports_of(ip: &IpPacket<'_>) -> Option<(u16, u16)> {
    FlowContent::of(ip).map(|content| content.ports)
}

/// What of an IP packet makes its flow.
pub(super) struct FlowContent<'a> {
    pub(super) ports: (u16, u16),
    pub(super) flags: TcpFlags,
    pub(super) numbers: Option<&'a [u8; 8]>,
    /// As [`super::FlowPacket::head`].
    pub(super) head: u16,
    pub(super) checksum: u16,
    pub(super) turn: Turn,
    pub(super) payload: &'a [u8],
    pub(super) payload_length: u32,
}

impl<'a> FlowContent<'a> {
    /// `None` where the ports (or the ICMP type) are not to be had.
    pub(super) fn of(ip: &IpPacket<'a>) -> Option<Self> {
        let none = Self {
            ports: (0, 0),
            flags: TcpFlags::default(),
            numbers: None,
            head: 0,
            checksum: 0,
            turn: Turn::Unknown,
            payload: &[],
            payload_length: 0,
        };
        Some(match ip.transport {
            Transport::Tcp {
                source_port,
                destination_port,
                flags,
                numbers,
                window,
                checksum,
                payload,
                payload_len,
                ..
            } => {
                let ports = (source_port, destination_port);
                Self { ports, flags, numbers, head: window, checksum, payload, payload_length: payload_len, ..none }
            }
            Transport::Udp { source_port, destination_port, checksum, payload, payload_len } => {
                let ports = (source_port, destination_port);
                Self { ports, head: first_bytes(payload), checksum, payload, payload_length: payload_len, ..none }
            }
            Transport::Icmp { kind, code, body } => {
                let v6 = ip.protocol == 58;
                let exchange = icmp::exchange(v6, kind, code);
                // Not counted as payload, and looked at for nothing but who answers what.
                Self { ports: (exchange, exchange), turn: icmp::turn(v6, kind), payload: body, ..none }
            }
            Transport::Other(_) if matches!(ip.protocol, 1 | 6 | 17 | 58) || ends_within_extensions(ip) => return None,
            Transport::Other(_) => none,
        })
    }
}

/// Whether the number of the header that was reached last announces another one behind it, which could not be read: then what
/// the packet carries is not known (RFC 8200 section 4, RFC 4302).
fn ends_within_extensions(ip: &IpPacket<'_>) -> bool {
    ip.source.is_ipv6() && matches!(ip.protocol, 0 | 43 | 44 | 60) || ip.protocol == 51
}

/// Whether it is an ICMP error (RFC 1122 section 3.2.2) or an ICMPv6 error (RFC 4443 section 2.1): evidence of
/// the packet it quotes, and no flow of its own.
pub fn is_icmp_error(ip: &IpPacket<'_>) -> bool {
    match ip.transport {
        Transport::Icmp { kind, .. } if ip.protocol == 1 => matches!(kind, 3 | 4 | 5 | 11 | 12),
        Transport::Icmp { kind, .. } => kind < 128,
        _ => false,
    }
}
