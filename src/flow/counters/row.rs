//! The record of a flow that a report tells of.

use super::{Cold, Counts};
use crate::capture::{FrameId, Moment};
use crate::flow::row::FlowRow;
use crate::flow::sources::SourceSet;
use crate::protocol::AnswerRule;

/// A record holds so many packets and bytes at most.
const MOST: u64 = (1 << 48) - 1;

impl Counts {
    /// The record of a row whose first end is the end `side` of the key. Of its payload nothing is known.
    pub(in crate::flow) fn of_row(row: &FlowRow, side: u8, sources: SourceSet) -> (Self, Cold) {
        let asking = AnswerRule::of(row.transport, row.ends.each_ref().map(|end| end.port));
        let (mut counts, mut cold) = (Self::new(asking), Cold::new(sources));
        for (end, side) in row.ends.iter().zip([usize::from(side & 1), usize::from(!side & 1)]) {
            if end.packets > 0 {
                cold.first[side] = Moment { time: end.first, frame: FrameId::NONE };
            }
            counts.recent[side] = end.last;
            counts.flags[side] = end.tcp_flags;
            cold.duplicates[side] = u32::try_from(end.duplicates).unwrap_or(u32::MAX);
            let macs = [end.destination_mac, end.source_mac].map(|mac| mac.unwrap_or_default().0);
            let (destination, source) = cold.macs[side].split_at_mut(6);
            destination.copy_from_slice(&macs[0]);
            source.copy_from_slice(&macs[1]);
            counts.set_amounts(&mut cold, side, end.packets.min(MOST), end.bytes.min(MOST));
        }
        (counts, cold)
    }
}
