//! A finding whose words are known already: read from a survey.json, or made by hand.

use std::sync::Arc;

use crate::capture::Timestamp;
use crate::finding::{Context, Facts, Finding, Replace, SilentTime, SilentTimes};

/// The words of a finding as they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct FindingText {
    pub(crate) service: String,
    pub(crate) detail: String,
    pub(crate) advice: String,
    pub(crate) rule: String,
    pub(crate) display_filter: String,
    /// What decides, in a few words.
    pub(crate) gist: String,
    /// What to do first.
    pub(crate) next: String,
    /// Whether the clients went silent, or else the servers, and since when.
    pub(crate) silence: Option<(bool, Timestamp)>,
    /// When devices were silent for long.
    pub(crate) silent_times: SilentTimes,
}

impl Facts for FindingText {
    fn service(&self, _: &Finding, _: &Context<'_>) -> String {
        self.service.clone()
    }

    fn gist(&self, _: &Finding, _: &Context<'_>) -> String {
        self.gist.clone()
    }

    fn next(&self, _: &Finding) -> &str {
        &self.next
    }

    fn silence(&self) -> Option<(bool, Timestamp)> {
        self.silence
    }

    fn silent_times(&self) -> SilentTimes {
        self.silent_times.clone()
    }

    fn detail(&self, _: &Finding, _: &Context<'_>) -> String {
        self.detail.clone()
    }

    fn advice(&self, _: &Finding, _: &Context<'_>) -> String {
        self.advice.clone()
    }

    fn rule(&self, _: &Finding, _: &Context<'_>) -> String {
        self.rule.clone()
    }

    fn display_filter(&self, _: &Finding) -> String {
        self.display_filter.clone()
    }

    /// Which of the words name somebody is not known: none is kept.
    fn replaced(&self, with: &dyn Replace) -> Arc<dyn Facts> {
        let out = || with.left_out();
        let SilentTimes { list, more } = &self.silent_times;
        let list = list.iter().map(|time| SilentTime { who: time.who.replaced(with), ..*time }).collect();
        Arc::new(Self {
            service: out(),
            detail: out(),
            advice: out(),
            rule: out(),
            display_filter: String::new(),
            gist: out(),
            next: String::new(),
            silence: self.silence,
            silent_times: SilentTimes { more: *more, ..SilentTimes::of(list) },
        })
    }
}
