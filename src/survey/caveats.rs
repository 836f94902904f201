//! The capture judged: what weakens a verdict of absence, in words.

use crate::capture::{CaptureSummary, InterfaceSummary, Timestamp};
use crate::flow::{Clock, FlowView, Flows, Observed, Tally};
use crate::policy::Transport;
use crate::verdict::Caveat;

/// TCP flows that must have been seen before a missing direction is laid to the mirror.
const FLOWS_TO_JUDGE: u64 = 5;

/// Counts over the flows that tell how good the capture is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FlowQuality {
    tcp_flows: u64,
    tcp_one_way: u64,
    packets: u64,
    duplicates: u64,
    folded: u64,
    folded_rows: u64,
}

impl FlowQuality {
    pub(super) fn of(flows: &Flows) -> Self {
        let mut quality = Self::default();
        flows.iter().for_each(|flow| quality.add(&flow));
        quality
    }

    fn add(&mut self, flow: &FlowView<'_>) {
        let [a, b] = &flow.ends;
        self.packets += flow.packets();
        self.folded += u64::from(flow.folded);
        self.folded_rows += u64::from(flow.folded > 0);
        self.duplicates += a.duplicates() + b.duplicates();
        // A lone SYN that nobody answers says nothing of the mirror: only what lived counts.
        let lived = a.has_payload() || b.has_payload();
        if flow.transport == Transport::Tcp && lived {
            self.tcp_flows += flow.count();
            self.tcp_one_way += if a.packets() == 0 || b.packets() == 0 { flow.count() } else { 0 };
        }
    }

    /// Whether the mirror hands over one direction only: nine of ten living TCP flows lack their other side.
    pub(super) fn is_one_way(&self) -> bool {
        self.tcp_flows >= FLOWS_TO_JUDGE && self.tcp_one_way * 10 >= self.tcp_flows * 9
    }
}

/// All doubts about the capture, gravest first; `full` names the evidence of relations that found no room.
pub(super) fn caveats(
    observed: &Observed,
    full: &[&str],
    quality: &FlowQuality,
    names: &[String],
    summaries: &[(u32, CaptureSummary)],
) -> Vec<Caveat> {
    let inputs = || summaries.iter().map(|(at, summary)| (names[*at as usize].as_str(), *at, summary));
    let mut list = Vec::new();
    let mut say = |kind, text: String| list.push(Caveat { kind, text });
    for (path, _, summary) in inputs() {
        if let Some(damage) = &summary.damage {
            let (offset, reason) = (damage.offset, &damage.reason);
            // What could not be opened names itself.
            let text = match summary.format.as_str() {
                "" => format!("Not read: {reason}."),
                _ => format!("{path} could be read only up to byte {offset}: {reason}."),
            };
            say("damaged-input", text);
        }
    }
    if quality.is_one_way() {
        let FlowQuality { tcp_one_way, tcp_flows, .. } = quality;
        say(
            "one-way-mirror",
            format!(
                "{tcp_one_way} of {tcp_flows} TCP flows with data were seen in one direction only: the mirror port \
                 probably copies one direction. \"Not seen\" and \"unanswered\" prove nothing here."
            ),
        );
    }
    for (path, _, summary) in inputs() {
        let lost = |interface: &InterfaceSummary| {
            [interface.dropped, interface.os_dropped].into_iter().flatten().fold(interface.lost, u64::saturating_add)
        };
        let dropped = summary.interfaces.iter().map(lost).fold(0, u64::saturating_add);
        if dropped > 0 {
            say(
                "kernel-drops",
                format!(
                    "{dropped} packets were dropped while {path} was captured: what is missing may have been there."
                ),
            );
        }
    }
    let total: u64 = observed.tallies.values().map(|tally| tally.frames).sum();
    let cut: u64 = observed.tallies.values().map(|tally| tally.cut).sum();
    if cut > 0 {
        say(
            "cut-by-snap-length",
            format!("{cut} of {total} frames were cut by the capture's snap length: their payload can prove less."),
        );
    }
    if quality.duplicates > 0 {
        let FlowQuality { duplicates, packets, .. } = quality;
        let share = if duplicates * 5 >= *packets { "; the mirror probably copies each frame twice" } else { "" };
        say(
            "duplicate-frames",
            format!("{duplicates} of {packets} packets were seen twice{share}. Counts hold what the file holds."),
        );
    }
    if quality.folded > 0 {
        let FlowQuality { folded, folded_rows, .. } = quality;
        say(
            "idle-folded",
            format!(
                "{folded} idle flows are told in {folded_rows} rows, a few for each conversation, whose client port (0 to \
                 7) means nothing. Conversations and sums hold all of them."
            ),
        );
    }
    for (path, at, _) in inputs() {
        let Some(tally) = observed.tallies.get(&at) else { continue };
        let clock = &tally.clock;
        if clock.longest_backward >= Clock::STEP {
            say(
                "clock-jump",
                format!(
                    "The clock of {path} steps backward {} times, at most by {}: order and durations are doubtful.",
                    clock.backward_steps,
                    seconds(clock.longest_backward)
                ),
            );
        }
        if clock.untimed > 0 {
            say("frames-without-time", format!("{} frames of {path} carry no time.", clock.untimed));
        }
    }
    let gap = longest_gap(observed.tallies.values());
    if gap >= Clock::GAP {
        let who = match summaries {
            [(at, _)] => format!("{} holds", names[*at as usize]),
            _ => "The captures hold".to_owned(),
        };
        let gap = seconds(gap);
        say("gap", format!("{who} no frame for {gap}: capturing was interrupted, or a clock was set forward."));
    }
    if observed.overflow.packets > 0 {
        let packets = observed.overflow.packets;
        say("flow-limit", format!("The flow table was full: {packets} packets are counted in no flow."));
    }
    if observed.fragments_turned_away.packets > 0 {
        let packets = observed.fragments_turned_away.packets;
        say(
            "fragment-limit",
            format!("The fragment table was full: {packets} later fragments are counted in no flow."),
        );
    }
    let orphans: u64 = observed.orphan_fragments.values().map(|orphan| orphan.packets).sum();
    if orphans > 0 {
        let pairs = observed.orphan_fragments.len();
        say(
            "orphan-fragments",
            format!(
                "{orphans} fragments between {pairs} pairs of hosts belong to datagrams whose first fragment was not \
                 captured: their ports are not known, and no flow counts them."
            ),
        );
    }
    if observed.sorted.encapsulations_turned_away > 0 {
        let frames = observed.sorted.encapsulations_turned_away;
        say(
            "encapsulation-limit",
            format!("The list of tunnels was full: {frames} frames in tunnels are not listed there."),
        );
    }
    if observed.neighbours.turned_away > 0 {
        let packets = observed.neighbours.turned_away;
        say("neighbour-limit", format!("The ARP table was full: {packets} ARP packets are not in it."));
    }
    if !full.is_empty() {
        let full = full.join(", ");
        say(
            "relation-limit",
            format!("More was seen than is kept of {full}: some answers may not be related to their requests."),
        );
    }
    if observed.vlan_names_full {
        say("vlan-limit", "More than 4,094 odd VLAN paths were seen: the rest share one name.".into());
    }
    list
}

/// The longest time, in nanoseconds, for which no input holds a frame: of a capture that was cut in parts, all parts
/// together tell what was captured.
fn longest_gap<'a>(tallies: impl Iterator<Item = &'a Tally>) -> u64 {
    let mut busy: Vec<(Timestamp, Timestamp)> = Vec::new();
    for tally in tallies.filter(|tally| tally.first() != Timestamp::UNKNOWN) {
        let mut begin = tally.first();
        for (from, to) in &tally.clock.gaps {
            busy.push((begin, *from));
            begin = *to;
        }
        busy.push((begin, tally.last));
    }
    busy.retain(|(from, to)| from <= to);
    busy.sort_unstable();
    let mut longest = 0;
    let mut end = busy.first().map_or(Timestamp::UNKNOWN, |first| first.0);
    for (from, to) in busy {
        if from > end {
            longest = longest.max(from.raw().abs_diff(end.raw()));
        }
        end = end.max(to);
    }
    longest
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
