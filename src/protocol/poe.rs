//! Power over Ethernet as LLDP negotiates it: IEEE 802.3-2022 clause 79.3.2 (Power via MDI, 802.3af, at and bt) and
//! ANSI/TIA-1057 clause 10.2.5 (extended power via MDI).

use super::lldp;
use crate::state::stored;

/// The TLV of an organization (IEEE 802.1AB clause 8.6), and those with power: code of the organization and subtype.
const ORGANIZATION: u8 = 127;
const IEEE_POWER: [u8; 4] = [0x00, 0x12, 0x0f, 2];
const MED_POWER: [u8; 4] = [0x00, 0x12, 0xbb, 4];

/// What a device of each class may draw at its end of the cable, in tenths of a watt, from class 0 (IEEE 802.3-2022 table
/// 33-1 and 145-26).
const CLASS_POWER: [u16; 9] = [130, 39, 65, 130, 255, 400, 510, 620, 713];
/// What a device may draw without being told that there is more, that of classes 0 to 3, as switches say it: 13 W at the device
/// are 15.4 W at the port (IEEE 802.3-2022 table 33-11).
pub const UNNEGOTIATED: u16 = 154;
/// More than this is no power that a field may hold (0.1 W to 99.9 W): nothing was said.
const MOST: u16 = 999;

/// Which end of the cable speaks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PoeEnd {
    /// The switch or injector (power sourcing equipment, PSE).
    Source,
    /// What is fed (powered device, PD).
    Device,
}

/// The fields of Power via MDI, as they stand there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Mdi {
    support: u8,
    pairs: u8,
    class: u8,
    /// 802.3at: type, source and priority; requested and allocated power in tenths of a watt.
    negotiated: Option<(u8, u16, u16)>,
    /// 802.3bt.
    four_pairs: Option<FourPairs>,
}

/// The fields that four pairs added: power of the two modes of a dual-signature device, power status, system setup.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct FourPairs {
    requested: [u16; 2],
    allocated: [u16; 2],
    status: u16,
    setup: u8,
}

/// What one unit says of power.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Power {
    mdi: Option<Mdi>,
    /// LLDP-MED: type, source and priority; tenths of a watt.
    med: Option<(u8, u16)>,
}

impl Power {
    /// Reads what a data unit says of power; `None` if that is nothing.
    pub fn of_unit(bytes: &[u8]) -> Option<Self> {
        let mut power = Self { mdi: None, med: None };
        for (kind, value) in lldp::tlvs(bytes) {
            if kind == 0 {
                break;
            }
            if kind != ORGANIZATION {
                continue;
            }
            match value.split_first_chunk::<4>() {
                Some((&IEEE_POWER, rest)) => power.mdi = power.mdi.or(mdi(rest)),
                Some((&MED_POWER, &[kind, high, low, ..])) => {
                    power.med = power.med.or(Some((kind, u16::from_be_bytes([high, low]))));
                }
                _ => {}
            }
        }
        (power.mdi.is_some() || power.med.is_some()).then_some(power)
    }

    /// Which end speaks; `None` where the two fields that say so contradict each other, or the value is reserved.
    pub fn side(&self) -> Option<PoeEnd> {
        let mdi = self.mdi.map(|mdi| if mdi.support & 1 == 1 { PoeEnd::Source } else { PoeEnd::Device });
        let med = self.med.map(|(kind, _)| match kind >> 6 {
            0 => Some(PoeEnd::Source),
            1 => Some(PoeEnd::Device),
            _ => None,
        });
        match (mdi, med) {
            (Some(a), Some(b)) if Some(a) != b => None,
            (Some(side), _) => Some(side),
            (None, side) => side.flatten(),
        }
    }

    /// The class, 0 to 8, that the device has or that the switch measured.
    pub fn class(&self) -> Option<u8> {
        let mdi = self.mdi?;
        let extended = mdi.four_pairs.map(|four| (four.status & 0xf) as u8).filter(|class| (1..=8).contains(class));
        extended.or_else(|| mdi.class.checked_sub(1).filter(|class| *class <= 4))
    }

    /// What the device asks for, in tenths of a watt, as either end says it.
    pub fn requested(&self) -> Option<u16> {
        let of_modes = |mdi: &Mdi| mdi.four_pairs.map(|four| four.requested[0].saturating_add(four.requested[1]));
        self.value(|mdi| mdi.negotiated.map(|(_, requested, _)| requested), of_modes, PoeEnd::Device)
    }

    /// What the switch gives, in tenths of a watt at the device's end, as either end says it.
    pub fn allocated(&self) -> Option<u16> {
        let of_modes = |mdi: &Mdi| mdi.four_pairs.map(|four| four.allocated[0].saturating_add(four.allocated[1]));
        self.value(|mdi| mdi.negotiated.map(|(.., allocated)| allocated), of_modes, PoeEnd::Source)
    }

    /// A power of IEEE's fields, or else of LLDP-MED's, where that comes from the end that may say it.
    fn value(
        &self,
        of: impl Fn(&Mdi) -> Option<u16>,
        of_modes: impl Fn(&Mdi) -> Option<u16>,
        said_by: PoeEnd,
    ) -> Option<u16> {
        let known = |value: &u16| (1..=MOST).contains(value);
        let ieee = self.mdi.and_then(|mdi| of(&mdi).filter(known).or_else(|| of_modes(&mdi).filter(known)));
        ieee.or_else(|| self.med.map(|(_, value)| value).filter(|value| known(value) && self.side() == Some(said_by)))
    }

    /// The pairs that carry power, where the unit says so: `signal`, `spare` or `both`.
    pub fn pairs(&self) -> Option<&'static str> {
        let mdi = self.mdi?;
        let extended = mdi.four_pairs.map_or(0, |four| four.status >> 10 & 3);
        match (extended, mdi.pairs) {
            (1, _) | (0, 1) => Some("signal"),
            (2, _) | (0, 2) => Some("spare"),
            (3, _) => Some("both"),
            _ => None,
        }
    }

    /// Whether the unit has fields by which power is negotiated, whatever stands in them.
    pub fn negotiates(&self) -> bool {
        self.med.is_some() || self.mdi.is_some_and(|mdi| mdi.negotiated.is_some())
    }
}

/// What a device of a class may draw, in tenths of a watt.
pub fn class_power(class: u8) -> Option<u16> {
    CLASS_POWER.get(usize::from(class)).copied()
}

/// The fields behind organization and subtype: 3 bytes of 802.3af, 8 of 802.3at, 25 of 802.3bt.
fn mdi(bytes: &[u8]) -> Option<Mdi> {
    let (&[support, pairs, class], rest) = bytes.split_first_chunk::<3>()?;
    let (negotiated, rest) = match *rest {
        [kind, a, b, c, d, ref rest @ ..] => {
            (Some((kind, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))), rest)
        }
        _ => (None, &[][..]),
    };
    let four_pairs = rest.first_chunk::<11>().map(|&[a, b, c, d, e, f, g, h, i, j, setup]| {
        let word = |high, low| u16::from_be_bytes([high, low]);
        FourPairs {
            requested: [word(a, b), word(c, d)],
            allocated: [word(e, f), word(g, h)],
            status: word(i, j),
            setup,
        }
    });
    Some(Mdi { support, pairs, class, negotiated, four_pairs })
}

stored!(FourPairs { requested, allocated, status, setup });
stored!(Mdi { support, pairs, class, negotiated, four_pairs });
stored!(Power { mdi, med });

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A unit with chassis, port and time to live, and these TLVs.
    pub(crate) fn unit(tlvs: &[(u8, &[u8])]) -> Vec<u8> {
        let mandatory: [(u8, &[u8]); 3] = [(1, &[4, 2, 0, 0, 0, 0, 1]), (2, b"\x057"), (3, &[0, 120])];
        let mut out = Vec::new();
        for (kind, value) in mandatory.iter().chain(tlvs) {
            out.extend((u16::from(*kind) << 9 | value.len() as u16).to_be_bytes());
            out.extend(*value);
        }
        out.extend([0, 0]);
        out
    }

    /// A Power via MDI TLV as 802.3at has it.
    pub(crate) fn at(support: u8, class: u8, kind: u8, requested: u16, allocated: u16) -> Vec<u8> {
        let mut out = vec![0, 0x12, 0x0f, 2, support, 1, class, kind];
        out.extend(requested.to_be_bytes());
        out.extend(allocated.to_be_bytes());
        out
    }

    #[test]
    fn each_standard_adds_fields_behind_those_of_the_one_before() {
        // 802.3af: a source that measured class 3 (field value 4), on the signal pairs.
        let power = Power::of_unit(&unit(&[(127, &[0, 0x12, 0x0f, 2, 0x0f, 1, 4])])).expect("power");
        assert_eq!((power.side(), power.class(), power.pairs()), (Some(PoeEnd::Source), Some(3), Some("signal")));
        assert_eq!((power.requested(), power.allocated(), power.negotiates()), (None, None, false));
        // 802.3at: a device of class 4 that asks for 25.5 W and was given 13 W.
        let power = Power::of_unit(&unit(&[(127, &at(0, 5, 0x50, 255, 130))])).expect("power");
        assert_eq!((power.side(), power.class()), (Some(PoeEnd::Device), Some(4)));
        assert_eq!((power.requested(), power.allocated()), (Some(255), Some(130)));
        // 802.3bt: class 6 on both alternatives.
        let mut four = at(0x0f, 5, 0x10, 510, 510);
        four.extend([0, 0, 0, 0, 0, 0, 0, 0, 0b0100_1100, 0b0000_0110, 0x03, 0x02, 0x58, 0, 0, 0, 0]);
        let power = Power::of_unit(&unit(&[(127, &four)])).expect("power");
        assert_eq!((power.class(), power.pairs(), power.allocated()), (Some(6), Some("both"), Some(510)));
    }

    #[test]
    fn media_endpoints_say_it_in_a_unit_of_their_own() {
        let power = Power::of_unit(&unit(&[(127, &[0, 0x12, 0xbb, 4, 0x52, 0, 200])])).expect("power");
        assert_eq!((power.side(), power.requested(), power.allocated()), (Some(PoeEnd::Device), Some(200), None));
        let power = Power::of_unit(&unit(&[(127, &[0, 0x12, 0xbb, 4, 0x12, 0, 154])])).expect("power");
        assert_eq!((power.side(), power.requested(), power.allocated()), (Some(PoeEnd::Source), None, Some(154)));
        // Reserved: who speaks is not known, so neither is whose power it is.
        let power = Power::of_unit(&unit(&[(127, &[0, 0x12, 0xbb, 4, 0x92, 0, 154])])).expect("power");
        assert_eq!((power.side(), power.requested(), power.allocated()), (None, None, None));
    }

    #[test]
    fn what_is_cut_or_no_power_says_nothing() {
        assert_eq!(Power::of_unit(&unit(&[(127, &[0, 0x12, 0x0f, 2, 0x0f, 1])])), None);
        assert_eq!(Power::of_unit(&unit(&[(127, &[0, 0x12, 0x0f, 1, 3, 0, 0, 0, 0])])), None);
        let power = Power::of_unit(&unit(&[(127, &at(1, 9, 0, 0, 0xffff))])).expect("power");
        assert_eq!((power.class(), power.requested(), power.allocated()), (None, None, None));
    }
}
