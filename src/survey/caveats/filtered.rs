//! What the frames themselves tell of a filter that left answers out.

use std::collections::{BTreeSet, HashMap};

use crate::capture::Timestamp;
use crate::flow::{Flows, Observed};
use crate::inventory::HostId;
use crate::policy::Policy;
use crate::protocol::{Protocol, Transport};

/// Nanoseconds over which a client must go on before its silence about earlier tries tells: a SYN is sent again after one second,
/// and again after two more (RFC 6298 section 2).
const LASTING: i64 = 10_000_000_000;
/// Tries of one client at one port of one server that tell.
const LEAST: u64 = 3;

/// How many connections were opened to be opened anew, where all that was captured of TCP is SYNs and none was sent again,
/// as who had no answer must (RFC 9293 section 3.8.1): they were answered. Where but one client says so, of but one
/// service, it may be one that loses patience within a second.
pub(super) fn answered_unseen(flows: &Flows, parties: &[[HostId; 2]]) -> Option<u64> {
    let mut tries: HashMap<(HostId, HostId, u16), (u64, Timestamp, Timestamp)> = HashMap::new();
    for (place, flow) in flows.places().zip(flows.iter()).filter(|(_, flow)| flow.transport == Transport::Tcp) {
        let client = usize::from(flow.ends[0].packets() == 0);
        let [end, server] = [&flow.ends[client], &flow.ends[1 - client]];
        let [host, other] = [client, 1 - client].map(|end| parties[place as usize][end]);
        if end.syns() == 0 || server.packets() > 0 || end.packets().saturating_sub(end.duplicates()) != 1 {
            return None;
        }
        let (count, first, last) =
            tries.entry((host, other, server.port)).or_insert((0, Timestamp::UNKNOWN, Timestamp::UNKNOWN));
        (*count, *first, *last) = (*count + 1, first.earlier(flow.first()), (*last).max(flow.last()));
    }
    tries.retain(|_, (count, first, last)| {
        let lasted = first.nanos().zip(last.nanos()).map_or(0, |(from, to)| to.saturating_sub(from));
        *count >= LEAST && lasted >= LASTING
    });
    let clients: BTreeSet<HostId> = tries.keys().map(|(client, ..)| *client).collect();
    let ports: BTreeSet<u16> = tries.keys().map(|(.., port)| *port).collect();
    (clients.len() > 1 || ports.len() > 1).then(|| tries.values().map(|(count, ..)| count).sum())
}

/// Nanoseconds in which hosts that speak to each other ask who has an address (RFC 1122 section 2.3.2.1: each minute), so that a
/// capture without that is one of chosen ports.
const CHOSEN: i64 = 60_000_000_000;

/// Whether nothing at all was captured but what has a port of the vendor's documents, and requests of TFTP among it: their
/// answers come from fresh ports (RFC 1350 section 4), which a filter on those leaves out.
pub(super) fn holds_listed_ports_only(observed: &Observed, policy: &Policy) -> bool {
    let other = &observed.other_frames;
    let begin = observed.tallies.values().filter_map(|tally| tally.first().nanos()).min();
    let end = observed.tallies.values().filter_map(|tally| tally.last().nanos()).max();
    let flows = || observed.flows.iter();
    other.non_ip.is_empty()
        && other.icmp_errors.frames == 0
        && observed.orphan_fragments.is_empty()
        && begin.zip(end).is_some_and(|(begin, end)| end.saturating_sub(begin) >= CHOSEN)
        && flows().all(|flow| flow.ends.iter().any(|end| policy.is_documented_port(flow.transport, end.port)))
        && flows().any(|flow| {
            flow.transport == Transport::Udp && flow.ends.iter().any(|end| Protocol::Tftp.ports().contains(&end.port))
        })
}
