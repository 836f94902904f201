//! How two records of one flow add up, whatever the order of the parts that they come from.

use super::{CALLS, Cold, Counts, DISORDERED, HAS_SEGMENT, IS_SHORTENED, REQUEST, RESPONSE, REWRITTEN};
use crate::capture::{Shift, Timestamp};
use crate::flow::packet::{copy_window, says_the_same};
use crate::flow::pending::{BLOCK_REPEATED_AFTER, PendingReply};

impl Counts {
    /// Adds another record of the same flow, whose frames come later by position or are of a later input. When they
    /// were sent does not hang on that.
    pub(in crate::flow) fn absorb(&mut self, cold: &mut Cold, other: &Self, other_cold: &Cold, shift: Shift, own: u32) {
        if cold.written().is_some() || other_cold.written().is_some() {
            let (mut sum, theirs) = (self.written(cold), other.written(other_cold));
            for side in 0..2 {
                sum.first[side] = sum.first[side].min(theirs.first[side]);
                sum.last[side] = sum.last[side].max(theirs.last[side]);
            }
            cold.rare().written = Some(sum);
            self.state |= REWRITTEN;
        }
        let (begins, copies) = (cold.first, [0, 1].map(|side| self.is_copied(cold, other_cold, side)));
        self.absorb_trail(cold, other, other_cold, copies);
        self.absorb_repeated(cold, other_cold, copies);
        for side in 0..2 {
            let packets = self.packets(cold, side).wrapping_add(other.packets(other_cold, side));
            let bytes = self.bytes(cold, side).wrapping_add(other.bytes(other_cold, side));
            self.set_amounts(cold, side, packets, bytes);
            self.flags[side].0 |= other.flags[side].0;
            self.settled[side] |= other.settled[side];
            for (mine, theirs) in [
                (&mut cold.syns, &other_cold.syns),
                (&mut cold.syn_acks, &other_cold.syn_acks),
                (&mut cold.resets, &other_cold.resets),
            ] {
                mine[side] = mine[side].saturating_add(theirs[side]);
            }
            cold.duplicates[side] = cold.duplicates[side].saturating_add(other_cold.duplicates[side]);
            if copies[side] {
                cold.take_back(side, other_cold.arrived_flags[side]);
            }
            self.absorb_times(cold, other, other_cold, side);

            let first = other_cold.first[side].shifted(shift);
            if first < cold.first[side] {
                cold.set_first(side, first);
                cold.macs[side] = other_cold.macs[side];
                cold.hops[side] = other_cold.hops[side];
            }
            absorb_payload(cold, other_cold, shift, own, side);
        }
        cold.absorb_tcp(begins, other_cold, shift);
    }

    /// Whether what came first in another part is a copy of what came last in this one.
    pub(super) fn is_copied(&self, cold: &Cold, other: &Cold, side: usize) -> bool {
        let fingerprint = other.arrived[side];
        fingerprint != 0
            && cold.first[side].is_some()
            && fingerprint == self.fingerprint[side]
            && other.arrived_at(side).raw().abs_diff(self.recent[side].raw()) <= copy_window(fingerprint)
    }

    /// Adds what was sent again in another part, and what came first there if it was sent before in this one.
    fn absorb_repeated(&self, cold: &mut Cold, other: &Cold, copies: [bool; 2]) {
        for side in 0..2 {
            let first = PendingReply { time: other.arrived_at(side), fingerprint: other.arrived[side] };
            let goes_on = !copies[side]
                && cold.first[side].is_some()
                && other.said[side] & CALLS != 0
                && self.asking.repetition().is_some()
                && says_the_same(first.fingerprint, self.fingerprint[side])
                && self.is_repeated_after(first.time.raw().wrapping_sub(self.recent[side].raw()));
            let theirs = other.odd.as_ref().and_then(|odd| odd.repeated.as_ref()).map(|both| &both[side]);
            if goes_on || theirs.is_some_and(|theirs| theirs.len() > 0) {
                let mine = &mut cold.odd().repeated.get_or_insert_default()[side];
                let first = PendingReply::again_first(first, self.recent[side], [Some(&*mine), theirs]);
                // What it says is no fingerprint: within that time it is a copy.
                theirs.into_iter().for_each(|theirs| mine.absorb(theirs, |_| BLOCK_REPEATED_AFTER as u64));
                if goes_on {
                    mine.push(first);
                }
            }
        }
    }

    /// Takes over what came last.
    pub(super) fn absorb_times(&mut self, cold: &mut Cold, other: &Self, other_cold: &Cold, side: usize) {
        if !other_cold.first[side].is_some() {
            return;
        }
        if cold.first[side].is_some() {
            if (self.state | other.state) & DISORDERED != 0 || other_cold.arrived_at(side) < self.recent[side] {
                let latest = self.recent[side].max(other_cold.latest(side));
                self.state |= DISORDERED;
                let rare = cold.rare();
                rare.latest[side] = rare.latest[side].max(latest);
            }
        } else {
            (cold.arrived[side], cold.arrived_flags[side]) = (other_cold.arrived[side], other_cold.arrived_flags[side]);
            if cold.has_rare().is_some() || other_cold.has_rare().is_some() {
                let rare = cold.rare();
                (rare.arrived[side], rare.latest[side]) = (other_cold.arrived_at(side), other_cold.latest(side));
            }
            self.state |= other.state & DISORDERED;
        }
        self.recent[side] = other.recent[side];
        self.fingerprint[side] = other.fingerprint[side];
    }

    /// Counts later fragments of a datagram that the flow began.
    pub(in crate::flow) fn add_fragments(
        &mut self,
        cold: &mut Cold,
        side: usize,
        packets: u64,
        bytes: u64,
        last: Timestamp,
    ) {
        let packets = self.packets(cold, side).wrapping_add(packets);
        let bytes = self.bytes(cold, side).wrapping_add(bytes);
        self.set_amounts(cold, side, packets, bytes);
        if last > self.last(cold, side) {
            self.state |= DISORDERED;
            let rare = cold.rare();
            rare.latest[side] = last;
            if let Some(written) = &mut rare.written {
                written.last[side] = written.last[side].max(last);
            }
        }
    }
}

/// Adds what the payload of an end said in another part: the first decides, bits of the port's own protocol add up.
fn absorb_payload(cold: &mut Cold, other: &Cold, shift: Shift, own: u32, side: usize) {
    cold.said[side] |= other.said[side] & (HAS_SEGMENT | IS_SHORTENED);
    if !cold.tcp().is_empty() || !other.tcp().is_empty() {
        cold.conforms[side] |= other.conforms[side];
        cold.violates[side] |= other.violates[side];
        return;
    }
    let (ours, theirs) = (
        (cold.conforms[side] & own, u32::from(cold.violates[side]) & own),
        (other.conforms[side] & own, u32::from(other.violates[side]) & own),
    );
    let payload = other.payload(side).shifted(shift);
    if payload < cold.payload(side) {
        cold.set_payload(side, payload);
        cold.conforms[side] = other.conforms[side];
        cold.violates[side] = other.violates[side];
        cold.set_tag(side, other.tag(side));
        cold.say(side, other.said[side]);
    } else if !cold.payload(side).is_some() {
        // ICMP: each message says whether it asks.
        cold.said[side] |= other.said[side] & (REQUEST | RESPONSE);
    }
    let conforms = ours.0 | theirs.0;
    cold.conforms[side] |= conforms;
    cold.violates[side] = (cold.violates[side] | (ours.1 | theirs.1) as u8) & !(conforms as u8);
}
