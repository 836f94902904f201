//! LLDP: what devices call themselves, and which switch port they are plugged into.
//!
//! A switch tells its port to the link, not who is there, and a capture may hold many links. The port is
//! given only where a capture shows one: all its switch units are of one port, and one device is the only
//! other speaker of LLDP, or an end of every unicast flow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::host::{Attachment, Host};
use crate::decode::MacAddr;
use crate::flow::{Flows, SideEvidence};
use crate::protocol::lldp::Unit;

/// What LLDP says of devices, by their MAC.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    names: BTreeMap<MacAddr, Arc<str>>,
    ports: BTreeMap<MacAddr, Arc<Attachment>>,
    /// The device that is alone on the link of an input.
    pub(super) devices: BTreeMap<u32, MacAddr>,
}

/// What one capture holds of LLDP.
#[derive(Default)]
struct LldpLink<'a> {
    /// Units of switches, by chassis and port.
    switches: BTreeMap<(&'a str, &'a str), &'a Unit>,
    /// Other speakers.
    stations: BTreeSet<MacAddr>,
    /// The MACs that are an end of every unicast flow so far; none before the first.
    everywhere: Option<Vec<MacAddr>>,
}

impl Attachments {
    pub(super) fn of(evidence: &SideEvidence, flows: &Flows) -> Self {
        let mut found = Self::default();
        let mut links: BTreeMap<u32, LldpLink<'_>> = BTreeMap::new();
        for ((input, source, unit), _) in evidence.lldp_units() {
            let link = links.entry(*input).or_default();
            if unit.is_switch == Some(true) {
                link.switches.insert((&unit.chassis, &unit.port), unit);
            } else {
                link.stations.insert(*source);
                if !unit.name.is_empty() {
                    found.names.entry(*source).or_insert_with(|| unit.name.as_str().into());
                }
            }
        }
        let everyone: BTreeSet<MacAddr> = links.values().flat_map(|link| &link.stations).copied().collect();
        links.retain(|_, link| link.switches.len() == 1);
        if links.is_empty() {
            return found;
        }
        for flow in flows.iter() {
            for input in flow.sources() {
                let Some(link) = links.get_mut(input) else { continue };
                for end in flow.ends.iter().filter(|end| end.packets() > 0) {
                    let (Some(from), Some(to)) = (end.source_mac(), end.destination_mac()) else { continue };
                    if !to.is_group() {
                        link.everywhere.get_or_insert_with(|| vec![from, to]).retain(|mac| *mac == from || *mac == to);
                    }
                }
            }
        }
        for (input, link) in links {
            let everywhere = link.everywhere.unwrap_or_default();
            let device = match (link.stations.len(), &everywhere[..]) {
                (1, _) => link.stations.first().copied(),
                (_, [one]) => Some(*one),
                // What a TAP wrote of the other direction alone.
                (0, []) if everyone.len() == 1 => everyone.first().copied(),
                _ => None,
            };
            let (Some(device), Some(unit)) = (device, link.switches.into_values().next()) else { continue };
            let switch = if unit.name.is_empty() { &unit.chassis } else { &unit.name }.clone();
            let port = match &*unit.port_description {
                text if text.is_empty() || text == unit.port => unit.port.clone(),
                text => format!("{} ({text})", unit.port),
            };
            found.devices.insert(input, device);
            found.ports.entry(device).or_insert_with(|| Arc::new(Attachment { switch, port }));
        }
        found
    }

    /// Writes to each host what was said of its MAC.
    pub(super) fn give(&self, hosts: &mut [Host]) {
        if self.names.is_empty() && self.ports.is_empty() {
            return;
        }
        for host in hosts {
            let Some(mac) = host.mac else { continue };
            host.lldp_name = self.names.get(&mac).cloned();
            host.attachment = self.ports.get(&mac).cloned();
        }
    }
}
