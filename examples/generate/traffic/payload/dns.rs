//! DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795), which share one format; NTP (RFC 5905).

use std::net::Ipv4Addr;

pub(crate) const A: u16 = 1;
pub(crate) const PTR: u16 = 12;

fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in text.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

pub(crate) fn query(id: u16, recursion: bool, question: &str, kind: u16) -> Vec<u8> {
    let flags: u16 = if recursion { 0x0100 } else { 0 };
    let mut out = [id, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    out.extend(name(question));
    out.extend([kind, 1].map(u16::to_be_bytes).concat());
    out
}

/// A recursive answer with one address, its name a pointer to the question's.
pub(crate) fn answer(id: u16, question: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut out = [id, 0x8180, 1, 1, 0, 0].map(u16::to_be_bytes).concat();
    out.extend(name(question));
    out.extend([A, 1].map(u16::to_be_bytes).concat());
    out.extend([0xc0, 0x0c]);
    out.extend([A, 1, 0, 300, 4].map(u16::to_be_bytes).concat());
    out.extend(address.octets());
    out
}

/// NTP version 4, mode 3 (client) or 4 (server), 48 bytes.
pub(crate) fn ntp(mode: u8, unix_seconds: u64) -> Vec<u8> {
    const FROM_1900_TO_1970: u64 = 2_208_988_800;
    let now = ((unix_seconds + FROM_1900_TO_1970) as u32).to_be_bytes();
    let mut out = vec![0; 48];
    out[0] = 4 << 3 | mode;
    out[2] = 6;
    out[3] = 0xec;
    if mode == 4 {
        out[1] = 2;
        for at in [16, 24, 32, 40] {
            out[at..at + 4].copy_from_slice(&now);
        }
    } else {
        out[40..44].copy_from_slice(&now);
    }
    out
}
