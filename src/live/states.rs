//! What a live survey keeps as states: each flow as it is, nothing folded, in files of so many hours.
//!
//! Beside the whole that is judged, what came in the current period is kept apart, by input, and written now and then; when
//! the period is over, its state is written once more and let go.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::capture::{Filter, InterfaceSummary, Shift};
use crate::flow::Observation;
use crate::state::Writer;
use crate::survey::Options;
use crate::survey::run::Input;
use crate::survey::state::{Head, Reading};

/// Writes the state of a period, by its number from 1: first aside, then under its name.
pub type Save = Box<dyn FnMut(usize, &WriteState<'_>) -> io::Result<()> + Send>;
/// Writes a state to an output.
pub type WriteState<'a> = dyn Fn(&mut (dyn Write + Send)) -> io::Result<()> + 'a;

/// How states are kept.
pub struct StateOptions {
    /// From one writing to the next.
    pub every: Duration,
    /// Begin a new state after this time.
    pub rotate: Option<Duration>,
    /// What the interfaces kept.
    pub filter: Option<Filter>,
    /// Writes them.
    pub save: Save,
}

/// Writing takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// The state of the current period.
pub(super) struct States {
    options: StateOptions,
    reading: Reading,
    /// In the order of the inputs.
    inputs: Vec<Observation>,
    /// What the interfaces had counted of an input when the current period began.
    before: Option<(u32, Vec<InterfaceSummary>)>,
    period: usize,
    begun: Instant,
    next: Instant,
    /// What went wrong first: from then on nothing is written.
    result: io::Result<()>,
}

impl States {
    pub(super) fn new(options: StateOptions, survey: &Options) -> Self {
        let begun = Instant::now();
        let next = begun + options.every;
        let reading = Reading {
            count: survey.reading.count,
            filter: options.filter.as_ref().map(ToString::to_string),
            limits: [survey.reading.limits.flows as u64, survey.reading.limits.fragments as u64],
        };
        Self { options, reading, inputs: Vec::new(), before: None, period: 1, begun, next, result: Ok(()) }
    }

    /// Takes what came since the last tick.
    pub(super) fn take(&mut self, parts: &[Observation]) {
        for part in parts {
            match self.inputs.last_mut().filter(|last| last.input() == part.input()) {
                Some(last) => {
                    last.absorb(part.clone(), Shift::NONE);
                    last.limit_questions();
                }
                None => {
                    let mut first = part.clone();
                    first.forget_what_came_before();
                    self.inputs.push(first);
                }
            }
        }
    }

    /// Writes the state if it is time, and begins the next if that is.
    pub(super) fn tick(&mut self, inputs: &[Input]) {
        let begin = Instant::now();
        let is_over = self.options.rotate.is_some_and(|period| begin.duration_since(self.begun) >= period);
        if !is_over && begin < self.next {
            return;
        }
        self.write(inputs);
        if is_over {
            let last = self.inputs.last().map(Observation::input);
            let counted = |input: u32| Some((input, inputs.get(input as usize)?.summary.interfaces.clone()));
            self.before = last.and_then(counted);
            self.inputs.clear();
            (self.period, self.begun) = (self.period + 1, begin);
        }
        self.next = Instant::now() + self.options.every.max(begin.elapsed() * SHARE);
    }

    /// Writes the last one, and says how it went.
    pub(super) fn finish(mut self, inputs: &[Input]) -> io::Result<()> {
        self.write(inputs);
        self.result
    }

    fn write(&mut self, inputs: &[Input]) {
        let Self { inputs: observations, reading, before, options, period, result, .. } = self;
        let write = |out: &mut (dyn Write + Send)| {
            let mut writer = Writer::begin(out)?;
            for observation in observations.iter() {
                let Some(input) = inputs.get(observation.input() as usize) else { continue };
                let mut summary = input.summary.clone();
                if let Some((_, before)) = before.as_ref().filter(|(input, _)| *input == observation.input()) {
                    summary.interfaces.iter_mut().zip(before).for_each(|(now, before)| *now = now.since(before));
                }
                let head = Head::of_live((input.name.clone(), input.size), (observation, summary), reading.clone());
                let mut packer = writer.section(&head.bytes())?;
                observation.store(&mut packer)?;
                packer.finish()?;
            }
            writer.finish().map(|_| ())
        };
        if result.is_ok() && !observations.is_empty() {
            *result = (options.save)(*period, &write);
        }
    }
}
