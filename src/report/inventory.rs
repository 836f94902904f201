//! inventory.csv: one row an address.

use std::net::IpAddr;

use super::column::columns;
use super::json::v1::Text;
use super::json::{Mac, Time};
use super::names::role_basis;
use super::value::Value;
use crate::inventory::{self, milliwatts};

pub(super) type HostRow<'a> = &'a inventory::Host;

/// Files that do not say it hold only hosts that were heard.
const fn yes() -> bool {
    true
}

columns! {
    /// A row of inventory.csv.
    Inventory of HostRow, in "inventory.csv", read as Host<'a>:
    "One row an address that was seen or declared, sorted by address.";

    All address: IpAddr = |r| r.address;
    "address", "10.20.0.31", "The address.";
    All mac: Option<Mac> = |r| r.mac;
    "MAC address", "02:1b:00:00:00:1f", "Its link address; empty behind a router.";
    All role: Text<'a> = |r| Value::Name(r.role.name());
    "role", "node", "`gateway`, `node`, `bacnet`, `host`, `external` or `group`.";
    All role_basis: Text<'a> = |r| role_basis(r);
    "text", "declared: site.toml line 12",
    "How the role is known: `declared`, `address` or `inferred`, and the entry or the traffic that says so.";
    All confidence: u8 = |r| r.confidence;
    "percent", "100", "Confidence in an inferred role; 100 where it is declared or follows from the address.";
    All name: Option<Text<'a>> = |r| r.name.as_deref();
    "text", "Node 3.07", "Name, from the inventory.";
    All version: Option<Text<'a>> = |r| r.version.as_deref();
    "text", "3.1.0", "Software version, from the inventory.";
    All first_seen: Option<Time> = |r| r.first_seen;
    "RFC 3339, UTC", "2025-03-04T08:15:00.000123000Z", "First packet sent or received.";
    All last_seen: Option<Time> = |r| r.last_seen;
    "RFC 3339, UTC", "2025-03-04T09:15:00.000123000Z", "Last packet sent or received.";
    All packets_sent: u64 = |r| r.packets_sent;
    "packets", "1200", "Packets sent.";
    All bytes_sent: u64 = |r| r.bytes_sent;
    "bytes", "98400", "Bytes sent: original frame lengths.";
    All packets_received: u64 = |r| r.packets_received;
    "packets", "1188", "Packets received.";
    All bytes_received: u64 = |r| r.bytes_received;
    "bytes", "97110", "Bytes received.";
    All serves: Vec<Text<'a>> = |r| Value::list(services(r));
    "transport/port, joined by `;`", "tcp/80;udp/69",
    "Ports on which it answered as a server, lowest first; of many, the first and how many more (`+12`).";
    #[serde(default = "yes")]
    All heard: bool = |r| r.heard;
    "yes or no", "yes", "`no` (in survey.json false) for a host that the inventory declares and of which nothing at all was captured.";
    #[serde(default)]
    All other_macs: Vec<Mac> = |r| Value::list(r.more_macs.iter().copied());
    "MAC addresses, joined by `;`", "02:1b:00:00:00:2a",
    "Other link addresses that spoke for the address, no router's: two devices have it, or had it in turn.";
    #[serde(default)]
    All lldp_name: Option<Text<'a>> = |r| r.lldp_name.as_deref();
    "text", "node-07", "The name that it gives itself by LLDP.";
    #[serde(default)]
    All switch: Option<Text<'a>> = |r| r.attachment.as_ref().map(|at| &*at.switch);
    "text", "lighting-switch",
    "The switch that it is plugged into, as the switch tells by LLDP, where one capture shows just one port.";
    #[serde(default)]
    All switch_port: Option<Text<'a>> = |r| r.attachment.as_ref().map(|at| &*at.port);
    "text", "Gi1/0/7", "That switch's port, with its description.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_class: Option<u8> = |r| r.power().and_then(|power| power.class);
    "number", "4", "Power class by LLDP, 0 to 8 (IEEE 802.3); empty where LLDP says nothing.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_requested_mw: Option<u32> = |r| r.power().and_then(|power| power.requested).map(milliwatts);
    "milliwatts", "25500", "The power that it asks for by LLDP, at its end of the cable.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_allocated_mw: Option<u32> = |r| r.power().and_then(|power| power.allocated).map(milliwatts);
    "milliwatts", "13000", "The power that the switch gives it by LLDP, at its end of the cable.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse poe_pairs: Option<Text<'a>> = |r| r.power().and_then(|power| power.pairs).map(Value::Name);
    "name", "signal", "The pairs of the cable that carry the power, as LLDP tells: `signal`, `spare` or `both`.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse dot1x: Option<Text<'a>> = |r| r.dot1x().map(|state| Value::Name(state.name()));
    "name", "authenticated",
    "How far it came with 802.1X: `authenticated`, `refused` or `started`; empty where nothing was heard of it.";
    #[serde(default, skip_serializing_if = "Option::is_none")]
    Sparse groups: Option<Vec<Text<'a>>> = |r| groups(r);
    "addresses, joined by `;`", "224.0.1.187;239.255.255.250",
    "Groups that it says it listens to (IGMP, MLD), lowest first; of many, the first and how many more (`+12`).";
}

/// Its groups, and `+12` if there were more.
fn groups(host: &inventory::Host) -> Option<Vec<Value<'_>>> {
    let link = host.link.as_deref().filter(|link| !link.groups.is_empty())?;
    let more = (link.more_groups > 0).then_some(Value::Numbered(b'+', link.more_groups.into()));
    Some(link.groups.iter().map(|group| Value::Address(*group)).chain(more).collect())
}

/// `tcp/80`, `udp/69`, ..., and `+12` if there were more.
pub(super) fn services(host: &inventory::Host) -> impl Iterator<Item = Value<'static>> {
    let more = (host.serves_more > 0).then_some(Value::Numbered(b'+', host.serves_more.into()));
    host.serves.iter().map(|(transport, port)| Value::Service(*transport, *port)).chain(more)
}
