//! LLDP data units (IEEE 802.1AB-2016 clause 8): who is at the other end of the link.

use crate::state::stored;

/// Type-length-values looked at in a unit.
const MAX_TLVS: usize = 64;
/// Characters kept of a text.
const MAX_TEXT: usize = 64;
/// Capabilities that are enabled in a switch or router: bridge, and router (clause 8.5.8.1).
const BRIDGE_OR_ROUTER: u16 = 0x0014;

/// What a device says of itself and of its port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Unit {
    /// The chassis, in words: a MAC address, an interface name, an address or a name. Untrusted
    /// text: escape before printing.
    pub chassis: String,
    /// The port, likewise.
    pub port: String,
    /// The port's description.
    pub port_description: String,
    /// The system's name.
    pub name: String,
    /// Whether it says that it bridges or routes; `None` if it says nothing.
    pub is_switch: Option<bool>,
}

/// Longest text that is loaded, in bytes.
const LONGEST_TEXT: usize = 4 * MAX_TEXT;
const TOO_LONG: &str = "what a device says of itself is too long";

stored!(Unit {
    chassis: text(LONGEST_TEXT, TOO_LONG),
    port: text(LONGEST_TEXT, TOO_LONG),
    port_description: text(LONGEST_TEXT, TOO_LONG),
    name: text(LONGEST_TEXT, TOO_LONG),
    is_switch,
});

/// The type-length-values of a unit, up to a limit and to the first that is cut.
pub(super) fn tlvs(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    let next = move || {
        let (&[high, low], after) = rest.split_first_chunk::<2>()?;
        let (value, behind) = after.split_at_checked(usize::from(high & 1) << 8 | usize::from(low))?;
        rest = behind;
        Some((high >> 1, value))
    };
    std::iter::from_fn(next).take(MAX_TLVS)
}

/// Reads a data unit; what is cut off after chassis and port is left out.
pub fn unit(bytes: &[u8]) -> Option<Unit> {
    let (mut unit, mut seen) = (Unit::default(), 0);
    for (number, (kind, value)) in tlvs(bytes).enumerate() {
        match (number, kind) {
            // The first three are mandatory and in this order (clause 8.2).
            (0, 1) => (unit.chassis, seen) = (id(value, 4, 5), 1),
            (1, 2) => (unit.port, seen) = (id(value, 3, 4), seen + 1),
            (0 | 1, _) => return None,
            (_, 0) => break,
            (_, 4) => unit.port_description = text(value),
            (_, 5) => unit.name = text(value),
            (_, 7) => {
                let &[_, _, a, b, ..] = value else { continue };
                unit.is_switch = Some(u16::from_be_bytes([a, b]) & BRIDGE_OR_ROUTER != 0);
            }
            _ => {}
        }
    }
    (seen == 2).then_some(unit)
}

/// A chassis or port id: its subtype, then a MAC address, a network address or a text.
fn id(value: &[u8], mac: u8, network: u8) -> String {
    match value {
        &[subtype, a, b, c, d, e, f] if subtype == mac => format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
        // Address family 1 is IPv4 (IANA's address family numbers).
        &[subtype, 1, a, b, c, d] if subtype == network => format!("{a}.{b}.{c}.{d}"),
        [_, value @ ..] => text(value),
        [] => String::new(),
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a switch's unit: chassis by MAC, port by interface name, name, description, capabilities.
    fn example() -> Vec<u8> {
        let mut out = Vec::new();
        let mut tlv = |kind: u16, value: &[u8]| {
            out.extend((kind << 9 | value.len() as u16).to_be_bytes());
            out.extend(value);
        };
        tlv(1, &[4, 0, 1, 2, 3, 4, 5]);
        tlv(2, b"\x05Gi1/0/7");
        tlv(3, &[0, 120]);
        tlv(4, b"node 3.07");
        tlv(5, b"lighting-switch");
        tlv(7, &[0, 0x14, 0, 0x04]);
        tlv(0, &[]);
        out
    }

    #[test]
    fn a_switch_says_which_port_it_is() {
        let unit = unit(&example()).expect("a unit");
        assert_eq!((&*unit.chassis, &*unit.port), ("00:01:02:03:04:05", "Gi1/0/7"));
        assert_eq!((&*unit.name, &*unit.port_description), ("lighting-switch", "node 3.07"));
        assert_eq!(unit.is_switch, Some(true));
    }

    #[test]
    fn a_unit_that_is_cut_keeps_what_came_before() {
        let whole = example();
        for cut in 0..whole.len() {
            let found = unit(&whole[..cut]);
            assert_eq!(found.is_some(), cut >= 9 + 10, "{cut}");
        }
        assert_eq!(unit(b"\x04\x02\x05a"), None);
    }
}
