//! The words of a survey's policy and inputs, looked up once and made safe, so that a million rows
//! can borrow them.

use std::borrow::Cow;

use super::escape;
use super::json::v1;
use crate::decode::MacAddr;
use crate::flow::Flow;
use crate::inventory::{Host, RoleSource};
use crate::policy::{Direction, Role, Transport};
use crate::survey::Survey;
use crate::verdict::{Conversation, Judgement, Rule};

/// Words by index, safe to print.
pub struct Names {
    inputs: Vec<String>,
    cells: Vec<CellWords>,
    allowances: Vec<RuleWords>,
    supporting: Vec<RuleWords>,
}

/// A cell of the vendor's tables, in words.
pub struct CellWords {
    /// Short name of the document.
    pub document: String,
    /// The lowest version it covers.
    pub minimum_version: String,
    /// Whose port it is.
    pub role: Role,
    /// Which way, seen from the role.
    pub direction: Direction,
    /// TCP or UDP.
    pub transport: Transport,
    /// Port at the server.
    pub port: u16,
    /// The vendor's word for it, and the citation.
    pub words: RuleWords,
}

/// What a rule is called and how it is cited.
#[derive(Default)]
pub struct RuleWords {
    /// The service it speaks of.
    pub service: String,
    /// The rule, cited.
    pub cite: String,
}

impl Names {
    /// The words of a survey.
    pub fn of(survey: &Survey) -> Self {
        Self {
            inputs: survey.inputs.iter().map(|input| source_name(&input.path)).collect(),
            cells: Vec::new(),
            allowances: Vec::new(),
            supporting: Vec::new(),
        }
    }

    /// A cell of the vendor's tables, by its index in the policy.
    pub fn cell(&self, index: u16) -> Option<&CellWords> {
        self.cells.get(usize::from(index))
    }

    fn words(&self, rule: Rule) -> Option<&RuleWords> {
        match rule {
            Rule::None => None,
            Rule::Cell(index) => self.cell(index).map(|cell| &cell.words),
            Rule::Allowance(index) => self.allowances.get(usize::from(index)),
            Rule::Supporting(index) => self.supporting.get(usize::from(index)),
        }
    }

    /// What decided a verdict, cited; empty if nothing did.
    pub fn rule(&self, rule: Rule) -> &str {
        self.words(rule).map_or("", |words| &words.cite)
    }

    /// The vendor's or the supporting list's word for a flow's port, or the protocol its payload
    /// proves; empty if neither is known.
    pub fn service(&self, judgement: &Judgement) -> &str {
        match self.rule_service(judgement.rule) {
            "" => judgement.payload_protocol.map_or("", |protocol| protocol.name()),
            service => service,
        }
    }

    /// The same for a conversation, whose payload is not told.
    pub fn conversation_service(&self, conversation: &Conversation) -> &str {
        self.rule_service(conversation.rule)
    }

    fn rule_service(&self, rule: Rule) -> &str {
        self.words(rule).map_or("", |words| &words.service)
    }

    /// The path of an input.
    pub fn input(&self, index: u32) -> &str {
        self.inputs.get(index as usize).map_or("", String::as_str)
    }

    /// The policy as survey.json names it.
    pub fn policy(&self, _survey: &Survey) -> v1::Policy<'_> {
        let mut documents: Vec<v1::Document<'_>> = Vec::new();
        for cell in &self.cells {
            match documents.last_mut() {
                Some(document) if document.name == cell.document => document.cells += 1,
                _ => documents.push(v1::Document {
                    name: Cow::Borrowed(&cell.document),
                    minimum_version: Cow::Borrowed(&cell.minimum_version),
                    cells: 1,
                }),
            }
        }
        v1::Policy { documents }
    }
}

/// A path as it stands in a `sources` cell. The lone `-` of standard input is no formula.
fn source_name(path: &str) -> String {
    let guard = if path != "-" && escape::is_formula(path) { "'" } else { "" };
    format!("{guard}{}", escape::visible(path))
}

/// The MAC address of end `end` (0 or 1) of a flow: what it sent from, else what was sent to.
pub(super) fn mac_of(flow: &Flow, end: usize) -> Option<MacAddr> {
    flow.ends[end].source_mac.or(flow.ends[1 - end].destination_mac)
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
