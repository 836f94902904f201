//! IPv6 extension headers (RFC 8200 section 4, RFC 7045), and the authentication header in IPv4.

use etherparse::err::ip_auth::HeaderSliceError;
use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice, ip_number};

use super::packet::Fragment;
use super::span::Span;
use super::stop::{Stop, StopLayer, StopReason};

/// Option type of the jumbo payload length (RFC 2675 section 2).
const JUMBO_PAYLOAD: u8 = 0xc2;
/// Option type of one byte of padding (RFC 8200 section 4.2).
const PAD1: u8 = 0;

/// Where a chain of extension headers ended.
pub(super) struct Chain<'a> {
    /// The last next-header value that was reached.
    pub(super) protocol: u8,
    /// What stands behind the chain.
    pub(super) rest: Span<'a>,
    /// The outermost fragment header that is not atomic: the one that the receiver meets first.
    pub(super) fragment: Option<Fragment>,
    /// Identification of that header, or else of the first atomic one.
    pub(super) identification: Option<u32>,
    /// A fragment header has an offset, so that what follows is the inside of a datagram.
    pub(super) inside_datagram: bool,
    /// Why the chain could not be read to its end.
    pub(super) stop: Option<Stop>,
}

/// Follows the chain that begins with a header of number `protocol`.
pub(super) fn walk(v6: bool, protocol: u8, span: Span<'_>) -> Chain<'_> {
    let mut chain =
        Chain { protocol, rest: span, fragment: None, identification: None, inside_datagram: false, stop: None };
    while !chain.inside_datagram {
        let header = match IpNumber(chain.protocol) {
            ip_number::AUTH => authentication(chain.rest),
            _ if !v6 => break,
            ip_number::IPV6_FRAG => chain.fragment_header(),
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS => raw(chain.rest),
            ip_number::MOBILITY | ip_number::HIP | ip_number::SHIM6 => match raw(chain.rest) {
                // Nothing follows: the header itself is the message.
                Ok((ip_number::IPV6_NO_NEXT_HEADER, _)) => break,
                header => header,
            },
            _ => break,
        };
        match header.and_then(|(next, length)| Ok((next.0, chain.rest.skip(length, StopLayer::Ipv6Extension)?))) {
            Ok((next, rest)) => (chain.protocol, chain.rest) = (next, rest),
            Err(stop) => {
                chain.stop = Some(stop);
                break;
            }
        }
    }
    chain
}

/// Next header and length of an extension header.
type Extension = Result<(IpNumber, usize), Stop>;

/// A header of the common form: next header, length in units of 8 bytes beyond the first 8.
fn raw(span: Span<'_>) -> Extension {
    match Ipv6RawExtHeaderSlice::from_slice(span.bytes()) {
        Ok(header) => Ok((header.next_header(), header.slice().len())),
        Err(_) => Err(span.short(StopLayer::Ipv6Extension)),
    }
}

/// RFC 4302 section 2: the length is in units of 4 bytes beyond the first 8, and never 0.
fn authentication(span: Span<'_>) -> Extension {
    match IpAuthHeaderSlice::from_slice(span.bytes()) {
        Ok(header) => Ok((header.next_header(), header.slice().len())),
        Err(HeaderSliceError::Content(_)) => {
            Err(Stop { layer: StopLayer::Ipv6Extension, reason: StopReason::BadLength })
        }
        Err(HeaderSliceError::Len(_)) => Err(span.short(StopLayer::Ipv6Extension)),
    }
}

impl Chain<'_> {
    /// RFC 8200 section 4.5; atomic ones RFC 6946.
    fn fragment_header(&mut self) -> Extension {
        let Ok(header) = Ipv6FragmentHeaderSlice::from_slice(self.rest.bytes()) else {
            return Err(self.rest.short(StopLayer::Ipv6Extension));
        };
        if !header.is_fragmenting_payload() {
            self.identification = self.identification.or(Some(header.identification()));
        } else {
            let offset = u32::from(header.fragment_offset().value()) * 8;
            self.inside_datagram = offset > 0;
            if self.fragment.is_none() {
                let length = self.rest.wire_u32().saturating_sub(header.slice().len() as u32);
                self.fragment = Some(Fragment { offset, more: header.more_fragments(), length });
                self.identification = Some(header.identification());
            }
        }
        Ok((header.next_header(), header.slice().len()))
    }
}

/// The jumbo payload option of the hop-by-hop header that `span` begins with: the length of all
/// behind the IPv6 header (RFC 2675 section 2).
pub(super) fn jumbo_length(span: Span<'_>) -> Option<usize> {
    let mut options = Ipv6RawExtHeaderSlice::from_slice(span.bytes()).ok()?.payload();
    loop {
        match *options {
            [JUMBO_PAYLOAD, 4, a, b, c, d, ..] => return usize::try_from(u32::from_be_bytes([a, b, c, d])).ok(),
            [PAD1, ref rest @ ..] => options = rest,
            [_, length, ref rest @ ..] => options = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
}
