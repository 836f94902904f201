//! TFTP: a request to port 69, and the transfer on fresh ports that it causes (RFC 1350 section 4).

use std::collections::HashSet;
use std::net::IpAddr;

use smallvec::SmallVec;

use super::direction::is_local;
use super::ports::{self, Ports};
use super::target::RequestTarget;
use super::transfer::{Course, TransferOutcome};
use super::twins::{self, VlanSiblings};
use super::{Link, LinkKind, Map, Relations, is_group, skew, window};
use crate::capture::{Moment, Timestamp};
use crate::flow::{EndView, Endpoint, FlowView, Flows, SideEvidence, TftpFile};
pub(super) use crate::protocol::tftp::PORT;
use crate::protocol::{Evidence, Protocol, Tag, TftpOpcode};

/// How long after a request its transfer may begin: the time for which Linux's connection tracker
/// expects it (nf_conntrack_tftp).
const WAIT_SECONDS: u32 = 300;

/// Requests of one client endpoint to one server address that are told apart. Usually it is one: more are a client that
/// asks on several VLANs, or at several ports, from one port of its own.
const MAX_REQUESTS: u64 = 256;

/// Blocks that are acknowledged at once, at most: RFC 7440 allows more, and measured up to so many.
pub(crate) const WINDOW: u64 = 64;

/// The ERROR to what belongs to no transfer (RFC 1350 section 4).
const UNKNOWN_TRANSFER: u16 = 5;

/// Servers that answer one request to everyone, at most: each that hears it may.
const MOST_SERVERS: u64 = 16;

/// Flows of one transfer, one a VLAN path: a mirror shows a packet on two or three.
const MOST_PATHS: usize = 4;

/// The requests of one flow.
struct Request {
    cause: u32,
    /// Whom it asked.
    server: IpAddr,
    /// RRQ or WRQ; `None` if the payload was not captured.
    write: Option<bool>,
    begin: Moment,
    last: Timestamp,
    /// How many transfers it may have caused: each that was sent one, or one a server.
    room: usize,
    /// Flows that could be its transfers: those that began first, at least as many as it may have caused.
    replies: SmallVec<[Reply; 1]>,
}

impl Request {
    /// Of more than there is room for, only the first ones count: twice as many are never kept, for each VLAN path.
    fn add(&mut self, reply: Reply) {
        self.replies.push(reply);
        let room = self.room.saturating_mul(MOST_PATHS);
        if self.replies.len() / 2 > room {
            self.replies.select_nth_unstable_by_key(room, |reply| reply.begin);
            self.replies.truncate(room);
        }
    }
}

struct Reply {
    flow: u32,
    server: Endpoint,
    begin: Moment,
    fit: PayloadMatch,
    /// Whether its first time is known, and is that of an answer.
    timed: bool,
    /// What became of it, if the server sent any of it.
    course: Option<Course>,
}

/// How well a flow's payload fits the transfer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PayloadMatch {
    /// The server's first packet is what answers the request.
    First,
    /// TFTP, but from its middle, or only the client's half was captured.
    Part,
    /// No payload was captured.
    Blind,
}

#[derive(Default)]
pub(super) struct Transfers {
    /// By client and whom it asked.
    requests: Map<(Endpoint, RequestTarget), SmallVec<[Request; 1]>>,
    /// Whether any of them asked [`RequestTarget::Anybody`].
    broadcasts: bool,
    /// Flows that speak TFTP on no port of its own.
    strays: Vec<u32>,
    /// By how much the clocks of inputs differ.
    skew: i64,
}

impl Transfers {
    pub(super) fn new(skew: i64) -> Self {
        Self { skew, ..Self::default() }
    }

    /// Looks at a UDP flow as a request, or as a transfer whose request may be missing.
    pub(super) fn arm(
        &mut self,
        at: u32,
        flow: &FlowView<'_>,
        evidence: &SideEvidence,
        ports: &mut Ports,
        relations: &mut Relations,
    ) {
        for client in 0..2 {
            let (asks, serves) = (&flow.ends[client], &flow.ends[1 - client]);
            let tag = opcode(asks);
            let request = tag.is_some_and(|(opcode, _)| opcode.is_request());
            // Payload that was not captured is believed on the port, payload of another kind never.
            let unseen = serves.port == PORT && tag.is_none() && asks.evidence(Protocol::Tftp) == Evidence::Unknown;
            if asks.packets() == 0 || !(request || unseen) {
                continue;
            }
            let write = tag.filter(|_| request).map(|(opcode, _)| opcode == TftpOpcode::WriteRequest);
            ports.arm(asks.port, ports::TFTP);
            if let Some(file) = file_of(flow, client, evidence) {
                relations.tftp_files.insert(at, file.clone());
            }
            let (whom, servers) = match is_group(flow, 1 - client) {
                true => ([Some(RequestTarget::Anybody), None], MOST_SERVERS),
                false => (RequestTarget::asked(asks, serves), 1),
            };
            self.broadcasts |= whom[0] == Some(RequestTarget::Anybody);
            let room = usize::try_from(asks.packets().saturating_mul(servers)).unwrap_or(usize::MAX);
            for whom in whom.into_iter().flatten() {
                let requests = self.requests.entry(((asks.address, asks.port), whom)).or_default();
                if requests.len() as u64 >= MAX_REQUESTS / servers {
                    relations.overflowed("TFTP requests from one port to one server");
                    return;
                }
                requests.push(Request {
                    cause: at,
                    server: serves.address,
                    write,
                    begin: asks.begin(),
                    last: asks.end(),
                    room,
                    replies: SmallVec::new(),
                });
            }
            return;
        }
        let speaks = |end: &EndView<'_>| end.port != PORT && (end.packets() == 0 || opcode(end).is_some());
        if flow.ends.iter().all(speaks) {
            self.strays.push(at);
        }
    }

    /// Looks at a UDP flow one of whose ports asked for something.
    pub(super) fn consider(&mut self, at: u32, flow: &FlowView<'_>, ports: &Ports) {
        let anybody = self.broadcasts.then_some(RequestTarget::Anybody);
        for client in 0..2 {
            let (asks, serves) = (&flow.ends[client], &flow.ends[1 - client]);
            if serves.port == PORT || ports.of([asks.port; 2]) & ports::TFTP == 0 {
                continue;
            }
            for whom in RequestTarget::answered_by(serves).into_iter().chain([anybody]).flatten() {
                let Some(requests) = self.requests.get_mut(&((asks.address, asks.port), whom)) else { continue };
                let is_meant = |request: &&mut Request| {
                    request.cause != at
                        && (!matches!(whom, RequestTarget::Device(_)) || request.server != serves.address)
                };
                for request in requests.iter_mut().filter(is_meant) {
                    let begins = flow.begin().time;
                    let Some(fit) = fit(request.write, asks, serves) else { continue };
                    let is_timed = window::covers((request.begin.time, request.last), WAIT_SECONDS, begins, 0);
                    let is_early = fit == PayloadMatch::First
                        && skew::is_order_unknown(request.begin, flow.begin(), self.skew)
                        && begins < request.begin.time;
                    if is_timed == Some(false) && !is_early {
                        continue;
                    }
                    // From an address that was not asked, only what answers the request is believed, or that the client
                    // goes on with it there.
                    let is_near = !matches!(whom, RequestTarget::Anybody) || is_local(serves.address);
                    let is_half = fit == PayloadMatch::Part && serves.packets() == 0 && is_near;
                    let is_sure = fit == PayloadMatch::First || is_half;
                    if !is_sure && !matches!(whom, RequestTarget::Address(_)) {
                        continue;
                    }
                    // All that is needed later: the flow is at hand now, and would have to be fetched again then.
                    request.add(Reply {
                        flow: at,
                        server: (serves.address, serves.port),
                        begin: flow.begin(),
                        fit,
                        timed: is_timed == Some(true),
                        course: Course::of(&[(*asks, *serves)]),
                    });
                }
            }
        }
    }

    /// Settles which transfers belong to which request.
    pub(super) fn finish(self, flows: &Flows, relations: &mut Relations) {
        let mut fates: Map<u32, TransferOutcome> = Map::default();
        for ((client, whom), requests) in self.requests {
            for mut request in requests {
                request.replies.sort_by_key(|reply| reply.begin);
                for transfer in transfers(&request) {
                    let fit = transfer.iter().map(|reply| reply.fit).min().unwrap_or(PayloadMatch::Blind);
                    for reply in &transfer {
                        let timed = reply.timed;
                        let link = Link {
                            flow: Some(request.cause),
                            kind: LinkKind::Tftp,
                            probable: fit != PayloadMatch::First || !timed,
                            payload_fits: fit != PayloadMatch::Blind,
                        };
                        // A flow that two requests could have caused (the same ports on two VLANs)
                        // belongs to the one that fits better, then to the earlier.
                        let rank = |link: &Link| (link.probable, link.flow.map(|at| flows.view(at).begin()));
                        if relations.link(reply.flow).is_none_or(|held| rank(&link) < rank(&held)) {
                            relations.set_link(reply.flow, link);
                        }
                    }
                    let Some(served) = transfer.iter().find(|reply| reply.course.is_some()) else { continue };
                    let joined = (transfer.len() > 1).then(|| course(flows, client, &transfer)).flatten();
                    let Some(course) = joined.as_ref().or(served.course.as_ref()) else { continue };
                    if matches!(whom, RequestTarget::Device(_)) {
                        relations.other_addresses.push((request.cause, served.flow));
                    }
                    let fate = fates.entry(request.cause).or_insert_with(|| TransferOutcome::of(request.last));
                    fate.add(served.flow, course, relations);
                }
            }
        }
        for (cause, fate) in fates {
            if fate.until() != Timestamp::UNKNOWN {
                relations.answered_until.insert(cause, fate.until());
            }
            let (answers, vain) = fate.settle();
            if answers > 0 {
                relations.answered.insert(cause, answers);
            }
            relations.vain.extend(vain.map(|vain| (cause, vain)));
        }
        relations.other_addresses.sort_unstable();
        relate_strays(&self.strays, flows, relations);
    }
}

/// The transfers that a request may have caused, the earliest first, each with its flows on all VLAN paths.
fn transfers(request: &Request) -> Vec<SmallVec<[&Reply; 1]>> {
    let mut found: Vec<SmallVec<[&Reply; 1]>> = Vec::new();
    let mut places: Map<Endpoint, usize> = Map::default();
    for reply in &request.replies {
        let place = *places.entry(reply.server).or_insert(found.len());
        if let Some(transfer) = found.get_mut(place) {
            transfer.push(reply);
        } else if found.len() < request.room {
            found.push(SmallVec::from_iter([reply]));
        }
    }
    found
}

/// How a transfer went that several flows show.
fn course(flows: &Flows, client: Endpoint, transfer: &[&Reply]) -> Option<Course> {
    let ends = |reply: &&Reply| {
        let [a, b] = flows.view(reply.flow).ends;
        if (a.address, a.port) == client { (a, b) } else { (b, a) }
    };
    Course::of(&transfer.iter().map(ends).collect::<SmallVec<[_; 2]>>())
}

/// Relates what can only be transfers whose requests were not captured. Where a mirror tags the two directions differently,
/// each half is a flow of its own.
fn relate_strays(strays: &[u32], flows: &Flows, relations: &mut Relations) {
    let link = Link { flow: None, kind: LinkKind::Tftp, probable: true, payload_fits: true };
    let mut halves = HashSet::new();
    let mut transfers: Vec<VlanSiblings> = Vec::new();
    for &at in strays {
        if twins::is_half(&flows.view(at)) {
            halves.insert(at);
        } else {
            transfers.push(VlanSiblings::from_slice(&[at]));
        }
    }
    if !halves.is_empty() {
        transfers.extend(twins::twins(flows, |at, _| halves.contains(&at)));
    }
    for transfer in transfers {
        let views: SmallVec<[FlowView<'_>; 2]> = transfer.iter().map(|at| flows.view(*at)).collect();
        if transfer.iter().all(|at| relations.link(*at).is_none()) && alternates(&views) {
            transfer.iter().for_each(|at| relations.set_link(*at, link));
        }
    }
}

/// Opcode and number of an end's first payload.
pub(crate) fn opcode(end: &EndView<'_>) -> Option<(TftpOpcode, u16)> {
    match Tag::from_raw(end.tag()) {
        Tag::Tftp { opcode, number, .. } => Some((opcode, number)),
        _ => None,
    }
}

/// The file that the first payload of a flow's client end asks for.
fn file_of<'a>(flow: &FlowView<'_>, client: usize, evidence: &'a SideEvidence) -> Option<&'a TftpFile> {
    let (asks, serves) = (&flow.ends[client], &flow.ends[1 - client]);
    let stream = (flow.vlan(), (asks.address, asks.port), (serves.address, serves.port));
    evidence.tftp_file(&stream, asks.payload_frame())
}

/// How well a flow fits as the transfer of a read or write; `None` if it is something else.
fn fit(write: Option<bool>, client: &EndView<'_>, server: &EndView<'_>) -> Option<PayloadMatch> {
    use TftpOpcode::{Acknowledgment, Data, Error, OptionAcknowledgment};
    if [client, server].iter().any(|end| opcode(end).is_none() && end.evidence(Protocol::Tftp) == Evidence::Violates) {
        return None;
    }
    match (opcode(server), opcode(client)) {
        // RFC 1350 section 4 and RFC 2347: what may answer each request first.
        (Some((OptionAcknowledgment | Error, _)), _) => Some(PayloadMatch::First),
        (Some((Data, 1)), _) if write != Some(true) => Some(PayloadMatch::First),
        (Some((Acknowledgment, 0)), _) if write != Some(false) => Some(PayloadMatch::First),
        // The right kind, but not its beginning: packets were lost before the capture.
        (Some((Data, _)), _) if write != Some(true) => Some(PayloadMatch::Part),
        (Some((Acknowledgment, _)), _) if write != Some(false) => Some(PayloadMatch::Part),
        (Some(_), _) => None,
        // Only the client's half: what it sends to the fresh port.
        (None, Some((Acknowledgment | Error, _))) if write != Some(true) => Some(PayloadMatch::Part),
        (None, Some((Data | Error, _))) if write != Some(false) => Some(PayloadMatch::Part),
        (None, Some(_)) => None,
        (None, None) => Some(PayloadMatch::Blind),
    }
}

/// Without the request: DATA n one way and ACK n (or n-1, if an ACK was the first packet captured) the other way, about as
/// many of each. Where a window is acknowledged at once (RFC 7440), that ACK is of a block behind the first, or there are
/// others, and many more blocks. With options the server begins by their acknowledgment, which the client answers by ACK 0 (to
/// read) or DATA 1 (to write): RFC 2347. An ERROR ends any of it, but for the one that refuses what belongs to no transfer.
fn alternates(flows: &[FlowView<'_>]) -> bool {
    use TftpOpcode::{Acknowledgment, Data, Error, OptionAcknowledgment};
    let told = |end: usize| flows.iter().find_map(|flow| opcode(&flow.ends[end]));
    let conforms = |end: usize| flows.iter().any(|flow| flow.ends[end].evidence(Protocol::Tftp) == Evidence::Conforms);
    let sent = [0, 1].map(|end| flows.iter().map(|flow| flow.ends[end].packets()).sum::<u64>());
    [(0, 1), (1, 0)].into_iter().any(|(one, other)| {
        let (ours, theirs) = (sent[one], sent[other]);
        let (few, many) = (ours.min(theirs), ours.max(theirs));
        let in_windows = many <= few.saturating_add(1).saturating_mul(WINDOW);
        match (told(one), told(other)) {
            (Some((OptionAcknowledgment, _)), Some((Acknowledgment, 0) | (Data, 1))) => in_windows,
            (Some((Data | Acknowledgment | OptionAcknowledgment, _)), Some((Error, code))) => {
                code != UNKNOWN_TRANSFER && many <= WINDOW + 1 && conforms(other)
            }
            (Some((Data, data)), Some((Acknowledgment, ack))) => {
                // Behind 65,535 comes 0 or 1: both are in use.
                let is_next = data.wrapping_sub(ack) <= 1 || (data, ack) == (1, u16::MAX);
                let ahead = u64::from(ack.wrapping_sub(data));
                let is_ahead = (1..ours.min(WINDOW)).contains(&ahead);
                let balanced = few.saturating_mul(2) >= many.saturating_sub(1);
                is_next && balanced || ours > theirs && in_windows && (is_ahead || is_next && theirs > 1)
            }
            _ => false,
        }
    })
}
