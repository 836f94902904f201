//! Two surveys held against each other: what is new, gone or changed. How many packets there were
//! does not matter; who spoke to whom, with what verdict and outcome, does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use super::v1::{Conversation, Finding, Survey, Text};

/// What differs between an old and a new survey.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// The vendor's ports whose state changed.
    pub ports: Vec<Change>,
    /// Findings.
    pub findings: Vec<Change>,
    /// Hosts and their roles.
    pub hosts: Vec<Change>,
    /// Conversations with their verdicts and outcomes.
    pub conversations: Vec<Change>,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What it is about.
    pub what: String,
    /// What was said of it before; `None` if it is new.
    pub old: Option<String>,
    /// What is said of it now; `None` if it is gone.
    pub new: Option<String>,
}

impl Comparison {
    /// Compares two surveys.
    pub fn of(old: &Survey<'_>, new: &Survey<'_>) -> Self {
        Self {
            ports: changes(ports(old), ports(new)),
            findings: changes(findings(old), findings(new)),
            hosts: changes(hosts(old), hosts(new)),
            conversations: changes(conversations(old), conversations(new)),
        }
    }

    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        [&self.ports, &self.findings, &self.hosts, &self.conversations].into_iter().all(Vec::is_empty)
    }
}

/// What is said of each thing, in the order in which a person looks for it.
type Facts<K> = BTreeMap<(Option<String>, K), (String, String)>;

fn changes<K: Ord>(mut old: Facts<K>, new: Facts<K>) -> Vec<Change> {
    let mut all: BTreeMap<_, Change> = BTreeMap::new();
    for (key, (what, fact)) in new {
        let change = match old.remove(&key) {
            Some((_, before)) if before == fact => continue,
            before => Change { what, old: before.map(|(_, fact)| fact), new: Some(fact) },
        };
        all.insert(key, change);
    }
    all.extend(old.into_iter().map(|(key, (what, fact))| (key, Change { what, old: Some(fact), new: None })));
    all.into_values().collect()
}

/// The site of a row: its own in a merge of several, else the file's.
fn site<'a>(survey: &'a Survey<'_>, row: Option<&'a Text<'_>>) -> Option<String> {
    let site = row.unwrap_or(&survey.site);
    (!site.is_empty()).then(|| site.to_string())
}

fn ports(survey: &Survey<'_>) -> Facts<(String, String, String, u16)> {
    let rows = survey.coverage.iter().map(|cell| {
        let what = format!(
            "{} {} {} {} {}",
            cell.document,
            cell.direction,
            cell.transport.to_uppercase(),
            cell.port,
            cell.service
        );
        let key = (cell.document.to_string(), cell.direction.to_string(), cell.transport.to_string(), cell.port);
        ((site(survey, cell.site.as_ref()), key), (what, cell.state.replace('-', " ")))
    });
    rows.collect()
}

fn hosts(survey: &Survey<'_>) -> Facts<IpAddr> {
    let rows = survey.inventory.iter().map(|host| {
        let mut fact = host.role.to_string();
        for more in [&host.name, &host.version].into_iter().flatten() {
            let _ = write!(fact, ", {more}");
        }
        if !host.heard {
            fact.push_str(", never heard");
        }
        ((site(survey, host.site.as_ref()), host.address), (host.address.to_string(), fact))
    });
    rows.collect()
}

fn findings(survey: &Survey<'_>) -> Facts<String> {
    let mut facts = Facts::new();
    for finding in &survey.findings {
        let what = finding_name(finding);
        let mut fact = finding.severity.to_string();
        if let Some(outcome) = &finding.outcome {
            let _ = write!(fact, ", {outcome}");
        }
        facts.entry((site(survey, finding.site.as_ref()), what.clone())).or_insert((what, fact));
    }
    facts
}

fn finding_name(finding: &Finding<'_>) -> String {
    let party = |role: &Option<Text<'_>>, address: &Option<Text<'_>>| {
        let words: Vec<_> = [role, address].into_iter().flatten().map(|text| text.replace(';', ", ")).collect();
        words.join(" ")
    };
    let mut name = finding.reason.replace('-', " ");
    let client = party(&finding.client_role, &finding.client);
    let server = party(&finding.server_role, &finding.server);
    for (joint, words) in [(": ", client), (" to ", server)] {
        if !words.is_empty() {
            let _ = write!(name, "{joint}{words}");
        }
    }
    if let Some(transport) = &finding.transport {
        let _ = write!(name, ", {}", transport.to_uppercase());
    }
    if let Some(port) = finding.server_port {
        let _ = write!(name, " {port}");
    }
    name
}

/// Client, server, transport, and port or ICMP type. What is related to a documented exchange uses
/// fresh ports each time: those do not count.
type ConversationKey = (IpAddr, IpAddr, String, Option<u16>);

fn conversations(survey: &Survey<'_>) -> Facts<ConversationKey> {
    let mut facts = Facts::new();
    for conversation in &survey.conversations {
        let related = conversation.verdict == "related";
        let port = conversation.server_port.or(conversation.icmp_type.map(u16::from)).filter(|_| !related);
        let key = (conversation.client_ip, conversation.server_ip, conversation.transport.to_string(), port);
        let fact = conversation_fact(conversation);
        // Of several with one key, the first has most packets.
        facts
            .entry((site(survey, conversation.site.as_ref()), key))
            .or_insert_with(|| (conversation_name(conversation, port), fact));
    }
    facts
}

fn conversation_name(conversation: &Conversation<'_>, port: Option<u16>) -> String {
    let mut name = format!(
        "{} {} to {} {}, {}",
        conversation.client_role,
        conversation.client_ip,
        conversation.server_role,
        conversation.server_ip,
        conversation.transport.to_uppercase()
    );
    if let Some(port) = port {
        let _ = write!(name, " {port}");
    }
    if let Some(service) = &conversation.service {
        let _ = write!(name, " {service}");
    }
    name
}

fn conversation_fact(conversation: &Conversation<'_>) -> String {
    let mut fact = conversation.verdict.to_string();
    if let Some(reason) = &conversation.reason {
        let _ = write!(fact, " ({reason})");
    }
    let _ = write!(fact, ", {}", conversation.outcome);
    if conversation.stopped_answering {
        fact.push_str(", stopped answering");
    }
    fact
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::json::tests::read_back;

    #[test]
    fn a_survey_is_the_same_as_itself_whatever_its_counts() {
        let old = read_back(&fixture::survey());
        let mut busier = fixture::survey();
        busier.conversations[0].packets = [9_999, 9_999];
        busier.findings[0].packets = 7;
        assert!(Comparison::of(&old, &read_back(&busier)).is_same());
    }

    #[test]
    fn what_is_new_gone_and_changed_is_told() {
        let old = read_back(&fixture::survey());
        let mut survey = fixture::survey();
        survey.findings.clear();
        survey.coverage[3].state = crate::verdict::CellState::Carried;
        survey.conversations[2].outcome = crate::verdict::Outcome::Established;
        let new = read_back(&survey);
        let comparison = Comparison::of(&old, &new);
        assert!(!comparison.is_same());
        assert_eq!(comparison.ports.len(), 1);
        assert_eq!(comparison.ports[0].old.as_deref(), Some("blocked"));
        assert_eq!(comparison.ports[0].new.as_deref(), Some("carried"));
        assert_eq!(comparison.findings.len(), 1);
        assert_eq!(comparison.findings[0].new, None);
        assert_eq!(comparison.hosts, []);
        assert_eq!(
            comparison.conversations,
            [Change {
                what: "node 10.20.0.32 to external 203.0.113.9, TCP 443 HTTPS".to_owned(),
                old: Some("unexpected (undocumented-peer), unanswered".to_owned()),
                new: Some("unexpected (undocumented-peer), established".to_owned()),
            }]
        );
        let reverse = Comparison::of(&new, &old);
        assert_eq!(reverse.findings[0].old, None);
    }
}
