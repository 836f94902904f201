//! What joins findings.csv to the other tables: everybody whom a finding is about, and its flows.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::table::Cells;
use super::wanted::is_meant;
use crate::inventory::HostId;
use crate::survey::Survey;
use crate::verdict::Finding;

/// The flows of each finding.
pub(super) struct Joins<'a> {
    survey: &'a Survey,
    /// By the finding's place, places in flows.csv, from 0, ascending.
    flows: Vec<Vec<u32>>,
}

/// An end of a finding's conversations.
#[derive(Clone, Copy)]
pub(super) enum End {
    Client,
    Server,
}

impl<'a> Joins<'a> {
    /// One look at each flow.
    pub(super) fn new(survey: &'a Survey) -> Self {
        let mut findings: HashMap<u32, Vec<u32>> = HashMap::new();
        for (finding, at) in survey.findings.iter().zip(0..) {
            finding.conversations.iter().for_each(|conversation| findings.entry(*conversation).or_default().push(at));
        }
        let mut flows = vec![Vec::new(); survey.findings.len()];
        for ((flow, judgement), place) in survey.flows.iter().zip(0u32..) {
            let of = findings.get(&judgement.conversation).into_iter().flatten();
            for at in of.filter(|at| is_meant(survey, **at, &flow, judgement)) {
                flows[*at as usize].push(place);
            }
        }
        Self { survey, flows }
    }

    /// `f3;f17`, the `flow_id`s.
    pub(super) fn flow_ids(&self, finding: usize, cells: &mut Cells) {
        cells.joined(self.flows[finding].iter().map(|place| format!("f{}", u64::from(*place) + 1)));
    }

    /// Every address of an end, ascending.
    pub(super) fn addresses(&self, finding: &Finding, end: End, cells: &mut Cells) {
        let hosts = self.hosts(finding, end);
        match (hosts.is_empty(), end) {
            // A finding about devices has no conversations, and names them itself.
            (true, End::Client) => cells.words(named(&finding.client)),
            (true, End::Server) => cells.words(named(&finding.server)),
            (false, _) => cells.joined(hosts.iter().map(|(address, _)| address)),
        }
    }

    /// Their names in the same order, empty where there is none; nothing where nobody has one.
    pub(super) fn names(&self, finding: &Finding, end: End, cells: &mut Cells) {
        let mut hosts = self.hosts(finding, end);
        if hosts.is_empty() {
            let text = if matches!(end, End::Client) { &finding.client } else { &finding.server };
            let known = |text: &str| self.survey.hosts.iter().position(|host| host.address.to_string() == text);
            let ids =
                named(text).filter_map(|text| Some((text.parse().ok()?, HostId(u32::try_from(known(text)?).ok()?))));
            hosts = ids.collect();
        }
        // A name's own semicolon would be read as the end of it.
        let name = |id| self.survey.hosts.name(id).unwrap_or_default().replace(';', ",");
        let names: Vec<String> = hosts.iter().map(|(_, id)| name(*id)).collect();
        if names.iter().all(String::is_empty) {
            return cells.empty();
        }
        cells.text(&names.join(";"));
    }

    fn hosts(&self, finding: &Finding, end: End) -> BTreeSet<(IpAddr, HostId)> {
        let conversations =
            finding.conversations.iter().filter_map(|at| self.survey.conversations.get(usize::try_from(*at).ok()?));
        let host = conversations.map(|conversation| match end {
            End::Client => conversation.client,
            End::Server => conversation.server,
        });
        host.map(|id| (self.survey.hosts.get(id).address, id)).collect()
    }
}

/// The items of a list for people, without its "and 3 more".
fn named(list: &str) -> impl Iterator<Item = &str> {
    list.split(';').filter(|item| !item.is_empty() && !item.starts_with("and "))
}
