//! Which ports are worth a look: keeps relating near-linear, with a cost of two loads for a flow
//! that has nothing to do with any relation.

/// What a port is waited for. Bits.
pub(super) const TFTP: u8 = 1;
pub(super) const SSDP: u8 = 2;
pub(super) const COAP: u8 = 4;
pub(super) const QUOTED: u8 = 8;
pub(super) const LOCATION: u8 = 16;

/// The relations that wait for a port, by port.
pub(super) struct Ports(Vec<u8>);

impl Ports {
    pub(super) fn new() -> Self {
        Self(vec![0; 1 << 16])
    }

    pub(super) fn arm(&mut self, port: u16, what: u8) {
        self.0[usize::from(port)] |= what;
    }

    /// The relations that wait for one of the flow's ports.
    pub(super) fn of(&self, [a, b]: [u16; 2]) -> u8 {
        self.0[usize::from(a)] | self.0[usize::from(b)]
    }
}
