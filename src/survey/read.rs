//! Inputs to one observation: which part of which file is read by which thread, and added up in order.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::merged;
use super::state::Observed;
use crate::capture::{Capture, CaptureError, CaptureSummary, Filter, Frames, Shift, plan_spans, read_spans};
use crate::flow::{Limits, Observation, Seed};
use crate::state::Broken;

/// Where frames come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A file, plain or compressed.
    File(PathBuf),
    /// Standard input, as a stream.
    StandardInput,
    /// Standard input that was written to this file, because it is to be read twice.
    Spooled(PathBuf),
    /// An input that was observed before.
    Observed(Observed),
    /// A state that cannot be used: reading it says why.
    State(PathBuf),
}

impl Source {
    /// As it is named in reports: `-` for standard input.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) | Self::State(path) => path.to_string_lossy().into_owned(),
            Self::Observed(observed) => observed.head.name.clone(),
            Self::StandardInput | Self::Spooled(_) => "-".into(),
        }
    }

    /// The file, where there is one: what can be read a second time.
    pub fn file(&self) -> Option<&std::path::Path> {
        match self {
            Self::File(path) | Self::Spooled(path) => Some(path),
            Self::StandardInput | Self::Observed(_) | Self::State(_) => None,
        }
    }

    /// The input of a state, where it is one.
    pub fn observed(&self) -> Option<&Observed> {
        if let Self::Observed(observed) = self { Some(observed) } else { None }
    }

    /// The inputs that a state holds; a state that cannot be used stays one.
    pub fn of_state(path: PathBuf) -> Vec<Self> {
        match Observed::open(&path) {
            Ok(inputs) if !inputs.is_empty() => inputs.into_iter().map(Self::Observed).collect(),
            _ => vec![Self::State(path)],
        }
    }

    fn open(&self, input: u32) -> Result<Capture, CaptureError> {
        match self {
            Self::File(path) | Self::Spooled(path) => Capture::open(path, input),
            Self::StandardInput => Capture::from_reader(Box::new(standard_input()), "-", input),
            Self::Observed(Observed { state: path, .. }) | Self::State(path) => {
                let source = Observed::open(path).err().unwrap_or(Broken::Empty);
                Err(CaptureError::State(path.clone(), source))
            }
        }
    }

    /// Bytes of it as it is, or was, stored, as far as they are known beforehand.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(path) | Self::Spooled(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Self::Observed(observed) => observed.head.size,
            Self::StandardInput | Self::State(_) => 0,
        }
    }

    /// About how many bytes of a capture take as long to read.
    fn weight(&self) -> u64 {
        if let Self::Observed(observed) = self { observed.weight() } else { self.size() }
    }
}

/// Standard input; a pipe is asked to hold more than its usual 64 KiB, so that its two ends wait for each other less
/// often. Measured: a capture of 1 GB by a pipe takes 0.75 s instead of 1.3, and 0.55 s as a file.
fn standard_input() -> std::io::Stdin {
    let input = std::io::stdin();
    // What an unprivileged user may ask for (pipe(7)). Whatever is no pipe, or may hold no more, stays as it is.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(&input, 1 << 20);
    input
}

/// How far reading has come; other threads may look at it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of captures read (after decompression).
    pub bytes: AtomicU64,
    /// Frames read.
    pub frames: AtomicU64,
}

/// How inputs are read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Threads that read and judge.
    pub threads: NonZeroUsize,
    /// How much the tables may hold.
    pub limits: Limits,
    /// Stop after this many frames.
    pub count: Option<u64>,
    /// Take only the frames that it keeps.
    pub filter: Option<Filter>,
}

impl Default for ReadOptions {
    /// All frames, on one thread, with the usual limits.
    fn default() -> Self {
        Self { threads: NonZeroUsize::MIN, limits: Limits::default(), count: None, filter: None }
    }
}

pub(super) struct Reading {
    pub(super) observation: Observation,
    /// For each input, in their order.
    pub(super) inputs: Vec<Result<CaptureSummary, CaptureError>>,
}

/// Bytes from which a file is worth cutting into spans.
pub(super) const SPAN_WORTHY: u64 = 16 << 20;

/// Reads all sources. A large file is cut into spans, one a thread; of smaller ones, threads take neighbours of
/// about the same size together. Each thread has one table, and the tables are added up in the order of the inputs.
pub(super) fn read(sources: &[Source], options: &ReadOptions, progress: &Progress) -> Reading {
    let reader = Reader { sources, options, seed: Seed::random(), progress };
    // A count is a count of the first frames: in their order. What TCP's numbers tell hangs on all that came before.
    let threads = if options.count.is_some() || options.limits.health { 1 } else { options.threads.get() };
    let mut whole = Reading { observation: reader.begin(0), inputs: Vec::new() };
    if threads == 1 {
        reader.read_range(0..sources.len(), &mut options.count.clone(), &mut whole);
        return reader.in_order_of_time(whole, 0..sources.len(), options.count);
    }
    let mut begin = 0;
    for (at, source) in sources.iter().enumerate() {
        if source.size() >= SPAN_WORTHY && source.file().is_some() {
            reader.read_side_by_side(begin..at, threads, &mut whole);
            reader.read_in_spans(at, threads, &mut whole);
            begin = at + 1;
        }
    }
    reader.read_side_by_side(begin..sources.len(), threads, &mut whole);
    reader.in_order_of_time(whole, 0..sources.len(), options.count)
}

/// Ranges of neighbouring inputs, one a thread, of about the same number of bytes.
fn divide(sources: &[Source], threads: usize) -> Vec<Range<usize>> {
    if sources.is_empty() {
        return Vec::new();
    }
    let sizes: Vec<u64> = sources.iter().map(Source::weight).collect();
    let total: u64 = sizes.iter().sum::<u64>().max(1);
    let mut ranges = Vec::new();
    let (mut begin, mut so_far) = (0, 0_u64);
    for (at, size) in sizes.iter().enumerate() {
        so_far += size;
        let due = u128::from(total) * (ranges.len() as u128 + 1) / threads as u128;
        if u128::from(so_far) >= due && ranges.len() + 1 < threads {
            ranges.push(begin..at + 1);
            begin = at + 1;
        }
    }
    if begin < sources.len() {
        ranges.push(begin..sources.len());
    }
    ranges
}

/// What all threads share.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) sources: &'a [Source],
    pub(super) options: &'a ReadOptions,
    pub(super) seed: Seed,
    pub(super) progress: &'a Progress,
}

impl Reader<'_> {
    pub(super) fn begin(&self, input: usize) -> Observation {
        Observation::new(input as u32, self.seed, self.options.limits)
    }

    /// What hangs on the order of messages, once more where some inputs overlap in time, one of them began anew, or its frames
    /// are out of order.
    pub(super) fn in_order_of_time(&self, mut whole: Reading, sources: Range<usize>, count: Option<u64>) -> Reading {
        let observation = &mut whole.observation;
        let begins_anew = self.options.limits.health && sources.clone().any(|at| observation.beginnings(at as u32) > 0);
        let is_disordered =
            self.options.limits.health && sources.clone().any(|at| observation.is_disordered(at as u32));
        if begins_anew || is_disordered || observation.has_mixed_questions() {
            let beginnings = |at: usize| observation.beginnings(at as u32);
            let merged = count.is_none().then(|| merged::questions(self, sources, beginnings)).flatten();
            match merged {
                Some(mut questions) => observation.swap_questions(&mut questions),
                None if begins_anew => observation.leave_out_questions(),
                None => {}
            }
        }
        whole
    }

    /// Reads neighbouring inputs on this thread, onto what was read before.
    pub(super) fn read_range(&self, inputs: Range<usize>, left: &mut Option<u64>, onto: &mut Reading) {
        for at in inputs {
            if let Source::Observed(observed) = &self.sources[at] {
                let summary = self.load(observed, at as u32, onto);
                onto.inputs.push(summary);
                continue;
            }
            let summary = self.sources[at].open(at as u32).map(|mut capture| {
                if onto.observation.is_fresh(at as u32) {
                    onto.observation.expect(self.sources[at].size());
                    self.observe(&mut capture, &mut onto.observation, left);
                } else {
                    let mut observation = self.begin(at);
                    self.observe(&mut capture, &mut observation, left);
                    onto.observation.absorb(observation, Shift::NONE);
                }
                capture.summary()
            });
            onto.inputs.push(summary);
        }
    }

    /// Adds what a state holds of an input.
    fn load(&self, observed: &Observed, input: u32, onto: &mut Reading) -> Result<CaptureSummary, CaptureError> {
        let (observation, summary) = observed.read(input, self.seed, self.options.limits)?;
        self.progress.bytes.fetch_add(observed.head.size, Ordering::Relaxed);
        self.progress.frames.fetch_add(observation.tally().frames, Ordering::Relaxed);
        if onto.observation.is_fresh(input) {
            onto.observation = observation;
        } else {
            onto.observation.absorb(observation, Shift::NONE);
        }
        Ok(summary)
    }

    /// Reads neighbouring inputs on several threads.
    fn read_side_by_side(&self, inputs: Range<usize>, threads: usize, onto: &mut Reading) {
        let mut shares = divide(&self.sources[inputs.clone()], threads)
            .into_iter()
            .map(|share| inputs.start + share.start..inputs.start + share.end);
        let Some(first) = shares.next() else { return };
        let others: Vec<Range<usize>> = shares.collect();
        let read = |share: &Range<usize>| {
            let mut reading = Reading { observation: self.begin(share.start), inputs: Vec::new() };
            self.read_range(share.clone(), &mut None, &mut reading);
            reading
        };
        thread::scope(|scope| {
            let begin = |share| thread::Builder::new().spawn_scoped(scope, move || read(share)).map_err(|_| share);
            let others: Vec<_> = others.iter().map(begin).collect();
            self.read_range(first, &mut None, onto);
            for other in others {
                let other = match other {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    // No thread could be had.
                    Err(share) => read(share),
                };
                onto.observation.absorb(other.observation, Shift::NONE);
                onto.inputs.extend(other.inputs);
            }
        });
    }

    /// Reads one file on all threads.
    pub(super) fn read_in_spans(&self, at: usize, threads: usize, onto: &mut Reading) {
        let (Source::File(path), input) = (&self.sources[at], at as u32) else {
            return self.read_range(at..at + 1, &mut None, onto);
        };
        let read = |observation: &mut Observation, capture: &mut Capture| self.observe(capture, observation, &mut None);
        let begin = || {
            let mut observation = self.begin(at);
            observation.expect(self.sources[at].size());
            observation
        };
        let progress = [&self.progress.bytes, &self.progress.frames];
        let before = progress.map(|counter| counter.load(Ordering::Relaxed));
        let summary = match read_spans(path, input, &plan_spans(path, threads), begin, read) {
            Ok((parts, summary)) => {
                // First with one another, on all threads, as long as they know of this input only.
                let mut parts = parts.into_iter();
                let whole = parts.next().and_then(|first| {
                    parts.try_fold(first, |mut whole, part| {
                        if !whole.value.is_followed_by(&part.value) {
                            return None;
                        }
                        whole.value.absorb(part.value, Shift { input, frames: whole.frames });
                        whole.frames += part.frames;
                        Some(whole)
                    })
                });
                let Some(whole) = whole else {
                    drop(parts);
                    // What the times of a part are hangs on the parts before it: by one thread, from the beginning.
                    progress.iter().zip(before).for_each(|(counter, before)| counter.store(before, Ordering::Relaxed));
                    return self.read_range(at..at + 1, &mut None, onto);
                };
                if onto.observation.is_fresh(input) {
                    onto.observation = whole.value;
                } else {
                    onto.observation.absorb(whole.value, Shift::NONE);
                }
                Ok(summary)
            }
            Err(error) => Err(error),
        };
        onto.inputs.push(summary);
    }

    /// Takes all frames of a capture, or as many as are left.
    fn observe(&self, capture: &mut Capture, observation: &mut Observation, left: &mut Option<u64>) {
        let (mut bytes, mut counted) = (capture.position(), observation.tally().frames);
        let mut matcher = self.options.filter.as_ref().map(Filter::matcher);
        while *left != Some(0) {
            let Some(block) = capture.next_block() else { break };
            let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
            match (&mut matcher, block) {
                (None, Frames::Pcap(frames)) if left.is_none() => observation.observe(frames),
                (None, Frames::Pcapng(frames)) if left.is_none() => observation.observe(frames),
                (None, frames) => observation.observe(frames.take(most)),
                (Some(matcher), frames) => observation.observe(frames.filter(|frame| matcher.keeps(frame)).take(most)),
            }
            let (position, frames) = (capture.position(), observation.tally().frames);
            self.progress.bytes.fetch_add(position.saturating_sub(bytes), Ordering::Relaxed);
            self.progress.frames.fetch_add(frames - counted, Ordering::Relaxed);
            *left = left.map(|left| left.saturating_sub(frames - counted));
            (bytes, counted) = (position, frames);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_neighbouring_inputs() {
        let missing = vec![Source::StandardInput; 5];
        for threads in 1..8 {
            let ranges = divide(&missing, threads);
            assert!(ranges.len() <= threads);
            let all: Vec<usize> = ranges.into_iter().flatten().collect();
            assert_eq!(all, [0, 1, 2, 3, 4]);
        }
        assert!(divide(&[], 4).is_empty());
    }
}
