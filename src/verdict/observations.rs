//! What the verdict stage is given.

use super::Missing;
use crate::flow::{Flows, Neighbours, SideEvidence};
use crate::health::Health;
use crate::inventory::{HostId, Hosts, Inventory};
use crate::policy::Policy;
use crate::relation::{Orientation, Relations};

/// All that is judged. Positions in `flows` are what relations and judgements speak of.
#[derive(Clone, Copy, Debug)]
pub struct Observations<'a> {
    /// The flows, in the order of flows.csv.
    pub flows: &'a Flows,
    /// Who asked, for each flow.
    pub orientations: &'a [Orientation],
    /// The hosts of the same flows.
    pub hosts: &'a Hosts,
    /// What is declared of hosts, heard or not.
    pub inventory: &'a Inventory,
    /// The hosts at the two ends of each flow.
    pub parties: &'a [[HostId; 2]],
    /// What it is held against.
    pub policy: &'a Policy,
    /// What belongs together.
    pub relations: &'a Relations,
    /// What ARP said.
    pub neighbours: &'a Neighbours,
    /// What DHCP and ICMP said.
    pub evidence: &'a SideEvidence,
    /// How well it works, where it was measured.
    pub health: &'a Health,
    /// What the capture lacks, which makes silence doubtful.
    pub missing: &'a Missing,
}
