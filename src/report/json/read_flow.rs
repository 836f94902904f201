//! A flow of a survey.json.

use std::net::IpAddr;

use super::v1;
use super::words::{self, time};
use crate::flow::{EndRow, FlowRow, Sources};
use crate::protocol::Transport;
use crate::report::community_id::{Endpoint, community_id};

/// The flow with its client first, of a survey with so many inputs.
pub(super) fn flow(row: &v1::Flow<'_>, inputs: usize) -> Option<FlowRow> {
    let transport = words::transport(&row.transport)?;
    let is_icmp = matches!(transport, Transport::Icmp | Transport::Icmpv6);
    if is_icmp != row.icmp_type.is_some() || row.client_ip.is_ipv4() != row.server_ip.is_ipv4() {
        return None;
    }
    let (first, last) = (time(row.first_seen), time(row.last_seen));
    let end = |address: IpAddr, port: Option<u16>, packets: u64| {
        let silent = EndRow::silent(address, port.unwrap_or(0));
        if packets == 0 { silent } else { EndRow { packets, first, last, ..silent } }
    };
    // Which end the copies are of is not told, and an end counts 32 bits of them.
    let client = EndRow {
        bytes: row.client_bytes,
        source_mac: row.client_mac.map(|mac| mac.0),
        tcp_flags: words::tcp_flags(row.client_tcp_flags.as_ref()),
        duplicates: row.duplicates.div_ceil(2),
        ..end(row.client_ip, row.client_port, row.client_packets)
    };
    let server = EndRow {
        bytes: row.server_bytes,
        source_mac: row.server_mac.map(|mac| mac.0),
        tcp_flags: words::tcp_flags(row.server_tcp_flags.as_ref()),
        duplicates: row.duplicates / 2,
        ..end(row.server_ip, row.server_port, row.server_packets)
    };
    let mut sources = Sources::new();
    for source in row.sources.iter().filter(|source| (**source as usize) < inputs) {
        if sources.try_push(*source).is_err() {
            break;
        }
    }
    Some(FlowRow {
        vlan: words::vlan(row.vlan.as_ref())?,
        transport,
        icmp_type: row.icmp_type,
        icmp_code: icmp_code(row).unwrap_or(0),
        ends: [client, server],
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
