//! Which protocols a payload may be, by its first byte.

use super::spec::TransportSpec;
use super::{Protocol, SPECS};

/// For each first byte the bits of the protocols that a payload may be.
pub(super) struct Candidates {
    pub(super) by_first_byte: [u32; 256],
    /// Bits of those that the vendor's cells call for.
    pub(super) vendor: u32,
}

pub(super) static TCP: Candidates = Candidates::over(true);
pub(super) static UDP: Candidates = Candidates::over(false);

impl Candidates {
    const fn over(tcp: bool) -> Self {
        let mut candidates = Self { by_first_byte: [0; 256], vendor: 0 };
        let mut at = 0;
        while at < SPECS.len() {
            let TransportSpec { first, vendor } = if tcp { SPECS[at].tcp } else { SPECS[at].udp };
            let bit = Protocol::ALL[at].bit();
            if vendor {
                candidates.vendor |= bit;
            }
            let mut byte = 0;
            while byte < 256 {
                if first.contains(byte as u8) {
                    candidates.by_first_byte[byte] |= bit;
                }
                byte += 1;
            }
            at += 1;
        }
        candidates
    }
}
