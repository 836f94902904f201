//! The same packets picked at every place without a word between them: those with the lowest digests.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::key::Fields;

/// Packets kept of a place.
const MOST: usize = 1 << 16;

/// A packet of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub(super) time: i64,
    pub(super) source: u128,
    pub(super) destination: u128,
    pub(super) identification: u32,
    pub(super) hops: u8,
    /// Whether it was seen once, apart from copies that a mirror makes of one packet.
    pub(super) is_single: bool,
}

/// The packets with the lowest digests, at most twice [`MOST`].
pub(super) struct Sample {
    highest: u64,
    pub(super) packets: HashMap<u64, Sampled, RandomState>,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self { highest: u64::MAX, packets: HashMap::default() }
    }

    pub(super) fn take(&mut self, time: i64, fields: &Fields) {
        if fields.digest > self.highest {
            return;
        }
        let Fields { ends, identification, hops, .. } = *fields;
        let (source, destination) = (ends.source, ends.destination);
        let seen = Sampled { time, source, destination, identification, hops, is_single: true };
        self.packets
            .entry(fields.digest)
            .and_modify(|known| known.is_single &= identification != 0 && known.identification == identification)
            .or_insert(seen);
        if self.packets.len() >= 2 * MOST {
            let mut digests: Vec<u64> = self.packets.keys().copied().collect();
            self.highest = *digests.select_nth_unstable(MOST - 1).1;
            self.packets.retain(|digest, _| *digest <= self.highest);
        }
    }

    /// Packets that were seen once here and there, in the order of their times here.
    pub(super) fn common(&self, other: &Self) -> Vec<(Sampled, Sampled)> {
        let mut common: Vec<_> = self
            .packets
            .iter()
            .filter_map(|(digest, here)| Some((*digest, *here, *other.packets.get(digest)?)))
            .filter(|(_, here, there)| here.is_single && there.is_single)
            .collect();
        common.sort_unstable_by_key(|(digest, here, _)| (here.time, *digest));
        common.into_iter().map(|(_, here, there)| (here, there)).collect()
    }
}
