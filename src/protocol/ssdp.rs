//! SSDP over UDP: UPnP Device Architecture 2.0 section 1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::payload::{Payload, Sign};
use super::spec::{FirstBytes, Spec, TransportSpec};
use super::{SsdpKind, Tag, Turn};

/// Where searches of a group go, and the other port that the vendor's document has.
pub(crate) const PORT: u16 = 1900;
pub(super) const UPNP_PORT: u16 = 1901;
/// How far into a message its headers are read.
const HEADER_LIMIT: usize = 2048;
/// UPnP Device Architecture 1.0 section 1.2.2. Only devices of later versions take MX above 5 for 5 (2.0 section 1.3.2).
const MX_MAX: u32 = 120;

/// What each message begins with.
const STARTS: [(&[u8], SsdpKind); 3] = [
    (b"M-SEARCH ", SsdpKind::Search),
    (b"NOTIFY ", SsdpKind::Notify),
    // Some stacks answer as HTTP/1.0.
    (b"HTTP/1.", SsdpKind::Response),
];

/// A search, a notice, or the answer to a search.
const FIRST: FirstBytes = FirstBytes::of(&[(b'H', b'H'), (b'M', b'N')]);

pub(super) const SPEC: Spec = Spec {
    name: "ssdp",
    ports: &[PORT, UPNP_PORT],
    tcp: TransportSpec::NEVER,
    udp: TransportSpec::vendor(FIRST),
    strength: 12,
    check,
};

/// UPnP as policies name it: SSDP over UDP, HTTP over TCP; [`super::inspect`] copies their evidence to it.
pub(super) const UPNP: Spec = Spec {
    name: "upnp",
    ports: &[PORT, UPNP_PORT],
    tcp: TransportSpec::vendor(super::http::FIRST),
    udp: TransportSpec::vendor(FIRST),
    strength: 10,
    check: |_| Sign::UNKNOWN,
};

fn check(p: &Payload<'_>) -> Sign {
    for (start, kind) in STARTS {
        if let Some(rest) = p.bytes.strip_prefix(start) {
            let mx = if kind == SsdpKind::Search { mx(rest) } else { 0 };
            let turn = match kind {
                SsdpKind::Search => Turn::Request,
                SsdpKind::Notify => Turn::Unknown,
                SsdpKind::Response => Turn::Response,
            };
            return Sign::CONFORMS.turning(turn).tagged(Tag::Ssdp { kind, mx });
        }
        if start.starts_with(p.bytes) {
            return Sign::of(p.ran_out());
        }
    }
    Sign::VIOLATES
}

/// What kind of SSDP message begins so.
pub(super) fn kind(payload: &[u8]) -> Option<SsdpKind> {
    STARTS.iter().find(|(start, _)| payload.starts_with(start)).map(|&(_, kind)| kind)
}

/// Seconds in which answers may come: the MX header, 1 without a readable one.
pub(super) fn mx(message: &[u8]) -> u8 {
    let seconds = header(message, b"MX")
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| value.parse::<u32>().ok())
        .unwrap_or(1);
    seconds.clamp(1, MX_MAX) as u8
}

/// Where a NOTIFY or an answer says that its device description is (LOCATION header): address and
/// TCP port, if the URL names an address. At most the first 2,048 bytes are searched.
pub fn location(payload: &[u8]) -> Option<SocketAddr> {
    if !matches!(kind(payload)?, SsdpKind::Notify | SsdpKind::Response) {
        return None;
    }
    socket_of_url(header(payload, b"LOCATION")?)
}

/// The trimmed value of a header, its name in any case.
pub(super) fn header<'a>(message: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let message = message.get(..HEADER_LIMIT).unwrap_or(message);
    // The start line is no header; skipping it also keeps a cut last line out when it has no colon.
    memchr::memchr_iter(b'\n', message).find_map(|end| {
        let (key, value) = message.get(end + 1..)?.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| key.eq_ignore_ascii_case(name))?;
        value.split(|&b| b == b'\n').next().map(<[u8]>::trim_ascii)
    })
}

/// Address and port of an `http` or `https` URL whose host is an address.
fn socket_of_url(url: &[u8]) -> Option<SocketAddr> {
    let url = std::str::from_utf8(url).ok()?;
    let (scheme, rest) = url.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let default_port = match () {
        () if scheme.eq_ignore_ascii_case("http") => 80,
        () if scheme.eq_ignore_ascii_case("https") => 443,
        () => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']')?;
            // A zone index (RFC 6874) means something on the sender's machine only.
            let host = host.split('%').next()?;
            (IpAddr::V6(host.parse::<Ipv6Addr>().ok()?), after.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (IpAddr::V4(host.parse::<Ipv4Addr>().ok()?), Some(port)),
            None => (IpAddr::V4(authority.parse::<Ipv4Addr>().ok()?), None),
        },
    };
    let port = port.map_or(Some(default_port), |port| port.parse().ok())?;
    Some(SocketAddr::new(host, port))
}
