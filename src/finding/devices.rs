//! Findings about devices: one for each role that devices of a kind have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use super::{Context, Facts, Finding, Replace, SilentTime, SilentTimes, Who, doubts};
use crate::capture::Timestamp;
use crate::flow::Window;
use crate::inventory::Host;
use crate::policy::{FindingKind, Role};
use crate::verdict::{Doubts, Observations};

/// Devices that a finding tells with their frames, and other things that a sentence lists.
pub(super) const MAX_TOLD: usize = 3;
/// Devices that a display filter lists.
const MAX_FILTERED: usize = 100;

/// What is to be told of one device.
#[derive(Clone, Debug)]
pub(super) struct Affected<T> {
    pub(super) role: Role,
    pub(super) who: Who,
    pub(super) packets: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// What its kind holds of it.
    pub(super) what: T,
}

impl<T> Affected<T> {
    /// A host, and what was seen of it from one time to another.
    pub(super) fn host(host: &Host, packets: u64, (first, last): (Timestamp, Timestamp), what: T) -> Self {
        Self { role: host.role, who: Who::Address(host.address), packets, first, last, what }
    }

    /// What was seen of a device within a window.
    pub(super) fn within(window: &Window, role: Role, who: impl Into<Who>, what: T) -> Self {
        let Window { count, first, last, .. } = *window;
        Self { role, who: who.into(), packets: count, first, last, what }
    }
}

/// A kind of finding about devices, as what it holds of one.
pub(super) trait Trouble: Clone + Debug + Send + Sync + 'static {
    const KIND: FindingKind;
    const ADVICE: &'static str;
    /// What to do first.
    const NEXT: &'static str;
    /// What happened to a device.
    const HEADING: &'static str;
    /// The same of several: `{number}` stands for how many.
    const HEADINGS: &'static str = Self::HEADING;

    /// What was seen of one, in a sentence or two with frames.
    fn sentence(&self, who: Who, context: &Context<'_>) -> String;
    /// What decides of one, in a few words.
    fn gist(&self, who: Who, context: &Context<'_>) -> String;
    /// A display filter for one; empty if it sent nothing.
    fn filter(&self, who: Who) -> String;
    /// The same of another device.
    #[must_use]
    fn replaced(&self, with: &dyn Replace) -> Self;
    /// Of a device that went silent and was not heard again: when it was heard last.
    fn silence(&self) -> Option<Timestamp> {
        None
    }
    /// When it was silent for long.
    fn silent_times(&self, _: Who) -> Vec<SilentTime> {
        Vec::new()
    }
    /// Why it may only not have been captured.
    fn doubts(_: &Observations<'_>, _: &Finding) -> Doubts {
        Doubts::default()
    }
    /// Those in a sentence, with the space before it.
    fn doubt_words(doubts: &Doubts) -> String {
        doubts::words(doubts)
    }
}

#[derive(Clone, Debug)]
struct AffectedDevices<T> {
    /// The first of them.
    first: Vec<Affected<T>>,
    number: usize,
    doubts: Doubts,
}

/// One finding for each role.
pub(super) fn grouped<T: Trouble>(seen: &Observations<'_>, devices: Vec<Affected<T>>) -> Vec<Finding> {
    let mut by_role: BTreeMap<Role, Vec<Affected<T>>> = BTreeMap::new();
    devices.into_iter().for_each(|device| by_role.entry(device.role).or_default().push(device));
    by_role.into_iter().map(|(role, devices)| finding(seen, role, devices)).collect()
}

fn finding<T: Trouble>(seen: &Observations<'_>, role: Role, mut devices: Vec<Affected<T>>) -> Finding {
    devices.sort_by_key(|device| device.who);
    let clients: BTreeSet<Who> = devices.iter().map(|device| device.who).collect();
    let mut told = AffectedDevices { number: devices.len(), first: Vec::new(), doubts: Doubts::default() };
    let mut finding = Finding::new(seen, T::KIND, role, Arc::new(told.clone()));
    finding.client_role = Some(role);
    finding.clients = clients.into_iter().collect();
    for device in &devices {
        finding.packets = finding.packets.saturating_add(device.packets);
        finding.first = finding.first.earlier(device.first);
        finding.last = finding.last.max(device.last);
    }
    told.doubts = T::doubts(seen, &finding);
    devices.truncate(MAX_FILTERED);
    told.first = devices;
    finding.facts = Arc::new(told);
    finding
}

impl<T: Trouble> Facts for AffectedDevices<T> {
    fn detail(&self, _: &Finding, context: &Context<'_>) -> String {
        let heading = if self.number == 1 { T::HEADING } else { T::HEADINGS };
        let mut text = heading.replace("{number}", &self.number.to_string());
        for device in self.first.iter().take(MAX_TOLD) {
            let _ = write!(text, " {}", device.what.sentence(device.who, context));
        }
        if self.number > MAX_TOLD {
            let _ = write!(text, " And {} more.", self.number - MAX_TOLD);
        }
        text + &T::doubt_words(&self.doubts)
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        T::ADVICE.to_owned()
    }

    fn gist(&self, _: &Finding, context: &Context<'_>) -> String {
        // Of several devices each may have its own.
        let mut gists: Vec<String> = Vec::new();
        for device in self.first.iter().take(MAX_TOLD) {
            let gist = device.what.gist(device.who, context);
            if !gist.is_empty() && !gists.contains(&gist) {
                gists.push(gist);
            }
        }
        gists.join("; ")
    }

    fn next(&self, _: &Finding) -> &'static str {
        T::NEXT
    }

    fn silence(&self) -> Option<(bool, Timestamp)> {
        self.first.iter().filter_map(|device| device.what.silence()).max().map(|last| (true, last))
    }

    fn silent_times(&self) -> SilentTimes {
        SilentTimes::of(self.first.iter().flat_map(|device| device.what.silent_times(device.who)).collect())
    }

    fn display_filter(&self, _: &Finding) -> String {
        let filters: BTreeSet<String> = self.first.iter().map(|device| device.what.filter(device.who)).collect();
        filters.into_iter().filter(|filter| !filter.is_empty()).collect::<Vec<_>>().join(" || ")
    }

    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        let other = |device: &Affected<T>| Affected {
            who: device.who.replaced(with),
            what: device.what.replaced(with),
            ..device.clone()
        };
        let mut first: Vec<Affected<T>> = self.first.iter().map(other).collect();
        // The order of the real addresses would tell which they are.
        first.sort_by_key(|device| device.who);
        Arc::new(Self { first, number: self.number, doubts: doubts::replaced(&self.doubts, with) })
    }
}
