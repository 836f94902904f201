//! Inputs whose clocks differ, such as the directions of a TAP in files of their own: connections tell that, and by how much.

use std::collections::HashMap;
use std::net::IpAddr;

use super::window::SKEW;
use super::{DirectionBasis, Orientation};
use crate::capture::Moment;
use crate::flow::{EndView, FlowView, Flows};
use crate::policy::Policy;
use crate::protocol::Transport;

/// Nanoseconds by which clocks may differ: what lies farther back is of another connection.
const MOST: i64 = 5_000_000_000;
/// Nanoseconds by which connections may differ in that: clocks that drift are not put right by one number.
const STEADY: i64 = 50_000_000;
/// Nanoseconds that an estimate may err beside: a round trip is in it.
const SURE: i64 = 5_000_000;
/// Ports that clients get from their system begin here, or later (Linux; RFC 6335: 49152).
const CLIENT_PORTS: u16 = 32_768;
/// Connections between the same two inputs that show it, at least: one may be of ports that are used again.
const LEAST: usize = 2;

/// By how many nanoseconds the clock of one input is ahead of another's, where SYN-ACKs are stamped before the SYNs that they
/// answer.
#[derive(Clone, Debug, Default)]
pub struct Skews(HashMap<[u32; 2], Skew>);

/// By how much the one is ahead, and by how much connections differ in that.
#[derive(Clone, Copy, Debug)]
struct Skew {
    ahead: i64,
    spread: i64,
}

impl Skews {
    /// The largest; 0 where there is none.
    pub fn largest(&self) -> i64 {
        self.0.values().map(|skew| skew.ahead).max().unwrap_or(0)
    }

    /// Which of two moments comes first by clocks that are put right: none where even that does not tell. No answer at all where
    /// the clocks of their inputs are as one, or the order is plain.
    fn first(&self, one: Moment, other: Moment) -> Option<Option<u8>> {
        let inputs = [one, other].map(|at| at.frame.input());
        let (skew, ahead) = match (self.0.get(&inputs), self.0.get(&[inputs[1], inputs[0]])) {
            (Some(skew), _) => (skew, skew.ahead),
            (None, skew) => (skew?, -skew?.ahead),
        };
        let apart = one.time.raw().saturating_sub(other.time.raw());
        let later = apart.saturating_sub(ahead);
        let is_sure = later.saturating_abs() > skew.spread.saturating_add(SURE);
        (apart.saturating_abs() <= skew.ahead.saturating_add(SKEW)).then_some(is_sure.then_some(u8::from(later > 0)))
    }
}

/// How the clocks of inputs differ.
pub fn skews(flows: &Flows) -> Skews {
    // By the inputs of SYN and SYN-ACK: how many came early, how many there are, and by how much the early ones did.
    let mut ways: HashMap<[u32; 2], (usize, usize, [i64; 2])> = HashMap::new();
    for flow in flows.iter().filter(|flow| flow.transport == Transport::Tcp) {
        let Some((inputs, ahead)) = ahead(&flow) else { continue };
        let (early, all, [least, most]) = ways.entry(inputs).or_insert((0, 0, [i64::MAX, 0]));
        let is_early = (1..MOST).contains(&ahead);
        (*early, *all) = (*early + usize::from(is_early), *all + 1);
        if is_early {
            (*least, *most) = (ahead.min(*least), ahead.max(*most));
        }
    }
    let believed = ways.into_iter().filter(|(_, (early, all, [least, most]))| {
        *early >= LEAST && early * 2 >= *all && most.saturating_sub(*least) <= STEADY
    });
    let skew = |[least, most]: [i64; 2]| Skew { ahead: most, spread: most.saturating_sub(least) };
    Skews(believed.map(|(inputs, (_, _, early))| (inputs, skew(early))).collect())
}

/// The inputs of SYN and SYN-ACK where they lie in two, and how much earlier than the SYN the SYN-ACK is stamped.
fn ahead(flow: &FlowView<'_>) -> Option<([u32; 2], i64)> {
    let opens = |end: &EndView<'_>| end.syns() > 0 && end.syn_acks() == 0;
    let accepts = |end: &EndView<'_>| end.syn_acks() > 0 && end.syns() == 0;
    let [a, b] = &flow.ends;
    let (client, server) = match (opens(a) && accepts(b), opens(b) && accepts(a)) {
        (true, _) => (a.begin(), b.begin()),
        (_, true) => (b.begin(), a.begin()),
        _ => return None,
    };
    let apart = client.time.nanos()?.saturating_sub(server.time.nanos()?);
    let inputs = [client, server].map(|begin| begin.frame.input());
    (inputs[0] != inputs[1]).then_some((inputs, apart))
}

/// Whether two moments lie in two inputs whose clocks differ by `skew`, and may come in the other order.
pub(super) fn is_order_unknown(one: Moment, other: Moment, skew: i64) -> bool {
    let apart = one.time.raw().saturating_sub(other.time.raw()).saturating_abs();
    skew > 0 && one.frame.input() != other.frame.input() && apart <= skew.saturating_add(SKEW)
}

/// Answers that are stamped a little before their requests, by two queues or interfaces: the owner of documented ports that a client
/// may hold by chance is the server if others speak with one from several ports, and begin at least once. A client that asks from
/// such a port begins each time. Tells whether any flow's client changed.
pub fn believe_servers(flows: &Flows, policy: &Policy, orientations: &mut [Orientation]) -> bool {
    // Owners of documented ports, with the port of who spoke with them, whether there are several, and whether one began.
    let mut met: HashMap<(IpAddr, u16), (u16, bool, bool)> = HashMap::new();
    let mut early = Vec::new();
    for (place, way) in flows.places().zip(&*orientations) {
        if way.basis != DirectionBasis::FirstPacket {
            continue;
        }
        let flow = flows.view(place);
        let documented = flow.ends.each_ref().map(|end| policy.is_documented_port(flow.transport, end.port));
        if flow.transport != Transport::Udp || documented[0] == documented[1] {
            continue;
        }
        let server = usize::from(documented[1]);
        let (owner, other) = (&flow.ends[server], &flow.ends[1 - server]);
        if other.port < CLIENT_PORTS {
            continue;
        }
        let (port, several, is_asked) = met.entry((owner.address, owner.port)).or_insert((other.port, false, false));
        *several |= *port != other.port;
        *is_asked |= usize::from(way.client) != server;
        let [owners, others] = [owner, other].map(|end| end.begin().time.nanos());
        let is_soon =
            owners.zip(others).is_some_and(|(first, second)| (0..=SKEW).contains(&second.saturating_sub(first)));
        if usize::from(way.client) == server && owner.packets() > 0 && other.packets() > 0 && is_soon {
            early.push((place, server, (owner.address, owner.port)));
        }
    }
    early.retain(|(.., owner)| met.get(owner).is_some_and(|(_, several, is_asked)| *several && *is_asked));
    for (place, server, _) in &early {
        let client = 1 - *server as u8;
        orientations[*place as usize] = Orientation { client, basis: DirectionBasis::DocumentedPort };
    }
    !early.is_empty()
}

/// Puts the order of first packets right by the clocks; where it tells nothing then, a documented port that a client may hold by
/// chance tells more. Tells whether any flow's client changed.
pub fn believe_ports(flows: &Flows, policy: &Policy, orientations: &mut [Orientation], skews: &Skews) -> bool {
    let mut changed = false;
    if skews.0.is_empty() {
        return false;
    }
    let guessed = |(_, way): &(u32, &mut Orientation)| way.basis == DirectionBasis::FirstPacket;
    for (place, way) in flows.places().zip(orientations).filter(guessed) {
        let flow = flows.view(place);
        let documented = flow.ends.each_ref().map(|end| policy.is_documented_port(flow.transport, end.port));
        let [one, other] = flow.ends.each_ref().map(EndView::begin);
        let Some(first) = skews.first(one, other) else { continue };
        let by_port = Orientation { client: u8::from(documented[0]), basis: DirectionBasis::DocumentedPort };
        let right = match first {
            Some(client) => Orientation { client, basis: DirectionBasis::FirstPacket },
            None if documented[0] != documented[1] => by_port,
            None => continue,
        };
        changed |= way.client != right.client;
        *way = right;
    }
    changed
}
