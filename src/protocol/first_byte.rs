//! Which protocols a payload may be, by its first byte.

use super::Protocol;

/// Bits of the protocols that a TCP payload may be, by its first byte.
pub(super) static TCP: [u32; 256] = {
    use Protocol::*;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        // Identifiers and lengths come first in these: any byte.
        let mut mask = Dns.bit() | Modbus.bit();
        // A method is a token (RFC 9110 section 5.6.2), and empty lines before it are ignored.
        // A page without a header is HTTP/0.9's answer.
        if is_token(b) || matches!(b, b'\r' | b'\n' | b'<') {
            mask |= Http.bit() | Upnp.bit();
        }
        // A frame of HTTP/2: the server's first is SETTINGS, which is short.
        if b == 0 {
            mask |= Http.bit() | Upnp.bit();
        }
        match b {
            // Record types of RFC 8446 section 5.1; SSLv2's ClientHello (RFC 5246 appendix E.2).
            0x14..=0x17 | 0x80..=0xff => mask |= Tls.bit(),
            b'S' => mask |= Ssh.bit(),
            0x00 => mask |= Smb.bit(),
            0x03 => mask |= Rdp.bit(),
            0x10 | 0x20 => mask |= Mqtt.bit(),
            _ => {}
        }
        table[byte] = mask;
        byte += 1;
    }
    table
};

/// Bits of the protocols that a UDP payload may be, by its first byte.
pub(super) static UDP: [u32; 256] = {
    use Protocol::*;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let mut mask = Dns.bit() | Mdns.bit() | Ntp.bit();
        match b {
            0x00 => mask |= Tftp.bit(),
            // Version 1 in the top two bits; a token length of 9 to 12 or 15 is an error (RFC 8974).
            0x40..=0x7f if !matches!(b & 0x0f, 9..=12 | 15) => mask |= Coap.bit(),
            0x81 | 0x82 => mask |= Bacnet.bit(),
            0x30 => mask |= Snmp.bit(),
            _ => {}
        }
        // The long header's form bit (RFC 8999 section 5.1).
        if b >= 0x80 {
            mask |= Quic.bit();
        }
        if matches!(b, b'M' | b'N' | b'H') {
            mask |= Ssdp.bit() | Upnp.bit();
        }
        // BOOTP's two operations and DHCPv6's message types (RFC 8415 section 7.3).
        if matches!(b, 1..=36) {
            mask |= Dhcp.bit();
        }
        table[byte] = mask;
        byte += 1;
    }
    table
};

/// Whether a byte may stand in an HTTP token (RFC 9110 section 5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
