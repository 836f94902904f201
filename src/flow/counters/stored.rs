//! What states hold of a flow.

use super::cold::{Cold, ColdExtras, HAS_RARE, IS_SHORTENED, RareFacts, TransportState, Written};
use super::{ANNOUNCED, ASKED, Counts, DISORDERED, HELD, MORE, PROCEEDS, REPLIED, REWRITTEN, WAITS};
use crate::capture::Timestamp;
use crate::flow::pending::{PendingReplies, PendingReply};
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
        let said = match (asking.is_guess(), self.both_wait()) {
            (true, _) => REPLIED,
            (_, true) => ASKED | REPLIED,
            _ => DIALOGUE,
        };
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

    const fn both_wait(&self) -> bool {
        self.dialogue[0] & self.dialogue[1] & WAITS != 0
    }

    /// The cold part without what waits only where a relation says so, or at both ends: these are parts of their own.
    pub(in crate::flow) fn store_cold(&self, cold: &Cold, to: &mut Vec<u8>) {
        let is_apart = self.asking.is_guess() || self.both_wait();
        cold.store((!is_apart).then_some(self.who_waits()), to);
    }

    /// The other part of [`Counts::load`].
    pub(in crate::flow) fn load_cold(&self, from: &mut Load<'_>) -> Result<Cold, Broken> {
        Cold::load(from, self.who_waits())
    }

    /// The end that waits, where one does.
    fn who_waits(&self) -> usize {
        usize::from(self.dialogue[1] & HELD != 0)
    }

    /// What waits for an answer where both ends wait.
    pub(in crate::flow) fn waits_of_both(&self, cold: &Cold) -> Option<[PendingReplies; 2]> {
        self.both_wait().then(|| [0, 1].map(|side| self.trail(cold, side)))
    }

    /// Takes that, unless it does not fit the flow.
    pub(in crate::flow) fn set_waits_of_both(&mut self, cold: &mut Cold, ends: [PendingReplies; 2]) -> bool {
        let fits = |side: usize| ends[side].last().is_some_and(|owed| self.can_wait(cold, side, owed));
        if !(fits(0) && fits(1)) || (self.dialogue[0] | self.dialogue[1]) & WAITS != 0 {
            return false;
        }
        for (side, waits) in ends.into_iter().enumerate() {
            self.hold(cold, side, waits);
        }
        true
    }

    pub(super) fn can_wait(&self, cold: &Cold, side: usize, owed: PendingReply) -> bool {
        self.packets(cold, side) > 0 && owed.time <= self.last(cold, side)
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
            (sent || !proceeds) && waits.last().is_none_or(|owed| self.can_wait(cold, side, owed))
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
stored!(RareFacts { high, payload, latest, arrived, written });

impl ColdExtras {
    /// What the end `side` waits for, if any is told here, and what else is odd, but for the last replies
    /// ([`Counts::replies_before`]) and repetitions ([`Counts::repetitions`]).
    fn store(&self, side: Option<usize>, to: &mut Vec<u8>) {
        let Self { one, more, heads, rare, replied: _, repeated: _ } = self;
        let (one, more) = side.map_or((PendingReply::default(), &None), |side| (one[side], &more[side]));
        let is_empty = one == PendingReply::default() && more.is_none() && heads.is_none() && rare.is_none();
        (!is_empty).store(to);
        if !is_empty {
            one.store(to);
            more.store(to);
            heads.store(to);
            rare.store(to);
        }
    }

    fn load(from: &mut Load<'_>, side: usize) -> Result<Self, Broken> {
        let mut odd = Self::default();
        (odd.one[side], odd.more[side]) = from.get()?;
        (odd.heads, odd.rare) = from.get()?;
        Ok(odd)
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

impl Cold {
    fn store(&self, waiting: Option<usize>, to: &mut Vec<u8>) {
        // Its input is the section's.
        let Self { first, macs, conforms, told, duplicates, arrived, arrived_flags, .. } = self;
        let Self { syns, syn_acks, resets, violates, said, hops, sources: _, odd, .. } = self;
        (*first, *macs, *conforms).store(to);
        told.store(to);
        (*duplicates, *arrived, *arrived_flags).store(to);
        (*syns, *syn_acks, *resets).store(to);
        (*violates, said.map(|said| said & SAID), *hops).store(to);
        match odd {
            Some(odd) => odd.store(waiting, to),
            None => false.store(to),
        }
    }

    fn load(from: &mut Load<'_>, waiting: usize) -> Result<Self, Broken> {
        let (first, macs, conforms) = from.get()?;
        let told = from.get()?;
        let (duplicates, arrived, arrived_flags) = from.get()?;
        let (syns, syn_acks, resets) = from.get()?;
        let (violates, mut said, hops): (_, [u8; 2], _) = from.get()?;
        from.expect((said[0] | said[1]) & !SAID == 0, "a flow has marks that are not known")?;
        let odd = if from.get()? { Some(Box::new(ColdExtras::load(from, waiting)?)) } else { None };
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
