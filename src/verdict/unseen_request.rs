//! Answers and halves of transfers whose request is not in the capture. Where it could not have been captured, nobody can tell
//! whether it is documented.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use rayon::prelude::*;

use super::decide::documented;
use super::judge::ends_may_speak;
use super::{Judgement, Observations, Verdict};
use crate::flow::{EndView, Endpoint, FlowView};
use crate::inventory::HostId;
use crate::policy::{Case, Reason, Role};
use crate::protocol::{Protocol, SsdpKind, Tag, TftpOpcode, Transport};
use crate::relation::{LinkKind, WINDOW};

/// Nanoseconds from a request to what answers it, at most.
const WAIT: i64 = 2_000_000_000;
/// Nanoseconds that all of it lasts, with its repetitions: what goes on is not explained by one request that was missed.
const LASTING: i64 = 20_000_000_000;
/// Hosts that answer one search: who answers alone may have been asked alone.
const ANSWERERS: usize = 3;

/// Bytes of a frame that holds a block of a TFTP transfer (RFC 1350 section 2), at least.
const BLOCK: u64 = 512 + 28;
/// Ports that clients get from their system begin here, or later (Linux; RFC 6335: 49152).
const CLIENT_PORTS: u16 = 32_768;
/// Nanoseconds within which a search is answered, at most: who searches waits five seconds (UPnP 2.0, section 1.3.2).
const SEARCH: i64 = 5_000_000_000 + WAIT;

/// A flow whose request may only not have been captured.
struct Unasked {
    place: u32,
    /// What its payload looks like; of the firmware services it tells nothing.
    protocol: Option<Protocol>,
    /// Who would have asked.
    asker: Endpoint,
    why: Why,
}

#[derive(Clone, Copy, PartialEq)]
enum Why {
    /// Nothing of who would have asked was captured, or it goes on as if answered.
    Direction,
    /// The capture had just begun.
    Begin,
    /// Packets were lost, of which so many would be of this.
    Lost(u64),
    /// Nobody answers by SSDP unasked; whether a search may have been missed, and who answers.
    Search(bool, HostId),
}

/// Gives them a reason of their own.
pub(super) fn tell(seen: &Observations<'_>, flows: &mut [Judgement]) {
    let all: &[Judgement] = flows;
    let look = |(place, judgement): (usize, &Judgement)| {
        let may_be = matches!(judgement.reason, Some(Reason::UndocumentedPort | Reason::UndocumentedPeer));
        if judgement.verdict == Verdict::Unexpected && may_be { unasked(seen, judgement, place as u32) } else { None }
    };
    let found: Vec<Unasked> = all.par_iter().enumerate().filter_map(look).collect();
    if found.is_empty() {
        return;
    }
    // Losses explain no more requests than packets were lost, and a service that is used here no more than is seen of it.
    let lost: u64 = found.iter().map(|of| if let Why::Lost(requests) = of.why { requests } else { 0 }).sum();
    let of_service = |protocol: Option<Protocol>| {
        let lone = found.iter().filter(|of| of.protocol == protocol && of.why != Why::Direction).count();
        lone <= exchanges(seen, all, protocol, lone)
    };
    let (of_tftp, of_firmware) = (of_service(Some(Protocol::Tftp)), of_service(None));
    let searches = PastSearches::of(seen, &found);
    for of in found {
        let is_used = if of.protocol.is_some() { of_tftp } else { of_firmware };
        let holds = match of.why {
            Why::Direction => true,
            Why::Begin => is_used,
            Why::Lost(_) => is_used && lost <= seen.missing.dropped,
            Why::Search(may_be_missed, answers) => searches.explain(seen, &of, may_be_missed, answers),
        };
        if holds {
            let judgement = &mut flows[of.place as usize];
            let [client, server] = [judgement.client_host, judgement.server_host].map(|host| seen.hosts.role(host));
            let port = seen.flows.view(of.place).ends[usize::from(1 - (judgement.client & 1))].port;
            let case = Case::Unexpected(Reason::RequestNotCaptured);
            judgement.reason = Some(Reason::RequestNotCaptured);
            judgement.severity = Some(seen.policy.severity(case, client, server, Transport::Udp, port));
        }
    }
}

/// A flow of one direction that may answer what was not captured.
fn unasked(seen: &Observations<'_>, judgement: &Judgement, place: u32) -> Option<Unasked> {
    let flow = seen.flows.view(place);
    let (speaker, protocol) = may_answer(&flow)?;
    let hosts = seen.parties[place as usize];
    let ways = (hosts[1 - speaker], hosts[speaker]);
    let roles @ [asks, answers] = [ways.0, ways.1].map(|host| seen.hosts.role(host));
    let end = &flow.ends[speaker];
    let may_be = match protocol {
        Some(Protocol::Tftp) => {
            judgement.reason == Some(Reason::UndocumentedPort) && ends_may_speak(seen.policy, LinkKind::Tftp, roles)
        }
        // Nobody outside asks a group of the site.
        Some(_) => asks != Role::External,
        None => {
            let is_ambiguous = !seen.policy.tells_server(Transport::Udp, end.port);
            let may_ask = flow.ends[1 - speaker].port >= CLIENT_PORTS;
            is_ambiguous && may_ask && documented(seen.policy, asks, answers, Transport::Udp, end.port).is_some()
        }
    };
    if !may_be {
        return None;
    }
    let begin = end.begin().time;
    let is_short = end.end().raw().saturating_sub(begin.raw()) <= LASTING;
    let why = match () {
        () if seen.missing.lacks_direction(ways) || goes_on_by_itself(end) => Why::Direction,
        () if !is_short => return None,
        () if protocol == Some(Protocol::Ssdp) => Why::Search(seen.missing.begins_within(begin, SEARCH), ways.1),
        () if seen.missing.begins_within(begin, WAIT) => Why::Begin,
        () if seen.missing.dropped > 0 => Why::Lost(end.packets().saturating_sub(end.duplicates())),
        () => return None,
    };
    let other = &flow.ends[1 - speaker];
    Some(Unasked { place, protocol, asker: (other.address, other.port), why })
}

/// What is known of who searched by SSDP.
struct PastSearches {
    /// From where a search was captured: what answers none of these comes too late, or from another.
    captured: HashSet<Endpoint>,
    /// Who searched, from whatever port.
    searchers: HashSet<IpAddr>,
    /// How many hosts answered one that was not captured.
    answerers: HashMap<Endpoint, usize>,
    /// Whose packets alone were captured: what others send to groups was left out.
    alone: Option<HostId>,
}

impl PastSearches {
    fn of(seen: &Observations<'_>, found: &[Unasked]) -> Self {
        let mut answerers = HashMap::new();
        for of in found.iter().filter(|of| matches!(of.why, Why::Search(..))) {
            *answerers.entry(of.asker).or_default() += 1;
        }
        let is_search =
            |end: &EndView<'_>| matches!(Tag::from_raw(end.tag()), Tag::Ssdp { kind: SsdpKind::Search, .. });
        let (mut captured, mut alone) = (HashSet::new(), None);
        if !answerers.is_empty() {
            alone = alone_in(seen);
            captured.extend(seen.evidence.searches().map(|(endpoint, _)| *endpoint));
            let ends = seen.flows.iter().flat_map(|flow| flow.ends);
            captured.extend(ends.filter(is_search).map(|end| (end.address, end.port)));
        }
        let searchers = captured.iter().map(|(address, _)| *address).collect();
        Self { captured, searchers, answerers, alone }
    }

    /// Whether a search of a group that was not captured explains an answer.
    fn explain(&self, seen: &Observations<'_>, of: &Unasked, may_be_missed: bool, answers: HostId) -> bool {
        let answerers = self.answerers.get(&of.asker).copied().unwrap_or(0);
        !self.captured.contains(&of.asker)
            && (answerers >= ANSWERERS
                || may_be_missed && self.searchers.contains(&of.asker.0)
                || self.alone.is_some_and(|host| is_one_device(seen, host, answers)))
    }
}

/// The host that has a part in each flow, of several others, as in what was captured of one host alone.
fn alone_in(seen: &Observations<'_>) -> Option<HostId> {
    let mut parties = seen.parties.iter();
    let mut alone = parties.next().map_or_else(Vec::new, |pair| pair.to_vec());
    for pair in parties {
        alone.retain(|host| pair.iter().any(|end| is_one_device(seen, *host, *end)));
        if alone.is_empty() {
            break;
        }
    }
    if let [host] = alone[..] { Some(host) } else { None }
}

fn is_one_device(seen: &Observations<'_>, one: HostId, other: HostId) -> bool {
    let own_mac = |host| Some(seen.hosts.get(host)).filter(|host| host.mac_is_own).and_then(|host| host.mac);
    one == other || own_mac(one).is_some_and(|mac| own_mac(other) == Some(mac))
}

/// The end of a flow that alone speaks, where what it says may be an answer.
fn may_answer(flow: &FlowView<'_>) -> Option<(usize, Option<Protocol>)> {
    let speaker = match flow.ends.each_ref().map(|end| end.packets() > 0) {
        [true, false] => 0,
        [false, true] => 1,
        _ => return None,
    };
    if flow.transport != Transport::Udp {
        return None;
    }
    // A transfer begins with its first block, or with what acknowledges the request or the first window, or refuses it (RFC 1350
    // section 4, RFC 2347, 7440).
    let protocol = match Tag::from_raw(flow.ends[speaker].tag()) {
        Tag::Tftp { opcode: TftpOpcode::Data, number, .. } => (number == 1).then_some(Protocol::Tftp),
        Tag::Tftp { opcode: TftpOpcode::Acknowledgment, number, .. } => {
            (u64::from(number) <= WINDOW).then_some(Protocol::Tftp)
        }
        Tag::Tftp { opcode, .. } => (!opcode.is_request()).then_some(Protocol::Tftp),
        Tag::Ssdp { kind, .. } => return (kind == SsdpKind::Response).then_some((speaker, Some(Protocol::Ssdp))),
        _ => None,
    };
    Some((speaker, protocol))
}

/// Blocks of a transfer with rising numbers were acknowledged, and no acknowledgement was captured (RFC 1350 section 2): whole
/// ones, for messages of another kind may be numbered, too.
fn goes_on_by_itself(end: &EndView<'_>) -> bool {
    let is_whole = end.bytes() >= end.packets().saturating_mul(BLOCK);
    let is_data = matches!(Tag::from_raw(end.tag()), Tag::Tftp { opcode: TftpOpcode::Data, number: 1, .. });
    let waiting = end.waiting();
    is_data && is_whole && waiting.goes_on() && u64::from(waiting.count) + 1 >= end.packets().min(32)
}

/// Documented flows of TFTP's requests, or of the firmware services with both sides; no more than `most` are counted.
fn exchanges(seen: &Observations<'_>, flows: &[Judgement], protocol: Option<Protocol>, most: usize) -> usize {
    let is_one = |(judgement, place): &(&Judgement, u32)| {
        if judgement.verdict != Verdict::Documented {
            return false;
        }
        let flow = seen.flows.view(*place);
        let server = flow.ends[usize::from(1 - (judgement.client & 1))].port;
        flow.transport == Transport::Udp
            && match protocol {
                Some(protocol) => protocol.ports().contains(&server),
                None => {
                    !seen.policy.tells_server(flow.transport, server) && flow.ends.iter().all(|end| end.packets() > 0)
                }
            }
    };
    if most == 0 { 0 } else { flows.iter().zip(0..).filter(is_one).take(most).count() }
}
