//! TFTP: a request to port 69, and the transfer on fresh ports that it causes (RFC 1350 section 4).

use std::net::IpAddr;

use smallvec::SmallVec;

use super::ports::{self, Ports};
use super::transfer::{Course, Fate};
use super::{Link, LinkKind, Map, Relations, is_group, window};
use crate::capture::{Moment, Timestamp};
use crate::decode::{MacAddr, is_first_hop};
use crate::flow::{EndView, Endpoint, FlowView, Flows, SideEvidence, TftpFile};
use crate::protocol::{Evidence, Protocol, Tag, TftpOpcode, Transport};

pub(super) const PORT: u16 = 69;
/// How long after a request its transfer may begin: the time for which Linux's connection tracker
/// expects it (nf_conntrack_tftp).
const WAIT_SECONDS: u32 = 300;

/// Requests of one client endpoint to one server address that are told apart. Usually it is one: more are a client that
/// asks on several VLANs, or at several ports, from one port of its own.
const MAX_REQUESTS: usize = 256;

/// The requests of one flow.
struct Request {
    cause: u32,
    /// Whom it asked.
    server: IpAddr,
    /// RRQ or WRQ; `None` if the payload was not captured.
    write: Option<bool>,
    first: Timestamp,
    last: Timestamp,
    /// How many were sent: each may cause one transfer, and a retry may as well.
    sent: u64,
    /// Flows that could be its transfers: those that began first, at least as many as were sent.
    replies: SmallVec<[Reply; 1]>,
}

impl Request {
    /// Of more than were sent, only the first ones count: twice as many are never kept.
    fn add(&mut self, reply: Reply) {
        self.replies.push(reply);
        let room = self.room();
        if self.replies.len() / 2 > room {
            self.replies.select_nth_unstable_by_key(room, |reply| reply.begin);
            self.replies.truncate(room);
        }
    }

    /// How many transfers it may have caused.
    fn room(&self) -> usize {
        usize::try_from(self.sent).unwrap_or(usize::MAX)
    }
}

struct Reply {
    flow: u32,
    begin: Moment,
    fit: PayloadMatch,
    /// Whether its first time is known.
    timed: bool,
    /// What became of it, if the server sent any of it.
    course: Option<Course>,
}

/// How well a flow's payload fits the transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PayloadMatch {
    /// The server's first packet is what answers the request.
    First,
    /// TFTP, but from its middle, or only the client's half was captured.
    Part,
    /// No payload was captured.
    Blind,
}

/// Whom a request was sent to, and so whose transfer may answer it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum RequestTarget {
    Address(IpAddr),
    /// Any other address of the device: its frames come from the MAC that the request was sent to.
    Device(MacAddr),
    /// Whoever hears a broadcast (RFC 1123 section 4.2.3.5).
    Anybody,
}

#[derive(Default)]
pub(super) struct Transfers {
    /// By client and whom it asked.
    requests: Map<(Endpoint, RequestTarget), SmallVec<[Request; 1]>>,
    /// Whether any of them asked [`RequestTarget::Anybody`].
    broadcasts: bool,
    /// Flows that speak TFTP at both ends and on no port of its own.
    strays: Vec<u32>,
}

impl Transfers {
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
            let device = asks.destination_mac().filter(|mac| !mac.is_group()).map(RequestTarget::Device);
            let whom = match is_group(flow, 1 - client) {
                true => [Some(RequestTarget::Anybody), None],
                false => [Some(RequestTarget::Address(serves.address)), device],
            };
            self.broadcasts |= whom[0] == Some(RequestTarget::Anybody);
            for whom in whom.into_iter().flatten() {
                let requests = self.requests.entry(((asks.address, asks.port), whom)).or_default();
                if requests.len() >= MAX_REQUESTS {
                    relations.overflowed("TFTP requests from one port to one server");
                    return;
                }
                requests.push(Request {
                    cause: at,
                    server: serves.address,
                    write,
                    first: asks.begin().time,
                    last: asks.end(),
                    sent: asks.packets(),
                    replies: SmallVec::new(),
                });
            }
            return;
        }
        if flow.ends.iter().all(|end| end.port != PORT && opcode(end).is_some()) {
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
            // What a router hands on comes from its MAC, but is no other address of its.
            let device = serves.source_mac().filter(|_| is_first_hop(serves.hops())).map(RequestTarget::Device);
            for whom in [Some(RequestTarget::Address(serves.address)), device, anybody].into_iter().flatten() {
                let Some(requests) = self.requests.get_mut(&((asks.address, asks.port), whom)) else { continue };
                let is_meant = |request: &&mut Request| {
                    request.cause != at
                        && (!matches!(whom, RequestTarget::Device(_)) || request.server != serves.address)
                };
                for request in requests.iter_mut().filter(is_meant) {
                    let begins = flow.begin().time;
                    if window::covers(request.first, request.last, WAIT_SECONDS, begins) == Some(false) {
                        continue;
                    }
                    let Some(fit) = fit(request.write, asks, serves) else { continue };
                    // From an address that was not asked, only what answers the request is believed.
                    if fit != PayloadMatch::First && !matches!(whom, RequestTarget::Address(_)) {
                        continue;
                    }
                    // All that is needed later: the flow is at hand now, and would have to be fetched again then.
                    request.add(Reply {
                        flow: at,
                        begin: flow.begin(),
                        fit,
                        timed: begins.nanos().is_some(),
                        course: (serves.packets() > 0).then(|| Course::of(asks, serves)),
                    });
                }
            }
        }
    }

    /// Settles which transfers belong to which request.
    pub(super) fn finish(self, flows: &Flows, relations: &mut Relations) {
        let mut fates: Map<u32, Fate> = Map::default();
        for ((_, whom), requests) in self.requests {
            for mut request in requests {
                request.replies.sort_by_key(|reply| reply.begin);
                for reply in request.replies.iter().take(request.room()) {
                    let timed = request.first.nanos().is_some() && reply.timed;
                    let link = Link {
                        flow: Some(request.cause),
                        kind: LinkKind::Tftp,
                        probable: reply.fit != PayloadMatch::First || !timed,
                        payload_fits: reply.fit != PayloadMatch::Blind,
                    };
                    // A flow that two requests could have caused (the same ports on two VLANs)
                    // belongs to the one that fits better, then to the earlier.
                    let rank = |link: &Link| (link.probable, link.flow.map(|at| flows.view(at).begin()));
                    if relations.link(reply.flow).is_none_or(|held| rank(&link) < rank(&held)) {
                        relations.set_link(reply.flow, link);
                    }
                    let Some(course) = &reply.course else { continue };
                    if matches!(whom, RequestTarget::Device(_)) {
                        relations.other_addresses.push((request.cause, reply.flow));
                    }
                    let fate = fates.entry(request.cause).or_insert_with(|| Fate::of(request.last));
                    fate.add(reply.flow, course, relations);
                }
            }
        }
        for (cause, fate) in fates {
            let (answers, vain) = fate.settle();
            if answers > 0 {
                relations.answered.insert(cause, answers);
            }
            relations.vain.extend(vain.map(|vain| (cause, vain)));
        }
        relations.other_addresses.sort_unstable();
        for at in self.strays {
            if relations.link(at).is_none() && alternates(&flows.view(at)) {
                relations.set_link(at, Link { flow: None, kind: LinkKind::Tftp, probable: true, payload_fits: true });
            }
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

/// Without the request: DATA n one way and ACK n (or n-1, if an ACK was the first packet captured)
/// the other way, about as many of each. With options the server begins by their acknowledgment, which the client answers
/// by ACK 0 (to read) or DATA 1 (to write): RFC 2347.
fn alternates(flow: &FlowView<'_>) -> bool {
    use TftpOpcode::{Acknowledgment, Data, OptionAcknowledgment};
    let (data, ack) = match (opcode(&flow.ends[0]), opcode(&flow.ends[1])) {
        (Some((Data, data)), Some((Acknowledgment, ack))) | (Some((Acknowledgment, ack)), Some((Data, data))) => {
            (data, ack)
        }
        (Some((OptionAcknowledgment, _)), Some((Acknowledgment, 0) | (Data, 1)))
        | (Some((Acknowledgment, 0) | (Data, 1)), Some((OptionAcknowledgment, _))) => (0, 0),
        _ => return false,
    };
    let [a, b] = [flow.ends[0].packets(), flow.ends[1].packets()];
    let balanced = a.min(b).saturating_mul(2) >= a.max(b).saturating_sub(1);
    flow.transport == Transport::Udp && data.wrapping_sub(ack) <= 1 && balanced
}
