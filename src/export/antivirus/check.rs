//! The vendor's list against the exclusions of a machine.

use super::broad::too_broad;
use super::exclusion::{Cover, Exclusion, ExclusionList};
use super::preferences::Preferences;
use crate::policy::Antivirus;
use crate::text::named;

named! {
    /// How one of the vendor's exclusions stands.
    pub enum ExclusionState {
        /// It is there.
        Present = "present",
        /// A wider exclusion covers it.
        Covered = "covered",
        /// An exclusion covers some of it.
        Partial = "partial",
        /// Something much like it is there.
        Misspelt = "misspelt",
        /// It is there, in the wrong list.
        WrongList = "wrong-list",
        /// It is not there.
        Missing = "missing",
    }
}

impl ExclusionState {
    /// Whether the vendor's wish is met.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Present | Self::Covered)
    }
}

/// One of the vendor's exclusions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The list it belongs in.
    pub list: ExclusionList,
    /// As the vendor writes it.
    pub value: String,
    /// How it stands.
    pub state: ExclusionState,
    /// What was found instead, as the machine has it.
    pub found: Option<String>,
    /// What to know or to do; empty where it is simply there.
    pub advice: String,
}

/// An exclusion that leaves too much unscanned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooBroadExclusion {
    /// The list it stands in.
    pub list: ExclusionList,
    /// As the machine has it.
    pub value: String,
    /// Why that is dangerous.
    pub reason: String,
}

/// All of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checklist {
    /// The vendor's exclusions, in the vendor's order: paths, then processes.
    pub wanted: Vec<Checked>,
    /// What is dangerously broad, in the machine's order.
    pub broad: Vec<TooBroadExclusion>,
    /// What the vendor does not ask for, and is not dangerous by itself.
    pub others: Vec<(ExclusionList, String)>,
}

impl Checklist {
    /// Holds the vendor's list against a machine's exclusions.
    pub fn new(antivirus: &Antivirus, machine: &Preferences) -> Self {
        let mut list = Self::default();
        for (which, value) in machine.all() {
            if let Some(reason) = too_broad(value, which) {
                list.broad.push(TooBroadExclusion { list: which, value: value.to_owned(), reason });
            }
        }
        // What has to go cannot stand in for what has to be there.
        let kept = machine.without(|which, value| too_broad(value, which).is_some());
        for (which, values) in [(ExclusionList::Path, &antivirus.paths), (ExclusionList::Process, &antivirus.processes)]
        {
            list.wanted.extend(values.iter().map(|value| checked(which, value, antivirus, &kept)));
        }
        let of_vendor = |value: &str| list.wanted.iter().any(|wanted| wanted.found.as_deref() == Some(value));
        list.others =
            kept.all().filter(|(_, value)| !of_vendor(value)).map(|(which, value)| (which, value.to_owned())).collect();
        list
    }

    /// Whether every exclusion is there and none is dangerous.
    pub fn is_good(&self) -> bool {
        self.broad.is_empty() && self.wanted.iter().all(|wanted| wanted.state.is_good())
    }
}

fn checked(list: ExclusionList, value: &str, antivirus: &Antivirus, machine: &Preferences) -> Checked {
    let wanted = Exclusion::new(value);
    let (state, found, advice) = state(list, &wanted, antivirus, machine);
    Checked { list, value: value.to_owned(), state, found: found.map(str::to_owned), advice }
}

fn state<'m>(
    list: ExclusionList,
    wanted: &Exclusion,
    antivirus: &Antivirus,
    machine: &'m Preferences,
) -> (ExclusionState, Option<&'m str>, String) {
    let best = machine
        .of(list)
        .iter()
        .map(|value| (Exclusion::new(value).covers(wanted, list), value.as_str()))
        // Of equals the first: `max_by_key` would take the last.
        .rev()
        .max_by_key(|(cover, _)| *cover);
    match best {
        Some((Cover::Same, found)) => return (ExclusionState::Present, Some(found), String::new()),
        Some((Cover::Wider, found)) => {
            return (
                ExclusionState::Covered,
                Some(found),
                "wider than the vendor asks for; narrow it to the value above".to_owned(),
            );
        }
        Some((Cover::Part, found)) => {
            let advice = "a * at the end holds for files only, not for the folders below; leave it out".to_owned();
            return (ExclusionState::Partial, Some(found), advice);
        }
        _ => {}
    }
    let other = if list == ExclusionList::Path { ExclusionList::Process } else { ExclusionList::Path };
    if let Some(found) = machine.of(other).iter().find(|value| Exclusion::new(value) == *wanted) {
        let advice = match list {
            ExclusionList::Path => "it stands among the processes; a folder belongs among the paths",
            _ => "it stands among the paths, which leaves only the program's own file unscanned, not what it opens",
        };
        return (ExclusionState::WrongList, Some(found), advice.to_owned());
    }
    match nearest(list, wanted, antivirus, machine) {
        Some(found) => {
            (ExclusionState::Misspelt, Some(found), "compare it letter by letter, drive and folder too".to_owned())
        }
        None => (ExclusionState::Missing, None, "add it".to_owned()),
    }
}

/// An exclusion of the list that few letters or another folder keep from being the wanted one.
fn nearest<'m>(
    list: ExclusionList,
    wanted: &Exclusion,
    antivirus: &Antivirus,
    machine: &'m Preferences,
) -> Option<&'m str> {
    const FEW: usize = 3;
    /// Longer values are nobody's typing mistake, and the comparison is quadratic.
    const LONGEST: usize = 300;
    let text = wanted.text();
    let vendors: Vec<Exclusion> =
        antivirus.paths.iter().chain(&antivirus.processes).map(|value| Exclusion::new(value)).collect();
    let candidates = machine.of(list).iter().filter(|value| value.len() <= LONGEST).filter_map(|value| {
        let other = Exclusion::new(value);
        if vendors.contains(&other) {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&text, &other.text());
        let moved = list == ExclusionList::Process && other.last() == wanted.last();
        (distance <= FEW || moved).then_some((distance, value.as_str()))
    });
    candidates.min_by_key(|(distance, _)| *distance).map(|(_, value)| value)
}
