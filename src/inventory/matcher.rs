//! What an inventory entry speaks of: an address, a block, a range, a MAC address or a MAC prefix.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::decode::MacAddr;

/// What an entry matches. Parses from what a person writes, by its look: `10.0.0.1`, `10.0.0.0/24`,
/// `10.0.0.10-10.0.0.20`, `fe80::1`, `00:1b:c5:01:02:03`, `00-1b-c5`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Matcher {
    /// One address.
    Address(IpAddr),
    /// A CIDR block; no host bits are set.
    Block(IpNet),
    /// All addresses from the first to the last, which are of one family and in order.
    Range(IpAddr, IpAddr),
    /// One MAC address.
    Mac(MacAddr),
    /// All MAC addresses that begin alike.
    MacPrefix(MacPrefix),
}

/// The first 24 to 40 bits of a MAC address: a manufacturer's block (IEEE MA-L, MA-M, MA-S) or a part of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MacPrefix {
    /// Number of hexadecimal digits, 6 to 10.
    digits: u8,
    /// The digits as a number.
    value: u64,
}

impl MacPrefix {
    /// Lengths of prefixes in hexadecimal digits, shortest first.
    pub const DIGITS: std::ops::RangeInclusive<u8> = 6..=10;

    /// The prefix of a MAC address of so many hexadecimal digits (6 to 10).
    pub fn of(mac: MacAddr, digits: u8) -> Self {
        let digits = digits.clamp(*Self::DIGITS.start(), *Self::DIGITS.end());
        let whole = mac.0.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Self { digits, value: whole >> (4 * (12 - u32::from(digits))) }
    }

    /// Whether a MAC address begins so.
    pub fn holds(&self, mac: MacAddr) -> bool {
        Self::of(mac, self.digits) == *self
    }

    /// The lowest MAC address that begins so.
    pub fn first(&self) -> MacAddr {
        let [_, _, mac @ ..] = (self.value << (4 * (12 - u32::from(self.digits)))).to_be_bytes();
        MacAddr(mac)
    }
}

impl fmt::Display for MacPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for at in 0..self.digits {
            if at > 0 && at % 2 == 0 {
                f.write_str(":")?;
            }
            write!(f, "{:x}", self.value >> (4 * u32::from(self.digits - 1 - at)) & 0xf)?;
        }
        Ok(())
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Block(block) => write!(f, "{block}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Mac(mac) => write!(f, "{mac}"),
            Self::MacPrefix(prefix) => write!(f, "{prefix}"),
        }
    }
}

/// Said of text that looks like none of the forms.
const EXPECTED: &str = "expected an address (10.0.0.1), a block (10.0.0.0/24), a range (10.0.0.1-10.0.0.9), \
                        a MAC (00:1b:c5:01:02:03) or a MAC prefix (00:1b:c5)";

impl Matcher {
    /// From what a person wrote; blanks around it and around a range's `-` do not matter.
    ///
    /// # Errors
    /// Why the text is none of the forms, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(matcher) = parse_mac(text)? {
            return Ok(matcher);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        if let Some((address, length)) = text.split_once('/') {
            return parse_block(address.trim(), length.trim());
        }
        if let Some((first, last)) = text.split_once('-') {
            return parse_range(first.trim(), last.trim());
        }
        Err(EXPECTED.into())
    }

    /// The same of a cell of an export: an address with the length of its network's prefix is that address.
    ///
    /// # Errors
    /// As [`Matcher::parse`].
    pub fn parse_exported(text: &str) -> Result<Self, String> {
        let host = text.split_once('/').and_then(|(address, length)| {
            let (address, length): (IpAddr, u8) = (address.trim().parse().ok()?, length.trim().parse().ok()?);
            let block = IpNet::new(address, length).ok()?;
            (block.network() != address).then_some(Self::Address(address))
        });
        host.map_or_else(|| Self::parse(text), Ok)
    }

    /// The link that an IPv6 address is on.
    pub(super) fn link(&self) -> Option<Self> {
        match self {
            Self::Address(address @ IpAddr::V6(_)) => IpNet::new(*address, 64).ok().map(|net| Self::Block(net.trunc())),
            _ => None,
        }
    }

    /// The first and last address, for an address, block or range.
    pub(super) fn span(&self) -> Option<(IpAddr, IpAddr)> {
        match *self {
            Self::Address(address) => Some((address, address)),
            Self::Block(block) => Some((block.network(), block.broadcast())),
            Self::Range(first, last) => Some((first, last)),
            Self::Mac(_) | Self::MacPrefix(_) => None,
        }
    }
}

fn parse_block(address: &str, length: &str) -> Result<Matcher, String> {
    let parsed: IpAddr = address.parse().map_err(|_| format!("{EXPECTED}; before the / stands no address"))?;
    let most = if parsed.is_ipv4() { 32 } else { 128 };
    let length = length
        .parse::<u8>()
        .ok()
        .filter(|length| *length <= most)
        .ok_or_else(|| format!("the number after the / must be 0 to {most}"))?;
    let block = IpNet::new(parsed, length).map_err(|_| format!("the number after the / must be 0 to {most}"))?;
    if block.network() != parsed {
        let whole = block.trunc();
        return Err(format!("bits behind the first {length} are set; write {whole} for the block, or {parsed} alone"));
    }
    Ok(Matcher::Block(block))
}

fn parse_range(first: &str, last: &str) -> Result<Matcher, String> {
    let bound = |text: &str| text.parse::<IpAddr>().map_err(|_| EXPECTED.to_string());
    let (from, to) = (bound(first)?, bound(last)?);
    if from.is_ipv4() != to.is_ipv4() {
        return Err("one end is IPv4, the other IPv6; a range has both ends of one family".into());
    }
    if from > to {
        return Err(format!("a range begins with its lower address; write {to}-{from}"));
    }
    Ok(Matcher::Range(from, to))
}

/// A MAC or a MAC prefix, `None` where the text looks like neither: groups of two hexadecimal digits
/// joined by `:` or `-`, three groups of four joined by `.`, or twelve digits.
fn parse_mac(text: &str) -> Result<Option<Matcher>, String> {
    let separator = if text.contains(':') { ':' } else { '-' };
    let groups: Vec<&str> = text.splitn(8, separator).collect();
    let all_hex = |groups: &[&str]| groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let digits: String = match groups.as_slice() {
        [one] if one.len() == 12 && all_hex(&groups) => text.into(),
        [one] if one.len() == 14 => {
            let parts: Vec<&str> = one.split('.').collect();
            if parts.len() != 3 || parts.iter().any(|part| part.len() != 4) || !all_hex(&parts) {
                return Ok(None);
            }
            parts.concat()
        }
        // Some programs leave out leading zeros: `arp` on macOS and Solaris does.
        [_, _, _, _, _, _] if all_hex(&groups) && groups.iter().all(|group| (1..=2).contains(&group.len())) => {
            groups.iter().map(|group| format!("{group:0>2}")).collect()
        }
        [whole @ .., last]
            if (1..=4).contains(&whole.len())
                && whole.iter().all(|group| group.len() == 2)
                && (1..=2).contains(&last.len())
                && all_hex(&groups) =>
        {
            groups.concat()
        }
        _ => return Ok(None),
    };
    let value = u64::from_str_radix(&digits, 16).map_err(|_| EXPECTED.to_string())?;
    let first = value >> (4 * digits.len().saturating_sub(2)) as u32;
    if first & 1 == 1 {
        return Err("this is a group's MAC address (the first byte is odd), which no host has".into());
    }
    match digits.len() {
        12 => {
            let [_, _, mac @ ..] = value.to_be_bytes();
            Ok(Some(Matcher::Mac(MacAddr(mac))))
        }
        length @ 6..=10 => Ok(Some(Matcher::MacPrefix(MacPrefix { digits: length as u8, value }))),
        _ => Err("a MAC prefix needs at least three bytes, as in 00:1b:c5".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, printed) in [
            ("10.0.0.1", "10.0.0.1"),
            (" 10.0.0.1 ", "10.0.0.1"),
            ("fe80::1", "fe80::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("10.0.0.0/24", "10.0.0.0/24"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
            ("10.0.0.1 - 10.0.0.9", "10.0.0.1-10.0.0.9"),
            ("fd00::1-fd00::ff", "fd00::1-fd00::ff"),
            ("00:1b:c5:01:02:03", "00:1b:c5:01:02:03"),
            ("00-1B-C5-01-02-03", "00:1b:c5:01:02:03"),
            ("001b.c501.0203", "00:1b:c5:01:02:03"),
            ("001bc5010203", "00:1b:c5:01:02:03"),
            ("00:1b:c5", "00:1b:c5"),
            ("00-1b-c5", "00:1b:c5"),
            ("00:1b:c5:0b:4", "00:1b:c5:0b:4"),
        ] {
            assert_eq!(Matcher::parse(text).map(|matcher| matcher.to_string()), Ok(printed.into()), "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        for (text, part) in [
            ("", "expected an address"),
            ("gateway", "expected an address"),
            ("10.0.0", "expected an address"),
            ("10.0.0.5/24", "write 10.0.0.0/24 for the block, or 10.0.0.5 alone"),
            ("10.0.0.0/33", "0 to 32"),
            ("fd00::/129", "0 to 128"),
            ("10.0.0.0/x", "0 to 32"),
            ("10.0.0.9-10.0.0.1", "write 10.0.0.1-10.0.0.9"),
            ("10.0.0.9-fe80::1", "of one family"),
            ("00:1b", "at least three bytes"),
            ("01:00:5e:00:00:01", "group's MAC"),
            ("ff:ff:ff:ff:ff:ff", "group's MAC"),
            ("010.0.0.1", "expected an address"),
            ("00:1b:c5:01:02:03:04", "expected an address"),
            ("0b.1234567.3c", "expected an address"),
            ("--", "expected an address"),
            ("é:1b:c5", "expected an address"),
        ] {
            let error = Matcher::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn prefixes_of_a_mac() {
        let mac = MacAddr([0x00, 0x1b, 0xc5, 0xab, 0xcd, 0xef]);
        assert_eq!(MacPrefix::of(mac, 6).to_string(), "00:1b:c5");
        assert_eq!(MacPrefix::of(mac, 9).to_string(), "00:1b:c5:ab:c");
        assert_eq!(Matcher::parse("00:1b:c5:ab:c"), Ok(Matcher::MacPrefix(MacPrefix::of(mac, 9))));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = Matcher::parse(&text);
        }

        #[test]
        fn never_panics_on_likely_text(text in "[0-9a-f:./ -]{0,24}") {
            if let Ok(matcher) = Matcher::parse(&text) {
                prop_assert_eq!(Matcher::parse(&matcher.to_string()), Ok(matcher));
            }
        }
    }
}
