//! Which flows and neighbours speak of which address: sorted by address, so that each host's are together, hosts
//! are numbered in the order of their addresses whatever the flows' order, no hash table is needed that strangers
//! could flood, and all threads work on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use rayon::prelude::*;

use crate::flow::Flows;

/// One thing that speaks of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mention {
    /// An end (0 or 1) of a flow.
    Flow { place: u32, end: u8 },
    /// A position in the list of neighbours.
    Neighbour(usize),
}

/// A mention as a number: flow ends first (place times two plus end), then neighbours.
type Code = u32;

/// All mentions, by address.
pub(super) struct Mentions {
    /// Address in the upper half, code in the lower: such words sort several times as fast as addresses.
    v4: Vec<u64>,
    v6: Vec<(u128, Code)>,
    /// Where each host's mentions begin, and at the end where the last one's end.
    v4_starts: Vec<u32>,
    v6_starts: Vec<u32>,
    flow_ends: Code,
}

impl Mentions {
    pub(super) fn of(flows: &Flows, neighbours: &[(IpAddr, impl Sync)]) -> Self {
        // The table's limit leaves room: there are fewer than 2^31 flows.
        let flow_ends = flows.len() as u32 * 2;
        let coded = |(address, code): (IpAddr, Code)| match address {
            IpAddr::V4(v4) => (Some(u64::from(v4.to_bits()) << 32 | u64::from(code)), None),
            IpAddr::V6(v6) => (None, Some((v6.to_bits(), code))),
        };
        let of_flow = |place: u32| {
            let [a, b] = flows.addresses(place);
            [(a, place * 2), (b, place * 2 + 1)].map(coded)
        };
        let of_neighbours = neighbours.iter().zip(flow_ends..).map(|((address, _), code)| coded((*address, code)));
        let mut v4: Vec<u64> =
            flows.places().into_par_iter().flat_map_iter(of_flow).filter_map(|both| both.0).collect();
        v4.extend(of_neighbours.clone().filter_map(|both| both.0));
        v4.par_sort_unstable();
        let mut v6: Vec<(u128, Code)> =
            flows.places().into_par_iter().flat_map_iter(of_flow).filter_map(|both| both.1).collect();
        v6.extend(of_neighbours.filter_map(|both| both.1));
        v6.par_sort_unstable();
        let v4_starts = starts(&v4, |mention| mention >> 32);
        let v6_starts = starts(&v6, |mention| mention.0);
        Self { v4, v6, v4_starts, v6_starts, flow_ends }
    }

    /// How many different addresses there are.
    pub(super) fn hosts(&self) -> usize {
        self.v4_starts.len() + self.v6_starts.len() - 2
    }

    /// A host's address and what speaks of it. `soon` is told which flow's turn comes [`Flows::AHEAD`] mentions later,
    /// perhaps with another host.
    pub(super) fn of_host<'a>(
        &'a self,
        number: usize,
        soon: impl Fn(u32) + 'a,
    ) -> (IpAddr, impl Iterator<Item = Mention> + 'a) {
        let (v4, v6) = match number.checked_sub(self.v4_starts.len() - 1) {
            None => (range(&self.v4_starts, number), 0..0),
            Some(number) => (0..0, range(&self.v6_starts, number)),
        };
        let address = match (self.v4.get(v4.start), self.v6.get(v6.start)) {
            (Some(mention), _) if !v4.is_empty() => Ipv4Addr::from((mention >> 32) as u32).into(),
            (_, Some((address, _))) if !v6.is_empty() => Ipv6Addr::from(*address).into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        let v4 = v4.map(|at| (self.v4.get(at + Flows::AHEAD).map(|mention| *mention as u32), self.v4[at] as u32));
        let v6 = v6.map(|at| (self.v6.get(at + Flows::AHEAD).map(|mention| mention.1), self.v6[at].1));
        let mentions = v4.chain(v6).map(move |(later, code)| {
            if let Some(Mention::Flow { place, .. }) = later.map(|code| self.decode(code)) {
                soon(place);
            }
            self.decode(code)
        });
        (address, mentions)
    }

    fn decode(&self, code: Code) -> Mention {
        match code.checked_sub(self.flow_ends) {
            None => Mention::Flow { place: code / 2, end: (code % 2) as u8 },
            Some(at) => Mention::Neighbour(at as usize),
        }
    }
}

fn range(starts: &[u32], number: usize) -> Range<usize> {
    starts[number] as usize..starts[number + 1] as usize
}

/// Where runs of equal keys begin in a sorted list, and its length.
fn starts<T, K: PartialEq>(sorted: &[T], key: impl Fn(&T) -> K) -> Vec<u32> {
    let mut starts = Vec::new();
    let mut at = 0;
    for run in sorted.chunk_by(|a, b| key(a) == key(b)) {
        starts.push(at);
        at += run.len() as u32;
    }
    starts.push(at);
    starts
}
