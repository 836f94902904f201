//! CoAP: a request to a group, and its answers from unicast addresses, matched by token within the
//! leisure (RFC 7252 section 8.2).

use super::group::better_cause;
use super::ports::{self, Ports};
use super::{Link, LinkKind, Map, Relations, is_group, window};
use crate::capture::Timestamp;
use crate::flow::{Endpoint, FlowView, Flows, MAY_BE_IGNORED, SideEvidence};
use crate::protocol::{CoapKind, Protocol, Tag};

/// DEFAULT_LEISURE (RFC 7252 section 4.8).
const LEISURE_SECONDS: u32 = 5;

pub(super) struct GroupRequests {
    /// By who asked and the token: first and last time.
    armed: Map<(Endpoint, u32), (Timestamp, Timestamp)>,
    /// The flow to the group, by who asked.
    causes: Map<Endpoint, Option<u32>>,
}

impl GroupRequests {
    pub(super) fn new(evidence: &SideEvidence, ports: &mut Ports) -> Self {
        let mut requests = Self { armed: Map::default(), causes: Map::default() };
        for (&(client, token), window) in evidence.group_requests() {
            ports.arm(client.1, ports::COAP);
            let (first, last) = (window.begin.time, window.end);
            let held = requests.armed.entry((client, token & !MAY_BE_IGNORED)).or_insert((first, last));
            *held = (held.0.earlier(first), held.1.max(last));
            requests.causes.insert(client, None);
        }
        requests
    }

    /// Looks at a UDP flow as the request itself.
    pub(super) fn arm(&mut self, at: u32, flow: &FlowView<'_>, flows: &Flows, ports: &mut Ports) {
        for client in 0..2 {
            let asks = &flow.ends[client];
            if asks.conforms() & Protocol::Coap.bit() == 0 || !is_group(flow, 1 - client) {
                continue;
            }
            let endpoint = (asks.address, asks.port);
            if let Tag::Coap { kind: CoapKind::Request, token, .. } = Tag::from_raw(asks.tag()) {
                ports.arm(asks.port, ports::COAP);
                self.armed.entry((endpoint, token)).or_insert((asks.begin().time, asks.end()));
            }
            if let Tag::Coap { .. } = Tag::from_raw(asks.tag()) {
                let cause = self.causes.entry(endpoint).or_default();
                *cause = better_cause(flows, *cause, at);
            }
        }
    }

    /// Looks at a UDP flow one of whose ports asked a group.
    pub(super) fn consider(&self, at: u32, flow: &FlowView<'_>, relations: &mut Relations) {
        for client in 0..2 {
            let (asks, answers) = (&flow.ends[client], &flow.ends[1 - client]);
            let endpoint = (asks.address, asks.port);
            let Tag::Coap { kind: CoapKind::Response, token, .. } = Tag::from_raw(answers.tag()) else { continue };
            let Some(&(first, last)) = self.armed.get(&(endpoint, token)) else { continue };
            let timed = window::covers((first, last), LEISURE_SECONDS, answers.begin().time, relations.skew);
            if timed == Some(false) || is_group(flow, client) || is_group(flow, 1 - client) {
                continue;
            }
            let link = Link {
                flow: self.causes.get(&endpoint).copied().flatten(),
                kind: LinkKind::Coap,
                probable: timed.is_none(),
                payload_fits: true,
            };
            match Tag::from_raw(asks.tag()) {
                Tag::None | Tag::Coap { kind: CoapKind::Empty, .. } => relations.add_answer(at, link),
                // Who asks there, or answers what was asked of it, does more than to take up answers.
                _ => relations.answered_among_others(link.flow),
            }
        }
    }
}
