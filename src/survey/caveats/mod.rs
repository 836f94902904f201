//! The capture judged: what weakens a verdict of absence, in words.

mod coap;
mod filtered;
mod health;
mod inventory;
mod quality;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use super::{losses, unread};
use crate::capture::{CaptureSummary, Filter, Timestamp};
use crate::decode::{Stop, StopLayer, StopReason};
use crate::flow::{Clock, Observed};
use crate::inventory::{HostId, Hosts};
use crate::relation::Relations;
use crate::text::times;
use crate::verdict::{Caveat, Filtered, Missing};

pub(super) use health::{not_measured, of_transfers};
pub(super) use inventory::{of_inventory, of_roles};
use quality::Directions;
pub(in crate::survey) use quality::FlowQuality;

/// All doubts about the capture, gravest first; `full` names the evidence of relations that found no room.
pub(super) fn caveats(
    observed: &Observed,
    full: &[&str],
    quality: &FlowQuality,
    names: &[String],
    summaries: &[(u32, CaptureSummary)],
) -> Vec<Caveat> {
    let mut doubts = CaveatWriter { observed, full, quality, names, summaries, list: Vec::new() };
    doubts.damage();
    doubts.one_way();
    doubts.losses();
    doubts.cut_and_copied();
    doubts.folded();
    doubts.clocks();
    doubts.gap();
    doubts.flow_limit();
    doubts.health();
    doubts.fragments();
    doubts.full_tables();
    doubts.list
}

/// What the doubts follow from, and those that were found.
struct CaveatWriter<'a> {
    observed: &'a Observed,
    full: &'a [&'a str],
    quality: &'a FlowQuality,
    names: &'a [String],
    summaries: &'a [(u32, CaptureSummary)],
    list: Vec<Caveat>,
}

impl<'a> CaveatWriter<'a> {
    fn say(&mut self, kind: &'static str, text: impl Into<String>) {
        self.list.push(Caveat { kind, text: text.into() });
    }

    /// Each input with its path and number.
    fn inputs(&self) -> impl Iterator<Item = (&'a str, u32, &'a CaptureSummary)> + use<'a> {
        let names = self.names;
        self.summaries.iter().map(move |(at, summary)| (names[*at as usize].as_str(), *at, summary))
    }

    /// Inputs that could not be read to their end.
    fn damage(&mut self) {
        for (path, _, summary) in self.inputs() {
            if let Some(damage) = &summary.damage {
                let (offset, reason) = (damage.offset, &damage.reason);
                // What could not be opened names itself.
                let text = match summary.format.as_str() {
                    "" => format!("Not read: {reason}."),
                    _ => format!("{path} could be read only up to byte {offset}: {reason}."),
                };
                self.say("damaged-input", text);
            }
        }
    }

    /// A mirror of one direction.
    fn one_way(&mut self) {
        if let Some(tries) = self.quality.answered_syns {
            self.say(
                "answers-left-out",
                format!(
                    "Of TCP nothing but SYNs was captured, and {tries} of them are followed by new ones and none was sent again, \
                     as each must be that is not answered: a filter probably left the answers out. Whether what was asked by \
                     TCP was answered cannot be told: capture again without the filter."
                ),
            );
        }
        if self.quality.listed_ports_only {
            self.say(
                "answers-left-out",
                "All that was captured has a port of the vendor's documents, and nothing is beside it, not even ARP: a filter \
                 probably left the rest out. TFTP hands its files over on fresh ports (RFC 1350 section 4): whether it did \
                 cannot be told. Capture again without the filter.",
            );
        }
        if self.quality.is_one_way() {
            let Directions { tcp_one_way, tcp_flows, coap, unasked, .. } = self.quality.telling();
            let seen = match tcp_flows {
                0 if unasked > 0 => format!(
                    "No flow was seen in both directions, and {} BACnet's answers to what nobody was seen to ask",
                    if unasked == 1 { "one holds".to_owned() } else { format!("{unasked} hold") }
                ),
                0 => format!(
                    "No flow was seen in both directions, and in {} the client asks by CoAP and never repeats itself, which it \
                     must where it is not answered",
                    times(coap.sum(), "flow", "flows")
                ),
                _ => format!("{tcp_one_way} of {tcp_flows} TCP flows with data were seen in one direction only"),
            };
            self.say(
                "one-way-mirror",
                format!(
                    "{seen}: the mirror port probably copies one direction. Whether what was asked was answered cannot be \
                     told: set the mirror to both directions (\"both\", or rx and tx) and capture again."
                ),
            );
        }
    }

    /// Frames that were on the network and are not in the capture.
    fn losses(&mut self) {
        for (path, _, summary) in self.inputs() {
            if let Some(text) = losses::drops(path, &summary.interfaces) {
                self.say("kernel-drops", text);
            }
        }
        for (_, _, summary) in self.inputs() {
            summary.interfaces.iter().filter_map(losses::outages).for_each(|text| self.say("no-link", text));
        }
        if let Some(text) = losses::proof(self.quality.proved_losses) {
            self.say("kernel-drops", text);
        }
        if let Some(text) = losses::proof_of_bytes(self.quality.missing_bytes) {
            self.say("kernel-drops", text);
        }
    }

    /// Frames that are there in part, or twice.
    fn cut_and_copied(&mut self) {
        let total: u64 = self.observed.tallies.values().map(|tally| tally.frames).sum();
        let cut: u64 = self.observed.tallies.values().map(|tally| tally.cut).sum();
        let is_snapped = self.observed.tallies.values().any(|tally| tally.captured_bytes < tally.wire_bytes);
        let by = match is_snapped {
            true => "by the capture's snap length",
            false => "before the capture, by packet slicing or a mirror that truncates",
        };
        if cut > 0 {
            self.say(
                "cut-by-snap-length",
                format!(
                    "{cut} of {} cut {by}: their payload can prove less.",
                    times(total, "frame was", "frames were")
                ),
            );
        }
        let [flows, without] = self.quality.tcp;
        let is_cut = |stop: &Stop| (stop.layer, stop.reason) == (StopLayer::Tcp, StopReason::CutBySnapLength);
        if without > 0 && self.observed.other_frames.stopped.keys().any(is_cut) {
            self.say(
                "headers-cut",
                format!(
                    "Of {without} of {} the flags were cut off: whether they were opened, answered or refused cannot be told. \
                     Capture again with 128 bytes or more of each frame.",
                    times(flows, "TCP flow", "TCP flows")
                ),
            );
        }
        if self.quality.duplicates > 0 {
            let FlowQuality { duplicates, packets, .. } = self.quality;
            let share = if duplicates * 5 >= *packets { "; the mirror probably copies each frame twice" } else { "" };
            self.say(
                "duplicate-frames",
                format!(
                    "{duplicates} of {} seen twice{share}. Counts hold what the file holds.",
                    times(*packets, "packet was", "packets were")
                ),
            );
        }
    }

    /// What a live survey told together.
    fn folded(&mut self) {
        if self.quality.folded > 0 {
            let FlowQuality { folded, folded_rows, .. } = self.quality;
            self.say(
                "idle-folded",
                format!(
                    "{} told in {}, a few for each conversation, whose client port (0 to 7) means nothing. Conversations and \
                     sums hold all of them.",
                    times(*folded, "idle flow is", "idle flows are"),
                    times(*folded_rows, "row", "rows")
                ),
            );
        }
    }

    /// Times that cannot be believed.
    fn clocks(&mut self) {
        for (path, at, _) in self.inputs() {
            let Some(tally) = self.observed.tallies.get(&at) else { continue };
            let clock = &tally.clock;
            if clock.longest_backward >= Clock::STEP {
                self.say(
                    "clock-jump",
                    format!(
                        "The clock of {path} steps backward {}, at most by {}: order and durations are doubtful.",
                        times(clock.backward_steps, "time", "times"),
                        seconds(clock.longest_backward)
                    ),
                );
            }
            if clock.beginnings > 0 {
                self.say(
                    "appended-captures",
                    format!(
                        "{path} begins anew {}, with earlier times: it is read as interfaces, sections or captures that were \
                         written one behind the other. If a clock was set there, order is doubtful.",
                        times(clock.beginnings.into(), "time", "times")
                    ),
                );
            }
            if let Some(text) = losses::stopped_clock(path, tally) {
                self.say("times-equal", text);
            }
            if clock.untimed > 0 {
                self.say(
                    "frames-without-time",
                    format!("{path} has {} without a time.", times(clock.untimed, "frame", "frames")),
                );
            }
        }
    }

    /// A time without any frame.
    fn gap(&mut self) {
        let gap = self.observed.gaps().iter().map(|(from, to)| to.raw().abs_diff(from.raw())).max();
        if let Some(gap) = gap {
            let who = match self.summaries {
                [(at, _)] => format!("{} holds", self.names[*at as usize]),
                _ => "The captures hold".to_owned(),
            };
            let gap = seconds(gap);
            self.say(
                "gap",
                format!("{who} no frame for {gap}: capturing was interrupted, or a clock was set forward."),
            );
        }
    }

    /// A full table of flows.
    fn flow_limit(&mut self) {
        if self.observed.overflow.packets > 0 {
            let packets = times(self.observed.overflow.packets, "packet is", "packets are");
            self.say("flow-limit", format!("The flow table was full: {packets} counted in no flow."));
        }
    }

    /// Fragments that belong to no flow.
    fn fragments(&mut self) {
        if self.observed.fragments_turned_away.packets > 0 {
            let fragments =
                times(self.observed.fragments_turned_away.packets, "later fragment is", "later fragments are");
            self.say("fragment-limit", format!("The fragment table was full: {fragments} counted in no flow."));
        }
        let orphans: u64 = self.observed.orphan_fragments.values().map(|orphan| orphan.packets).sum();
        if orphans > 0 {
            let pairs = self.observed.orphan_fragments.len();
            self.say(
                "orphan-fragments",
                format!(
                    "{} between {} of datagrams whose first fragment was not captured: their ports are not known, and no flow \
                     counts them.",
                    times(orphans, "fragment", "fragments"),
                    times(pairs as u64, "pair of hosts is", "pairs of hosts are")
                ),
            );
        }
    }

    /// Other tables that were full.
    fn full_tables(&mut self) {
        if self.observed.other_frames.encapsulations_turned_away > 0 {
            let frames = times(self.observed.other_frames.encapsulations_turned_away, "frame", "frames");
            self.say(
                "encapsulation-limit",
                format!("The list of tunnels was full: it does not have {frames} in tunnels."),
            );
        }
        if self.observed.neighbours.turned_away > 0 {
            let packets = times(self.observed.neighbours.turned_away, "ARP packet is", "ARP packets are");
            self.say("neighbour-limit", format!("The ARP table was full: {packets} not in it."));
        }
        if !self.full.is_empty() {
            let full = self.full.join(", ");
            self.say(
                "relation-limit",
                format!("More was seen than is kept of {full}: some answers may not be related to their requests."),
            );
        }
        let full: Vec<&str> = self.observed.side.link.overflows().collect();
        if !full.is_empty() {
            let full = full.join(", ");
            self.say(
                "link-limit",
                format!("More was seen than is kept of {full}: what is told of the link may lack some."),
            );
        }
        if self.observed.vlan_names_full {
            self.say("vlan-limit", "More than 4,094 odd VLAN paths were seen: the rest share one name.");
        }
    }
}

/// What the capture lacks, for those who make something of silence.
pub(super) fn missing(
    observed: &Observed,
    relations: &Relations,
    quality: &FlowQuality,
    (hosts, parties): (&Hosts, &[[HostId; 2]]),
    filter: Option<&Filter>,
    summaries: &[(u32, CaptureSummary)],
) -> Missing {
    let uncounted = observed.overflow.packets.saturating_add(observed.fragments_turned_away.packets);
    let damaged = summaries.iter().filter(|(_, summary)| summary.damage.is_some());
    let breaks = damaged.filter_map(|(at, _)| observed.tallies.get(at).map(|tally| tally.last()));
    let known = |time: &Timestamp| *time != Timestamp::UNKNOWN;
    let one_way = quality.is_one_way();
    // Asked only of those who would have been heard.
    let of_devices: HashSet<HostId> = quality.unseen.iter().map(|(host, _)| hosts.device_of(*host)).collect();
    let acknowledged: HashSet<HostId> = match of_devices.is_empty() {
        true => HashSet::new(),
        false => {
            (0..hosts.len() as u32).map(HostId).filter(|host| of_devices.contains(&hosts.device_of(*host))).collect()
        }
    };
    let is_in_doubt = |sender: &HostId| one_way || acknowledged.contains(sender);
    let mut seen_to_send = HashSet::new();
    if one_way || !acknowledged.is_empty() {
        for (place, [a, b]) in (0..).zip(parties) {
            for (end, way) in [(0, (*a, *b)), (1, (*b, *a))].into_iter().filter(|(_, way)| is_in_doubt(&way.0)) {
                if observed.flows.view(place).ends[end].packets() > 0 {
                    seen_to_send.insert(way);
                }
            }
        }
        // What came back instead of an answer came the answer's way.
        for (place, error) in &relations.rejections {
            let [failed, other] =
                [error.failed, 1 - error.failed].map(|end| parties[*place as usize][usize::from(end & 1)]);
            seen_to_send.insert((other, failed));
        }
    }
    let mut headless: HashMap<_, Vec<_>> = HashMap::new();
    for (way, pieces) in observed.side.link.headless() {
        headless.entry(way).or_default().push((pieces.begin.time, pieces.end));
    }
    for pieces in headless.values_mut() {
        pieces.sort_unstable();
        let mut latest = Timestamp::UNKNOWN;
        for (_, end) in pieces {
            latest = latest.max(*end);
            *end = latest;
        }
    }
    // Times that only count frames say nothing of when the capture began or ended.
    let timed = || observed.tallies.values().filter(|tally| !tally.only_counts());
    let end = timed().map(|tally| tally.last()).filter(known).max();
    let begin = timed().map(|tally| tally.first()).filter(known).min();
    let mut breaks: Vec<Timestamp> = breaks.filter(known).collect();
    breaks.sort_unstable();
    Missing {
        one_way,
        syns_only: quality.answered_syns.is_some(),
        fresh_ports: quality.listed_ports_only || observed.overflow.packets > 0,
        seen_to_send,
        acknowledged,
        headless,
        dropped: summaries
            .iter()
            .map(|(_, summary)| losses::dropped(&summary.interfaces))
            .fold(uncounted, u64::saturating_add)
            .max(quality.proved_losses)
            .max(quality.missing_bytes.1),
        unread: unread::frames(observed),
        gaps: observed.gaps(),
        breaks,
        begin,
        // Times that are all the same tell no end.
        end: end.filter(|end| observed.tallies.values().any(|tally| known(&tally.first()) && tally.first() < *end)),
        filter: filter.map(Filtered::from),
    }
}

/// Of which hosts of Igor's the mirror shows one direction only, where it shows both of others.
pub(super) fn half_mirrored(quality: &FlowQuality, missing: &Missing, hosts: &Hosts) -> Option<Caveat> {
    const MOST_NAMED: usize = 5;
    if missing.one_way {
        return None;
    }
    let is_igor = |host: &HostId| hosts.role(*host).is_igor();
    let lacks = |(silent, other): &&(HostId, HostId)| {
        is_igor(silent) && is_igor(other) && !missing.seen_to_send.contains(&(*silent, *other))
    };
    let lacking: BTreeSet<[IpAddr; 2]> =
        quality.unseen.iter().filter(lacks).map(|way| [way.0, way.1].map(|host| hosts.get(host).address)).collect();
    let named: Vec<String> = lacking.iter().take(MOST_NAMED).map(|[from, to]| format!("{from} to {to}")).collect();
    let more = match lacking.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "Nothing that one sends the other is in the capture, though TCP shows that it was sent: {}{more}. The mirror copies one \
         direction of their ports. Whether what was asked there was answered cannot be told: set it to both directions and \
         capture again.",
        named.join(", ")
    );
    (!lacking.is_empty()).then_some(Caveat { kind: "one-way-hosts", text })
}

/// Nanoseconds as a person says them.
fn seconds(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0..120 => format!("{}.{:03} s", seconds, nanos / 1_000_000 % 1000),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
