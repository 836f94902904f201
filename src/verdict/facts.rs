//! What findings and coverage need to know of a conversation besides what is reported of it.

use std::ops::Range;

use super::outcome::{Failure, Silence};
use super::{Conversation, Outcome, Verdict};
use crate::capture::Timestamp;
use crate::flow::FlowView;
use crate::protocol::Protocol;

/// There may be millions of them: what few conversations have is kept apart.
#[derive(Clone, Debug)]
pub(crate) struct ConversationFacts {
    /// Where its flows begin in the list of members, and how many they are.
    first_member: u32,
    flows: u32,
    /// What its payload proves (that of the flows of its verdict).
    pub(crate) named: Option<Protocol>,
    /// Whether some of its flows have another verdict: a finding then speaks of the rest.
    pub(crate) mixed: bool,
    /// The outcome of the flows that have its verdict; that of the conversation unless it is mixed.
    pub(crate) outcome: Outcome,
    /// A SYN-ACK that never reached the client.
    pub(crate) half_open: bool,
    /// Whether a connection was seen both ways.
    pub(crate) both_ways: bool,
    /// Whether one connection of it was opened again and again.
    pub(crate) starts_anew: bool,
    /// Whether it is a documented port that does not work: its severity is that of all its flows.
    pub(crate) blocked: bool,
    uncommon: Option<Box<FailureFacts>>,
}

/// What few conversations have.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct FailureFacts {
    /// The flow whose client's packets an ICMP error quotes, and the end of that client.
    pub(crate) rejected: Option<(u32, u8)>,
    /// Whether they are the server's instead: each answer was sent back.
    pub(crate) sent_back: bool,
    /// If it is blocked: how, where that is known.
    pub(crate) failure: Option<Failure>,
    /// If it is blocked: when it ended, as far as order goes.
    pub(crate) end: Timestamp,
    /// How often the client asked on connections that came to nothing.
    pub(crate) tries: u64,
    /// On connections that came to nothing after the last answer.
    pub(crate) tries_after: u64,
    /// How it went silent after it had worked.
    pub(crate) silence: Option<Silence>,
    /// The flow whose unexpected exchange this is part of: it is told there.
    pub(crate) part_of: Option<u32>,
    /// The outcome of each of its flows, in the order of the members, where they differ.
    pub(crate) outcomes: Vec<Outcome>,
    /// The documented flows of a mixed conversation.
    pub(crate) documented: Documented,
}

impl FailureFacts {
    pub(crate) const NOTHING: Self = Self {
        rejected: None,
        sent_back: false,
        failure: None,
        end: Timestamp::UNKNOWN,
        tries: 0,
        tries_after: 0,
        silence: None,
        part_of: None,
        outcomes: Vec::new(),
        documented: Documented::NONE,
    };
}

static NOTHING: FailureFacts = FailureFacts::NOTHING;

impl ConversationFacts {
    /// Of the conversation whose flows stand in a range of the list of members.
    pub(crate) const fn new(first_member: u32, flows: u32) -> Self {
        Self {
            first_member,
            flows,
            named: None,
            mixed: false,
            outcome: Outcome::OneWay,
            half_open: false,
            both_ways: false,
            starts_anew: false,
            blocked: false,
            uncommon: None,
        }
    }

    /// Keeps what there is of the uncommon.
    pub(crate) fn keep(&mut self, uncommon: FailureFacts) {
        self.uncommon = (uncommon != NOTHING).then(|| Box::new(uncommon));
    }

    /// What few conversations have, or nothing of it.
    pub(crate) fn uncommon(&self) -> &FailureFacts {
        self.uncommon.as_deref().unwrap_or(&NOTHING)
    }

    /// Its flows, as a range of the list of members.
    pub(crate) const fn members(&self) -> Range<usize> {
        let first = self.first_member as usize;
        first..first + self.flows as usize
    }

    /// The outcome of its flow at a place among its members; `of_all` is that of the conversation.
    pub(crate) fn outcome_of(&self, at: usize, of_all: Outcome) -> Outcome {
        self.uncommon().outcomes.get(at).copied().unwrap_or(of_all)
    }

    /// Sums over the documented flows of the conversation that these are the facts of.
    pub(crate) fn documented(&self, conversation: &Conversation) -> Documented {
        match (self.mixed, conversation.verdict) {
            (true, _) => self.uncommon().documented,
            (false, Verdict::Documented) => Documented {
                flows: u64::from(conversation.flows),
                packets: conversation.packets.iter().sum(),
                bytes: conversation.bytes.iter().sum(),
                first: conversation.first,
                last: conversation.last,
            },
            _ => Documented::NONE,
        }
    }
}

/// Sums over the documented flows of a conversation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Documented {
    pub(crate) flows: u64,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Documented {
    /// No flow.
    pub(crate) const NONE: Self =
        Self { flows: 0, packets: 0, bytes: 0, first: Timestamp::UNKNOWN, last: Timestamp::UNKNOWN };

    pub(crate) fn add(&mut self, flow: &FlowView<'_>) {
        self.flows += flow.count();
        self.packets += flow.packets();
        self.bytes += flow.bytes();
        self.first = self.first.earlier(flow.first());
        self.last = self.last.max(flow.last());
    }
}

/// Notes the outcome of the flows of some numbers of a conversation, whose other flows so far, if no list of
/// outcomes was begun, all have the outcome `known`. Mostly they are all the same: then there is no list.
pub(super) fn note(outcomes: &mut Vec<Outcome>, known: Outcome, outcome: Outcome, numbers: std::ops::Range<usize>) {
    if outcomes.is_empty() && (numbers.start == 0 || outcome == known) {
        return;
    }
    outcomes.resize(outcomes.len().max(numbers.start), known);
    outcomes.resize(numbers.end, outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_listed_only_where_they_differ() {
        let list = |told: &[(Outcome, usize)]| {
            let (mut outcomes, mut begin) = (Vec::new(), 0);
            for (outcome, flows) in told {
                // So long as there is no list, all were as the first.
                note(&mut outcomes, told[0].0, *outcome, begin..begin + flows);
                begin += flows;
            }
            outcomes
        };
        use Outcome::{Established as A, OneWay as C, Refused as B};
        assert_eq!(list(&[(A, 1), (A, 2), (A, 1)]), []);
        assert_eq!(list(&[(A, 1), (A, 2), (B, 1), (A, 2)]), [A, A, A, B, A, A]);
        assert_eq!(list(&[(C, 2), (A, 1), (C, 1)]), [C, C, A, C]);
    }
}
