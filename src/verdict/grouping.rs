//! Which flows are one conversation: sorted by packed keys of what they have in common.

use std::ops::Range;

use rayon::prelude::*;

use super::conversation::{ConversationInputs, conversation};
use super::facts::ConversationFacts;
use super::{Conversation, Judgement, Observations};
use crate::capture::prefetch_whole;
use crate::flow::{FlowView, Flows};
use crate::protocol::Transport;

/// The conversations of a survey.
pub(super) struct Grouped {
    /// Most packets first.
    pub(super) conversations: Vec<Conversation>,
    /// What findings and coverage need besides, for each conversation.
    pub(super) facts: Vec<ConversationFacts>,
    /// Positions of flows; each conversation's stand together, by client port.
    pub(super) members: Vec<u32>,
}

/// A flow on its way to its conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) key: SortKey,
    pub(super) place: u32,
    packets: u64,
}

impl Member {
    /// The flow at a place.
    pub(super) fn new(place: u32, flow: &FlowView<'_>, judgement: &Judgement) -> Self {
        Self { key: key(flow, judgement), place, packets: flow.packets() }
    }
}

/// Orders flows by conversation, then connection (client port): the numbers of client and server, the transport, the port
/// of the conversation and the client's, from the highest bits down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SortKey(u128);

impl SortKey {
    pub(super) fn transport(self) -> Transport {
        Transport::from((self.0 >> 32) as u8)
    }

    /// The port of the conversation: the server's, or the ICMP type.
    pub(super) const fn port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub(super) const fn client_port(self) -> u16 {
        self.0 as u16
    }

    fn is_same_conversation(self, other: Self) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

/// Where a flow belongs.
fn key(flow: &FlowView<'_>, judgement: &Judgement) -> SortKey {
    let client = usize::from(judgement.client & 1);
    let port = flow.icmp_type.map_or(flow.ends[1 - client].port, u16::from);
    SortKey(
        u128::from(judgement.client_host.0) << 72
            | u128::from(judgement.server_host.0) << 40
            | u128::from(flow.transport.number()) << 32
            | u128::from(port) << 16
            | u128::from(flow.ends[client].port),
    )
}

/// Brings flows in the order of their conversations and connections; those of one connection, of which a mirror shows two
/// or three on VLAN paths of their own, in the order of their places.
pub(super) fn sort(members: &mut [Member]) {
    members.par_sort_unstable_by_key(|member| member.key.0);
    for connection in members.chunk_by_mut(|a, b| a.key == b.key) {
        if connection.len() > 1 {
            connection.sort_unstable_by_key(|member| member.place);
        }
    }
}

/// A conversation's rank: most packets first; of equals, the lower address.
#[derive(Clone, Copy)]
struct Rank {
    packets: u64,
    /// Where its flows begin among the members.
    start: u32,
    /// How many they are.
    count: u32,
}

impl Rank {
    const fn members(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.count as usize
    }
}

/// The conversations in their order: sorted while all that is known of them is 16 bytes, and not moved later.
fn ranks(order: &[Member]) -> Vec<Rank> {
    let mut start = 0;
    let mut ranks: Vec<Rank> = order
        .chunk_by(|a, b| a.key.is_same_conversation(b.key))
        .map(|members| {
            let packets = members.iter().map(|member| member.packets).sum();
            let rank = Rank { packets, start, count: members.len() as u32 };
            start += members.len() as u32;
            rank
        })
        .collect();
    ranks.par_sort_unstable_by_key(|rank| u128::from(!rank.packets) << 32 | u128::from(rank.start));
    ranks
}

/// Groups the flows, which `order` brings in the order of [`sort`], works out every outcome, and writes what it finds into
/// the judgements.
pub(super) fn group(seen: &Observations<'_>, flows: &mut [Judgement], order: Vec<Member>) -> Grouped {
    let ranks = ranks(&order);
    let of = ConversationInputs::new(seen, flows);
    let (mut conversations, mut facts) = (Vec::new(), Vec::new());
    let of_rank = |number: usize| {
        fetch_ahead(&of, &order, &ranks, number);
        let Rank { start, .. } = ranks[number];
        conversation(&of, &order[ranks[number].members()], start)
    };
    // The first hold the most flows by far: a thread is not to have them all.
    (0..ranks.len()).into_par_iter().with_max_len(64).map(of_rank).unzip_into_vecs(&mut conversations, &mut facts);
    let members: Vec<u32> = order.into_iter().map(|member| member.place).collect();
    tell_flows(flows, &conversations, &facts, &members);
    Grouped { conversations, facts, members }
}

/// Has fetched what the conversations some ranks behind a number need. They come from all over the memory: first what names
/// the flows, then where these are kept, then these.
fn fetch_ahead(of: &ConversationInputs<'_>, order: &[Member], ranks: &[Rank], number: usize) {
    let ahead = |by: usize| ranks.get(number + by);
    if let Some(later) = ahead(3 * Flows::AHEAD) {
        prefetch_whole(order, later.start as usize);
    }
    if let Some(later) = ahead(2 * Flows::AHEAD) {
        let first = order[later.members()].iter().take(2 * Flows::AHEAD);
        first.for_each(|member| of.seen.flows.prefetch_place(member.place));
    }
    if let Some(soon) = ahead(Flows::AHEAD) {
        order[soon.members()].iter().take(Flows::AHEAD).for_each(|member| of.fetch(member.place));
    }
}

/// Writes into each judgement its conversation and what that says of it.
fn tell_flows(flows: &mut [Judgement], conversations: &[Conversation], facts: &[ConversationFacts], members: &[u32]) {
    for ((conversation, facts), number) in conversations.iter().zip(facts).zip(0..) {
        for (at, flow) in members[facts.members()].iter().enumerate() {
            let judgement = &mut flows[*flow as usize];
            (judgement.conversation, judgement.outcome) = (number, facts.outcome_of(at, conversation.outcome));
            if facts.blocked {
                judgement.severity = conversation.severity;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(hosts: [u32; 2], ports: [u16; 2], place: u32, packets: u64) -> Member {
        let [client, server] = hosts.map(u128::from);
        let [port, client_port] = ports.map(u128::from);
        Member { key: SortKey(client << 72 | server << 40 | 6 << 32 | port << 16 | client_port), place, packets }
    }

    #[test]
    fn flows_are_sorted_by_conversation_then_connection_then_place() {
        let mut members = vec![
            member([2, 1], [80, 40_001], 0, 1),
            member([1, 2], [80, 40_001], 5, 1),
            member([1, 2], [80, 40_001], 3, 1),
            member([1, 2], [80, 40_000], 4, 1),
            member([1, 2], [69, 50_000], 1, 1),
        ];
        sort(&mut members);
        assert_eq!(members.iter().map(|member| member.place).collect::<Vec<_>>(), [1, 4, 3, 5, 0]);
        assert_eq!(members[0].key.transport(), Transport::Tcp);
        assert_eq!((members[0].key.port(), members[0].key.client_port()), (69, 50_000));
    }

    #[test]
    fn conversations_rank_by_their_packets_then_by_their_hosts() {
        let members = [
            member([1, 2], [80, 40_000], 0, 2),
            member([1, 2], [80, 40_001], 1, 2),
            member([1, 3], [80, 40_000], 2, 9),
            member([2, 3], [80, 40_000], 3, 4),
        ];
        let ranks: Vec<_> = ranks(&members).iter().map(|rank| (rank.packets, rank.members())).collect();
        assert_eq!(ranks, [(9, 2..3), (4, 0..2), (4, 3..4)]);
    }
}
