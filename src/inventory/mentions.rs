//! Which flows and neighbours speak of which address: sorted by address, so that each host's are together, hosts
//! are numbered in the order of their addresses whatever the flows' order, no hash table is needed that strangers
//! could flood, and all threads work on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use rayon::prelude::*;

use super::host::HostId;
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

    /// A host's address and what speaks of it.
    pub(super) fn of_host(&self, number: usize) -> (IpAddr, impl Iterator<Item = Mention>) {
        let (v4, v6): (&[u64], &[(u128, Code)]) = match number.checked_sub(self.v4_starts.len() - 1) {
            None => (&self.v4[range(&self.v4_starts, number)], &[]),
            Some(number) => (&[], &self.v6[range(&self.v6_starts, number)]),
        };
        let address = match (v4.first(), v6.first()) {
            (Some(mention), _) => Ipv4Addr::from((mention >> 32) as u32).into(),
            (None, Some((address, _))) => Ipv6Addr::from(*address).into(),
            (None, None) => Ipv4Addr::UNSPECIFIED.into(),
        };
        let codes = v4.iter().map(|mention| *mention as u32).chain(v6.iter().map(|(_, code)| *code));
        (address, codes.map(|code| self.decode(code)))
    }

    fn decode(&self, code: Code) -> Mention {
        match code.checked_sub(self.flow_ends) {
            None => Mention::Flow { place: code / 2, end: (code % 2) as u8 },
            Some(at) => Mention::Neighbour(at as usize),
        }
    }

    /// For each flow the hosts at its ends.
    pub(super) fn parties(&self, flows: usize) -> Vec<[HostId; 2]> {
        let mut parties = vec![[HostId(0); 2]; flows];
        for number in 0..self.hosts() {
            for mention in self.of_host(number).1 {
                if let Mention::Flow { place, end } = mention {
                    parties[place as usize][usize::from(end)] = HostId(number as u32);
                }
            }
        }
        parties
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
