//! What several connections of a flow did: of each kind the first and the latest.

use smallvec::SmallVec;

use super::{Heads, SynAnswer, TcpEvent, answer};
use crate::capture::{Moment, Shift, Timestamp};
use crate::decode::TcpFlags;

/// Sets that add in any order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::flow) struct Sets {
    /// The first of each kind, by when each was sent first.
    pub(super) deeds: [SmallVec<[(TcpEvent, Moment); 1]>; 2],
    /// The latest of each kind, by when each was sent last: the first and the last time that is known. What is among the first and
    /// was sent once is not repeated here.
    pub(super) latest: [Vec<(TcpEvent, [Timestamp; 2])>; 2],
    /// Beginnings of segments, when all is known.
    pub(super) heads: Option<Box<Heads>>,
}

impl Sets {
    /// Takes the numbers of a segment. Says whether it opens or accepts a connection that was not known.
    pub(super) fn numbers(
        &mut self,
        side: usize,
        flags: TcpFlags,
        [sequence, acknowledged]: [u32; 2],
        at: Moment,
    ) -> bool {
        let deed = if flags.is_syn() {
            TcpEvent::Open(sequence)
        } else if flags.is_syn_ack() {
            TcpEvent::Accept(sequence, acknowledged)
        } else if flags.has(TcpFlags::ACK) && !flags.has(TcpFlags::RST) && !self.is_told(side) {
            TcpEvent::Acknowledge(acknowledged)
        } else {
            return false;
        };
        self.put(side, deed, at) && !matches!(deed, TcpEvent::Acknowledge(_))
    }

    /// Adds a deed; whether it is new.
    pub(super) fn put(&mut self, side: usize, deed: TcpEvent, at: Moment) -> bool {
        self.add(side, deed, Some(at), [at.time; 2])
    }

    /// Adds a deed that was first sent at a moment, if that is known, and between two times; whether it is new.
    pub(super) fn add(
        &mut self,
        side: usize,
        deed: TcpEvent,
        first: Option<Moment>,
        [from, until]: [Timestamp; 2],
    ) -> bool {
        let (set, latest) = (&mut self.deeds[side], &mut self.latest[side]);
        let [most, most_latest] = deed.most();
        let known = set.binary_search_by_key(&deed, |(known, _)| *known);
        let known_latest = latest.binary_search_by_key(&deed, |(known, _)| *known);
        let (mut span, is_new) = ([from, until], known.is_err() && known_latest.is_err());
        let before = known.ok().map(|place| [set[place].1.time; 2]);
        for [from, until] in before.into_iter().chain(known_latest.ok().map(|place| latest[place].1)) {
            span = [span[0].min(from), span[1].max(until)];
        }
        match (known, first) {
            (Ok(place), Some(at)) => set[place].1 = at.min(set[place].1),
            (Err(place), Some(at)) => set.insert(place, (deed, at)),
            (_, None) => {}
        }
        let is_implied = (first.is_some() || known.is_ok()) && span[0] == span[1];
        match known_latest {
            Ok(place) if is_implied => drop(latest.remove(place)),
            Ok(place) => latest[place].1 = span,
            Err(place) if !is_implied && most_latest > 0 => latest.insert(place, (deed, span)),
            Err(_) => {}
        }
        let alike = || set.iter().filter(|(known, _)| known.is_like(&deed));
        if alike().count() > most
            && let Some((last, at)) = alike().max_by_key(|(deed, at)| (*at, *deed)).copied()
        {
            set.retain(|(known, _)| *known != last);
            if let Err(place) = latest.binary_search_by_key(&last, |(known, _)| *known)
                && most_latest > 0
            {
                latest.insert(place, (last, [at.time; 2]));
            }
        }
        self.keep_latest(side, deed);
        is_new
    }

    /// Lets go of what is not among the latest of its kind.
    fn keep_latest(&mut self, side: usize, like: TcpEvent) {
        let most = like.most()[1];
        if !self.latest[side].iter().any(|(deed, _)| deed.is_like(&like)) {
            return;
        }
        let times = self.times(side).filter(|(deed, _)| deed.is_like(&like));
        let mut times: SmallVec<[(Timestamp, TcpEvent); 32]> = times.map(|(deed, [_, last])| (last, deed)).collect();
        if let Some(beyond) = times.len().checked_sub(most + 1) {
            let last = *times.select_nth_unstable(beyond).1;
            self.latest[side].retain(|(deed, [_, until])| !deed.is_like(&like) || (*until, *deed) > last);
        }
    }

    /// Whether further acknowledgments of a direction would change nothing: the connection opened last is known to be
    /// accepted, or later ones are not among the earliest.
    pub(super) fn is_told(&self, side: usize) -> bool {
        let acknowledged = self.deeds(side).filter(|deed| matches!(deed, TcpEvent::Acknowledge(_))).count();
        acknowledged >= TcpEvent::Acknowledge(0).most()[0]
            || self.latest_is_accepted(side)
            || self.latest_is_accepted(1 - side)
    }

    /// Whether the connection that `side` opened last was accepted.
    fn latest_is_accepted(&self, side: usize) -> bool {
        let opened = self.times(side).filter(|(deed, _)| matches!(deed, TcpEvent::Open(_)));
        let latest = opened.max_by_key(|(_, [first, _])| *first).map(|(deed, _)| deed);
        matches!(latest, Some(TcpEvent::Open(sequence)) if self.is_accepted(side, sequence))
    }

    fn is_accepted(&self, side: usize, sequence: u32) -> bool {
        let next = sequence.wrapping_add(1);
        self.deeds(1 - side).any(|deed| matches!(deed, TcpEvent::Accept(_, acknowledged) if acknowledged == next))
    }

    /// Where the streams of a direction begin: behind each SYN or SYN-ACK.
    pub(super) fn beginnings(&self, side: usize) -> impl Iterator<Item = u32> + '_ {
        self.deeds(side).filter_map(|deed| match deed {
            TcpEvent::Open(sequence) | TcpEvent::Accept(sequence, _) => Some(sequence.wrapping_add(1)),
            TcpEvent::Acknowledge(_) | TcpEvent::Conform(_) | TcpEvent::Finish(..) | TcpEvent::Unkept => None,
        })
    }

    /// Where both streams begin, if the flow is one connection that was accepted.
    pub(super) fn only_connection(&self) -> Option<[u32; 2]> {
        let mut begins = [0, 1].map(|side| self.beginnings(side));
        let (Some(a), Some(b)) = (begins[0].next(), begins[1].next()) else { return None };
        let is_only = begins.iter_mut().all(|more| more.next().is_none());
        (is_only && (0..2).any(|side| self.latest_is_accepted(side))).then_some([a, b])
    }

    /// Whether the other end's numbers fit a SYN of `side`, which sent `bytes`.
    pub(super) fn answer(&self, side: usize, bytes: u64) -> SynAnswer {
        answer(self.deeds(side), self.deeds(1 - side), bytes)
    }

    /// What a direction did for connections, each once.
    pub(super) fn deeds(&self, side: usize) -> impl Iterator<Item = TcpEvent> + Clone + '_ {
        self.times(side).map(|(deed, _)| deed)
    }

    /// The same with the first and the last time that is known of each.
    pub(super) fn times(&self, side: usize) -> impl Iterator<Item = (TcpEvent, [Timestamp; 2])> + Clone + '_ {
        let (set, latest) = (&self.deeds[side], &self.latest[side]);
        let span =
            |deed: &TcpEvent| latest.binary_search_by_key(deed, |(known, _)| *known).map(|place| latest[place].1);
        let is_late = |(deed, _): &&(TcpEvent, _)| set.binary_search_by_key(deed, |(known, _)| *known).is_err();
        let first = set.iter().map(move |(deed, at)| (*deed, span(deed).unwrap_or([at.time; 2])));
        first.chain(latest.iter().filter(is_late).copied())
    }

    /// From when on all of a kind are kept, where some of it may not be.
    pub(super) fn kept_since(&self, side: usize, like: TcpEvent) -> Option<Timestamp> {
        let most = like.most();
        let latest = || self.latest[side].iter().filter(|(deed, _)| deed.is_like(&like));
        let first = self.deeds[side].iter().filter(|(deed, _)| deed.is_like(&like)).count();
        match () {
            () if self.deeds[side].iter().any(|(deed, _)| *deed == TcpEvent::Unkept) => Some(Moment::NEVER.time),
            () if first < most[0] || latest().count() < most[1] => None,
            () => latest().map(|(_, [_, last])| *last).min(),
        }
    }

    /// How many connections `side` opened that were accepted.
    pub(super) fn accepted(&self, side: usize) -> usize {
        let accepted = |deed: &TcpEvent| matches!(deed, TcpEvent::Open(sequence) if self.is_accepted(side, *sequence));
        self.deeds(side).filter(accepted).count()
    }

    /// Adds what another part knows of the same flow.
    pub(super) fn absorb(&mut self, other: &Self) {
        for side in 0..2 {
            for (deed, span) in other.times(side) {
                let set = &other.deeds[side];
                let first = set.binary_search_by_key(&deed, |(known, _)| *known).ok().map(|place| set[place].1);
                self.add(side, deed, first, span);
            }
        }
    }

    pub(super) fn shift(&mut self, shift: Shift) {
        self.deeds.iter_mut().flatten().for_each(|(_, at)| *at = at.shifted(shift));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::FrameId;

    proptest! {
        /// Connections one behind the other, each SYN sent some times, dealt out to parts in any way.
        #[test]
        fn parts_add_up_in_any_order(
            tries in prop::collection::vec((any::<u32>(), prop::collection::vec((0..9_i64, 0..3_usize), 1..4)), 0..60),
            order in Just([0_usize, 1, 2]).prop_shuffle(),
        ) {
            let (mut whole, mut parts) = (Sets::default(), [Sets::default(), Sets::default(), Sets::default()]);
            let mut frame = 0;
            for (connection, (sequence, sent)) in (0..).zip(&tries) {
                for (late, part) in sent {
                    frame += 1;
                    let at = Moment { time: Timestamp::from_nanos(10 * connection + late), frame: FrameId::new(0, frame) };
                    for deed in [TcpEvent::Open(*sequence), TcpEvent::Finish(*sequence, 0)] {
                        whole.put(0, deed, at);
                        parts[*part].put(0, deed, at);
                    }
                }
            }
            let mut sum = Sets::default();
            order.iter().for_each(|part| sum.absorb(&parts[*part]));
            prop_assert_eq!(sum, whole);
        }
    }
}
