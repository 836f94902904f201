//! Captures to a state: what was observed of each input, one section each, before anything is judged.
//!
//! Inputs are kept apart, so that a state adds to other states and captures as its captures do, whatever lies between
//! them.

use std::io::{self, Write};

use rayon::prelude::*;

use super::read::{Progress, ReadOptions, Reader, Reading, SPAN_WORTHY, Source};
use super::run::on_threads;
use super::state::{self, Head};
use crate::capture::{CaptureError, CaptureSummary};
use crate::flow::{Observation, Seed};
use crate::state::{Packer, Writer};

/// So many small inputs are observed before they are written, for each thread.
const AHEAD: usize = 4;

/// How an input went.
pub type Observing = Result<Head, CaptureError>;

/// Writes a state of some sources, in their order; what is in states already is taken over as it is. `digest` gives the
/// SHA-256 of each source in turn, if it has one.
///
/// # Errors
/// Those of the output. How each source went is in the list: if none could be used, what was written is no use.
pub fn observe(
    sources: &[Source],
    options: &ReadOptions,
    progress: &Progress,
    digest: impl FnMut() -> Option<String> + Send,
    out: impl Write + Send,
) -> io::Result<Vec<Observing>> {
    on_threads(options.threads, || Observer { sources, options, progress, digest, heads: Vec::new() }.run(out))
}

struct Observer<'a, D> {
    sources: &'a [Source],
    options: &'a ReadOptions,
    progress: &'a Progress,
    digest: D,
    heads: Vec<Observing>,
}

type Read = (Observation, Result<CaptureSummary, CaptureError>);

impl<D: FnMut() -> Option<String>> Observer<'_, D> {
    fn run(mut self, out: impl Write) -> io::Result<Vec<Observing>> {
        let Self { sources, options, progress, .. } = self;
        let reader = Reader { sources, options, seed: Seed::random(), progress };
        let mut writer = Writer::begin(out)?;
        // A count is a count of the first frames: in their order.
        let threads = if options.count.is_some() { 1 } else { options.threads.get() };
        let mut left = options.count;
        let mut at = 0;
        while at < sources.len() {
            if let Source::Observed(_) = &sources[at] {
                self.take_over(at, &mut writer)?;
                at += 1;
                continue;
            }
            let is_small =
                |source: &&Source| !matches!(source, Source::Observed(_)) && source.size() < SPAN_WORTHY && threads > 1;
            let small = sources[at..].iter().take(threads * AHEAD).take_while(is_small).count();
            if small == 0 {
                let read = read_one(&reader, at, threads, &mut left);
                let head = self.head(at, read.1, &read.0);
                if let Ok(head) = &head {
                    let mut packer = writer.section(&head.bytes())?;
                    read.0.store(&mut packer)?;
                    packer.finish()?;
                }
                self.heads.push(head);
                at += 1;
                continue;
            }
            let batch: Vec<Read> =
                (at..at + small).into_par_iter().map(|at| read_one(&reader, at, 1, &mut None)).collect();
            let heads: Vec<(Observing, Observation)> = batch
                .into_iter()
                .zip(at..)
                .map(|((observation, summary), at)| (self.head(at, summary, &observation), observation))
                .collect();
            let pack = |(head, observation): &(Observing, Observation)| match head {
                Ok(head) => {
                    let mut packer = Packer::begin(Vec::new(), &head.bytes())?;
                    observation.store(&mut packer)?;
                    packer.finish().map(Some)
                }
                Err(_) => Ok(None),
            };
            let packed: Vec<_> = heads.par_iter().map(pack).collect::<io::Result<_>>()?;
            packed.iter().flatten().try_for_each(|section| writer.packed(section))?;
            self.heads.extend(heads.into_iter().map(|(head, _)| head));
            at += small;
        }
        writer.finish()?;
        Ok(self.heads)
    }

    /// What is told of an input that was read.
    fn head(
        &mut self,
        at: usize,
        summary: Result<CaptureSummary, CaptureError>,
        observation: &Observation,
    ) -> Observing {
        let (source, digest) = (&self.sources[at], (self.digest)());
        let summary = summary?;
        let size = match source {
            Source::StandardInput => summary.bytes_read,
            _ => source.size(),
        };
        let ReadOptions { limits, count, filter, .. } = self.options;
        let reading = state::Reading {
            count: *count,
            filter: filter.as_ref().map(ToString::to_string),
            limits: [limits.flows as u64, limits.fragments as u64],
        };
        Ok(Head::new((source, source.name(), size), (observation, summary), reading, digest))
    }

    /// Takes over a section of another state.
    fn take_over(&mut self, at: usize, writer: &mut Writer<impl Write>) -> io::Result<()> {
        let Source::Observed(observed) = &self.sources[at] else { return Ok(()) };
        (self.digest)();
        let mut section = Vec::new();
        let begun = Packer::begin(&mut section, &observed.head.bytes());
        begun?.finish()?;
        let copied = observed.blocks().and_then(|blocks| blocks.copy(&mut section));
        self.heads.push(match copied {
            Ok(copied) => {
                copied?;
                writer.packed(&section)?;
                Ok(Head::clone(&observed.head))
            }
            Err(source) => Err(CaptureError::State(observed.state.clone(), source)),
        });
        Ok(())
    }
}

fn read_one(reader: &Reader<'_>, at: usize, threads: usize, left: &mut Option<u64>) -> Read {
    let count = *left;
    let mut reading = Reading { observation: reader.begin(at), inputs: Vec::new() };
    if threads > 1 && reader.sources[at].size() >= SPAN_WORTHY {
        reader.read_in_spans(at, threads, &mut reading);
    } else {
        reader.read_range(at..at + 1, left, &mut reading);
    }
    let mut reading = reader.in_order_of_time(reading, at..at + 1, count);
    let summary = reading.inputs.pop().unwrap_or_else(|| Ok(CaptureSummary::default()));
    (reading.observation, summary)
}
