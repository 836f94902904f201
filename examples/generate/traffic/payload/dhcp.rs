//! DHCP (RFC 2131, options by RFC 2132).

use std::net::Ipv4Addr;

use super::super::frame::Mac;

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;

/// A client's or server's message; an unspecified address stands for "none".
pub(crate) fn message(kind: u8, xid: u32, client: Mac, yours: Ipv4Addr, server: Ipv4Addr, name: &str) -> Vec<u8> {
    let from_client = matches!(kind, DISCOVER | REQUEST | DECLINE);
    let mut out = vec![if from_client { 1 } else { 2 }, 1, 6, 0];
    out.extend(xid.to_be_bytes());
    out.extend([0; 8]);
    out.extend(if from_client { Ipv4Addr::UNSPECIFIED.octets() } else { yours.octets() });
    out.extend(if from_client { Ipv4Addr::UNSPECIFIED.octets() } else { server.octets() });
    out.extend([0; 4]);
    out.extend(client);
    out.resize(236, 0);
    out.extend([0x63, 0x82, 0x53, 0x63]);
    out.extend([53, 1, kind]);
    if from_client {
        out.extend([12, name.len() as u8]);
        out.extend(name.as_bytes());
        out.extend([55, 4, 1, 3, 6, 42]);
    }
    if matches!(kind, REQUEST | DECLINE) {
        out.extend([50, 4]);
        out.extend(yours.octets());
    }
    if kind != DISCOVER {
        out.extend([54, 4]);
        out.extend(server.octets());
    }
    if !from_client {
        out.extend([51, 4, 0, 1, 0x51, 0x80, 1, 4, 255, 255, 255, 0, 3, 4]);
        out.extend(server.octets());
        out.extend([6, 4]);
        out.extend(server.octets());
    }
    out.push(255);
    out.resize(out.len().max(300), 0);
    out
}
