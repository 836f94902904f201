//! What was sent to a group, which owes no answer: files call it `one-way` as well.

use std::collections::BTreeSet;

use crate::inventory::{HostId, Hosts};
use crate::policy::{Policy, Role};
use crate::verdict::{CellState, Conversation, Outcome, Verdict, documented};

/// Uses of the vendor's cells that got no answer: to a group, which owes none, and to others.
pub(super) struct UnansweredUses {
    to_groups: BTreeSet<(u16, Option<HostId>)>,
    to_hosts: BTreeSet<(u16, Option<HostId>)>,
}

impl UnansweredUses {
    pub(super) fn of(conversations: &[Conversation], hosts: &Hosts, policy: &Policy) -> Self {
        let mut sent = Self { to_groups: BTreeSet::new(), to_hosts: BTreeSet::new() };
        let unanswered = |one: &&Conversation| {
            matches!(one.outcome, Outcome::OneWay | Outcome::Midstream) && one.verdict != Verdict::Unexpected
        };
        for one in conversations.iter().filter(unanswered) {
            let roles = [one.client, one.server].map(|host| hosts.role(host));
            let Some(filled) = documented(policy, roles[0], roles[1], one.transport, one.port) else { continue };
            let set = if roles[1] == Role::Group { &mut sent.to_groups } else { &mut sent.to_hosts };
            for (cell, host) in [(filled.client, one.client), (filled.server, one.server)] {
                let Some(cell) = cell else { continue };
                set.extend([(cell, None), (cell, Some(hosts.device_of(host)))]);
            }
        }
        sent
    }

    /// A state as files name it, told apart.
    pub(super) fn state(&self, state: CellState, of: (u16, Option<HostId>)) -> CellState {
        let is_sent = state == CellState::OneWay && self.to_groups.contains(&of) && !self.to_hosts.contains(&of);
        if is_sent { CellState::Sent } else { state }
    }
}
