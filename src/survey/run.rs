//! The pipeline from inputs to a survey.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::caveats::{self, FlowQuality};
use super::read::{self, Progress, ReadOptions, Reading, Source};
use super::{
    Damage, EncapsulationSummary, FrameCounts, InputSummary, JudgedFlows, NonIpSummary, Survey, judged, unread,
};
use crate::capture::{self, CaptureError, CaptureSummary, Filter, Timestamp};
use crate::finding;
use crate::flow::{FlowView, Flows, Observed, Tally};
use crate::inventory::{Heard, Inventory, Known, hosts_of};
use crate::policy::Policy;
use crate::relation::{self, Orientation, Relations, Skews};
use crate::text::times;
use crate::verdict::{self, Caveat};

/// What a survey is to be made with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Label of the site.
    pub site: String,
    /// What the traffic is held against.
    pub policy: Arc<Policy>,
    /// What is known of the hosts.
    pub inventory: Arc<Inventory>,
    /// How the inputs are read.
    pub reading: ReadOptions,
}

impl Options {
    /// All frames, on one thread, with the usual limits; the site's label from the inventory.
    pub fn new(policy: Arc<Policy>, inventory: Arc<Inventory>) -> Self {
        Self {
            site: inventory.site_name().unwrap_or_default().to_owned(),
            policy,
            inventory,
            reading: ReadOptions::default(),
        }
    }
}

impl Options {
    /// With what was left out at will where states among the sources were observed.
    fn with_states(&self, sources: &[Source], observed: &Observed) -> Self {
        let mut options = self.clone();
        let states = || sources.iter().filter_map(Source::observed);
        let filters: BTreeSet<&str> = states().filter_map(|state| state.head.reading.filter.as_deref()).collect();
        let reading = &mut options.reading;
        reading.filter = any_of(&filters).or(reading.filter.take());
        // The inputs of one state share one count.
        let counts: BTreeMap<&Path, u64> =
            states().filter_map(|state| Some((state.state.as_path(), state.head.reading.count?))).collect();
        if !counts.is_empty() {
            reading.count = Some(counts.values().copied().fold(0, u64::saturating_add));
        }
        for state in states() {
            let [flows, fragments] =
                state.head.reading.limits.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
            if observed.overflow.packets > 0 {
                reading.limits.flows = reading.limits.flows.min(flows);
            }
            if observed.fragments_turned_away.packets > 0 {
                reading.limits.fragments = reading.limits.fragments.min(fragments);
            }
        }
        options
    }

    /// With what the capture programs left out, as files say of their interfaces.
    fn with_recorded(&self, recorded: &BTreeSet<&str>) -> Self {
        let mut options = self.clone();
        // What one of them kept whole is missing nowhere.
        let recorded = if recorded.contains("") { None } else { any_of(recorded) };
        let filter = &mut options.reading.filter;
        *filter = match (filter.take(), recorded) {
            (Some(own), Some(recorded)) => Some(Filter::of_state(&format!("({own}) and ({recorded})"))),
            (own, recorded) => own.or(recorded),
        };
        options
    }
}

/// What keeps all that one of these keeps; they are untrusted.
fn any_of(filters: &BTreeSet<&str>) -> Option<Filter> {
    let all: Vec<&str> = filters.iter().copied().collect();
    match &all[..] {
        [] => None,
        [filter] => Some(Filter::of_state(filter)),
        several => Some(Filter::of_state(&format!("({})", several.join(") or (")))),
    }
}

/// Reads the sources and judges what they hold.
///
/// # Errors
/// Those of the inputs, if none of them could be used at all.
pub fn run(sources: &[Source], options: &Options, progress: &Progress) -> Result<Survey, Vec<CaptureError>> {
    let read = || read::read(sources, &options.reading, progress);
    let Reading { observation, inputs } = on_threads(options.reading.threads, read);
    if !inputs.is_empty() && inputs.iter().all(Result::is_err) {
        return Err(inputs.into_iter().filter_map(Result::err).collect());
    }
    let inputs = sources.iter().zip(inputs).map(|(source, reading)| Input::of(source, reading)).collect();
    let observed = observation.finish();
    let options = options.with_states(sources, &observed);
    Ok(judge(inputs, observed, &options))
}

/// Does something in a pool of as many threads as are wanted, or of this one alone where no more are to be had.
pub(crate) fn on_threads<T: Send>(threads: NonZeroUsize, work: impl FnOnce() -> T + Send) -> T {
    if let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build() {
        return pool.install(work);
    }
    // The second time it is in such a pool already.
    let _alone = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    work()
}

/// What was read, offline or live, beside what was observed in it.
pub(crate) struct Input {
    pub(crate) name: String,
    /// In bytes, as it is stored.
    pub(crate) size: u64,
    pub(crate) summary: CaptureSummary,
}

impl Input {
    fn of(source: &Source, reading: Result<CaptureSummary, CaptureError>) -> Self {
        // An input that could not be opened keeps its place: flows name their sources by it.
        let unreadable = |error: CaptureError| CaptureSummary {
            damage: Some(capture::Damage { offset: 0, reason: error.to_string() }),
            ..CaptureSummary::default()
        };
        let summary = reading.unwrap_or_else(unreadable);
        let size = match source {
            Source::StandardInput => summary.bytes_read,
            _ => source.size(),
        };
        Self { name: source.name(), size, summary }
    }
}

/// From what was observed to what is judged.
pub(crate) fn judge(inputs: Vec<Input>, observed: Observed, options: &Options) -> Survey {
    judge_related(inputs, observed, options).0
}

/// The same, with what belongs together among the survey's flows.
pub(crate) fn judge_related(inputs: Vec<Input>, observed: Observed, options: &Options) -> (Survey, Relations) {
    on_threads(options.reading.threads, || judge_here(inputs, observed, options))
}

fn judge_here(inputs: Vec<Input>, mut observed: Observed, options: &Options) -> (Survey, Relations) {
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    let sizes: Vec<u64> = inputs.iter().map(|input| input.size).collect();
    let summaries: Vec<_> = (0..).zip(inputs.into_iter().map(|input| input.summary)).collect();
    let interfaces = summaries.iter().flat_map(|(_, summary): &(u32, CaptureSummary)| &summary.interfaces);
    let recorded: BTreeSet<&str> = interfaces.map(|interface| &*interface.filter).collect();
    let (asked_for, options) = (options, &options.with_recorded(&recorded));
    let policy = &options.policy;
    let skews = if observed.tallies.len() > 1 { relation::skews(&observed.flows) } else { Skews::default() };
    let orientations = put_in_order(&mut observed.flows, policy, &skews);
    let flows = &observed.flows;
    let claims: Vec<_> = observed.side.claims.speakers().map(|((_, address, mac), _)| (*address, *mac)).collect();
    let asked: Vec<_> = observed.neighbours.questions().map(|(address, _)| IpAddr::V4(address)).collect();
    let heard = Heard { neighbours: &claims, asked: &asked, evidence: &observed.side };
    let (known, mut relations) = rayon::join(
        || hosts_of(flows, &orientations, heard, &options.inventory, policy),
        || relation::links(flows, &observed.side, skews.largest()),
    );
    drop_tunnel_rejections(&mut relations, &observed);
    let Known { hosts, parties, hints, doubts: of_inventory } = known;
    let quality = FlowQuality::of(&observed, &hosts, &parties, policy);

    let frames = frame_counts(&observed);
    let mut doubts = caveats::of_inventory(&of_inventory);
    doubts.extend(caveats::caveats(&observed, &relations.overflows, &quality, &names, &summaries));
    doubts.extend(unread::caveats(&frames));
    doubts.extend(left_out(asked_for, &recorded, &summaries));
    doubts.extend(caveats::not_measured(options, &observed));
    let missing = caveats::missing(
        &observed,
        &relations,
        &quality,
        (&hosts, &parties),
        options.reading.filter.as_ref(),
        &summaries,
    );
    doubts.extend(caveats::half_mirrored(&quality, &missing, &hosts));
    let seen = verdict::Observations {
        flows,
        orientations: &orientations,
        hosts: &hosts,
        inventory: &options.inventory,
        parties: &parties,
        policy,
        relations: &relations,
        neighbours: &observed.neighbours,
        evidence: &observed.side,
        health: &observed.health,
        missing: &missing,
    };
    let verdicts = verdict::judge(&seen);
    let ((coverage, nodes), (findings, transfers)) =
        rayon::join(|| verdict::cover(&seen, &verdicts), || finding::find(&seen, &verdicts));
    doubts.extend(caveats::of_transfers(&transfers));
    let input = |(at, summary): (u32, CaptureSummary)| {
        let tally = observed.tallies.get(&at).cloned().unwrap_or_default();
        input_summary(names[at as usize].clone(), sizes[at as usize], summary, &tally)
    };
    let judged = judged::judged(&hosts, &verdicts.conversations, &frames, &missing, options);
    let is_filtered = || hosts.iter().any(|host| host.role.is_igor() && missing.is_filtered(&hosts, host));
    if asked_for.reading.filter.is_none() && !is_filtered() {
        // What a filter leaves of a mirror says nothing of it.
        doubts.extend(judged::no_mirror(&hosts, &verdicts.conversations, &frames));
    }
    doubts.extend(caveats::of_roles(&hosts, &hints));
    if !judged.value {
        let text = format!("{} {}", judged.reason, judged.next);
        doubts.insert(0, Caveat { kind: "not-judged", text });
    }
    let asked_for = relations.tftp_files.iter();
    let asked_for = asked_for.map(|(place, file)| (*place, String::from_utf8_lossy(&file.name).into_owned()));
    let survey = Survey {
        judged,
        site: options.site.clone(),
        labels: options.inventory.labels().clone(),
        policy: Arc::clone(policy),
        inputs: summaries.into_iter().map(input).collect(),
        frames,
        non_ip: non_ip(&observed),
        encapsulations: encapsulations(&observed),
        caveats: doubts,
        hosts,
        conversations: verdicts.conversations,
        findings,
        coverage,
        nodes,
        flows: JudgedFlows::new(observed.flows, verdicts.flows),
        tftp_files: asked_for.collect(),
        health: observed.health,
        transfers: transfers.list,
        limits: options.reading.limits,
    };
    (survey, relations)
}

/// Who receives a mirror's tunnel and listens to none refuses each of its packets: they were captured, and taken off.
fn drop_tunnel_rejections(relations: &mut Relations, observed: &Observed) {
    let tunnels = observed.other_frames.tunnel_ends();
    relations.orphan_rejections.retain(|(error, _)| {
        let is_of_receiver = error.sender == error.destination.0 && error.may_quote_tunnel();
        !is_of_receiver || !tunnels.contains(&(error.source.0, error.destination.0))
    });
}

fn input_summary(path: String, size: u64, summary: CaptureSummary, tally: &Tally) -> InputSummary {
    InputSummary {
        path,
        size,
        digest: None,
        format: summary.format,
        link_types: tally.link_types.keys().copied().collect(),
        frames: tally.frames,
        unread: tally.unread,
        captured_bytes: tally.captured_bytes,
        wire_bytes: tally.wire_bytes,
        first: tally.first(),
        last: tally.last(),
        damage: summary.damage.map(|damage| Damage { offset: damage.offset, reason: damage.reason }),
    }
}

/// Filters of capture programs that are told.
const MOST_FILTERS: usize = 5;

/// What filters kept from being captured or read: what is not seen may have been there.
fn left_out(options: &Options, recorded: &BTreeSet<&str>, summaries: &[(u32, CaptureSummary)]) -> Vec<Caveat> {
    let mut doubts = Vec::new();
    for filter in recorded.iter().filter(|filter| !filter.is_empty()).take(MOST_FILTERS) {
        // What stands in quotes is left out where a survey is given away.
        let filter = filter.replace('"', "'");
        let text = format!(
            "A capture holds only what matches the filter \"{filter}\", as its file says: what is not seen may have been \
             filtered out."
        );
        doubts.push(Caveat { kind: "filtered", text });
    }
    if let Some(filter) = &options.reading.filter {
        let text = format!(
            "Only frames that match the filter \"{filter}\" were read: what is not seen may have been filtered out."
        );
        doubts.push(Caveat { kind: "filtered", text });
        let links: BTreeSet<_> = summaries.iter().flat_map(|(_, summary)| &summary.link_types).collect();
        for link in links {
            if let Some(trouble) = filter.trouble_with(*link) {
                let text =
                    format!("No frame of link type {link} was read, for the filter means nothing there: {trouble}.");
                doubts.push(Caveat { kind: "filter-not-applicable", text });
            }
        }
    }
    if let Some(count) = options.reading.count {
        let read = times(count, "frame was", "frames were");
        let text = format!("At most {read} read, as was asked for: what is not seen may come later.");
        doubts.push(Caveat { kind: "count-limit", text });
    }
    doubts
}

/// Puts the flows in the order of flows.csv, and tells who asked: by (first seen, client, its port, server, its
/// port, transport, VLAN path).
fn put_in_order(flows: &mut Flows, policy: &Policy, skews: &Skews) -> Vec<Orientation> {
    // Times nearly always decide: sorting them apart from the flows moves 16 bytes a flow, not some hundred.
    let mut order: Vec<(Timestamp, u32)> = places(flows).map(|at| (flows.view(at).first(), at)).collect();
    order.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| tie(flows, policy, a.1, b.1)));
    flows.put_in_order(order.into_iter().map(|(_, at)| at).collect());
    let mut ways: Vec<Orientation> = places(flows).map(|at| relation::orient(&flows.view(at), policy)).collect();
    let agreed = relation::agree(flows, policy, &mut ways);
    let by_clocks = relation::believe_ports(flows, policy, &mut ways, skews);
    if agreed | by_clocks | relation::believe_servers(flows, policy, &mut ways) {
        // Rare, and only flows that began at the same time can change places.
        let mut order: Vec<u32> = flows.places().collect();
        order.sort_by(|&a, &b| {
            let with_client = |at: u32| (flows.view(at), usize::from(ways[at as usize].client));
            let first = |at| flows.view(at).first();
            first(a).cmp(&first(b)).then_with(|| by_ends(&with_client(a), &with_client(b)))
        });
        ways = order.iter().map(|at| ways[*at as usize]).collect();
        flows.put_in_order(order);
    }
    ways
}

fn places(flows: &Flows) -> rayon::range::Iter<u32> {
    flows.places().into_par_iter()
}

/// The order of two flows that began at the same time.
fn tie(flows: &Flows, policy: &Policy, a: u32, b: u32) -> std::cmp::Ordering {
    let [a, b] = [a, b].map(|at| {
        let flow = flows.view(at);
        let client = usize::from(relation::orient(&flow, policy).client);
        (flow, client)
    });
    by_ends(&a, &b)
}

/// Two flows by client, server, transport and VLAN path, each with the index of its client's end.
fn by_ends((a, a_client): &(FlowView<'_>, usize), (b, b_client): &(FlowView<'_>, usize)) -> std::cmp::Ordering {
    let key = |flow: &FlowView<'_>, client: usize| {
        let (client, server) = (&flow.ends[client & 1], &flow.ends[1 - (client & 1)]);
        (client.address, client.port, server.address, server.port, flow.transport, flow.icmp_type)
    };
    key(a, *a_client).cmp(&key(b, *b_client)).then_with(|| a.vlan().cmp(&b.vlan()))
}

fn frame_counts(observed: &Observed) -> FrameCounts {
    let total = observed.tallies.values().map(|tally| tally.frames).sum();
    let stops = observed.other_frames.stopped.iter();
    let mut stopped: Vec<(String, String, u64)> =
        stops.map(|(stop, frames)| (stop.layer.name().to_owned(), stop.reason.name().to_owned(), *frames)).collect();
    stopped.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.cmp(b)));
    let sum: u64 = stopped.iter().map(|stop| stop.2).sum();
    FrameCounts { total, decoded: total - sum, stopped, unread: unread::layers(observed) }
}

fn non_ip(observed: &Observed) -> Vec<NonIpSummary> {
    let mut list: Vec<NonIpSummary> = observed
        .other_frames
        .non_ip
        .iter()
        .map(|(kind, amount)| NonIpSummary { kind: kind.to_string(), frames: amount.frames, bytes: amount.bytes })
        .collect();
    list.sort_by(|a, b| b.frames.cmp(&a.frames).then_with(|| a.kind.cmp(&b.kind)));
    list
}

fn encapsulations(observed: &Observed) -> Vec<EncapsulationSummary> {
    observed
        .other_frames
        .encapsulations
        .iter()
        .map(|((kind, source, destination), amount)| EncapsulationSummary {
            kind: kind.name().to_owned(),
            source: *source,
            destination: *destination,
            frames: amount.frames,
            bytes: amount.bytes,
        })
        .collect()
}
