//! The flows of a finished table, looked at as they are packed: a million of them fit the cache better so.

use std::net::IpAddr;

use super::key::{Key4, Key6, VlanNames};
use super::sources::SourceSets;
use super::table::Table;
use super::view::FlowView;
use crate::capture::prefetch;
use crate::protocol::Transport;

/// The little of a flow that tells whether it is worth a look.
#[derive(Clone, Copy, Debug)]
pub struct TransportPorts {
    /// Transport.
    pub transport: Transport,
    /// Ports of the two ends; 0 where the transport has none.
    pub ports: [u16; 2],
}

/// All flows, each by its place from 0. Fresh from the table their order changes from run to run;
/// [`Flows::put_in_order`] gives them one that can be reported.
#[derive(Debug)]
pub struct Flows {
    v4: Table<Key4>,
    v6: Table<Key6>,
    vlans: VlanNames,
    sources: SourceSets,
    /// For each place the number in the tables, of which the second begins where the first ends; empty while they are the
    /// same.
    order: Vec<u32>,
}

/// Whether flows in this order come from all over the memory, in tables of which the second begins at a number. Those of
/// one capture come nearly as they were made; those of captures of one hour, file by file, do not. What lies a few
/// records away is fetched along with its neighbours, and now and then a jump costs less than moving all.
fn is_scattered(order: &[u32], second: u32) -> bool {
    const NEAR: u32 = 8;
    let mut last = [0, second];
    let jumps = order.iter().filter(|number| {
        let last = &mut last[usize::from(**number >= second)];
        number.abs_diff(std::mem::replace(last, **number)) > NEAR
    });
    jumps.count() > order.len() / 16
}

/// Where a flow is kept.
enum At {
    V4(usize),
    V6(usize),
}

impl Flows {
    pub(super) fn from_tables(mut v4: Table<Key4>, mut v6: Table<Key6>, vlans: VlanNames, sources: SourceSets) -> Self {
        v4.drop_index();
        v6.drop_index();
        Self { v4, v6, vlans, sources, order: Vec::new() }
    }

    /// Whether odd VLAN paths may have had to share a name.
    pub(crate) fn share_vlan_names(&self) -> bool {
        self.vlans.is_full()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the flow at place `order[n]` the place `n`; `order` holds each place below [`Flows::len`] once.
    pub fn put_in_order(&mut self, mut order: Vec<u32>) {
        debug_assert_eq!(order.len(), self.len());
        if !self.order.is_empty() {
            order.iter_mut().for_each(|place| *place = self.order[*place as usize]);
        }
        if is_scattered(&order, self.v4.len() as u32) {
            self.move_to(&mut order);
        }
        let is_theirs = order.iter().zip(0..).all(|(number, place)| *number == place);
        self.order = if is_theirs { Vec::new() } else { order };
    }

    /// Moves the records to where their order wants them, which from then on is the order of their numbers: every later
    /// stage goes through them several times.
    fn move_to(&mut self, order: &mut [u32]) {
        let first_v6 = self.v4.len() as u32;
        let (v4, v6): (Vec<u32>, Vec<u32>) = order.iter().partition(|number| **number < first_v6);
        self.v4.move_to(&v4);
        self.v6.move_to(&v6.into_iter().map(|number| number - first_v6).collect::<Vec<_>>());
        let mut next = [0, first_v6];
        for number in order {
            let next = &mut next[usize::from(*number >= first_v6)];
            *number = *next;
            *next += 1;
        }
    }

    #[inline]
    fn at(&self, place: u32) -> At {
        let number = self.order.get(place as usize).map_or(place, |number| *number) as usize;
        number.checked_sub(self.v4.len()).map_or(At::V4(number), At::V6)
    }

    /// The flow at a place below [`Flows::len`], as it is packed: nothing is read of it but what is asked for.
    #[inline(always)]
    pub fn view(&self, place: u32) -> FlowView<'_> {
        match self.at(place) {
            At::V4(at) => self.v4.view(at, &self.vlans, &self.sources),
            At::V6(at) => self.v6.view(at, &self.vlans, &self.sources),
        }
    }

    /// For whoever asks for flows in another order than theirs: so many earlier, each is to be fetched.
    pub const AHEAD: usize = 12;

    /// Has fetched what [`Flows::prefetch`] must know of a place. Whoever comes from all over the places asks for it
    /// [`Flows::AHEAD`] earlier. Measured: without it the fetching itself waits, for two fifths of the time that a
    /// million conversations take to be made.
    #[inline]
    pub fn prefetch_place(&self, place: u32) {
        prefetch(&self.order, place as usize);
    }

    /// Has the flow at a place below [`Flows::len`] fetched, because it will be asked for soon.
    #[inline]
    pub fn prefetch(&self, place: u32) {
        match self.at(place) {
            At::V4(at) => self.v4.prefetch_record(at),
            At::V6(at) => self.v6.prefetch_record(at),
        }
    }

    /// The little of a flow that tells whether it is worth a look.
    #[inline]
    pub fn transport_ports(&self, place: u32) -> TransportPorts {
        match self.at(place) {
            At::V4(at) => self.v4.transport_ports(at),
            At::V6(at) => self.v6.transport_ports(at),
        }
    }

    /// Whether the first payload of either end of a flow has a tag ([`super::EndView::tag`]).
    #[inline]
    pub fn is_tagged(&self, place: u32) -> bool {
        self.view(place).ends.iter().any(|end| end.tag() != 0)
    }

    /// Addresses of a flow's two ends.
    #[inline]
    pub fn addresses(&self, place: u32) -> [IpAddr; 2] {
        match self.at(place) {
            At::V4(at) => self.v4.addresses(at),
            At::V6(at) => self.v6.addresses(at),
        }
    }

    /// Whether the flows have more than one VLAN path between them.
    pub fn have_several_vlan_paths(&self) -> bool {
        let mut codes = self.v4.vlan_codes().chain(self.v6.vlan_codes());
        let first = codes.next();
        codes.any(|code| Some(code) != first)
    }

    /// All places.
    pub fn places(&self) -> std::ops::Range<u32> {
        0..self.len() as u32
    }

    /// All of them, by place.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FlowView<'_>> + '_ {
        self.places().map(|place| self.view(place))
    }
}
