//! A frame to give away: headers with other addresses, and of the payload no more than shows what it is.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Anonymizer;
use crate::capture::{Frame, LinkType};
use crate::decode::{self, IpPacket, MacAddr, Network, Packet, Transport as Layer, TunnelKind};
use crate::protocol::Transport;
use crate::protocol::{self, Inspection, Tag, TftpOpcode};

/// Bytes of a payload that may be kept; few messages need as many to be known.
const KEPT: [usize; 14] = [0, 1, 2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64];
/// The first bytes are of a protocol's head and stay as they are.
const HEAD: usize = 4;

impl Anonymizer {
    /// The frame's bytes, cut behind its headers; `None` for a frame whose headers could not be read.
    pub(crate) fn frame(&self, frame: &Frame<'_>) -> Option<Vec<u8>> {
        let packet = decode::decode(frame);
        let Network::Ip(ip) = &packet.network else { return None };
        if !is_understood(frame.link, &packet) {
            return None;
        }
        let (payload, kept) = match ip.transport {
            Layer::Tcp { source_port, destination_port, payload, payload_len, .. } => {
                (payload, cut(Transport::Tcp, source_port, destination_port, payload, payload_len))
            }
            Layer::Udp { source_port, destination_port, payload, payload_len, .. } => {
                (payload, cut(Transport::Udp, source_port, destination_port, payload, payload_len))
            }
            Layer::Icmp { body, .. } => (body, body.get(..quoted(body, ip.source.is_ipv6())).unwrap_or(body).to_vec()),
            Layer::Other(rest) => (rest, Vec::new()),
        };
        let headers = frame.data.get(..offset(frame.data, payload)?)?;
        let mut bytes = headers.to_vec();
        bytes.extend(kept);
        let here = LocalAddresses::of(&packet, ip);
        self.replace(&mut bytes, headers.len(), frame.link, &here);
        if let Layer::Icmp { kind: REDIRECT, body: &[a, b, c, d, ..], .. } = ip.transport
            && ip.source.is_ipv4()
        {
            // Which gateway to take, whether the survey knows it or not (RFC 792).
            self.put4(&mut bytes, headers.len(), Ipv4Addr::new(a, b, c, d));
        }
        (!here.is_cut.get()).then_some(bytes)
    }

    /// Replaces every address of a survey's hosts, and of the frame's own headers, where it stands.
    fn replace(&self, bytes: &mut [u8], headers: usize, link: LinkType, here: &LocalAddresses) {
        if link == LinkType::ETHERNET {
            for at in [0, 6] {
                self.mac_at(bytes, at);
            }
        }
        let mut at = usize::from(link == LinkType::ETHERNET) * 12;
        while at < bytes.len() {
            at += self.at(bytes, at, headers, here).max(1);
        }
    }

    /// Replaces what begins at a place; how many bytes that was.
    fn at(&self, bytes: &mut [u8], at: usize, headers: usize, here: &LocalAddresses) -> usize {
        let known4 = |bytes: &[u8], at: usize| {
            let address = Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?);
            (self.v4.contains(&address) || here.addresses.contains(&address.into())).then_some(address)
        };
        if let (Some(source), Some(destination)) = (known4(bytes, at), known4(bytes, at + 4)) {
            self.put4(bytes, at, source);
            self.put4(bytes, at + 4, destination);
            self.mend4(bytes, at, [source, destination]);
            cut_options(bytes, at);
            return 8;
        }
        if let Some(octets) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let address = Ipv6Addr::from(*octets);
            // Unspecified and loopback look like nothing at all.
            let is_known = self.v6.contains(&address) || here.addresses.contains(&address.into());
            if is_known && !address.is_unspecified() && !address.is_loopback() {
                if at.checked_sub(8).is_some_and(|start| carries_more_addresses(bytes, start)) {
                    here.is_cut.set(true);
                }
                let IpAddr::V6(other) = self.cipher.address(address.into()) else { return 0 };
                put(bytes, at, &other.octets());
                self.mend6(bytes, at, address, other);
                return 16;
            }
        }
        if let Some(octets) = bytes.get(at..).and_then(|rest| rest.first_chunk::<6>())
            && (self.macs.contains(&MacAddr(*octets)) || here.macs.contains(&MacAddr(*octets)))
            && octets.iter().any(|octet| *octet != 0)
        {
            self.mac_at(bytes, at);
            return 6;
        }
        // Alone, four bytes may be an address by chance: in a payload that does no harm.
        if at >= headers
            && let Some(address) = known4(bytes, at)
        {
            self.put4(bytes, at, address);
            return 4;
        }
        0
    }

    fn mac_at(&self, bytes: &mut [u8], at: usize) {
        if let Some(octets) = bytes.get(at..).and_then(|rest| rest.first_chunk::<6>()).copied() {
            put(bytes, at, &self.cipher.mac(MacAddr(octets)).0);
        }
    }

    fn put4(&self, bytes: &mut [u8], at: usize, address: Ipv4Addr) {
        if let IpAddr::V4(other) = self.cipher.address(address.into()) {
            put(bytes, at, &other.octets());
        }
    }

    /// Mends the checksums of the IPv4 header whose addresses stand at a place, and of what it carries: the old
    /// ones would tell the old addresses' sum.
    fn mend4(&self, bytes: &mut [u8], at: usize, old: [Ipv4Addr; 2]) {
        let Some(start) = at.checked_sub(12) else { return };
        let Some(&first) = bytes.get(start) else { return };
        if first >> 4 != 4 {
            return;
        }
        let old: Vec<u8> = old.iter().flat_map(|address| address.octets()).collect();
        let new: Vec<u8> = bytes.get(at..at + 8).unwrap_or_default().to_vec();
        mend(bytes, start + 10, &old, &new);
        let fragment = bytes.get(start + 6..start + 8).is_some_and(|field| field != [0, 0] && field != [0x40, 0]);
        let next = start + usize::from(first & 15) * 4;
        if !fragment && let Some(&protocol) = bytes.get(start + 9) {
            mend_transport(bytes, protocol, next, &old, &new);
            cut_tcp_options(bytes, protocol, next);
        }
    }

    /// The same for IPv6, address by address; headers between are rare, and then the checksum stays.
    fn mend6(&self, bytes: &mut [u8], at: usize, old: Ipv6Addr, new: Ipv6Addr) {
        let starts = [at.checked_sub(8), at.checked_sub(24)];
        let start = starts.into_iter().flatten().find(|start| bytes.get(*start).is_some_and(|first| first >> 4 == 6));
        let Some(start) = start else { return };
        if let Some(&protocol) = bytes.get(start + 6) {
            mend_transport(bytes, protocol, start + 40, &old.octets(), &new.octets());
            cut_tcp_options(bytes, protocol, start + 40);
        }
    }
}

/// The addresses that a frame's own headers hold, those of hosts that the survey does not know among them: a router that
/// sends nothing but errors, the ends of a tunnel.
struct LocalAddresses {
    addresses: Vec<IpAddr>,
    macs: Vec<MacAddr>,
    /// Whether a header is among them that carries addresses beside its own, which are not understood here.
    is_cut: Cell<bool>,
}

impl LocalAddresses {
    fn of(packet: &Packet<'_>, ip: &IpPacket<'_>) -> Self {
        let outer = packet.encapsulations.iter().flat_map(|outer| [outer.source, outer.destination]);
        let mut addresses: Vec<IpAddr> = outer.chain([ip.source, ip.destination]).collect();
        if let Layer::Icmp { body, .. } = ip.transport
            && let Some(quoted) = decode::quoted(body, ip.source.is_ipv6())
        {
            addresses.extend([quoted.source, quoted.destination]);
        }
        let macs = [packet.source_mac, packet.destination_mac].into_iter().flatten().collect();
        Self { addresses, macs, is_cut: Cell::new(false) }
    }
}

/// Makes the options of the IPv4 header, whose addresses stand at a place, no-operations (RFC 791 section 3.1): those that
/// record routes hold addresses.
fn cut_options(bytes: &mut [u8], at: usize) {
    let Some(start) = at.checked_sub(12) else { return };
    let Some(first) = bytes.get(start).copied().filter(|first| first >> 4 == 4 && first & 15 > 5) else { return };
    let end = start + usize::from(first & 15) * 4;
    let Some(old) = bytes.get(at + 8..end).map(<[u8]>::to_vec) else { return };
    let new = vec![1; old.len()];
    put(bytes, at + 8, &new);
    mend(bytes, start + 10, &old, &new);
}

/// Makes all options of a TCP header no-operations but those that hold numbers only (RFC 9293 section 3.2, RFC 7323, RFC 2018):
/// Multipath TCP's tell addresses (RFC 8684 section 3.4.1).
fn cut_tcp_options(bytes: &mut [u8], protocol: u8, start: usize) {
    const NO_OPERATION: u8 = 1;
    if protocol != Transport::Tcp.number() {
        return;
    }
    let Some(length) = bytes.get(start + 12).map(|first| usize::from(first >> 4) * 4) else { return };
    let end = (start + length).min(bytes.len());
    let Some(old) = bytes.get(start + 20..end).map(<[u8]>::to_vec) else { return };
    let mut new = old.clone();
    let mut at = 0;
    while let Some(&kind) = old.get(at) {
        let length = match (kind, old.get(at + 1)) {
            (0 | NO_OPERATION, _) => 1,
            (_, Some(&length @ 2..)) => usize::from(length),
            // What cannot be measured goes to the end.
            _ => old.len(),
        };
        let end = (at + length).min(old.len());
        let is_numbers =
            matches!((kind, length), (0 | 1, 1) | (2, 4) | (3, 3) | (4, 2) | (5, 10 | 18 | 26 | 34) | (8, 10));
        if !is_numbers && let Some(option) = new.get_mut(at..end) {
            option.fill(NO_OPERATION);
        }
        at = end.max(at + 1);
    }
    put(bytes, start + 20, &new);
    mend(bytes, start + 16, &old, &new);
}

/// Whether the chain of an IPv6 header at a place holds headers with addresses of their own: routing (RFC 8200 section 4.4),
/// options (the home address of RFC 6275), mobility, HIP and Shim6 (RFC 7401, 5533).
fn carries_more_addresses(bytes: &[u8], start: usize) -> bool {
    const LONGEST: usize = 8;
    if bytes.get(start).is_none_or(|first| first >> 4 != 6) {
        return false;
    }
    let Some(mut next) = bytes.get(start + 6).copied() else { return false };
    let mut at = start + 40;
    for _ in 0..LONGEST {
        let length = match next {
            0 | 43 | 60 | 135 | 139 | 140 => return true,
            44 => 8,
            51 => bytes.get(at + 1).map_or(8, |words| (usize::from(*words) + 2) * 4),
            _ => return false,
        };
        let Some(&after) = bytes.get(at) else { return false };
        (next, at) = (after, at + length);
    }
    true
}

/// ICMP's redirect.
const REDIRECT: u8 = 5;

/// Whether all that stands before the innermost IP header is known to hold no more than link addresses, tags and addresses: a
/// wireless frame names its access point, and other layers processes, positions or what a sensor is called.
fn is_understood(link: LinkType, packet: &Packet<'_>) -> bool {
    use TunnelKind::*;
    let links = [
        LinkType::ETHERNET,
        LinkType::NULL,
        LinkType::LOOP,
        LinkType::RAW,
        LinkType::IPV4,
        LinkType::IPV6,
        LinkType::LINUX_SLL,
        LinkType::LINUX_SLL2,
    ];
    let tunnels = |kind| matches!(kind, Gre | ErspanI | ErspanII | ErspanIII | Vxlan | IpInIp);
    links.contains(&link) && packet.encapsulations.iter().all(|outer| tunnels(outer.kind))
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = at.checked_add(what.len()).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(what);
    }
}

/// Where a part of the frame begins.
fn offset(frame: &[u8], part: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
    (at <= frame.len()).then_some(at)
}

fn mend_transport(bytes: &mut [u8], protocol: u8, start: usize, old: &[u8], new: &[u8]) {
    let place = match Transport::from(protocol) {
        Transport::Tcp => 16,
        Transport::Udp => 6,
        Transport::Icmpv6 => 2,
        _ => return,
    };
    // UDP's 0 means that there is none.
    let none = bytes.get(start + place..start + place + 2) == Some(&[0, 0]);
    if !(none && protocol == Transport::Udp.number()) {
        mend(bytes, start + place, old, new);
    }
}

/// A checksum after bytes of its data changed (RFC 1624, equation 3).
fn mend(bytes: &mut [u8], at: usize, old: &[u8], new: &[u8]) {
    let words = |bytes: &[u8]| -> Vec<u32> {
        bytes.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).collect()
    };
    let Some(sum) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { return };
    let mut total = u32::from(!u16::from_be_bytes(*sum));
    total += words(old).into_iter().map(|word| 0xffff - word).sum::<u32>() + words(new).into_iter().sum::<u32>();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    put(bytes, at, &(!(total as u16)).to_be_bytes());
}

/// Bytes of an ICMP message's body: the packet that an error quotes, to its ports; else the identifier.
fn quoted(body: &[u8], v6: bool) -> usize {
    match body.get(4).map(|first| (first >> 4, usize::from(first & 15) * 4)) {
        Some((4, header @ 20..)) if !v6 => 4 + header + 8,
        Some((6, _)) if v6 => 4 + 40 + 8,
        _ => 4,
    }
    .min(body.len())
}

/// The least of a payload that is known for the same as the whole.
fn cut(transport: Transport, source: u16, destination: u16, payload: &[u8], length: u32) -> Vec<u8> {
    let inspect = |bytes: &[u8]| protocol::inspect(transport, source, destination, bytes, length);
    let whole = inspect(payload);
    let same = |bytes: &Vec<u8>| same(&inspect(bytes), &whole);
    let masked = KEPT.iter().filter_map(|kept| payload.get(..*kept)).map(mask);
    let plain = KEPT.iter().filter_map(|kept| payload.get(..*kept)).filter(|kept| kept.len() <= 16).map(<[u8]>::to_vec);
    let own = rewritten(payload, &whole);
    masked.chain(own).chain(plain).find(same).unwrap_or_else(|| mask(payload.get(..HEAD).unwrap_or(payload)))
}

fn same(a: &Inspection, b: &Inspection) -> bool {
    (a.conforms, a.violates, a.asks, a.tag) == (b.conforms, b.violates, b.asks, b.tag)
}

/// Without words: letters and digits behind the head are `x`.
fn mask(bytes: &[u8]) -> Vec<u8> {
    let hide = |(at, byte): (usize, &u8)| if at >= HEAD && byte.is_ascii_alphanumeric() { b'x' } else { *byte };
    bytes.iter().enumerate().map(hide).collect()
}

/// The protocols whose words are needed to know them: the same message about nothing.
fn rewritten(payload: &[u8], whole: &Inspection) -> Vec<Vec<u8>> {
    let line_end = payload.iter().position(|byte| *byte == b'\r').unwrap_or(0);
    let line = String::from_utf8_lossy(payload.get(..line_end.min(200)).unwrap_or_default()).into_owned();
    match Tag::from_raw(whole.tag) {
        Tag::Ssdp { mx, .. } => {
            let head = if line.starts_with("HTTP") { "HTTP/1.1 200 OK".to_owned() } else { line };
            let with = |rest: &str| format!("{head}\r\n{rest}").into_bytes();
            vec![
                with("\r\n"),
                with(&format!("MX: {mx}\r\n\r\n")),
                with("MAN: \"ssdp:discover\"\r\n\r\n"),
                with(&format!("MAN: \"ssdp:discover\"\r\nMX: {mx}\r\n\r\n")),
                with("NT: x\r\n\r\n"),
                with("ST: x\r\n\r\n"),
            ]
        }
        Tag::Tftp { opcode: TftpOpcode::ReadRequest | TftpOpcode::WriteRequest, .. } => {
            let strings: Vec<&[u8]> = payload.get(2..).unwrap_or_default().split(|byte| *byte == 0).collect();
            let Some(name) = strings.first() else { return Vec::new() };
            let mut bytes = payload.get(..2).unwrap_or_default().to_vec();
            bytes.extend(vec![b'x'; name.len()]);
            // Mode and options are words of the protocol; what follows the name is kept as it is.
            bytes.extend(payload.get(2 + name.len()..).unwrap_or_default());
            vec![bytes]
        }
        _ => {
            let words: Vec<&str> = line.split(' ').collect();
            let plain = match words[..] {
                [version, status, ..] if version.starts_with("HTTP/") => format!("{version} {status} x\r\n\r\n"),
                [method, _, version] if version.starts_with("HTTP/") => format!("{method} /x {version}\r\n\r\n"),
                _ => return Vec::new(),
            };
            vec![plain.into_bytes()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_says_what_it_is_and_nothing_else() {
        let tftp = b"\0\x01secret-building-7.bin\0octet\0blksize\x001428\0";
        let http = b"GET /secret/building?user=eve HTTP/1.1\r\nHost: secret.example\r\n\r\n";
        let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 3\r\nST: urn:secret\r\n\r\n";
        let coap = b"\x44\x01\x12\x34tokn\xb6secret\x08building";
        let unknown = b"secret building plans, page one of nine";
        for (transport, port, payload) in [
            (Transport::Udp, 69, &tftp[..]),
            (Transport::Tcp, 80, &http[..]),
            (Transport::Udp, 1900, &search[..]),
            (Transport::Udp, 5683, &coap[..]),
            (Transport::Udp, 1050, &unknown[..]),
        ] {
            let length = payload.len() as u32;
            let kept = cut(transport, 50_000, port, payload, length);
            let inspect = |bytes: &[u8]| protocol::inspect(transport, 50_000, port, bytes, length);
            assert!(same(&inspect(&kept), &inspect(payload)), "{port}: {:?}", String::from_utf8_lossy(&kept));
            let text = String::from_utf8_lossy(&kept);
            assert!(!text.contains("secret") && !text.contains("building"), "{port}: {text:?}");
        }
    }

    #[test]
    fn a_checksum_is_that_of_the_new_bytes() {
        let sum = |bytes: &[u8]| {
            let total: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
            !((total & 0xffff) + (total >> 16)) as u16
        };
        // RFC 1071's way, over a header of our own.
        let mut header = [0x45, 0, 0, 0x54, 0, 0, 0x40, 0, 0x40, 1, 0, 0, 10, 20, 0, 10, 10, 20, 0, 101];
        let right = sum(&header);
        put(&mut header, 10, &right.to_be_bytes());
        let new = [10, 99, 3, 4, 10, 201, 250, 7];
        let old: Vec<u8> = header[12..].to_vec();
        put(&mut header, 12, &new);
        mend(&mut header, 10, &old, &new);
        let mended = [header[10], header[11]];
        put(&mut header, 10, &[0, 0]);
        assert_eq!(u16::from_be_bytes(mended), sum(&header));
    }
}
