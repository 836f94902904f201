//! ICMP errors to the flow they quote (RFC 792, RFC 4443 section 2.4).

use std::collections::BTreeMap;

use super::ports::{self, Ports};
use super::{Map, Rejection, Relations};
use crate::flow::{Endpoint, FlowView, IcmpError, SideEvidence, Window};
use crate::protocol::{Transport, icmp};

/// What a flow and a quote have in common: protocol, ends in order, and for ICMP the request's type.
type QuoteKey = (u8, Endpoint, Endpoint, Option<u8>);

pub(super) struct Quotes {
    errors: Vec<(IcmpError, Window, bool)>,
    by_flow: Map<QuoteKey, Vec<usize>>,
    /// What was found, by flow and the end whose packets failed.
    found: BTreeMap<(u32, u8), Rejection>,
}

impl Quotes {
    pub(super) fn new(evidence: &SideEvidence, ports: &mut Ports) -> Self {
        let mut quotes = Self {
            errors: Vec::with_capacity(evidence.icmp_errors().len()),
            by_flow: Map::default(),
            found: BTreeMap::new(),
        };
        for (&error, &window) in evidence.icmp_errors() {
            if error.has_ports {
                ports.arm(error.source.1, ports::QUOTED);
                quotes.by_flow.entry(key_of(&error)).or_default().push(quotes.errors.len());
            }
            quotes.errors.push((error, window, false));
        }
        quotes
    }

    /// Looks at a flow one of whose ports is quoted.
    pub(super) fn consider(&mut self, at: u32, flow: &FlowView<'_>) {
        let [a, b] = &flow.ends;
        let icmp_type = if is_icmp(flow.transport.number()) { flow.icmp_type } else { None };
        let key = (flow.transport.number(), (a.address, a.port), (b.address, b.port), icmp_type);
        for &index in self.by_flow.get(&key).into_iter().flatten() {
            let Some((error, window, found)) = self.errors.get_mut(index) else { continue };
            *found = true;
            let failed = u8::from((a.address, a.port) != error.source);
            let new = Rejection::of(error, window, failed);
            let rank = |rejection: &Rejection| (!rejection.is_unreachable(), rejection.at);
            self.found
                .entry((at, failed))
                .and_modify(|held| {
                    if rank(&new) < rank(held) {
                        *held = new.clone();
                    }
                })
                .or_insert(new);
        }
    }

    /// What is left quotes no flow that was seen.
    pub(super) fn finish(self, relations: &mut Relations) {
        relations.rejections = self.found.into_iter().map(|((at, _), rejection)| (at, rejection)).collect();
        relations.orphan_rejections =
            self.errors.into_iter().filter(|(_, _, found)| !found).map(|(error, window, _)| (error, window)).collect();
    }
}

fn is_icmp(protocol: u8) -> bool {
    matches!(Transport::from(protocol), Transport::Icmp | Transport::Icmpv6)
}

fn key_of(error: &IcmpError) -> QuoteKey {
    let (low, high) = if error.source <= error.destination {
        (error.source, error.destination)
    } else {
        (error.destination, error.source)
    };
    (
        error.protocol,
        low,
        high,
        error.icmp_type.filter(|_| is_icmp(error.protocol)).map(|kind| icmp::request_of(error.v6, kind)),
    )
}
