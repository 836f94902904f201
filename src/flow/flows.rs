//! The flows of a finished table, unpacked one at a time: a million of them fit the cache better packed.

use super::Flow;
use super::key::{Key4, Key6, VlanNames};
use super::sources::SourceSets;
use super::table::Table;
use crate::capture::Timestamp;

/// All flows, numbered from 0. The numbers change from run to run and never reach a report.
#[derive(Debug)]
pub struct Flows(Kind);

#[derive(Debug)]
enum Kind {
    Tables(Box<Tables>),
    List(Vec<Flow>),
}

#[derive(Debug)]
struct Tables {
    v4: Table<Key4>,
    v6: Table<Key6>,
    vlans: VlanNames,
    sources: SourceSets,
}

impl Flows {
    pub(super) fn from_tables(mut v4: Table<Key4>, mut v6: Table<Key6>, vlans: VlanNames, sources: SourceSets) -> Self {
        v4.drop_index();
        v6.drop_index();
        Self(Kind::Tables(Box::new(Tables { v4, v6, vlans, sources })))
    }

    /// From flows made by hand; [`Flow::index`] is set to the place in the list.
    pub fn from_list(mut flows: Vec<Flow>) -> Self {
        for (index, flow) in flows.iter_mut().enumerate() {
            flow.index = index as u32;
        }
        Self(Kind::List(flows))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kind::Tables(tables) => tables.v4.len() + tables.v6.len(),
            Kind::List(flows) => flows.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The flow of a number below [`Flows::len`].
    pub fn get(&self, number: u32) -> Flow {
        let at = number as usize;
        match &self.0 {
            Kind::Tables(tables) => {
                let Tables { v4, v6, vlans, sources } = &**tables;
                let flow = match at.checked_sub(v4.len()) {
                    None => v4.flow(at, vlans, sources),
                    Some(at) => v6.flow(at, vlans, sources),
                };
                Flow { index: number, ..flow }
            }
            Kind::List(flows) => flows[at].clone(),
        }
    }

    /// Earliest known time of a flow, without unpacking it.
    pub fn first_seen(&self, number: u32) -> Timestamp {
        let at = number as usize;
        match &self.0 {
            Kind::Tables(tables) => match at.checked_sub(tables.v4.len()) {
                None => tables.v4.first_seen(at),
                Some(at) => tables.v6.first_seen(at),
            },
            Kind::List(flows) => flows[at].first(),
        }
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Flow> + '_ {
        (0..self.len() as u32).map(|number| self.get(number))
    }
}
