//! Idle flows of a survey without end, folded: those of one client, server port and kind become one record,
//! by the rules that add records of one flow. So the memory that flows take is bounded by conversations.

use super::key::{Key, VlanNames};
use super::sources::SourceSets;
use super::table::Table;
use super::{EndView, FlowView};
use crate::capture::Shift;

/// Client ports that stand for folded flows, from 0 on: no client has them. So many kinds of flows of one
/// client, server port and VLAN path are told apart; flows of further kinds stay as they are.
const KINDS: u16 = 8;

impl<K: Key> Table<K> {
    /// Folds each flow that `client` names the client's end of.
    pub(super) fn fold(
        &mut self,
        vlans: &VlanNames,
        sources: &mut SourceSets,
        client: &impl Fn(&FlowView<'_>) -> Option<usize>,
    ) {
        let mut next = self.emptied();
        let mut idle = Vec::new();
        for number in 0..self.len() {
            let flow = self.view(number, vlans, sources);
            match client(&flow).filter(|_| flow.folded == 0) {
                Some(end) => idle.push((number, end)),
                None => next.copy(self, number, self.hot[number].key, flow.folded),
            }
        }
        for (number, end) in idle {
            // What its beginning says is told by its numbers, which mean nothing among others.
            let (record, cold) = (&self.hot[number], &mut self.cold[number]);
            record.counts.settle(cold, record.key.ends().map(|end| end.1));
            let flow = self.view(number, vlans, sources);
            let key = self.hot[number].key;
            let takes = |port| {
                let key = key.with_port(end, port);
                let Some(at) = next.candidate_exact(key) else { return Some((key, None)) };
                let known = next.view(at, vlans, sources);
                (known.folded > 0 && alike(&known, &flow)).then_some((key, Some(at)))
            };
            match (0..KINDS).find_map(takes) {
                None => next.copy(self, number, key, 0),
                Some((key, None)) => {
                    next.copy(self, number, key, 1);
                    if let (Some(record), Some(cold)) = (next.hot.last(), next.cold.last_mut()) {
                        *cold = record.counts.cold_of_another(cold);
                    }
                }
                Some((_, Some(at))) => {
                    let (record, cold) = (&self.hot[number], &self.cold[number]);
                    let cold = record.counts.cold_of_another(cold);
                    next.cold[at].sources = sources.union(next.cold[at].sources, cold.sources);
                    // All of one kind: the protocol's bits are the same in both.
                    next.hot[at].counts.absorb(&mut next.cold[at], &record.counts, &cold, Shift::NONE, u32::MAX);
                    next.folded[at] += 1;
                }
            }
        }
        *self = next;
    }

    /// Takes over a record of another table, under a key of its own.
    fn copy(&mut self, other: &Self, number: usize, key: K, folded: u32) {
        let hash = self.hash(&key);
        // There were no more in the other, so that the limit need not be asked.
        let at = self.insert(key, hash, (other.hot[number].counts.clone(), other.cold[number].clone()));
        self.folded.resize(self.hot.len(), 0);
        self.folded[at] = folded;
    }
}

/// Whether two flows of the same ends are judged alike, and so is their sum.
fn alike(a: &FlowView<'_>, b: &FlowView<'_>) -> bool {
    let kind = |end: &EndView<'_>| {
        let has =
            [end.packets() > 0, end.has_payload(), end.asks(), end.syns() > 0, end.syn_acks() > 0, end.resets() > 0];
        (has, end.tcp_flags(), end.conforms(), end.violates(), end.source_mac(), end.destination_mac())
    };
    kind(&a.ends[0]) == kind(&b.ends[0]) && kind(&a.ends[1]) == kind(&b.ends[1])
}
