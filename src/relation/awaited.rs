//! Which endpoints are worth a look: keeps relating near-linear, with a cost of two loads for a flow
//! that has nothing to do with any relation.

use std::net::IpAddr;

use crate::flow::Endpoint;

/// What an endpoint is waited for. Bits.
pub(super) const TFTP: u8 = 1;
pub(super) const SSDP: u8 = 2;
pub(super) const COAP: u8 = 4;
pub(super) const QUOTED: u8 = 8;
pub(super) const LOCATION: u8 = 16;

/// The relations that wait for an endpoint. Several endpoints may share a place (a Bloom filter of one hash), so that what
/// is said of one may be meant for another: what looks closer looks it up by its whole key.
pub(super) struct Awaited(Vec<u8>);

impl Awaited {
    /// A megabyte: with a hundred thousand endpoints nine flows in ten are still told apart.
    const BITS: u32 = 20;

    pub(super) fn new() -> Self {
        Self(vec![0; 1 << Self::BITS])
    }

    pub(super) fn arm(&mut self, endpoint: Endpoint, what: u8) {
        self.0[place(endpoint)] |= what;
    }

    /// The relations that may wait for an endpoint.
    #[inline]
    pub(super) fn of(&self, endpoint: Endpoint) -> u8 {
        self.0[place(endpoint)]
    }
}

#[inline]
fn place((address, port): Endpoint) -> usize {
    let address = match address {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64 ^ (v6.to_bits() as u64).rotate_left(32),
    };
    // Multiplied by the golden ratio, what differs in few bits differs in those above.
    let mixed = (address.rotate_left(16) ^ u64::from(port)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - Awaited::BITS)) as usize
}
