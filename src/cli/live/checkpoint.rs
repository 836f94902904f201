//! The results so far, written now and then: what a kill or a power failure leaves.

use std::time::{Duration, Instant};

use super::super::results::{self, WriteOptions};
use super::options::LiveOptions;
use crate::survey::Survey;

/// Writing takes at most one part in so many of the judge's time.
const SHARE: u32 = 10;

pub(super) struct Checkpoint {
    every: Duration,
    next: Instant,
}

impl Checkpoint {
    pub(super) fn new(options: &LiveOptions) -> Self {
        Self { every: options.checkpoint, next: Instant::now() + options.checkpoint }
    }

    /// Writes the files if it is time, each aside and then renamed.
    pub(super) fn tick(&mut self, survey: &mut Survey, options: &LiveOptions) {
        let begin = Instant::now();
        if begin < self.next {
            return;
        }
        let writing = WriteOptions { threads: 1, command: Vec::new(), rendered: String::new(), is_durable: true };
        // Whatever keeps it from being written keeps the results from it at the end too, which tells.
        let _ = results::checkpoint(survey, &writing, &options.output);
        self.next = Instant::now() + self.every.max(begin.elapsed() * SHARE);
    }
}
