//! Two surveys held against each other: what is new, changed, proven to work now, or not seen again. How many packets
//! there were does not matter; who spoke to whom, with what verdict and outcome, does. What a visit did not look at is never
//! called mended.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::comparison::{Change, ChangeKind, Comparison, Visit};
use super::v1::{Conversation, Finding, Host, Survey, Text};
use super::words::kind;
use crate::finding::Kind;
use crate::inventory::{Dot1x, milliwatts};
use crate::policy::FindingKind;
use crate::protocol::poe;

impl Comparison {
    /// Compares two surveys.
    pub fn of(old: &Survey<'_>, new: &Survey<'_>) -> Self {
        let (findings, unchanged) = findings(old, new);
        Self {
            visits: visits(old, new),
            ports: changes(ports(old), ports(new)),
            findings,
            unchanged,
            hosts: changes(hosts(old), hosts(new)),
            conversations: changes(conversations(old), conversations(new)),
        }
    }
}

fn visits(old: &Survey<'_>, new: &Survey<'_>) -> [Visit; 2] {
    let mut visits = [visit(old), visit(new)];
    let measured = [old, new].map(|survey| !survey.health.is_empty());
    if measured[0] != measured[1] {
        let text = "How well it works was measured in the other visit only (--health): what that one tells of it is neither \
                    new nor mended.";
        visits[usize::from(measured[0])].doubts.push(text.to_owned());
    }
    visits
}

fn visit(survey: &Survey<'_>) -> Visit {
    let first = survey.inputs.iter().filter_map(|input| input.first_seen).min();
    let last = survey.inputs.iter().filter_map(|input| input.last_seen).max();
    let of_rows = survey.inputs.iter().filter_map(|input| input.site.as_ref());
    let sites = of_rows.chain([&survey.site]).filter(|site| !site.is_empty()).map(ToString::to_string);
    let judged = survey.judged.as_ref().filter(|judged| !judged.value);
    Visit {
        sites: sites.collect(),
        span: first.zip(last).map(|(first, last)| (first.get(), last.get())),
        lasted: first.zip(last).and_then(|(first, last)| first.seconds_to(last)),
        frames: survey.frames.total,
        heard: survey.inventory.iter().filter(|host| host.heard).count(),
        not_judged: judged.map(|judged| judged.reason.as_deref().unwrap_or_default().to_owned()),
        caveats: survey.caveats.iter().map(|caveat| caveat.kind.to_string()).collect(),
        doubts: survey
            .caveats
            .iter()
            .map(|caveat| match caveat.site.as_deref() {
                Some(site) if !site.is_empty() => format!("{site}: {}", caveat.text),
                _ => caveat.text.to_string(),
            })
            .collect(),
    }
}

/// The site of a row: its own in a merge of several, else the file's.
fn site<'a>(survey: &'a Survey<'_>, row: Option<&'a Text<'_>>) -> &'a str {
    row.unwrap_or(&survey.site)
}

/// What is said of one thing.
struct Fact {
    what: String,
    /// What the capture shows, or what it shows several times in different ways.
    said: BTreeSet<String>,
    /// Whether any of it is more than silence.
    is_proof: bool,
}

/// In the order in which a person looks for it.
type FactMap<'a, K> = BTreeMap<(&'a str, K), Fact>;

fn changes<'a, K: Ord>(mut old: FactMap<'a, K>, new: FactMap<'a, K>) -> Vec<Change> {
    let words = |fact: &Fact| fact.said.iter().cloned().collect::<Vec<_>>().join("; ");
    let mut all: BTreeMap<_, Change> = BTreeMap::new();
    for (key, fact) in new {
        let before = old.remove(&key);
        let kind = match &before {
            Some(before) if before.said == fact.said => continue,
            // Of two that show hardly anything, neither says more.
            Some(before) if !before.is_proof && !fact.is_proof => continue,
            Some(before) if !before.is_proof => ChangeKind::New,
            Some(_) if !fact.is_proof => ChangeKind::NotSeenAgain,
            Some(_) => ChangeKind::Changed,
            None => ChangeKind::New,
        };
        let new = Some(words(&fact));
        all.insert(key, Change { what: fact.what, kind, old: before.as_ref().map(words), new });
    }
    let lost = old.into_iter().filter(|(_, fact)| fact.is_proof);
    all.extend(lost.map(|(key, fact)| {
        let old = Some(words(&fact));
        (key, Change { what: fact.what, kind: ChangeKind::NotSeenAgain, old, new: None })
    }));
    all.into_values().collect()
}

fn ports<'a>(survey: &'a Survey<'_>) -> FactMap<'a, (String, String, String, u16)> {
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
        let is_proof = matches!(&*cell.state, "carried" | "blocked");
        let fact = Fact { what, said: [cell.state.replace('-', " ")].into(), is_proof };
        ((site(survey, cell.site.as_ref()), key), fact)
    });
    facts(rows)
}

fn hosts<'a>(survey: &'a Survey<'_>) -> FactMap<'a, IpAddr> {
    let rows = survey.inventory.iter().map(|host| {
        let mut said = host.role.to_string();
        for more in [&host.name, &host.version].into_iter().flatten() {
            said = format!("{said}, {more}");
        }
        if !host.heard {
            said.push_str(", never heard");
        }
        let fact = Fact { what: host.address.to_string(), said: [said].into(), is_proof: host.heard };
        ((site(survey, host.site.as_ref()), host.address), fact)
    });
    facts(rows)
}

/// Of several surveys of one site: what one of them proves goes before what another did not see.
fn facts<'a, K: Ord>(rows: impl Iterator<Item = ((&'a str, K), Fact)>) -> FactMap<'a, K> {
    let mut facts = FactMap::new();
    for (key, fact) in rows {
        match facts.entry(key) {
            Entry::Vacant(free) => drop(free.insert(fact)),
            Entry::Occupied(mut known) if fact.is_proof && !known.get().is_proof => drop(known.insert(fact)),
            Entry::Occupied(known) if known.get().is_proof && !fact.is_proof => {}
            Entry::Occupied(mut known) => known.get_mut().said.extend(fact.said),
        }
    }
    facts
}

/// Client, server, transport, and port or ICMP type. What is related to a documented exchange uses
/// fresh ports each time: those do not count.
type ComparedConversation = (IpAddr, IpAddr, String, Option<u16>);

fn conversations<'a>(survey: &'a Survey<'_>) -> FactMap<'a, ComparedConversation> {
    let mut facts = FactMap::new();
    for conversation in &survey.conversations {
        let related = conversation.verdict == "related";
        let port = conversation.server_port.or(conversation.icmp_type.map(u16::from)).filter(|_| !related);
        let key = (conversation.client_ip, conversation.server_ip, conversation.transport.to_string(), port);
        let fact = facts.entry((site(survey, conversation.site.as_ref()), key)).or_insert_with(|| Fact {
            what: conversation_name(conversation, port),
            said: BTreeSet::new(),
            is_proof: false,
        });
        fact.said.insert(conversation_fact(conversation));
        // What is unexpected is so whatever came of it.
        fact.is_proof |=
            conversation.verdict == "unexpected" || !matches!(&*conversation.outcome, "one-way" | "midstream");
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
        name = format!("{name} {port}");
    }
    match &conversation.service {
        Some(service) => format!("{name} {service}"),
        None => name,
    }
}

fn conversation_fact(conversation: &Conversation<'_>) -> String {
    let mut fact = conversation.verdict.to_string();
    if let Some(reason) = &conversation.reason {
        fact = format!("{fact} ({reason})");
    }
    fact = format!("{fact}, {}", conversation.outcome);
    if conversation.stopped_answering {
        fact.push_str(", stopped answering");
    }
    fact
}

/// What makes findings one thing, whoever is concerned: kind, roles of client and server, transport and port, rule.
type FindingKey<'a> = (&'a str, &'a str, [&'a str; 2], &'a str, Option<u16>, &'a str);

/// Who is concerned: client and server, either may be missing.
type Parties = (String, String);

/// Findings of one key.
#[derive(Default)]
struct FindingGroup {
    severities: BTreeSet<String>,
    outcomes: BTreeSet<String>,
    who: BTreeSet<Parties>,
    /// How many more it concerns that no cell names.
    more: u64,
}

impl FindingGroup {
    fn said(&self) -> String {
        let words: Vec<&str> = self.severities.iter().chain(&self.outcomes).map(String::as_str).collect();
        words.join(", ")
    }
}

fn groups<'a>(survey: &'a Survey<'_>) -> BTreeMap<FindingKey<'a>, FindingGroup> {
    let mut groups: BTreeMap<FindingKey<'a>, FindingGroup> = BTreeMap::new();
    for finding in &survey.findings {
        let text = |cell: &'a Option<Text<'_>>| cell.as_deref().unwrap_or_default();
        let roles = [text(&finding.client_role), text(&finding.server_role)];
        // Only allowances are told apart by their rule: others cite what may change with the policy.
        let rule = if finding.client.is_none() { text(&finding.rule) } else { "" };
        let site = site(survey, finding.site.as_ref());
        let key = (site, &*finding.reason, roles, text(&finding.transport), finding.server_port, rule);
        let group = groups.entry(key).or_default();
        group.severities.insert(finding.severity.to_string());
        group.outcomes.extend(finding.outcome.as_ref().map(ToString::to_string));
        let (who, more) = who(survey, finding);
        group.who.extend(who);
        group.more += more;
    }
    groups
}

/// Everybody whom a finding concerns, and how many more that nothing names: its cells have the first few only.
fn who(survey: &Survey<'_>, finding: &Finding<'_>) -> (BTreeSet<Parties>, u64) {
    let conversations = finding.conversations.iter().filter_map(|at| survey.conversations.get(*at as usize));
    let pairs: BTreeSet<Parties> =
        conversations.map(|one| (one.client_ip.to_string(), one.server_ip.to_string())).collect();
    if !pairs.is_empty() {
        return (pairs, 0);
    }
    let alone = |name: String| (name, String::new());
    if kind(&finding.reason) == Some(Kind::Other(FindingKind::NeverHeard)) {
        let is_meant = |host: &&Host<'_>| {
            !host.heard
                && finding.client_role.as_ref() == Some(&host.role)
                && (&host.site, host.survey) == (&finding.site, finding.survey)
        };
        let silent = survey.inventory.iter().filter(is_meant);
        return (silent.map(|host| alone(host.address.to_string())).collect(), 0);
    }
    let cell = finding.client.as_deref().unwrap_or_default();
    let (mut names, mut more) = (BTreeSet::new(), 0);
    for name in cell.split(';').filter(|name| !name.is_empty()) {
        match name.strip_prefix("and ").and_then(|rest| rest.strip_suffix(" more")).and_then(|n| n.parse().ok()) {
            Some(number) => more = number,
            None => drop(names.insert(alone(name.to_owned()))),
        }
    }
    (names, more)
}

/// What differs, and what does not.
fn findings(old: &Survey<'_>, new: &Survey<'_>) -> (Vec<Change>, Vec<Change>) {
    let mut unchanged = Vec::new();
    let (mut before, after) = (groups(old), groups(new));
    let proof = RepairProof::of(new);
    let mut all: BTreeMap<FindingKey<'_>, Change> = BTreeMap::new();
    for (key, now) in after {
        let what = finding_name(&key, &now.who);
        let change = match before.remove(&key) {
            None => Change { what, kind: ChangeKind::New, old: None, new: Some(now.said()) },
            Some(then) if then.said() == now.said() && (&then.who, then.more) == (&now.who, now.more) => {
                let said = Some(now.said());
                unchanged.push(Change { what, kind: ChangeKind::Changed, old: said.clone(), new: said });
                continue;
            }
            Some(then) => {
                let mut text = now.said();
                let more: Vec<&Parties> = now.who.difference(&then.who).collect();
                let fewer: BTreeSet<&Parties> = then.who.difference(&now.who).collect();
                if !more.is_empty() {
                    text = format!("{text}; more: {}", named(more.into_iter()));
                }
                if now.more != then.more {
                    text = format!("{text}; and {} more that are not named (were {})", now.more, then.more);
                }
                let (works, lost): (Vec<&Parties>, Vec<&Parties>) =
                    fewer.into_iter().partition(|pair| proof.works_now(&key, pair));
                for (word, pairs) in [("works now", works), ("not seen again", lost)] {
                    if !pairs.is_empty() {
                        text = format!("{text}; {word}: {}", named(pairs.into_iter()));
                    }
                }
                Change { what, kind: ChangeKind::Changed, old: Some(then.said()), new: Some(text) }
            }
        };
        all.insert(key, change);
    }
    for (key, then) in before {
        let (works, lost): (Vec<&Parties>, Vec<&Parties>) =
            then.who.iter().partition(|pair| proof.works_now(&key, pair));
        let (kind, text) = match (works.is_empty(), lost.is_empty()) {
            (true, _) => (ChangeKind::NotSeenAgain, None),
            (false, true) => (ChangeKind::Works, Some("works now".to_owned())),
            (false, false) => {
                let (works, lost) = (named(works.into_iter()), named(lost.into_iter()));
                (ChangeKind::Changed, Some(format!("works now: {works}; not seen again: {lost}")))
            }
        };
        let what = finding_name(&key, &then.who);
        all.insert(key, Change { what, kind, old: Some(then.said()), new: text });
    }
    (all.into_values().collect(), unchanged)
}

/// What a survey proves, to be looked up.
struct RepairProof<'a> {
    /// By site, client, server and transport.
    conversations: HashMap<(&'a str, String, String, &'a str), Vec<&'a Conversation<'a>>>,
    /// Hosts that sent something, by site and address, and by site and MAC.
    heard: HashSet<(&'a str, String)>,
    /// Hosts with what the link says of them, by the same.
    links: HashMap<(&'a str, String), &'a Host<'a>>,
}

impl<'a> RepairProof<'a> {
    fn of(survey: &'a Survey<'a>) -> Self {
        let mut conversations: HashMap<_, Vec<_>> = HashMap::new();
        for one in &survey.conversations {
            let label = site(survey, one.site.as_ref());
            let key = (label, one.client_ip.to_string(), one.server_ip.to_string(), &*one.transport);
            conversations.entry(key).or_default().push(one);
        }
        // Who gives itself an address was given none (RFC 3927).
        let is_given = |address: IpAddr| match address {
            IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_unspecified(),
        };
        let names = |host: &'a Host<'a>| {
            let mac = host.mac.map(|mac| mac.0.to_string());
            let names = [Some(host.address.to_string()), mac].into_iter().flatten();
            names.map(|name| (site(survey, host.site.as_ref()), name)).collect::<Vec<_>>()
        };
        let heard = survey.inventory.iter().filter(|host| host.packets_sent > 0 && is_given(host.address));
        let told = survey.inventory.iter().filter(|host| host.poe_allocated_mw.is_some() || host.dot1x.is_some());
        let links = told.flat_map(|host| names(host).into_iter().map(move |name| (name, host)));
        Self { conversations, heard: heard.flat_map(names).collect(), links: links.collect() }
    }

    /// Whether it is proven that what was found of a pair is mended: not merely that it was not seen.
    fn works_now(&self, (label, reason, _, transport, port, _): &FindingKey<'a>, (client, server): &Parties) -> bool {
        // Of unexpected conversations, and of kinds that a newer program found, nothing proves it.
        let Some(Kind::Other(kind)) = kind(reason) else { return false };
        match kind {
            FindingKind::Blocked | FindingKind::StoppedAnswering => {
                let key = (*label, client.clone(), server.clone(), *transport);
                let all = self.conversations.get(&key).into_iter().flatten();
                // Of a finding of many ports it is not told which: none may be blocked.
                let mut meant = all.filter(|one| port.is_none() || one.server_port == *port).peekable();
                // What answers in another protocol is no service that works.
                meant.peek().is_some()
                    && meant.all(|one| {
                        one.outcome == "established" && !one.stopped_answering && one.verdict != "unexpected"
                    })
            }
            FindingKind::NeverHeard | FindingKind::NoDhcpOffer | FindingKind::NoLease => {
                self.heard.contains(&(*label, client.clone()))
            }
            FindingKind::PoeTooLittle | FindingKind::PoeNotNegotiated | FindingKind::NotAuthenticated => {
                let Some(host) = self.links.get(&(*label, client.clone())) else { return false };
                match (kind, host.poe_requested_mw, host.poe_allocated_mw) {
                    (FindingKind::NotAuthenticated, ..) => host.dot1x.as_deref() == Some(Dot1x::Authenticated.name()),
                    (FindingKind::PoeTooLittle, Some(requested), Some(allocated)) => requested <= allocated,
                    (_, _, Some(allocated)) => allocated > milliwatts(poe::UNNEGOTIATED),
                    _ => false,
                }
            }
            // Nothing tells that it would have been seen.
            _ => false,
        }
    }
}

const NAMED: usize = 5;

fn named<'a>(pairs: impl ExactSizeIterator<Item = &'a Parties>) -> String {
    let more = pairs.len().saturating_sub(NAMED);
    let name = |(client, server): &Parties| match server.as_str() {
        "" => client.clone(),
        server => format!("{client} to {server}"),
    };
    let mut list: Vec<String> = pairs.take(NAMED).map(name).collect();
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    list.join(", ")
}

fn finding_name(
    (_, reason, [client, server], transport, port, rule): &FindingKey<'_>,
    who: &BTreeSet<Parties>,
) -> String {
    let mut name = reason.replace('-', " ");
    let roles: Vec<&str> = [*client, *server].into_iter().filter(|role| !role.is_empty()).collect();
    let port = port.map(|port| format!(" {port}")).unwrap_or_default();
    let service = format!("{}{port}", transport.to_uppercase());
    let mut subject = vec![roles.join(" to "), service, (*rule).to_owned(), named(who.iter())];
    subject.retain(|part| !part.is_empty());
    if !subject.is_empty() {
        name = format!("{name}: {}", subject.join(", "));
    }
    name
}

#[cfg(test)]
mod tests;
