//! Whether a connection was opened again and again.

use crate::decode::TcpFlags;
use crate::flow::FlowView;
use crate::protocol::Transport;

/// So many starts within one survey are no accident: the first may be the switching on, the second a mend.
pub(crate) const STARTS: u64 = 3;

/// How often a connection of one pair of ports was opened, if that was often: initial sequence numbers that were accepted.
/// A SYN that is repeated, by its sender or by a mirror, has the same.
#[inline]
pub(crate) fn starts_anew(flow: &FlowView<'_>, client: u8) -> Option<u64> {
    let [client, server] = [client, 1 - (client & 1)].map(|end| &flow.ends[usize::from(end & 1)]);
    // Who restarts says no farewell, and is told none: its server does not know that it is gone.
    let closes_by_reset = [client, server].iter().any(|end| end.resets().saturating_add(1) >= client.syns());
    let may_be = flow.transport == Transport::Tcp
        && u64::from(client.syns().min(server.syn_acks())) >= STARTS
        && client.tcp_flags().0 & TcpFlags::FIN == 0
        && !closes_by_reset;
    if !may_be || flow.folded > 0 || !client.has_payload() || !server.has_payload() {
        return None;
    }
    // Nobody took up what was accepted and came to nothing.
    let vain = client.vain_openings().map_or(0, |vain| vain.count);
    let starts = u64::from(client.opened().saturating_sub(vain));
    (starts >= STARTS).then_some(starts)
}
