//! EAP over LAN (IEEE 802.1X-2020 clause 11), as far as it says whether a device was let in.

/// What one frame does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The device begins.
    Start,
    /// The device takes its leave.
    Logoff,
    /// The switch asks.
    Request,
    /// The device answers.
    Response,
    /// The switch lets it in.
    Success,
    /// The switch refuses it.
    Failure,
}

impl Step {
    /// Whether the device sends it, not the switch.
    pub const fn is_of_device(self) -> bool {
        matches!(self, Self::Start | Self::Logoff | Self::Response)
    }
}

/// Reads a frame's body: version, type, length, and of EAP (RFC 3748 section 4) the code. Keys and announcements are no
/// step of it.
pub fn step(bytes: &[u8]) -> Option<Step> {
    match *bytes {
        [_, 0, _, _, 1, ..] => Some(Step::Request),
        [_, 0, _, _, 2, ..] => Some(Step::Response),
        [_, 0, _, _, 3, ..] => Some(Step::Success),
        [_, 0, _, _, 4, ..] => Some(Step::Failure),
        [_, 1, ..] => Some(Step::Start),
        [_, 2, ..] => Some(Step::Logoff),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_codes_are_those_of_the_standards() {
        assert_eq!(step(&[1, 1, 0, 0]), Some(Step::Start));
        assert_eq!(step(&[2, 2, 0, 0]), Some(Step::Logoff));
        assert_eq!(step(&[1, 0, 0, 5, 1, 1, 0, 5, 1]), Some(Step::Request));
        assert_eq!(step(&[1, 0, 0, 4, 3, 1, 0, 4]), Some(Step::Success));
        // A key, an unknown code, and what is cut.
        for bytes in [&[2, 3, 0, 95, 2][..], &[1, 0, 0, 4, 9], &[1, 0, 0, 4], &[1]] {
            assert_eq!(step(bytes), None);
        }
    }
}
