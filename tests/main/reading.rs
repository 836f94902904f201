//! Findings as people read them.

use std::ops::Deref;

use igorscope::finding::{Finding, Words};
use igorscope::survey::Survey;

/// A finding with its words.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    finding: &'a Finding,
    pub(crate) words: Words,
}

impl Deref for Read<'_> {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        self.finding
    }
}

/// All findings of a survey.
pub(crate) fn all(survey: &Survey) -> Vec<Read<'_>> {
    let context = survey.context();
    survey.findings.iter().map(|finding| Read { finding, words: finding.words(&context) }).collect()
}

/// Those of one kind.
pub(crate) fn of_kind<'a>(survey: &'a Survey, kind: &str) -> Vec<Read<'a>> {
    all(survey).into_iter().filter(|finding| finding.kind.name() == kind).collect()
}
