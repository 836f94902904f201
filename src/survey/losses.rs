//! What a capture did not get, by its own counts and times, in words.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::capture::{InterfaceSummary, Outages, Timestamp};
use crate::flow::{FlowView, Flows, SynAnswer, Tally};
use crate::health::Health;
use crate::protocol::Transport;
use crate::text::times;

/// Packets that were lost while an input was captured, as far as it says.
pub(super) fn dropped(interfaces: &[InterfaceSummary]) -> u64 {
    interfaces.iter().map(InterfaceSummary::not_captured).fold(0, u64::saturating_add)
}

/// How many packets were not captured, and who says so.
pub(super) fn drops(path: &str, interfaces: &[InterfaceSummary]) -> Option<String> {
    let sum = |of: fn(&InterfaceSummary) -> u64| interfaces.iter().map(of).fold(0, u64::saturating_add);
    let total = dropped(interfaces);
    // dumpcap counts what the kernel dropped as the interface's; who counts both tells them apart.
    let tells_apart = interfaces.iter().any(|interface| interface.os_dropped.is_some());
    let by_interface = if tells_apart { "by the interface" } else { "by the interface or the kernel" };
    let by = [
        (sum(|interface| interface.dropped.unwrap_or(0)), by_interface),
        (sum(|interface| interface.os_dropped.unwrap_or(0)), "by the operating system"),
        (sum(|interface| interface.lost), "as its packets count what was lost before them"),
    ];
    let by: Vec<_> =
        by.iter().filter(|(packets, _)| *packets > 0).map(|(packets, by)| format!("{packets} {by}")).collect();
    (total > 0).then(|| {
        let by = by.join(", ");
        let total = times(total, "packet was", "packets were");
        format!("{total} dropped while {path} was captured ({by}): what is missing may have been there.")
    })
}

/// When an interface had no link while it was captured on.
pub(super) fn outages(interface: &InterfaceSummary) -> Option<String> {
    let Outages { number, times: known } = &interface.outages;
    let span = |(from, to): &(Timestamp, Option<Timestamp>)| match to {
        Some(to) => format!("from {from:.3} to {to:.3}"),
        None => format!("from {from:.3} on"),
    };
    let mut spans: Vec<String> = known.iter().map(span).collect();
    let untold = number.saturating_sub(spans.len() as u64);
    spans.extend((untold > 0).then(|| format!("and {} more", times(untold, "time", "times"))));
    (*number > 0).then(|| {
        format!(
            "{} had no link {}: it was down, or its cable was out, and what others sent meanwhile was not captured.",
            interface.name,
            spans.join(", ")
        )
    })
}

/// What is to be said where every frame has the same time, none has any but zero, or times only count.
pub(super) fn stopped_clock(path: &str, tally: &Tally) -> Option<String> {
    let (first, frames) = (tally.first(), tally.frames);
    let is_zero = first.nanos() == Some(0);
    let is_one = first == tally.last() && first != Timestamp::UNKNOWN && tally.clock.untimed == 0;
    let what = match () {
        () if tally.only_counts() => "has the time of the one before and one step more",
        () if is_one && is_zero => "has the time zero",
        () if is_one && frames > 1 => "has the same time",
        () => return None,
    };
    Some(format!(
        "Every one of the {frames} frames of {path} {what}: the capture had no clock. Order is that of the file, and \
         whatever rests on durations is doubtful."
    ))
}

/// A connection, on whatever VLAN path.
type EndpointPair = [(IpAddr, u16); 2];

/// The end of a flow that sent a SYN which the other end's numbers acknowledge (RFC 9293 section 3.5), though no SYN-ACK of
/// that end is in the flow: it was sent, and not captured. Not of flows that were folded, which are several.
pub(super) fn lacks_syn_ack(flow: &FlowView<'_>) -> Option<usize> {
    if flow.transport != Transport::Tcp || flow.folded > 0 {
        return None;
    }
    (0..2).find(|client| {
        let (client, server) = (&flow.ends[*client], &flow.ends[1 - client]);
        // The numbers lie elsewhere in memory, and are hardly ever asked.
        client.syns() > 0
            && server.syn_acks() == 0
            && server.syns() == 0
            && server.packets() > 0
            && client.answer() == SynAnswer::Fits
    })
}

/// How many connections prove that a packet was not captured: those that lack a SYN-ACK on every VLAN path.
pub(super) fn proved(flows: &Flows) -> u64 {
    let ends = |flow: &FlowView<'_>| flow.ends.each_ref().map(|end| (end.address, end.port));
    let mut lacking: HashSet<EndpointPair> =
        flows.iter().filter(|flow| lacks_syn_ack(flow).is_some()).map(|flow| ends(&flow)).collect();
    if !lacking.is_empty() {
        let has_syn_ack =
            |flow: &FlowView<'_>| flow.transport == Transport::Tcp && flow.ends.iter().any(|end| end.syn_acks() > 0);
        flows.iter().filter(has_syn_ack).for_each(|flow| {
            lacking.remove(&ends(&flow));
        });
    }
    lacking.len() as u64
}

/// Whether one end of a flow acknowledged more bytes of TCP than the other's frames hold.
pub(super) fn lacks_bytes(flow: &FlowView<'_>) -> bool {
    flow.transport == Transport::Tcp && flow.ends.iter().any(|end| end.acknowledged_beyond().is_some())
}

/// Bytes that TCP proves to be missing, and of how many directions: acknowledged, and never seen.
pub(super) type MissingBytes = (u64, u64);

fn sum_of(missing: impl Iterator<Item = u64>) -> MissingBytes {
    missing.filter(|bytes| *bytes > 0).fold((0, 0), |(sum, number), bytes| (sum.saturating_add(bytes), number + 1))
}

/// Those that were measured segment by segment. Of a direction of which nothing was captured nothing is counted.
pub(super) fn measured_bytes(health: &Health) -> MissingBytes {
    sum_of(health.pairs.values().filter_map(|sums| sums.losses.as_ref()).map(|lost| lost.uncaptured))
}

/// Those of connections whose FIN acknowledges more than all frames of the connection, on every VLAN path, can hold: fewer
/// than are missing, for what a frame holds beside the shortest headers counts as captured.
pub(super) fn proved_bytes(flows: &Flows) -> MissingBytes {
    let ends = |flow: &FlowView<'_>| flow.ends.each_ref().map(|end| (end.address, end.port));
    let mut missing: HashMap<EndpointPair, [u64; 2]> = HashMap::new();
    for flow in flows.iter().filter(lacks_bytes) {
        let acknowledged = flow.ends.each_ref().map(|end| end.acknowledged_beyond().unwrap_or(0));
        let known = missing.entry(ends(&flow)).or_default();
        *known = [known[0].max(acknowledged[0]), known[1].max(acknowledged[1])];
    }
    if !missing.is_empty() {
        for flow in flows.iter().filter(|flow| flow.transport == Transport::Tcp) {
            let Some(missing) = missing.get_mut(&ends(&flow)) else { continue };
            for (bytes, end) in missing.iter_mut().zip(&flow.ends) {
                *bytes = bytes.saturating_sub(end.captured_bytes());
            }
        }
    }
    sum_of(missing.into_values().flatten())
}

/// The same in words.
pub(super) fn proof_of_bytes((bytes, directions): MissingBytes) -> Option<String> {
    let of = match directions {
        0 => return None,
        1 => "what one host sent to another".to_owned(),
        many => format!("what hosts sent to others, {many} pairs"),
    };
    Some(format!(
        "TCP proves that packets are missing: at least {bytes} bytes of {of} were acknowledged and are not in the capture. What was lost \
         by the network is sent again; this was not."
    ))
}

/// What TCP proves of packets that were not captured.
pub(super) fn proof(connections: u64) -> Option<String> {
    let (of, lack) = match connections {
        0 => return None,
        1 => ("1 TCP connection".to_owned(), "was"),
        many => (format!("{many} TCP connections"), "were"),
    };
    Some(format!(
        "TCP proves that packets are missing: of {of} the SYN-ACK, one each, {lack} not captured, though what came later \
         acknowledges the SYN. Others will be missing that nothing proves."
    ))
}
