//! Which conversation a packet belongs to, and what is known of it from the surveys of the places.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::key::{Comparing, Ends};
use crate::flow::wide;
use crate::policy::Role;
use crate::protocol::Transport;
use crate::relation::DirectionBasis;
use crate::survey::Survey;
use crate::verdict::{Outcome, Verdict};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct ConversationKey {
    pub(super) client: u128,
    pub(super) server: u128,
    pub(super) protocol: u8,
    /// The server's port, or the ICMP type.
    pub(super) port: u16,
    /// Later fragments, whose ports nobody tells.
    pub(super) fragments: bool,
}

/// What the surveys say of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) client_role: Option<Role>,
    pub(super) server_role: Option<Role>,
    pub(super) service: Arc<str>,
    pub(super) is_documented: bool,
    /// Refused, rejected or unanswered where most of it was seen.
    pub(super) is_blocked: bool,
    /// A TCP connection that came about: both ways arrive, wherever they lead.
    pub(super) is_connected: bool,
    /// How surely the client is known: least is surest.
    basis: u8,
    packets: u64,
}

/// One way of a conversation: its number times two, and 1 more if it is what the server sends.
pub(super) type DirectionNumber = u32;

/// Conversations kept apart; packets of more are counted.
const MOST: usize = 1 << 20;

/// All conversations, by number.
#[derive(Default)]
pub(super) struct Conversations {
    index: HashMap<ConversationKey, u32, RandomState>,
    pub(super) list: Vec<(ConversationKey, Known)>,
}

const BASES: [DirectionBasis; 5] = [
    DirectionBasis::Syn,
    DirectionBasis::SynAck,
    DirectionBasis::Group,
    DirectionBasis::DocumentedPort,
    DirectionBasis::FirstPacket,
];

impl Conversations {
    /// Adds what the survey of a place tells.
    pub(super) fn add(&mut self, survey: &Survey, comparing: &Comparing) {
        let mut bases = vec![u8::MAX; survey.conversations.len()];
        for (_, judgement) in survey.flows.iter() {
            let rank = BASES.iter().position(|basis| *basis == judgement.basis).unwrap_or(BASES.len()) as u8;
            if let Some(basis) = bases.get_mut(judgement.conversation as usize) {
                *basis = rank.min(*basis);
            }
        }
        for (conversation, basis) in survey.conversations.iter().zip(bases) {
            let [client, server] = [conversation.client, conversation.server].map(|host| survey.hosts.get(host));
            let number = |address| comparing.same(wide(address));
            let key = ConversationKey {
                client: number(client.address),
                server: number(server.address),
                protocol: conversation.transport.number(),
                port: conversation.port,
                fragments: false,
            };
            let service = survey.policy.service_by(conversation.rule, conversation.transport, conversation.port);
            let known = Known {
                client_role: Some(client.role),
                server_role: Some(server.role),
                service: service.unwrap_or_default().into(),
                is_documented: conversation.verdict == Verdict::Documented,
                is_blocked: conversation.outcome.is_blocked(),
                is_connected: conversation.transport == Transport::Tcp && conversation.outcome == Outcome::Established,
                basis,
                packets: conversation.packets.iter().sum(),
            };
            self.insert(key, known);
        }
    }

    fn insert(&mut self, key: ConversationKey, known: Known) {
        if let Some(&at) = self.index.get(&key) {
            let old = &mut self.list[at as usize].1;
            let basis = old.basis.min(known.basis);
            if known.packets > old.packets {
                *old = known;
            }
            old.basis = basis;
        } else if self.list.len() < MOST {
            self.index.insert(key, self.list.len() as u32);
            self.list.push((key, known));
        }
    }

    /// Adds one that no survey tells of: fragments, ICMP errors.
    pub(super) fn add_unknown(&mut self, key: ConversationKey) {
        let service = if key.fragments { "fragments" } else { "" };
        let (basis, packets) = (u8::MAX, 0);
        let known = Known {
            client_role: None,
            server_role: None,
            service: service.into(),
            is_documented: false,
            is_blocked: false,
            is_connected: false,
            basis,
            packets,
        };
        self.insert(key, known);
    }

    /// The way that a packet goes, or the key of a conversation that is not known yet.
    pub(super) fn find(&self, ends: &Ends) -> Result<DirectionNumber, ConversationKey> {
        let there = ConversationKey {
            client: ends.source,
            server: ends.destination,
            protocol: ends.protocol,
            port: ends.destination_port,
            fragments: ends.fragment,
        };
        let back = ConversationKey { client: ends.destination, server: ends.source, port: ends.source_port, ..there };
        let has_ports = Transport::from(ends.protocol).has_ports() && !ends.fragment;
        if matches!(Transport::from(ends.protocol), Transport::Icmp | Transport::Icmpv6) || ends.fragment {
            let (key, answers) = if ends.answers { (back, 1) } else { (there, 0) };
            return self.index.get(&key).map(|at| at << 1 | answers).ok_or(key);
        }
        match (self.index.get(&there), self.index.get(&back)) {
            // Two places took different ends for the client: the surer one is right, for both directions.
            (Some(&there), Some(&back)) => {
                let rank = |at: u32| (self.list[at as usize].1.basis, at);
                Ok(if rank(there) <= rank(back) { there << 1 } else { back << 1 | 1 })
            }
            (Some(there), None) => Ok(there << 1),
            (None, Some(back)) => Ok(back << 1 | 1),
            (None, None) if has_ports && ends.source_port < ends.destination_port => Err(back),
            (None, None) => Err(there),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Sender and receiver of a way.
    pub(super) fn pair(&self, way: DirectionNumber) -> (u128, u128) {
        let ConversationKey { client, server, .. } = self.list[(way >> 1) as usize].0;
        if way & 1 == 0 { (client, server) } else { (server, client) }
    }
}

/// Ways found lately, by a packet's ends: most packets are of few flows.
pub(super) struct Recent {
    slots: Vec<(Ends, DirectionNumber)>,
}

const NOWHERE: DirectionNumber = DirectionNumber::MAX;
const SLOTS: usize = 1 << 12;

impl Recent {
    pub(super) fn new() -> Self {
        Self { slots: vec![(Ends::default(), NOWHERE); SLOTS] }
    }

    /// The same as [`Conversations::find`].
    pub(super) fn find(&mut self, all: &Conversations, ends: &Ends) -> Result<DirectionNumber, ConversationKey> {
        let mixed = (ends.source as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(ends.destination as u64)
            .wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            .wrapping_add(u64::from(ends.source_port) << 16 | u64::from(ends.destination_port))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = &mut self.slots[(mixed >> 40) as usize % SLOTS];
        if slot.1 == NOWHERE || slot.0 != *ends {
            *slot = (*ends, all.find(ends)?);
        }
        Ok(slot.1)
    }
}
