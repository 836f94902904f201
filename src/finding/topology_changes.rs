//! `topology-changes`: spanning trees that change again and again.

use std::collections::BTreeMap;

use super::by_mac::{HostsByMac, Identity};
use super::devices::{Trouble, grouped};
use super::phrases::{frame, lasting, times};
use super::{Cited, Context, Finding, Judged, Replace, Who};
use crate::decode::{MacAddr, VlanPath};
use crate::flow::Window;
use crate::policy::FindingKind;

/// Minutes within which changes are counted together.
const HOUR: i64 = 60;
/// Nanoseconds without a unit that tells of a change, behind which one tells of another: units come every two seconds.
const BREAK: i64 = 5_000_000_000;

/// When one tree changed.
#[derive(Clone, Debug)]
struct Changes {
    /// Who said so most often.
    bridge: Identity,
    vlan: VlanPath,
    minutes: usize,
    window: Window,
}

pub(super) fn find(judged: &Judged<'_>) -> Vec<Finding> {
    let seen = judged.seen;
    let mut trees: BTreeMap<VlanPath, (Vec<Window>, BTreeMap<MacAddr, Window>)> = BTreeMap::new();
    for ((vlan, minute, bridge), window) in seen.evidence.link.changes() {
        let (told, bridges) = trees.entry(vlan.network()).or_default();
        // Frames without a time tell no minute.
        if *minute != i64::MIN {
            told.push(*window);
        }
        let sum = bridges.entry(*bridge).or_insert(Window::NONE);
        *sum = sum.and(*window);
    }
    if trees.is_empty() {
        return Vec::new();
    }
    let devices = HostsByMac::of(seen);
    let restless = trees.into_iter().filter_map(|(vlan, (told, bridges))| {
        let minutes = minutes(told);
        let within = |(at, begin): (usize, &i64)| {
            minutes[at..].iter().take_while(|one| one.saturating_sub(*begin) < HOUR).count()
        };
        let most = minutes.iter().enumerate().map(within).max()?;
        if most < seen.policy.link().topology_change_minutes as usize {
            return None;
        }
        let (mac, _) = bridges.iter().max_by_key(|(mac, window)| (window.count, std::cmp::Reverse(**mac)))?;
        let window = bridges.values().copied().fold(Window::NONE, Window::and);
        let what = Changes { bridge: devices.identity(*mac), vlan, minutes: most, window };
        Some(devices.device(*mac, &window, what))
    });
    grouped(seen, restless.collect())
}

/// The minutes in which a tree changed, ascending. What is told without a break, as each change is for up to 35 s (IEEE
/// 802.1D-1998 table 8-3: maximum age and forward delay), counts from when it began, so that one change in two minutes is one.
fn minutes(mut told: Vec<Window>) -> Vec<i64> {
    told.sort_unstable_by_key(|window| window.begin);
    let mut changes: Vec<Window> = Vec::new();
    for window in told {
        match changes.last_mut() {
            Some(last) if window.begin.time.raw().saturating_sub(last.end.raw()) < BREAK => *last = last.and(window),
            _ => changes.push(window),
        }
    }
    const MINUTE: i64 = 60_000_000_000;
    let all = changes.iter().flat_map(|change| {
        let begin = change.begin.time.raw();
        // Who reads a state need not believe it.
        let most = change.end.raw().saturating_sub(begin) / MINUTE;
        (0..=most.min(24 * HOUR)).map(move |minute| begin / MINUTE + minute)
    });
    let mut minutes: Vec<i64> = all.collect();
    minutes.dedup();
    minutes
}

impl Trouble for Changes {
    const KIND: FindingKind = FindingKind::TopologyChanges;
    const ADVICE: &'static str = "Find the port that comes and goes in the switches' logs (a loose cable, a device that restarts, a \
                                  loop), and make ports to devices edge ports (portfast), so that a device that restarts changes \
                                  no tree: with each change switches forget where everybody is, and flood.";
    const NEXT: &'static str = "Find the port that comes and goes in the switches' logs";
    const HEADING: &'static str = "A spanning tree changes again and again.";
    const HEADINGS: &'static str = "{number} spanning trees change again and again.";

    fn sentence(&self, _: Who, context: &Context<'_>) -> String {
        let vlan = if self.vlan.is_untagged() { String::new() } else { format!(" in VLAN {}", self.vlan) };
        format!(
            "Units of {}{vlan} say that the topology changes, in {} of an hour and over {} in all, the first in {}.",
            self.bridge.name(context),
            times(self.minutes as u64, "minute", "minutes"),
            lasting(self.window.first, self.window.last),
            frame(context, Cited::of(&self.window))
        )
    }

    fn gist(&self, _: Who, _: &Context<'_>) -> String {
        format!("{} with a change", times(self.minutes as u64, "minute", "minutes"))
    }

    fn filter(&self, _: Who) -> String {
        "(stp.flags.tc == 1 || stp.type == 0x80)".to_owned()
    }

    fn replaced(&self, with: &dyn Replace) -> Self {
        Self { bridge: self.bridge.replaced(with), ..self.clone() }
    }
}
