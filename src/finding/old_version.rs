//! `old-version`: hosts whose declared version is below what the document of their role covers.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Context, Facts, Finding, Judged, Replace, Who, filter};
use crate::inventory::Host;
use crate::policy::{Document, FindingKind, Policy, Role, Version};

/// Hosts that are told with their version.
const MAX_TOLD: usize = 10;

/// Who runs what.
#[derive(Clone, Debug)]
struct Old {
    role: Role,
    /// The first few.
    first: Vec<(IpAddr, Arc<str>)>,
    more: usize,
}

/// One for each role.
pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let of_role = |role: &Role| {
        let document = document(seen.policy, *role)?;
        let old: Vec<&Host> = seen.hosts.iter().filter(|host| host.role == *role && is_below(document, host)).collect();
        (!old.is_empty()).then(|| finding(judged, *role, &old))
    };
    Role::ALL.iter().filter_map(of_role).collect()
}

/// The first document of a role is that of the product whose version the inventory gives.
fn document(policy: &Policy, role: Role) -> Option<&Document> {
    policy.documents().iter().find(|document| document.role == role)
}

fn is_below(document: &Document, host: &Host) -> bool {
    host.version.as_deref().and_then(Version::parse).is_some_and(|version| version < document.minimum_version)
}

/// Whether the document of its role does not cover a host's version.
pub(super) fn is_old(policy: &Policy, host: &Host) -> bool {
    document(policy, host.role).is_some_and(|document| is_below(document, host))
}

fn finding(judged: &Judged<'_>, role: Role, old: &[&Host]) -> Finding {
    let version = |host: &&Host| (host.address, host.version.clone().unwrap_or_default());
    let first = old.iter().take(MAX_TOLD).map(version).collect();
    let facts = Old { role, first, more: old.len().saturating_sub(MAX_TOLD) };
    let mut finding = Finding::new(judged.seen, FindingKind::OldVersion, role, Arc::new(facts));
    finding.client_role = Some(role);
    let clients: BTreeSet<Who> = old.iter().map(|host| Who::Address(host.address)).collect();
    finding.clients = clients.into_iter().collect();
    for host in old {
        finding.packets += host.packets_sent + host.packets_received;
        finding.bytes += host.bytes_sent + host.bytes_received;
        finding.first = finding.first.earlier(host.first_seen);
        finding.last = finding.last.max(host.last_seen);
    }
    finding
}

impl Facts for Old {
    fn detail(&self, _: &Finding, context: &Context<'_>) -> String {
        let Some(document) = document(context.policy, self.role) else { return String::new() };
        let one =
            |(address, version): &(IpAddr, Arc<str>)| format!("{address}{} has {version}", context.name(*address));
        let hosts: Vec<String> = self.first.iter().map(one).collect();
        let more = if self.more > 0 { format!(", and {} more", self.more) } else { String::new() };
        format!(
            "The document covers {} {} and higher: {}{more}. It does not speak for these, and verdicts on them are advisory.",
            document.product,
            document.minimum_version,
            hosts.join(", ")
        )
    }

    fn gist(&self, _: &Finding, context: &Context<'_>) -> String {
        let Some(document) = document(context.policy, self.role) else { return String::new() };
        let mut versions: Vec<&str> = self.first.iter().map(|(_, version)| &**version).collect();
        versions.sort_unstable();
        versions.dedup();
        format!("{}, needs {}", versions.join(", "), document.minimum_version)
    }

    fn next(&self, _: &Finding) -> &'static str {
        "Update it"
    }

    fn advice(&self, _: &Finding, context: &Context<'_>) -> String {
        let Some(document) = document(context.policy, self.role) else { return String::new() };
        format!(
            "Update {} to {} or higher, or ask the vendor for the ports of the older version.",
            document.product, document.minimum_version
        )
    }

    fn rule(&self, _: &Finding, context: &Context<'_>) -> String {
        let rule = |document: &Document| format!("{} {} and higher", document.product, document.minimum_version);
        document(context.policy, self.role).map_or_else(String::new, rule)
    }

    fn display_filter(&self, finding: &Finding) -> String {
        filter::of_hosts(&finding.clients)
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        let other = |(address, version): &(IpAddr, Arc<str>)| (with.address(*address), version.clone());
        Arc::new(Self { first: self.first.iter().map(other).collect(), ..self.clone() })
    }
}
