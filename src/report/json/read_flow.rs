//! A flow of a survey.json.

use std::net::IpAddr;

use super::v1;
use super::words::{self, time};
use crate::capture::{FrameId, Moment};
use crate::flow::{Flow, FlowEnd, Sources};
use crate::report::community_id::{Endpoint, community_id};

/// Of the two ends of a flow the smaller stands first.
pub(super) fn is_server_first(row: &v1::Flow<'_>) -> bool {
    (row.server_ip, row.server_port) < (row.client_ip, row.client_port)
}

/// The flow, of a survey with so many inputs.
pub(super) fn flow(row: &v1::Flow<'_>, inputs: usize) -> Option<Flow> {
    let transport = words::transport(&row.transport)?;
    let (first, last) = (time(row.first_seen), time(row.last_seen));
    let end = |address: IpAddr, port: Option<u16>, packets: u64| {
        let silent = FlowEnd::silent(address, port.unwrap_or(0));
        if packets == 0 {
            return silent;
        }
        FlowEnd { packets, first, last, begin: Moment { time: first, frame: FrameId::NONE }, end: last, ..silent }
    };
    let client = FlowEnd {
        bytes: row.client_bytes,
        source_mac: row.client_mac.map(|mac| mac.0),
        tcp_flags: words::tcp_flags(row.client_tcp_flags.as_ref()),
        duplicates: row.duplicates,
        ..end(row.client_ip, row.client_port, row.client_packets)
    };
    let server = FlowEnd {
        bytes: row.server_bytes,
        source_mac: row.server_mac.map(|mac| mac.0),
        tcp_flags: words::tcp_flags(row.server_tcp_flags.as_ref()),
        ..end(row.server_ip, row.server_port, row.server_packets)
    };
    let mut sources = Sources::new();
    for source in row.sources.iter().filter(|source| (**source as usize) < inputs) {
        if sources.try_push(*source).is_err() {
            break;
        }
    }
    Some(Flow {
        vlan: words::vlan(row.vlan.as_ref())?,
        transport,
        icmp_type: row.icmp_type,
        icmp_code: icmp_code(row).unwrap_or(0),
        ends: if is_server_first(row) { [server, client] } else { [client, server] },
        sources,
        folded: 0,
    })
}

/// The ICMP code, which stands in no column: it is the one that gives the same Community ID.
fn icmp_code(row: &v1::Flow<'_>) -> Option<u8> {
    let (transport, kind) = (words::transport(&row.transport)?, row.icmp_type?);
    let wanted = row.community_id.as_deref()?.as_bytes();
    let [client, server] = [row.client_ip, row.server_ip].map(|address| Endpoint { address, port: 0 });
    (0..=u8::MAX)
        .find(|code| community_id(transport, client, server, Some((kind, *code))).is_some_and(|id| id == wanted))
}
