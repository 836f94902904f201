//! How observations add up, and what becomes of them when nothing more is added.

use std::net::IpAddr;

use super::{Observation, Observed, UDP, measured, place, wide};
use crate::capture::Shift;
use crate::flow::key::{Key4, Key6, VlanCode};
use crate::flow::limit::Overflow;
use crate::flow::{FlowView, Flows};

/// Nanoseconds from which disorder counts: so much of TCP's tells no loss anyhow (tshark's default).
const DISORDER: u64 = 3_000_000;

impl Observation {
    /// Whether frames of the own input that were observed for themselves have the effective times that they have behind
    /// these. Otherwise they must be observed again, in one go or [`Self::continuing`].
    pub fn is_followed_by(&self, next: &Self) -> bool {
        self.tally().clock.is_followed_by(&next.tally().clock)
    }

    /// How often an input, or an interface of it, began anew before where it ended.
    pub fn beginnings(&self, input: u32) -> u32 {
        self.find_tally(input).map_or(0, |at| self.tallies[at].1.clock.beginnings)
    }

    /// Whether frames of an input lie so far out of order that what hangs on it differs.
    pub fn is_disordered(&self, input: u32) -> bool {
        self.find_tally(input).is_ok_and(|at| self.tallies[at].1.clock.longest_backward >= DISORDER)
    }

    /// Adds another observation, which comes later by position; `shift` puts its frame numbers right.
    pub fn absorb(&mut self, other: Self, shift: Shift) {
        let vlans = (&mut self.vlans, &other.vlans);
        self.v4.absorb(&other.v4, shift, vlans, (&mut self.sources, &other.sources));
        let vlans = (&mut self.vlans, &other.vlans);
        self.v6.absorb(&other.v6, shift, vlans, (&mut self.sources, &other.sources));
        self.health.absorb(&other.health);
        self.fragments.absorb(other.fragments, shift);
        for (input, tally) in other.tallies {
            match self.find_tally(input) {
                Ok(at) => self.tallies[at].1.absorb(tally),
                Err(at) => self.tallies.insert(at, (input, tally)),
            }
        }
        self.other_frames.absorb(other.other_frames);
        self.neighbours.absorb(other.neighbours, shift);
        self.side.absorb(other.side, shift);
    }

    /// Where the tally of an input is, or would be: the own one stands first, the others behind it, ascending.
    fn find_tally(&self, input: u32) -> Result<usize, usize> {
        match &self.tallies[..] {
            [(own, _), ..] if *own == input => Ok(0),
            [_, others @ ..] => {
                others.binary_search_by_key(&input, |(known, _)| *known).map(|at| at + 1).map_err(|at| at + 1)
            }
            [] => Err(0),
        }
    }

    /// Folds each flow that `client` names the client's end (0 or 1) of: idle ones, with ports, between two
    /// addresses. See [`crate::flow::FlowView::folded`].
    pub fn fold(&mut self, client: impl Fn(&FlowView<'_>) -> Option<usize>) {
        self.v4.fold(&self.vlans, &mut self.sources, &client);
        self.v6.fold(&self.vlans, &mut self.sources, &client);
    }

    /// Puts fragments to their flows and hands everything over.
    pub fn finish(mut self) -> Observed {
        for (_, tally) in &mut self.tallies {
            tally.close();
        }
        self.v4.keep_to_limit();
        self.v6.keep_to_limit();
        if !(self.v4.is_whole() && self.v6.is_whole()) {
            let (v4, v6) = (&self.v4, &self.v6);
            self.side.keep_streams(|(_, (source, from), (destination, to))| match (source, destination) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    v4.admits(&Key4::new(((*a).into(), *from), ((*b).into(), *to), UDP, VlanCode::UNTAGGED).0)
                }
                (a, b) => v6.admits(&Key6::new((wide(*a), *from), (wide(*b), *to), UDP, VlanCode::UNTAGGED).0),
            });
        }
        let fragments_turned_away = self.fragments.turned_away;
        let (v4, v6, vlans) = (&mut self.v4, &mut self.v6, &mut self.vlans);
        let orphan_fragments = self.fragments.resolve(|datagram, rest| {
            let vlan = vlans.encode(&datagram.vlan);
            let (protocol, (from, to)) = (datagram.protocol, rest.ports);
            match (datagram.source, datagram.destination) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => {
                    let (key, side) = Key4::new((source.into(), from), (destination.into(), to), protocol, vlan);
                    place(v4, key, side, rest)
                }
                (source, destination) => {
                    let (key, side) = Key6::new((wide(source), from), (wide(destination), to), protocol, vlan);
                    place(v6, key, side, rest)
                }
            }
        });
        self.v4.settle();
        self.v6.settle();
        let overflow = Overflow {
            packets: self.v4.overflow.packets + self.v6.overflow.packets,
            bytes: self.v4.overflow.bytes + self.v6.overflow.bytes,
        };
        let vlan_names_full = self.vlans.is_full();
        let mut health = self.health.finish();
        if self.measures_health {
            measured::dhcp(&self.side, &mut health);
        }
        Observed {
            flows: Flows::from_tables(self.v4, self.v6, self.vlans, self.sources),
            tallies: self.tallies.into_iter().collect(),
            other_frames: self.other_frames,
            neighbours: self.neighbours,
            side: self.side,
            health,
            overflow,
            orphan_fragments,
            fragments_turned_away,
            vlan_names_full,
        }
    }
}
