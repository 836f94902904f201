//! Takes frames while they are lent: writes them down and observes them.

use std::io;
use std::path::PathBuf;

use super::{LiveEvidence, LiveOptions, is_early};
use crate::capture::{CaptureCounts, Frame, FrameId, Recorder, Timestamp};
use crate::flow::{Observation, Seed};
use crate::survey::Survey;

/// A file that is or was written.
pub(super) struct Recorded {
    pub(super) path: PathBuf,
    /// What each interface received and dropped meanwhile; `None` while it is being written.
    pub(super) counts: Option<Vec<CaptureCounts>>,
}

/// Everything of a live survey but the interfaces, which lend the frames.
pub(super) struct FrameSink<'a> {
    options: &'a LiveOptions,
    seed: Seed,
    recorder: Option<Recorder>,
    /// Why nothing is written any more.
    pub(super) recording: io::Result<()>,
    evidence: Option<io::Result<LiveEvidence>>,
    pub(super) files: Vec<Recorded>,
    /// What each interface received and dropped since the beginning, at the last look.
    pub(super) counts: Vec<CaptureCounts>,
    /// The same when the current file was begun.
    pub(super) base: Vec<CaptureCounts>,
    /// Observed since the last tick, of inputs before the current one.
    parts: Vec<Observation>,
    observation: Observation,
    input: u32,
    /// Frames of the current input.
    number: u64,
    pub(super) frames: u64,
    pub(super) wire_bytes: u64,
    /// Frames of a later time do not belong to the survey.
    pub(super) until: Option<Timestamp>,
}

impl<'a> FrameSink<'a> {
    pub(super) fn new(
        recorder: Option<Recorder>,
        evidence: Option<LiveEvidence>,
        options: &'a LiveOptions,
        seed: Seed,
    ) -> Self {
        let files = recorder.iter().flat_map(Recorder::files);
        Self {
            options,
            seed,
            recording: Ok(()),
            evidence: evidence.map(Ok),
            files: files.map(|path| Recorded { path: path.clone(), counts: None }).collect(),
            recorder,
            counts: Vec::new(),
            base: Vec::new(),
            parts: Vec::new(),
            observation: Observation::new(0, seed, options.survey.reading.limits),
            input: 0,
            number: 0,
            frames: 0,
            wire_bytes: 0,
            until: None,
        }
    }

    /// Whether as many frames were taken as are wanted.
    pub(super) fn has_enough(&self) -> bool {
        self.options.survey.reading.count.is_some_and(|count| self.frames >= count)
    }

    /// Takes a frame; whether more are wanted.
    pub(super) fn take(&mut self, frame: Frame<'_>) -> bool {
        if self.until.is_some_and(|until| frame.time > until) {
            return true;
        }
        self.record(&frame);
        self.with_evidence(|evidence| evidence.take(&frame));
        self.number += 1;
        self.frames += 1;
        self.wire_bytes += u64::from(frame.original_len);
        let frame = Frame { id: FrameId::new(self.input, self.number), ..frame };
        self.observation.observe_lent(&frame);
        !self.has_enough()
    }

    /// Writes a frame down, in a new file if one is due. If that fails, the survey goes on without.
    fn record(&mut self, frame: &Frame<'_>) {
        let Some(recorder) = &mut self.recorder else { return };
        let is_full = recorder.is_full(frame);
        let written = if is_full { recorder.rotate(&self.counts) } else { Ok(()) };
        match written.and_then(|()| recorder.write(frame)) {
            Ok(()) if is_full => {
                let path = recorder.files().last().cloned().unwrap_or_default();
                self.begin_input(path);
            }
            Ok(()) => {}
            Err(error) => self.give_up(error),
        }
    }

    fn begin_input(&mut self, path: PathBuf) {
        let counts = self.since(&self.base);
        if let Some(last) = self.files.last_mut() {
            last.counts = Some(counts);
        }
        self.base = self.counts.clone();
        self.files.push(Recorded { path, counts: None });
        self.input += 1;
        self.number = 0;
        let next = Observation::new(self.input, self.seed, self.options.survey.reading.limits);
        self.parts.push(std::mem::replace(&mut self.observation, next));
    }

    fn give_up(&mut self, error: io::Error) {
        self.recording = Err(error);
        self.recorder = None;
    }

    /// What each interface received and dropped since an earlier look.
    pub(super) fn since(&self, base: &[CaptureCounts]) -> Vec<CaptureCounts> {
        let nothing = CaptureCounts::default();
        let base = base.iter().chain(std::iter::repeat(&nothing));
        self.counts.iter().zip(base).map(|(now, base)| now.since(base)).collect()
    }

    /// If writing evidence fails, the survey goes on without.
    fn with_evidence(&mut self, act: impl FnOnce(&mut LiveEvidence) -> io::Result<()>) {
        if let Some(Ok(evidence)) = &mut self.evidence
            && let Err(error) = act(evidence)
        {
            self.evidence = Some(Err(error));
        }
    }

    /// Writes what the last judgement wants of what was kept, and ends the file.
    pub(super) fn finish_evidence(&mut self, survey: &Survey) -> Option<io::Result<u64>> {
        let finish = |evidence: LiveEvidence| {
            evidence.selection().say(survey, |finding| !is_early(survey, finding, None));
            evidence.finish()
        };
        Some(self.evidence.take()?.and_then(finish))
    }

    /// Brings what was recorded to its file.
    pub(super) fn flush(&mut self) {
        self.with_evidence(LiveEvidence::renew);
        if let Some(Err(error)) = self.recorder.as_mut().map(Recorder::flush) {
            self.give_up(error);
        }
    }

    /// Everything observed since it was asked for last.
    pub(super) fn hand_over(&mut self) -> Vec<Observation> {
        let next =
            Observation::new(self.input, self.seed, self.options.survey.reading.limits).continuing(&self.observation);
        self.parts.push(std::mem::replace(&mut self.observation, next));
        std::mem::take(&mut self.parts)
    }

    /// Ends the last file.
    pub(super) fn finish(&mut self) {
        if let Some(Err(error)) = self.recorder.take().map(|recorder| recorder.finish(&self.counts)) {
            self.recording = Err(error);
        }
    }
}
