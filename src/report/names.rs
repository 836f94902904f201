//! The words of a survey's policy and inputs, looked up once and made safe, so that a million rows
//! can borrow them.

use std::collections::HashMap;
use std::sync::Arc;

use super::table::{Cells, EMPTY_CELL};
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
    /// What the vendor calls the port of each cell, and what each supporting entry is called, as cells of a CSV file.
    cell_services: Vec<Vec<u8>>,
    supporting_services: Vec<Vec<u8>>,
}

/// A text, and the same as a cell of a CSV file.
struct Word {
    text: String,
    cell: Vec<u8>,
}

impl Word {
    fn new(text: String) -> Self {
        let mut cells = Cells::default();
        cells.word(&text);
        Self { cell: std::mem::take(cells.rows()), text }
    }
}

impl Names {
    /// The words of a survey.
    pub fn of(survey: &Survey) -> Self {
        let policy = &survey.policy;
        let cite = |count: usize, rule: fn(u16) -> Rule| -> Vec<Word> {
            let texts = (0..count).map_while(|at| u16::try_from(at).ok()).map(|at| safe_cell(&policy.cite(rule(at))));
            texts.map(Word::new).collect()
        };
        Self {
            inputs: survey.inputs.iter().map(|input| Word::new(source_name(&input.path))).collect(),
            cells: cite(policy.cells().len(), Rule::Cell),
            allowances: cite(policy.allowances().len(), Rule::Allowance),
            supporting: cite(policy.supporting().len(), Rule::Supporting),
            cell_services: policy.cells().iter().map(|cell| Word::new(safe_cell(&cell.service)).cell).collect(),
            supporting_services: policy
                .supporting()
                .iter()
                .map(|one| Word::new(safe_cell(&one.service)).cell)
                .collect(),
            policy: Arc::clone(policy),
        }
    }

    /// The policy that was applied.
    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A cell of the vendor's tables and its document, by the cell's index in the policy.
    pub(crate) fn cell(&self, index: u16) -> Option<(&Cell, &Document)> {
        let cell = self.policy.cells().get(usize::from(index))?;
        Some((cell, self.policy.document_of(cell)))
    }

    /// What decided a verdict, cited; empty if nothing did.
    pub(crate) fn rule(&self, rule: Rule) -> &str {
        self.rule_word(rule).map_or("", |word| &word.text)
    }

    /// The same as a cell.
    pub(super) fn rule_cell(&self, rule: Rule) -> &[u8] {
        self.rule_word(rule).map_or(EMPTY_CELL, |word| &word.cell)
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

    /// The vendor's or the supporting list's word for a flow's port, or the protocol its payload
    /// proves; empty if neither is known.
    pub(super) fn service(&self, transport: Transport, port: u16, judgement: &Judgement) -> &str {
        let proved = || judgement.payload_protocol.map(|protocol| protocol.name());
        self.policy.service_by(judgement.rule, transport, port).or_else(proved).unwrap_or_default()
    }

    /// The same as a cell.
    pub(super) fn service_cell(&self, transport: Transport, port: u16, judgement: &Judgement, cells: &mut Cells) {
        let cell = match self.policy.named_by(judgement.rule, transport, port) {
            Rule::Supporting(at) => self.supporting_services.get(usize::from(at)),
            Rule::Cell(at) => self.cell_services.get(usize::from(at)),
            _ => None,
        };
        match cell {
            Some(cell) => cells.ready(cell),
            None => cells.name(judgement.payload_protocol.map_or("", |protocol| protocol.name())),
        }
    }

    /// The same for a conversation, whose payload is not told.
    pub(super) fn conversation_service(&self, conversation: &Conversation) -> &str {
        let Conversation { rule, transport, port, .. } = conversation;
        self.policy.service_by(*rule, *transport, *port).unwrap_or_default()
    }

    /// The path of an input.
    pub(super) fn input(&self, index: u32) -> &str {
        self.inputs.get(index as usize).map_or("", |word| &word.text)
    }

    /// The same as a cell.
    pub(super) fn input_cell(&self, index: u32) -> &[u8] {
        self.inputs.get(index as usize).map_or(EMPTY_CELL, |word| &word.cell)
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
        rules.entry(safe_cell(&policy.cite(rule))).or_insert(rule);
    }
    rules
}

/// A path as it stands in a `sources` cell. The lone `-` of standard input is no formula.
fn source_name(path: &str) -> String {
    if path == "-" { path.to_owned() } else { safe_cell(path) }
}

/// Foreign text as it may stand in a cell.
fn safe_cell(text: &str) -> String {
    let guard = if text::is_formula(text) { "'" } else { "" };
    format!("{guard}{}", text::visible(text))
}

/// The MAC address of end `end` (0 or 1) of a flow: what it sent from, else what was sent to.
pub(super) fn mac_of(flow: &FlowView<'_>, end: usize) -> Option<MacAddr> {
    let sent_to = || flow.ends[1 - end].destination_mac().filter(|mac| *mac != MacAddr::SOME_GROUP);
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
