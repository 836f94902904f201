//! Who listens to which group: IGMP (RFC 1112, RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Records of one report that are looked at.
const MOST_RECORDS: usize = 64;

/// What one message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipMessage {
    /// A router or switch asks who listens.
    Query,
    /// The sender listens to a group.
    Joins(IpAddr),
    /// The sender listens to it no more.
    Leaves(IpAddr),
}

/// Reads an IGMP message and hands on each thing that it says.
pub fn igmp(bytes: &[u8], mut say: impl FnMut(MembershipMessage)) {
    let Some((&[kind, _, _, _, a, b, c, d], rest)) = bytes.split_first_chunk::<8>() else { return };
    let group = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    match kind {
        0x11 => say(MembershipMessage::Query),
        0x12 | 0x16 => say(MembershipMessage::Joins(group)),
        0x17 => say(MembershipMessage::Leaves(group)),
        0x22 => records(rest, u16::from_be_bytes([c, d]), 4, say),
        _ => {}
    }
}

/// Whether a type is one of MLD's.
pub const fn is_mld(kind: u8) -> bool {
    matches!(kind, 130..=132 | 143)
}

/// The same of MLD: the type, and what stands behind type, code and checksum.
pub fn mld(kind: u8, body: &[u8], mut say: impl FnMut(MembershipMessage)) {
    if kind == 130 {
        return say(MembershipMessage::Query);
    }
    let group = body.get(4..).and_then(|rest| rest.first_chunk::<16>()).map(|bytes| IpAddr::V6(Ipv6Addr::from(*bytes)));
    match (kind, group) {
        (131, Some(group)) => say(MembershipMessage::Joins(group)),
        (132, Some(group)) => say(MembershipMessage::Leaves(group)),
        (143, _) => {
            if let Some((&[_, _, high, low], rest)) = body.split_first_chunk::<4>() {
                records(rest, u16::from_be_bytes([high, low]), 16, say);
            }
        }
        _ => {}
    }
}

/// Group records (RFC 3376 section 4.2.4, RFC 3810 section 5.2.5): type, length of auxiliary data in words, number of
/// sources, group, sources.
fn records(mut rest: &[u8], number: u16, address: usize, mut say: impl FnMut(MembershipMessage)) {
    for _ in 0..usize::from(number).min(MOST_RECORDS) {
        let Some((&[kind, auxiliary, high, low], behind)) = rest.split_first_chunk::<4>() else { return };
        let sources = usize::from(u16::from_be_bytes([high, low]));
        let group = if address == 4 {
            behind.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes))
        } else {
            behind.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes))
        };
        let Some(group) = group else { return };
        match (kind, sources) {
            // Including nobody is listening no more.
            (1 | 3, 0) => say(MembershipMessage::Leaves(group)),
            (1..=5, _) => say(MembershipMessage::Joins(group)),
            _ => {}
        }
        let length = address * (1 + sources) + 4 * usize::from(auxiliary);
        let Some(next) = behind.get(length..) else { return };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_igmp(bytes: &[u8]) -> Vec<MembershipMessage> {
        let mut all = Vec::new();
        igmp(bytes, |said| all.push(said));
        all
    }

    const SSDP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250));

    #[test]
    fn versions_of_igmp() {
        assert_eq!(of_igmp(&[0x11, 100, 0, 0, 0, 0, 0, 0]), [MembershipMessage::Query]);
        assert_eq!(of_igmp(&[0x16, 0, 0, 0, 239, 255, 255, 250]), [MembershipMessage::Joins(SSDP)]);
        assert_eq!(of_igmp(&[0x17, 0, 0, 0, 239, 255, 255, 250]), [MembershipMessage::Leaves(SSDP)]);
        // Version 3: to exclude nobody is to join, to include nobody is to leave.
        let report = |kind| [0x22, 0, 0, 0, 0, 0, 0, 1, kind, 0, 0, 0, 239, 255, 255, 250];
        assert_eq!(of_igmp(&report(4)), [MembershipMessage::Joins(SSDP)]);
        assert_eq!(of_igmp(&report(3)), [MembershipMessage::Leaves(SSDP)]);
        // A number of records that are not there.
        assert_eq!(of_igmp(&[0x22, 0, 0, 0, 0, 0, 0xff, 0xff]), []);
    }

    #[test]
    fn versions_of_mld() {
        let group: IpAddr = "ff02::fd".parse().expect("an address");
        let mut body = vec![0; 4];
        let IpAddr::V6(v6) = group else { unreachable!() };
        body.extend(v6.octets());
        let of = |kind, body: &[u8]| {
            let mut all = Vec::new();
            mld(kind, body, |said| all.push(said));
            all
        };
        assert_eq!(of(131, &body), [MembershipMessage::Joins(group)]);
        assert_eq!(of(132, &body), [MembershipMessage::Leaves(group)]);
        assert_eq!(of(130, &body), [MembershipMessage::Query]);
        let mut report = vec![0, 0, 0, 1, 4, 0, 0, 0];
        report.extend(v6.octets());
        assert_eq!(of(143, &report), [MembershipMessage::Joins(group)]);
        assert_eq!(of(143, &report[..20]), []);
    }
}
