//! Headers as bytes.

use std::net::IpAddr;

/// Joins parts.
pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Bytes from hexadecimal digits; blanks are for the reader.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let parse = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(parse).collect()
}

/// Destination and source address, EtherType.
pub(super) fn eth(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&hex("020000000002 020000000001"), &ether_type.to_be_bytes(), payload])
}

/// The same with other addresses, for inner frames.
pub(super) fn inner_eth(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&hex("0200000000b2 0200000000b1"), &ether_type.to_be_bytes(), payload])
}

/// Tag control and the EtherType behind it.
pub(super) fn tag(id: u16, next: u16) -> Vec<u8> {
    join(&[&(0xa000 | id).to_be_bytes(), &next.to_be_bytes()])
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap().to_be_bytes()
}

/// IPv4 with options and a fragment field.
pub(super) fn ipv4_with(options: &[u8], fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_from(["10.0.0.1", "10.0.0.2"], options, fragment, protocol, payload)
}

/// IPv4 from 10.0.0.1 to 10.0.0.2.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(&[], 0, protocol, payload)
}

/// IPv4 between any two.
pub(super) fn ipv4_from(addresses: [&str; 2], options: &[u8], fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let mut bytes = vec![0x40 | u8::try_from(header / 4).unwrap(), 0];
    bytes.extend(length(header + payload.len()));
    bytes.extend([0x12, 0x34]);
    bytes.extend(fragment.to_be_bytes());
    bytes.extend([64, protocol, 0, 0]);
    for address in addresses {
        let IpAddr::V4(address) = address.parse().unwrap() else { panic!("{address}") };
        bytes.extend(address.octets());
    }
    join(&[&bytes, options, payload])
}

/// IPv4 from 10.0.0.1 to 10.0.0.2 with a checksum that is right (RFC 791 section 3.1).
pub(super) fn ipv4_checked(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4(protocol, payload);
    let sum: u32 = bytes[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    bytes[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    bytes
}

/// IPv6 from 2001:db8::1 to 2001:db8::2.
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = hex("60000000");
    bytes.extend(length(payload.len()));
    bytes.extend([next, 64]);
    bytes.extend(hex("20010db8000000000000000000000001 20010db8000000000000000000000002"));
    join(&[&bytes, payload])
}

/// UDP.
pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&source.to_be_bytes(), &destination.to_be_bytes(), &length(8 + payload.len()), &hex("beef"), payload])
}

/// TCP with options.
pub(super) fn tcp(source: u16, destination: u16, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from((20 + options.len()) / 4).unwrap();
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &hex("01020304 05060708"),
        &[words << 4, flags],
        &hex("ffff cafe 0000"),
        options,
        payload,
    ])
}

/// `hello` from 10.0.0.1:40000 to 10.0.0.2:5683, as an IPv4 packet.
pub(super) fn udp_packet() -> Vec<u8> {
    ipv4(17, &udp(40000, 5683, b"hello"))
}

/// GRE without flags around something.
pub(super) fn gre(protocol: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&[0, 0], &protocol.to_be_bytes(), payload])
}

/// VXLAN network 5 around an Ethernet frame.
pub(super) fn vxlan(frame: &[u8]) -> Vec<u8> {
    join(&[&hex("08000000 00000500"), frame])
}

/// An Ethernet frame of a tunnel's outer IPv4 packet, from 192.0.2.1 to 192.0.2.2.
pub(super) fn outer(protocol: u8, payload: &[u8]) -> Vec<u8> {
    eth(0x0800, &ipv4_from(["192.0.2.1", "192.0.2.2"], &[], 0, protocol, payload))
}
