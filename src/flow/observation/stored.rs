//! What states hold of the flow tables, and of all that was observed of one input.

use std::io::{self, Write};

use rayon::prelude::*;

use super::{Limits, Observation};
use crate::flow::SideEvidence;
use crate::flow::counters::{Cold, Counts, Hot};
use crate::flow::fragment::Fragments;
use crate::flow::key::{Key, Seed, VlanNames};
use crate::flow::limit::Overflow;
use crate::flow::neighbour::Neighbours;
use crate::flow::questions::Questions;
use crate::flow::sources::SourceSets;
use crate::flow::table::Table;
use crate::flow::tally::{Amount, OtherFrames, Tally};
use crate::health::{Rhythms, Watch};
use crate::protocol::{AnswerRule, Transport};
use crate::state::{Broken, Load, Packer, Stored, store_list, store_map, stored};

/// No input has more frames or bytes: sums over all inputs of a run cannot run over.
const MOST: Amount = Amount { frames: 1 << 40, bytes: 1 << 46 };
/// More tunnels than are taken off of one frame.
const NESTED: u64 = 64;
/// The number of the part that holds what was said of links.
const LINK: u8 = 1;
/// The number of the part that holds how soon questions were answered.
const HEALTH: u8 = 2;
/// The number of the part that holds when senders were heard.
const RHYTHMS: u8 = 3;
/// The number of the part that holds how much each device answered at which time.
const LOADS: u8 = 4;
/// The number of the part that holds how many files ended.
const ENDS: u8 = 5;
/// The number of the part that holds what TFTP's ERRORs said.
const TFTP_ERRORS: u8 = 6;
/// The number of the part that holds when ends that announced since had replied.
const REPLIES: u8 = 7;
/// The number of the part that holds who speaks for addresses.
const CLAIMS: u8 = 8;
/// The number of the part that holds which addresses DHCP servers refused, and clients declined.
const REFUSALS: u8 = 9;
/// The number of the part that holds what TFTP transfers wait for.
const TRANSFERS: u8 = 10;
/// The number of the part that holds what waits where both ends of a flow wait.
const WAITS: u8 = 11;
/// The number of the part that holds what ends sent again.
const REPEATED: u8 = 12;
/// The number of the part that holds which questions were missed, and what was sent again in vain.
const MISSED: u8 = 13;
/// The number of the part that holds which questions wait behind others, and for which answers.
const AWAY: u8 = 14;
/// Who last asked for which address by ARP or neighbour discovery.
const ASKED: u8 = 15;
/// The number of the part that holds who was asked for by neighbour solicitations.
const SOUGHT: u8 = 16;
/// The number of the part that holds what the latest of many connections on two ports did, and what was sent again.
const LATEST: u8 = 17;
/// Flows of an address family in a state at most.
const MOST_FLOWS: usize = u32::MAX as usize >> 2;
/// Bytes of a flow at least.
const LEAST: usize = 80;

stored!(Overflow { packets, bytes });

impl<K: Key> Table<K> {
    /// So many records are on their way at once.
    const STORED_AHEAD: usize = 8;

    /// The flows in the order of their keys: whatever the threads, the same bytes.
    fn store(&self, to: &mut Packer<impl Write>) -> io::Result<()> {
        self.ceiling.store(to.body());
        self.overflow.store(to.body());
        (self.len() as u64).store(to.body());
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let key = |number: &u32| self.hot[*number as usize].key;
        match rayon::current_thread_index() {
            Some(_) => order.par_sort_unstable_by_key(key),
            None => order.sort_unstable_by_key(key),
        }
        for (place, number) in order.iter().enumerate() {
            if let Some(soon) = order.get(place + Self::STORED_AHEAD) {
                self.prefetch_record(*soon as usize);
            }
            let (hot, cold) = (&self.hot[*number as usize], &self.cold[*number as usize]);
            hot.key.store(to.body());
            hot.counts.store(to.body());
            hot.counts.store_cold(cold, to.body());
            to.flush()?;
        }
        Ok(())
    }

    /// Adds to `sum` what its flows were counted to, and what found no place.
    fn load(
        from: &mut Load<'_>,
        (seed, limit): (Seed, usize),
        vlans: &VlanNames,
        sum: &mut Amount,
    ) -> Result<Self, Broken> {
        let mut table = Self::new(seed, limit);
        let mut others = Self::new(seed, limit);
        (others.ceiling, others.overflow) = from.get()?;
        sum.frames = sum.frames.saturating_add(others.overflow.packets);
        sum.bytes = sum.bytes.saturating_add(others.overflow.bytes);
        let length = from.length(MOST_FLOWS, "there are too many flows")?;
        table.make_room(from.at_most(length, LEAST));
        let mut last: Option<K> = None;
        for _ in 0..length {
            let key: K = from.get()?;
            from.expect(last.is_none_or(|last| last < key), "flows are not in their order")?;
            from.expect(!vlans.lacks(key.vlan()), "a flow has a VLAN path that is not there")?;
            last = Some(key);
            let asking = AnswerRule::of(Transport::from(key.protocol()), key.ends().map(|end| end.1));
            let record = Hot { key, counts: Counts::load(from, asking)? };
            let cold = record.counts.load_cold(from)?;
            for side in 0..2 {
                sum.frames = sum.frames.saturating_add(record.counts.packets(&cold, side));
                sum.bytes = sum.bytes.saturating_add(record.counts.bytes(&cold, side));
            }
            table.push(record, cold);
        }
        table.index_anew();
        table.turn_away_with(&others);
        Ok(table)
    }

    /// The flows of which something is told that few have, with that, in the order of their keys.
    fn each<T>(&self, told: impl Fn(&Counts, &Cold) -> Option<T>) -> Vec<(K, T)> {
        let all = self.hot.iter().zip(&self.cold).map(|(hot, cold)| Some((hot.key, told(&hot.counts, cold)?)));
        let mut all: Vec<_> = all.flatten().collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Hands what a part holds of flows to each, which says whether it fits.
    fn load_each<T: Stored>(
        &mut self,
        from: &mut Load<'_>,
        take: impl Fn(&mut Counts, &mut Cold, T) -> bool,
    ) -> Result<(), Broken> {
        for _ in 0..from.length(MOST_FLOWS, "there are too many flows")? {
            let (key, told): (K, T) = from.get()?;
            // Where the limit is lower now, it found no place.
            let Some((counts, cold)) = self.find(key) else { continue };
            from.expect(take(counts, cold, told), "what is told of a flow does not fit it")?;
        }
        Ok(())
    }
}

impl Observation {
    /// Whether it is of one input only: what a state holds as one section.
    fn is_of_one(&self) -> bool {
        self.tallies.len() == 1 && self.sources.is_one()
    }

    /// Stores what was observed of one input, before anything of it is settled. Nothing must have been folded.
    ///
    /// # Errors
    /// Those of the output.
    pub fn store(&self, to: &mut Packer<impl Write>) -> io::Result<()> {
        debug_assert!(self.is_of_one() && self.v4.folded.is_empty() && self.v6.folded.is_empty());
        let Self {
            v4,
            v6,
            vlans,
            sources: _,
            fragments,
            tallies,
            other_frames,
            neighbours,
            side,
            health,
            measures_health: _,
        } = self;
        tallies[0].1.store(to.body());
        vlans.store(to.body());
        other_frames.store(to.body());
        neighbours.store(to.body());
        side.store(to.body());
        fragments.store(to.body());
        v4.store(to)?;
        v6.store(to)?;
        if !side.link.is_empty() {
            to.body().push(LINK);
            side.link.store(to.body());
        }
        if !(health.v4.is_empty() && health.v6.is_empty()) {
            to.body().push(HEALTH);
            health.v4.store(to.body());
            health.v6.store(to.body());
        }
        if !health.rhythms.is_empty() {
            to.body().push(RHYTHMS);
            health.rhythms.store(to.body());
        }
        if health.v4.has_loads() || health.v6.has_loads() {
            to.body().push(LOADS);
            health.v4.store_loads(to.body());
            health.v6.store_loads(to.body());
        }
        if health.v4.has_ends() || health.v6.has_ends() {
            to.body().push(ENDS);
            health.v4.store_ends(to.body());
            health.v6.store_ends(to.body());
        }
        if !side.is_without_tftp_errors() {
            to.body().push(TFTP_ERRORS);
            side.store_tftp_errors(to.body());
        }
        let replies =
            |counts: &Counts, cold: &Cold| Some(counts.replies_before(cold)).filter(|both| *both != [None; 2]);
        self.store_each(REPLIES, replies, to);
        if !side.claims.is_empty() {
            to.body().push(CLAIMS);
            side.claims.store(to.body());
        }
        if side.refusals().len() > 0 {
            to.body().push(REFUSALS);
            side.store_refusals(to.body());
        }
        self.store_each(TRANSFERS, Counts::transfer, to);
        self.store_each(WAITS, Counts::waits_of_both, to);
        self.store_each(REPEATED, Counts::repetitions, to);
        if health.v4.has_missed() || health.v6.has_missed() {
            to.body().push(MISSED);
            health.v4.store_missed(to.body());
            health.v6.store_missed(to.body());
        }
        if health.v4.has_kept() || health.v6.has_kept() {
            to.body().push(AWAY);
            health.v4.store_kept(to.body());
            health.v6.store_kept(to.body());
        }
        if !neighbours.asked.is_empty() {
            to.body().push(ASKED);
            store_map(&neighbours.asked, to.body());
        }
        if side.claims.all_sought().len() > 0 {
            to.body().push(SOUGHT);
            side.claims.store_sought(to.body());
        }
        self.store_each(LATEST, |_, cold| cold.tcp().latest(), to);
        to.flush()
    }

    /// Stores a part of what is told of few flows, if there is any.
    fn store_each<T: Stored>(&self, part: u8, told: impl Fn(&Counts, &Cold) -> Option<T>, to: &mut Packer<impl Write>) {
        let (v4, v6) = (self.v4.each(&told), self.v6.each(&told));
        if !(v4.is_empty() && v6.is_empty()) {
            to.body().push(part);
            store_list(v4.iter(), to.body());
            store_list(v6.iter(), to.body());
        }
    }

    /// Loads what was observed as that of `input`.
    ///
    /// # Errors
    /// [`Broken`] where it is none that was stored.
    pub(crate) fn load(from: &mut Load<'_>, seed: Seed, limits: Limits) -> Result<Self, Broken> {
        let input = from.input;
        let tally: Tally = from.get()?;
        let vlans: VlanNames = from.get()?;
        let (other_frames, mut neighbours, mut side): (_, Neighbours, SideEvidence) = from.get()?;
        let fragments = Fragments::load(from, limits.fragments)?;
        let mut counted = Amount::default();
        let mut v4 = Table::load(from, (seed, limits.flows), &vlans, &mut counted)?;
        let mut v6 = Table::load(from, (seed, limits.flows), &vlans, &mut counted)?;
        // Version 1 ends here; later ones have parts behind it, each behind its number.
        let mut health = Questions::new(input);
        let mut last = 0;
        while from.has_more()? {
            let part: u8 = from.get()?;
            from.expect(part > last, "parts are not in their order")?;
            last = part;
            match part {
                LINK => side.link = from.get()?,
                HEALTH => (health.v4, health.v6) = (Watch::load(from)?, Watch::load(from)?),
                RHYTHMS => health.rhythms = Rhythms::load(from)?,
                LOADS => {
                    health.v4.load_loads(from)?;
                    health.v6.load_loads(from)?;
                }
                ENDS => {
                    health.v4.load_ends(from)?;
                    health.v6.load_ends(from)?;
                }
                TFTP_ERRORS => side.load_tftp_errors(from)?,
                REPLIES => {
                    v4.load_each(from, Counts::set_replies_before)?;
                    v6.load_each(from, Counts::set_replies_before)?;
                }
                CLAIMS => side.claims = from.get()?,
                REFUSALS => side.load_refusals(from)?,
                TRANSFERS => {
                    v4.load_each(from, Counts::set_transfer)?;
                    v6.load_each(from, Counts::set_transfer)?;
                }
                WAITS => {
                    v4.load_each(from, Counts::set_waits_of_both)?;
                    v6.load_each(from, Counts::set_waits_of_both)?;
                }
                REPEATED => {
                    v4.load_each(from, Counts::set_repetitions)?;
                    v6.load_each(from, Counts::set_repetitions)?;
                }
                MISSED => {
                    health.v4.load_missed(from)?;
                    health.v6.load_missed(from)?;
                }
                AWAY => {
                    health.v4.load_kept(from)?;
                    health.v6.load_kept(from)?;
                }
                ASKED => {
                    neighbours.asked = from.map(Neighbours::LIMIT, "there are too many who asked on their link")?
                }
                SOUGHT => side.claims.load_sought(from)?,
                LATEST => {
                    v4.load_each(from, |_, cold, latest| cold.set_latest(latest))?;
                    v6.load_each(from, |_, cold, latest| cold.set_latest(latest))?;
                }
                _ => return Err(from.wrong("there is a part that is not known")),
            }
        }
        if side.claims.is_empty() {
            for (address, mac, seen) in neighbours.claims() {
                side.claims.add_earlier(address, mac, seen.window());
            }
        }
        let observation = Self {
            v4,
            v6,
            vlans,
            sources: SourceSets::new(input),
            fragments,
            tallies: vec![(input, tally)],
            other_frames,
            neighbours,
            side,
            health,
            measures_health: limits.health,
        };
        from.expect(observation.adds_up(counted), "more was counted than there were frames")?;
        Ok(observation)
    }

    /// Whether no count exceeds the number of frames or bytes, so that no sum overflows.
    fn adds_up(&self, in_flows: Amount) -> bool {
        let tally = &self.tallies[0].1;
        let all = Amount { frames: tally.frames.min(MOST.frames + 1), bytes: tally.wire_bytes.min(MOST.bytes + 1) };
        let fits = |sum: Amount, most: Amount| sum.frames <= most.frames && sum.bytes <= most.bytes;
        let sum = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0, u64::saturating_add);
        let amounts = |amounts: &mut dyn Iterator<Item = Amount>| {
            amounts.fold(Amount::default(), |sum, one| Amount {
                frames: sum.frames.saturating_add(one.frames),
                bytes: sum.bytes.saturating_add(one.bytes),
            })
        };
        let OtherFrames { stopped, non_ip, encapsulations, encapsulations_turned_away, icmp_errors } =
            &self.other_frames;
        let Tally { captured_bytes, cut, unread, clock, link_types, .. } = tally;
        let seen =
            self.neighbours.claims().map(|(.., seen)| seen).chain(self.neighbours.questions().map(|(_, seen)| seen));
        // A frame has a header of each tunnel, and an ARP packet claims one address and asks for another.
        let outer = Amount { frames: NESTED * all.frames, bytes: NESTED * all.bytes };
        let turned_away = self.fragments.turned_away;
        fits(all, MOST)
            && *captured_bytes <= MOST.bytes
            && [*cut, *unread, clock.untimed, clock.backward_steps].iter().all(|count| *count <= all.frames)
            && sum(&mut link_types.values().copied()) <= all.frames
            && sum(&mut stopped.values().copied()) <= all.frames
            && fits(amounts(&mut non_ip.values().copied()), all)
            && fits(amounts(&mut encapsulations.values().copied()), outer)
            && *encapsulations_turned_away <= outer.frames
            && fits(*icmp_errors, all)
            && sum(&mut seen.map(|seen| seen.packets)) <= 2 * all.frames
            && self.neighbours.turned_away <= 2 * all.frames
            && fits(Amount { frames: turned_away.packets, bytes: turned_away.bytes }, all)
            && fits(in_flows, all)
    }
}
