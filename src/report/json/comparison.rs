//! What a comparison of two surveys holds.

use std::collections::BTreeSet;

use crate::capture::Timestamp;
use crate::text::named;

/// What differs between an old and a new survey.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Comparison {
    /// What each visit could see.
    pub visits: [Visit; 2],
    /// The vendor's ports whose state changed.
    pub ports: Vec<Change>,
    /// Findings that differ.
    pub findings: Vec<Change>,
    /// Findings of the old visit that the new one shows just so.
    pub unchanged: Vec<Change>,
    /// Hosts and their roles.
    pub hosts: Vec<Change>,
    /// Conversations with their verdicts and outcomes.
    pub conversations: Vec<Change>,
}

/// What one visit could see.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Visit {
    /// Labels of its sites; of a survey without one, empty.
    pub sites: BTreeSet<String>,
    /// Time of the first frame, and of the last.
    pub span: Option<(Timestamp, Timestamp)>,
    /// From the first frame to the last, in seconds.
    pub lasted: Option<f64>,
    /// Frames read.
    pub frames: u64,
    /// Hosts heard.
    pub heard: usize,
    /// Why nothing was judged, if nothing was.
    pub not_judged: Option<String>,
    /// Kinds of its caveats.
    pub caveats: BTreeSet<String>,
    /// The same in words, gravest first; of several sites each with its label.
    pub doubts: Vec<String>,
}

/// What kind of difference it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChangeKind {
    /// The old visit knew nothing of it.
    New,
    /// It is another, or concerns others.
    Changed,
    /// The new visit proves that it works.
    Works,
    /// The new visit shows nothing of it, which proves nothing.
    NotSeenAgain,
}

named! {
    /// What became of a finding.
    pub enum FindingFate {
        /// The new visit proves that it works.
        Fixed = "Fixed",
        /// The old visit knew nothing of it.
        New = "New",
        /// Both visits show it.
        Open = "Still open",
        /// The new visit shows nothing of it.
        NotSeenAgain = "Not seen again",
    }
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What it is about.
    pub what: String,
    /// What kind of difference.
    pub kind: ChangeKind,
    /// What was said of it before; `None` if it is new.
    pub old: Option<String>,
    /// What is said of it now; `None` if nothing was seen of it.
    pub new: Option<String>,
}

impl Change {
    /// What is said of it now, and what was said before if that differs.
    pub fn fact(&self) -> String {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) if old == new => new.clone(),
            (Some(old), Some(new)) => format!("{new} (was {old})"),
            (Some(old), None) => format!("was {old}"),
            (None, new) => new.clone().unwrap_or_default(),
        }
    }
}

impl Comparison {
    /// Whether the visits are of other sites: what stands under different labels is not compared.
    pub fn is_of_other_sites(&self) -> bool {
        let [before, after] = [0, 1].map(|at| &self.visits[at].sites);
        !before.is_empty() && !after.is_empty() && before != after
    }

    /// Findings by what became of them: fixed, new, still open, not seen again.
    pub fn outcomes(&self) -> [(FindingFate, Vec<&Change>); 4] {
        let of = |kind| self.findings.iter().filter(move |change| change.kind == kind);
        [
            (FindingFate::Fixed, of(ChangeKind::Works).collect()),
            (FindingFate::New, of(ChangeKind::New).collect()),
            (FindingFate::Open, of(ChangeKind::Changed).chain(&self.unchanged).collect()),
            (FindingFate::NotSeenAgain, of(ChangeKind::NotSeenAgain).collect()),
        ]
    }

    /// Whether anything was not seen again, which is not mended.
    pub fn has_lost(&self) -> bool {
        let Self { ports, findings, hosts, conversations, .. } = self;
        let mut all = [ports, findings, hosts, conversations].into_iter().flatten();
        all.any(|change| change.kind == ChangeKind::NotSeenAgain)
    }

    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        [&self.ports, &self.findings, &self.hosts, &self.conversations].into_iter().all(Vec::is_empty)
    }
}
