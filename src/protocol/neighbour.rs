//! IPv6 neighbour discovery (RFC 4861): who says that it has an address, and at which link address.

use std::net::Ipv6Addr;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// What flags of an advertisement say (section 4.4).
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// Types of options (section 4.6).
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
/// Options of one message that are looked at.
const MOST_OPTIONS: usize = 8;
/// No router has handed the message on (section 7.1).
pub const HOP_LIMIT: u8 = 255;

/// A link address that somebody says to have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NeighbourMessage {
    /// By asking for a neighbour: the sender's own.
    Asks([u8; 6]),
    /// By an advertisement of an address, answered or not.
    Advertises {
        /// The address.
        target: Ipv6Addr,
        /// At which link address it is.
        link: [u8; 6],
        /// Whether it was asked for.
        is_solicited: bool,
    },
}

/// Reads a message: its type, and what stands behind type, code and checksum.
///
/// Who advertises what others have too, as a proxy or of an anycast address, leaves the override flag out (section 7.2.4).
pub fn said(kind: u8, body: &[u8]) -> Option<NeighbourMessage> {
    let (head, rest) = body.split_first_chunk::<20>()?;
    let [flags, _, _, _, target @ ..] = *head;
    match kind {
        SOLICITATION => Some(NeighbourMessage::Asks(link_address(rest, SOURCE_LINK_ADDRESS)?)),
        ADVERTISEMENT if flags & OVERRIDE != 0 => Some(NeighbourMessage::Advertises {
            target: Ipv6Addr::from(target),
            link: link_address(rest, TARGET_LINK_ADDRESS)?,
            is_solicited: flags & SOLICITED != 0,
        }),
        _ => None,
    }
}

/// For whom a message asks, by a group: whoever has the address must say where it is (RFC 4861 section 7.2.4).
pub fn sought(kind: u8, body: &[u8]) -> Option<Ipv6Addr> {
    let ([_, _, _, _, target @ ..], _) = body.split_first_chunk::<20>()?;
    (kind == SOLICITATION).then(|| Ipv6Addr::from(*target))
}

/// An Ethernet address among options: type, length in units of eight bytes, value.
fn link_address(mut options: &[u8], wanted: u8) -> Option<[u8; 6]> {
    for _ in 0..MOST_OPTIONS {
        let &[kind, units, ref value @ ..] = options else { return None };
        if kind == wanted && units == 1 {
            return value.first_chunk().copied();
        }
        options = options.get(8 * usize::from(units.max(1))..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4861 section 4.4's layout: solicited, override; fe80::1 is at 02:00:00:00:00:01, behind another option.
    const ADVERTISED: [u8; 36] = [
        0x60, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0,
        0, 1,
    ];

    #[test]
    fn an_advertisement_says_where_its_target_is_and_a_proxys_does_not() {
        let target = "fe80::1".parse().unwrap();
        let said_so = NeighbourMessage::Advertises { target, link: [2, 0, 0, 0, 0, 1], is_solicited: true };
        assert_eq!(said(ADVERTISEMENT, &ADVERTISED), Some(said_so));
        for cut in 0..ADVERTISED.len() {
            assert_eq!(said(ADVERTISEMENT, &ADVERTISED[..cut]), None);
        }
        let mut proxied = ADVERTISED;
        proxied[0] = 0x40;
        assert_eq!(said(ADVERTISEMENT, &proxied), None);
        let mut asked = ADVERTISED;
        (asked[0], asked[28]) = (0, 1);
        assert_eq!(said(SOLICITATION, &asked), Some(NeighbourMessage::Asks([2, 0, 0, 0, 0, 1])));
        assert_eq!(said(134, &asked), None);
        assert_eq!((sought(SOLICITATION, &asked), sought(ADVERTISEMENT, &asked)), (Some(target), None));
        assert_eq!(sought(SOLICITATION, &asked[..19]), None);
    }
}
