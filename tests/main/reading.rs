//! Surveys of captures, and findings as people read them.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use igorscope::finding::{Finding, Words};
use igorscope::inventory::{Inventory, InventoryFlags};
use igorscope::policy::Policy;
use igorscope::survey::{Options, Progress, Source, Survey, run};

use crate::command::sample;
use crate::traffic::wire::Wire;

/// The inventory of the sample site.
pub(crate) fn site() -> Inventory {
    let file = sample("site-survey.toml");
    Inventory::load(Some(&file), &InventoryFlags::default()).expect("the sample inventory is sound")
}

/// Captures held against the vendor's document; with `health`, how well it works is measured.
pub(crate) fn survey(captures: &[PathBuf], inventory: Inventory, health: bool) -> Survey {
    let sources: Vec<Source> = captures.iter().cloned().map(Source::File).collect();
    let mut options = Options::new(Policy::embedded(), Arc::new(inventory));
    options.reading.limits.health = health;
    run(&sources, &options, &Progress::default()).expect("captures that can be read")
}

/// The survey of a sample capture, with the sample site's inventory.
pub(crate) fn of_sample(name: &str) -> Survey {
    survey(&[sample(name)], site(), false)
}

/// The survey of the bytes of a capture.
pub(crate) fn survey_of(capture: &[u8], inventory: Inventory, health: bool) -> Survey {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("site.pcap");
    std::fs::write(&path, capture).expect("a file");
    survey(&[path], inventory, health)
}

/// The same of what is on a wire, with the inventory of the sample site.
pub(crate) fn survey_of_wire(mut wire: Wire) -> Survey {
    wire.tape.sort();
    survey_of(&wire.tape.pcap(), site(), false)
}

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

impl Read<'_> {
    /// Asserts that what it tells in detail has these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        assert_says(&self.words.detail, words);
    }
}

#[track_caller]
pub(crate) fn assert_says(text: &str, words: &[&str]) {
    words.iter().for_each(|words| assert!(text.contains(words), "{words:?} is not in: {text}"));
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
