//! DHCPv4 (RFC 2131, BOOTP RFC 951) and DHCPv6 (RFC 8415).

use std::net::Ipv4Addr;

use super::payload::{Payload, Sign, u16_at, u32_at};
use super::spec::{FirstBytes, Spec, TransportSpec};
use super::{Tag, Turn};

const PORTS: [u16; 2] = [67, 68];
const PORTS_V6: [u16; 2] = [546, 547];
/// RFC 2131 section 3.
const MAGIC_COOKIE: u32 = 0x6382_5363;
const COOKIE_AT: usize = 236;
/// Fields of the header that options may overload.
const SERVER_NAME: usize = 44;
const BOOT_FILE: usize = 108;
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const REQUESTED_ADDRESS: u8 = 50;
const OVERLOAD: u8 = 52;
const MESSAGE_TYPE: u8 = 53;
const SERVER_IDENTIFIER: u8 = 54;
const CLIENT_IDENTIFIER: u8 = 61;
/// DHCPv6 relay messages have no transaction id (RFC 8415 section 9).
const RELAY: std::ops::RangeInclusive<u8> = 12..=13;
/// How many options are looked at before the message type is given up.
const MAX_OPTIONS: usize = 32;

/// BOOTP's two operations and DHCPv6's message types (RFC 8415 section 7.3).
const FIRST: FirstBytes = FirstBytes::of(&[(1, 36)]);

pub(super) const SPEC: Spec = Spec {
    name: "dhcp",
    ports: &[67, 68, 546, 547],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::known(FIRST),
    strength: 9,
    check,
};

fn check(p: &Payload<'_>) -> Sign {
    if p.has_port_of(&PORTS_V6) {
        return version_6(p);
    }
    // Operation, hardware type, its address length.
    let &[operation @ (1 | 2), 1..=37, 0..=16, ..] = p.bytes else { return Sign::UNKNOWN };
    let sign = match u32_at(p.bytes, COOKIE_AT) {
        Some(MAGIC_COOKIE) => Sign::CONFORMS.tagged(Tag::Dhcp { message: message_type(p.bytes).unwrap_or(0) }),
        // BOOTP without vendor data, or cut off.
        _ => Sign::conforms_if(p.has_port_of(&PORTS) && p.wire_len >= COOKIE_AT as u32),
    };
    sign.turning(Turn::response_if(operation == 2))
}

/// RFC 2132 section 9.6.
fn message_type(bytes: &[u8]) -> Option<u8> {
    option(bytes, MESSAGE_TYPE)?.first().copied()
}

/// The value of an option, wherever it stands: where there are too many, the fields of the boot file's and the server's name hold
/// more of them (RFC 2131 section 4.1, RFC 2132 section 9.3).
fn option(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let options = bytes.get(COOKIE_AT + 4..)?;
    option_among(options, wanted).or_else(|| {
        let &[overload] = option_among(options, OVERLOAD)? else { return None };
        let more =
            [(1, BOOT_FILE..COOKIE_AT), (2, SERVER_NAME..BOOT_FILE)].into_iter().filter(|(bit, _)| overload & bit != 0);
        more.filter_map(|(_, field)| bytes.get(field)).find_map(|options| option_among(options, wanted))
    })
}

/// The value of an option (RFC 2132 section 2).
fn option_among(mut rest: &[u8], wanted: u8) -> Option<&[u8]> {
    for _ in 0..MAX_OPTIONS {
        match *rest {
            [0, ref after @ ..] => rest = after,
            [255, ..] => return None,
            [code, length, ref after @ ..] => {
                let (value, after) = after.split_at_checked(usize::from(length))?;
                if code == wanted {
                    return Some(value);
                }
                rest = after;
            }
            _ => return None,
        }
    }
    None
}

/// Whether these are the ports of DHCPv4: there every message counts, not only the first of a flow.
pub const fn is_port_pair(ports: [u16; 2]) -> bool {
    matches!(ports, [67 | 68, 67 | 68])
}

/// What a DHCPv4 message says of its client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DhcpMessage<'a> {
    /// 1 DISCOVER, 2 OFFER, 3 REQUEST, 5 ACK, 6 NAK, ... (RFC 2132 section 9.6).
    pub kind: u8,
    /// The client's Ethernet address.
    pub client: [u8; 6],
    /// Transaction id.
    pub xid: u32,
    /// The address that the client has already, 0.0.0.0 if none: only who renews a lease fills it in
    /// (RFC 2131 section 4.3.2).
    pub client_address: Ipv4Addr,
    /// The address that the server gives.
    pub your_address: Ipv4Addr,
    /// The address that a client asks for (option 50).
    pub requested_address: Option<Ipv4Addr>,
    /// Whether it names a server (option 54): a REQUEST that does takes up that server's OFFER, and only such a one
    /// may (RFC 2131 section 4.3.2).
    pub names_server: bool,
    /// That server.
    pub server: Option<Ipv4Addr>,
    /// The subnet mask that the server gives (option 1).
    pub mask: Option<Ipv4Addr>,
    /// The router that the server gives (option 3), the first.
    pub router: Option<Ipv4Addr>,
    /// What the client calls itself (option 61), if it does.
    pub client_identifier: Option<&'a [u8]>,
}

/// Reads a DHCPv4 message of an Ethernet client; `None` if it is none, or was cut off before its type.
pub fn message(bytes: &[u8]) -> Option<DhcpMessage<'_>> {
    let &[1 | 2, 1, 6, ..] = bytes else { return None };
    if u32_at(bytes, COOKIE_AT) != Some(MAGIC_COOKIE) {
        return None;
    }
    let address = |at| u32_at(bytes, at).map(Ipv4Addr::from_bits);
    let named = |code| option(bytes, code).and_then(|value| u32_at(value, 0)).map(Ipv4Addr::from_bits);
    let server = option(bytes, SERVER_IDENTIFIER).filter(|value| value.len() == 4);
    Some(DhcpMessage {
        kind: message_type(bytes)?,
        client: *bytes.get(28..)?.first_chunk()?,
        xid: u32_at(bytes, 4)?,
        client_address: address(12)?,
        your_address: address(16)?,
        requested_address: named(REQUESTED_ADDRESS),
        names_server: server.is_some(),
        server: server.and_then(|value| u32_at(value, 0)).map(Ipv4Addr::from_bits),
        mask: named(SUBNET_MASK),
        router: named(ROUTER),
        // A type and what names the client (RFC 2132 section 9.14): zeros name nobody.
        client_identifier: option(bytes, CLIENT_IDENTIFIER).filter(|value| value.iter().skip(1).any(|byte| *byte != 0)),
    })
}

/// Message type, transaction id, then options that fit (RFC 8415 section 8).
fn version_6(p: &Payload<'_>) -> Sign {
    let header = if RELAY.contains(&p.bytes[0]) { 34 } else { 4 };
    let first_option = u16_at(p.bytes, header + 2).map(|length| header as u32 + 4 + u32::from(length));
    Sign::conforms_if(p.wire_len >= header as u32 && first_option.is_none_or(|end| end <= p.wire_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_in_overloaded_fields_too() {
        // RFC 2132 section 9.3: 1 is the boot file's name, 2 the server's.
        let with = |overload: u8| {
            let mut bytes = vec![0; COOKIE_AT];
            bytes[..3].copy_from_slice(&[2, 1, 6]);
            bytes[SERVER_NAME..][..7].copy_from_slice(&[54, 4, 10, 20, 0, 1, 255]);
            bytes[BOOT_FILE..][..9].copy_from_slice(&[0, 1, 4, 255, 255, 0, 0, 255, 53]);
            bytes.extend(MAGIC_COOKIE.to_be_bytes());
            bytes.extend([OVERLOAD, 1, overload, MESSAGE_TYPE, 1, 5, 255]);
            let told = message(&bytes).unwrap();
            (told.kind, told.server.map(|server| server.octets()), told.mask.map(|mask| mask.octets()))
        };
        let (server, mask) = (Some([10, 20, 0, 1]), Some([255, 255, 0, 0]));
        assert_eq!([0, 1, 2, 3].map(with), [(5, None, None), (5, None, mask), (5, server, None), (5, server, mask)]);
        let mut bytes = vec![0; COOKIE_AT];
        bytes[..3].copy_from_slice(&[2, 1, 6]);
        bytes[BOOT_FILE..][..3].copy_from_slice(&[MESSAGE_TYPE, 1, 6]);
        bytes.extend(MAGIC_COOKIE.to_be_bytes());
        bytes.extend([OVERLOAD, 1, 1, 255]);
        assert_eq!(message(&bytes).map(|told| told.kind), Some(6));
    }
}
