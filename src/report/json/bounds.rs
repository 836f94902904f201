//! Counts of an untrusted file, so bounded that no sum of them overflows. No capture comes near: a file of a million rows may
//! say 1.1 TB in each.

use super::v1::Survey;

/// Counts of devices, which are added up as 32-bit numbers.
const MOST_DEVICES: u64 = u32::MAX as u64 / 16;

pub(super) fn bound(part: &mut Survey<'_>) {
    let rows = part.inputs.len()
        + part.non_ip.len()
        + part.encapsulations.len()
        + part.frames.stopped.len()
        + part.flows.len()
        + part.conversations.len()
        + part.findings.len()
        + part.coverage.len()
        + part.inventory.len()
        + part.health.len()
        + part.transfers.len();
    let most = u64::MAX / 16 / (rows as u64 + 1);
    macro_rules! bound {
        ($($rows:expr => $($field:ident),+;)+) => {$(
            for row in &mut $rows {
                $(row.$field = row.$field.min(most);)+
            }
        )+};
    }
    bound! {
        part.inputs => size, frames, captured_bytes, wire_bytes;
        [&mut part.frames] => total, decoded;
        part.frames.stopped => frames;
        part.non_ip => frames, bytes;
        part.encapsulations => frames, bytes;
        part.flows => client_packets, client_bytes, server_packets, server_bytes, duplicates;
        part.conversations => client_packets, client_bytes, server_packets, server_bytes;
        part.findings => flows, packets, bytes;
        part.coverage => flows, packets, bytes;
        part.inventory => packets_sent, bytes_sent, packets_received, bytes_received;
        part.health => asked, answered, repeated, recovered, answered_again, unasked;
        part.transfers => bytes, blocks, repeated;
    }
    for row in &mut part.health {
        for count in [
            &mut row.segments,
            &mut row.bytes,
            &mut row.retransmitted,
            &mut row.retransmitted_bytes,
            &mut row.spurious,
            &mut row.out_of_order,
            &mut row.duplicate_acks,
            &mut row.zero_windows,
            &mut row.uncaptured_bytes,
        ] {
            *count = count.map(|count| count.min(most));
        }
    }
    for row in &mut part.conversations {
        row.flows = row.flows.min(MOST_DEVICES);
    }
    for row in &mut part.coverage {
        row.peers = row.peers.min(MOST_DEVICES);
        for devices in [&mut row.hosts_carried, &mut row.hosts_blocked, &mut row.hosts_one_way, &mut row.hosts_not_seen]
        {
            *devices = (*devices).min(MOST_DEVICES);
        }
    }
}
