//! Several surveys in one file. Of different sites they join; of one site they stand side by side, each with what it says.
//!
//! Verdicts do not add: what began in one survey and ended in another is judged in neither. What adds up is what was
//! observed, so that states give one answer where surveys cannot.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::this_tool;
use super::v1::{self, Survey, Text};
use super::words::nanos;

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

/// From least to most grave.
const SEVERITIES: &[&str] = &["notice", "warning", "alert"];

type Site = T;

/// Merges surveys, in their order.
///
/// # Errors
/// If there is none, or two hold the same capture.
pub fn merge(surveys: Vec<Survey<'static>>) -> Result<Survey<'static>, MergeError> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for input in surveys.iter().flat_map(|survey| &survey.inputs) {
        let Some(hash) = &input.sha256 else { continue };
        if let Some(first) = seen.insert(hash, &input.path) {
            return Err(MergeError::SameInput { first: first.to_owned(), second: input.path.to_string() });
        }
    }
    let (mut merger, mut surveys) = (Merger::default(), surveys.into_iter());
    let mut merged = merger.take(surveys.next().ok_or(MergeError::Empty)?);
    renumber(&mut merged, [0; 3]);
    for survey in surveys {
        append(&mut merged, merger.take(survey));
    }
    Ok(merger.finish(merged))
}

/// Does something with every table, each by its name.
macro_rules! for_each_table {
    ($act:ident!($($given:tt)*)) => {
        $act!($($given)*; inputs, non_ip, encapsulations, caveats, flows, conversations, findings, coverage, inventory,
            nodes, health, transfers)
    };
}

/// Does something with every row of every table.
macro_rules! for_each_row {
    ($survey:expr, $row:ident => $act:expr) => { for_each_table!(for_each_row!($survey, $row => $act)) };
    ($survey:expr, $row:ident => $act:expr; $($table:ident),+) => {
        $(for $row in &mut $survey.$table { $act })+
    };
}

#[derive(Default)]
struct Merger {
    sites: BTreeSet<Site>,
    /// Of each site, whether anything was judged of it.
    judged: BTreeMap<Site, v1::JudgedSite<'static>>,
    /// Numbers of surveys given so far.
    surveys: u32,
    stopped: BTreeMap<(T, T), u64>,
    unread: BTreeMap<(T, Option<u32>, Option<T>, bool), v1::Unread<'static>>,
    policies: Vec<v1::Policy<'static>>,
}

impl Merger {
    /// Takes what adds up, and leaves the rows, each with its site and the number of its survey.
    fn take(&mut self, mut survey: Survey<'static>) -> Survey<'static> {
        let label = std::mem::take(&mut survey.site);
        self.sites.insert(label.clone());
        for judged in judged_sites(survey.judged.take(), &label) {
            match self.judged.entry(judged.site.clone()) {
                Entry::Vacant(free) => drop(free.insert(judged)),
                Entry::Occupied(mut known) if judged.value => drop(known.insert(judged)),
                Entry::Occupied(_) => {}
            }
        }
        for stop in std::mem::take(&mut survey.frames.stopped) {
            let sum = self.stopped.entry((stop.layer, stop.reason)).or_default();
            *sum = sum.saturating_add(stop.frames);
        }
        for layer in std::mem::take(&mut survey.frames.unread) {
            let frames = layer.frames;
            let key = (layer.kind.clone(), layer.number, layer.name.clone(), layer.before_ip);
            let sum = &mut self.unread.entry(key).or_insert(v1::Unread { frames: 0, ..layer }).frames;
            *sum = sum.saturating_add(frames);
        }
        let policy = std::mem::take(&mut survey.policy);
        if !self.policies.contains(&policy) {
            self.policies.push(policy);
        }

        // What is a merge already has numbers of its own.
        let (first, mut last) = (self.surveys, 0);
        let mut numbered: BTreeSet<Site> = BTreeSet::new();
        for_each_row!(survey, row => {
            let site = row.site.get_or_insert_with(|| label.clone());
            numbered.extend(row.survey.map(|_| site.clone()));
        });
        for_each_row!(survey, row => {
            let is_of_all = row.survey.is_none() && row.site.as_ref().is_some_and(|site| numbered.contains(site));
            let number = row.survey.unwrap_or(0);
            last = last.max(number);
            row.survey = (!is_of_all).then(|| first.saturating_add(number));
        });
        self.surveys = first.saturating_add(last).saturating_add(1);
        self.sites.extend(survey.inputs.iter().filter_map(|input| input.site.clone()));
        survey
    }

    fn finish(mut self, mut merged: Survey<'static>) -> Survey<'static> {
        let several = number_anew(&mut merged);
        for site in several.iter().rev() {
            let text = format!(
                "Several surveys {} stand side by side, each with its own findings: what began in one and ended in another is \
                 judged in neither as a whole. For one answer, observe the captures (igorscope observe) and analyze all states \
                 together.",
                if site.is_empty() { "without a label".to_owned() } else { format!("of {site}") }
            );
            let caveat =
                v1::Caveat { kind: "side-by-side".into(), text: text.into(), site: Some(site.clone()), survey: None };
            // A merge that is merged again says it already.
            merged.caveats.retain(|known| known.kind != caveat.kind || known.site != caveat.site);
            merged.caveats.insert(0, caveat);
        }
        if self.policies.len() > 1 {
            let names: Vec<_> = self.policies.iter().map(|policy| &*policy.name).collect();
            let text = format!(
                "The merged surveys were held against {} different policies ({}): their verdicts do not compare.",
                names.len(),
                names.join(", ")
            );
            let site = self.sites.first().cloned();
            let kind = "different-policies".into();
            merged.caveats.insert(0, v1::Caveat { kind, text: text.into(), site, survey: None });
        }
        let mut stopped: Vec<_> = self.stopped.into_iter().collect();
        stopped.sort_by_key(|(_, frames)| Reverse(*frames));
        let total = merged.frames.total;
        let share = |frames: u64| if total == 0 { 0.0 } else { frames as f64 / total as f64 };
        let mut unread: Vec<_> =
            self.unread.into_values().map(|layer| v1::Unread { share: share(layer.frames), ..layer }).collect();
        unread.sort_by_key(|layer| Reverse(layer.frames));
        let stopped = stopped.into_iter().map(|((layer, reason), frames)| v1::Stopped { layer, reason, frames });
        merged.frames.stopped = stopped.collect();
        merged.frames.unread = unread;
        merged.schema_version = v1::SCHEMA_VERSION;
        merged.judged = Some(judged(self.judged));
        (merged.tool, merged.created, merged.limits) = (this_tool(), None, None);
        merged.policy = self.policies.into_iter().next().unwrap_or_default();
        order(&mut merged);
        if self.sites.len() == 1 {
            merged.site = self.sites.pop_first().unwrap_or_default();
            for_each_row!(merged, row => row.site = None);
        }
        merged
    }
}

/// Puts the rows of a survey behind those of another; what points to rows follows.
fn append(merged: &mut Survey<'static>, mut survey: Survey<'static>) {
    renumber(&mut survey, [merged.inputs.len(), merged.flows.len(), merged.conversations.len()]);
    merged.frames.total = merged.frames.total.saturating_add(survey.frames.total);
    merged.frames.decoded = merged.frames.decoded.saturating_add(survey.frames.decoded);
    macro_rules! extend {
        (; $($table:ident),+) => { $(merged.$table.append(&mut survey.$table);)+ };
    }
    for_each_table!(extend!());
}

/// Names the flows by their places, behind so many others, and lets what points to inputs, flows and conversations follow.
fn renumber(survey: &mut Survey<'static>, [inputs, flows, conversations]: [usize; 3]) {
    let (inputs, conversations) = (inputs as u32, conversations as u32);
    let behind = |old: &mut u32, first: u32| *old = old.saturating_add(first);
    let places: BTreeMap<T, usize> =
        (flows..).zip(&survey.flows).map(|(place, flow)| (flow.flow_id.clone(), place)).collect();
    for flow in &mut survey.flows {
        flow.sources.iter_mut().for_each(|source| behind(source, inputs));
        behind(&mut flow.conversation, conversations);
        let target = flow.related_to.take().and_then(|target| places.get(&target).copied());
        flow.related_to = target.map(flow_id);
    }
    for (place, flow) in (flows..).zip(&mut survey.flows) {
        flow.flow_id = flow_id(place);
    }
    for finding in &mut survey.findings {
        finding.sources.iter_mut().for_each(|source| behind(source, inputs));
        finding.conversations.iter_mut().for_each(|old| behind(old, conversations));
    }
}

/// The name of the flow at a place.
fn flow_id(place: usize) -> T {
    format!("f{}", place + 1).into()
}

/// Numbers the surveys of each site from 1; one alone needs no number. The sites that have several.
fn number_anew(survey: &mut Survey<'static>) -> BTreeSet<Site> {
    let mut numbers: BTreeMap<Option<Site>, BTreeMap<u32, u32>> = BTreeMap::new();
    for_each_row!(survey, row => {
        numbers.entry(row.site.clone()).or_default().extend(row.survey.map(|number| (number, 0)));
    });
    for numbers in numbers.values_mut() {
        numbers.values_mut().zip(1..).for_each(|(new, number)| *new = number);
    }
    numbers.retain(|_, numbers| numbers.len() > 1);
    for_each_row!(survey, row => {
        let of_site = numbers.get(&row.site);
        row.survey = row.survey.and_then(|number| of_site?.get(&number).copied());
    });
    numbers.into_keys().flatten().collect()
}

/// What a survey says of its sites; one that was written before surveys said so is not known to have judged anything.
fn judged_sites(judged: Option<v1::Judged<'static>>, label: &T) -> Vec<v1::JudgedSite<'static>> {
    let v1::Judged { value, reason, next, sites } = judged.unwrap_or_else(|| v1::Judged::unknown("it"));
    if sites.is_empty() { vec![v1::JudgedSite { site: label.clone(), value, reason, next }] } else { sites }
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
fn order(survey: &mut Survey<'static>) {
    let before: BTreeMap<T, usize> =
        survey.flows.iter().enumerate().map(|(place, flow)| (flow.flow_id.clone(), place)).collect();
    let conversations = sorted(&mut survey.conversations, |row| {
        let packets = row.client_packets.saturating_add(row.server_packets);
        (
            row.site.clone(),
            row.survey,
            Reverse(packets),
            row.client_ip,
            row.server_ip,
            row.transport.clone(),
            row.server_port,
        )
    });
    let flows = sorted(&mut survey.flows, |row| {
        let client = (row.client_ip, row.client_port);
        (
            row.site.clone(),
            row.survey,
            row.first_seen,
            client,
            (row.server_ip, row.server_port),
            row.transport.clone(),
            row.vlan.clone(),
        )
    });
    let moved = |places: &[usize], old: u32| places.get(old as usize).map_or(old, |place| *place as u32);
    for (at, flow) in survey.flows.iter_mut().enumerate() {
        flow.flow_id = flow_id(at);
        flow.conversation = moved(&conversations, flow.conversation);
        let target = flow.related_to.take().and_then(|name| before.get(&name).copied());
        flow.related_to = target.and_then(|place| flows.get(place)).map(|place| flow_id(*place));
    }
    sorted(&mut survey.findings, |row| {
        let severity = SEVERITIES.iter().position(|severity| *severity == row.severity);
        (Reverse(severity), Reverse(row.packets), row.site.clone(), row.survey, row.reason.clone(), row.client.clone())
    });
    for (at, finding) in survey.findings.iter_mut().enumerate() {
        finding.id = at as u64 + 1;
        finding.conversations.iter_mut().for_each(|old| *old = moved(&conversations, *old));
        finding.conversations.sort_unstable();
    }
    survey.inventory.sort_by_cached_key(|host| (host.site.clone(), host.survey, host.address));
    survey.nodes.sort_by_cached_key(|node| (node.site.clone(), node.survey, node.address));
    survey.health.sort_by_cached_key(|row| {
        (row.site.clone(), row.survey, row.asker_ip, row.answerer_ip, row.service_port, row.measure.clone())
    });
    survey.transfers.sort_by_cached_key(|row| {
        let ends = ((row.sender_ip, row.sender_port), (row.receiver_ip, row.receiver_port));
        (row.site.clone(), row.survey, Reverse(nanos(row.duration_s)), row.first_seen, ends)
    });
    survey.non_ip.sort_by_cached_key(|row| (row.site.clone(), row.survey, Reverse(row.frames), row.kind.clone()));
    survey
        .encapsulations
        .sort_by_cached_key(|row| (row.site.clone(), row.survey, Reverse(row.frames), row.kind.clone(), row.source));
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

#[cfg(test)]
mod tests;
