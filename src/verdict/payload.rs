//! What a flow's payload says of its protocol (docs/payload-evidence.md).

use crate::flow::FlowView;
use crate::protocol::Transport;
use crate::protocol::{self, Evidence, Protocol};

/// What the payload of both directions says of a protocol. TCP: violated if any direction violates it.
/// UDP: violated if some datagrams do and none conforms.
///
/// A connection that was picked up midstream violates nothing: what was captured first of it is not
/// what it sent first.
pub(super) fn evidence(flow: &FlowView<'_>, protocol: Protocol) -> Evidence {
    let [a, b] = [flow.ends[0].evidence(protocol), flow.ends[1].evidence(protocol)];
    let begun = flow.ends.iter().any(|end| end.syns() > 0 || end.syn_acks() > 0);
    let order: &[Evidence] = match flow.transport {
        Transport::Tcp if begun => &[Evidence::Violates, Evidence::Conforms],
        Transport::Tcp => &[Evidence::Conforms],
        _ => &[Evidence::Conforms, Evidence::Violates],
    };
    order.iter().copied().find(|found| a == *found || b == *found).unwrap_or_default()
}

/// The protocol that the payload conforms to: the expected one, else as [`protocol::name`] has it.
pub(super) fn name(flow: &FlowView<'_>, expected: Option<Protocol>, client: u8) -> Option<Protocol> {
    let conforms = flow.ends[0].conforms() | flow.ends[1].conforms();
    let [client, server] = [&flow.ends[usize::from(client & 1)], &flow.ends[usize::from(1 - (client & 1))]];
    let expected = expected.filter(|protocol| conforms & protocol.bit() != 0);
    expected.or_else(|| protocol::name(conforms, flow.transport, client.port, server.port))
}
