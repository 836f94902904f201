//! The words of a survey's policy and inputs, looked up once and made safe, so that a million rows
//! can borrow them.

use std::collections::HashMap;
use std::sync::Arc;

use super::line::Line;
use super::nodes::{PortColumn, port_columns};
use super::value::Value;
use crate::decode::MacAddr;
use crate::flow::FlowView;
use crate::inventory::{Host, RoleSource};
use crate::policy::{Cell, Document, Policy};
use crate::protocol::Transport;
use crate::survey::Survey;
use crate::text;
use crate::verdict::{Conversation, Judgement, Rule};

/// Words by index, safe to print.
pub struct Names {
    inputs: Vec<Word>,
    policy: Arc<Policy>,
    cells: Vec<Word>,
    allowances: Vec<Word>,
    supporting: Vec<Word>,
    /// What the vendor calls the port of each cell, and what each supporting entry is called.
    cell_services: Vec<Word>,
    supporting_services: Vec<Word>,
    ports: Vec<PortColumn>,
}

/// A text that many rows have.
pub(super) struct Word {
    /// As it is.
    pub text: String,
    /// Safe to print.
    pub safe: String,
    /// The same as a cell of a CSV file.
    pub cell: Vec<u8>,
}

impl Word {
    fn new(text: String, safe: String) -> Self {
        let mut line = Line::default();
        line.word(&safe);
        Self { cell: line.take(), text, safe }
    }

    /// Text that is harmless in all files.
    fn safe(safe: String) -> Self {
        Self::new(safe.clone(), safe)
    }

    fn of(text: &str) -> Self {
        Self::new(text.to_owned(), text::cell(text).into_owned())
    }
}

impl Names {
    /// The words of a survey.
    pub fn of(survey: &Survey) -> Self {
        let policy = &survey.policy;
        let cite = |count: usize, rule: fn(u16) -> Rule| -> Vec<Word> {
            let texts = (0..count)
                .map_while(|at| u16::try_from(at).ok())
                .map(|at| text::cell(&policy.cite(rule(at))).into_owned());
            texts.map(Word::safe).collect()
        };
        Self {
            inputs: survey.inputs.iter().map(|input| Word::safe(source_name(&input.path))).collect(),
            cells: cite(policy.cells().len(), Rule::Cell),
            allowances: cite(policy.allowances().len(), Rule::Allowance),
            supporting: cite(policy.supporting().len(), Rule::Supporting),
            cell_services: policy.cells().iter().map(|cell| Word::of(&cell.service)).collect(),
            supporting_services: policy.supporting().iter().map(|one| Word::of(&one.service)).collect(),
            ports: port_columns(policy),
            policy: Arc::clone(policy),
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The columns of ports in nodes.csv.
    pub(super) fn ports(&self) -> &[PortColumn] {
        &self.ports
    }

    /// A cell of the vendor's tables and its document, by the cell's index in the policy.
    pub(crate) fn cell(&self, index: u16) -> Option<(&Cell, &Document)> {
        let cell = self.policy.cells().get(usize::from(index))?;
        Some((cell, self.policy.document_of(cell)))
    }

    #[cfg(feature = "live")]
    /// What decided a verdict, cited; empty if nothing did.
    pub(crate) fn rule(&self, rule: Rule) -> &str {
        self.rule_word(rule).map_or("", |word| &word.text)
    }

    /// The same as a value.
    pub(super) fn rule_of(&self, rule: Rule) -> Value<'_> {
        self.rule_word(rule).map_or(Value::Missing, Value::Word)
    }

    fn rule_word(&self, rule: Rule) -> Option<&Word> {
        let (list, index) = match rule {
            Rule::None => return None,
            Rule::Cell(index) => (&self.cells, index),
            Rule::Allowance(index) => (&self.allowances, index),
            Rule::Supporting(index) => (&self.supporting, index),
        };
        list.get(usize::from(index))
    }

    /// The vendor's or the supporting list's word for a flow's port, or the protocol its payload proves.
    pub(super) fn service_of_flow(&self, transport: Transport, port: u16, judgement: &Judgement) -> Value<'_> {
        match self.service_word(judgement.rule, transport, port) {
            Some(word) => Value::Word(word),
            None => judgement.payload_protocol.map(|protocol| Value::Name(protocol.name())).into(),
        }
    }

    /// The same for a conversation, whose payload is not told.
    pub(super) fn service_of(&self, conversation: &Conversation) -> Value<'_> {
        let Conversation { rule, transport, port, .. } = conversation;
        self.service_word(*rule, *transport, *port).map_or(Value::Missing, Value::Word)
    }

    /// The same as text, empty if it is not known.
    pub(super) fn conversation_service(&self, conversation: &Conversation) -> &str {
        let Conversation { rule, transport, port, .. } = conversation;
        self.service_word(*rule, *transport, *port).map_or("", |word| &word.text)
    }

    fn service_word(&self, rule: Rule, transport: Transport, port: u16) -> Option<&Word> {
        match self.policy.named_by(rule, transport, port) {
            Rule::Supporting(at) => self.supporting_services.get(usize::from(at)),
            Rule::Cell(at) => self.cell_services.get(usize::from(at)),
            _ => None,
        }
    }

    pub(super) fn input(&self, index: u32) -> &str {
        self.inputs.get(index as usize).map_or("", |word| &word.text)
    }

    /// The same as a cell.
    pub(super) fn input_cell(&self, index: u32) -> &[u8] {
        self.inputs.get(index as usize).map_or(b",", |word| &word.cell)
    }
}

/// What decides a verdict, by how it is cited.
pub(super) fn rules_as_cited(policy: &Policy) -> HashMap<String, Rule> {
    let list = |count: usize, rule: fn(u16) -> Rule| (0..count).map_while(move |at| u16::try_from(at).ok().map(rule));
    let all = list(policy.cells().len(), Rule::Cell)
        .chain(list(policy.allowances().len(), Rule::Allowance))
        .chain(list(policy.supporting().len(), Rule::Supporting));
    let mut rules = HashMap::new();
    for rule in all {
        rules.entry(text::cell(&policy.cite(rule)).into_owned()).or_insert(rule);
    }
    rules
}

/// A path as it stands in a `sources` cell. The lone `-` of standard input is no formula.
fn source_name(path: &str) -> String {
    if path == "-" { path.to_owned() } else { text::cell(path).into_owned() }
}

/// The MAC address of end `end` (0 or 1) of a flow: what it sent from, else what was sent to.
pub(super) fn mac_of(flow: &FlowView<'_>, end: usize) -> Option<MacAddr> {
    let sent_to = || {
        flow.ends[1 - end].destination_mac().filter(|mac| ![MacAddr::SOME_GROUP, MacAddr::LIKELY_GROUP].contains(mac))
    };
    flow.ends[end].source_mac().or_else(sent_to)
}

/// How a role is known, in words, beginning with `declared`, `address` or `inferred`.
pub(super) fn role_basis(host: &Host) -> String {
    let source = match host.source {
        RoleSource::Declared => "declared",
        RoleSource::Address => "address",
        RoleSource::Inferred => "inferred",
    };
    if host.basis.is_empty() { source.to_owned() } else { format!("{source}: {}", host.basis) }
}
