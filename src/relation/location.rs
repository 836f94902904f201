//! LOCATION headers of SSDP as evidence for the TCP connection that follows (UPnP Device
//! Architecture 2.0 section 2: the control point fetches the description).

use std::net::IpAddr;

use super::group::better_cause;
use super::ports::{self, Ports};
use super::{Announcement, Link, LinkKind, Map, Relations, is_group};
use crate::flow::{Endpoint, First, FlowView, Flows, SideEvidence};
use crate::protocol::Protocol;

pub(super) struct Locations<'a> {
    evidence: &'a SideEvidence,
    by_place: Map<Endpoint, Vec<Announcement>>,
    /// The flow to a group in which a host announces.
    notifying: Map<IpAddr, Option<u32>>,
}

impl<'a> Locations<'a> {
    pub(super) fn new(evidence: &'a SideEvidence, ports: &mut Ports) -> Self {
        let mut locations = Self { evidence, by_place: Map::default(), notifying: Map::default() };
        for (&(announcer, location), window) in evidence.notified() {
            let (time, at) = (window.first, window.begin);
            locations.add(Announcement { announcer, location, time, at, flow: None }, ports);
            locations.notifying.insert(announcer, None);
        }
        locations
    }

    fn add(&mut self, announcement: Announcement, ports: &mut Ports) {
        ports.arm(announcement.location.port(), ports::LOCATION);
        let place = (announcement.location.ip(), announcement.location.port());
        self.by_place.entry(place).or_default().push(announcement);
    }

    /// Looks at a UDP flow as one that names a location.
    pub(super) fn arm(&mut self, at: u32, flow: &FlowView<'_>, flows: &Flows, ports: &mut Ports) {
        for end in 0..2 {
            let (answers, asked) = (&flow.ends[end], &flow.ends[1 - end]);
            if answers.conforms() & Protocol::Ssdp.bit() == 0 {
                continue;
            }
            if is_group(flow, 1 - end) {
                if let Some(cause) = self.notifying.get_mut(&answers.address) {
                    *cause = better_cause(flows, *cause, at);
                }
                continue;
            }
            let stream = (flow.vlan(), (answers.address, answers.port), (asked.address, asked.port));
            if let Some(&First { at: sent, time, what: location }) =
                self.evidence.answered(&stream, answers.payload_frame())
            {
                self.add(Announcement { announcer: answers.address, location, time, at: sent, flow: Some(at) }, ports);
            }
        }
    }

    /// Looks at a TCP flow one of whose ports was named.
    pub(super) fn consider(&self, at: u32, flow: &FlowView<'_>, relations: &mut Relations) {
        let earliest = flow
            .ends
            .iter()
            .filter_map(|end| self.by_place.get(&(end.address, end.port)))
            .flatten()
            .filter(|announcement| announcement.at.time <= flow.begin().time)
            .min_by_key(|announcement| announcement.at);
        if let Some(&(mut announcement)) = earliest {
            let notified = || self.notifying.get(&announcement.announcer).copied().flatten();
            announcement.flow = announcement.flow.or_else(notified);
            relations.announced.insert(at, announcement);
            if announcement.flow.is_some() {
                let link =
                    Link { flow: announcement.flow, kind: LinkKind::Location, probable: false, payload_fits: false };
                relations.set_link(at, link);
            }
        }
    }
}
