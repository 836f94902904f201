//! What joins findings.csv to the other tables: everybody whom a finding is about, and its flows.

use std::collections::HashMap;

use super::names::Names;
use super::value::Value;
use crate::evidence::is_meant;
use crate::finding::Who;
use crate::survey::Survey;

/// The flows of each finding.
pub(super) struct Joins<'a> {
    survey: &'a Survey,
    pub(super) names: &'a Names,
    /// By the finding's place, places in flows.csv, from 0, ascending.
    flows: Vec<Vec<u32>>,
}

impl<'a> Joins<'a> {
    /// One look at each flow.
    pub(super) fn new(survey: &'a Survey, names: &'a Names) -> Self {
        let mut findings: HashMap<u32, Vec<u32>> = HashMap::new();
        for (finding, at) in survey.findings.iter().zip(0..) {
            finding.conversations.iter().for_each(|conversation| findings.entry(*conversation).or_default().push(at));
        }
        // Most conversations are in no finding, and their flows need no look.
        let mut is_told = vec![false; survey.conversations.len()];
        for conversation in findings.keys() {
            if let Some(is_told) = is_told.get_mut(*conversation as usize) {
                *is_told = true;
            }
        }
        let mut flows = vec![Vec::new(); survey.findings.len()];
        for (judgement, place) in survey.flows.judgements().iter().zip(0u32..) {
            if !is_told.get(judgement.conversation as usize).is_some_and(|is_told| *is_told) {
                continue;
            }
            let (flow, _) = survey.flows.view(place as usize);
            let of = findings.get(&judgement.conversation).into_iter().flatten();
            for at in of.filter(|at| is_meant(survey, **at, &flow, judgement)) {
                flows[*at as usize].push(place);
            }
        }
        Self { survey, names, flows }
    }

    /// `f3`, `f17`, the `flow_id`s.
    pub(super) fn flow_ids(&self, finding: usize) -> Value<'_> {
        Value::list(self.flows[finding].iter().map(|place| Value::Numbered(b'f', u64::from(*place) + 1)))
    }

    /// Names of hosts in their order, empty where there is none; nothing where nobody has one.
    pub(super) fn names_of(&self, who: &[Who]) -> Option<String> {
        let host = |who: &Who| match who {
            Who::Address(address) => self.survey.hosts.find(*address),
            Who::Mac(_) => None,
        };
        // A name's own semicolon would be read as the end of it.
        let name = |who| host(who).and_then(|id| self.survey.hosts.name(id)).unwrap_or_default().replace(';', ",");
        let names: Vec<String> = who.iter().map(name).collect();
        names.iter().any(|name| !name.is_empty()).then(|| names.join(";"))
    }
}
