//! What states hold of a flow.

use super::cold::{Cold, HAS_RARE, IS_SHORTENED, Odd, Rare, TransportState, Written};
use super::{ANNOUNCED, Counts, DISORDERED, MORE, PROCEEDS, REPLIED, REWRITTEN};
use crate::capture::Timestamp;
use crate::flow::pending::PendingReplies;
use crate::flow::sources::SourceSet;
use crate::protocol::AnswerRule;
use crate::state::{Broken, Load, Stored, stored};

/// All bits of [`Counts::dialogue`] but [`ANNOUNCED`] and [`PROCEEDS`], of [`Counts::settled`], and of [`Cold::said`].
const DIALOGUE: u8 = MORE * 2 - 1;
const SETTLED: u8 = 3;
const SAID: u8 = (HAS_RARE - 1) | IS_SHORTENED;

impl Counts {
    pub(in crate::flow) fn store(&self, to: &mut Vec<u8>) {
        // What is asked for follows from the ports.
        let Self { recent, packets, bytes, fingerprint, flags, settled, dialogue, state, asking } = self;
        let said = if asking.is_guess() { REPLIED } else { DIALOGUE };
        (*recent, *packets, *bytes).store(to);
        (*fingerprint, *flags, *settled).store(to);
        (dialogue.map(|end| end & said), *state).store(to);
    }

    /// Of a flow whose ports say what owes an answer.
    pub(in crate::flow) fn load(from: &mut Load<'_>, asking: AnswerRule) -> Result<Self, Broken> {
        let (recent, packets, bytes) = from.get()?;
        let (fingerprint, flags, settled) = from.get()?;
        let (dialogue, state): ([u8; 2], u8) = from.get()?;
        let counts = Self { recent, packets, bytes, fingerprint, flags, settled, dialogue, state, asking };
        let has_only = |bytes: [u8; 2], bits: u8| (bytes[0] | bytes[1]) & !bits == 0;
        let is_sound =
            has_only(dialogue, DIALOGUE) && has_only(settled, SETTLED) && state & !(DISORDERED | REWRITTEN) == 0;
        from.expect(is_sound, "a flow has marks that are not known")?;
        Ok(counts)
    }

    /// The cold part without what waits only where a relation says so: that is a part of its own.
    pub(in crate::flow) fn store_cold(&self, cold: &Cold, to: &mut Vec<u8>) {
        match &cold.odd {
            Some(odd) if self.asking.is_guess() => {
                let none = Odd::default();
                let odd = Odd { one: none.one, more: None, ..Odd::clone(odd) };
                Cold { odd: Some(Box::new(odd)), ..cold.clone() }.store(to);
            }
            _ => cold.store(to),
        }
    }

    /// Of each end, whether it goes on with an exchange, and what waits only where a relation says so; none if nothing of it.
    pub(in crate::flow) fn transfer(&self, cold: &Cold) -> Option<[(bool, PendingReplies); 2]> {
        let waits = |side| match self.asking.is_guess() {
            true => self.trail(cold, side),
            false => PendingReplies::default(),
        };
        let ends = [0, 1].map(|side| (self.proceeds(side), waits(side)));
        ends.iter().any(|(proceeds, waits)| *proceeds || waits.len() > 0).then_some(ends)
    }

    /// Takes that, unless it does not fit the flow.
    pub(in crate::flow) fn set_transfer(&mut self, cold: &mut Cold, ends: [(bool, PendingReplies); 2]) -> bool {
        let fits = |side: usize| {
            let (proceeds, waits) = &ends[side];
            let sent = self.packets(cold, side) > 0;
            (sent || !proceeds) && waits.last().is_none_or(|owed| sent && owed.time <= self.last(cold, side))
        };
        let waiting = ends.iter().filter(|(_, waits)| waits.len() > 0).count();
        if !(fits(0) && fits(1)) || waiting > usize::from(self.asking.is_guess()) {
            return false;
        }
        for (side, (proceeds, waits)) in ends.into_iter().enumerate() {
            self.dialogue[side] |= if proceeds { PROCEEDS } else { 0 };
            self.hold(cold, side, waits);
        }
        true
    }

    /// When each end sent what may be an answer for the last time, if it announced since.
    pub(in crate::flow) fn replies_before(&self, cold: &Cold) -> [Option<Timestamp>; 2] {
        let is_before = |side: &usize| self.dialogue[*side] & (REPLIED | ANNOUNCED) == REPLIED | ANNOUNCED;
        [0, 1].map(|side| Some(side).filter(is_before).map(|side| self.last_reply(cold, side)))
    }

    /// Takes those, unless they do not fit the flow.
    pub(in crate::flow) fn set_replies_before(&mut self, cold: &mut Cold, replies: [Option<Timestamp>; 2]) -> bool {
        for (side, time) in replies.into_iter().enumerate() {
            let Some(time) = time else { continue };
            if !self.has_replied(side) || time >= self.last(cold, side) {
                return false;
            }
            self.dialogue[side] |= ANNOUNCED;
            cold.odd().replied[side] = time;
        }
        true
    }
}

stored!(Written { first, last });
stored!(Rare { high, payload, latest, arrived, written });

/// Without the last replies, which are a part of their own ([`Counts::replies_before`]).
impl Stored for Odd {
    fn store(&self, to: &mut Vec<u8>) {
        let Self { one, more, heads, rare, replied: _ } = self;
        one.store(to);
        more.store(to);
        heads.store(to);
        rare.store(to);
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (one, more, heads) = from.get()?;
        Ok(Self { one, more, heads, rare: from.get()?, ..Self::default() })
    }
}

/// Tags, or what TCP tells.
impl Stored for TransportState {
    fn store(&self, to: &mut Vec<u8>) {
        match self {
            Self::Tags(tags) => (0_u8, *tags).store(to),
            Self::Tcp(tcp) => {
                to.push(1);
                tcp.store(to);
            }
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        match from.get::<u8>()? {
            0 => from.get().map(Self::Tags),
            1 => from.get().map(Self::Tcp),
            _ => Err(from.wrong("a flow tells neither tags nor TCP")),
        }
    }
}

impl Stored for Cold {
    fn store(&self, to: &mut Vec<u8>) {
        // Its input is the section's.
        let Self { first, macs, conforms, told, duplicates, arrived, arrived_flags, .. } = self;
        let Self { syns, syn_acks, resets, violates, said, hops, sources: _, odd, .. } = self;
        (*first, *macs, *conforms).store(to);
        told.store(to);
        (*duplicates, *arrived, *arrived_flags).store(to);
        (*syns, *syn_acks, *resets).store(to);
        (*violates, said.map(|said| said & SAID), *hops).store(to);
        match odd {
            Some(odd) if !odd.holds_more_than_replies() => None::<Box<Odd>>.store(to),
            odd => odd.store(to),
        }
    }

    fn load(from: &mut Load<'_>) -> Result<Self, Broken> {
        let (first, macs, conforms) = from.get()?;
        let told = from.get()?;
        let (duplicates, arrived, arrived_flags) = from.get()?;
        let (syns, syn_acks, resets) = from.get()?;
        let (violates, mut said, hops): (_, [u8; 2], _) = from.get()?;
        from.expect((said[0] | said[1]) & !SAID == 0, "a flow has marks that are not known")?;
        let odd: Option<Box<Odd>> = from.get()?;
        if odd.as_ref().is_some_and(|odd| odd.rare.is_some()) {
            said[0] |= HAS_RARE;
        }
        Ok(Self {
            first,
            macs,
            conforms,
            told,
            duplicates,
            arrived,
            arrived_flags,
            syns,
            syn_acks,
            resets,
            violates,
            said,
            hops,
            sources: SourceSet::OWN,
            odd,
        })
    }
}
