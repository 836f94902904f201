//! The rows of survey.json for who asks about a few of them: out of a file that was read, or of a survey just judged, each
//! made when it is asked for. A survey of a million flows need not be written down to have one explained.

use std::borrow::Cow;

use super::{rows, v1};
use crate::report::conversations::{self, ConversationRow};
use crate::report::{Names, findings, flows, health, nodes};
use crate::survey::Survey;

type Each<'a, T> = Box<dyn Iterator<Item = Cow<'a, T>> + 'a>;

/// The rows of a file.
fn read<T: Clone>(rows: &[T]) -> Each<'_, T> {
    Box::new(rows.iter().map(Cow::Borrowed))
}

/// Those of a survey, as a file would have them.
fn made<'a, T: Clone + 'a>(rows: impl Iterator<Item = Option<T>> + 'a) -> Each<'a, T> {
    Box::new(rows.flatten().map(Cow::Owned))
}

/// Where rows are looked up.
pub(crate) enum Lookup<'a> {
    /// A survey.json.
    File(&'a v1::Survey<'static>),
    /// A survey, with its words.
    Survey(&'a Survey, Names),
}

impl<'a> Lookup<'a> {
    /// In a survey just judged.
    pub(crate) fn of(survey: &'a Survey) -> Self {
        Self::Survey(survey, Names::of(survey))
    }

    pub(crate) fn policy_name(&self) -> &str {
        match self {
            Self::File(file) => &file.policy.name,
            Self::Survey(survey, ..) => survey.policy.name(),
        }
    }

    /// Whether anything was judged; older files do not say it.
    pub(crate) fn judged(&self) -> Option<Cow<'_, v1::Judged<'_>>> {
        match self {
            Self::File(file) => file.judged.as_ref().map(Cow::Borrowed),
            Self::Survey(survey, ..) => Some(Cow::Owned(rows::judged(&survey.judged))),
        }
    }

    pub(crate) fn caveats(&self) -> Each<'_, v1::Caveat<'_>> {
        match self {
            Self::File(file) => read(&file.caveats),
            Self::Survey(survey, ..) => made(survey.caveats.iter().map(|row| Some(rows::caveat(row)))),
        }
    }

    pub(crate) fn flow_count(&self) -> usize {
        match self {
            Self::File(file) => file.flows.len(),
            Self::Survey(survey, ..) => survey.flows.len(),
        }
    }

    /// A flow by its place, from 0.
    pub(crate) fn flow(&self, index: usize) -> Option<Cow<'_, v1::Flow<'_>>> {
        match self {
            Self::File(file) => file.flows.get(index).map(Cow::Borrowed),
            Self::Survey(survey, names) => {
                let row = (index < survey.flows.len()).then(|| flows::row(survey, names, index))?;
                v1::Flow::of(&row).map(Cow::Owned)
            }
        }
    }

    /// A flow by its id; those of a merge begin with their survey's.
    pub(crate) fn flow_of_id(&self, id: &str) -> Option<Cow<'_, v1::Flow<'_>>> {
        match self {
            Self::File(file) => file.flows.iter().find(|flow| flow.flow_id == id).map(Cow::Borrowed),
            Self::Survey(..) => self.flow(id.strip_prefix('f')?.parse::<usize>().ok()?.checked_sub(1)?),
        }
    }

    /// The conversations, in their order.
    pub(crate) fn conversations(&self) -> Each<'_, v1::Conversation<'_>> {
        match self {
            Self::File(file) => read(&file.conversations),
            Self::Survey(survey, names) => {
                made(conversations::rows(survey, names).map(|row| v1::Conversation::of(&row)))
            }
        }
    }

    /// A conversation by its place, from 0.
    pub(crate) fn conversation(&self, index: u32) -> Option<Cow<'_, v1::Conversation<'_>>> {
        match self {
            Self::File(file) => file.conversations.get(index as usize).map(Cow::Borrowed),
            Self::Survey(survey, names) => {
                let talk = survey.conversations.get(index as usize)?;
                v1::Conversation::of(&ConversationRow::new(survey, names, talk)).map(Cow::Owned)
            }
        }
    }

    pub(crate) fn finding_count(&self) -> usize {
        match self {
            Self::File(file) => file.findings.len(),
            Self::Survey(survey, ..) => survey.findings.len(),
        }
    }

    /// The findings, in their order.
    pub(crate) fn findings(&self) -> Each<'_, v1::Finding<'_>> {
        match self {
            Self::File(file) => read(&file.findings),
            Self::Survey(survey, ..) => made(findings::rows(survey, None).map(|row| v1::Finding::of(&row))),
        }
    }

    pub(crate) fn inventory(&self) -> Each<'_, v1::Host<'_>> {
        match self {
            Self::File(file) => read(&file.inventory),
            Self::Survey(survey, ..) => made(survey.hosts.iter().map(|host| v1::Host::of(&host))),
        }
    }

    /// How soon questions are answered.
    pub(crate) fn health(&self) -> Each<'_, v1::Health<'_>> {
        match self {
            Self::File(file) => read(&file.health),
            Self::Survey(survey, ..) => made(health::rows(survey).map(|row| v1::Health::of(&row))),
        }
    }

    /// Igor's devices, port by port.
    pub(crate) fn nodes(&self) -> Each<'_, v1::Node<'_>> {
        match self {
            Self::File(file) => read(&file.nodes),
            Self::Survey(survey, names) => made(nodes::rows(survey, names).map(|row| v1::Node::of(&row))),
        }
    }
}
