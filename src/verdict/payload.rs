//! What a flow's payload says of its protocol (DESIGN, section 6).

use crate::flow::Flow;
use crate::policy::Transport;
use crate::protocol::{Evidence, Protocol};

/// What the payload of both directions says of a protocol. TCP: violated if any direction violates it.
/// UDP: violated if some datagrams do and none conforms.
pub(super) fn evidence(flow: &Flow, protocol: Protocol) -> Evidence {
    let [a, b] = [flow.ends[0].evidence(protocol), flow.ends[1].evidence(protocol)];
    let order = if flow.transport == Transport::Tcp {
        [Evidence::Violates, Evidence::Conforms]
    } else {
        [Evidence::Conforms, Evidence::Violates]
    };
    order.into_iter().find(|found| a == *found || b == *found).unwrap_or_default()
}

/// What to call a payload that conforms to several, the most telling first: UPnP is HTTP on a port of
/// its own, and mDNS is DNS on a port of its own.
const TELLING: [Protocol; 18] = [
    Protocol::Tls,
    Protocol::Ssh,
    Protocol::Smb,
    Protocol::Rdp,
    Protocol::Http,
    Protocol::Ssdp,
    Protocol::Dhcp,
    Protocol::Bacnet,
    Protocol::Quic,
    Protocol::Snmp,
    Protocol::Modbus,
    Protocol::Mqtt,
    Protocol::Tftp,
    Protocol::Dns,
    Protocol::Mdns,
    Protocol::Ntp,
    Protocol::Coap,
    Protocol::Upnp,
];

/// The protocol that the payload conforms to: the expected one, else the one whose port it is, else the
/// most telling.
pub(super) fn name(flow: &Flow, expected: Option<Protocol>, server_port: u16) -> Option<Protocol> {
    let conforms = flow.ends[0].conforms | flow.ends[1].conforms;
    if conforms == 0 {
        return None;
    }
    let at_home = TELLING.into_iter().filter(|protocol| protocol.ports().contains(&server_port));
    expected.into_iter().chain(at_home).chain(TELLING).find(|protocol| conforms & protocol.bit() != 0)
}
