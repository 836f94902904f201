//! Several surveys as one. Surveys of one site are added up, row by row; sites are kept apart.
//!
//! Adding up works on what the surveys say, not on the packets. Counts, times and sets are exact.
//! Where two surveys judge the same flow or conversation differently, the graver verdict and the
//! better outcome stand; a cell's number of peers is that of the survey that saw more. `analyze`
//! over all captures at once is exact in everything.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::v1::{self, Survey, Text};
use super::{fold, this_tool};

/// Why surveys cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Nothing to merge.
    #[error("no surveys to merge; name one or more survey.json files")]
    Empty,
    /// The same capture is in two of them.
    #[error(
        "{first} and {second} are the same capture (equal SHA-256) and would be counted twice; leave one survey out"
    )]
    SameInput {
        /// Its path in one survey.
        first: String,
        /// Its path in the other.
        second: String,
    },
}

type T = Text<'static>;

/// Label of a row's site.
type Site = T;

/// Rows of one kind, one a key, in the order in which the keys were first seen.
struct Rows<K, R> {
    rows: Vec<R>,
    places: BTreeMap<K, usize>,
}

impl<K, R> Default for Rows<K, R> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: BTreeMap::new() }
    }
}

impl<K: Ord, R> Rows<K, R> {
    /// Adds a row to the one of the same key, or as a new one; returns its place.
    fn add(&mut self, key: K, row: R, absorb: fn(&mut R, R)) -> usize {
        let place = *self.places.entry(key).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some(found) => absorb(found, row),
            None => self.rows.push(row),
        }
        place
    }
}

/// Merges surveys, in their order.
///
/// # Errors
/// If there is none, or two hold the same capture.
pub fn merge(surveys: Vec<Survey<'static>>) -> Result<Survey<'static>, MergeError> {
    if surveys.is_empty() {
        return Err(MergeError::Empty);
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for input in surveys.iter().flat_map(|survey| &survey.inputs) {
        let Some(hash) = &input.sha256 else { continue };
        if let Some(first) = seen.insert(hash, &input.path) {
            return Err(MergeError::SameInput { first: first.to_owned(), second: input.path.to_string() });
        }
    }
    let mut merger = Merger::default();
    surveys.into_iter().for_each(|survey| merger.add(survey));
    Ok(merger.finish())
}

type FlowKey = (Site, Option<T>, T, Option<u8>, [(IpAddr, Option<u16>); 2]);
type ConversationKey = (Site, IpAddr, IpAddr, T, Option<u16>, Option<u8>);

#[derive(Default)]
struct Merger {
    sites: BTreeSet<Site>,
    /// Of each site, whether anything was judged of it.
    judged: BTreeMap<Site, v1::JudgedSite<'static>>,
    inputs: Vec<v1::Input<'static>>,
    total: u64,
    decoded: u64,
    stopped: BTreeMap<(T, T), u64>,
    unread: BTreeMap<(T, Option<u32>, Option<T>, bool), v1::Unread<'static>>,
    policies: Vec<v1::Policy<'static>>,
    non_ip: Rows<(Site, T), v1::NonIp<'static>>,
    encapsulations: Rows<(Site, T, IpAddr, IpAddr), v1::Encapsulation<'static>>,
    caveats: Rows<(Site, T, T), v1::Caveat<'static>>,
    flows: Rows<FlowKey, v1::Flow<'static>>,
    conversations: Rows<ConversationKey, v1::Conversation<'static>>,
    findings: Rows<(Site, fold::FindingKey), v1::Finding<'static>>,
    coverage: Rows<(Site, T, T, T, u16), v1::Cell<'static>>,
    hosts: Rows<(Site, IpAddr), v1::Host<'static>>,
    nodes: Rows<(Site, IpAddr), v1::Node<'static>>,
}

impl Merger {
    fn add(&mut self, survey: Survey<'static>) {
        let label = survey.site;
        let site = |row: &mut Option<T>| row.get_or_insert_with(|| label.clone()).clone();
        self.sites.insert(label.clone());
        for judged in judged_sites(survey.judged, &label) {
            match self.judged.entry(judged.site.clone()) {
                Entry::Vacant(free) => drop(free.insert(judged)),
                Entry::Occupied(mut known) if judged.value => drop(known.insert(judged)),
                Entry::Occupied(_) => {}
            }
        }

        let first_input = self.inputs.len() as u32;
        for mut input in survey.inputs {
            self.sites.insert(site(&mut input.site));
            self.inputs.push(input);
        }
        self.total = self.total.saturating_add(survey.frames.total);
        self.decoded = self.decoded.saturating_add(survey.frames.decoded);
        for stop in survey.frames.stopped {
            let sum = self.stopped.entry((stop.layer, stop.reason)).or_default();
            *sum = sum.saturating_add(stop.frames);
        }
        for layer in survey.frames.unread {
            let frames = layer.frames;
            let key = (layer.kind.clone(), layer.number, layer.name.clone(), layer.before_ip);
            let sum = &mut self.unread.entry(key).or_insert(v1::Unread { frames: 0, ..layer }).frames;
            *sum = sum.saturating_add(frames);
        }
        if !self.policies.contains(&survey.policy) {
            self.policies.push(survey.policy);
        }
        for mut row in survey.non_ip {
            self.non_ip.add((site(&mut row.site), row.kind.clone()), row, fold::non_ip);
        }
        for mut row in survey.encapsulations {
            let key = (site(&mut row.site), row.kind.clone(), row.source, row.destination);
            self.encapsulations.add(key, row, fold::encapsulation);
        }
        for mut row in survey.caveats {
            self.caveats.add((site(&mut row.site), row.kind.clone(), row.text.clone()), row, |_, _| ());
        }

        let mut conversations = Vec::new();
        for mut row in survey.conversations {
            let key = (
                site(&mut row.site),
                row.client_ip,
                row.server_ip,
                row.transport.clone(),
                row.server_port,
                row.icmp_type,
            );
            conversations.push(self.conversations.add(key, row, fold::conversation) as u32);
        }
        let conversation = |old: u32| conversations.get(old as usize).copied().unwrap_or(u32::MAX);
        let sources = |old: &mut Vec<u32>| old.iter_mut().for_each(|source| *source += first_input);

        // Flow names are places until the end: `related_to` points to the flow of that place.
        let mut places: BTreeMap<T, usize> = BTreeMap::new();
        let mut related = Vec::new();
        for mut row in survey.flows {
            sources(&mut row.sources);
            row.conversation = conversation(row.conversation);
            let mut ends = [(row.client_ip, row.client_port), (row.server_ip, row.server_port)];
            ends.sort_unstable();
            let key = (site(&mut row.site), row.vlan.clone(), row.transport.clone(), row.icmp_type, ends);
            let (name, target) = (row.flow_id.clone(), row.related_to.take());
            let place = self.flows.add(key, row, fold::flow);
            places.insert(name, place);
            related.extend(target.map(|target| (place, target)));
        }
        for (place, target) in related {
            if let (Some(flow), Some(target)) = (self.flows.rows.get_mut(place), places.get(&target)) {
                flow.related_to = Some(target.to_string().into());
            }
        }

        for mut row in survey.findings {
            sources(&mut row.sources);
            row.conversations.iter_mut().for_each(|old| *old = conversation(*old));
            self.findings.add((site(&mut row.site), fold::finding_key(&row)), row, fold::finding);
        }
        for mut row in survey.coverage {
            let key =
                (site(&mut row.site), row.document.clone(), row.direction.clone(), row.transport.clone(), row.port);
            self.coverage.add(key, row, fold::cell);
        }
        for mut row in survey.inventory {
            self.hosts.add((site(&mut row.site), row.address), row, fold::host);
        }
        for mut row in survey.nodes {
            self.nodes.add((site(&mut row.site), row.address), row, fold::node);
        }
    }

    fn finish(mut self) -> Survey<'static> {
        if self.policies.len() > 1 {
            let names: Vec<_> = self.policies.iter().map(|policy| &*policy.name).collect();
            let text = format!(
                "The merged surveys were held against {} different policies ({}): their verdicts do not compare.",
                names.len(),
                names.join(", ")
            );
            let site = self.sites.first().cloned();
            self.caveats.rows.insert(0, v1::Caveat { kind: "different-policies".into(), text: text.into(), site });
        }
        // What one survey could not judge of a site, another did.
        let is_judged =
            |site: &Option<T>| site.as_ref().and_then(|site| self.judged.get(site)).is_some_and(|site| site.value);
        self.caveats.rows.retain(|caveat| caveat.kind != "not-judged" || !is_judged(&caveat.site));
        let mut stopped: Vec<_> = self.stopped.into_iter().collect();
        stopped.sort_by_key(|(_, frames)| Reverse(*frames));
        let share = |frames: u64| if self.total == 0 { 0.0 } else { frames as f64 / self.total as f64 };
        let mut unread: Vec<_> =
            self.unread.into_values().map(|layer| v1::Unread { share: share(layer.frames), ..layer }).collect();
        unread.sort_by_key(|layer| Reverse(layer.frames));
        let mut merged = Survey {
            schema_version: v1::SCHEMA_VERSION,
            judged: Some(judged(self.judged)),
            tool: this_tool(),
            created: None,
            inputs: self.inputs,
            frames: v1::Frames {
                total: self.total,
                decoded: self.decoded,
                stopped: stopped
                    .into_iter()
                    .map(|((layer, reason), frames)| v1::Stopped { layer, reason, frames })
                    .collect(),
                unread,
            },
            site: Text::default(),
            policy: self.policies.into_iter().next().unwrap_or_default(),
            non_ip: self.non_ip.rows,
            encapsulations: self.encapsulations.rows,
            caveats: self.caveats.rows,
            flows: self.flows.rows,
            conversations: self.conversations.rows,
            findings: self.findings.rows,
            coverage: self.coverage.rows,
            inventory: self.hosts.rows,
            nodes: self.nodes.rows,
            limits: None,
        };
        fold::count_devices(&mut merged);
        order(&mut merged);
        if self.sites.len() == 1 {
            merged.site = self.sites.pop_first().unwrap_or_default();
            without_sites(&mut merged);
        }
        merged
    }
}

/// What a survey says of its sites; one that was written before surveys said so is not known to have judged anything.
fn judged_sites(judged: Option<v1::Judged<'static>>, label: &T) -> Vec<v1::JudgedSite<'static>> {
    let site = label.clone();
    match judged {
        Some(judged) if !judged.sites.is_empty() => judged.sites,
        Some(v1::Judged { value, reason, next, .. }) => vec![v1::JudgedSite { site, value, reason, next }],
        None => vec![v1::JudgedSite {
            site,
            value: false,
            reason: Some("An older igorscope wrote it, which did not say whether anything was judged.".into()),
            next: Some("Analyse its captures again.".into()),
        }],
    }
}

/// Whether anything was judged of every site; if not, why and what to do, site by site.
fn judged(sites: BTreeMap<Site, v1::JudgedSite<'static>>) -> v1::Judged<'static> {
    let several = sites.len() > 1;
    let unjudged: Vec<_> = sites.values().filter(|site| !site.value).collect();
    let told = |of: for<'a> fn(&'a v1::JudgedSite<'static>) -> &'a Option<T>| -> Option<T> {
        let texts = unjudged.iter().filter_map(|site| {
            let text = of(site).as_ref()?;
            let name = if site.site.is_empty() { "without a label" } else { &*site.site };
            Some(if several { format!("{name}: {text}") } else { text.to_string() })
        });
        let all = texts.collect::<Vec<_>>().join(" ");
        (!all.is_empty()).then(|| all.into())
    };
    let (reason, next) = (told(|site| &site.reason), told(|site| &site.next));
    let value = unjudged.is_empty();
    let sites = if several { sites.into_values().collect() } else { Vec::new() };
    v1::Judged { value, reason, next, sites }
}

/// Puts the tables in the order that `analyze` writes, each site by itself, and lets names and
/// positions follow.
fn order(survey: &mut Survey<'_>) {
    let conversations = sorted(&mut survey.conversations, |row| {
        let packets = row.client_packets + row.server_packets;
        (row.site.clone(), Reverse(packets), row.client_ip, row.server_ip, row.transport.clone(), row.server_port)
    });
    let flows = sorted(&mut survey.flows, |row| {
        let client = (row.client_ip, row.client_port);
        (
            row.site.clone(),
            row.first_seen,
            client,
            (row.server_ip, row.server_port),
            row.transport.clone(),
            row.vlan.clone(),
        )
    });
    let moved = |places: &[usize], old: u32| places.get(old as usize).map_or(old, |place| *place as u32);
    for (at, flow) in survey.flows.iter_mut().enumerate() {
        flow.flow_id = format!("f{}", at + 1).into();
        flow.conversation = moved(&conversations, flow.conversation);
        let target = flow.related_to.take().and_then(|place| place.parse::<usize>().ok());
        flow.related_to = target.and_then(|place| flows.get(place)).map(|place| format!("f{}", place + 1).into());
    }
    sorted(&mut survey.findings, |row| {
        let severity = fold::SEVERITIES.iter().position(|severity| *severity == row.severity);
        (Reverse(severity), Reverse(row.packets), row.site.clone(), row.reason.clone(), row.client.clone())
    });
    for (at, finding) in survey.findings.iter_mut().enumerate() {
        finding.id = at as u64 + 1;
        finding.conversations.iter_mut().for_each(|old| *old = moved(&conversations, *old));
        finding.conversations.sort_unstable();
    }
    survey.inventory.sort_by_cached_key(|host| (host.site.clone(), host.address));
    survey.nodes.sort_by_cached_key(|node| (node.site.clone(), node.address));
    survey.non_ip.sort_by_cached_key(|row| (row.site.clone(), Reverse(row.frames), row.kind.clone()));
    survey
        .encapsulations
        .sort_by_cached_key(|row| (row.site.clone(), Reverse(row.frames), row.kind.clone(), row.source));
}

/// Sorts rows, and tells for each old place the new one.
fn sorted<R, K: Ord>(rows: &mut Vec<R>, key: impl Fn(&R) -> K) -> Vec<usize> {
    let mut keyed: Vec<(K, usize, R)> =
        std::mem::take(rows).into_iter().enumerate().map(|(at, row)| (key(&row), at, row)).collect();
    keyed.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut places = vec![0; keyed.len()];
    for (new, (_, old, row)) in keyed.into_iter().enumerate() {
        if let Some(place) = places.get_mut(old) {
            *place = new;
        }
        rows.push(row);
    }
    places
}

/// One site needs no label on each row.
fn without_sites(survey: &mut Survey<'_>) {
    macro_rules! clear {
        ($($table:ident),+) => { $(survey.$table.iter_mut().for_each(|row| row.site = None);)+ };
    }
    clear!(inputs, non_ip, encapsulations, caveats, flows, conversations, findings, coverage, inventory, nodes);
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
