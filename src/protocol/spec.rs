//! What a protocol is known by, as each protocol's file says it.

use super::payload::{Payload, Sign};

/// A protocol: its name, where it is at home, how its messages begin and the check of them.
pub(super) struct Spec {
    /// Name as it stands in `payload_protocol` and in policy files.
    pub(super) name: &'static str,
    /// The ports that are its own: by the vendor's document for the protocols of its cells, by IANA's list for the rest.
    pub(super) ports: &'static [u16],
    pub(super) tcp: TransportSpec,
    pub(super) udp: TransportSpec,
    /// How much its check proves, among all protocols: the stronger is printed where bytes conform to two. Each has another.
    pub(super) strength: u8,
    pub(super) check: fn(&Payload<'_>) -> Sign,
}

/// A protocol over one transport.
#[derive(Clone, Copy)]
pub(super) struct TransportSpec {
    /// The first bytes that a message may have.
    pub(super) first: FirstBytes,
    /// Whether the vendor's cells call for it: only then can payload violate it.
    pub(super) vendor: bool,
}

impl TransportSpec {
    /// It does not run over this transport.
    pub(super) const NEVER: Self = Self::known(FirstBytes::NONE);
    /// Any byte may begin a message.
    pub(super) const ANY: Self = Self::known(FirstBytes::of(&[(0x00, 0xff)]));

    pub(super) const fn known(first: FirstBytes) -> Self {
        Self { first, vendor: false }
    }

    pub(super) const fn vendor(first: FirstBytes) -> Self {
        Self { first, vendor: true }
    }
}

/// A set of bytes.
#[derive(Clone, Copy)]
pub(super) struct FirstBytes([bool; 256]);

impl FirstBytes {
    const NONE: Self = Self([false; 256]);

    /// The bytes of some ranges, both ends included.
    pub(super) const fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Self::NONE;
        let mut at = 0;
        while at < ranges.len() {
            let mut byte = ranges[at].0 as usize;
            while byte <= ranges[at].1 as usize {
                set.0[byte] = true;
                byte += 1;
            }
            at += 1;
        }
        set
    }

    pub(super) const fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}
