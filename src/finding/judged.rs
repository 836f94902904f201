//! What was judged before, and what several kinds of findings look up in it.

use std::cell::OnceCell;

use super::{Cited, Transfer, dhcp, link_flaps, silences};
use crate::verdict::{Conversation, ConversationFacts, Judgement, Judgements, Observations};

pub(super) struct Judged<'a> {
    pub(super) seen: &'a Observations<'a>,
    pub(super) flows: &'a [Judgement],
    pub(super) conversations: &'a [Conversation],
    pub(super) facts: &'a [ConversationFacts],
    pub(super) members: &'a [u32],
    /// Files that crossed by TFTP, each with its first frame.
    pub(super) transfers: &'a [(Transfer, Cited)],
    dhcp_clients: OnceCell<Vec<dhcp::Client<'a>>>,
    connections: OnceCell<link_flaps::Connections>,
    silences: OnceCell<silences::Silences>,
}

impl<'a> Judged<'a> {
    pub(super) fn new(
        seen: &'a Observations<'a>,
        judgements: &'a Judgements,
        transfers: &'a [(Transfer, Cited)],
    ) -> Self {
        let Judgements { flows, conversations, facts, members } = judgements;
        let (dhcp_clients, connections, silences) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { seen, flows, conversations, facts, members, transfers, dhcp_clients, connections, silences }
    }

    /// What DHCP said of each device that asked for an address.
    pub(super) fn dhcp_clients(&self) -> &[dhcp::Client<'a>] {
        self.dhcp_clients.get_or_init(|| dhcp::clients(self.seen))
    }

    /// The connections of devices that often asked DHCP as one that starts.
    pub(super) fn connections(&self) -> &link_flaps::Connections {
        self.connections.get_or_init(|| link_flaps::Connections::of(self))
    }

    pub(super) fn silences(&self) -> &silences::Silences {
        self.silences.get_or_init(|| silences::Silences::of(self.seen))
    }
}
