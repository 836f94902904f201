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
pub(super) const MAX_FILTERED: usize = 100;

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

/// What is said of a kind, whatever happened to each of its devices.
#[derive(Debug)]
struct Said {
    kind: FindingKind,
    advice: &'static str,
    next: &'static str,
    heading: &'static str,
    headings: &'static str,
    doubts: fn(&Observations<'_>, &Finding) -> Doubts,
    doubt_words: fn(&Doubts) -> String,
}

/// A [`Trouble`] of any kind: what is made of it is compiled once, and not once for each.
trait AnyTrouble: Debug + Send + Sync {
    fn sentence(&self, who: Who, context: &Context<'_>) -> String;
    fn gist(&self, who: Who, context: &Context<'_>) -> String;
    fn filter(&self, who: Who) -> String;
    fn replaced(&self, with: &dyn Replace) -> Arc<dyn AnyTrouble>;
    fn silence(&self) -> Option<Timestamp>;
    fn silent_times(&self, who: Who) -> Vec<SilentTime>;
}

impl<T: Trouble> AnyTrouble for T {
    fn sentence(&self, who: Who, context: &Context<'_>) -> String {
        Trouble::sentence(self, who, context)
    }
    fn gist(&self, who: Who, context: &Context<'_>) -> String {
        Trouble::gist(self, who, context)
    }
    fn filter(&self, who: Who) -> String {
        Trouble::filter(self, who)
    }
    fn replaced(&self, with: &dyn Replace) -> Arc<dyn AnyTrouble> {
        Arc::new(Trouble::replaced(self, with))
    }
    fn silence(&self) -> Option<Timestamp> {
        Trouble::silence(self)
    }
    fn silent_times(&self, who: Who) -> Vec<SilentTime> {
        Trouble::silent_times(self, who)
    }
}

type Device = Affected<Arc<dyn AnyTrouble>>;

#[derive(Clone, Debug)]
struct AffectedDevices {
    said: &'static Said,
    /// The first of them.
    first: Vec<Device>,
    number: usize,
    doubts: Doubts,
}

/// One finding for each role.
pub(super) fn grouped<T: Trouble>(seen: &Observations<'_>, devices: Vec<Affected<T>>) -> Vec<Finding> {
    let said = const {
        &Said {
            kind: T::KIND,
            advice: T::ADVICE,
            next: T::NEXT,
            heading: T::HEADING,
            headings: T::HEADINGS,
            doubts: T::doubts,
            doubt_words: T::doubt_words,
        }
    };
    let of_any = |Affected { role, who, packets, first, last, what }| {
        let what: Arc<dyn AnyTrouble> = Arc::new(what);
        Affected { role, who, packets, first, last, what }
    };
    by_role(seen, said, devices.into_iter().map(of_any).collect())
}

fn by_role(seen: &Observations<'_>, said: &'static Said, devices: Vec<Device>) -> Vec<Finding> {
    let mut by_role: BTreeMap<Role, Vec<Device>> = BTreeMap::new();
    devices.into_iter().for_each(|device| by_role.entry(device.role).or_default().push(device));
    by_role.into_iter().map(|(role, devices)| finding(seen, said, role, devices)).collect()
}

fn finding(seen: &Observations<'_>, said: &'static Said, role: Role, mut devices: Vec<Device>) -> Finding {
    devices.sort_by_key(|device| device.who);
    let clients: BTreeSet<Who> = devices.iter().map(|device| device.who).collect();
    let mut told = AffectedDevices { said, number: devices.len(), first: Vec::new(), doubts: Doubts::default() };
    let mut finding = Finding::new(seen, said.kind, role, Arc::new(told.clone()));
    finding.client_role = Some(role);
    finding.clients = clients.into_iter().collect();
    for device in &devices {
        finding.packets = finding.packets.saturating_add(device.packets);
        finding.first = finding.first.earlier(device.first);
        finding.last = finding.last.max(device.last);
    }
    told.doubts = (said.doubts)(seen, &finding);
    devices.truncate(MAX_FILTERED);
    told.first = devices;
    finding.facts = Arc::new(told);
    finding
}

impl Facts for AffectedDevices {
    fn detail(&self, _: &Finding, context: &Context<'_>) -> String {
        let heading = if self.number == 1 { self.said.heading } else { self.said.headings };
        let mut text = heading.replace("{number}", &self.number.to_string());
        for device in self.first.iter().take(MAX_TOLD) {
            let _ = write!(text, " {}", device.what.sentence(device.who, context));
        }
        if self.number > MAX_TOLD {
            let _ = write!(text, " And {} more.", self.number - MAX_TOLD);
        }
        text + &(self.said.doubt_words)(&self.doubts)
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        self.said.advice.to_owned()
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
        self.said.next
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
        let other = |device: &Device| Affected {
            who: device.who.replaced(with),
            what: device.what.replaced(with),
            ..device.clone()
        };
        let mut first: Vec<Device> = self.first.iter().map(other).collect();
        // The order of the real addresses would tell which they are.
        first.sort_by_key(|device| device.who);
        Arc::new(Self { first, doubts: doubts::replaced(&self.doubts, with), ..*self })
    }
}
