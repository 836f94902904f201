//! SSDP: an M-SEARCH to a group, and its answers from any unicast address and any source port
//! (UPnP Device Architecture 2.0 section 1.3.3).

use super::direction::is_local;
use super::group::better_cause;
use super::ports::{self, Ports};
use super::target::RequestTarget;
use super::{Link, LinkKind, Map, Relations, is_group, window};
use crate::capture::Timestamp;
use crate::flow::{Endpoint, FlowView, Flows, SideEvidence};
pub(super) use crate::protocol::ssdp::PORT;
use crate::protocol::{Evidence, Protocol, SsdpKind, Tag};

/// What answers may need beyond MX on their way.
const GRACE_SECONDS: u32 = 1;
/// The longest MX (UPnP Device Architecture 2.0 section 1.3.2): of answers from outside the site, and of a search that was cut.
const LONGEST_MX: u8 = 5;

struct Search {
    first: Timestamp,
    last: Timestamp,
    mx: u8,
    cause: Option<u32>,
    /// Whether it says that it is a search.
    is_seen: bool,
}

pub(super) struct Searches {
    /// Of groups, by who asked.
    armed: Map<Endpoint, Search>,
    /// Of one host, by who asked whom: it may answer from a fresh port as well, or from another address of its.
    asked: Map<(Endpoint, RequestTarget), Search>,
}

impl Searches {
    pub(super) fn new(evidence: &SideEvidence, ports: &mut Ports) -> Self {
        let mut armed = Map::with_capacity_and_hasher(evidence.searches().len(), Default::default());
        for (&client, search) in evidence.searches() {
            ports.arm(client.1, ports::SSDP);
            let (first, last) = (search.window.begin.time, search.window.end);
            armed.insert(client, Search { first, last, mx: search.mx, cause: None, is_seen: true });
        }
        Self { armed, asked: Map::default() }
    }

    /// Looks at a UDP flow as the search itself.
    pub(super) fn arm(&mut self, at: u32, flow: &FlowView<'_>, flows: &Flows, ports: &mut Ports) {
        for client in 0..2 {
            let asks = &flow.ends[client];
            if asks.packets() == 0 || asks.evidence(Protocol::Ssdp) == Evidence::Violates {
                continue;
            }
            let endpoint = (asks.address, asks.port);
            let (first, last) = (asks.begin().time, asks.end());
            if !is_group(flow, 1 - client) {
                if let Tag::Ssdp { kind: SsdpKind::Search, mx } = Tag::from_raw(asks.tag()) {
                    ports.arm(asks.port, ports::SSDP);
                    for whom in RequestTarget::asked(asks, &flow.ends[1 - client]).into_iter().flatten() {
                        let search = Search { first, last, mx, cause: None, is_seen: true };
                        let held = self.asked.entry((endpoint, whom)).or_insert(search);
                        (held.first, held.last) = (held.first.min(first), held.last.max(last));
                        held.mx = held.mx.max(mx);
                        held.cause = better_cause(flows, held.cause, at);
                    }
                }
                continue;
            }
            if let Some(search) = self.armed.get_mut(&endpoint) {
                search.cause = better_cause(flows, search.cause, at);
                continue;
            }
            // Devices may announce themselves from the port at which they listen.
            let may_search = flow.ends[1 - client].port == PORT && asks.port != PORT && asks.has_payload();
            let (mx, is_seen) = match Tag::from_raw(asks.tag()) {
                Tag::Ssdp { kind: SsdpKind::Search, mx } => (mx, true),
                // It may be a search of which too little was captured.
                Tag::None if may_search && asks.evidence(Protocol::Ssdp) == Evidence::Unknown => (LONGEST_MX, false),
                _ => continue,
            };
            ports.arm(asks.port, ports::SSDP);
            self.armed.insert(endpoint, Search { first, last, mx, cause: Some(at), is_seen });
        }
    }

    /// Looks at a UDP flow one of whose ports searched.
    pub(super) fn consider(&self, at: u32, flow: &FlowView<'_>, relations: &mut Relations) {
        for client in 0..2 {
            let (asks, answers) = (&flow.ends[client], &flow.ends[1 - client]);
            let endpoint = (asks.address, asks.port);
            let whom = RequestTarget::answered_by(answers).into_iter().flatten();
            let asked =
                whom.filter_map(|whom| self.asked.get(&(endpoint, whom))).filter(|search| search.cause != Some(at));
            if answers.packets() == 0 || is_group(flow, 1 - client) || is_group(flow, client) {
                continue;
            }
            let seen = match (Tag::from_raw(answers.tag()), answers.evidence(Protocol::Ssdp)) {
                (Tag::Ssdp { kind: SsdpKind::Response, .. }, _) => true,
                // Cut off by the snap length.
                (Tag::None, Evidence::Unknown) => false,
                _ => continue,
            };
            let skew = relations.skew;
            let timed = |search: &Search| {
                // From outside the site comes no answer to what was asked here.
                let mx = if is_local(answers.address) { search.mx } else { search.mx.min(LONGEST_MX) };
                let wait = u32::from(mx) + GRACE_SECONDS;
                window::covers((search.first, search.last), wait, answers.begin().time, skew)
            };
            // A port may have searched both a group and this host.
            let searches = self.armed.get(&endpoint).into_iter().chain(asked);
            let mut fitting = searches.map(|search| (search, timed(search))).filter(|(_, timed)| *timed != Some(false));
            let Some((search, timed)) = fitting.next() else { continue };
            let probable = !seen || !search.is_seen || timed.is_none();
            let link = Link { flow: search.cause, kind: LinkKind::Ssdp, probable, payload_fits: seen };
            relations.add_answer(at, link);
        }
    }
}
