//! The result in a sentence or two: the same words on the terminal, in the report, the workbook and the live view.

use super::text::units::{counted, duration};
use super::value::nanos_between;
use crate::policy::Severity;
use crate::survey::{InputSummary, Judged, Survey};
use crate::verdict::{Caveat, CellState, Outcome, Verdict};

/// The result, for people.
pub(crate) struct Sentence {
    /// How it is to look: `good`, `warn` or `bad`.
    pub(crate) class: &'static str,
    pub(crate) lead: String,
    pub(crate) rest: String,
}

/// What was found, or that nothing was judged.
pub(crate) fn sentence(survey: &Survey) -> Sentence {
    let of = |severity| survey.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let (alerts, warnings) = (of(Severity::Alert), of(Severity::Warning));
    let doubts = of_kind(survey, CONTRADICTS).collect::<Vec<_>>().join(" ");
    if let Some([lead, next]) = unjudged(survey) {
        let mut rest = [next, doubts].join(" ").trim_end().to_owned();
        // What was seen all the same is told.
        let told = [(alerts, "alert", "alerts"), (warnings, "warning", "warnings")];
        let told = told.into_iter().filter(|(number, ..)| *number > 0);
        let told: Vec<String> = told.map(|(number, one, many)| counted(number, one, many)).collect();
        if !told.is_empty() {
            let is = if alerts + warnings == 1 { "is" } else { "are" };
            rest.push_str(&format!(
                " {} {is} listed all the same, but nothing says that the rest is well.",
                told.join(" and ")
            ));
        }
        return Sentence { class: "bad", lead, rest };
    }
    let count = |is: fn(Outcome) -> bool, verdict| {
        let meant = survey.conversations.iter().filter(|conversation| conversation.verdict == verdict);
        meant.filter(|conversation| is(conversation.outcome)).count() as u64
    };
    let blocked = count(Outcome::is_blocked, Verdict::Documented);
    let unexpected = count(|_| true, Verdict::Unexpected);
    let carried = survey.coverage.iter().filter(|cell| cell.state == CellState::Carried).count();
    let unseen = survey.coverage.iter().filter(|cell| cell.state == CellState::NotSeen).count();
    let mut rest = Vec::new();
    if blocked > 0 {
        rest.push(format!(
            "{} that the vendor's document calls for {} blocked.",
            counted(blocked, "conversation", "conversations"),
            if blocked == 1 { "is" } else { "are" }
        ));
    }
    if unexpected > 0 {
        rest.push(format!(
            "{} with Igor hosts {} in no document and no allowance of the site.",
            counted(unexpected, "conversation", "conversations"),
            if unexpected == 1 { "is" } else { "are" }
        ));
    }
    rest.push(format!("Of the vendor's {} ports {carried} were seen to work", survey.coverage.len()));
    if unseen > 0 {
        let short = too_short(survey).map_or_else(String::new, |short| format!(": {short}"));
        rest.push(format!("and {unseen} were not seen at all, which proves nothing either way{short}."));
    } else if let Some(last) = rest.last_mut() {
        last.push('.');
    }
    let weakened = WEAKENS.iter().find(|(kind, _)| of_kind(survey, kind).next().is_some());
    let (class, lead) = match (alerts, warnings) {
        (1.., _) => ("bad", format!("Action needed: {}.", counted(alerts, "alert", "alerts"))),
        (0, 1..) => ("warn", format!("Worth a look: {}.", counted(warnings, "warning", "warnings"))),
        _ => weakened.map_or_else(
            || ("good", "Nothing here contradicts the vendor's document.".to_owned()),
            |(_, lead)| ("warn", (*lead).to_owned()),
        ),
    };
    if !doubts.is_empty() {
        let lead = "The inventory contradicts the traffic: correct it first.".to_owned();
        return Sentence { class: "bad", lead, rest: format!("{doubts} {}", rest.join(" ")) };
    }
    Sentence { class, lead, rest: rest.join(" ") }
}

/// UPnP announces itself anew within half of its `max-age`, which is half an hour at least (UPnP Device Architecture 1.1,
/// section 1.2.2): the longest cycle of what a site does by itself. Nanoseconds.
const LONGEST_CYCLE: u64 = 15 * 60 * 1_000_000_000;

/// That the captures, each by itself or those that follow one another, are shorter than the longest cycle.
pub(crate) fn too_short(survey: &Survey) -> Option<String> {
    let known = |input: &&InputSummary| input.first.nanos().is_some() && input.last.nanos().is_some();
    let mut spans: Vec<_> = survey.inputs.iter().filter(known).map(|input| (input.first, input.last)).collect();
    spans.sort_unstable();
    let (mut longest, mut current) = (0, *spans.first()?);
    for (first, last) in spans {
        // Files of a ring follow one another within seconds.
        let follows = first <= current.1 || nanos_between(current.1, first).is_some_and(|gap| gap < RING_GAP);
        current = if follows { (current.0, current.1.max(last)) } else { (first, last) };
        longest = longest.max(nanos_between(current.0, current.1).unwrap_or(0));
    }
    (longest < LONGEST_CYCLE)
        .then(|| format!("{} of capture are less than the 15 min between announcements of UPnP", duration(longest)))
}

/// Nanoseconds between two files of one capture.
const RING_GAP: u64 = 60 * 1_000_000_000;

/// Caveats that stand in the result itself, before what was found.
pub(crate) const CONTRADICTS: &str = "inventory-contradicts";
const UNMATCHED: &str = "inventory-unmatched";
const NOT_JUDGED: &str = "not-judged";
const ONE_WAY: &str = "one-way-mirror";
const HEADERS_CUT: &str = "headers-cut";
const LEFT_OUT: &str = "answers-left-out";
const UNCLEAR: &str = "roles-unclear";
/// Caveats with which it does not mean much that nothing was found, and what is said instead.
const WEAKENS: [(&str, &str); 4] = [
    (ONE_WAY, "The mirror shows one direction only: what was not answered cannot be told."),
    (HEADERS_CUT, "The flags of TCP were cut off: what was not answered, or refused, cannot be told."),
    (LEFT_OUT, "A filter left answers out: what was not answered, or refused, cannot be told."),
    (UNCLEAR, "Nothing wrong was found, but some hosts came near to a role, and without it nothing is judged of them."),
];

/// The kinds that words ask for: those of other caveats are for scripts alone.
pub(crate) const ASKED_FOR: [&str; 7] = [CONTRADICTS, UNMATCHED, NOT_JUDGED, ONE_WAY, HEADERS_CUT, LEFT_OUT, UNCLEAR];

/// What is to be read behind the findings' numbers: whom of the inventory nothing was seen of.
pub(crate) fn unmatched(survey: &Survey) -> Option<&str> {
    of_kind(survey, UNMATCHED).next()
}

fn of_kind<'a>(survey: &'a Survey, kind: &'static str) -> impl Iterator<Item = &'a str> {
    survey.caveats.iter().filter(move |caveat| caveat.kind == kind).map(|caveat| caveat.text.as_str())
}

/// The caveats that tell how good the capture is; that nothing was judged is no matter of quality.
pub(crate) fn of_quality(survey: &Survey) -> impl Iterator<Item = &Caveat> {
    survey.caveats.iter().filter(|caveat| caveat.kind != NOT_JUDGED)
}

/// That nothing was judged and why, and what to do next; `None` if something was.
pub(crate) fn unjudged(survey: &Survey) -> Option<[String; 2]> {
    let Judged { value, reason, next } = &survey.judged;
    (!value).then(|| [format!("NOT JUDGED: {reason}"), format!("Next: {next}")])
}
