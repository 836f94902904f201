//! BACnet: a Who-Is or Who-Has to a group, and its unicast answers, to whatever port and from whatever port (ASHRAE 135
//! clauses 16.9 and 16.10, which leave open where an I-Am is sent to).

use std::net::IpAddr;

use super::group::better_cause;
use super::{Link, LinkKind, Map, Relations, is_group, window};
use crate::capture::Timestamp;
use crate::flow::{EndView, FlowView, Flows, SideEvidence, Window};
use crate::protocol::{Protocol, Tag};

/// How long answers are waited for: devices spread theirs over some seconds, so that not all speak at once.
const WAIT_SECONDS: u32 = 10;

struct Search {
    first: Timestamp,
    last: Timestamp,
    cause: Option<u32>,
}

pub(super) struct Searches {
    armed: Map<IpAddr, Search>,
    /// Flows with an answer in them, and the end that asked.
    answers: Vec<(u32, u8)>,
}

impl Searches {
    pub(super) fn new(evidence: &SideEvidence) -> Self {
        let search = |window: &Window| Search { first: window.begin.time, last: window.end, cause: None };
        let armed = evidence.bacnet_searches().map(|(address, window)| (*address, search(window))).collect();
        Self { armed, answers: Vec::new() }
    }

    /// Looks at a UDP flow as the search itself, and as an answer, which may come to any port.
    pub(super) fn arm(&mut self, at: u32, flow: &FlowView<'_>, flows: &Flows) {
        for end in 0..2 {
            let Tag::Bacnet { kind } = Tag::from_raw(flow.ends[end].tag()) else { continue };
            let (sender, to_group) = (flow.ends[end].address, is_group(flow, 1 - end));
            if !to_group && !kind.asks() {
                self.answers.push((at, 1 - end as u8));
            } else if let Some(search) = self.armed.get_mut(&sender).filter(|_| to_group) {
                search.cause = better_cause(flows, search.cause, at);
            }
        }
    }

    /// Relates the answers to what they answer.
    pub(super) fn finish(self, flows: &Flows, relations: &mut Relations) {
        for (at, client) in self.answers {
            let flow = flows.view(at);
            let (asks, answers) = (&flow.ends[usize::from(client & 1)], &flow.ends[usize::from(1 - (client & 1))]);
            let Some(search) = self.armed.get(&asks.address) else { continue };
            // Where not every message is looked at, all of them have to come in time.
            let is_known = [asks, answers].iter().any(|end| Protocol::Bacnet.ports().contains(&end.port));
            let (searched, told) = match is_known {
                true => (search.last, answers.begin().time),
                false => (search.last.max(asks.end()), answers.end()),
            };
            let timed = window::covers((search.first, searched), WAIT_SECONDS, told, relations.skew);
            let probable = timed.is_none();
            let link = Link { flow: search.cause, kind: LinkKind::Bacnet, probable, payload_fits: true };
            match timed {
                Some(false) => {}
                _ if is_answer(asks, answers) => relations.add_answer(at, link),
                _ if is_known => relations.answered_among_others(search.cause),
                _ => {}
            }
        }
    }
}

/// Whether a flow with an I-Am or I-Have carries nothing that is asked of either end but Who-Is and Who-Has: other requests
/// belong to no search, and may be known by their answers alone.
fn is_answer(asks: &EndView<'_>, answers: &EndView<'_>) -> bool {
    let searches = asks.packets() == 0 || matches!(Tag::from_raw(asks.tag()), Tag::Bacnet { .. });
    searches && !asks.asks() && !answers.asks()
}
