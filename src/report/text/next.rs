//! What to do next: two or three things, the gravest first.

use super::findings::{Cause, by_cause};
use super::page::{Page, Tone};
use crate::policy::Severity;
use crate::report::result::too_short;
use crate::survey::Survey;
use crate::text::visible;
use crate::verdict::CellState;

/// Things that are told.
const MOST: usize = 3;

pub(super) fn write(page: &mut Page<'_>, survey: &Survey) {
    let steps = steps(survey);
    if steps.is_empty() {
        return;
    }
    page.heading("Next", []);
    for (number, text) in (1..).zip(&steps) {
        page.paragraph(vec![(Tone::Strong, format!("  {number}. "))], 5, Tone::Plain, &visible(text));
    }
}

/// In words; the report says the same.
pub(crate) fn steps(survey: &Survey) -> Vec<String> {
    if !survey.judged.value {
        return vec![survey.judged.next.clone()];
    }
    let context = survey.context();
    let causes = by_cause(survey, &context);
    let grave = |cause: &&Cause<'_>| cause.findings[0].severity > Severity::Notice && !cause.next.is_empty();
    let mut steps: Vec<String> = causes
        .iter()
        .filter(grave)
        .take(MOST)
        .map(|cause| format!("{}: {}.", cause.next, cause.about(&context)))
        .collect();
    let unseen = || survey.coverage.iter().filter(|cell| cell.state == CellState::NotSeen);
    let demands = unseen().filter_map(|seen| survey.policy.cells()[usize::from(seen.cell)].on_demand.as_deref());
    let mut demands: Vec<&str> = demands.collect();
    demands.sort_unstable();
    demands.dedup();
    if !demands.is_empty() && steps.len() < MOST {
        steps.push(format!("Provoke what a site uses on demand only, and capture again: {}.", demands.join(", ")));
    }
    let has_routine = unseen().any(|seen| survey.policy.cells()[usize::from(seen.cell)].on_demand.is_none());
    if let Some(short) = too_short(survey).filter(|_| has_routine && steps.len() < MOST) {
        steps.push(format!("Capture for longer: {short}."));
    }
    steps
}
