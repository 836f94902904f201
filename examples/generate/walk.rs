//! The yardstick of the benchmarks: read a pcap file and step from record to record, nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const BLOCK: usize = 1 << 20;

/// Number of records in a little-endian pcap file with whole records.
///
/// # Errors
/// Those of reading.
pub(crate) fn count(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    file.read_exact(&mut [0; 24])?;
    let mut block = vec![0; BLOCK];
    let (mut filled, mut packets) = (0, 0);
    loop {
        let got = file.read(&mut block[filled..])?;
        if got == 0 {
            return Ok(packets);
        }
        filled += got;
        let mut at = 0;
        while let Some(header) = block[..filled].get(at..at + 16) {
            let captured = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
            if at + 16 + captured > filled {
                break;
            }
            at += 16 + captured;
            packets += 1;
        }
        block.copy_within(at..filled, 0);
        filled -= at;
    }
}
