//! Prepared frames: what changes from packet to packet is written over, the checksums follow from sums made once.

use std::net::{IpAddr, Ipv4Addr};

use super::frame::{self, Segment, V4};

/// Addresses and ports of a packet, as numbers, and the MAC addresses that go with them.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    source: (u32, u16),
    destination: (u32, u16),
}

impl Ends {
    pub(crate) fn new(source: (u32, u16), destination: (u32, u16)) -> Self {
        Self { source, destination }
    }

    pub(crate) fn turned(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// Where headers stand in an untagged frame with an IPv4 header without options.
const IP: usize = 14;
const L4: usize = 34;

/// A frame between 0.0.0.0:0 and 0.0.0.0:0, and its checksums' sums.
pub(crate) struct Stamp {
    frame: Vec<u8>,
    ip_sum: u32,
    l4_sum: u32,
}

const NONE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Stamp {
    fn new(protocol: u8, l4: Vec<u8>, check_at: usize) -> Self {
        let head = V4 { ttl: 64, fragment: 0x4000, ..V4::default() };
        let packet = frame::ipv4(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, protocol, head, &l4);
        let mut frame = frame::ethernet([0; 6], [0; 6], &[], 0x0800, &packet);
        frame[IP + 10..IP + 12].fill(0);
        frame[L4 + check_at..L4 + check_at + 2].fill(0);
        let l4_end = L4 + l4.len();
        Self {
            ip_sum: frame::sum(&frame[IP..L4], 0),
            l4_sum: frame::sum(&frame[L4..l4_end], frame::pseudo(NONE, NONE, protocol, l4.len())),
            frame,
        }
    }

    pub(crate) fn udp(payload: &[u8]) -> Self {
        Self::new(frame::UDP, frame::udp((NONE, 0), (NONE, 0), payload), 6)
    }

    pub(crate) fn tcp(payload: &[u8]) -> Self {
        let segment = Segment { seq: 0, ack: 0, flags: 0, window: 64_240, payload };
        Self::new(frame::TCP, frame::tcp((NONE, 0), (NONE, 0), segment), 16)
    }

    pub(crate) fn len(&self) -> usize {
        self.frame.len()
    }

    /// Everything but the transport's checksum; returns the sum of what was written.
    #[inline]
    fn addresses(&self, out: &mut [u8], ends: Ends) -> u32 {
        out.copy_from_slice(&self.frame);
        let ((a, a_port), (b, b_port)) = (ends.source, ends.destination);
        // Locally administered MAC addresses, made of the IP addresses.
        out[0..2].copy_from_slice(&[0x02, 0x49]);
        out[2..6].copy_from_slice(&b.to_be_bytes());
        out[6..8].copy_from_slice(&[0x02, 0x49]);
        out[8..12].copy_from_slice(&a.to_be_bytes());
        let addresses = (a >> 16) + (a & 0xffff) + (b >> 16) + (b & 0xffff);
        out[IP + 10..IP + 12].copy_from_slice(&complement(self.ip_sum + addresses).to_be_bytes());
        out[IP + 12..IP + 16].copy_from_slice(&a.to_be_bytes());
        out[IP + 16..IP + 20].copy_from_slice(&b.to_be_bytes());
        out[L4..L4 + 2].copy_from_slice(&a_port.to_be_bytes());
        out[L4 + 2..L4 + 4].copy_from_slice(&b_port.to_be_bytes());
        self.l4_sum + addresses + u32::from(a_port) + u32::from(b_port)
    }

    /// Writes the datagram into `out`, which has its length. The message's number stands in the byte `at` of its payload, if it
    /// has one.
    #[inline]
    pub(crate) fn udp_into(&self, out: &mut [u8], ends: Ends, number: Option<(usize, u8)>) {
        let mut sum = self.addresses(out, ends);
        if let Some((at, number)) = number {
            let (at, shift) = (L4 + 8 + at, if at % 2 == 0 { 8 } else { 0 });
            sum += (u32::from(number) << shift) + (0xffff - (u32::from(out[at]) << shift));
            out[at] = number;
        }
        let check = match complement(sum) {
            0 => 0xffff,
            other => other,
        };
        out[L4 + 6..L4 + 8].copy_from_slice(&check.to_be_bytes());
    }

    /// Writes the segment into `out`, which has its length.
    #[inline]
    pub(crate) fn tcp_into(&self, out: &mut [u8], ends: Ends, seq: u32, ack: u32, flags: u8) {
        let sum = self.addresses(out, ends);
        out[L4 + 4..L4 + 8].copy_from_slice(&seq.to_be_bytes());
        out[L4 + 8..L4 + 12].copy_from_slice(&ack.to_be_bytes());
        out[L4 + 13] = flags;
        let more = (seq >> 16) + (seq & 0xffff) + (ack >> 16) + (ack & 0xffff) + u32::from(flags);
        out[L4 + 16..L4 + 18].copy_from_slice(&complement(sum + more).to_be_bytes());
    }
}

#[inline]
fn complement(sum: u32) -> u16 {
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
